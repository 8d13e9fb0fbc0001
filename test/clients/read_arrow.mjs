// Reads an Arrow file with the project's own reader in JavaScript and prints it as JSON:
// node read_arrow.mjs FOLDER_WITH_NODE_MODULES FILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [folder, file] = process.argv.slice(2);
const { tableFromIPC } = createRequire(pathToFileURL(join(folder, "x.js")))("apache-arrow");
const table = tableFromIPC(readFileSync(file));
const plain = (value) => (typeof value === "bigint" ? Number(value) : value);
console.log(
  JSON.stringify({
    rows: table.numRows,
    columns: table.schema.fields.map((field) => [field.name, String(field.type)]),
    first: table.schema.fields.map((field, at) => plain(table.getChildAt(at).get(0))),
    second: table.schema.fields.map((field, at) => plain(table.getChildAt(at).get(1))),
    last: table.schema.fields.map((field, at) => plain(table.getChildAt(at).get(table.numRows - 1))),
  }),
);
