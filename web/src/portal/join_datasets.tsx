import { useEffect, useRef, useState } from "react";

import { useAsked } from "../base/asked";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { deriveDataset } from "../client/exports";
import { search } from "../client/portal";
import { Button, Field, Notice, Progress } from "../widgets/controls";
import { Shown } from "./states";

const quoted = (name: string): string => `'${name.replaceAll("'", "''")}'`;

/** Cells of several datasets that the reader may see as one dataset of their own: genes are matched
 *  by id, columns by name, and the column `dataset` says where each cell is from. */
export function JoinDatasets() {
  const found = useAsked((signal) => search(new URLSearchParams({ limit: "1000" }), signal), []);
  const [chosen, setChosen] = useState<string[]>([]);
  const [title, setTitle] = useState("");
  const [step, setStep] = useState<{ label: string; done?: number; total?: number } | null>(null);
  const [made, setMade] = useState("");
  const [problem, setProblem] = useState("");
  const left = useRef<AbortController | null>(null);
  useEffect(() => () => left.current?.abort(), []);
  const join = async () => {
    setProblem("");
    setMade("");
    setStep({ label: "Beginning" });
    left.current = new AbortController();
    try {
      const name = title.trim().toLowerCase().replace(/[^a-z0-9._-]+/g, "_").replace(/^[^a-z0-9]+/, "");
      const { dataset } = await deriveDataset(
        { where: `dataset IN (${chosen.map(quoted).join(", ")})`, format: "h5ad" }, title.trim(),
        name || "joined", ({ progress }) => setStep({ label: progress.step || "Working",
          done: progress.done, total: progress.total }), left.current.signal);
      setMade(dataset);
    } catch (failure) {
      if (!left.current.signal.aborted) setProblem((failure as Error).message);
    } finally {
      setStep(null);
    }
  };
  const toggle = (name: string) => setChosen(chosen.includes(name)
    ? chosen.filter((one) => one !== name) : [...chosen, name]);
  return <form className="join-datasets stack" onSubmit={(event) => {
    event.preventDefault();
    void join();
  }}>
    <p className="note">Genes are matched by id, columns by name; a column tells of which dataset a cell is,
      and a gene that a dataset lacks is 0 there.
      Embeddings of the same name lie over each other as they are: <em>Cluster</em> in the Explorer lays all
      cells out together. The new dataset is private, and its revision doesn't change with theirs.</p>
    <Shown asked={found}>{({ datasets }) => <ul className="join-list" aria-label="Datasets to join">
      {datasets.map((one) => <li key={one.id}><label className="tick"><input type="checkbox"
        checked={chosen.includes(one.name)} onChange={() => toggle(one.name)} />
        {one.title || one.name} <small className="note">{count(one.cells ?? 0)} cells</small>
      </label></li>)}</ul>}</Shown>
    <Field label="Title of the new dataset">{(id) => <input id={id} value={title}
      onChange={(event) => setTitle(event.target.value)} />}</Field>
    <div className="buttons"><Button type="submit" kind="main"
      disabled={chosen.length < 2 || title.trim() === "" || step !== null}>
      {chosen.length < 2 ? "Choose two or more" : `Join ${chosen.length} datasets`}</Button></div>
    {step && <Progress {...step} />}
    {made && <Notice kind="info">Made. <a href={hrefOf(["explore", made])}>Explore {title}</a></Notice>}
    {problem && <Notice kind="error">{problem}</Notice>}
  </form>;
}
