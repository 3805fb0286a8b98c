"""In-domain Fréchet distance between generated and real clips.

This is the distance of Heusel et al., NeurIPS 2017, with a small encoder in place of Inception. The encoder is trained
on real clips of the world to classify motion, shape and colour and to regress the whole trajectory. So its features
hold what matters here, including the order of the frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torch.nn import functional

from data.clip_batch import ClipBatch
from data.worlds.clips import make_clips_for
from data.worlds.motions import MOTIONS
from data.worlds.world import WorldConfig

Floats = NDArray[np.float64]

FEATURES = 48
_SIDE = 32
_CLIPS = 1536
_STEPS = 256
_BATCH = 32
_ENCODE_AT_ONCE = 256


class ClipEncoder(nn.Module):
    """Turns clips into features. The frames are channels of one picture, so that the encoder sees their order."""

    def __init__(self, *, frames: int, objects: int, looks: int) -> None:
        """Layers with random weights, for clips of so many frames and objects, whose looks have so many names."""
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3 * frames, 24, 4, stride=2, padding=1),  # 16 x 16
            nn.LeakyReLU(0.2),
            nn.Conv2d(24, 48, 4, stride=2, padding=1),  # 8 x 8
            nn.LeakyReLU(0.2),
            nn.Conv2d(48, 64, 4, stride=2, padding=1),  # 4 x 4
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(64 * 16, FEATURES),
        )
        self.motion = nn.Linear(FEATURES, objects * len(MOTIONS))
        self.look = nn.Linear(FEATURES, objects * looks)
        self.path = nn.Linear(FEATURES, objects * 3 * frames)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features (N, FEATURES) of pictures (N, 3 T, 32, 32) made by `_shrink`."""
        features: Tensor = self.features(pictures)
        return features

    @torch.inference_mode()
    def encode(self, frames: NDArray[np.uint8]) -> Floats:
        """Features float64 (N, FEATURES) of clips uint8 (N, T, S, S, 3)."""
        parts = range(0, len(frames), _ENCODE_AT_ONCE)
        return np.concatenate([self(_shrink(frames[k : k + _ENCODE_AT_ONCE])).double().numpy() for k in parts])


def _shrink(frames: NDArray[np.uint8]) -> Tensor:
    """Clips uint8 (N, T, S, S, 3) as pictures float32 (N, 3 T, 32, 32), in which ink is 1 and white is 0."""
    clips, number, size = frames.shape[:3]
    small = np.empty((clips * number, _SIDE, _SIDE, 3), np.uint8)
    for frame, target in zip(frames.reshape(-1, size, size, 3), small, strict=True):
        cv2.resize(frame, (_SIDE, _SIDE), dst=target, interpolation=cv2.INTER_AREA)
    pictures = torch.from_numpy(small.reshape(clips, number, _SIDE, _SIDE, 3)).permute(0, 1, 4, 2, 3)
    channels = pictures.reshape(clips, 3 * number, _SIDE, _SIDE).contiguous(memory_format=torch.channels_last)
    return 1 - channels.float() / 255


def _targets(clips: ClipBatch, world: WorldConfig) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Motions, shapes and colours of N clips of K objects, int64 (N, K), and their paths, float32 (N, K * 3 * T).

    The objects are ordered by colour, because the pixels show the colour but not the order of the prompt's words.
    """
    names, frame_size = list(world.palette), world.frame_size
    colours = np.array([[names.index(name) for name in one.colours] for one in clips.objects]).T
    order = colours.argsort(axis=1)

    def ordered(values: Sequence[NDArray[np.generic]]) -> Tensor:
        """Join one array (N, ...) per object to (N, K * ...), with the objects ordered by colour."""
        stacked = np.stack(values, axis=1)
        rows = np.arange(len(stacked))[:, None]
        return torch.from_numpy(stacked[rows, order].reshape(len(stacked), -1))

    def classes(names: Sequence[str], chosen: Sequence[Sequence[str]]) -> Tensor:
        return ordered([np.array([names.index(name) for name in one]) for one in chosen])

    paths = []
    for one in clips.objects:
        centres = (one.centres - (frame_size - 1) / 2) / (frame_size / 4)
        paths.append(np.concatenate([centres.reshape(len(one.radii), -1), one.radii / (frame_size / 16)], axis=1))
    return (
        classes(MOTIONS, [one.motions for one in clips.objects]),
        classes(world.known_shapes, [one.shapes for one in clips.objects]),
        classes(names, [one.colours for one in clips.objects]),
        ordered(paths).float(),
    )


def train_encoder(world: WorldConfig, *, seed: int, steps: int = _STEPS) -> ClipEncoder:
    """Train an encoder on real clips of all prompts of `world`. Equal arguments give equal encoders."""
    prompts = [prompt for tier in world.tiers.values() for prompt in tier]
    generator = np.random.default_rng(seed)
    clips = make_clips_for(
        world, prompts=[prompts[k] for k in generator.integers(len(prompts), size=_CLIPS)], seed=seed
    )
    pictures = _shrink(clips.frames)
    motions, shapes, colours, paths = _targets(clips, world)
    looks = [len(world.known_shapes), len(world.palette)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = ClipEncoder(frames=world.frames, objects=world.objects, looks=sum(looks)).to(
            memory_format=torch.channels_last
        )
        optimiser = torch.optim.Adam(encoder.parameters(), lr=2e-3)
        for step in range(steps):
            rows = torch.from_numpy(generator.integers(_CLIPS, size=_BATCH))
            for group in optimiser.param_groups:
                group["lr"] = 2e-3 * (1 - step / steps)
            features = encoder(pictures[rows])
            seen = encoder.look(features).view(_BATCH * world.objects, -1)
            shape, colour = seen.split(looks, dim=1)
            motion = encoder.motion(features).view(_BATCH * world.objects, -1)
            loss = (
                functional.cross_entropy(motion, motions[rows].flatten())
                + functional.cross_entropy(shape, shapes[rows].flatten())
                + functional.cross_entropy(colour, colours[rows].flatten())
                + functional.mse_loss(encoder.path(features), paths[rows])
            )
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
    return encoder.eval()


def frechet_distance(a: Floats, b: Floats) -> float:
    """Fréchet distance of Gaussians fitted to two sets of features, float64 (N, K) and (M, K).

    |mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2)), Dowson and Landau 1982.

    Raises:
        ValueError: a set has fewer than two rows.
    """
    if len(a) < 2 or len(b) < 2:
        raise ValueError(f"the Fréchet distance needs 2 clips on each side, not {len(a)} and {len(b)}")
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # With fewer clips than features the product is singular. A small multiple of the identity keeps its root real.
    small = 1e-6 * np.eye(len(cov_a))
    root = sqrtm((cov_a + small) @ (cov_b + small))
    shift = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(max(shift + np.trace(cov_a + cov_b) - 2 * np.trace(root.real), 0.0))


def shuffle_frames(frames: NDArray[np.uint8], *, seed: int) -> NDArray[np.uint8]:
    """Clips (N, T, ...) with the frames of each clip in a random order of its own."""
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(frames.shape[1]), (len(frames), 1)), axis=1)
    return np.asarray(frames[np.arange(len(frames))[:, None], order])
