"""The picture of an ablation: joint exact against CPU time, a line a training."""

from __future__ import annotations

import io

from matplotlib import colormaps
from matplotlib.figure import Figure

from evaluation.ablation.ablation import Ablation

_WIDTH, _HEIGHT, _DPI = 8.0, 4.5, 150  # inches, inches, pixels an inch


def ablation_plot(ablation: Ablation) -> bytes:
    """PNG of 1200 x 675 px: joint exact of the seen prompts in per cent against CPU minutes."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    shades = colormaps["viridis_r"]
    variants = ablation.variants
    for number, variant in enumerate(variants):
        for again, result in enumerate(ablation.of(variant)):
            points = result.curve.points
            axes.plot(
                [0, *(point.cpu_minutes for point in points)],
                [0, *(100 * point.joint.value for point in points)],
                color=shades(number / max(len(variants) - 1, 1)),
                marker="o",
                markersize=3,
                label=None if again else variant,
            )
    axes.set(xlabel="CPU minutes of training", ylabel="joint exact of the seen prompts, %", ylim=(-2, 102))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small", frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
