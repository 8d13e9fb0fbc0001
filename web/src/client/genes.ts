import { getJson } from "./http";

/** A gene in some cells: how many, how many have it, the mean over all and over those. */
export interface Expressed {
  cells: number;
  expressing: number;
  share: number | null;
  mean: number | null;
  mean_expressing: number | null;
}
export interface ExpressionGroup {
  label: string;
  term: string | null;
  broader: boolean;
  genes: (Expressed & { gene: string; datasets: number })[];
}
interface Named {
  id: string;
  name: string;
  title: string;
}
export interface OverDatasets {
  by: string;
  total: number;
  read: number;
  datasets: Named[];
  left_out: (Named & { why: string })[];
  groups: ExpressionGroup[];
}
export const expression = (query: URLSearchParams, signal?: AbortSignal): Promise<OverDatasets> =>
  getJson(`v1/portal/expression?${query}`, signal);

export interface GeneOverDatasets {
  gene: string;
  total: number;
  read: number;
  datasets: (Named & Expressed & { gene_id: string; gene_name: string; scale: string })[];
}
export const geneOverDatasets = (gene: string, query: URLSearchParams, signal?: AbortSignal):
    Promise<GeneOverDatasets> => {
  const asked = new URLSearchParams(query);
  asked.delete("rollup");
  asked.set("gene", gene);
  return getJson(`v1/portal/genes?${asked}`, signal);
};
