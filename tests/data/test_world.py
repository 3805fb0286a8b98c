"""A world's prompts, motions, pictures and clips are what its configuration says."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.captions import SLUG_LENGTH, PromptError, Vocabulary, normalised, prompt_slug, tokenize
from data.worlds.clips import make_clips, make_clips_for
from data.worlds.motions import DIRECTIONS, MOTIONS, reflect, triangle_wave
from data.worlds.presets import VALIDATION_FOLDS, shapes_world, validation_world
from data.worlds.prompts import PHRASES, parse_prompt
from data.worlds.renderer import render
from data.worlds.shapes import COLOURS, SHAPES, signed_distance
from data.worlds.tiers import group_of
from data.worlds.world import HeldOut, WorldConfig

RICH = WorldConfig(shapes=SHAPES, colours=tuple(COLOURS), radius=(8.0, 11.0))


def test_the_world_is_the_tutorials_eighteen_prompts_with_two_held_out() -> None:
    world = WorldConfig()
    assert len(world.seen_prompts) == 18
    assert world.tiers["T1"] == ("circle moving up-right",)
    assert world.tiers["T2"] == ("circle moving up",)
    assert not set(world.seen_prompts) & {*world.tiers["T1"], *world.tiers["T2"]}


def test_a_changed_copy_of_a_world_has_its_own_prompts_and_fingerprint() -> None:
    world = WorldConfig()
    assert len(world.seen_prompts) == 18
    first = world.fingerprint
    copy = world.model_copy(update={"phrases": ("moving left",)})
    assert copy.seen_prompts == ("circle moving left",)
    assert copy.fingerprint != first


def test_every_word_of_the_held_out_prompts_is_seen_in_training() -> None:
    world = WorldConfig()
    for tier in ("T1", "T2"):
        for prompt in world.tiers[tier]:
            assert set(tokenize(prompt)) <= set(world.vocabulary.words)


def test_the_motion_up_is_in_no_training_prompt() -> None:
    assert "up" not in {parse_prompt(prompt)[0].motion for prompt in WorldConfig().seen_prompts}


def test_hyphens_split_words_so_that_up_exists_as_a_word() -> None:
    assert tokenize("Circle  moving up-right") == ("circle", "moving", "up", "right")


@pytest.mark.parametrize(
    ("prompt", "motion"), [("moving diagonally up-left", "up-left"), ("moving up-left", "up-left")]
)
def test_diagonals_have_two_phrases(prompt: str, motion: str) -> None:
    assert parse_prompt(f"red square {prompt}")[0].motion == motion


def test_every_prompt_of_a_rich_world_is_understood() -> None:
    assert len(RICH.seen_prompts) == len(SHAPES) * len(COLOURS) * 18
    assert all(parse_prompt(prompt) for tier in RICH.tiers.values() for prompt in tier)


def test_every_motion_has_a_phrase_and_every_phrase_means_its_motion() -> None:
    assert set(PHRASES.values()) == set(MOTIONS)
    assert {phrase: parse_prompt(f"circle {phrase}")[0].motion for phrase in PHRASES} == PHRASES


def test_an_unknown_word_is_named_with_its_nearest_neighbour_and_the_vocabulary() -> None:
    with pytest.raises(PromptError, match=r"'cirle'.*'circle'.*zigzagging"):
        parse_prompt("cirle moving up")
    with pytest.raises(PromptError, match=r"'upp'.*'up'"):
        WorldConfig().vocabulary.encode(["circle moving upp"])


@pytest.mark.parametrize("prompt", ["", "   ", "-", "\ufeff", "..."])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(PromptError, match="empty"):
        parse_prompt(prompt)
    with pytest.raises(PromptError, match="empty"):
        WorldConfig().vocabulary.encode([prompt])


@pytest.mark.parametrize(
    "prompt",
    [
        "circle moving up\u2011right",  # non-breaking hyphen
        "circle moving up\u2013right",  # en dash
        "circle moving up\u2212right",  # minus sign
        "Circle  moving UP-right.",
        "circle, moving up-right!",
        "\ufeffcircle moving up-right",
        "\u201ccircle moving up-right\u201d",
        " circle\tmoving\nup right ",
    ],
)
def test_dashes_punctuation_and_capitals_are_read_as_what_they_mean(prompt: str) -> None:
    plain = "circle moving up-right"
    assert parse_prompt(prompt) == parse_prompt(plain)
    assert normalised(prompt).replace(" right", "-right") == plain
    assert prompt_slug(prompt) == prompt_slug(plain)
    vocabulary = WorldConfig().vocabulary
    np.testing.assert_array_equal(vocabulary.encode([prompt]), vocabulary.encode([plain]))


def test_an_error_about_a_long_prompt_is_short() -> None:
    for prompt in ("circle moving nowhere " * 10_000, "x" * 50_000, "circle " * 10_000):
        with pytest.raises(PromptError) as caught:
            parse_prompt(prompt)
        assert len(str(caught.value)) < 1000


def test_a_prompt_is_put_together_from_what_it_means() -> None:
    for prompt in (*RICH.seen_prompts, *WorldConfig().tiers["T1"]):
        (meaning,) = parse_prompt(prompt)
        assert str(meaning) == prompt


def test_known_words_in_a_wrong_order_are_refused_with_the_grammar() -> None:
    with pytest.raises(PromptError, match=r"colour.*shape phrase"):
        parse_prompt("moving circle up")


@given(st.text(max_size=200))
def test_every_prompt_names_a_file_and_no_prompt_becomes_a_path(prompt: str) -> None:
    slug = prompt_slug(prompt)
    assert slug.strip("-") == slug
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 0 < len(slug) <= SLUG_LENGTH + 9


def test_prompts_that_differ_in_other_letters_or_far_behind_name_different_files() -> None:
    assert prompt_slug("Déjà vu").startswith("deja-vu-")
    alike = ["красный круг", "синий круг", "赤い丸", "?!", "", "circle", "cïrcle", "left " * 99, "left " * 100]
    assert len({prompt_slug(prompt) for prompt in alike}) == len(alike)
    assert len({prompt_slug(prompt) for prompt in ("красный круг", "Красный  круг.")}) == 1


def test_tokens_are_padded_with_zero_and_start_at_one() -> None:
    vocabulary = Vocabulary.of(["circle shrinking", "circle moving up-right"])
    tokens = vocabulary.encode(["circle shrinking", "circle moving up-right"])
    assert tokens.shape == (2, 4)
    assert tokens[0, 2:].tolist() == [0, 0]
    assert [vocabulary.words[number - 1] for number in tokens[1]] == ["circle", "moving", "up", "right"]


@pytest.mark.parametrize(
    "change",
    [
        {"shapes": ("hexagon",)},
        {"colours": ("mauve",)},
        {"shapes": ("circle", "circle")},
        {"radius": (6.0, 4.0)},
        {"frame_size": 65},
        {"frames": 0},
        {"phrases": ("moving sideways",)},
        {"held_out": (HeldOut(tier="T1", phrase="moving down"),)},
        {"unknown": 1},
    ],
)
def test_a_world_with_contradictory_settings_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WorldConfig.model_validate(change)


@settings(max_examples=25)
@given(indices=st.lists(st.integers(0, 5000), min_size=1, max_size=12), seed=st.integers(0, 2**32))
def test_a_clip_depends_on_seed_and_index_alone(indices: list[int], seed: int) -> None:
    together = make_clips(WorldConfig(), seed=seed, indices=indices)
    for row, index in enumerate(indices):
        alone = make_clips(WorldConfig(), seed=seed, indices=[index])
        assert alone.prompts[0] == together.prompts[row]
        np.testing.assert_array_equal(alone.frames[0], together.frames[row])
        np.testing.assert_array_equal(alone.objects[0].centres[0], together.objects[0].centres[row])


@pytest.mark.parametrize(
    ("world", "digest"),
    [
        (WorldConfig(), "b76e790685a76da294a32c079e53e1f0b8f4c3f13e1c89052f2a97744d3082a1"),
        (shapes_world(), "f54aaea65aa322a991f7818933e33b9e09f798e2f0f09247f56c0928cfe3937d"),
    ],
    ids=["default", "shapes"],
)
def test_the_random_draws_of_a_seed_never_change(world: WorldConfig, digest: str) -> None:
    clips = make_clips(world, seed=7, indices=range(50))
    found = hashlib.sha256("\n".join(clips.prompts).encode())
    for _, values in sorted(clips.objects[0].factors.items()):
        if not np.isnan(values).all():  # a factor of motions that this world does not have
            found.update(values.tobytes())
    assert found.hexdigest() == digest


def test_another_seed_makes_other_clips() -> None:
    first, second = (make_clips(WorldConfig(), seed=seed, indices=range(8)) for seed in (0, 1))
    assert not np.array_equal(first.frames, second.frames)


def test_a_negative_index_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        make_clips(WorldConfig(), seed=0, indices=[-1])


@pytest.mark.parametrize("shape", SHAPES)
def test_ink_is_at_the_path_and_has_the_circles_area(shape: str) -> None:
    world = WorldConfig(shapes=(shape,), colours=("black",), radius=(8.0, 11.0))
    prompts = [f"{shape} {phrase}" for phrase in PHRASES for _ in range(4)]
    clips = make_clips_for(world, prompts=prompts, seed=5)
    ink = (255 - clips.frames[..., 0].astype(np.float64)) / 255
    area = ink.sum(axis=(2, 3))
    reach = 1.7 * clips.objects[0].radii[..., None] + 1
    whole = np.all((clips.objects[0].centres - reach > 0) & (clips.objects[0].centres + reach < 63), axis=-1)
    assert whole.sum() > 100
    np.testing.assert_allclose(area[whole], (np.pi * clips.objects[0].radii ** 2)[whole], rtol=0.03)
    grid = np.arange(64)
    x = (ink.sum(axis=2) * grid).sum(-1)[whole] / area[whole]
    y = (ink.sum(axis=3) * grid).sum(-1)[whole] / area[whole]
    np.testing.assert_allclose(np.stack([x, y], axis=-1), clips.objects[0].centres[whole], atol=0.06)


@settings(max_examples=30)
@given(
    x=st.floats(-30, 94),
    y=st.floats(-30, 94),
    radius=st.floats(2, 14),
    angle=st.floats(-7, 7),
    shape=st.sampled_from(SHAPES),
)
def test_the_windowed_renderer_draws_what_the_definition_says(
    x: float, y: float, radius: float, angle: float, shape: str
) -> None:
    picture = render(
        centres=np.array([[[x, y]]]),
        radii=np.array([[radius]]),
        angles=np.array([[angle]]),
        shape=shape,
        colour="red",
        frame_size=64,
    )[0, 0]
    grid = np.arange(64, dtype=np.float32)
    distance = signed_distance(
        shape,
        (grid - np.float32(x))[None, :],
        (grid - np.float32(y))[:, None],
        radius=np.array(radius, dtype=np.float32),
        angle=np.array(angle, dtype=np.float32),
    )
    coverage = np.clip(0.5 - distance, 0, 1)[..., None]
    expected = 255 + coverage * (np.array(COLOURS["red"]) - 255)
    assert np.abs(picture - expected).max() <= 2


@pytest.mark.parametrize("motion", DIRECTIONS)
def test_directions_go_where_they_say(motion: str) -> None:
    clips = make_clips_for(WorldConfig(), prompts=[f"circle moving {motion}"] * 50, seed=0)
    step = np.diff(clips.objects[0].centres, axis=1)
    wanted = np.array(DIRECTIONS[motion])
    assert np.all(np.sign(np.where(np.abs(step) < 1e-4, 0, step)) == wanted)
    speed = np.abs(step).max(axis=2)
    assert speed.min() >= 3 - 1e-3
    assert speed.max() <= 5 + 1e-3


def test_sizes_scale_with_the_frame() -> None:
    small = make_clips_for(WorldConfig(), prompts=["circle rotating clockwise"], seed=3)
    large = make_clips_for(WorldConfig(frame_size=128), prompts=["circle rotating clockwise"], seed=3)
    assert large.frames.shape == (1, 10, 128, 128, 3)
    np.testing.assert_allclose(large.objects[0].radii, 2 * small.objects[0].radii, rtol=1e-5)
    np.testing.assert_allclose(large.objects[0].centres - 63.5, 2 * (small.objects[0].centres - 31.5), atol=1e-3)


def test_bouncing_stays_inside_the_picture() -> None:
    clips = make_clips_for(WorldConfig(), prompts=["circle bouncing vertically"] * 200, seed=1)
    assert np.all(clips.objects[0].centres[..., 1] - clips.objects[0].radii >= -0.51)
    assert np.all(clips.objects[0].centres[..., 1] + clips.objects[0].radii <= 63.51)


@given(st.floats(-1e3, 1e3), st.floats(0.1, 10))
def test_reflection_stays_between_its_walls(position: float, span: float) -> None:
    low = np.array(3.0)
    folded = reflect(np.array(position), low=low, high=low + span)
    assert 3.0 - 1e-9 <= float(folded) <= 3.0 + span + 1e-9


def test_the_triangle_wave_has_its_turning_points() -> None:
    np.testing.assert_allclose(triangle_wave(np.array([0.0, 0.25, 0.5, 0.75, 1.0])), [-1, 0, 1, 0, -1])


@pytest.mark.parametrize("direction", VALIDATION_FOLDS)
def test_a_validation_fold_asks_the_same_of_a_model_with_another_direction(direction: str) -> None:
    test, fold = WorldConfig(), validation_world(direction)
    assert len(fold.phrases) == len(test.phrases)
    assert fold.tiers["V2"] == (f"circle moving {direction}",)
    assert direction in fold.tiers["V1"][0].replace("-", " ").split()
    assert [len(prompts) for prompts in fold.tiers.values()] == [len(prompts) for prompts in test.tiers.values()]
    assert [group_of(tier) for tier in fold.tiers] == ["seen", "validation", "validation"]
    assert not set(fold.seen_prompts) & {*fold.tiers["V1"], *fold.tiers["V2"]}
    known = " ".join(fold.seen_prompts).replace("-", " ").split()
    assert direction in known
    assert {*test.tiers["T1"], *test.tiers["T2"]} <= set(fold.seen_prompts)
