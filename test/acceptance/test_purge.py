"""`stroma purge`: of a removed dataset nothing stays on the disk."""
import pathlib

from api import MatrixApi
from cli import Stroma

MARK = "qzxv"  # every cell and gene of the removed dataset is called so


def holders(stroma):
    """The files that hold the mark as it is, and the objects that there are."""
    files = [p for p in pathlib.Path(stroma.data).rglob("*") if p.is_file()]
    marked = {p.name for p in files if MARK.encode() in p.read_bytes()}
    return marked, {str(p.relative_to(stroma.data)) for p in files if "objects" in p.parts}


def test_nothing_of_a_removed_dataset_stays(stroma_binary, make_h5ad, start_server, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(make_h5ad("kept.h5ad", ["g0", "g1"], ["c0", "c1"], [[1, 0], [0, 7]]),
                    "--public")
    _, before = holders(stroma)
    cells, genes = ([f"{MARK}-{kind}-{i}" for i in range(40)] for kind in ("cell", "gene"))
    stroma.imported(make_h5ad("gone.h5ad", genes, cells, [[1] * 40] * 40), "--public")
    api = MatrixApi(start_server(stroma.data))
    both = [api.finished(api.post("/v1/matrix", {"where": "true", "format": format}).json()[
        "request_id"]) for format in ("csv", "h5ad")]
    only = api.finished(api.post("/v1/matrix", {"where": "dataset = 'kept'"}).json()["request_id"])
    assert [done["cells"] for done in [*both, only]] == [42, 42, 2]
    api.server.stop()
    stroma.run("dataset", "remove", "gone")
    assert "warehouse.duckdb" in holders(stroma)[0]  # removed rows lie in the file

    said = stroma.run("purge")
    assert "every byte of removed datasets is gone" in said.stdout and "deleted: 1" in said.stderr
    marked, objects = holders(stroma)
    assert not marked
    results = {path for path in objects - before if "results" in path or "selections" in path}
    assert objects - before == results and len(results) == 2, results  # those of `only`
    assert stroma.sql("select dataset, cells from dataset") == [{"dataset": "kept", "cells": 2}]
    assert stroma.run("verify").returncode == 0

    api = MatrixApi(start_server(stroma.data))
    for done in both:
        assert api.get(f"/v1/matrix/{done['request_id']}").status == 404
        assert api.get(f"/v1/results/{done['query_hash']}").status == 404
    assert api.get(f"/v1/results/{only['query_hash']}").status == 200


def test_a_server_keeps_its_data_from_being_purged_meanwhile(stroma_binary, make_h5ad,
                                                             start_server, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(make_h5ad("a.h5ad", ["g0"], ["c0"], [[1]]))
    start_server(stroma.data)
    refused = stroma.run("purge", check=False)
    assert refused.returncode != 0 and "server" in refused.stderr
