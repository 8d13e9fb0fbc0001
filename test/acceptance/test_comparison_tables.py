"""Comparisons as Parquet, in SQL, and of kept selections: what one may read and nothing else."""
import numpy as np
import pytest
import requests

from cli import read_parquet


@pytest.fixture
def two(run, demo_data, tmp_path, start_server):
    """A server with a public and a private dataset of the same cells."""
    data = tmp_path / "data"
    run("import", demo_data.file, "--name", "open", "--public", data=data)
    run("import", demo_data.file, "--name", "closed", data=data)
    return start_server(data)


def revision(server, name):
    return server.get(f"/v1/datasets/{name}").json()["current_revision"]


def compared(server, name, **order):
    answer = server.post("/v1/comparisons", json={"revision": revision(server, name), **order})
    assert answer.status_code == 200, answer.text
    return answer.json()


def sql(server, statement, anonymous=False, **parameters):
    ask = requests.post if anonymous else lambda url, **more: server.post("/v1/sql", **more)
    answer = ask(server.url + "/v1/sql", json={"statement": statement, "parameters": parameters},
                 headers={"Accept": "application/json"}, timeout=60)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    names = [column["name"] for column in told["columns"]]
    return [dict(zip(names, row)) for row in told["rows"]]


def table(server, comparison):
    told = server.get(f"/v1/comparisons/{comparison}/table?format=json").json()
    return [dict(zip(told["columns"], row)) for row in told["rows"]]


def test_a_table_is_the_same_in_parquet_json_and_sql(two, tmp_path):
    done = compared(two, "open", a=[[0, 100]], b=[[100, 500]])
    rows = table(two, done["id"])
    answer = two.get(f"/v1/comparisons/{done['id']}/table?format=parquet")
    assert answer.content[:4] == b"PAR1" and ".parquet" in answer.headers["Content-Disposition"]
    path = tmp_path / "compared.parquet"
    path.write_bytes(answer.content)
    frame = read_parquet(path, tmp_path)
    assert list(frame["gene_id"]) == [row["gene_id"] for row in rows]
    for column in ("t", "p", "log2_fold_change", "p_benjamini_hochberg"):
        told = np.array([np.nan if row[column] is None else float(row[column]) for row in rows])
        # pandas reads the texts of numbers to a few units in the last place.
        np.testing.assert_allclose(frame[column].to_numpy(dtype=float), told, rtol=1e-12)
    asked = sql(two, "SELECT dataset, gene_id, statistic, p, auc FROM comparison_gene "
                     "WHERE comparison = $id ORDER BY p, gene_id LIMIT 5", id=done["id"])
    best = sorted((row for row in rows if row["p"] is not None),
                  key=lambda row: (row["p"], row["gene_id"]))[:5]
    assert [(row["gene_id"], row["statistic"], row["p"]) for row in asked] == \
        [(row["gene_id"], row["t"], row["p"]) for row in best]
    assert {(row["dataset"], row["auc"]) for row in asked} == {("open", None)}


def test_sql_knows_the_comparisons_of_what_one_may_read(two):
    seen = compared(two, "open", a=[[0, 100]])
    hidden = compared(two, "closed", a=[[0, 100]], test="wilcoxon")
    statement = ("SELECT comparison, dataset, test, cells_a, cells_b FROM comparison "
                 "ORDER BY dataset")
    everything = sql(two, statement)
    assert [(row["comparison"], row["dataset"], row["test"]) for row in everything] == \
        [(hidden["id"], "closed", "wilcoxon"), (seen["id"], "open", "welch")]
    assert (everything[0]["cells_a"], everything[0]["cells_b"]) == (100, 400)
    assert [row["comparison"] for row in sql(two, statement, anonymous=True)] == [seen["id"]]
    count = "SELECT count(*) AS n FROM comparison_gene WHERE comparison = $id"
    assert sql(two, count, id=hidden["id"]) == [{"n": 300}]
    assert sql(two, count, anonymous=True, id=hidden["id"]) == [{"n": 0}]
    joined = sql(two, "SELECT count(*) AS n FROM comparison_gene "
                      "JOIN comparison USING (comparison) WHERE comparison.test = 'welch'")
    assert joined == [{"n": 300}]
    two.request("DELETE", "/v1/datasets/closed")
    assert [row["dataset"] for row in sql(two, statement)] == ["open"]


def test_kept_selections_are_compared_by_their_ids(two):
    here = revision(two, "open")
    a = two.post("/u/selections", json={"revision": here, "name": "a", "access": "link",
                                        "cells": [[0, 50], [60, 70]]}).json()["id"]
    b = two.post("/u/selections", json={"revision": here, "name": "b",
                                        "cells": [[100, 200]]}).json()["id"]
    kept = compared(two, "open", a={"selection": a}, b={"selection": b})
    assert kept["id"] == compared(two, "open", a=[[0, 50], [60, 70]], b=[[100, 200]])["id"]
    order = {"revision": here, "a": {"selection": a}, "b": [[100, 200]]}
    by_link = requests.post(two.url + "/v1/comparisons", json=order, timeout=60)
    assert by_link.status_code == 200 and by_link.json()["id"] == kept["id"]
    order["b"] = {"selection": b}
    private = requests.post(two.url + "/v1/comparisons", json=order, timeout=60)
    assert private.status_code == 404 and b in private.json()["message"]
    other = two.post("/v1/comparisons", json={**order, "revision": revision(two, "closed")})
    assert other.status_code == 400 and "another revision" in other.json()["message"]
