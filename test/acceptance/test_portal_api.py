"""The portal's routes from outside: search, cards, collections, reports, links, addresses."""
import functools
import http.server
import threading
import time

import pytest
import requests

PORTAL = "/v1/portal"


def anonymous(server, path, method="GET", **options):
    return requests.request(method, server.url + path, timeout=120, **options)


def finished(server, job):
    """The job when it is over: its events end then."""
    with server.get(f"/v1/jobs/{job['id']}/events", stream=True) as events:
        for _ in events.iter_lines():
            pass
    return server.get(f"/v1/jobs/{job['id']}").json()


@pytest.fixture
def two(run, demo_data, tmp_path, start_server):
    """A server with a public and a private dataset of the same cells."""
    data = tmp_path / "data"
    run("import", demo_data.file, "--name", "open", "--title", "Open blood", "--public", data=data)
    run("import", demo_data.file, "--name", "closed", "--title", "Closed blood", data=data)
    return start_server(data)


def names(answer):
    return sorted(one["name"] for one in answer.json()["datasets"])


def test_search_shows_each_what_they_may_read(two):
    assert names(two.get(PORTAL + "/search")) == ["closed", "open"]
    seen = anonymous(two, PORTAL + "/search")
    assert names(seen) == ["open"]
    told = {facet["name"]: {value["value"]: value["datasets"] for value in facet["values"]}
            for facet in seen.json()["facets"]}
    assert set(told["cell_type"].values()) == {1}, "a private dataset is counted by nobody else"
    assert names(anonymous(two, PORTAL + "/search?cell_type=B%20cell&q=blo")) == ["open"]
    assert names(anonymous(two, PORTAL + "/search?cell_type=none")) == []
    assert names(anonymous(two, PORTAL + "/search?cells_min=501")) == []
    assert anonymous(two, PORTAL + "/search?limit=x").status_code == 400
    assert anonymous(two, PORTAL + "/search?mine=true").status_code == 401
    for path in ["", "/report", "/links"]:
        method = "POST" if path == "/links" else "GET"
        answer = anonymous(two, f"{PORTAL}/datasets/closed{path}", method, json={"format": "h5ad"})
        assert answer.status_code == 404, path


def test_a_card_is_rows_seen_at_once_and_changed_by_version(two):
    before = two.get("/v1/portal/datasets/open").json()
    change = {"description": "Cells about zebras", "doi": "https://doi.org/10.1234/abc",
              "publication": {"title": "Zebras", "authors": ["Franklin R"], "year": 1953},
              "links": [{"kind": "PROTOCOL", "url": "https://p.example/1", "title": "How"}]}
    path = PORTAL + "/datasets/open/card"
    assert anonymous(two, path, "PATCH", json=change).status_code == 401
    assert two.request("PATCH", path, json=change).json()["version"] == 1
    after = anonymous(two, "/v1/portal/datasets/open").json()
    assert after["card"]["citation"] == "Franklin R (1953). Zebras. https://doi.org/10.1234/abc"
    assert after["revisions"] == before["revisions"], "no data file was written"
    assert names(anonymous(two, PORTAL + "/search?q=zebras")) == ["open"]
    stale = two.request("PATCH", path, json={"contact": "x"}, headers={"If-Match": '"0"'})
    assert stale.status_code == 409
    for wrong, pointer in [({"doi": "nonsense"}, "/doi"), ({"publication": {"year": "x"}},
                                                           "/publication/year"),
                           ({"links": [{"url": "javascript:alert(1)"}]}, "/links/0")]:
        answer = two.request("PATCH", path, json=wrong)
        assert (answer.status_code, answer.json()["pointer"]) == (400, pointer)


def test_a_report_names_column_rows_and_fix(two):
    report = anonymous(two, PORTAL + "/datasets/open/report?profile=cellxgene").json()
    assert report["state"] == "invalid" and report["errors"] == len(report["findings"])
    assert all(one["fix"] and one["where"] for one in report["findings"])
    reserved = [one for one in report["findings"] if one["column"] == "cell_type"]
    assert "reserved" in reserved[0]["message"]
    assert anonymous(two, PORTAL + "/datasets/open/report?profile=lab").json()["state"] == "valid"
    assert anonymous(two, PORTAL + "/datasets/open/report?profile=no").status_code == 404


