import { type Column, readColumns } from "../wire/columns";
import { type Clustering, clusterColumn, clusteringsOf, clusterPlaces } from "./clustering";
import { getBytes, getJson } from "./http";
import { type ImageDescription, imagesOf } from "./images";

/** What a dataset's name, or a revision's id, stands for now. */
export interface Pointer {
  dataset: string;
  name: string;
  title: string;
  revision: string;
  visibility: string;
  /** Of the revision's bytes. */
  hash: string;
  /** 1 is the dataset's first revision. */
  number: number;
}

interface DatasetSaid {
  id: string;
  name: string;
  title: string;
  visibility: string;
  revision: { id: string; etag: string; number: number } | null;
}

interface RevisionSaid {
  id: string;
  number: number;
  etag: string;
  dataset: string;
}

export interface ColumnDescription {
  name: string;
  kind: "category" | "number" | "text";
  /** How many different labels a category has. */
  labels?: number;
  missing: number;
}

export interface EmbeddingDescription {
  name: string;
  dimensions: number;
  unit: string | null;
}

export interface LayerDescription {
  name: string;
  unit: string;
  min: number;
  max: number;
  whole_numbers: boolean;
}

/** What one immutable revision holds. */
export interface Schema {
  revision: string;
  cells: number;
  genes: number;
  obs: ColumnDescription[];
  var: ColumnDescription[];
  embeddings: EmbeddingDescription[];
  layers: LayerDescription[];
  /** Column, label, colour: what the file says. */
  colours: Record<string, Record<string, string>>;
  /** What lies under the embeddings. */
  images: ImageDescription[];
  /** What was reckoned of its cells since; each is a column and an embedding too. */
  clusterings: Clustering[];
}

/** The column and the embedding that a clustering is. */
export const described = (one: Clustering): [ColumnDescription, EmbeddingDescription] => [
  { name: clusterColumn(one.id), kind: "category", labels: one.clusters, missing: 0 },
  { name: clusterPlaces(one.id), dimensions: 2, unit: null }];

interface ColumnSaid {
  name: string;
  type: string;
  category_count?: number;
  missing: number;
}

interface SchemaSaid {
  revision: string;
  cells: number;
  genes: number;
  obs: { columns: ColumnSaid[] };
  var: { columns: ColumnSaid[] };
  embeddings: { name: string; dims: string[]; unit: string | null }[];
  layers: LayerDescription[];
}

const columnOf = ({ name, type, category_count, missing }: ColumnSaid): ColumnDescription => ({
  name, missing,
  kind: type === "categorical" || type === "bool" ? "category" : type === "string" ? "text"
    : "number",
  labels: type === "bool" ? 2 : category_count,
});

export interface GeneHit {
  gene: number;
  id: string;
  symbol: string;
  /** The name that was found. */
  matched: string;
}

const arrow = "application/vnd.apache.arrow.stream";

/** Reads one revision. What it answers never changes, so the browser may keep it for ever. */
export class RevisionClient {
  private readonly clustered = new Map<string, { path: string; columns?: Promise<Column[]> }>();

  constructor(readonly revision: string) {}

  async schema(): Promise<Schema> {
    const [said, colours, images, clusterings] = await Promise.all([
      getJson<SchemaSaid>(`d/${this.revision}/schema`),
      getJson<Schema["colours"]>(`d/${this.revision}/colors`), imagesOf(this.revision),
      clusteringsOf(this.revision)]);
    const made = clusterings.map(described);
    clusterings.forEach((one) => this.offer(one));
    return {
      ...said, colours, images, clusterings, var: said.var.columns.map(columnOf),
      obs: [...said.obs.columns.map(columnOf), ...made.map(([column]) => column)],
      embeddings: [...said.embeddings.map(({ name, dims, unit }) =>
        ({ name, unit, dimensions: dims.length })), ...made.map(([, places]) => places)],
    };
  }

  /** From now on the clustering's column and embedding can be asked for. */
  offer({ id }: Clustering): void {
    const entry = { path: `clusterings/${id}` };
    this.clustered.set(clusterColumn(id), entry);
    this.clustered.set(clusterPlaces(id), entry);
  }

  /** x, y and cluster of all cells. */
  private clusteredCells(name: string): Promise<Column[]> | undefined {
    const entry = this.clustered.get(name);
    if (entry) entry.columns ??= this.columns(entry.path, "high");
    return entry?.columns;
  }

  async obs(column: string): Promise<Column> {
    const clustered = await this.clusteredCells(column);
    if (clustered) return { ...clustered[2], name: column };
    return this.one(`obs?column=${encodeURIComponent(column)}`);
  }

  /** All columns of var; the first is "gene_id". */
  variables = (): Promise<Column[]> => this.columns("var");

  async embedding(name: string): Promise<Float32Array[]> {
    // Without it there is no picture, so it goes in front of the columns that panels ask for.
    const columns = (await this.clusteredCells(name))?.slice(0, 2) ??
      await this.columns(`embeddings/${encodeURIComponent(name)}`, "high");
    return columns.map((column) => {
      if (column.kind !== "number") throw new Error(`embedding ${name} holds ${column.kind}`);
      return column.values instanceof Float32Array ? column.values
        : new Float32Array(column.values);
    });
  }

  async gene(gene: string, layer: string): Promise<Column> {
    return this.one(
      `expression?gene=${encodeURIComponent(gene)}&layer=${encodeURIComponent(layer)}`);
  }

  searchGenes = (text: string, most: number): Promise<{ genes: GeneHit[] }> =>
    getJson(`d/${this.revision}/genes?search=${encodeURIComponent(text)}&limit=${most}`);

  private async one(path: string): Promise<Column> {
    const columns = await this.columns(path);
    if (columns.length !== 1) throw new Error(`${path} answered ${columns.length} columns`);
    return columns[0];
  }

  private async columns(path: string, priority?: RequestPriority): Promise<Column[]> {
    return readColumns(await getBytes(`d/${this.revision}/${path}`, arrow, priority));
  }
}

/** By a dataset's name or id, or by the id of one of its revisions. */
export async function pointerOf(named: string): Promise<Pointer> {
  const ask = <Said>(what: string) => getJson<Said>(`d/${encodeURIComponent(what)}`);
  const said = await ask<DatasetSaid | RevisionSaid>(named);
  const dataset = "dataset" in said ? await ask<DatasetSaid>(said.dataset) : said;
  const revision = "dataset" in said ? said : dataset.revision;
  if (!revision) throw new Error(`${dataset.title || dataset.name} has no data yet.`);
  const { id, name, title, visibility } = dataset;
  return { dataset: id, name, title: title || name, revision: revision.id, visibility,
    hash: revision.etag, number: revision.number };
}
