"""Nonzeros and sum of a written matrix, by its real reader: the check that results are equal."""
import gzip
import os
import pathlib
import zipfile

import h5py
import numpy as np


def read(path):
    """(nonzeros, sum) of what lies at `path`, found out from its content."""
    path = pathlib.Path(path)
    if path.is_dir():
        if (path / ".zgroup").exists():
            return of_zarr(path)
        if (path / "expression.csv").exists():
            return of_csv(open(path / "expression.csv", "rb"))
        return of_mtx(gzip.open(path / "matrix.mtx.gz"))
    with open(path, "rb") as file:
        head = file.read(8)
    if head.startswith(b"\x89HDF"):
        return of_hdf5(path)
    if head.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            [name] = [n for n in archive.namelist() if n.endswith("expression.csv")]
            return of_csv(archive.open(name))
    if head.startswith(b"\x1f\x8b"):
        return of_mtx(gzip.open(path))
    return of_csv(open(path, "rb"))


def size_of(path):
    """Bytes of a file or of all files of a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names)


def of_values(values):
    return int(np.count_nonzero(values)), float(values.sum(dtype=np.float64))


def of_hdf5(path):
    with h5py.File(path) as file:
        if "matrix" not in file:
            return of_values(file["X/data"][:])
        matrix, parts = file["matrix"], []
        for begin in range(0, matrix.shape[0], 2000):
            parts.append(of_values(matrix[begin:begin + 2000]))
        return tuple(map(sum, zip(*parts)))


def of_zarr(path):
    import zarr
    return of_values(zarr.open(str(path), mode="r")["X/data"][:])


def of_mtx(file):
    import pandas
    with file:
        while not (line := file.readline()).split()[0].isdigit():
            pass
        counts = pandas.read_csv(file, sep=" ", header=None, usecols=[2], dtype=np.float32)
        assert len(counts) == int(line.split()[2]), "the header promises other nonzeros"
        return of_values(counts[2].to_numpy())


def of_csv(file):
    """Rows of numbers after a header; the key column, where there is one, isn't a number."""
    nonzeros, total = 0, 0.0
    with file:
        genes = file.readline().count(b",")
        for line in file:
            if line.count(b",") == genes:
                line = line.split(b",", 1)[1]
            row = np.fromstring(line, np.float32, sep=",")
            nonzeros += int(np.count_nonzero(row))
            total += float(row.sum(dtype=np.float64))
    return nonzeros, total
