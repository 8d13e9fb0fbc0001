import { useEffect } from "react";

import { useAsked } from "../base/asked";
import { time } from "../base/dates";
import { hrefOf } from "../base/route";
import { type Account } from "../client/account";
import { cancelJob, isOver, type Job, listJobs, retryJob } from "../client/jobs";
import { search } from "../client/portal";
import { Button } from "../widgets/controls";
import { DatasetCards } from "./dataset_cards";
import { Badge, Empty, Shown } from "./states";

/** What I own, and what is being worked on for me. */
export function MinePage({ account }: { account: Account }) {
  const mine = useAsked((signal) =>
    search(new URLSearchParams({ mine: "true", limit: "1000" }), signal), []);
  const jobs = useAsked(() => listJobs(false), []);
  if (!account.signed_in) return <Empty title="Sign in to see what is yours">
    <a className="button main" href={hrefOf(["sign-in"], { to: "#/mine" })}>Sign in</a></Empty>;
  return <div className="page">
    <header className="page-head"><h1>My datasets</h1>
      <a className="button main" href={hrefOf(["upload"])}>Upload</a></header>
    <Shown asked={mine}>{(found) => found.datasets.length === 0
      ? <Empty title="You own no dataset yet"><p>What you upload is private until you publish it.</p>
        <a className="button main" href={hrefOf(["upload"])}>Upload a dataset</a></Empty>
      : <DatasetCards datasets={found.datasets} />}</Shown>
    <h2>My jobs</h2>
    <Shown asked={jobs}>{(list) => <JobTable jobs={list} onChange={jobs.again} />}</Shown>
  </div>;
}

const kinds: Record<Job["state"], string> = { queued: "private", running: "warning", succeeded: "good",
  failed: "error", cancelled: "private" };

/** Jobs with what can be done to them; looked at again while one of them runs. */
export function JobTable({ jobs, onChange, owners }: {
  jobs: Job[]; onChange: () => void; owners?: boolean;
}) {
  useEffect(() => {
    if (jobs.every(isOver)) return;
    const timer = setTimeout(onChange, 2000);
    return () => clearTimeout(timer);
  }, [jobs, onChange]);
  if (jobs.length === 0) return <p className="empty">There was none yet.</p>;
  return <div className="table-box" tabIndex={0} role="region" aria-label="Jobs"><table aria-label="Jobs"><thead><tr><th scope="col">Job</th>
    <th scope="col">State</th><th scope="col">Step</th>{owners && <th scope="col">Owner</th>}
    <th scope="col">Created</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
    <tbody>{jobs.map((job) => <tr key={job.id}><td>{job.title}</td>
      <td><Badge kind={kinds[job.state]}>{job.state}</Badge></td>
      <td className="wrap">{job.error ? job.error.message : isOver(job) ? "" : job.progress.step}</td>
      {owners && <td><code>{job.owner.slice(0, 8)}</code></td>}
      <td>{time(job.created)}</td>
      <td>{!isOver(job) && <Button kind="quiet" disabled={job.cancel_asked}
        aria-label={`Cancel ${job.title}`} onClick={() => void cancelJob(job.id).then(onChange)}>Cancel</Button>}
        {(job.state === "failed" || job.state === "cancelled") && <Button kind="quiet"
          aria-label={`Try again: ${job.title}`} onClick={() => void retryJob(job.id).then(onChange, onChange)}>
          Try again</Button>}</td></tr>)}</tbody></table></div>;
}
