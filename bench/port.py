#!/usr/bin/env python3
"""The AWS port: speed beside others, memory, sizes. One command, one line of JSON for each figure.

    port.py [--data DIR] [--only floors,streams,objects,queues,put,send,large,list,idle,notify]
            [--seconds 10] [--rounds 3] [--keep] [--write]

The first four measure ours beside kinesalite, NATS JetStream, Redis and s3rver (port_beside.py);
their figures go to build/bench/port.json and, as a table, with --write into docs/performance.md;
--keep takes the groups that aren't asked for from the last run.

Serves a data directory of its own (under --data: the disk to be measured), and drives it by
port_bench and by sockets. `large` puts and gets 1 GiB beside the same bytes written to the disk
and sent over loopback; `list` has 100,000 keys; `idle` holds 1,000 connections; `notify` puts
10,000 objects of 1 KiB in a minute and counts the messages. STROMA_BINARY and PORT_BENCH name
other programs than those of build/release.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
import port_beside  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("STROMA_BINARY", str(ROOT / "build/release/stroma"))
BENCH = os.environ.get("PORT_BENCH", str(ROOT / "build/release/bench/port_bench"))
GIB = 1 << 30
PIECE = 1 << 20


class Server:
    def __init__(self, folder):
        self.data = folder / "data"
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", self.data, "--http", "127.0.0.1:0",
             "--aws", "127.0.0.1:0", "--insecure-any-credentials"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.startswith("AWS-compatible services at "):
                self.port = int(line.rsplit(":", 1)[1])
                break
        else:
            sys.exit("the server didn't start")
        # What it says later must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def kib(self, name):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status).group(1))


class Client:
    """Plain HTTP on one connection: http.client copies bodies too often."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method, path, body=b"", headers=(), length=None, pieces=None, keep=True):
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1",
                 "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                 f"Content-Length: {len(body) if length is None else length}", *headers]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        for piece in pieces or ():
            self.socket.sendall(piece)
        held = bytearray()
        while b"\r\n\r\n" not in held:
            got = self.socket.recv(PIECE)
            assert got, "the connection broke"
            held += got
        head, rest = bytes(held).split(b"\r\n\r\n", 1)
        assert head[9:12] in (b"200", b"204"), head
        found = re.search(rb"(?i)content-length: (\d+)", head)
        left = int(found.group(1)) - len(rest) if found else 0
        parts = [rest] if keep else []
        buffer = bytearray(PIECE)
        while left > 0:
            count = self.socket.recv_into(buffer, min(left, PIECE))
            assert count > 0, "the connection broke"
            left -= count
            if keep:
                parts.append(bytes(buffer[:count]))
        return b"".join(parts), head

    def call(self, operation, members):
        body = json.dumps(members).encode()
        answer, _ = self.ask("POST", "/", body, (
            "Content-Type: application/x-amz-json-1.0", f"X-Amz-Target: AmazonSQS.{operation}"))
        return json.loads(answer or b"{}")


def show(figure, **values):
    print(json.dumps({"figure": figure, **values}), flush=True)


def driven(server, kind, place, connections, size, seconds):
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    before = cpu.ru_utime + cpu.ru_stime
    done = subprocess.run([BENCH, str(server.port), kind, place, str(connections), str(size),
                           str(seconds)], capture_output=True, text=True, check=True)
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    show("driven", **json.loads(done.stdout),
         load_cores=round((cpu.ru_utime + cpu.ru_stime - before) / seconds, 2))


def put(server, seconds):
    Client(server.port).ask("PUT", "/bench")
    for connections, size in ((1, 1024), (16, 1024), (1, 5 << 20), (4, 5 << 20)):
        driven(server, "put", "bench", connections, size, seconds)
    driven(server, "get", "bench", 4, 5 << 20, seconds)


def send(server, seconds):
    client = Client(server.port)
    client.call("CreateQueue", {"QueueName": "bench"})
    for connections in (16, 1, 16):
        driven(server, "send", "/000000000000/bench", connections, 200, seconds)
    for connections in (1, 16):
        driven(server, "work", "/000000000000/bench", connections, 200, seconds / 2)


