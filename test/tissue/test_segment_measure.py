"""Labels and tables of pictures, against tifffile, scikit-image and anndata."""
import filecmp
import json
import subprocess
import threading

import anndata
import numpy as np
import pandas
import pytest
import tifffile
from PIL import Image
from scipy import ndimage
from skimage import measure, segmentation

SHAPES = ["area", "eccentricity", "major_axis_length", "minor_axis_length", "solidity", "extent",
          "perimeter"]


def f1(truth, found):
    """At an overlap of more than one half."""
    pairs = {}
    for t, f in zip(truth[(truth > 0) & (found > 0)], found[(truth > 0) & (found > 0)]):
        pairs[t, f] = pairs.get((t, f), 0) + 1
    areas_t, areas_f = np.bincount(truth.ravel()), np.bincount(found.ravel())
    matched = sum(both / (areas_t[t] + areas_f[f] - both) > 0.5 for (t, f), both in pairs.items())
    return 2 * matched / (np.count_nonzero(areas_t[1:]) + np.count_nonzero(areas_f[1:]))


def test_labels_are_named_as_the_pictures_and_keep_pixel_sizes(stroma_binary, slide, tmp_path):
    subprocess.run([stroma_binary, "pipeline", "segment", slide.folder / "slide.ome.tiff",
                    "--labels", tmp_path / "masks"], check=True, capture_output=True)
    with tifffile.TiffFile(tmp_path / "masks/slide.ome.tiff") as tiff:
        labels = tiff.asarray()
        assert tiff.pages[0].is_tiled and tiff.pages[0].dtype == np.uint32
        assert 'PhysicalSizeX="0.5"' in tiff.ome_metadata
        levels = [level.asarray() for level in tiff.series[0].levels]
    assert labels.shape == slide.labels.shape
    assert f1(slide.labels.astype(int), labels.astype(int)) > 0.97
    assert [level.shape for level in levels[1:]] == [(310, 565), (155, 283)]
    assert np.array_equal(levels[1], labels[::2, ::2])
    assert np.array_equal(levels[2], labels[::4, ::4])


def test_cells_grown_from_nuclei_are_scikit_image_s(step, slide):
    made = step("segment", {"image": slide.folder / "slide.ome.tiff"},
                {"expand_um": 2, "pyramid": False})
    nuclei = tifffile.imread(made["folder"] / made["outputs"]["nuclei"][0])
    cells = tifffile.imread(made["folder"] / made["outputs"]["labels"][0])
    expected = segmentation.expand_labels(nuclei, 4)
    # Of labels equally near scikit-image takes any, we the smallest.
    assert np.array_equal(cells > 0, expected > 0)
    assert np.mean(cells != expected) < 1e-3
    assert made["summary"]["nuclei"] == nuclei.max() == len(np.unique(nuclei)) - 1
    assert made["pictures"] == ["slide.overlay.png"]
    assert {"done", "total", "unit", "step"} <= set(made["progress"][0])


def test_the_same_task_gives_the_same_bytes_whatever_tiles_and_threads(step, slide):
    image = {"image": slide.folder / "slide.ome.tiff"}
    one = step("segment", image, {"tile_side": 128, "expand": 5}, "one", threads=1)
    other = step("segment", image, {"tile_side": 700, "expand": 5}, "other", threads=3)
    for port in ("labels", "nuclei"):
        name = one["outputs"][port][0]
        assert filecmp.cmp(one["folder"] / name, other["folder"] / name, shallow=False)
    labels = {**image, "labels": slide.folder / "cells.tif", "nuclei": slide.folder / "nuclei.tif"}
    one = step("measure", labels, {}, "one", threads=1)
    other = step("measure", labels, {}, "other", threads=3)
    for name in ("cells.h5ad", "cells.csv"):
        assert filecmp.cmp(one["folder"] / name, other["folder"] / name, shallow=False)


