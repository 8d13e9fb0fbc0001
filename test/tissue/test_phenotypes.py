"""Gates, phenotypes and interactions of a real table of cells against scimap's own results and the
exact tables of the reference; groups and layouts of made-up ones."""
import anndata
import numpy as np
import pandas
import pytest
from scipy import spatial, stats

PHENOTYPES = {"Immune": 4746, "ECAD+": 3014, "Unknown": 2279, "SMA+": 602, "Treg": 282,
              "Other myeloid cells": 193, "NK cells": 66, "Dendritic cells": 19}


@pytest.fixture(scope="session")
def exemplar(shared_data):
    return shared_data / "images/mcmicro_exemplar001"


@pytest.fixture
def gated(step, exemplar):
    return step("gate", {"cells": exemplar / "exemplar-001--unmicst_cell.csv",
                         "gates": exemplar / "manual_gates.csv",
                         "workflow": exemplar / "phenotype_workflow.csv"}, output="gated")


def test_scimap_s_tables_come_out(step, gated, exemplar):
    cells = anndata.read_h5ad(gated["folder"] / "cells.h5ad")
    expected = pandas.read_csv(exemplar / "expected/scimap_rescaled.csv")
    for marker in expected.columns[:-1]:
        found = cells[:, marker].layers["gated"].ravel()
        np.testing.assert_allclose(found, expected[marker], atol=2e-6, err_msg=marker)
    names = pandas.read_csv(exemplar / "expected/scimap_phenotype.csv")["phenotype"]
    assert list(cells.obs["phenotype"]) == list(names)
    assert gated["summary"] == PHENOTYPES
    windows = step("neighbourhoods", {"cells": gated["folder"] / "cells.h5ad"},
                   {"graph": "radius", "radius": 70, "with_itself": False})
    shares = anndata.read_h5ad(windows["folder"] / "cells.h5ad").obsm["window_shares"]
    expected = pandas.read_csv(exemplar / "expected/scimap_spatial_count_r70.csv", index_col=0)
    np.testing.assert_allclose(shares, expected, atol=1e-6)


def test_a_tree_says_the_same_as_the_workflow(step, gated, exemplar):
    gates = pandas.read_csv(exemplar / "manual_gates.csv", index_col=0).iloc[:, 0]
    tree = {"ECAD+": {"pos": "ECAD"},
            "Immune": {"pos": ["CD45"], "types": {
                "NK cells": {"allpos": ["CD57", "CD16"], "neg": ["CD11B"]},
                "Other myeloid cells": {"pos": ["CD11B"], "types": {
                    "Dendritic cells": {"allneg": ["CD57", "CD16"]}}},
                "Treg": {"pos": ["FOXP3"]}}},
            "SMA+": {"pos": ["SMA"]}}
    made = step("gate", {"cells": exemplar / "exemplar-001--unmicst_cell.csv"},
                {"gates": gates.to_dict(), "tree": tree})
    assert made["summary"] == PHENOTYPES


def test_gates_that_nobody_says_part_two_kinds_of_cells(step, tmp_path):
    rng = np.random.default_rng(3)
    high = rng.random(4000) < 0.3
    values = np.exp(np.where(high, rng.normal(8, 0.3, 4000), rng.normal(5.5, 0.5, 4000)))
    pandas.DataFrame({"CellID": range(4000), "CD3": values}).to_csv(tmp_path / "t.csv", index=False)
    made = step("gate", {"cells": tmp_path / "t.csv"}, {"tree": {"T": {"pos": ["CD3"]}}})
    cells = anndata.read_h5ad(made["folder"] / "cells.h5ad")
    assert np.mean((cells.obs["phenotype"] == "T") == high) > 0.99


@pytest.mark.parametrize("name, graph", [
    ("knn6", {"graph": "nearest", "neighbours": 6}),
    ("radius30", {"graph": "radius", "radius": 30}),
    ("delaunay", {"graph": "delaunay"})])
def test_the_exact_enrichment_is_the_reference_s(step, gated, exemplar, name, graph):
    made = step("interactions", {"cells": gated["folder"] / "cells.h5ad"}, graph)
    found = pandas.read_csv(made["folder"] / "interactions.csv")
    expected = pandas.read_csv(exemplar / f"expected/nhood_exact_{name}.csv")
    assert list(found["source"]) == list(expected["source"])
    assert list(found["target"]) == list(expected["target"])
    assert np.array_equal(found["count"], expected["count"])
    for column, theirs in (("mean", "null_mean"), ("sd", "null_sd"), ("z", "z")):
        np.testing.assert_allclose(found[column], expected[theirs], rtol=1e-6, atol=1e-8)


def test_scimap_s_interactions_come_out_without_its_shuffles(step, gated, exemplar):
    made = step("interactions", {"cells": gated["folder"] / "cells.h5ad"},
                {"graph": "radius", "radius": 70})
    found = pandas.read_csv(made["folder"] / "interactions.csv")
    theirs = pandas.read_csv(exemplar / "expected/scimap_spatial_interaction_r70.csv")
    assert list(found["source"]) == list(theirs["phenotype"])
    np.testing.assert_allclose(found["scimap"], theirs.iloc[:, 2], rtol=1e-9)
    # Theirs is of 1,000 shuffles.
    z, their_z = stats.norm.isf(found["scimap_p"] / 2), stats.norm.isf(theirs.iloc[:, 3] / 2)
    known = np.isfinite(their_z)
    assert known.sum() > 50
    z, their_z = z[known], their_z[known]
    assert np.all(np.abs(z - their_z) < 0.15 * np.maximum(1, z))


