import { useState } from "react";

import { Button, IconButton } from "../widgets/controls";
import { saveText } from "../base/files";
import { csv } from "../base/csv";
import { NumberRow } from "./number_row";
import { useSession } from "./session";
import type { GeneSet } from "./view";

/** Named lists of genes; a set is coloured and filtered by its mean. */
export function GeneSets() {
  const { session, view } = useSession();
  const [name, setName] = useState("");
  const taken = view.geneSets.some((set) => set.name === name.trim());
  const put = (sets: GeneSet[]) => session.change({ geneSets: sets });
  const create = () => {
    put([...view.geneSets, { name: name.trim(), description: "", genes: view.genes }]);
    setName("");
  };
  const download = () => saveText("gene_sets.csv", csv(
    ["gene_set_name", "gene_set_description", "gene_symbol", "gene_description"],
    view.geneSets.flatMap((set) => set.genes.map((gene) => [set.name, set.description, gene, ""]))),
    "text/csv");
  return <div className="gene-sets">
    <h3>Gene sets</h3>
    <form onSubmit={(event) => { event.preventDefault(); create(); }}>
      <input aria-label="Name of the new gene set" placeholder="new set of the genes above"
        value={name} onChange={(event) => setName(event.target.value)} />
      <Button type="submit" disabled={name.trim() === "" || taken || view.genes.length === 0}>
        Create</Button>
    </form>
    {view.geneSets.map((set) => <details key={set.name}>
      <summary>{set.name} <small>{set.genes.length} genes</small></summary>
      <NumberRow source={{ from: "set", genes: set.genes, name: set.name, layer: view.layer }}>
        <IconButton icon="plus" label={`Show the genes of ${set.name}`} onClick={() =>
          session.change({ genes: [...new Set([...view.genes, ...set.genes])] })} />
        <IconButton icon="close" label={`Delete ${set.name}`}
          onClick={() => put(view.geneSets.filter((other) => other !== set))} />
      </NumberRow>
      <p className="note">{set.genes.join(", ")}</p>
    </details>)}
    {view.geneSets.length > 0 && <Button kind="quiet" onClick={download}>Download as CSV</Button>}
  </div>;
}
