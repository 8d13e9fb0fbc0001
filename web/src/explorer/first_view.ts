import type { Schema } from "../client/dataset";
import type { Filter, NumberSource, Plane, Selection } from "./selection";
import { type Colour, firstView, type Group, type Pane, type View } from "./view";

const preferred = ["spatial", "umap", "tsne", "pca"];
const cellTypes = ["cell_type", "celltype", "annotation", "louvain", "leiden", "cluster"];

/** What a reader sees first: the most telling embedding and labels that the revision has. */
export function openingView(schema: Schema): View {
  const rank = (name: string) => {
    const at = preferred.findIndex((word) => name.toLowerCase().includes(word));
    return at < 0 ? preferred.length : at;
  };
  const embedding = [...schema.embeddings].sort((one, other) => rank(one.name) - rank(other.name))[0];
  const categories = schema.obs.filter((column) =>
    column.kind === "category" && (column.labels ?? 0) > 1 && (column.labels ?? 0) <= 200);
  const colour = cellTypes.map((word) => categories.find((column) =>
    column.name.toLowerCase().includes(word))).find(Boolean) ?? categories[0];
  const layer = schema.layers.find((one) => one.name === "X") ?? schema.layers[0];
  return { ...firstView, embedding: embedding?.name ?? "", layer: layer?.name ?? "X",
    colour: colour ? { by: "category", column: colour.name } : null };
}

/** The view without what this revision lacks, which is told: a link may come from another one.
 *  Genes are left as they are; one that isn't there says so where it is shown. */
export function fitting(view: View, first: View, schema: Schema, own: string[]):
    { view: View; unfit: string[] } {
  const unfit = new Set<string>();
  const has = (kind: string, there: boolean, name: string): boolean => {
    if (!there) unfit.add(`${kind} ${name}`);
    return there;
  };
  const column = (name: string) => has("column", own.includes(name) ||
    schema.obs.some((one) => one.name === name), name);
  const embedding = (name: string) => name === "" ||
    has("embedding", schema.embeddings.some((one) => one.name === name), name);
  const layer = (name: string) =>
    has("layer", schema.layers.some((one) => one.name === name), name);
  const source = (one: NumberSource) => one.from === "obs" ? column(one.column) : layer(one.layer);
  const plane = (one: Plane) => one.of === "embedding" ? embedding(one.name)
    : source(one.x) && source(one.y);
  const filter = (one: Filter): boolean => one.kind === "category" ? column(one.column)
    : one.kind === "range" ? source(one.source) : one.kind === "region" ? plane(one.plane)
      : one.parts.every(filter);
  const kept = (selection: Selection) => selection.filter(filter);
  const colour = (one: Colour | null): Colour | null => !one ? null
    : (one.by === "category" ? column(one.column) : source(one.source)) ? one : first.colour;
  const pane = <Shown extends Pane>(one: Shown): Shown => ({ ...one, colour: colour(one.colour),
    ...(embedding(one.embedding) ? {} : { embedding: first.embedding, camera: null,
      dimensions: first.dimensions }) });
  const group = (one: Group | null) => one && one.selection.every(filter) && one.subset.every(filter)
    ? one : null;
  const named = (name: string | null) => name !== null && column(name) ? name : null;
  const fit = { ...pane(view), layer: layer(view.layer) ? view.layer : first.layer,
    selection: kept(view.selection), subset: kept(view.subset), beside: view.beside && pane(view.beside),
    groups: { a: group(view.groups.a), b: group(view.groups.b) }, splitBy: named(view.splitBy),
    plot: { ...view.plot, groupBy: named(view.plot.groupBy), splitBy: named(view.plot.splitBy) } };
  return { view: unfit.size > 0 ? fit : view, unfit: [...unfit] };
}
