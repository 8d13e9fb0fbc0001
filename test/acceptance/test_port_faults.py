"""T8 to T10 of the reliability plan where our port is the server: bodies that are cut, slow or
short, connections that are reset anywhere, notifications in any order, messages that poison.

STROMA_PORT_FAULTS: how many objects go through a network that resets."""
import base64
import collections
import itertools
import json
import os
import random
import socket
import struct
import threading
import time
import urllib.parse

import botocore.exceptions
import pytest

import aws

OBJECTS = int(os.environ.get("STROMA_PORT_FAULTS", "12"))
WAIT_SECONDS_MAX = 60


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("faults"), "--aws", "127.0.0.1:0")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


@pytest.fixture
def s3(served, key):
    return aws.client(served, key)


@pytest.fixture
def bucket(s3, request):
    name = request.node.name.lower().replace("_", "-").replace("[", "-").rstrip("]-")[-60:]
    s3.create_bucket(Bucket=name.strip("-"))
    return name.strip("-")


class FaultyNetwork:
    """Stands before a server: each connection is reset after so many bytes of either direction."""

    def __init__(self, address, seed, sent_max):
        host, port = address.removeprefix("http://").split(":")
        self.sent_max = sent_max
        self.server, self.random, self.resets = (host, int(port)), random.Random(seed), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(self.server)
            cut = [self.random.randrange(50, self.sent_max), self.random.randrange(20, 600_000)]
            pair = (client, upstream)
            for source, to, most in ((client, upstream, cut[0]), (upstream, client, cut[1])):
                threading.Thread(target=self.forward, args=(source, to, most, pair),
                                 daemon=True).start()

    def forward(self, source, to, most, pair):
        try:
            while most > 0:
                piece = source.recv(min(most, 65536))
                if not piece:
                    break
                to.sendall(piece)
                most -= len(piece)
        except OSError:
            most = -1
        if most == 0:
            self.resets += 1
        for end in pair:
            try:
                if most == 0:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RD)  # wakes the other direction, which holds it
                    end.close()
                else:
                    end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other direction was first

    def close(self):
        self.listener.close()


def body_of(s3, bucket, name):
    for _ in range(5):
        try:
            return s3.get_object(Bucket=bucket, Key=name)["Body"].read()
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            # Two seconds of idle time may be too few for a head on a machine with much else to do.
            assert error.response["Error"]["Code"] == "RequestTimeout"
    raise AssertionError("no request was answered")


def test_through_resets_objects_are_whole_or_absent_and_come_in_the_end(served, key, s3, bucket):
    network = FaultyNetwork(aws.address_of(served), 3, 1_500_000)
    far = aws.client(served, key, url=network.url, retries=20)
    sizes = random.Random(4)
    for number in range(OBJECTS):
        name, body = f"o{number}", os.urandom(sizes.choice([10, 20_000, 300_000]))
        far.put_object(Bucket=bucket, Key=name, Body=body)
        assert body_of(s3, bucket, name) == body
        upload = far.create_multipart_upload(Bucket=bucket, Key=f"m{number}")["UploadId"]
        parts = [os.urandom(5 << 20), os.urandom(1000)] if number % 6 == 5 else [body]
        assert body_of(s3, bucket, f"m{number}") is None
        # A part of 5 MiB passes no connection that is cut before: it goes the straight way.
        done = [{"PartNumber": n + 1, "ETag": (s3 if len(part) > 1 << 20 else far).upload_part(
            Bucket=bucket, Key=f"m{number}", UploadId=upload, PartNumber=n + 1,
            Body=part)["ETag"]} for n, part in enumerate(parts)]
        far.complete_multipart_upload(Bucket=bucket, Key=f"m{number}", UploadId=upload,
                                      MultipartUpload={"Parts": done})
        assert body_of(s3, bucket, f"m{number}") == b"".join(parts)
    network.close()
    assert network.resets > 0


def sent(url, head, body, ending):
    """What a client gets who sends this much and then waits, closes or resets."""
    parsed = urllib.parse.urlsplit(url)
    with socket.create_connection((parsed.hostname, parsed.port), timeout=WAIT_SECONDS_MAX) as end:
        end.sendall(f"PUT {parsed.path}?{parsed.query} HTTP/1.1\r\nHost: {parsed.netloc}\r\n"
                    f"{head}\r\n\r\n".encode() + body)
        if ending == "reset":
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return b""
        if ending == "close":
            end.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := end.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize("ending", ["close", "reset", "wait"])
