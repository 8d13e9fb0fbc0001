"""S3's answers where AWS says more than yes or no: what refusals name, what isn't there is said,
what an object gets without asking. As AWS's own answers were recorded by LocalStack's tests."""
import base64
import datetime
import hashlib
import json
import re

import boto3
import botocore.exceptions
import pytest
import requests

import aws

MEBIBYTE = 1 << 20
CRC64_POLYNOMIAL = 0x9a6c9329ac4bc9b5


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("answers"), "--aws", "127.0.0.1:0",
                               "--set", "aws.lifecycle_interval=1s")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


@pytest.fixture(scope="module")
def s3(served, key):
    return aws.client(served, key)


@pytest.fixture
def bucket(s3, request):
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    s3.create_bucket(Bucket=name)
    return name


def error_of(call, **arguments):
    """What AWS's client is told: the error without its message."""
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        call(**arguments)
    error = dict(failed.value.response["Error"])
    error.pop("Message", None)
    return error


def headers_of(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]


def crc64_of(data):
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (CRC64_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    crc = (1 << 64) - 1
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return base64.b64encode((crc ^ (1 << 64) - 1).to_bytes(8, "big")).decode()


def test_a_bucket_lies_in_the_region_that_is_named(s3, served, key):
    def make(client, name, where):
        return client.create_bucket(Bucket=name,
                                    CreateBucketConfiguration={"LocationConstraint": where})

    for wrong in ("us-east-1", "nowhere", "aws-global"):
        assert error_of(make, client=s3, name="lies-wrongly", where=wrong) == {
            "Code": "InvalidLocationConstraint", "LocationConstraint": wrong}
    make(s3, "lies-in-paris", "eu-west-3")
    assert s3.get_bucket_location(Bucket="lies-in-paris")["LocationConstraint"] == "eu-west-3"
    assert headers_of(s3.head_bucket(Bucket="lies-in-paris"))["x-amz-bucket-region"] == "eu-west-3"
    make(s3, "lies-in-europe", "EU")
    assert s3.get_bucket_location(Bucket="lies-in-europe")["LocationConstraint"] == "EU"
    assert headers_of(s3.head_bucket(Bucket="lies-in-europe"))["x-amz-bucket-region"] == "eu-west-1"
    west = boto3.client("s3", endpoint_url=aws.address_of(served), region_name="us-west-2",
                        aws_access_key_id=key.id, aws_secret_access_key=key.secret)
    assert error_of(make, client=west, name="lies-elsewhere", where="eu-west-3") == {
        "Code": "IllegalLocationConstraintException"}
    make(west, "lies-in-the-west", "us-west-2")
    west.create_bucket(Bucket="lies-there-too")
    assert west.get_bucket_location(Bucket="lies-there-too")["LocationConstraint"] == "us-west-2"


def test_what_isnt_here_is_said_and_nothing_is_done(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"mine")
    there = {"Bucket": bucket, "Key": "k"}
    for call, asked in (
            (s3.put_object, {"SSECustomerKey": "0" * 32, "SSECustomerAlgorithm": "AES256"}),
            (s3.put_object, {"ServerSideEncryption": "aws:kms"}),
            (s3.put_object, {"ObjectLockLegalHoldStatus": "ON"}),
            (s3.create_multipart_upload, {"ServerSideEncryption": "aws:kms"}),
            (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}}),
            (s3.put_object_retention, {"Retention": {
                "Mode": "GOVERNANCE", "RetainUntilDate": datetime.datetime(2040, 1, 1)}}),
            (s3.get_object_torrent, {})):
        assert error_of(call, **there, **asked)["Code"] == "NotImplemented", asked
    assert s3.get_object(**there)["Body"].read() == b"mine"
    assert error_of(s3.create_bucket, Bucket=bucket + "-locked",
                    ObjectLockEnabledForBucket=True)["Code"] == "NotImplemented"
    assert error_of(s3.put_bucket_analytics_configuration, Bucket=bucket, Id="a",
                    AnalyticsConfiguration={"Id": "a", "StorageClassAnalysis": {}}
                    )["Code"] == "NotImplemented"
    assert error_of(s3.list_bucket_inventory_configurations,
                    Bucket=bucket)["Code"] == "NotImplemented"
    # Nothing is encrypted, and the answer doesn't say that it was.
    assert "ServerSideEncryption" not in s3.put_object(**there, ServerSideEncryption="AES256")


