"""Each documented limit of Kinesis, Firehose and events: just below, at, and just above, by boto3
with its own checks off."""
import botocore.exceptions
import pytest

import aws

KIB, MIB = 1 << 10, 1 << 20
ROLE = "arn:aws:iam::000000000000:role/any"
INVALID = "ValidationException"


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("limits"), "--aws", "127.0.0.1:0")


@pytest.fixture(scope="module")
def clients(run, served):
    key = aws.make_key(run, served, "rosa")
    loose = {"config": {"parameter_validation": False}}
    made = {name: aws.client(served, key, name, **loose)
            for name in ("kinesis", "firehose", "events", "s3")}
    made["kinesis"].create_stream(StreamName="lab", ShardCount=1)
    made["s3"].create_bucket(Bucket="lab")
    deliver(made["firehose"], "lab")
    return made


def told(act, client, numbers):
    """What each was refused with; "" where it was done."""
    answers = []
    for number in numbers:
        try:
            act(client, number)
            answers.append("")
        except botocore.exceptions.ClientError as refusal:
            answers.append(refusal.response["Error"]["Code"])
    return answers


def put(kinesis, data=b"x", key="k", **more):
    kinesis.put_record(StreamName="lab", Data=data, PartitionKey=key, **more)


def put_records(kinesis, count, size=1):
    done = kinesis.put_records(StreamName="lab", Records=[
        {"Data": b"x" * size, "PartitionKey": "k"}] * count)
    assert done["FailedRecordCount"] == 0


def iterator(kinesis):
    shard = kinesis.list_shards(StreamName="lab")["Shards"][0]["ShardId"]
    return kinesis.get_shard_iterator(StreamName="lab", ShardId=shard,
                                      ShardIteratorType="TRIM_HORIZON")["ShardIterator"]


def retain(kinesis, hours):
    now = kinesis.describe_stream_summary(
        StreamName="lab")["StreamDescriptionSummary"]["RetentionPeriodHours"]
    if hours >= now:
        kinesis.increase_stream_retention_period(StreamName="lab", RetentionPeriodHours=hours)
    else:
        kinesis.decrease_stream_retention_period(StreamName="lab", RetentionPeriodHours=hours)


def deliver(firehose, name, mib=5, seconds=300):
    firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration={
        "RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lab",
        "BufferingHints": {"SizeInMBs": mib, "IntervalInSeconds": seconds}})


def put_batch(firehose, count, size=1):
    done = firehose.put_record_batch(DeliveryStreamName="lab", Records=[
        {"Data": b"x" * size}] * count)
    assert done["FailedPutCount"] == 0


def put_events(events, count, size=1):
    done = events.put_events(Entries=[{"Source": "lab", "DetailType": "d",
                                       "Detail": '{"a":"' + "x" * size + '"}'}] * count)
    assert done["FailedEntryCount"] == 0, done


def rule(events, name="lab", pattern='{"source":["lab"]}', **more):
    events.put_rule(Name=name, EventPattern=pattern, **more)


def pattern(size):
    text = '{"source":[""]}'
    return text.replace('""', '"' + "s" * (size - len(text)) + '"')


def put_targets(events, count):
    rule(events, f"targets{count}")
    events.put_targets(Rule=f"targets{count}", Targets=[
        {"Id": str(n), "Arn": "arn:aws:sns:us-east-1:000000000000:t"} for n in range(count)])


