"""HCA bundles, against the golden values that an independent reader computed."""
import os
import re
import shutil

import pytest

from cli import OPTIMUS, Stroma, read_any

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


def test_deleting_the_bundle_leaves_no_orphan(stroma_binary, whole_optimus, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    name = stroma.imported(whole_optimus)["name"]
    stroma.run("dataset", "remove", name)
    for table in ["cell_all", "expression_all", "analysis", "donor", "specimen", "cell_suspension",
                  "library_preparation", "project", "publication", "contributor"]:
        assert stroma.sql(f"select count(*) as n from {table}") == [{"n": 0}], table
