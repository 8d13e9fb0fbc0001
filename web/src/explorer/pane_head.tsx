import type { RefObject } from "react";

import { Choice, IconButton } from "../widgets/controls";
import type { Colouring } from "./colouring";
import { saveScatterPng, saveScatterSvg, type ScatterSvg } from "./figure_files";
import { type NumberSource, sourceKey, sourceName } from "./selection";
import { type PaneName, usePane } from "./session";
import type { Colour } from "./view";

const keyOf = (colour: Colour | null): string => !colour ? ""
  : colour.by === "category" ? `category ${colour.column}` : `number ${sourceKey(colour.source)}`;

/** What a picture shows: embedding, axes, colour; and its files. */
export function PaneHead({ pane, canvas, painted, vector }: {
  pane: PaneName; canvas: RefObject<HTMLCanvasElement | null>; painted: Colouring | undefined;
  vector: () => ScatterSvg | null;
}) {
  const { session, view, store, change, look } = usePane(pane);
  const embedding = store.schema.embeddings.find((one) => one.name === view.embedding);
  const axes = Array.from({ length: embedding?.dimensions ?? 2 }, (_, at) => String(at + 1));
  const setAxis = (which: number, axis: string) => {
    const dimensions = [...view.dimensions];
    dimensions[which] = Number(axis) - 1;
    change({ dimensions, camera: null });
  };
  const turn = () => change({ camera: null, dimensions: view.dimensions.length > 2
    ? view.dimensions.slice(0, 2)
    : [...view.dimensions, axes.findIndex((_, at) => !view.dimensions.includes(at))] });
  return <div className="pane-head">
    <Choice label="Embedding" hidden value={view.embedding}
      options={store.schema.embeddings.map((one) => one.name)}
      onChange={(name) => change({ embedding: name, dimensions: [0, 1], camera: null })} />
    {axes.length > 2 && view.dimensions.map((axis, which) =>
      <Choice key={which} hidden label={`Axis ${"xyz"[which]}`} value={String(axis + 1)}
        options={axes} onChange={(chosen) => setAxis(which, chosen)} />)}
    {axes.length > 2 && <IconButton icon="turn" label="Turn in three dimensions"
      pressed={view.dimensions.length > 2} onClick={turn} />}
    {session.view().beside && <ColourChoice pane={pane} />}
    <span className="bar-gap" />
    <IconButton icon="fit" label="Show all cells" onClick={() => look({ camera: null })} />
    <IconButton icon="camera" label="Save the picture" onClick={() =>
      canvas.current && saveScatterPng(canvas.current, painted, session.title)} />
    <IconButton icon="vector" label="Save the picture as SVG" onClick={() => {
      const drawing = vector();
      if (drawing) saveScatterSvg(drawing, painted, session.title);
    }} />
  </div>;
}

/** Two pictures have a colour each. */
function ColourChoice({ pane }: { pane: PaneName }) {
  const { view, store, change } = usePane(pane);
  const numbers: NumberSource[] = [
    ...store.schema.obs.filter(({ kind }) => kind === "number")
      .map(({ name }): NumberSource => ({ from: "obs", column: name })),
    ...view.genes.map((gene): NumberSource => ({ from: "gene", gene, layer: view.layer })),
    ...view.geneSets.map(({ name, genes }): NumberSource =>
      ({ from: "set", name, genes, layer: view.layer }))];
  const colours: Colour[] = [
    ...store.schema.obs.filter(({ kind }) => kind === "category")
      .map(({ name }): Colour => ({ by: "category", column: name })),
    ...numbers.map((source): Colour => ({ by: "number", source }))];
  const known = view.colour && !colours.some((one) => keyOf(one) === keyOf(view.colour))
    ? [view.colour, ...colours] : colours;
  return <Choice label="Coloured by" hidden value={keyOf(view.colour)}
    options={[{ value: "", text: "one colour" }, ...known.map((one) => ({ value: keyOf(one),
      text: one.by === "category" ? one.column : sourceName(one.source) }))]}
    onChange={(key) => change({ colour: known.find((one) => keyOf(one) === key) ?? null })} />;
}
