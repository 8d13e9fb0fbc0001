-- What monitoring scripts read, made anew at each start.
-- Whether a view is bound late, by what is kept of it: such a one's definition is the statement.
CREATE OR REPLACE MACRO stroma_catalog.stroma_is_late(comment) AS coalesce(json_valid(comment)
    AND regexp_matches(json_extract_string(comment, '$.definition'), '^\s*create\s', 'i'), false);
CREATE OR REPLACE VIEW stroma_system.stl_load_errors AS
    SELECT * FROM stroma_system.stroma_seen_errors;
CREATE OR REPLACE VIEW stroma_system.stl_loaderror_detail AS
    SELECT userid, slice, session, query, filename, line_number, colname AS field, colname,
        raw_field_value AS value, 0 AS is_null, "type", col_length FROM stroma_system.stroma_seen_errors;
CREATE OR REPLACE VIEW stroma_system.sys_load_error_detail AS
    SELECT userid AS user_id, query AS query_id, 0 AS transaction_id, session AS session_id,
        'dev' AS database_name, tbl AS table_id, starttime AS start_time, filename AS file_name,
        line_number, colname AS column_name, "type" AS column_type, col_length AS column_length,
        "position", err_code AS error_code, err_reason AS error_message
    FROM stroma_system.stroma_seen_errors;
CREATE OR REPLACE VIEW stroma_system.stl_load_commits AS
    SELECT * FROM stroma_system.stroma_seen_commits;
CREATE OR REPLACE VIEW stroma_system.sys_load_detail AS
    SELECT userid AS user_id, query AS query_id, slice, 0 AS session_id, target AS table_name,
        filename AS file_name, bytes, lines_scanned, rows_loaded, errors AS error_count,
        curtime AS record_time, file_format, copy_job_id FROM stroma_system.stroma_seen_commits;
CREATE OR REPLACE VIEW stroma_system.sys_load_history AS
    SELECT userid AS user_id, query AS query_id, 'completed' AS status, target AS table_name,
        min(curtime) AS start_time, max(curtime) AS end_time, count(*) AS loaded_file_count,
        sum(rows_loaded)::BIGINT AS loaded_rows, sum(bytes)::BIGINT AS loaded_bytes,
        sum(errors)::BIGINT AS error_count, max(file_format) AS file_format
    FROM stroma_system.stroma_seen_commits GROUP BY ALL;
CREATE OR REPLACE VIEW stroma_system.sys_copy_job AS
    SELECT id AS job_id, "name" AS job_name, source AS data_source, copy_text AS copy_query,
        target AS destination_table, automatic AS is_auto, owner_name AS job_owner,
        created AS create_time FROM stroma_system.copy_jobs
    WHERE stroma_system.stroma_sees_all() OR "owner" = stroma_system.stroma_me();
CREATE OR REPLACE VIEW stroma_system.sys_copy_job_detail AS
    SELECT copy_job_id AS job_id, filename AS file_name, 'loaded' AS status, bytes AS file_size,
        rows_loaded, curtime AS record_time, NULL::VARCHAR AS error_message
    FROM stroma_system.stroma_seen_commits WHERE copy_job_id > 0
    UNION ALL SELECT job_id, filename, 'failed', NULL, 0, noted, reason
    FROM stroma_system.copy_job_failures
    WHERE stroma_system.stroma_sees_all() OR job_id IN (SELECT id FROM stroma_system.copy_jobs
        WHERE "owner" = stroma_system.stroma_me());
CREATE OR REPLACE VIEW stroma_system.stl_query AS
    SELECT userid, query, label, xid, pid, database, querytxt,
        make_timestamp(started_us) AS starttime,
        CASE WHEN ended_us > 0 THEN make_timestamp(ended_us) END AS endtime,
        CASE WHEN state IN ('failed', 'canceled') THEN 1 ELSE 0 END AS aborted,
        0 AS insert_pristine, 0 AS concurrency_scaling_status
    FROM stroma_system.stroma_seen_queries;
CREATE OR REPLACE VIEW stroma_system.svl_qlog AS
    SELECT userid, query, xid, pid, make_timestamp(started_us) AS starttime,
        CASE WHEN ended_us > 0 THEN make_timestamp(ended_us) END AS endtime,
        greatest(ended_us - started_us, 0) AS elapsed,
        CASE WHEN state IN ('failed', 'canceled') THEN 1 ELSE 0 END AS aborted, label,
        left(querytxt, 60) AS "substring", NULL AS source_query, '' AS concurrency_scaling_status_txt
    FROM stroma_system.stroma_seen_queries;
