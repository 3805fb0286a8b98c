"""What the frozen sentence encoder is worth: paraphrases, drawn by one generator as each of two encoders reads them.

A model of learned words and one with the sentence encoder have the same weights after the same training, for all
training prompts are in known words. So one training serves both, and nothing but the reading differs: word counts that
leave unknown words out are the control.

python -m benchmarks.paraphrases .flipbook/checkpoints/*/final
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.comparison import difference_interval
from evaluation.measures import Measures
from evaluation.metrics import ClipScores, score_clips
from models.checkpoint import load_weights
from models.config import TextEncoder
from models.network import network_of
from models.sampling import TextToVideo

CONTROL: TextEncoder = "tokens"
READINGS: tuple[TextEncoder, ...] = (CONTROL, "sentence")
SEED = 1234  # that of evaluations
TIER = "T4"


def read_by(checkpoint: Path, encoder: TextEncoder) -> TextToVideo:
    """The generator of `checkpoint` behind another text encoder for the same words.

    Raises:
        CheckpointError: there is no intact checkpoint.
        ValueError: its words have an order, which word counts do not keep.
    """
    info, weights = load_weights(checkpoint)
    if info.model.network != "flipbook" or info.model.text_encoder == "transformer":
        raise ValueError(f"{checkpoint} does not read its prompts as word counts. Train one with learned tokens.")
    info = info.model_copy(update={"model": info.model.model_copy(update={"text_encoder": encoder})})
    generator = network_of(info.model).build(info.model, info.world)
    generator.load_state_dict(weights)
    return TextToVideo(generator, info)


def scores(model: TextToVideo, *, samples: int) -> ClipScores:
    """Scores of `samples` clips of each paraphrase of the model's world."""
    prompts = [prompt for prompt in model.world.tiers[TIER] for _ in range(samples)]
    return score_clips(model.generate(prompts, seed=SEED, unknown_words="ignore"), prompts, model.world)


def table(found: Sequence[tuple[str, TextEncoder, Measures, float]]) -> str:
    """A row for each model and encoder, as Markdown; the last number is the share of prompts mostly drawn right."""
    rows = ["| model | encoder | joint exact | colour | shape | motion | prompts right |", "| --- " * 7 + "|"]
    for name, encoder, all_, prompts in found:
        parts = " | ".join(f"{100 * rate.value:.1f}" for rate in (all_.colour, all_.shape, all_.motion))
        rows.append(f"| {name} | {encoder} | {all_.joint} | {parts} | {100 * prompts:.1f} |")
    return "\n".join(rows)


def main() -> None:
    """Score all models with both encoders, each alone and together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="folders of models of the world `shapes`")
    parser.add_argument("--samples", type=int, default=16, help="clips of each paraphrase")
    arguments = parser.parse_args()
    found, together = [], {}
    for encoder in READINGS:
        parts = []
        for number, checkpoint in enumerate(arguments.checkpoints):
            part = scores(read_by(checkpoint, encoder), samples=arguments.samples)
            right = part.joint.reshape(-1, arguments.samples).mean(1) > 0.5
            found.append((str(number), encoder, Measures.of([part]), float(np.mean(right))))
            parts.append(part)
        together[encoder] = Measures.of(parts)
    print(table(found))
    for encoder, all_ in together.items():
        print(f"{encoder}, all models together: {all_.joint}; what is wrong: {all_.faults}")
    low, high = difference_interval(together[READINGS[1]].joint, together[CONTROL].joint)
    print(f"The difference is {100 * low:.1f} to {100 * high:.1f} points (95 %).")


if __name__ == "__main__":
    main()
