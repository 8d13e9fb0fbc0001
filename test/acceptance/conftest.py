"""Small h5ad files made by anndata itself, and the Optimus bundle made whole."""
import json
import shutil

import anndata
import numpy as np
import pandas
import pytest
import scipy.sparse as sparse

from cli import OPTIMUS


@pytest.fixture
def make_h5ad(tmp_path):
    """make_h5ad(name, genes, cells, x) → the path of an h5ad with those values as CSR float32."""
    def make(name, genes, cells, x):
        data = anndata.AnnData(
            sparse.csr_matrix(np.array(x, dtype=np.float32).reshape(len(cells), len(genes))),
            obs=pandas.DataFrame(index=pandas.Index(cells)),
            var=pandas.DataFrame(index=pandas.Index(genes)), dtype=np.float32)
        path = tmp_path / name
        data.write_h5ad(path)
        return path
    return make


@pytest.fixture
def made_h5ad(tmp_path):
    """300 cells x 50 genes of counts with typed obs columns, gene names and an embedding."""
    rng = np.random.default_rng(7)
    counts = sparse.csr_matrix(rng.poisson(0.7, (300, 50)).astype(np.float32))
    obs = pandas.DataFrame({
        "cell_type": pandas.Categorical(rng.choice(["B cell", "T cell", "NK"], 300)),
        "n": np.asarray(counts.sum(axis=1)).ravel().astype(np.int64),
        "score": rng.normal(size=300),
        "is_good": rng.random(300) < 0.5,
        "note": [f"it's \"{i}\", é" for i in range(300)],
    }, index=[f"cell-{i}" for i in range(300)])
    var = pandas.DataFrame({"feature_name": ["CD3D" if i == 3 else f"NAME{i}" for i in range(50)]},
                           index=[f"G{i}" for i in range(50)])
    data = anndata.AnnData(counts, obs=obs, var=var, dtype=np.float32)
    data.obsm["X_umap"] = rng.normal(size=(300, 2)).astype(np.float32)
    data.uns["title"] = "made"
    path = tmp_path / "made.h5ad"
    data.write_h5ad(path)
    return path


@pytest.fixture
def make_cells(tmp_path):
    """make_cells(ids, places): an h5ad of these cells, with their places in obsm["spatial"]."""
    def make(ids, places, **obs):
        data = anndata.AnnData(np.ones((len(ids), 3), np.float32),
                               obs=pandas.DataFrame(obs, index=[str(one) for one in ids]),
                               var=pandas.DataFrame(index=["A", "B", "C"]), dtype=np.float32)
        data.obsm["spatial"] = np.asarray(places, dtype=np.float64)
        path = tmp_path / "cells.h5ad"
        data.write_h5ad(path)
        return path
    return make


@pytest.fixture
def slide(make_cells, run, tmp_path):
    """A data directory with dataset "slide" of four cells."""
    file = make_cells([f"c{i}" for i in range(4)], [[0, 0], [300, 0], [0, 200], [300, 200]])
    run("import", file, "--name", "slide", data=tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture(scope="session")
def expected(shared_data):
    return json.loads((shared_data / "hca-bundles/EXPECTED.json").read_text())


@pytest.fixture(scope="session")
def whole_optimus(shared_data, tmp_path_factory):
    """The cut fixture with its two original files put back, under its real name."""
    bundles = shared_data / "hca-bundles"
    folder = tmp_path_factory.mktemp("bundle") / OPTIMUS
    shutil.copytree(bundles / "matrix-service/etl/optimus_bundle.version", folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    original = bundles / "matrix-service-history/optimus-original"
    shutil.copy(original / "empty_drops_result.csv", folder / "empty_drops_result.csv")
    [zarray] = [p for p in folder.iterdir() if p.name.endswith("!cell_id!.zarray")]
    shutil.copy(original / "cell_id.zarray", zarray)
    shutil.copy(bundles / "matrix-service/etl/optimus_bundle_manifest.json",
                folder.parent / f"{OPTIMUS}.json")
    return folder
