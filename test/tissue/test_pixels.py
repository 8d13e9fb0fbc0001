"""What is done to pixels, and outlines of labels, against scipy, scikit-image and known truth."""
import json

import numpy as np
import pandas
import pytest
import tifffile
from scipy import ndimage
from skimage import draw, measure, restoration


def image_of(made, at=0):
    return tifffile.imread(made["folder"] / made["outputs"]["image"][at])


def told(made, what):
    """Of the only channel."""
    return next(value for name, value in made["summary"].items() if name.endswith(": " + what))


@pytest.fixture
def spots(tmp_path):
    rng = np.random.default_rng(4)
    pixels = rng.integers(100, 200, (300, 700)).astype(np.uint16)
    pixels[rng.random(pixels.shape) < 0.01] += 3000
    tifffile.imwrite(tmp_path / "spots.tif", pixels)
    return tmp_path / "spots.tif", pixels


def test_hot_pixels_and_medians_are_scipy_s(step, spots):
    path, pixels = spots
    around = ndimage.maximum_filter(pixels, footprint=[[1, 1, 1], [1, 0, 1], [1, 1, 1]],
                                    mode="nearest").astype(int)
    expected = np.where(pixels - around > 50, around, pixels)
    assert np.array_equal(image_of(step("denoise", {"image": path})), expected)
    made = step("denoise", {"image": path}, {"hot_pixel": 0, "median": True})
    assert np.array_equal(image_of(made), ndimage.median_filter(pixels, 3, mode="nearest"))
    made = step("denoise", {"image": path}, {"hot_pixel": 0, "sigma": 2})
    smooth = ndimage.gaussian_filter(pixels.astype(float), 2, mode="nearest")
    assert np.abs(image_of(made) - smooth).max() < 0.02 * smooth.max()


def test_what_is_wider_than_cells_is_taken_for_background(step, tmp_path):
    yy, xx = np.mgrid[:400, :500]
    ramp = 500 + xx + yy
    pixels = ramp.copy()
    for cy in range(40, 400, 60):
        for cx in range(40, 500, 60):
            pixels[np.hypot(yy - cy, xx - cx) <= 8] += 1000
    tifffile.imwrite(tmp_path / "ramp.tif", pixels.astype(np.uint16))
    left = image_of(step("background", {"image": tmp_path / "ramp.tif"}, {"radius": 16}))
    inside = slice(30, -30)
    objects = (pixels - ramp)[inside, inside] > 0
    assert np.abs(left[inside, inside][objects] - 1000.).max() < 60
    assert left[inside, inside][~objects].max() < 60


@pytest.mark.parametrize("shape, radius", [((300, 1100), 12), ((40, 21), 9)])
def test_a_ball_rolls_along_as_scikit_image_s(step, tmp_path, shape, radius):
    rng = np.random.default_rng(6)
    down, across = np.mgrid[0:shape[0], 0:shape[1]]
    pixels = (0.05 * down + 10 * np.sin(across / 30) + 20 + 40 * (rng.random(shape) > 0.9)
              + rng.random(shape)).astype(np.float32)
    tifffile.imwrite(tmp_path / "slide.tif", pixels)
    made = step("background", {"image": tmp_path / "slide.tif"}, {"ball": radius})
    expected = pixels - restoration.rolling_ball(pixels, radius=radius)
    np.testing.assert_allclose(image_of(made), expected, atol=1e-5)


def test_a_blank_cycle_is_subtracted_by_exposure(step, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 4000, (2, 100, 130)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "c.ome.tiff", pixels,
                     metadata={"axes": "CYX", "Channel": {"Name": ["CD3", "blank"]}})
    made = step("background", {"image": tmp_path / "c.ome.tiff"},
                {"blank": "blank", "exposures": [100, 200]})
    expected = np.floor(np.maximum(pixels[0] - pixels[1] * 0.5, 0) + 0.5)
    assert np.array_equal(image_of(made)[0], expected)
    assert np.array_equal(image_of(made)[1], pixels[1])


