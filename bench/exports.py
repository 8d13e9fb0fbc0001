#!/usr/bin/env python3
"""Goals G5 to G11 and G25: whole exports, from the command to the finished file.

    exports.py --stroma BINARY --data10k DIR --data100k DIR [--rounds 5] [--only NAME]…
               [--out FOLDER] [--served] [--durable] [--no-check]

The two data directories hold one dataset each, imported from the h5ad that
../shared/bench/make_cells.py writes of 10,000 and 100,000 cells.  A round is one process
`stroma matrix`, timed from its start to its end; with --served a `stroma serve` has the directory
and does the work, and the time and memory told are those of asking and of the server.  Prints the
median and the best wall time, the processor seconds, the job's own seconds and the highest resident
memory, and checks each file against the store: cells, non-zeros and sum as an independent reader
counts them.

Needs Python 3; the check needs numpy, h5py and zarr (--no-check leaves it out).  Memory is the
kernel's ru_maxrss of the process itself, or VmHWM of the server.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

A_QUARTER = "tissue in ('blood', 'lung')"
A_TYPE = "cell_type = 'type 03'"
# name, data, condition, file, options, goal in seconds (whole, durable)
CASES = [
    ("G5 25% h5ad", "100k", A_QUARTER, "a.h5ad", [], 0.25),
    ("G6 3% h5ad", "100k", A_TYPE, "a.h5ad", [], 0.035),
    ("G7 all h5ad", "100k", "true", "a.h5ad", [], 0.8),
    ("G8 25% mtx.gz", "100k", A_QUARTER, "a.mtx", [], 1.9),
    ("G9 10k 25% csv", "10k", A_QUARTER, "a.csv", [], 0.15),
    ("G9 10k 25% csv zip", "10k", A_QUARTER, "a.csv.zip",
     ["--format", "csv", "--layout", "zip"], 0.5),
    ("G10 10k 25% loom", "10k", A_QUARTER, "a.loom", [], 0.6),
    ("G11 25% zarr lz4", "100k", A_QUARTER, "a.zarr", [], 0.35),
    ("all mtx.gz", "100k", "true", "a.mtx", [], None),
    ("all loom", "100k", "true", "a.loom", [], None),
    ("all zarr", "100k", "true", "a.zarr", [], None),
    ("all gzip h5ad", "100k", "true", "a.h5ad", ["--compression", "gzip"], None),
    ("all csv zip", "100k", "true", "a.csv.zip", ["--format", "csv", "--layout", "zip"], None),
    ("all parquet", "100k", "true", "a.parquet", [], None),
]
MEMORY_GOAL_MIB = 256

# Counts a written file with public readers only, in a process of its own: what it takes must not
# be counted as the export's.
CHECK = r"""
import gzip, sys, zipfile
path, kind = sys.argv[1:]
import numpy as np
if kind in ("h5ad", "loom"):
    import h5py
    with h5py.File(path) as f:
        if kind == "h5ad":
            data, cells = f["X/data"], len(f["X/indptr"]) - 1
            parts = (data[i:i + (1 << 24)] for i in range(0, len(data), 1 << 24))
        else:
            data, cells = f["matrix"], f["matrix"].shape[1]
            parts = (data[:, i:i + 1024] for i in range(0, cells, 1024))
        count, total = 0, 0.0
        for part in parts:
            count += int(np.count_nonzero(part)); total += float(part.sum(dtype=np.float64))
elif kind == "zarr":
    import zarr
    group = zarr.open(path, mode="r")
    data, cells = group["X/data"], group["X/indptr"].shape[0] - 1
    count, total = 0, 0.0
    for i in range(0, data.shape[0], 1 << 24):
        part = data[i:i + (1 << 24)]
        count += int(np.count_nonzero(part)); total += float(part.sum(dtype=np.float64))
