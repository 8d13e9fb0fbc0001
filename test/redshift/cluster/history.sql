BEGIN
SET query_group TO 'dev/orders/ID'
LOCK stroma_system.load_ledger, "public"."orders"
SELECT bucket, "key", etag FROM stroma_system.load_ledger WHERE target = ? AND status = 'loaded' AND "key" IN (?)
DROP TABLE IF EXISTS stroma_staged
CREATE TEMP TABLE stroma_staged ("id" integer NOT NULL, "at" timestamp without time zone, "what" character varying(20) DEFAULT 'none')
COPY stroma_staged FROM 's3://lake/manifests/ID_1700000000000' IAM_ROLE 'arn:aws:iam::000000000000:role/copy' MANIFEST CSV GZIP
SELECT filename, lines_scanned FROM stl_load_commits WHERE query = pg_last_copy_id()
SELECT count(*) FROM stroma_staged
SELECT count(*) FROM stroma_staged WHERE "id" IS NULL
SELECT CAST(min("id") AS VARCHAR), CAST(max("id") AS VARCHAR) FROM stroma_staged
DROP TABLE IF EXISTS stroma_winners
CREATE TEMP TABLE stroma_winners AS SELECT "id", "at", "what", stroma_is_new, stroma_was_there FROM (SELECT "id", "at", "what", stroma_is_new, max(1 - stroma_is_new) OVER (PARTITION BY "id", "at") AS stroma_was_there, row_number() OVER (PARTITION BY "id", "at" ORDER BY "at" DESC NULLS LAST, "id" DESC NULLS LAST, "at" DESC NULLS LAST, "what" DESC NULLS LAST, stroma_is_new) AS stroma_place FROM (SELECT "id", "at", "what", 1 AS stroma_is_new FROM stroma_staged UNION ALL SELECT "id", "at", "what", 0 FROM "public"."orders" AS t WHERE EXISTS (SELECT 1 FROM stroma_staged AS s WHERE s."id" = t."id" AND (s."at" = t."at" OR (s."at" IS NULL AND t."at" IS NULL))) AND t."id" BETWEEN CAST('1' AS integer) AND CAST('4' AS integer)) AS candidates) AS ranked WHERE stroma_place = 1
SELECT sum(stroma_is_new * stroma_was_there), sum(stroma_is_new * (1 - stroma_was_there)) FROM stroma_winners
DELETE FROM "public"."orders" USING stroma_winners WHERE stroma_winners.stroma_is_new = 1 AND stroma_winners.stroma_was_there = 1 AND stroma_winners."id" = "public"."orders"."id" AND (stroma_winners."at" = "public"."orders"."at" OR (stroma_winners."at" IS NULL AND "public"."orders"."at" IS NULL))
INSERT INTO "public"."orders" ("id", "at", "what") SELECT "id", "at", "what" FROM stroma_winners WHERE stroma_is_new = 1
DROP TABLE stroma_winners
SELECT CAST(max("at") AS VARCHAR) FROM stroma_staged
INSERT INTO stroma_system.load_ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO stroma_system.loads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TIMESTAMP), CAST(? AS TIMESTAMP), CAST(? AS TIMESTAMP))
DROP TABLE stroma_staged
COMMIT
