import { count } from "../base/numbers";
import { saveText } from "../base/files";
import { Button, Notice } from "../widgets/controls";
import type { LabelBook } from "./label_book";

/** What a reader has to decide: cells that another labelled first, and labels that lie over an
 *  earlier revision; and what became of those. */
export function LabelsNews({ book }: { book: LabelBook }) {
  const { conflict, earlier, carried } = book;
  return <>
    {book.problem && <Notice kind="error">{book.problem}</Notice>}
    {conflict && <Notice kind="warning">Another labelled {count(conflict.cells)} of these
      cells at the same time; they were left as they are.{" "}
      <Button kind="quiet" onClick={() => void book.insist()}>
        Label them {conflict.label ?? "unassigned"}</Button>
      <Button kind="quiet" onClick={() => book.dismiss()}>Leave them</Button></Notice>}
    {earlier && <Notice kind="info">An earlier revision has labels: {earlier.names.join(", ")}.{" "}
      <Button kind="quiet" onClick={() => void book.carry()}>Take them over</Button>
      <Button kind="quiet" onClick={() => book.dismiss()}>Not now</Button></Notice>}
    {carried && <Notice kind={carried.some(({ lost }) => lost > 0) ? "warning" : "info"}>
      <ul className="carried">{carried.map(({ name, cells, lost, lostIds }) => <li key={name}>
        <strong>{name}</strong>: {count(cells)} cells taken over; {lost === 0 ? "none is missing here"
          : <>{count(lost)} are not in this revision{" "}
            <Button kind="quiet" onClick={() => saveText(`${name}-lost-cells.txt`,
              `${lostIds.join("\n")}\n`, "text/plain")}>Their ids</Button></>}</li>)}</ul>
      <Button kind="quiet" onClick={() => book.dismiss()}>Good</Button></Notice>}
  </>;
}
