import { useState } from "react";

import { buryIt } from "../client/portal";
import { Button, Dialog, Field, Notice } from "../widgets/controls";

/** Taking away for ever, with a reason that everybody reads who still has the address. */
export function Burial({ kind, id, title, onClose, onDone }: {
  kind: "datasets" | "collections"; id: string; title: string; onClose: () => void;
  onDone: () => void;
}) {
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const bury = () => {
    setBusy(true);
    buryIt(kind, id, reason).then(onDone, (failure: Error) => {
      setProblem(failure.message);
      setBusy(false);
    });
  };
  return <Dialog title="Take it away for ever" onClose={onClose}>
    <form className="stack" onSubmit={(event) => { event.preventDefault(); bury(); }}>
      <p>Every row and byte of <strong>{title}</strong> goes{kind === "collections" &&
        ", with all its datasets"}. Its address stays and tells this reason:</p>
      <Field label="Reason">{(field) => <input id={field} required value={reason}
        onChange={(event) => setReason(event.target.value)} />}</Field>
      <Field label="Type “take away” to confirm">{(field) => <input id={field} value={typed}
        autoComplete="off" onChange={(event) => setTyped(event.target.value)} />}</Field>
      {problem && <Notice kind="error">{problem}</Notice>}
      <div className="buttons"><Button kind="danger" type="submit"
        disabled={busy || typed !== "take away" || !reason}>Take away</Button>
        <Button onClick={onClose}>Cancel</Button></div>
    </form></Dialog>;
}
