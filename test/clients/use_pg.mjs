// What node-postgres sees on the port: node use_pg.mjs FOLDER_WITH_NODE_MODULES HOST PORT PASSWORD;
// prints it as JSON.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, host, port, password] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(folder, "x.js")));
const pg = require("pg");
const Cursor = require("pg-cursor");
const options = { host, port: Number(port), user: "admin", password, database: "dev" };
const seen = {};
const failure = (problem) => ({ code: problem.code, message: problem.message });

const client = new pg.Client(options);
await client.connect();
await client.query("CREATE TABLE IF NOT EXISTS things(id INTEGER, name VARCHAR(20), price DECIMAL(10, 2), " +
  "at TIMESTAMP, day DATE, big BIGINT, share DOUBLE PRECISION, good BOOLEAN, detail SUPER)");
await client.query("TRUNCATE things");

// Types, by text and by parameters of every kind.
const put = "INSERT INTO things(id, name, price, at, day, big, share, good) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const inserted = await client.query(put,
  [1, "it's é", "12.50", "2026-11-22 08:50:55.123", "2026-11-22", "9007199254740993", 0.25, true]);
seen.inserted = [inserted.command, inserted.rowCount];
await client.query(put, [2, null, null, null, null, null, null, null]);
const types = await client.query("SELECT id, name, price, big, share, good, CAST(day AS VARCHAR) AS day, at " +
  "FROM things WHERE id = ANY($1::int[]) OR id = $2 ORDER BY id", [[1], 2]);
seen.rows = types.rows;
seen.oids = Object.fromEntries(types.fields.map(({ name, dataTypeID }) => [name, dataTypeID]));
seen.array_rows = (await client.query({ text: "SELECT 1 AS a, 2 AS a", rowMode: "array" })).rows;

// A statement of a name is understood once and runs many times.
const named = (id) => client.query({ name: "by-id", text: "SELECT name FROM things WHERE id = $1", values: [id] });
seen.named = [(await named(1)).rows[0].name, (await named(2)).rows[0].name, (await named(3)).rowCount];

// A cursor reads a portal in pieces.
const cursor = client.query(new Cursor("SELECT g::integer AS g FROM generate_series(1, $1::int) g", [25]));
seen.pieces = [];
for (let rows = await cursor.read(10); rows.length > 0; rows = await cursor.read(10)) seen.pieces.push(rows.length);
await cursor.close();

// Several statements at once; an error names itself and leaves the connection usable.
// Its arrays have no type of their own.
const any = (text, values) => client.query({ text, values, rowMode: "array" }).then(({ rows }) => rows.flat());
seen.any = [await any("SELECT id FROM things WHERE id = ANY($1) ORDER BY id", [[1, 7]]),
    await any("SELECT id FROM things WHERE name = ANY($1) AND id <> ALL($2)", [["it's é", "b"], [2, 3]])];
seen.several = (await client.query("SELECT 1 AS one; SELECT 2 AS two")).map(({ rows }) => rows[0]);
seen.wrong = await client.query("SELECT nonsense FROM things").catch(failure);
seen.listen = await client.query("LISTEN changes").catch(failure);
seen.notify = await client.query("NOTIFY changes").catch(failure);
await client.query("BEGIN");
seen.in_transaction = await client.query("SELECT 1/0 AS x FROM nothing_here").catch(failure);
seen.failed = await client.query("SELECT 1").catch(failure);
await client.query("ROLLBACK");
seen.after = (await client.query("SELECT count(*)::integer AS n FROM things")).rows[0].n;

// Forty queries put one behind the other without waiting, over a pool of four connections.
const pool = new pg.Pool({ ...options, max: 4 });
const all = await Promise.all(Array.from({ length: 40 }, (_, n) => pool.query("SELECT $1::int * 2 AS n", [n])));
seen.pooled = all.every(({ rows }, n) => rows[0].n === 2 * n);
await pool.end();

await client.query("DROP TABLE things");
await client.end();
console.log(JSON.stringify(seen));
