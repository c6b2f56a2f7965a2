"""Covariances, correlations, polynomials, and other functions of everyday use, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd

DATA = np.array([[1.0, 2.0, 4.0, 3.5], [0.0, -1.0, 4.0, 2.0], [2.0, 2.5, 2.0, 7.0]])


def values(f: Any, *arrays: np.ndarray) -> Any:
    g = sd.Graph()
    inputs = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    return sd.evaluate(f(*inputs), dict(zip(inputs, arrays, strict=True)))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.cov(x),
        lambda x: np.cov(x, rowvar=False),
        lambda x: np.cov(x, bias=True),
        lambda x: np.cov(x, ddof=2),
        lambda x: np.cov(x[0]),
        lambda x: np.cov(x[0], x[1]),
        lambda x: np.cov(x, dtype=np.float32),
        lambda x: np.corrcoef(x),
        lambda x: np.corrcoef(x[0], x[1]),
        lambda x: np.corrcoef(x[0]),
        lambda x: np.polyval(np.array([1.0, -2.0, 0.5]), x),
        lambda x: np.polyval(x[0], 2.0),
        lambda x: np.polyval(np.array([3.0]), x),
        lambda x: np.unwrap(x * 3),
        lambda x: np.unwrap(x * 3, axis=0, period=2.5),
        lambda x: np.unwrap(x * 3, discont=4.0),
        lambda x: np.multiply.outer(x[0], x[1:]),
        lambda x: np.subtract.outer(x, np.arange(2.0)),
        lambda x: np.subtract.outer(np.arange(2.0), x),
        lambda x: np.array_equal(x, x),
        lambda x: np.array_equal(x, x[0]),
        lambda x: np.array_equal(x, x[:, :2]),
        lambda x: np.piecewise(x, [x < 0, x > 3], [-1.0, lambda v: v * 2, 7.0]),
        lambda x: np.piecewise(x, [x < 2], [1.0]),
        lambda x: np.geomspace(x[0], 8.0, 5),
        lambda x: np.geomspace(-x[0], -8.0, 5, endpoint=False),
        lambda x: np.logspace(x[0], 2.0, 4, axis=1),
        lambda x: np.logspace(0.0, x[0, 0], 3, base=2.0, dtype=np.float32),
    ],
)
def test_values_are_those_of_numpy(f: Any) -> None:
    found, expected = values(f, DATA), f(DATA)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.dtype == np.asarray(expected).dtype


@pytest.mark.parametrize(
    "f",
    [
        lambda x: sd.sum(sd.cov(x) ** 2),
        lambda x: sd.sum(sd.sin(sd.corrcoef(x))),
        lambda x: sd.sum(sd.polyval(x[0], x[1])),
        lambda x: sd.sum(sd.sin(sd.unwrap(x))),
        lambda x: sd.sum(sd.geomspace(x[0], 2 * x[2] + 5.0, 4) ** 2),
        lambda x: np.sum(np.piecewise(x, [x < 1], [lambda v: v**3, np.cos])),
    ],
)
def test_derivatives_hold_to_second_order(f: Any) -> None:
    sd.testing.check_grad(f, DATA + 0.1, order=2)


def test_named_sizes_pass_through() -> None:
    x = sd.Graph().input("x", sd.f64[2, "n"])
    assert sd.cov(x).type == sd.f64[2, 2]
    assert sd.unwrap(x).type == sd.f64[2, "n"]


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: sd.cov(x[None]), sd.ShapeError, "x has 3 axes"),
        (lambda x: np.cov(x, fweights=np.arange(4)), sd.ArgumentError, "weights are not"),
        (lambda x: sd.polyval(x, 1.0), sd.ShapeError, "vector of known length"),
        (lambda x: np.piecewise(x, [x < 0], [1, 2, 3]), sd.ArgumentError, "1 conditions need"),
        (lambda x: sd.cov(np.ones(3)), sd.ArgumentError, "none of the operands is a node"),
    ],
)
def test_misuse_is_refused(f: Any, error: Any, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[3, 4])
    with pytest.raises(error, match=message):
        f(x)
