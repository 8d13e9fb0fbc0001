"""Results that can be cited: by their id the same bytes for ever, and what changed between two."""
import hashlib
import io
import pathlib
import zipfile

import pytest

from api import MatrixApi, ask
from cli import Stroma

CELLS = [f"c{i}" for i in range(4)]
GENES = ["g0", "g1", "g2"]
FORMATS = ["h5ad", "loom", "csv", "mtx", "zarr", "10x", "parquet", "arrow"]


def fetch(api, result):
    """The result's bytes, once it is made."""
    answer = api.get(f"/v1/results/{result}")
    while answer.status == 202:
        api.follow_job(answer.json()["job"])
        answer = api.get(f"/v1/results/{result}")
    assert answer.status == 200, answer.content
    assert hashlib.sha256(answer.content).hexdigest() == answer.headers["X-Checksum-Sha256"]
    return answer.content


@pytest.fixture
def first(stroma_binary, make_h5ad, tmp_path):
    """A data directory with the public dataset "a" of known counts."""
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(make_h5ad("a.h5ad", GENES, CELLS, [[1, 0, 2], [0, 3, 0], [4, 0, 0], [0, 0, 5]]),
                    "--public")
    return stroma


def load(stroma, path, *words):
    stroma.imported(path, "--public", *words)


@pytest.mark.parametrize("format", FORMATS)
def test_a_result_outlives_what_is_loaded_and_removed(first, start_server, make_h5ad, format):
    api = MatrixApi(start_server(first.data))
    done = api.matrix({"op": "in", "field": "cell_id", "value": CELLS[1:]}, format=format)
    assert done["status"] == "Complete" and done["cells"] == 3, done
    content = fetch(api, done["query_hash"])
    api.server.stop()
    load(first, make_h5ad("b.h5ad", GENES, ["x"], [[1, 1, 1]]))
    load(first, make_h5ad("a2.h5ad", GENES, CELLS, [[9, 9, 9]] * 4), "--name", "a")
    first.run("dataset", "remove", "b")
    api = MatrixApi(start_server(first.data))
    assert fetch(api, done["query_hash"]) == content
    again = api.matrix({"op": "in", "field": "cell_id", "value": CELLS[1:]}, format=format)
    assert again["query_hash"] != done["query_hash"]  # another snapshot is another result
    assert fetch(api, again["query_hash"]) != content


@pytest.mark.parametrize("format", FORMATS)
def test_a_result_that_expired_is_made_again_to_the_byte_also_from_a_backup(
        first, start_server, make_h5ad, tmp_path, run, format):
    """The file is gone everywhere; its cells are those of the revision that was current then."""
    short = {"STROMA_MATRIX_RETENTION": "1s"}
    api = MatrixApi(start_server(first.data, environment=short))
    accepted = api.post("/v1/matrix", {"where": "true", "format": format})
    done = api.finished(accepted.json()["request_id"])
    content = fetch(api, done["query_hash"])
    while api.get(f"/v1/matrix/{done['request_id']}").json()["status"] != "Expired":
        api.server.wait_for_health()
    api.server.stop()
    load(first, make_h5ad("a2.h5ad", GENES, CELLS, [[9, 9, 9]] * 4), "--name", "a")
    first.run("backup", tmp_path / "backup")
    run("restore", tmp_path / "backup", data=tmp_path / "other")
    for data in (first.data, tmp_path / "other"):
        server = start_server(data)
        assert fetch(MatrixApi(server), done["query_hash"]) == content
        server.stop()


def test_a_recorded_result_whose_file_is_gone_is_made_again(first, start_server):
    """As after a server that ended between removing a file and noting that it's gone."""
    server = start_server(first.data)
    api = MatrixApi(server)
    accepted = api.post("/v1/matrix", {"where": "true", "format": "h5ad"})
    done = api.finished(accepted.json()["request_id"])
    content = fetch(api, done["query_hash"])
    server.stop()
    file, = [path for path in pathlib.Path(first.data, "objects/keys").rglob("*")
             if path.is_file() and "results" in str(path)]
    file.unlink()
    api = MatrixApi(start_server(first.data))
    told = api.get(f"/v1/matrix/{done['request_id']}").json()
    assert told["status"] == "Expired" and "again" in told["message"], told
    answer = api.get(f"/v1/results/{done['query_hash']}")
    assert answer.status == 202, answer.content
    assert fetch(api, done["query_hash"]) == content
    assert api.get(f"/v1/matrix/{done['request_id']}").json()["status"] == "Complete"


@pytest.mark.parametrize("format", ["csv", "mtx"])
def test_a_result_with_its_columns_in_another_order_is_the_one_that_is_built(
        stroma_binary, made_h5ad, start_server, tmp_path, run, format):
    """A result that is there is rearranged; where there is none, the same bytes are built."""
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(made_h5ad, "--public")
    stroma.run("backup", tmp_path / "backup")
    run("restore", tmp_path / "backup", data=tmp_path / "other")
    files = []
    for data, orders in ((stroma.data, ["n,note,score", "note,score,n"]),
                         (tmp_path / "other", ["note,score,n"])):
        server = start_server(data)
        api = MatrixApi(server)
        for order in orders:
            accepted = api.post("/v1/matrix", {"where": "true", "format": format,
                                               "fields": order.split(",")})
            done = api.finished(accepted.json()["request_id"])
        files.append((done["query_hash"], ask(done["matrix_url"]).content))
        server.stop()
    assert files[0] == files[1]


