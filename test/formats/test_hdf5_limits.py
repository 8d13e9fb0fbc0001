"""Each limit of foreign HDF5 files just at it and just above it."""

import h5py
import numpy as np
import pytest

TEXT = h5py.string_dtype()


@pytest.fixture
def write(tmp_path):
    def run(change):
        path = tmp_path / "a.h5ad"
        with h5py.File(path, "w", libver="latest") as f:
            for name, size in (("obs", 2), ("var", 1)):
                group = f.create_group(name)
                group.attrs.update({"encoding-type": "dataframe", "_index": "_index"})
                group.attrs["column-order"] = np.zeros(0)
                group["_index"] = np.array([f"{name}{i}" for i in range(size)], dtype=TEXT)
            change(f)
        return path

    return run


def columns(count):
    def change(f):
        names = [f"c{i:05}" for i in range(count)]
        for name in names:
            f["obs"][name] = np.zeros(2, np.int8)
        del f["obs"].attrs["column-order"]
        f["obs"].attrs["column-order"] = np.array(names, dtype=TEXT)
    return change


def depth(count):
    return lambda f: f.create_group("uns" + "/g" * (count - 1))


def chunk(size):
    def change(f):
        data = np.zeros(10, np.uint8)
        f.create_dataset("uns/x", data=data, chunks=(size,), maxshape=(None,), compression="gzip")
    return change


def text(size):
    def change(f):
        del f["obs/_index"]
        f["obs/_index"] = np.array(["a", "x" * size], dtype=TEXT)
    return change


def objects(count):
    def change(f):
        group = f.create_group("e")
        for i in range(count - 5):  # obs, var, their indices and e itself
            group[str(i)] = f["obs/_index"]
    return change


@pytest.mark.parametrize("make, limit, message", [
    (columns, 2000, "obs: 2001 columns; the limit is 2000"),
    (depth, 32, "groups nested deeper than 32"),
    (chunk, 64 << 20, "uns/x: declares chunks of 67108865 bytes or more"),
    (text, 65536, "obs/_index: row 1: a text of 65537 bytes; the limit is 65536"),
    (objects, 100_000, "holds more than 100000 groups and datasets"),
], ids=["columns", "depth", "chunk", "text", "objects"])
def test_a_limit_holds_from_the_first_value_above_it(write, dump, refusal, make, limit, message):
    for below in (limit - 1, limit):
        assert dump("h5ad", write(make(below)))["obs"]["index"][0] in ("obs0", "a")
    assert message in refusal("h5ad", write(make(limit + 1)))
