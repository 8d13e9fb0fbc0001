"""The loader on a disk that fills amid loads, on a small file system of the test's own: what is
told meanwhile, and each row exactly once as soon as there is room, with and without a restart."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from test_loader import Lake, aws, line, wait_until  # noqa: E402

SMALL, LARGE = 64, 256  # MiB
OBJECTS, ROWS = 20, 2000
# What is left of the disk when loading begins: too little to take messages, or to keep rows.
NOTHING, SOME = 0, 512 << 10


@pytest.fixture
def disk(tmp_path, skip):
    """A folder that is a file system of SMALL MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}m", "none", folder],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        skip(f"a file system of a test's own can't be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def grow(folder):
    subprocess.run(["mount", "-o", f"remount,size={LARGE}m", folder], check=True)


def fill(folder, left):
    """Takes what is free, to the last block, and gives back so many bytes."""
    path = folder / "filler"
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                pass
    os.truncate(path, path.stat().st_size - left)


def prepared(disk, start_server, run, tmp_path):
    """A lake whose queue was told of all objects, and nobody loads them yet."""
    lake = Lake(start_server, run, disk / "data", tmp_path / "configs")
    lake.sql("CREATE TABLE orders(id INTEGER, at TIMESTAMP, what VARCHAR(50))")
    dead = lake.queue("dead")[1]
    # Whoever gives messages back has them taken for dead letters soon.
    arn = lake.queue("orders", RedrivePolicy=json.dumps(
        {"deadLetterTargetArn": dead, "maxReceiveCount": 2}))[1]
    lake.notify(arn)
    for number in range(OBJECTS):
        lake.put(f"orders/{number}.csv",
                 "".join(line(number * ROWS + i, what="x" * 40) for i in range(ROWS)))
    return lake


def fails(lake, times):
    """Waits until loading was tried in vain so often."""
    states = []

    def tried():
        now = lake.state("orders") or {"state": "absent"}
        if now["state"] == "failing":
            assert "No space left" in now["error"] or "disk is full" in now["error"], now
        if states[-1:] != [now["state"]]:
            states.append(now["state"])
        return states.count("failing") >= times
    wait_until(tried)


@pytest.mark.parametrize("left, restarts", [(NOTHING, False), (SOME, False), (SOME, True)])
def test_what_a_full_disk_keeps_is_loaded_once_there_is_room(
        disk, start_server, run, tmp_path, left, restarts):
    lake = prepared(disk, start_server, run, tmp_path)
    fill(disk, left)
    if left == NOTHING:
        with pytest.raises(lake.s3.exceptions.ClientError, match="SlowDown"):
            lake.put("orders/more.csv", line(1) * 1000)
    lake.give("orders", lake.config("orders"))
    # More often than the queue lets a message be received.
    fails(lake, 1 if left == NOTHING else 4)
    # Reading goes on, nobody is told that the data were bad, and no row is there in part.
    assert lake.sql("SELECT count(*) FROM orders") == [(0,)]
    assert lake.sql("SELECT count(*) FROM stl_load_errors") == [(0,)]
    assert lake.sql("SELECT count(*) FROM stroma_load_ledger") == [(0,)]
    assert lake.server.get("/health").status_code == 200
    assert lake.state("orders")["messages"] <= OBJECTS + 1  # with what S3 sends to try the queue
    if restarts:
        lake.kill()
        grow(disk)
        lake.up()
    else:
        grow(disk)
    url = aws.address_of(lake.server) + "/000000000000/"
    wait_until(lambda: lake.waiting(url + "orders"), 0)
    wait_until(lambda: lake.sql("SELECT count(*), count(DISTINCT id) FROM orders"),
               [(OBJECTS * ROWS, OBJECTS * ROWS)])
    assert lake.waiting(url + "dead") == 0
    assert lake.sql("SELECT count(*) FROM stroma_dead_letters") == [(0,)]
    assert lake.sql("SELECT status, count(*) FROM stroma_load_ledger GROUP BY 1") == [
        ("loaded", OBJECTS)]
