import { useEffect, useId, useState } from "react";

import type { GeneHit, RevisionClient } from "../client/dataset";
import { Button, Notice } from "../widgets/controls";
import { useSession } from "./session";

const hitsMost = 20;

/** The name by which a gene is asked for: its symbol where no other gene has it. */
async function nameOf(hit: GeneHit, client: RevisionClient): Promise<string> {
  if (!hit.symbol || hit.symbol === hit.id) return hit.id;
  const { genes } = await client.searchGenes(hit.symbol, hitsMost);
  return genes.filter(({ symbol }) => symbol === hit.symbol).length > 1 ? hit.id : hit.symbol;
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
      const { genes } = await store.client.searchGenes(name, hitsMost);
      const is = (one: string) => one.toLowerCase() === name.toLowerCase();
      const hit = genes.find((one) => is(one.id) || is(one.symbol)) ??
        genes.find((one) => is(one.matched)) ?? (names.length === 1 ? genes[0] : undefined);
      if (hit) found.push(await nameOf(hit, store.client));
      else unknown.push(name);
    }
    setProblem(unknown.length > 0 ? `Not in this dataset: ${unknown.join(", ")}` : "");
    session.change({ genes: [...new Set([...view.genes, ...found])] });
    setText("");
  };
  const told = (hit: GeneHit) => [hit.symbol && hit.id !== hit.symbol ? hit.id : "",
    hit.matched && hit.matched !== hit.symbol && hit.matched !== hit.id ? `also ${hit.matched}` : ""]
    .filter(Boolean).join(", ");
  return <form className="gene-search" onSubmit={(event) => {
    event.preventDefault();
    add().catch((failure: Error) => setProblem(failure.message));
  }}>
    <input type="search" aria-label="Gene" placeholder="Gene, Ensembl id, or a list" list={list}
      value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" />
    <datalist id={list}>{hits.map((hit) => <option key={hit.gene} value={hit.symbol || hit.id}>
      {told(hit)}</option>)}</datalist>
    <Button type="submit" disabled={text.trim() === ""}>Add</Button>
    {problem && <Notice kind="warning">{problem}</Notice>}
  </form>;
}