CREATE OR REPLACE VIEW stroma_system.sys_query_history AS
    SELECT userid AS user_id, query AS query_id, label AS query_label, xid AS transaction_id,
        pid AS session_id, database AS database_name, username,
        state AS status, querytxt AS query_text, make_timestamp(started_us) AS start_time,
        CASE WHEN ended_us > 0 THEN make_timestamp(ended_us) END AS end_time,
        greatest(ended_us - started_us, 0) AS elapsed_time, rows AS returned_rows,
        error AS error_message
    FROM stroma_system.stroma_seen_queries;
CREATE OR REPLACE VIEW stroma_system.stv_recents AS
    SELECT userid, CASE WHEN state = 'running' THEN 'Running' ELSE 'Done' END AS status,
        make_timestamp(started_us) AS starttime, greatest(ended_us - started_us, 0) AS duration,
        username AS user_name, database AS db_name, querytxt AS query, pid
    FROM stroma_system.stroma_seen_queries;
-- Least and greatest of a segment as Redshift has them in its blocks: whole numbers as they are,
-- days and microseconds since 2000. Of others null.
CREATE OR REPLACE MACRO stroma_system.stroma_bound(said) AS
    CASE WHEN regexp_full_match(said, '-?[0-9]+') THEN TRY_CAST(said AS BIGINT)
        WHEN regexp_full_match(said, '[0-9]{4}-[0-9]{2}-[0-9]{2}')
        THEN CAST(TRY_CAST(said AS DATE) - DATE '2000-01-01' AS BIGINT)
        WHEN regexp_full_match(said, '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+')
        THEN epoch_us(TRY_CAST(said AS TIMESTAMP)) - epoch_us(TIMESTAMP '2000-01-01') END;
CREATE OR REPLACE VIEW stroma_system.stroma_segments AS
    SELECT schema_name, table_name, "column", column_name, row_group, first_row, "rows", block,
        stroma_system.stroma_bound(least) AS least, stroma_system.stroma_bound(greatest) AS greatest
    FROM stroma_blocks('');
-- A quarter of a megabyte is a block of the engine; so much is taken in memory, too, by a segment
-- that isn't in the file yet.
CREATE OR REPLACE VIEW stroma_system.stroma_sizes AS
    SELECT schema_name, table_name,
        CAST(ceil((count(DISTINCT block) FILTER (block >= 0) + count(*) FILTER (block < 0)) / 4.0)
            AS BIGINT) AS size
    FROM stroma_blocks('') GROUP BY ALL;
