"""The format that all clips of a data set share: how many frames they have, how large these are, and how fast."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ClipFormat(BaseModel):
    """Number, size and rate of a clip's frames."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: int = Field(ge=4, le=64, description="Frames per clip, 4 to 64.")
    height: int = Field(ge=32, le=256, multiple_of=8, description="Height of a frame in px, a multiple of 8.")
    width: int = Field(ge=32, le=256, multiple_of=8, description="Width of a frame in px, a multiple of 8.")
    fps: float = Field(ge=0.05, le=60, description="Frames per second, 0.05 to 60.")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of a clip: (T, H, W, 3)."""
        return (self.frames, self.height, self.width, 3)

    @property
    def planes(self) -> tuple[int, int, int, int]:
        """Shape of a clip whose colour planes are contiguous: (T, 3, H, W)."""
        return (self.frames, 3, self.height, self.width)

    @property
    def bytes(self) -> int:
        """Size of a clip in bytes, one byte per colour and pixel."""
        return 3 * self.frames * self.height * self.width

    def __str__(self) -> str:
        """In words: "10 frames of 64x64 px"."""
        return f"{self.frames} frames of {self.width}x{self.height} px"
