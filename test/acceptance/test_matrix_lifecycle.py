"""Results over time: new data, new versions of a bundle, expiry, failure, names not to be seen."""
import hashlib
import json
import uuid

import pytest

from api import MatrixApi, ask, compare, join
from cli import OPTIMUS, read_any
from hca import copied, download, make_smartseq2

OPT = compare("=", "dss_bundle_fqid", OPTIMUS)
UUID, VERSION = OPTIMUS.split(".", 1)
NEXT = UUID + ".2019-06-08T101500.000000Z"
EVERY_CELL = compare(">=", "genes_detected", 1)


@pytest.fixture
def data(run, whole_optimus, tmp_path):
    run("import", whole_optimus, "--public", data=tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def next_version(shared_data, tmp_path):
    """The fixture that was cut to five cells, as a later version of the whole bundle."""
    return copied(shared_data / "hca-bundles/matrix-service/etl/optimus_bundle.version",
                  tmp_path / NEXT)


def keys(api, column):
    return {row[0] for row in api.sql(f"select {column} from cell_all")}


def test_35_a_new_version_takes_the_place_of_the_old_one(start_server, run, data, next_version,
                                                         whole_optimus, expected, tmp_path):
    api = MatrixApi(start_server(data))
    [[former]] = api.sql("select revision from dataset")
    former_keys, stable_keys = keys(api, "cellkey"), keys(api, "stable_cellkey")
    run("import", next_version, "--public", data=data)

    assert api.sql("select bundle_fqid, cells, revision_number from dataset") == [[NEXT, 5, 2]]
    for table in ["cell_all", "analysis", "donor", "specimen", "cell_suspension"]:
        assert {row[0] for row in api.sql(
            f"select distinct bundle_version from provenance where table_name = '{table}'")} <= {
                NEXT.split(".", 1)[1]}
    assert len(keys(api, "cellkey")) == 5 and not keys(api, "cellkey") & former_keys
    assert keys(api, "stable_cellkey") < stable_keys  # the same over versions
    assert api.cells(OPT) == 0
    assert api.cells(compare("=", "bundle_uuid", UUID)) == 5

    # The former version is there for who names its revision.
    accepted = api.post("/v1/matrix", {"revision": former, "format": "h5ad"})
    assert accepted.status == 202, accepted.content
    done = api.finished(accepted.json()["request_id"])
    matrix, _, _ = read_any(download(done, tmp_path))
    golden = expected["optimus_original"]
    assert matrix.shape == (golden["barcodes"], golden["genes"])
    assert matrix.sum() == golden["sum"]
    out = tmp_path / "former.h5ad"
    run("matrix", "--revision", former, "--fields", "barcode,total_umis", "-o", out, data=data)
    assert read_any(out)[0].sum() == golden["sum"]

    # It doesn't come back by being sent again.
    refused = run("import", whole_optimus, data=data, fails=True)
    assert "nothing was changed" in refused.stderr
    assert len(keys(api, "cellkey")) == 5


def test_35_a_revision_is_only_for_who_may_read_its_dataset(start_server, run, whole_optimus,
                                                            tmp_path):
    run("import", whole_optimus, data=tmp_path / "data")
    api = MatrixApi(start_server(tmp_path / "data"))
    [[revision]] = api.sql("select revision from dataset", api.server.headers())
    answers = [api.post("/v1/matrix", {"revision": name}) for name in [revision, str(uuid.uuid4())]]
    assert [answer.status for answer in answers] == [404, 404]


def test_37_new_data_make_a_new_result_and_leave_the_old_one(start_server, run, data, shared_data,
                                                             tmp_path):
    api = MatrixApi(start_server(data))
    before = api.matrix(EVERY_CELL, format="csv")
    old_bytes = ask(before["matrix_url"]).content
    run("import", make_smartseq2(shared_data, tmp_path), "--public", data=data)
    after = api.matrix(EVERY_CELL, format="csv")
    assert after["data_version"] > before["data_version"]
    assert after["query_hash"] != before["query_hash"]
    assert (before["cells"], after["cells"]) == (16, 17)
    assert ask(before["matrix_url"]).content == old_bytes
    assert hashlib.sha256(old_bytes).hexdigest() == before["sha256"]
    again = api.get(f"/v1/matrix/{before['request_id']}").json()
    assert (again["status"], again["data_version"]) == ("Complete", before["data_version"])


def test_37_an_annotation_makes_a_new_result_too(start_server, run, data, shared_data):
    api = MatrixApi(start_server(data))
    before = api.matrix(OPT, format="mtx")
    run("import", shared_data / "hca-bundles/matrix-service/etl/annotation.gtf", data=data)
    after = api.matrix(OPT, format="mtx")
    assert after["data_version"] > before["data_version"]
    assert after["query_hash"] != before["query_hash"]


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_38_a_result_expires_for_good_and_can_be_renewed(start_server, data, version):
    api = MatrixApi(start_server(data, environment={"STROMA_MATRIX_RETENTION": "4s"}))
    order = {"bundle_fqids": [OPTIMUS]} if version == "v0" else OPT
    done = api.matrix(order, version, format="mtx")
    url = done["matrix_location" if version == "v0" else "matrix_url"]
    path = f"/{version}/matrix/{done['request_id']}"
    while api.get(path).json()["status"] == "Complete":
        pass
    for _ in range(2):
        told = api.get(path).json()
        assert told["status"] == "Expired", told
        assert "POST" in told["message"] and "again" in told["message"]
        gone = ask(url)
        assert gone.status in (404, 410) and gone.json()["message"]
    renewed = api.matrix(order, version, format="mtx")
    assert renewed["status"] == "Complete", renewed
    assert renewed["request_id"] != done["request_id"]
    assert renewed["query_hash"] == done["query_hash"]
    assert (renewed["cells"], renewed["nonzeros"]) == (done["cells"], done["nonzeros"])


def test_a_failed_request_is_never_the_answer_to_a_later_one(start_server, data):
    api = MatrixApi(start_server(data))
    order = {"bundle_fqids": [f"{uuid.uuid4()}.1"]}
    one, two = api.matrix(order, "v0"), api.matrix(order, "v0")
    assert one["query_hash"] == two["query_hash"]
    assert (one["status"], two["status"]) == ("Failed", "Failed")
    assert one["job"] != two["job"]


def test_names_of_private_columns_are_as_good_as_unknown(start_server, run, data, make_h5ad,
                                                         tmp_path):
    import anndata
    path = make_h5ad("secret.h5ad", ["G"], ["c"], [1])
    secret = anndata.read_h5ad(path)
    secret.obs["secret_plan"] = ["x"]
    secret.write_h5ad(path)
    run("import", path, data=data)
    api = MatrixApi(start_server(data))
    for body in [{"filter": OPT, "fields": ["{}"]}, {"filter": compare("=", "{}", "x")}]:
        answers = []
        for name in ["secret_plan", "no_such_plan"]:
            asked = json.loads(json.dumps(body).replace("{}", name))
            answer = api.post("/v1/matrix", asked)
            answers.append((answer.status, answer.content.decode().replace(name, "").split(
                '"request_id"')[0]))
            own = ask(api.url + "/v1/matrix", "POST", asked, api.server.headers())
            assert own.status == (202 if name == "secret_plan" else 400), own.content
        assert answers[0] == answers[1] and answers[0][0] == 400
    shown = api.post("/v1/sql", {"statement": "select secret_plan from cells"})
    assert shown.status == 400


def test_n4_the_percentage_never_falls(start_server, run, stroma_binary, tmp_path):
    """As an asker sees it while a conversion runs."""
    file = tmp_path / "many.h5ad"
    run("demo", "--cells", "20000", "--genes", "3000", "-o", file)
    run("import", file, "--public", data=tmp_path / "data")
    api = MatrixApi(start_server(tmp_path / "data"))
    request = api.post("/v1/matrix", {"where": "true", "format": "mtx"}).json()["request_id"]
    seen = []
    while True:
        told = api.get(f"/v1/matrix/{request}").json()
        seen.append(told["percentage"])
        if told["status"] != "In Progress":
            break
        assert told["eta"] == "" or told["eta"].endswith("Z")
    assert told["status"] == "Complete" and seen[-1] == 100
    assert seen == sorted(seen) and all(0 <= one <= 99 for one in seen[:-1])
    assert len(set(seen)) > 2, seen  # something was told on the way
