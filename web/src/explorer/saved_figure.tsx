import { useState } from "react";

import type { Figure } from "../plots/figure";
import { Dialog } from "../widgets/controls";
import { FigureBox } from "../widgets/figure_box";
import { save, saveText } from "../base/files";
import { csv } from "../base/csv";
import { fileName } from "./figure_files";

/** A figure that can be taken away under a name. */
export function SavedFigure({ figure, name, enlargeable = false }: {
  figure: Figure; name: string; enlargeable?: boolean;
}) {
  const [large, setLarge] = useState(false);
  const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  const standalone = () => figure.svg.replaceAll("currentColor", ink());
  const png = () => {
    const picture = new Image();
    picture.onload = () => {
      const page = document.createElement("canvas");
      page.width = picture.naturalWidth * 3;
      page.height = picture.naturalHeight * 3;
      const draw = page.getContext("2d");
      if (!draw) return;
      draw.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--ground");
      draw.fillRect(0, 0, page.width, page.height);
      draw.drawImage(picture, 0, 0, page.width, page.height);
      page.toBlob((blob) => blob && save(`${fileName(name)}.png`, blob), "image/png");
    };
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone())}`;
  };
  const files = { figure, onPng: png,
    onSvg: () => saveText(`${fileName(name)}.svg`, standalone(), "image/svg+xml"),
    onCsv: () => saveText(`${fileName(name)}.csv`, csv(figure.head, figure.rows), "text/csv") };
  return <>
    <FigureBox {...files} onEnlarge={enlargeable ? () => setLarge(true) : undefined} />
    {large && <Dialog wide title={name} onClose={() => setLarge(false)}><FigureBox {...files} />
    </Dialog>}
  </>;
}
