"""Kinesis as boto3 1.26 and awscli 2.9 speak it (JSON), Java's CBOR (written by hand), and a
consumer of the kind of the KCL. Rows of the feature list by number."""
import base64
import hashlib
import http.client
import json
import random
import threading
import time

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions
import pytest
import requests

import aws


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("kinesis"), "--aws", "127.0.0.1:0")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


@pytest.fixture(scope="module")
def kinesis(served, key):
    return aws.client(served, key, "kinesis")


@pytest.fixture
def stream(kinesis, request):
    kinesis.create_stream(StreamName=request.node.name, ShardCount=2)
    return request.node.name


def refused(code, words=""):
    return pytest.raises(botocore.exceptions.ClientError, match=rf"\({code}\).*{words}")


def shards(kinesis, stream):
    return kinesis.list_shards(StreamName=stream)["Shards"]


def iterator(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    return kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind,
                                      **more)["ShardIterator"]


def records_of(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    return kinesis.get_records(
        ShardIterator=iterator(kinesis, stream, shard, kind, **more))["Records"]


def range_of(shard):
    found = shard["HashKeyRange"]
    return int(found["StartingHashKey"]), int(found["EndingHashKey"])


def test_a_stream_is_made_described_and_removed(served, key, kinesis):
    """Row 1, by awscli."""
    aws.awscli(served, key, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", "2")
    told = json.loads(aws.awscli(served, key, "kinesis", "describe-stream-summary",
                                 "--stream-name", "s"))["StreamDescriptionSummary"]
    assert told["StreamStatus"] == "ACTIVE" and told["OpenShardCount"] == 2
    assert told["StreamARN"].endswith(":stream/s") and told["RetentionPeriodHours"] == 24
    assert "s" in kinesis.list_streams()["StreamNames"]
    with refused("ResourceInUseException", "already exists"):
        kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.delete_stream(StreamName="s")
    with refused("ResourceNotFoundException", "Stream s under account 000000000000 not found."):
        kinesis.describe_stream(StreamName="s")


def test_what_is_put_is_read_and_keys_go_where_md5_says(kinesis, stream):
    """Rows 2 and 4."""
    sent = {f"key {n}": b"\x00\xff" + str(n).encode() for n in range(1000)}
    ranges = {shard["ShardId"]: range_of(shard) for shard in shards(kinesis, stream)}
    keys = list(sent)
    for at in range(0, 1000, 500):
        answer = kinesis.put_records(StreamName=stream, Records=[
            {"Data": sent[key], "PartitionKey": key} for key in keys[at:at + 500]])
        assert answer["FailedRecordCount"] == 0
        for key, placed in zip(keys[at:at + 500], answer["Records"]):
            first, last = ranges[placed["ShardId"]]
            assert first <= int(hashlib.md5(key.encode()).hexdigest(), 16) <= last
    read = {}
    for shard in ranges:
        answer = kinesis.get_records(ShardIterator=iterator(kinesis, stream, shard))
        assert answer["MillisBehindLatest"] == 0 and answer["NextShardIterator"]
        numbers = [int(record["SequenceNumber"]) for record in answer["Records"]]
        assert numbers == sorted(set(numbers))
        read.update({r["PartitionKey"]: r["Data"] for r in answer["Records"]})
    assert read == sent
    one = kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="é" * 256,
                             ExplicitHashKey=str(2**128 - 1))
    assert one["ShardId"] == "shardId-000000000001"


def test_iterators_of_five_kinds(served, key, kinesis, stream):
    """Rows 6 and 7."""
    shard = "shardId-000000000000"

    def put(data):
        return kinesis.put_record(StreamName=stream, Data=data, PartitionKey="k",
                                  ExplicitHashKey="0")["SequenceNumber"]

    def read(kind, **more):
        return [r["Data"] for r in records_of(kinesis, stream, shard, kind, **more)]
    put(b"a")
    second = put(b"b")
    latest = iterator(kinesis, stream, shard, "LATEST")
    put(b"c")
    arrived = [r["ApproximateArrivalTimestamp"] for r in records_of(kinesis, stream, shard)]
    assert read("TRIM_HORIZON") == [b"a", b"b", b"c"]
    assert read("AT_SEQUENCE_NUMBER", StartingSequenceNumber=second) == [b"b", b"c"]
    assert read("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=second) == [b"c"]
    # boto3 sends whole seconds; others send fractions.
    at = json.dumps({"StreamName": stream, "ShardId": shard, "ShardIteratorType": "AT_TIMESTAMP",
                     "Timestamp": arrived[1].timestamp()})
    since = signed(served, key, "GetShardIterator", at, "json").json()["ShardIterator"]
    assert [r["Data"] for r in kinesis.get_records(ShardIterator=since)["Records"]] == [
        b"a", b"b", b"c"][arrived.index(arrived[1]):]
    assert [r["Data"] for r in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"c"]
    with refused("InvalidArgumentException", "Invalid ShardIterator."):
        kinesis.get_records(ShardIterator=latest[:-8] + "AAAAAAA=")
    with refused("InvalidArgumentException", "It encodes shardId-000000000000"):
        iterator(kinesis, stream, "shardId-000000000001", "AT_SEQUENCE_NUMBER",
                 StartingSequenceNumber=second)
    kinesis.delete_stream(StreamName=stream)
    kinesis.create_stream(StreamName=stream, ShardCount=2)
    with refused("InvalidArgumentException", "Invalid ShardIterator."):
        kinesis.get_records(ShardIterator=latest)


def test_shards_split_merge_and_are_counted_anew(kinesis, stream):
    """Row 8."""
    kinesis.put_record(StreamName=stream, Data=b"old", PartitionKey="k", ExplicitHashKey="5")
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000",
                        NewStartingHashKey="1000")
    parent, other, low, high = shards(kinesis, stream)
    assert low["ParentShardId"] == high["ParentShardId"] == parent["ShardId"]
    assert range_of(low) == (0, 999) and range_of(high)[0] == 1000
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    drained = kinesis.get_records(ShardIterator=iterator(kinesis, stream, parent["ShardId"]))
    assert drained["Records"][0]["Data"] == b"old" and "NextShardIterator" not in drained
    assert [child["ShardId"] for child in drained["ChildShards"]] == [low["ShardId"],
                                                                      high["ShardId"]]
    kinesis.merge_shards(StreamName=stream, ShardToMerge=high["ShardId"],
                         AdjacentShardToMerge=other["ShardId"])
    merged = shards(kinesis, stream)[-1]
    assert merged["AdjacentParentShardId"] == other["ShardId"]
    with refused("InvalidArgumentException", "not an adjacent pair"):
        kinesis.merge_shards(StreamName=stream, ShardToMerge=merged["ShardId"],
                             AdjacentShardToMerge=low["ShardId"])
    kinesis.update_shard_count(StreamName=stream, TargetShardCount=4,
                               ScalingType="UNIFORM_SCALING")
    ranges = sorted(range_of(shard) for shard in kinesis.list_shards(
        StreamName=stream, ShardFilter={"Type": "AT_LATEST"})["Shards"])
    assert [first for first, _ in ranges] == [n * 2**126 for n in range(4)]
    assert ranges[-1][1] == 2**128 - 1


def test_a_stream_of_which_only_the_name_is_told_has_its_shards_on_demand(served, key):
    newest = aws.client(served, key, "kinesis", config={"parameter_validation": False})
    newest.create_stream(StreamName="named-only")
    summary = newest.describe_stream_summary(StreamName="named-only")["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert summary["OpenShardCount"] == 4
    with refused("ValidationException", "'shardCount'"):
        newest.create_stream(StreamName="counted", StreamModeDetails={"StreamMode": "PROVISIONED"})


def test_an_iterator_may_have_quotes_around_it(kinesis, stream):
    shard = kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k")["ShardId"]
    quoted = f'"{iterator(kinesis, stream, shard)}"'
    assert [one["Data"] for one in kinesis.get_records(ShardIterator=quoted)["Records"]] == [b"x"]


def test_what_is_wrong_is_told_in_aws_words(kinesis, stream):
    with refused("ValidationException",
                 "1 validation error detected: Value '' at 'partitionKey' failed to satisfy "
                 "constraint: Member must have length greater than or equal to 1"):
        raw(kinesis, "PutRecord", {"StreamName": stream, "Data": "", "PartitionKey": ""})
    with refused("InvalidArgumentException", "Minimum allowed retention period is 24 hours"):
        kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=23)
    with refused("ValidationException", "length less than or equal to 500"):
        kinesis.put_records(StreamName=stream,
                            Records=[{"Data": b"", "PartitionKey": "k"}] * 501)
    with refused("ValidationException", "length less than or equal to 1048576"):
        kinesis.put_record(StreamName=stream, Data=b"x" * 1048577, PartitionKey="k")
    kinesis.put_record(StreamName=stream, Data=b"x" * 1048576, PartitionKey="k")


def raw(client, operation, members):
    """A call that boto3's own checks would stop."""
    config = client.meta.config.merge(botocore.config.Config(parameter_validation=False))
    credentials = client._request_signer._credentials  # pylint: disable=protected-access
    unchecked = boto3.client(client.meta.service_model.service_name, config=config,
                             endpoint_url=client.meta.endpoint_url,
                             region_name=client.meta.region_name,
                             aws_access_key_id=credentials.access_key,
                             aws_secret_access_key=credentials.secret_key)
    return unchecked._make_api_call(operation, members)  # pylint: disable=protected-access


def test_tags_retention_and_consumers(kinesis, stream):
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"team": "atlas", "stage": "test"})
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["stage"])
    assert kinesis.list_tags_for_stream(StreamName=stream)["Tags"] == [
        {"Key": "team", "Value": "atlas"}]
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=8760)
    told = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert told["RetentionPeriodHours"] == 8760
    consumer = kinesis.register_stream_consumer(StreamARN=told["StreamARN"],
                                                ConsumerName="reader")["Consumer"]
    assert consumer["ConsumerStatus"] == "ACTIVE"
    events = kinesis.subscribe_to_shard(ConsumerARN=consumer["ConsumerARN"],
                                        ShardId="shardId-000000000000",
                                        StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]
    kinesis.put_record(StreamName=stream, Data=b"pushed", PartitionKey="k", ExplicitHashKey="0")
    for event in events:
        if event["SubscribeToShardEvent"]["Records"]:
            assert event["SubscribeToShardEvent"]["Records"][0]["Data"] == b"pushed"
            break
    events.close()


