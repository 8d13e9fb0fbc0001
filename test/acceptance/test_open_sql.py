"""SQL for strangers over HTTP: parameters, formats, limits, escapes, and runaway statements."""
import json
import pathlib
import re
import socket
import threading
import time

import pytest

from api import ask
from cli import read_parquet

STATEMENTS = pathlib.Path(__file__).resolve().parents[1] / "sql"
CROSS_JOIN = "select count(*) from obs a, obs b, obs c, obs d, obs e, obs f, obs g"
LIMITS = {"STROMA_QUERY_ANONYMOUS_TIME": "2s", "STROMA_QUERY_ANONYMOUS_ROWS_MAX": "100000",
          "STROMA_QUERY_ANONYMOUS_BYTES_MAX": "8MiB", "STROMA_QUERY_ANONYMOUS_MEMORY": "256MiB"}


def listed(name):
    """(class, expected, statement) of a table of statements; its marks as fence_test.cpp reads
    them."""
    for line in (STATEMENTS / name).read_text().splitlines():
        if line and not line.startswith("#"):
            kind, expected, statement = line.split("\t", 2)
            statement = re.sub(r"@big\((\d+),(.*?)\)@", lambda m: m[2] * int(m[1]), statement)
            yield kind, expected, statement.replace("\\n", "\n")


@pytest.fixture(scope="module")
def server(start_module_server, run, demo_data):
    run("dataset", "change", "blood", "--visibility", "public", data=demo_data.data)
    return start_module_server(demo_data.data, environment=LIMITS)


def sql(server, statement, headers=None, **more):
    return ask(server.url + "/v1/sql", "POST", {"statement": statement, **more},
               {"Content-Type": "application/json", **(headers or {})})


def rows(answer):
    assert answer.status == 200, answer.content
    return answer.json()["rows"]


def everything(server):
    """What must not change: every relation's number of rows, and the files' names and sizes."""
    tables = ["dataset", "obs", "var", "cell_all", "expression_all", "feature", "donor", "project",
              "document", "file", "link", "provenance", "stl_load_commits"]
    counts = {t: rows(sql(server, f"select count(*) from {t}", server.headers())) for t in tables}
    folder = pathlib.Path(server.data)
    files = {str(p): p.stat().st_size for p in folder.rglob("*")
             if p.is_file() and not p.name.startswith(("control.db", "warehouse.duckdb"))}
    return counts, files


@pytest.fixture(scope="module")
def before(server):
    return everything(server)


def test_positional_parameters_are_bound(server):
    by_text = rows(sql(server, "select count(*) from obs where cell_type = 'B cell' and cell_index"
                               " < 400"))
    assert by_text[0][0] > 0
    for statement in ("select count(*) from obs where cell_type = ? and cell_index < ?",
                      "select count(*) from obs where cell_type = $1 and cell_index < $2",
                      "select count(*) from obs where cell_index < $2 and cell_type = $1"):
        assert rows(sql(server, statement, parameters=["B cell", 400])) == by_text
    assert rows(sql(server, "select ?, ?, ?, ?, ?", parameters=[None, True, 2.5, -7, "a'b"])) == [
        [None, True, 2.5, -7, "a'b"]]


def test_named_parameters_are_bound_and_read_by_gene(server):
    gene, total = rows(sql(server, "select featurekey, sum(exprvalue) from expression"
                                   " group by 1 order by 2 desc, 1 limit 1"))[0]
    asked = sql(server, "select sum(exprvalue) from expression where featurekey = $gene"
                        " and exprvalue >= $least", parameters={"gene": gene, "least": 0})
    assert rows(asked) == [[total]]


def test_a_parameter_is_never_a_statement(server):
    for text in ("'; drop table cell; --", "x' or '1'='1", "$1", "?", "\u0000", "é" * 10_000):
        answer = sql(server, "select count(*) from obs where cell_type = $t",
                     parameters={"t": text})
        assert rows(answer) == [[0]]


@pytest.mark.parametrize("statement, parameters", [
    ("select ?", []), ("select ?", [1, 2]), ("select $a", {"b": 1}), ("select 1", [1]),
    ("select $a", {"a": [1]}), ("select ?", 5), ("select ?", [2 ** 63]), ("select ?, $a", [1]),
    ("select repeat('x', ?)", [5]), ("select * from range(?)", [10 ** 12])])
def test_wrong_parameters_are_named(server, statement, parameters):
    answer = sql(server, statement, parameters=parameters)
    assert answer.status in (400, 401), answer.content  # 401: not allowed to who has no token
    assert answer.json()["message"]


def test_the_command_line_binds_too(server, run):
    by_text = rows(sql(server, "select count(*) from obs where cell_type = 'B cell' and cell_index"
                               " < 400"))
    done = run("sql", "select count(*) n from obs where cell_type = $t and cell_index < $most",
               "-p", "t=B cell", "-p", "most=400", "--format", "json", data=server.data)
    assert [list(row.values()) for row in json.loads(done.stdout)] == by_text
    done = run("sql", "select ? as a, ? as b", "-p", "1=5", "-p", '2="5"', "--format", "json",
               data=server.data)
    assert json.loads(done.stdout) == [{"a": 5, "b": "5"}]
    assert "NAME=VALUE" in run("sql", "select 1", "-p", "5", data=server.data, fails=True).stderr


