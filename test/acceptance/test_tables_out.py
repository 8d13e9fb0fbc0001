"""Matrices as 10x HDF5 and as an Arrow table, by the steps of the readers that people have."""
import json
import pathlib
import shutil
import subprocess

import h5py
import numpy as np
import pytest
import scipy.sparse as sparse

from cli import Stroma, read_any

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"
MODULES = CLIENTS.parents[1] / "build/clients"


@pytest.fixture
def blood(stroma_binary, made_h5ad, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(made_h5ad)
    return stroma


def read_10x_h5(path):
    """The reading steps of scanpy.read_10x_h5 and of Seurat's Read10X_h5 for version 3."""
    with h5py.File(path) as file:
        group = file["matrix"]
        genes, cells = group["shape"][()]
        values = sparse.csc_matrix((group["data"][()], group["indices"][()], group["indptr"][()]),
                                   shape=(genes, cells))
        features = {name: [text.decode() for text in group["features"][name][()]]
                    for name in ("id", "name", "feature_type", "genome")}
        for texts in (group["barcodes"], *(group["features"][name] for name in features)):
            assert texts.dtype.kind == "S"  # PyTables reads no texts of variable length
        return values.T.tocsr(), [text.decode() for text in group["barcodes"][()]], features


def test_10x_hdf5_is_read_as_cell_rangers(blood, made_h5ad, tmp_path):
    out = blood.matrix(tmp_path / "out.h5", "--where", "cell_type = 'B cell'")
    matrix, cells, features = read_10x_h5(out)
    source, names, genes = read_any(made_h5ad)
    chosen = [names.index(cell) for cell in cells]
    assert len(cells) == blood.sql("select count(*) n from obs where cell_type = 'B cell'")[0]["n"]
    assert matrix.dtype == np.int32 and (matrix != source[chosen]).nnz == 0
    assert features["id"] == genes and features["name"][3] == "CD3D"
    assert set(features["feature_type"]) == {"Gene Expression"}


def test_10x_hdf5_comes_back(blood, tmp_path):
    out = blood.matrix(tmp_path / "out.h5", "--where", "true")
    again = Stroma(blood.binary, tmp_path / "again")
    again.imported(out)
    statement = ("select cell_id, sum(exprvalue) s from expression join cells using (cellkey) "
                 "group by 1 order by 1")
    assert again.sql(statement) == blood.sql(statement)


def test_arrow_is_read_by_arrows_own_reader(blood, made_h5ad, tmp_path):
    if shutil.which("node") is None or not (MODULES / "node_modules").exists():
        pytest.skip("no node or no build/clients: Arrow's own reader did not run")
    out = blood.matrix(tmp_path / "out.arrow", "--where", "true")
    read = subprocess.run(["node", CLIENTS / "read_arrow.mjs", MODULES, out], check=True,
                          capture_output=True, text=True)
    table = json.loads(read.stdout)
    source, cells, genes = read_any(made_h5ad)
    source = source.tocoo()
    rows = sorted(zip(source.row, source.col, source.data))
    assert table["rows"] == len(rows)
    assert [name for name, _ in table["columns"]] == ["cell_id", "gene_id", "value"]
    for name, row in [("first", rows[0]), ("second", rows[1]), ("last", rows[-1])]:
        assert table[name] == [cells[row[0]], genes[row[1]], row[2]]
