"""The Human Cell Atlas matrix service as its old clients knew it: /v0 and /v1, without a token.

The numbers of the checks are those of the list that the old service was read for.
"""
import hashlib
import http.server
import json
import threading
import uuid

import pytest

from api import MatrixApi, ask, compare, join
from cli import OPTIMUS, read_any
from hca import download

OPT = compare("=", "dss_bundle_fqid", OPTIMUS)
PATHS = ["/", "/openapi.json", "/version", "/internal/health", "/dss/notification", "/v1/matrix",
         "/v1/matrix/{request_id}", "/v1/filters", "/v1/filters/{filter_name}", "/v1/fields",
         "/v1/fields/{field_name}", "/v1/formats", "/v1/formats/{format_name}", "/v1/features",
         "/v1/features/{feature_name}", "/v0/matrix", "/v0/matrix/{request_id}",
         "/v0/matrix/formats"]
FIELDS = """genes_detected total_umis barcode emptydrops_is_cell file_uuid file_version
    cell_suspension.provenance.document_id cell_suspension.genus_species.ontology
    cell_suspension.genus_species.ontology_label derived_organ_ontology derived_organ_label
    derived_organ_parts_ontology derived_organ_parts_label
    specimen_from_organism.provenance.document_id specimen_from_organism.organ.ontology
    specimen_from_organism.organ.ontology_label specimen_from_organism.organ_parts.ontology
    specimen_from_organism.organ_parts.ontology_label donor_organism.provenance.document_id
    donor_organism.human_specific.ethnicity.ontology
    donor_organism.human_specific.ethnicity.ontology_label donor_organism.diseases.ontology
    donor_organism.diseases.ontology_label donor_organism.development_stage.ontology
    donor_organism.development_stage.ontology_label donor_organism.sex donor_organism.is_living
    library_preparation_protocol.provenance.document_id
    library_preparation_protocol.input_nucleic_acid_molecule.ontology
    library_preparation_protocol.input_nucleic_acid_molecule.ontology_label
    library_preparation_protocol.library_construction_method.ontology
    library_preparation_protocol.library_construction_method.ontology_label
    library_preparation_protocol.end_bias library_preparation_protocol.strand
    project.provenance.document_id project.project_core.project_short_name
    project.project_core.project_title analysis_protocol.provenance.document_id
    analysis_protocol.protocol_core.protocol_id dss_bundle_fqid bundle_uuid bundle_version
    analysis_working_group_approval_status""".split()
NUMERIC = {"genes_detected": (88, 171), "total_umis": (100, 277)}


@pytest.fixture(scope="module")
def api(start_module_server, run, whole_optimus, tmp_path_factory):
    data = tmp_path_factory.mktemp("optimus") / "data"
    run("import", whole_optimus, "--public", data=data)
    return MatrixApi(start_module_server(
        data, environment={"STROMA_FETCH_PRIVATE_ADDRESSES": "true"}))


@pytest.fixture(scope="module")
def golden(expected):
    return expected["optimus_original"]["ge100"]


@pytest.fixture
def serve_text():
    """serve_text(text) → a URL of this machine that gives it."""
    servers = []

    def serve(text):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/manifest.tsv"
    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_01_the_description_holds_every_path(api):
    document = api.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert set(PATHS) <= set(document["paths"])


def test_02_version_health_and_page(api):
    assert api.get("/version").json()["version_info"]["version"]
    assert api.get("/internal/health").content == b"OK"
    home = api.get("/")
    assert home.status == 200 and home.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("kind", ["filters", "fields"])
def test_03_the_catalogue_has_the_43_names(api, kind):
    assert api.get(f"/v1/{kind}").json() == FIELDS and len(FIELDS) == 43


@pytest.mark.parametrize("kind", ["filters", "fields"])
def test_04_every_detail_counts_all_cells(api, kind):
    for name in FIELDS:
        answer = api.get(f"/v1/{kind}/{name}")
        assert answer.status == 200, (name, answer.content)
        detail = answer.json()
        assert detail["field_name"] == name and detail["field_description"]
        if name in NUMERIC:
            assert (detail["field_type"], detail["minimum"], detail["maximum"]) == (
                "numeric", *NUMERIC[name])
        else:
            assert detail["field_type"] == "categorical"
            assert sum(detail["cell_counts"].values()) == 16, (name, detail)
    unknown = api.get(f"/v1/{kind}/nope")
    assert unknown.status == 404 and unknown.json()["message"]


