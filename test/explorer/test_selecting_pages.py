"""What a person selects, draws, names and takes out in the Explorer, in headless Chromium.

Each selection is judged by the script that the page gives for it: run by Python over the dataset's
own file, it must choose as many cells as the page did.
"""
import base64
import contextlib
import csv
import io
import os
import re
import xml.etree.ElementTree

import numpy as np
import pytest
import scipy.stats

GTF = "\n".join(
    f'{chromosome}\ttest\t{kind}\t{start}\t{end}\t.\t+\t.\tgene_id "{gene}.5"; gene_type '
    f'"{biotype}"; gene_name "{name}";'
    + (f' transcript_id "{gene.replace("ENSG", "ENST")}"; transcript_name "{name}-201"; '
       f'transcript_type "{biotype}";' if kind == "transcript" else "")
    for gene, name, chromosome, start, end, biotype in [
        ("ENSG00000105369", "CD79A", "chr19", 41877279, 41881372, "protein_coding"),
        ("ENSG00000167286", "CD3D", "chr11", 118338954, 118342705, "protein_coding")]
    for kind in ("gene", "transcript")) + "\n"


@pytest.fixture(scope="module")
def cite(tmp_path_factory):
    """Genes by Ensembl id with old names, and proteins of the same cells; one symbol is both."""
    import anndata
    import pandas
    random = np.random.default_rng(3)
    genes = [("ENSG00000105369", "CD79A", "MB-1,IGA"), ("ENSG00000167286", "CD3D", "T3D"),
             *[(f"ENSG0000099{at:04}", f"GENE{at}", "") for at in range(20)]]
    proteins = [("CD3", "CD3"), ("CD19", "CD19"), ("adt_CD3D", "CD3D")]
    var = pandas.DataFrame(
        {"feature_name": [name for _, name, _ in genes] + [name for _, name in proteins],
         "synonyms": [old for _, _, old in genes] + [""] * len(proteins),
         "feature_types": pandas.Categorical(["Gene Expression"] * len(genes) +
                                             ["Antibody Capture"] * len(proteins))},
        index=[gene for gene, _, _ in genes] + [protein for protein, _ in proteins])
    cells = 300
    counts = random.poisson(1.5, (cells, len(var))).astype("float32")
    counts[:, len(genes):] = random.poisson(40, (cells, len(proteins)))
    obs = pandas.DataFrame({"kind": pandas.Categorical(np.resize(["T", "B", "NK"], cells))},
                           index=[f"cell-{at}" for at in range(cells)])
    data = anndata.AnnData(counts, obs=obs, var=var)
    data.obsm["X_umap"] = random.normal(size=(cells, 2)).astype("float32")
    file = tmp_path_factory.mktemp("cite") / "cite.h5ad"
    data.write_h5ad(file)
    return file


@pytest.fixture(scope="module")
def other(run, tmp_path_factory):
    """Other cells of the same types."""
    file = tmp_path_factory.mktemp("other") / "other.h5ad"
    run("demo", "--cells", "900", "--genes", "300", "--seed", "5", "-o", file)
    return file


@pytest.fixture(scope="module")
def server(start_module_server, run, blood, cite, other, tmp_path_factory):
    folder = tmp_path_factory.mktemp("selecting")
    data = folder / "data"
    gtf = folder / "genes.gtf"
    gtf.write_text(GTF)
    run("import", blood, "--name", "blood", "--title", "Blood", "--public", data=data)
    run("import", cite, "--name", "cite", "--title", "RNA and protein", "--public", data=data)
    run("import", other, "--name", "other", "--title", "Other blood", "--public", data=data)
    run("import", gtf, data=data)
    return start_module_server(data)


@pytest.fixture
def selected_by(tmp_path):
    """selected_by(script, name, file): how many cells the page's script chooses of the file."""
    def run_script(script, name, file):
        link = tmp_path / f"{name}.h5ad"
        if not link.exists():
            os.symlink(file, link)
        said = io.StringIO()
        with contextlib.chdir(tmp_path), contextlib.redirect_stdout(said):
            exec(compile(script, "session.py", "exec"), {})  # pylint: disable=exec-used
        return int(re.search(r"(\d+) of \d+ cells are selected", said.getvalue())[1])
    return run_script


