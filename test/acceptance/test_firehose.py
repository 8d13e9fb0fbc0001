"""Firehose as boto3 1.26 speaks it: records become objects. Rows of the feature list by number."""
import base64
import collections
import gzip
import hashlib
import io
import json
import re
import stat
import struct
import subprocess
import time
import zipfile

import pytest
import snappy

import aws
import cli

ROLE = "arn:aws:iam::000000000000:role/any"
WAIT_SECONDS_MAX = 60
TRANSFORM = """#!/usr/bin/python3
import base64, json, sys
def answer(record):
    data = base64.b64decode(record["data"])
    result = {"d": "Dropped", "f": "ProcessingFailed"}.get(data[:1].decode(), "Ok")
    return {"recordId": record["recordId"], "result": result,
            "data": base64.b64encode(data.upper()).decode()}
print(json.dumps({"records": [answer(r) for r in json.load(sys.stdin)["records"]]}))
"""
DULL = """#!/usr/bin/python3
import json, sys
datas = iter([{}, {"data": 7}, {"data": None}, {"data": "?"}, {"data": ""}])
print(json.dumps({"records": [{"recordId": r["recordId"], "result": "Ok", **next(datas)}
                              for r in json.load(sys.stdin)["records"]]}))
"""


@pytest.fixture(scope="module")
def transforms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transforms")
    program = folder / "shout"
    program.write_text(TRANSFORM)
    odd = folder / "odd"  # answers in JSON, and not as AWS's functions do
    odd.write_text("#!/bin/sh\ncat >/dev/null\n"
                   """echo '{"records":[{"recordId":1,"result":{}},7]}'\n""")
    dull = folder / "dull"  # knows every record and gives no bytes of it
    dull.write_text(DULL)
    for one in program, odd, dull:
        one.chmod(one.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory, transforms):
    return start_module_server(tmp_path_factory.mktemp("firehose"), "--aws", "127.0.0.1:0",
                               "--set", f"aws.transforms={transforms}")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


class Site:
    """Clients of one server, and a bucket."""

    def __init__(self, server, key, bucket):
        loose = {"config": {"parameter_validation": False}}  # its limits are older than AWS's
        self.firehose = aws.client(server, key, "firehose", **loose)
        self.kinesis = aws.client(server, key, "kinesis")
        self.s3 = aws.client(server, key)
        self.bucket = bucket

    def deliver(self, name, seconds=1, mib=64, source=None, processors=(), **config):
        config = {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{self.bucket}",
                  "BufferingHints": {"SizeInMBs": mib, "IntervalInSeconds": seconds}, **config}
        if processors:
            config["ProcessingConfiguration"] = {"Enabled": True, "Processors": [
                {"Type": kind, "Parameters": [
                    {"ParameterName": n, "ParameterValue": v} for n, v in parameters.items()]}
                for kind, parameters in processors]}
        source = {} if source is None else {
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {
                "KinesisStreamARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{source}",
                "RoleARN": ROLE}}
        self.firehose.create_delivery_stream(DeliveryStreamName=name, **source,
                                             ExtendedS3DestinationConfiguration=config)

    def put(self, name, *records):
        answer = self.firehose.put_record_batch(
            DeliveryStreamName=name, Records=[{"Data": record} for record in records])
        assert answer["FailedPutCount"] == 0 and len(answer["RequestResponses"]) == len(records)

    def objects(self, prefix=""):
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {o["Key"]: self.s3.get_object(Bucket=self.bucket, Key=o["Key"])["Body"].read()
                for o in listed}

    def wait(self, prefix="", count=1):
        until = time.monotonic() + WAIT_SECONDS_MAX
        while len(found := self.objects(prefix)) < count:
            assert time.monotonic() < until, found
        return found


@pytest.fixture
def site(served, key, request):
    made = Site(served, key, request.node.name.lower().replace("_", "-")[:60].strip("-"))
    made.s3.create_bucket(Bucket=made.bucket)
    return made


