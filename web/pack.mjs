// Puts the built pages into one file that the program carries: how many, then for each its path,
// media type, compressed bytes and their hash. Little-endian; see src/front/web/pages.cpp.
//   node pack.mjs FOLDER PACK
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

const types = { css: "text/css; charset=utf-8", html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8", json: "application/json", svg: "image/svg+xml",
  png: "image/png", txt: "text/plain; charset=utf-8", woff2: "font/woff2" };

const [folder, pack] = process.argv.slice(2);

/** The licences of the packages that the pages hold parts of: those that aren't tools. */
function licences() {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  return Object.entries(packages).filter(([path, { dev }]) => path && !dev).map(([path, { version }]) => {
    const texts = readdirSync(path).filter((name) => /licen[cs]e|notice/i.test(name)).sort()
      .map((name) => readFileSync(join(path, name), "utf8"));
    return [`${path.replace(/.*node_modules\//, "")} ${version}`, ...texts].join("\n\n");
  }).join(`\n\n${"-".repeat(80)}\n\n`);
}
writeFileSync(join(folder, "licences.txt"), licences());

const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();

const parts = [];
const number = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  parts.push(bytes);
};
const bytes = (content) => {
  number(content.length);
  parts.push(content);
};
number(files.length);
for (const file of files) {
  const type = types[file.split(".").pop()];
  if (!type) throw new Error(`${file}: no media type is known for this ending`);
  const packed = gzipSync(readFileSync(file), { level: 9 });
  bytes(Buffer.from(relative(folder, file).split(sep).join("/")));
  bytes(Buffer.from(type));
  bytes(Buffer.from(createHash("sha256").update(packed).digest("hex").slice(0, 32)));
  bytes(packed);
}
writeFileSync(pack, Buffer.concat(parts));