def test_the_format_is_chosen_by_name_or_by_accept(server, tmp_path):
    statement = "select cell_id, cell_index, cell_type from obs order by cell_index"
    expected = rows(sql(server, statement))
    for name, media_type in [("parquet", "application/vnd.apache.parquet"),
                             ("arrow", "application/vnd.apache.arrow.file"),
                             ("csv", "text/csv"), ("json", "application/json")]:
        named = sql(server, statement, format=name)
        accepted = sql(server, statement, {"Accept": f"{media_type}, */*;q=0.1"})
        assert named.status == accepted.status == 200
        for answer in (named, accepted):
            assert answer.headers["Content-Type"].startswith(media_type)
        assert named.content == accepted.content
        (tmp_path / f"x.{name}").write_bytes(named.content)
    read = read_parquet(tmp_path / "x.parquet", tmp_path)
    assert read.values.tolist() == expected
    arrow = (tmp_path / "x.arrow").read_bytes()
    assert arrow[:6] == arrow[-6:] == b"ARROW1"


@pytest.mark.parametrize("statement, limit", [
    (CROSS_JOIN, "time|memory"), ("select * from range(200000)", "rows"),
    ("select repeat('x', 10000) from range(90000)", "bytes|memory|time")])
@pytest.mark.parametrize("format", ["json", "csv", "parquet", "arrow"])
def test_a_passed_limit_is_a_clear_refusal(server, statement, limit, format):
    answer = sql(server, statement, format=format)
    assert answer.status == 413, answer.content[:200]
    assert answer.json()["code"] == "exhausted" and answer.json()["pointer"] == "/statement"
    assert re.search(f"its ({limit}) limit|more than [0-9]+ ({limit})", answer.json()["message"])


def test_the_memory_limit_is_one_too(server):
    answer = sql(server, "select max(length(s)) from (with recursive r as (select 'xxxxxxxxxx' as s"
                         " union all select s || s from r) select s from r)")
    assert answer.status == 413 and answer.json()["code"] == "exhausted", answer.content


def test_limits_are_those_of_the_principal(server):
    statement = "select * from range(200000)"
    assert sql(server, statement).status == 413
    assert len(rows(sql(server, statement, server.headers()))) == 200_000
    assert sql(server, statement, server.headers(), rows_max=10).status == 413


def test_every_escape_is_refused_and_nothing_changes(server, before):
    answered = {}
    for kind, expected, statement in listed("escapes.tsv"):
        answer = sql(server, statement)
        answered.setdefault((expected, answer.status), []).append((kind, statement[:80]))
        assert "/" + str(server.data).strip("/") not in answer.content.decode(), statement
    refused = {status for expected, status in answered if expected != "limited"}
    assert refused <= {400, 401, 413}, {k: v for k, v in answered.items() if k[1] not in refused}
    assert {status for expected, status in answered if expected == "limited"} <= {413}, answered
    assert sum(map(len, answered.values())) >= 300
    assert everything(server) == before


def test_what_is_allowed_runs(server):
    for _, _, statement in listed("allowed.tsv"):
        answer = sql(server, statement, server.headers())
        assert answer.status in (200, 400), (statement, answer.content)  # 400: another dataset's
        assert answer.json().get("code") != "denied", statement


def test_runaway_statements_of_many_strangers_leave_the_server_answering(server, before):
    statuses, retry_after = [], set()

    def run_away():
        answer = sql(server, CROSS_JOIN)
        statuses.append(answer.status)
        if answer.status == 429:
            retry_after.add(answer.headers["Retry-After"])

    clients = [threading.Thread(target=run_away) for _ in range(50)]
    for client in clients:
        client.start()
    others = []
    while any(client.is_alive() for client in clients):
        started = time.monotonic()
        assert ask(server.url + "/v1/filters").status == 200
        assert rows(sql(server, "select count(*) from dataset", server.headers())) == [[1]]
        others.append(time.monotonic() - started)
    for client in clients:
        client.join()
    assert set(statuses) <= {413, 429} and {413, 429} <= set(statuses), statuses
    assert len(statuses) == 50 and retry_after and "" not in retry_after
    print(f"\nothers answered {len(others)} times, slowest {max(others):.3f} s;"
          f" {statuses.count(413)} statements ran into their limit, {statuses.count(429)} waited in"
          " vain")
    assert everything(server) == before


def test_a_statement_ends_when_its_client_leaves(start_server, run, demo_data, tmp_path):
    """With one turn for all, the next client gets it long before the first's time is up."""
    run("import", demo_data.file, data=tmp_path / "data")
    server = start_server(tmp_path / "data", environment={
        "STROMA_QUERY_ADMINISTRATOR_TIME": "1h", "STROMA_QUERY_CONCURRENT": "1",
        "STROMA_QUERY_CONCURRENT_ALL": "1", "STROMA_QUERY_WAIT": "60s"})
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps({"statement": CROSS_JOIN}).encode()
    with socket.create_connection((host, int(port))) as leaver:
        leaver.sendall(b"POST /v1/sql HTTP/1.1\r\nContent-Type: application/json\r\n"
                       + f"Host: {host}:{port}\r\nAuthorization: Bearer {server.token}\r\n".encode()
                       + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        leaver.settimeout(1)
        with pytest.raises(TimeoutError):
            pytest.fail(leaver.recv(2000).decode())
    assert rows(sql(server, "select 1", server.headers())) == [[1]]
