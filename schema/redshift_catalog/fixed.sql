-- Relations of pg_catalog that are the same everywhere, or empty because there is no such thing
-- here. Columns are those that clients ask for.
CREATE OR REPLACE VIEW stroma_catalog.pg_type AS
    SELECT CAST(number AS UINTEGER) AS oid, name AS typname, CAST(11 AS UINTEGER) AS typnamespace,
        CAST(10 AS UINTEGER) AS typowner, CAST(size AS SMALLINT) AS typlen,
        size BETWEEN 1 AND 8 AS typbyval, CASE WHEN kind = 'P' THEN 'p' ELSE 'b' END AS typtype,
        kind AS typcategory, number IN (16, 25, 26, 701, 1184) AS typispreferred, true AS typisdefined,
        ',' AS typdelim, CAST(0 AS UINTEGER) AS typrelid, CAST(element AS UINTEGER) AS typelem,
        CAST(arr AS UINTEGER) AS typarray,
        CASE WHEN name LIKE '\_%' ESCAPE '\' THEN 'array_in' ELSE name || 'in' END AS typinput,
        CASE WHEN name LIKE '\_%' ESCAPE '\' THEN 'array_out' ELSE name || 'out' END AS typoutput,
        CASE WHEN name LIKE '\_%' ESCAPE '\' THEN 'array_recv' ELSE name || 'recv' END AS typreceive,
        CASE WHEN name LIKE '\_%' ESCAPE '\' THEN 'array_send' ELSE name || 'send' END AS typsend,
        CAST(0 AS UINTEGER) AS typmodin, CAST(0 AS UINTEGER) AS typmodout, 'i' AS typalign,
        'p' AS typstorage, false AS typnotnull, CAST(0 AS UINTEGER) AS typbasetype, -1 AS typtypmod,
        0 AS typndims, CAST(0 AS UINTEGER) AS typcollation, CAST(NULL AS VARCHAR) AS typdefault,
        CAST(NULL AS VARCHAR[]) AS typacl, full_name AS stroma_name
    FROM (VALUES (16, 'bool', 1, 'B', 0, 1000, 'boolean'),
        (17, 'bytea', -1, 'U', 0, 1001, 'bytea'), (18, 'char', 1, 'S', 0, 1002, '"char"'),
        (19, 'name', 64, 'S', 18, 1003, 'name'), (20, 'int8', 8, 'N', 0, 1016, 'bigint'),
        (21, 'int2', 2, 'N', 0, 1005, 'smallint'), (23, 'int4', 4, 'N', 0, 1007, 'integer'),
        (24, 'regproc', 4, 'N', 0, 1008, 'regproc'), (25, 'text', -1, 'S', 0, 1009, 'text'),
        (26, 'oid', 4, 'N', 0, 1028, 'oid'), (27, 'tid', 6, 'U', 0, 1010, 'tid'),
        (28, 'xid', 4, 'U', 0, 1011, 'xid'), (114, 'json', -1, 'U', 0, 199, 'json'),
        (700, 'float4', 4, 'N', 0, 1021, 'real'),
        (701, 'float8', 8, 'N', 0, 1022, 'double precision'),
        (705, 'unknown', -2, 'X', 0, 0, 'unknown'),
        (1033, 'aclitem', 12, 'U', 0, 1034, 'aclitem'),
        (1042, 'bpchar', -1, 'S', 0, 1014, 'character'),
        (1043, 'varchar', -1, 'S', 0, 1015, 'character varying'),
        (1082, 'date', 4, 'D', 0, 1182, 'date'),
        (1083, 'time', 8, 'D', 0, 1183, 'time without time zone'),
        (1114, 'timestamp', 8, 'D', 0, 1115, 'timestamp without time zone'),
        (1184, 'timestamptz', 8, 'D', 0, 1185, 'timestamp with time zone'),
        (1186, 'interval', 16, 'T', 0, 1187, 'interval'),
        (1266, 'timetz', 12, 'D', 0, 1270, 'time with time zone'),
        (1700, 'numeric', -1, 'N', 0, 1231, 'numeric'),
        (2202, 'regprocedure', 4, 'N', 0, 2207, 'regprocedure'),
        (2205, 'regclass', 4, 'N', 0, 2210, 'regclass'),
        (2206, 'regtype', 4, 'N', 0, 2211, 'regtype'),
        (2249, 'record', -1, 'P', 0, 2287, 'record'), (2278, 'void', 4, 'P', 0, 0, 'void'),
        (2950, 'uuid', 16, 'U', 0, 2951, 'uuid'), (3802, 'jsonb', -1, 'U', 0, 3807, 'jsonb'),
        (4000, 'super', -1, 'U', 0, 0, 'super'),
        (6551, 'varbyte', -1, 'U', 0, 0, 'varbyte'),
        (3000, 'geometry', -1, 'U', 0, 0, 'geometry'),
        (3001, 'geography', -1, 'U', 0, 0, 'geography'),
        (2935, 'hllsketch', -1, 'U', 0, 0, 'hllsketch'),
        (4089, 'regnamespace', 4, 'N', 0, 4090, 'regnamespace'),
        (4096, 'regrole', 4, 'N', 0, 4097, 'regrole'),
        (22, 'int2vector', -1, 'A', 21, 1006, 'int2vector'),
        (30, 'oidvector', -1, 'A', 26, 1013, 'oidvector'),
        (199, '_json', -1, 'A', 114, 0, 'json[]'), (1000, '_bool', -1, 'A', 16, 0, 'boolean[]'),
        (1001, '_bytea', -1, 'A', 17, 0, 'bytea[]'), (1002, '_char', -1, 'A', 18, 0, '"char"[]'),
        (1003, '_name', -1, 'A', 19, 0, 'name[]'), (1005, '_int2', -1, 'A', 21, 0, 'smallint[]'),
        (1007, '_int4', -1, 'A', 23, 0, 'integer[]'),
        (1008, '_regproc', -1, 'A', 24, 0, 'regproc[]'),
        (1009, '_text', -1, 'A', 25, 0, 'text[]'), (1010, '_tid', -1, 'A', 27, 0, 'tid[]'),
        (1011, '_xid', -1, 'A', 28, 0, 'xid[]'),
        (1014, '_bpchar', -1, 'A', 1042, 0, 'character[]'),
        (1015, '_varchar', -1, 'A', 1043, 0, 'character varying[]'),
        (1016, '_int8', -1, 'A', 20, 0, 'bigint[]'), (1021, '_float4', -1, 'A', 700, 0, 'real[]'),
        (1022, '_float8', -1, 'A', 701, 0, 'double precision[]'),
        (1028, '_oid', -1, 'A', 26, 0, 'oid[]'),
        (1034, '_aclitem', -1, 'A', 1033, 0, 'aclitem[]'),
        (1115, '_timestamp', -1, 'A', 1114, 0, 'timestamp without time zone[]'),
        (1182, '_date', -1, 'A', 1082, 0, 'date[]'),
        (1183, '_time', -1, 'A', 1083, 0, 'time without time zone[]'),
        (1185, '_timestamptz', -1, 'A', 1184, 0, 'timestamp with time zone[]'),
        (1187, '_interval', -1, 'A', 1186, 0, 'interval[]'),
        (1231, '_numeric', -1, 'A', 1700, 0, 'numeric[]'),
        (1270, '_timetz', -1, 'A', 1266, 0, 'time with time zone[]'),
        (2207, '_regprocedure', -1, 'A', 2202, 0, 'regprocedure[]'),
        (2210, '_regclass', -1, 'A', 2205, 0, 'regclass[]'),
        (2211, '_regtype', -1, 'A', 2206, 0, 'regtype[]'),
        (2287, '_record', -1, 'A', 2249, 0, 'record[]'),
        (2951, '_uuid', -1, 'A', 2950, 0, 'uuid[]'),
        (3807, '_jsonb', -1, 'A', 3802, 0, 'jsonb[]'),
        (4090, '_regnamespace', -1, 'A', 4089, 0, 'regnamespace[]'),
        (4097, '_regrole', -1, 'A', 4096, 0, 'regrole[]'))
        AS t(number, name, size, kind, element, arr, full_name);
