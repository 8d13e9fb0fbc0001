import { useEffect, useId, useState } from "react";

import { choicesOf, type Parameter, type Values } from "../client/dashboards";

/** What viewers may set. A field takes effect when it is left, or at Enter. */
export function ParameterBar({ dashboard, parameters, values, onChange }: {
  dashboard: string; parameters: Parameter[]; values: Values; onChange: (values: Values) => void;
}) {
  if (parameters.length === 0) return null;
  return <div className="parameters" role="group" aria-label="Parameters">{parameters.map((parameter) =>
    <ParameterField key={parameter.name} dashboard={dashboard} parameter={parameter} values={values}
      onChange={(value) => onChange({ ...values, [parameter.name]: value })} />)}</div>;
}

function ParameterField({ dashboard, parameter, values, onChange }: {
  dashboard: string; parameter: Parameter; values: Values; onChange: (value: string) => void;
}) {
  const { name, kind, label } = parameter;
  const value = values[name] ?? String(parameter.default ?? "");
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const id = useId();
  const leave = () => { if (draft !== value) onChange(draft); };
  return <div className="field"><label htmlFor={id}>{label || name}</label>
    {kind === "choice"
      ? <ChoiceOf id={id} dashboard={dashboard} parameter={parameter} values={values} value={value} onChange={onChange} />
      : <input id={id} type={kind === "date" ? "date" : kind === "number" ? "number" : "text"} step="any"
        value={kind === "date" ? draft.slice(0, 10) : draft} onBlur={leave}
        onChange={(event) => kind === "date" ? onChange(event.target.value) : setDraft(event.target.value)}
        onKeyDown={(event) => { if (event.key === "Enter") leave(); }} />}</div>;
}

function ChoiceOf({ id, dashboard, parameter, values, value, onChange }: {
  id: string; dashboard: string; parameter: Parameter; values: Values; value: string;
  onChange: (value: string) => void;
}) {
  const [choices, setChoices] = useState<string[]>(parameter.choices ?? []);
  const [problem, setProblem] = useState("");
  const { name, statement } = parameter;
  useEffect(() => {
    if (!statement) {
      setChoices(parameter.choices ?? []);
      return;
    }
    const leave = new AbortController();
    choicesOf(dashboard, name, values, leave.signal).then(setChoices, (failure: Error) => {
      if (!leave.signal.aborted) setProblem(failure.message);
    });
    return () => leave.abort();
  }, [dashboard, name, statement]);
  const all = choices.includes(value) || value === "" ? choices : [value, ...choices];
  return <><select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
    {!parameter.default && <option value="">–</option>}
    {all.map((one) => <option key={one}>{one}</option>)}</select>
    {problem && <small className="panel-problem" role="alert">{problem}</small>}</>;
}