def test_records_become_an_object_after_the_interval(site):
    """Rows 16, 17, 20."""
    site.deliver("plain", CompressionFormat="GZIP",
                 processors=[("AppendDelimiterToRecord", {})])
    site.put("plain", b"one", b"two")
    (name, body), = site.wait().items()
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\d\d/plain-1-\d{4}(-\d\d){5}-[0-9a-f]{8}(-[0-9a-f]{4}){3}"
                        r"-[0-9a-f]{12}\.gz", name)
    assert gzip.decompress(body) == b"one\ntwo\n"
    assert site.s3.head_object(Bucket=site.bucket, Key=name)["ContentType"] == \
        "application/octet-stream"
    told = site.firehose.describe_delivery_stream(
        DeliveryStreamName="plain")["DeliveryStreamDescription"]
    assert told["DeliveryStreamStatus"] == "ACTIVE" and told["VersionId"] == "1"


def test_archives_and_frames_are_opened_by_others(site):
    """Row 20: ZIP by Python's own, zstd by its program, Snappy by Debian's python3-snappy."""
    for name, compression in (("zipped", "ZIP"), ("packed", "ZSTD"), ("snappy", "Snappy"),
                              ("framed", "HADOOP_SNAPPY")):
        site.deliver(name, Prefix=name + "/", CompressionFormat=compression,
                     processors=[("AppendDelimiterToRecord", {})])
        site.put(name, b"one", b"two" * 100)
    (name, body), = site.wait("zipped/").items()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert name.endswith(".zip") and archive.testzip() is None
        [member] = archive.namelist()
        assert archive.read(member) == b"one\n" + b"two" * 100 + b"\n"
    (name, body), = site.wait("packed/").items()
    assert name.endswith(".zst")
    opened = subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True)
    assert opened.stdout == b"one\n" + b"two" * 100 + b"\n"
    (name, body), = site.wait("snappy/").items()
    assert name.endswith(".snappy")
    assert snappy.uncompress(body) == b"one\n" + b"two" * 100 + b"\n"
    (name, body), = site.wait("framed/").items()
    assert unframed(body) == b"one\n" + b"two" * 100 + b"\n"


def unframed(body):
    """What Hadoop's BlockDecompressorStream reads: of each block its size, then packed pieces."""
    parts, at = [], 0
    while at < len(body):
        size, = struct.unpack_from(">I", body, at)
        at += 4
        block = b""
        while len(block) < size:
            packed, = struct.unpack_from(">I", body, at)
            block += snappy.uncompress(body[at + 4:at + 4 + packed])
            at += 4 + packed
        assert len(block) == size
        parts.append(block)
    return b"".join(parts)


def test_size_comes_before_a_long_interval(site):
    """Row 17."""
    site.deliver("sized", seconds=900, mib=1)
    site.put("sized", *[b"x" * 300_000] * 3)
    assert site.objects() == {}
    site.put("sized", b"y" * 300_000)
    assert sum(len(body) for body in site.wait().values()) >= 1 << 20


def test_prefixes_have_times_and_literals(site):
    """Row 18."""
    site.deliver("prefixed",
                 Prefix="a=!{timestamp:yyyy}/!{timestamp:'it''s' MM}/!{firehose:random-string}/",
                 ErrorOutputPrefix="errors/!{firehose:error-output-type}/")
    site.put("prefixed", b"x")
    name = next(iter(site.wait()))
    assert re.match(r"a=\d{4}/it's \d\d/[0-9a-z]{11}/prefixed-1-", name)
    with pytest.raises(site.firehose.exceptions.InvalidArgumentException,
                       match="ErrorOutputPrefix must be given"):
        site.deliver("refused", Prefix="!{timestamp:yyyy}/")


def test_partitions_come_from_a_query(site):
    """Row 19."""
    site.deliver("parted", Prefix="c=!{partitionKeyFromQuery:customer}/",
                 ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
                 DynamicPartitioningConfiguration={"Enabled": True},
                 processors=[("MetadataExtraction", {
                     "MetadataExtractionQuery": "{customer: .customer.id}",
                     "JsonParsingEngine": "JQ-1.6"})])
    records = [b'{"customer":{"id":"a"},"n":1}', b'{"customer":{"id":7}}',
               b'{"customer":{"id":"a"},"n":2}', b'not JSON', b'{"customer":{}}']
    site.put("parted", *records)
    assert list(site.wait("c=a/").values()) == [records[0] + records[2]]
    assert list(site.wait("c=7/").values()) == [records[1]]
    errors = [json.loads(line) for line in
              next(iter(site.wait("errors/processing-failed/").values())).splitlines()]
    assert [base64.b64decode(error["rawData"]) for error in errors] == records[3:]
    assert {error["errorCode"] for error in errors} == {
        "DynamicPartitioning.MetadataExtractionFailed"}


