"""The clip generator: text and one latent per clip become the latents of all its frames, and these become pictures.

All frames come from one latent at once, so that their consistency in time is a matter of construction, not of luck.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import ModelConfig

PATCH = 4  # px of the picture that one cell of the convolutional decoder's map becomes


class MotionNetwork(nn.Module):
    """Latent z (N, Z) and text c (N, C) to frame latents (N, T, D): a term linear in the text plus a free one.

    In the linear term each noise feature is scaled by a linear image of the text, so a word that was only seen in
    company ("up" in "up-right") acts alone as it did there.

    The network's outputs are amplitudes of cosines over time, slow ones scaled up: a path is smooth before it is
    anything else.
    """

    basis: Tensor

    def __init__(self, config: ModelConfig, *, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.register_buffer("basis", _cosines(frames), persistent=False)
        noise, width, out = config.latent_size, config.motion_width, frames * config.latent
        self.from_noise = nn.Sequential(nn.Linear(noise, width), nn.LeakyReLU(0.2), nn.Linear(width, width))
        self.from_text = nn.Linear(config.text_width, width, bias=False)
        self.mix = nn.Linear(width, out, bias=False)
        self.hidden = nn.Sequential(
            nn.Linear(noise + config.text_width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )
        self.free = nn.Linear(width, out)
        initialise(self)
        for last in (self.mix, self.free):
            nn.init.normal_(last.weight, std=0.5 / width**0.5)

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        linear = self.mix(self.from_noise(noise) * self.from_text(text))
        waves = (linear + self.free(self.hidden(torch.cat([noise, text], dim=1)))).view(
            len(noise), self.frames, -1
        )  # (N, T, D)
        return torch.matmul(self.basis, waves)


def _cosines(frames: int) -> Tensor:
    """Orthogonal cosine transform (T, T) from amplitudes to frames; the k-th wave is scaled by 1 / (1 + k / 10)."""
    time, wave = torch.arange(frames).unsqueeze(1) + 0.5, torch.arange(frames)
    basis = torch.cos(torch.pi * time * wave / frames)
    basis[:, 1:] *= 2**0.5
    return basis / (1 + wave / 10)


def initialise(module: nn.Module) -> None:
    """He et al., "Delving Deep into Rectifiers" (2015), for leaky ReLUs of slope 0.2; biases 0."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, a=0.2)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


class KeypointDecoder(nn.Module):
    """Frame latents (F, D) to pictures, through Gaussian heat maps that each carry a vector of features.

    The anchor of all keypoints is linear in the latent. They stay within one size of it, so that their sum has one
    hill: the picture shows one thing, and to have it elsewhere the anchor must move. At each pixel the heat maps'
    features add up, and one perceptron for all pixels turns the sum into a colour; so a picture can be had at any of
    its pixels alone.

    Heat maps as the bottleneck of a picture follow Jakab et al., "Unsupervised Learning of Object Landmarks through
    Conditional Image Generation" (2018); here the discriminators' gradient alone moves them.
    """

    grid: Tensor

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        super().__init__()
        self.keypoints, self.channels = config.keypoints, config.channels
        self.anchor = nn.Linear(config.latent, 2)
        self.offset = nn.Linear(config.latent, 2 * self.keypoints)
        self.size = nn.Linear(config.latent, 1)
        self.width = nn.Linear(config.latent, self.keypoints)
        self.features = nn.Sequential(
            nn.Linear(config.latent, 64), nn.LeakyReLU(0.2), nn.Linear(64, self.keypoints * self.channels)
        )
        self.bias = nn.Parameter(torch.zeros(self.channels))
        self.colour = nn.Linear(self.channels, 3)
        initialise(self)
        nn.init.normal_(self.anchor.weight, std=0.4 / config.latent**0.5)
        nn.init.normal_(self.offset.weight, std=0.2 / config.latent**0.5)
        nn.init.normal_(self.offset.bias, std=0.3)
        nn.init.normal_(self.size.weight, std=0.2 / config.latent**0.5)
        nn.init.normal_(self.width.weight, std=0.2 / config.latent**0.5)
        nn.init.normal_(self.colour.weight, std=0.5 / self.channels**0.5)
        self.colour.bias = nn.Parameter(torch.full((3,), 2.0))  # start towards the white background
        self.register_buffer("grid", (torch.arange(frame_size) + 0.5) * (2 / frame_size) - 1, persistent=False)
        self.finest = 2 / frame_size  # standard deviation of one pixel: narrower heat maps would alias

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """Pictures (F, 3, S, S) in [-1, 1] from frame latents (F, D).

        `phase` asks for every second pixel alone, (F, 3, S/2, S/2), those at rows 2i + phase[0] and columns
        2j + phase[1], at a quarter of the cost.
        """
        count = len(latents)
        size = self.finest + 0.3 * functional.softplus(self.size(latents) - 1).unsqueeze(2)  # (F, 1, 1)
        offset = size * torch.tanh(self.offset(latents)).view(count, self.keypoints, 2)
        place = self.anchor(latents).unsqueeze(1) + offset
        width = size * torch.exp(0.5 * torch.tanh(self.width(latents))).unsqueeze(2)
        columns, rows = (
            (self.grid, self.grid) if phase is None else (self.grid[phase[1] :: 2], self.grid[phase[0] :: 2])
        )
        across, down = (_bump((line - at) / width) for line, at in ((columns, place[..., :1]), (rows, place[..., 1:])))
        heat = (down.unsqueeze(3) * across.unsqueeze(2)).flatten(2)  # (F, K, R * C)
        features = self.features(latents).view(count, self.keypoints, self.channels)
        pixels = functional.leaky_relu(torch.baddbmm(self.bias, heat.transpose(1, 2), features), 0.2)  # (F, R * C, H)
        return torch.tanh(self.colour(pixels)).view(count, len(rows), len(columns), 3).permute(0, 3, 1, 2)


