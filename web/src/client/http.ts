/** Where the server lives: the pages may stand behind any sub-path. */
export const root = new URL(".", document.baseURI);

export const address = (path: string): string => new URL(path.replace(/^\//, ""), root).href;

/** What the server refused, in its own words. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, message: string,
      readonly pointer: string | null) {
    super(message);
  }
}

let token = sessionStorage.getItem("token");
/** The token that this tab sends with its requests; gone when the tab is closed. */
export const keptToken = (): string | null => token;
/** Remembered by the page itself, too: one that is being left may have no storage any more. */
export function keepToken(given: string | null): void {
  token = given;
  if (given === null) sessionStorage.removeItem("token");
  else sessionStorage.setItem("token", given);
}

let csrf: string | null = null;
/** What requests that change something show when a cookie says who asks; see account.ts. */
export function setCsrf(secret: string | null): void {
  csrf = secret;
}

export interface Answer<Body> {
  body: Body;
  etag: string | null;
}

export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  else if (csrf && options.method && options.method !== "GET") headers.set("X-Stroma-CSRF", csrf);
  let response: Response;
  try {
    response = await fetch(address(path), { ...options, headers });
  } catch (problem) {
    if (options.signal?.aborted) throw problem;
    throw new Refusal(0, "unreachable", "The server does not answer. Is `stroma serve` running?", null);
  }
  if (response.ok || response.status === 304) return response;
  const said = (await response.json().catch(() => ({}))) as Record<string, string>;
  throw new Refusal(response.status, said.code ?? "", said.message ?? said.detail ??
    `${response.status} ${response.statusText}`, said.pointer ?? null);
}

export async function getJson<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  const response = await request(path, { signal, headers: { Accept: "application/json" } });
  return (await response.json()) as Body;
}

export async function sendJson<Body>(method: string, path: string, body: unknown,
    headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Answer<Body>> {
  const response = await request(path, {
    method, signal, body: body === undefined ? undefined : JSON.stringify(body),
    headers: { "Content-Type": "application/json", Accept: "application/json", ...headers },
  });
  const text = await response.text();
  return { body: (text ? JSON.parse(text) : undefined) as Body, etag: response.headers.get("ETag") };
}

export async function getBytes(path: string, accept: string, priority: RequestPriority = "auto"):
    Promise<ArrayBuffer> {
  const response = await request(path, { headers: { Accept: accept }, priority });
  return response.arrayBuffer();
}
