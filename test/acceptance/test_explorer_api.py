"""The Explorer's immutable address space: what a revision answers equals what the file holds."""
import gzip
import hashlib
import json
import pathlib
import subprocess
import warnings

import numpy as np
import pytest
from scipy import stats

from api import ask
from net_encoding import decode

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
FOR_EVER = "max-age=31536000, immutable"


def read_h5ad(path):
    import anndata
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(path)


@pytest.fixture(scope="module")
def files(shared_data):
    cells = shared_data / "cells"
    return {"pbmc68k": cells / "pbmc68k_reduced.h5ad",
            "nan": cells / "cellxgene/test/fixtures/nan.h5ad",
            "curated": cells / "single-cell-curation/cellxgene_schema_cli/tests/fixtures/h5ads"
                               "/example_invalid_CL.h5ad"}


@pytest.fixture(scope="module")
def held(files):
    """What anndata reads of each file."""
    return {name: read_h5ad(path) for name, path in files.items()}


@pytest.fixture(scope="module")
def server(start_module_server, run, files, tmp_path_factory):
    data = tmp_path_factory.mktemp("explorer") / "data"
    for name, path in files.items():
        run("import", path, "--name", name, "--public", data=data)
    run("import", files["nan"], "--name", "hidden", data=data)
    return start_module_server(data)


@pytest.fixture(scope="module")
def revisions(server):
    return {dataset["name"]: dataset["current_revision"]
            for dataset in server.get("/v1/datasets").json()["datasets"]}


@pytest.fixture(scope="module")
def get(server, revisions):
    """get("pbmc68k", "schema"): the answer without a token; 200 unless another status is said."""
    def get_address(name, rest, status=200, **headers):
        answer = ask(f"{server.url}/d/{revisions[name]}/{rest}",
                     headers={key.replace("_", "-"): value for key, value in headers.items()})
        assert answer.status == status, answer.content
        return answer
    return get_address


@pytest.fixture(scope="module")
def arrow(get, arrow_file):
    """Columns of an Arrow answer about a revision, by name."""
    return lambda name, rest: arrow_file(get(name, rest))


