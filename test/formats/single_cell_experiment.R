# Opens what Stroma wrote as a SingleCellExperiment, by Bioconductor's own readers, and writes down
# what they saw:   Rscript single_cell_experiment.R FOLDER
# FOLDER holds x.mtx/, x.csv/, x.h5ad and x.loom of the same cells; results go to FOLDER/seen/.
suppressMessages({
    library(DropletUtils)
    library(HDF5Array)
    library(SingleCellExperiment)
})
folder <- commandArgs(TRUE)[1]
at <- function(...) file.path(folder, ...)
dir.create(at("seen"))
see <- function(name, matrix) {
    write.table(as.matrix(matrix), at("seen", name), row.names = FALSE, col.names = FALSE)
}

# The 10x folder: DropletUtils makes the SingleCellExperiment by itself.
tenx <- suppressWarnings(read10xCounts(at("x.mtx"), col.names = TRUE))
stopifnot(is(tenx, "SingleCellExperiment"))
see("mtx", counts(tenx))
writeLines(colnames(tenx), at("seen", "barcodes"))
writeLines(rowData(tenx)$ID, at("seen", "genes"))

# CSV: the counts with what is known of cells and genes beside them.
read <- function(name) read.csv(at("x.csv", name), row.names = 1, check.names = FALSE)
csv <- SingleCellExperiment(
    assays = list(counts = t(as.matrix(read("expression.csv")))),
    colData = DataFrame(read("cells.csv"), check.names = FALSE),
    rowData = DataFrame(read("genes.csv"), check.names = FALSE))
see("csv", counts(csv))
writeLines(as.character(csv$n_genes), at("seen", "n_genes"))

# h5ad: X is compressed by cell, which R holds as the columns. (H5ADMatrix of Bioconductor 3.16 can't
# open what anndata 0.8 writes either.) The embedding lies beside the counts.
part <- function(name) as.vector(h5read(at("x.h5ad"), name))
counts_by_cell <- Matrix::sparseMatrix(
    i = part("X/indices"), p = part("X/indptr"), x = as.numeric(part("X/data")), index1 = FALSE,
    dims = dim(csv))
h5ad <- SingleCellExperiment(
    assays = list(counts = counts_by_cell),
    colData = DataFrame(n_genes = as.integer(h5read(at("x.h5ad"), "obs/n_genes"))),
    reducedDims = list(UMAP = t(h5read(at("x.h5ad"), "obsm/X_umap"))))
see("h5ad", counts(h5ad))
see("umap", reducedDim(h5ad, "UMAP"))
stopifnot(identical(h5ad$n_genes, as.integer(csv$n_genes)))
# Loom stays on the disk, as a delayed array.
loom <- SingleCellExperiment(assays = list(counts = t(HDF5Array(at("x.loom"), "matrix"))))
see("loom", counts(loom))
