-- The loader's ledger in a PostgreSQL database; run at each start. Columns as in the user database.
CREATE SCHEMA IF NOT EXISTS stroma_system;
CREATE TABLE IF NOT EXISTS stroma_system.load_ledger(
    load_id text NOT NULL, target text NOT NULL, bucket text NOT NULL, key text NOT NULL,
    etag text NOT NULL, bytes bigint, rows_loaded bigint, manifest text, statement text,
    status text NOT NULL, attempt integer, event_time timestamp, committed timestamp NOT NULL);
-- Also the last word on "once": a second line of the same content fails its transaction.
CREATE UNIQUE INDEX IF NOT EXISTS load_ledger_once
    ON stroma_system.load_ledger(target, key, bucket, etag) WHERE status = 'loaded';
CREATE INDEX IF NOT EXISTS load_ledger_missing
    ON stroma_system.load_ledger(target, key) WHERE status <> 'loaded';
CREATE TABLE IF NOT EXISTS stroma_system.loads(
    load_id text NOT NULL, statement text NOT NULL, target text NOT NULL, source text NOT NULL,
    manifest text, attempt integer, files bigint, bytes bigint, rows_read bigint,
    rows_inserted bigint, rows_updated bigint, rows_merged bigint, rows_late bigint,
    rows_rejected bigint, event_time timestamp, told timestamp, committed timestamp NOT NULL);
CREATE TABLE IF NOT EXISTS stroma_system.load_errors(
    tbl text, starttime timestamp, filename text, line_number bigint, colname text, type text,
    col_length text, position integer, raw_line text, raw_field_value text, err_code integer,
    err_reason text);
CREATE TABLE IF NOT EXISTS stroma_system.dead_letters(
    target text NOT NULL, bucket text, key text, etag text, reason text, message text,
    noted timestamp NOT NULL);
CREATE TABLE IF NOT EXISTS stroma_system.schema_history(
    target text NOT NULL, column_name text NOT NULL, type text NOT NULL, load_id text,
    added timestamp NOT NULL);
CREATE TABLE IF NOT EXISTS stroma_system.load_ends(
    load_id text NOT NULL, teller text NOT NULL, document text NOT NULL);

CREATE OR REPLACE VIEW stroma_system.stroma_loads AS
    SELECT *, extract(epoch FROM committed - told)::double precision AS seconds
    FROM stroma_system.loads;
CREATE OR REPLACE VIEW stroma_system.stroma_load_ledger AS
    SELECT * FROM stroma_system.load_ledger;
CREATE OR REPLACE VIEW stroma_system.stroma_dead_letters AS
    SELECT * FROM stroma_system.dead_letters;
CREATE OR REPLACE VIEW stroma_system.stroma_schema_history AS
    SELECT * FROM stroma_system.schema_history;
CREATE OR REPLACE VIEW stroma_system.stl_load_errors AS
    SELECT *, tbl AS table_name FROM stroma_system.load_errors;
-- How fresh each table is that the loader fills. Lag: how old the newest event is.
CREATE OR REPLACE VIEW stroma_system.stroma_freshness AS
    SELECT target AS table_name, sum(rows_inserted + rows_updated)::bigint AS rows_loaded,
        sum(files)::bigint AS files, sum(bytes)::bigint AS bytes, count(*) AS loads,
        sum(rows_merged)::bigint AS duplicates_merged, sum(rows_late)::bigint AS late_rows,
        sum(rows_rejected)::bigint AS rejects,
        (SELECT count(DISTINCT (key, etag)) FROM stroma_system.dead_letters AS d
            WHERE d.target = l.target AND NOT EXISTS (SELECT 1 FROM stroma_system.load_ledger AS o
                WHERE o.target = d.target AND o.bucket = d.bucket AND o.key = d.key
                AND o.status = 'loaded' AND o.committed >= d.noted)) AS dead_letters,
        (SELECT count(*) FROM stroma_system.load_ledger AS m
            WHERE m.target = l.target AND m.status = 'missing') AS missing,
        max(event_time) AS last_event_time, max(committed) AS last_loaded,
        (array_agg(extract(epoch FROM committed - told)::double precision
            ORDER BY committed DESC))[1] AS last_seconds,
        greatest(0, extract(epoch FROM (now() AT TIME ZONE 'UTC')
            - coalesce(max(event_time), max(committed))))::double precision AS lag_seconds
    FROM stroma_system.loads AS l GROUP BY target;
