-- Functions of pg_catalog that clients call.
CREATE OR REPLACE MACRO stroma_catalog.version() AS
    'PostgreSQL 8.0.2 on x86_64-pc-linux-gnu, compiled by Stroma, Redshift 1.0.0';
CREATE OR REPLACE MACRO stroma_catalog.pg_get_userbyid(of_number) AS
    CASE of_number WHEN 10 THEN 'admin' ELSE coalesce((SELECT max(stroma_a) FROM (SELECT rolname AS
        stroma_a, oid AS stroma_b FROM stroma_catalog.pg_roles) WHERE stroma_b = of_number),
        'unknown (OID=' || of_number || ')') END;
CREATE OR REPLACE MACRO stroma_catalog.pg_table_is_visible(of_number) AS
    of_number IN (SELECT stroma_number FROM stroma_catalog.stroma_visible);
CREATE OR REPLACE MACRO stroma_catalog.pg_type_is_visible(of_number) AS true;
CREATE OR REPLACE MACRO stroma_catalog.pg_function_is_visible(of_number) AS true;
CREATE OR REPLACE MACRO stroma_catalog.pg_opclass_is_visible(of_number) AS true;
CREATE OR REPLACE MACRO stroma_catalog.pg_collation_is_visible(of_number) AS true;
CREATE OR REPLACE MACRO stroma_catalog.pg_relation_is_publishable(of_number) AS false;
CREATE OR REPLACE MACRO stroma_catalog.format_type(of_number, typmod) AS
    CASE WHEN of_number IS NULL THEN NULL
        WHEN of_number IN (1042, 1043) AND typmod > 4 THEN
            (CASE of_number WHEN 1042 THEN 'character(' ELSE 'character varying(' END)
            || (typmod - 4) || ')'
        WHEN of_number = 1700 AND typmod > 4 THEN
            'numeric(' || ((typmod - 4) // 65536) || ',' || ((typmod - 4) % 65536) || ')'
        -- A map, not a join: rows stay in their order.
        ELSE coalesce((SELECT map(list(oid), list(stroma_name)) FROM stroma_catalog.pg_type)
            [TRY_CAST(of_number AS UINTEGER)], '???') END;
CREATE OR REPLACE MACRO stroma_catalog.pg_get_expr(expression, of_relation) AS expression,
    (expression, of_relation, pretty) AS expression;
CREATE OR REPLACE MACRO stroma_catalog.pg_get_indexdef(of_number) AS
    (SELECT max(stroma_a) FROM (SELECT indexdef AS stroma_a, stroma_catalog.stroma_number('relation', schemaname || '.' || indexname) AS stroma_b
        FROM stroma_catalog.pg_indexes) WHERE stroma_b = of_number),
    (of_number, of_place, pretty) AS CASE of_place WHEN 0 THEN (SELECT max(stroma_a) FROM (SELECT indexdef AS stroma_a, stroma_catalog.stroma_number('relation', schemaname || '.' || indexname) AS stroma_b
        FROM stroma_catalog.pg_indexes) WHERE stroma_b = of_number)
        ELSE (SELECT max(stroma_a) FROM (SELECT attname AS stroma_a, attrelid AS stroma_b,
            attnum AS stroma_c FROM stroma_catalog.pg_attribute)
            WHERE stroma_b = of_number AND stroma_c = of_place) END;
CREATE OR REPLACE MACRO stroma_catalog.stroma_names(of_names) AS
    array_to_string(list_transform(of_names, lambda n: stroma_dialect.quote_ident(n)), ', ');
CREATE OR REPLACE VIEW stroma_catalog.stroma_key_text AS
    SELECT oid AS stroma_b, CASE key_kind WHEN 'p' THEN 'PRIMARY KEY (' WHEN 'u' THEN 'UNIQUE ('
            ELSE 'FOREIGN KEY (' END || stroma_catalog.stroma_names(key_columns) || ')'
        || CASE WHEN key_kind = 'f' THEN ' REFERENCES '
            || CASE WHEN list_contains(system.main.current_schemas(false), referred_schema) THEN ''
                ELSE stroma_dialect.quote_ident(referred_schema) || '.' END
            || stroma_dialect.quote_ident(referred_name)
            || '(' || stroma_catalog.stroma_names(referred_columns) || ')' ELSE '' END AS stroma_a
    FROM stroma_catalog.stroma_key;
CREATE OR REPLACE MACRO stroma_catalog.pg_get_constraintdef(of_number) AS
    (SELECT max(stroma_a) FROM stroma_catalog.stroma_key_text WHERE stroma_b = of_number),
    (of_number, pretty) AS
    (SELECT max(stroma_a) FROM stroma_catalog.stroma_key_text WHERE stroma_b = of_number);
-- Our own numbers: Redshift doesn't tell which it has.
CREATE OR REPLACE MACRO stroma_catalog.format_encoding(of_number) AS
    stroma_catalog.stroma_encodings()[CAST(of_number AS INTEGER) + 1];
CREATE OR REPLACE MACRO stroma_catalog.pg_get_viewdef(of_number) AS
    (SELECT max(stroma_a) FROM (SELECT body AS stroma_a,
        oid AS stroma_b FROM stroma_catalog.stroma_relation) WHERE stroma_b = of_number),
    (of_number, pretty) AS
    (SELECT max(stroma_a) FROM (SELECT body AS stroma_a,
        oid AS stroma_b FROM stroma_catalog.stroma_relation) WHERE stroma_b = of_number);
CREATE OR REPLACE MACRO stroma_catalog.getdatabaseencoding() AS 'UTF8';
CREATE OR REPLACE VIEW stroma_catalog.stroma_function_text AS
    SELECT oid AS stroma_b, CASE WHEN prokind <> 'p' THEN
            coalesce(stroma_told.returns, 'character varying') END AS stroma_returns,
        CASE WHEN stroma_told IS NULL THEN array_to_string(proargnames, ', ')
            ELSE array_to_string(list_transform(range(1, len(stroma_told.arguments) + 1),
                lambda i: CASE WHEN stroma_told.names[i] = '' THEN '' ELSE
                    stroma_dialect.quote_ident(stroma_told.names[i]) || ' ' END
                    || stroma_told.arguments[i]), ', ') END AS stroma_arguments,
        CASE WHEN stroma_told IS NULL THEN prosrc ELSE 'CREATE OR REPLACE FUNCTION '
            || stroma_dialect.quote_ident(stroma_schema) || '.' || stroma_dialect.quote_ident(proname)
            || '(' || stroma_arguments || ')' || chr(10) || ' RETURNS ' || stroma_returns || chr(10)
            || ' LANGUAGE sql' || chr(10) || ' ' || upper(stroma_told.volatility) || chr(10)
            || 'AS $function$' || stroma_told.body || '$function$' || chr(10) END AS stroma_definition
    FROM stroma_catalog.pg_proc;
CREATE OR REPLACE MACRO stroma_catalog.pg_get_functiondef(of_number) AS
    (SELECT max(stroma_definition) FROM stroma_catalog.stroma_function_text
        WHERE stroma_b = of_number);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_function_sqlbody(of_number) AS CAST(NULL AS VARCHAR);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_function_result(of_number) AS
    (SELECT max(stroma_returns) FROM stroma_catalog.stroma_function_text
        WHERE stroma_b = of_number);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_function_arguments(of_number) AS
    (SELECT max(stroma_arguments) FROM stroma_catalog.stroma_function_text
        WHERE stroma_b = of_number);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_function_identity_arguments(of_number) AS
    (SELECT max(stroma_arguments) FROM stroma_catalog.stroma_function_text
        WHERE stroma_b = of_number);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_ruledef(of_number) AS CAST(NULL AS VARCHAR),
    (of_number, pretty) AS CAST(NULL AS VARCHAR);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_triggerdef(of_number) AS CAST(NULL AS VARCHAR),
    (of_number, pretty) AS CAST(NULL AS VARCHAR);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_statisticsobjdef_columns(of_number) AS
    CAST(NULL AS VARCHAR);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_partkeydef(of_number) AS CAST(NULL AS VARCHAR);
CREATE OR REPLACE MACRO stroma_catalog.pg_get_serial_sequence(relation, name) AS
    CAST(NULL AS VARCHAR);
CREATE OR REPLACE MACRO stroma_catalog.obj_description(of_number) AS
    (SELECT max(stroma_a) FROM (SELECT description AS stroma_a, objoid AS stroma_b,
        objsubid AS stroma_c FROM stroma_catalog.pg_description)
        WHERE stroma_b = of_number AND stroma_c = 0),
    (of_number, of_relation) AS
    (SELECT max(stroma_a) FROM (SELECT description AS stroma_a, objoid AS stroma_b,
        objsubid AS stroma_c FROM stroma_catalog.pg_description)
        WHERE stroma_b = of_number AND stroma_c = 0);
CREATE OR REPLACE MACRO stroma_catalog.col_description(of_number, of_place) AS
    (SELECT max(stroma_a) FROM (SELECT description AS stroma_a, objoid AS stroma_b,
        objsubid AS stroma_c FROM stroma_catalog.pg_description)
        WHERE stroma_b = of_number AND stroma_c = of_place);
CREATE OR REPLACE MACRO stroma_catalog.shobj_description(of_number, of_relation) AS
    CAST(NULL AS VARCHAR);
-- About: the engine counts rows, and compresses.
CREATE OR REPLACE MACRO stroma_catalog.stroma_size(of_number) AS coalesce(
    (SELECT max(stroma_a) FROM (SELECT CAST(rows * columns * 4 AS BIGINT) AS stroma_a, oid AS stroma_b
        FROM stroma_catalog.stroma_relation) WHERE stroma_b = of_number), 0);
CREATE OR REPLACE MACRO stroma_catalog.pg_indexes_size(of_number) AS CAST(0 AS BIGINT);
CREATE OR REPLACE MACRO stroma_catalog.pg_database_size(database) AS
    (SELECT CAST(coalesce(sum(rows * columns * 4), 0) AS BIGINT)
     FROM stroma_catalog.stroma_relation);
CREATE OR REPLACE MACRO stroma_catalog.pg_size_pretty(bytes) AS CASE
    WHEN bytes < 10240 THEN bytes || ' bytes'
    WHEN bytes < 10485760 THEN ((bytes + 512) // 1024) || ' kB'
    WHEN bytes < 10737418240 THEN ((bytes + 524288) // 1048576) || ' MB'
    ELSE ((bytes + 536870912) // 1073741824) || ' GB' END;
CREATE OR REPLACE MACRO stroma_catalog.pg_encoding_to_char(of_number) AS
    CASE of_number WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' ELSE '' END;
CREATE OR REPLACE MACRO stroma_catalog.pg_char_to_encoding(name) AS
    CASE lower(name) WHEN 'utf8' THEN 6 WHEN 'unicode' THEN 6 ELSE -1 END;
CREATE OR REPLACE MACRO stroma_catalog.pg_tablespace_location(of_number) AS '';
CREATE OR REPLACE MACRO stroma_catalog.pg_is_in_recovery() AS false;
CREATE OR REPLACE MACRO stroma_catalog.pg_postmaster_start_time() AS now();
CREATE OR REPLACE MACRO stroma_catalog.pg_conf_load_time() AS now();
CREATE OR REPLACE MACRO stroma_catalog.pg_my_temp_schema() AS CAST(0 AS UINTEGER);
CREATE OR REPLACE MACRO stroma_catalog.pg_is_other_temp_schema(of_number) AS false;
CREATE OR REPLACE MACRO stroma_catalog.pg_advisory_lock(of_number) AS NULL;
CREATE OR REPLACE MACRO stroma_catalog.pg_advisory_unlock(of_number) AS true;
CREATE OR REPLACE MACRO stroma_catalog.inet_server_addr() AS CAST(NULL AS VARCHAR);
CREATE OR REPLACE MACRO stroma_catalog.inet_server_port() AS 5439;
CREATE OR REPLACE MACRO stroma_catalog.array_upper(list, dimension) AS
    CASE WHEN len(list) > 0 THEN CAST(len(list) AS INTEGER) END;
CREATE OR REPLACE MACRO stroma_catalog.array_lower(list, dimension) AS
    CASE WHEN len(list) > 0 THEN 1 END;
CREATE OR REPLACE MACRO stroma_catalog.array_remove(list, value) AS
    list_filter(list, lambda each: each IS DISTINCT FROM value);
CREATE OR REPLACE MACRO stroma_catalog.parse_ident(name) AS
    list_transform(regexp_extract_all(name, '"(?:[^"]|"")*"|[^.]+'), lambda part:
        CASE WHEN part LIKE '"%"' THEN replace(part[2:-2], '""', '"') ELSE lower(trim(part)) END);
CREATE OR REPLACE MACRO stroma_catalog.current_schemas(implicit) AS
    list_filter(system.main.current_schemas(false), lambda s: s NOT LIKE 'stroma\_%' ESCAPE '\');
CREATE OR REPLACE MACRO stroma_catalog.current_schema() AS
    list_filter(system.main.current_schemas(false), lambda s: s NOT LIKE 'stroma\_%' ESCAPE '\')[1];
-- Columns are renamed within, so that an argument that is called like one of them isn't taken for it.
-- What names of the types regclass, regtype and so on become: the dialect writes a cast as a call.
-- A number is told as its name, as clients show it.
CREATE OR REPLACE MACRO stroma_catalog.to_regclass(of_number BIGINT) AS
    coalesce((SELECT max(stroma_a) FROM (SELECT relname AS stroma_a, oid AS stroma_b
        FROM stroma_catalog.pg_class) WHERE stroma_b = of_number), CAST(of_number AS VARCHAR)),
    (of_name VARCHAR) AS coalesce(TRY_CAST(of_name AS UINTEGER),
    (SELECT max(stroma_number) FROM stroma_catalog.stroma_visible
        WHERE stroma_name = replace(of_name, '"', '')), (SELECT max(stroma_number) FROM
        stroma_catalog.stroma_full_name WHERE stroma_name = replace(of_name, '"', '')),
        CAST(error('relation "' || of_name || '" does not exist') AS UINTEGER));
-- A right as it is asked for: 'select', 'SELECT WITH GRANT OPTION', 'temporary'.
CREATE OR REPLACE MACRO stroma_catalog.stroma_asked(of_right) AS
    replace(replace(upper(trim(of_right)), ' WITH GRANT OPTION', '*'), 'TEMPORARY', 'TEMP');
CREATE OR REPLACE MACRO stroma_catalog.has_table_privilege(of_table BIGINT, of_right VARCHAR) AS
    (of_table, stroma_catalog.stroma_asked(of_right)) IN (SELECT (relation, allows)
        FROM stroma_catalog.stroma_table_right WHERE user_id = stroma_system.stroma_me()),
    (of_table VARCHAR, of_right VARCHAR) AS
    (stroma_catalog.to_regclass(of_table), stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (relation, allows) FROM stroma_catalog.stroma_table_right
         WHERE user_id = stroma_system.stroma_me()),
    (of_user, of_table BIGINT, of_right VARCHAR) AS
    (CAST(of_user AS VARCHAR), of_table, stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, relation, allows) FROM stroma_catalog.stroma_table_right),
    (of_user, of_table VARCHAR, of_right VARCHAR) AS
    (CAST(of_user AS VARCHAR), stroma_catalog.to_regclass(of_table),
        stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, relation, allows) FROM stroma_catalog.stroma_table_right);
CREATE OR REPLACE MACRO stroma_catalog.has_schema_privilege(of_schema BIGINT, of_right VARCHAR) AS
    (of_schema, stroma_catalog.stroma_asked(of_right)) IN (SELECT (oid, allows)
        FROM stroma_catalog.stroma_schema_right WHERE user_id = stroma_system.stroma_me()),
    (of_schema VARCHAR, of_right VARCHAR) AS
    (of_schema, stroma_catalog.stroma_asked(of_right)) IN (SELECT (name, allows)
        FROM stroma_catalog.stroma_schema_right WHERE user_id = stroma_system.stroma_me()),
    (of_user, of_schema BIGINT, of_right VARCHAR) AS
    (CAST(of_user AS VARCHAR), of_schema, stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, oid, allows) FROM stroma_catalog.stroma_schema_right),
    (of_user, of_schema VARCHAR, of_right VARCHAR) AS
    (CAST(of_user AS VARCHAR), of_schema, stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, name, allows) FROM stroma_catalog.stroma_schema_right);
CREATE OR REPLACE MACRO stroma_catalog.has_database_privilege(of_base, of_right) AS
    stroma_catalog.stroma_asked(of_right) IN (SELECT allows
        FROM stroma_catalog.stroma_database_right WHERE user_id = stroma_system.stroma_me()),
    (of_user, of_base, of_right) AS
    (CAST(of_user AS VARCHAR), stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, allows) FROM stroma_catalog.stroma_database_right);
-- A column by its name or its place.
CREATE OR REPLACE MACRO stroma_catalog.has_column_privilege(of_table BIGINT, of_column, of_right VARCHAR) AS
    stroma_catalog.has_table_privilege(CAST(of_table AS BIGINT), CAST(of_right AS VARCHAR))
        OR (of_table, CAST(of_column AS VARCHAR), stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (relation, called, allows) FROM stroma_catalog.stroma_column_right
         WHERE user_id = stroma_system.stroma_me()),
    (of_table VARCHAR, of_column, of_right VARCHAR) AS
    stroma_catalog.has_table_privilege(CAST(of_table AS VARCHAR), CAST(of_right AS VARCHAR))
        OR (stroma_catalog.to_regclass(of_table), CAST(of_column AS VARCHAR),
            stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (relation, called, allows) FROM stroma_catalog.stroma_column_right
         WHERE user_id = stroma_system.stroma_me()),
    (of_user, of_table BIGINT, of_column, of_right VARCHAR) AS
    stroma_catalog.has_table_privilege(of_user, CAST(of_table AS BIGINT), CAST(of_right AS VARCHAR))
        OR (CAST(of_user AS VARCHAR), of_table, CAST(of_column AS VARCHAR),
            stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, relation, called, allows) FROM stroma_catalog.stroma_column_right),
    (of_user, of_table VARCHAR, of_column, of_right VARCHAR) AS
    stroma_catalog.has_table_privilege(of_user, CAST(of_table AS VARCHAR), CAST(of_right AS VARCHAR))
        OR (CAST(of_user AS VARCHAR), stroma_catalog.to_regclass(of_table),
            CAST(of_column AS VARCHAR), stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, relation, called, allows) FROM stroma_catalog.stroma_column_right);
