import { useState } from "react";

import { bytes, percent } from "../base/numbers";
import { hrefOf } from "../base/route";
import { type RunDetail, type RunPicture, type Task, taskLog } from "../client/runs";
import { Button, Dialog, Notice } from "../widgets/controls";
import { TaskBadge } from "./run_words";

const page = 50;

/** The tasks of one stage: what became of each, why it ran, what it wrote. */
export function TaskTable({ run, stage, tasks, pictures }: {
  run: RunDetail; stage: string; tasks: Task[]; pictures: RunPicture[];
}) {
  const [open, setOpen] = useState<Task | null>(null);
  const [shown, setShown] = useState(page);
  const own = tasks.filter((task) => task.stage === stage);
  return <section className="section" aria-label={`Tasks of ${stage}`}><h2>Tasks of {stage}</h2>
    <div className="table-box" tabIndex={0} role="region" aria-label={`Table of tasks of ${stage}`}>
      <table aria-label={`Tasks of ${stage}`}><thead><tr>{["Item", "State", "Attempts", "Core s",
        "Memory", "Read", "Why", ""].map((title) => <th key={title} scope="col">{title ||
          <span className="visually-hidden">Actions</span>}</th>)}</tr></thead>
      <tbody>{own.slice(0, shown).map((task) => <tr key={task.id}>
        <td>{task.item || "all"}</td>
        <td><TaskBadge state={task.state} cached={task.cached} />
          {task.state === "running" && task.progress.total > 0 &&
            ` ${percent(task.progress.done / task.progress.total)} ${task.progress.step}`}</td>
        <td className="number">{task.attempts.length}</td>
        <td className="number">{task.core_seconds.toFixed(2)}</td>
        <td className="number">{bytes(task.peak_bytes)}</td>
        <td className="number">{bytes(task.bytes_in)}</td>
        <td className="wrap">{task.error ? <span className="bad">{task.error}</span>
          : task.why.join("; ")}</td>
        <td><Button kind="quiet" aria-label={`Log and attempts of ${stage} ${task.item}`}
          onClick={() => setOpen(task)}>Log and attempts</Button>
          <ViewLink run={run} task={task} picture={pictures.find((one) =>
            one.id.startsWith(`${task.id}-`))} /></td></tr>)}</tbody></table></div>
    {own.length > shown && <Button kind="quiet" onClick={() => setShown(shown + 10 * page)}>
      {own.length - shown} more tasks</Button>}
    {open && <TaskDialog run={run} task={open} onClose={() => setOpen(null)} />}
  </section>;
}

function ViewLink({ run, task, picture }: { run: RunDetail; task: Task; picture?: RunPicture }) {
  if (!picture) return null;
  return <a className="button quiet" aria-label={`View ${task.stage} ${task.item}`}
    href={hrefOf(["runs", run.id, "view"], { item: picture.item, show: picture.id })}>View</a>;
}

function TaskDialog({ run, task, onClose }: { run: RunDetail; task: Task; onClose: () => void }) {
  const [log, setLog] = useState<{ attempt: number; text: string } | null>(null);
  const [problem, setProblem] = useState("");
  const read = (attempt: number) => taskLog(run.id, task.id, attempt).then(
    (text) => setLog({ attempt, text }), (failure: Error) => setProblem(failure.message));
  return <Dialog wide title={`${task.stage} ${task.item}`} onClose={onClose}>
    <p><TaskBadge state={task.state} cached={task.cached} /> {task.error}</p>
    {task.why.length > 0 && <ul className="plain-list" aria-label="Why it ran">{task.why.map((reason) =>
      <li key={reason}>{reason}</li>)}</ul>}
    {task.attempts.length === 0 ? <p className="empty">Nothing was tried: what it would make was
      there, or it hasn&apos;t begun.</p>
      : <div className="table-box"><table aria-label="Attempts"><thead><tr>{["Attempt", "Worker", "Outcome",
        "Then", "Core s", "Peak of given memory", "Log"].map((title) => <th key={title} scope="col">{title}</th>)}
      </tr></thead><tbody>{task.attempts.map((one) => <tr key={one.attempt}>
        <td>{one.attempt}</td><td>{one.worker}</td>
        <td className="wrap">{one.outcome}{one.error && `: ${one.error}`}</td>
        <td>{one.verdict}</td><td className="number">{one.core_seconds.toFixed(2)}</td>
        <td className="number">{bytes(one.peak_bytes)} of {bytes(one.memory_bytes)}</td>
        <td><Button kind="quiet" onClick={() => void read(one.attempt)}>Read</Button></td></tr>)}
      </tbody></table></div>}
    {problem && <Notice kind="error">{problem}</Notice>}
    {log && <><h3>Log of attempt {log.attempt}</h3>
      <pre className="log" tabIndex={0}>{log.text || "It wrote nothing."}</pre></>}
    {task.summary != null && <details><summary>Summary</summary>
      <pre className="log" tabIndex={0}>{JSON.stringify(task.summary, null, 2)}</pre></details>}
  </Dialog>;
}
