"""A whole evaluation: samples of every prompt, scored beside the bounds that say what the scores mean.

Two bounds come from the same run. *Real* clips show what a perfect model would get; samples scored against *shuffled*
prompts show what a model that ignores its prompt would; where prompts speak of two objects, what one would that ignores
which words belong together: there colours, shapes or motions are swapped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from data.worlds.clips import make_clips_for
from data.worlds.pairs import swapped_prompts
from data.worlds.prompts import Meaning
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.scoring.attributes import AttributeScores, attribute_scores
from evaluation.scoring.diversity import Diversity, diversity
from evaluation.scoring.frechet import ClipEncoder, Frechet, frechet_distance, shuffle_frames, train_encoder
from evaluation.scoring.measures import Measures, Rate
from evaluation.scoring.metrics import ClipScores, observe, score_clips, score_observations

Frames = NDArray[np.uint8]
Sampler = Callable[[Sequence[str], int], Frames]
"""(prompts, seed) -> uint8 (N, T, S, S, 3); sample i may depend on (seed, i) and its prompt only."""
ReportProgress = Callable[[int, int, str], None]
"""(done, total, what is being done)."""

SEEN_TIER = "T0"
"""The tier of the prompts that training shows; all others are held out."""
LISTED_ALL, LISTED_WORST = 40, 20
"""Up to how many prompts tables list all of them, and how many of the worst where there are more."""


class Scores(BaseModel):
    """The scores of one prompt, or of all prompts of one tier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="The prompt, or the tier's name.")
    prompts: tuple[str, ...] = Field(description="The prompts that were scored together.")
    generated: Measures = Field(description="The model's samples.")
    real: Measures = Field(description="Real clips of the same prompts: the upper bound.")
    shuffled: Measures = Field(description="The model's samples against other prompts: the lower bound.")
    diversity: Diversity = Field(description="Spread of the samples over that of real clips, mean over the prompts.")

    @property
    def joint(self) -> Rate:
        """The headline: joint exact of the generated clips."""
        return self.generated.joint


class EvaluationReport(BaseModel):
    """All scores of one model. Survives `EvaluationReport.model_validate_json(report.model_dump_json())` unchanged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    world_fingerprint: str = Field(description="Fingerprint of the world that was asked for.")
    config: EvaluationConfig = Field(description="What was measured, and with which seed.")
    tiers: tuple[Scores, ...] = Field(description="T0: seen prompts; the others are held out.")
    prompts: tuple[Scores, ...] = Field(description="The same per prompt, in the tiers' order.")
    attributes: tuple[AttributeScores, ...] = Field(
        description="The same per motion, shape and colour that prompts ask for, tier by tier."
    )
    frechet: Frechet | None = Field(
        description="In-domain Frechet distance over the seen prompts; None if not asked for."
    )

    def tier(self, name: str) -> Scores:
        """The scores of a tier, "T0" for example; KeyError with the tiers' names if there is none."""
        for tier in self.tiers:
            if tier.name == name:
                return tier
        raise KeyError(f"no tier {name!r} in this report; it has {', '.join(tier.name for tier in self.tiers)}")

    def prompts_of(self, tier: str) -> tuple[Scores, ...]:
        """The scores of each prompt of a tier."""
        wanted = set(self.tier(tier).prompts)
        return tuple(scores for scores in self.prompts if scores.name in wanted)

    @property
    def listed(self) -> tuple[Scores, ...]:
        """The prompts that tables list: all, or the `LISTED_WORST` worst ones where they are more than `LISTED_ALL`."""
        if len(self.prompts) <= LISTED_ALL:
            return self.prompts
        return tuple(sorted(self.prompts, key=lambda scores: scores.joint.value)[:LISTED_WORST])

    def worst(self, tier: str) -> Scores:
        """The prompt of a tier with the lowest joint exact."""
        return min(self.prompts_of(tier), key=lambda scores: scores.joint.value)


def evaluate(
    sampler: Sampler, *, world: WorldConfig, config: EvaluationConfig, report: ReportProgress | None = None
) -> EvaluationReport:
    """Draw samples of all prompts of `world`, and score them beside their bounds.

    Args:
        sampler: draws clips; see `Sampler`. `config.samples_held_out` clips at most at a time.
        world: its tiers say which prompts there are.
        config: how many, from which seed.
        report: told about progress, prompt by prompt.

    Raises:
        ValueError: the sampler returned frames of another shape or number.
    """
    prompts = [(tier, prompt) for tier, members in world.tiers.items() for prompt in members]
    total = len(prompts) + config.frechet
    tell = report or (lambda done, total, text: None)
    encoder = None
    if config.frechet:
        tell(0, total, "training the encoder of the Frechet distance on real clips")
        encoder = train_encoder(world, seed=config.seed)
    meanings = {prompt: frozenset(world.scene_of(prompt)) for _, prompt in prompts}
    parts: list[_PromptPart] = []
    for number, (tier, prompt) in enumerate(prompts):
        tell(number + config.frechet, total, prompt)
        parts.append(
            _score_prompt(
                sampler, prompt, number, meanings, world, config, encoder if tier == SEEN_TIER else None, tier=tier
            )
        )
    tell(total, total, "done")
    return EvaluationReport(
        world_fingerprint=world.fingerprint,
        config=config,
        tiers=tuple(_scores(tier, [part for part in parts if part.tier == tier]) for tier in world.tiers),
        prompts=tuple(_scores(part.prompt, [part]) for part in parts),
        attributes=tuple(
            scores
            for tier in world.tiers
            for scores in attribute_scores(tier, [part.generated for part in parts if part.tier == tier], world)
        ),
        frechet=_frechet([part for part in parts if part.features is not None]),
    )