elif kind == "mtx":
    with gzip.open(path + "/matrix.mtx.gz") as f:
        line = f.readline()
        while line.startswith(b"%"): line = f.readline()
        cells = int(line.split()[1])
        count, total = 0, 0.0
        while True:
            block = f.readlines(1 << 26)
            if not block: break
            values = np.array([int(row[row.rindex(b" ") + 1:]) for row in block])
            count += len(values); total += float(values.sum())
elif kind == "csv":
    if path.endswith(".zip"):
        archive = zipfile.ZipFile(path)
        f = archive.open(next(n for n in archive.namelist() if n.endswith("expression.csv")))
    else:
        f = open(path + "/expression.csv", "rb")
    f.readline()
    cells, count, total = 0, 0, 0.0
    for row in f:
        values = np.fromstring(row[row.index(b",") + 1:], dtype=np.float64, sep=",")
        cells += 1; count += int(np.count_nonzero(values)); total += float(values.sum())
print(cells, count, int(total))
"""


def measured(command):
    """Runs a command; gives wall, processor seconds, MiB at most and its output."""
    read_end, write_end = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(write_end, 1)
        os.close(read_end)
        os.execvp(command[0], command)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        output = pipe.read()
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"exports: {' '.join(command)} ended with status {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def kind_of(path):
    return next(k for k in ("h5ad", "loom", "zarr", "mtx", "csv", "parquet") if "." + k in path)


def check(path, told):
    """The file against what the command told of the store's cells."""
    if kind_of(path) == "parquet":
        return "unread"
    counted = subprocess.run([sys.executable, "-W", "ignore", "-c", CHECK, path, kind_of(path)],
                             capture_output=True, text=True, check=True).stdout.split()
    told = [told["cells"], told["nonzeros"], int(told["sum"])]
    if [int(text) for text in counted] != told:
        sys.exit(f"exports: {path} holds {counted}, the store {told}")
    return "equal"


class Served:
    """A server of a data directory while the block lasts."""

    def __init__(self, binary, data):
        self.command = [binary, "serve", "--data", data, "--http", "127.0.0.1:0"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:  # it tells its address when it answers
            if "http://" in line:
                break
        return self

    def peak_mib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(each for each in status if each.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def run(case, arguments, data, server):
    name, _, condition, file, options, goal = case
    path = os.path.join(arguments.out, file)
    command = [arguments.stroma, "matrix", "-q", "--json", "--data", data, "--where", condition,
               "-o", path, *options, *(["--durable"] if arguments.durable else [])]
    rounds = []
    for _ in range(arguments.rounds):
        remove(path)
        rounds.append(measured(command))
    told = json.loads(rounds[-1][3])
    verdict = "unchecked" if arguments.no_check else check(path, told)
    walls = [each[0] for each in rounds]
    peak = server.peak_mib() if server else max(each[2] for each in rounds)
    print(f"{name:20} {statistics.median(walls):7.3f} s (best {min(walls):.3f}, job "
          f"{told['seconds']:.3f}) {statistics.median(e[1] for e in rounds):6.2f} cpu-s "
          f"{peak:5.0f} MiB{'' if peak <= MEMORY_GOAL_MIB else ' OVER'}  "
          f"goal {goal or '-'}  {told['nonzeros']} non-zeros, {verdict}", flush=True)
    remove(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stroma", required=True)
    parser.add_argument("--data10k")
    parser.add_argument("--data100k")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", default=[], help="part of a case's name")
    parser.add_argument("--out", default="/tmp/stroma-exports")
    parser.add_argument("--served", action="store_true")
    parser.add_argument("--durable", action="store_true", help="to the disk, not to its cache")
    parser.add_argument("--no-check", action="store_true")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    for size, data in (("10k", arguments.data10k), ("100k", arguments.data100k)):
        for case in CASES:
            wanted = not arguments.only or any(part in case[0] for part in arguments.only)
            if data is None or case[1] != size or not wanted:
                continue
            if arguments.served:
                with Served(arguments.stroma, data) as server:
                    run(case, arguments, data, server)
            else:
                run(case, arguments, data, None)


if __name__ == "__main__":
    main()
