import { clusterColumn, type Clustering, clusterPlaces } from "../client/clustering";
import type { Pointer, Schema } from "../client/dataset";
import { address } from "../client/http";
import { type Filter, type NumberSource, type Selection, within } from "./selection";
import { selectionWords } from "./selection_words";
import type { View } from "./view";

/** The session as a program: the same cells and genes, chosen in Python, and asked for in SQL
 *  where the selection can be said in it; with a paragraph for a methods section. */
export function pythonScript(pointer: Pointer, schema: Schema, view: View): string {
  const selection = within(view.subset, view.selection);
  const symbols = schema.var.find(({ name }) => symbolColumns.includes(name))?.name;
  const lines = [...head(pointer, schema, view, symbols), ...pythonSelection(selection, "keep"),
    "selected = adata[keep]", 'print(f"{selected.n_obs} of {adata.n_obs} cells are selected")'];
  if (view.genes.length > 0)
    lines.push(`genes = ${JSON.stringify(view.genes)}`,
      "print(pd.DataFrame({g: gene(g)[keep] for g in genes}).describe())");
  for (const [name, group] of Object.entries(view.groups))
    if (group) lines.push("", `# group ${name.toUpperCase()}`,
      ...pythonSelection(within(group.subset, group.selection), `in_${name}`));
  return lines.join("\n") + "\n";
}

const symbolColumns = ["feature_name", "gene_symbols", "gene_symbol", "gene_name", "gene_names",
  "symbol", "Gene", "gene_short_name"];

function head(pointer: Pointer, schema: Schema, view: View, symbols: string | undefined): string[] {
  const matrix = view.layer.startsWith("layers/")
    ? `adata.layers[${JSON.stringify(view.layer.slice("layers/".length))}]`
    : view.layer === "raw.X" ? "adata.raw.X" : "adata.X";
  const columns = view.layer === "raw.X" ? "adata.raw.var" : "adata.var";
  return ["import anndata, numpy as np, pandas as pd", "",
    `# ${pointer.title}: dataset ${pointer.name}, revision ${schema.revision},`,
    `# ${pointer.hash ? `hash of the data ${pointer.hash}` : "hash not known"}`,
    `adata = anndata.read_h5ad("${pointer.name}.h5ad")`,
    `assert adata.shape == (${schema.cells}, ${schema.genes}), "another dataset, or revision"`,
    ...schema.clusterings.flatMap((one) => reckoned(schema.revision, one, view)), "",
    "def gene(name):", `    """Values of ${view.layer}, one a cell."""`,
    `    var = ${columns}`, "    at = np.flatnonzero(var.index == name)",
    ...(symbols ? ["    if len(at) == 0:",
      `        at = np.flatnonzero(var[${JSON.stringify(symbols)}] == name)`] : []),
    `    column = ${matrix}[:, at[0]]`,
    '    return np.asarray(column.todense() if hasattr(column, "todense") else column).ravel()', "",
    "def labels(column):", '    """As they are written in the Explorer."""',
    "    as_text = lambda v: str(v).lower() if isinstance(v, (bool, np.bool_)) else str(v)",
    "    return adata.obs[column].astype(object).map(as_text, na_action='ignore')", "",
    "def inside(places, polygon):", '    """Whether each place lies in a polygon, even-odd."""',
    "    x, y = np.asarray(places, float).T[:2]", "    odd = np.zeros(len(x), bool)",
    "    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1]):",
    "        if y1 != y2:", "            odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)",
    "    return odd", ""];
}

/** What was reckoned of the cells isn't in the file: it is read from here. */
function reckoned(revision: string, { id }: Clustering, view: View): string[] {
  const [column, places] = [clusterColumn(id), clusterPlaces(id)];
  const said = JSON.stringify(view);
  if (!said.includes(column) && !said.includes(places)) return [];
  return ["import io, urllib.request, pyarrow.ipc",
    `made = urllib.request.urlopen("${address(`d/${revision}/clusterings/${id}`)}").read()`,
    "made = pyarrow.ipc.open_stream(io.BytesIO(made)).read_pandas()",
    `adata.obs["${column}"] = made["cluster"].to_numpy()`,
    `adata.obsm["${places}"] = made[["x", "y"]].to_numpy()`];
}

function pythonSelection(selection: Selection, name: string): string[] {
  const said = expression(selection);
  return [`${name} = ${said ?? "np.ones(adata.n_obs, bool)"}`];
}

/** The selection as one expression of boolean arrays; null when it keeps all cells. */
function expression(selection: Selection): string | null {
  if (selection.length === 0) return null;
  const alternatives: string[][] = [];
  selection.forEach((filter, at) => {
    if (at === 0 || filter.or) alternatives.push([]);
    alternatives[alternatives.length - 1].push(`${filter.not ? "~" : ""}${condition(filter)}`);
  });
  const joined = alternatives.map((parts) =>
    parts.length === 1 ? parts[0] : `(${parts.join("\n    & ")})`);
  return joined.length === 1 ? joined[0] : `(${joined.join("\n    | ")})`;
}

