"""Damaged and hostile pictures: each is refused in one plain sentence and nothing of it is stored;
the number in a test's name is that of docs/bad-inputs.md."""
import struct
import time

import numpy as np
import pytest
import tifffile


@pytest.fixture
def refused(run, slide, tmp_path):
    """refused(bytes, name): what the import says, after it left nothing behind."""
    objects = slide / "objects"

    def refuse(content, name="bad.tif"):
        path = tmp_path / name
        path.write_bytes(content)
        before = sorted(objects.rglob("*"))
        told = run("import", path, "--image-of", "slide", data=slide, fails=True)
        assert sorted(objects.rglob("*")) == before and not list((slide / "tmp/staging").iterdir())
        assert name in told.stderr, told.stderr
        return told.stderr
    return refuse


def directory(entries, following):
    """A directory of a little-endian TIFF: tag, type (3 short, 4 long), count, value."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)


def page(width, height, *more):
    return [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1),
            (262, 3, 1, 1), (277, 3, 1, 1), *more]


def strips(offset, size, rows):
    return [(273, 4, 1, offset), (278, 4, 1, rows), (279, 4, 1, size)]


def test_41_a_loop_of_directories_is_refused_at_once(refused):
    first = directory(page(4, 4, *strips(400, 16, 4)), 0)
    second_at = 8 + len(first)
    for back_to in (8, second_at):
        looped = first[:-4] + struct.pack("<I", second_at)
        second = directory(page(4, 4, *strips(400, 16, 4)), back_to)
        content = (b"II*\0" + struct.pack("<I", 8) + looped + second).ljust(500, b"\0")
        began = time.monotonic()
        refused(content)
        assert time.monotonic() - began < 30  # the plan's second is for a quiet machine


def test_42_pixels_that_cannot_be_are_refused(refused):
    head = b"II*\0" + struct.pack("<I", 8)
    for side in (1 << 31, 1 << 14):
        tile = [(322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 400), (325, 4, 1, 16)]
        told = refused((head + directory(page(side, side, *tile), 0)).ljust(500, b"\0"))
    assert "limit: tile" in told
    for entries in (page(64, 64, *strips(1 << 30, 4096, 64)), page(64, 64, *strips(300, 4096, 64)),
                    page(1 << 20, 1 << 20, *strips(300, 16, 1 << 20))):
        refused((head + directory(entries, 0)).ljust(500, b"\0"))
    assert "limit: pixels" in refused(
        (head + directory(page((1 << 25), 8, *strips(300, 16, 8)), 0)).ljust(500, b"\0"))
    refused(b"II*\0")
    refused(b"MM\0+" + bytes(12))


def test_43_entities_are_never_expanded(refused, tmp_path):
    laughs = '<!ENTITY a "haha">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9))
    for entities in (laughs, '<!ENTITY j SYSTEM "file:///etc/passwd">',
                     '<!ENTITY j SYSTEM "http://127.0.0.1:9/">'):
        xml = (f'<?xml version="1.0"?><!DOCTYPE OME [{entities}]>'
               '<OME><Image><Pixels SizeX="8" SizeY="8" SizeZ="1" SizeC="1" SizeT="1">'
               '<Channel Name="&j;"/><TiffData/></Pixels></Image></OME>')
        path = tmp_path / "made.tif"
        tifffile.imwrite(path, np.zeros((8, 8), np.uint8), description=xml, metadata=None)
        assert "document type" in refused(path.read_bytes())


def test_what_is_no_picture_or_cut_or_of_nothing_is_refused(refused, run, slide, tmp_path):
    from PIL import Image
    for name, content in {"page.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
                          "page.html": b"<html><script>1</script></html>", "empty.png": b"",
                          "list.geojson": b"[]", "deep.geojson": b"[" * 5000,
                          "line.geojson": b'{"features":[{"geometry":{"type":"LineString",'
                                          b'"coordinates":[[0,0],[1,1]]}}]}'}.items():
        refused(content, name)
    picture = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (300, 300), np.uint8)).save(picture)
    refused(picture.read_bytes()[:40_000], "cut.png")
    tifffile.imwrite(tmp_path / "whole.tif", np.zeros((90, 90), np.uint16), compression="zlib")
    whole = (tmp_path / "whole.tif").read_bytes()
    refused(whole[:len(whole) // 2], "cut.tif")
    labels = tmp_path / "labels.tif"
    tifffile.imwrite(labels, np.full((5, 5), 77, np.uint16))
    told = run("import", labels, "--image-of", "slide", "--labels", data=slide, fails=True)
    assert "none of the 1 labels is a cell" in told.stderr
    for arguments in (["--image-of", "nobody"], ["--image-of", "slide", "--embedding", "umap"],
                      ["--image-of", "slide", "--transform", "[1, 0, 0, 0, 0, 0]"]):
        run("import", labels, *arguments, data=slide, fails=True)
    run("import", labels, "--image-of", "slide", data=slide)
