import { inside, type Polygon } from "../base/polygon";
import type { CategoryColumn, NumberColumn } from "../wire/columns";

/** A selection is a recipe: filters over names and values. It names no cell, so it can be saved,
 *  shared and applied to another revision. Filters that follow each other must all hold; one with
 *  `or` begins an alternative, whose cells come in addition ("a and b, or c and d"). */
export type Filter = (CategoryFilter | RangeFilter | RegionFilter | JoinedFilter) & Joint;

export interface Joint {
  /** Keeps the other cells, also those without a value. */
  not?: boolean;
  or?: boolean;
}

export interface CategoryFilter {
  kind: "category";
  column: string;
  /** Labels whose cells are left out; null stands for cells without a label. */
  excluded: (string | null)[];
  /** Instead: the labels whose cells are kept. So a recipe means the same where there are more. */
  only?: (string | null)[];
}

export interface RangeFilter {
  kind: "range";
  source: NumberSource;
  /** Both ends are inside; null is no end. */
  low: number | null;
  high: number | null;
  /** Unless that end itself is left out. */
  above?: true;
  below?: true;
}

/** A selection within another one. */
export interface JoinedFilter {
  kind: "joined";
  name: string;
  parts: Filter[];
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
      : filter.kind === "region"
        ? `region ${planeKey(filter.plane)}`
        : `joined ${filter.name}`;

const keepsAll = (filter: Filter): boolean =>
  filter.kind === "category" ? !filter.only && filter.excluded.length === 0
    : filter.kind === "range" ? filter.low === null && filter.high === null
      : filter.kind === "region" ? filter.steps.length === 0 : filter.parts.length === 0;

/** In the place of the one on the same thing, whose "not" and "or" stay; else at the end. */
export function withFilter(selection: Selection, filter: Filter): Selection {
  const key = filterKey(filter);
  if (keepsAll(filter)) return withoutFilter(selection, key);
  const known = selection.find((other) => filterKey(other) === key);
  if (!known) return [...selection, filter];
  const { not, or } = known;
  return selection.map((other) => other === known ? { ...joint({ not, or }), ...filter } : other);
}

const joint = ({ not, or }: Joint): Joint => ({ ...(not ? { not } : {}), ...(or ? { or } : {}) });

/** What followed an alternative's first filter begins it now. */
export function withoutFilter(selection: Selection, key: string): Selection {
  return selection.flatMap((filter, at) => {
    if (filterKey(filter) === key) return [];
    const before = selection[at - 1];
    return before?.or && filterKey(before) === key ? [{ ...filter, or: true }] : [filter];
  });
}

/** The selection with a region that was drawn: instead of the one drawn in that plane before, or
 *  added to, taken from, or cut with all that is selected. */
export function withRegion(selection: Selection, plane: Plane, how: "replace" | "add" | "subtract" |
    "intersect", polygon: Polygon): Selection {
  const step = { how, polygon };
  const region: Filter = { kind: "region", plane, steps: [{ how: "replace", polygon }] };
  const isFirst = selection.length === 0 && how !== "subtract";
  if (how === "replace" || isFirst) return withFilter(selection, region);
  const [only] = selection;
  const isDrawnHere = selection.length === 1 && only.kind === "region" && !only.not &&
    filterKey(only) === filterKey(region);
  if (isDrawnHere && only.kind === "region") return [{ ...only, steps: [...only.steps, step] }];
  return combined(selection, [region], how);
}

/** Two selections as one. */
export function combined(first: Selection, second: Selection,
    how: "add" | "subtract" | "intersect"): Selection {
  if (second.length === 0) return first;
  if (first.length === 0) return how === "subtract" ? [{ ...single(second, []), not: true }]
    : how === "add" ? first : second;
  const left = single(first, second);
  const right = single(second, [left]);
  return how === "add" ? [left, { ...right, or: true }]
    : how === "subtract" ? [left, { ...right, not: true }] : [left, right];
}

/** The selection as one filter whose name none of the others has. */
function single(selection: Selection, others: Selection): Filter {
  const [only] = selection;
  const taken = new Set([...selection, ...others].map(filterKey));
  if (selection.length === 1 && !only.not && !others.some((other) => filterKey(other) === filterKey(only)))
    return { ...only, or: undefined };
  let number = 1;
  while (taken.has(`joined selection ${number}`)) number++;
  return { kind: "joined", name: `selection ${number}`, parts: [...selection] };
}

/** All cells but those of the selection. */
export const inverted = (selection: Selection): Selection => {
  const [only] = selection;
  if (selection.length === 0) return selection;
  if (selection.length === 1) return [{ ...only, not: !only.not }];
  return [{ ...single(selection, []), not: true }];
};

/** What both keep: a selection within a subset. */
export function within(subset: Selection, selection: Selection): Selection {
  const isPlain = ![...subset, ...selection].some((filter) => filter.or) &&
    !selection.some((one) => subset.some((other) => filterKey(other) === filterKey(one)));
  return isPlain ? [...subset, ...selection] : combined(subset, selection, "intersect");
}

/** The labels that a filter leaves out, of all there are. */
export const excludedOf = (filter: CategoryFilter, labels: readonly (string | null)[]) =>
  filter.only ? labels.filter((label) => !filter.only?.includes(label)) : filter.excluded;

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
    : filter.kind === "range" ? rangeMask(filter, data)
      : filter.kind === "region" ? regionMask(filter, data) : joinedMask(filter, data);
  if (mask && filter.not)
    for (let at = 0; at < mask.length; at++) mask[at] ^= 1;
  if (mask) masks.set(filter, { data, mask });
  return mask;
}

/** 1 for each cell that the filters keep; null when there is none. Those whose columns are still
 *  coming are passed over. */
export function cellsOf(selection: Selection, data: CellData): Uint8Array | null {
  const alternatives: Uint8Array[] = [];
  let begins = true;
  for (const filter of selection) {
    begins = begins || filter.or === true;
    const mask = maskOf(filter, data);
    if (!mask) continue;
    const last = alternatives.length - 1;
    if (begins) alternatives.push(mask);
    else alternatives[last] = met(alternatives[last], mask);
    begins = false;
  }
  return alternatives.length === 0 ? null : alternatives.reduce(united);
}

function met(left: Uint8Array, right: Uint8Array): Uint8Array {
  const result = left.slice();
  for (let at = 0; at < result.length; at++) result[at] &= right[at];
  return result;
}

function united(left: Uint8Array, right: Uint8Array): Uint8Array {
  const result = left.slice();
  for (let at = 0; at < result.length; at++) result[at] |= right[at];
  return result;
}

export function intersection(left: Uint8Array | null, right: Uint8Array | null) {
  return left && right ? met(left, right) : left ?? right;
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
  const excluded = new Set(excludedOf(filter, [...column.labels, null]));
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
  const low = filter.low ?? Number.NEGATIVE_INFINITY;
  const high = filter.high ?? Number.POSITIVE_INFINITY;
  const mask = new Uint8Array(data.cells);
  for (let at = 0; at < data.cells; at++) {
    const value = column.values[at];
    mask[at] = (filter.above ? value > low : value >= low) &&
      (filter.below ? value < high : value <= high) ? 1 : 0;
  }
  return mask;
}

function joinedMask(filter: JoinedFilter, data: CellData): Uint8Array | undefined {
  if (filter.parts.some((part) => !maskOf(part, data))) return undefined;
  return cellsOf(filter.parts, data) ?? new Uint8Array(data.cells).fill(1);
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