def _bump(distance: Tensor) -> Tensor:
    """Gaussian of unit height. The bound keeps far pixels from denormal numbers, which CPUs are slow at."""
    return torch.exp(-0.5 * distance.square().clamp(max=40))


class ConvolutionalDecoder(nn.Module):
    """Frame latents (F, D) to pictures: a perceptron draws a coarse map, which is enlarged and convolved.

    The last convolution gives every cell of the map its 4x4 px at once (depth to space).
    """

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        super().__init__()
        self.side = frame_size // (2 * PATCH)
        self.seed = nn.Sequential(
            nn.Linear(config.latent, 256), nn.LeakyReLU(0.2), nn.Linear(256, 16 * self.side**2), nn.LeakyReLU(0.2)
        )
        self.first = nn.Conv2d(16, config.channels, 3, padding=1)
        self.second = nn.Conv2d(config.channels, config.channels, 3, padding=1)
        self.pixels = nn.Conv2d(config.channels, 3 * PATCH**2, 3, padding=1)
        initialise(self)
        nn.init.normal_(self.pixels.weight, std=0.5 / (9 * config.channels) ** 0.5)
        self.pixels.bias = nn.Parameter(torch.full((3 * PATCH**2,), 2.0))  # start towards the white background

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """As `KeypointDecoder.forward`; `phase` saves three quarters of the last convolution."""
        coarse = self.seed(latents).view(-1, 16, self.side, self.side).contiguous(memory_format=torch.channels_last)
        maps = functional.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        maps = functional.leaky_relu(self.first(maps), 0.2)
        maps = functional.leaky_relu(self.second(maps), 0.2)
        if phase is None:
            return torch.tanh(functional.pixel_shuffle(self.pixels(maps), PATCH))
        weight = self.pixels.weight.view(3, PATCH, PATCH, -1, 3, 3)[:, phase[0] :: 2, phase[1] :: 2]
        bias = torch.as_tensor(self.pixels.bias).view(3, PATCH, PATCH)[:, phase[0] :: 2, phase[1] :: 2]
        cells = functional.conv2d(maps, weight.flatten(0, 2), bias.flatten(), padding=1)
        return torch.tanh(functional.pixel_shuffle(cells, PATCH // 2))


_DECODERS: dict[str, Callable[..., nn.Module]] = {
    "keypoint": KeypointDecoder,
    "convolutional": ConvolutionalDecoder,
}


class ClipGenerator(nn.Module):
    """Noise and text to clips."""

    def __init__(self, config: ModelConfig, *, frames: int, frame_size: int) -> None:
        super().__init__()
        self.motion = MotionNetwork(config, frames=frames)
        self.decoder = _DECODERS[config.decoder](config, frame_size=frame_size)

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        """Clips (N, T, 3, S, S) in [-1, 1] from noise (N, Z) and text (N, C)."""
        latents = self.motion(noise, text)
        pictures: Tensor = self.decoder(latents.flatten(0, 1))
        return pictures.view(*latents.shape[:2], *pictures.shape[1:])


def draw_noise(count: int, *, config: ModelConfig, generator: torch.Generator) -> Tensor:
    """Latents float32 (count, config.latent_size): Gaussian components and one random one-hot, on the CPU.

    The one-hot is scaled to a mean square of 1 per component, like the Gaussian part, so that what comes in kinds (this
    way or that way) can follow it, instead of a boundary in the Gaussian with something in between on it.
    """
    gaussian = torch.randn(count, config.noise, generator=generator)
    if not config.modes:
        return gaussian
    mode = torch.randint(config.modes, (count,), generator=generator)
    return torch.cat([gaussian, config.modes**0.5 * functional.one_hot(mode, config.modes)], dim=1)
