"""Each documented limit of S3 and SQS: just below, at, and just above, by boto3 as it is.

boto3 checks little of this by itself; what it would refuse is sent with its checks off."""
import http.client
import json

import botocore.exceptions
import botocore.handlers
import pytest

import aws


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("limits"), "--aws", "127.0.0.1:0")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


@pytest.fixture(scope="module")
def s3(served, key):
    client = aws.client(served, key, config={"parameter_validation": False,
                                             "signature_version": "s3v4"})
    # boto3's own check of bucket names would hide ours.
    client.meta.events.unregister("before-parameter-build.s3",
                                  botocore.handlers.validate_bucket_name)
    client.create_bucket(Bucket="lab")
    return client


@pytest.fixture(scope="module")
def sqs(served, key):
    client = aws.client(served, key, "sqs", config={"parameter_validation": False})
    client.create_queue(QueueName="lab")
    return client


@pytest.fixture(scope="module")
def url(sqs):
    return sqs.get_queue_url(QueueName="lab")["QueueUrl"]


def code_of(call):
    """What it was refused with; "" when it was done."""
    try:
        call()
    except botocore.exceptions.ClientError as refusal:
        return refusal.response["Error"]["Code"].rsplit(".", 1)[-1]
    return ""


def tags(count, key=3, value=1):
    return [{"Key": str(i).rjust(key, "k"), "Value": "v" * value} for i in range(count)]


def rules(count):
    return {"Rules": [{"ID": str(i), "Status": "Enabled", "Filter": {"Prefix": f"p{i}/"},
                       "Expiration": {"Days": 1}} for i in range(count)]}


def cors(count):
    return {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": [f"http://{i}"]}
                          for i in range(count)]}


def policy(size):
    text = json.dumps({"Version": "2012-10-17", "Id": "", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
         "Resource": "arn:aws:s3:::lab/x"}]})
    return text.replace('"Id": ""', '"Id": "' + "i" * (size - len(text)) + '"')


def delete(s3, count):
    answer = s3.delete_objects(Bucket="lab", Delete={"Quiet": True, "Objects": [
        {"Key": f"none{i}"} for i in range(count)]})
    assert not answer.get("Errors"), answer["Errors"][:1]


def part(s3, number):
    upload = s3.create_multipart_upload(Bucket="lab", Key="parts")["UploadId"]
    s3.upload_part(Bucket="lab", Key="parts", UploadId=upload, PartNumber=number, Body=b"x")


def whole(s3, first_bytes):
    upload = s3.create_multipart_upload(Bucket="lab", Key="whole")["UploadId"]
    place = {"Bucket": "lab", "Key": "whole", "UploadId": upload}
    etags = [s3.upload_part(PartNumber=n + 1, Body=body, **place)["ETag"]
             for n, body in enumerate((b"x" * first_bytes, b"y"))]
    s3.complete_multipart_upload(MultipartUpload={"Parts": [
        {"PartNumber": n + 1, "ETag": etag} for n, etag in enumerate(etags)]}, **place)


def put(s3, name="x", **more):
    s3.put_object(Bucket="lab", Key=name, Body=b"", **more)


