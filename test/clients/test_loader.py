"""The loader: objects that queues tell of become rows, each once. The seed's configurations and
its twenty-one defects, each as it must not be here; docs/seed-defects.md lists them."""
import datetime
import decimal
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "acceptance"))
import aws  # noqa: E402

psycopg2 = pytest.importorskip("psycopg2")
WAIT_SECONDS_MAX = 120
PAUSE = threading.Event()
ROLE = "arn:aws:iam::000000000000:role/copy"


def wait_until(what, expected=True):
    """Until what() gives that; else the last it gave is the failure."""
    until = time.monotonic() + WAIT_SECONDS_MAX
    while (found := what()) != expected:
        assert time.monotonic() < until, f"{found!r}, not {expected!r}"
        PAUSE.wait(0.05)


class Lake:
    """A server with a loader, and its clients as an administrator."""
    # Where tables and the ledger lie: None in the program, else a server that makes databases.
    postgres = None

    def __init__(self, start, run, data, configs, **environment):
        self.run, self.data, self.configs, self.environment = run, data, configs, environment
        self.start, self.key, self.connection = start, None, None
        configs.mkdir()
        self.elsewhere = self.postgres.new_database() if self.postgres else None
        self.database = ["--set", f"loader.database={self.elsewhere.uri}"] if self.postgres else []
        self.up()
        self.s3.create_bucket(Bucket="lake")

    def up(self):
        place = [] if self.environment else ["--set", f"loader.configs={self.configs}"]
        place += self.database
        self.server = self.start(self.data, "--aws", "127.0.0.1:0", "--postgres", "127.0.0.1:0",
                                 "--set", "loader.interval=100ms", *place,
                                 environment=self.environment)
        if self.key is None:
            self.run("user", "add", "ada", "--administrator", data=self.data)
            made = json.loads(self.run("key", "create", "ada", "--json", data=self.data).stdout)
            self.key = type("Key", (), made)
        self.s3, self.sqs = (aws.client(self.server, self.key, name) for name in ("s3", "sqs"))
        self.connection = None

    def kill(self):
        self.server.process.kill()
        self.server.process.wait()

    def connect(self):
        if self.elsewhere:
            return self.elsewhere.connect()
        told = json.loads((pathlib.Path(self.data) / "server.json").read_text())
        host, port = told["postgres"].rsplit(":", 1)
        return psycopg2.connect(host=host, port=int(port), user="admin", dbname="dev",
                                password=told["token"], connect_timeout=60)

    def sql(self, text, *values):
        if self.connection is None:
            self.connection = self.connect()
            self.connection.autocommit = True
        cursor = self.connection.cursor()
        cursor.execute(text.replace("SUPER", "jsonb") if self.elsewhere else text, values or None)
        return cursor.fetchall() if cursor.description else None

    def rows(self, table, order="1, 2"):
        return self.sql(f"SELECT * FROM {table} ORDER BY {order}")

    def queue(self, name, **attributes):
        """A queue whose messages come back after two seconds."""
        url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "2",
                                                                **attributes})["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def notify(self, *arns, prefixes=None):
        prefixes = prefixes or [arn.rsplit(":", 1)[1] + "/" for arn in arns]
        known = self.s3.get_bucket_notification_configuration(Bucket="lake")
        rules = known.get("QueueConfigurations", [])
        for arn, prefix in zip(arns, prefixes):
            rules.append({"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {
                "Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}})
        self.s3.put_bucket_notification_configuration(
            Bucket="lake", NotificationConfiguration={"QueueConfigurations": rules})

    def config(self, name, table=None, copy="CSV", key="id", merge=True, **more):
        options = {"merge_duplicate_pks": merge, "merge_pk": key, "merge_timestamp": "at"}
        return {"output": {"manifest_bucket": "lake", "manifest_prefix": f"manifests/{name}/"},
                "copy": {"options": copy, "role_arn": ROLE, "table_name": table or name,
                         **more.pop("copy_more", {})},
                "cluster": {"identifier": "c", "db_name": "dev"},
                "options": options if key else {}, **more}

    def give(self, name, config):
        path = self.configs / f".{name}.part"
        path.write_text(json.dumps(config))
        path.rename(self.configs / f"{name}.json")

    def table(self, name, columns="id INTEGER, at TIMESTAMP, what VARCHAR(50)", dead=None, **how):
        """A table, its queue that is told of what lies below its name, and its configuration."""
        self.sql(f"CREATE TABLE {name}({columns})")
        redrive = {} if dead is None else {"RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": dead, "maxReceiveCount": 1000})}
        url, arn = self.queue(name, **redrive)
        self.notify(arn)
        self.give(name, self.config(name, **how))
        return url

    def put(self, key, body):
        return self.s3.put_object(Bucket="lake", Key=key, Body=body)["ETag"].strip('"')

    def waiting(self, url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def wait_for_empty(self, url):
        wait_until(lambda: self.waiting(url), 0)

    def keys(self, prefix):
        listed = self.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])
        return [one["Key"] for one in listed]

    def body(self, key):
        return self.s3.get_object(Bucket="lake", Key=key)["Body"].read()

    def state(self, name):
        told = json.loads(self.run("load", "--json", data=self.data).stdout)
        return next((one for one in told if one["name"] == name), None)


