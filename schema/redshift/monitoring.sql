-- What monitoring scripts read of sessions, statements, locks and UNLOAD, made anew at each start.
-- Columns that Redshift has and that mean nothing here are null or 0; a statement has one step, for
-- the engine's own plan isn't told step by step.
CREATE OR REPLACE VIEW stroma_system.stroma_seen_sessions AS
    SELECT coalesce(u."number", 100) AS userid, s.*, make_timestamp(s.started_us) AS started,
        CASE WHEN s.ended_us > 0 THEN make_timestamp(s.ended_us) END AS ended
    FROM stroma_sessions('') s LEFT JOIN stroma_system.users u ON u."name" = s.username
    WHERE stroma_system.stroma_sees_all() OR u.id = stroma_system.stroma_me();
CREATE OR REPLACE VIEW stroma_system.stroma_seen_steps AS
    SELECT *, make_timestamp(started_us) AS started,
        CASE WHEN ended_us > 0 THEN make_timestamp(ended_us) END AS ended,
        CASE WHEN ended_us > 0 THEN greatest(ended_us - started_us, 0) ELSE 0 END AS elapsed,
        CASE WHEN regexp_matches(querytxt, '^\s*(select|with|insert|update|delete|merge|copy|unload|fetch|values)\b', 'i')
                 THEN 'QUERY'
             WHEN regexp_matches(querytxt, '^\s*(create|alter|drop|truncate|comment|grant|revoke)\b', 'i')
                 THEN 'DDL'
             ELSE 'UTILITY' END AS statement_type
    FROM stroma_system.stroma_seen_queries;

CREATE OR REPLACE VIEW stroma_system.stv_sessions AS
    SELECT started AS starttime, process, username AS user_name, database AS db_name,
        0 AS timeout_sec FROM stroma_system.stroma_seen_sessions WHERE ended IS NULL;
CREATE OR REPLACE VIEW stroma_system.stl_connection_log AS
    SELECT event, recordtime, remote AS remotehost, NULL::VARCHAR AS remoteport, process AS pid,
        database AS dbname, username, 'password' AS authmethod, duration,
        0 AS mtu, NULL::VARCHAR AS sslversion, NULL::VARCHAR AS sslcipher,
        NULL::VARCHAR AS sslcompression, NULL::VARCHAR AS sslexpansion,
        NULL::VARCHAR AS iamauthguid, application AS application_name,
        driver AS driver_version, os AS os_version, NULL::VARCHAR AS plugin_name,
        NULL::INTEGER AS protocol_version, process::VARCHAR AS sessionid,
        NULL::VARCHAR AS compression
    FROM (SELECT *, 'initiating session' AS event, started AS recordtime, 0::BIGINT AS duration
          FROM stroma_system.stroma_seen_sessions
          UNION ALL SELECT *, 'disconnecting session', ended, ended_us - started_us
          FROM stroma_system.stroma_seen_sessions WHERE ended IS NOT NULL)
    WHERE remote <> '';
-- What is rolled back the engine only forgets: nothing is left to undo.
CREATE OR REPLACE VIEW stroma_system.stl_undone AS
    SELECT 0::INTEGER AS userid, 0::BIGINT AS xact_id, 0::BIGINT AS xact_id_undone,
        NULL::TIMESTAMP AS undo_start_ts, NULL::TIMESTAMP AS undo_end_ts, 0::BIGINT AS table_id
    WHERE false;
CREATE OR REPLACE VIEW stroma_system.sys_connection_log AS
    SELECT event, recordtime AS record_time, remotehost AS remote_host, remoteport AS remote_port,
        pid AS session_id, dbname AS database_name, username AS user_name,
        authmethod AS auth_method, duration, sslversion AS ssl_version, sslcipher AS ssl_cipher,
        application_name FROM stroma_system.stl_connection_log;
CREATE OR REPLACE VIEW stroma_system.sys_session_history AS
    SELECT userid AS user_id, process AS session_id, database AS database_name,
        CASE WHEN ended IS NULL THEN 'open' ELSE 'closed' END AS status, 0 AS session_timeout,
        started AS start_time, ended AS end_time FROM stroma_system.stroma_seen_sessions;

