"""The servers that bench/port_beside.py measures beside the AWS port: started, asked, ended.

Each has `name`, `note` (how it keeps what it acknowledged), `port`, stop(), and a way to count and
read back what lies in it. What can't be started raises Unavailable with the reason.
"""
import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

from peers import Unavailable, node_modules

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("STROMA_BINARY", str(ROOT / "build/release/stroma"))
STREAM = "bench"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Http:
    """One connection, without the copies of http.client; headers are signed by nobody."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method, path, body=b"", headers=()):
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"X-Amz-Date: {now}",
                 "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                 f"Authorization: AWS4-HMAC-SHA256 Credential=S3RVER/{now[:8]}/us-east-1/any/"
                 "aws4_request, SignedHeaders=host, Signature=any",
                 f"Content-Length: {len(body)}", *headers]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        held = bytearray()
        while b"\r\n\r\n" not in held:
            held += self.piece()
        head, rest = bytes(held).split(b"\r\n\r\n", 1)
        parts, had = [rest], len(rest)
        length = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
        while had < length:
            parts.append(self.piece())
            had += len(parts[-1])
        if head[9:12] != b"200":
            raise Unavailable(f"{method} {path}: {head.decode()} {b''.join(parts)[:300]}")
        return b"".join(parts), head

    def piece(self):
        got = self.socket.recv(4 << 20)
        if not got:
            raise Unavailable("the connection broke")
        return got


class Process:
    """A server in a folder of its own, under `folder`."""

    def __init__(self, folder, command, ready):
        self.folder, self.log = folder, folder / "log"
        folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, "wb") as log:
            try:
                self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
            except OSError as reason:
                raise Unavailable(str(reason)) from reason
        until = time.monotonic() + 30
        while not ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                raise Unavailable(f"{command[0]} didn't start: {self.log.read_text()[-300:]}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def cpu(self):
        """Processor seconds of its threads and children so far."""
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = text.rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class KinesisWays:
    """What has Kinesis's protocol."""
    protocol = "kinesis"

    def call(self, operation, members):
        text, _ = Http(self.port).ask("POST", "/", json.dumps(members).encode(), (
            "Content-Type: application/x-amz-json-1.1",
            f"X-Amz-Target: Kinesis_20131202.{operation}"))
        return text

    def make_stream(self):
        self.call("CreateStream", {"StreamName": STREAM, "ShardCount": 4})
        while b'"ACTIVE"' not in self.call("DescribeStreamSummary", {"StreamName": STREAM}):
            continue

    def append(self, records):
        answer = json.loads(self.call("PutRecords", {"StreamName": STREAM, "Records": [
            {"Data": base64.b64encode(one).decode(), "PartitionKey": str(i)}
            for i, one in enumerate(records)]}))
        assert answer["FailedRecordCount"] == 0, answer

    def read(self, known):
        """How many records lie there, and those of `known` among the first of each shard."""
        count, found = 0, set()
        shards = json.loads(self.call("ListShards", {"StreamName": STREAM}))["Shards"]
        for shard in shards:
            place = json.loads(self.call("GetShardIterator", {
                "StreamName": STREAM, "ShardId": shard["ShardId"],
                "ShardIteratorType": "TRIM_HORIZON"}))["ShardIterator"]
            first = True
            while True:
                text = self.call("GetRecords", {"ShardIterator": place, "Limit": 10_000})
                here = text.count(b'"SequenceNumber"')
                if first:
                    for one in json.loads(text)["Records"]:
                        found.add(base64.b64decode(one["Data"]))
                first, count = False, count + here
                place = re.search(rb'"NextShardIterator":"([^"]+)"', text).group(1).decode()
                if not here:
                    break
        return count, found & known


