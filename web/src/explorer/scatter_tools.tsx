import type { RefObject } from "react";

import { count } from "../base/numbers";
import { Choice, IconButton, Slider } from "../widgets/controls";
import type { Colouring } from "./colouring";
import { saveScatterPng } from "./figure_files";
import { countOf } from "./selection";
import { useSession } from "./session";

export type Tool = "lasso" | "box" | "move" | "pick";

/** The bar above the embedding. */
export function ScatterTools({ tool, setTool, canvas, painted }: {
  tool: Tool; setTool: (tool: Tool) => void; canvas: RefObject<HTMLCanvasElement | null>;
  painted: Colouring | undefined;
}) {
  const { session, view, store } = useSession();
  const cells = countOf(session.world(), store.cells);
  const selected = countOf(session.selected(), store.cells);
  const embedding = store.schema.embeddings.find((one) => one.name === view.embedding);
  const axes = Array.from({ length: embedding?.dimensions ?? 2 }, (_, at) => String(at + 1));
  const setAxis = (which: number, axis: string) => {
    const dimensions = [...view.dimensions];
    dimensions[which] = Number(axis) - 1;
    session.change({ dimensions, camera: null });
  };
  const subset = () => session.change({
    subset: [...view.subset, ...view.selection], selection: [], camera: null });
  return <div className="scatter-tools" role="toolbar" aria-label="Embedding">
    <Choice label="Embedding" hidden value={view.embedding}
      options={store.schema.embeddings.map((one) => one.name)}
      onChange={(name) => session.change({ embedding: name, dimensions: [0, 1], camera: null })} />
    {axes.length > 2 && view.dimensions.map((axis, which) =>
      <Choice key={which} hidden label={`Axis ${"xyz"[which]}`} value={String(axis + 1)}
        options={axes} onChange={(chosen) => setAxis(which, chosen)} />)}
    {axes.length > 2 && <IconButton icon="turn" label="Turn in three dimensions"
      pressed={view.dimensions.length > 2} onClick={() => session.change({ camera: null,
        dimensions: view.dimensions.length > 2 ? view.dimensions.slice(0, 2)
          : [...view.dimensions, axes.findIndex((_, at) => !view.dimensions.includes(at))] })} />}
    <span className="bar-gap" />
    <IconButton icon="lasso" label="Lasso (L)" pressed={tool === "lasso"}
      onClick={() => setTool("lasso")} />
    <IconButton icon="box" label="Box (B)" pressed={tool === "box"} onClick={() => setTool("box")} />
    <IconButton icon="hand" label="Move (M)" pressed={tool === "move"}
      onClick={() => setTool("move")} />
    {store.schema.images.some((image) => image.content === "labels" &&
      image.embedding === view.embedding) && <IconButton icon="pick"
      label="Pick a cell by its outline" pressed={tool === "pick"}
      onClick={() => setTool("pick")} />}
    <IconButton icon="fit" label="Show all cells" onClick={() => session.look({ camera: null })} />
    <span className="bar-gap" />
    <IconButton icon="undo" label="Undo (Ctrl+Z)" disabled={!session.canUndo} onClick={session.undo} />
    <IconButton icon="redo" label="Redo (Ctrl+Shift+Z)" disabled={!session.canRedo}
      onClick={session.redo} />
    <IconButton icon="subset" label="Keep only the selected cells" disabled={selected === cells}
      onClick={subset} />
    {view.subset.length > 0 && <IconButton icon="close" label="Back to all cells"
      onClick={() => session.change({ subset: [], camera: null })} />}
    <IconButton icon="label" label="Names at the middle of each label" pressed={view.centroids}
      onClick={() => session.change({ centroids: !view.centroids })} />
    <IconButton icon="camera" label="Save the picture"
      onClick={() => canvas.current && saveScatterPng(canvas.current, painted, session.title)} />
    <details className="popover"><summary aria-label="Points"><span aria-hidden="true">●</span></summary>
      <div><Slider label="Size" value={view.pointSize} low={0.3} high={4} step={0.1}
        onChange={(pointSize) => session.change({ pointSize }, "size")} />
      <Slider label="Opacity" value={view.opacity} low={0.05} high={1} step={0.05}
        onChange={(opacity) => session.change({ opacity }, "opacity")} /></div></details>
    <output className="selected-count">
      <strong>{count(selected)}</strong> of {count(cells)} cells
      {cells !== store.cells && ` (of ${count(store.cells)})`}</output>
  </div>;
}
