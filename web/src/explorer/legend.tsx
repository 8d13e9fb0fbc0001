import { useState } from "react";

import { css, palette, paletteNames } from "../base/colour";
import { count, short } from "../base/numbers";
import { Button, Choice } from "../widgets/controls";
import { type Colouring, firstScale } from "./colouring";
import { sourceKey } from "./selection";
import { useSession } from "./session";

/** What the colours mean; a number's range, scale and palette are changed here. */
export function Legend({ painted }: { painted: Colouring | undefined }) {
  if (!painted || painted.by === "nothing") return null;
  if (painted.by === "number") return <NumberLegend painted={painted} />;
  const shown = painted.labels.slice(0, 60);
  return <div className="legend" aria-label={`Colours of ${painted.name}`}>
    <strong>{painted.name}</strong>
    <ul>{shown.map((label, at) => <li key={label}>
      <span className="swatch" style={{ background: painted.labelColours[at] }} />{label}</li>)}</ul>
    {painted.labels.length > shown.length && <p>and {painted.labels.length - shown.length} more</p>}
  </div>;
}

function NumberLegend({ painted }: { painted: Colouring & { by: "number" } }) {
  const { session, view } = useSession();
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
    <button type="button" className="legend-name" aria-expanded={open}
      onClick={() => setOpen(!open)}><strong>{painted.name}</strong></button>
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
