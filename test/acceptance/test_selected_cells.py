"""Cells of a region of a tissue image, with donors and expression, in one SQL statement (N8)."""
import anndata
import numpy as np
import pandas
import pytest
import requests
from scipy import sparse

from browser import first_administrator, new_user

GENES = [f"ENSG{i:011d}" for i in range(6)]
REGION = (20.0, 30.0, 60.0, 80.0)  # x, y, x, y in the image's pixels


@pytest.fixture(scope="module")
def section():
    """A section with an image: 400 spots of three donors, counts of six genes."""
    rng = np.random.default_rng(3)
    counts = rng.poisson(1.5, (400, len(GENES))).astype(np.float32)
    data = anndata.AnnData(
        sparse.csr_matrix(counts), dtype=np.float32,
        obs=pandas.DataFrame({"donor_id": rng.choice(["d1", "d2", "d3"], 400),
                              "sex": rng.choice(["female", "male"], 400)},
                             index=[f"spot-{i}" for i in range(400)]),
        var=pandas.DataFrame(index=GENES))
    data.obsm["spatial"] = rng.uniform(0, 100, (400, 2))
    image = rng.uniform(0, 1, (100, 100, 3)).astype(np.float32)
    data.uns["spatial"] = {"slice": {"images": {"hires": image},
                                     "scalefactors": {"tissue_hires_scalef": 1.0,
                                                      "spot_diameter_fullres": 4.0}}}
    return data


def revision_of(server, name):
    return server.get(f"/v1/datasets/{name}").json()["current_revision"]


def in_region(section):
    x, y = section.obsm["spatial"].T
    return (x >= REGION[0]) & (x <= REGION[2]) & (y >= REGION[1]) & (y <= REGION[3])


@pytest.fixture
def server(section, run, tmp_path, start_server):
    section.write_h5ad(tmp_path / "section.h5ad")
    for name, more in (("section", ["--public"]), ("hidden", [])):
        run("import", tmp_path / "section.h5ad", "--name", name, *more, data=tmp_path / "data")
    return start_server(tmp_path / "data")


def keep(someone, revision, cells, **more):
    body = {"revision": revision, "name": "tumour", "cells": cells, **more}
    answer = someone.post("/u/selections", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def rows(ask, statement, **parameters):
    answer = ask("/v1/sql", {"statement": statement, "parameters": parameters})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return [tuple(row) for row in told["rows"]]


def matrix(server, someone, **body):
    """The finished description of a matrix that someone asks for."""
    accepted = someone.post("/v1/matrix", body)
    assert accepted.status_code == 202, accepted.text
    path = f"/v1/matrix/{accepted.json()['request_id']}"
    asked = someone.get(path).json()
    if asked["status"] == "In Progress":
        server.get(f"/v1/jobs/{asked['job']}/events")
        asked = someone.get(path).json()
    return asked


def runs(mask):
    return [[int(cell), int(cell) + 1] for cell in np.flatnonzero(mask)]


def test_a_region_of_an_image_is_joined_with_donors_and_expression(server, section, tmp_path):
    ada = first_administrator(server)
    revision = revision_of(server, "section")
    [image] = server.get(f"/d/{revision}/images").json()["images"]
    assert (image["width"], image["embedding"]) == (100, "spatial")
    inside = in_region(section)
    assert 50 < inside.sum() < 200
    region = keep(ada, revision, runs(inside))

    asked = rows(ada.post, """
        SELECT donor_id, count(DISTINCT cell_id), sum(exrpvalue)
        FROM selected_cell JOIN obs USING (dataset, cell_index)
        JOIN expression USING (dataset, cell_index)
        WHERE selection = $region AND featurekey = 'ENSG00000000002'
        GROUP BY donor_id ORDER BY donor_id""", region=region)
    gene = np.asarray(section.X[:, 2].todense()).ravel()
    expected = []
    for donor in ("d1", "d2", "d3"):
        mine = inside & (section.obs["donor_id"] == donor).to_numpy() & (gene > 0)
        expected.append((donor, mine.sum(), gene[mine].sum()))
    assert asked == expected

    done = matrix(server, ada, format="h5ad", where=(
        "dataset = 'section' AND cell_index IN "
        f"(SELECT cell_index FROM selected_cell WHERE selection = '{region}')"))
    (tmp_path / "region.h5ad").write_bytes(ada.get(done["matrix_url"]
                                                   .removeprefix(server.url)).content)
    held = anndata.read_h5ad(tmp_path / "region.h5ad")
    assert list(held.obs_names) == list(section.obs_names[inside])
    np.testing.assert_array_equal(held.X.toarray(), section.X.toarray()[inside])


def test_one_sees_ones_own_selections_and_those_by_link_that_one_names(server):
    ada = first_administrator(server)
    eve = new_user(ada, "eve")
    revision = revision_of(server, "section")
    private = keep(ada, revision, [[0, 10]])
    linked = keep(ada, revision, [[5, 25]], access="link")
    own = keep(eve, revision, [[1, 4], [7, 8]])
    hidden = keep(ada, revision_of(server, "hidden"), [[0, 3]], access="link")

    def anonymous(path, body):
        return requests.post(server.url + path, json=body, timeout=60)

    every = "SELECT selection, count(*) FROM selected_cell GROUP BY 1 ORDER BY 2"
    one = "SELECT dataset, selection_name, min(cell_index), count(*) FROM selected_cell " \
          "WHERE selection = $id GROUP BY 1, 2"
    assert rows(eve.post, every) == [(own, 4)]
    assert rows(ada.post, every) == [(hidden, 3), (private, 10), (linked, 20)]
    assert rows(anonymous, every) == []
    for someone in (ada.post, eve.post, anonymous):
        assert rows(someone, one, id=linked) == [("section", "tumour", 5, 20)]
    for someone in (eve.post, anonymous):
        assert rows(someone, one, id=private) == rows(someone, one, id=hidden) == []
    assert rows(eve.post, one, id=own) == [("section", "tumour", 1, 4)]


def test_a_matrix_by_ones_selections_is_nobody_elses(server):
    """The same statement finds other cells for another person: no result is shared."""
    ada = first_administrator(server)
    eve = new_user(ada, "eve")
    revision = revision_of(server, "section")
    keep(ada, revision, [[0, 10]])
    keep(eve, revision, [[0, 4]])
    found = []
    for someone in (ada, eve):
        done = matrix(server, someone, format="mtx", where=(
            "dataset = 'section' AND cell_index IN (SELECT cell_index FROM selected_cell)"))
        found.append(done["cells"])
    assert found == [10, 4]
