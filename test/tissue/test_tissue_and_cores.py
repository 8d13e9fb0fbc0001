"""Where slides have tissue, cores of a microarray on their grid, pictures laid onto each other, and
noise taken away by total variation; each beside what was drawn, or beside scikit-image."""
import csv
import string

import numpy as np
import pytest
import tifffile


def write(path, pixels, **more):
    tifffile.imwrite(path, pixels, photometric="minisblack", **more)
    return path


def paths(made, output):
    return [made["folder"] / name for name in made["outputs"][output]]


def picture(made, output):
    return tifffile.imread(paths(made, output)[0])


def rows_of(made, output):
    with open(paths(made, output)[0], encoding="utf-8") as file:
        return list(csv.DictReader(file))


def nuclei(height, width, seed, count):
    """Soft round spots, and where they are."""
    from scipy import ndimage
    rng = np.random.default_rng(seed)
    points = rng.uniform([10, 10], [height - 10, width - 10], (count, 2))
    plane = np.zeros((height, width))
    plane[tuple(np.round(points).astype(int).T)] = rng.uniform(0.6, 1, count)
    return ndimage.gaussian_filter(plane, 4) * 100, points


def test_an_empty_slide_has_no_tissue_and_no_cells(step, tmp_path):
    rng = np.random.default_rng(5)
    empty = write(tmp_path / "empty.tif", rng.normal(300, 25, (1500, 1600)).astype(np.uint16))
    made = step("tissue", {"image": empty})
    assert float(rows_of(made, "table")[0]["tissue_share"]) == 0
    assert picture(made, "labels").max() == 0
    assert made["summary"]["empty: tissue share"] == 0
    segmented = step("segment", {"image": empty}, {"tissue": True}, output="cells")
    assert segmented["summary"]["nuclei"] == 0
    assert picture(segmented, "labels").max() == 0
    # Without the mask there are cells out of nothing but noise: the check can fail.
    without = step("segment", {"image": empty}, output="noise")
    assert without["summary"]["nuclei"] > 0


def test_tissue_is_found_where_it_was_drawn_and_cells_beside_it_are_left_out(step, tmp_path):
    spots, points = nuclei(900, 1200, 2, 700)
    rows, columns = np.mgrid[:900, :1200]
    tissue = np.hypot((rows - 450) / 330, (columns - 500) / 380) < 1
    rng = np.random.default_rng(3)
    pixels = 200 + tissue * (250 + spots * 8000) + rng.normal(0, 20, tissue.shape)
    slide = write(tmp_path / "t.tif", pixels.astype(np.uint16))
    made = step("tissue", {"image": slide})
    found = picture(made, "labels") > 0
    assert (found & tissue).sum() / (found | tissue).sum() > 0.95
    share = float(rows_of(made, "table")[0]["tissue_share"])
    assert share == pytest.approx(tissue.mean(), rel=0.05)
    labels = picture(step("segment", {"image": slide}, {"tissue": True}, output="cells"), "labels")
    inside = sum(tissue[tuple(np.round(point).astype(int))] for point in points)
    assert len(np.unique(labels)) - 1 > 0.6 * inside
    assert [one for one in np.unique(labels) if one and not found[labels == one].any()] == []


def drawn_array(turn, seed=1):
    """Six columns by five rows of round cores, some missing, some broken, and dirt between."""
    rng = np.random.default_rng(seed)
    pixels = np.full((1500, 1800), 200.)
    rows, columns = np.mgrid[:1500, :1800]
    missing, cores = {(1, 2), (4, 5), (3, 0)}, {}
    for row in range(5):
        for column in range(6):
            x, y = 200 + 270 * column, 200 + 260 * row
            angle = np.radians(turn)
            x, y = (900 + (x - 900) * np.cos(angle) - (y - 750) * np.sin(angle),
                    750 + (x - 900) * np.sin(angle) + (y - 750) * np.cos(angle))
            if (row, column) in missing:
                continue
            disk = np.hypot(rows - y, columns - x) < 80
            if (row, column) == (2, 3):  # cracked in two
                disk &= np.abs(columns - x) > 6
            cores[f"{string.ascii_uppercase[row]}{column + 1}"] = (x, y)
            pixels[disk] = 1500
    pixels[330:340, 330:345] = 3000
    return (pixels + rng.normal(0, 30, pixels.shape)).astype(np.uint16), cores


@pytest.mark.parametrize("turn", [0, 3])
def test_cores_of_a_microarray_are_found_on_their_grid(step, tmp_path, turn):
    pixels, cores = drawn_array(turn)
    made = step("tma", {"image": write(tmp_path / "array.tif", pixels)})
    found = {row["core"]: row for row in rows_of(made, "table")}
    assert set(found) == {f"{row}{column}" for row in "ABCDE" for column in range(1, 7)}
    assert {name for name, row in found.items() if row["there"] == "true"} == set(cores)
    for name, (x, y) in cores.items():
        row = found[name]
        assert np.hypot(float(row["x"]) - x, float(row["y"]) - y) < 3, name
        assert float(row["diameter"]) == pytest.approx(160, rel=0.06), name
    assert made["summary"]["array: turned by degrees"] == pytest.approx(turn, abs=0.2)
    labels = picture(made, "labels")
    for name, (x, y) in cores.items():
        at = (int(y), int(x) + (20 if name == "C4" else 0))
        assert labels[at] == int(found[name]["label"]), name
    pictures = {path.name: path for path in paths(made, "image")}
    assert set(pictures) == {f"array.{name}.ome.tiff" for name in cores}
    cut = tifffile.imread(pictures["array.A1.ome.tiff"])
    assert 160 < cut.shape[0] < 190 and 160 < cut.shape[1] < 190 and cut.mean() > 800