CREATE OR REPLACE MACRO stroma_catalog.has_any_column_privilege(of_table BIGINT, of_right VARCHAR) AS
    stroma_catalog.has_table_privilege(CAST(of_table AS BIGINT), CAST(of_right AS VARCHAR))
        OR (of_table, stroma_catalog.stroma_asked(of_right)) IN (SELECT (relation, allows)
        FROM stroma_catalog.stroma_column_right WHERE user_id = stroma_system.stroma_me()),
    (of_table VARCHAR, of_right VARCHAR) AS
    stroma_catalog.has_table_privilege(CAST(of_table AS VARCHAR), CAST(of_right AS VARCHAR))
        OR (stroma_catalog.to_regclass(of_table), stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (relation, allows) FROM stroma_catalog.stroma_column_right
         WHERE user_id = stroma_system.stroma_me()),
    (of_user, of_table BIGINT, of_right VARCHAR) AS
    stroma_catalog.has_table_privilege(of_user, CAST(of_table AS BIGINT), CAST(of_right AS VARCHAR))
        OR (CAST(of_user AS VARCHAR), of_table, stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, relation, allows) FROM stroma_catalog.stroma_column_right),
    (of_user, of_table VARCHAR, of_right VARCHAR) AS
    stroma_catalog.has_table_privilege(of_user, CAST(of_table AS VARCHAR), CAST(of_right AS VARCHAR))
        OR (CAST(of_user AS VARCHAR), stroma_catalog.to_regclass(of_table),
            stroma_catalog.stroma_asked(of_right)) IN
        (SELECT (user_name, relation, allows) FROM stroma_catalog.stroma_column_right);
