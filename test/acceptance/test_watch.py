"""What moves, what waits and since when: stroma watch, /v1/flows, metrics, events at thresholds."""
import json
import signal
import subprocess
import time

import pytest
import requests

import aws

WAIT_SECONDS_MAX = 120
ARN = "arn:aws:{}:us-east-1:000000000000:{}"


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("watch"), "--aws", "127.0.0.1:0",
                               "--set", "watch.interval=1s", "--set", "watch.queue.waiting=3",
                               "--set", "watch.delivery.errors=1")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


@pytest.fixture(scope="module")
def clients(served, key):
    loose = {"config": {"parameter_validation": False}}  # its limits are older than AWS's
    return {"firehose": aws.client(served, key, "firehose", **loose),
            **{name: aws.client(served, key, name) for name in ("kinesis", "sqs", "s3", "events")}}


@pytest.fixture(scope="module")
def alarms(clients):
    """What is told of thresholds, as take(name): the next event about the thing of that name."""
    url = clients["sqs"].create_queue(QueueName="alarms")["QueueUrl"]
    clients["events"].put_rule(Name="alarms", EventPattern=json.dumps(
        {"source": ["stroma.watch"], "detail": {"name": ["work", "hot", "lost"]}}))
    clients["events"].put_targets(Rule="alarms", Targets=[
        {"Id": "q", "Arn": ARN.format("sqs", "alarms")}])
    kept = []

    def take(name):
        for _ in range(30):
            for event in kept:
                if event["detail"]["name"] == name:
                    kept.remove(event)
                    return event
            got = clients["sqs"].receive_message(QueueUrl=url, WaitTimeSeconds=20)
            for message in got.get("Messages", []):
                clients["sqs"].delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                kept.append(json.loads(message["Body"]))
        pytest.fail(f"nothing was told of {name}")
    return take


def wait_until(look):
    """What look() gives once that isn't empty; what is shown may be a second old."""
    until = time.monotonic() + WAIT_SECONDS_MAX
    while not (found := look()):
        assert time.monotonic() < until
    return found


def flows_of(run_json, served):
    told = run_json("watch", "--times", "1", data=served.data)["flows"]
    return {(flow["kind"], flow["name"]): flow for flow in told}