CREATE OR REPLACE VIEW stroma_catalog.pg_am AS SELECT CAST(oid AS UINTEGER) AS oid, amname, amtype,
    CAST(oid AS UINTEGER) AS amhandler
    FROM (VALUES (2, 'heap', 't'), (403, 'btree', 'i')) AS t(oid, amname, amtype);
-- Users, with their numbers; of roles and groups they are in the million.
CREATE OR REPLACE VIEW stroma_catalog.pg_roles AS
    SELECT CAST(oid AS UINTEGER) AS oid, rolname, rolsuper, true AS rolinherit,
        rolsuper AS rolcreaterole, rolsuper AS rolcreatedb, rolcanlogin, false AS rolreplication,
        rolsuper AS rolbypassrls, -1 AS rolconnlimit, '********' AS rolpassword,
        CAST(NULL AS TIMESTAMPTZ) AS rolvaliduntil, CAST(NULL AS VARCHAR[]) AS rolconfig
    FROM (SELECT "number" AS oid, "name" AS rolname, is_super AS rolsuper, true AS rolcanlogin
          FROM stroma_system.users
          UNION ALL SELECT "number", "name", false, false FROM stroma_system.roles
          WHERE kind = 'role');
CREATE OR REPLACE VIEW stroma_catalog.pg_authid AS SELECT * FROM stroma_catalog.pg_roles;
CREATE OR REPLACE VIEW stroma_catalog.pg_user AS
    SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper,
        false AS usecatupd, false AS userepl, false AS usebypassrls, rolpassword AS passwd,
        rolvaliduntil AS valuntil, rolconfig AS useconfig FROM stroma_catalog.pg_roles
    WHERE rolcanlogin;
