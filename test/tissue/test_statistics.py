"""Frequencies, distances and neighbourhoods against scipy and plain numpy."""
import anndata
import numpy as np
import pandas
import pytest
from scipy import spatial, stats


@pytest.fixture
def tissue(tmp_path):
    """Six images of two groups; kind A clusters, and is more frequent in the second group."""
    rng = np.random.default_rng(2)
    tables = []
    for image in range(6):
        share = 0.2 + 0.05 * image
        count = 250 + 10 * image
        x, y = rng.random(count) * 400, rng.random(count) * 300
        near = np.hypot(x - 200, y - 150) < 400 * share
        kind = np.where(near & (rng.random(count) < 0.8), "A",
                        np.where(rng.random(count) < 0.5, "B", "C"))
        tables.append(pandas.DataFrame({
            "CellID": [f"{image}_{i}" for i in range(count)], "CD3": rng.random(count),
            "X_centroid": x, "Y_centroid": y, "image": f"image {image}", "phenotype": kind}))
    table = pandas.concat(tables)
    table.to_csv(tmp_path / "tissue.csv", index=False)
    pandas.DataFrame({"sample": [f"image {i}" for i in range(6)],
                      "patient": ["p1", "p1", "p2", "p2", "p3", "p3"],
                      "arm": ["old"] * 3 + ["new"] * 3}).to_csv(tmp_path / "samples.csv",
                                                                index=False)
    return tmp_path / "tissue.csv", tmp_path / "samples.csv", table


def test_frequencies_have_intervals_and_tests_over_samples(step, tissue):
    path, samples, table = tissue
    made = step("frequencies", {"cells": path, "samples": samples},
                {"also_by": ["patient"], "group": "arm"})
    found = pandas.read_csv(made["folder"] / "frequencies.csv")
    counts = table.groupby(["image", "phenotype"]).size()
    of_images = found[found["level"] == "image"].set_index(["name", "kind"])
    assert (of_images["count"] == counts.reindex(of_images.index, fill_value=0)).all()
    for row in of_images.itertuples():
        interval = stats.binomtest(int(row.count), int(row.total)).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx(interval, rel=1e-9)
    patients = found[found["level"] == "patient"].groupby("name")["count"].sum()
    assert patients["p1"] == 250 + 260 and patients.sum() == len(table)
    tests = pandas.read_csv(made["folder"] / "tests.csv").set_index("kind")
    shares = of_images["share"].unstack("kind")
    for kind in "ABC":
        p = stats.mannwhitneyu(shares[kind][3:], shares[kind][:3]).pvalue
        assert tests.loc[kind, "p_rank_sum"] == pytest.approx(p)
        exchanged = stats.permutation_test(
            (shares[kind][3:], shares[kind][:3]), lambda a, b: np.mean(a) - np.mean(b),
            n_resamples=np.inf).pvalue
        assert tests.loc[kind, "p_exchange"] == pytest.approx(exchanged)
    assert (tests["p_adjusted"] >= tests["p_rank_sum"] - 1e-12).all()


def test_co_occurrence_and_ripley_are_brute_force_s(step, tissue):
    path, _, table = tissue
    radii = [10, 25.5, 60]
    made = step("distances", {"cells": path}, {"radii": radii, "simulations": 39})
    found = pandas.read_csv(made["folder"] / "co_occurrence.csv").set_index(
        ["image", "from", "kind", "radius"])["ratio"]
    curves = pandas.read_csv(made["folder"] / "ripley.csv").set_index(["image", "kind", "radius"])
    one = table[table["image"] == "image 3"]
    places, kinds = one[["X_centroid", "Y_centroid"]].to_numpy(), one["phenotype"].to_numpy()
    away = spatial.distance.cdist(places, places)
    np.fill_diagonal(away, np.inf)
    area = spatial.ConvexHull(places).volume
    for radius in radii:
        near = away <= radius
        pairs = pandas.DataFrame({(c, k): [near[np.ix_(kinds == c, kinds == k)].sum()]
                                  for c in "ABC" for k in "ABC"}).iloc[0].unstack()
        for c in "ABC":
            for k in "ABC":
                ratio = pairs.loc[c, k] / pairs.loc[c].sum() / (pairs[k].sum() / pairs.sum().sum())
                assert found["image 3", c, k, radius] == pytest.approx(ratio, rel=1e-9)
            own = away[np.ix_(kinds == c, kinds == c)]
            n = len(own)
            k_value = area * (own <= radius).sum() / (n * (n - 1))
            row = curves.loc["image 3", c, radius]
            assert row["K"] == pytest.approx(k_value, rel=1e-9)
            assert row["L"] == pytest.approx(np.sqrt(k_value / np.pi), rel=1e-9)
            assert row["G"] == pytest.approx((own.min(1) <= radius).mean())
            assert row["L_low"] <= row["L_high"] and 0 < row["L_p"] <= 1
    # A lies in a disk of its own: far more clustered than chance.
    assert curves.loc[("image 3", "A", 60), "L"] > curves.loc[("image 3", "A", 60), "L_high"]


