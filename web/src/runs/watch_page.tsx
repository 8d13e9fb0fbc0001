import { useEffect, useState } from "react";

import { duration } from "../base/dates";
import { type Histories, useHistories } from "../base/histories";
import { bytes, count, percent, short } from "../base/numbers";
import { hrefOf } from "../base/route";
import { useTicks } from "../base/ticks";
import { useWatched } from "../base/watched";
import type { Account } from "../client/account";
import { type Flow, standing, type StageStanding, type Standing, watchFlows } from "../client/watch";
import { Badge, Empty, Problem, Waiting } from "../portal/states";
import { Notice } from "../widgets/controls";
import { Sparkline } from "./sparkline";

const lookMs = 2_000;

/** Queues, streams, deliveries, stages and workers: how long, how old, how busy, what went wrong. */
export function WatchPage({ account }: { account: Account }) {
  if (!account.signed_in) return <Empty title="Sign in to see what moves">
    <a className="button main" href={hrefOf(["sign-in"], { to: "#/watch" })}>Sign in</a></Empty>;
  const isAdmin = account.user?.role === "administrator";
  return <div className="page wide-page watch-page"><h1>Queues and workers</h1>
    {isAdmin && <Stages />}
    <Flows /></div>;
}

function Stages() {
  const [now, setNow] = useState<Standing | null>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  const { histories, add } = useHistories();
  const look = () => {
    standing().then((told) => {
      add([...told.stages.flatMap((one): [string, number][] => [
        [`${one.pipeline}/${one.stage} queue`, one.ready + one.waiting],
        [`${one.pipeline}/${one.stage} running`, one.running]]),
      ...told.workers.map((one): [string, number] => [one.worker, one.cores / Math.max(1, one.cores_whole)])]);
      setNow(told);
      setProblem(null);
    }, setProblem);
  };
  useEffect(look, []);
  useTicks(lookMs, look);
  if (problem && !now) return <Problem problem={problem} onRetry={look} />;
  if (!now) return <Waiting />;
  return <>{problem && <Notice kind="warning">{problem.message} This is from before.</Notice>}
    <StageTable now={now} histories={histories} /><Archive now={now} /><WorkerTable now={now} histories={histories} />
    <Errors now={now} /></>;
}

function Heads({ titles }: { titles: string[] }) {
  return <thead><tr>{titles.map((title) => <th key={title} scope="col">{title}</th>)}</tr></thead>;
}

/** Stages that only had errors today are told below. */
const hasTasks = (one: StageStanding) => one.waiting + one.ready + one.running + one.review + one.done +
  one.failed > 0;

function StageTable({ now, histories }: { now: Standing; histories: Histories }) {
  const stages = now.stages.filter(hasTasks);
  return <section className="section" aria-label="Stages"><h2>Stages of runs that go on</h2>
    {stages.length === 0 ? <p className="empty">No run goes on.</p>
      : <div className="table-box" tabIndex={0} role="region" aria-label="Table of stages">
        <table aria-label="Stages"><Heads titles={["Pipeline", "Stage", "Waiting", "Ready", "Running", "Review",
          "Done", "Failed", "Oldest", "Core s each", "Read each", "Room", "Queue over time", "Running over time"]} />
        <tbody>{stages.map((one) => <tr key={`${one.pipeline}/${one.stage}`}><td>{one.pipeline}</td>
          <td>{one.stage}</td><td className="number">{count(one.waiting)}</td>
          <td className="number">{count(one.ready)}</td><td className="number">{count(one.running)}</td>
          <td className="number">{count(one.review)}</td><td className="number">{count(one.done)}</td>
          <td className="number">{one.failed > 0 ? <Badge kind="error">{count(one.failed)}</Badge> : 0}</td>
          <td>{duration(one.oldest_seconds)}</td><td className="number">{short(one.core_seconds_each)}</td>
          <td className="number">{bytes(one.bytes_each)}</td><td>{roomOf(one)}</td>
          <td><Sparkline label="queue" values={histories.get(`${one.pipeline}/${one.stage} queue`) ?? []} /></td>
          <td><Sparkline label="running" values={histories.get(`${one.pipeline}/${one.stage} running`) ?? []} /></td>
        </tr>)}</tbody></table></div>}</section>;
}

/** What a stage made and its readers have still to read. */
const roomOf = (one: StageStanding) => one.room_bytes === 0 ? "" : <>
  {bytes(one.unread_bytes)} of {bytes(one.room_bytes)}{one.held > 0 && <> <Badge kind="warning">
    {count(one.held)} wait for room</Badge></>}</>;

