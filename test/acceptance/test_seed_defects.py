"""The thirteen defects of the first proof of concept (a shell loop, a stream, a delivery, a bucket
whose every object is told, a loader that nobody watches), each as it must not be here.
docs/seed-defects.md lists them."""
import base64
import io
import json
import time
import urllib.parse
import zipfile

import pytest

import aws
import cli

WAIT_SECONDS_MAX = 90
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("defects"), "--aws", "127.0.0.1:0",
                               "--set", f"aws.account={ACCOUNT}")


@pytest.fixture(scope="module")
def key(run, served):
    """An administrator's, who may use what the demo makes."""
    run("user", "add", "ada", "--administrator", data=served.data)
    made = json.loads(run("key", "create", "ada", "--json", data=served.data).stdout)
    return type("Key", (), {"id": made["id"], "secret": made["secret"]})


@pytest.fixture(scope="module")
def clients(served, key):
    loose = {"config": {"parameter_validation": False}}  # its limits are older than AWS's
    return {"firehose": aws.client(served, key, "firehose", **loose),
            **{name: aws.client(served, key, name) for name in ("kinesis", "sqs", "s3")}}


@pytest.fixture(scope="module")
def played(run_json, served):
    """One play of the demo's feed: 2,520 quotes to objects."""
    return run_json("demo", "stream", "--rate", "5000", "--interval", "1", data=served.data)


def bodies(clients, bucket, prefix=""):
    listed = clients["s3"].list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {o["Key"]: clients["s3"].get_object(Bucket=bucket, Key=o["Key"])["Body"].read()
            for o in listed}


def wait_for_bodies(clients, bucket, prefix="", count=1):
    until = time.monotonic() + WAIT_SECONDS_MAX
    while len(found := bodies(clients, bucket, prefix)) < count:
        assert time.monotonic() < until, found
    return found


def received(clients, queue, count):
    """So many messages of a queue, which go; what S3 sends to try a destination isn't one."""
    url = clients["sqs"].get_queue_url(QueueName=queue)["QueueUrl"]
    found, until = [], time.monotonic() + WAIT_SECONDS_MAX
    while len(found) < count:
        assert time.monotonic() < until, found
        got = clients["sqs"].receive_message(QueueUrl=url, WaitTimeSeconds=2,
                                             MaxNumberOfMessages=10)
        for message in got.get("Messages", []):
            body = json.loads(message["Body"])
            clients["sqs"].delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if "Records" in body:
                found.append(body)
    return found


def put_lines(run_json, served, folder, stream, content, *options):
    file = folder / "lines"
    file.write_bytes(content)
    return run_json("put", stream, "--lines", file, *options, data=served.data)


def data_on(clients, stream):
    found = []
    for shard in clients["kinesis"].list_shards(StreamName=stream)["Shards"]:
        iterator = clients["kinesis"].get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        found += [r["Data"] for r in
                  clients["kinesis"].get_records(ShardIterator=iterator)["Records"]]
    return found


def deliver(clients, name, bucket, **config):
    clients["firehose"].create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}",
            "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 0}, **config})


def test_a1_the_last_line_is_sent_without_a_line_end_and_lines_stay_apart(
        run_json, served, clients, played, tmp_path):
    clients["kinesis"].create_stream(StreamName="a1", ShardCount=1)
    done = put_lines(run_json, served, tmp_path, "a1", b"first\nsecond\nlast")
    assert done["records"] == 3 and data_on(clients, "a1") == [b"first", b"second", b"last"]
    # The demo says how many it sent and how many it found in objects, a line each.
    assert played["sent"] == played["landed"] == 2520
    content = b"".join(clients["s3"].get_object(Bucket="quotes", Key=name)["Body"].read()
                       for name in played["objects"])
    lines = content.decode().splitlines()
    assert len(lines) == len(set(lines)) == 2520 and content.endswith(b"\n")
    assert all(len(line.split(",")) == 7 for line in lines)


def test_a2_bytes_are_put_as_they_are(run_json, served, clients, tmp_path):
    clients["kinesis"].create_stream(StreamName="a2", ShardCount=1)
    lines = [rb"back\slash\n", b"  blanks  ", b"\ttab\t", b'"quoted" $HOME `x`', "é".encode(),
             b"\xff\x00raw"]
    put_lines(run_json, served, tmp_path, "a2", b"\n".join(lines) + b"\n")
    assert data_on(clients, "a2") == lines


