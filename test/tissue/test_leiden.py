"""Leiden beside igraph's, on a graph that numpy weighs anew."""
import anndata
import igraph
import numpy as np
import pandas
import pytest
from scipy import sparse, spatial


def fuzzy_graph(values, neighbours):
    """UMAP's fuzzy set (McInnes et al. 2018, section 3.1) of the exact nearest neighbours."""
    away, near = spatial.cKDTree(values).query(values, neighbours + 1)
    away, near = away[:, 1:], near[:, 1:]
    beyond = np.maximum(away - away[:, :1], 0)
    low, high = np.zeros(len(values)), np.full(len(values), 1000.0)
    for _ in range(64):
        scale = (low + high) / 2
        too_much = np.exp(-beyond / scale[:, None]).sum(1) > np.log2(neighbours)
        low, high = np.where(too_much, low, scale), np.where(too_much, scale, high)
    weights = np.exp(-beyond / scale[:, None])
    ends = np.repeat(np.arange(len(values)), neighbours)
    one = sparse.csr_matrix((weights.ravel(), (ends, near.ravel())))
    both = sparse.triu(one + one.T - one.multiply(one.T)).tocoo()
    return igraph.Graph(len(values), list(zip(both.row, both.col)),
                        edge_attrs={"weight": both.data.tolist()})


@pytest.mark.parametrize("apart", [3.0, 1.0])
def test_the_communities_are_as_good_as_igraph_s(step, tmp_path, apart):
    rng = np.random.default_rng(17)
    kind = rng.integers(0, 7, 2500)
    values = rng.normal(0, apart, (7, 6))[kind] + rng.normal(0, 1, (2500, 6))
    table = pandas.DataFrame(values.astype(np.float32), columns=[f"M{i}" for i in range(6)])
    table.insert(0, "CellID", range(len(table)))
    table.to_csv(tmp_path / "cells.csv", index=False)
    made = step("cluster", {"cells": tmp_path / "cells.csv"}, {"transform": "none"})
    found = anndata.read_h5ad(made["folder"] / "cells.h5ad").obs["cluster"].astype(int).tolist()
    graph = fuzzy_graph(values.astype(np.float32), 15)
    peer = graph.community_leiden("modularity", weights="weight", n_iterations=-1)
    ours = graph.modularity(found, weights="weight")
    assert ours >= graph.modularity(peer, weights="weight") - 0.01
    alike = igraph.compare_communities(found, peer.membership, method="adjusted_rand")
    assert alike > (0.98 if apart == 3.0 else 0.4)
    # Nothing of this is chance: the same cells in communities of the same sizes, dealt out anew.
    assert ours > graph.modularity(rng.permutation(found).tolist(), weights="weight") + 0.3
