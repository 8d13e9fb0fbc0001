import { useState } from "react";

import { useAsked } from "../base/asked";
import { date } from "../base/dates";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { beginRevision, changeCard, type CollectionRecord, dropRevision, type Entry, publishCollection,
  readCollection, search } from "../client/portal";
import { GuestLinks } from "../sharing/guest_links";
import { Button, Dialog, IconButton, Notice } from "../widgets/controls";
import { Burial } from "./burial";
import { CardEditor } from "./card_editor";
import { DatasetCards } from "./dataset_cards";
import { Badge, Empty, Shown, Waiting } from "./states";

/** One collection; for its owners with the revision that is being prepared. */
export function CollectionPage({ id }: { id: string }) {
  const asked = useAsked(() => readCollection(id), [id]);
  return <div className="page"><Shown asked={asked}>{(record) =>
    <Collection record={record} onChange={asked.again} />}</Shown></div>;
}

function Collection({ record, onChange }: { record: CollectionRecord; onChange: () => void }) {
  const draft = record.revision;
  const title = draft?.title ?? record.title;
  const description = draft?.description ?? record.card.description;
  const datasets = draft?.datasets ?? record.datasets;
  const cells = datasets.reduce((sum, one) => sum + (one.cells ?? 0), 0);
  return <article>
    <nav aria-label="Where this is" className="crumbs"><a href={hrefOf(["collections"])}>Collections</a></nav>
    <header className="page-head"><div><h1>{title || record.name}</h1><p className="sub">
      <Badge kind={record.state === "private" ? "private" : "public"}>{record.state}</Badge>
      {draft && <Badge kind="warning">revision in preparation</Badge>}
      {record.published && <span>published {date(record.published)}</span>}
      {record.revised && <span>revised {date(record.revised)}</span>}</p></div></header>
    <Actions record={record} title={title} description={description} datasets={datasets}
      onChange={onChange} />
    <dl className="numbers"><div><dt>datasets</dt><dd>{count(datasets.length)}</dd></div>
      <div><dt>cells</dt><dd>{count(cells)}</dd></div></dl>
    {description && <p className="prose">{description}</p>}
    {record.card.citation && <p className="prose"><strong>Publication.</strong> {record.card.citation}</p>}
    {record.card.contact && <p>Contact: {record.card.contact}</p>}
    {record.card.links.length > 0 && <ul className="plain-list">{record.card.links.map((link) =>
      <li key={link.url}><a href={link.url} rel="noreferrer">{link.title || link.url}</a></li>)}</ul>}
    <h2>Datasets</h2>
    {datasets.length === 0 ? <Empty title="No dataset is in it">
      <p>{record.may.change ? "Add those that belong together." : "Its owner has added none yet."}</p></Empty>
      : <DatasetCards datasets={datasets} />}
  </article>;
}

function Actions({ record, title, description, datasets, onChange }: {
  record: CollectionRecord; title: string; description: string; datasets: Entry[];
  onChange: () => void;
}) {
  const [open, setOpen] = useState<"nothing" | "card" | "members" | "links" | "burial">("nothing");
  const [problem, setProblem] = useState("");
  const { may, revision } = record;
  if (!may.change) return null;
  const run = (work: Promise<unknown>) => {
    setProblem("");
    work.then(onChange, (failure: Error) => setProblem(failure.message));
  };
  const close = () => setOpen("nothing");
  const editable = record.state === "private" || revision !== null;
  return <div className="owner-actions" role="group" aria-label="For owners">
    {record.state === "private" && may.share &&
      <Button kind="main" onClick={() => run(publishCollection(record.id))}>Publish</Button>}
    {record.state === "published" && !revision &&
      <Button onClick={() => run(beginRevision(record.id))}>Begin a revision</Button>}
    {revision && may.share &&
      <Button kind="main" onClick={() => run(publishCollection(record.id))}>Publish the revision</Button>}
    {revision && <Button onClick={() => run(dropRevision(record.id))}>Drop the revision</Button>}
    <Button onClick={() => setOpen("card")}>Edit metadata</Button>
    {editable && <Button onClick={() => setOpen("members")}>Choose datasets</Button>}
    {may.share && <Button onClick={() => setOpen("links")}>Links for guests</Button>}
    {may.remove && <Button kind="danger" onClick={() => setOpen("burial")}>Take away …</Button>}
    {problem && <Notice kind="error">{problem}</Notice>}
    {open === "card" && <CardEditor kind="collections" id={record.id} title={title}
      card={{ ...record.card, description }} onClose={close}
      onSaved={() => { close(); onChange(); }} />}
    {open === "members" && <Members record={record} chosen={datasets} onClose={close}
      onSaved={() => { close(); onChange(); }} />}
    {open === "links" && <GuestLinks kind="collection" thing={record.id} title={title} onClose={close} />}
    {open === "burial" && <Burial kind="collections" id={record.id} title={title} onClose={close}
      onDone={() => { location.hash = hrefOf(["collections"]); }} />}
  </div>;
}

/** Which datasets are in it, in which order. */
function Members({ record, chosen, onClose, onSaved }: {
  record: CollectionRecord; chosen: Entry[]; onClose: () => void; onSaved: () => void;
}) {
  const [members, setMembers] = useState(chosen);
  const [problem, setProblem] = useState("");
  const mine = useAsked((signal) => search(new URLSearchParams({ limit: "1000", order: "title" }), signal), []);
  const move = (at: number, by: number) => {
    const next = [...members];
    const [one] = next.splice(at, 1);
    next.splice(at + by, 0, one);
    setMembers(next);
  };
  const save = () => changeCard("collections", record.id, record.card.version,
    { datasets: members.map(({ id }) => id) }).then(onSaved, (failure: Error) =>
    setProblem(failure.message));
  const others = mine.state === "here" ? mine.value.datasets.filter(({ id }) =>
    !members.some((one) => one.id === id)) : [];
  const nameOf = (one: Entry) => one.title || one.name;
  return <Dialog title="Choose datasets" onClose={onClose}>
    <ol className="members">{members.map((one, at) => <li key={one.id}><span>{nameOf(one)}</span>
      <Button kind="quiet" disabled={at === 0} aria-label={`${nameOf(one)} up`}
        onClick={() => move(at, -1)}>↑</Button>
      <Button kind="quiet" disabled={at === members.length - 1} aria-label={`${nameOf(one)} down`}
        onClick={() => move(at, 1)}>↓</Button>
      <IconButton icon="close" label={`Take ${nameOf(one)} out`}
        onClick={() => setMembers(members.filter(({ id }) => id !== one.id))} /></li>)}</ol>
    {mine.state === "waiting" && <Waiting />}
    {others.length > 0 && <><h3>Others</h3><ul className="members">{others.map((one) =>
      <li key={one.id}><span>{nameOf(one)}</span><Button kind="quiet"
        aria-label={`Add ${nameOf(one)}`} onClick={() => setMembers([...members, one])}>Add</Button></li>)}
    </ul></>}
    {problem && <Notice kind="error">{problem}</Notice>}
    <div className="buttons"><Button kind="main" onClick={() => void save()}>Save</Button>
      <Button onClick={onClose}>Cancel</Button></div>
  </Dialog>;
}
