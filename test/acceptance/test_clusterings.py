"""Cells grouped and laid out anew by a job: the planted types come out, the same every time."""
import itertools
import json
import pathlib
import subprocess

import anndata
import numpy as np
import pytest
import requests

PROJECT = pathlib.Path(__file__).resolve().parents[2]
READ = """
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const { tableFromIPC } = createRequire(process.argv[2] + "/x.js")("apache-arrow");
const table = tableFromIPC(readFileSync(process.argv[3]));
console.log(JSON.stringify(Object.fromEntries(table.schema.fields.map((field, at) =>
  [field.name, Array.from(table.getChildAt(at), (x) => Number.isNaN(x) ? null : x)]))));
"""


@pytest.fixture(scope="module")
def blood(run, tmp_path_factory):
    file = tmp_path_factory.mktemp("blood") / "blood.h5ad"
    run("demo", "--cells", "1500", "--genes", "600", "-o", file)
    return file


@pytest.fixture(scope="module")
def server(run, blood, tmp_path_factory, start_module_server):
    data = tmp_path_factory.mktemp("clusters") / "data"
    run("import", blood, "--name", "blood", "--public", data=data)
    run("import", blood, "--name", "secret", data=data)
    return start_module_server(data)


def revision_of(server, name):
    return server.get(f"/v1/datasets/{name}").json()["current_revision"]


def imported(server, file, name):
    job = server.post("/v1/imports", json={"path": str(file), "dataset": name}).json()
    with server.get(f"/v1/jobs/{job['id']}/events", stream=True) as events:
        for _ in events.iter_lines():
            pass
    assert server.get(f"/v1/jobs/{job['id']}").json()["state"] == "succeeded"


def clustered(server, order, client=None):
    """The state when its job is over."""
    answer = (client or server).post("/v1/clusterings", json=order)
    assert answer.status_code in (200, 202), answer.text
    state = answer.json()
    while state["state"] in ("queued", "running", "succeeded"):
        state = server.get(f"/v1/clusterings/{state['id']}?wait=20").json()
    assert state["state"] == "done", state
    return state


def cells_of(server, state, folder):
    answer = server.get(f"/d/{state['revision']}/clusterings/{state['id']}")
    assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"]
    (folder / "x.arrow").write_bytes(answer.content)
    (folder / "read.mjs").write_text(READ)
    return json.loads(subprocess.run(
        ["node", folder / "read.mjs", PROJECT / "build/clients", folder / "x.arrow"],
        capture_output=True, text=True, check=True).stdout)


def adjusted_rand(one, other):
    """Hubert and Arabie 1985."""
    def pairs(groups):
        counts = np.unique(np.array([str(group) for group in groups]), return_counts=True)[1]
        return (counts * (counts - 1) / 2).sum()
    both, left, right = pairs(zip(one, other)), pairs(one), pairs(other)
    chance = left * right / (len(one) * (len(one) - 1) / 2)
    return (both - chance) / ((left + right) / 2 - chance)


def test_the_planted_types_are_found_the_same_every_time(server, blood, tmp_path):
    types = anndata.read_h5ad(blood).obs["cell_type"]
    revision = revision_of(server, "blood")
    state = clustered(server, {"revision": revision, "resolution": 0.5})
    assert state["cells"] == 1500 == sum(state["sizes"])
    assert state["scale"] == "log_cp10k" and state["modularity"] > 0.4
    cells = cells_of(server, state, tmp_path)
    assert adjusted_rand(cells["cluster"], list(types)) > 0.8, \
        "made-up types of cells lie apart, so they are found"
    assert not any(place is None for place in cells["x"] + cells["y"])
    counts = [cells["cluster"].count(str(at + 1)) for at in range(state["clusters"])]
    assert counts == state["sizes"] == sorted(counts, reverse=True)
    # The nearest cell in the plane is mostly one of the same type.
    places = np.array([cells["x"], cells["y"]]).T
    distances = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (types.to_numpy()[distances.argmin(axis=1)] == types.to_numpy()).mean() > 0.9

    again = server.post("/v1/clusterings", json={"revision": revision, "resolution": 0.5})
    assert again.status_code == 200 and again.json()["id"] == state["id"]
    # The same content elsewhere, reckoned anew, gives the same bytes.
    twin = clustered(server, {"revision": revision_of(server, "secret"), "resolution": 0.5})
    assert twin["id"] != state["id"]
    assert cells_of(server, twin, tmp_path) == cells


def test_a_selection_alone_is_clustered_and_listed(server, blood, tmp_path):
    types = anndata.read_h5ad(blood).obs["cell_type"]
    revision = revision_of(server, "blood")
    wanted = list(types.value_counts().index[:2])
    state = clustered(server, {"revision": revision, "seed": 3, "resolution": 0.2, "cells":
                               {"column": "cell_type", "labels": wanted}})
    inside = types.isin(wanted).to_numpy()
    cells = cells_of(server, state, tmp_path)
    assert [one is not None for one in cells["cluster"]] == list(inside)
    assert [one is not None for one in cells["x"]] == list(inside)
    assert adjusted_rand(list(itertools.compress(cells["cluster"], inside)),
                         list(types[inside])) > 0.8
    listed = requests.get(f"{server.url}/d/{revision}/clusterings", timeout=60)
    assert "max-age=1," in listed.headers["Cache-Control"]
    assert state["id"] in [one["id"] for one in listed.json()["clusterings"]]