def test_a3_a_file_goes_in_a_few_requests(run_json, served, clients, played, tmp_path):
    clients["kinesis"].create_stream(StreamName="a3", ShardCount=2)
    done = put_lines(run_json, served, tmp_path, "a3", b"row\n" * 2520)
    assert (done["records"], done["requests"]) == (2520, 6)
    assert played["requests"] <= 6


def test_a4_keys_spread_and_a_constant_one_is_shown(run_json, served, clients, tmp_path):
    clients["kinesis"].create_stream(StreamName="a4", ShardCount=4)
    put_lines(run_json, served, tmp_path, "a4", b"".join(b"S%d,1\n" % n for n in range(64)),
              "--key-field", "1")
    kinesis = clients["kinesis"]
    for shard in kinesis.list_shards(StreamName="a4")["Shards"]:
        iterator = kinesis.get_shard_iterator(StreamName="a4", ShardId=shard["ShardId"],
                                              ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        assert kinesis.get_records(ShardIterator=iterator)["Records"]
    put_lines(run_json, served, tmp_path, "a4", (b"x" * 800_000 + b"\n") * 4, "--key", "1")
    until = time.monotonic() + WAIT_SECONDS_MAX
    while True:  # what is shown may be a second old
        flows = run_json("watch", "--times", "1", data=served.data)["flows"]
        if any("hot key '1'" in flow["note"] for flow in flows if flow["name"] == "a4"):
            break
        assert time.monotonic() < until, flows


def test_a5_each_object_has_a_notification_of_its_own(clients, played):
    told = received(clients, "quotes-landed", len(played["objects"]))
    assert all(len(message["Records"]) == 1 for message in told)
    keys = [urllib.parse.unquote_plus(message["Records"][0]["s3"]["object"]["key"])
            for message in told]
    assert sorted(keys) == sorted(played["objects"])


def notify(clients, bucket, queue, **rules):
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"
    clients["sqs"].create_queue(QueueName=queue)
    clients["s3"].create_bucket(Bucket=bucket)
    clients["s3"].put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{
            "QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {
                "FilterRules": [{"Name": n, "Value": v} for n, v in rules.items()]}}}]})


def test_a6_a_key_is_told_encoded_once_as_forms_are(clients):
    notify(clients, "defect-a6", "a6")
    keys = ["a b+c.csv", "day=2024-01-02/é ü.csv", "100%/x&y=z@w.csv"]
    for name in keys:
        clients["s3"].put_object(Bucket="defect-a6", Key=name, Body=name.encode())
    told = [message["Records"][0]["s3"]["object"]["key"]
            for message in received(clients, "a6", len(keys))]
    assert "a+b%2Bc.csv" in told
    for text in told:
        name = urllib.parse.unquote_plus(text)
        got = clients["s3"].get_object(Bucket="defect-a6", Key=name)["Body"].read()
        assert got == name.encode()


def test_a7_what_is_no_data_is_not_told(clients):
    notify(clients, "defect-a7", "a7", prefix="data/", suffix=".csv")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("handler.py", "pass")
    for name in ("lambda.zip", "data/lambda.zip", "other/day.csv", "data/day.csv"):
        clients["s3"].put_object(Bucket="defect-a7", Key=name, Body=archive.getvalue())
    clients["s3"].put_object(Bucket="defect-a7", Key="data/last.csv", Body=b"1")
    told = received(clients, "a7", 2)
    assert {message["Records"][0]["s3"]["object"]["key"] for message in told} == {
        "data/day.csv", "data/last.csv"}