def signed(served, key, operation, body, wire):
    """One call, written by hand: the answer of requests."""
    request = botocore.awsrequest.AWSRequest(
        "POST", aws.address_of(served) + "/", data=body,
        headers={"X-Amz-Target": f"Kinesis_20131202.{operation}",
                 "Content-Type": f"application/x-amz-{wire}-1.1"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key.id, key.secret), "kinesis",
                            aws.REGION).add_auth(request)
    return requests.post(request.url, data=request.body, headers=dict(request.headers),
                         timeout=60)


def cbor(value):
    """As much of CBOR as the test sends."""
    def head(major, count):
        if count < 24:
            return bytes([major << 5 | count])
        return bytes([major << 5 | 25]) + count.to_bytes(2, "big")
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def test_cbor_is_answered_in_cbor(served, key, kinesis, stream):
    """Row 10."""
    body = cbor({"StreamName": stream,
                 "Records": [{"Data": b"\x00raw\xff", "PartitionKey": "k"}]})
    answer = signed(served, key, "PutRecords", body, "cbor")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/x-amz-cbor-1.1")
    assert cbor("FailedRecordCount") + cbor(0) in answer.content
    read = [r["Data"] for shard in shards(kinesis, stream)
            for r in records_of(kinesis, stream, shard["ShardId"])]
    assert read == [b"\x00raw\xff"]


