import { useState } from "react";

import { Button, IconButton } from "../widgets/controls";
import { KeptSelections } from "./kept_selections";
import { type Filter, filterKey, inverted, type Selection } from "./selection";
import { filterWords } from "./selection_words";
import { SayCells } from "./say_cells";
import { useSession } from "./session";
import { TakeOut } from "./take_out";

/** What is selected, in words: each filter can be turned round, joined by "or", taken away. */
export function SelectionPanel() {
  const { session, view } = useSession();
  const [taking, setTaking] = useState(false);
  const { selection, subset } = view;
  const put = (changed: Selection) => session.change({ selection: changed });
  return <section className="panel selection-panel" aria-labelledby="selection-title">
    <h2 id="selection-title">Selection</h2>
    <SayCells />
    {subset.length > 0 && <div className="subset-words"><span className="note">within</span>
      <FilterList selection={subset} /></div>}
    {selection.length === 0 && <p className="empty">All cells. Draw on the picture, tick labels or
      set ranges to select some.</p>}
    <FilterList selection={selection} onChange={put}
      onDrop={(filter) => session.unfilter(filterKey(filter))} />
    <div className="buttons">
      {selection.length > 0 && <Button kind="quiet" onClick={() => put(inverted(selection))}>
        Invert</Button>}
      {selection.length > 0 && <Button kind="quiet" onClick={() => put([])}>Clear</Button>}
      <Button kind="quiet" onClick={() => setTaking(true)}>Take out …</Button>
    </div>
    <KeptSelections />
    {taking && <TakeOut onClose={() => setTaking(false)} />}
  </section>;
}

/** Filters in their order; those of one alternative stand together. */
function FilterList({ selection, onChange, onDrop }: {
  selection: Selection; onChange?: (selection: Selection) => void; onDrop?: (filter: Filter) => void;
}) {
  const { store } = useSession();
  const labelsOf = (column: string) => {
    const found = store.obs(column);
    return found?.kind === "category" ? found.labels : undefined;
  };
  const set = (filter: Filter, change: Partial<Filter>) => onChange?.(selection.map((other) =>
    other === filter ? { ...other, ...change } as Filter : other));
  return <ul className="filters" aria-label={onChange ? "Filters" : "Subset"}>
    {selection.map((filter, at) => {
      const { of, which } = filterWords(filter, labelsOf);
      return <li key={filterKey(filter)} className={filter.or ? "begins" : undefined}>
        {at > 0 && (onChange ? <button type="button" className="joint"
          title={filter.or ? "Cells of either; press for “and”" : "Cells of both; press for “or”"}
          aria-label={`${filter.or ? "or" : "and"} ${of}: press for ${filter.or ? "and" : "or"}`}
          onClick={() => set(filter, { or: !filter.or })}>{filter.or ? "or" : "and"}</button>
          : <span className="joint">{filter.or ? "or" : "and"}</span>)}
        <span className="filter-words" title={`${of}: ${which}`}>
          {filter.not && <em>not </em>}<strong>{of}</strong> {which}</span>
        {onChange && <button type="button" className="turn-round" aria-pressed={filter.not === true}
          aria-label={`Not ${of}`} title="Keep the other cells"
          onClick={() => set(filter, { not: !filter.not })}>not</button>}
        {onDrop && <IconButton icon="close" label={`Drop the filter on ${of}`}
          onClick={() => onDrop(filter)} />}
      </li>;
    })}
  </ul>;
}
