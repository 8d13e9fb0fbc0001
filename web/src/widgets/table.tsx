import { type ReactNode, useMemo, useState } from "react";

import { Button } from "./controls";

export interface TableColumn<Row> {
  name: string;
  title?: string;
  value: (row: Row) => string | number;
  show?: (row: Row) => ReactNode;
}

const page = 100;

/** A table that sorts by any column and shows more rows on request. */
export function Table<Row>({ columns, rows, keyOf, label, sortedBy = null }: {
  columns: TableColumn<Row>[]; rows: Row[]; keyOf: (row: Row) => string; label: string;
  sortedBy?: { column: string; falling: boolean } | null;
}) {
  const [sort, setSort] = useState(sortedBy);
  const [shown, setShown] = useState(page);
  const ordered = useMemo(() => {
    const column = columns.find((one) => one.name === sort?.column);
    if (!column || !sort) return rows;
    const sign = sort.falling ? -1 : 1;
    return [...rows].sort((left, right) => {
      const [one, other] = [column.value(left), column.value(right)];
      if (typeof one === "number" && typeof other === "number") {
        if (Number.isNaN(one)) return Number.isNaN(other) ? 0 : 1;
        if (Number.isNaN(other)) return -1;
        return sign * (one - other);
      }
      return sign * String(one).localeCompare(String(other), "en", { numeric: true });
    });
  }, [columns, rows, sort]);
  const sortBy = (name: string) => setSort((now) =>
    ({ column: name, falling: now?.column === name ? !now.falling : true }));
  return <div className="table-box">
    <table aria-label={label}><thead><tr>{columns.map((column) => <th key={column.name} scope="col"
      className={rows[0] && typeof column.value(rows[0]) === "number" ? "number" : undefined}
      aria-sort={sort?.column === column.name ? (sort.falling ? "descending" : "ascending") : "none"}>
      <button type="button" title={column.title} onClick={() => sortBy(column.name)}>{column.name}
        {sort?.column === column.name && <span aria-hidden="true">{sort.falling ? " ↓" : " ↑"}</span>}
      </button></th>)}</tr></thead>
      <tbody>{ordered.slice(0, shown).map((row) => <tr key={keyOf(row)}>{columns.map((column) =>
        <td key={column.name} className={typeof column.value(row) === "number" ? "number" : undefined}>
          {column.show ? column.show(row) : column.value(row)}</td>)}</tr>)}</tbody></table>
    {ordered.length > shown && <Button kind="quiet" onClick={() => setShown(shown + 10 * page)}>
      {ordered.length - shown} more rows</Button>}
  </div>;
}
