-- One line for each transaction of the loader, in it.
CREATE TABLE stroma_system.loads(
    load_id VARCHAR NOT NULL, statement VARCHAR NOT NULL, target VARCHAR NOT NULL,
    "source" VARCHAR NOT NULL, manifest VARCHAR, attempt INTEGER, files BIGINT, bytes BIGINT,
    rows_read BIGINT, rows_inserted BIGINT, rows_updated BIGINT, rows_merged BIGINT,
    rows_late BIGINT, rows_rejected BIGINT, event_time TIMESTAMP, told TIMESTAMP,
    committed TIMESTAMP NOT NULL);
-- Columns that loads added.
CREATE TABLE stroma_system.schema_history(
    target VARCHAR NOT NULL, column_name VARCHAR NOT NULL, "type" VARCHAR NOT NULL,
    load_id VARCHAR, added TIMESTAMP NOT NULL);
-- Configurations that `stroma load --config` gave.
CREATE TABLE stroma_system.loader_configs(
    "name" VARCHAR PRIMARY KEY, document VARCHAR NOT NULL, given TIMESTAMP NOT NULL);
-- Bulk loads: a path after the other, which go on after a restart.
CREATE TABLE stroma_system.bulk_loads(
    id VARCHAR PRIMARY KEY, document VARCHAR NOT NULL, role VARCHAR, state VARCHAR NOT NULL,
    paths_done BIGINT NOT NULL, paths BIGINT NOT NULL, answer VARCHAR NOT NULL, error VARCHAR,
    given TIMESTAMP NOT NULL, changed TIMESTAMP NOT NULL);