def event_of(*objects, bucket="lake", name="ObjectCreated:Put"):
    """The message that S3 sends, with a record for each (key, etag, size)."""
    return json.dumps({"Records": [
        {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name,
         "eventTime": "2026-11-22T08:00:00.000Z",
         "s3": {"bucket": {"name": bucket},
                "object": {"key": urllib.parse.quote_plus(key, safe="/"), "eTag": etag,
                           "size": size}}}
        for key, etag, size in objects]})


def line(number, day=1, what="x"):
    return f"{number},2026-01-{day:02},{what}\n"


def ids(lake, table):
    return [row[0] for row in lake.sql(f"SELECT id FROM {table} ORDER BY 1")]


@pytest.fixture(scope="module")
def lake(start_module_server, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("loader")
    return Lake(start_module_server, run, folder / "data", folder / "configs")


def test_b1_messages_go_when_rows_are_committed_and_a_kill_loses_none(
        start_server, run, tmp_path):
    lake = Lake(start_server, run, tmp_path / "data", tmp_path / "configs")
    url = lake.table("orders")
    holder = lake.connect()
    holder.cursor().execute("LOCK orders" + (" IN EXCLUSIVE MODE" if lake.elsewhere else ""))
    lake.put("orders/a.csv", line(1))
    # What S3 sends to try the queue, and the object's.
    wait_until(lambda: (lake.state("orders") or {"messages": 0})["messages"] >= 2)
    assert lake.waiting(url) >= 1 and ids(lake, "orders") == []  # taken, and not acknowledged
    lake.kill()
    holder.close()
    lake.up()
    wait_until(lambda: ids(lake, "orders"), [1])
    lake.wait_for_empty(url)
    # In a server's place the verb does what waits.
    assert lake.server.stop() == 0
    told = json.loads(run("load", "--config", lake.configs / "orders.json", "--json",
                          *lake.database, data=lake.data).stdout)
    assert told["waiting"] == 0 and told["refused"] == 0


def test_b2_a_manifest_holds_its_own_batch(lake):
    url = lake.table("b2")
    for number in range(3):
        lake.put(f"b2/{number}.csv", line(number))
        wait_until(lambda: len(ids(lake, "b2")), number + 1)
    lake.wait_for_empty(url)
    manifests = [json.loads(lake.body(key)) for key in lake.keys("manifests/b2/")]
    urls = [entry["url"] for manifest in manifests for entry in manifest["entries"]]
    assert sorted(urls) == [f"s3://lake/b2/{number}.csv" for number in range(3)]
    assert all(entry["mandatory"] and entry["meta"]["content_length"] == len(line(0))
               for manifest in manifests for entry in manifest["entries"])


def test_b3_every_record_of_a_message_is_read(lake):
    url = lake.table("b3")
    told = [(f"elsewhere/b3-{n}.csv", lake.put(f"elsewhere/b3-{n}.csv", line(n)), 9)
            for n in range(3)]
    lake.sqs.send_message(QueueUrl=url, MessageBody=event_of(*told))
    wait_until(lambda: ids(lake, "b3"), [0, 1, 2])


def test_b4_keys_are_decoded_as_they_are_encoded(lake):
    url = lake.table("b4")
    for number, key in enumerate(["a b@c.csv", "a+b.csv", "%2B é.csv", "100%.csv"]):
        lake.put(f"b4/{key}", line(number))
    wait_until(lambda: ids(lake, "b4"), [0, 1, 2, 3])
    lake.wait_for_empty(url)


def test_b5_what_is_gone_does_not_keep_the_rest(lake):
    url = lake.table("b5")
    told = [("elsewhere/gone.csv", "0" * 32, 9),
            ("elsewhere/b5.csv", lake.put("elsewhere/b5.csv", line(5)), 9)]
    lake.sqs.send_message(QueueUrl=url, MessageBody=event_of(*told))
    wait_until(lambda: ids(lake, "b5"), [5])
    lake.wait_for_empty(url)
    assert lake.sql("SELECT \"key\" FROM stroma_load_ledger WHERE target = 'public.b5' AND "
                    "status = 'missing'") == [("elsewhere/gone.csv",)]


def test_b8_b9_b10_ties_nulls_and_history(lake):
    first, second = lake.table("b8"), lake.table("b10", merge=False)
    lake.put("b8/a.csv", line(1, 1, "a") + line(1, 1, "b") + "2,,undated\n,2026-01-01,keyless\n")
    lake.put("b10/a.csv", line(1, 1) + line(1, 2) + line(1, 2) + line(1, 3))
    lake.wait_for_empty(first)
    lake.wait_for_empty(second)
    assert lake.sql("SELECT id, what FROM b8 ORDER BY 1") == [(1, "b"), (2, "undated")]
    assert lake.sql("SELECT filename, line_number, colname, err_code FROM stl_load_errors WHERE "
                    "table_name = 'public.b8'") == [("s3://lake/b8/a.csv", 4, "id", 1213)]
    assert [row[1].day for row in lake.rows("b10")] == [1, 2, 3]


def test_b11_keys_of_several_columns_and_names_that_are_only_names(lake):
    lake.table("b11", "id INTEGER, at TIMESTAMP, what VARCHAR(50)", key=["id", "what"])
    lake.put("b11/a.csv", line(1, 1, "x") + line(1, 2, "x") + line(1, 1, "y"))
    wait_until(lambda: len(ids(lake, "b11")), 2)
    lake.table("b11b", key='id"; DROP TABLE b11; --')
    wait_until(lambda: lake.state("b11b") is not None)
    lake.put("b11b/a.csv", line(1))
    wait_until(lambda: "which the loader's options name" in lake.state("b11b")["error"])
    assert len(ids(lake, "b11")) == 2


def test_b12_columns_that_distinct_cannot_compare(lake):
    lake.table("b12", "id INTEGER, at TIMESTAMP, what SUPER", copy="JSON 'auto'")
    rows = [{"id": 1, "at": "2026-01-01", "what": {"a": [1, 2]}},
            {"id": 1, "at": "2026-01-02", "what": {"a": [3]}}]
    lake.put("b12/a.json", "\n".join(map(json.dumps, rows)))
    wait_until(lambda: lake.sql("SELECT id, json_serialize(what) FROM b12"), [(1, '{"a": [3]}')])


def test_b13_the_object_counts_and_not_what_its_event_said(lake):
    url = lake.table("b13")
    lake.put("elsewhere/b13.csv", line(1))
    told = ("elsewhere/b13.csv", "f" * 32, 99_999)
    lake.put("elsewhere/b13.csv", line(2) + line(3))
    lake.sqs.send_message(QueueUrl=url, MessageBody=event_of(told))
    wait_until(lambda: ids(lake, "b13"), [2, 3])
    etag = lake.s3.head_object(Bucket="lake", Key="elsewhere/b13.csv")["ETag"].strip('"')
    assert lake.sql("SELECT etag, bytes FROM stroma_load_ledger WHERE target = 'public.b13'") == [
        (etag, 2 * len(line(2)))]


def test_b14_a_table_of_a_schema_and_its_database(lake):
    lake.sql("CREATE SCHEMA sales")
    lake.sql("CREATE TABLE sales.b14(id INTEGER, at TIMESTAMP, what VARCHAR(50))")
    lake.notify(lake.queue("b14")[1])
    lake.give("b14", lake.config("b14", "dev.sales.b14"))
    lake.put("b14/a.csv", line(1))
    wait_until(lambda: ids(lake, "sales.b14"), [1])


def test_b15_b16_a_partition_is_replaced_exactly_and_again_without_a_change(lake, tmp_path):
    lake.sql("CREATE TABLE b15(id INTEGER, dt DATE)")

    def bulk(path, **more):
        file = tmp_path / "bulk.json"
        file.write_text(json.dumps({
            "paths": [{"s3_path": path, "table": "b15", "copy_options": "CSV", "options": {},
                       **more}],
            "copy": {"role_arn": ROLE}, "cluster": {"identifier": "c", "db_name": "dev"}}))
        return json.loads(lake.run("load", "--bulk", file, "--json",
                                   data=lake.data).stdout)["answer"][0]
    for day in (1, 10, 11):
        lake.put(f"b15/dt=2021-01-{day}/a.csv", f"{day},2021-01-{day}\n")
    assert bulk("s3://lake/b15/dt=2021-01-1")["rows"] == 1
    assert ids(lake, "b15") == [1]
    assert bulk("s3://lake/b15/dt=2021-01-10")["inserted"] == 1
    assert bulk("s3://lake/b15/dt=2021-01-10")["known"] == 1
    assert bulk("s3://lake/b15/*")["inserted"] == 1  # 11, by a prefix that is meant as one
    # Upstream one file went and another came.
    lake.put("b15/dt=2021-01-1/b.csv", "2,2021-01-1\n3,2021-01-1\n")
    lake.s3.delete_object(Bucket="lake", Key="b15/dt=2021-01-1/a.csv")
    replaced = bulk("s3://lake/b15/dt=2021-01-1", replace="partition")
    assert replaced["inserted"] == 2 and not replaced["unchanged"]
    assert ids(lake, "b15") == [2, 3, 10, 11]
    assert bulk("s3://lake/b15/dt=2021-01-1", replace="partition")["unchanged"]
    lake.s3.delete_object(Bucket="lake", Key="b15/dt=2021-01-1/b.csv")
    bulk("s3://lake/b15/dt=2021-01-1", replace={"dt": "2021-01-01"})
    assert ids(lake, "b15") == [10, 11]
    refused = lake.run("load", "--bulk", tmp_path / "none.json", data=lake.data, fails=True)
    assert "none.json" in refused.stderr


def test_bulk_goes_on_after_a_kill_and_ends_where_it_is_cancelled(
        start_server, run, stroma_binary, tmp_path):
    lake = Lake(start_server, run, tmp_path / "data", tmp_path / "configs")
    tables = ("first", "second", "third")
    for table in tables:
        lake.sql(f"CREATE TABLE {table}(id INTEGER, at TIMESTAMP)")
        lake.put(f"{table}/a.csv", "1,2026-01-01\n")
    file = tmp_path / "bulk.json"
    file.write_text(json.dumps({
        "paths": [{"s3_path": f"s3://lake/{table}", "table": table, "copy_options": "CSV"}
                  for table in tables],
        "copy": {"role_arn": ROLE}, "cluster": {"identifier": "c", "db_name": "dev"}}))

    def begin():
        """A bulk load that waits at its second path."""
        holder = lake.connect()
        holder.cursor().execute("LOCK second" + (" IN EXCLUSIVE MODE" if lake.elsewhere else ""))
        return holder, subprocess.Popen([stroma_binary, "load", "--bulk", file, "--data",
                                         lake.data], stderr=subprocess.DEVNULL)

    def states():
        told = requests.get(lake.server.url + "/internal/loader/bulk",
                            headers=lake.server.headers(), timeout=60).json()["bulks"]
        return sorted(one["state"] for one in told)
    holder, verb = begin()
    wait_until(lambda: ids(lake, "first"), [1])
    lake.kill()
    holder.close()
    assert verb.wait(60) != 0
    lake.up()
    wait_until(states, ["FINISHED"])
    assert [ids(lake, table) for table in tables] == [[1], [1], [1]]
    assert lake.sql("SELECT count(*) FROM stroma_load_ledger") == [(3,)]
    for table in tables:
        lake.put(f"{table}/b.csv", "2,2026-01-02\n")
    holder, verb = begin()
    wait_until(lambda: ids(lake, "first"), [1, 2])
    wait_until(states, ["FINISHED", "RUNNING"])
    verb.send_signal(signal.SIGINT)
    assert verb.wait(60) != 0
    wait_until(states, ["ABORTED", "FINISHED"])
    holder.close()
    assert [ids(lake, table) for table in tables] == [[1, 2], [1], [1]]
    # What was left out comes by the next, and nothing twice.
    lake.run("load", "--bulk", file, data=lake.data)
    assert [ids(lake, table) for table in tables] == [[1, 2]] * 3


def test_b17_nothing_stays_locked_after_a_failure(lake):
    url, arn = lake.queue("b17")
    lake.notify(arn)
    lake.give("b17", lake.config("b17"))
    lake.put("b17/a.csv", line(1))
    wait_until(lambda: (lake.state("b17") or {}).get("state"), "failing")
    assert "does not exist" in lake.state("b17")["error"]
    lake.sql("CREATE TABLE b17(id INTEGER, at TIMESTAMP, what VARCHAR(50))")
    wait_until(lambda: ids(lake, "b17"), [1])
    lake.wait_for_empty(url)


def test_b18_b19_b20_many_files_each_counted_by_what_it_is(lake):
    url = lake.table("b18")
    etags = {f"elsewhere/b18-{n}.csv": lake.put(f"elsewhere/b18-{n}.csv", line(n))
             for n in range(120)}
    told = [(key, etag, 9) for key, etag in etags.items()]
    lake.sqs.send_message(QueueUrl=url, MessageBody=event_of(*told))
    wait_until(lambda: len(ids(lake, "b18")), 120)
    lake.wait_for_empty(url)
    # One transaction for all, beyond the forty statements of a batch.
    assert lake.sql("SELECT count(*), sum(files) FROM stroma_loads WHERE target = 'public.b18'"
                    ) == [(1, 120)]
    known = lake.sql("SELECT \"key\", etag FROM stroma_load_ledger WHERE target = 'public.b18'")
    assert dict(known) == etags


def test_b21_readers_are_never_locked_out(lake):
    url = lake.table("b21")
    lake.put("b21/a.csv", line(1))
    wait_until(lambda: ids(lake, "b21"), [1])
    reader = lake.connect()
    reader.set_session(isolation_level="REPEATABLE READ")
    cursor = reader.cursor()
    cursor.execute("SELECT count(*) FROM b21")
    assert cursor.fetchone() == (1,)
    lake.put("b21/b.csv", line(2))
    wait_until(lambda: ids(lake, "b21"), [1, 2])  # while that transaction is open
    cursor.execute("SELECT count(*) FROM b21")
    assert cursor.fetchone() == (1,)
    reader.close()
    lake.wait_for_empty(url)


def test_row_71_configurations_lie_in_a_bucket_as_the_environment_says(
        start_server, run, tmp_path):
    lake = Lake(start_server, run, tmp_path / "data", tmp_path / "configs",
                CONFIG_BUCKET="lake", CONFIG_PREFIX="path/to/config/", COPY_IAM_ROLE_ARN=ROLE)
    lake.sql("CREATE TABLE orders(id INTEGER, at TIMESTAMP, what VARCHAR(50))")
    url, arn = lake.queue("orders_queue")
    lake.notify(arn)
    config = lake.config("orders_queue", "orders", copy="STATUPDATE ON")  # Parquet, as the seed's
    lake.put("path/to/config/orders_queue.json", json.dumps(config))
    lake.sql("CREATE TABLE source AS SELECT 1 AS id, '2026-01-01'::TIMESTAMP AS at, 'p'::VARCHAR "
             "AS what")
    for name in ("a", "b"):
        lake.sql(f"UNLOAD ('SELECT * FROM source') TO 's3://lake/orders_queue/{name}' IAM_ROLE "
                 f"'{ROLE}' FORMAT PARQUET")
        lake.sql("UPDATE source SET id = 2")
    wait_until(lambda: ids(lake, "orders"), [1, 2])
    lake.wait_for_empty(url)
    names = lake.sql("SELECT DISTINCT left(statement, 11) FROM stroma_loads")
    assert names == [("dev/orders/",)]
    lake.put("path/to/config/orders_queue.json", '{"output": {}}')
    wait_until(lambda: "output.manifest_bucket is missing" in lake.state("orders_queue")["error"])


def test_row_72_doubled_and_reordered_notifications_change_nothing(lake):
    url = lake.table("row72")
    model, told = {}, []
    chance = random.Random(72)
    for n in range(30):
        rows = [(chance.randrange(20), chance.randrange(1, 28), f"{n}-{i}") for i in range(5)]
        for key, day, what in rows:
            model[key] = max(model.get(key, (0, "")), (day, what))
        key = f"elsewhere/row72-{n}.csv"
        etag = lake.put(key, "".join(line(*row) for row in rows))
        told.append(event_of((key, etag, 1)))
    for _ in range(3):
        chance.shuffle(told)
        for at in range(0, len(told), 10):
            lake.sqs.send_message_batch(QueueUrl=url, Entries=[
                {"Id": str(i), "MessageBody": body} for i, body in enumerate(told[at:at + 10])])
    lake.wait_for_empty(url)
    found = {key: (day.day, what) for key, day, what in lake.rows("row72")}
    assert found == model and len(lake.rows("row72")) == len(model)
    assert lake.sql("SELECT count(*), count(DISTINCT \"key\") FROM stroma_load_ledger WHERE "
                    "target = 'public.row72' AND status = 'loaded'") == [(30, 30)]


def test_row_73_poison_goes_to_the_dead_letters_with_its_reason_and_comes_back(lake):
    dead_url, dead_arn = lake.queue("row73-dead")
    url = lake.table("row73", dead=dead_arn)
    lake.put("elsewhere/row73.csv", line(1))
    told = [(f"elsewhere/row73-{n}.csv", lake.put(f"elsewhere/row73-{n}.csv", line(n)), 9)
            for n in range(5)]
    bad = lake.put("elsewhere/row73-bad.csv", line(8) + "nine,2026-01-01,x\n")
    lake.sqs.send_message(QueueUrl=url, MessageBody=event_of(
        *told, ("elsewhere/row73-bad.csv", bad, 9)))
    wait_until(lambda: ids(lake, "row73"), [0, 1, 2, 3, 4])
    lake.wait_for_empty(url)
    wait_until(lambda: lake.waiting(dead_url), 1)
    [letter] = lake.sqs.receive_message(QueueUrl=dead_url, VisibilityTimeout=0,
                                        MessageAttributeNames=["All"])["Messages"]
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert "s3://lake/elsewhere/row73-bad.csv, line 2: 1207" in reason
    record = json.loads(letter["Body"])["Records"][0]["s3"]["object"]
    assert record["key"] == "elsewhere/row73-bad.csv"
    [(key, etag)] = lake.sql("SELECT \"key\", etag FROM stroma_dead_letters WHERE target = "
                             "'public.row73'")
    assert (key, etag) == ("elsewhere/row73-bad.csv", bad)
    assert lake.sql("SELECT raw_field_value FROM stl_load_errors WHERE table_name = "
                    "'public.row73' LIMIT 1") == [("nine",)]
    assert lake.sql("SELECT dead_letters FROM stroma_freshness WHERE table_name = 'public.row73'"
                    ) == [(1,)]
    lake.put("elsewhere/row73-bad.csv", line(8) + line(9))
    lake.sqs.start_message_move_task(SourceArn=dead_arn) if hasattr(
        lake.sqs, "start_message_move_task") else redrive(lake, dead_arn)
    wait_until(lambda: ids(lake, "row73"), [0, 1, 2, 3, 4, 8, 9])
    assert lake.waiting(dead_url) == 0
    assert lake.sql("SELECT dead_letters FROM stroma_freshness WHERE table_name = 'public.row73'"
                    ) == [(0,)]


def test_40_a_foreign_bundles_row_sends_its_whole_object_to_the_dead_letters(lake):
    dead_url, dead_arn = lake.queue("cells40-dead")
    url = lake.table("cells40", "bundle_key VARCHAR(40), cell VARCHAR(40), genes INTEGER",
                     dead=dead_arn, copy="", key=None, copy_more={
                         "options": "DELIMITER '|' EMPTYASNULL",
                         "owner": {"column": "bundle_key", "object": "cells40/*.psv"}})
    lake.put("cells40/one.psv", "one|AAAC|1200\none|AAAG|900\n")
    lake.put("cells40/two.psv", "two|CCAC|5\none|AAAC|1\ntwo|CCAG|7\n")
    lake.put("cells40/three.psv", "three|GGAC|3\n|GGAG|4\n")
    lake.put("cells40/four.psv", "four|TTAC|8\n")
    lake.put("cells40/five.txt", "five|TTAC|8\n")
    wait_until(lambda: lake.waiting(dead_url), 3)
    lake.wait_for_empty(url)
    assert lake.rows("cells40") == [("four", "TTAC", 8), ("one", "AAAC", 1200),
                                    ("one", "AAAG", 900)]
    letters = dict(lake.sql("SELECT \"key\", reason FROM stroma_dead_letters WHERE target = "
                            "'public.cells40'"))
    assert set(letters) == {"cells40/two.psv", "cells40/three.psv", "cells40/five.txt"}
    assert "1 of its rows aren't of bundle_key 'two' but of 'one'" in letters["cells40/two.psv"]
    assert "but of null" in letters["cells40/three.psv"]
    assert "isn't like cells40/*.psv" in letters["cells40/five.txt"]
    # Put right, it is loaded.
    lake.put("cells40/two.psv", "two|CCAC|5\ntwo|CCAG|7\n")
    wait_until(lambda: lake.sql("SELECT count(*) FROM cells40 WHERE bundle_key = 'two'"), [(2,)])


def redrive(lake, dead_arn):
    """StartMessageMoveTask, which Debian's boto3 doesn't know; without a destination, so that each
    letter goes where it came from."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    address = aws.address_of(lake.server)
    request = AWSRequest("POST", address + "/", data=json.dumps({"SourceArn": dead_arn}), headers={
        "X-Amz-Target": "AmazonSQS.StartMessageMoveTask",
        "Content-Type": "application/x-amz-json-1.0"})
    SigV4Auth(Credentials(lake.key.id, lake.key.secret), "sqs", aws.REGION).add_auth(request)
    answer = requests.post(address + "/", data=request.body, headers=dict(request.headers),
                           timeout=60)
    assert answer.status_code == 200, answer.text


def test_what_is_no_event_of_s3_goes_to_the_dead_letters_too(lake):
    dead_url, dead_arn = lake.queue("odd-dead")
    url = lake.table("odd", dead=dead_arn)
    lake.sqs.send_message(QueueUrl=url, MessageBody="hello")
    lake.wait_for_empty(url)
    wait_until(lambda: lake.waiting(dead_url), 1)
    assert lake.sql("SELECT reason, message FROM stroma_dead_letters WHERE target = 'public.odd'"
                    ) == [("the message is no event of S3", "hello")]


def test_row_75_drift_waits_or_goes_aside_or_widens_the_table(lake):
    header = "id,at,what,price\n"
    for name, drift in (("drift_q", "quarantine"), ("drift_a", "add_column"), ("drift_f", "fail")):
        lake.table(name, copy="CSV IGNOREHEADER 1", copy_more={"drift": drift})
        lake.put(f"{name}/swapped.csv", "what,id,at\nx,1,2026-01-01\n")
        wait_until(lambda table=name: ids(lake, table), [1])
        lake.put(f"{name}/wider.csv", header + "2,2026-01-01,x,1.5\n")
    wait_until(lambda: lake.sql("SELECT id, price FROM drift_a ORDER BY 1") if
               len(ids(lake, "drift_a")) == 2 else None, [(1, None), (2, 1.5)])
    wait_until(lambda: lake.sql("SELECT count(*) FROM stroma_dead_letters WHERE target = "
                                "'public.drift_q' AND reason LIKE '%%\"price\"%%'"), [(1,)])
    wait_until(lambda: lake.state("drift_f")["state"], "failing")
    assert 'the column "price", which table public.drift_f lacks' in lake.state("drift_f")["error"]
    lake.sql("ALTER TABLE drift_f ADD COLUMN price REAL")
    wait_until(lambda: ids(lake, "drift_f"), [1, 2])
    assert lake.sql("SELECT column_name FROM stroma_schema_history WHERE target = "
                    "'public.drift_a'") == [("price",)]


def test_row_77_freshness_is_a_view_and_metrics(lake):
    url = lake.table("row77")
    lake.put("row77/a.csv", line(1, 3) + line(1, 2) + line(2, 1))
    lake.wait_for_empty(url)
    found = lake.sql("SELECT rows_loaded, files, bytes, duplicates_merged, rejects, "
                     "last_event_time, lag_seconds > 0, missing FROM stroma_freshness WHERE "
                     "table_name = 'public.row77'")
    assert [list(map(str, row)) for row in found] == [
        ["2", "1", str(3 * len(line(1))), "1", "0", "2026-01-03 00:00:00", "True", "0"]]

    def metrics():
        return requests.get(lake.server.url + "/metrics", headers=lake.server.headers(),
                            timeout=60).text
    wait_until(lambda: 'stroma_loader_rows_total{table="public.row77"} 2' in metrics())
    assert 'stroma_loader_lag_seconds{table="public.row77"}' in metrics()


def test_the_dashboard_of_loads_tells_what_came_and_what_was_refused(lake):
    lake.queue("seen-dead")
    url = lake.table("seen", dead="arn:aws:sqs:us-east-1:000000000000:seen-dead")
    lake.put("seen/good.csv", line(1) + line(2))
    lake.put("seen/bad.csv", "one,2026-01-01,x\n")
    lake.wait_for_empty(url)
    file = pathlib.Path(__file__).resolve().parents[2] / "examples/dashboards/loads.json"
    identity = lake.run("dashboard", "import", file, data=lake.data).stdout.strip()

    def rows(panel):
        answer = requests.post(
            f"{lake.server.url}/v1/dashboards/{identity}/panels/{panel}/rows", timeout=60,
            headers={"Authorization": f"Bearer {lake.server.token}"},
            json={"parameters": {"table": "public.seen"}})
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]
    found = {panel["id"]: rows(panel["id"]) for panel in json.loads(file.read_text())["panels"]}
    assert (found["rows"], found["dead"]) == ([[2]], [[1]])
    [[minute, table, count]] = found["minutes"]
    assert (table, count) == ("public.seen", 2) and minute.startswith("20")
    assert [row[0] for row in found["freshness"]] == ["public.seen"]
    [letter] = found["letters"]
    assert letter[0] == "s3://lake/seen/bad.csv" and "1207" in letter[1]
    assert any(row[0] == "s3://lake/seen/bad.csv" and row[3] == "one" for row in found["lines"])


def test_reconcile_finds_and_loads_every_lost_notification(lake):
    url = lake.table("lost")
    lake.put("lost/a.csv", line(1))
    lake.wait_for_empty(url)
    keep = lake.s3.get_bucket_notification_configuration(Bucket="lake")["QueueConfigurations"]
    lake.s3.put_bucket_notification_configuration(Bucket="lake", NotificationConfiguration={})
    for n in (2, 3):
        lake.put(f"lost/{n}.csv", line(n))
    lake.put("lost/a.csv", line(1, 5, "new"))  # overwritten, which nobody was told
    lake.s3.put_bucket_notification_configuration(
        Bucket="lake", NotificationConfiguration={"QueueConfigurations": keep})

    def reconcile(*options):
        return json.loads(lake.run("reconcile", "lost", "--json", *options,
                                   data=lake.data).stdout)
    told = reconcile()
    assert told["lost"] == [f"s3://lake/lost/{name}.csv" for name in ("2", "3", "a")]
    assert (told["objects"], told["loaded"], told["waiting"]) == (3, 0, 0)
    assert ids(lake, "lost") == [1]
    assert reconcile("--load")["load"]["loaded"] == 3
    assert ids(lake, "lost") == [1, 2, 3]
    assert reconcile()["lost"] == []
    # The notification that comes at last changes nothing.
    etag = lake.s3.head_object(Bucket="lake", Key="lost/2.csv")["ETag"].strip('"')
    lake.sqs.send_message(QueueUrl=url, MessageBody=event_of(("lost/2.csv", etag, 9)))
    lake.wait_for_empty(url)
    assert ids(lake, "lost") == [1, 2, 3]


def test_row_69_the_demo_feed_lands_in_its_table_once(lake, run_json):
    played = run_json("demo", "stream", "--rate", "5000", "--interval", "1", data=lake.data)
    assert played["sent"] == played["landed"] == 2520
    lake.sql("CREATE TABLE daily_price(symbol VARCHAR, date DATE, close_ REAL NULL, volume INTEGER "
             "NULL, open_ REAL NULL, high REAL NULL, low REAL NULL)")
    config = lake.config("quotes-landed", "dev.public.daily_price",
                         copy="FORMAT AS CSV DELIMITER ',' QUOTE '\"' DATEFORMAT 'YYYY-MM-DD'",
                         key=None)
    lake.give("quotes-landed", config)

    def count():
        return lake.sql("SELECT count(*), count(DISTINCT symbol), count(DISTINCT date) FROM "
                        "daily_price")
    wait_until(count, [(2520, 10, 252)])
    told = json.loads(lake.run("reconcile", "daily_price", "--json", data=lake.data).stdout)
    assert told["lost"] == []
    # A second telling of every object brings nothing.
    url = lake.sqs.get_queue_url(QueueName="quotes-landed")["QueueUrl"]
    for one in played["objects"]:
        lake.sqs.send_message(QueueUrl=url, MessageBody=event_of((one, "", 0), bucket="quotes"))
    lake.wait_for_empty(url)
    assert count() == [(2520, 10, 252)]


def test_an_end_is_told_on_the_bus_as_the_data_api_does(lake):
    told_url, told_arn = lake.queue("told")
    events = aws.client(lake.server, lake.key, "events")
    events.put_rule(Name="ends", EventPattern=json.dumps({
        "source": ["aws.redshift-data"],
        "detail-type": ["Redshift Data Statement Status Change"],
        "detail": {"state": ["FINISHED", "FAILED"], "statementName": [{"prefix": "dev/ended/"}]}}))
    events.put_targets(Rule="ends", Targets=[{"Id": "q", "Arn": told_arn}])
    lake.table("ended")
    lake.put("ended/a.csv", line(1))
    wait_until(lambda: lake.waiting(told_url), 1)
    [message] = lake.sqs.receive_message(QueueUrl=told_url)["Messages"]
    detail = json.loads(message["Body"])["detail"]
    assert detail["state"] == "FINISHED" and detail["rows"] == 1


def test_loaders_on_one_table_with_kills_give_what_the_model_says(start_server, run, tmp_path):
    """STROMA_LOADERS of them (8), each told of every object twice, in an order of its own."""
    loaders = int(os.environ.get("STROMA_LOADERS", "8"))
    kills = int(os.environ.get("STROMA_LOADER_KILLS", "3"))
    lake = Lake(start_server, run, tmp_path / "data", tmp_path / "configs")
    lake.sql("CREATE TABLE orders(id INTEGER, at TIMESTAMP, what VARCHAR(50))")
    lake.sql("CREATE TABLE log(id INTEGER, at TIMESTAMP, what VARCHAR(50))")
    chance, model, told, lines = random.Random(loaders), {}, [], 0
    for n in range(40):
        rows = [(chance.randrange(200), chance.randrange(1, 28), f"{n}-{i}") for i in range(25)]
        for key, day, what in rows:
            model[key] = max(model.get(key, (0, "")), (day, what))
        lines += len(rows)
        etag = lake.put(f"in/{n}.csv", "".join(line(*row) for row in rows))
        told.append(event_of((f"in/{n}.csv", etag, 1)))
    urls = []
    for number in range(loaders):
        urls.append(lake.queue(f"q{number}")[0])
        mine = told * 2
        chance.shuffle(mine)
        for at in range(0, len(mine), 10):
            lake.sqs.send_message_batch(QueueUrl=urls[-1], Entries=[
                {"Id": str(i), "MessageBody": body} for i, body in enumerate(mine[at:at + 10])])
    for number in range(loaders):
        # Every fourth appends to a table without a key, where a row too many would show.
        is_log = number % 4 == 3
        lake.give(f"q{number}", lake.config(
            f"q{number}", "log" if is_log else "orders", key=None if is_log else "id",
            batch={"files_max": 3}))
    for kill in range(kills):
        wait_until(lambda seen=kill: lake.sql("SELECT count(*) > %s FROM stroma_loads", 3 * seen),
                   [(True,)])
        lake.kill()
        lake.up()
    for url in urls:
        url = aws.address_of(lake.server) + "/" + "/".join(url.split("/")[-2:])
        lake.wait_for_empty(url)
    found = lake.rows("orders")
    assert {key: (day.day, what) for key, day, what in found} == model
    assert len(found) == len(model)
    assert lake.sql("SELECT count(*), count(DISTINCT what) FROM log") == [(lines, lines)]
    assert lake.sql("SELECT target, count(*), count(DISTINCT \"key\") FROM stroma_load_ledger "
                    "GROUP BY 1 ORDER BY 1") == [("public.log", 40, 40), ("public.orders", 40, 40)]


def test_every_end_is_told_though_the_program_dies_right_after_its_commit(
        start_server, run, tmp_path):
    """Killed as soon as rows are seen: an end that wasn't told is told by the next start, and one
    that is told again is the same."""
    lake = Lake(start_server, run, tmp_path / "data", tmp_path / "configs")
    told_url, told_arn = lake.queue("told", VisibilityTimeout="600")
    events = aws.client(lake.server, lake.key, "events")
    events.put_rule(Name="ends", EventPattern=json.dumps({
        "source": ["aws.redshift-data"], "detail": {"state": ["FINISHED"]}}))
    events.put_targets(Rule="ends", Targets=[{"Id": "q", "Arn": told_arn}])
    lake.table("orders")
    for number in range(4):
        lake.put(f"orders/{number}.csv", line(number))
        wait_until(lambda last=number: ids(lake, "orders"), list(range(number + 1)))
        lake.kill()
        lake.up()
    url = aws.address_of(lake.server) + "/" + "/".join(told_url.split("/")[-2:])
    rows = {}

    def all_told():
        for message in lake.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
                "Messages", []):
            detail = json.loads(message["Body"])["detail"]
            assert rows.setdefault(detail["statementId"], detail["rows"]) == detail["rows"]
        return sum(rows.values())
    wait_until(all_told, 4)
    # Loads of one row each; what came again after a kill was known, and loaded nothing.
    assert sorted(set(rows.values()) | {0, 1}) == [0, 1]


def test_parquet_is_loaded_with_its_columns_types(lake):
    told = json.loads((pathlib.Path(lake.data) / "server.json").read_text())
    host, port = told["postgres"].rsplit(":", 1)
    writer = psycopg2.connect(host=host, port=int(port), user="admin", dbname="dev",
                              password=told["token"], connect_timeout=60)
    writer.autocommit = True
    columns = ("id BIGINT, at TIMESTAMP, what VARCHAR(50), price DECIMAL(10,2), good BOOLEAN, "
               "ratio DOUBLE PRECISION, day DATE, small SMALLINT")
    cursor = writer.cursor()
    cursor.execute(f"CREATE TABLE made({columns})")
    cursor.execute("INSERT INTO made VALUES "
                   "(1, '2026-01-01 10:20:30.5', 'a', 1.25, true, 0.5, '2026-01-02', 3), "
                   "(2, '2026-01-01', 'Größe, \"q\"\nand more', -99999999.99, false, -1e300, "
                   "'1969-12-31', -32768), "
                   "(3, '2026-01-01', NULL, NULL, NULL, NULL, NULL, NULL)")
    url = lake.table("typed", columns=columns, copy="PARQUET")
    cursor.execute(f"UNLOAD ('SELECT * FROM made') TO 's3://lake/typed/' IAM_ROLE '{ROLE}' "
                   "FORMAT PARQUET")
    lake.wait_for_empty(url)
    wanted = [
        (1, datetime.datetime(2026, 1, 1, 10, 20, 30, 500000), "a", decimal.Decimal("1.25"), True,
         0.5, datetime.date(2026, 1, 2), 3),
        (2, datetime.datetime(2026, 1, 1), 'Größe, "q"\nand more', decimal.Decimal("-99999999.99"),
         False, -1e300, datetime.date(1969, 12, 31), -32768),
        (3, datetime.datetime(2026, 1, 1), None, None, None, None, None, None)]
    wait_until(lambda: lake.rows("typed", "1"), wanted)
    # A later row of a key takes the place of the one before.
    cursor.execute("UPDATE made SET at = '2026-02-01', what = 'later' WHERE id = 3")
    cursor.execute(f"UNLOAD ('SELECT * FROM made') TO 's3://lake/typed/b' IAM_ROLE '{ROLE}' "
                   "FORMAT PARQUET")
    wait_until(lambda: [row[2] for row in lake.rows("typed", "1")],
               [wanted[0][2], wanted[1][2], "later"])
    writer.close()
