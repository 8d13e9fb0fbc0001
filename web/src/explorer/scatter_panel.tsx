import { useEffect, useMemo, useRef, useState } from "react";

import { pack } from "../base/colour";
import type { Point, Polygon } from "../base/polygon";
import { thin } from "../base/polygon";
import { Scatter } from "../plots/scatter";
import { Notice } from "../widgets/controls";
import { fit, pan, type Screen, toPlane, toScreen, turn, zoom } from "./camera";
import { centroids, nearest } from "./centroids";
import { colouring } from "./colouring";
import { Legend } from "./legend";
import { ScatterTools, type Tool } from "./scatter_tools";
import type { Plane, RegionFilter } from "./selection";
import { planeKey } from "./selection";
import { useSession } from "./session";
import { Tooltip } from "./tooltip";
import type { Camera } from "./view";

const colourOf = (name: string): [number, number, number] => {
  const packed = pack(getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return [(packed & 255) / 255, ((packed >>> 8) & 255) / 255, ((packed >>> 16) & 255) / 255];
};

/** A wheel, a pointer that has not moved for so long has come to rest. */
const wheelRestMs = 120;
const pointerRestMs = 30;

function useScreen(box: React.RefObject<HTMLDivElement | null>): Screen {
  const [screen, setScreen] = useState<Screen>({ width: 0, height: 0 });
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) =>
      setScreen({ width: entry.contentRect.width, height: entry.contentRect.height }));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);
  return screen;
}

