"""Labels in headless Chromium: two tabs at once, history, CSV, and a view that restores the screen.

Pictures are kept in build/pictures/ for people to look at.
"""
import csv
import io
import json
import pathlib
import subprocess
import warnings

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent


def read_h5ad(path):
    import anndata
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(path)


def label(server, chromium, **order):
    pictures = PROJECT / "build/pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    order = {"url": server.url, "token": server.token, "chromium": chromium,
             "pictures": str(pictures), **order}
    command = [PROJECT / "tools/node", HERE / "label.mjs", PROJECT / "build/clients",
               json.dumps(order)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "failure" not in seen, f"{seen['failure']}; see {pictures}/labels-failed-*.png"
    assert not seen["errors"], seen["errors"]
    return seen


def test_two_tabs_label_at_once_and_a_view_is_opened_by_a_stranger(start_server, run, tmp_path,
                                                                   chromium):
    file, data = tmp_path / "blood.h5ad", tmp_path / "data"
    run("demo", "--cells", "1000", "--genes", "300", "-o", file)
    run("import", file, "--name", "blood", "--title", "Blood", "--public", data=data)
    types = read_h5ad(file).obs["cell_type"]
    chosen = ["B cell", *[name for name in types.cat.categories if name != "B cell"][:2]]
    number = {name: int((types == name).sum()) for name in chosen}
    seen = label(start_server(data), chromium, dataset="blood", types=chosen, counts=number,
                 gene="CD79A", steps=["create", "lassoed", "atOnce", "conflict", "history",
                                      "changes", "csv", "view"])
    first, second, third = (number[name] for name in chosen)
    assert 50 < seen["lassoed"] < 950
    assert seen["labels_violations"] == []

    for tab in seen["at_once"]:
        assert (tab["mine"], tab["theirs"]) == (first, second), "nobody lost a label"
        assert sum(tab.values()) == 1000
    assert f"Another labelled {first}" in seen["conflict"]
    assert (seen["kept"]["early"], seen["kept"]["late"]) == (first, 0)
    assert (seen["insisted"]["early"], seen["insisted"]["late"]) == (0, first)
    assert seen["history"][0] == f"local labelled late · {first} cells"

    rows = list(csv.reader(io.StringIO(seen["csv"])))
    assert rows[0] == ["cell_id", "kind"] and len(rows) == 1001
    assert sum(row[1] == "renamed" for row in rows) == first + second + third
    used = {name: count for name, count in seen["csv_counts"]["before"].items() if count}
    for after in (seen["csv_counts"]["after"], seen["reloaded"]):
        assert {name: count for name, count in after.items() if count} == used

    assert [one["geneset_name"] for one in seen["kept_set"]] == ["my set"]
    assert "view=view-" in seen["link"]
    restored = seen["restored"]
    assert restored["selected"] == seen["selected"] == first
    assert "CD79A" in restored["genes"] and restored["sets"][0].startswith("my set")
