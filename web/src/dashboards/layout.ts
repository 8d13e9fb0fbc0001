import { type Panel } from "../client/dashboards";
import { textWidth } from "../plots/figure";
import { numberTicks, rounded, type Tick, timeTicks } from "./axes";
import { placesOf, type Shape, type ShapeSeries } from "./shape";

/** A chart in pixels: where everything stands. */
export interface Layout {
  left: number;
  right: number;
  top: number;
  bottom: number;
  x: (value: number) => number;
  y: (value: number) => number;
  xTicks: Tick[];
  yTicks: Tick[];
  turned: boolean;              // the names below stand aslant
  places: number[];
  bands: Band[];                // of each series
  slot: number;                 // width of a bar, or of a group of them
}
/** A series with what it stands on: stacked ones begin where the former end. */
export interface Band {
  series: ShapeSeries;
  colour: number;
  points: { x: number; y: number; low: number; high: number }[];
}

/** Positive values upwards from zero, negative ones downwards. */
function stacked(shown: { series: ShapeSeries; colour: number }[]): Band[] {
  const up = new Map<number, number>(), down = new Map<number, number>();
  return shown.map(({ series, colour }) => ({ series, colour, points: series.points.map(({ x, y }) => {
    const sums = y < 0 ? down : up;
    const from = sums.get(x) ?? 0;
    sums.set(x, from + y);
    return { x, y, low: from, high: from + y };
  }) }));
}

export function layoutOf(panel: Panel, shape: Shape, hidden: ReadonlySet<string>, width: number, height: number):
    Layout {
  const shown = shape.series.map((series, colour) => ({ series, colour }))
    .filter(({ series }) => !hidden.has(series.name));
  const standing = panel.kind === "bar" || panel.kind === "area";
  const isStacked = standing && panel.layout !== "grouped";
  const bands = isStacked ? stacked(shown) : shown.map(({ series, colour }) => ({ series, colour,
    points: series.points.map(({ x, y }) => ({ x, y, low: 0, high: y })) }));
  const ends = bands.flatMap(({ points }) => points.flatMap(({ low, high }) => standing ? [low, high] : [high]));
  const least = ends.reduce((low, one) => Math.min(low, one), Number.POSITIVE_INFINITY);
  const most = ends.reduce((high, one) => Math.max(high, one), Number.NEGATIVE_INFINITY);
  const yWanted = Math.max(2, Math.min(6, Math.floor(height / 44)));
  const [low, high] = ends.length === 0 ? [0, 1]
    : rounded(least, most, yWanted, standing || panel.from_zero === true);
  const yTicks = numberTicks(low, high, yWanted);
  const usual = Math.ceil(Math.max(18, ...yTicks.map(({ words }) => textWidth(words))) + 12);
  const right = width - 14;
  const places = placesOf({ ...shape, series: shown.map(({ series }) => series) });
  const names = shape.axis === "names";
  const words = names ? clippedNames(shape.names) : [];
  const longest = widest(words);
  const turned = names && longest * words.length > (right - usual) * 0.95;
  const left = turned ? roomFor(words, usual, right) : usual;
  const across = right - left;
  const bottom = height - (turned ? Math.min(86, longest * 0.62 + 16) : 22);
  const top = panel.unit ? 24 : 10;
  const slot = slotOf(places, shape, across);
  const x = xOf(shape, places, left, right, panel.kind === "bar" && !names ? slot : 0);
  const y = (value: number) => bottom - ((value - low) / (high - low || 1)) * (bottom - top);
  const wanted = Math.max(2, Math.floor(across / 70));
  const [first, last] = [places[0] ?? 0, places.at(-1) ?? 1];
  const xTicks = names ? nameTicks(words, across, turned)
    : apart(shape.axis === "time" ? timeTicks(first, last, wanted) : numberTicks(first, last, wanted), x, left, right);
  return { left, right, top, bottom, x, y, xTicks, yTicks, turned, places, bands, slot };
}

const widest = (words: string[]): number => words.reduce((most, one) => Math.max(most, textWidth(one)), 0);

const nameMost = 18;
/** Long names without their ends; where those alone tell them apart, without their middles. */
export function clippedNames(names: string[]): string[] {
  const ends = names.map((name) => name.length > nameMost ? `${name.slice(0, nameMost - 1)}…` : name);
  if (new Set(ends).size === new Set(names).size) return ends;
  return names.map((name) => name.length > nameMost ? `${name.slice(0, 8).trimEnd()}…${name.slice(-9)}` : name);
}

