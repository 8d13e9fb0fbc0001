#!/usr/bin/env python3
"""Trains what chooses nuclei among pieces and their unions: src/tissue/segment/nucleus_rule.cpp.

bench/train_choice.py CANDIDATES.csv FOLDER [--out RULE.cpp] [--folds random|halves|sizes|none]

CANDIDATES.csv is what `tissue_bench candidates FOLDER CANDIDATES.csv` writes; FOLDER has the masks.
--folds says how what is learned is proven: by pictures in ten parts by chance, by every second
picture, or by all pictures of one size left out; none trains alone. Needs Debian's
python3-sklearn and python3-pil.
"""
import argparse
import csv
import os

import numpy as np
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier

EVEN = 0.4  # a candidate of this chance neither gains nor loses; as in candidates.cpp
# Rounder never is less of a nucleus; a ragged outline or light beside it never more.
ALWAYS = {1: 1, 3: -1, 12: -1}


class Candidates:
    """Of each candidate its picture, its parts, its features, and its overlap with a true one."""

    def __init__(self, path):
        with open(path, newline="", encoding="ascii") as file:
            rows = list(csv.reader(file))
        self.names = np.array([row[0] for row in rows])
        self.sizes = np.array([row[1] for row in rows])
        numbers = np.array([row[2:] for row in rows], np.float32)
        self.parts = numbers[:, :2].astype(int)
        self.pixels, self.overlap = numbers[:, 3], numbers[:, 4]
        self.features = numbers[:, 5:]
        starts = np.flatnonzero(np.r_[True, self.names[1:] != self.names[:-1]])
        self.pictures = list(zip(starts, np.r_[starts[1:], len(rows)]))
        self.picture = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(rows)]))


def learned(features, is_true):
    rule = HistGradientBoostingClassifier(
        max_leaf_nodes=12, max_iter=60, learning_rate=0.1, min_samples_leaf=30,
        l2_regularization=1.0, early_stopping=False, random_state=0,
        monotonic_cst=[ALWAYS.get(i, 0) for i in range(features.shape[1])])
    return rule.fit(features, is_true)


def chances(rule, features):
    return rule.predict_proba(features)[:, 1]


def chosen(parts, chance):
    """As choose() in candidates.cpp: the unions of a tree that have most over EVEN together."""
    value = np.where(chance >= EVEN, chance - EVEN, 0.01 * (chance - EVEN))
    best, is_taken, has_parent = value.copy(), np.ones(len(value), bool), np.zeros(len(value), bool)
    for i, (left, right) in enumerate(parts):
        if left < 0:
            continue
        has_parent[[left, right]] = True
        apart = best[left] + best[right]
        is_taken[i] = value[i] >= apart
        best[i] = max(value[i], apart)
    asked, out = list(np.flatnonzero(~has_parent)), []
    while asked:
        i = asked.pop()
        if not is_taken[i]:
            asked += list(parts[i])
        elif chance[i] >= EVEN:
            out.append(i)
    return out


def scores(known, chance, truths, least=0.5):
    """By size of picture: matched, found, true."""
    counts = {}
    for first, end in known.pictures:
        taken = first + np.array(chosen(known.parts[first:end], chance[first:end]), int)
        found = np.array([np.sum(known.overlap[taken] > least), np.sum(known.pixels[taken] > 0),
                          truths[known.names[first]]])
        for group in (known.sizes[first], "all"):
            counts[group] = counts.get(group, 0) + found
    return counts


def print_scores(what, counts):
    for group, (matched, found, true) in sorted(counts.items()):
        print(f"{what} {group:>10}: F1 {2 * matched / (found + true):.4f} "
              f"AP {matched / (found + true - matched):.4f} found {found} true {true}")


def as_float(number):
    text = f"{number:.5g}"
    return text + ("f" if "." in text or "e" in text else ".f")


def as_source(rule):
    """The trees one after another, each depth first; -1 marks a leaf."""
    lines, words = [], []

    def put(nodes, at):
        node = nodes[at]
        if node["is_leaf"]:
            words.append(f"{{-1, {as_float(node['value'])}, 0}}")
            return
        here = len(words)
        words.append("")
        put(nodes, node["left"])
        words[here] = (f"{{{node['feature_idx']}, {as_float(node['num_threshold'])}, "
                       f"{len(words) - here}}}")
        put(nodes, node["right"])

    starts = []
    for tree, in rule._predictors:
        starts.append(len(words))
        put(tree.nodes, 0)
    line = "   "
    for word in words:
        if len(line) + len(word) > 97:
            lines.append(line)
            line = "   "
        line += f" {word},"
    lines.append(line)
    return f"""// Made by bench/train_choice.py of public pictures (docs/tissue.md).
#include "tissue/segment/nucleus_rule.h"

namespace stroma::tissue {{

// clang-format off
const float rule_bias = {as_float(float(rule._baseline_prediction))};
const std::uint16_t rule_starts[rule_trees] = {{
{wrapped(starts)}
}};
const RuleNode rule_nodes[] = {{
{os.linesep.join(lines)}
}};
// clang-format on

}}  // namespace stroma::tissue
"""


def wrapped(numbers):
    lines, line = [], "   "
    for number in numbers:
        if len(line) > 90:
            lines.append(line)
            line = "   "
        line += f" {number},"
    return "\n".join(lines + [line])


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ask.add_argument("candidates")
    ask.add_argument("folder")
    ask.add_argument("--out")
    ask.add_argument("--folds", choices=["random", "halves", "sizes", "none"], default="random")
    said = ask.parse_args()
    known = Candidates(said.candidates)
    truths = {}
    for name in os.listdir(os.path.join(said.folder, "labels")):
        labels = np.asarray(Image.open(os.path.join(said.folder, "labels", name)))
        truths[name.removesuffix(".png")] = len(np.unique(labels[labels > 0]))
    is_true = known.overlap > 0.5
    if said.folds != "none":
        groups = {"random": np.random.default_rng(0).permutation(len(known.pictures))[
                      known.picture] % 10,
                  "halves": known.picture % 2,
                  "sizes": np.unique(known.sizes, return_inverse=True)[1]}[said.folds]
        chance = np.zeros(len(is_true))
        for group in np.unique(groups):
            mine = groups == group
            chance[mine] = chances(learned(known.features[~mine], is_true[~mine]),
                                   known.features[mine])
        print_scores("F1 at 0.5, left out,", scores(known, chance, truths))
        print_scores("F1 at 0.75, left out,", scores(known, chance, truths, 0.75))
    if said.out:
        rule = learned(known.features, is_true)
        with open(said.out, "w", encoding="ascii") as file:
            file.write(as_source(rule))
        print_scores("of itself", scores(known, chances(rule, known.features), truths))


if __name__ == "__main__":
    main()
