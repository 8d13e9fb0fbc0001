import { useEffect, useState } from "react";

import { isSignedIn } from "../client/account";
import { type Pointer, pointerOf, RevisionClient } from "../client/dataset";
import { isViewId, savedView } from "../client/views";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { IconButton, Notice } from "../widgets/controls";
import { CellStore } from "./cell_store";
import { openingView } from "./first_view";
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

/** One dataset (its current revision) or one revision, open for exploration. */
export function ExplorerPage({ name, linked, theme }: {
  name: string; linked: string | null; theme: string;
}) {
  const [opened, setOpened] = useState<{ session: Session; pointer: Pointer } | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let current = true;
    setOpened(null);
    setProblem("");
    open(name, linked).then((made) => { if (current) setOpened(made); })
      .catch((failure: Error) => { if (current) setProblem(failure.message); });
    return () => { current = false; };
  }, [name, linked]);
  if (problem) return <main className="page"><Notice kind="error">{problem}</Notice>
    <p><a href={hrefOf([])}>All datasets</a></p></main>;
  if (!opened) return <main className="page"><p className="waiting">Opening {name} …</p></main>;
  return <SessionProvider value={opened.session}>
    <Explorer session={opened.session} pointer={opened.pointer} theme={theme} />
  </SessionProvider>;
}

async function open(name: string, linked: string | null) {
  const pointer = await pointerOf(name);
  const client = new RevisionClient(pointer.revision);
  const schema = await client.schema();
  const first = openingView(schema);
  const view = linked ? { ...first, ...(await viewOf(linked)) } : first;
  const store = new CellStore(client, schema);
  const labels = new LabelBook(store);
  // A reader's own columns come first: the view may be coloured by one.
  if (isSignedIn())
    await labels.open().catch((failure: Error) => { labels.problem = failure.message; });
  return { pointer, session: new Session(store, pointer.title, view, labels) };
}

const viewOf = async (linked: string): Promise<Partial<View>> =>
  isViewId(linked) ? (await savedView(linked)).state as Partial<View> : unpacked(linked);

function Explorer({ session, pointer, theme }: {
  session: Session; pointer: Pointer; theme: string;
}) {
  const [sharing, setSharing] = useState(false);
  const [keysShown, setKeysShown] = useState(false);
  const { schema } = session.store;
  useKeys(session, () => setKeysShown(true));
  useEffect(() => {
    if (!isSignedIn()) return undefined;
    const ends = [session.labels.watch(), new SetKeeper(session, session.labels).watch()];
    return () => ends.forEach((end) => end());
  }, [session]);
  const side = (which: "left" | "right") => panels.filter((panel) => panel.side === which)
    .map(({ name, Panel }) => <Panel key={name} />);
  return <div className="explorer">
    <header className="explorer-bar">
      <a href={hrefOf([])} className="brand">Stroma</a>
      <h1><a href={hrefOf(["dataset", pointer.name])}>{pointer.title}</a></h1>
      <span className="note">{count(schema.cells)} cells × {count(schema.genes)} genes</span>
      <span className="bar-gap" />
      <IconButton icon="keyboard" label="Keys (?)" onClick={() => setKeysShown(true)} />
      <IconButton icon="link" label="Share and reproduce" onClick={() => setSharing(true)} />
    </header>
    <div className="explorer-news"><NewerRevision pointer={pointer} /></div>
    <aside className="side left" aria-label="Cells">{side("left")}</aside>
    <main>{schema.embeddings.length > 0 ? <Pictures theme={theme} />
      : <Notice kind="info">This dataset brings no embedding; figures and comparisons work without
        one.</Notice>}</main>
    <aside className="side right" aria-label="Genes and comparisons">{side("right")}</aside>
    {keysShown && <KeysDialog onClose={() => setKeysShown(false)} />}
    {sharing && <ShareDialog pointer={pointer} onClose={() => setSharing(false)} />}
  </div>;
}
