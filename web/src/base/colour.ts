/** Colours as packed 0xAABBGGRR (what a little-endian RGBA8 buffer holds) and as CSS text. */

export type Packed = number;

export function pack(css: string): Packed {
  const hex = css.replace("#", "");
  const full = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
  const value = Number.parseInt(full.slice(0, 6), 16);
  return ((0xff << 24) | ((value & 0xff) << 16) | (value & 0xff00) | (value >>> 16)) >>> 0;
}

export function css(packed: Packed): string {
  const channels = [packed & 0xff, (packed >>> 8) & 0xff, (packed >>> 16) & 0xff];
  return "#" + channels.map((channel) => channel.toString(16).padStart(2, "0")).join("");
}

/** Twelve hues that stay apart under the common colour blindnesses (Okabe-Ito, then darker and
 *  lighter steps of the same hues), repeated with changed lightness beyond. */
const safe = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7b00", "#7b52ab",
  "#3d9970", "#a05a2c", "#5f6b7a", "#e377a2", "#1b5e91", "#f3c14b", "#5cc8a6", "#95447c",
  "#9bd3f4", "#9c3d00", "#c4b11d", "#b39bd6",
];

/** Palettes of labels. "colour-blind safe" is the one where nothing else is said. */
const categorical: Record<string, string[]> = {
  "colour-blind safe": safe,
  vivid: ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#00a3a3", "#c9a800", "#f032e6",
    "#9a6324", "#808000", "#000075", "#fa7a8c", "#46c7f0", "#6b8e23", "#7f3fbf", "#b8860b"],
  soft: ["#7fa8d1", "#f2b277", "#8cc5a0", "#e39a9a", "#b7a6d8", "#c7b08a", "#eab5d3", "#9fb3b8",
    "#d4cf7a", "#8fd0d6", "#d6a184", "#a3c585"],
};
export const labelPaletteNames = Object.keys(categorical);

/** The colour of the n-th label where the file brings none. */
export function categoryColour(index: number, name = "colour-blind safe"): string {
  const colours = categorical[name] ?? safe;
  const base = colours[index % colours.length];
  const round = Math.floor(index / colours.length);
  return round === 0 ? base : shade(base, round % 2 === 1 ? 0.28 : -0.28);
}

function shade(colour: string, amount: number): string {
  const value = Number.parseInt(colour.slice(1), 16);
  const mixed = [value >> 16, (value >> 8) & 255, value & 255].map((channel) =>
    Math.round(amount > 0 ? channel + (255 - channel) * amount : channel * (1 + amount)));
  return "#" + mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("");
}

/** Control points of the continuous palettes, from low to high. */
const continuous: Record<string, string[]> = {
  viridis: ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779",
    "#6ece58", "#b5de2b", "#fde725"],
  magma: ["#000004", "#180f3d", "#440f76", "#721f81", "#9e2f7f", "#cd4071", "#f1605d",
    "#fd9668", "#feca8d", "#fcfdbf"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74",
    "#c3b369", "#e1cc55", "#fee838"],
  blues: ["#dfe9f5", "#c1d9ed", "#97c3df", "#6aaad2", "#4190c4", "#2274b1", "#0d579b",
    "#08306b"],
  reds: ["#eeeeee", "#fcd5c2", "#fcab8f", "#fc8060", "#f5553d", "#d92723", "#aa1016", "#67000d"],
  "blue-red": ["#2166ac", "#4a93c3", "#92c5de", "#d8e8f0", "#f2f2f2", "#fbdcc9", "#f4a582",
    "#d6604d", "#b2182b"],
};

export const paletteNames = Object.keys(continuous);

/** 256 packed colours from low to high. */
export function palette(name: string): Uint32Array {
  const stops = continuous[name] ?? continuous.viridis;
  const table = new Uint32Array(256);
  for (let at = 0; at < 256; at++) {
    const place = (at / 255) * (stops.length - 1);
    const left = Math.min(Math.floor(place), stops.length - 2);
    table[at] = mix(pack(stops[left]), pack(stops[left + 1]), place - left);
  }
  return table;
}

function mix(left: Packed, right: Packed, share: number): Packed {
  let mixed = 0xff << 24;
  for (const shift of [0, 8, 16]) {
    const from = (left >>> shift) & 255;
    const to = (right >>> shift) & 255;
    mixed |= Math.round(from + (to - from) * share) << shift;
  }
  return mixed >>> 0;
}

export interface NumberScale {
  low: number;
  high: number;
  log: boolean;
  palette: string;
}

/** Where a value lies on a scale, 0 to 1; outside it is clipped. Missing gives NaN. */
export function position(scale: NumberScale, value: number): number {
  if (!Number.isFinite(value)) return Number.NaN;
  const squash = scale.log ? (x: number) => Math.log1p(Math.max(0, x)) : (x: number) => x;
  const low = squash(scale.low);
  const high = squash(scale.high);
  if (high <= low) return value > scale.low ? 1 : 0;
  return Math.min(1, Math.max(0, (squash(value) - low) / (high - low)));
}
