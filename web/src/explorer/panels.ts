import type { FunctionComponent } from "react";

import { CategoriesPanel } from "./categories_panel";
import { ClusterPanel } from "./cluster_panel";
import { ComparePanel } from "./compare_panel";
import { GenesPanel } from "./genes_panel";
import { ImagesPanel } from "../images/images_panel";
import { LabelsPanel } from "./labels_panel";
import { NumbersPanel } from "./numbers_panel";
import { PlotsPanel } from "./plots_panel";
import { SelectionPanel } from "./selection_panel";

/** The Explorer's panels, in their order; one line each. */
export const panels: { name: string; side: "left" | "right"; Panel: FunctionComponent }[] = [
  { name: "selection", side: "left", Panel: SelectionPanel },
  { name: "categories", side: "left", Panel: CategoriesPanel },
  { name: "images", side: "left", Panel: ImagesPanel },
  { name: "labels", side: "left", Panel: LabelsPanel },
  { name: "numbers", side: "left", Panel: NumbersPanel },
  { name: "genes", side: "right", Panel: GenesPanel },
  { name: "compare", side: "right", Panel: ComparePanel },
  { name: "cluster", side: "right", Panel: ClusterPanel },
  { name: "figures", side: "right", Panel: PlotsPanel },
];
