import { useState } from "react";

import { count } from "../base/numbers";
import { type Cell, isNumeric, type SqlAnswer } from "../client/sql";
import { Button } from "../widgets/controls";

const step = 200;

/** Seven digits; where they stand before the point, four more behind it. */
function shown(cell: Cell): string {
  if (cell === null) return "null";
  if (typeof cell !== "number" || Number.isInteger(cell)) return String(cell);
  const whole = Math.floor(Math.log10(Math.abs(cell))) + 1;
  return String(Number(cell.toPrecision(Math.min(15, Math.max(7, whole + 4)))));
}

/** Rows as they came; more of them on request. */
export function ResultGrid({ answer }: { answer: SqlAnswer }) {
  const [most, setMost] = useState(step);
  const numbers = answer.columns.map(isNumeric);
  return <div className="table-box grid" tabIndex={0} role="region" aria-label="Rows of the result">
    <table aria-label="Result"><thead><tr><th scope="col"><span className="visually-hidden">Row</span></th>
      {answer.columns.map(({ name, type }, at) =>
        <th key={at} scope="col" className={numbers[at] ? "number" : undefined}><span>{name}</span> <small>{type.toLowerCase()}</small></th>)}</tr></thead>
      <tbody>{answer.rows.slice(0, most).map((row, at) => <tr key={at}><td className="row-number">{at + 1}</td>
        {row.map((cell, column) => <td key={column} className={[cell === null ? "null" : "",
          numbers[column] ? "number" : ""].join(" ").trim() || undefined}>{shown(cell)}</td>)}</tr>)}</tbody></table>
    {answer.rows.length > most && <Button kind="quiet" onClick={() => setMost(most + 5 * step)}>
      {count(answer.rows.length - most)} more rows</Button>}
  </div>;
}
