"""What none of the matrix services had: no network, questions about genes, atomic changes.

STROMA_CHANGES names how often data change under the readers (6).
"""
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import anndata
import numpy as np
import pytest

from api import MatrixApi, ask
from cli import OPTIMUS

UUID = OPTIMUS.split(".", 1)[0]
HERE = pathlib.Path(__file__).parent
# A network of its own, where nothing but loopback is; `lo` is brought up as `ip link` would.
ALONE = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running
    try:
        s.connect(("192.0.2.1", 9))
        sys.exit("there is a network")
    except OSError:
        pass
os.execv(sys.executable, [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                          *sys.argv[1:]])
"""


def test_n1_everything_works_without_a_network(shared_data, skip):
    del shared_data
    alone = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        skip("this machine lets nobody unshare the network")
    done = subprocess.run(
        [*alone, sys.executable, "-c", ALONE, HERE / "test_matrix_api.py",
         HERE / "test_bundles.py", HERE / "test_annotation.py"],
        capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def genes_api(start_module_server, demo_data):
    return MatrixApi(start_module_server(demo_data.data)), anndata.read_h5ad(demo_data.file)


def ask_sql(api, statement):
    return api.sql(statement, api.server.headers())


def test_n2_cells_are_chosen_by_what_they_express(genes_api):
    api, data = genes_api
    X = data.X.toarray()
    gene = int(np.argmax((X >= 2).sum(axis=0)))
    name = data.var_names[gene]
    found = ask_sql(api, "select cell_id from cell_all join expression using (cellkey) "
                    f"where featurekey = '{name}' and exprvalue >= 2")
    assert {row[0] for row in found} == set(data.obs_names[X[:, gene] >= 2])
    assert len(found) == int((X[:, gene] >= 2).sum()) > 0


def test_n2_mean_fraction_and_top_are_computed_where_the_data_lie(genes_api):
    api, data = genes_api
    X = data.X.toarray()
    rows = ask_sql(
        api, "select featurekey, sum(exprvalue) / (select count(*) from obs) as mean, "
        "count(*) / (select count(*) from obs) as fraction from expression "
        "group by all order by mean desc, featurekey limit 5")
    means = X.mean(axis=0, dtype=np.float64)
    order = sorted(range(len(means)), key=lambda i: (-means[i], data.var_names[i]))[:5]
    assert [row[0] for row in rows] == list(data.var_names[order])
    np.testing.assert_allclose([row[1] for row in rows], means[order], rtol=1e-12)
    np.testing.assert_allclose([row[2] for row in rows], (X > 0).mean(axis=0)[order], rtol=1e-12)


def test_n7_readers_see_all_of_a_change_or_nothing(start_server, run, whole_optimus, shared_data,
                                                   tmp_path):
    data, versions = tmp_path / "data", 0
    cut_optimus = shared_data / "hca-bundles/matrix-service/etl/optimus_bundle.version"
    contents = [whole_optimus, cut_optimus]

    def load_next():
        nonlocal versions
        hours, minutes, seconds = versions // 3600, versions // 60 % 60, versions % 60
        name = f"{UUID}.2020-01-01T{hours:02}{minutes:02}{seconds:02}.000000Z"
        shutil.copytree(contents[versions % 2], tmp_path / name)
        run("import", tmp_path / name, data=data)
        shutil.rmtree(tmp_path / name)
        versions += 1

    api = MatrixApi(start_server(data))
    headers = api.server.headers()
    statement = ("select (select count(*) from cell_all), (select count(*) from expression_all), "
                 "(select sum(exprvalue) from expression_all), (select count(*) from donor)")
    seen, problems, is_over = set(), [], threading.Event()

    def read():
        while not is_over.is_set():
            answer = ask(api.url + "/v1/sql", "POST", {"statement": statement}, headers)
            if answer.status == 200:
                seen.add(tuple(answer.json()["rows"][0]))
            else:
                problems.append(answer.content)
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(int(os.environ.get("STROMA_CHANGES", "6")) // 3):
            load_next()
            load_next()
            run("dataset", "remove", UUID, data=data)
    finally:
        is_over.set()
        for reader in readers:
            reader.join()
    assert not problems, problems[0]
    whole, cut, none = (11134, 103445, 109278, 1), (5, 174, 181, 1), (0, 0, None, 0)
    assert seen == {whole, cut, none}
