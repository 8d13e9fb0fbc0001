import { clipped, type Figure, fixed, leftAxis, svg, text } from "./figure";
import { density, summary } from "./groups";

export interface ViolinGroup {
  name: string;
  colour: string;
  rising: Float64Array;
}

/** A violin a group: density to both sides, box from quartile to quartile, bar at the median. */
export function violin(name: string, groups: ViolinGroup[]): Figure {
  const filled = groups.filter((group) => group.rising.length > 0);
  const low = Math.min(...filled.map((group) => group.rising[0]), 0);
  const high = Math.max(...filled.map((group) => group.rising[group.rising.length - 1]));
  const [left, top, bottom, step] = [56, 12, 250, 46];
  const axis = leftAxis(left, bottom, top, low, high, name);
  const parts = [...axis.parts];
  filled.forEach((group, at) => {
    const middle = left + step * (at + 0.5) + 4;
    parts.push(shape(group, middle, step * 0.44, low, high, axis.y));
    parts.push(text(middle, bottom + 14, `${clipped(group.name)} (${group.rising.length})`,
      { anchor: "end", turn: -40 }));
  });
  const rows = filled.map((group) => {
    const { cells, mean, median, lower, upper, expressing } = summary(group.rising);
    return [group.name, cells, mean, median, lower, upper, expressing];
  });
  return { svg: svg(left + step * filled.length + 20, bottom + 130, parts, `${name} by group`),
    head: ["group", "cells", "mean", "median", "quartile_1", "quartile_3", "share_above_zero"], rows };
}

function shape(group: ViolinGroup, middle: number, half: number, low: number, high: number,
    y: (value: number) => number): string {
  const places = 64;
  const curve = density(group.rising, low, high, places);
  const widest = Math.max(...curve) || 1;
  const first = group.rising[0];
  const last = group.rising[group.rising.length - 1];
  const side = (sign: 1 | -1) => [...curve].map((value, at): [number, number, boolean] => {
    const place = low + ((high - low) * at) / (places - 1);
    const margin = (high - low) / places;
    return [middle + sign * (value / widest) * half, y(place),
      place >= first - margin && place <= last + margin];
  }).filter(([, , kept]) => kept).map(([x, down]) => `${fixed(x)} ${fixed(down)}`);
  const { median, lower, upper } = summary(group.rising);
  const outline = [...side(1), ...side(-1).reverse()];
  return (outline.length > 2 ? `<path d="M${outline.join("L")}Z" fill="${group.colour}" fill-opacity="0.75" stroke="${
    group.colour}"/>` : "") +
    `<path d="M${fixed(middle)} ${fixed(y(lower))}V${fixed(y(upper))}" stroke="#222" stroke-width="5" stroke-opacity="0.6"/>` +
    `<circle cx="${fixed(middle)}" cy="${fixed(y(median))}" r="2.600" fill="#fff"/>`;
}