def test_shapes_and_brightness_are_scikit_image_s(step, slide):
    made = step("measure", {"image": slide.folder / "slide.ome.tiff",
                            "labels": slide.folder / "cells.tif",
                            "nuclei": slide.folder / "nuclei.tif"},
                {"statistics": ["mean", "median", "min", "max", "std", "sum"],
                 "quantiles": [0.05, 0.75]})
    cells = anndata.read_h5ad(made["folder"] / made["outputs"]["cells"][0])
    regions = measure.regionprops(slide.labels, np.moveaxis(slide.pixels, 0, -1))
    assert list(cells.obs["label"]) == [region.label for region in regions]
    for name in SHAPES:
        expected = [getattr(region, name) for region in regions]
        np.testing.assert_allclose(cells.obs[name], expected, rtol=1e-6, atol=1e-6, err_msg=name)
    turned = np.array([region.orientation for region in regions])
    apart = np.abs(cells.obs["orientation"] - turned)
    is_round = np.array([region.eccentricity < 1e-3 for region in regions])
    assert np.all((np.minimum(apart, np.pi - apart) < 1e-6) | is_round)
    boxes = np.array([region.bbox for region in regions])
    names = ["bbox_min_row", "bbox_min_col", "bbox_max_row", "bbox_max_col"]
    assert np.array_equal(cells.obs[names], boxes)
    centres = np.array([region.centroid for region in regions])
    np.testing.assert_allclose(cells.obsm["spatial"], centres[:, ::-1] * 0.5, rtol=1e-9)
    np.testing.assert_allclose(cells.obs["area_um2"], cells.obs["area"] / 4)

    def check(prefix, part):
        inside = [[slide.pixels[c][region.slice][part[region.slice] & region.image].astype(float)
                   for c in range(3)] for region in regions]
        for name, of in {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max,
                         "std": np.std, "sum": np.sum, "q5": lambda v: np.quantile(v, 0.05),
                         "q75": lambda v: np.quantile(v, 0.75)}.items():
            layer = cells.X if prefix + name == "mean" else cells.layers[prefix + name]
            expected = [[of(v) if v.size or name == "sum" else np.nan for v in row]
                        for row in inside]
            np.testing.assert_allclose(layer, expected, rtol=1e-6, atol=1e-6, err_msg=name)

    whole = np.ones(slide.labels.shape, bool)
    check("", whole)
    check("nucleus_", slide.nuclei == slide.labels)
    check("cytoplasm_", slide.nuclei != slide.labels)


def test_objects_across_tiles_of_floats_and_very_large_ones(step, tmp_path):
    rng = np.random.default_rng(3)
    side = 4200  # a box of 70 MB of floats is too large to be collected
    labels = np.zeros((side, side), np.uint32)
    labels[:3] = labels[-3:] = labels[:, :3] = labels[:, -3:] = 7  # a frame around all tiles
    labels[400:700, 300:2200] = 3
    labels[1000:1024, 1000:1024] = 9
    np.fill_diagonal(labels[1030:1600, 1030:1600], 12)
    pixels = np.zeros((side, side), np.float32)
    pixels[labels > 0] = rng.normal(1e4, 3e3, np.count_nonzero(labels))
    tifffile.imwrite(tmp_path / "labels.tif", labels, compression="zlib")
    tifffile.imwrite(tmp_path / "floats.tif", pixels, compression="zlib")
    inputs = {"image": tmp_path / "floats.tif", "labels": tmp_path / "labels.tif"}
    parameters = {"statistics": ["mean", "median", "min", "max", "std", "sum"]}
    one = step("measure", inputs, parameters, "one", threads=1)
    other = step("measure", inputs, parameters, "other", threads=3)
    assert filecmp.cmp(one["folder"] / "cells.h5ad", other["folder"] / "cells.h5ad", shallow=False)
    cells = anndata.read_h5ad(one["folder"] / "cells.h5ad")
    regions = measure.regionprops(labels)
    assert list(cells.obs["label"]) == [region.label for region in regions] == [3, 7, 9, 12]
    for name in ("area", "eccentricity", "major_axis_length", "perimeter"):
        np.testing.assert_allclose(cells.obs[name], [getattr(region, name) for region in regions],
                                   rtol=1e-6, err_msg=name)
    for place, region in enumerate(regions):
        inside = pixels[labels == region.label].astype(float)
        for name, of in {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max,
                         "std": np.std, "sum": np.sum,
                         "q90": lambda v: np.quantile(v, 0.9)}.items():
            layer = cells.X if name == "mean" else cells.layers[name]
            np.testing.assert_allclose(layer[place, 0], of(inside), rtol=1e-6, err_msg=name)


