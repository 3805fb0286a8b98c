"""Prompts of two objects: each object reads its own clause, and labels tell which words share a clause."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from data.captions import PromptError
from data.worlds.presets import pairs_world
from data.worlds.prompts import clauses
from data.worlds.world import WorldConfig
from models.config import ModelConfig, TextEncoder
from models.networks.generator import TextGenerator, build_generator
from models.text.features import build_text
from models.text.labels import Labels
from models.text.protocols import TextFeatures

WORLD = pairs_world()
ENCODERS: tuple[TextEncoder, ...] = ("tokens", "transformer")
RED_UP, BLUE_LEFT = "red circle moving up", "blue square moving left"


def _model(encoder: TextEncoder) -> ModelConfig:
    return ModelConfig(text_encoder=encoder, decoder="layers", objects=2, motion_width=32, channels=8)


def _each(text: TextFeatures, prompts: list[str]) -> torch.Tensor:
    """Features of the prompts' two clauses (N, 2, F)."""
    return text.features(prompts).view(len(prompts), 2, -1)


def test_a_prompt_is_cut_at_every_and() -> None:
    assert clauses(f"{RED_UP} AND {BLUE_LEFT}", at_most=2) == [RED_UP, BLUE_LEFT]
    assert clauses(f"{RED_UP} and {BLUE_LEFT}", at_most=1) == [f"{RED_UP} and {BLUE_LEFT}"]
    assert clauses("up and down and left", at_most=2) == ["up", "down and left"]
    assert clauses(f"and {RED_UP} and and {BLUE_LEFT}", at_most=2) == [RED_UP, BLUE_LEFT]
    assert clauses("a band", at_most=2) == ["a band"]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_clause_has_the_same_features_wherever_it_stands(encoder: TextEncoder) -> None:
    text = build_text(_model(encoder), WORLD)
    here, there = _each(text, [f"{RED_UP} and {BLUE_LEFT}", f"{BLUE_LEFT} and {RED_UP}"])
    assert torch.equal(here[0], there[1])
    assert torch.equal(here[1], there[0])
    assert not torch.equal(here[0], here[1])


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("prompt", [RED_UP, f"{RED_UP} and {BLUE_LEFT} and green star moving down", f"{RED_UP} and"])
def test_a_prompt_must_name_as_many_objects_as_the_training_prompts(encoder: TextEncoder, prompt: str) -> None:
    text = build_text(_model(encoder), WORLD)
    with pytest.raises(
        PromptError, match=r"names \d objects?, but the training prompts name 2\. Join the objects by .and."
    ):
        text.features([prompt])


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("prompt", ["", "and", " and AND "])
def test_a_prompt_without_an_object_is_refused(encoder: TextEncoder, prompt: str) -> None:
    text = build_text(_model(encoder), WORLD)
    for unknown_words in ("refuse", "ignore"):
        with pytest.raises(PromptError):
            text.features([prompt], unknown_words=unknown_words)


def test_a_clause_without_letters_is_refused() -> None:
    text = build_text(_model("tokens"), WORLD)
    for prompt in ("!!!", "!!! and ???", f"{RED_UP} and !!!"):
        with pytest.raises(PromptError):
            text.features([prompt])


def test_several_objects_read_no_captions_in_free_words() -> None:
    with pytest.raises(ValidationError, match="reads a whole caption"):
        _model("sentence")
    for encoder in ENCODERS:
        with pytest.raises(ValueError, match=r"set world\.varied_captions to 0"):
            build_text(_model(encoder), WORLD.model_copy(update={"varied_captions": 1}))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_clause_changes_no_other_object(encoder: TextEncoder) -> None:
    torch.manual_seed(0)
    generator = build_generator(_model(encoder), WORLD)
    before, after = (
        _latents(generator, encoder, f"{RED_UP} and {other}") for other in (BLUE_LEFT, "green star moving down")
    )
    torch.testing.assert_close(before[0, 0], after[0, 0])
    assert not torch.allclose(before[0, 1], after[0, 1])


def test_each_object_has_its_own_noise() -> None:
    torch.manual_seed(0)
    generator = build_generator(_model("tokens"), WORLD)
    first, second = _latents(generator, "tokens", f"{RED_UP} and {RED_UP}")[0]
    assert not torch.allclose(first, second)


def _latents(generator: TextGenerator, encoder: TextEncoder, prompt: str) -> torch.Tensor:
    model = _model(encoder)
    noise = generator.draw_noise(1, random=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return generator.latents(noise, build_text(model, WORLD).features([prompt]))[0]


def test_swapped_clauses_with_swapped_noise_swap_the_objects() -> None:
    torch.manual_seed(0)
    model = _model("tokens")
    generator, text = build_generator(model, WORLD), build_text(model, WORLD)
    noise = generator.draw_noise(1, random=torch.Generator().manual_seed(0))
    with torch.no_grad():
        there = generator.latents(noise, text.features([f"{RED_UP} and {BLUE_LEFT}"]))[0]
        back = generator.latents(noise.roll(noise.shape[1] // 2, dims=1), text.features([f"{BLUE_LEFT} and {RED_UP}"]))[
            0
        ]
    torch.testing.assert_close(there, back.flip(1))


def test_the_labels_of_two_objects_weigh_as_much_as_the_words_of_one() -> None:
    one, two = Labels(WORLD, objects=1), Labels(WORLD, objects=2)
    assert one.weight == 1
    words = [len(part.split()) for prompt in WORLD.seen_prompts for part in prompt.replace("-", " ").split(" and ")]
    assert two.weight * two.of(WORLD.seen_prompts).sum(1).mean() == pytest.approx(sum(words) / len(words))


def test_labels_tell_prompts_apart_that_have_the_same_words() -> None:
    prompts = ["red circle moving up and blue square moving left", "blue circle moving up and red square moving left"]
    one, other = Labels(WORLD, objects=1).of(prompts)
    assert torch.equal(one, other)
    labels = Labels(WORLD, objects=2).of(prompts)
    assert not torch.equal(labels[0], labels[1])
    assert torch.equal(labels[0], Labels(WORLD, objects=2).of([f"{BLUE_LEFT} and {RED_UP}"])[0])


def test_no_two_prompts_of_the_binding_tier_have_the_same_labels() -> None:
    labels = Labels(WORLD, objects=2).of(WORLD.tiers["T5"])
    assert len(labels.unique(dim=0)) == len(labels)


def test_an_unknown_word_is_refused_together_with_its_prompt() -> None:
    text = build_text(_model("tokens"), WORLD)
    with pytest.raises(
        PromptError, match=r"prompt .red circle moving up and blue hexagon moving left. .*unknown word .hexagon"
    ):
        text.features(["red circle moving up and blue hexagon moving left"])
    assert text.features(["red circle moving up and blue hexagon"], unknown_words="ignore").sum() == 5


def test_prompts_of_one_object_can_be_read_for_two_objects() -> None:
    world = WorldConfig()
    text = build_text(ModelConfig(decoder="layers", objects=2), world)
    assert text.features(world.seen_prompts).shape == (len(world.seen_prompts), 2 * len(world.vocabulary.words))
    assert len(Labels(world, objects=2)) > len(world.vocabulary.words)
