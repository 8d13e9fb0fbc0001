import { useMemo } from "react";

import type { CellStore } from "./cell_store";
import { colouring, type Colouring } from "./colouring";
import type { View } from "./view";

/** The colours of all cells, worked out anew only when their column or what is said of it changed,
 *  not whenever something else has come. Undefined while the column is still coming. */
export function useColouring(view: View, store: CellStore): Colouring | undefined {
  const { colour } = view;
  const column = !colour ? null : colour.by === "category" ? store.category(colour.column)
    : store.numbers(colour.source);
  return useMemo(() => column === undefined ? undefined : colouring(view, store),
    [column, colour, view.scales, view.palette, view.labelColours, view.labelPalette, store]);
}