function WorkerTable({ now, histories }: { now: Standing; histories: Histories }) {
  return <section className="section" aria-label="Workers"><h2>Workers</h2>
    {now.workers.length === 0 ? <p className="empty">Nobody works; there is nothing to do.</p>
      : <div className="table-box" tabIndex={0} role="region" aria-label="Table of workers">
        <table aria-label="Workers"><Heads titles={["Worker", "Tasks", "Cores", "Memory", "Heard of",
          "Use of cores over time"]} />
        <tbody>{now.workers.map((one) => <tr key={one.worker}><td>{one.worker}</td>
          <td className="number">{one.tasks}</td><td>{one.cores} of {one.cores_whole} ({percent(
            one.cores / Math.max(1, one.cores_whole))})</td>
          <td>{bytes(one.memory_bytes)} of {bytes(one.memory_whole)}</td>
          <td>{duration(one.heard_seconds)} ago</td>
          <td><Sparkline label="share of cores" values={histories.get(one.worker) ?? []} /></td></tr>)}</tbody>
        </table></div>}</section>;
}

function Archive({ now: { archive } }: { now: Standing }) {
  if (archive.here + archive.archived + archive.restored === 0) return null;
  return <p className="note">Outputs: {count(archive.here + archive.restored)} here ({bytes(archive.here_bytes)}),
    {" "}{count(archive.archived)} in the archive only ({bytes(archive.archived_bytes)}), kept there in
    {" "}{bytes(archive.stored_bytes)}{archive.restoring > 0 && `; ${count(archive.restoring)} come back`}.</p>;
}

/** Classes of errors by stage, and the commonest messages of the last day. */
function Errors({ now }: { now: Standing }) {
  const classes = now.stages.flatMap((one) => Object.entries(one.errors)
    .filter(([outcome]) => outcome !== "done" && outcome !== "success")
    .map(([outcome, times]) => ({ where: `${one.pipeline} ${one.stage}`, outcome, times })));
  if (classes.length === 0 && now.errors.length === 0) return null;
  return <section className="section" aria-label="Errors"><h2>Errors of the last day</h2>
    {classes.length > 0 && <ul className="tags">{classes.map(({ where, outcome, times }) =>
      <li key={where + outcome}>{where}: {outcome} × {times}</li>)}</ul>}
    <ul className="plain-list">{now.errors.map(({ error, count: times }) => <li key={error}>
      <strong>{times} ×</strong> {error}</li>)}</ul>
    <p className="note">Logs are with their tasks: <a href={hrefOf(["runs"])}>runs</a>.</p></section>;
}

function Flows() {
  const { histories, add } = useHistories();
  const keyOf = (flow: Flow) => `${flow.kind} ${flow.name}`;
  const asked = useWatched<Flow[]>((signal, tell) => watchFlows(signal, (flows) => {
    add(flows.flatMap((flow): [string, number][] => [[`${keyOf(flow)} waiting`, flow.waiting ?? 0],
      [`${keyOf(flow)} rate`, flow.in_rate]]));
    tell(flows);
  }), []);
  if (asked.state === "waiting") return <Waiting />;
  if (asked.state === "refused") return <Problem problem={asked.problem} />;
  return <section className="section" aria-label="Streams, deliveries, queues and rules">
    <h2>Streams, deliveries, queues and rules</h2>
    {asked.value.length === 0 ? <p className="empty">There is none.</p>
      : <div className="table-box" tabIndex={0} role="region" aria-label="Table of streams and queues">
        <table aria-label="Streams and queues"><Heads titles={["Kind", "Name", "Waiting", "Oldest", "In a second",
          "Out a second", "Errors a minute", "Waiting over time", "In over time", "Note"]} />
        <tbody>{asked.value.map((flow) => <tr key={keyOf(flow)}><td>{flow.kind}</td>
          <td>{flow.name} {flow.alarm && <Badge kind="error">alarm</Badge>}</td>
          <td className="number">{flow.waiting === null ? "–" : count(flow.waiting)}</td>
          <td>{duration(flow.age_seconds)}</td><td className="number">{short(flow.in_rate)}</td>
          <td className="number">{short(flow.out_rate)}</td><td className="number">{count(flow.errors_last_minute)}</td>
          <td><Sparkline label="waiting" values={histories.get(`${keyOf(flow)} waiting`) ?? []} /></td>
          <td><Sparkline label="in a second" values={histories.get(`${keyOf(flow)} rate`) ?? []} /></td>
          <td className="wrap">{flow.note}</td></tr>)}</tbody></table></div>}</section>;
}