def test_json_becomes_parquet_by_a_declared_table(site, tmp_path):
    """Row 21."""
    site.deliver("rows", ErrorOutputPrefix="errors/", DataFormatConversionConfiguration={
        "Enabled": True,
        "SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": "any", "TableName":
                                "symbol string, day date, close double, volume int, at timestamp"},
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}}}, Prefix="rows/")
    bad = b'{"symbol":"B","volume":"many"}'
    site.put("rows", b'{"symbol":"A","day":"2024-01-02","close":1.5,"volume":7,"at":1700000000}',
             bad, b'{"SYMBOL":"C","more":1}')
    (name, body), = site.wait("rows/").items()
    file = tmp_path / "rows.parquet"
    file.write_bytes(body)
    assert name.endswith(".parquet") and body[:4] == body[-4:] == b"PAR1"
    table = cli.read_parquet(file, tmp_path)
    assert list(table["symbol"]) == ["A", "C"] and table["volume"][0] == 7
    error = json.loads(next(iter(site.wait("errors/format-conversion-failed/").values())))
    assert base64.b64decode(error["rawData"]) == bad
    assert "volume" in error["errorMessage"]


def kpl_record(keys_and_data):
    """As the Kinesis Producer Library packs records into one."""
    def field(number, content):
        length, size = b"", len(content)
        while True:
            length += bytes([size & 127 | (128 if size > 127 else 0)])
            size >>= 7
            if not size:
                return bytes([number << 3 | 2]) + length + content
    keys = [key for key, _ in keys_and_data]
    message = b"".join(field(1, key) for key in keys)
    for n, (_, data) in enumerate(keys_and_data):
        message += field(3, bytes([8, n]) + field(3, data))
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


def test_a_stream_is_delivered_transformed_and_backed_up(site):
    """Rows 14, 22, 23: a stream as the source, with a record of the KPL's and a user's command."""
    stream = site.bucket
    site.kinesis.create_stream(StreamName=stream, ShardCount=2)
    site.deliver("shouted", source=stream, Prefix="out/", ErrorOutputPrefix="errors/",
                 S3BackupMode="Enabled", S3BackupConfiguration={
                     "RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{site.bucket}",
                     "Prefix": "raw/"},
                 processors=[("Lambda", {"LambdaArn": "arn:aws:lambda:us-east-1:000000000000:"
                                                      "function:shout"}),
                             ("AppendDelimiterToRecord", {"Delimiter": "\\n"})])
    site.kinesis.put_records(StreamName=stream, Records=[
        {"Data": data, "PartitionKey": data.decode("latin-1")[:9]} for data in (
            b"ok one", b"dropped", b"failed", kpl_record([(b"k1", b"in a"), (b"k2", b"in b")]))])
    lines = set()
    for body in site.wait("out/").values():
        lines |= set(body.splitlines())
    assert lines == {b"OK ONE", b"IN A", b"IN B"}
    error = json.loads(next(iter(site.wait("errors/processing-failed/").values())))
    assert base64.b64decode(error["rawData"]) == b"failed"
    assert b"dropped" in b"".join(site.wait("raw/").values())
    with pytest.raises(site.firehose.exceptions.InvalidArgumentException, match="not permitted"):
        site.put("shouted", b"x")


def test_a_transform_that_answers_something_else_fails_its_records_alone(site):
    """Once it ended the server, again at each start."""
    site.deliver("odd", Prefix="out/", ErrorOutputPrefix="errors/", processors=[
        ("Lambda", {"LambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:odd"})])
    site.put("odd", b"one", b"two")
    body = next(iter(site.wait("errors/processing-failed/").values()))
    failed = [json.loads(line) for line in body.splitlines()]
    assert [base64.b64decode(one["rawData"]) for one in failed] == [b"one", b"two"]
    assert {one["errorCode"] for one in failed} == {"Lambda.MissingRecordId"}


