import { short } from "../base/numbers";
import type { Point } from "../base/polygon";
import type { Screen } from "./camera";
import type { Colouring } from "./colouring";
import { useSession } from "./session";
import type { View } from "./view";

const genesShown = 5;
/** Beyond, the ids of all cells are too much to fetch for a glance. */
const idsMost = 300_000;

/** What is known at once of the cell under the pointer. */
export function Tooltip({ cell, at, screen, view, painted }: {
  cell: number; at: Point; screen: Screen; view: View; painted: Colouring | undefined;
}) {
  const { store } = useSession();
  const ids = store.cells <= idsMost ? store.obs("cell_id") : undefined;
  const id = ids?.kind === "text" ? ids.values[cell] : ids?.kind === "category"
    ? ids.labels[ids.codes[cell]] : null;
  const lines: [string, string][] = [];
  if (painted?.by === "category")
    lines.push([painted.name, painted.codes[cell] < 0 ? "–" : painted.labels[painted.codes[cell]]]);
  if (painted?.by === "number") lines.push([painted.name, short(painted.values[cell])]);
  for (const gene of view.genes.slice(0, genesShown)) {
    const column = painted?.by === "number" && gene === painted.name ? undefined
      : store.numbers({ from: "gene", gene, layer: view.layer });
    if (column) lines.push([gene, short(column.values[cell])]);
  }
  const axes = store.embedding(view.embedding);
  const unit = store.schema.embeddings.find((embedding) => embedding.name === view.embedding)?.unit;
  if (axes)
    lines.push([view.embedding, view.dimensions.map((axis) => short(axes[axis][cell])).join(", ") +
      (unit ? ` ${unit}` : "")]);
  // On the side of the pointer where there is room.
  const side = at[0] > screen.width / 2 ? { right: screen.width - at[0] + 12 } : { left: at[0] + 12 };
  const end = at[1] > screen.height / 2 ? { bottom: screen.height - at[1] + 12 } : { top: at[1] + 12 };
  return <dl className="tooltip" style={{ ...side, ...end }}>
    <dt>cell</dt><dd>{id ?? cell}</dd>
    {lines.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{value}</dd>])}
  </dl>;
}
