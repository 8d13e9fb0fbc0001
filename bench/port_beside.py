"""Streams, objects and queues of the AWS port beside other servers, in one run.

Ours and the peers take turns, `rounds` times; a figure is the median of its rounds. Nothing counts
unless what lies in each server afterwards is what it acknowledged: records are counted and known
ones read back, objects of both stores have the same bytes and these bytes' MD5 as their ETag.
"""
import hashlib
import json
import os
import pathlib
import platform
import re
import socket
import statistics
import subprocess
import time
import zlib

from peers import Unavailable
from port_peers import Http, JetStream, Kinesalite, Redis, S3rver, Stroma

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/bench"
BENCHES = pathlib.Path(os.environ.get("PORT_BENCH",
                                      str(ROOT / "build/release/bench/port_bench"))).parent
BEGIN, END = "<!-- measured: bench/port.py --write -->", "<!-- end of bench/port.py -->"
STREAMS = (  # what, connections, records of 200 B in a call
    ("500 records of 200 B a call, 4 connections", 4, 500),
    ("one record of 200 B a call, 1 connection", 1, 1),
    ("one record of 200 B a call, 50 connections", 50, 1))
OBJECTS = (  # what, kind, connections, bytes
    ("put 1 KiB, 16 connections", "put", 16, 1 << 10),
    ("put 5 MiB, 1 connection", "put", 1, 5 << 20),
    ("put 5 MiB, 4 connections", "put", 4, 5 << 20),
    ("get 5 MiB, 4 connections", "get", 4, 5 << 20))
PIECE = 5 << 20


class Different(Exception):
    """A server doesn't hold what it acknowledged."""


class Run:
    """Figures of servers: (group, what, who) → rounds."""

    def __init__(self, seconds, rounds, keep):
        BUILD.mkdir(parents=True, exist_ok=True)
        self.seconds, self.rounds, self.path = seconds, rounds, BUILD / "port.json"
        self.held = {"figures": [], "remarks": {}}
        if keep and self.path.exists():
            self.held = json.loads(self.path.read_text())

    def begin(self, group):
        self.held["figures"] = [one for one in self.held["figures"] if one["group"] != group]
        self.held["remarks"][group] = [f"{group}: {time.strftime('%Y-%m-%d %H:%M')}, "
                                       f"{self.rounds} rounds of {self.seconds:g} s, load before "
                                       f"them {os.getloadavg()[0]:.1f}"]

    def remark(self, group, text):
        print(f"!!!! {group}: {text}", flush=True)
        self.held["remarks"][group].append(text)

    def record(self, group, what, who, **values):
        line = {"group": group, "what": what, "who": who, **values}
        self.held["figures"].append(line)
        print(json.dumps(line), flush=True)

    def end(self):
        self.path.write_text(json.dumps(self.held))

    def started(self, group, kinds, folder):
        servers = []
        for kind in kinds:
            try:
                servers.append(kind(folder / kind.__name__, BUILD))
                self.remark(group, f"{kind.name}: {kind.note}")
            except Unavailable as reason:
                self.remark(group, f"**not run**: {kind.name}: {reason}")
        return servers


