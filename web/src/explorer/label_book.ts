import { isLookedAt } from "../base/attention";
import { isSignedIn } from "../client/account";
import { BrowserLabels, browserSpace } from "../client/browser_labels";
import { RevisionClient } from "../client/dataset";
import {
  type Carried, createSpace, LabelClient, type LabelColumn, type LabelEntry, type LabelOrder, listSpaces,
  type Runs, type Space,
} from "../client/labels";
import { Refusal } from "../client/http";
import type { CellStore } from "./cell_store";

const pollEvery = 2_000;
const chosenKey = "label space";
const lookedBackMost = 5;

/** Cells that another labelled first, and the label that they would have got. */
export interface Conflict {
  column: string;
  label: string | null;
  cells: number;
  runs: Runs;
}

/** A person's own columns over one revision: read, changed, and kept up with what others change.
 *  Their values lie in the cell store beside the revision's columns. */
export class LabelBook {
  spaces: Space[] = [];
  columns: LabelColumn[] = [];
  space: Space | null = null;
  problem = "";
  conflict: Conflict | null = null;
  /** Labels over an earlier revision, while this one has none. */
  earlier: { revision: string; names: string[] } | null = null;
  /** What became of those that were taken over. */
  carried: Carried[] | null = null;
  /** The column that keys assign to. */
  active: string | null = null;
  private client: LabelClient | BrowserLabels | null = null;
  private etag: string | null = null;
  private readonly loaded = new Map<string, string>();
  private readonly listeners = new Set<() => void>();
  private changes = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private work: Promise<unknown> = Promise.resolve();

  /** `before`: the dataset's earlier revisions, the newest first. */
  constructor(private readonly store: CellStore,
    private readonly before: () => Promise<string[]> = async () => []) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  version = (): number => this.changes;
  get mayChange(): boolean {
    return this.space !== null && this.space.access !== "read";
  }

  /** Reads the spaces, and the labels of the one used last. */
  async open(): Promise<void> {
    if (!isSignedIn()) return this.choose(browserSpace);
    this.spaces = await listSpaces();
    const chosen = localStorage.getItem(chosenKey);
    const space = this.spaces.find(({ id }) => id === chosen) ??
      this.spaces.find(({ access }) => access === "own") ?? this.spaces[0] ?? null;
    if (space) await this.choose(space);
  }

  /** Asks now and then what changed; the function ends it. */
  watch(): () => void {
    let ended = false;
    const again = () => {
      if (ended) return;
      this.timer = setTimeout(() => {
        // The first space may be made in another tab.
        const asked = !isLookedAt() ? Promise.resolve()
          : this.inTurn(() => this.space ? this.refresh() : this.open());
        void asked.then(again);
      }, pollEvery);
    };
    again();
    return () => {
      ended = true;
      clearTimeout(this.timer);
    };
  }

  async choose(space: Space): Promise<void> {
    this.space = space;
    const { schema, client } = this.store;
    this.client = space === browserSpace
      ? new BrowserLabels(schema.revision, schema.cells, schema.obs.map(({ name }) => name),
        (name, revision) => (revision === schema.revision ? client
          : new RevisionClient(revision)).obs(name))
      : new LabelClient(space.id, schema.revision);
    this.etag = null;
    this.columns = [];
    this.earlier = null;
    if (space !== browserSpace) localStorage.setItem(chosenKey, space.id);
    await this.refresh();
    // Nobody waits for it.
    if (this.columns.length === 0 && this.mayChange)
      this.lookBack(space).catch(() => undefined);
  }

  /** Whether an earlier revision has labels that could be taken over. */
  private async lookBack(space: Space): Promise<void> {
    for (const revision of (await this.before()).slice(0, lookedBackMost)) {
      const client = space === browserSpace ? new BrowserLabels(revision, 0, [], () =>
        Promise.reject(new Error("not asked"))) : new LabelClient(space.id, revision);
      const found = await client.list(null);
      if (!found || found.columns.length === 0) continue;
      if (this.space !== space || this.columns.length > 0) return;
      this.earlier = { revision, names: found.columns.map(({ name }) => name) };
      return this.tell();
    }
  }

