// Reads an Arrow file or stream with the project's own reader in JavaScript and prints it as JSON:
// node read_arrow.mjs FOLDER_WITH_NODE_MODULES FILE
// Compressed bodies are unpacked by the programs lz4 and zstd. Small tables come with every value.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [folder, file] = process.argv.slice(2);
const { compressionRegistry, CompressionType, tableFromIPC } = createRequire(
  pathToFileURL(join(folder, "x.js")),
)("apache-arrow");
const unpacked = (program) => ({
  decode: (input) => execFileSync(program, ["-d", "-c"], { input, maxBuffer: 2 ** 30 }),
});
compressionRegistry.set(CompressionType.LZ4_FRAME, unpacked("lz4"));
compressionRegistry.set(CompressionType.ZSTD, unpacked("zstd"));

const table = tableFromIPC(readFileSync(file));
const plain = (value) => {
  if (typeof value === "bigint")
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return Number.isNaN(value) ? "NaN" : value;
};
const row = (at) => table.schema.fields.map((_, column) => plain(table.getChildAt(column).get(at)));
const all = (column) =>
  Array.from({ length: table.numRows }, (_, at) => plain(table.getChildAt(column).get(at)));
console.log(
  JSON.stringify({
    rows: table.numRows,
    batches: table.batches.length,
    columns: table.schema.fields.map((field) => [field.name, String(field.type)]),
    metadata: Object.fromEntries(table.schema.metadata),
    field_metadata: table.schema.fields.map((field) => Object.fromEntries(field.metadata)),
    first: row(0),
    second: row(1),
    last: row(table.numRows - 1),
    nulls: table.schema.fields.map((_, column) => table.getChildAt(column).nullCount),
    values: table.numRows > 50 ? null : table.schema.fields.map((_, column) => all(column)),
  }),
);
