"""Ontologies from outside: roll-up out of the box, one read in, terms in validation; profiles."""
import json

import anndata
import numpy
import pandas
import pytest
import requests

SEARCH = "/v1/portal/search"

CELL_ONTOLOGY = """format-version: 1.4
data-version: releases/2025-07-30
ontology: cl/cl-basic

[Term]
id: CL:0000000
name: cell

[Term]
id: CL:0000084
name: T cell
synonym: "T lymphocyte" EXACT []
is_a: CL:0000000 ! cell

[Term]
id: CL:0000003
name: obsolete native cell
is_obsolete: true
replaced_by: CL:0000000
"""


def dataset(path, tissue, cell_types):
    """A file of ten cells of one tissue."""
    cells = 10
    obs = pandas.DataFrame({"tissue": pandas.Categorical([tissue] * cells),
                            "cell_type_ontology_term_id": pandas.Categorical(
                                [cell_types[at % len(cell_types)] for at in range(cells)])},
                           index=[f"cell{at}" for at in range(cells)])
    values = numpy.random.default_rng(1).poisson(1, (cells, 5)).astype("float32")
    anndata.AnnData(values, obs=obs, var=pandas.DataFrame(index=list("abcde"))).write(path)
    return path


@pytest.fixture
def library(run, tmp_path, start_server):
    """A server with three public datasets."""
    data = tmp_path / "data"
    for name, tissue, types in [("marrow", "bone marrow", ["CL:0000084"]),
                                ("cortex", "renal cortex", ["CL:0000236", "CL:0000003"]),
                                ("node", "UBERON:0000029", ["CL:0000084", "CL:7654321"])]:
        run("import", dataset(tmp_path / f"{name}.h5ad", tissue, types), "--public", data=data)
    return start_server(data)


def ask(server, path):
    return requests.get(server.url + path, timeout=60).json()


def found(server, **query):
    answer = requests.get(server.url + SEARCH, params=query, timeout=60)
    return sorted(one["name"] for one in answer.json()["datasets"])


def test_an_organ_a_system_and_a_synonym_find_their_tissues(library):
    assert found(library, tissue="kidney") == ["cortex"]
    assert found(library, tissue="immune system") == ["marrow", "node"]
    assert found(library, tissue="lymphoid organ") == ["node"]
    assert found(library, tissue="UBERON:0002371") == ["marrow"]
    assert found(library, cell_type="lymphocyte") == ["cortex", "marrow", "node"]
    assert found(library, q="lymphoid") == ["node"], "words of what is broader"
    facets = {facet["name"]: facet["values"] for facet in ask(library, SEARCH)["facets"]}
    tissues = {one["value"]: one for one in facets["tissue"]}
    assert tissues["cortex of kidney"]["term"] == "UBERON:0001225", "by the ontology's name"
    assert tissues["immune system"] == {"value": "immune system", "term": "UBERON:0002405",
                                        "datasets": 2, "chosen": False, "broader": True}
    names = [one["value"] for one in facets["tissue"]]
    own = [one["value"] for one in facets["tissue"] if not one["broader"]]
    assert names[:len(own)] == own, "what datasets say comes first"


def test_terms_are_found_by_words_for_whoever_labels(library):
    terms = ask(library, "/v1/ontology/terms?q=nk%20ce&facet=cell_type")["terms"]
    assert terms[0] == {"id": "CL:0000623", "name": "natural killer cell", "found_by": "NK cell"}
    one = ask(library, "/v1/ontology/terms/UBERON:0001225")
    assert "UBERON:0002113" in [broader["id"] for broader in one["broader"]]
    assert one["complete"] is False
    assert requests.get(library.url + "/v1/ontology/terms/CL:1", timeout=60).status_code == 404
    assert requests.get(library.url + "/v1/ontology/terms?q=x&facet=suspension_type",
                        timeout=60).status_code == 400


def terms_wrong(server, name):
    report = ask(server, f"/v1/portal/datasets/{name}/report?profile=cellxgene")
    wrong = [one["message"] for one in report["findings"]
             if one["column"] == "cell_type_ontology_term_id"]
    return report["terms"], wrong


def test_an_ontology_that_is_read_in_checks_terms(library, run, tmp_path):
    terms, wrong = terms_wrong(library, "node")
    assert wrong == [] and "CL" in terms["by_form"], "by its form it could be a term"
    file = tmp_path / "cl.obo"
    file.write_text(CELL_ONTOLOGY)
    refused = requests.post(library.url + "/v1/ontology", data=CELL_ONTOLOGY, timeout=60)
    assert refused.status_code == 401
    # Beside the running server; the report that was kept is made anew.
    told = json.loads(run("ontology", "import", file, "--json", data=library.data).stdout)
    assert (told["prefix"], told["terms"]) == ("CL", 3)
    terms, wrong = terms_wrong(library, "node")
    assert terms["checked"] == [{"ontology": "CL", "version": "releases/2025-07-30"}]
    assert wrong == ["'CL:7654321' is no term of CL (releases/2025-07-30)"]
    assert "'CL:0000003' is deprecated: use CL:0000000 (cell)" in terms_wrong(library, "cortex")[1]
    assert found(library, cell_type="lymphocyte") == [], "this ontology has no such term"
    assert found(library, cell_type="t lymphocyte") == ["marrow", "node"]
    run("ontology", "remove", "CL", data=library.data)
    assert terms_wrong(library, "node")[1] == []
    broken = library.post("/v1/ontology", data="[Term]\nname: x\n")
    assert broken.status_code == 400 and "no id" in broken.json()["message"]


def test_a_sites_own_profile_is_a_file(run, tmp_path, start_server):
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    rules = {"name": "plates", "title": "Plates", "version": "2", "rules": [
        {"check": "column", "where": "obs", "column": "plate", "pattern": "P[0-9]+",
         "fix": "Name the plate, like P12."}]}
    (profiles / "plates.json").write_text(json.dumps(rules))
    data = tmp_path / "data"
    run("import", dataset(tmp_path / "one.h5ad", "blood", ["CL:0000084"]), "--public", data=data)
    server = start_server(data, "--set", f"portal.profiles={profiles}")
    assert [one["name"] for one in ask(server, "/v1/portal/profiles")["profiles"]] == \
        ["cellxgene", "lab", "plates"]
    report = ask(server, "/v1/portal/datasets/one/report?profile=plates")
    assert report["state"] == "invalid"
    assert report["findings"][0]["fix"] == "Name the plate, like P12."
    server.stop()
    (profiles / "plates.json").write_text('{"name": "plates"')
    broken = run("dataset", "list", "--set", f"portal.profiles={profiles}", data=data, fails=True)
    assert "plates.json" in broken.stderr
