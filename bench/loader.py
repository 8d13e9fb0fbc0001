#!/usr/bin/env python3
"""Measures the loader of a server that it starts: how soon an object's rows are seen, how many
small files a second are merged, and what a merge costs as its table grows.

    /usr/bin/python3 bench/loader.py [--puts 100] [--seconds 10] [--binary build/release/stroma]
        [--database postgresql:///lab]

With --database the tables and the ledger lie in that (empty) PostgreSQL database.

Prints one JSON value. Files have 1,000 rows (latency, growth) or 20 (small files).
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time

import boto3
import botocore.config
import psycopg2

PROJECT = pathlib.Path(__file__).resolve().parent.parent
PAUSE = threading.Event()
ARN = "arn:aws:sqs:us-east-1:000000000000:"


class Server:
    def __init__(self, binary, folder, database=None):
        self.data = folder / "data"
        self.configs = folder / "configs"
        self.configs.mkdir()
        self.binary = binary
        self.process = subprocess.Popen(
            [binary, "serve", "--data", self.data, "--http", "127.0.0.1:0", "--aws", "127.0.0.1:0",
             "--postgres", "127.0.0.1:0", "--set", f"loader.configs={self.configs}", "--set",
             "loader.interval=100ms", "--set", "log.level=error",
             *(["--set", f"loader.database={database}"] if database else [])],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if re.search(r"SQL clients at", line):
                break
        told = json.loads((self.data / "server.json").read_text())
        subprocess.run([binary, "user", "add", "ada", "--administrator", "--data", self.data],
                       check=True, capture_output=True)
        self.key = json.loads(subprocess.run(
            [binary, "key", "create", "ada", "--json", "--data", self.data], check=True,
            capture_output=True, text=True).stdout)
        self.aws = told["aws"]
        host, port = told["postgres"].rsplit(":", 1)
        self.connection = psycopg2.connect(database) if database else psycopg2.connect(
            host=host, port=int(port), user="admin", dbname="dev", password=told["token"])
        self.connection.autocommit = True
        # PostgreSQL's own; the key has an index there, as the page of the loader advises.
        self.series, self.key_type = "range", "BIGINT"
        if database:
            self.series, self.key_type = "generate_series", "BIGINT PRIMARY KEY"
            self.sql("SET search_path = public, stroma_system")
        self.s3, self.sqs = self.client("s3"), self.client("sqs")
        self.s3.create_bucket(Bucket="lake")
        self.rules = []

    def client(self, service):
        return boto3.client(service, endpoint_url=self.aws, region_name="us-east-1",
                            aws_access_key_id=self.key["id"],
                            aws_secret_access_key=self.key["secret"],
                            config=botocore.config.Config(retries={"max_attempts": 0}))

    def sql(self, text):
        cursor = self.connection.cursor()
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else None

    def table(self, name):
        self.sql(f"CREATE TABLE {name}(id {self.key_type}, at TIMESTAMP, what VARCHAR(50))")
        self.sqs.create_queue(QueueName=name)
        self.rules.append({"QueueArn": ARN + name, "Events": ["s3:ObjectCreated:*"], "Filter": {
            "Key": {"FilterRules": [{"Name": "prefix", "Value": name + "/"}]}}})
        self.s3.put_bucket_notification_configuration(
            Bucket="lake", NotificationConfiguration={"QueueConfigurations": self.rules})
        (self.configs / f"{name}.json").write_text(json.dumps({
            "output": {"manifest_bucket": "lake", "manifest_prefix": f"manifests/{name}/"},
            "copy": {"options": "CSV", "table_name": name}, "cluster": {"db_name": "dev"},
            "options": {"merge_duplicate_pks": True, "merge_pk": "id", "merge_timestamp": "at"}}))
        PAUSE.wait(1)  # until the configuration was seen


def rows(first, count):
    return "".join(f"{first + n},2026-01-01 00:00:00,row {first + n}\n" for n in range(count))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def latency(server, table, puts, first):
    """Milliseconds from before a put of 1,000 rows to a SELECT that sees the last of them."""
    found = []
    for number in range(puts):
        at = first + number * 1000
        body = rows(at, 1000)
        begun = time.perf_counter()
        server.s3.put_object(Bucket="lake", Key=f"{table}/{at}.csv", Body=body)
        while not server.sql(f"SELECT 1 FROM {table} WHERE id = {at + 999}"):
            PAUSE.wait(0.001)
        found.append((time.perf_counter() - begun) * 1000)
    return {"puts": puts, "p50_ms": round(statistics.median(found), 1),
            "p99_ms": round(percentile(found, 0.99), 1)}


def small_files(server, table, seconds, threads=4):
    """Files of 20 rows that several clients put, half of whose keys come twice."""
    def put(worker):
        s3, number, until = server.client("s3"), 0, time.monotonic() + seconds
        while time.monotonic() < until:
            s3.put_object(Bucket="lake", Key=f"{table}/{worker}-{number}.csv",
                          Body=rows((number * 10 + worker * 1_000_000), 20))
            number += 1
        return number
    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        files = sum(pool.map(put, range(threads)))
    put_seconds = time.perf_counter() - begun
    behind = files - server.sql("SELECT coalesce(sum(files), 0) FROM stroma_loads WHERE target = "
                                f"'public.{table}'")[0][0]
    while server.sql("SELECT coalesce(sum(files), 0) FROM stroma_loads WHERE target = "
                     f"'public.{table}'")[0][0] < files:
        PAUSE.wait(0.01)
    all_seconds = time.perf_counter() - begun
    return {"files": files, "put_a_second": round(files / put_seconds, 1),
            "behind_at_end": int(behind), "merged_a_second": round(files / all_seconds, 1),
            "loads": server.sql("SELECT count(*) FROM stroma_loads WHERE target = "
                                f"'public.{table}'")[0][0]}


def growth(server, table):
    """The same into a table of so many rows, whose keys lie elsewhere."""
    found = {}
    for size in (10_000, 2_000_000):
        have = server.sql(f"SELECT count(*) FROM {table}")[0][0]
        server.sql(f"INSERT INTO {table} SELECT i, '2026-01-01'::TIMESTAMP, 'old' FROM "
                   f"{server.series}(10000000, {10_000_000 + size - have}) AS r(i)")
        found[str(size)] = latency(server, table, 20, size * 100)
    return found


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--puts", type=int, default=100)
    asked.add_argument("--seconds", type=float, default=10)
    asked.add_argument("--binary", default=PROJECT / "build/release/stroma")
    asked.add_argument("--database")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(options.binary, pathlib.Path(folder), options.database)
        try:
            for name in ("soon", "small", "large"):
                server.table(name)
            latency(server, "soon", 5, 0)
            told = {"latency": latency(server, "soon", options.puts, 1_000_000),
                    "small_files": small_files(server, "small", options.seconds),
                    "growth": growth(server, "large")}
        finally:
            server.process.terminate()
            server.process.wait()
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
