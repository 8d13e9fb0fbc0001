import { readColumns } from "../wire/columns";
import { getBytes, getJson, sendJson } from "./http";

/** Two sets of cells of one revision, compared gene by gene. */
export interface ComparisonOrder {
  revision: string;
  layer: string;
  test: "welch" | "wilcoxon" | "pseudobulk";
  /** The column of donors, for a pseudobulk. */
  donor_column?: string;
  /** Runs of cells, each [first, one past the last), or the cells with some labels; without `b` all
   *  the others. */
  a: [number, number][] | { column: string; labels: string[] };
  b?: [number, number][];
}

export interface ComparisonState {
  id: string;
  state: "queued" | "running" | "succeeded" | "done" | "failed" | "cancelled";
  done?: number;
  total?: number;
  error?: string;
  /** What was compared and how, in words and numbers. */
  cells_a: number;
  cells_b: number;
  genes_tested: number;
  layer: string;
  unit: string;
  scale: string;
  fold_change: string;
  warnings: string[];
  /** Of a pseudobulk: its samples, and whether each donor is compared with itself. */
  samples?: { donor: string; set: "a" | "b"; cells: number; used: boolean }[];
  paired?: boolean;
}

export interface ComparedGene {
  id: string;
  name: string;
  meanA: number;
  meanB: number;
  foldChange: number;
  /** Mean of A less that of B, as the values are scaled. */
  difference: number;
  shareA: number;
  shareB: number;
  statistic: number;
  p: number;
  adjusted: number;
  bonferroni: number;
}

export async function compare(order: ComparisonOrder,
    onProgress: (state: ComparisonState) => void, signal: AbortSignal): Promise<ComparisonState> {
  let state = (await sendJson<ComparisonState>("POST", "v1/comparisons", order, {}, signal)).body;
  const id = state.id;
  // Who asked first may end its job; for all others it goes on.
  signal.addEventListener("abort", () => void sendJson("DELETE", `v1/comparisons/${id}`, undefined)
    .catch(() => undefined));
  while (state.state === "queued" || state.state === "running" || state.state === "succeeded") {
    onProgress(state);
    signal.throwIfAborted();
    // The server holds the request until something changed.
    state = await getJson<ComparisonState>(`v1/comparisons/${id}?wait=5`, signal);
  }
  if (state.state !== "done") throw new Error(state.error ?? `the comparison was ${state.state}`);
  return state;
}

export const comparisonFile = (id: string, format: "csv" | "arrow"): Promise<ArrayBuffer> =>
  getBytes(`v1/comparisons/${id}/table?format=${format}`, "*/*");

/** The whole table, all genes. */
export async function comparisonTable(id: string): Promise<ComparedGene[]> {
  const body = await comparisonFile(id, "arrow");
  // Welch's statistic is t, that of the ranks z.
  const columns = new Map(readColumns(body).map((column) =>
    [column.name === "t" || column.name === "z" ? "statistic" : column.name, column]));
  const numbers = (name: string) => {
    const column = columns.get(name);
    if (column?.kind !== "number") throw new Error(`the table has no numbers '${name}'`);
    return column.values;
  };
  const texts = (name: string) => {
    const column = columns.get(name);
    if (column?.kind === "text") return column.values;
    if (column?.kind === "category")
      return Array.from(column.codes, (code) => column.labels[code] ?? null);
    throw new Error(`the table has no texts '${name}'`);
  };
  const ids = texts("gene_id");
  const names = texts("gene_name");
  const [meanA, meanB, fold, difference, shareA, shareB, statistic, p, adjusted, bonferroni] = ["mean_a",
    "mean_b", "log2_fold_change", "mean_difference", "fraction_a", "fraction_b", "statistic", "p",
    "p_benjamini_hochberg", "p_bonferroni"].map(numbers);
  return ids.map((id, at) => ({
    id: id ?? "", name: names[at] || (id ?? ""), meanA: meanA[at], meanB: meanB[at],
    foldChange: fold[at], difference: difference[at], shareA: shareA[at], shareB: shareB[at], statistic: statistic[at],
    p: p[at], adjusted: adjusted[at], bonferroni: bonferroni[at],
  }));
}
