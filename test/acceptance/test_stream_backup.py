"""Backups hold streams, deliveries, buckets and queues as of one moment, while others write."""
import collections
import threading
import time

import aws

WAIT_SECONDS_MAX = 90


def records_after(kinesis, iterator):
    """Sequence numbers and data from the iterator to the end."""
    found = []
    while True:
        answer = kinesis.get_records(ShardIterator=iterator)
        found += [(int(r["SequenceNumber"]), r["Data"].decode()) for r in answer["Records"]]
        iterator = answer["NextShardIterator"]
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            return found


class Producer:
    """Puts numbered records on the stream and into the delivery until it is told to stop."""

    def __init__(self, server, key):
        self.kinesis = aws.client(server, key, "kinesis")
        self.firehose = aws.client(server, key, "firehose")
        self.put, self.enough, self.ended = 0, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.ended.is_set():
            batch = [b"%d\n" % n for n in range(self.put, self.put + 5)]
            self.kinesis.put_records(StreamName="s", Records=[
                {"Data": data, "PartitionKey": "k"} for data in batch])
            self.firehose.put_record_batch(DeliveryStreamName="d", Records=[
                {"Data": data} for data in batch])
            self.put += 5
            if self.put >= 100:
                self.enough.set()

    def stop(self):
        self.ended.set()
        self.thread.join()


def deliver(firehose, name, **source):
    firehose.create_delivery_stream(
        DeliveryStreamName=name, **source, ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/any", "BucketARN": "arn:aws:s3:::objects",
            "Prefix": name + "/", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}})


def test_a_restored_copy_goes_on_where_the_backup_was(run, start_server, tmp_path):
    server = start_server(tmp_path / "data", "--aws", "127.0.0.1:0")
    key = aws.make_key(run, server, "rosa")
    kinesis = aws.client(server, key, "kinesis")
    firehose = aws.client(server, key, "firehose", config={"parameter_validation": False})
    kinesis.create_stream(StreamName="s", ShardCount=1)
    aws.client(server, key).create_bucket(Bucket="objects")
    deliver(firehose, "d")
    deliver(firehose, "of-s", DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={
                "KinesisStreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
                "RoleARN": "arn:aws:iam::000000000000:role/any"})
    iterator = kinesis.get_shard_iterator(
        StreamName="s", ShardId="shardId-000000000000",
        ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    producer = Producer(server, key)
    try:
        assert producer.enough.wait(WAIT_SECONDS_MAX)
        acknowledged = producer.put
        run("backup", tmp_path / "copy", data=server.data)
        most = producer.put + 5
    finally:
        producer.stop()
    server.stop()
    run("restore", tmp_path / "copy", data=tmp_path / "restored")
    restored = start_server(tmp_path / "restored", "--aws", "127.0.0.1:0")
    kinesis = aws.client(restored, key, "kinesis")
    # An iterator of before the backup goes on; what had been acknowledged before it is there.
    read = records_after(kinesis, iterator)
    assert [data for _, data in read] == [f"{n}\n" for n in range(len(read))]
    assert acknowledged <= len(read) <= most
    placed = kinesis.put_record(StreamName="s", Data=b"next\n", PartitionKey="k")
    assert int(placed["SequenceNumber"]) > read[-1][0]
    # Deliveries go on too: each record of the copy lies in one object, once.
    s3 = aws.client(restored, key)
    until = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        bodies = {name: [] for name in ("d", "of-s")}
        for name, lines in bodies.items():
            for listed in s3.get_paginator("list_objects_v2").paginate(Bucket="objects",
                                                                       Prefix=name + "/"):
                for told in listed.get("Contents", []):
                    got = s3.get_object(Bucket="objects", Key=told["Key"])["Body"].read()
                    lines += got.decode().splitlines()
        if "next" in bodies["of-s"] and len(bodies["d"]) >= acknowledged:
            break
        assert time.monotonic() < until
    seen = collections.Counter(bodies["of-s"])
    assert seen == collections.Counter([str(n) for n in range(len(read))] + ["next"])
    put = collections.Counter(bodies["d"])
    assert set(put.values()) == {1} and set(put) == {str(n) for n in range(len(put))}
    assert acknowledged <= len(put) <= most


def test_a_backup_without_a_server_holds_them_too(run, start_server, tmp_path):
    server = start_server(tmp_path / "data", "--aws", "127.0.0.1:0")
    key = aws.make_key(run, server, "rosa")
    kinesis = aws.client(server, key, "kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.put_record(StreamName="s", Data=b"kept", PartitionKey="k")
    server.stop()
    run("backup", tmp_path / "copy", data=server.data)
    run("restore", tmp_path / "copy", data=tmp_path / "restored")
    restored = start_server(tmp_path / "restored", "--aws", "127.0.0.1:0")
    kinesis = aws.client(restored, key, "kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName="s", ShardId="shardId-000000000000",
        ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert [data for _, data in records_after(kinesis, iterator)] == ["kept"]
    restored.stop()
    # Verify reads the records as well.
    assert "everything is as it was written" in run("verify", data=restored.data).stdout


def test_objects_that_are_replaced_while_it_runs_have_their_bytes_in_the_copy(
        run, start_server, tmp_path):
    server = start_server(tmp_path / "data", "--aws", "127.0.0.1:0")
    key = aws.make_key(run, server, "rosa")
    s3 = aws.client(server, key)
    s3.create_bucket(Bucket="replaced")
    bodies = [letter.encode() * 30_000 for letter in "abc"]  # too long for the index itself
    ended, replaced = threading.Event(), threading.Event()

    def replace():
        turn = 0
        while not ended.is_set():
            turn += 1
            for name in range(20):
                s3.put_object(Bucket="replaced", Key=str(name), Body=bodies[turn % 3])
            replaced.set()
    worker = threading.Thread(target=replace)
    worker.start()
    try:
        assert replaced.wait(WAIT_SECONDS_MAX)
        run("backup", tmp_path / "copy", data=server.data)
    finally:
        ended.set()
        worker.join()
    # What was kept for the copy goes when it is done: a body for each object is left.
    blobs = [path for path in (server.data / "objects" / "keys").rglob("*")
             if path.is_file() and "bucket=" in path.parts]
    assert len(blobs) == 20
    server.stop()
    run("restore", tmp_path / "copy", data=tmp_path / "restored")
    restored = aws.client(start_server(tmp_path / "restored", "--aws", "127.0.0.1:0"), key)
    for name in range(20):
        body = restored.get_object(Bucket="replaced", Key=str(name))["Body"].read()
        assert body in bodies