-- Rows of segments that begin below what came before them, in the first column of a compound key.
CREATE OR REPLACE VIEW stroma_system.stroma_unsorted AS
    SELECT schema_name, table_name, CASE WHEN count(least) = count(*) THEN
        coalesce(100.0 * sum("rows") FILTER (least < "before") / nullif(sum("rows"), 0), 0) END
        AS unsorted
    FROM (SELECT s.*, max(s.greatest) OVER (PARTITION BY s.schema_name, s.table_name
              ORDER BY s.row_group, s.first_row
              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "before"
          FROM stroma_system.stroma_segments s JOIN duckdb_tables() t USING (schema_name, table_name)
          WHERE CASE WHEN json_valid(t.comment) THEN s.column_name =
              json_extract_string(t.comment, '$.sort[0]')
              AND coalesce(json_extract_string(t.comment, '$.sortstyle'), '') <> 'interleaved' END)
    GROUP BY ALL;
CREATE OR REPLACE VIEW stroma_system.stv_blocklist AS
    SELECT 0 AS slice, "column" AS col,
        stroma_catalog.stroma_number('relation', schema_name || '.' || table_name) AS tbl,
        row_number() OVER (PARTITION BY schema_name, table_name, "column"
            ORDER BY row_group, first_row) - 1 AS blocknum,
        "rows" AS num_values, 0 AS extended_limits, least AS minvalue, greatest AS maxvalue,
        0 AS sb_pos, 0 AS pinned, CASE WHEN block >= 0 THEN 1 ELSE 0 END AS on_disk,
        CASE WHEN block >= 0 THEN 0 ELSE 1 END AS modified, 0 AS hdr_modified, 0 AS unsorted,
        0 AS tombstone, 0 AS preferred_diskno, 0 AS "temporary",
        CASE WHEN block >= 0 THEN 0 ELSE 1 END AS newblock, 0 AS num_readers, 0 AS flags
    FROM stroma_system.stroma_segments WHERE stroma_system.stroma_sees_all();
CREATE OR REPLACE VIEW stroma_system.svv_table_info AS
    SELECT current_database() AS database, schema_name AS schema,
        stroma_catalog.stroma_number('relation', schema_name || '.' || table_name) AS table_id,
        table_name AS "table",
        CASE WHEN coalesce(json_extract_string(comment, '$.columns'), '') LIKE '%"encode"%'
             THEN 'Y, AUTO(ENCODE)' ELSE 'AUTO(ENCODE)' END AS encoded,
        coalesce(json_extract_string(comment, '$.dist'), 'AUTO(ALL)') AS diststyle,
        json_extract_string(comment, '$.sort[0]') AS sortkey1,
        coalesce(CAST(json_array_length(comment, '$.sort') AS INTEGER), 0) AS sortkey_num,
        CASE WHEN json_extract_string(comment, '$.sortstyle') = 'interleaved' THEN 'INTERLEAVED'
             WHEN json_extract_string(comment, '$.sort') IS NOT NULL THEN 'COMPOUND' END AS sort_style,
        coalesce(z.size, 0) AS size, NULL::DOUBLE AS pct_used, 0 AS empty, u.unsorted,
        0.0 AS stats_off, greatest(estimated_size, c."rows") AS tbl_rows,
        c."rows" AS estimated_visible_rows
    FROM (SELECT *, CASE WHEN json_valid(comment) THEN CAST(comment AS JSON) END AS attributes
          FROM duckdb_tables())
        JOIN stroma_row_counts('') c USING (schema_name, table_name)
        LEFT JOIN stroma_system.stroma_sizes z USING (schema_name, table_name)
        LEFT JOIN stroma_system.stroma_unsorted u USING (schema_name, table_name)
    WHERE NOT internal AND NOT temporary AND schema_name NOT LIKE 'stroma\_%' ESCAPE '\'
        AND NOT (schema_name = 'main' AND table_name = 'schema_versions');
-- What COMMENT ON says; a table's own lies among its attributes.
CREATE OR REPLACE VIEW stroma_system.stroma_remarks AS
    SELECT schema_name, table_name, '' AS column_name,
        CASE WHEN json_valid(comment) THEN json_extract_string(comment, '$.comment') END AS remark
    FROM duckdb_tables()
    UNION ALL SELECT schema_name, view_name, '',
        CASE WHEN json_valid(comment) THEN json_extract_string(comment, '$.comment') ELSE comment END
    FROM duckdb_views()
    UNION ALL SELECT schema_name, table_name, column_name, comment FROM duckdb_columns();
CREATE OR REPLACE VIEW stroma_system.svv_tables AS
    SELECT CASE table_catalog WHEN 'temp' THEN current_database() ELSE table_catalog END
            AS table_catalog,
        CASE table_catalog WHEN 'temp' THEN 'pg_temp_1' ELSE table_schema END AS table_schema,
        table_name,
        CASE WHEN EXISTS (SELECT 1 FROM stroma_system.external_tables e
                          WHERE e.schemaname = table_schema AND e.tablename = table_name)
             THEN 'EXTERNAL TABLE' ELSE table_type END AS table_type, remark AS remarks
    FROM information_schema.tables t LEFT JOIN (SELECT schema_name, table_name AS of_table, remark
        FROM stroma_system.stroma_remarks WHERE column_name = '') r
        ON r.schema_name = t.table_schema AND r.of_table = t.table_name
    WHERE table_schema NOT LIKE 'stroma\_%' ESCAPE '\'
        AND (table_schema <> 'main' OR table_catalog = 'temp');
CREATE OR REPLACE VIEW stroma_system.svv_columns AS
    SELECT CASE table_catalog WHEN 'temp' THEN current_database() ELSE table_catalog END
            AS table_catalog,
        CASE table_catalog WHEN 'temp' THEN 'pg_temp_1' ELSE table_schema END AS table_schema,
        table_name, column_name, ordinal_position, column_default,
        is_nullable, data_type, character_maximum_length, numeric_precision,
        numeric_precision_radix, numeric_scale, datetime_precision, NULL::VARCHAR AS interval_type,
        NULL::VARCHAR AS interval_precision, NULL::VARCHAR AS character_set_catalog,
        NULL::VARCHAR AS character_set_schema, NULL::VARCHAR AS character_set_name,
        NULL::VARCHAR AS collation_catalog, NULL::VARCHAR AS collation_schema,
        NULL::VARCHAR AS collation_name, NULL::VARCHAR AS domain_name,
        remark AS remarks FROM information_schema.columns c LEFT JOIN (
            SELECT schema_name, table_name AS of_table, column_name AS of_column, remark
            FROM stroma_system.stroma_remarks WHERE column_name <> '') r
        ON r.schema_name = c.table_schema AND r.of_table = c.table_name
            AND r.of_column = c.column_name
    WHERE table_schema NOT LIKE 'stroma\_%' ESCAPE '\'
        AND (table_schema <> 'main' OR table_catalog = 'temp')
        AND NOT coalesce(list_contains(CAST(getvariable('stroma_unbound') AS VARCHAR[]),
            table_schema || '.' || table_name), false);
CREATE OR REPLACE VIEW stroma_system.svv_all_tables AS
    SELECT table_catalog AS database_name, table_schema AS schema_name, table_name,
        CASE table_type WHEN 'BASE TABLE' THEN 'TABLE' ELSE table_type END AS table_type,
        NULL::VARCHAR AS table_acl, remarks FROM stroma_system.svv_tables;
CREATE OR REPLACE VIEW stroma_system.svv_redshift_tables AS SELECT * FROM stroma_system.svv_all_tables;
CREATE OR REPLACE VIEW stroma_system.svv_all_columns AS
    SELECT table_catalog AS database_name, table_schema AS schema_name, table_name, column_name,
        ordinal_position, column_default, is_nullable, data_type, character_maximum_length,
        numeric_precision, numeric_scale, remarks FROM stroma_system.svv_columns;
CREATE OR REPLACE VIEW stroma_system.svv_redshift_columns AS SELECT * FROM stroma_system.svv_all_columns;
CREATE OR REPLACE VIEW stroma_system.svv_all_schemas AS
    SELECT database_name, schema_name, 100 AS schema_owner, 'local' AS schema_type,
        NULL::VARCHAR AS schema_acl, NULL::VARCHAR AS source_database, NULL::VARCHAR AS schema_option
    FROM duckdb_schemas() WHERE NOT internal AND database_name = current_database()
        AND schema_name NOT LIKE 'stroma\_%' ESCAPE '\' AND schema_name <> 'main';
CREATE OR REPLACE VIEW stroma_system.svv_redshift_schemas AS SELECT * FROM stroma_system.svv_all_schemas;
CREATE OR REPLACE VIEW stroma_system.svv_redshift_databases AS
    SELECT current_database() AS database_name, 100 AS database_owner, 'local' AS database_type,
        NULL::VARCHAR AS database_acl, NULL::VARCHAR AS database_options,
        'Snapshot Isolation' AS database_isolation_level;
CREATE OR REPLACE VIEW stroma_system.svv_external_schemas AS
    SELECT 0 AS esoid, 1 AS eskind, schemaname, 100 AS esowner, databasename, '' AS esoptions
    FROM stroma_system.external_schemas;
-- What a format is called in a catalog: of its name, and the SerDe that was said.
CREATE OR REPLACE MACRO stroma_system.stroma_input_format(of_format) AS
    CASE CAST(of_format AS VARCHAR) WHEN 'parquet'
        THEN 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat'
        ELSE 'org.apache.hadoop.mapred.TextInputFormat' END;
CREATE OR REPLACE MACRO stroma_system.stroma_output_format(of_format) AS
    CASE CAST(of_format AS VARCHAR) WHEN 'parquet'
        THEN 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'
        ELSE 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat' END;
CREATE OR REPLACE MACRO stroma_system.stroma_serde(said, of_format) AS
    CASE WHEN CAST(said AS VARCHAR) <> '' THEN CAST(said AS VARCHAR)
        WHEN CAST(of_format AS VARCHAR) = 'parquet'
        THEN 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
        ELSE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe' END;
CREATE OR REPLACE VIEW stroma_system.stroma_external AS
    SELECT schemaname, tablename, location, definition, stroma_a AS of_format,
        stroma_system.stroma_input_format(stroma_a) AS input_format,
        stroma_system.stroma_output_format(stroma_a) AS output_format,
        stroma_system.stroma_serde(json_extract_string(definition, '$.serde'), stroma_a)
            AS serialization_lib,
        coalesce(CAST(json_extract(definition, '$.serde_parameters') AS VARCHAR), '{}')
            AS serde_parameters,
        CASE WHEN coalesce(json_extract_string(definition, '$.properties.compression_type'), 'none')
            = 'none' THEN 0 ELSE 1 END AS compressed,
        coalesce(CAST(json_extract(definition, '$.properties') AS VARCHAR), '{}') AS parameters
    FROM (SELECT *, json_extract_string(json_extract_string(definition, '$.place'), '$.format')
            AS stroma_a FROM stroma_system.external_tables);
CREATE OR REPLACE VIEW stroma_system.svv_external_tables AS
    SELECT current_database() AS redshift_database_name, schemaname, tablename,
        'EXTERNAL TABLE' AS tabletype, location, input_format, output_format, serialization_lib,
        serde_parameters, compressed, parameters
    FROM stroma_system.stroma_external;
CREATE OR REPLACE VIEW stroma_system.svv_external_columns AS
    SELECT schemaname, tablename, json_extract_string(c, '$[0]') AS columnname,
        json_extract_string(c, '$[2]') AS external_type, place AS columnnum, part_key
    FROM (
        SELECT schemaname, tablename, unnest(CAST(json_extract(definition, '$.columns') AS JSON[])) AS c,
            generate_subscripts(CAST(json_extract(definition, '$.columns') AS JSON[]), 1) AS place,
            0 AS part_key FROM stroma_system.external_tables
        UNION ALL
        SELECT schemaname, tablename, unnest(CAST(json_extract(definition, '$.by') AS JSON[])),
            json_array_length(definition, '$.columns')
                + generate_subscripts(CAST(json_extract(definition, '$.by') AS JSON[]), 1),
            generate_subscripts(CAST(json_extract(definition, '$.by') AS JSON[]), 1)
        FROM stroma_system.external_tables);
CREATE OR REPLACE VIEW stroma_system.svv_external_partitions AS
    SELECT schemaname, tablename, CAST(json_extract(p, '$.values') AS VARCHAR) AS "values",
        json_extract_string(p, '$.location') AS location, input_format, output_format,
        serialization_lib, serde_parameters, compressed, parameters
    FROM (SELECT *, unnest(CAST(json_extract(definition, '$.partitions') AS JSON[])) AS p
        FROM stroma_system.stroma_external);
CREATE OR REPLACE VIEW stroma_system.svl_s3query_summary AS
    SELECT query, external_table_name, location, files, s3_scanned_bytes, s3_scanned_rows, columns
    FROM stroma_external_reads('');
CREATE OR REPLACE VIEW stroma_system.pg_table_def AS
    SELECT c.schema_name AS schemaname, c.table_name AS tablename, c.column_name AS "column",
        coalesce(json_extract_string(t.comment, '/columns/' || replace(replace(c.column_name, '~', '~0'), '/', '~1') || '/type'),
                 lower(c.data_type)) AS "type",
        coalesce(json_extract_string(t.comment, '/columns/' || replace(replace(c.column_name, '~', '~0'), '/', '~1') || '/encode'),
                 'none') AS encoding,
        coalesce(json_extract_string(t.comment, '$.distkey') = c.column_name, false) AS distkey,
        coalesce(list_position(CAST(json_extract(t.comment, '$.sort') AS VARCHAR[]), c.column_name), 0)
            AS sortkey,
        NOT c.is_nullable AS notnull
    FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid, database_oid)
    WHERE NOT c.internal AND list_contains(current_schemas(false), c.schema_name)
        AND c.schema_name NOT LIKE 'stroma\_%' ESCAPE '\';