def disk_rate(folder):
    """MB/s of writing a GiB and syncing it."""
    piece = os.urandom(PIECE)
    begin = time.monotonic()
    with open(folder / "floor", "wb", buffering=0) as file:
        for _ in range(GIB // PIECE):
            file.write(piece)
        os.fsync(file.fileno())
    seconds = time.monotonic() - begin
    (folder / "floor").unlink()
    return GIB / seconds / 1e6


def loopback_rate():
    """MB/s of a GiB through a socket into nothing, by two processes."""
    listener = socket.create_server(("127.0.0.1", 0))
    child = os.fork()
    if child == 0:
        peer, _ = listener.accept()
        buffer = bytearray(PIECE)
        while peer.recv_into(buffer) > 0:
            pass
        peer.sendall(b".")
        os._exit(0)
    piece = os.urandom(PIECE)
    out = socket.create_connection(listener.getsockname())
    begin = time.monotonic()
    for _ in range(GIB // PIECE):
        out.sendall(piece)
    out.shutdown(socket.SHUT_WR)
    out.recv(1)
    seconds = time.monotonic() - begin
    os.waitpid(child, 0)
    return GIB / seconds / 1e6


def large(server, _seconds):
    client = Client(server.port)
    client.ask("PUT", "/large")
    piece = os.urandom(PIECE)
    whole = hashlib.md5()
    for _ in range(GIB // PIECE):
        whole.update(piece)
    before = server.kib("VmRSS")
    for turn in range(2):
        disk, loopback = disk_rate(server.data), loopback_rate()
        begin = time.monotonic()
        _, head = client.ask("PUT", "/large/object", length=GIB,
                             pieces=(piece for _ in range(GIB // PIECE)))
        put_rate = GIB / (time.monotonic() - begin) / 1e6
        assert whole.hexdigest().encode() in head, head
        begin = time.monotonic()
        client.ask("GET", "/large/object", keep=False)
        get_rate = GIB / (time.monotonic() - begin) / 1e6
        show("1 GiB", turn=turn, put_mb_s=round(put_rate), get_mb_s=round(get_rate),
             disk_mb_s=round(disk), loopback_mb_s=round(loopback),
             put_of_floor=round(put_rate / min(disk, loopback), 2),
             get_of_loopback=round(get_rate / loopback, 2),
             grown_mib=round((server.kib("VmHWM") - before) / 1024, 1))
    client.ask("DELETE", "/large/object")


def in_parallel(count, work):
    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def listing(server, _seconds):
    keys, folders = 100_000, 100
    Client(server.port).ask("PUT", "/list")

    def fill(worker):
        client = Client(server.port)
        for i in range(worker, keys, 8):
            client.ask("PUT", f"/list/folder{i % folders:03}/key{i:06}", b"x")

    begin = time.monotonic()
    in_parallel(8, fill)
    show("100,000 puts", seconds=round(time.monotonic() - begin, 1))
    client = Client(server.port)

    def walk(query):
        found, prefixes, pages, token, slowest = [], [], 0, "", 0.0
        begin = time.monotonic()
        while True:
            at = time.monotonic()
            text, _ = client.ask("GET", f"/list?list-type=2{query}" + (
                f"&continuation-token={urllib.parse.quote(token, safe='')}" if token else ""))
            slowest = max(slowest, time.monotonic() - at)
            text = text.decode()
            pages += 1
            found += re.findall("<Key>(.*?)</Key>", text)
            prefixes += re.findall("<CommonPrefixes><Prefix>(.*?)</Prefix>", text)
            more = re.search("<NextContinuationToken>(.*?)<", text)
            if not more:
                break
            token = more.group(1)
        return found, prefixes, {"pages": pages, "seconds": round(time.monotonic() - begin, 3),
                                 "slowest_page_ms": round(slowest * 1000, 1)}

    found, _, times = walk("")
    assert len(found) == keys and found == sorted(set(found))
    show("list of 100,000 keys", **times)
    _, prefixes, times = walk("&delimiter=/")
    assert prefixes == [f"folder{i:03}/" for i in range(folders)]
    show("list of 100 common prefixes over 100,000 keys", **times)
    found, prefixes, times = walk("&delimiter=/&prefix=folder007/&max-keys=7")
    assert len(found) == keys // folders and found == sorted(found) and not prefixes
    show("list of one folder in pages of 7", **times)


def idle(server, _seconds):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limit[1]), limit[1]))
    Client(server.port).ask("PUT", "/idle")
    before = server.kib("VmRSS")
    clients = []
    for _ in range(1000):
        clients.append(Client(server.port))
        clients[-1].ask("GET", "/idle?list-type=2")
    grown = server.kib("VmRSS") - before
    clients[0].ask("GET", "/idle?list-type=2")
    show("1,000 idle connections", mib=round(grown / 1024, 1))


def notify(server, _seconds):
    count = 10_000
    client = Client(server.port)
    client.ask("PUT", "/notify")
    client.call("CreateQueue", {"QueueName": "notify"})
    client.ask("PUT", "/notify?notification", (
        "<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sqs:us-east-1:000000000000:"
        "notify</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration>"
        "</NotificationConfiguration>").encode())

    def fill(worker):
        mine = Client(server.port)
        for i in range(worker, count, 4):
            mine.ask("PUT", f"/notify/key{i:05}", b"x" * 1024)

    begin = time.monotonic()
    in_parallel(4, fill)
    seconds = time.monotonic() - begin
    told = []
    url = {"QueueUrl": "http://127.0.0.1/000000000000/notify"}
    while True:
        messages = client.call("ReceiveMessage", {**url, "MaxNumberOfMessages": 10}).get("Messages")
        if not messages:
            break
        for message in messages:
            told += [one["s3"]["object"]["key"]
                     for one in json.loads(message["Body"]).get("Records", [])]
        client.call("DeleteMessageBatch", {**url, "Entries": [
            {"Id": str(i), "ReceiptHandle": one["ReceiptHandle"]}
            for i, one in enumerate(messages)]})
    assert sorted(told) == [f"key{i:05}" for i in range(count)], (len(told), len(set(told)))
    show("10,000 objects notified", seconds=round(seconds, 1),
         per_minute=round(count / seconds * 60), told=len(told))


GROUPS = port_beside.GROUPS
FIGURES = {"put": put, "send": send, "large": large, "list": listing, "idle": idle,
           "notify": notify}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default=tempfile.gettempdir())
    parser.add_argument("--only", default=",".join([*GROUPS, *FIGURES]))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3, help="turns of ours and the peers")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    only = asked.only.split(",")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="port-bench-", dir=asked.data))
    try:
        if groups := [name for name in GROUPS if name in only]:
            held = port_beside.measure(groups, folder, asked.seconds, asked.rounds, asked.keep)
            print("\n" + port_beside.markdown(held), flush=True)
            if asked.write:
                port_beside.write(held)
        for name in (one for one in only if one not in GROUPS):
            server = Server(folder)
            FIGURES[name](server, asked.seconds)
            server.stop()
            shutil.rmtree(server.data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
