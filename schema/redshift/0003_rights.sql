-- Who may do what with users' tables. People are the site's principals: `users` says by what name
-- and number SQL knows them. A grantee is 'user ID', 'group NAME', 'role NAME' or 'public'; a right
-- is on the 'database', a 'schema' or a 'relation', by names in lower case.
CREATE TABLE stroma_system.users(
    "number" INTEGER NOT NULL, id VARCHAR NOT NULL, "name" VARCHAR NOT NULL,
    is_super BOOLEAN NOT NULL);
INSERT INTO stroma_system.users VALUES (100, 'local', 'admin', true);
CREATE TABLE stroma_system.roles(
    "number" INTEGER NOT NULL, "name" VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    "owner" VARCHAR NOT NULL);
CREATE TABLE stroma_system.role_members(
    "role" VARCHAR NOT NULL, "member" VARCHAR NOT NULL, is_admin BOOLEAN NOT NULL,
    grantor VARCHAR NOT NULL);
CREATE TABLE stroma_system.owners(
    kind VARCHAR NOT NULL, "schema" VARCHAR NOT NULL, "name" VARCHAR NOT NULL,
    "owner" VARCHAR NOT NULL);
CREATE TABLE stroma_system.rights(
    kind VARCHAR NOT NULL, "schema" VARCHAR NOT NULL, "name" VARCHAR NOT NULL,
    grantee VARCHAR NOT NULL, allows VARCHAR NOT NULL, is_grantable BOOLEAN NOT NULL,
    grantor VARCHAR NOT NULL);
-- What the next relation that `owner` makes (in that schema; '': in any) is born with.
CREATE TABLE stroma_system.default_rights(
    "owner" VARCHAR NOT NULL, "schema" VARCHAR NOT NULL, grantee VARCHAR NOT NULL,
    allows VARCHAR NOT NULL, is_grantable BOOLEAN NOT NULL);
INSERT INTO stroma_system.rights VALUES ('schema', 'public', '', 'public', 'USAGE', false, 'local');
-- What was there before there were rights was everybody's to read, and stays so.
INSERT INTO stroma_system.rights
    SELECT 'schema', lower(schema_name), '', 'public', 'USAGE', false, 'local'
    FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal
        AND schema_name NOT IN ('main', 'public') AND schema_name NOT LIKE 'stroma\_%' ESCAPE '\';
INSERT INTO stroma_system.rights
    SELECT 'relation', lower(schema_name), lower("name"), 'public', 'SELECT', false, 'local'
    FROM (SELECT schema_name, table_name AS "name" FROM duckdb_tables()
          WHERE database_name = current_database() AND NOT internal
          UNION ALL SELECT schema_name, view_name FROM duckdb_views()
          WHERE database_name = current_database() AND NOT internal)
    WHERE schema_name <> 'main' AND schema_name NOT LIKE 'stroma\_%' ESCAPE '\';
