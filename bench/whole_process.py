"""Ours, as a user sees it: whole processes of stroma, timed from their start to their end."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

import data_sets


@dataclass
class Export:
    """A stroma matrix of one data set. `peer` names an operation of peers.py."""
    goal: str
    data: str
    cells: str
    output: str
    peer: str = ""
    options: tuple = ()
    measure: str = "wall_s"
    durable: str = ""  # the measure of the same with an fsync of the output


@dataclass
class Import:
    """A stroma import of a file into a fresh data directory. `peer`: see bench/peers.py."""
    goal: str
    data: str
    file: str
    peer: str


EXPORTS = [
    Export("G5", "100k", "25%", "m.h5ad", "python: memory 25% -> h5ad", durable="durable_s"),
    Export("G6", "100k", "3%", "m.h5ad", "python: memory 3% -> h5ad", durable="durable_s"),
    Export("G7", "100k", "all", "m.h5ad", "python: memory all -> h5ad", durable="durable_s"),
    Export("G8", "100k", "25%", "m.mtx", "python: memory 25% -> mtx.gz"),
    Export("G9", "10k", "25%", "m.csv", "python: memory 25% -> csv"),
    Export("G9", "10k", "25%", "m.csv.zip", options=("--layout", "zip"), measure="zipped_s"),
    Export("G10", "10k", "25%", "m.loom", "python: memory 25% -> loom"),
    Export("G11", "100k", "25%", "m.zarr", "python: memory 25% -> zarr"),
]
IMPORTS = [
    Import("G21", "100k", "cells.h5ad", "python: h5ad -> zarr + h5ad -> csc h5ad"),
    Import("G22", "100k", "cells.gzip.h5ad", "python: load h5ad gzip"),
    Import("G23", "100k", "long.csv", "duckdb: load: COPY long.csv"),
    Import("G24", "10k", "expression.psv", "postgres: text: COPY in + text: index on cell"),
]
# Programs of this folder, with their goals: called as NAME --json DATA_FOLDER.
PROGRAMS = {"expression_bench": ("G1", "G2", "G3", "G4", "G17"), "warehouse_bench": ("G26",),
            "compare_bench": ("G12", "G13", "G14", "G15", "G16", "G17")}
# What drives a server or a browser: called as NAME DATA_FOLDER, prints the same lines.
DOORS = {"explorer.py": ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "G18", "G19"),
         "frames.py": ("E10", "E11")}
DATA_OF = {"compare_bench": ("500k",), "explorer.py": ("500k",), "frames.py": ("1m",)}
PROGRAM_PEERS = {  # goal: data, peer, measure, factor
    "G17": ("100k", "python: 100 genes, csc on disk", "p50_ms", 10),  # ms a gene
    "G12": ("100k", "statistics: t 3%", "wall_ms", 1e3),
    "G13": ("100k", "statistics: t 25%", "wall_ms", 1e3),
    "G15": ("100k", "statistics: ranks 3% rest", "wall_ms", 2e5),  # of 100 genes of 20,000
    "G16": ("100k", "statistics: ranks 3% 8%", "wall_ms", 2e5),
}


class Failed(Exception):
    """A measured command that failed."""


@dataclass
class Ran:
    wall: float
    cpu: float
    rss_MiB: float
    printed: str


def run(command):
    """A whole process: seconds by the clock and of processors (children too), peak memory."""
    begin = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    printed, errors = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit {process.returncode}\n"
                     f"{errors.strip()[-500:]}")
    return Ran(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, printed)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def sync(path):
    """fsync of a file, or of a folder's files; the seconds it took."""
    begin = time.perf_counter()
    paths = [path] if os.path.isfile(path) else pathlib.Path(path).rglob("*")
    for one in paths:
        descriptor = os.open(one, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return time.perf_counter() - begin


class Stroma:
    """The binary, with a scratch folder that is emptied at the start and at the end."""

    def __init__(self, binary):
        self.binary = binary
        self.scratch = data_sets.FOLDER / "scratch"
        remove(self.scratch)
        self.scratch.mkdir(parents=True)
        self.stores = {}

    def close(self):
        remove(self.scratch)

    def store(self, name):
        """A data directory that holds the set."""
        if name not in self.stores:
            self.stores[name] = self.scratch / f"store-{name}"
            run([self.binary, "import", data_sets.FOLDER / name / "cells.h5ad", "--quiet",
                 "--name", "cells", "--data", self.stores[name]])
        return self.stores[name]

    def export(self, entry):
        """One export; its run, nonzeros, sum and output (left there until the next)."""
        output = self.scratch / entry.output
        remove(output)
        ran = run([self.binary, "matrix", "--data", self.store(entry.data), "--where",
                   data_sets.WHERE[entry.cells], "--quiet", "--json", "-o", output,
                   *entry.options])
        return ran, output

    def take_in(self, entry):
        """One import into a fresh data directory; its run, nonzeros and sum."""
        data = self.scratch / "import"
        remove(data)
        ran = run([self.binary, "import", data_sets.FOLDER / entry.data / entry.file, "--quiet",
                   "--name", "cells", "--data", data])
        shown = json.loads(run([self.binary, "dataset", "show", "cells", "--json", "--data",
                                data]).printed)
        remove(data)
        x = shown["matrices"][0]
        return ran, x["nonzeros"], x["sum"]

    def seconds_to_ready(self, repetitions):
        """From the start of serve on 1,000 datasets to the first answer of /health."""
        data = self.scratch / "many"
        files = sorted(data_sets.make_small_files().iterdir())
        run([self.binary, "import", "--quiet", "--data", data, *files])
        times = []
        for _ in range(repetitions + 1):
            begin = time.perf_counter()
            server = subprocess.Popen(
                [self.binary, "serve", "--quiet", "--data", data, "--http", "127.0.0.1:0"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            address = next(found for line in server.stdout
                           if (found := re.search(r"http://[\w.:]+", line)))[0]
            run(["curl", "-fsS", address + "/health"])
            times.append(time.perf_counter() - begin)
            server.terminate()
            server.wait()
            server.stdout.close()
        remove(data)
        return times[1:]

    def program_lines(self, name):
        """The figures that a program of this folder prints."""
        if name in DOORS:
            command = [sys.executable, pathlib.Path(__file__).parent / name, data_sets.FOLDER]
        else:
            command = [self.binary.parent / "bench" / name, "--json", data_sets.FOLDER]
        if name == "compare_bench":
            command.append(self.scratch)
        printed = run(command).printed
        return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
