"""What is wrong with a bundle or its notification is said, nothing of it is stored, and what was
there stays. The number in a test's name is that of docs/bad-inputs.md."""
import concurrent.futures
import hashlib
import json

import pytest

from bundles import make_bundle
from cli import Stroma
from dss import ended_jobs as jobs
from dss import notify, start_api

TABLES = ["dataset", "cell_all", "expression_all", "analysis", "donor", "specimen",
          "cell_suspension", "library_preparation", "project", "document", "file", "provenance",
          "stl_load_commits"]


@pytest.fixture
def source(tmp_path):
    return tmp_path / "source"


@pytest.fixture
def bundle(shared_data, source):
    """The folder of a bundle of 100 cells, with its manifest beside it."""
    folder = make_bundle(shared_data, source, 7, 1)
    write_manifest(folder)
    return folder


def write_manifest(folder, **changed):
    """Lists the folder's files as the data store would; `changed` are members of the matrix's."""
    uuid, version = folder.name.split(".", 1)
    files = []
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        files.append({"name": path.name, "uuid": uuid, "version": version, "size": len(content),
                      "indexed": path.suffix == ".json", "content-type": "application/json",
                      "sha256": hashlib.sha256(content).hexdigest(),
                      **(changed if path.name == "matrix.mtx" else {})})
    folder.with_name(folder.name + ".json").write_text(json.dumps(
        {"bundle": {"uuid": uuid, "version": version, "files": files}}))


@pytest.fixture
def api(start_server, source, tmp_path):
    return start_api(start_server, tmp_path, source, STROMA_JOBS_ATTEMPTS_MAX="2")


def rows(api):
    counts = ", ".join(f"(select count(*) from {table})" for table in TABLES)
    return dict(zip(TABLES, api.sql(f"select {counts}", api.server.headers())[0]))


NOTHING = dict.fromkeys(TABLES, 0)


def test_47_a_file_that_differs_from_the_manifest(api, bundle, tmp_path, stroma_binary):
    write_manifest(bundle, sha256="0" * 64)
    assert notify(api, "CREATE", bundle.name) == 200
    [job] = jobs(api)
    assert job["state"] == "failed" and rows(api) == NOTHING
    assert "matrix.mtx" in job["error"]["message"] and "0" * 64 in job["error"]["message"]
    stroma = Stroma(stroma_binary, tmp_path / "own")
    refused = stroma.run("import", bundle, check=False)
    assert refused.returncode == 2 and "matrix.mtx" in refused.stderr
    assert stroma.json("dataset", "list") == []

    write_manifest(bundle)  # the source is mended: the job runs again
    answer = api.server.post(f"/v1/jobs/{job['id']}/retry")
    assert answer.status_code == 200, answer.text
    assert [one["state"] for one in jobs(api)] == ["succeeded"]
    assert rows(api)["cell_all"] == 100


def test_48_a_missing_file_or_bundle_is_tried_again_and_then_given_up(api, bundle):
    (bundle / "matrix.mtx").unlink()
    assert notify(api, "CREATE", bundle.name) == 200
    gone = bundle.name.replace(bundle.name[0], "0" if bundle.name[0] != "0" else "1", 1)
    assert notify(api, "CREATE", gone) == 200
    by_title = {job["title"]: job for job in jobs(api)}
    lost, absent = (by_title["CREATE bundle " + name.split(".")[0]] for name in
                    (bundle.name, gone))
    assert lost["state"] == "failed" and "matrix.mtx" in lost["error"]["message"]
    assert absent["state"] == "failed" and absent["attempt"] == 2
    assert gone in absent["error"]["message"] and rows(api) == NOTHING


def test_49_a_create_older_than_a_deleted_version_changes_nothing(api, bundle):
    uuid, version = bundle.name.split(".", 1)
    assert notify(api, "DELETE", f"{uuid}.2021{version[4:]}") == 200
    jobs(api)
    assert notify(api, "CREATE", bundle.name) == 200
    assert [job["state"] for job in jobs(api)] == ["succeeded"] * 2
    assert jobs(api)[0]["outputs"]["outcome"] == "no change" and rows(api) == NOTHING


def test_50_a_delete_of_an_unknown_bundle_is_remembered(api, bundle):
    assert notify(api, "DELETE", bundle.name) == 200
    assert [job["outputs"]["outcome"] for job in jobs(api)] == ["remembered"]
    assert notify(api, "DELETE", bundle.name, 1) == 200
    assert jobs(api)[0]["outputs"]["outcome"] == "no change"
    assert notify(api, "CREATE", bundle.name, 2) == 200
    assert jobs(api)[0]["outputs"]["outcome"] == "no change" and rows(api) == NOTHING


def test_51_ten_identical_creates_at_once_are_one_load(api, bundle):
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert set(pool.map(lambda n: notify(api, "CREATE", bundle.name, n), range(10))) == {200}
    ended = jobs(api)
    assert len(ended) == 10 and {job["state"] for job in ended} == {"succeeded"}
    outcomes = [job["outputs"].get("outcome", "loaded") for job in ended]
    assert (outcomes.count("loaded"), outcomes.count("no change")) == (1, 9)
    loaded = rows(api)
    assert (loaded["cell_all"], loaded["analysis"], loaded["stl_load_commits"]) == (100, 1, 1)


@pytest.mark.parametrize("off", [{"key": b"another"}, {"seconds_off": -20 * 60},
                                 {"seconds_off": 20 * 60}], ids=["forged", "late", "early"])
def test_52_a_notification_that_is_not_signed_now_is_not_queued(api, bundle, off):
    before = api.metric("stroma_notifications_total")
    assert notify(api, "CREATE", bundle.name, **off) in (401, 403)
    assert jobs(api) == [] and rows(api) == NOTHING
    assert api.metric("stroma_notifications_total") == before + 1


def test_52_a_replayed_notification_is_answered_and_not_queued_again(api, bundle):
    assert notify(api, "CREATE", bundle.name) == 200
    assert notify(api, "CREATE", bundle.name) == 200  # the same second, so the same bytes, or not
    assert len({job["outputs"].get("outcome", "loaded") for job in jobs(api)} & {"loaded"}) == 1
    assert rows(api)["stl_load_commits"] == 1


def test_the_version_that_a_notification_names_is_the_one_that_is_loaded(api, bundle, shared_data,
                                                                         source):
    """The old service asked for the newest whatever was told."""
    later = make_bundle(shared_data, source / "later", 7, 1)
    write_manifest(later.rename(source / bundle.name.replace("2020-", "2021-")))
    assert notify(api, "CREATE", bundle.name) == 200
    assert [job["state"] for job in jobs(api)] == ["succeeded"]
    assert api.sql("select bundle_fqid from dataset", api.server.headers()) == [[bundle.name]]
