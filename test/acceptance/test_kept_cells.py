"""Cells that were kept under an id in the Explorer, written as a matrix: over HTTP and typed."""
import warnings

import anndata
import pytest
import requests


@pytest.fixture(scope="module")
def home(start_module_server, run, tmp_path_factory):
    """A server with a private dataset of 300 cells; gives it, its data directory and file."""
    folder = tmp_path_factory.mktemp("kept")
    run("demo", "--cells", "300", "--genes", "100", "-o", folder / "blood.h5ad")
    run("import", folder / "blood.h5ad", "--name", "blood", data=folder / "data")
    return start_module_server(folder / "data"), folder / "data", folder / "blood.h5ad"


def ids(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(anndata.read_h5ad(file).obs_names)


def keep(server, cells, **more):
    revision = server.get("/v1/datasets/blood").json()["current_revision"]
    kept = server.post("/u/selections", json={"revision": revision, "name": "mine", "cells": cells,
                                              **more})
    assert kept.status_code == 201, kept.text
    return revision, kept.json()["id"]


def test_a_matrix_is_made_of_a_selections_cells(home, tmp_path):
    server, _, file = home
    revision, kept = keep(server, [[3, 10], [290, 300]])
    answer = server.post("/v1/matrix?stream=true", json={"selection": kept, "format": "h5ad"})
    assert answer.status_code == 200, answer.text
    (tmp_path / "mine.h5ad").write_bytes(answer.content)
    whole = ids(file)
    assert ids(tmp_path / "mine.h5ad") == whole[3:10] + whole[290:]
    by_cells = server.post("/v1/matrix?stream=true", json={
        "revision": revision, "cells": [[3, 10], [290, 300]], "format": "h5ad"})
    assert by_cells.content == answer.content, "the same question in other words"


def test_who_may_not_see_the_selection_gets_no_matrix_of_it(home):
    server, _, _ = home
    _, kept = keep(server, [[0, 5]])
    stranger = requests.post(server.url + "/v1/matrix", json={"selection": kept}, timeout=60)
    assert stranger.status_code == 404 and kept in stranger.json()["message"]
    assert server.post("/v1/matrix", json={"selection": "selection-none"}).status_code == 404
    both = server.post("/v1/matrix", json={"selection": kept, "where": "true"})
    assert both.status_code == 400


def test_a_selection_is_typed_with_and_without_a_server(home, run, tmp_path):
    server, data, file = home
    _, kept = keep(server, [[0, 4], [50, 60]])
    whole = ids(file)
    run("matrix", "--selection", kept, "-o", tmp_path / "by_server.h5ad", data=data)
    assert ids(tmp_path / "by_server.h5ad") == whole[:4] + whole[50:60]
    wrong = run("matrix", "--selection", "selection-none", "-o", tmp_path / "none.h5ad", data=data,
                fails=True)
    assert "there is no selection 'selection-none'" in wrong.stderr
    both = run("matrix", "--selection", kept, "--where", "true", "-o", tmp_path / "none.h5ad",
               data=data, fails=True)
    assert "--selection" in both.stderr
    server.stop()
    run("matrix", "--selection", kept, "-o", tmp_path / "here.h5ad", data=data)
    assert ids(tmp_path / "here.h5ad") == whole[:4] + whole[50:60]
