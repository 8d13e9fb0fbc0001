import { Dialog } from "../widgets/controls";

const keys: [string, string][] = [
  ["L, B, M", "lasso, box, move"],
  ["Shift, Alt, both, while drawing", "add to, take from, cut with the selection"],
  ["Esc", "select all cells again"],
  ["Shift W, Shift E", "keep only the selected cells, back to all"],
  ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
  ["1 to 9, 0", "give the selected cells that label of yours, or none"],
  ["wheel, drag with Move", "zoom, pan"],
  ["?", "these keys"],
];

export function KeysDialog({ onClose }: { onClose: () => void }) {
  return <Dialog title="Keys" onClose={onClose}><dl className="facts keys">{keys.map(([key, does]) =>
    [<dt key={key}><kbd>{key}</kbd></dt>, <dd key={does}>{does}</dd>])}</dl></Dialog>;
}
