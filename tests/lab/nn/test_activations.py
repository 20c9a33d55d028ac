import itertools

import pytest
import torch

from lab.nn.activations import GeneralRelu

X = torch.tensor([-8.0, -2.0, -0.5, -1e-3, 1e-3, 0.25, 0.5, 3.0, 6.5, 100.0], dtype=torch.float64)


def by_hand(x: float, leak: float, sub: float, maxv: float) -> tuple[float, float]:
    """The value and the slope at ``x``."""
    y = (x if x > 0 else leak * x) - sub
    if maxv and y > maxv:
        return maxv, 0.0
    return y, 1.0 if x > 0 else leak


@pytest.mark.parametrize(("leak", "sub", "maxv"), list(itertools.product((0.0, 0.1, 1.0), (0.0, 0.4), (0.0, 6.0, 1.5))))
def test_value_and_gradient_are_the_formula(leak: float, sub: float, maxv: float) -> None:
    x = X.clone().requires_grad_()
    y = GeneralRelu(leak, sub, maxv)(x)
    y.sum().backward()
    expected = [by_hand(value, leak, sub, maxv) for value in X.tolist()]
    assert y.tolist() == pytest.approx([value for value, _ in expected])
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([slope for _, slope in expected])


def test_input_is_left_alone() -> None:
    x = X.clone()
    GeneralRelu(0.1, 0.4, 6.0)(x)
    assert torch.equal(x, X)


def test_slope_moves_in_the_middle_of_a_run() -> None:
    relu = GeneralRelu()
    assert relu(torch.tensor([-2.0])).item() == 0
    relu.leak = 0.5
    assert relu(torch.tensor([-2.0])).item() == -1


def test_plain_relu_of_minus_infinity_is_zero() -> None:
    assert GeneralRelu()(torch.tensor([-torch.inf])).item() == 0


def test_repr_names_the_settings() -> None:
    assert repr(GeneralRelu(0.1, 0.4, 6)) == "GeneralRelu(leak=0.1, sub=0.4, maxv=6)"
