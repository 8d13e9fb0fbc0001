#!/usr/bin/env python3
"""Makes the small networks of test_networks.py, and what another engine says of them.

test/tissue/networks/make_networks.py        (needs Debian's python3-torch 1.13; the tests don't)

Each test/corpus/onnx/NAME.onnx has random weights, by torch's own exporter; NAME.bin beside this
holds an input and what torch answers, 32-bit floats. The networks have the operators and the shape
of those that people use. stars.bin and flows.bin hold maps as such networks give them, and the
labels that plain numpy and scipy make of them by the papers' rules.
"""
import pathlib

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parent.parent / "corpus/onnx"
SIDE = 48


class Star(nn.Module):
    """As StarDist's: grid 2, a probability and radii, batch normalisation that is kept apart."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.second = nn.Conv2d(6, 8, 3, padding=1)
        self.deep = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=2)
        self.back = nn.Conv2d(20, 8, 3, padding=1)
        self.probability = nn.Conv2d(8, 1, 1)
        self.radii = nn.Conv2d(8, 16, 1)

    def forward(self, x):
        x = functional.max_pool2d(self.first(x), 2)
        fine = functional.leaky_relu(self.second(x), 0.1)
        deep = torch.tanh(self.deep(functional.avg_pool2d(fine, 2)))
        x = torch.cat([functional.interpolate(deep, scale_factor=2, mode="nearest"), fine], 1)
        x = functional.relu(self.back(x))
        return torch.sigmoid(self.probability(x)), 4 + functional.softplus(self.radii(x))


class Flow(nn.Module):
    """As Cellpose's: residual blocks, a vector of style added everywhere, two channels in."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.down = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.style = nn.Linear(12, 12)
        self.up = nn.ConvTranspose2d(12, 8, 3, stride=2, padding=1, output_padding=1)
        self.last = nn.Conv2d(8, 3, 1)

    def forward(self, x):
        x = self.first(x)
        fine = x + functional.relu(self.norm(x))
        deep = functional.relu(self.down(fine))
        style = deep.mean(dim=(2, 3))
        style = style / torch.sum(style ** 2, dim=1, keepdim=True) ** 0.5
        deep = deep + self.style(style)[:, :, None, None]
        return self.last(self.up(deep) + fine), style


class Shares(nn.Module):
    """Three shares that add up to one, by steps of arithmetic as exporters leave them."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 4, stride=2, padding=1)
        self.middle = nn.Conv2d(8, 6, 3, padding=1)
        self.up = nn.ConvTranspose2d(6, 3, 4, stride=2, padding=1)

    def forward(self, x):
        x = torch.log(functional.relu((x - 0.25) / 1.5) + 0.02)
        x = functional.elu(self.first(x))
        x = torch.cat([x, torch.exp(-torch.abs(x))], 1)
        x = functional.interpolate(functional.max_pool2d(self.middle(x), 2), scale_factor=2,
                                   mode="bilinear", align_corners=False)
        x = 3 - 2 * torch.clamp(self.up(x), -2, 2)
        return torch.softmax(x.permute(0, 2, 3, 1), -1)


def settled(net, channels):
    """With statistics of batch normalisation that aren't 0 and 1."""
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(2, channels, 64, 64) * 2 + 1)
    return net.eval()


def write(name, net, channels, opset, **more):
    net = settled(net, channels)
    image = torch.from_numpy(np.random.default_rng(5).random((1, channels, SIDE, SIDE))
                             .astype(np.float32))
    with torch.no_grad():
        said = net(image)
    said = [part.numpy() for part in (said if isinstance(said, tuple) else (said,))]
    outputs = [f"output{i}" for i in range(len(said))]
    torch.onnx.export(net, image, MODELS / f"{name}.onnx", input_names=["image"],
                      output_names=outputs, opset_version=opset, **more,
                      dynamic_axes={one: {2: "h", 3: "w"} for one in ["image"]})
    (HERE / f"{name}.bin").write_bytes(
        b"".join(part.astype("<f4").tobytes() for part in [image.numpy(), *said]))


