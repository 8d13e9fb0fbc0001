import { type CSSProperties } from "react";

import { type Panel } from "../client/dashboards";
import { type SqlAnswer } from "../client/sql";
import { exact } from "./axes";
import { shapeOf } from "./shape";

/** The last value of a column, how it changed from the one before, and the way there. */
export function BigNumber({ panel, answer }: { panel: Panel; answer: SqlAnswer }) {
  const shape = shapeOf({ ...panel, kind: "line" }, answer);
  const numbers = shape.series[0]?.points.map(({ y }) => y) ?? alone(answer);
  const last = numbers.at(-1);
  if (last === undefined) {
    const words = answer.rows.at(-1)?.find((cell) => cell !== null);
    return words === undefined || words === null ? <p className="panel-empty">There is no value.</p>
      : <p className="number-panel"><strong className="words">{String(words)}</strong></p>;
  }
  const before = numbers.at(-2);
  const number = exact(last);
  const letters = number.length + (panel.unit ? (panel.unit.length + 1) / 2 : 0);
  return <div className="number-panel"><strong style={{ "--letters": letters } as CSSProperties}>{number}
    {panel.unit && <small> {panel.unit}</small>}</strong>
    {before !== undefined && <Change from={before} to={last} />}
    {numbers.length > 2 && <Spark numbers={numbers.slice(-120)} />}</div>;
}

/** A single column of numbers has no axis: its rows are in order. */
function alone(answer: SqlAnswer): number[] {
  return answer.rows.map(([cell]) => cell === null || cell === "" ? Number.NaN : Number(cell)).filter(Number.isFinite);
}

function Change({ from, to }: { from: number; to: number }) {
  const difference = to - from;
  const share = from === 0 ? null : difference / Math.abs(from);
  const way = difference > 0 ? "up" : difference < 0 ? "down" : "same";
  return <span className={`change ${way}`}><span aria-hidden="true">{
    way === "up" ? "▲" : way === "down" ? "▼" : "="}</span>{" "}
    {difference > 0 ? "+" : ""}{exact(Number(difference.toPrecision(4)))}
    {share !== null && Number.isFinite(share) && ` (${difference > 0 ? "+" : ""}${(share * 100).toFixed(
      Math.abs(share) < 0.1 ? 2 : 1)} %)`} <span className="visually-hidden">against the value before</span></span>;
}

function Spark({ numbers }: { numbers: number[] }) {
  const low = Math.min(...numbers), high = Math.max(...numbers);
  const [width, height] = [200, 40];
  const places = numbers.map((value, at) => `${(at / (numbers.length - 1) * width).toFixed(1)} ${
    (height - 2 - ((value - low) / (high - low || 1)) * (height - 4)).toFixed(1)}`);
  return <svg className="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img"
    aria-label={`The last ${numbers.length} values, from ${exact(low)} to ${exact(high)}`}>
    <path className="plot-area" d={`M${places.join("L")}L${width} ${height}L0 ${height}Z`} />
    <path className="plot-stroke" d={`M${places.join("L")}`} vectorEffect="non-scaling-stroke" /></svg>;
}
