import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";

import { type Panel, type Place } from "../client/dashboards";
import { IconButton } from "../widgets/controls";
import { columns, gap, placeOf, rowHeight, settled, within } from "./grid";
import { type Ask, PanelBox } from "./panel_box";

export interface PanelTools {
  onMove: (panels: Panel[]) => void;
  onEdit: (panel: Panel) => void;
  onCopy: (panel: Panel) => void;
  onRemove: (panel: Panel) => void;
}

interface Drag {
  id: string;
  resizes: boolean;
  fromX: number;
  fromY: number;
  place: Place;
}

/** The panels in their places; with `tools` they are moved by their handle and resized by their
 *  corner, by pointer or by arrow keys. */
export function PanelGrid({ panels, ask, refresh, tools }: {
  panels: Panel[]; ask: Ask; refresh: number; tools?: PanelTools;
}) {
  const grid = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const [shown, setShown] = useState<Panel[] | null>(null);
  const step = () => ((grid.current?.clientWidth ?? 1200) + gap) / columns;
  const put = (id: string, place: Place): Panel[] => settled(panels.map((one) => one.id === id
    ? { ...one, place: within(place) } : one), id);
  const begin = (panel: Panel, resizes: boolean) => (event: PointerEvent) => {
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ id: panel.id, resizes, fromX: event.clientX, fromY: event.clientY, place: placeOf(panel) });
  };
  const move = (event: PointerEvent) => {
    if (!drag) return;
    const across = Math.round((event.clientX - drag.fromX) / step());
    const down = Math.round((event.clientY - drag.fromY) / (rowHeight + gap));
    const { x, y, width, height } = drag.place;
    setShown(put(drag.id, drag.resizes ? { x, y, width: Math.min(columns - x, width + across), height: height + down }
      : { x: x + across, y: y + down, width, height }));
  };
  const drop = () => {
    if (shown) tools?.onMove(shown);
    setDrag(null);
    setShown(null);
  };
  const keys = (panel: Panel, resizes: boolean) => (event: KeyboardEvent) => {
    const ways: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    const { x, y, width, height } = placeOf(panel);
    tools?.onMove(put(panel.id, resizes ? { x, y, width: Math.min(columns - x, width + way[0]), height: height + way[1] }
      : { x: x + way[0], y: y + way[1], width, height }));
  };
  const dragging = { onPointerMove: move, onPointerUp: drop, onPointerCancel: drop };
  return <div ref={grid} className={`panel-grid${tools ? " editing" : ""}`}>{(shown ?? panels).map((panel) => {
    const { x, y, width, height } = placeOf(panel);
    const name = panel.title || panel.id;
    return <div key={panel.id} className={`panel-cell${drag?.id === panel.id ? " dragged" : ""}`} style={{
      gridColumn: `${x + 1} / span ${width}`, gridRow: `${y + 1} / span ${height}`,
      "--rows": height } as React.CSSProperties}>
      <PanelBox panel={panel} ask={ask} seconds={panel.refresh_seconds ?? refresh}
        handle={tools && <button type="button" className="panel-handle" aria-label={`Move ${name}`}
          title="Drag, or use the arrow keys" onPointerDown={begin(panel, false)} {...dragging}
          onKeyDown={keys(panel, false)}>⠿</button>}
        tools={tools && <><IconButton icon="pencil" label={`Edit ${name}`} onClick={() => tools.onEdit(panel)} />
          <IconButton icon="copy" label={`Duplicate ${name}`} onClick={() => tools.onCopy(panel)} />
          <IconButton icon="close" label={`Remove ${name}`} onClick={() => tools.onRemove(panel)} /></>} />
      {tools && <button type="button" className="panel-corner" aria-label={`Resize ${name}`}
        title="Drag, or use the arrow keys" onPointerDown={begin(panel, true)} {...dragging}
        onKeyDown={keys(panel, true)} />}
    </div>;
  })}</div>;
}
