"""psql as a person uses it: what is typed, completed and told, on a terminal of its own."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

psycopg2 = pytest.importorskip("psycopg2")
PROMPT = re.compile(r"dev[=*!(-]*[#>] $")


@pytest.fixture(scope="module")
def port(start_module_server, tmp_path_factory):
    """A server with the port open: .host, .number, .password of the user admin."""
    data = tmp_path_factory.mktemp("by-hand")
    server = start_module_server(data / "data", "--postgres", "127.0.0.1:0")
    told = json.loads((data / "data" / "server.json").read_text())
    server.host, number = told["postgres"].rsplit(":", 1)
    server.number, server.password = int(number), told["token"]
    server.dsn = f"host={server.host} port={number} user=admin dbname=dev"
    return server


@pytest.fixture(scope="module")
def admin(port):
    """A connection of psycopg2's, where each statement is a transaction."""
    connection = psycopg2.connect(f"{port.dsn} password={port.password}")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE SCHEMA lab; CREATE TABLE lab.measured(cell_name VARCHAR(20), amount INTEGER, "
            "day DATE); INSERT INTO lab.measured VALUES ('a', 1, '2026-07-01'), ('b', 2, NULL); "
            "CREATE TABLE measurements(id INTEGER); CREATE VIEW measured_view AS SELECT 1 AS one; "
            "CREATE FUNCTION doubled(amount INTEGER) RETURNS INTEGER STABLE AS $$ SELECT $1 * 2 $$ "
            "LANGUAGE sql")
    yield connection
    connection.close()


def script(port, text, *options, **environment):
    """What psql tells of a script, with its errors among it."""
    done = subprocess.run(
        ["psql", "-X", "-q", *options, port.dsn], input=text, text=True, capture_output=True,
        timeout=60, check=False, env={"PATH": os.environ["PATH"], "PGPASSWORD": port.password,
                                      "PGCLIENTENCODING": "UTF8", **environment})
    return done.stdout + done.stderr


class Terminal:
    """psql on a pseudo terminal."""

    def __init__(self, port):
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.execvpe("psql", ["psql", "-X", "-P", "pager=off", port.dsn],
                       {"PATH": os.environ["PATH"], "PGPASSWORD": port.password, "TERM": "dumb",
                        "LC_ALL": "C.UTF-8", "PSQL_HISTORY": os.devnull, "INPUTRC": os.devnull})
        self.read(PROMPT)

    def read(self, until):
        """What is shown up to that."""
        shown = ""
        end = time.monotonic() + 30
        while not until.search(shown):
            ready, _, _ = select.select([self.screen], [], [], max(0, end - time.monotonic()))
            assert ready, shown
            shown += os.read(self.screen, 65536).decode().replace("\r", "").replace("\a", "")
        return shown

    def type(self, keys, until=PROMPT):
        """What is shown after that was typed."""
        os.write(self.screen, keys.encode())
        return self.read(until)

    def end(self):
        """Says goodbye."""
        os.write(self.screen, b"\x15\\q\n")
        os.waitpid(self.pid, 0)
        os.close(self.screen)


@pytest.fixture
def terminal(port, admin):
    """Terminal of psql."""
    made = Terminal(port)
    yield made
    made.end()


@pytest.mark.parametrize("typed, shown", [
    ("SEL", r"SELECT "),
    ("SELECT * FROM lab.mea", r"lab\.measured "),
    ("SELECT * FROM measurem", r"measurements "),
    ("SELECT * FROM la", r"lab\."),
    ("INSERT INTO measurem", r"measurements "),
    ("UPDATE measurements SET i", r"id "),
    ("DROP VIEW measured_v", r"measured_view "),
    ("DROP TABLE lab.me", r"lab\.measured "),
    ("DROP FUNCTION doub", r"doubled"),
    ("SET search_p", r"search_path "),
    ("SET timez", r"[tT]ime[zZ]one "),
    ("GRANT SELECT ON measurements TO ad", r"admin "),
    ("\\d measurem", r"measurements "),
    ("\\dt lab.m", r"lab\.measured "),
    ("ALTER TABLE measurements RENAME COLUMN i", r"id "),
    ("SELECT amount FROM lab.measured WHERE cell_n", r"cell_name ")])
def test_tab_completes(terminal, typed, shown):
    terminal.type(typed + "\t", re.compile(shown))


