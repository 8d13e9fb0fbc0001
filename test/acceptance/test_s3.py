"""S3 as boto3 1.26, awscli 2.9, s3cmd and curl speak it. Rows of the feature list by number."""
import base64
import concurrent.futures
import datetime
import hashlib
import json
import os
import re
import subprocess
import urllib.parse
import zlib

import botocore.exceptions
import pytest
import requests

import aws

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("s3"), "--aws", "127.0.0.1:0",
                               "--set", "aws.tls=self-signed",
                               "--set", "aws.lifecycle_interval=1s")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


@pytest.fixture(scope="module")
def other(run, served):
    return aws.make_key(run, served, "otto")


@pytest.fixture(scope="module")
def s3(served, key):
    return aws.client(served, key)


@pytest.fixture(scope="module")
def newer(served, key):
    """A client that presigns by version 4, where headers needn't be known beforehand."""
    return aws.client(served, key, config={"signature_version": "s3v4"})


@pytest.fixture
def bucket(s3, request):
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    s3.create_bucket(Bucket=name)
    return name


def refused(code):
    """with refused("NoSuchKey"): what is inside must fail so."""
    return pytest.raises(botocore.exceptions.ClientError, match=rf"\({code}\)")


def body_of(answer):
    return answer["Body"].read()


def test_put_get_head_delete_keep_bytes_headers_and_metadata(s3, bucket):
    for size in (0, 1, 1000, 16 << 10, (16 << 10) + 1, 3 * MEBIBYTE + 7):
        data = os.urandom(size)
        put = s3.put_object(Bucket=bucket, Key=f"a/{size}", Body=data, ContentType="text/x-cells",
                            CacheControl="max-age=1", Metadata={"lab": "north"})
        assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
        got = s3.get_object(Bucket=bucket, Key=f"a/{size}")
        assert body_of(got) == data
        for answer in (got, s3.head_object(Bucket=bucket, Key=f"a/{size}")):
            assert answer["ContentLength"] == size and answer["ETag"] == put["ETag"]
            assert answer["ContentType"] == "text/x-cells" and answer["CacheControl"] == "max-age=1"
            assert answer["Metadata"] == {"lab": "north"}
        s3.delete_object(Bucket=bucket, Key=f"a/{size}")
        with refused("NoSuchKey"):
            s3.get_object(Bucket=bucket, Key=f"a/{size}")
        with refused("404"):
            s3.head_object(Bucket=bucket, Key=f"a/{size}")
    s3.delete_object(Bucket=bucket, Key="never was")


def test_buckets_are_made_listed_and_removed(s3, bucket, other, served):
    assert bucket in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    s3.create_bucket(Bucket=bucket)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    stranger = aws.client(served, other)
    with refused("BucketAlreadyExists"):
        stranger.create_bucket(Bucket=bucket)
    for name in ("Upper", "ab", "1.2.3.4", "a..b"):
        answer = requests.put(f"{aws.address_of(served)}/{name}", timeout=60)
        assert answer.status_code == 400 and "InvalidBucketName" in answer.text
    s3.put_object(Bucket=bucket, Key="x", Body=b"1")
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="x")
    s3.delete_bucket(Bucket=bucket)
    with refused("NoSuchBucket"):
        s3.list_objects_v2(Bucket=bucket)
    with refused("404"):
        s3.head_bucket(Bucket=bucket)


def test_keys_are_bytes_and_come_back_as_they_went(s3, bucket):
    keys = ["a//b", "./c", "../d", "e f+g", "h%20i", "é/ü", "日本", "q?r&s=t", "x'y\"z<w>", "k~!*()"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in keys:
        assert body_of(s3.get_object(Bucket=bucket, Key=key)).decode() == key
    listed = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(keys, key=lambda key: key.encode())


def test_lists_have_prefixes_delimiters_pages_and_both_versions(s3, bucket):
    """Row 31, small: pages of every size put together are the whole, in byte order."""
    keys = sorted([f"{a}/{b}/{c}" for a in "abc" for b in "xy" for c in range(3)]
                  + ["a", "d", "b-"])
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for size in (1, 2, 5, 1000):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [one["Key"] for page in pages for one in page.get("Contents", [])] == keys
        pages = s3.get_paginator("list_objects").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size})
        pages = list(pages)
        assert [one["Key"] for page in pages
                for one in page.get("Contents", [])] == ["a", "b-", "d"]
        assert [one["Prefix"] for page in pages
                for one in page.get("CommonPrefixes", [])] == ["a/", "b/", "c/"]
    page = s3.list_objects_v2(Bucket=bucket, Prefix="a/x/", StartAfter="a/x/0")
    assert [one["Key"] for one in page["Contents"]] == ["a/x/1", "a/x/2"] and page["KeyCount"] == 2
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="zz")


