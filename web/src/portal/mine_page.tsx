import { useState } from "react";

import { useAsked } from "../base/asked";
import { time } from "../base/dates";
import { hrefOf } from "../base/route";
import { useWatched } from "../base/watched";
import { type Account } from "../client/account";
import { cancelJob, isOver, type Job, retryJob, watchJobs } from "../client/jobs";
import { search } from "../client/portal";
import { Button, Notice } from "../widgets/controls";
import { DatasetCards } from "./dataset_cards";
import { JoinDatasets } from "./join_datasets";
import { Badge, Empty, Shown, Waiting } from "./states";

/** What I own, and what is being worked on for me. */
export function MinePage({ account }: { account: Account }) {
  const mine = useAsked((signal) =>
    search(new URLSearchParams({ mine: "true", limit: "1000" }), signal), []);
  if (!account.signed_in) return <Empty title="Sign in to see what is yours">
    <a className="button main" href={hrefOf(["sign-in"], { to: "#/mine" })}>Sign in</a></Empty>;
  return <div className="page">
    <header className="page-head"><h1>My datasets</h1>
      <a className="button main" href={hrefOf(["upload"])}>Upload</a></header>
    <Shown asked={mine}>{(found) => found.datasets.length === 0
      ? <Empty title="You own no dataset yet"><p>What you upload is private until you publish it.</p>
        <a className="button main" href={hrefOf(["upload"])}>Upload a dataset</a></Empty>
      : <DatasetCards datasets={found.datasets} />}</Shown>
    <details className="join"><summary>Several datasets in one view</summary><JoinDatasets /></details>
    <h2>My jobs</h2>
    <JobTable />
  </div>;
}

const kinds: Record<Job["state"], string> = { queued: "private", running: "warning", succeeded: "good",
  failed: "error", cancelled: "private" };

/** Jobs as they go on, with what can be done to them. */
export function JobTable({ everyones = false }: { everyones?: boolean }) {
  const asked = useWatched<Job[]>((signal, tell) => watchJobs(everyones, signal, tell), [everyones]);
  const [problem, setProblem] = useState("");
  const run = (work: Promise<unknown>) => {
    setProblem("");
    work.catch((failure: Error) => setProblem(failure.message));
  };
  if (asked.state === "waiting") return <Waiting />;
  if (asked.state === "refused") return <Notice kind="error">{asked.problem.message}</Notice>;
  const jobs = asked.value;
  if (jobs.length === 0) return <p className="empty">There was none yet.</p>;
  return <div className="table-box" tabIndex={0} role="region" aria-label="Jobs">
    {problem && <Notice kind="error">{problem}</Notice>}
    <table aria-label="Jobs"><thead><tr><th scope="col">Job</th>
      <th scope="col">State</th><th scope="col">Step</th>{everyones && <th scope="col">Owner</th>}
      <th scope="col">Created</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
      <tbody>{jobs.map((job) => <tr key={job.id}><td>{job.title}</td>
        <td><Badge kind={kinds[job.state]}>{job.state}</Badge></td>
        <td className="wrap">{job.error ? job.error.message : isOver(job) ? "" : job.progress.step}</td>
        {everyones && <td><code>{job.owner.slice(0, 8)}</code></td>}
        <td>{time(job.created)}</td>
        <td>{!isOver(job) && <Button kind="quiet" disabled={job.cancel_asked}
          aria-label={`Cancel ${job.title}`} onClick={() => run(cancelJob(job.id))}>Cancel</Button>}
          {(job.state === "failed" || job.state === "cancelled") && <Button kind="quiet"
            aria-label={`Try again: ${job.title}`} onClick={() => run(retryJob(job.id))}>
            Try again</Button>}</td></tr>)}</tbody></table></div>;
}
