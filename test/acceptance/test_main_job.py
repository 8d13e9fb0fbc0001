"""The main job, from outside: a file goes in, a question is asked, a matrix comes out that the
field's own readers open and that holds the same values."""
import json
import os

import anndata
import h5py
import numpy as np
import pandas
import pytest
import scipy.sparse as sparse

from cli import Stroma, read_any, read_parquet

FORMATS = ["h5ad", "zarr", "loom", "csv", "mtx"]


@pytest.fixture
def stroma(stroma_binary, tmp_path):
    return Stroma(stroma_binary, tmp_path / "data")


def dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


def equal_bits(a, b):
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def assert_same(a, b):
    """X, layers, raw, obs, var, obsm equal to the bit; uns has the same keys."""
    assert list(a.obs_names) == list(b.obs_names)
    assert list(a.var_names) == list(b.var_names)
    assert equal_bits(dense(a.X), dense(b.X))
    assert sparse.issparse(a.X) == sparse.issparse(b.X)
    assert set(a.layers) == set(b.layers)
    for name in a.layers:
        assert equal_bits(dense(a.layers[name]), dense(b.layers[name])), name
    assert set(a.obsm) == set(b.obsm)
    for name in a.obsm:
        assert equal_bits(np.asarray(a.obsm[name]), np.asarray(b.obsm[name])), name
    assert set(a.obsp) == set(b.obsp)
    for name in a.obsp:
        assert equal_bits(dense(a.obsp[name]), dense(b.obsp[name])), name
    pandas.testing.assert_frame_equal(a.obs, b.obs)
    pandas.testing.assert_frame_equal(a.var, b.var)
    assert set(a.uns) <= set(b.uns)
    assert (a.raw is None) == (b.raw is None)
    if a.raw is not None:
        assert equal_bits(dense(a.raw.X), dense(b.raw.X))
        pandas.testing.assert_frame_equal(a.raw.var, b.raw.var)


@pytest.mark.parametrize("format", ["h5ad", "zarr"])
def test_round_trip_of_pbmc68k_is_equal_to_the_bit(stroma, shared_data, tmp_path, format):
    source = shared_data / "cells" / "pbmc68k_reduced.h5ad"
    stroma.imported(source, "--name", "pbmc")
    first = stroma.matrix(tmp_path / f"first.{format}", "--dataset", "pbmc")
    read = anndata.read_h5ad if format == "h5ad" else anndata.read_zarr
    assert_same(anndata.read_h5ad(source), read(first))
    stroma.imported(first, "--name", "again")
    second = stroma.matrix(tmp_path / f"second.{format}", "--dataset", "again")
    assert_same(read(first), read(second))


def test_a_question_gives_the_same_matrix_in_every_format(stroma, made_h5ad, tmp_path):
    stroma.imported(made_h5ad, "--name", "made")
    source = anndata.read_h5ad(made_h5ad)
    chosen = source[(source.obs["cell_type"] == "B cell") & (source.obs["n"] > 20)]
    where = "cell_type = 'B cell' and n > 20"
    expected = sparse.csr_matrix(chosen.X, dtype=np.float64)
    for format in FORMATS:
        out = stroma.matrix(tmp_path / f"out.{format}", "--where", where)
        matrix, cells, genes = read_any(out)
        assert cells == list(chosen.obs_names), format
        assert genes == list(chosen.var_names), format
        assert (matrix != expected).nnz == 0, format
    out = stroma.matrix(tmp_path / "out.parquet", "--where", where)
    frame = read_parquet(out, tmp_path)
    assert frame["value"].astype(float).sum() == expected.sum()
    assert len(frame) == expected.nnz


def test_who_may_read_what_was_written_is_the_umasks_affair(stroma, made_h5ad, tmp_path):
    stroma.imported(made_h5ad, "--name", "made")
    before = os.umask(0o027)
    try:
        outputs = [stroma.matrix(tmp_path / f"out.{format}", "--where", "n > 20")
                   for format in ("h5ad", "zarr", "csv")]
        stroma.run("sql", "select 1", "--format", "csv", "-o", tmp_path / "one.csv")
    finally:
        os.umask(before)
    for path in [*outputs, *outputs[1].rglob("*"), tmp_path / "one.csv"]:
        assert path.stat().st_mode & 0o777 == (0o750 if path.is_dir() else 0o640), path


def test_cells_can_be_named_by_sql_and_by_a_filter_file(stroma, made_h5ad, tmp_path):
    stroma.imported(made_h5ad, "--name", "made")
    source = anndata.read_h5ad(made_h5ad)
    chosen = list(source.obs_names[source.obs["n"] < 30])
    by_sql = stroma.matrix(tmp_path / "sql.h5ad", "--sql", "select cell_id from obs where n < 30")
    (tmp_path / "filter.json").write_text(json.dumps({"op": "<", "field": "n", "value": 30}))
    by_filter = stroma.matrix(tmp_path / "filter.h5ad", "--filter", tmp_path / "filter.json")
    assert list(anndata.read_h5ad(by_sql).obs_names) == chosen
    assert list(anndata.read_h5ad(by_filter).obs_names) == chosen


def test_genes_and_fields_are_what_was_asked_for(stroma, made_h5ad, tmp_path):
    stroma.imported(made_h5ad, "--name", "made")
    source = anndata.read_h5ad(made_h5ad)
    out = stroma.matrix(tmp_path / "out.h5ad", "--where", "true", "--genes", "CD3D,G5",
                        "--fields", "n,cell_type")
    data = anndata.read_h5ad(out)
    assert list(data.var_names) == ["G3", "G5"]  # CD3D is the name of G3
    assert list(data.obs.columns) == ["n", "cell_type"]
    assert equal_bits(dense(data.X), dense(source[:, ["G3", "G5"]].X))


