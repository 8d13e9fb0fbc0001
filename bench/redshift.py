#!/usr/bin/env python3
"""Users' tables: COPY beside the bare engine and PostgreSQL, what sort keys are worth, and how soon
the Data API and psql are answered. One command, one line of JSON for each figure.

    redshift.py [--data DIR] [--only sort,data_api,select,copy,wire] [--rows 20000000]
                [--calls 500] [--loaded 2000000] [--duckdb libduckdb.so]

`copy` loads one object as CSV, JSON and Parquet by COPY, ledger included, and the same file by the
engine's own library into a table of the same columns; in turns, the median of five, and beside
it the best and the processor seconds of both, which other work on the machine changes less. `wire`
sends the CSV by COPY FROM STDIN, here and to a PostgreSQL of Debian's that it starts. `select`
asks SELECT 1.

`sort` asks for a thousandth of the rows by a condition on one of two columns, of a table in no
order, of one with a compound sort key and of one with an interleaved one: the median of nine, after
one that isn't counted. `data_api` sends ExecuteStatement by one connection, signed by hand, and
waits for nothing but its answer. STROMA_BINARY names another program than that of build/release.
"""
import argparse
import ctypes
import io
import json
import os
import pathlib
import pwd
import shutil
import statistics
import subprocess
import tempfile
import time