CREATE OR REPLACE VIEW stroma_catalog.pg_tablespace AS
    SELECT CAST(1663 AS UINTEGER) AS oid, 'pg_default' AS spcname, CAST(10 AS UINTEGER) AS spcowner,
        CAST(NULL AS VARCHAR[]) AS spcacl, CAST(NULL AS VARCHAR[]) AS spcoptions;
CREATE OR REPLACE VIEW stroma_catalog.pg_collation AS
    SELECT CAST(100 AS UINTEGER) AS oid, 'default' AS collname, CAST(11 AS UINTEGER) AS collnamespace,
        'd' AS collprovider, true AS collisdeterministic, -1 AS collencoding, '' AS collcollate,
        '' AS collctype;
CREATE OR REPLACE VIEW stroma_catalog.pg_language AS SELECT CAST(14 AS UINTEGER) AS oid,
    'sql' AS lanname, CAST(10 AS UINTEGER) AS lanowner, false AS lanispl, true AS lanpltrusted
    UNION ALL SELECT 15::UINTEGER, 'plpgsql', 10::UINTEGER, true, true;
-- What the session has stands before this, where a session asks.
CREATE OR REPLACE VIEW stroma_catalog.pg_settings AS
    SELECT 'server_version' AS name, '8.0.2' AS setting, CAST(NULL AS VARCHAR) AS unit,
        'Client' AS category, '' AS short_desc, CAST(NULL AS VARCHAR) AS extra_desc,
        'internal' AS context, 'string' AS vartype, 'default' AS source,
        CAST(NULL AS VARCHAR) AS min_val, CAST(NULL AS VARCHAR) AS max_val,
        CAST(NULL AS VARCHAR[]) AS enumvals, '8.0.2' AS boot_val, '8.0.2' AS reset_val,
        CAST(NULL AS VARCHAR) AS sourcefile, CAST(NULL AS INTEGER) AS sourceline,
        false AS pending_restart;
