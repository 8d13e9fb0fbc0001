"""Dashboards from outside: definitions and versions, who sees what by whose rights, shared answers,
and the verb."""
import concurrent.futures
import json

import pytest
import requests

from browser import Browser, first_administrator, new_user

PASSWORD = "a long enough password"
CELLS = {"title": "Cells", "refresh_seconds": 60,
         "parameters": [{"name": "kind", "kind": "choice", "default": "B cell",
                         "statement": "SELECT DISTINCT cell_type FROM obs ORDER BY 1"},
                        {"name": "least", "kind": "number", "default": 0}],
         "panels": [{"id": "count", "kind": "number",
                     "statement": "SELECT count(*) AS cells FROM obs WHERE cell_type = :kind AND "
                                  "1000 > :least"},
                    {"id": "words", "kind": "text", "text": "Made up."}]}


@pytest.fixture(scope="module")
def lab(run, stroma_binary, start_module_server, tmp_path_factory):
    """A server with a public and a private dataset of 500 cells each, and three signed-in users."""
    folder = tmp_path_factory.mktemp("dashboards")
    file = folder / "cells.h5ad"
    run("demo", "--cells", 500, "--genes", 100, "-o", file)
    run("import", file, "--name", "open", "--public", data=folder / "data")
    run("import", file, "--name", "closed", data=folder / "data")
    server = start_module_server(folder / "data", "--aws", "127.0.0.1:0")
    server.ada = first_administrator(server)
    server.ben, server.eve = new_user(server.ada, "ben"), new_user(server.ada, "eve")
    server.nobody = Browser(server.url)
    return server


def made(who, definition, visibility=None):
    answer = who.post("/v1/dashboards", definition)
    assert answer.status_code == 201, answer.text
    path = f"/v1/dashboards/{answer.json()['id']}"
    if visibility:
        assert who.ask("PATCH", path, {"visibility": visibility}).status_code == 200
    return path


def rows(who, path, panel="count", **body):
    answer = who.post(f"{path}/panels/{panel}/rows", body)
    return answer.json()["rows"] if answer.status_code == 200 else answer.status_code


def table_panel(statement, **more):
    return {"title": "Tables", "panels": [{"id": "count", "kind": "table", "source": "tables",
                                           "statement": statement}], **more}


def test_a_dashboard_is_private_until_it_is_shared(lab):
    path = made(lab.ben, CELLS)
    listed = lambda who: [one["id"] for one in who.get("/v1/dashboards").json()["dashboards"]]
    own = path.rpartition("/")[2]
    assert lab.nobody.post("/v1/dashboards", CELLS).status_code == 401
    assert own in listed(lab.ben)
    for stranger in (lab.eve, lab.nobody):
        assert own not in listed(stranger)
        assert stranger.get(path).status_code == 404
        assert rows(stranger, path) == 404
        assert stranger.ask("PUT", path, CELLS).status_code == 404
        assert stranger.delete(path).status_code == 404
    assert own not in listed(lab.ada), "an administrator isn't shown everybody's"
    everybodys = lab.ada.get("/v1/dashboards?all=true").json()["dashboards"]
    assert own in [one["id"] for one in everybodys]
    assert lab.eve.get("/v1/dashboards?all=true").status_code == 403

    assert lab.ben.ask("PUT", f"{path}/grants/eve", {"access": "read"}).status_code == 200
    assert own in listed(lab.eve) and lab.eve.get(path).json()["may"]["change"] is False
    assert lab.eve.ask("PUT", path, CELLS).status_code == 403
    assert lab.ben.ask("PUT", f"{path}/grants/eve", {"access": "write"}).status_code == 200
    assert lab.eve.ask("PUT", path, CELLS).status_code == 200
    # Who may write no longer is told so, and still reads.
    assert lab.ben.ask("PUT", f"{path}/grants/eve", {"access": "read"}).status_code == 200
    assert lab.eve.ask("PUT", path, CELLS).status_code == 403 and lab.eve.get(path).ok
    assert lab.ben.ask("PUT", f"{path}/grants/eve", {"access": "write"}).status_code == 200
    assert lab.eve.ask("PATCH", path, {"visibility": "public"}).status_code == 403
    assert lab.eve.delete(path).status_code == 403
    assert [one["name"] for one in lab.ben.get(f"{path}/grants").json()["grants"]] == ["eve"]
    assert lab.ben.delete(f"{path}/grants/eve").status_code == 204
    assert lab.eve.get(path).status_code == 404

    assert lab.ben.ask("PATCH", path, {"visibility": "link"}).status_code == 200
    assert lab.nobody.get(path).status_code == 200 and own not in listed(lab.nobody)
    assert lab.nobody.get(f"{path}/versions").status_code == 401
    assert lab.nobody.ask("PUT", path, CELLS).status_code == 401
    assert lab.ben.ask("PATCH", path, {"visibility": "public"}).status_code == 200
    assert own in listed(lab.nobody)
    assert lab.ben.delete(path).status_code == 204
    assert lab.ben.get(path).status_code == 404


