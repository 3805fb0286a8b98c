"""Adversarial losses: the non-saturating logistic loss with gradient penalties on real and on generated data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Logistic loss of a discriminator (Goodfellow et al., "Generative Adversarial Nets", 2014); scores (N,)."""
    return functional.softplus(-real_scores).mean() + functional.softplus(fake_scores).mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Non-saturating loss of the generator (ibid.); scores (N,)."""
    return functional.softplus(-fake_scores).mean()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Mean squared norm of the scores' gradient at `inputs`.

    At real data this is R1 (Mescheder et al., "Which Training Methods for GANs do actually Converge?", 2018), at
    generated data R2; both together as in Huang et al., "The GAN is dead; long live the GAN!" (2024).
    """
    inputs = inputs.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(inputs).sum(), inputs, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def word_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of which labels hold for a prompt, in nats a prompt: logits (N, L), labels (N, L), held above 0."""
    held = (labels > 0).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, held, reduction="none").sum(1).mean()
