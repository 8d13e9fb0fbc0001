"""Pages of pipelines, in headless Chromium: a run is started, watched, judged, looked at and
compared with another.

Pictures are kept in build/pictures/ for people to look at.
"""
import base64
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from pictures import read_png  # noqa: E402

PIPELINE = """
pipeline: pages
version: 1
inputs:
  slides: "*.ome.tiff"
parameters:
  expand: 3
stages:
  nuclei:
    step: segment
    inputs: {image: slides}
    scatter: slides
    parameters: {expand: "${expand}"}
    review: true
  cells:
    step: measure
    inputs: {image: slides, labels: nuclei.labels}
    scatter: slides
  all:
    step: cluster
    inputs: {cells: cells.cells}
"""


def slide(path, seed):
    """Round nuclei on a grid, 0.5 µm a pixel; a second channel in the right half only."""
    import tifffile
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:300, :400]
    nuclei = np.full((300, 400), 200.)
    for y in range(25, 290, 28):
        for x in range(25, 390, 28):
            far = np.hypot(rows - y - rng.integers(-2, 3), columns - x - rng.integers(-2, 3))
            nuclei[far < rng.uniform(6, 9)] = 6000
    pixels = np.stack([nuclei, np.where(columns >= 200, 4000, 100)])
    pixels += rng.normal(0, 40, pixels.shape)
    tifffile.imwrite(path, np.clip(pixels, 0, 65535).astype(np.uint16), photometric="minisblack",
                     metadata={"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm",
                               "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm",
                               "Channel": {"Name": ["DAPI", "right"]}}, ome=True)


def pixels_of(canvas):
    return read_png(base64.b64decode(canvas["image"].split(",", 1)[1]))[..., :3].astype(int)


def fits(seen):
    """No page is wider than its window, on a phone either."""
    assert len(seen["tooWide"]) >= 4
    assert not any(seen["tooWide"].values()), seen["tooWide"]


def test_a_run_is_started_watched_judged_and_compared(browse, start_server, tmp_path):
    slides = tmp_path / "slides"
    slides.mkdir()
    for seed, name in enumerate(["one", "two"]):
        slide(slides / f"{name}.ome.tiff", seed)
    server = start_server(tmp_path / "data")
    seen = browse(server, "runs", ["signIn", "runStarted", "runWaitsForReview", "runReviewed",
                                   "runTasks", "runAgain", "queues", "runsList", "runPictures",
                                   "twoRuns"],
                  definition=PIPELINE, input=str(slides), run="first", other="second", item="one",
                  waits="nuclei one", rejects="nuclei two", again="expand=0")
    fits(seen)
    assert any("segmnt" in one and "Line 10" in one for one in seen["issues"])
    nuclei = next(one for one in seen["stages"] if one.startswith("nuclei"))
    assert "2 for review" in nuclei
    verdicts = [row.split("\t") for row in seen["reviews"]]
    assert {(row[2], row[3], row[4], row[5]) for row in verdicts} == {
        ("nuclei", "one", "accepted", "sharp"), ("nuclei", "two", "rejected", "too few")}
    assert seen["state"] == "failed", "what reads the rejected slide will not come"
    assert len(seen["attempts"]) == 1 and "Read" in seen["attempts"][0]
    assert "expand=0" in seen["againParameters"]
    assert any("pages" in row and "nuclei" in row for row in seen["queues"])
    first = next(row for row in seen["runs"] if row.startswith("first"))
    assert "1 accepted" in first and "1 rejected" in first and "failed" in first
    assert any("pages" in one for one in seen["pipelines"])

    whole, bare = pixels_of(seen["whole"]), pixels_of(seen["bare"])
    height, width = whole.shape[:2]
    unit = max(400 * 1.08 * min(width, height) / width, 300 * 1.08 * min(width, height) / height)
    unit /= min(width, height)

    def on_screen(x, y):
        return round((y - 150) / unit + height / 2), round((x - 200) / unit + width / 2)
    left, right = bare[on_screen(11, 11)], bare[on_screen(389, 11)]
    assert left.sum() < 60 and right.sum() > 150, "the second channel lies in the right half"
    changed = np.abs(whole - bare).sum(axis=2) > 60
    assert 0.02 < changed.mean() < 0.5, "outlines are drawn over the image, not in place of it"
    assert (pixels_of(seen["closer"]) != whole).mean() > 0.1, "it is closer"
    assert seen["bar"].endswith("µm")
    # Grown by three pixels or not at all: every cell is there, with another border.
    same, other_border, only_here, only_there = (int(one) for one in seen["difference"])
    assert same == 0 and other_border + only_here >= 100 and only_here == only_there
    assert len(seen["both"]) == 2
    assert (pixels_of(seen["both"][0]) != pixels_of(seen["both"][1])).any()


