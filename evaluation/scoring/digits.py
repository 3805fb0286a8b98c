"""What is seen of handwritten digits, white on black: where they are, which digits they are, and how sharp they are.

The tracker sees the negatives of the frames, in which a digit is black ink on white.

A classifier says which digit it is. It was trained on the training half of the images. It is kernel ridge regression
(Saunders, Gammerman and Vovk, 1998) with a Gaussian kernel: its weights have a closed form, so equal versions of this
code always read the same. Its score is about 1 for a digit that it is sure of, and low for most other things. It
knows digits only: it takes a square for a 6.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from data.worlds.digits import DIGITS, images_of
from data.worlds.renderer import render
from evaluation.scoring.shape_match import ShapeMatch
from evaluation.scoring.tracker import Tracks, track

Floats = NDArray[np.float64]

_SIDE = 20
"""Pixels along each side of the pictures that the classifier reads."""
_REACH = 2.3
"""They reach so many radii from the digit's centroid to each side."""
_SHOWN_RADII = (4.9, 7.0, 9.5)
"""px of a 64x64 picture, in which each image is shown to the classifier."""
_WIDTH = 0.4
"""Width of the kernel. Two pictures, each of length 1, are at most 1.4 apart."""
_RIDGE = 0.1
_FRAMES_AT_ONCE = 4096
_SOLID = 64
"""Pixels with at least this much ink (0-255) belong to the digit, so that thin strokes do not fall apart."""


def track_digits(frames: NDArray[np.uint8]) -> Tracks:
    """Follow the largest digit through every clip, uint8 (N, T, S, S, 3), RGB on black.

    Strokes are too thin for an inside without edges. So the colour of each pixel is taken from the brightest of its
    3x3 neighbours, for each channel.

    Raises:
        ValueError: frames have another shape or type.
    """
    tracks = track(255 - frames, solid=_SOLID)
    colours = np.full((*tracks.seen.shape, 3), np.nan)
    stains = np.full(tracks.seen.shape, np.nan)
    square = np.ones((3, 3), np.uint8)
    for n, t in np.argwhere(tracks.seen).tolist():
        pixels = cv2.dilate(frames[n, t], square)[tracks.masks[n, t]].astype(np.float64)
        colours[n, t] = pixels.mean(axis=0)
        stains[n, t] = np.sqrt(((pixels - colours[n, t]) ** 2).sum(axis=-1).mean())
    return replace(tracks, colours=colours, stains=stains)


def match_digits(tracks: Tracks) -> ShapeMatch:
    """Read the blobs of N clips.

    In the result, `overlap` (N, T, 10) is the classifier's score of each digit in place of an overlap. `edge` is the
    same for all digits: the sum of coverage * (1 - coverage), divided by a sixth of the outline's length, which an edge
    of the renderer gives. The outline's length is the sum of the coverage's gradient (coarea formula).
    """
    judged = np.where(tracks.clear.any(axis=1, keepdims=True), tracks.clear, tracks.whole)
    overlap = np.full((*judged.shape, len(DIGITS)), np.nan)
    overlap[judged] = _read(_pictures(tracks, judged))
    edge = np.full(overlap.shape, np.nan)
    edge[judged] = _edges(tracks.cutouts[judged])[:, None]
    return ShapeMatch(overlap=overlap, angle=np.where(judged[..., None], 0.0, overlap), edge=edge)


def extents_of(tracks: Tracks) -> Floats:
    """How far the blob of each clip reaches to the left, right, up and down, in units of its radius: (4, N).

    It is the median over the frames that show it whole, and 1 if none does.
    """
    found = np.full((4, *tracks.seen.shape), np.nan)
    for n, t in np.argwhere(tracks.whole).tolist():
        for axis in (0, 1):
            line = np.flatnonzero(tracks.masks[n, t].any(axis=axis))
            middle = tracks.centroids[n, t, axis]
            found[2 * axis : 2 * axis + 2, n, t] = middle - line[0] + 0.5, line[-1] + 0.5 - middle
    found /= np.maximum(tracks.radii, 1e-9)
    some = tracks.whole.any(axis=1)
    extents = np.ones((4, len(tracks.seen)))
    extents[:, some] = np.nanmedian(found[:, some], axis=-1)
    return extents


