import { getJson } from "./http";

/** The token that this tab sends with its requests; gone when the tab is closed. */
export const isSignedIn = (): boolean => sessionStorage.getItem("token") !== null;

export function signOut(): void {
  sessionStorage.removeItem("token");
}

/** Keeps the token when the server knows it. */
export async function signIn(token: string): Promise<void> {
  const before = sessionStorage.getItem("token");
  sessionStorage.setItem("token", token.trim());
  try {
    await getJson("v1/datasets");
  } catch (failure) {
    if (before === null) signOut();
    else sessionStorage.setItem("token", before);
    throw failure;
  }
}

/** Takes the token out of an address like #/?token=…, so that it stays in no history. */
export function takeTokenFromAddress(): void {
  const [path, query = ""] = location.hash.split("?");
  const values = new URLSearchParams(query);
  const token = values.get("token");
  if (!token) return;
  sessionStorage.setItem("token", token);
  values.delete("token");
  const rest = values.toString();
  history.replaceState(null, "", rest ? `${path}?${rest}` : path);
}
