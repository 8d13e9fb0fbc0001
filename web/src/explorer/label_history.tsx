import { useEffect, useState } from "react";

import type { LabelColumn, LabelEntry } from "../client/labels";
import { count } from "../base/numbers";
import { Button, Notice } from "../widgets/controls";
import type { LabelBook } from "./label_book";

const named = (label: string | null): string => label ?? "unassigned";

/** What a change did, in words. */
function told(entry: LabelEntry): string {
  if (entry.name) return `renamed the column ${entry.name.from} to ${entry.name.to}`;
  const [edit] = entry.labels ?? [];
  if (entry.kind === "rename" && edit) return `renamed ${named(edit.from)} to ${named(edit.to)}`;
  if (entry.kind === "remove" && edit) return `deleted ${named(edit.from)}`;
  if (entry.kind === "add" && edit) return `added ${named(edit.to)}`;
  if (entry.kind === "undo") return `took back change ${entry.undoes ?? ""}`;
  if (entry.cells === 0 && entry.conflicts)
    return `came late: ${count(entry.conflicts)} cells were left to another`;
  const targets = [...new Set((entry.moves ?? []).map((move) => named(move.to)))];
  const into = targets.slice(0, 3).join(", ") + (targets.length > 3 ? " …" : "");
  if (entry.kind === "assign") return `labelled ${into}`;
  if (entry.kind === "merge") return `merged into ${into}`;
  return entry.kind.replaceAll("_", " ") + (into ? `: ${into}` : "");
}

/** Who did what, when, to how many cells; each can be taken back. */
export function LabelHistory({ column, book }: { column: LabelColumn; book: LabelBook }) {
  const [entries, setEntries] = useState<LabelEntry[] | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let current = true;
    book.history(column).then((found) => { if (current) setEntries(found); })
      .catch((failure: Error) => { if (current) setProblem(failure.message); });
    return () => { current = false; };
  }, [book, column]);
  if (problem) return <Notice kind="error">{problem}</Notice>;
  if (!entries) return <p className="waiting">Loading …</p>;
  return <ol className="label-history" aria-label={`History of ${column.name}`}>
    {entries.map((entry) => <li key={entry.version}>
      <span><strong>{entry.who.name}</strong> {told(entry)}
        {entry.cells > 0 && ` · ${count(entry.cells)} cells`}</span>
      <time dateTime={entry.at}>{new Date(entry.at).toLocaleString()}</time>
      {book.mayChange && entry.version > 1 && !entry.name &&
        <Button kind="quiet" aria-label={`Take back change ${entry.version}`}
          onClick={() => void book.change(column.id, { op: "undo", version: entry.version })}>
          Undo</Button>}
    </li>)}
  </ol>;
}
