import { useState } from "react";

import { type Definition, type Parameter, type ParameterKind } from "../client/dashboards";
import { Button, Choice, Dialog, Field, IconButton } from "../widgets/controls";

const paces = [["0", "never"], ["1", "every second"], ["5", "every 5 s"], ["10", "every 10 s"], ["30", "every 30 s"],
  ["60", "every minute"], ["600", "every 10 min"], ["3600", "every hour"]].map(([value, text]) => ({ value, text }));

/** Title, pace, rights and parameters of a dashboard. */
export function SettingsDialog({ definition, own, onKeep, onClose }: {
  definition: Definition; own: boolean; onKeep: (part: Partial<Definition>) => void; onClose: () => void;
}) {
  const [draft, setDraft] = useState({ title: definition.title, description: definition.description ?? "",
    refresh_seconds: definition.refresh_seconds ?? 0, as_owner: definition.as_owner ?? false,
    parameters: definition.parameters ?? [] });
  const change = (part: Partial<typeof draft>) => setDraft((now) => ({ ...now, ...part }));
  const put = (at: number, part: Partial<Parameter>) => change({ parameters: draft.parameters.map((one, index) =>
    index === at ? { ...one, ...part } : one) });
  const pace = String(draft.refresh_seconds);
  return <Dialog title="Settings of the dashboard" wide onClose={onClose}>
    <form className="stack" onSubmit={(event) => { event.preventDefault(); onKeep(draft); }}>
      <Field label="Title">{(id) => <input id={id} required maxLength={200} value={draft.title}
        onChange={(event) => change({ title: event.target.value })} />}</Field>
      <Field label="Description">{(id) => <textarea id={id} className="prose" rows={2} value={draft.description}
        onChange={(event) => change({ description: event.target.value })} />}</Field>
      <Choice label="Panels are asked again" value={pace} options={paces.some(({ value }) => value === pace) ? paces
        : [...paces, { value: pace, text: `every ${pace} s` }]}
        onChange={(value) => change({ refresh_seconds: Number(value) })} />
      <label className="tick"><input type="checkbox" checked={draft.as_owner} disabled={!own}
        onChange={(event) => change({ as_owner: event.target.checked })} />
        Statements run by my rights, whoever looks: who may see the dashboard sees what they answer</label>
      <fieldset className="stack"><legend>Parameters</legend>
        {draft.parameters.map((parameter, at) => <ParameterEditor key={at} parameter={parameter}
          onChange={(part) => put(at, part)}
          onRemove={() => change({ parameters: draft.parameters.filter((_, index) => index !== at) })} />)}
        <Button onClick={() => change({ parameters: [...draft.parameters, { name: `value_${
          draft.parameters.length + 1}`, kind: "text" }] })}>Add a parameter</Button></fieldset>
      <div className="buttons"><Button kind="main" type="submit">Keep</Button>
        <Button onClick={onClose}>Cancel</Button></div>
    </form></Dialog>;
}

function ParameterEditor({ parameter, onChange, onRemove }: {
  parameter: Parameter; onChange: (part: Partial<Parameter>) => void; onRemove: () => void;
}) {
  const { name, label, kind, choices, statement, source } = parameter;
  const become = (next: ParameterKind) => onChange(next === "choice"
    ? { kind: next, statement: statement ?? "SELECT DISTINCT cell_type FROM obs ORDER BY 1" }
    : { kind: next, choices: undefined, statement: undefined, source: undefined });
  return <div className="parameter-editor" role="group" aria-label={`Parameter ${name}`}>
    <Field label="Name">{(id) => <input id={id} required pattern="[a-z][a-z0-9_]*" value={name}
      title="a to z, 0 to 9 and _, beginning with a letter" onChange={(event) => onChange({ name: event.target.value })} />}</Field>
    <Field label="Label">{(id) => <input id={id} value={label ?? ""}
      onChange={(event) => onChange({ label: event.target.value })} />}</Field>
    <Choice label="Kind" value={kind} options={["text", "number", "date", "choice"] as const} onChange={become} />
    <Field label="Usually">{(id) => <input id={id} type={kind === "date" ? "date" : "text"}
      value={String(parameter.default ?? "")} onChange={(event) => onChange({ default: event.target.value || null })} />}</Field>
    <IconButton icon="close" label={`Remove the parameter ${name}`} onClick={onRemove} />
    {kind === "choice" && <><Choice label="Choices come from" value={choices ? "list" : source ?? "relations"}
      options={[{ value: "relations", text: "a statement on relations" }, { value: "tables", text: "a statement on tables" },
        { value: "list", text: "a list" }]} onChange={(from) => onChange(from === "list"
        ? { choices: choices ?? ["a", "b"], statement: undefined, source: undefined }
        : { choices: undefined, statement: statement ?? "SELECT 'a'", source: from as Parameter["source"] })} />
      <Field label={choices ? "Choices, one a line" : "Statement: its first column"}>{(id) => <textarea id={id} rows={3}
        value={choices ? choices.join("\n") : statement ?? ""} onChange={(event) => onChange(choices
          ? { choices: event.target.value.split("\n") } : { statement: event.target.value })} />}</Field></>}
  </div>;
}
