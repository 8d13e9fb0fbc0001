import { pack } from "../base/colour";
import type { LabelDifference } from "../client/runs";

/** Hues that lie far apart for neighbouring numbers, as bright as each other. */
function colourOf(label: number): number {
  const hue = (label * 0.6180339887498949) % 1 * 6;
  const ramp = (shift: number) => {
    const at = Math.abs(((hue + shift) % 6) - 3) - 1;
    return Math.round(70 + 185 * Math.min(1, Math.max(0, at)));
  };
  return ((255 << 24) | (ramp(2) << 16) | (ramp(4) << 8) | ramp(0)) >>> 0;
}

const labelsMax = 1 << 24;

/** A colour for each label from 0 on. */
export function anyColours(largest: number): Uint32Array {
  const made = new Uint32Array(Math.min(labelsMax, largest + 1));
  for (let label = 1; label < made.length; label++) made[label] = colourOf(label);
  return made;
}

/** The same with some of them white. */
export function chosenColours(largest: number, chosen: number[]): Uint32Array {
  const made = anyColours(largest);
  for (const label of chosen) if (label < made.length) made[label] = 0xffffffff;
  return made;
}

const faint = (pack("#9aa6b5") & 0xffffff) | (90 << 24);
export const changedColour = "#ffb000";
export const onlyColour = "#ff4d6d";

/** What is the same is faint; what has another border, and what the other side lacks, stands out. */
export function differenceColours(largest: number, found: LabelDifference, side: "here" | "there"):
    Uint32Array {
  const made = new Uint32Array(Math.min(labelsMax, largest + 1)).fill(faint >>> 0);
  made[0] = 0;
  for (const label of found[`changed_${side}`]) made[label] = pack(changedColour) >>> 0;
  for (const label of found[`only_${side}`]) made[label] = pack(onlyColour) >>> 0;
  return made;
}
