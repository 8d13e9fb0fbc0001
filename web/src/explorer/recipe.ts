import type { CellStore } from "./cell_store";
import { type Filter, excludedOf, type NumberSource, type Plane, type Selection } from "./selection";

/** A selection as a recipe that means the same in another dataset: a label that isn't known here
 *  is not among those that are wanted there. */
export async function recipeFor(selection: Selection, store: CellStore): Promise<Selection> {
  await loaded(selection, store);
  const said = (filter: Filter): Filter => {
    if (filter.kind === "joined") return { ...filter, parts: filter.parts.map(said) };
    if (filter.kind !== "category" || filter.only) return filter;
    const column = store.schema.obs.find(({ name }) => name === filter.column);
    const all = [...(store.category(filter.column)?.labels ?? []),
      ...((column?.missing ?? 0) > 0 ? [null] : [])];
    const out = excludedOf(filter, all);
    return out.length * 2 < all.length ? filter
      : { ...filter, excluded: [], only: all.filter((label) => !out.includes(label)) };
  };
  return selection.map(said);
}

/** What of a recipe this dataset can't do, in words; empty when it fits. Unknown filters are left
 *  out of what is given back. */
export async function fitted(recipe: unknown, store: CellStore):
    Promise<{ selection: Selection; problems: string[] }> {
  if (!Array.isArray(recipe)) throw new Error("This is no recipe of a selection.");
  const problems: string[] = [];
  const kept: Filter[] = [];
  for (const filter of recipe as Filter[]) {
    const problem = await misfit(filter, store);
    if (problem) problems.push(problem);
    else kept.push(filter);
  }
  await loaded(kept, store);
  for (const filter of kept)
    if (filter.kind === "category") {
      const labels = store.category(filter.column)?.labels ?? [];
      const missing = [...(filter.only ?? []), ...filter.excluded].filter((label) =>
        label !== null && !labels.includes(label));
      if (missing.length > 0)
        problems.push(`${filter.column} has no ${missing.join(", ")} here`);
    }
  return { selection: kept, problems };
}

async function misfit(filter: Filter, store: CellStore): Promise<string | null> {
  if (filter.kind === "category")
    return store.schema.obs.some(({ name, kind }) => name === filter.column && kind === "category")
      ? null : `no labels ${filter.column} here`;
  if (filter.kind === "range") return sourceMisfit(filter.source, store);
  if (filter.kind === "region") return planeMisfit(filter.plane, store);
  for (const part of filter.parts) {
    const problem = await misfit(part, store);
    if (problem) return problem;
  }
  return null;
}

async function planeMisfit(plane: Plane, store: CellStore): Promise<string | null> {
  if (plane.of === "numbers")
    return await sourceMisfit(plane.x, store) ?? sourceMisfit(plane.y, store);
  const found = store.schema.embeddings.find(({ name }) => name === plane.name);
  return !found ? `no embedding ${plane.name} here`
    : Math.max(...plane.dimensions) < found.dimensions ? null
      : `${plane.name} has ${found.dimensions} dimensions here`;
}

async function sourceMisfit(source: NumberSource, store: CellStore): Promise<string | null> {
  if (source.from === "obs")
    return store.schema.obs.some(({ name, kind }) => name === source.column && kind === "number")
      ? null : `no numbers ${source.column} here`;
  if (!store.schema.layers.some(({ name }) => name === source.layer))
    return `no layer ${source.layer} here`;
  for (const gene of source.from === "gene" ? [source.gene] : source.genes) {
    const { genes } = await store.client.searchGenes(gene, 20);
    if (!genes.some(({ id, symbol }) => id === gene || symbol === gene)) return `no gene ${gene} here`;
  }
  return null;
}

/** Asks for all that the filters need, and waits for it. */
async function loaded(selection: Selection, store: CellStore): Promise<void> {
  for (const filter of selection) {
    if (filter.kind === "category") store.category(filter.column);
    else if (filter.kind === "range") store.numbers(filter.source);
    else if (filter.kind === "region") store.plane(filter.plane);
    else await loaded(filter.parts, store);
  }
  await store.settled();
}
