import type { NumberArray } from "./numbers";

export interface Histogram {
  low: number;
  high: number;
  /** Cells a bin, all of the world. */
  all: Uint32Array;
  /** Cells a bin, of the selected ones. */
  selected: Uint32Array;
  missing: number;
}

/** Counts finite values in equal bins from low to high (the last bin holds `high` too). */
export function histogram(values: NumberArray, range: [number, number], bins: number,
    world: Uint8Array | null, selected: Uint8Array | null): Histogram {
  const [low, high] = range;
  const result: Histogram = {
    low, high, all: new Uint32Array(bins), selected: new Uint32Array(bins), missing: 0,
  };
  const factor = high > low ? bins / (high - low) : 0;
  for (let at = 0; at < values.length; at++) {
    if (world && world[at] === 0) continue;
    const value = values[at];
    if (!Number.isFinite(value)) {
      result.missing++;
      continue;
    }
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((value - low) * factor)));
    result.all[bin]++;
    if (!selected || selected[at] !== 0) result.selected[bin]++;
  }
  return result;
}

/** Cells a label among the cells that `mask` keeps; the last entry counts the unlabelled. */
export function labelCounts(codes: Int32Array, labels: number, mask: Uint8Array | null) {
  const counts = new Uint32Array(labels + 1);
  for (let at = 0; at < codes.length; at++) {
    if (mask && mask[at] === 0) continue;
    const code = codes[at];
    counts[code < 0 ? labels : code]++;
  }
  return counts;
}

/** Cells for each pair (label of one column, label of another): row major. */
export function pairCounts(rows: Int32Array, rowLabels: number, columns: Int32Array,
    columnLabels: number, mask: Uint8Array | null): Uint32Array {
  const width = columnLabels + 1;
  const counts = new Uint32Array((rowLabels + 1) * width);
  for (let at = 0; at < rows.length; at++) {
    if (mask && mask[at] === 0) continue;
    const row = rows[at] < 0 ? rowLabels : rows[at];
    const column = columns[at] < 0 ? columnLabels : columns[at];
    counts[row * width + column]++;
  }
  return counts;
}
