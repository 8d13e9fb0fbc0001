"""What is wrong with a file is said in one plain sentence, nothing of it is stored, and the next
good import works. The bad inputs that reach the importer from outside, by the command line; the
number in a test's name is that of docs/bad-inputs.md."""
import gzip
import io
import json
import os
import pathlib
import tarfile
import zipfile

import anndata
import h5py
import numpy as np
import pandas
import pytest
import scipy.sparse as sparse

from cli import Stroma, read_any, read_parquet

GENES, CELLS = ["G1", "G2", "G3"], ["c1", "c2"]
X = [1, 0, 2, 0, 3, 4]
TABLES = ["dataset", "obs", "var", "cell_all", "expression_all", "document", "file", "provenance",
          "stl_load_commits"]


@pytest.fixture
def stroma(stroma_binary, tmp_path):
    return Stroma(stroma_binary, tmp_path / "data")


@pytest.fixture
def good(make_h5ad):
    return make_h5ad("good.h5ad", GENES, CELLS, X)


@pytest.fixture(scope="module")
def store(stroma_binary, tmp_path_factory):
    """A data directory that holds one dataset, which no refused file may change."""
    folder = tmp_path_factory.mktemp("store")
    kept = folder / "kept.csv"
    kept.write_text("cell,G1,G2\nc1,1,2\nc2,3,4\n")
    stroma = Stroma(stroma_binary, folder / "data")
    stroma.run("import", kept)
    stroma.before = state(stroma)
    return stroma


def state(stroma):
    """Every relation's number of rows, and the files of objects and of work that is half done."""
    rows = stroma.sql("select " + ", ".join(f"(select count(*) from {t}) as {t}" for t in TABLES))
    files = {str(x): x.stat().st_size for folder in ("objects/keys", "objects/temp", "tmp/staging")
             for x in pathlib.Path(stroma.data, folder).rglob("*") if x.is_file()}
    return rows, files


@pytest.fixture
def refused(store):
    """refused(path, *parts): the sentence; every part must be in it."""
    def run(path, *parts, options=(), code=2, env=None):
        done = store.run("import", "--quiet", path, *options, check=False, env=env)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        said = done.stderr.strip().splitlines()[-1]  # before it stands the log's line
        assert said.startswith("stroma: ") and len(said) < 600, said
        for part in parts:
            assert part in said, said
        assert state(store) == store.before
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


def test_01_and_then_a_good_file_is_taken_in(store, good, refused, tmp_path):
    test_01_an_empty_file(refused, tmp_path)
    assert store.imported(good, "--name", "next")["nonzeros"] == 4
    [job] = [job for job in store.json("job", "list") if job["title"] == "import empty.h5ad"][:1]
    assert (job["state"], job["error_code"]) == ("failed", "invalid_input")
    assert "0 bytes" in job["error"] and "\n" not in job["error"]
    store.run("dataset", "remove", "next")
    store.before = state(store)


def test_02_a_file_cut_in_half(refused, good):
    good.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    refused(good, "good.h5ad", "truncated")


def test_03_a_changed_count_is_loaded_with_a_warning(stroma, good):
    with h5py.File(good, "r+") as file:
        file["obs/n_counts"] = np.array([3.0, 7.0])
        file["obs/n_counts"].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        order = file["obs"].attrs["column-order"].tolist()
        del file["obs"].attrs["column-order"]
        file["obs"].attrs["column-order"] = np.array(order + ["n_counts"], dtype=object)
        file["X/data"][0] = 9
    done = stroma.imported(good)
    [note] = [note for note in done["notes"] if "n_counts" in note]
    assert "1 of 2 cells" in note and "'c1': 3 is said, X holds 11" in note
    [job] = stroma.json("job", "list")
    assert note in job["outputs"]["notes"]


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


def test_06_a_gene_twice_in_a_cell_is_added_up_when_asked(stroma, good):
    replaced(good, "X/indices", np.array([0, 0, 1, 2], np.int32))
    done = stroma.imported(good, "--sum-duplicates")
    assert any("added up" in note for note in done["notes"])
    assert stroma.sql("select sum(exrpvalue)::double as s, count(*) as n from expression_all") == [
        {"s": 10, "n": 3}]
    assert stroma.imported(good, "--sum-duplicates")["already_loaded"]


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


def test_10_counts_that_are_not_whole_are_taken_as_normalised(stroma, good):
    with h5py.File(good, "r+") as file:
        file.copy("X", "layers/counts")
        file["layers/counts/data"][0] = 1.5
    stroma.imported(good)
    units = {m["name"]: m["unit"] for m in stroma.json("dataset", "show", "good")["matrices"]}
    assert units["layers/counts"] == "normalised"