def test_everything_that_moves_is_shown_with_what_waits(run, run_json, served, clients):
    clients["kinesis"].create_stream(StreamName="s", ShardCount=1)
    url = clients["sqs"].create_queue(QueueName="q")["QueueUrl"]
    clients["events"].put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    clients["events"].put_targets(Rule="r", Targets=[{"Id": "q", "Arn": ARN.format("sqs", "q")}])
    clients["s3"].create_bucket(Bucket="delivered")
    clients["firehose"].create_delivery_stream(
        DeliveryStreamName="d", ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/any", "BucketARN": "arn:aws:s3:::delivered",
            "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 900}})
    for _ in range(5):
        clients["kinesis"].put_record(StreamName="s", Data=b"12345", PartitionKey="k")
        clients["firehose"].put_record(DeliveryStreamName="d", Record={"Data": b"x"})
    clients["events"].put_events(Entries=[{"Source": "shop", "DetailType": "t", "Detail": "{}"}])
    clients["sqs"].send_message(QueueUrl=url, MessageBody="m")
    place = clients["kinesis"].get_shard_iterator(
        StreamName="s", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    clients["kinesis"].get_records(ShardIterator=place["ShardIterator"], Limit=2)
    told = {}

    def waits(*thing):
        return told.get(thing, {}).get("waiting")

    def is_all_there():
        told.update(flows_of(run_json, served))
        return waits("stream", "s") == 3 and waits("queue", "q") == 2 and (
            waits("delivery", "d") == 5)
    wait_until(is_all_there)
    flows = told
    stream, delivery = flows["stream", "s"], flows["delivery", "d"]
    assert stream["waiting"] == 3 and stream["owner"] and stream["arn"].endswith("stream/s")
    assert delivery["waiting"] == 5 and delivery["age_seconds"] > 0 and not delivery["alarm"]
    assert flows["queue", "q"]["waiting"] == 2 and flows["queue", "q"]["age_seconds"] > 0
    assert ("rule", "default/r") in flows
    table = run("watch", "--times", "1", "--kind", "delivery", data=served.data).stdout
    assert "delivery  d" in table and "stream" not in table and "waiting" in table
    metrics = requests.get(served.url + "/metrics", timeout=60).text
    assert 'stroma_stream_records_in_total{stream="s"} 5' in metrics
    assert 'stroma_stream_behind_records{stream="s"} 3' in metrics
    assert 'stroma_delivery_waiting{delivery="d"} 5' in metrics


def test_it_is_drawn_again_and_again_until_ctrl_c(stroma_binary, served):
    watching = subprocess.Popen([str(stroma_binary), "watch", "--data", str(served.data),
                                 "--interval", "1"], stdout=subprocess.PIPE, text=True)
    with watching:
        assert watching.stdout.readline().startswith("kind")
        while not watching.stdout.readline().startswith("kind"):
            pass
        watching.send_signal(signal.SIGINT)
        assert watching.wait(60) == 0


def test_one_sees_ones_own_over_http_also_as_it_comes(run, served, clients):
    clients["kinesis"].create_stream(StreamName="own", ShardCount=1)

    def ask(user, path, **options):
        token = run("token", "create", user, data=served.data).stdout.strip().split()[-1]
        return requests.get(served.url + path, timeout=60, **options,
                            headers={"Authorization": f"Bearer {token}"})
    run("user", "add", "otto", data=served.data)
    assert ask("otto", "/v1/flows").json() == {"flows": []}
    wait_until(lambda: "own" in {flow["name"] for flow in ask("rosa", "/v1/flows").json()["flows"]})
    assert requests.get(served.url + "/v1/flows", timeout=60).status_code == 401
    told = ask("rosa", "/v1/flows/events?seconds=1&interval_ms=500").text
    events = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]
    assert len(events) >= 2 and events[0]["flows"] and "event: flows" in told
    assert ask("rosa", "/v1/flows/events?seconds=301").status_code == 400


def test_a_threshold_is_an_event_when_it_is_passed_and_when_all_is_well(clients, alarms):
    url = clients["sqs"].create_queue(QueueName="work")["QueueUrl"]
    for n in range(4):
        clients["sqs"].send_message(QueueUrl=url, MessageBody=str(n))
    told = alarms("work")
    assert told["detail-type"] == "Threshold Passed"
    assert told["resources"] == [ARN.format("sqs", "work")]
    assert told["detail"] == {"kind": "queue", "name": "work", "measure": "waiting",
                              "value": told["detail"]["value"], "threshold": 3, "note": ""}
    clients["sqs"].purge_queue(QueueUrl=url)
    assert alarms("work")["detail-type"] == "Threshold Back To Normal"


def test_row_15_a_hot_key_is_shown_counted_and_told(run_json, served, clients, alarms):
    """Defect A4: one constant key is one shard, whatever the number of shards."""
    clients["kinesis"].create_stream(StreamName="hot", ShardCount=4)
    clients["kinesis"].put_records(StreamName="hot", Records=[
        {"Data": b"x" * 900_000, "PartitionKey": "1"}] * 3)
    told = alarms("hot")
    assert told["detail"]["measure"] == "hot_key" and "hot key '1'" in told["detail"]["note"]
    flow = flows_of(run_json, served)["stream", "hot"]
    assert flow["alarm"] and "2.7 MB in a second" in flow["note"]
    metrics = requests.get(served.url + "/metrics", timeout=60).text
    assert 'stroma_stream_hot_key_seconds_total{stream="hot"} 1' in metrics


def test_a_delivery_that_fails_says_why_and_goes_on_when_it_can(run_json, served, clients, alarms):
    """Defect A8: what failed is seen, and nothing of it is lost."""
    clients["s3"].create_bucket(Bucket="lost")
    clients["firehose"].create_delivery_stream(
        DeliveryStreamName="lost", ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/any", "BucketARN": "arn:aws:s3:::lost",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}})
    clients["s3"].delete_bucket(Bucket="lost")
    clients["firehose"].put_record(DeliveryStreamName="lost", Record={"Data": b"kept"})
    told = alarms("lost")
    assert told["detail"]["kind"] == "delivery" and told["detail"]["measure"] == "errors"
    assert "there is no bucket 'lost'" in told["detail"]["note"]
    flow = flows_of(run_json, served)["delivery", "lost"]
    assert flow["alarm"] and flow["waiting"] == 1 and flow["errors"] > 0
    clients["s3"].create_bucket(Bucket="lost")
    listed = wait_until(
        lambda: clients["s3"].list_objects_v2(Bucket="lost").get("Contents", []))
    body = clients["s3"].get_object(Bucket="lost", Key=listed[0]["Key"])["Body"].read()
    assert body == b"kept"


def test_without_a_server_it_says_how_to_have_one(run, tmp_path):
    told = run("watch", data=tmp_path / "none", fails=True).stderr
    assert "stroma serve --data" in told
