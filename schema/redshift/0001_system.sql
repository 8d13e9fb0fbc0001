CREATE SCHEMA IF NOT EXISTS public;
CREATE SCHEMA IF NOT EXISTS stroma_dialect;
CREATE SCHEMA IF NOT EXISTS stroma_system;
CREATE SCHEMA IF NOT EXISTS stroma_catalog;
-- What was loaded: a line for each file of a COPY, in the transaction of its rows.
CREATE TABLE stroma_system.load_commits(
    userid INTEGER, query BIGINT, slice INTEGER, "name" VARCHAR, filename VARCHAR,
    byte_offset BIGINT, lines_scanned BIGINT, errors BIGINT, curtime TIMESTAMP, status INTEGER,
    file_format VARCHAR, is_partial INTEGER, start_offset BIGINT, copy_job_id BIGINT,
    target VARCHAR, etag VARCHAR, bytes BIGINT, rows_loaded BIGINT);
-- What COPY refused, kept also when its transaction wasn't.
CREATE TABLE stroma_system.load_errors(
    userid INTEGER, slice INTEGER, tbl VARCHAR, starttime TIMESTAMP, session INTEGER,
    query BIGINT, filename VARCHAR, line_number BIGINT, colname VARCHAR, "type" VARCHAR,
    col_length VARCHAR, "position" INTEGER, raw_line VARCHAR, raw_field_value VARCHAR,
    err_code INTEGER, err_reason VARCHAR, is_partial INTEGER, start_offset BIGINT,
    copy_job_id BIGINT);
-- What the loader loaded: one line for each object and table, in the transaction of its rows.
CREATE TABLE stroma_system.load_ledger(
    load_id VARCHAR NOT NULL, target VARCHAR NOT NULL, bucket VARCHAR NOT NULL,
    "key" VARCHAR NOT NULL, etag VARCHAR NOT NULL, bytes BIGINT, rows_loaded BIGINT,
    manifest VARCHAR, statement VARCHAR, status VARCHAR NOT NULL, attempt INTEGER,
    event_time TIMESTAMP, committed TIMESTAMP NOT NULL);
CREATE TABLE stroma_system.dead_letters(
    target VARCHAR NOT NULL, bucket VARCHAR, "key" VARCHAR, etag VARCHAR, reason VARCHAR,
    message VARCHAR, noted TIMESTAMP NOT NULL);