def test_a_collection_from_private_to_its_tombstone(two):
    made = two.post("/v1/collections", json={"name": "atlas", "title": "Atlas"}).json()
    path = f"{PORTAL}/collections/{made['id']}"
    assert two.post(path + "/publish").status_code == 409, "nothing is in it"
    assert anonymous(two, path).status_code == 404
    two.request("PATCH", path, json={"datasets": ["closed"], "description": "First"})
    published = two.post(path + "/publish").json()
    assert published["state"] == "published" and published["card"]["description"] == "First"
    assert names(anonymous(two, PORTAL + "/search")) == ["closed", "open"]

    refused = two.request("PATCH", path, json={"title": "Other"})
    assert refused.status_code == 409 and "revision" in refused.json()["message"]
    assert two.request("PATCH", path, json={"doi": "10.1234/x"}).status_code == 200
    assert two.post(path + "/revision").status_code == 201
    assert two.post(path + "/revision").status_code == 409, "one at a time"
    two.request("PATCH", path, json={"title": "Second", "datasets": ["open", "closed"]})
    seen = anonymous(two, path).json()
    assert (seen["title"], len(seen["datasets"]), seen["revision"]) == ("Atlas", 1, None)
    two.post(path + "/publish")
    seen = anonymous(two, path).json()
    assert seen["title"] == "Second" and seen["revised"]
    assert [one["name"] for one in seen["datasets"]] == ["open", "closed"]

    assert two.post(path + "/tombstone", json={"reason": "A mistake"}).status_code == 204
    gone = anonymous(two, path)
    assert (gone.status_code, gone.json()["message"]) == (410, "A mistake")
    buried = anonymous(two, f"{PORTAL}/datasets/{seen['datasets'][0]['id']}")
    assert (buried.status_code, buried.json()["message"]) == (410, "A mistake")


def file_behind(server, path):
    """The answer once the file is made."""
    answer = anonymous(server, "/" + path)
    while answer.status_code == 202:
        finished(server, {"id": answer.json()["job"]})
        answer = anonymous(server, "/" + path)
    return answer


def test_a_download_link_works_for_whoever_has_it_until_it_expires(two):
    order = {"format": "h5ad", "seconds": 3600}
    link = two.post(PORTAL + "/datasets/closed/links", json=order).json()
    file = file_behind(two, link["path"])
    assert file.status_code == 200 and file.content[1:4] == b"HDF"
    assert 'filename="closed.h5ad"' in file.headers["Content-Disposition"]
    assert anonymous(two, PORTAL + "/files/unknown").status_code == 404

    short = two.post(PORTAL + "/datasets/closed/links", json={**order, "seconds": 1}).json()
    began = time.monotonic()
    while anonymous(two, "/" + short["path"]).status_code != 410:
        assert time.monotonic() < began + 60
    two.request("DELETE", "/v1/datasets/closed")
    assert anonymous(two, "/" + link["path"]).status_code == 410


class Files(http.server.BaseHTTPRequestHandler):
    """A web server of one file; /away leads to it."""

    def __init__(self, content, *arguments):
        self.content = content
        super().__init__(*arguments)

    def do_GET(self):  # noqa: N802
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/cells.h5ad")
            self.end_headers()
            return
        body = self.content if self.path == "/cells.h5ad" else b'{"message": {"title": ["Cells"]}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def elsewhere(demo_data):
    handler = functools.partial(Files, demo_data.file.read_bytes())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_an_address_is_fetched_and_imported(start_server, elsewhere):
    server = start_server(environment={"STROMA_FETCH_PRIVATE_ADDRESSES": "true",
                                       "STROMA_PORTAL_DOI_RESOLVER": elsewhere + "/works/"})
    job = server.post("/v1/imports", json={"url": elsewhere + "/away", "dataset": "far",
                                           "profile": "lab"}).json()
    done = finished(server, job)
    assert done["state"] == "succeeded", done["error"]
    assert done["outputs"]["cells"] == 500
    assert server.get(PORTAL + "/datasets/far").json()["revisions"][0]["source"]["sha256"]
    told = server.get(PORTAL + "/doi?doi=10.1234/x").json()
    assert told["publication"]["title"] == "Cells"