def draw_samples(sampler: Sampler, prompt: str, *, count: int, seed: int, world: WorldConfig) -> Frames:
    """The clips of `prompt` that an evaluation with this seed scores: the first `count` of them, uint8 (N, T, S, S, 3).

    The noise differs from prompt to prompt. Raises ValueError if the sampler returns anything else.
    """
    number = [name for members in world.tiers.values() for name in members].index(prompt)
    frames = sampler([prompt] * count, _seeds(seed, number)[0])
    wanted = (count, world.frames, world.frame_size, world.frame_size, 3)
    if frames.shape != wanted or frames.dtype != np.uint8:
        raise ValueError(f"the sampler returned {frames.dtype} {frames.shape} for {prompt!r}, not uint8 {wanted}")
    return frames


def _seeds(seed: int, number: int) -> list[int]:
    """Seeds of a prompt's noise, real clips, shuffled prompts and shuffled frames."""
    return [int(word) for word in np.random.SeedSequence([seed, number]).generate_state(4)]


class _PromptPart:
    """What is kept of one prompt's clips: their scores, and their features by side."""

    def __init__(
        self,
        tier: str,
        prompt: str,
        scores: tuple[ClipScores, ClipScores, ClipScores],
        features: dict[str, NDArray[np.float64]] | None,
    ) -> None:
        self.tier, self.prompt, self.features = tier, prompt, features
        self.generated, self.real, self.shuffled = scores
        self.diversity = diversity(self.generated, self.real)


def _score_prompt(
    sampler: Sampler,
    prompt: str,
    number: int,
    meanings: Mapping[str, frozenset[Meaning]],
    world: WorldConfig,
    config: EvaluationConfig,
    encoder: ClipEncoder | None,
    *,
    tier: str,
) -> _PromptPart:
    count = config.samples_seen if tier == SEEN_TIER else config.samples_held_out
    _, real_seed, shuffle_seed, frames_seed = _seeds(config.seed, number)
    frames = draw_samples(sampler, prompt, count=count, seed=config.seed, world=world)
    real = make_clips_for(world, prompts=[prompt] * config.samples_real, seed=real_seed).frames
    seen = observe(frames, world)
    others: Sequence[str] = swapped_prompts(prompt) if world.objects > 1 else ()
    others = others or [other for other in meanings if meanings[other] != meanings[prompt]] or list(meanings)
    wrong = [others[k] for k in np.random.default_rng(shuffle_seed).integers(len(others), size=count)]
    scores = (
        score_observations(seen, [prompt] * count, world),
        score_clips(real, [prompt] * len(real), world),
        score_observations(seen, wrong, world),
    )
    features = None
    if encoder is not None:
        half = min(count, len(real) // 2)
        features = {
            "generated": encoder.encode(frames[:half]),
            "reference": encoder.encode(real[:half]),
            "floor": encoder.encode(real[-half:]),
            "shuffled": encoder.encode(shuffle_frames(frames[:half], seed=frames_seed)),
        }
    return _PromptPart(tier, prompt, scores, features)


def _scores(name: str, parts: Sequence[_PromptPart]) -> Scores:
    return Scores(
        name=name,
        prompts=tuple(part.prompt for part in parts),
        generated=Measures.of([part.generated for part in parts]),
        real=Measures.of([part.real for part in parts]),
        shuffled=Measures.of([part.shuffled for part in parts]),
        diversity=Diversity.mean_of([part.diversity for part in parts]),
    )


def _frechet(parts: Sequence[_PromptPart]) -> Frechet | None:
    features = [part.features for part in parts if part.features is not None]
    if not features:
        return None
    pooled = {side: np.concatenate([one[side] for one in features]) for side in features[0]}
    reference = pooled["reference"]
    return Frechet(
        generated=frechet_distance(pooled["generated"], reference),
        floor=frechet_distance(pooled["floor"], reference),
        shuffled_frames=frechet_distance(pooled["shuffled"], reference),
        n=len(reference),
    )
