import { csv, rowsOf } from "../base/csv";
import type { CategoryColumn, Column } from "../wire/columns";
import type { Carried, LabelColumn, LabelEntry, LabelOrder, LabelOutcome, Runs, Space } from "./labels";

/** Labels of who isn't signed in: kept by this browser, for this revision, and taken along as CSV. */
export const browserSpace: Space = { id: "browser", title: "This browser", access: "write" };

/** Cells that one change moved, and the label that each had before and after. */
interface Moves {
  version: number;
  cells: Uint32Array;
  from: (string | null)[];
  to: (string | null)[];
}
interface Kept {
  id: string;
  revision: string;
  name: string;
  version: number;
  labels: string[];
  /** Index into `labels` for each cell, -1 where there is none. */
  codes: Int32Array;
  entries: LabelEntry[];
  /** Of the newest changes, which can be taken back. */
  moves: Moves[];
}

const database = "stroma";
const table = "labels";
const movesKept = 20;
const entriesKept = 200;

const answered = <Value>(asked: IDBRequest<Value>): Promise<Value> => new Promise((done, failed) => {
  asked.onsuccess = () => done(asked.result);
  asked.onerror = () => failed(asked.error ?? new Error("The browser keeps nothing here."));
});

async function opened(): Promise<IDBDatabase> {
  const asked = indexedDB.open(database, 1);
  asked.onupgradeneeded = () =>
    asked.result.createObjectStore(table, { keyPath: "id" }).createIndex("revision", "revision");
  return answered(asked);
}

/** One transaction: what two tabs change at once is done one after the other. */
async function inTransaction<Value>(mode: IDBTransactionMode,
    work: (columns: IDBObjectStore) => Promise<Value>): Promise<Value> {
  const base = await opened();
  try {
    const transaction = base.transaction(table, mode);
    const ended = new Promise<void>((done, failed) => {
      transaction.oncomplete = () => done();
      transaction.onabort = () => failed(transaction.error ?? new Error("The change was not kept."));
    });
    try {
      const value = await work(transaction.objectStore(table));
      await ended;
      return value;
    } catch (failure) {
      ended.catch(() => undefined);
      if (mode === "readwrite") transaction.abort();
      throw failure;
    }
  } finally {
    base.close();
  }
}

function described(kept: Kept): LabelColumn {
  const counts = new Uint32Array(kept.labels.length + 1);
  for (const code of kept.codes) counts[code < 0 ? kept.labels.length : code]++;
  return { id: kept.id, name: kept.name, version: kept.version, etag: String(kept.version),
    cells: kept.codes.length, unassigned: counts[kept.labels.length],
    labels: kept.labels.map((label, at) => ({ label, cells: counts[at] })) };
}

/** The label's number; -1 of none. */
function codeOf(kept: Kept, label: string | null): number {
  if (label === null) return -1;
  const at = kept.labels.indexOf(label);
  return at >= 0 ? at : kept.labels.push(label) - 1;
}

/** Gives cells a label, and what changed by it. */
function moved(kept: Kept, cells: Iterable<number>, label: (cell: number) => string | null): Moves {
  const moves = { cells: [] as number[], from: [] as (string | null)[], to: [] as (string | null)[] };
  for (const cell of cells) {
    const to = label(cell);
    const code = codeOf(kept, to);
    const before = kept.codes[cell];
    if (before === code || before === undefined) continue;
    moves.cells.push(cell);
    moves.from.push(before < 0 ? null : kept.labels[before]);
    moves.to.push(to);
    kept.codes[cell] = code;
  }
  return { ...moves, version: kept.version, cells: Uint32Array.from(moves.cells) };
}

function* cellsIn(runs: Runs): Generator<number> {
  for (const [first, end] of runs) for (let cell = first; cell < end; cell++) yield cell;
}

function* cellsWith(kept: Kept, labels: string[]): Generator<number> {
  const codes = new Set(labels.map((label) => kept.labels.indexOf(label)).filter((code) => code >= 0));
  for (let cell = 0; cell < kept.codes.length; cell++) if (codes.has(kept.codes[cell])) yield cell;
}

function dropped(kept: Kept, labels: string[]): void {
  const left = kept.labels.filter((label) => !labels.includes(label));
  const codes = kept.labels.map((label) => left.indexOf(label));
  kept.codes = kept.codes.map((code) => code < 0 ? -1 : codes[code]);
  kept.labels = left;
}

