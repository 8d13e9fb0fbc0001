import { useEffect, useId, useState } from "react";

import type { GeneHit } from "../client/dataset";
import { Button, Choice, IconButton, Notice } from "../widgets/controls";
import { GenePlane } from "./gene_plane";
import { GeneSets } from "./gene_sets";
import { NumberRow } from "./number_row";
import { useSession } from "./session";

/** Genes that were asked for, gene sets, and two genes against each other. */
export function GenesPanel() {
  const { session, view, store } = useSession();
  const layers = store.schema.layers.map((layer) => layer.name);
  const [x, setX] = useState<string | null>(null);
  const drop = (gene: string) =>
    session.change({ genes: view.genes.filter((other) => other !== gene) });
  const choose = (gene: string) => {
    if (x === null || x === gene) setX(x === gene ? null : gene);
    else {
      session.change({ gates: [...view.gates, { x, y: gene }] });
      setX(null);
    }
  };
  return <section className="panel" aria-labelledby="genes-title">
    <h2 id="genes-title">Genes</h2>
    {layers.length > 1 && <Choice label="Layer" value={view.layer} options={layers}
      onChange={(layer) => session.change({ layer })} />}
    <GeneSearch />
    {view.genes.length === 0 && <p className="empty">Find genes by symbol or Ensembl id, or paste a
      list.</p>}
    {view.genes.map((gene) => <NumberRow key={gene} source={{ from: "gene", gene, layer: view.layer }}>
      <Button kind="quiet" pressed={x === gene} title="Plot two genes against each other"
        onClick={() => choose(gene)}>{x === null || x === gene ? "x" : "y"}</Button>
      <IconButton icon="close" label={`Remove ${gene}`} onClick={() => drop(gene)} />
    </NumberRow>)}
    {view.gates.map((gate) => <GenePlane key={`${gate.x}/${gate.y}`} gate={gate} />)}
    <GeneSets />
  </section>;
}

/** A gene by any of its names; a pasted list adds them all. */
export function GeneSearch() {
  const { session, view, store } = useSession();
  const [text, setText] = useState("");
  const [hits, setHits] = useState<GeneHit[]>([]);
  const [problem, setProblem] = useState("");
  const list = useId();
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === "" || /[\s,;]/.test(wanted)) return setHits([]);
    let current = true;
    store.client.searchGenes(wanted, 12)
      .then((answer) => { if (current) setHits(answer.genes); })
      .catch((failure: Error) => { if (current) setProblem(failure.message); });
    return () => { current = false; };
  }, [text, store]);
  const add = async () => {
    const names = text.split(/[\s,;]+/).filter(Boolean);
    const found: string[] = [];
    const unknown: string[] = [];
    for (const name of names) {
      const answer = await store.client.searchGenes(name, 20);
      const same = answer.genes.find((hit) => [hit.symbol, hit.id]
        .some((one) => one.toLowerCase() === name.toLowerCase()));
      const hit = same ?? (names.length === 1 ? answer.genes[0] : undefined);
      if (hit) found.push(hit.symbol || hit.id);
      else unknown.push(name);
    }
    setProblem(unknown.length > 0 ? `Not in this dataset: ${unknown.join(", ")}` : "");
    session.change({ genes: [...new Set([...view.genes, ...found])] });
    setText("");
  };
  return <form className="gene-search" onSubmit={(event) => {
    event.preventDefault();
    add().catch((failure: Error) => setProblem(failure.message));
  }}>
    <input type="search" aria-label="Gene" placeholder="Gene, Ensembl id, or a list" list={list}
      value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" />
    <datalist id={list}>{hits.map((hit) => <option key={hit.gene} value={hit.symbol || hit.id}>
      {hit.id}</option>)}</datalist>
    <Button type="submit" disabled={text.trim() === ""}>Add</Button>
    {problem && <Notice kind="warning">{problem}</Notice>}
  </form>;
}
