"""A folder kept in a bucket by `stroma sync`, seen by boto3."""
import hashlib
import json
import os
import random
import signal
import subprocess

import aws
import pytest

LARGE = 48_000_000  # ten parts of 5 MiB


@pytest.fixture
def site(start_server, run, tmp_path):
    """A server with a bucket, and a folder with an agent's memory of its own."""
    class Site:
        server = start_server(tmp_path / "server", "--aws", "127.0.0.1:0")
        folder, agent = tmp_path / "scanner", tmp_path / "agent"

        def __init__(self):
            self.folder.mkdir()
            self.key = aws.make_key(run, self.server, "rosa")
            self.s3 = aws.client(self.server, self.key)
            self.s3.create_bucket(Bucket="slides")
            self.environment = {**os.environ, "AWS_ACCESS_KEY_ID": self.key.id,
                                "AWS_SECRET_ACCESS_KEY": self.key.secret}

        def sync(self, *arguments, **options):
            return run("sync", *arguments, data=self.agent, env=self.environment, **options)

        def add(self, *options):
            return self.sync("add", self.folder, "--to", "slides/raw", "--endpoint",
                             aws.address_of(self.server), "--settle", "0s", *options)

        def run_once(self, *options):
            return json.loads(self.sync("run", "--once", "--json", *options).stdout)["scanner"]

        def write(self, path, content):
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)

        def keys(self):
            listed = self.s3.list_objects_v2(Bucket="slides").get("Contents", [])
            return sorted(one["Key"] for one in listed)

        def body(self, key):
            return self.s3.get_object(Bucket="slides", Key=key)["Body"].read()
    return Site()


