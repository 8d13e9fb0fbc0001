"""Compares what dump_dataset prints with what Python's own libraries read."""

import math

import numpy as np
import pandas as pd
import scipy.sparse as sparse


def number(value):
    if isinstance(value, str):
        return float(value)
    return value


def same_numbers(found, wanted, where):
    wanted = np.asarray(wanted)
    type_name = "float32" if wanted.dtype == np.float16 else wanted.dtype.name
    assert found["type"] == type_name, where
    assert found["shape"] == list(wanted.shape), where
    for got, want in zip(found["values"], wanted.ravel().tolist(), strict=True):
        got = number(got)
        assert got == want or (math.isnan(got) and math.isnan(want)), (where, got, want)


def array_of(column):
    return column.to_numpy() if isinstance(column, pd.core.arrays.PandasArray) else column


def same_column(found, wanted, where):
    """wanted: a pandas array or a numpy array."""
    if isinstance(wanted, pd.Categorical):
        assert found["kind"] == "categorical", where
        assert found["codes"] == wanted.codes.tolist(), where
        assert found["ordered"] == wanted.ordered, where
        if isinstance(found["categories"], dict):
            same_numbers(found["categories"], wanted.categories.values, where)
        else:
            assert found["categories"] == list(wanted.categories), where
    elif isinstance(wanted, (pd.arrays.IntegerArray, pd.arrays.BooleanArray)):
        assert found["missing"] == wanted._mask.tolist(), where
        same_numbers({**found}, wanted._data, where)
    elif wanted.dtype == object or wanted.dtype.kind in "US":
        assert found["kind"] == "text", where
        assert found["values"] == [str(text) for text in wanted], where
    else:
        same_numbers(found, wanted, where)


def same_frame(found, wanted, where):
    assert found["index"] == [str(name) for name in wanted.index], where
    assert list(found["columns"]) == [str(name) for name in wanted.columns], where
    if wanted.index.name is not None:
        assert found["index_name"] == wanted.index.name, where
    for name in wanted.columns:
        same_column(found["columns"][str(name)], array_of(wanted[name].array), f"{where}/{name}")


def same_element(found, wanted, where):
    if isinstance(wanted, pd.DataFrame):
        same_frame(found, wanted, where)
    elif sparse.issparse(wanted):
        assert found["kind"] == wanted.format, where
        assert found["shape"] == list(wanted.shape), where
        same_numbers(found["data"], wanted.data, where)
        assert found["indices"] == wanted.indices.tolist(), where
        assert found["indptr"] == wanted.indptr.tolist(), where
    elif isinstance(wanted, dict):
        assert found["kind"] == "dict", where
        same_dict(found["members"], wanted, where)
    elif isinstance(wanted, (pd.Categorical, pd.arrays.IntegerArray, pd.arrays.BooleanArray)):
        same_column(found, wanted, where)
    elif isinstance(wanted, np.ndarray) and wanted.dtype.names:
        assert found["kind"] == "records", where
        assert list(found["fields"]) == list(wanted.dtype.names), where
        for name in wanted.dtype.names:
            same_column(found["fields"][name], wanted[name], f"{where}/{name}")
    elif isinstance(wanted, str):
        assert found == {"kind": "texts", "shape": [], "values": [wanted]}, where
    elif isinstance(wanted, np.ndarray) and wanted.dtype.kind in "OUS":
        assert found["kind"] == "texts" and found["shape"] == list(wanted.shape), where
        assert found["values"] == [str(text) for text in wanted.ravel()], where
    else:
        same_numbers(found, wanted, where)


def same_dict(found, wanted, where):
    assert sorted(found) == sorted(str(key) for key in wanted), where
    for key, value in wanted.items():
        same_element(found[str(key)], value, f"{where}/{key}")


def matrix_of(found):
    """The dumped matrix as cells × genes, in double precision."""
    cells, genes = found["shape"]
    matrix = sparse.lil_matrix((cells, genes), dtype=np.float64)
    for line, (places, values) in enumerate(found["lines"]):
        for place, value in zip(places, values, strict=True):
            row, column = (line, place) if found["order"] == "by_cell" else (place, line)
            matrix[row, column] = number(value)
    return matrix.toarray()


def same_matrix(found, wanted, where):
    wanted_type = wanted.dtype.name if wanted.dtype != np.float16 else "float32"
    assert found["type"] == wanted_type, where
    assert found["dense"] == (not sparse.issparse(wanted)), where
    if sparse.issparse(wanted):
        assert found["order"] == {"csr": "by_cell", "csc": "by_gene"}[wanted.format], where
        wanted = wanted.toarray()
    np.testing.assert_array_equal(matrix_of(found), wanted.astype(np.float64), err_msg=where)


def same_anndata(found, adata):
    same_frame(found["obs"], adata.obs, "obs")
    same_frame(found["var"], adata.var, "var")
    for part in ("obsm", "varm", "obsp", "varp", "uns"):
        same_dict(found[part], dict(getattr(adata, part)), part)
    matrices = {f"layers/{name}": layer for name, layer in adata.layers.items()}
    if adata.X is not None:
        matrices["X"] = adata.X
    if adata.raw is not None:
        matrices["raw.X"] = adata.raw.X
        same_frame(found["raw_var"], adata.raw.var, "raw.var")
        same_dict(found["raw_varm"], dict(adata.raw.varm), "raw.varm")
    assert sorted(found["matrices"]) == sorted(matrices)
    for name, matrix in matrices.items():
        same_matrix(found["matrices"][name], matrix, name)
