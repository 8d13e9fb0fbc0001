"""The Explorer in headless Chromium against a real server: what a person sees and clicks.

Pictures are kept in build/pictures/ for people to look at.
"""
import warnings

import numpy as np
import pytest
import scipy.stats


@pytest.fixture(scope="module")
def server(start_module_server, run, blood, tmp_path_factory):
    data = tmp_path_factory.mktemp("pages") / "data"
    run("import", blood, "--name", "blood", "--title", "Blood", "--public", data=data)
    run("import", blood, "--name", "hidden", "--title", "Hidden blood", data=data)
    return start_module_server(data)


@pytest.fixture
def explore(browse, server):
    """explore(name, steps, …): what a stranger's browser saw."""
    def in_browser(name, steps, **order):
        return browse(server, name, steps, **{"token": "", **order})
    return in_browser


def pixels_like(colour, drawn):
    """How many pixels have it, pure or thinned with the white behind it by up to a half."""
    def ink(text):
        return 255 - np.array([int(text[at:at + 2], 16) for at in (1, 3, 5)])
    wanted = ink(colour)
    found = 0
    for other, count in drawn.items():
        share = ink(other) @ wanted / (wanted @ wanted)
        if 0.5 < share < 1.05 and np.abs(ink(other) - share * wanted).max() <= 6:
            found += count
    return found


def log_cp10k(counts):
    counts = np.asarray(counts.todense() if hasattr(counts, "todense") else counts, dtype=float)
    return np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))


def table_of(server, comparison):
    answer = server.get(f"/v1/comparisons/{comparison['id']}/table",
                        headers={"Accept": "application/json"}).json()
    places = {name: at for at, name in enumerate(answer["columns"])}
    return {name: [row[at] for row in answer["rows"]] for name, at in places.items()}


def test_a_made_up_dataset_from_the_list_to_the_table_of_genes(explore, server, blood, h5ad):
    data = h5ad.read(blood)
    label = "B cell"
    seen = explore("blood", ["home", "open", "gene", "lasso", "category", "compare"],
                   title="Blood", gene="CD79A", column="cell_type", label=label, cells=2000)
    assert {"home", "explorer", "table"} <= set(seen["violations"]), "looked for, and none found"
    assert seen["datasets"] == ["Blood"], "a private dataset is not anybody's to see"

    colours = dict(zip(data.obs["cell_type"].cat.categories,
                       (c.lower()[:7] for c in data.uns["cell_type_colors"])))
    drawn = dict(seen["opened"])
    assert seen["legend"] == list(colours), "the legend names every type"
    for cell_type, colour in colours.items():
        assert pixels_like(colour, drawn) > 100, f"{cell_type} is not drawn in {colour}"
    gene = dict(seen["gene"])
    assert all(pixels_like(colour, gene) < pixels_like(colour, drawn) / 4
               for colour in list(colours.values())[:3]), "the gene colours the cells now"

    assert 100 < seen["lassoed"] < 1900
    members = (data.obs["cell_type"] == label).to_numpy()
    assert seen["selected"] == members.sum()

    compared = seen["comparison"]
    assert compared["state"] == "done" and compared["scale"] == "log_cp10k"
    assert (compared["cells_a"], compared["cells_b"]) == (members.sum(), (~members).sum())
    values = log_cp10k(data.X)
    expected = scipy.stats.ttest_ind(values[members], values[~members], equal_var=False)
    table = table_of(server, compared)
    assert table["gene_id"] == list(data.var_names)
    np.testing.assert_allclose(np.array(table["t"], float), expected.statistic, rtol=1e-9)
    np.testing.assert_allclose(np.array(table["p"], float), expected.pvalue, rtol=1e-7, atol=1e-300)
    best = np.argsort(-expected.statistic)[:10]
    assert seen["higher"] == [table["gene_name"][gene] for gene in best]
    assert seen["first"][0] == table["gene_name"][best[0]]
    assert any("adjusted p" in column for column in seen["head"])


def test_who_has_a_token_sees_what_is_private(explore, server):
    seen = explore("signed-in", ["home", "open"], url=f"{server.url}/#/?token={server.token}",
                   title="Hidden blood")
    assert sorted(seen["datasets"]) == ["Blood", "Hidden blood"]
    assert server.token not in seen["address"], "the token stays in no address"
    assert len(seen["legend"]) == 8


