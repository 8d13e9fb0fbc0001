import { sendJson } from "./http";

/** Where a gene lies and what it is, by the annotation (GTF) that this site has imported. */
export interface GeneFacts {
  id: string;
  name: string;
  biotype: string;
  chromosome: string;
  start: number;
  end: number;
  species: string;
}

const statement = "SELECT featurekey, featurename, featuretype, chromosome, featurestart, featureend, " +
  "genus_species FROM feature WHERE isgene AND chromosome IS NOT NULL AND " +
  "(featurekey = $id OR featurekey = $bare OR featurename = $name) " +
  "ORDER BY featurekey = $id DESC, featurekey = $bare DESC LIMIT 1";

/** Null when the annotation doesn't know it, or none was imported. */
export async function geneFacts(id: string, name: string): Promise<GeneFacts | null> {
  const { body: { rows } } = await sendJson<{ rows: (string | number)[][] }>("POST", "v1/sql", {
    statement, format: "json", parameters: { id, name, bare: id.replace(/\.\d+$/, "") } });
  const [row] = rows;
  return row ? { id: String(row[0]), name: String(row[1]), biotype: String(row[2]),
    chromosome: String(row[3]), start: Number(row[4]), end: Number(row[5]),
    species: String(row[6] ?? "") } : null;
}
