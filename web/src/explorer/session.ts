import { createContext, useContext, useDeferredValue, useMemo, useSyncExternalStore } from "react";

import { begin, type History, redo, step, undo } from "../base/history";
import type { CellStore } from "./cell_store";
import { LabelBook } from "./label_book";
import {
  cellsOf, type Filter, intersection, type Selection, withFilter, within, withoutFilter,
} from "./selection";
import type { Colour, Pane, View } from "./view";

/** One person's work on one revision: the view with its history, and the cells it stands on. */
export class Session {
  private history: History<View>;
  private readonly listeners = new Set<() => void>();
  private joining: string | null = null;
  private masks: { view: View; version: number; world: Uint8Array | null;
    selected: Uint8Array | null } | null = null;

  constructor(readonly store: CellStore, readonly title: string, view: View,
      readonly labels = new LabelBook(store)) {
    this.history = begin(view);
    store.subscribe(() => this.tell());
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  view = (): View => this.history.present;
  get canUndo(): boolean {
    return this.history.past.length > 0;
  }
  get canRedo(): boolean {
    return this.history.future.length > 0;
  }

  /** Changes the view as one step that undo takes back. Changes with the same `gesture` that
   *  follow each other are one step: a drag, a slider. */
  change(change: Partial<View>, gesture: string | null = null): void {
    const joined = gesture !== null && gesture === this.joining;
    this.joining = gesture;
    this.history = step(this.history, { ...this.history.present, ...change }, joined);
    this.tell();
  }
  /** A change that undo passes over: where the camera looks. */
  look(change: Partial<View>): void {
    this.history = step(this.history, { ...this.history.present, ...change }, true);
    this.tell();
  }
  endGesture(): void {
    this.joining = null;
  }
  undo = (): void => this.move(undo(this.history));
  redo = (): void => this.move(redo(this.history));

  filter(filter: Filter, gesture: string | null = null): void {
    this.change({ selection: withFilter(this.view().selection, filter) }, gesture);
  }
  unfilter(key: string): void {
    this.change({ selection: withoutFilter(this.view().selection, key) });
  }

  /** Values of another layer, also for what the pictures are coloured by. What was selected by
   *  values of a layer stays so. */
  chooseLayer(layer: string): void {
    const { colour, beside } = this.view();
    const moved = (one: Colour | null): Colour | null =>
      one?.by === "number" && one.source.from !== "obs"
        ? { ...one, source: { ...one.source, layer } } : one;
    this.change({ layer, colour: moved(colour),
      beside: beside && { ...beside, colour: moved(beside.colour) } });
  }

  /** Limits all panels to the selected cells. */
  keepSelected(): void {
    const { subset, selection } = this.view();
    if (selection.length > 0)
      this.change({ subset: within(subset, selection), selection: [], camera: null });
  }

  /** The cells that panels are limited to; null is all of them. */
  world(): Uint8Array | null {
    return this.current().world;
  }
  /** The selected cells of the world; null is all of them. */
  selected(): Uint8Array | null {
    return this.current().selected;
  }
  cellsOf(selection: Selection, subset: Selection): Uint8Array | null {
    return intersection(cellsOf(selection, this.store), cellsOf(subset, this.store));
  }

  private current() {
    const view = this.view();
    const version = this.store.version();
    const known = this.masks;
    if (known && known.version === version && known.view.selection === view.selection &&
        known.view.subset === view.subset)
      return known;
    const world = cellsOf(view.subset, this.store);
    const selected = intersection(cellsOf(view.selection, this.store), world);
    this.masks = { view, version, world, selected };
    return this.masks;
  }
  private move(history: History<View>): void {
    this.joining = null;
    this.history = history;
    this.tell();
  }
  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

const SessionContext = createContext<Session | null>(null);
export const SessionProvider = SessionContext.Provider;

/** The session, its view and a number that grows with what was loaded. */
export function useSession(): { session: Session; view: View; store: CellStore } {
  const session = useContext(SessionContext);
  if (!session) throw new Error("a panel outside a session");
  const view = useSyncExternalStore(session.subscribe, session.view);
  useSyncExternalStore(session.store.subscribe, session.store.version);
  return { session, view, store: session.store };
}

/** The cells that a panel counts. The picture shows a change first, and panels follow one by one,
 *  so that no frame waits until all of them have counted a million cells. */
export function useCountedCells(): { world: Uint8Array | null; selected: Uint8Array | null } {
  const { session } = useSession();
  return { world: useDeferredValue(session.world()), selected: useDeferredValue(session.selected()) };
}

export type PaneName = "first" | "beside";

/** The session as one of two pictures sees it: the view with the picture's own embedding, colour
 *  and camera, and changes that go there. */
export function usePane(name: PaneName) {
  const { session, view, store } = useSession();
  const own = useMemo(() => name === "beside" && view.beside ? { ...view, ...view.beside } : view,
    [view, name]);
  const placed = (change: Partial<Pane>): Partial<View> => {
    const { beside } = session.view();
    return name === "beside" && beside ? { beside: { ...beside, ...change } } : change;
  };
  return { session, store, view: own,
    change: (change: Partial<Pane>) => session.change(placed(change)),
    look: (change: Partial<Pane>) => session.look(placed(change)) };
}
