"""Pictures and labels as OME-Zarr 0.4, opened by zarr-python and by Stroma again."""
import json
import subprocess

import numpy as np
import tifffile
import zarr


def check_multiscale(attributes, axes, levels):
    """What the specification asks of a multiscale image, version 0.4."""
    one, = attributes["multiscales"]
    assert one["version"] == "0.4" and [axis["name"] for axis in one["axes"]] == axes
    kinds = [axis["type"] for axis in one["axes"]]
    assert kinds == ["channel"] * (len(axes) - 2) + ["space", "space"]
    assert [axis.get("unit") for axis in one["axes"]][-2:] == ["micrometer"] * 2
    assert [dataset["path"] for dataset in one["datasets"]] == [str(i) for i in range(levels)]
    for level, dataset in enumerate(one["datasets"]):
        scale, *more = dataset["coordinateTransformations"]
        assert scale["type"] == "scale"
        assert scale["scale"] == [1.0] * (len(axes) - 2) + [0.5 * 2 ** level] * 2
        assert [step["type"] for step in more] == (["translation"] if level else [])


def test_image_and_labels_open_in_zarr_python(step, slide, tmp_path):
    labels = tmp_path / "slide.cells.tif"
    tifffile.imwrite(labels, slide.labels, resolution=(20000, 20000),
                     resolutionunit="CENTIMETER")
    other = tmp_path / "another.cells.tif"
    tifffile.imwrite(other, slide.labels)
    made = step("export", {"image": slide.folder / "slide.ome.tiff", "labels": [labels, other]})
    assert made["outputs"]["image"] == ["slide.ome.zarr"]
    assert made["summary"]["slide: labels"] == 1
    folder = made["folder"] / "slide.ome.zarr"
    group = zarr.open_group(str(folder), mode="r")
    check_multiscale(dict(group.attrs), ["c", "y", "x"], len(list(group.arrays())))
    np.testing.assert_array_equal(group["0"][:], slide.pixels)
    assert group["0"].dtype == np.uint16 and group["0"].chunks == (1, 512, 512)
    assert group["1"].shape == (3, 310, 565)
    channels = group.attrs["omero"]["channels"]
    assert [one["label"] for one in channels] == ["DAPI", "CD3", "CD8"]
    for channel, pixels in zip(channels, slide.pixels):
        window = channel["window"]
        assert window["min"] == pixels.min() and window["max"] == pixels.max()
        assert window["min"] <= window["start"] <= window["end"] <= window["max"]
        assert len(channel["color"]) == 6
    assert group["labels"].attrs["labels"] == ["cells"]
    cells = group["labels/cells"]
    np.testing.assert_array_equal(cells["0"][:], slide.labels)
    assert cells["0"].dtype.kind == "u" and cells.attrs["image-label"]["version"] == "0.4"
    assert set(np.unique(cells["1"][:])) <= set(np.unique(slide.labels))
    for path in folder.rglob(".z*"):
        json.loads(path.read_text())
    again = step("measure", {"image": folder, "labels": labels}, {}, "again")
    plain = step("measure", {"image": slide.folder / "slide.ome.tiff", "labels": labels}, {},
                 "plain")
    # The picture's file is named in each row; everything else is equal.
    rows = [(one["folder"] / "cells.csv").read_text().replace("slide.ome.zarr", "slide.ome.tiff")
            for one in (again, plain)]
    assert rows[0] == rows[1]


def test_labels_of_another_size_are_refused(step, slide, tmp_path):
    tifffile.imwrite(tmp_path / "slide.tif", slide.labels[:100])
    refused = step("export", {"image": slide.folder / "slide.ome.tiff",
                              "labels": tmp_path / "slide.tif"}, refused=65)
    assert "1130 by 100 pixels, the picture is 1130 by 620; they must be equal" in \
        refused["message"]


def test_segment_writes_its_labels_as_zarr(stroma_binary, slide, tmp_path):
    def segmented(name, *words):
        subprocess.run([stroma_binary, "pipeline", "segment", slide.folder / "slide.ome.tiff",
                        "--labels", tmp_path / name, "--expand", "4", *words], check=True,
                       capture_output=True)
    segmented("tiff")
    for _ in range(2):  # again over what is there
        segmented("zarr", "--labels-format", "zarr")
    assert [path.name for path in (tmp_path / "zarr").iterdir()] == ["slide.ome.zarr"]
    group = zarr.open_group(str(tmp_path / "zarr" / "slide.ome.zarr"), mode="r")
    np.testing.assert_array_equal(group["0"][:], slide.pixels)
    assert sorted(group["labels"].attrs["labels"]) == ["cells", "nuclei"]
    np.testing.assert_array_equal(group["labels/cells/0"][:],
                                  tifffile.imread(tmp_path / "tiff" / "slide.ome.tiff"))
    wrong = subprocess.run([stroma_binary, "pipeline", "segment", slide.folder, "--labels",
                            tmp_path / "zarr", "--labels-format", "png"], check=False,
                           capture_output=True, text=True)
    assert wrong.returncode == 2 and "tiff or zarr" in wrong.stderr
