"""Bundles' biology: every entity, and beside it the one row that the old service made of them."""
import json

import pytest

from api import MatrixApi, compare
from cli import Stroma
from hca import SMARTSEQ2, make_smartseq2

# Of real production bundles: service tables, and how many entities each table has.
REAL = {
    "cell_line_bundle.version": {
        "service_cell_suspension": {"derived_organ_ontology": "UBERON:0002390 (cell line)",
                                    "derived_organ_parts_ontology": "",
                                    "genus_species_label": "Homo sapiens"},
        "service_donor": {"sex": "female", "ethnicity_ontology": "HANCESTRO:0005"}},
    "organoid_bundle.version": {
        "service_cell_suspension": {"derived_organ_ontology": "UBERON:0000955 (organoid)"},
        "service_donor": {"donorkey": "1399aa16-3fb0-4a04-a8d2-3af7e079ebf3", "sex": "",
                          "ethnicity_ontology": "", "ethnicity_label": ""},
        "donor": 4, "specimen": 4, "service_specimen": 1},
    "multiple_ethnicity_bundle.version": {
        "service_donor": {"ethnicity_ontology": "HANCESTRO:0568;HANCESTRO:0014"}},
}


@pytest.fixture
def real_bundle(shared_data, skip):
    """real_bundle(name) → its folder; skips loudly where it's absent."""
    return lambda name: find_real_bundle(shared_data, skip, name)


def find_real_bundle(shared_data, skip, name):
    folder = shared_data / "hca-bundles/matrix-service/etl" / name
    if not folder.is_dir():
        skip(f"the real bundle {name} is not among the shared data")
    return folder


@pytest.mark.parametrize("name", REAL)
def test_29_real_bundles_give_the_golden_rows(stroma_binary, real_bundle, tmp_path, name):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(real_bundle(name))
    for table, golden in REAL[name].items():
        rows = stroma.sql(f"select * from {table}")
        if isinstance(golden, int):
            assert len(rows) == golden, table
            continue
        assert len(rows) == 1, table
        assert {column: rows[0][column] for column in golden} == golden


def test_29_two_bundles_of_one_donor_have_it_once(stroma_binary, real_bundle, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    for name in ["cell_line", "specimen"]:
        stroma.imported(real_bundle(f"dendritic/{name}.version"))
    for prefix in ["", "service_"]:
        counts = {table: len(stroma.sql(f"select * from {prefix}{table}")) for table in
                  ["specimen", "donor", "library_preparation", "cell_suspension"]}
        assert counts == {"specimen": 1, "donor": 1, "library_preparation": 1,
                          "cell_suspension": 2}


@pytest.fixture
def pooled(shared_data, tmp_path):
    """The Smart-seq2 bundle with a second donor, of a smaller id, that is of another sex."""
    folder = make_smartseq2(shared_data, tmp_path)
    donor = json.loads((folder / "donor_organism_0.json").read_text())
    sex, stage = donor.get("sex"), donor.get("development_stage")
    donor["provenance"]["document_id"] = "00000000-0000-4000-8000-000000000001"
    donor["sex"] = "male" if sex == "female" else "female"
    (folder / "donor_organism_1.json").write_text(json.dumps(donor))
    return folder, sex, stage


def test_29_the_api_blanks_what_pooled_donors_disagree_on(start_server, run, pooled, tmp_path):
    folder, sex, stage = pooled
    run("import", folder, "--public", data=tmp_path / "data")
    api = MatrixApi(start_server(tmp_path / "data"))
    assert len(api.sql("select * from donor")) == 2
    assert api.sql("select donorkey, sex from service_donor") == [
        ["00000000-0000-4000-8000-000000000001", ""]]

    def counts(name):
        return api.get(f"/v1/filters/{name}").json()["cell_counts"]
    assert counts("donor_organism.sex") == {"": 1}
    assert counts("donor_organism.provenance.document_id") == {
        "00000000-0000-4000-8000-000000000001": 1}
    if stage:  # what they agree on stays
        assert "" not in counts("donor_organism.development_stage.ontology")
    assert api.cells(compare("=", "donor_organism.sex", sex)) == 0
    assert api.cells(compare("=", "bundle_uuid", SMARTSEQ2.split(".")[0])) == 1
    for name in ["donor_organism.sex", "donor_organism.provenance.document_id"]:
        [[shown, own]] = api.sql(f'select "{name}", coalesce("obs_{name}", \'\') from cells')
        assert shown == own  # the dataset's own obs, as it is exported, says the same


def test_29_what_is_no_bundle_keeps_a_donor_for_each_of_its_own(stroma_binary, tmp_path,
                                                                make_h5ad):
    import anndata
    path = make_h5ad("two.h5ad", ["G"], ["a", "b"], [1, 2])
    data = anndata.read_h5ad(path)
    data.obs["donor_id"], data.obs["sex"] = ["D1", "D2"], ["female", "male"]
    data.write_h5ad(path)
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(path)
    rows = stroma.sql('select cell_id, "donor_organism.sex" as sex from cells order by cell_id')
    assert [row["sex"] for row in rows] == ["female", "male"]
    assert len(stroma.sql("select * from service_donor")) == 2