def test_ranges_and_conditions_of_reads(s3, bucket):
    """Row 29."""
    data = bytes(range(256)) * 400
    etag = s3.put_object(Bucket=bucket, Key="k", Body=data)["ETag"]
    for text, part in (("bytes=0-9", data[:10]), ("bytes=100-", data[100:]),
                       ("bytes=-7", data[-7:]), ("bytes=5-999999", data[5:])):
        got = s3.get_object(Bucket=bucket, Key="k", Range=text)
        assert body_of(got) == part and got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["ContentRange"].endswith(f"/{len(data)}")
    assert body_of(s3.get_object(Bucket=bucket, Key="k", Range="bytes=0-1,5-6")) == data
    with refused("InvalidRange"):
        s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={len(data)}-")
    hour = datetime.timedelta(hours=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    for fine in ({"IfMatch": etag}, {"IfNoneMatch": '"x"'}, {"IfModifiedSince": now - hour},
                 {"IfUnmodifiedSince": now + hour}):
        assert body_of(s3.get_object(Bucket=bucket, Key="k", **fine)) == data
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    for unchanged in ({"IfNoneMatch": etag}, {"IfModifiedSince": modified}):
        with refused("304"):
            s3.get_object(Bucket=bucket, Key="k", **unchanged)
    for failed in ({"IfMatch": '"x"'}, {"IfUnmodifiedSince": now - hour}):
        with refused("PreconditionFailed"):
            s3.get_object(Bucket=bucket, Key="k", **failed)


def put_if(newer, bucket, key, body, **headers):
    """A put with a condition, which this boto3 has no parameter for: by a presigned address."""
    url = newer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": key})
    return requests.put(url, data=body, headers=headers, timeout=120)


def test_of_fifty_who_race_to_make_a_key_one_wins(s3, newer, bucket):
    """Row 30."""
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(
            lambda i: put_if(newer, bucket, "one", str(i), **{"If-None-Match": "*"}), range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 49
    winner = next(i for i, answer in enumerate(answers) if answer.status_code == 200)
    assert body_of(s3.get_object(Bucket=bucket, Key="one")) == str(winner).encode()
    etag = s3.head_object(Bucket=bucket, Key="one")["ETag"]
    assert put_if(newer, bucket, "one", "next", **{"If-Match": '"other"'}).status_code == 412
    assert put_if(newer, bucket, "one", "next", **{"If-Match": etag}).status_code == 200
    assert put_if(newer, bucket, "none", "x", **{"If-Match": etag}).status_code == 404


def test_multipart_in_every_part_of_its_life(s3, bucket):
    """Row 27."""
    data = [os.urandom(5 * MEBIBYTE), os.urandom(6 * MEBIBYTE), os.urandom(100)]
    started = s3.create_multipart_upload(Bucket=bucket, Key="big", ContentType="x/y",
                                         Metadata={"a": "b"})
    upload = {"Bucket": bucket, "Key": "big", "UploadId": started["UploadId"]}
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        etags = list(pool.map(lambda i: s3.upload_part(
            **upload, PartNumber=i + 1, Body=data[i])["ETag"], range(3)))
    s3.upload_part(**upload, PartNumber=2, Body=b"replaced")
    etags[1] = s3.upload_part(**upload, PartNumber=2, Body=data[1])["ETag"]
    parts = s3.list_parts(**upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [
        (i + 1, len(one)) for i, one in enumerate(data)]
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [
        started["UploadId"]]
    named = [{"PartNumber": i + 1, "ETag": etag} for i, etag in enumerate(etags)]
    for wrong, code in ((named[::-1], "InvalidPartOrder"),
                        ([{"PartNumber": 1, "ETag": '"' + "0" * 32 + '"'}], "InvalidPart"),
                        ([{"PartNumber": 9, "ETag": etags[0]}], "InvalidPart")):
        with refused(code):
            s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": wrong})
    digests = b"".join(hashlib.md5(one).digest() for one in data)
    for _ in range(2):  # again is the same
        done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": named})
        assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="big")
    assert body_of(got) == b"".join(data)
    assert got["ContentType"] == "x/y" and got["Metadata"] == {"a": "b"}
    edge = 5 * MEBIBYTE
    cut = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={edge - 3}-{edge + 2}")
    assert body_of(cut) == data[0][-3:] + data[1][:3]
    assert body_of(s3.get_object(Bucket=bucket, Key="big", PartNumber=3)) == data[2]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_a_part_that_is_too_small_and_an_upload_that_is_given_up(s3, bucket):
    upload = {"Bucket": bucket, "Key": "k",
              "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    etags = [s3.upload_part(**upload, PartNumber=i, Body=b"small")["ETag"] for i in (1, 2)]
    with refused("EntityTooSmall"):
        s3.complete_multipart_upload(**upload, MultipartUpload={
            "Parts": [{"PartNumber": i + 1, "ETag": etag} for i, etag in enumerate(etags)]})
    s3.abort_multipart_upload(**upload)
    with refused("NoSuchUpload"):
        s3.list_parts(**upload)
    with refused("NoSuchUpload"):
        s3.upload_part(**upload, PartNumber=1, Body=b"late")


def test_copies_of_objects_and_of_parts(s3, bucket):
    small, large = b"small", os.urandom(7 * MEBIBYTE)
    s3.put_object(Bucket=bucket, Key="s p+", Body=small, Metadata={"a": "1"}, Tagging="t=1")
    s3.put_object(Bucket=bucket, Key="large", Body=large)
    for source, data in (("s p+", small), ("large", large)):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": source})
        s3.delete_object(Bucket=bucket, Key=source)
        assert body_of(s3.get_object(Bucket=bucket, Key="copy")) == data
        s3.copy_object(Bucket=bucket, Key=source, CopySource={"Bucket": bucket, "Key": "copy"})
    assert s3.head_object(Bucket=bucket, Key="s p+")["Metadata"] == {"a": "1"}
    tags = s3.get_object_tagging(Bucket=bucket, Key="s p+")["TagSet"]
    assert tags == [{"Key": "t", "Value": "1"}]
    with refused("InvalidRequest"):
        s3.copy_object(Bucket=bucket, Key="large", CopySource={"Bucket": bucket, "Key": "large"})
    s3.copy_object(Bucket=bucket, Key="large", CopySource={"Bucket": bucket, "Key": "large"},
                   MetadataDirective="REPLACE", Metadata={"new": "2"})
    got = s3.get_object(Bucket=bucket, Key="large")
    assert body_of(got) == large and got["Metadata"] == {"new": "2"}
    upload = {"Bucket": bucket, "Key": "m",
              "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]}
    part = s3.upload_part_copy(**upload, PartNumber=1, CopySourceRange="bytes=10-19",
                               CopySource={"Bucket": bucket, "Key": "large"})
    s3.complete_multipart_upload(**upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]})
    assert body_of(s3.get_object(Bucket=bucket, Key="m")) == large[10:20]
    with refused("NoSuchKey"):
        s3.copy_object(Bucket=bucket, Key="x", CopySource={"Bucket": bucket, "Key": "absent"})


def test_many_are_deleted_at_once(s3, bucket):
    keys = [f"k {i}+" for i in range(20)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    done = s3.delete_objects(Bucket=bucket, Delete={
        "Objects": [{"Key": key} for key in keys[:10] + ["absent"]]})
    assert len(done["Deleted"]) == 11 and "Errors" not in done
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 10


def test_checksums_are_checked_kept_and_told(s3, newer, bucket):
    """Row 32."""
    data = os.urandom(100_000)
    crc = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, ChecksumCRC32=crc)
    assert put["ChecksumCRC32"] == crc
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["ChecksumCRC32"] == crc and body_of(got) == data  # boto3 computes it again
    for kind in ("SHA1", "SHA256", "CRC32"):
        put = s3.put_object(Bucket=bucket, Key=kind, Body=data, ChecksumAlgorithm=kind)
        assert put[f"Checksum{kind}"]
    for wrong in ({"ChecksumCRC32": "AAAAAA=="}, {"ChecksumSHA256": "A" * 43 + "="},
                  {"ContentMD5": base64.b64encode(bytes(16)).decode()}):
        with refused("BadDigest"):
            s3.put_object(Bucket=bucket, Key="bad", Body=data, **wrong)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="bad")
    # The check value of CRC-32C for the nine digits, from its definition.
    known = base64.b64encode(bytes.fromhex("e3069283")).decode()
    assert put_if(newer, bucket, "c", "123456789",
                  **{"x-amz-checksum-crc32c": known}).status_code == 200
    known = base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()
    assert put_if(newer, bucket, "n", "123456789",
                  **{"x-amz-checksum-crc64nvme": known}).status_code == 200


def test_a_part_is_told_with_its_own_checksum(s3, bucket):
    data = [os.urandom(5 * MEBIBYTE), b"tail"]
    upload = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(
        Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")["UploadId"]}
    parts = []
    for number, one in enumerate(data, 1):
        put = s3.upload_part(**upload, PartNumber=number, Body=one, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": put["ETag"],
                      "ChecksumCRC32": put["ChecksumCRC32"]})
    whole = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert whole["ChecksumCRC32"].endswith("-2")
    for number, one in enumerate(data, 1):
        got = s3.get_object(Bucket=bucket, Key="k", PartNumber=number, ChecksumMode="ENABLED")
        crc = base64.b64encode(zlib.crc32(one).to_bytes(4, "big")).decode()
        assert got["ChecksumCRC32"] == crc and body_of(got) == one
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == whole["ChecksumCRC32"]


def test_framed_bodies_are_stored_without_their_frames(s3, newer, bucket):
    """Row 26: as newer clients send them, over TLS, cut anywhere."""
    data = os.urandom(200_000)
    crc = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    url = newer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})

    def framed(checksum):
        yield f"{len(data[:70000]):x}".encode()
        yield b"\r\n" + data[:70000] + b"\r"
        yield b"\n" + f"{len(data[70000:]):X}\r\n".encode() + data[70000:]
        yield b"\r\n0\r\nx-amz-checksum-crc32:" + checksum.encode() + b"\r\n\r\n"

    def send(checksum):
        return requests.put(
            url.replace("http://", "https://"), data=framed(checksum), timeout=120, verify=False,
            headers={"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                     "x-amz-trailer": "x-amz-checksum-crc32", "Content-Encoding": "aws-chunked",
                     "x-amz-decoded-content-length": str(len(data))})
    assert send("AAAAAA==").status_code == 400
    answer = send(crc)
    assert answer.status_code == 200, answer.text
    got = s3.get_object(Bucket=bucket, Key="k")
    assert body_of(got) == data and "ContentEncoding" not in got


