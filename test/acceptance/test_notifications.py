"""POST /dss/notification as the data store sends it: signed, repeated, in any order."""
import threading

import pytest

from api import ask
from cli import OPTIMUS
from dss import ended_jobs as settle
from dss import notify, start_api

TABLES = ["cell_all", "expression_all", "analysis", "donor", "specimen", "cell_suspension",
          "library_preparation", "project", "publication", "contributor"]


@pytest.fixture
def api(start_server, whole_optimus, tmp_path):
    return start_api(start_server, tmp_path, whole_optimus.parent)


def rows(api, table):
    [[count]] = api.sql(f"select count(*) from {table}", api.server.headers())
    return count


def test_32_a_signed_create_loads_the_bundle_and_no_other_does(api):
    assert notify(api, "CREATE", OPTIMUS, key=b"another") == 401
    assert ask(api.url + "/dss/notification", "POST", {"event_type": "CREATE"}).status == 401
    assert settle(api) == [] and rows(api, "cell_all") == 0
    assert notify(api, "CREATE", OPTIMUS) == 200
    assert [job["state"] for job in settle(api)] == ["succeeded"]
    assert rows(api, "cell_all") == 11134 and rows(api, "expression_all") == 103445


def test_33_repeats_in_parallel_load_it_once(api):
    statuses = []
    threads = [threading.Thread(
        target=lambda n=n: statuses.append(notify(api, "CREATE", OPTIMUS, n))) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 5
    assert {job["state"] for job in settle(api)} == {"succeeded"}
    assert rows(api, "cell_all") == 11134 and rows(api, "analysis") == 1


def test_33_a_delete_that_comes_first_keeps_the_bundle_out(api):
    assert notify(api, "DELETE", OPTIMUS) == 200
    settle(api)
    assert notify(api, "CREATE", OPTIMUS) == 200
    assert {job["state"] for job in settle(api)} == {"succeeded"}
    assert rows(api, "cell_all") == 0


def test_34_a_delete_and_a_tombstone_leave_no_orphan(api):
    notify(api, "CREATE", OPTIMUS)
    settle(api)
    assert rows(api, "cell_all") == 11134
    assert notify(api, "DELETE", OPTIMUS) == 200 and notify(api, "TOMBSTONE", OPTIMUS) == 200
    assert {job["state"] for job in settle(api)} == {"succeeded"}
    assert {table: rows(api, table) for table in TABLES} == dict.fromkeys(TABLES, 0)
