"""Pipelines from outside: users' stages in Python, by `stroma pipeline run` and a server."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest
import requests

from pipeline_bench import WAIT_SECONDS_MAX, read_or_nothing, wait_until

PROJECT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / "examples/pipelines"


def pgm(path, spots):
    rows = [[0] * 24 for _ in range(16)]
    for row, column in spots:
        for at in range(9):
            rows[row + at // 3][column + at % 3] = 255
    path.write_text("P2\n24 16\n255\n" + "\n".join(" ".join(map(str, row)) for row in rows))


def states(tasks):
    return sorted(task["state"] for task in tasks)


def test_the_example_runs_and_only_what_changed_is_computed_again(tmp_path, run, run_json):
    work, slides = tmp_path / "work", tmp_path / "slides"
    shutil.copytree(EXAMPLE, work)
    slides.mkdir()
    pgm(slides / "one.pgm", [(2, 2), (2, 10), (9, 15)])
    pgm(slides / "two.pgm", [(4, 4)])
    data, out = tmp_path / "data", tmp_path / "out"
    begin = ("pipeline", "run", work / "spots.yaml", "--input", slides)
    first = run_json(*begin, "--output", out, "--name", "first", data=data)
    assert first["state"] == "succeeded"
    assert first["total"]["states"] == {"done": 5} and first["total"]["cached"] == 0
    assert (out / "table/spots.csv").read_text() == \
        "picture,spots,largest\none,3,5\ntwo,1,5\n"
    report = (out / "report.html").read_text()
    assert "data:image/svg+xml;base64," in report and "http-equiv" not in report

    again = run_json(*begin, "--name", "again", data=data)
    assert again["total"]["cached"] == 5
    # Another threshold: the pictures aren't smoothed again.
    other = run_json(*begin, "-p", "threshold=20", "--name", "other", data=data)
    assert {stage["stage"]: stage["cached"] for stage in other["stages"]} == \
        {"smooth": 2, "count": 0, "table": 0}
    why = run_json("pipeline", "why", "other", "count", data=data)
    assert why[0]["computed"] and "parameter threshold: 128 before, 20 now" in why[0]["why"]
    # Other code, and one changed picture: what it leads to alone.
    (work / "count.py").write_text((work / "count.py").read_text() + "# changed\n")
    pgm(slides / "two.pgm", [(4, 4), (4, 14)])
    third = run_json(*begin, "--name", "third", data=data)
    assert {stage["stage"]: stage["cached"] for stage in third["stages"]} == \
        {"smooth": 1, "count": 0, "table": 0}
    reasons = {task["item"]: task["why"] for task in
               run_json("pipeline", "why", "third", "count", data=data)}
    assert any("file count.py has changed" in one for one in reasons["one"])
    # Renamed pictures are the same pictures.
    (slides / "one.pgm").rename(slides / "uno.pgm")
    renamed = run_json(*begin, "--name", "renamed", data=data)
    assert {stage["stage"]: stage["cached"] for stage in renamed["stages"]} == \
        {"smooth": 2, "count": 2, "table": 0}
    assert [one["name"] for one in run_json("pipeline", "list", data=data)][-1] == "first"


@pytest.mark.parametrize("change, told", [
    (("scatter: images", "scatter: imags"), "there is nothing called 'imags' to spread over"),
    (("smooth.image", "smoth.image"), "there is no stage 'smoth': did you mean 'smooth'?"),
    (("smooth.image", "smooth.picture"), "the stage 'smooth' makes no 'picture'"),
    (("ttl: 30d", "ttl: 30 moons"), "'30 moons' isn't like 30s, 5min, 24h or 7d"),
    (("ttl: 30d", "tll: 30d"), "did you mean 'ttl'?"),
    (("{image: images}", "{image: count.spots}"), "the stages go round in a circle"),
    (("smooth.py", "smoooth.py"), "there is no file 'smoooth.py' beside the pipeline"),
    (("${radius}", "${radios}"), "did you mean 'radius'?"),
    (("  smooth:\n", "  count:\n    step: x\n  smooth:\n"), "this name is here twice"),
    (("outputs: [table]", "outputs: [table"), "not YAML"),
])
def test_what_is_wrong_is_told_with_its_line(tmp_path, run, change, told):
    work = tmp_path / "work"
    shutil.copytree(EXAMPLE, work)
    file = work / "spots.yaml"
    text = file.read_text()
    assert change[0] in text
    file.write_text(text.replace(*change, 1))
    errors = run("pipeline", "validate", file, fails=True).stderr
    assert told in errors
    line = next(number for number, one in enumerate(file.read_text().splitlines(), 1)
                if change[1].strip().splitlines()[0] in one)
    if told not in ("the stages go round in a circle", "not YAML", "this name is here twice"):
        numbers = [int(one.split("spots.yaml:")[1].split(":")[0])
                   for one in errors.splitlines() if told in one]
        assert numbers and abs(numbers[0] - line) <= 4, errors


def test_a_pipeline_is_drawn(run):
    file = EXAMPLE / "spots.yaml"
    assert '"smooth" -> "count" [label="image"]' in run("pipeline", "graph", file).stdout
    assert "smooth -->|image| count" in \
        run("pipeline", "graph", file, "--format", "mermaid").stdout
    assert run("pipeline", "graph", file, "--format", "svg").stdout.startswith("<svg")


def test_what_fails_for_the_time_being_is_tried_again_and_bad_input_is_not(bench):
    (bench.slides / "b.txt").unlink()
    done = json.loads(bench.run(bench.pipeline(", fails: 2")).stdout)
    assert done["state"] == "succeeded" and bench.begun() == 3
    tasks = bench.run_json("pipeline", "show", done["id"], data=bench.data)["tasks"]
    assert [one["outcome"] for one in tasks[0]["attempts"]] == ["temporary", "temporary", "done"]

    failed = bench.run(bench.pipeline(", fails: 99, code: 65, message: 'cut off'"), "--name", "bad",
                       fails=True)
    assert "cut off (bad input is not tried again)" in failed.stderr and bench.begun() == 4
    # Anything else is tried again as often as the stage says.
    file = bench.pipeline(", fails: 5, code: 1", "    retries: 2\n")
    done = json.loads(bench.run(file, "--name", "third").stdout)
    assert done["state"] == "succeeded"


def test_out_of_memory_gets_more_and_too_slow_is_ended(bench):
    (bench.slides / "b.txt").unlink()
    done = json.loads(bench.run(bench.pipeline(", take_mib: 90")).stdout)
    task = bench.run_json("pipeline", "show", done["id"], data=bench.data)["tasks"][0]
    assert [one["outcome"] for one in task["attempts"]] == ["memory", "done"]
    assert task["memory_bytes"] == 128 << 20
    file = bench.pipeline(", hold: /nowhere/at/all", "    timeout: 300ms\n    retries: "
                          "{timeout: 0}\n")
    failed = bench.run(file, "--name", "slow", fails=True)
    assert "it took longer than 0.3 s" in failed.stderr


def test_values_are_spread_over_also_those_that_a_stage_finds(bench):
    file = bench.pipeline(rest=f"""
  plan:
    command: [python3, plan.py]
    inputs: {{text: first.text}}
    scatter: images
    outputs: [tiles]
    resources: {{memory: 64MiB}}
  tile:
    command: [python3, stage.py]
    inputs: {{text: first.text}}
    scatter: [images, {{tile: {{from: plan.tiles}}}}, {{channel: [DAPI, CD3]}}]
    outputs: [text]
    resources: {{memory: 64MiB}}
    parameters: {{notes: {bench.notes}}}
  joined:
    command: [python3, names.py]
    inputs: {{text: tile.text}}
    outputs: [names]
    resources: {{memory: 64MiB}}
