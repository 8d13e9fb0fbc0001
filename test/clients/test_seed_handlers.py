"""The loader utilities' own handlers, unmodified, against the AWS port: only where
STROMA_SEED_HANDLERS names a folder with loader.js, retry_microbatch.js and bulk_loader.js of
github.com/jmgtan/redshift_microbatch at c231474, and `npm ci` done in it. The handler waits half a
minute by itself."""
import json
import os
import pathlib
import subprocess

import pytest

import test_redshift_data as data_api
from test_redshift_data import ROLE, aws

SEED = os.environ.get("STROMA_SEED_HANDLERS")
pytestmark = pytest.mark.skipif(not SEED, reason="STROMA_SEED_HANDLERS names no folder")
RUN = pathlib.Path(__file__).with_name("run_handler.js")
api, s3, failures = data_api.api, data_api.s3, data_api.failures
connection = data_api.connection


@pytest.fixture
def handle(api):
    """handle(file, event): what the handler answers."""
    def run(file, event, **environment):
        done = subprocess.run(
            ["node", RUN, SEED, file, aws.address_of(api.server)], input=json.dumps(event),
            capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "COPY_IAM_ROLE_ARN": ROLE, **environment})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


def notified(*bodies):
    return {"Records": [{"eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:orders_queue",
                         "body": body} for body in bodies]}


def test_loader_retry_and_bulk_run_as_they_are(api, s3, failures, connection, handle):
    s3.put_object(Bucket="lake", Key="configs/orders_queue.json", Body=json.dumps({
        "output": {"manifest_bucket": "lake", "manifest_prefix": "manifests/"},
        "copy": {"options": "statupdate on", "role_arn": ROLE, "table_name": "orders"},
        "cluster": {"identifier": "lab", "db_name": "dev"},
        "options": {"merge_duplicate_pks": True, "merge_pk": "id",
                    "merge_timestamp": "updated"}}))
    api.done("CREATE TABLE orders(id INTEGER, updated TIMESTAMP, status VARCHAR)")
    first = data_api.parquet(api, s3, "in/first", [(1, "2026-01-01 00:00:00", "new"),
                                                   (2, "2026-01-01 00:00:00", "new")])
    second = data_api.parquet(api, s3, "in/second", [(2, "2026-01-02 00:00:00", "paid"),
                                                     (1, "2025-01-01 00:00:00", "old")])
    where = {"CONFIG_BUCKET": "lake", "CONFIG_PREFIX": "configs"}
    [told] = handle("loader.js", notified(first, second), **where)["data_api_responses"]
    said = api.over(told["statement_id"])
    assert said["Status"] == "FINISHED", said
    assert told["statement_name"].startswith("dev/orders_")
    s3.head_object(Bucket="lake", Key=told["manifest_file"])
    wanted = [[1, "new"], [2, "paid"]]
    assert api.rows("SELECT id, status FROM orders ORDER BY id") == wanted

    # A batch that loses against another is told as an event, which the second handler is given.
    api.done("CREATE TABLE held(a INTEGER)")
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK held")
        batch = api.client.batch_execute_statement(
            Sqls=["SELECT count(*) FROM orders", "LOCK held",
                  "DELETE FROM orders WHERE status = 'old'"],
            StatementName="dev/orders_conflict", WithEvent=True, **data_api.WHERE)["Id"]
        data_api.until(lambda: api.client.describe_statement(Id=batch)["SubStatements"][1]["Status"]
                       == "STARTED")
        cursor.execute("INSERT INTO orders VALUES(3, '2026-01-01', 'old')")
        cursor.execute("COMMIT")
    again = handle("retry_microbatch.js", failures())
    assert again["retry_statement_id"] == batch
    assert api.over(again["statement_id"])["Status"] == "FINISHED"
    assert api.rows("SELECT id, status FROM orders ORDER BY id") == wanted

    bulk = {"paths": [{"s3_path": "s3://lake/in/second", "table": "orders", "options": {
                "merge_duplicate_pks": True, "merge_pk": "id", "merge_timestamp": "updated"}}],
            "copy": {"role_arn": ROLE}, "cluster": {"identifier": "lab", "db_name": "dev"}}
    for _ in range(2):
        for one in handle("bulk_loader.js", bulk) or []:
            assert api.over(one["statement_id"])["Status"] == "FINISHED"
    assert api.rows("SELECT id, status FROM orders ORDER BY id") == wanted