CREATE OR REPLACE VIEW stroma_catalog.pg_parameter_acl AS
    SELECT 0::UINTEGER AS oid, '' AS parname, CAST(NULL AS VARCHAR[]) AS paracl WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_stat_activity AS
    SELECT CAST(16384 AS UINTEGER) AS datid, s.database AS datname, s.process AS pid,
        s.process AS procpid, CAST(s.userid AS UINTEGER) AS usesysid, s.username AS usename,
        s.application AS application_name, nullif(s.remote, '') AS client_addr,
        CAST(NULL AS VARCHAR) AS client_hostname, CAST(NULL AS INTEGER) AS client_port,
        CAST(s.started AS TIMESTAMPTZ) AS backend_start,
        CASE WHEN l.xid IS NOT NULL OR q.state = 'running'
             THEN make_timestamp(coalesce(l.started_us, q.started_us))::TIMESTAMPTZ END AS xact_start,
        make_timestamp(q.started_us)::TIMESTAMPTZ AS query_start,
        make_timestamp(greatest(q.started_us, q.ended_us))::TIMESTAMPTZ AS state_change,
        CAST(NULL AS VARCHAR) AS wait_event_type, CAST(NULL AS VARCHAR) AS wait_event,
        CASE WHEN q.state = 'running' THEN 'active' WHEN l.xid IS NOT NULL THEN 'idle in transaction'
             ELSE 'idle' END AS state,
        coalesce(q.querytxt, '') AS query,
        -- As Redshift tells it, whose PostgreSQL is older than the column before.
        CASE WHEN q.state = 'running' THEN q.querytxt WHEN l.xid IS NOT NULL
             THEN '<IDLE> in transaction' ELSE '<IDLE>' END AS current_query,
        'client backend' AS backend_type
    FROM stroma_system.stroma_seen_sessions s
        LEFT JOIN (SELECT pid, max(query) AS query, arg_max(state, query) AS state,
                       arg_max(querytxt, query) AS querytxt, arg_max(started_us, query) AS started_us,
                       arg_max(ended_us, query) AS ended_us
                   FROM stroma_system.stroma_seen_queries GROUP BY pid) q ON q.pid = s.process
        LEFT JOIN (SELECT pid, max(xid) AS xid, min(epoch_us(started)) AS started_us
                   FROM stroma_system.stroma_seen_locks WHERE granted GROUP BY pid) l
            ON l.pid = s.process
    WHERE s.ended IS NULL;
CREATE OR REPLACE VIEW stroma_catalog.pg_locks AS
    SELECT 'relation' AS locktype, CAST(16384 AS UINTEGER) AS database, relation, pid,
        lock_mode AS mode, granted, xid AS transactionid FROM stroma_system.svv_transactions;
CREATE OR REPLACE VIEW stroma_catalog.pg_auth_members AS
    SELECT CAST(r.identity_id AS UINTEGER) AS roleid, CAST(m.identity_id AS UINTEGER) AS "member",
        CAST(coalesce(g."number", 100) AS UINTEGER) AS grantor, a.is_admin AS admin_option
    FROM stroma_system.role_members a
        JOIN stroma_system.stroma_identities r ON r.grantee = a."role" AND r.identity_type = 'role'
        JOIN stroma_system.stroma_identities m ON m.grantee = a."member"
        LEFT JOIN stroma_system.users g ON g.id = a.grantor;
CREATE OR REPLACE VIEW stroma_catalog.pg_group AS
    SELECT r."name" AS groname, CAST(r."number" AS INTEGER) AS grosysid,
        list(CAST(i.identity_id AS INTEGER)) FILTER (WHERE i.identity_id IS NOT NULL) AS grolist
    FROM stroma_system.roles r LEFT JOIN stroma_system.role_members m ON m."role" = 'group ' || r."name"
        LEFT JOIN stroma_system.stroma_identities i ON i.grantee = m."member"
    WHERE r.kind = 'group' GROUP BY ALL;
-- Rights as PostgreSQL writes them: grantee=letters/grantor; none where nothing was granted.
CREATE OR REPLACE MACRO stroma_catalog.stroma_letter(allows) AS CASE allows
    WHEN 'INSERT' THEN 'a' WHEN 'SELECT' THEN 'r' WHEN 'UPDATE' THEN 'w' WHEN 'DELETE' THEN 'd'
    WHEN 'TRUNCATE' THEN 'D' WHEN 'REFERENCES' THEN 'x' WHEN 'USAGE' THEN 'U' WHEN 'CREATE' THEN 'C'
    WHEN 'TEMP' THEN 'T' WHEN 'ALTER' THEN 'A' WHEN 'DROP' THEN 'P' ELSE '' END;