def test_uneven_light_is_found_out_and_taken_away(step, tmp_path):
    rng = np.random.default_rng(6)
    yy, xx = np.mgrid[-1:1:256j, -1:1:256j]
    light = 1 - 0.35 * (xx ** 2 + yy ** 2) / 2 - 0.1 * xx
    paths = []
    for i in range(14):
        field = np.full((256, 256), 800.0) + rng.normal(0, 20, (256, 256))
        for _ in range(25):
            rows, columns = draw.disk(rng.integers(0, 256, 2), 8, shape=(256, 256))
            field[rows, columns] += 3000
        paths.append(tmp_path / f"field{i:02}.tif")
        tifffile.imwrite(paths[-1], (field * light * rng.uniform(0.8, 1.2)).astype(np.uint16))
    made = step("correct", {"image": paths})
    assert told(made, "correction") == "used"
    fields = np.stack([image_of(made, i) for i in range(14)]).astype(float)
    middle = np.median(fields / np.median(fields, (1, 2), keepdims=True), 0)
    corner, centre = np.mean(middle[:20, :20]), np.mean(middle[118:138, 118:138])
    assert abs(corner / centre - 1) < 0.02
    flat = [tmp_path / f"flat{i}.tif" for i in range(6)]
    for path in flat:
        tifffile.imwrite(path, rng.integers(900, 1000, (128, 128)).astype(np.uint16))
    made = step("correct", {"image": flat}, output="flat")
    assert told(made, "correction").startswith("not used")
    assert np.array_equal(image_of(made), tifffile.imread(flat[0]))


def test_real_shading_becomes_flatter(step, shared_data, tmp_path):
    fields = []
    for path in sorted((shared_data / "images/illumination").glob("*.TIF"))[::2]:
        fields.append(tmp_path / path.name)
        tifffile.imwrite(fields[-1], tifffile.imread(path))  # without its palette of greys
    made = step("correct", {"image": fields})
    assert told(made, "uneven after") < told(made, "uneven before")


def test_cycles_are_laid_onto_the_first(step, tmp_path):
    rng = np.random.default_rng(8)
    scene = ndimage.gaussian_filter(rng.random((1400, 1500)), 2)
    scene = ((scene - scene.min()) / np.ptp(scene) * 40000).astype(np.float32)
    truth = (37.3, -22.6)  # down, right
    first = scene[200:1200, 200:1300]
    second = ndimage.shift(scene, truth, order=3)[200:1200, 200:1300]
    for name, pixels in (("one", first), ("two", second)):
        noisy = np.stack([pixels + rng.normal(0, 300, pixels.shape), pixels / 2])
        tifffile.imwrite(tmp_path / f"{name}.ome.tiff", noisy.clip(0).astype(np.uint16),
                         metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", f"{name}_CD3"]}})
    made = step("register", {"image": [tmp_path / "one.ome.tiff", tmp_path / "two.ome.tiff"]})
    shifts = pandas.read_csv(made["folder"] / "shifts.csv")
    assert shifts["y"][1] == pytest.approx(truth[0], abs=0.15)
    assert shifts["x"][1] == pytest.approx(truth[1], abs=0.15)
    with tifffile.TiffFile(made["folder"] / made["outputs"]["image"][0]) as tiff:
        joined = tiff.asarray()
        assert all(name in tiff.ome_metadata for name in ("DAPI_2", "two_CD3"))
    inside = (slice(60, -60), slice(60, -60))
    apart = joined[3][inside].astype(float) - joined[1][inside]
    assert np.abs(apart).mean() < 0.02 * joined[1].mean()


def test_parts_of_a_cycle_that_was_bent_are_laid_onto_the_first(step, tmp_path):
    rng = np.random.default_rng(9)
    scene = ndimage.gaussian_filter(rng.random((1500, 2000)), 2)
    scene = (scene - scene.min()) / np.ptp(scene) * 40000
    down, across = np.mgrid[0:1200, 0:1700]
    bend_y = 21.4 + 4 * np.sin(down / 1200 * 2) * np.cos(across / 1700 * 2)
    bend_x = -33.7 + 5 * np.sin(across / 1700 * 2.5)
    first = scene[100:1300, 100:1800]
    second = ndimage.map_coordinates(scene, [down + 100 - bend_y, across + 100 - bend_x], order=3)
    for name, pixels in (("one", first), ("two", second)):
        noisy = pixels + rng.normal(0, 300, pixels.shape)
        tifffile.imwrite(tmp_path / f"{name}.ome.tiff", noisy.clip(0).astype(np.uint16))
    inputs = {"image": [tmp_path / "one.ome.tiff", tmp_path / "two.ome.tiff"]}
    inside = (slice(80, -80), slice(80, -80))

    def apart(made):
        joined = image_of(made).astype(float)
        return np.abs(joined[1] - first)[inside].mean()

    stiff = step("register", inputs, {}, "stiff")
    bent = step("register", inputs, {"local": 12}, "bent")
    local = pandas.read_csv(bent["folder"] / "local-shifts.csv")
    at = (local["y"].round().astype(int), local["x"].round().astype(int))
    # A window's shift is about its middle's.
    assert np.abs(local["shift_y"] - bend_y[at]).max() < 1
    assert np.abs(local["shift_x"] - bend_x[at]).max() < 1
    assert apart(bent) < 0.35 * apart(stiff)


def test_pictures_that_are_not_alike_are_refused(step, tmp_path):
    rng = np.random.default_rng(3)
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif",
                         rng.integers(0, 60000, (900, 900)).astype(np.uint16))
    error = step("register", {"image": [tmp_path / "a.tif", tmp_path / "b.tif"]}, refused=65)
    assert "alike" in error["message"] or "agree" in error["message"]


