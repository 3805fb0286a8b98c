"""Clips of any shape with captions that no other clip has can be learned and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data.captions import PromptError
from data.importing.config import ImportConfig
from data.importing.item import Item
from data.reading.dataset import ClipTensors, load_clips
from data.shards.imported import captions_by_split, placed, write_batch
from data.shards.manifest import write_manifest
from data.shards.sources import ImportSource
from data.subject import CaptionedSubject
from models.config import ModelConfig, TextEncoder
from models.sampling import TextToVideo
from models.training.trainer import Samples, TrainEvent, train
from tests.data.importing.videos import encoded, moving_square
from tests.models.tiny import TRAIN

CONFIG = ImportConfig(width=32, height=40, frames=5)
MODEL = ModelConfig(decoder="conv", motion_width=32, discriminator_width=32, channels=4, frame_discriminator_channels=8)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    """Nine clips of 32x40 px for training, each with a caption of its own, and one for the test."""
    root, folder = tmp_path_factory.mktemp("videos"), tmp_path_factory.mktemp("clips")
    items = []
    for number in range(10):
        (root / f"{number}.mp4").write_bytes(encoded(moving_square(seed=number)))
        split = "test" if number == 9 else "train"
        items.append(Item(f"{number}.mp4", (f"a square numbered {number}", f"moving {number}"), split))
    batch = write_batch(folder, root=root, items=items, number=0, config=CONFIG)
    subject = CaptionedSubject.of(CONFIG.clip, captions_by_split([batch]))
    source = ImportSource(name="videos", config=CONFIG, subject=subject)
    write_manifest(folder, source=source, shards=placed([batch]), digest="0" * 64)
    return load_clips(folder)


@pytest.mark.parametrize("encoder", ["tokens", "transformer"])
def test_a_model_of_unique_captions_draws_new_ones(clips: ClipTensors, encoder: TextEncoder, tmp_path: Path) -> None:
    events: list[TrainEvent] = []
    model = MODEL.model_copy(update={"text_encoder": encoder})
    subject = clips.manifest.subject
    final = train(clips=clips, subject=subject, model=model, train=TRAIN, folder=tmp_path, report=events.append)
    (samples,) = [event for event in events if isinstance(event, Samples)]
    assert samples.frames.shape == (20, 5, 40, 32, 3)  # one clip per caption
    assert "a square numbered 9" in samples.prompts
    loaded = TextToVideo.load(final)
    assert loaded.format == CONFIG.clip
    assert loaded.generate(["Square: numbered, moving!"], seed=1).shape == (1, 5, 40, 32, 3)
    with pytest.raises(PromptError, match="'zebra'"):
        loaded.generate(["a zebra"], seed=1)
    assert loaded.generate(["a zebra"], seed=1, unknown_words="ignore").shape == (1, 5, 40, 32, 3)


def test_a_training_of_unique_captions_resumes_exactly(clips: ClipTensors, tmp_path: Path) -> None:
    subject = clips.manifest.subject

    def run(name: str, report: object = lambda _: None) -> dict[str, torch.Tensor]:
        config = TRAIN.model_copy(update={"checkpoint_seconds": 1e-9})
        final = train(clips=clips, subject=subject, model=MODEL, train=config, folder=tmp_path / name, report=report)
        return torch.load(final / "training.pt", weights_only=True)["modules"]["generator"]

    def kill(event: TrainEvent) -> None:
        if getattr(event, "step", 0) == 3 and hasattr(event, "path"):
            raise KeyboardInterrupt

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("parts", kill)
    resumed = run("parts")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_decoder_for_square_frames_says_which_one_draws_others(clips: ClipTensors, tmp_path: Path) -> None:
    model = MODEL.model_copy(update={"decoder": "keypoint"})
    with pytest.raises(ValueError, match=r"5 frames of 32x40 px: set model\.decoder to conv"):
        train(clips=clips, subject=clips.manifest.subject, model=model, train=TRAIN, folder=tmp_path, report=print)
