"""Images from outside: what goes in comes out of the tiles, pixel by pixel."""
import pathlib
import sys

import numpy as np
import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from pictures import StoredImage, halved, read_png, visium_h5ad  # noqa: E402

FOR_EVER = "max-age=31536000, immutable"


def revision_of(server, name):
    return server.get(f"/v1/datasets/{name}").json()["current_revision"]


class Stored:
    """One image as the server tells it."""

    def __init__(self, server, revision, description):
        self.server, self.base = server, f"/d/{revision}/images/{description['id']}"
        self.info = description

    def plane(self, level, channel):
        """A whole level of a channel, put together from its tiles."""
        size, side = self.info["levels"][level], self.info["tile_side"]
        rows = []
        for y in range(0, size["height"], side):
            row = []
            for x in range(0, size["width"], side):
                answer = self.server.get(
                    f"{self.base}/tiles/{level}/{channel}/{y // side}/{x // side}")
                assert answer.status_code == 200, answer.text
                width, height = min(side, size["width"] - x), min(side, size["height"] - y)
                if channel == "rgb":
                    row.append(read_png(answer.content))
                else:
                    values = np.frombuffer(answer.content, self.info["type"])
                    row.append(values.reshape(height, width))
            rows.append(np.concatenate(row, axis=1))
        return np.concatenate(rows)


def images_of(server, name):
    revision = revision_of(server, name)
    answer = server.get(f"/d/{revision}/images")
    assert answer.status_code == 200, answer.text
    return [Stored(server, revision, one) for one in answer.json()["images"]]


