"""How values and settings look on the PostgreSQL port: settings that transactions take back, date
and interval styles as PostgreSQL 15 has them, clients that don't speak UTF-8, arrays, types that
the engine hasn't got, and INSERTs that leave columns out or give rows back."""
import datetime
import json

import pytest

import own_postgres

psycopg2 = pytest.importorskip("psycopg2")


@pytest.fixture(scope="module")
def port(start_module_server, tmp_path_factory):
    data = tmp_path_factory.mktemp("values") / "data"
    server = start_module_server(data, "--postgres", "127.0.0.1:0")
    told = json.loads((data / "server.json").read_text())
    host, number = told["postgres"].rsplit(":", 1)
    return {"host": host, "port": number, "user": "admin", "dbname": "dev",
            "password": told["token"]}


@pytest.fixture
def ours(port):
    connection = psycopg2.connect(**port)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def theirs():
    server = own_postgres.start()
    connection = server.new_database().connect()
    connection.autocommit = True
    yield connection
    connection.close()
    server.stop()


def rows(connection, statement, values=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


def one(connection, statement, values=None):
    [[value]] = rows(connection, statement, values)
    return value


def test_a_setting_is_taken_back_with_its_transaction(ours):
    rows(ours, "SET extra_float_digits TO 1")
    ours.commit()
    rows(ours, "SET extra_float_digits TO 3")
    rows(ours, "SET LOCAL query_group TO 'once'")
    assert one(ours, "SHOW query_group") == "once"
    ours.rollback()
    assert one(ours, "SHOW extra_float_digits") == "1"
    assert one(ours, "SELECT set_config('query_group', 'twice', true)") == "twice"
    assert one(ours, "SELECT set_config(%s, %s, false)", ["work_mem", "8MB"]) == "8MB"
    ours.commit()
    assert one(ours, "SELECT current_setting('query_group')") == "default"
    assert one(ours, "SELECT current_setting(lower('WORK_MEM'))") == "8MB"
    assert one(ours, "SELECT current_setting('no.such', true)") is None
    with pytest.raises(psycopg2.errors.UndefinedObject):
        rows(ours, "SELECT current_setting('no_such')")
    ours.rollback()
    with pytest.raises(psycopg2.errors.InvalidParameterValue):
        rows(ours, "SET datestyle TO 'Klingon'")


def test_a_transactions_modes(ours):
    ours.set_session(isolation_level="READ COMMITTED", readonly=True)
    assert rows(ours, "SELECT current_setting('transaction_isolation'), "
                      "current_setting('transaction_read_only')") == [("read committed", "on")]
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        rows(ours, "CREATE TABLE unwanted(a INTEGER)")
    ours.rollback()
    ours.set_session(readonly=False)
    assert one(ours, "SELECT current_setting('transaction_read_only')") == "off"


MOMENTS = ["'2026-11-02 04:05:06.789'::timestamp", "'2026-11-02'::date",
           "'0044-03-15 12:00:00 BC'::timestamp", "'infinity'::timestamp", "'0258-1-8'::date",
           "'2026-11-02 04:05:06+02:30'::timestamptz"]
SPANS = ["'1 year 2 mons'", "'3 days 04:05:06.7'", "'-1 days +02:00:00'", "'1 mon -1 day'",
         "'-00:00:01.5'", "'0'", "'1 year 2 mons 3 days 4 hours 5 mins 6 secs'",
         "'+1 day +2 second +3 microsecond'"]


@pytest.mark.parametrize("style", ["ISO, MDY", "Postgres, MDY", "Postgres, DMY", "SQL, MDY",
                                   "SQL, DMY", "German, DMY"])
def test_date_styles_are_postgresqls(ours, theirs, style):
    for connection in (ours, theirs):
        rows(connection, f"SET datestyle TO {style}")
        rows(connection, "SET timezone TO 'UTC'")
    assert ours.get_parameter_status("DateStyle") == style
    for moment in MOMENTS:
        statement = f"SELECT {moment}"
        assert text_of(ours, statement) == text_of(theirs, statement), statement


@pytest.mark.parametrize("style", ["postgres", "postgres_verbose", "sql_standard", "iso_8601"])
def test_interval_styles_are_postgresqls(ours, theirs, style):
    for connection in (ours, theirs):
        rows(connection, f"SET intervalstyle TO {style}")
    for span in SPANS:
        statement = f"SELECT {span}::interval"
        if "microsecond" in span:
            for connection in (ours, theirs):
                rows(connection, "SET intervalstyle TO postgres")
        assert text_of(ours, statement) == text_of(theirs, statement), statement


def text_of(connection, statement):
    """The value as the server writes it."""
    with connection.cursor() as cursor:
        raw = psycopg2.extensions.new_type((1082, 1114, 1184, 1186), "RAW", lambda text, _: text)
        psycopg2.extensions.register_type(raw, cursor)
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_offsets_are_time_zones(ours):
    rows(ours, "SET timezone TO '-02:00'")  # as POSIX counts: to the east
    assert one(ours, "SELECT '2026-01-01 12:00'::timestamptz").astimezone(
        datetime.timezone.utc).hour == 10
    rows(ours, "SET TIME ZONE -2")  # as SQL counts
    assert one(ours, "SELECT '2026-01-01 12:00'::timestamptz").astimezone(
        datetime.timezone.utc).hour == 14


@pytest.mark.parametrize("encoding", ["latin1", "latin9", "win1252"])
def test_clients_of_another_encoding(ours, encoding):
    ours.set_client_encoding(encoding)
    rows(ours, "CREATE TEMP TABLE words(word VARCHAR(20))")
    word = "caf\u00e9 \u00fc\u00df"
    rows(ours, "INSERT INTO words VALUES (%s)", [word])
    assert one(ours, "SELECT word FROM words") == word
    assert one(ours, "SELECT strlen(word) FROM words") == len(word.encode())
    with ours.cursor() as cursor:
        cursor.execute(f'SELECT 1 AS "{word}"')
        assert cursor.description[0].name == word
    with pytest.raises(psycopg2.errors.UntranslatableCharacter, match="no equivalent"):
        rows(ours, "SELECT chr(26085)")


def test_arrays_of_texts_go_both_ways(ours):
    words = ["plain", "two words", "a,b", 'say "so"', "back\\slash", "it's", "{x}", "[y]", "",
             "NULL", None, "\u00e9"]
    assert one(ours, "SELECT %s::text[]", [words]) == words
    assert one(ours, "SELECT '{1, 2,NULL}'::int[]") == [1, 2, None]
    assert one(ours, "SELECT array[true, false, NULL]") == [True, False, None]
    assert [bytes(each) for each in one(ours, "SELECT array['\\x00ff'::bytea, 'a b'::bytea]")] == [
        b"\x00\xff", b"a b"]
    assert rows(ours, "SELECT x FROM (SELECT 2 AS x) AS t WHERE x = ANY(%s)", [[1, 2]]) == [(2,)]


def test_columns_have_the_types_that_were_written(ours):
    with ours.cursor() as cursor:
        cursor.execute("SELECT 'a'::text, 'b'::name, 1::oid, 'c'::varchar(7), 1.5::numeric(9,3), "
                       "'x', CAST('d' AS text) AS called, '12:00'::time(3), 'e'::bpchar(4)")
        types = [(each.type_code, each.precision, each.scale) for each in cursor.description]
        assert [each[0] for each in types] == [25, 19, 26, 1043, 1700, 25, 25, 1083, 1042]
        assert types[4][1:] == (9, 3)
    assert one(ours, "SELECT pg_typeof(1::smallint)") == "smallint"
    assert one(ours, "SELECT pg_typeof('2026-01-01'::date)::regtype = 'date'::regtype") is True


def test_an_insert_may_leave_the_last_columns_out(ours):
    rows(ours, "CREATE TEMP TABLE filled(a INTEGER, b VARCHAR(5) DEFAULT 'usual', c DATE)")
    rows(ours, "INSERT INTO filled VALUES (1), (2)")
    rows(ours, "INSERT INTO filled SELECT 3, 'own'")
    rows(ours, "INSERT INTO filled VALUES (%s, %s)", [4, "four"])
    assert rows(ours, "SELECT * FROM filled ORDER BY a") == [
        (1, "usual", None), (2, "usual", None), (3, "own", None), (4, "four", None)]
    with pytest.raises(psycopg2.Error):
        rows(ours, "INSERT INTO filled VALUES (1, 'a', NULL, 2)")


def test_changes_give_rows_back(ours):
    rows(ours, "CREATE TEMP TABLE given(a INTEGER, b VARCHAR(3))")
    assert rows(ours, "INSERT INTO given VALUES (1, 'x'), (2, 'y') RETURNING a, b || '!' AS c") == [
        (1, "x!"), (2, "y!")]
    assert rows(ours, "UPDATE given SET b = 'z' WHERE a = 2 RETURNING *") == [(2, "z")]
    assert rows(ours, "DELETE FROM given WHERE a = 1 RETURNING b") == [("x",)]
    with pytest.raises(psycopg2.errors.StringDataRightTruncation):
        rows(ours, "INSERT INTO given VALUES (3, 'long one') RETURNING a")


def test_information_schema_tells_types_as_postgresql(ours, theirs):
    table = """CREATE TABLE told(id INTEGER NOT NULL, at TIMESTAMP, name VARCHAR(20),
               price NUMERIC(10, 2), f REAL, d DOUBLE PRECISION, b BOOLEAN, s SMALLINT, n BIGINT,
               day DATE, zoned TIMESTAMPTZ, c CHAR(5), u TIME)"""
    asked = """SELECT column_name, ordinal_position, is_nullable, data_type,
               character_maximum_length, numeric_precision, numeric_precision_radix, numeric_scale,
               datetime_precision, udt_name
               FROM information_schema.columns WHERE columns.table_name = 'told' ORDER BY 2"""
    for connection in (ours, theirs):
        rows(connection, table)
    assert rows(ours, asked) == rows(theirs, asked)


def test_grafana_lists_tables(ours):
    rows(ours, "CREATE TABLE public.listed(a INTEGER)")
    assert ("listed",) in rows(ours, """
        SELECT CASE WHEN quote_ident(table_schema) IN (
            SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
            FROM generate_series(
                array_lower(string_to_array(current_setting('search_path'), ','), 1),
                array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
              string_to_array(current_setting('search_path'), ',') s)
          THEN quote_ident(table_name)
          ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
        FROM information_schema.tables
        WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog')
        ORDER BY 1""")


def test_prepared_statements_are_listed(ours):
    rows(ours, "PREPARE doubled(integer) AS SELECT $1 * 2")
    assert rows(ours, "SELECT name, parameter_types FROM pg_prepared_statements") == [
        ("doubled", ["integer"])]


def test_a_division_by_a_parameter_that_is_zero_is_an_error(ours):
    with pytest.raises(psycopg2.errors.DivisionByZero):
        rows(ours, "SELECT 1 / %s", [0])
