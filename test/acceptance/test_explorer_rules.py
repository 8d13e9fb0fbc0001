"""Of the twelve rules and the seventeen defects of docs/explorer-rules.md, those checks that stand
in no other file."""
import gzip
import json
import pathlib
import warnings

import anndata
import numpy as np
import pandas
import pytest
import requests
import scipy.sparse as sparse
from scipy import stats

from browser import first_administrator

PROJECT = pathlib.Path(__file__).resolve().parents[2]


def write(path, x, obs=None):
    """An h5ad of those values; cells c0…, genes g0…"""
    cells, genes = x.shape
    obs = pandas.DataFrame(obs or {}, index=[f"c{at}" for at in range(cells)])
    var = pandas.DataFrame(index=[f"g{at}" for at in range(genes)])
    data = anndata.AnnData(x, obs=obs, var=var, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.write_h5ad(path)
    return path


@pytest.fixture(scope="module")
def panel():
    """60 cells of 17 counted genes; the last gene is nowhere."""
    counts = np.random.default_rng(3).poisson(2, (60, 17)).astype(np.float32)
    counts[:30, 0] += 3
    counts[:, 16] = 0
    return counts


@pytest.fixture(scope="module")
def z_scores():
    values = np.random.default_rng(4).normal(0, 1, (60, 20)).astype(np.float32)
    values[:30, 0] += 2
    values[5, 1], values[6, 1] = 28, -2
    return values


@pytest.fixture(scope="module")
def server(run, panel, z_scores, tmp_path_factory, start_module_server):
    folder = tmp_path_factory.mktemp("rules")
    data = folder / "data"
    infinite = {"score": [np.inf, -np.inf] + [0.5] * 58}
    run("import", write(folder / "panel.h5ad", sparse.csr_matrix(panel), infinite), "--public",
        data=data)
    run("import", write(folder / "scaled.h5ad", z_scores), "--public", data=data)
    return start_module_server(data, "--set", "portal.doi_resolver=http://127.0.0.1:9/")


@pytest.fixture(scope="module")
def revision(server):
    return {one["name"]: one["current_revision"]
            for one in server.get("/v1/datasets").json()["datasets"]}


def compare(server, revision, status=200, **order):
    answer = requests.post(server.url + "/v1/comparisons", json={"revision": revision, **order},
                           timeout=120)
    assert answer.status_code == status, answer.text
    return answer.json()


def table(server, comparison):
    told = server.get(f"/v1/comparisons/{comparison['id']}/table?format=json").json()
    return {name: [row[at] for row in told["rows"]] for at, name in enumerate(told["columns"])}


def peak_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_rule_8_no_comparison_is_made_dense(run, tmp_path, start_server):
    cells, genes = 20_000, 8_000
    rng = np.random.default_rng(5)
    places = np.sort(rng.choice(genes, (cells, 40)), axis=1)
    indptr = np.arange(0, cells * 40 + 1, 40)
    x = sparse.csr_matrix((np.ones(cells * 40, np.float32), places.ravel(), indptr), (cells, genes))
    x.sum_duplicates()
    data = tmp_path / "data"
    run("import", write(tmp_path / "wide.h5ad", x), "--public", data=data)
    server = start_server(data)
    revision = server.get("/v1/datasets/wide").json()["current_revision"]
    server.get(f"/d/{revision}/summary")
    before = peak_bytes(server)
    for test in ("welch", "wilcoxon"):
        state = compare(server, revision, a=[[0, 2500]], test=test,
                        status=200) if test == "welch" else \
            requests.post(server.url + "/v1/comparisons", timeout=120,
                          json={"revision": revision, "a": [[0, 2500]], "test": test}).json()
        while state["state"] not in ("done", "failed"):
            state = requests.get(f"{server.url}/v1/comparisons/{state['id']}?wait=10",
                                 timeout=120).json()
        assert state["state"] == "done"
    dense = cells * genes * 4
    assert peak_bytes(server) - before < dense // 2


@pytest.mark.parametrize("path", ["/v1/portal/search", "/v1/portal/collections",
                                  "/v1/portal/datasets/panel"])
def test_rule_9_what_lists_has_an_etag_and_is_packed(server, path):
    plain = requests.get(server.url + path, headers={"Accept-Encoding": "identity"}, timeout=60)
    assert plain.status_code == 200 and "Content-Encoding" not in plain.headers
    packed = requests.get(server.url + path, headers={"Accept-Encoding": "gzip"}, timeout=60,
                          stream=True)
    body = packed.raw.read(decode_content=False)
    if len(plain.content) >= 1400:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body) == plain.content and len(body) < len(plain.content)
        assert packed.headers["ETag"] != plain.headers["ETag"], "other bytes, another tag"
    again = requests.get(server.url + path, timeout=60, headers={
        "Accept-Encoding": "identity", "If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304 and again.content == b""
    assert plain.headers["Cache-Control"] == "private, no-cache"
    server.request("PATCH", "/v1/portal/datasets/panel/card",
                   json={"description": f"changed for {path}"})
    changed = requests.get(server.url + path, timeout=60, headers={
        "Accept-Encoding": "identity", "If-None-Match": plain.headers["ETag"]})
    assert changed.status_code == (304 if path.endswith("collections") else 200)


def test_defects_1_and_2_a_small_panel_tells_each_gene_once(server, revision):
    sets = {"set1": {"filter": {"obs": {"index": [[0, 30]]}}},
            "set2": {"filter": {"obs": {"index": [[30, 60]]}}}}
    for count in (17, 50):
        answer = requests.post(f"{server.url}/d/{revision['panel']}/api/v0.2/diffexp/obs",
                               json={"mode": "topN", "count": count, **sets}, timeout=60)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        genes = [row[0] for row in told["positive"] + told["negative"]]
        assert len(genes) == len(set(genes)) <= 17
        assert all(row[1] >= 0 for row in told["positive"])
        assert all(row[1] <= 0 for row in told["negative"])
    every = compare(server, revision["panel"], a=[[0, 30]])
    assert table(server, every)["gene_id"] == [f"g{at}" for at in range(17)]


def test_defect_3_scaled_values_are_taken_as_they_are_and_it_is_said(server, revision, z_scores):
    state = compare(server, revision["scaled"], a=[[0, 30]], b=[[30, 60]])
    assert state["scale"] == "as_stored" and state["warnings"], state
    told = table(server, state)
    expected = stats.ttest_ind(z_scores[:30].astype(float), z_scores[30:].astype(float),
                               equal_var=False)
    np.testing.assert_allclose(told["t"], expected.statistic, rtol=1e-6)
    np.testing.assert_allclose(told["mean_difference"][0],
                               z_scores[:30, 0].mean() - z_scores[30:, 0].mean(), rtol=1e-5)


def test_defect_5_sets_too_small_are_refused_and_untested_genes_not_counted(server, revision):
    for cells in ([], [[3, 4]]):
        refused = compare(server, revision["panel"], status=400, a=cells)
        assert "cell" in refused["detail"], refused
    state = compare(server, revision["panel"], a=[[0, 30]])
    told = table(server, state)
    assert state["genes_tested"] == 16 and told["p"][16] is None
    for p, adjusted in zip(told["p"][:16], told["p_bonferroni"]):
        assert adjusted == pytest.approx(min(1, p * 16))


def test_defect_7_the_status_is_the_documented_one(server, revision):
    described = server.get("/openapi.json").json()["paths"]["/v1/comparisons"]["post"]["responses"]
    assert "413" in described
    runs = ",".join(["[0,1]"] * 6_000_000)
    body = f'{{"revision":"{revision["panel"]}","a":[{runs}]}}'
    assert len(body) > 32 << 20
    answer = requests.post(server.url + "/v1/comparisons", data=body, timeout=120)
    assert answer.status_code == 413


def test_defect_9_an_error_says_what_is_wrong(server, revision):
    address = f"{server.url}/d/{revision['panel']}/api/v0.2"
    sets = {"set1": {"filter": {"obs": {"index": [[0, 30]]}}}}
    missing = requests.post(f"{address}/diffexp/obs", json={"mode": "topN", **sets}, timeout=60)
    assert missing.status_code == 400 and "how many genes" in missing.json()["detail"]
    unknown = requests.get(f"{address}/annotations/obs?annotation-name=nonsense", timeout=60)
    assert 400 <= unknown.status_code < 500 and "nonsense" in unknown.json()["detail"]


def test_defect_11_a_session_of_one_site_is_none_of_another(start_server, tmp_path):
    here, there = start_server(tmp_path / "here"), start_server(tmp_path / "there")
    ada = first_administrator(here)
    first_administrator(there)
    assert ada.me()["signed_in"] is True
    cookies = dict(ada.session.cookies)
    elsewhere = requests.get(there.url + "/account/me", cookies=cookies, timeout=60)
    assert elsewhere.json()["signed_in"] is False


def test_defect_12_infinite_values_are_told(server, revision):
    obs = requests.get(f"{server.url}/d/{revision['panel']}/api/v0.2/annotations/obs",
                       params={"annotation-name": "score"}, timeout=60)
    assert obs.status_code == 200
    schema = requests.get(f"{server.url}/d/{revision['panel']}/schema", timeout=60)
    assert schema.status_code == 200 and schema.json()
    rows = server.post("/v1/sql", json={"statement":
                       "SELECT score FROM obs WHERE dataset = 'panel' ORDER BY cell_index LIMIT 3"})
    assert rows.status_code == 200 and json.loads(rows.text)["rows"][2] == [0.5]


def test_defect_15_runs_are_half_open_as_documented(server, revision):
    state = compare(server, revision["panel"], a=[[0, 10], [20, 25]], b=[[30, 60]])
    assert (state["cells_a"], state["cells_b"]) == (15, 30)
    past = compare(server, revision["panel"], status=400, a=[[0, 61]])
    assert past["detail"]


def test_defect_17_the_worm_has_its_own_number():
    profile = (PROJECT / "schema/profiles/cellxgene.json").read_text()
    assert "NCBITaxon:6239" in profile and "NCBITaxon:6293" not in profile
    starter = (PROJECT / "schema/ontology/starter.obo").read_text()
    assert "id: NCBITaxon:6239\nname: Caenorhabditis elegans\n" in starter
