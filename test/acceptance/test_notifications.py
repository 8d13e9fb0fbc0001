"""POST /dss/notification as the data store sends it: signed, repeated, in any order."""
import base64
import email.utils
import hashlib
import hmac
import json
import threading

import pytest

from api import MatrixApi, ask
from cli import OPTIMUS

KEY = b"a key that both know"
UUID, VERSION = OPTIMUS.split(".", 1)
TABLES = ["cell_all", "expression_all", "analysis", "donor", "specimen", "cell_suspension",
          "library_preparation", "project", "publication", "contributor"]


@pytest.fixture
def api(start_server, whole_optimus, tmp_path):
    key = tmp_path / "hmac.key"
    key.write_bytes(KEY + b"\n")
    key.chmod(0o600)
    return MatrixApi(start_server(environment={
        "STROMA_DSS_HMAC_KEY_FILE": str(key), "STROMA_DSS_URL": str(whole_optimus.parent)}))


def notify(api, kind, number=0, key=KEY, version=VERSION):
    """One signed event; `number` makes it another one."""
    body = json.dumps({"event_type": kind, "subscription_id": "s", "transaction_id": str(number),
                       "match": {"bundle_uuid": UUID, "bundle_version": version}}).encode()
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    date = email.utils.formatdate(usegmt=True)
    text = f"(request-target): post /dss/notification\ndate: {date}\ndigest: {digest}"
    signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    return ask(api.url + "/dss/notification", "POST", body, {
        "Date": date, "Digest": digest, "Content-Type": "application/json", "Authorization":
        'Signature keyId="k",algorithm="hmac-sha256",headers="(request-target) date digest",'
        f'signature="{signature}"'}).status


def settle(api):
    """Follows every bundle job to its end; gives their outcomes, the newest first."""
    headers = api.server.headers()

    def jobs():
        return ask(api.url + "/v1/jobs?all=true&stage=bundle", headers=headers).json()["jobs"]
    for job in jobs():
        api.follow_job(job["id"])
    return jobs()


def rows(api, table):
    [[count]] = api.sql(f"select count(*) from {table}", api.server.headers())
    return count


def test_32_a_signed_create_loads_the_bundle_and_no_other_does(api):
    assert notify(api, "CREATE", key=b"another") == 401
    assert ask(api.url + "/dss/notification", "POST", {"event_type": "CREATE"}).status == 401
    assert settle(api) == [] and rows(api, "cell_all") == 0
    assert notify(api, "CREATE") == 200
    assert [job["state"] for job in settle(api)] == ["succeeded"]
    assert rows(api, "cell_all") == 11134 and rows(api, "expression_all") == 103445


def test_33_repeats_in_parallel_load_it_once(api):
    statuses = []
    threads = [threading.Thread(target=lambda n=n: statuses.append(notify(api, "CREATE", n)))
               for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 5
    assert {job["state"] for job in settle(api)} == {"succeeded"}
    assert rows(api, "cell_all") == 11134 and rows(api, "analysis") == 1


def test_33_a_delete_that_comes_first_keeps_the_bundle_out(api):
    assert notify(api, "DELETE") == 200
    settle(api)
    assert notify(api, "CREATE") == 200
    assert {job["state"] for job in settle(api)} == {"succeeded"}
    assert rows(api, "cell_all") == 0


def test_34_a_delete_and_a_tombstone_leave_no_orphan(api):
    notify(api, "CREATE")
    settle(api)
    assert rows(api, "cell_all") == 11134
    assert notify(api, "DELETE") == 200 and notify(api, "TOMBSTONE") == 200
    assert {job["state"] for job in settle(api)} == {"succeeded"}
    assert {table: rows(api, table) for table in TABLES} == dict.fromkeys(TABLES, 0)
