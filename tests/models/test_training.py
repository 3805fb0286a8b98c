"""The training loop: what it reports, what it keeps, and that an interrupted training loses nothing."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data.reading.dataset import ClipTensors
from data.worlds.world import WorldConfig
from models.checkpoint import checkpoint_digest, load_checkpoint, read_info
from models.config import ModelConfig, TrainConfig
from models.sampling import TextToVideo
from models.text.tokens import word_counts
from models.training import trainer
from models.training.expectation import Expectation
from models.training.flipbook_game import FlipbookGame
from models.training.resume import newest_state
from models.training.trainer import Progress, Samples, Saved, TrainEvent
from tests.models.tiny import LEFT, MODEL, TRAIN, WORLD, make_clips, train_tiny

EVERY_STEP = {"checkpoint_seconds": 1e-9}


def test_training_reports_losses_samples_and_checkpoints(clips: ClipTensors, tmp_path: Path) -> None:
    events: list[TrainEvent] = []
    final = train_tiny(clips, tmp_path, report=events.append)
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.step for event in progress] == [2, 4, 6]
    assert all(np.isfinite(list(event.losses.values())).all() for event in progress)
    samples = [event for event in events if isinstance(event, Samples)]
    assert [event.step for event in samples] == [6]
    assert samples[0].frames.shape == (5, 4, 32, 32, 3)
    assert [event.path for event in events if isinstance(event, Saved)] == [final]


def test_a_long_training_says_at_first_what_it_will_take_and_the_tried_steps_change_nothing(
    clips: ClipTensors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[TrainEvent] = []
    told = train_tiny(clips, tmp_path / "told", report=events.append, steps=trainer.WORTH_TRYING)
    expected = events[0]
    assert isinstance(expected, Expectation)
    assert expected.seconds == pytest.approx(trainer.WORTH_TRYING * expected.step_seconds)
    assert expected.memory_bytes > 10**8  # PyTorch alone needs more
    assert re.fullmatch(r"about \d+ (s|min), \d+\.\d\d s per step, \d+\.\d GB of memory", str(expected))
    monkeypatch.setattr(trainer, "WORTH_TRYING", trainer.WORTH_TRYING + 1)
    events.clear()
    silent = train_tiny(clips, tmp_path / "silent", report=events.append, steps=trainer.WORTH_TRYING - 1)
    assert not any(isinstance(event, Expectation) for event in events)
    assert checkpoint_digest(silent) == checkpoint_digest(told)


def test_the_same_seed_gives_the_same_weights_and_another_seed_gives_others(
    clips: ClipTensors, trained: Path, tmp_path: Path
) -> None:
    assert checkpoint_digest(train_tiny(clips, tmp_path / "same")) == checkpoint_digest(trained)
    assert checkpoint_digest(train_tiny(clips, tmp_path / "other", seed=1)) != checkpoint_digest(trained)


def test_after_ctrl_c_the_next_run_ends_with_the_same_weights(
    clips: ClipTensors, trained: Path, tmp_path: Path
) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Progress) and event.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny(clips, tmp_path, report=interrupt, **EVERY_STEP)
    assert (tmp_path / "step-00000003").is_dir()
    assert checkpoint_digest(train_tiny(clips, tmp_path)) == checkpoint_digest(trained)


def test_a_killed_training_ends_with_the_same_weights(clips: ClipTensors, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    make_clips(tmp_path / "clips")
    script = f"""
        import os, signal
        from pathlib import Path
        from data.reading.dataset import load_clips
        from models.training.trainer import Saved
        from tests.models.tiny import train_tiny

        def die(event):
            if isinstance(event, Saved) and event.step == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        train_tiny(load_clips(Path({str(tmp_path / "clips")!r})), Path({str(tmp_path / "run")!r}), report=die,
                   checkpoint_seconds=1e-9)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, timeout=600)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "run" / "final").exists()
    assert checkpoint_digest(train_tiny(clips, tmp_path / "run")) == checkpoint_digest(trained)


def test_only_the_newest_checkpoints_are_kept_and_the_two_newest_can_be_resumed(
    clips: ClipTensors, tmp_path: Path
) -> None:
    train_tiny(clips, tmp_path, keep=3, **EVERY_STEP)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["final", *(f"step-{step:08d}" for step in (3, 4, 5))]
    assert [(tmp_path / f"step-{step:08d}" / "training.pt").exists() for step in (3, 4, 5)] == [False, True, True]
    assert TextToVideo.load(tmp_path / "step-00000003").generate([LEFT], seed=0).shape == (1, 4, 32, 32, 3)


