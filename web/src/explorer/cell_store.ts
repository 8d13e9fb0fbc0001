import { type ImageDescription, labelCells } from "../client/images";
import type { Clustering } from "../client/clustering";
import { described, type RevisionClient, type Schema } from "../client/dataset";
import type { CategoryColumn, Column, NumberColumn } from "../wire/columns";
import { GeneTable } from "./gene_table";
import { type CellData, forgetMasks, type NumberSource, type Plane, planeKey, sourceKey } from "./selection";

/** The columns, genes and places that were asked for so far. Each is fetched once; who asks for
 *  one that is not here yet is told by `subscribe` when it has come. */
export class CellStore implements CellData {
  readonly cells: number;
  private readonly columns = new Map<string, Column>();
  private readonly places = new Map<string, Float32Array[]>();
  private readonly labelRows = new Map<string, Int32Array>();
  private readonly pending = new Map<string, Promise<void>>();
  private readonly failures = new Map<string, Error>();
  private readonly planes = new Map<string, { xs: Float32Array; ys: Float32Array }>();
  private readonly listeners = new Set<() => void>();
  private table: GeneTable | undefined;
  private changes = 0;

  constructor(readonly client: RevisionClient, readonly schema: Schema) {
    this.cells = schema.cells;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  /** Grows whenever something came or failed. */
  version = (): number => this.changes;

  obs(column: string): Column | undefined {
    return this.wanted(`obs:${column}`, () => this.client.obs(column));
  }

  category(column: string): CategoryColumn | undefined {
    const found = this.obs(column);
    return found?.kind === "category" ? found : undefined;
  }

  numbers(source: NumberSource): NumberColumn | undefined {
    if (source.from === "set") return this.setMean(source);
    const found = source.from === "obs" ? this.obs(source.column)
      : this.wanted(sourceKey(source), () => this.client.gene(source.gene, source.layer));
    return found?.kind === "number" ? found : undefined;
  }

  /** What var says of the genes. */
  genes(): GeneTable | undefined {
    if (!this.table)
      this.load("var", async () => { this.table = new GeneTable(await this.client.variables()); });
    return this.table;
  }

  embedding(name: string): Float32Array[] | undefined {
    const key = `embedding:${name}`;
    const found = this.places.get(name);
    if (!found)
      this.load(key, async () => void this.places.set(name, await this.client.embedding(name)));
    return found;
  }

  /** Of an image of labels: the cell of each label. */
  cellsOfLabels(image: ImageDescription): Int32Array | undefined {
    const found = this.labelRows.get(image.id);
    if (!found)
      this.load(`labels:${image.id}`, async () =>
        void this.labelRows.set(image.id, await labelCells(this.schema.revision, image)));
    return found;
  }

  plane(plane: Plane): { xs: Float32Array; ys: Float32Array } | undefined {
    const known = this.planes.get(planeKey(plane));
    if (known) return known;
    let made: { xs: Float32Array; ys: Float32Array } | undefined;
    if (plane.of === "embedding") {
      const axes = this.embedding(plane.name);
      if (axes) made = { xs: axes[plane.dimensions[0]], ys: axes[plane.dimensions[1]] };
    } else {
      const x = this.numbers(plane.x);
      const y = this.numbers(plane.y);
      if (x && y) made = { xs: new Float32Array(x.values), ys: new Float32Array(y.values) };
    }
    if (made) this.planes.set(planeKey(plane), made);
    return made;
  }

  /** Offers what was reckoned of the cells beside what the revision has. */
  offer(clustering: Clustering): void {
    const { schema } = this;
    if (schema.clusterings.some(({ id }) => id === clustering.id)) return;
    const [column, places] = described(clustering);
    this.client.offer(clustering);
    schema.clusterings.push(clustering);
    schema.obs.push(column);
    schema.embeddings.push(places);
    this.tell();
  }

  /** Puts a column of the user's own beside those of the revision. */
  put(column: Column): void {
    this.columns.set(`obs:${column.name}`, column);
    this.failures.delete(`obs:${column.name}`);
    forgetMasks();
    this.tell();
  }

  /** Why something that was asked for will not come. */
  failure(key: string): Error | undefined {
    return this.failures.get(key);
  }
  allFailures = (): [string, Error][] => [...this.failures];
  get busy(): boolean {
    return this.pending.size > 0;
  }
  /** Ends when nothing is being fetched. */
  async settled(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending.values());
  }

  private setMean(source: NumberSource & { from: "set" }): NumberColumn | undefined {
    const key = sourceKey(source);
    const known = this.columns.get(key);
    if (known?.kind === "number") return known;
    const parts = source.genes.map((gene) =>
      this.numbers({ from: "gene", gene, layer: source.layer }));
    if (parts.length === 0 || parts.some((part) => part === undefined)) return undefined;
    const values = new Float32Array(this.cells);
    for (const part of parts)
      if (part)
        for (let at = 0; at < this.cells; at++) values[at] += part.values[at] / parts.length;
    const column: NumberColumn = { kind: "number", name: source.name, values };
    this.columns.set(key, column);
    return column;
  }

  private wanted(key: string, fetch: () => Promise<Column>): Column | undefined {
    const found = this.columns.get(key);
    if (!found) this.load(key, async () => void this.columns.set(key, await fetch()));
    return found;
  }

  private load(key: string, fetch: () => Promise<void>): void {
    if (this.pending.has(key) || this.failures.has(key)) return;
    const work = fetch()
      .catch((problem: unknown) => {
        this.failures.set(key, problem instanceof Error ? problem : new Error(String(problem)));
      })
      .finally(() => {
        this.pending.delete(key);
        this.tell();
      });
    this.pending.set(key, work);
  }

  private tell(): void {
    this.changes++;
    for (const listener of this.listeners) listener();
  }
}
