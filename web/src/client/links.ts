import { getJson, request, sendJson } from "./http";

/** A link for guests: whoever has it reads one thing, and may comment on it, until it ends. */
export interface GuestLink {
  id: string;
  kind: "dataset" | "collection" | "view";
  thing: string;
  rights: "read" | "comment";
  label: string;
  created: string;
  expires: string;
  used: string | null;
  uses: number;
  revoked: boolean;
}

export const linksTo = async (thing: string): Promise<GuestLink[]> =>
  (await getJson<{ links: GuestLink[] }>(`v1/links?thing=${encodeURIComponent(thing)}`)).links;

/** The address is told this once. */
export const makeLink = async (order: Pick<GuestLink, "kind" | "thing" | "rights" | "label"> &
    { expires_in_seconds: number }): Promise<string> =>
  (await sendJson<{ url: string }>("POST", "v1/links", order)).body.url;

export const endLink = async (id: string): Promise<void> => {
  await request(`v1/links/${encodeURIComponent(id)}`, { method: "DELETE" });
};