  carry = (): Promise<void> => this.attempt(async () => {
    const from = this.earlier?.revision;
    if (!from) return;
    this.carried = await this.mine().carry(from);
    this.earlier = null;
    await this.refresh();
  });

  column(id: string): LabelColumn | undefined {
    return this.columns.find((column) => column.id === id);
  }

  create = (name: string, copyOf: string | null): Promise<void> => this.attempt(async () => {
    if (!this.space) {
      const made = await createSpace("My labels");
      this.spaces = [...this.spaces, made];
      await this.choose(made);
    }
    const outcome = await this.mine().create(name, copyOf);
    this.active = outcome.column.id;
    await this.refresh();
  });

  change = (id: string, order: LabelOrder): Promise<void> => this.attempt(async () => {
    const column = this.column(id);
    if (!column) return;
    const { conflicts } = await this.mine().change(column, order);
    this.conflict = conflicts.cells > 0 && order.op === "assign"
      ? { column: id, label: order.label, ...conflicts } : null;
    await this.refresh();
  });

  /** Gives the cells that were left to another the label after all. */
  insist(): Promise<void> {
    const conflict = this.conflict;
    return conflict ? this.change(conflict.column,
      { op: "assign", label: conflict.label, cells: conflict.runs }) : Promise.resolve();
  }
  dismiss(): void {
    this.conflict = null;
    this.earlier = null;
    this.carried = null;
    this.problem = "";
    this.tell();
  }

  remove = (id: string): Promise<void> => this.attempt(async () => {
    const column = this.column(id);
    if (!column) return;
    await this.mine().remove(column);
    await this.refresh();
  });

  history = async (column: LabelColumn): Promise<LabelEntry[]> => this.mine().history(column);
  csv = (): Promise<Blob> => this.mine().csv();

  importCsv = (text: string): Promise<void> => this.attempt(async () => {
    await this.refresh();
    await this.mine().importCsv(text, this.etag ?? "*");
    await this.refresh();
  });

  activate(id: string): void {
    this.active = id;
    this.tell();
  }

  private mine(): LabelClient | BrowserLabels {
    if (!this.client) throw new Error("no space is chosen");
    return this.client;
  }

  /** One thing at a time, so that each change knows what came of the one before. */
  private inTurn(what: () => Promise<void>): Promise<void> {
    const turn = this.work.then(what).catch((failure: Error) => {
      this.problem = failure.message;
      this.tell();
    });
    this.work = turn;
    return turn;
  }
  private attempt(what: () => Promise<void>): Promise<void> {
    this.problem = "";
    return this.inTurn(what);
  }

  private async refresh(): Promise<void> {
    if (!this.client) return;
    const client = this.client;
    const answer = await client.list(this.etag).catch((failure: Error) => {
      if (failure instanceof Refusal && failure.status === 404) return "gone" as const;
      throw failure;
    });
    if (answer === "gone") return this.leave();
    if (!answer || client !== this.client) return;
    for (const column of answer.columns) {
      if (this.loaded.get(column.id) === `${column.name} ${column.etag}`) continue;
      this.store.put(await client.values(column));
      this.loaded.set(column.id, `${column.name} ${column.etag}`);
    }
    this.etag = answer.etag;
    this.columns = answer.columns;
    if (!this.column(this.active ?? "")) this.active = this.columns[0]?.id ?? null;
    this.tell();
  }

  /** The chosen space isn't there for this reader any more: another one is. */
  private async leave(): Promise<void> {
    const left = this.space;
    // It is there: then the revision can't be read any more.
    if ((await listSpaces()).some(({ id }) => id === left?.id))
      throw new Error("The labels of this revision can't be read any more.");
    this.space = null;
    this.client = null;
    this.columns = [];
    await this.open();
    this.problem = `“${left?.title ?? ""}” is not shared with you any more.`;
    this.tell();
  }

  private tell(): void {
    this.changes++;
    for (const listener of this.listeners) listener();
  }
}
