"""Pictures that tests make and read, and the shared data's Visium section as Scanpy reads it."""
import csv
import io
import json
import struct
import warnings

import numcodecs
import numpy as np


def halved(level):
    """The next level of a pyramid: the mean of up to four, rounded to the nearest."""
    height, width = level.shape
    sums = np.zeros(((height + 1) // 2, (width + 1) // 2))
    count = np.zeros_like(sums)
    for dy in (0, 1):
        for dx in (0, 1):
            part = level[dy::2, dx::2].astype(np.float64)
            sums[:part.shape[0], :part.shape[1]] += part
            count[:part.shape[0], :part.shape[1]] += 1
    return np.floor(sums / count + 0.5).astype(level.dtype)


def read_png(content):
    from PIL import Image
    return np.asarray(Image.open(io.BytesIO(content)))


def visium_h5ad(shared_data, path, which="lowres"):
    """A section as scanpy.read_visium makes it: spots' places in pixels of the full image, pictures
    as shares of 1, scale factors. Gives the AnnData."""
    import anndata
    import h5py
    import pandas
    import scipy.sparse as sparse
    from PIL import Image
    folder = shared_data / "cells/scanpy/tests/_data/visium_data/1.0.0"
    with h5py.File(folder / "filtered_feature_bc_matrix.h5") as file:
        matrix = file["matrix"]
        barcodes = [one.decode() for one in matrix["barcodes"]]
        genes = [one.decode() for one in matrix["features/id"]]
        x = sparse.csc_matrix((matrix["data"][:], matrix["indices"][:], matrix["indptr"][:]),
                              shape=tuple(matrix["shape"])).T.tocsr().astype(np.float32)
    places = {row[0]: row[1:] for row in
              csv.reader((folder / "spatial/tissue_positions_list.csv").open())}
    obs = pandas.DataFrame({"in_tissue": [int(places[one][0]) for one in barcodes],
                            "array_row": [int(places[one][1]) for one in barcodes],
                            "array_col": [int(places[one][2]) for one in barcodes]},
                           index=barcodes)
    data = anndata.AnnData(x, obs=obs, var=pandas.DataFrame(index=genes), dtype=np.float32)
    data.obsm["spatial"] = np.array([[int(places[one][4]), int(places[one][3])]
                                     for one in barcodes], dtype=np.int64)
    factors = json.loads((folder / "spatial/scalefactors_json.json").read_text())
    picture = np.asarray(Image.open(folder / f"spatial/tissue_{which}_image.png")) \
        .astype(np.float32) / 255
    data.uns["spatial"] = {"heart": {"images": {which: picture}, "scalefactors": factors,
                                     "metadata": {"chemistry_description": "Spatial 3' v1"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.write_h5ad(path)
    return data


class StoredImage:
    """Reads a stored image after docs/formats/image.md, out of the object store's file."""

    def __init__(self, path):
        content = path.read_bytes()
        content = content[:content.rfind(b"STROMAX1") + 16]  # the store's own words follow
        at, size = struct.unpack_from("<QQ", content, len(content) - 64)
        directory, self.sections = content[at:at + size], {}
        [count], at = struct.unpack_from("<I", directory), 4
        for _ in range(count):
            [length] = struct.unpack_from("<I", directory, at)
            name, at = directory[at + 4:at + 4 + length].decode(), at + 4 + length
            [blocks] = struct.unpack_from("<Q", directory, at)
            table = np.frombuffer(directory, "<u8", 4 * blocks, at + 8).reshape(blocks, 4)
            self.sections[name] = [content[begin:begin + size] for begin, size, _, _ in table]
            at += 8 + 32 * blocks
        [block] = self.sections["image"]
        [size] = struct.unpack_from("<I", block)
        text = block[4:] if len(block) - 4 == size else numcodecs.zstd.decompress(block[4:])
        self.info = json.loads(bytes(text))

    def plane(self, level, channel):
        width, height = (-(-self.info[side] // 2 ** level) for side in ("width", "height"))
        across, rows = -(-width // 512), []
        tiles = self.sections[f"tiles/{level}/{channel}"]
        for y in range(0, height, 512):
            row = []
            for x in range(0, width, 512):
                packed = tiles[y // 512 * across + x // 512]
                values = np.frombuffer(numcodecs.blosc.decompress(packed), self.info["type"])
                row.append(values.reshape(min(512, height - y), min(512, width - x)))
            rows.append(np.concatenate(row, axis=1))
        return np.concatenate(rows)
