"""Labels in headless Chromium: two tabs at once, history, CSV, and a view that restores the screen.

Pictures are kept in build/pictures/ for people to look at.
"""
import csv
import io


def test_two_tabs_label_at_once_and_a_view_is_opened_by_a_stranger(browse, start_server, run,
                                                                   h5ad, tmp_path):
    file, data = tmp_path / "blood.h5ad", tmp_path / "data"
    run("demo", "--cells", "1000", "--genes", "300", "-o", file)
    run("import", file, "--name", "blood", "--title", "Blood", "--public", data=data)
    types = h5ad.read(file).obs["cell_type"]
    chosen = ["B cell", *[name for name in types.cat.categories if name != "B cell"][:2]]
    number = {name: int((types == name).sum()) for name in chosen}
    seen = browse(start_server(data), "labels",
                  ["create", "lassoed", "atOnce", "conflict", "history", "changes", "csv", "view"],
                  dataset="blood", types=chosen, counts=number, gene="CD79A")
    first, second, third = (number[name] for name in chosen)
    assert 50 < seen["lassoed"] < 950
    assert "labels" in seen["violations"], "looked for, and none found"

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


def test_who_is_not_signed_in_labels_in_the_browser(browse, start_server, run, h5ad, tmp_path):
    file, data = tmp_path / "blood.h5ad", tmp_path / "data"
    run("demo", "--cells", "600", "--genes", "200", "-o", file)
    run("import", file, "--name", "blood", "--title", "Blood", "--public", data=data)
    types = h5ad.read(file).obs["cell_type"]
    first, second = chosen = list(types.cat.categories[:2])
    number = {name: int((types == name).sum()) for name in chosen}
    server = start_server(data)
    seen = browse(server, "labels-here", ["anonymousLabels"], dataset="blood", types=chosen,
                  counts=number)
    assert seen["history"][0] == f"you merged into mine · {number[second]} cells"
    assert (seen["reloaded"]["mine"], seen["reloaded"]["others"]) == \
        (number[first], number[second])
    rows = list(csv.reader(io.StringIO(seen["csv"])))
    assert rows[0] == ["cell_id", "kind"] and len(rows) == 601
    kinds = {"mine": first, "others": second}
    assert all(kinds.get(label, "") == (name if name in chosen else "")
               for (_, label), name in zip(rows[1:], types))
    # What was exported is imported into a space on the server.
    space = server.post("/u/spaces", json={"title": "Mine"}).json()["id"]
    revision = server.get("/d/blood").json()["revision"]["id"]
    done = server.request("POST", f"/u/spaces/{space}/revisions/{revision}/labels.csv",
                          data=seen["csv"].encode(),
                          headers={"Content-Type": "text/csv", "If-Match": "*"})
    assert done.status_code in (200, 201), done.text
