"""What anndata reads from an h5ad file, Stroma reads to the same values and types."""

import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse
from anndata._io.specs import write_elem

from compare import same_anndata, same_column, same_numbers

warnings.filterwarnings("ignore")
CELLS, GENES = 23, 17


def counts(seed=1, density=0.3, dtype=np.float32, cells=CELLS, genes=GENES):
    made = sparse.random(cells, genes, density, "csr", random_state=seed)
    made.data = np.ceil(made.data * 9).astype(dtype)
    return made.astype(dtype)


def full_dataset():
    random = np.random.default_rng(3)
    obs = pd.DataFrame(
        {
            "n": np.arange(CELLS, dtype=np.int64),
            "small": np.arange(CELLS).astype(np.uint8),
            "score": random.normal(size=CELLS),
            "score32": random.normal(size=CELLS).astype(np.float32),
            "flag": random.random(CELLS) > 0.5,
            "text": [f"α{i}" for i in range(CELLS)],
            "group": pd.Categorical.from_codes(
                [i % 4 - 1 for i in range(CELLS)], ["a", "ß", "c"]
            ),
            "rank": pd.Categorical(
                [[3, 1, 2][i % 3] for i in range(CELLS)], categories=[1, 2, 3], ordered=True
            ),
            "maybe": pd.array([None if i % 5 == 0 else i for i in range(CELLS)], dtype="Int32"),
            "maybe_flag": pd.array(
                [None if i % 7 == 0 else i % 2 == 0 for i in range(CELLS)], dtype="boolean"
            ),
        },
        index=[f"cell-{i}" for i in range(CELLS)],
    )
    obs.loc["cell-2", "score"] = np.nan
    var = pd.DataFrame({"len": range(GENES)}, index=[f"gene {i}" for i in range(GENES)])
    var.index.name = "symbol"
    adata = anndata.AnnData(counts(), obs=obs, var=var, dtype=np.float32)
    adata.raw = anndata.AnnData(
        counts(2, genes=GENES + 3),
        obs=obs[[]],
        var=pd.DataFrame({"m": range(GENES + 3)}, index=[f"r{i}" for i in range(GENES + 3)]),
        varm={"P": random.normal(size=(GENES + 3, 2))},
        dtype=np.float32,
    )
    adata.layers["counts"] = counts(4, dtype=np.int32)
    adata.layers["by_gene"] = sparse.csc_matrix(counts(5))
    adata.layers["dense"] = counts(6).toarray().astype(np.float64)
    adata.obsm["X_pca"] = random.normal(size=(CELLS, 5)).astype(np.float32)
    adata.obsm["frame"] = pd.DataFrame(
        {"a": range(CELLS), "b": list("xyz"[i % 3] for i in range(CELLS))}, index=obs.index
    )
    adata.obsm["sparse"] = counts(7)
    adata.varm["PCs"] = random.normal(size=(GENES, 5))
    adata.obsp["connectivities"] = counts(8, genes=CELLS)
    adata.obsp["dense"] = random.normal(size=(CELLS, CELLS))
    adata.varp["c"] = sparse.csc_matrix(counts(9, cells=GENES))
    names = np.rec.fromarrays(
        [np.array(["g1", "g2"], dtype=object), np.array(["g3", "grün"], dtype=object)],
        dtype=[("0", "O"), ("1", "O")],
    )
    adata.uns.update(
        {
            "one": 1,
            "pi": 3.25,
            "yes": True,
            "title": "Größe",
            "colors": np.array(["#fff", "#000"], dtype=object),
            "grid": np.array([["a", "b"], ["c", "d"]], dtype=object),
            "matrix": np.arange(6, dtype=np.int16).reshape(2, 3),
            "nested": {"params": {"method": "umap", "n": 15}, "empty": {}},
            "ranked": {"names": names, "scores": np.rec.fromarrays([[1.5, 2.5]], names=["0"])},
            "table": pd.DataFrame({"x": [1.0, np.nan]}, index=["r1", "r2"]),
            "kind": pd.Categorical(["u", "v", "u"]),
            "sparse": counts(11),
        }
    )
    return adata


def check(path, dump, form="h5ad"):
    found = dump(form, path)
    same_anndata(found, anndata.read_h5ad(path))
    return found


