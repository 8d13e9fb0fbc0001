import { useMemo } from "react";

import { pairCounts } from "../base/binning";
import type { Figure } from "../plots/figure";
import { composition } from "../plots/composition";
import { dotPlot, heatMap } from "../plots/dot_plot";
import { summary, valuesByGroup } from "../plots/groups";
import { violin } from "../plots/violin";
import { Choice } from "../widgets/controls";
import { labelColour } from "./colouring";
import { SavedFigure } from "./saved_figure";
import type { CellStore } from "./cell_store";
import { useSession } from "./session";
import type { PlotChoice, View } from "./view";

const kinds: { value: PlotChoice["kind"]; text: string }[] = [
  { value: "none", text: "no figure" }, { value: "violin", text: "Violin" },
  { value: "dots", text: "Dot plot" }, { value: "heat map", text: "Heat map" },
  { value: "composition", text: "Composition" },
];

/** Figures of the selected cells, by the labels of a column. */
export function PlotsPanel() {
  const { session, view, store } = useSession();
  const columns = store.schema.obs.filter((column) => column.kind === "category")
    .map((column) => column.name);
  const { kind } = view.plot;
  const groupBy = view.plot.groupBy ?? columns[0] ?? null;
  const splitBy = view.plot.splitBy ?? columns[1] ?? columns[0] ?? null;
  const selected = session.selected();
  const figures = useMemo(() => groupBy ? drawn(kind, view, store, groupBy, splitBy, selected) : [],
    [kind, view.genes, view.layer, view.palette, view.labelColours, view.labelPalette, store, store.version(), groupBy, splitBy, selected]);
  const set = (change: Partial<PlotChoice>) =>
    session.change({ plot: { ...view.plot, groupBy, splitBy, ...change } });
  if (columns.length === 0) return null;
  return <section className="panel plots" aria-labelledby="plots-title">
    <h2 id="plots-title">Figures</h2>
    <div className="plot-options">
      <Choice label="Figure" value={kind} options={kinds} onChange={(chosen) => set({ kind: chosen })} />
      {kind !== "none" && <Choice label="by" value={groupBy ?? ""} options={columns}
        onChange={(name) => set({ groupBy: name })} />}
      {kind === "composition" && <Choice label="shares of" value={splitBy ?? ""} options={columns}
        onChange={(name) => set({ splitBy: name })} />}
    </div>
    {kind !== "none" && kind !== "composition" && view.genes.length === 0 &&
      <p className="empty">Add genes to draw them.</p>}
    {figures.map(({ name, figure }) => <SavedFigure key={name} name={name}
      figure={figure} enlargeable />)}
  </section>;
}

function drawn(kind: PlotChoice["kind"], view: View, store: CellStore, groupBy: string,
    splitBy: string | null, mask: Uint8Array | null): { name: string; figure: Figure }[] {
  const groups = store.category(groupBy);
  if (!groups || kind === "none") return [];
  const colour = (at: number) => labelColour(view, store, groupBy, groups.labels, at);
  if (kind === "composition") {
    const split = splitBy ? store.category(splitBy) : undefined;
    if (!split) return [];
    const table = pairCounts(groups.codes, groups.labels.length, split.codes, split.labels.length, mask);
    const width = split.labels.length + 1;
    return [{ name: `composition ${groupBy} ${splitBy}`, figure: composition(groups.labels,
      split.labels, split.labels.map((_, at) => labelColour(view, store, split.name, split.labels, at)),
      (group, label) => table[group * width + label]) }];
  }
  const genes = view.genes.flatMap((gene) => {
    const column = store.numbers({ from: "gene", gene, layer: view.layer });
    return column ? [{ gene, lists: valuesByGroup(column.values, groups.codes,
      groups.labels.length, mask) }] : [];
  });
  if (kind === "violin")
    return genes.filter(({ lists }) => lists.some((list) => list.length > 0)).map(({ gene, lists }) =>
      ({ name: `violin ${gene} ${groupBy}`, figure: violin(`${gene} (${view.layer})`,
        lists.map((rising, at) => ({ name: groups.labels[at], colour: colour(at), rising }))) }));
  if (genes.length === 0) return [];
  const kept = groups.labels.map((_, at) => at).filter((at) => genes[0].lists[at].length > 0);
  const data = { genes: genes.map(({ gene }) => gene), groups: kept.map((at) => groups.labels[at]),
    summaries: genes.map(({ lists }) => kept.map((at) => summary(lists[at]))) };
  return [{ name: `${kind} ${groupBy}`, figure: kind === "dots" ? dotPlot(data, view.palette)
    : heatMap(data, view.palette) }];
}
