"""A whole evaluation: draw samples of every prompt, and score them beside two bounds from the same run.

* The *real* bound scores real clips of the same prompts. A perfect model would reach it.
* The *shuffled* bound scores the samples against other prompts. A model that ignores its prompt would reach it. Where
  prompts name two objects, the other prompts have the same words with colours, shapes or motions swapped. A model that
  ignores which words belong together would reach that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.worlds.clips import make_clips_for
from data.worlds.prompts import Meaning, swapped_prompts
from data.worlds.tiers import SEEN_TIER
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.report import EvaluationReport, FrechetDistances, GroupScores
from evaluation.scoring.attribute_scores import attribute_scores
from evaluation.scoring.clip_scores import ClipScores, score_clips, score_observations
from evaluation.scoring.diversity import Diversity, diversity
from evaluation.scoring.frechet import ClipEncoder, frechet_distance, shuffle_frames, train_encoder
from evaluation.scoring.memorisation import Memorisation, memorisation
from evaluation.scoring.observations import observe
from evaluation.scoring.scores import Scores

Frames = NDArray[np.uint8]
Sampler = Callable[[Sequence[str], int], Frames]
"""(prompts, seed) -> uint8 (N, T, S, S, 3). Sample i may depend on (seed, i) and its own prompt only."""
TrainingClips = Callable[[str], Frames]
"""A prompt -> its training clips, uint8 (K, T, S, S, 3). K may be 0."""
ReportProgress = Callable[[int, int, str], None]
"""(done, total, what is being done)."""


def evaluate(
    sampler: Sampler,
    *,
    world: WorldConfig,
    config: EvaluationConfig,
    training: TrainingClips | None = None,
    report: ReportProgress | None = None,
) -> EvaluationReport:
    """Draw samples of all prompts of `world`, and score them beside their bounds.

    Args:
        sampler: draws the clips of one prompt per call.
        world: its tiers hold the prompts.
        config: the number of samples, and their seed.
        training: the training clips, to see whether the model repeats them.
        report: called with the progress before each prompt.

    Raises:
        ValueError: the sampler returned frames of another shape or number.
    """
    tell = report or (lambda done, total, text: None)
    prompts = [(tier, prompt) for tier, members in world.tiers.items() for prompt in members]
    total = len(prompts) + config.frechet
    encoder = None
    if config.frechet:
        tell(0, total, "training the encoder of the Fréchet distance on real clips")
        encoder = train_encoder(world, seed=config.seed)
    scenes = {prompt: frozenset(world.scene_of(prompt)) for _, prompt in prompts}
    scored: dict[str, list[_ScoredPrompt]] = {tier: [] for tier in world.tiers}
    for number, (tier, prompt) in enumerate(prompts):
        tell(number + config.frechet, total, prompt)
        part = _score_prompt(
            sampler,
            prompt,
            scenes=scenes,
            world=world,
            config=config,
            count=config.samples_seen if tier == SEEN_TIER else config.samples_held_out,
            encoder=encoder if tier == SEEN_TIER else None,
            training=training,
        )
        scored[tier].append(part)
    tell(total, total, "done")
    return EvaluationReport(
        world_fingerprint=world.fingerprint,
        config=config,
        tiers=tuple(_group_scores(tier, parts) for tier, parts in scored.items()),
        prompts=tuple(_group_scores(part.prompt, [part]) for parts in scored.values() for part in parts),
        attributes=tuple(
            scores
            for tier, parts in scored.items()
            for scores in attribute_scores(tier, [part.generated for part in parts], world)
        ),
        frechet=_frechet_distances(scored[SEEN_TIER]) if config.frechet else None,
    )


def draw_samples(sampler: Sampler, prompt: str, *, count: int, seed: int, world: WorldConfig) -> Frames:
    """The first `count` clips of `prompt` that an evaluation with this seed scores, uint8 (N, T, S, S, 3).

    Each prompt has noise of its own.

    Raises:
        ValueError: the sampler returned frames of another shape or number.
    """
    frames = sampler([prompt] * count, _seeds(seed, prompt, world)[0])
    wanted = (count, world.frames, world.frame_size, world.frame_size, 3)
    if frames.shape != wanted or frames.dtype != np.uint8:
        raise ValueError(f"the sampler returned {frames.dtype} {frames.shape} for {prompt!r}, not uint8 {wanted}")
    return frames


def _seeds(seed: int, prompt: str, world: WorldConfig) -> list[int]:
    """Seeds of a prompt's noise, of its real clips, of its shuffled prompts, and of its shuffled frames."""
    number = [name for members in world.tiers.values() for name in members].index(prompt)
    return [int(word) for word in np.random.SeedSequence([seed, number]).generate_state(4)]


