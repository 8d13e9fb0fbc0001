"""10x HDF5 files of versions 2 and 3 against h5py and scipy."""

import h5py
import numpy as np
import pytest
import scipy.sparse as sparse

from compare import matrix_of


def texts(dataset):
    return [text.decode() for text in dataset[()]]


def dense(group):
    genes, cells = group["shape"][()]
    matrix = sparse.csc_matrix(
        (group["data"][()], group["indices"][()], group["indptr"][()]), shape=(genes, cells)
    )
    return matrix.T.toarray()


def write_genome(f, name, barcodes, genes, seed):
    matrix = sparse.random(len(genes), len(barcodes), 0.4, "csc", random_state=seed)
    group = f.create_group(name)
    group["barcodes"] = np.array(barcodes, dtype="S")
    group["genes"] = np.array(genes, dtype="S")
    group["gene_names"] = np.array([f"{gene}_name" for gene in genes], dtype="S")
    group["data"] = np.ceil(matrix.data * 5).astype(np.int32)
    group["indices"] = matrix.indices.astype(np.int64)
    group["indptr"] = matrix.indptr.astype(np.int64)
    group["shape"] = np.array(matrix.shape, dtype=np.int32)


def test_version_3_fixtures(shared, dump, detect):
    files = [path for path in sorted(shared.rglob("*.h5")) if "matrix" in h5py.File(path)]
    assert len(files) >= 3
    for path in files:
        assert detect(path) == ["10x-h5"]
        found = dump("10x-h5", path)
        with h5py.File(path) as f:
            group, features = f["matrix"], f["matrix/features"]
            assert found["obs"]["index"] == texts(group["barcodes"])
            assert found["var"]["index"] == texts(features["id"])
            columns = found["var"]["columns"]
            assert columns["feature_name"]["values"] == texts(features["name"])
            assert columns["feature_types"]["values"] == texts(features["feature_type"])
            assert columns["genome"]["values"] == texts(features["genome"])
            np.testing.assert_array_equal(matrix_of(found["matrices"]["X"]), dense(group))
            if "filtered_barcodes" in group:
                wanted = group["filtered_barcodes"][()].tolist()
                assert found["obs"]["columns"]["filtered_barcodes"]["values"] == wanted
            assert found["matrices"]["X"]["unit"] == "counts"


def test_version_2_fixture_of_one_genome(shared, dump):
    path = next(shared.rglob("filtered_gene_bc_matrices_h5.h5"))
    found = dump("10x-h5", path)
    with h5py.File(path) as f:
        group = f["hg19_chr21"]
        assert found["var"]["index"] == texts(group["genes"])
        np.testing.assert_array_equal(matrix_of(found["matrices"]["X"]), dense(group))
    assert found["uns"]["chemistry_description"]["values"] == ["Single Cell 3' v2"]
    assert "CLASS" not in found["uns"]


def test_version_2_fixture_of_two_genomes(shared, dump, detect):
    path = next(shared.rglob("multiple_genomes.h5"))
    assert detect(path) == ["10x-h5"]
    found = dump("10x-h5", path)
    with h5py.File(path) as f:
        wanted = np.hstack([dense(f["another_genome"]), dense(f["hg19_chr21"])])
    np.testing.assert_array_equal(matrix_of(found["matrices"]["X"]), wanted)
    assert set(found["var"]["columns"]["genome"]["values"]) == {"another_genome", "hg19_chr21"}


def test_genomes_with_different_cells_are_united(tmp_path, dump):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as f:
        write_genome(f, "hg19", ["c1", "c2", "c3", "c4"], ["hg19_a", "hg19_b", "hg19_c"], 1)
        write_genome(f, "mm10", ["c3", "c9", "c1"], ["mm10_a", "mm10_b"], 2)
        hg19, mm10 = dense(f["hg19"]), dense(f["mm10"])
    found = dump("10x-h5", path)
    assert found["obs"]["index"] == ["c1", "c2", "c3", "c4", "c9"]
    wanted = np.zeros((5, 5))
    wanted[:4, :3] = hg19
    wanted[[2, 4, 0], 3:] = mm10
    np.testing.assert_array_equal(matrix_of(found["matrices"]["X"]), wanted)


@pytest.mark.parametrize("part, message", [
    ("shape", "its shape is 3 × 9, but there are 3 genes and 4 cells"),
    ("gene_names", "genes and gene_names differ in length"),
    ("indices", "row 0 has the index 77, but there are only 3 genes"),
])
def test_what_does_not_fit_is_named(tmp_path, dump, refusal, part, message):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as f:
        write_genome(f, "hg19", ["c1", "c2", "c3", "c4"], ["a", "b", "c"], 1)
        group = f["hg19"]
        if part == "shape":
            group["shape"][1] = 9
        elif part == "indices":
            group["indices"][0] = 77
        else:
            del group["gene_names"]
            group["gene_names"] = np.array([b"x"])
    assert message in refusal("10x-h5", path)