def test_presigned_addresses_of_both_kinds(s3, newer, bucket):
    """Row 28."""
    for signer, name in ((s3, "older"), (newer, "newer")):
        put = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": f"{name} +é"})
        assert ("X-Amz-Signature" in put) == (name == "newer")
        assert requests.put(put, data=b"bytes", timeout=60).status_code == 200
        get = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": f"{name} +é"})
        assert requests.get(get, timeout=60).content == b"bytes"
        wrong = requests.get(get.replace("ignature=", "ignature=A"), timeout=60)
        assert wrong.status_code == 403 and "SignatureDoesNotMatch" in wrong.text


def test_versions_are_kept_and_markers_hide_them(s3, bucket):
    """Row 34, as far as boto3 shows it."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"0")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=str(i).encode())["VersionId"] for i in (1, 2)]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")
    assert body_of(s3.get_object(Bucket=bucket, Key="k", VersionId=ids[0])) == b"1"
    assert body_of(s3.get_object(Bucket=bucket, Key="k", VersionId="null")) == b"0"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [one["VersionId"] for one in listed["Versions"]] == [ids[1], ids[0], "null"]
    assert [(one["VersionId"], one["IsLatest"]) for one in listed["DeleteMarkers"]] == [
        (marker["VersionId"], True)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"2"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"3")
    listed = s3.list_object_versions(Bucket=bucket)
    assert [one["VersionId"] for one in listed["Versions"]] == ["null", ids[1], ids[0]]
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert [one["VersionId"] for page in pages for one in page["Versions"]] == [
        "null", ids[1], ids[0]]


def test_who_isnt_let_in_is_told_so(s3, bucket, served, key, other):
    s3.put_object(Bucket=bucket, Key="open/a", Body=b"a")
    s3.put_object(Bucket=bucket, Key="shut/b", Body=b"b")
    stranger = aws.client(served, other)
    for ask in (lambda: stranger.get_object(Bucket=bucket, Key="open/a"),
                lambda: stranger.list_objects_v2(Bucket=bucket),
                lambda: stranger.put_object(Bucket=bucket, Key="c", Body=b""),
                lambda: stranger.delete_object(Bucket=bucket, Key="open/a")):
        with refused("AccessDenied"):
            ask()
    assert requests.get(f"{aws.address_of(served)}/{bucket}/open/a", timeout=60).status_code == 403
    policy = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal":
        {"AWS": "arn:aws:iam::000000000000:user/otto"}, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::%s/open/*"}]}""" % bucket
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert body_of(stranger.get_object(Bucket=bucket, Key="open/a")) == b"a"
    with refused("AccessDenied"):
        stranger.get_object(Bucket=bucket, Key="shut/b")
    with refused("AccessDenied"):
        stranger.put_bucket_policy(Bucket=bucket, Policy=policy)
    with refused("MalformedPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy.replace("Allow", "Maybe"))
    for wrong, code in ((type(key)(id="STRMNOBODY", secret="x", user=""), "InvalidAccessKeyId"),
                        (type(key)(id=key.id, secret="x", user=""), "SignatureDoesNotMatch")):
        with refused(code):
            aws.client(served, wrong).list_buckets()


def test_keys_that_sts_gives_act_as_their_caller(served, key, bucket):
    sts = aws.client(served, key, "sts")
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:user/rosa"
    role = {"RoleArn": "arn:aws:iam::000000000000:role/any", "RoleSessionName": "session"}
    given = sts.assume_role(**role)["Credentials"]
    lent = type(key)(id=given["AccessKeyId"], secret=given["SecretAccessKey"], user="rosa")
    s3 = aws.client(served, lent, aws_session_token=given["SessionToken"])
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for token in ({}, {"aws_session_token": "another"}):
        with refused("InvalidToken"):
            aws.client(served, lent, **token).list_objects_v2(Bucket=bucket)
    revoked = aws.client(served, type(key)(id="ASIA0", secret="x", user=""), "sts")
    with refused("InvalidClientTokenId"):
        revoked.get_caller_identity()


def test_a_key_ends_when_it_is_revoked(run, served):
    made = aws.make_key(run, served, "ida")
    s3 = aws.client(served, made)
    s3.list_buckets()
    assert made.id in run("key", "list", "ida", data=served.data).stdout
    run("key", "revoke", made.id, data=served.data)
    with refused("InvalidAccessKeyId"):
        s3.list_buckets()
    stored = b"".join(path.read_bytes() for path in served.data.glob("control.db*"))
    assert made.secret.encode() not in stored
    assert (served.data / "access-keys.key").stat().st_mode & 0o777 == 0o600


def test_a_browser_of_an_allowed_origin_may_put(s3, bucket, served):
    """Row 36."""
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    asks = {"Origin": "https://lab.example", "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type"}
    assert requests.options(url, headers=asks, timeout=60).status_code == 403
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
        {"AllowedOrigins": ["https://*.example"], "AllowedMethods": ["PUT"],
         "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}]})
    answer = requests.options(url, headers=asks, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://lab.example"
    answer = requests.put(url, data=b"x", headers={"Origin": asks["Origin"]}, timeout=60)
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    asks["Origin"] = "https://evil.test"
    assert requests.options(url, headers=asks, timeout=60).status_code == 403


def test_changes_are_told_to_a_queue_in_awss_own_words(s3, bucket, served, key):
    """Row 35, and defect A6: a key with a space, a plus and more is decoded once; and A7: what the
    filter doesn't name isn't told."""
    sqs = aws.client(served, key, "sqs")
    url = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = told["Attributes"]["QueueArn"]
    rule = {"Id": "mine", "QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"},
                                               {"Name": "suffix", "Value": ".csv"}]}}}

    def receive():
        got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
        for one in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in got]
    with refused("InvalidArgument"):
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={
                "QueueConfigurations": [{**rule, "QueueArn": arn + "-absent"}]})
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]})
    assert receive()[0]["Event"] == "s3:TestEvent"
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert kept[0]["QueueArn"] == arn and kept[0]["Id"] == "mine"
    name = "in/a b+c@é.csv"
    s3.put_object(Bucket=bucket, Key="code.zip", Body=b"not data")
    etag = s3.put_object(Bucket=bucket, Key=name, Body=b"1,2")["ETag"].strip('"')
    record = receive()[0]["Records"][0]
    assert record["s3"]["object"]["key"] == "in/a+b%2Bc%40%C3%A9.csv"
    assert urllib.parse.unquote_plus(record["s3"]["object"]["key"]) == name
    sequencer = record["s3"]["object"].pop("sequencer")
    assert record["s3"]["object"] == {"key": record["s3"]["object"]["key"], "size": 3, "eTag": etag}
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert (record["eventName"], record["eventSource"], record["eventVersion"], record["awsRegion"],
            record["s3"]["configurationId"]) == ("ObjectCreated:Put", "aws:s3", "2.1", "us-east-1",
                                                 "mine")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["eventTime"])
    s3.delete_object(Bucket=bucket, Key=name)
    record = receive()[0]["Records"][0]
    assert record["eventName"] == "ObjectRemoved:Delete" and "size" not in record["s3"]["object"]
    assert record["s3"]["object"]["sequencer"] > sequencer


