import { type FormEvent, useState } from "react";

import { useAsked } from "../base/asked";
import { count, short } from "../base/numbers";
import { hrefOf, type Route } from "../base/route";
import { expression, type ExpressionGroup, geneOverDatasets, type GeneOverDatasets,
  type OverDatasets } from "../client/genes";
import { SavedFigure } from "../explorer/saved_figure";
import { dotPlot } from "../plots/dot_plot";
import { Button, Choice, Field } from "../widgets/controls";
import { Table } from "../widgets/table";
import { Empty, Problem, Waiting } from "./states";

const ways = [{ value: "cell_type", text: "Cell type" }, { value: "tissue", text: "Tissue" },
  { value: "disease", text: "Disease" }, { value: "assay", text: "Assay" },
  { value: "organism", text: "Organism" }] as const;
const groupsShown = 40;

/** Genes over all datasets that the reader may see: a dot for each gene and group of cells, and which
 *  datasets measured them. What is asked stands in the address. */
export function GenesPage({ route }: { route: Route }) {
  const genes = route.query.getAll("gene");
  const asked = route.query.get("by");
  const by = ways.find(({ value }) => value === asked)?.value ?? "cell_type";
  const rollup = route.query.get("rollup") === "true";
  const [text, setText] = useState(genes.join(", "));
  const go = (change: (query: URLSearchParams) => void) => {
    const next = new URLSearchParams(route.query);
    change(next);
    location.hash = `#/genes?${next}`;
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    go((query) => {
      query.delete("gene");
      for (const gene of text.split(/[\s,;]+/).filter(Boolean)) query.append("gene", gene);
    });
  };
  return <div className="genes-page">
    <h1>Genes over datasets</h1>
    <form className="genes-form" onSubmit={onSubmit}>
      <Field label="Genes">{(id) => <input id={id} type="search" value={text}
        placeholder="MS4A1, CD3D, ENSG00000010610" onChange={(event) => setText(event.target.value)} />}
      </Field>
      <Choice label="In each" value={by} options={ways}
        onChange={(value) => go((query) => query.set("by", value))} />
      <label><input type="checkbox" checked={rollup} onChange={() =>
        go((query) => rollup ? query.delete("rollup") : query.set("rollup", "true"))} />
        Groups of terms too</label>
      <Button kind="main" type="submit">Show</Button>
    </form>
    {genes.length === 0
      ? <Empty title="Name some genes"><p>By symbol, synonym or Ensembl id, up to 50.</p></Empty>
      : <Expression query={route.query} genes={genes} />}
  </div>;
}

function Expression({ query, genes }: { query: URLSearchParams; genes: string[] }) {
  const asked = useAsked((signal) => expression(query, signal), [query.toString()]);
  if (asked.state === "refused") return <Problem problem={asked.problem} onRetry={asked.again} />;
  if (asked.state !== "here") return <Waiting what="Reading the datasets" />;
  const { groups, datasets, left_out: leftOut, total, read } = asked.value;
  if (datasets.length === 0)
    return <Empty title="No dataset with counts measured that"><LeftOut told={asked.value} /></Empty>;
  const shown = groups.slice(0, groupsShown);
  return <>
    <p role="status"><strong>{count(datasets.length)}</strong> of {count(total)} {
      total === 1 ? "dataset" : "datasets"} measured any of them{read < total &&
      `; ${count(read)} were read`}. Values: ln(1 + 10,000 v / total of the cell), mean over all cells.</p>
    <SavedFigure figure={dotPlot(plotted(shown, genes), "viridis")} name={`genes ${genes.join(" ")}`} />
    {groups.length > shown.length && <p className="note">The {groupsShown} groups of most cells are
      drawn; the table has all {count(groups.length)}.</p>}
    <Numbers groups={groups} />
    <LeftOut told={asked.value} />
    {leftOut.length + datasets.length > 0 && genes.map((gene) =>
      <OneGene key={gene} gene={gene} query={query} />)}
  </>;
}

function plotted(groups: ExpressionGroup[], genes: string[]) {
  return { genes, groups: groups.map(({ label }) => label),
    summaries: genes.map((_, at) => groups.map(({ genes: dots }) => {
      const { cells, mean, share } = dots[at];
      return { cells, mean: mean ?? 0, expressing: share ?? 0, median: 0, lower: 0, upper: 0 };
    })) };
}

function Numbers({ groups }: { groups: ExpressionGroup[] }) {
  const rows = groups.flatMap(({ label, term, genes }) => genes.filter(({ cells }) => cells > 0)
    .map((dot) => ({ label, term, ...dot })));
  return <Table label="Expression in groups" keyOf={({ label, gene }) => `${gene} ${label}`} rows={rows}
    sortedBy={{ column: "Mean", falling: true }} columns={[
      { name: "Gene", value: ({ gene }) => gene },
      { name: "Group", value: ({ label }) => label, show: ({ label, term }) =>
        <span title={term ?? undefined}>{label}</span> },
      { name: "Cells", value: ({ cells }) => cells, show: ({ cells }) => count(cells) },
      { name: "With it", value: ({ share }) => share ?? 0, show: ({ share }) =>
        `${short((share ?? 0) * 100)} %` },
      { name: "Mean", value: ({ mean }) => mean ?? 0, show: ({ mean }) => short(mean ?? 0) },
      { name: "Datasets", value: ({ datasets }) => datasets }]} />;
}

function LeftOut({ told }: { told: OverDatasets }) {
  if (told.left_out.length === 0) return null;
  return <details><summary>{count(told.left_out.length)} {told.left_out.length === 1 ? "dataset is"
    : "datasets are"} left out</summary><ul>{told.left_out.map(({ id, name, title, why }) =>
    <li key={id}><a href={hrefOf(["datasets", id])}>{title || name}</a>: {why}</li>)}</ul></details>;
}

/** Which datasets measured one gene, when somebody wants to see. */
function OneGene({ gene, query }: { gene: string; query: URLSearchParams }) {
  const [open, setOpen] = useState(false);
  return <details onToggle={(event) => setOpen(event.currentTarget.open)}>
    <summary>{gene} in each dataset</summary>{open && <Hits gene={gene} query={query} />}</details>;
}

function Hits({ gene, query }: { gene: string; query: URLSearchParams }) {
  const asked = useAsked((signal) => geneOverDatasets(gene, query, signal), [gene, query.toString()]);
  if (asked.state === "refused") return <Problem problem={asked.problem} onRetry={asked.again} />;
  if (asked.state !== "here") return <Waiting what="Reading the datasets" />;
  return <Table<GeneOverDatasets["datasets"][number]> label={`${gene} in each dataset`}
    keyOf={({ id }) => id} rows={asked.value.datasets} columns={[
      { name: "Dataset", value: ({ title, name }) => title || name, show: ({ id, title, name }) =>
        <a href={hrefOf(["datasets", id])}>{title || name}</a> },
      { name: "Called", value: ({ gene_name: called }) => called, show: (one) =>
        <span title={one.gene_id}>{one.gene_name}</span> },
      { name: "Cells", value: ({ cells }) => cells, show: ({ cells }) => count(cells) },
      { name: "With it", value: ({ share }) => share ?? 0, show: ({ share }) =>
        `${short((share ?? 0) * 100)} %` },
      { name: "Mean", value: ({ mean }) => mean ?? 0, show: ({ mean }) => short(mean ?? 0) },
      { name: "Scale", value: ({ scale }) => scale === "log_cp10k" ? "of counts" : "as stored" }]} />;
}
