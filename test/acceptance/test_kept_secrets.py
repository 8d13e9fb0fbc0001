"""Keys and passwords that clients give to Stroma: on disk they are encrypted, and used again after
a restart."""
import json
import os
import stat
import subprocess

import aws
from test_firehose_destinations import Endpoint, ROLE, to_endpoint

ENDPOINT_KEY = "secret-key"  # what to_endpoint() gives
WEBHOOK_KEY, TABLE_PASSWORD = "webhook-key-4711", "table-password-4712"
ARGUMENTS = ["--aws", "127.0.0.1:0", "--set", "fetch.private_addresses=true"]


class Services:
    def __init__(self, server, key):
        self.firehose = aws.client(server, key, "firehose", config={"parameter_validation": False})
        self.events = aws.client(server, key, "events")
        self.s3 = aws.client(server, key)


def files_that_hold(folder, text):
    return [path for path in folder.rglob("*")
            if path.is_file() and text.encode() in path.read_bytes()]


def give_secrets(services, endpoint):
    to_endpoint(services, "told", endpoint.url, "told")
    services.firehose.create_delivery_stream(
        DeliveryStreamName="tabled", RedshiftDestinationConfiguration={
            "RoleARN": ROLE, "ClusterJDBCURL": "jdbc:redshift://localhost:5439/dev",
            "CopyCommand": {"DataTableName": "t"}, "Username": "ada", "Password": TABLE_PASSWORD,
            "S3Configuration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::told"}})
    services.events.create_connection(
        Name="hook", AuthorizationType="API_KEY", AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": WEBHOOK_KEY}})


def test_secrets_lie_encrypted_and_serve_after_a_restart(run, start_server, tmp_path,
                                                         stroma_binary):
    endpoint = Endpoint([])
    server = start_server(tmp_path / "data", *ARGUMENTS)
    key = aws.make_key(run, server, "rosa")
    give_secrets(Services(server, key), endpoint)
    server.kill()  # as it lies there while it works
    key_file = server.data / "access-keys.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert files_that_hold(server.data, "X-Key") == [], "a connection's attributes lie there plain"
    for secret in (ENDPOINT_KEY, WEBHOOK_KEY, TABLE_PASSWORD, key.secret):
        assert files_that_hold(server.data, secret) == [], secret
    again = start_server(tmp_path / "data", *ARGUMENTS)
    services = Services(again, key)
    services.firehose.put_record(DeliveryStreamName="told", Record={"Data": b"one"})
    headers, *_ = endpoint.wait(1)[0]
    assert headers["X-Amz-Firehose-Access-Key"] == ENDPOINT_KEY
    described = services.events.describe_connection(Name="hook")
    assert described["AuthParameters"]["ApiKeyAuthParameters"] == {"ApiKeyName": "X-Key"}
    again.stop()
    # Without the key nothing is made up: the server names what is missing, and leaves all as it is.
    os.rename(key_file, tmp_path / "away.key")
    refused = subprocess.run(
        [str(stroma_binary), "serve", "--data", str(server.data), "--http", "127.0.0.1:0",
         *ARGUMENTS], capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode != 0
    assert "access-keys.key is gone" in refused.stderr, refused.stderr
    assert not key_file.exists()
    os.rename(tmp_path / "away.key", key_file)
    restarted = Services(start_server(tmp_path / "data", *ARGUMENTS), key)
    assert json.dumps(restarted.firehose.list_delivery_streams()["DeliveryStreamNames"]) == \
        '["tabled", "told"]'