def test_objects_end_when_their_lifecycle_says(s3, bucket, served, key):
    sqs = aws.client(served, key, "sqs")
    url = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{bucket}",
                                 "Events": ["s3:LifecycleExpiration:*"]}]})
    for name in ("old/a", "old/b", "new/c"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="old/d")["UploadId"]
    for wrong, code in (({"Transitions": [{"StorageClass": "GLACIER"}]}, "MalformedXML"),
                        ({"Expiration": {"Days": 0}}, "InvalidArgument")):
        with refused(code):
            s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={
                "Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, **wrong}]})
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"ID": "long ago", "Status": "Enabled", "Filter": {"Prefix": "old/"},
         "Expiration": {"Date": datetime.datetime(2020, 1, 1)},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"ID": "off", "Status": "Disabled", "Filter": {"Prefix": ""},
         "Expiration": {"Date": datetime.datetime(2020, 1, 1)}}]})
    removed = []
    while len(removed) < 2:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            removed += json.loads(message["Body"]).get("Records", [])
    assert {one["eventName"] for one in removed} == {"LifecycleExpiration:Delete"}
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["new/c"]
    assert s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["UploadId"] == upload


def events_until(sqs, url, wanted):
    """Names of the events that have come, once there is the wanted one."""
    names = []
    while wanted not in names:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        assert "Messages" in answer, names
        for message in answer["Messages"]:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            names += [one["eventName"] for one in
                      json.loads(message["Body"]).get("Records", [])]
    return names


