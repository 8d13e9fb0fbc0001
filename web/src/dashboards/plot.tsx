import { type PointerEvent, useMemo, useRef, useState } from "react";

import { type Panel } from "../client/dashboards";
import { type SqlAnswer } from "../client/sql";
import { exact, exactTime } from "./axes";
import { areaPath, type Band, barsOf, endRoom, type Layout, layoutOf, linePath, runsOf } from "./layout";
import { type Shape, shapeOf } from "./shape";
import { useSize } from "./use_size";

const colours = 10;
export const colourOf = (at: number): string => `var(--series-${at % colours})`;

/** Lines, areas, bars and points over an axis of time, numbers or names. */
export function Plot({ panel, answer }: { panel: Panel; answer: SqlAnswer }) {
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(box);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const shape = useMemo(() => shapeOf(panel, answer), [panel, answer]);
  const at = useMemo(() => width > 0 && height > 0 ? layoutOf(panel, shape, hidden, width, height) : null,
    [panel, shape, hidden, width, height]);
  const [over, setOver] = useState<{ place: number; y: number } | null>(null);
  const toggle = (name: string) => setHidden((now) => {
    const next = new Set(now);
    if (!next.delete(name)) next.add(name);
    return next;
  });
  if (shape.series.length === 0)
    return <p className="panel-empty">There are rows, but no numbers among them to draw: choose the columns.</p>;
  const onMove = (event: PointerEvent) => {
    const left = box.current?.getBoundingClientRect().left ?? 0, top = box.current?.getBoundingClientRect().top ?? 0;
    if (at) setOver({ place: nearest(at, event.clientX - left), y: event.clientY - top });
  };
  const shownLegend = shape.series.length > 1 || (panel.series !== undefined && panel.series !== "");
  return <div className="plot">
    <div ref={box} className="plot-box" onPointerMove={onMove} onPointerLeave={() => setOver(null)}>
      {at && <Drawing panel={panel} shape={shape} at={at} width={width} height={height}
        over={over?.place ?? null} />}
      {at && over && at.places.length > 0 && <Tip panel={panel} shape={shape} at={at} over={over} width={width} />}
    </div>
    {shownLegend && <ul className="plot-legend">{shape.series.map(({ name }, index) => <li key={name}>
      <button type="button" aria-pressed={!hidden.has(name)} title={hidden.has(name) ? "Show" : "Hide"}
        onClick={() => toggle(name)}><span style={{ background: colourOf(index) }} />{name}</button></li>)}
      {shape.left > 0 && <li className="note">{shape.left} more series aren’t drawn</li>}</ul>}
  </div>;
}

function nearest(at: Layout, x: number): number {
  let best = at.places[0];
  for (const place of at.places) if (Math.abs(at.x(place) - x) < Math.abs(at.x(best) - x)) best = place;
  return best;
}

function Drawing({ panel, shape, at, width, height, over }: {
  panel: Panel; shape: Shape; at: Layout; width: number; height: number; over: number | null;
}) {
  const unit = panel.unit ? ` in ${panel.unit}` : "";
  return <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img"
    aria-label={`${panel.title ?? ""}: ${shape.series.map(({ name }) => name).join(", ")}${unit} over ${shape.xName}`}
    data-points={at.bands.reduce((sum, { points }) => sum + points.length, 0)}>
    <g className="plot-grid">{at.yTicks.map(({ at: value, words }) => <g key={value}>
      <path d={`M${at.left} ${at.y(value)}H${at.right}`} />
      <text x={at.left - 6} y={at.y(value) + 4} textAnchor="end">{words}</text></g>)}</g>
    <g className="plot-places">{at.xTicks.map(({ at: value, words }) => {
      const x = at.x(value);
      return at.turned
        ? <text key={value} x={x + 4} y={at.bottom + 14} textAnchor="end"
          transform={`rotate(-38 ${x + 4} ${at.bottom + 14})`}>{words}</text>
        : <text key={value} x={Math.min(Math.max(x, at.left + 4), at.right - 4)} y={at.bottom + 16}
          textAnchor={x < at.left + endRoom ? "start" : x > at.right - endRoom ? "end" : "middle"}>{words}</text>;
    })}</g>
    <path className="plot-floor" d={`M${at.left} ${floorOf(at)}H${at.right}`} />
    {panel.unit && <text className="plot-unit" x={at.left - 6} y={9} textAnchor="end">{panel.unit}</text>}
    {over !== null && panel.kind !== "bar" && <path className="plot-cursor" d={`M${at.x(over)} ${at.top}V${at.bottom}`} />}
    {at.bands.map((band, order) => <Marks key={band.series.name} panel={panel} band={band} order={order} at={at}
      over={over} />)}
  </svg>;
}

/** Where zero stands, or the least value where zero isn't shown. */
function floorOf(at: Layout): number {
  const zero = at.y(0);
  return zero >= at.top && zero <= at.bottom ? zero : at.bottom;
}

/** More marks than this would only cover each other. */
const dotsMost = 120;

function Marks({ panel, band, order, at, over }: {
  panel: Panel; band: Band; order: number; at: Layout; over: number | null;
}) {
  const colour = colourOf(band.colour);
  if (panel.kind === "bar")
    return <g className="plot-bars" style={{ fill: colour }}>{
      barsOf(band, order, at, panel.layout === "grouped").map(({ x, y, width, height, place }) =>
        <rect key={place} x={x} y={y} width={width} height={height} rx={Math.min(2, width / 4)}
          opacity={over === null || over === place ? 1 : 0.55} />)}</g>;
  if (panel.kind === "scatter")
    return <g className="plot-dots" style={{ fill: colour }}>{band.points.map(({ x, high }, index) =>
      <circle key={index} cx={at.x(x)} cy={at.y(high)} r={over === x ? 5 : 3.2} />)}</g>;
  const dots = panel.points === true && band.points.length <= dotsMost ? band.points
    // What stands alone has no line that shows it.
    : [...runsOf(band).filter((run) => run.length === 1).flat(), ...band.points.filter(({ x }) => x === over)];
  return <g className="plot-line" style={{ color: colour }}>
    {panel.kind === "area" && <path className="plot-area" d={areaPath(band, at)} />}
    <path className="plot-stroke" d={linePath(band, at)} />
    {dots.map(({ x, high }, index) =>
      <circle key={index} cx={at.x(x)} cy={at.y(high)} r={3.2} />)}
  </g>;
}

const rowsInTip = 12;

function Tip({ panel, shape, at, over, width }: {
  panel: Panel; shape: Shape; at: Layout; over: { place: number; y: number }; width: number;
}) {
  const rows = at.bands.flatMap((band) => band.points.filter(({ x }) => x === over.place)
    .map(({ y }) => ({ name: band.series.name, colour: colourOf(band.colour), y })));
  const x = at.x(over.place);
  const onLeft = x > width * 0.6;
  return <div className="plot-tip" role="status" style={{ top: Math.max(0, over.y - 20),
    ...(onLeft ? { right: width - x + 12 } : { left: x + 12 }) }}>
    <strong>{shape.axis === "names" ? shape.names[over.place] : shape.axis === "time" ? exactTime(over.place)
      : `${shape.xName} ${exact(over.place)}`}</strong>
    <ul>{rows.slice(0, rowsInTip).map(({ name, colour, y }, index) => <li key={index}>
      <span style={{ background: colour }} />{name}<b>{exact(y, panel.unit)}</b></li>)}</ul>
    {rows.length > rowsInTip && <p>{rows.length - rowsInTip} more</p>}
  </div>;
}
