"""Ctrl-C in the midst of an import of many files: what was said to be done stays, nothing is half
done, the rest is not begun, and the same command does what is left. Amid a statement: it ends."""
import os
import pathlib
import signal
import subprocess

import pytest

from cli import Stroma

FILES, BEFORE = 12, 3


@pytest.fixture
def files(make_h5ad):
    return [make_h5ad(f"set{i:02}.h5ad", ["G1", "G2"], ["c1", "c2"], [1, 0, i + 1, 2])
            for i in range(FILES)]


@pytest.mark.parametrize("served", [False, True], ids=["alone", "beside a server"])
def test_an_interrupted_import_leaves_whole_datasets_and_goes_on_where_it_stopped(
        stroma_binary, start_server, tmp_path, files, served):
    data = tmp_path / "data"
    stroma = Stroma(stroma_binary, data)
    server = start_server(data) if served else None
    with subprocess.Popen([stroma_binary, "import", *files, "--data", data], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        said = [process.stdout.readline().split(":")[0] for _ in range(BEFORE)]
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate()
    said += [line.split(":")[0] for line in out.splitlines()]
    assert process.returncode == 130, errors
    assert errors.strip().splitlines()[-1].startswith("stroma: "), errors

    if server:
        server.stop()
    listed = [d["name"] for d in stroma.json("dataset", "list")]
    assert BEFORE <= len(listed) < FILES
    assert set(said) <= set(listed)
    rows, = stroma.sql("select count(*) n, count(distinct dataset) datasets from obs")
    assert rows == {"n": 2 * len(listed), "datasets": len(listed)}
    assert [job for job in stroma.json("job", "list")
            if job["state"] in ("queued", "running")] == []
    for folder in ("tmp/staging", "objects/temp"):
        assert [x for x in pathlib.Path(data, folder).rglob("*") if x.is_file()] == []
    assert len(list(pathlib.Path(data, "objects/keys").rglob("*.sealed~"))) == len(listed)

    again = stroma.run("import", *files).stdout.splitlines()
    assert sum("unchanged" in line for line in again) == len(listed)
    assert len(again) == FILES
    assert len(stroma.json("dataset", "list")) == FILES
    total, = stroma.sql("select sum(exrpvalue)::double t from expression_all")
    assert total["t"] == sum(1 + i + 1 + 2 for i in range(FILES))


ENDLESS = "select count(*) from range(10000000) a, range(10000000) b where a.range * b.range = 7"


def processor_seconds(process):
    """What a process and all its threads have used."""
    numbers = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("served", [False, True], ids=["alone", "beside a server"])
def test_an_interrupt_ends_a_statement(stroma_binary, start_server, tmp_path, make_h5ad, served):
    data = tmp_path / "data"
    stroma = Stroma(stroma_binary, data)
    stroma.run("import", make_h5ad("set.h5ad", ["G1"], ["c1"], [1]))
    server = start_server(data) if served else None
    working = server.process if served else None
    before = processor_seconds(working) if served else 0
    with subprocess.Popen([stroma_binary, "sql", ENDLESS, "--data", data], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        # The start takes a tenth of this: the statement runs.
        while processor_seconds(working or process) < before + 1.5:
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate()
    assert process.returncode == 130, errors
    assert out == "" and errors.startswith("stroma: "), (out, errors)
    assert stroma.sql("select count(*) n from obs") == [{"n": 1}]