def test_versions_are_kept_and_a_late_writer_is_refused(lab):
    path = made(lab.ben, CELLS)
    assert lab.ben.get(path).headers["ETag"] == '"1"'
    second = lab.ben.ask("PUT", path, {"title": "Second"}, headers={"If-Match": '"1"'})
    assert second.json()["version"] == 2
    late = lab.ben.ask("PUT", path, {"title": "Late"}, headers={"If-Match": '"1"'})
    assert late.status_code == 409 and "version 2" in late.json()["message"]
    versions = lab.ben.get(f"{path}/versions").json()["versions"]
    assert [(one["version"], one["author"]) for one in versions] == [(2, "ben"), (1, "ben")]
    assert lab.ben.get(f"{path}/versions/1").json()["definition"] == CELLS
    assert lab.ben.get(f"{path}/versions/7").status_code == 404
    wrong = lab.ben.ask("PUT", path, {"title": "x", "panels": [{"id": "a", "kind": "pie"}]})
    assert wrong.status_code == 400 and wrong.json()["pointer"] == "/panels/0/kind"


def test_statements_run_by_the_viewers_rights_unless_the_owner_lends_theirs(lab):
    path = made(lab.ada, CELLS, "link")
    everything, public = rows(lab.ada, path)[0][0], rows(lab.nobody, path)[0][0]
    assert everything == 2 * public > 0
    assert rows(lab.ben, path) == [[public]]
    lent = made(lab.ada, {**CELLS, "as_owner": True}, "link")
    assert rows(lab.nobody, lent) == rows(lab.ben, lent) == [[everything]]
    # Who may change it doesn't get to ask by these rights.
    lab.ada.ask("PUT", f"{lent}/grants/ben", {"access": "write"})
    refused = lab.ben.ask("PUT", lent, {**CELLS, "as_owner": True})
    assert refused.status_code == 403 and refused.json()["pointer"] == "/as_owner"
    assert lab.ben.ask("PUT", lent, CELLS).status_code == 200
    assert rows(lab.nobody, lent) == [[public]]


def test_parameters_are_values_and_never_text(lab):
    path = made(lab.ben, CELLS)
    kinds = lab.ben.post(f"{path}/parameters/kind/choices", {}).json()["rows"]
    counts = {kind: rows(lab.ben, path, parameters={"kind": kind})[0][0] for [kind] in kinds}
    assert sum(counts.values()) == 500 and len(counts) > 2
    assert rows(lab.ben, path, parameters={"kind": "x' OR '1'='1"}) == [[0]]
    assert rows(lab.ben, path, parameters={"least": "1001"}) == [[0]]
    for wrong in ({"least": "1; DROP TABLE obs"}, {"other": 1}, {"least": [1]}):
        assert rows(lab.ben, path, parameters=wrong) == 400
    assert rows(lab.ben, path, "words") == 404
    answer = lab.ben.post("/v1/dashboards/preview", {
        "statement": "SELECT :day AS day, year(CAST(:day AS DATE)) AS year",
        "definitions": [{"name": "day", "kind": "date"}], "parameters": {"day": "2026-11-22"}})
    assert answer.json()["rows"] == [["2026-11-22", 2026]]