def driven(server, program, *words):
    """The generator's line, and the cores that the server kept busy meanwhile."""
    cpu, begin = server.cpu(), time.monotonic()
    done = subprocess.run([BENCHES / program, str(server.port), *map(str, words)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{server.name}: {done.stderr.strip()[-300:]}")
    cores = (server.cpu() - cpu) / (time.monotonic() - begin)
    return json.loads(done.stdout), round(cores, 2)


def streams(run, folder):
    group = "streams"
    servers = run.started(group, (Stroma, Kinesalite, JetStream, Redis), folder)
    known = {hashlib.sha256(b"%d" % i).hexdigest().encode() * 3 for i in range(100)}
    try:
        acknowledged = {}
        for server in servers:
            server.make_stream()
            server.append(sorted(known))
            acknowledged[server] = len(known)
        for _ in range(run.rounds):
            for what, connections, records in STREAMS:
                for server in servers:
                    line, cores = driven(server, "put_records_bench", "bench", connections, records,
                                         200, run.seconds, server.protocol)
                    acknowledged[server] += line["requests"] * records
                    run.record(group, what, server.name, rate=line["records_per_second"],
                               unit="records", p50=line["p50_ms"], p99=line["p99_ms"], cores=cores)
        for server, wanted in acknowledged.items():
            count, found = server.read(known)
            if count != wanted or found != known:
                raise Different(f"{server.name} acknowledged {wanted} records and holds {count}, "
                                f"{len(found)} of {len(known)} known ones")
        run.remark(group, "each acknowledged record was there afterwards: " + ", ".join(
            f"{server.name} {count:,}" for server, count in acknowledged.items()))
    finally:
        for server in servers:
            server.stop()


def objects(run, folder):
    group = "objects"
    servers = run.started(group, (Stroma, S3rver), folder)
    try:
        for server in servers:
            Http(server.port).ask("PUT", "/bench")
        for _ in range(run.rounds):
            for what, kind, connections, size in OBJECTS:
                for server in servers:
                    line, cores = driven(server, "port_bench", kind, "bench", connections, size,
                                         run.seconds)
                    run.record(group, what, server.name, p50=line["p50_ms"], p99=line["p99_ms"],
                               cores=cores, **rate_of(line, size))
        same_objects(servers)
        run.remark(group, "the objects of both stores were equal afterwards, and their ETags the "
                          "MD5 of their bytes; Stroma checks a CRC32 beside it")
    finally:
        for server in servers:
            server.stop()


def rate_of(line, size):
    if size >= 1 << 20:
        return {"rate": line["mb_per_second"], "unit": "MB"}
    return {"rate": line["per_second"], "unit": "objects"}


def same_objects(servers):
    digests = {}
    keys = {f"bench-{size}-{connection}-{turn}" for _, kind, connections, size in OBJECTS
            if kind == "put" for connection in range(connections) for turn in range(2)}
    for server in servers:
        for key in sorted(keys):
            body, head = Http(server.port).ask("GET", f"/bench/{key}")
            digest = hashlib.md5(body).hexdigest()
            if digest.encode() not in head or digests.setdefault(key, digest) != digest:
                raise Different(f"{server.name}: {key} has the MD5 {digest}; {head.decode()}")


def queues(run, folder):
    """SQS has no peer here: a stream of Redis takes what is sent, which is the nearest."""
    group = "queues"
    servers = run.started(group, (Stroma, Redis), folder)
    try:
        sends = "send 200 B, 16 connections"
        for server in servers:
            if isinstance(server, Stroma):
                server.sqs("CreateQueue", {"QueueName": "bench"})
        sent = worked = 0
        place = "/000000000000/bench"
        for _ in range(run.rounds):
            for server in servers:
                if isinstance(server, Redis):
                    line, cores = driven(server, "put_records_bench", "bench", 16, 1, 200,
                                         run.seconds, "redis")
                    line["per_second"] = line["records_per_second"]
                else:
                    line, cores = driven(server, "port_bench", "send", place, 16, 200, run.seconds)
                    sent += line["requests"]
                run.record(group, sends, server.name, rate=line["per_second"], unit="messages",
                           p50=line["p50_ms"], p99=line["p99_ms"], cores=cores)
            line, cores = driven(servers[0], "port_bench", "work", place, 16, 200,
                                 run.seconds / 2)
            worked += line["requests"]
            run.record(group, "receive and delete 200 B, 16 connections", "Stroma",
                       rate=line["per_second"], unit="messages", p50=line["p50_ms"],
                       p99=line["p99_ms"], cores=cores)
        told = servers[0].sqs("GetQueueAttributes", {
            "QueueUrl": f"http://127.0.0.1{place}",
            "AttributeNames": ["ApproximateNumberOfMessages"]})["Attributes"]
        if int(told["ApproximateNumberOfMessages"]) != sent - worked:
            raise Different(f"{sent} messages were sent, {worked} deleted, and {told} are left")
        run.remark(group, f"{sent:,} messages were sent, {worked:,} received and deleted, and the "
                          "others left")
    finally:
        for server in servers:
            server.stop()


def floors(run, folder):
    """What this machine does with the same bytes and nothing around them."""
    group = "floors"
    piece = os.urandom(PIECE)
    folder.mkdir(parents=True, exist_ok=True)

    def rate(work):
        count, begin = 0, time.monotonic()
        while (passed := time.monotonic() - begin) < run.seconds / 2:
            work(count)
            count += 1
        return count / passed

    def write(number, size=PIECE):
        with open(folder / f"floor{number % 4}", "wb", buffering=0) as file:
            file.write(piece[:size])
            os.fdatasync(file.fileno())

    def append(_number):
        os.write(log.fileno(), piece[:100_000])
        os.fdatasync(log.fileno())

    with open(folder / "log", "wb") as log:
        for _ in range(run.rounds):
            for what, unit, factor, work in (
                    ("MD5, one core", "MB", PIECE / 1e6, lambda _: hashlib.md5(piece)),
                    ("CRC32 (zlib), one core", "MB", PIECE / 1e6, lambda _: zlib.crc32(piece)),
                    ("write 5 MiB to a file and sync it", "MB", PIECE / 1e6, write),
                    ("append 100 kB and sync", "syncs", 1, append)):
                run.record(group, what, "this machine", rate=rate(work) * factor, unit=unit)
            run.record(group, "loopback, one connection", "this machine", rate=loopback(piece),
                       unit="MB")


def loopback(piece):
    """MB/s through a socket into a process that reads and forgets."""
    listener = socket.create_server(("127.0.0.1", 0))
    child = os.fork()
    if child == 0:
        peer, _ = listener.accept()
        buffer = bytearray(1 << 20)
        while peer.recv_into(buffer) > 0:
            pass
        peer.sendall(b".")
        os._exit(0)
    out = socket.create_connection(listener.getsockname())
    begin, count = time.monotonic(), 100
    for _ in range(count):
        out.sendall(piece)
    out.shutdown(socket.SHUT_WR)
    out.recv(1)
    seconds = time.monotonic() - begin
    os.waitpid(child, 0)
    return count * len(piece) / seconds / 1e6


GROUPS = {"floors": floors, "streams": streams, "objects": objects, "queues": queues}


def measure(groups, folder, seconds, rounds, keep):
    run = Run(seconds, rounds, keep)
    for group in groups:
        run.begin(group)
        GROUPS[group](run, folder / group)
        run.end()
    return run.held


def short(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(held):
    yield ("| what | by | a second | p50 ms | p99 ms | cores of the server | Stroma is |\n"
           "|---|---|---|---|---|---|---|")
    rows = {}
    for one in held["figures"]:
        rows.setdefault((one["group"], one["what"]), {}).setdefault(one["who"], []).append(one)
    order = list(GROUPS)
    for (_, what), sides in sorted(rows.items(), key=lambda row: order.index(row[0][0])):
        middle = {who: {name: statistics.median(one[name] for one in rounds)
                        for name in ("rate", "p50", "p99", "cores") if name in rounds[0]}
                  for who, rounds in sides.items()}
        for who, figures in middle.items():
            times = ""
            if who not in ("Stroma", "this machine") and "Stroma" in middle:
                times = f"{middle['Stroma']['rate'] / figures['rate']:.3g}×"
            cells = [short(figures[name]) if name in figures else ""
                     for name in ("p50", "p99", "cores")]
            yield " | ".join([f"| {what}", who, f"{short(figures['rate'])} {sides[who][0]['unit']}",
                              *cells, times]) + " |"


def remarks(held):
    version = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True,
                             capture_output=True, check=False).stdout.strip()
    model = next((line.split(": ")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.machine())
    yield f"{os.cpu_count()} cores of {model}" + (f", commit {version}." if version else ".")
    for texts in held["remarks"].values():
        yield ". ".join([texts[0], *texts[1:]]) + "."


def markdown(held):
    return "\n".join([*table(held), "", *(f"- {text}" for text in remarks(held))])


def write(held, page=ROOT / "docs/performance.md"):
    text = page.read_text(encoding="utf-8")
    found = re.search(re.escape(BEGIN) + ".*?" + re.escape(END), text, re.S)
    assert found, f"{page} has lost its marks"
    page.write_text(text[:found.start()] + f"{BEGIN}\n{markdown(held)}\n{END}" + text[found.end():],
                    encoding="utf-8")