def test_a_body_that_does_not_come_whole_changes_nothing(start_server, run, tmp_path, ending):
    served = start_server(tmp_path / "data", "--aws", "127.0.0.1:0",
                          *(["--set", "http.idle=2s"] if ending == "wait" else []))
    s3, bucket = aws.client(served, aws.make_key(run, served, "rosa"), retries=5), "cut"
    s3.create_bucket(Bucket=bucket)
    for name, before in (("new", None), ("old", b"before")):
        if ending == "wait" and name == "old":
            continue  # each waits for two seconds
        if before:
            s3.put_object(Bucket=bucket, Key=name, Body=before)
        url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": name})
        for head, body in (("Content-Length: 100000", b"x" * 50_000),
                           ("Content-Length: 100000", b""),
                           ("Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 50_000),
                           ("Transfer-Encoding: chunked", b"5\r\nhello\r\n")):
            answer = sent(url, head, body, ending)
            assert b" 200 " not in answer.split(b"\r\n")[0]
            assert body_of(s3, bucket, name) == before
    # Nothing of it is left on the disk, and the port answers.
    staged = served.data / "objects" / "temp"
    until = time.monotonic() + WAIT_SECONDS_MAX
    while [path for path in staged.rglob("*") if path.suffix != ".claim"]:
        assert time.monotonic() < until
    s3.put_object(Bucket=bucket, Key="new", Body=b"after")
    assert body_of(s3, bucket, "new") == b"after"


def test_through_resets_records_and_messages_that_were_acknowledged_are_there(served, key):
    network = FaultyNetwork(aws.address_of(served), 6, 400_000)
    kinesis = aws.client(served, key, "kinesis", url=network.url, retries=20)
    sqs = aws.client(served, key, "sqs", url=network.url, retries=20)
    # Making them again after a lost answer would be refused.
    aws.client(served, key, "kinesis").create_stream(StreamName="resets", ShardCount=1)
    queue = sqs.create_queue(QueueName="resets")["QueueUrl"]
    for number in range(4 * OBJECTS):
        kinesis.put_records(StreamName="resets", Records=[
            {"Data": b"%d %s" % (number, b"x" * 30_000), "PartitionKey": "k"}])
        sqs.send_message(QueueUrl=queue, MessageBody=f"{number} " + "x" * 30_000)
    network.close()
    straight = aws.client(served, key, "kinesis")
    iterator = straight.get_shard_iterator(
        StreamName="resets", ShardId="shardId-000000000000",
        ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = []
    while len(set(found)) < 4 * OBJECTS:
        answer = straight.get_records(ShardIterator=iterator)
        assert answer["Records"], "acknowledged and lost"
        found += [int(record["Data"].split()[0]) for record in answer["Records"]]
        iterator = answer["NextShardIterator"]
    straight = aws.client(served, key, "sqs")
    got = set()
    while messages := straight.receive_message(QueueUrl=queue,
                                               MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            assert len(message["Body"]) > 30_000
            got.add(int(message["Body"].split()[0]))
    assert got == set(range(4 * OBJECTS))
    assert network.resets > 0


def told_changes(served, key, bucket, changes):
    """(name, event, sequencer, etag) of changes that happened to the bucket."""
    sqs, s3 = aws.client(served, key, "sqs"), aws.client(served, key)
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [
            {"QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{bucket}",
             "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})
    for name, body in changes:
        if body is None:
            s3.delete_object(Bucket=bucket, Key=name)
        else:
            s3.put_object(Bucket=bucket, Key=name, Body=body)
    told = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for record in itertools.chain.from_iterable(
                json.loads(message["Body"]).get("Records", []) for message in messages):
            one = record["s3"]["object"]
            told.append((one["key"], record["eventName"], one["sequencer"], one.get("eTag")))
    return told


def after(events):
    """What a consumer holds who takes an event only when its sequencer is beyond the last."""
    seen = {}
    for name, event, sequencer, etag in events:
        if sequencer.rjust(32, "0") > seen.get(name, ("",))[0]:
            seen[name] = (sequencer.rjust(32, "0"), etag if "Created" in event else None)
    return {name: etag for name, (_, etag) in seen.items() if etag}


def test_t9_notifications_in_any_order_and_number_lead_to_the_same(served, key, s3, bucket):
    events = told_changes(served, key, bucket, [
        ("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", None), ("a", None), ("a", b"3"), ("b", b"2")])
    assert len(events) == 7
    truth = {one["Key"]: one["ETag"].strip('"')
             for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert set(truth) == {"a", "b"}
    orders = random.Random(1)
    for order in itertools.permutations(events):
        assert after(order) == truth
        doubled = list(order) + orders.choices(order, k=3)
        orders.shuffle(doubled)
        assert after(doubled) == truth


def receive_all(sqs, queue):
    while messages := sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10,
            AttributeNames=["ApproximateReceiveCount"]).get("Messages"):
        yield from messages


def test_t10_poison_goes_to_the_dead_letters_after_five_tries_and_back(served, key):
    sqs = aws.client(served, key, "sqs")
    dead = sqs.create_queue(QueueName="poison-dead")["QueueUrl"]
    queue = sqs.create_queue(QueueName="poison", Attributes={
        "VisibilityTimeout": "0", "RedrivePolicy": json.dumps({
            "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:poison-dead",
            "maxReceiveCount": 5})})["QueueUrl"]
    bodies = {n: "not JSON" if n % 100 == 7 else json.dumps({"n": n}) for n in range(300)}
    bodies[50] = "[" * 100_000
    for first in range(0, 300, 10):
        sqs.send_message_batch(QueueUrl=queue, Entries=[
            {"Id": str(n), "MessageBody": bodies[n]} for n in range(first, first + 10)])
    done, tries, cured = [], collections.Counter(), False

    def work():
        for message in receive_all(sqs, queue):
            tries[message["MessageId"]] += 1
            try:
                done.append(json.loads(message["Body"])["n"])
            except (ValueError, RecursionError):
                if not cured:
                    continue
                done.append("cured")
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    work()
    bad = {n for n, body in bodies.items() if not body.startswith("{")}
    assert sorted(done) == sorted(set(bodies) - bad)
    assert sorted(tries.values())[-len(bad):] == [5] * len(bad)
    counts = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == str(len(bad))
    cured = True
    sqs.send_message_batch(QueueUrl=queue, Entries=[
        {"Id": message["MessageId"], "MessageBody": message["Body"]}
        for message in drained(sqs, dead, len(bad))])
    work()
    assert done.count("cured") == len(bad)


def drained(sqs, queue, count):
    found = []
    while len(found) < count:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]:
            found.append(message)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_t10_poison_among_records_costs_no_other_record(served, key, s3, bucket):
    firehose = aws.client(served, key, "firehose", config={"parameter_validation": False})
    firehose.create_delivery_stream(
        DeliveryStreamName="poison", ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/any",
            "BucketARN": f"arn:aws:s3:::{bucket}", "Prefix": "p=!{partitionKeyFromQuery:p}/",
            "ErrorOutputPrefix": "errors/", "DynamicPartitioningConfiguration": {"Enabled": True},
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "ProcessingConfiguration": {"Enabled": True, "Processors": [
                {"Type": "MetadataExtraction", "Parameters": [
                    {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{p: .p}"},
                    {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}]},
                {"Type": "AppendDelimiterToRecord"}]}})
    poison = {7: b"not JSON", 50: b"[" * 200_000, 107: b'{"p":', 207: b'{"p":{}}'}
    records = [poison.get(n, b'{"p":"ok","n":%d}' % n) for n in range(300)]
    firehose.put_record_batch(DeliveryStreamName="poison",
                              Records=[{"Data": record} for record in records])
    until = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        lines = {"p": [], "errors": []}
        for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            lines[one["Key"].split("/")[0].split("=")[0]] += body_of(
                s3, bucket, one["Key"]).splitlines()
        if len(lines["p"]) + len(lines["errors"]) >= 300:
            break
        assert time.monotonic() < until
    assert sorted(lines["p"]) == sorted(r for n, r in enumerate(records) if n not in poison)
    errors = [json.loads(line) for line in lines["errors"]]
    assert sorted(base64.b64decode(e["rawData"]) for e in errors) == sorted(poison.values())
    assert all(error["errorMessage"] for error in errors)