def test_ranks_and_donors_are_compared_from_the_page(explore, server, blood, h5ad):
    data = h5ad.read(blood)
    seen = explore("tests", ["home", "open", "category", "compare", "otherTests"], title="Blood",
                   column="cell_type", label="B cell", cells=2000)
    assert seen["volcano"] > 100
    members = (data.obs["cell_type"] == "B cell").to_numpy()
    values = log_cp10k(data.X)
    expected = scipy.stats.mannwhitneyu(values[members], values[~members], axis=0,
                                        method="asymptotic")
    told = table_of(server, seen["other_tests"]["wilcoxon"])
    np.testing.assert_allclose(np.array(told["p"], float), expected.pvalue, rtol=1e-6, atol=1e-300)
    donors = seen["other_tests"]["pseudobulk"]
    assert donors["donor_column"] == "donor_id" and donors["paired"]
    assert "6 donors of A against 6 of B, in pairs" in donors["note"]


def test_ranges_subsets_figures_and_a_link_that_restores_the_screen(explore, blood, h5ad):
    data = h5ad.read(blood)
    genes = ["CD79A", "LYZ", "NKG7"]
    low, high = 500, 900
    seen = explore("figures", ["home", "open", "range", "figures", "pictures", "category",
                               "geneSets", "share", "turn"],
                   title="Blood", solid="X_pca", number="n_counts", low=low, high=high, genes=genes,
                   column="cell_type", label="B cell")
    counts = data.obs["n_counts"].to_numpy()
    span = counts.max() - counts.min()
    assert np.allclose(seen["range"], counts.min() + span * np.array([0.2, 0.6]), atol=span / 40)
    inside = ((counts >= low) & (counts <= high)).sum()
    assert seen["in_range"] == inside
    assert seen["subset"].startswith(f"{inside:,} of {inside:,} cells")
    for kind, figure in seen["figures"].items():
        assert figure["drawings"] == (3 if kind == "violin" else 1), kind
        assert figure["marks"] >= 8 and len(figure["csv"].splitlines()) > 8, kind
    svg, png, scatter = seen["files"]
    assert svg["name"].endswith(".svg") and svg["begin"].startswith("<svg ")
    for picture in (png, scatter):
        assert picture["name"].endswith(".png") and picture["begin"][1:4] == "PNG"
    assert (seen["figure_gone"], seen["figure_back"], seen["figure_gone_again"]) == (0, 1, 0)
    assert int(seen["dark"][1:3], 16) < 64
    assert "read_h5ad" in seen["script"] and "CD79A" in seen["script"]
    compile(seen["script"], "session.py", "exec")
    assert seen["turned"] != seen["flat"] and len(seen["turned"]) > 20
    restored = seen["restored"]
    assert restored["selected"] == seen["selected"] == (data.obs["cell_type"] == "B cell").sum()
    assert set(genes) <= set(restored["genes"]) and restored["same_legend"]


def test_an_empty_server_says_how_data_comes_in(browse, start_server):
    seen = browse(start_server(), "empty", ["home"], empty=True)
    assert seen["datasets"] == []


def test_a_real_dataset_warns_of_its_scaled_values(explore, server, run, shared_data, h5ad):
    path = shared_data / "cells/pbmc68k_reduced.h5ad"
    run("import", path, "--name", "pbmc", "--title", "PBMC", "--public", data=server.data)
    data = h5ad.read(path)
    seen = explore("pbmc", ["home", "open", "gene", "lasso", "category", "compare"], title="PBMC",
                   gene="LYZ", column="bulk_labels", label="CD14+ Monocyte", cells=700)
    members = (data.obs["bulk_labels"] == "CD14+ Monocyte").to_numpy()
    assert seen["selected"] == members.sum()
    compared = seen["comparison"]
    assert any("negative values" in warning for warning in compared["warnings"])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = scipy.stats.ttest_ind(data.X[members].astype(float),
                                         data.X[~members].astype(float), equal_var=False)
    table = table_of(server, compared)
    np.testing.assert_allclose(np.array(table["t"], float), expected.statistic, rtol=1e-8)
