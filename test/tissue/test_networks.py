"""A network of one's own, from outside: labels, tiles, and what is refused."""
import filecmp
import json
import pathlib
import shutil
import subprocess
import threading

import numpy as np
import pytest
import tifffile
from test_segment_measure import f1

NETWORKS = pathlib.Path(__file__).parent.parent / "corpus/onnx"


@pytest.fixture
def network(tmp_path):
    """network(name, description): the two files of the input "model"."""
    def brought(name, **description):
        shutil.copy(NETWORKS / f"{name}.onnx", tmp_path)
        (tmp_path / f"{name}.onnx.json").write_text(json.dumps(description))
        return [tmp_path / f"{name}.onnx", tmp_path / f"{name}.onnx.json"]
    return brought


def test_a_network_finds_nuclei_whatever_tiles_and_threads(step, slide, network, monkeypatch):
    model = network("bright", maps=["foreground"], percentiles=[1, 99])
    inputs = {"image": slide.folder / "slide.ome.tiff", "model": model}
    made = {}
    for threads, side in (("1", 1024), ("3", 200)):
        monkeypatch.setenv("STROMA_THREADS", threads)
        made[threads] = step("segment", inputs, {"channel": "DAPI", "tile_side": side}, threads)
    name = made["1"]["outputs"]["nuclei"][0]
    assert filecmp.cmp(made["1"]["folder"] / name, made["3"]["folder"] / name, shallow=False)
    labels = tifffile.imread(made["1"]["folder"] / name)
    assert f1(slide.labels.astype(int), labels.astype(int)) > 0.95
    assert made["1"]["summary"]["nuclei"] == labels.max() == len(np.unique(labels)) - 1
    assert not any("windows" in key for key in made["1"]["summary"])


def test_the_network_that_is_shipped_finds_nuclei(step, slide):
    network = NETWORKS.parent.parent.parent / "examples/networks/nuclei.onnx"
    made = step("segment", {"image": slide.folder / "slide.ome.tiff",
                            "model": [network, f"{network}.json"]}, {"channel": "DAPI"})
    labels = tifffile.imread(made["folder"] / made["outputs"]["nuclei"][0])
    assert f1(slide.labels.astype(int), labels.astype(int)) > 0.9


def test_the_verb_takes_a_network_and_grows_its_nuclei(stroma_binary, slide, network, tmp_path):
    model = network("bright", maps=["foreground"], percentiles=[1, 99])
    subprocess.run([stroma_binary, "pipeline", "segment", slide.folder / "slide.ome.tiff",
                    "--labels", tmp_path / "masks", "--model", model[0], "--expand", "2"],
                   check=True, capture_output=True)
    cells = tifffile.imread(tmp_path / "masks/slide.ome.tiff")
    assert np.mean(cells[slide.labels > 0] > 0) > 0.99
    assert np.mean(cells > 0) > 1.2 * np.mean(slide.labels > 0)


def test_a_network_at_another_scale_finds_the_same(step, slide, network):
    """A nucleus is 16 pixels wide here; the network is told that it knows them at 24."""
    inputs = {"image": slide.folder / "slide.ome.tiff",
              "model": network("bright", maps=["foreground"], percentiles=[1, 99], diameter=24)}
    made = step("segment", inputs, {"channel": "DAPI", "radius": 8})
    labels = tifffile.imread(made["folder"] / made["outputs"]["nuclei"][0])
    assert labels.shape == slide.labels.shape
    assert f1(slide.labels.astype(int), labels.astype(int)) > 0.95


def test_stars_and_flows_come_out_of_networks(step, slide, network):
    image = slide.folder / "slide.ome.tiff"
    stars = step("segment", {"image": image, "model": network("star", decoder="stardist",
                                                              probability_min=0.45)}, {}, "stars")
    assert stars["summary"]["nuclei"] > 100
    flows = step("segment", {"image": image, "model": network("flow", decoder="cellpose",
                                                              channels="zero")}, {}, "flows")
    assert any("looks further" in str(value) for value in flows["summary"].values())


@pytest.mark.parametrize("name, description", [
    ("bright", {"maps": ["foreground"], "percentiles": [1, 99], "window": 64}),
    ("star", {"decoder": "stardist", "probability_min": 0.45, "window": 64}),
    ("flow", {"decoder": "cellpose", "channels": "zero", "window": 64})])
def test_a_killed_network_sees_no_finished_window_again(stroma_binary, slide, network, tmp_path,
                                                        name, description):
    model, kept = network(name, **description), tmp_path / "kept"

    def task(output, **more):
        path = tmp_path / f"{output}.json"
        path.write_text(json.dumps({
            "step": "segment", "threads": 2, "parameters": {}, "output": str(tmp_path / output),
            "inputs": {"image": [str(slide.folder / "slide.ome.tiff")],
                       "model": [str(file) for file in model]}, **more}))
        return [stroma_binary, "pipeline", "step", "segment", path]
    calm = subprocess.run(task("calm"), check=True, capture_output=True, text=True)
    windows = max(one["total"] for one in map(json.loads, calm.stdout.splitlines())
                  if one["unit"] == "windows")

    def done():
        marks = next(iter(kept.rglob("marks")), None)
        return int((np.fromfile(marks, np.uint16) != 0).sum()) if marks else 0
    found = []
    for strike in (0.05, 0.4, 0.7):
        process = subprocess.Popen(task("struck", kept=str(kept)), stdout=subprocess.DEVNULL)
        while process.poll() is None and done() < strike * windows:
            threading.Event().wait(0.001)
        process.kill()
        assert process.wait() == -9, "it was quicker than the test"
        found.append(done())
    assert found == sorted(found) and found[0] >= 0.05 * windows
    last = subprocess.run(task("struck", kept=str(kept)), check=True, capture_output=True,
                          text=True)
    told = [one for one in map(json.loads, last.stdout.splitlines())
            if one["unit"] == "tiles that were done"]
    assert [(one["done"], one["total"]) for one in told] == [(found[-1], windows)]
    for file in (tmp_path / "calm").iterdir():
        assert (tmp_path / "struck" / file.name).read_bytes() == file.read_bytes()
    assert not kept.exists()


@pytest.mark.parametrize("damage, said", [
    (lambda model: model[0].write_bytes(model[0].read_bytes()[:300]), "cut off or damaged"),
    (lambda model: model[0].write_text("not a network"), "no ONNX file"),
    (lambda model: model[1].write_text('{"maps": 3}'), "'maps' must be a list"),
    (lambda model: model.pop(), "'model' takes two files")])
def test_what_is_damaged_is_refused_by_name(step, slide, network, damage, said):
    model = network("bright", maps=["foreground"])
    damage(model)
    refused = step("segment", {"image": slide.folder / "slide.ome.tiff", "model": model},
                   refused=65)
    assert said in json.dumps(refused)


def test_an_unknown_operator_is_named(step, slide, network):
    refused = step("segment", {"image": slide.folder / "slide.ome.tiff", "model": network("odd")},
                   refused=65)
    assert "(Sin): this operator isn't known" in json.dumps(refused)
