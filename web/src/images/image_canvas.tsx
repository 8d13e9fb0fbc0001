import { type RefObject, useEffect, useMemo, useRef, useState } from "react";

import { type ImageDescription, imagesBelow } from "../client/images";
import { count } from "../base/numbers";
import type { Colouring } from "../explorer/colouring";
import type { Screen } from "../explorer/camera";
import { useSession } from "../explorer/session";
import type { Camera } from "../explorer/view";
import { Notice } from "../widgets/controls";
import { labelColours } from "./cell_colours";
import { ImageLayer, type Shown } from "./image_layer";
import { lookOf, micrometresPerUnit, roundLength } from "./image_look";

/** The images that lie under this embedding, the pictures below the outlines. */
export function useImages(embedding: string): ImageDescription[] {
  const { store } = useSession();
  const all = store.schema.images;
  return useMemo(() => all.filter((image) => image.embedding === embedding)
    .sort((one, other) => Number(one.content === "labels") - Number(other.content === "labels")),
    [all, embedding]);
}

/** The pictures under the cells. */
export function ImageCanvas({ images, camera, screen, painted, layer }: {
  images: ImageDescription[]; camera: Camera | null; screen: Screen; painted: Colouring | undefined;
  layer: RefObject<ImageLayer | null>;
}) {
  const { session, view, store } = useSession();
  const [world, selected] = [session.world(), session.selected()];
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame, setFrame] = useState<Parameters<NonNullable<ImageLayer["onDrawn"]>>[0] | null>(null);
  const [problem, setProblem] = useState("");
  const shown = useMemo<Shown[]>(() => images.flatMap((image) => {
    const look = lookOf(view.images, image, store.schema.images);
    if (!look.shown) return [];
    if (image.content !== "labels") return [{ image, look }];
    const rows = store.cellsOfLabels(image);
    const cellColours = rows && painted &&
      labelColours(rows, painted.colours, world, selected);
    return [{ image, look, cellColours }];
  }), [images, view.images, store, store.version(), painted, world, selected]);
  useEffect(() => {
    if (!canvas.current) return undefined;
    try {
      layer.current = new ImageLayer(canvas.current, imagesBelow(store.schema.revision));
      layer.current.onDrawn = setFrame;
    } catch (failure) {
      setProblem(String(failure instanceof Error ? failure.message : failure));
    }
    return () => {
      layer.current?.destroy();
      layer.current = null;
    };
  }, [layer, store]);
  useEffect(() => {
    layer.current?.setShown(shown);
  }, [shown, layer]);
  useEffect(() => {
    if (camera && screen.width > 0)
      layer.current?.setCamera(camera, screen, window.devicePixelRatio || 1);
  }, [camera, screen, layer]);
  const opacity = shown.find(({ image }) => image.content !== "labels")?.look.opacity ?? 1;
  return <>
    <canvas ref={canvas} className="image-canvas" style={{ opacity }} role="img"
      data-missing={frame?.shown === shown && frame.camera === camera ? frame.missing : -1} aria-label={shown.map(({ image }) => image.name).join(", ") || "No image"} />
    {problem && <Notice kind="error">{problem}</Notice>}
  </>;
}

/** A bar of a round length in real units. */
export function ScaleBar({ image, camera, screen }: {
  image: ImageDescription | undefined; camera: Camera | null; screen: Screen;
}) {
  const micrometres = micrometresPerUnit(image);
  if (!micrometres || !camera || screen.width === 0) return null;
  const perPixel = (micrometres * camera.span) / Math.min(screen.width, screen.height);
  const length = roundLength(perPixel * 140);
  const text = length >= 1000 ? `${count(length / 1000)} mm`
    : length >= 1 ? `${count(length)} µm` : `${count(length * 1000)} nm`;
  return <div className="scale-bar" style={{ width: length / perPixel }}>{text}</div>;
}
