import { useEffect, useState } from "react";

import { isSignedIn } from "../client/account";
import { deleteView, type SavedView, savedViews, saveView } from "../client/views";
import { hrefOf } from "../base/route";
import { GuestLinks } from "../sharing/guest_links";
import { Button, Field, IconButton, Notice } from "../widgets/controls";
import { useSession } from "./session";

const linkTo = (view: SavedView): string =>
  new URL(hrefOf(["explore", view.revision], { view: view.id }), document.baseURI).href;

/** Screens under a name, kept by the server: a short link opens them anywhere. */
export function SavedViews() {
  const { view, store } = useSession();
  const { revision } = store.schema;
  const [views, setViews] = useState<SavedView[]>([]);
  const [name, setName] = useState("");
  const [byLink, setByLink] = useState(true);
  const [problem, setProblem] = useState("");
  const [made, setMade] = useState("");
  const [shared, setShared] = useState<SavedView | null>(null);
  const signedIn = isSignedIn();
  const attempt = (work: Promise<void>) =>
    void work.catch((failure: Error) => setProblem(failure.message));
  const read = async () => setViews(await savedViews(revision));
  useEffect(() => {
    if (signedIn) attempt(read());
  }, [revision, signedIn]);
  if (!signedIn) return <p className="note">Sign in to save this screen under a name; the link below
    holds it all by itself.</p>;
  const create = async () => {
    const saved = await saveView(revision, name.trim(), byLink ? "link" : "private", view);
    setMade(linkTo(saved));
    setName("");
    await read();
  };
  return <div className="saved-views">
    <form onSubmit={(event) => { event.preventDefault(); attempt(create()); }}>
      <input aria-label="Name of this view" placeholder="name of this view" value={name}
        onChange={(event) => setName(event.target.value)} />
      <label><input type="checkbox" checked={byLink}
        onChange={(event) => setByLink(event.target.checked)} /> for who has the link</label>
      <Button type="submit" kind="main" disabled={name.trim() === ""}>Save this view</Button>
    </form>
    {problem && <Notice kind="error">{problem}</Notice>}
    {made && <Field label="Link to the saved view">{(id) => <div className="copy-field">
      <input id={id} readOnly value={made} onFocus={(event) => event.target.select()} />
      <Button onClick={() => void navigator.clipboard.writeText(made)}>Copy</Button></div>}</Field>}
    {views.length > 0 && <ul aria-label="Saved views">{views.map((saved) => <li key={saved.id}>
      <a href={linkTo(saved)}>{saved.name}</a> <small>{saved.access === "link" ? "by link"
        : "private"} · {new Date(saved.created).toLocaleString()}</small>
      <Button kind="quiet" aria-label={`Links for guests to ${saved.name}`}
        onClick={() => setShared(saved)}>Guests</Button>
      <IconButton icon="close" label={`Delete the view ${saved.name}`}
        onClick={() => attempt(deleteView(saved.id).then(read))} /></li>)}</ul>}
    {shared && <GuestLinks kind="view" thing={shared.id} title={shared.name}
      onClose={() => setShared(null)} />}
  </div>;
}
