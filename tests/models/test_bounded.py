import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks.bounded import bounded


def _value_and_gradient(value: float, wish: float) -> tuple[float, float]:
    """The bounded value within [-2, 2], and the gradient of the input if the output has the gradient `wish`."""
    inputs = torch.tensor([value], requires_grad=True)
    output = bounded(inputs, 2.0)
    output.backward(torch.tensor([wish]))
    assert inputs.grad is not None
    return output.item(), inputs.grad.item()


@settings(deadline=None)
@given(value=st.floats(-10, 10, width=32), wish=st.floats(-5, 5, width=32))
def test_values_are_clamped_and_only_gradients_that_lead_further_outside_are_stopped(value: float, wish: float) -> None:
    output, gradient = _value_and_gradient(value, wish)
    assert output == max(-2.0, min(2.0, value))
    descent_leads_out = (value > 2 and wish < 0) or (value < -2 and wish > 0)
    assert gradient == (0.0 if descent_leads_out else wish)


def test_descent_brings_a_value_back_from_far_outside() -> None:
    value = torch.tensor([8.0], requires_grad=True)
    optimiser = torch.optim.SGD([value], lr=0.5)
    for _ in range(40):
        optimiser.zero_grad()
        (bounded(value, 2.0) - 1.0).square().sum().backward()
        optimiser.step()
    torch.testing.assert_close(value.detach(), torch.tensor([1.0]), atol=1e-3, rtol=0)