class Stroma(Process, KinesisWays):
    name, note = "Stroma", "synced before each answer"

    def __init__(self, folder, _build):
        self.folder = folder
        super().__init__(folder, [BINARY, "serve", "--data", folder / "data",
                                  "--http", "127.0.0.1:0", "--aws", "127.0.0.1:0",
                                  "--insecure-any-credentials"], self.told)
        self.port = self.told()

    def told(self):
        found = re.search(r"AWS-compatible services at \S+:(\d+)", self.log.read_text())
        return int(found.group(1)) if found else 0

    def sqs(self, operation, members):
        text, _ = Http(self.port).ask("POST", "/", json.dumps(members).encode(), (
            "Content-Type: application/x-amz-json-1.0", f"X-Amz-Target: AmazonSQS.{operation}"))
        return json.loads(text or b"{}")


class Kinesalite(Process, KinesisWays):
    name, note = "kinesalite", "LevelDB, which doesn't sync"

    def __init__(self, folder, build):
        self.port = free_port()
        super().__init__(folder, ["node", node_modules(build) / "node_modules/kinesalite/cli.js",
                                  "--port", str(self.port), "--path", folder / "data",
                                  "--createStreamMs", "10"], self.answers)


class S3rver(Process):
    name, note = "s3rver", "files, not synced"

    def __init__(self, folder, build):
        self.port = free_port()
        super().__init__(folder, ["node", node_modules(build) / "node_modules/s3rver/bin/s3rver.js",
                                  "-d", folder / "data", "-p", str(self.port), "-a", "127.0.0.1",
                                  "--silent"], self.answers)


class Redis(Process):
    name, note, protocol = "Redis stream", "appendfsync always", "redis"

    def __init__(self, folder, _build):
        self.port = free_port()
        super().__init__(folder, ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                                  "--dir", ".", "--appendonly", "yes", "--appendfsync", "always",
                                  "--save", ""], self.answers)
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.lines = self.socket.makefile("rb")

    def do(self, *words):
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.answer()

    def answer(self):
        line = self.lines.readline()[:-2]
        if line[:1] == b"-":
            raise Unavailable(line.decode())
        if line[:1] == b"*":
            return [self.answer() for _ in range(int(line[1:]))]
        return self.lines.read(int(line[1:]) + 2)[:-2] if line[:1] == b"$" else line[1:]

    def make_stream(self):
        pass

    def append(self, records):
        for one in records:
            self.do(b"XADD", STREAM.encode(), b"*", b"d", one)

    def read(self, known):
        first = self.do(b"XRANGE", STREAM.encode(), b"-", b"+", b"COUNT", b"1000")
        return int(self.do(b"XLEN", STREAM.encode())), {one[1][1] for one in first} & known


class JetStream(Process):
    name, protocol = "NATS JetStream", "jetstream"
    note = "file store; Debian's 2.9 can't sync each message (sync_interval came with 2.10)"

    def __init__(self, folder, _build):
        self.port = free_port()
        super().__init__(folder, ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js",
                                  "-sd", "data"], self.answers)
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB bench.told 1\r\n')

    def ask(self, subject, body):
        self.socket.sendall(b"PUB %s bench.told %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        while True:
            line = self.lines.readline()
            if line == b"PING\r\n":
                self.socket.sendall(b"PONG\r\n")
            elif line.startswith(b"MSG"):
                answer = json.loads(self.lines.read(int(line.split()[-1]) + 2))
                if "error" in answer:
                    raise Unavailable(str(answer["error"]))
                return answer
            elif not line or line.startswith(b"-ERR"):
                raise Unavailable(line.decode() or "the connection broke")

    def make_stream(self):
        self.ask(f"$JS.API.STREAM.CREATE.{STREAM}", json.dumps({
            "name": STREAM, "subjects": [STREAM], "storage": "file", "retention": "limits",
            "max_msgs": -1, "max_bytes": -1, "num_replicas": 1}).encode())

    def append(self, records):
        for one in records:
            self.ask(STREAM, one)

    def read(self, known):
        count = self.ask(f"$JS.API.STREAM.INFO.{STREAM}", b"")["state"]["messages"]
        found = set()
        for number in range(1, len(known) + 1):
            told = self.ask(f"$JS.API.STREAM.MSG.GET.{STREAM}", b'{"seq":%d}' % number)
            found.add(base64.b64decode(told["message"]["data"]))
        return count, found & known


if __name__ == "__main__":
    sys.exit("port_peers.py is used by port.py")