@pytest.mark.parametrize("count, kind", [(2**24 + 1, np.int32), (2**32, np.int64),
                                         (2**32, np.float64), (2**53 - 1, np.uint64)])
def test_11_large_counts_stay_exact(stroma, tmp_path, count, kind):
    matrix = sparse.csr_matrix(np.array([[count, 0, 2], [0, 3, 4]], kind))
    anndata.AnnData(matrix, dtype=kind).write_h5ad(tmp_path / "large.h5ad")
    stroma.imported(tmp_path / "large.h5ad")
    out = stroma.matrix(tmp_path / "out.h5ad", "--dataset", "large")
    back = anndata.read_h5ad(out).X
    assert back.dtype == kind and back[0, 0] == count
    assert stroma.sql("select max(exrpvalue)::hugeint::text as most from expression_all") == [
        {"most": str(count)}]


@pytest.mark.parametrize("where, kind", [("obs", "cell"), ("var", "gene")])
def test_13_repeated_ids_are_refused_by_name_or_made_unique_when_asked(stroma, refused, tmp_path,
                                                                       where, kind):
    names = {"obs": [f"o{i}" for i in range(24)], "var": [f"v{i}" for i in range(24)]}
    names[where] = [f"r{i // 2}" for i in range(24)]
    path = tmp_path / "twice.h5ad"
    frames = {which: pandas.DataFrame(index=pandas.Index(ids)) for which, ids in names.items()}
    anndata.AnnData(sparse.identity(24, dtype=np.float32, format="csr"), dtype=np.float32,
                    **frames).write_h5ad(path)
    said = refused(path, f"{where}: 12 {kind} ids occur more than once", "r0, r1, r2, r3, r4", "r9")
    assert "r10" not in said
    assert any("suffix" in note for note in stroma.imported(path, "--make-ids-unique")["notes"])


def with_kind(path, codes):
    with h5py.File(path, "r+") as file:
        kind = file["obs"].create_group("kind")
        kind.attrs.update({"encoding-type": "categorical", "encoding-version": "0.2.0",
                           "ordered": False})
        kind["codes"] = np.array(codes, np.int8)
        kind["categories"] = np.array(["a", "b"], dtype=h5py.string_dtype())
        kind["categories"].attrs.update({"encoding-type": "string-array",
                                         "encoding-version": "0.2.0"})
        del file["obs"].attrs["column-order"]
        file["obs"].attrs["column-order"] = np.array(["kind"], dtype=object)
    return path


def test_14_a_missing_category_is_null(stroma, good):
    stroma.imported(with_kind(good, [1, -1]))
    assert stroma.sql("select kind from obs order by cell_index") == [{"kind": "b"},
                                                                      {"kind": None}]


def test_15_a_category_that_is_not_there(refused, good):
    refused(with_kind(good, [0, 2]), "obs/kind", "row 1", "category code 2 of 2")


def test_07_unsorted_indices_are_sorted(stroma, good):
    replaced(good, "X/indices", np.array([2, 0, 2, 1], np.int32))
    stroma.imported(good)
    rows = stroma.sql("select gene_index, exrpvalue::double v from expression_all "
                      "order by cell_index, gene_index")
    assert [(r["gene_index"], r["v"]) for r in rows] == [(0, 2), (2, 1), (1, 4), (2, 3)]


def test_16_an_encoding_that_is_not_known(refused, good):
    with h5py.File(good, "r+") as file:
        file["X"].attrs["encoding-type"] = "rope"
    refused(good, "good.h5ad", "rope", code=9)


def test_16_an_obs_as_anndata_0_6_wrote_it(stroma, good):
    with h5py.File(good, "r+") as file:
        del file["obs"]
        file["obs"] = np.array([(b"c1", 1.5), (b"c2", 2.5)], dtype=[("index", "S4"), ("n", "f4")])
    stroma.imported(good)
    assert stroma.sql("select cell_id, n::double as n from obs order by 1") == [
        {"cell_id": "c1", "n": 1.5}, {"cell_id": "c2", "n": 2.5}]


def test_17_a_bomb(refused, good):
    with h5py.File(good, "r+") as file:
        del file["X"]
        file.create_dataset("X", shape=(2_000_000, 20_000), dtype="f8", chunks=(1000, 1000),
                            compression="gzip")
        file["X"].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    refused(good, "good.h5ad", "bomb", code=7)