def test_a_stream_belongs_to_who_made_it(run, served, stream):
    other = aws.client(served, aws.make_key(run, served, "otto"), "kinesis")
    assert stream not in other.list_streams()["StreamNames"]
    for call in (lambda: other.describe_stream(StreamName=stream),
                 lambda: other.put_record(StreamName=stream, Data=b"x", PartitionKey="k"),
                 lambda: other.delete_stream(StreamName=stream)):
        with refused("AccessDeniedException", "not authorized"):
            call()


def test_limits_on_request(start_server, run, tmp_path):
    """Row 3: partial failures keep their places."""
    server = start_server(tmp_path / "limited", "--aws", "127.0.0.1:0", "--set", "aws.limits=true")
    kinesis = aws.client(server, aws.make_key(run, server, "rosa"), "kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    large = b"x" * 700_000
    answer = kinesis.put_records(StreamName="s", Records=[
        {"Data": data, "PartitionKey": "k"} for data in (large, large, b"small")])
    assert answer["FailedRecordCount"] == 1 and len(answer["Records"]) == 3
    assert answer["Records"][1]["ErrorCode"] == "ProvisionedThroughputExceededException"
    assert "SequenceNumber" in answer["Records"][2]


def test_killed_amid_puts_every_acknowledged_record_is_there_once(start_server, run, tmp_path):
    """Rows 5 and 43's like: SIGKILL, then numbers go on rising."""
    data = tmp_path / "killed"
    server = start_server(data, "--aws", "127.0.0.1:0")
    key = aws.make_key(run, server, "rosa")
    aws.client(server, key, "kinesis").create_stream(StreamName="s", ShardCount=2)
    acknowledged = {}
    for part in range(3):
        kinesis = aws.client(server, key, "kinesis")
        enough = threading.Event()

        def put(writer, kinesis=kinesis, part=part, enough=enough):
            for n in range(10_000):
                names = [f"{part}.{writer}.{n}.{i}" for i in range(10)]
                try:
                    answer = kinesis.put_records(StreamName="s", Records=[
                        {"Data": name.encode(), "PartitionKey": name} for name in names])
                except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                    return
                for name, placed in zip(names, answer["Records"]):
                    acknowledged[name] = placed
                if n == 15 + part * 4:
                    enough.set()
        writers = [threading.Thread(target=put, args=(w,)) for w in range(3)]
        for writer in writers:
            writer.start()
        assert enough.wait(60)
        server.process.kill()
        for writer in writers:
            writer.join()
        server.kill()
        server = start_server(data, "--aws", "127.0.0.1:0")
    kinesis = aws.client(server, key, "kinesis")
    found = {}
    for shard in shards(kinesis, "s"):
        last = 0
        for record in records_of(kinesis, "s", shard["ShardId"]):
            name = record["Data"].decode()
            assert name not in found
            found[name] = (shard["ShardId"], record["SequenceNumber"])
            assert int(record["SequenceNumber"]) > last
            last = int(record["SequenceNumber"])
    for name, placed in acknowledged.items():
        assert found[name] == (placed["ShardId"], placed["SequenceNumber"])


class Consumer:
    """What the KCL does: a lease and a checkpoint for each shard, parents before children; any
    worker may die between reading and its checkpoint's write, and reads on from there."""

    def __init__(self, kinesis, stream, checkpoints):
        self.kinesis, self.stream, self.checkpoints = kinesis, stream, checkpoints

    def turn(self, take, most=7):
        """Reads a little of every shard whose parents are finished. True when all is read."""
        finished = True
        known = {shard["ShardId"]: shard for shard in shards(self.kinesis, self.stream)}
        for shard, told in known.items():
            parents = [told.get("ParentShardId"), told.get("AdjacentParentShardId")]
            if self.checkpoints.get(shard) == "end":
                continue
            if any(p in known and self.checkpoints.get(p) != "end" for p in parents if p):
                finished = False
                continue
            at = self.checkpoints.get(shard)
            position = iterator(self.kinesis, self.stream, shard, *(
                ["AFTER_SEQUENCE_NUMBER"] if at else []),
                **({"StartingSequenceNumber": at} if at else {}))
            answer = self.kinesis.get_records(ShardIterator=position, Limit=most)
            take(shard, answer["Records"])
            if answer["Records"]:
                self.checkpoints[shard] = answer["Records"][-1]["SequenceNumber"]
                finished = False
            if "NextShardIterator" not in answer:
                self.checkpoints[shard] = "end"
        return finished


def test_a_consumer_with_checkpoints_reads_each_record_once_over_reshards(kinesis, stream):
    sent, taken, checkpoints = [], [], {}
    chance = random.Random(3)

    def put(count):
        for _ in range(count):
            name = str(len(sent))
            kinesis.put_record(StreamName=stream, Data=name.encode(),
                               PartitionKey=str(chance.random()))
            sent.append(name)

    def take(_, records):
        taken.extend(record["Data"].decode() for record in records)
    for count in (4, 3, 5, 3):
        put(25)
        Consumer(kinesis, stream, checkpoints).turn(take)
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=count,
                                   ScalingType="UNIFORM_SCALING")
        put(25)
        # A worker dies: what it has checkpointed is all that the next one knows.
        checkpoints = dict(checkpoints)
    until = time.monotonic() + 60
    while not Consumer(kinesis, stream, checkpoints).turn(take):
        assert time.monotonic() < until
    assert sorted(taken, key=int) == sent


