"""Workers by the length of the queue, servers and workers killed at random, outputs that expire,
and built-in steps whose code has changed."""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess

from pipeline_bench import read_or_nothing, wait_until

PROJECT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("STROMA_PIPELINE_STRIKES", "4"))
RANDOM_SEED = int(os.environ.get("STROMA_PIPELINE_SEED", "5"))
SECOND = """
  second:
    command: [python3, stage.py]
    inputs: {{text: first.text}}
    outputs: [text]
    resources: {{memory: 64MiB}}
    parameters: {{notes: {notes}, put: joined}}
"""


def local_place(server):
    places = server.get("/v1/pipelines/standing").json()["places"]
    found = [one for one in places if one["place"] == "local"]
    return found[0] if found else {"wanted": 0, "running": 0}


def test_workers_follow_the_queue_up_and_down_to_none(bench, start_server):
    for number in range(4):
        (bench.slides / f"c{number}.txt").write_text(f"c{number}")
    go = bench.folder / "go"
    # What such tasks take isn't known yet: ten core seconds each are reckoned with.
    server = start_server(bench.data, "--set", "pipeline.drain=20s", "--set", "pipeline.cores=8")
    file = bench.pipeline(f", hold: {go}")
    run = json.loads(bench.run(file, "--detach").stdout)
    wait_until(lambda: bench.begun() == 3)
    wait_until(lambda: local_place(server)["running"] == 3)
    place = local_place(server)
    assert (place["wanted"], place["tasks"]) == (3, 6)
    assert place["waiting_core_seconds"] == 60 and place["drain_seconds"] == 20
    metrics = server.get("/metrics").text
    assert 'stroma_pipeline_workers_wanted{place="local"} 3' in metrics
    watched = bench.run_stroma("pipeline", "watch", "--times", "1", data=bench.data).stdout
    assert "local: 3 workers wanted (0 to 64) for 6 tasks of 60.0 core s in 20 s" in watched
    go.write_text("")
    wait_until(lambda: server.get(f"/v1/runs/{run['id']}").json()["state"] == "succeeded")
    wait_until(lambda: (local_place(server)["wanted"], local_place(server)["running"]) == (0, 0))


def test_servers_and_workers_killed_at_random(bench, start_server, stroma_binary):
    """Each strike takes the server or a stage's worker away; only what was in flight is begun
    again."""
    strikes = random.Random(RANDOM_SEED)
    for number in range(8):
        (bench.slides / f"c{number}.txt").write_text(f"c{number}")
    holds = bench.folder / "holds"
    file = bench.pipeline(f", hold: {holds}", rest=SECOND.format(notes=bench.notes))
    settings = ("--set", "pipeline.tasks_max=2", "--set", "pipeline.lease=3s", "--set",
                "pipeline.first_retry=10ms")
    server = start_server(bench.data, *settings)
    run = json.loads(bench.run(file, "--detach", "--name", "struck").stdout)
    helper = [str(stroma_binary), "pipeline", "worker", "--data", str(bench.data), "--name",
              "other", "--cores", "1", "--memory", "1GiB"]
    worker = subprocess.Popen(helper)
    struck = 0
    try:
        wait_until(lambda: bench.begun() == 3)
        for strike in range(ROUNDS):
            before = bench.begun()
            struck += 3  # so many are in flight at most
            if strike == ROUNDS // 2:
                holds.write_text("")  # from now on tasks end by themselves
            if strikes.random() < 0.5 or strike == 0:
                server.process.kill()
                server.process.wait()
                server = start_server(bench.data, *settings)
            else:
                worker.kill()
                worker.wait()
                worker = subprocess.Popen(helper)
            if strike < ROUNDS // 2:
                wait_until(lambda known=before: bench.begun() > known)
        wait_until(lambda: server.get(f"/v1/runs/{run['id']}").json()["state"] == "succeeded")
    finally:
        worker.kill()
        worker.wait()
    assert bench.begun() <= 11 + struck
    same = ("pipeline", "run", file, "--input", bench.slides, "--output")
    bench.run_stroma(*same, bench.folder / "out", "--name", "again", data=bench.data)
    bench.run_stroma(*same, bench.folder / "calm", data=bench.folder / "elsewhere")
    files = sorted((bench.folder / "calm").rglob("*.txt"))
    assert len(files) == 11
    for path in files:
        copied = bench.folder / "out" / path.relative_to(bench.folder / "calm")
        assert copied.read_bytes() == path.read_bytes()
    stage = str(bench.folder / "stage.py").encode()
    wait_until(lambda: not any(stage in read_or_nothing(entry / "cmdline")
                               for entry in pathlib.Path("/proc").glob("[0-9]*")))


