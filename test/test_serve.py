"""stroma serve as its operator sees it: address, health, metrics, stop, and verbs beside it."""
import json
import shutil

import requests


def test_a_server_names_its_address_when_it_is_ready(server):
    assert requests.get(server.url + "/health", timeout=10).status_code == 200


def test_metrics_are_text_for_prometheus(server):
    answer = server.get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    assert lines and all(len(line.rsplit(" ", 1)) == 2 for line in lines)
    for line in lines:
        float(line.rsplit(" ", 1)[1])


def test_metrics_tell_how_many_jobs_wait(server):
    lines = server.get("/metrics").text.splitlines()
    for queue in ("jobs", "matrices", "comparisons"):
        for state in ("ready", "leased", "delayed", "dead"):
            assert f'stroma_queue_messages{{queue="{queue}",state="{state}"}} 0' in lines
        assert f'stroma_queue_oldest_seconds{{queue="{queue}"}} 0' in lines


def test_names_behind_a_proxy_are_known_when_they_are_told(start_server, tmp_path):
    def status(server, host):
        return requests.get(server.url + "/health", headers={"Host": host}, timeout=10).status_code
    plain = start_server(tmp_path / "plain")
    assert status(plain, "cells.example") == 421
    told = start_server(tmp_path / "told", "--set", "http.hosts=cells.example, other.example",
                        "--set", "http.public_url=https://cells.example")
    assert [status(told, host) for host in ("cells.example", "other.example:443", "127.0.0.1")] == [
        200, 200, 200]
    assert status(told, "evil.example") == 421


def test_every_answer_names_its_request(server):
    first, second = (requests.get(server.url + "/health", timeout=10) for _ in range(2))
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_it_ends_with_success_when_asked_to_stop(start_server):
    server = start_server()
    assert server.stop() == 0, server.log.read_text()


def test_a_verb_works_through_the_server_that_has_the_directory(start_server, run, tmp_path):
    data, file = tmp_path / "data", tmp_path / "blood.h5ad"
    run("demo", "--cells", "200", "--genes", "150", "-o", file)
    start_server(data)
    run("import", file, "--name", "blood", data=data)
    listed = json.loads(run("dataset", "list", "--json", data=data).stdout)
    assert "blood" in json.dumps(listed)
    counted = run("sql", "SELECT count(*) AS n FROM cells", "--format", "csv", data=data).stdout
    assert counted.split() == ["n", "200"]


def test_sql_answers_alike_with_and_without_a_server(start_server, run, demo_data, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(demo_data.data, data)
    statement = ("select donor_id as donor, count(*) as cells, 2.5 as price, "
                 "sum(n_counts) as total, null as absent from obs group by 1 order by 1")
    asked = [("sql", statement, "--format", form) for form in ("table", "json", "csv")]
    without = [run(*words, data=data).stdout for words in asked]
    start_server(data)
    assert [run(*words, data=data).stdout for words in asked] == without


def test_a_second_server_on_the_same_directory_is_refused(start_server, run, tmp_path):
    data = tmp_path / "data"
    start_server(data)
    done = run("serve", "--http", "127.0.0.1:0", data=data, fails=True)
    assert done.returncode == 8, done.stderr


def test_its_log_is_json_with_the_ids_of_requests_and_jobs(start_server, run, tmp_path):
    server = start_server(environment={"STROMA_LOG_FORMAT": "json"})
    file = tmp_path / "blood.h5ad"
    run("demo", "--cells", "200", "--genes", "150", "-o", file)
    accepted = server.post("/v1/imports", json={"path": str(file), "dataset": "blood"})
    server.get(f"/v1/jobs/{accepted.json()['id']}/events")  # to its end
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log.read_text().splitlines()
             if line.startswith("{")]
    requests_logged = {line["id"]: line for line in lines if line["message"] == "request"}
    asked = requests_logged[accepted.headers["X-Request-Id"]]
    assert (asked["method"], asked["path"], asked["status"]) == ("POST", "/v1/imports", "202")
    ended = {line["job"]: line for line in lines if line["message"] == "a job ended"}
    assert ended[accepted.json()["id"]]["state"] == "succeeded"
    assert server.token not in "".join(json.dumps(line) for line in lines)
