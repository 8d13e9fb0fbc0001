-- What clients ask of pg_catalog, made anew at each start. Numbers of things that users make follow
-- from their names, so that they stay what they are over restarts; those of PostgreSQL's own things
-- are PostgreSQL's.
CREATE OR REPLACE MACRO stroma_catalog.stroma_schema_number(name) AS CAST(CASE name
    WHEN 'public' THEN 2200 WHEN 'stroma_catalog' THEN 11 WHEN 'stroma_system' THEN 11
    WHEN 'pg_catalog' THEN 11 WHEN 'stroma_information' THEN 13000
    WHEN 'information_schema' THEN 13000
    ELSE stroma_catalog.stroma_number('schema', name) END AS UINTEGER);
-- The engine's name of a type as PostgreSQL's.
CREATE OR REPLACE MACRO stroma_catalog.stroma_declared(engine) AS CASE
    WHEN engine = 'UINTEGER[]' THEN 'oid[]' WHEN engine = 'SMALLINT[]' THEN 'smallint[]'
    WHEN engine LIKE '%[]' THEN 'text[]'
    WHEN engine LIKE 'DECIMAL%' THEN 'numeric' || substr(engine, 8)
    WHEN engine LIKE 'STRUCT%' OR engine LIKE 'MAP%' OR engine = 'JSON' THEN 'super'
    ELSE CASE engine WHEN 'VARCHAR' THEN 'character varying' WHEN 'BOOLEAN' THEN 'boolean'
        WHEN 'TINYINT' THEN 'smallint' WHEN 'SMALLINT' THEN 'smallint' WHEN 'UTINYINT' THEN 'smallint'
        WHEN 'INTEGER' THEN 'integer' WHEN 'USMALLINT' THEN 'integer'
        WHEN 'BIGINT' THEN 'bigint' WHEN 'UINTEGER' THEN 'oid' WHEN 'UBIGINT' THEN 'bigint'
        WHEN 'HUGEINT' THEN 'bigint' WHEN 'FLOAT' THEN 'real' WHEN 'DOUBLE' THEN 'double precision'
        WHEN 'DATE' THEN 'date' WHEN 'TIME' THEN 'time without time zone'
        WHEN 'TIMESTAMP' THEN 'timestamp without time zone'
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'timestamp with time zone'
        WHEN 'TIME WITH TIME ZONE' THEN 'time with time zone' WHEN 'INTERVAL' THEN 'interval'
        WHEN 'BLOB' THEN 'bytea' WHEN 'UUID' THEN 'uuid' ELSE 'character varying' END END;
CREATE OR REPLACE MACRO stroma_catalog.stroma_type_number(declared) AS CAST(CASE
    WHEN declared = 'oid[]' THEN 1028 WHEN declared = 'smallint[]' THEN 1005 ELSE CASE
    regexp_extract(declared, '^[a-z ]+[a-z]')
    WHEN 'character varying' THEN 1043 WHEN 'character' THEN 1042 WHEN 'numeric' THEN 1700
    WHEN 'integer' THEN 23 WHEN 'bigint' THEN 20 WHEN 'smallint' THEN 21 WHEN 'real' THEN 700
    WHEN 'double precision' THEN 701 WHEN 'boolean' THEN 16 WHEN 'date' THEN 1082
    WHEN 'timestamp without time zone' THEN 1114 WHEN 'timestamp with time zone' THEN 1184
    WHEN 'time without time zone' THEN 1083 WHEN 'time with time zone' THEN 1266
    WHEN 'interval' THEN 1186 WHEN 'uuid' THEN 2950 WHEN 'super' THEN 4000 WHEN 'name' THEN 19
    WHEN 'oid' THEN 26 WHEN 'varbyte' THEN 6551 WHEN 'bytea' THEN 17 WHEN 'geometry' THEN 3000
    WHEN 'geography' THEN 3001 WHEN 'hllsketch' THEN 2935 WHEN 'text' THEN CASE WHEN declared LIKE '%[]' THEN 1009 ELSE 25 END
    ELSE 1043 END END AS UINTEGER);
CREATE OR REPLACE MACRO stroma_catalog.stroma_typmod(declared) AS CASE
    WHEN declared LIKE 'character%(%' THEN
        CAST(regexp_extract(declared, '\((\d+)', 1) AS INTEGER) + 4
    WHEN declared LIKE 'numeric(%' THEN CAST(regexp_extract(declared, '\((\d+)', 1) AS INTEGER)
        * 65536 + CAST(coalesce(nullif(regexp_extract(declared, ',\s*(\d+)', 1), ''), '0')
        AS INTEGER) + 4
    ELSE -1 END;

CREATE OR REPLACE VIEW stroma_catalog.pg_namespace AS
    SELECT stroma_catalog.stroma_schema_number(schema_name) AS oid,
        CASE schema_name WHEN 'stroma_catalog' THEN 'pg_catalog'
            WHEN 'stroma_information' THEN 'information_schema' ELSE schema_name END AS nspname,
        coalesce(o."number", 100::UINTEGER) AS nspowner, a.acl AS nspacl
    FROM duckdb_schemas()
        LEFT JOIN stroma_catalog.stroma_owner o
            ON o.kind = 'schema' AND o."schema" = lower(schema_name)
        LEFT JOIN stroma_catalog.stroma_acl a
            ON a.kind = 'schema' AND a."schema" = lower(schema_name)
    WHERE database_name = current_database()
        AND schema_name NOT IN ('main', 'pg_catalog', 'information_schema', 'stroma_dialect',
                                'stroma_system')
        AND (NOT internal OR schema_name = 'public')
    UNION ALL SELECT 13000::UINTEGER, 'information_schema', 100::UINTEGER, NULL
    WHERE NOT EXISTS (SELECT 1 FROM duckdb_schemas() WHERE schema_name = 'stroma_information');

