import { getJson, request, sendJson } from "./http";
import type { ImageDescription } from "./images";
import { eventsOf } from "./jobs";

/** Runs of pipelines: what the server tells of them, and what can be done to them. */

export type RunState = "running" | "succeeded" | "failed" | "cancelled";
export type TaskState = "waiting" | "ready" | "running" | "review" | "done" | "dead" | "blocked"
  | "cancelled";

export interface Total {
  tasks: number;
  cached: number;
  states: Partial<Record<TaskState, number>>;
  share_done: number;
  core_seconds: number;
  bytes_in: number;
}

export interface Run {
  id: string;
  name: string;
  pipeline: string;
  version: string;
  owner: string;
  location: string;
  parameters: Record<string, unknown>;
  priority: number;
  state: RunState;
  error: string;
  created: string;
  ended: string | null;
}

export interface ListedRun extends Run {
  accepted: number;
  rejected: number;
  total?: Total;
  seconds_left?: number | null;
}

export interface Stage extends Total {
  stage: string;
  step: string;
  command: string[];
  reads: string[];
  scatter: string[];
  needs_review: boolean;
}

export interface Review {
  stage: string;
  item: string;
  accepted: boolean;
  comment: string;
  reviewer: string;
  at: string;
}

export interface RunDetail extends Run {
  stages: Stage[];
  stages_left: string[];
  total: Total;
  folder: string;
  definition: string;
  pipeline_inputs: { input: string; pattern: string }[];
  pipeline_parameters: Record<string, unknown>;
  reviews: Review[];
  cost: { images: number; core_seconds_each: number; bytes_each: number };
  seconds_left: number | null;
  archived: number;
}

export interface Attempt {
  attempt: number;
  worker: string;
  outcome: string;
  error: string;
  verdict: string;
  memory_bytes: number;
  peak_bytes: number;
  core_seconds: number;
  started: string | null;
  ended: string | null;
}

export interface Task {
  id: number;
  stage: string;
  item: string;
  state: TaskState;
  cached: boolean;
  why: string[];
  attempt: number;
  worker: string;
  outcome: string;
  error: string;
  core_seconds: number;
  peak_bytes: number;
  bytes_in: number;
  progress: { done: number; total: number; unit: string; step: string };
  started: string | null;
  ended: string | null;
  attempts: Attempt[];
  outputs?: Record<string, string[]>;
  pictures?: string[];
  summary?: unknown;
  place?: Place;
  /** Where its outputs lie on the server; told to administrators. */
  folder?: string;
}

/** Where an output lies: in the archive it can't be looked at until it was brought back. */
export type Place = "here" | "archived" | "restored" | "restoring";
export const isAway = (place?: Place): boolean => place === "archived" || place === "restoring";

export interface Shelf {
  archived: number;
  restoring: number;
  outputs: { stage: string; item: string; place: Place; bytes: number; stored_bytes: number;
    until: string | null }[];
}

export interface RunPicture {
  id: string;
  stage: string;
  item: string;
  output: string;
  name: string;
  labels: boolean;
  place: Place;
  /** Another one when it was made anew. */
  mark: string;
}

const at = (run: string, rest = "") => `v1/runs/${encodeURIComponent(run)}${rest}`;

export const listRuns = async (everyones: boolean, signal?: AbortSignal): Promise<ListedRun[]> =>
  (await getJson<{ runs: ListedRun[] }>(`v1/runs${everyones ? "?all=true" : ""}`, signal)).runs;
export const getRun = (run: string, signal?: AbortSignal): Promise<RunDetail> =>
  getJson<RunDetail>(at(run), signal);
/** All tasks, page after page. */
export async function tasksOf(run: string, signal?: AbortSignal): Promise<Task[]> {
  const tasks: Task[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: { tasks: Task[]; next: number | null } = await getJson(
      at(run, `/tasks?limit=5000&after=${after}`), signal);
    tasks.push(...page.tasks);
    after = page.next;
  }
  return tasks;
}

/** Tells the run now and at each change; ends when it is over. */
export async function watchRun(run: string, signal: AbortSignal, tell: (run: RunDetail) => void):
    Promise<void> {
  let goesOn = true;
  while (goesOn && !signal.aborted)
    for await (const now of eventsOf<RunDetail>(at(run, "/events"), signal)) {
      goesOn = now.state === "running";
      tell(now);
    }
}

