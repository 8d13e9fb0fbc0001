import { getJson, request, sendJson } from "./http";

/** A screen that was saved under a name: immutable, opened again by its id. */
export interface SavedView {
  id: string;
  revision: string;
  name: string;
  access: "private" | "link";
  created: string;
}

/** Whether the text of a link is the id of a saved view, not a view itself. */
export const isViewId = (text: string): boolean => /^view-[0-9a-f]{32}$/.test(text);

export const savedView = (id: string): Promise<SavedView & { state: unknown }> =>
  getJson(`u/views/${id}`);

export const savedViews = async (revision: string): Promise<SavedView[]> =>
  (await getJson<{ views: SavedView[] }>(`u/views?revision=${encodeURIComponent(revision)}`)).views;

export const saveView = async (revision: string, name: string, access: SavedView["access"],
    state: unknown): Promise<SavedView> =>
  (await sendJson<SavedView>("POST", "u/views", { revision, name, access, state })).body;

export const deleteView = async (id: string): Promise<void> => {
  await request(`u/views/${id}`, { method: "DELETE" });
};
