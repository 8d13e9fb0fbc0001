"""Every change that Stroma makes to its files may fail: STROMA_FAULT=n makes the n-th one fail
(once, ever after, torn, or by SIGKILL), n = 1, 2, ... until the command runs through.

Whatever n was: the command succeeds or says why not; afterwards the store opens and verifies, the
dataset is wholly there or wholly absent, the same command succeeds, and a failed export leaves no
output. The parser's child has an environment of its own, so it is the parent's changes that fail.
KINDS says which n are tried, so that make test takes two minutes: every eighth to fifteenth, or six
of few; STROMA_FAULTS=all tries every one."""
import os
import signal
import shutil

import numpy as np
import pytest
import tifffile

from cli import Stroma, read_any

POINTS_MAX = 400
KINDS = {"once": 12, "kill": 8, "ever": 15, "torn": 12}
if os.environ.get("STROMA_FAULTS") == "all":
    KINDS = dict.fromkeys(KINDS, 1)


@pytest.fixture
def small_h5ad(make_h5ad):
    return make_h5ad("small.h5ad", ["G1", "G2", "G3"], ["c1", "c2"], [1, 0, 2, 0, 3, 0])


def assert_failed_plainly(done, kind):
    if kind == "kill":
        assert done.returncode == -signal.SIGKILL
    else:
        assert done.returncode > 0, done
        assert done.stderr.strip(), "a failure says why"


def assert_store_is_whole(stroma, datasets, told):
    """Opens and verifies; `datasets` gives how many may be there."""
    listed = stroma.json("dataset", "list")
    assert len(listed) in datasets, told
    for dataset in listed:
        assert (dataset["cells"], dataset["genes"], dataset["nonzeros"]) == (2, 3, 3)
    rows, = stroma.sql("select count(*) n from obs")
    values, = stroma.sql("select count(*) n, coalesce(sum(exrpvalue), 0)::double total "
                         "from expression_all")
    assert rows["n"] == 2 * len(listed), told
    assert (values["n"], values["total"]) == (3 * len(listed), 6 * len(listed)), told
    verified = stroma.run("verify", check=False)
    assert verified.returncode == 0, f"{told}\n{verified.stdout}{verified.stderr}"


def left_over(data):
    return [str(path) for folder in ("tmp/staging", "objects/temp")
            for path in (data / folder).rglob("*") if path.is_file()]


def points_of(run_with):
    """How many changes a run makes: the first n at which no kill comes, less one."""
    low, high = 0, POINTS_MAX
    assert run_with(high, "kill") == 0, f"more than {POINTS_MAX} points"
    while high - low > 1:
        middle = (low + high) // 2
        if run_with(middle, "kill") == 0:
            high = middle
        else:
            low = middle
    return low


@pytest.fixture
def sweep(stroma_binary, tmp_path):
    """sweep(command, kind): (n, stroma, outcome) for every sampled n, each on a store of its own
    that is a copy of tmp_path/used when that is there."""
    def run_with(n, kind, command):
        data = tmp_path / "swept"
        shutil.rmtree(data, ignore_errors=True)
        if (tmp_path / "used").exists():
            shutil.copytree(tmp_path / "used", data)
        stroma = Stroma(stroma_binary, data)
        return stroma, stroma.run(*command, check=False, env={"STROMA_FAULT": f"{n}:{kind}"})

    def swept(command, kind, before=lambda: None):
        def killed(n, kind):
            before()
            return run_with(n, kind, command)[1].returncode
        points = points_of(killed)
        assert points > 5, "the plan counts nothing"
        failures = 0
        for n in range(1, points + 1, max(1, min(KINDS[kind], points // 6))):
            before()
            stroma, done = run_with(n, kind, command)
            if done.returncode != 0:
                failures += 1
                assert_failed_plainly(done, kind)
            yield n, stroma, done
        assert failures > 1
        print(f"{kind}: {points} points, {failures} failures seen")
    return swept


@pytest.mark.parametrize("kind", KINDS)
def test_an_import_is_whole_or_absent(sweep, small_h5ad, tmp_path, kind):
    data = tmp_path / "swept"
    for n, stroma, done in sweep(["import", small_h5ad], kind):
        told = f"STROMA_FAULT={n}:{kind} {done.stderr}"
        succeeded = done.returncode == 0
        assert_store_is_whole(stroma, {1} if succeeded else {0, 1}, told)
        again = stroma.run("import", small_h5ad, check=False)
        assert again.returncode == 0, f"{told}\n{again.stderr}"
        assert_store_is_whole(stroma, {1}, told)
        assert left_over(data) == [], told
        assert len(list((data / "objects/keys").rglob("*.sealed~"))) == 1, told


@pytest.mark.parametrize("kind", ["kill", "torn"])
def test_an_image_is_whole_or_absent(stroma_binary, sweep, make_cells, tmp_path, kind):
    Stroma(stroma_binary, tmp_path / "used").run("import", make_cells("ab", [[0, 0], [9, 9]]),
                                                 "--name", "small")
    picture, data = tmp_path / "picture.tif", tmp_path / "swept"
    tifffile.imwrite(picture, np.arange(600, dtype=np.uint16).reshape(20, 30))
    command = ["import", picture, "--image-of", "small"]
    for n, stroma, done in sweep(command, kind):
        told = f"STROMA_FAULT={n}:{kind} {done.stderr}"
        verified = stroma.run("verify", check=False)
        assert verified.returncode == 0, f"{told}\n{verified.stdout}{verified.stderr}"
        again = stroma.run(*command, check=False)
        assert again.returncode == 0, f"{told}\n{again.stderr}"
        assert left_over(data) == [], told
        assert len(list((data / "objects/keys").rglob("*.image~"))) == 1, told


@pytest.mark.parametrize("format", ["h5ad", "mtx"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_export_is_whole_or_absent(stroma_binary, sweep, small_h5ad, tmp_path, kind, format):
    Stroma(stroma_binary, tmp_path / "used").run("import", small_h5ad)
    folder = tmp_path / "out"
    out = folder / f"small.{format}"

    def empty():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    command = ["matrix", "--dataset", "small", "-o", out]
    for n, stroma, done in sweep(command, kind, empty):
        told = f"STROMA_FAULT={n}:{kind} {done.stderr}"
        if done.returncode == 0 or kind == "kill" and out.exists():
            assert read_any(out)[0].sum() == 6, told
        elif kind == "kill":  # what it was writing has a name that the next try takes away
            assert [x.name for x in folder.iterdir() if x.suffix != ".partial"] == [], told
        else:
            assert list(folder.iterdir()) == [], told
        assert_store_is_whole(stroma, {1}, told)
        if done.returncode != 0 and not out.exists():
            again = stroma.run(*command, check=False)
            assert again.returncode == 0, f"{told}\n{again.stderr}"
            assert read_any(out)[0].sum() == 6, told
        assert [x.name for x in folder.iterdir()] == [out.name], told
