#!/usr/bin/env python3
"""Ask the four queries of the old matrix service's back-end comparison of an imported atlas.

    make_atlas.py --out FILE.h5ad --cells 550000 --genes 33000 --nonzeros 730
    stroma import --name atlas --data DIR FILE.h5ad
    atlas_queries.py STROMA DIR FILE.h5ad [--only C,D] [--runs 3] [--port]

C and D ask about one gene, A and B about every value of a project and of chosen cells; A and B are
counted and summed instead of unloaded. Each is asked by a process of its own, whose first run finds
nothing of the store in memory; with --port by a client of one server's PostgreSQL port, of the
schema biology. Prints seconds by the clock and of processors; the answers must be those that numpy
and scipy work out from the file, or it fails.

Needs numpy, scipy and h5py, and psycopg2 for --port.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import h5py
import numpy as np
import scipy.sparse

GENE = 77
BLOCK = 20_000
CHOSEN = "d.diseases_ontology = 'PATO:0000461' AND d.ethnicity_ontology = 'HANCESTRO:0005'"
QUERIES = {
    "C": "SELECT avg(exrpvalue) FROM expression JOIN cell USING (cellkey) JOIN cell_suspension "
         "USING (cellsuspensionkey) JOIN specimen USING (specimenkey) JOIN donor d USING "
         f"(donorkey) WHERE featurekey = 'ENSG{GENE:011d}' AND "
         f"exprtype IN ('Count', 'unknown') AND {CHOSEN}",
    "D": "SELECT DISTINCT title FROM project JOIN cell USING (projectkey) JOIN expression USING "
         f"(cellkey) WHERE featurekey = 'ENSG{GENE:011d}'",
    "B": "SELECT count(*), sum(exrpvalue) FROM expression JOIN cells c USING (cellkey) WHERE "
         "c.\"donor_organism.diseases.ontology\" <> 'PATO:0000461' AND c.flag = 'yes'",
    "A": "SELECT count(*), sum(exrpvalue) FROM expression JOIN cell USING (cellkey) JOIN project "
         "USING (projectkey) WHERE short_name = 'atlas'",
}


def category(root, name):
    group = root["obs"][name]
    return np.array(group["categories"].asstr())[group["codes"][:]]


def truth(path):
    """The four answers, block by block of the file's own matrix."""
    with h5py.File(path) as root:
        ill = category(root, "disease_ontology_term_id") != "PATO:0000461"
        known = category(root, "self_reported_ethnicity_ontology_term_id") == "HANCESTRO:0005"
        flag = category(root, "flag") == "yes"
        starts = root["X/indptr"][:].astype(np.int64)
        genes = int(root["X"].attrs["shape"][1])
        sums = {"A": [0, 0.0], "B": [0, 0.0], "C": [0, 0.0]}
        for first in range(0, len(starts) - 1, BLOCK):
            last = min(first + BLOCK, len(starts) - 1)
            piece = slice(starts[first], starts[last])
            matrix = scipy.sparse.csr_matrix(
                (root["X/data"][piece], root["X/indices"][piece],
                 starts[first:last + 1] - starts[first]), (last - first, genes))
            rows = {"A": matrix, "B": matrix[(ill & flag)[first:last]],
                    "C": matrix[(~ill & known)[first:last]][:, [GENE - 1]]}
            for name, part in rows.items():
                sums[name][0] += int(part.nnz)
                sums[name][1] += float(part.sum(dtype=np.float64))
    return {"A": sums["A"], "B": sums["B"], "C": [sums["C"][1] / sums["C"][0]], "D": ["atlas"]}


def forget(folder):
    """Takes the folder's files out of the page cache."""
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def ask(stroma, data, statement):
    begin, before = time.perf_counter(), os.times()
    printed = subprocess.run(
        [stroma, "sql", "--data", data, "--set", "query.time=3600s", "--format", "json", statement],
        stdout=subprocess.PIPE, check=True).stdout
    after = os.times()
    cpu = (after.children_user + after.children_system
           - before.children_user - before.children_system)
    return list(json.loads(printed)[0].values()), time.perf_counter() - begin, cpu


def of_port(query):
    """The same of the schema biology, where a dataset's own columns lie in `fields`."""
    named = re.sub(r"\b(FROM|JOIN) (\w+)", r"\1 biology.\2", query)
    return named.replace("c.flag = ", "json_extract_path_text(c.fields, 'flag') = ")


class Port:
    """A server's PostgreSQL port, and a client of it."""

    def __init__(self, stroma, data):
        import psycopg2
        self.process = subprocess.Popen(
            [stroma, "serve", "--data", data, "--http", "127.0.0.1:0", "--postgres", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if "http://" in line:
                break
        told = json.loads((pathlib.Path(data) / "server.json").read_text())
        host, port = told["postgres"].rsplit(":", 1)
        self.connection = psycopg2.connect(host=host, port=port, user="admin", dbname="dev",
                                           password=told["token"])
        self.connection.autocommit = True

    def cpu(self):
        told = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = told.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, statement):
        begin, before = time.perf_counter(), self.cpu()
        cursor = self.connection.cursor()
        cursor.execute(of_port(statement))
        [row] = cursor.fetchall()
        return list(row), time.perf_counter() - begin, self.cpu() - before

    def stop(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()


def is_close(given, wanted):
    if isinstance(wanted, str) or given is None:
        return given == wanted
    return abs(given - wanted) <= 1e-9 * abs(wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stroma")
    parser.add_argument("data")
    parser.add_argument("file")
    parser.add_argument("--only", default="C,D,B,A")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--port", action="store_true", help="by a server's PostgreSQL port")
    args = parser.parse_args()
    wanted = truth(args.file)
    failed = False
    for name in args.only.split(","):
        for run in range(args.runs):
            if run == 0:
                forget(args.data)
            if args.port and run == 0:
                port = Port(args.stroma, args.data)
            answer, wall, cpu = (port.ask(QUERIES[name]) if args.port else
                                 ask(args.stroma, args.data, QUERIES[name]))
            if args.port and run == args.runs - 1:
                port.stop()
            is_equal = len(answer) == len(wanted[name]) and all(map(is_close, answer, wanted[name]))
            failed = failed or not is_equal
            verdict = "equal" if is_equal else f"NOT {wanted[name]}"
            print(f"{name} {'warm' if run else 'cold'}: {wall:.3f} s, {cpu:.3f} cpu-s, {answer}, "
                  f"{verdict}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
