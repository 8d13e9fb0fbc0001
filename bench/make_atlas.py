#!/usr/bin/env python3
"""Write a synthetic atlas for load check (c): same arguments, same data.

    make_atlas.py --out FILE.h5ad [--cells 782859] [--genes 33529] [--nonzeros 600] [--seed 1]

The number of cells and genes is the old matrix service's largest request.  A cell's genes come
one after another in random gaps (geometric, so every gene is as likely as the next), about
--nonzeros of them; its counts are geometric too, three fifths of them 1.  The file is anndata's,
X float32 by cell, in plain chunks.  Prints cells, genes, non-zeros and sum as JSON.  Memory stays
below 1 GB; 600 non-zeros a cell make a file of 3.8 GB.

Needs numpy and h5py.
"""
import argparse
import json

import h5py
import numpy as np

BLOCK = 10_000
DONORS = 12
TYPES = [f"type {i:02d}" for i in range(20)]
TISSUES = ["blood", "bone marrow", "heart", "kidney", "liver", "lung", "skin", "spleen"]


def tag(node, kind, version):
    node.attrs["encoding-type"] = kind
    node.attrs["encoding-version"] = version
    return node


def put_texts(group, name, texts):
    made = group.create_dataset(name, data=np.array(texts, object), dtype=h5py.string_dtype())
    tag(made, "string-array", "0.2.0")


def put_frame(root, name, index, columns):
    frame = tag(root.create_group(name), "dataframe", "0.2.0")
    frame.attrs["_index"] = "_index"
    frame.attrs.create("column-order", list(columns), dtype=h5py.string_dtype())
    put_texts(frame, "_index", index)
    for column, value in columns.items():
        if not isinstance(value, tuple):
            tag(frame.create_dataset(column, data=value), "array", "0.2.0")
            continue
        group = tag(frame.create_group(column), "categorical", "0.2.0")
        group.attrs["ordered"] = False
        tag(group.create_dataset("codes", data=value[0].astype(np.int8)), "array", "0.2.0")
        put_texts(group, "categories", value[1])


def donor_columns(donors):
    """What the CELLxGENE schema says of a cell's donor: every other one is ill."""
    return {"donor_id": (donors, [f"donor {i:02d}" for i in range(DONORS)]),
            "disease_ontology_term_id": (donors % 2, ["PATO:0000461", "MONDO:0005101"]),
            "self_reported_ethnicity_ontology_term_id": (donors // 2 % 2,
                                                         ["HANCESTRO:0005", "unknown"]),
            "flag": (donors % 3 % 2, ["no", "yes"])}


def block_of(rng, cells, genes, nonzeros):
    """Counts, genes and non-zeros a cell of one block."""
    most = int(nonzeros * 1.25) + 20
    places = rng.geometric(nonzeros / genes, (cells, most)).astype(np.int32)
    np.cumsum(places, axis=1, out=places)
    places -= 1
    kept = places < genes
    lengths = kept.sum(axis=1)
    counts = rng.geometric(0.6, int(lengths.sum())).astype(np.float32)
    return counts, places[kept], lengths


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--cells", type=int, default=782_859)
    parser.add_argument("--genes", type=int, default=33_529)
    parser.add_argument("--nonzeros", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    at, total, starts = 0, 0, [np.zeros(1, np.int64)]
    with h5py.File(args.out, "w") as root:
        tag(root, "anndata", "0.1.0")
        matrix = tag(root.create_group("X"), "csr_matrix", "0.1.0")
        matrix.attrs["shape"] = np.array([args.cells, args.genes], np.int64)
        room = int(args.cells * args.nonzeros * 1.02) + 100_000
        chunks = dict(chunks=(1 << 22,), maxshape=(None,))
        data = matrix.create_dataset("data", (room,), np.float32, **chunks)
        indices = matrix.create_dataset("indices", (room,), np.int32, **chunks)
        for number, first in enumerate(range(0, args.cells, BLOCK)):
            rng = np.random.default_rng([args.seed, number])
            block = min(BLOCK, args.cells - first)
            counts, genes, lengths = block_of(rng, block, args.genes, args.nonzeros)
            data[at:at + len(counts)], indices[at:at + len(counts)] = counts, genes
            starts.append(starts[-1][-1] + np.cumsum(lengths))
            at += len(counts)
            total += int(counts.sum(dtype=np.float64))
        data.resize((at,))
        indices.resize((at,))
        kind = np.int32 if at < 2**31 else np.int64
        matrix.create_dataset("indptr", data=np.concatenate(starts).astype(kind))
        rng = np.random.default_rng([args.seed, 2**31])
        put_frame(root, "obs", [f"C{i:09d}" for i in range(args.cells)], {
            "cell_type": (rng.integers(0, len(TYPES), args.cells), TYPES),
            "tissue": (rng.integers(0, len(TISSUES), args.cells), TISSUES),
            "age": rng.integers(1, 90, args.cells).astype(np.int32),
            **donor_columns(rng.integers(0, DONORS, args.cells))})
        put_frame(root, "var", [f"ENSG{i + 1:011d}" for i in range(args.genes)],
                  {"feature_name": np.arange(args.genes, dtype=np.int32)})
    print(json.dumps({"cells": args.cells, "genes": args.genes, "nonzeros": at, "sum": total}))


if __name__ == "__main__":
    main()
