import { useState } from "react";

import { count } from "../base/numbers";
import { type Cell, type SqlAnswer } from "../client/sql";
import { Button } from "../widgets/controls";

const step = 200;

const shown = (cell: Cell): string => cell === null ? "null" : typeof cell === "number" &&
  !Number.isInteger(cell) ? String(Number(cell.toPrecision(7))) : String(cell);

/** Rows as they came; more of them on request. */
export function ResultGrid({ answer }: { answer: SqlAnswer }) {
  const [most, setMost] = useState(step);
  return <div className="table-box grid" tabIndex={0} role="region" aria-label="Rows of the result">
    <table aria-label="Result"><thead><tr><th scope="col"><span className="visually-hidden">Row</span></th>
      {answer.columns.map(({ name, type }, at) =>
        <th key={at} scope="col"><span>{name}</span> <small>{type.toLowerCase()}</small></th>)}</tr></thead>
      <tbody>{answer.rows.slice(0, most).map((row, at) => <tr key={at}><td className="row-number">{at + 1}</td>
        {row.map((cell, column) => <td key={column} className={cell === null ? "null"
          : typeof cell === "number" ? "number" : undefined}>{shown(cell)}</td>)}</tr>)}</tbody></table>
    {answer.rows.length > most && <Button kind="quiet" onClick={() => setMost(most + 5 * step)}>
      {count(answer.rows.length - most)} more rows</Button>}
  </div>;
}
