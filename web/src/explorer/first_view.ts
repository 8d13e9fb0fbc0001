import type { Schema } from "../client/dataset";
import { firstView, type View } from "./view";

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
