"""What an import accepted and rejected, for people and for programs."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from data.importing.batch import ImportedVideo
from data.importing.captions import caption_key, visible
from data.importing.item import Kind, Rejected


class VideoRecord(BaseModel):
    """One video that was imported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(description="Name of the video in the source.")
    captions: tuple[str, ...] = Field(description="All captions. They describe each of its clips.")
    clips: int = Field(ge=1, description="Number of clips.")
    split: str = Field(description="train, validation or test.")
    starts: tuple[float, ...] = Field(description="Seconds from the beginning of the video to that of each clip.")
    seconds: float = Field(ge=0, description="Length of the video in seconds.")
    width: int = Field(ge=1, description="Width of the video in px.")
    height: int = Field(ge=1, description="Height of the video in px.")
    fps: float = Field(ge=0, description="Mean number of pictures per second.")
    sha256: str = Field(description="sha256 (hex) of the video's content.")


class RejectedRecord(BaseModel):
    """One line of `rejected.csv`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    kind: Kind
    reason: str


class ImportSummary(BaseModel):
    """What an import did with each file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: int = Field(ge=0, description="Videos that became clips.")
    rejected: int = Field(ge=0, description="Files that did not, without duplicates.")
    duplicates: int = Field(ge=0, description="Videos whose content another accepted video has.")
    ignored: int = Field(ge=0, description="Files that are neither videos nor captions.")
    clips: int = Field(ge=0, description="Clips of all accepted videos.")
    reasons: dict[str, int] = Field(description="Lines of rejected.csv by the kind of their reason.")
    files: tuple[VideoRecord, ...] = Field(description="The accepted videos.")
    rejections: tuple[RejectedRecord, ...] = Field(description="The lines of rejected.csv.")
    on_two_sides: int = Field(
        0,
        ge=0,
        description="Captions of training videos that validation or test videos have, too: the splits were given.",
    )

    @property
    def warning(self) -> str:
        """What is wrong with the splits that were given. Empty: nothing."""
        if not self.on_two_sides:
            return ""
        return (
            f"Captions of training that are also in validation or test: {self.on_two_sides:,}. The split column says "
            "so, and scores on them do not tell what the model makes of new captions."
        )

    def rejected_csv(self) -> bytes:
        """Return `rejected.csv` in UTF-8: the columns `file` and `reason`, as RFC 4180 says. It lists duplicates, too.

        Control characters in names are written as `\\\\n` or `\\\\x07`.
        """
        text = io.StringIO(newline="")
        table = csv.writer(text)
        table.writerow(("file", "reason"))
        table.writerows((one.file, one.reason) for one in self.rejections)
        return text.getvalue().encode()


def record_of(video: ImportedVideo) -> VideoRecord:
    """Return what is remembered of a video when its frames are gone."""
    clips = video.clips
    return VideoRecord(
        file=video.item.name,
        captions=video.item.captions,
        clips=len(clips.starts),
        split=video.item.split,
        starts=clips.starts,
        seconds=clips.seconds,
        width=clips.width,
        height=clips.height,
        fps=clips.fps,
        sha256=video.content,
    )


def summarised(
    files: Iterable[VideoRecord], rejected: Iterable[Rejected], duplicates: Mapping[str, str], *, ignored: int
) -> ImportSummary:
    """Return the summary of an import.

    Args:
        files: the accepted videos.
        rejected: from the scan and from all batches.
        duplicates: for each name of a duplicate, the name of the video that was kept. If that video was rejected, so
            is its duplicate, for the same reason.
        ignored: files that the scan ignored.
    """
    records = sorted(files, key=lambda record: record.file)
    accepted = {record.file for record in records}
    refused = list(rejected)
    reasons = {one.file: one for one in refused}
    for name, kept in duplicates.items():
        if kept not in accepted and kept in reasons:
            reason = f"{reasons[kept].reason} Its content is that of {visible(kept)}."
            refused.append(Rejected(name, reasons[kept].kind, reason))
        else:
            reason = f"has the same content as {visible(kept)}. The captions of both describe that one now."
            refused.append(Rejected(name, "duplicate", reason))
    lines = tuple(
        RejectedRecord(file=visible(one.file), kind=one.kind, reason=visible(one.reason))
        for one in sorted(refused, key=lambda one: one.file)
    )
    kinds = Counter(one.kind for one in lines)
    keys: dict[bool, set[str]] = {True: set(), False: set()}
    for record in records:
        keys[record.split == "train"].update(map(caption_key, record.captions))
    return ImportSummary(
        accepted=len(records),
        rejected=len(lines) - kinds["duplicate"],
        duplicates=kinds["duplicate"],
        ignored=ignored,
        clips=sum(record.clips for record in records),
        reasons=dict(kinds.most_common()),
        files=tuple(records),
        rejections=lines,
        on_two_sides=len(keys[True] & keys[False]),
    )