@pytest.mark.parametrize("compression", [None, "gzip", "lzf"])
def test_everything_that_anndata_writes(tmp_path, dump, detect, compression):
    path = tmp_path / "a.h5ad"
    full_dataset().write_h5ad(path, compression=compression)
    found = check(path, dump)
    assert found["matrices"]["layers/counts"]["unit"] == "counts"
    assert found["matrices"]["X"]["unit"] == "unknown"
    assert detect(path) == ["h5ad"]


@pytest.mark.parametrize("options", [
    {"chunks": (7,), "compression": "gzip", "shuffle": True},
    {"chunks": (5,), "compression": "lzf", "shuffle": True, "fletcher32": True},
    {"chunks": (64,), "fletcher32": True},
    {"chunks": (4096,), "compression": "gzip", "compression_opts": 9},
    {"chunks": (3,)},
])
def test_sparse_chunks_of_any_kind(tmp_path, dump, options):
    path = tmp_path / "a.h5ad"
    adata = anndata.AnnData(counts(), dtype=np.float32)
    adata.write_h5ad(path)
    with h5py.File(path, "r+") as f:
        for name in ("data", "indices", "indptr"):
            values = f["X"][name][()]
            del f["X"][name]
            f["X"].create_dataset(name, data=values, maxshape=(None,), **options)
    check(path, dump)


