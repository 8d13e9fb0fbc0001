"""HCA bundles, against the golden values that an independent reader computed."""
import os
import re
import shutil

import pytest

from cli import OPTIMUS, Stroma, read_any
from hca import CELL, make_smartseq2

FORMATS = ["h5ad", "zarr", "loom", "csv", "mtx"]


@pytest.fixture(scope="module")
def optimus(stroma_binary, whole_optimus, tmp_path_factory):
    stroma = Stroma(stroma_binary, tmp_path_factory.mktemp("optimus") / "data")
    stroma.outcome = stroma.imported(whole_optimus)
    return stroma


def test_the_whole_optimus_bundle_is_loaded(optimus, expected):
    golden = expected["optimus_original"]
    shape = (optimus.outcome["cells"], optimus.outcome["genes"])
    assert shape == (golden["barcodes"], golden["genes"])
    assert optimus.outcome["nonzeros"] == golden["nnz"]
    [row] = optimus.sql("select count(*) as cells from cell_all")
    assert row["cells"] == golden["barcodes"]
    [row] = optimus.sql("select count(*) as n, sum(exrpvalue) as total from expression_all")
    assert (row["n"], row["total"]) == (golden["nnz"], golden["sum"])


def test_the_compatibility_views_hold_the_called_cells(optimus, expected):
    golden = expected["optimus_original"]["ge100"]
    rows = optimus.sql("select cellkey, barcode, genes_detected, total_umis, emptydrops_is_cell "
                       "from cell order by cellkey")
    assert len(rows) == golden["cells"]
    for row, want in zip(rows, sorted(golden["rows"], key=lambda r: r["cellkey"])):
        assert row["cellkey"] == want["cellkey"] and row["barcode"] == want["barcode"]
        assert row["genes_detected"] == want["genes_detected"]
        assert row["total_umis"] == want["total_umis"]
        assert row["emptydrops_is_cell"] == want["is_cell"]
    [row] = optimus.sql("select count(*) as n, sum(exrpvalue) as total from expression")
    assert (row["n"], row["total"]) == (golden["nonzero"], golden["sum"])
    [row] = optimus.sql("select count(*) as n from analysis")
    assert row["n"] == 1


@pytest.mark.parametrize("format", FORMATS)
def test_called_cells_are_equal_in_every_format(optimus, expected, tmp_path, format):
    golden = expected["optimus_original"]["ge100"]
    out = optimus.matrix(tmp_path / f"called.{format}", "--where", "total_umis >= 100")
    matrix, cells, genes = read_any(out)
    assert len(cells) == golden["cells"] and len(genes) == expected["optimus_original"]["genes"]
    assert matrix.sum() == golden["sum"] and matrix.count_nonzero() == golden["nonzero"]


@pytest.mark.parametrize("format", ["h5ad", "zarr", "mtx"])
def test_the_whole_bundle_is_equal_in_sparse_formats(optimus, expected, tmp_path, format):
    golden = expected["optimus_original"]
    matrix, cells, genes = read_any(optimus.matrix(tmp_path / f"all.{format}", "--where", "true"))
    assert matrix.shape == (golden["barcodes"], golden["genes"])
    assert matrix.sum() == golden["sum"] and matrix.count_nonzero() == golden["nnz"]


def test_a_flipped_byte_in_expression_is_refused_by_name(stroma_binary, whole_optimus, tmp_path):
    damaged = tmp_path / OPTIMUS
    shutil.copytree(whole_optimus, damaged)
    shutil.copy(f"{whole_optimus}.json", f"{damaged}.json")
    chunk = max((p for p in damaged.iterdir() if "!expression!" in p.name), key=os.path.getsize)
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    stroma = Stroma(stroma_binary, tmp_path / "data")
    refused = stroma.run("import", damaged, check=False)
    assert refused.returncode != 0
    assert chunk.name.split(".zarr!")[1] in refused.stderr  # as the manifest names it
    assert len(set(re.findall("[0-9a-f]{64}", refused.stderr))) == 2  # expected and found
    assert stroma.sql("select count(*) as n from obs") == [{"n": 0}]


