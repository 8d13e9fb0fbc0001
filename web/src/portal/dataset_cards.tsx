import { date } from "../base/dates";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { type Entry } from "../client/portal";
import { Badge } from "./states";

const told = ["organism", "tissue", "disease", "assay", "cell_type"] as const;

/** Datasets one under another: what each is, and two ways into it. */
export function DatasetCards({ datasets, actions }: {
  datasets: Entry[]; actions?: (dataset: Entry) => React.ReactNode;
}) {
  return <ul className="cards">{datasets.map((dataset) => <li key={dataset.id}>
    <div className="card-head"><a href={hrefOf(["datasets", dataset.name])}>
      <strong>{dataset.title || dataset.name}</strong></a>
      {dataset.visibility === "private" && <Badge kind="private">private</Badge>}</div>
    {dataset.description && <p className="card-text">{dataset.description}</p>}
    <p className="card-facts">
      {dataset.cells !== undefined && <span><b>{count(dataset.cells)}</b> cells</span>}
      {dataset.genes !== undefined && <span><b>{count(dataset.genes)}</b> genes</span>}
      {dataset.collection && <a href={hrefOf(["collections", dataset.collection.id])}>
        {dataset.collection.title || "collection"}</a>}
      <span>{date(dataset.changed)}</span></p>
    <Tags dataset={dataset} />
    <div className="card-actions">{actions?.(dataset)}
      <a className="button" href={hrefOf(["datasets", dataset.name])}
        aria-label={`Details of ${dataset.title || dataset.name}`}>Details</a>
      <a className="button main" href={hrefOf(["explore", dataset.name])}
        aria-label={`Explore ${dataset.title || dataset.name}`}>Explore</a></div>
  </li>)}</ul>;
}

function Tags({ dataset }: { dataset: Entry }) {
  const tags = told.flatMap((facet) => (dataset.facets?.[facet] ?? [])
    .slice(0, facet === "cell_type" ? 4 : 2).map((value) => ({ facet, value })));
  if (tags.length === 0) return null;
  const more = (dataset.facets?.cell_type?.length ?? 0) - 4;
  return <ul className="tags" aria-label="What is in it">{tags.map(({ facet, value }) =>
    <li key={`${facet} ${value}`} className={facet}>{value}</li>)}
    {more > 0 && <li>+ {more} cell types</li>}</ul>;
}
