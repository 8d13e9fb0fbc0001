"""`stroma demo tissue`: what the whole pipeline finds is what was drawn."""
import csv

import pytest


@pytest.fixture(scope="module")
def demo(run_json, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    told = run_json("demo", "tissue", "-o", folder / "study", data=folder / "data", timeout=280)
    return folder, told


def test_what_is_found_is_within_its_intervals(demo, run_json):
    folder, told = demo
    shares, pairs = told["frequency"], told["interaction"]
    assert shares["compared"] == 36, "six patients, six kinds"
    # 95 % intervals: as many may be missed by chance alone, and no more.
    assert shares["inside"] >= 34
    assert pairs["compared"] >= 100 and pairs["inside"] >= 0.93 * pairs["compared"]
    shown = run_json("pipeline", "show", told["run"], data=folder / "data")
    assert shown["state"] == "succeeded"
    [score] = [task for task in shown["tasks"] if task["stage"] == "truth"]
    assert score["summary"]["nuclei: F1 at overlap 0.5"] > 0.97


def test_planted_interactions_have_their_signs(demo):
    folder, _ = demo
    with open(folder / "study/results/interactions/interactions.csv", encoding="utf-8") as file:
        z = {(row["image"], row["source"], row["target"]): float(row["z"])
             for row in csv.DictReader(file)}
    for patient in range(1, 7):
        image = f"P{patient}.corrected"
        assert z[image, "B cell", "Helper T"] > 2, "they share a follicle"
        responds = patient <= 3
        assert (z[image, "Cytotoxic T", "Tumour"] > 2) == responds
        assert (z[image, "Cytotoxic T", "Tumour"] < -2) != responds
    with open(folder / "study/results/frequencies/tests.csv", encoding="utf-8") as file:
        tests = {row["kind"]: row for row in csv.DictReader(file)}
    # Three against three: the least p that can be.
    assert float(tests["Macrophage"]["p_rank_sum"]) == pytest.approx(0.1)


def test_the_cells_are_a_dataset_on_their_slides(demo, start_server):
    folder, _ = demo
    server = start_server(folder / "data")
    revision = server.get("/v1/datasets/tissue-demo").json()["current_revision"]
    images = server.get(f"/d/{revision}/images").json()["images"]
    assert {image["name"]: image["content"] for image in images} == \
        {"slides": "intensity", "cells": "labels"}
