import { getJson, request, sendJson } from "./http";

/** A selection that was kept: its cells in one revision, and the recipe that finds such cells in
 *  any other. */
export interface KeptSelection {
  id: string;
  revision: string;
  name: string;
  access: "private" | "link";
  created: string;
}

export const keptSelections = async (): Promise<KeptSelection[]> =>
  (await getJson<{ selections: KeptSelection[] }>("u/selections")).selections;

export const keepSelection = async (revision: string, name: string, cells: [number, number][],
    recipe: unknown): Promise<KeptSelection> =>
  (await sendJson<KeptSelection>("POST", "u/selections", { revision, name, cells, recipe })).body;

export const recipeOf = async (id: string): Promise<unknown> =>
  (await getJson<{ recipe?: unknown }>(`u/selections/${id}`)).recipe;

export const forgetSelection = async (id: string): Promise<void> => {
  await request(`u/selections/${id}`, { method: "DELETE" });
};
