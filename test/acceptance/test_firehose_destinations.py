"""Deliveries whose records go to an HTTP endpoint, or by COPY into a table."""
import base64
import gzip
import http.server
import json
import pathlib
import threading
import time

import pytest

import aws

psycopg2 = pytest.importorskip("psycopg2")
ROLE = "arn:aws:iam::000000000000:role/any"
WAIT_SECONDS_MAX = 90
ARGUMENTS = ["--aws", "127.0.0.1:0", "--postgres", "127.0.0.1:0",
             "--set", "fetch.private_addresses=true"]


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("destinations"), *ARGUMENTS)


@pytest.fixture(scope="module")
def key(run, served):
    run("user", "add", "ada", "--administrator", data=served.data)
    return aws.make_key(run, served, "rosa"), admin_key(run, served)


def admin_key(run, server):
    return type("Key", (), {"id": (made := json.loads(run(
        "key", "create", "ada", "--json", data=server.data).stdout))["id"],
        "secret": made["secret"]})


class Site:
    def __init__(self, server, key):
        self.firehose = aws.client(server, key, "firehose", config={"parameter_validation": False})
        self.s3 = aws.client(server, key)

    def put(self, name, *records):
        answer = self.firehose.put_record_batch(
            DeliveryStreamName=name, Records=[{"Data": record} for record in records])
        assert answer["FailedPutCount"] == 0

    def describe(self, name):
        return self.firehose.describe_delivery_stream(
            DeliveryStreamName=name)["DeliveryStreamDescription"]

    def objects(self, bucket, prefix=""):
        listed = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return {o["Key"]: self.s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read()
                for o in listed}

    def wait(self, bucket, prefix):
        until = time.monotonic() + WAIT_SECONDS_MAX
        while not (found := self.objects(bucket, prefix)):
            assert time.monotonic() < until, self.objects(bucket)
        return found


@pytest.fixture
def site(served, key):
    return Site(served, key[1])


class Endpoint:
    """An HTTP endpoint that notes requests and answers as told."""

    def __init__(self, statuses):
        self.requests, self.come = [], threading.Condition()
        answering = iter(statuses)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                status = next(answering, 200)
                packed = handler.headers.get("Content-Encoding") == "gzip"
                told = json.loads(gzip.decompress(body) if packed else body)
                handler.send_response(status)
                handler.send_header("Content-Type", "application/json")
                handler.end_headers()
                handler.wfile.write(json.dumps(
                    {"requestId": told["requestId"], "timestamp": 1}).encode())
                with self.come:
                    self.requests.append((handler.headers, told, packed))
                    self.come.notify_all()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count):
        with self.come:
            assert self.come.wait_for(lambda: len(self.requests) >= count, WAIT_SECONDS_MAX)
        return self.requests


def to_endpoint(site, name, url, bucket, **more):
    site.s3.create_bucket(Bucket=bucket)
    site.firehose.create_delivery_stream(
        DeliveryStreamName=name, HttpEndpointDestinationConfiguration={
            "EndpointConfiguration": {"Url": url, "Name": "mine", "AccessKey": "secret-key"},
            "RoleARN": ROLE, "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "S3Configuration": {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}"}, **more})


def test_records_are_posted_and_a_request_is_repeated_until_it_is_taken(site):
    endpoint = Endpoint([500, 429, 200])
    to_endpoint(site, "posted", endpoint.url, "posted", RequestConfiguration={
        "ContentEncoding": "GZIP",
        "CommonAttributes": [{"AttributeName": "stage", "AttributeValue": "test"}]})
    site.put("posted", b"one", b"two")
    requests = endpoint.wait(3)
    assert {told["requestId"] for _, told, _ in requests} == {requests[0][1]["requestId"]}
    headers, told, packed = requests[-1]
    assert packed
    assert [base64.b64decode(record["data"]) for record in told["records"]] == [b"one", b"two"]
    assert headers["X-Amz-Firehose-Request-Id"] == told["requestId"]
    assert headers["X-Amz-Firehose-Access-Key"] == "secret-key"
    assert headers["X-Amz-Firehose-Protocol-Version"] == "1.0"
    assert headers["X-Amz-Firehose-Source-Arn"].endswith(":deliverystream/posted")
    assert json.loads(headers["X-Amz-Firehose-Common-Attributes"]) == {
        "commonAttributes": {"stage": "test"}}
    described, = site.describe("posted")["Destinations"]
    shown = described["HttpEndpointDestinationDescription"]
    assert shown["EndpointConfiguration"]["Url"] == endpoint.url
    assert "secret-key" not in str(described)
    # The next one goes where the destination says by then.
    second = Endpoint([])
    site.firehose.update_destination(
        DeliveryStreamName="posted", CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001", HttpEndpointDestinationUpdate={
            "EndpointConfiguration": {"Url": second.url}})
    site.put("posted", b"three")
    assert base64.b64decode(second.wait(1)[0][1]["records"][0]["data"]) == b"three"
    assert site.objects("posted") == {}


