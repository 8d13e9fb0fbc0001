export type Point = [number, number];
export type Polygon = Point[];

/** Bounding box: least x, least y, greatest x, greatest y. */
export function bounds(polygon: Polygon): [number, number, number, number] {
  let [left, top] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let [right, bottom] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [x, y] of polygon) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return [left, top, right, bottom];
}

/** 1 for each point inside the polygon (even-odd rule), 0 elsewhere and for missing places.
 *  The edges are put into horizontal bands first, so a point meets only those of its own band. */
export function inside(xs: Float32Array, ys: Float32Array, polygon: Polygon): Uint8Array {
  const hits = new Uint8Array(xs.length);
  if (polygon.length < 3) return hits;
  const [left, top, right, bottom] = bounds(polygon);
  const bandCount = Math.min(512, Math.max(1, polygon.length));
  const bandOf = (y: number) =>
    Math.min(bandCount - 1, Math.floor(((y - top) / (bottom - top || 1)) * bandCount));
  const bands: number[][] = Array.from({ length: bandCount }, () => []);
  for (let edge = 0; edge < polygon.length; edge++) {
    const next = (edge + 1) % polygon.length;
    const low = bandOf(Math.min(polygon[edge][1], polygon[next][1]));
    const high = bandOf(Math.max(polygon[edge][1], polygon[next][1]));
    for (let band = low; band <= high; band++) bands[band].push(edge);
  }
  for (let at = 0; at < xs.length; at++) {
    const x = xs[at];
    const y = ys[at];
    if (!(x >= left && x <= right && y >= top && y <= bottom)) continue;
    let odd = 0;
    for (const edge of bands[bandOf(y)]) {
      const [x1, y1] = polygon[edge];
      const [x2, y2] = polygon[(edge + 1) % polygon.length];
      if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd ^= 1;
    }
    hits[at] = odd;
  }
  return hits;
}

/** Leaves out points that lie closer than `distance` to the last one kept. */
export function thin(polygon: Polygon, distance: number): Polygon {
  const kept: Polygon = [];
  for (const point of polygon) {
    const last = kept[kept.length - 1];
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= distance) kept.push(point);
  }
  return kept;
}