import boto3
import botocore.auth
import botocore.config
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

    def processor_seconds(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

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


class Engine:
    """The engine's own library, by its C API, on a file."""

    def __init__(self, library, file):
        self.library = ctypes.CDLL(library)
        self.library.duckdb_result_error.restype = ctypes.c_char_p
        self.database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.library.duckdb_open(None, ctypes.byref(self.database)) == 0
        assert self.library.duckdb_connect(self.database, ctypes.byref(self.connection)) == 0
        # The form of file that the server has: it compresses text better, and slower.
        self.run(f"ATTACH '{file}' AS bare (STORAGE_VERSION 'v1.4.0')")
        self.run("USE bare")

    def run(self, statement):
        result = ctypes.create_string_buffer(256)  # duckdb_result, which is smaller
        failed = self.library.duckdb_query(self.connection, statement.encode(), result)
        assert not failed, self.library.duckdb_result_error(result)
        self.library.duckdb_destroy_result(result)

    def close(self):
        self.library.duckdb_disconnect(ctypes.byref(self.connection))
        self.library.duckdb_close(ctypes.byref(self.database))


COLUMNS = "id INTEGER, name VARCHAR(40), value DOUBLE PRECISION, moment TIMESTAMP, kind VARCHAR(10)"


def seconds(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def make_files(engine, folder, rows):
    engine.run("CREATE TABLE made AS SELECT CAST(g AS INTEGER) AS id, 'sample ' || hash(g) AS "
               "name, CAST(g AS DOUBLE) / 7 AS value, TIMESTAMP '2026-01-01' + to_seconds(g) "
               f"AS moment, 'kind ' || g % 9 AS kind FROM range({rows}) t(g)")
    files = {"csv": folder / "rows.csv", "json": folder / "rows.json",
             "parquet": folder / "rows.parquet"}
    for form, file in files.items():
        engine.run(f"COPY made TO '{file}' (FORMAT {form}{', HEADER false' * (form == 'csv')})")
    return files


READING = {"csv": "read_csv('{}', header = false, columns = {{'id': 'INTEGER', 'name': 'VARCHAR', "
                  "'value': 'DOUBLE', 'moment': 'TIMESTAMP', 'kind': 'VARCHAR'}})",
           "json": "read_json('{}', columns = {{'id': 'INTEGER', 'name': 'VARCHAR', "
                   "'value': 'DOUBLE', 'moment': 'TIMESTAMP', 'kind': 'VARCHAR'}})",
           "parquet": "read_parquet('{}')"}
TURNS = 5
OPTIONS = {"csv": "CSV", "json": "JSON 'auto'", "parquet": "FORMAT PARQUET"}


def copies(server, engine, files, rows):
    s3 = boto3.client("s3", endpoint_url=server.aws, region_name="us-east-1",
                      aws_access_key_id="any", aws_secret_access_key="any",
                      config=botocore.config.Config(read_timeout=300))
    s3.create_bucket(Bucket="bench")
    for form, file in files.items():
        s3.upload_file(str(file), "bench", file.name)
        ours, bare, our_work, bare_work = [], [], [], []
        for turn in range(TURNS):
            server.sql.execute(f"CREATE TABLE {form}{turn}({COLUMNS})")
            engine.run(f"CREATE TABLE {form}{turn}({COLUMNS})")
            our_begin = server.processor_seconds()
            ours.append(seconds(lambda: server.sql.execute(
                f"COPY {form}{turn} FROM 's3://bench/{file.name}' IAM_ROLE DEFAULT "
                + OPTIONS[form])))
            our_work.append(server.processor_seconds() - our_begin)
            bare_begin = time.process_time()
            bare.append(seconds(lambda: engine.run(
                f"INSERT INTO {form}{turn} SELECT * FROM " + READING[form].format(file))))
            bare_work.append(time.process_time() - bare_begin)
            server.sql.execute(f"SELECT count(*), sum(id) FROM {form}{turn}")
            assert server.sql.fetchone() == (rows, rows * (rows - 1) // 2)
        mine, other = statistics.median(ours), statistics.median(bare)
        told(figure=f"COPY of {form}", rows=rows, megabytes=file.stat().st_size >> 20,
             seconds=round(mine, 2), bare_engine=round(other, 2), share=round(other / mine, 2),
             best=[round(min(ours), 2), round(min(bare), 2)],
             processor_seconds=[round(statistics.median(each), 2)
                                for each in (our_work, bare_work)])


class Postgres:
    """A PostgreSQL of Debian's on a socket, as an account that may start one."""

    def __init__(self, folder):
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.folder = folder / "postgres"
        self.folder.mkdir()
        user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        self.user = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
        if user:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            for parent in (folder, folder.parent):
                parent.chmod(parent.stat().st_mode | 0o011)
        self.run("initdb", "-D", self.folder / "db", "-A", "trust", "-U", "bench")
        with open(self.folder / "db" / "postgresql.conf", "a", encoding="utf-8") as settings:
            settings.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n"
                           "shared_buffers = 1GB\nmax_wal_size = 8GB\n")
        self.run("pg_ctl", "-D", self.folder / "db", "-l", self.folder / "log", "-w", "start")
        self.sql = psycopg2.connect(host=str(self.folder), user="bench",
                                    dbname="postgres").cursor()
        self.sql.connection.autocommit = True

    def run(self, program, *arguments):
        subprocess.run([self.bin / program, *arguments], check=True, stdout=subprocess.DEVNULL,
                       cwd="/", **self.user)

    def stop(self):
        self.sql.connection.close()
        self.run("pg_ctl", "-D", self.folder / "db", "-m", "fast", "stop")
        shutil.rmtree(self.folder)


def over_the_wire(server, folder, file, rows):
    content = file.read_bytes()
    postgres = Postgres(folder)
    try:
        taken = {"here": [], "postgres": []}
        for turn in range(3):
            for name, sql in (("here", server.sql), ("postgres", postgres.sql)):
                sql.execute(f"CREATE TABLE wire{turn}({COLUMNS})")
                taken[name].append(seconds(lambda: sql.copy_expert(
                    f"COPY wire{turn} FROM STDIN CSV", io.BytesIO(content), size=1 << 16)))
        mine, other = (statistics.median(taken[name]) for name in ("here", "postgres"))
        told(figure="COPY FROM STDIN of CSV", rows=rows, megabytes=len(content) >> 20,
             seconds=round(mine, 2), postgres=round(other, 2), times=round(other / mine, 2))
    finally:
        postgres.stop()


def select_one(server, calls):
    taken = sorted(1000 * seconds(lambda: server.sql.execute("SELECT 1")) for _ in range(calls))
    told(figure="SELECT 1 over the wire", calls=calls, p50_ms=round(taken[calls // 2], 2),
         p99_ms=round(taken[calls * 99 // 100], 2))


def loads(server, options, folder):
    engine = Engine(options.duckdb, folder / "bare.duckdb")
    try:
        files = make_files(engine, folder, options.loaded)
        if "copy" in options.only:
            copies(server, engine, files, options.loaded)
        if "wire" in options.only:
            over_the_wire(server, folder, files["csv"], options.loaded)
    finally:
        engine.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--only", default="sort,data_api,select,copy,wire")
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--loaded", type=int, default=2_000_000)
    parser.add_argument("--duckdb", default=str(ROOT / "build/duckdb/node_modules/@duckdb/"
                                                "node-bindings-linux-x64/libduckdb.so"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as folder:
        server = Server(os.path.join(folder, "data"))
        try:
            if "data_api" in options.only:
                data_api(server, options.calls)
            if "sort" in options.only:
                sort_keys(server, options.rows)
            if "select" in options.only:
                select_one(server, options.calls)
            if "copy" in options.only or "wire" in options.only:
                loads(server, options, pathlib.Path(folder))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