JSON = "application/x-amz-json-1.1"
LIST = "Kinesis_20131202.ListStreams"
NO_PARTS = ("Authorization header requires 'Credential' parameter. Authorization header requires "
            "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
NO_QUERY = "AWS query-string parameters must include '{}'. "
TOLD = [  # path, headers, body; type, status, words
    ("/", {"content-type": JSON}, "", "UnknownOperationException", 400, None),
    ("/", {"content-type": JSON, "x-amz-target": LIST}, "", "SerializationException", 400, None),
    ("/", {"content-type": JSON, "x-amz-target": LIST}, "hello", "SerializationException", 400,
     None),
    ("/", {"content-type": JSON, "x-amz-target": LIST}, "{}",
     "MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
    ("/", {"content-type": JSON, "x-amz-target": LIST, "authorization": "X"}, "{}",
     "IncompleteSignatureException", 400, NO_PARTS + "Authorization=X"),
    ("/", {"content-type": JSON, "x-amz-target": LIST, "date": "a",
           "authorization": "AWS4- Signature=b Credential=a"}, "{}",
     "IncompleteSignatureException", 400,
     "Authorization header requires 'SignedHeaders' parameter. "
     "Authorization=AWS4- Signature=b Credential=a"),
    ("/?X-Amz-Algorithm", {"content-type": JSON, "x-amz-target": LIST, "authorization": "X"}, "{}",
     "InvalidSignatureException", 400, "Found both 'X-Amz-Algorithm' as a query-string param and "
                                       "'Authorization' as HTTP header."),
    ("/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d",
     {"content-type": JSON, "x-amz-target": LIST}, "{}", "IncompleteSignatureException", 400,
     NO_QUERY.format("X-Amz-SignedHeaders") + "Re-examine the query-string parameters."),
    ("/?X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=c&X-Amz-Date=d",
     {"content-type": JSON, "x-amz-target": LIST}, "{}", "MissingAuthenticationTokenException", 400,
     "Missing Authentication Token")]


def unsigned(served, method, path, headers, body=""):
    address = aws.address_of(served).removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request(method, path, body.encode() or None, headers)
    answer = connection.getresponse()
    return answer, answer.read()


@pytest.mark.parametrize("path, headers, body, kind, status, words", TOLD)
def test_who_does_not_sign_well_is_told_as_aws_tells_it(served, path, headers, body, kind, status,
                                                        words):
    answer, text = unsigned(served, "POST", path, headers, body)
    assert (answer.status, answer.headers["content-type"]) == (status, JSON)
    assert json.loads(text) == ({"__type": kind, "message": words} if words else {"__type": kind})
    assert len(base64.b64decode(answer.headers["x-amz-id-2"])) in range(64, 81)


def test_who_names_no_operation_is_told_in_the_words_of_his_wire(served):
    answer, text = unsigned(served, "POST", "/", {})
    assert (answer.status, answer.headers["content-type"]) == (400, "application/x-amz-cbor-1.1")
    assert b"UnknownOperationException" in text
    for body, status in (("{}", 404), ("hello", 400)):
        answer, text = unsigned(served, "POST", "/", {
            "content-type": " application/json ;", "x-amz-target": LIST}, body)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
        assert json.loads(text)["Version"] == "1.0"
    answer, text = unsigned(served, "POST", "/", {}, "{}")
    assert (answer.status, "content-type" in answer.headers) == (403, False)
    assert b"<MissingAuthenticationTokenException>" in text


def test_a_browser_may_ask_where_keys_are_checked(served):
    answer, text = unsigned(served, "OPTIONS", "/", {
        "origin": "http://page", "access-control-request-headers": "a, b",
        "access-control-request-method": "POST"})
    assert (answer.status, text, "content-type" in answer.headers) == (200, b"", False)
    told = {name: answer.headers[f"access-control-{name}"]
            for name in ("allow-origin", "allow-headers", "allow-methods", "max-age")}
    assert told == {"allow-origin": "*", "allow-headers": "a, b", "allow-methods": "POST",
                    "max-age": "172800"}
    answer, _ = unsigned(served, "POST", "/", {"origin": "http://page"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_no_page_gets_in_where_any_key_will_do(start_server, tmp_path):
    server = start_server(tmp_path / "any", "--aws", "127.0.0.1:0", "--insecure-any-credentials")
    for method in ("OPTIONS", "POST"):
        answer, _ = unsigned(server, method, "/", {"origin": "http://page"})
        assert "access-control-allow-origin" not in answer.headers
