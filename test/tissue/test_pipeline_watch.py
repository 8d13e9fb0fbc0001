"""What is told of runs: events on the bus, thresholds on stages, an estimate before, and whether
what was made is still as it was made."""
import json

import boto3
import pytest
from botocore.config import Config

from pipeline_bench import wait_until


@pytest.fixture
def told(bench, start_server):
    """A server whose bus tells a queue of everything from us: .server, and .events() so far."""
    def start(*settings):
        server = start_server(bench.data, "--aws", "127.0.0.1:0", "--insecure-any-credentials",
                              *[word for one in settings for word in ("--set", one)])
        address = json.loads((bench.data / "server.json").read_text())["aws"]

        def client(service):
            return boto3.client(service, endpoint_url=address, region_name="us-east-1",
                                aws_access_key_id="any", aws_secret_access_key="any",
                                config=Config(retries={"max_attempts": 1}))
        sqs, bus = client("sqs"), client("events")
        queue = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        bus.put_rule(Name="pipelines", EventPattern=json.dumps(
            {"source": ["stroma.pipelines", "stroma.watch"]}))
        bus.put_targets(Rule="pipelines",
                        Targets=[{"Id": "1", "Arn": arn["Attributes"]["QueueArn"]}])
        seen = []

        def events():
            for one in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10,
                                           WaitTimeSeconds=1).get("Messages", []):
                seen.append(json.loads(one["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
            return seen
        server.events = events
        return server
    return start


def kinds(events, source="stroma.pipelines"):
    return [one["detail"].get("state") for one in events if one["source"] == source]


def test_what_happens_to_runs_is_on_the_bus(bench, told):
    server = told("pipeline.first_retry=10ms")
    (bench.slides / "b.txt").unlink()
    json.loads(bench.run(bench.pipeline(", fails: 1"), "--name", "good").stdout)
    wait_until(lambda: "succeeded" in kinds(server.events()))
    events = [one for one in server.events() if one["source"] == "stroma.pipelines"]
    assert kinds(events) == ["submitted", "task failed", "stage done", "succeeded"]
    first = events[0]["detail"]
    # The event's least: its name, where the raw data lies, the stages still to run.
    assert (first["name"], first["location"]) == ("good", str(bench.slides))
    assert events[3]["detail"]["stages_left"] == []
    assert events[3]["detail"]["progress"] == "complete"
    failed = events[1]["detail"]
    assert failed["outcome"] == "temporary" and failed["again"] and failed["stage"] == "first"
    assert events[1]["detail-type"] == "Pipeline Stage State Change"

    bench.run(bench.pipeline(", fails: 9, code: 65"), "--name", "bad", fails=True)
    wait_until(lambda: "failed" in kinds(server.events()))
    assert not [one for one in server.events() if one["detail"].get("name") == "bad"
                and one["detail"]["state"] == "task failed"][0]["detail"]["again"]


def test_what_comes_back_from_the_archive_is_told(bench, told):
    bench.run(bench.pipeline(), "--name", "one")
    bench.run_stroma("pipeline", "archive", "one", "--move", data=bench.data)
    server = told()
    assert server.post("/v1/runs/one/restore", json={"days": 3}).json()["coming"] == 2
    wait_until(lambda: "restored" in kinds(server.events()))
    event = [one for one in server.events() if one["detail"].get("state") == "restored"][-1]
    assert event["detail"]["name"] == "one" and event["detail"]["until"]
    assert kinds(server.events()).count("restored") == 1, "when all is there, not for each"


def test_thresholds_of_stages_are_events_metrics_and_shown(bench, told):
    go = bench.folder / "go"
    server = told("pipeline.tasks_max=1", "watch.interval=1s", "watch.stage.waiting=1",
                  "watch.stage.age=10ms", "watch.stage.errors=1", "pipeline.first_retry=10ms")
    bench.run(bench.pipeline(f", hold: {go}, fails: 1"), "--name", "slow", "--detach")

    def passed(state="Threshold Passed"):
        return {one["detail"]["measure"]: one["detail"] for one in server.events()
                if one["detail-type"] == state and one["detail"].get("kind") == "stage"}
    wait_until(lambda: {"waiting", "age"} <= set(passed()))
    assert passed()["waiting"]["name"] == "p/first"
    assert passed()["waiting"]["threshold"] == 1 <= passed()["waiting"]["value"]
    shown = bench.run_stroma("watch", "--kind", "stage", "--times", "1", data=bench.data).stdout
    assert "p/first" in shown and "!" in shown
    lines = [line for line in server.get("/metrics").text.splitlines()
             if line.startswith("stroma_watch_threshold_passed{") and 'name="p/first"' in line]
    assert any('measure="waiting"' in line and line.endswith(" 1") for line in lines)
    go.write_text("")
    wait_until(lambda: "errors" in passed())
    wait_until(lambda: {"waiting", "age"} <= set(passed("Threshold Back To Normal")))


def test_an_estimate_before_a_run_is_near_what_it_takes(bench):
    burn = ("import json, pathlib, sys, time\n"
            "task = json.loads(pathlib.Path(sys.argv[-1]).read_text())\n"
            "size = sum(len(pathlib.Path(p).read_text()) for p in task['inputs']['text'])\n"
            "end = time.process_time() + size / 2000\n"
            "while time.process_time() < end:\n    pass\n"
            "out = pathlib.Path(task['output'])\n(out / 't.txt').write_text(str(size))\n"
            "(out / 'outputs.json').write_text(json.dumps({'outputs': {'text': ['t.txt']}}))\n")
    (bench.folder / "stage.py").write_text(burn)
    file = bench.pipeline()
    for name in ("a", "b"):
        (bench.slides / f"{name}.txt").write_text(name * 1000)
    estimate = ("pipeline", "estimate", file, "--input")
    unknown = bench.run_json(*estimate, bench.slides, data=bench.data)
    assert unknown["core_seconds"] is None and unknown["stages"] == [{"stage": "first", "runs": 0}]
    bench.run(file, "--name", "measured")
    other = bench.folder / "other"
    other.mkdir()
    for name in ("c", "d", "e"):
        (other / f"{name}.txt").write_text(name * 1400)
    told = bench.run_json(*estimate, other, data=bench.data)
    assert told["stages"][0]["tasks"] == 3 and told["bytes"] == 4200
    took = bench.run_json("pipeline", "run", file, "--input", other, data=bench.data)
    assert told["bytes_read"] == pytest.approx(took["total"]["bytes_in"], rel=0.05)
    assert told["core_seconds"] == pytest.approx(took["total"]["core_seconds"], rel=0.25)


def test_verify_reckons_hashes_and_keys_anew(bench, start_server):
    done = json.loads(bench.run(bench.pipeline(), "--name", "whole").stdout)
    verify = ("pipeline", "verify", "whole")
    assert bench.run_json(*verify, data=bench.data) == []
    task = bench.run_json("pipeline", "show", "whole", data=bench.data)["tasks"][0]
    file = next(path for path in (bench.data / "pipelines/outputs").rglob("text.txt")
                if task["key"] in str(path) or task["key"][:2] in str(path))
    file.chmod(0o600)
    file.write_text("DIFFERENT")
    failed = bench.run_stroma(*verify, data=bench.data, fails=True)
    assert "text.txt isn't what was made" in failed.stdout
    server = start_server(bench.data)
    found = server.post(f"/v1/runs/{done['id']}/verify", json={}).json()["findings"]
    assert len(found) == 1
