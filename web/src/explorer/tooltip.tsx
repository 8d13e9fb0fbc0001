import { short } from "../base/numbers";
import type { Point } from "../base/polygon";
import type { Colouring } from "./colouring";
import { useSession } from "./session";

/** What is known at once of the cell under the pointer. */
export function Tooltip({ cell, at, painted }: {
  cell: number; at: Point; painted: Colouring | undefined;
}) {
  const { store, view } = useSession();
  const lines: [string, string][] = [];
  if (painted?.by === "category")
    lines.push([painted.name, painted.codes[cell] < 0 ? "–" : painted.labels[painted.codes[cell]]]);
  if (painted?.by === "number") lines.push([painted.name, short(painted.values[cell])]);
  const axes = store.embedding(view.embedding);
  const unit = store.schema.embeddings.find((embedding) => embedding.name === view.embedding)?.unit;
  if (axes)
    lines.push([view.embedding, view.dimensions.map((axis) => short(axes[axis][cell])).join(", ") +
      (unit ? ` ${unit}` : "")]);
  return <dl className="tooltip" style={{ left: at[0] + 12, top: at[1] + 12 }}>
    <dt>cell</dt><dd>{cell}</dd>
    {lines.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{value}</dd>])}
  </dl>;
}
