import { useState } from "react";

import { time } from "../base/dates";
import { hrefOf } from "../base/route";
import { type Review, reviewRun, type RunDetail, type Task } from "../client/runs";
import { Badge } from "../portal/states";
import { Button, Field, Notice } from "../widgets/controls";

/** Accepts or rejects what waits for review, with a comment. */
export function ReviewBox({ run, task, onDone }: {
  run: RunDetail; task: Pick<Task, "stage" | "item">; onDone: () => void;
}) {
  const [comment, setComment] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const judge = async (accepted: boolean) => {
    setBusy(true);
    setProblem("");
    try {
      await reviewRun(run.id, task.stage, task.item, accepted, comment);
      setComment("");
      onDone();
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  const what = `${task.stage} ${task.item}`.trim();
  return <div className="review-box"><strong>{what}</strong> waits for review.
    <Field label="Comment">{(id) => <input id={id} value={comment}
      onChange={(event) => setComment(event.target.value)} />}</Field>
    <Button kind="main" disabled={busy} aria-label={`Accept ${what}`} onClick={() => void judge(true)}>
      Accept</Button>
    <Button kind="danger" disabled={busy} aria-label={`Reject ${what}`} onClick={() => void judge(false)}>
      Reject</Button>
    {problem && <Notice kind="error">{problem}</Notice>}</div>;
}

/** What waits for review in a run, and what was said before. */
export function Reviews({ run, tasks, onDone }: { run: RunDetail; tasks: Task[]; onDone: () => void }) {
  const waiting = tasks.filter(({ state }) => state === "review");
  if (waiting.length === 0 && run.reviews.length === 0) return null;
  return <section className="section" aria-label="Review"><h2>Review</h2>
    {waiting.map((task) => <div key={task.id} className="review-row">
      <ReviewBox run={run} task={task} onDone={onDone} />
      <a href={hrefOf(["runs", run.id, "view"], { item: task.item })}>Look at it</a></div>)}
    {run.reviews.length > 0 && <ReviewTable reviews={run.reviews} />}
    {run.reviews.some(({ accepted }) => !accepted) && <p>
      <a className="button" href={hrefOf(["runs", "new"], { like: run.id })}>
        Run again with other parameters</a></p>}</section>;
}

function ReviewTable({ reviews }: { reviews: Review[] }) {
  return <div className="table-box" tabIndex={0} role="region" aria-label="Reviews so far">
    <table aria-label="Reviews"><thead><tr>
    {["When", "Who", "Stage", "Item", "Verdict", "Comment"].map((title) =>
      <th key={title} scope="col">{title}</th>)}</tr></thead>
    <tbody>{reviews.map((one) => <tr key={`${one.at} ${one.stage} ${one.item}`}>
      <td>{time(one.at)}</td><td>{one.reviewer}</td><td>{one.stage}</td><td>{one.item}</td>
      <td><Badge kind={one.accepted ? "good" : "error"}>{one.accepted ? "accepted" : "rejected"}</Badge></td>
      <td className="wrap">{one.comment}</td></tr>)}</tbody></table></div>;
}
