"""Runs the stroma binary as a user would, and reads what it wrote with the real readers."""
import gzip
import json
import os
import pathlib
import subprocess
import zipfile

import numpy as np
import scipy.sparse as sparse

OPTIMUS = "4d1c82f4-fa08-4ed2-b90d-995b13cc3d8c.2019-05-08T155313.632000Z"


class Stroma:
    """One data directory, used through the command line."""

    def __init__(self, binary, data):
        self.binary, self.data = str(binary), str(data)

    def run(self, *words, check=True, env=None):
        done = subprocess.run([self.binary, *map(str, words), "--data", self.data], text=True,
                              capture_output=True, env={**os.environ, **(env or {})})
        if check:
            assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stderr}"
        return done

    def json(self, *words):
        return json.loads(self.run(*words, "--json").stdout)

    def imported(self, *words):
        """The one dataset's outcome."""
        return self.json("import", *words)

    def sql(self, statement):
        """Rows as dicts."""
        return json.loads(self.run("sql", statement, "--format", "json").stdout)

    def matrix(self, out, *words):
        """Writes a matrix; gives its path."""
        self.run("matrix", *words, "-o", out)
        return out


def as_read(data):
    """What read_any gives, from an AnnData."""
    return (sparse.csr_matrix(data.X, dtype=np.float64), list(data.obs_names),
            list(data.var_names))


def read_any(path):
    """(cells x genes as float64 CSR, cell ids, gene ids) of a matrix in any of our formats."""
    path = str(path)
    if path.endswith(".h5ad"):
        import anndata
        data = anndata.read_h5ad(path)
        return as_read(data)
    if path.endswith(".zarr"):
        import anndata
        data = anndata.read_zarr(path)
        return as_read(data)
    if path.endswith(".loom"):
        import loompy
        with loompy.connect(path, mode="r") as loom:
            return (sparse.csr_matrix(loom[:, :].T.astype(np.float64)),
                    [str(x) for x in loom.ca["CellID"]], [str(x) for x in loom.ra["Accession"]])
    if path.endswith(".csv"):
        import pandas
        frame = pandas.read_csv(os.path.join(path, "expression.csv"), index_col=0,
                                keep_default_na=False)
        return (sparse.csr_matrix(frame.to_numpy(np.float64)), [str(x) for x in frame.index],
                [str(x) for x in frame.columns])
    if path.endswith(".mtx"):
        from scipy.io import mmread
        with gzip.open(os.path.join(path, "matrix.mtx.gz")) as file:
            matrix = mmread(file).T.tocsr().astype(np.float64)
        with gzip.open(os.path.join(path, "cells.tsv.gz"), "rt") as file:
            cells = [line.split("\t")[0].rstrip("\n") for line in list(file)[1:]]
        with gzip.open(os.path.join(path, "features.tsv.gz"), "rt") as file:
            genes = [line.split("\t")[0] for line in file]
        return matrix, cells, genes
    raise ValueError(path)


def read_parquet(path, scratch):
    """The rows of a Parquet file by DuckDB's own reader, through its C library."""
    import ctypes
    import pandas

    root = pathlib.Path(__file__).resolve().parents[2]
    library = ctypes.CDLL(str(next(root.glob("build/duckdb/**/libduckdb.so"))))
    database, connection = ctypes.c_void_p(), ctypes.c_void_p()
    assert library.duckdb_open(None, ctypes.byref(database)) == 0
    assert library.duckdb_connect(database, ctypes.byref(connection)) == 0
    copy = pathlib.Path(scratch) / "parquet.csv"
    statement = f"copy (select * from read_parquet('{path}')) to '{copy}' (header)"
    assert library.duckdb_query(connection, statement.encode(), None) == 0, statement
    return pandas.read_csv(copy)


def unzip(path, into):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(into)
        return archive.namelist()
