import { getJson, sendJson } from "./http";

/** Cells of one revision that are to be grouped and laid out anew. */
export interface ClusteringOrder {
  revision: string;
  layer: string;
  resolution: number;
  neighbours: number;
  seed: number;
  /** Runs of cells, each [first, one past the last); without it all. */
  cells?: [number, number][];
}

/** One that is done. */
export interface Clustering {
  id: string;
  cells: number;
  clusters: number;
  layer: string;
  scale: string;
  genes: number;
  components: number;
  neighbours: number;
  resolution: number;
  modularity: number;
  variance_explained: number;
  warnings: string[];
}

export interface ClusteringState extends Partial<Clustering> {
  id: string;
  state: "queued" | "running" | "succeeded" | "done" | "failed" | "cancelled";
  step?: string;
  done?: number;
  total?: number;
  error?: string;
}

export const clusteringsOf = async (revision: string): Promise<Clustering[]> =>
  (await getJson<{ clusterings: Clustering[] }>(`d/${revision}/clusterings`)).clusterings;

/** What a clustering is called among the revision's columns and embeddings. */
export const clusterColumn = (id: string): string => `cluster ${id.slice(0, 8)}`;
export const clusterPlaces = (id: string): string => `clustering ${id.slice(0, 8)}`;

export async function cluster(order: ClusteringOrder,
    onProgress: (state: ClusteringState) => void, signal: AbortSignal): Promise<Clustering> {
  let state = (await sendJson<ClusteringState>("POST", "v1/clusterings", order, {}, signal)).body;
  const id = state.id;
  // Who asked first may end its job; for all others it goes on.
  signal.addEventListener("abort", () => void sendJson("DELETE", `v1/clusterings/${id}`, undefined)
    .catch(() => undefined));
  while (state.state === "queued" || state.state === "running" || state.state === "succeeded") {
    onProgress(state);
    signal.throwIfAborted();
    // The server holds the request until something changed.
    state = await getJson<ClusteringState>(`v1/clusterings/${id}?wait=5`, signal);
  }
  if (state.state !== "done") throw new Error(state.error ?? `the clustering was ${state.state}`);
  return state as Clustering;
}
