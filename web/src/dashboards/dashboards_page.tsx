import { useRef, useState } from "react";

import { useAsked } from "../base/asked";
import { time } from "../base/dates";
import { hrefOf, type Route } from "../base/route";
import { type Account } from "../client/account";
import { createDashboard, type Definition, listDashboards } from "../client/dashboards";
import { Badge, Empty, Shown } from "../portal/states";
import { Button, Dialog, Field, Notice } from "../widgets/controls";
import { DashboardView } from "./dashboard_view";
import "./dashboards.css";

/** All dashboards that one sees, or the one that the address names. */
export function DashboardsPage({ account, route }: { account: Account; route: Route }) {
  const chosen = route.parts[1];
  return chosen ? <DashboardView key={chosen} id={chosen} account={account} query={route.query} />
    : <DashboardList account={account} />;
}

function DashboardList({ account }: { account: Account }) {
  const asked = useAsked(listDashboards, [account.user?.id]);
  const [makes, setMakes] = useState(false);
  const [problem, setProblem] = useState("");
  const file = useRef<HTMLInputElement>(null);
  const make = (definition: Definition) => createDashboard(definition).then(({ id }) => {
    location.hash = hrefOf(["dashboards", id]);
  }, (failure: Error) => setProblem(failure.message));
  const importFile = async (chosen: File | undefined) => {
    if (!chosen) return;
    try {
      await make(JSON.parse(await chosen.text()) as Definition);
    } catch (failure) {
      setProblem(`${chosen.name}: ${(failure as Error).message}`);
    }
  };
  return <div className="page"><div className="list-head"><h1>Dashboards</h1><span className="bar-gap" />
    {account.signed_in && <><Button kind="main" onClick={() => setMakes(true)}>New dashboard</Button>
      <Button onClick={() => file.current?.click()}>Import</Button>
      <input ref={file} className="visually-hidden" type="file" accept="application/json,.json" tabIndex={-1}
        aria-label="A dashboard's JSON file" onChange={(event) => void importFile(event.target.files?.[0])} /></>}</div>
    {problem && <Notice kind="error">{problem}</Notice>}
    <Shown asked={asked}>{(list) => list.length === 0
      ? <Empty title="There is no dashboard yet"><p>{account.signed_in
        ? "Make one here, or ask something on the SQL page and keep it as a panel."
        : "Sign in to make one. Dashboards that are public are shown here."}</p>
      <a className="button" href={hrefOf(["sql"])}>To the SQL page</a></Empty>
      : <ul className="cards dashboard-list">{list.map((one) => <li key={one.id}>
        <p className="card-head"><a href={hrefOf(["dashboards", one.id])}>{one.title}</a>
          {one.visibility !== "private" && <Badge kind={one.visibility === "public" ? "public" : ""}>{
            one.visibility === "public" ? "public" : "by link"}</Badge>}</p>
        <p className="card-facts"><span>{one.own ? "yours" : `by ${one.owner}`}</span>
          <span>version {one.version}, {time(one.changed)}</span></p></li>)}</ul>}</Shown>
    {makes && <Dialog title="New dashboard" onClose={() => setMakes(false)}><NewDashboard onMake={(title) =>
      void make({ title, refresh_seconds: 60, panels: [] })} /></Dialog>}
  </div>;
}

function NewDashboard({ onMake }: { onMake: (title: string) => void }) {
  const [title, setTitle] = useState("");
  return <form className="stack" onSubmit={(event) => { event.preventDefault(); onMake(title); }}>
    <Field label="Title">{(id) => <input id={id} required maxLength={200} value={title}
      onChange={(event) => setTitle(event.target.value)} />}</Field>
    <Button kind="main" type="submit">Create</Button></form>;
}
