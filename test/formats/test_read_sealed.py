"""The format page is true: a reader written after it finds what the store wrote.

STROMA_SEAL_SAMPLE names the program seal_sample; by default the one of build/release is taken.
"""
import os
import pathlib
import subprocess

import numpy as np
import pytest

from read_sealed import Sealed

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    program = os.environ.get("STROMA_SEAL_SAMPLE",
                             str(ROOT / "build/release/src/expression/seal_sample"))
    path = tmp_path_factory.mktemp("sealed") / "sample"
    told = subprocess.run([program, str(path)], stdout=subprocess.PIPE, check=True,
        text=True).stdout
    told = [line.split() for line in told.splitlines()]
    return Sealed(path), {name: (int(nonzeros), float(total)) for name, nonzeros, total in told}


@pytest.mark.parametrize("name", ["X", "layers/log", "layers/scaled"])
def test_both_orders_hold_what_the_writer_told(sealed, name):
    file, told = sealed
    found = []
    for order in ("by_cell", "by_gene"):
        cells, genes, values = file.matrix(name, order)
        assert len(values) == told[name][0]
        assert np.isclose(values.astype(float).sum(), told[name][1], rtol=1e-12)
        by_place = np.lexsort((genes, cells))
        found.append((cells[by_place], genes[by_place], values[by_place]))
    for one, other in zip(*found):
        assert one.tobytes() == other.astype(one.dtype).tobytes()


def test_totals_are_those_of_the_values(sealed):
    file, _ = sealed
    for number, name in enumerate(file.meta["matrices"]):
        record = file.meta["matrices"][name]
        genes = np.frombuffer(file.bytes(f"matrix/{number}/genes"), "<u4")
        raw = file.bytes(f"matrix/{number}/totals")
        sums = [int.from_bytes(raw[i:i + 16], "little", signed=True) for i in range(0, len(raw),
            48)]
        _, gene, values = file.matrix(name)
        expected = np.bincount(gene, values.astype(float), len(genes))[genes]
        assert np.allclose(np.array([s * 2.0 ** -float(record["sum_shift"]) for s in sums]),
            expected, rtol=1e-9)
        lengths = np.frombuffer(file.bytes(f"matrix/{number}/cell_lengths"), "<u4")
        assert lengths.sum() == record["nonzeros"]


def test_frames_and_annotations_are_read(sealed):
    file, _ = sealed
    index, columns = file.frame("obs")
    assert index[:2] == ["cell0", "cell1"] and len(index) == 2000
    name, (codes, categories, ordered), mask = columns[0]
    assert (name, categories, ordered, mask) == ("type", ["a", "b", "c"], False, None)
    assert codes[:5].tolist() == [-1, 0, 1, 2, -1]
    uns = file.element("uns")
    assert uns["title"] == "a title" and uns["number"] == 2.5 and uns["nothing"] is None
    assert uns["grid"].tolist() == [["a", "b"], ["c", "d"]]
