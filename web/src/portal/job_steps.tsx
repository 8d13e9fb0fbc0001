import { useEffect, useState } from "react";

import { bytes, count } from "../base/numbers";
import { type Job, watchJob } from "../client/jobs";
import { Notice, Progress } from "../widgets/controls";

const steps = [["read", "Read and convert", ["looking", "reading", "fetching"]],
  ["validate", "Validate", ["validating"]], ["load", "Load", ["loading"]],
  ["ready", "Ready", []]] as const;

/** Which step a running job is at: its words begin with what it does. */
function placeOf(job: Job): number {
  if (job.state === "succeeded") return steps.length;
  const at = steps.findIndex(([, , words]) => words.some((word) => job.progress.step.startsWith(word)));
  return Math.max(0, at);
}

/** The steps of an import, as they happen. */
export function JobSteps({ job, validates }: { job: Job; validates: boolean }) {
  const at = placeOf(job);
  const { step, done, total, unit } = job.progress;
  const shown = steps.map((one, place) => ({ one, place }))
    .filter(({ one }) => validates || one[0] !== "validate");
  const running = job.state === "running" || job.state === "queued";
  const amount = unit === "bytes" ? bytes : count;
  return <div className="job">
    <ol className="steps" aria-label="Steps of the import">{shown.map(({ one, place }) => {
      const state = place < at ? "done" : place > at ? "waiting"
        : job.state === "failed" ? "failed" : job.state === "cancelled" ? "waiting" : "running";
      return <li key={one[0]} className={state} aria-current={state === "running" ? "step" : undefined}>
        <span className="step-mark" aria-hidden="true">{state === "done" ? "✓" : state === "failed" ? "!" : place + 1}
        </span>{one[1]}<span className="visually-hidden"> ({state})</span></li>;
    })}</ol>
    {running && <Progress label={job.state === "queued" ? "Waiting for a worker"
      : `${step}${total > 0 ? `: ${amount(done)} of ${amount(total)} ${unit === "bytes" ? "" : unit}` : ""}`}
      done={total > 0 ? done : undefined} total={total > 0 ? total : undefined} />}
    {job.state === "failed" && <Notice kind="error">{job.error?.message}</Notice>}
    {job.state === "cancelled" && <Notice kind="warning">This was cancelled.</Notice>}
  </div>;
}

/** A job as it goes on; the last state is kept when it is over. */
export function useJob(id: string | null): { job: Job | null; problem: string } {
  const [job, setJob] = useState<Job | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!id) return;
    const leave = new AbortController();
    watchJob(id, leave.signal, setJob).catch((failure: Error) => {
      if (!leave.signal.aborted) setProblem(failure.message);
    });
    return () => leave.abort();
  }, [id]);
  return { job, problem };
}
