import { type Figure } from "../plots/figure";
import { Button } from "./controls";

/** A figure with its files: vector, picture, and the numbers that it shows. */
export function FigureBox({ figure, onSvg, onPng, onCsv, onEnlarge }: {
  figure: Figure; onSvg: () => void; onPng: () => void; onCsv: () => void; onEnlarge?: () => void;
}) {
  return <figure className="figure">
    <div className="figure-drawing" dangerouslySetInnerHTML={{ __html: figure.svg }} />
    <div className="figure-files">{onEnlarge && <Button kind="quiet" onClick={onEnlarge}>
      Enlarge</Button>}<Button kind="quiet" onClick={onSvg}>SVG</Button>
      <Button kind="quiet" onClick={onPng}>PNG</Button>
      <Button kind="quiet" onClick={onCsv}>Numbers as CSV</Button></div>
  </figure>;
}
