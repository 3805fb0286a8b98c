"""A small matcher of texts and videos, trained on real clips and their captions.

Both towers map to unit vectors, and their scalar product says how well a caption fits a clip. The loss is InfoNCE in
both directions (van den Oord et al., 2018; Radford et al., ICML 2021). Captions with the same words within a batch
count as matches (Khosla et al., NeurIPS 2020), because a clip cannot tell them apart.

The matcher sees real training clips only, never the model whose clips it judges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from evaluation.captioned.clips import CaptionedClips, Frames, small_copies
from evaluation.captioned.text import TextTower, reading

Floats = NDArray[np.float64]

FEATURES = 64
EMBEDDING = 64
_SIDE = 32
_MOST_FRAMES = 16
_BATCH = 64
_PASSES = 15
_RATE = 2e-3
_NOISE, _BRIGHTNESS = 0.03, 0.05
_AT_ONCE = 128


class VideoTower(nn.Module):
    """Clips to features. Each frame is seen with its change to the next one; then come convolutions over time."""

    def __init__(self, *, frames: int, height: int, width: int) -> None:
        super().__init__()
        self.picture = nn.Sequential(
            nn.Conv2d(6, 32, 6, stride=4, padding=1),  # h / 4
            nn.BatchNorm2d(32),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 48, 4, stride=2, padding=1),  # h / 8
            nn.BatchNorm2d(48),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(48 * (height // 8) * (width // 8), 96),
            nn.BatchNorm1d(96),
            nn.LeakyReLU(0.2),
        )
        self.time = nn.Sequential(
            nn.Conv1d(96, 96, 3, padding=1),
            nn.BatchNorm1d(96),
            nn.LeakyReLU(0.2),
            nn.Conv1d(96, 32, 3, padding=1),
            nn.BatchNorm1d(32),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(32 * frames, FEATURES),
            nn.BatchNorm1d(FEATURES, affine=False),  # so each feature of real clips has the variance 1
        )
        self.project = nn.Linear(FEATURES, EMBEDDING)

    def forward(self, clips: Tensor) -> Tensor:
        """Features (N, FEATURES) of clips float32 (N, t, 3, h, w) from -1 to 1."""
        number, frames = clips.shape[:2]
        changes = torch.cat([clips[:, 1:] - clips[:, :-1], torch.zeros_like(clips[:, :1])], dim=1)
        both = torch.cat([clips, changes], dim=2).flatten(0, 1)  # (N t, 6, h, w)
        per_frame = self.picture(both).view(number, frames, -1)  # (N, t, 96)
        features: Tensor = self.time(per_frame.transpose(1, 2))
        return features


class Matcher(nn.Module):
    """Says how well captions fit clips. Make one with `train_matcher`."""

    def __init__(self, *, frames: int, height: int, width: int) -> None:
        super().__init__()
        self.video = VideoTower(frames=frames, height=height, width=width)
        self.text = TextTower(EMBEDDING)
        self.log_scale = nn.Parameter(torch.tensor(2.5))

    @torch.inference_mode()
    def read_clips(self, frames: Frames) -> tuple[Floats, Floats]:
        """Read clips uint8 (N, T, H, W, 3).

        Returns:
            Features float64 (N, FEATURES), each with about the variance 1 over real clips, and unit vectors float64
            (N, EMBEDDING). A clip's scalar product with the vector of a caption is larger if they fit better.
        """
        parts = (_normalise(_shrink(frames[k : k + _AT_ONCE])) for k in range(0, len(frames), _AT_ONCE))
        features = torch.cat([self.video(part) for part in parts])
        vectors = functional.normalize(self.video.project(features))
        return features.double().numpy(), vectors.double().numpy()

    @torch.inference_mode()
    def caption_vectors(self, captions: Sequence[str]) -> Floats:
        """Unit vectors float64 (N, EMBEDDING) of captions."""
        parts = (captions[k : k + _AT_ONCE] for k in range(0, len(captions), _AT_ONCE))
        return np.concatenate([functional.normalize(self.text(part)).double().numpy() for part in parts])


def _shrink(frames: Frames) -> Frames:
    """What the matcher sees of clips uint8 (N, T, H, W, 3)."""
    return small_copies(frames, side=_SIDE, most_frames=_MOST_FRAMES)


def _normalise(small: Frames) -> Tensor:
    """Small clips uint8 (N, t, h, w, 3) as float32 (N, t, 3, h, w) from -1 to 1."""
    return torch.from_numpy(small).permute(0, 1, 4, 2, 3).contiguous().float() / 127.5 - 1


def train_matcher(clips: CaptionedClips, *, seed: int, steps: int, rows: NDArray[np.int64] | None = None) -> Matcher:
    """Train a matcher on real clips. Equal arguments give equal matchers on the same machine.

    Args:
        clips: N >= 2 clips. A few thousand are enough.
        rows: train on these clips alone, int64 (M,), M >= 2.
        seed: of the weights and of the order of the clips.
        steps: at most so many steps with 64 clips each. Few clips are not read more than 15 times, after 60 steps.

    Raises:
        ValueError: there is only one clip.
    """
    places = np.arange(len(clips)) if rows is None else rows
    count = len(places)
    if count < 2:
        raise ValueError("a matcher needs at least 2 clips to train on")
    generator = np.random.default_rng(seed)
    small = np.concatenate([_shrink(clips.frames[places[k : k + _AT_ONCE]]) for k in range(0, count, _AT_ONCE)])
    texts = [clips.captions[place] for place in places]
    known = [{reading(name) for name in names} for names in texts]
    batch = min(_BATCH, count)
    steps = min(steps, 60 + _PASSES * count // batch)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        matcher = Matcher(frames=small.shape[1], height=small.shape[2], width=small.shape[3])
        optimiser = torch.optim.Adam(matcher.parameters(), lr=_RATE)
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = _RATE * (1 - step / steps)
            drawn = generator.choice(count, size=batch, replace=False)
            captions = [names[generator.integers(len(names))] for names in (texts[row] for row in drawn)]
            pictures = _normalise(small[drawn])
            pictures = pictures + _BRIGHTNESS * torch.randn(batch, 1, 1, 1, 1) + _NOISE * torch.randn_like(pictures)
            readings = [reading(caption) for caption in captions]
            matches = torch.tensor([[words in known[row] for words in readings] for row in drawn]).float()
            clip_vectors = functional.normalize(matcher.video.project(matcher.video(pictures)))
            text_vectors = functional.normalize(matcher.text(captions))
            scores = matcher.log_scale.exp().clamp(max=50) * clip_vectors @ text_vectors.T
            loss = _multi_positive(scores, matches) + _multi_positive(scores.T, matches.T)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
    return matcher.eval()


def _multi_positive(scores: Tensor, matches: Tensor) -> Tensor:
    """Cross-entropy of each row against an equal share for each of its matches."""
    return functional.cross_entropy(scores, matches / matches.sum(dim=1, keepdim=True))