@pytest.fixture(scope="module")
def section(shared_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("section") / "heart.h5ad"
    return path, visium_h5ad(shared_data, path)


def test_a_visium_section_brings_its_image(start_server, run, run_json, section, tmp_path):
    path, held = section
    told = run_json("import", path, "--name", "heart", "--public", data=tmp_path / "data")
    assert told["images"] == 1
    run("import", path, "--name", "secret", data=tmp_path / "data")
    server = start_server(tmp_path / "data")
    [image] = images_of(server, "heart")
    listed = run_json("dataset", "show", "heart", data=tmp_path / "data")["images"]
    assert [one["id"] for one in listed] == [image.info["id"]]
    heart = held.uns["spatial"]["heart"]
    scale = float(heart["scalefactors"]["tissue_lowres_scalef"])
    assert image.info["name"] == "heart lowres" and image.info["content"] == "rgb"
    assert image.info["transform"] == pytest.approx([1 / scale, 0, 0, 0, 1 / scale, 0])
    assert image.info["embedding"] == "spatial"
    assert image.info["micrometres_x"] == pytest.approx(
        65 / heart["scalefactors"]["spot_diameter_fullres"] / scale)

    pixels = np.round(heart["images"]["lowres"] * 255).astype(np.uint8)
    np.testing.assert_array_equal(image.plane(0, "rgb"), pixels)
    for channel in range(3):
        np.testing.assert_array_equal(image.plane(0, channel), pixels[..., channel])
        np.testing.assert_array_equal(image.plane(1, channel), halved(pixels[..., channel]))
    np.testing.assert_array_equal(
        read_png(server.get(image.base + "/thumbnail").content), image.plane(1, "rgb"))

    for what in ("", "/tiles/0/rgb/0/0", "/tiles/0/1/0/0", "/thumbnail"):
        answer = server.get(image.base + what)
        assert FOR_EVER in answer.headers["Cache-Control"], what
        tag = {"If-None-Match": answer.headers["ETag"]}
        assert server.get(image.base + what, headers=tag).status_code == 304, what
    for coding in ("identity", "gzip", "zstd"):
        answer = server.get(image.base + "/tiles/0/1/0/0", headers={"Accept-Encoding": coding},
                            stream=True)
        assert answer.headers.get("Content-Encoding", "identity") == coding
    for wrong in ("/tiles/9/0/0/0", "/tiles/0/3/0/0", "/tiles/0/0/9/0", "/tiles/0/0/0/-1",
                  "/tiles/0/labels/0/0", "/tiles/0/0/0/99999999999999999999"):
        assert server.get(image.base + wrong).status_code == 404, wrong

    [hidden] = images_of(server, "secret")
    for what in ("", "/tiles/0/rgb/0/0", "/tiles/0/0/0/0", "/thumbnail"):
        assert requests.get(server.url + image.base + what, timeout=60).status_code == 200
        assert requests.get(server.url + hidden.base + what, timeout=60).status_code == 404
        crossed = image.base.replace(image.info["id"], hidden.info["id"]) + what
        assert requests.get(server.url + crossed, timeout=60).status_code == 404, \
            "an image is asked for under its own revision only"


def test_images_are_verified_backed_up_and_go_with_their_dataset(run, section, tmp_path):
    path, _ = section
    data = tmp_path / "data"
    run("import", path, "--name", "heart", data=data)
    run("verify", data=data)
    [stored] = [one for one in (data / "objects").rglob("*") if one.is_file()
                and b"tiles/0/2" in one.read_bytes()]
    good = stored.read_bytes()
    stored.chmod(0o600)
    stored.write_bytes(good[:len(good) // 2] + bytes([good[len(good) // 2] ^ 1])
                       + good[len(good) // 2 + 1:])
    told = run("verify", data=data, fails=True)
    assert "image 'heart lowres' of dataset 'heart'" in told.stdout + told.stderr
    stored.write_bytes(good)
    run("verify", data=data)

    run("backup", tmp_path / "copy", data=data)
    run("verify", data=tmp_path / "copy")
    run("dataset", "remove", "heart", data=data)
    assert not stored.exists(), "nothing of a removed dataset stays"


def pattern(shape, dtype, seed=3):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    # Smooth enough to be packed, with every bit used.
    ramp = np.add.outer(np.arange(shape[-2]), np.arange(shape[-1])) * 37
    return ((ramp + rng.integers(0, 50, shape)) % (int(info.max) + 1)).astype(dtype)


def plane_of(kept, level, channel, expected):
    found = kept.plane(level, channel)
    np.testing.assert_array_equal(found, expected, err_msg=f"level {level}, channel {channel}")


def test_every_form_of_tiff_comes_out_pixel_by_pixel(run, start_server, slide, tmp_path):
    import tifffile
    forms = {
        "tiles": (pattern((3, 700, 1300), "uint16"), {"tile": (256, 256), "compression": "zlib"}),
        "strips": (pattern((2, 600, 90), "uint8"), {"rowsperstrip": 17}),
        "wide tiles": (pattern((1, 90, 640), "int16"), {"tile": (80, 272)}),
        "floats": (pattern((2, 300, 200), "float32"), {"predictor": False}),
        "big": (pattern((1, 64, 64), "uint32"), {"bigtiff": True, "byteorder": ">"}),
        "signed": (pattern((1, 64, 65), "int8"), {}),
    }
    for name, (pixels, options) in forms.items():
        path = tmp_path / f"{name}.ome.tif"
        names = [f"marker {i}" for i in range(len(pixels))]
        tifffile.imwrite(path, pixels, ome=True, photometric="minisblack",
                         metadata={"axes": "CYX", "PhysicalSizeX": 0.325,
                                   "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 325,
                                   "PhysicalSizeYUnit": "nm",
                                   "Channel": {"Name": names}},
                         **options)
        run("import", path, "--image-of", "slide", "--name", name, data=slide)
    photo = pattern((3, 530, 540), "uint8").transpose(1, 2, 0)
    for planar in ("contig", "separate"):
        path = tmp_path / f"{planar}.tif"
        tifffile.imwrite(path, photo if planar == "contig" else photo.transpose(2, 0, 1),
                         photometric="rgb", planarconfig=planar, metadata=None)
        run("import", path, "--image-of", "slide", "--name", planar,
            "--transform", "[2, 0, 10, 0, 2, 20]", data=slide)
    run("verify", data=slide)

    kept = {one.info["name"]: one for one in images_of(start_server(slide), "slide")}
    assert set(kept) == {*forms, "contig", "separate"}
    for name, (pixels, _) in forms.items():
        info = kept[name].info
        assert info["type"] == str(pixels.dtype) and info["content"] == "intensity"
        assert [one["name"] for one in info["channels"]] == \
            [f"marker {i}" for i in range(len(pixels))]
        assert info["micrometres_x"] == info["micrometres_y"] == pytest.approx(0.325)
        for channel, plane in enumerate(pixels):
            plane_of(kept[name], 0, channel, plane)
            told = info["channels"][channel]
            assert (told["min"], told["max"]) == (plane.min(), plane.max())
            for level in range(1, len(info["levels"])):
                if plane.dtype.kind != "f":
                    plane = halved(plane)
                    plane_of(kept[name], level, channel, plane)
    assert [(one["width"], one["height"]) for one in kept["tiles"].info["levels"]] == \
        [(1300, 700), (650, 350), (325, 175)]
    # And by a reader of the page that describes the file.
    files = [StoredImage(path) for path in (slide / "objects").rglob("*")
             if path.is_file() and b"tiles/0/0" in path.read_bytes()]
    for name, (pixels, _) in forms.items():
        [file] = [one for one in files
                  if (one.info["type"], one.info["width"]) == (str(pixels.dtype), pixels.shape[2])]
        for channel, plane in enumerate(pixels):
            np.testing.assert_array_equal(file.plane(0, channel), plane, err_msg=name)
    for planar in ("contig", "separate"):
        assert kept[planar].info["content"] == "rgb"
        assert kept[planar].info["transform"] == [2, 0, 10, 0, 2, 20]
        plane_of(kept[planar], 0, "rgb", photo)


def ome_of_files(names, planes):
    """OME-XML of a picture whose channels lie in these files."""
    height, width = planes[0].shape
    channels = "".join(f'<Channel ID="Channel:0:{i}" Name="marker {i}" SamplesPerPixel="1"/>'
                       for i in range(len(names)))
    data = "".join(f'<TiffData FirstC="{i}" IFD="0" PlaneCount="1">'
                   f'<UUID FileName="{name}">urn:uuid:{i:08}-0000-0000-0000-000000000000</UUID>'
                   "</TiffData>" for i, name in enumerate(names))
    return ('<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" '
            f'SizeX="{width}" SizeY="{height}" SizeZ="1" SizeC="{len(names)}" SizeT="1" '
            f'PhysicalSizeX="0.5" PhysicalSizeY="0.5">{channels}{data}</Pixels></Image></OME>')


def test_channels_in_several_files_are_one_picture(run, start_server, slide, tmp_path):
    import tifffile
    planes = [pattern((90, 130), "uint16", seed) for seed in range(3)]
    names = [f"cycle{i}.ome.tif" for i in (2, 0, 1)]  # the order of channels isn't that of names
    xml = ome_of_files(names, planes)
    pointer = ('<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><BinaryOnly '
               'MetadataFile="{}" UUID="urn:uuid:0"/></OME>')
    told = {"each": dict.fromkeys(names, xml),
            "one": {**dict.fromkeys(names, pointer.format(names[2])), names[2]: xml},
            "companion": dict.fromkeys(names, pointer.format("x.companion.ome"))}
    for kind, descriptions in told.items():
        folder = tmp_path / kind
        folder.mkdir()
        for name, plane in zip(names, planes):
            tifffile.imwrite(folder / name, plane, description=descriptions[name], metadata=None)
        if kind == "companion":
            (folder / "x.companion.ome").write_text(xml)
        run("import", folder, "--image-of", "slide", "--name", kind, data=slide)
    alone = run("import", tmp_path / "each" / names[0], "--image-of", "slide", data=slide,
                fails=True)
    assert "cycle0.ome.tif" in alone.stderr and "import the folder" in alone.stderr
    series = tmp_path / "series"
    series.mkdir()
    for i, plane in enumerate(planes):
        tifffile.imwrite(series / f"DAPI {i}.tif", plane, metadata=None)
    run("import", series, "--image-of", "slide", "--name", "series", data=slide)
    (tmp_path / "each" / names[1]).unlink()
    gone = run("import", tmp_path / "each", "--image-of", "slide", data=slide, fails=True)
    assert names[1] in gone.stderr
    tifffile.imwrite(series / "other size.tif", planes[0][:50], metadata=None)
    unlike = run("import", series, "--image-of", "slide", data=slide, fails=True)
    assert "other size.tif" in unlike.stderr and "differ in size" in unlike.stderr

    kept = {one.info["name"]: one for one in images_of(start_server(slide), "slide")}
    assert set(kept) == {*told, "series"}
    for name, picture in kept.items():
        assert [one["name"] for one in picture.info["channels"]] == [
            f"{'DAPI' if name == 'series' else 'marker'} {i}" for i in range(3)]
        for channel, plane in enumerate(planes):
            plane_of(picture, 0, channel, plane)
    assert kept["one"].info["micrometres_x"] == 0.5


def test_colours_of_a_palette_are_a_photograph_and_its_numbers_labels(run, start_server, make_cells,
                                                                      tmp_path):
    import tifffile
    data = tmp_path / "data"
    cells = make_cells([1, 2, 3, 4], [[0, 0], [30, 0], [60, 0], [90, 0]])
    run("import", cells, "--name", "slide", "--public", data=data)
    numbers = np.kron(np.arange(5, dtype=np.uint8).reshape(1, 5), np.ones((20, 30), np.uint8))
    palette = np.random.default_rng(2).integers(0, 256, (3, 256)).astype("uint16") * 257
    path = tmp_path / "palette.tif"
    for tile in (None, (16, 16)):
        tifffile.imwrite(path, numbers, photometric="palette", colormap=palette, metadata=None,
                         tile=tile)
        run("import", path, "--image-of", "slide", "--name", f"colours {tile}", data=data)
    run("import", path, "--image-of", "slide", "--name", "numbers", "--labels", data=data)
    kept = {one.info["name"]: one for one in images_of(start_server(data), "slide")}
    for tile in (None, (16, 16)):
        picture = kept[f"colours {tile}"]
        assert picture.info["content"] == "rgb"
        plane_of(picture, 0, "rgb", (palette.T[numbers] >> 8).astype("uint8"))
    assert kept["numbers"].info["content"] == "labels"
    plane_of(kept["numbers"], 0, 0, numbers)


def test_real_ome_tiffs_and_zarrs(run, start_server, slide, shared_data):
    import tifffile
    import zarr
    images = shared_data / "images"
    viv, stardist = images / "ometiff_viv", images / "stardist_dsb"
    blobs = images / "omezarr_viv/blobs_image_v04.ome.zarr"
    spatial = images / "spatialdata/multiple_elements.zarr"
    tiffs = {"int8": viv / "multi-channel.ome.tif", "nuclei": stardist / "img2d.tif"}
    zarrs = {"blobs": blobs, "multiscale": spatial / "images/blobs_multiscale_image",
             "single": spatial / "images/blobs_image"}
    for name, path in {**tiffs, **zarrs}.items():
        run("import", path, "--image-of", "slide", "--name", name, data=slide)
    kept = {one.info["name"]: one for one in images_of(start_server(slide), "slide")}
    for name, path in tiffs.items():
        pixels = tifffile.imread(path)
        for channel, plane in enumerate(pixels.reshape(-1, *pixels.shape[-2:])):
            plane_of(kept[name], 0, channel, plane)
    for name, path in zarrs.items():
        pixels = zarr.open(str(path / "0"), "r")[:]
        for channel, plane in enumerate(pixels):
            wanted = plane.astype(np.float32) if plane.dtype == np.float64 else plane
            plane_of(kept[name], 0, channel, wanted)


def test_a_hand_made_segmentation_names_its_cells(run, run_json, start_server, make_cells,
                                                  shared_data, tmp_path):
    from PIL import Image
    folder = shared_data / "images/dsb2018_fluo"
    name = sorted(path.name for path in (folder / "labels").iterdir()
                  if Image.open(path).size == (696, 520))[0]
    picture = np.asarray(Image.open(folder / "images" / name))
    labels = np.asarray(Image.open(folder / "labels" / name)).astype(np.uint16)
    numbers = np.unique(labels)[1:]
    rows, columns = np.indices(labels.shape)
    places = [[columns[labels == n].mean(), rows[labels == n].mean()] for n in numbers]
    order = np.random.default_rng(1).permutation(len(numbers))
    file = make_cells([f"nucleus-{i}" for i in range(len(numbers))], np.array(places)[order],
                 label=numbers[order].astype(np.int64))
    data = tmp_path / "data"
    run("import", file, "--name", "nuclei", data=data)
    run("import", folder / "images" / name, "--image-of", "nuclei", "--name", "dna", data=data)
    told = run_json("import", folder / "labels" / name, "--image-of", "nuclei", "--labels",
                    "--name", "outlines", data=data)
    assert f"{len(numbers)} of {len(numbers)} labels are cells, by obs column 'label'" \
        in told["notes"]
    server = start_server(data)
    kept = {one.info["name"]: one for one in images_of(server, "nuclei")}
    plane_of(kept["dna"], 0, 0, picture)
    plane_of(kept["outlines"], 0, 0, labels)
    plane_of(kept["outlines"], 1, 0, labels[::2, ::2])
    answer = server.get(kept["outlines"].base + "/cells")
    assert answer.status_code == 200 and FOR_EVER in answer.headers["Cache-Control"]
    cell_of = np.frombuffer(answer.content, np.int32)
    assert len(cell_of) == numbers.max() + 1
    for row, number in enumerate(numbers[order]):
        assert cell_of[number] == row
    assert (cell_of >= 0).sum() == len(numbers)
    assert server.get(kept["dna"].base + "/cells").status_code == 404


def test_outlines_become_labels_of_their_cells(run, run_json, start_server, make_cells, tmp_path):
    import json
    star = [[40, 10], [60, 10], [75, 50], [60, 90.5], [40, 90], [20, 50]]
    square = [[[100, 100], [180, 100], [180, 160], [100, 160], [100, 100]],
              [[120, 120], [140, 120], [140, 140], [120, 140], [120, 120]]]
    features = [
        {"type": "Feature", "properties": {"cell_id": "b"},
         "geometry": {"type": "Polygon", "coordinates": square}},
        {"type": "Feature", "id": "a", "properties": {},
         "geometry": {"type": "MultiPolygon", "coordinates": [[star], [[[0, 0], [9, 0], [0, 9]]]]}},
        {"type": "Feature", "id": "stranger", "properties": {},
         "geometry": {"type": "Polygon", "coordinates": [[[200, 0], [220, 0], [210, 20]]]}}]
    path = tmp_path / "cells.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    data = tmp_path / "data"
    run("import", make_cells(["a", "b"], [[50, 50], [110, 110]]), "--name", "two", data=data)
    told = run_json("import", path, "--image-of", "two", data=data)
    assert "2 of 3 labels are cells, by cell ids" in told["notes"]
    server = start_server(data)
    [kept] = images_of(server, "two")
    assert kept.info["content"] == "labels"
    assert list(np.frombuffer(server.get(kept.base + "/cells").content, np.int32)) == [-1, 1, 0, -1]

    def inside(rings, x, y):
        crossings = 0
        for ring in rings:
            for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1]):
                if (y0 <= y) != (y1 <= y) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) > x:
                    crossings += 1
        return crossings % 2 == 1

    plane = kept.plane(0, 0)
    assert plane.shape == (160, 220)
    for y in range(0, 160, 3):
        for x in range(0, 220, 3):
            expected = 0
            for label, feature in enumerate(features, 1):
                places = feature["geometry"]["coordinates"]
                rings = places if feature["geometry"]["type"] == "Polygon" else sum(places, [])
                if inside(rings, x + 0.5, y + 0.5):
                    expected = label
            assert plane[y, x] == expected, (x, y)


def test_an_image_comes_over_http_and_goes(start_server, slide, tmp_path, run):
    import tifffile
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, pattern((40, 50), "uint8"))
    server = start_server(slide)
    content = path.read_bytes()
    order = {"name": "page.tif", "size": len(content)}
    upload = server.post("/v1/uploads", json=order).json()["id"]
    server.request("PUT", f"/v1/uploads/{upload}", data=content, headers={"Upload-Offset": "0"})
    wrong = server.post("/v1/imports", json={"upload": upload, "image": {"of": "nobody"}})
    assert wrong.status_code == 404
    order = server.post("/v1/imports", json={
        "upload": upload,
        "image": {"of": "slide", "name": "page", "transform": [3, 0, 0, 0, 3, 0]}})
    assert order.status_code == 202, order.text
    server.get(f"/v1/jobs/{order.json()['id']}/events")
    [kept] = images_of(server, "slide")
    assert kept.info["transform"] == [3, 0, 0, 0, 3, 0]
    plane_of(kept, 0, 0, tifffile.imread(path))
    # The same again changes nothing; the same name takes the other's place.
    assert "'page'" in run("import", path, "--image-of", "slide", "--name", "page", "--transform",
                           "[3, 0, 0, 0, 3, 0]", data=slide).stdout
    assert [one.info["id"] for one in images_of(server, "slide")] == [kept.info["id"]]
    run("import", path, "--image-of", "slide", "--name", "page", data=slide)
    [moved] = images_of(server, "slide")
    assert moved.info["id"] != kept.info["id"] and moved.info["transform"] == [1, 0, 0, 0, 1, 0]
    assert server.get(kept.base).status_code == 404
    gone = f"/v1/datasets/slide/images/{moved.info['id']}"
    assert server.request("DELETE", gone).status_code == 204
    assert images_of(server, "slide") == [] and server.request("DELETE", gone).status_code == 404


