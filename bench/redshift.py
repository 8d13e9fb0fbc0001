#!/usr/bin/env python3
"""Users' tables: what sort keys are worth, and how soon the Data API answers. One command, one line
of JSON for each figure.

    redshift.py [--data DIR] [--only sort,data_api] [--rows 20000000] [--calls 500]

`sort` asks for a thousandth of the rows by a condition on one of two columns, of a table in no
order, of one with a compound sort key and of one with an interleaved one: the median of nine, after
one that isn't counted. `data_api` sends ExecuteStatement by one connection, signed by hand, and
waits for nothing but its answer. STROMA_BINARY names another program than that of build/release.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import psycopg2
import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("STROMA_BINARY", str(ROOT / "build/release/stroma"))
TABLES = {"unsorted": "", "compound": "COMPOUND SORTKEY(a, b)",
          "interleaved": "INTERLEAVED SORTKEY(a, b)"}


def told(**figure):
    print(json.dumps(figure), flush=True)


class Server:
    def __init__(self, data):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", data, "--http", "127.0.0.1:0", "--aws", "127.0.0.1:0",
             "--postgres", "127.0.0.1:0", "--insecure-any-credentials"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process.stdout.readline()
        address = json.loads((pathlib.Path(data) / "server.json").read_text())
        self.aws = address["aws"]
        host, port = address["postgres"].rsplit(":", 1)
        self.sql = psycopg2.connect(host=host, port=port, user="admin", dbname="dev",
                                    password=address["token"]).cursor()
        self.sql.connection.autocommit = True

    def stop(self):
        self.sql.connection.close()
        self.process.terminate()
        self.process.wait()


def milliseconds(sql, statement):
    taken = []
    for _ in range(10):
        begun = time.perf_counter()
        sql.execute(statement)
        sql.fetchall()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken[1:])


def sort_keys(server, rows):
    sql = server.sql
    width = rows // 1000
    for name, key in TABLES.items():
        sql.execute(f"CREATE TABLE t_{name}(a INTEGER, b INTEGER, v DOUBLE PRECISION) {key}")
    # Two columns in no order, each of them as many values as there are rows.
    sql.execute(f"INSERT INTO t_unsorted SELECT (g * 7368787) % {rows}, (g * 9576890) % {rows}, "
                f"g / 3.0 FROM generate_series(1, {rows}) AS t(g)")
    for name in ("compound", "interleaved"):
        begun = time.perf_counter()
        sql.execute(f"INSERT INTO t_{name} SELECT * FROM t_unsorted")
        sql.execute(f"VACUUM t_{name}")
        told(figure=f"{name}: written in order", seconds=round(time.perf_counter() - begun, 1))
    base = {}
    for column in ("a", "b"):
        for name in TABLES:
            taken = milliseconds(sql, f"SELECT count(*), sum(v) FROM t_{name} WHERE {column} "
                                      f"BETWEEN {rows // 2} AND {rows // 2 + width}")
            base.setdefault(column, taken)
            told(figure=f"{name}: a thousandth by {column}", rows=rows, ms=round(taken, 3),
                 factor=round(base[column] / taken, 1))


def data_api(server, calls):
    session = requests.Session()
    signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials("any", "any"),
                                     "redshift-data", "us-east-1")
    body = json.dumps({"Sql": "SELECT 1", "Database": "dev", "ClusterIdentifier": "x"})
    taken = []
    for call in range(calls + 20):
        request = botocore.awsrequest.AWSRequest(
            "POST", server.aws + "/", data=body,
            headers={"Content-Type": "application/x-amz-json-1.1",
                     "X-Amz-Target": "RedshiftData.ExecuteStatement"})
        signer.add_auth(request)
        ready = request.prepare()
        begun = time.perf_counter()
        answer = session.post(ready.url, data=ready.body, headers=dict(ready.headers), timeout=60)
        if call >= 20:
            taken.append((time.perf_counter() - begun) * 1000)
        answer.raise_for_status()
    taken.sort()
    told(figure="Data API: ExecuteStatement", calls=calls, p50_ms=round(taken[calls // 2], 2),
         p99_ms=round(taken[calls * 99 // 100], 2))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--only", default="sort,data_api")
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--calls", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as folder:
        server = Server(os.path.join(folder, "data"))
        try:
            if "data_api" in options.only:
                data_api(server, options.calls)
            if "sort" in options.only:
                sort_keys(server, options.rows)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