CREATE OR REPLACE VIEW stroma_system.stv_inflight AS
    SELECT userid, 0 AS slice, query, label, xid, pid, started AS starttime,
        left(querytxt, 100) AS text, 0 AS suspended, 0 AS insert_pristine,
        0 AS concurrency_scaling_status
    FROM stroma_system.stroma_seen_steps WHERE state = 'running';
CREATE OR REPLACE VIEW stroma_system.svv_query_inflight AS
    SELECT userid, slice, query, pid, starttime, suspended, text, 0 AS sequence
    FROM stroma_system.stv_inflight;
CREATE OR REPLACE VIEW stroma_system.svl_statementtext AS
    SELECT userid, xid, pid, label, started AS starttime, ended AS endtime, place AS sequence,
        statement_type AS "type", substr(querytxt, place * 200 + 1, 200) AS text
    FROM (SELECT *, unnest(range(greatest(1, CAST(ceil(length(querytxt) / 200.0) AS BIGINT)))) AS place
          FROM stroma_system.stroma_seen_steps);
CREATE OR REPLACE VIEW stroma_system.stl_ddltext AS
    SELECT * EXCLUDE ("type") FROM stroma_system.svl_statementtext WHERE "type" = 'DDL';
CREATE OR REPLACE VIEW stroma_system.stl_utilitytext AS
    SELECT * EXCLUDE ("type") FROM stroma_system.svl_statementtext WHERE "type" = 'UTILITY';
CREATE OR REPLACE VIEW stroma_system.stl_querytext AS
    SELECT userid, xid, pid, query, place AS sequence,
        substr(querytxt, place * 200 + 1, 200) AS text
    FROM (SELECT *, unnest(range(greatest(1, CAST(ceil(length(querytxt) / 200.0) AS BIGINT)))) AS place
          FROM stroma_system.stroma_seen_queries);
CREATE OR REPLACE VIEW stroma_system.sys_query_text AS
    SELECT userid AS user_id, query AS query_id, xid AS transaction_id, pid AS session_id,
        started AS start_time, place AS sequence, substr(querytxt, place * 4000 + 1, 4000) AS text
    FROM (SELECT *, unnest(range(greatest(1, CAST(ceil(length(querytxt) / 4000.0) AS BIGINT)))) AS place
          FROM stroma_system.stroma_seen_steps);
CREATE OR REPLACE VIEW stroma_system.sys_query_detail AS
    SELECT userid AS user_id, query AS query_id, 1 AS child_query_sequence, 0 AS stream_id,
        0 AS segment_id, 0 AS step_id, 'return' AS step_name, started AS start_time,
        ended AS end_time, elapsed AS duration, rows AS output_rows
    FROM stroma_system.stroma_seen_steps;
CREATE OR REPLACE VIEW stroma_system.svl_query_summary AS
    SELECT userid, query, 0 AS stm, 0 AS seg, 0 AS step, elapsed AS maxtime, elapsed AS avgtime,
        rows, NULL::BIGINT AS bytes, NULL::DOUBLE AS rate_row, NULL::DOUBLE AS rate_byte,
        'return' AS label, 'f' AS is_diskbased, NULL::BIGINT AS workmem, 'f' AS is_rrscan,
        'f' AS is_delayed_scan, NULL::BIGINT AS rows_pre_filter
    FROM stroma_system.stroma_seen_steps WHERE ended IS NOT NULL;
CREATE OR REPLACE VIEW stroma_system.stl_wlm_query AS
    SELECT userid, xid, 0 AS task, query, 6 AS service_class, 1 AS slot_count,
        started AS service_class_start_time, started AS queue_start_time,
        started AS queue_end_time, 0::BIGINT AS total_queue_time, started AS exec_start_time,
        ended AS exec_end_time, elapsed AS total_exec_time, ended AS service_class_end_time,
        CASE state WHEN 'success' THEN 'Completed' ELSE 'Evicted' END AS final_state,
        'Normal' AS query_priority, 'Default queue' AS service_class_name
    FROM stroma_system.stroma_seen_steps WHERE ended IS NOT NULL AND statement_type = 'QUERY';