def test_a8_a_failure_is_an_event_with_its_reason(run, served, key, clients, tmp_path):
    events = aws.client(served, key, "events")
    url = clients["sqs"].create_queue(QueueName="a8")["QueueUrl"]
    events.put_rule(Name="a8", EventPattern=json.dumps(
        {"source": ["stroma.jobs"], "detail": {"state": ["failed"]}}))
    events.put_targets(Rule="a8", Targets=[
        {"Id": "q", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:a8"}])
    bad = tmp_path / "bad.h5ad"
    bad.write_bytes(b"no dataset")
    run("import", bad, data=served.data, fails=True)
    got = clients["sqs"].receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    detail = json.loads(got[0]["Body"])["detail"]
    assert detail["state"] == "failed" and "bad.h5ad" in detail["error"]


def test_a9_a_play_that_is_repeated_doubles_nothing_of_its_own(run_json, served, clients, played):
    again = run_json("demo", "stream", "--rate", "5000", "--records", "700", "--seed", "2",
                     data=served.data)
    assert again["sent"] == again["landed"] == 700
    assert not set(again["objects"]) & set(played["objects"])
    lines = [line for body in bodies(clients, "quotes", "daily_price/").values()
             for line in body.splitlines()]
    assert len(lines) == len(set(lines)) == 3220


def test_a10_columns_are_taken_by_name_or_refused_with_a_reason(clients, tmp_path):
    clients["s3"].create_bucket(Bucket="defect-a10")

    def convert(name, database):
        deliver(clients, name, "defect-a10", Prefix=f"{name}/", ErrorOutputPrefix=f"{name}-errors/",
                DataFormatConversionConfiguration={
                    "Enabled": True,
                    "SchemaConfiguration": {
                        "RoleARN": ROLE, "DatabaseName": database,
                        "TableName": "symbol string, day date, close double"},
                    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
                    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}}})
    convert("json", "any")
    convert("lines", "csv")
    clients["firehose"].put_record_batch(DeliveryStreamName="json", Records=[
        {"Data": b'{"close":1.5,"symbol":"A","day":"2024-01-02"}'},
        {"Data": b'{"symbol":"B","day":"2024-01-03","close":2.5}'}])
    swapped = b"2024-01-02,A,1.5"
    clients["firehose"].put_record_batch(DeliveryStreamName="lines", Records=[
        {"Data": b"A,2024-01-02,1.5"}, {"Data": swapped}])
    file = tmp_path / "rows.parquet"
    file.write_bytes(b"".join(wait_for_bodies(clients, "defect-a10", "json/").values()))
    assert list(cli.read_parquet(file, tmp_path)["close"]) == [1.5, 2.5]
    error = json.loads(next(iter(wait_for_bodies(
        clients, "defect-a10", "lines-errors/format-conversion-failed/").values())))
    assert base64.b64decode(error["rawData"]) == swapped and "day" in error["errorMessage"]


def test_a11_the_account_is_a_setting_and_no_edit_of_sources(clients):
    clients["kinesis"].create_stream(StreamName="a11", ShardCount=1)
    told = clients["kinesis"].describe_stream_summary(StreamName="a11")["StreamDescriptionSummary"]
    assert told["StreamARN"] == f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/a11"


def test_a12_secrets_are_made_and_nobody_else_is_let_in(run, served, key, tmp_path):
    assert len(key.secret) >= 40
    assert aws.address_of(served).startswith("http://127.0.0.1:")
    told = run("serve", "--http", "127.0.0.1:0", "--aws", "0.0.0.0:0", "--insecure-any-credentials",
               data=tmp_path / "open", fails=True).stderr
    assert "loopback" in told
    other = aws.client(served, type("Key", (), {"id": key.id, "secret": "Password1"}), "kinesis")
    with pytest.raises(other.exceptions.ClientError, match="InvalidSignatureException"):
        other.list_streams()


def test_a13_columns_may_be_called_open_close_and_date(clients, tmp_path):
    clients["s3"].create_bucket(Bucket="defect-a13")
    deliver(clients, "a13", "defect-a13", ErrorOutputPrefix="errors/", Prefix="rows/",
            DataFormatConversionConfiguration={
                "Enabled": True,
                "SchemaConfiguration": {
                    "RoleARN": ROLE, "DatabaseName": "csv",
                    "TableName": "symbol string, date date, close double, volume int, "
                                 "open double, high double, low double"},
                "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
                "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}}})
    clients["firehose"].put_record(DeliveryStreamName="a13", Record={
        "Data": b"SPY,2024-01-02,4.5,7,4.25,5,4"})
    file = tmp_path / "rows.parquet"
    file.write_bytes(next(iter(wait_for_bodies(clients, "defect-a13", "rows/").values())))
    table = cli.read_parquet(file, tmp_path)
    assert list(table.columns) == ["symbol", "date", "close", "volume", "open", "high", "low"]
    assert table["open"][0] == 4.25 and table["date"][0] == "2024-01-02"
