import { useEffect, useRef, useState } from "react";

import { isSignedIn } from "../client/account";
import { type CellExport, deriveDataset, downloadCells, exportFormats } from "../client/exports";
import { keepSelection } from "../client/recipes";
import { count } from "../base/numbers";
import { save, saveText } from "../base/files";
import { hrefOf } from "../base/route";
import { Button, Choice, Dialog, Field, Notice, Progress } from "../widgets/controls";
import { csv } from "../base/csv";
import { fileName } from "./figure_files";
import { recipeFor } from "./recipe";
import { countOf, runsOf, within } from "./selection";
import { useSession } from "./session";

/** The selected cells as a list, as a file, or as a dataset of their own. */
export function TakeOut({ onClose }: { onClose: () => void }) {
  const { session, store } = useSession();
  const [format, setFormat] = useState("h5ad");
  const [problem, setProblem] = useState("");
  const [step, setStep] = useState<{ label: string; done?: number; total?: number } | null>(null);
  const selected = session.selected();
  const chosen = countOf(selected, store.cells);
  const order = (): CellExport => ({ revision: store.schema.revision, format,
    ...(chosen < store.cells ? { cells: runsOf(selected, store.cells) } : {}) });
  const attempt = (label: string, work: () => Promise<void>) => {
    setProblem("");
    setStep({ label });
    work().catch((failure: Error) => setProblem(failure.message)).finally(() => setStep(null));
  };
  const ids = async () => {
    const column = await store.client.obs("cell_id");
    const id = (cell: number) => column.kind === "text" ? column.values[cell] ?? ""
      : column.kind === "category" ? column.labels[column.codes[cell]] : String(column.values[cell]);
    const rows: string[][] = [];
    for (let cell = 0; cell < store.cells; cell++)
      if (!selected || selected[cell] !== 0) rows.push([id(cell)]);
    saveText(`${fileName(session.title, "cells")}.csv`, csv(["cell_id"], rows), "text/csv");
  };
  return <Dialog title={`Take out ${count(chosen)} cells`} onClose={onClose}>
    {chosen === 0 && <Notice kind="info">No cell is selected.</Notice>}
    <div className="take-out">
      <h3>Their ids</h3>
      <Button disabled={chosen === 0 || step !== null} onClick={() => attempt("Reading ids", ids)}>
        Cell ids as CSV</Button>
      <h3>A file with everything about them</h3>
      <div className="buttons"><Choice label="Format" value={format} options={exportFormats}
        onChange={setFormat} />
      <Button disabled={chosen === 0 || step !== null} onClick={() =>
        attempt("Making the file", () => downloadCells(order(), save))}>Download</Button></div>
      <h3>The same from a program</h3>
      {isSignedIn() ? <Command order={order} disabled={chosen === 0} />
        : <p className="note">Sign in to keep them under an id.</p>}
      <h3>A dataset of their own</h3>
      {isSignedIn() ? <Derive order={order} disabled={chosen === 0} />
        : <p className="note">Sign in to make a dataset of them.</p>}
    </div>
    {step && <Progress {...step} />}
    {problem && <Notice kind="error">{problem}</Notice>}
  </Dialog>;
}

/** Keeps the cells under an id, which programs write a matrix of. */
function Command({ order, disabled }: { order: () => CellExport; disabled: boolean }) {
  const { session, view, store } = useSession();
  const [command, setCommand] = useState("");
  const [problem, setProblem] = useState("");
  const keep = async () => {
    setProblem("");
    const { revision, cells, format } = order();
    const { id } = await keepSelection(revision, `${session.title}, taken out`,
      cells ?? [[0, store.cells]], await recipeFor(within(view.subset, view.selection), store));
    setCommand(`stroma matrix --selection ${id} --format ${format} -o selection.${format}`);
  };
  return <><Button disabled={disabled} onClick={() => void keep().catch((failure: Error) =>
    setProblem(failure.message))}>Keep them under an id</Button>
    {command && <Field label="In a terminal; over HTTP it is “selection” of POST /v1/matrix">{(id) =>
      <div className="copy-field"><input id={id} readOnly value={command}
        onFocus={(event) => event.target.select()} />
      <Button onClick={() => void navigator.clipboard.writeText(command)}>Copy</Button></div>}</Field>}
    {problem && <Notice kind="error">{problem}</Notice>}</>;
}

function Derive({ order, disabled }: { order: () => CellExport; disabled: boolean }) {
  const { session } = useSession();
  const [title, setTitle] = useState(`${session.title}, selection`);
  const [step, setStep] = useState<{ label: string; done?: number; total?: number } | null>(null);
  const [made, setMade] = useState("");
  const [problem, setProblem] = useState("");
  const left = useRef<AbortController | null>(null);
  useEffect(() => () => left.current?.abort(), []);
  const derive = async () => {
    setProblem("");
    setMade("");
    setStep({ label: "Beginning" });
    left.current = new AbortController();
    try {
      const name = fileName(title.toLowerCase()).replace(/[^a-z0-9._-]/g, "_");
      const { dataset } = await deriveDataset({ ...order(), format: "h5ad" }, title.trim(), name,
        ({ progress }) => setStep({ label: progress.step || "Working", done: progress.done,
          total: progress.total }), left.current.signal);
      setMade(dataset);
    } catch (failure) {
      if (!left.current.signal.aborted) setProblem((failure as Error).message);
    } finally {
      setStep(null);
    }
  };
  return <form className="derive" onSubmit={(event) => { event.preventDefault(); void derive(); }}>
    <Field label="Title of the new dataset">{(id) => <input id={id} value={title}
      onChange={(event) => setTitle(event.target.value)} />}</Field>
    <p className="note">It is private at first and tells which cells of which revision it was made
      of.</p>
    <Button type="submit" kind="main" disabled={disabled || step !== null || title.trim() === ""}>
      Make the dataset</Button>
    {step && <Progress {...step} />}
    {made && <Notice kind="info">Made. <a href={hrefOf(["datasets", made])}>See {title}</a></Notice>}
    {problem && <Notice kind="error">{problem}</Notice>}
  </form>;
}