def test_a_killed_stage_is_tried_again(bench, start_server):
    (bench.slides / "b.txt").unlink()
    go = bench.folder / "go"
    server = start_server(bench.data)
    run = json.loads(bench.run(bench.pipeline(f", hold: {go}"), "--detach").stdout)
    wait_until(lambda: bench.begun() == 1)
    stage = str(bench.folder / "stage.py").encode()

    def at_work():
        return [int(entry.name) for entry in pathlib.Path("/proc").glob("[0-9]*")
                if stage in read_or_nothing(entry / "cmdline")]
    os.kill(at_work()[0], signal.SIGTERM)
    wait_until(lambda: bench.begun() == 2)
    go.write_text("")
    wait_until(lambda: server.get(f"/v1/runs/{run['id']}").json()["state"] == "succeeded")
    task = server.get(f"/v1/runs/{run['id']}/tasks").json()["tasks"][0]
    assert [one["outcome"] for one in task["attempts"]] == ["lost", "done"]


def test_many_tasks_are_listed_page_after_page(bench, start_server):
    """More than the verb asks for at once."""
    numbers = list(range(1001))
    file = bench.pipeline(f", hold: {bench.folder / 'never'}")
    file.write_text(file.read_text().replace(
        "scatter: images", f"scatter: [images, {{number: {numbers}}}]"))
    server = start_server(bench.data, "--set", "pipeline.tasks_max=1")
    run = json.loads(bench.run(file, "--detach").stdout)["id"]
    wait_until(lambda: bench.begun() == 1)
    server.post(f"/v1/runs/{run}/cancel", json={})
    wait_until(lambda: server.get(f"/v1/runs/{run}").json()["state"] == "cancelled")
    seen, after = [], 0
    while after is not None:
        page = server.get(f"/v1/runs/{run}/tasks?limit=900&after={after}").json()
        assert 0 < len(page["tasks"]) <= 900
        seen += page["tasks"]
        after = page["next"]
    assert len({task["item"] for task in seen}) == len(seen) == 2002
    usual = server.get(f"/v1/runs/{run}/tasks").json()
    assert usual["tasks"] == seen[:1000] and usual["next"] == seen[999]["id"]
    shown = json.loads(bench.run_stroma("pipeline", "show", run, "--json", data=bench.data).stdout)
    assert shown["tasks"] == seen
    for wrong in ("limit=0", "limit=10001", "after=-1"):
        assert server.get(f"/v1/runs/{run}/tasks?{wrong}").status_code == 400


def test_outputs_expire_when_nobody_used_them_and_others_stay(bench, start_server):
    file = bench.pipeline(stage="    ttl: 10ms\n", rest=SECOND.format(notes=bench.notes))
    first = json.loads(bench.run(file, "--name", "first").stdout)
    assert first["state"] == "succeeded" and bench.begun() == 3
    outputs = bench.data / "pipelines/outputs"
    assert len(list(outputs.rglob("outputs.json"))) == 3
    # A server takes them away when it looks, which it does first of all; what has no end stays.
    server = start_server(bench.data, "--set", "pipeline.shelf_look=50ms")
    wait_until(lambda: len(list(outputs.rglob("outputs.json"))) == 1)
    again = json.loads(bench.run(file, "--name", "again").stdout)
    assert {one["stage"]: one["cached"] for one in again["stages"]} == {"first": 0, "second": 1}
    assert bench.begun() == 5
    assert server.get("/v1/runs/again").json()["state"] == "succeeded"


def test_a_steps_version_is_that_of_its_code(run_json, tmp_path):
    listed = run_json("pipeline", "step", "--list")
    versions = {one["version"] for one in listed["steps"]}
    codes = {version.split("+")[1] for version in versions}
    assert len(codes) == 1 and len(codes.pop()) == 12

    def hashed(change):
        tree = tmp_path / change.replace("/", "-")
        (tree / "src/tissue").mkdir(parents=True)
        shutil.copy(PROJECT / "src/tissue/README.md", tree / "src/tissue")
        (tree / "src/tissue/a.cpp").write_text("int a;\n")
        (tree / "src/tissue/a_test.cpp").write_text("int t;\n")
        if change != "nothing":
            (tree / change).write_text("int changed;\n")
        made = tree / "made.cpp"
        subprocess.run(["cmake", f"-DROOT={tree}", "-DFOLDERS=src/tissue", f"-DOUTPUT={made}",
                        "-P", str(PROJECT / "cmake/HashSources.cmake")], check=True)
        return made.read_text()
    code = hashed("nothing")
    assert hashed("src/tissue/a.cpp") != code
    assert hashed("src/tissue/a_test.cpp") == code
