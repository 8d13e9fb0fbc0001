import { type Account } from "../client/account";
import { hrefOf } from "../base/route";
import { Empty } from "./states";
import { Tokens } from "./tokens";

/** One's own access tokens, for notebooks and pipelines. */
export function AccountPage({ account }: { account: Account }) {
  if (!account.user) return <Empty title="Sign in first">
    <a className="button main" href={hrefOf(["sign-in"], { to: "#/account" })}>Sign in</a></Empty>;
  return <div className="page"><h1>Access tokens</h1>
    <p className="note">A token says who asks, in the header <code>Authorization: Bearer …</code>. It may do what
      you may.</p><Tokens principal={account.user.id} /></div>;
}
