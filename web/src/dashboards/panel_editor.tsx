import { useCallback, useDeferredValue, useEffect, useState } from "react";

import { type Panel, type PanelAnswer, type PanelKind, panelKinds, type Parameter, previewRows, type Source,
  type Values } from "../client/dashboards";
import { Button, Choice, Dialog, Field } from "../widgets/controls";
import { PanelBox } from "./panel_box";

const kindNames: Record<PanelKind, string> = { line: "line", area: "area", bar: "bars", scatter: "scatter",
  table: "table", number: "big number", text: "words" };
const sources = [{ value: "relations", text: "relations (cells, genes, donors…)" },
  { value: "tables", text: "tables of the PostgreSQL port (dev)" }] as const;
const paces = [{ value: "", text: "as the dashboard" }, { value: "0", text: "never" }, { value: "1", text: "1 s" },
  { value: "5", text: "5 s" }, { value: "30", text: "30 s" }, { value: "60", text: "1 min" },
  { value: "600", text: "10 min" }, { value: "3600", text: "1 h" }];

/** A panel while it is written, drawn as it will be. */
export function PanelEditor({ panel, parameters, values, onKeep, onClose }: {
  panel: Panel; parameters: Parameter[]; values: Values; onKeep: (panel: Panel) => void; onClose: () => void;
}) {
  const [draft, setDraft] = useState(panel);
  const [columns, setColumns] = useState<string[]>([]);
  const [asked, setAsked] = useState(panel.statement ?? "");
  const change = (part: Partial<Panel>) => setDraft((now) => ({ ...now, ...part }));
  // Each key would ask the server: what is written is asked when it rests.
  useEffect(() => {
    const timer = setTimeout(() => setAsked(draft.statement ?? ""), 600);
    return () => clearTimeout(timer);
  }, [draft.statement]);
  const ask = useCallback(async (one: Panel, _fresh: boolean, signal: AbortSignal): Promise<PanelAnswer> => {
    const answer = await previewRows(one.source ?? "relations", one.statement ?? "", parameters, values, signal);
    setColumns(answer.columns.map(({ name }) => name));
    return answer;
  }, [parameters, values]);
  const preview = useDeferredValue({ ...draft, statement: asked });
  const isText = draft.kind === "text";
  const isPlot = !isText && draft.kind !== "table" && draft.kind !== "number";
  return <Dialog title={panel.statement || panel.text ? "Edit the panel" : "New panel"} wide onClose={onClose}>
    <form className="panel-editor" onSubmit={(event) => { event.preventDefault(); onKeep(draft); }}>
      <div className="stack">
        <Field label="Title">{(id) => <input id={id} value={draft.title ?? ""} maxLength={200}
          onChange={(event) => change({ title: event.target.value })} />}</Field>
        <Choice label="Drawn as" value={draft.kind} options={panelKinds.map((value) =>
          ({ value, text: kindNames[value] }))} onChange={(kind) => change({ kind })} />
        {isText ? <Field label="Words">{(id) => <textarea id={id} rows={8} value={draft.text ?? ""}
          onChange={(event) => change({ text: event.target.value })} />}</Field>
          : <><Choice label="Asks" value={draft.source ?? "relations"} options={sources}
            onChange={(source: Source) => change({ source })} />
            <Field label="Statement">{(id) => <textarea id={id} className="sql-editor" rows={8} spellCheck={false}
              required value={draft.statement ?? ""} onChange={(event) => change({ statement: event.target.value })} />}
            </Field>
            {parameters.length > 0 && <p className="note">Parameters: {parameters.map(({ name }) =>
              `:${name}`).join(", ")}</p>}</>}
        {isPlot && <Drawing draft={draft} columns={columns} onChange={change} />}
        {!isText && draft.kind !== "table" && <Field label="Unit">{(id) => <input id={id} maxLength={20}
          value={draft.unit ?? ""} onChange={(event) => change({ unit: event.target.value })} />}</Field>}
        {!isText && <Choice label="Asked again" value={draft.refresh_seconds === null || draft.refresh_seconds === undefined
          ? "" : String(draft.refresh_seconds)} options={withOwn(draft.refresh_seconds)} onChange={(pace) =>
          change({ refresh_seconds: pace === "" ? null : Number(pace) })} />}
      </div>
      <div className="panel-preview">{(isText || preview.statement) && <PanelBox panel={preview} ask={ask} seconds={0} />}</div>
      <div className="buttons"><Button kind="main" type="submit">Keep</Button>
        <Button onClick={onClose}>Cancel</Button></div>
    </form></Dialog>;
}

const withOwn = (seconds: number | null | undefined) => seconds === null || seconds === undefined ||
  paces.some(({ value }) => value === String(seconds)) ? paces
  : [...paces, { value: String(seconds), text: `${seconds} s` }];

function Drawing({ draft, columns, onChange }: {
  draft: Panel; columns: string[]; onChange: (part: Partial<Panel>) => void;
}) {
  const found = [{ value: "", text: "found by itself" }, ...columns.map((name) => ({ value: name, text: name }))];
  const keep = (name: string | undefined) => name && !columns.includes(name) ? [{ value: name, text: name }] : [];
  const chosen = draft.y?.[0] ?? "";
  return <><div className="two-columns">
    <Choice label="x" value={draft.x ?? ""} options={[...found, ...keep(draft.x)]} onChange={(x) => onChange({ x })} />
    <Choice label="y" value={chosen} options={[...found, ...keep(chosen)]}
      onChange={(y) => onChange({ y: y ? [y] : [] })} />
    <Choice label="A series for each" value={draft.series ?? ""} options={[...found, ...keep(draft.series)]}
      onChange={(series) => onChange({ series })} />
    {(draft.kind === "bar" || draft.kind === "area") && <Choice label="Series are" value={draft.layout || "stacked"}
      options={[{ value: "stacked", text: "stacked" }, { value: "grouped", text: draft.kind === "bar"
        ? "side by side" : "one over the other" }]} onChange={(layout) => onChange({ layout: layout as Panel["layout"] })} />}
  </div>
  {(draft.kind === "line" || draft.kind === "scatter") && <label className="tick"><input type="checkbox"
    checked={draft.from_zero ?? false} onChange={(event) => onChange({ from_zero: event.target.checked })} />
    The axis begins at zero</label>}
  {draft.kind === "line" && <label className="tick"><input type="checkbox" checked={draft.points ?? false}
    onChange={(event) => onChange({ points: event.target.checked })} />Points on the line</label>}</>;
}
