import { useEffect, useState } from "react";

import { ScatterPanel } from "./scatter_panel";
import { type Drawing, ScatterTools, type Tool } from "./scatter_tools";
import { useSession } from "./session";
import { SplitView } from "./split_view";

const toolOfKey: Record<string, Tool> = { l: "lasso", b: "box", m: "move" };

/** The pictures of the cells with the tools above them: one, two side by side, or a small one for
 *  each label of a column. What is selected in one is selected in all. */
export function Pictures({ theme }: { theme: string }) {
  const { view } = useSession();
  const [drawing, setDrawing] = useState<Drawing>({ tool: "lasso", how: "replace" });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const tool = toolOfKey[event.key.toLowerCase()];
      if (!tool || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey ||
          target.matches("input, textarea, select") || target.closest("dialog")) return;
      setDrawing((now) => ({ ...now, tool }));
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return <div className="pictures">
    <ScatterTools drawing={drawing} setDrawing={setDrawing} />
    {view.splitBy ? <SplitView column={view.splitBy} theme={theme} />
      : <div className="panes">
        <ScatterPanel pane="first" theme={theme} drawing={drawing} />
        {view.beside && <ScatterPanel pane="beside" theme={theme} drawing={drawing} />}
      </div>}
  </div>;
}
