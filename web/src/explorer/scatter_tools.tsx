import { count } from "../base/numbers";
import { Choice, IconButton, type IconName, Slider } from "../widgets/controls";
import { countOf } from "./selection";
import { useSession } from "./session";

export type Tool = "lasso" | "box" | "move" | "pick";
/** What a drawn region does with what is selected. */
export type Combine = "replace" | "add" | "subtract" | "intersect";
export interface Drawing {
  tool: Tool;
  how: Combine;
}

const tools: { tool: Tool; icon: IconName; label: string }[] = [
  { tool: "lasso", icon: "lasso", label: "Lasso (L)" },
  { tool: "box", icon: "box", label: "Box (B)" },
  { tool: "move", icon: "hand", label: "Move (M)" },
];
/** Where an image has outlines of cells. */
const outlineTool = { tool: "pick" as Tool, icon: "pick" as IconName,
  label: "Pick a cell by its outline" };
const ways: { how: Combine; icon: IconName; label: string }[] = [
  { how: "replace", icon: "only", label: "Select anew" },
  { how: "add", icon: "unite", label: "Add to the selection (Shift)" },
  { how: "subtract", icon: "without", label: "Take from the selection (Alt)" },
  { how: "intersect", icon: "overlap", label: "Keep what is in both (Shift+Alt)" },
];

/** The bar above the pictures: how one selects, undo, what is shown. */
export function ScatterTools({ drawing, setDrawing }: {
  drawing: Drawing; setDrawing: (drawing: Drawing) => void;
}) {
  const { session, view, store } = useSession();
  const cells = countOf(session.world(), store.cells);
  const selected = countOf(session.selected(), store.cells);
  const hasOutlines = store.schema.images.some((image) => image.content === "labels" &&
    image.embedding === view.embedding);
  const offered = hasOutlines ? [...tools, outlineTool] : tools;
  return <div className="scatter-tools" role="toolbar" aria-label="Selecting and showing">
    <span className="tool-group">{offered.map(({ tool, icon, label }) => <IconButton key={tool}
      icon={icon} label={label} pressed={drawing.tool === tool}
      onClick={() => setDrawing({ ...drawing, tool })} />)}</span>
    <span className="tool-group">{ways.map(({ how, icon, label }) => <IconButton key={how}
      icon={icon} label={label} pressed={drawing.how === how}
      onClick={() => setDrawing({ ...drawing, how })} />)}</span>
    <span className="tool-group">
      <IconButton icon="undo" label="Undo (Ctrl+Z)" disabled={!session.canUndo}
        onClick={session.undo} />
      <IconButton icon="redo" label="Redo (Ctrl+Shift+Z)" disabled={!session.canRedo}
        onClick={session.redo} />
    </span>
    <span className="tool-group">
      <IconButton icon="subset" label="Keep only the selected cells" disabled={selected === cells}
        onClick={() => session.keepSelected()} />
      {view.subset.length > 0 && <IconButton icon="close" label="Back to all cells"
        onClick={() => session.change({ subset: [], camera: null })} />}
    </span>
    <span className="tool-group">
      <IconButton icon="label" label="Names at the middle of each label" pressed={view.centroids}
        onClick={() => session.change({ centroids: !view.centroids })} />
      <IconButton icon="columns" label="Two pictures side by side" pressed={view.beside !== null}
        onClick={() => session.change({ splitBy: null, beside: view.beside ? null : {
          embedding: view.embedding, dimensions: view.dimensions, colour: view.colour,
          camera: null } })} />
      <Shown />
    </span>
    <output className="selected-count">
      <strong>{count(selected)}</strong> of {count(cells)} cells
      {cells !== store.cells && ` (of ${count(store.cells)})`}</output>
  </div>;
}

/** Points, and the picture split by a column. */
function Shown() {
  const { session, view, store } = useSession();
  const columns = store.schema.obs.filter((column) => column.kind === "category" &&
    (column.labels ?? 0) > 1).map((column) => column.name);
  return <details className="popover"><summary aria-label="Points and layout"
    title="Points and layout"><span aria-hidden="true">●</span></summary>
    <div>
      <Slider label="Size" value={view.pointSize} low={0.3} high={4} step={0.1}
        onChange={(pointSize) => session.change({ pointSize }, "size")} />
      <Slider label="Opacity" value={view.opacity} low={0.05} high={1} step={0.05}
        onChange={(opacity) => session.change({ opacity }, "opacity")} />
      <Choice label="Split by" value={view.splitBy ?? ""}
        options={[{ value: "", text: "nothing" }, ...columns.map((value) => ({ value, text: value }))]}
        onChange={(column) => session.change({ splitBy: column || null, beside: null })} />
    </div></details>;
}