MOSAIC = """  slides_beside:
    step: mosaic
    inputs: {image: slides, labels: nuclei.labels, cells: all.cells}
"""


def test_cells_are_edited_on_the_picture_and_become_a_dataset(
        browse, start_server, run, run_json, tmp_path):
    slides, data = tmp_path / "slides", tmp_path / "data"
    slides.mkdir()
    slide(slides / "one.ome.tiff", 1)
    file = tmp_path / "p.yaml"
    file.write_text(PIPELINE.replace("    review: true\n", "") + MOSAIC)
    run("pipeline", "run", file, "--input", slides, "--name", "first", data=data)
    server = start_server(data)
    # Two nuclei of the first row, and a place between four others.
    seen = browse(server, "runs", ["signIn", "runEdited", "runToDataset"], run="first", item="one",
                  size=[400, 300], cells=[[25, 25], [53, 25]], dataset="by-hand",
                  outline=[[92, 92], [98, 92], [98, 98], [92, 98]])
    fits(seen)
    first, second = (int(one) for one in seen["chosen"].split(","))
    assert (pixels_of(seen["edited"]) != pixels_of(seen["unedited"])).any(), "it is drawn anew"
    assert first != second
    assert seen["changes"][1].startswith(f"merged {first}, {second} local")
    assert seen["changes"][0].startswith("drawn ")
    assert "(undone)" in seen["undone"][0] and "(undone)" not in seen["undone"][1]
    edits = server.get("/v1/runs/first/pictures").json()["pictures"]
    labels = next(one for one in edits if one["output"] == "labels" and one["stage"] == "nuclei")
    edits = server.get(f"/v1/runs/first/pictures/{labels['id']}/edits").json()["edits"]
    assert [one["kind"] for one in edits] == ["merge", "draw", "undo"]
    tasks = server.get("/v1/runs/first/tasks").json()["tasks"]
    measured = next(task["summary"] for task in tasks if task["stage"] == "cells")
    assert measured["measured again"] == 1
    made = next(one for one in run_json("dataset", "list", data=data) if one["name"] == "by-hand")
    assert made["cells"] == measured["cells"] > 100
    images = server.get(f"/d/{made['revision']}/images").json()["images"]
    assert {(one["name"], one["content"]) for one in images} == {
        ("slides", "intensity"), ("outlines", "labels")}


def test_an_archived_picture_offers_its_restore_and_is_shown_when_it_is_back(
        browse, start_server, run, tmp_path):
    slides, data = tmp_path / "slides", tmp_path / "data"
    slides.mkdir()
    slide(slides / "one.ome.tiff", 1)
    file = tmp_path / "p.yaml"
    file.write_text(PIPELINE.replace("    review: true\n", ""))
    run("pipeline", "run", file, "--input", slides, "--name", "first", data=data)
    run("pipeline", "archive", "first", "--move", data=data)
    server = start_server(data)
    refused = server.get("/v1/runs/first/pictures").json()["pictures"]
    away = [one for one in refused if one["place"] == "archived"]
    assert {one["stage"] for one in away} == {"nuclei"}
    answer = server.get(f"/v1/runs/first/pictures/{away[0]['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "archived")
    seen = browse(server, "runs", ["signIn", "runArchived"], run="first", item="one")
    assert "3 outputs of this run" in seen["told"] and "lie in the archive" in seen["told"]
    assert "2 outputs" not in seen["offer"] and "nuclei" in seen["offer"]
    before, after = pixels_of(seen["before"]), pixels_of(seen["after"])
    changed = np.abs(before - after).sum(axis=2) > 60
    assert 0.01 < changed.mean() < 0.5, "the outlines are back on the slide"
    assert [one["place"] for one in server.get("/v1/runs/first/archive").json()["outputs"]] == [
        "restored", "archived", "archived"]
