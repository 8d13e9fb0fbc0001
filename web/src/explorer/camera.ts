import type { Point } from "../base/polygon";
import type { Camera } from "./view";

/** A camera that sees all finite places, with a margin. */
export function fit(xs: Float32Array, ys: Float32Array, width: number, height: number): Camera {
  let [left, right] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < xs.length; at++) {
    const x = xs[at];
    const y = ys[at];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < low) low = y;
    if (y > high) high = y;
  }
  if (right < left) return { x: 0, y: 0, span: 1, yaw: 0, pitch: 0 };
  const shorter = Math.max(1, Math.min(width, height));
  const span = Math.max(((right - left) * shorter) / Math.max(1, width),
    ((high - low) * shorter) / Math.max(1, height)) * 1.08;
  return { x: (left + right) / 2, y: (low + high) / 2, span: span || 1, yaw: 0, pitch: 0 };
}

export interface Screen {
  width: number;
  height: number;
  /** The plane's second axis runs down, as it does in images. */
  down?: boolean;
}

const upward = (screen: Screen): number => (screen.down ? -1 : 1);

const unitsPerPixel = (camera: Camera, screen: Screen) =>
  camera.span / Math.max(1, Math.min(screen.width, screen.height));

export function toPlane(camera: Camera, screen: Screen, pixel: Point): Point {
  const unit = unitsPerPixel(camera, screen);
  return [camera.x + (pixel[0] - screen.width / 2) * unit,
    camera.y - (pixel[1] - screen.height / 2) * unit * upward(screen)];
}

export function toScreen(camera: Camera, screen: Screen, place: Point): Point {
  const unit = unitsPerPixel(camera, screen);
  return [(place[0] - camera.x) / unit + screen.width / 2,
    screen.height / 2 - ((place[1] - camera.y) / unit) * upward(screen)];
}

/** Closer by `factor` above 1, with the place under `pixel` kept where it is. */
export function zoom(camera: Camera, screen: Screen, pixel: Point, factor: number): Camera {
  const [x, y] = toPlane(camera, screen, pixel);
  return { ...camera, span: camera.span / factor, x: x + (camera.x - x) / factor,
    y: y + (camera.y - y) / factor };
}

export function pan(camera: Camera, screen: Screen, right: number, down: number): Camera {
  const unit = unitsPerPixel(camera, screen);
  return { ...camera, x: camera.x - right * unit, y: camera.y + down * unit * upward(screen) };
}

export const turn = (camera: Camera, right: number, down: number): Camera => ({
  ...camera, yaw: camera.yaw + right * 0.01,
  pitch: Math.min(1.5, Math.max(-1.5, camera.pitch + down * 0.01)),
});

/** Where the cells of the picture lie on the screen, and their colours; those behind come first. */
export function placed(xs: Float32Array, ys: Float32Array, camera: Camera, screen: Screen,
    colours: Uint32Array, world: Uint8Array | null, selected: Uint8Array | null) {
  const list: { at: Point; colour: number | null }[] = [];
  for (const front of [false, true])
    for (let cell = 0; cell < xs.length; cell++) {
      if ((world && world[cell] === 0) || !Number.isFinite(xs[cell])) continue;
      const isFront = !selected || selected[cell] !== 0;
      if (isFront !== front) continue;
      const at = toScreen(camera, screen, [xs[cell], ys[cell]]);
      if (at[0] >= 0 && at[1] >= 0 && at[0] <= screen.width && at[1] <= screen.height)
        list.push({ at, colour: front ? colours[cell] : null });
    }
  return list;
}
