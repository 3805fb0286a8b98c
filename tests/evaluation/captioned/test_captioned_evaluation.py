"""Every fault of a generator is caught by the figure that is meant for it, and by what real clips reach beside it."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.captioned_metrics import generators, held_out_clips, training_clips
from evaluation.captioned.clips import CaptionedClips
from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.evaluate import evaluate_captioned
from evaluation.captioned.gallery import write_captioned_gallery
from evaluation.captioned.markdown import captioned_markdown
from evaluation.captioned.report import CaptionedReport
from evaluation.captioned.split import all_splits


def seen(reports, name):
    return reports[name].split("seen")


def test_a_perfect_generator_reaches_the_bounds_of_real_clips(reports):
    found = seen(reports, "perfect")
    assert found.retrieval.real.top1.value >= 0.95
    assert found.retrieval.generated.top1.value >= 0.95
    assert found.retrieval.candidates == 12
    assert found.consistency.change.ratio == pytest.approx(1, abs=0.12)
    assert found.consistency.roughness.ratio == pytest.approx(1, abs=0.12)
    assert found.diversity.pixels.ratio == pytest.approx(1, abs=0.12)
    assert found.diversity.features.ratio == pytest.approx(1, abs=0.15)
    assert found.memorisation.distance.ratio == pytest.approx(1, abs=0.12)
    assert found.memorisation.near.low < 0.05 < found.memorisation.near.high + 0.05
    frechet = reports["perfect"].frechet
    assert frechet.generated.low <= frechet.floor.high


def test_shuffled_captions_and_a_generator_that_ignores_captions_stay_at_chance(reports):
    assert seen(reports, "perfect").retrieval.shuffled.top1.value <= 1 / 12
    ignoring = seen(reports, "ignores captions").retrieval
    assert ignoring.chance == pytest.approx(1 / 12)
    assert ignoring.generated.over_captions.low <= ignoring.chance <= ignoring.generated.over_captions.high + 0.05
    assert ignoring.generated.top1.value < 0.2


def test_one_caption_with_a_wrong_motion_is_the_worst_caption(reports, small_world):
    found = seen(reports, "wrong motion for one caption")
    assert found.worst[0].caption == small_world.seen_prompts[0]
    assert found.worst[0].generated.high < found.worst[0].real.low
    assert found.worst[1].generated.value > 0.7


@pytest.mark.parametrize("fault", ["jitter of 1 px", "flicker", "shuffled frames"])
def test_jumps_are_rougher_than_real_clips(reports, fault):
    roughness = seen(reports, fault).consistency.roughness
    assert roughness.generated.low > 1.1 * roughness.real.high
    assert roughness.shuffled.low > 1.1 * roughness.real.high


def test_frozen_clips_do_not_change(reports):
    found = seen(reports, "frozen").consistency
    assert found.change.ratio == 0
    assert found.roughness.generated is None


def test_shuffled_frames_raise_the_frechet_distance(reports):
    assert reports["shuffled frames"].frechet.generated.low > reports["perfect"].frechet.generated.high
    perfect = reports["perfect"].frechet
    assert perfect.shuffled_frames.low > perfect.floor.high


def test_a_collapsed_generator_has_no_diversity(reports):
    found = seen(reports, "collapsed")
    assert found.diversity.pixels.ratio == 0
    assert found.diversity.features.ratio == pytest.approx(0, abs=1e-3)
    assert found.retrieval.generated.top1.value > 0.8


def test_a_generator_that_ignores_captions_is_as_varied_within_a_caption_as_across_captions(reports):
    features = seen(reports, "ignores captions").diversity.features
    assert features.generated.value == pytest.approx(features.shuffled.value, rel=0.15)
    assert features.generated.low > features.real.high


def test_copies_of_training_clips_have_the_distance_0(reports):
    found = seen(reports, "copies of training clips").memorisation
    assert found.distance.generated.value == pytest.approx(0, abs=0.1)
    assert found.near.value == 1
    assert found.distance.real.value > 1


def test_a_split_with_one_caption_is_searched_among_training_captions(reports):
    found = reports["perfect"].split("test").retrieval
    assert found.filled_up
    assert found.candidates == 14  # one per colour, and those of the training


def test_a_report_survives_json_and_has_a_table_for_people(reports):
    for report in reports.values():
        assert CaptionedReport.model_validate_json(report.model_dump_json()) == report
    text = captioned_markdown(reports["perfect"])
    assert "| **seen** | generated | 192 |" in text
    assert "### Test: the worst of 2" in text
    assert "circle" in captioned_markdown(reports["frozen"])


def test_unique_captions_in_several_languages_on_oblong_clips_are_scored(training):
    words = ("左", "вверх", "a | pipe", "größer")
    frames = training.frames[:48, :, 4:28].repeat(2, axis=3)
    captions = tuple((f"{words[k % 4]} {k}", f"other {k}") for k in range(48))
    clips = CaptionedClips(frames, captions)
    config = CaptionedConfig(clips_per_split=24, captions_per_split=12, matcher_steps=2, candidates=20)

    def sampler(names, seed):
        return frames[np.random.default_rng(seed).integers(48, size=len(names))]

    report = evaluate_captioned(sampler, training=clips, held_out={"validation": clips}, config=config)
    split = report.split("validation")
    assert split.retrieval.candidates == 20
    assert split.diversity.real_clips_of == "all captions"
    assert split.captions == 12
    assert CaptionedReport.model_validate_json(report.model_dump_json()) == report


def test_equal_arguments_give_equal_reports(small_world):
    training = training_clips(small_world, 32)
    config = CaptionedConfig(clips_per_split=24, matcher_steps=3)
    sampler = generators(small_world, training)["perfect"]
    first, again = (evaluate_captioned(sampler, training=training, held_out={}, config=config) for _ in range(2))
    assert first == again


def test_videos_are_the_scored_samples_and_the_contact_sheet_shows_real_clips_beside_them(
    small_world, training, config, tmp_path
):
    sampler = generators(small_world, training)["perfect"]
    held_out, few = held_out_clips(small_world), config.model_copy(update={"shown_captions": 3})
    written = write_captioned_gallery(
        tmp_path, sampler=sampler, training=training, held_out=held_out, config=few, fps=10, videos=2
    )
    assert sorted(written) == sorted(tmp_path.iterdir())
    raw = np.load(tmp_path / "clips.npz")
    seen, test = all_splits(training=training, held_out=held_out, config=few)
    assert raw["prompts"].tolist() == [*seen.shown * 2, *test.shown * 2]
    drawn = {
        (caption, turn): clip
        for turn in range(2)
        for captions, frames in seen.draw_turn(sampler, turn)
        for caption, clip in zip(captions, frames, strict=True)
    }
    wanted = [drawn[caption, turn] for turn in range(2) for caption in seen.shown]
    assert (raw["frames"][: len(wanted)] == np.stack(wanted)).all()
    sheet = Image.open(tmp_path / "contact-sheet.png")
    pixels = np.asarray(sheet).astype(int)
    half = sheet.width // 2 + 50
    red = pixels[..., 0] - pixels[..., 1] > 150
    assert red[:, :half].any()
    assert red[:, half:].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"held_out": {"seen": 0}}, "cannot be named 'seen'"),
        ({"training": 0}, "too few"),
        ({"sampler": lambda captions, seed: np.zeros((1, 6, 32, 32, 3), np.uint8)}, "the sampler returned"),
    ],
)
def test_wrong_arguments_are_refused_with_the_reason(small_world, training, matcher, config, change, message):
    arguments = {"sampler": generators(small_world, training)["perfect"], "training": training, "held_out": {}}
    arguments |= change
    if change.get("held_out"):
        arguments["held_out"] = {"seen": training}
    if "training" in change:
        arguments["training"] = training.rows(np.arange(4))
    with pytest.raises(ValueError, match=message):
        evaluate_captioned(arguments.pop("sampler"), config=config, matcher=matcher, **arguments)
