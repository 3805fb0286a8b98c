"""How the splits were made: from rules to lists. Run once; the lists are data from then on.

python -m data.splits.freeze shapes
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from data.motions import BOUNCES, DIRECTIONS, ORBITS, ZIGZAGS
from data.prompts import TUTORIAL_PHRASES, Meaning, parse_prompt, tokenize
from data.shapes import COLOURS, SHAPES
from data.splits import Split, Withheld

DIAGONALS = tuple(name for name in DIRECTIONS if "-" in name)
WITHHELD = (
    Withheld(rule="no star moves diagonally", shapes=("star",), motions=DIAGONALS),
    Withheld(rule="nothing red bounces", colours=("red",), motions=tuple(BOUNCES)),
    Withheld(rule="no triangle is green", shapes=("triangle",), colours=("green",)),
    Withheld(rule="no black square rotates", shapes=("square",), colours=("black",), motions=tuple(ORBITS)),
    Withheld(rule="no orange circle zigzags", shapes=("circle",), colours=("orange",), motions=tuple(ZIGZAGS)),
)
T1_PHRASE, T2_PHRASE = "moving up-right", "moving up"


def shapes_split(paraphrases: dict[str, str]) -> Split:
    """The split of the world `shapes`; `paraphrases` are its T4."""
    looks = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]
    seen = [f"{look} {phrase}" for look in looks for phrase in TUTORIAL_PHRASES]
    train = balanced([prompt for prompt in seen if not is_withheld(parse_prompt(prompt))])
    words = {word for prompt in train for word in tokenize(prompt)}
    fewest = next(n for n in range(len(train)) if {word for p in train[:n] for word in tokenize(p)} == words)

    def allowed(phrase: str) -> tuple[str, ...]:
        return tuple(prompt for look in looks if not is_withheld(parse_prompt(prompt := f"{look} {phrase}")))

    return Split(
        withheld=WITHHELD,
        fewest=fewest,
        train=tuple(train),
        T1=allowed(T1_PHRASE),
        T2=allowed(T2_PHRASE),
        T3=tuple(prompt for prompt in seen if is_withheld(parse_prompt(prompt))),
        T4=paraphrases,
    )


def is_withheld(meaning: Meaning) -> bool:
    """Whether the meaning belongs to a withheld family."""
    return any(
        family.covers(shape=meaning.shape, colour=meaning.colour or "", motion=meaning.motion) for family in WITHHELD
    )


def balanced(prompts: list[str]) -> list[str]:
    """The prompts in an order in which shapes, colours, phrases, and pairs of them, come equally often from the start.

    Greedy: next is the prompt whose parts were chosen least so far; phrases count first, so that words come early.
    """
    parts = {prompt: _parts(prompt) for prompt in prompts}
    chosen: list[str] = []
    counts: Counter[tuple[str, ...]] = Counter()
    rest = list(prompts)
    while rest:
        best = min(rest, key=lambda prompt: [sum(counts[part] for part in group) for group in parts[prompt]])
        rest.remove(best)
        chosen.append(best)
        counts.update(part for group in parts[best] for part in group)
    return chosen


def _parts(prompt: str) -> tuple[list[tuple[str, ...]], ...]:
    colour, shape, phrase = prompt.split(" ", 2)
    return [(phrase,)], [(colour,), (shape,)], [(colour, shape), (colour, phrase), (shape, phrase)]


if __name__ == "__main__":
    path = Path(__file__).with_name(f"{sys.argv[1]}.json")
    kept = json.loads(path.read_text(encoding="utf-8"))["T4"] if path.exists() else {}
    path.write_text(shapes_split(kept).model_dump_json(indent=1) + "\n", encoding="utf-8")