def _edges(cutouts: NDArray[np.uint8]) -> Floats:
    """Widths of the edges of ink (F, K, K), (F,)."""
    coverage = cutouts.astype(np.float32) / 255
    down, right = np.diff(coverage, axis=1)[:, :, :-1], np.diff(coverage, axis=2)[:, :-1]
    length = np.sqrt(down**2 + right**2).sum(axis=(1, 2))
    soft = (coverage * (1 - coverage)).sum(axis=(1, 2))
    return np.asarray(6 * soft / np.maximum(length, 1e-6), dtype=np.float64)


def _pictures(tracks: Tracks, judged: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What the classifier reads of the judged blobs: float32 (F, _SIDE * _SIDE), each of length 1.

    Every blob is moved to the middle and scaled to one area.
    """
    centres = (tracks.centroids - tracks.origins)[judged]
    pictures = np.empty((len(centres), _SIDE, _SIDE), np.float32)
    for picture, ink, centre, radius in zip(
        pictures, tracks.cutouts[judged], centres, tracks.radii[judged], strict=True
    ):
        step = 2 * _REACH * radius / _SIDE
        first = centre + (0.5 - _SIDE / 2) * step
        to_ink = np.array([[step, 0, first[0]], [0, step, first[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        small = cv2.warpAffine(ink.astype(np.float32), to_ink, (_SIDE, _SIDE), flags=flags)
        picture[...] = cv2.GaussianBlur(small, (0, 0), 1.0)
    flat = pictures.reshape(len(pictures), _SIDE**2)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def _kernel(a: NDArray[np.float32], b: NDArray[np.float32]) -> Floats:
    """Gaussian kernel of pictures of length 1, (N, K) and (M, K) to (N, M)."""
    return np.exp((a.astype(np.float64) @ b.T.astype(np.float64) - 1) / _WIDTH**2)


@cache
def _trained() -> tuple[NDArray[np.float32], Floats]:
    """The pictures that the classifier has seen (M, K), and their weights (M, 10). It is trained once per process."""
    halves = [images_of(digit, "train") for digit in DIGITS]
    images = np.concatenate(halves)
    radii = np.broadcast_to(np.array(_SHOWN_RADII), (len(images), len(_SHOWN_RADII)))
    centres = np.full((*radii.shape, 2), 31.5) + np.linspace(-0.4, 0.4, len(_SHOWN_RADII))[:, None]
    frames = render(
        centres=centres,
        radii=radii,
        angles=np.zeros_like(radii),
        shape="digit",
        colour="white",
        frame_size=64,
        images=images,
    )
    tracks = track(255 - frames, solid=_SOLID)
    pictures = _pictures(tracks, np.ones(radii.shape, np.bool_))
    digits = np.repeat(np.arange(len(DIGITS)), [len(half) * len(_SHOWN_RADII) for half in halves])
    kernel = _kernel(pictures, pictures) + _RIDGE * np.eye(len(pictures))
    weights = cho_solve(cho_factor(kernel, lower=True), np.eye(len(DIGITS))[digits])
    return pictures, np.asarray(weights)


def _read(pictures: NDArray[np.float32]) -> Floats:
    """Scores (F, 10) of the digits in pictures (F, K)."""
    known, weights = _trained()
    parts = [pictures[k : k + _FRAMES_AT_ONCE] for k in range(0, len(pictures), _FRAMES_AT_ONCE)]
    return np.concatenate([_kernel(part, known) @ weights for part in parts] or [np.empty((0, len(DIGITS)))])
