"""What the writers make, opened in R: Matrix, and Bioconductor's SingleCellExperiment."""
import subprocess
from pathlib import Path

import numpy as np
import pytest

import sample
from test_writers import CELLS, GENES, write

SCRIPT = Path(__file__).with_name("single_cell_experiment.R")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The sample in the formats that R reads."""
    made = tmp_path_factory.mktemp("r")
    for form in ("mtx", "csv", "h5ad", "loom"):
        write("rich", CELLS, GENES, form, made / f"x.{form}")
    return made


def run_r(*words):
    done = subprocess.run(["Rscript", *map(str, words)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_matrix_reads_mtx_and_csv(folder):
    mtx, csv = folder / "x.mtx", folder / "x.csv"
    script = f"""
        suppressMessages(library(Matrix))
        m <- readMM(gzfile("{mtx}/matrix.mtx.gz"))
        features <- read.delim(gzfile("{mtx}/features.tsv.gz"), header=FALSE)
        barcodes <- readLines(gzfile("{mtx}/barcodes.tsv.gz"))
        cells <- read.csv("{csv}/cells.csv", row.names=1)
        e <- read.csv("{csv}/expression.csv", row.names=1)
        cat(dim(m), sum(m), nnzero(m), nrow(features), length(unique(barcodes)), dim(cells),
            sum(e), cells$n_genes[3], all(t(as.matrix(m)) == as.matrix(e)))
    """
    X = sample.counts(CELLS, GENES)
    want = [GENES, CELLS, int(X.sum()), np.count_nonzero(X), GENES, CELLS, CELLS, 12,
            int(X.sum()), 2007, "TRUE"]
    assert run_r("-e", script).split() == [str(value) for value in want]


def test_single_cell_experiments_hold_every_value(folder):
    run_r(SCRIPT, folder)
    seen = folder / "seen"
    for form in ("mtx", "csv", "h5ad", "loom"):
        np.testing.assert_array_equal(np.loadtxt(seen / form).T, sample.counts(CELLS, GENES))
    np.testing.assert_array_equal(np.loadtxt(seen / "umap"), sample.grid(CELLS, 2, 0.5))
    assert (seen / "barcodes").read_text().splitlines() == list(sample.obs(CELLS)["barcode"])
    assert (seen / "genes").read_text().splitlines() == list(sample.var(GENES).index)
    assert [int(n) for n in (seen / "n_genes").read_text().split()] == list(
        sample.obs(CELLS)["n_genes"])
