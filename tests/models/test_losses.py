"""Losses, and how learning rate and penalty change in the course of a training."""

from __future__ import annotations

import pytest
import torch

from models.config import TrainConfig
from models.training.losses import free_term_size, gradient_penalty, word_loss, wrong_prompt_loss
from models.training.schedule import (
    clip_penalty,
    free_term_penalty,
    learning_rate,
    share_done,
    wrong_prompt_weight,
)


def test_the_gradient_penalty_of_a_linear_score_is_its_squared_norm() -> None:
    weights = torch.tensor([3.0, 4.0])
    assert float(gradient_penalty(lambda inputs: inputs @ weights, torch.randn(7, 2))) == pytest.approx(25.0)


def test_the_word_loss_is_the_cross_entropy_of_the_words_that_a_prompt_holds() -> None:
    labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    sure = torch.tensor([[20.0, -20.0], [-20.0, 20.0]])
    assert word_loss(sure, labels) < 1e-6
    assert word_loss(torch.zeros(2, 2), labels).item() == pytest.approx(2 * torch.log(torch.tensor(2.0)).item())
    assert word_loss(-sure, labels).item() == pytest.approx(40.0)


def test_the_loss_of_wrong_prompts_asks_for_the_order_of_the_scores_alone() -> None:
    real = torch.tensor([3.0, -5.0])
    assert wrong_prompt_loss(real, real - 20) < 1e-6
    assert wrong_prompt_loss(real, real + 20).item() == pytest.approx(20.0)


def test_wrong_prompts_count_less_and_less_in_the_first_half_of_the_training() -> None:
    config = TrainConfig(wrong_prompt_weight=0.8)
    assert [wrong_prompt_weight(config, share) for share in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.8, 0.4, 0, 0])


def test_the_penalty_falls_geometrically_and_the_learning_rate_linearly() -> None:
    config = TrainConfig(
        steps=10, learning_rate=0.01, decay_share=0.5, first_clip_penalty=0.4, clip_penalty=0.1, penalty_share=0.4
    )
    shares = [share_done(config, steps=step, cpu_seconds=0) for step in range(10)]
    assert [learning_rate(config, share) for share in shares] == pytest.approx(
        [0.01] * 6 + [0.008, 0.006, 0.004, 0.002]
    )
    penalties = [clip_penalty(config, share) for share in shares]
    assert penalties == pytest.approx([0.4, 0.4 / 2**0.5, 0.2, 0.2 / 2**0.5] + [0.1] * 6)


def test_the_penalty_of_the_free_term_rises_geometrically() -> None:
    config = TrainConfig(steps=10, first_free_term_penalty=0.1, free_term_penalty=0.4, penalty_share=0.4)
    penalties = [free_term_penalty(config, step / 10) for step in range(10)]
    assert penalties == pytest.approx([0.1, 0.1 * 2**0.5, 0.2, 0.2 * 2**0.5] + [0.4] * 6)
    assert free_term_penalty(TrainConfig(first_free_term_penalty=0, free_term_penalty=0), 0.0) == 0


def test_small_and_large_free_terms_are_pulled_to_0_by_the_same_force() -> None:
    free = torch.tensor([[0.1] * 4, [10.0] * 4], requires_grad=True)
    free_term_size(free).backward()
    assert free_term_size(free).item() == pytest.approx((0.1 + 10) / 2, rel=1e-4)
    assert free.grad is not None
    torch.testing.assert_close(free.grad[0], free.grad[1], rtol=1e-3, atol=0)


def test_a_training_is_done_after_its_steps_or_its_cpu_time_whichever_comes_first() -> None:
    limited, unlimited = TrainConfig(steps=10, cpu_minutes=1), TrainConfig(steps=10)
    assert share_done(limited, steps=5, cpu_seconds=6) == 0.5
    assert share_done(limited, steps=5, cpu_seconds=45) == 0.75
    assert share_done(limited, steps=11, cpu_seconds=0) == share_done(limited, steps=0, cpu_seconds=99) == 1
    assert share_done(unlimited, steps=5, cpu_seconds=1e9) == 0.5