-- What a column may be encoded as; a number that stands for one is its place here, from 0 on.
CREATE OR REPLACE MACRO stroma_catalog.stroma_encodings() AS
    ['none', 'raw', 'bytedict', 'delta', 'delta32k', 'runlength', 'mostly8', 'mostly16', 'mostly32',
     'text255', 'text32k', 'lzo', 'zstd', 'az64', 'auto', 'lzo2', 'default'];
CREATE OR REPLACE MACRO stroma_catalog.stroma_encoding_number(of_name) AS
    CAST(list_position(stroma_catalog.stroma_encodings(), of_name) - 1 AS INTEGER);
-- A name as a step of a JSON pointer.
CREATE OR REPLACE MACRO stroma_catalog.stroma_member(of_name) AS
    replace(replace(of_name, '~', '~0'), '/', '~1');
-- The query of CREATE VIEW name (columns) AS query; names may have quotes.
CREATE OR REPLACE MACRO stroma_catalog.stroma_query_of(body) AS
    rtrim(regexp_replace(body, '^CREATE (?:"(?:[^"]|"")*"|[^"])*? AS ', '', 'i'), ';');
-- What the engine's comment on a relation keeps beside what people remark; the comments of old
-- databases are what people wrote themselves.
CREATE OR REPLACE MACRO stroma_catalog.stroma_kept(comment) AS
    CASE WHEN json_valid(comment) THEN
        CASE json_type(comment) WHEN 'OBJECT' THEN CAST(comment AS JSON) END END;
