import { useEffect, useId, useRef, useState, useSyncExternalStore } from "react";

import { isSignedIn } from "../client/account";
import type { LabelColumn } from "../client/labels";
import { cellTypesLike, type Term } from "../client/ontology";
import { count } from "../base/numbers";
import { byName } from "../base/order";
import { Button, Choice, IconButton } from "../widgets/controls";
import { labelColour } from "./colouring";
import { save } from "../base/files";
import type { LabelBook } from "./label_book";
import { LabelHistory } from "./label_history";
import { LabelsNews } from "./labels_news";
import { countOf, runsOf } from "./selection";
import { useSession } from "./session";
import { SpaceSharing } from "./space_sharing";

export function useLabels(): LabelBook {
  const { session } = useSession();
  useSyncExternalStore(session.labels.subscribe, session.labels.version);
  return session.labels;
}

/** The reader's own columns: made, changed, shared, taken back. */
export function LabelsPanel() {
  const book = useLabels();
  const { store } = useSession();
  const file = useRef<HTMLInputElement>(null);
  const read = async (chosen: File | undefined) => {
    if (chosen) await book.importCsv(await chosen.text());
    if (file.current) file.current.value = "";
  };
  return <section className="panel own-labels" aria-labelledby="labels-title">
    <h2 id="labels-title">Labels</h2>
    {!isSignedIn() && <p className="note">These labels stay in this browser. Sign in to keep labels, gene
      sets and views on the server; a CSV takes them along.</p>}
    {book.spaces.length > 1 && <Choice label="In" value={book.space?.id ?? ""}
      options={book.spaces.map(({ id, title, access }) =>
        ({ value: id, text: access === "own" ? title : `${title} (${access})` }))}
      onChange={(id) => {
        const space = book.spaces.find((one) => one.id === id);
        if (space) void book.choose(space);
      }} />}
    <LabelsNews book={book} />
    {book.columns.map((column) => <OwnColumn key={column.id} column={column} book={book} />)}
    {(book.mayChange || book.space === null) && <NewColumn book={book}
      categories={store.schema.obs.filter(({ kind }) => kind === "category")
        .map(({ name }) => name)} />}
    {book.space && <div className="buttons">
      {book.columns.length > 0 && <Button kind="quiet" onClick={() =>
        void book.csv().then((content) => save("labels.csv", content))}>Download as CSV</Button>}
      {book.mayChange && <Button kind="quiet" onClick={() => file.current?.click()}>
        Import CSV</Button>}
      <input ref={file} type="file" accept=".csv,text/csv" className="visually-hidden"
        tabIndex={-1} aria-label="CSV file of labels"
        onChange={(event) => void read(event.target.files?.[0])} />
    </div>}
    {book.space?.access === "own" && <details><summary>Shared with</summary>
      <SpaceSharing space={book.space} /></details>}
  </section>;
}

function NewColumn({ book, categories }: { book: LabelBook; categories: string[] }) {
  const [name, setName] = useState("");
  const [copied, setCopied] = useState("");
  return <form className="new-column" onSubmit={(event) => {
    event.preventDefault();
    void book.create(name.trim(), copied || null).then(() => setName(""));
  }}>
    <input aria-label="Name of the new labels" placeholder="new labels" value={name}
      onChange={(event) => setName(event.target.value)} />
    <Choice label="Begin with" hidden value={copied} options={[{ value: "", text: "empty" },
      ...categories.map((value) => ({ value, text: `copy of ${value}` }))]} onChange={setCopied} />
    <Button type="submit" disabled={name.trim() === ""}>Create</Button>
  </form>;
}

function OwnColumn({ column, book }: { column: LabelColumn; book: LabelBook }) {
  const { session, view } = useSession();
  const [shown, setShown] = useState<"labels" | "history" | "more" | null>("labels");
  const coloured = view.colour?.by === "category" && view.colour.column === column.name;
  const toggle = (what: "labels" | "history" | "more") => setShown(shown === what ? null : what);
  return <div className={`category${book.active === column.id ? " active" : ""}`}
    onFocus={() => { if (book.active !== column.id) book.activate(column.id); }}>
    <div className="row-head">
      <button type="button" className="disclosure" aria-expanded={shown === "labels"}
        onClick={() => toggle("labels")}>{column.name}</button>
      <IconButton icon="undo" label={`History of ${column.name}`} pressed={shown === "history"}
        onClick={() => toggle("history")} />
      {book.mayChange && <IconButton icon="more" label={`Change ${column.name}`}
        pressed={shown === "more"} onClick={() => toggle("more")} />}
      <IconButton icon="drop" label={`Colour by ${column.name}`} pressed={coloured}
        onClick={() => session.change({
          colour: coloured ? null : { by: "category", column: column.name } })} />
    </div>
    {shown === "labels" && <OwnLabels column={column} book={book} />}
    {shown === "history" && <LabelHistory column={column} book={book} />}
    {shown === "more" && <ColumnChanges column={column} book={book} />}
  </div>;
}