export interface NewRun {
  name: string;
  definition: string;
  folder: string;
  input: string;
  parameters: Record<string, unknown>;
}
export const startRun = async (order: NewRun): Promise<Run> =>
  (await sendJson<Run>("POST", "v1/runs", order)).body;
export const cancelRun = (run: string) => sendJson<Run>("POST", at(run, "/cancel"), {});
export const retryRun = (run: string) => sendJson<Run>("POST", at(run, "/retry"), {});
export const archiveOf = (run: string, signal?: AbortSignal): Promise<Shelf> =>
  getJson<Shelf>(at(run, "/archive"), signal);
export const restoreRun = (run: string, stage: string, days: number) =>
  sendJson<{ coming: number }>("POST", at(run, "/restore"), { stage, days });
export const reviewRun = (run: string, stage: string, item: string, accepted: boolean,
    comment: string) => sendJson<RunDetail>("POST", at(run, "/reviews"),
  { stage, item, accepted, comment });

export const taskLog = async (run: string, task: number, attempt?: number): Promise<string> =>
  (await request(at(run, `/tasks/${task}/log${attempt ? `?attempt=${attempt}` : ""}`))).text();

const kinds: Record<string, string> = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg",
  svg: "image/svg+xml" };
/** A picture that a task made beside its outputs, as a browser shows it. */
export async function taskPicture(run: string, task: number, name: string): Promise<Blob> {
  const answer = await request(at(run, `/tasks/${task}/file?name=${encodeURIComponent(name)}`));
  return new Blob([await answer.arrayBuffer()],
    { type: kinds[name.split(".").pop()?.toLowerCase() ?? ""] ?? "" });
}

export const picturesBelow = (run: string): string => at(run, "/pictures");
export const picturesOf = async (run: string, signal?: AbortSignal): Promise<RunPicture[]> =>
  (await getJson<{ pictures: RunPicture[] }>(at(run, "/pictures"), signal)).pictures;
export const pictureOf = (run: string, picture: string, signal?: AbortSignal):
    Promise<ImageDescription> => getJson<ImageDescription>(at(run, `/pictures/${picture}`), signal);
export const thumbnailOf = async (run: string, picture: string): Promise<Blob> =>
  (await request(at(run, `/pictures/${picture}/thumbnail`))).blob();

/** A change by hand of a picture of labels; places are pixels. */
export interface NewEdit {
  kind: "merge" | "split" | "delete" | "draw" | "undo";
  labels?: number[];
  points?: [number, number][];
}
export interface LabelEdit {
  number: number;
  kind: NewEdit["kind"];
  labels: number[];
  made: number;
  author: string;
  at: string;
  undone: boolean;
}
export const editsOf = async (run: string, picture: string, signal?: AbortSignal): Promise<LabelEdit[]> =>
  (await getJson<{ edits: LabelEdit[] }>(at(run, `/pictures/${picture}/edits`), signal)).edits;
/** They are made anew after this returns, with what follows from them. */
export const editLabels = (run: string, picture: string, edits: NewEdit[]) =>
  sendJson<unknown>("POST", at(run, `/pictures/${picture}/edits`), { edits });

export interface LabelDifference {
  same: number;
  changed: number;
  only_here: number[];
  only_there: number[];
  changed_here: number[];
  changed_there: number[];
}
export const differenceOf = (run: string, picture: string, otherRun: string, other: string):
    Promise<LabelDifference> => getJson<LabelDifference>(at(run,
  `/pictures/${picture}/difference?${new URLSearchParams({ other_run: otherRun, other })}`));

export interface PipelineIssue {
  line: number;
  column: number;
  field: string;
  message: string;
  fix: string;
}
export const checkPipeline = async (definition: string):
    Promise<{ pipeline: string; issues: PipelineIssue[] }> =>
  (await sendJson<{ pipeline: string; issues: PipelineIssue[] }>("POST", "v1/pipelines/check",
    { definition })).body;

/** The whole report as a page of its own. */
export const reportOf = async (run: string): Promise<Blob> =>
  (await request(at(run, "/report"))).blob();
