import { useEffect } from "react";

import { byName } from "../base/order";
import { assignSelected } from "./labels_panel";
import type { Session } from "./session";

/** The Explorer's keyboard: undo, redo, subset, labels by number. Fields and dialogs have their own. */
export function useKeys(session: Session, onHelp: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (target.matches("input, textarea, select") || target.closest("dialog")) return;
      const command = event.ctrlKey || event.metaKey;
      const key = event.key.toLowerCase();
      const view = session.view();
      if (command && key === "z") event.shiftKey ? session.redo() : session.undo();
      else if (command && key === "y") session.redo();
      else if (event.shiftKey && key === "w" && view.selection.length > 0)
        session.keepSelected();
      else if (event.shiftKey && key === "e") session.change({ subset: [], camera: null });
      else if (!command && /^[0-9]$/.test(key) && !event.shiftKey) assignNumbered(session, Number(key));
      else if (key === "?") onHelp();
      else if (key === "escape") session.change({ selection: [] });
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [session]);
}

/** Gives the selected cells the active column's label of that number; 0 takes theirs away. */
function assignNumbered(session: Session, number: number): void {
  const column = session.labels.column(session.labels.active ?? "");
  if (!column || !session.labels.mayChange) return;
  const labels = column.labels.map((one) => one.label).sort(byName);
  const label = number === 0 ? null : labels[number - 1];
  if (label !== undefined) assignSelected(session, column, label);
}
