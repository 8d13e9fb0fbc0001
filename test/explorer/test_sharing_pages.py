"""In headless Chromium: labels shared by name, an upload that breaks off, and the pages in a frame
of another site."""
import functools
import http.server

import pytest
import requests


def person(server, name):
    """Somebody with a token and a space of their own."""
    assert server.post("/v1/principals", json={"name": name}).status_code == 201
    return {"name": name,
            "token": server.post("/v1/tokens", json={"principal": name}).json()["secret"]}


def test_a_space_is_shared_by_name_and_a_column_begins_as_a_copy(browse, start_server, run, h5ad,
                                                                tmp_path):
    file, data = tmp_path / "blood.h5ad", tmp_path / "data"
    run("demo", "--cells", "600", "--genes", "200", "-o", file)
    run("import", file, "--name", "blood", "--title", "Blood", "--public", data=data)
    server = start_server(data)
    ada, rosalind = person(server, "ada"), person(server, "rosalind")
    made = requests.post(server.url + "/u/spaces", json={"title": "Mine"}, timeout=60,
                         headers={"Authorization": f"Bearer {rosalind['token']}"})
    assert made.status_code == 201, made.text
    count = int((h5ad.read(file).obs["cell_type"] == "B cell").sum())
    seen = browse(server, "sharing", ["shareSpace"], people=[ada, rosalind], dataset="blood",
                  label="B cell", count=count, refused=("/labels", "/genesets"))
    assert seen["ended"] == "“My labels” is not shared with you any more."
    assert sorted(seen["spaces"]) == ["Mine", "My labels (write)"] and seen["first_columns"] == 0
    assert seen["history"][0] == "rosalind" and "ada" in seen["history"][1:]
    assert (seen["spaces_after"], seen["columns_after"]) == (0, 0), "hers alone are left"


def test_a_guest_opens_a_view_by_its_link_and_comments_on_it(browse, start_server, run, demo_data,
                                                             h5ad, tmp_path):
    data = tmp_path / "data"
    run("import", demo_data.file, "--name", "blood", "--title", "Blood", data=data)
    seen = browse(start_server(data), "guest", ["guest"], dataset="blood", label="B cell")
    count = int((h5ad.read(demo_data.file).obs["cell_type"] == "B cell").sum())
    assert seen["guest_count"] == f"{count} of 500 cells"
    assert seen["comments"] == [["Rosalind", "Which donors are these?"]]
    assert seen["guest_may_comment_dataset"] == 0, "the link is to the view"
    assert seen["dataset_dialog"] == "Links for guests to Blood"


def test_who_looks_is_told_of_a_new_revision_and_goes_on_there(browse, start_server, run, demo_data,
                                                               h5ad, tmp_path):
    data, more = tmp_path / "data", tmp_path / "more.h5ad"
    run("demo", "--cells", "700", "--genes", "300", "-o", more)
    run("import", demo_data.file, "--name", "blood", "--title", "Blood", data=data)
    seen = browse(start_server(data), "newer", ["newRevision"], dataset="blood", label="B cell",
                  file=str(more))
    count = {file: int((h5ad.read(file).obs["cell_type"] == "B cell").sum())
             for file in (demo_data.file, more)}
    assert seen["before"] == f"{count[demo_data.file]} of 500 cells"
    assert seen["after"] == f"{count[more]} of 700 cells"
    assert seen["words"] == ["cell_type B cellnot"]


def test_who_follows_a_dataset_sees_its_cells_grow_without_a_reload(browse, start_server, run, h5ad,
                                                                    tmp_path):
    files = [h5ad.write(tmp_path / f"{cells}.h5ad", cells, kind=["T", "B", "NK"])
             for cells in (300, 400, 500)]
    data = tmp_path / "data"
    run("import", files[0], "--name", "blood", "--title", "Blood", data=data)
    seen = browse(start_server(data), "following", ["openExplorer", "followed"], dataset="blood",
                  next=str(files[1]), next_count=400, last=str(files[2]), last_count=500)
    assert seen["same_page"] is True
    assert "this one has 500 cells" in seen["following"]


