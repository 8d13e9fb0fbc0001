"""Defects of the old matrix service that no other test here would find; docs/bad-inputs.md lists
all twenty with their tests. The number in a test's name is that of the list."""
import json

import pytest

from api import MatrixApi, compare
from bundles import CELLS, GENES, make_bundle
from cli import Stroma, read_any
from hca import download


@pytest.fixture
def bundle(shared_data, tmp_path):
    """100 cells with their biology."""
    return make_bundle(shared_data, tmp_path, 11, 1)


def change(path, edit):
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def test_05_v0_and_v1_share_no_result(start_server, run, bundle, tmp_path):
    run("import", bundle, "--public", data=tmp_path / "data")
    api = MatrixApi(start_server(tmp_path / "data"))
    by_list = api.matrix({"bundle_fqids": [bundle.name]}, "v0", format="csv")
    by_filter = api.matrix(compare("=", "dss_bundle_fqid", bundle.name), format="csv")
    assert by_list["status"] == by_filter["status"] == "Complete"
    assert by_list["cells"] == by_filter["cells"] == CELLS
    heads = []
    for done, fields in ((by_list, "v0"), (by_filter, "v1")):
        (tmp_path / fields).mkdir()
        folder = download(done, tmp_path / fields)
        heads.append((folder / "cells.csv").read_text().splitlines()[0].split(","))
    again = api.matrix({"bundle_fqids": [bundle.name]}, "v0", format="csv")
    assert again["query_hash"] == by_list["query_hash"]
    assert (heads[0] == heads[1]) == (by_list["query_hash"] == by_filter["query_hash"])


@pytest.mark.parametrize("gone", ["library_preparation_protocol_0.json", "donor_organism_0.json"])
def test_06_a_cell_without_library_or_donor_keeps_its_expression(start_server, run, bundle,
                                                                 tmp_path, gone):
    (bundle / gone).unlink()
    run("import", bundle, "--public", data=tmp_path / "data")
    api = MatrixApi(start_server(tmp_path / "data"))
    done = api.matrix(compare("=", "dss_bundle_fqid", bundle.name), format="mtx")
    matrix, cells, genes = read_any(download(done, tmp_path))
    assert (len(cells), len(genes)) == (CELLS, GENES)
    [[total, count]] = api.sql("select sum(exprvalue), count(distinct cellkey) from expression")
    assert matrix.sum() == total > 0 and count == CELLS


def test_10_symbols_that_differ_behind_the_dot_stay_apart(stroma_binary, bundle, tmp_path):
    names = [f"AC{i // 4}.{i % 4}" for i in range(GENES)]
    (bundle / "genes.tsv").write_text("".join(f"ENSG{i:011}\t{name}\n"
                                              for i, name in enumerate(names)))
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(bundle)
    rows = stroma.sql("select feature_name from var order by gene_index")
    assert [row["feature_name"] for row in rows] == names


def test_11_a_new_version_takes_the_publications_and_contributors_of_the_old_one_away(
        stroma_binary, bundle, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(bundle)
    title = "select distinct pub_title as t from publication"
    assert stroma.sql(title) == [{"t": "A title of a publication goes here."}]
    later = bundle.rename(bundle.with_name(bundle.name.replace("2020-", "2021-")))
    change(later / "project_0.json", lambda project: project.update(
        publications=[{**project["publications"][0], "publication_title": "Another"}],
        contributors=project["contributors"][:1]))
    stroma.imported(later)
    assert stroma.sql(title) == [{"t": "Another"}]
    assert len(stroma.sql("select * from contributor")) == 1
    assert len(stroma.sql("select * from project")) == 1


TITLE = "A | title\\, with \"quotes\", Crohn's\nand more: " + "é" * 4000


def test_20_long_texts_with_separators_come_back_as_they_were(start_server, run, bundle, tmp_path):
    def edit(project):
        project["project_core"]["project_title"] = TITLE
        project["publications"][0]["doi"] = "10.1/" + "x" * 500
        project["contributors"][0]["institution"] = "I" * 1000 + "|"
    change(bundle / "project_0.json", edit)
    run("import", bundle, "--public", data=tmp_path / "data")
    api = MatrixApi(start_server(tmp_path / "data"))
    by_title = compare("=", "project.project_core.project_title", TITLE)
    assert api.cells(by_title) == CELLS
    assert api.sql("select title from project") == [[TITLE]]
    assert api.sql("select pub_doi from publication") == [["10.1/" + "x" * 500]]
    institutions = api.sql("select cont_institution from contributor")
    assert "I" * 1000 + "|" in [row[0] for row in institutions]
    done = api.matrix(by_title, format="h5ad", fields=["project.project_core.project_title"])
    import anndata
    obs = anndata.read_h5ad(download(done, tmp_path)).obs
    assert list(obs["project.project_core.project_title"].unique()) == [TITLE]
