"""What dashboards, editors and modelling tools ask a PostgreSQL or Redshift server of its catalogs,
as they send it (shortened where a list of names repeats). `{table}` is a table of the test's."""

# Grafana's list of tables is in test_postgres_values.py.
GRAFANA = [
    "SELECT 1",
    "SELECT current_setting('server_version_num')::int/100 AS version",
    """SELECT quote_ident(column_name) AS "column", data_type AS "type"
       FROM information_schema.columns
       WHERE CASE WHEN array_length(parse_ident('public.{table}'), 1) = 2
         THEN quote_ident(table_schema) = (parse_ident('public.{table}'))[1]
           AND quote_ident(table_name) = (parse_ident('public.{table}'))[2]
         ELSE quote_ident(table_name) = 'public.{table}' END""",
    """SELECT floor(extract(epoch from "at")/60)*60 AS "time", avg("price") AS "price"
       FROM {table} WHERE "at" BETWEEN '2026-11-22T08:00:00Z' AND '2026-11-22T10:00:00Z'
       GROUP BY 1 ORDER BY 1""",
    """SELECT "at" AS "time", price FROM {table} WHERE "at" >= '2026-11-22T08:00:00Z'
       AND "at" <= '2026-11-22T10:00:00Z' ORDER BY 1 LIMIT 50""",
]

# Metabase: JDBC's DatabaseMetaData (in test_postgres.py), and its own.
METABASE = [
    "SHOW TIMEZONE", "SELECT current_setting('TIMEZONE')",
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
    """SELECT nspname AS schema FROM pg_namespace
       WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'""",
    """SELECT c.relname AS name, n.nspname AS schema,
         CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW'
           WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS type,
         d.description, stat.n_live_tup AS estimated_row_count
       FROM pg_catalog.pg_class AS c
       INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
       LEFT JOIN pg_catalog.pg_description AS d
         ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
       LEFT JOIN pg_stat_user_tables AS stat
         ON n.nspname = stat.schemaname AND c.relname = stat.relname
       WHERE c.relnamespace = n.oid AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
         AND c.relkind IN ('r', 'p', 'v', 'f', 'm') ORDER BY type, schema, name""",
    """SELECT c.column_name AS name, c.data_type AS "database-type",
         c.ordinal_position - 1 AS "database-position", c.table_schema AS "table-schema",
         c.table_name AS "table-name", pk.column_name IS NOT NULL AS "pk?",
         CASE WHEN c.remarks <> '' THEN c.remarks END AS "field-comment"
       FROM svv_columns AS c
       LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name
         FROM information_schema.table_constraints AS tc
         INNER JOIN information_schema.key_column_usage AS kc
           ON tc.constraint_name = kc.constraint_name AND tc.table_schema = kc.table_schema
             AND tc.table_name = kc.table_name
         WHERE tc.constraint_type = 'PRIMARY KEY') AS pk
         ON c.table_schema = pk.table_schema AND c.table_name = pk.table_name
           AND c.column_name = pk.column_name
       WHERE c.table_schema !~ '^information_schema|catalog_history|pg_'
         AND c.table_schema IN ('public') ORDER BY 4, 5, 3""",
    """SELECT "public"."{table}"."name" AS "name", SUM("public"."{table}"."price") AS "sum"
       FROM "public"."{table}" GROUP BY "public"."{table}"."name"
       ORDER BY "public"."{table}"."name" ASC""",
    """SELECT DATE_TRUNC('month', "public"."{table}"."at") AS "at", COUNT(*) AS "count"
       FROM "public"."{table}" GROUP BY DATE_TRUNC('month', "public"."{table}"."at")
       ORDER BY DATE_TRUNC('month', "public"."{table}"."at") ASC""",
]

