import { useEffect, useMemo, useState } from "react";

import { type GeneFacts, geneFacts } from "../client/gene_facts";
import { count, percent, short } from "../base/numbers";
import { summary, valuesByGroup } from "../plots/groups";
import { Dialog, Notice } from "../widgets/controls";
import { Table } from "../widgets/table";
import { countOf } from "./selection";
import { useSession } from "./session";

interface GroupLine {
  label: string;
  cells: number;
  mean: number;
  share: number;
}

/** What is known of a gene: its names, its place, what the file says, how it is expressed here. */
export function GeneCard({ gene, onClose }: { gene: string; onClose: () => void }) {
  const { session, view, store } = useSession();
  const [facts, setFacts] = useState<GeneFacts | null | undefined>(undefined);
  const table = store.genes();
  const row = table?.row(gene);
  const id = table && row !== undefined ? table.id(row) : gene;
  const symbol = table && row !== undefined ? table.symbol(row) : gene;
  useEffect(() => {
    if (!table) return;
    geneFacts(id, symbol).then(setFacts, () => setFacts(null));
  }, [table, id, symbol]);
  const column = store.numbers({ from: "gene", gene, layer: view.layer });
  const selected = session.selected();
  const groups = view.colour?.by === "category" ? store.category(view.colour.column)
    : store.category(store.schema.obs.find(({ kind, labels }) =>
      kind === "category" && (labels ?? 0) > 1)?.name ?? "");
  const lines = useMemo<GroupLine[]>(() => column && groups
    ? valuesByGroup(column.values, groups.codes, groups.labels.length, selected)
      .map((rising, at) => ({ label: groups.labels[at], ...summary(rising) }))
      .filter(({ cells }) => cells > 0)
      .map(({ label, cells, mean, expressing }) => ({ label, cells, mean, share: expressing }))
    : [], [column, groups, selected]);
  const whole = useMemo(() => column &&
    summary(valuesByGroup(column.values, null, 1, selected)[0]), [column, selected]);
  const synonyms = table && row !== undefined ? table.synonyms(row) : "";
  const missing = column && whole ? countOf(selected, store.cells) - whole.cells : 0;
  return <Dialog title={symbol} onClose={onClose}>
    {!table ? <p className="waiting">Loading …</p> : <dl className="facts">
      <dt>Id</dt><dd>{id}</dd>
      {synonyms && <><dt>Synonyms</dt><dd>{synonyms}</dd></>}
      {facts && <><dt>Position</dt><dd>{facts.chromosome}: {count(facts.start)} to {
        count(facts.end)}</dd>
      <dt>Biotype</dt><dd>{facts.biotype.replaceAll("_", " ")}</dd>
      {facts.species && <><dt>Species</dt><dd>{facts.species}</dd></>}</>}
      {row !== undefined && table.facts(row).map(([name, value]) =>
        [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{value}</dd>])}
    </dl>}
    {facts === null && <p className="note">No annotation (GTF) with this gene was imported here, so
      its position isn't known.</p>}
    {whole && column && <>
      <h3>In {count(whole.cells)} {selected ? "selected " : ""}cells, values of {view.layer}</h3>
      <dl className="facts"><dt>Above zero</dt><dd>{percent(whole.expressing)}</dd>
        <dt>Mean</dt><dd>{short(whole.mean)}</dd>
        <dt>Median, quartiles</dt><dd>{short(whole.median)} ({short(whole.lower)} to {
          short(whole.upper)})</dd>
        {missing > 0 && <><dt>Without a value</dt><dd>{count(missing)} cells</dd></>}</dl>
      {lines.length > 0 && groups && <Table label={`${symbol} by ${groups.name}`} rows={lines}
        keyOf={({ label }) => label} sortedBy={{ column: "mean", falling: true }} columns={[
          { name: groups.name, value: ({ label }) => label },
          { name: "cells", value: ({ cells }) => cells, show: ({ cells }) => count(cells) },
          { name: "mean", value: ({ mean }) => mean, show: ({ mean }) => short(mean) },
          { name: "above zero", value: ({ share }) => share, show: ({ share }) => percent(share) },
        ]} />}</>}
    {store.failure(`gene:${view.layer}:${gene}`) && <Notice kind="error">{
      store.failure(`gene:${view.layer}:${gene}`)?.message}</Notice>}
  </Dialog>;
}
