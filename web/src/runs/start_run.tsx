import { useEffect, useState } from "react";

import { hrefOf } from "../base/route";
import { checkPipeline, getRun, type PipelineIssue, startRun } from "../client/runs";
import { Button, Field, Notice } from "../widgets/controls";

interface Draft {
  definition: string;
  folder: string;
  input: string;
  name: string;
  parameters: string;
}
const nothing: Draft = { definition: "", folder: "", input: "", name: "", parameters: "" };

const linesOf = (values: Record<string, unknown>): string =>
  Object.entries(values).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join("\n");

/** "name=value" on each line; what isn't JSON is a text. */
function valuesOf(lines: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const line of lines.split("\n").map((one) => one.trim()).filter(Boolean)) {
    const equals = line.indexOf("=");
    if (equals < 1) throw new Error(`“${line}” isn't name=value.`);
    const value = line.slice(equals + 1).trim();
    try {
      values[line.slice(0, equals).trim()] = JSON.parse(value);
    } catch {
      values[line.slice(0, equals).trim()] = value;
    }
  }
  return values;
}

/** Chooses a pipeline, its files and parameters; `like` is a run whose choices are begun with. */
export function StartRun({ like }: { like: string }) {
  const [draft, setDraft] = useState<Draft>(nothing);
  const [issues, setIssues] = useState<PipelineIssue[]>([]);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const set = (change: Partial<Draft>) => setDraft((now) => ({ ...now, ...change }));
  useEffect(() => {
    if (!like) return;
    getRun(like).then((run) => setDraft({ definition: run.definition, folder: run.folder,
      input: run.location, name: "",
      parameters: linesOf({ ...run.pipeline_parameters, ...run.parameters }) }),
    (failure: Error) => setProblem(failure.message));
  }, [like]);
  const start = async () => {
    setBusy(true);
    setProblem("");
    try {
      const checked = await checkPipeline(draft.definition);
      setIssues(checked.issues);
      if (checked.issues.length > 0) return;
      const run = await startRun({ ...draft, parameters: valuesOf(draft.parameters) });
      location.hash = hrefOf(["runs", run.id]);
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  const read = async (file: File | undefined) => {
    if (file) set({ definition: await file.text() });
  };
  return <form className="stack start-run" onSubmit={(event) => {
    event.preventDefault();
    void start();
  }}>
    <Field label="Pipeline file (YAML)">{(id) => <input id={id} type="file" accept=".yaml,.yml"
      onChange={(event) => void read(event.target.files?.[0])} />}</Field>
    <Field label="Pipeline">{(id) => <textarea id={id} rows={14} required spellCheck={false}
      value={draft.definition} onChange={(event) => set({ definition: event.target.value })} />}</Field>
    {issues.length > 0 && <div role="alert"><ul className="plain-list">{issues.map((issue) =>
      <li key={`${issue.line}:${issue.column}:${issue.message}`} className="notice error">
        Line {issue.line}, column {issue.column}: {issue.field && <code>{issue.field}</code>} {issue.message}
        {issue.fix && `; ${issue.fix}`}</li>)}</ul></div>}
    <Field label="Folder (or file) with the input, on the server">{(id) => <input id={id} required
      value={draft.input} placeholder="/srv/slides" onChange={(event) => set({ input: event.target.value })} />}</Field>
    <Field label="Folder of the pipeline's own commands, if it has some">{(id) => <input id={id}
      value={draft.folder} onChange={(event) => set({ folder: event.target.value })} />}</Field>
    <Field label="Parameters, name=value on each line">{(id) => <textarea id={id} rows={4} spellCheck={false}
      value={draft.parameters} onChange={(event) => set({ parameters: event.target.value })} />}</Field>
    <Field label="Name; one is made when it is left out">{(id) => <input id={id} value={draft.name}
      onChange={(event) => set({ name: event.target.value })} />}</Field>
    {problem && <Notice kind="error">{problem}</Notice>}
    <Button kind="main" type="submit" disabled={busy}>Start</Button>
  </form>;
}
