-- Rights as everything asks them, made anew at each start.
-- Grantees that a user is: itself, everybody, its groups and roles, and roles that those were given.
CREATE OR REPLACE VIEW stroma_system.stroma_memberships AS
    WITH RECURSIVE reached(id, grantee) AS (
        (SELECT id, 'user ' || id FROM stroma_system.users
         UNION ALL SELECT id, 'public' FROM stroma_system.users)
        UNION
        SELECT r.id, m."role" FROM reached r
            JOIN stroma_system.role_members m ON m."member" = r.grantee)
    SELECT id, grantee FROM reached;
-- Every right that a user has on what is there; 'OWNER' of its own, with * where it may be given on.
CREATE OR REPLACE VIEW stroma_system.stroma_effective AS
    SELECT "owner" AS id, kind, "schema", "name", unnest(['OWNER', 'SELECT', 'INSERT', 'UPDATE',
        'DELETE', 'REFERENCES', 'TRUNCATE', 'ALTER', 'DROP', 'USAGE', 'CREATE', 'SELECT*',
        'INSERT*', 'UPDATE*', 'DELETE*', 'REFERENCES*', 'TRUNCATE*', 'ALTER*', 'DROP*', 'USAGE*',
        'CREATE*']) AS allows
    FROM stroma_system.owners
    UNION ALL SELECT m.id, g.kind, g."schema", g."name", g.allows
    FROM stroma_system.rights g JOIN stroma_system.stroma_memberships m USING (grantee)
    UNION ALL SELECT m.id, g.kind, g."schema", g."name", g.allows || '*'
    FROM stroma_system.rights g JOIN stroma_system.stroma_memberships m USING (grantee)
    WHERE g.is_grantable
    -- Whoever owns a schema may drop what is in it.
    UNION ALL SELECT s."owner", 'relation', s."schema", o."name", 'DROP'
    FROM stroma_system.owners s JOIN stroma_system.owners o
        ON o.kind = 'relation' AND o."schema" = s."schema" WHERE s.kind = 'schema';
-- The one place where it is decided who may do what: sessions ask it, and so do has_table_privilege
-- and its like.
CREATE OR REPLACE MACRO stroma_system.stroma_may(who, of_kind, of_schema, of_name, wanted) AS
    CAST(who AS VARCHAR) IN (SELECT id FROM stroma_system.users WHERE is_super)
    OR (CAST(who AS VARCHAR), CAST(of_kind AS VARCHAR), CAST(of_schema AS VARCHAR),
        CAST(of_name AS VARCHAR), CAST(wanted AS VARCHAR)) IN
        (SELECT (id, kind, "schema", "name", allows) FROM stroma_system.stroma_effective);
-- Of a column: who may of the whole relation may of each.
CREATE OR REPLACE VIEW stroma_system.stroma_effective_columns AS
    SELECT m.id, c."schema", c."name", c."column", c.allows
    FROM stroma_system.column_rights c JOIN stroma_system.stroma_memberships m USING (grantee);
CREATE OR REPLACE MACRO stroma_system.stroma_may_column(who, of_schema, of_name, of_column, wanted) AS
    stroma_system.stroma_may(who, 'relation', of_schema, of_name, wanted)
    OR (CAST(who AS VARCHAR), CAST(of_schema AS VARCHAR), CAST(of_name AS VARCHAR),
        CAST(of_column AS VARCHAR), CAST(wanted AS VARCHAR)) IN
        (SELECT (id, "schema", "name", "column", allows) FROM stroma_system.stroma_effective_columns);
-- Whom a session's statements are asked as; nobody is the engine itself.
CREATE OR REPLACE MACRO stroma_system.stroma_me() AS CAST(getvariable('stroma_user') AS VARCHAR);
CREATE OR REPLACE MACRO stroma_system.stroma_sees_all() AS
    getvariable('stroma_user') IS NULL
    OR getvariable('stroma_user') IN (SELECT id FROM stroma_system.users WHERE is_super);
-- What of the logs a session sees: its user's own, and all for superusers.
CREATE OR REPLACE VIEW stroma_system.stroma_seen_queries AS
    SELECT coalesce(u."number", 100) AS userid, q.*
    FROM stroma_queries('') q LEFT JOIN stroma_system.users u ON u."name" = q.username
    WHERE stroma_system.stroma_sees_all() OR u.id = stroma_system.stroma_me();
CREATE OR REPLACE VIEW stroma_system.stroma_kept_errors AS
    SELECT * FROM stroma_system.load_errors WHERE stroma_system.stroma_sees_all()
        OR userid IN (SELECT "number" FROM stroma_system.users WHERE id = stroma_system.stroma_me());
-- The number of a relation, a schema… in pg_catalog and here: of its name, so that it stays.
CREATE OR REPLACE MACRO stroma_catalog.stroma_number(kind, name) AS
    CAST(md5_number_lower(kind || ':' || name) % 2000000000 + 100000 AS UINTEGER);
