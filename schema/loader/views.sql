-- Made anew at each start.
CREATE OR REPLACE VIEW stroma_system.stroma_loads AS
    SELECT *, epoch_ms(committed - told) / 1000.0 AS seconds FROM stroma_system.loads;
CREATE OR REPLACE VIEW stroma_system.stroma_load_ledger AS
    SELECT * FROM stroma_system.load_ledger;
CREATE OR REPLACE VIEW stroma_system.stroma_dead_letters AS
    SELECT * FROM stroma_system.dead_letters;
CREATE OR REPLACE VIEW stroma_system.stroma_schema_history AS
    SELECT * FROM stroma_system.schema_history;
-- How fresh each table is that the loader fills. Lag: how old the newest event is.
CREATE OR REPLACE VIEW stroma_system.stroma_freshness AS
    SELECT target AS table_name, sum(rows_inserted + rows_updated)::BIGINT AS rows_loaded,
        sum(files)::BIGINT AS files, sum(bytes)::BIGINT AS bytes, count(*) AS loads,
        sum(rows_merged)::BIGINT AS duplicates_merged, sum(rows_late)::BIGINT AS late_rows,
        sum(rows_rejected)::BIGINT AS rejects,
        (SELECT count(DISTINCT ("key", etag)) FROM stroma_system.dead_letters AS d
            WHERE d.target = l.target AND NOT EXISTS (SELECT 1 FROM stroma_system.load_ledger AS o
                WHERE o.target = d.target AND o.bucket = d.bucket AND o."key" = d."key"
                AND o.status = 'loaded' AND o.committed >= d.noted)) AS dead_letters,
        (SELECT count(*) FROM stroma_system.load_ledger AS m
            WHERE m.target = l.target AND m.status = 'missing') AS missing,
        max(event_time) AS last_event_time, max(committed) AS last_loaded,
        arg_max(epoch_ms(committed - told), committed) / 1000.0 AS last_seconds,
        greatest(0, epoch_ms(CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)
            - coalesce(max(event_time), max(committed)))) / 1000.0 AS lag_seconds
    FROM stroma_system.loads AS l GROUP BY target;
