"""Datasets' biology tables in a PostgreSQL: each revision once, nothing of what went before."""
import json
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import own_postgres  # noqa: E402

TABLES = {"dataset": "dataset", "cell": "cell_all", "feature": "feature", "donor": "donor",
          "specimen": "specimen", "cell_suspension": "cell_suspension", "analysis": "analysis",
          "library_preparation": "library_preparation", "project": "project",
          "publication": "publication", "contributor": "contributor", "document": "document",
          "file": "file", "link": "link"}


@pytest.fixture(scope="module")
def postgres():
    server = own_postgres.start()
    yield server
    server.stop()


class There:
    def __init__(self, database):
        self.connection = database.connect()
        self.connection.autocommit = True

    def sql(self, text):
        cursor = self.connection.cursor()
        cursor.execute(text)
        return cursor.fetchall()

    def written(self):
        """Changes when any row of cells is written again."""
        return self.sql("SELECT count(*), max(xmin::text::bigint) FROM biology.cell")


def test_each_revision_is_copied_once_and_goes_with_its_dataset(
        postgres, demo_data, run, run_json, start_server, tmp_path):
    data, database = tmp_path / "data", postgres.new_database()
    shutil.copytree(demo_data.data, data)
    there = There(database)

    def copy(*options):
        return run_json("biology", "--to", database.uri, *options, data=data)

    def here(statement):
        rows = json.loads(run("sql", statement, "--format", "json", data=data).stdout)
        return [tuple(row.values()) for row in rows]
    [first] = copy()
    assert first["dataset"] == "blood" and first["rows"] > 500 and not first["was_there"]
    for table, relation in TABLES.items():
        [(count,)] = there.sql(f"SELECT count(*) FROM biology.{table}")
        assert [(count,)] == here(f"SELECT count(*) AS n FROM {relation}"), table
    assert there.sql("SELECT cellkey, total_umis::bigint FROM biology.cell ORDER BY 1") == [
        tuple(row) for row in here("SELECT cellkey, CAST(total_umis AS BIGINT) AS n FROM cell_all "
                                   "ORDER BY 1")]
    # Again nothing is written, neither here nor by a server.
    was = there.written()
    assert copy()[0]["was_there"]
    server = start_server(data)
    assert copy()[0]["was_there"] and there.written() == was
    # With expression it is another thing, and contains what was there.
    [more] = copy("--dataset", "blood", "--expression")
    assert more["rows"] > first["rows"]
    assert there.sql("SELECT count(*), sum(exprvalue)::bigint FROM biology.expression") == here(
        "SELECT count(*) AS n, CAST(sum(exprvalue) AS BIGINT) AS s FROM expression_all")
    assert copy()[0]["was_there"]
    # A new revision takes the place of the one before.
    run("demo", "--cells", "200", "--genes", "300", "-o", tmp_path / "less.h5ad")
    run("import", tmp_path / "less.h5ad", "--name", "blood", data=data)
    [second] = copy()
    assert second["revision"] != first["revision"] and not second["was_there"]
    assert there.sql("SELECT count(*), min(revision), max(revision) FROM biology.cell") == [
        (200, second["revision"], second["revision"])]
    run("dataset", "remove", "blood", data=data)
    assert [one["is_gone"] for one in copy()] == [True]
    assert there.sql("SELECT (SELECT count(*) FROM biology.cell) + (SELECT count(*) FROM "
                     "biology.load_commits)") == [(0,)]
    assert server.stop() == 0


def test_what_is_wrong_is_named(postgres, demo_data, run):
    uri = postgres.new_database().uri
    said = run("biology", "--to", "lab", data=demo_data.data, fails=True)
    assert "--to: write postgres://user@host/database" in said.stderr
    said = run("biology", "--to", uri, "--dataset", "none", data=demo_data.data, fails=True)
    assert "there is no dataset 'none'" in said.stderr
    said = run("biology", "--to", "postgresql:///x?host=/nowhere", data=demo_data.data, fails=True)
    assert "connecting to PostgreSQL" in said.stderr