@pytest.fixture(scope="module")
def arrow_file(tmp_path_factory):
    """Columns of an Arrow answer as Arrow's own JavaScript reader sees them, by name."""
    script = """
        import { readFileSync } from "node:fs";
        import { createRequire } from "node:module";
        const { tableFromIPC } = createRequire(process.argv[2] + "/x.js")("apache-arrow");
        const table = tableFromIPC(readFileSync(process.argv[3]));
        const plain = (x) => typeof x === "bigint" ? Number(x) : Number.isNaN(x) ? "NaN" : x;
        console.log(JSON.stringify(table.schema.fields.map((field, at) => [field.name,
          String(field.type), Array.from(table.getChildAt(at), plain)])));"""
    folder = tmp_path_factory.mktemp("arrow")
    (folder / "read.mjs").write_text(script)

    def read(answer):
        assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
        (folder / "x.arrow").write_bytes(answer.content)
        done = subprocess.run(["node", folder / "read.mjs", PROJECT / "build/clients",
                               folder / "x.arrow"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return {column: (kind, values) for column, kind, values in json.loads(done.stdout)}
    return read


def dense(x):
    return np.asarray(x.todense() if hasattr(x, "todense") else x)


def numbers(values):
    return np.array([np.nan if value in ("NaN", None) else value for value in values], dtype=float)


def plain(series):
    """A pandas column as JSON has it."""
    return [None if value != value else value for value in series.astype(object).tolist()]


def test_every_obs_and_var_column_equals_the_file_in_both_encodings(held, get, arrow):
    for name, data in held.items():
        for axis, frame in (("obs", data.obs), ("var", data.var)):
            native = arrow(name, axis)
            index = "cell_id" if axis == "obs" else "gene_id"
            assert native[index] == ("Utf8", list(frame.index))
            for version in ("v0.2", "v0.3"):
                net = decode(get(name, f"api/{version}/annotations/{axis}").content)
                assert net["name_0"] == list(frame.index)
                assert list(net)[1:] == list(frame.columns)
                for column in frame.columns:
                    compare_column(frame[column], native[column], net[column])


def compare_column(series, native, net):
    kind, values = native
    if series.dtype.name == "category" or series.dtype.kind == "O":
        assert values == plain(series) and list(net) == plain(series)
        assert kind.startswith("Dictionary") == (series.dtype.name == "category")
    elif series.dtype.kind == "b":
        assert values == series.tolist() and net == series.tolist()
    else:
        expected = series.to_numpy()
        assert np.array_equal(numbers(values), expected.astype(float), equal_nan=True)
        reduced = expected.astype(np.float32 if expected.dtype.kind == "f" else np.int32)
        assert net.dtype == reduced.dtype
        assert np.array_equal(net, reduced, equal_nan=reduced.dtype.kind == "f")


def test_genes_of_every_layer_equal_the_file(held, get, arrow):
    data = held["pbmc68k"]
    places = [0, 7, 400, 764]
    query = "&".join(f"gene={data.var_names[i]}" for i in places)
    for layer, matrix in (("X", data.X), ("layers/counts", data.layers["counts"])):
        columns = arrow("pbmc68k", f"expression?{query}&layer={layer}")
        assert list(columns) == [data.var_names[i] for i in places]
        for i in places:
            assert np.array_equal(numbers(columns[data.var_names[i]][1]), dense(matrix)[:, i])
    sparse = arrow("pbmc68k", f"expression?gene={data.var_names[7]}&layer=layers/counts"
                              "&form=sparse")
    column = dense(data.layers["counts"])[:, 7]
    assert sparse["cell"][1] == np.flatnonzero(column).tolist()
    assert np.array_equal(numbers(sparse[data.var_names[7]][1]), column[column != 0])
    mean = numbers(arrow("pbmc68k", f"expression/mean?{query}")["mean"][1])
    assert np.allclose(mean, dense(data.X)[:, places].mean(axis=1), atol=1e-6)


def test_cellxgenes_gene_routes_equal_the_file(server, revisions, held, get):
    for name, data in held.items():
        for version in ("v0.2", "v0.3"):
            base = f"api/{version}/data/var"
            symbol = data.var_names[5]
            net = decode(get(name, f"{base}?var:name_0={symbol}").content)
            assert list(net) == [5] and net[5].dtype == np.float32
            assert np.array_equal(net[5], dense(data.X)[:, 5].astype(np.float32),
                                  equal_nan=True)
            chosen = {"filter": {"var": {"index": [1, [4, 7]]}}}
            put = ask(f"{server.url}/d/{revisions[name]}/{base}", "PUT", chosen)
            net = decode(put.content)
            assert list(net) == [1, 4, 5, 6]
            assert np.array_equal(net[6], dense(data.X)[:, 6].astype(np.float32),
                                  equal_nan=True)
    highly = held["pbmc68k"].var["n_counts"].to_numpy()
    low, high = np.sort(highly)[[-20, -1]]
    net = decode(get("pbmc68k", f"api/v0.2/data/var?var:n_counts={float(low)},*").content)
    assert list(net) == np.flatnonzero(highly >= low).tolist()
    assert high == highly.max()


def test_names_may_come_percent_encoded_twice(held, get):
    data = held["pbmc68k"]
    name = data.var_names[3]
    twice = "".join(f"%25{ord(letter):02X}" for letter in name)
    net = decode(get("pbmc68k", f"api/v0.2/data/var?var%3Aname_0={twice}").content)
    assert list(net) == [3]


def test_the_mean_of_genes_is_named_by_its_query(server, revisions, held):
    data = held["pbmc68k"]
    query = "method=mean&" + "&".join(f"var:name_0={data.var_names[i]}" for i in (2, 9, 30))
    name = hashlib.sha1(query.encode()).hexdigest()
    address = f"{server.url}/d/{revisions['pbmc68k']}/api/v0.2/summarize/var"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    expected = dense(data.X)[:, [2, 9, 30]].mean(axis=1)
    for answer in (ask(f"{address}?{query}"),
                   ask(f"{address}?key={name}", "POST", query.encode(), form)):
        net = decode(answer.content)
        assert list(net) == [name]
        assert np.allclose(net[name], expected, atol=1e-6)
    assert ask(f"{address}?key=0", "POST", query.encode(), form).status == 400
    assert ask(address, "POST", query.encode(), {"Content-Type": "text/plain"}).status == 415


def unit_square(values):
    """As the peer reckons it: one factor for both axes, centred."""
    values = values[:, :2]
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    widest = np.amax(high - low) or 1
    return ((values - low) / widest + (0.5 - (high - low) / widest / 2)).astype(np.float32)


def test_embeddings_come_whole_and_in_real_units_and_as_the_peer_shows_them(held, get, arrow):
    for name, data in held.items():
        told = {one["name"]: one for one in get(name, "schema").json()["embeddings"]}
        net = decode(get(name, "api/v0.2/layout/obs").content)
        for key, values in data.obsm.items():
            columns = arrow(name, f"embeddings/{key}")
            assert list(columns) == told[key]["dims"] and len(columns) == values.shape[1]
            for place, dim in enumerate(columns):
                assert np.array_equal(numbers(columns[dim][1]), values[:, place], equal_nan=True)
                assert told[key]["extent"][place] == [np.nanmin(values[:, place]),
                                                      np.nanmax(values[:, place])]
            square = unit_square(values)
            for dim in (0, 1):
                assert np.array_equal(net[f"{key[2:]}_{dim}"], square[:, dim], equal_nan=True)


def test_cellxgenes_schema_is_the_one_its_own_tests_expect(held, get):
    schema = get("pbmc68k", "api/v0.2/schema").json()["schema"]
    data = held["pbmc68k"]
    assert schema["dataframe"] == {"nObs": 700, "nVar": 765, "type": "float32"}
    obs = {column["name"]: column for column in schema["annotations"]["obs"]["columns"]}
    assert schema["annotations"]["obs"]["index"] == "name_0"
    assert obs["name_0"] == {"name": "name_0", "type": "string", "writable": False}
    assert obs["louvain"]["categories"] == list(data.obs["louvain"].cat.categories)
    assert obs["n_genes"]["type"] == "int32" and obs["S_score"]["type"] == "float32"
    assert schema["layout"]["obs"][0] == {"name": "pca", "type": "float32",
                                          "dims": ["pca_0", "pca_1"]}
    config = get("pbmc68k", "api/v0.3/config").json()["config"]
    assert config["limits"]["column_request_max"] == 32
    assert get("pbmc68k", "api/v0.2/genesets").json() == {"genesets": [], "tid": 0}


def test_colours_are_those_of_the_file(held, get):
    data = held["pbmc68k"]
    colors = get("pbmc68k", "api/v0.2/colors").json()
    for column in ("louvain", "bulk_labels"):
        expected = dict(zip(data.obs[column].cat.categories, data.uns[f"{column}_colors"]))
        assert {label: color.lower() for label, color in expected.items()} == colors[column]


def test_quantised_columns_are_within_a_step(held, get):
    data = held["pbmc68k"]
    values = dense(data.X)[:, 5]
    net = decode(get("pbmc68k", f"api/v0.3/data/var?var:name_0={data.var_names[5]}&nbins=500"
                     ).content)
    step = (values.max() - values.min()) / 500
    assert np.abs(net[5] - values).max() <= step / 2 * 1.001


def test_what_is_unknown_is_told_by_name(get):
    for rest, words in (("api/v0.2/data/var?var:name_0=NOPE", "NOPE"),
                        ("api/v0.2/data/var?var:name_0=CD4&var:name_0=NOPE", "NOPE"),
                        ("expression?gene=NOPE", "NOPE"),
                        ("embeddings/nope", "nope")):
        answer = get("pbmc68k", rest, status=404)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert words in answer.json()["detail"] and answer.json()["message"]
    for rest, words in (("api/v0.2/annotations/obs?annotation-name=age", "age"),
                        ("api/v0.2/data/var", "var:name_0"),
                        ("api/v0.2/layout/obs?layout-name=nope", "nope")):
        assert words in get("pbmc68k", rest, status=400).json()["detail"]


def test_the_same_bytes_twice_then_304_ranges_and_packings(get):
    for rest in ("schema", "obs", "embeddings/X_pca", "expression?gene=CD4", "genes?search=CD",
                 "api/v0.2/annotations/obs", "api/v0.3/layout/obs", "api/v0.2/config"):
        first, again = get("pbmc68k", rest), get("pbmc68k", rest)
        assert first.content == again.content
        assert first.headers["ETag"] == again.headers["ETag"]
        assert first.headers["Cache-Control"] == f"public, {FOR_EVER}"
        known = get("pbmc68k", rest, status=304, If_None_Match=first.headers["ETag"])
        assert known.content == b""
        packed = get("pbmc68k", rest, Accept_Encoding="gzip")
        if packed.headers["Content-Encoding"] == "gzip":
            assert gzip.decompress(packed.content) == first.content
            assert packed.headers["ETag"] != first.headers["ETag"]
    part = get("pbmc68k", "obs", status=206, Range="bytes=10-19")
    assert part.content == get("pbmc68k", "obs").content[10:20]


def test_a_search_finds_symbols_ids_and_beginnings(get, held):
    hits = get("pbmc68k", "genes?search=cd4&limit=3").json()["genes"]
    assert hits[0]["symbol"] == "CD4"
    assert hits[0]["gene"] == list(held["pbmc68k"].var_names).index("CD4")


def test_a_private_dataset_is_hidden_until_it_is_published(server, revisions):
    address = f"{server.url}/d/{revisions['hidden']}/schema"
    assert ask(address).status == 404
    assert ask(f"{server.url}/d/hidden").status == 404
    mine = ask(address, headers=server.headers())
    assert mine.status == 200 and mine.headers["Cache-Control"] == f"private, {FOR_EVER}"
    server.request("PATCH", "/v1/datasets/hidden", json={"visibility": "public"})
    assert ask(address).headers["Cache-Control"] == f"public, {FOR_EVER}"
    assert ask(f"{server.url}/d/hidden").json()["visibility"] == "public"
    server.request("PATCH", "/v1/datasets/hidden", json={"visibility": "private"})
    assert ask(address).status == 404


def test_a_new_revision_moves_the_pointer_and_leaves_the_old_address(start_server, run, files,
                                                                     make_h5ad, tmp_path):
    data = tmp_path / "data"
    run("import", make_h5ad("a.h5ad", ["g", "h"], ["c1", "c2"], [1, 2, 3, 4]), "--name", "moving",
        "--public", data=data)
    server = start_server(data)
    before = ask(f"{server.url}/d/moving").json()
    old = ask(f"{server.url}/d/moving/api/v0.2/annotations/obs")
    assert decode(old.content)["name_0"] == ["c1", "c2"]
    run("import", make_h5ad("b.h5ad", ["g", "h"], ["c3"], [5, 6]), "--name", "moving", "--public",
        data=data)
    after = ask(f"{server.url}/d/moving").json()
    assert after["revision"]["id"] != before["revision"]["id"]
    moved = ask(f"{server.url}/d/moving/api/v0.2/annotations/obs")
    assert decode(moved.content)["name_0"] == ["c3"]
    still = ask(f"{server.url}/d/{before['revision']['id']}/api/v0.2/annotations/obs")
    assert still.content == old.content
    dataset = after["id"]
    assert server.request("DELETE", f"/v1/datasets/{dataset}").status_code == 204
    gone = server.get(f"/d/{after['revision']['id']}/schema")
    assert gone.status_code == 410 and "withdrawn" in gone.json()["detail"]
    kept = [path for path in (data / "objects").rglob("*") if "derived" in str(path)
            and path.is_file()]
    assert not kept, kept


def test_bodies_outlive_a_restart_byte_for_byte(start_server, run, files, tmp_path):
    data = tmp_path / "data"
    run("import", files["pbmc68k"], "--name", "kept", "--public", data=data)
    rest = "/d/kept/api/v0.2/annotations/obs"
    first = start_server(data)
    before = ask(first.url + rest, headers={"Accept-Encoding": "gzip"})
    first.stop()
    second = start_server(data)
    after = ask(second.url + rest, headers={"Accept-Encoding": "gzip"})
    assert after.content == before.content and after.headers["ETag"] == before.headers["ETag"]


def of_the_peer(x, a, b):
    """cellxgene's own statistics (reference: both variances over the smaller n)."""
    smaller = min(len(a), len(b))
    fold = x[a].mean(axis=0) - x[b].mean(axis=0)
    va, vb = x[a].var(axis=0, ddof=1) / smaller, x[b].var(axis=0, ddof=1) / smaller
    t = fold / np.sqrt(va + vb)
    degrees = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    return fold, t, 2 * stats.t.sf(np.abs(t), degrees)


def test_the_peers_comparison_tells_the_peers_numbers(server, revisions, held):
    data = held["pbmc68k"]
    x = dense(data.X).astype(float)
    label = "Dendritic"
    a = np.flatnonzero(data.obs["bulk_labels"] == label)
    b = np.arange(100, 400)
    order = {"mode": "topN", "count": 15, "set2": {"filter": {"obs": {"index": [[100, 400]]}}},
             "set1": {"filter": {"obs": {"annotation_value": [
                 {"name": "bulk_labels", "values": [label]}]}}}}
    answer = ask(f"{server.url}/d/{revisions['pbmc68k']}/api/v0.2/diffexp/obs", "POST", order)
    assert answer.status == 200, answer.content
    told = answer.json()
    fold, t, p = of_the_peer(x, a, b)
    for side, order in (("positive", np.argsort(-t)), ("negative", np.argsort(t))):
        best = order[np.abs(fold[order]) > 0.01][:15]
        rows = np.array(told[side])
        assert rows[:, 0].astype(int).tolist() == best.tolist()
        np.testing.assert_allclose(rows[:, 1], fold[best], rtol=1e-6)
        np.testing.assert_allclose(rows[:, 2], p[best], rtol=1e-6)
        np.testing.assert_allclose(rows[:, 3], np.minimum(1, p[best] * x.shape[1]), rtol=1e-6)


def test_a_comparison_equals_scipy_in_every_format(server, revisions, held, arrow_file):
    data = held["pbmc68k"]
    counts = dense(data.layers["counts"]).astype(float)
    members = (data.obs["louvain"] == "3").to_numpy()
    order = {"revision": revisions["pbmc68k"], "layer": "layers/counts",
             "a": {"column": "louvain", "labels": ["3"]}}
    for test, column in (("welch", "t"), ("wilcoxon", "z")):
        state = ask(f"{server.url}/v1/comparisons", "POST", {**order, "test": test}).json()
        assert state["state"] == "done" and state["scale"] == "log_cp10k", state
        values = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
        with np.errstate(all="ignore"):
            expected = (stats.ttest_ind(values[members], values[~members], equal_var=False)
                        if test == "welch" else
                        stats.mannwhitneyu(values[members], values[~members], axis=0,
                                           method="asymptotic"))
        address = f"{server.url}/v1/comparisons/{state['id']}/table"
        table = arrow_file(ask(f"{address}?format=arrow"))
        assert table["gene_id"][1] == list(data.var_names)
        tested = ~np.isnan(numbers(table[column][1]))
        assert tested.sum() == state["genes_tested"]
        np.testing.assert_allclose(numbers(table["p"][1])[tested], expected.pvalue[tested],
                                   rtol=1e-6, atol=1e-300)
        lines = ask(f"{address}?format=csv").content.decode().splitlines()
        names = lines[0].split(",")
        from_csv = [float(line.split(",")[names.index("p")]) for line in lines[1:]]
        assert np.array_equal(from_csv, numbers(table["p"][1]), equal_nan=True)
        rows = ask(f"{address}?format=json").json()
        assert rows["columns"] == names and rows["row_count"] == 765
        assert np.array_equal(numbers([row[names.index("p")] for row in rows["rows"]]), from_csv,
                              equal_nan=True)


def test_a_long_comparison_is_a_job_and_ends_as_one(start_server, run, files, tmp_path):
    data = tmp_path / "data"
    run("import", files["pbmc68k"], "--name", "cells", "--public", data=data)
    server = start_server(data, "--set", "explorer.comparison_budget=0s")
    revision = ask(f"{server.url}/d/cells").json()["revision"]["id"]
    order = {"revision": revision, "a": [[0, 200]], "test": "wilcoxon"}
    asked = ask(f"{server.url}/v1/comparisons", "POST", order)
    assert asked.status == 202, asked.content
    state = asked.json()
    while state["state"] not in ("done", "failed"):
        state = ask(f"{server.url}/v1/comparisons/{state['id']}?wait=10").json()
    assert state["state"] == "done" and state["cells_a"] == 200
    table = f"/v1/comparisons/{state['id']}/table?format=csv"
    before = ask(server.url + table)
    server.stop()
    again = start_server(data)
    after = ask(again.url + table)
    assert after.content == before.content and after.headers["ETag"] == before.headers["ETag"]
    assert ask(f"{again.url}/v1/comparisons", "POST", order).json()["id"] == state["id"]