def test_what_an_endpoint_does_not_take_lies_in_the_bucket_with_all_that_came(site):
    endpoint = Endpoint([500] * 1000)
    to_endpoint(site, "failed", endpoint.url, "failed", S3BackupMode="AllData",
                RetryOptions={"DurationInSeconds": 1})
    site.put("failed", b"one")
    found = site.wait("failed", "http-endpoint-failed/")
    error = json.loads(next(iter(found.values())))
    assert base64.b64decode(error["rawData"]) == b"one"
    assert error["errorCode"] and "500" in error["errorMessage"]
    assert error["attemptsMade"] >= 2
    assert b"one" in site.objects("failed").values()


def sql(server, statement):
    told = json.loads((pathlib.Path(server.data) / "server.json").read_text())
    host, port = told["postgres"].rsplit(":", 1)
    connection = psycopg2.connect(host=host, port=port, user="admin", password=told["token"],
                                  dbname="dev", connect_timeout=60)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def into_table(site, name, bucket, table, options="CSV", **more):
    site.firehose.create_delivery_stream(
        DeliveryStreamName=name, RedshiftDestinationConfiguration={
            "RoleARN": ROLE, "ClusterJDBCURL": "jdbc:redshift://here:5439/dev",
            "CopyCommand": {"DataTableName": table, "CopyOptions": options},
            "Username": "loader", "Password": "Secret-password1", "S3Configuration": {
                "RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}", "Prefix": "in/",
                "CompressionFormat": "GZIP",
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}}, **more})


def rows_once_there_are(server, table, count):
    until = time.monotonic() + WAIT_SECONDS_MAX
    while len(rows := sql(server, f"SELECT * FROM {table} ORDER BY 1")) < count:
        assert time.monotonic() < until, f"{len(rows)} of {count} rows"
    return rows


def test_row_23_records_become_rows_of_a_table(site, served):
    site.s3.create_bucket(Bucket="tables")
    sql(served, "CREATE TABLE quotes (day date, symbol varchar(8), price real)")
    into_table(site, "quotes", "tables", "public.quotes")
    site.put("quotes", b"2024-01-02,AAA,1.5\n", b"2024-01-03,BBB,2.5\n")
    rows = rows_once_there_are(served, "quotes", 2)
    assert [(str(day), symbol, price) for day, symbol, price in rows] == [
        ("2024-01-02", "AAA", 1.5), ("2024-01-03", "BBB", 2.5)]
    manifest = json.loads(next(iter(site.objects("tables", "manifests/").values())))
    (entry,) = manifest["entries"]
    assert entry["mandatory"] is True and entry["url"].startswith("s3://tables/in/")
    assert sql(served, "SELECT count(*) FROM stroma.delivery_ledger "
                       "WHERE table_name = 'public.quotes'") == [(1,)]
    described, = site.describe("quotes")["Destinations"]
    shown = described["RedshiftDestinationDescription"]
    assert shown["CopyCommand"]["DataTableName"] == "public.quotes"
    assert "Secret-password1" not in str(described)
    with pytest.raises(site.firehose.exceptions.InvalidArgumentException, match="GZIP"):
        into_table(site, "refused", "tables", "quotes", S3Configuration={
            "RoleARN": ROLE, "BucketARN": "arn:aws:s3:::tables", "CompressionFormat": "ZIP"})


def test_a_table_that_does_not_take_them_leaves_a_manifest_and_others_go_on(site, served):
    site.s3.create_bucket(Bucket="refusals")
    sql(served, "CREATE TABLE numbers (n integer)")
    into_table(site, "numbers", "refusals", "numbers", RetryOptions={"DurationInSeconds": 0})
    site.put("numbers", b"not a number\n")
    failed = json.loads(next(iter(site.wait("refusals", "errors/manifests/").values())))
    assert failed["entries"][0]["url"].startswith("s3://refusals/in/")
    site.put("numbers", b"7\n")
    assert rows_once_there_are(served, "numbers", 1) == [(7,)]


def test_killed_amid_copies_each_record_is_one_row(start_server, run, tmp_path):
    data = tmp_path / "data"
    server = start_server(data, *ARGUMENTS)
    run("user", "add", "ada", "--administrator", data=data)
    key = admin_key(run, server)
    site = Site(server, key)
    site.s3.create_bucket(Bucket="killed")
    sql(server, "CREATE TABLE taken (n integer)")
    into_table(site, "taken", "killed", "taken")
    count = 0
    for kill in range(3):
        for _ in range(4):
            site.put("taken", *(b"%d\n" % n for n in range(count, count + 20)))
            count += 20
        if kill:
            rows_once_there_are(server, "taken", kill * 20)
        server.process.kill()
        server.kill()
        server = start_server(data, *ARGUMENTS)
        site = Site(server, key)
    assert rows_once_there_are(server, "taken", count) == [(n,) for n in range(count)]
    assert site.objects("killed", "errors/") == {}