MOST = [  # limit, number, what is done with it, what is said above it
    ("kinesis", "letters of a stream's name", 128,
     lambda c, n: c.create_stream(StreamName="s" * n, ShardCount=1), INVALID),
    ("kinesis", "records of a call", 500, put_records, INVALID),
    ("kinesis", "bytes of a record", MIB, lambda c, n: put(c, b"x" * n), INVALID),
    ("kinesis", "letters of a key", 256, lambda c, n: put(c, key="é" * n), INVALID),
    ("kinesis", "explicit hash key", 2**128 - 1,
     lambda c, n: put(c, ExplicitHashKey=str(n)), "InvalidArgumentException"),
    ("kinesis", "records read at once", 10_000,
     lambda c, n: c.get_records(ShardIterator=iterator(c), Limit=n), INVALID),
    ("kinesis", "shards listed at once", 10_000,
     lambda c, n: c.list_shards(StreamName="lab", MaxResults=n), INVALID),
    ("kinesis", "hours of retention", 8760, retain, INVALID),
    ("kinesis", "tags of a call", 10, lambda c, n: c.add_tags_to_stream(
        StreamName="lab", Tags={str(i): "" for i in range(n)}), INVALID),
    ("firehose", "letters of a delivery's name", 64, lambda c, n: deliver(c, "d" * n), INVALID),
    ("firehose", "records of a batch", 500, put_batch, INVALID),
    ("firehose", "bytes of a record", 1000 * KIB, lambda c, n: put_batch(c, 1, n), INVALID),
    ("firehose", "seconds of a buffer", 900,
     lambda c, n: deliver(c, f"seconds{n}", seconds=n), "InvalidArgumentException"),
    ("firehose", "MiB of a buffer", 128, lambda c, n: deliver(c, f"mib{n}", mib=n),
     "InvalidArgumentException"),
    ("events", "entries of a call", 10, put_events, INVALID),
    ("events", "letters of a rule's name", 64, lambda c, n: rule(c, "r" * n), INVALID),
    ("events", "letters of a description", 512,
     lambda c, n: rule(c, Description="d" * n), INVALID),
    ("events", "letters of a pattern", 4096,
     lambda c, n: rule(c, pattern=pattern(n)), "LimitExceededException"),
    ("events", "targets of a rule", 5, put_targets, "LimitExceededException"),
    ("events", "letters of a bus's name", 256,
     lambda c, n: c.create_event_bus(Name="b" * n), INVALID)]
LEAST = [
    ("kinesis", "records read at once", 1,
     lambda c, n: c.get_records(ShardIterator=iterator(c), Limit=n), INVALID),
    ("kinesis", "hours of retention", 24, retain, "InvalidArgumentException"),
    ("kinesis", "letters of a key", 1, lambda c, n: put(c, key="k" * n), INVALID),
    ("firehose", "MiB of a buffer", 1, lambda c, n: deliver(c, f"mib{n}", mib=n),
     "InvalidArgumentException")]


@pytest.mark.parametrize("service, limit, act, code", [(s, *row) for s, _, *row in MOST],
                         ids=[f"{s}: {name}" for s, name, *_ in MOST])
def test_the_most(clients, service, limit, act, code):
    assert told(act, clients[service], (limit - 1, limit, limit + 1)) == ["", "", code]


@pytest.mark.parametrize("service, limit, act, code", [(s, *row) for s, _, *row in LEAST],
                         ids=[f"{s}: {name}" for s, name, *_ in LEAST])
def test_the_least(clients, service, limit, act, code):
    assert told(act, clients[service], (limit - 1, limit, limit + 1)) == [code, "", ""]


def test_the_most_bytes_of_a_call(clients):
    """The records' bytes and their keys; what is behind the limit is refused whole."""
    at = (10 * MIB - 20) // 20
    assert told(lambda c, n: c.put_records(StreamName="lab", Records=[
        {"Data": b"x" * at, "PartitionKey": "k"}] * 19 + [
            {"Data": b"x" * (10 * MIB - 19 * (at + 1) - 1 + n), "PartitionKey": "k"}]),
                clients["kinesis"], (-1, 0, 1)) == ["", "", "InvalidArgumentException"]
    assert told(lambda c, n: c.put_record_batch(DeliveryStreamName="lab", Records=[
        {"Data": b"x" * (MIB - 100 * KIB)}] * 4 + [{"Data": b"x" * (400 * KIB + n)}]),
                clients["firehose"], (-1, 0, 1)) == ["", "", "InvalidArgumentException"]
