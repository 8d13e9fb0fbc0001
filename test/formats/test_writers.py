"""Every format the writers make, opened by its users' own reader, compared value by value."""

import gzip
import json
import os
import subprocess
import warnings
import zipfile
from pathlib import Path

import anndata
import h5py
import loompy
import numpy as np
import pandas as pd
import pytest
import scipy.io
import zarr
from pandas.testing import assert_frame_equal
from scipy import sparse

import sample

ROOT = Path(__file__).resolve().parents[2]
TOOL = os.environ.get("STROMA_WRITE_SAMPLE", ROOT / "build/dev/test/tools/write_sample")
CELLS, GENES = 143, 37
EMPTIES = [(0, 9), (11, 0), (0, 0)]

warnings.filterwarnings("ignore", category=FutureWarning)


def write(kind, cells, genes, form, path, *more, threads=None):
    environment = dict(os.environ)
    if threads:
        environment["STROMA_THREADS"] = str(threads)
    done = subprocess.run([TOOL, kind, str(cells), str(genes), form, str(path), *more],
                          check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


@pytest.fixture(params=["h5ad", "h5ad-gzip", "zarr", "zarr-gzip", "zarr-zstd", "zarr-none",
                        "zarr-plain-metadata"])
def read_anndata(request, tmp_path):
    form, _, how = request.param.partition("-")

    def read(kind, cells, genes):
        path = tmp_path / ("x." + form)
        write(kind, cells, genes, form, path, "", how if how in ("gzip", "zstd", "none") else "")
        if form == "h5ad":
            return anndata.read_h5ad(path)
        if how == "plain-metadata":
            (path / ".zmetadata").unlink()
        else:
            zarr.open_consolidated(str(path))
        return anndata.read_zarr(path)
    return read


@pytest.mark.parametrize("kind", ["rich", "dense"])
def test_anndata_reads_back_everything(read_anndata, kind):
    data = read_anndata(kind, CELLS, GENES)
    X = sample.counts(CELLS, GENES)
    assert isinstance(data.X, np.ndarray) == (kind == "dense")
    assert data.X.dtype == np.float32
    np.testing.assert_array_equal(data.X if kind == "dense" else data.X.toarray(), X)
    half = data.layers["half"]
    assert half.dtype == np.float64 and half.indices.dtype == np.int32 and half.has_sorted_indices
    np.testing.assert_array_equal(half.toarray(), X / 8)

    assert_frame_equal(data.obs, sample.obs(CELLS))
    assert data.obs["stage"].cat.ordered and not data.obs["cell_type"].cat.ordered
    assert list(data.obs["stage"].cat.categories) == ["late", "early", "mid"]
    assert_frame_equal(data.var, sample.var(GENES))

    assert data.raw.X.dtype == np.int32
    np.testing.assert_array_equal(data.raw.X.toarray(), sample.counts(CELLS, GENES + 3))
    assert_frame_equal(data.raw.var, sample.var(GENES + 3))
    np.testing.assert_array_equal(data.raw.varm["PCs"], sample.grid(GENES + 3, 1, 2))


def test_anndata_reads_back_the_rest(read_anndata):
    data = read_anndata("rich", CELLS, GENES)
    np.testing.assert_array_equal(data.obsm["X_umap"], sample.grid(CELLS, 2, 0.5))
    assert data.obsm["X_umap"].dtype == np.float32
    assert_frame_equal(data.obsm["frame"], sample.obsm_frame(CELLS))
    np.testing.assert_array_equal(data.varm["PCs"], sample.grid(GENES, 3, 2))
    assert isinstance(data.obsp["distances"], sparse.csr_matrix)
    assert (data.obsp["distances"] != sample.diagonal(CELLS, 1)).nnz == 0
    assert isinstance(data.varp["correlation"], sparse.csc_matrix)
    assert (data.varp["correlation"] != sample.diagonal(GENES, 0.5)).nnz == 0

    uns = data.uns
    assert sorted(uns) == sorted(["title", "count", "ratio", "yes", "small", "colours", "table",
                                  "cube", "nested", "ranked", "labels", "frame"])
    assert uns["title"] == 'Größe, "quoted"' and uns["count"] == 42 and uns["ratio"] == 0.25
    assert uns["yes"] == True and np.asarray(uns["yes"]).dtype == bool  # noqa: E712
    assert np.asarray(uns["count"]).dtype == np.int64
    np.testing.assert_array_equal(uns["small"], np.array([-3, 0, 300], "i2"), strict=True)
    assert list(uns["colours"]) == ["#ff0000", "", "blå"]
    assert uns["table"].tolist() == [["a", "b"], ["c", "dd"]]
    np.testing.assert_array_equal(uns["cube"], np.array([[[1, 2]], [[3, 4]]], "u1"), strict=True)
    np.testing.assert_array_equal(uns["nested"]["deeper"]["x"], [1.0, 2.0])
    assert uns["nested"]["empty"] == {}
    assert uns["ranked"].dtype.names == ("group 1", "score")
    assert list(uns["ranked"]["group 1"]) == ["GATA1", "é"]
    np.testing.assert_array_equal(uns["ranked"]["score"], np.array([1.5, -2], "f4"))
    assert uns["labels"].equals(pd.Categorical([None, "x", "y", None], ["x", "y"], ordered=True))
    assert uns["frame"]["value"].tolist() == [5, 6]


@pytest.mark.parametrize("cells,genes", EMPTIES)
@pytest.mark.parametrize("kind", ["rich", "dense"])
def test_anndata_reads_empty_datasets(read_anndata, kind, cells, genes):
    data = read_anndata(kind, cells, genes)
    assert data.shape == (cells, genes)
    assert list(data.obs.columns) == list(sample.obs(1).columns)


def test_h5ad_has_anndatas_own_attributes(tmp_path, monkeypatch):
    """Types and attributes equal those that anndata itself writes for the same data."""
    # anndata would turn repeated texts into categories; ours stay what they are.
    monkeypatch.setattr(anndata.AnnData, "strings_to_categoricals", lambda *_: None)
    write("rich", CELLS, GENES, "h5ad", tmp_path / "ours.h5ad")
    anndata.read_h5ad(tmp_path / "ours.h5ad").write_h5ad(tmp_path / "theirs.h5ad")

    def describe(path):
        found = {}
        with h5py.File(path) as file:
            def visit(name, node):
                attributes = {k: (node.attrs.get_id(k).dtype, node.attrs.get_id(k).shape,
                                  str(node.attrs[k])) for k in node.attrs}
                kind = (node.dtype, node.shape) if isinstance(node, h5py.Dataset) else "group"
                found[name] = (str(kind), str(sorted(attributes.items())))
            visit("/", file)
            file.visititems(visit)
        return found
    assert describe(tmp_path / "ours.h5ad") == describe(tmp_path / "theirs.h5ad")


def test_backed_h5ad_can_be_sliced(tmp_path):
    write("rich", CELLS, GENES, "h5ad", tmp_path / "x.h5ad")
    data = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    np.testing.assert_array_equal(data[5:9].X.toarray(), sample.counts(CELLS, GENES)[5:9])
    data.file.close()


def loom_column(values):
    if isinstance(values.dtype, pd.CategoricalDtype):
        if values.cat.categories.dtype != object:
            return np.asarray(values.astype(values.cat.categories.dtype))
        return np.array(["" if v is None or v != v else v for v in values.astype(object)], object)
    if values.dtype == bool:
        return np.asarray(values, "u1")
    if values.dtype.name == "Int32" or values.dtype.name == "boolean":
        return values.astype("float").to_numpy(dtype="f8", na_value=np.nan)
    return np.asarray(values)


def test_loompy_validates_and_reads_back(tmp_path):
    path = tmp_path / "x.loom"
    counted = write("rich", CELLS, GENES, "loom", path)
    X = sample.counts(CELLS, GENES)
    with loompy.connect(str(path), mode="r", validate=True) as ds:
        assert ds.shape == (GENES, CELLS)
        assert ds[:, :].dtype == np.float32
        np.testing.assert_array_equal(ds[:, :], X.T)
        np.testing.assert_array_equal(ds[3, :], X[:, 3])
        np.testing.assert_array_equal(ds.layers["half"][:, :], (X / 8).T)
        assert list(ds.ca.CellID) == list(sample.obs(CELLS).index)
        assert list(ds.ra.Accession) == list(sample.var(GENES).index)
        assert list(ds.ra.Gene) == list(sample.var(GENES)["featurename"])
        for name, values in sample.obs(CELLS).rename(columns={"maybe_text": "m"}).items():
            if name == "m":
                name, values = "maybe_text", values.astype(object).fillna("")
            got, want = ds.ca[name], loom_column(values)
            assert got.dtype == want.dtype, name
            np.testing.assert_array_equal(got, want, err_msg=name)
        np.testing.assert_array_equal(ds.ca.X_umap, sample.grid(CELLS, 2, 0.5))
        np.testing.assert_array_equal(ds.ra.featurestart, np.arange(GENES) * 100)
    assert counted["sum"] == X.sum()


def test_loom_has_the_services_layout(tmp_path):
    path = tmp_path / "x.loom"
    write("rich", CELLS, GENES, "loom", path)
    with h5py.File(path) as file:
        assert sorted(file) == ["col_attrs", "col_graphs", "layers", "matrix", "row_attrs",
                                "row_graphs"]
        assert len(file["col_graphs"]) == 0 and len(file["row_graphs"]) == 0
        assert file.attrs["LOOM_SPEC_VERSION"] == "2.0.1"
        for name in ("CreationDate", "last_modified"):
            assert pd.to_datetime(file.attrs[name], format="%Y%m%dT%H%M%S.%fZ")
        matrix = file["matrix"]
        assert matrix.dtype == "<f4" and matrix.compression == "gzip"
        assert matrix.compression_opts == 2 and "last_modified" in matrix.attrs
        note = file["col_attrs/note"]
        assert note.dtype.kind == "S" and note.compression_opts == 2
        assert note.chunks == (min(256, CELLS),) and "last_modified" in note.attrs
        assert note[4] == "naïve é 細胞".encode("ascii", "xmlcharrefreplace")
        assert file["row_attrs/isgene"].dtype == np.uint8


@pytest.mark.parametrize("cells,genes", EMPTIES)
def test_loom_of_an_empty_dataset_is_valid(tmp_path, cells, genes):
    path = tmp_path / "x.loom"
    write("rich", cells, genes, "loom", path)
    validator = loompy.LoomValidator()
    assert validator.validate(str(path)), validator.errors
    with h5py.File(path) as file:
        assert file["matrix"].shape == (genes, cells)


def unpack(tmp_path, form, kind, cells, genes, bundling):
    path = tmp_path / (f"req.{form}" + (".zip" if bundling == "zip" else ""))
    counted = write(kind, cells, genes, form, path, bundling)
    if bundling == "zip":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert {Path(name).parent.name for name in archive.namelist()} == {f"req.{form}"}
            if form == "mtx":  # gzip already: kept as it is, in a file of pieces by stored blocks
                assert all(info.compress_size >= info.file_size for info in archive.infolist())
            else:
                assert {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_DEFLATED}
            archive.extractall(tmp_path)
        subprocess.run(["unzip", "-tqq", path], check=True)
        path = tmp_path / f"req.{form}"
    return path, counted


BUNDLINGS = pytest.mark.parametrize("bundling", ["folder", "zip"])


@BUNDLINGS
def test_pandas_reads_the_csv_tables(tmp_path, bundling):
    folder, counted = unpack(tmp_path, "csv", "rich", CELLS, GENES, bundling)
    assert sorted(os.listdir(folder)) == ["cells.csv", "expression.csv", "genes.csv"]
    X = sample.counts(CELLS, GENES)
    expression = pd.read_csv(folder / "expression.csv", index_col="cellkey")
    np.testing.assert_array_equal(expression.to_numpy(), X)
    assert list(expression.columns) == list(sample.var(GENES).index)
    assert counted["nonzeros"] == np.count_nonzero(X) and counted["sum"] == X.sum()

    cells = pd.read_csv(folder / "cells.csv", index_col="cellkey")
    assert list(cells.index) == list(expression.index)
    want = sample.obs(CELLS)
    assert list(cells.columns) == ["per/cent" if c == "per_cent" else c for c in want.columns]
    assert list(cells["note"]) == sample.odd_texts(CELLS)
    assert list(cells["cell_type"].fillna("")) == list(
        want["cell_type"].astype(object).fillna(""))
    np.testing.assert_array_equal(cells["fraction"].to_numpy("f4"), want["fraction"])
    np.testing.assert_array_equal(cells["maybe_count"], want["maybe_count"].astype("float"))
    assert list(cells["is_good"]) == list(want["is_good"])
    assert (folder / "cells.csv").read_text().count('"=1+1"') > 0, "formulas are quoted"

    genes = pd.read_csv(folder / "genes.csv")
    assert list(genes.columns) == ["featurekey", *sample.var(1).columns]
    assert list(genes["featurename"]) == list(sample.var(GENES)["featurename"])


def read_10x_mtx(folder):
    """The reading steps of scanpy.read_10x_mtx for version 3 folders."""
    assert not (folder / "genes.tsv").is_file()
    matrix = scipy.io.mmread(folder / "matrix.mtx.gz").T.tocsr()
    genes = pd.read_csv(folder / "features.tsv.gz", header=None, sep="\t")
    barcodes = pd.read_csv(folder / "barcodes.tsv.gz", header=None)[0]
    var = pd.DataFrame({"gene_ids": genes[0].values, "feature_types": genes[2].values},
                       index=genes[1].values)
    return anndata.AnnData(matrix, obs=pd.DataFrame(index=barcodes.values), var=var, dtype="f4")


@BUNDLINGS
def test_10x_readers_open_the_mtx_folder(tmp_path, bundling):
    folder, counted = unpack(tmp_path, "mtx", "rich", CELLS, GENES, bundling)
    assert sorted(os.listdir(folder)) == ["barcodes.tsv.gz", "cells.tsv.gz", "features.tsv.gz",
                                          "genes.tsv.gz", "matrix.mtx.gz"]
    data = read_10x_mtx(folder)
    X = sample.counts(CELLS, GENES)
    np.testing.assert_array_equal(data.X.toarray(), X)
    assert data.X.nnz == counted["nonzeros"] == np.count_nonzero(X)
    assert list(data.var_names) == list(sample.var(GENES)["featurename"])
    assert list(data.var["gene_ids"]) == list(sample.var(GENES).index)
    assert set(data.var["feature_types"]) == {"Gene Expression"}
    assert list(data.obs_names) == list(sample.obs(CELLS)["barcode"]) and data.obs_names.is_unique

    lines = gzip.open(folder / "matrix.mtx.gz", "rt").read().splitlines()
    assert lines[0] == "%%MatrixMarket matrix coordinate integer general"
    assert lines[1].split() == [str(GENES), str(CELLS), str(len(lines) - 2)]
    features = pd.read_csv(folder / "features.tsv.gz", header=None, sep="\t")
    assert features.shape == (GENES, 3 if bundling == "folder" else 9)
    genes = pd.read_csv(folder / "genes.tsv.gz", sep="\t")
    assert list(genes.columns) == ["featurekey", *sample.var(1).columns]
    cells = pd.read_csv(folder / "cells.tsv.gz", sep="\t", index_col="cellkey")
    assert list(cells["note"]) == sample.odd_texts(CELLS)


@BUNDLINGS
@pytest.mark.parametrize("cells,genes", EMPTIES)
def test_tables_of_an_empty_dataset_are_read(tmp_path, bundling, cells, genes):
    csv, _ = unpack(tmp_path, "csv", "rich", cells, genes, bundling)
    assert pd.read_csv(csv / "expression.csv", index_col="cellkey").shape == (cells, genes)
    assert len(pd.read_csv(csv / "cells.csv")) == cells
    mtx, _ = unpack(tmp_path, "mtx", "rich", cells, genes, bundling)
    assert scipy.io.mminfo(mtx / "matrix.mtx.gz")[:3] == (genes, cells, 0)
    assert len(gzip.open(mtx / "barcodes.tsv.gz", "rt").readlines()) == cells


def test_hca_v1_zarr_is_the_old_services(tmp_path):
    counted = write("rich", CELLS, GENES, "zarr", tmp_path / "x.zarr", "hca-v1")
    root = zarr.open(str(tmp_path / "x.zarr"), mode="r")
    assert sorted(root) == ["cell_id", "cell_metadata_numeric", "cell_metadata_numeric_name",
                            "cell_metadata_string", "cell_metadata_string_name", "expression",
                            "gene_id"]
    expression = root["expression"]
    assert expression.dtype == "<f4" and expression.chunks == (3000, GENES)
    assert expression.compressor.get_config() == {"id": "blosc", "cname": "lz4", "clevel": 5,
                                                  "shuffle": 1, "blocksize": 0}
    np.testing.assert_array_equal(expression[:], sample.counts(CELLS, GENES))
    assert counted["sum"] == expression[:].sum()
    assert root["cell_id"].dtype == "<U64" and root["gene_id"].dtype == "<U40"
    want = sample.obs(CELLS)
    assert list(root["cell_id"][:]) == list(want.index)
    assert list(root["gene_id"][:]) == list(sample.var(GENES).index)
    numeric = pd.DataFrame(root["cell_metadata_numeric"][:],
                           columns=root["cell_metadata_numeric_name"][:])
    assert list(numeric) == ["n_genes", "fraction", "is_good", "maybe_count", "maybe_flag",
                             "per/cent"]
    np.testing.assert_array_equal(numeric["fraction"], want["fraction"])
    np.testing.assert_array_equal(numeric["maybe_count"], want["maybe_count"].astype("float"))
    assert root["cell_metadata_string"].dtype == "<U64"
    text = pd.DataFrame(root["cell_metadata_string"][:],
                        columns=root["cell_metadata_string_name"][:])
    assert list(text["note"]) == sample.odd_texts(CELLS)


@pytest.mark.parametrize("codec", ["lz4", "zstd", "gzip", "none"])
@pytest.mark.parametrize("cells,genes", [(3000, 5), (6001, 301), (7, 20_000)])
def test_hca_v1_chunks_made_in_blocks_are_read(tmp_path, codec, cells, genes):
    write("plain", cells, genes, "zarr", tmp_path / "x.zarr", "hca-v1", codec)
    expression = zarr.open(str(tmp_path / "x.zarr"), mode="r")["expression"]
    assert expression.chunks == (3000, genes)
    np.testing.assert_array_equal(expression[:], sample.counts(cells, genes))


@pytest.mark.parametrize("cells,genes", EMPTIES)
def test_hca_v1_zarr_may_be_empty(tmp_path, cells, genes):
    write("rich", cells, genes, "zarr", tmp_path / "x.zarr", "hca-v1")
    assert zarr.open(str(tmp_path / "x.zarr"), mode="r")["expression"][:].shape == (cells, genes)


FORMATS = [("h5ad",), ("h5ad", "", "gzip"), ("zarr",), ("zarr", "hca-v1"), ("zarr", "", "gzip"),
           ("loom",), ("csv",), ("csv", "zip"), ("mtx",), ("mtx", "zip")]


def contents(path):
    if path.is_file():
        return path.read_bytes()
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("form", FORMATS, ids="-".join)
def test_a_repeat_writes_the_same_bytes_on_any_number_of_threads(tmp_path, form):
    # The same file name in both: it stands inside archives.
    paths = [tmp_path / name / "x" for name in ("one", "many")]
    for path, threads in zip(paths, (1, 7)):
        path.parent.mkdir()
        write("rich", 3001, 211, form[0], path, *form[1:], threads=threads)
    assert contents(paths[0]) == contents(paths[1])


def test_all_formats_count_the_same(tmp_path):
    counts = [write("dense" if i % 2 else "rich", 3001, 211, form[0], tmp_path / str(i), *form[1:])
              for i, form in enumerate(FORMATS)]
    for counted in counts:
        assert counted.pop("bytes") > 0
    assert all(counted == counts[0] for counted in counts)
    assert counts[0]["nonzeros"] == np.count_nonzero(sample.counts(3001, 211))
