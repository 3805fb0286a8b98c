"""What motions are called. A phrase is true of every clip of its motion, and means no other motion.

Clips of one motion differ in speed, place and size. So no phrase says that something is fast or slow, large or small,
or that an object arrives anywhere. A phrase that holds for zigzags and bounces alike, like "moving up and down", is
left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

from data.worlds.motions import BOUNCES, DIRECTIONS, ORBITS, SIZES

Verbs = dict[str, str]
"""Participle and third person."""


@dataclass(frozen=True)
class Phrase:
    """A verb as participle and in the third person, and the words after it, which can be none."""

    participle: str
    finite: str
    rest: str


GO: Verbs = {
    "moving": "moves",
    "drifting": "drifts",
    "floating": "floats",
    "gliding": "glides",
    "sliding": "slides",
    "travelling": "travels",
    "traveling": "travels",
    "flying": "flies",
    "going": "goes",
    "heading": "heads",
    "sailing": "sails",
    "cruising": "cruises",
    "coasting": "coasts",
    "shifting": "shifts",
    "slipping": "slips",
    "advancing": "advances",
    "running": "runs",
    "skating": "skates",
    "swimming": "swims",
    "proceeding": "proceeds",
    "making its way": "makes its way",
}
RISE: Verbs = {"rising": "rises", "climbing": "climbs", "ascending": "ascends", "soaring": "soars"}
FALL: Verbs = {
    "falling": "falls",
    "sinking": "sinks",
    "dropping": "drops",
    "descending": "descends",
    "coming down": "comes down",
}

_SIDE = {  # how the ends of the axes are named: word, adverb, adverb, place, edge, compass, opposite
    "up": ("up", "upwards", "upward", "upper", "top", "north", "down"),
    "down": ("down", "downwards", "downward", "lower", "bottom", "south", "up"),
    "left": ("left", "leftwards", "leftward", "left", "left", "west", "right"),
    "right": ("right", "rightwards", "rightward", "right", "right", "east", "left"),
}

VERTICAL: tuple[str, ...] = (
    "{word}",
    "{wards}",
    "{ward}",
    "straight {word}",
    "straight {wards}",
    "vertically {wards}",
    "to the {edge}",
    "towards the {edge}",
    "toward the {edge}",
    "towards the {edge} edge",
    "toward the {edge} side",
    "from {far_edge} to {edge}",
    "from the {far_edge} to the {edge}",
    "{compass}",
    "due {compass}",
    "to the {compass}",
)
HORIZONTAL: tuple[str, ...] = (
    "{word}",
    "{wards}",
    "{ward}",
    "straight {wards}",
    "to the {word}",
    "towards the {word}",
    "toward the {word}",
    "straight to the {word}",
    "off to the {word}",
    "to the {word}-hand side",
    "towards the {word} edge",
    "toward the {word} side",
    "horizontally to the {word}",
    "horizontally towards the {word}",
    "from {far} to {word}",
    "from the {far} to the {word}",
    "{compass}",
    "due {compass}",
    "to the {compass}",
)
DIAGONAL: tuple[str, ...] = (
    # Never "moving up-right", which is the phrase of T1, nor "moving up-left".
    "diagonally {v}-{h}",
    "diagonally {v} and to the {h}",
    "diagonally {v} to the {h}",
    "diagonally to the {upper} {h}",
    "diagonally towards the {top} {h}",
    "diagonally {wards} and to the {h}",
    "{v} and to the {h}",
    "{v} and {h}",
    "{v} to the {h}",
    "{wards} and to the {h}",
    "{ward} and {hward}",
    "{wards} and {hwards}",
    "to the {h} and {v}",
    "{hwards} and {v}",
    "to the {upper} {h}",
    "to the {top} {h}",
    "towards the {upper} {h}",
    "toward the {upper} {h}",
    "towards the {top} {h}",
    "toward the {top} {h}",
    "towards the {upper} {h} corner",
    "towards the {top} {h} corner",
    "toward the {top}-{h} corner",
    "in the direction of the {upper} {h}",
    "in the direction of the {top} {h} corner",
    "from the {lower} {far} to the {upper} {h}",
    "from the {bottom} {far} towards the {top} {h}",
    "along a diagonal to the {upper} {h}",
    "at an angle, {v} and to the {h}",
    "{ns}-{ew}",
    "{ns}{ew}",
    "to the {ns}-{ew}",
    "to the {ns}{ew}",
    "towards the {ns}-{ew}",
)
SIDEWAYS: tuple[str, ...] = ("to the {h}", "towards the {h}", "{hwards}", "off to the {h}", "at an angle to the {h}")
"""What follows a verb that says up or down already: "rising to the left"."""

ROUND: Verbs = {
    "rotating": "rotates",
    "circling": "circles",
    "orbiting": "orbits",
    "revolving": "revolves",
    "turning": "turns",
}
GO_ROUND: Verbs = {
    "going": "goes",
    "moving": "moves",
    "travelling": "travels",
    "traveling": "travels",
    "gliding": "glides",
    "swinging": "swings",
    "spinning": "spins",
    "running": "runs",
    "flying": "flies",
}
FOLLOW: Verbs = {"following": "follows", "tracing": "traces", "moving along": "moves along"}
MIDDLES: tuple[str, ...] = (
    "round the middle",
    "round the centre",
    "around the middle",
    "around the centre",
    "around the center",
    "about the centre",
    "around the middle of the picture",
    "around the center of the picture",
)
TURNS: dict[str, tuple[str, ...]] = {
    "clockwise": ("clockwise", "in a clockwise direction", "in clockwise direction", "the way a clock runs"),
    "counter-clockwise": (
        "counter-clockwise",
        "counterclockwise",
        "anticlockwise",
        "anti-clockwise",
        "in a counter-clockwise direction",
        "in an anticlockwise direction",
        "against the clock",
    ),
}

RESIZE: dict[str, Verbs] = {
    "shrinking": {
        "shrinking": "shrinks",
        "shrinking down": "shrinks down",
        "shrinking in size": "shrinks in size",
        "getting smaller": "gets smaller",
        "becoming smaller": "becomes smaller",
        "growing smaller": "grows smaller",
        "getting tinier": "gets tinier",
        "becoming tinier": "becomes tinier",
        "contracting": "contracts",
        "decreasing": "decreases",
        "decreasing in size": "decreases in size",
        "losing size": "loses size",
        "scaling down": "scales down",
        "reducing its size": "reduces its size",
    },
    "expanding": {
        "expanding": "expands",
        "expanding in size": "expands in size",
        "growing": "grows",
        "growing in size": "grows in size",
        "growing larger": "grows larger",
        "growing bigger": "grows bigger",
        "getting bigger": "gets bigger",
        "getting larger": "gets larger",
        "becoming bigger": "becomes bigger",
        "becoming larger": "becomes larger",
        "enlarging": "enlarges",
        "increasing": "increases",
        "increasing in size": "increases in size",
        "gaining size": "gains size",
        "scaling up": "scales up",
        "spreading out": "spreads out",
    },
}

BOUNCE: Verbs = {
    "bouncing": "bounces",
    "hopping": "hops",
    "jumping": "jumps",
    "leaping": "leaps",
    "springing": "springs",
    "bobbing": "bobs",
    "rebounding": "rebounds",
}
TO_AND_FRO: dict[str, tuple[str, ...]] = {
    "bounce-vertical": (
        "vertically",
        "up and down",
        "vertically up and down",
        "back and forth vertically",
        "between top and bottom",
        "between the top and the bottom",
        "between floor and ceiling",
        "between the upper and the lower edge",
        "in the vertical direction",
        "along a vertical line",
    ),
    "bounce-horizontal": (
        "horizontally",
        "sideways",
        "left and right",
        "from side to side",
        "to the left and to the right",
        "back and forth horizontally",
        "back and forth between left and right",
        "between left and right",
        "between the left and the right side",
        "between the left and the right edge",
        "between the side walls",
        "in the horizontal direction",
        "along a horizontal line",
    ),
}

SWERVE: Verbs = {
    "zigzagging": "zigzags",
    "weaving": "weaves",
    "snaking": "snakes",
    "winding": "winds",
    "weaving its way": "weaves its way",
}
GO_ZIGZAG: Verbs = {
    "moving": "moves",
    "going": "goes",
    "travelling": "travels",
    "traveling": "travels",
    "sliding": "slides",
    "gliding": "glides",
    "running": "runs",
    "flying": "flies",
}
WEAVE: Verbs = {"weaving": "weaves", "swerving": "swerves", "zigzagging": "zigzags", "wobbling": "wobbles"}
ZIGZAG_WAYS: dict[str, tuple[str, ...]] = {
    "zigzag-vertical": ("vertically", "in the vertical direction", "along the vertical", "up or down"),
    "zigzag-horizontal": ("horizontally", "sideways", "in the horizontal direction", "along the horizontal"),
}
ZIGZAG_PATHS: dict[str, tuple[str, ...]] = {
    "zigzag-vertical": ("a vertical zigzag", "a vertical zigzag path", "a zigzag line vertically"),
    "zigzag-horizontal": ("a horizontal zigzag", "a horizontal zigzag path", "a zigzag line horizontally"),
}
ASIDE: dict[str, tuple[str, ...]] = {
    "zigzag-vertical": ("left and right", "to the left and to the right", "from side to side"),
    "zigzag-horizontal": ("up and down",),
}
MEANWHILE: dict[str, tuple[str, ...]] = {
    "zigzag-vertical": ("while moving vertically", "while travelling vertically", "on its way up or down"),
    "zigzag-horizontal": (
        "while moving horizontally",
        "while travelling sideways",
        "on its way left or right",
        "on its way to one side",
    ),
}

ADVERBS: dict[str, tuple[str, ...]] = {
    "direction": ("steadily", "smoothly", "evenly"),
    "orbit": ("steadily", "smoothly", "evenly"),
    "size": ("steadily", "smoothly", "evenly", "gradually"),
    "bounce": ("steadily",),
    "zigzag": ("steadily", "evenly"),
}
"""Adverbs of each family of motions. They stand before the verb, after it or at the end."""

CLOSINGS: dict[str, tuple[str, ...]] = {
    "direction": ("at a constant speed", "at a steady pace", "in a straight line", "without turning"),
    "orbit": ("at a constant speed", "at a steady pace", "without stopping"),
    "size": ("in place", "on the spot", "bit by bit", "without moving"),
    "bounce": ("at a constant speed", "without stopping"),
    "zigzag": ("at a steady pace", "without stopping"),
}
"""Other words on how each family of motions goes. They stand at the end."""


def family_of(motion: str) -> str:
    """Return the family of a motion of `data.worlds.motions`: a key of `ADVERBS` and `CLOSINGS`."""
    families = {"direction": {*DIRECTIONS}, "orbit": {*ORBITS}, "size": {*SIZES}, "bounce": {*BOUNCES}}
    return next((name for name, motions in families.items() if motion in motions), "zigzag")


@cache
def phrases_of(motion: str) -> tuple[Phrase, ...]:
    """Return all phrases that mean `motion`, without adverbs. No two are equal, and no other motion has one of them.

    Raises:
        KeyError: there is no such motion.
    """
    if motion in DIRECTIONS:
        found = _straight(*motion.split("-"))
    elif motion in ORBITS:
        turns, both = TURNS[motion], tuple(product(TURNS[motion], MIDDLES))
        found = _phrases(ROUND, (*turns, *(f"{t} {m}" for t, m in both), *(f"{m} {t}" for t, m in both)))
        found += _phrases(GO_ROUND, (*(f"{t} {m}" for t, m in both), *(f"{m} {t}" for t, m in both)))
        found += _phrases(FOLLOW, tuple(f"a circular path {turn}" for turn in turns))
    elif motion in SIZES:
        found = _phrases(RESIZE[motion], ("",))
    elif motion in BOUNCES:
        found = _phrases(BOUNCE, TO_AND_FRO[motion])
    else:
        found = _zigzag(motion)
    return tuple(dict.fromkeys(found))


def _phrases(verbs: Verbs, rests: tuple[str, ...]) -> list[Phrase]:
    return [Phrase(participle, finite, rest) for (participle, finite), rest in product(verbs.items(), rests)]


def _straight(first: str, second: str = "") -> list[Phrase]:
    """Return the phrases of "up", "left" and so on, or of a diagonal such as "up", "left"."""
    word, wards, ward, upper, top, compass, far = _SIDE[first]
    names = {"word": word, "wards": wards, "ward": ward, "edge": top, "compass": compass, "far": far}
    names["far_edge"] = _SIDE[far][4]
    vertical = first in ("up", "down")
    plunge = {"up": RISE, "down": FALL}.get(first, {})
    if not second:
        rests = tuple(rest.format(**names) for rest in (VERTICAL if vertical else HORIZONTAL))
        return _phrases(GO, rests) + _phrases(plunge, ("", *rests))
    side, other = _SIDE[second], _SIDE[far]
    names |= {"v": word, "h": second, "upper": upper, "top": top, "lower": other[3], "bottom": other[4]}
    names |= {"hwards": side[1], "hward": side[2], "far": side[6], "ns": compass, "ew": side[5]}
    rests = tuple(rest.format(**names) for rest in DIAGONAL)
    sideways = tuple(rest.format(h=second, hwards=side[1]) for rest in SIDEWAYS)
    return _phrases(GO, rests) + _phrases(plunge, (*rests, *sideways))


def _zigzag(motion: str) -> list[Phrase]:
    ways, paths = ZIGZAG_WAYS[motion], ZIGZAG_PATHS[motion]
    meanwhile = tuple(f"{aside} {while_}" for aside, while_ in product(ASIDE[motion], MEANWHILE[motion]))
    along = ("in a zigzag", "in zigzags", "along a zigzag line", "in a zigzag pattern")
    return [
        *_phrases(SWERVE, ways),
        *_phrases(GO_ZIGZAG, tuple(f"{way} {path}" for way, path in product(ways, along))),
        *_phrases(FOLLOW, paths),
        *_phrases(WEAVE, meanwhile),
    ]
