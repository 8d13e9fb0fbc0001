import { useEffect, useMemo, useRef, useState } from "react";

import { pack } from "../base/colour";
import type { Point, Polygon } from "../base/polygon";
import { thin } from "../base/polygon";
import { imagesBelow } from "../client/images";
import { around, labelAt } from "../images/picking";
import { lookOf } from "../images/image_look";
import { ImageCanvas, ScaleBar, useImages } from "../images/image_canvas";
import type { ImageLayer } from "../images/image_layer";
import { Scatter } from "../plots/scatter";
import { Notice } from "../widgets/controls";
import { fit, pan, placed, type Screen, toPlane, toScreen, turn, zoom } from "./camera";
import { centroids, nearest } from "./centroids";
import type { ScatterSvg } from "./figure_files";
import { Legend } from "./legend";
import { PaneHead } from "./pane_head";
import type { Drawing } from "./scatter_tools";
import { type Plane, planeKey, withRegion } from "./selection";
import { type PaneName, usePane } from "./session";
import { Tooltip } from "./tooltip";
import { useColouring } from "./use_colouring";
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
export function ScatterPanel({ theme, pane, drawing: { tool, how: usualHow } }: {
  theme: string; pane: PaneName; drawing: Drawing;
}) {
  const { session, view, store, look } = usePane(pane);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const scatter = useRef<Scatter | null>(null);
  const [problem, setProblem] = useState("");
  const [trace, setTrace] = useState<Polygon>([]);
  const [hover, setHover] = useState<{ cell: number; at: Point } | null>(null);
  const [picked, setPicked] = useState<{ cell: number; at: Point } | null>(null);
  const [drawn, setDrawn] = useState({ first: false, complete: false });
  const picture = useRef<ImageLayer | null>(null);
  const images = useImages(view.embedding);
  const size = useScreen(box);

  const axes = store.embedding(view.embedding);
  const plane = useMemo<Plane>(() => ({ of: "embedding", name: view.embedding,
    dimensions: [view.dimensions[0], view.dimensions[1]] }), [view.embedding, view.dimensions]);
  const solid = view.dimensions.length > 2;
  const xs = axes?.[view.dimensions[0]];
  const ys = axes?.[view.dimensions[1]];
  const down = images.length > 0 && !solid;
  const screen = useMemo<Screen>(() => ({ ...size, down }), [size, down]);
  const zs = solid ? (axes?.[view.dimensions[2]] ?? null) : null;
  // Fitted anew when the plane gets another size, as when the legend comes beside it: otherwise the
  // picture would depend on what came first.
  const camera = useMemo<Camera | null>(() => view.camera ??
    (xs && ys && screen.width > 0 ? fit(xs, ys, screen.width, screen.height) : null),
    [view.camera, xs, ys, screen.width, screen.height]);
  const painted = useColouring(view, store);
  const world = session.world();
  const selected = session.selected();

  useEffect(() => {
    if (!canvas.current) return;
    try {
      scatter.current = new Scatter(canvas.current, store.schema.images.length > 0);
      scatter.current.onRestart = () =>
        setDrawn((before) => before.complete ? { ...before, complete: false } : before);
      scatter.current.onFirst = () =>
        setDrawn((before) => before.first ? before : { ...before, first: true });
      scatter.current.onFailure = setProblem;
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
    if (!painted || !xs) return;
    scatter.current?.setColours(painted.colours, painted.by === "number" ? painted.lift : null);
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
    if (camera) scatter.current?.setCamera({ ...camera, down });
  }, [camera, down]);

  const addRegion = (polygon: Polygon, event: { shiftKey: boolean; altKey: boolean }) => {
    const how = event.shiftKey && event.altKey ? "intersect" : event.shiftKey ? "add"
      : event.altKey ? "subtract" : usualHow;
    session.change({ selection: withRegion(session.view().selection, plane, how, polygon) });
  };

  /** The picture goes along at once; the view is told when it rests. */
  const follow = (now: Camera) => {
    scatter.current?.setCamera({ ...now, down }, true);
    picture.current?.setCamera(now, screen, window.devicePixelRatio || 1);
    box.current?.classList.add("moving");
  };
  const pick = async (at: Point) => {
    const outlines = images.find((image) => image.content === "labels" &&
      lookOf(view.images, image, store.schema.images).shown);
    if (!outlines || !camera || !xs || !ys) return;
    const label = await labelAt(imagesBelow(store.schema.revision), outlines, toPlane(camera, screen, at));
    const cell = store.cellsOfLabels(outlines)?.[label] ?? -1;
    setPicked(cell < 0 ? null : { cell, at });
    if (cell < 0) session.unfilter(`region ${planeKey(plane)}`);
    else session.filter({ kind: "region", plane,
      steps: [{ how: "replace", polygon: around(xs, ys, cell) }] });
  };
  const place = (event: React.PointerEvent | React.WheelEvent): Point => {
    const corner = box.current?.getBoundingClientRect();
    return [event.clientX - (corner?.left ?? 0), event.clientY - (corner?.top ?? 0)];
  };
  const onPointerDown = (event: React.PointerEvent) => {
    if (!camera || event.button > 1) return;
    (event.target as Element).setPointerCapture(event.pointerId);
    const start = place(event);
    if (tool === "pick" && event.button === 0 && down) {
      void pick(start).catch((failure: Error) => setProblem(failure.message));
      return;
    }
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
        follow(now);
        last = at;
      }
    };
    const up = (ended: Event) => {
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", up);
      target.removeEventListener("pointercancel", up);
      setTrace([]);
      box.current?.classList.remove("moving");
      if (!drawing) look({ camera: now });
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
    follow(next);
    rolling.current = { camera: next, rest: window.setTimeout(() => {
      rolling.current = null;
      box.current?.classList.remove("moving");
      look({ camera: next });
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
  const vector = (): ScatterSvg | null => !camera || !xs || !ys || !painted || !canvas.current ? null
    : { width: screen.width, height: screen.height, canvas: canvas.current,
      solid, names: names.flatMap(({ label, place: middle }) =>
        middle ? [{ label, at: toScreen(camera, screen, middle) }] : []),
      radius: scatter.current?.radius ?? 1, opacity: view.opacity,
      cells: () => placed(xs, ys, camera, screen, painted.colours, world, selected) };

  return <section className="scatter" data-pane={pane} aria-label={pane === "first"
    ? `Embedding ${view.embedding}` : `Beside it: embedding ${view.embedding}`}>
    <PaneHead pane={pane} canvas={canvas} painted={painted} vector={vector} />
    <div ref={box} className={`scatter-plane tool-${tool}`} data-drawn={drawn.first}
      data-complete={drawn.complete} onPointerDown={onPointerDown} onPointerMove={onHover}
      onPointerLeave={() => { window.clearTimeout(hovering.current); setHover(null); }}>
      {down && <ImageCanvas images={images} camera={camera} screen={screen} painted={painted}
        layer={picture} />}
      <canvas ref={canvas} aria-label={`${store.cells} cells`} role="img" />
      <svg className="scatter-overlay" aria-hidden="true">
        {trace.length > 1 && <polygon className="trace"
          points={trace.map((point) => point.join(",")).join(" ")} />}
        {camera && names.map(({ label, place: middle }) => middle &&
          <text key={label} className="centroid" x={toScreen(camera, screen, middle)[0]}
            y={toScreen(camera, screen, middle)[1]}>{label}</text>)}
      </svg>
      {down && <ScaleBar image={images[0]} camera={camera} screen={screen} />}
      {picked && tool === "pick" && <div className="picked-cell"><Tooltip cell={picked.cell}
        at={picked.at} screen={screen} view={view} painted={painted} /></div>}
      {hover && <Tooltip cell={hover.cell} at={hover.at} screen={screen} view={view} painted={painted} />}
      {(problem || failure) && <Notice kind="error">{problem || failure?.message}</Notice>}
      {!axes && !failure && <p className="waiting">Loading {view.embedding} …</p>}
    </div>
    <Legend painted={painted} pane={pane} />
  </section>;
}
