import { getJson } from "./http";

export interface DatasetEntry {
  id: string;
  name: string;
  title: string;
  visibility: string;
  current_revision: string | null;
  cells?: number;
  genes?: number;
}

export const listDatasets = async (): Promise<DatasetEntry[]> =>
  (await getJson<{ datasets: DatasetEntry[] }>("v1/datasets")).datasets;