def test_06_formats_and_features(api):
    for path, known in [("/v1/formats", {"loom", "csv", "mtx"}),
                        ("/v1/features", {"gene", "transcript"})]:
        names = api.get(path).json()
        assert known <= set(names)
        for name in names:
            detail = api.get(f"{path}/{name}")
            assert detail.status == 200 and detail.json()
        assert api.get(f"{path}/nope").status == 404
    assert {"loom", "csv", "mtx"} <= set(api.get("/v0/matrix/formats").json())
    assert api.get("/v0/matrix/nope").status == 404


def test_07_a_bundle_is_asked_for_and_downloaded(api):
    accepted = api.post("/v1/matrix", {"filter": OPT})
    assert accepted.status == 202
    assert set(accepted.json()) == {"request_id", "non_human_request_ids", "status", "message"}
    done = api.finished(accepted.json()["request_id"])
    assert done["status"] == "Complete" and done["cells"] == 16
    head = ask(done["matrix_url"], "HEAD")
    assert head.status == 200 and int(head.headers["Content-Length"]) == done["bytes"]


BARCODE = compare("=", "barcode", "A")
MALFORMED = [
    ({}, "/filter"), ([], "/filter"), ({"op": "="}, "/filter"),
    ({"op": "=", "field": "barcode"}, "/filter"), ({"op": "=", "value": "A"}, "/filter"),
    (compare("in", "barcode", "A"), "/filter/value"),
    ({"op": "and", "value": BARCODE}, "/filter/value"), (join("and", BARCODE), "/filter/value"),
    (join("or"), "/filter/value"), (join("not", BARCODE, BARCODE), "/filter/value"),
    (join("not"), "/filter/value"), (compare("~", "barcode", "A"), "/filter/op"),
    (compare("=", "no.such", "A"), "/filter/field"),
    (join("and", BARCODE, join("or", BARCODE, {"op": 7, "value": 1})),
     "/filter/value/1/value/1/op"),
    (compare("=", "total_umis", "many"), "/filter/value"),
    (compare("=", "barcode", {"a": 1}), "/filter/value"),
]


@pytest.mark.parametrize("tree,pointer", MALFORMED)
def test_08_a_malformed_filter_is_refused_at_its_node(api, tree, pointer):
    answer = api.post("/v1/matrix", {"filter": tree})
    assert answer.status == 400, answer.content
    assert answer.json()["pointer"] == pointer and answer.json()["message"]


def test_08_wrong_arguments_are_refused(api):
    long = compare("=", "barcode", "x" * 128_000)
    for body, status in [({}, 400), ({"filter": OPT, "format": "xls"}, 400),
                         ({"filter": OPT, "feature": "exon"}, 400), ({"filter": long}, 413),
                         ({"filter": OPT, "fields": ["nope"]}, 400)]:
        answer = api.post("/v1/matrix", body)
        assert answer.status == status and answer.json()["message"], body
    assert api.post("/v1/matrix", b"{").status == 400


def test_09_wrong_arguments_of_v0_are_refused(api, shared_data):
    folder = shared_data / "hca-bundles/matrix-service"
    listed = json.loads((folder / "pancreas_ss2_2544_demo_bundles.json").read_text())
    listed = listed["bundle_fqids"] if isinstance(listed, dict) else listed
    assert len(listed) == 2544
    for body, status in [({"bundle_fqids": [OPTIMUS], "bundle_fqids_url": "http://x/"}, 400),
                         ({}, 400), ({"bundle_fqids": []}, 400),
                         ({"bundle_fqids": [OPTIMUS], "format": "xls"}, 400),
                         ({"bundle_fqids": listed}, 413)]:
        assert api.post("/v0/matrix", body).status == status, str(body)[:80]


@pytest.mark.parametrize("gap", ["\t", "  "])
def test_10_v0_takes_a_list_or_a_manifest(api, serve_text, tmp_path, gap):
    url = serve_text("\n".join(
        gap.join(["bundle_uuid", "bundle_version"]) if row == 0
        else gap.join(OPTIMUS.split(".", 1)) for row in range(3)).encode() + b"\r\n")
    by_list = api.matrix({"bundle_fqids": [OPTIMUS]}, "v0", format="csv")
    by_url = api.matrix({"bundle_fqids_url": url}, "v0", format="csv")
    assert by_list["matrix_location"] and by_url["matrix_location"]
    one, two = (read_any(download(done, tmp_path)) for done in (by_list, by_url))
    assert one[1] == two[1] and len(one[1]) == 16 and (one[0] != two[0]).nnz == 0