def test_commands_of_one_sitting(terminal):
    assert "Timing is on" in terminal.type("\\timing on\n")
    assert "Time: " in terminal.type("SELECT 1;\n")
    assert 'database "dev" as user "admin"' in terminal.type("\\conninfo\n")
    terminal.type("\\set AUTOCOMMIT off\n")
    assert "INSERT 0 1" in terminal.type("INSERT INTO measurements VALUES (7);\n")
    shown = terminal.type("ROLLBACK;\n")
    assert "ROLLBACK" in shown
    terminal.type("\\set AUTOCOMMIT on\n")
    assert re.search(r"\n\s+0\n", terminal.type("SELECT count(*) FROM measurements;\n"))


@pytest.mark.parametrize("text, line, caret", [
    ("SELECT nothing FROM lab.measured;", "LINE 1: SELECT nothing FROM lab.measured;", 7),
    ("SELECT 'häß', amount,\n  wrong_one AS x\nFROM lab.measured;", "LINE 2:   wrong_one AS x", 2),
    ("SELECT 'häß→', nothing FROM lab.measured;",
     "LINE 1: SELECT 'häß→', nothing FROM lab.measured;", 15),
    ("SELECT 1;SELECT 'é', no_function(1);", "LINE 1: SELECT 'é', no_function(1);", 12),
    ("SELECT 1 +;", "LINE 1: SELECT 1 +;", 10),
    ("SELECT amount FROM lab.nowhere;", "LINE 1: SELECT amount FROM lab.nowhere;", 19),
    ("SELECT top 3 m.wrong FROM lab.measured m ORDER BY getdate();",
     "LINE 1: SELECT top 3 m.wrong FROM lab.measured m ORDER BY getdate();", 13),
    ("SELECT amount::no_type FROM lab.measured;",
     "LINE 1: SELECT amount::no_type FROM lab.measured;", 15),
    ("SELEC 1;", "LINE 1: SELEC 1;", 0)])
def test_a_caret_stands_under_what_is_wrong(port, admin, text, line, caret):
    told = script(port, text).splitlines()
    assert line in told, told
    at = told.index(line)
    assert told[at + 1] == " " * (len("LINE 1: ") + caret) + "^", told[at:at + 2]


def test_functions_are_told_as_they_were_written(port, admin):
    assert "lab" in script(port, r"\dn")
    listed = script(port, r"\df+ doubled", "-At")
    assert "public|doubled|integer|amount integer|func|stable" in listed
    told = script(port, r"\sf doubled")
    assert told.splitlines()[:4] == ["CREATE OR REPLACE FUNCTION public.doubled(amount integer)",
                                     " RETURNS integer", " LANGUAGE sql", " STABLE"]
    made_again = script(port, told + ";\nSELECT doubled(21);", "-At")
    assert made_again == "42\n"
    assert "search_path|lab" in script(port, "SET search_path TO lab;\n\\dconfig+ search*", "-At")


@pytest.mark.parametrize("zone, summer, winter", [
    ("Europe/Berlin", "2026-07-01 14:00:00+02", "2026-01-01 13:00:00.25+01"),
    ("America/St_Johns", "2026-07-01 09:30:00-02:30", "2026-01-01 08:30:00.25-03:30"),
    ("Asia/Kathmandu", "2026-07-01 17:45:00+05:45", "2026-01-01 17:45:00.25+05:45"),
    ("UTC", "2026-07-01 12:00:00+00", "2026-01-01 12:00:00.25+00"),
    ("-3", "2026-07-01 09:00:00-03", "2026-01-01 09:00:00.25-03")])
def test_moments_are_told_by_the_sessions_clock(port, zone, summer, winter):
    both = ("SELECT '2026-07-01 12:00:00+00'::timestamptz AS s, "
            "'2026-01-01 12:00:00.25Z'::timestamptz AS w")
    zone = zone if zone == "-3" else f"'{zone}'"
    set_zone = f"SET timezone TO {zone};\n"
    assert script(port, f"{set_zone}{both};", "-At") == f"{summer}|{winter}\n"
    assert script(port, f"{set_zone}COPY ({both}) TO STDOUT;") == f"{summer}\t{winter}\n"
    # What a cast tells is the same, and what was read by that clock is the same moment.
    asked = f"SELECT s::varchar, '{summer[:19]}'::timestamptz = s FROM ({both}) b;"
    assert script(port, set_zone + asked, "-At") == f"{summer}|t\n"