CREATE OR REPLACE VIEW stroma_system.stv_wlm_query_state AS
    SELECT xid, 0 AS task, query, 6 AS service_class, 1 AS slot_count, started AS wlm_start_time,
        'Running' AS state, 0::BIGINT AS queue_time,
        epoch_us(now()::TIMESTAMP) - started_us AS exec_time, 'Normal' AS query_priority
    FROM stroma_system.stroma_seen_steps WHERE state = 'running' AND statement_type = 'QUERY';
CREATE OR REPLACE VIEW stroma_system.stl_tr_conflict AS
    SELECT xid AS xact_id, pid AS process_id, started AS xact_start_ts, ended AS abort_time,
        CAST(regexp_extract(error, 'table - ([0-9]+)', 1) AS BIGINT) AS table_id
    FROM stroma_system.stroma_seen_steps
    WHERE error LIKE '1023: Serializable isolation violation on table - %';
CREATE OR REPLACE VIEW stroma_system.svv_vacuum_progress AS
    SELECT regexp_extract(querytxt, '([\w".]+)\s*(to\s.*)?;?\s*$', 1, 'i') AS table_name,
        CASE state WHEN 'running' THEN 'In progress' WHEN 'success' THEN 'Complete'
             ELSE 'Failed' END AS status, NULL::VARCHAR AS time_remaining_estimate
    FROM stroma_system.stroma_seen_steps WHERE regexp_matches(querytxt, '^\s*vacuum\b', 'i')
    ORDER BY query DESC LIMIT 1;

-- A table's writer has it alone until its transaction ends; readers need no lock.
CREATE OR REPLACE VIEW stroma_system.stroma_seen_locks AS
    SELECT l.xid, l.table_name, l.granted, q.pid, q.username, q.database,
        make_timestamp(q.started_us) AS started,
        stroma_catalog.stroma_number('relation', l.table_name) AS table_id
    FROM stroma_locks('') l
        JOIN (SELECT xid, arg_max(pid, query) AS pid, arg_max(username, query) AS username,
                  arg_max(database, query) AS database, min(started_us) AS started_us
              FROM stroma_system.stroma_seen_queries GROUP BY xid) q USING (xid);
CREATE OR REPLACE VIEW stroma_system.svv_transactions AS
    SELECT username AS txn_owner, database AS txn_db, xid, pid, started AS txn_start,
        'ExclusiveLock' AS lock_mode, 'relation' AS lockable_object_type, table_id AS relation,
        granted FROM stroma_system.stroma_seen_locks;
CREATE OR REPLACE VIEW stroma_system.stv_locks AS
    SELECT table_id, NULL::TIMESTAMP AS last_update, xid AS lock_owner,
        pid AS lock_owner_pid, started AS lock_owner_start_ts, NULL::TIMESTAMP AS lock_owner_end_ts,
        CASE WHEN granted THEN 'Holding write lock' ELSE 'Waiting for write lock' END AS lock_status
    FROM stroma_system.stroma_seen_locks;

CREATE OR REPLACE VIEW stroma_system.stroma_seen_unloads AS
    SELECT f.query, f.path, f.file_format, nullif(f.rows, -1) AS rows, f.bytes, q.userid, q.pid,
        q.xid, q.database, q.state, q.error, make_timestamp(q.started_us) AS started,
        make_timestamp(f.ended_us) AS ended, f.ended_us - q.started_us AS elapsed
    FROM stroma_unloads('') f JOIN stroma_system.stroma_seen_queries q USING (query);
CREATE OR REPLACE VIEW stroma_system.stl_unload_log AS
    SELECT userid, query, 0 AS slice, pid, path, started AS start_time, ended AS end_time,
        rows AS line_count, bytes AS transfer_size, file_format
    FROM stroma_system.stroma_seen_unloads;
CREATE OR REPLACE VIEW stroma_system.sys_unload_detail AS
    SELECT userid AS user_id, query AS query_id, xid AS transaction_id, pid AS session_id,
        database AS database_name, started AS start_time, ended AS end_time, elapsed AS duration,
        path AS file_name, file_format, rows AS line_count, bytes AS transfer_size
    FROM stroma_system.stroma_seen_unloads;
CREATE OR REPLACE VIEW stroma_system.sys_unload_history AS
    SELECT userid AS user_id, query AS query_id, xid AS transaction_id, pid AS session_id,
        database AS database_name, 'completed' AS status, min(started) AS start_time,
        max(ended) AS end_time, max(elapsed) AS duration, file_format,
        count(*) AS unloaded_files_count, sum(bytes)::BIGINT AS unloaded_files_size,
        sum(rows)::BIGINT AS unloaded_rows, min(path) AS unloaded_location
    FROM stroma_system.stroma_seen_unloads GROUP BY ALL;

