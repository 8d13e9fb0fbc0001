import { useState } from "react";

import { NumberRow } from "./number_row";
import { useSession } from "./session";

const openAtFirst = 4;

/** The columns of obs that hold numbers. */
export function NumbersPanel() {
  const { store } = useSession();
  const [all, setAll] = useState(false);
  const columns = store.schema.obs.filter((column) => column.kind === "number");
  if (columns.length === 0) return null;
  const shown = all ? columns : columns.slice(0, openAtFirst);
  return <section className="panel" aria-labelledby="numbers-title">
    <h2 id="numbers-title">Numbers</h2>
    {shown.map((column) =>
      <NumberRow key={column.name} source={{ from: "obs", column: column.name }} />)}
    {columns.length > shown.length && <button type="button" className="more"
      onClick={() => setAll(true)}>{columns.length - shown.length} more</button>}
  </section>;
}
