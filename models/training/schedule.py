"""Learning rate, penalties and the threshold of the free term in the course of a training."""

from __future__ import annotations

from models.config import TrainConfig


def share_done(config: TrainConfig, *, steps: int, cpu_seconds: float) -> float:
    """How much of the training is done, 0 to 1: the share of steps or of CPU time, whichever is larger."""
    limit = 60 * config.cpu_minutes
    return min(1.0, max(steps / config.steps, cpu_seconds / limit if limit else 0.0))


def learning_rate(config: TrainConfig, done: float) -> float:
    """Adam's learning rate at the share `done` of the training: constant at first, then linear to 0."""
    return config.learning_rate * min(1.0, (1 - done) / max(config.decay_share, 1e-9))


def clip_penalty(config: TrainConfig, done: float) -> float:
    """Gradient penalty (gamma) of the clip discriminator at the share `done` of the training.

    It falls geometrically. A strong penalty keeps the discriminator smooth while the generator is still far off. A
    weak one lets it see small faults later. Huang et al., "The GAN is dead; long live the GAN!" (2024), do the same.
    """
    return _geometric(config.first_clip_penalty, config.clip_penalty, config=config, done=done)


def wrong_prompt_weight(config: TrainConfig, done: float) -> float:
    """Weight of real clips with a wrong prompt at the share `done` of the training: linear to 0 in its first half."""
    return config.wrong_prompt_weight * max(0.0, 1 - 2 * done)


def free_term_penalty(config: TrainConfig, done: float) -> float:
    """Weight of the penalty on the motion's free term at the share `done` of the training.

    It rises geometrically. With a weak penalty all motions are learned soon. A strong one takes the free term away from
    prompts that can do without it.
    """
    return _geometric(config.first_free_term_penalty, config.free_term_penalty, config=config, done=done)


def free_term_threshold(config: TrainConfig, done: float) -> float:
    """Root mean square below which a free term counts as 0. It rises linearly, so that no prompt starts without one."""
    return config.free_term_threshold * min(1.0, done / max(config.penalty_share, 1e-9))


def _geometric(first: float, last: float, *, config: TrainConfig, done: float) -> float:
    """From `first` to `last` during the share `penalty_share` of the training. Both are 0, or both above it."""
    if not last:
        return 0.0
    early = max(0.0, 1 - done / max(config.penalty_share, 1e-9))
    return float(last * (first / last) ** early)
