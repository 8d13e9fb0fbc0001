"""A process killed at any moment of a load loses nothing and doubles nothing.

Small h5ad files of ten cells are imported by one command, which is killed (SIGKILL) after a random
share of an undisturbed run and then repeated; every fourth time the repetition is killed too.
STROMA_KILLS is the number of kills: 8, over 25 files, so that make test takes it in three minutes
on a busy machine; a release does 200, and from there on the files are 200 (2,000 cells).
STROMA_KILL_FILES names another number of files, STROMA_KILL_SEED another seed."""
import json
import os
import random
import shutil
import subprocess
import time

import anndata
import h5py
import numpy as np
import pandas
import pytest
import scipy.sparse as sparse

from cli import Stroma

KILLS = int(os.environ.get("STROMA_KILLS", "8"))
DATASETS = int(os.environ.get("STROMA_KILL_FILES", "200" if KILLS >= 200 else "25"))
CELLS, GENES = 10, 40
SEED = int(os.environ.get("STROMA_KILL_SEED", "20"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """One file made by anndata, copied with other values and ids."""
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(SEED)
    template = folder / "template.h5ad"
    anndata.AnnData(
        sparse.csr_matrix(rng.poisson(0.8, (CELLS, GENES)).astype(np.float32)),
        obs=pandas.DataFrame({"kind": pandas.Categorical(["a", "b"] * (CELLS // 2))},
                             index=[f"cell{i}" for i in range(CELLS)]),
        var=pandas.DataFrame(index=[f"G{i}" for i in range(GENES)]),
        dtype=np.float32).write_h5ad(template)
    files = []
    for d in range(DATASETS):
        files.append(folder / f"set{d:03}.h5ad")
        shutil.copy(template, files[-1])
        with h5py.File(files[-1], "r+") as file:
            file["X/data"][...] = rng.integers(1, 50, file["X/data"].shape)
            file["obs/_index"][...] = [f"set{d:03}-cell{i}" for i in range(CELLS)]
    return files


def totals(stroma):
    """What is stored, as readers see it."""
    listed = stroma.json("dataset", "list")
    expression, = stroma.sql("select count(*) n, count(distinct cellkey) cells, "
                             "sum(exrpvalue)::double total, "
                             "count(*) filter (exrpvalue <> 0) nonzeros from expression_all")
    obs, = stroma.sql("select count(*) cells, count(distinct cell_id) ids from obs")
    return {"datasets": sorted((d["name"], d["cells"], d["nonzeros"]) for d in listed),
            "expression": expression, "obs": obs}


def left_over(data):
    """Files that no dataset needs."""
    stray = [str(path) for folder in ("tmp/staging", "objects/temp")
             for path in (data / folder).rglob("*") if path.is_file()]
    return stray


def assert_whole(stroma, data, expected):
    assert totals(stroma) == expected
    stroma.run("verify")
    assert left_over(data) == []
    kept = list((data / "objects/keys").rglob("*.sealed~"))
    assert len(kept) == len(expected["datasets"])
    unfinished = [job for job in stroma.json("job", "list")
                  if job["state"] in ("queued", "running")]
    assert unfinished == []


class Killed:
    """Imports, and is killed after some seconds unless it was quicker."""

    def __init__(self, stroma, files):
        self.command = [stroma.binary, "import", "--quiet", *map(str, files), "--data",
                        stroma.data]

    def run(self, seconds):
        process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait()


def test_no_kill_loses_or_doubles_a_dataset(stroma_binary, inputs, tmp_path):
    undisturbed = Stroma(stroma_binary, tmp_path / "undisturbed")
    begin = time.monotonic()
    undisturbed.run("import", "--quiet", *inputs)
    calibrated = time.monotonic() - begin
    expected = totals(undisturbed)
    assert len(expected["datasets"]) == DATASETS
    assert expected["obs"] == {"cells": DATASETS * CELLS, "ids": DATASETS * CELLS}
    assert_whole(undisturbed, tmp_path / "undisturbed", expected)

    dice = random.Random(SEED)
    kills, cycles, survived, longest = 0, 0, 0, 0.0
    while kills < KILLS:
        cycles += 1
        data = tmp_path / f"cycle{cycles}"
        stroma = Stroma(stroma_binary, data)
        killed = Killed(stroma, inputs)
        times = 2 if cycles % 4 == 0 else 1
        waits = [dice.random() * calibrated for _ in range(times)]
        for wait in waits:
            kills += 1
            survived += killed.run(wait) == 0
        begin = time.monotonic()
        stroma.json("dataset", "list")
        longest = max(longest, time.monotonic() - begin)
        told = f"cycle {cycles}, killed after {waits} of {calibrated:.2f} s, seed {SEED}"
        again = stroma.run("import", "--quiet", *inputs, check=False)
        assert again.returncode == 0, f"{told}\n{again.stderr}"
        print(json.dumps({"cycle": cycles, "waits": waits}), flush=True)
        assert_whole(stroma, data, expected)
        shutil.rmtree(data)
    print(f"{kills} kills in {cycles} cycles, {survived} came after the end, calibrated run "
          f"{calibrated:.2f} s, slowest opening after a kill {longest:.2f} s")
