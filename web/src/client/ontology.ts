import { getJson, Refusal } from "./http";

/** A name that an ontology has for a kind of cell. */
export interface Term {
  id: string;
  name: string;
}

let absent = false;

/** Names that begin like the text; none where this site has no ontology. */
export async function cellTypesLike(text: string, signal: AbortSignal): Promise<Term[]> {
  if (absent) return [];
  try {
    return (await getJson<{ terms: Term[] }>(`v1/ontology/terms?facet=cell_type&limit=12&q=${
      encodeURIComponent(text)}`, signal)).terms;
  } catch (failure) {
    absent = failure instanceof Refusal && failure.status === 404;
    return [];
  }
}
