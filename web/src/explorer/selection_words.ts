import { short } from "../base/numbers";
import { type CategoryFilter, type Filter, type Plane, type RangeFilter, type Selection,
  sourceName } from "./selection";

/** A selection in words: for the panel, for methods sections, for reports of what doesn't fit. */

const listed = 4;

const names = (labels: (string | null)[]): string =>
  labels.slice(0, listed).map((label) => label ?? "no value").join(", ") +
  (labels.length > listed ? ` and ${labels.length - listed} more` : "");

function labelWords(filter: CategoryFilter, labels: readonly string[] | undefined): string {
  if (filter.only) return names(filter.only) || "none";
  const kept = labels?.filter((label) => !filter.excluded.includes(label));
  if (kept && kept.length === 0) return "none";
  return kept && kept.length <= filter.excluded.length ? names(kept)
    : `all but ${names(filter.excluded)}`;
}

function rangeWords({ low, high, above, below }: RangeFilter): string {
  const least = low === null ? "" : above ? `above ${short(low)}` : `${short(low)} or more`;
  const most = high === null ? "" : below ? `below ${short(high)}` : `${short(high)} or less`;
  if (low !== null && high !== null && !above && !below)
    return low === high ? short(low) : `${short(low)} to ${short(high)}`;
  return [least, most].filter(Boolean).join(", ") || "any";
}

export const planeWords = (plane: Plane): string => plane.of === "numbers"
  ? `${sourceName(plane.x)} × ${sourceName(plane.y)}`
  : plane.dimensions.join() === "0,1" ? plane.name
    : `${plane.name} (${plane.dimensions.map((axis) => axis + 1).join(", ")})`;

/** What a filter keeps: of what, and which. `labelsOf` gives a column's labels where they are here. */
export function filterWords(filter: Filter, labelsOf: (column: string) => string[] | undefined):
    { of: string; which: string } {
  if (filter.kind === "category")
    return { of: filter.column, which: labelWords(filter, labelsOf(filter.column)) };
  if (filter.kind === "range") return { of: sourceName(filter.source), which: rangeWords(filter) };
  if (filter.kind === "region")
    return { of: planeWords(filter.plane), which: filter.steps.length === 1 ? "drawn region"
      : `${filter.steps.length} drawn regions` };
  return { of: filter.name, which: selectionWords(filter.parts, labelsOf) };
}

export const selectionWords = (selection: Selection,
    labelsOf: (column: string) => string[] | undefined): string =>
  selection.map((filter, at) => {
    const { of, which } = filterWords(filter, labelsOf);
    const joint = at === 0 ? "" : filter.or ? "; or " : " and ";
    return `${joint}${filter.not ? "not " : ""}${
      filter.kind === "joined" ? `(${which})` : `${of}: ${which}`}`;
  }).join("");
