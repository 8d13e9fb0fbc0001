import { type ReactNode, useRef } from "react";

import type { Histogram } from "../base/binning";

/** Bars of all cells with the selected ones before them; a drag across sets a range. */
export function BrushHistogram({ bins, range, onRange, onEnd, label, ends, height = 44 }: {
  bins: Histogram; range: [number, number] | null; label: string; height?: number;
  /** Null: the range is taken away. */
  onRange: (range: [number, number] | null) => void; onEnd: () => void;
  /** What stands below the two ends. */
  ends: ReactNode;
}) {
  const box = useRef<SVGSVGElement>(null);
  const most = Math.max(1, ...bins.all);
  const width = bins.all.length;
  const y = (value: number) => (value === 0 ? 0 : Math.max(1.2, (Math.sqrt(value / most)) * height));
  const valueAt = (clientX: number) => {
    const edge = box.current?.getBoundingClientRect();
    const share = edge ? Math.min(1, Math.max(0, (clientX - edge.left) / edge.width)) : 0;
    return bins.low + share * (bins.high - bins.low);
  };
  const onPointerDown = (event: React.PointerEvent) => {
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const start = valueAt(event.clientX);
    let moved = false;
    const move = (to: Event) => {
      const end = valueAt((to as PointerEvent).clientX);
      moved = true;
      onRange([Math.min(start, end), Math.max(start, end)]);
    };
    const up = () => {
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", up);
      if (!moved) onRange(null);
      onEnd();
    };
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up);
  };
  const place = (value: number) => ((value - bins.low) / (bins.high - bins.low || 1)) * width;
  return <div className="histogram">
    <svg ref={box} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img"
      aria-label={label} style={{ height }} onPointerDown={onPointerDown}>
      {range && <rect className="brushed" x={place(range[0])} y={0} height={height}
        width={Math.max(0.2, place(range[1]) - place(range[0]))} />}
      {[...bins.all].map((value, at) => <rect key={at} className="bin-all" x={at + 0.06}
        width={0.88} y={height - y(value)} height={y(value)} />)}
      {[...bins.selected].map((value, at) => value > 0 && <rect key={at} className="bin-selected"
        x={at + 0.06} width={0.88} y={height - y(value)} height={y(value)} />)}
    </svg>
    <div className="ramp-ends">{ends}</div>
  </div>;
}
