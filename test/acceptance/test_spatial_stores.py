"""Whole stores and folders of space: SpatialData, sharded Zarr, Space Ranger, JPEG 2000."""
import io
import json
import pathlib
import shutil
import struct
import sys

import anndata
import numpy as np
import pandas
import pytest
import scipy.sparse as sparse
import zarr

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import zarr_3  # noqa: E402
from pictures import read_png  # noqa: E402
from test_images import images_of  # noqa: E402


def counts_of(cells, genes, seed=3):
    matrix = sparse.random(cells, genes, 0.2, "csr", np.float32, np.random.default_rng(seed))
    matrix.data = np.ceil(matrix.data * 9).astype(np.float32)
    return matrix


def taken_out(run, data, name, folder):
    path = folder / f"{name}.h5ad"
    run("matrix", "--dataset", name, "-o", path, data=data)
    return anndata.read_h5ad(path)


def dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


def write_anndata_3(path, matrix, **options):
    cells, genes = matrix.shape
    zarr_3.group(path, {"encoding-type": "anndata", "encoding-version": "0.1.0"})
    zarr_3.frame(path / "obs", [f"c{i}" for i in range(cells)],
                 n=np.arange(cells, dtype=np.int64), good=np.arange(cells) % 2 == 0)
    zarr_3.frame(path / "var", [f"g{i}" for i in range(genes)])
    zarr_3.group(path / "obsm")
    zarr_3.array(path / "obsm/X_umap", np.arange(cells * 2, dtype=np.float32).reshape(cells, 2),
                 chunks=(16, 2), shards=(3, 1))
    if options.pop("dense", False):
        zarr_3.array(path / "X", matrix.toarray(), **options)
    else:
        zarr_3.sparse(path / "X", matrix, **options)


@pytest.mark.parametrize("options", [
    {"chunks": (64,), "shards": (4,)},
    {"chunks": (50,), "packer": "blosc", "checksum": True, "shards": (7,), "at_start": True},
    {"chunks": (1000,), "packer": "gzip"},
    {"dense": True, "chunks": (8, 5), "shards": (3, 4), "packer": "blosc"},
    {"dense": True, "chunks": (30, 11), "packer": None, "checksum": True}],
    ids=lambda options: "-".join(f"{name}" for name in options))
def test_zarr_3_comes_out_as_it_went_in(run, tmp_path, options):
    matrix = counts_of(90, 40)
    write_anndata_3(tmp_path / "three.zarr", matrix, **options)
    run("import", tmp_path / "three.zarr", "--name", "three", data=tmp_path / "data")
    out = taken_out(run, tmp_path / "data", "three", tmp_path)
    np.testing.assert_array_equal(dense(out.X), matrix.toarray())
    assert list(out.obs_names) == [f"c{i}" for i in range(90)]
    np.testing.assert_array_equal(out.obs["n"], np.arange(90))
    np.testing.assert_array_equal(out.obs["good"], np.arange(90) % 2 == 0)
    np.testing.assert_array_equal(out.obsm["X_umap"], np.arange(180).reshape(90, 2))


def test_a_damaged_shard_is_named(run, tmp_path):
    write_anndata_3(tmp_path / "good.zarr", counts_of(90, 40), chunks=(64,), shards=(4,))
    shard = tmp_path / "good.zarr/X/data/c/0"
    content = shard.read_bytes()
    for what, bad in {"checksum": content[:-1] + bytes([content[-1] ^ 1]),
                      "shorter than its index": content[-30:]}.items():
        shard.write_bytes(bad)
        told = run("import", tmp_path / "good.zarr", data=tmp_path / "data", fails=True)
        assert what in told.stderr and "X/data/c/0" in told.stderr, told.stderr


