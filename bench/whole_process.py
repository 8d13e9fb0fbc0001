"""Ours, as a user sees it: whole processes of stroma, timed from their start to their end."""
import contextlib
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass

import results


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
    Export("G5", "100k", "25%", "m.h5ad", "memory 25% -> h5ad", durable="durable_s"),
    Export("G6", "100k", "3%", "m.h5ad", "memory 3% -> h5ad", durable="durable_s"),
    Export("G7", "100k", "all", "m.h5ad", "memory all -> h5ad", durable="durable_s"),
    Export("G8", "100k", "25%", "m.mtx", "memory 25% -> mtx.gz"),
    Export("G9", "10k", "25%", "m.csv", "memory 25% -> csv"),
    Export("G9", "10k", "25%", "m.csv.zip", options=("--layout", "zip"), measure="zipped_s"),
    Export("G10", "10k", "25%", "m.loom", "memory 25% -> loom"),
    Export("G11", "100k", "25%", "m.zarr", "memory 25% -> zarr"),
]
IMPORTS = [
    Import("G21", "100k", "cells.h5ad", "python: h5ad -> zarr, h5ad -> csc h5ad"),
    Import("G22", "100k", "cells.gzip.h5ad", "python: load h5ad gzip"),
    Import("G23", "100k", "long.csv", "duckdb: load: COPY long.csv"),
    Import("G24", "10k", "expression.psv", "postgres: text: COPY in, text: index on cell"),
]
# Programs of this folder, with their goals: called as NAME --json DATA_FOLDER.
PROGRAMS = {"expression_bench": ("G1", "G2", "G3", "G4", "G17")}
