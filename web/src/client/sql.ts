import { request, sendJson } from "./http";

export interface SqlColumn {
  name: string;
  type: string;
}
export type Cell = string | number | boolean | null;
export interface SqlAnswer {
  columns: SqlColumn[];
  rows: Cell[][];
  row_count: number;
}

const numeric = /^(u?(tiny|small|big|huge)?int(eger)?\d*|double|float\d*|real|decimal|numeric)\b/i;
export const isNumeric = ({ type }: SqlColumn): boolean => numeric.test(type) && !type.endsWith("]");

export const ask = async (statement: string, rowsMax: number, signal?: AbortSignal):
    Promise<SqlAnswer> => (await sendJson<SqlAnswer>("POST", "v1/sql",
  { statement, rows_max: rowsMax, format: "json" }, {}, signal)).body;

export async function askForFile(statement: string, format: "csv" | "parquet" | "arrow"):
    Promise<Blob> {
  const response = await request("v1/sql", { method: "POST",
    body: JSON.stringify({ statement, format }), headers: { "Content-Type": "application/json" } });
  return response.blob();
}

/** The relations of docs/sql.md, the most used first. */
export const relations = ["dataset", "obs", "var", "cells", "cell", "expression", "feature", "donor",
  "specimen", "cell_suspension", "library_preparation", "analysis", "project", "publication",
  "contributor", "comparison", "comparison_gene", "document", "file", "link", "provenance", "cell_all", "expression_all",
  "stl_load_commits"] as const;

export const columnsOf = async (relation: string): Promise<SqlColumn[]> =>
  (await ask(`SELECT * FROM ${relation} LIMIT 0`, 1)).columns;
