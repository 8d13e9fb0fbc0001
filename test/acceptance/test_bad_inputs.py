"""What is wrong with a file is said in one plain sentence, nothing of it is stored, and the next
good import works. The bad inputs that reach the importer from outside, by the command line."""
import gzip
import json
import shutil

import anndata
import h5py
import numpy as np
import pytest

from cli import Stroma, read_any

GENES, CELLS = ["G1", "G2", "G3"], ["c1", "c2"]
X = [1, 0, 2, 0, 3, 4]


@pytest.fixture
def stroma(stroma_binary, tmp_path):
    return Stroma(stroma_binary, tmp_path / "data")


@pytest.fixture
def good(make_h5ad):
    return make_h5ad("good.h5ad", GENES, CELLS, X)


@pytest.fixture
def refused(stroma, good, tmp_path):
    """refused(path, *parts): the sentence; every part must be in it."""
    shutil.copy(good, tmp_path / "untouched.h5ad")

    def run(path, *parts):
        done = stroma.run("import", "--quiet", path, check=False)
        assert done.returncode > 0, done.stdout
        said = done.stderr.strip().splitlines()[-1]  # before it stands the log's line
        assert said.startswith("stroma: ") and len(said) < 600, said
        for part in parts:
            assert part in said, said
        assert stroma.json("dataset", "list") == []
        for folder in ("objects/keys", "objects/temp", "tmp/staging"):
            assert [x for x in (tmp_path / "data" / folder).rglob("*") if x.is_file()] == []
        assert stroma.imported(tmp_path / "untouched.h5ad")["nonzeros"] == 4
        return said
    return run


def replaced(path, name, values, **options):
    with h5py.File(path, "r+") as file:
        attributes = dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, data=values, **options).attrs.update(attributes)
    return path


def mtx_folder(tmp_path, text, packed=None, features=3, barcodes=2):
    folder = tmp_path / "tenx"
    folder.mkdir()
    if packed is None:
        (folder / "matrix.mtx").write_text(text, newline="")
    else:
        (folder / "matrix.mtx.gz").write_bytes(packed)
    genes = "".join(f"G{i}\tN{i}\tGene Expression\n" for i in range(features))
    cells = "".join(f"AAAC{i}-1\n" for i in range(barcodes))
    if packed is None:
        (folder / "genes.tsv").write_text(genes)
        (folder / "barcodes.tsv").write_text(cells)
    else:
        (folder / "features.tsv.gz").write_bytes(gzip.compress(genes.encode()))
        (folder / "barcodes.tsv.gz").write_bytes(gzip.compress(cells.encode()))
    return folder


HEAD = "%%MatrixMarket matrix coordinate integer general\n"
MTX = HEAD + "3 2 3\n1 1 5\n2 2 6\n3 1 7\n"


def test_01_an_empty_file(refused, tmp_path):
    path = tmp_path / "empty.h5ad"
    path.touch()
    refused(path, "empty.h5ad", "0 bytes")


def test_02_a_file_cut_in_half(refused, good):
    good.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    refused(good, "good.h5ad", "truncated")


@pytest.mark.parametrize("name, values, part", [
    ("X/indptr", np.array([0, 3, 2], np.int32), "indptr"),
    ("X/indices", np.array([0, 2, 1, 3], np.int32), "index"),
    ("X/indices", np.array([0, 0, 1, 2], np.int32), "twice"),
    ("X/indptr", np.array([0, 2, 3], np.int32), "indptr"),
    ("obs/_index", np.array(["c1"], object), "1 cells"),
    ("obs/_index", np.array(["c1", "c1"], object), "c1"),
], ids=["04_indptr_falls", "05_index", "06_twice", "08_length", "12_obs",
        "13_ids"])
def test_a_matrix_or_table_that_contradicts_itself(refused, good, name, values, part):
    options = {"dtype": h5py.string_dtype()} if values.dtype == object else {}
    refused(replaced(good, name, values, **options), "good.h5ad", part)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1])
def test_09_what_counts_cannot_be(refused, good, value):
    with h5py.File(good, "r+") as file:
        file.copy("X", "layers/counts")
        file["layers/counts/data"][0] = value
    refused(good, "good.h5ad", "layers/counts")