def test_selections_are_added_cut_turned_round_and_joined_by_or(browse, server, selected_by, blood,
                                                               h5ad):
    seen = browse(server, "algebra", ["openExplorer", "algebra", "gate"], token="", dataset="blood",
                  label="B cell", number="n_counts", low=500, genes=["CD3D", "CD3E"])
    steps = seen["algebra"]
    for name, step in {**steps, "gate": seen["gate"]}.items():
        assert step["selected"] == selected_by(step["script"], "blood", blood), name
    size = {name: step["selected"] for name, step in steps.items()}
    assert 0 < size["first"] < size["union"] < 2000 and size["both"] < size["less"] < size["union"]
    data = h5ad.read(blood)
    is_b, is_large = data.obs["cell_type"] == "B cell", data.obs["n_counts"] >= 500
    assert size["label"] == is_b.sum() < size["label_or_region"] == 2000 - size["inverted"]
    assert (size["and"], size["or"], size["or_not"]) == (
        (is_b & is_large).sum(), (is_b | is_large).sum(), (is_b | ~is_large).sum())
    assert seen["words"] == ["cell_type B cellnot", "ornot n_counts 500 or morenot"]
    assert 0 < seen["gate"]["selected"] < 2000
    assert "CD3D × CD3E" in seen["gate_words"]
    etag = server.get("/d/blood").json()["revision"]["etag"]
    assert etag in steps["first"]["methods"] and etag in steps["first"]["script"]


def test_a_sentence_selects_cells(browse, server, selected_by, blood, h5ad):
    data = h5ad.read(blood)
    obs = data.obs
    gene = np.asarray(data[:, "CD79A"].X.todense()).ravel()
    cell_type, donor = obs["cell_type"].astype(str), obs["donor_id"].astype(str)
    monocytes = cell_type.str.contains("monocyte")
    from_two = donor.isin(["D1", "D3"])
    expected = {
        "B cells": cell_type == "B cell",
        "Show me all monocytes and dendritic cells from donors D1 and D3":
            (monocytes | (cell_type == "dendritic cell")) & from_two,
        "monocytes, but not FCGR3A monocytes": cell_type == "CD14 monocyte",
        "B cells with CD79A above 2 and n_counts between 200 and 900":
            (cell_type == "B cell") & (gene > 2) & obs["n_counts"].between(200, 900),
        "CD79A+ cells, not from bone marrow": (gene > 0) & (obs["tissue"] != "bone marrow"),
        "B cells from donor D1 or CD4 T cells from donor D3":
            ((cell_type == "B cell") & (donor == "D1")) |
            ((cell_type == "CD4 T cell") & (donor == "D3")),
        "neither B cells nor monocytes without CD79A":
            ~((cell_type == "B cell") | monocytes) & (gene == 0),
        "more than 500 n_counts and at most 3 CD79A": (obs["n_counts"] > 500) & (gene <= 3),
        "is doublet": obs["is_doublet"].astype(bool)}
    counts = {words: int(cells.sum()) for words, cells in expected.items()}
    assert all(0 < count < 2000 for count in counts.values()), counts
    seen = browse(server, "words", ["openExplorer", "inWords"], token="", dataset="blood",
                  sentences=list(counts.items()), riddle="sleepy B cells",
                  rest=counts["B cells"])
    for words, step in seen["said"].items():
        assert step["selected"] == selected_by(step["script"], "blood", blood), words
    assert seen["unchanged"] and "Not understood: “sleepy”" in seen["riddle"]
    assert seen["filters"] == ["cell_type B cellnot"]


def test_cells_are_clustered_laid_out_anew_and_labelled(browse, server):
    seen = browse(server, "clustering", ["openExplorer", "clusters"], token="", dataset="blood")
    assert re.fullmatch(r"clustering [0-9a-f]{8}", seen["places"])
    clusters = int(re.match(r"(\d+) clusters of 2,000 cells", seen["told"])[1])
    assert 3 < clusters < 30 and seen["pictured"] > clusters
    assert 0 < seen["chosen"] < 2000
    assert f"of {seen['chosen']:,} cells" in seen["told_of_some"]
    assert sum(seen["kept"]) >= 2000 and len(seen["kept"]) >= clusters
    assert len([one for one in seen["offered_again"] if one.startswith("clustering ")]) == 2
    assert seen["errors"] == []
    assert not any(seen["violations"].values()), seen["violations"]


