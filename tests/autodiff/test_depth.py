"""Large graphs: the cost follows the edges, not the paths, and depth does not matter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import symdiff as sd

# -- many paths ----------------------------------------------------------------------------


def test_a_gradient_over_two_to_the_fifty_paths_costs_by_its_edges() -> None:
    x = sd.Graph().input("x", sd.f64)
    y = x
    for _ in range(50):
        y = y + y
    size = len(x.graph)
    dx = sd.grad(y, x)
    assert sd.evaluate(dx, {x: 1.0}) == 2.0**50
    assert len(x.graph) - size <= 100


def test_a_tangent_over_two_to_the_fifty_paths_costs_by_its_edges() -> None:
    x = sd.Graph().input("x", sd.f64)
    y = x
    for _ in range(50):
        y = y * 0.5 + y
    size = len(x.graph)
    moved = sd.jvp(y, x, 1.0)
    assert sd.evaluate(moved, {x: 1.0}) == pytest.approx(1.5**50)
    assert len(x.graph) - size <= 101


def test_diamonds_of_functions_have_the_derivative_of_the_recurrence() -> None:
    x = sd.Graph().input("x", sd.f64)
    y, value, slope = x, 0.3, 1.0
    for _ in range(50):
        y = sd.sin(y) + 0.5 * sd.cos(y)
        slope *= np.cos(value) - 0.5 * np.sin(value)
        value = np.sin(value) + 0.5 * np.cos(value)
    size = len(x.graph)
    dx = sd.grad(y, x)
    assert sd.evaluate(dx, {x: 0.3}) == pytest.approx(slope)
    assert len(x.graph) - size <= 3 * 50 * 5  # five edges a diamond


# -- long chains ---------------------------------------------------------------------------


class Chain(NamedTuple):
    """Sines of sines, and their derivatives at 0.7 by the recurrence."""

    x: sd.Node
    y: sd.Node
    slope: float
    curvature: float


def chain(length: int) -> Chain:
    x = sd.Graph().input("x", sd.f64)
    y, value, slope, curvature = x, 0.7, 1.0, 0.0
    for _ in range(length):
        y = sd.sin(y)
        curvature = np.cos(value) * curvature - np.sin(value) * slope**2
        value, slope = np.sin(value), np.cos(value) * slope
    return Chain(x, y, slope, curvature)


@pytest.mark.usefixtures("shallow_stack")
def test_a_chain_of_a_hundred_thousand_nodes_has_a_gradient_and_a_tangent() -> None:
    x, y, slope, _ = chain(100_000)
    found = sd.evaluate([sd.grad(y, x), sd.jvp(y, x, 2.0)], {x: 0.7})
    assert found == [pytest.approx(slope), pytest.approx(2 * slope)]


@pytest.mark.usefixtures("shallow_stack")
@pytest.mark.parametrize("length", [5_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mode", ["forward-over-reverse", "reverse-over-reverse"])
def test_a_long_chain_has_a_hessian_vector_product(mode: str, length: int) -> None:
    x, y, _, curvature = chain(length)
    product = sd.hvp(y, x, 2.0, mode=mode)
    assert sd.evaluate(product, {x: 0.7}) == pytest.approx(2 * curvature)
