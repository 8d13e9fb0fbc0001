"""What lies in the files of the matrix API, and how the readers of its time open them."""
import gzip
import shutil
import subprocess
import zipfile

import anndata
import numpy as np
import pandas
import pytest
import scipy.io

from api import MatrixApi, ask, compare
from cli import OPTIMUS, read_any, read_parquet
from hca import (CELL, GENE, GENES, OTHER_GENE, SMARTSEQ2, TRANSCRIPT, TRANSCRIPTS, download,
                 make_smartseq2)

OPT = compare("=", "dss_bundle_fqid", OPTIMUS)
SS2 = compare("=", "dss_bundle_fqid", SMARTSEQ2)
FEATURES = ["featurekey", "featurename", "featuretype", "chromosome", "featurestart", "featureend",
            "isgene", "genus_species"]


@pytest.fixture(scope="module")
def api(start_module_server, run, whole_optimus, shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    run("import", whole_optimus, "--public", data=folder / "data")
    run("import", make_smartseq2(shared_data, folder), "--public", data=folder / "data")
    return MatrixApi(start_module_server(folder / "data"))


@pytest.fixture(scope="module")
def golden(expected):
    return expected["optimus_original"]["ge100"]


def zip_of(api, tmp_path, **more):
    """Its selection's id, its zip and the folder it unpacks to."""
    done = api.matrix(OPT, **more)
    folder = download(done, tmp_path)
    selection = done["query_hash"].split(".")[0]
    return selection, zipfile.ZipFile(folder.parent / (folder.name + ".zip")), folder


@pytest.mark.parametrize("format", ["loom", "csv", "mtx", "zarr", "h5ad"])
def test_19_transcripts_of_a_bundle_without_any_are_an_empty_file_of_16_cells(api, tmp_path,
                                                                              format):
    done = api.matrix(OPT, format=format, feature="transcript")
    assert (done["cells"], done["genes"], done["nonzeros"]) == (16, 0, 0)
    path = download(done, tmp_path)
    if format == "loom":  # loompy takes no empty matrix, so by its own layer
        import h5py
        with h5py.File(path) as file:
            assert file["matrix"].shape == (0, 16)
            assert file["col_attrs/CellID"].shape == (16,)
            assert file["row_attrs/Gene"].shape == (0,)
        return
    matrix, cells, genes = read_any(path)
    assert matrix.shape == (16, 0) and len(set(cells)) == 16 and genes == []


def test_19_transcripts_of_a_bundle_without_any_are_no_rows_in_parquet(api, tmp_path):
    done = api.matrix(OPT, format="parquet", feature="transcript")
    path = download(done, tmp_path)
    assert path.read_bytes()[:4] == b"PAR1" and len(read_parquet(path, tmp_path)) == 0


@pytest.mark.parametrize("format", ["loom", "csv", "mtx", "zarr", "h5ad"])
def test_19_ids_that_differ_only_behind_the_dot_are_added_up(api, tmp_path, format):
    matrix, cells, genes = read_any(download(api.matrix(SS2, format=format), tmp_path))
    assert cells == [CELL]
    values = dict(zip(genes, matrix.toarray()[0]))
    assert values == {GENE: 4.75, OTHER_GENE: 2.0, OTHER_GENE + "_PAR_Y": 8.0,
                      "ENSG00000000419": 0.0}
    assert matrix.sum() == sum(count for _, count in GENES)
    matrix, _, names = read_any(
        download(api.matrix(SS2, format=format, feature="transcript"), tmp_path))
    assert dict(zip(names, matrix.toarray()[0])) == {TRANSCRIPT: 3.5, "ENST00000371582": 7.0}
    assert matrix.sum() == sum(count for _, count in TRANSCRIPTS)


def test_19_outside_the_api_every_id_stays_as_it_came(api, run_json):
    statement = "select gene_id, featurekey from var where dataset = '%s'" % SMARTSEQ2.split(".")[0]
    rows = api.sql(statement)
    assert sorted(row[0] for row in rows) == sorted(name for name, _ in GENES + TRANSCRIPTS)


def test_21_the_csv_zip_is_three_deflated_files_that_fit(api, tmp_path, golden):
    selection, archive, folder = zip_of(api, tmp_path, format="csv")
    assert folder.name == f"{selection}.csv"
    assert sorted(archive.namelist()) == [f"{selection}.csv/{name}.csv"
                                          for name in ["cells", "expression", "genes"]]
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    expression = pandas.read_csv(folder / "expression.csv", index_col=0)
    cells = pandas.read_csv(folder / "cells.csv", index_col=0)
    genes = pandas.read_csv(folder / "genes.csv", keep_default_na=False)
    assert expression.index.name == "cellkey" and len(expression) == 16
    assert expression.to_numpy().sum() == golden["sum"]
    assert list(cells.index) == list(expression.index)
    assert list(genes.columns) == FEATURES and list(genes.featurekey) == list(expression.columns)


def test_22_the_mtx_zip_is_five_files_packed_once(api, tmp_path):
    selection, archive, folder = zip_of(api, tmp_path, format="mtx")
    assert sorted(archive.namelist()) == [
        f"{selection}.mtx/{name}.gz" for name in
        ["barcodes.tsv", "cells.tsv", "features.tsv", "genes.tsv", "matrix.mtx"]]
    assert all(info.compress_size >= info.file_size for info in archive.infolist())
    with gzip.open(folder / "matrix.mtx.gz", "rt") as file:
        kind, sizes, *entries = file.read().splitlines()
    assert kind.startswith("%%MatrixMarket matrix coordinate ") and kind.endswith(" general")
    assert sizes.split() == ["56648", "16", "1641"] and len(entries) == 1641
    features = pandas.read_csv(folder / "features.tsv.gz", sep="\t", header=None)
    assert features.shape == (56648, 9) and set(features[2]) == {"Gene Expression"}
    genes = pandas.read_csv(folder / "genes.tsv.gz", sep="\t", keep_default_na=False)
    assert list(genes.columns) == FEATURES
    barcodes = pandas.read_csv(folder / "barcodes.tsv.gz", sep="\t", header=None)
    assert barcodes.shape == (16, 1) and barcodes[0].is_unique


def test_22_the_folder_opens_by_the_steps_of_scanpy(api, tmp_path, golden):
    """Those of scanpy.read_10x_mtx for a folder of version 3; scanpy is no Debian package."""
    folder = zip_of(api, tmp_path, format="mtx")[2]
    data = anndata.AnnData(scipy.io.mmread(str(folder / "matrix.mtx.gz")).tocsr().T,
                           dtype="float32")
    features = pandas.read_csv(folder / "features.tsv.gz", header=None, sep="\t",
                               keep_default_na=False)
    data.var_names = anndata.utils.make_index_unique(pandas.Index(features[1].values))
    data.var["gene_ids"] = features[0].values
    data.var["feature_types"] = features[2].values
    data.obs_names = pandas.read_csv(folder / "barcodes.tsv.gz", header=None)[0].values
    data = data[:, data.var["feature_types"] == "Gene Expression"]
    assert data.shape == (16, 56648) and data.obs_names.is_unique
    assert data.X.sum() == golden["sum"] and data.X.count_nonzero() == golden["nonzero"]
    for row in golden["rows"]:
        assert data[row["barcode"]].X.sum() == row["total_umis"]


def test_22_smartseq2_cells_have_a_barcode_each_too(api, tmp_path):
    both = {"op": "or", "value": [OPT, SS2]}
    folder = download(api.matrix(both, format="mtx"), tmp_path)
    barcodes = pandas.read_csv(folder / "barcodes.tsv.gz", header=None, keep_default_na=False)[0]
    assert len(barcodes) == 17 and barcodes.is_unique and (barcodes != "").all()


READ_10X = """
suppressMessages(library(Matrix))
folder <- commandArgs(TRUE)[1]
data <- readMM(gzfile(file.path(folder, "matrix.mtx.gz")))
cells <- readLines(gzfile(file.path(folder, "barcodes.tsv.gz")))
features <- read.delim(gzfile(file.path(folder, "features.tsv.gz")), header = FALSE,
                       stringsAsFactors = FALSE)
stopifnot(!anyNA(features[, 2]), ncol(features) > 2)
rownames(data) <- make.unique(features[, 2])
colnames(data) <- cells
data <- data[features$V3 == "Gene Expression", , drop = FALSE]
data <- as(data, "CsparseMatrix")
cat(dim(data), sum(data), length(data@x), length(unique(colnames(data))), "\\n")
"""
# What HCAMatrixBrowser did with the zip: no paths, sizes in line 2, entries by scan from line 3.
IMPORT_MTXZIP = """
suppressMessages({library(Matrix); library(SingleCellExperiment)})
into <- tempfile()
unzip(commandArgs(TRUE)[1], exdir = into, junkpaths = TRUE)
table <- function(name, ...) read.delim(file.path(into, name), sep = "\\t",
                                        stringsAsFactors = FALSE, ...)
features <- table("features.tsv.gz", header = FALSE, row.names = 1)
cells <- table("cells.tsv.gz", header = TRUE, row.names = "cellkey")
if (!"barcode" %in% names(cells))
    cells <- cbind(cells, table("barcodes.tsv.gz", header = FALSE, blank.lines.skip = FALSE,
                                col.names = "barcode"))
matrix <- file.path(into, "matrix.mtx.gz")
sizes <- as.integer(strsplit(readLines(matrix, 2L)[2], " ")[[1]][1:2])
entries <- scan(matrix, list(integer(), integer(), numeric()), skip = 2, quiet = TRUE)
counts <- sparseMatrix(entries[[1]], entries[[2]], x = entries[[3]], dims = sizes)
data <- SingleCellExperiment(assays = list(counts = counts), colData = cells, rowData = features)
cat(dim(data), sum(counts(data)), length(counts(data)@x), length(unique(data$barcode)), "\\n")
"""


@pytest.fixture
def run_r(skip):
    """run_r(script, …) → what an R script prints, as numbers."""
    return lambda *words, **options: printed_by_r(skip, *words, **options)


def printed_by_r(skip, script, *arguments, package="Matrix"):
    if shutil.which("Rscript") is None or subprocess.run(
            ["Rscript", "-e", f"library({package})"], capture_output=True).returncode != 0:
        skip(f"R with the package {package} isn't installed")
    done = subprocess.run(["Rscript", "-", *map(str, arguments)], input=script, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


def test_22_the_folder_opens_by_the_steps_of_seurats_read10x(api, tmp_path, golden, run_r):
    folder = zip_of(api, tmp_path, format="mtx")[2]
    assert run_r(READ_10X, folder) == [56648, 16, golden["sum"], golden["nonzero"], 16]


@pytest.mark.parametrize("more", [{}, {"fields": ["total_umis"]}], ids=["default", "one"])
def test_26_the_zip_opens_by_the_steps_of_hcamatrixbrowser(api, tmp_path, golden, run_r,
                                                                 more):
    _, archive, _ = zip_of(api, tmp_path, format="mtx", **more)
    assert run_r(IMPORT_MTXZIP, archive.filename, package="SingleCellExperiment") == [
        56648, 16, golden["sum"], golden["nonzero"], 16]


# The cells of the notebook "HCA Matrix Service to Seurat" between the download and Seurat itself.
SEURAT_NOTEBOOK = """
folder <- paste0(commandArgs(TRUE)[1], "/")
raw_counts <- t(read.table(file = paste0(folder, "expression.csv"), sep = ",", header = T,
                           row.names = 1))
cells <- read.table(file = paste0(folder, "cells.csv"), sep = ",", header = T, row.names = 1)
stopifnot(identical(colnames(raw_counts), rownames(cells)))
cat(dim(raw_counts), sum(raw_counts), dim(cells)[1], "\\n")
"""


def test_25_the_csv_folder_opens_as_in_the_seurat_notebook(api, tmp_path, golden, run_r):
    folder = zip_of(api, tmp_path, format="csv")[2]
    assert run_r(SEURAT_NOTEBOOK, folder) == [56648, 16, golden["sum"], 16]


def test_23_the_old_zarr_layout_comes_on_request(api, tmp_path, golden):
    import zarr
    done = api.matrix(OPT, format="zarr", layout="hca-v1")
    group = zarr.open(str(download(done, tmp_path)), mode="r")
    assert set(group) == {"expression", "cell_id", "gene_id", "cell_metadata_numeric",
                          "cell_metadata_numeric_name", "cell_metadata_string",
                          "cell_metadata_string_name"}
    expression = group["expression"]
    assert expression.dtype == "<f4" and expression.shape == (16, 56648)
    assert expression.chunks == (3000, 56648)
    assert (expression.compressor.cname, expression.compressor.clevel,
            expression.compressor.shuffle) == ("lz4", 5, 1)
    assert group["cell_id"].dtype == "<U64" and group["gene_id"].dtype.kind == "U"
    values = expression[:]
    assert values.sum() == golden["sum"] and np.count_nonzero(values) == golden["nonzero"]
    assert sorted(group["cell_id"][:]) == sorted(row["cellkey"] for row in golden["rows"])
    names = list(group["cell_metadata_numeric_name"][:])
    totals = group["cell_metadata_numeric"][:, names.index("total_umis")]
    assert sorted(totals) == sorted(row["total_umis"] for row in golden["rows"])


def test_23_the_zarr_of_today_opens_by_anndata(api, tmp_path, golden):
    data = anndata.read_zarr(str(download(api.matrix(OPT, format="zarr"), tmp_path)))
    assert data.shape == (16, 56648) and data.X.sum() == golden["sum"]


def test_24_every_format_of_one_selection_agrees(api, tmp_path, golden):
    seen = set()
    for format in ["loom", "csv", "mtx", "h5ad", "zarr"]:
        done = api.matrix(OPT, format=format)
        matrix, cells, genes = read_any(download(done, tmp_path))
        assert (done["cells"], done["genes"], done["nonzeros"]) == (
            len(cells), len(genes), matrix.count_nonzero())
        seen.add((matrix.sum(), matrix.count_nonzero(), tuple(sorted(cells)),
                  tuple(sorted(genes))))
    assert len(seen) == 1
    rows = read_parquet(download(api.matrix(OPT, format="parquet"), tmp_path), tmp_path)
    [(total, nonzeros, cells, genes)] = seen
    assert rows["value"].sum() == total and len(rows) == nonzeros
    assert set(rows["cell_id"]) == set(cells) and set(rows["gene_id"]) <= set(genes)


def test_25_the_scanpy_notebook_runs_with_only_host_and_filter_changed(api, tmp_path, golden):
    """The cells of "HCA Matrix Service to Scanpy" up to the AnnData, by its own calls."""
    requests = pytest.importorskip("requests")
    MATRIX_URL = api.url + "/v1"
    assert len(requests.get(MATRIX_URL + "/filters").json()) == 43
    for name, kind in [("project.project_core.project_short_name", "categorical"),
                       ("genes_detected", "numeric"),
                       ("analysis_protocol.protocol_core.protocol_id", "categorical")]:
        assert requests.get(MATRIX_URL + "/filters/" + name).json()["field_type"] == kind
    resp = requests.post(
        MATRIX_URL + "/matrix",
        json={"filter":
              {"op": "and",
               "value": [
                   {"op": "=",
                    "value": "Synthetic Optimus Pipeline Testing Dataset 4kpbmc 200K",
                    "field": "project.project_core.project_short_name"},
                   {"op": ">=",
                    "value": 88,
                    "field": "genes_detected"}
               ]
              }})
    while True:
        status_resp = requests.get(MATRIX_URL + "/matrix/" + resp.json()["request_id"])
        if status_resp.json()["status"] == "Complete":
            break
        api.follow_job(status_resp.json()["job"])  # where the notebook sleeps
    matrix_response = requests.get(status_resp.json()["matrix_url"], stream=True)
    matrix_zip_filename = tmp_path / status_resp.json()["matrix_url"].rsplit("/", 1)[1]
    with open(matrix_zip_filename, 'wb') as matrix_zip_file:
        shutil.copyfileobj(matrix_response.raw, matrix_zip_file)
    matrix_loom_filename = str(matrix_zip_filename).rstrip(".zip")
    adata = anndata.read_loom(matrix_loom_filename, var_names="Accession", sparse=True)
    assert adata.shape == (16, 56648) and adata.X.sum() == golden["sum"]
    assert set(adata.obs["project.project_core.project_short_name"]) == {
        "Synthetic Optimus Pipeline Testing Dataset 4kpbmc 200K"}
    assert "Gene" in adata.var


def test_25_the_loom_is_laid_out_as_the_bioconductor_notebook_reads_it(api, tmp_path, golden):
    """LoomExperiment is no Debian package: what its import reads is looked at by h5py."""
    import h5py
    with h5py.File(download(api.matrix(OPT, format="loom"), tmp_path)) as file:
        assert set(file) == {"matrix", "layers", "row_attrs", "col_attrs", "row_graphs",
                             "col_graphs"}
        genes, cells = file["matrix"].shape
        assert (genes, cells) == (56648, 16) and file["matrix"][:].sum() == golden["sum"]
        assert {len(column) for column in file["row_attrs"].values()} == {genes}
        assert {len(column) for column in file["col_attrs"].values()} == {cells}
        assert {"CreationDate", "LOOM_SPEC_VERSION", "last_modified"} <= set(file.attrs)


# Every operation that HCAMatrixBrowser calls by its id, and where the old service had it.
OPERATIONS = {
    "matrix.lambdas.api.v0.core.post_matrix": ("post", "/v0/matrix"),
    "matrix.lambdas.api.v0.core.get_matrix": ("get", "/v0/matrix/{request_id}"),
    "matrix.lambdas.api.v0.core.get_formats": ("get", "/v0/matrix/formats"),
    "matrix.lambdas.api.v1.core.post_matrix": ("post", "/v1/matrix"),
    "matrix.lambdas.api.v1.core.get_matrix": ("get", "/v1/matrix/{request_id}"),
    "matrix.lambdas.api.v1.core.get_filters": ("get", "/v1/filters"),
    "matrix.lambdas.api.v1.core.get_filter_detail": ("get", "/v1/filters/{filter_name}"),
    "matrix.lambdas.api.v1.core.get_formats": ("get", "/v1/formats"),
    "matrix.lambdas.api.v1.core.get_format_detail": ("get", "/v1/formats/{format_name}"),
    "matrix.lambdas.api.v1.core.get_features": ("get", "/v1/features"),
    "matrix.lambdas.api.v1.core.get_feature_detail": ("get", "/v1/features/{feature_name}"),
    "matrix.lambdas.api.v1.core.get_fields": ("get", "/v1/fields"),
    "matrix.lambdas.api.v1.core.get_field_detail": ("get", "/v1/fields/{field_name}")}


class ByOperation:
    """A client made from the description alone, as rapiclient makes one (which isn't in Debian)."""

    def __init__(self, api):
        self.url, document = api.url, api.get("/openapi.json").json()
        self.operations = {operation["operationId"]: (method, path)
                           for path, methods in document["paths"].items()
                           for method, operation in methods.items() if "operationId" in operation}

    def call(self, operation, body=None, **parameters):
        method, path = self.operations[operation]
        answer = ask(self.url + path.format(**parameters), method.upper(), body,
                     {"Content-Type": "application/json", "Accept": "application/json"})
        assert answer.status in (200, 202), answer.content
        return answer.json()


def test_26_the_operation_ids_are_kept(api):
    operations = ByOperation(api).operations
    assert {name: operations[name] for name in OPERATIONS} == OPERATIONS


def test_26_the_calls_of_hcamatrixbrowser_give_16_cells(api, tmp_path, golden):
    """Its calls in its order: catalogue, a v0 order by bundles, polled by v1's get_matrix."""
    client = ByOperation(api)
    v0, v1 = "matrix.lambdas.api.v0.core.", "matrix.lambdas.api.v1.core."
    assert "genes_detected" in client.call(v1 + "get_filters")
    assert client.call(v1 + "get_filter_detail", filter_name="genes_detected")["maximum"] >= 171
    assert {"loom", "csv", "mtx"} <= set(client.call(v0 + "get_formats"))
    assert "Loom" in client.call(v1 + "get_format_detail", format_name="loom")
    assert client.call(v1 + "get_features") == ["gene", "transcript"]
    assert client.call(v1 + "get_feature_detail", feature_name="gene")["feature"] == "gene"
    request = client.call(v0 + "post_matrix", {"bundle_fqids": [OPTIMUS]})["request_id"]
    while (status := client.call(v1 + "get_matrix", request_id=request))["status"] == "In Progress":
        api.follow_job(status["job"])
    assert status["status"] == "Complete"
    matrix, cells, _ = read_any(download(status, tmp_path))
    assert len(cells) == 16 and matrix.sum() == golden["sum"]


def test_26_its_filter_on_several_bundles_is_understood(api):
    done = api.matrix(compare("in", "dss_bundle_fqid", [OPTIMUS, SMARTSEQ2]), format="mtx")
    assert done["status"] == "Complete" and done["cells"] == 17