def test_an_unknown_result_is_not_found(first, start_server):
    api = MatrixApi(start_server(first.data))
    done = api.matrix({"op": "=", "field": "cell_id", "value": "c0"}, format="h5ad")
    selection = done["query_hash"].split(".")[0]
    for name in ["0" * 32 + ".h5ad", selection, selection + ".xls", selection + ".", "x"]:
        assert api.get(f"/v1/results/{name}").status == 404, name


@pytest.fixture
def revised(first, make_h5ad):
    """c0 is gone, c9 came, c1's gene g1 changed, genes and cells lie in another order."""
    load(first, make_h5ad("a2.h5ad", ["g2", "g1", "g0"], ["c9", "c3", "c2", "c1"],
                          [[1, 1, 1], [5, 0, 0], [0, 0, 4], [0, 7, 0]]), "--name", "a")
    return first


def told(difference):
    return ({kind: difference[kind] for kind in ("unchanged", "added", "removed", "changed")},
            [[cell["cell_id"] for cell in difference[f"{kind}_cells"]]
             for kind in ("added", "removed", "changed")])


EXPECTED = ({"unchanged": 2, "added": 1, "removed": 1, "changed": 1}, [["c9"], ["c0"], ["c1"]])


def test_two_revisions_are_told_apart_cell_by_cell(revised, start_server):
    assert told(revised.json("diff", "a@1", "a")) == EXPECTED
    assert told(revised.json("diff", "a@2", "a"))[0]["unchanged"] == 4
    api = MatrixApi(start_server(revised.data))
    assert told(api.get("/v1/diff?from=a@1&to=a@2").json()) == EXPECTED
    assert told(revised.json("diff", "a@1", "a")) == EXPECTED  # through the server
    for path in ("from=a@3&to=a", "from=a&to=none", "from=a@&to=a", "from=a@1x&to=a"):
        assert api.get("/v1/diff?" + path).status == 404, path


def test_two_results_are_told_apart(first, start_server, make_h5ad):
    api = MatrixApi(start_server(first.data))
    old = api.matrix({"op": "!=", "field": "cell_id", "value": "c3"}, format="h5ad")
    api.server.stop()
    load(first, make_h5ad("a2.h5ad", GENES, CELLS, [[1, 0, 2], [0, 3, 0], [4, 0, 1], [0, 0, 5]]),
         "--name", "a")
    api = MatrixApi(start_server(first.data))
    new = api.matrix({"op": "!=", "field": "cell_id", "value": "c0"}, format="loom")
    difference = api.get(f"/v1/diff?from={old['query_hash']}&to={new['query_hash']}").json()
    assert told(difference) == (
        {"unchanged": 1, "added": 1, "removed": 1, "changed": 1}, [["c3"], ["c0"], ["c2"]])


def test_cells_of_a_changed_annotation_have_changed(first, tmp_path):
    import anndata
    data = anndata.read_h5ad(tmp_path / "a.h5ad")
    data.obs["note"] = ["same"] * 4
    data.write_h5ad(tmp_path / "b.h5ad")
    data.obs["note"] = ["same", "same", "other", "same"]
    data.write_h5ad(tmp_path / "c.h5ad")
    for name in ("b", "c"):
        load(first, tmp_path / f"{name}.h5ad", "--name", "a")
    assert told(first.json("diff", "a@2", "a@3")) == (
        {"unchanged": 3, "added": 0, "removed": 0, "changed": 1}, [[], [], ["c2"]])


def test_a_request_id_is_not_needed_to_cite(first, start_server):
    """Whoever may read the data may have the result by its id, without a token."""
    api = MatrixApi(start_server(first.data))
    accepted = ask(api.url + "/v1/matrix", "POST", {"where": "true", "format": "csv"},
                   {"Content-Type": "application/json", **api.server.headers()})
    request = ask(f"{api.url}/v1/matrix/{accepted.json()['request_id']}",
                  headers=api.server.headers()).json()
    assert api.get(f"/v1/matrix/{request['request_id']}").status == 404  # the administrator's
    api.follow_job(request["job"])
    assert fetch(api, request["query_hash"])


@pytest.mark.parametrize("format", ["h5ad", "csv"])
def test_each_asker_has_the_fields_in_the_order_asked(first, start_server, format):
    """Also of a selection that is kept; its id gives the order in which it was asked first."""
    api = MatrixApi(start_server(first.data))
    cells = {"op": "!=", "field": "cell_id", "value": "c3"}
    orders = [["barcode", "total_umis"], ["total_umis", "barcode"]]
    made = [api.matrix(cells, format=format, fields=fields) for fields in orders]
    assert made[0]["query_hash"] == made[1]["query_hash"]
    contents = [api.get(done["matrix_url"].removeprefix(api.url)).content for done in made]
    for content, fields in zip(contents, orders):
        assert columns_of(content, format) == fields
    assert fetch(api, made[1]["query_hash"]) == contents[0]


def columns_of(content, format):
    if format == "csv":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            [name] = [name for name in archive.namelist() if name.endswith("cells.csv")]
            return archive.read(name).decode().splitlines()[0].split(",")[1:]
    import h5py
    with h5py.File(io.BytesIO(content)) as file:
        return list(file["obs"].attrs["column-order"])
