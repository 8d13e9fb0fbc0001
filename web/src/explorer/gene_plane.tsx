import { useEffect, useMemo, useRef, useState } from "react";

import { extent, short } from "../base/numbers";
import { type Polygon, thin } from "../base/polygon";
import { IconButton } from "../widgets/controls";
import { type NumberSource, type Plane, planeKey } from "./selection";
import { useSession } from "./session";
import { useColouring } from "./use_colouring";

const side = 240;

/** Two genes against each other; a polygon drawn in it is a gate. */
export function GenePlane({ gate }: { gate: { x: string; y: string } }) {
  const { session, view, store } = useSession();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [trace, setTrace] = useState<Polygon>([]);
  const plane = useMemo<Plane & { of: "numbers" }>(() => {
    const source = (gene: string): NumberSource => ({ from: "gene", gene, layer: view.layer });
    return { of: "numbers", x: source(gate.x), y: source(gate.y) };
  }, [gate, view.layer]);
  const places = store.plane(plane);
  const ranges = useMemo(() => places &&
    { x: extent(places.xs) ?? [0, 1], y: extent(places.ys) ?? [0, 1] }, [places]);
  const painted = useColouring(view, store);
  const world = session.world();
  const selected = session.selected();
  const key = `region ${planeKey(plane)}`;

  useEffect(() => {
    const draw = canvas.current?.getContext("2d");
    if (!draw || !places || !ranges || !painted) return;
    const pixels = draw.createImageData(side, side);
    const words = new Uint32Array(pixels.data.buffer);
    const column = (x: number) => Math.round(((x - ranges.x[0]) / (ranges.x[1] - ranges.x[0] || 1)) * (side - 5)) + 2;
    const row = (y: number) => side - 3 - Math.round(((y - ranges.y[0]) / (ranges.y[1] - ranges.y[0] || 1)) * (side - 5));
    // A few cells are seen best as larger points.
    const point = store.cells > 5_000 ? [0, 1, side, side + 1]
      : [-side, -1, 0, 1, side, -side - 1, -side + 1, side - 1, side + 1];
    for (const front of [false, true])
      for (let cell = 0; cell < store.cells; cell++) {
        if (world && world[cell] === 0) continue;
        const kept = !selected || selected[cell] !== 0;
        if (kept !== front) continue;
        const at = row(places.ys[cell]) * side + column(places.xs[cell]);
        const colour = kept ? painted.colours[cell] : 0x60b0b0b0;
        for (const near of point) words[at + near] = colour;
      }
    draw.putImageData(pixels, 0, 0);
  }, [places, ranges, painted, world, selected, store.cells]);

  const onPointerDown = (event: React.PointerEvent) => {
    if (!ranges) return;
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const corner = target.getBoundingClientRect();
    let path: Polygon = [];
    const move = (to: Event) => {
      const { clientX, clientY } = to as PointerEvent;
      path = [...path, [clientX - corner.left, clientY - corner.top]];
      setTrace(path);
    };
    const up = () => {
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", up);
      setTrace([]);
      const polygon = thin(path, 2).map(([right, down]): [number, number] => [
        ranges.x[0] + ((right - 2) / (side - 5)) * (ranges.x[1] - ranges.x[0]),
        ranges.y[0] + ((side - 3 - down) / (side - 5)) * (ranges.y[1] - ranges.y[0])]);
      if (polygon.length < 3) session.unfilter(key);
      else session.filter({ kind: "region", plane, steps: [{ how: "replace", polygon }] });
    };
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up);
  };
  return <figure className="gene-plane">
    <div className="row-head"><span className="row-name">{gate.x} × {gate.y}</span>
      <IconButton icon="close" label={`Close ${gate.x} against ${gate.y}`} onClick={() => {
        session.unfilter(key);
        session.change({ gates: view.gates.filter((other) => other !== gate) });
      }} /></div>
    <div className="gene-plane-box" onPointerDown={onPointerDown} style={{ width: side, height: side }}>
      <canvas ref={canvas} width={side} height={side} role="img"
        aria-label={`${gate.x} across, ${gate.y} up`} />
      <svg width={side} height={side} aria-hidden="true">{trace.length > 1 && <polygon
        className="trace" points={trace.map((point) => point.join(",")).join(" ")} />}</svg>
      {!places && <p className="waiting">Loading …</p>}
    </div>
    {ranges && <figcaption>{gate.x}: {short(ranges.x[0])} to {short(ranges.x[1])} across; {gate.y}:{" "}
      {short(ranges.y[0])} to {short(ranges.y[1])} up</figcaption>}
  </figure>;
}
