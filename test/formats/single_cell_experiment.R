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

# h5ad and Loom stay on the disk, as delayed arrays, with the embedding beside them.
h5ad <- SingleCellExperiment(
    assays = list(counts = suppressWarnings(H5ADMatrix(at("x.h5ad")))),
    colData = DataFrame(n_genes = as.integer(h5read(at("x.h5ad"), "obs/n_genes"))),
    reducedDims = list(UMAP = t(h5read(at("x.h5ad"), "obsm/X_umap"))))
see("h5ad", counts(h5ad))
see("umap", reducedDim(h5ad, "UMAP"))
stopifnot(identical(h5ad$n_genes, as.integer(csv$n_genes)))
loom <- SingleCellExperiment(assays = list(counts = t(HDF5Array(at("x.loom"), "matrix"))))
see("loom", counts(loom))
