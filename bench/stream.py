#!/usr/bin/env python3
"""How soon a matrix answer begins, and what memory it takes (check N3).

    stream.py --data DIR [--formats csv,mtx,h5ad] [--where CONDITION] [--whole] [--keep FOLDER]

Serves a data directory that nobody else has open, asks for the matrix of the cells that meet the
condition (default: all) in each format, and reads the answer while it is made: seconds from the
POST to the head of the answer and to its first byte, and whether the job was still at work then.
The transfer is cut after 4 MiB. With --whole it goes on with a Range to its end, and the checksum
of what arrived is compared with that of the result. One line of JSON for each format, with the
peak of the server's memory so far. STROMA_BINARY names another program than build/release/stroma.
"""
import argparse
import hashlib
import http.client
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
CUT = 4 << 20
PIECE = 1 << 20


def start(binary, data):
    """The server and its address."""
    server = subprocess.Popen([binary, "serve", "--data", data, "--http", "127.0.0.1:0"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = server.stdout.readline().split()[-1]
    return server, urllib.parse.urlsplit(url).netloc


def ask(address, method, path, body=None, headers=None):
    """The connection and the answer, whose body isn't read yet."""
    connection = http.client.HTTPConnection(address, timeout=3600)
    connection.request(method, path, None if body is None else json.dumps(body), headers or {})
    return connection, connection.getresponse()


def told(address, path):
    connection, answer = ask(address, "GET", path)
    text = answer.read()
    connection.close()
    return json.loads(text)


def peak_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return round(int(line.split()[1]) / 1024)
    return None


def read_into(answer, most, take):
    """Hands over at most that many bytes; how many they were."""
    count = 0
    while count < most and (piece := answer.read1(min(PIECE, most - count))):
        take(piece)
        count += len(piece)
    return count


def measure(address, server, where, form, whole, keep):
    figures = {"format": form}
    begin = time.monotonic()
    connection, answer = ask(address, "POST", "/v1/matrix", {"where": where, "format": form},
                             {"Content-Type": "application/json"})
    accepted = json.loads(answer.read())
    assert answer.status == 202, accepted
    path = f"/v1/matrix/{accepted['request_id']}"
    connection, answer = ask(address, "GET", path + "/stream")
    figures["head_s"] = round(time.monotonic() - begin, 3)
    first = answer.read(1)
    figures["first_byte_s"] = round(time.monotonic() - begin, 3)
    figures["state_then"] = told(address, path)["status"]
    digest = hashlib.sha256(first)
    kept = open(pathlib.Path(keep) / f"streamed.{form}", "wb") if keep else None

    def take(piece):
        digest.update(piece)
        if kept:
            kept.write(piece)
    if kept:
        kept.write(first)
    count = 1 + read_into(answer, CUT - 1, take)
    etag = answer.headers["ETag"]
    connection.close()
    if whole:
        connection, answer = ask(address, "GET", path + "/stream", None,
                                 {"Range": f"bytes={count}-", "If-Range": etag})
        assert answer.status == 206, answer.status
        count += read_into(answer, 1 << 62, take)
        done = told(address, path)
        assert done["status"] == "Complete", done
        assert (done["bytes"], done["sha256"]) == (count, digest.hexdigest()), done
        figures |= {"bytes": count, "seconds": round(time.monotonic() - begin, 1),
                    "cells": done["cells"], "genes": done["genes"], "nonzeros": done["nonzeros"],
                    "resumed_equal": True}
    else:
        token = json.loads((pathlib.Path(server.data) / "server.json").read_text())["token"]
        job = told(address, path)["job"]
        ask(address, "POST", f"/v1/jobs/{job}/cancel", None, {"Authorization": f"Bearer {token}"})
    figures["server_peak_MiB"] = peak_mib(server.pid)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--formats", default="csv,mtx,h5ad,arrow")
    parser.add_argument("--where", default="true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--keep", help="a folder for what arrives")
    args = parser.parse_args()
    binary = os.environ.get("STROMA_BINARY", str(ROOT / "build/release/stroma"))
    server, address = start(binary, args.data)
    server.data = args.data
    try:
        for form in args.formats.split(","):
            print(json.dumps(measure(address, server, args.where, form, args.whole, args.keep)),
                  flush=True)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


if __name__ == "__main__":
    main()