def test_two_pictures_axes_points_palettes_layers_and_splits(browse, server, selected_by, blood,
                                                             h5ad):
    data = h5ad.read(blood)
    seen = browse(server, "showing",
                  ["openExplorer", "beside", "dimensions", "points", "tooltip", "layers", "split",
                   "vector", "compositionShares", "palettes"],
                  token="", dataset="blood", label="B cell", number="n_counts", genes=["CD79A"],
                  layer="layers/log_normalised", split="donor_id", most=400)
    assert seen["pane_colours"][0] != seen["pane_colours"][1]
    assert seen["first_after"] != seen["pane_colours"][0], "what is selected in one is in both"
    for step in (seen["beside"], seen["third_and_fourth"]):
        assert 0 < step["selected"] == selected_by(step["script"], "blood", blood) < 2000
    assert "X_pca" in seen["restored_panes"] and "n_counts" in seen["restored_panes"]
    assert seen["dimensions_differ"] and "[2,3]" in seen["third_and_fourth"]["script"]
    points = seen["points"]
    assert points["small"] * 2 < points["large"] and points["thin"] < points["solid"]
    cell, cell_type = seen["tooltip"][:2]
    assert data.obs["cell_type"][cell] == cell_type
    first, second = seen["layer_ends"]
    assert first != second
    donors = data.obs["donor_id"].value_counts()
    assert seen["split"] == [f"{name} {donors[name]}" for name in sorted(donors.index)]
    assert min(seen["split_inks"]) > 5 and seen["split_selected"] == donors["D1"]

    drawing = xml.etree.ElementTree.fromstring(seen["svg"])
    texts = [one.text for one in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert "cell_type" in texts and texts.count("B cell") == 2, "legend and name are words"
    points = sum(one.get("d", "").count("h0")
                 for one in drawing.iter("{http://www.w3.org/2000/svg}path"))
    assert points == 2000
    shares = {}
    for row in csv.DictReader(io.StringIO(seen["composition"])):
        shares[row["group"]] = shares.get(row["group"], 0) + float(row["share"])
    assert len(shares) == 8 and all(abs(share - 1) < 1e-9 for share in shares.values())

    palettes = seen["palettes"]
    assert palettes["files"] != palettes["safe"]
    assert "rgb(18, 52, 86)" in palettes["own_swatches"]
    assert dict(palettes["own"])["#2a4867"] > 500, "nine tenths of #123456 on white"
    scale = seen["scale"]
    assert scale["differ"] and scale["log"] and "≥ 400" in scale["ends"]
    assert "clipped" in scale["note"] and "logarithmic" in scale["note"]


def test_genes_by_any_name_their_card_and_proteins_beside_rna(browse, server, cite, h5ad):
    seen = browse(server, "genes", ["openExplorer", "keys", "names",
                                           "proteins"], token="", dataset="cite",
                  names=["ENSG00000105369", "T3D", "gene7"], card="CD79A", rna="CD79A",
                  protein="CD3")
    assert seen["moving"] == "true" and "L, B, M" in seen["keys"]
    assert seen["offered"][:3] == ["GENE0", "GENE1", "GENE10"], "by the first two letters"
    assert seen["found"] == {"ENSG00000105369": ["CD79A"], "T3D": ["ENSG00000167286"],
                             "gene7": ["GENE7"]}, "a symbol that isn't one gene's is not used"
    card = dict(zip(seen["card"]["names"], seen["card"]["values"]))
    assert card["Id"] == "ENSG00000105369" and card["Synonyms"] == "MB-1,IGA"
    assert card["Position"] == "chr19: 41,877,279 to 41,881,372"
    assert card["Biotype"] == "protein coding" and card["feature_types"] == "Gene Expression"
    values = h5ad.read(cite)[:, "ENSG00000105369"].X.ravel()
    assert card["Above zero"] == f"{(values > 0).mean() * 100:.0f} %"
    assert float(card["Mean"]) == pytest.approx(values.mean(), rel=5e-3)
    assert len(seen["card"]["rows"]) == 3
    assert seen["proteins"] == ["CD3", "CD19", "adt_CD3D"]
    assert seen["badges"] == ["CD3D", "Antibody"]
    assert {"CD79A", "CD3"} <= set(seen["cell_names"]), "both are told of one cell"


def test_markers_of_each_label_and_a_set_of_one_cell(browse, server, blood, h5ad):
    data = h5ad.read(blood)
    counts = data.obs["n_counts"].to_numpy()
    seen = browse(server, "markers", ["openExplorer", "markers", "refuseOne"], token="",
                  dataset="blood", labels=8, number="n_counts", only=int(np.sort(counts)[-1]),
                  refused=("/v1/comparisons",))
    raw = np.asarray(data.X.todense() if hasattr(data.X, "todense") else data.X, float)
    values = np.log1p(1e4 * raw / raw.sum(axis=1, keepdims=True))
    for label, genes in seen["markers"].items():
        members = (data.obs["cell_type"] == label).to_numpy()
        with np.errstate(all="ignore"):
            t = scipy.stats.ttest_ind(values[members], values[~members], equal_var=False).statistic
        best = np.argsort(-np.nan_to_num(t, nan=-np.inf))[:5]
        assert genes == [data.var_names[gene] for gene in best], label
    rows = list(csv.DictReader(io.StringIO(seen["marker_csv"])))
    assert len(rows) == 40 and {row["label"] for row in rows} == set(seen["markers"])
    assert seen["one_cell"] == 1
    assert "cell" in seen["refused_set"]


def test_cells_are_taken_out_and_a_recipe_finds_such_cells_elsewhere(
        browse, server, selected_by, run, blood, other, h5ad, tmp_path):
    seen = browse(server, "taken", ["openExplorer", "takeOut", "keepRecipe", "useRecipe"],
                  dataset="blood", label="B cell", derived="Chosen cells", other="other")
    data = h5ad.read(blood)
    taken = seen["taken"]
    assert taken["selected"] == selected_by(taken["script"], "blood", blood)
    ids = seen["ids"].split()
    assert ids[0] == "cell_id" and len(ids) == taken["selected"] + 1
    file = tmp_path / "taken.h5ad"
    file.write_bytes(base64.b64decode(seen["taken_file"]))
    chosen = h5ad.read(file)
    assert list(chosen.obs_names) == ids[1:]
    np.testing.assert_array_equal(np.asarray(chosen.X.todense()),
                                  np.asarray(data[ids[1:]].X.todense()))
    words = seen["command"].split()
    assert words[:3] == ["stroma", "matrix", "--selection"]
    assert words[-2:] == ["-o", "selection.h5ad"]
    run(*words[1:-1], tmp_path / "typed.h5ad", data=server.data)
    assert list(h5ad.read(tmp_path / "typed.h5ad").obs_names) == ids[1:]

    derived = server.get("/v1/portal/datasets/chosen_cells").json()
    revision = next(one for one in derived["revisions"] if one["current"])
    origin = revision["source"]["derived_from"]
    assert derived["title"] == "Chosen cells" and revision["cells"] == taken["selected"]
    assert origin["revision"] == server.get("/d/blood").json()["revision"]["id"]
    assert origin["cells"] == taken["selected"]

    for cells in ([[5, 3]], [[0, 3], [2, 4]], [[1990, 2001]]):
        wrong = server.post("/v1/matrix", json={"revision": origin["revision"], "cells": cells})
        assert wrong.status_code == 400 and "run of cells" in wrong.json()["message"]
    absent = server.post("/v1/imports", json={"result": "no-such", "dataset": "x"})
    assert absent.status_code == 404
    elsewhere = seen["elsewhere"]
    assert 0 < elsewhere["selected"] == selected_by(elsewhere["script"], "other", other) < 900
    assert "neuron" in seen["misfits"] and "no_such" in seen["misfits"]
    assert seen["fitting"] == (h5ad.read(other).obs["cell_type"] == "B cell").sum()
