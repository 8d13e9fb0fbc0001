import { useState } from "react";

import { useAsked } from "../base/asked";
import { hrefOf } from "../base/route";
import { type DashboardRecord, grantDashboard, grantsOfDashboard, revokeDashboard, showDashboardTo, type Visibility }
  from "../client/dashboards";
import { Shown } from "../portal/states";
import { Button, Choice, Dialog, Field, IconButton, Notice } from "../widgets/controls";

/** Who sees the dashboard, and who may change it. */
export function ShareDashboard({ record, onClose }: { record: DashboardRecord; onClose: () => void }) {
  const [visibility, setVisibility] = useState(record.visibility);
  const [name, setName] = useState("");
  const [access, setAccess] = useState<"read" | "write">("read");
  const [problem, setProblem] = useState("");
  const grants = useAsked(() => grantsOfDashboard(record.id), [record.id]);
  const run = (work: Promise<unknown>, then: () => void) => work.then(() => {
    setProblem("");
    then();
  }, (failure: Error) => setProblem(failure.message));
  const show = (to: Visibility) => run(showDashboardTo(record.id, to), () => setVisibility(to));
  const link = `${location.href.split("#")[0]}${hrefOf(["dashboards", record.id])}`;
  return <Dialog title="Share the dashboard" onClose={onClose}><div className="stack">
    <Choice label="Seen by" value={visibility} onChange={(to) => void show(to)} options={[
      { value: "private", text: "me, and those named below" }, { value: "link", text: "whoever has its address" },
      { value: "public", text: "everybody, in the list of dashboards" }]} />
    <p className="note">{record.definition.as_owner
      ? "Its statements run by its owner's rights: who sees it sees what they answer."
      : "Its statements run by the rights of whoever looks: everybody sees their own data only."}</p>
    {visibility !== "private" && <code className="hash">{link}</code>}
    <form className="inline-form" onSubmit={(event) => {
      event.preventDefault();
      void run(grantDashboard(record.id, name, access), () => { setName(""); grants.again(); });
    }}><Field label="User">{(id) => <input id={id} required value={name}
      onChange={(event) => setName(event.target.value)} />}</Field>
    <Choice label="may" value={access} onChange={setAccess} options={[{ value: "read", text: "look" },
      { value: "write", text: "change" }]} />
    <Button type="submit">Let them</Button></form>
    <Shown asked={grants}>{(list) => <ul className="plain-list">{list.map((one) => <li key={one.principal}>
      {one.name || one.principal}: {one.access === "read" ? "looks" : "changes"}{" "}
      <IconButton icon="close" label={`No more for ${one.name || one.principal}`} onClick={() =>
        void run(revokeDashboard(record.id, one.principal), grants.again)} /></li>)}</ul>}</Shown>
    {problem && <Notice kind="error">{problem}</Notice>}</div></Dialog>;
}
