"""The portal's pages in headless Chromium against a real server: upload, validate, look, publish.

Pictures are kept in build/pictures/ for people to look at.
"""
import functools
import http.server
import re
import urllib.request

import pytest
import requests


@pytest.fixture(scope="module")
def library(run, h5ad, tmp_path_factory):
    """A data directory with three public datasets that differ, and a hidden one."""
    folder = tmp_path_factory.mktemp("library")
    data = folder / "data"
    kinds = ["T cell", "B cell", "macrophage"]
    for name, title, cells, obs in [
            ("lung", "Lung of smokers", 90,
             {"tissue": ["lung"], "disease": ["pulmonary fibrosis", "normal"], "cell_type": kinds}),
            ("healthy", "Healthy blood", 120,
             {"tissue": ["blood"], "disease": ["normal"], "cell_type": kinds[:2]}),
            ("colon", "Colon biopsies", 60, {"tissue": ["colon"], "disease": ["colitis"]})]:
        file = h5ad.write(folder / f"{name}.h5ad", cells, **obs)
        run("import", file, "--name", name, "--title", title, "--public", data=data)
    run("import", h5ad.write(folder / "hidden.h5ad", 20, tissue=["lung"]), "--name", "hidden",
        "--title", "Hidden", data=data)
    return data


@pytest.fixture(scope="module")
def library_server(start_module_server, library):
    return start_module_server(library)


def test_from_an_upload_to_what_anonymous_sees(browse, start_server, blood):
    server = start_server()
    seen = browse(server, "portal-way",
                  ["signIn", "upload", "datasetPage", "editCard", "explore", "twoGroups",
                   "labelGroup", "shareLink", "restored", "publish", "anonymousByLink",
                   "anonymous", "darkAndSmall"],
                  file=str(blood), title="Made-up blood", dataset="blood",
                  description="Two thousand cells that nobody ever drew.", doi="10.1234/made.up")
    assert seen["name"] == "blood"
    assert [one.split(":")[0] for one in seen["steps"]] == ["done"] * 4
    assert seen["heading"] == "Made-up blood"
    assert seen["numbers"][:2] == ["2,000", "400"]
    assert "B cell" in seen["cell_types"]
    assert "valid" in seen["report"]
    assert any("tissue_type" in one and "is not there" in one for one in seen["cellxgene"])
    assert "Franklin R, Lonsdale K (1953). On made-up cells" in seen["citation"]
    assert "2,000 of 2,000" in seen["explored"] or "2,000" in seen["explored"]
    assert re.search(r"[\d,]+ against [\d,]+ cells, \d+ genes", seen["compared"])
    assert 100 < seen["labelled"] < 1900 and "view=view-" in seen["link"]
    for name in ("restored", "anonymous_screen"):
        assert seen[name] == seen["screen"], "the link gives the same screen to anybody"
    assert seen["anonymous"] == ["Made-up blood"] and seen["owner_buttons"] == 0
    assert seen["download"] == {"name": "blood.h5ad", "begin": "HDF"}
    assert {name: width for name, width in seen.items() if name.startswith("wide_")} == {
        f"wide_{page}": 0 for page in ("home", "sql", "dataset", "upload", "explorer", "genes")}


def test_a_file_that_breaks_the_rules_is_refused_with_all_of_them(browse, start_server, blood):
    server = start_server()
    seen = browse(server, "portal-refused", ["signIn", "upload"], file=str(blood), title="Blood",
                  profile="cellxgene", refused=True)
    assert [one.split(":")[0] for one in seen["steps"]] == ["done", "failed", "waiting", "waiting"]
    assert len(seen["findings"]) > 5
    assert any("obs.assay_ontology_term_id" in one and "EFO" in one for one in seen["findings"])
    assert server.get("/v1/datasets").json()["datasets"] == [], "nothing of it became visible"


def test_people_sign_in_by_a_password_of_their_own(browse, start_server):
    server = start_server()
    invitation = re.search(r"invite_[0-9a-f]+", server.log.read_text())[0]
    seen = browse(server, "portal-account", ["account"], invitation=invitation)
    assert "wrong" in seen["wrong"] and seen["user"] == "ada"
    assert "/#/setup?secret=invite_" in seen["invited"]
    assert any("sign-in" in one and "denied" in one for one in seen["audit"])


def test_a_job_appears_and_ends_on_the_page_without_another_question(browse, start_server, blood):
    seen = browse(start_server(), "portal-jobs", ["signIn", "jobsComing"], file=str(blood))
    assert seen["ended"] == [seen["begun"], "succeeded"]
    assert set(seen["asked"]) == {"/v1/jobs/events"}


