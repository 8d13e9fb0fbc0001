import { useEffect, useState } from "react";

import { isSignedIn } from "../client/account";
import { type Pointer, pointerOf, RevisionClient } from "../client/dataset";
import { readDataset } from "../client/portal";
import { isViewId, type SavedView, savedView } from "../client/views";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { Comments } from "../sharing/comments";
import { Button, Dialog, IconButton, Notice } from "../widgets/controls";
import { CellStore } from "./cell_store";
import { fitting, openingView } from "./first_view";
import { KeysDialog } from "./keys_dialog";
import { LabelBook } from "./label_book";
import { NewerRevision } from "./newer_revision";
import { panels } from "./panels";
import { Pictures } from "./pictures";
import { Session, SessionProvider } from "./session";
import { SetKeeper } from "./set_keeper";
import { ShareDialog } from "./share_dialog";
import type { View } from "./view";
import { unpacked } from "./view_link";
import { useKeys } from "./keys";

interface Opened {
  session: Session;
  pointer: Pointer;
  saved: SavedView | null;
  /** What the view names and the revision lacks. */
  unfit: string[];
}

/** One dataset (its current revision) or one revision, open for exploration. */
export function ExplorerPage({ name, linked, theme }: {
  name: string; linked: string | null; theme: string;
}) {
  const [opened, setOpened] = useState<Opened | null>(null);
  const [problem, setProblem] = useState("");
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let current = true;
    setOpened(null);
    setProblem("");
    open(name, linked).then((made) => { if (current) setOpened(made); })
      .catch((failure: Error) => { if (current) setProblem(failure.message); });
    return () => { current = false; };
  }, [name, linked, turn]);
  if (problem) return <main className="page"><Notice kind="error">{problem}</Notice>
    <p><a href={hrefOf([])}>All datasets</a></p></main>;
  if (!opened) return <main className="page"><p className="waiting">Opening {name} …</p></main>;
  return <SessionProvider value={opened.session}>
    <Explorer {...opened} theme={theme} onAnew={() => setTurn(turn + 1)} />
  </SessionProvider>;
}

async function open(name: string, linked: string | null): Promise<Opened> {
  const saved = linked && isViewId(linked) ? await savedView(linked) : null;
  // A saved view is of one revision, whatever the dataset has by now.
  const pointer = await pointerOf(saved?.revision ?? name);
  const client = new RevisionClient(pointer.revision);
  const schema = await client.schema();
  const first = openingView(schema);
  const linkedView = saved ? saved.state as Partial<View> : linked ? await unpacked(linked) : {};
  const wanted = { ...first, ...linkedView };
  const store = new CellStore(client, schema);
  if (schema.embeddings.some(({ name: known }) => known === wanted.embedding))
    store.embedding(wanted.embedding);
  const labels = new LabelBook(store, async () => pointer.number < 2 ? []
    : (await readDataset(pointer.dataset)).revisions.filter(({ number, state }) =>
      number < pointer.number && state === "ready")
      .sort((one, other) => other.number - one.number).map(({ id }) => id));
  // A reader's own columns come first: the view may be coloured by one.
  await labels.open().catch((failure: Error) => { labels.problem = failure.message; });
  const { view, unfit } = fitting(wanted, first, schema, labels.columns.map((one) => one.name));
  return { pointer, saved, unfit, session: new Session(store, pointer.title, view, labels) };
}

function Explorer({ session, pointer, saved, unfit, theme, onAnew }:
    Opened & { theme: string; onAnew: () => void }) {
  const [told, setTold] = useState(unfit.length > 0);
  const [sharing, setSharing] = useState(false);
  const [keysShown, setKeysShown] = useState(false);
  const [commenting, setCommenting] = useState(false);
  const { schema } = session.store;
  useKeys(session, () => setKeysShown(true));
  useEffect(() => {
    const ends = [session.labels.watch()];
    if (isSignedIn()) ends.push(new SetKeeper(session, session.labels).watch());
    return () => ends.forEach((end) => end());
  }, [session]);
  const side = (which: "left" | "right") => panels.filter((panel) => panel.side === which)
    .map(({ name, Panel }) => <Panel key={name} />);
  return <div className="explorer">
    <header className="explorer-bar">
      <a href={hrefOf([])} className="brand">Stroma</a>
      <h1><a href={hrefOf(["datasets", pointer.name])}>{pointer.title}</a></h1>
      <span className="note">{count(schema.cells)} cells × {count(schema.genes)} genes</span>
      <span className="bar-gap" />
      {saved && <IconButton icon="comment" label={`Comments on ${saved.name}`}
        onClick={() => setCommenting(true)} />}
      <IconButton icon="keyboard" label="Keys (?)" onClick={() => setKeysShown(true)} />
      <IconButton icon="link" label="Share and reproduce" onClick={() => setSharing(true)} />
    </header>
    <div className="explorer-news"><NewerRevision pointer={pointer} onSame={onAnew} />
      {told && <Notice kind="warning">This revision has no {unfit.join(", ")}: what the view showed of
        it is left out. <Button kind="quiet" onClick={() => setTold(false)}>Good</Button></Notice>}
    </div>
    <aside className="side left" aria-label="Cells">{side("left")}</aside>
    <main>{schema.embeddings.length > 0 ? <Pictures theme={theme} />
      : <Notice kind="info">This dataset brings no embedding; figures and comparisons work without
        one.</Notice>}</main>
    <aside className="side right" aria-label="Genes and comparisons">{side("right")}</aside>
    {keysShown && <KeysDialog onClose={() => setKeysShown(false)} />}
    {saved && commenting && <Dialog title={`Comments on ${saved.name}`}
      onClose={() => setCommenting(false)}>
      <Comments on={{ dataset: pointer.dataset, view: saved.id }} /></Dialog>}
    {sharing && <ShareDialog pointer={pointer} onClose={() => setSharing(false)} />}
  </div>;
}