def test_archived_objects_are_unreadable_until_they_are_restored(s3, bucket, served, key):
    sqs = aws.client(served, key, "sqs")
    url = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{bucket}",
                                 "Events": ["s3:LifecycleTransition", "s3:ObjectRestore:*"]}]})
    large = os.urandom(300_000)
    s3.put_object(Bucket=bucket, Key="log/large", Body=large, Metadata={"a": "b"})
    s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"ID": "cold", "Status": "Enabled", "Filter": {"Prefix": "log/"},
         "Transitions": [{"Date": datetime.datetime(2020, 1, 1), "StorageClass": "GLACIER"}]}]})
    assert events_until(sqs, url, "LifecycleTransition") == ["LifecycleTransition"]
    with refused("InvalidObjectState"):
        s3.get_object(Bucket=bucket, Key="log/large")
    with refused("InvalidObjectState"):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/log/large")
    head = s3.head_object(Bucket=bucket, Key="log/large")
    assert (head["StorageClass"], head["ContentLength"]) == ("GLACIER", len(large))
    listed = {one["Key"]: one["StorageClass"]
              for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed == {"log/large": "GLACIER", "kept": "STANDARD"}
    with refused("InvalidObjectState"):
        s3.restore_object(Bucket=bucket, Key="kept", RestoreRequest={"Days": 1})

    asked = s3.restore_object(Bucket=bucket, Key="log/large", RestoreRequest={
        "Days": 2, "GlacierJobParameters": {"Tier": "Expedited"}})
    assert asked["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert "ObjectRestore:Post" in events_until(sqs, url, "ObjectRestore:Completed")
    got = s3.get_object(Bucket=bucket, Key="log/large")
    assert body_of(got) == large and got["Metadata"] == {"a": "b"}
    until = re.fullmatch(r'ongoing-request="false", expiry-date="(.* 00:00:00 GMT)"',
                         got["Restore"])
    assert until, got["Restore"]
    longer = s3.restore_object(Bucket=bucket, Key="log/large", RestoreRequest={"Days": 9})
    assert longer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.head_object(Bucket=bucket, Key="log/large")["Restore"] != got["Restore"]
    # Put there at once, it is cold from the start.
    s3.put_object(Bucket=bucket, Key="deep", Body=b"x", StorageClass="DEEP_ARCHIVE")
    with refused("InvalidObjectState"):
        s3.get_object(Bucket=bucket, Key="deep")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_browsers_form_puts_what_its_policy_allows(s3, bucket, served, key, version):
    signer = aws.client(served, key, config={"signature_version": version})
    large = os.urandom(200_000)

    def post(name, content, change=(), **options):
        form = signer.generate_presigned_post(
            bucket, name, Fields={"acl": "private", "success_action_status": "201"},
            Conditions=[{"acl": "private"}, ["content-length-range", 2, 250_000],
                        ["starts-with", "$success_action_status", ""],
                        ["starts-with", "$x-amz-meta-note", "from"]], **options)
        fields = {**form["fields"], "x-amz-meta-note": "from a form", **dict(change)}
        return requests.post(form["url"], data=fields, files={"file": ("pic.jpg", content)},
                             timeout=60)

    done = post("up/${filename}", large)
    assert done.status_code == 201, done.text
    assert "<Key>up/pic.jpg</Key>" in done.text
    got = s3.get_object(Bucket=bucket, Key="up/pic.jpg")
    assert body_of(got) == large and got["Metadata"] == {"note": "from a form"}
    assert got["ETag"] == f'"{hashlib.md5(large).hexdigest()}"'
    for change, content, status, code in (
            ({"x-amz-meta-note": "else"}, large, 403, "AccessDenied"),
            ({"x-amz-meta-more": "1"}, large, 403, "AccessDenied"),
            ({"acl": "public-read"}, large, 403, "AccessDenied"),
            ({"key": "other"}, large, 403, "AccessDenied"),
            ({"x-amz-signature": "0" * 64, "signature": "AAAA"}, large, 403,
             "SignatureDoesNotMatch"),
            ({}, b"1", 400, "EntityTooSmall"), ({}, large * 2, 400, "EntityTooLarge")):
        refusal = post("up/k", content, change.items())
        assert refusal.status_code == status and f"<Code>{code}<" in refusal.text, refusal.text
    assert post("up/late", large, ExpiresIn=-5).status_code == 403
    unsigned = requests.post(f"{aws.address_of(served)}/{bucket}", data={"key": "k"},
                             files={"file": b"x"}, timeout=60)
    assert unsigned.status_code == 403
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["up/pic.jpg"]


def test_access_lists_open_to_others_what_they_say(s3, bucket, served, other):
    nobody = f"{aws.address_of(served)}/{bucket}"
    theirs = aws.client(served, other)
    s3.put_object(Bucket=bucket, Key="open", Body=b"open", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="members", Body=b"members", ACL="authenticated-read")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"closed")
    assert requests.get(f"{nobody}/open", timeout=60).text == "open"
    for name in ("members", "closed", "absent"):
        assert requests.get(f"{nobody}/{name}", timeout=60).status_code == 403
    assert requests.get(nobody, timeout=60).status_code == 403
    assert body_of(theirs.get_object(Bucket=bucket, Key="members")) == b"members"
    with refused("AccessDenied"):
        theirs.get_object(Bucket=bucket, Key="closed")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert "<Key>open</Key>" in requests.get(nobody, timeout=60).text
    assert requests.get(f"{nobody}/absent", timeout=60).status_code == 404
    assert requests.put(f"{nobody}/new", data=b"x", timeout=60).status_code == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True})
    assert requests.get(f"{nobody}/open", timeout=60).status_code == 403
    with refused("AccessDenied"):
        s3.put_object(Bucket=bucket, Key="more", Body=b"x", ACL="public-read")
    s3.put_object_acl(Bucket=bucket, Key="open", ACL="private")
    s3.delete_public_access_block(Bucket=bucket)
    assert requests.get(f"{nobody}/open", timeout=60).status_code == 403