/** Does it, and says what was done. */
function applied(kept: Kept, order: LabelOrder): { moves: Moves; entry: Partial<LabelEntry> } {
  const none: Moves = { version: kept.version, cells: new Uint32Array(0), from: [], to: [] };
  switch (order.op) {
    case "assign": return { moves: moved(kept, cellsIn(order.cells), () => order.label), entry: {} };
    case "add":
      if (kept.labels.includes(order.label)) throw new Error(`There is a label ${order.label}.`);
      kept.labels.push(order.label);
      return { moves: none, entry: { labels: [{ from: null, to: order.label }] } };
    case "remove": {
      const moves = moved(kept, cellsWith(kept, [order.label]), () => null);
      dropped(kept, [order.label]);
      return { moves, entry: { labels: [{ from: order.label, to: null }] } };
    }
    case "rename": {
      if (kept.labels.includes(order.to)) throw new Error(`There is a label ${order.to}.`);
      const moves = moved(kept, cellsWith(kept, [order.from]), () => order.to);
      codeOf(kept, order.to);
      dropped(kept, [order.from]);
      return { moves, entry: { labels: [{ from: order.from, to: order.to }] } };
    }
    case "merge": {
      const moves = moved(kept, cellsWith(kept, order.from), () => order.to);
      dropped(kept, order.from);
      return { moves, entry: {} };
    }
    case "rename_column": {
      const name = { from: kept.name, to: order.name };
      kept.name = order.name;
      return { moves: none, entry: { name } };
    }
    case "undo": return { moves: undone(kept, order.version), entry: { undoes: order.version } };
  }
}

/** Cells that were labelled anew since then stay as they are. */
function undone(kept: Kept, version: number): Moves {
  const past = kept.moves.find((one) => one.version === version);
  if (!past) throw new Error("This browser has not kept what that change did.");
  const before = new Map<number, string | null>();
  past.cells.forEach((cell, at) => {
    const now = kept.codes[cell];
    if ((now < 0 ? null : kept.labels[now]) === past.to[at]) before.set(cell, past.from[at]);
  });
  return moved(kept, before.keys(), (cell) => before.get(cell) ?? null);
}

/** How many cells went from one label to another, for people to read. */
function summed(moves: Moves): NonNullable<LabelEntry["moves"]> {
  const sums = new Map<string, { from: string | null; to: string | null; cells: number }>();
  moves.from.forEach((from, at) => {
    const key = JSON.stringify([from, moves.to[at]]);
    const sum = sums.get(key) ?? { from, to: moves.to[at], cells: 0 };
    sum.cells++;
    sums.set(key, sum);
  });
  return [...sums.values()];
}

function noted(kept: Kept, kind: string, moves: Moves, more: Partial<LabelEntry>): LabelEntry {
  const entry: LabelEntry = { version: kept.version, who: { id: "", name: "you" }, kind,
    at: new Date().toISOString(), cells: moves.cells.length, moves: summed(moves), ...more };
  kept.entries = [entry, ...kept.entries].slice(0, entriesKept);
  if (moves.cells.length > 0) kept.moves = [moves, ...kept.moves].slice(0, movesKept);
  return entry;
}

/** The same questions as of LabelClient. */
export class BrowserLabels {
  /** `taken`: names that the revision's own columns have. */
  constructor(private readonly revision: string, private readonly cells: number,
    private readonly taken: string[],
    private readonly columnOf: (name: string, revision: string) => Promise<Column>) {}

  private kept = (revision = this.revision): Promise<Kept[]> => inTransaction("readonly",
    (columns) => answered(columns.index("revision").getAll(revision) as IDBRequest<Kept[]>));

  async list(etag: string | null): Promise<{ columns: LabelColumn[]; etag: string | null } | null> {
    const kept = await this.kept();
    const now = kept.map(({ id, version }) => `${id} ${version}`).join();
    return now === etag ? null : { columns: kept.map(described), etag: now };
  }

  async values(column: LabelColumn): Promise<CategoryColumn> {
    const { name, labels, codes } = await this.one(column);
    return { kind: "category", name, labels, codes };
  }

  async create(name: string, copyOf: string | null): Promise<LabelOutcome> {
    if (this.taken.includes(name)) throw new Error(`The dataset has a column ${name}; choose another name.`);
    const copied = copyOf ? await this.columnOf(copyOf, this.revision) : null;
    if (copied && copied.kind !== "category") throw new Error(`${copied.name} holds no labels.`);
    return inTransaction("readwrite", async (columns) => {
      const others = await answered(columns.index("revision").getAll(this.revision)) as Kept[];
      if (others.some((other) => other.name === name)) throw new Error(`There are labels ${name}.`);
      const kept: Kept = { id: `browser-${crypto.randomUUID()}`, revision: this.revision, name,
        version: 1, labels: copied?.labels.slice() ?? [], entries: [], moves: [],
        codes: copied?.codes.slice() ?? new Int32Array(this.cells).fill(-1) };
      const entry = noted(kept, copyOf ? "copy" : "create",
        { version: 1, cells: new Uint32Array(0), from: [], to: [] }, {});
      await answered(columns.put(kept));
      return { column: described(kept), entry, conflicts: { cells: 0, runs: [] } };
    });
  }

