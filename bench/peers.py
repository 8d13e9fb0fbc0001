"""The peers of ../shared/bench, one run at a time so that ours and theirs can alternate.

A peer is written KIND: OPERATION + OPERATION...; what is measured is the sum of their seconds.
"""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
# What no run can compare with, and what the reference measured of it elsewhere.
NOT_RUN = {
    "BPCells": "isn't in Debian: h5ad by cell 1.89 B and by gene 1.24 B a nonzero, 25 % to h5ad "
               "0.77 cpu-s, h5ad to its store 18 cpu-s on the reference machine",
    "cellxgene, scanpy's numba kernel": "their figures are the reference's, of another day and "
                                        "machine",
    "the HCA matrix service": "needs Redshift and Spark: mtx 160 s, csv zip 19 s, loom 3.2 s",
}


class Unavailable(Exception):
    """A peer that can't be run, and why."""


@dataclass
class Ran:
    """One repetition of a peer. nnz, total and path only where the peer tells them."""
    wall: float
    cpu: float = 0
    rss_MiB: float = 0
    nnz: int = 0
    path: str = ""
    sizes: tuple = ()


class PythonPeer:
    """Operations of peers.py in a process that stays, so that only the work is timed."""

    def __init__(self, script, folder, operations):
        self.process = subprocess.Popen(
            [sys.executable, HERE / "peer_child.py", script, folder, *operations],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def once(self):
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("run\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        if not answer:
            raise Unavailable(f"the Python peer ended with {self.process.wait()}")
        return Ran(**json.loads(answer))

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class PrintingPeer:
    """A script that times operation after operation and prints a line for each: it is started,
    read until it has printed those that count, and stopped."""

    def __init__(self, command, operations):
        self.command, self.operations = command, operations
        self.printed = ""

    def once(self):
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        missing, wall, self.printed = set(self.operations), 0.0, ""
        try:
            while missing:
                line = process.stdout.readline()
                if not line:
                    raise Unavailable(f"{self.command[0]} ended without {', '.join(missing)}")
                self.printed += line
                for name in [n for n in missing if line.startswith(n)]:
                    missing.remove(name)
                    wall += float(line[len(name):].split()[0])
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.stdout.read()
            process.wait()
        return Ran(wall)

    def close(self):
        pass


def node_modules(build):
    """A folder with DuckDB for Node, by the lockfile beside this file."""
    folder = build / "node"
    done = subprocess.run([HERE.parent / "tools/npm_ci", HERE, folder], check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(f"npm ci failed: {done.stderr.strip()[-200:]}")
    return folder


def start(peer, shared, folder, build):
    """A peer with once() and close(). Raises Unavailable."""
    kind, operations = peer.split(": ", 1)
    operations = operations.split(" + ")
    if kind == "python":
        return PythonPeer(shared / "bench/peers.py", folder, operations)
    if kind == "statistics":
        return PythonPeer(HERE / "statistics_peers.py", folder, operations)
    if kind == "duckdb":
        # Node finds modules beside the script, so the script is put beside them.
        modules = node_modules(build)
        shutil.copy(shared / "bench/peer_duckdb.mjs", modules)
        return PrintingPeer(["node", str(modules / "peer_duckdb.mjs"), str(folder), "1"],
                            operations)
    command = ["bash", str(shared / "bench/peer_postgres.sh"), str(folder), "1"]
    if not list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        raise Unavailable("PostgreSQL is absent: run tools/setup bench")
    if os.getuid() == 0:
        with contextlib.suppress(KeyError):
            pwd.getpwnam("postgres")
            command = ["runuser", "-u", "postgres", "--", *command]
    return PrintingPeer(command, operations)