IMAGE = (np.add.outer(np.arange(60), np.arange(80)) % 251).astype(np.uint8)
LABELS = np.zeros((60, 80), np.int32)
for at in range(4):
    LABELS[10 + 20 * (at // 2):20 + 20 * (at // 2), 10 + 40 * (at % 2):30 + 40 * (at % 2)] = at + 1


def transformations(kind, **values):
    axes = [{"name": "c"}, {"name": "y"}, {"name": "x"}] if "c" in values.pop("axes", "") \
        else [{"name": "y"}, {"name": "x"}]
    names = [axis["name"] for axis in axes]
    return [{"type": kind, **values, "input": {"name": "".join(names), "axes": axes},
             "output": {"name": "global", "axes": axes}}]


def element(store, path, values, axes, steps, labels=False):
    group = store.require_group(path)
    group.create_dataset("0", data=values, chunks=(1,) * (values.ndim - 2) + (32, 32),
                         dimension_separator="/")
    group.attrs["multiscales"] = [{"version": "0.4", "axes": [{"name": one} for one in axes],
                                   "datasets": [{"path": "0"}],
                                   "coordinateTransformations": steps}]
    if labels:
        group.attrs["image-label"] = {"version": "0.4"}


def write_spatial_data(path):
    """A store as spatialdata 0.2 writes it: cells in micrometres, half a micrometre a pixel."""
    root = zarr.open_group(zarr.NestedDirectoryStore(str(path)), "w")
    root.attrs["spatialdata_attrs"] = {"version": "0.1"}
    element(root, "images/stain", np.stack([IMAGE, 255 - IMAGE]), "cyx",
            transformations("identity", axes="cyx"))
    element(root, "labels/nuclei", LABELS, "yx", transformations("identity"), labels=True)
    element(root, "images/turned", IMAGE[None], "cyx", transformations(
        "affine", axes="cyx",
        affine=[[1, 0, 0, 0], [0, 0, 2, 7], [0, -2, 0, 90], [0, 0, 0, 1]]))
    element(root, "images/elsewhere", IMAGE[None], "cyx", [
        {**transformations("identity", axes="cyx")[0], "output": {"name": "other"}}])
    shapes = root.require_group("shapes/boundaries")
    shapes.attrs["axes"] = ["x", "y"]
    shapes.attrs["coordinateTransformations"] = transformations("sequence", transformations=[
        {"type": "scale", "scale": [2.0, 2.0]},
        {"type": "translation", "translation": [0.0, 0.0]}])
    (path / "shapes/boundaries/shapes.parquet").write_bytes(b"PAR1, which isn't opened")
    table = anndata.AnnData(
        counts_of(4, 6), dtype=np.float32,
        obs=pandas.DataFrame({"instance_id": [1, 2, 3, 4],
                              "region": pandas.Categorical(["boundaries"] * 4)},
                             index=[f"cell-{i}" for i in "abcd"]),
        var=pandas.DataFrame(index=list("ABCDEF")))
    table.obsm["spatial"] = np.array([[10, 7.5], [30, 7.5], [10, 17.5], [30, 17.5]])
    table.uns["spatialdata_attrs"] = {"region": "boundaries", "region_key": "region",
                                      "instance_key": "instance_id"}
    table.write_zarr(str(path / "tables/cells"))
    return table


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_spatial_data_store_is_a_dataset_with_its_images(run, run_json, start_server, tmp_path,
                                                           packed):
    store = tmp_path / "section.zarr"
    table = write_spatial_data(store)
    if packed:
        store = shutil.make_archive(tmp_path / "section", "zip", tmp_path, "section.zarr")
    told = run_json("import", store, "--name", "section", data=tmp_path / "data")
    assert told["cells"] == 4 and told["images"] == 3, told["notes"]
    notes = " ".join(told["notes"])
    assert "tables/cells" in notes and "images/elsewhere is left out" in notes
    out = taken_out(run, tmp_path / "data", "section", tmp_path)
    np.testing.assert_array_equal(dense(out.X), dense(table.X))
    server = start_server(tmp_path / "data")
    images = {one.info["name"]: one for one in images_of(server, "section")}
    assert set(images) == {"stain", "nuclei", "turned"}
    # A pixel is half a micrometre; the centre of the first one lies half a pixel in.
    assert images["stain"].info["transform"] == pytest.approx([0.5, 0, 0.25, 0, 0.5, 0.25])
    # y' = 2 x + 7 and x' = -2 y + 90 in pixels of "global", halved into micrometres.
    assert images["turned"].info["transform"] == pytest.approx([0, -1, 44.5, 1, 0, 4])
    for channel, plane in enumerate([IMAGE, 255 - IMAGE]):
        np.testing.assert_array_equal(images["stain"].plane(0, channel), plane)
    np.testing.assert_array_equal(images["nuclei"].plane(0, 0), LABELS)
    cells = np.frombuffer(server.get(images["nuclei"].base + "/cells").content, np.int32)
    assert list(cells) == [-1, 0, 1, 2, 3]


def test_space_rangers_folder_is_a_section(run, run_json, start_server, shared_data, tmp_path):
    folder = tmp_path / "heart/outs"
    shutil.copytree(shared_data / "cells/scanpy/tests/_data/visium_data/1.0.0", folder,
                    copy_function=shutil.copyfile)
    told = run_json("import", tmp_path / "heart", data=tmp_path / "data")
    assert told["format"] == "space-ranger" and told["images"] == 1
    run("import", folder / "filtered_feature_bc_matrix.h5", "--name", "bare",
        data=tmp_path / "data")
    out = taken_out(run, tmp_path / "data", "heart", tmp_path)
    bare = taken_out(run, tmp_path / "data", "bare", tmp_path)
    np.testing.assert_array_equal(dense(out.X), dense(bare.X))
    places = pandas.read_csv(folder / "spatial/tissue_positions_list.csv", header=None, index_col=0)
    places = places.loc[out.obs_names]
    np.testing.assert_array_equal(out.obsm["spatial"], places[[5, 4]].to_numpy())
    np.testing.assert_array_equal(out.obs[["in_tissue", "array_row", "array_col"]],
                                  places[[1, 2, 3]].to_numpy())
    factors = json.loads((folder / "spatial/scalefactors_json.json").read_text())
    kept = out.uns["spatial"]["heart"]["scalefactors"]
    assert {name: float(value) for name, value in kept.items()} == pytest.approx(factors)
    server = start_server(tmp_path / "data")
    [image] = images_of(server, "heart")
    scale = factors["tissue_hires_scalef"]
    assert image.info["transform"] == pytest.approx([1 / scale, 0, 0, 0, 1 / scale, 0])
    assert image.info["micrometres_x"] == pytest.approx(65 / factors["spot_diameter_fullres"]
                                                        / scale)
    np.testing.assert_array_equal(
        image.plane(0, "rgb"),
        read_png((folder / "spatial/tissue_hires_image.png").read_bytes())[..., :3])


def jpeg_2000(values, **options):
    from PIL import Image
    out = io.BytesIO()
    Image.fromarray(values).save(out, "JPEG2000", **options)
    return out.getvalue()


def tiles_of(values, side):
    """Row-major, filled up at the edges."""
    for y in range(0, values.shape[0], side):
        for x in range(0, values.shape[1], side):
            part = values[y:y + side, x:x + side]
            tile = np.zeros((side, side) + values.shape[2:], values.dtype)
            tile[:part.shape[0], :part.shape[1]] = part
            yield tile


def tiff_of(tiles, shape, bits, packing, side):
    """A TIFF of one page around tiles that are packed already."""
    samples = shape[2] if len(shape) == 3 else 1
    body, places = b"", []
    for tile in tiles:
        places.append((8 + len(body), len(tile)))
        body += tile + b"\0" * (len(tile) % 2)
    extra_at = 8 + len(body)
    extra = struct.pack(f"<{samples}H", *[bits] * samples) if samples > 2 else b""
    offsets_at = extra_at + len(extra)
    extra += struct.pack(f"<{len(places)}I", *[at for at, _ in places])
    counts_at = extra_at + len(extra)
    extra += struct.pack(f"<{len(places)}I", *[count for _, count in places])
    tags = [(256, 4, 1, shape[1]), (257, 4, 1, shape[0]),
            (258, 3, samples, bits if samples == 1 else extra_at), (259, 3, 1, packing),
            (262, 3, 1, 2 if samples == 3 else 1), (277, 3, 1, samples), (284, 3, 1, 1),
            (322, 4, 1, side), (323, 4, 1, side), (324, 4, len(places), offsets_at),
            (325, 4, len(places), counts_at)]
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", *tag) for tag in tags) + b"\0" * 4
    return struct.pack("<2sHI", b"II", 42, extra_at + len(extra)) + body + extra + directory


def test_jpeg_2000_of_its_own_and_in_tiffs(run, start_server, slide, tmp_path):
    rng = np.random.default_rng(2)
    grey = (np.add.outer(np.arange(150), np.arange(200)) * 5 % 65536).astype(np.uint16)
    color = rng.integers(0, 255, (150, 200, 3)).astype(np.uint8)
    (tmp_path / "color.jp2").write_bytes(jpeg_2000(color))
    expected = {"color.jp2": color}
    for name, values, packing in (("aperio", color, 33005), ("registered", color, 34712),
                                  ("grey", grey, 34712)):
        path = tmp_path / f"{name}.tif"
        path.write_bytes(tiff_of([jpeg_2000(one, no_jp2=True) for one in tiles_of(values, 64)],
                                 values.shape, values.itemsize * 8, packing, 64))
        expected[path.name] = values
    for name in expected:
        run("import", tmp_path / name, "--image-of", "slide", "--name", name, data=slide)
    cut = (tmp_path / "color.jp2").read_bytes()[:2000]
    (tmp_path / "cut.jp2").write_bytes(cut)
    told = run("import", tmp_path / "cut.jp2", "--image-of", "slide", data=slide, fails=True)
    assert "cut.jp2" in told.stderr
    server = start_server(slide)
    images = {one.info["name"]: one for one in images_of(server, "slide")}
    for name, values in expected.items():
        if values.ndim == 3:
            np.testing.assert_array_equal(images[name].plane(0, "rgb"), values, name)
        else:
            np.testing.assert_array_equal(images[name].plane(0, 0), values, name)


def test_a_sharded_ome_zarr_comes_out_pixel_by_pixel(run, start_server, slide, tmp_path):
    store = tmp_path / "sharded.zarr"
    pixels = np.stack([IMAGE, 255 - IMAGE]).astype(np.uint16) * 200
    zarr_3.group(store, {"ome": {"version": "0.5", "multiscales": [{
        "axes": [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"},
                 {"name": "x", "type": "space"}], "datasets": [{"path": "0"}]}]}})
    zarr_3.array(store / "0", pixels, chunks=(1, 16, 16), shards=(2, 2, 3), packer="blosc")
    run("import", store, "--image-of", "slide", data=slide)
    server = start_server(slide)
    [image] = images_of(server, "slide")
    for channel, plane in enumerate(pixels):
        np.testing.assert_array_equal(image.plane(0, channel), plane)
