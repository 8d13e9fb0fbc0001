"""Damaged and hostile HDF5 files: each ends in one plain sentence, read by a fenced child."""

import pathlib
import subprocess
import time

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse

CELLS, GENES = 20, 10


@pytest.fixture
def sealer(tool):
    return str(pathlib.Path(tool).with_name("seal_file"))


@pytest.fixture
def seal(sealer, tmp_path):
    """Seals a file; what it printed and, on a refusal, "<code>: <message>"."""

    def run(path, *more):
        output = tmp_path / "sealed"
        output.unlink(missing_ok=True)
        done = subprocess.run([sealer, str(path), str(output), *more], capture_output=True,
                              timeout=60)
        assert output.exists() == (done.returncode == 0), "a refused file leaves nothing"
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 0, (done.stdout + done.stderr).decode()

    return run


@pytest.fixture
def refused(seal):
    def run(path, *more):
        read, said = seal(path, *more)
        assert not read, said
        assert said.count("\n") == 1, "one sentence"
        return said

    return run


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "a.h5ad"
    matrix = sparse.random(CELLS, GENES, 0.4, "csr", random_state=1)
    matrix.data = np.ceil(matrix.data * 9)
    obs = pd.DataFrame({"kind": pd.Categorical(["a", "b"] * (CELLS // 2))},
                       index=[f"c{i}" for i in range(CELLS)])
    anndata.AnnData(matrix.astype(np.float32), obs=obs, dtype=np.float32).write_h5ad(path)
    return path


@pytest.fixture
def edit(good):
    """Opens the good file for changes; "replace" a dataset by other values."""

    def replace(name, values, **options):
        with h5py.File(good, "r+") as f:
            attributes = dict(f[name].attrs)
            del f[name]
            f.create_dataset(name, data=values, **options).attrs.update(attributes)
        return good

    return replace


def values(path, name):
    with h5py.File(path) as f:
        return f[name][()]


def test_01_an_empty_file(tmp_path, refused):
    path = tmp_path / "a.h5ad"
    path.touch()
    assert refused(path) == "invalid_input: a.h5ad is not an HDF5 file (0 bytes)\n"
    path.write_text("cell,gene\n")
    assert "a.h5ad is not an HDF5 file (10 bytes)" in refused(path)


@pytest.mark.parametrize("percent", [3, 50, 90, 99])
def test_02_a_truncated_file(good, refused, percent):
    whole = good.read_bytes()
    good.write_bytes(whole[: len(whole) * percent // 100])
    assert "a.h5ad is truncated" in refused(good)


def test_03_a_flipped_byte_never_crashes_and_checksums_find_it(edit, seal, refused):
    path = edit("X/data", np.arange(1, len(values(edit("obs/_index", [f"c{i}" for i in range(
        CELLS)], dtype=h5py.string_dtype()), "X/data")) + 1, dtype=np.float32), fletcher32=True)
    with h5py.File(path) as f:
        at = f["X/data"].id.get_chunk_info(0).byte_offset
    damaged = bytearray(path.read_bytes())
    damaged[at + 5] ^= 1
    path.write_bytes(damaged)
    assert "X/data: has a chunk whose checksum (fletcher32) fails" in refused(path)


def test_03_bytes_flipped_anywhere_end_in_data_or_one_sentence(good, seal):
    whole = good.read_bytes()
    random = np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(whole)
        for at in random.integers(0, len(whole), 5):
            damaged[at] ^= 1 << random.integers(0, 8)
        good.write_bytes(damaged)
        seal(good)


def test_04_indptr_that_falls(edit, good, refused):
    indptr = values(good, "X/indptr")
    indptr[7] = indptr[6] - 1
    edit("X/indptr", indptr)
    assert "a.h5ad: X: indptr falls in row 6" in refused(good)


@pytest.mark.parametrize("index, shown", [(GENES, str(GENES)), (-1, "-1"), (2**31 - 1,
    "2147483647")])
def test_05_an_index_past_the_genes(edit, good, refused, index, shown):
    indices = values(good, "X/indices")
    start = values(good, "X/indptr")[4]
    indices[start] = index
    edit("X/indices", indices)
    assert f"a.h5ad: X: row 4 has the index {shown}, but there are only 10 genes" in refused(good)


def test_05_an_index_of_64_bits(edit, good, refused):
    indices = values(good, "X/indices").astype(np.int64)
    indices[-1] = 2**32
    edit("X/indices", indices)
    assert "has the index 4294967296, but there are only 10 genes" in refused(good)


def test_06_a_gene_twice_in_a_cell(edit, good, seal, refused):
    indptr, indices = values(good, "X/indptr"), values(good, "X/indices")
    row = int(np.argmax(np.diff(indptr) >= 2))
    indices[indptr[row] + 1] = indices[indptr[row]]
    edit("X/indices", indices)
    message = refused(good)
    assert f"c{row}" in message or f"cell {row}" in message, message
    assert seal(good, "sum-duplicates")[0]


def test_07_unsorted_indices_are_sorted(edit, good, seal):
    indptr, indices, data = (values(good, f"X/{part}") for part in ("indptr", "indices", "data"))
    for begin, end in zip(indptr[:-1], indptr[1:]):
        indices[begin:end] = indices[begin:end][::-1]
        data[begin:end] = data[begin:end][::-1]
    edit("X/indices", indices)
    edit("X/data", data)
    assert seal(good)[0]


def test_08_an_indptr_of_another_length_than_the_data(edit, good, refused):
    indptr = values(good, "X/indptr")
    edit("X/indptr", np.append(indptr[:-1], indptr[-1] + 1))
    assert "indptr goes from 0 to 81, but there are 80 values" in refused(good)
    edit("X/indptr", indptr[:-1])
    assert "indptr has 20 entries; 20 cells need 21" in refused(good)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1])
def test_09_what_counts_cannot_be(good, refused, value):
    with h5py.File(good, "r+") as f:
        f.copy("X", "layers/counts")
        f["layers/counts/data"][0] = value
    assert "layers/counts" in refused(good)


def test_12_obs_shorter_than_x(edit, good, refused):
    edit("obs/_index", values(good, "obs/_index")[:-1], dtype=h5py.string_dtype())
    assert "obs/kind: 20 values for 19 rows" in refused(good)
    with h5py.File(good, "r+") as f:
        codes = f["obs/kind/codes"][:-1]
        del f["obs/kind/codes"]
        f["obs/kind/codes"] = codes
    assert "X: its shape is 20 × 10, but there are 19 cells and 10 genes" in refused(good)


def test_13_repeated_cell_ids(edit, good, refused):
    edit("obs/_index", [f"c{i // 2}" for i in range(CELLS)], dtype=h5py.string_dtype())
    assert "obs: 10 cell ids occur more than once: c0, c1, c2" in refused(good)


def test_14_and_15_category_codes(edit, good, seal, refused):
    edit("obs/kind/codes", np.full(CELLS, -1, np.int8))
    assert seal(good)[0]
    edit("obs/kind/codes", np.full(CELLS, 2, np.int8))
    assert "obs/kind/codes, row 0: category code 2 of 2 categories" in refused(good)
    edit("obs/kind/codes", np.full(CELLS, -2, np.int8))
    assert "category code -2" in refused(good)


def test_16_an_encoding_that_is_not_known(good, refused):
    with h5py.File(good, "r+") as f:
        f.create_group("obsm/ragged").attrs["encoding-type"] = "awkward-array"
    assert "obsm/ragged: encoding 'awkward-array' isn't known" in refused(good)


@pytest.mark.parametrize("stored", ["nothing", "zeros"])
def test_17_a_bomb(edit, good, refused, stored):
    shape = (1_000_000, 20_000) if stored == "nothing" else (40_000, 20_000)
    with h5py.File(good, "r+") as f:
        del f["X"]
        X = f.create_dataset("X", shape, np.float64, chunks=(100, 20_000), compression="gzip")
        if stored == "zeros":
            for row in range(0, 2000, 100):
                X[row:row + 100] = 0
    begin = time.monotonic()
    assert "a.h5ad: bomb: unpacks to" in refused(good)
    assert time.monotonic() - begin < 5


def test_18_a_chunk_of_4_gib(good, refused):
    with h5py.File(good, "r+") as f:
        f["uns"].create_dataset("x", (2**29,), np.float64, chunks=(2**28,), compression="gzip")
    assert "uns/x: declares chunks of 2147483648 bytes or more; the limit is" in refused(good)


def test_19_and_20_what_points_to_other_files(tmp_path, good, refused):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as f:
        f["x"] = np.arange(GENES)
    untouched = good.read_bytes()
    with h5py.File(good, "r+") as f:
        f["uns/link"] = h5py.ExternalLink(str(secret), "/x")
    assert "uns/link: is an external link" in refused(good)
    good.write_bytes(untouched)
    with h5py.File(good, "r+") as f:
        layout = h5py.VirtualLayout(shape=(GENES,), dtype="i8")
        layout[:] = h5py.VirtualSource(str(secret), "x", shape=(GENES,))
        f.create_virtual_dataset("uns/virtual", layout)
    assert "uns/virtual: is a virtual dataset" in refused(good)
    good.write_bytes(untouched)
    with h5py.File(good, "r+") as f:
        f["uns"].create_dataset("passwd", (10,), "u1", external=[("/etc/passwd", 0, 10)])
    assert "uns/passwd: has external storage" in refused(good)


def test_20_links_in_circles(good, refused):
    untouched = good.read_bytes()
    for make in (
        lambda f: f["uns"].update({"a": h5py.SoftLink("/uns/a")}),
        lambda f: f["uns"].update({"a": h5py.SoftLink("/uns")}),
        lambda f: f["uns"].update({"a": f["uns"]}),
        lambda f: f["uns"].update({"a": f["/"], "b": f["/"], "c": f["/"]}),
        lambda f: f["obs/kind"].attrs.update({"categories": f["obs/kind/codes"].ref}),
        lambda f: f["obs/kind/codes"].attrs.update({"categories": f["obs/kind/codes"].ref}),
    ):
        good.write_bytes(untouched)
        with h5py.File(good, "r+") as f:
            make(f)
        begin = time.monotonic()
        _read_or_refused = refused if "a" in h5py.File(good)["uns"] else None
        if _read_or_refused:
            _read_or_refused(good)
        assert time.monotonic() - begin < 5


def test_21_more_groups_than_the_limit(tmp_path, refused):
    path = tmp_path / "a.h5ad"
    with h5py.File(path, "w", libver="latest") as f:
        obs, group = f.create_group("obs"), f.create_group("uns")
        f.create_group("var")
        empty = f.create_group("e")
        for i in range(100_001):
            group[str(i)] = empty
    assert "holds more than 100000 groups and datasets" in refused(path)


def test_21_groups_nested_too_deep(good, refused):
    with h5py.File(good, "r+") as f:
        f.create_group("uns/" + "/".join("g" * 40))
    assert "groups nested deeper than 32" in refused(good)


def test_22_a_text_of_impossible_length(good, refused):
    whole = bytearray(good.read_bytes())
    with h5py.File(good) as f:
        at = f["obs/_index"].id.get_offset()
    whole[at:at + 4] = b"\xff\xff\xff\xff"
    good.write_bytes(whole)
    assert "obs/_index: row 0: a text of 4294967295 bytes; the limit is 65536" in refused(good)
    whole[at:at + 4] = b"\x00\xf0\x00\x00"
    good.write_bytes(whole)
    assert "obs/_index: row 0: a text longer than its place" in refused(good)
    whole[at + 4:at + 12] = b"\x10\xff\xff\xff\xff\xff\xff\x0f"
    good.write_bytes(whole)
    assert "obs/_index: row 0: points to a damaged heap" in refused(good)


def test_22_a_text_that_is_not_utf8(good, refused):
    whole = good.read_bytes()
    assert whole.count(b"c17\0") == 1
    good.write_bytes(whole.replace(b"c17\0", b"c\xff7\0"))
    assert "obs/_index: row 17: isn't UTF-8" in refused(good)


@pytest.mark.parametrize("number", [4, 6, 305, 32004, 32008])
def test_23_a_filter_that_is_not_allowed(good, refused, number):
    with h5py.File(good, "r+") as f:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((10,))
        if number == 6:
            plan.set_scaleoffset(h5py.h5z.SO_INT, 0)
        elif number == 4:
            plan.set_shuffle()
            plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (4, 8))
        else:
            plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((10,))
        h5py.h5d.create(f["uns"].id, b"x", h5py.h5t.NATIVE_INT32, space, plan)
    assert f"uns/x: uses the HDF5 filter {number} (" in (said := refused(good)), said
    assert "filter not allowed" in said


def test_24_damaged_headers_may_kill_the_child_only(good, seal):
    """Every byte of the superblock and of the first object headers set to 0xff in turn."""
    whole = good.read_bytes()
    for at in range(0, 800, 7):
        damaged = bytearray(whole)
        damaged[at] = 0xFF
        good.write_bytes(damaged)
        seal(good)


def test_36_a_loom_file_through_the_child(tmp_path, refused):
    path = tmp_path / "a.loom"
    with h5py.File(path, "w") as f:
        f["row_attrs/Gene"] = np.array([b"g"])
    assert "a.loom: isn't a Loom file: it holds no dataset 'matrix'" in refused(path)
