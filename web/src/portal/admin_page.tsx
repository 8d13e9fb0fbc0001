import { useState } from "react";

import { useAsked } from "../base/asked";
import { date, time } from "../base/dates";
import { hrefOf } from "../base/route";
import { type Account } from "../client/account";
import { type AuditEntry, createUser, invite, listAudit, listUsers, setDisabled, type User } from "../client/admin";
import { Button, Choice, Field, Notice } from "../widgets/controls";
import { JobTable } from "./mine_page";
import { Badge, Problem, Shown } from "./states";
import { Tokens } from "./tokens";

const parts = [["users", "Users"], ["jobs", "Jobs"], ["audit", "Audit"]] as const;

/** For administrators: who may come in, what is running, who did what. */
export function AdminPage({ account, part }: { account: Account; part: string }) {
  if (account.user?.role !== "administrator")
    return <Problem problem={new Error("This page is for administrators.")} />;
  return <div className="page"><h1>Administration</h1>
    <nav className="tabs" aria-label="Parts of the administration"><ul>{parts.map(([name, title]) =>
      <li key={name}><a href={hrefOf(["admin", name])} aria-current={part === name ? "page" : undefined}>
        {title}</a></li>)}</ul></nav>
    {part === "users" ? <Users /> : part === "jobs" ? <Jobs /> : <Audit />}</div>;
}

function Users() {
  const asked = useAsked(listUsers, []);
  const [name, setName] = useState("");
  const [role, setRole] = useState<"user" | "administrator">("user");
  const [open, setOpen] = useState("");
  const [told, setTold] = useState("");
  const [problem, setProblem] = useState("");
  const run = (work: Promise<unknown>) => {
    setProblem("");
    setTold("");
    work.then(asked.again, (failure: Error) => setProblem(failure.message));
  };
  return <section aria-label="Users">
    <form className="inline-form" onSubmit={(event) => {
      event.preventDefault();
      run(createUser(name, role).then(() => setName("")));
    }}>
      <Field label="Name">{(id) => <input id={id} required value={name}
        onChange={(event) => setName(event.target.value)} />}</Field>
      <Choice label="Role" value={role} options={["user", "administrator"]} onChange={setRole} />
      <Button kind="main" type="submit">Add user</Button></form>
    {problem && <Notice kind="error">{problem}</Notice>}
    {told && <Notice kind="info">Send this link to the user; it works once: <code className="hash">{told}</code></Notice>}
    <Shown asked={asked}>{(users) => <div className="table-box" tabIndex={0} role="region" aria-label="Users"><table aria-label="Users"><thead><tr>
      <th scope="col">Name</th><th scope="col">Role</th><th scope="col">Since</th>
      <th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
      <tbody>{users.map((user) => <UserRow key={user.id} user={user} open={open === user.id}
        onOpen={() => setOpen(open === user.id ? "" : user.id)}
        onDisable={() => run(setDisabled(user.id, !user.disabled))}
        onInvite={() => run(invite(user.id).then(({ url }) => setTold(url)))} />)}</tbody></table></div>}</Shown>
  </section>;
}

function UserRow({ user, open, onOpen, onDisable, onInvite }: {
  user: User; open: boolean; onOpen: () => void; onDisable: () => void; onInvite: () => void;
}) {
  const local = user.id === "local";
  return <><tr><td><strong>{user.name}</strong>{" "}{user.disabled && <Badge kind="error">disabled</Badge>}</td>
    <td>{user.role}</td><td>{user.created ? date(user.created) : "always"}</td>
    <td><Button kind="quiet" aria-expanded={open} aria-label={`Tokens of ${user.name}`} onClick={onOpen}>
      Tokens</Button>
      {!local && <><Button kind="quiet" aria-label={`Invite ${user.name}`} onClick={onInvite}>Invite</Button>
        <Button kind="quiet" aria-label={`${user.disabled ? "Enable" : "Disable"} ${user.name}`}
          onClick={onDisable}>{user.disabled ? "Enable" : "Disable"}</Button></>}</td></tr>
    {open && <tr><td colSpan={4}><Tokens principal={user.id} /></td></tr>}</>;
}

const Jobs = () => <section aria-label="Jobs"><JobTable everyones /></section>;

function Audit() {
  const [before, setBefore] = useState<number | null>(null);
  const asked = useAsked(() => listAudit(before), [before]);
  return <section aria-label="Audit"><Shown asked={asked}>{({ entries, next }) => <>
    <AuditTable entries={entries} />
    <div className="buttons">{before !== null && <Button onClick={() => setBefore(null)}>Newest</Button>}
      {next !== null && <Button onClick={() => setBefore(next)}>Older</Button>}</div></>}</Shown></section>;
}

function AuditTable({ entries }: { entries: AuditEntry[] }) {
  if (entries.length === 0) return <p className="empty">Nothing is written yet.</p>;
  return <div className="table-box" tabIndex={0} role="region" aria-label="Audit"><table aria-label="Audit"><thead><tr>{["When", "Who", "Did", "To",
    "Outcome", "From"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
    <tbody>{entries.map((entry) => <tr key={entry.number}><td>{time(entry.time)}</td>
      <td>{entry.name || entry.who || "nobody"} <small>{entry.by}</small></td><td>{entry.action}</td>
      <td>{entry.kind} <code>{entry.thing.slice(0, 36)}</code></td>
      <td><Badge kind={entry.outcome === "allowed" ? "good" : "error"}>{entry.outcome}</Badge></td>
      <td>{entry.address}</td></tr>)}</tbody></table></div>;
}
