import { type KeyboardEvent, useRef, useState } from "react";

import { save as saveFile } from "../base/files";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { type Account } from "../client/account";
import { createDashboard, type DashboardHead, listDashboards, type Panel, readDashboard, saveDashboard }
  from "../client/dashboards";
import { type ChartChoice } from "../client/portal";
import { ask, askForFile, columnsOf, relations, type SqlAnswer, type SqlColumn } from "../client/sql";
import { below, freshId } from "../dashboards/grid";
import { Button, Choice, Dialog, Field, Notice } from "../widgets/controls";
import { ChartView, usualColumns } from "./chart_view";
import { Waiting } from "./states";

const rowsMax = 10_000;
const examples = [
  ["Cells of each dataset", "SELECT dataset, cells, genes FROM dataset ORDER BY cells DESC"],
  ["Cell types", "SELECT cell_type, count(*) AS cells\nFROM obs\nGROUP BY cell_type\nORDER BY cells DESC"],
  ["A gene in each cell type", "SELECT o.cell_type, avg(e.exprvalue) AS mean, count(*) AS cells\nFROM expression e " +
    "JOIN obs o USING (cellkey)\nJOIN feature f USING (featurekey)\nWHERE f.featurename = 'CD79A'\nGROUP BY 1 ORDER BY 2 DESC"],
] as const;

type Run = { at: "idle" } | { at: "asking" } | { at: "refused"; problem: string }
  | { at: "here"; answer: SqlAnswer; seconds: number };

/** Questions in SQL over everything that the reader may see. */
export function SqlPage({ account }: { account: Account }) {
  const [statement, setStatement] = useState(() => sessionStorage.getItem("sql") ?? examples[0][1]);
  const [run, setRun] = useState<Run>({ at: "idle" });
  const [chart, setChart] = useState<ChartChoice>({ kind: "table" });
  const editor = useRef<HTMLTextAreaElement>(null);
  const stop = useRef<AbortController | null>(null);
  const change = (text: string) => {
    setStatement(text);
    sessionStorage.setItem("sql", text);
  };
  const start = async () => {
    stop.current?.abort();
    const mine = new AbortController();
    stop.current = mine;
    setRun({ at: "asking" });
    const began = performance.now();
    try {
      const answer = await ask(statement, rowsMax, mine.signal);
      setRun({ at: "here", answer, seconds: (performance.now() - began) / 1000 });
    } catch (failure) {
      setRun(mine.signal.aborted ? { at: "idle" } : { at: "refused", problem: (failure as Error).message });
    }
  };
  const put = (words: string) => {
    const field = editor.current;
    if (!field) return;
    const [from, to] = [field.selectionStart, field.selectionEnd];
    change(statement.slice(0, from) + words + statement.slice(to));
    field.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void start();
    }
  };
  return <div className="sql-page">
    <aside aria-label="Relations"><h2>Relations</h2><SchemaList onPut={put} /></aside>
    <section><h1>SQL</h1>
      <div className="examples">{examples.map(([title, text]) =>
        <Button key={title} kind="quiet" onClick={() => change(text)}>{title}</Button>)}</div>
      <textarea ref={editor} className="sql-editor" aria-label="Statement" spellCheck={false} rows={8}
        value={statement} onChange={(event) => change(event.target.value)} onKeyDown={onKey} />
      <div className="buttons">
        {run.at === "asking" ? <Button onClick={() => stop.current?.abort()}>Stop</Button>
          : <Button kind="main" onClick={() => void start()}>Run <kbd>Ctrl Enter</kbd></Button>}
        <Files statement={statement} onProblem={(problem) => setRun({ at: "refused", problem })} />
        {run.at === "here" && account.signed_in && <SavePanel statement={statement} chart={chart} />}</div>
      {run.at === "asking" && <Waiting what="Asking" />}
      {run.at === "refused" && <Notice kind="error">{run.problem}</Notice>}
      {run.at === "here" && <Result answer={run.answer} seconds={run.seconds} chart={chart} onChart={setChart} />}
      {run.at === "idle" && <p className="empty">One SELECT at a time, in DuckDB's dialect. Click a relation to
        see its columns.</p>}
    </section></div>;
}