class Bright(nn.Module):
    """Finds bright disks: what a person may bring at least."""

    def __init__(self):
        super().__init__()
        self.blur = nn.Conv2d(1, 1, 5, padding=2, bias=False)
        ring = torch.tensor([1.0, 4, 6, 4, 1]) / 16
        self.blur.weight.data[0, 0] = ring[:, None] * ring

    def forward(self, x):
        return torch.sigmoid(24 * self.blur(x) - 12)


class Odd(nn.Module):
    """Has an operator that isn't known."""

    def forward(self, x):
        return torch.sin(x)


def inside(y, x, ys, xs):
    """Even-odd rule at the middles of pixels, for all pixels at once."""
    is_in = np.zeros(y.shape, bool)
    for k in range(len(ys)):
        y0, x0, y1, x1 = ys[k - 1], xs[k - 1], ys[k], xs[k]
        if y0 == y1:
            continue
        crosses = (y0 <= y) != (y1 <= y)
        is_in ^= crosses & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return is_in


def make_stars(rays=16, side=80, overlap=0.3):
    """count, rays, side; of each candidate probability, y, x, radii; then the labels."""
    rng = np.random.default_rng(11)
    angles = 2 * np.pi * np.arange(rays) / rays
    stars = []
    for _ in range(14):
        cy, cx, r = rng.uniform(4, side - 4), rng.uniform(4, side - 4), rng.uniform(5, 11)
        for _ in range(9):  # as neighbouring places propose the same object
            radii = r * rng.uniform(0.8, 1.2, rays)
            stars.append((np.float32(rng.uniform(0.5, 1)), int(cy + rng.integers(-3, 4)),
                          int(cx + rng.integers(-3, 4)), radii.astype(np.float32)))
    y, x = np.mgrid[-40:side + 40, -40:side + 40].astype(float)
    masks = [inside(y, x, cy + r * np.sin(angles), cx + r * np.cos(angles))
             for _, cy, cx, r in stars]
    order = sorted(range(len(stars)), key=lambda i: (-stars[i][0], stars[i][1], stars[i][2]))
    kept = []
    for i in order:
        if all((masks[i] & masks[j]).sum() <= overlap * min(masks[i].sum(), masks[j].sum())
               for j in kept):
            kept.append(i)
    labels = np.zeros((side, side), np.uint32)
    drawn = []
    for i in kept:
        free = masks[i][40:-40, 40:-40] & (labels == 0)
        if free.any():
            labels[free] = len(drawn) + 1
            drawn.append(i)
    rank = sorted(range(len(drawn)), key=lambda k: stars[drawn[k]][1:3])
    names = np.zeros(len(drawn) + 1, np.uint32)
    for number, k in enumerate(rank, 1):
        names[k + 1] = number
    parts = [np.array([len(stars), rays, side], "<f4")]
    parts += [np.concatenate([[p, cy, cx], r]).astype("<f4") for p, cy, cx, r in stars]
    (HERE / "stars.bin").write_bytes(b"".join(
        part.tobytes() for part in [*parts, names[labels].astype("<f4")]))


def heat_flows(mask):
    """Unit flows to the middle of a mask, by heat that spreads within it."""
    mask = np.pad(mask, 1)
    ys, xs = np.nonzero(mask)
    at = np.argmin((ys - np.median(ys)) ** 2 + (xs - np.median(xs)) ** 2)
    heat = np.zeros(mask.shape)
    for _ in range(2 * (np.ptp(ys) + 1 + np.ptp(xs) + 1)):
        heat[ys[at], xs[at]] += 1
        heat = np.where(mask, ndimage.uniform_filter(heat, 3, mode="constant"), 0)
    heat = np.log1p(heat)
    flows = np.zeros((2, *mask.shape))
    flows[0, 1:-1] = heat[2:] - heat[:-2]
    flows[1, :, 1:-1] = heat[:, 2:] - heat[:, :-2]
    flows /= np.hypot(*flows) + 1e-20
    return (flows * mask)[:, 1:-1, 1:-1]


