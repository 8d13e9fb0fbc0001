import { useState } from "react";

import { isSignedIn, signIn, signOut } from "../client/account";
import { Button, Dialog, Field, Notice } from "../widgets/controls";

/** Who reads: nobody in particular, or the owner of a token. */
export function SignIn({ onChange }: { onChange: () => void }) {
  const [open, setOpen] = useState(false);
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState("");
  if (isSignedIn())
    return <Button kind="quiet" onClick={() => { signOut(); onChange(); }}>Sign out</Button>;
  const send = async () => {
    try {
      await signIn(token);
      setOpen(false);
      onChange();
    } catch (failure) {
      setProblem((failure as Error).message);
    }
  };
  return <>
    <Button kind="quiet" onClick={() => setOpen(true)}>Sign in</Button>
    {open && <Dialog title="Sign in" onClose={() => setOpen(false)}>
      <form onSubmit={(event) => { event.preventDefault(); void send(); }}>
        <Field label="Token">{(id) => <input id={id} type="password" autoComplete="off"
          value={token} onChange={(event) => setToken(event.target.value)} />}</Field>
        <p className="note"><code>stroma token create</code> makes one; <code>stroma serve</code> prints
          the administrator's of its run. It is kept until this tab is closed.</p>
        {problem && <Notice kind="error">{problem}</Notice>}
        <Button kind="main" type="submit" disabled={token.trim() === ""}>Sign in</Button>
      </form></Dialog>}
  </>;
}
