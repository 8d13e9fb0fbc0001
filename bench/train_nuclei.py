#!/usr/bin/env python3
"""Trains a small network for nuclei and writes it as ONNX: examples/networks/nuclei.onnx is one.

bench/train_nuclei.py FOLDER OUT.onnx [--half even|odd] [--steps N] [--seed N] [--threads N]

FOLDER has images/*.png and labels/*.png of one name (the public set of 2018 that docs/tissue.md
scores on). --half trains on every second picture by name, for cross-validation: what a network
is scored on it must not have seen. Needs Debian's python3-torch, python3-scipy and python3-skimage;
nothing of Stroma does.
"""
import argparse
import os
import time

import numpy as np
import torch
from scipy import ndimage
from skimage import io, transform
from torch import nn
from torch.nn import functional

CROP = 192


class Block(nn.Sequential):
    def __init__(self, many, out):
        super().__init__(nn.Conv2d(many, out, 3, padding=1, bias=False), nn.BatchNorm2d(out),
                         nn.ReLU(inplace=True),
                         nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out),
                         nn.ReLU(inplace=True))


class Net(nn.Module):
    """A U-Net at half resolution: brightness in, two maps of logits out."""

    def __init__(self, a=16, b=24, c=48):
        super().__init__()
        self.first = nn.Conv2d(2, a, 4, stride=2, padding=1)
        self.down = nn.ModuleList([Block(a, a), Block(a, b), Block(b, c)])
        self.up = nn.ModuleList([Block(c + b, b), Block(b + a, a)])
        self.last = nn.ConvTranspose2d(a, 2, 4, stride=2, padding=1)

    def forward(self, x):
        # Dim nuclei beside bright ones differ by a factor, which the logarithm makes a distance.
        x = torch.cat([x, torch.log(functional.relu(x) + 0.02)], 1)
        x = functional.relu(self.first(x))
        fine = self.down[0](x)
        middle = self.down[1](functional.max_pool2d(fine, 2))
        coarse = self.down[2](functional.max_pool2d(middle, 2))
        middle = self.up[0](torch.cat([functional.interpolate(coarse, scale_factor=2), middle], 1))
        fine = self.up[1](torch.cat([functional.interpolate(middle, scale_factor=2), fine], 1))
        return self.last(fine)


def scaled(image):
    """From the 1 % to the 99.8 % quantile of the picture, as the program does for a slide."""
    low, high = np.percentile(image, (1, 99.8))
    return (image.astype(np.float32) - low) / max(high - low, 1)


def targets(labels):
    """Foreground, and of each pixel its depth over the largest depth of its nucleus."""
    depth = np.zeros(labels.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        mine = np.pad(labels[box] == number, 1)
        inside = ndimage.distance_transform_edt(mine)[1:-1, 1:-1]
        depth[box] = np.where(mine[1:-1, 1:-1], inside / inside.max(), depth[box])
    return np.stack([(labels > 0).astype(np.float32), depth])


def pictures(folder, half):
    names = sorted(os.listdir(os.path.join(folder, "images")))
    if half:
        names = names[0 if half == "even" else 1::2]
    for name in names:
        image = io.imread(os.path.join(folder, "images", name))
        if image.ndim == 3:
            image = image[..., 0]
        labels = io.imread(os.path.join(folder, "labels", name)).astype(np.int32)
        yield scaled(image), labels


def crop(image, labels, random):
    """A square of CROP pixels, turned, mirrored, larger or smaller, darker or brighter."""
    zoom = float(np.exp(random.uniform(np.log(0.65), np.log(1.55))))
    side = int(round(CROP / zoom))
    pad = [(0, max(0, side - n)) for n in image.shape]
    if any(p[1] for p in pad):
        image, labels = np.pad(image, pad, mode="reflect"), np.pad(labels, pad, mode="reflect")
    y = random.integers(0, image.shape[0] - side + 1)
    x = random.integers(0, image.shape[1] - side + 1)
    image, labels = image[y:y + side, x:x + side], labels[y:y + side, x:x + side]
    if side != CROP:
        at = np.minimum(((np.arange(CROP) + 0.5) * side / CROP).astype(int), side - 1)
        labels = labels[at][:, at]
        image = transform.resize(image, (CROP, CROP), order=1, anti_aliasing=side > CROP)
    turns = int(random.integers(4))
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    if random.integers(2):
        image, labels = image[::-1], labels[::-1]
    image = np.clip(image, 0, None) ** random.uniform(0.8, 1.25) * random.uniform(0.7, 1.4)
    image = image + random.normal(0, random.uniform(0, 0.02), image.shape)
    return image.astype(np.float32), targets(np.ascontiguousarray(labels))


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("folder")
    ask.add_argument("out")
    ask.add_argument("--half", choices=["even", "odd"])
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--threads", type=int, default=1)
    ask.add_argument("--steps", type=int, default=2000)
    said = ask.parse_args()
    torch.manual_seed(said.seed)
    torch.set_num_threads(said.threads)
    random = np.random.default_rng(said.seed)
    known = list(pictures(said.folder, said.half))
    # Pictures with many nuclei are drawn more often.
    weights = np.array([np.sqrt(len(np.unique(labels))) for _, labels in known])
    weights /= weights.sum()
    net = Net().to(memory_format=torch.channels_last)
    print(sum(p.numel() for p in net.parameters()), "weights", len(known), "pictures", flush=True)
    learner = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    begin, lost = time.process_time(), []
    plan = torch.optim.lr_scheduler.OneCycleLR(learner, 6e-3, total_steps=said.steps,
                                               pct_start=0.15)
    for step in range(said.steps):
        batch = [crop(*known[random.choice(len(known), p=weights)], random) for _ in range(8)]
        images = torch.from_numpy(np.stack([b[0] for b in batch])[:, None])
        wanted = torch.from_numpy(np.stack([b[1] for b in batch]))
        said_maps = net(images.to(memory_format=torch.channels_last))
        loss = functional.binary_cross_entropy_with_logits(said_maps[:, 0], wanted[:, 0])
        loss = loss + 2 * functional.binary_cross_entropy_with_logits(said_maps[:, 1], wanted[:, 1])
        learner.zero_grad(set_to_none=True)
        loss.backward()
        learner.step()
        plan.step()
        lost.append(loss.item())
        if step % 25 == 24:
            print(step + 1, f"{np.mean(lost[-25:]):.4f}", f"{time.process_time() - begin:.0f} s",
                  flush=True)
    net.eval()
    whole = nn.Sequential(net, nn.Sigmoid())
    torch.onnx.export(whole, torch.zeros(1, 1, 64, 64), said.out, input_names=["image"],
                      output_names=["maps"], opset_version=11,
                      dynamic_axes={"image": {2: "height", 3: "width"},
                                    "maps": {2: "height", 3: "width"}})


if __name__ == "__main__":
    main()
