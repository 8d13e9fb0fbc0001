import { type Panel, type Place } from "../client/dashboards";

/** The grid that panels lie in: 12 columns, rows of one height, no end below. */
export const columns = 12, rowHeight = 56, gap = 12;

export const usualPlace: Place = { x: 0, y: 0, width: 6, height: 5 };
export const placeOf = (panel: Panel): Place => panel.place ?? usualPlace;

const overlap = (one: Place, other: Place): boolean => one.x < other.x + other.width && other.x < one.x + one.width &&
  one.y < other.y + other.height && other.y < one.y + one.height;

const byPlace = (one: Panel, other: Panel): number =>
  placeOf(one).y - placeOf(other).y || placeOf(one).x - placeOf(other).x;

/** Nothing lies on anything else, and nothing floats: `moved` stays where it was put, what it covers
 *  goes below it, then all go up as far as they can. */
export function settled(panels: Panel[], moved?: string): Panel[] {
  const first = panels.filter(({ id }) => id === moved);
  const placed: { id: string; place: Place }[] = [];
  for (const panel of [...first, ...panels.filter(({ id }) => id !== moved).sort(byPlace)]) {
    const place = { ...placeOf(panel) };
    for (let hit = placed.find((one) => overlap(one.place, place)); hit; hit = placed.find((one) => overlap(one.place, place)))
      place.y = hit.place.y + hit.place.height;
    placed.push({ id: panel.id, place });
  }
  const risen: { id: string; place: Place }[] = [];
  for (const { id, place } of placed.sort((one, other) => one.place.y - other.place.y || one.place.x - other.place.x)) {
    while (place.y > 0 && !risen.some((one) => overlap(one.place, { ...place, y: place.y - 1 }))) place.y--;
    risen.push({ id, place });
  }
  const places = new Map(risen.map(({ id, place }) => [id, place]));
  return panels.map((panel) => ({ ...panel, place: places.get(panel.id) })).sort(byPlace);
}

/** A place within the grid. */
export function within({ x, y, width, height }: Place): Place {
  const wide = Math.min(columns, Math.max(2, width));
  return { width: wide, height: Math.min(40, Math.max(2, height)), x: Math.min(columns - wide, Math.max(0, x)),
    y: Math.max(0, y) };
}

/** Where a new panel of that size goes: below all others. */
export const below = (panels: Panel[], size: Place = usualPlace): Place => ({ ...size, x: 0,
  y: panels.reduce((most, panel) => Math.max(most, placeOf(panel).y + placeOf(panel).height), 0) });

export function freshId(panels: Panel[]): string {
  for (let number = panels.length + 1; ; number++)
    if (!panels.some(({ id }) => id === `panel-${number}`)) return `panel-${number}`;
}
