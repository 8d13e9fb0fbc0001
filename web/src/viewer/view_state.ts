import { useEffect, useMemo, useState } from "react";

import type { ImageDescription } from "../client/images";
import { isAway, pictureOf, type RunPicture } from "../client/runs";
import { firstLook, type ImageLook } from "../images/image_look";
import type { Shown } from "../images/image_layer";
import { anyColours } from "./label_colours";

/** The same kind of picture in any run. */
export const kindOf = (picture: RunPicture): string =>
  picture.stage ? `${picture.stage}.${picture.output}` : picture.output;

export const ofItem = (pictures: RunPicture[], item: string): RunPicture[] =>
  pictures.filter((one) => one.item === item || item.startsWith(`${one.item}/`));

/** What is shown at first: what was asked for, else the outlines made last, over what was read. */
export function firstKinds(pictures: RunPicture[], show: string): string[] {
  const asked = pictures.find(({ id }) => id === show);
  const under = pictures.find(({ labels }) => !labels);
  const outlines = pictures.filter(({ labels }) => labels);
  if (asked && !asked.labels) return [kindOf(asked)];
  return [under, asked ?? outlines.find(({ output }) => output.includes("label")) ?? outlines[0]]
    .flatMap((one) => one ? [kindOf(one)] : []);
}

const openedKey = ({ id, mark }: RunPicture) => `${id} ${mark}`;
export const openedOf = (opened: Opened, picture: RunPicture) => opened.images.get(openedKey(picture));

export interface Opened {
  /** By id and mark: see openedOf. */
  images: Map<string, ImageDescription>;
  coming: string[];
  problem: string;
}

/** Descriptions of the pictures that are shown; the server may have to read a file first. */
export function useOpened(run: string, pictures: RunPicture[], kinds: string[]): Opened {
  const [images, setImages] = useState<Map<string, ImageDescription>>(new Map());
  const [problem, setProblem] = useState("");
  const wanted = pictures.filter((one) => kinds.includes(kindOf(one)) && !isAway(one.place));
  const keys = wanted.map(openedKey).join(" ");
  useEffect(() => {
    const leave = new AbortController();
    setProblem("");
    for (const picture of wanted) {
      if (images.has(openedKey(picture))) continue;
      pictureOf(run, picture.id, leave.signal).then((image) => {
        if (!leave.signal.aborted) setImages((now) => new Map(now).set(openedKey(picture),
          { ...image, mark: picture.mark, name: `${kindOf(picture)} ${picture.item}` }));
      }, (failure: Error) => { if (!leave.signal.aborted) setProblem(failure.message); });
    }
    return () => leave.abort();
  }, [run, keys]);
  return { images, problem,
    coming: problem ? [] : wanted.filter((one) => !images.has(openedKey(one))).map(({ name }) => name) };
}

export type Looks = Record<string, ImageLook>;

/** What a pane draws: pictures first, outlines on them. `coloursOf` may colour labels otherwise. */
export function useShown(pictures: RunPicture[], kinds: string[], opened: Opened, looks: Looks,
    coloursOf: (kind: string, largest: number) => Uint32Array | null): Shown[] {
  return useMemo(() => pictures.filter((one) => kinds.includes(kindOf(one)) && !isAway(one.place))
    .sort((one, other) => Number(one.labels) - Number(other.labels))
    .flatMap((picture) => {
      const image = openedOf(opened, picture);
      if (!image) return [];
      const kind = kindOf(picture);
      const look = looks[kind] ?? { ...firstLook(image, [image]), shown: true };
      if (image.content !== "labels") return [{ image, look }];
      const largest = image.channels[0].max;
      return [{ image, look, cellColours: coloursOf(kind, largest) ?? anyColours(largest) }];
    }), [pictures, kinds, opened.images, looks, coloursOf]);
}
