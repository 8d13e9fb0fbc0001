#!/usr/bin/env python3
"""The Explorer and the Portal at the door of a running server: what a browser waits for.

    explorer.py [--cells 500k] [--small 100k] [--only E1,E6] [--seconds 5] [DATA_FOLDER]

Serves data sets of bench/data_sets.py from a data directory that is made once (DATA_FOLDER/door-…)
and asks by connections that stay open, with a token where one is needed. A line of JSON for each
measure of bench/goals.py, as bench/README.md has it. STROMA_BINARY names another program than
build/release/stroma. `--cells 10k --small 10k` is the small runnable form.
"""
import argparse
import gzip
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

import data_sets

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("STROMA_BINARY", str(ROOT / "build/release/stroma"))
PACKED = ("Accept-Encoding: zstd, gzip",)
ROOM = 64 << 20


class Client:
    """One connection that stays open, with as little of its own in a request's time as can be."""

    def __init__(self, server):
        host, port = server.address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host, self.room = server.address, memoryview(bytearray(ROOM))

    def ask(self, method, path, body=b"", headers=()):
        """Status, headers by small name, body, milliseconds."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = ("Content-Type: application/json", *headers)
        head = "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {self.host}",
                            f"Content-Length: {len(body)}", *headers, "", ""])
        begin = time.perf_counter()
        self.socket.sendall(head.encode() + body)
        got, end = 0, -1
        while end < 0:
            got += self.receive(got)
            end = bytes(self.room[:min(got, 1 << 14)]).find(b"\r\n\r\n")
        lines = bytes(self.room[:end]).decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, value in
                  (line.split(":", 1) for line in lines[1:])}
        status = int(lines[0].split()[1])
        length = 0 if status in (204, 304) else int(fields["content-length"])
        while got < end + 4 + length:
            got += self.receive(got)
        took = (time.perf_counter() - begin) * 1e3
        return status, fields, self.room[end + 4:got], took

    def receive(self, at):
        count = self.socket.recv_into(self.room[at:])
        if count == 0:
            raise ConnectionError("the server closed the connection")
        return count

    def told(self, method, path, body=b"", headers=(), wanted=(200, 201)):
        status, fields, answer, took = self.ask(method, path, body, headers)
        if status not in wanted:
            sys.exit(f"{method} {path}: {status} {bytes(answer[:300])}")
        if status == 204:
            return None, fields, took
        packed = fields.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(answer) if packed else bytes(answer)), fields, took


class Server:
    def __init__(self, data):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", data, "--http", "127.0.0.1:0", "--quiet"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = self.process.stdout.readline().split()[-1].split("//")[1].rstrip("/")
        told = json.loads((pathlib.Path(data) / "server.json").read_text(encoding="utf-8"))
        self.token = (f"Authorization: Bearer {told['token']}",)
        self.peak = 0

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.process.stdout.close()

    def memory(self):
        """MiB that aren't pages of files: the store is mapped and not among them."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
        return 0

    def watch_memory(self):
        """Keeps the peak while it goes on; the function that ends it gives the peak."""
        self.peak, ended = self.memory(), threading.Event()

        def watch():
            while not ended.wait(0.005):
                self.peak = max(self.peak, self.memory())
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()

        def end():
            ended.set()
            thread.join()
            return self.peak
        return end


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def tell(goal, measure, value, **more):
    print(json.dumps({"goal": goal, "measure": measure, "value": round(value, 4), **more}),
          flush=True)


