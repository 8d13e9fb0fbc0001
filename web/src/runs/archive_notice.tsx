import { useEffect, useRef, useState } from "react";

import { useAsked } from "../base/asked";
import { bytes, count } from "../base/numbers";
import { useTicks } from "../base/ticks";
import { archiveOf, restoreRun, type RunDetail } from "../client/runs";
import { Button, Field, Notice } from "../widgets/controls";

const lookMs = 1_000;

/** What of the run lies in the archive, and how it comes back: all of it, or of these stages. */
export function ArchiveNotice({ run, stages, onBack }: {
  run: RunDetail; stages?: string[]; onBack: () => void;
}) {
  const asked = useAsked((signal) => archiveOf(run.id, signal), [run.id, run.state]);
  const [days, setDays] = useState("7");
  const [problem, setProblem] = useState("");
  const away = asked.state !== "here" ? [] : asked.value.outputs.filter(({ stage, place }) =>
    (place === "archived" || place === "restoring") && (!stages || stages.includes(stage)));
  const coming = away.filter(({ place }) => place === "restoring").length;
  const awayBefore = useRef(0);
  useTicks(coming > 0 ? lookMs : null, asked.again);
  useEffect(() => {
    if (asked.state !== "here") return;
    // Also what came back before anybody saw that it was coming.
    if (away.length < awayBefore.current) onBack();
    awayBefore.current = away.length;
  }, [asked.state, away.length]);
  if (away.length === 0) return null;
  const ask = async () => {
    setProblem("");
    try {
      for (const stage of stages ?? [""]) await restoreRun(run.id, stage, Number(days));
      asked.again();
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure));
    }
  };
  const size = bytes(away.reduce((sum, one) => sum + one.bytes, 0));
  return <Notice kind="warning"><div className="archive-notice" role="group" aria-label="Archive">
    <p>{count(away.length)} output{away.length === 1 ? "" : "s"} of {stages?.join(", ") ?? "this run"} ({size})
      {away.length === 1 ? " lies" : " lie"} in the archive.</p>
    {coming > 0 ? <p role="status">{count(coming)} come{coming === 1 ? "s" : ""} back …</p>
      : <div className="archive-ask"><Field label="Days to stay">{(id) => <input id={id} type="number"
        min={1} max={3650} value={days} onChange={(event) => setDays(event.target.value)} />}</Field>
      <Button kind="main" onClick={() => void ask()}>Restore</Button></div>}
    {problem && <p className="bad">{problem}</p>}</div></Notice>;
}