CREATE OR REPLACE MACRO stroma_catalog.stroma_grantee(kind, name) AS
    CASE kind WHEN 'public' THEN '' WHEN 'user' THEN name ELSE kind || ' ' || name END;
CREATE OR REPLACE VIEW stroma_catalog.stroma_acl AS
    SELECT kind, "schema", "name", list(who || '=' || letters || '/' || grantor ORDER BY place, who,
        grantor) AS acl
    FROM (
        SELECT 1 AS place, g.kind, g."schema", g."name",
            stroma_catalog.stroma_grantee(i.identity_type, i.identity_name) AS who,
            coalesce(u."name", 'admin') AS grantor,
            string_agg(stroma_catalog.stroma_letter(g.allows) ||
                CASE WHEN g.is_grantable THEN '*' ELSE '' END, '' ORDER BY
                strpos('arwdDxUCTAP', stroma_catalog.stroma_letter(g.allows))) AS letters
        FROM stroma_system.rights g JOIN stroma_system.stroma_identities i USING (grantee)
            LEFT JOIN stroma_system.users u ON u.id = g.grantor
        GROUP BY ALL
        UNION ALL
        SELECT 0, o.kind, o."schema", o."name", u."name", u."name",
            CASE o.kind WHEN 'schema' THEN 'UCAP' ELSE 'arwdDxAP' END
        FROM stroma_system.owners o JOIN stroma_system.users u ON u.id = o."owner"
        WHERE (o.kind, o."schema", o."name") IN
            (SELECT (kind, "schema", "name") FROM stroma_system.rights))
    GROUP BY kind, "schema", "name";
CREATE OR REPLACE VIEW stroma_catalog.pg_database AS
    SELECT CAST(16384 AS UINTEGER) AS oid, 'dev' AS datname, CAST(10 AS UINTEGER) AS datdba,
        6 AS encoding, 'c' AS datlocprovider, 'C' AS datcollate, 'C' AS datctype,
        CAST(NULL AS VARCHAR) AS daticulocale, CAST(NULL AS VARCHAR) AS datcollversion,
        false AS datistemplate, true AS datallowconn, -1 AS datconnlimit,
        CAST(1663 AS UINTEGER) AS dattablespace, CAST(0 AS UINTEGER) AS datlastsysoid,
        (SELECT max(acl) FROM stroma_catalog.stroma_acl WHERE kind = 'database') AS datacl,
        CAST(NULL AS VARCHAR[]) AS datconfig;
CREATE OR REPLACE VIEW stroma_catalog.pg_database_info AS
    SELECT *, oid AS datid FROM stroma_catalog.pg_database;
CREATE OR REPLACE VIEW stroma_catalog.stroma_owner AS
    SELECT o.kind, o."schema", o."name", CAST(u."number" AS UINTEGER) AS "number", u."name" AS called
    FROM stroma_system.owners o JOIN stroma_system.users u ON u.id = o."owner";