def test_clocks_change_when_the_zone_says_so(port):
    times = ["2026-03-29 00:59:59+00", "2026-03-29 01:00:00+00", "2026-10-25 00:59:59+00",
             "2026-10-25 01:00:00+00", "1893-03-31 23:06:31+00", "1893-03-31 23:06:32+00"]
    asked = " UNION ALL ".join(f"SELECT {n} AS n, '{at}'::timestamptz AS t"
                               for n, at in enumerate(times))
    told = script(port, f"SET timezone TO 'Europe/Berlin';\nSELECT t FROM ({asked}) x ORDER BY n;",
                  "-At").splitlines()
    assert told == ["2026-03-29 01:59:59+01", "2026-03-29 03:00:00+02", "2026-10-25 02:59:59+02",
                    "2026-10-25 02:00:00+01", "1893-03-31 23:59:59+00:53:28",
                    "1893-04-01 00:06:32+01"]


def test_copy_tells_values_in_the_sessions_styles(port):
    told = script(port, "SET datestyle TO 'German'; SET intervalstyle TO 'iso_8601';\nCOPY (SELECT "
                  "'2026-11-22'::date, '1 day 2 hours'::interval, true, '\\x00ff'::bytea, "
                  "0.1::real) TO STDOUT;")
    assert told == "22.11.2026\tP1DT2H\tt\t\\\\x00ff\t0.1\n"
    forced = script(port, "COPY (SELECT 'a' AS a, 'b' AS b, 3 AS c) TO STDOUT WITH (FORMAT csv, "
                    "FORCE_QUOTE (a, c));\nCOPY (SELECT 'a' AS a, NULL AS b) TO STDOUT CSV FORCE "
                    "QUOTE *;")
    assert forced == '"a",b,"3"\n"a",\n'
    refused = script(port, "COPY measurements FROM STDIN WITH (FORMAT csv, ENCODING 'latin1');\n"
                     "\\.\n")
    assert "SET client_encoding TO latin1" in refused


def test_a_statement_whose_table_changed_is_refused(port, admin):
    prepared = psycopg2.connect(f"{port.dsn} password={port.password}")
    prepared.autocommit = True
    with prepared.cursor() as cursor, admin.cursor() as other:
        other.execute("CREATE TABLE changing(a INTEGER)")
        cursor.execute("PREPARE all_of AS SELECT * FROM changing")
        cursor.execute("EXECUTE all_of")
        other.execute("ALTER TABLE changing ADD COLUMN b VARCHAR(5)")
        with pytest.raises(psycopg2.errors.FeatureNotSupported,
                           match="cached plan must not change result type"):
            cursor.execute("EXECUTE all_of")
        cursor.execute("DEALLOCATE all_of")
        cursor.execute("PREPARE all_of AS SELECT * FROM changing")
        cursor.execute("EXECUTE all_of")
    prepared.close()


def test_errors_within_a_transaction(port):
    told = script(port, "\\set ON_ERROR_ROLLBACK on\nBEGIN;\nSELECT nothing;\nSELECT 2;\nCOMMIT;\n"
                  "\\echo :LAST_ERROR_SQLSTATE")
    assert "a transaction can't go back to a savepoint: ROLLBACK it" in told
    assert "25P02" in told
    stopped = script(port, "\\set ON_ERROR_STOP on\nSELECT nothing;\nSELECT 'reached';")
    assert "reached" not in stopped


def test_types_of_redshift_are_told_by_its_numbers(port, admin):
    with admin.cursor() as cursor:
        cursor.execute("CREATE TABLE typed(v VARBYTE(10), g GEOMETRY, h HLLSKETCH, s SUPER, "
                       "b BYTEA); INSERT INTO typed(v, b) VALUES (from_hex('00ff'), '\\x61')")
        cursor.execute("SELECT v, g, h, s, b, v AS other FROM typed")
        numbers = [column.type_code for column in cursor.description]
        assert numbers == [6551, 3000, 2935, 4000, 17, 17]
        row = cursor.fetchone()
        assert (row[0], bytes(row[4])) == ("00ff", b"a")
        cursor.execute("SELECT 'a'::varbyte, to_varbyte('61', 'hex')")
        assert [column.type_code for column in cursor.description] == [6551, 6551]
        cursor.execute("SELECT 'a'::varbyte, '\\x61'::bytea")
        assert [column.type_code for column in cursor.description] == [6551, 17]
        cursor.execute("SELECT attname, format_type(atttypid, atttypmod), atttypid FROM "
                       "pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 0 ORDER BY "
                       "attnum")
        assert cursor.fetchall() == [("v", "varbyte", 6551), ("g", "geometry", 3000),
                                     ("h", "hllsketch", 2935), ("s", "super", 4000),
                                     ("b", "bytea", 17)]
