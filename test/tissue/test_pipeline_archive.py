"""Outputs that go to the archive and come back, that wait for room, and that backups hold."""
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess

from pipeline_bench import wait_until

READS = """
  second:
    command: [python3, stage.py]
    inputs: {{text: first.text}}
    scatter: images
    outputs: [text]
    resources: {{memory: 64MiB}}
    parameters: {{notes: {notes}, put: {put}}}
"""
QUICK = ("--set", "pipeline.shelf_look=50ms")


def outputs_of(data):
    return sorted((data / "pipelines/outputs").rglob("outputs.json"))


def archived_of(data):
    return sorted((data / "pipelines/archive").rglob("manifest.json"))


def places(bench, run, data=None):
    shelf = bench.run_json("pipeline", "archive", run, data=data or bench.data)
    return [(one["stage"], one["item"], one["place"]) for one in shelf["outputs"]]


def told(server, run):
    return server.get(f"/v1/runs/{run}/archive").json()


def test_outputs_go_to_the_archive_stay_listed_and_come_back(bench, start_server):
    (bench.slides / "a.txt").write_text("abc " * 100_000)
    file = bench.pipeline(stage="    archive: 10ms\n")
    run = json.loads(bench.run(file, "--name", "one").stdout)
    assert len(outputs_of(bench.data)) == 2
    server = start_server(bench.data, *QUICK)
    wait_until(lambda: told(server, "one")["archived"] == 2)
    assert not outputs_of(bench.data) and len(archived_of(bench.data)) == 2
    shelf = told(server, "one")
    large = next(one for one in shelf["outputs"] if one["item"] == "a")
    assert large["place"] == "archived" and large["bytes"] == 400_000
    assert large["stored_bytes"] < 4_000, "it is packed where that pays"
    task = next(one for one in server.get("/v1/runs/one/tasks").json()["tasks"]
                if one["item"] == "a")
    assert task["outputs"] == {"text": ["text.txt"]} and task["place"] == "archived"
    path = f"/v1/runs/one/tasks/{task['id']}/file?name=text.txt"
    refused = server.get(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "archived")
    assert "stroma pipeline restore" in refused.json()["message"]
    refused = server.post("/v1/runs/one/restore", json={"days": 0})
    assert refused.status_code == 400 and "1 to 3650" in refused.json()["message"]
    asked = server.post("/v1/runs/one/restore", json={"item": "a", "days": 2})
    assert asked.status_code == 202 and asked.json()["coming"] == 1
    wait_until(lambda: server.get(path).status_code == 200)
    assert server.get(path).content == b"ABC " * 100_000
    assert [one["place"] for one in told(server, "one")["outputs"]] == ["restored", "archived"]
    metrics = server.get("/metrics").text
    assert 'stroma_pipeline_outputs{place="archive"} 2' in metrics
    assert server.get("/v1/pipelines/standing").json()["archive"]["restored"] == 1
    # The same again isn't computed, and nothing comes back for it that nobody reads.
    again = json.loads(bench.run(file, "--name", "again").stdout)
    assert again["total"]["cached"] == 2 and bench.begun() == 2
    assert [one[2] for one in places(bench, "again")] == ["restored", "archived"]
    assert run["state"] == again["state"] == "succeeded"


def test_a_stage_that_reads_what_is_archived_waits_for_it(bench):
    rest = READS.format(notes=bench.notes, put="x")
    bench.run(bench.pipeline(rest=rest), "--name", "one")
    assert bench.begun() == 4
    moved = bench.run_json("pipeline", "archive", "one", "--move", data=bench.data)
    assert moved["archived"] == 4 and not outputs_of(bench.data)
    # Only what the changed stage reads comes back.
    rest = READS.format(notes=bench.notes, put="y")
    ended = json.loads(bench.run(bench.pipeline(rest=rest), "--name", "two").stdout)
    assert ended["state"] == "succeeded" and bench.begun() == 6
    assert [one[2] for one in places(bench, "two")] == ["restored", "restored", "here", "here"]
    assert [one[2] for one in places(bench, "one")][2:] == ["archived", "archived"]


