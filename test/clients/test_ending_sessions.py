"""One session ends what another runs, or the other itself: pg_cancel_backend, pg_terminate_backend
and Redshift's CANCEL."""
import json
import os
import select
import socket
import threading

import pytest

psycopg2 = pytest.importorskip("psycopg2")
LONG = ("SELECT count(*) FROM generate_series(1, 60000) a "
        "JOIN generate_series(1, 6000000) b ON a <> b")


@pytest.fixture(scope="module")
def connect(start_module_server, run, run_json, tmp_path_factory):
    """connect() is the administrator's connection, connect("ada") a user's."""
    data = tmp_path_factory.mktemp("ending") / "data"
    made = start_module_server(data, "--postgres", "127.0.0.1:0")
    told = json.loads((data / "server.json").read_text())
    host, number = told["postgres"].rsplit(":", 1)
    secrets, opened = {"admin": told["token"]}, []

    def open_one(user="admin"):
        if user not in secrets:
            run("user", "add", user, data=made.data)
            secrets[user] = run_json("key", "create", user, data=made.data)["secret"]
        opened.append(psycopg2.connect(host=host, port=int(number), user=user, dbname="dev",
                                       password=secrets[user], connect_timeout=60))
        opened[-1].autocommit = True
        return opened[-1]
    yield open_one
    for one in opened:
        one.close()


