import { useEffect, useState } from "react";

import { type Asked } from "./asked";

const betweenTries = 3_000;

/** What a stream of the server tells, while the page is looked at: a hidden tab holds none of the few
 *  connections that a browser has to one site. Broken off, it is begun anew. */
export function useWatched<Value>(watch: (signal: AbortSignal, tell: (value: Value) => void) =>
    Promise<void>, keys: unknown[]): Asked<Value> {
  const [asked, setAsked] = useState<Asked<Value>>({ state: "waiting" });
  useEffect(() => {
    let leave = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    const begin = () => {
      leave.abort();
      clearTimeout(again);
      if (document.hidden) return;
      leave = new AbortController();
      const { signal } = leave;
      watch(signal, (value) => { if (!signal.aborted) setAsked({ state: "here", value }); })
        .catch((problem: Error) => {
          if (signal.aborted) return;
          setAsked((now) => now.state === "here" ? now : { state: "refused", problem });
          again = setTimeout(begin, betweenTries);
        });
    };
    begin();
    document.addEventListener("visibilitychange", begin);
    return () => {
      document.removeEventListener("visibilitychange", begin);
      clearTimeout(again);
      leave.abort();
    };
  }, keys);
  return asked;
}