-- One machine is one node with one slice and one queue.
CREATE OR REPLACE VIEW stroma_system.stv_slices AS
    SELECT 0 AS node, 0 AS slice, 0 AS localslice, 'D' AS "type";
CREATE OR REPLACE VIEW stroma_system.stv_wlm_service_class_config AS
    SELECT 6 AS service_class, 'FIFO Queue Policy' AS queueing_strategy, 0 AS num_query_tasks,
        0 AS target_num_query_tasks, 'false' AS evictable, 0 AS eviction_threshold,
        'Default queue' AS "name", 0 AS max_execution_time, 'false' AS user_group_wild_card,
        'false' AS query_group_wild_card, 'Normal' AS query_priority;
CREATE OR REPLACE VIEW stroma_system.stv_wlm_classification_config AS
    SELECT 1 AS id, 'all statements' AS condition, 0 AS action_seq, 'assign' AS action,
        6 AS action_service_class;
CREATE OR REPLACE VIEW stroma_system.stv_tbl_perm AS
    SELECT 0 AS slice, table_id AS id, "table" AS "name", tbl_rows AS rows,
        CAST(round(tbl_rows * (1 - coalesce(unsorted, 0) / 100)) AS BIGINT) AS sorted_rows,
        0 AS "temp", 1 AS db_id, 0 AS insert_pristine, 0 AS delete_pristine, 1 AS backup, 0 AS dist_style, size AS block_count
    FROM stroma_system.svv_table_info;
CREATE OR REPLACE VIEW stroma_system.svv_interleaved_columns AS
    SELECT tbl, place - 1 AS col, 1.0 AS interleaved_skew,
        NULL::TIMESTAMP AS last_reindex
    FROM (SELECT stroma_catalog.stroma_number('relation', schema_name || '.' || table_name) AS tbl,
              generate_subscripts(CAST(json_extract(attributes, '$.sort') AS VARCHAR[]), 1) AS place
          FROM (SELECT *, CASE WHEN json_valid(comment) THEN CAST(comment AS JSON) END AS attributes
                FROM duckdb_tables())
          WHERE json_extract_string(attributes, '$.sortstyle') = 'interleaved');

-- There is no such thing here, so that they have no rows.
CREATE OR REPLACE VIEW stroma_system.stl_alert_event_log AS
    SELECT 0 AS userid, 0::BIGINT AS query, 0 AS slice, 0 AS segment, 0 AS step, 0 AS pid,
        0::BIGINT AS xid, '' AS event, '' AS solution, NULL::TIMESTAMP AS event_time WHERE false;
CREATE OR REPLACE VIEW stroma_system.svv_alter_table_recommendations AS
    SELECT '' AS "type", '' AS database, 0 AS table_id, 0 AS group_id, '' AS ddl,
        '' AS auto_eligible WHERE false;
CREATE OR REPLACE VIEW stroma_system.svv_datashares AS
    SELECT '' AS share_name, 0 AS share_id, 0 AS share_owner, '' AS source_database,
        '' AS consumer_database, '' AS share_type, NULL::TIMESTAMP AS createdate,
        false AS is_publicaccessible, '' AS share_acl, '' AS producer_account,
        '' AS producer_namespace, '' AS managed_by WHERE false;
CREATE OR REPLACE VIEW stroma_system.svl_udf_log AS
    SELECT 0::BIGINT AS query, '' AS message, NULL::TIMESTAMP AS created, 0 AS traceback,
        '' AS funcname, 0 AS node, 0 AS slice, 0 AS seq WHERE false;
CREATE OR REPLACE VIEW stroma_system.svl_stored_proc_call AS
    SELECT 0 AS userid, '' AS session_userid, 0::BIGINT AS query, '' AS label, 0::BIGINT AS xid,
        0 AS pid, '' AS database, '' AS querytxt, NULL::TIMESTAMP AS starttime,
        NULL::TIMESTAMP AS endtime, 0 AS aborted, 0 AS from_sp_call WHERE false;