CREATE OR REPLACE VIEW stroma_catalog.pg_inherits AS SELECT CAST(0 AS UINTEGER) AS inhrelid,
    CAST(0 AS UINTEGER) AS inhparent, 0 AS inhseqno, false AS inhdetachpending WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_policy AS SELECT CAST(0 AS UINTEGER) AS oid, '' AS polname,
    CAST(0 AS UINTEGER) AS polrelid, '' AS polcmd, true AS polpermissive,
    CAST(NULL AS UINTEGER[]) AS polroles, '' AS polqual, '' AS polwithcheck WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_statistic_ext AS SELECT CAST(0 AS UINTEGER) AS oid,
    CAST(0 AS UINTEGER) AS stxrelid, '' AS stxname, CAST(0 AS UINTEGER) AS stxnamespace,
    CAST(0 AS UINTEGER) AS stxowner, 0 AS stxstattarget, CAST(NULL AS VARCHAR[]) AS stxkind
    WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_publication AS SELECT CAST(0 AS UINTEGER) AS oid,
    '' AS pubname, CAST(0 AS UINTEGER) AS pubowner, false AS puballtables, false AS pubinsert,
    false AS pubupdate, false AS pubdelete, false AS pubtruncate, false AS pubviaroot WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_publication_rel AS SELECT CAST(0 AS UINTEGER) AS oid,
    CAST(0 AS UINTEGER) AS prpubid, CAST(0 AS UINTEGER) AS prrelid, '' AS prqual,
    CAST(NULL AS SMALLINT[]) AS prattrs WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_publication_namespace AS SELECT CAST(0 AS UINTEGER) AS oid,
    CAST(0 AS UINTEGER) AS pnpubid, CAST(0 AS UINTEGER) AS pnnspid WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_extension AS SELECT CAST(0 AS UINTEGER) AS oid,
    '' AS extname, CAST(0 AS UINTEGER) AS extowner, CAST(0 AS UINTEGER) AS extnamespace,
    '' AS extversion, CAST(NULL AS VARCHAR) AS extconfig WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_foreign_table AS SELECT CAST(0 AS UINTEGER) AS ftrelid,
    CAST(0 AS UINTEGER) AS ftserver, CAST(NULL AS VARCHAR[]) AS ftoptions WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_foreign_server AS SELECT CAST(0 AS UINTEGER) AS oid,
    '' AS srvname, CAST(0 AS UINTEGER) AS srvowner, CAST(0 AS UINTEGER) AS srvfdw, '' AS srvtype,
    '' AS srvversion, CAST(NULL AS VARCHAR[]) AS srvacl, CAST(NULL AS VARCHAR[]) AS srvoptions
    WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_rewrite AS SELECT CAST(0 AS UINTEGER) AS oid,
    '' AS rulename, CAST(0 AS UINTEGER) AS ev_class, '' AS ev_type, '' AS ev_enabled,
    false AS is_instead WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_trigger AS SELECT CAST(0 AS UINTEGER) AS oid,
    CAST(0 AS UINTEGER) AS tgrelid, '' AS tgname, '' AS tgenabled, false AS tgisinternal,
    CAST(0 AS UINTEGER) AS tgparentid, CAST(0 AS UINTEGER) AS tgconstraint WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_depend AS SELECT CAST(0 AS UINTEGER) AS classid,
    CAST(0 AS UINTEGER) AS objid, 0 AS objsubid, CAST(0 AS UINTEGER) AS refclassid,
    CAST(0 AS UINTEGER) AS refobjid, 0 AS refobjsubid, '' AS deptype WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_enum AS SELECT CAST(0 AS UINTEGER) AS oid,
    CAST(0 AS UINTEGER) AS enumtypid, CAST(0 AS FLOAT) AS enumsortorder, '' AS enumlabel WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_range AS SELECT CAST(0 AS UINTEGER) AS rngtypid,
    CAST(0 AS UINTEGER) AS rngsubtype, CAST(0 AS UINTEGER) AS rngmultitypid WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_cast AS SELECT CAST(0 AS UINTEGER) AS oid,
    CAST(0 AS UINTEGER) AS castsource, CAST(0 AS UINTEGER) AS casttarget, CAST(0 AS UINTEGER) AS castfunc,
    '' AS castcontext, '' AS castmethod WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_foreign_data_wrapper AS SELECT CAST(0 AS UINTEGER) AS oid,
    '' AS fdwname, CAST(0 AS UINTEGER) AS fdwowner, CAST(0 AS UINTEGER) AS fdwhandler,
    CAST(0 AS UINTEGER) AS fdwvalidator, CAST(NULL AS VARCHAR[]) AS fdwacl,
    CAST(NULL AS VARCHAR[]) AS fdwoptions WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_user_mappings AS SELECT CAST(0 AS UINTEGER) AS umid,
    CAST(0 AS UINTEGER) AS srvid, '' AS srvname, CAST(0 AS UINTEGER) AS umuser, '' AS usename,
    CAST(NULL AS VARCHAR[]) AS umoptions WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_operator AS SELECT CAST(0 AS UINTEGER) AS oid,
    CAST(0 AS UINTEGER) AS oprnamespace, CAST(0 AS UINTEGER) AS oprresult, '' AS oprcode, '' AS oprkind,
    '' AS oprname, CAST(0 AS UINTEGER) AS oprleft, CAST(0 AS UINTEGER) AS oprright WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_opclass AS SELECT CAST(0 AS UINTEGER) AS oid,
    '' AS opcname, CAST(0 AS UINTEGER) AS opcmethod, CAST(0 AS UINTEGER) AS opcintype WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_matviews AS SELECT '' AS schemaname, '' AS matviewname,
    '' AS matviewowner, '' AS definition, false AS hasindexes, false AS ispopulated WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_sequence AS SELECT CAST(0 AS UINTEGER) AS seqrelid,
    CAST(0 AS UINTEGER) AS seqtypid, CAST(0 AS BIGINT) AS seqstart, CAST(0 AS BIGINT) AS seqincrement,
    CAST(0 AS BIGINT) AS seqmax, CAST(0 AS BIGINT) AS seqmin WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_partitioned_table AS SELECT CAST(0 AS UINTEGER) AS partrelid,
    '' AS partstrat, CAST(NULL AS SMALLINT[]) AS partattrs WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_db_role_setting AS SELECT CAST(0 AS UINTEGER) AS setdatabase,
    CAST(0 AS UINTEGER) AS setrole, CAST(NULL AS VARCHAR[]) AS setconfig WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_event_trigger AS SELECT CAST(0 AS UINTEGER) AS oid,
    '' AS evtname, '' AS evtevent, CAST(0 AS UINTEGER) AS evtowner, CAST(0 AS UINTEGER) AS evtfoid,
    '' AS evtenabled, CAST(NULL AS VARCHAR[]) AS evttags WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_ts_config AS SELECT CAST(0 AS UINTEGER) AS oid,
    '' AS cfgname, CAST(0 AS UINTEGER) AS cfgnamespace WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_timezone_names AS
    SELECT 'UTC' AS name, 'UTC' AS abbrev, INTERVAL 0 SECOND AS utc_offset, false AS is_dst;
