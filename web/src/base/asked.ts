import { useCallback, useEffect, useState } from "react";

/** What was asked of the server: not yet answered, answered, or refused. */
export type Asked<Value> = { state: "waiting" } | { state: "refused"; problem: Error }
  | { state: "here"; value: Value };

/** Asks when the page appears and whenever `keys` change; `again` asks once more and leaves what is
 *  shown in its place until the answer comes. */
export function useAsked<Value>(ask: (signal: AbortSignal) => Promise<Value>, keys: unknown[]):
    Asked<Value> & { again: () => void } {
  const [asked, setAsked] = useState<Asked<Value>>({ state: "waiting" });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const leave = new AbortController();
    ask(leave.signal).then((value) => {
      if (!leave.signal.aborted) setAsked({ state: "here", value });
    }, (problem: Error) => {
      if (!leave.signal.aborted) setAsked({ state: "refused", problem });
    });
    return () => leave.abort();
  }, [...keys, round]);
  const again = useCallback(() => setRound((now) => now + 1), []);
  return { ...asked, again };
}
