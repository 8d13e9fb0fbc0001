import { getJson, request, sendJson } from "./http";

/** What is commented on: a dataset, or a view of it. */
export interface Commented {
  dataset: string;
  view?: string;
}
export interface Comment {
  id: string;
  name: string;
  by_link: boolean;
  text: string;
  created: string;
  own: boolean;
  may_remove: boolean;
}
export interface Comments {
  may_comment: boolean;
  comments: Comment[];
}
const at = ({ dataset }: Commented) => `v1/portal/datasets/${encodeURIComponent(dataset)}/comments`;

export const readComments = (on: Commented, signal?: AbortSignal): Promise<Comments> =>
  getJson(at(on) + (on.view ? `?view=${encodeURIComponent(on.view)}` : ""), signal);
/** `name`: of a guest. */
export const addComment = async (on: Commented, text: string, name: string): Promise<void> => {
  await sendJson("POST", at(on), { text, ...(on.view ? { view: on.view } : {}),
    ...(name ? { name } : {}) });
};
export const removeComment = async (on: Commented, id: string): Promise<void> => {
  await request(`${at(on)}/${encodeURIComponent(id)}`, { method: "DELETE" });
};
