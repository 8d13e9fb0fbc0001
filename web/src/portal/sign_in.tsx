import { type FormEvent, useState } from "react";

import { type Account, signInByPassword, signInByToken, takeInvitation } from "../client/account";
import { address } from "../client/http";
import { Button, Field, Notice } from "../widgets/controls";

interface SignInProps {
  account: Account;
  onAccount: (account: Account) => void;
}

/** Every way in that this server knows: password, provider, token. */
export function SignInPage({ account, onAccount, back }: SignInProps & { back: string }) {
  const { password, oidc, setup } = account.sign_in;
  const done = (next: Account) => {
    onAccount(next);
    location.hash = back;
  };
  return <div className="narrow">
    <h1>Sign in</h1>
    {setup && <Notice kind="info">Nobody has an account here yet. <code>stroma serve</code> printed a link
      by which the first administrator sets a password.</Notice>}
    {password && <PasswordForm onDone={done} />}
    {oidc && <a className="button wide" href={`${address(oidc.url)}?to=${
      encodeURIComponent(location.pathname + back)}`}>{oidc.title}</a>}
    {password || oidc ? <details className="more-ways"><summary>Use an access token</summary>
      <TokenForm onDone={done} /></details> : <TokenForm onDone={done} />}
  </div>;
}

/** Runs a form's sending: once at a time, with its refusal shown. */
function useSending(send: () => Promise<void>) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    send().catch((failure: Error) => setProblem(failure.message)).finally(() => setBusy(false));
  };
  return { problem, busy, onSubmit };
}

function PasswordForm({ onDone }: { onDone: (account: Account) => void }) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const { problem, busy, onSubmit } = useSending(async () =>
    onDone(await signInByPassword(user, password)));
  return <form className="stack" onSubmit={onSubmit}>
    <Field label="Name or e-mail address">{(id) => <input id={id} autoComplete="username" required
      value={user} onChange={(event) => setUser(event.target.value)} />}</Field>
    <Field label="Password">{(id) => <input id={id} type="password" required
      autoComplete="current-password" value={password}
      onChange={(event) => setPassword(event.target.value)} />}</Field>
    {problem && <Notice kind="error">{problem}</Notice>}
    <Button kind="main" type="submit" disabled={busy}>Sign in</Button>
  </form>;
}

function TokenForm({ onDone }: { onDone: (account: Account) => void }) {
  const [token, setToken] = useState("");
  const { problem, busy, onSubmit } = useSending(async () => onDone(await signInByToken(token)));
  return <form className="stack" onSubmit={onSubmit}>
    <Field label="Access token">{(id) => <input id={id} type="password" autoComplete="off" required
      value={token} onChange={(event) => setToken(event.target.value)} />}</Field>
    <p className="note"><code>stroma token create</code> makes one; <code>stroma serve</code> prints the
      administrator's of its run. It is kept until this tab is closed.</p>
    {problem && <Notice kind="error">{problem}</Notice>}
    <Button kind="main" type="submit" disabled={busy || token.trim() === ""}>Use this token</Button>
  </form>;
}

/** Where an invitation leads: one sets one's own password, once. */
export function SetupPage({ secret, needsName, onAccount }: {
  secret: string; needsName: boolean; onAccount: (account: Account) => void;
}) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const differ = again !== "" && again !== password;
  const { problem, busy, onSubmit } = useSending(async () => {
    onAccount(await takeInvitation(secret, password, name));
    location.hash = "#/";
  });
  return <div className="narrow"><h1>Set your password</h1>
    <form className="stack" onSubmit={onSubmit}>
      {needsName && <Field label="Your name">{(id) => <input id={id} autoComplete="username" required
        value={name} onChange={(event) => setName(event.target.value)} />}</Field>}
      <Field label="Password, 12 characters or more">{(id) => <input id={id} type="password" required
        minLength={12} autoComplete="new-password" value={password}
        onChange={(event) => setPassword(event.target.value)} />}</Field>
      <Field label="The same again">{(id) => <input id={id} type="password" required
        autoComplete="new-password" value={again} aria-invalid={differ}
        onChange={(event) => setAgain(event.target.value)} />}</Field>
      {differ && <Notice kind="warning">The two are not the same.</Notice>}
      {problem && <Notice kind="error">{problem}</Notice>}
      <Button kind="main" type="submit" disabled={busy || differ || password.length < 12}>
        Set password and sign in</Button>
    </form></div>;
}
