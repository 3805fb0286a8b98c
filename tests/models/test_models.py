"""Networks, training, checkpoints, sampling, on a world small enough for seconds."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from data.files import StorageError, sha256_of
from data.reading.dataset import ClipTensors, load_clips
from data.shards.config import DataConfig
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.worlds.prompts import PromptError
from data.worlds.world import HeldOut, WorldConfig
from models.checkpoint import (
    CheckpointError,
    checkpoint_digest,
    load_weights,
    newest_state,
    read_info,
    save_checkpoint,
)
from models.config import ModelConfig, TrainConfig
from models.device import pick_device
from models.networks.generator import build_generator, draw_noise
from models.sampling import TextToVideo
from models.text.tokens import word_counts
from models.training.adversary import CLIP, Adversary
from models.training.losses import gradient_penalty
from models.training.trainer import Progress, Samples, Saved, TrainEvent, train

WORLD = WorldConfig(
    frame_size=32,
    frames=4,
    phrases=("moving left", "moving diagonally up-right", "shrinking"),
    held_out=(HeldOut(tier="T1", phrase="moving up-right"), HeldOut(tier="T2", phrase="moving up")),
)
MODEL = ModelConfig(motion_width=32, critic_width=32, channels=8, keypoints=4, frame_critic_channels=8)
TRAIN = TrainConfig(
    steps=12,
    prompts_per_batch=2,
    clips_per_prompt=2,
    stills=4,
    log_every=2,
    sample_every=6,
    checkpoint_seconds=1e9,
    threads=1,
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    config = DataConfig(clips=60, shards=2)
    shards = [write_shard(folder, world=WORLD, data=config, shard=number) for number in range(2)]
    write_manifest(folder, world=WORLD, data=config, shards=shards, digest="0" * 64)
    return folder


@pytest.fixture(scope="module")
def clips(dataset: Path) -> ClipTensors:
    return load_clips(dataset)


@pytest.fixture(scope="module")
def trained(clips: ClipTensors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _train(clips, tmp_path_factory.mktemp("trained"))


def _train(clips: ClipTensors, folder: Path, events: list[TrainEvent] | None = None, **change: object) -> Path:
    config = TRAIN.model_copy(update=change)
    report = (lambda _: None) if events is None else events.append
    return train(clips=clips, world=WORLD, model=MODEL, train=config, folder=folder, report=report)


def test_a_generator_makes_clips_of_the_worlds_size_within_range() -> None:
    generator = build_generator(MODEL, WORLD)
    noise = draw_noise(5, config=MODEL, generator=torch.Generator().manual_seed(0))
    clips = generator(noise, word_counts(WORLD.vocabulary, ["circle moving left"] * 5))
    assert clips.shape == (5, 4, 3, 32, 32)
    assert clips.abs().max() <= 1


def test_the_text_changes_the_clip() -> None:
    generator = build_generator(MODEL, WORLD)
    noise = draw_noise(1, config=MODEL, generator=torch.Generator().manual_seed(0))
    left, shrinking = (
        generator(noise, word_counts(WORLD.vocabulary, [prompt]))
        for prompt in ("circle moving left", "circle shrinking")
    )
    assert (left - shrinking).abs().max() > 1e-3


def test_every_network_and_the_word_vectors_learn(clips: ClipTensors) -> None:
    adversary = Adversary(clips=clips, world=WORLD, model=MODEL, train=TRAIN, device=torch.device("cpu"))
    before = {
        (name, key): value.clone()
        for name, module in adversary.modules.items()
        for key, value in module.named_parameters()
    }
    for _ in range(4):
        adversary.step()
    for name, module in adversary.modules.items():
        for key, value in module.named_parameters():
            assert not torch.equal(value, before[name, key]), f"{name}.{key} did not change"


def test_the_discriminator_judges_the_text(clips: ClipTensors) -> None:
    adversary = Adversary(clips=clips, world=WORLD, model=MODEL, train=TRAIN, device=torch.device("cpu"))
    pictures = torch.rand(4, 4, 3, 16, 16) * 2 - 1
    left = word_counts(WORLD.vocabulary, ["circle moving left"] * 4)
    shrinking = word_counts(WORLD.vocabulary, ["circle shrinking"] * 4)
    first, second = (adversary.critics[CLIP](pictures, text, text).scores for text in (left, shrinking))
    assert not torch.allclose(first, second)


def test_the_gradient_penalty_of_a_linear_score_is_its_squared_norm() -> None:
    weights = torch.tensor([3.0, 4.0])
    penalty = gradient_penalty(lambda inputs: inputs @ weights, torch.randn(7, 2))
    assert float(penalty) == pytest.approx(25.0)


def test_the_penalty_falls_geometrically_and_the_rate_linearly(clips: ClipTensors) -> None:
    schedule = TRAIN.model_copy(
        update={
            "steps": 10,
            "learning_rate": 0.01,
            "decay_share": 0.5,
            "first_clip_penalty": 0.4,
            "clip_penalty": 0.1,
            "penalty_share": 0.4,
        }
    )
    adversary = Adversary(clips=clips, world=WORLD, model=MODEL, train=schedule, device=torch.device("cpu"))
    rates, penalties = [], []
    for _ in range(schedule.steps):
        adversary.step()
        rates.append(adversary.optimisers["generator"].param_groups[0]["lr"])
        penalties.append(adversary.penalties[CLIP])
    assert rates == pytest.approx([0.01] * 6 + [0.008, 0.006, 0.004, 0.002])
    assert penalties == pytest.approx([0.4, 0.4 / 2**0.5, 0.2, 0.2 / 2**0.5] + [0.1] * 6)


def test_what_strays_off_the_picture_is_drawn_at_its_edge() -> None:
    decoder = build_generator(MODEL, WORLD).decoder
    torch.nn.init.constant_(decoder.pose.bias, 50.0)
    latents = torch.randn(4, 1, 1, MODEL.motion + MODEL.content)
    pictures = decoder(latents).squeeze(1)
    assert (pictures.flatten(1).amax(1) - pictures.flatten(1).amin(1) > 0.01).all()


def test_training_reports_losses_samples_and_checkpoints(clips: ClipTensors, tmp_path: Path) -> None:
    events: list[TrainEvent] = []
    final = _train(clips, tmp_path, events)
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.step for event in progress] == [2, 4, 6, 8, 10, 12]
    assert all(np.isfinite(list(event.losses.values())).all() for event in progress)
    samples = [event for event in events if isinstance(event, Samples)]
    assert [event.step for event in samples] == [6, 12]
    assert samples[0].frames.shape == (5, 4, 32, 32, 3)
    assert [event.path for event in events if isinstance(event, Saved)] == [final]


def test_the_penalty_keeps_the_free_term_of_the_motion_small(clips: ClipTensors) -> None:
    def size_of_free_term(penalty: float) -> float:
        config = TRAIN.model_copy(update={"steps": 60, "free_term_penalty": penalty})
        adversary = Adversary(clips=clips, world=WORLD, model=MODEL, train=config, device=torch.device("cpu"))
        for _ in range(config.steps):
            adversary.step()
        counts = word_counts(WORLD.vocabulary, ["circle moving left"] * 8)
        noise = draw_noise(8, config=MODEL, generator=torch.Generator().manual_seed(0))
        return adversary.generator.latents(noise, counts)[1].square().mean().item()

    assert size_of_free_term(10.0) < 0.5 * size_of_free_term(0.0)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    clips: ClipTensors, trained: Path, tmp_path: Path
) -> None:
    assert checkpoint_digest(_train(clips, tmp_path / "same")) == checkpoint_digest(trained)
    assert checkpoint_digest(_train(clips, tmp_path / "other", seed=1)) != checkpoint_digest(trained)


def test_after_ctrl_c_the_next_run_goes_on_and_ends_with_the_same_weights(
    clips: ClipTensors, trained: Path, tmp_path: Path
) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Progress) and event.step == 6:
            raise KeyboardInterrupt

    often = TRAIN.model_copy(update={"checkpoint_seconds": 1e-9})
    with pytest.raises(KeyboardInterrupt):
        train(clips=clips, world=WORLD, model=MODEL, train=often, folder=tmp_path, report=interrupt)
    assert (tmp_path / "step-00000005").is_dir()
    assert checkpoint_digest(_train(clips, tmp_path)) == checkpoint_digest(trained)


def test_a_killed_training_goes_on_to_the_same_weights(clips: ClipTensors, dataset: Path, tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from data.reading.dataset import load_clips
        from tests.models.test_models import MODEL, TRAIN, WORLD
        from models.training.trainer import train
        config = TRAIN.model_copy(update=dict(steps=400, checkpoint_seconds=0.05))
        train(clips=load_clips(Path({str(dataset)!r})), world=WORLD, model=MODEL, train=config,
              folder=Path({str(tmp_path / "killed")!r}), report=print)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, cwd=Path.cwd())
    try:
        deadline = time.monotonic() + 60
        while len(list((tmp_path / "killed").glob("step-*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert list((tmp_path / "killed").glob("step-*"))
    assert not (tmp_path / "killed" / "final").exists()
    change = {"steps": 400, "sample_every": 400}
    resumed, undisturbed = _train(clips, tmp_path / "killed", **change), _train(clips, tmp_path / "whole", **change)
    assert checkpoint_digest(resumed) == checkpoint_digest(undisturbed)


def test_only_the_newest_checkpoints_are_kept(clips: ClipTensors, tmp_path: Path) -> None:
    _train(clips, tmp_path, checkpoint_seconds=1e-9, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["final", "step-00000010", "step-00000011"]


def test_of_many_kept_checkpoints_the_two_newest_can_be_gone_on_from(clips: ClipTensors, tmp_path: Path) -> None:
    _train(clips, tmp_path, checkpoint_seconds=1e-9, keep=5)
    kept = sorted(tmp_path.glob("step-*"))
    assert [path.name for path in kept] == [f"step-{step:08d}" for step in range(7, 12)]
    assert [(path / "training.pt").exists() for path in kept] == [False, False, False, True, True]
    assert TextToVideo.load(kept[0]).generate(["circle moving left"], seed=0).shape == (1, 4, 32, 32, 3)


def test_a_finished_training_is_not_done_again(clips: ClipTensors, trained: Path) -> None:
    events: list[TrainEvent] = []
    assert _train(clips, trained.parent, events) == trained
    assert events == []


def test_a_damaged_state_is_passed_over_for_the_one_before(clips: ClipTensors, trained: Path, tmp_path: Path) -> None:
    _train(clips, tmp_path, checkpoint_seconds=1e-9, keep=2)
    damaged = tmp_path / "step-00000011" / "training.pt"
    damaged.write_bytes(damaged.read_bytes()[:-10])
    state = newest_state(tmp_path)
    assert state is not None
    assert state["steps_done"] == 10


def test_clips_of_another_world_are_refused(clips: ClipTensors, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frames of 32 px"):
        train(clips=clips, world=WorldConfig(), model=MODEL, train=TRAIN, folder=tmp_path, report=lambda _: None)
    more = WORLD.model_copy(update={"phrases": (*WORLD.phrases, "expanding")})
    with pytest.raises(ValueError, match="'circle expanding'"):
        train(clips=clips, world=more, model=MODEL, train=TRAIN, folder=tmp_path, report=lambda _: None)


def test_samples_depend_on_seed_and_place_alone(trained: Path) -> None:
    model = TextToVideo.load(trained)
    many = model.generate(["circle moving left"] * 40, seed=3)
    few = model.generate(["circle shrinking", "circle moving left"], seed=3)
    np.testing.assert_array_equal(many[1], few[1])
    assert not np.array_equal(many[1], model.generate(["circle moving left"] * 2, seed=4)[1])
    assert many.dtype == np.uint8
    assert many.shape == (40, 4, 32, 32, 3)


def test_an_unknown_word_never_reaches_the_generator(trained: Path) -> None:
    with pytest.raises(PromptError, match="'square'"):
        TextToVideo.load(trained).generate(["square moving left"], seed=0)


def test_a_checkpoint_holds_no_pickle_but_the_training_state(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "checkpoint.json",
        "generator.safetensors",
        "training.pt",
    ]
    torch.load(trained / "training.pt", weights_only=True)


def test_a_checkpoint_can_be_named_by_its_weights_file(trained: Path) -> None:
    assert TextToVideo.load(trained / "generator.safetensors").info == read_info(trained)


def _copy(trained: Path, target: Path) -> Path:
    target.mkdir()
    for path in trained.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


@contextmanager
def _description(folder: Path) -> Iterator[dict[str, Any]]:
    """What the checkpoint says of itself, written back with all changes."""
    path = folder / "checkpoint.json"
    info = json.loads(path.read_text())
    yield info
    path.write_text(json.dumps(info))


def test_damaged_weights_are_refused(trained: Path, tmp_path: Path) -> None:
    folder = _copy(trained, tmp_path / "copy")
    content = bytearray((folder / "generator.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "generator.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        TextToVideo.load(folder)


def test_a_foreign_folder_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        TextToVideo.load(tmp_path)
    folder = _copy(trained, tmp_path / "copy")
    (folder / "checkpoint.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(CheckpointError, match=r"another program \(world: Field required\)"):
        load_weights(folder)


def test_a_checkpoint_with_a_value_that_is_no_more_still_loads(trained: Path, tmp_path: Path) -> None:
    folder = _copy(trained, tmp_path / "copy")
    with _description(folder) as info:
        info["model"]["typical_size"] = 0.2
    prompts = ["circle moving left"]
    found = [TextToVideo.load(place).generate(prompts, seed=1) for place in (folder, trained)]
    assert np.array_equal(*found)


def test_a_value_that_models_get_later_does_not_change_what_a_checkpoint_is(trained: Path, tmp_path: Path) -> None:
    folder = _copy(trained, tmp_path / "copy")
    with _description(folder) as info:
        del info["model"]["things"]
    then = json.dumps(info["model"], separators=(",", ":"))
    parts = (info["weights_sha256"], WORLD.fingerprint, then, " ".join(info["vocabulary"]))
    assert checkpoint_digest(folder) == hashlib.sha256("\n".join(parts).encode()).hexdigest()
    parts = (info["weights_sha256"], WORLD.fingerprint, MODEL.model_dump_json(), " ".join(info["vocabulary"]))
    assert checkpoint_digest(trained) == hashlib.sha256("\n".join(parts).encode()).hexdigest()


def test_the_former_convolutional_decoder_is_refused_by_name(trained: Path, tmp_path: Path) -> None:
    folder = _copy(trained, tmp_path / "copy")
    weights = load_file(folder / "generator.safetensors") | {"decoder.values.weight": torch.zeros(1)}
    save_file(weights, folder / "generator.safetensors")
    with _description(folder) as info:
        info["model"]["decoder"] = "convolutional"
        info["weights_sha256"] = sha256_of(folder / "generator.safetensors")
    assert checkpoint_digest(folder)  # intact all the same: nothing takes it for a damaged one
    with pytest.raises(CheckpointError, match="former decoder 'convolutional'"):
        TextToVideo.load(folder)


def test_the_former_decoder_of_several_sprites_is_refused_by_name(trained: Path, tmp_path: Path) -> None:
    folder = _copy(trained, tmp_path / "copy")
    with _description(folder) as info:
        info["model"] |= {"decoder": "sprite", "things": 2}
        weights = load_file(folder / "generator.safetensors")
        del weights["decoder.colour.weight"]  # sprites have none
        save_file(weights, folder / "generator.safetensors")
        info["weights_sha256"] = sha256_of(folder / "generator.safetensors")
    assert checkpoint_digest(folder)
    with pytest.raises(CheckpointError, match="former decoder of several sprites"):
        TextToVideo.load(folder)


@pytest.mark.parametrize("encoder", ["tokens", "transformer"])
def test_two_things_are_trained_saved_and_drawn(clips: ClipTensors, tmp_path: Path, encoder: str) -> None:
    change = {"text_encoder": encoder, "word_heads": True, "frame_critic_channels": 8, "frame_pooling": True}
    change |= {"decoder": "layers", "things": 2, "additive_content": True}
    model, config = ModelConfig.model_validate(MODEL.model_dump() | change), TRAIN.model_copy(update={"steps": 2})
    folder = train(clips=clips, world=WORLD, model=model, train=config, folder=tmp_path, report=lambda _: None)
    assert TextToVideo.load(folder).generate(["circle moving up"], seed=1).std() > 0


def test_weights_that_do_not_fit_their_config_are_refused(trained: Path, tmp_path: Path) -> None:
    folder = _copy(trained, tmp_path / "copy")
    with _description(folder) as info:
        info["model"]["motion_width"] = 64
    with pytest.raises(CheckpointError, match="do not fit"):
        TextToVideo.load(folder)


def test_a_checkpoint_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(StorageError, match="Could not write the checkpoint"):
        save_checkpoint(
            blocked / "final",
            weights={"a": torch.zeros(1)},
            state={},
            world=WORLD,
            model=MODEL,
            step=1,
            dataset_digest="x",
        )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("too_large", ["weights", "state"])
def test_a_full_disk_is_named_as_the_reason_and_leaves_no_part_of_a_checkpoint(
    small_disk: Path, too_large: str
) -> None:
    large, small = {"a": torch.zeros(30_000)}, {"a": torch.zeros(1)}
    with pytest.raises(StorageError, match=r"checkpoint .*final: No space left on device\. Free some space"):
        save_checkpoint(
            small_disk / "final",
            weights=large if too_large == "weights" else small,
            state=large if too_large == "state" else small,
            world=WORLD,
            model=MODEL,
            step=1,
            dataset_digest="x",
        )
    assert list(small_disk.iterdir()) == []


def test_an_absent_gpu_is_refused_with_what_to_do() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    assert pick_device("auto").type == "cpu"
    with pytest.raises(ValueError, match="Use 'auto' or 'cpu'"):
        pick_device("cuda")
