"""Pilot jobs at a real Slurm cluster of one node: they come with the queue and go with it, and
whatever is killed, the bytes are those of an undisturbed run."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

import slurm_cluster
from pipeline_bench import read_or_nothing, wait_until

SETTINGS = ("slurm.pilots_max=2", "slurm.memory=256MiB", "slurm.idle=2s", "slurm.interval=200ms",
            "slurm.drain=1s", "pipeline.tasks_max=0", "pipeline.first_retry=10ms")
SECOND = """
  second:
    command: [python3, stage.py]
    inputs: {{text: first.text}}
    outputs: [text]
    resources: {{memory: 64MiB}}
    parameters: {{notes: {notes}, put: joined}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, skip):
    absent = slurm_cluster.missing()
    if absent:
        skip(f"there is no Slurm ({', '.join(absent)}); tools/setup installs it")
    try:
        started = slurm_cluster.Cluster(tmp_path_factory.mktemp("slurm"))
    except RuntimeError as error:
        skip(f"Slurm did not start here: {error}")
    yield started
    started.stop()


def processes_with(*words):
    """Those whose command line has all of the words."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        command = read_or_nothing(entry / "cmdline").decode(errors="replace").split("\0")
        if all(word in command for word in words):
            found.append(int(entry.name))
    return found


def jobs_of(cluster):
    """The states of jobs that aren't over."""
    return cluster.ask("squeue", "-h", "-o", "%i %T").split()


def pilots_of(server):
    return {one["job"]: one for one in server.get("/v1/pipelines/pilots").json()["pilots"]}


def serve(bench, start_server, cluster):
    return start_server(bench.data, *[word for one in SETTINGS for word in ("--set", one)],
                        environment=cluster.environment)


def test_pilots_come_and_go_and_what_is_killed_goes_on(bench, start_server, cluster):
    for number in range(6):
        (bench.slides / f"c{number}.txt").write_text(f"c{number}")
    go = bench.folder / "go"
    file = bench.pipeline(f", hold: {go}", rest=SECOND.format(notes=bench.notes))
    server = serve(bench, start_server, cluster)
    # Nothing to do: no job.
    assert jobs_of(cluster) == [] and pilots_of(server) == {}
    out = bench.folder / "out"
    run = json.loads(bench.run(file, "--detach", "--name", "struck").stdout)
    wait_until(lambda: bench.begun() == 2)
    first, second = sorted(pilots_of(server), key=int)
    place = next(one for one in server.get("/v1/pipelines/standing").json()["places"]
                 if one["place"] == "slurm")
    assert place["wanted"] == place["most"] == 2 and place["tasks"] == 8

    # The step of one is killed: its leases are over at once, not in a minute.
    os.kill(processes_with("worker", f"slurm-{first}")[0], signal.SIGKILL)
    wait_until(lambda: pilots_of(server)[first]["state"] == "FAILED")
    wait_until(lambda: bench.begun() == 3)
    tasks = server.get(f"/v1/runs/{run['id']}/tasks").json()["tasks"]
    lost = [one for task in tasks for one in task["attempts"]]
    assert [one["outcome"] for one in lost] == ["lost"]
    assert f"its Slurm job {first} ended: FAILED" in lost[0]["error"]

    # The other is ended through us: what it did goes back, and isn't a failure of the task.
    bench.run_stroma("pipeline", "pilots", "--cancel", second, data=bench.data)
    wait_until(lambda: pilots_of(server)[second]["state"] == "CANCELLED")
    wait_until(lambda: bench.begun() == 4)

    # The server is killed, and started again: the jobs that are there go on with it.
    before = sorted(pilots_of(server))
    server.process.kill()
    server.process.wait()
    server = serve(bench, start_server, cluster)
    go.write_text("")
    wait_until(lambda: server.get(f"/v1/runs/{run['id']}").json()["state"] == "succeeded")
    assert len(pilots_of(server)) < len(before) + 8, "a job for a task"

    # Down to none, and what became of each is told with the run.
    wait_until(lambda: jobs_of(cluster) == [])
    wait_until(lambda: all(one["ended"] for one in pilots_of(server).values()))
    shown = bench.run_json("pipeline", "show", "struck", data=bench.data)
    ends = {one["job"]: one for one in shown["pilots"]}
    assert ends[first]["signal"] == 9 or ends[first]["exit_code"] == 137, ends[first]
    assert ends[second]["state"] == "CANCELLED"
    completed = [one for one in ends.values() if one["state"] == "COMPLETED"]
    assert completed and all(one["exit_code"] == 0 and one["peak_bytes"] > 1 << 20
                             for one in completed)
    assert "COMPLETED" in bench.run_stroma("pipeline", "pilots", data=bench.data).stdout

    same = ("pipeline", "run", file, "--input", bench.slides, "--output")
    bench.run_stroma(*same, out, "--name", "again", data=bench.data)
    bench.run_stroma(*same, bench.folder / "calm", data=bench.folder / "other")
    files = sorted((bench.folder / "calm").rglob("*.txt"))
    assert len(files) == 9
    for path in files:
        assert (out / path.relative_to(bench.folder / "calm")).read_bytes() == path.read_bytes()


def test_cancelling_a_run_takes_waiting_jobs_away(bench, start_server, cluster):
    cluster.ask("scontrol", "update", "partitionname=main", "state=down")
    try:
        server = serve(bench, start_server, cluster)
        run = json.loads(bench.run(bench.pipeline(), "--detach").stdout)
        wait_until(lambda: len(jobs_of(cluster)) == 4)
        assert set(jobs_of(cluster)[1::2]) == {"PENDING"}
        assert server.post(f"/v1/runs/{run['id']}/cancel", json={}).status_code == 200
        wait_until(lambda: jobs_of(cluster) == [])
        wait_until(lambda: {one["state"] for one in pilots_of(server).values()} == {"CANCELLED"})
    finally:
        cluster.ask("scontrol", "update", "partitionname=main", "state=up")


def test_what_no_job_could_hold_and_what_slurm_refuses_is_told(bench, start_server, cluster):
    server = start_server(bench.data, *[word for one in (*SETTINGS, "slurm.partition=nowhere")
                                        for word in ("--set", one)],
                          environment=cluster.environment)

    def place():
        found = [one for one in server.get("/v1/pipelines/standing").json()["places"]
                 if one["place"] == "slurm"]
        return found[0] if found else {"trouble": "", "too_large": 0}

    run = json.loads(bench.run(bench.pipeline(), "--detach").stdout)
    wait_until(lambda: "partition" in place()["trouble"])
    server.post(f"/v1/runs/{run['id']}/cancel", json={})
    file = bench.pipeline(stage="    retries: 1\n")
    file.write_text(file.read_text().replace("memory: 64MiB", "memory: 300MiB"))
    json.loads(bench.run(file, "--detach", "--name", "large").stdout)
    wait_until(lambda: place()["too_large"] == 2)
    watched = bench.run_stroma("pipeline", "watch", "--times", "1", data=bench.data).stdout
    assert "2 tasks ask for more cores or memory than a worker there has" in watched


def test_without_slurm_the_server_says_what_is_missing(bench, stroma_binary):
    done = subprocess.run(
        [str(stroma_binary), "serve", "--data", str(bench.data), "--http", "127.0.0.1:0", "--set",
         "slurm.pilots_max=1"], env={**os.environ, "PATH": "/nowhere"}, capture_output=True,
        text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "there is no program 'sbatch' along PATH; install Slurm's client" in done.stderr
