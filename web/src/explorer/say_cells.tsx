import { useState } from "react";

import { Button, Notice } from "../widgets/controls";
import type { CellStore } from "./cell_store";
import { type Understood, understood, type Vocabulary } from "./sentence";
import { selectionWords } from "./selection_words";
import { useSession } from "./session";
import type { View } from "./view";

const labelsMost = 5_000;
const hitsMost = 20;

async function vocabularyOf(store: CellStore, view: View): Promise<Vocabulary> {
  const { obs } = store.schema;
  const wanted = obs.filter(({ kind, labels }) => kind === "category" && (labels ?? 0) <= labelsMost);
  wanted.forEach(({ name }) => store.category(name));
  await store.settled();
  const found = async (word: string) => {
    const { genes } = await store.client.searchGenes(word, hitsMost);
    const is = (one: string) => one.toLowerCase() === word.toLowerCase();
    const hit = genes.find((one) => is(one.id) || is(one.symbol)) ?? genes.find((one) => is(one.matched));
    return !hit ? null
      : hit.symbol && genes.filter(({ symbol }) => symbol === hit.symbol).length === 1 ? hit.symbol : hit.id;
  };
  return { gene: found, layer: view.layer, sets: view.geneSets,
    preferred: view.colour?.by === "category" ? view.colour.column : null,
    numbers: obs.filter(({ kind }) => kind === "number").map(({ name }) => name),
    categories: wanted.map(({ name }) => ({ name, labels: store.category(name)?.labels ?? [] })) };
}

/** Cells by a sentence; see sentence.ts. What isn't understood is told before anything is selected. */
export function SayCells() {
  const { session, view, store } = useSession();
  const [text, setText] = useState("");
  const [answer, setAnswer] = useState<Understood | null>(null);
  const [problem, setProblem] = useState("");
  const take = (one: Understood) => {
    for (const filter of one.selection)
      if (filter.kind === "range" && filter.source.from === "gene" &&
          !session.view().genes.includes(filter.source.gene))
        session.look({ genes: [...session.view().genes, filter.source.gene] });
    session.change({ selection: one.selection });
  };
  const ask = async () => {
    setProblem("");
    const one = await understood(text, await vocabularyOf(store, view));
    setAnswer(one);
    if (one.left.length === 0 && one.selection.length > 0) take(one);
  };
  const labelsOf = (column: string) => store.category(column)?.labels;
  return <>
    <form className="new-column say-cells" onSubmit={(event) => {
      event.preventDefault();
      ask().catch((failure: Error) => setProblem(failure.message));
    }}>
      <input aria-label="Cells in words" placeholder="which cells, in words"
        title="As in: B cells of donor 3 with CD79A above 1, not from liver"
        value={text} autoComplete="off" onChange={(event) => setText(event.target.value)} />
      <Button type="submit" disabled={text.trim() === ""}>Find</Button>
    </form>
    <div role="status" className="said">
      {answer && answer.left.length > 0 && <Notice kind="warning">
        Not understood: {answer.left.map((word) => `“${word}”`).join(", ")}.{" "}
        {answer.selection.length > 0 && <>The rest means {selectionWords(answer.selection, labelsOf)}.{" "}
          <Button kind="quiet" onClick={() => { take(answer); setAnswer(null); }}>
            Select that</Button></>}
        <Button kind="quiet" onClick={() => setAnswer(null)}>Leave it</Button></Notice>}
      {answer && answer.left.length === 0 && answer.selection.length === 0 &&
        <Notice kind="warning">That names no cells of this dataset.</Notice>}
      {answer?.notes.map((note) => <p key={note} className="note">{note}.</p>)}
    </div>
    {problem && <Notice kind="error">{problem}</Notice>}
  </>;
}
