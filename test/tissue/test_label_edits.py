"""Labels that people change by hand: joined, split, taken away, drawn, undone. Only what was
touched is measured again, and the numbers are those of measuring all of it."""
import hashlib
import io
import json
import pathlib
import subprocess

import numpy as np
import pytest
import tifffile

PIPELINE = """
pipeline: hands
version: 1
inputs:
  slides: "*.ome.tiff"
stages:
  nuclei:
    step: segment
    inputs: {image: slides}
    scatter: slides
    parameters: {expand: 3}
  cells:
    step: measure
    inputs: {image: slides, labels: nuclei.labels, nuclei: nuclei.nuclei}
    scatter: slides
  kinds:
    step: cluster
    inputs: {cells: cells.cells}
"""


def write_slide(path, seed):
    """Round nuclei; 0.5 µm a pixel, two channels. 1,100 pixels wide: three tiles."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:240, :1100]
    pixels = np.full((2, 240, 1100), 200.)
    for y in range(30, 220, 40):
        for x in range(30, 1080, 40):
            inside = np.hypot(rows - y - rng.integers(-3, 4), columns - x - rng.integers(-3, 4)) < 9
            pixels[0][inside], pixels[1][inside] = 6000, rng.uniform(500, 5000)
    pixels += rng.normal(0, 40, pixels.shape)
    tifffile.imwrite(path, np.clip(pixels, 0, 65535).astype(np.uint16), photometric="minisblack",
                     metadata={"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm",
                               "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm",
                               "Channel": {"Name": ["DAPI", "CD3"]}}, ome=True)


class Hands:
    """A run at a server, and what it made."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.wait()

    def ask(self, path):
        answer = self.server.get(f"/v1/runs/{self.name}{path}")
        assert answer.status_code == 200, answer.text
        return answer

    def wait(self):
        # The stream of events ends with the run.
        assert '"state":"' in self.ask("/events").text
        run = self.ask("").json()
        assert run["state"] == "succeeded", self.ask("/tasks").text

    def task(self, stage):
        return next(one for one in self.ask("/tasks").json()["tasks"] if one["stage"] == stage)

    def file(self, stage, output):
        task = self.task(stage)
        name = task["outputs"][output][0]
        return self.ask(f"/tasks/{task['id']}/file?name={name}").content

    def labels(self, output="labels"):
        return tifffile.imread(io.BytesIO(self.file("nuclei", output)))

    def tile(self):
        """The upper left tile as the viewer is given it."""
        answer = self.ask(f"/pictures/{self.picture()}/tiles/0/0/0/0")
        width, height, kind = answer.headers["Stroma-Tile"].split()
        return np.frombuffer(answer.content, kind).reshape(int(height), int(width))

    def table(self):
        lines = self.file("cells", "table").decode().splitlines()
        return {line.split(",")[0]: line for line in lines[1:]}

    def picture(self, output="labels"):
        return next(one["id"] for one in self.ask("/pictures").json()["pictures"]
                    if one["output"] == output)

    def send(self, *edits, picture=None):
        return self.server.post(f"/v1/runs/{self.name}/pictures/{picture or self.picture()}/edits",
                                json={"edits": list(edits)})

    def edit(self, *edits):
        answer = self.send(*edits)
        assert answer.status_code == 202, answer.text
        self.wait()

    def edits(self):
        return self.ask(f"/pictures/{self.picture()}/edits").json()["edits"]


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hands") / "slides"
    folder.mkdir()
    write_slide(folder / "one.ome.tiff", 3)
    return folder


@pytest.fixture(scope="module")
def lab(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("lab") / "data")


def begin(server, slides, name):
    body = {"name": name, "definition": PIPELINE, "input": str(slides)}
    assert server.post("/v1/runs", json=body).status_code == 202
    return Hands(server, name)


def neighbours(labels):
    """Two cells in the first row, side by side."""
    return [int(labels[30, x - 3:x + 4].max()) for x in (110, 150)]


