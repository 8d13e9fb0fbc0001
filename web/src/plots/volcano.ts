import { bottomAxis, escape, type Figure, fixed, leftAxis, svg, text } from "./figure";

export interface VolcanoGene {
  name: string;
  foldChange: number;
  adjusted: number;
}

/** Fold change across, −log10 of the adjusted p up; the strongest genes are named. */
export function volcano(genes: VolcanoGene[], foldName: string, named = 14): Figure {
  const tested = genes.filter((gene) => Number.isFinite(gene.foldChange) && Number.isFinite(gene.adjusted));
  const least = Math.min(...tested.map((gene) => gene.adjusted).filter((p) => p > 0), 1);
  const height = (gene: VolcanoGene) => -Math.log10(Math.max(gene.adjusted, least / 10));
  const widest = Math.max(...tested.map((gene) => Math.abs(gene.foldChange)), 1e-9) * 1.1;
  const up = leftAxis(56, 300, 14, 0, Math.max(...tested.map(height), 1) * 1.05, "−log10 adjusted p");
  const across = bottomAxis(300, 56, 480, -widest, widest, foldName);
  const parts = [...up.parts, ...across.parts];
  for (const gene of tested) {
    const strong = gene.adjusted < 0.05;
    const colour = !strong ? "#9aa3ad" : gene.foldChange > 0 ? "#c8452f" : "#2f6fb5";
    parts.push(`<circle cx="${fixed(across.x(gene.foldChange))}" cy="${fixed(up.y(height(gene)))}" r="2.400" fill="${
      colour}" fill-opacity="0.75"><title>${escape(gene.name)}</title></circle>`);
  }
  [...tested].sort((left, right) => height(right) * Math.abs(right.foldChange) - height(left) * Math.abs(left.foldChange))
    .slice(0, named).forEach((gene) => parts.push(text(across.x(gene.foldChange) + (gene.foldChange > 0 ? 4 : -4),
      up.y(height(gene)) - 3, gene.name, { anchor: gene.foldChange > 0 ? "start" : "end" })));
  return { svg: svg(540, 340, parts, "Volcano plot"), head: ["gene", foldName, "adjusted_p"],
    rows: genes.map((gene) => [gene.name, gene.foldChange, gene.adjusted]) };
}
