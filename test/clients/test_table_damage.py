"""Damage in the file of users' tables is found by `stroma verify`, and no backup holds it."""
import json
import shutil
import subprocess

import pytest

psycopg2 = pytest.importorskip("psycopg2")
HEADERS, BLOCK = 3 * 4096, 256 * 1024


def ask(server, *statements):
    told = json.loads((server.data / "server.json").read_text())
    host, port = told["postgres"].rsplit(":", 1)
    connection = psycopg2.connect(host=host, port=port, user="admin", password=told["token"],
                                  dbname="dev", connect_timeout=60)
    connection.autocommit = True
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    found = cursor.fetchall()
    connection.close()
    return found


def test_a_flipped_bit_in_any_block_of_a_table_is_found_and_not_backed_up(
        start_server, run, stroma_binary, tmp_path):
    data = tmp_path / "data"
    summed = "SELECT count(*), sum(id), max(t), min(t) FROM probe"
    server = start_server(data, "--postgres", "127.0.0.1:0")
    wanted = ask(server, "CREATE TABLE probe AS SELECT n AS id, md5(n::varchar) AS t FROM "
                 "generate_series(1, 100000) AS s(n)", summed)
    server.stop()
    file = data / "redshift" / "dev.duckdb"
    whole, found, missed = file.read_bytes(), [], []

    def damage(begin):
        damaged = bytearray(whole)
        damaged[begin + 1000] ^= 0x10
        file.write_bytes(damaged)
    for begin in range(HEADERS, len(whole), BLOCK):
        damage(begin)
        done = subprocess.run([stroma_binary, "verify", "--data", data], capture_output=True,
                              text=True, timeout=60, check=False)
        if done.returncode == 0:
            missed.append(begin)
        else:
            assert done.returncode == 10 and "damaged" in done.stdout, done
            found.append(begin)
    assert len(found) > 5
    damage(found[3])
    told = run("backup", tmp_path / "refused", data=data, fails=True)
    assert "no backup was made" in told.stderr and list(tmp_path.glob("refused*")) == []
    # Nor does a server copy what is damaged.
    served = start_server(data, "--postgres", "127.0.0.1:0")
    told = run("backup", tmp_path / "refused", data=data, fails=True)
    assert "no backup was made" in told.stderr and list(tmp_path.glob("refused*")) == []
    served.kill()
    # Where a flip wasn't found no row lies: nothing else is answered, or the server doesn't start.
    assert len(missed) < len(found) / 2
    for begin in missed:
        damage(begin)
        other = tmp_path / f"other{begin}"
        shutil.copytree(data, other)
        try:
            server = start_server(other, "--postgres", "127.0.0.1:0")
        except pytest.fail.Exception as told:
            assert "opening the user database" in str(told) and "Corrupt" in str(told)
            continue
        assert ask(server, summed) == wanted
        server.kill()