def test_11_an_unknown_bundle_fails_with_its_reason(api):
    done = api.matrix({"bundle_fqids": [OPTIMUS, f"{uuid.uuid4()}.1"]}, "v0")
    assert done["status"] == "Failed"
    assert "requested" in done["message"] and "available" in done["message"]


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_12_an_unknown_request_is_404(api, version):
    answer = api.get(f"/{version}/matrix/{uuid.uuid4()}")
    assert answer.status == 404 and answer.json()["message"]


@pytest.mark.parametrize("op,value,cells", [
    ("=", 102, 3), ("!=", 102, 13), ("<", 105, 4), ("<=", 105, 5), (">", 120, 7), (">=", 120, 8),
    ("in", [100, 277], 2)])
def test_13_comparisons(api, op, value, cells):
    assert api.cells(compare(op, "total_umis", value)) == cells


def test_14_logic(api):
    def umis(op, value):
        return compare(op, "total_umis", value)
    ends = umis("in", [100, 277])
    assert api.cells(join("and", umis(">", 100), umis("<", 110))) == 5
    assert api.cells(join("or", umis("<=", 100), umis(">=", 200))) == 2
    assert api.cells(join("not", ends)) == 14
    assert api.cells({"op": "not", "value": ends}) == 14
    deep = ends
    for level in range(50):
        deep = join("not", deep) if level % 2 else join("and", deep, umis(">", 0))
    assert api.cells(deep) in (2, 14)


@pytest.mark.parametrize("text", ["Crohn's", "a|b", "%", "'; drop table cell; --", "é€𝄞" * 1200,
                                  "\\", "\"", "line\nbreak"],
                         ids=range(8))
def test_15_texts_stay_texts(api, text):
    assert api.cells(compare("=", "donor_organism.diseases.ontology_label", text)) == 0
    refused = api.post("/v1/matrix", {"filter": compare("=", text, "x")})
    assert refused.status == 400, refused.content
    assert api.sql("select count(*) from cell") == [[16]]


def test_16_species_have_requests_of_their_own(api):
    species = compare("in", "cell_suspension.genus_species.ontology_label",
                      ["Homo sapiens", "Mus musculus"])
    for tree in [species, join("not", join("not", species))]:
        accepted = api.post("/v1/matrix", {"filter": tree}).json()
        assert set(accepted["non_human_request_ids"]) == {"Mus musculus"}
        mouse = api.finished(accepted["non_human_request_ids"]["Mus musculus"])
        assert (mouse["status"], mouse["matrix_url"]) == ("Complete", "")
        assert "no cells" in mouse["message"].lower()
        assert api.finished(accepted["request_id"])["cells"] == 16
    assert api.post("/v1/matrix", {"filter": OPT}).json()["non_human_request_ids"] == {}


def header_of(folder, name):
    return (folder / name).read_text().splitlines()[0].split(",")


def test_17_fields_come_in_the_order_asked(api, tmp_path):
    fields = ["total_umis", "barcode", "project.project_core.project_short_name"]
    folder = download(api.matrix(OPT, format="csv", fields=fields), tmp_path)
    assert header_of(folder, "cells.csv") == ["cellkey", *fields]
    assert "Synthetic Optimus Pipeline Testing Dataset 4kpbmc 200K" in (
        folder / "cells.csv").read_text()


def test_18_the_default_fields(api, tmp_path):
    folder = download(api.matrix(OPT, format="csv"), tmp_path)
    left_out = {"specimen_from_organism.provenance.document_id"}
    header = header_of(folder, "cells.csv")
    assert header[0] == "cellkey" and set(header[1:]) == set(FIELDS) - left_out


def test_19_transcripts_of_a_bundle_that_has_none_are_an_empty_file(api, tmp_path):
    import h5py
    with h5py.File(download(api.matrix(OPT, feature="transcript"), tmp_path)) as file:
        assert file["matrix"].shape == (0, 16)
        assert file["col_attrs/CellID"].shape == (16,) and file["row_attrs/Gene"].shape == (0,)