@pytest.mark.parametrize("who", ["a person", "nobody"])
def test_labels_are_taken_over_to_the_next_revision(browse, start_server, run, h5ad, tmp_path, who):
    first, second = tmp_path / "first.h5ad", tmp_path / "second.h5ad"
    h5ad.write(first, 300, cell_type=["T", "B", "NK"])
    kept = h5ad.read(first)[20:]
    shuffled = kept[::-1].copy()
    del shuffled.obs["cell_type"]
    shuffled.write_h5ad(second)
    data = tmp_path / "data"
    run("import", first, "--name", "blood", "--title", "Blood", "--public", data=data)
    server = start_server(data)
    seen = browse(server, "carried-" + who.split()[-1], ["carriedOver"], dataset="blood", label="B",
                  before=100, after=sum(kept.obs["cell_type"] == "B"), next=str(second),
                  by=server.token if who == "a person" else "")
    assert seen["carried"].startswith("kind: 280 cells taken over; 20 are not in this revision")
    assert sorted(seen["lost"]) == sorted(f"cell{at}" for at in range(20))
    assert seen["notices"] == 0
    assert "no column cell_type" in seen["unfit"], "the view was coloured by it"


def test_private_datasets_are_joined_and_explored_in_one_view(browse, start_server, run, demo_data,
                                                              tmp_path):
    data, more = tmp_path / "data", tmp_path / "more.h5ad"
    run("demo", "--cells", "300", "--genes", "250", "--seed", "8", "-o", more)
    run("import", demo_data.file, "--name", "first", "--title", "First blood", data=data)
    run("import", more, "--name", "second", "--title", "Second blood", data=data)
    seen = browse(start_server(data), "joined", ["joined"], one="second", gene="CD79A",
                  titles=["First blood", "Second blood"])
    assert seen["joined"] == "800 of 800 cells"
    assert seen["of_one"] == "300 of 800 cells"


def test_an_ontology_offers_names_for_labels(browse, start_server, run, demo_data, skip, tmp_path):
    data = tmp_path / "data"
    run("import", demo_data.file, "--name", "blood", "--title", "Blood", data=data)
    server = start_server(data)
    known = server.get("/v1/ontology/terms", params={"q": "B cel", "facet": "cell_type"})
    if known.status_code == 404:
        skip("this program has no ontologies")
    terms = [[term["name"], term["id"]] for term in known.json()["terms"]]
    seen = browse(server, "names", ["offeredNames"], dataset="blood", typed="B cel")
    assert ["B cell", "CL:0000236"] in terms and seen["offered"] == terms[:12]


def test_an_upload_goes_on_after_a_break(browse, start_server, run, tmp_path):
    file = tmp_path / "large.h5ad"
    run("demo", "--cells", "10000", "--genes", "400", "-o", file)
    size, piece = file.stat().st_size, 8 << 20
    assert 2 * piece < size < 3 * piece, "three pieces"
    seen = browse(start_server(), "resumed", ["signIn", "brokenUpload"], file=str(file),
                  title="Large blood")
    second, third = (f"bytes {at}-{min(at + piece, size) - 1}/{size}" for at in (piece, 2 * piece))
    assert seen["sent"] == [f"bytes 0-{piece - 1}/{size} passing", f"{second} passing",
                            f"{second} passing", f"{third} passing", f"{third} after"]


class PageWithFrame(http.server.BaseHTTPRequestHandler):
    """Another site's page that shows the pages of `inside`."""

    def __init__(self, inside, *arguments):
        self.inside = inside
        super().__init__(*arguments)

    def do_GET(self):  # noqa: N802
        body = (f"<!doctype html><title>A laboratory</title><h1>Our cells</h1>"
                f"<iframe src='{self.inside[self.path]}/' title='Cells' width=1200 height=700>"
                "</iframe>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_the_pages_work_in_a_frame_where_that_is_allowed(browse, start_server, serve_files, run,
                                                         demo_data, tmp_path):
    inside = {"/favicon.ico": ""}
    site = serve_files(functools.partial(PageWithFrame, inside))
    data = tmp_path / "data"
    run("import", demo_data.file, "--name", "blood", "--title", "Blood", "--public", data=data)
    allowed = start_server(data, environment={"STROMA_HTTP_FRAME_ANCESTORS": site})
    refused = start_server(tmp_path / "other")
    inside.update({"/allowed": allowed.url, "/refused": refused.url})
    seen = browse(allowed, "frames", ["frames"], token="", title="Blood",
                  page_allowed=site + "/allowed", page_refused=site + "/refused")
    assert "500" in seen["framed"]
    assert refused.url in seen["frame_refused"]
