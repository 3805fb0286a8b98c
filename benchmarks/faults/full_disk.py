"""The disk fills up while shards or checkpoints are written. A small file system is mounted there for this."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.findings import require
from benchmarks.faults.site import Site
from benchmarks.faults.trainings import config, steps_saved, the_digest, undisturbed
from data.files import sha256_of
from data.shards.entry import ShardEntry, verify_shard
from flows.config.pipeline import PipelineConfig
from models.checkpoint import STATE_FILE, checkpoint_digest, read_info

CLEAR = "No space left on device"
ADVICE = "Free some space there"
SHARDS_KB = (4, 16, 28)  # the three shards and the manifest take 44 kB on disk
CHECKPOINTS = (0.5, 1.5, 2.5)  # how many fit; a training keeps two, and writes the third before it deletes one
ENOUGH_KB = 64 * 1024


def of_shards(folder: Path) -> str:
    """Try disks with room for no shard, for some shards, and for nearly all shards."""
    settings = config(steps=20)
    digest, _ = undisturbed(settings, folder / "undisturbed")
    whole = _shards(folder / "undisturbed" / "clips")
    kept = []
    with Site(folder) as site:
        for kilobytes in SHARDS_KB:
            with small_disk(site.home.datasets, kilobytes) as disk:
                _fails_clearly(site, settings)
                shards = list(disk.rglob("*.parquet"))
                for entry in disk.rglob("*.parquet.json"):
                    verify_shard(entry.parent, ShardEntry.model_validate_json(entry.read_bytes()))  # raises an error
                files = [path for path in disk.rglob("*") if path.is_file() and not path.name.endswith(".parquet.json")]
                for path in files:
                    require(whole.get(path.name) == sha256_of(path), f"{path.name} was left, but is not whole")
                require("manifest.json" not in {path.name for path in files}, "there is a manifest, but not all shards")
                kept.append(len(shards))
                _grow(disk)
                _completes(site, settings)
                require(_shards(disk) == whole, "after space was freed, the clips differ from those on a large disk")
        require(the_digest(site.home) == digest, "the weights differ from those of an undisturbed training")
    return (
        f"{len(SHARDS_KB)} disks, on which {', '.join(map(str, kept))} shards fitted: each time one sentence "
        f'("… {CLEAR}. {ADVICE} …"), only whole files left and no manifest; with space, the same command completed '
        "with the same bytes"
    )


def of_checkpoints(folder: Path) -> str:
    """Try disks with room for no checkpoint, for one, and for two."""
    settings = config(checkpoint_seconds=0.5)
    digest, _ = undisturbed(settings, folder / "undisturbed")
    size = sum(path.stat().st_size for path in (folder / "undisturbed" / "training" / "final").iterdir())
    reached = []
    with Site(folder) as site:
        for fitting in CHECKPOINTS:
            with small_disk(site.home.checkpoints, int(fitting * size / 1024) + 40) as disk:
                _fails_clearly(site, settings)
                require(not list(disk.glob("*/final")), "there is a final checkpoint on a disk that has no room for it")
                for checkpoint in disk.glob("*/step-*"):
                    checkpoint_digest(checkpoint)  # raises an error if it is not whole
                    state = sha256_of(checkpoint / STATE_FILE)
                    require(
                        state == read_info(checkpoint).state_sha256, f"{checkpoint.name} was left, but is not whole"
                    )
                reached.append(max(steps_saved(site.home), default=0))
                _grow(disk)
                _completes(site, settings)
                require(the_digest(site.home) == digest, "the weights differ from those of an undisturbed training")
    steps = ", ".join(map(str, reached))
    return (
        f"{len(CHECKPOINTS)} disks, on which {', '.join(str(int(fitting)) for fitting in CHECKPOINTS)} checkpoints "
        f"fitted: each time one sentence, only whole checkpoints left (newest step: {steps}); with space, the same "
        "command went on to bit-identical weights"
    )


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """Mount an empty file system of this size at `folder` for the block. Raises NotHeldError if that fails."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    require(mounted.returncode == 0, f"not tried, because mounting is not permitted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _shards(folder: Path) -> dict[str, str]:
    """Names and digests of the shards below `folder`."""
    return {path.name: sha256_of(path) for path in folder.rglob("*.parquet")}


def _grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,size={ENOUGH_KB}k", str(disk)], check=True)


def _fails_clearly(site: Site, settings: PipelineConfig) -> None:
    done = site.train(settings)
    output = done.stdout + done.stderr
    require(done.returncode != 0, "the command succeeded although the disk is full")
    require(
        CLEAR in " ".join(output.split()) and ADVICE in " ".join(output.split()),
        f"the error message is not clear:\n{output}",
    )
    require("Traceback" not in output, f"the command printed a traceback:\n{output[-3000:]}")


def _completes(site: Site, settings: PipelineConfig) -> None:
    done = site.train(settings)
    require(done.returncode == 0, f"the next run failed:\n{(done.stdout + done.stderr)[-3000:]}")
