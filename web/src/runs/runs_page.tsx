import { useState } from "react";

import { useAsked } from "../base/asked";
import { duration, time } from "../base/dates";
import { percent } from "../base/numbers";
import { hrefOf } from "../base/route";
import { useTicks } from "../base/ticks";
import type { Account } from "../client/account";
import { getRun, type ListedRun, listRuns } from "../client/runs";
import { listUsers } from "../client/admin";
import { Empty, Shown } from "../portal/states";
import { RunBadge, SignOff } from "./run_words";
import { Shares, StageGraph } from "./stage_graph";
import { StartRun } from "./start_run";

const lookMs = 3_000;

/** Runs of pipelines, the newest first; or the pipelines with their latest runs. */
export function RunsPage({ account, part }: { account: Account; part: string }) {
  const isAdmin = account.user?.role === "administrator";
  const [everyones, setEveryones] = useState(isAdmin);
  const asked = useAsked((signal) => listRuns(everyones, signal), [everyones]);
  const users = useAsked(async () => isAdmin ? listUsers() : [], [isAdmin]);
  const going = asked.state === "here" && asked.value.some(({ state }) => state === "running");
  useTicks(going ? lookMs : null, asked.again);
  if (!account.signed_in) return <Empty title="Sign in to see your runs">
    <a className="button main" href={hrefOf(["sign-in"], { to: "#/runs" })}>Sign in</a></Empty>;
  const nameOf = (id: string) => id === account.user?.id ? account.user.name
    : (users.state === "here" && users.value.find((user) => user.id === id)?.name) || id.slice(0, 8);
  return <div className="page wide-page">
    <header className="page-head"><div><h1>Pipelines</h1>
      <p className="sub">Files that are sent through stages, and what became of them.</p></div>
      {isAdmin && <span className="head-actions"><a className="button" href={hrefOf(["watch"])}>
        Queues and workers</a>
        <a className="button main" href={hrefOf(["runs", "new"])}>Start a run</a></span>}</header>
    <nav className="tabs" aria-label="Runs or pipelines"><ul>
      {[["runs", "Runs"], ["pipelines", "Pipelines"]].map(([name, title]) => <li key={name}>
        <a href={hrefOf([name])} aria-current={part === name ? "page" : undefined}>{title}</a></li>)}
    </ul></nav>
    {isAdmin && <label className="tick"><input type="checkbox" checked={everyones}
      onChange={(event) => setEveryones(event.target.checked)} /> Everybody&apos;s</label>}
    <Shown asked={asked}>{(runs) => runs.length === 0
      ? <Empty title="No run yet"><p>Send a folder of slides through a pipeline:{" "}
        <code>stroma pipeline run tissue.yaml --input slides</code></p></Empty>
      : part === "pipelines" ? <Pipelines runs={runs} /> : <RunTable runs={runs} nameOf={nameOf} />}
    </Shown></div>;
}

export function StartRunPage({ account, like }: { account: Account; like: string }) {
  if (account.user?.role !== "administrator") return <Empty title="Only administrators start runs">
    <p>A run names files and commands of the server.</p></Empty>;
  return <div className="page"><nav className="crumbs" aria-label="Where this is">
    <a href={hrefOf(["runs"])}>Runs</a></nav><h1>Start a run</h1><StartRun like={like} /></div>;
}

function RunTable({ runs, nameOf }: { runs: ListedRun[]; nameOf: (id: string) => string }) {
  return <div className="table-box" tabIndex={0} role="region" aria-label="Runs"><table aria-label="Runs">
    <thead><tr>{["Run", "Pipeline", "State", "Progress", "Left", "Who", "Begun", "Took", "Sign-off"]
      .map((title) => <th key={title} scope="col">{title}</th>)}</tr></thead>
    <tbody>{runs.map((run) => <tr key={run.id}>
      <td><a href={hrefOf(["runs", run.id])}><strong>{run.name}</strong></a></td>
      <td>{run.pipeline} {run.version}</td><td><RunBadge run={run} /></td>
      <td className="run-progress">{run.total ? <>
        <Shares states={run.total.states} tasks={run.total.tasks} share={run.total.share_done} />
        {percent(run.total.share_done)}</> : "–"}</td>
      <td>{run.seconds_left != null ? duration(run.seconds_left) : "–"}</td>
      <td>{nameOf(run.owner)}</td><td>{time(run.created)}</td>
      <td>{run.ended ? duration((Date.parse(run.ended) - Date.parse(run.created)) / 1000) : "–"}</td>
      <td><SignOff run={run} /></td></tr>)}</tbody></table></div>;
}

/** Each pipeline once, drawn as its latest run has it. */
function Pipelines({ runs }: { runs: ListedRun[] }) {
  const byName = new Map<string, ListedRun[]>();
  for (const run of runs) byName.set(run.pipeline, [...(byName.get(run.pipeline) ?? []), run]);
  return <>{[...byName].map(([name, list]) =>
    <section key={name} className="section" aria-label={`Pipeline ${name}`}><h2>{name} <small>
      version {list[0].version}</small></h2>
      <Drawn run={list[0]} />
      <ul className="run-links">{list.slice(0, 8).map((run) => <li key={run.id}>
        <a href={hrefOf(["runs", run.id])}>{run.name}</a> <RunBadge run={run} />
        <small> {time(run.created)}</small></li>)}</ul></section>)}</>;
}

function Drawn({ run }: { run: ListedRun }) {
  const asked = useAsked((signal) => getRun(run.id, signal), [run.id]);
  return <Shown asked={asked}>{(detail) => <StageGraph run={detail} />}</Shown>;
}
