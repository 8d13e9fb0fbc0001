import { type Panel } from "../client/dashboards";
import { type Cell, isNumeric, type SqlAnswer, type SqlColumn } from "../client/sql";

/** Rows as what is drawn: series of points over one axis. */
export interface Shape {
  axis: "time" | "number" | "names";
  xName: string;
  names: string[];              // of the places of a "names" axis, in the order of the rows
  series: ShapeSeries[];
  left: number;                 // series that weren't drawn, being too many
}
export interface ShapeSeries {
  name: string;
  points: { x: number; y: number }[];
  gaps: number[];               // places whose rows have no number, rising: a line ends there
}

const seriesMax = 20;
const temporal = /^(date|timestamp)/i;

export const isTime = ({ type }: SqlColumn): boolean => temporal.test(type);

/** The moment that a cell names; times without a zone are UTC. */
export function momentOf(cell: Cell): number {
  if (typeof cell === "number") return cell;
  const text = String(cell ?? "").trim().replace(" ", "T");
  const hasZone = /(Z|[+-]\d\d(:?\d\d)?)$/.test(text.slice(10));
  return Date.parse(text.length <= 10 ? text : hasZone ? text.replace(/([+-]\d\d)$/, "$1:00") : `${text}Z`);
}

const numberOf = (cell: Cell): number => cell === null || cell === "" ? Number.NaN
  : typeof cell === "boolean" ? Number(cell) : Number(cell);

/** The columns that are drawn where the panel doesn't say. */
export function columnsOfPanel(panel: Panel, answer: SqlAnswer): { x: number; y: number[]; series: number } {
  const find = (name: string | undefined) => name ? answer.columns.findIndex((one) => one.name === name) : -1;
  const { columns } = answer;
  let series = find(panel.series);
  let x = find(panel.x);
  if (x < 0) x = columns.findIndex((one, at) => at !== series && isTime(one));
  if (x < 0 && series < 0 && panel.kind === "line" && !panel.y?.length) {
    // A number first and a text behind it: lines over the number, told apart by the text.
    const text = linesFrom(answer);
    if (text > 0) [x, series] = [0, text];
  }
  if (x < 0) x = columns.findIndex((one, at) => at !== series && !isNumeric(one));
  if (x < 0) x = columns.findIndex((_, at) => at !== series);
  let y = (panel.y ?? []).map(find).filter((at) => at >= 0);
  if (y.length === 0) y = columns.flatMap((one, at) => at !== x && at !== series && isNumeric(one) ? [at] : []);
  if (y.length === 0 && columns.length > 1) y = [columns.findIndex((_, at) => at !== x && at !== series)]
    .filter((at) => at >= 0);
  // One text beside a time axis is most likely what tells lines apart.
  if (series < 0 && !panel.y?.length && isTime(columns[x] ?? { name: "", type: "" }))
    series = columns.findIndex((one, at) => at !== x && !isNumeric(one) && !isTime(one));
  return { x, y: y.filter((at) => at !== series), series };
}

/** The one text column with a name for each line, where the first column is a number; -1 else. */
function linesFrom({ columns, rows }: SqlAnswer): number {
  const texts = columns.flatMap((one, at) => isNumeric(one) ? [] : [at]);
  if (texts.length !== 1 || texts[0] === 0 || columns.length < 3) return -1;
  const names = new Set(rows.map((row) => row[texts[0]]));
  return names.size < rows.length ? texts[0] : -1;
}

export function shapeOf(panel: Panel, answer: SqlAnswer): Shape {
  const { x, y, series } = columnsOfPanel(panel, answer);
  const column = answer.columns[x] ?? { name: "", type: "" };
  const axis = isTime(column) ? "time" : panel.kind !== "bar" && isNumeric(column) ? "number" : "names";
  const places = new Map<string, number>();
  const lines = new Map<string, ShapeSeries>();
  for (const row of answer.rows) {
    let place = axis === "time" ? momentOf(row[x]) : numberOf(row[x]);
    if (axis === "names") {
      const name = String(row[x] ?? "–");
      place = places.get(name) ?? places.size;
      places.set(name, place);
    }
    if (!Number.isFinite(place)) continue;
    for (const at of y) {
      const value = numberOf(row[at]);
      const own = series < 0 ? "" : String(row[series] ?? "–");
      const name = series < 0 ? answer.columns[at].name
        : y.length > 1 ? `${own} · ${answer.columns[at].name}` : own;
      const line = lines.get(name) ?? { name, points: [], gaps: [] };
      lines.set(name, line);
      if (Number.isFinite(value)) line.points.push({ x: place, y: value });
      else line.gaps.push(place);
    }
  }
  const all = [...lines.values()].filter(({ points }) => points.length > 0);
  for (const { points, gaps } of all) {
    if (axis !== "names") points.sort((one, other) => one.x - other.x);
    gaps.sort((one, other) => one - other);
  }
  return { axis, xName: column.name, names: [...places.keys()], series: all.slice(0, seriesMax),
    left: Math.max(0, all.length - seriesMax) };
}

/** Every place of the x axis, rising. */
export const placesOf = (shape: Shape): number[] =>
  [...new Set(shape.series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((one, other) => one - other);
