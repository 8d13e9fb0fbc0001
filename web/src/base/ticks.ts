import { useEffect, useRef } from "react";

/** Calls again and again while the page is looked at; with null it rests. */
export function useTicks(everyMs: number | null, call: () => void): void {
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    if (everyMs === null) return undefined;
    const timer = setInterval(() => { if (!document.hidden) latest.current(); }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
