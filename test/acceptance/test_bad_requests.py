"""What is wrong with a request is answered by its status and one plain sentence, the server serves
on, and nothing is stored. The number in a test's name is that of docs/bad-inputs.md; the limits are
those of its second table, each just below, at and above it."""
import json
import socket

import anndata
import numpy as np
import pandas
import pytest
import scipy.sparse as sparse

from api import ask
from cli import Stroma

TABLES = ["dataset", "obs", "var", "cell_all", "expression_all", "document", "file", "provenance",
          "stl_load_commits"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(start_module_server, stroma_binary, tmp_path_factory):
    """Six cells of four genes: A rises from the first to the last three, SAME is 2 everywhere."""
    folder = tmp_path_factory.mktemp("requests")
    counts = np.array([[1, 2, 0, 5], [2, 2, 0, 6], [1, 2, 1, 7], [8, 2, 0, 5], [9, 2, 0, 6],
                       [8, 2, 0, 7]], np.float32)
    anndata.AnnData(sparse.csr_matrix(counts), dtype=np.float32,
                    obs=pandas.DataFrame(index=[f"c{i}" for i in range(6)]),
                    var=pandas.DataFrame(index=["A", "SAME", "B", "C"])).write_h5ad(
                        folder / "cells.h5ad")
    Stroma(stroma_binary, folder / "data").run("import", folder / "cells.h5ad", "--public")
    server = start_module_server(folder / "data", environment={
        "STROMA_HTTP_IDLE": "1s", "STROMA_UPLOAD_FILE_MAX": "4KiB", "STROMA_UPLOAD_USER_MAX":
        "10KiB", "STROMA_QUERY_ANONYMOUS_TIME": "2s"})
    server.revision = ask(f"{server.url}/d/cells").json()["revision"]["id"]
    return server


@pytest.fixture
def unchanged(server):
    """Fails when the test leaves rows, jobs, users or uploads behind."""
    before = state(server)
    yield
    assert state(server) == before


def state(server):
    counts = ", ".join(f"(select count(*) from {table})" for table in TABLES)
    answer = server.post("/v1/sql", json={"statement": f"select {counts}"})
    assert answer.status_code == 200, answer.text
    return (answer.json()["rows"], server.get("/v1/datasets").json(),
            len(server.get("/v1/jobs?all=true").json()["jobs"]),
            server.get("/v1/principals").json())


def raw(server, content):
    """What comes back for these bytes, until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as client:
        client.sendall(content.replace(b"HOST", f"{host}:{port}".encode()))
        answer = b""
        while piece := client.recv(1 << 16):
            answer += piece
    return int(answer.split(b" ")[1]), answer


DEEP = b"[" * 100_000 + b"]" * 100_000
HOSTILE = {"deep": DEEP, "twice": b'{"statement": "select 1", "statement": "select 2"}',
           "huge": b'{"statement": 1e999}', "surrogate": b'{"statement": "\\ud800"}',
           "long_number": b'{"statement": ' + b"9" * 1_000_000 + b"}",
           "not_utf8": b'{"statement": "\xff"}', "cut": b'{"statement": "sel', "empty": b"",
           "list": b"[]", "two": b"{} {}"}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_45_hostile_json(server, unchanged, content):
    for path in ("/v1/sql", "/v1/matrix", "/v0/matrix", "/v1/comparisons", "/v1/uploads"):
        answer = ask(server.url + path, "POST", content, {**JSON, **server.headers()})
        assert answer.status == 400 and answer.json()["message"], (path, answer.content)


def test_45_a_body_past_its_limit(server, unchanged):
    around = len('{"statement": "select 1 --"}')
    for size, status in [((8 << 20) - 1, 400), (8 << 20, 400), ((8 << 20) + 1, 413)]:
        body = b'{"statement": "select 1 --' + b"x" * (size - around) + b'"}'
        assert len(body) == size
        assert ask(server.url + "/v1/sql", "POST", body, JSON).status == status


def test_45_a_text_past_its_limit(server, unchanged):
    for size, refused in [((1 << 20) - 1, False), (1 << 20, False), ((1 << 20) + 1, True)]:
        answer = ask(server.url + "/v1/sql", "POST", {"statement": "select $a", "parameters": {
            "a": "x" * size}}, JSON)
        assert answer.status == (400 if refused else 200), answer.content[:300]


@pytest.mark.parametrize("depth, status", [(511, 400), (512, 400), (513, 400)])
def test_45_nesting_past_its_limit(server, unchanged, depth, status):
    body = b'{"parameters": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    answer = ask(server.url + "/v1/sql", "POST", body, JSON)
    assert answer.status == status
    assert ("deeper" in answer.json()["message"]) == (depth > 512), answer.content


@pytest.mark.parametrize("member", ["owner", "public", "__proto__", "id", "current_revision"])
def test_46_members_that_nobody_may_set(server, unchanged, member):
    answer = server.request("PATCH", "/v1/datasets/cells", json={"title": "x", member: "mallory"})
    assert answer.status_code == 400 and answer.json()["pointer"] == "/" + member
    assert server.get("/v1/datasets/cells").json()["title"] == ""


@pytest.mark.parametrize("headers", [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\n" * 2,
    "Content-Length: -1\r\n", f"Content-Length: {2**64}\r\n"],
    ids=["both", "two", "negative", "2^64"])
def test_54_a_length_that_cannot_be_believed(server, unchanged, headers):
    status, answer = raw(server, f"POST /v1/sql HTTP/1.1\r\nHost: HOST\r\n{headers}\r\n"
                                 "0\r\n\r\n".encode())
    assert status == 400 and b"connection: close" in answer.lower()


@pytest.mark.parametrize("content", [
    b"POST /v1/sql HTTP/1.1\r\nHost: HOST\r\nContent-Length: 100\r\n\r\n{",
    b"GET /health HTTP/1.1\r\nHost: HOST\r\nA: never ends"], ids=["body", "head"])
def test_55_a_request_that_never_ends(server, unchanged, content):
    assert raw(server, content)[0] == 408


def test_56_ranges(server):
    accepted = ask(server.url + "/v1/matrix", "POST", {"where": "true", "format": "csv"}, JSON)
    path = f"/v1/matrix/{accepted.json()['request_id']}"
    while (told := ask(server.url + path).json())["status"] == "In Progress":
        ask(f"{server.url}/v1/jobs/{told['job']}/events", headers=server.headers())
    url, size = told["matrix_url"], told["bytes"]
    for value, status in [(f"bytes={size - 1}-", 206), (f"bytes={size}-", 416),
                          ("bytes=0-0,2-2", 416),
                          ("bytes=" + ",".join(f"{i}-{i}" for i in range(3000)), 416)]:
        answer = ask(url, headers={"Range": value})
        assert answer.status == status, (value[:40], answer.status)
        if status == 416:
            assert answer.headers["Content-Range"] == f"bytes */{size}"
    ranges = "bytes=" + ",".join(f"{i}-{i}" for i in range(10_000))
    assert ask(url, headers={"Range": ranges}).status == 431  # no head is so long


@pytest.mark.parametrize("statement, status, part", [
    ("SELECT * FROM read_text('/etc/hostname')", {400, 401, 403}, "read_text"),
    ("SELECT " + "1+" * 500_000 + "1", {400, 413}, ""),
    ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r", {413},
     "limit")], ids=["file", "long", "endless"])
def test_57_statements_that_cost_or_read_what_they_may_not(server, unchanged, statement, status,
                                                           part):
    answer = ask(server.url + "/v1/sql", "POST", {"statement": statement}, JSON)
    assert answer.status in status and part in answer.json()["message"], answer.content


def compared(server, **order):
    return ask(server.url + "/v1/comparisons", "POST",
               {"revision": server.revision, "scale": "as_stored", **order}, JSON)


def table(server, answer):
    assert answer.status == 200, answer.content
    asked = ask(f"{server.url}/v1/comparisons/{answer.json()['id']}/table?format=json")
    assert asked.status == 200 and b"NaN" not in asked.content
    told = json.loads(asked.content, parse_constant=lambda word: pytest.fail(word))
    names = [column["name"] if isinstance(column, dict) else column for column in told["columns"]]
    return {row[0]: dict(zip(names, row)) for row in told["rows"]}


def test_58_sets_of_cells_that_are_odd(server, unchanged):
    for order in ({"a": []}, {"a": [[0, 6]]}, {"a": [[0, 1]]}, {"a": [[0, 3]], "b": [[2, 5]]},
                  {"a": [[0, 3]], "b": [[0, 3]]}):
        answer = compared(server, **order)
        assert answer.status == 400 and answer.json()["message"], (order, answer.content)
    two = compared(server, a=[[0, 2]], b=[[3, 5]])
    assert two.status == 400 and "at least 3" in two.json()["message"]
    three = table(server, compared(server, a=[[0, 3]], b=[[3, 6]]))
    assert three["A"]["p"] < 0.001 and any("df" in name or "freedom" in name for name in three["A"])


def test_59_a_gene_that_is_constant_in_both_sets(server, unchanged):
    for test in ("welch", "wilcoxon"):
        same = table(server, compared(server, a=[[0, 3]], b=[[3, 6]], test=test))["SAME"]
        assert same["p"] in (1, None) and same.get("t", 0) in (0, None), same


def announced(server, size):
    return server.post("/v1/uploads", json={"name": "x.h5ad", "size": size})


def test_limits_of_uploads(server, unchanged):
    made = []
    for size, status in [(4095, 201), (4096, 201), (4097, 413), (2047, 201), (2, 201), (1, 507)]:
        answer = announced(server, size)
        assert answer.status_code == status, (size, answer.text)
        if status == 201:
            made.append(answer.headers["Location"])
        else:
            assert f"upload.{'file' if status == 413 else 'user'}_max" in answer.json()["message"]
    for location in made:
        assert server.request("DELETE", location).status_code == 204
    assert announced(server, 4096).status_code == 201


@pytest.mark.parametrize("size, status", [(8191, 200), (8192, 200), (8193, 414)])
def test_the_limit_of_a_url(server, unchanged, size, status):
    path = "/health?" + "x" * (size - len("/health?"))
    assert ask(server.url + path).status == status


@pytest.mark.parametrize("count, status", [(99, 200), (100, 200), (101, 431)])
def test_the_limit_of_headers(server, unchanged, count, status):
    lines = "".join(f"H{i}: v\r\n" for i in range(count - 2))
    assert raw(server, f"GET /health HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n{lines}\r\n"
               .encode())[0] == status
