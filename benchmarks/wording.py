"""Measures how the reader of free words reads, before any network is trained on what it says.

It is fitted to captions of training clips of the world `shapes`, as in a training. A text counts as read right if it is
read as the words of its plain prompt and no others. "diagonally" does not count: it changes no motion.

    python -m benchmarks.wording                    the validation halves, 6,000 captions, seed 0: 3 CPU minutes
    python -m benchmarks.wording --captions 3000 6000 20000
    python -m benchmarks.wording --test             the test halves and T3: once, at the end
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from data.worlds.presets import shapes_world
from data.worlds.wording import captions
from models.text.minilm import sentence_encoder
from models.text.sentence_features import SentenceStates
from models.text.soft_words import SoftWords
from models.text.tokens import word_counts

WORLD = shapes_world().model_copy(update={"varied_captions": 1})
WORDS = WORLD.plain_words
JUDGED = torch.tensor([word != "diagonally" for word in WORDS.words])
TIERS = {False: ("T0", "V3", "V4", "V4w"), True: ("T3", "T4", "T4w")}


def training(count: int, *, seed: int) -> tuple[list[str], list[str]]:
    """Return `count` varied captions of training prompts that are drawn uniformly, and these prompts."""
    drawn = np.random.default_rng(seed).integers(len(WORLD.seen_prompts), size=count).tolist()
    prompts = [WORLD.seen_prompts[number] for number in drawn]
    scenes = {prompt: WORLD.scene_of(prompt) for prompt in WORLD.seen_prompts}
    texts = [captions(scenes[one], seed=seed, index=index, count=2)[1] for index, one in enumerate(prompts)]
    return texts, prompts


def plain(texts: Iterable[str]) -> list[str]:
    """Return the plain prompts that mean the same as texts of the world."""
    return [str(WORLD.scene_of(text)[0]) for text in texts]


def fitted(features: Tensor, prompts: list[str], seen: Tensor) -> SoftWords:
    """Return a reader that is fitted to features of varied captions, and to those of the plain prompts as often."""
    reader = SoftWords(SentenceStates.width, len(WORDS.words), width=4)
    often = torch.cat([torch.ones(len(prompts)), torch.full((len(seen),), len(prompts) / len(seen))])
    words = word_counts(WORDS, [*prompts, *WORLD.seen_prompts])
    reader.fit(torch.cat([features, seen]), words, often=often)
    return reader


def right(reader: SoftWords, features: Tensor, prompts: list[str]) -> float:
    """Return the share of texts that are read right, 0 to 1."""
    read = features @ reader.weight + reader.bias > 0  # (N, V)
    wrong = read != word_counts(WORDS, prompts).bool()
    return float((~wrong[:, JUDGED].any(1)).float().mean())


def main() -> None:
    """Print a table of Markdown: percent of texts that are read right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--captions", type=int, nargs="+", default=[6000], help="numbers of training captions")
    parser.add_argument("--seed", type=int, default=0, help="seed of the training captions")
    parser.add_argument("--test", action="store_true", help="score the test halves")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text, encoder = SentenceStates(), sentence_encoder()
    encoder.means(["warm"])
    tiers = {name: WORLD.tiers[name] for name in TIERS[arguments.test]}
    states = {name: text.features(texts) for name, texts in tiers.items()}
    seen = text.features(WORLD.seen_prompts)
    texts, prompts = training(max(arguments.captions), seed=arguments.seed)
    start = time.process_time()
    features = text.features(texts)
    print(f"{len(texts) / (time.process_time() - start):.0f} sentences per CPU second\n")
    print(f"| captions | {' | '.join(tiers)} |", "| --- " * (1 + len(tiers)) + "|", sep="\n")
    for count in arguments.captions:
        reader = fitted(features[:count], prompts[:count], seen)
        rates = [f"{100 * right(reader, states[name], plain(texts)):.1f}" for name, texts in tiers.items()]
        print(f"| {count} | {' | '.join(rates)} |", flush=True)


if __name__ == "__main__":
    main()
