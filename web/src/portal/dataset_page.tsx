import { useState } from "react";

import { useAsked } from "../base/asked";
import { date, time } from "../base/dates";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { changeDataset, type DatasetRecord, readDataset, readReport, type Revision } from "../client/portal";
import { Comments } from "../sharing/comments";
import { GuestLinks } from "../sharing/guest_links";
import { Button, Choice, Notice } from "../widgets/controls";
import { Burial } from "./burial";
import { CardEditor } from "./card_editor";
import { Downloads } from "./downloads";
import { ReportView } from "./report_view";
import { Badge, Shown, Waiting } from "./states";

/** One dataset: what it is, where it comes from, its files, whether it is valid, its history. */
export function DatasetPage({ name }: { name: string }) {
  const asked = useAsked(() => readDataset(name), [name]);
  return <div className="page"><Shown asked={asked}>{(record) =>
    <Dataset record={record} onChange={asked.again} />}</Shown></div>;
}

function Dataset({ record, onChange }: { record: DatasetRecord; onChange: () => void }) {
  const revision = record.revisions.find(({ current }) => current);
  const title = record.title || record.name;
  return <article className="dataset">
    <nav aria-label="Where this is" className="crumbs"><a href={hrefOf([])}>Datasets</a>
      {record.collection && <a href={hrefOf(["collections", record.collection.id])}>
        {record.collection.title || record.collection.name}</a>}</nav>
    <header className="page-head"><div><h1>{title}</h1><p className="sub">
      <Badge kind={record.visibility}>{record.visibility === "public" ? "published" : "private"}</Badge>
      <code>{record.name}</code>{revision && <span>revision {revision.number}</span>}
      <span>changed {date(record.changed)}</span></p></div>
      {revision && <a className="button main big" href={hrefOf(["explore", record.name])}>
        Open in the Explorer</a>}</header>
    <OwnerActions record={record} title={title} onChange={onChange} />
    {revision && <Numbers revision={revision} record={record} />}
    {record.card.description && <p className="prose">{record.card.description}</p>}
    <div className="columns"><div>
      <Section title="What is in it"><Facets record={record} /></Section>
      <Section title="Is it valid?">{revision && <Validation record={record} revision={revision} />}</Section>
      <Section title="Revisions"><Revisions record={record} /></Section>
      <Section title="Comments"><Comments on={{ dataset: record.id }} /></Section>
    </div><div>
      <Section title="Download"><Downloads record={record} /></Section>
      <Section title="Publication and contact"><Publication record={record} /></Section>
      <Section title="Where it comes from"><Provenance record={record} revision={revision} /></Section>
    </div></div>
  </article>;
}

export function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return <section className="section"><h2>{title}</h2>{children}</section>;
}

function OwnerActions({ record, title, onChange }: {
  record: DatasetRecord; title: string; onChange: () => void;
}) {
  const [open, setOpen] = useState<"nothing" | "card" | "links" | "burial">("nothing");
  const [problem, setProblem] = useState("");
  const { may } = record;
  if (!may.change && !may.share && !may.remove) return null;
  const setVisibility = (visibility: string) => {
    setProblem("");
    changeDataset(record.id, { visibility }).then(onChange, (failure: Error) =>
      setProblem(failure.message));
  };
  const close = () => setOpen("nothing");
  return <div className="owner-actions" role="group" aria-label="For owners">
    {may.share && (record.visibility === "private"
      ? <Button kind="main" onClick={() => setVisibility("public")}>Publish</Button>
      : <Button onClick={() => setVisibility("private")}>Unpublish</Button>)}
    {may.change && <Button onClick={() => setOpen("card")}>Edit metadata</Button>}
    {may.change && <a className="button" href={hrefOf(["upload", record.name])}>New revision</a>}
    {may.share && <Button onClick={() => setOpen("links")}>Links for guests</Button>}
    {may.remove && <Button kind="danger" onClick={() => setOpen("burial")}>Take away …</Button>}
    {problem && <Notice kind="error">{problem}</Notice>}
    {open === "card" && <CardEditor kind="datasets" id={record.id} title={record.title}
      card={record.card} onClose={close} onSaved={() => { close(); onChange(); }} />}
    {open === "links" && <GuestLinks kind="dataset" thing={record.id} title={title} onClose={close} />}
    {open === "burial" && <Burial kind="datasets" id={record.id} title={title} onClose={close}
      onDone={() => { location.hash = hrefOf(["datasets", record.id]); }} />}
  </div>;
}

