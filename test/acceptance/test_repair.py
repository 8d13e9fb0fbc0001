"""What damage the disk does is found, named, and mended or reported with what was lost; the rest
stays readable, a second verify is clean, and what was lost can be loaded again."""
import io
import json
import os
import pathlib
import shutil
import zipfile

import pytest

from api import MatrixApi, ask, compare
from cli import Stroma, read_any


@pytest.fixture
def stroma(stroma_binary, tmp_path):
    return Stroma(stroma_binary, tmp_path / "data")


@pytest.fixture
def two(stroma, make_h5ad):
    """Datasets 'hurt' and 'whole'; gives their files."""
    files = [make_h5ad(f"{name}.h5ad", ["G1", "G2", "G3"], ["c1", "c2"], [1, 0, 2, 0, 3, count])
             for name, count in (("hurt", 4), ("whole", 5))]
    stroma.run("import", *files)
    return files


def key_file(stroma, part):
    """The one stored object whose name has the part."""
    found, = [path for path in pathlib.Path(stroma.data, "objects/keys").rglob("*")
              if path.is_file() and part in str(path)]
    return found


def sealed_file(stroma, dataset):
    revision, = [d["revision"] for d in stroma.json("dataset", "list") if d["name"] == dataset]
    return key_file(stroma, revision)


def flip(path, at):
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(at if at >= 0 else path.stat().st_size + at)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def verified(stroma, *words):
    done = stroma.run("verify", "--json", *words, check=False)
    return done.returncode, json.loads(done.stdout)


def assert_found_mended_and_clean(stroma, found, repaired):
    code, told = verified(stroma)
    assert code == 10 and told["repaired"] == [], told
    assert any(found in line for line in told["found"]), told
    code, told = verified(stroma, "--repair")
    assert code == 0 and told["left"] == [], told
    assert any(repaired in line for line in told["repaired"]), told
    assert verified(stroma) == (0, {"found": [], "repaired": [], "left": []})


def assert_only_hurt_is_lost(stroma, two, tmp_path):
    hurt, whole = two
    assert [d["name"] for d in stroma.json("dataset", "list")] == ["whole"]
    assert stroma.sql("select count(*) n from expression_all") == [{"n": 4}]
    assert stroma.imported(hurt)["nonzeros"] == 4
    out = stroma.matrix(tmp_path / "again.mtx", "--dataset", "hurt")
    assert read_any(out)[0].sum() == 10


@pytest.mark.parametrize("at", [0, 100, -1, -100], ids=["begin", "block", "footer", "trailer"])
def test_a_flipped_bit_in_a_sealed_file(stroma, two, tmp_path, at):
    flip(sealed_file(stroma, "hurt"), at)
    assert stroma.run("matrix", "--dataset", "whole", "-o", tmp_path / "whole.mtx")
    assert_found_mended_and_clean(stroma, "hurt",
                                  f"lost 'hurt': 2 cells x 3 genes; import {two[0]}")
    assert_only_hurt_is_lost(stroma, two, tmp_path)


def test_a_flipped_bit_in_each_part_of_a_sealed_file_is_found(stroma, two):
    path = sealed_file(stroma, "hurt")
    for at in range(0, path.stat().st_size, path.stat().st_size // 40):
        flip(path, at)
        code, told = verified(stroma, "hurt")
        assert code == 10 and "hurt" in told["found"][0], at
        flip(path, at)
    assert verified(stroma, "hurt")[0] == 0


@pytest.mark.parametrize("damage", [
    lambda path: path.unlink(),
    lambda path: os.truncate(path, path.stat().st_size // 2),
    lambda path: os.truncate(path, 0),
    lambda path: path.write_bytes(path.read_bytes() + b"\0" * 4096),
], ids=["missing", "cut", "empty", "longer"])
def test_a_sealed_file_that_is_not_whole(stroma, two, tmp_path, damage):
    path = sealed_file(stroma, "hurt")
    os.chmod(path, 0o600)
    damage(path)
    assert_found_mended_and_clean(stroma, "hurt", "lost 'hurt': 2 cells x 3 genes")
    assert_only_hurt_is_lost(stroma, two, tmp_path)


def test_the_file_of_another_dataset_in_its_place_is_found(stroma, two):
    shutil.copy(sealed_file(stroma, "whole"), sealed_file(stroma, "hurt"))
    assert_found_mended_and_clean(stroma, "hurt", "lost 'hurt'")


def test_rows_that_are_gone_are_made_again(stroma, two):
    count = "select count(*) n, sum(exrpvalue)::double total from expression_all"
    before = stroma.sql(count), stroma.sql("select * from obs order by all")
    for name in ("warehouse.duckdb", "warehouse.duckdb.wal"):
        pathlib.Path(stroma.data, name).unlink(missing_ok=True)
    assert_found_mended_and_clean(stroma, "rows are missing", "nothing was lost")
    assert (stroma.sql(count), stroma.sql("select * from obs order by all")) == before


def test_a_bundle_that_was_lost_can_be_loaded_again(stroma, whole_optimus):
    first = stroma.imported(whole_optimus)
    flip(key_file(stroma, ".sealed"), 5000)
    assert_found_mended_and_clean(stroma, "checksum", "lost '")
    assert stroma.json("dataset", "list") == []
    again = stroma.imported(whole_optimus)
    assert (again["cells"], again["nonzeros"]) == (first["cells"], first["nonzeros"])
    assert stroma.sql("select count(*) n from project") == [{"n": 1}]


@pytest.mark.parametrize("damage", [lambda path: flip(path, 3), lambda path: path.unlink()],
                         ids=["flipped", "missing"])
def test_the_file_of_a_matrix_request_is_made_again(start_server, stroma, two, damage):
    def asked(server):
        done = MatrixApi(server).matrix(compare(">=", "genes_detected", 0), format="mtx")
        assert done["status"] == "Complete" and done["cells"] == 2, done
        packed = zipfile.ZipFile(io.BytesIO(ask(done["matrix_url"]).content))
        return {name.rpartition("/")[2]: packed.read(name) for name in packed.namelist()}
    stroma.run("import", "--public", two[0], "--name", "open")
    server = start_server(stroma.data)
    first = asked(server)
    server.stop()
    damage(key_file(stroma, "results"))
    assert_found_mended_and_clean(stroma, "results/", "the same request makes it again")
    assert asked(start_server(stroma.data)) == first


def test_what_cannot_be_mended_is_said(stroma, two):
    code, told = verified(stroma, "--repair", "whole")
    assert (code, told) == (0, {"found": [], "repaired": [], "left": []})
    done = stroma.run("verify", "nobody", check=False)
    assert done.returncode != 0 and "nobody" in done.stderr