def test_planted_neighbourhoods_come_out(step, tmp_path):
    rng = np.random.default_rng(9)
    x, y = rng.random(3000) * 900, rng.random(3000) * 300
    zone = (x // 300).astype(int)
    mixtures = np.array([[0.9, 0.1, 0.0], [0.1, 0.2, 0.7], [0.2, 0.8, 0.0]])
    kinds = np.array([rng.choice(list("ABC"), p=mixtures[z]) for z in zone])
    pandas.DataFrame({"CellID": range(3000), "CD3": 1.0, "X_centroid": x, "Y_centroid": y,
                      "phenotype": kinds}).to_csv(tmp_path / "zones.csv", index=False)
    made = step("neighbourhoods", {"cells": tmp_path / "zones.csv"}, {"groups": 3,
                                                                      "neighbours": 19})
    cells = anndata.read_h5ad(made["folder"] / "cells.h5ad")
    found = cells.obs["neighbourhood"].astype(int).to_numpy()
    both = pandas.crosstab(zone, found).to_numpy()
    assert both.max(1).sum() / 3000 > 0.95
    shares = pandas.read_csv(made["folder"] / "neighbourhoods.csv")
    assert np.allclose(shares.groupby("neighbourhood")["share"].sum(), 1)
    assert made["summary"]["stability"] > 0.9


def test_the_way_to_each_kind_is_a_kd_tree_s(step, tissue):
    path, _, table = tissue
    made = step("proximity", {"cells": path})
    cells = anndata.read_h5ad(made["folder"] / "cells.h5ad").obs
    means = pandas.read_csv(made["folder"] / "proximity.csv").set_index(["image", "from", "to"])
    for image, one in table.groupby("image"):
        places = one[["X_centroid", "Y_centroid"]].to_numpy()
        kinds = one["phenotype"].to_numpy()
        found = cells[(cells["image"] == image).to_numpy()]
        for kind in "ABC":
            away, nearest = spatial.cKDTree(places[kinds == kind]).query(places, 2)
            expected = np.where(kinds == kind, away[:, 1], away[:, 0])
            np.testing.assert_allclose(found[f"distance_to_{kind}"], expected, rtol=1e-9)
            row = means.loc[(image, "A", kind)]
            assert row["mean"] == pytest.approx(expected[kinds == "A"].mean())
            assert row["median"] == pytest.approx(np.median(expected[kinds == "A"]))
    only = step("proximity", {"cells": path}, {"to": ["B"]}, "only")
    columns = anndata.read_h5ad(only["folder"] / "cells.h5ad").obs.columns
    assert [one for one in columns if one.startswith("distance")] == ["distance_to_B"]
    refused = step("proximity", {"cells": path}, {"to": ["T"]}, refused=65)
    assert "no cell is a 'T'; column 'phenotype' has A, B, C" in refused["message"]


@pytest.mark.parametrize("by_row", [True, False])
def test_autocorrelation_is_the_formula_s(step, tissue, by_row):
    """Moran's I and Geary's C of a dense matrix of weights, as PySAL writes them."""
    path, _, table = tissue
    x = table["X_centroid"].to_numpy()
    rng = np.random.default_rng(4)
    table["CD3"] = (np.sin(x / 60) + rng.normal(0, 0.3, len(x))).astype(np.float32)
    table.insert(2, "noise", rng.random(len(x)).astype(np.float32))
    table.to_csv(path, index=False)
    made = step("autocorrelation", {"cells": path}, {"by_row": by_row, "neighbours": 5})
    found = pandas.read_csv(made["folder"] / "autocorrelation.csv").set_index(["image", "marker"])
    for image, one in table.groupby("image"):
        places = one[["X_centroid", "Y_centroid"]].to_numpy()
        n = len(places)
        w = np.zeros((n, n))
        w[np.arange(n)[:, None], spatial.cKDTree(places).query(places, 6)[1][:, 1:]] = 1
        if by_row:
            w /= w.sum(1, keepdims=True)
        s0, s1 = w.sum(), ((w + w.T) ** 2).sum() / 2
        s2 = ((w.sum(1) + w.sum(0)) ** 2).sum()
        for marker in ("CD3", "noise"):
            values = one[marker].to_numpy(dtype=float)
            z = values - values.mean()
            moran = n / s0 * (z @ w @ z) / (z @ z)
            mean = -1 / (n - 1)
            sd = np.sqrt((n * n * s1 - n * s2 + 3 * s0 ** 2) / ((n * n - 1) * s0 ** 2) - mean ** 2)
            geary = (n - 1) * (w * (values[:, None] - values) ** 2).sum() / (2 * s0 * (z @ z))
            geary_sd = np.sqrt(((2 * s1 + s2) * (n - 1) - 4 * s0 ** 2) / (2 * (n + 1) * s0 ** 2))
            row = found.loc[(image, marker)]
            expected = [moran, mean, sd, (moran - mean) / sd,
                        2 * stats.norm.sf(abs(moran - mean) / sd), geary, geary_sd,
                        (geary - 1) / geary_sd, 2 * stats.norm.sf(abs(geary - 1) / geary_sd)]
            np.testing.assert_allclose(
                row[["moran", "moran_mean", "moran_sd", "moran_z", "moran_p", "geary", "geary_sd",
                     "geary_z", "geary_p"]].astype(float), expected, rtol=1e-6, atol=1e-12)
    assert (found.xs("CD3", level="marker")["moran_p"] < 1e-6).all()
    assert (found.xs("noise", level="marker")["moran_p"] > 1e-4).all()
