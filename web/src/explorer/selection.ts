import { inside, type Polygon } from "../base/polygon";
import type { CategoryColumn, NumberColumn } from "../wire/columns";

/** A selection is a recipe: filters over names and values that all must hold. It names no cell, so
 *  it can be saved, shared and applied to another revision. */
export type Filter = CategoryFilter | RangeFilter | RegionFilter;

export interface CategoryFilter {
  kind: "category";
  column: string;
  /** Labels whose cells are left out; null stands for cells without a label. */
  excluded: (string | null)[];
}

export interface RangeFilter {
  kind: "range";
  source: NumberSource;
  low: number;
  high: number;
}

/** Where numbers come from: a column of obs, a gene, or the mean of a gene set. */
export type NumberSource =
  | { from: "obs"; column: string }
  | { from: "gene"; gene: string; layer: string }
  | { from: "set"; genes: string[]; name: string; layer: string };

/** Regions drawn one after the other: each adds to, takes from or cuts what was selected. */
export interface RegionFilter {
  kind: "region";
  plane: Plane;
  steps: { how: "replace" | "add" | "subtract" | "intersect"; polygon: Polygon }[];
}

/** Two axes in which a polygon can be drawn. */
export type Plane =
  | { of: "embedding"; name: string; dimensions: [number, number] }
  | { of: "numbers"; x: NumberSource; y: NumberSource };

export type Selection = readonly Filter[];

/** What a selection is worked out from. Everything it names must have been loaded. */
export interface CellData {
  cells: number;
  category(column: string): CategoryColumn | undefined;
  numbers(source: NumberSource): NumberColumn | undefined;
  plane(plane: Plane): { xs: Float32Array; ys: Float32Array } | undefined;
}

export const sourceKey = (source: NumberSource): string =>
  source.from === "obs"
    ? `obs:${source.column}`
    : source.from === "gene"
      ? `gene:${source.layer}:${source.gene}`
      : `set:${source.layer}:${source.genes.join(",")}`;

export const sourceName = (source: NumberSource): string =>
  source.from === "obs" ? source.column : source.from === "gene" ? source.gene : source.name;

export const planeKey = (plane: Plane): string =>
  plane.of === "embedding"
    ? `${plane.name}:${plane.dimensions.join(",")}`
    : `${sourceKey(plane.x)}/${sourceKey(plane.y)}`;

/** Filters on the same thing take each other's place. */
export const filterKey = (filter: Filter): string =>
  filter.kind === "category"
    ? `category ${filter.column}`
    : filter.kind === "range"
      ? `range ${sourceKey(filter.source)}`
      : `region ${planeKey(filter.plane)}`;

export function withFilter(selection: Selection, filter: Filter): Selection {
  const key = filterKey(filter);
  const others = selection.filter((other) => filterKey(other) !== key);
  const empty = filter.kind === "category" ? filter.excluded.length === 0
    : filter.kind === "region" ? filter.steps.length === 0 : false;
  return empty ? others : [...others, filter];
}

export const withoutFilter = (selection: Selection, key: string): Selection =>
  selection.filter((other) => filterKey(other) !== key);

let masks = new WeakMap<Filter, { data: CellData; mask: Uint8Array }>();

/** After a column changed: what filters keep is worked out anew. */
export function forgetMasks(): void {
  masks = new WeakMap();
}

/** 1 for each cell that the filter keeps. Undefined while what it needs is not loaded. */
export function maskOf(filter: Filter, data: CellData): Uint8Array | undefined {
  const known = masks.get(filter);
  if (known && known.data === data) return known.mask;
  const mask = filter.kind === "category" ? categoryMask(filter, data)
    : filter.kind === "range" ? rangeMask(filter, data) : regionMask(filter, data);
  if (mask) masks.set(filter, { data, mask });
  return mask;
}

/** 1 for each cell that all filters keep; null when there is no filter. */
export function cellsOf(selection: Selection, data: CellData): Uint8Array | null {
  let result: Uint8Array | null = null;
  for (const filter of selection) {
    const mask = maskOf(filter, data);
    if (!mask) continue;
    if (!result) {
      result = mask.slice();
      continue;
    }
    for (let at = 0; at < result.length; at++) result[at] &= mask[at];
  }
  return result;
}

export function intersection(left: Uint8Array | null, right: Uint8Array | null) {
  if (!left || !right) return left ?? right;
  const both = left.slice();
  for (let at = 0; at < both.length; at++) both[at] &= right[at];
  return both;
}

export function countOf(mask: Uint8Array | null, cells: number): number {
  if (!mask) return cells;
  let total = 0;
  for (let at = 0; at < mask.length; at++) total += mask[at];
  return total;
}

/** Runs of kept cells as [first, one past the last). */
export function runsOf(mask: Uint8Array | null, cells: number): [number, number][] {
  if (!mask) return cells > 0 ? [[0, cells]] : [];
  const runs: [number, number][] = [];
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue;
    const first = at;
    while (at < mask.length && mask[at] !== 0) at++;
    runs.push([first, at]);
  }
  return runs;
}

function categoryMask(filter: CategoryFilter, data: CellData): Uint8Array | undefined {
  const column = data.category(filter.column);
  if (!column) return undefined;
  const kept = new Uint8Array(column.labels.length + 1).fill(1);
  const excluded = new Set(filter.excluded);
  column.labels.forEach((label, at) => {
    if (excluded.has(label)) kept[at] = 0;
  });
  if (excluded.has(null)) kept[column.labels.length] = 0;
  const mask = new Uint8Array(data.cells);
  for (let at = 0; at < data.cells; at++) {
    const code = column.codes[at];
    mask[at] = kept[code < 0 ? column.labels.length : code];
  }
  return mask;
}

function rangeMask(filter: RangeFilter, data: CellData): Uint8Array | undefined {
  const column = data.numbers(filter.source);
  if (!column) return undefined;
  const mask = new Uint8Array(data.cells);
  for (let at = 0; at < data.cells; at++) {
    const value = column.values[at];
    mask[at] = value >= filter.low && value <= filter.high ? 1 : 0;
  }
  return mask;
}

function regionMask(filter: RegionFilter, data: CellData): Uint8Array | undefined {
  const plane = data.plane(filter.plane);
  if (!plane) return undefined;
  let mask = new Uint8Array(data.cells);
  for (const { how, polygon } of filter.steps) {
    const hit = inside(plane.xs, plane.ys, polygon);
    if (how === "replace") {
      mask = hit as Uint8Array<ArrayBuffer>;
      continue;
    }
    for (let at = 0; at < mask.length; at++) {
      if (how === "add") mask[at] |= hit[at];
      else if (how === "subtract") mask[at] &= hit[at] ^ 1;
      else mask[at] &= hit[at];
    }
  }
  return mask;
}
