"""Where the shared data is absent, the tests that read it say so, and make test lists them."""
import os
import pathlib
import subprocess
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent


def test_absent_shared_data_is_said_loudly(tmp_path):
    listed = tmp_path / "skips.txt"
    asked = PROJECT / "test/acceptance/test_bundles.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "optimus", asked],
        capture_output=True, text=True, check=False, env={
            **os.environ, "STROMA_SHARED": str(tmp_path / "absent"), "STROMA_SKIPS": str(listed)})
    assert done.returncode == 0 and "skipped" in done.stdout, done.stdout + done.stderr
    assert "test_bundles.py::" in listed.read_text()
    assert f"the shared data ({tmp_path}/absent/data) is absent" in listed.read_text()
