"""A made-up slide, and the pipeline's steps as they are started by an engine."""
import json
import pathlib
import subprocess

import numpy as np
import pytest
import tifffile

from pipeline_bench import Bench

RNG_SEED = 7


def made_labels(height, width, seed=RNG_SEED):
    """Ellipses on a jittered grid; a ragged one, a line, a single pixel, a gap in the ids."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[-16:17, -16:17]
    labels = np.zeros((height, width), np.uint32)
    number = 0
    for cy in range(20, height - 20, 28):
        for cx in range(20, width - 20, 28):
            number += 2 if number == 4 else 1
            y, x = cy + rng.integers(-3, 4), cx + rng.integers(-3, 4)
            a, b, turn = rng.uniform(5, 11), rng.uniform(5, 11), rng.uniform(0, 3)
            u = across * np.cos(turn) + down * np.sin(turn)
            v = -across * np.sin(turn) + down * np.cos(turn)
            inside = (u / a) ** 2 + (v / b) ** 2 <= 1
            if number == 7:
                inside &= rng.random(inside.shape) > 0.1
            labels[y - 16:y + 17, x - 16:x + 17][inside] = number
    labels[2, 3:9] = number + 5
    labels[5, 12] = number + 9
    return labels


@pytest.fixture(scope="session")
def slide(tmp_path_factory):
    """A folder with slide.ome.tiff (DAPI, CD3, CD8; 0.5 um a pixel), cells.tif and nuclei.tif."""
    folder = tmp_path_factory.mktemp("slide")
    labels = made_labels(620, 1130)
    rng = np.random.default_rng(RNG_SEED)
    pixels = np.stack([
        np.where(labels > 0, 6000, 300) + rng.integers(0, 200, labels.shape),
        labels % 97 * 500 + rng.integers(0, 500, labels.shape),
        rng.integers(0, 65536, labels.shape)]).astype(np.uint16)
    tifffile.imwrite(folder / "slide.ome.tiff", pixels, tile=(256, 256), compression="zlib",
                     metadata={"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5,
                               "Channel": {"Name": ["DAPI", "CD3", "CD8"]}})
    tifffile.imwrite(folder / "cells.tif", labels)
    across, down = np.meshgrid(np.arange(1130) % 28 - 18, np.arange(620) % 28 - 18)
    nuclei = np.where(np.hypot(across, down) < 6, labels, 0).astype(np.uint32)
    tifffile.imwrite(folder / "nuclei.tif", nuclei)
    return types_of(folder, pixels, labels, nuclei)


def types_of(folder, pixels, labels, nuclei):
    class Slide:
        pass
    Slide.folder, Slide.pixels, Slide.labels, Slide.nuclei = folder, pixels, labels, nuclei
    return Slide


@pytest.fixture
def step(stroma_binary, tmp_path):
    """step(name, inputs, parameters, …): runs a task; its outputs.json with paths, its progress."""
    def run(name, inputs, parameters=None, output="out", refused=None, **more):
        task = {"step": name, "parameters": parameters or {}, "output": str(tmp_path / output),
                "inputs": {port: [str(path) for path in (paths if isinstance(paths, list)
                                                         else [paths])]
                           for port, paths in inputs.items()}, **more}
        path = tmp_path / "task.json"
        path.write_text(json.dumps(task))
        done = subprocess.run([stroma_binary, "pipeline", "step", name, path], check=False,
                              capture_output=True, text=True, timeout=600)
        if refused is not None:
            assert done.returncode == refused, done.stderr
            return json.loads(done.stderr.splitlines()[-1])
        assert done.returncode == 0, done.stderr
        made = json.loads((tmp_path / output / "outputs.json").read_text())
        made["folder"] = pathlib.Path(task["output"])
        made["progress"] = [json.loads(line) for line in done.stdout.splitlines()]
        return made
    return run


@pytest.fixture
def bench(tmp_path, run, run_json):
    """A folder with a pipeline, its stage and two inputs."""
    return Bench(tmp_path, run, run_json)