CREATE OR REPLACE MACRO stroma_catalog.has_function_privilege(a, b) AS true, (a, b, c) AS true;
CREATE OR REPLACE MACRO stroma_catalog.has_sequence_privilege(a, b) AS true, (a, b, c) AS true;
CREATE OR REPLACE MACRO stroma_catalog.pg_has_role(of_role, of_right) AS
    stroma_system.stroma_sees_all() OR CAST(of_role AS VARCHAR) IN (
        SELECT unnest([i.identity_name, CAST(i.identity_id AS VARCHAR)])
        FROM stroma_system.stroma_memberships m JOIN stroma_system.stroma_identities i USING (grantee)
        WHERE m.id = stroma_system.stroma_me()),
    (of_user, of_role, of_right) AS (CAST(of_user AS VARCHAR), CAST(of_role AS VARCHAR)) IN (
        SELECT (u."name", unnest([i.identity_name, CAST(i.identity_id AS VARCHAR)]))
        FROM stroma_system.stroma_memberships m JOIN stroma_system.stroma_identities i USING (grantee)
            JOIN stroma_system.users u ON u.id = m.id);
CREATE OR REPLACE MACRO stroma_catalog.to_regtype(of_number BIGINT) AS
    coalesce(CASE WHEN of_number = 0 THEN '-' END, (SELECT max(stroma_a) FROM (SELECT stroma_name AS stroma_a, oid AS stroma_b
        FROM stroma_catalog.pg_type) WHERE stroma_b = of_number), CAST(of_number AS VARCHAR)),
    (of_name VARCHAR) AS coalesce(TRY_CAST(of_name AS UINTEGER),
    (SELECT max(stroma_b) FROM (SELECT oid AS stroma_b, typname AS stroma_a,
        stroma_name AS stroma_c FROM stroma_catalog.pg_type)
        WHERE stroma_a = of_name OR stroma_c = of_name));
