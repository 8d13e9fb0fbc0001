"""Dashboard tools, editors and other drivers on the PostgreSQL port: node-postgres, psycopg 3 and
SQLAlchemy themselves, and what Grafana, Metabase, DBeaver, Tableau and dbt send, compared with a
PostgreSQL of the test's own where both have an answer."""
import decimal
import json
import os
import pathlib
import subprocess
import tempfile

import pytest

import tool_statements

psycopg2 = pytest.importorskip("psycopg2")
PROJECT = pathlib.Path(__file__).resolve().parents[2]
TABLE = """CREATE TABLE sold(id INTEGER PRIMARY KEY, at TIMESTAMP, name VARCHAR(20),
           price DECIMAL(10, 2))"""
ROWS = """INSERT INTO sold VALUES (1, '2026-11-22 08:50:55', 'pen', 1.50),
          (2, '2026-11-22 09:10:00', 'ink', 2.25)"""
# What PostgreSQL 15 answers otherwise, as it should: its names, versions, catalogs and dialect.
NOT_COMPARED = ("version", "pg_catalog.pg_class AS c", "svv_", "TIMEZONE",
                "information_schema.columns", "current_database")


@pytest.fixture(scope="module")
def port(start_module_server, tmp_path_factory):
    data = tmp_path_factory.mktemp("bi") / "data"
    server = start_module_server(data, "--postgres", "127.0.0.1:0")
    told = json.loads((data / "server.json").read_text())
    server.host, server.number = told["postgres"].rsplit(":", 1)
    server.password = told["token"]
    server.url_of = f"admin:{told['token']}@{told['postgres']}/dev"
    return server


@pytest.fixture(scope="module")
def sold(port):
    """The table, on our side."""
    with psycopg2.connect(host=port.host, port=port.number, user="admin", dbname="dev",
                          password=port.password) as connection:
        run_all(connection, [TABLE, ROWS])
    connection.close()


@pytest.fixture
def ours(port, sold):
    connection = psycopg2.connect(host=port.host, port=port.number, user="admin", dbname="dev",
                                  password=port.password)
    connection.autocommit = True
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def theirs():
    """PostgreSQL 15, started for these tests behind a socket of its own."""
    programs = pathlib.Path("/usr/lib/postgresql/15/bin")
    if not (programs / "initdb").exists():
        pytest.skip("PostgreSQL 15 is absent; run tools/setup test")
    held = tempfile.TemporaryDirectory(prefix="stroma-pg-")  # pytest's folders are its user's alone
    folder, as_user = pathlib.Path(held.name), []
    if os.geteuid() == 0:  # it doesn't run as root
        folder.chmod(0o755)
        subprocess.run(["chown", "postgres", folder], check=True)
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(program, *arguments):
        subprocess.run([*as_user, programs / program, "-D", folder / "data", *arguments],
                       check=True, capture_output=True, timeout=120, cwd="/")
    run("initdb", "-U", "admin", "--auth=trust", "-E", "UTF8", "--no-locale")
    run("pg_ctl", "-w", "-l", folder / "log", "-o",
        f"-k {folder} -c listen_addresses='' -c fsync=off -c timezone=UTC", "start")
    connection = psycopg2.connect(host=str(folder), user="admin", dbname="postgres")
    connection.autocommit = True
    run_all(connection, [TABLE, ROWS, "CREATE SCHEMA biology"])
    yield connection
    connection.close()
    run("pg_ctl", "-m", "immediate", "stop")
    held.cleanup()


def run_all(connection, statements):
    """Columns and rows of each statement; None of those that give none."""
    answers = []
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            answers.append(cursor.description and
                           ([one.name for one in cursor.description], cursor.fetchall()))
    return answers


@pytest.mark.parametrize("tool", tool_statements.TOOLS)
def test_a_tools_statements_are_answered(ours, tool):
    statements = [one.replace("{table}", "sold") for one in tool_statements.TOOLS[tool]]
    answers = dict(zip(statements, run_all(ours, statements)))
    if tool == "Grafana":
        assert [row[0] for row in answers[statements[2]][1]] == ["id", "at", "name", "price"]
    if tool == "DBeaver":
        [columns] = [rows for text, rows in answers.items() if "pg_get_expr(ad" in text]
        assert [row[columns[0].index("attname")] for row in columns[1]] == ["id", "at", "name",
                                                                           "price"]


@pytest.mark.parametrize("tool", ["Grafana", "Metabase", "Tableau"])
def test_answers_are_postgresqls(ours, theirs, tool):
    for statement in tool_statements.TOOLS[tool]:
        statement = statement.replace("{table}", "sold")
        if any(word in statement for word in NOT_COMPARED):
            continue
        answers = [run_all(who, [statement])[0] or ([], []) for who in (ours, theirs)]
        if "ORDER BY" not in statement.upper():
            answers = [(columns, sorted(rows, key=repr)) for columns, rows in answers]
        assert answers[0] == answers[1], statement


