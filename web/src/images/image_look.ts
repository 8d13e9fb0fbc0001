import type { ImageDescription } from "../client/images";

/** How an image is shown; a part of the view, so a link restores it. */
export interface ImageLook {
  shown: boolean;
  opacity: number;
  channels: { on: boolean; colour: string; low: number; high: number }[];
}

const firstChannels = 4;

/** The first picture and the first outlines of an embedding are shown from the start. */
export function firstLook(image: ImageDescription, all: ImageDescription[]): ImageLook {
  const alike = all.filter((one) => one.embedding === image.embedding &&
    (one.content === "labels") === (image.content === "labels"));
  return {
    shown: alike[0]?.id === image.id, opacity: 1,
    channels: image.channels.map(({ color, low, high }, at) =>
      ({ on: at < firstChannels, colour: color, low, high })),
  };
}

export const lookOf = (looks: Record<string, ImageLook>, image: ImageDescription,
    all: ImageDescription[]): ImageLook => looks[image.id] ?? firstLook(image, all);

/** Micrometres across one unit of the embedding's plane; undefined where the file didn't say. */
export function micrometresPerUnit(image: ImageDescription | undefined): number | undefined {
  if (!image?.micrometres_x) return undefined;
  const [a, , , d] = image.transform;
  return image.micrometres_x / Math.hypot(a, d);
}

/** A round length of about `wanted`: 1, 2 or 5 times a power of ten. */
export function roundLength(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [5, 2, 1].map((times) => times * power).find((length) => length <= wanted) ?? power;
}