def test_facets_and_words_find_datasets_and_a_link_keeps_them(browse, library_server):
    seen = browse(library_server, "portal-facets", ["facets", "keyboard"])
    assert sorted(seen["all"]) == ["Colon biopsies", "Healthy blood", "Lung of smokers"]
    assert seen["lung"] == ["Lung of smokers"]
    assert seen["counts"] == ["normal1", "pulmonary fibrosis1"]
    assert sorted(seen["lung_or_blood"]) == ["Healthy blood", "Lung of smokers"]
    assert seen["words"] == ["Lung of smokers"]
    assert sorted(seen["by_link"]) == sorted(seen["lung_or_blood"])
    assert "Skip to content" in seen["reached"][0]
    assert any("lung" in (one or "") for one in seen["reached"]) or \
        any("Explore Lung of smokers" in (one or "") for one in seen["reached"])

def test_groups_of_terms_find_their_tissues(browse, library_server):
    seen = browse(library_server, "portal-groups", ["groups"])
    assert seen["respiratory"] == ["Lung of smokers"]


def test_genes_are_seen_over_datasets(browse, library_server):
    seen = browse(library_server, "portal-genes", ["genes"])
    assert sorted(seen["hits"]) == ["Colon biopsies", "Healthy blood", "Lung of smokers"]
    cells = {(gene, group): cells for gene, group, cells, *_ in seen["expressed"]}
    assert cells[("0", "T cell")] == cells[("3", "T cell")] == "90", "30 of lung, 60 of blood"
    assert cells[("0", "macrophage")] == "30"
    assert any(one.startswith("0 in T cell: mean") and "of 90 cells" in one for one in seen["dots"])


def test_a_collection_is_published_with_its_datasets(browse, library_server):
    members = ["Lung of smokers", "Colon biopsies"]
    seen = browse(library_server, "portal-collection", ["signIn", "collection"],
                  members=members)
    assert seen["collection"] == members and seen["collections"] == ["Atlas of tissues"]


def test_sql_is_asked_drawn_saved_and_shown_again(browse, library_server):
    statement = "SELECT cell_type, count(*) AS cells FROM obs WHERE cell_type IS NOT NULL " \
        "GROUP BY cell_type ORDER BY cells DESC, cell_type"
    seen = browse(library_server, "portal-sql", ["signIn", "sql", "admin", "mine"],
                  statement=statement)
    assert seen["rows"] == [["B cell", "90"], ["T cell", "90"], ["macrophage", "30"]]
    assert {"cell_id", "tissue", "disease", "cell_type"} <= set(seen["columns"])
    assert seen["bars"] == 3
    assert seen["csv"].splitlines()[:2] == ["cell_type,cells", "B cell,90"]
    assert seen["panel"] == "Cells of each type" and re.search(r"\d\d:\d\d:\d\d", seen["asked"])
    assert "nonsense" in seen["sql_problem"]
    assert seen["secret"].startswith("stroma_")


def test_what_is_taken_away_tells_why(browse, library_server):
    colon = library_server.get("/v1/datasets/colon").json()["id"]
    browse(library_server, "portal-burial", ["signIn", "bury"], dataset="colon")
    gone = requests.get(f"{library_server.url}/v1/portal/datasets/{colon}", timeout=60)
    assert (gone.status_code, gone.json()["message"]) == (410, "Consent was withdrawn")


class BelowALab(http.server.BaseHTTPRequestHandler):
    """A reverse proxy that has the whole server below /lab."""

    def __init__(self, behind, *arguments):
        self.behind = behind
        super().__init__(*arguments)

    def do_GET(self):  # noqa: N802
        if not self.path.startswith("/lab/"):
            self.send_error(404)
            return
        asked = urllib.request.Request(self.behind + self.path.removeprefix("/lab"))
        for name in ("Accept", "Authorization"):
            if name in self.headers:
                asked.add_header(name, self.headers[name])
        try:
            with urllib.request.urlopen(asked) as answer:
                body, status, headers = answer.read(), answer.status, answer.headers
        except urllib.error.HTTPError as refusal:
            body, status, headers = refusal.read(), refusal.code, refusal.headers
        self.send_response(status)
        self.send_header("Content-Type", headers["Content-Type"])
        if "Content-Encoding" in headers:
            self.send_header("Content-Encoding", headers["Content-Encoding"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_pages_work_below_a_sub_path(browse, library_server, serve_files):
    behind = serve_files(functools.partial(BelowALab, library_server.url))
    seen = browse(library_server, "portal-below", ["datasetPage"], url=behind + "/lab",
                  dataset="lung")
    assert seen["heading"] == "Lung of smokers"
