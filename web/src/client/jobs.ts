import { getJson, request, sendJson } from "./http";

export interface Job {
  id: string;
  stage: string;
  title: string;
  owner: string;
  state: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  attempt: number;
  progress: { step: string; done: number; total: number; unit: string };
  outputs: Record<string, unknown> | null;
  error: { code: string; message: string } | null;
  cancel_asked: boolean;
  created: string;
  started: string | null;
  ended: string | null;
}

export const isOver = (job: Job): boolean =>
  job.state === "succeeded" || job.state === "failed" || job.state === "cancelled";

export const cancelJob = async (id: string): Promise<Job> =>
  (await sendJson<Job>("POST", `v1/jobs/${id}/cancel`, {})).body;
export const retryJob = async (id: string): Promise<Job> =>
  (await sendJson<Job>("POST", `v1/jobs/${id}/retry`, {})).body;
export const jobLog = async (id: string): Promise<{ at: string; level: string; text: string }[]> =>
  (await getJson<{ lines: { at: string; level: string; text: string }[] }>(`v1/jobs/${id}/log`)).lines;

/** The data of a stream of server-sent events, one by one. Read by hand, since the browser's own
 *  reader of events can't send a token. */
export async function* eventsOf<Data>(path: string, signal: AbortSignal): AsyncGenerator<Data> {
  const response = await request(path, { signal });
  if (!response.body) throw new Error("the server sent no events");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart()).join("\n");
      if (data) yield JSON.parse(data) as Data;
    }
  }
}

/** Follows a job until it is over. */
export async function watchJob(id: string, signal: AbortSignal, onChange: (job: Job) => void):
    Promise<Job> {
  let last: Job | null = null;
  for await (const job of eventsOf<Job>(`v1/jobs/${id}/events`, signal)) {
    last = job;
    onChange(job);
  }
  if (last && isOver(last)) return last;
  // The server went down meanwhile, or the connection broke: ask once more.
  return watchJob(id, signal, onChange);
}

/** One's newest jobs (or everybody's), again whenever one changed, until the signal. */
export async function watchJobs(everyones: boolean, signal: AbortSignal,
    onChange: (jobs: Job[]) => void): Promise<void> {
  const known = new Map<string, Job>();
  const path = `v1/jobs/events${everyones ? "?all=true" : ""}`;
  // The server ends a stream after a while, to ask anew who watches.
  while (!signal.aborted)
    for await (const { jobs } of eventsOf<{ jobs: Job[] }>(path, signal)) {
      for (const job of jobs) known.set(job.id, job);
      onChange([...known.values()].sort((one, other) => other.created.localeCompare(one.created)));
    }
}

export interface ImportOrder {
  upload?: string;
  /** A file of the server; for administrators. */
  path?: string;
  /** What is imported is a picture (or labels of cells) under a dataset's cells. */
  image?: { of: string; name: string; embedding: string; transform: number[]; labels?: boolean;
    cell_column?: string };
  url?: string;
  /** Id of a matrix request: the cells of other datasets. */
  result?: string;
  dataset?: string;
  title?: string;
  profile?: string;
  require_valid?: boolean;
  make_ids_unique?: boolean;
}
export const startImport = async (order: ImportOrder): Promise<Job> =>
  (await sendJson<Job>("POST", "v1/imports", order)).body;
