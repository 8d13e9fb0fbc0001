import { useEffect } from "react";

import type { Session } from "./session";

/** The Explorer's keyboard: undo, redo, subset. Fields and dialogs have their own. */
export function useKeys(session: Session): void {
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
        session.change({ subset: [...view.subset, ...view.selection], selection: [], camera: null });
      else if (event.shiftKey && key === "e") session.change({ subset: [], camera: null });
      else if (key === "escape") session.change({ selection: [] });
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [session]);
}
