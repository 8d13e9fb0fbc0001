import { short, ticks } from "../base/numbers";

/** Places and words of an axis. */
export interface Tick {
  at: number;
  words: string;
}

const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
/** Steps of a time axis that people count in. */
const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, second, 2 * second, 5 * second, 10 * second, 15 * second,
  30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour,
  3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number): string => String(value).padStart(2, "0");

/** "22 Nov", "08:50", "08:50:55": what tells one tick from the next. Times are UTC, as the database
 *  has them. */
function timeWords(at: number, step: number): string {
  const time = new Date(at);
  const date = `${time.getUTCDate()} ${months[time.getUTCMonth()]}`;
  if (step >= day) return date;
  if (at % day === 0) return date;
  const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`;
  if (step >= minute) return clock;
  const seconds = `${clock}:${two(time.getUTCSeconds())}`;
  return step >= second ? seconds : `${seconds}.${String(time.getUTCMilliseconds()).padStart(3, "0")}`;
}

/** Ticks at months and years, which are of unequal length. */
function calendarTicks(low: number, high: number, wanted: number): Tick[] {
  const span = (high - low) / (30.44 * day);
  const step = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200].find((one) => span / one <= wanted) ?? 6000;
  const first = new Date(low);
  const places: Tick[] = [];
  let month = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / step) * step;
  for (; places.length <= 2 * wanted; month += step) {
    const at = Date.UTC(Math.floor(month / 12), month % 12);
    if (at > high) break;
    const year = Math.floor(month / 12);
    if (at >= low) places.push({ at, words: month % 12 === 0 ? String(year) : `${months[month % 12]}${
      places.length === 0 ? ` ${year}` : ""}` });
  }
  return places;
}

export function timeTicks(low: number, high: number, wanted: number): Tick[] {
  if (!(high > low)) return [{ at: low, words: timeWords(low, second) }];
  const step = steps.find((one) => (high - low) / one <= wanted);
  if (step === undefined) return calendarTicks(low, high, wanted);
  const places: Tick[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step)
    places.push({ at, words: timeWords(at, step) });
  return places;
}

const suffixes = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const;
/** A number with as many digits as its axis' step needs: 12,500 or 1.25M. */
export function axisNumber(value: number, step = 0): string {
  const size = Math.abs(value);
  const suffix = size >= 1e4 ? suffixes.find(([limit]) => size >= limit) : undefined;
  const shown = suffix ? value / suffix[0] : value;
  const shownStep = suffix ? step / suffix[0] : step;
  const digits = shownStep > 0 ? Math.min(6, Math.max(0, -Math.floor(Math.log10(shownStep) + 1e-9))) : undefined;
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return short(value);
  return shown.toLocaleString("en", digits === undefined ? { maximumSignificantDigits: 4 }
    : { minimumFractionDigits: digits, maximumFractionDigits: digits }) + (suffix?.[1] ?? "");
}

export function numberTicks(low: number, high: number, wanted: number): Tick[] {
  const places = ticks(low, high, wanted);
  const step = places.length > 1 ? places[1] - places[0] : 0;
  return places.map((at) => ({ at, words: axisNumber(at, step) }));
}

/** The range that an axis shows: round ends, zero where it is near or asked for. */
export function rounded(low: number, high: number, wanted: number, fromZero: boolean): [number, number] {
  if (fromZero) [low, high] = [Math.min(0, low), Math.max(0, high)];
  if (low === high) {
    const room = Math.abs(low) * 0.05 || 1;
    return fromZero && low === 0 ? [0, 1] : [low - room, high + room];
  }
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

/** A value as a tooltip and a big number say it. */
export function exact(value: number, unit = ""): string {
  const size = Math.abs(value);
  const digits = size >= 1000 ? 2 : size >= 1 ? 4 : 6;
  const words = size !== 0 && (size < 1e-4 || size >= 1e15) ? short(value)
    : value.toLocaleString("en", { maximumFractionDigits: digits });
  return unit ? `${words} ${unit}` : words;
}

export function exactTime(at: number): string {
  const text = new Date(at).toISOString();
  return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10)
    : text.slice(0, text.endsWith(".000Z") ? 19 : 23).replace("T", " ");
}
