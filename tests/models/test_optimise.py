"""Steps of an optimiser."""

import copy

import pytest
import torch
from torch import Tensor, nn

from models.training.optimise import descend

BETAS = (0.0, 0.99)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.LeakyReLU(0.2), nn.Conv2d(8, 6, 3, padding=1), nn.Flatten())


@pytest.fixture
def pictures() -> Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_every_weight_moves_by_its_own_gradient_in_every_memory_format(network, pictures, order):
    other = copy.deepcopy(network)
    descend(
        torch.optim.Adam(network.parameters(), 1e-3, betas=BETAS, fused=True),
        network(pictures.contiguous(memory_format=order)).square().sum(),
    )
    plain = torch.optim.Adam(other.parameters(), 1e-3, betas=BETAS, foreach=False)
    other(pictures).square().sum().backward()
    plain.step()
    for moved, expected in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(moved, expected)


def test_only_the_parameters_of_the_optimiser_get_a_gradient(network, pictures):
    first, *others = network.children()
    before = [parameter.clone() for part in others for parameter in part.parameters()]
    descend(torch.optim.Adam(first.parameters(), 1e-3, fused=True), network(pictures).square().sum())
    after = [parameter for part in others for parameter in part.parameters()]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_parameter_that_the_loss_does_not_depend_on_is_refused_unless_allowed(network, pictures):
    first, *_ = network.children()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    with pytest.raises(RuntimeError, match="does not depend"):
        descend(optimiser, first(pictures).square().sum())
    descend(optimiser, first(pictures).square().sum(), allow_unused=True)
