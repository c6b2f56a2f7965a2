"""Gradient graphs as a person would check them, line by line, in `tests/golden/gradients/`.

Each is what `grad`, `hvp`, `jacobian` or `hessian` appends with nothing simplified. A change in
a rule or in `build_grad` shows here as a diff of mathematics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import symdiff as sd

Golden = Callable[[str, str], None]


def scalar_chain(g: sd.Graph) -> Any:
    """d/dx exp(sin(x**2)): the chain rule, from the outside in."""
    x = g.input("x", sd.f64)
    z = sd.exp(sd.sin(x**2))
    return z, sd.grad(z, x)


def sum_of_sin(g: sd.Graph) -> Any:
    """The gradient of a sum is spread over what was summed."""
    x = g.input("x", sd.f64["n"])
    z = sd.sum(sd.sin(x))
    return z, sd.grad(z, x)


def fan_out(g: sd.Graph) -> Any:
    """Contributions of several consumers meet in one `add_n`."""
    x = g.input("x", sd.f64)
    z = x * sd.sin(x) + sd.exp(x)
    return z, sd.grad(z, x)


def ridge_loss(g: sd.Graph) -> Any:
    X, y, w = g.input("X", sd.f64["n", 3]), g.input("y", sd.f64["n"]), g.input("w", sd.f64[3])
    loss = sd.sum((X @ w - y) ** 2) / X.shape[0] + 0.1 * sd.sum(w**2)
    return loss, sd.grad(loss, w)


def sigmoid_cross_entropy(g: sd.Graph) -> Any:
    """Written out in primitives, as a textbook does."""
    X, t, w = g.input("X", sd.f64["n", 3]), g.input("t", sd.f64["n"]), g.input("w", sd.f64[3])
    p = 1.0 / (1.0 + sd.exp(-(X @ w)))
    loss = -sd.sum(t * sd.log(p) + (1.0 - t) * sd.log(1.0 - p))
    return loss, sd.grad(loss, w)


def matmul_chain(g: sd.Graph) -> Any:
    """dA = G B^T and dB = A^T G (Goodfellow et al., 6.5.6)."""
    A, B, c = g.input("A", sd.f64[2, 3]), g.input("B", sd.f64[3, 4]), g.input("c", sd.f64[4])
    z = sd.sum(sd.tanh(A @ B @ c))
    return z, sd.grad(z, [A, B, c])


def broadcasting(g: sd.Graph) -> Any:
    """Operands that were stretched get the sum over what they were stretched along."""
    X = g.input("X", sd.f64["n", "m"])
    row, column, s = (
        g.input("row", sd.f64["m"]),
        g.input("column", sd.f64["n", 1]),
        g.input("s", sd.f64),
    )
    z = sd.sum(sd.sin(X * row + column) * s)
    return z, sd.grad(z, [row, column, s])


def masked_square_root(g: sd.Graph) -> Any:
    """The mask stays outermost: nothing under it can make NaN where it does not hold."""
    x = g.input("x", sd.f64["n"])
    z = sd.sum(sd.where(x > 0.0, sd.sqrt(x), 0.0))
    return z, sd.grad(z, x)


def indexing(g: sd.Graph) -> Any:
    """Differences of neighbours: each slice puts its gradient back in place."""
    x = g.input("x", sd.f64["n"])
    z = sd.sum((x[1:] - x[:-1]) ** 2) + x[0]
    return z, sd.grad(z, x)


def two_results(g: sd.Graph) -> Any:
    """The remainder of `divmod` has derivatives 1 and -(a // b); the quotient has none."""
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    quotient, remainder = divmod(a, b)
    z = quotient * remainder
    return z, sd.grad(z, [a, b])


def general_power(g: sd.Graph) -> Any:
    """a**b, by both, with the conventions at a = 0 and b = 0."""
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    z = a**b
    return z, sd.grad(z, [a, b])


def second_derivative(g: sd.Graph) -> Any:
    x = g.input("x", sd.f64)
    z = sd.sin(x) ** 2
    first = sd.grad(z, x)
    return z, first, sd.grad(first, x)


def rosenbrock_hvp(g: sd.Graph) -> Any:
    """Forward over reverse; (1 - x)^2 + 100 (y - x^2)^2."""
    x, y = g.input("x", sd.f64), g.input("y", sd.f64)
    u, v = g.input("u", sd.f64), g.input("v", sd.f64)
    z = (1.0 - x) ** 2 + 100.0 * (y - x**2) ** 2
    return z, sd.hvp(z, [x, y], [u, v])


def jacobian_of_a_layer(g: sd.Graph) -> Any:
    W, x = g.input("W", sd.f64["m", "n"]), g.input("x", sd.f64["n"])
    return sd.jacobian(sd.tanh(W @ x), x)


def hessian_of_least_squares(g: sd.Graph) -> Any:
    X, y, w = g.input("X", sd.f64["n", 3]), g.input("y", sd.f64["n"]), g.input("w", sd.f64[3])
    return sd.hessian(sd.sum((X @ w - y) ** 2), w)


def own_rule(g: sd.Graph) -> Any:
    """A gradient clipped on its way back; the bodies stand above the graph."""
    x = g.input("x", sd.f64["n"])
    clipped = sd.custom_gradient(lambda x: x * x, vjp=lambda g, y, x: sd.tanh(g) * 2.0 * x)
    z = sd.sum(clipped(x))
    return z, sd.grad(z, x)


CASES = [
    scalar_chain,
    sum_of_sin,
    fan_out,
    ridge_loss,
    sigmoid_cross_entropy,
    matmul_chain,
    broadcasting,
    masked_square_root,
    indexing,
    two_results,
    general_power,
    second_derivative,
    rosenbrock_hvp,
    jacobian_of_a_layer,
    hessian_of_least_squares,
    own_rule,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_gradient_is_the_one_that_was_read_and_accepted(
    case: Callable[[sd.Graph], Any], golden: Golden
) -> None:
    golden(f"gradients/{case.__name__}", sd.text(case(sd.Graph(case.__name__))))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_gradient_graph_reads_back_to_the_letter(case: Callable[[sd.Graph], Any]) -> None:
    text = sd.text(case(sd.Graph(case.__name__)))
    again = sd.parse(text)
    again.check()
    assert again.text() == text
