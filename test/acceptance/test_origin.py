"""Where a number came from: bundle, file, chunk, and the way from the donor."""
import hashlib
import json
import pathlib

import pytest

from api import MatrixApi
from cli import OPTIMUS, Stroma

FOUND = "select cellkey, cell_index, featurekey, gene_index, exprvalue from expression_all"


@pytest.fixture(scope="module")
def optimus(stroma_binary, whole_optimus, tmp_path_factory):
    stroma = Stroma(stroma_binary, tmp_path_factory.mktemp("origin") / "data")
    stroma.imported(whole_optimus, "--public")
    return stroma


def chunk_of(folder, row, column):
    """The chunk as zarr reads it, straight from the bundle's file."""
    import numcodecs
    import numpy
    [described] = pathlib.Path(folder).glob("*expression!.zarray")
    prefix = described.name.removesuffix(".zarray")
    array = json.loads(described.read_text())
    packed = (pathlib.Path(folder) / f"{prefix}{row}.{column}").read_bytes()
    content = numcodecs.get_codec(array["compressor"]).decode(packed)
    return array["chunks"], numpy.frombuffer(content, array["dtype"]).reshape(array["chunks"])


def test_a_number_is_followed_to_its_chunk_and_its_donor(optimus, whole_optimus, expected):
    manifest = json.loads(pathlib.Path(f"{whole_optimus}.json").read_text())
    files = {f["name"]: f for f in manifest.get("bundle", manifest)["files"]}
    for number in (0, 50_000, 103_000):
        [row] = optimus.sql(f"{FOUND} order by cell_index, gene_index limit 1 offset {number}")
        origin = optimus.json("origin", row["cellkey"], row["featurekey"])
        assert origin["cell"]["cell_index"] == row["cell_index"]
        values = {v["gene_index"]: v["value"] for v in origin["values"]}
        assert values[row["gene_index"]] == row["exprvalue"]
        uuid, version = OPTIMUS.split(".", 1)
        assert origin["bundle"] == {"fqid": OPTIMUS, "uuid": uuid, "version": version}

        shape, chunk = chunk_of(whole_optimus, *origin["file"]["chunk"]["array_chunk"])
        place = row["cell_index"] % shape[0], origin["gene"]["gene_index"] % shape[1]
        assert chunk[place] == values[origin["gene"]["gene_index"]]
        listed = files[origin["file"]["file_name"]]
        for ours, theirs in [("file_uuid", "uuid"), ("file_version", "version"),
                             ("sha256", "sha256"), ("size", "size")]:
            assert origin["file"][ours] == listed[theirs]

        way = [step.get("document_type") for step in origin["path"]]
        known = [kind for kind in way if kind in (
            "donor_organism", "specimen_from_organism", "cell_suspension")]
        assert known == ["donor_organism", "specimen_from_organism", "cell_suspension"]
        last = origin["path"][-1]
        assert last["content"]["file_core"]["file_name"] == origin["file"]["file_name"]
        assert all(step["content"] for step in origin["path"])
        assert last["process"]["content"] and last["protocols"][0]["content"]


def test_the_way_holds_each_documents_own_json(optimus, whole_optimus):
    [row] = optimus.sql(f"{FOUND} limit 1")
    files = pathlib.Path(whole_optimus).glob("*_[0-9]*.json")
    documents = [json.loads(file.read_text()) for file in files]
    by_id = {d["provenance"]["document_id"]: d for d in documents if "provenance" in d}
    for step in optimus.json("origin", row["cellkey"], row["featurekey"])["path"]:
        assert step["content"] == by_id[step["document_id"]]


def test_a_zero_has_an_origin_too(optimus):
    [cell] = optimus.sql("select cellkey from cell limit 1")
    [gene] = optimus.sql(
        f"select gene_id from var where featurekey not in (select featurekey from expression_all"
        f" where cellkey = '{cell['cellkey']}') limit 1")
    origin = optimus.json("origin", cell["cellkey"], gene["gene_id"])
    assert [v["value"] for v in origin["values"]] == [0] and not origin["values"][0]["stored"]
    assert origin["file"]["sha256"]


def test_of_a_file_the_source_and_its_sha256_are_told(stroma_binary, make_h5ad, start_server,
                                                      tmp_path):
    file = make_h5ad("own.h5ad", ["g0", "g1"], ["c0", "c1"], [[1, 0], [0, 7]])
    stroma = Stroma(stroma_binary, tmp_path / "data")
    stroma.imported(file, "--public")
    origin = stroma.json("origin", "c1", "g1")
    assert origin["values"] == [
        {"matrix": "X", "gene_index": 1, "unit": "unknown", "value": 7, "stored": True}]
    assert origin["source"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert origin["source"]["path"] == "own.h5ad"  # no folder of this machine
    assert origin["revision"]["number"] == 1 and origin["revision"]["etag"]
    api = MatrixApi(start_server(stroma.data))
    assert api.get("/v1/origin?cell=c1&gene=g1&dataset=own").json() == origin
    for question in ("cell=c9&gene=g1", "cell=c1&gene=g9", "cell=c1&gene=g1&dataset=other"):
        answer = api.get("/v1/origin?" + question)
        assert answer.status == 404 and answer.json()["message"], question


def test_a_cell_of_several_datasets_needs_the_dataset(stroma_binary, make_h5ad, tmp_path):
    stroma = Stroma(stroma_binary, tmp_path / "data")
    for name in ("one", "two"):
        stroma.imported(make_h5ad(f"{name}.h5ad", ["g0"], ["c0"], [[len(name)]]))
    refused = stroma.run("origin", "c0", "g0", check=False)
    assert refused.returncode == 2 and "one, two" in refused.stderr
    assert stroma.json("origin", "c0", "g0", "--dataset", "two")["cell"]["dataset"] == "two"
