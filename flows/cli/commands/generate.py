"""`flipbook generate`: videos of prompts."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import CHAMPION_REF, HomeFolder, Model, use_home
from flows.cli.output import prepare_folder

if TYPE_CHECKING:
    from data.home import Home
    from tracking.model_reference import ResolvedModel

LISTED_FILES = 20


class VideoFormat(StrEnum):
    """Kinds of files that `generate` writes."""

    MP4 = "mp4"
    GIF = "gif"
    AVI = "avi"
    PNG = "png"
    NPZ = "npz"


def generate(
    prompts: Annotated[list[str], typer.Argument(help='What to show, as in "circle moving up-right". One or several.')],
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=4096, help="Videos per prompt.")] = 4,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Equal seeds give equal videos.")] = 0,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Folder for the files. Earlier videos of the same prompts in it are replaced."
        ),
    ] = Path("out"),
    formats: Annotated[
        list[VideoFormat] | None,
        typer.Option(
            "--format",
            "-f",
            help="Repeatable. Default: all. png: a contact sheet. npz: frames uint8 (N,T,H,W,3), prompts.",
        ),
    ] = None,
    model: Model = CHAMPION_REF,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    home: HomeFolder = None,
) -> None:
    """Generate videos of PROMPTS with a trained model."""
    found, fps = _model_for(prompts, use_home(home), model)
    prepare_folder(out, option="--out")

    from evaluation.pictures.videos import write_videos
    from models.sampling import CHUNK, TextToVideo

    network = TextToVideo.load(found.checkpoint, device=device)
    # Few clips at a time bound the memory. The videos of a prompt do not depend on the other prompts.
    batches = (
        network.generate(
            [prompt] * min(CHUNK, count - first), seed=seed, first=first, unknown_words=network.unknown_words
        )
        for prompt in prompts
        for first in range(0, count, CHUNK)
    )
    names = [prompt for prompt in prompts for _ in range(count)]
    chosen = tuple(str(item) for item in formats or VideoFormat)
    written = write_videos(out, batches, prompts=names, fps=fps, formats=chosen)
    typer.echo(f"{len(names)} videos by {found.ref}, seed {seed}:")
    for path in written[:LISTED_FILES]:
        typer.echo(f"  {path}")
    if len(written) > LISTED_FILES:
        typer.echo(f"  and {len(written) - LISTED_FILES} more files in {out}")


def _model_for(prompts: list[str], home: "Home", ref: str) -> "tuple[ResolvedModel, float]":
    """The model that `ref` names, which can read `prompts`, and the rate of its videos."""
    from data.captions import check_not_empty, tokenize
    from data.worlds.world import WorldConfig
    from models.checkpoint import read_info
    from models.networks.choice import build_prompt_features
    from tracking.model_reference import resolve_model

    for prompt in prompts:
        check_not_empty(prompt)
    found = resolve_model(home, ref)
    info = read_info(found.checkpoint)
    if isinstance(info.subject, WorldConfig):
        build_prompt_features(info.model, info.subject).check(prompts)
    elif info.frozen_text is None:
        unknown = sorted({word for prompt in prompts for word in tokenize(prompt)} - set(info.vocabulary))
        if unknown:
            typer.echo(f"Words that the model does not know are left out: {', '.join(unknown)}")
    return found, info.subject.format.fps