def test_18_a_chunk_of_4_gib(refused, good):
    with h5py.File(good, "r+") as file:
        file["uns"].create_dataset("x", (2**29,), "f8", chunks=(2**28,), compression="gzip")
    refused(good, "uns/x", "chunks of 2147483648 bytes", code=7)


def test_19_an_external_link(refused, good, tmp_path):
    with h5py.File(good, "r+") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("/etc/passwd", "/X")
    refused(good, "good.h5ad", "X: is an external link", code=9)


def test_20_a_virtual_dataset(refused, good, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.arange(3)
    with h5py.File(good, "r+") as file:
        layout = h5py.VirtualLayout(shape=(3,), dtype="i8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", shape=(3,))
        file.create_virtual_dataset("uns/virtual", layout)
    refused(good, "uns/virtual: is a virtual dataset", code=9)


def test_20_a_link_in_circles(refused, good):
    with h5py.File(good, "r+") as file:
        del file["X"]
        file["X"] = h5py.SoftLink("/Y")
        file["Y"] = h5py.SoftLink("/X")
    refused(good, "good.h5ad")


def test_21_more_groups_than_anybody_needs(refused, tmp_path):
    path = tmp_path / "groups.h5ad"
    with h5py.File(path, "w", libver="latest") as file:
        for name in ("obs", "var", "uns", "e"):
            file.create_group(name)
        for i in range(100_001):
            file["uns"][str(i)] = file["e"]
    refused(path, "groups.h5ad", "more than 100000 groups", code=7)


def test_22_a_text_of_impossible_length(refused, good):
    with h5py.File(good, "r+") as file:
        at = file["obs/_index"].id.get_offset()
    content = bytearray(good.read_bytes())
    content[at:at + 4] = b"\xff\xff\xff\xff"
    good.write_bytes(content)
    refused(good, "obs/_index: row 0: a text of 4294967295 bytes", code=7)


@pytest.mark.parametrize("number", [305, 32008])
def test_23_a_filter_that_is_not_built_in(refused, good, number):
    with h5py.File(good, "r+") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((10,))
        plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
        h5py.h5d.create(file["uns"].id, b"x", h5py.h5t.NATIVE_INT32,
                        h5py.h5s.create_simple((10,)), plan)
    refused(good, "uns/x", "filter not allowed", code=9)


def test_24_damaged_headers_leave_everything_as_it_was(store, good):
    """What the library can't take kills at most the child that reads the file."""
    content = good.read_bytes()
    for at in (0, 8, 14, 24, 40, 60, 96, 104, 200, 600):
        good.write_bytes(content[:at] + b"\xff" * 4 + content[at + 4:])
        done = store.run("import", "--quiet", good, check=False)
        if done.returncode == 0:
            store.run("dataset", "remove", "good")
            store.before = state(store)
    assert state(store) == store.before


@pytest.mark.parametrize("text, part", [
    (HEAD + "3 2 3\n1 1 5\n2 2 6\n", "3"),
    (HEAD + "3 2 2\n1 1 5\n2 2 6\n3 1 7\n", "2"),
    (HEAD + "3 2 2\n0 1 5\n2 2 6\n", "line 3"),
    (HEAD + "3 2 2\n1 1 5\n4 2 6\n", "line 4"),
    (MTX.replace("general", "symmetric"), "symmetric"),
    (MTX.replace("integer", "complex"), "complex"),
], ids=["25_less", "25_more", "26_zero", "26_past", "27_symmetric", "27_complex"])
def test_mtx_that_contradicts_itself(refused, tmp_path, text, part):
    refused(mtx_folder(tmp_path, text), "matrix.mtx", part)


def test_24_a_heap_of_texts_that_leads_the_library_in_circles(refused, good):
    """Its free space has no length, so the library looks for what comes behind it for ever."""
    damaged = bytearray(good.read_bytes())
    heap = damaged.index(b"GCOL")
    place, number = heap + 16, 1
    while number := int.from_bytes(damaged[place:place + 2], "little"):
        length = int.from_bytes(damaged[place + 8:place + 16], "little")
        place += 16 + (length + 7) // 8 * 8
    assert place < heap + int.from_bytes(damaged[heap + 8:heap + 16], "little")
    damaged[place + 8:place + 16] = bytes(8)
    good.write_bytes(damaged)
    refused(good, "the parser of good.h5ad was stopped: limit: time", code=7,
            env={"STROMA_IMPORT_TIME": "1s"})


def test_27_and_28_pattern_and_windows_lines_are_read(stroma, tmp_path):
    text = MTX.replace("integer", "pattern").replace(" 5", "").replace(" 6", "").replace(
        " 7", "").replace("\n3 2", "\n% words\n\n3 2").replace("\n", "\r\n")
    done = stroma.imported(mtx_folder(tmp_path, text))
    assert (done["cells"], done["genes"], done["nonzeros"]) == (2, 3, 3)


def test_29_a_transposed_matrix(stroma, tmp_path):
    done = stroma.imported(mtx_folder(tmp_path, HEAD + "2 3 2\n1 1 5\n2 3 6\n"))
    assert (done["cells"], done["genes"], done["nonzeros"]) == (2, 3, 2)


def test_29_a_matrix_that_fits_its_features_neither_way(refused, tmp_path):
    refused(mtx_folder(tmp_path, HEAD + "4 5 1\n1 1 5\n"), "matrix.mtx", "4 × 5", "3 genes",
            "2 cells")


def test_30_sizes_that_are_only_told(refused, tmp_path):
    path = tmp_path / "x.mtx"
    path.write_text("%%MatrixMarket matrix coordinate integer general\n6 3333332 3\n"
                    "1 1 5\n3 1 7\n2 2 9\n")
    refused(path, "x.mtx", "bomb: 6 × 3333332 for 3 values", "barcodes.tsv", code=7)


def test_30_a_gzip_bomb(refused, tmp_path):
    packed = gzip.compress(HEAD.encode() + b"3 2 3\n" + b"\n" * (300 << 20), 9)
    refused(mtx_folder(tmp_path, "", packed), "matrix.mtx.gz", "bomb", code=7)


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


def made_zip(path, *members):
    """members: (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(".zgroup", '{"zarr_format": 2}')
        for name, content in members:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def symbolic_link():
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    return link


def encrypted(path):
    content = bytearray(made_zip(path, ("secret", "x")).read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("make, part, code", [
    (lambda p: made_zip(p, ("../../outside", "x")), "'../../outside' leaves the archive", 2),
    (lambda p: made_zip(p, ("/absolute", "x")), "'/absolute' is not a relative name", 2),
    (lambda p: made_zip(p, (symbolic_link(), "/etc/passwd")), "'link' is a symbolic link", 2),
    (lambda p: made_zip(p, ("x", "1"), ("x", "2")), "'x' occurs twice", 2),
    (encrypted, "'secret' is encrypted", 2),
    (lambda p: made_zip(p, ("X/0", b"\0" * (300 << 20))), "bomb: member 'X/0'", 7),
    (lambda p: made_zip(p, ("n" * 1025, "x")), "a name of more than 1,024 bytes", 2),
], ids=["climbs", "absolute", "link", "twice", "encrypted", "bomb", "long_name"])
def test_32_a_hostile_zip(refused, tmp_path, make, part, code):
    refused(make(tmp_path / "a.zarr.zip"), "a.zarr.zip: ", part, code=code)
    assert not (tmp_path.parent / "outside").exists() and not pathlib.Path("/absolute").exists()


def test_32_archives_within_an_archive_are_not_unpacked(refused, tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("0", b"\0" * (1 << 20), zipfile.ZIP_DEFLATED)
    refused(made_zip(tmp_path / "42.zip", *[(f"lib {i}.zip", inner.getvalue())
                                            for i in range(16)]), "42.zip")


@pytest.mark.parametrize("members, code", [(99_999, 2), (100_000, 2), (100_001, 7)])
def test_32_the_limit_of_members(refused, tmp_path, members, code):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(members):
            archive.writestr(str(i), "")
    refused(path, "many.zip", *([f"{members} members; the limit is 100000"] if code == 7 else []),
            code=code)


@pytest.mark.parametrize("kind, target", [(tarfile.CHRTYPE, ""), (tarfile.LNKTYPE, "/etc/passwd"),
                                          (tarfile.GNUTYPE_SPARSE, "")],
                         ids=["device", "link", "sparse"])
def test_33_a_tar_is_not_unpacked(refused, tmp_path, kind, target):
    path = tmp_path / "a.tar"
    member = tarfile.TarInfo("member")
    member.type, member.linkname = kind, target
    if kind == tarfile.GNUTYPE_SPARSE:
        member.size = 0
    with tarfile.open(path, "w") as archive:
        archive.addfile(member)
    refused(path, "a.tar", "unpack a tar archive")


@pytest.mark.parametrize("change, code", [({"chunks": [0]}, 2), ({"shape": [2**63]}, 7),
                                          ({"dtype": "|O"}, 2)],
                         ids=["chunks", "shape", "pickle"])
def test_34_zarr_arrays_that_cannot_be(refused, good, tmp_path, change, code):
    path = tmp_path / "bad.zarr"
    anndata.read_h5ad(good).write_zarr(path)
    described = path / "X/data/.zarray"
    described.write_text(json.dumps({**json.loads(described.read_text()), **change,
                                     "filters": None}))
    refused(path, "X/data", code=code)


def test_35_a_damaged_zarr_chunk(refused, good, tmp_path):
    path = tmp_path / "bad.zarr"
    anndata.read_h5ad(good).write_zarr(path)
    (path / "X/data/0").write_bytes(b"\xff" * 30)
    refused(path, "X/data")


def test_35_a_missing_zarr_chunk_is_fill_values(stroma, good, tmp_path):
    path = tmp_path / "holes.zarr"
    anndata.read_h5ad(good).write_zarr(path)
    described = path / "X/data/.zarray"
    described.write_text(json.dumps({**json.loads(described.read_text()), "fill_value": 7}))
    (path / "X/data/0").unlink()
    assert stroma.imported(path)["nonzeros"] == 4
    assert stroma.sql("select distinct exrpvalue::double as v from expression_all") == [{"v": 7}]


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
                                        ("c7,1,x,3\n", "line 8"), ("c7,1,nan,3\n", "line 8"),
                                        ("c7,1,inf,3\n", "line 8")],
                         ids=["37_fields", "38_nul", "words", "09_nan", "09_inf"])
def test_a_table_with_a_bad_line(refused, tmp_path, line, part):
    path = tmp_path / "table.csv"
    path.write_text("cell,G1,G2,G3\n" + "".join(f"c{i},1,2,3\n" for i in range(1, 7)) + line)
    refused(path, "table.csv", part)


def test_38_a_table_that_is_not_utf8(refused, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"cell,G1,G2\nc\xff1,1,2\n")
    refused(path, "table.csv")


def test_38_a_line_without_end_is_refused_in_bounded_memory(refused, tmp_path):
    path = tmp_path / "line.csv"
    with open(path, "wb") as file:
        file.write(b"cell,G1,G2\nc1,")
        file.truncate(1 << 28)  # a line of zeros that takes no disk
    refused(path, "line.csv")
    with open(path, "wb") as file:
        file.write(b"cell,G1,G2\nc1,")
        for _ in range(80):
            file.write(b"1" * (1 << 20))
    refused(path, "line.csv", "a line is longer than 67108864 bytes", code=2)


def test_39_an_escaped_separator_is_a_part_of_its_value(stroma, tmp_path):
    path = tmp_path / "long.psv"
    path.write_text("cellkey|featurekey|exprvalue\nc\\|1|G1|2\nc\\\\2|G\\|2|3\n")
    stroma.imported(path)
    assert [row["cell_id"] for row in stroma.sql("select cell_id from obs order by 1")] == [
        "c\\2", "c|1"]
    assert {row["gene_id"] for row in stroma.sql("select gene_id from var")} == {"G1", "G|2"}


@pytest.mark.parametrize("name, code", [("nothing.h5ad", 3), ("pipe.h5ad", 2), ("empty", 2),
                                        ("words.txt", 2)])
def test_what_is_no_dataset_at_all(refused, tmp_path, name, code):
    path = tmp_path / name
    if name.startswith("pipe"):
        os.mkfifo(path)
    elif name == "empty":
        path.mkdir()
    elif name == "words.txt":
        path.write_text("hello\n")
    refused(path, name, code=code)


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
    for format in ("mtx", "csv", "zarr"):
        out = stroma.matrix(tmp_path / f"none.{format}", "--where", "false")
        matrix, cells, genes = read_any(out)
        assert (matrix.shape, cells, genes) == ((0, 3), [], GENES), format
    # loompy itself opens no loom without cells.
    with h5py.File(stroma.matrix(tmp_path / "none.loom", "--where", "false")) as loom:
        assert loom["matrix"].shape == (3, 0) and len(loom["row_attrs/Accession"]) == 3
    with h5py.File(stroma.matrix(tmp_path / "none.h5", "--where", "false")) as tenx:
        shape, indptr = (tenx[f"matrix/{name}"][:].tolist() for name in ("shape", "indptr"))
        assert (shape, indptr) == ([3, 0], [0])
    rows = read_parquet(stroma.matrix(tmp_path / "none.parquet", "--where", "false"), tmp_path)
    assert len(rows) == 0
    assert stroma.matrix(tmp_path / "none.arrow", "--where", "false").read_bytes()[:6] == b"ARROW1"
