"""What the frozen sentence encoder is worth: paraphrases, drawn by one generator as each of two encoders reads them.

A model of learned words and one with the sentence encoder have the same weights after the same training, for all
training prompts are in known words. So one training serves both, and nothing but the reading differs: word counts that
leave unknown words out are the control.

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
    """The generator of `checkpoint` behind each text encoder, tried out on a paraphrase.

    Raises:
        CheckpointError: there is no intact checkpoint, its world has no paraphrases, or it does not count words.
        FrozenWeightsError: the sentence encoder is not installed.
    """
    trained = TextToVideo.load(checkpoint, device="cpu")
    if TIER not in trained.world.tiers:
        raise CheckpointError(f"{checkpoint}: its world has no paraphrases. Name models of the preset `shapes`.")
    if trained.config.network != "flipbook" or trained.config.text_encoder == "transformer":
        raise CheckpointError(f"{checkpoint} does not read its prompts as word counts. Train with learned tokens.")
    models = {encoder: trained.read_by(encoder) for encoder in READINGS}
    for model in models.values():
        model.generate(model.world.tiers[TIER][:1], seed=SEED, unknown_words="ignore")
    return models


def scores(model: TextToVideo, *, samples: int) -> ClipScores:
    """Scores of `samples` clips of each paraphrase of the model's world, prompt after prompt."""
    prompts = [prompt for prompt in model.world.tiers[TIER] for _ in range(samples)]
    return score_clips(model.generate(prompts, seed=SEED, unknown_words="ignore"), prompts, model.world)


def row(model: str, encoder: TextEncoder, found: Scores) -> str:
    """A row of the table, as Markdown."""
    parts = " | ".join(f"{100 * rate.value:.1f}" for rate in (found.colour, found.shape, found.motion))
    return f"| {model} | {encoder} | {found.joint} | {parts} |"


def main() -> None:
    """Score all models with both encoders, each alone and together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="folders of models of the world `shapes`")
    parser.add_argument("--samples", type=int, default=16, help="clips of each paraphrase")
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
        print(row("all", encoder, together), f"wrong: {together.faults}", flush=True)
        right = np.stack([part.joint for part in parts]).reshape(len(parts), -1, arguments.samples)
        of_prompts[encoder] = right.mean(axis=(0, 2))
    # Clips of one prompt are right or wrong together, so what is drawn anew are prompts.
    change = of_prompts["sentence"] - of_prompts[CONTROL]
    low, high = bootstrap((change,), np.mean, rng=0).confidence_interval
    print(f"\nThe sentence encoder is better by {100 * change.mean():.1f} points: {100 * low:.1f} to {100 * high:.1f}")
    print(f"(95 %, bootstrap over the {len(change)} paraphrases).")


if __name__ == "__main__":
    main()
