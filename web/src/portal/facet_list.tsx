import { useState } from "react";

import { count } from "../base/numbers";
import { type FacetCounts } from "../client/portal";
import { Button } from "../widgets/controls";

const shownFirst = 6;

/** What datasets are told apart by: any of the ticked values, and how many datasets have each. */
export function FacetList({ facets, onToggle }: {
  facets: FacetCounts[]; onToggle: (facet: string, value: string) => void;
}) {
  return <div className="facets">{facets.map((facet) =>
    <OneFacet key={facet.name} facet={facet} onToggle={onToggle} />)}</div>;
}

function OneFacet({ facet, onToggle }: {
  facet: FacetCounts; onToggle: (facet: string, value: string) => void;
}) {
  const [all, setAll] = useState(false);
  const [text, setText] = useState("");
  const low = text.toLowerCase();
  const found = facet.values.filter(({ value }) => value.toLowerCase().includes(low));
  const shown = all ? found : found.filter(({ chosen }, at) => chosen || at < shownFirst);
  return <fieldset className="facet"><legend>{facet.title}</legend>
    {all && facet.values.length > 12 && <input type="search" value={text}
      aria-label={`Find in ${facet.title}`} placeholder="Find"
      onChange={(event) => setText(event.target.value)} />}
    <ul>{shown.map(({ value, datasets, chosen }) => <li key={value}><label>
      <input type="checkbox" checked={chosen} onChange={() => onToggle(facet.name, value)} />
      <span title={value}>{value}</span><span className="counts">{count(datasets)}</span>
    </label></li>)}</ul>
    {found.length > shownFirst && <Button kind="quiet" aria-expanded={all}
      onClick={() => setAll(!all)}>{all ? "Fewer" : `${facet.values.length - shownFirst} more`}</Button>}
  </fieldset>;
}
