import type { ImageDescription, TilePlace } from "../client/images";
import { type Screen, toPlane, toScreen } from "../explorer/camera";
import type { Camera } from "../explorer/view";
import type { Point } from "../base/polygon";

/** A place of the plane as a place of the image, in pixels of its full size. */
export function toImage({ transform: [a, b, c, d, e, f] }: ImageDescription, [x, y]: Point): Point {
  const area = a * e - b * d;
  return [(e * (x - c) - b * (y - f)) / area, (a * (y - f) - d * (x - c)) / area];
}

export const fromImage = ({ transform: [a, b, c, d, e, f] }: ImageDescription,
    [x, y]: Point): Point => [a * x + b * y + c, d * x + e * y + f];

/** The level whose pixels are just not larger than the screen's. */
export function levelFor(image: ImageDescription, camera: Camera, screen: Screen,
    ratio: number): number {
  const [from, to] = [toImage(image, toPlane(camera, screen, [0, 0])),
    toImage(image, toPlane(camera, screen, [1, 0]))];
  const pixels = Math.hypot(to[0] - from[0], to[1] - from[1]) / ratio;
  const level = Math.floor(Math.log2(Math.max(1, pixels)) + 1e-6);
  return Math.min(image.levels.length - 1, level);
}

/** The tiles of a level that the screen shows, those in its middle first. */
export function visibleTiles(image: ImageDescription, level: number, camera: Camera,
    screen: Screen): TilePlace[] {
  const corners = [[0, 0], [screen.width, 0], [0, screen.height], [screen.width, screen.height]]
    .map((pixel) => toImage(image, toPlane(camera, screen, pixel as Point)));
  const side = image.tile_side * 2 ** level;
  const last = [Math.ceil(image.levels[level].width / image.tile_side) - 1,
    Math.ceil(image.levels[level].height / image.tile_side) - 1];
  const ends = [0, 1].map((axis) => {
    const values = corners.map((corner) => corner[axis] + 0.5);
    return [Math.max(0, Math.floor(Math.min(...values) / side)),
      Math.min(last[axis], Math.floor(Math.max(...values) / side))];
  });
  const tiles: TilePlace[] = [];
  for (let y = ends[1][0]; y <= ends[1][1]; y++)
    for (let x = ends[0][0]; x <= ends[0][1]; x++) tiles.push({ level, x, y });
  const middle = [(ends[0][0] + ends[0][1]) / 2, (ends[1][0] + ends[1][1]) / 2];
  const far = ({ x, y }: TilePlace) => Math.hypot(x - middle[0], y - middle[1]);
  return tiles.sort((one, other) => far(one) - far(other));
}

/** A rectangle of the image: its edges in pixels of the full size. */
export interface Part {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** What a tile shows; the edge of the first pixel is at -0.5. */
export function partOf(image: ImageDescription, { level, x, y }: TilePlace): Part {
  const side = image.tile_side * 2 ** level;
  return { left: x * side - 0.5, top: y * side - 0.5,
    right: Math.min((x + 1) * side, image.width) - 0.5,
    bottom: Math.min((y + 1) * side, image.height) - 0.5 };
}

/** Where a part lies in clip space: its upper left corner and the ways to its two neighbours. */
export function clipOf(image: ImageDescription, part: Part, camera: Camera, screen: Screen) {
  const clip = (x: number, y: number) => {
    const [right, down] = toScreen(camera, screen, fromImage(image, [x, y]));
    return [(right / screen.width) * 2 - 1, 1 - (down / screen.height) * 2];
  };
  const origin = clip(part.left, part.top);
  const across = clip(part.right, part.top);
  const down = clip(part.left, part.bottom);
  return { origin, across: [across[0] - origin[0], across[1] - origin[1]],
    down: [down[0] - origin[0], down[1] - origin[1]] };
}

/** Which part of a tile's texture shows `part`, as shares of its width and height. */
export function textureOf(image: ImageDescription, part: Part, holder: TilePlace) {
  const whole = partOf(image, holder);
  const scale = 2 ** holder.level;
  const { width, height } = image.levels[holder.level];
  const across = Math.min(image.tile_side, width - holder.x * image.tile_side) * scale;
  const down = Math.min(image.tile_side, height - holder.y * image.tile_side) * scale;
  return { left: (part.left - whole.left) / across, top: (part.top - whole.top) / down,
    right: (part.right - whole.left) / across, bottom: (part.bottom - whole.top) / down };
}
