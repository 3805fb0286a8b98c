"""Derives and checks the limits of the metric (`evaluation.scoring.limits`) on real and on altered clips.

    python -m benchmarks.metric_limits                       2,000 real clips per world, 400 clips per alteration
    python -m benchmarks.metric_limits --clips 400 --altered 100

First it shows what real clips of every world reach, beside the limit. Then it shows which share of altered clips the
metric refuses, and by which attributes. The exit code is 1 unless 99.5 % of the real clips of every world pass and 99 %
of the altered clips are refused by an attribute that the alteration touches. Of real digits, 97 % have to be read
right.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.alterations import ALTERATIONS, Alteration, Drawing
from benchmarks.digit_alterations import DIGIT_ALTERATIONS, DigitAlteration
from data.worlds.clips import make_clips_for
from data.worlds.motions import MOTIONS
from data.worlds.presets import digits_world, pairs_world, shapes_world
from data.worlds.world import WorldConfig
from evaluation.scoring import limits
from evaluation.scoring.clip_scores import FAULTS, ClipScores, score_clips

WORLDS = {
    "default": WorldConfig(),
    "shapes": shapes_world(),
    "pairs": pairs_world(),
    "digits": digits_world(),
    "tutorial": WorldConfig(laws="tutorial"),
    "default, 32 px": WorldConfig(frame_size=32),
    "default, 128 px": WorldConfig(frame_size=128),
}
CLIPS_AT_ONCE = 200
REAL_PASSING, ALTERED_REFUSED = 0.995, 0.99
REAL_READ = 0.97  # Some digits cannot be read with certainty, so fewer clips of real digits have to be read right.
VALUES = {  # value: its limit, and whether the limit is a maximum
    "rmse": (limits.MAX_RMSE, True),
    "step_rmse": (limits.MAX_STEP_RMSE, True),
    "shape_iou": (limits.MIN_SHAPE_IOU, False),
    "frame_iou": (limits.MIN_FRAME_IOU, False),
    "turn": (limits.MAX_TURN, True),
    "size_error": (limits.MAX_SIZE_ERROR, True),
    "colour_distance": (limits.MAX_COLOUR_DISTANCE, True),
    "edge": (limits.MAX_EDGE, True),
    "permanence": (1.0, False),
}
DIGIT_VALUES = {"shape_iou": (limits.MIN_DIGIT_SCORE, False), "frame_iou": (limits.MIN_FRAME_DIGIT_SCORE, False)}


def prompts_of(world: WorldConfig, count: int) -> list[str]:
    """`count` prompts of the grammar, all prompts of the world in turns."""
    known = [prompt for members in world.tiers.values() for prompt in members]
    return [known[k * max(len(known) // count, 1) % len(known)] for k in range(count)]


def real_scores(world: WorldConfig, count: int) -> Iterator[ClipScores]:
    """Scores of real clips, some at a time."""
    prompts = prompts_of(world, count)
    for first in range(0, count, CLIPS_AT_ONCE):
        some = prompts[first : first + CLIPS_AT_ONCE]
        frames = make_clips_for(world, prompts=some, seed=1000 + first).frames
        yield score_clips(frames, some, world)


def altered_scores(alteration: Alteration, world: WorldConfig, count: int, *, seed: int = 0) -> ClipScores:
    """Scores of altered clips of all prompts whose motion the alteration makes wrong."""
    prompts = [prompt for prompt in prompts_of(world, 20) if world.scene_of(prompt)[0].motion in alteration.motions]
    chosen = [prompts[k % len(prompts)] for k in range(count)]
    drawing = Drawing.of(world, chosen, seed=seed)
    return score_clips(alteration.alter(drawing, np.random.default_rng(seed)), chosen, world)


def altered_digit_scores(alteration: DigitAlteration, world: WorldConfig, count: int, *, seed: int = 0) -> ClipScores:
    """The same for digits."""
    prompts = [prompt for prompt in prompts_of(world, 60) if world.scene_of(prompt)[0].motion in alteration.motions]
    chosen = [prompts[k % len(prompts)] for k in range(count)]
    return score_clips(alteration.clips(world, chosen, seed=seed), chosen, world)


def refused_by(alteration: Alteration | DigitAlteration, scores: ClipScores) -> NDArray[np.bool_]:
    """Whether an attribute that the alteration touches is wrong, bool (N,)."""
    return np.any([scores.faults[name] for name in alteration.fails], axis=0)


def show_real(name: str, parts: list[ClipScores]) -> bool:
    """Print what the real clips of a world reach. Returns whether enough of them pass."""
    joint = np.concatenate([part.joint for part in parts])
    failed = {fault: sum(int(part.faults[fault].sum()) for part in parts) for fault in FAULTS}
    print(f"\n{name}: {100 * joint.mean():.2f} % of {len(joint)} real clips pass; failed by", end=" ")
    print(", ".join(f"{fault} {count}" for fault, count in failed.items() if count) or "nothing")
    objects = [one for part in parts for one in part.objects]
    rows = {value: np.concatenate([getattr(one, value) for one in objects]) for value in VALUES}
    rows |= {value: np.concatenate([getattr(part, value) for part in parts]) for value in ("extra", "background")}
    others = {"extra": (limits.MAX_EXTRA, True), "background": (limits.MAX_BACKGROUND, True)}
    known = VALUES | others | (DIGIT_VALUES if WORLDS[name].digits else {})
    px = WORLDS[name].frame_size / 64  # the limits are px and pixels of a 64x64 picture
    scale = {"rmse": px, "step_rmse": px, "extra": px**2}
    print(f"  {'value':16} {'limit':>8} {'median':>8} {'99 %':>8} {'99.9 %':>8} {'worst':>8}")
    for value, found in rows.items():
        limit, is_maximum = known[value]
        shares = (0.5, 0.99, 0.999, 1) if is_maximum else (0.5, 0.01, 0.001, 0)
        quantiles = np.quantile(found[np.isfinite(found)], shares) / scale.get(value, 1)
        print(f"  {value:16} {limit:8.2f} " + " ".join(f"{quantile:8.3f}" for quantile in quantiles))
    if not WORLDS[name].digits:
        return bool(joint.mean() >= REAL_PASSING)
    faults = {fault: np.concatenate([part.faults[fault] for part in parts]) for fault in FAULTS}
    others_right = ~np.any([wrong for fault, wrong in faults.items() if fault != "shape"], axis=0)
    return bool(others_right.mean() >= REAL_PASSING and 1 - faults["shape"].mean() >= REAL_READ)


def show_altered(name: str, alteration: Alteration | DigitAlteration, scores: ClipScores) -> bool:
    """Print how many altered clips are refused. Returns whether enough of them are."""
    refused = refused_by(alteration, scores).mean()
    shares = {fault: wrong.mean() for fault, wrong in scores.faults.items() if wrong.mean() >= 0.01}
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    wrong = ", ".join(f"{fault} {100 * share:.0f}" for fault, share in ranked)
    print(f"  {name:44} {100 * (~scores.joint).mean():5.1f} %   {wrong}")
    return bool(refused >= ALTERED_REFUSED)


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2000, help="real clips per world")
    parser.add_argument("--altered", type=int, default=400, help="clips per alteration")
    chosen = parser.parse_args()
    good = [show_real(name, list(real_scores(world, chosen.clips))) for name, world in WORLDS.items()]
    print(f"\nAltered clips of the default world ({len(MOTIONS)} motions), refused, and by which attributes (percent)")
    good += [
        show_altered(name, alteration, altered_scores(alteration, WORLDS["default"], chosen.altered))
        for name, alteration in ALTERATIONS.items()
    ]
    print("\nAltered clips of the world digits, refused, and by which attributes (percent)")
    good += [
        show_altered(name, alteration, altered_digit_scores(alteration, WORLDS["digits"], chosen.altered))
        for name, alteration in DIGIT_ALTERATIONS.items()
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
