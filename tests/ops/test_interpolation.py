"""Interpolation: NumPy's values at knots, ends and infinities, and derivatives by everything."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.autodiff.batch import batch_nodes
from symdiff.ops.interpolation import inverse_lerp, lerp

RNG = np.random.default_rng(0)
inf, nan = np.inf, np.nan
XP = np.array([-1.0, 0.0, 0.5, 2.0, 7.0])
FP = np.array([3.0, -1.0, 4.0, 4.0, 0.25])
X = np.array([[-2.0, -1.0, -0.5, 0.0], [0.25, 0.5, 1.75, 2.0], [6.999, 7.0, 8.0, inf]])


def value_of(node: sd.Node, point: Any) -> Any:
    """Compiled, which turns warnings into nothing and must agree with the interpreter."""
    compiled = sd.compile(list(point), node)(*point.values())
    np.testing.assert_array_equal(compiled, sd.evaluate(node, point))
    return compiled


@pytest.mark.parametrize("x", [X, np.float64(0.3), np.array([]), np.array([nan, 0.25, -inf])])
@pytest.mark.parametrize("ends", [{}, {"left": -9.0}, {"right": 5.0}, {"left": nan, "right": 0}])
def test_values_are_numpys(x: Any, ends: Any) -> None:
    g = sd.Graph()
    a, p, f = g.input("a", x), g.input("p", sd.f64["n"]), g.input("f", sd.f64["n"])
    point = {a: x, p: XP, f: FP}
    expected = np.interp(x, XP, FP, **ends)
    for node in (sd.interp(a, p, f, **ends), np.interp(a, p, f, **ends)):
        np.testing.assert_allclose(value_of(node, point), expected, rtol=2e-15)
    fixed = sd.evaluate(np.interp(a, XP, FP, **ends), {a: x})
    np.testing.assert_allclose(fixed, expected, rtol=2e-15)


@pytest.mark.parametrize("period", [3.0, -4.5, 360])
def test_periodic_values_are_numpys(period: float) -> None:
    xp, fp = np.array([190.0, -190.0, 350.0, -35.5, 1.0]), np.array([5.0, 10.0, 3.0, 4.0, -1.0])
    x = np.array([-180.0, -170.0, -185.0, 185.0, -10.0, -5.0, 0.0, 365.0])
    a = sd.Graph().input("a", x)
    found = sd.evaluate(np.interp(a, xp, fp, period=period), {a: x})
    np.testing.assert_allclose(found, np.interp(x, xp, fp, period=period), rtol=1e-12)


@pytest.mark.parametrize(
    ("xp", "fp"),
    [
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, inf, 4.0]),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, nan, 4.0]),
        ([0.0, 1.0], [-inf, inf]),
        ([-inf, inf], [0.0, 10.0]),
        ([0.0, inf], [0.0, 10.0]),
        ([-inf, 1.0], [0.0, 10.0]),
        ([-inf, -inf], [0.0, 10.0]),
        ([0.5, 0.5, 0.5], [1.0, 2.0, 3.0]),
        ([3.0], [7.0]),
    ],
)
def test_infinite_points_and_lone_ones_are_numpys(xp: Any, fp: Any) -> None:
    x = np.array([0.25, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0])
    a = sd.Graph().input("a", x)
    found = sd.evaluate(np.interp(a, xp, fp), {a: x})
    np.testing.assert_allclose(found, np.interp(x, xp, fp), rtol=1e-15)


def test_single_precision_stays_single_but_under_numpys_name() -> None:
    g = sd.Graph()
    a, p, f = (g.input(name, sd.f32[3]) for name in "apf")
    assert sd.interp(a, p, f).dtype == np.float32
    assert np.interp(a, p, f).dtype == np.float64
    gradient = sd.grad(sd.sum(sd.interp(a, p, f)), [a, p, f])
    assert all(d.dtype == np.float32 for d in gradient)


def test_values_may_be_complex() -> None:
    fp = FP * (1 + 2j)
    a = sd.Graph().input("a", sd.f64[3])
    found = sd.evaluate(np.interp(a, XP, fp), {a: [0.3, 2.0, 9.0]})
    np.testing.assert_allclose(found, np.interp([0.3, 2.0, 9.0], XP, fp))


# -- derivatives -----------------------------------------------------------------------------


def test_derivatives_by_everything_against_numbers() -> None:
    x = np.array([-3.0, -0.4, 0.3, 1.0, 1.5, 6.0, 9.0])
    weights = RNG.normal(size=x.size)
    sd.testing.check_grad(
        lambda x, xp, fp: sd.sum(sd.interp(x, xp, fp) ** 2 * weights), x, XP, FP, order=3
    )
    sd.testing.check_grad(
        lambda x, xp, fp, l, r: sd.sum(sd.sin(sd.interp(x, xp, fp, l, r)) * weights),
        *(x, XP, FP, np.array(0.3), np.array(-2.0)),
    )
    sd.testing.check_grad(
        lambda x, xp, fp, p: sd.sum(sd.interp(x, xp, fp, period=p) * weights),
        *(x, XP, FP, np.array(8.4)),
    )


def test_the_slope_at_a_knot_is_that_to_its_right() -> None:
    a = sd.Graph().input("a", sd.f64[7])
    slope = sd.grad(sd.sum(sd.interp(a, XP, FP)), a)
    found = sd.evaluate(slope, {a: [-2.0, -1.0, 0.0, 0.5, 2.0, 7.0, 8.0]})
    np.testing.assert_allclose(found, [0.0, -4.0, 10.0, 0.0, -0.75, 0.0, 0.0])


def test_beyond_the_ends_only_the_end_counts_and_nothing_is_nan() -> None:
    g = sd.Graph()
    a, p, f = (g.input(name, sd.f64["n"]) for name in "apf")
    y = sd.sum(sd.interp(a, p, f))
    first = sd.grad(y, [a, p, f])
    second = sd.grad(sum(sd.sum(d * d) for d in first), [a, p, f], disconnected="zero")
    point = {a: [-5.0, 9.0, 9.0], p: [0.0, 1.0, 2.0], f: [3.0, 4.0, 5.0]}
    by_x, by_xp, by_fp = sd.evaluate(first, point)
    np.testing.assert_array_equal(by_x, 0.0)
    np.testing.assert_array_equal(by_xp, 0.0)
    np.testing.assert_array_equal(by_fp, [1.0, 0.0, 2.0])
    for value in sd.evaluate(second, point):
        np.testing.assert_array_equal(value, 0.0)


def test_batched_over_every_choice_of_operands() -> None:
    arrays = {
        "x": RNG.uniform(-2, 8, (3, 4)),
        "xp": np.sort(RNG.normal(size=(3, 5)), axis=1),
        "fp": RNG.normal(size=(3, 5)),
    }
    for pattern in product((True, False), repeat=3):
        chosen = [name for name, there in zip(arrays, pattern, strict=True) if there]
        if not chosen:
            continue
        g = sd.Graph()
        one = {name: g.input(name, array[0]) for name, array in arrays.items()}
        many = {name: g.input(f"{name}s", arrays[name]) for name in chosen}
        y = sd.interp(*one.values())
        outputs = [y, *sd.grad(sd.sum(y * y), list(one.values()))]
        nodes, _ = batch_nodes(g, outputs, {one[name]: many[name] for name in chosen})
        first = {one[name]: array[0] for name, array in arrays.items()}
        found = sd.evaluate(nodes, first | {many[name]: arrays[name] for name in chosen})
        for k in range(3):
            row = first | {one[name]: arrays[name][k] for name in chosen}
            for whole, expected in zip(found, sd.evaluate(outputs, row), strict=True):
                np.testing.assert_allclose(whole[k], expected, rtol=1e-12, atol=1e-14)


# -- the two ops -----------------------------------------------------------------------------

LARGEST = np.finfo(float).max


@pytest.mark.parametrize(
    ("a", "b", "t", "expected"),
    [
        (1.0, inf, 0.0, 1.0),
        (-inf, 2.0, 1.0, 2.0),
        (inf, inf, 0.5, inf),
        (1.0, inf, 0.5, inf),
        (-inf, inf, 0.5, nan),
        (-LARGEST, LARGEST, 0.5, 0.0),
        (0.1, 0.1, 0.3, 0.1),
        (0.1, 0.7, 1.0, 0.7),
        (1.0, 2.0, nan, nan),
        (3.0, 3.0, nan, nan),
    ],
)
def test_between_two_values_without_overflow_or_needless_nan(
    a: float, b: float, t: float, expected: float
) -> None:
    g = sd.Graph()
    x1, x2, w = (g.input(name, sd.f64) for name in ("x1", "x2", "w"))
    assert_equal(sd.evaluate(lerp(x1, x2, w), {x1: a, x2: b, w: t}), expected)


@pytest.mark.parametrize(
    ("x", "a", "b", "expected"),
    [
        (2.0, 1.0, 3.0, 0.5),
        (5.0, 4.0, 4.0, 0.0),
        (inf, 4.0, 4.0, 0.0),
        (0.0, -LARGEST, LARGEST, 0.5),
        (1.0, 0.0, inf, 0.0),
        (1.0, -inf, 2.0, 1.0),
        (1.0, -inf, inf, nan),
        (nan, 4.0, 4.0, nan),
    ],
)
def test_the_weight_of_a_place_between_two(x: float, a: float, b: float, expected: float) -> None:
    g = sd.Graph()
    p, x1, x2 = (g.input(name, sd.f64) for name in ("p", "x1", "x2"))
    assert_equal(sd.evaluate(inverse_lerp(p, x1, x2), {p: x, x1: a, x2: b}), expected)


def assert_equal(found: Any, expected: float) -> None:
    np.testing.assert_array_equal(found, expected)


# -- errors ----------------------------------------------------------------------------------


def test_misuse_is_refused_with_the_operands() -> None:
    g = sd.Graph()
    a, p, f = g.input("a", sd.f64[2]), g.input("p", sd.f64[3]), g.input("f", sd.f64[4])
    with pytest.raises(sd.ShapeError, match=r"one axis and be equally long\n.*x = a .*\n.*xp = p"):
        sd.interp(a, p, f)
    with pytest.raises(sd.ShapeError, match="no points to interpolate"):
        sd.interp(a, [], [])
    with pytest.raises(sd.DTypeError, match="x and xp must be real"):
        sd.interp(a, p * 1j, p)
    with pytest.raises(sd.ArgumentError, match="period must not be 0"):
        sd.interp(a, p, p, period=0)
    with pytest.raises(sd.ArgumentError, match="interp: none of the operands is a node"):
        sd.interp(1.0, XP, FP)
    empty = g.input("empty", sd.f64["n"])
    run = sd.compile([a, empty], sd.interp(a, empty, empty))
    with pytest.raises(sd.EvaluationError, match="out of bounds"):
        run([1.0, 2.0], [])
