import { type ImageDescription, tileValues } from "../client/images";
import type { Point, Polygon } from "../base/polygon";
import { toImage } from "./tile_geometry";

/** The label at a place of the plane; 0 where there is none. `below`: see tileValues. */
export async function labelAt(below: string, image: ImageDescription,
    place: Point): Promise<number> {
  const [x, y] = toImage(image, place).map(Math.round);
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return 0;
  const side = image.tile_side;
  const tile = { level: 0, x: Math.floor(x / side), y: Math.floor(y / side) };
  const values = await tileValues(below, image, 0, tile,
    new AbortController().signal);
  const width = Math.min(side, image.width - tile.x * side);
  return Number(values[(y % side) * width + (x % side)]);
}

/** A square around one cell's place that is smaller than the way to any other cell's. */
export function around(xs: Float32Array, ys: Float32Array, cell: number): Polygon {
  let nearest = Number.POSITIVE_INFINITY;
  for (let at = 0; at < xs.length; at++) {
    const way = Math.max(Math.abs(xs[at] - xs[cell]), Math.abs(ys[at] - ys[cell]));
    if (at !== cell && way > 0 && way < nearest) nearest = way;
  }
  const half = Number.isFinite(nearest) ? nearest / 3 : 1;
  const [x, y] = [xs[cell], ys[cell]];
  return [[x - half, y - half], [x + half, y - half], [x + half, y + half], [x - half, y + half]];
}
