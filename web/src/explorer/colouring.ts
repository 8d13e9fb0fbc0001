import { categoryColour, type NumberScale, pack, palette, position } from "../base/colour";
import { extent, quantile, sorted } from "../base/numbers";
import type { CellStore } from "./cell_store";
import { type NumberSource, sourceKey, sourceName } from "./selection";
import type { View } from "./view";

/** How cells are coloured, and what the legend says about it. */
export type Colouring =
  | { by: "nothing"; colours: Uint32Array }
  | { by: "category"; name: string; labels: string[]; labelColours: string[]; codes: Int32Array;
      colours: Uint32Array }
  | { by: "number"; name: string; scale: NumberScale; full: [number, number]; missing: number;
      values: Float32Array | Float64Array; colours: Uint32Array;
      /** 0 to 255: cells with more lie before cells with less. */
      lift: Uint8Array };

const plain = pack("#4a7fb5");
const missing = pack("#b9bec6");

/** The reader's own colour of a label, the file's, or the palette's. */
export function labelColour(view: Pick<View, "labelColours" | "labelPalette">, store: CellStore,
    column: string, labels: string[], at: number): string {
  const own = view.labelColours[column]?.[labels[at]];
  const files = view.labelPalette === "file" ? store.schema.colours[column]?.[labels[at]] : undefined;
  return own ?? files ?? categoryColour(at, view.labelPalette);
}

/** The colour range that a source starts with: counts from 0 to the 99th percentile of what is
 *  there, so that one bright cell does not hide the rest; the ends are shown and can be moved. */
export function firstScale(values: Float32Array | Float64Array): { low: number; high: number; log: boolean } {
  const range = extent(values);
  if (!range) return { low: 0, high: 1, log: false };
  if (range[0] < 0) return { low: range[0], high: range[1], log: false };
  const rising = sorted(values);
  const first = rising.findIndex((value) => value > 0);
  const high = first < 0 ? range[1] : quantile(rising.subarray(first), 0.99);
  return { low: Math.min(0, range[0]), high: high > 0 ? high : range[1], log: false };
}

export function scaleOf(view: View, source: NumberSource,
    values: Float32Array | Float64Array): NumberScale {
  return { ...(view.scales[sourceKey(source)] ?? firstScale(values)), palette: view.palette };
}

/** Undefined while the column or gene is still coming. */
export function colouring(view: View, store: CellStore): Colouring | undefined {
  const colour = view.colour;
  if (!colour) return { by: "nothing", colours: new Uint32Array(store.cells).fill(plain) };
  if (colour.by === "category") {
    const column = store.category(colour.column);
    if (!column) return undefined;
    const labelColours = column.labels.map((_, at) =>
      labelColour(view, store, column.name, column.labels, at));
    const packed = labelColours.map(pack);
    const colours = new Uint32Array(store.cells);
    for (let at = 0; at < store.cells; at++) {
      const code = column.codes[at];
      colours[at] = code < 0 ? missing : packed[code];
    }
    return { by: "category", name: column.name, labels: column.labels, labelColours,
      codes: column.codes, colours };
  }
  const column = store.numbers(colour.source);
  if (!column) return undefined;
  return byNumber(view, colour.source, column.values);
}

function byNumber(view: View, source: NumberSource, values: Float32Array | Float64Array): Colouring {
  const scale = scaleOf(view, source, values);
  const table = palette(view.palette);
  const colours = new Uint32Array(values.length);
  const lift = new Uint8Array(values.length);
  let absent = 0;
  for (let at = 0; at < values.length; at++) {
    const share = position(scale, values[at]);
    if (Number.isNaN(share)) {
      colours[at] = missing;
      absent++;
    } else {
      lift[at] = Math.round(share * 255);
      colours[at] = table[lift[at]];
    }
  }
  return { by: "number", name: sourceName(source), scale, full: extent(values) ?? [0, 1],
    missing: absent, values, colours, lift };
}
