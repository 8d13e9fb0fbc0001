"""Results sent while they are made: the first bytes come before the job is done, a transfer that
was cut goes on with a Range, and what arrives is the file, byte for byte (N3)."""
import concurrent.futures
import hashlib
import http.client
import subprocess
import urllib.parse
import zipfile

import pytest

from api import MatrixApi, ask

CELLS, GENES = 10_000, 6_000
# Written forward, and slowly enough that a client is far ahead of their end.
SLOW = ("csv", "mtx", "arrow")
FORMATS = (*SLOW, "h5ad", "loom", "zarr")
ONE_THREAD = {"STROMA_THREADS": "1"}


@pytest.fixture(scope="module")
def data(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    file = folder / "cells.h5ad"
    run("demo", "--cells", CELLS, "--genes", GENES, "--seed", 5, "-o", file)
    run("import", file, "--name", "cells", "--public", data=folder / "data")
    return folder / "data"


@pytest.fixture
def api(start_server, data):
    return MatrixApi(start_server(data, environment=ONE_THREAD))


def asked(api, format, salt=0):
    """A new request's description; another salt is another selection."""
    accepted = api.post("/v1/matrix", {"where": f"cell_index >= {salt}", "format": format})
    assert accepted.status == 202, accepted.content
    return api.get("/v1/matrix/" + accepted.json()["request_id"]).json()


class Transfer:
    """An answer that is read by and by."""

    def __init__(self, url, headers=None):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        self.connection.request("GET", parts.path, headers=headers or {})
        self.answer = self.connection.getresponse()

    def cut_after(self, count):
        content = self.answer.read(count)
        self.answer.close()
        self.connection.close()
        assert len(content) == count
        return content


def resumed(url, begun, path):
    """What curl makes of a file that was begun; its headers and trailers."""
    path.write_bytes(begun)
    done = subprocess.run(["curl", "-sS", "-C", "-", "-D", "-", "-o", path, url],
                          capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.startswith("HTTP/1.1 206"), done.stdout
    return {line.split(":")[0].lower(): line.split(":", 1)[1].strip()
            for line in done.stdout.splitlines() if ":" in line}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("format", SLOW)
def test_bytes_come_before_the_job_is_done_and_a_failure_cuts_them(api, format):
    request = asked(api, format, 1)
    transfer = Transfer(request["stream_url"])
    assert transfer.answer.status == 200
    first = transfer.answer.read(1)
    # It can still be cancelled, so these bytes were here before its end.
    cancelled = ask(f"{api.url}/v1/jobs/{request['job']}/cancel", "POST", b"",
                    api.server.headers())
    assert cancelled.status == 200, cancelled.content
    with pytest.raises(http.client.IncompleteRead):
        transfer.answer.read()
    assert len(first) == 1
    ended = api.finished(request["request_id"])
    assert ended["status"] == "Failed" and "cancelled" in ended["message"]
    assert ask(request["stream_url"]).status == 409


@pytest.mark.parametrize("format", FORMATS)
def test_a_transfer_that_was_cut_goes_on_with_a_range(api, format, tmp_path):
    request = asked(api, format, 2)
    transfer = Transfer(request["stream_url"])
    etag = transfer.answer.headers["ETag"]
    begun = transfer.cut_after(1000)
    part = Transfer(request["stream_url"], {"Range": "bytes=100-899", "If-Range": etag})
    assert part.answer.status == 206
    assert part.answer.read() == begun[100:900]
    path = tmp_path / "resumed"
    headers = resumed(request["stream_url"], begun, path)
    done = api.finished(request["request_id"])
    assert done["status"] == "Complete", done
    content = path.read_bytes()
    assert headers["x-checksum-sha256"] == done["sha256"] == sha256(content)
    assert content == ask(done["matrix_url"]).content
    whole = ask(done["stream_url"])
    assert whole.headers["ETag"] == etag == headers["etag"] and whole.content == content
    changed = ask(done["stream_url"], headers={"Range": "bytes=9-", "If-Range": '"another"'})
    assert changed.status == 200 and changed.content == content


def test_a_transfer_goes_on_after_the_server_was_killed(start_server, data, tmp_path, api):
    request = asked(api, "csv", 3)
    transfer = Transfer(request["stream_url"])
    etag = transfer.answer.headers["ETag"]
    begun = transfer.cut_after(100_000)
    api.server.kill()

    again = MatrixApi(start_server(data, environment=ONE_THREAD))
    headers = resumed(f"{again.url}/v1/matrix/{request['request_id']}/stream", begun,
                      tmp_path / "resumed")
    done = again.finished(request["request_id"])
    assert done["status"] == "Complete", done
    assert headers["etag"] == etag
    assert done["sha256"] == sha256((tmp_path / "resumed").read_bytes())


def test_many_read_behind_one_job(api):
    requests = [asked(api, "mtx", 4) for _ in range(8)]
    assert len({request["job"] for request in requests}) == 1
    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        answers = list(pool.map(lambda request: ask(request["stream_url"]), requests))
    assert {answer.status for answer in answers} == {200}
    sums = {sha256(answer.content) for answer in answers}
    assert sums == {api.finished(request["request_id"])["sha256"] for request in requests}


def test_one_command_asks_and_fetches(api, tmp_path):
    path = tmp_path / "cells.mtx.zip"
    subprocess.run(["curl", "-sSLf", "-o", path, "-H", "Content-Type: application/json",
                    "-d", '{"where": "cell_index < 50", "format": "mtx"}',
                    api.url + "/v1/matrix?stream=true"], timeout=300, check=True)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_a_selection_without_cells_has_no_bytes(api):
    request = asked(api, "csv", CELLS)
    done = api.finished(request["request_id"])
    assert (done["status"], done["stream_url"]) == ("Complete", "")
    answer = api.get(f"/v1/matrix/{request['request_id']}/stream")
    assert answer.status == 404 and "No cells" in answer.json()["message"]
