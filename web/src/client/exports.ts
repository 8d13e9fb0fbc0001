import { address, getJson, keptToken, request, sendJson } from "./http";
import { isOver, type Job, startImport, watchJob } from "./jobs";

/** Cells of one revision as a file, or as a dataset of their own. */
export interface CellExport {
  revision: string;
  /** Runs [first, one past the last); left out: all. */
  cells?: [number, number][];
  format: string;
}

/** Cells of any datasets that a condition of SQL holds for. */
export interface JoinedExport {
  where: string;
  format: string;
}

export const exportFormats = [
  { value: "h5ad", text: "AnnData (h5ad)" }, { value: "zarr", text: "Zarr, zipped" },
  { value: "parquet", text: "Parquet" }, { value: "loom", text: "Loom" },
  { value: "10x", text: "10x HDF5" }, { value: "mtx", text: "Matrix Market, zipped" },
  { value: "csv", text: "CSV, zipped" },
];

const ask = async (order: CellExport | JoinedExport): Promise<string> =>
  (await sendJson<{ request_id: string }>("POST", "v1/matrix", order)).body.request_id;

/** Makes the file and hands it to the browser, which reads it while it is made. A token that only
 *  this page knows can't go with a link, so then the page reads it. */
export async function downloadCells(order: CellExport,
    save: (name: string, content: Blob) => void): Promise<void> {
  const path = `v1/matrix/${await ask(order)}/stream`;
  if (!keptToken()) {
    const link = document.createElement("a");
    link.href = address(path);
    link.download = "";
    link.click();
    return;
  }
  const response = await request(path);
  const named = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "");
  save(named?.[1] ?? `selection.${order.format}`, await response.blob());
}

/** The cells as a new dataset that tells where they come from. Of several datasets, cells with one id
 *  get a suffix. */
export async function deriveDataset(order: CellExport | JoinedExport, title: string, name: string,
    onChange: (job: Job) => void, signal: AbortSignal): Promise<{ dataset: string }> {
  const id = await ask(order);
  const { job } = await getJson<{ job: string | null }>(`v1/matrix/${id}`, signal);
  if (job) await watchJob(job, signal, onChange);
  const begun = await startImport({ result: id, title, dataset: name,
    make_ids_unique: "where" in order });
  const done = isOver(begun) ? begun : await watchJob(begun.id, signal, onChange);
  if (done.state !== "succeeded")
    throw new Error(done.error?.message ?? `the import was ${done.state}`);
  return { dataset: String(done.outputs?.name ?? name) };
}
