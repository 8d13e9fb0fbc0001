import { percent } from "../base/numbers";
import { clipped, escape, type Figure, fixed, svg, text, textWidth } from "./figure";

/** A bar a group, split by the labels of another column: shares of the cells, 0 to 100 %. */
export function composition(groups: string[], labels: string[], colours: string[],
    counts: (group: number, label: number) => number): Figure {
  const left = 16 + Math.max(40, ...groups.map((name) => textWidth(clipped(name))));
  const [width, height, top] = [420, 22, 14];
  const parts: string[] = [];
  const rows: (string | number)[][] = [];
  groups.forEach((name, group) => {
    const total = labels.reduce((sum, _, label) => sum + counts(group, label), 0);
    parts.push(text(left - 8, top + group * height + 14, clipped(name), { anchor: "end" }));
    let from = 0;
    labels.forEach((label, at) => {
      const cells = counts(group, at);
      rows.push([name, label, cells, total > 0 ? cells / total : Number.NaN]);
      if (cells === 0) return;
      const share = cells / total;
      parts.push(`<rect x="${fixed(left + from * width)}" y="${top + group * height}" width="${
        fixed(share * width)}" height="${height - 5}" fill="${colours[at]}"><title>${escape(name)}, ${
        escape(label)}: ${cells} of ${total} (${percent(share)})</title></rect>`);
      from += share;
    });
    parts.push(text(left + width + 6, top + group * height + 14, String(total)));
  });
  const bottom = top + groups.length * height;
  for (const share of [0, 0.25, 0.5, 0.75, 1])
    parts.push(text(left + share * width, bottom + 12, `${share * 100} %`, { anchor: "middle" }));
  labels.forEach((label, at) => parts.push(
    `<rect x="${left + (at % 3) * 150}" y="${bottom + 26 + Math.floor(at / 3) * 16}" width="10" height="10" fill="${colours[at]}"/>`,
    text(left + (at % 3) * 150 + 15, bottom + 35 + Math.floor(at / 3) * 16, clipped(label, 20))));
  return { svg: svg(left + Math.max(width, 450) + 70, bottom + 50 + Math.ceil(labels.length / 3) * 16, parts,
    "Composition"), head: ["group", "label", "cells", "share"], rows };
}