def test_what_is_no_grid_is_refused(step, tmp_path):
    rng = np.random.default_rng(1)
    blank = write(tmp_path / "blank.tif", rng.normal(200, 20, (600, 600)).astype(np.uint16))
    refused = step("tma", {"image": blank}, refused=65)
    assert "0 cores were found; a grid takes four" in refused["message"]


def stained(spots):
    """A photograph whose haematoxylin is that of the spots, on an even eosin (by Ruifrok)."""
    haematoxylin, eosin = np.array([0.650, 0.704, 0.286]), np.array([0.072, 0.990, 0.105])
    density = spots[..., None] * haematoxylin * 0.9 + 0.15 * eosin
    return np.clip(256 * 10 ** -density - 1, 0, 255).round().astype(np.uint8)


def test_h_and_e_is_laid_onto_fluorescence_by_a_known_affine(step, tmp_path):
    from scipy import ndimage
    spots, _ = nuclei(900, 1000, 4, 900)
    spots = spots / spots.max()
    matrix = np.array([[1.02, 0.035], [-0.03, 0.985]])  # (x, y) to (moving x, moving y)
    offset = np.array([23.4, 41.7])
    back = np.linalg.inv(matrix)
    swap = back[::-1, ::-1]  # rows first
    moved = ndimage.affine_transform(spots, swap, -swap @ offset[::-1], order=3,
                                     output_shape=(960, 1060), mode="constant")
    rng = np.random.default_rng(8)
    light = 300 + 9000 * spots + rng.normal(0, 60, spots.shape)
    fixed = write(tmp_path / "if.tif", light.clip(0).astype(np.uint16))
    tifffile.imwrite(tmp_path / "he.tif", stained(moved.clip(0)), photometric="rgb")
    points = np.array([[120, 130], [860, 150], [500, 780], [150, 700]])
    there = points @ matrix.T + offset + rng.uniform(-5, 5, (4, 2))  # clicked by hand
    lines = [f"{x},{y},{mx},{my}" for (x, y), (mx, my) in zip(points, there)]
    (tmp_path / "points.csv").write_text("x,y,moving_x,moving_y\n" + "\n".join(lines) + "\n")

    def away(made):
        found = {name: float(value) for name, value in rows_of(made, "table")[0].items()}
        x, y = np.meshgrid([50, 500, 950], [50, 450, 850])
        wanted = np.stack([x, y], -1) @ matrix.T + offset
        return np.hypot(found["a"] * x + found["b"] * y + found["c"] - wanted[..., 0],
                        found["d"] * x + found["e"] * y + found["f"] - wanted[..., 1]).max()
    inputs = {"image": fixed, "moving": tmp_path / "he.tif", "points": tmp_path / "points.csv"}
    by_hand = step("align", inputs, {"refine": False}, output="by-hand")
    made = step("align", inputs)
    assert away(by_hand) > 2, "the landmarks alone are worse: the check can fail"
    assert away(made) < 1
    aligned = picture(made, "image")
    assert aligned.shape == (3, 900, 1000)
    inner = (slice(50, -50), slice(50, -50))
    assert np.corrcoef(255. - aligned[0][inner].ravel(), spots[inner].ravel())[0, 1] > 0.95
    (tmp_path / "points.csv").write_text("x,y,moving_x,moving_y\n1,1,1,1\n2,2,2,2\n3,3,3,3\n")
    assert "on a line" in step("align", inputs, refused=65)["message"]


def test_total_variation_is_scikit_image_s(step, tmp_path):
    from skimage.metrics import peak_signal_noise_ratio
    from skimage.restoration import denoise_tv_chambolle
    rows, columns = np.mgrid[:300, :1300]
    clean = 1000. + 3000 * ((rows // 60 + columns // 90) % 2)
    clean += 1500 * (np.hypot(rows - 150, columns - 640) < 70)
    rng = np.random.default_rng(2)
    noisy = (clean + rng.normal(0, 400, clean.shape)).clip(0, 65535).astype(np.uint16)
    slide = write(tmp_path / "noisy.tif", noisy)
    made = step("denoise", {"image": slide}, {"hot_pixel": 0, "variation": 0.2, "rounds": 60})
    ours = picture(made, "image").astype(float)
    # Its weight counts from the darkest to the brightest that is shown (1 % and 99.8 %).
    shown = made["summary"]["noisy: shown range of channel 0"]
    low, high = (float(one) for one in shown.split(" to "))
    wanted = denoise_tv_chambolle((noisy - low) / (high - low), weight=0.2, eps=0, max_num_iter=60)
    wanted = wanted * (high - low) + low
    assert np.abs(ours - wanted).max() < 1.0, "rounded to whole numbers"
    before = peak_signal_noise_ratio(clean, noisy.astype(float), data_range=5500)
    after = peak_signal_noise_ratio(clean, ours, data_range=5500)
    assert after > before + 6
    assert after == pytest.approx(peak_signal_noise_ratio(clean, wanted, data_range=5500), abs=0.01)