def test_policies_judge_conditions(s3, bucket, served, other):
    theirs = aws.client(served, other)
    for name, tag in (("a", "yes"), ("b", "no")):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x", Tagging=f"open={tag}")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
         "Resource": f"arn:aws:s3:::{bucket}/*",
         "Condition": {"StringEquals": {"s3:ExistingObjectTag/open": "yes"},
                       "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}},
        {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket",
         "Resource": f"arn:aws:s3:::{bucket}",
         "Condition": {"StringLike": {"s3:prefix": "a*"}}}]}))
    assert body_of(theirs.get_object(Bucket=bucket, Key="a")) == b"x"
    with refused("AccessDenied"):
        theirs.get_object(Bucket=bucket, Key="b")
    assert theirs.list_objects_v2(Bucket=bucket, Prefix="a")["KeyCount"] == 1
    with refused("AccessDenied"):
        theirs.list_objects_v2(Bucket=bucket)


def test_awscli_copies_lists_moves_syncs_and_removes(served, key, tmp_path, bucket):
    """Row 25, with its multipart and its Expect: 100-continue."""
    tree = tmp_path / "tree"
    for name, size in (("a.txt", 10), ("sub/b c+d.bin", 20_000), ("big.bin", 20 * MEBIBYTE)):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(os.urandom(size))
        # S3 tells whole seconds: what is as young as its upload would be sent again.
        os.utime(tree / name, (1_700_000_000, 1_700_000_000))
    there = f"s3://{bucket}/t"
    aws.awscli(served, key, "s3", "sync", tree, there)
    listed = aws.awscli(served, key, "s3", "ls", "--recursive", there)
    assert len(listed.splitlines()) == 3 and "t/sub/b c+d.bin" in listed
    back = tmp_path / "back"
    aws.awscli(served, key, "s3", "cp", "--recursive", there, back)
    for name in ("a.txt", "sub/b c+d.bin", "big.bin"):
        assert (back / name).read_bytes() == (tree / name).read_bytes()
    assert aws.awscli(served, key, "s3", "sync", tree, there) == ""
    aws.awscli(served, key, "s3", "mv", f"{there}/a.txt", f"{there}/z.txt")
    aws.awscli(served, key, "s3", "rm", "--recursive", there)
    assert aws.awscli(served, key, "s3", "ls", f"s3://{bucket}") == ""


