import type { ImageLook } from "../images/image_look";
import type { NumberSource, Selection } from "./selection";

/** Everything that a link restores: what is shown and how, never the data itself. */
export interface View {
  embedding: string;
  /** Which of the embedding's dimensions are drawn; the third only in 3-D. */
  dimensions: number[];
  layer: string;
  colour: Colour | null;
  /** Colours that the reader gave to labels: by column and label. */
  labelColours: Record<string, Record<string, string>>;
  /** "file": the file's own where it has some, else the first of the palettes. */
  labelPalette: string;
  /** Per number source: the ends of its colour range and whether it is logarithmic. */
  scales: Record<string, { low: number; high: number; log: boolean }>;
  palette: string;
  selection: Selection;
  /** Cells that all panels are limited to. */
  subset: Selection;
  groups: { a: Group | null; b: Group | null };
  genes: string[];
  geneSets: GeneSet[];
  gates: { x: string; y: string }[];
  camera: Camera | null;
  /** A second picture of the same cells. */
  beside: Pane | null;
  pointSize: number;
  opacity: number;
  centroids: boolean;
  plot: PlotChoice;
  /** The column by whose labels the picture is split into small ones. */
  splitBy: string | null;
  /** How images are shown, by their id, where it isn't as at first. */
  images: Record<string, ImageLook>;
}

/** What a picture of its own has. */
export type Pane = Pick<View, "embedding" | "dimensions" | "colour" | "camera">;

export type Colour = { by: "category"; column: string } | { by: "number"; source: NumberSource };

/** A set of cells put aside for comparison: the recipe, within the subset it was made in. */
export interface Group {
  name: string;
  selection: Selection;
  subset: Selection;
}

export interface GeneSet {
  name: string;
  description: string;
  genes: string[];
}

/** What of the plane is seen: its centre and the units across the shorter side; angles in 3-D. */
export interface Camera {
  x: number;
  y: number;
  span: number;
  yaw: number;
  pitch: number;
}

export interface PlotChoice {
  kind: "none" | "violin" | "dots" | "heat map" | "composition" | "genes";
  groupBy: string | null;
  splitBy: string | null;
}

export const firstView: View = {
  embedding: "", dimensions: [0, 1], layer: "X", colour: null, labelColours: {},
  labelPalette: "file", scales: {}, palette: "viridis", selection: [], subset: [],
  groups: { a: null, b: null }, genes: [], geneSets: [], gates: [], camera: null, beside: null,
  pointSize: 1, opacity: 0.9, centroids: false,
  plot: { kind: "none", groupBy: null, splitBy: null }, splitBy: null, images: {},
};
