BEGIN
SET query_group TO 'dev/orders/ID'
LOCK stroma_system.load_ledger, "public"."orders"
SELECT bucket, "key", etag FROM stroma_system.load_ledger WHERE target = ? AND status = 'loaded' AND "key" IN (?)
DROP TABLE IF EXISTS stroma_staged
CREATE TEMP TABLE stroma_staged ("id" integer NOT NULL, "at" timestamp without time zone, "what" character varying(20) DEFAULT 'none')
COPY stroma_staged FROM 's3://lake/manifests/ID_1700000000000' IAM_ROLE 'arn:aws:iam::000000000000:role/copy' MANIFEST CSV GZIP
SELECT filename, lines_scanned FROM stl_load_commits WHERE query = pg_last_copy_id()
SELECT count(*) FROM stroma_staged
INSERT INTO "public"."orders" ("id", "at", "what") SELECT "id", "at", "what" FROM stroma_staged
INSERT INTO stroma_system.load_ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO stroma_system.loads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TIMESTAMP), CAST(? AS TIMESTAMP), CAST(? AS TIMESTAMP))
DROP TABLE stroma_staged
COMMIT
