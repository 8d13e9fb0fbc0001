"""A GTF annotation fills the table of features."""
import gzip

import pytest

from cli import Stroma


@pytest.mark.parametrize("packed", [False, True])
def test_30_a_gtf_file_becomes_features(stroma_binary, shared_data, tmp_path, packed):
    file = shared_data / "hca-bundles/matrix-service/etl/annotation.gtf"
    if packed:
        (tmp_path / "annotation.gtf.gz").write_bytes(gzip.compress(file.read_bytes()))
        file = tmp_path / "annotation.gtf.gz"
    stroma = Stroma(stroma_binary, tmp_path / "data")
    for _ in range(2):
        assert stroma.imported(file)["features"] == 5
    assert stroma.sql("select count(*) as n from feature") == [{"n": 5}]
    [row] = stroma.sql("select * from feature where featurekey = 'ENST00000619216'")
    assert (row["featurename"], row["featuretype"], row["chromosome"], row["featurestart"],
            row["featureend"], row["isgene"], row["genus_species"]) == (
        "MIR6859-1-201", "miRNA", "chr1", 17369, 17436, False, "Homo sapiens")


def test_a_line_that_is_none_is_named(stroma_binary, tmp_path):
    broken = tmp_path / "broken.gtf"
    broken.write_text("chr1\tgene\n")
    refused = Stroma(stroma_binary, tmp_path / "data").run("import", broken, check=False)
    assert refused.returncode != 0 and "broken.gtf" in refused.stderr and "line 1" in refused.stderr
