import { getJson } from "./http";

export interface DatasetEntry {
  id: string;
  name: string;
  title: string;
  visibility: string;
  revision?: string;
  cells?: number;
  genes?: number;
}

export const listDatasets = async (): Promise<DatasetEntry[]> =>
  (await getJson<{ datasets: DatasetEntry[] }>("v1/datasets")).datasets;
