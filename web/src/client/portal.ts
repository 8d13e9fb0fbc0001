import { getJson, request, sendJson } from "./http";

/** Datasets, collections, dashboards: what the server says of them beside their cells. */

export interface Entry {
  id: string;
  name: string;
  title: string;
  description: string;
  visibility: "private" | "public";
  revision: string;
  collection: { id: string; title: string } | null;
  doi: string | null;
  created: string;
  changed: string;
  cells?: number;
  genes?: number;
  facets?: Record<string, string[]>;
}
export interface FacetValue {
  value: string;
  /** Its id, where it is a term of an ontology. */
  term: string | null;
  datasets: number;
  chosen: boolean;
  /** A group: no dataset says it by itself. */
  broader: boolean;
}
export interface FacetCounts {
  name: string;
  title: string;
  values: FacetValue[];
}
export interface Found {
  total: number;
  all: number;
  datasets: Entry[];
  facets: FacetCounts[];
}
export const search = (query: URLSearchParams, signal?: AbortSignal): Promise<Found> =>
  getJson(`v1/portal/search?${query}`, signal);

export interface FoundTerm {
  id: string;
  name: string;
  found_by: string;
}
export const searchTerms = async (facet: string, words: string, signal?: AbortSignal):
    Promise<FoundTerm[]> =>
  (await getJson<{ terms: FoundTerm[] }>(
    `v1/ontology/terms?${new URLSearchParams({ facet, q: words, limit: "8" })}`, signal)).terms;

export interface Link {
  kind: string;
  url: string;
  title: string;
}
export interface Publication {
  title?: string;
  authors?: string[];
  journal?: string;
  year?: number | null;
}
export interface Card {
  description: string;
  doi: string | null;
  contact: string;
  links: Link[];
  publication: Publication;
  citation: string;
  version: number;
  changed: string | null;
}
export interface Source {
  file?: string;
  format?: string;
  sha256?: string;
}
export interface Revision {
  id: string;
  number: number;
  current: boolean;
  state: string;
  cells: number;
  genes: number;
  nonzeros: number;
  etag: string;
  created: string;
  source: Source;
}
export interface May {
  change: boolean;
  share: boolean;
  remove: boolean;
}
export interface DatasetRecord {
  id: string;
  name: string;
  title: string;
  visibility: "private" | "public";
  owner: string;
  created: string;
  changed: string;
  card: Card;
  may: May;
  collection: { id: string; name: string; title: string } | null;
  revisions: Revision[];
  files: { format: string; name?: string; bytes?: number }[];
  facets?: { name: string; title: string; values: { value: string; cells: number }[] }[];
}
const part = encodeURIComponent;
export const readDataset = (name: string): Promise<DatasetRecord> =>
  getJson(`v1/portal/datasets/${part(name)}`);
export const changeDataset = (id: string, change: Record<string, unknown>): Promise<unknown> =>
  sendJson("PATCH", `v1/datasets/${part(id)}`, change);
export const changeCard = (kind: "datasets" | "collections", id: string, version: number,
    change: Record<string, unknown>): Promise<unknown> =>
  sendJson("PATCH", `v1/portal/${kind}/${part(id)}${kind === "datasets" ? "/card" : ""}`, change,
    { "If-Match": `"${version}"` });
export const buryIt = (kind: "datasets" | "collections", id: string, reason: string):
    Promise<unknown> => sendJson("POST", `v1/portal/${kind}/${part(id)}/tombstone`, { reason });
export const askDoi = async (doi: string): Promise<Publication> =>
  (await getJson<{ publication: Publication }>(`v1/portal/doi?doi=${part(doi)}`)).publication;

export interface Finding {
  severity: "error" | "warning";
  where: string;
  column: string;
  value: string;
  message: string;
  fix: string;
  rows?: number;
  first_row?: number;
  first_id?: string;
}
export interface Report {
  profile: string;
  title: string;
  version: string;
  state: "valid" | "invalid";
  errors: number;
  warnings: number;
  rules: number;
  /** Absent in reports that were kept before ontologies could be read in. */
  terms?: { checked: { ontology: string; version: string }[]; by_form: string[] };
  findings: Finding[];
}
export const readReport = (id: string, profile: string, revision: string): Promise<Report> =>
  getJson(`v1/portal/datasets/${part(id)}/report?profile=${part(profile)}&revision=${part(revision)}`);
export const reportOfJob = (job: string, profile: string): Promise<Report> =>
  getJson(`v1/portal/jobs/${part(job)}/report?profile=${part(profile)}`);
export interface Profile {
  name: string;
  title: string;
  version: string;
  about: string;
}
export const profiles = async (): Promise<Profile[]> =>
  (await getJson<{ profiles: Profile[] }>("v1/portal/profiles")).profiles;

export interface DownloadLink {
  url: string;
  path: string;
  expires: string;
}
export const makeLink = async (id: string, format: string, revision: string): Promise<DownloadLink> =>
  (await sendJson<DownloadLink>("POST", `v1/portal/datasets/${part(id)}/links`,
    { format, revision })).body;
/** Whether the file behind a link is there; else how far it is, 0 to 100. */
export async function fileReady(path: string, signal: AbortSignal): Promise<number | true> {
  // The server holds the request until something changed.
  const response = await request(`${path}?wait=5`, { method: "HEAD", signal });
  if (response.status === 200) return true;
  const answer = await request(path, { signal });
  if (answer.status === 202) return ((await answer.json()) as { percentage?: number }).percentage ?? 0;
  // Ready by now: these are the file's bytes, which nobody reads here.
  await answer.body?.cancel();
  return true;
}

export interface CollectionHead {
  id: string;
  name: string;
  title: string;
  state: "private" | "published";
  created: string;
  changed: string;
  published: string | null;
  revised: string | null;
  card: Card;
  datasets: number;
  cells: number;
}
export interface CollectionRecord extends Omit<CollectionHead, "datasets" | "cells"> {
  may: May;
  datasets: Entry[];
  revision: { title: string; description: string; datasets: Entry[]; started: string } | null;
}
export const listCollections = async (): Promise<CollectionHead[]> =>
  (await getJson<{ collections: CollectionHead[] }>("v1/portal/collections")).collections;
export const readCollection = (id: string): Promise<CollectionRecord> =>
  getJson(`v1/portal/collections/${part(id)}`);
export const createCollection = async (name: string, title: string): Promise<{ id: string }> =>
  (await sendJson<{ id: string }>("POST", "v1/collections", { name, title })).body;
export const publishCollection = (id: string): Promise<unknown> =>
  sendJson("POST", `v1/portal/collections/${part(id)}/publish`, {});
export const beginRevision = (id: string): Promise<unknown> =>
  sendJson("POST", `v1/portal/collections/${part(id)}/revision`, {});
export const dropRevision = (id: string): Promise<unknown> =>
  sendJson("DELETE", `v1/portal/collections/${part(id)}/revision`, undefined);

export interface ChartChoice {
  kind: "table" | "bars" | "line" | "points" | "number";
  x?: string;
  y?: string;
}