def test_shuffles_come_to_the_exact_values(step, tmp_path):
    rng = np.random.default_rng(5)
    table = pandas.DataFrame({"CellID": range(600), "CD3": rng.random(600),
                              "X_centroid": rng.random(600) * 300,
                              "Y_centroid": rng.random(600) * 200})
    table["phenotype"] = np.where(table["X_centroid"] + rng.normal(0, 80, 600) > 150, "A", "B")
    table.to_csv(tmp_path / "t.csv", index=False)
    made = step("interactions", {"cells": tmp_path / "t.csv"}, {"shuffles": 4000, "seed": 1})
    found = pandas.read_csv(made["folder"] / "interactions.csv")
    np.testing.assert_allclose(found["shuffled_z"], found["z"], rtol=0.06, atol=0.1)
    places = table[["X_centroid", "Y_centroid"]].to_numpy()
    near = spatial.cKDTree(places).query(places, 7)[1][:, 1:]
    kinds = table["phenotype"].to_numpy()
    # histoCAT: neighbours of the kind over those cells that have one.
    counts = (kinds[near] == "B").sum(1)[kinds == "A"]
    histocat = found.set_index(["source", "target"])["histocat"]["A", "B"]
    assert histocat == pytest.approx(counts[counts > 0].mean())
    assert (found["histocat_p_low"] <= 1).all() and (found["histocat_p_high"] > 0).all()


def planted(tmp_path, kinds=5, cells=1500):
    rng = np.random.default_rng(11)
    centres = rng.normal(0, 4, (kinds, 8))
    truth = rng.integers(0, kinds, cells)
    values = np.exp(3 + centres[truth] * 0.5 + rng.normal(0, 0.25, (cells, 8)))
    table = pandas.DataFrame(values, columns=[f"M{i}" for i in range(8)])
    table.insert(0, "CellID", range(cells))
    table.to_csv(tmp_path / "planted.csv", index=False)
    return tmp_path / "planted.csv", truth


@pytest.mark.parametrize("parameters", [{"method": "leiden", "resolution": 0.3},
                                        {"method": "kmeans", "clusters": 5}])
def test_planted_kinds_of_cells_are_found_again(step, tmp_path, parameters):
    path, truth = planted(tmp_path)
    made = step("cluster", {"cells": path}, {"transform": "log1p", **parameters})
    cells = anndata.read_h5ad(made["folder"] / "cells.h5ad")
    found = cells.obs["cluster"].to_numpy()
    assert made["summary"]["clusters"] == 5
    assert len({*zip(found, truth)}) == 5
    again = step("embed", {"cells": made["folder"] / "cells.h5ad"}, {"transform": "log1p"}, "again")
    places = anndata.read_h5ad(again["folder"] / "cells.h5ad").obsm["X_umap"]
    nearest = spatial.cKDTree(places).query(places, 6)[1][:, 1:]
    assert np.mean(truth[nearest] == truth[:, None]) > 0.95


def test_the_cells_of_several_files_are_grouped_together(step, tmp_path):
    """Two slides, measured apart, of which the second has a kind and a column more."""
    rng = np.random.default_rng(5)
    paths = []
    for number, kinds in enumerate([[0, 1], [0, 1, 2]]):
        kind = np.repeat(kinds, 100)
        cells = anndata.AnnData(
            (np.eye(3)[kind] * 20 + rng.normal(10, 0.5, (len(kind), 3))).astype(np.float32),
            obs=pandas.DataFrame({"area": rng.random(len(kind))},
                                 index=[f"cell_{i}" for i in range(len(kind))]),
            var=pandas.DataFrame(index=["A", "B", "C"]))
        cells.obs["kind"] = pandas.Categorical([f"k{one}" for one in kind])
        if number == 1:
            cells.obs["late"] = rng.random(len(kind))
        cells.obsm["spatial"] = rng.random((len(kind), 2)) * 100
        paths.append(tmp_path / f"slide{number}.h5ad")
        cells.write_h5ad(paths[-1])
    made = step("cluster", {"cells": paths}, {"transform": "none"}, output="all")
    cells = anndata.read_h5ad(made["folder"] / "cells.h5ad")
    assert cells.n_obs == 500 and cells.obs_names.is_unique
    assert list(cells.obs["image"]) == ["slide0"] * 200 + ["slide1"] * 300
    assert cells.obs["late"].isna().sum() == 200
    originals = [anndata.read_h5ad(path) for path in paths]
    np.testing.assert_array_equal(np.asarray(cells.X),
                                  np.concatenate([one.X for one in originals]))
    clusters = cells.obs.groupby("cluster", observed=True)
    assert (clusters["kind"].nunique() == 1).all()
    assert (cells.obs[cells.obs["kind"] != "k2"].groupby("cluster", observed=True)["image"]
            .nunique() == 2).all()
    table = pandas.read_csv(step("interactions", {"cells": [made["folder"] / "cells.h5ad"]},
                                 {"kind": "kind"})["folder"] / "interactions.csv")
    assert set(table["image"]) == {"slide0", "slide1", "(all)"}
    other = anndata.AnnData(np.ones((20, 1), np.float32), var=pandas.DataFrame(index=["A"]))
    other.write_h5ad(tmp_path / "other.h5ad")
    refused = step("cluster", {"cells": [paths[0], tmp_path / "other.h5ad"]}, refused=65)
    assert "markers" in refused["message"]