def measured_whole(hands, slides, stroma_binary, folder):
    """The table that measuring everything gives, of the labels as they are now."""
    folder.mkdir()
    inputs = {"image": [str(slides / "one.ome.tiff")]}
    for output in ("labels", "nuclei"):
        path = folder / hands.task("nuclei")["outputs"][output][0]
        path.write_bytes(hands.file("nuclei", output))
        inputs[output] = [str(path)]
    task = {"step": "measure", "inputs": inputs, "parameters": {}, "output": str(folder / "out")}
    (folder / "task.json").write_text(json.dumps(task))
    subprocess.run([stroma_binary, "pipeline", "step", "measure", folder / "task.json"], check=True,
                   capture_output=True, timeout=120)
    return (folder / "out/cells.csv").read_bytes(), (folder / "out/cells.h5ad").read_bytes()


def h5ad_numbers(content, path):
    import anndata
    path.write_bytes(content)
    read = anndata.read_h5ad(path)
    return read.X, read.layers, read.obs


def test_two_cells_become_one_and_only_they_are_measured_again(
        lab, slides, stroma_binary, tmp_path):
    hands = begin(lab, slides, "merge")
    before, rows = hands.labels(), hands.table()
    first, second = neighbours(before)
    nuclei_before, original = hands.labels("nuclei"), hands.task("nuclei")
    stored = next(pathlib.Path(lab.data).rglob(f"outputs/**/{original['key']}"), None)
    kept = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in stored.rglob("*.tiff")}
    assert (hands.tile() == before[:512, :512]).all()
    hands.edit({"kind": "merge", "labels": [first, second]})
    wanted = np.where(before == second, first, before)
    assert (hands.labels() == wanted).all()
    assert (hands.tile() == wanted[:512, :512]).all(), "who looked before sees what is there now"
    assert (hands.labels("nuclei") == np.where(nuclei_before == second, first, nuclei_before)).all()
    after = hands.table()
    assert len(after) == len(rows) - 1 and f"one_{second}" not in after
    assert {cell for cell in after if after[cell] != rows[cell]} == {f"one_{first}"}
    assert hands.task("cells")["summary"]["measured again"] == 1
    csv, h5ad = measured_whole(hands, slides, stroma_binary, tmp_path / "whole")
    assert hands.file("cells", "table") == csv, "what was kept and what is new fit together"
    ours = h5ad_numbers(hands.file("cells", "cells"), tmp_path / "ours.h5ad")
    whole = h5ad_numbers(h5ad, tmp_path / "whole.h5ad")
    assert (ours[0] == whole[0]).all() and ours[2].equals(whole[2])
    assert all((ours[1][name] == whole[1][name]).all() for name in whole[1])
    # What was made is as it was made.
    assert kept and all(hashlib.sha256(path.read_bytes()).hexdigest() == was
                        for path, was in kept.items())
    assert hands.task("nuclei")["why"] == ["edited by hand: 1 change by local"]
    assert "edited by hand: nuclei one" in hands.task("cells")["why"]
    assert lab.post("/v1/runs/merge/verify", json={}).json()["findings"] == []


def test_split_delete_draw_and_undo(lab, slides, stroma_binary, tmp_path):
    hands = begin(lab, slides, "merge")
    while any(not one["undone"] for one in hands.edits() if one["kind"] != "undo"):
        hands.edit({"kind": "undo"})
    before, table = hands.labels(), hands.file("cells", "table")
    first, second = neighbours(before)
    ys, xs = np.nonzero(before == first)
    middle = float(xs.mean())
    outline = [[2.5, 2.5], [12.5, 2.5], [12.5, 9.5], [2.5, 9.5]]
    hands.edit({"kind": "split", "labels": [first], "points": [[middle, 0], [middle, 200]]},
               {"kind": "delete", "labels": [second]}, {"kind": "draw", "points": outline})
    made = [one["made"] for one in hands.edits()[-3:]]
    assert made[0] > before.max() and made[2] == made[0] + 1 and made[1] == 0
    wanted = np.where(before == second, 0, before)
    columns = np.mgrid[:240, :1100][1]
    sides = {bool((hands.labels()[ys, xs] == np.where(side[ys, xs], made[0], first)).all())
             for side in (columns > middle, columns < middle)}
    assert True in sides, "each pixel is on its side of the line"
    now = hands.labels()
    assert (now[3:10, 3:13] == made[2]).all() and (now == made[2]).sum() == 70
    untouched = ~np.isin(before, [first, second])
    untouched[3:10, 3:13] = False
    assert (now[untouched] == wanted[untouched]).all()
    csv, _ = measured_whole(hands, slides, stroma_binary, tmp_path / "whole")
    assert hands.file("cells", "table") == csv
    assert hands.task("cells")["summary"]["measured again"] == 3
    for _ in range(3):
        hands.edit({"kind": "undo"})
    assert (hands.labels() == before).all() and hands.file("cells", "table") == table
    assert [one["kind"] for one in hands.edits()[-6:]] == ["split", "delete", "draw"] + 3 * ["undo"]
    refused = hands.send({"kind": "undo"})
    assert (refused.status_code, refused.json()["message"]) == (409, "there is no edit to undo")


