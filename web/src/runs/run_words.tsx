import type { ListedRun, Run, TaskState } from "../client/runs";
import { Badge } from "../portal/states";

/** How states of runs and tasks are called and coloured, everywhere alike. */

export const stateOrder: TaskState[] = ["done", "running", "review", "ready", "waiting", "blocked",
  "cancelled", "dead"];
export const stateWords: Record<TaskState, string> = { done: "done", running: "running",
  review: "for review", ready: "ready", waiting: "waiting", blocked: "blocked",
  cancelled: "cancelled", dead: "failed" };

const kinds: Record<string, string> = { succeeded: "good", done: "good", failed: "error",
  dead: "error", running: "warning", review: "warning" };

export function RunBadge({ run }: { run: Run }) {
  return <Badge kind={kinds[run.state] ?? "private"}>{run.state}</Badge>;
}

export function TaskBadge({ state, cached = false }: { state: TaskState; cached?: boolean }) {
  return <Badge kind={kinds[state] ?? "private"}>
    {state === "done" && cached ? "reused" : stateWords[state]}</Badge>;
}

export function SignOff({ run }: { run: Pick<ListedRun, "accepted" | "rejected"> }) {
  if (run.accepted + run.rejected === 0) return <span className="note">–</span>;
  return <span className="tags">{run.accepted > 0 && <Badge kind="good">{`${run.accepted} accepted`}</Badge>}
    {run.rejected > 0 && <Badge kind="error">{`${run.rejected} rejected`}</Badge>}</span>;
}
