import { useEffect, useState } from "react";

import { useAsked } from "../base/asked";
import { hrefOf } from "../base/route";
import { type Account } from "../client/account";
import { changeTile, listTiles, removeTile, type Tile } from "../client/portal";
import { ask, type SqlAnswer } from "../client/sql";
import { Button, Choice, IconButton, Notice } from "../widgets/controls";
import { ChartView } from "./chart_view";
import { Badge, Empty, Shown, Waiting } from "./states";

/** Statements that are asked again and again while somebody looks. */
export function DashboardsPage({ account, chosen }: { account: Account; chosen?: string }) {
  const asked = useAsked(listTiles, [account.user?.id]);
  return <div className="page wide-page"><Shown asked={asked}>{(tiles) => {
    const names = [...new Set(tiles.map(({ dashboard }) => dashboard))];
    const name = chosen && names.includes(chosen) ? chosen : names[0];
    if (!name) return <><h1>Dashboards</h1><Empty title="There is no dashboard yet">
      <p>Ask something on the SQL page and save it as a tile.</p>
      <a className="button main" href={hrefOf(["sql"])}>To the SQL page</a></Empty></>;
    return <><h1>{name}</h1>
      {names.length > 1 && <nav className="tabs" aria-label="Dashboards"><ul>{names.map((one) =>
        <li key={one}><a href={hrefOf(["dashboards", one])} aria-current={one === name ? "page" : undefined}>
          {one}</a></li>)}</ul></nav>}
      <div className="tiles">{tiles.filter(({ dashboard }) => dashboard === name).map((tile) =>
        <OneTile key={tile.id} tile={tile} onChange={asked.again} />)}</div></>;
  }}</Shown></div>;
}

const paces = [{ value: "10", text: "every 10 s" }, { value: "60", text: "every minute" },
  { value: "600", text: "every 10 min" }, { value: "3600", text: "every hour" }] as const;

function OneTile({ tile, onChange }: { tile: Tile; onChange: () => void }) {
  const [answer, setAnswer] = useState<SqlAnswer | null>(null);
  const [problem, setProblem] = useState("");
  const [at, setAt] = useState<Date | null>(null);
  const { statement, seconds } = tile;
  useEffect(() => {
    const leave = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      // A page that nobody looks at asks nothing.
      if (!document.hidden) {
        try {
          setAnswer(await ask(statement, 1000, leave.signal));
          setProblem("");
          setAt(new Date());
        } catch (failure) {
          if (!leave.signal.aborted) setProblem((failure as Error).message);
        }
      }
      if (!leave.signal.aborted) timer = setTimeout(() => void look(), seconds * 1000);
    };
    void look();
    return () => {
      leave.abort();
      clearTimeout(timer);
    };
  }, [statement, seconds]);
  const run = (work: Promise<unknown>) => work.then(onChange, (failure: Error) =>
    setProblem(failure.message));
  return <section className="tile" aria-label={tile.title}>
    <header><h2>{tile.title}</h2>{tile.visibility === "public" && <Badge kind="public">everybody</Badge>}
      {tile.own && <><Choice label={`How often ${tile.title} is asked`} hidden value={String(seconds)}
        options={paces.some(({ value }) => value === String(seconds)) ? paces
          : [...paces, { value: String(seconds), text: `every ${seconds} s` }]}
        onChange={(pace) => void run(changeTile(tile.id, { seconds: Number(pace) }))} />
        <IconButton icon="close" label={`Remove ${tile.title}`} onClick={() => void run(removeTile(tile.id))} /></>}
    </header>
    {problem && <Notice kind="error">{problem}</Notice>}
    {!answer && !problem && <Waiting what={`Asking ${tile.title}`} />}
    {answer && <ChartView answer={answer} chart={tile.chart} />}
    <footer><small>{at && `as of ${at.toLocaleTimeString("en")}`}</small>
      <Button kind="quiet" onClick={() => {
        sessionStorage.setItem("sql", statement);
        location.hash = "#/sql";
      }}>Open in SQL</Button></footer>
  </section>;
}
