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

export const listJobs = async (everyones: boolean): Promise<Job[]> =>
  (await getJson<{ jobs: Job[] }>(`v1/jobs?limit=100${everyones ? "&all=true" : ""}`)).jobs;
export const cancelJob = async (id: string): Promise<Job> =>
  (await sendJson<Job>("POST", `v1/jobs/${id}/cancel`, {})).body;
export const retryJob = async (id: string): Promise<Job> =>
  (await sendJson<Job>("POST", `v1/jobs/${id}/retry`, {})).body;
export const jobLog = async (id: string): Promise<{ at: string; level: string; text: string }[]> =>
  (await getJson<{ lines: { at: string; level: string; text: string }[] }>(`v1/jobs/${id}/log`)).lines;

/** Follows a job's server-sent events until it is over. Read by hand, since the browser's own
 *  reader of events can't send a token. */
export async function watchJob(id: string, signal: AbortSignal, onChange: (job: Job) => void):
    Promise<Job> {
  const response = await request(`v1/jobs/${id}/events`, { signal });
  if (!response.body) throw new Error("the server sent no events");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let last: Job | null = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart()).join("\n");
      if (!data) continue;
      last = JSON.parse(data) as Job;
      onChange(last);
    }
  }
  if (last && isOver(last)) return last;
  // The server went down meanwhile, or the connection broke: ask once more.
  return watchJob(id, signal, onChange);
}

export interface ImportOrder {
  upload?: string;
  url?: string;
  /** Id of a matrix request: the cells of other datasets. */
  result?: string;
  dataset?: string;
  title?: string;
  profile?: string;
  require_valid?: boolean;
}
export const startImport = async (order: ImportOrder): Promise<Job> =>
  (await sendJson<Job>("POST", "v1/imports", order)).body;
