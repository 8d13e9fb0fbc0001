"""Gene symbols of bundles and the Ensembl ids that they map to."""
import pytest

from api import MatrixApi, compare
from cli import OPTIMUS, Stroma, read_any
from hca import download

OPT = compare("=", "dss_bundle_fqid", OPTIMUS)


@pytest.fixture
def table(shared_data):
    return (shared_data / "hca-bundles/matrix-service-history/etl/cellranger_bundle.version"
            / "genes.tsv")


def share(outcome):
    [note] = [note for note in outcome["notes"] if "Ensembl" in note]
    return note


def mapped(stroma):
    [row] = stroma.sql("select count(*) as genes, count(distinct featurekey) as keys, "
                       "count(distinct gene_id) as ids from var where featurekey like 'ENSG%'")
    return row


def test_a_given_table_maps_979_of_1000_counts(stroma_binary, whole_optimus, table, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    outcome = stroma.imported(whole_optimus, "--symbols", table)
    assert share(outcome).startswith("33467 of 56648 ") and "97.9 %" in share(outcome)
    assert mapped(stroma) == {"genes": 33467, "keys": 33467, "ids": 33467}
    [row] = stroma.sql("select sum(exrpvalue) as total, sum(case when featurekey like 'ENSG%' "
                       "then exrpvalue end) as mapped from expression_all")
    assert row["total"] == 109278 and round(row["mapped"] / row["total"], 3) == 0.979
    [row] = stroma.sql("select featurekey from var where gene_id = 'TMSB4X'")
    assert row["featurekey"] == "ENSG00000205542"


def test_the_setting_names_a_table_for_every_bundle(stroma_binary, whole_optimus, table, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    done = stroma.run("import", whole_optimus, "--json",
                      env={"STROMA_BUNDLE_SYMBOLS": str(table)})
    assert "97.9 %" in done.stdout


def test_without_a_table_the_imported_annotation_maps(stroma_binary, whole_optimus, tmp_path):
    annotation = tmp_path / "two.gtf"
    annotation.write_text("".join(
        f'chrX\tHAVANA\tgene\t{place}\t{place + 9}\t.\t+\t.\tgene_id "{key}.7"; '
        f'gene_type "protein_coding"; gene_name "{name}";\n'
        for place, key, name in [(1, "ENSG00000205542", "TMSB4X"), (20, "ENSG00000166710", "B2M")]))
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.run("import", annotation)
    told = share(stroma.imported(whole_optimus))
    # Both together have 2083 + 2082 of 109278 molecules.
    assert told.startswith("2 of 56648 ") and "3.8 %" in told
    assert mapped(stroma)["genes"] == 2


def test_the_api_names_mapped_genes_by_their_ensembl_id(start_server, run, whole_optimus, table,
                                                        tmp_path):
    run("import", whole_optimus, "--public", "--symbols", table, data=tmp_path / "data")
    api = MatrixApi(start_server(tmp_path / "data"))
    done = api.matrix(OPT, format="loom")
    matrix, _, genes = read_any(download(done, tmp_path))
    assert matrix.sum() == 2006 and matrix.count_nonzero() == 1641 and len(genes) == 56648
    assert sum(gene.startswith("ENSG") for gene in genes) == 33467
    import h5py
    with h5py.File(tmp_path / done["matrix_url"].rsplit("/", 1)[1]) as file:
        names = [name.decode() for name in file["row_attrs/Gene"][:]]
    assert dict(zip(genes, names))["ENSG00000205542"] == "TMSB4X"