def test_a_damaged_checkpoint_is_skipped_for_the_one_before(clips: ClipTensors, tmp_path: Path) -> None:
    train_tiny(clips, tmp_path, **EVERY_STEP)
    damaged = tmp_path / "step-00000005" / "training.pt"
    damaged.write_bytes(damaged.read_bytes()[:-10])
    state = newest_state(tmp_path)
    assert state is not None
    assert state["steps_done"] == 4


def test_a_finished_training_is_not_done_again(clips: ClipTensors, trained: Path) -> None:
    events: list[TrainEvent] = []
    assert train_tiny(clips, trained.parent, report=events.append) == trained
    assert events == []


def test_a_training_ends_with_its_cpu_time_and_is_not_done_again(clips: ClipTensors, tmp_path: Path) -> None:
    events: list[TrainEvent] = []
    limited = {"steps": 1_000_000, "cpu_minutes": 0.005}
    final = train_tiny(clips, tmp_path, report=events.append, **limited)
    info = read_info(final)
    assert 1 <= info.step < 1_000_000
    assert info.cpu_seconds >= 0.3
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.step, last.total) == (info.step, info.step)
    events.clear()
    assert train_tiny(clips, tmp_path, report=events.append, **limited) == final
    assert events == []


def test_the_cpu_time_of_an_interrupted_training_counts(clips: ClipTensors, tmp_path: Path) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Progress) and event.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny(clips, tmp_path, report=interrupt, steps=1_000_000, cpu_minutes=60, **EVERY_STEP)
    spent = read_info(tmp_path / "step-00000003").cpu_seconds
    assert spent > 0
    final = train_tiny(clips, tmp_path, steps=1_000_000, cpu_minutes=0.999 * spent / 60)  # less, for divisions round
    assert read_info(final).step == 3


def test_clips_of_another_world_are_refused(clips: ClipTensors, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4 frames of 32x32 px"):
        train_tiny(clips, tmp_path, world=WorldConfig())
    more = WORLD.model_copy(update={"phrases": (*WORLD.phrases, "expanding")})
    with pytest.raises(ValueError, match="'circle expanding'"):
        train_tiny(clips, tmp_path, world=more)


@pytest.mark.parametrize("encoder", ["tokens", "transformer"])
def test_a_model_of_two_objects_is_trained_saved_and_drawn(clips: ClipTensors, tmp_path: Path, encoder: str) -> None:
    changes = {"text_encoder": encoder, "word_heads": True, "frame_pooling": True}
    model = ModelConfig.model_validate(MODEL.model_dump() | changes | {"decoder": "layers", "objects": 2})
    final = train_tiny(clips, tmp_path, model=model, steps=2)
    assert TextToVideo.load(final).generate(["circle moving up"], seed=1).std() > 0


def test_the_threshold_of_the_free_term_is_a_part_of_the_model_that_is_saved(
    clips: ClipTensors, tmp_path: Path
) -> None:
    final = train_tiny(clips, tmp_path, steps=4, penalty_share=1.0, free_term_threshold=0.4)
    weights = load_checkpoint(final).weights
    assert weights["motion.threshold"].item() == pytest.approx(0.3)  # of the last step, which began at 3 of 4


def test_the_penalty_keeps_the_free_term_of_the_motion_small(clips: ClipTensors) -> None:
    def size_of_free_term(penalty: float) -> float:
        both = {"first_free_term_penalty": penalty, "free_term_penalty": penalty}
        config = TrainConfig.model_validate(TRAIN.model_dump() | {"steps": 40} | both)
        game = FlipbookGame(clips=clips, subject=WORLD, model=MODEL, train=config, device=torch.device("cpu"))
        for _ in range(config.steps):
            game.step()
        noise = game.generator.draw_noise(8, random=torch.Generator().manual_seed(0))
        return game.generator.latents(noise, word_counts(WORLD.vocabulary, [LEFT] * 8))[1].square().mean().item()

    assert size_of_free_term(10.0) < 0.5 * size_of_free_term(0.0)


def test_training_on_negatives_from_black_is_training_on_the_clips_from_white(
    clips: ClipTensors, trained: Path, tmp_path: Path
) -> None:
    negatives = replace(clips, ink=replace(clips.ink, rows=255 - clips.ink.rows))
    black = train_tiny(negatives, tmp_path, model=MODEL.model_copy(update={"background": "black"}))
    drawn, expected = (TextToVideo.load(path).generate([LEFT] * 4, seed=0) for path in (black, trained))
    np.testing.assert_allclose(255 - drawn.astype(int), expected, atol=2)
    assert drawn.mean() < 128 < expected.mean()
