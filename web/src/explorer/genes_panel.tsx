import { useState } from "react";

import { Button, Choice, IconButton } from "../widgets/controls";
import { GeneCard } from "./gene_card";
import { GenePlane } from "./gene_plane";
import { GeneSearch } from "./gene_search";
import { GeneSets } from "./gene_sets";
import { tellsKinds } from "./gene_table";
import { NumberRow } from "./number_row";
import { useSession } from "./session";

/** Genes that were asked for, gene sets, and two genes against each other. */
export function GenesPanel() {
  const { session, view, store } = useSession();
  const layers = store.schema.layers.map((layer) => layer.name);
  const [x, setX] = useState<string | null>(null);
  const [card, setCard] = useState<string | null>(null);
  const table = tellsKinds(store.schema.var) ? store.genes() : undefined;
  const kindOf = (gene: string) => {
    const row = table?.row(gene);
    return table && row !== undefined ? table.kind(row) : null;
  };
  /** Of a gene that is named by its id. */
  const symbolOf = (gene: string) => {
    const known = /^ENS[A-Z]*G\d/.test(gene) ? store.genes() : undefined;
    const row = known?.row(gene);
    const symbol = known && row !== undefined ? known.symbol(row) : gene;
    return symbol === gene ? null : symbol;
  };
  const drop = (gene: string) =>
    session.change({ genes: view.genes.filter((other) => other !== gene) });
  const choose = (gene: string) => {
    if (x === null || x === gene) setX(x === gene ? null : gene);
    else {
      session.change({ gates: [...view.gates.filter((one) => one.x !== x || one.y !== gene),
        { x, y: gene }] });
      setX(null);
    }
  };
  return <section className="panel" aria-labelledby="genes-title">
    <h2 id="genes-title">Genes</h2>
    {layers.length > 1 && <Choice label="Layer" value={view.layer} options={layers}
      onChange={(layer) => session.chooseLayer(layer)} />}
    <GeneSearch />
    {table && table.kinds.length > 1 && <Kinds />}
    {view.genes.length === 0 && <p className="empty">Find genes by symbol, Ensembl id or synonym, or
      paste a list.</p>}
    {x !== null && <p className="note" role="status">Now press y at the gene to plot {x} against.</p>}
    {view.genes.map((gene) => <NumberRow key={gene} source={{ from: "gene", gene, layer: view.layer }}>
      {symbolOf(gene) && <span className="badge">{symbolOf(gene)}</span>}
      {kindOf(gene) && kindOf(gene) !== "Gene Expression" &&
        <span className="badge" title={kindOf(gene) ?? ""}>{kindOf(gene)?.split(" ")[0]}</span>}
      <Button kind="quiet" pressed={x === gene} title="Plot two genes against each other"
        aria-label={`${x === null || x === gene ? "x" : "y"}: ${gene}`}
        onClick={() => choose(gene)}>{x === null || x === gene ? "x" : "y"}</Button>
      <IconButton icon="info" label={`About ${gene}`} onClick={() => setCard(gene)} />
      <IconButton icon="close" label={`Remove ${gene}`} onClick={() => drop(gene)} />
    </NumberRow>)}
    {view.gates.map((gate) => <GenePlane key={`${gate.x}/${gate.y}`} gate={gate} />)}
    <GeneSets />
    {card && <GeneCard gene={card} onClose={() => setCard(null)} />}
  </section>;
}

const listedMost = 400;

/** Where RNA and protein were measured in the same cells: what else than genes there is. */
function Kinds() {
  const { session, view, store } = useSession();
  const table = store.genes();
  if (!table) return null;
  return <>{table.kinds.filter((kind) => kind !== "Gene Expression").map((kind) => {
    const names = table.namesOf(kind);
    return <details key={kind} className="kinds"><summary>{kind} <small>{names.length}</small></summary>
      <ul>{names.slice(0, listedMost).map((name) => <li key={name}><button type="button"
        aria-pressed={view.genes.includes(name)} onClick={() => session.change({ genes:
          view.genes.includes(name) ? view.genes.filter((other) => other !== name)
            : [...view.genes, name] })}>{name}</button></li>)}</ul></details>;
  })}</>;
}
