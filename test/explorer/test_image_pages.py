"""Images in the Explorer, in headless Chromium: what lies under the cells lies where it should.

Pictures are kept in build/pictures/ for people to look at.
"""
import base64
import pathlib
import sys
import xml.etree.ElementTree

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from pictures import read_png, visium_h5ad  # noqa: E402


def canvas(data_url):
    return read_png(base64.b64decode(data_url.split(",", 1)[1]))


class FittedView:
    """Where the Explorer's first camera puts places: all cells, with a margin, y down."""

    def __init__(self, places, drawn):
        self.width, self.height = drawn["width"], drawn["height"]
        low, high = places.min(axis=0), places.max(axis=0)
        shorter = min(self.width, self.height)
        span = max((high[0] - low[0]) * shorter / self.width,
                   (high[1] - low[1]) * shorter / self.height) * 1.08
        self.middle = (low + high) / 2
        self.unit = span / shorter

    def on_screen(self, places):
        return ((places - self.middle) / self.unit + [self.width / 2, self.height / 2])

    def in_plane(self, pixels):
        return (pixels - [self.width / 2, self.height / 2]) * self.unit + self.middle


def test_the_tissue_lies_under_its_spots_in_register(browse, start_server, run, shared_data,
                                                     tmp_path):
    data = visium_h5ad(shared_data, tmp_path / "heart.h5ad")
    run("import", tmp_path / "heart.h5ad", "--name", "heart", "--title", "Heart",
        data=tmp_path / "data")
    server = start_server(tmp_path / "data")
    seen = browse(server, "images-heart",
                  ["openImages", "hideImage", "imageAsDrawing", "zoomImage"],
                  dataset="heart", image="heart lowres")
    heart = data.uns["spatial"]["heart"]
    picture = np.round(heart["images"]["lowres"] * 255)
    scale = heart["scalefactors"]["tissue_lowres_scalef"]
    spots = data.obsm["spatial"].astype(float)
    drawn, view = seen["open"], FittedView(spots, seen["open"])

    image = canvas(drawn["image"])
    rows, columns = np.mgrid[5:view.height - 5:7, 5:view.width - 5:7]
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    places = np.rint(view.in_plane(pixels + 0.5) * scale).astype(int)
    # A screen's pixel may fall between two of the image's: away from edges they are alike.
    inside = (places >= 1).all(axis=1) & (places < 599).all(axis=1)
    shown = image[pixels[inside, 1], pixels[inside, 0], :3].astype(float)
    around = np.stack([picture[places[inside, 1] + dy, places[inside, 0] + dx]
                       for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    fits = ((shown >= around.min(axis=0) - 2) & (shown <= around.max(axis=0) + 2)).all(axis=1)
    assert inside.sum() > 2000 and fits.mean() > 0.98, "the tissue is drawn where its pixels are"
    mirrored = picture[::-1]
    wrong = np.abs(mirrored[places[inside, 1], places[inside, 0]] - shown).mean()
    right = np.abs(picture[places[inside, 1], places[inside, 0]] - shown).mean()
    assert right < 6 < wrong, "and isn't mirrored"

    cells = canvas(drawn["cells"])[..., 3]
    at = np.rint(view.on_screen(spots)).astype(int)
    assert (cells[at[:, 1], at[:, 0]] > 100).all(), "each spot is drawn at its place"
    assert (cells > 0).mean() < 0.2, "and between the spots one sees the tissue"

    assert "heart lowres" in seen["panel"] and "600 × 600 pixels" in seen["panel"]
    assert canvas(seen["hidden"]["image"])[..., 3].max() == 0, "an image can be hidden"
    parts = xml.etree.ElementTree.fromstring(seen["drawing"])
    [under] = parts.iter("{http://www.w3.org/2000/svg}image")
    assert (canvas(under.get("href")) == image).all(), "the drawing has the tissue"
    kinds = [part.tag.split("}")[1] for part in parts]
    assert kinds.index("image") < kinds.index("path"), "under its cells"
    [[text, width]] = seen["bar"]
    length, unit = text.split()
    micrometres = float(length) * {"µm": 1, "mm": 1000}[unit]
    per_place = 65 / heart["scalefactors"]["spot_diameter_fullres"]
    assert abs(width * view.unit * per_place / micrometres - 1) < 0.02, "the bar's length is true"


def test_channels_are_shown_in_their_colours_and_a_cell_is_picked_by_its_outline(
        browse, start_server, run, shared_data, tmp_path):
    import anndata
    import pandas
    import tifffile
    folder = shared_data / "images/stardist_dsb"
    nuclei, labels = tifffile.imread(folder / "img2d.tif"), tifffile.imread(folder / "mask2d.tif")
    numbers = np.unique(labels)[1:]
    rows, columns = np.indices(labels.shape)
    places = np.array([[columns[labels == n].mean(), rows[labels == n].mean()] for n in numbers])
    data = anndata.AnnData(
        np.ones((len(numbers), 2), np.float32), var=pandas.DataFrame(index=["A", "B"]),
        obs=pandas.DataFrame({"side": pandas.Categorical(
            np.where(places[:, 0] < 256, "left", "right"))}, index=[str(n) for n in numbers]),
        dtype=np.float32)
    data.obsm["spatial"] = places
    data.write_h5ad(tmp_path / "nuclei.h5ad")
    # A second channel that has something in the lower half only.
    second = np.where(rows >= 256, 1000, 0)
    tifffile.imwrite(tmp_path / "two.ome.tif", np.stack([nuclei, second]).astype(np.uint16),
                     ome=True, photometric="minisblack",
                     metadata={"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm",
                               "Channel": {"Name": ["DNA", "lower"]}})
    store = tmp_path / "data"
    run("import", tmp_path / "nuclei.h5ad", "--name", "nuclei", data=store)
    run("import", tmp_path / "two.ome.tif", "--image-of", "nuclei", "--name", "slide", data=store)
    run("import", folder / "mask2d.tif", "--image-of", "nuclei", "--labels", "--name", "outlines",
        data=store)
    chosen = 40
    server = start_server(store)
    seen = browse(server, "images-nuclei", ["openImages"], dataset="nuclei")
    view = FittedView(places, seen["open"])
    at = view.on_screen(places[chosen])
    assert labels[tuple(np.rint(places[chosen]).astype(int)[::-1])] == numbers[chosen]
    seen = browse(server, "images-nuclei", ["openImages", "channels", "clickCell"],
                  dataset="nuclei", off=["DNA"], at=list(at), cell=str(numbers[chosen]))

    def at_places(image, wanted):
        spots = np.rint(view.on_screen(wanted)).astype(int)
        return image[spots[:, 1], spots[:, 0]].astype(int)

    empty = [[x, y] for x, y in np.random.default_rng(2).integers(20, 490, (4000, 2))
             if labels[max(0, y - 2):y + 3, max(0, x - 2):x + 3].max() == 0 and abs(y - 256) > 3]
    empty = np.array(empty, float)
    lower = empty[:, 1] > 256
    both = at_places(canvas(seen["open"]["image"]), empty)
    one = at_places(canvas(seen["channels"]["image"]), empty)
    assert (one[lower, 1] > 150).all() and (one[~lower, :3] == 0).all(), \
        "with DNA off only the other channel is left, in its colour"
    assert (both[~lower, 1] < 120).all() and (both[:, 3] == 255).all()
    outlined = at_places(canvas(seen["open"]["image"]), places)
    assert (outlined[:, :3].sum(axis=1) > 60).mean() > 0.9, "cells are tinted and outlined"
    assert f"cell\n{numbers[chosen]}\n" in seen["picked"].replace("\t", "\n")