@pytest.mark.parametrize("address", [
    "http://127.0.0.1:{port}/cells.h5ad", "http://localhost:{port}/x", "http://0.0.0.0:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x", "http://169.254.169.254/latest", "file:///etc/passwd",
    "http://user:pass@example.org/x"])
def test_an_address_of_this_network_is_refused(server, elsewhere, address):
    job = server.post("/v1/imports", json={
        "url": address.format(port=elsewhere.rsplit(":", 1)[1]), "dataset": "x"}).json()
    done = finished(server, job)
    assert done["state"] == "failed" and done["error"]["code"] in ("denied", "invalid_input")
    assert server.get("/v1/datasets").json()["datasets"] == []


def test_what_must_be_valid_and_is_not_leaves_a_report_and_no_dataset(server, demo_data):
    size = demo_data.file.stat().st_size
    upload = server.post("/v1/uploads", json={"name": "a.h5ad", "size": size}).json()
    server.request("PUT", f"/v1/uploads/{upload['id']}", data=demo_data.file.read_bytes())
    job = server.post("/v1/imports", json={"upload": upload["id"], "dataset": "a",
                                           "profile": "cellxgene", "require_valid": True}).json()
    done = finished(server, job)
    assert done["state"] == "failed" and "is reserved" in done["error"]["message"]
    report = server.get(f"{PORTAL}/jobs/{job['id']}/report").json()
    assert report["errors"] > 5
    assert anonymous(server, f"{PORTAL}/jobs/{job['id']}/report").status_code == 404
    assert server.get("/v1/datasets").json()["datasets"] == []


def uploaded(server, file, **order):
    """Sends a file and imports it; the job when it is over."""
    content = file.read_bytes()
    made = server.post("/v1/uploads", json={"name": file.name, "size": len(content)}).json()
    sent = server.request("PUT", f"/v1/uploads/{made['id']}", data=content)
    assert sent.status_code < 300, sent.text
    job = finished(server, server.post("/v1/imports",
                                       json={"upload": made["id"], **order}).json())
    assert job["state"] == "succeeded", job
    return job


def sources_of(server):
    return [one for one in (server.data / "objects").rglob("*") if one.is_file()
            and one.stat().st_size > 0 and b"sources/" in one.read_bytes()[-4096:]]


def test_an_uploaded_file_is_kept_as_it_came_and_goes_with_its_dataset(run, demo_data, tmp_path,
                                                                       start_server):
    server = start_server(tmp_path / "data")
    content = demo_data.file.read_bytes()
    uploaded(server, demo_data.file, dataset="sent")
    record = server.get(PORTAL + "/datasets/sent").json()
    kept = record["files"][0]
    assert kept == {"format": "source", "name": demo_data.file.name, "bytes": len(content)}
    links = PORTAL + "/datasets/sent/links"
    made = server.post(links, json={"format": "source", "seconds": 60})
    assert made.status_code == 201 and made.json()["job"] is None, made.text
    answer = anonymous(server, "/" + made.json()["path"])
    assert answer.content == content, "byte for byte what was sent"
    assert demo_data.file.name in answer.headers["Content-Disposition"]
    part = anonymous(server, "/" + made.json()["path"], headers={"Range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == content[10:20]
    assert anonymous(server, links, "POST", json={"format": "source"}).status_code == 404
    assert len(sources_of(server)) == 1
    uploaded(server, demo_data.file, dataset="sent")
    assert len(sources_of(server)) == 1, "the same again is kept once"
    assert not list((server.data / "uploads").rglob("*.h5ad")), "and not among the uploads"

    assert server.request("DELETE", "/v1/datasets/sent").status_code < 300
    assert anonymous(server, "/" + made.json()["path"]).status_code == 410
    assert sources_of(server) == []
    # What lies on the server's own disk is the operator's; and who wants no copies says so.
    run_path = server.post("/v1/imports", json={"path": str(demo_data.file), "dataset": "local"})
    assert finished(server, run_path.json())["state"] == "succeeded"
    assert "source" not in [one["format"] for one in
                            server.get(PORTAL + "/datasets/local").json()["files"]]
    server.stop()
    other = start_server(tmp_path / "other", "--set", "import.keep_source=false")
    uploaded(other, demo_data.file, dataset="sent")
    assert other.get(PORTAL + "/datasets/sent").json()["files"][0]["format"] != "source"
    assert other.post(links, json={"format": "source"}).status_code == 404
