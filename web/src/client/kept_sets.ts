import { request, sendJson } from "./http";

/** A gene set as the server keeps it. */
export interface KeptSet {
  name: string;
  description: string;
  genes: string[];
}

interface Said {
  genesets: { geneset_name: string; geneset_description: string;
    genes: { gene_symbol: string }[] }[];
}

const setsOf = (said: Said): KeptSet[] => said.genesets.map((set) => ({
  name: set.geneset_name, description: set.geneset_description,
  genes: set.genes.map((gene) => gene.gene_symbol),
}));

export interface KeptDocument {
  sets: KeptSet[];
  etag: string;
}

/** Gene sets of one space over one revision. Changes of different sets don't hinder each other. */
export class GeneSetClient {
  constructor(private readonly space: string, private readonly revision: string) {}

  private get place(): string {
    return `u/spaces/${this.space}/revisions/${this.revision}/genesets`;
  }

  /** Null when nothing changed since the tag. */
  async read(etag: string | null): Promise<KeptDocument | null> {
    const response = await request(this.place,
      { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {} });
    if (response.status === 304) return null;
    return { sets: setsOf((await response.json()) as Said),
      etag: response.headers.get("ETag") ?? "" };
  }

  async put(set: KeptSet, etag: string): Promise<KeptDocument> {
    return this.send("PUT", set.name, etag, { geneset_description: set.description,
      genes: set.genes.map((gene) => ({ gene_symbol: gene, gene_description: "" })) });
  }

  async remove(name: string, etag: string): Promise<KeptDocument> {
    return this.send("DELETE", name, etag, undefined);
  }

  private async send(method: string, name: string, etag: string, body: unknown) {
    const answer = await sendJson<Said>(method,
      `${this.place}/${encodeURIComponent(name)}?on_conflict=merge`, body, { "If-Match": etag });
    return { sets: setsOf(answer.body), etag: answer.etag ?? etag };
  }
}
