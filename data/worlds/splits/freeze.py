"""Makes the splits from their rules. The files are data.

They were last made on 2026-11-29, to add validation prompts.

python -m data.worlds.splits.freeze shapes pairs digits
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from data.captions import tokenize
from data.worlds.digits import DIGITS
from data.worlds.motions import BOUNCES, DIRECTIONS, ORBITS, SIZES, ZIGZAGS
from data.worlds.prompts import CONJUNCTION, TUTORIAL_PHRASES, Scene, parse_prompt, swapped_prompts
from data.worlds.shapes import COLOURS, SHAPES
from data.worlds.splits import Split, Withheld

DIAGONALS = tuple(name for name in DIRECTIONS if "-" in name)
WITHHELD = (
    Withheld(rule="no star moves diagonally", shapes=("star",), motions=DIAGONALS),
    Withheld(rule="nothing red bounces", colours=("red",), motions=tuple(BOUNCES)),
    Withheld(rule="no triangle is green", shapes=("triangle",), colours=("green",)),
    Withheld(rule="no black square rotates", shapes=("square",), colours=("black",), motions=tuple(ORBITS)),
    Withheld(rule="no orange circle zigzags", shapes=("circle",), colours=("orange",), motions=tuple(ZIGZAGS)),
)
WITHHELD_FOR_VALIDATION = (
    Withheld(rule="no triangle rotates", shapes=("triangle",), motions=tuple(ORBITS)),
    Withheld(rule="nothing orange bounces", colours=("orange",), motions=tuple(BOUNCES)),
    Withheld(rule="no square is red", shapes=("square",), colours=("red",)),
    Withheld(rule="no black triangle shrinks or expands", shapes=("triangle",), colours=("black",), motions=SIZES),
    Withheld(rule="no blue star zigzags", shapes=("star",), colours=("blue",), motions=tuple(ZIGZAGS)),
)
DIGITS_WITHHELD = (
    Withheld(rule="no seven moves diagonally", shapes=("seven",), motions=DIAGONALS),
    Withheld(rule="no three bounces", shapes=("three",), motions=tuple(BOUNCES)),
    Withheld(rule="no zero zigzags", shapes=("zero",), motions=tuple(ZIGZAGS)),
    Withheld(rule="no five shrinks or expands", shapes=("five",), motions=SIZES),
    Withheld(rule="no nine moves left", shapes=("nine",), motions=("left",)),
    Withheld(rule="no eight moves down", shapes=("eight",), motions=("down",)),
)
DIGITS_WITHHELD_FOR_VALIDATION = (
    Withheld(rule="no two moves diagonally", shapes=("two",), motions=DIAGONALS),
    Withheld(rule="no four bounces", shapes=("four",), motions=tuple(BOUNCES)),
    Withheld(rule="no six zigzags", shapes=("six",), motions=tuple(ZIGZAGS)),
    Withheld(rule="no one shrinks or expands", shapes=("one",), motions=SIZES),
    Withheld(rule="no five moves left", shapes=("five",), motions=("left",)),
    Withheld(rule="no zero moves right", shapes=("zero",), motions=("right",)),
)
T1_PHRASE, T2_PHRASE = "moving up-right", "moving up"

PAIR_COLOURS = ("blue", "red", "green")
PAIR_PHRASES = (
    *(f"moving {direction}" for direction in DIRECTIONS),
    "rotating clockwise",
    "rotating counter-clockwise",
    "bouncing vertically",
    "bouncing horizontally",
)
PAIR_TRAIN, PAIR_UNSEEN, PAIR_BINDINGS = 576, 64, 16
"""Number of training prompts, of prompts of T3, and of sets of four sentences of the same words in T5.

