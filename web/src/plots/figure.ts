import { short, ticks } from "../base/numbers";

/** A finished figure: vector drawing, and the numbers that it shows. */
export interface Figure {
  svg: string;
  head: string[];
  rows: (string | number)[][];
}

export const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

const characterWidth = 6.3;
export const textWidth = (text: string): number => text.length * characterWidth;

export const clipped = (text: string, most = 28): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

export function text(x: number, y: number, words: string,
    options: { anchor?: "start" | "middle" | "end"; turn?: number; bold?: boolean } = {}): string {
  const { anchor = "start", turn, bold } = options;
  const turned = turn ? ` transform="rotate(${turn} ${x} ${y})"` : "";
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}"${turned}${
    bold ? ' font-weight="600"' : ""}>${escape(words)}</text>`;
}

export const fixed = (value: number): string => String(Math.round(value * 100) / 100);

/** The whole drawing. Colours are `currentColor` and given ones, so it fits light and dark. */
export function svg(width: number, height: number, parts: string[], title: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${fixed(width)} ${fixed(height)}" ` +
    `width="${fixed(width)}" height="${fixed(height)}" role="img" aria-label="${escape(title)}" ` +
    `font-family="system-ui, sans-serif" font-size="11" fill="currentColor">` +
    parts.join("") + "</svg>";
}

/** A vertical axis at x from `bottom` up to `top`, for values low to high. */
export function leftAxis(x: number, bottom: number, top: number, low: number, high: number,
    name: string): { parts: string[]; y: (value: number) => number } {
  const y = (value: number) => bottom - ((value - low) / (high - low || 1)) * (bottom - top);
  const parts = [`<path d="M${x} ${top}V${bottom}" stroke="currentColor" fill="none"/>`];
  for (const place of ticks(low, high, 4)) {
    parts.push(`<path d="M${x - 4} ${fixed(y(place))}H${x}" stroke="currentColor"/>`);
    parts.push(text(x - 6, y(place) + 4, short(place), { anchor: "end" }));
  }
  parts.push(text(12, (top + bottom) / 2, name, { anchor: "middle", turn: -90 }));
  return { parts, y };
}

/** A horizontal axis at y from `left` to `right`, for values low to high. */
export function bottomAxis(y: number, left: number, right: number, low: number, high: number,
    name: string): { parts: string[]; x: (value: number) => number } {
  const x = (value: number) => left + ((value - low) / (high - low || 1)) * (right - left);
  const parts = [`<path d="M${left} ${y}H${right}" stroke="currentColor" fill="none"/>`];
  for (const place of ticks(low, high, 6)) {
    parts.push(`<path d="M${fixed(x(place))} ${y}v4" stroke="currentColor"/>`);
    parts.push(text(x(place), y + 15, short(place), { anchor: "middle" }));
  }
  parts.push(text((left + right) / 2, y + 30, name, { anchor: "middle" }));
  return { parts, x };
}