@dataclass(frozen=True)
class _ScoredPrompt:
    """The scores of one prompt's clips, and the Fréchet encoder's features of each set of clips."""

    prompt: str
    generated: ClipScores
    real: ClipScores
    shuffled: ClipScores
    diversity: Diversity
    memorisation: Memorisation | None
    features: dict[str, NDArray[np.float64]]


def _score_prompt(
    sampler: Sampler,
    prompt: str,
    *,
    scenes: Mapping[str, frozenset[Meaning]],
    world: WorldConfig,
    config: EvaluationConfig,
    count: int,
    encoder: ClipEncoder | None,
    training: TrainingClips | None,
) -> _ScoredPrompt:
    _, real_seed, shuffle_seed, frames_seed = _seeds(config.seed, prompt, world)
    frames = draw_samples(sampler, prompt, count=count, seed=config.seed, world=world)
    real_frames = make_clips_for(world, prompts=[prompt] * config.samples_real, seed=real_seed).frames
    observed = observe(frames, world)
    others: Sequence[str] = swapped_prompts(prompt) if world.objects > 1 else ()
    others = others or [other for other in scenes if scenes[other] != scenes[prompt]] or list(scenes)
    wrong = [others[k] for k in np.random.default_rng(shuffle_seed).integers(len(others), size=count)]
    generated = score_observations(observed, [prompt] * count, world)
    real = score_clips(real_frames, [prompt] * len(real_frames), world)
    known = None if training is None else training(prompt)
    features = {}
    if encoder is not None:
        half = min(count, len(real_frames) // 2)
        features = {
            "generated": encoder.encode(frames[:half]),
            "reference": encoder.encode(real_frames[:half]),
            "floor": encoder.encode(real_frames[-half:]),
            "shuffled_frames": encoder.encode(shuffle_frames(frames[:half], seed=frames_seed)),
        }
    return _ScoredPrompt(
        prompt=prompt,
        generated=generated,
        real=real,
        shuffled=score_observations(observed, wrong, world),
        diversity=diversity(generated, real),
        memorisation=memorisation(frames, real_frames, known) if known is not None and len(known) else None,
        features=features,
    )


def _group_scores(name: str, parts: Sequence[_ScoredPrompt]) -> GroupScores:
    return GroupScores(
        name=name,
        prompts=tuple(part.prompt for part in parts),
        generated=Scores.of([part.generated for part in parts]),
        real=Scores.of([part.real for part in parts]),
        shuffled=Scores.of([part.shuffled for part in parts]),
        diversity=Diversity.mean_of([part.diversity for part in parts]),
        memorisation=Memorisation.mean_of([part.memorisation for part in parts if part.memorisation]),
    )


def _frechet_distances(parts: Sequence[_ScoredPrompt]) -> FrechetDistances:
    pooled = {side: np.concatenate([part.features[side] for part in parts]) for side in parts[0].features}
    reference = pooled.pop("reference")
    return FrechetDistances(
        **{side: frechet_distance(features, reference) for side, features in pooled.items()}, n=len(reference)
    )