def test_an_owner_that_is_no_account_is_told_as_that(s3, bucket):
    for wrong in ("0000", "abcd", "aa000000000$"):
        assert error_of(s3.get_bucket_policy, Bucket=bucket, ExpectedBucketOwner=wrong) == {
            "Code": "InvalidBucketOwnerAWSAccountID"}
    assert error_of(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="999999999999") == {
        "Code": "AccessDenied"}
    s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="000000000000")


def test_refusals_of_uploads_name_the_part(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    about = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etags = [s3.upload_part(**about, PartNumber=n, Body=b"data")["ETag"] for n in (1, 2)]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    bare = etags[0].strip('"')

    def complete(*chosen):
        return error_of(s3.complete_multipart_upload, **about,
                        MultipartUpload={"Parts": list(chosen)})

    assert complete(*parts) == {"Code": "EntityTooSmall", "ProposedSize": "4", "PartNumber": "1",
                                "MinSizeAllowed": str(5 * MEBIBYTE), "ETag": bare}
    assert complete({**parts[0], "PartNumber": 7}) == {
        "Code": "InvalidPart", "UploadId": upload, "PartNumber": "7", "ETag": bare}
    assert complete(*reversed(parts)) == {"Code": "InvalidPartOrder", "UploadId": upload}
    assert error_of(s3.upload_part, **about, PartNumber=-1, Body=b"") == {
        "Code": "InvalidArgument", "ArgumentName": "partNumber", "ArgumentValue": "-1"}
    assert error_of(s3.upload_part, **about, PartNumber=1, Body=b"x",
                    ContentMD5="CYketZBSTjX8czcs3cXVlg==") == {
        "Code": "BadDigest", "ExpectedDigest": "CYketZBSTjX8czcs3cXVlg==",
        "CalculatedDigest": base64.b64encode(hashlib.md5(b"x").digest()).decode()}


def test_reads_tell_what_they_could_have_given(s3, bucket):
    there = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**there, Body=b"datadata")
    assert error_of(s3.get_object, **there, Range="bytes=1024-4096") == {
        "Code": "InvalidRange", "ActualObjectSize": "8", "RangeRequested": "bytes=1024-4096"}
    assert error_of(s3.get_object, **there, PartNumber=2) == {
        "Code": "InvalidPartNumber", "ActualPartCount": "1", "PartNumberRequested": "2"}
    assert error_of(s3.get_object, **there, PartNumber=1, Range="bytes=0-1") == {
        "Code": "InvalidRequest"}
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    assert s3.get_object(**there, IfModifiedSince=later)["Body"].read() == b"datadata"
    assert error_of(s3.get_object, **there, IfNoneMatch="other", IfMatch="another") == {
        "Code": "PreconditionFailed", "Condition": "If-Match"}
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]["LastModified"]
    assert listed == s3.head_object(**there)["LastModified"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(**there)
    assert error_of(s3.put_object_acl, **there, ACL="private") == {
        "Code": "MethodNotAllowed", "Method": "PUT", "ResourceType": "DeleteMarker"}
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    assert error_of(s3.get_object, Bucket=bucket, Key="cold") == {
        "Code": "InvalidObjectState", "StorageClass": "GLACIER"}


def test_whoever_asks_for_no_checksum_gets_crc64(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="one", Body=b"123456789")
    assert headers_of(put)["x-amz-checksum-crc64nvme"] == crc64_of(b"123456789") == "rosUhgp5mIg="
    got = s3.get_object(Bucket=bucket, Key="one", ChecksumMode="enabled")
    assert headers_of(got)["x-amz-checksum-crc64nvme"] == "rosUhgp5mIg="
    data = bytes(range(256)) * (20 << 10) + b"the last part"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    about = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    s3.put_object(Bucket=bucket, Key="end", Body=data[5 * MEBIBYTE:])
    parts = [s3.upload_part(**about, PartNumber=1, Body=data[:5 * MEBIBYTE],
                            ChecksumAlgorithm="CRC32")["ETag"],
             s3.upload_part_copy(**about, PartNumber=2, CopySource=f"{bucket}/end"
                                 )["CopyPartResult"]["ETag"]]
    s3.complete_multipart_upload(**about, MultipartUpload={"Parts": [
        {"PartNumber": n, "ETag": etag} for n, etag in enumerate(parts, 1)]})
    got = headers_of(s3.head_object(Bucket=bucket, Key="parts", ChecksumMode="ENABLED"))
    assert got["x-amz-checksum-crc64nvme"] == crc64_of(data)
    assert got["x-amz-checksum-type"] == "FULL_OBJECT"
    assert error_of(s3.put_object, Bucket=bucket, Key="bad", Body=b"x",
                    ChecksumSHA256="isn't base64") == {"Code": "InvalidRequest"}


def test_an_upload_is_completed_as_its_request_says_or_not_at_all(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")
    about = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    assert error_of(s3.upload_part, **about, PartNumber=1, Body=b"data",
                    ChecksumAlgorithm="CRC32") == {"Code": "InvalidRequest"}
    part = s3.upload_part(**about, PartNumber=1, Body=b"data", ChecksumAlgorithm="SHA256")
    bare = {"PartNumber": 1, "ETag": part["ETag"]}
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()

    def complete(size=None, **of_part):
        def name_size(request, **_):
            if size:
                request.headers["x-amz-mp-object-size"] = size
        s3.meta.events.register("before-sign.s3.CompleteMultipartUpload", name_size)
        try:
            return s3.complete_multipart_upload(**about, MultipartUpload={
                "Parts": [{**bare, **of_part}]})
        finally:
            s3.meta.events.unregister("before-sign.s3.CompleteMultipartUpload", name_size)

    assert error_of(complete) == {"Code": "InvalidRequest"}, "a checksum of checksums wants all"
    assert error_of(complete, ChecksumSHA256=other)["Code"] == "InvalidPart"
    assert error_of(complete, size="5", ChecksumSHA256=part["ChecksumSHA256"]) == {
        "Code": "InvalidRequest"}
    made = complete(size="4", ChecksumSHA256=part["ChecksumSHA256"])
    assert made["ChecksumSHA256"].endswith("-1")


def test_who_names_a_key_within_a_folder_has_seen_the_folder(s3, bucket):
    for name in ("a/sub/1", "a/sub/2", "a/z"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x", ChecksumAlgorithm="CRC32")
    within = {"Bucket": bucket, "Prefix": "a/", "Delimiter": "/"}
    for listed in (s3.list_objects(**within, Marker="a/sub/1"),
                   s3.list_objects_v2(**within, StartAfter="a/sub/1")):
        assert [one["Key"] for one in listed["Contents"]] == ["a/z"]
        assert "CommonPrefixes" not in listed
    assert s3.list_objects(**within)["CommonPrefixes"] == [{"Prefix": "a/sub/"}]
    got = s3.get_object(Bucket=bucket, Key="a/z", Range="bytes=0-99", ChecksumMode="ENABLED")
    assert "ChecksumCRC32" in got, "the range is all of it"


def test_copies_get_what_they_are_asked_for(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a key", Body=b"123456789", ChecksumAlgorithm="CRC32")
    for algorithm, value in (("CRC32C", "4waSgw=="), ("SHA1", "98O8HYCOBHMq32eZZczDTKeuNEE=")):
        copied = s3.copy_object(Bucket=bucket, Key="copy", ChecksumAlgorithm=algorithm,
                                CopySource={"Bucket": bucket, "Key": "a key"})
        assert copied["CopyObjectResult"][f"Checksum{algorithm}"] == value
        head = s3.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm}"] == value
    same = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "copy"}}
    assert error_of(s3.copy_object, **same)["Code"] == "InvalidRequest"
    s3.copy_object(**same, WebsiteRedirectLocation="/there")
    assert s3.head_object(Bucket=bucket, Key="copy")["WebsiteRedirectLocation"] == "/there"
    # A space as forms write it, which some clients do; a whole address.
    for source in (f"{bucket}/a+key", f"http://elsewhere.example/{bucket}/a%20key"):
        def name_source(request, source=source, **_):
            del request.headers["x-amz-copy-source"]
            request.headers["x-amz-copy-source"] = source
        s3.meta.events.register("before-sign.s3.CopyObject", name_source)
        try:
            s3.copy_object(Bucket=bucket, Key="copied", CopySource=f"{bucket}/replaced")
        finally:
            s3.meta.events.unregister("before-sign.s3.CopyObject", name_source)
        assert s3.get_object(Bucket=bucket, Key="copied")["Body"].read() == b"123456789"
        s3.delete_object(Bucket=bucket, Key="copied")


def test_small_objects_stay_out_of_colder_classes(s3, bucket, served, key):
    sqs = aws.client(served, key, "sqs")
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{bucket}",
                                 "Events": ["s3:LifecycleTransition"]}]})

    def put_rules(minimum=None):
        def name_minimum(request, **_):
            if minimum:
                request.headers["x-amz-transition-default-minimum-object-size"] = minimum
        s3.meta.events.register("before-sign.s3.PutBucketLifecycleConfiguration", name_minimum)
        try:
            s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
                {"ID": "cold", "Status": "Enabled", "Filter": {"Prefix": ""}, "Transitions": [
                    {"Date": datetime.datetime(2020, 1, 1), "StorageClass": "GLACIER"}]}]})
        finally:
            s3.meta.events.unregister("before-sign.s3.PutBucketLifecycleConfiguration",
                                      name_minimum)
        return headers_of(s3.get_bucket_lifecycle_configuration(Bucket=bucket)
                          )["x-amz-transition-default-minimum-object-size"]

    def next_moved():
        while True:
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                for record in json.loads(message["Body"]).get("Records", []):
                    return record["s3"]["object"]["key"]

    s3.put_object(Bucket=bucket, Key="a-small-one", Body=b"x")
    s3.put_object(Bucket=bucket, Key="large", Body=b"x" * (128 << 10))
    assert error_of(put_rules, minimum="none at all") == {"Code": "InvalidRequest"}
    assert put_rules() == "all_storage_classes_128K"
    # Keys are followed in their order: the small one was looked at before.
    assert next_moved() == "large"
    assert put_rules("varies_by_storage_class") == "varies_by_storage_class"
    assert next_moved() == "a-small-one"


def test_a_domains_buckets_are_hosts_where_any_key_will_do(start_server, tmp_path):
    server = start_server(tmp_path / "named", "--aws", "127.0.0.1:0", "--insecure-any-credentials",
                          "--set", "aws.domains=s3.lab.example")
    port = aws.address_of(server).rsplit(":", 1)[1]

    def ask(method, host, path, body=b""):
        return requests.request(method, f"http://127.0.0.1:{port}{path}", data=body, timeout=60,
                                headers={"Host": f"{host}:{port}"})

    assert ask("PUT", "cells.s3.lab.example", "/").status_code == 200
    assert ask("PUT", "cells.s3.lab.example", "/a/b", b"x").status_code == 200
    assert ask("GET", "s3.lab.example", "/cells/a/b").content == b"x"
    for foreign in ("evil.example", "cellss3.lab.example", "s3.lab.example.evil.example"):
        assert ask("GET", foreign, "/cells/a/b").status_code == 421, foreign