def test_smartseq2_and_cellranger_bundles_are_loaded(stroma_binary, shared_data, expected,
                                                     tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    bundles = shared_data / "hca-bundles"
    ss2 = stroma.imported(bundles / "matrix-service/etl/ss2_bundle.version", "--name", "ss2")
    assert ss2["cells"] == 1 and ss2["genes"] == expected["ss2"]["genes"]
    cellranger = stroma.imported(
        bundles / "matrix-service-history/etl/cellranger_bundle.version", "--name", "cr")
    assert cellranger["nonzeros"] == expected["cellranger"]["entries"]
    [row] = stroma.sql("select sum(exrpvalue) as total from expression_all where dataset = 'cr'")
    assert row["total"] == expected["cellranger"]["sum"]


def rsem_line(*fields):
    return "\t".join(map(str, fields)) + "\n"


@pytest.mark.parametrize("with_isoforms", [True, False])
def test_rsem_tables_as_long_as_a_real_bundles(stroma_binary, shared_data, tmp_path,
                                               with_isoforms):
    """58,000 genes and 200,000 transcripts, laid out as RSEM 1.3 does, in the real metadata."""
    folder = make_smartseq2(shared_data, tmp_path)
    genes, transcripts = 58_000, 200_000
    counts = [(i % 7) * 1.25 if i % 3 == 0 else 0 for i in range(genes)]
    with open(folder / f"{CELL}_rsem.genes.results", "w", encoding="ascii") as file:
        file.write(rsem_line("gene_id", "transcript_id(s)", "length", "effective_length",
                             "expected_count", "TPM", "FPKM"))
        for i, count in enumerate(counts):
            file.write(rsem_line(f"ENSG{i:011}.{i % 20}", f"ENST{i:011}.1,ENST{i + 1:011}.2",
                                 "1523.00", "1370.91", f"{count:.2f}", f"{2 * count:.2f}", "0.11"))
    isoforms = folder / f"{CELL}_rsem.isoforms.results"
    with open(isoforms, "w", encoding="ascii") as file:
        file.write(rsem_line("transcript_id", "gene_id", "length", "effective_length",
                             "expected_count", "TPM", "FPKM", "IsoPct"))
        for i in range(transcripts):
            file.write(rsem_line(f"ENST{i:011}.1", f"ENSG{i // 4:011}.{i // 4 % 20}", 1523,
                                 "1370.91", f"{i % 2:.2f}", f"{i % 2 * 2:.2f}", "0.11", "25.00"))
    if not with_isoforms:
        isoforms.unlink()
    stroma = Stroma(stroma_binary, tmp_path / "data")
    done = stroma.imported(folder)
    assert (done["cells"], done["genes"]) == (1, genes + with_isoforms * transcripts)
    for kind, sums in [("gene", sum(counts)), ("transcript", with_isoforms * transcripts / 2)]:
        out = stroma.matrix(tmp_path / f"{kind}.h5ad", "--where", "true", "--feature", kind)
        matrix, cells, ids = read_any(out)
        assert matrix.sum() == sums and len(ids) == {"gene": genes, "transcript": (
            with_isoforms * transcripts)}[kind]
    matrices = {m["name"]: m["unit"] for m in stroma.json("dataset", "show", done["name"])[
        "matrices"]}
    assert matrices["X"] == "expected_counts" and "layers/tpm" in matrices


@pytest.mark.parametrize("old, new, part", [
    ("\t3.5\t", "\tnan\t", "line 2"), ("\t3.5\t", "\t-1\t", "line 2"),
    ("\t1000.00\t", "\t", "line 2"), ("gene_id\t", "name\t", "no column of ids"),
    ("ENSG00000000003.15", "ENSG00000000003.14", "ENSG00000000003.14")],
    ids=["nan", "negative", "fields", "header", "twice"])
def test_an_rsem_table_that_is_wrong_is_refused_by_its_line(stroma_binary, shared_data, tmp_path,
                                                            old, new, part):
    folder = make_smartseq2(shared_data, tmp_path)
    path = folder / f"{CELL}_rsem.genes.results"
    path.write_text(path.read_text().replace(old, new, 1))
    stroma = Stroma(stroma_binary, tmp_path / "data")
    refused = stroma.run("import", folder, check=False)
    assert refused.returncode == 2, refused.stdout
    assert "rsem.genes.results" in refused.stderr and part in refused.stderr
    assert stroma.json("dataset", "list") == []


def test_deleting_the_bundle_leaves_no_orphan(stroma_binary, whole_optimus, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    name = stroma.imported(whole_optimus)["name"]
    stroma.run("dataset", "remove", name)
    for table in ["cell_all", "expression_all", "analysis", "donor", "specimen", "cell_suspension",
                  "library_preparation", "project", "publication", "contributor"]:
        assert stroma.sql(f"select count(*) as n from {table}") == [{"n": 0}], table