""")
    common = ("import json, pathlib, sys\ntask = json.loads(pathlib.Path(sys.argv[-1]).read_text())"
              "\nout = pathlib.Path(task['output'])\n")
    (bench.folder / "plan.py").write_text(common + """
count = 2 if pathlib.Path(task['inputs']['text'][0]).read_text() == 'A' else 1
(out / 't.json').write_text(json.dumps([{'name': f't{i}', 'x': i} for i in range(count)]))
(out / 'outputs.json').write_text(json.dumps({'outputs': {'tiles': ['t.json']}}))
""")
    (bench.folder / "names.py").write_text(common + """
(out / 'n.json').write_text(json.dumps(task['names']['text']))
(out / 'outputs.json').write_text(json.dumps({'outputs': {'names': ['n.json']}}))
""")
    out = bench.folder / "out"
    done = json.loads(bench.run(file, "--output", out).stdout)
    assert {stage["stage"]: stage["tasks"] for stage in done["stages"]} == \
        {"first": 2, "plan": 2, "tile": 6, "joined": 1}
    assert json.loads((out / "joined/n.json").read_text()) == \
        ["a/t0/DAPI", "a/t0/CD3", "a/t1/DAPI", "a/t1/CD3", "b/t0/DAPI", "b/t0/CD3"]


def test_a_stage_waits_for_review(bench):
    file = bench.pipeline(stage="    review: true\n", rest=f"""
  second:
    command: [python3, stage.py]
    inputs: {{text: first.text}}
    scatter: images
    outputs: [text]
    resources: {{memory: 64MiB}}
    parameters: {{notes: {bench.notes}}}
