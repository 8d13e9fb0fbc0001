"""What scripts that watch a Redshift cluster read of sessions, transactions, locks and UNLOAD."""
import json
import threading

import boto3
import pytest

psycopg2 = pytest.importorskip("psycopg2")


@pytest.fixture(scope="module")
def server(start_module_server, tmp_path_factory):
    """A server with both ports open; .connect(user, password) gives a connection."""
    data = tmp_path_factory.mktemp("monitoring")
    made = start_module_server(data / "data", "--postgres", "127.0.0.1:0", "--aws", "127.0.0.1:0")
    told = json.loads((data / "data" / "server.json").read_text())
    host, number = told["postgres"].rsplit(":", 1)
    opened = []

    def connect(user="admin", password=told["token"], **options):
        opened.append(psycopg2.connect(host=host, port=int(number), user=user, password=password,
                                       dbname="dev", connect_timeout=60, **options))
        return opened[-1]
    made.connect, made.aws = connect, told["aws"]
    yield made
    for one in opened:
        one.close()


def ask(connection, statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def test_sessions_their_transactions_and_who_waits_for_whom(server):
    watcher = server.connect()
    watcher.autocommit = True
    ask(watcher, "CREATE TABLE stock(id INTEGER, n INTEGER)")
    ask(watcher, "INSERT INTO stock VALUES (1, 10)")
    assert ask(watcher, "SELECT pg_table_size('stock') = pg_relation_size('stock'::regclass), "
                        "pg_total_relation_size('public.stock') > 0") == [(True, True)]
    holder = server.connect(application_name="holder")
    ask(holder, "UPDATE stock SET n = 11")
    waiter = server.connect(application_name="waiter")
    waiting = threading.Thread(target=ask, args=(waiter, "UPDATE stock SET n = n + 1"))
    waiting.start()
    pids = {"holder": holder.get_backend_pid(), "waiter": waiter.get_backend_pid()}
    locks = []
    while len(locks) < 2:
        locks = ask(watcher, "SELECT pid, granted FROM svv_transactions WHERE relation = "
                             "'stock'::regclass ORDER BY granted DESC")
    assert locks == [(pids["holder"], True), (pids["waiter"], False)]
    assert ask(watcher, "SELECT lock_owner_pid, lock_status FROM stv_locks "
                        "JOIN svv_table_info USING (table_id) WHERE \"table\" = 'stock' "
                        "ORDER BY 2") == [(pids["holder"], "Holding write lock"),
                                          (pids["waiter"], "Waiting for write lock")]
    assert ask(watcher, "SELECT pid, mode, granted FROM pg_locks ORDER BY granted") == [
        (pids["waiter"], "ExclusiveLock", False), (pids["holder"], "ExclusiveLock", True)]
    seen = dict(ask(watcher, "SELECT application_name, state || ': ' || query "
                             "FROM pg_stat_activity WHERE application_name LIKE '%%er'"))
    assert seen == {"holder": "idle in transaction: UPDATE stock SET n = 11",
                    "waiter": "active: UPDATE stock SET n = n + 1"}
    assert ask(watcher, "SELECT text FROM stv_inflight WHERE pid = %s", pids["waiter"]) == [
        ("UPDATE stock SET n = n + 1",)]
    assert ask(watcher, "SELECT count(*) FROM stv_sessions WHERE process IN (%s, %s)",
               *pids.values()) == [(2,)]
    holder.rollback()
    waiting.join(60)
    waiter.commit()
    assert ask(watcher, "SELECT count(*) FROM svv_transactions") == [(0,)]
    holder.close()
    ended = []
    while not ended:
        ended = ask(watcher, "SELECT end_time >= start_time FROM sys_session_history "
                             "WHERE session_id = %s AND status = 'closed'", pids["holder"])
    assert ended == [(True,)]
    assert ask(watcher, "SELECT event, remotehost, username FROM stl_connection_log "
                        "WHERE pid = %s ORDER BY recordtime", pids["holder"]) == [
        ("initiating session", "127.0.0.1", "admin"),
        ("disconnecting session", "127.0.0.1", "admin")]


def test_others_see_their_own_sessions_only(server, run, run_json):
    run("user", "add", "watched", data=server.data)
    key = run_json("key", "create", "watched", data=server.data)
    server.connect()
    own = server.connect(user=key["id"], password=key["secret"])
    for relation, name in (("stv_sessions", "user_name"), ("pg_stat_activity", "usename"),
                           ("stl_connection_log", "username")):
        assert {who for (who,) in ask(own, f"SELECT {name} FROM {relation}")} == {"watched"}


def test_what_unload_wrote(server, run, run_json):
    run("user", "add", "lab", data=server.data)
    key = run_json("key", "create", "lab", data=server.data)
    s3 = boto3.client("s3", endpoint_url=server.aws, region_name="us-east-1",
                      aws_access_key_id=key["id"], aws_secret_access_key=key["secret"])
    s3.create_bucket(Bucket="lab")
    admin = server.connect()
    admin.autocommit = True
    ask(admin, "CREATE TABLE parts(id INTEGER)")
    ask(admin, "INSERT INTO parts SELECT i FROM generate_series(1, 1000) t(i)")
    ask(admin, "UNLOAD ('SELECT * FROM parts') TO 's3://lab/out/' IAM_ROLE DEFAULT CSV")
    written = {f"s3://lab/{each['Key']}": each["Size"]
               for each in s3.list_objects_v2(Bucket="lab", Prefix="out/")["Contents"]}
    told = ask(admin, "SELECT path, transfer_size, line_count, u.file_format FROM stl_unload_log u "
                      "JOIN stl_query q USING (query) WHERE q.pid = pg_backend_pid()")
    assert {path: size for path, size, _, _ in told} == written
    assert sum(lines for _, _, lines, _ in told) == 1000
    assert {kind for _, _, _, kind in told} == {"Csv"}
    assert ask(admin, "SELECT unloaded_files_count, unloaded_rows, unloaded_files_size "
                      "FROM sys_unload_history") == [
        (len(written), 1000, sum(written.values()))]
