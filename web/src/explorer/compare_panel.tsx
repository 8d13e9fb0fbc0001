import { useRef, useState } from "react";

import { compare, type ComparedGene, type ComparisonState, comparisonTable } from "../client/comparison";
import { count } from "../base/numbers";
import { Button, Choice, IconButton, Notice, Progress } from "../widgets/controls";
import { ComparisonResult } from "./comparison_result";
import { countOf, runsOf } from "./selection";
import { useSession } from "./session";
import type { Group } from "./view";

type Test = "welch" | "wilcoxon" | "pseudobulk";
const tests = [
  { value: "welch" as Test, text: "Welch's t-test" },
  { value: "wilcoxon" as Test, text: "Wilcoxon rank-sum" },
  { value: "pseudobulk" as Test, text: "Donors as replicates" },
];

const cellWords = (cells: number) => `${count(cells)} ${cells === 1 ? "cell" : "cells"}`;

/** Two groups of cells, compared gene by gene. */
export function ComparePanel() {
  const { session, view, store } = useSession();
  const [test, setTest] = useState<Test>("welch");
  const [progress, setProgress] = useState<ComparisonState | null>(null);
  const [result, setResult] = useState<{ state: ComparisonState; genes: ComparedGene[] } | null>(null);
  const [problem, setProblem] = useState("");
  const [running, setRunning] = useState(false);
  const stop = useRef<AbortController | null>(null);
  const [chosenDonors, setDonors] = useState("");
  const columns = store.schema.obs.filter((column) => column.kind === "category" &&
    (column.labels ?? 0) > 1).map((column) => column.name);
  const donors = chosenDonors || columns.find((name) => /donor|patient|subject|individual/i.test(name)) ||
    columns[0];
  const layers = store.schema.layers.map((layer) => layer.name);
  const { a, b } = view.groups;
  const maskOf = (group: Group | null) =>
    group ? session.cellsOf(group.selection, group.subset) : null;
  const sizeOf = (group: Group | null) =>
    group ? countOf(maskOf(group), store.cells) : 0;

  const keep = (which: "a" | "b") => session.change({ groups: { ...view.groups,
    [which]: { name: which.toUpperCase(), selection: view.selection, subset: view.subset } } });
  const run = async () => {
    setProblem("");
    setResult(null);
    setRunning(true);
    stop.current = new AbortController();
    try {
      const first = maskOf(a);
      const world = session.world();
      // The rest of a subset is named; the rest of all cells needs no name.
      const other = b ? maskOf(b) : world && world.map((inside, at) =>
        inside !== 0 && first && first[at] === 0 ? 1 : 0);
      const state = await compare({ revision: store.schema.revision, layer: view.layer, test,
        ...(test === "pseudobulk" ? { donor_column: donors } : {}),
        a: runsOf(first, store.cells), ...(b || other ? { b: runsOf(other, store.cells) } : {}) },
        setProgress, stop.current.signal);
      setResult({ state, genes: await comparisonTable(state.id) });
    } catch (failure) {
      if (!stop.current.signal.aborted) setProblem((failure as Error).message);
    } finally {
      setRunning(false);
      setProgress(null);
    }
  };

  return <section className="panel" aria-labelledby="compare-title">
    <h2 id="compare-title">Compare</h2>
    <div className="groups">
      {(["a", "b"] as const).map((which) => <div key={which} className={`group group-${which}`}>
        <strong>{which.toUpperCase()}</strong>
        <span>{view.groups[which] ? cellWords(sizeOf(view.groups[which]))
          : which === "b" ? "the rest" : "none yet"}</span>
        <Button kind="quiet" onClick={() => keep(which)}>Set from selection</Button>
        {view.groups[which] && <Button kind="quiet" onClick={() => session.change({
          selection: view.groups[which]?.selection, subset: view.groups[which]?.subset })}>Show</Button>}
        {view.groups[which] && <IconButton icon="close" label={`Clear ${which.toUpperCase()}`}
          onClick={() => session.change({ groups: { ...view.groups, [which]: null } })} />}
      </div>)}
    </div>
    <div className="compare-options">
      <Choice label="Test" value={test} options={tests} onChange={setTest} />
      {test === "pseudobulk" && <Choice label="Donors" value={donors} options={columns}
        onChange={setDonors} />}
      <Choice label="Values" value={view.layer} options={layers}
        onChange={(layer) => session.chooseLayer(layer)} />
    </div>
    {running ? <Button onClick={() => stop.current?.abort()}>Cancel</Button>
      : <Button kind="main" disabled={!a} onClick={() => void run()}>Compare A with {
        b ? "B" : "the rest"}</Button>}
    {running && <Progress label={progress ? `Comparing, ${progress.state}` : "Comparing"}
      done={progress?.done} total={progress?.total} />}
    {problem && <Notice kind="error">{problem}</Notice>}
    {result && <ComparisonResult {...result} />}
  </section>;
}
