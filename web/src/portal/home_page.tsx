import { useDeferredValue, useEffect, useState } from "react";

import { useAsked } from "../base/asked";
import { count } from "../base/numbers";
import { hrefOf, type Route } from "../base/route";
import { type Account } from "../client/account";
import { type FacetCounts, search } from "../client/portal";
import { Button, Choice } from "../widgets/controls";
import { DatasetCards } from "./dataset_cards";
import { FacetList } from "./facet_list";
import { Empty, Problem, Waiting } from "./states";

const orders = [{ value: "newest", text: "Newest first" }, { value: "cells", text: "Most cells first" },
  { value: "title", text: "By title" }] as const;
const step = 50;

/** All datasets that the reader may see: found by words, told apart by facets. What is asked stands
 *  in the address, so that a list can be sent to somebody. */
export function HomePage({ route, account }: { route: Route; account: Account }) {
  const [text, setText] = useState(route.query.get("q") ?? "");
  const asking = new URLSearchParams(route.query);
  asking.delete("view");
  const words = useDeferredValue(text);
  useEffect(() => {
    const next = new URLSearchParams(route.query);
    if (words.trim()) next.set("q", words);
    else next.delete("q");
    if (next.toString() !== route.query.toString()) replaceQuery(next);
  }, [words, route.query]);
  const found = useAsked((signal) => search(asking, signal),
    [asking.toString(), account.user?.id]);
  const change = (make: (query: URLSearchParams) => void) => {
    const next = new URLSearchParams(route.query);
    next.delete("limit");
    make(next);
    replaceQuery(next);
  };
  const toggle = (facet: string, value: string) => change((query) => {
    const chosen = query.getAll(facet);
    query.delete(facet);
    for (const one of chosen) if (one !== value) query.append(facet, one);
    if (!chosen.includes(value)) query.append(facet, value);
  });
  if (found.state === "refused") return <Problem problem={found.problem} onRetry={found.again} />;
  const answer = found.state === "here" ? found.value : null;
  if (answer && answer.all === 0) return <NothingYet account={account} />;
  return <div className="browse">
    <aside aria-label="Filters">{answer && <>
      <CellRange route={route} onChange={change} />
      <FacetList facets={answer.facets} onToggle={toggle} /></>}</aside>
    <section>
      <h1>Datasets</h1>
      <input type="search" className="wide-search" aria-label="Find a dataset" value={text}
        placeholder="Find by title, cell type, tissue, disease, author, DOI …"
        onChange={(event) => setText(event.target.value)} />
      {!answer && <Waiting what="Reading the datasets" />}
      {answer && <>
        <div className="list-head"><p role="status"><strong>{count(answer.total)}</strong> of {
          count(answer.all)} {answer.all === 1 ? "dataset" : "datasets"}</p>
          <Choice label="Order" hidden value={route.query.get("order") ?? "newest"} options={orders}
            onChange={(order) => change((query) => query.set("order", order))} /></div>
        <Chosen facets={answer.facets} onToggle={toggle} onClear={() => replaceQuery(new URLSearchParams())} />
        <DatasetCards datasets={answer.datasets} />
        {answer.total === 0 && <Empty title="No dataset is like that">
          <p>Take a filter away or use other words.</p>
          <Button onClick={() => { setText(""); replaceQuery(new URLSearchParams()); }}>
            Show all</Button></Empty>}
        {answer.total > answer.datasets.length && <Button onClick={() => {
          const next = new URLSearchParams(route.query);
          next.set("limit", String(answer.datasets.length + step));
          replaceQuery(next);
        }}>Show more</Button>}
      </>}
    </section>
  </div>;
}

function replaceQuery(query: URLSearchParams): void {
  const text = query.toString();
  history.replaceState(null, "", text ? `#/?${text}` : "#/");
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

function Chosen({ facets, onToggle, onClear }: {
  facets: FacetCounts[]; onToggle: (facet: string, value: string) => void; onClear: () => void;
}) {
  const chosen = facets.flatMap((facet) => facet.values.filter((value) => value.chosen)
    .map(({ value }) => ({ facet, value })));
  if (chosen.length === 0) return null;
  return <ul className="chosen" aria-label="Chosen filters">{chosen.map(({ facet, value }) =>
    <li key={`${facet.name} ${value}`}><button type="button" className="chip"
      aria-label={`Take away ${facet.title}: ${value}`} onClick={() => onToggle(facet.name, value)}>
      {value} <span aria-hidden="true">×</span></button></li>)}
    <li><Button kind="quiet" onClick={onClear}>Clear all</Button></li></ul>;
}

const sizes = [["any", "", ""], ["up to 10,000", "", "10000"], ["10,000 to 100,000", "10000", "100000"],
  ["100,000 to 1 million", "100000", "1000000"], ["more than 1 million", "1000000", ""]] as const;

function CellRange({ route, onChange }: {
  route: Route; onChange: (make: (query: URLSearchParams) => void) => void;
}) {
  const now = `${route.query.get("cells_min") ?? ""} ${route.query.get("cells_max") ?? ""}`;
  return <Choice label="Cells" value={now}
    options={sizes.map(([text, low, high]) => ({ value: `${low} ${high}`, text }))}
    onChange={(value) => onChange((query) => {
      const [low, high] = value.split(" ");
      for (const [name, bound] of [["cells_min", low], ["cells_max", high]])
        if (bound) query.set(name, bound);
        else query.delete(name);
    })} />;
}

function NothingYet({ account }: { account: Account }) {
  return <Empty title="There is nothing here yet">
    {account.signed_in ? <><p>Bring the first dataset in: h5ad, 10x, Loom, Zarr, MTX or CSV.</p>
      <a className="button main" href={hrefOf(["upload"])}>Upload a dataset</a></>
      : <><p>No dataset is public. Those that are private are seen by who signs in.</p>
        <a className="button main" href={hrefOf(["sign-in"])}>Sign in</a></>}
    <p className="note">On this machine <code>stroma import FILE</code> does the same.</p>
  </Empty>;
}
