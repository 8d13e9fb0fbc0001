import type { NumberArray } from "../base/numbers";
import { quantile } from "../base/numbers";

/** Values of one source, a list for each group: rising, finite ones only. */
export function valuesByGroup(values: NumberArray, codes: Int32Array | null, groups: number,
    mask: Uint8Array | null): Float64Array[] {
  const sizes = new Uint32Array(groups);
  const groupOf = (cell: number): number =>
    (mask && mask[cell] === 0) || !Number.isFinite(values[cell]) ? -1 : codes ? codes[cell] : 0;
  for (let cell = 0; cell < values.length; cell++) {
    const group = groupOf(cell);
    if (group >= 0) sizes[group]++;
  }
  const lists = Array.from(sizes, (size) => new Float64Array(size));
  const filled = new Uint32Array(groups);
  for (let cell = 0; cell < values.length; cell++) {
    const group = groupOf(cell);
    if (group >= 0) lists[group][filled[group]++] = values[cell];
  }
  for (const list of lists) list.sort();
  return lists;
}

export interface GroupSummary {
  cells: number;
  mean: number;
  /** Share of cells above zero. */
  expressing: number;
  median: number;
  lower: number;
  upper: number;
}

export function summary(rising: Float64Array): GroupSummary {
  let sum = 0;
  let positive = 0;
  for (const value of rising) {
    sum += value;
    if (value > 0) positive++;
  }
  return {
    cells: rising.length, mean: rising.length > 0 ? sum / rising.length : Number.NaN,
    expressing: rising.length > 0 ? positive / rising.length : Number.NaN,
    median: quantile(rising, 0.5), lower: quantile(rising, 0.25), upper: quantile(rising, 0.75),
  };
}

/** Gaussian kernel density at equal places from low to high; Silverman's bandwidth. */
export function density(rising: Float64Array, low: number, high: number, places: number) {
  const result = new Float64Array(places);
  if (rising.length === 0 || high <= low) return result;
  const spread = Math.max((quantile(rising, 0.75) - quantile(rising, 0.25)) / 1.34,
    (high - low) / 60);
  const width = Math.max(0.9 * spread * rising.length ** -0.2, (high - low) / (places * 1.5));
  // Values are counted into fine bins first, so the cost does not grow with the cells.
  const bins = places * 4;
  const counts = new Float64Array(bins);
  const factor = (bins - 1) / (high - low);
  for (const value of rising)
    counts[Math.min(bins - 1, Math.max(0, Math.round((value - low) * factor)))]++;
  for (let at = 0; at < places; at++) {
    const place = low + ((high - low) * at) / (places - 1);
    for (let bin = 0; bin < bins; bin++) {
      if (counts[bin] === 0) continue;
      const distance = (place - (low + bin / factor)) / width;
      if (distance * distance < 25) result[at] += counts[bin] * Math.exp(-0.5 * distance * distance);
    }
    result[at] /= rising.length * width * Math.sqrt(2 * Math.PI);
  }
  return result;
}