def test_20_loom(api, tmp_path, golden):
    import h5py
    path = download(api.matrix(OPT, format="loom"), tmp_path)
    matrix, cells, genes = read_any(path)
    assert matrix.sum() == golden["sum"] and matrix.count_nonzero() == golden["nonzero"]
    assert len(cells) == 16 and len(genes) == 56648
    with h5py.File(path) as file:
        assert file["matrix"].dtype == "float32" and file["matrix"].shape == (56648, 16)
        assert {"CellID", "barcode"} <= set(file["col_attrs"])
        assert {"Accession", "Gene", "featurekey"} <= set(file["row_attrs"])
        assert {"layers", "row_graphs", "col_graphs"} <= set(file)
        assert "CreationDate" in file.attrs and "LOOM_SPEC_VERSION" in file.attrs


@pytest.mark.parametrize("format", ["csv", "mtx", "h5ad", "zarr", "loom"])
def test_24_27_every_format_holds_the_golden_cells(api, tmp_path, golden, format):
    matrix, cells, genes = read_any(download(api.matrix(OPT, format=format), tmp_path))
    assert matrix.shape == (16, 56648)
    assert matrix.sum() == golden["sum"] and matrix.count_nonzero() == golden["nonzero"]
    assert sorted(cells) == sorted(row["cellkey"] for row in golden["rows"])
    for row in golden["rows"]:
        assert row["cellkey"] == hashlib.md5((OPTIMUS + row["barcode"]).encode()).hexdigest()
        assert matrix[cells.index(row["cellkey"])].sum() == row["total_umis"]


def test_31_the_warehouse_by_sql(api, golden):
    assert api.sql("select count(*) from cell") == [[16]]
    assert api.sql("select count(*), sum(exrpvalue) from expression") == [
        [golden["nonzero"], golden["sum"]]]
    assert api.sql("select count(*) from cell_all") == [[11134]]
    assert api.sql("select count(*) from expression_all") == [[103445]]
    assert api.sql("select count(*) from analysis") == [[1]]
    joined = """select bundle_uuid, count(*) from expression join cell using (cellkey)
        join analysis using (analysiskey) group by 1"""
    assert api.sql(joined) == [[OPTIMUS.split(".")[0], golden["nonzero"]]]
    for table in ["feature", "donor", "specimen", "cell_suspension", "library_preparation",
                  "project", "publication", "contributor"]:
        assert api.sql(f"select count(*) from {table}")[0][0] >= 0


def test_31_parameters_of_sql_are_bound(api):
    answer = ask(api.url + "/v1/sql", "POST", {
        "statement": "select count(*) from cell where total_umis > ?", "parameters": [120]})
    assert answer.json()["rows"] == [[7]]


def test_36_equal_queries_are_answered_at_once(api):
    fields = ["barcode", "total_umis", "genes_detected"]
    api.matrix(OPT, format="csv", fields=fields)
    hits = api.metric("stroma_matrix_cache_hits_total")
    again = api.post("/v1/matrix", {"filter": OPT, "format": "csv", "fields": fields}).json()
    assert api.get(f"/v1/matrix/{again['request_id']}").json()["status"] == "Complete"
    assert api.metric("stroma_matrix_cache_hits_total") == hits + 1


def test_36_the_order_of_the_fields_makes_no_other_query(api):
    hashes = {api.matrix(OPT, format="csv", fields=fields)["query_hash"]
              for fields in [["bundle_uuid", "barcode"], ["barcode", "bundle_uuid"]]}
    assert len(hashes) == 1


def test_36_the_order_of_operands_makes_no_other_query(api):
    one, two = compare(">", "total_umis", 101), compare("<", "total_umis", 131)
    hashes = {api.matrix(join("and", *pair), format="mtx")["query_hash"]
              for pair in [(one, two), (two, one)]}
    assert len(hashes) == 1


def test_40_metrics_move_as_requests_do(api):
    names = ["stroma_matrix_requests_total", "stroma_matrix_completions_total",
             "stroma_matrix_cache_misses_total", "stroma_matrix_errors_total",
             "stroma_matrix_seconds_count"]
    before = [api.metric(name) for name in names]
    api.matrix(compare("=", "total_umis", 130), format="mtx")
    api.matrix({"bundle_fqids": [f"{uuid.uuid4()}.1"]}, "v0")
    moved = [api.metric(name) - was for name, was in zip(names, before)]
    assert moved[0] == 3 and moved[1] == 1 and moved[3] >= 1 and moved[4] >= 1
