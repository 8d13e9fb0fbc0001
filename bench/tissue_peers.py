#!/usr/bin/python3
"""The tissue pipeline's kernels beside scikit-image, scipy and igraph, in one run.

    bench/tissue_peers.py [PROGRAM] [--cells N] [--side PIXELS]

PROGRAM is build/release/bench/tissue_bench. Everything runs on one thread; ours is processor time,
the peers' too. Run by hand; bench/run doesn't call it.
"""
import argparse
import os
import pathlib
import subprocess
import tempfile
import time

import igraph
import numpy as np
from scipy import ndimage
from skimage import feature, filters, measure, segmentation


def ours(program, *words):
    done = subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True,
                          env={**os.environ, "STROMA_THREADS": "1"})
    print("ours   ", done.stdout.strip().replace("\n", "\n        "), flush=True)


def timed(text, work):
    start = time.process_time()
    made = work()
    seconds = time.process_time() - start
    print("peer   ", text(made, seconds), flush=True)


def made_slide(side):
    """Disks on a jittered grid, as tissue_bench draws them, and their labels."""
    rng = np.random.default_rng(1)
    slide, labels = np.full((side, side), 500.0), np.zeros((side, side), np.int32)
    down, across = np.mgrid[-14:15, -14:15]
    number = 0
    for cy in range(16, side - 15, 28):
        for cx in range(16, side - 15, 28):
            number += 1
            y, x = cy + rng.integers(-1, 2), cx + rng.integers(-1, 2)
            radius = rng.uniform(8, 12)
            away = np.hypot(down, across)
            slide[y - 14:y + 15, x - 14:x + 15] += 6000 / (1 + np.exp(2 * (away - radius)))
            labels[y - 14:y + 15, x - 14:x + 15][away <= radius] = number
    return (slide + rng.integers(0, 400, slide.shape)).astype(np.uint16), labels


def watershed(slide):
    """Gaussian, Otsu, distance, peaks, watershed: the usual way in scikit-image."""
    smooth = ndimage.gaussian_filter(slide.astype(np.float32), 1)
    mask = smooth > filters.threshold_otsu(smooth)
    distance = ndimage.distance_transform_edt(mask)
    places = feature.peak_local_max(distance, min_distance=5, labels=mask.astype(np.int32))
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(places.T)] = np.arange(1, len(places) + 1)
    return segmentation.watershed(-distance, seeds, mask=mask)


def leiden(program, cells):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "edges"
        ours(program, "leiden", cells, path)
        rows = np.fromfile(path, np.dtype([("a", "<u4"), ("b", "<u4"), ("w", "<f4")]))
    graph = igraph.Graph(cells, np.stack([rows["a"], rows["b"]], 1).tolist())
    weights = rows["w"].tolist()
    for rounds in (2, -1):
        timed(lambda made, s, rounds=rounds:
              f"igraph's Leiden, {'2 rounds' if rounds == 2 else 'until nothing changes'}: "
              f"{len(made)} communities, modularity {graph.modularity(made, weights=weights):.5f}: "
              f"{s:.2f} s",
              lambda rounds=rounds: graph.community_leiden("modularity", weights=weights,
                                                           n_iterations=rounds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default="build/release/bench/tissue_bench")
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=2048)
    asked = parser.parse_args()
    slide, labels = made_slide(asked.side)
    pixels = slide.size / 1e6
    ours(asked.program, "speed", asked.side)
    timed(lambda made, s: f"scikit-image's watershed: {made.max()} nuclei, {pixels / s:.1f} MPix/s",
          lambda: watershed(slide))
    ours(asked.program, "kernel", asked.side)
    ours(asked.program, "measure", asked.side)
    count = labels.max()
    timed(lambda made, s: f"scikit-image's mean: {count / s / 1e3:.0f} k cell·channels/s",
          lambda: measure.regionprops_table(labels, slide, properties=["label", "mean_intensity"]))
    timed(lambda made, s: f"scipy's mean, 1 channel: {count / s / 1e3:.0f} k cell·channels/s",
          lambda: ndimage.mean(slide, labels, np.arange(1, count + 1)))
    timed(lambda made, s: f"scipy's median, 1 channel: {count / s / 1e3:.0f} k cell·channels/s",
          lambda: ndimage.median(slide, labels, np.arange(1, count + 1)))
    timed(lambda made, s: f"scikit-image's shapes: {count / s:.0f} cells/s",
          lambda: measure.regionprops_table(labels, properties=[
              "label", "area", "bbox", "centroid", "eccentricity", "major_axis_length",
              "minor_axis_length", "orientation", "solidity", "extent", "perimeter"]))
    ours(asked.program, "enrich", asked.cells)
    leiden(asked.program, asked.cells)


if __name__ == "__main__":
    main()
