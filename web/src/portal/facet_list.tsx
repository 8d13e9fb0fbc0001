import { useState } from "react";

import { count } from "../base/numbers";
import { useAsked } from "../base/asked";
import { type FacetCounts, type FacetValue, searchTerms } from "../client/portal";
import { Button } from "../widgets/controls";

const shownFirst = 6;
/** Facets whose values are terms of ontologies: any term can be asked for. */
const withTerms = new Set(["organism", "tissue", "disease", "assay", "cell_type"]);

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
  const found = facet.values.filter(({ value, broader }) =>
    !broader && value.toLowerCase().includes(low));
  const groups = facet.values.filter(({ value, broader, chosen }) =>
    broader && (chosen || all) && value.toLowerCase().includes(low));
  const shown = all ? found : found.filter(({ chosen }, at) => chosen || at < shownFirst);
  const hidden = facet.values.length - shown.length - groups.length;
  const line = (one: FacetValue) => <FacetLine key={one.value} one={one}
    onToggle={() => onToggle(facet.name, one.value)} />;
  return <fieldset className="facet"><legend>{facet.title}</legend>
    {all && <input type="search" value={text} aria-label={`Find in ${facet.title}`}
      placeholder="Find" onChange={(event) => setText(event.target.value)} />}
    <ul>{shown.map(line)}</ul>
    {groups.length > 0 && <><p className="note">Groups</p><ul>{groups.map(line)}</ul></>}
    {all && withTerms.has(facet.name) && text.trim().length > 1 &&
      <Terms facet={facet} text={text} onToggle={onToggle} />}
    {(all || hidden > 0) && <Button kind="quiet" aria-expanded={all}
      onClick={() => setAll(!all)}>{all ? "Fewer" : `${hidden} more`}</Button>}
  </fieldset>;
}

function FacetLine({ one, onToggle }: { one: FacetValue; onToggle: () => void }) {
  return <li><label>
    <input type="checkbox" checked={one.chosen} onChange={onToggle} />
    <span title={one.term ? `${one.value} (${one.term})` : one.value}>{one.value}</span>
    <span className="counts">{count(one.datasets)}</span></label></li>;
}

/** Terms of the facet's ontologies that no line shows: picking one finds what is narrower. */
function Terms({ facet, text, onToggle }: {
  facet: FacetCounts; text: string; onToggle: (facet: string, value: string) => void;
}) {
  const asked = useAsked((signal) => searchTerms(facet.name, text, signal), [facet.name, text]);
  const known = new Set(facet.values.map(({ value }) => value));
  const terms = asked.state === "here" ? asked.value.filter(({ name }) => !known.has(name)) : [];
  if (terms.length === 0) return null;
  return <><p className="note">Other terms</p><ul>{terms.map(({ id, name, found_by }) =>
    <li key={id}><Button kind="quiet" title={found_by === name ? id : `${id}: ${found_by}`}
      onClick={() => onToggle(facet.name, name)}>{name}</Button></li>)}</ul></>;
}
