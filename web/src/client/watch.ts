import { getJson } from "./http";
import { eventsOf } from "./jobs";

/** What passes through the server, and who works. */

export interface Flow {
  kind: string;
  name: string;
  owner: string;
  in_rate: number;
  out_rate: number;
  waiting: number | null;
  age_seconds: number;
  errors: number;
  errors_last_minute: number;
  alarm: boolean;
  note: string;
}

export interface StageStanding {
  pipeline: string;
  stage: string;
  waiting: number;
  ready: number;
  running: number;
  review: number;
  done: number;
  failed: number;
  oldest_seconds: number;
  core_seconds_each: number;
  bytes_each: number;
  held: number;
  unread_bytes: number;
  room_bytes: number;
  errors: Record<string, number>;
}

export interface WorkerStanding {
  worker: string;
  tasks: number;
  cores: number;
  cores_whole: number;
  memory_bytes: number;
  memory_whole: number;
  heard_seconds: number;
}

export interface Standing {
  stages: StageStanding[];
  workers: WorkerStanding[];
  errors: { error: string; count: number }[];
  archive: { here: number; here_bytes: number; archived: number; archived_bytes: number;
    stored_bytes: number; restored: number; restoring: number };
}

export const standing = (signal?: AbortSignal): Promise<Standing> =>
  getJson<Standing>("v1/pipelines/standing", signal);

/** Every two seconds, until the signal; the server ends a stream after a while. */
export async function watchFlows(signal: AbortSignal, tell: (flows: Flow[]) => void): Promise<void> {
  while (!signal.aborted)
    for await (const { flows } of eventsOf<{ flows: Flow[] }>("v1/flows/events", signal)) tell(flows);
}
