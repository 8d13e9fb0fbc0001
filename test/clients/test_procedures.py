"""Stored procedures, as psycopg2 and psql meet them."""
import json
import os
import subprocess
import threading

import pytest

psycopg2 = pytest.importorskip("psycopg2")

MAKES = """
create table loaded(name varchar(20), n int);
create or replace procedure load_one(name in varchar(20), n inout int, told out varchar(40))
language plpgsql as $$
begin
  -- a semicolon; in a comment
  insert into loaded values (name, n);
  raise info 'loaded % of %', n, name;
  if n < 0 then raise exception 'no % rows', n; end if;
  n := n + 1;
  told := name || '; done';
end;
$$;
"""


@pytest.fixture(scope="module")
def server(start_module_server, tmp_path_factory):
    data = tmp_path_factory.mktemp("procedures") / "data"
    start_module_server(data, "--postgres", "127.0.0.1:0")
    told = json.loads((data / "server.json").read_text())
    host, port = told["postgres"].rsplit(":", 1)
    address = {"host": host, "port": int(port), "user": "admin", "dbname": "dev",
               "password": told["token"]}
    connection = psycopg2.connect(**address)
    connection.autocommit = True
    connection.cursor().execute(MAKES)
    yield address
    connection.close()


@pytest.fixture
def connection(server):
    made = psycopg2.connect(**server)
    yield made
    made.close()


def ask(connection, statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else cursor.statusmessage


def test_a_call_gives_what_its_out_arguments_hold(connection):
    with connection.cursor() as cursor:
        cursor.execute("call load_one(%s, %s)", ("orders", 3))
        assert [column.name for column in cursor.description] == ["n", "told"]
        assert cursor.fetchall() == [(4, "orders; done")]
        assert cursor.statusmessage == "CALL"
    assert [notice.strip() for notice in connection.notices] == ["INFO:  loaded 3 of orders"]
    connection.commit()
    assert ask(connection, "select n from loaded where name = 'orders'") == [(3,)]


def test_a_call_that_fails_leaves_the_transaction_failed_and_nothing_behind(connection):
    with pytest.raises(psycopg2.errors.RaiseException) as failed:
        ask(connection, "call load_one('bad', -2)")
    assert failed.value.diag.message_primary == "no -2 rows"
    assert "line" in failed.value.diag.message_detail
    with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
        ask(connection, "select 1")
    connection.rollback()
    assert ask(connection, "select count(*) from loaded where name = 'bad'") == [(0,)]


def test_an_endless_loop_is_canceled(connection):
    connection.autocommit = True
    ask(connection, "create or replace procedure forever() language plpgsql as $$ "
                    "declare i int := 0; begin loop i := (i + 1) % 1000; end loop; end; $$")
    failures = []

    def call():
        try:
            ask(connection, "call forever()")
        except psycopg2.Error as failure:
            failures.append(failure.pgcode)
    thread = threading.Thread(target=call)
    thread.start()
    # Between any two of its small statements; one that came before the first is not lost on it.
    while thread.is_alive():
        connection.cancel()
        thread.join(0.2)
    assert failures == ["57014"]
    assert ask(connection, "select 1") == [(1,)]


def test_psql_tells_of_procedures_and_calls_them(server, tmp_path):
    script = tmp_path / "procedures.sql"
    script.write_text("\\df load_*\nCALL load_one('psql', 7);\n"
                      "SHOW PROCEDURE load_one(varchar, int);")
    environment = {**os.environ, "PGPASSWORD": server["password"]}
    done = subprocess.run(
        ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", server["host"], "-p",
         str(server["port"]), "-U", "admin", "-d", "dev", "-f", str(script)],
        env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("public|load_one|") and lines[0].endswith("|proc"), lines[0]
    assert "8|psql; done" in lines
    assert any(line.startswith("create or replace procedure load_one") for line in lines)
    assert "INFO:  loaded 7 of psql" in done.stderr
