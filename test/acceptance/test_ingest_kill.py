"""T4 of the reliability plan for what comes in: stroma serve is killed again and again, at moments
drawn at random and every fourth time while it starts, under producers on Kinesis, Firehose, S3 and
SQS. What was acknowledged is there once; what lies in objects lies in one.

STROMA_INGEST_KILLS: how often it is killed. STROMA_KILL_SEED: where the moments begin."""
import collections
import json
import os
import random
import subprocess
import threading
import time

import aws

KILLS = int(os.environ.get("STROMA_INGEST_KILLS", "5"))
SEED = int(os.environ.get("STROMA_KILL_SEED", "20"))
WAIT_SECONDS_MAX = 120
ROLE = "arn:aws:iam::000000000000:role/any"
ARN = "arn:aws:{}:us-east-1:000000000000:{}"


class Ledger:
    """What one producer tried, and what was acknowledged to it."""

    def __init__(self):
        self.tried, self.acknowledged = [], set()

    def next(self, producer):
        name = f"{producer}-{len(self.tried)}"
        self.tried.append(name)
        return name


def put_on_stream(clients, names):
    answer = clients.kinesis.put_records(StreamName="s", Records=[
        {"Data": name.encode() + b"\n", "PartitionKey": name} for name in names])
    assert answer["FailedRecordCount"] == 0


def put_into_delivery(clients, names):
    answer = clients.firehose.put_record_batch(DeliveryStreamName="d", Records=[
        {"Data": b'{"p":%d,"n":"%s"}\n' % (len(name) % 2, name.encode())} for name in names])
    assert answer["FailedPutCount"] == 0


def put_object(clients, names):
    for name in names:
        clients.s3.put_object(Bucket="kept", Key=name, Body=name.encode() * 5000)


def send(clients, names):
    answer = clients.sqs.send_message_batch(QueueUrl=clients.queue, Entries=[
        {"Id": str(i), "MessageBody": name} for i, name in enumerate(names)])
    assert len(answer["Successful"]) == len(names)


PRODUCERS = {"kinesis": (put_on_stream, 20), "firehose": (put_into_delivery, 20),
             "s3": (put_object, 1), "sqs": (send, 10)}


class Clients:
    def __init__(self, server, key):
        self.kinesis = aws.client(server, key, "kinesis")
        self.firehose = aws.client(server, key, "firehose", config={"parameter_validation": False})
        self.s3 = aws.client(server, key)
        self.sqs = aws.client(server, key, "sqs")
        self.queue = f"{aws.address_of(server)}/000000000000/q"
        self.told = f"{aws.address_of(server)}/000000000000/told"


