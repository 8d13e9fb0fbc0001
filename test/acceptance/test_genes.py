"""Genes over datasets: who measured one, how it is expressed by tissue and kind of cell, and the
program of docs/python.md that asks the same in SQL."""
import pathlib
import re
import subprocess

import anndata
import numpy as np
import pandas
import pytest
import requests
import scipy.sparse as sparse

PROJECT = pathlib.Path(__file__).resolve().parents[2]


def dataset(path, genes, types, tissue, seed, counts=True, symbols=None):
    """60 cells of counts (or of their logarithms) with types in turn; gives the counts."""
    rng = np.random.default_rng(seed)
    values = rng.poisson(0.8, (60, len(genes))).astype(np.float32)
    values[:, -1] += 1  # no empty cell
    obs = pandas.DataFrame({"cell_type": pandas.Categorical([types[at % len(types)]
                                                             for at in range(60)]),
                            "tissue": pandas.Categorical([tissue] * 60)},
                           index=[f"c{at}" for at in range(60)])
    var = pandas.DataFrame(index=genes)
    if symbols:
        var["feature_name"] = symbols
    x = values if counts else np.log1p(values)
    anndata.AnnData(sparse.csr_matrix(x), obs=obs, var=var, dtype=np.float32).write_h5ad(path)
    return values


@pytest.fixture(scope="module")
def library(run, tmp_path_factory, start_module_server):
    """Two datasets of counts with terms called differently, a private one, one of logarithms."""
    folder = tmp_path_factory.mktemp("genes")
    data = folder / "data"
    counts = {}
    for name, genes, types, tissue, more in [
            ("first", ["ENSG00000156738", "ENSG00000167286", "G3"], ["B cell", "T cell"], "spleen",
             {"symbols": ["MS4A1", "CD3D", "G3"]}),
            ("second", ["MS4A1", "G9"], ["CL:0000236", "monocyte"], "bone marrow", {}),
            ("hidden", ["MS4A1"], ["B cell"], "lung", {}),
            ("logarithms", ["MS4A1", "G9"], ["B cell"], "lung", {"counts": False})]:
        path = folder / f"{name}.h5ad"
        counts[name] = dataset(path, genes, types, tissue, len(name), **more)
        visible = [] if name == "hidden" else ["--public"]
        run("import", path, *visible, data=data)
    server = start_module_server(data)
    return server, counts


def ask(server, path, **query):
    answer = requests.get(f"{server.url}/v1/portal/{path}", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def scaled(counts, gene, rows):
    return np.log1p(1e4 * counts[:, gene] / counts.sum(axis=1))[rows]


def test_a_gene_is_found_in_each_dataset_that_measured_it(library):
    server, counts = library
    told = ask(server, "genes", gene="ms4a1")
    hits = {one["name"]: one for one in told["datasets"]}
    assert set(hits) == {"first", "second", "logarithms"}, "what one may not read isn't told"
    assert (told["total"], told["read"]) == (3, 3)
    assert hits["first"]["gene_id"] == "ENSG00000156738"
    assert hits["logarithms"]["scale"] == "as_stored" and hits["first"]["scale"] == "log_cp10k"
    values = scaled(counts["first"], 0, slice(None))
    assert hits["first"]["expressing"] == (counts["first"][:, 0] > 0).sum()
    assert hits["first"]["mean"] == pytest.approx(values.mean(), rel=1e-6)
    assert hits["first"]["mean_expressing"] == pytest.approx(values[values > 0].mean(), rel=1e-6)
    groups = {one["label"]: one for one in hits["first"]["groups"]}
    assert groups["B cell"]["cells"] == 30
    assert groups["B cell"]["mean"] == pytest.approx(values[::2].mean(), rel=1e-6)
    assert [one["name"] for one in ask(server, "genes", gene="G3")["datasets"]] == ["first"]
    assert ask(server, "genes", gene="G3", tissue="lung")["datasets"] == []
    everything = server.get("/v1/portal/genes?gene=MS4A1").json()["datasets"]
    assert "hidden" in [one["name"] for one in everything]


def test_genes_are_added_up_over_datasets_by_terms(library):
    server, counts = library
    told = ask(server, "expression", gene=["MS4A1", "CD3D"])
    assert sorted(one["name"] for one in told["datasets"]) == ["first", "second"]
    [left] = told["left_out"]
    assert left["name"] == "logarithms" and "scale" in left["why"]
    groups = {one["label"]: one for one in told["groups"]}
    assert set(groups) == {"B cell", "T cell", "monocyte"}
    ms4a1, cd3d = groups["B cell"]["genes"]
    both = np.concatenate([scaled(counts["first"], 0, slice(0, None, 2)),
                           scaled(counts["second"], 0, slice(0, None, 2))])
    assert (ms4a1["datasets"], ms4a1["cells"], cd3d["cells"]) == (2, 60, 30)
    assert ms4a1["mean"] == pytest.approx(both.mean(), rel=1e-6)
    assert ms4a1["share"] == pytest.approx((both > 0).mean())
    assert groups["monocyte"]["genes"][1]["cells"] == 0, "one dataset has no CD3D"
    rolled = {one["label"]: one for one in ask(server, "expression", gene="MS4A1",
                                               rollup="true")["groups"]}
    assert rolled["lymphocyte"]["genes"][0]["cells"] == 90 and rolled["lymphocyte"]["broader"]
    assert rolled["leukocyte"]["genes"][0]["cells"] == 120
    tissues = ask(server, "expression", gene="MS4A1", by="tissue", rollup="true")
    assert {one["label"]: one["genes"][0]["cells"] for one in tissues["groups"]
            if one["label"] in ("spleen", "bone marrow", "immune system")} == \
        {"spleen": 60, "bone marrow": 60, "immune system": 120}
    only = ask(server, "expression", gene="MS4A1", tissue="spleen")
    assert [one["name"] for one in only["datasets"]] == ["first"]


def test_what_is_asked_wrongly_is_said(library):
    server, _ = library
    for query in ["", "?gene=A&by=nonsense", "?" + "&".join(f"gene=G{at}" for at in range(51)),
                  "?gene=" + "A" * 300, "?gene=A&limit=x"]:
        answer = requests.get(f"{server.url}/v1/portal/expression{query}", timeout=60)
        assert answer.status_code == 400, query
    assert requests.get(f"{server.url}/v1/portal/genes?gene=A&gene=B",
                        timeout=60).status_code == 400


def test_the_python_of_the_documentation_runs(library, tmp_path):
    """docs/python.md says how a program asks the corpus; here it does."""
    server, counts = library
    page = (PROJECT / "docs/python.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    program = "\n".join(blocks).replace("http://127.0.0.1:8080", server.url)
    script = tmp_path / "corpus.py"
    script.write_text(program + "\nprint(means.to_csv(index=False))\nprint(len(cells))\n")
    done = subprocess.run(["/usr/bin/python3", str(script)], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0].startswith("dataset,cell_type,cells,mean")
    first = next(line for line in told if line.startswith("first,B cell"))
    expected = counts["first"][::2, 0].sum() / 30
    assert first.split(",")[2] == "30"
    assert float(first.split(",")[3]) == pytest.approx(expected, rel=1e-6)
    assert told[-1] == "180"
