import { type MouseEvent, type ReactNode, useCallback, useEffect, useRef, useState } from "react";

import { count } from "../base/numbers";
import { type Panel, type PanelAnswer } from "../client/dashboards";
import { Refusal } from "../client/http";
import { ResultGrid } from "../portal/result_grid";
import { Waiting } from "../portal/states";
import { Button, Icon } from "../widgets/controls";
import { BigNumber } from "./big_number";
import { savePanelCsv, savePanelPng, savePanelSvg } from "./panel_files";
import { Plot } from "./plot";
import { Words } from "./words";

export type Ask = (panel: Panel, fresh: boolean, signal: AbortSignal) => Promise<PanelAnswer>;

/** Why there are no rows; what is wrong with a parameter names it. */
function wordsOf(failure: Error): string {
  const parameter = failure instanceof Refusal ? /^\/parameters\/(.+)$/.exec(failure.pointer ?? "")?.[1] : undefined;
  return parameter ? `Parameter ${parameter}: ${failure.message}` : failure.message;
}

/** The rows of a panel, asked again and again while somebody looks. `ask` changes with what is
 *  asked; what is shown stays until the next answer, or until that is refused. */
function useRows(panel: Panel, ask: Ask, seconds: number) {
  const [answered, setAnswered] = useState<{ answer: PanelAnswer; by: Ask } | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(true);
  const [round, setRound] = useState(0);
  const asking = useRef<AbortController | null>(null);
  const { statement = "", source, kind } = panel;
  const hasQuestion = kind !== "text";
  useEffect(() => {
    if (!hasQuestion) return;
    const leave = asking.current = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let fresh = round > 0, first = true;
    setProblem("");  // of another question
    const look = async () => {
      let pause = seconds * 1000;
      // A page that nobody looks at asks nothing.
      if (!document.hidden || first) {
        first = false;
        setBusy(true);
        try {
          setAnswered({ answer: await ask(panel, fresh, leave.signal), by: ask });
          setProblem("");
        } catch (failure) {
          if (leave.signal.aborted) return;
          const isFull = failure instanceof Refusal && failure.status === 429;
          if (isFull) pause = 2000;  // the server is busy: in a moment
          else setProblem(wordsOf(failure as Error));
        }
        fresh = false;
        setBusy(false);
      }
      if (!leave.signal.aborted && pause > 0) timer = setTimeout(() => void look(), pause);
    };
    void look();
    return () => {
      leave.abort();
      clearTimeout(timer);
    };
  }, [ask, statement, source, hasQuestion, seconds, round]);
  const again = useCallback(() => setRound((now) => now + 1), []);
  // The server ends a statement whose asker is gone.
  const stop = useCallback(() => {
    asking.current?.abort();
    setBusy(false);
    setProblem("Stopped before there was an answer.");
  }, []);
  // Rows of other parameters would pass for those of the ones that were refused.
  const answer = answered && (problem === "" || answered.by === ask) ? answered.answer : null;
  return { answer, problem, busy, again, stop };
}

/** What was chosen in a menu closes it. */
export const closeMenu = (event: MouseEvent<HTMLElement>): void => {
  const menu = event.currentTarget.closest("details");
  if (menu) menu.open = false;
};

const clock = (iso: string): string => new Date(iso).toLocaleTimeString("en-GB");

/** One panel with all its states. `tools` are the editor's. */
export function PanelBox({ panel, ask, seconds, tools, handle }: {
  panel: Panel; ask: Ask; seconds: number; tools?: ReactNode; handle?: ReactNode;
}) {
  const { answer, problem, busy, again, stop } = useRows(panel, ask, seconds);
  const box = useRef<HTMLElement>(null);
  const title = panel.title ?? "";
  const isPlot = panel.kind !== "text" && panel.kind !== "table" && panel.kind !== "number";
  return <section ref={box} className={`panel-box kind-${panel.kind}`} aria-label={title || panel.kind} aria-busy={busy}
    data-rows={answer?.row_count ?? ""}>
    <header className={title || tools ? undefined : "bare"}>{handle}<h2>{title}</h2>
      {busy && answer && <span className="panel-busy" role="status" aria-label="Asking again" />}
      {tools}
      {panel.kind !== "text" && <details className="popover panel-menu" onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false;
      }}><summary aria-label={`More of ${title || panel.id}`} title="More"><Icon name="more" /></summary>
        <div onClick={closeMenu}><button type="button" onClick={again}>Ask now</button>
          {answer && <button type="button" onClick={() => savePanelCsv(title, answer)}>Rows as CSV</button>}
          {isPlot && answer && <><button type="button" onClick={() => box.current && savePanelSvg(box.current, title)}>
            Chart as SVG</button>
            <button type="button" onClick={() => box.current && void savePanelPng(box.current, title)}>
              Chart as PNG</button></>}
          <a href="#/sql" onClick={() => sessionStorage.setItem("sql", panel.statement ?? "")}>Open in SQL</a></div>
      </details>}</header>
    <div className="panel-body">
      {panel.kind === "text" ? <Words text={panel.text ?? ""} />
        : problem && !answer ? <p className="panel-problem" role="alert">{problem}</p>
        : !answer ? <Asking title={title} onStop={stop} />
        : <Drawn panel={panel} answer={answer} />}</div>
    {answer && panel.kind !== "text" && <footer>
      {problem ? <span className="panel-problem" role="alert" title={problem}>Not answered since {clock(answer.asked)}: {
        problem}</span> : <span>{answer.more ? `the first ${count(answer.row_count)} rows, ` : ""}{clock(answer.asked)}</span>}
    </footer>}
  </section>;
}

const patience = 3;

/** No rows yet; who has waited for a while may call it off. */
function Asking({ title, onStop }: { title: string; onStop: () => void }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((now) => now + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  if (seconds < patience) return <Waiting what={`Asking ${title}`} />;
  return <div className="panel-empty"><p>Asked for {seconds} s, no answer yet.</p>
    <p><Button onClick={onStop}>Stop</Button></p></div>;
}

function Drawn({ panel, answer }: { panel: Panel; answer: PanelAnswer }) {
  if (answer.rows.length === 0) return <p className="panel-empty">No rows.</p>;
  if (panel.kind === "table") return <ResultGrid answer={answer} />;
  if (panel.kind === "number") return <BigNumber panel={panel} answer={answer} />;
  return <Plot panel={panel} answer={answer} />;
}
