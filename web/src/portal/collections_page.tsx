import { useState } from "react";

import { useAsked } from "../base/asked";
import { date } from "../base/dates";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { type Account } from "../client/account";
import { createCollection, listCollections } from "../client/portal";
import { Button, Dialog, Field, Notice } from "../widgets/controls";
import { Badge, Empty, Shown } from "./states";

/** All collections that the reader may see. */
export function CollectionsPage({ account }: { account: Account }) {
  const asked = useAsked(listCollections, []);
  const [making, setMaking] = useState(false);
  return <div className="page">
    <header className="page-head"><h1>Collections</h1>{account.signed_in &&
      <Button kind="main" onClick={() => setMaking(true)}>New collection</Button>}</header>
    <Shown asked={asked}>{(collections) => collections.length === 0
      ? <Empty title="There is no collection yet"><p>A collection holds the datasets of one
        publication or project, and is published as one.</p></Empty>
      : <ul className="cards">{collections.map((one) => <li key={one.id}>
        <div className="card-head"><a href={hrefOf(["collections", one.id])}>
          <strong>{one.title || one.name}</strong></a>
          {one.state === "private" && <Badge kind="private">private</Badge>}</div>
        {one.card.description && <p className="card-text">{one.card.description}</p>}
        <p className="card-facts"><span><b>{count(one.datasets)}</b> {
          one.datasets === 1 ? "dataset" : "datasets"}</span>
          <span><b>{count(one.cells)}</b> cells</span>
          {one.card.citation && <span>{one.card.citation}</span>}
          <span>{one.published ? `published ${date(one.published)}` : `changed ${date(one.changed)}`}</span>
        </p></li>)}</ul>}</Shown>
    {making && <NewCollection onClose={() => setMaking(false)} />}
  </div>;
}

const nameFrom = (title: string): string =>
  title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);

function NewCollection({ onClose }: { onClose: () => void }) {
  const [title, setTitle] = useState("");
  const [problem, setProblem] = useState("");
  const make = () => createCollection(nameFrom(title), title).then(({ id }) => {
    location.hash = hrefOf(["collections", id]);
  }, (failure: Error) => setProblem(failure.message));
  return <Dialog title="New collection" onClose={onClose}>
    <form className="stack" onSubmit={(event) => { event.preventDefault(); void make(); }}>
      <Field label="Title">{(id) => <input id={id} required value={title}
        onChange={(event) => setTitle(event.target.value)} />}</Field>
      <p className="note">It is private until you publish it. Its name is {
        nameFrom(title) ? <code>{nameFrom(title)}</code> : "made of the title"}.</p>
      {problem && <Notice kind="error">{problem}</Notice>}
      <Button kind="main" type="submit" disabled={!nameFrom(title)}>Create</Button>
    </form></Dialog>;
}