def test_every_cell_tells_where_it_comes_from(step, slide, stroma_binary, tmp_path):
    made = step("measure", {"image": slide.folder / "slide.ome.tiff",
                            "labels": slide.folder / "cells.tif"},
                {"normalise": "arcsinh", "cofactor": 150}, provenance={"run": "r-1"})
    path = made["folder"] / "cells.h5ad"
    cells = anndata.read_h5ad(path)
    assert cells.obs_names[0] == "slide_1" and list(cells.obs["image"].unique()) == ["slide"]
    assert {"tile", "pipeline", "label"} <= set(cells.obs)
    origin = json.loads(cells.uns["stroma_pipeline"][-1])
    assert origin["step"] == "measure" and origin["run"] == {"run": "r-1"}
    assert origin["parameters"]["cofactor"] == 150
    np.testing.assert_allclose(cells.layers["arcsinh"], np.arcsinh(cells.X / 150), rtol=1e-5)
    table = pandas.read_csv(made["folder"] / "cells.csv")
    np.testing.assert_allclose(table["CD8"], cells.X[:, 2], rtol=1e-6)
    data = tmp_path / "data"
    done = subprocess.run([stroma_binary, "import", path, "--data", data, "--json"], check=False,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    count = subprocess.run([stroma_binary, "sql", "select count(*) as n from cell", "--data", data,
                            "--format", "json"], check=True, capture_output=True, text=True)
    assert str(cells.n_obs) in count.stdout


@pytest.mark.parametrize("task, words", [
    ({"parameters": {"radius": 400}}, "up to 40"),
    ({"parameters": {"sharpness": 1}}, "no parameter 'sharpness'"),
    ({"parameters": {"channel": "CD45"}}, "DAPI (0), CD3 (1)"),
    ({"inputs": {"pictures": ["x"]}}, "takes no input 'pictures'"),
])
def test_a_bad_task_says_what_may_stand_there(step, slide, task, words):
    inputs = task.get("inputs", {"image": slide.folder / "slide.ome.tiff"})
    error = step("segment", inputs, task.get("parameters"), refused=65)
    assert error["code"] == "invalid_input" and words in error["message"]


def test_damaged_pictures_and_wrong_sizes_are_bad_input(step, slide, tmp_path):
    damaged = tmp_path / "damaged.tiff"
    damaged.write_bytes((slide.folder / "slide.ome.tiff").read_bytes()[:3000])
    assert "damaged.tiff" in step("segment", {"image": damaged}, refused=65)["message"]
    tifffile.imwrite(tmp_path / "small.tif", slide.labels[:50, :60])
    error = step("measure", {"image": slide.folder / "slide.ome.tiff",
                             "labels": tmp_path / "small.tif"}, refused=65)
    assert "60 by 50" in error["message"]


def test_real_nuclei_are_found(stroma_binary, shared_data, tmp_path):
    """A few pictures of the public set; tissue_bench scores all of them."""
    folder = shared_data / "images/dsb2018_fluo"
    names = sorted(path.name for path in (folder / "images").iterdir())[::30]
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).symlink_to(folder / "images" / name)
    subprocess.run([stroma_binary, "pipeline", "segment", tmp_path / "in", "--labels",
                    tmp_path / "out"], check=True, capture_output=True)
    scores = [f1(np.asarray(Image.open(folder / "labels" / name)).astype(int),
                 tifffile.imread(tmp_path / "out" / name.replace(".png", ".tif")).astype(int))
              for name in names]
    assert np.mean(scores) > 0.75


