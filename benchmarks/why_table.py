"""Write table and plot of an ablation into docs/why.md, from the folder that `flipbook ablate --out` wrote.

python -m benchmarks.why_table ablation
"""

import argparse
import sys
from pathlib import Path

from benchmarks.readme_table import fill
from evaluation.ablation import Ablation, ablation_plot, ablation_table
from tracking.results.ablation import DATA

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PLOT = DOCS / "why.md", DOCS / "images" / "ablation.png"
BEGIN, END = "<!-- ablation:begin -->", "<!-- ablation:end -->"


def ablation_block(ablation: Ablation) -> str:
    """Plot and table as Markdown. The link to the plot is relative to `docs/`."""
    return (
        f"![Joint exact against CPU minutes, one line per training](images/{PLOT.name})\n\n{ablation_table(ablation)}"
    )


def main() -> None:
    """Read the figures of the ablation, and write plot and table into the docs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder that `flipbook ablate --out` wrote")
    folder = parser.parse_args().folder
    ablation = Ablation.model_validate_json((folder / DATA).read_text(encoding="utf-8"))
    PLOT.write_bytes(ablation_plot(ablation))
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(fill(page, ablation_block(ablation), begin=BEGIN, end=END), encoding="utf-8")
    print(f"{PAGE} shows {len(ablation.results)} trainings.", file=sys.stderr)


if __name__ == "__main__":
    main()
