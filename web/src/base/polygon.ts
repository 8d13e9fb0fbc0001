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

/** The edges of a polygon by horizontal bands, as flat arrays: a point meets only those of its own
 *  band, and a million points make no objects. */
interface Bands {
  count: number;
  /** Where each band's edges begin in the arrays below; one more at the end. */
  begins: Int32Array;
  x1: Float64Array;
  y1: Float64Array;
  y2: Float64Array;
  /** Units of x for one of y along the edge. */
  slope: Float64Array;
}

function bandsOf(polygon: Polygon, top: number, bottom: number): Bands {
  const count = Math.min(512, Math.max(1, polygon.length));
  const height = bottom - top || 1;
  const bandOf = (y: number) => Math.min(count - 1, Math.floor(((y - top) / height) * count));
  const edges: number[][] = Array.from({ length: count }, () => []);
  for (let edge = 0; edge < polygon.length; edge++) {
    const y = polygon[edge][1];
    const nextY = polygon[(edge + 1) % polygon.length][1];
    for (let band = bandOf(Math.min(y, nextY)); band <= bandOf(Math.max(y, nextY)); band++)
      edges[band].push(edge);
  }
  const begins = new Int32Array(count + 1);
  edges.forEach((list, band) => { begins[band + 1] = begins[band] + list.length; });
  const flat = edges.flat();
  const of = (take: (from: Point, to: Point) => number) => Float64Array.from(flat, (edge) =>
    take(polygon[edge], polygon[(edge + 1) % polygon.length]));
  return { count, begins, x1: of(([x]) => x), y1: of(([, y]) => y), y2: of((_, [, y]) => y),
    slope: of(([x, y], [nextX, nextY]) => (nextX - x) / (nextY - y)) };
}

/** 1 for each point inside the polygon (even-odd rule), 0 elsewhere and for missing places. */
export function inside(xs: Float32Array, ys: Float32Array, polygon: Polygon): Uint8Array {
  const hits = new Uint8Array(xs.length);
  if (polygon.length < 3) return hits;
  const [left, top, right, bottom] = bounds(polygon);
  const { count, begins, x1, y1, y2, slope } = bandsOf(polygon, top, bottom);
  const height = bottom - top || 1;
  for (let at = 0; at < xs.length; at++) {
    const x = xs[at];
    const y = ys[at];
    if (!(x >= left && x <= right && y >= top && y <= bottom)) continue;
    const band = Math.min(count - 1, Math.floor(((y - top) / height) * count));
    let odd = 0;
    for (let edge = begins[band]; edge < begins[band + 1]; edge++)
      if (y1[edge] > y !== y2[edge] > y && x < slope[edge] * (y - y1[edge]) + x1[edge]) odd ^= 1;
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