def test_tables_are_read_within_the_fence(lab, run):
    ask = lambda statement, **more: run("sql", "--wait", "--database", "dev", statement,
                                        data=lab.data, **more)
    ask("CREATE TABLE sold(at TIMESTAMP, what VARCHAR(20), price DECIMAL(10, 2))")
    ask("INSERT INTO sold VALUES ('2026-11-22 08:50:55', 'pen', 1.50), ('2026-11-23', 'ink', 2.25)")
    statement = "SELECT at, what, price FROM sold WHERE at >= :since OR :since IS NULL ORDER BY at"
    definition = table_panel(statement, parameters=[{"name": "since", "kind": "date"}])
    path = made(lab.ada, definition, "public")
    whole = [["2026-11-22 08:50:55", "pen", "1.50"], ["2026-11-23 00:00:00", "ink", "2.25"]]
    assert rows(lab.ben, path) == 403, "a table is its owner's until it is granted"
    ask("GRANT SELECT ON sold TO PUBLIC")
    assert rows(lab.ben, path) == whole
    assert rows(lab.ben, path, parameters={"since": "2026-11-23"}) == whole[1:]
    assert rows(lab.nobody, path) == 401, "who isn't signed in has no session there"
    lent = made(lab.ada, {**definition, "as_owner": True}, "public")
    assert rows(lab.nobody, lent) == whole
    for statement in ("DELETE FROM sold", "SELECT 1; SELECT 2", "DROP TABLE sold",
                      "CREATE TABLE t AS SELECT 1 AS a", "COPY sold TO STDOUT", "SELECT nonsense",
                      "SELECT * FROM read_csv('/etc/passwd')", "VACUUM"):
        refused = rows(lab.ada, made(lab.ada, table_panel(statement)))
        assert refused in (400, 401, 403), f"{statement}: {refused}"
    assert rows(lab.ada, path) == whole


def test_many_viewers_cost_one_statement(lab, run):
    definition = table_panel("SELECT count(*) AS c FROM stl_query WHERE querytxt LIKE "
                             "'%shared answers%' /* shared answers */",
                             as_owner=True, refresh_seconds=300)
    path = made(lab.ada, definition, "public")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        url = f"{lab.url}{path}/panels/count/rows"
        answers = [one.json() for one in pool.map(lambda _: requests.post(url, json={}, timeout=60),
                                                  range(100))]
    assert len({json.dumps(one) for one in answers}) == 1, "one moment, one answer"
    asked = lab.ada.post(f"{path}/panels/count/rows", {}).json()["asked"]
    assert asked == answers[0]["asked"]


def test_the_verb_keeps_definitions_in_files(lab, run, run_json, tmp_path):
    file = tmp_path / "cells.json"
    file.write_text(json.dumps(CELLS))
    for data in (lab.data, tmp_path / "own"):  # at a server, and without one
        identity = run("dashboard", "import", file, "--visibility", "link",
                       data=data).stdout.strip()
        exported = run("dashboard", "export", identity, data=data).stdout
        assert json.loads(exported) == CELLS
        replaced = run_json("dashboard", "import", file, "--replace", identity, data=data)
        assert replaced["version"] == 2
        [head] = [one for one in run_json("dashboard", "list", data=data) if one["id"] == identity]
        assert (head["title"], head["visibility"], head["version"]) == ("Cells", "link", 2)
        assert "count (number)" in run("dashboard", "show", identity, data=data).stdout
        run("dashboard", "remove", identity, data=data)
        gone = run("dashboard", "show", identity, data=data, fails=True)
        assert "there is no dashboard" in gone.stderr
    file.write_text('{"title": "x", "panels": [{"id": "a", "kind": "line"}]}')
    wrong = run("dashboard", "import", file, data=lab.data, fails=True)
    assert "cells.json" in wrong.stderr and "/panels/0/statement" in wrong.stderr
