import { useMemo, type ReactNode } from "react";

import { histogram } from "../base/binning";
import { count, extent, short } from "../base/numbers";
import { BrushHistogram } from "../plots/brush_histogram";
import { IconButton } from "../widgets/controls";
import { type NumberSource, type RangeFilter, sourceKey, sourceName } from "./selection";
import { useCountedCells, useSession } from "./session";

const binCount = 40;

/** One number a cell (a column, a gene, a gene set): histogram, threshold, colour. */
export function NumberRow({ source, children, open = true }: {
  source: NumberSource; children?: ReactNode; open?: boolean;
}) {
  const { session, view, store } = useSession();
  const name = sourceName(source);
  const key = sourceKey(source);
  const column = open ? store.numbers(source) : undefined;
  const { world, selected } = useCountedCells();
  const range = useMemo(() => column && extent(column.values, world), [column, world]);
  const bins = useMemo(() => column && range &&
    histogram(column.values, range, binCount, world, selected), [column, range, world, selected]);
  const filter = view.selection.find((one): one is RangeFilter =>
    one.kind === "range" && sourceKey(one.source) === key);
  const coloured = view.colour?.by === "number" && sourceKey(view.colour.source) === key;
  const failure = store.failure(key);
  const set = (low: number | null, high: number | null, gesture: string | null) =>
    session.filter({ kind: "range", source, low, high }, gesture);
  const end = (which: "low" | "high") => <input type="number" step="any" className={`end-${which}`}
    aria-label={`${which === "low" ? "least" : "greatest"} ${name}`}
    placeholder={range ? short(range[which === "low" ? 0 : 1]) : ""}
    value={filter?.[which] == null ? "" : Number(filter[which].toPrecision(6))}
    onChange={(event) => {
      const typed = event.target.value === "" ? null : Number(event.target.value);
      set(which === "low" ? typed : filter?.low ?? null,
        which === "high" ? typed : filter?.high ?? null, `type ${key}`);
    }} onBlur={() => session.endGesture()} />;
  return <div className="number-row">
    <div className="row-head"><span className="row-name" title={name}>{name}</span>
      {children}
      {filter && <IconButton icon="close" label={`Drop the range of ${name}`}
        onClick={() => session.unfilter(`range ${key}`)} />}
      <IconButton icon="drop" label={`Colour by ${name}`} pressed={coloured}
        onClick={() => session.change({ colour: coloured ? null : { by: "number", source } })} />
    </div>
    {open && bins && <BrushHistogram bins={bins} label={`Histogram of ${name}`}
      range={filter ? [filter.low ?? bins.low, filter.high ?? bins.high] : null}
      ends={<>{end("low")}<span className="note">select from … to</span>{end("high")}</>} onEnd={() => session.endGesture()}
      onRange={(to) => to ? set(to[0], to[1], `brush ${key}`) : session.unfilter(`range ${key}`)} />}
    {open && bins && bins.missing > 0 && <p className="note">{count(bins.missing)} without a value</p>}
    {open && column && !range && <p className="note">no values ({short(Number.NaN)})</p>}
    {open && !column && <p className="waiting">{failure?.message ?? "Loading …"}</p>}
  </div>;
}