@pytest.mark.parametrize("name", ["X/data", "raw/X/data"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_09_what_is_no_number_in_a_matrix_of_unknown_unit(refused, good, name, value):
    with h5py.File(good, "r+") as file:
        if name.startswith("raw"):
            file.create_group("raw").attrs.update(
                {"encoding-type": "raw", "encoding-version": "0.1.0"})
            for part in ("X", "var"):
                file.copy(part, "raw/" + part)
        file[name][1] = value
    refused(good, "good.h5ad", name.removesuffix("/data").replace("/", "."), "cell 0 ('c1')",
            "gene 2 ('G3')", "finite")


def test_07_unsorted_indices_are_sorted(stroma, good):
    replaced(good, "X/indices", np.array([2, 0, 2, 1], np.int32))
    stroma.imported(good)
    rows = stroma.sql("select gene_index, exrpvalue::double v from expression_all "
                      "order by cell_index, gene_index")
    assert [(r["gene_index"], r["v"]) for r in rows] == [(0, 2), (2, 1), (1, 4), (2, 3)]


def test_16_an_encoding_that_is_not_known(refused, good):
    with h5py.File(good, "r+") as file:
        file["X"].attrs["encoding-type"] = "rope"
    refused(good, "good.h5ad", "rope")


def test_17_a_bomb(refused, good):
    with h5py.File(good, "r+") as file:
        del file["X"]
        file.create_dataset("X", shape=(2_000_000, 20_000), dtype="f8", chunks=(1000, 1000),
                            compression="gzip")
        file["X"].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    refused(good, "good.h5ad")


def test_19_an_external_link(refused, good, tmp_path):
    with h5py.File(good, "r+") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("/etc/passwd", "/X")
    refused(good, "good.h5ad", "X")


def test_20_a_link_in_circles(refused, good):
    with h5py.File(good, "r+") as file:
        del file["X"]
        file["X"] = h5py.SoftLink("/Y")
        file["Y"] = h5py.SoftLink("/X")
    refused(good, "good.h5ad")


@pytest.mark.parametrize("text, part", [
    (HEAD + "3 2 3\n1 1 5\n2 2 6\n", ""),
    (HEAD + "3 2 2\n1 1 5\n2 2 6\n3 1 7\n", ""),
    (HEAD + "3 2 2\n0 1 5\n2 2 6\n", "line 3"),
    (HEAD + "3 2 2\n1 1 5\n4 2 6\n", "line 4"),
    (MTX.replace("general", "symmetric"), "symmetric"),
    (MTX.replace("integer", "complex"), "complex"),
], ids=["25_less", "25_more", "26_zero", "26_past", "27_symmetric", "27_complex"])
def test_mtx_that_contradicts_itself(refused, tmp_path, text, part):
    refused(mtx_folder(tmp_path, text), "matrix.mtx", part)


def test_27_and_28_pattern_and_windows_lines_are_read(stroma, tmp_path):
    text = MTX.replace("integer", "pattern").replace(" 5", "").replace(" 6", "").replace(
        " 7", "").replace("\n3 2", "\n% words\n\n3 2").replace("\n", "\r\n")
    done = stroma.imported(mtx_folder(tmp_path, text))
    assert (done["cells"], done["genes"], done["nonzeros"]) == (2, 3, 3)


def test_29_a_transposed_matrix(stroma, tmp_path):
    done = stroma.imported(mtx_folder(tmp_path, HEAD + "2 3 2\n1 1 5\n2 3 6\n"))
    assert (done["cells"], done["genes"], done["nonzeros"]) == (2, 3, 2)


def test_30_a_gzip_bomb(refused, tmp_path):
    packed = gzip.compress(HEAD.encode() + b"3 2 3\n" + b"\n" * (300 << 20), 9)
    refused(mtx_folder(tmp_path, "", packed), "matrix.mtx")


@pytest.mark.parametrize("damage", [lambda b: b + b"garbage",
                                    lambda b: b[:-8] + b"\0\0\0\0" + b[-4:],
                                    lambda b: b[:-10]], ids=["trailing", "crc", "cut"])
def test_31_damaged_gzip(refused, tmp_path, damage):
    refused(mtx_folder(tmp_path, "", damage(gzip.compress(MTX.encode()))), "matrix.mtx.gz",
            "the gzip file is damaged")


def test_31_damaged_gzip_of_the_ids(refused, tmp_path):
    folder = mtx_folder(tmp_path, "", gzip.compress(MTX.encode()))
    path = folder / "barcodes.tsv.gz"
    path.write_bytes(path.read_bytes()[:-4])
    refused(folder, "barcodes.tsv.gz", "the gzip file is damaged")


def test_31_two_members_are_one_file(stroma, tmp_path):
    packed = gzip.compress(MTX[:60].encode()) + gzip.compress(MTX[60:].encode())
    assert stroma.imported(mtx_folder(tmp_path, "", packed))["nonzeros"] == 3


@pytest.mark.parametrize("member", ["../../outside", "/absolute"])
def test_32_a_zip_whose_members_leave_it(refused, tmp_path, member):
    import zipfile
    path = tmp_path / "a.zarr.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "x")
        archive.writestr(".zgroup", '{"zarr_format": 2}')
    refused(path, "a.zarr.zip")
    assert not (tmp_path.parent / "outside").exists()


@pytest.mark.parametrize("change", [{"chunks": [0]}, {"shape": [2**63]}, {"dtype": "|O"}],
                         ids=["chunks", "shape", "pickle"])
def test_34_zarr_arrays_that_cannot_be(refused, good, tmp_path, change):
    path = tmp_path / "bad.zarr"
    anndata.read_h5ad(good).write_zarr(path)
    described = path / "X/data/.zarray"
    described.write_text(json.dumps({**json.loads(described.read_text()), **change,
                                     "filters": None}))
    refused(path, "X/data")


def test_35_a_damaged_zarr_chunk(refused, good, tmp_path):
    path = tmp_path / "bad.zarr"
    anndata.read_h5ad(good).write_zarr(path)
    (path / "X/data/0").write_bytes(b"\xff" * 30)
    refused(path, "X/data")


def test_36_loom_without_a_matrix_or_with_short_attributes(refused, tmp_path):
    path = tmp_path / "a.loom"
    with h5py.File(path, "w") as file:
        file["row_attrs/Gene"] = np.array([b"a"])
        file["col_attrs/CellID"] = np.array([b"c"])
    refused(path, "a.loom", "matrix")


def test_36_loom_with_an_attribute_of_another_length(refused, tmp_path):
    path = tmp_path / "a.loom"
    with h5py.File(path, "w") as file:
        file["matrix"] = np.ones((3, 2))
        file["row_attrs/Gene"] = np.array([b"a"])
        file["col_attrs/CellID"] = np.array([b"c", b"d"])
        file.create_group("layers")
        file.attrs["LOOM_SPEC_VERSION"] = "2.0.1"
    refused(path, "a.loom", "Gene")


@pytest.mark.parametrize("line, part", [("c7,1,2,3,4\n", "line 8"), ("c7,1,\0,3\n", "line 8"),
                                        ("c7,1,x,3\n", "line 8")],
                         ids=["37_fields", "38_nul", "words"])
def test_a_table_with_a_bad_line(refused, tmp_path, line, part):
    path = tmp_path / "table.csv"
    path.write_text("cell,G1,G2,G3\n" + "".join(f"c{i},1,2,3\n" for i in range(1, 7)) + line)
    refused(path, "table.csv", part)


def test_38_a_table_that_is_not_utf8(refused, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"cell,G1,G2\nc\xff1,1,2\n")
    refused(path, "table.csv")


@pytest.mark.parametrize("statement", [
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT " + "1+" * 60_000 + "1",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
], ids=["file", "long", "endless"])
def test_57_statements_that_cost_or_read_what_they_may_not(stroma, good, statement):
    stroma.run("import", good)
    done = stroma.run("sql", "--set", "query.administrator_time=2s", statement, check=False)
    assert done.returncode > 0
    assert done.stderr.strip().count("\n") == 0 and "stroma: " in done.stderr
    assert stroma.sql("select count(*) n from obs") == [{"n": 2}]


def test_58_a_filter_that_selects_no_cell_gives_an_empty_matrix(stroma, good, tmp_path):
    stroma.run("import", good)
    for out in (stroma.matrix(tmp_path / "none.h5ad", "--where", "false", "--dataset", "good"),
                stroma.matrix(tmp_path / "sql.h5ad", "--sql", "select cell_id from obs limit 0")):
        empty = anndata.read_h5ad(out)
        assert (empty.n_obs, list(empty.var_names)) == (0, GENES)
    for format in ("mtx", "csv", "zarr"):  # loompy itself opens no loom without cells
        out = stroma.matrix(tmp_path / f"none.{format}", "--where", "false")
        matrix, cells, genes = read_any(out)
        assert (matrix.shape, cells, genes) == ((0, 3), [], GENES), format
