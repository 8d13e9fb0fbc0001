import { count } from "../base/numbers";
import { type Finding, type Report } from "../client/portal";
import { Badge } from "./states";

/** What is wrong with a dataset's content, the worst first; each with where, how often and the fix. */
export function ReportView({ report }: { report: Report }) {
  const { errors, warnings, findings } = report;
  const ordered = [...findings].sort((one, other) =>
    Number(one.severity === "warning") - Number(other.severity === "warning"));
  return <div className="report">
    <p className="report-head"><Badge kind={errors > 0 ? "error" : warnings > 0 ? "warning" : "good"}>
      {errors > 0 ? "not valid" : "valid"}</Badge>
      <span>{report.title} {report.version}: {report.rules} rules, <b>{count(errors)}</b> {
        errors === 1 ? "error" : "errors"}, <b>{count(warnings)}</b> {
        warnings === 1 ? "warning" : "warnings"}</span></p>
    {report.terms && <TermsNote terms={report.terms} />}
    {ordered.length === 0 && <p className="empty">Nothing is wrong.</p>}
    {ordered.length > 0 && <div className="table-box" tabIndex={0} role="region" aria-label="Findings"><table className="findings" aria-label="Findings">
      <thead><tr><th scope="col">Where</th><th scope="col">What is wrong</th><th scope="col">Rows</th>
        <th scope="col">How to put it right</th></tr></thead>
      <tbody>{ordered.map((finding, at) => <Row key={at} finding={finding} />)}</tbody></table></div>}
    {errors + warnings > findings.length &&
      <p className="note">{count(errors + warnings - findings.length)} more of the same kinds.</p>}
  </div>;
}

/** Against what terms were held: an ontology that isn't here can't say that a term is unknown. */
function TermsNote({ terms }: { terms: NonNullable<Report["terms"]> }) {
  const checked = terms.checked.map(({ ontology, version }) => `${ontology} ${version}`.trim());
  return <>
    {checked.length > 0 && <p className="note">Terms were looked up in {checked.join(", ")}.</p>}
    {terms.by_form.length > 0 && <p className="note">Of {terms.by_form.join(", ")} only the form was
      checked: the ontology isn't here.</p>}</>;
}

function Row({ finding }: { finding: Finding }) {
  return <tr><td><span className={`dot ${finding.severity}`} aria-hidden="true" />
    <span className="visually-hidden">{finding.severity}</span>
    <code>{finding.where}{finding.column && `.${finding.column}`}</code></td>
    <td>{finding.message}</td>
    <td>{finding.rows === undefined ? "" : <>{count(finding.rows)}<br />
      <small>first {finding.first_row}{finding.first_id && `: ${finding.first_id}`}</small></>}</td>
    <td>{finding.fix}</td></tr>;
}