function ColumnChanges({ column, book }: { column: LabelColumn; book: LabelBook }) {
  const [name, setName] = useState(column.name);
  const [sure, setSure] = useState(false);
  return <form className="label-change" onSubmit={(event) => {
    event.preventDefault();
    void book.change(column.id, { op: "rename_column", name: name.trim() });
  }}>
    <input aria-label={`New name of ${column.name}`} value={name}
      onChange={(event) => setName(event.target.value)} />
    <Button type="submit" disabled={name.trim() === "" || name.trim() === column.name}>
      Rename</Button>
    {sure ? <Button kind="danger" onClick={() => void book.remove(column.id)}>
      Really delete {column.name}</Button>
      : <Button kind="quiet" onClick={() => setSure(true)}>Delete these labels</Button>}
  </form>;
}

/** Gives the selected cells a label; null takes theirs away. */
export function assignSelected(session: ReturnType<typeof useSession>["session"],
    column: LabelColumn, label: string | null): void {
  const mask = session.selected();
  if (mask)
    void session.labels.change(column.id,
      { op: "assign", label, cells: runsOf(mask, session.store.cells) });
}

function OwnLabels({ column, book }: { column: LabelColumn; book: LabelBook }) {
  const { session, view, store } = useSession();
  const [text, setText] = useState("");
  const [changed, setChanged] = useState<string | null>(null);
  const list = useId();
  const terms = useTerms(text);
  const selected = session.selected();
  const chosen = selected ? countOf(selected, store.cells) : 0;
  const ready = book.mayChange && chosen > 0;
  const labels = [...column.labels].sort((one, other) => byName(one.label, other.label));
  const values = store.category(column.name);
  return <div className="labels">
    <ul>{labels.map(({ label, cells }, at) => <li key={label}>
      <span className="own-label"><span className="swatch" style={{ background: values
        ? labelColour(view, store, column.name, values.labels, values.labels.indexOf(label))
        : "var(--behind)" }} />{at < 9 && <kbd>{at + 1}</kbd>}{label}</span>
      {book.mayChange && <span className="own-label-tools">
        <button type="button" className="assign" disabled={!ready}
          aria-label={`Assign ${label} to the selected cells`}
          onClick={() => assignSelected(session, column, label)}>assign</button>
        <button type="button" aria-expanded={changed === label}
          aria-label={`Change the label ${label}`}
          onClick={() => setChanged(changed === label ? null : label)}>…</button></span>}
      <span className="counts">{count(cells)}</span>
      {changed === label && <LabelChanges label={label} column={column} book={book}
        onDone={() => setChanged(null)} />}
    </li>)}
      <li><span className="own-label"><kbd>0</kbd><em>unassigned</em></span>
        {book.mayChange && <span className="own-label-tools">
          <button type="button" className="assign" disabled={!ready}
            aria-label="Assign no label to the selected cells"
            onClick={() => assignSelected(session, column, null)}>assign</button></span>}
        <span className="counts">{count(column.unassigned)}</span></li>
    </ul>
    {book.mayChange && <form className="new-label" onSubmit={(event) => {
      event.preventDefault();
      const label = text.trim();
      if (ready) assignSelected(session, column, label);
      else void book.change(column.id, { op: "add", label });
      setText("");
    }}>
      <input aria-label={`New label in ${column.name}`} placeholder="new label" value={text}
        list={list} autoComplete="off" onChange={(event) => setText(event.target.value)} />
      <datalist id={list}>{terms.map(({ id, name }) => <option key={id} value={name}>
        {id}</option>)}</datalist>
      <Button type="submit" disabled={text.trim() === ""}>
        {ready ? `Label ${count(chosen)} cells` : "Add"}</Button>
    </form>}
  </div>;
}

/** What an ontology calls such cells. */
function useTerms(text: string): Term[] {
  const [terms, setTerms] = useState<Term[]>([]);
  useEffect(() => {
    const left = new AbortController();
    if (text.trim().length < 2) setTerms([]);
    else void cellTypesLike(text.trim(), left.signal).then((found) => {
      if (!left.signal.aborted) setTerms(found);
    });
    return () => left.abort();
  }, [text]);
  return terms;
}

function LabelChanges({ label, column, book, onDone }: {
  label: string; column: LabelColumn; book: LabelBook; onDone: () => void;
}) {
  const [name, setName] = useState(label);
  const others = column.labels.map((one) => one.label).filter((one) => one !== label);
  return <form className="label-change" onSubmit={(event) => {
    event.preventDefault();
    void book.change(column.id, { op: "rename", from: label, to: name.trim() }).then(onDone);
  }}>
    <input aria-label={`New name of ${label}`} value={name}
      onChange={(event) => setName(event.target.value)} />
    <Button type="submit" disabled={name.trim() === "" || name.trim() === label}>Rename</Button>
    {others.length > 0 && <Choice label="Merge into" value="" options={[{ value: "", text: "…" },
      ...others.sort(byName).map((value) => ({ value, text: value }))]}
      onChange={(to) => void book.change(column.id, { op: "merge", from: [label], to })
        .then(onDone)} />}
    <Button kind="quiet" onClick={() =>
      void book.change(column.id, { op: "remove", label }).then(onDone)}>Delete {label}</Button>
  </form>;
}
