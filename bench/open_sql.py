#!/usr/bin/env python3
"""Whether strangers' runaway statements slow other clients (check N10).

    open_sql.py [--data DIR] [--seconds 30] [--strangers 50] [--runs 3]

Serves a data directory that nobody else has open (default: a demo dataset of 20,000 cells, made
anew) with the limits a server has by default. Four clients ask every 20 ms, one request after
another, what portals and notebooks ask: details of a filter, the datasets, a gene's mean by SQL
(with a token). First alone, then beside 50 strangers without a token who send cross joins that
never end, again when they are refused, as soon as Retry-After says. The two alternate. Prints, for
each kind of request, the median and 99th percentile of both in milliseconds and their ratio, and
how the strangers were answered, as JSON; exits with 1 when a ratio passes 2 or an answer of the
others isn't a success. STROMA_BINARY names another program than build/release/stroma.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

from stream import ROOT, start

CLIENTS, PAUSE = 4, 0.02
CROSS_JOIN = "select count(*) from obs a, obs b, obs c, obs d, obs e, obs f, obs g"
SQL = {"Content-Type": "application/json"}


class Client:
    """One connection that stays open."""

    def __init__(self, address, token=None):
        self.connection = http.client.HTTPConnection(address, timeout=120)
        self.headers = {**SQL, **({"Authorization": f"Bearer {token}"} if token else {})}

    def ask(self, method, path, body=None):
        """The status, and how long to wait before asking again, in seconds."""
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, self.headers)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status, float(answer.headers.get("Retry-After", 0))


def kinds(gene):
    return {"filter": ("GET", "/v1/filters/genes_detected", None),
            "datasets": ("GET", "/v1/datasets", None),
            "sql": ("POST", "/v1/sql",
                    {"statement": "select avg(exprvalue) from expression where featurekey = $gene",
                     "parameters": {"gene": gene}})}


def ask_for(seconds, address, token, asked):
    """Milliseconds of each request by its kind, and the statuses that weren't successes."""
    times, failures, end = collections.defaultdict(list), [], time.monotonic() + seconds

    between = threading.Event()

    def work():
        client = Client(address, token)
        while time.monotonic() < end:
            for kind, request in asked.items():
                between.wait(PAUSE)
                begin = time.perf_counter()
                status, _ = client.ask(*request)
                times[kind].append(1000 * (time.perf_counter() - begin))
                if status != 200:
                    failures.append((kind, status))
    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, failures


def strangers(address, count, stop, statuses):
    def work():
        client = Client(address)
        while not stop.is_set():
            status, wait = client.ask("POST", "/v1/sql", {"statement": CROSS_JOIN})
            statuses.append(status)
            stop.wait(wait)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def printed_by_sql(args, statement):
    done = subprocess.run([args.binary, "sql", statement, "--format", "json", "--data", args.data],
                          capture_output=True, text=True, check=True)
    return done.stdout


def made_data(binary, folder):
    file, data = pathlib.Path(folder) / "demo.h5ad", pathlib.Path(folder) / "data"
    subprocess.run([binary, "demo", "--cells", "20000", "--genes", "5000", "-o", file], check=True,
                   capture_output=True)
    subprocess.run([binary, "import", file, "--name", "demo", "--public", "--data", data],
                   check=True, capture_output=True)
    return str(data)


def measure(address, token, args):
    [row] = json.loads(printed_by_sql(args, "select featurekey from expression limit 1"))
    gene = row["featurekey"]
    asked, failures, statuses = kinds(gene), [], []
    times = {"idle": collections.defaultdict(list), "beside": collections.defaultdict(list)}
    ask_for(2, address, token, asked)
    for _ in range(args.runs):
        for state in ("idle", "beside"):
            stop = threading.Event()
            count = args.strangers if state == "beside" else 0
            threads = strangers(address, count, stop, statuses)
            got, failed = ask_for(args.seconds / args.runs, address, token, asked)
            failures += failed
            stop.set()
            for thread in threads:
                thread.join()
            for kind, values in got.items():
                times[state][kind] += values
    lines = []
    for kind in asked:
        line = {"request": kind}
        for state in ("idle", "beside"):
            values = times[state][kind]
            line |= {f"{state}_p50_ms": round(percentile(values, 0.5), 2),
                     f"{state}_p99_ms": round(percentile(values, 0.99), 2),
                     f"{state}_requests": len(values)}
        line["p99_ratio"] = round(line["beside_p99_ms"] / line["idle_p99_ms"], 2)
        lines.append(line)
    return lines, failures, collections.Counter(statuses)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--strangers", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    args.binary = os.environ.get("STROMA_BINARY", str(ROOT / "build/release/stroma"))
    with tempfile.TemporaryDirectory() as folder:
        args.data = args.data or made_data(args.binary, folder)
        server, address = start(args.binary, args.data)
        try:
            told = json.loads((pathlib.Path(args.data) / "server.json").read_text())
            lines, failures, statuses = measure(address, told["token"], args)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
    for line in lines:
        print(json.dumps(line))
    print(json.dumps({"strangers_answers": {str(k): v for k, v in sorted(statuses.items())},
                      "others_failures": failures[:5]}))
    sys.exit(bool(failures) or any(line["p99_ratio"] > 2 for line in lines))


if __name__ == "__main__":
    main()