def test_nuclei_that_touch_come_apart_and_long_ones_stay_whole(step, tmp_path):
    """Pairs of disks with a shallow waist, among ellipses as long as a pair."""
    down, across = np.mgrid[:640, :640].astype(float)
    truth, number = np.zeros((640, 640), np.uint32), 0
    rng = np.random.default_rng(3)
    for row in range(10):
        for column in range(10):
            y, x = 32 + 64 * row, 32 + 64 * column
            turn = rng.uniform(0, np.pi)
            along = (across - x) * np.cos(turn) + (down - y) * np.sin(turn)
            aside = -(across - x) * np.sin(turn) + (down - y) * np.cos(turn)
            if (row + column) % 2:
                inside = [np.hypot(along - shift, aside) <= 9 for shift in (-7.5, 7.5)]
                inside[0] &= along < 0
                inside[1] &= along >= 0
            else:
                inside = [(along / 16.5) ** 2 + (aside / 9) ** 2 <= 1]
            for one in inside:
                number += 1
                truth[one] = number
    light = ndimage.gaussian_filter((truth > 0) * 8000.0, 1.2) + 600
    light += rng.normal(0, 80, truth.shape)
    tifffile.imwrite(tmp_path / "pairs.tif", light.astype(np.uint16))
    counts = {}
    for bias in (0, 10):
        made = step("segment", {"image": tmp_path / "pairs.tif"}, {"join_bias": bias}, f"b{bias}")
        labels = tifffile.imread(made["folder"] / "pairs.nuclei.ome.tiff")
        counts[bias] = labels.max()
        if bias == 0:
            matched = 0
            for label in range(1, number + 1):
                own = truth == label
                other = np.bincount(labels[own]).argmax()
                matched += other > 0 and (own & (labels == other)).sum() > 0.7 * (
                    own | (labels == other)).sum()
            assert matched >= 0.97 * number and labels.max() <= 1.03 * number
    # Who says so has pairs as one.
    assert counts[10] == 100


