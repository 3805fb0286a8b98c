"""`flipbook score`: clips from anywhere, as npz files and as folders of videos with captions."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.worlds.clips import make_clips_for
from data.worlds.world import WorldConfig
from evaluation.scoring.clip_scores import FAULTS
from flows.cli.main import execute

PROMPTS = ("circle moving left", "circle rotating clockwise", "circle shrinking")


@pytest.fixture
def frames() -> np.ndarray:
    return make_clips_for(WorldConfig(), prompts=PROMPTS, seed=0).frames.copy()


def write_videos(folder: Path, frames: np.ndarray, codec: str, ending: str) -> list[str]:
    folder.mkdir()
    names = [f"{number}.{ending}" for number in range(len(frames))]
    for name, clip in zip(names, frames, strict=True):
        writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter.fourcc(*codec), 10, clip.shape[1:3])
        for frame in clip:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        writer.release()
    return names


def test_an_npz_file_is_scored_overall_and_per_prompt(frames, tmp_path, capsys) -> None:
    frames[1, 4] = 255  # a blank frame
    np.savez(tmp_path / "clips.npz", frames=frames, prompts=np.array(PROMPTS))
    out = tmp_path / "scores.json"
    assert execute(["score", str(tmp_path / "clips.npz"), "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["overall"]["n"] == 3
    assert found["overall"]["joint_exact"] == pytest.approx(2 / 3)
    assert found["overall"]["attributes"] == pytest.approx(
        {name: 2 / 3 if name == "permanence" else 1.0 for name in FAULTS}
    )
    wrong = found["prompts"]["circle rotating clockwise"]
    assert (wrong["n"], wrong["joint_exact"], wrong["attributes"]["permanence"]) == (1, 0.0, 0.0)
    printed = capsys.readouterr().out
    assert "66.7 % [20.8, 93.9]" in printed
    assert "permanence 100.0 %" in " ".join(printed.split())


@pytest.mark.parametrize("captions", ["csv", "jsonl", "txt"])
def test_a_folder_of_lossless_videos_is_scored_alike(frames, tmp_path, captions) -> None:
    names = write_videos(tmp_path / "videos", frames, "FFV1", "avi")
    pairs = list(zip(names, PROMPTS, strict=True))
    if captions == "csv":
        text = "file_name,caption\n" + "".join(f"{name},{prompt}\n" for name, prompt in pairs)
        (tmp_path / "videos" / "metadata.csv").write_text(text, encoding="utf-8-sig")
    elif captions == "jsonl":
        text = "".join(json.dumps({"file_name": name, "text": prompt}) + "\n" for name, prompt in pairs)
        (tmp_path / "videos" / "metadata.jsonl").write_text(text)
    else:
        for name, prompt in pairs:
            (tmp_path / "videos" / name).with_suffix(".txt").write_text(prompt + "\n")
    out = tmp_path / "scores.json"
    assert execute(["score", str(tmp_path / "videos"), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["overall"]["joint_exact"] == 1.0


def test_videos_of_generate_are_reduced_and_scored(frames, tmp_path) -> None:
    large = frames.repeat(4, axis=2).repeat(4, axis=3)
    names = write_videos(tmp_path / "videos", large, "FFV1", "avi")
    for name, prompt in zip(names, PROMPTS, strict=True):
        (tmp_path / "videos" / name).with_suffix(".txt").write_text(prompt)
    out = tmp_path / "scores.json"
    assert execute(["score", str(tmp_path / "videos"), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["overall"]["joint_exact"] == 1.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder, frames: folder / "nothing.npz", "does not exist"),
        (lambda folder, frames: (folder / "a.npz").write_bytes(b"no zip") and folder / "a.npz", "is no npz file"),
        (lambda folder, frames: saved(folder, frames[:, :5], PROMPTS), "not uint8 (N, 10, 64, 64, 3)"),
        (lambda folder, frames: saved(folder, frames, PROMPTS[:2]), "3 clips and 2 prompts"),
        (lambda folder, frames: saved(folder, frames, ("circle flying", *PROMPTS[1:])), "'flying'"),
        (lambda folder, frames: saved(folder, frames, ("star moving left", *PROMPTS[1:])), "has circle only"),
        (lambda folder, frames: saved(folder, frames, ("red circle moving left", *PROMPTS[1:])), "has blue only"),
        (lambda folder, frames: saved(folder, frames, "circle moving left"), "is no npz file"),
        (lambda folder, frames: (folder / "a.npz").touch() or folder / "a.npz", "is no npz file"),
        (lambda folder, frames: np.save(folder / "a.npy", frames) or folder / "a.npy", "is no npz file"),
        (lambda folder, frames: folder, "holds no video"),
        (lambda folder, frames: captioned(folder, "metadata.csv", b"file_name,caption\na.avi,\xe9\n"), "as UTF-8"),
        (lambda folder, frames: captioned(folder, "metadata.jsonl", b'["file_name"]\n'), "one JSON object per line"),
        (
            lambda folder, frames: captioned(folder, "metadata.csv", b"file_name,caption\n" + 2 * b"a,b\n"),
            "names a a second time",
        ),
        (
            lambda folder, frames: captioned(folder, "metadata.csv", b"file_name,caption\na.avi,circle shrinking\n"),
            "a.avi does not exist",
        ),
    ],
)
def test_bad_input_is_one_sentence(frames, tmp_path, capsys, make, words) -> None:
    assert execute(["score", str(make(tmp_path, frames))]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line


def captioned(folder: Path, name: str, text: bytes) -> Path:
    (folder / name).write_bytes(text)
    return folder


def saved(folder: Path, frames: np.ndarray, prompts) -> Path:
    np.savez(folder / "clips.npz", frames=frames, prompts=np.array(prompts))
    return folder / "clips.npz"


def test_a_video_that_is_too_short_or_has_no_caption_is_named(frames, tmp_path, capsys) -> None:
    write_videos(tmp_path / "videos", frames[:1, :4], "FFV1", "avi")
    assert execute(["score", str(tmp_path / "videos")]) == 1
    assert "0.avi has no caption: 0.txt cannot be read" in capsys.readouterr().err.replace("\n", " ")
    (tmp_path / "videos" / "0.txt").write_text(PROMPTS[0])
    assert execute(["score", str(tmp_path / "videos")]) == 1
    assert "0.avi has 4 frames; clips of this world have 10" in capsys.readouterr().err.replace("\n", " ")
