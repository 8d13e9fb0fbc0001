import { type CategoryColumn, readColumns } from "../wire/columns";
import { getBytes, getJson, request, sendJson } from "./http";

/** Where a person's labels and gene sets lie; shared ones can be read or changed by others. */
export interface Space {
  id: string;
  title: string;
  access: "own" | "write" | "read";
}

export interface LabelColumn {
  id: string;
  name: string;
  version: number;
  etag: string;
  cells: number;
  unassigned: number;
  labels: { label: string; cells: number }[];
}

/** One line of a column's history. */
export interface LabelEntry {
  version: number;
  who: { id: string; name: string };
  at: string;
  kind: string;
  cells: number;
  moves?: { from: string | null; to: string | null; cells: number }[];
  labels?: { from: string | null; to: string | null }[];
  name?: { from: string; to: string };
  undoes?: number;
  /** Cells that were left to another. */
  conflicts?: number;
}

export type Runs = [number, number][];

export type LabelOrder =
  | { op: "assign"; label: string | null; cells: Runs }
  | { op: "add" | "remove"; label: string }
  | { op: "rename"; from: string; to: string }
  | { op: "merge"; from: string[]; to: string }
  | { op: "rename_column"; name: string }
  | { op: "undo"; version: number };

/** What came of a change: cells that another had labelled first are left to them. */
export interface LabelOutcome {
  column: LabelColumn;
  entry: LabelEntry;
  conflicts: { cells: number; runs: Runs };
}

/** What became of a column that was taken over from another revision. */
export interface Carried {
  name: string;
  cells: number;
  /** Labelled cells that this revision doesn't have, and which. */
  lost: number;
  lostIds: string[];
}

interface CarrySaid {
  columns: { column: LabelColumn; carried: number; lost: number; lost_cells: string[] }[];
}

const arrow = "application/vnd.apache.arrow.stream";

/** Labels of one revision in one space. A change is made on top of what others changed since. */
export class LabelClient {
  constructor(readonly space: string, readonly revision: string) {}

  private get place(): string {
    return `u/spaces/${this.space}/revisions/${this.revision}`;
  }

  /** Null when nothing changed since the tag. */
  async list(etag: string | null): Promise<{ columns: LabelColumn[]; etag: string | null } | null> {
    const response = await request(`${this.place}/labels`,
      { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {} });
    if (response.status === 304) return null;
    const { columns } = (await response.json()) as { columns: LabelColumn[] };
    return { columns, etag: response.headers.get("ETag") };
  }

  async values(column: LabelColumn): Promise<CategoryColumn> {
    const [found] = readColumns(await getBytes(`u/labels/${column.id}/values`, arrow));
    if (found?.kind !== "category") throw new Error(`${column.name} holds no labels`);
    return { ...found, name: column.name };
  }

  async create(name: string, copyOf: string | null): Promise<LabelOutcome> {
    return (await sendJson<LabelOutcome>("POST", `${this.place}/labels`,
      { name, ...(copyOf ? { copy_of: copyOf } : {}) })).body;
  }

  async change(column: LabelColumn, order: LabelOrder): Promise<LabelOutcome> {
    return (await sendJson<LabelOutcome>("POST", `u/labels/${column.id}/history`,
      { ...order, on_conflict: "merge" }, { "If-Match": `"${column.etag}"` })).body;
  }

  async remove(column: LabelColumn): Promise<void> {
    await request(`u/labels/${column.id}`,
      { method: "DELETE", headers: { "If-Match": `"${column.etag}"` } });
  }

  async history(column: LabelColumn): Promise<LabelEntry[]> {
    return (await getJson<{ entries: LabelEntry[] }>(`u/labels/${column.id}/history`)).entries;
  }

  async csv(): Promise<Blob> {
    return (await request(`${this.place}/labels.csv`, { cache: "no-store" })).blob();
  }

  /** All columns over another revision, found again by the cells' ids. */
  async carry(from: string): Promise<Carried[]> {
    const { body } = await sendJson<CarrySaid>("POST", `${this.place}/carry`, { from });
    return body.columns.map(({ column, carried, lost, lost_cells }) =>
      ({ name: column.name, cells: carried, lost, lostIds: lost_cells }));
  }

  /** Cells that the table lacks stay as they are. */
  async importCsv(text: string, etag: string): Promise<{ rows: number }> {
    const response = await request(`${this.place}/labels.csv`, { method: "POST", body: text,
      headers: { "Content-Type": "text/csv", "If-Match": etag } });
    return (await response.json()) as { rows: number };
  }
}

export const listSpaces = async (): Promise<Space[]> =>
  (await getJson<{ spaces: Space[] }>("u/spaces")).spaces;

export const createSpace = async (title: string): Promise<Space> =>
  (await sendJson<Space>("POST", "u/spaces", { title })).body;

/** Whom a space is shared with. */
export interface SpaceGrant {
  principal: string;
  name?: string;
  access: "read" | "write";
}

const grantsOf = (space: string, principal = ""): string =>
  `u/spaces/${space}/grants${principal && `/${encodeURIComponent(principal)}`}`;

export const listGrants = async (space: string): Promise<SpaceGrant[]> =>
  (await getJson<{ grants: SpaceGrant[] }>(grantsOf(space))).grants;

/** By the person's name or id. */
export const shareSpace = async (space: string, person: string,
    access: SpaceGrant["access"]): Promise<void> => {
  await sendJson("PUT", grantsOf(space, person), { access });
};

export const unshareSpace = async (space: string, principal: string): Promise<void> => {
  await request(grantsOf(space, principal), { method: "DELETE" });
};
