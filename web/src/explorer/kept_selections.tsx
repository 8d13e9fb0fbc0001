import { useEffect, useRef, useState } from "react";

import { isSignedIn } from "../client/account";
import {
  forgetSelection, keepSelection, type KeptSelection, keptSelections, recipeOf,
} from "../client/recipes";
import { saveText } from "../base/files";
import { Button, Choice, IconButton, Notice } from "../widgets/controls";
import { fileName } from "./figure_files";
import { fitted, recipeFor } from "./recipe";
import { combined, runsOf, type Selection, within } from "./selection";
import { useSession } from "./session";

type Use = "replace" | "add" | "subtract" | "intersect";
const uses: { value: Use; text: string }[] = [
  { value: "replace", text: "instead" }, { value: "add", text: "added" },
  { value: "subtract", text: "taken away" }, { value: "intersect", text: "only what is in both" },
];

/** Selections as recipes: kept under a name or as a file, and used in this dataset or another. */
export function KeptSelections() {
  const { session, view, store } = useSession();
  const [kept, setKept] = useState<KeptSelection[]>([]);
  const [name, setName] = useState("");
  const [use, setUse] = useState<Use>("replace");
  const [problem, setProblem] = useState("");
  const [misfits, setMisfits] = useState<string[]>([]);
  const file = useRef<HTMLInputElement>(null);
  const signedIn = isSignedIn();
  const attempt = (work: () => Promise<void>) => {
    setProblem("");
    setMisfits([]);
    work().catch((failure: Error) => setProblem(failure.message));
  };
  const read = async () => setKept(await keptSelections());
  useEffect(() => { if (signedIn) attempt(read); }, [signedIn]);
  const whole = within(view.subset, view.selection);

  const keep = async () => {
    await keepSelection(store.schema.revision, name.trim(),
      runsOf(session.selected(), store.cells), await recipeFor(whole, store));
    setName("");
    await read();
  };
  const apply = async (recipe: unknown) => {
    const { selection, problems } = await fitted(recipe, store);
    setMisfits(problems);
    const now: Selection = session.view().selection;
    session.change({ selection: use === "replace" ? selection : combined(now, selection, use) });
  };
  const download = async () => saveText(`${fileName(session.title, "selection")}.json`,
    JSON.stringify({ stroma_selection: 1, from: store.schema.revision,
      recipe: await recipeFor(whole, store) }, null, 2), "application/json");
  const readFile = async (chosen: File | undefined) => {
    if (!chosen) return;
    const said = JSON.parse(await chosen.text()) as { stroma_selection?: number; recipe?: unknown };
    if (file.current) file.current.value = "";
    if (!said.stroma_selection) throw new Error(`${chosen.name} is no recipe of a selection.`);
    await apply(said.recipe);
  };
  return <details className="kept-selections"><summary>Recipes
    {kept.length > 0 && <small> {kept.length}</small>}</summary>
    {signedIn && <form className="new-column" onSubmit={(event) => {
      event.preventDefault();
      attempt(keep);
    }}>
      <input aria-label="Name of the recipe" placeholder="keep this selection as" value={name}
        onChange={(event) => setName(event.target.value)} />
      <Button type="submit" disabled={name.trim() === "" || whole.length === 0}>Keep</Button>
    </form>}
    <Choice label="Used" value={use} options={uses} onChange={setUse} />
    {kept.length > 0 && <ul aria-label="Kept recipes">{kept.map((one) => <li key={one.id}
      className="row-head"><button type="button" className="more row-name"
        title={one.revision === store.schema.revision ? "kept here" : "kept in another dataset"}
        onClick={() => attempt(async () => apply(await recipeOf(one.id)))}>{one.name}</button>
      {one.revision !== store.schema.revision && <small className="note">of another dataset</small>}
      <IconButton icon="close" label={`Forget ${one.name}`}
        onClick={() => attempt(async () => { await forgetSelection(one.id); await read(); })} />
    </li>)}</ul>}
    <div className="buttons">
      <Button kind="quiet" disabled={whole.length === 0} onClick={() => attempt(download)}>
        Save as a file</Button>
      <Button kind="quiet" onClick={() => file.current?.click()}>Use a file</Button>
      <input ref={file} type="file" accept=".json,application/json" className="visually-hidden"
        tabIndex={-1} aria-label="File of a recipe"
        onChange={(event) => attempt(() => readFile(event.target.files?.[0]))} /></div>
    {misfits.length > 0 && <Notice kind="warning">Not all of it fits: {misfits.join("; ")}.</Notice>}
    {problem && <Notice kind="error">{problem}</Notice>}
  </details>;
}
