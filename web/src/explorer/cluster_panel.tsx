import { useRef, useState } from "react";

import { cluster, clusterColumn, type Clustering, clusterPlaces, type ClusteringState } from "../client/clustering";
import { count } from "../base/numbers";
import { Button, Field, Notice, Progress } from "../widgets/controls";
import { intersection, runsOf } from "./selection";
import { useSession } from "./session";
import { useLabels } from "./labels_panel";

/** Cells grouped and laid out anew: the selected ones, or all. */
export function ClusterPanel() {
  const { session, view, store } = useSession();
  const [resolution, setResolution] = useState("1");
  const [progress, setProgress] = useState<ClusteringState | null>(null);
  const [running, setRunning] = useState(false);
  const [problem, setProblem] = useState("");
  const stop = useRef<AbortController | null>(null);
  const chosen = intersection(session.selected(), session.world());
  const size = chosen ? chosen.reduce((sum, inside) => sum + inside, 0) : store.cells;

  const show = ({ id }: Clustering) => {
    session.change({ embedding: clusterPlaces(id), dimensions: [0, 1], camera: null,
      colour: { by: "category", column: clusterColumn(id) } });
  };
  const run = async () => {
    setProblem("");
    setRunning(true);
    stop.current = new AbortController();
    try {
      const done = await cluster({ revision: store.schema.revision, layer: view.layer,
        resolution: Number(resolution), neighbours: 15, seed: 0,
        ...(chosen ? { cells: runsOf(chosen, store.cells) } : {}) },
        setProgress, stop.current.signal);
      store.offer(done);
      show(done);
    } catch (failure) {
      if (!stop.current.signal.aborted) setProblem((failure as Error).message);
    } finally {
      setRunning(false);
      setProgress(null);
    }
  };

  return <section className="panel" aria-labelledby="cluster-title">
    <h2 id="cluster-title">Cluster</h2>
    <p className="note">Groups cells that are alike and lays them out anew, by {view.layer}: variable
      genes, principal components, nearest neighbours, Leiden.</p>
    <Field label="Resolution">{(id) => <input id={id} type="number" min="0.01" max="100" step="0.1"
      value={resolution} onChange={(event) => setResolution(event.target.value)} />}</Field>
    {running ? <Button onClick={() => stop.current?.abort()}>Cancel</Button>
      : <Button kind="main" disabled={!(Number(resolution) > 0)} onClick={() => void run()}>
        Cluster {chosen ? `the ${count(size)} selected cells` : `all ${count(size)} cells`}</Button>}
    {running && <Progress label={progress?.step ? `Clustering: ${progress.step}` : "Clustering"}
      done={progress?.done} total={progress?.total} />}
    {problem && <Notice kind="error">{problem}</Notice>}
    <ul className="clusterings">{store.schema.clusterings.map((one) =>
      <Done key={one.id} clustering={one} onShow={() => show(one)} />)}</ul>
  </section>;
}

/** One that is done: shown again, or kept as labels that can be changed. */
function Done({ clustering, onShow }: { clustering: Clustering; onShow: () => void }) {
  const { store } = useSession();
  const book = useLabels();
  const [keeping, setKeeping] = useState(false);
  const name = clusterColumn(clustering.id);
  const isKept = book.columns.some((column) => column.name === `${name} labels`);
  const keep = async () => {
    const column = store.category(name);
    if (!column) return;
    setKeeping(true);
    await book.create(`${name} labels`, null);
    const made = book.columns.find((one) => one.name === `${name} labels`);
    for (let code = 0; made && code < column.labels.length; code++) {
      const mask = new Uint8Array(store.cells);
      column.codes.forEach((one, at) => { if (one === code) mask[at] = 1; });
      await book.change(made.id, { op: "assign", label: column.labels[code] ?? "",
        cells: runsOf(mask, store.cells) });
    }
    setKeeping(false);
  };
  return <li>
    <span>{count(clustering.clusters)} clusters of {count(clustering.cells)} cells
      <small className="note"> resolution {clustering.resolution}, {count(clustering.genes)} genes,
        modularity {clustering.modularity.toFixed(3)}</small></span>
    {clustering.warnings.map((warning) => <Notice key={warning} kind="warning">{warning}</Notice>)}
    <div className="buttons">
      <Button kind="quiet" onClick={onShow}>Show</Button>
      {(keeping || !isKept) && (book.mayChange || book.space === null) && <Button kind="quiet" disabled={keeping}
        onClick={() => void keep()}>{keeping ? "Keeping …" : "Keep as labels"}</Button>}
    </div>
  </li>;
}
