import { useState } from "react";

import { useAsked } from "../base/asked";
import { time } from "../base/dates";
import type { Point } from "../base/polygon";
import { editLabels, editsOf, type LabelEdit, type NewEdit, type RunDetail, type RunPicture,
  watchRun } from "../client/runs";
import { Button, Field, Notice } from "../widgets/controls";

/** What a click on the picture does: chooses cells, or adds a place to a line or an outline. */
export type EditTool = "" | "cells" | "line" | "outline";
export interface Editing {
  tool: EditTool;
  chosen: number[];
  points: Point[];
}
export const notEditing: Editing = { tool: "", chosen: [], points: [] };

const hints: Record<EditTool, string> = {
  "": "",
  cells: "Click on cells to choose them.",
  line: "Click on two places: the cell is split along the line through them.",
  outline: "Click around the new cell, then close the outline. Other cells keep their pixels.",
};

/** Cells of a picture of labels: joined, split, taken away, drawn; and what was done so far. */
export function EditPanel({ run, picture, editing, setEditing, onDone }: {
  run: RunDetail; picture: RunPicture; editing: Editing; setEditing: (now: Editing) => void;
  onDone: () => void;
}) {
  const edits = useAsked((signal) => editsOf(run.id, picture.id, signal), [run.id, picture.id, picture.mark]);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const send = async (edit: NewEdit) => {
    setBusy(true);
    setProblem("");
    try {
      await editLabels(run.id, picture.id, [edit]);
      setEditing({ ...notEditing, tool: "cells" });
      await madeAnew(run.id, picture.stage);
      onDone();
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  const { tool, chosen, points } = editing;
  const done = edits.state === "here" ? edits.value : [];
  const toggle = () => setEditing(tool ? notEditing : { ...notEditing, tool: "cells" });
  return <section className="edit-panel" aria-label="Edit cells">
    <div className="buttons"><Button pressed={tool !== ""} onClick={toggle}>Edit cells</Button></div>
    {tool && <>
      <p className="note">{hints[tool]}</p>
      <ChosenCells chosen={chosen} set={(cells) => setEditing({ ...editing, chosen: cells })} />
      <div className="buttons">
        <Button disabled={busy || chosen.length < 2}
          onClick={() => void send({ kind: "merge", labels: chosen })}>Merge</Button>
        <Button disabled={busy || chosen.length !== 1} pressed={tool === "line"}
          onClick={() => setEditing({ ...editing, tool: "line", points: [] })}>Split …</Button>
        <Button disabled={busy || chosen.length === 0}
          onClick={() => void send({ kind: "delete", labels: chosen })}>Delete</Button>
        <Button disabled={busy} pressed={tool === "outline"}
          onClick={() => setEditing({ tool: "outline", chosen: [], points: [] })}>Draw …</Button>
      </div>
      {tool === "line" && points.length === 2 && <div className="buttons"><Button kind="main" disabled={busy}
        onClick={() => void send({ kind: "split", labels: chosen, points })}>Split here</Button></div>}
      {tool === "outline" && <div className="buttons"><Button kind="main" disabled={busy || points.length < 3}
        onClick={() => void send({ kind: "draw", points })}>Close the outline</Button></div>}
      {(tool === "line" || tool === "outline") && <div className="buttons"><Button kind="quiet"
        onClick={() => setEditing({ ...editing, tool: "cells", points: [] })}>Not now</Button></div>}
    </>}
    {busy && <p className="note" role="status">The cells are made anew …</p>}
    {problem && <Notice kind="error">{problem}</Notice>}
    {edits.state === "refused" && <Notice kind="error">{edits.problem.message}</Notice>}
    {done.length > 0 && <EditList edits={done} busy={busy} onUndo={() => void send({ kind: "undo" })} />}
  </section>;
}

/** Returns when the stage has nothing to do any more: what it made can be looked at. */
async function madeAnew(run: string, stage: string): Promise<void> {
  const leave = new AbortController();
  await watchRun(run, leave.signal, (now) => {
    const states = now.stages.find((one) => one.stage === stage)?.states ?? {};
    if (!states.waiting && !states.ready && !states.running) leave.abort();
  }).catch((failure: Error) => { if (!leave.signal.aborted) throw failure; });
}

function ChosenCells({ chosen, set }: { chosen: number[]; set: (cells: number[]) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const take = (text: string) => {
    set([...new Set(text.split(/[^0-9]+/).map(Number).filter((one) => one > 0))]);
    setTyped(null);
  };
  return <Field label="Chosen cells">{(id) => <input id={id} inputMode="numeric"
    value={typed ?? chosen.join(", ")} onChange={(event) => setTyped(event.target.value)}
    onBlur={() => { if (typed !== null) take(typed); }}
    onKeyDown={(event) => { if (event.key === "Enter" && typed !== null) take(typed); }} />}</Field>;
}

const words: Record<LabelEdit["kind"], string> = { merge: "merged", split: "split", delete: "deleted",
  draw: "drawn", undo: "undone" };

function EditList({ edits, busy, onUndo }: { edits: LabelEdit[]; busy: boolean; onUndo: () => void }) {
  const shown = edits.filter(({ kind }) => kind !== "undo").reverse();
  return <><h3>Changes by hand</h3>
    <ol className="edit-list" aria-label="Changes by hand">{shown.map((one) =>
      <li key={one.number} className={one.undone ? "undone" : ""}>{words[one.kind]}
        {" "}{one.kind === "draw" ? one.made : one.labels.join(", ")}{one.kind === "split" && ` and ${one.made}`}
        {one.undone && " (undone)"} <small>{one.author}, {time(one.at)}</small></li>)}</ol>
    <div className="buttons"><Button disabled={busy || shown.every(({ undone }) => undone)} onClick={onUndo}>
      Undo the last</Button></div></>;
}