def make_flows(side=96):
    """side; flows down, right, is_cell; then the labels. Flows are as the decoder takes them."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:side, :side]
    truth = np.zeros((side, side), int)
    for number in range(1, 15):
        cy, cx, a, b = rng.uniform(8, side - 8, 2).tolist() + rng.uniform(5, 12, 2).tolist()
        truth[(((y - cy) / a) ** 2 + ((x - cx) / b) ** 2 <= 1) & (truth == 0)] = number
    flows = sum(heat_flows(truth == number) for number in np.unique(truth)[1:])
    flows = flows + rng.normal(0, 0.15, flows.shape)
    flows[:, (truth == 3) | (truth == 7)] *= 0.2  # the quality check lets these go
    flows = np.where(truth > 0, flows, 0).astype(np.float32)
    ends = np.stack([y, x]).astype(float)[:, truth > 0]
    for _ in range(200):
        y0, x0 = ends.astype(int)
        y1, x1 = np.minimum(y0 + 1, side - 1), np.minimum(x0 + 1, side - 1)
        fy, fx = ends[0] - y0, ends[1] - x0
        wide = flows.astype(float)
        step = ((wide[:, y0, x0] * (1 - fx) + wide[:, y0, x1] * fx) * (1 - fy)
                + (wide[:, y1, x0] * (1 - fx) + wide[:, y1, x1] * fx) * fy)
        ends = np.clip(ends + step, 0, side - 1)
    ends = ends.astype(int)
    counts = np.zeros((side, side), int)
    np.add.at(counts, tuple(ends), 1)
    peaks = np.argwhere((counts > 10) & (counts == ndimage.maximum_filter(counts, 5)))
    peaks = peaks[np.argsort(-counts[tuple(peaks.T)], kind="stable")]
    cells = np.zeros((side, side), int)
    for number, (py, px) in enumerate(peaks, 1):
        grown = np.zeros((side, side), bool)
        grown[py, px] = True
        for _ in range(5):
            grown |= ndimage.binary_dilation(grown, np.ones((3, 3))) & (counts > 2)
        cells[grown] = number
    labels = np.zeros((side, side), int)
    labels[truth > 0] = cells[tuple(ends)]
    for number in np.unique(labels)[1:]:
        mask = labels == number
        error = ((heat_flows(mask) - flows)[:, mask] ** 2).sum(0).mean()
        if mask.sum() < 15 or error > 0.4:
            labels[mask] = 0
    for number in np.unique(labels)[1:]:
        labels[ndimage.binary_fill_holes(labels == number) & (labels == 0)] = number
    names, first = np.unique(labels, return_index=True)
    rank = np.zeros(names.max() + 1)
    rank[names[1:][np.argsort(first[1:])]] = np.arange(1, len(names))
    print(len(peaks), "peaks", len(names) - 1, "cells of", len(np.unique(truth)) - 1)
    (HERE / "flows.bin").write_bytes(b"".join(
        np.asarray(part).astype("<f4").tobytes()
        for part in [side, flows, truth > 0, rank[labels]]))


if __name__ == "__main__":
    torch.manual_seed(3)
    write("star", Star(), 1, 11, training=torch.onnx.TrainingMode.PRESERVE,
          do_constant_folding=False)
    write("flow", Flow(), 2, 12)
    write("shares", Shares(), 1, 13)
    for name, net in (("bright", Bright()), ("odd", Odd())):
        torch.onnx.export(net, torch.zeros(1, 1, 8, 8), MODELS / f"{name}.onnx", opset_version=11,
                          input_names=["image"], dynamic_axes={"image": {2: "h", 3: "w"}})
    make_stars()
    make_flows()
