"""Fields of view laid side by side, against the places they were cut from."""
import filecmp

import numpy as np
import pandas
import pytest
import tifffile
from scipy import ndimage

SIDE, STEP = 400, 340


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """3 rows of 4 fields in two channels, cut from one scene up to 12 pixels beside their places,
    between pixels, with noise and a marker that only the second channel has."""
    folder = tmp_path_factory.mktemp("scan")
    rng = np.random.default_rng(12)
    scene = ndimage.gaussian_filter(rng.random((1200, 1600)), 2.5)
    scene = (scene - scene.min()) / np.ptp(scene) * 20000 + 500
    stage, truth, names = [], [], []
    for number in range(12):
        row, column = divmod(number, 4)
        stage.append((column * STEP, row * STEP))
        x, y = np.array(stage[-1]) + 60 + rng.uniform(-12, 12, 2)
        truth.append((x, y))
        down, across = np.mgrid[0:SIDE, 0:SIDE]
        cut = ndimage.map_coordinates(scene, [down + y, across + x], order=3)
        names.append(f"field{number:02}")
        pixels = np.stack([cut + rng.normal(0, 400, cut.shape), cut / 2 + 1000])
        tifffile.imwrite(folder / f"{names[-1]}.ome.tiff", pixels.clip(0).astype(np.uint16),
                         metadata={"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5,
                                   "Channel": {"Name": ["DAPI", "CD3"]}})

    class Scan:
        pass
    Scan.folder, Scan.scene, Scan.truth = folder, scene, np.array(truth)
    Scan.stage, Scan.names = np.array(stage, float), names
    return Scan


def files_of(scan, order=None):
    return [scan.folder / f"{scan.names[i]}.ome.tiff" for i in order or range(12)]


def apart(made, scan, order=None):
    """How far each field lies from the truth, the whole picture's place taken out."""
    places = pandas.read_csv(made["folder"] / "places.csv")
    away = places[["x", "y"]].to_numpy() - scan.truth[order or range(12)]
    return np.abs(away - np.median(away, axis=0))


def test_fields_lie_where_they_were_cut(step, scan):
    made = step("stitch", {"image": files_of(scan)},
                {"columns": 4, "overlap": 1 - STEP / SIDE})
    assert apart(made, scan).max() < 0.2
    summary = made["summary"]
    assert summary["fields"] == 12 and summary["fields laid by the stage"] == 0
    # Three neighbours across in each row, four down in each column; corners tell too little.
    assert summary["pairs"] == summary["pairs used"] == 3 * 3 + 2 * 4
    pairs = pandas.read_csv(made["folder"] / "pairs.csv")
    assert pairs["left_over"].max() < 0.3 and pairs["agreement"].min() > 0.8


def test_the_whole_is_the_scene(step, scan):
    made = step("stitch", {"image": files_of(scan)},
                {"columns": 4, "overlap": 1 - STEP / SIDE})
    whole = tifffile.imread(made["folder"] / made["outputs"]["image"][0], level=0)
    places = pandas.read_csv(made["folder"] / "places.csv")
    x, y = np.median(scan.truth - places[["x", "y"]].to_numpy(), axis=0)
    assert whole.shape == (2, int(np.ceil(places["y"].max())) + SIDE,
                           int(np.ceil(places["x"].max())) + SIDE)
    down, across = np.mgrid[0:whole.shape[1], 0:whole.shape[2]]
    expected = ndimage.map_coordinates(scan.scene, [down + y, across + x], order=3) / 2 + 1000
    inside = whole[1] > 0
    assert inside[40:-40, 40:-40].all()
    error = (whole[1] - expected)[inside]
    assert np.abs(error).mean() < 0.01 * np.ptp(expected)
    with tifffile.TiffFile(made["folder"] / made["outputs"]["image"][0]) as tiff:
        assert all(word in tiff.ome_metadata for word in ("DAPI", "CD3", 'PhysicalSizeX="0.5"'))


def test_positions_in_micrometres_any_order_and_a_field_that_shows_nothing(step, scan, tmp_path):
    rng = np.random.default_rng(5)
    order = list(rng.permutation(12))
    files = files_of(scan, order)
    empty = order.index(11)
    blank = rng.normal(1000, 30, (2, SIDE, SIDE)).astype(np.uint16)
    files[empty] = tmp_path / "field11.ome.tiff"
    tifffile.imwrite(files[empty], blank, metadata={
        "axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5,
        "Channel": {"Name": ["DAPI", "CD3"]}})
    # A stage that is turned by a little, as they are.
    turn = 0.01
    turned = scan.stage @ np.array([[1, turn], [-turn, 1]])
    pandas.DataFrame({"image": scan.names, "x_um": turned[:, 0] / 2, "y_um": turned[:, 1] / 2}
                     ).to_csv(tmp_path / "positions.csv", index=False)
    inputs = {"image": files, "positions": tmp_path / "positions.csv"}
    one = step("stitch", inputs, {}, "one", threads=1)
    other = step("stitch", inputs, {}, "other", threads=3)
    error = apart(one, scan, order)
    assert np.delete(error, empty, axis=0).max() < 0.2
    # Where the others' map of the stage has it: no worse than its own jitter.
    assert error[empty].max() < 25
    assert one["summary"]["fields laid by the stage"] == 1
    for name in ("stitched.ome.tiff", "places.csv", "pairs.csv"):
        assert filecmp.cmp(one["folder"] / name, other["folder"] / name, shallow=False)


def test_what_does_not_fit_is_told(step, scan, tmp_path):
    files = files_of(scan)
    assert "rows of 5" in step("stitch", {"image": files}, {"columns": 5}, refused=65)["message"]
    (tmp_path / "positions.csv").write_text("image,x,y\nfield00,0,0\n")
    inputs = {"image": files, "positions": tmp_path / "positions.csv"}
    assert "field01" in step("stitch", inputs, refused=65)["message"]
    (tmp_path / "positions.csv").write_text(
        "image,x,y\n" + "".join(f"{name},{5000 * i},0\n" for i, name in enumerate(scan.names)))
    assert "no two fields overlap" in step("stitch", inputs, refused=65)["message"]