-- The table as a number, as svv_table_info and stv_tbl_perm have it, and behind all by its name. A
-- load by way of another table says no schema: the one that has a table of that name.
CREATE OR REPLACE VIEW stroma_system.stroma_seen_errors AS
    SELECT userid, slice, CAST(stroma_catalog.stroma_number('relation', full_name) AS INTEGER) AS tbl,
        starttime, session, query, filename, line_number, colname, "type", col_length, "position",
        raw_line, raw_field_value, err_code, err_reason, is_partial, start_offset, copy_job_id,
        full_name AS table_name
    FROM (SELECT e.*, CASE WHEN contains(e.told, '.') THEN e.told
            ELSE coalesce(t.schema_name, 'public') || '.' || e.told END AS full_name
        FROM (SELECT *, regexp_replace(tbl, '^temp[.]', '') AS told
            FROM stroma_system.stroma_kept_errors) e LEFT JOIN (
            SELECT table_name AS of_table, min(schema_name) AS schema_name FROM duckdb_tables()
            WHERE NOT internal AND NOT temporary AND schema_name NOT LIKE 'stroma\_%' ESCAPE '\'
            GROUP BY ALL) t ON t.of_table = e.told);
CREATE OR REPLACE VIEW stroma_system.stroma_seen_commits AS
    SELECT * FROM stroma_system.load_commits WHERE stroma_system.stroma_sees_all()
        OR userid IN (SELECT "number" FROM stroma_system.users WHERE id = stroma_system.stroma_me());
CREATE OR REPLACE VIEW stroma_system.stroma_identities AS
    SELECT 'user ' || id AS grantee, "number" AS identity_id, "name" AS identity_name,
        'user' AS identity_type FROM stroma_system.users
    UNION ALL SELECT kind || ' ' || "name", "number", "name", kind FROM stroma_system.roles
    UNION ALL SELECT 'public', 0, 'public', 'public';

CREATE OR REPLACE VIEW stroma_system.svv_relation_privileges AS
    SELECT g."schema" AS namespace_name, g."name" AS relation_name, g.allows AS privilege_type,
        i.identity_id, i.identity_name, i.identity_type, g.is_grantable AS admin_option
    FROM stroma_system.rights g JOIN stroma_system.stroma_identities i USING (grantee)
    WHERE g.kind = 'relation';
CREATE OR REPLACE VIEW stroma_system.svv_column_privileges AS
    SELECT c."schema" AS namespace_name, c."name" AS relation_name, c."column" AS column_name,
        c.allows AS privilege_type, i.identity_id, i.identity_name, i.identity_type,
        false AS admin_option
    FROM stroma_system.column_rights c JOIN stroma_system.stroma_identities i USING (grantee);
CREATE OR REPLACE VIEW stroma_system.svv_schema_privileges AS
    SELECT g."schema" AS namespace_name, g.allows AS privilege_type, i.identity_id,
        i.identity_name, i.identity_type, g.is_grantable AS admin_option
    FROM stroma_system.rights g JOIN stroma_system.stroma_identities i USING (grantee)
    WHERE g.kind = 'schema';
CREATE OR REPLACE VIEW stroma_system.svv_database_privileges AS
    SELECT current_database() AS database_name, g.allows AS privilege_type, i.identity_id,
        i.identity_name, i.identity_type, g.is_grantable AS admin_option
    FROM stroma_system.rights g JOIN stroma_system.stroma_identities i USING (grantee)
    WHERE g.kind = 'database';
CREATE OR REPLACE VIEW stroma_system.svv_default_privileges AS
    SELECT nullif(d."schema", '') AS schema_name, 'RELATION' AS object_type,
        u."number" AS owner_id, u."name" AS owner_name, 'user' AS owner_type,
        d.allows AS privilege_type, i.identity_id AS grantee_id, i.identity_name AS grantee_name,
        i.identity_type AS grantee_type, d.is_grantable AS admin_option
    FROM stroma_system.default_rights d JOIN stroma_system.stroma_identities i USING (grantee)
        JOIN stroma_system.users u ON u.id = d."owner";
CREATE OR REPLACE VIEW stroma_system.svv_roles AS
    SELECT r."number" AS role_id, r."name" AS role_name, u."name" AS role_owner,
        NULL::VARCHAR AS external_id
    FROM stroma_system.roles r LEFT JOIN stroma_system.users u ON u.id = r."owner"
    WHERE r.kind = 'role';
CREATE OR REPLACE VIEW stroma_system.svv_user_grants AS
    SELECT u."number" AS user_id, u."name" AS user_name, i.identity_id AS role_id,
        i.identity_name AS role_name, m.is_admin AS admin_option
    FROM stroma_system.role_members m
        JOIN stroma_system.users u ON m."member" = 'user ' || u.id
        JOIN stroma_system.stroma_identities i ON i.grantee = m."role" AND i.identity_type = 'role';
CREATE OR REPLACE VIEW stroma_system.svv_role_grants AS
    SELECT a.identity_id AS role_id, a.identity_name AS role_name, b.identity_id AS granted_role_id,
        b.identity_name AS granted_role_name
    FROM stroma_system.role_members m
        JOIN stroma_system.stroma_identities a ON a.grantee = m."member" AND a.identity_type = 'role'
        JOIN stroma_system.stroma_identities b ON b.grantee = m."role" AND b.identity_type = 'role';
CREATE OR REPLACE VIEW stroma_system.svv_user_info AS
    SELECT "name" AS user_name, "number" AS user_id, is_super AS createdb, is_super AS superuser,
        is_super AS catalog_update, 'UNLIMITED' AS connection_limit,
        'UNRESTRICTED' AS syslog_access, NULL::BIGINT AS last_ddl_timestamp,
        NULL::BIGINT AS session_timeout, NULL::VARCHAR AS external_user_id
    FROM stroma_system.users;
