import { type ReactNode, useState } from "react";

import { type Account, signOut } from "../client/account";
import { hrefOf, type Route } from "../base/route";
import { Button } from "../widgets/controls";

interface Place {
  part: string;
  title: string;
  for?: "user" | "administrator";
}
const places: Place[] = [{ part: "", title: "Datasets" }, { part: "collections", title: "Collections" },
  { part: "genes", title: "Genes" },
  { part: "sql", title: "SQL" }, { part: "dashboards", title: "Dashboards" },
  { part: "runs", title: "Pipelines", for: "user" },
  { part: "mine", title: "My datasets", for: "user" }, { part: "upload", title: "Upload", for: "user" },
  { part: "admin", title: "Admin", for: "administrator" }];

/** What stands around every page of the portal: where one can go, and who one is. */
export function Shell({ route, account, onAccount, children }: {
  route: Route; account: Account; onAccount: (account: Account) => void; children: ReactNode;
}) {
  const here = route.parts[0] ?? "";
  const role = account.user?.role;
  const open = places.filter((place) => !place.for || (account.signed_in &&
    (place.for === "user" || role === "administrator")));
  return <>
    <a className="skip-link" href="#main" onClick={(event) => {
      event.preventDefault();
      document.getElementById("main")?.focus();
    }}>Skip to content</a>
    <header className="top-bar">
      <a className="brand" href={hrefOf([])}><Mark />Stroma</a>
      <nav aria-label="Pages"><ul>{open.map(({ part, title }) => <li key={part}>
        <a href={hrefOf(part ? [part] : [])} aria-current={here === part ||
          (part === "" && here === "datasets") || (part === "runs" && (here === "pipelines" ||
          here === "watch")) ? "page" : undefined}>{title}</a></li>)}</ul></nav>
      <span className="bar-gap" />
      <AccountMenu account={account} onAccount={onAccount} />
    </header>
    <main id="main" tabIndex={-1} className="portal">{children}</main>
  </>;
}

function Mark() {
  return <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
    <circle cx="6.500" cy="7.500" r="5" fill="var(--accent)" />
    <circle cx="13.500" cy="12.500" r="5" fill="var(--mark)" fillOpacity=".9" /></svg>;
}

function AccountMenu({ account, onAccount }: {
  account: Account; onAccount: (account: Account) => void;
}) {
  const [busy, setBusy] = useState(false);
  if (!account.signed_in || !account.user)
    return <a className="button" href={hrefOf(["sign-in"])}>Sign in</a>;
  const { name, role, email } = account.user;
  const leave = async () => {
    setBusy(true);
    try {
      onAccount(await signOut(account.by));
      location.hash = "#/";
    } finally {
      setBusy(false);
    }
  };
  return <details className="popover account" onBlur={(event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false;
  }}>
    <summary><span className="avatar" aria-hidden="true">
      {name.slice(0, 1).toUpperCase()}</span><span className="account-name">{name}</span></summary>
    <div><p><strong>{name}</strong>{email && <><br />{email}</>}<br />
      <small>{role}{account.by === "token" ? ", by a token of this tab" : ""}</small></p>
      <a href={hrefOf(["mine"])}>My datasets</a>
      <a href={hrefOf(["account"])}>Access tokens</a>
      <Button disabled={busy} onClick={() => void leave()}>Sign out</Button></div>
  </details>;
}
