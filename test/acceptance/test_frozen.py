"""A machine that stands still for longer than a lease: a laptop asleep, a virtual machine paused.

When it goes on, the leases of the jobs under way have ended, so they are run once more while the
first attempts still work. Both must come to the same end."""
import os
import shutil
import signal
import subprocess

import pytest

FILES, FREEZES, FROZEN_SECONDS, LEASE = 40, 6, 1.5, "1s"


def test_an_import_survives_being_frozen_for_longer_than_its_leases(run, stroma_binary, tmp_path):
    data, files = tmp_path / "data", []
    for number in range(4):
        files.append(tmp_path / f"set{number}.h5ad")
        run("demo", "--cells", "60", "--genes", "100", "--seed", number + 1, "-o", files[-1])
    for number in range(4, FILES):  # equal contents under names of their own
        files.append(tmp_path / f"set{number}.h5ad")
        shutil.copy(files[number % 4], files[-1])
    with open(tmp_path / "errors", "w+", encoding="utf-8") as errors:
        importing = subprocess.Popen(
            [stroma_binary, "import", "--quiet", "--data", data, *files], stderr=errors,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "STROMA_JOBS_LEASE": LEASE})
        # Each line that is printed is a moment amid the import.
        for _ in range(FREEZES):
            importing.stdout.readline()
            importing.send_signal(signal.SIGSTOP)
            with pytest.raises(subprocess.TimeoutExpired):
                importing.wait(FROZEN_SECONDS)
            importing.send_signal(signal.SIGCONT)
        importing.communicate(timeout=300)
        errors.seek(0)
        assert importing.returncode == 0, errors.read()
    counted = run("sql", "SELECT count(*), count(DISTINCT dataset) FROM obs", "--format", "csv",
                  data=data).stdout.splitlines()[1]
    assert counted == f"{60 * FILES},{FILES}"
    assert not list((data / "tmp/staging").iterdir())
    run("verify", data=data)
