"""Two objects in one clip: real clips pass, and each single fault is found and named correctly."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from data.worlds.clips import make_clips, make_clips_for
from data.worlds.pairs import draw_over
from data.worlds.presets import pairs_world
from data.worlds.prompts import swapped_prompts
from data.worlds.renderer import render
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.pictures.gallery import what_failed, write_gallery
from evaluation.report_markdown import report_markdown
from evaluation.scoring.clip_scores import score_clips, score_observations
from evaluation.scoring.frechet import frechet_distance, shuffle_frames, train_encoder
from evaluation.scoring.observations import observe, owner_colours
from evaluation.scoring.scores import FaultCounts

PROMPT = "red circle moving up and blue square moving left"


@pytest.fixture(scope="module")
def pairs():
    return pairs_world()


@pytest.fixture(scope="module")
def real(pairs):
    return make_clips(pairs, seed=1, indices=range(600))


@pytest.fixture(scope="module")
def seen(pairs, real):
    return observe(real.frames, pairs)


def clips_of(world, prompts, seed=0):
    return make_clips_for(world, prompts=prompts, seed=seed).frames.copy()


def faults_of(scores):
    """The names of the faults of each clip."""
    return [{name for name, wrong in scores.faults.items() if wrong[n]} for n in range(len(scores.prompts))]


def test_real_clips_of_training_prompts_are_exact(pairs, real, seen):
    scores = score_observations(seen, real.prompts, pairs)
    for right in (scores.motion_ok, scores.shape_ok, scores.colour_ok, scores.count_ok, scores.permanence_ok):
        assert right.mean() >= 0.99
    assert scores.joint.mean() >= 0.99
    assert scores.shape_iou.mean() >= 0.97
    assert scores.rmse.max() <= 0.5
    assert np.nanmin(scores.cosine) >= 0.98
    assert set(scores.count.tolist()) <= {2, 3}


@pytest.mark.parametrize("tier", ["T3", "T5"])
def test_real_clips_of_held_out_prompts_are_exact(pairs, tier):
    prompts = list(pairs.tiers[tier]) * 5
    assert score_clips(clips_of(pairs, prompts, seed=2), prompts, pairs).joint.mean() >= 0.99


@pytest.mark.parametrize("size", [32, 128])
def test_real_clips_are_exact_at_other_frame_sizes(pairs, size):
    world = pairs.model_copy(update={"frame_size": size})
    clips = make_clips(world, seed=3, indices=range(150))
    assert score_clips(clips.frames, clips.prompts, world).joint.mean() >= (0.99 if size > 64 else 0.9)


def test_scores_do_not_depend_on_the_order_of_the_objects_in_the_prompt(pairs, real, seen):
    turned = [" and ".join(reversed(prompt.split(" and "))) for prompt in real.prompts]
    assert np.array_equal(
        score_observations(seen, turned, pairs).joint, score_observations(seen, real.prompts, pairs).joint
    )


def test_no_clip_passes_for_a_prompt_with_swapped_attributes(pairs, real, seen):
    for number in range(3):
        twins = [swapped_prompts(prompt) for prompt in real.prompts]
        rows = [n for n, found in enumerate(twins) if len(found) > number]
        swapped = [found[number] if len(found) > number else real.prompts[n] for n, found in enumerate(twins)]
        assert rows
        assert score_observations(seen, swapped, pairs).joint[rows].mean() <= 0.002


def test_no_clip_passes_for_another_prompt(pairs, real, seen):
    others = real.prompts[1:] + real.prompts[:1]
    wrong = np.array(
        [set(pairs.scene_of(a)) != set(pairs.scene_of(b)) for a, b in zip(real.prompts, others, strict=True)]
    )
    assert not score_observations(seen, others, pairs).joint[wrong].any()


@pytest.mark.parametrize(
    ("shown", "fault"),
    [
        ("green circle moving up and blue square moving left", "colour"),
        ("blue circle moving up and red square moving left", "colour"),
        ("red star moving up and blue square moving left", "shape"),
        ("red circle moving up and blue triangle moving left", "shape"),
        ("red square moving up and blue circle moving left", "shape"),
        ("red circle moving down and blue square moving left", "motion"),
        ("red circle moving up and blue square bouncing vertically", "motion"),
        ("red circle moving left and blue square moving up", "motion"),
    ],
)
def test_a_single_wrong_attribute_is_named(pairs, shown, fault):
    scores = score_clips(clips_of(pairs, [shown] * 24), [PROMPT] * 24, pairs)
    assert not scores.joint.any()
    assert np.mean([faults == {fault} for faults in faults_of(scores)]) >= 0.95
    assert getattr(FaultCounts.of([scores]), fault) >= 23


def test_a_missing_object_is_a_wrong_count_and_nothing_else(pairs):
    prompts = [
        "blue square moving left and red circle moving up"
    ] * 16  # the object in front leaves no gap in the other one
    frames = clips_of(pairs, prompts)
    frames[owner_colours(frames, pairs.colours) == pairs.colours.index("blue")] = 255
    scores = score_clips(frames, prompts, pairs)
    assert all(faults == {"count"} for faults in faults_of(scores))
    assert set(scores.count.tolist()) == {1}
    assert what_failed(scores)[0] == "seen: 1 object"


def third_object(frames, colour):
    """The clips with a resting circle in the corner, in front of everything."""
    full = np.ones(frames.shape[:2])
    circle = render(
        centres=np.stack([full * 56, full * 56], axis=-1), radii=full * 6, angles=full * 0, shape="circle",
        colour=colour, frame_size=64,
    )  # fmt: skip
    planes = [one.transpose(0, 1, 4, 2, 3) for one in (frames, circle)]
    return draw_over(np.ascontiguousarray(planes[0]), planes[1]).transpose(0, 1, 3, 4, 2)


@pytest.mark.parametrize("colour", ["green", "red"])
def test_a_third_object_is_a_wrong_count(pairs, colour):
    frames = third_object(clips_of(pairs, [PROMPT] * 16), colour)
    scores = score_clips(frames, [PROMPT] * 16, pairs)
    assert not scores.count_ok.any()
    assert set(scores.count.tolist()) == {3}
    assert np.mean(["count" in faults and "colour" not in faults for faults in faults_of(scores)]) == 1


def test_an_object_that_vanishes_for_two_frames_fails_permanence_only(pairs):
    prompt = "red circle bouncing vertically and blue square bouncing horizontally"
    frames = clips_of(pairs, [prompt] * 12)
    red = owner_colours(frames, pairs.colours) == pairs.colours.index("red")
    red[:, [0, 1, 2, 3, 6, 7, 8, 9]] = False
    frames[red] = 255
    faults = faults_of(score_clips(frames, [prompt] * 12, pairs))
    assert all(found in ({"permanence"}, set()) for found in faults)
    assert faults.count({"permanence"}) >= 8  # in the others it is hidden anyway


def test_a_flash_of_another_colour_is_a_wrong_count(pairs):
    frames = clips_of(pairs, [PROMPT] * 4)
    frames[:, 3:5, 50:60, 50:60] = (0, 150, 0)
    scores = score_clips(frames, [PROMPT] * 4, pairs)
    assert not scores.count_ok.any()
    frames = clips_of(pairs, [PROMPT] * 4)
    frames[:, 3, 60:62, 60:62] = (0, 150, 0)  # even a speck
    assert not score_clips(frames, [PROMPT] * 4, pairs).count_ok.any()


def test_slightly_soft_edges_do_not_lower_the_scores(pairs):
    clips = make_clips(pairs, seed=5, indices=range(200))
    soft = np.stack(
        [[cv2.GaussianBlur(np.ascontiguousarray(frame), (0, 0), 0.5) for frame in clip] for clip in clips.frames]
    )
    scores = score_clips(soft, clips.prompts, pairs)
    assert scores.joint.mean() >= 0.97
    assert scores.colour_ok.all()


def test_blank_and_noisy_clips_fail_without_an_error(pairs):
    frames = np.full((2, 10, 64, 64, 3), 255, np.uint8)
    frames[1] = np.random.default_rng(0).integers(0, 256, frames[1].shape)
    scores = score_clips(frames, [PROMPT] * 2, pairs)
    assert not scores.joint.any()
    assert not scores.motion_ok[0]
    assert scores.count[0] == 0
    assert scores.predicted[0] == "none and none"


def test_clips_are_scored_alike_alone_and_among_others(pairs, real, seen):
    together = score_observations(seen, real.prompts, pairs)
    alone = score_clips(real.frames[17:18], real.prompts[17:18], pairs)
    assert alone.rmse[0] == together.rmse[17]
    assert alone.shape_iou[0] == pytest.approx(together.shape_iou[17], abs=1e-6)


def test_pixels_belong_to_the_most_similar_colour(pairs):
    colours = pairs.colours
    frames = np.full((1, 2, 8, 8, 3), 255, np.uint8)
    frames[0, 0, 0, :3] = [(0, 0, 255), (220, 0, 0), (0, 150, 0)]
    frames[0, 0, 1, :3] = [(128, 128, 255), (238, 128, 128), (128, 203, 128)]  # half covered
    owner = owner_colours(frames, colours)
    assert owner[0, 0, 0, :3].tolist() == owner[0, 0, 1, :3].tolist() == [0, 1, 2]
    assert (owner[0, 1] == -1).all()


class FewPrompts(WorldConfig):
    """The world `pairs` with twelve prompts in each tier. To evaluate all takes minutes."""

    @property
    def tiers(self):
        return {tier: prompts[:12] for tier, prompts in super().tiers.items()}


def test_an_evaluation_of_pairs_names_the_faults_of_each_tier(pairs, tmp_path):
    few = FewPrompts(**pairs.model_dump())

    def swaps_colours(prompts, seed):
        drawn = [(swapped_prompts(prompt) or (prompt,))[0] for prompt in prompts]
        return make_clips_for(few, prompts=drawn, seed=seed).frames

    config = EvaluationConfig(
        samples_seen=2, samples_held_out=2, samples_real=2, frechet=False, videos_per_prompt=1, shown_prompts=3
    )
    report = evaluate(swaps_colours, world=few, config=config)
    assert [tier.name for tier in report.tiers] == ["T0", "V3", "V5", "T3", "T5"]
    binding = report.tier("T5")
    assert binding.joint.value == 0
    assert binding.real.joint.value >= 0.99
    assert binding.generated.faults.colour >= 0.95 * binding.generated.faults.clips
    text = report_markdown(report)
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    groups = ["### Seen", "### Validation", "### Test"]
    assert [line.split(" prompts")[0] for line in headings] == 2 * groups
    assert "## What failed" in text
    assert "colour alone" in text
    assert "\n## Prompts\n\n### Seen\n" in text
    assert {scores.attribute for scores in report.attributes} == {"motion", "shape", "colour"}
    written = write_gallery(tmp_path, sampler=swaps_colours, world=few, config=config)
    assert len([path for path in written if path.suffix == ".mp4"]) == 15


def test_a_perfect_model_passes_for_its_prompts_and_fails_for_swapped_ones(pairs):
    few = FewPrompts(**pairs.model_dump())
    config = EvaluationConfig(samples_seen=2, samples_held_out=2, samples_real=2, frechet=False)
    report = evaluate(
        lambda prompts, seed: make_clips_for(few, prompts=prompts, seed=seed).frames, world=few, config=config
    )
    for tier in report.tiers:
        assert tier.joint.value >= 0.95
        assert tier.shuffled.joint.value <= 0.01


def test_the_encoder_of_the_frechet_distance_sees_both_objects(pairs):
    encoder = train_encoder(pairs, seed=0)
    real, others = (encoder.encode(make_clips(pairs, seed=seed, indices=range(300)).frames) for seed in (1, 2))
    frames = make_clips(pairs, seed=3, indices=range(300)).frames.copy()
    shuffled = encoder.encode(shuffle_frames(frames, seed=0))
    frames[owner_colours(frames, pairs.colours) == pairs.colours.index("red")] = 255
    floor = frechet_distance(real, others)
    assert frechet_distance(real, shuffled) > 2 * floor
    assert frechet_distance(real, encoder.encode(frames)) > 1.5 * floor