class Door:
    def __init__(self, options, folder):
        self.options = options
        self.names = sorted({options.cells, options.small})
        self.data = folder / f"door-{'-'.join(self.names)}"
        stored = self.data / "all.made"
        if not stored.exists():
            shutil.rmtree(self.data, ignore_errors=True)
            for name in self.names:
                subprocess.run([BINARY, "import", folder / name / "cells.h5ad", "--name", name,
                                "--public", "--quiet", "--data", self.data], check=True)
            stored.touch()
        self.server = Server(self.data)
        self.client = Client(self.server)
        self.revisions, self.cells = {}, {}
        for name in self.names:
            said, _, _ = self.client.told("GET", f"/d/{name}")
            self.revisions[name] = said["revision"]["id"]
            schema, _, _ = self.client.told("GET", f"/d/{self.revisions[name]}/schema")
            self.cells[name] = schema["cells"]

    def asked(self, goal):
        return not self.options.only or goal in self.options.only.split(",")

    def routes(self, name):
        revision = self.revisions[name]
        return {"pointer": f"/d/{name}", **{route: f"/d/{revision}/{path}" for route, path in {
            "schema": "schema", "category": "obs?column=cell_type", "number": "obs?column=n_counts",
            "umap": "embeddings/X_umap", "genes": "genes?search=GENE12&limit=10"}.items()}}

    def times(self, paths, seconds, headers=PACKED, wanted=200):
        """Milliseconds of each answer, one after another, every path in turn."""
        times = {path: [] for path in paths}
        for path in paths:
            self.client.ask("GET", path, headers=headers)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for path in paths:
                status, _, _, took = self.client.ask("GET", path, headers=headers)
                if status != wanted:
                    sys.exit(f"{path}: {status}")
                times[path].append(took)
        return times

    def columns(self):
        routes = self.routes(self.options.cells)
        times = self.times(list(routes.values()), self.options.seconds)
        worst = max(times, key=lambda path: statistics.median(times[path]))
        for route, path in routes.items():
            print(f"{route:9} p50 {statistics.median(times[path]):.3f} "
                  f"p99 {percentile(times[path], 0.99):.3f} ms")
        tell("E1", "p50_ms", statistics.median(times[worst]), runs=len(times[worst]))
        tell("E1", "p99_ms", max(percentile(each, 0.99) for each in times.values()))

    def unchanged(self):
        path = self.routes(self.options.cells)["umap"]
        _, fields, _, _ = self.client.ask("GET", path, headers=PACKED)
        times = self.times([path], self.options.seconds / 4,
                           (*PACKED, f"If-None-Match: {fields['etag']}"), 304)[path]
        tell("E2", "p50_ms", statistics.median(times), runs=len(times))

    def genes(self):
        """Genes that nobody asked for yet, and the same again."""
        revision = self.revisions[self.options.cells]
        chosen = random.Random().sample(range(13, 20_000), 200)
        paths = [f"/d/{revision}/expression?gene=GENE{gene + 1}" for gene in chosen]
        first = [self.client.ask("GET", path, headers=PACKED)[3] for path in paths]
        again = [self.client.ask("GET", path, headers=PACKED)[3] for path in paths]
        tell("E3", "p50_ms", statistics.median(again), runs=200)
        tell("E3", "first_p50_ms", statistics.median(first), runs=200)
        print(f"a gene for the first time: p99 {percentile(first, 0.99):.2f} ms")

    def compare(self, name, test="welch", client=None):
        """An eighth of the cells, scattered, against the rest: seconds, whether it was a job."""
        client = client or self.client
        donors = [f"D{donor:03}" for donor in random.sample(range(40), 5)]
        order = {"revision": self.revisions[name], "test": test, "scale": "log_cp10k",
                 "a": {"column": "donor_id", "labels": donors}}
        said, _, took = client.told("POST", "/v1/comparisons", order, PACKED, (200, 202))
        was_job = said["state"] != "done"
        while said["state"] not in ("done", "failed"):
            said, _, more = client.told("GET", f"/v1/comparisons/{said['id']}?wait=10",
                                        wanted=(200, 202))
            took += more
        _, _, table, more = client.ask(
            "GET", f"/v1/comparisons/{said['id']}/table?format=arrow", headers=PACKED)
        if len(table) < 10_000:
            sys.exit(f"the comparison's table is {bytes(table[:300])}")
        return (took + more) / 1e3, was_job

    def comparisons(self):
        for name, goal in ((self.options.small, "E4"), (self.options.cells, "E5")):
            if not self.asked(goal):
                continue
            end = self.server.watch_memory()
            first = self.compare(name)
            times = [self.compare(name)[0] for _ in range(5)]
            tell(goal, "welch_s", statistics.median(times), runs=len(times))
            print(f"{name}: the first one after a start {first[0]:.3f} s{', a job' * first[1]}")
            ranks = [self.compare(name, "wilcoxon") for _ in range(4)]
            print(f"{name}: Wilcoxon first {ranks[0][0]:.3f} s{', a job' * ranks[0][1]}")
            tell(goal, "wilcoxon_s", statistics.median(took for took, _ in ranks[1:]), runs=3)
            tell(goal, "memory_MiB", end())

    def beside(self):
        """Small routes while four comparisons are in flight, one after another each."""
        stop = multiprocessing.Event()
        done = multiprocessing.Value("i", 0)

        def work():
            client = Client(self.server)
            random.seed(os.getpid())
            while not stop.is_set():
                self.compare(self.options.small, client=client)
                with done.get_lock():
                    done.value += 1
        loads = [multiprocessing.Process(target=work) for _ in range(4)]
        for load in loads:
            load.start()
        pause = threading.Event()
        pause.wait(1)
        routes = self.routes(self.options.small)
        paths = [routes[route] for route in ("pointer", "schema", "category", "genes")]
        times = []
        end = time.monotonic() + 2 * self.options.seconds
        while time.monotonic() < end:
            for path in paths:
                times.append(self.client.ask("GET", path, headers=PACKED)[3])
                pause.wait(0.005)
        stop.set()
        for load in loads:
            load.join()
        tell("E6", "p99_ms", percentile(times, 0.99), runs=len(times))
        print(f"beside {done.value} comparisons: p50 {statistics.median(times):.2f} ms, "
              f"longest {max(times):.1f} ms")

    def labels(self):
        """5,000 cells get a label: in one run, and scattered."""
        token, name = self.server.token, self.options.cells
        space, _, _ = self.client.told("POST", "/u/spaces", {"title": "bench"}, token)
        place = f"/u/spaces/{space['id']}/revisions/{self.revisions[name]}/labels"
        made, fields, _ = self.client.told("POST", place, {"name": "kind"}, token)
        address, etag = f"/u/labels/{made['column']['id']}/history", fields["etag"]
        cells = self.cells[name]
        few = cells // 100
        times = {"run": [], "scattered": []}
        for turn in range(100):
            for how, taken in times.items():
                first = random.randrange(cells - few)
                runs = [[first, first + few]] if how == "run" else \
                    [[cell, cell + 1] for cell in sorted(random.sample(range(cells), few))]
                order = {"op": "assign", "label": f"L{turn % 7}", "cells": runs}
                _, fields, took = self.client.told("POST", address, order,
                                                   (*token, f"If-Match: {etag}"))
                etag = fields["etag"]
                taken.append(took)
        tell("E7", "run_p50_ms", statistics.median(times["run"]), runs=100)
        tell("E7", "scattered_p50_ms", statistics.median(times["scattered"]), runs=100)

    def restart(self):
        """What a browser asks first, after the process was started anew."""
        times = []
        for _ in range(5):
            self.server.close()
            self.server = Server(self.data)
            self.client = Client(self.server)
            routes = self.routes(self.options.cells)
            times.append(sum(self.client.ask("GET", routes[route], headers=PACKED)[3]
                             for route in ("pointer", "schema", "umap", "category")))
        tell("E8", "open_ms", statistics.median(times), runs=5)

    def hammer(self):
        """One gene of the small set, 32 clients."""
        revision = self.revisions[self.options.small]
        paths = [f"/d/{revision}/expression?gene=GENE{gene + 14}" for gene in range(500)]
        for path in paths:
            self.client.ask("GET", path, headers=PACKED)
        results = multiprocessing.Queue()

        def work():
            clients, end, times = [Client(self.server) for _ in range(16)], 0.0, []

            def one(client):
                while time.monotonic() < end:
                    times.append(client.ask("GET", random.choice(paths), headers=PACKED)[3])
            end = time.monotonic() + self.options.seconds
            threads = [threading.Thread(target=one, args=(client,)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            results.put(times)
        loads = [multiprocessing.Process(target=work) for _ in range(2)]
        for load in loads:
            load.start()
        times = [took for _ in loads for took in results.get()]
        for load in loads:
            load.join()
        tell("G18", "p50_ms", statistics.median(times), runs=len(times))
        tell("G18", "p99_ms", percentile(times, 0.99))
        tell("G18", "rate_ps", len(times) / self.options.seconds)

    def filters(self):
        """Ids of a filter over metadata, by SQL."""
        times = []
        statement = ("select cellkey from obs where dataset = $name and cell_type = 'type 03' "
                     "and sex = 'male'")
        body = {"statement": statement, "parameters": {"name": self.options.cells},
                "format": "arrow"}
        for _ in range(30):
            status, _, answer, took = self.client.ask("POST", "/v1/sql", body, self.server.token)
            if status != 200:
                sys.exit(f"SQL: {bytes(answer[:300])}")
            times.append(took)
        tell("G19", "sql_ms", statistics.median(times), runs=len(times))

    def portal(self, folder):
        """Pages over 1,000 datasets, each asked once of a process that was just started."""
        data = folder / "door-many"
        if not (data / "all.made").exists():
            shutil.rmtree(data, ignore_errors=True)
            files = sorted(data_sets.make_small_files().iterdir())
            subprocess.run([BINARY, "import", "--quiet", "--public", "--data", data, *files],
                           check=True)
            # The facets of what was imported are made when somebody first looks.
            server = Server(data)
            took = Client(server).told("GET", "/v1/portal/search")[2]
            print(f"portal: the very first look {took:.0f} ms")
            server.close()
            (data / "all.made").touch()
        server = Server(data)
        client = Client(server)
        times = []
        for turn in range(60):
            for path in ("/v1/portal/search?limit=24", f"/v1/portal/search?q=set{turn:05}",
                         f"/v1/portal/search?cell_type=type+{turn % 5}&limit=24",
                         f"/v1/portal/datasets/set{turn * 16:05}",
                         f"/v1/portal/search?offset={turn * 16}&limit=24"):
                times.append(client.told("GET", path, headers=PACKED)[2])
        server.close()
        tell("E9", "p99_ms", percentile(times, 0.99), runs=len(times))
        print(f"portal: p50 {statistics.median(times):.2f}, the first {times[0]:.1f} ms")

    def everything(self, folder):
        for goals, part in ((("E1",), self.columns), (("E2",), self.unchanged),
                            (("E3",), self.genes), (("E4", "E5"), self.comparisons),
                            (("E6",), self.beside), (("E7",), self.labels),
                            (("E8",), self.restart), (("G18",), self.hammer),
                            (("G19",), self.filters), (("E9",), lambda: self.portal(folder))):
            if any(map(self.asked, goals)):
                part()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=data_sets.FOLDER)
    parser.add_argument("--cells", default="500k")
    parser.add_argument("--small", default="100k")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    door = Door(options, options.folder)
    try:
        door.everything(options.folder)
    finally:
        door.server.close()


if __name__ == "__main__":
    main()
