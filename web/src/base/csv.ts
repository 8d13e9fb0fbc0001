/** A table as CSV (RFC 4180). */
export function csv(head: string[], rows: (string | number)[][]): string {
  const field = (value: string | number) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [head, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

/** The rows of a CSV text, empty lines left out. */
export function rowsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  // A field, and what ends it: a comma, a line's end, the text's end.
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/gy;
  for (;;) {
    const found = field.exec(text);
    if (!found) throw new Error(`Line ${rows.length + 1} of the CSV has a quote in its middle.`);
    row.push(found[1]?.replaceAll('""', '"') ?? found[2]);
    if (found[3] === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
    if (field.lastIndex >= text.length) return rows;
  }
}
