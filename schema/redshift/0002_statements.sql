-- Statements of the Data API that changed something: a line in the transaction of the change, so
-- that after a crash it is known which of them took effect.
CREATE TABLE stroma_system.statement_marks(id VARCHAR NOT NULL, committed TIMESTAMP NOT NULL);
-- COPY JOB: the statement that is run for objects that are new under its source, by whoever made it.
-- What it loaded stands in load_commits; what it couldn't load is here, and isn't tried again.
CREATE SEQUENCE stroma_system.copy_job_ids START 1;
CREATE TABLE stroma_system.copy_jobs(
    id BIGINT NOT NULL, "name" VARCHAR NOT NULL, copy_text VARCHAR NOT NULL,
    target VARCHAR NOT NULL, source VARCHAR NOT NULL, automatic BOOLEAN NOT NULL,
    rewritten BOOLEAN NOT NULL, "owner" VARCHAR NOT NULL, owner_name VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL);
CREATE TABLE stroma_system.copy_job_failures(
    job_id BIGINT NOT NULL, filename VARCHAR NOT NULL, etag VARCHAR NOT NULL, reason VARCHAR,
    noted TIMESTAMP NOT NULL);
-- Spectrum: what external schemas and tables are; each table is also a view that reads its objects.
CREATE TABLE stroma_system.external_schemas(schemaname VARCHAR NOT NULL, databasename VARCHAR);
CREATE TABLE stroma_system.external_tables(
    schemaname VARCHAR NOT NULL, tablename VARCHAR NOT NULL, location VARCHAR NOT NULL,
    definition VARCHAR NOT NULL);
