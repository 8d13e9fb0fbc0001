import { css, palette } from "../base/colour";
import { save, saveText } from "../base/files";
import { short } from "../base/numbers";
import type { Point } from "../base/polygon";
import { escape, fixed, svg, text } from "../plots/figure";
import type { Colouring } from "./colouring";

export const fileName = (...parts: string[]): string =>
  parts.join(" ").trim().replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80);

/** The canvas with its legend beside it, as a PNG. */
export function saveScatterPng(canvas: HTMLCanvasElement, painted: Colouring | undefined,
    title: string): void {
  const ratio = canvas.width / Math.max(1, canvas.clientWidth);
  const legendWidth = painted && painted.by !== "nothing" ? 220 * ratio : 0;
  const page = document.createElement("canvas");
  page.width = canvas.width + legendWidth;
  page.height = canvas.height;
  const draw = page.getContext("2d");
  if (!draw) return;
  const styles = getComputedStyle(document.documentElement);
  draw.fillStyle = styles.getPropertyValue("--ground");
  draw.fillRect(0, 0, page.width, page.height);
  for (const { under, opacity } of imagesUnder(canvas)) {
    draw.globalAlpha = opacity;
    draw.drawImage(under, 0, 0);
    draw.globalAlpha = 1;
  }
  draw.drawImage(canvas, 0, 0);
  if (painted && painted.by !== "nothing")
    drawLegend(draw, painted, canvas.width + 12 * ratio, ratio, styles.getPropertyValue("--ink"));
  page.toBlob((blob) => blob && save(`${fileName(title)}.png`, blob), "image/png");
}

function drawLegend(draw: CanvasRenderingContext2D, painted: Exclude<Colouring, { by: "nothing" }>,
    left: number, ratio: number, ink: string): void {
  const line = 18 * ratio;
  draw.font = `${12 * ratio}px system-ui, sans-serif`;
  draw.textBaseline = "middle";
  draw.fillStyle = ink;
  draw.fillText(painted.name, left, line);
  if (painted.by === "number") {
    const table = palette(painted.scale.palette);
    for (let at = 0; at < 256; at++) {
      draw.fillStyle = css(table[at]);
      draw.fillRect(left + (at * 180 * ratio) / 256, line * 1.6, ratio, line * 0.7);
    }
    draw.fillStyle = ink;
    draw.fillText(short(painted.scale.low), left, line * 3);
    const high = short(painted.scale.high);
    draw.fillText(high, left + 180 * ratio - draw.measureText(high).width, line * 3);
    return;
  }
  const most = Math.floor((draw.canvas.height - line * 2) / line);
  painted.labels.slice(0, most).forEach((label, at) => {
    draw.fillStyle = painted.labelColours[at];
    draw.fillRect(left, line * (at + 1.75), line * 0.6, line * 0.6);
    draw.fillStyle = ink;
    draw.fillText(label, left + line, line * (at + 2.05));
  });
}

/** A picture of the cells as it lies on the screen. */
export interface ScatterSvg {
  width: number;
  height: number;
  canvas: HTMLCanvasElement;
  /** Turned in three dimensions: its points have no places on the screen that one could list. */
  solid: boolean;
  names: { label: string; at: Point }[];
  radius: number;
  opacity: number;
  /** Those behind have no colour. */
  cells: () => { at: Point; colour: number | null }[];
}

/** The images under the cells, as they lie on the screen, the lowest first. */
const imagesUnder = (canvas: HTMLCanvasElement): { under: HTMLCanvasElement; opacity: number }[] =>
  Array.from(canvas.parentElement?.querySelectorAll<HTMLCanvasElement>(".image-canvas") ?? [],
    (under) => ({ under, opacity: Number(under.style.opacity || 1) }));

/** More points than this make a drawing that no program opens in good time: they are a picture in
 *  the drawing, and words and legend remain vectors. */
const pointsMost = 50_000;

function pointsOf(drawing: ScatterSvg, behind: string): string {
  const cells = drawing.solid ? [] : drawing.cells();
  if (drawing.solid || cells.length > pointsMost)
    return `<image width="${fixed(drawing.width)}" height="${fixed(drawing.height)}" href="${
      drawing.canvas.toDataURL("image/png")}"/>`;
  // One path a colour keeps the file small: a line of no length with round ends is a point.
  const paths = new Map<string, string[]>();
  for (const { at, colour } of cells) {
    const name = colour === null ? "" : css(colour);
    const places = paths.get(name) ?? [];
    paths.set(name, places);
    places.push(`M${fixed(at[0])} ${fixed(at[1])}h0`);
  }
  return [...paths].map(([colour, places]) => `<path d="${places.join("")}" stroke="${
    colour || behind}" stroke-width="${fixed(drawing.radius * (colour ? 2 : 1.2))}" stroke-opacity="${
    drawing.opacity}" stroke-linecap="round" fill="none"/>`).join("");
}

function legendOf(painted: Colouring | undefined, left: number): { parts: string[]; height: number } {
  if (!painted || painted.by === "nothing") return { parts: [], height: 0 };
  const parts = [text(left, 20, painted.name, { bold: true })];
  if (painted.by === "number") {
    const table = palette(painted.scale.palette);
    for (let at = 0; at < 64; at++)
      parts.push(`<rect x="${fixed(left + at * 2.5)}" y="30" width="2.700" height="12" fill="${
        css(table[Math.round((at / 63) * 255)])}"/>`);
    parts.push(text(left, 56, short(painted.scale.low)),
      text(left + 160, 56, short(painted.scale.high), { anchor: "end" }));
    return { parts, height: 70 };
  }
  painted.labels.forEach((label, at) => parts.push(`<circle cx="${left + 5}" cy="${
    35 + at * 17}" r="5" fill="${painted.labelColours[at]}"/>`, text(left + 16, 39 + at * 17, label)));
  return { parts, height: 50 + painted.labels.length * 17 };
}

/** The picture with its words and legend as vectors. */
export function saveScatterSvg(drawing: ScatterSvg, painted: Colouring | undefined,
    title: string): void {
  const styles = getComputedStyle(document.documentElement);
  const [ground, ink, behind] = ["--ground", "--ink", "--behind"].map((name) =>
    styles.getPropertyValue(name).trim());
  const legend = legendOf(painted, drawing.width + 16);
  const width = drawing.width + (legend.height > 0 ? 220 : 0);
  const height = Math.max(drawing.height, legend.height);
  const names = drawing.names.map(({ label, at }) => `<text x="${fixed(at[0])}" y="${
    fixed(at[1])}" text-anchor="middle" font-weight="600" paint-order="stroke" stroke="${
    ground}" stroke-width="3">${escape(label)}</text>`);
  const images = imagesUnder(drawing.canvas).map(({ under, opacity }) =>
    `<image width="${fixed(drawing.width)}" height="${fixed(drawing.height)}" opacity="${
      opacity}" href="${under.toDataURL("image/png")}"/>`);
  saveText(`${fileName(title)}.svg`, svg(width, height, [
    `<rect width="${fixed(width)}" height="${fixed(height)}" fill="${ground}"/>`,
    ...images, pointsOf(drawing, behind), ...names, ...legend.parts], title)
    .replaceAll("currentColor", ink), "image/svg+xml");
}
