"""Loom files of loompy 3 (layout 3 and 2) and of the HCA's matrix service, against loompy."""

import warnings

import h5py
import loompy
import numpy as np
import pytest
import scipy.sparse as sparse

from compare import matrix_of, same_numbers

warnings.filterwarnings("ignore")
GENES, CELLS = 19, 13


def matrix(seed=1):
    made = sparse.random(GENES, CELLS, 0.3, random_state=seed).toarray()
    return np.ceil(made * 9).astype(np.float32)


def attributes():
    row = {
        "Gene": np.array([f"gène {i}" for i in range(GENES)]),
        "Accession": np.array([f"ENSG{i:05}" for i in range(GENES)]),
        "length": np.arange(GENES),
        "loadings": np.arange(GENES * 3, dtype=np.float64).reshape(GENES, 3),
    }
    column = {
        "CellID": np.array([f"cell & <{i}>" for i in range(CELLS)]),
        "score": np.linspace(0, 1, CELLS),
        "kind": np.array(["α", "b"] * 6 + ["α"]),
        "flag": np.arange(CELLS) % 2 == 0,
        "X_umap": np.arange(CELLS * 2, dtype=np.float32).reshape(CELLS, 2),
    }
    return row, column


def check(path, dump):
    found = dump("loom", path)
    with loompy.connect(str(path), "r") as ds:
        np.testing.assert_array_equal(matrix_of(found["matrices"]["X"]), ds[:, :].T)
        assert found["obs"]["index"] == list(ds.ca.CellID)
        assert found["var"]["index"] == list(ds.ra.Accession)
        for frame, wide, axis, wanted in ((found["obs"], found["obsm"], 1, ds.ca),
                                    (found["var"], found["varm"], 0, ds.ra)):
            for name in wanted:
                if name in ("CellID", "Accession"):
                    continue
                values = wanted[name]
                if values is None:  # loompy 3.0.7 gives up on UTF-8
                    values = attributes()[axis][name].astype(object)
                if values.ndim > 1:
                    same_numbers(wide[name], values, name)
                elif values.dtype == object:
                    assert frame["columns"][name]["values"] == list(values)
                else:
                    same_numbers(frame["columns"][name], values, name)
        for name in ds.layers:
            if name:
                wanted = ds.layers[name][:, :].T
                np.testing.assert_array_equal(matrix_of(found["matrices"][f"layers/{name}"]),
                    wanted)
    return found


def test_what_loompy_writes(tmp_path, dump, detect):
    path = tmp_path / "a.loom"
    row, column = attributes()
    loompy.create(str(path), {"": matrix(), "spliced": matrix(2)}, row, column,
                  file_attrs={"title": "Größe", "answer": 42})
    with loompy.connect(str(path)) as ds:
        ds.col_graphs["KNN"] = sparse.random(CELLS, CELLS, 0.2, "coo", random_state=3)
        ds.row_graphs["links"] = sparse.random(GENES, GENES, 0.2, "coo", random_state=4)
        graphs = {"obsp": ds.col_graphs["KNN"].tocsr(), "varp": ds.row_graphs["links"].tocsr()}
    assert detect(path) == ["loom"]
    found = check(path, dump)
    assert found["uns"]["title"]["values"] == ["Größe"]
    assert found["uns"]["LOOM_SPEC_VERSION"]["values"] == ["3.0.0"]
    for part, wanted in graphs.items():
        (graph,) = found[part].values()
        assert graph["kind"] == "csr" and graph["indptr"] == wanted.indptr.tolist()
        made = sparse.csr_matrix((graph["data"]["values"], graph["indices"], graph["indptr"]),
                                 shape=wanted.shape)
        np.testing.assert_array_equal(made.toarray(), wanted.toarray())


@pytest.mark.parametrize("chunks", [(GENES, 1), (1, CELLS), (4, 5), (64, 64), None])
def test_the_layout_of_the_matrix_service(tmp_path, dump, chunks):
    """Version 2.0.1: texts are ASCII with character references, no /attrs."""
    path = tmp_path / "a.loom"
    row, column = attributes()
    with h5py.File(path, "w") as f:
        f.attrs.update({"CreationDate": "20190101T000000.000000Z", "LOOM_SPEC_VERSION": "2.0.1"})
        options = {"chunks": chunks, "compression": "gzip", "compression_opts": 2} if chunks else {}
        maxshape = (None, None) if chunks == (64, 64) else None
        f.create_dataset("matrix", data=matrix(), maxshape=maxshape, **options)
        for group, made in (("row_attrs", row), ("col_attrs", column)):
            for name, values in made.items():
                if values.dtype.kind == "U":
                    values = np.array([v.encode("ascii", "xmlcharrefreplace") for v in values])
                if values.dtype.kind == "b":
                    values = values.astype(np.uint8)
                f.create_dataset(f"{group}/{name}", data=values, compression="gzip",
                                 chunks=(min(256, len(values)), *values.shape[1:]))
        for name in ("layers", "row_graphs", "col_graphs"):
            f.create_group(name)
    found = check(path, dump)
    if chunks == (GENES, 1):
        assert found["matrices"]["X"]["order"] == "by_cell"
    if chunks in ((1, CELLS), None):
        assert found["matrices"]["X"]["order"] == "by_gene"
    assert found["var"]["columns"]["Gene"]["values"][3] == "gène 3"


def test_genes_are_named_by_what_is_unique(tmp_path, dump):
    path = tmp_path / "a.loom"
    with h5py.File(path, "w") as f:
        f["matrix"] = matrix()
        f["col_attrs/n"] = np.arange(CELLS)
        f["row_attrs/Accession"] = np.array([b"same"] * GENES)
        f["row_attrs/Gene"] = np.array([b"g%d" % i for i in range(GENES)])
    found = dump("loom", path)
    assert found["var"]["index_name"] == "Gene" and found["var"]["index"][4] == "g4"
    assert found["obs"]["index"] == [str(i) for i in range(CELLS)]
    assert found["notes"] == ["the file names no cells; they are numbered"]


def test_a_file_without_a_matrix_is_refused(tmp_path, refusal):
    path = tmp_path / "a.loom"
    with h5py.File(path, "w") as f:
        f["row_attrs/Gene"] = np.array([b"g"])
    assert "isn't a Loom file: it holds no dataset 'matrix'" in refusal("loom", path)


@pytest.mark.parametrize("group, count, of", [("row_attrs", CELLS, "19 genes (rows)"),
                                              ("col_attrs", GENES, "13 cells (columns)")])
def test_attributes_of_the_wrong_length_are_refused(tmp_path, refusal, group, count, of):
    path = tmp_path / "a.loom"
    with h5py.File(path, "w") as f:
        f["matrix"] = matrix()
        f[f"{group}/x"] = np.zeros(count)
    assert f"{group}/x: has {count} values, but the matrix has {of}" in refusal("loom", path)


def test_a_graph_that_leaves_the_matrix_is_refused(tmp_path, refusal):
    path = tmp_path / "a.loom"
    with h5py.File(path, "w") as f:
        f["matrix"] = matrix()
        f["col_graphs/k/a"], f["col_graphs/k/b"] = np.array([0, 5]), np.array([1, CELLS])
        f["col_graphs/k/w"] = np.ones(2)
    assert "edge 1 joins 5 and 13, but there are 13 lines" in refusal("loom", path)
