"""Signatures over spellings that clients differ in, by a signer of our own and bare HTTP."""
import datetime
import hashlib
import hmac
import http.client
import urllib.parse

import pytest

import aws

EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("spellings"), "--aws", "127.0.0.1:0")


@pytest.fixture(scope="module")
def key(run, served):
    made = aws.make_key(run, served, "rosa")
    aws.client(served, made).create_bucket(Bucket="spelled")
    return made


def signature(key, when, canonical_request):
    day = when[:8]
    scope = f"{day}/{aws.REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", when, scope,
                      hashlib.sha256(canonical_request.encode()).hexdigest()])
    secret = ("AWS4" + key.secret).encode()
    for part in (day, aws.REGION, "s3", "aws4_request", text):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return scope, secret.hex()


def ask(served, key, method, target, canonical, payload=EMPTY, signed=(), sent=(), body=b""):
    """One request whose target and headers go out as they are written, signed as the reference
    says: `canonical` is the path and query, `signed` the headers' canonical names and values."""
    address = urllib.parse.urlsplit(aws.address_of(served))
    when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = sorted([("host", address.netloc), ("x-amz-content-sha256", payload),
                      ("x-amz-date", when), *signed])
    names = ";".join(name for name, _ in headers)
    path, _, query = canonical.partition("?")
    scope, made = signature(key, when, "\n".join(
        [method, path, query, *[f"{name}:{value}" for name, value in headers], "", names, payload]))
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("HOST", address.netloc)
    connection.putheader("X-AMZ-Content-SHA256", payload)
    connection.putheader("x-amz-DATE", when)
    for name, value in sent:
        connection.putheader(name, value)
    connection.putheader("authorization", f"AWS4-HMAC-SHA256 Credential={key.id}/{scope},"
                                          f"SignedHeaders={names},Signature={made}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    told = answer.status, dict((name.lower(), value) for name, value in answer.getheaders()), \
        answer.read().decode()
    connection.close()
    return told


def test_53_a_signature_is_taken_in_any_spelling_of_the_same_request(served, key):
    status, _, told = ask(served, key, "PUT", "/spelled/a%20b", "/spelled/a%20b",
                          signed=[("x-amz-meta-note", "two words")],
                          sent=[("X-Amz-META-Note", "  two   words  ")])
    assert status == 200, told
    status, headers, _ = ask(served, key, "HEAD", "/spelled/a%20b", "/spelled/a%20b")
    assert status == 200 and headers["x-amz-meta-note"].split() == ["two", "words"]
    # A plus in a path is a plus, however it is written; in a query it is a space.
    assert ask(served, key, "PUT", "/spelled/a+b", "/spelled/a%2Bb")[0] == 200
    assert ask(served, key, "HEAD", "/spelled/a%2bb", "/spelled/a%2Bb")[0] == 200
    for query in ("prefix=a%20b", "prefix=a+b"):
        status, _, listed = ask(served, key, "GET", "/spelled?" + query, "/spelled?prefix=a%20b")
        assert status == 200, listed
        assert listed.count("<Key>") == 1 and "<Key>a b</Key>" in listed
    status, _, listed = ask(served, key, "GET", "/spelled?prefix=a%2Bb", "/spelled?prefix=a%2Bb")
    assert status == 200 and "<Key>a+b</Key>" in listed, listed
    # A name without a value is signed with an empty one; an empty body may stay unsigned.
    for payload in (EMPTY, "UNSIGNED-PAYLOAD"):
        assert ask(served, key, "GET", "/spelled?location", "/spelled?location=",
                   payload=payload)[0] == 200


def test_53_a_signature_of_another_request_is_refused(served, key):
    for target, canonical, payload in (
            ("/spelled/a%20b", "/spelled/a%2Bb", EMPTY),
            ("/spelled/a+b", "/spelled/a%20b", EMPTY),
            ("/spelled?prefix=a%2Bb", "/spelled?prefix=a%20b", EMPTY)):
        status, _, told = ask(served, key, "GET", target, canonical, payload=payload)
        assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in told, told
    status, _, told = ask(served, key, "PUT", "/spelled/full", "/spelled/full", body=b"not empty")
    assert status == 400 and "<Code>XAmzContentSHA256Mismatch</Code>" in told, told
