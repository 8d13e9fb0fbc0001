import type { Point } from "../base/polygon";
import { quantile } from "../base/numbers";

/** The median place of each label's cells within the mask; null for a label without any. */
export function centroids(xs: Float32Array, ys: Float32Array, codes: Int32Array, labels: number,
    mask: Uint8Array | null): (Point | null)[] {
  const places: [number[], number[]][] = Array.from({ length: labels }, () => [[], []]);
  // Every k-th cell is enough for a label's middle, and keeps this quick at a million cells.
  const stride = Math.max(1, Math.floor(codes.length / 200_000));
  for (let at = 0; at < codes.length; at += stride) {
    const code = codes[at];
    if (code < 0 || (mask && mask[at] === 0) || !Number.isFinite(xs[at])) continue;
    places[code][0].push(xs[at]);
    places[code][1].push(ys[at]);
  }
  return places.map(([x, y]) => x.length === 0 ? null
    : [quantile(Float64Array.from(x).sort(), 0.5), quantile(Float64Array.from(y).sort(), 0.5)]);
}

/** The cell nearest to a place, within `reach` units; -1 where none is. */
export function nearest(xs: Float32Array, ys: Float32Array, place: Point, reach: number,
    mask: Uint8Array | null): number {
  let best = -1;
  let least = reach * reach;
  for (let at = 0; at < xs.length; at++) {
    if (mask && mask[at] === 0) continue;
    const right = xs[at] - place[0];
    const up = ys[at] - place[1];
    const square = right * right + up * up;
    if (square <= least) {
      least = square;
      best = at;
    }
  }
  return best;
}