CREATE OR REPLACE MACRO stroma_catalog.to_regproc(of_number BIGINT) AS
    coalesce((SELECT max(stroma_a) FROM (SELECT proname AS stroma_a, oid AS stroma_b
        FROM stroma_catalog.pg_proc) WHERE stroma_b = of_number), CAST(of_number AS VARCHAR)),
    (of_name VARCHAR) AS coalesce(TRY_CAST(of_name AS UINTEGER),
    (SELECT max(stroma_a) FROM (SELECT oid AS stroma_a, proname AS stroma_b
        FROM stroma_catalog.pg_proc) WHERE stroma_b = of_name));
CREATE OR REPLACE MACRO stroma_catalog.to_regprocedure(of_number BIGINT) AS
    stroma_catalog.to_regproc(of_number), (of_name VARCHAR) AS stroma_catalog.to_regproc(of_name);
CREATE OR REPLACE MACRO stroma_catalog.to_regnamespace(of_number BIGINT) AS
    coalesce((SELECT max(stroma_a) FROM (SELECT nspname AS stroma_a, oid AS stroma_b
        FROM stroma_catalog.pg_namespace) WHERE stroma_b = of_number), CAST(of_number AS VARCHAR)),
    (of_name VARCHAR) AS coalesce(TRY_CAST(of_name AS UINTEGER),
    (SELECT max(stroma_a) FROM (SELECT oid AS stroma_a, nspname AS stroma_b
        FROM stroma_catalog.pg_namespace) WHERE stroma_b = of_name));
