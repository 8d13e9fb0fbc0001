import { useEffect, useMemo, useRef } from "react";

import { labelCounts } from "../base/binning";
import { pack } from "../base/colour";
import { count } from "../base/numbers";
import { byName } from "../base/order";
import { fit } from "./camera";
import type { Colouring } from "./colouring";
import { Legend } from "./legend";
import { useSession } from "./session";
import { useColouring } from "./use_colouring";

const side = 220;
const most = 48;

/** The pixels of all cells, of which each small picture shows some before the rest. */
interface Placed {
  at: Int32Array;
  /** All cells in the quiet colour. */
  ground: Uint32Array;
}

/** One small picture for each label of a column, all with the same places and colours: where the
 *  cells of a donor, a batch, a stage lie. */
export function SplitView({ column, theme }: { column: string; theme: string }) {
  const { session, view, store } = useSession();
  const labels = store.category(column);
  const axes = store.embedding(view.embedding);
  const [x, y] = view.dimensions;
  const world = session.world();
  const selected = session.selected();
  const painted = useColouring(view, store);
  const placed = useMemo<Placed | null>(() => {
    if (!axes) return null;
    const [xs, ys] = [axes[x], axes[y]];
    const camera = fit(xs, ys, side, side);
    const at = new Int32Array(store.cells).fill(-1);
    const ground = new Uint32Array(side * side);
    const quiet = pack(getComputedStyle(document.documentElement).getPropertyValue("--line").trim());
    const unit = camera.span / side;
    for (let cell = 0; cell < at.length; cell++) {
      const right = Math.round((xs[cell] - camera.x) / unit + side / 2);
      const down = Math.round(side / 2 - (ys[cell] - camera.y) / unit);
      if (!(right >= 0 && down >= 0 && right < side - 1 && down < side - 1)) continue;
      if (world && world[cell] === 0) continue;
      at[cell] = down * side + right;
      for (const near of [0, 1, side, side + 1]) ground[at[cell] + near] = quiet;
    }
    return { at, ground };
  }, [axes, x, y, world, store, theme]);
  const cellsOf = useMemo(() => {
    if (!labels) return null;
    const lists = labels.labels.map((): number[] => []);
    labels.codes.forEach((code, cell) => { if (code >= 0) lists[code].push(cell); });
    return lists;
  }, [labels]);
  if (!labels || !placed || !cellsOf || !painted) return <p className="waiting">Loading …</p>;
  const totals = labelCounts(labels.codes, labels.labels.length, selected ?? world);
  const order = labels.labels.map((label, at) => ({ label, at }))
    .sort((one, other) => byName(one.label, other.label));
  return <section className="split" aria-label={`Split by ${column}`}>
    <ul>{order.slice(0, most).map(({ label, at }) => <li key={label}>
      <button type="button" title={`Select ${label} only`} onClick={() => session.filter({
        kind: "category", column, excluded: labels.labels.filter((other) => other !== label) })}>
        <strong>{label}</strong> <span className="counts">{count(totals[at])}</span></button>
      <SmallPicture placed={placed} painted={painted} cells={cellsOf[at]}
        kept={selected} label={`${label}: ${totals[at]} cells`} /></li>)}</ul>
    {order.length > most && <p className="note">and {order.length - most} more labels</p>}
    <Legend painted={painted} pane="first" />
  </section>;
}

function SmallPicture({ placed, painted, cells, kept, label }: {
  placed: Placed; painted: Colouring; cells: number[]; kept: Uint8Array | null; label: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const draw = canvas.current?.getContext("2d");
    if (!draw) return;
    const pixels = draw.createImageData(side, side);
    const words = new Uint32Array(pixels.data.buffer);
    words.set(placed.ground);
    for (const cell of cells) {
      const at = placed.at[cell];
      if (at < 0 || (kept && kept[cell] === 0)) continue;
      for (const near of [0, 1, side, side + 1]) words[at + near] = painted.colours[cell];
    }
    draw.putImageData(pixels, 0, 0);
  }, [placed, painted, cells, kept]);
  return <canvas ref={canvas} width={side} height={side} role="img" aria-label={label} />;
}