def test_a_selection_over_datasets_tells_zero_from_not_measured(stroma, make_h5ad, tmp_path):
    one = make_h5ad("one.h5ad", genes=["A", "B"], cells=["c1", "c2"], x=[[1, 0], [0, 2]])
    two = make_h5ad("two.h5ad", genes=["B", "C"], cells=["c1", "d1"], x=[[3, 0], [0, 4]])
    stroma.run("import", one, two)
    data = anndata.read_h5ad(stroma.matrix(tmp_path / "out.h5ad", "--where", "true"))
    assert list(data.var_names) == ["A", "B", "C"]
    values = {tuple(row) for row in dense(data.X)}
    assert values == {(1, 0, 0), (0, 2, 0), (0, 3, 0), (0, 0, 4)}
    assert len(set(data.obs_names)) == 4
    assert list(data.var["measured_in_all"].astype(str)) == ["False", "True", "False"]
    assert list(data.uns["measured_in"]["one"]) == [True, True, False]
    assert list(data.uns["measured_in"]["two"]) == [False, True, True]


def test_importing_again_changes_nothing_and_new_content_is_a_new_revision(stroma, make_h5ad):
    path = make_h5ad("same.h5ad", genes=["A"], cells=["c1"], x=[[1]])
    assert stroma.imported(path)["number"] == 1
    again = stroma.imported(path)
    assert again["already_loaded"] and again["number"] == 1
    path = make_h5ad("same.h5ad", genes=["A"], cells=["c1", "c2"], x=[[1], [5]])
    assert stroma.imported(path)["number"] == 2
    assert stroma.sql("select count(*) as n from obs") == [{"n": 2}]


def test_a_removed_dataset_is_gone_everywhere(stroma, make_h5ad):
    path = make_h5ad("gone.h5ad", genes=["A"], cells=["zebra-cell"], x=[[1]])
    stroma.imported(path)
    stroma.run("dataset", "remove", "gone")
    assert stroma.sql("select count(*) as n from obs") == [{"n": 0}]
    assert stroma.sql("select count(*) as n from var") == [{"n": 0}]
    assert stroma.run("dataset", "show", "gone", check=False).returncode != 0


@pytest.mark.parametrize("folder", ["1.2.0/filtered_gene_bc_matrices/hg19_chr21",
                                    "3.0.0/filtered_feature_bc_matrix",
                                    "1.2.0/filtered_gene_bc_matrices_h5.h5",
                                    "3.0.0/filtered_feature_bc_matrix.h5"])
def test_10x_output_is_read_in_all_its_forms(stroma, shared_data, tmp_path, folder):
    source = shared_data / "cells/scanpy/tests/_data/10x_data" / folder
    out = stroma.imported(source, "--name", "tenx")
    matrix, cells, genes = read_any(stroma.matrix(tmp_path / "out.h5ad", "--dataset", "tenx"))
    assert (out["cells"], out["genes"]) == matrix.shape == (len(cells), len(genes))
    assert matrix.sum() > 0 and matrix.nnz == out["nonzeros"]


def test_every_verb_answers_help_and_errors_have_exit_codes(stroma, tmp_path):
    for verb in ["import", "matrix", "sql", "serve", "dataset", "job", "backup", "restore",
                 "verify"]:
        done = stroma.run(verb, "--help")
        assert "xample" in done.stdout, verb
    missing = stroma.run("import", tmp_path / "nothing.h5ad", check=False)
    assert missing.returncode != 0 and "nothing.h5ad" in missing.stderr
    bad = stroma.run("sql", "select * from nowhere", check=False)
    assert bad.returncode != 0 and "nowhere" in bad.stderr


def test_backup_restores_and_verify_finds_a_flipped_bit(stroma_binary, stroma, made_h5ad, tmp_path):
    stroma.imported(made_h5ad, "--name", "made")
    stroma.run("backup", tmp_path / "copy")
    other = Stroma(stroma_binary, tmp_path / "other")
    other.run("restore", tmp_path / "copy")
    count = "select count(*) as n from obs"
    assert other.sql(count) == stroma.sql(count)
    other.run("verify")

    largest = max((os.path.join(folder, name)
                   for folder, _, names in os.walk(tmp_path / "other/objects")
                   for name in names), key=os.path.getsize)
    os.chmod(largest, 0o600)
    with open(largest, "r+b") as file:
        file.seek(os.path.getsize(largest) // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    found = other.run("verify", check=False)
    assert found.returncode != 0 and "made" in found.stdout + found.stderr


def test_a_later_store_is_refused_and_left_alone(stroma, made_h5ad):
    stroma.imported(made_h5ad, "--name", "made")
    path = os.path.join(stroma.data, "store.json")
    with open(path, "w") as file:
        file.write('{"format":999}\n')
    before = sorted((name, os.path.getmtime(os.path.join(stroma.data, name)))
                    for name in os.listdir(stroma.data))
    refused = stroma.run("sql", "select 1", check=False)
    assert refused.returncode != 0 and "later" in refused.stderr
    after = sorted((name, os.path.getmtime(os.path.join(stroma.data, name)))
                   for name in os.listdir(stroma.data))
    assert before == after