function Result({ answer, seconds, chart, onChart }: {
  answer: SqlAnswer; seconds: number; chart: ChartChoice; onChart: (chart: ChartChoice) => void;
}) {
  const usual = usualColumns(answer);
  const names = answer.columns.map(({ name }) => name);
  const drawn = chart.kind !== "table" && chart.kind !== "number";
  const valid = (name: string | undefined, other: string) => name && names.includes(name) ? name : other;
  return <><div className="list-head"><p role="status"><strong>{count(answer.row_count)}</strong> {
    answer.row_count === 1 ? "row" : "rows"} in {seconds.toFixed(2)} s</p>
    <Choice label="Shown as" value={chart.kind} options={["table", "bars", "line", "points", "number"] as const}
      onChange={(kind) => onChart({ ...chart, kind })} />
    {drawn && <><Choice label="x" value={valid(chart.x, usual.x)} options={names}
      onChange={(x) => onChart({ ...chart, x })} />
      <Choice label="y" value={valid(chart.y, usual.y)} options={names}
        onChange={(y) => onChart({ ...chart, y })} /></>}</div>
    <ChartView answer={answer} chart={chart} /></>;
}

function SchemaList({ onPut }: { onPut: (words: string) => void }) {
  const [open, setOpen] = useState<Record<string, SqlColumn[] | string>>({});
  const toggle = (relation: string) => {
    if (open[relation]) {
      const { [relation]: _, ...rest } = open;
      setOpen(rest);
      return;
    }
    setOpen({ ...open, [relation]: "…" });
    columnsOf(relation).then((columns) => setOpen((now) => ({ ...now, [relation]: columns })),
      (failure: Error) => setOpen((now) => ({ ...now, [relation]: failure.message })));
  };
  return <ul className="schema">{relations.map((relation) => {
    const columns = open[relation];
    return <li key={relation}><button type="button" className="disclosure" aria-expanded={!!columns}
      onClick={() => toggle(relation)}>{relation}</button>
      {typeof columns === "string" && <p className="note">{columns}</p>}
      {Array.isArray(columns) && <ul>{columns.map(({ name, type }) => <li key={name}>
        <button type="button" title={`Put ${name} into the statement`}
          onClick={() => onPut(/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name}"`)}>{name}</button>
        <small>{type.toLowerCase()}</small></li>)}</ul>}</li>;
  })}</ul>;
}

function Files({ statement, onProblem }: { statement: string; onProblem: (problem: string) => void }) {
  const save = async (format: "csv" | "parquet" | "arrow") => {
    try {
      saveFile(`result.${format}`, await askForFile(statement, format));
    } catch (failure) {
      onProblem((failure as Error).message);
    }
  };
  return <>{(["csv", "parquet", "arrow"] as const).map((format) =>
    <Button key={format} onClick={() => void save(format)} aria-label={`Download as ${format}`}>
      {format === "csv" ? "CSV" : format === "parquet" ? "Parquet" : "Arrow"}</Button>)}</>;
}

const drawnAs = { table: "table", bars: "bar", line: "line", points: "scatter", number: "number" } as const;

/** Puts the question into a dashboard of one's own, or a new one. */
function SavePanel({ statement, chart }: { statement: string; chart: ChartChoice }) {
  const [own, setOwn] = useState<DashboardHead[] | null>(null);
  const [title, setTitle] = useState("");
  const [into, setInto] = useState("");
  const [fresh, setFresh] = useState("Overview");
  const [problem, setProblem] = useState("");
  const begin = () => listDashboards().then((all) => setOwn(all.filter(({ may }) => may.change)),
    (failure: Error) => setProblem(failure.message));
  const save = async () => {
    try {
      const panel: Panel = { id: "panel-1", title, kind: drawnAs[chart.kind], statement,
        x: chart.x, y: chart.y ? [chart.y] : undefined };
      let id = into;
      if (into === "") {
        id = (await createDashboard({ title: fresh, refresh_seconds: 60, panels: [{ ...panel, place: below([]) }] })).id;
      } else {
        const { definition, version } = await readDashboard(into);
        const panels = definition.panels ?? [];
        await saveDashboard(into, version, { ...definition,
          panels: [...panels, { ...panel, id: freshId(panels), place: below(panels) }] });
      }
      location.hash = hrefOf(["dashboards", id]);
    } catch (failure) {
      setProblem((failure as Error).message);
    }
  };
  return <><Button onClick={() => void begin()}>Save as panel</Button>
    {problem && !own && <Notice kind="error">{problem}</Notice>}
    {own && <Dialog title="Save as a panel of a dashboard" onClose={() => setOwn(null)}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <Field label="Title">{(id) => <input id={id} required value={title}
          onChange={(event) => setTitle(event.target.value)} />}</Field>
        <Choice label="Dashboard" value={into} onChange={setInto}
          options={[{ value: "", text: "a new one" }, ...own.map((one) => ({ value: one.id, text: one.title }))]} />
        {into === "" && <Field label="Its title">{(id) => <input id={id} required value={fresh}
          onChange={(event) => setFresh(event.target.value)} />}</Field>}
        {problem && <Notice kind="error">{problem}</Notice>}
        <Button kind="main" type="submit">Save</Button></form></Dialog>}</>;
}