def ask(connection, statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else cursor.statusmessage


class Running:
    """A statement that runs on a thread of its own; what it failed with."""

    def __init__(self, connection, watcher, statement=LONG):
        self.failure = None
        self.thread = threading.Thread(target=self.work, args=(connection, statement))
        self.thread.start()
        pid = connection.get_backend_pid()
        while not ask(watcher, "SELECT 1 FROM stv_recents WHERE pid = %s AND status = 'Running' "
                               "AND query = %s", pid, statement):
            assert self.thread.is_alive(), self.failure

    def work(self, connection, statement):
        try:
            ask(connection, statement)
        except psycopg2.Error as failure:
            self.failure = failure

    def ended(self):
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.failure


def test_a_statement_is_canceled_and_its_session_goes_on(connect):
    watcher, other = connect(), connect()
    pid = other.get_backend_pid()
    assert ask(watcher, "SELECT count(*) FROM stv_sessions WHERE process = %s", pid) == [(1,)]
    assert ask(other, "SELECT pg_backend_pid()") == [(pid,)]
    running = Running(other, watcher)
    assert ask(watcher, "SELECT pg_cancel_backend(%s)", pid) == [(True,)]
    failure = running.ended()
    assert (failure.pgcode, failure.diag.message_primary) == (
        "57014", "canceling statement due to user request")
    assert ask(watcher, "SELECT state FROM pg_stat_activity WHERE pid = %s", pid) == [("idle",)]
    # What is called off between two statements hits neither.
    assert ask(watcher, "SELECT pg_cancel_backend(%s)", pid) == [(True,)]
    assert ask(other, "SELECT 1") == [(1,)]
    running = Running(other, watcher)
    assert ask(watcher, f"CANCEL {pid} 'it takes too long'") == "CANCEL"
    failure = running.ended()
    assert (failure.pgcode, failure.diag.message_primary) == (
        "57014", "canceling statement due to user request: it takes too long")
    assert ask(other, "SELECT 1") == [(1,)]
    with pytest.raises(psycopg2.errors.QueryCanceled):
        ask(other, "SELECT pg_cancel_backend(pg_backend_pid())")
    assert ask(other, "SELECT 1") == [(1,)]


def test_a_session_is_ended_and_its_transaction_undone(connect):
    watcher, other = connect(), connect()
    ask(watcher, "CREATE TABLE shelf(a INTEGER)")
    other.autocommit = False
    ask(other, "INSERT INTO shelf VALUES (1)")
    pid = other.get_backend_pid()
    # As scripts do: of whom the catalog tells.
    assert ask(watcher, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "state = 'idle in transaction'") == [(True,)]
    # libpq shows it to those that wait; this client finds it when it comes back.
    with socket.socket(fileno=os.dup(other.fileno())) as lying:
        select.select([lying], [], [], 60)
        told = lying.recv(1000, socket.MSG_PEEK)
    assert b"FATAL" in told and b"57P01" in told
    with pytest.raises(psycopg2.OperationalError):
        ask(other, "SELECT 1")
    assert other.closed
    # Its lock is free, and nothing of it stays.
    ask(watcher, "INSERT INTO shelf VALUES (2)")
    assert ask(watcher, "SELECT a FROM shelf") == [(2,)]
    while ask(watcher, "SELECT count(*) FROM stv_sessions WHERE process = %s", pid) != [(0,)]:
        pass
    other = connect()
    running = Running(other, watcher)
    assert ask(watcher, "SELECT pg_terminate_backend(%s)", other.get_backend_pid()) == [(True,)]
    assert isinstance(running.ended(), psycopg2.OperationalError) and other.closed
    other = connect()
    with pytest.raises(psycopg2.OperationalError):
        ask(other, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert other.closed


def test_a_client_that_waits_is_told_who_ended_its_session(connect):
    psycopg = pytest.importorskip("psycopg")
    watcher = connect()
    of = watcher.get_dsn_parameters()
    with psycopg.connect(host=of["host"], port=of["port"], user="admin", dbname="dev",
                         password=watcher.info.password, autocommit=True) as other:
        pid, failures = other.info.backend_pid, []

        def work():
            try:
                other.execute(LONG)
            except psycopg.Error as failure:
                failures.append(str(failure))
        thread = threading.Thread(target=work)
        thread.start()
        while not ask(watcher, "SELECT 1 FROM stv_recents WHERE pid = %s AND status = 'Running'",
                      pid):
            assert thread.is_alive()
        ask(watcher, "SELECT pg_terminate_backend(%s)", pid)
        thread.join(60)
        assert other.closed
    assert "terminating connection due to administrator command" in failures[0]


def test_a_user_ends_its_own_sessions_and_an_administrator_all(connect):
    admin, ada, twin, eve = connect(), connect("ada"), connect("ada"), connect("eve")
    running = Running(ada, admin)
    for function in ("pg_cancel_backend", "pg_terminate_backend"):
        for whose in (admin, ada):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="must be a"):
                ask(eve, f"SELECT {function}(%s)", whose.get_backend_pid())
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(eve, f"CANCEL {ada.get_backend_pid()}")
    assert running.thread.is_alive()
    assert ask(twin, "SELECT pg_cancel_backend(%s)", ada.get_backend_pid()) == [(True,)]
    assert running.ended().pgcode == "57014"
    # What a view calls is called as whoever asks it.
    ask(admin, "CREATE VIEW ends AS SELECT pg_terminate_backend(a) AS t FROM (SELECT "
               f"{ada.get_backend_pid()} AS a) s")
    ask(admin, "GRANT SELECT ON ends TO eve")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(eve, "SELECT * FROM ends")
    assert ask(ada, "SELECT 1") == [(1,)]
    assert ask(admin, "SELECT * FROM ends") == [(True,)]
    with pytest.raises(psycopg2.OperationalError):
        ask(ada, "SELECT 1")


def test_a_process_that_is_not_there(connect):
    admin = connect()
    assert ask(admin, "SELECT pg_cancel_backend(1), pg_terminate_backend(NULL)") == [(False, False)]
    assert any("PID 1 is not a PostgreSQL server process" in told for told in admin.notices)
    with pytest.raises(psycopg2.errors.UndefinedObject, match="no session of process 1"):
        ask(admin, "CANCEL 1")
    with pytest.raises(psycopg2.errors.SyntaxError):
        ask(admin, "CANCEL 'x'")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="permission denied"):
        ask(admin, "SELECT stroma_end_session(1, 1, 1)")
