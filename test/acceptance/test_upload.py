"""A file goes up by curl in pieces, is imported, and the job is watched as server-sent events."""
import json
import socket
import subprocess

import anndata
import numpy as np
import pytest


class Curl:
    """curl, as the administrator of a running server."""

    def __init__(self, server):
        self.server = server

    def __call__(self, path, *options):
        """Status, headers (lower case) and body of one request."""
        done = subprocess.run(
            ["curl", "-sS", "-i", "--max-time", "120", "-H", "Expect:",
             "-H", f"Authorization: Bearer {self.server.token}", *options, self.server.url + path],
            capture_output=True, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines)}
        return int(first.split()[1]), headers, body

    def json(self, path, *options):
        status, _, body = self(path, *options)
        assert status < 300, body
        return json.loads(body)

    def events(self, path, *options):
        """(id, name, data) of each event until the server ends the stream."""
        status, headers, body = self(path, "-N", *options)
        assert status == 200 and headers["content-type"].startswith("text/event-stream")
        found = []
        for block in body.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line
                          and not line.startswith(":"))
            if "data" in fields:
                found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
        return found


@pytest.fixture
def source(run, tmp_path):
    file = tmp_path / "cells.h5ad"
    run("demo", "--cells", "300", "--genes", "200", "-o", file)
    return file


def begin(curl, source):
    told = {"name": source.name, "size": source.stat().st_size}
    status, headers, _ = curl("/v1/uploads", "-d", json.dumps(told))
    assert status == 201
    return headers["location"].removeprefix(curl.server.url)


def put_piece(curl, upload, source, tmp_path, start, end):
    content = source.read_bytes()
    piece = tmp_path / "piece"
    piece.write_bytes(content[start:end])
    return curl(upload, "-T", str(piece), "-H",
                f"Content-Range: bytes {start}-{end - 1}/{len(content)}")


def test_an_upload_in_pieces_is_imported_and_watched(start_server, run, source, tmp_path):
    server = start_server()
    curl = Curl(server)
    upload, size = begin(curl, source), source.stat().st_size
    third = size // 3
    assert put_piece(curl, upload, source, tmp_path, 0, third)[0] < 300
    assert curl(upload, "-I")[1]["upload-offset"] == str(third)

    # A gap is refused, and what is there stays; so it does when the server is killed.
    assert put_piece(curl, upload, source, tmp_path, 2 * third, size)[0] == 409
    server.kill()
    curl.server = start_server()
    offset = int(curl(upload, "-I")[1]["upload-offset"])
    assert offset == third
    assert put_piece(curl, upload, source, tmp_path, offset, size)[0] < 300

    job = curl.json("/v1/imports", "-d", json.dumps(
        {"upload": upload.rsplit("/", 1)[1], "dataset": "cells"}))["id"]
    events = curl.events(f"/v1/jobs/{job}/events")
    ids = [event[0] for event in events]
    assert ids == sorted(set(ids)) and {event[1] for event in events} == {"job"}
    assert events[-1][2]["state"] == "succeeded", events[-1]

    # Who was cut off goes on behind the last event that arrived.
    again = curl.events(f"/v1/jobs/{job}/events", "-H", f"Last-Event-ID: {ids[-1] - 1}")
    assert [event[0] for event in again] == ids[-1:]

    out = tmp_path / "back.h5ad"
    run("matrix", "--dataset", "cells", "--where", "true", "--format", "h5ad", "-o", out,
        data=curl.server.data)
    want, got = anndata.read_h5ad(source), anndata.read_h5ad(out)
    np.testing.assert_array_equal(got.X.toarray(), want.X.toarray())
    assert list(got.obs_names) == list(want.obs_names)


def test_a_damaged_upload_fails_its_job_and_says_why(server, source, tmp_path):
    curl = Curl(server)
    broken = tmp_path / "broken.h5ad"
    broken.write_bytes(source.read_bytes()[:20000])
    upload = begin(curl, broken)
    assert curl(upload, "-T", str(broken))[0] < 300
    job = curl.json("/v1/imports", "-d", json.dumps(
        {"upload": upload.rsplit("/", 1)[1], "dataset": "broken"}))["id"]
    last = curl.events(f"/v1/jobs/{job}/events")[-1][2]
    assert last["state"] == "failed" and "broken.h5ad" in json.dumps(last["error"])
    assert curl.json("/v1/datasets")["datasets"] == []


def test_the_limit_of_an_upload_is_that_of_one_request_too(start_server):
    """A body as long as the setting allows is begun, and one longer is refused unread."""
    server = start_server(None, "--set", "upload.file_max=60GiB")
    host, port = server.url.removeprefix("http://").split(":")
    size = 55 << 30
    created = server.post("/v1/uploads", json={"name": "large.h5ad", "size": size})
    assert created.status_code == 201, created.text
    path = created.headers["Location"].removeprefix(server.url)
    for length, answer in ((size, b"HTTP/1.1 100"), (61 << 30, b"HTTP/1.1 413")):
        with socket.create_connection((host, int(port)), timeout=60) as client:
            client.sendall(f"PUT {path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
                           f"Authorization: Bearer {server.token}\r\n"
                           f"Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n".encode())
            assert client.recv(100).startswith(answer)