def test_what_is_restored_goes_when_its_days_are_over_and_damage_is_told(bench):
    bench.run(bench.pipeline(), "--name", "one")
    bench.run_stroma("pipeline", "archive", "one", "--move", data=bench.data)
    back = bench.run_json("pipeline", "restore", "one", "--item", "a", data=bench.data)
    assert [one["place"] for one in back["outputs"]] == ["restored", "archived"]
    bench.run_stroma("pipeline", "verify", data=bench.data)
    damaged = archived_of(bench.data)
    for manifest in damaged:
        packed = next(path for path in manifest.parent.iterdir() if path.name in ("0", "0.zst"))
        packed.write_bytes(packed.read_bytes()[:-1] + b"!")
    found = bench.run_stroma("pipeline", "verify", data=bench.data, fails=True)
    assert found.stdout.count("in the archive") == 2
    refused = bench.run_stroma("pipeline", "restore", "one", "--item", "b", data=bench.data,
                               fails=True)
    assert "couldn't be brought back" in refused.stderr
    # What is lost is computed again when it is needed.
    again = json.loads(bench.run(bench.pipeline(), "--name", "again").stdout)
    assert again["total"]["cached"] == 1 and bench.begun() == 3


def test_a_restored_output_leaves_again(bench, start_server):
    bench.run(bench.pipeline(), "--name", "one")
    bench.run_stroma("pipeline", "archive", "one", "--move", data=bench.data)
    bench.run_stroma("pipeline", "restore", "one", "--days", "1", data=bench.data)
    assert len(outputs_of(bench.data)) == 2
    # A day later: the clock of the rows is set back.
    with contextlib.closing(sqlite3.connect(bench.data / "control.db")) as rows:
        rows.execute("UPDATE flow_outputs SET until_ms = until_ms - 86400000")
        rows.commit()
    server = start_server(bench.data, *QUICK)
    wait_until(lambda: not outputs_of(bench.data))
    assert told(server, "one")["archived"] == 2


def test_killed_in_the_middle_of_moves_nothing_is_lost(bench, start_server):
    strikes = random.Random(3)
    large = {f"c{number}": strikes.randbytes(150_000).hex() for number in range(12)}
    for name, text in large.items():
        (bench.slides / f"{name}.txt").write_text(text)
    bench.run(bench.pipeline(), "--name", "one")
    for way in ("archive", "restore"):
        server = start_server(bench.data, *QUICK)
        assert server.post(f"/v1/runs/one/{way}", json={}).status_code == 202
        archived = bench.data / "pipelines/archive"
        outputs = bench.data / "pipelines/outputs"
        for _ in range(4):
            half = {"archive": lambda: list(archived.rglob("*.new")),
                    "restore": lambda: list(outputs.rglob("*.back"))}[way]
            is_done = {"archive": lambda: told(server, "one")["archived"] == 14,
                       "restore": lambda: told(server, "one")["archived"] == 0}[way]
            wait_until(lambda: half() or is_done())
            server.kill()
            server = start_server(bench.data, *QUICK)
        wait_until(is_done)
        server.kill()
        bench.run_stroma("pipeline", "verify", data=bench.data)
    made = {path.parent.name: path for path in outputs.rglob("text.txt")}
    assert sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in made.values()) == \
        sorted(hashlib.sha256(text.upper().encode()).hexdigest()
               for text in [*large.values(), "a", "b"])
    assert not list(archived.rglob("*.new")) and not list(outputs.rglob("*.back"))


def test_a_pipeline_says_it_for_all_and_mistakes_have_lines(bench):
    file = bench.folder / "p.yaml"
    text = bench.pipeline(stage="    ttl: 1h\n    archive: 2h\n    room: some\n").read_text()
    file.write_text(text + "archive: 3d\n")
    refused = bench.run_stroma("pipeline", "validate", file, fails=True).stderr
    assert re.search(r"p.yaml:\d+:5: stages.first.archive: it would go to the archive after",
                     refused)
    assert "stages.first.room: 'some' isn't like " in refused