def test_many_cells_agree_with_numpy_and_the_planted_types(server, run, tmp_path):
    """Components by numpy's decomposition of all genes, and the groups' modularity in the graph of
    the neighbours among those."""
    file = tmp_path / "many.h5ad"
    run("demo", "--cells", "4000", "--genes", "200", "--seed", "4", "-o", file)
    imported(server, file, "many")
    state = clustered(server, {"revision": revision_of(server, "many"), "genes": 200,
                               "components": 20, "resolution": 0.5})
    data = anndata.read_h5ad(file)
    counts = data.X.toarray().astype("float64")
    values = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    values = values[:, values.var(axis=0) > 0]
    centred = values - values.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / (len(values) - 1))
    share = variances[-20:].sum() / variances.sum()
    assert state["variance_explained"] == pytest.approx(share, rel=1e-4)
    groups = np.array([int(one) for one in cells_of(server, state, tmp_path)["cluster"]])
    truth = data.obs["cell_type"].cat.codes.to_numpy()
    assert adjusted_rand(groups, truth) > 0.9
    scores = (centred @ directions[:, -20:]).astype("float32")
    lengths = (scores ** 2).sum(axis=1)
    near = np.concatenate([np.argpartition(lengths - 2 * part @ scores.T, 16, axis=1)[:, :16]
                           for part in np.array_split(scores, 20)])

    def modularity(of):
        ends = np.repeat(of, 16), of[near.ravel()]
        share = np.zeros((of.max() + 1, of.max() + 1))
        np.add.at(share, ends, 0.5 / near.size)
        np.add.at(share, ends[::-1], 0.5 / near.size)
        return np.trace(share) - 0.5 * (share.sum(axis=0) ** 2).sum()
    assert modularity(groups) > modularity(truth) - 0.01


def test_a_clustering_is_cancelled_and_can_be_asked_for_again(server, run, tmp_path):
    file = tmp_path / "large.h5ad"
    run("demo", "--cells", "20000", "--genes", "100", "--seed", "5", "-o", file)
    imported(server, file, "large")
    order = {"revision": revision_of(server, "large"), "neighbours": 50}
    asked = server.post("/v1/clusterings", json=order)
    assert asked.status_code == 202, asked.text
    path = f"/v1/clusterings/{asked.json()['id']}"
    assert requests.delete(server.url + path, timeout=60).status_code == 404, "hidden from him"
    assert server.request("DELETE", path).status_code in (200, 202)
    state = server.get(path).json()
    while state["state"] not in ("cancelled", "failed", "done"):
        state = server.get(path + "?wait=20").json()
    assert state["state"] == "cancelled", state
    listed = server.get(f"/d/{order['revision']}/clusterings").json()["clusterings"]
    assert state["id"] not in [one["id"] for one in listed]
    small = {**order, "cells": [[0, 300]]}
    assert clustered(server, small)["cells"] == 300, "what comes after is done"
    again = server.post("/v1/clusterings", json=order)
    assert again.status_code == 202 and again.json()["id"] == state["id"]
    assert again.json()["job"] != state["job"], "asked for again, it is begun again"
    server.request("DELETE", path)


def test_wrong_orders_are_told_and_nobody_sees_what_they_may_not(server):
    revision, hidden = revision_of(server, "blood"), revision_of(server, "secret")
    for wrong, pointer in [({"resolution": 0}, "/resolution"), ({"genes": 1}, "/genes"),
                           ({"neighbours": 1000}, "/neighbours"), ({"cells": []}, "/cells"),
                           ({"cells": [[0, 3]]}, "/cells"), ({"cells": [[0, 99999]]}, "/cells"),
                           ({"resolution": "much"}, "/resolution"), ({"scale": "other"}, None)]:
        answer = server.post("/v1/clusterings", json={"revision": revision, **wrong})
        assert answer.status_code == 400, (wrong, answer.text)
        if pointer:
            assert answer.json().get("pointer") == pointer, answer.text
    assert server.post("/v1/clusterings", json={"revision": revision, "layer": "no"}) \
        .status_code == 404
    state = clustered(server, {"revision": hidden, "resolution": 0.3})
    for method, path, body in [("POST", "/v1/clusterings", {"revision": hidden}),
                               ("GET", f"/v1/clusterings/{state['id']}", None),
                               ("DELETE", f"/v1/clusterings/{state['id']}", None),
                               ("GET", f"/d/{hidden}/clusterings", None),
                               ("GET", f"/d/{hidden}/clusterings/{state['id']}", None),
                               ("GET", f"/d/{revision}/clusterings/{state['id']}", None)]:
        answer = requests.request(method, server.url + path, json=body, timeout=60)
        assert answer.status_code == 404, (method, path)
