"""The data sets that everything is measured on, made once by ../shared/bench/make_cells.py.

They lie outside the tree: in $STROMA_BENCH, else in stroma-bench/ of the temporary folder.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np

FOLDER = pathlib.Path(
    os.environ.get("STROMA_BENCH", pathlib.Path(tempfile.gettempdir()) / "stroma-bench"))
SETS = {
    "100k": (100_000, {"h5ad": "cells.h5ad", "h5ad-gzip": "cells.gzip.h5ad", "long": "long.csv"}),
    "10k": (10_000, {"h5ad": "cells.h5ad", "long": "long.csv", "psv": "expression.psv"}),
}
# Made only for what asks for them: cells, files, genes.
LARGE_SETS = {"500k": (500_000, {"h5ad": "cells.h5ad"}, 20_000),
              "1m": (1_000_000, {"h5ad": "cells.h5ad"}, 60)}
# The selections of peers.py as SQL conditions.
WHERE = {"3%": "cell_type = 'type 03'", "25%": "tissue IN ('blood', 'lung')", "all": "true"}
DATASETS_FOR_START = 1000


@contextlib.contextmanager
def locked():
    """One process makes data at a time; the others wait for it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make(name, shared):
    """Makes the set unless it is there; its folder."""
    cells, files, genes = (*SETS[name], 20_000) if name in SETS else LARGE_SETS[name]
    folder = FOLDER / name
    with locked():
        if any(not (folder / file).exists() for file in files.values()):
            print(f"bench: making {folder} ({cells} cells; minutes)", file=sys.stderr)
            temporary = FOLDER / f"{name}.tmp"
            subprocess.run(
                [sys.executable, shared / "bench/make_cells.py", "--cells", str(cells), "--genes",
                 str(genes), "--out", temporary, "--formats", ",".join(files)], check=True,
                stdout=subprocess.DEVNULL)
            if folder.exists():
                folder.rename(FOLDER / f"{name}.old.{os.getpid()}")
            temporary.rename(folder)
    return folder


def make_small_files(count=DATASETS_FOR_START, cells=100, genes=200):
    """`count` small h5ad files that differ, for what depends on the number of datasets."""
    folder = FOLDER / f"{count}x{cells}"
    with locked():
        if not folder.exists():
            temporary = FOLDER / f"{folder.name}.tmp"
            temporary.mkdir(exist_ok=True)
            for number in range(count):
                write_small_h5ad(temporary / f"set{number:05}.h5ad", number, cells, genes)
            temporary.rename(folder)
    return folder


def write_small_h5ad(path, seed, cells, genes):
    """Counts in CSR with one obs column, as anndata 0.8 lays them out."""
    rng = np.random.default_rng([7, seed])
    dense = rng.poisson(0.1, (cells, genes))
    rows, columns = np.nonzero(dense)

    def tag(node, kind, version):
        node.attrs["encoding-type"], node.attrs["encoding-version"] = kind, version
        return node

    def strings(group, name, values):
        tag(group.create_dataset(name, data=np.array(values, object),
                                 dtype=h5py.string_dtype()), "string-array", "0.2.0")

    with h5py.File(path, "w") as file:
        tag(file, "anndata", "0.1.0")
        x = tag(file.create_group("X"), "csr_matrix", "0.1.0")
        x.attrs["shape"] = (cells, genes)
        x["data"] = dense[rows, columns].astype(np.float32)
        x["indices"] = columns.astype(np.int32)
        x["indptr"] = np.r_[0, np.cumsum(np.bincount(rows, minlength=cells))].astype(np.int32)
        for frame, count in (("obs", cells), ("var", genes)):
            group = tag(file.create_group(frame), "dataframe", "0.2.0")
            group.attrs["_index"] = "_index"
            columns_of = ["cell_type"] if frame == "obs" else []
            group.attrs.create("column-order", columns_of, dtype=h5py.string_dtype())
            strings(group, "_index", [f"{frame}{seed}-{i}" if frame == "obs" else f"G{i}"
                                      for i in range(count)])
            for column in columns_of:
                strings(group, column, [f"type {i % 5}" for i in range(count)])


class Truth:
    """What each selection of a set holds, read from its h5ad itself."""

    def __init__(self, folder):
        with h5py.File(folder / "cells.h5ad") as file:
            lengths = np.diff(file["X/indptr"][:])
            starts = file["X/indptr"][:-1]
            data = file["X/data"][:]
            sums = np.add.reduceat(data, np.minimum(starts, len(data) - 1), dtype=np.float64)
            sums[lengths == 0] = 0

            def column(name):
                codes = file[f"obs/{name}/codes"][:]
                return file[f"obs/{name}/categories"].asstr()[:][codes]
            masks = {"3%": column("cell_type") == "type 03",
                     "25%": np.isin(column("tissue"), ["blood", "lung"]),
                     "all": np.ones(len(lengths), bool)}
            self.cells, self.genes = (int(n) for n in file["X"].attrs["shape"])
            self.offsets = [file[f"X/{part}"].id.get_offset()
                            for part in ("indptr", "indices", "data")]
        self.nnz = {name: int(lengths[mask].sum()) for name, mask in masks.items()}
        self.sum = {name: float(sums[mask].sum()) for name, mask in masks.items()}

    def __str__(self):
        return json.dumps({"cells": self.cells, "genes": self.genes, "nnz": self.nnz})