def test_what_a_transform_gives_instead_of_bytes_is_not_delivered_as_nothing(site):
    site.deliver("dull", Prefix="out/", ErrorOutputPrefix="errors/", processors=[
        ("Lambda", {"LambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:dull"}),
        ("AppendDelimiterToRecord", {})])
    site.put("dull", b"none", b"number", b"null", b"no base64", b"empty")
    body = b"".join(site.wait("errors/processing-failed/").values())
    failed = [json.loads(line) for line in body.splitlines()]
    assert {base64.b64decode(one["rawData"]) for one in failed} == {
        b"none", b"number", b"null", b"no base64"}
    assert {one["errorCode"] for one in failed} == {"Lambda.FunctionError"}
    assert list(site.wait("out/").values()) == [b"\n"], "an empty text is what it says"


def test_who_names_no_tags_is_refused(site):
    """Once it ended the server."""
    site.deliver("tagged")
    for call in site.firehose.tag_delivery_stream, site.firehose.untag_delivery_stream:
        with pytest.raises(site.firehose.exceptions.ClientError, match="ValidationException"):
            call(DeliveryStreamName="tagged")
    site.firehose.tag_delivery_stream(DeliveryStreamName="tagged", Tags=[{"Key": "a"}])
    site.firehose.untag_delivery_stream(DeliveryStreamName="tagged", TagKeys=["b"])
    tags = site.firehose.list_tags_for_delivery_stream(DeliveryStreamName="tagged")["Tags"]
    assert tags == [{"Key": "a", "Value": ""}]


def test_a_destination_is_changed_by_who_knows_its_version(site):
    site.deliver("changed", Prefix="before/")
    change = {"DeliveryStreamName": "changed", "DestinationId": "destinationId-000000000001",
              "ExtendedS3DestinationUpdate": {"Prefix": "after/"}}
    site.firehose.update_destination(CurrentDeliveryStreamVersionId="1", **change)
    with pytest.raises(site.firehose.exceptions.ConcurrentModificationException):
        site.firehose.update_destination(CurrentDeliveryStreamVersionId="1", **change)
    site.put("changed", b"x")
    assert "/changed-2-" in next(iter(site.wait("after/")))
    site.firehose.delete_delivery_stream(DeliveryStreamName="changed")
    assert "changed" not in site.firehose.list_delivery_streams()["DeliveryStreamNames"]


def test_nobody_delivers_into_anothers_bucket(run, served, site):
    thief = Site(served, aws.make_key(run, served, site.bucket[:20]), site.bucket)
    with pytest.raises(thief.firehose.exceptions.ClientError, match="AccessDenied"):
        thief.deliver("taken")


def test_killed_amid_flushes_nothing_is_lost_and_nothing_twice(start_server, run, tmp_path):
    """Row 24: what was acknowledged lies in exactly one object, however often the server is
    killed while objects are being written."""
    data = tmp_path / "killed"
    server = start_server(data, "--aws", "127.0.0.1:0")
    key = aws.make_key(run, server, "rosa")
    site = Site(server, key, "killed")
    site.s3.create_bucket(Bucket="killed")
    site.deliver("d", seconds=0, Prefix="p=!{partitionKeyFromQuery:p}/", ErrorOutputPrefix="e/",
                 DynamicPartitioningConfiguration={"Enabled": True},
                 processors=[("MetadataExtraction", {"MetadataExtractionQuery": "{p: (.n % 7)}",
                                                     "JsonParsingEngine": "JQ-1.6"}),
                             ("AppendDelimiterToRecord", {})])
    count = 0
    for kill in range(8):
        for _ in range(3 + kill % 3):
            site.put("d", *(b'{"n":%d}' % n for n in range(count, count + 50)))
            count += 50
        if kill % 2:
            site.wait(count=1 + kill)
        server.process.kill()
        server.kill()
        server = start_server(data, "--aws", "127.0.0.1:0")
        site = Site(server, key, "killed")
    until = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        seen = collections.Counter(json.loads(line)["n"] for body in site.objects().values()
                                   for line in body.splitlines())
        if len(seen) == count:
            break
        assert time.monotonic() < until, f"{count - len(seen)} records are missing"
    assert set(seen.values()) == {1}
