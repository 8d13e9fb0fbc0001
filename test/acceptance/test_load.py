"""The load checks of the matrix service: many requests at once, many clients, many bundles, and a
server killed amid them. All data is made up, from stated seeds.

make test runs them small. STROMA_LOAD=full runs them at the sizes of the checklist (30 requests of
50,000 cells of 20,000 genes; sizes up to 10,000 cells for 100 clients; 1,000 bundles, or as many as
STROMA_LOAD_BUNDLES says) and prints what they took: pytest -s test/acceptance/test_load.py."""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import resource
import time

import pytest

from api import MatrixApi, ask
from bundles import make_bundle
from cli import Stroma

FULL = os.environ.get("STROMA_LOAD") == "full"
SEED = 23
CELLS, GENES = (100_000, 20_000) if FULL else (3_000, 400)
REQUESTS, CELLS_ASKED = 30, CELLS // 2
CLIENTS, SIZE_MAX = 100, 10_000 if FULL else 500
BUNDLES = int(os.environ.get("STROMA_LOAD_BUNDLES", "1000" if FULL else "20"))
FORMATS = ("loom", "csv", "mtx", "h5ad", "zarr", "parquet")


def say(**figures):
    print(json.dumps(figures), flush=True)


def taken_by_programs():
    """Of the programs that ran and ended: processor seconds, and the largest one's memory."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"processor_s": round(usage.ru_utime + usage.ru_stime, 1),
            "memory_mib": usage.ru_maxrss // 1024}


def taken_by(server):
    """The same of a server that runs."""
    proc = pathlib.Path("/proc") / str(server.process.pid)
    # Behind the name: user and system time are its 12th and 13th words.
    words = (proc / "stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, words[11:15]))  # and those of children that ended
    peak = re.search(r"VmHWM:\s+(\d+)", (proc / "status").read_text())[1]
    return {"processor_s": ticks / os.sysconf("SC_CLK_TCK"), "memory_mib": int(peak) // 1024}


@pytest.fixture(scope="module")
def cells(run, tmp_path_factory):
    """A data directory with one public dataset; the servers of the tests take turns on it."""
    folder = tmp_path_factory.mktemp("load")
    file, data = folder / "cells.h5ad", folder / "data"
    run("demo", "--cells", CELLS, "--genes", GENES, "--seed", SEED, "-o", file, timeout=3600)
    begin = time.monotonic()
    run("import", file, "--name", "cells", "--public", data=data, timeout=3600)
    say(imported=CELLS, seconds=round(time.monotonic() - begin, 1), **taken_by_programs())
    file.unlink()
    return data


def some_cells(count, salt):
    """A SELECT of `count` cells scattered over the dataset; another salt chooses others."""
    return f"select cell_id from obs order by md5(cell_id || '{SEED}-{salt}') limit {count}"


def in_threads(work, count):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def post(api, number, tag):
    body = {"sql": some_cells(CELLS_ASKED, f"{tag}-{number}"), "format": FORMATS[number % 3]}
    accepted = api.post("/v1/matrix", body)
    assert accepted.status == 202, accepted.content
    return accepted.json()["request_id"]


def test_a_requests_at_once_are_all_completed(start_server, cells):
    api = MatrixApi(start_server(cells))
    begin = time.monotonic()
    done = in_threads(lambda n: api.finished(post(api, n, "a")), REQUESTS)
    assert [d["status"] for d in done] == ["Complete"] * REQUESTS, done
    assert {d["cells"] for d in done} == {CELLS_ASKED}
    assert len({d["matrix_url"] for d in done}) == REQUESTS
    say(requests=REQUESTS, cells_each=CELLS_ASKED, seconds=round(time.monotonic() - begin, 1),
        bytes=sum(d["bytes"] for d in done), **taken_by(api.server))


def test_b_a_hundred_clients_see_no_failure_of_the_server(start_server, cells):
    api = MatrixApi(start_server(cells))
    begin = time.monotonic()

    def client(number):
        dice = random.Random(SEED * 1000 + number)
        size = int(SIZE_MAX ** dice.random())
        answers = [api.get("/v1/filters"), api.get(f"/v1/formats/{FORMATS[number % 3]}")]
        asked = api.post("/v1/matrix", {"sql": some_cells(size, dice.randrange(20)),
                                        "format": dice.choice(FORMATS)})
        answers += [asked, api.get("/v1/filters/organ.text")]
        asked_sql = ask(api.url + "/v1/sql", "POST", {
            "statement": f"select cell_type, count(*) from cells where n_genes > {number} "
                         "group by 1"})
        if asked_sql.status == 429:  # strangers take turns, and this one was told when to come
            assert int(asked_sql.headers["Retry-After"]) > 0
        else:
            answers.append(asked_sql)
        done = api.finished(asked.json()["request_id"])
        answers.append(ask(done["matrix_url"]))
        return done, size, [answer.status for answer in answers], len(answers[-1].content)

    clients = in_threads(client, CLIENTS)
    statuses = {status for _, _, seen, _ in clients for status in seen}
    assert max(statuses) < 500 and statuses <= {200, 202, 404}, statuses
    assert max(len(seen) for _, _, seen, _ in clients) == 6  # somebody's SQL was answered
    for done, size, _, received in clients:
        assert (done["status"], done["cells"]) == ("Complete", size)
        assert received == done["bytes"]
    say(clients=CLIENTS, seconds=round(time.monotonic() - begin, 1),
        bytes=sum(received for *_, received in clients), **taken_by(api.server))


def test_d_many_bundles_are_loaded(stroma_binary, shared_data, tmp_path):
    begin = time.monotonic()
    folders = [make_bundle(shared_data, tmp_path / "bundles", SEED, n) for n in range(BUNDLES)]
    say(bundles=BUNDLES, made_in_seconds=round(time.monotonic() - begin, 1))
    stroma = Stroma(stroma_binary, tmp_path / "data")
    begin = time.monotonic()
    for first in range(0, BUNDLES, 1000):
        part = time.monotonic()
        stroma.run("import", "--quiet", *folders[first:first + 1000])
        count = len(folders[first:first + 1000])
        say(loaded=first + count, bundles_per_second=round(count / (time.monotonic() - part), 2),
            **taken_by_programs())
    say(bundles=BUNDLES, seconds=round(time.monotonic() - begin, 1))
    [row] = stroma.sql("select count(*) as cells, count(distinct cellkey) as keys, "
                       "count(distinct bundle_uuid) as bundles from cell_all join analysis "
                       "using (analysiskey)")
    assert row == {"cells": 100 * BUNDLES, "keys": 100 * BUNDLES, "bundles": BUNDLES}


def test_e_after_a_kill_every_request_ends(start_server, cells):
    api = MatrixApi(start_server(cells))
    asked = in_threads(lambda n: post(api, n, "e"), REQUESTS)
    assert api.finished(asked[0])["status"] == "Complete"
    api.server.kill()

    begin = time.monotonic()
    again = MatrixApi(start_server(cells))
    say(server_ready_after_kill_in_seconds=round(time.monotonic() - begin, 2))
    done = in_threads(lambda n: again.finished(asked[n]), REQUESTS)
    for one in done:
        assert one["status"] in ("Complete", "Failed"), one
        assert one["status"] == "Complete" or one["message"], one
    complete = [one for one in done if one["status"] == "Complete"]
    assert {one["cells"] for one in complete} == {CELLS_ASKED}
    for one in complete:
        assert ask(one["matrix_url"], "HEAD").status == 200
    say(requests=REQUESTS, complete=len(complete), seconds=round(time.monotonic() - begin, 1),
        **taken_by(again.server))
