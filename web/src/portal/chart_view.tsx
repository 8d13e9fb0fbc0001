import { short } from "../base/numbers";
import { type ChartChoice } from "../client/portal";
import { type SqlAnswer } from "../client/sql";
import { bars, line, type Series } from "../plots/series";
import { ResultGrid } from "./result_grid";

/** A result drawn as its tile says. */
export function ChartView({ answer, chart }: { answer: SqlAnswer; chart: ChartChoice }) {
  if (chart.kind === "table" || answer.rows.length === 0) return <ResultGrid answer={answer} />;
  if (chart.kind === "number") return <BigNumber answer={answer} chart={chart} />;
  const series = seriesOf(answer, chart);
  const figure = chart.kind === "bars" ? bars(series) : line(series, chart.kind === "line");
  return <div className="chart" dangerouslySetInnerHTML={{ __html: figure.svg }} />;
}

function BigNumber({ answer, chart }: { answer: SqlAnswer; chart: ChartChoice }) {
  const at = Math.max(0, answer.columns.findIndex(({ name }) => name === chart.y));
  const value = answer.rows[0][at];
  return <p className="big-number"><strong>{typeof value === "number" ? short(value) : String(value)}</strong>
    <span>{answer.columns[at].name}</span></p>;
}

const isNumber = (type: string): boolean => type === "integer" || type === "real" ||
  /INT|DOUBLE|FLOAT|DECIMAL|REAL/i.test(type);

/** The columns that a chart takes where nobody chose: the first text, the first number. */
export function usualColumns(answer: SqlAnswer): { x: string; y: string } {
  const y = answer.columns.find(({ type }) => isNumber(type)) ?? answer.columns.at(-1);
  const x = answer.columns.find(({ name, type }) => !isNumber(type) && name !== y?.name) ??
    answer.columns.find(({ name }) => name !== y?.name) ?? answer.columns[0];
  return { x: x?.name ?? "", y: y?.name ?? "" };
}

function seriesOf(answer: SqlAnswer, chart: ChartChoice): Series {
  const usual = usualColumns(answer);
  const at = (name: string) => answer.columns.findIndex((column) => column.name === name);
  const [x, y] = [Math.max(0, at(chart.x || usual.x)), Math.max(0, at(chart.y || usual.y))];
  return {
    xName: answer.columns[x].name, yName: answer.columns[y].name,
    x: answer.rows.map((row) => typeof row[x] === "boolean" ? String(row[x]) : row[x]) as Series["x"],
    y: answer.rows.map((row) => {
      const value = Number(row[y]);
      return row[y] === null || Number.isNaN(value) ? null : value;
    }),
  };
}