V3 has as many prompts as T3, and V5 as many as T5.
"""


def shapes_split() -> Split:
    """Return the split of the world `shapes`."""
    looks = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]
    return _by_families(looks, TUTORIAL_PHRASES, WITHHELD, WITHHELD_FOR_VALIDATION)


def digits_split() -> Split:
    """Return the split of the world `digits`. Digits do not rotate, because a 6 would become a 9."""
    phrases = tuple(phrase for phrase in TUTORIAL_PHRASES if not phrase.startswith("rotating"))
    return _by_families(DIGITS, phrases, DIGITS_WITHHELD, DIGITS_WITHHELD_FOR_VALIDATION)


def _by_families(
    looks: Sequence[str],
    phrases: Sequence[str],
    withheld: tuple[Withheld, ...],
    withheld_for_validation: tuple[Withheld, ...],
) -> Split:
    """Return the split in which all looks occur with all phrases, except in the families of the two lists."""
    seen = [f"{look} {phrase}" for look in looks for phrase in phrases]
    test = [prompt for prompt in seen if belongs_to(parse_prompt(prompt), withheld)]
    validation = [
        prompt
        for prompt in seen
        if belongs_to(parse_prompt(prompt), withheld_for_validation) and prompt not in set(test)
    ]
    train = balanced([prompt for prompt in seen if prompt not in {*test, *validation}])

    def allowed(phrase: str) -> tuple[str, ...]:
        prompts = [f"{look} {phrase}" for look in looks]
        return tuple(one for one in prompts if not belongs_to(parse_prompt(one), withheld + withheld_for_validation))

    return Split(
        withheld=withheld,
        withheld_for_validation=withheld_for_validation,
        fewest=fewest_prompts(train),
        train=tuple(train),
        V3=tuple(validation),
        T1=allowed(T1_PHRASE),
        T2=allowed(T2_PHRASE),
        T3=tuple(test),
    )


def pairs_split() -> Split:
    """Return the split of the world `pairs`.

    Two sentences that name the same objects in another order count as one, and one of them is taken at random.
    """
    objects = [f"{c} {s} {p}" for c in PAIR_COLOURS for s in SHAPES for p in PAIR_PHRASES]
    rng = random.Random(0)
    sentences = []
    for pair in combinations(objects, 2):
        if pair[0].split(" ")[0] != pair[1].split(" ")[0]:  # the colours differ
            sentences.append(CONJUNCTION.join(rng.sample(pair, 2)))
    rng.shuffle(sentences)
    places = {frozenset(parse_prompt(sentence)): place for place, sentence in enumerate(sentences)}

    def family(sentence: str) -> list[str]:
        """Return the sentence and those that swap something, in the order of `sentences`."""
        scenes = {frozenset(parse_prompt(one)) for one in (sentence, *swapped_prompts(sentence))}
        return [sentences[place] for place in sorted(places[scene] for scene in scenes)]

    firsts = [one for one in sentences if family(one)[0] == one and len(family(one)) == 4]
    chosen = [family(first) for first in balanced(firsts, number=4 * PAIR_BINDINGS)]
    bindings = _joined(chosen[:PAIR_BINDINGS])
    unseen = _without(sentences, bindings, number=PAIR_TRAIN + PAIR_UNSEEN)[PAIR_TRAIN:]
    others = [members for members in chosen[PAIR_BINDINGS:] if not set(members) & set(unseen)]
    other_bindings = _joined(others[:PAIR_BINDINGS])
    rest = _without(sentences, [*bindings, *unseen, *other_bindings], number=PAIR_TRAIN + PAIR_UNSEEN)
    train, other_unseen = rest[:PAIR_TRAIN], rest[PAIR_TRAIN:]
    return Split(
        withheld=(),
        fewest=fewest_prompts(train),
        train=tuple(train),
        V3=tuple(other_unseen),
        V5=tuple(other_bindings),
        T1=(),
        T2=(),
        T3=tuple(unseen),
        T5=tuple(bindings),
    )


def _joined(groups: list[list[str]]) -> list[str]:
    return [one for group in groups for one in group]


def _without(prompts: list[str], known: list[str], *, number: int) -> list[str]:
    """Return the first `number` of the prompts in balanced order, without the `known` ones."""
    left_out = set(known)
    return balanced([one for one in prompts if one not in left_out], number=number)


def fewest_prompts(train: list[str]) -> int:
    """Return how many of the first prompts hold every word that occurs in any of them."""
    words = {word for prompt in train for word in tokenize(prompt)}
    return next(n for n in range(len(train)) if {word for p in train[:n] for word in tokenize(p)} == words)


def belongs_to(scene: Scene, families: tuple[Withheld, ...]) -> bool:
    """Return whether an object of the scene belongs to one of the families."""
    return any(
        family.covers(shape=meaning.shape, colour=meaning.colour or "", motion=meaning.motion)
        for meaning in scene
        for family in families
    )


def balanced(prompts: list[str], *, number: int | None = None) -> list[str]:
    """Order the prompts so that shapes, colours, phrases, and pairs of these, occur equally often from the start.

    The order is greedy: next comes the prompt whose parts occurred least so far. Phrases count first, so that every
    word occurs early.

    Args:
        prompts: prompts of one object or of two.
        number: how many prompts to return. The default is all of them.
    """
    parts = {prompt: _parts(prompt) for prompt in prompts}
    chosen: list[str] = []
    counts: Counter[tuple[str, ...]] = Counter()
    rest = list(prompts)
    while rest and len(chosen) != number:
        best = min(rest, key=lambda prompt: [sum(counts[part] for part in group) for group in parts[prompt]])
        rest.remove(best)
        chosen.append(best)
        counts.update(part for group in parts[best] for part in group)
    return chosen


def _parts(prompt: str) -> tuple[list[tuple[str, ...]], ...]:
    single: tuple[list[tuple[str, ...]], ...] = ([], [], [])
    objects = [(str(one.colour), one.shape, one.phrase) for one in parse_prompt(prompt)]
    for colour, shape, phrase in objects:
        single[0].append((phrase,))
        single[1].extend([(colour,), (shape,)])
        single[2].extend([(colour, shape), (colour, phrase), (shape, phrase)])
    if len(objects) == 1:
        return single
    whole = [tuple(one) for one in objects]
    together = [("and", *sorted(both)) for both in zip(*objects, strict=True)]  # what occurs together
    return *single[:2], whole, single[2] + together


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(__file__).with_name(f"{name}.json")
        split = {"pairs": pairs_split, "shapes": shapes_split, "digits": digits_split}[name]()
        path.write_text(
            split.model_dump_json(indent=1, exclude=None if split.T5 else {"V5", "T5"}) + "\n", encoding="utf-8"
        )
