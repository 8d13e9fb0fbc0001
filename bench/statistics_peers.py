"""Comparisons of cells as numpy and scipy do them, for bench/peer_child.py: as peers.py of
../shared/bench does its operations, with the answers in a file that they are compared by.

The counts are normalised (log of counts per 10,000; ranked by their share of the cell, which has
the same order) and lie in memory before the clock starts.
"""
import os
import pathlib

import h5py
import numpy as np
from scipy import sparse, special, stats

GENES_RANKED = 100  # of 20,000, every 200th: all of them would take minutes


def size_of(path):
    return os.path.getsize(path)


def load(folder):
    with h5py.File(pathlib.Path(folder) / "cells.h5ad") as file:
        group = file["X"]
        x = sparse.csr_matrix((group["data"][:].astype(np.float64), group["indices"][:],
                               group["indptr"][:]), shape=tuple(group.attrs["shape"]))

        def column(name):
            codes = file[f"obs/{name}/codes"][:]
            return file[f"obs/{name}/categories"].asstr()[:][codes]
        masks = {"3%": column("cell_type") == "type 03", "8%": column("cell_type") == "type 07",
                 "25%": np.isin(column("tissue"), ["blood", "lung"])}
    # One rounding each, so that equal shares of cells of different size are ties.
    x.data /= np.repeat(np.asarray(x.sum(axis=1)).ravel(), np.diff(x.indptr))
    return x, masks


def welch(selection):
    """Sums and sums of squares of both sides, without making anything dense."""
    def prepare(folder):
        x, masks = load(folder)
        x.data = np.log1p(1e4 * x.data)
        mask = masks[selection]
        out = pathlib.Path(folder) / f".peer-t-{selection[:-1]}.npz"

        def work():
            squares = sparse.csr_matrix((x.data**2, x.indices, x.indptr), shape=x.shape)
            sides = np.stack([mask, ~mask]).astype(np.float64)
            n = sides.sum(axis=1)[:, None]
            mean = (x.T @ sides.T).T / n
            variance = ((squares.T @ sides.T).T / n - mean**2) * n / (n - 1)
            parts = variance / n
            with np.errstate(divide="ignore", invalid="ignore"):
                t = (mean[0] - mean[1]) / np.sqrt(parts.sum(axis=0))
                degrees = parts.sum(axis=0)**2 / (parts**2 / (n - 1)).sum(axis=0)
                p = 2 * special.stdtr(degrees, -np.abs(t))
            np.savez(out, genes=np.arange(x.shape[1]), statistic=t, p=p)
            return x.nnz, str(out)
        return work
    return prepare


def ranks(selection, other):
    """Wilcoxon's test by scipy on dense genes."""
    def prepare(folder):
        x, masks = load(folder)
        a = masks[selection]
        b = masks[other] if other else ~a
        genes = np.arange(0, x.shape[1], x.shape[1] // GENES_RANKED)
        dense = x.tocsc()[:, genes].toarray()
        out = pathlib.Path(folder) / f".peer-ranks-{other[:-1] or 'rest'}.npz"

        def work():
            tested = stats.mannwhitneyu(dense[a], dense[b], axis=0, method="asymptotic")
            np.savez(out, genes=genes, statistic=tested.statistic, p=tested.pvalue)
            return dense.size, str(out)
        return work
    return prepare


OPERATIONS = {"t 3%": welch("3%"), "t 25%": welch("25%"), "ranks 3% rest": ranks("3%", ""),
              "ranks 3% 8%": ranks("3%", "8%")}