MIB = 1 << 20
S3 = [  # limit, what is done with a number, and what is said above it
    ("bytes of a key", 1024, lambda s3, n: put(s3, "k" * n), "KeyTooLongError"),
    ("bytes of user metadata", 2048, lambda s3, n: put(s3, Metadata={"a": "x" * (n - 1)}),
     "MetadataTooLarge"),
    ("tags of an object", 10, lambda s3, n: s3.put_object_tagging(
        Bucket="lab", Key="tagged", Tagging={"TagSet": tags(n)}), "BadRequest"),
    ("letters of a tag's key", 128, lambda s3, n: s3.put_object_tagging(
        Bucket="lab", Key="tagged", Tagging={"TagSet": tags(1, key=n)}), "InvalidTag"),
    ("letters of a tag's value", 256, lambda s3, n: s3.put_object_tagging(
        Bucket="lab", Key="tagged", Tagging={"TagSet": tags(1, value=n)}), "InvalidTag"),
    ("tags of a bucket", 50, lambda s3, n: s3.put_bucket_tagging(
        Bucket="lab", Tagging={"TagSet": tags(n)}), "BadRequest"),
    ("letters of a bucket's name", 63, lambda s3, n: s3.create_bucket(Bucket="b" * n),
     "InvalidBucketName"),
    ("keys removed at once", 1000, delete, "MalformedXML"),
    ("number of a part", 10_000, part, "InvalidArgument"),
    ("rules of a lifecycle", 1000, lambda s3, n: s3.put_bucket_lifecycle_configuration(
        Bucket="lab", LifecycleConfiguration=rules(n)), "MalformedXML"),
    ("rules of CORS", 100, lambda s3, n: s3.put_bucket_cors(
        Bucket="lab", CORSConfiguration=cors(n)), "InvalidRequest"),
    ("bytes of a policy", 20 << 10, lambda s3, n: s3.put_bucket_policy(
        Bucket="lab", Policy=policy(n)), "PolicyTooLarge")]


def send(sqs, url, **more):
    sqs.send_message(QueueUrl=url, **{"MessageBody": "m", **more})


def attributes(count):
    return {f"a{i}": {"DataType": "String", "StringValue": "v"} for i in range(count)}


def batch(sqs, url, ids, body="m"):
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": one, "MessageBody": body} for one in ids])
    assert not answer.get("Failed"), answer["Failed"]


def queue(sqs, name, **values):
    sqs.create_queue(QueueName=name, Attributes={k: str(v) for k, v in values.items()})


