"""Made-up datasets that the tests of the pages share, and servers of files."""
import http.server
import threading
import types
import warnings

import numpy as np
import pytest


def _read_h5ad(path):
    import anndata
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(path)


def _write_h5ad(path, cells, **obs):
    """A small dataset of counts whose obs has those labels, each repeated."""
    import anndata
    import pandas
    counts = np.random.default_rng(cells).poisson(0.7, (cells, 30)).astype("float32")
    counts[:, 0] += 1
    table = pandas.DataFrame({name: pandas.Categorical(np.resize(values, cells))
                              for name, values in obs.items()},
                             index=[f"cell{at}" for at in range(cells)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = anndata.AnnData(counts, obs=table)
        data.obsm["X_umap"] = np.random.default_rng(1).normal(size=(cells, 2)).astype("float32")
        data.write_h5ad(path)
    return path


@pytest.fixture(scope="session")
def h5ad():
    """h5ad.read(path), h5ad.write(path, cells, column=labels…)."""
    return types.SimpleNamespace(read=_read_h5ad, write=_write_h5ad)


@pytest.fixture(scope="session")
def blood(run, tmp_path_factory):
    """Two thousand made-up cells of eight types."""
    file = tmp_path_factory.mktemp("blood") / "blood.h5ad"
    run("demo", "--cells", "2000", "--genes", "400", "-o", file)
    return file


@pytest.fixture
def serve_files():
    """serve_files(handler): its address; stopped at the end."""
    servers = []

    def start(handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"
    yield start
    for server in servers:
        server.shutdown()