const numbers = (source: NumberSource): string => source.from === "obs"
  ? `adata.obs[${JSON.stringify(source.column)}].to_numpy()`
  : source.from === "gene" ? `gene(${JSON.stringify(source.gene)})`
    : `np.mean([gene(g) for g in ${JSON.stringify(source.genes)}], axis=0)`;

const labelList = (labels: (string | null)[]): string =>
  JSON.stringify(labels.filter((label) => label !== null));

function condition(filter: Filter): string {
  if (filter.kind === "joined") return `(${expression(filter.parts) ?? "True"})`;
  if (filter.kind === "category") {
    const column = `labels(${JSON.stringify(filter.column)})`;
    const labels = filter.only ?? filter.excluded;
    const listed = `${column}.isin(${labelList(labels)}).to_numpy()`;
    const named = labels.includes(null) ? `(${listed} | ${column}.isna().to_numpy())` : listed;
    return filter.only ? named : `(~${named})`;
  }
  if (filter.kind === "range") {
    const values = numbers(filter.source);
    const ends = [...(filter.low === null ? [] : [`(${values} ${filter.above ? ">" : ">="} ${filter.low})`]),
      ...(filter.high === null ? [] : [`(${values} ${filter.below ? "<" : "<="} ${filter.high})`])];
    return `(${ends.join(" & ") || "True"})`;
  }
  const { plane } = filter;
  const places = plane.of === "embedding"
    ? `np.asarray(adata.obsm[${JSON.stringify(plane.name)}])[:, ${JSON.stringify(plane.dimensions)}]`
    : `np.c_[${numbers(plane.x)}, ${numbers(plane.y)}]`;
  return filter.steps.reduce((sum, { how, polygon }) => {
    const corners = JSON.stringify(polygon.map((point) => point.map((value) =>
      Number(value.toPrecision(9))))).replaceAll("[", "(").replaceAll("]", ")");
    const hit = `inside(${places}, [${corners.slice(1, -1)}])`;
    return how === "replace" ? hit : `(${sum} ${
      how === "add" ? "|" : how === "subtract" ? "& ~" : "&"} ${hit})`;
  }, "");
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
const named = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** The selection as a condition of SQL over obs; null when it needs places or genes. */
export function sqlCondition(selection: Selection): string | null {
  const alternatives: string[][] = [[]];
  for (const filter of selection) {
    const part = sqlPart(filter);
    if (part === null) return null;
    if (filter.or && alternatives[0].length > 0) alternatives.push([]);
    alternatives[alternatives.length - 1].push(filter.not ? `(${part}) IS NOT TRUE` : part);
  }
  if (selection.length === 0) return "true";
  return alternatives.map((parts) => alternatives.length > 1 && parts.length > 1
    ? `(${parts.join(" AND ")})` : parts.join(" AND ")).join(" OR ");
}

function sqlPart(filter: Filter): string | null {
  if (filter.kind === "joined") {
    const parts = sqlCondition(filter.parts);
    return parts && `(${parts})`;
  }
  if (filter.kind === "category") {
    const column = named(filter.column);
    const listed = filter.only ?? filter.excluded;
    const labels = listed.filter((label): label is string => label !== null).map(quoted).join(", ");
    const isOne = labels ? `${column} IN (${labels})` : "false";
    if (filter.only) return listed.includes(null) ? `(${isOne} OR ${column} IS NULL)` : isOne;
    const isNone = labels ? `${column} NOT IN (${labels})` : "true";
    return listed.includes(null) ? `(${isNone} AND ${column} IS NOT NULL)`
      : `(${isNone} OR ${column} IS NULL)`;
  }
  if (filter.kind !== "range" || filter.source.from !== "obs") return null;
  const column = named(filter.source.column);
  return [...(filter.low === null ? [] : [`${column} ${filter.above ? ">" : ">="} ${filter.low}`]),
    ...(filter.high === null ? [] : [`${column} ${filter.below ? "<" : "<="} ${filter.high}`])].join(" AND ") || "true";
}

/** What a methods section needs to say. */
export function methods(pointer: Pointer, schema: Schema, view: View, cells: number): string {
  const words = selectionWords(within(view.subset, view.selection), () => undefined);
  const layer = schema.layers.find(({ name }) => name === view.layer);
  return `Data: ${pointer.title} (Stroma dataset ${pointer.name}, revision ${schema.revision}${
    pointer.hash ? `, hash ${pointer.hash}` : ""}; ${schema.cells} cells, ${schema.genes} genes). ${
    cells} cells were selected${words ? ` (${words})` : ""}. Expression values: ${view.layer}${
    layer && layer.unit !== "unknown" ? ` (${layer.unit})` : ""}. Regions and thresholds are in the script beside this text.`;
}