def test_makers_wait_for_room_until_readers_have_read(bench, start_server):
    for name in ("a", "b", "c", "d", "e", "f", "g", "h"):
        (bench.slides / f"{name}.txt").write_text("c" * 1000 + name)
    go = bench.folder / "go"
    rest = READS.format(notes=bench.notes, put=f"x, hold: {go}")
    file = bench.pipeline(stage="    room: 2000\n", rest=rest)
    server = start_server(bench.data, "--set", "pipeline.cores=2")
    run = json.loads(bench.run(file, "--detach").stdout)

    def first():
        stages = server.get("/v1/pipelines/standing").json()["stages"]
        return next((one for one in stages if one["stage"] == "first"), {"held": 0})
    wait_until(lambda: first()["held"] > 0)
    held = first()
    assert held["unread_bytes"] >= 2000 == held["room_bytes"]
    assert held["done"] + held["running"] < 8
    watched = bench.run_stroma("pipeline", "watch", "--times", "1", data=bench.data).stdout
    assert "wait for room" in watched
    assert 'stroma_pipeline_queue_held{pipeline="p",stage="first"}' in server.get("/metrics").text
    go.write_text("")
    wait_until(lambda: server.get(f"/v1/runs/{run['id']}").json()["state"] == "succeeded")
    assert bench.begun() == 16


def test_who_reads_all_at_once_isn_t_waited_for(bench):
    for number in range(4):
        (bench.slides / f"c{number}.txt").write_text("c" * 1000)
    rest = READS.format(notes=bench.notes, put="x").replace("    scatter: images\n", "")
    file = bench.pipeline(stage="    room: 1\n", rest=rest)
    assert json.loads(bench.run(file).stdout)["state"] == "succeeded"


def test_a_task_that_is_given_back_again_and_again_ends(bench, start_server, stroma_binary):
    (bench.slides / "b.txt").unlink()
    file = bench.pipeline(f", hold: {bench.folder / 'never'}",
                          stage="    retries: {given_back: 1}\n")
    server = start_server(bench.data, "--set", "pipeline.tasks_max=0")
    run = json.loads(bench.run(file, "--detach").stdout)
    for number in (1, 2):
        worker = subprocess.Popen([stroma_binary, "pipeline", "worker", "--data", bench.data,
                                   "--name", f"w{number}", "--cores", "1", "--memory", "1GiB"])
        wait_until(lambda count=number: bench.begun() == count)
        worker.terminate()
        assert worker.wait() == 0
    wait_until(lambda: server.get(f"/v1/runs/{run['id']}").json()["state"] == "failed")
    task = server.get(f"/v1/runs/{run['id']}/tasks").json()["tasks"][0]
    assert task["state"] == "dead" and "given it back 2 times" in task["error"]
    assert "slurm.time" in task["error"]


def test_a_backup_holds_what_runs_made(bench, start_server):
    (bench.slides / "a.txt").write_text("abc " * 1000)
    bench.run(bench.pipeline(), "--name", "one")
    bench.run_stroma("pipeline", "archive", "one", "--item", "a", "--move", data=bench.data)
    server = start_server(bench.data)
    copy = bench.folder / "copy"
    bench.run_stroma("backup", copy, data=bench.data)
    server.kill()
    shutil.rmtree(bench.data)
    other = bench.folder / "other"
    bench.run_stroma("restore", copy, data=other)
    assert places(bench, "one", other) == [("first", "a", "archived"), ("first", "b", "here")]
    bench.run_stroma("verify", data=other)
    bench.data = other
    again = json.loads(bench.run(bench.pipeline(), "--name", "again").stdout)
    assert again["total"]["cached"] == 2 and bench.begun() == 2
    made = next((other / "pipelines/outputs").rglob("text.txt"))
    os.chmod(made, 0o600)
    made.write_text("damaged")
    found = bench.run_stroma("verify", data=other, fails=True)
    assert "isn't what was made" in found.stdout