CREATE OR REPLACE MACRO stroma_catalog.to_regrole(of_number BIGINT) AS
    coalesce((SELECT max(stroma_a) FROM (SELECT rolname AS stroma_a, oid AS stroma_b
        FROM stroma_catalog.pg_roles) WHERE stroma_b = of_number), CAST(of_number AS VARCHAR)),
    (of_name VARCHAR) AS coalesce(TRY_CAST(of_name AS UINTEGER),
    (SELECT max(stroma_a) FROM (SELECT oid AS stroma_a, rolname AS stroma_b
        FROM stroma_catalog.pg_roles) WHERE stroma_b = of_name));
CREATE OR REPLACE MACRO stroma_catalog.pg_table_size(of_number BIGINT) AS
    stroma_catalog.stroma_size(of_number), (of_table VARCHAR) AS
    stroma_catalog.stroma_size(stroma_catalog.to_regclass(of_table));
CREATE OR REPLACE MACRO stroma_catalog.pg_relation_size(of_number BIGINT) AS
    stroma_catalog.stroma_size(of_number), (of_table VARCHAR) AS
    stroma_catalog.stroma_size(stroma_catalog.to_regclass(of_table));
CREATE OR REPLACE MACRO stroma_catalog.pg_total_relation_size(of_number BIGINT) AS
    stroma_catalog.stroma_size(of_number), (of_table VARCHAR) AS
    stroma_catalog.stroma_size(stroma_catalog.to_regclass(of_table));
CREATE OR REPLACE MACRO stroma_catalog._pg_expandarray(list) AS
    unnest(list_transform(list, lambda x, n: {'x': x, 'n': CAST(n AS INTEGER)}));
-- A type's name as PostgreSQL has it, without lengths.
CREATE OR REPLACE MACRO stroma_catalog.pg_typeof(of_value) AS
    regexp_replace(stroma_catalog.stroma_declared(typeof(of_value)), '\([^)]*\)', '');
CREATE OR REPLACE MACRO stroma_catalog.set_byte(of_bytes, of_place, of_value) AS
    unhex(substr(hex(CAST(of_bytes AS BLOB)), 1, 2 * CAST(of_place AS INTEGER))
        || lpad(hex(CAST(of_value AS BIGINT)), 2, '0')
        || substr(hex(CAST(of_bytes AS BLOB)), 2 * CAST(of_place AS INTEGER) + 3));
CREATE OR REPLACE MACRO stroma_catalog.get_byte(of_bytes, of_place) AS
    CAST('0x' || substr(hex(CAST(of_bytes AS BLOB)), 2 * CAST(of_place AS INTEGER) + 1, 2) AS INTEGER);