def test_a_later_run_takes_the_edits_in_and_says_so(lab, slides):
    hands = begin(lab, slides, "merge")
    first, second = neighbours(hands.labels())
    hands.edit({"kind": "merge", "labels": [first, second]})
    later = begin(lab, slides, "later")
    assert later.task("nuclei")["cached"] and later.task("cells")["cached"]
    assert later.task("nuclei")["why"] == ["edited by hand: 1 change by local"]
    assert (later.labels() == hands.labels()).all()
    assert later.file("cells", "table") == hands.file("cells", "table")
    hands.edit({"kind": "undo"})


def test_what_can_t_be_is_refused_with_the_reason(lab, slides):
    hands = begin(lab, slides, "merge")
    largest = int(hands.labels().max())
    first, _ = neighbours(hands.labels())

    def refused(*edits, **more):
        answer = hands.send(*edits, **more)
        return answer.status_code, answer.json().get("message", "")
    assert refused({"kind": "delete", "labels": [largest + 999]}) == (
        404, f"there is no cell {largest + 999} in the picture (any more)")
    assert refused({"kind": "merge", "labels": [first]})[0] == 400
    assert refused({"kind": "grow", "labels": [first]}) == (
        400, "edit: 'kind' must be merge, split, delete or draw")
    beside = {"kind": "split", "labels": [first], "points": [[1000, 0], [1000, 10]]}
    assert refused(beside) == (400, "the line doesn't go through the cell: draw it across")
    ys, xs = np.nonzero(hands.labels() == first)
    y, x = int(np.median(ys)), int(np.median(xs))
    within = [[x - 1.5, y - 1.5], [x + 1.5, y - 1.5], [x + 1.5, y + 1.5]]
    assert "every pixel belongs to another cell" in refused({"kind": "draw", "points": within})[1]
    assert refused()[0] == 400
    assert refused({"kind": "draw", "points": [[0, 0], "x", [1, 1]]})[0] == 400
    assert refused({"kind": "delete", "labels": [first]}, picture="in-0")[0] == 400
    assert refused({"kind": "delete", "labels": [first]}, picture="9-9")[0] == 404
    assert all(one["undone"] or one["kind"] == "undo" for one in hands.edits())


def test_the_verb_edits_without_a_server(run, run_json, slides, tmp_path):
    data, file = tmp_path / "data", tmp_path / "hands.yaml"
    file.write_text(PIPELINE)
    run("pipeline", "run", file, "--input", slides, "--name", "typed", "--output", tmp_path / "out",
        data=data)
    labels = tifffile.imread(next((tmp_path / "out/nuclei").rglob("*.cells.ome.tiff")))
    first, second = neighbours(labels)
    told = run("pipeline", "edit", "typed", "nuclei", "--merge", f"{first},{second}", data=data)
    assert "cells" in told.stdout
    listed = run_json("pipeline", "edit", "typed", "nuclei", data=data)["edits"]
    assert [(one["kind"], one["labels"], one["author"]) for one in listed] == [
        ("merge", [first, second], "local")]
    run("pipeline", "edit", "typed", "nuclei", "--undo", data=data)
    assert "merge, undone" in run("pipeline", "edit", "typed", "nuclei", data=data).stdout
    refused = run("pipeline", "edit", "typed", "cells", "--undo", data=data, fails=True)
    assert "has made no labels" in refused.stderr
