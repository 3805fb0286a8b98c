"""Losses of the game: the non-saturating logistic loss, and penalties."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from models.networks.motion import sizes


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Logistic loss of a discriminator, from scores (N,) of real and of generated data.

    Goodfellow et al., "Generative Adversarial Nets" (2014).
    """
    return functional.softplus(-real_scores).mean() + functional.softplus(fake_scores).mean()


def wrong_prompt_loss(real_scores: Tensor, wrong_scores: Tensor) -> Tensor:
    """Logistic loss that is small if real clips score higher with their own prompts than with wrong ones.

    Both scores are (N,). Reed et al., "Generative Adversarial Text to Image Synthesis" (2016), let a discriminator
    reject real data with a wrong text. Here only the difference of the scores counts, so no clip has to score low.
    """
    return functional.softplus(wrong_scores - real_scores).mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Non-saturating loss of the generator, from the discriminator's scores (N,) of generated data; same paper."""
    return functional.softplus(-fake_scores).mean()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Mean squared norm of the gradient of the scores (N,) with respect to `inputs` (N, ...).

    With real data this is R1: Mescheder et al., "Which Training Methods for GANs do actually Converge?" (2018). With
    generated data it is R2. Huang et al., "The GAN is dead; long live the GAN!" (2024), use both together.
    """
    inputs = inputs.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(inputs).sum(), inputs, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def free_term_size(free: Tensor) -> Tensor:
    """Mean over the clips of the root mean square of their free terms (N, W).

    With the root, the penalty is a group lasso. It pulls a small free term to 0, and holds a large one back no more
    than a small one. See `models.networks.motion.shrunk`.
    """
    return sizes(free).mean()


def word_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the word heads, in nats per prompt, from logits (N, L) and labels (N, L).

    A label above 0 means that the prompt holds that word.
    """
    held = (labels > 0).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, held, reduction="none").sum(1).mean()
