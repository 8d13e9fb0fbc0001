import { useMemo, useState } from "react";

import { labelCounts, pairCounts } from "../base/binning";
import { byName } from "../base/order";
import { count } from "../base/numbers";
import type { CategoryColumn } from "../wire/columns";
import { IconButton } from "../widgets/controls";
import { labelColour } from "./colouring";
import { MarkersDialog } from "./markers_dialog";
import { type CategoryFilter, excludedOf } from "./selection";
import { useCountedCells, useSession } from "./session";

const firstShown = 30;

/** The columns of obs that hold labels: ticked, counted, coloured. */
export function CategoriesPanel() {
  const { store } = useSession();
  const columns = store.schema.obs.filter((column) => column.kind === "category");
  const lone = columns.filter((column) => column.labels === 1);
  const useful = columns.filter((column) => column.labels !== 1);
  return <section className="panel" aria-labelledby="categories-title">
    <h2 id="categories-title">Categories</h2>
    {useful.length === 0 && <p className="empty">This dataset has no labels.</p>}
    {useful.map((column) => <Category key={column.name} name={column.name} />)}
    {lone.length > 0 && <details className="same-everywhere">
      <summary>{lone.length} the same for all cells</summary>
      {lone.map((column) => <OnlyLabel key={column.name} name={column.name} />)}</details>}
  </section>;
}

function OnlyLabel({ name }: { name: string }) {
  const { store } = useSession();
  return <p className="only-label"><span>{name}</span> {store.category(name)?.labels[0] ?? "…"}</p>;
}

function Category({ name }: { name: string }) {
  const { session, view } = useSession();
  const [open, setOpen] = useState(false);
  const [marking, setMarking] = useState(false);
  const coloured = view.colour?.by === "category" && view.colour.column === name;
  const filter = view.selection.find((one): one is CategoryFilter =>
    one.kind === "category" && one.column === name);
  return <div className="category">
    <div className="row-head">
      <button type="button" className="disclosure" aria-expanded={open}
        onClick={() => setOpen(!open)}>{name}</button>
      {filter && <IconButton icon="close" label={`Select all of ${name} again`}
        onClick={() => session.unfilter(`category ${name}`)} />}
      <IconButton icon="list" label={`Markers of ${name}`} onClick={() => setMarking(true)} />
      <IconButton icon="drop" label={`Colour by ${name}`} pressed={coloured}
        onClick={() => session.change({
          colour: coloured ? null : { by: "category", column: name } })} />
    </div>
    {open && <Labels name={name} filter={filter} />}
    {marking && <MarkersDialog column={name} onClose={() => setMarking(false)} />}
  </div>;
}

function Labels({ name, filter }: { name: string; filter: CategoryFilter | undefined }) {
  const { session, view, store } = useSession();
  const [all, setAll] = useState(false);
  const [text, setText] = useState("");
  const column = store.category(name);
  const { world, selected } = useCountedCells();
  const counts = useMemo(() => column && {
    world: labelCounts(column.codes, column.labels.length, world),
    selected: labelCounts(column.codes, column.labels.length, selected),
  }, [column, world, selected]);
  const split = useSplit(column);
  if (!column || !counts)
    return <p className="waiting">{store.failure(`obs:${name}`)?.message ?? "Loading …"}</p>;

  const excluded = new Set(filter ? excludedOf(filter, [...column.labels, null]) : []);
  const keys: (string | null)[] = [...column.labels].sort(byName);
  if (counts.world[column.labels.length] > 0) keys.push(null);
  const at = (key: string | null) => key === null ? column.labels.length : column.labels.indexOf(key);
  const found = keys.filter((key) => (key ?? "no value").toLowerCase().includes(text.toLowerCase()));
  const shown = all ? found : found.slice(0, firstShown);
  const set = (left: (string | null)[]) =>
    session.filter({ kind: "category", column: name, excluded: left });
  const toggle = (key: string | null) => set(excluded.has(key)
    ? [...excluded].filter((other) => other !== key) : [...excluded, key]);
  const most = Math.max(1, ...counts.world);

  return <div className="labels">
    <div className="labels-head">
      <button type="button" onClick={() => set([])}>all</button>
      <button type="button" onClick={() => set(keys)}>none</button>
      {keys.length > 12 && <input type="search" aria-label={`Find in ${name}`} placeholder="find"
        value={text} onChange={(event) => setText(event.target.value)} />}
    </div>
    <ul>{shown.map((key) => <li key={key ?? "\0"}>
      <label title={key ?? "cells without a value"}>
        <input type="checkbox" checked={!excluded.has(key)} onChange={() => toggle(key)} />
        {key === null ? <em>no value</em> : <span className="label-text">{key}</span>}</label>
      <button type="button" className="only" title="Select these only"
        onClick={() => set(keys.filter((other) => other !== key))}>only</button>
      <span className="counts">{counts.selected[at(key)] !== counts.world[at(key)] &&
        `${count(counts.selected[at(key)])} / `}{count(counts.world[at(key)])}</span>
      {split ? split(at(key)) : <span className="bar"><span style={{
        width: `${(100 * counts.selected[at(key)]) / most}%`,
        background: key === null ? "var(--behind)"
          : labelColour(view, store, name, column.labels, at(key)) }} /></span>}
    </li>)}</ul>
    {found.length > shown.length && <button type="button" className="more"
      onClick={() => setAll(true)}>{count(found.length - shown.length)} more</button>}
  </div>;
}

/** While another category colours the picture, each label's bar shows its shares. */
function useSplit(rows: CategoryColumn | undefined) {
  const { view, store } = useSession();
  const by = view.colour?.by === "category" && view.colour.column !== rows?.name
    ? store.category(view.colour.column) : undefined;
  const { selected } = useCountedCells();
  return useMemo(() => {
    if (!rows || !by) return null;
    const table = pairCounts(rows.codes, rows.labels.length, by.codes, by.labels.length, selected);
    const width = by.labels.length + 1;
    return (row: number) => {
      const line = table.subarray(row * width, (row + 1) * width);
      const total = line.reduce((sum, value) => sum + value, 0);
      return <span className="bar shares" title={by.name}>{[...line].map((value, label) =>
        value > 0 && <span key={label} style={{ width: `${(100 * value) / total}%`,
          background: label === by.labels.length ? "var(--behind)"
            : labelColour(view, store, by.name, by.labels, label) }}
          title={`${by.labels[label] ?? "no value"}: ${count(value)}`} />)}</span>;
    };
  }, [rows, by, selected, store, view.labelColours, view.labelPalette]);
}