  change(column: LabelColumn, order: LabelOrder): Promise<LabelOutcome> {
    return inTransaction("readwrite", async (columns) => {
      const kept = await this.stored(columns, column.id);
      kept.version++;
      const { moves, entry } = applied(kept, order);
      const told = noted(kept, order.op, moves, entry);
      await answered(columns.put(kept));
      return { column: described(kept), entry: told, conflicts: { cells: 0, runs: [] } };
    });
  }

  async remove(column: LabelColumn): Promise<void> {
    await inTransaction("readwrite", async (columns) => { await answered(columns.delete(column.id)); });
  }

  history = async (column: LabelColumn): Promise<LabelEntry[]> => (await this.one(column)).entries;

  /** As the server writes them, so that they can be imported into a space of one's own. */
  async csv(): Promise<Blob> {
    const [kept, ids] = await Promise.all([this.kept(), this.ids()]);
    const rows = ids.map((id, cell) => [id, ...kept.map(({ codes, labels }) =>
      codes[cell] < 0 ? "" : labels[codes[cell]])]);
    return new Blob([csv(["cell_id", ...kept.map(({ name }) => name)], rows)], { type: "text/csv" });
  }

  async importCsv(text: string): Promise<{ rows: number }> {
    const [head, ...rows] = rowsOf(text);
    if (!head || head.length < 2) throw new Error("The first line must name the cells' ids and labels.");
    const places = new Map((await this.ids()).map((id, cell) => [id, cell]));
    const cells = rows.map((row, at) => {
      const cell = places.get(row[0]);
      if (cell === undefined || row.length !== head.length)
        throw new Error(`Line ${at + 2}: ${row[0]} is no cell of this dataset, or its width is another.`);
      return cell;
    });
    for (let at = 1; at < head.length; at++) {
      const known = (await this.kept()).find(({ name }) => name === head[at]);
      const column = known ? described(known) : (await this.create(head[at], null)).column;
      const labels = new Map(cells.map((cell, row) =>
        [cell, ["", "unassigned"].includes(rows[row][at]) ? null : rows[row][at]]));
      await inTransaction("readwrite", async (columns) => {
        const kept = await this.stored(columns, column.id);
        kept.version++;
        noted(kept, "import", moved(kept, labels.keys(), (cell) => labels.get(cell) ?? null), {});
        await answered(columns.put(kept));
      });
    }
    return { rows: rows.length };
  }

  /** All columns over another revision, found again by the cells' ids. */
  async carry(from: string): Promise<Carried[]> {
    const [columns, there, here] =
      await Promise.all([this.kept(from), this.ids(from), this.ids()]);
    const places = new Map(here.map((id, cell) => [id, cell]));
    const report: Carried[] = [];
    for (const old of columns) {
      const lostIds: string[] = [];
      const labels = new Map<number, string>();
      old.codes.forEach((code, row) => {
        const cell = places.get(there[row]);
        if (code >= 0 && cell === undefined) lostIds.push(there[row]);
        else if (code >= 0 && cell !== undefined) labels.set(cell, old.labels[code]);
      });
      const { column } = await this.create(old.name, null);
      await inTransaction("readwrite", async (table) => {
        const kept = await this.stored(table, column.id);
        kept.version++;
        kept.labels = old.labels.slice();
        noted(kept, "carry_over", moved(kept, labels.keys(), (cell) => labels.get(cell) ?? null), {});
        await answered(table.put(kept));
      });
      report.push({ name: old.name, cells: labels.size, lost: lostIds.length, lostIds });
    }
    return report;
  }

  private async ids(revision = this.revision): Promise<string[]> {
    const column = await this.columnOf("cell_id", revision);
    return column.kind === "text" ? column.values.map((id) => id ?? "")
      : column.kind === "category" ? Array.from(column.codes, (code) => column.labels[code])
        : Array.from(column.values, String);
  }
  private one = (column: LabelColumn): Promise<Kept> => inTransaction("readonly", (columns) =>
    this.stored(columns, column.id));
  private async stored(columns: IDBObjectStore, id: string): Promise<Kept> {
    const kept = await answered(columns.get(id) as IDBRequest<Kept | undefined>);
    if (!kept) throw new Error("These labels were deleted in another tab.");
    return kept;
  }
}