-- Materialized views are worked out when they are read, so that none is ever behind.
CREATE OR REPLACE VIEW stroma_system.stv_mv_info AS
    SELECT current_database() AS db_name, m."schema" AS schema, m."name" AS name,
        0 AS updated_upto_xid, 'f' AS is_stale, coalesce(u."name", '') AS owner_user_name,
        1 AS state, CASE WHEN auto_refresh THEN 't' ELSE 'f' END AS autorefresh,
        'f' AS autorewrite
    FROM stroma_system.materialized_views m
        JOIN duckdb_views() v ON v.schema_name = m."schema" AND v.view_name = m."name"
        LEFT JOIN stroma_system.owners o ON o.kind = 'relation' AND o."schema" = lower(m."schema")
            AND o."name" = lower(m."name")
        LEFT JOIN stroma_system.users u ON u.id = o."owner"
    WHERE NOT v.internal AND v.database_name = current_database();
CREATE OR REPLACE VIEW stroma_system.svv_mv_info AS
    SELECT db_name AS database_name, schema AS schema_name, owner_user_name AS user_name, name,
        is_stale, state, autorewrite, autorefresh FROM stroma_system.stv_mv_info;
-- Procedures as Redshift lists functions; those in SQL are in pg_proc.
CREATE OR REPLACE VIEW stroma_system.svv_redshift_functions AS
    SELECT current_database() AS database_name, schemaname AS schema_name, "name" AS function_name,
        'STORED PROCEDURE' AS function_type,
        array_to_string(list_transform(list_filter(CAST(CAST(arguments AS JSON) AS JSON[]),
            lambda a: (a->>'$.mode') <> 'o'), lambda a: a->>'$.type'), ', ') AS argument_type,
        '' AS result_type
    FROM stroma_system.procedures;
