import { type ReactNode } from "react";

import { type Asked } from "../base/asked";
import { Refusal } from "../client/http";
import { Button } from "../widgets/controls";

/** What a page shows while it waits, and when it was refused. */

export function Waiting({ what = "Loading" }: { what?: string }) {
  return <div className="skeleton" role="status" aria-label={`${what} …`}>
    <span /><span /><span /></div>;
}

export function Problem({ problem, onRetry }: { problem: Error; onRetry?: () => void }) {
  const gone = problem instanceof Refusal && problem.status === 410;
  const absent = problem instanceof Refusal && problem.status === 404;
  const denied = problem instanceof Refusal && (problem.status === 401 || problem.status === 403);
  const title = gone ? "This was taken away" : absent ? "There is nothing here"
    : denied ? "This is not for everybody" : "That did not work";
  return <div className="state-box" role="alert">
    <h2>{title}</h2><p>{problem.message}</p>
    <div className="buttons">{!gone && !absent && onRetry &&
      <Button onClick={onRetry}>Try again</Button>}
      <a className="button" href="#/">All datasets</a></div></div>;
}

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return <div className="state-box empty"><h2>{title}</h2><div>{children}</div></div>;
}

/** A page's main part in whichever state its question is. */
export function Shown<Value>({ asked, children }: {
  asked: Asked<Value> & { again: () => void }; children: (value: Value) => ReactNode;
}) {
  if (asked.state === "waiting") return <Waiting />;
  if (asked.state === "refused") return <Problem problem={asked.problem} onRetry={asked.again} />;
  return <>{children(asked.value)}</>;
}

export function Badge({ kind, children }: { kind: string; children: ReactNode }) {
  return <span className={`badge ${kind}`}>{children}</span>;
}
