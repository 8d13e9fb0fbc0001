import { css, palette } from "../base/colour";
import { save } from "../base/files";
import { short } from "../base/numbers";
import type { Colouring } from "./colouring";

/** A table as CSV (RFC 4180). */
export function csv(head: string[], rows: (string | number)[][]): string {
  const field = (value: string | number) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [head, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

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
  for (const under of canvas.parentElement?.querySelectorAll<HTMLCanvasElement>(".image-canvas") ?? []) {
    draw.globalAlpha = Number(under.style.opacity || 1);
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
