"""Labels, gene sets, selections and views: what people add beside immutable revisions."""
import concurrent.futures
import csv
import io
import warnings
import zlib

import pytest
import requests

from net_encoding import decode


def read_h5ad(path):
    import anndata
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(path)


@pytest.fixture(scope="module")
def blood(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("blood")
    whole, part = folder / "blood.h5ad", folder / "part.h5ad"
    run("demo", "--cells", "300", "--genes", "200", "-o", whole)
    data = read_h5ad(whole)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Every second cell, the other way round: the cells' numbers are others.
        data[::2][::-1].copy().write_h5ad(part)
    return {"whole": whole, "part": part, "ids": list(data.obs_names)}


@pytest.fixture(scope="module")
def server(start_module_server, run, blood, tmp_path_factory):
    data = tmp_path_factory.mktemp("annotations") / "data"
    run("import", blood["whole"], "--name", "blood", "--public", data=data)
    run("import", blood["whole"], "--name", "hidden", data=data)
    return start_module_server(data)


@pytest.fixture(scope="module")
def revisions(server):
    return {dataset["name"]: dataset["current_revision"]
            for dataset in server.get("/v1/datasets").json()["datasets"]}


class Person:
    """Somebody with a token; call("GET", path) gives the answer."""

    def __init__(self, server, name):
        self.url = server.url
        made = server.post("/v1/principals", json={"name": name})
        assert made.status_code == 201, made.text
        self.id = made.json()["id"]
        self.token = server.post("/v1/tokens", json={"principal": name}).json()["secret"]

    def call(self, method, path, status=200, **options):
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        answer = requests.request(method, self.url + path, headers=headers, timeout=120, **options)
        assert answer.status_code == status, answer.text
        return answer

    def space(self, title="mine"):
        return self.call("POST", "/u/spaces", 201, json={"title": title}).json()["id"]

    def change(self, column, etag, status=200, **order):
        return self.call("POST", f"/u/labels/{column}/history", status, json=order,
                         headers={"If-Match": etag} if etag else {})


@pytest.fixture(scope="module")
def ann(server):
    return Person(server, "ann")


@pytest.fixture(scope="module")
def bob(server):
    return Person(server, "bob")


@pytest.fixture
def place(ann, revisions):
    """A fresh space of Ann's over the public dataset."""
    return f"/u/spaces/{ann.space()}/revisions/{revisions['blood']}"


@pytest.fixture
def column(ann, place):
    return ann.call("POST", f"{place}/labels", 201, json={"name": "kind"}).json()["column"]


def quoted(etag):
    return f'"{etag}"'


def counts(column):
    return {label["label"]: label["cells"] for label in column["labels"]}


def values(person, place):
    """Column by name: the label of each cell, as the CSV has it."""
    rows = list(csv.reader(io.StringIO(person.call("GET", f"{place}/labels.csv").text)))
    return {name: {row[0]: row[at] for row in rows[1:]}
            for at, name in enumerate(rows[0]) if at > 0}


def test_labels_are_assigned_renamed_merged_removed_and_taken_back(ann, place, column, blood):
    etag, id_ = quoted(column["etag"]), column["id"]

    def change(**order):
        nonlocal etag
        answer = ann.change(id_, etag, **order)
        etag = answer.headers["ETag"]
        return answer.json()

    made = change(op="assign", label="B", cells=[[0, 10], [20, 30]])
    assert counts(made["column"]) == {"B": 20}
    assert made["entry"]["moves"] == [{"from": None, "to": "B", "cells": 20}]
    assert made["entry"]["who"]["name"] == "ann"
    made = change(op="assign", label="T", cells=[[5, 15]])
    assert counts(made["column"]) == {"B": 15, "T": 10}
    assert sorted(move["cells"] for move in made["entry"]["moves"]) == [5, 5]
    assert counts(change(op="rename", **{"from": "T", "to": "T cell"})["column"]) == \
        {"B": 15, "T cell": 10}
    assert counts(change(op="add", label="NK")["column"])["NK"] == 0
    assert counts(change(op="merge", **{"from": ["B", "T cell"], "to": "lymphocyte"})["column"]) \
        == {"NK": 0, "lymphocyte": 25}
    assert counts(change(op="remove", label="lymphocyte")["column"]) == {"NK": 0}
    back = change(op="undo")
    assert counts(back["column"]) == {"NK": 0, "lymphocyte": 25}
    assert back["entry"]["undoes"] == 7
    back = change(op="undo", version=6)
    assert counts(back["column"]) == {"B": 15, "NK": 0, "T cell": 10}
    assert values(ann, place)["kind"] == {
        name: "T cell" if 5 <= at < 15 else "B" if at < 5 or 20 <= at < 30 else ""
        for at, name in enumerate(blood["ids"])}

    history = ann.call("GET", f"/u/labels/{id_}/history").json()["entries"]
    assert [entry["kind"] for entry in history] == [
        "undo", "undo", "remove", "merge", "add", "rename", "assign", "assign", "create"]
    assert change(op="rename_column", name="type")["column"]["name"] == "type"
    ann.call("DELETE", f"/u/labels/{id_}", 204, headers={"If-Match": etag})
    ann.call("GET", f"/u/labels/{id_}", 404)


def test_a_write_says_what_it_knew(ann, place, column):
    etag, id_ = quoted(column["etag"]), column["id"]
    order = {"op": "assign", "label": "B", "cells": [[0, 3]]}
    assert ann.change(id_, None, 428, **order).json()["status"] == 428
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        def write(number):
            return requests.post(
                f"{ann.url}/u/labels/{id_}/history", json={**order, "label": str(number)},
                headers={"Authorization": f"Bearer {ann.token}", "If-Match": etag}, timeout=120)
        answers = list(pool.map(write, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + 7 * [412]
    late = next(answer for answer in answers if answer.status_code == 412)
    assert late.json()["version"] == 2 and late.headers["ETag"] == quoted(late.json()["etag"])
    changes = ann.call("GET", late.json()["changes"] + "?since=1").json()["changes"]
    assert [change["cells"] for change in changes] == [[[0, 3]]]
    ann.call("GET", f"/u/labels/{id_}", 304, headers={"If-None-Match": late.headers["ETag"]})
    ann.call("DELETE", f"/u/labels/{id_}", 412, headers={"If-Match": etag})
    ann.call("GET", f"{place}/labels", 200)


def test_changes_of_two_at_once_are_merged_cell_by_cell(ann, column):
    etag, id_ = quoted(column["etag"]), column["id"]
    ann.change(id_, etag, op="assign", label="B", cells=[[0, 20]])
    merged = ann.change(id_, etag, op="assign", label="T", cells=[[10, 30]],
                        on_conflict="merge").json()
    assert counts(merged["column"]) == {"B": 20, "T": 10}, "what Bob labelled stays his"
    assert merged["conflicts"] == {"cells": 10, "runs": [[10, 20]]}
    # The label that both knew was renamed by the first: the second's cells get the new name.
    now = quoted(merged["column"]["etag"])
    ann.change(id_, now, op="rename", **{"from": "T", "to": "T cell"})
    merged = ann.change(id_, now, op="assign", label="T", cells=[[30, 40]],
                        on_conflict="merge").json()
    assert counts(merged["column"]) == {"B": 20, "T cell": 20}


def test_many_writers_who_merge_lose_nothing(ann, column):
    id_, etag = column["id"], quoted(column["etag"])

    def write(number):
        for step in range(5):
            first = number * 30 + step * 5
            ann.change(id_, etag, op="assign", label=f"writer {number}",
                       cells=[[first, first + 5]], on_conflict="merge")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    now = ann.call("GET", f"/u/labels/{id_}").json()
    assert counts(now) == {f"writer {number}": 25 for number in range(6)}
    assert now["version"] == 31


def test_labels_survive_a_kill(start_server, run, blood, tmp_path):
    data = tmp_path / "data"
    run("import", blood["whole"], "--name", "blood", "--public", data=data)
    server = start_server(data)
    revision = server.get("/v1/datasets").json()["datasets"][0]["current_revision"]
    space = server.post("/u/spaces", json={"title": "mine"}).json()["id"]
    column = server.post(f"/u/spaces/{space}/revisions/{revision}/labels",
                         json={"name": "kind"}).json()["column"]
    acknowledged = [column["etag"]]

    def write_until_killed():
        try:
            while True:
                first = len(acknowledged) % 299
                answer = server.post(
                    f"/u/labels/{column['id']}/history",
                    json={"op": "assign", "label": str(len(acknowledged)),
                          "cells": [[first, first + 1]]},
                    headers={"If-Match": quoted(acknowledged[-1])})
                if answer.status_code == 200:
                    acknowledged.append(answer.json()["column"]["etag"])
                if len(acknowledged) == 40:
                    in_the_middle.set_result(None)
        except requests.RequestException:
            return
    in_the_middle = concurrent.futures.Future()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_until_killed)
        in_the_middle.result(120)
        server.kill()
        writing.result(120)
    again = start_server(data)
    now = again.get(f"/u/labels/{column['id']}").json()
    assert now["version"] - len(acknowledged) in (0, 1), "at most the unacknowledged one"
    label = str(len(acknowledged) - 1)
    assert counts(now)[label] == 1
    assert len(again.get(f"/u/labels/{column['id']}/history?limit=1000").json()["entries"]) \
        == now["version"]


def test_cells_come_as_runs_by_label_by_selection_and_as_a_roaring_bitmap(ann, blood, column,
                                                                          revisions):
    id_ = column["id"]
    types = read_h5ad(blood["whole"]).obs["cell_type"]
    wanted = types.iloc[0]
    by_label = ann.change(id_, "*", op="assign", label="by label",
                          cells={"column": "cell_type", "labels": [wanted]}).json()
    assert counts(by_label["column"])["by label"] == (types == wanted).sum()
    selection = ann.call("POST", "/u/selections", 201, json={
        "revision": revisions["blood"], "name": "some", "cells": [[3, 5], [100, 200]]}).json()
    by_selection = ann.change(id_, "*", op="assign", label="by selection",
                              cells={"selection": selection["id"]}).json()
    assert counts(by_selection["column"])["by selection"] == 102
    # Cells 1, 2, 3 and 9 as RoaringFormatSpec writes them: one array container.
    bitmap = b"".join([(12346).to_bytes(4, "little"), (1).to_bytes(4, "little"),
                       (0).to_bytes(2, "little"), (3).to_bytes(2, "little"),
                       (16).to_bytes(4, "little")] +
                      [cell.to_bytes(2, "little") for cell in (1, 2, 3, 9)])
    answer = ann.call("POST", f"/u/labels/{id_}/history?label=bits", data=bitmap, headers={
        "If-Match": "*", "Content-Type": "application/octet-stream"}).json()
    assert counts(answer["column"])["bits"] == 4
    bad = ann.call("POST", f"/u/labels/{id_}/history?label=bits", 400, data=bitmap[:-1], headers={
        "If-Match": "*", "Content-Type": "application/octet-stream"}).json()
    assert "Roaring" in bad["detail"]
    past = ann.change(id_, "*", 400, op="assign", label="x", cells=[[299, 301]]).json()
    assert past["pointer"] == "/cells"


def test_csv_goes_out_and_comes_in(ann, bob, place, column, blood, revisions):
    ann.change(column["id"], "*", op="assign", label='odd, "label"', cells=[[0, 7]])
    text = ann.call("GET", f"{place}/labels.csv").text
    other = f"/u/spaces/{bob.space()}/revisions/{revisions['blood']}"
    etag = bob.call("GET", f"{other}/labels").headers["ETag"]
    imported = bob.call("POST", f"{other}/labels.csv", data=text, headers={"If-Match": etag}).json()
    assert imported["rows"] == 300
    assert bob.call("GET", f"{other}/labels.csv").text == text
    bob.call("POST", f"{other}/labels.csv", 412, data=text, headers={"If-Match": etag})
    bob.call("POST", f"{other}/labels.csv", 428, data=text)

    def refused(lines):
        return bob.call("POST", f"{other}/labels.csv", 400, data="\n".join(lines),
                        headers={"If-Match": "*"}).json()["detail"]
    first, second = blood["ids"][:2]
    assert "'nobody' (line 3)" in refused(["cell,kind", f"{first},a", "nobody,b"])
    assert f"'{first}' (line 4)" in refused(["cell,kind", f"{first},a", f"{second},b",
                                             f"{first},c"])
    assert "line 2" in refused(["cell,kind", f"{first},a,b"])
    # cellxgene's own file: comments, and a word for no label.
    bob.call("POST", f"{other}/labels.csv", data="\n".join(
        ["# made by a program", "index,kind", f"{first},unassigned", f"{second},new"]),
        headers={"If-Match": "*"})
    now = values(bob, other)["kind"]
    assert (now[first], now[second], now[blood["ids"][2]]) == ("", "new", 'odd, "label"')


def test_a_copy_of_a_column_begins_with_its_labels(ann, place, blood):
    made = ann.call("POST", f"{place}/labels", 201,
                    json={"name": "mine", "copy_of": "cell_type"}).json()["column"]
    assert counts(made) == read_h5ad(blood["whole"]).obs["cell_type"].value_counts().to_dict()
    ann.call("POST", f"{place}/labels", 409, json={"name": "mine"})
    ann.call("POST", f"{place}/labels", 409, json={"name": "cell_type"})


def test_labels_are_carried_over_to_a_new_revision(server, run_json, start_server, run, blood,
                                                   tmp_path):
    data = tmp_path / "data"
    run("import", blood["whole"], "--name", "blood", "--public", data=data)
    run("import", blood["part"], "--name", "blood", "--public", data=data)
    own = start_server(data)
    dataset = own.get("/v1/datasets").json()["datasets"][0]
    old, new = sorted(own.get(f"/v1/datasets/{dataset['id']}/revisions").json()["revisions"],
                      key=lambda one: one["number"])
    space = own.post("/u/spaces", json={"title": "mine"}).json()["id"]
    column = own.post(f"/u/spaces/{space}/revisions/{old['id']}/labels",
                      json={"name": "kind"}).json()["column"]
    own.post(f"/u/labels/{column['id']}/history", headers={"If-Match": "*"},
             json={"op": "assign", "label": "B", "cells": [[0, 11]]})
    report = own.post(f"/u/spaces/{space}/revisions/{new['id']}/carry",
                      json={"from": old["id"]}).json()["columns"][0]
    assert (report["carried"], report["lost"]) == (6, 5)
    assert report["lost_cells"] == blood["ids"][1:11:2]
    text = own.get(f"/u/spaces/{space}/revisions/{new['id']}/labels.csv").text
    labelled = {row[0] for row in csv.reader(io.StringIO(text)) if row[1] == "B"}
    assert labelled == set(blood["ids"][0:11:2])


def test_gene_sets_are_kept_with_their_history(ann, bob, place, revisions):
    empty = ann.call("GET", f"{place}/genesets")
    assert empty.json()["genesets"] == []
    gene = read_gene(ann, revisions)
    body = {"geneset_description": "one", "genes": [{"gene_symbol": gene},
                                                    {"gene_symbol": "NO-SUCH-GENE"}]}
    ann.call("PUT", f"{place}/genesets/B cells", 428, json=body)
    put = ann.call("PUT", f"{place}/genesets/B cells", json=body,
                   headers={"If-Match": empty.headers["ETag"]})
    assert put.json()["unknown_genes"] == [{"geneset_name": "B cells", "genes": ["NO-SUCH-GENE"]}]
    stale = {"If-Match": empty.headers["ETag"]}
    ann.call("PUT", f"{place}/genesets/T cells", 412, json=body, headers=stale)
    ann.call("PUT", f"{place}/genesets/T cells?on_conflict=merge", json=body, headers=stale)
    ann.call("PUT", f"{place}/genesets/B cells?on_conflict=merge", 412,
             json={**body, "genes": []}, headers=stale)
    ann.call("PUT", f"{place}/genesets/two  blanks", 400, json=body, headers={"If-Match": "*"})
    text = ann.call("GET", f"{place}/genesets.csv").text
    assert text.splitlines()[:2] == [
        "gene_set_name,gene_set_description,gene_symbol,gene_description",
        f"B cells,one,{gene},"]
    other = f"/u/spaces/{bob.space()}/revisions/{revisions['blood']}"
    bob.call("POST", f"{other}/genesets.csv", data=text + f"T cells,,{gene},\n",
             headers={"If-Match": "*"})
    assert bob.call("GET", f"{other}/genesets.csv").text == text
    ann.call("DELETE", f"{place}/genesets/B cells", headers={"If-Match": "*"})
    back = ann.call("POST", f"{place}/genesets-history", json={"op": "undo"},
                    headers={"If-Match": "*"}).json()
    assert {one["geneset_name"] for one in back["genesets"]} == {"B cells", "T cells"}
    history = ann.call("GET", f"{place}/genesets-history").json()["entries"]
    assert [entry["kind"] for entry in history] == ["undo", "remove", "put", "put"]


def read_gene(person, revisions):
    hits = person.call("GET", f"/d/{revisions['blood']}/genes").json()["genes"]
    return hits[0]["symbol"] or hits[0]["id"]


def test_a_space_is_private_until_it_is_shared(ann, bob, revisions):
    space = ann.space("study")
    place = f"/u/spaces/{space}/revisions/{revisions['blood']}"
    column = ann.call("POST", f"{place}/labels", 201, json={"name": "kind"}).json()["column"]
    routes = [("GET", f"{place}/labels"), ("GET", f"/u/labels/{column['id']}"),
              ("GET", f"/u/labels/{column['id']}/values"), ("GET", f"{place}/labels.csv"),
              ("GET", f"{place}/genesets"), ("GET", f"/u/labels/{column['id']}/history")]
    order = {"op": "assign", "label": "B", "cells": [[0, 3]]}
    for method, path in routes:
        bob.call(method, path, 404)
        assert requests.request(method, ann.url + path, timeout=120).status_code == 404
    bob.change(column["id"], "*", 404, **order)
    ann.call("PUT", f"/u/spaces/{space}/grants/bob", json={"access": "read"})
    for method, path in routes:
        bob.call(method, path)
    bob.change(column["id"], "*", 403, **order)
    bob.call("PUT", f"/u/spaces/{space}/grants/bob", 403, json={"access": "write"})
    ann.call("PUT", f"/u/spaces/{space}/grants/bob", json={"access": "write"})
    assert bob.change(column["id"], "*", **order).json()["entry"]["who"]["name"] == "bob"
    assert [one["access"] for one in bob.call("GET", "/u/spaces").json()["spaces"]
            if one["id"] == space] == ["write"]
    ann.call("DELETE", f"/u/spaces/{space}/grants/bob", 204)
    bob.call("GET", f"/u/labels/{column['id']}", 404)
    assert requests.post(f"{ann.url}/u/spaces", json={"title": "x"}, timeout=120).status_code == 401


def test_a_space_shows_nothing_of_a_dataset_that_may_not_be_read(server, ann, revisions):
    space = ann.space()
    ann.call("GET", f"/u/spaces/{space}/revisions/{revisions['hidden']}/labels", 404)
    ann.call("POST", f"/u/spaces/{space}/revisions/{revisions['hidden']}/labels", 404,
             json={"name": "kind"})
    ann.call("POST", "/u/views", 404, json={"revision": revisions["hidden"], "name": "x",
                                            "state": {}})


def test_views_and_selections_are_opened_by_their_id(ann, bob, revisions):
    state = {"colour": {"by": "category", "column": "cell_type"}, "genes": ["a"]}
    kept = {access: ann.call("POST", "/u/views", 201, json={
        "revision": revisions["blood"], "name": access, "access": access, "state": state}).json()
        for access in ("private", "link")}
    assert ann.call("GET", f"/u/views/{kept['private']['id']}").json()["state"] == state
    bob.call("GET", f"/u/views/{kept['private']['id']}", 404)
    by_link = f"/u/views/{kept['link']['id']}"
    assert bob.call("GET", by_link).json()["state"] == state
    anonymous = requests.get(ann.url + by_link, timeout=120)
    assert anonymous.json()["state"] == state
    bob.call("DELETE", by_link, 403)
    assert {one["name"] for one in ann.call("GET", "/u/views").json()["views"]} == \
        {"private", "link"}
    assert bob.call("GET", "/u/views").json()["views"] == []
    ann.call("DELETE", by_link, 204)
    bob.call("GET", by_link, 404)
    made = [ann.call("POST", "/u/selections", 201, json={
        "revision": revisions["blood"], "name": name, "cells": cells}).json()
        for name, cells in (("a", [[0, 5]]), ("b", [[0, 3], [3, 5]]))]
    read = [ann.call("GET", f"/u/selections/{one['id']}").json() for one in made]
    assert [one["count"] for one in read] == [5, 5]
    assert read[0]["hash"] == read[1]["hash"], "the same cells"
    bob.call("GET", f"/u/selections/{made[0]['id']}", 404)


def test_no_byte_below_a_revision_changes_by_what_people_add(ann, place, column, revisions):
    revision = revisions["blood"]
    paths = [f"/d/{revision}/{rest}" for rest in (
        "schema", "summary", "obs", "api/v0.2/schema", "api/v0.2/annotations/obs",
        "api/v0.2/genesets", "api/v0.3/schema")]

    def bodies():
        answers = [ann.call("GET", path) for path in paths]
        return [(answer.content, answer.headers["ETag"]) for answer in answers]
    before = bodies()
    ann.change(column["id"], "*", op="assign", label="B", cells=[[0, 30]])
    ann.call("PUT", f"{place}/genesets/set", json={"genes": []}, headers={"If-Match": "*"})
    assert bodies() == before


def test_cellxgenes_client_reads_and_writes_a_space(ann, bob, place, column, blood, revisions):
    accept = {"Accept": "application/octet-stream"}
    ann.change(column["id"], "*", op="assign", label="B", cells=[[0, 30]])
    own, below = f"{place}/api/v0.2", f"/d/{revisions['blood']}/api/v0.2"
    columns = ann.call("GET", f"{own}/schema").json()["schema"]["annotations"]["obs"]["columns"]
    assert columns[-1] == {"name": "kind", "type": "categorical",
                           "categories": ["B", "unassigned"], "writable": True}
    assert ann.call("GET", f"{own}/config").json()["config"]["parameters"]["annotations"] is True
    for route in ("layout/obs", "annotations/var", "annotations/obs?annotation-name=cell_type"):
        assert ann.call("GET", f"{own}/{route}", headers=accept).content == \
            ann.call("GET", f"{below}/{route}", headers=accept).content, route

    body = ann.call("GET", f"{own}/annotations/obs?annotation-name=kind", headers=accept).content
    assert {name: list(labels) for name, labels in decode(body).items()} == \
        {"kind": ["B"] * 30 + ["unassigned"] * 270}
    other = f"/u/spaces/{bob.space()}/revisions/{revisions['blood']}"
    put = f"{other}/api/v0.2/annotations/obs"
    bob.call("PUT", put, data=zlib.compress(body))
    assert values(bob, other) == values(ann, place)
    before = bob.call("GET", f"{other}/labels").headers["ETag"]
    bob.call("PUT", put, data=zlib.compress(body))
    assert bob.call("GET", f"{other}/labels").headers["ETag"] == before, "nothing differs"
    for bad in (body, zlib.compress(body)[:-9], zlib.compress(body[:-200]), b""):
        assert bob.call("PUT", put, 400, data=bad).json()["detail"]
    assert bob.call("GET", f"{other}/labels").headers["ETag"] == before

    sets = [{"geneset_name": "mine", "geneset_description": "",
             "genes": [{"gene_symbol": "G", "gene_description": ""}]}]
    assert bob.call("GET", f"{other}/api/v0.2/genesets").json() == {"genesets": [], "tid": 0}
    bob.call("PUT", f"{other}/api/v0.2/genesets", json={"genesets": sets, "tid": 1})
    assert bob.call("GET", f"{other}/api/v0.2/genesets").json() == {"genesets": sets, "tid": 1}
    bob.call("PUT", f"{other}/api/v0.2/genesets", 409, json={"genesets": [], "tid": 1})
    ann.call("PUT", put, 404, data=zlib.compress(body))
