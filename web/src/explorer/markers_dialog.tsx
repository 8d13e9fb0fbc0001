import { useEffect, useRef, useState } from "react";

import { compare, type ComparedGene, type ComparisonState, comparisonTable } from "../client/comparison";
import { percent, short } from "../base/numbers";
import { byName } from "../base/order";
import { saveText } from "../base/files";
import { Button, Choice, Dialog, Notice, Progress } from "../widgets/controls";
import { csv } from "../base/csv";
import { fileName } from "./figure_files";
import { useSession } from "./session";

interface LabelMarkers {
  label: string;
  state: ComparisonState | null;
  /** Those higher in the label, the strongest first. */
  genes: ComparedGene[];
  /** Why there is no list: a label of one cell, say. */
  refused: string;
}

const keptMost = 50;
const labelsMost = 100;
const lengths = ["5", "10", "25", "50"] as const;

/** The genes that tell each label of a column from all the other cells. */
export function MarkersDialog({ column, onClose }: { column: string; onClose: () => void }) {
  const { session, view, store } = useSession();
  const [found, setFound] = useState<LabelMarkers[]>([]);
  const [test, setTest] = useState<"welch" | "wilcoxon">("welch");
  const [length, setLength] = useState<(typeof lengths)[number]>("5");
  const [running, setRunning] = useState<string | null>(null);
  const stop = useRef<AbortController | null>(null);
  const labels = store.category(column)?.labels;

  useEffect(() => {
    if (!labels) return undefined;
    const left = new AbortController();
    stop.current = left;
    setFound([]);
    const work = async () => {
      for (const label of [...labels].sort(byName).slice(0, labelsMost)) {
        if (left.signal.aborted) return;
        setRunning(label);
        const one = await markersOf({ revision: store.schema.revision, layer: view.layer, test,
          a: { column, labels: [label] } }, label, left.signal);
        if (!left.signal.aborted) setFound((before) => [...before, one]);
      }
      setRunning(null);
    };
    void work();
    return () => left.abort();
  }, [labels, test, view.layer, column, store]);

  const most = Number(length);
  const shown = found.filter(({ genes }) => genes.length > 0);
  const names = (genes: ComparedGene[]) => genes.slice(0, most).map(({ name }) => name);
  const warnings = [...new Set(found.flatMap(({ state }) => state?.warnings ?? []))];
  const keep = () => {
    const made = shown.map(({ label, genes }) => ({ name: `markers of ${label}`,
      description: `higher in ${label} than in all other cells, ${view.layer}, ${test}`,
      genes: names(genes) }));
    const taken = new Set(made.map(({ name }) => name));
    session.change({ geneSets: [...view.geneSets.filter(({ name }) => !taken.has(name)), ...made] });
  };
  const draw = () => {
    session.change({ genes: [...new Set(shown.flatMap(({ genes }) =>
      genes.slice(0, 3).map(({ name }) => name)))],
    plot: { kind: "dots", groupBy: column, splitBy: view.plot.splitBy } });
    onClose();
  };
  const download = () => saveText(`${fileName(session.title, "markers", column)}.csv`, csv(
    ["label", "rank", "gene_id", "gene_name", "log2_fold_change", "statistic", "p",
      "p_benjamini_hochberg", "share_in", "share_outside"],
    shown.flatMap(({ label, genes }) => genes.slice(0, most).map((gene, at) => [label, at + 1,
      gene.id, gene.name, gene.foldChange, gene.statistic, gene.p, gene.adjusted, gene.shareA,
      gene.shareB]))), "text/csv");

  return <Dialog wide title={`Markers of ${column}`} onClose={onClose}>
    <div className="compare-options">
      <Choice label="Test" value={test} options={[{ value: "welch", text: "Welch's t-test" },
        { value: "wilcoxon", text: "Wilcoxon rank-sum" }]} onChange={setTest} />
      <Choice label="Genes" value={length} options={lengths} onChange={setLength} />
      <Choice label="Values" value={view.layer} options={store.schema.layers.map(({ name }) => name)}
        onChange={(layer) => session.chooseLayer(layer)} />
      {running !== null && <Button kind="quiet" onClick={() => {
        stop.current?.abort();
        setRunning(null);
      }}>Stop</Button>}
    </div>
    <p className="note">Each label against all other cells; the genes with the highest statistic, all
      with p &lt; 0.05 after Benjamini-Hochberg.</p>
    {warnings.map((warning) => <Notice key={warning} kind="warning">{warning}</Notice>)}
    {running !== null && <Progress label={`Comparing ${running}`} done={found.length}
      total={Math.min(labels?.length ?? 0, labelsMost)} />}
    <ul className="marker-lists" aria-label="Markers">{found.map(({ label, genes, refused }) =>
      <li key={label}><strong>{label}</strong>
        {refused && <span className="note">{refused}</span>}
        {!refused && genes.length === 0 && <span className="note">none that is significant</span>}
        <span className="marker-genes">{genes.slice(0, most).map((gene) => <button type="button"
          key={gene.id} title={`log2 fold change ${short(gene.foldChange)}, p ${
            short(gene.adjusted)}; above zero in ${percent(gene.shareA)}, outside ${
            percent(gene.shareB)}`} onClick={() => session.change({
            genes: [...new Set([...view.genes, gene.name])] })}>{gene.name}</button>)}</span>
      </li>)}</ul>
    <div className="buttons">
      <Button kind="main" disabled={shown.length === 0} onClick={draw}>Dot plot of the first three</Button>
      <Button disabled={shown.length === 0} onClick={keep}>Keep as gene sets</Button>
      <Button disabled={shown.length === 0} onClick={download}>CSV</Button></div>
  </Dialog>;
}

async function markersOf(order: Parameters<typeof compare>[0], label: string, signal: AbortSignal):
    Promise<LabelMarkers> {
  try {
    const state = await compare(order, () => undefined, signal);
    const table = await comparisonTable(state.id);
    const genes = table.filter(({ statistic, adjusted }) => statistic > 0 && adjusted < 0.05)
      .sort((one, other) => other.statistic - one.statistic).slice(0, keptMost);
    return { label, state, genes, refused: "" };
  } catch (failure) {
    return { label, state: null, genes: [], refused: (failure as Error).message };
  }
}
