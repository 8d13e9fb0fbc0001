import type { Pointer, Schema } from "../client/dataset";
import { type Filter, type Selection, sourceName } from "./selection";
import type { View } from "./view";

/** The session as a program: the same cells and genes, chosen in Python, and asked for in SQL
 *  where the selection can be said in it; with a paragraph for a methods section. */
export function pythonScript(pointer: Pointer, schema: Schema, view: View): string {
  const lines = ["import anndata, numpy as np", "",
    `# ${pointer.title}, revision ${schema.revision}`,
    `adata = anndata.read_h5ad("${pointer.name}.h5ad")`,
    "keep = np.ones(adata.n_obs, bool)"];
  for (const filter of [...view.subset, ...view.selection]) lines.push(...pythonFilter(filter));
  lines.push("adata = adata[keep]");
  if (view.genes.length > 0) lines.push(`genes = ${JSON.stringify(view.genes)}`);
  return lines.join("\n") + "\n";
}

function pythonFilter(filter: Filter): string[] {
  if (filter.kind === "category") {
    const labels = filter.excluded.filter((label) => label !== null);
    const lines = labels.length > 0
      ? [`keep &= ~adata.obs[${JSON.stringify(filter.column)}].isin(${JSON.stringify(labels)})`] : [];
    return filter.excluded.includes(null)
      ? [...lines, `keep &= adata.obs[${JSON.stringify(filter.column)}].notna()`] : lines;
  }
  if (filter.kind === "range") {
    const { source } = filter;
    const values = source.from === "obs" ? `adata.obs[${JSON.stringify(source.column)}]`
      : source.from === "gene" ? `adata.obs_vector(${JSON.stringify(source.gene)})`
        : `np.mean([adata.obs_vector(g) for g in ${JSON.stringify(source.genes)}], axis=0)`;
    return [`keep &= np.asarray((${values} >= ${filter.low}) & (${values} <= ${filter.high}))`];
  }
  const plane = filter.plane.of === "embedding"
    ? `np.asarray(adata.obsm[${JSON.stringify(filter.plane.name)}])[:, ${
      JSON.stringify(filter.plane.dimensions)}]`
    : `np.c_[${[filter.plane.x, filter.plane.y].map((source) =>
      `adata.obs_vector(${JSON.stringify(sourceName(source))})`).join(", ")}]`;
  return ["from matplotlib.path import Path", `places = ${plane}`,
    "region = np.zeros(adata.n_obs, bool)", ...filter.steps.map(({ how, polygon }) => {
      const hit = `Path(${JSON.stringify(polygon.map((point) =>
        point.map((value) => Number(value.toPrecision(7)))))}).contains_points(places)`;
      return how === "replace" ? `region = ${hit}` : how === "add" ? `region |= ${hit}`
        : how === "subtract" ? `region &= ~${hit}` : `region &= ${hit}`;
    }), "keep &= region"];
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
const named = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** The part of a selection that SQL over obs can say; null when it needs places or genes. */
export function sqlCondition(selection: Selection): string | null {
  const parts = selection.map((filter) => {
    if (filter.kind === "category") {
      const labels = filter.excluded.filter((label): label is string => label !== null);
      const column = named(filter.column);
      const listed = labels.length > 0
        ? `(${column} NOT IN (${labels.map(quoted).join(", ")}) OR ${column} IS NULL)` : "true";
      return filter.excluded.includes(null) ? `(${listed} AND ${column} IS NOT NULL)` : listed;
    }
    if (filter.kind === "range" && filter.source.from === "obs")
      return `${named(filter.source.column)} BETWEEN ${filter.low} AND ${filter.high}`;
    return null;
  });
  return parts.includes(null) ? null : parts.length > 0 ? parts.join(" AND ") : "true";
}

/** What a methods section needs to say. */
export function methods(pointer: Pointer, schema: Schema, view: View, cells: number): string {
  const filters = [...view.subset, ...view.selection].map((filter) =>
    filter.kind === "category" ? `cells labelled ${filter.excluded.map((label) =>
      label ?? "(none)").join(", ")} in ${filter.column} were left out`
      : filter.kind === "range" ? `${sourceName(filter.source)} from ${filter.low} to ${filter.high}`
        : `cells within a region drawn by hand on ${filter.plane.of === "embedding"
          ? filter.plane.name : `${sourceName(filter.plane.x)} against ${sourceName(filter.plane.y)}`}`);
  return `Data: ${pointer.title} (Stroma dataset ${pointer.name}, revision ${schema.revision}; ` +
    `${schema.cells} cells, ${schema.genes} genes). ${cells} cells were selected` +
    `${filters.length > 0 ? `: ${filters.join("; ")}` : ""}. Expression values: ${view.layer}.`;
}