/** Where the plot begins, so that no aslant name goes out of its box at the left. */
function roomFor(words: string[], usual: number, right: number): number {
  const step = (right - usual) / words.length;
  const reach = words.map((name, at) => textWidth(name) * 0.79 - (at + 0.5) * step);
  const most = reach.reduce((one, other) => Math.max(one, other), 0);
  return Math.min(Math.max(usual, Math.ceil(most)), Math.floor(right / 2));
}

/** How near its end of the axis a tick's words stand beside it, not below. */
export const endRoom = 16;

/** Without those whose words would run into the ones before. */
function apart(ticks: Tick[], x: (value: number) => number, left: number, right: number): Tick[] {
  let taken = Number.NEGATIVE_INFINITY;
  return ticks.filter(({ at, words }) => {
    const place = x(at), width = textWidth(words);
    const from = place < left + endRoom ? place : place > right - endRoom ? place - width : place - width / 2;
    if (from < taken + 6) return false;
    taken = from + width;
    return true;
  });
}

/** As many names as there is room for. */
function nameTicks(words: string[], across: number, turned: boolean): Tick[] {
  const every = Math.max(1, Math.ceil(words.length * (turned ? 22 : 1) / across));
  return words.flatMap((one, at) => at % every === 0 ? [{ at, words: one }] : []);
}

function slotOf(places: number[], shape: Shape, across: number): number {
  if (shape.axis === "names") return across / Math.max(1, shape.names.length) * 0.76;
  let gap = Number.POSITIVE_INFINITY;
  for (let at = 1; at < places.length; at++) gap = Math.min(gap, places[at] - places[at - 1]);
  const span = (places.at(-1) ?? 0) - (places[0] ?? 0);
  if (!Number.isFinite(gap) || span <= 0) return Math.min(60, across * 0.3);
  return Math.max(1, across / (span / gap + 1) * 0.8);
}

function xOf(shape: Shape, places: number[], left: number, right: number, slot: number): (value: number) => number {
  if (shape.axis === "names") {
    const step = (right - left) / Math.max(1, shape.names.length);
    return (value) => left + (value + 0.5) * step;
  }
  const [low, high] = [places[0] ?? 0, places.at(-1) ?? 1];
  const [from, to] = [left + slot / 2, right - slot / 2];
  if (high === low) return () => (from + to) / 2;
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

const px = (value: number): string => String(Math.round(value * 10) / 10);

/** The points between gaps: what a line may join. */
export function runsOf({ points, series }: Band): Band["points"][] {
  const runs: Band["points"][] = [];
  let gap = 0, run: Band["points"] = [];
  for (const point of points) {
    const before = gap;
    while (gap < series.gaps.length && series.gaps[gap] < point.x) gap++;
    if (gap > before || runs.length === 0) runs.push(run = []);
    run.push(point);
  }
  return runs;
}

export const linePath = (band: Band, at: Layout): string => runsOf(band).map((run) =>
  `M${run.map(({ x, high }) => `${px(at.x(x))} ${px(at.y(high))}`).join("L")}`).join("");

export const areaPath = (band: Band, at: Layout): string => runsOf(band).map((run) => {
  const above = run.map(({ x, high }) => `${px(at.x(x))} ${px(at.y(high))}`);
  const below = [...run].reverse().map(({ x, low }) => `${px(at.x(x))} ${px(at.y(low))}`);
  return `M${above.join("L")}L${below.join("L")}Z`;
}).join("");

/** The bars of a series, each a rectangle. */
export function barsOf(band: Band, order: number, at: Layout, grouped: boolean):
    { x: number; y: number; width: number; height: number; value: number; place: number }[] {
  const width = grouped ? at.slot / Math.max(1, at.bands.length) : at.slot;
  return band.points.map(({ x, y, low, high }) => {
    const [top, bottom] = [Math.min(at.y(low), at.y(high)), Math.max(at.y(low), at.y(high))];
    return { x: at.x(x) - at.slot / 2 + (grouped ? order * width : 0), y: top, height: Math.max(0.5, bottom - top),
      width: Math.max(0.5, width - (grouped && width > 4 ? 1 : 0)), value: y, place: x };
  });
}
