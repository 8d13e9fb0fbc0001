/** Numbers as people read them, and the few statistics that panels need at once. */

export type NumberArray = Float32Array | Float64Array | Int32Array;

const groups = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const count = (value: number): string => groups.format(value);

/** Three significant digits; powers of ten outside 0.001 … 99,999. */
export function short(value: number): string {
  if (Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (size < 1e-3 || size >= 1e5) return value.toExponential(1).replace("e+", "e");
  if (Number.isInteger(value)) return groups.format(value);
  return String(Number(value.toPrecision(3)));
}

export const percent = (share: number): string =>
  Number.isFinite(share) ? `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %` : "–";

export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (size >= 1000 && at < units.length - 1) {
    size /= 1000;
    at++;
  }
  return `${at === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[at]}`;
}

/** Least and greatest finite value, of the cells that `mask` keeps; null where there are none. */
export function extent(values: NumberArray, mask?: Uint8Array | null): [number, number] | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < values.length; at++) {
    if (mask && mask[at] === 0) continue;
    const value = values[at];
    if (value < low && value > Number.NEGATIVE_INFINITY) low = value;
    if (value > high && value < Number.POSITIVE_INFINITY) high = value;
  }
  return high < low ? null : [low, high];
}

/** The finite values of the cells that `mask` keeps, rising. */
export function sorted(values: NumberArray, mask?: Uint8Array | null): Float64Array {
  const kept = new Float64Array(values.length);
  let length = 0;
  for (let at = 0; at < values.length; at++)
    if ((!mask || mask[at] !== 0) && Number.isFinite(values[at])) kept[length++] = values[at];
  return kept.subarray(0, length).sort();
}

/** Quantile of sorted values, between neighbours linear (R's type 7). */
export function quantile(rising: ArrayLike<number>, share: number): number {
  if (rising.length === 0) return Number.NaN;
  const place = share * (rising.length - 1);
  const left = Math.floor(place);
  const right = Math.min(left + 1, rising.length - 1);
  return rising[left] + (rising[right] - rising[left]) * (place - left);
}

/** Round places of an axis: about `wanted` of them, in steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, wanted = 5): number[] {
  if (!(high > low)) return Number.isFinite(low) ? [low] : [];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const places: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step)
    places.push(Number(at.toPrecision(12)));
  return places;
}