def start_agent(site, binary, *options):
    return subprocess.Popen(
        [str(binary), "sync", "run", "--json", *options, "--data", str(site.agent)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=site.environment)


def test_a_folder_is_sent_compared_and_mirrored(site):
    site.add("--exclude", "*.tmp", "--delete", "mirror", "--part-size", "5MiB")
    large = random.Random(1).randbytes(12_000_000)
    site.write("plate 1/größe+ä%.tif", b"image")
    site.write("plate 1/large.tif", large)
    site.write("half.tmp", b"not for others")
    dry = site.run_once("--dry-run")
    assert dry["would_send"] == ["plate 1/größe+ä%.tif", "plate 1/large.tif"] and not site.keys()
    first = site.run_once()
    assert (first["sent_files"], first["excluded"], first["failed"]) == (2, 1, 0)
    assert site.keys() == ["raw/plate 1/größe+ä%.tif", "raw/plate 1/large.tif"]
    assert site.body("raw/plate 1/large.tif") == large
    assert site.run_once()["unchanged"] == 2
    assert "2 files" in site.sync("check", "scanner").stdout
    site.s3.put_object(Bucket="slides", Key="raw/plate 1/large.tif", Body=large[:-1] + b"?")
    site.s3.put_object(Bucket="slides", Key="raw/foreign.tif", Body=b"theirs")
    told = site.sync("check", "scanner", fails=True).stdout
    assert "differs     plate 1/large.tif" in told and "only there  foreign.tif" in told
    (site.folder / "plate 1/large.tif").unlink()
    assert site.run_once()["deleted"] == 1
    assert site.keys() == ["raw/foreign.tif", "raw/plate 1/größe+ä%.tif"]
    shown = json.loads(site.sync("show", "scanner", "--json").stdout)
    assert [one["sent_files"] for one in shown["passes"]] == [0, 0, 2]


def test_a_send_that_was_killed_goes_on_where_it_was(site, stroma_binary):
    site.add("--part-size", "5MiB", "--connections", "1", "--bandwidth", "12MB/s")
    large = random.Random(2).randbytes(LARGE)
    site.write("large.tif", large)
    agent = start_agent(site, stroma_binary, "--once")
    uploads = []
    parts = []
    while agent.poll() is None and len(parts) < 2:
        uploads = site.s3.list_multipart_uploads(Bucket="slides").get("Uploads", [])
        if uploads:
            parts = site.s3.list_parts(Bucket="slides", Key="raw/large.tif",
                                       UploadId=uploads[0]["UploadId"]).get("Parts", [])
    assert agent.poll() is None, "it was done before it could be killed"
    agent.kill()
    agent.communicate()
    report = site.run_once()
    assert report["resumed_parts"] >= 1 and report["failed"] == 0
    assert report["sent_bytes"] + report["resumed_bytes"] == LARGE
    assert hashlib.md5(site.body("raw/large.tif")).digest() == hashlib.md5(large).digest()
    assert "Uploads" not in site.s3.list_multipart_uploads(Bucket="slides")


def test_the_agent_sends_what_appears_and_leaves_what_is_written(site, stroma_binary):
    site.add("--rescan", "1h")
    agent = start_agent(site, stroma_binary)
    try:
        def reports():
            for line in agent.stdout:
                yield json.loads(line)["report"]
        passes = reports()
        assert next(passes)["files"] == 0
        with open(site.folder / "slide.tif", "wb") as scanner:
            scanner.write(b"first half, ")
            scanner.flush()
            assert next(one for one in passes if one["files"] == 1)["waiting"] == 1
            assert site.keys() == []
            scanner.write(b"second half")
        next(one for one in passes if one["sent_files"] == 1)
        assert site.body("raw/slide.tif") == b"first half, second half"
        site.write("deep/er/new.tif", b"in a folder that wasn't there")
        next(one for one in passes if one["sent_files"] == 1)
        assert site.keys() == ["raw/deep/er/new.tif", "raw/slide.tif"]
        taken = site.sync("run", "--once", fails=True).stderr
        assert "another 'stroma sync run'" in taken
        agent.send_signal(signal.SIGINT)
        assert agent.wait(30) == 0
    finally:
        agent.kill()
        agent.communicate()


def test_wrong_keys_are_told_and_nothing_is_forgotten(site):
    site.add()
    site.write("a.tif", b"image")
    right, site.environment["AWS_SECRET_ACCESS_KEY"] = site.key.secret, "wrong"
    told = site.sync("run", "--once", fails=True).stderr
    assert "SignatureDoesNotMatch" in told
    del site.environment["AWS_SECRET_ACCESS_KEY"]
    assert "AWS_SECRET_ACCESS_KEY" in site.sync("run", "--once", fails=True).stderr
    site.environment["AWS_SECRET_ACCESS_KEY"] = right
    assert site.run_once()["sent_files"] == 1


def test_the_server_of_the_data_directory_needs_no_keys(site):
    site.agent = site.server.data
    site.sync("add", site.folder, "--to", "slides", "--settle", "0s")
    site.write("a.tif", b"image")
    assert site.sync("run", "--once", "--user", "rosa").stdout.startswith("scanner: 1 files sent")
    assert site.keys() == ["a.tif"]
    assert "in step at" in site.sync("list").stdout
    site.sync("pause", "scanner")
    assert "paused" in site.sync("list").stdout
    site.sync("remove", "scanner")
    assert "scanner" not in site.sync("list").stdout
    assert site.keys() == ["a.tif"]


@pytest.mark.parametrize("options, words", [
    (["/nowhere", "--to", "b"], "is not a folder"),
    (["/tmp", "--to", "/x"], "names a bucket"),
    (["/tmp", "--to", "b", "--bandwidth", "fast"], "is not a rate"),
    (["/tmp", "--to", "b", "--schedule", "hourly"], "schedule"),
    (["/tmp", "--to", "b", "--part-size", "1MB"], "5 MiB to 5 GiB"),
    (["/tmp", "--to", "b", "--settle", "soon"], "--settle"),
    (["/tmp", "--to", "b", "--endpoint", "ftp://x"], "http"),
])
def test_a_bad_order_names_what_is_wrong(run, tmp_path, options, words):
    assert words in run("sync", "add", *options, data=tmp_path / "agent", fails=True).stderr


def test_a_line_is_planned(run, run_json):
    told = run("sync", "plan", "--arrival", "15TB/week", "--line", "1Gbit/s").stdout
    assert "9.6 TB a day" in told and "37.5 hours" in told
    planned = run_json("sync", "plan", "--arrival", "100TB/week", "--line", "1Gbit/s",
                       "--backlog", "10TB")
    assert planned["busy_share"] > 1 and planned["backlog_days"] is None