def test_a_killed_segmentation_computes_no_finished_tile_again(stroma_binary, slide, tmp_path):
    picture = tmp_path / "large.tiff"
    tifffile.imwrite(picture, np.tile(slide.pixels[0], (3, 2)))
    kept = tmp_path / "kept"

    def task(output, **more):
        path = tmp_path / f"{output}.json"
        path.write_text(json.dumps({
            "step": "segment", "inputs": {"image": [str(picture)]}, "threads": 2,
            "parameters": {"tile_side": 32, "radius": 7, "expand": 2},
            "output": str(tmp_path / output), **more}))
        return [stroma_binary, "pipeline", "step", "segment", path]
    subprocess.run(task("calm"), check=True, capture_output=True)
    tiles = -(-1860 // 32) * -(-2260 // 32)

    def marks():
        return (next(iter(kept.rglob("marks")), None) or tmp_path / "none")

    def done():
        # Marks of two bytes; the file is laid out before the first tile.
        return int((np.fromfile(marks(), np.uint16) != 0).sum()) if marks().exists() else 0
    found = []
    for strike in (0.1, 0.5, 0.8):
        process = subprocess.Popen(task("struck", kept=str(kept)), stdout=subprocess.DEVNULL)
        while process.poll() is None and done() < strike * 3 * tiles:
            threading.Event().wait(0.002)
        process.kill()
        assert process.wait() == -9, "it was quicker than the test"
        found.append(done())
    assert found == sorted(found) and found[0] >= 0.1 * 3 * tiles
    last = subprocess.run(task("struck", kept=str(kept)), check=True, capture_output=True,
                          text=True)
    told = [one for one in map(json.loads, last.stdout.splitlines())
            if one["unit"] == "tiles that were done"]
    assert [(one["done"], one["total"]) for one in told] == [(found[-1], 3 * tiles)]
    for file in (tmp_path / "calm").iterdir():
        assert (tmp_path / "struck" / file.name).read_bytes() == file.read_bytes()
    assert not kept.exists()


def test_a_killed_measurement_measures_no_finished_tile_again(stroma_binary, slide, tmp_path):
    height, width = slide.labels.shape
    tiled = [np.where(slide.labels > 0, slide.labels + 2000 * number, 0) for number in range(6)]
    tifffile.imwrite(tmp_path / "labels.tif",
                     np.block([tiled[:2], tiled[2:4], tiled[4:]]).astype(np.uint32))
    tifffile.imwrite(tmp_path / "large.tiff", np.tile(slide.pixels, (1, 3, 2)),
                     photometric="minisblack", metadata={"axes": "CYX"})
    kept, tiles = tmp_path / "kept", -(-3 * height // 512) * -(-2 * width // 512)

    def task(output, **more):
        path = tmp_path / f"{output}.json"
        path.write_text(json.dumps({
            "step": "measure", "threads": 1, "output": str(tmp_path / output), "parameters": {},
            "inputs": {"image": [str(tmp_path / "large.tiff")],
                       "labels": [str(tmp_path / "labels.tif")],
                       "nuclei": [str(tmp_path / "labels.tif")]}, **more}))
        return [stroma_binary, "pipeline", "step", "measure", path]
    subprocess.run(task("calm"), check=True, capture_output=True)

    def done():
        return len([one for one in kept.rglob("tile-*") if one.suffix != ".new"])
    found = []
    for strike in (3, 8, 14):
        process = subprocess.Popen(task("struck", kept=str(kept)), stdout=subprocess.DEVNULL)
        while process.poll() is None and done() < strike:
            threading.Event().wait(0.002)
        process.kill()
        assert process.wait() == -9, "it was quicker than the test"
        found.append(done())
    assert found == sorted(found) and 3 <= found[0] < found[-1] <= tiles
    last = subprocess.run(task("struck", kept=str(kept)), check=True, capture_output=True,
                          text=True)
    told = [one for one in map(json.loads, last.stdout.splitlines())
            if one["unit"] == "tiles that were done"]
    assert [(one["done"], one["total"]) for one in told] == [(found[-1], tiles)]
    for file in (tmp_path / "calm").iterdir():
        assert (tmp_path / "struck" / file.name).read_bytes() == file.read_bytes()
    assert not kept.exists()


@pytest.mark.parametrize("cells", [0, 1, 12])
def test_slides_with_next_to_nothing_end_no_run(step, tmp_path, cells):
    rows, columns = np.mgrid[:120, :160]
    pixels = np.full((2, 120, 160), 200, np.uint16)
    labels = np.zeros((120, 160), np.uint32)
    for number in range(cells):
        disk = np.hypot(rows - 20 - 30 * (number // 4), columns - 20 - 35 * (number % 4)) < 8
        labels[disk], pixels[0][disk] = number + 1, 5000 + 100 * number
    tifffile.imwrite(tmp_path / "few.tif", pixels, photometric="minisblack",
                     metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    if cells == 0:
        found = step("segment", {"image": tmp_path / "few.tif"}, output="segmented")
        assert found["summary"]["nuclei"] == 0
    measured = step("measure", {"image": tmp_path / "few.tif", "labels": tmp_path / "labels.tif"},
                    output="measured")
    assert measured["summary"]["cells"] == cells
    kinds = step("cluster", {"cells": measured["folder"] / "cells.h5ad"}, output="kinds")
    assert ("note" in kinds["summary"]) == (cells < 10)
    places = step("neighbourhoods", {"cells": kinds["folder"] / "cells.h5ad"},
                  {"kind": "cluster", "groups": 12}, output="places")
    assert "note" in places["summary"]
    mosaic = step("mosaic", {"image": tmp_path / "few.tif", "labels": tmp_path / "labels.tif",
                             "cells": places["folder"] / "cells.h5ad"}, output="mosaic")
    assert mosaic["summary"]["cells"] == cells
    outlines = step("outline", {"labels": tmp_path / "labels.tif"}, output="outlines")
    assert "outputs" in outlines
