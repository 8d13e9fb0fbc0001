import { useMemo, useState } from "react";

import { type ComparedGene, comparisonFile, type ComparisonState } from "../client/comparison";
import { count, percent, short } from "../base/numbers";
import { volcano } from "../plots/volcano";
import { Button, Dialog, Notice } from "../widgets/controls";
import { Table, type TableColumn } from "../widgets/table";
import { save } from "../base/files";
import { fileName } from "./figure_files";
import { SavedFigure } from "./saved_figure";
import { useSession } from "./session";

const listed = 10;

/** What a comparison found: the strongest genes at once, everything in a table. */
export function ComparisonResult({ state, genes }: {
  state: ComparisonState; genes: ComparedGene[];
}) {
  const { session, view } = useSession();
  const [open, setOpen] = useState<"table" | "volcano" | null>(null);
  const [problem, setProblem] = useState("");
  const download = (format: "csv" | "arrow") => {
    comparisonFile(state.id, format).then((bytes) =>
      save(fileName(session.title, "comparison") + `.${format}`, new Blob([bytes])))
      .catch((failure: Error) => setProblem(failure.message));
  };
  const tested = useMemo(() => genes.filter((gene) => Number.isFinite(gene.statistic)), [genes]);
  const byStatistic = useMemo(() =>
    [...tested].sort((left, right) => right.statistic - left.statistic), [tested]);
  const add = (chosen: ComparedGene[]) => session.change({
    genes: [...new Set([...view.genes, ...chosen.map((gene) => gene.name)])] });
  const addSet = (name: string, chosen: ComparedGene[]) => session.change({ geneSets: [
    ...view.geneSets.filter((set) => set.name !== name),
    { name, description: `${state.cells_a} against ${state.cells_b} cells, ${state.layer}`,
      genes: chosen.map((gene) => gene.name) }] });
  // Scaled values have no fold change; their means differ all the same.
  const figure = useMemo(() => tested.some((gene) => Number.isFinite(gene.foldChange))
    ? volcano(tested, state.fold_change)
    : volcano(tested.map((gene) => ({ ...gene, foldChange: gene.difference })),
      "difference of the means"), [tested, state.fold_change]);
  const higher = byStatistic.slice(0, listed);
  const lower = byStatistic.slice(-listed).reverse();
  return <div className="comparison">
    {state.warnings.map((warning) => <Notice key={warning} kind="warning">{warning}</Notice>)}
    <p className="note">{state.samples ? donorWords(state)
      : `${count(state.cells_a)} against ${count(state.cells_b)} cells`}, {
      count(state.genes_tested)} genes tested, values of {state.layer} ({scaleWords(state)}); {
      state.fold_change}; p adjusted by Benjamini-Hochberg.</p>
    <div className="two-lists">
      <GeneList title="higher in A" genes={higher} onAdd={add} />
      <GeneList title="lower in A" genes={lower} onAdd={add} /></div>
    <div className="buttons">
      <Button onClick={() => setOpen("table")}>All genes</Button>
      <Button onClick={() => setOpen("volcano")}>Volcano</Button>
      <Button kind="quiet" onClick={() => addSet("higher in A", higher)}>Keep as gene set</Button>
      <Button kind="quiet" onClick={() => download("csv")}>CSV</Button>
      <Button kind="quiet" onClick={() => download("arrow")}>Arrow</Button></div>
    {problem && <Notice kind="error">{problem}</Notice>}
    {open === "table" && <Dialog wide title="All genes" onClose={() => setOpen(null)}>
      <Table label="Compared genes" columns={columns(state)} rows={genes} keyOf={(gene) => gene.id}
        sortedBy={{ column: "statistic", falling: true }} /></Dialog>}
    {open === "volcano" && <Dialog wide title="Volcano plot" onClose={() => setOpen(null)}>
      <SavedFigure figure={figure} name="volcano" /></Dialog>}
  </div>;
}

function donorWords({ samples = [], paired }: ComparisonState): string {
  const used = (set: "a" | "b") => samples.filter((one) => one.set === set && one.used).length;
  return `${count(used("a"))} donors of A against ${count(used("b"))} of B${paired ? ", in pairs" : ""}`;
}

const scaleWords = ({ scale, unit }: ComparisonState): string => scale === "as_stored"
  ? `${unit}, as stored` : scale === "log_cp10k" ? "ln of counts per 10,000"
    : scale === "log2_cpm" ? "log2 of counts per million, added up by donor" : scale;

function GeneList({ title, genes, onAdd }: {
  title: string; genes: ComparedGene[]; onAdd: (genes: ComparedGene[]) => void;
}) {
  return <div><h3>{title}</h3><ol>{genes.map((gene) => <li key={gene.id}>
    <button type="button" onClick={() => onAdd([gene])} title="Add to the genes">{gene.name}</button>
    <span title={Number.isNaN(gene.foldChange) ? "difference of the means" : "log2 fold change"}>{
      short(Number.isNaN(gene.foldChange) ? gene.difference : gene.foldChange)}</span><span>{short(gene.adjusted)}</span></li>)}</ol></div>;
}

const columns = (state: ComparisonState): TableColumn<ComparedGene>[] => [
  { name: "gene", value: (gene) => gene.name, show: (gene) => <span title={gene.id}>{gene.name}</span> },
  ...([["fold change", state.fold_change, "foldChange"], ["statistic", "t or z", "statistic"],
    ["p", "two-sided", "p"], ["adjusted p", "Benjamini-Hochberg", "adjusted"],
    ["Bonferroni", "p times the genes tested", "bonferroni"],
    ["difference", "mean of A less mean of B", "difference"], ["mean A", "", "meanA"],
    ["mean B", "", "meanB"]] as const).map(([name, title, key]) => ({ name, title,
    value: (gene: ComparedGene) => gene[key], show: (gene: ComparedGene) => short(gene[key]) })),
  ...([["in A", "shareA"], ["in B", "shareB"]] as const).map(([name, key]) => ({
    name, title: "share of cells above zero", value: (gene: ComparedGene) => gene[key],
    show: (gene: ComparedGene) => percent(gene[key]) })),
];
