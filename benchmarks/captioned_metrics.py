"""Shows which figure of the evaluation without a renderer catches which fault, on worlds whose clips are known.

    python -m benchmarks.captioned_metrics                           the default world and `shapes`
    python -m benchmarks.captioned_metrics --world shapes --clips 4000

Each line of the table is a generator that is wrong in one known way. The figures are those of the seen captions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from data.worlds.clips import make_clips, make_clips_for
from data.worlds.presets import pairs_world, shapes_world
from data.worlds.tiers import group_of
from data.worlds.world import WorldConfig
from evaluation.captioned.clips import CaptionedClips
from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.estimates import Estimate
from evaluation.captioned.evaluate import evaluate_captioned, matcher_for
from evaluation.captioned.report import CaptionedReport
from evaluation.captioned.split import Sampler
from evaluation.scoring.frechet import shuffle_frames

Frames = NDArray[np.uint8]

WORLDS = {"default": WorldConfig(), "shapes": shapes_world(), "pairs": pairs_world()}
HELD_OUT_CLIPS = 512


def training_clips(world: WorldConfig, count: int) -> CaptionedClips:
    """Real clips of the seen prompts."""
    made = make_clips(world, seed=0, indices=range(count))
    return CaptionedClips.of(made.frames, made.prompts)


def held_out_clips(world: WorldConfig) -> dict[str, CaptionedClips]:
    """Real clips of the validation and of the test prompts."""
    groups: dict[str, list[str]] = {}
    for tier, prompts in world.tiers.items():
        if group_of(tier) != "seen":
            groups.setdefault(group_of(tier), []).extend(prompts)
    splits = {}
    for number, (name, prompts) in enumerate(groups.items()):
        shown = [prompts[k % len(prompts)] for k in range(HELD_OUT_CLIPS)]
        splits[name] = CaptionedClips.of(make_clips_for(world, prompts=shown, seed=1 + number).frames, shown)
    return splits


def generators(world: WorldConfig, training: CaptionedClips) -> dict[str, Sampler]:
    """A perfect generator, and some that are wrong in one way each."""

    def perfect(captions: Sequence[str], seed: int) -> Frames:
        return make_clips_for(world, prompts=captions, seed=seed).frames

    def altered(alter: Callable[[Frames, np.random.Generator], Frames]) -> Sampler:
        return lambda captions, seed: alter(perfect(captions, seed), np.random.default_rng(seed))

    def ignoring(captions: Sequence[str], seed: int) -> Frames:
        return perfect([str(name) for name in np.random.default_rng(seed).permutation(training.distinct)], seed)[
            np.arange(len(captions)) % len(training.distinct)
        ]

    def one_wrong(captions: Sequence[str], seed: int) -> Frames:
        right, wrong = world.seen_prompts[0], world.seen_prompts[5]
        return perfect([wrong if caption == right else caption for caption in captions], seed)

    def copies(captions: Sequence[str], seed: int) -> Frames:
        generator = np.random.default_rng(seed)
        names = np.array([names[0] for names in training.captions])
        rows = [np.flatnonzero(names == caption) for caption in captions]
        return training.frames[[generator.choice(row) if len(row) else 0 for row in rows]]

    def collapsed(captions: Sequence[str], seed: int) -> Frames:
        return np.concatenate([perfect([caption], 0) for caption in captions])

    def jitter(frames: Frames, generator: np.random.Generator) -> Frames:
        moved = frames.copy()
        for clip in moved:
            for t, (x, y) in enumerate(generator.integers(-1, 2, (len(clip), 2))):
                clip[t] = np.roll(clip[t], (int(y), int(x)), axis=(0, 1))
        return moved

    def noise(frames: Frames, generator: np.random.Generator) -> Frames:
        return np.clip(frames + generator.normal(0, 25, frames.shape), 0, 255).astype(np.uint8)

    return {
        "perfect": perfect,
        "ignores captions": ignoring,
        "wrong motion for one caption": one_wrong,
        "jitter of 1 px": altered(jitter),
        "flicker": altered(noise),
        "shuffled frames": altered(lambda frames, generator: shuffle_frames(frames, seed=0)),
        "frozen": altered(lambda frames, generator: frames[:, :1].repeat(frames.shape[1], axis=1)),
        "collapsed": collapsed,
        "copies of training clips": copies,
    }


def line(name: str, report: CaptionedReport) -> str:
    """The figures of one generator."""
    seen = report.split("seen")
    fixed = seen.retrieval
    cells = [
        fixed.generated.top1.percent,
        f"{fixed.generated.over_captions.low:.2f}-{fixed.generated.over_captions.high:.2f}",
        fixed.real.top1.percent,
        fixed.shuffled.top1.percent,
        fixed.generated.top5.percent,
        f"{seen.worst[0].generated.percent} ({seen.worst[0].caption})",
        ratio(seen.consistency.change.ratio),
        value(seen.consistency.roughness.generated),
        value(seen.consistency.roughness.real),
        ratio(seen.diversity.pixels.ratio),
        ratio(seen.diversity.features.ratio),
        ratio(seen.memorisation.distance.ratio),
        seen.memorisation.near.percent,
        f"{report.frechet.generated.value:.2f}" if report.frechet else "-",
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def ratio(number: float | None) -> str:
    """A ratio of generated to real."""
    return "-" if number is None else f"{number:.2f}"


def value(estimate: Estimate | None) -> str:
    """A value without its interval."""
    return "-" if estimate is None else f"{estimate.value:.3f}"


def show(name: str, clips: int, only: str) -> None:
    """Print the table of one world."""
    world, config = WORLDS[name], CaptionedConfig()
    training, held_out = training_clips(world, clips), held_out_clips(world)
    start, cpu = time.perf_counter(), time.process_time()
    matcher = matcher_for(training, config)
    print(
        f"\n{name}, {clips} training clips, matcher trained in {time.perf_counter() - start:.0f} s, "
        f"{time.process_time() - cpu:.0f} CPU seconds",
        flush=True,
    )
    head = (
        "generator|found|over captions|real|shuffled|best 5|worst caption|change|roughness|real|spread px|spread "
        "features|distance|near|Fréchet"
    )
    print("| " + head.replace("|", " | ") + " |\n" + "| --- " * (1 + head.count("|")) + "|")
    for title, sampler in generators(world, training).items():
        if not title.startswith(only):
            continue
        splits = held_out if title == "perfect" else {}
        report = evaluate_captioned(sampler, training=training, held_out=splits, config=config, matcher=matcher)
        print(line(title, report), flush=True)
        if title == "perfect":
            perfect = report
    for split in perfect.splits:
        found = split.retrieval
        print(
            f"perfect, {split.name}: generated {found.generated.top1}, real {found.real.top1}, shuffled "
            f"{found.shuffled.top1}, best 5 {found.real.top5}, {found.candidates:.0f} candidates"
        )
    print(f"floor {perfect.frechet.floor if perfect.frechet else '-'}, {time.process_time() - cpu:.0f} CPU seconds")


def main() -> None:
    """Print a table per world."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", choices=WORLDS, action="append", help="repeatable")
    parser.add_argument("--clips", type=int, default=2000, help="training clips")
    parser.add_argument("--only", default="", help="only generators whose names begin so; `perfect` is always needed")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.world or ("default", "shapes"):
        show(name, chosen.clips, chosen.only)


if __name__ == "__main__":
    main()
