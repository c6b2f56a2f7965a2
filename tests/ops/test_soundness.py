"""Values and derivatives where a formula, taken literally, gives NaN, overflow or a warning.

Each line is a function, a point, and what mathematics says of the value, the gradient and the
second derivatives along the diagonal direction. All are computed three ways: interpreted,
compiled, and kernel by kernel with every NumPy warning an error.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import symdiff as sd

INF = math.inf


class Line(NamedTuple):
    f: Callable[[sd.Node], sd.Node]
    at: Any
    value: float
    gradient: Any
    along: Any
    """The Hessian times a vector of ones."""
    loud: bool = False
    """Whether a kernel by itself may warn: an exact result, or one under a mask, is infinite."""


def masked_root(x: sd.Node) -> sd.Node:
    return sd.sum(sd.where(x > 0, sd.sqrt(x), 0.0))


def total(op: Callable[[sd.Node], sd.Node]) -> Callable[[sd.Node], sd.Node]:
    return lambda x: sd.sum(op(x))


def atan2_at(x: sd.Node) -> sd.Node:
    return sd.atan2(x[0], x[1])


def hypot_at(x: sd.Node) -> sd.Node:
    return sd.hypot(x[0], x[1])


def power_of_a_node(x: sd.Node) -> sd.Node:
    return x[0] ** sd.stop_gradient(x[1])


def log_of_the_rest(x: sd.Node) -> sd.Node:
    return sd.sum(sd.log(x[1:]))


MANY = 100_000

LINES = {
    "logsumexp of many": Line(
        sd.logsumexp, np.full(MANY, 700.0), 700 + math.log(MANY), np.full(MANY, 1 / MANY), 0.0
    ),
    "logsumexp of many and one": Line(
        lambda x: sd.logsumexp(x * 1e4), np.eye(1, MANY)[0], 1e4, np.eye(1, MANY)[0] * 1e4, 0.0
    ),
    "log_expit far below": Line(total(sd.special.log_expit), [-1000.0], -1000.0, [1.0], [0.0]),
    "log_expit far above": Line(total(sd.special.log_expit), [1000.0], 0.0, [0.0], [0.0]),
    "softplus far above": Line(total(sd.softplus), [1000.0], 1000.0, [1.0], [0.0]),
    "norm at 0": Line(sd.linalg.vector_norm, [0.0, 0.0], 0.0, [0.0, 0.0], [0.0, 0.0]),
    "norm of huge entries": Line(
        sd.linalg.vector_norm, [3e200, 4e200], 5e200, [0.6, 0.8], [3.2e-202, -2.4e-202]
    ),
    "norm of tiny entries": Line(
        sd.linalg.vector_norm, [3e-200, 4e-200], 5e-200, [0.6, 0.8], [3.2e198, -2.4e198]
    ),
    "root under a mask": Line(
        masked_root, [0.0, 4.0], 2.0, [0.0, 0.25], [0.0, -1 / 32], loud=True
    ),
    "product with one zero": Line(sd.prod, [2.0, 0.0, 3.0], 0.0, [0.0, 6.0, 0.0], [3.0, 5.0, 2.0]),
    "product with two zeros": Line(sd.prod, [0.0, 5.0, 0.0], 0.0, [0.0] * 3, [5.0, 0.0, 5.0]),
    "product with three zeros": Line(sd.prod, [0.0] * 3, 0.0, [0.0] * 3, [0.0] * 3),
    "cumulative product with a zero": Line(
        total(sd.cumulative_prod), [2.0, 0.0, 3.0], 2.0, [1.0, 8.0, 0.0], [4.0, 6.0, 2.0]
    ),
    "xlogy at 0 by y": Line(lambda y: sd.xlogy(0.0, y), 0.0, 0.0, 0.0, 0.0),
    "xlogy at 0 by x": Line(lambda x: sd.xlogy(x, 2.0), 0.0, 0.0, math.log(2.0), 0.0),
    "entropy at 0": Line(total(sd.special.entr), [1.0], 0.0, [-1.0], [-1.0]),
    "atan2 on the right": Line(atan2_at, [0.0, 2.0], 0.0, [0.5, 0.0], [-0.25, -0.25]),
    "atan2 on the left": Line(atan2_at, [0.0, -2.0], math.pi, [-0.5, 0.0], [-0.25, -0.25]),
    "atan2 upwards": Line(atan2_at, [2.0, 0.0], math.pi / 2, [0.0, -0.5], [0.25, 0.25]),
    "atan2 downwards": Line(atan2_at, [-2.0, 0.0], -math.pi / 2, [0.0, 0.5], [0.25, 0.25]),
    "atan2 at the origin": Line(atan2_at, [0.0, 0.0], 0.0, [0.0, 0.0], [0.0, 0.0]),
    "hypot at the origin": Line(hypot_at, [0.0, 0.0], 0.0, [0.0] * 2, [0.0] * 2),
    "power 0 at 0": Line(lambda x: x**0.0, 0.0, 1.0, 0.0, 0.0),
    "power 1 at 0": Line(lambda x: x**1.0, 0.0, 0.0, 1.0, 0.0),
    "power 2 at 0": Line(lambda x: x**2.0, 0.0, 0.0, 0.0, 2.0),
    "power 3 at 0": Line(lambda x: x**3.0, 0.0, 0.0, 0.0, 0.0),
    "power 1.5 at 0": Line(lambda x: x**1.5, 0.0, 0.0, 0.0, INF, loud=True),
    "power 0.5 at 0": Line(lambda x: x**0.5, 0.0, 0.0, INF, -INF, loud=True),
    "an exponent of 0 at 0": Line(power_of_a_node, [0.0, 0.0], 1.0, [0.0] * 2, [0.0] * 2),
    "an exponent of 1 at 0": Line(power_of_a_node, [0.0, 1.0], 0.0, [1.0, 0.0], [0.0] * 2),
    "an exponent of 2 at 0": Line(power_of_a_node, [0.0, 2.0], 0.0, [0.0] * 2, [2.0, 0.0]),
    "tanh far out": Line(total(sd.tanh), [800.0, -800.0], 0.0, [0.0, 0.0], [0.0, 0.0]),
    "sigmoid far out": Line(total(sd.sigmoid), [800.0, -800.0], 1.0, [0.0, 0.0], [0.0, 0.0]),
    "sinc at 0": Line(total(sd.sinc), [0.0], 1.0, [0.0], [-(math.pi**2) / 3]),
    "variance of equal entries": Line(sd.var, [3.0, 3.0], 0.0, [0.0, 0.0], [0.0, 0.0]),
    "deviation of equal entries": Line(sd.std, [3.0, 3.0], 0.0, [0.0, 0.0], [0.0, 0.0]),
    "i1 at 0": Line(total(sd.special.i1), [0.0], 0.0, [0.5], [0.0]),
    "log_ndtr far below": Line(total(sd.special.log_ndtr), [-1e5], -5e9 - 12.4319, [1e5], [-1.0]),
    "a reading of what is finite": Line(log_of_the_rest, [0.0, 1.0], 0.0, [0.0, 1.0], [0.0, -1.0]),
}


def outputs(line: Line) -> tuple[sd.Node, list[sd.Node], np.ndarray]:
    at = np.asarray(line.at, float)
    g = sd.Graph("line")
    x = g.input("x", at)
    y = line.f(x)
    ones = np.ones(at.shape)
    modes = ("forward-over-reverse", "reverse-over-reverse")
    products = [sd.hvp(y, x, ones, mode=mode) for mode in modes]
    return x, [y, sd.grad(y, x, disconnected="zero"), *products], at


def loudly(x: sd.Node, nodes: list[sd.Node], at: np.ndarray) -> None:
    """Every kernel as NumPy runs it outside symdiff, warnings being errors."""
    values: dict[sd.Node, Any] = {x: at}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for node in x.graph.ancestors(nodes):
            if node not in values:
                assert node.op.kernel is not None
                values[node] = node.op.kernel(*[values[i] for i in node.inputs], **node.params)


@pytest.mark.parametrize("name", LINES)
def test_value_gradient_and_curvature_are_the_analytic_ones(name: str) -> None:
    line = LINES[name]
    x, nodes, at = outputs(line)
    expected = [
        line.value,
        np.broadcast_to(line.gradient, at.shape),
        *[np.broadcast_to(line.along, at.shape)] * 2,
    ]
    for found in (sd.evaluate(nodes, {x: at}), sd.compile([x], nodes)(at)):
        for one, other in zip(found, expected, strict=True):
            size = np.max(np.abs(other), where=np.isfinite(other), initial=0.0)
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12 * size or 1e-15)
    if not line.loud:
        loudly(x, nodes, at)
