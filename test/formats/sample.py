"""The dataset of test/tools/sample_data.cpp, built a second time with numpy and pandas."""

import numpy as np
import pandas as pd
from scipy import sparse

ODD = ["plain", "comma, inside", 'quote " inside', "line\nbreak", "naïve é 細胞", "=1+1", "@at",
       "-minus", "tab\tinside"]


def counts(cells, genes):
    c, g = np.meshgrid(np.arange(cells), np.arange(genes), indexing="ij")
    return np.where((c * 7 + g * 13) % 5 == 0, (c * 31 + g * 17) % 23 + 1, 0).astype("f4")


def odd_texts(rows):
    return [ODD[i % len(ODD)] for i in range(rows)]


def categorical(rows, step, categories, ordered):
    codes = [i * step % (len(categories) + 1) - 1 for i in range(rows)]
    return pd.Categorical.from_codes(codes, categories, ordered=ordered)


def masked(values, every, dtype):
    out = pd.array(values, dtype=dtype)
    for i in range(len(out)):
        if i % every == 1:
            out[i] = pd.NA
    return out


def maybe_text(rows):
    return [None if i % 5 == 1 else text for i, text in enumerate(odd_texts(rows))]


def obs(cells):
    i = np.arange(cells)
    texts = maybe_text(cells)
    kinds = list(dict.fromkeys(text for text in texts if text is not None))
    return pd.DataFrame({
        "cell_type": categorical(cells, 1, ["T cell", 'B, "cell"', "=cmd|x", "naïve é"], False),
        "stage": categorical(cells, 2, ["late", "early", "mid"], True),
        "lane": pd.Categorical.from_codes(i % 2, np.array([40, 7], "i8")),
        "n_genes": i.astype("i8") * 1000 + 7,
        "fraction": np.where(i % 4 == 2, np.nan, 0.1 * i).astype("f4"),
        "is_good": i % 3 == 0,
        "note": np.array(odd_texts(cells), dtype=object),
        "maybe_count": masked(list(i * 2), 3, "Int32"),
        "maybe_flag": masked([bool(k % 2 == 0) for k in i], 4, "boolean"),
        "maybe_text": pd.Categorical(texts, kinds),
        "per_cent": (i % 100).astype("u1"),
        "barcode": np.array([f"ACGT{k}" for k in i], dtype=object),
    }, index=pd.Index([f"cell-{k}" for k in i], dtype=object))


def var(genes):
    i = np.arange(genes)
    names = ["TWICE" if k % 4 == 3 else f'GENE"{k}, α' for k in i]
    return pd.DataFrame({
        "featurename": np.array(names, dtype=object),
        "featuretype": categorical(genes, 1, ["protein_coding"], False),
        "featurestart": i.astype("i8") * 100,
        "isgene": np.ones(genes, bool),
    }, index=pd.Index([f"ENSG{k}" for k in i], dtype=object, name="featurekey"))


def grid(rows, columns, scale):
    return (scale * np.arange(rows * columns) - 1).astype("f4").reshape(rows, columns)


def diagonal(size, scale):
    return sparse.diags(scale * np.arange(1, size + 1), format="csr", shape=(size, size))


def obsm_frame(cells):
    return pd.DataFrame({"q": np.arange(1, cells + 1)}, index=obs(cells).index)