def test_node_postgres(port):
    done = subprocess.run([PROJECT / "tools/node", PROJECT / "test/clients/use_pg.mjs",
                           PROJECT / "build/clients", port.host, port.number, port.password],
                          capture_output=True, text=True, timeout=120, check=False,
                          env={"PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC"})
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["inserted"] == ["INSERT", 1]
    assert seen["rows"] == [
        {"id": 1, "name": "it's é", "price": "12.50", "big": "9007199254740993", "share": 0.25,
         "good": True, "day": "2026-11-22", "at": "2026-11-22T08:50:55.123Z"},
        {"id": 2, "name": None, "price": None, "big": None, "share": None, "good": None,
         "day": None, "at": None}]
    assert seen["oids"] == {"id": 23, "name": 1043, "price": 1700, "big": 20, "share": 701,
                            "good": 16, "day": 1043, "at": 1114}
    assert seen["array_rows"] == [[1, 2]] and seen["named"] == ["it's é", None, 0]
    assert seen["pieces"] == [10, 10, 5] and seen["several"] == [{"one": 1}, {"two": 2}]
    assert seen["any"] == [[1], [1]]
    assert seen["wrong"]["code"] == "42703"
    for word in ("listen", "notify"):
        assert seen[word] == {"code": "0A000", "message": f"{word} is not supported: sessions tell "
                                                          "each other nothing"}
    assert seen["in_transaction"]["code"] == "42P01" and seen["failed"]["code"] == "25P02"
    assert seen["after"] == 2 and seen["pooled"]


def test_which_types_are_arrays(port):
    """As Rails asks at its start: by the function that reads a type."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(host=port.host, port=port.number, user="admin", password=port.password,
                         dbname="dev") as connection:
        found = connection.execute(
            "SELECT t.typname, t.typinput FROM pg_type AS t "
            "LEFT JOIN pg_range AS r ON oid = rngtypid "
            "WHERE t.typinput = 'array_in(cstring,oid,integer)'::regprocedure "
            "AND t.typinput = 'array_in'::regproc ORDER BY 1").fetchall()
    assert ("_int4", "array_in") in found and all(name.startswith("_") for name, _ in found)


def test_psycopg_3(port):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(f"postgresql://{port.url_of}", autocommit=True) as connection:
        ask = lambda *order: connection.execute(*order).fetchall()
        # Redshift's numeric is numeric(18, 0) where nothing is said.
        assert ask("SELECT %s::int + 1, %s::text, %s::numeric, %s::numeric(10, 1)",
                   [1, "é", 2.5, 2.5]) == [(2, "é", 3, decimal.Decimal("2.5"))]
        with connection.cursor(binary=True) as cursor:
            cursor.execute("SELECT 1::int, 'a'::varchar, 2.5::float8, true, 12.50::numeric(10,2)")
            assert cursor.fetchall() == [(1, "a", 2.5, True, decimal.Decimal("12.50"))]
        with connection.pipeline():
            first, second = connection.execute("SELECT 1"), connection.execute("SELECT 2")
            assert (first.fetchone(), second.fetchone()) == ((1,), (2,))
        with connection.transaction():
            connection.execute("DECLARE big CURSOR FOR SELECT g FROM generate_series(1, 25) g")
            assert ask("SELECT name FROM pg_cursors") == [("big",)]
            assert [len(ask("FETCH 10 FROM big")) for _ in range(4)] == [10, 10, 5, 0]
            connection.execute("CLOSE big")
        assert ask("SELECT name FROM pg_catalog.pg_cursors c") == []
        ask_nothing = connection.execute
        ask_nothing("CREATE TABLE copied(a INTEGER, b VARCHAR(10))")
        with connection.cursor() as cursor:
            with cursor.copy("COPY copied FROM STDIN") as copy:
                for row in ((1, "x"), (2, None), (3, "two\nlines")):
                    copy.write_row(row)
            with cursor.copy("COPY copied TO STDOUT") as copy:
                assert list(copy.rows()) == [("1", "x"), ("2", None), ("3", "two\nlines")]
            cursor.executemany("INSERT INTO copied VALUES (%s, %s)",
                               [(at, str(at)) for at in range(20)])
        # From its fifth run on it prepares by itself.
        assert [ask("SELECT count(*) FROM copied WHERE a = %s", [at])[0][0] for at in range(8)] == [
            1, 2, 2, 2, 1, 1, 1, 1]
        ask_nothing("DROP TABLE copied")


def test_sqlalchemy(port, sold):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(f"postgresql+psycopg2://{port.url_of}")
    metadata = sqlalchemy.MetaData()
    orders = sqlalchemy.Table(
        "orders", metadata,
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True, autoincrement=False),
        sqlalchemy.Column("at", sqlalchemy.DateTime),
        sqlalchemy.Column("price", sqlalchemy.Numeric(10, 2)))
    sqlalchemy.Table(
        "parcels", metadata,
        sqlalchemy.Column("label", sqlalchemy.String(20), unique=True),
        sqlalchemy.Column("order_id", sqlalchemy.Integer,
                          sqlalchemy.ForeignKey("orders.id", name="of_order")))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(orders.insert(), [{"id": 1, "at": None, "price": decimal.Decimal("1.5")},
                                             {"id": 2, "at": None, "price": None}])
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.select(orders.c.id, orders.c.price)
                                  .order_by(orders.c.id)).fetchall()
    assert rows == [(1, decimal.Decimal("1.50")), (2, None)]
    looks = sqlalchemy.inspect(engine)
    assert set(looks.get_table_names()) == {"orders", "parcels", "sold"}
    assert [(one["name"], str(one["type"])) for one in looks.get_columns("orders")] == [
        ("id", "INTEGER"), ("at", "TIMESTAMP"), ("price", "NUMERIC(10, 2)")]
    assert looks.get_pk_constraint("orders")["constrained_columns"] == ["id"]
    assert [(one["name"], one["constrained_columns"], one["referred_table"],
             one["referred_columns"]) for one in looks.get_foreign_keys("parcels")] == [
        ("of_order", ["order_id"], "orders", ["id"])]
    assert [one["column_names"] for one in looks.get_unique_constraints("parcels")] == [["label"]]
    again = sqlalchemy.MetaData()
    again.reflect(engine, only=["orders"])
    assert [one.name for one in again.tables["orders"].columns] == ["id", "at", "price"]
    metadata.drop_all(engine)
    engine.dispose()
