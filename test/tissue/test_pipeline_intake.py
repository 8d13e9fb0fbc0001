"""A file dropped into a folder, or an object put into a bucket, begins a run: once per content."""
import json
import os

import pytest

from pipeline_bench import wait_until


def arrivals(bench):
    return bench.run_json("pipeline", "intake", "arrivals", data=bench.data)


def finished(bench, count):
    came = arrivals(bench)
    return len(came) == count and all(one["state"] == "complete" for one in came)


def test_a_file_dropped_into_a_folder_begins_a_run_once_per_content(bench, start_server):
    drop = bench.folder / "drop"
    (drop / "below").mkdir(parents=True)
    (drop / "old.txt").write_text("was there")
    add = ("pipeline", "intake", "add", "scanner", bench.pipeline(), "--folder", drop,
           "--quiet-time", "300ms")
    # Kept without a server; it looks when there is one.
    bench.run_stroma(*add, data=bench.data)
    server = start_server(bench.data)
    wait_until(lambda: finished(bench, 1))
    event = arrivals(bench)[0]
    # The event: its unique name, where the raw data lies, the stages still to run.
    assert event["name"].startswith("scanner-") and event["stages_left"] == []
    assert event["location"] == str(drop / "old.txt")
    run = server.get(f"/v1/runs/{event['name']}").json()
    assert run["location"] == event["location"] and run["state"] == "succeeded"

    # Another name, the same content: no run. Another content, also below: one. Others: none.
    (drop / "copy.txt").write_text("was there")
    (drop / "below/new.txt").write_text("new")
    (drop / "notes.csv").write_text("not an image")
    (drop / ".part.txt").write_text("hidden")
    wait_until(lambda: finished(bench, 3))
    came = {os.path.basename(one["location"]): one for one in arrivals(bench)}
    assert set(came) == {"old.txt", "copy.txt", "new.txt"}
    assert came["copy.txt"]["run"] == came["old.txt"]["run"] and not came["copy.txt"]["first"]
    assert came["new.txt"]["run"] != came["old.txt"]["run"]
    assert bench.begun() == 2

    # What is still written is left alone.
    with open(drop / "slow.txt", "w", encoding="utf-8") as slow:
        for number in range(8):
            slow.write(f"{number}")
            slow.flush()
            wait_until(lambda known=number: (drop / "slow.txt").stat().st_size == known + 1)
            (drop / f"tick{number}.csv").write_text("x")
        assert len(arrivals(bench)) == 3
    wait_until(lambda: finished(bench, 4))
    assert server.stop() == 0
    # The same again after a restart: nothing is new, but what came meanwhile is.
    (drop / "meanwhile.txt").write_text("meanwhile")
    start_server(bench.data)
    wait_until(lambda: finished(bench, 5))
    assert bench.begun() == 4
    assert len(bench.run_json("pipeline", "intake", "list", data=bench.data)) == 1
    bench.run_stroma("pipeline", "intake", "remove", "scanner", data=bench.data)
    assert bench.run_json("pipeline", "intake", "list", data=bench.data) == []


def test_a_file_that_is_open_for_writing_is_left_alone(bench, start_server):
    drop = bench.folder / "drop"
    drop.mkdir()
    start_server(bench.data)
    bench.run_stroma("pipeline", "intake", "add", "s", bench.pipeline(), "--folder", drop,
                     "--quiet-time", "50ms", data=bench.data)
    with open(drop / "open.txt", "w", encoding="utf-8") as writing:
        writing.write("half")
        writing.flush()
        (drop / "whole.txt").write_text("whole")
        wait_until(lambda: finished(bench, 1))
        assert arrivals(bench)[0]["location"].endswith("whole.txt")
    wait_until(lambda: finished(bench, 2))


def test_an_object_put_into_a_bucket_begins_a_run(bench, start_server):
    import boto3
    from botocore.config import Config
    server = start_server(bench.data, "--aws", "127.0.0.1:0", "--insecure-any-credentials")
    address = json.loads((bench.data / "server.json").read_text())["aws"]
    s3 = boto3.client("s3", endpoint_url=address, region_name="us-east-1",
                      aws_access_key_id="any", aws_secret_access_key="any",
                      config=Config(s3={"addressing_style": "path"}))
    s3.create_bucket(Bucket="slides")
    s3.put_object(Bucket="slides", Key="raw/before.txt", Body=b"before")
    bench.run_stroma("pipeline", "intake", "add", "raw", bench.pipeline(), "--bucket",
                     "slides/raw/", data=bench.data)
    s3.put_object(Bucket="slides", Key="raw/2026/a.txt", Body=b"one")
    s3.put_object(Bucket="slides", Key="raw/2026/b.txt", Body=b"one")
    s3.put_object(Bucket="slides", Key="elsewhere/c.txt", Body=b"two")
    s3.put_object(Bucket="slides", Key="raw/c.csv", Body=b"three")
    wait_until(lambda: finished(bench, 3))
    came = {one["location"]: one for one in arrivals(bench)}
    assert set(came) == {"s3://slides/raw/before.txt", "s3://slides/raw/2026/a.txt",
                         "s3://slides/raw/2026/b.txt"}
    assert len({one["run"] for one in came.values()}) == 2 and bench.begun() == 2
    assert server.stop() == 0


@pytest.mark.parametrize("changed, told", [
    (("--folder", "/nowhere"), "there is no folder '/nowhere'"),
    ((), "give either 'watch_folder', a whole path, or 'bucket'"),
    (("--folder", "/tmp", "--quiet-time", "soon"), "'soon'"),
])
def test_what_is_wrong_with_an_intake_is_told(bench, changed, told):
    failed = bench.run_stroma("pipeline", "intake", "add", "x", bench.pipeline(), *changed,
                              data=bench.data, fails=True)
    assert told in failed.stderr
