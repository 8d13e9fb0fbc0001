import { type FormEvent, useState } from "react";

import { useAsked } from "../base/asked";
import { date } from "../base/dates";
import { endLink, type GuestLink, linksTo, makeLink } from "../client/links";
import { Button, Choice, Dialog, Field, Notice } from "../widgets/controls";

const lives = [{ value: "7", text: "a week" }, { value: "30", text: "30 days" },
  { value: "365", text: "a year" }] as const;
const rightsTexts = [{ value: "read", text: "look" }, { value: "comment", text: "look and comment" }] as const;

/** Links by which people without an account see one thing; made, listed, ended. */
export function GuestLinks({ kind, thing, title, onClose }: {
  kind: GuestLink["kind"]; thing: string; title: string; onClose: () => void;
}) {
  const asked = useAsked(() => linksTo(thing), [thing]);
  const [made, setMade] = useState("");
  const [problem, setProblem] = useState("");
  const run = (work: Promise<string>) => {
    setProblem("");
    work.then((url) => {
      setMade(url);
      asked.again();
    }, (failure: Error) => setProblem(failure.message));
  };
  return <Dialog title={`Links for guests to ${title}`} onClose={onClose} wide>
    <p className="note">Whoever has such a link sees this {kind}, without an account, until the link
      ends.</p>
    <NewLink onOrder={(order) => run(makeLink({ kind, thing, ...order }))} />
    {made && <Field label="Copy it now, it is not shown again">{(id) => <div className="copy-field">
      <input id={id} readOnly value={made} onFocus={(event) => event.target.select()} />
      <Button onClick={() => void navigator.clipboard.writeText(made)}>Copy</Button></div>}</Field>}
    {problem && <Notice kind="error">{problem}</Notice>}
    {asked.state === "refused" && <Notice kind="error">{asked.problem.message}</Notice>}
    {asked.state === "here" && asked.value.length > 0 && <ul className="guest-links"
      aria-label="Links for guests">{asked.value.map((link) => <li key={link.id}>
        <span><strong>{link.label || "a guest"}</strong> may {link.rights === "comment"
          ? "look and comment" : "look"}{" "}<small>{stateOf(link)} · opened {link.uses} times</small></span>
        {!link.revoked && <Button kind="quiet" aria-label={`End the link for ${link.label || "a guest"}`}
          onClick={() => run(endLink(link.id).then(() => ""))}>End</Button>}</li>)}</ul>}
  </Dialog>;
}

const stateOf = (link: GuestLink): string => link.revoked ? "ended"
  : Date.parse(link.expires) < Date.now() ? "expired" : `until ${date(link.expires)}`;

function NewLink({ onOrder }: {
  onOrder: (order: Pick<GuestLink, "rights" | "label"> & { expires_in_seconds: number }) => void;
}) {
  const [label, setLabel] = useState("");
  const [rights, setRights] = useState<GuestLink["rights"]>("read");
  const [days, setDays] = useState<(typeof lives)[number]["value"]>("30");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onOrder({ label: label.trim(), rights, expires_in_seconds: Number(days) * 86_400 });
    setLabel("");
  };
  return <form className="inline-form" onSubmit={submit}>
    <Field label="For">{(id) => <input id={id} value={label} placeholder="reviewer 2 …"
      maxLength={60} onChange={(event) => setLabel(event.target.value)} />}</Field>
    <Choice label="They may" value={rights} options={rightsTexts} onChange={setRights} />
    <Choice label="Good for" value={days} options={lives} onChange={setDays} />
    <Button kind="main" type="submit">Make a link</Button></form>;
}
