"""Measures what a linear map can read from frozen sentence features, before any network is trained on them.

One linear layer per attribute (colour, shape, motion) is fitted to captions of training clips of the world `shapes`. It
then reads sentences that no training caption says (T4), words that no caption holds (T4w), and plain prompts.

    python -m benchmarks.wording                    the validation halves, 6,000 captions, seed 0
    python -m benchmarks.wording --seeds 0 1 2 --layers 6 0,3,6
    python -m benchmarks.wording --test             the test halves and T3: once, at the end
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from data.worlds.presets import shapes_world
from data.worlds.prompts import Meaning
from data.worlds.wording import captions
from data.worlds.wording.frozen import read_sentences
from models.text.minilm import sentence_encoder
from models.text.sentence_features import as_read

WORLD = shapes_world()
ATTRIBUTES = ("colour", "shape", "motion")
PENALTY = 1e-3
"""Weight of the squared weights, beside the mean cross entropy over captions. Features have unit variance."""


def training(count: int, *, seed: int) -> tuple[list[str], list[Meaning]]:
    """Return `count` varied captions of training prompts that are drawn uniformly, and what they mean."""
    scenes = [WORLD.scene_of(prompt) for prompt in WORLD.seen_prompts]
    chosen = [scenes[number] for number in np.random.default_rng(seed).integers(len(scenes), size=count).tolist()]
    texts = [captions(scene, seed=seed, index=index, count=2)[1] for index, scene in enumerate(chosen)]
    return texts, [scene[0] for scene in chosen]


def sentences(*, test: bool) -> dict[str, dict[str, str]]:
    """Return the texts of each tier, and for each text the prompt that means the same."""
    new, words = read_sentences("new_sentences"), read_sentences("new_words")
    plain = {name: {prompt: prompt for prompt in prompts} for name, prompts in WORLD.tiers.items()}
    if test:
        return {"T4, test": new.test, "T4w, test": words.test, "T3": plain["T3"]}
    return {"T4": new.validation, "T4w": words.validation, "T0": plain["T0"], "V3": plain["V3"]}


class Probe:
    """Linear layers on standardised features, one per attribute, fitted by multinomial logistic regression."""

    def __init__(self, features: Tensor, meanings: Sequence[Meaning]) -> None:
        """Fit to features float32 (N, F) and the meanings of their texts."""
        self._mean, self._std = features.mean(0), features.std(0)
        ready = self._ready(features)
        self._fits = {name: _fit(ready, [str(getattr(one, name)) for one in meanings]) for name in ATTRIBUTES}

    def right(self, features: Tensor, meanings: Sequence[Meaning]) -> dict[str, Tensor]:
        """Return which texts are read right: bool (N,) for each attribute, and for "all" of them together."""
        found = {}
        for name, (weight, bias, classes) in self._fits.items():
            read = (self._ready(features) @ weight + bias).argmax(1).tolist()
            found[name] = torch.tensor(
                [classes[place] == getattr(one, name) for place, one in zip(read, meanings, strict=True)]
            )
        return found | {"all": torch.stack(list(found.values())).all(0)}

    def _ready(self, features: Tensor) -> Tensor:
        return (features - self._mean) / self._std


def _fit(features: Tensor, labels: Sequence[str]) -> tuple[Tensor, Tensor, list[str]]:
    classes = sorted(set(labels))
    targets = torch.tensor([classes.index(label) for label in labels])
    weight = torch.zeros(features.shape[1], len(classes), requires_grad=True)
    bias = torch.zeros(len(classes), requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = functional.cross_entropy(features @ weight + bias, targets) + PENALTY * weight.square().sum()
        torch.autograd.backward(value)
        return value

    solver.step(loss)
    return weight.detach(), bias.detach(), classes


def rows(
    means: Tensor, meanings: Sequence[Meaning], tiers: Mapping[str, tuple[Tensor, list[Meaning]]], layers: Sequence[int]
) -> Iterator[str]:
    """Yield the rows of the table for features from some layers; `means` are float32 (N, layers + 1, 384)."""
    probe = Probe(means[:, list(layers)].flatten(1), meanings)
    for tier, (states, wanted) in tiers.items():
        right = probe.right(states[:, list(layers)].flatten(1), wanted)
        rates = " | ".join(f"{100 * right[name].float().mean():.1f}" for name in (*ATTRIBUTES, "all"))
        yield f"| {', '.join(map(str, layers))} | {tier} | {len(wanted)} | {rates} |"


def main() -> None:
    """Print a table of Markdown: percent of texts that are read right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--captions", type=int, default=6000, help="number of training captions")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of the training captions")
    parser.add_argument("--layers", nargs="+", default=["6", "0,3,6"], help="layers side by side, as in 0,3,6")
    parser.add_argument("--test", action="store_true", help="score the test halves")
    arguments = parser.parse_args()
    groups = [[int(layer) for layer in group.split(",")] for group in arguments.layers]
    encoder, last = sentence_encoder(), max(map(max, groups))
    tiers = {
        name: (
            encoder.means([as_read(text) for text in texts], last=last),
            [WORLD.scene_of(prompt)[0] for prompt in texts.values()],
        )
        for name, texts in sentences(test=arguments.test).items()
    }
    for seed in arguments.seeds:
        texts, meanings = training(arguments.captions, seed=seed)
        start = time.process_time()
        means = encoder.means([as_read(text) for text in texts], last=last)
        print(f"\nseed {seed}: {len(texts) / (time.process_time() - start):.0f} sentences per CPU second\n")
        print("| layers | tier | texts | colour | shape | motion | all |", "| --- " * 7 + "|", sep="\n")
        for layers in groups:
            for row in rows(means, meanings, tiers, layers):
                print(row, flush=True)


if __name__ == "__main__":
    main()
