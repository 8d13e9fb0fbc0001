import { type ReactNode } from "react";

/** Words of a text panel: "# " and "- " begin headings and lists; **bold**, `code`, [text](address).
 *  What isn't that is shown as it is. */
export function Words({ text }: { text: string }) {
  const blocks: ReactNode[] = [];
  let list: ReactNode[] = [];
  const endList = () => {
    if (list.length > 0) blocks.push(<ul key={blocks.length}>{list}</ul>);
    list = [];
  };
  for (const line of text.split("\n")) {
    if (line.startsWith("- ")) {
      list.push(<li key={list.length}>{inline(line.slice(2))}</li>);
      continue;
    }
    endList();
    if (line.startsWith("# ")) blocks.push(<h3 key={blocks.length}>{inline(line.slice(2))}</h3>);
    else if (line.trim()) blocks.push(<p key={blocks.length}>{inline(line)}</p>);
  }
  endList();
  return <div className="words-panel">{blocks}</div>;
}

const marked = /\*\*([^*]+)\*\*|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;
const isSafe = (address: string): boolean => /^(https?:\/\/|#\/|mailto:)/.test(address);

function inline(line: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let from = 0;
  for (const found of line.matchAll(marked)) {
    parts.push(line.slice(from, found.index));
    const [whole, bold, code, words, target] = found;
    from = found.index + whole.length;
    parts.push(bold ? <strong key={from}>{bold}</strong> : code ? <code key={from}>{code}</code>
      : isSafe(target) ? <a key={from} href={target} rel="noreferrer">{words}</a> : whole);
  }
  parts.push(line.slice(from));
  return parts;
}