-- Tables, views and keys: what stands behind pg_class and what hangs on it.
CREATE OR REPLACE VIEW stroma_catalog.stroma_relation AS
    SELECT *, stroma_catalog.stroma_number('relation', schema || '.' || name) AS oid,
        stroma_catalog.stroma_schema_number(schema) AS schema_number
    FROM (
        SELECT table_oid AS engine_number, schema_name AS schema, table_name AS name,
            CAST('r' AS VARCHAR) AS kind, temporary, estimated_size AS rows, column_count AS columns,
            stroma_catalog.stroma_kept(comment) AS attributes,
            CASE WHEN attributes IS NULL THEN comment END AS description,
            CAST(NULL AS VARCHAR) AS body
        FROM duckdb_tables() WHERE NOT internal AND schema_name <> 'main'
            AND NOT (schema_name LIKE 'stroma\_%' ESCAPE '\')
        UNION ALL
        SELECT view_oid, schema_name, view_name, 'v', temporary, 0, column_count,
            stroma_catalog.stroma_kept(comment) AS kept, CASE WHEN kept IS NULL THEN comment END,
            coalesce(kept->>'$.definition', stroma_catalog.stroma_query_of(sql))
        FROM duckdb_views() WHERE NOT internal AND schema_name NOT IN ('main', 'stroma_dialect')
            AND view_name NOT LIKE 'stroma\_%' ESCAPE '\');
-- Keys are told of, not enforced: they lie in the table's attributes. One that refers to a table
-- which is no longer there isn't told of.
CREATE OR REPLACE VIEW stroma_catalog.stroma_key AS
    SELECT k.table_number, k.schema, k.schema_number, k.table_name, k.key_name, k.key_kind,
        k.key_columns,
        stroma_catalog.stroma_number('relation', k.schema || '.' || k.key_name) AS index_number,
        stroma_catalog.stroma_number('key', k.schema || '.' || k.table_name || '.' || k.key_name) AS oid,
        r.oid AS referred_number, r.schema AS referred_schema, r.name AS referred_name,
        k.referred_columns
    FROM (
        SELECT oid AS table_number, schema, schema_number, name AS table_name,
            key->>'$.name' AS key_name, key->>'$.kind' AS key_kind,
            CAST(key->'$.columns' AS VARCHAR[]) AS key_columns, key->>'$.schema' AS of_schema,
            key->>'$.table' AS of_table, CAST(key->'$.referred' AS VARCHAR[]) AS referred_columns
        FROM (SELECT *, unnest(CAST(attributes->'$.keys' AS JSON[])) AS key
              FROM stroma_catalog.stroma_relation WHERE json_array_length(attributes, '$.keys') > 0)
        -- As it was kept before keys had names.
        UNION ALL SELECT oid, schema, schema_number, name, name || '_pkey', 'p',
            CAST(attributes->'$.primarykey' AS VARCHAR[]), NULL, NULL, NULL
        FROM stroma_catalog.stroma_relation WHERE json_array_length(attributes, '$.primarykey') > 0) k
        LEFT JOIN stroma_catalog.stroma_relation r ON r.schema = k.of_schema AND r.name = k.of_table
    WHERE k.key_kind <> 'f' OR r.oid IS NOT NULL;
-- Those that a database with indexes would have one for.
CREATE OR REPLACE VIEW stroma_catalog.stroma_index AS
    SELECT * FROM stroma_catalog.stroma_key WHERE key_kind <> 'f';
CREATE OR REPLACE VIEW stroma_catalog.stroma_column AS
    SELECT * REPLACE (CASE WHEN is_identity THEN format('"identity"({}, {}, ''{}''::text)', relation,
        place - 1, seed_and_step) ELSE "default" END AS "default") FROM (
    SELECT r.oid AS relation, r.schema, r.name AS relation_name, c.column_name AS name,
        CAST(c.column_index AS INTEGER) AS place, c.is_nullable AS nullable, c.column_default AS
        "default", c.comment AS description,
        json_extract_string(r.attributes, '/columns/' || stroma_catalog.stroma_member(c.column_name)
            || '/identity') AS seed_and_step, seed_and_step IS NOT NULL AS is_identity,
        coalesce(json_extract_string(r.attributes, '/columns/' || stroma_catalog.stroma_member(c.column_name) || '/type'),
                 stroma_catalog.stroma_declared(c.data_type)) AS declared,
        coalesce(json_extract_string(r.attributes, '/columns/'
            || stroma_catalog.stroma_member(c.column_name) || '/encode'), 'none') AS encoding,
        coalesce(json_extract_string(r.attributes, '$.distkey') = c.column_name, false) AS is_distkey,
        -- An interleaved key's columns are told by signs in turn.
        coalesce(list_position(CAST(json_extract(r.attributes, '$.sort') AS VARCHAR[]), c.column_name),
                 0) AS sort_place,
        json_extract_string(r.attributes, '$.sortstyle') = 'interleaved' AS is_interleaved
    FROM duckdb_columns() c JOIN stroma_catalog.stroma_relation r ON r.engine_number = c.table_oid
        AND r.schema = c.schema_name AND r.name = c.table_name
    -- Those of late views are told by a list of their own.
    WHERE r.kind = 'r' OR NOT stroma_catalog.stroma_is_late(CAST(r.attributes AS VARCHAR)));
-- Columns of the late views that can be bound, as the session found that before it asked.
CREATE OR REPLACE VIEW stroma_catalog.stroma_late_columns AS
    SELECT c.schema_name AS view_schema, c.table_name AS view_name, c.column_name AS col_name,
        stroma_catalog.stroma_declared(c.data_type) AS col_type,
        CAST(c.column_index AS INTEGER) AS col_num
    FROM duckdb_columns() c JOIN duckdb_views() v
        ON v.schema_name = c.schema_name AND v.view_name = c.table_name
    WHERE NOT v.internal AND stroma_catalog.stroma_is_late(v.comment) AND NOT coalesce(list_contains(
        CAST(getvariable('stroma_unbound') AS VARCHAR[]), v.schema_name || '.' || v.view_name), false);

CREATE OR REPLACE VIEW stroma_catalog.pg_class AS
    SELECT oid, r.name AS relname, schema_number AS relnamespace, CAST(0 AS UINTEGER) AS reltype,
        CAST(0 AS UINTEGER) AS reloftype, coalesce(o."number", 100::UINTEGER) AS relowner,
        CAST(CASE r.kind WHEN 'r' THEN 2 ELSE 0 END AS UINTEGER) AS relam, oid AS relfilenode,
        CAST(0 AS UINTEGER) AS reltablespace, CAST(greatest(rows // 100, 0) AS INTEGER) AS relpages,
        CAST(rows AS FLOAT) AS reltuples, 0 AS relallvisible, CAST(0 AS UINTEGER) AS reltoastrelid,
        oid IN (SELECT table_number FROM stroma_catalog.stroma_index) AS relhasindex,
        false AS relisshared, CASE WHEN temporary THEN 't' ELSE 'p' END AS relpersistence,
        r.kind AS relkind, CAST(columns AS SMALLINT) AS relnatts, CAST(0 AS SMALLINT) AS relchecks,
        r.kind = 'v' AS relhasrules, false AS relhastriggers, false AS relhassubclass,
        false AS relrowsecurity, false AS relforcerowsecurity, true AS relispopulated,
        'n' AS relreplident, false AS relispartition, CAST(0 AS UINTEGER) AS relrewrite,
        CAST(0 AS UINTEGER) AS relfrozenxid, CAST(0 AS UINTEGER) AS relminmxid, false AS relhasoids,
        false AS relhaspkey, a.acl AS relacl, CAST(NULL AS VARCHAR[]) AS reloptions,
        CAST(NULL AS VARCHAR) AS relpartbound,
        CASE WHEN json_extract_string(attributes, '$.dist') LIKE 'KEY%' THEN 1
            WHEN json_extract_string(attributes, '$.dist') LIKE '%ALL%' THEN 8 ELSE 0 END AS reldiststyle
    FROM stroma_catalog.stroma_relation r
        LEFT JOIN stroma_catalog.stroma_owner o ON o.kind = 'relation'
            AND o."schema" = lower(r.schema) AND o."name" = lower(r.name)
        LEFT JOIN stroma_catalog.stroma_acl a ON a.kind = 'relation'
            AND a."schema" = lower(r.schema) AND a."name" = lower(r.name)
    UNION ALL
    SELECT index_number, key_name, schema_number, 0::UINTEGER, 0::UINTEGER, 100::UINTEGER,
        403::UINTEGER, index_number, 0::UINTEGER, 1, 0, 0, 0::UINTEGER, false,
        false, 'p', 'i', CAST(len(key_columns) AS SMALLINT), 0::SMALLINT, false, false, false, false,
        false, true, 'n', false, 0::UINTEGER, 0::UINTEGER, 0::UINTEGER, false, false, NULL, NULL, NULL, 0
    FROM stroma_catalog.stroma_index;

CREATE OR REPLACE VIEW stroma_catalog.pg_attribute AS
    SELECT relation AS attrelid, name AS attname,
        stroma_catalog.stroma_type_number(declared) AS atttypid, -1 AS attstattarget,
        CAST(coalesce(t.typlen, -1) AS SMALLINT) AS attlen, CAST(place AS SMALLINT) AS attnum,
        0 AS attndims, -1 AS attcacheoff, stroma_catalog.stroma_typmod(declared) AS atttypmod,
        coalesce(t.typbyval, false) AS attbyval, 'p' AS attstorage, '' AS attcompression,
        'i' AS attalign, NOT nullable AS attnotnull, "default" IS NOT NULL AS atthasdef,
        false AS atthasmissing, CASE WHEN is_identity THEN 'd' ELSE '' END AS attidentity,
        '' AS attgenerated, false AS attisdropped, true AS attislocal, 0 AS attinhcount,
        CAST(0 AS UINTEGER) AS attcollation, CAST(NULL AS VARCHAR[]) AS attacl,
        CAST(NULL AS VARCHAR[]) AS attoptions, CAST(NULL AS VARCHAR[]) AS attfdwoptions,
        stroma_catalog.stroma_encoding_number(encoding) AS attencodingtype,
        is_distkey AS attisdistkey,
        CASE WHEN is_interleaved AND sort_place % 2 = 0 THEN -sort_place ELSE sort_place END
            AS attsortkeyord
    FROM stroma_catalog.stroma_column c
        LEFT JOIN stroma_catalog.pg_type t ON t.oid = stroma_catalog.stroma_type_number(declared)
    UNION ALL
    SELECT k.index_number, c.name, stroma_catalog.stroma_type_number(c.declared), -1,
        (-1)::SMALLINT, CAST(list_position(k.key_columns, c.name) AS SMALLINT), 0, -1, stroma_catalog.stroma_typmod(c.declared), false,
        'p', '', 'i', false, false, false, '', '', false, true, 0, 0::UINTEGER, NULL, NULL, NULL, 0, false, 0
    FROM stroma_catalog.stroma_index k JOIN stroma_catalog.stroma_column c
        ON c.relation = k.table_number AND list_contains(k.key_columns, c.name);

CREATE OR REPLACE VIEW stroma_catalog.pg_attrdef AS
    SELECT stroma_catalog.stroma_number('default', relation || '.' || place) AS oid,
        relation AS adrelid, CAST(place AS SMALLINT) AS adnum, "default" AS adbin, "default" AS adsrc
    FROM stroma_catalog.stroma_column WHERE "default" IS NOT NULL;

CREATE OR REPLACE VIEW stroma_catalog.stroma_key_places AS
    SELECT k.oid, list(CAST(c.place AS SMALLINT) ORDER BY list_position(k.key_columns, c.name)) AS
        places
    FROM stroma_catalog.stroma_key k JOIN stroma_catalog.stroma_column c
        ON c.relation = k.table_number AND list_contains(k.key_columns, c.name) GROUP BY k.oid;
CREATE OR REPLACE VIEW stroma_catalog.stroma_referred_places AS
    SELECT k.oid, list(CAST(c.place AS SMALLINT) ORDER BY list_position(k.referred_columns, c.name))
        AS referred_places
    FROM stroma_catalog.stroma_key k JOIN stroma_catalog.stroma_column c
        ON c.relation = k.referred_number AND list_contains(k.referred_columns, c.name) GROUP BY k.oid;
-- The key that a foreign key refers to.
CREATE OR REPLACE VIEW stroma_catalog.stroma_referred_index AS
    SELECT k.oid, min(u.index_number) AS referred_index
    FROM stroma_catalog.stroma_key k JOIN stroma_catalog.stroma_index u
        ON u.table_number = k.referred_number
            AND list_sort(u.key_columns) = list_sort(k.referred_columns) GROUP BY k.oid;
CREATE OR REPLACE VIEW stroma_catalog.pg_index AS
    SELECT index_number AS indexrelid, table_number AS indrelid,
        CAST(len(key_columns) AS SMALLINT) AS indnatts, CAST(len(key_columns) AS SMALLINT) AS
        indnkeyatts, true AS indisunique, key_kind = 'p' AS indisprimary, false AS indisexclusion,
        true AS indimmediate, false AS indisclustered, true AS indisvalid, false AS indcheckxmin,
        true AS indisready, true AS indislive, false AS indisreplident, places AS indkey,
        CAST([0] AS UINTEGER[]) AS indcollation, CAST([0] AS UINTEGER[]) AS indclass,
        list_transform(places, lambda p: CAST(0 AS SMALLINT)) AS indoption,
        CAST(NULL AS VARCHAR) AS indexprs, CAST(NULL AS VARCHAR) AS indpred
    FROM stroma_catalog.stroma_index JOIN stroma_catalog.stroma_key_places USING (oid);
CREATE OR REPLACE VIEW stroma_catalog.pg_constraint AS
    SELECT oid, key_name AS conname, schema_number AS connamespace, key_kind AS contype,
        false AS condeferrable, false AS condeferred, true AS convalidated,
        table_number AS conrelid, CAST(0 AS UINTEGER) AS contypid,
        CASE WHEN key_kind = 'f' THEN referred_index ELSE index_number END AS conindid,
        CAST(0 AS UINTEGER) AS conparentid, coalesce(referred_number, 0::UINTEGER) AS confrelid,
        CASE WHEN key_kind = 'f' THEN 'a' ELSE ' ' END AS confupdtype,
        CASE WHEN key_kind = 'f' THEN 'a' ELSE ' ' END AS confdeltype,
        CASE WHEN key_kind = 'f' THEN 's' ELSE ' ' END AS confmatchtype, true AS conislocal,
        0 AS coninhcount, true AS connoinherit, places AS conkey, referred_places AS confkey,
        CAST(NULL AS UINTEGER[]) AS conpfeqop, CAST(NULL AS VARCHAR) AS conbin,
        CAST(NULL AS VARCHAR) AS consrc
    FROM stroma_catalog.stroma_key JOIN stroma_catalog.stroma_key_places USING (oid)
        LEFT JOIN stroma_catalog.stroma_referred_places USING (oid)
        LEFT JOIN stroma_catalog.stroma_referred_index USING (oid);

CREATE OR REPLACE VIEW stroma_catalog.stroma_visible AS
    SELECT oid AS stroma_number, name AS stroma_name FROM stroma_catalog.stroma_relation
    WHERE temporary OR schema = 'stroma_catalog'
        OR list_contains(system.main.current_schemas(false), schema)
    UNION ALL SELECT index_number, key_name FROM stroma_catalog.stroma_index
    WHERE list_contains(system.main.current_schemas(false), schema);
CREATE OR REPLACE VIEW stroma_catalog.stroma_full_name AS
    SELECT c.oid AS stroma_number, n.nspname || '.' || c.relname AS stroma_name
    FROM stroma_catalog.pg_class c JOIN stroma_catalog.pg_namespace n ON n.oid = c.relnamespace;

CREATE OR REPLACE VIEW stroma_catalog.pg_description AS
    SELECT oid AS objoid, CAST(1259 AS UINTEGER) AS classoid, 0 AS objsubid,
        coalesce(description, json_extract_string(attributes, '$.comment')) AS description
    FROM stroma_catalog.stroma_relation
    WHERE coalesce(description, json_extract_string(attributes, '$.comment')) IS NOT NULL
    UNION ALL SELECT relation, 1259::UINTEGER, place, description FROM stroma_catalog.stroma_column
    WHERE description IS NOT NULL;
CREATE OR REPLACE VIEW stroma_catalog.pg_shdescription AS
    SELECT CAST(0 AS UINTEGER) AS objoid, CAST(0 AS UINTEGER) AS classoid, '' AS description WHERE false;

-- The engine's and the dialect's macros that users may make, and what types are read and written
-- by, as drivers look that up; ours are not told of.
CREATE OR REPLACE VIEW stroma_catalog.pg_proc AS
    SELECT stroma_catalog.stroma_number('function', schema_name || '.' || function_name) AS oid,
        function_name AS proname, stroma_catalog.stroma_schema_number(schema_name) AS pronamespace,
        CAST(10 AS UINTEGER) AS proowner, CAST(14 AS UINTEGER) AS prolang, CAST(1 AS FLOAT) AS procost,
        CAST(0 AS FLOAT) AS prorows, 'f' AS prokind, false AS prosecdef, false AS proleakproof,
        false AS proisstrict, false AS proretset, coalesce(told.volatility[1], 'v') AS provolatile,
        'u' AS proparallel,
        CAST(len(parameters) AS SMALLINT) AS pronargs, CAST(0 AS SMALLINT) AS pronargdefaults,
        stroma_catalog.stroma_type_number(coalesce(told.returns, 'character varying')) AS prorettype,
        coalesce(list_transform(told.arguments,
                lambda a: stroma_catalog.stroma_type_number(a)), CAST([] AS UINTEGER[])) AS proargtypes,
        CAST(NULL AS UINTEGER[]) AS proallargtypes, CAST(NULL AS VARCHAR[]) AS proargmodes,
        CAST(NULL AS VARCHAR) AS proargdefaults,
        CASE WHEN told IS NULL THEN parameters
            WHEN len(list_filter(told.names, lambda n: n <> '')) > 0 THEN told.names
            END AS proargnames,
        coalesce(told.body, macro_definition) AS prosrc, false AS proisagg,
        CAST(NULL AS VARCHAR[]) AS proacl, told AS stroma_told, schema_name AS stroma_schema
    FROM (SELECT schema_name, function_name, parameters, macro_definition,
              from_json(comment, '{"arguments": ["VARCHAR"], "names": ["VARCHAR"],
                  "returns": "VARCHAR", "volatility": "VARCHAR", "body": "VARCHAR"}') AS told
          FROM duckdb_functions()
          WHERE NOT internal AND function_type = 'macro'
              AND schema_name NOT LIKE 'stroma\_%' ESCAPE '\'
          UNION ALL SELECT DISTINCT 'pg_catalog', unnest([typinput, typoutput, typreceive, typsend]),
              CAST([] AS VARCHAR[]), '', NULL FROM stroma_catalog.pg_type)
    UNION ALL SELECT stroma_catalog.stroma_number('procedure', p.schemaname || '.' || p."name" || '('
            || p.types || ')'), p."name", stroma_catalog.stroma_schema_number(p.schemaname),
        coalesce(o."number", 100::UINTEGER), 15::UINTEGER, 1::FLOAT, 0::FLOAT, 'p', p.is_definer,
        false, false, false, 'v', 'u',
        CAST(system.main.len(list_filter(told, lambda a: (a->>'$.mode') <> 'o')) AS SMALLINT), 0::SMALLINT,
        0::UINTEGER, list_transform(list_filter(told, lambda a: (a->>'$.mode') <> 'o'),
            lambda a: CAST(a->>'$.oid' AS UINTEGER)),
        list_transform(told, lambda a: CAST(a->>'$.oid' AS UINTEGER)),
        list_transform(told, lambda a: a->>'$.mode'), NULL,
        list_transform(told, lambda a: a->>'$.name'), body, false, NULL, NULL, p.schemaname
    FROM (SELECT *, CAST(CAST(arguments AS JSON) AS JSON[]) AS told
          FROM stroma_system.procedures) p
        LEFT JOIN stroma_catalog.stroma_owner o ON o.kind = 'relation'
            AND o."schema" = lower(p.schemaname)
            AND o."name" = lower(p."name") || '(' || p.types || ') procedure';

CREATE OR REPLACE VIEW stroma_catalog.pg_proc_info AS
    SELECT *, oid AS prooid FROM stroma_catalog.pg_proc;

CREATE OR REPLACE VIEW stroma_catalog.pg_tables AS
    SELECT CASE r.schema WHEN 'stroma_catalog' THEN 'pg_catalog' ELSE r.schema END AS schemaname,
        r.name AS tablename, coalesce(o.called, 'admin') AS tableowner,
        CAST(NULL AS VARCHAR) AS tablespace,
        false AS hasindexes, false AS hasrules, false AS hastriggers, false AS rowsecurity
    FROM stroma_catalog.stroma_relation r
        LEFT JOIN stroma_catalog.stroma_owner o ON o.kind = 'relation'
            AND o."schema" = lower(r.schema) AND o."name" = lower(r.name)
    WHERE r.kind = 'r';
-- The engine counts rows; what reads and changes them isn't counted.
CREATE OR REPLACE VIEW stroma_catalog.pg_stat_user_tables AS
    SELECT oid AS relid, schema AS schemaname, name AS relname, CAST(0 AS BIGINT) AS seq_scan,
        CAST(0 AS BIGINT) AS idx_scan, CAST(0 AS BIGINT) AS n_tup_ins, CAST(0 AS BIGINT) AS n_tup_upd,
        CAST(0 AS BIGINT) AS n_tup_del, CAST(rows AS BIGINT) AS n_live_tup,
        CAST(0 AS BIGINT) AS n_dead_tup, CAST(NULL AS TIMESTAMP) AS last_vacuum,
        CAST(NULL AS TIMESTAMP) AS last_analyze
    FROM stroma_catalog.stroma_relation WHERE kind = 'r' AND schema NOT LIKE 'stroma\_%' ESCAPE '\';
CREATE OR REPLACE VIEW stroma_catalog.pg_views AS
    SELECT CASE WHEN r.schema IN ('stroma_catalog', 'stroma_system') THEN 'pg_catalog'
            ELSE r.schema END AS schemaname, r.name AS viewname,
        coalesce(o.called, 'admin') AS viewowner,
        body AS definition
    FROM stroma_catalog.stroma_relation r
        LEFT JOIN stroma_catalog.stroma_owner o ON o.kind = 'relation'
            AND o."schema" = lower(r.schema) AND o."name" = lower(r.name)
    WHERE r.kind = 'v';
CREATE OR REPLACE VIEW stroma_catalog.pg_default_acl AS
    SELECT stroma_catalog.stroma_number('default rights', defacluser || '.' || "schema") AS oid,
        defacluser, defacluser AS defaclrole, CASE WHEN "schema" = '' THEN 0::UINTEGER
            ELSE stroma_catalog.stroma_schema_number("schema") END AS defaclnamespace, 'r' AS defaclobjtype,
        list(who || '=' || letters || '/' || called ORDER BY who) AS defaclacl
    FROM (
        SELECT CAST(u."number" AS UINTEGER) AS defacluser, u."name" AS called, d."schema",
            stroma_catalog.stroma_grantee(i.identity_type, i.identity_name) AS who,
            string_agg(stroma_catalog.stroma_letter(d.allows) ||
                CASE WHEN d.is_grantable THEN '*' ELSE '' END, '' ORDER BY
                strpos('arwdDxUCTAP', stroma_catalog.stroma_letter(d.allows))) AS letters
        FROM stroma_system.default_rights d JOIN stroma_system.stroma_identities i USING (grantee)
            JOIN stroma_system.users u ON u.id = d."owner"
        GROUP BY ALL)
    GROUP BY defacluser, called, "schema";
-- What has_table_privilege looks up: by user, number of the relation, right.
CREATE OR REPLACE VIEW stroma_catalog.stroma_table_right AS
    SELECT u.id AS user_id, u."name" AS user_name, r.oid AS relation, e.allows
    FROM stroma_system.stroma_effective e JOIN stroma_system.users u ON u.id = e.id
        JOIN stroma_catalog.stroma_relation r ON e.kind = 'relation'
            AND lower(r.schema) = e."schema" AND lower(r.name) = e."name"
    UNION ALL SELECT u.id, u."name", r.oid, 'SELECT' FROM stroma_system.users u,
        stroma_catalog.stroma_relation r WHERE r.schema LIKE 'stroma\_%' ESCAPE '\'
    UNION ALL SELECT u.id, u."name", r.oid, a.allows FROM stroma_system.users u,
        stroma_catalog.stroma_relation r, (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'),
            ('TRUNCATE'), ('REFERENCES'), ('ALTER'), ('DROP'), ('SELECT*'), ('INSERT*'),
            ('UPDATE*'), ('DELETE*'), ('TRUNCATE*'), ('REFERENCES*')) AS a(allows)
    WHERE u.is_super;
-- What has_column_privilege looks up; `called` is the column's name or its place.
CREATE OR REPLACE VIEW stroma_catalog.stroma_column_right AS
    SELECT e.id AS user_id, u."name" AS user_name, c.relation,
        unnest([c.name, CAST(c.place AS VARCHAR)]) AS called, e.allows
    FROM stroma_system.stroma_effective_columns e JOIN stroma_system.users u ON u.id = e.id
        JOIN stroma_catalog.stroma_column c ON lower(c.schema) = e."schema"
            AND lower(c.relation_name) = e."name" AND lower(c.name) = e."column";
CREATE OR REPLACE VIEW stroma_catalog.stroma_schema_right AS
    SELECT u.id AS user_id, u."name" AS user_name, e."schema" AS name,
        stroma_catalog.stroma_schema_number(e."schema") AS oid, e.allows
    FROM stroma_system.stroma_effective e JOIN stroma_system.users u ON u.id = e.id
    WHERE e.kind = 'schema'
    UNION ALL SELECT u.id, u."name", n.nspname, n.oid, 'USAGE' FROM stroma_system.users u,
        stroma_catalog.pg_namespace n WHERE n.nspname IN ('pg_catalog', 'information_schema')
    UNION ALL SELECT u.id, u."name", n.nspname, n.oid, a.allows FROM stroma_system.users u,
        stroma_catalog.pg_namespace n, (VALUES ('USAGE'), ('CREATE'), ('ALTER'), ('DROP'),
            ('USAGE*'), ('CREATE*')) AS a(allows) WHERE u.is_super;
CREATE OR REPLACE VIEW stroma_catalog.stroma_database_right AS
    SELECT u.id AS user_id, u."name" AS user_name, e.allows
    FROM stroma_system.stroma_effective e JOIN stroma_system.users u ON u.id = e.id
    WHERE e.kind = 'database'
    UNION ALL SELECT u.id, u."name", 'CONNECT' FROM stroma_system.users u
    UNION ALL SELECT u.id, u."name", a.allows FROM stroma_system.users u,
        (VALUES ('CREATE'), ('TEMP'), ('USAGE')) AS a(allows) WHERE u.is_super;
CREATE OR REPLACE VIEW stroma_catalog.pg_indexes AS
    SELECT schema AS schemaname, table_name AS tablename, key_name AS indexname,
        CAST(NULL AS VARCHAR) AS tablespace,
        'CREATE UNIQUE INDEX ' || key_name || ' ON ' || schema || '.' || table_name || ' ('
            || array_to_string(key_columns, ', ') || ')' AS indexdef
    FROM stroma_catalog.stroma_index;
-- information_schema.columns as PostgreSQL has it: types by their names there.
CREATE OR REPLACE VIEW stroma_catalog.stroma_columns AS
    SELECT 'dev' AS table_catalog,
        CASE c.schema WHEN 'stroma_catalog' THEN 'pg_catalog' WHEN 'stroma_system' THEN 'pg_catalog'
            ELSE c.schema END AS table_schema,
        c.relation_name AS table_name, c.name AS column_name, c.place AS ordinal_position,
        c."default" AS column_default, CASE WHEN c.nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
        CASE WHEN declared LIKE '%[]' THEN 'ARRAY' ELSE kind END AS data_type,
        CASE WHEN kind LIKE 'character%' THEN TRY_CAST(regexp_extract(declared, '\((\d+)', 1) AS INTEGER)
            END AS character_maximum_length,
        CASE WHEN kind LIKE 'character%' THEN TRY_CAST(regexp_extract(declared, '\((\d+)', 1) AS INTEGER)
            END AS character_octet_length,
        CASE kind WHEN 'smallint' THEN 16 WHEN 'integer' THEN 32 WHEN 'bigint' THEN 64
            WHEN 'real' THEN 24 WHEN 'double precision' THEN 53 WHEN 'numeric' THEN
            coalesce(TRY_CAST(regexp_extract(declared, '\((\d+)', 1) AS INTEGER), 18) END AS numeric_precision,
        CASE WHEN kind = 'numeric' THEN 10 WHEN kind IN ('smallint', 'integer', 'bigint', 'real',
            'double precision') THEN 2 END AS numeric_precision_radix,
        CASE WHEN kind IN ('smallint', 'integer', 'bigint') THEN 0 WHEN kind = 'numeric' THEN
            coalesce(TRY_CAST(regexp_extract(declared, ',\s*(\d+)', 1) AS INTEGER), 0) END AS numeric_scale,
        CASE WHEN kind = 'date' THEN 0 WHEN kind LIKE 'time%' OR kind = 'interval' THEN 6 END
            AS datetime_precision,
        CAST(NULL AS VARCHAR) AS interval_type, CAST(NULL AS INTEGER) AS interval_precision,
        CAST(NULL AS VARCHAR) AS character_set_catalog, CAST(NULL AS VARCHAR) AS character_set_schema,
        CAST(NULL AS VARCHAR) AS character_set_name, CAST(NULL AS VARCHAR) AS collation_catalog,
        CAST(NULL AS VARCHAR) AS collation_schema, CAST(NULL AS VARCHAR) AS collation_name,
        CAST(NULL AS VARCHAR) AS domain_catalog, CAST(NULL AS VARCHAR) AS domain_schema,
        CAST(NULL AS VARCHAR) AS domain_name, 'dev' AS udt_catalog, 'pg_catalog' AS udt_schema,
        t.typname AS udt_name, CAST(NULL AS VARCHAR) AS scope_catalog,
        CAST(NULL AS VARCHAR) AS scope_schema, CAST(NULL AS VARCHAR) AS scope_name,
        CAST(NULL AS INTEGER) AS maximum_cardinality, CAST(c.place AS VARCHAR) AS dtd_identifier,
        'NO' AS is_self_referencing, CASE WHEN c.is_identity THEN 'YES' ELSE 'NO' END AS is_identity,
        CASE WHEN c.is_identity THEN 'BY DEFAULT' END AS identity_generation,
        CAST(NULL AS VARCHAR) AS identity_start, CAST(NULL AS VARCHAR) AS identity_increment,
        CAST(NULL AS VARCHAR) AS identity_maximum, CAST(NULL AS VARCHAR) AS identity_minimum,
        'NO' AS identity_cycle, 'NEVER' AS is_generated,
        CAST(NULL AS VARCHAR) AS generation_expression, 'YES' AS is_updatable
    FROM (SELECT *, regexp_replace(declared, '\(.*\)', '') AS kind
          FROM stroma_catalog.stroma_column) c
        LEFT JOIN stroma_catalog.pg_type t ON t.oid = stroma_catalog.stroma_type_number(declared)
    ORDER BY c.schema, c.relation_name, c.place;

-- The parts of information_schema that tell keys.
CREATE OR REPLACE VIEW stroma_catalog.stroma_table_constraints AS
    SELECT 'dev' AS constraint_catalog, schema AS constraint_schema, key_name AS constraint_name,
        'dev' AS table_catalog, schema AS table_schema, table_name,
        CASE key_kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE 'FOREIGN KEY' END
            AS constraint_type,
        'NO' AS is_deferrable, 'NO' AS initially_deferred, 'NO' AS enforced
    FROM stroma_catalog.stroma_key;
CREATE OR REPLACE VIEW stroma_catalog.stroma_key_column_usage AS
    SELECT 'dev' AS constraint_catalog, schema AS constraint_schema, key_name AS constraint_name,
        'dev' AS table_catalog, schema AS table_schema, table_name, unnest(key_columns) AS column_name,
        CAST(generate_subscripts(key_columns, 1) AS INTEGER) AS ordinal_position,
        CASE WHEN key_kind = 'f' THEN CAST(generate_subscripts(key_columns, 1) AS INTEGER) END
            AS position_in_unique_constraint
    FROM stroma_catalog.stroma_key;
CREATE OR REPLACE VIEW stroma_catalog.stroma_referential_constraints AS
    SELECT 'dev' AS constraint_catalog, k.schema AS constraint_schema, k.key_name AS constraint_name,
        'dev' AS unique_constraint_catalog, k.referred_schema AS unique_constraint_schema,
        min(u.key_name) AS unique_constraint_name, 'NONE' AS match_option,
        'NO ACTION' AS update_rule, 'NO ACTION' AS delete_rule
    FROM stroma_catalog.stroma_key k LEFT JOIN stroma_catalog.stroma_index u
        ON u.table_number = k.referred_number
            AND list_sort(u.key_columns) = list_sort(k.referred_columns)
    WHERE k.key_kind = 'f' GROUP BY ALL;
CREATE OR REPLACE VIEW stroma_catalog.stroma_constraint_column_usage AS
    SELECT 'dev' AS table_catalog, coalesce(referred_schema, schema) AS table_schema,
        coalesce(referred_name, table_name) AS table_name,
        unnest(coalesce(referred_columns, key_columns)) AS column_name,
        'dev' AS constraint_catalog, schema AS constraint_schema, key_name AS constraint_name
    FROM stroma_catalog.stroma_key;