def test_normalized_channels_run_from_nothing_to_one(step, spots):
    path, pixels = spots
    made = image_of(step("normalize", {"image": path}))
    low, high = np.quantile(pixels, [0.01, 0.998])
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, (pixels - low) / (high - low), atol=0.02)


def test_quality_tells_the_blurred_and_the_saturated_slide(step, slide, tmp_path):
    paths = []
    for i in range(7):
        pixels = slide.pixels[:2].astype(float) * (1 + 0.02 * i)
        if i == 3:
            pixels = ndimage.gaussian_filter(pixels, (0, 4, 4))
        if i == 5:
            pixels[:, :100] = 65535
        paths.append(tmp_path / f"s{i}.ome.tiff")
        tifffile.imwrite(paths[-1], pixels.clip(0, 65535).astype(np.uint16),
                         metadata={"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5,
                                   "Channel": {"Name": ["DAPI", "CD3"]}})
    made = step("quality", {"image": paths, "labels": [slide.folder / "cells.tif"] * 7})
    table = pandas.read_csv(made["folder"] / "quality.csv").fillna("")
    notes = table[table["channel"] == "DAPI"].set_index("image")["note"]
    assert "less sharp" in notes["s3"] and "saturated" in notes["s5"]
    assert notes["s1"] == notes["s2"] == ""
    saturated = table.set_index(["image", "channel"])["saturated_share"]["s5", "DAPI"]
    assert saturated == pytest.approx(100 / 620, rel=0.05)
    assert table["cells"][0] == len(np.unique(slide.labels)) - 1


def test_outlines_hold_what_the_labels_hold(step, slide):
    made = step("outline", {"labels": slide.folder / "cells.tif"}, {"tolerance": 0,
                                                                   "pixel_um": 0.5})
    shapes = json.loads((made["folder"] / made["outputs"]["outlines"][0]).read_text())
    regions = {region.label: region for region in measure.regionprops(slide.labels)}
    assert len(shapes["features"]) == len(regions)
    for feature in shapes["features"]:
        ring = np.array(feature["geometry"]["coordinates"][0])
        region = regions[feature["properties"]["label"]]
        assert np.array_equal(ring[0], ring[-1])
        x, y = ring[:-1].T
        area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
        largest = measure.label(region.image, connectivity=1)
        piece = largest == np.bincount(largest[largest > 0]).argmax()
        whole = ndimage.binary_fill_holes(piece, np.ones((3, 3)))
        assert area == whole.sum()
    parquet = (made["folder"] / "cells.parquet").read_bytes()
    assert parquet[:4] == parquet[-4:] == b"PAR1"
    thin = step("outline", {"labels": slide.folder / "cells.tif"}, {}, "thin")
    fewer = json.loads((thin["folder"] / thin["outputs"]["outlines"][0]).read_text())
    points = [sum(len(f["geometry"]["coordinates"][0]) for f in one["features"])
              for one in (shapes, fewer)]
    assert points[1] < 0.85 * points[0]
