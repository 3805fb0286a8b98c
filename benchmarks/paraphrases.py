"""Measures what the frozen sentence encoder is worth: the same generator draws paraphrases, read by two encoders.

All training prompts consist of known words. So a model with the encoder `tokens` and a model with `sentence` have the
same weights after the same training. One training therefore serves both, and only the reading differs. The control is
`tokens`, which counts known words and leaves unknown words out.

python -m benchmarks.paraphrases .flipbook/checkpoints/*/final
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from evaluation.config import EvaluationConfig
from evaluation.scoring.clip_scores import ClipScores, score_clips
from evaluation.scoring.scores import Scores
from models.checkpoint import CheckpointError
from models.config import TextEncoder
from models.sampling import TextToVideo
from models.text.frozen import FrozenWeightsError

CONTROL: TextEncoder = "tokens"
READINGS: tuple[TextEncoder, ...] = (CONTROL, "sentence")
SEED = EvaluationConfig().seed
TIER = "T4"


def load(checkpoint: Path) -> dict[TextEncoder, TextToVideo]:
    """Load the generator of `checkpoint` once per text encoder, and draw one paraphrase as a check.

    Raises:
        CheckpointError: it is not whole, its world has no paraphrases, or it does not read prompts as word counts.
        FrozenWeightsError: the sentence encoder is not installed.
    """
    trained = TextToVideo.load(checkpoint, device="cpu")
    if TIER not in trained.world.tiers:
        raise CheckpointError(f"{checkpoint}: its world has no paraphrases. Name checkpoints of the preset `shapes`.")
    if trained.config.network != "flipbook" or trained.config.text_encoder == "transformer":
        raise CheckpointError(
            f"{checkpoint} does not read prompts as word counts. Train with model.text_encoder=tokens."
        )
    models = {encoder: trained.read_by(encoder) for encoder in READINGS}
    for model in models.values():
        model.generate(model.world.tiers[TIER][:1], seed=SEED, unknown_words="ignore")
    return models


def scores(model: TextToVideo, *, samples: int) -> ClipScores:
    """Scores of `samples` clips per paraphrase of the model's world. Clips of one prompt follow each other."""
    prompts = [prompt for prompt in model.world.tiers[TIER] for _ in range(samples)]
    return score_clips(model.generate(prompts, seed=SEED, unknown_words="ignore"), prompts, model.world)


def row(model: str, encoder: TextEncoder, found: Scores) -> str:
    """One row of the table, as Markdown."""
    parts = " | ".join(f"{100 * rate.value:.1f}" for rate in (found.colour, found.shape, found.motion))
    return f"| {model} | {encoder} | {found.joint} | {parts} |"


def main() -> None:
    """Score all models with both encoders: each model alone, then all models together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="checkpoints of the preset `shapes`")
    parser.add_argument("--samples", type=int, default=16, help="number of clips per paraphrase")
    arguments = parser.parse_args()
    try:
        models = [load(path) for path in arguments.checkpoints]
    except (CheckpointError, FrozenWeightsError) as error:
        parser.error(str(error))
    print("| model | encoder | joint exact | colour | shape | motion |", "| --- " * 6 + "|", sep="\n")
    of_prompts = {}
    for encoder in READINGS:
        parts = [scores(model[encoder], samples=arguments.samples) for model in models]
        for path, part in zip(arguments.checkpoints, parts, strict=True):
            print(row(str(path), encoder, Scores.of([part])), flush=True)
        together = Scores.of(parts)
        print(row("all", encoder, together), f"faults: {together.faults}", flush=True)
        right = np.stack([part.joint for part in parts]).reshape(len(parts), -1, arguments.samples)
        of_prompts[encoder] = right.mean(axis=(0, 2))
    # Clips of one prompt tend to be right or wrong together. So the bootstrap resamples prompts, not clips.
    change = of_prompts["sentence"] - of_prompts[CONTROL]
    low, high = bootstrap((change,), np.mean, rng=0).confidence_interval
    print(
        f"\nsentence - {CONTROL}: {100 * change.mean():.1f} points, 95 % interval {100 * low:.1f} to {100 * high:.1f}"
    )
    print(f"(bootstrap over the {len(change)} paraphrases)")


if __name__ == "__main__":
    main()
