"""make demo's script, with its own folder: everything is written, agrees, and is served."""
import os
import pathlib
import re
import signal
import subprocess

import anndata
import h5py
import pytest
import requests

PROJECT = pathlib.Path(__file__).resolve().parent.parent
FORMATS = ("h5ad", "zarr", "loom", "csv", "mtx", "h5", "parquet", "arrow")


def run_demo(folder, *arguments):
    done = subprocess.run([PROJECT / "tools/demo", *arguments], capture_output=True, text=True,
                          check=False, timeout=1200, cwd=folder, env={
                              **os.environ, "DEMO_DIR": str(folder), "DEMO_HTTP": "127.0.0.1:0"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory, stroma_binary):
    if stroma_binary != PROJECT / "build/release/stroma":
        pytest.skip("the demo script runs build/release/stroma, and another binary is under test")
    folder = tmp_path_factory.mktemp("demo")
    told = run_demo(folder)
    yield folder, told
    os.kill(int((folder / "server.pid").read_text()), signal.SIGTERM)


def test_every_format_is_written(demo):
    folder, told = demo
    for form in FORMATS:
        assert (folder / f"matrix.{form}").exists()
        assert re.search(rf"^ *[0-9.]+ s  matrix\.{form}  [0-9.]+[KM]?$", told, re.MULTILINE), form


def test_the_selection_is_the_largest_cell_type(demo):
    folder, _ = demo
    whole = anndata.read_h5ad(folder / "blood.h5ad")
    part = anndata.read_h5ad(folder / "matrix.h5ad")
    largest = whole.obs.cell_type.value_counts()
    assert set(part.obs.cell_type) == {largest.index[0]}
    assert part.n_obs == largest.iloc[0]
    assert part.X.sum() == whole[whole.obs.cell_type == largest.index[0]].X.sum()
    with h5py.File(folder / "matrix.h5") as tenx:
        assert tenx["matrix/data"][:].sum() == part.X.sum()


def test_a_server_is_left_running(demo):
    _, told = demo
    address = re.search(r"answers at (http://\S+)", told)[1]
    assert requests.get(address + "/health", timeout=10).status_code == 200


def test_a_second_run_takes_what_is_there(demo):
    folder, _ = demo
    process = (folder / "server.pid").read_text()
    cells = anndata.read_h5ad(folder / "matrix.h5ad").n_obs
    run_demo(folder)  # asks by way of the server
    assert anndata.read_h5ad(folder / "matrix.h5ad").n_obs == cells
    assert (folder / "server.pid").read_text() == process


def test_a_users_own_file_is_shown(tmp_path, demo, shared_data):
    del demo  # skips with another binary
    own = shared_data / "cells/pbmc68k_reduced.h5ad"
    told = run_demo(tmp_path, own)
    os.kill(int((tmp_path / "server.pid").read_text()), signal.SIGTERM)
    assert "pbmc68k_reduced" in told and "bulk_labels = " in told
    whole, part = anndata.read_h5ad(own), anndata.read_h5ad(tmp_path / "matrix.h5ad")
    largest = whole.obs.bulk_labels.value_counts()
    assert part.n_obs == largest.iloc[0]
    for form in FORMATS:
        assert (tmp_path / f"matrix.{form}").exists()