@pytest.mark.parametrize("chunks", [None, (1, GENES), (CELLS, 1), (4, 3), (64, 64), (CELLS, 2)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", ">f4", "i1", "u2", "i4", ">i8", "u8", "?"])
def test_dense_matrices_of_any_type_and_chunk(tmp_path, dump, chunks, dtype):
    path = tmp_path / "a.h5ad"
    matrix = counts().toarray().astype(dtype)
    anndata.AnnData(counts(), dtype=np.float32).write_h5ad(path)
    with h5py.File(path, "r+") as f:
        del f["X"]
        options = {"compression": "gzip", "chunks": chunks} if chunks else {}
        if chunks == (64, 64):
            options["maxshape"] = (None, None)
        f.create_dataset("X", data=matrix, **options)
        f["X"].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    found = dump("h5ad", path)["matrices"]["X"]
    wanted = np.float32(matrix) if dtype == "f2" else matrix
    from compare import matrix_of

    np.testing.assert_array_equal(matrix_of(found), wanted.astype(float))
    assert found["dense"]
    assert found["type"] == wanted.dtype.newbyteorder("=").name
    if chunks == (1, GENES):
        assert found["order"] == "by_cell"
    if chunks == (CELLS, 1):
        assert found["order"] == "by_gene"


@pytest.mark.parametrize("index_type", ["i4", "i8", "u4", "u8", ">i4", "i2", "u1"])
def test_indices_of_any_integer_type(tmp_path, dump, index_type):
    path = tmp_path / "a.h5ad"
    wanted = counts()
    anndata.AnnData(wanted, dtype=np.float32).write_h5ad(path)
    with h5py.File(path, "r+") as f:
        for name in ("indices", "indptr"):
            values = f["X"][name][()].astype(index_type)
            del f["X"][name]
            f["X"][name] = values
    from compare import matrix_of

    np.testing.assert_array_equal(
        matrix_of(dump("h5ad", path)["matrices"]["X"]), wanted.toarray().astype(float)
    )


def test_no_x_no_rows_no_columns(tmp_path, dump):
    path = tmp_path / "a.h5ad"
    anndata.AnnData(obs=pd.DataFrame({"a": [1, 2]}, index=["x", "y"])).write_h5ad(path)
    check(path, dump)
    anndata.AnnData(np.zeros((0, 3), np.float32), dtype=np.float32).write_h5ad(path)
    check(path, dump)
    anndata.AnnData(sparse.csr_matrix((4, 0), dtype=np.float32), dtype=np.float32).write_h5ad(path)
    check(path, dump)


def test_the_layout_of_anndata_0_7(tmp_path, dump):
    """Categories beside the columns, found by reference; dataframe version 0.1.0."""
    path = tmp_path / "a.h5ad"
    anndata.AnnData(counts(), dtype=np.float32).write_h5ad(path)
    with h5py.File(path, "r+") as f:
        obs = f["obs"]
        obs.attrs["encoding-version"] = "0.1.0"
        obs.attrs["column-order"] = np.array(["kind", "n"], dtype=h5py.string_dtype())
        for name in list(obs):
            for attribute in ("encoding-type", "encoding-version"):
                del obs[name].attrs[attribute]
        obs["n"] = np.arange(CELLS)
        obs["kind"] = np.array([i % 3 - 1 for i in range(CELLS)], dtype=np.int8)
        obs["__categories/kind"] = np.array(["b", "a"], dtype=h5py.string_dtype())
        obs["__categories/kind"].attrs["ordered"] = True
        obs["kind"].attrs["categories"] = obs["__categories/kind"].ref
        f["uns/text"] = "hello"
        f["uns/n"] = 3
    found = check(path, dump)
    assert found["obs"]["columns"]["kind"]["ordered"] is True


def test_the_layout_of_anndata_0_6(tmp_path, dump):
    """Compound obs and var, categories in uns, h5sparse matrices, raw.X beside X."""
    path = tmp_path / "a.h5ad"
    text = h5py.special_dtype(vlen=str)
    with h5py.File(path, "w") as f:
        def put_sparse(name, matrix):
            group = f.create_group(name)
            group.attrs["h5sparse_format"] = matrix.format
            group.attrs["h5sparse_shape"] = matrix.shape
            for part in ("data", "indices", "indptr"):
                group.create_dataset(part, data=getattr(matrix, part), maxshape=(None,))

        put_sparse("X", counts())
        put_sparse("raw.X", counts(2, genes=5))
        obs = np.zeros(CELLS, dtype=[("index", "S9"), ("n", "i8"), ("kind", "i1"), ("s", "f4")])
        obs["index"] = [f"cell-{i}".encode() for i in range(CELLS)]
        obs["n"] = range(CELLS)
        obs["kind"] = [i % 4 - 1 for i in range(CELLS)]
        obs["s"] = np.linspace(0, 1, CELLS)
        f["obs"] = obs
        var = np.zeros(GENES, dtype=[("index", text), ("name", text), ("flag", "?")])
        var["index"] = [f"gene-{i}" for i in range(GENES)]
        var["name"] = [f"ä{i}" for i in range(GENES)]
        f["var"] = var
        raw_var = np.zeros(5, dtype=[("index", "S4"), ("m", "f8")])
        raw_var["index"] = [f"r{i}".encode() for i in range(5)]
        f["raw.var"] = raw_var
        f["uns/kind_categories"] = np.array(["a", "b", "c"], dtype=text)
        f["uns/other_categories"] = np.array(["a"], dtype=text)
        f["uns/fixed"] = np.array([b"one text"])
        f["uns/two"] = np.array([b"one", b"two"])
        f["uns/scalar"] = 1.5
    found = check(path, dump)
    assert found["obs"]["columns"]["kind"]["categories"] == ["a", "b", "c"]
    with h5py.File(path, "r+") as f:
        obsm = np.zeros(CELLS, dtype=[("X_pca", "f4", (3,)), ("X_umap", "f8", (2,))])
        obsm["X_pca"] = np.arange(CELLS * 3).reshape(CELLS, 3)
        f["obsm"] = obsm
    same_numbers(dump("h5ad", path)["obsm"]["X_pca"], obsm["X_pca"], "obsm")


def test_the_layout_of_anndata_0_12(tmp_path, dump):
    """Null, nullable strings, categories that are nullable, newer names, all unknown to 0.8."""
    path = tmp_path / "a.h5ad"
    anndata.AnnData(counts(), dtype=np.float32).write_h5ad(path)

    def tag(node, kind, version="0.1.0"):
        node.attrs["encoding-type"] = kind
        node.attrs["encoding-version"] = version
        return node

    def nullable_strings(group, texts, mask):
        tag(group, "nullable-string-array").attrs["na-value"] = "NaN"
        group["values"] = np.array(texts, dtype=h5py.string_dtype())
        tag(group["values"], "string-array", "0.2.0")
        group["mask"] = np.array(mask)
        tag(group["mask"], "array", "0.2.0")

    with h5py.File(path, "r+") as f:
        f.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        tag(f["uns"].create_dataset("nothing", data=h5py.Empty("f4")), "null")
        nullable_strings(f["obs"].create_group("s"), ["x"] * CELLS, [i == 1 for i in range(CELLS)])
        group = tag(f["obs"].create_group("c"), "categorical", "0.2.0")
        group.attrs["ordered"] = False
        group["codes"] = np.zeros(CELLS, np.int16)
        tag(group["codes"], "array", "0.2.0")
        nullable_strings(group.create_group("categories"), ["only"], [False])
        nullable_strings(f["uns"].create_group("texts"), ["a", ""], [False, True])
        f["obs"].attrs["column-order"] = np.array(["s", "c"], dtype=h5py.string_dtype())
        # An index may be nullable too.
        del f["var/_index"]
        nullable_strings(f["var"].create_group("_index"), [f"g{i}" for i in range(GENES)],
                         [False] * GENES)
    found = dump("h5ad", path)
    assert found["uns"]["nothing"] == {"kind": "none"}
    column = found["obs"]["columns"]["s"]
    assert column["values"][0] == "x" and column["missing"][:3] == [False, True, False]
    same_column(found["obs"]["columns"]["c"],
                pd.Categorical.from_codes([0] * CELLS, ["only"]), "c")
    assert found["uns"]["texts"]["missing"] == [False, True]
    assert found["var"]["index"][3] == "g3"


def test_texts_of_every_kind(tmp_path, dump):
    path = tmp_path / "a.h5ad"
    long = ["x" * 5000, "", "ü" * 300]
    with h5py.File(path, "w") as f:
        write_elem(f, "/", anndata.AnnData(
            np.zeros((3, 2), np.float32), dtype=np.float32))
        uns = f["uns"]
        uns.create_dataset("vlen_utf8", data=np.array(long, dtype=h5py.string_dtype()))
        uns.create_dataset("vlen_ascii", data=np.array(["a", "bc"],
            dtype=h5py.string_dtype("ascii")))
        uns.create_dataset("fixed_utf8", data=np.array(["é".encode(), b"abc"],
            dtype=h5py.string_dtype("utf-8", 3)))
        uns.create_dataset("packed", data=np.array(long, dtype=h5py.string_dtype()), chunks=(2,),
            compression="gzip")
        for name in list(uns):
            uns[name].attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
    check(path, dump)


def test_a_file_behind_a_user_block(tmp_path, dump):
    path = tmp_path / "a.h5ad"
    with h5py.File(path, "w", userblock_size=1024) as f:
        write_elem(f, "/", full_dataset(), dataset_kwargs={"compression": "gzip"})
    check(path, dump)
    with h5py.File(path, "w", userblock_size=512, libver="latest") as f:
        write_elem(f, "/", full_dataset())
    check(path, dump)


def test_links_inside_the_file_are_followed(tmp_path, dump):
    path = tmp_path / "a.h5ad"
    full_dataset().write_h5ad(path)
    with h5py.File(path, "r+") as f:
        f.move("layers/dense", "uns/real")
        f["layers/dense"] = h5py.SoftLink("/uns/real")
        f["layers/again"] = f["layers/counts"]
    check(path, dump)


def test_repeated_ids_are_refused_or_get_suffixes(tmp_path, dump, refusal):
    path = tmp_path / "a.h5ad"
    names = ["a", "b", "a", "a-1", "a", "b"]
    anndata.AnnData(np.zeros((6, 1), np.float32), obs=pd.DataFrame(index=names),
                    dtype=np.float32).write_h5ad(path)
    assert "2 cell ids occur more than once: a, b" in refusal("h5ad", path)
    found = dump("h5ad", path, "make-ids-unique")
    assert found["obs"]["index"] == ["a", "b", "a-2", "a-1", "a-3", "b-1"]
    assert found["notes"] == ["3 repeated cell ids got a suffix (-1, -2…)"]


def test_shared_files_are_read_as_anndata_reads_them(shared, dump):
    files = sorted(shared.rglob("*.h5ad"))
    assert files
    for path in files:
        print(path)
        check(path, dump)
