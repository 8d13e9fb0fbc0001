import { csv } from "../base/csv";
import { save, saveText } from "../base/files";
import { type SqlAnswer } from "../client/sql";
import { escape, textWidth } from "../plots/figure";

const fileName = (title: string): string =>
  title.trim().replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) || "panel";

export function savePanelCsv(title: string, answer: SqlAnswer): void {
  saveText(`${fileName(title)}.csv`, csv(answer.columns.map(({ name }) => name),
    answer.rows.map((row) => row.map((cell) => cell === null ? "" : typeof cell === "boolean" ? String(cell) : cell))),
  "text/csv");
}

const drawn = ["fill", "stroke", "stroke-width", "opacity", "fill-opacity", "font-size", "font-weight", "stroke-dasharray"];

/** The chart as a file of its own: what the style sheets say of it is written into it, and the title
 *  and legend come along. */
function standing(box: HTMLElement, title: string): { text: string; width: number; height: number } | null {
  const svg = box.querySelector<SVGSVGElement>(".plot-box svg, svg.spark");
  if (!svg) return null;
  const styles = getComputedStyle(box);
  const { width, height } = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, at) => {
    const computed = getComputedStyle(originals[at]);
    for (const name of drawn) element.setAttribute(name, computed.getPropertyValue(name));
    element.removeAttribute("class");
    element.removeAttribute("style");
  });
  const ink = styles.color, ground = styles.getPropertyValue("--ground").trim() || "#ffffff";
  const names = [...box.querySelectorAll<HTMLElement>(".plot-legend button[aria-pressed=true]")];
  const head = 30;
  let left = 8, line = 0;
  const legend = names.map((one) => {
    const words = one.textContent ?? "";
    const room = textWidth(words) + 30;
    if (left + room > width && left > 8) [left, line] = [8, line + 1];
    const colour = getComputedStyle(one.querySelector("span") as HTMLElement).backgroundColor;
    const y = head + height + 16 + line * 18;
    const mark = `<rect x="${left}" y="${y - 9}" width="10" height="10" rx="2" fill="${colour}"/>` +
      `<text x="${left + 15}" y="${y}" font-size="12" fill="${ink}">${escape(words)}</text>`;
    left += room;
    return mark;
  });
  const whole = head + height + (names.length > 0 ? 24 + line * 18 : 8);
  copy.setAttribute("y", String(head));
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const inner = new XMLSerializer().serializeToString(copy);
  return { width, height: whole, text: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${whole}" ` +
    `width="${width}" height="${whole}" font-family="system-ui, sans-serif"><rect width="100%" height="100%" ` +
    `fill="${ground}"/><text x="8" y="20" font-size="15" font-weight="600" fill="${ink}">${escape(title)}</text>` +
    `${inner}${legend.join("")}</svg>` };
}

export function savePanelSvg(box: HTMLElement, title: string): void {
  const file = standing(box, title);
  if (file) saveText(`${fileName(title)}.svg`, file.text, "image/svg+xml");
}

/** Twice as fine as the screen draws it. */
export async function savePanelPng(box: HTMLElement, title: string): Promise<void> {
  const file = standing(box, title);
  if (!file) return;
  const picture = new Image();
  const address = URL.createObjectURL(new Blob([file.text], { type: "image/svg+xml" }));
  try {
    picture.src = address;
    await picture.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * file.width, 2 * file.height];
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (blob) save(`${fileName(title)}.png`, blob);
  } finally {
    URL.revokeObjectURL(address);
  }
}