def test_the_javascript_sdk_puts_streams_and_speaks_http2(served, key, bucket, skip):
    """Row 11's protocol: its Kinesis client begins with HTTP/2 on plain http."""
    modules = aws.PROJECT / "build/clients"
    installed = subprocess.run(
        [aws.PROJECT / "tools/npm_ci", aws.PROJECT / "test/clients", modules],
        check=False, capture_output=True, text=True, timeout=600)
    if installed.returncode != 0:
        skip(f"AWS's SDK can't be installed: {installed.stderr.strip()[-300:]}")
    done = subprocess.run(
        [aws.PROJECT / "tools/node", aws.PROJECT / "test/clients/use_aws.mjs", modules,
         aws.address_of(served), bucket],
        env=aws.environment(key), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["buffer"] == "buffer" and told["stream"] is True
    assert told["keys"] == ["buffer +é", "stream"]
    assert told["streams"] == []


def test_s3cmd_puts_gets_and_syncs_without_trying_again(served, key, tmp_path, bucket):
    """Row 33."""
    small, large = tmp_path / "small é.txt", tmp_path / "large.bin"
    small.write_bytes(b"small")
    large.write_bytes(os.urandom(17 * MEBIBYTE))
    words = aws.s3cmd(served, key, "put", small, large, f"s3://{bucket}/d/")
    words += aws.s3cmd(served, key, "ls", f"s3://{bucket}/d/")
    words += aws.s3cmd(served, key, "get", f"s3://{bucket}/d/large.bin", tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == large.read_bytes()
    (tmp_path / "sync").mkdir()
    words += aws.s3cmd(served, key, "sync", f"s3://{bucket}/d/", f"{tmp_path}/sync/")
    assert (tmp_path / "sync" / "small é.txt").read_bytes() == b"small"
    assert "retry" not in words.lower() and "warning" not in words.lower(), words


def test_buckets_are_hosts_too_and_http2_is_spoken(served, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"x" * 300_000)
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a/b"})
    for options in (["--http2-prior-knowledge"], ["--http1.1"]):
        got = subprocess.run(["curl", "-sf", *options, url], capture_output=True, check=True)
        assert got.stdout == b"x" * 300_000
    secure = url.replace("http://", "https://")
    got = subprocess.run(["curl", "-skf", "--http2", "-w", "%{http_version}", secure],
                         capture_output=True, check=True)
    assert got.stdout == b"x" * 300_000 + b"2"
    port = aws.address_of(served).rsplit(":", 1)[1]
    query = url.split("?", 1)[1]
    answer = requests.get(f"http://127.0.0.1:{port}/a/b?{query}", timeout=60,
                          headers={"Host": f"{bucket}.localhost:{port}"})
    assert answer.content == b"x" * 300_000, answer.text


def test_refusals_name_what_they_are_about(s3, bucket):
    def told(call, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as failed:
            call(**arguments)
        return {name: value for name, value in failed.value.response["Error"].items()
                if name not in ("Message", "Code")}

    s3.put_object(Bucket=bucket, Key="there", Body=b"x")
    assert told(s3.list_objects_v2, Bucket="nowhere-at-all") == {"BucketName": "nowhere-at-all"}
    assert told(s3.get_object, Bucket=bucket, Key="a <b>") == {"Key": "a <b>"}
    assert told(s3.delete_bucket, Bucket=bucket) == {"BucketName": bucket}
    assert told(s3.abort_multipart_upload, Bucket=bucket, Key="there", UploadId="none") == {
        "UploadId": "none"}
    assert told(s3.get_object, Bucket=bucket, Key="there", IfMatch="other") == {
        "Condition": "If-Match"}
    assert told(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == {"BucketName": bucket}


def test_lists_and_heads_tell_what_newer_clients_read(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumAlgorithm="CRC32")
    s3.put_object(Bucket=bucket, Key="none", Body=b"x")
    listed = {one["Key"]: one.get("ChecksumAlgorithm")
              for one in s3.list_object_versions(Bucket=bucket)["Versions"]}
    assert listed == {"k": ["CRC32"], "none": ["CRC64NVME"]}
    head = s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    assert head["x-amz-bucket-arn"] == f"arn:aws:s3:::{bucket}"


def test_a_certificate_from_files_is_served(start_server, run, tmp_path):
    pem, secret = tmp_path / "port.pem", tmp_path / "port.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", secret, "-out", pem, "-days", "2", "-subj", "/CN=port",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    server = start_server(tmp_path / "certified", "--aws", "127.0.0.1:0", "--set", "aws.tls=files",
                          "--set", f"aws.tls_certificate={pem}", "--set", f"aws.tls_key={secret}")
    key = aws.make_key(run, server, "rosa")
    secure = aws.address_of(server).replace("http://", "https://")
    checked = aws.client(server, key, url=secure, verify=str(pem))
    checked.create_bucket(Bucket="certified")
    checked.put_object(Bucket="certified", Key="k", Body=b"over TLS" * 50_000)
    assert body_of(checked.get_object(Bucket="certified", Key="k")) == b"over TLS" * 50_000
    with pytest.raises(botocore.exceptions.SSLError):
        aws.client(server, key, url=secure).list_buckets()
    failed = run("serve", "--data", tmp_path / "other", "--http", "127.0.0.1:0", "--aws",
                 "127.0.0.1:0", "--set", "aws.tls=files", "--set", f"aws.tls_certificate={pem}",
                 "--set", f"aws.tls_key={tmp_path / 'none.key'}", fails=True)
    assert "aws.tls_key" in failed.stderr and "none.key" in failed.stderr
