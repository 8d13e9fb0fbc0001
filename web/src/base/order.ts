/** Labels as people order them: numbers by value, then words regardless of case. */
const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export const byName = (left: string, right: string): number => natural.compare(left, right);

/** A fixed shuffle of 0 … length-1, so that any first part of it is a fair sample. */
export function shuffled(length: number): Uint32Array {
  const order = new Uint32Array(length);
  for (let at = 0; at < length; at++) order[at] = at;
  let state = 0x9e3779b9;
  for (let at = length - 1; at > 0; at--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (at + 1);
    const kept = order[at];
    order[at] = order[other];
    order[other] = kept;
  }
  return order;
}
