import { type KeyboardEvent, type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef,
  useState } from "react";

import type { Point } from "../base/polygon";
import type { ImageDescription } from "../client/images";
import { picturesBelow } from "../client/runs";
import { type Screen, pan, toPlane, toScreen, zoom } from "../explorer/camera";
import type { Camera } from "../explorer/view";
import { ScaleBar } from "../images/image_canvas";
import { ImageLayer, type Shown } from "../images/image_layer";
import { Notice } from "../widgets/controls";

const keyStep = 60;
/** Pixels that a click may move before it is a drag. */
const clickReach = 4;
const wheelSlowness = 400;

/** Pictures of one run on each other, with pan and zoom by pointer, wheel and keys. */
export function PicturePane({ run, title, shown, waits, camera, onCamera, onScreen, line = [],
  closed = false, onPlace }: {
  run: string; title: string; shown: Shown[]; waits: boolean; camera: Camera | null;
  onCamera: (move: (camera: Camera, screen: Screen) => Camera, screen: Screen) => void;
  onScreen: (screen: Screen) => void;
  /** Places that are drawn over it; closed: as an outline. */
  line?: Point[]; closed?: boolean;
  /** A click, in pixels of the picture; without it clicks do nothing. */
  onPlace?: (place: Point) => void;
}) {
  const plane = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layer = useRef<ImageLayer | null>(null);
  const [screen, setScreen] = useState<Screen>({ width: 0, height: 0, down: true });
  const [frame, setFrame] = useState<Parameters<NonNullable<ImageLayer["onDrawn"]>>[0] | null>(null);
  const [problem, setProblem] = useState("");
  useLayoutEffect(() => {
    const element = plane.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => {
      const now = { width: element.clientWidth, height: element.clientHeight, down: true };
      setScreen(now);
      onScreen(now);
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (!canvas.current) return undefined;
    try {
      layer.current = new ImageLayer(canvas.current, picturesBelow(run));
      layer.current.onDrawn = setFrame;
    } catch (failure) {
      setProblem(String(failure instanceof Error ? failure.message : failure));
    }
    return () => {
      layer.current?.destroy();
      layer.current = null;
    };
  }, [run]);
  useEffect(() => {
    layer.current?.setShown(shown);
  }, [shown, run]);
  useEffect(() => {
    if (!camera || screen.width === 0) return;
    layer.current?.setCamera(camera, screen, window.devicePixelRatio || 1);
  }, [camera, screen, run]);
  useWheel(plane, screen, onCamera);
  const first = useMemo(() => shown.find(({ image }) => image.content !== "labels") ?? shown[0], [shown]);
  const pressed = useRef<Point | null>(null);
  const press = (event: PointerEvent<HTMLDivElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    pressed.current = [event.clientX, event.clientY];
  };
  const release = (event: PointerEvent<HTMLDivElement>) => {
    const from = pressed.current;
    pressed.current = null;
    if (!onPlace || !camera || !from || Math.hypot(event.clientX - from[0], event.clientY - from[1]) > clickReach)
      return;
    const box = event.currentTarget.getBoundingClientRect();
    onPlace(toPlane(camera, screen, [event.clientX - box.left, event.clientY - box.top]));
  };
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (event.buttons !== 1) return;
    onCamera((now, size) => pan(now, size, event.movementX, event.movementY), screen);
  };
  return <figure className="picture-pane"><figcaption>{title}</figcaption>
    <div ref={plane} className="picture-plane" tabIndex={0} role="application"
      aria-label={`${title}: arrows move, plus and minus zoom`}
      onPointerDown={press} onPointerUp={release} style={onPlace ? { cursor: "crosshair" } : undefined}
      onPointerMove={drag} onKeyDown={(event) => byKey(event, screen, onCamera)}>
      <canvas ref={canvas} role="img" data-missing={!waits && shown.length > 0 && frame?.shown === shown &&
        frame.camera === camera ? frame.missing : -1}
        aria-label={shown.map(({ image }) => nameOf(image)).join(", ") || "No picture"} />
      {camera && line.length > 0 && <DrawnLine line={line} closed={closed} camera={camera} screen={screen} />}
      <ScaleBar image={first?.image} camera={camera} screen={screen} />
      {problem && <Notice kind="error">{problem}</Notice>}</div></figure>;
}

function DrawnLine({ line, closed, camera, screen }: {
  line: Point[]; closed: boolean; camera: Camera; screen: Screen;
}) {
  const places = line.map((place) => toScreen(camera, screen, place));
  const path = places.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x} ${y}`).join("");
  return <svg className="drawn-line" aria-hidden="true" width={screen.width} height={screen.height}>
    <path d={closed && places.length > 2 ? `${path}Z` : path} />
    {places.map(([x, y], at) => <circle key={at} cx={x} cy={y} r="4" />)}</svg>;
}

const nameOf = (image: ImageDescription) => image.name;

/** A wheel listener that may keep the page from scrolling. */
function useWheel(plane: { current: HTMLDivElement | null }, screen: Screen,
    onCamera: (move: (camera: Camera, screen: Screen) => Camera, screen: Screen) => void) {
  const latest = useRef<(event: WheelEvent) => void>(() => {});
  latest.current = (event) => {
    event.preventDefault();
    const box = plane.current?.getBoundingClientRect();
    if (box) onCamera((now, size) => zoom(now, size, [event.clientX - box.left, event.clientY - box.top],
      Math.exp(-event.deltaY / wheelSlowness)), screen);
  };
  useEffect(() => {
    const element = plane.current;
    const listen = (event: WheelEvent) => latest.current(event);
    element?.addEventListener("wheel", listen, { passive: false });
    return () => element?.removeEventListener("wheel", listen);
  }, []);
}

function byKey(event: KeyboardEvent, screen: Screen,
    onCamera: (move: (camera: Camera, screen: Screen) => Camera, screen: Screen) => void) {
  const ways: Record<string, [number, number]> = { ArrowLeft: [keyStep, 0], ArrowRight: [-keyStep, 0],
    ArrowUp: [0, keyStep], ArrowDown: [0, -keyStep] };
  const way = ways[event.key];
  const factor = event.key === "+" || event.key === "=" ? 1.5 : event.key === "-" ? 1 / 1.5 : 0;
  if (!way && !factor) return;
  event.preventDefault();
  onCamera((now, size) => way ? pan(now, size, way[0], way[1])
    : zoom(now, size, [size.width / 2, size.height / 2], factor), screen);
}