function Numbers({ revision, record }: { revision: Revision; record: DatasetRecord }) {
  const cellTypes = record.facets?.find(({ name }) => name === "cell_type")?.values.length;
  const numbers: [string, string][] = [["cells", count(revision.cells)], ["genes", count(revision.genes)],
    ["values", count(revision.nonzeros)]];
  if (cellTypes) numbers.push(["cell types", count(cellTypes)]);
  return <dl className="numbers">{numbers.map(([name, value]) =>
    <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

const shownFirst = 8;

function Facets({ record }: { record: DatasetRecord }) {
  if (!record.facets?.length)
    return <p className="empty">No column of obs says tissue, disease, cell type or the like.</p>;
  return <dl className="facet-values">{record.facets.map((facet) => <div key={facet.name}>
    <dt>{facet.title}</dt><dd><FacetValues facet={facet} /></dd></div>)}</dl>;
}

function FacetValues({ facet }: { facet: NonNullable<DatasetRecord["facets"]>[number] }) {
  const [all, setAll] = useState(false);
  const most = Math.max(1, ...facet.values.map(({ cells }) => cells));
  const shown = all ? facet.values : facet.values.slice(0, shownFirst);
  return <><ul className="value-bars">{shown.map(({ value, cells }) => <li key={value}>
    <a href={hrefOf([], { [facet.name]: value })}>{value}</a><span className="counts">{count(cells)}</span>
    <span className="bar" aria-hidden="true"><span style={{ width: `${(100 * cells) / most}%` }} /></span>
  </li>)}</ul>
    {facet.values.length > shownFirst && <Button kind="quiet" onClick={() => setAll(!all)}>
      {all ? "Fewer" : `${facet.values.length - shownFirst} more`}</Button>}</>;
}

const profileNames = [{ value: "cellxgene", text: "CELLxGENE schema" },
  { value: "lab", text: "Laboratory profile" }] as const;

function Validation({ record, revision }: { record: DatasetRecord; revision: Revision }) {
  const [profile, setProfile] = useState<"cellxgene" | "lab">("lab");
  const report = useAsked(() => readReport(record.id, profile, revision.id),
    [profile, revision.id, record.id]);
  return <><Choice label="Checked against" value={profile} options={profileNames} onChange={setProfile} />
    {report.state === "waiting" && <Waiting what="Checking" />}
    {report.state === "refused" && <Notice kind="error">{report.problem.message}</Notice>}
    {report.state === "here" && <ReportView report={report.value} />}</>;
}

function Publication({ record }: { record: DatasetRecord }) {
  const { card } = record;
  if (!card.citation && !card.contact && card.links.length === 0)
    return <p className="empty">Nothing is said yet{record.may.change && "; “Edit metadata” says it"}.</p>;
  return <>{card.citation && <p className="prose">{card.citation.replace(/https:\/\/doi\.org\/\S+$/, "")}
    {card.doi && <a href={`https://doi.org/${card.doi}`} rel="noreferrer">doi:{card.doi}</a>}</p>}
    {card.contact && <p>Contact: {card.contact}</p>}
    {card.links.length > 0 && <ul className="plain-list">{card.links.map((link) =>
      <li key={link.url}><a href={link.url} rel="noreferrer">{link.title || link.url}</a>{" "}
        <small>{link.kind.toLowerCase().replace("_", " ")}</small></li>)}</ul>}</>;
}

function Provenance({ record, revision }: { record: DatasetRecord; revision?: Revision }) {
  const facts: [string, React.ReactNode][] = [["Dataset", <code key="id">{record.id}</code>]];
  if (revision) {
    facts.push(["Revision", <code key="rev">{revision.id}</code>], ["Loaded", time(revision.created)]);
    const { file, format, sha256 } = revision.source;
    if (file) facts.push(["From", <><code>{file}</code>{format && ` (${format})`}</>]);
    if (sha256) facts.push(["SHA-256", <code key="sha" className="hash">{sha256}</code>]);
    facts.push(["Sealed as", <code key="tag" className="hash">{revision.etag}</code>]);
  }
  return <dl className="facts">{facts.map(([name, value]) =>
    <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Revisions({ record }: { record: DatasetRecord }) {
  const newest = [...record.revisions].reverse();
  return <div className="table-box" tabIndex={0} role="region" aria-label="Revisions"><table aria-label="Revisions"><thead><tr>
    {["", "Cells", "Genes", "From", "Loaded", ""].map((name, at) => <th key={at} scope="col">{name}</th>)}
    </tr></thead><tbody>{newest.map((revision) => <tr key={revision.id}>
      <td>{revision.number}{" "}{revision.current && <Badge kind="good">current</Badge>}
        {revision.state !== "ready" && <Badge kind="warning">{revision.state}</Badge>}</td>
      <td className="number">{count(revision.cells)}</td><td className="number">{count(revision.genes)}</td>
      <td>{revision.source.file}</td><td>{time(revision.created)}</td>
      <td>{revision.state === "ready" && <a href={hrefOf(["explore", revision.id])}
        aria-label={`Explore revision ${revision.number}`}>Explore</a>}</td></tr>)}</tbody></table></div>;
}