-- Drivers read these to see which types they have; there is nothing in them here.
CREATE OR REPLACE VIEW stroma_catalog.pg_stats AS
    SELECT '' AS schemaname, '' AS tablename, '' AS attname, 0::FLOAT AS null_frac,
        0::INTEGER AS avg_width, 0::FLOAT AS n_distinct, CAST(NULL AS VARCHAR[]) AS most_common_vals,
        CAST(NULL AS FLOAT[]) AS most_common_freqs, CAST(NULL AS VARCHAR[]) AS histogram_bounds,
        0::FLOAT AS correlation WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_statistic AS
    SELECT 0::UINTEGER AS starelid, 0::SMALLINT AS staattnum, 0::FLOAT AS stanullfrac,
        0::INTEGER AS stawidth, 0::FLOAT AS stadistinct WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_shdepend AS
    SELECT 0::UINTEGER AS dbid, 0::UINTEGER AS classid, 0::UINTEGER AS objid,
        0::UINTEGER AS refclassid, 0::UINTEGER AS refobjid, '' AS deptype WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_rules AS
    SELECT '' AS schemaname, '' AS tablename, '' AS rulename, '' AS definition WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_largeobject AS
    SELECT 0::UINTEGER AS loid, 0::INTEGER AS pageno, ''::BLOB AS data WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_conversion AS
    SELECT 0::UINTEGER AS oid, '' AS conname, 0::UINTEGER AS connamespace, 0::UINTEGER AS conowner,
        0::INTEGER AS conforencoding, 0::INTEGER AS contoencoding, 0::UINTEGER AS conproc,
        false AS condefault WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_amop AS
    SELECT 0::UINTEGER AS amopclaid, 0::UINTEGER AS amopsubtype, 0::SMALLINT AS amopstrategy,
        false AS amopreqcheck, 0::UINTEGER AS amopopr WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_amproc AS
    SELECT 0::UINTEGER AS amopclaid, 0::UINTEGER AS amprocsubtype, 0::SMALLINT AS amprocnum,
        0::UINTEGER AS amproc WHERE false;
CREATE OR REPLACE VIEW stroma_catalog.pg_aggregate AS
    SELECT 0::UINTEGER AS aggfnoid, 0::UINTEGER AS aggtransfn, 0::UINTEGER AS aggfinalfn,
        0::UINTEGER AS aggtranstype, '' AS agginitval WHERE false;
