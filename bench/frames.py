#!/usr/bin/env python3
"""A million cells in a browser: the first picture, and the frames while somebody works with it.

    frames.py [--data 1m] [--runs 3] [--pages FOLDER] [--picture FILE] [DATA_FOLDER]

Serves the data set (made by bench/data_sets.py, imported once into DATA_FOLDER/frames) and drives
headless Chromium, which draws by software. The gaps between animation frames are taken while it
hovers, zooms, pans and draws a lasso, and until the picture rests. A line of JSON a measure.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys

import data_sets
from explorer import BINARY, ROOT, Server, tell


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=data_sets.FOLDER)
    parser.add_argument("--data", default="1m")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pages", help="built pages instead of the program's own")
    parser.add_argument("--picture")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("frames: there is no chromium; tools/setup installs it")
    data = options.folder / f"frames-{options.data}"
    if not (data / "all.made").exists():
        shutil.rmtree(data, ignore_errors=True)
        subprocess.run([BINARY, "import", options.folder / options.data / "cells.h5ad", "--name",
                        options.data, "--public", "--quiet", "--data", data], check=True)
        (data / "all.made").touch()
    clients = ROOT / "build/clients"
    subprocess.run([ROOT / "tools/npm_ci", ROOT / "test/clients", clients], check=True,
                   stdout=subprocess.DEVNULL)
    server = Server(data)
    order = {"url": f"http://{server.address}", "dataset": options.data, "chromium": chromium,
             "runs": options.runs, "pages": options.pages, "picture": options.picture}
    try:
        done = subprocess.run([ROOT / "tools/node", ROOT / "bench/frames.mjs", clients,
                               json.dumps(order)], check=True, capture_output=True, text=True)
    finally:
        server.close()
    seen = json.loads(done.stdout)
    tell("E10", "first_s", statistics.median(one["first"] for one in seen["opened"]) / 1e3,
         runs=options.runs)
    tell("E10", "whole_s", statistics.median(one["whole"] for one in seen["opened"]) / 1e3,
         runs=options.runs)
    for what in ("hovering", "zooming", "panning", "selecting"):
        tell("E11", f"{what}_ms", seen[what]["longest"], p95_ms=round(seen[what]["p95"], 1),
             runs=seen[what]["frames"])
    print(f"selected {seen['selected']}")


if __name__ == "__main__":
    main()
