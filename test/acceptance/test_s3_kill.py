"""Acknowledged objects survive kill -9, and what wasn't leaves nothing behind."""
import concurrent.futures
import hashlib
import threading

import aws


def test_what_was_acknowledged_survives_kill_9(start_server, run, tmp_path):
    data = tmp_path / "data"
    server = start_server(data, "--aws", "127.0.0.1:0")
    key = aws.make_key(run, server, "rosa")
    aws.client(server, key).create_bucket(Bucket="kept")
    acknowledged, under_way = {}, threading.Event()

    def put(worker):
        s3 = aws.client(server, key)
        for i in range(100_000):
            name, body = f"{worker}/{i}", f"{worker}-{i}".encode() * (10_000 if i % 5 == 0 else 1)
            try:
                s3.put_object(Bucket="kept", Key=name, Body=body)
            except Exception:  # the server is gone
                return
            acknowledged[name] = hashlib.md5(body).hexdigest()
            if len(acknowledged) > 150:
                under_way.set()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for worker in range(4):
            pool.submit(put, worker)
        assert under_way.wait(120)
        server.process.kill()
    server = start_server(data, "--aws", "127.0.0.1:0")
    s3 = aws.client(server, key)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="kept")
    there = {one["Key"]: one["ETag"].strip('"') for page in pages for one in page["Contents"]}
    assert {name: there.get(name) for name in acknowledged} == acknowledged
    assert len(there) <= len(acknowledged) + 4  # one of each worker may be there unacknowledged
    for name in list(there)[::25]:
        body = s3.get_object(Bucket="kept", Key=name)["Body"].read()
        assert hashlib.md5(body).hexdigest() == there[name]
    # Each large object is one blob: what the killed ones had begun was swept.
    large = sum(1 for name in there if int(name.split("/")[1]) % 5 == 0)
    blobs = [path for path in (data / "objects" / "keys").rglob("*") if path.is_file()
             and "bucket=" in path.parts]
    assert len(blobs) == large
