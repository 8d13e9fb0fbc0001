import { useEffect, useState } from "react";

import type { Pointer } from "../client/dataset";
import { hrefOf } from "../base/route";
import { Button, Dialog, Field } from "../widgets/controls";
import { saveText } from "../base/files";
import { countOf, within } from "./selection";
import { methods, pythonScript, sqlCondition } from "./session_script";
import { useSession } from "./session";
import { SavedViews } from "./saved_views";
import { packed } from "./view_link";

/** The screen as a link, and the session as a script. */
export function ShareDialog({ pointer, onClose }: { pointer: Pointer; onClose: () => void }) {
  const { session, view, store } = useSession();
  const [link, setLink] = useState("");
  useEffect(() => {
    packed(view).then((text) => setLink(new URL(hrefOf(["explore", store.schema.revision],
      { view: text }), document.baseURI).href)).catch((problem: Error) => setLink(problem.message));
  }, [view, store.schema.revision]);
  const cells = countOf(session.selected(), store.cells);
  const script = pythonScript(pointer, store.schema, view);
  const condition = sqlCondition(within(view.subset, view.selection));
  return <Dialog title="Share and reproduce" onClose={onClose}>
    <SavedViews />
    <Field label="Link to exactly this screen">{(id) => <div className="copy-field">
      <input id={id} readOnly value={link} onFocus={(event) => event.target.select()} />
      <Button onClick={() => void navigator.clipboard.writeText(link)}>Copy</Button></div>}</Field>
    <Field label="In Python">{(id) => <textarea id={id} readOnly rows={8} value={script} />}</Field>
    <Button kind="quiet" onClick={() => saveText(`${pointer.name}.py`, script, "text/x-python")}>
      Download the script</Button>
    {condition && <Field label="As a condition of stroma matrix">{(id) =>
      <textarea id={id} readOnly rows={3} value={
        `stroma matrix --dataset ${pointer.name} --where "${condition.replaceAll('"', '\\"')
        }" --format h5ad -o selection.h5ad`} />}</Field>}
    <Field label="For a methods section">{(id) => <textarea id={id} readOnly rows={4}
      value={methods(pointer, store.schema, view, cells)} />}</Field>
  </Dialog>;
}
