import { getJson, request } from "./http";

export interface ImageChannel {
  name: string;
  color: string;
  min: number;
  max: number;
  low: number;
  high: number;
}

/** A picture that lies under a revision's cells, or the outlines of the cells. */
export interface ImageDescription {
  id: string;
  /** Of one that may be made anew under its id: another one then. */
  mark?: string;
  name: string;
  width: number;
  height: number;
  type: "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "float32";
  content: "intensity" | "rgb" | "labels";
  channels: ImageChannel[];
  micrometres_x: number | null;
  micrometres_y: number | null;
  levels: { width: number; height: number }[];
  tile_side: number;
  embedding: string;
  /** X = a x + b y + c, Y = d x + e y + f; (0, 0) is the centre of the first pixel. */
  transform: [number, number, number, number, number, number];
}

/** Which images there are may change; each stays as it is. */
export const imagesOf = async (revision: string): Promise<ImageDescription[]> =>
  (await getJson<{ images: ImageDescription[] }>(`d/${revision}/images`)).images;

export interface TilePlace {
  level: number;
  x: number;
  y: number;
}

const arrays = { uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array,
  uint32: Uint32Array, int32: Int32Array, float32: Float32Array };
export type TileValues = InstanceType<(typeof arrays)[keyof typeof arrays]>;

/** Where a revision's images lie. */
export const imagesBelow = (revision: string): string => `d/${revision}/images`;

/** `below`: the path that the image lies below by its id. */
const tilePath = (below: string, image: ImageDescription, channel: number | "rgb",
    { level, x, y }: TilePlace) =>
  `${below}/${image.id}/tiles/${level}/${channel}/${y}/${x}`;

/** One channel's values in a tile, row by row. */
export async function tileValues(below: string, image: ImageDescription, channel: number,
    place: TilePlace, signal: AbortSignal): Promise<TileValues> {
  const answer = await request(tilePath(below, image, channel, place), { signal });
  return new arrays[image.type](await answer.arrayBuffer());
}

/** Of labels: which cell each is, from label 0 on; -1 for none. */
export const labelCells = async (revision: string, image: ImageDescription): Promise<Int32Array> =>
  new Int32Array(await (await request(`d/${revision}/images/${image.id}/cells`)).arrayBuffer());

/** A tile of a photograph. */
export async function tilePicture(below: string, image: ImageDescription, place: TilePlace,
    signal: AbortSignal): Promise<ImageBitmap> {
  const answer = await request(tilePath(below, image, "rgb", place), { signal });
  return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none",
    premultiplyAlpha: "none" });
}
