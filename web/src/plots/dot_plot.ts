import { css, palette } from "../base/colour";
import { short } from "../base/numbers";
import { clipped, type Figure, fixed, svg, text, textWidth } from "./figure";
import type { GroupSummary } from "./groups";

export interface GeneByGroup {
  genes: string[];
  groups: string[];
  /** Gene by gene, group by group. */
  summaries: GroupSummary[][];
}

const dark = (table: Uint32Array, share: number) => css(table[Math.round(share * 255)]);

/** Size is the share of cells above zero, colour the mean over all cells of the group. */
export function dotPlot(data: GeneByGroup, paletteName: string): Figure {
  const table = palette(paletteName);
  const cell = 22;
  const left = 16 + Math.max(40, ...data.groups.map((name) => textWidth(clipped(name))));
  const top = 12;
  const bottom = top + data.groups.length * cell;
  const most = Math.max(...data.summaries.flat().map((one) => (Number.isFinite(one.mean) ? one.mean : 0)), 1e-12);
  const parts: string[] = [];
  data.groups.forEach((group, row) =>
    parts.push(text(left - 8, top + row * cell + 15, clipped(group), { anchor: "end" })));
  data.genes.forEach((gene, column) => {
    const x = left + column * cell + cell / 2;
    parts.push(text(x + 4, bottom + 12, gene, { anchor: "end", turn: -50 }));
    data.summaries[column].forEach((one, row) => {
      if (!(one.expressing > 0)) return;
      parts.push(`<circle cx="${fixed(x)}" cy="${top + row * cell + 11}" r="${
        fixed(1 + 9 * Math.sqrt(one.expressing))}" fill="${dark(table, Math.max(0, one.mean) / most)}">` +
        `<title>${gene} in ${group(data, row)}: mean ${short(one.mean)}, ${
          short(one.expressing * 100)} % of ${one.cells} cells</title></circle>`);
    });
  });
  const right = left + data.genes.length * cell + 24;
  parts.push(...sizeKey(right, top), ...colourKey(right, top + 90, table, most));
  return { svg: svg(right + 130, Math.max(bottom + 90, 200), parts, "Expression by group"),
    head: ["gene", "group", "cells", "mean", "share_above_zero"], rows: rowsOf(data) };
}

/** A field a gene and group, coloured by the mean, each gene scaled to its own greatest mean. */
export function heatMap(data: GeneByGroup, paletteName: string): Figure {
  const table = palette(paletteName);
  const [width, height] = [26, 18];
  const left = 16 + Math.max(40, ...data.genes.map((name) => textWidth(clipped(name))));
  const parts: string[] = [];
  data.genes.forEach((gene, row) => {
    const means = data.summaries[row].map((one) => (Number.isFinite(one.mean) ? one.mean : 0));
    const [low, high] = [Math.min(...means), Math.max(...means)];
    parts.push(text(left - 6, 12 + row * height + 13, clipped(gene), { anchor: "end" }));
    means.forEach((mean, column) => parts.push(
      `<rect x="${left + column * width}" y="${12 + row * height}" width="${width - 1}" height="${
        height - 1}" fill="${dark(table, high > low ? (mean - low) / (high - low) : 0)}"><title>${
        gene} in ${group(data, column)}: mean ${short(mean)}</title></rect>`));
  });
  const bottom = 12 + data.genes.length * height;
  data.groups.forEach((name, column) => parts.push(
    text(left + column * width + width / 2 + 4, bottom + 12, clipped(name), { anchor: "end", turn: -50 })));
  parts.push(text(left, bottom + 120, "each gene from its lowest to its highest mean"));
  return { svg: svg(left + Math.max(data.groups.length * width, 260) + 20, bottom + 130, parts,
    "Mean expression by group"), head: ["gene", "group", "cells", "mean", "share_above_zero"],
    rows: rowsOf(data) };
}

const group = (data: GeneByGroup, at: number) => data.groups[at].replaceAll("<", "‹").replaceAll("&", "+");

const rowsOf = (data: GeneByGroup): (string | number)[][] =>
  data.genes.flatMap((gene, column) => data.groups.map((name, row) => {
    const one = data.summaries[column][row];
    return [gene, name, one.cells, one.mean, one.expressing];
  }));

function sizeKey(x: number, y: number): string[] {
  return [text(x, y + 4, "share above 0", { bold: true }), ...[0.1, 0.25, 0.5, 1].flatMap((share, at) => [
    `<circle cx="${x + 12 + at * 26}" cy="${y + 24}" r="${fixed(1 + 9 * Math.sqrt(share))}" fill="none" stroke="currentColor"/>`,
    text(x + 12 + at * 26, y + 48, `${share * 100} %`, { anchor: "middle" })])];
}

function colourKey(x: number, y: number, table: Uint32Array, most: number): string[] {
  return [text(x, y, "mean", { bold: true }), ...Array.from({ length: 20 }, (_, at) =>
    `<rect x="${x + at * 5}" y="${y + 6}" width="5.500" height="10" fill="${dark(table, at / 19)}"/>`),
    text(x, y + 30, "0"), text(x + 100, y + 30, short(most), { anchor: "end" })];
}
