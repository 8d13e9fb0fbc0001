import { useState } from "react";

import { askDoi, type Card, changeCard, changeDataset, type Link } from "../client/portal";
import { Button, Choice, Dialog, Field, IconButton, Notice } from "../widgets/controls";

const kinds = [{ value: "PROTOCOL", text: "Protocol" }, { value: "RAW_DATA", text: "Raw data" },
  { value: "LAB_WEBSITE", text: "Laboratory" }, { value: "DATA_SOURCE", text: "Data source" },
  { value: "OTHER", text: "Other" }] as const;

/** What people say of a dataset or a collection. Saved it is seen at once; no file changes. */
export function CardEditor({ kind, id, title, card, onClose, onSaved }: {
  kind: "datasets" | "collections"; id: string; title: string; card: Card; onClose: () => void;
  onSaved: () => void;
}) {
  const [name, setName] = useState(title);
  const [description, setDescription] = useState(card.description);
  const [contact, setContact] = useState(card.contact);
  const [doi, setDoi] = useState(card.doi ?? "");
  const [publication, setPublication] = useState(card.publication);
  const [links, setLinks] = useState<Link[]>(card.links);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const run = (work: () => Promise<void>) => {
    setBusy(true);
    setProblem("");
    work().catch((failure: Error) => setProblem(failure.message)).finally(() => setBusy(false));
  };
  const save = () => run(async () => {
    const change = { description, contact, doi, publication, links: links.filter(({ url }) => url) };
    if (kind === "datasets" && name !== title) await changeDataset(id, { title: name });
    await changeCard(kind, id, card.version,
      kind === "collections" && name !== title ? { ...change, title: name } : change);
    onSaved();
  });
  const setLink = (at: number, change: Partial<Link>) =>
    setLinks(links.map((link, other) => other === at ? { ...link, ...change } : link));
  return <Dialog title="Edit what is said" onClose={onClose}>
    <form className="stack" onSubmit={(event) => { event.preventDefault(); save(); }}>
      <Field label="Title">{(field) => <input id={field} value={name} maxLength={400}
        onChange={(event) => setName(event.target.value)} />}</Field>
      <Field label="Description">{(field) => <textarea id={field} rows={5} className="prose"
        value={description} onChange={(event) => setDescription(event.target.value)} />}</Field>
      <Field label="Contact">{(field) => <input id={field} value={contact}
        placeholder="Name and e-mail address" onChange={(event) => setContact(event.target.value)} />}</Field>
      <Field label="DOI of the publication">{(field) => <span className="with-button">
        <input id={field} value={doi} placeholder="10.1038/…"
          onChange={(event) => setDoi(event.target.value)} />
        <Button disabled={busy || !doi.startsWith("10.")} onClick={() => run(async () =>
          setPublication(await askDoi(doi)))}>Look up</Button></span>}</Field>
      <PublicationFields publication={publication} onChange={setPublication} />
      <fieldset className="links"><legend>Links</legend>
        {links.map((link, at) => <div key={at} className="link-row">
          <Choice label={`Kind of link ${at + 1}`} hidden value={link.kind} options={kinds}
            onChange={(kindOf) => setLink(at, { kind: kindOf })} />
          <input type="url" aria-label={`Address of link ${at + 1}`} value={link.url}
            placeholder="https://…" onChange={(event) => setLink(at, { url: event.target.value })} />
          <input aria-label={`Title of link ${at + 1}`} value={link.title} placeholder="Title"
            onChange={(event) => setLink(at, { title: event.target.value })} />
          <IconButton icon="close" label={`Remove link ${at + 1}`}
            onClick={() => setLinks(links.filter((_, other) => other !== at))} /></div>)}
        <Button kind="quiet" onClick={() => setLinks([...links, { kind: "OTHER", url: "", title: "" }])}>
          Add a link</Button></fieldset>
      {problem && <Notice kind="error">{problem}</Notice>}
      <div className="buttons"><Button kind="main" type="submit" disabled={busy}>Save</Button>
        <Button onClick={onClose}>Cancel</Button></div>
    </form></Dialog>;
}

function PublicationFields({ publication, onChange }: {
  publication: Card["publication"]; onChange: (publication: Card["publication"]) => void;
}) {
  const { title = "", authors = [], journal = "", year } = publication;
  return <div className="two-columns">
    <Field label="Title of the publication">{(id) => <input id={id} value={title}
      onChange={(event) => onChange({ ...publication, title: event.target.value })} />}</Field>
    <Field label="Journal">{(id) => <input id={id} value={journal}
      onChange={(event) => onChange({ ...publication, journal: event.target.value })} />}</Field>
    <Field label="Authors, split by semicolons">{(id) => <input id={id} value={authors.join("; ")}
      onChange={(event) => onChange({ ...publication,
        authors: event.target.value.split(/;\s*/).filter((one, at, all) => one || at === all.length - 1) })} />}
    </Field>
    <Field label="Year">{(id) => <input id={id} type="number" value={year ?? ""}
      onChange={(event) => onChange({ ...publication,
        year: event.target.value ? Number(event.target.value) : null })} />}</Field></div>;
}
