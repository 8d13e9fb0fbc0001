import { pack } from "../base/colour";

const unselectedAlpha = 70;
const strange = (pack("#808080") & 0xffffff) | (unselectedAlpha << 24);

/** The colour of each label: its cell's, fainter where that isn't selected, none where it is out of
 *  the subset. */
export function labelColours(rows: Int32Array, colours: Uint32Array, world: Uint8Array | null,
    selected: Uint8Array | null): Uint32Array {
  const made = new Uint32Array(rows.length);
  for (let label = 1; label < rows.length; label++) {
    const row = rows[label];
    if (row < 0) made[label] = strange;
    else if (!world || world[row] !== 0) {
      const alpha = selected && selected[row] === 0 ? unselectedAlpha : 255;
      made[label] = ((colours[row] & 0xffffff) | (alpha << 24)) >>> 0;
    }
  }
  return made;
}
