import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Failure(Exception):
    """What dump_dataset said when it refused a file: "<code>: <message>"."""


@pytest.fixture(scope="session")
def tool():
    named = os.environ.get("STROMA_DUMP_DATASET")
    found = [named] if named else sorted(ROOT.glob("build/*/test/tools/dump_dataset"))
    if not found:
        pytest.exit("build the target dump_dataset first, or set STROMA_DUMP_DATASET", 2)
    return str(found[0])


@pytest.fixture
def dump(tool):
    def run(form, path, *more):
        done = subprocess.run([tool, form, str(path), *more], capture_output=True, timeout=60)
        if done.returncode == 1:
            raise Failure(done.stderr.decode())
        assert done.returncode == 0, (done.returncode, done.stderr.decode()[-2000:])
        return json.loads(done.stdout)

    return run


@pytest.fixture
def detect(tool):
    def run(path):
        done = subprocess.run([tool, "detect", str(path)], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().split()

    return run


@pytest.fixture
def refusal(dump):
    """The message with which a file is refused; fails when it's read."""

    def run(form, path, *more):
        with pytest.raises(Failure) as caught:
            dump(form, path, *more)
        return str(caught.value)

    return run


@pytest.fixture(scope="session")
def shared():
    folder = pathlib.Path(os.environ.get("STROMA_SHARED", ROOT.parent / "shared"))
    if not (folder / "data/cells").is_dir():
        pytest.skip(f"no shared test data at {folder}: set STROMA_SHARED")
    return folder / "data/cells"