DBEAVER = [
    "SET extra_float_digits = 3", "SET application_name = 'DBeaver 24.1.0 - Main <dev>'",
    "SELECT current_schema(), session_user", "SELECT version()", "SHOW search_path",
    "SELECT current_database()",
    "SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE 1 = 1 AND datallowconn "
    "AND NOT datistemplate OR db.datname = 'dev' ORDER BY db.datname",
    "SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN "
    "pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = "
    "'pg_namespace'::regclass ORDER BY nspname",
    "SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS "
    "base_type_name, d.description FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et "
    "ON et.oid = t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid LEFT OUTER "
    "JOIN pg_catalog.pg_description d ON t.oid = d.objoid WHERE t.typname IS NOT NULL AND "
    "(c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C')",
    "SELECT c.oid, c.*, d.description FROM pg_catalog.pg_class c LEFT OUTER JOIN "
    "pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = "
    "'pg_class'::regclass WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = "
    "'public') AND c.relkind NOT IN ('i', 'I', 'c')",
    "SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, "
    "dsc.description FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON "
    "(a.attrelid = c.oid) LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND "
    "a.attnum = ad.adnum) LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND "
    "a.attnum = dsc.objsubid) WHERE NOT a.attisdropped AND c.relname = '{table}' ORDER BY a.attnum",
    "SELECT c.oid, c.*, t.relname AS tabrelname, rt.relnamespace AS refnamespace, d.description "
    "FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid LEFT "
    "OUTER JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid LEFT OUTER JOIN "
    "pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 WHERE t.relname = "
    "'{table}'",
    "SELECT i.*, i.indkey AS keys, c.relname, c.relnamespace, c.relam, c.reltablespace, "
    "tc.relname AS tabrelname, dsc.description FROM pg_catalog.pg_index i INNER JOIN "
    "pg_catalog.pg_class c ON c.oid = i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid = "
    "i.indrelid LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid = dsc.objoid WHERE "
    "tc.relname = '{table}' ORDER BY tabrelname, c.relname",
    "SELECT p.oid AS poid, p.*, pg_catalog.pg_get_expr(p.proargdefaults, 0) AS arg_defaults, "
    "d.description FROM pg_catalog.pg_proc p LEFT OUTER JOIN pg_catalog.pg_description d ON "
    "d.objoid = p.oid LIMIT 5",
    "SELECT * FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings'",
    "SELECT x.* FROM public.{table} x LIMIT 200",
]

TABLEAU = [
    "SET client_encoding TO 'UTF8'", "SELECT current_database()",
    "CREATE TEMPORARY TABLE \"#Tableau_1_Connect\" (\"COL\" INTEGER)",
    "INSERT INTO \"#Tableau_1_Connect\" (\"COL\") VALUES (1)",
    "SELECT \"COL\" FROM (SELECT 1 AS \"COL\") AS \"CHECKTEMP\" LIMIT 1",
    "DROP TABLE \"#Tableau_1_Connect\"",
    "BEGIN",
    "DECLARE \"SQL_CUR1\" CURSOR WITH HOLD FOR SELECT \"{table}\".\"name\" AS \"name\", "
    "SUM(\"{table}\".\"price\") AS \"sum:price:ok\" FROM \"public\".\"{table}\" \"{table}\" "
    "GROUP BY 1 ORDER BY 1",
    "FETCH 1000 IN \"SQL_CUR1\"", "FETCH 1000 IN \"SQL_CUR1\"", "CLOSE \"SQL_CUR1\"", "COMMIT",
]

DBT = [
    "BEGIN", "SELECT version()",
    "/* {\"app\": \"dbt\"} */ SELECT DISTINCT nspname FROM pg_namespace",
    "SELECT 'dev' AS database, tablename AS name, schemaname AS schema, 'table' AS type FROM "
    "pg_tables WHERE schemaname ILIKE 'public' UNION ALL SELECT 'dev' AS database, viewname AS "
    "name, schemaname AS schema, 'view' AS type FROM pg_views WHERE schemaname ILIKE 'public'",
    "CREATE SCHEMA IF NOT EXISTS \"marts\"",
    "CREATE TABLE \"dev\".\"marts\".\"sums__dbt_tmp\" DISTSTYLE EVEN AS (SELECT name, sum(price) "
    "AS total FROM \"dev\".\"public\".\"{table}\" GROUP BY 1)",
    "ALTER TABLE \"dev\".\"marts\".\"sums__dbt_tmp\" RENAME TO \"sums\"",
    "CREATE VIEW \"dev\".\"marts\".\"names__dbt_tmp\" AS (SELECT DISTINCT name FROM "
    "\"dev\".\"public\".\"{table}\") WITH NO SCHEMA BINDING",
    "DROP VIEW IF EXISTS \"dev\".\"marts\".\"names__dbt_backup\" CASCADE",
    "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale "
    "FROM \"dev\".INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'sums' AND table_schema = 'marts' "
    "ORDER BY ordinal_position",
    "SELECT * FROM svv_redshift_columns WHERE schema_name = 'marts'",
    "COMMIT",
    "DROP SCHEMA marts CASCADE",
]

TOOLS = {"Grafana": GRAFANA, "Metabase": METABASE, "DBeaver": DBEAVER, "Tableau": TABLEAU,
         "dbt-redshift": DBT}
