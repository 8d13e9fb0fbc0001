import { short } from "../base/numbers";
import { bottomAxis, clipped, escape, type Figure, fixed, leftAxis, svg, text, textWidth } from "./figure";

/** Charts of two columns of a table. Colours follow the page: var(--accent). */

export interface Series {
  x: (string | number | null)[];
  y: (number | null)[];
  xName: string;
  yName: string;
}

const barsMax = 40;

/** A bar a row, the names at the left: for counts by label. */
export function bars({ x, y, xName, yName }: Series): Figure {
  const shown = Math.min(x.length, barsMax);
  const names = x.slice(0, shown).map((one) => clipped(String(one ?? "–"), 26));
  const left = 16 + Math.max(30, ...names.map(textWidth));
  const [width, height] = [460, 22];
  const most = Math.max(0, ...y.slice(0, shown).map((one) => one ?? 0)) || 1;
  const parts = names.flatMap((name, at) => {
    const value = y[at] ?? 0;
    const top = 6 + at * height;
    return [text(left - 8, top + 13, name, { anchor: "end" }),
      `<rect class="mark" x="${left}" y="${top}" width="${fixed(Math.max(0, (value / most) * width))}" height="${
        height - 5}" rx="2"><title>${escape(name)}: ${value}</title></rect>`,
      text(left + Math.max(0, (value / most) * width) + 6, top + 13, short(value))];
  });
  if (x.length > shown) parts.push(text(left, 18 + shown * height, `${x.length - shown} more`));
  return { svg: svg(left + width + 70, 12 + shown * height + (x.length > shown ? 16 : 0), parts,
    `${yName} by ${xName}`), head: [xName, yName], rows: x.map((one, at) => [one ?? "", y[at] ?? ""]) };
}

/** A line, or points, of one number over another. */
export function line({ x, y, xName, yName }: Series, joined: boolean): Figure {
  const places = x.map((one, at) => ({ x: Number(one), y: y[at] }))
    .filter((one): one is { x: number; y: number } => Number.isFinite(one.x) && one.y !== null);
  if (joined) places.sort((one, other) => one.x - other.x);
  const [width, height] = [560, 280];
  const range = (values: number[]): [number, number] => values.reduce(([low, high], value) =>
    [Math.min(low, value), Math.max(high, value)], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  const [lowX, highX] = range(places.map((one) => one.x));
  const [lowY, highY] = range(places.map((one) => one.y));
  if (places.length === 0) return { svg: svg(width, 40, [text(10, 24, "No numbers to draw")], "Nothing"),
    head: [xName, yName], rows: [] };
  const across = leftAxis(64, height - 40, 12, Math.min(0, lowY), highY, clipped(yName));
  const along = bottomAxis(height - 40, 64, width - 12, lowX, highX, clipped(xName));
  const points = places.map((one) => `${fixed(along.x(one.x))} ${fixed(across.y(one.y))}`);
  const drawn = joined ? [`<path class="mark-line" d="M${points.join("L")}"/>`]
    : points.map((place) => `<circle class="mark" r="3" cx="${place.split(" ")[0]}" cy="${place.split(" ")[1]}"/>`);
  return { svg: svg(width, height, [...across.parts, ...along.parts, ...drawn], `${yName} over ${xName}`),
    head: [xName, yName], rows: places.map((one) => [one.x, one.y]) };
}
