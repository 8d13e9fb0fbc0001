import type { Column } from "../wire/columns";

const kindColumns = ["feature_types", "feature_type", "modality"];
const symbolColumns = ["feature_name", "gene_symbols", "gene_symbol", "gene_name", "gene_names",
  "symbol", "Gene", "gene_short_name"];
const synonymColumns = ["synonyms", "synonym", "aliases", "alias"];

/** What var says of the genes: their names and, where RNA and protein were measured together, what
 *  each is. */
export class GeneTable {
  readonly kinds: string[];
  private readonly ids: (string | null)[];
  private readonly symbols: (string | null)[];
  private readonly kindOf: (string | null)[];
  private readonly rows = new Map<string, number>();

  /** The first column is var's index. */
  constructor(private readonly columns: Column[]) {
    this.ids = listOf(columns[0]);
    this.symbols = this.texts(...symbolColumns);
    this.kindOf = this.texts(...kindColumns);
    this.kinds = [...new Set(this.kindOf)].filter((kind): kind is string => kind !== null);
    this.symbols.forEach((symbol, row) => {
      if (symbol && !this.rows.has(symbol)) this.rows.set(symbol, row);
    });
    this.ids.forEach((id, row) => { if (id) this.rows.set(id, row); });
  }

  row(name: string): number | undefined {
    return this.rows.get(name);
  }
  id = (row: number): string => this.ids[row] ?? "";
  symbol = (row: number): string => this.symbols[row] ?? this.id(row);
  kind = (row: number): string | null => this.kindOf[row] ?? null;
  /** The name by which the gene is asked for: its symbol where no other gene has it. */
  name = (row: number): string =>
    this.rows.get(this.symbol(row)) === row && this.symbols.indexOf(this.symbol(row)) ===
      this.symbols.lastIndexOf(this.symbol(row)) ? this.symbol(row) : this.id(row);
  synonyms = (row: number): string =>
    synonymColumns.flatMap((name) => this.value(name, row) || []).join(", ");
  namesOf = (kind: string): string[] =>
    this.kindOf.flatMap((one, row) => one === kind ? [this.name(row)] : []);

  /** All that var says of one gene, except what is said elsewhere on its card. */
  facts(row: number): [string, string][] {
    const told = [...synonymColumns, ...symbolColumns];
    return this.columns.slice(1).filter(({ name }) => !told.includes(name)).flatMap(({ name }) => {
      const value = this.value(name, row);
      return value ? [[name, value] as [string, string]] : [];
    });
  }

  private value(name: string, row: number): string {
    const column = this.columns.slice(1).find((one) => one.name === name);
    if (!column) return "";
    if (column.kind === "number")
      return Number.isNaN(column.values[row]) ? "" : String(Number(column.values[row].toPrecision(6)));
    return (column.kind === "text" ? column.values[row] : column.labels[column.codes[row]]) ?? "";
  }

  private texts(...names: string[]): (string | null)[] {
    const known = names.flatMap((wanted) =>
      this.columns.slice(1).filter(({ name, kind }) => name === wanted && kind !== "number"));
    return known.length > 0 ? listOf(known[0]) : [];
  }
}

const listOf = (column: Column): (string | null)[] => column.kind === "text" ? column.values
  : column.kind === "category" ? Array.from(column.codes, (code) => column.labels[code] ?? null)
    : Array.from(column.values, String);

export const tellsKinds = (columns: { name: string }[]): boolean =>
  columns.some(({ name }) => kindColumns.includes(name));
