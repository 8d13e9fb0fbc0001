import { useState } from "react";

import { css, labelPaletteNames, palette, paletteNames } from "../base/colour";
import { count, short } from "../base/numbers";
import { Button, Choice, IconButton } from "../widgets/controls";
import { type Colouring, firstScale } from "./colouring";
import { sourceKey } from "./selection";
import { type PaneName, usePane, useSession } from "./session";

const shownMost = 60;

/** What the colours mean; a number's range, scale and palette are changed here, and the colour of
 *  a label. */
export function Legend({ painted, pane }: { painted: Colouring | undefined; pane: PaneName }) {
  if (!painted || painted.by === "nothing") return null;
  return painted.by === "number" ? <NumberLegend painted={painted} pane={pane} />
    : <LabelLegend painted={painted} />;
}

function LabelLegend({ painted }: { painted: Colouring & { by: "category" } }) {
  const { session, view, store } = useSession();
  const { name, labels, labelColours } = painted;
  const shown = labels.slice(0, shownMost);
  const own = view.labelColours[name];
  const paint = (label: string, colour: string) => session.change({ labelColours: {
    ...view.labelColours, [name]: { ...own, [label]: colour } } }, `colour ${name} ${label}`);
  const files = store.schema.colours[name] !== undefined;
  return <div className="legend" aria-label={`Colours of ${name}`}>
    <strong>{name}</strong>
    <ul>{shown.map((label, at) => <li key={label}>
      <label className="swatch" style={{ background: labelColours[at] }} title={`Colour of ${label}`}>
        <input type="color" className="visually-hidden" aria-label={`Colour of ${label}`}
          value={labelColours[at]} onChange={(event) => paint(label, event.target.value)}
          onBlur={() => session.endGesture()} /></label>
      <span className="legend-label" title={label}>{label}</span></li>)}</ul>
    {labels.length > shown.length && <p>and {labels.length - shown.length} more</p>}
    <div className="legend-settings">
      <Choice label="Colours" value={view.labelPalette} options={[
        { value: "file", text: files ? "of the file" : "usual" },
        ...labelPaletteNames.map((value) => ({ value, text: value }))]}
        onChange={(labelPalette) => session.change({ labelPalette })} />
      {own && <Button kind="quiet" onClick={() => session.change({ labelColours:
        Object.fromEntries(Object.entries(view.labelColours).filter(([column]) => column !== name)) })}>
        Undo own colours</Button>}
    </div>
  </div>;
}

function NumberLegend({ painted, pane }: {
  painted: Colouring & { by: "number" }; pane: PaneName;
}) {
  const { session, view } = usePane(pane);
  const [open, setOpen] = useState(false);
  if (view.colour?.by !== "number") return null;
  const key = sourceKey(view.colour.source);
  const { low, high, log } = painted.scale;
  const set = (change: Partial<{ low: number; high: number; log: boolean }>) =>
    session.change({ scales: { ...view.scales, [key]: { low, high, log, ...change } } },
      `scale ${key}`);
  const table = palette(view.palette);
  const steps = Array.from({ length: 9 }, (_, at) => css(table[Math.round((at * 255) / 8)]));
  const clipped = low > painted.full[0] || high < painted.full[1];
  return <div className="legend" aria-label={`Colours of ${painted.name}`}>
    <div className="row-head"><strong className="row-name" title={painted.name}>{painted.name}</strong>
      <IconButton icon="more" label={`Scale of ${painted.name}`} pressed={open}
        onClick={() => setOpen(!open)} /></div>
    <div className="ramp" style={{ background: `linear-gradient(to right, ${steps.join(", ")})` }} />
    <div className="ramp-ends"><span>{low > painted.full[0] ? "≤ " : ""}{short(low)}</span>
      <span>{high < painted.full[1] ? "≥ " : ""}{short(high)}</span></div>
    {(clipped || log) && <p className="note">{[clipped && `clipped; values go from ${
      short(painted.full[0])} to ${short(painted.full[1])}`, log && "logarithmic"]
      .filter(Boolean).join("; ")}</p>}
    {painted.missing > 0 && <p className="note">{count(painted.missing)} cells without a value</p>}
    {open && <div className="legend-settings">
      <label>from <input type="number" value={low} step="any"
        onChange={(event) => set({ low: Number(event.target.value) })} /></label>
      <label>to <input type="number" value={high} step="any"
        onChange={(event) => set({ high: Number(event.target.value) })} /></label>
      <label><input type="checkbox" checked={log}
        onChange={(event) => set({ log: event.target.checked })} /> logarithmic</label>
      <Choice label="Palette" value={view.palette} options={paletteNames}
        onChange={(name) => session.change({ palette: name })} />
      <Button kind="quiet" onClick={() => set(firstScale(painted.values))}>As at first</Button>
      <Button kind="quiet" onClick={() => set({ low: painted.full[0], high: painted.full[1] })}>
        Full range</Button>
    </div>}
  </div>;
}