""")
    waiting = json.loads(bench.run(file, "--name", "looked-at").stdout)
    assert waiting["total"]["states"] == {"review": 2, "waiting": 2}
    review = ("pipeline", "review", "looked-at", "first")
    bench.run_stroma(*review, "--item", "b", "--reject", "--comment", "blurred", data=bench.data)
    done = bench.run_json(*review, "--item", "a", data=bench.data)
    assert done["state"] == "failed"
    assert done["total"]["states"] == {"done": 2, "dead": 1, "blocked": 1}
    page = bench.folder / "report.html"
    bench.run_stroma("pipeline", "report", "looked-at", "-o", page, data=bench.data)
    assert "blurred" in page.read_text()


def test_killed_anywhere_it_goes_on_and_its_bytes_are_the_same(bench, stroma_binary):
    for number in range(4):
        (bench.slides / f"c{number}.txt").write_text(f"c{number}")
    rest = f"""
  second:
    command: [python3, stage.py]
    inputs: {{text: first.text}}
    outputs: [text]
    resources: {{memory: 64MiB}}
    parameters: {{notes: {bench.notes}, put: joined}}
"""
    go = bench.folder / "go"
    file = bench.pipeline(f", hold: {go}", rest=rest)
    command = [str(stroma_binary), "pipeline", "run", str(file), "--input", str(bench.slides),
               "--data", str(bench.data), "--set", "pipeline.tasks_max=2", "--name", "struck"]
    for strike in range(3):
        before = bench.begun()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            wait_until(lambda known=before: bench.begun() >= known + 2)
            run.send_signal(signal.SIGKILL)
        if strike == 1:
            go.write_text("")  # from now on its tasks end by themselves
    out = bench.folder / "struck"
    done = bench.run_json(*command[1:], "--output", out)
    assert done["state"] == "succeeded" and done["total"]["states"] == {"done": 7}
    # Those in flight were computed again, nothing else: two at each strike.
    assert bench.begun() <= 7 + 3 * 2
    undisturbed, data = bench.folder / "calm", bench.folder / "other"
    bench.run_stroma(*command[1:6], "--output", undisturbed, data=data)
    for path in undisturbed.rglob("*.txt"):
        assert (out / path.relative_to(undisturbed)).read_bytes() == path.read_bytes()
    left = [pathlib.Path(entry, "cmdline") for entry in pathlib.Path("/proc").glob("[0-9]*")]
    stage = str(bench.folder / "stage.py").encode()
    wait_until(lambda: not any(stage in read_or_nothing(path) for path in left))


def test_a_server_runs_it_and_tells_of_it(bench, start_server):
    go = bench.folder / "go"
    server = start_server(bench.data)
    file = bench.pipeline(f", hold: {go}")
    run = json.loads(bench.run(file, "--detach", "--name", "served").stdout)
    wait_until(lambda: bench.begun() == 2)
    standing = server.get("/v1/pipelines/standing").json()
    assert [(one["stage"], one["running"]) for one in standing["stages"]] == [("first", 2)]
    assert standing["workers"][0]["tasks"] == 2
    assert "stroma_pipeline_queue_running{" in server.get("/metrics").text
    # Another may not see it, nor may anybody start one who isn't the administrator.
    assert requests.get(f"{server.url}/v1/runs/served", timeout=60).status_code == 404
    assert requests.post(f"{server.url}/v1/runs", json={}, timeout=60).status_code == 401
    go.write_text("")
    last = None
    with server.get(f"/v1/runs/{run['id']}/events", stream=True) as events:
        for line in events.iter_lines():
            if line.startswith(b"data: "):
                last = json.loads(line[6:])
    assert last["state"] == "succeeded"
    tasks = server.get("/v1/runs/served/tasks").json()["tasks"]
    found = server.get(f"/v1/runs/served/tasks/{tasks[0]['id']}/file?name=text.txt")
    assert found.text == "A"
    bad = server.get(f"/v1/runs/served/tasks/{tasks[0]['id']}/file?name=../x")
    assert bad.status_code == 404
    assert "<svg" in server.get("/v1/runs/served/report").text
    assert bench.run_json("pipeline", "watch", "--times", "1", data=bench.data)["stages"] == []
    checked = server.post("/v1/pipelines/check", json={"definition": "pipeline: x"}).json()
    assert checked["issues"][0]["line"] == 1


def test_cancelling_ends_every_process(bench, start_server):
    server = start_server(bench.data)
    run = json.loads(bench.run(bench.pipeline(", hold: /nowhere"), "--detach").stdout)
    wait_until(lambda: bench.begun() == 2)
    assert server.post(f"/v1/runs/{run['id']}/cancel", json={}).status_code == 200
    wait_until(lambda: server.get(f"/v1/runs/{run['id']}").json()["state"] == "cancelled")
    assert states(server.get(f"/v1/runs/{run['id']}/tasks").json()["tasks"]) == ["cancelled"] * 2
    stage = str(bench.folder / "stage.py").encode()
    assert not any(stage in read_or_nothing(entry / "cmdline")
                   for entry in pathlib.Path("/proc").glob("[0-9]*"))


def test_workers_elsewhere_lease_tasks_and_a_late_one_is_refused(bench, stroma_binary,
                                                                 start_server):
    settings = ("--set", "pipeline.tasks_max=0", "--set", "pipeline.lease=2s")
    server = start_server(bench.data, *settings)
    go = bench.folder / "go"
    run = json.loads(bench.run(bench.pipeline(f", hold: {go}"), "--detach").stdout)
    # Somebody leases a task and is heard of no more.
    offer = {"worker": "late", "cores": 1, "memory_bytes": 1 << 30, "cores_whole": 1,
             "memory_whole": 1 << 30, "wait_ms": 20000}
    late = server.post("/v1/tasks/lease", json=offer).json()
    wait_until(lambda: "lost" in str(server.get(f"/v1/runs/{run['id']}/tasks").json()))
    refused = server.post(f"/v1/tasks/{late['task']}/finish",
                          json={"lease": late["lease"], "outcome": "done"})
    assert refused.status_code == 404
    worker = [str(stroma_binary), "pipeline", "worker", "--data", str(bench.data), "--name",
              "pilot", "--cores", "2", "--memory", "1GiB", "--idle", "2"]
    with subprocess.Popen(worker) as pilot:
        wait_until(lambda: bench.begun() == 2)
        go.write_text("")
        wait_until(lambda: server.get(f"/v1/runs/{run['id']}").json()["state"] == "succeeded")
        # With nothing to do it ends by itself.
        assert pilot.wait(WAIT_SECONDS_MAX) == 0
    tasks = server.get(f"/v1/runs/{run['id']}/tasks").json()["tasks"]
    assert {task["worker"] for task in tasks} == {"pilot"}
    assert os.listdir(bench.data / "pipelines/work") == []