def make_everything(clients):
    clients.kinesis.create_stream(StreamName="s", ShardCount=2)
    for queue in ("q", "told"):
        clients.sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "600"})
    for bucket in ("kept", "lake"):
        clients.s3.create_bucket(Bucket=bucket)
    clients.s3.put_bucket_notification_configuration(
        Bucket="kept", NotificationConfiguration={"QueueConfigurations": [
            {"QueueArn": ARN.format("sqs", "told"), "Events": ["s3:ObjectCreated:*"]}]})
    hints = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake",
             "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}}
    clients.firehose.create_delivery_stream(
        DeliveryStreamName="of-s", DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={
            "KinesisStreamARN": ARN.format("kinesis", "stream/s"), "RoleARN": ROLE},
        ExtendedS3DestinationConfiguration={**hints, "Prefix": "of-s/"})
    clients.firehose.create_delivery_stream(
        DeliveryStreamName="d", ExtendedS3DestinationConfiguration={
            **hints, "Prefix": "d/!{partitionKeyFromQuery:p}/", "ErrorOutputPrefix": "errors/",
            "DynamicPartitioningConfiguration": {"Enabled": True},
            "ProcessingConfiguration": {"Enabled": True, "Processors": [
                {"Type": "MetadataExtraction", "Parameters": [
                    {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{p: .p}"},
                    {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}]}]}})


def produce(kind, clients, ledger, stop):
    """Puts until the server is gone."""
    put, most = PRODUCERS[kind]
    while not stop.is_set():
        names = [ledger.next(kind) for _ in range(most)]
        try:
            put(clients, names)
        except Exception:  # the server is gone: it may have taken them
            return
        ledger.acknowledged.update(names)


def kill_amid_start(stroma_binary, data, seconds):
    """A server that is killed so long after it began to start."""
    with subprocess.Popen([str(stroma_binary), "serve", "--data", str(data), "--http",
                           "127.0.0.1:0", "--aws", "127.0.0.1:0"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()


def all_records(clients):
    """Data of all records of the stream, with their sequence numbers in order."""
    found = []
    for shard in clients.kinesis.list_shards(StreamName="s")["Shards"]:
        iterator = clients.kinesis.get_shard_iterator(
            StreamName="s", ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        last = 0
        while True:
            answer = clients.kinesis.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                assert int(record["SequenceNumber"]) > last
                last = int(record["SequenceNumber"])
                found.append(record["Data"].decode().strip())
            iterator = answer["NextShardIterator"]
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
    return found


def lines_of(clients, prefix):
    lines = []
    for page in clients.s3.get_paginator("list_objects_v2").paginate(Bucket="lake", Prefix=prefix):
        for one in page.get("Contents", []):
            body = clients.s3.get_object(Bucket="lake", Key=one["Key"])["Body"].read()
            lines += body.decode().splitlines()
    return lines


def all_messages(clients, queue):
    bodies = []
    while messages := clients.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in messages]
    return bodies


def expect_once(found, ledger, what):
    """All that was acknowledged, nothing that was never tried, nothing twice."""
    times = collections.Counter(found)
    assert not ledger.acknowledged - set(times), f"{what}: acknowledged and lost"
    assert not set(times) - set(ledger.tried), f"{what}: never put"
    assert set(times.values()) <= {1}, f"{what}: twice"


def wait_for_lines(clients, prefix, names_of, wanted):
    until = time.monotonic() + WAIT_SECONDS_MAX
    while not wanted <= set(lines := names_of(lines_of(clients, prefix))):
        assert time.monotonic() < until, f"{len(wanted - set(lines))} under {prefix} are missing"
    return lines


def test_killed_again_and_again_nothing_is_lost_and_nothing_twice(
        start_server, run, stroma_binary, tmp_path):
    moments = random.Random(SEED)
    data = tmp_path / "data"
    server = start_server(data, "--aws", "127.0.0.1:0")
    key = aws.make_key(run, server, "rosa")
    make_everything(Clients(server, key))
    ledgers = {kind: Ledger() for kind in PRODUCERS}
    starts = []
    for kill in range(KILLS):
        clients, stop = Clients(server, key), threading.Event()
        threads = [threading.Thread(target=produce, args=(kind, clients, ledgers[kind], stop))
                   for kind in PRODUCERS]
        for thread in threads:
            thread.start()
        stop.wait(moments.uniform(0.05, 1.0))
        server.process.kill()
        stop.set()
        for thread in threads:
            thread.join()
        server.kill()
        if kill % 4 == 3:
            kill_amid_start(stroma_binary, data, moments.uniform(0.02, 0.6))
        began = time.monotonic()
        server = start_server(data, "--aws", "127.0.0.1:0")
        starts.append(time.monotonic() - began)
    clients = Clients(server, key)
    expect_once(all_records(clients), ledgers["kinesis"], "stream")
    on_stream = set(all_records(clients))
    of_stream = wait_for_lines(clients, "of-s/", list, on_stream)
    assert collections.Counter(of_stream) == collections.Counter(on_stream)
    delivered = wait_for_lines(
        clients, "d/", lambda lines: [json.loads(line)["n"] for line in lines],
        ledgers["firehose"].acknowledged)
    expect_once(delivered, ledgers["firehose"], "delivery")
    assert lines_of(clients, "errors/") == []
    expect_once(all_messages(clients, clients.queue), ledgers["sqs"], "queue")
    expect_objects_and_their_notifications(clients, ledgers["s3"])
    starts.sort()
    acknowledged = sum(len(one.acknowledged) for one in ledgers.values())
    print(f"{KILLS} kills, {acknowledged} acknowledged; a start took {starts[-1]:.2f} s at most, "
          f"{starts[len(starts) // 2]:.2f} s in the middle")


def expect_objects_and_their_notifications(clients, ledger):
    pages = clients.s3.get_paginator("list_objects_v2").paginate(Bucket="kept")
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    expect_once(keys, ledger, "bucket")
    for name in random.Random(1).sample(sorted(ledger.acknowledged),
                                        min(50, len(ledger.acknowledged))):
        body = clients.s3.get_object(Bucket="kept", Key=name)["Body"].read()
        assert body == name.encode() * 5000
    told = [record["s3"]["object"]["key"] for body in all_messages(clients, clients.told)
            for record in json.loads(body).get("Records", [])]
    # An object and its notification are one commit.
    assert collections.Counter(told) == collections.Counter(keys)