def fifo(sqs, **more):
    url = sqs.create_queue(QueueName="f.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    send(sqs, url, **{"MessageGroupId": "g", "MessageDeduplicationId": "d", **more})


SQS = [
    ("letters of a queue's name", 80, lambda sqs, url, n: queue(sqs, "q" * n),
     "InvalidParameterValue"),
    ("bytes of a message", MIB, lambda sqs, url, n: send(sqs, url, MessageBody="m" * n),
     "InvalidParameterValue"),
    ("attributes of a message", 10,
     lambda sqs, url, n: send(sqs, url, MessageAttributes=attributes(n)), "InvalidParameterValue"),
    ("messages of a batch", 10, lambda sqs, url, n: batch(sqs, url, map(str, range(n))),
     "TooManyEntriesInBatchRequest"),
    ("letters of a batch's id", 80, lambda sqs, url, n: batch(sqs, url, ["i" * n]),
     "InvalidBatchEntryId"),
    ("bytes of a batch of two", MIB,
     lambda sqs, url, n: sqs.send_message_batch(QueueUrl=url, Entries=[
         {"Id": "a", "MessageBody": "m" * (n // 2)},
         {"Id": "b", "MessageBody": "m" * (n - n // 2)}]), "BatchRequestTooLong"),
    ("seconds of a message's delay", 900, lambda sqs, url, n: send(sqs, url, DelaySeconds=n),
     "InvalidParameterValue"),
    ("messages received at once", 10, lambda sqs, url, n: sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=n, VisibilityTimeout=0), "InvalidParameterValue"),
    ("seconds of a visibility", 43_200, lambda sqs, url, n: sqs.receive_message(
        QueueUrl=url, VisibilityTimeout=n), "InvalidParameterValue"),
    ("seconds of a queue's visibility", 43_200,
     lambda sqs, url, n: queue(sqs, f"v{n}", VisibilityTimeout=n), "InvalidAttributeValue"),
    ("seconds of a queue's delay", 900, lambda sqs, url, n: queue(sqs, f"d{n}", DelaySeconds=n),
     "InvalidAttributeValue"),
    ("seconds of a queue's wait", 20,
     lambda sqs, url, n: queue(sqs, f"w{n}", ReceiveMessageWaitTimeSeconds=n),
     "InvalidAttributeValue"),
    ("seconds of retention", 1_209_600,
     lambda sqs, url, n: queue(sqs, f"r{n}", MessageRetentionPeriod=n), "InvalidAttributeValue"),
    ("bytes that a queue may allow", MIB,
     lambda sqs, url, n: queue(sqs, f"m{n}", MaximumMessageSize=n), "InvalidAttributeValue"),
    ("tags of a queue", 50, lambda sqs, url, n: sqs.create_queue(
        QueueName=f"t{n}", tags={f"k{i}": "v" for i in range(n)}), "InvalidParameterValue"),
    ("letters of a group", 128, lambda sqs, url, n: fifo(sqs, MessageGroupId="g" * n),
     "InvalidParameterValue"),
    ("letters of a deduplication", 128,
     lambda sqs, url, n: fifo(sqs, MessageDeduplicationId="d" * n), "InvalidParameterValue")]

LEAST = [  # the least, and what is said below it
    ("seconds of retention", 60, lambda sqs, url, n: queue(sqs, f"r{n}", MessageRetentionPeriod=n),
     "InvalidAttributeValue"),
    ("bytes that a queue may allow", 1024,
     lambda sqs, url, n: queue(sqs, f"m{n}", MaximumMessageSize=n), "InvalidAttributeValue"),
    ("messages received at once", 1, lambda sqs, url, n: sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=n, VisibilityTimeout=0), "InvalidParameterValue"),
    ("messages of a batch", 1, lambda sqs, url, n: batch(sqs, url, map(str, range(n))),
     "EmptyBatchRequest"),
    ("bytes of a message", 1, lambda sqs, url, n: send(sqs, url, MessageBody="m" * n),
     "MissingParameter")]


@pytest.mark.parametrize("limit, act, code", [row[1:] for row in S3], ids=[row[0] for row in S3])
def test_the_most_of_s3(s3, limit, act, code):
    put(s3, "tagged")
    told = [code_of(lambda n=n: act(s3, n)) for n in (limit - 1, limit, limit + 1)]
    assert told == ["", "", code]


@pytest.mark.parametrize("limit, act, code", [row[1:] for row in SQS], ids=[row[0] for row in SQS])
def test_the_most_of_sqs(sqs, url, limit, act, code):
    told = [code_of(lambda n=n: act(sqs, url, n)) for n in (limit - 1, limit, limit + 1)]
    assert told == ["", "", code]


@pytest.mark.parametrize("limit, act, code", [row[1:] for row in LEAST],
                         ids=[row[0] for row in LEAST])
def test_the_least_of_sqs(sqs, url, limit, act, code):
    told = [code_of(lambda n=n: act(sqs, url, n)) for n in (limit - 1, limit, limit + 1)]
    assert told == [code, "", ""]


def test_the_shortest_name_of_a_bucket(s3):
    told = [code_of(lambda n=n: s3.create_bucket(Bucket="b" * n)) for n in (2, 3, 4)]
    assert told == ["InvalidBucketName", "", ""]


def test_the_least_part_that_others_follow(s3):
    told = [code_of(lambda n=n: whole(s3, n)) for n in (5 * MIB - 1, 5 * MIB, 5 * MIB + 1)]
    assert told == ["EntityTooSmall", "", ""]


def test_a_page_has_a_thousand_keys_at_most(s3):
    for n in (999, 1000, 1001):
        assert s3.list_objects_v2(Bucket="lab", MaxKeys=n)["MaxKeys"] == min(n, 1000)


def test_the_longest_time_of_a_presigned_address(served, s3):
    put(s3, "signed")
    address = aws.address_of(served).removeprefix("http://")
    told = []
    for seconds in (604_799, 604_800, 604_801):
        signed = s3.generate_presigned_url("get_object", {"Bucket": "lab", "Key": "signed"},
                                           ExpiresIn=seconds)
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request("GET", signed.split(address, 1)[1])
        told.append(connection.getresponse().status)
    assert told == [200, 200, 400]
