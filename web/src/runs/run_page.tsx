import { useEffect, useState } from "react";

import { useAsked } from "../base/asked";
import { duration, time } from "../base/dates";
import { bytes, count, percent } from "../base/numbers";
import { hrefOf } from "../base/route";
import { useWatched } from "../base/watched";
import { cancelRun, picturesOf, reportOf, retryRun, type RunDetail, type RunPicture, type Task, tasksOf,
  watchRun } from "../client/runs";
import { Problem, Waiting } from "../portal/states";
import { Button, Notice } from "../widgets/controls";
import { ArchiveNotice } from "./archive_notice";
import { MakeDatasetButton } from "./make_dataset";
import { Reviews } from "./review_box";
import { RunBadge } from "./run_words";
import { SlideMap } from "./slide_map";
import { StageGraph } from "./stage_graph";
import { TaskTable } from "./task_table";

/** One run as it goes on: its stages as a graph, its slides, its tasks, what people say of it. */
export function RunPage({ id, isAdmin }: { id: string; isAdmin: boolean }) {
  const [round, setRound] = useState(0);
  const again = () => setRound((now) => now + 1);
  const watched = useWatched<RunDetail>((signal, tell) => watchRun(id, signal, tell), [id, round]);
  if (watched.state === "waiting") return <Waiting what="The run" />;
  if (watched.state === "refused") return <Problem problem={watched.problem} onRetry={again} />;
  return <RunView run={watched.value} isAdmin={isAdmin} onChanged={again} />;
}

interface Made {
  tasks: Task[];
  pictures: RunPicture[];
}

function RunView({ run, isAdmin, onChanged }: {
  run: RunDetail; isAdmin: boolean; onChanged: () => void;
}) {
  const states = JSON.stringify([run.state, run.stages.map((stage) => stage.states), run.reviews.length,
    run.archived]);
  const asked = useAsked<Made>(async (signal) => {
    const [tasks, pictures] = await Promise.all([tasksOf(run.id, signal), picturesOf(run.id, signal)]);
    return { tasks, pictures };
  }, [run.id, states]);
  const [made, setMade] = useState<Made>({ tasks: [], pictures: [] });
  useEffect(() => {
    if (asked.state === "here") setMade(asked.value);
  }, [asked]);
  const [chosen, setChosen] = useState("");
  const stage = chosen || run.stages.find((one) => (one.states.dead ?? 0) > 0)?.stage ||
    run.stages.at(-1)?.stage || "";
  return <div className="page wide-page run-page">
    <nav className="crumbs" aria-label="Where this is"><a href={hrefOf(["runs"])}>Runs</a></nav>
    <header className="page-head"><div><h1>{run.name}</h1>
      <p className="sub"><RunBadge run={run} /><span>{run.pipeline} {run.version}</span>
        <span>begun {time(run.created)}</span>{run.ended && <span>took {duration(
          (Date.parse(run.ended) - Date.parse(run.created)) / 1000)}</span>}
        <span>{run.location}</span></p></div>
      <Actions run={run} isAdmin={isAdmin} onChanged={onChanged} />
      {isAdmin && run.state === "succeeded" && <MakeDatasetButton run={run} tasks={made.tasks}
        pictures={made.pictures} />}</header>
    {run.error && <Notice kind="error">{run.error}</Notice>}
    <Numbers run={run} />
    <ArchiveNotice run={run} onBack={onChanged} />
    {Object.keys(run.parameters).length > 0 && <p className="note">Parameters: {Object.entries(run.parameters)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}</p>}
    <StageGraph run={run} chosen={stage} onChoose={setChosen} />
    {asked.state === "refused" && <Notice kind="error">{asked.problem.message}</Notice>}
    <Reviews run={run} tasks={made.tasks} onDone={onChanged} />
    <SlideMap run={run} tasks={made.tasks} pictures={made.pictures} />
    <TaskTable run={run} stage={stage} tasks={made.tasks} pictures={made.pictures} />
  </div>;
}

/** Of a run that is over what failed isn't done. */
const shareDone = ({ state, total }: RunDetail) => state === "running" ? total.share_done
  : (total.states.done ?? 0) / Math.max(1, total.tasks);

function Numbers({ run }: { run: RunDetail }) {
  const facts: [string, string][] = [["done", percent(shareDone(run))],
    ["tasks", count(run.total.tasks)], ["reused", count(run.total.cached)],
    ["time left", run.state !== "running" ? "–" : run.seconds_left === null ? "unknown"
      : duration(run.seconds_left)],
    ["core seconds a file", run.cost.core_seconds_each.toFixed(1)],
    ["read for a file", bytes(run.cost.bytes_each)]];
  return <dl className="numbers">{facts.map(([title, value]) =>
    <div key={title}><dt>{title}</dt><dd>{value}</dd></div>)}</dl>;
}

function Actions({ run, isAdmin, onChanged }: {
  run: RunDetail; isAdmin: boolean; onChanged: () => void;
}) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const act = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem("");
    try {
      await work();
      onChanged();
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  const report = async () => {
    const url = URL.createObjectURL(await reportOf(run.id));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${run.name}.html`;
    link.click();
    URL.revokeObjectURL(url);
  };
  const over = run.state !== "running";
  return <div className="head-actions">
    {!over && <Button kind="danger" disabled={busy} onClick={() => void act(() => cancelRun(run.id))}>
      Cancel</Button>}
    {(run.state === "failed" || run.state === "cancelled") && <Button kind="main" disabled={busy}
      onClick={() => void act(() => retryRun(run.id))}>{run.state === "failed" ? "Try again" : "Resume"}
    </Button>}
    <a className="button" href={hrefOf(["runs", run.id, "view"])}>Pictures</a>
    <Button disabled={busy} onClick={() => void act(report)}>Report</Button>
    {isAdmin && <a className="button" href={hrefOf(["runs", "new"], { like: run.id })}>Run again …</a>}
    {problem && <Notice kind="error">{problem}</Notice>}</div>;
}