/** The embedding: drawn, moved, drawn upon. */
export function ScatterPanel({ theme }: { theme: string }) {
  const { session, view, store } = useSession();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const scatter = useRef<Scatter | null>(null);
  const [problem, setProblem] = useState("");
  const [tool, setTool] = useState<Tool>("lasso");
  const [trace, setTrace] = useState<Polygon>([]);
  const [hover, setHover] = useState<{ cell: number; at: Point } | null>(null);
  const [drawn, setDrawn] = useState({ first: false, complete: false });
  const screen = useScreen(box);

  const axes = store.embedding(view.embedding);
  const plane = useMemo<Plane>(() => ({ of: "embedding", name: view.embedding,
    dimensions: [view.dimensions[0], view.dimensions[1]] }), [view.embedding, view.dimensions]);
  const solid = view.dimensions.length > 2;
  const xs = axes?.[view.dimensions[0]];
  const ys = axes?.[view.dimensions[1]];
  const zs = solid ? (axes?.[view.dimensions[2]] ?? null) : null;
  const camera = useMemo<Camera | null>(() => view.camera ??
    (xs && ys && screen.width > 0 ? fit(xs, ys, screen.width, screen.height) : null),
    [view.camera, xs, ys, screen.width > 0]);
  const painted = useMemo(() => colouring(view, store),
    [view.colour, view.scales, view.palette, store, store.version()]);
  const world = session.world();
  const selected = session.selected();

  useEffect(() => {
    if (!canvas.current) return;
    try {
      scatter.current = new Scatter(canvas.current);
      scatter.current.onRestart = () =>
        setDrawn((before) => before.complete ? { ...before, complete: false } : before);
      scatter.current.onFirst = () =>
        setDrawn((before) => before.first ? before : { ...before, first: true });
      scatter.current.onComplete = () => setDrawn({ first: true, complete: true });
    } catch (failure) {
      setProblem(String(failure instanceof Error ? failure.message : failure));
    }
    return () => {
      scatter.current?.destroy();
      scatter.current = null;
    };
  }, []);
  useEffect(() => {
    if (xs && ys) scatter.current?.setPlaces(xs, ys, zs);
  }, [xs, ys, zs]);
  useEffect(() => {
    if (painted && xs) scatter.current?.setColours(painted.colours, painted.by === "number" ? painted.lift : null);
  }, [painted, xs]);
  useEffect(() => {
    if (!xs) return;
    const states = new Uint8Array(store.cells);
    for (let at = 0; at < states.length; at++)
      states[at] = (world && world[at] === 0) || Number.isNaN(xs[at]) ? 0
        : selected && selected[at] === 0 ? 1 : 2;
    scatter.current?.setStates(states);
  }, [world, selected, xs, store]);
  useEffect(() => {
    if (screen.width > 0)
      scatter.current?.resize(screen.width, screen.height, window.devicePixelRatio || 1);
  }, [screen]);
  useEffect(() => {
    const density = Math.sqrt((screen.width * screen.height) / Math.max(1, store.cells));
    scatter.current?.setStyle({ size: view.pointSize * Math.min(7, Math.max(1.2, density * 0.42)),
      opacity: view.opacity, behind: colourOf("--behind"), background: colourOf("--ground") });
  }, [view.pointSize, view.opacity, screen, theme, store.cells]);
  useEffect(() => {
    if (camera) scatter.current?.setCamera(camera);
  }, [camera]);

  const addRegion = (polygon: Polygon, event: { shiftKey: boolean; altKey: boolean }) => {
    const known = view.selection.find((filter): filter is RegionFilter =>
      filter.kind === "region" && planeKey(filter.plane) === planeKey(plane));
    const how: RegionFilter["steps"][number]["how"] = event.shiftKey && event.altKey ? "intersect"
      : event.shiftKey ? "add" : event.altKey ? "subtract" : "replace";
    const steps: RegionFilter["steps"] = how === "replace" || !known
      ? [{ how: "replace", polygon }]
      : [...known.steps, { how, polygon }];
    session.filter({ kind: "region", plane, steps });
  };

  const place = (event: React.PointerEvent | React.WheelEvent): Point => {
    const corner = box.current?.getBoundingClientRect();
    return [event.clientX - (corner?.left ?? 0), event.clientY - (corner?.top ?? 0)];
  };
  const onPointerDown = (event: React.PointerEvent) => {
    if (!camera || event.button > 1) return;
    (event.target as Element).setPointerCapture(event.pointerId);
    const start = place(event);
    const drawing = tool !== "move" && event.button === 0 && !solid;
    let last = start;
    let path: Polygon = [start];
    let now = camera;
    const target = event.currentTarget;
    const move = (moved: Event) => {
      const at = place(moved as unknown as React.PointerEvent);
      if (drawing) {
        path = tool === "lasso" ? [...path, at]
          : [start, [at[0], start[1]], at, [start[0], at[1]]];
        setTrace(path);
      } else {
        now = solid && tool !== "move" ? turn(now, at[0] - last[0], at[1] - last[1])
          : pan(now, screen, at[0] - last[0], at[1] - last[1]);
        scatter.current?.setCamera(now, true);
        box.current?.classList.add("moving");
        last = at;
      }
    };
    const up = (ended: Event) => {
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", up);
      target.removeEventListener("pointercancel", up);
      setTrace([]);
      box.current?.classList.remove("moving");
      if (!drawing) session.look({ camera: now });
      else if (ended.type === "pointerup") {
        const outline = tool === "lasso" ? thin(path, 2) : path;
        if (outline.length >= 3)
          addRegion(outline.map((pixel) => toPlane(camera, screen, pixel)), ended as PointerEvent);
        else session.unfilter(`region ${planeKey(plane)}`);
      }
    };
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up);
    target.addEventListener("pointercancel", up);
  };
  // Looked up where the pointer rests: a million places are too many for each of its moves.
  const hovering = useRef(0);
  const onHover = (event: React.PointerEvent) => {
    window.clearTimeout(hovering.current);
    if (!camera || !xs || !ys || solid || trace.length > 0 || event.buttons !== 0) return;
    const at = place(event);
    hovering.current = window.setTimeout(() => {
      const reach = toPlane(camera, screen, [6, 0])[0] - toPlane(camera, screen, [0, 0])[0];
      const cell = nearest(xs, ys, toPlane(camera, screen, at), reach, world);
      setHover((before) => cell >= 0 ? { cell, at } : before && null);
    }, pointerRestMs);
  };
  // While the wheel turns only the picture follows; the view is told where it came to rest.
  const rolling = useRef<{ camera: Camera; rest: number } | null>(null);
  const wheel = useRef<(event: WheelEvent) => void>(() => {});
  wheel.current = (event) => {
    if (!camera) return;
    event.preventDefault();
    const at = place(event as unknown as React.WheelEvent);
    const next = zoom(rolling.current?.camera ?? camera, screen, at,
      Math.exp(-event.deltaY * 0.0015));
    window.clearTimeout(rolling.current?.rest);
    scatter.current?.setCamera(next, true);
    box.current?.classList.add("moving");
    rolling.current = { camera: next, rest: window.setTimeout(() => {
      rolling.current = null;
      box.current?.classList.remove("moving");
      session.look({ camera: next });
    }, wheelRestMs) };
  };
  useEffect(() => {
    const element = box.current;
    const listen = (event: WheelEvent) => wheel.current(event);
    element?.addEventListener("wheel", listen, { passive: false });
    return () => element?.removeEventListener("wheel", listen);
  }, []);

  const names = useMemo(() => {
    if (!view.centroids || painted?.by !== "category" || !xs || !ys || solid) return [];
    const places = centroids(xs, ys, painted.codes, painted.labels.length, world);
    return painted.labels.map((label, at) => ({ label, place: places[at] }));
  }, [view.centroids, painted, xs, ys, world, solid]);
  const failure = store.failure(`embedding:${view.embedding}`);

  return <section className="scatter" aria-label={`Embedding ${view.embedding}`}>
    <ScatterTools tool={tool} setTool={setTool} canvas={canvas} painted={painted} />
    <div ref={box} className={`scatter-plane tool-${tool}`} data-drawn={drawn.first}
      data-complete={drawn.complete}
      onPointerDown={onPointerDown} onPointerMove={onHover} onPointerLeave={() => { window.clearTimeout(hovering.current); setHover(null); }}>
      <canvas ref={canvas} aria-label={`${store.cells} cells`} role="img" />
      <svg className="scatter-overlay" aria-hidden="true">
        {trace.length > 1 && <polygon className="trace"
          points={trace.map((point) => point.join(",")).join(" ")} />}
        {camera && names.map(({ label, place: middle }) => middle &&
          <text key={label} className="centroid" x={toScreen(camera, screen, middle)[0]}
            y={toScreen(camera, screen, middle)[1]}>{label}</text>)}
      </svg>
      {hover && <Tooltip cell={hover.cell} at={hover.at} painted={painted} />}
      {(problem || failure) && <Notice kind="error">{problem || failure?.message}</Notice>}
      {!axes && !failure && <p className="waiting">Loading {view.embedding} …</p>}
    </div>
    <Legend painted={painted} />
  </section>;
}
