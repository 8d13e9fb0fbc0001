import { getJson, keepToken, keptToken, Refusal, sendJson, setCsrf } from "./http";

/** Who reads, and how one may sign in here. */
export interface Account {
  signed_in: boolean;
  by: "session" | "token" | "link" | "nothing";
  user: { id: string; name: string; email?: string; role: string; has_password?: boolean } | null;
  csrf: string | null;
  sign_in: { password: boolean; setup: boolean; oidc: { title: string; url: string } | null };
}

export const nobody: Account = { signed_in: false, by: "nothing", user: null, csrf: null,
  sign_in: { password: false, setup: false, oidc: null } };

export const hasToken = (): boolean => keptToken() !== null;

let known = nobody;
/** As the server said last. */
export const isSignedIn = (): boolean => known.signed_in;

function keep(account: Account): Account {
  setCsrf(account.csrf);
  known = account;
  return account;
}

export async function whoAmI(): Promise<Account> {
  try {
    return keep(await getJson<Account>("account/me"));
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
    // The token has ended since; public data answers without one.
    if (failure.status === 401 && hasToken()) {
      keepToken(null);
      return whoAmI();
    }
    throw failure;
  }
}

export const signInByPassword = async (user: string, password: string): Promise<Account> =>
  keep((await sendJson<Account>("POST", "account/sign-in", { user, password })).body);

export const takeInvitation = async (secret: string, password: string, name: string):
    Promise<Account> => keep((await sendJson<Account>("POST", "account/setup",
  { secret, password, ...(name ? { name } : {}) })).body);

/** Keeps the token when the server knows it. */
export async function signInByToken(token: string): Promise<Account> {
  const before = keptToken();
  keepToken(token.trim());
  try {
    return keep(await getJson<Account>("account/me"));
  } catch (failure) {
    keepToken(before);
    throw failure;
  }
}

export async function signOut(by: Account["by"]): Promise<Account> {
  if (by === "session") await sendJson("POST", "account/sign-out", {});
  keepToken(null);
  setCsrf(null);
  return whoAmI();
}

/** Takes the token out of an address like #/?token=…, so that it stays in no history. */
export function takeTokenFromAddress(): void {
  const [path, query = ""] = location.hash.split("?");
  const values = new URLSearchParams(query);
  const token = values.get("token");
  if (!token) return;
  keepToken(token);
  values.delete("token");
  const rest = values.toString();
  history.replaceState(null, "", rest ? `${path}?${rest}` : path);
}