def write_ome_zarr_05(folder, pixels, chunk, codec, separator="/"):
    """Zarr version 3 by its specification, as OME-Zarr 0.5 has it; the newest Zarr of Debian writes
    version 2 only."""
    import json

    import numcodecs
    names = {"zstd": numcodecs.Zstd(), "gzip": numcodecs.GZip(), "blosc": numcodecs.Blosc(),
             None: None}
    axes = [{"name": name, "type": kind} for name, kind in
            (("c", "channel"), ("y", "space"), ("x", "space"))]
    (folder / "0").mkdir(parents=True)
    (folder / "zarr.json").write_text(json.dumps({
        "zarr_format": 3, "node_type": "group", "attributes": {"ome": {
            "version": "0.5", "multiscales": [{"axes": axes, "datasets": [{"path": "0",
                "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 0.5]}]}]}],
            "omero": {"channels": [{"label": "DNA", "color": "0000FF"}, {"label": "actin"}]}}}}))
    codecs = [{"name": "bytes", "configuration": {"endian": "little"}}]
    if codec:
        codecs.append({"name": codec, "configuration": {}})
    (folder / "0/zarr.json").write_text(json.dumps({
        "zarr_format": 3, "node_type": "array", "shape": list(pixels.shape),
        "data_type": pixels.dtype.name, "fill_value": 7, "attributes": {}, "codecs": codecs,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": separator}}}))
    for place in np.ndindex(*(-(-size // part) for size, part in zip(pixels.shape, chunk))):
        block = np.full(chunk, 7, pixels.dtype)
        part = pixels[tuple(slice(at * size, (at + 1) * size) for at, size in zip(place, chunk))]
        if (part == 7).all():
            continue  # a chunk of the fill value isn't stored
        block[tuple(slice(0, size) for size in part.shape)] = part
        path = folder / "0" / separator.join(["c", *map(str, place)])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(names[codec].encode(block.tobytes()) if codec else block.tobytes())


def test_ome_zarr_05_is_read_in_each_of_its_packings(run, start_server, slide, tmp_path):
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 4000, (2, 70, 90)).astype(np.uint16)
    pixels[1, :32, 32:64] = 7
    ways = {"zstd": ("zstd", "/"), "blosc": ("blosc", "."), "gzip": ("gzip", "/"),
            "plain": (None, "/")}
    for name, (codec, separator) in ways.items():
        write_ome_zarr_05(tmp_path / f"{name}.zarr", pixels, (1, 32, 32), codec, separator)
        run("import", tmp_path / f"{name}.zarr", "--image-of", "slide", "--name", f"v3 {name}",
            data=slide)
    strange = tmp_path / "strange.zarr"
    write_ome_zarr_05(strange, pixels, (1, 32, 32), "zstd")
    told = (strange / "0/zarr.json").read_text(encoding="utf-8")
    (strange / "0/zarr.json").write_text(told.replace('"bytes"', '"never_heard_of"'))
    refused = run("import", strange, "--image-of", "slide", data=slide, fails=True)
    assert "never_heard_of" in refused.stderr
    kept = {one.info["name"]: one for one in images_of(start_server(slide), "slide")}
    for name in ways:
        for channel in range(2):
            plane_of(kept[f"v3 {name}"], 0, channel, pixels[channel])
    assert kept["v3 zstd"].info["channels"][0]["name"] == "DNA"
