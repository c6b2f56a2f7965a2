"""maximum, minimum and clip: ties, bounds, NaN, and masks that stay outermost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd

inf, nan = np.inf, np.nan

A = np.array([1.0, 2.0, 2.0, -3.0, 0.0, inf, -inf, inf])
B = np.array([2.0, 1.0, 2.0, -3.0, -0.0, 1.0, 1.0, inf])
FIRST_LARGER = np.array([0.0, 1.0, 0.5, 0.5, 0.5, 1.0, 0.0, 0.5])


def pair(type_: Any = None) -> tuple[sd.Node, sd.Node]:
    g = sd.Graph()
    return g.input("a", type_ or sd.f64["n"]), g.input("b", type_ or sd.f64["n"])


# -- conventions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "share"), [("maximum", FIRST_LARGER), ("minimum", 1 - FIRST_LARGER)]
)
def test_the_chosen_operand_gets_the_gradient_and_ties_share_it(
    name: str, share: np.ndarray
) -> None:
    a, b = pair(sd.f64[8])
    y = getattr(sd, name)(a, b)
    weights = np.arange(1.0, 9.0)
    value, da, db = sd.evaluate([y, *sd.grad(sd.sum(weights * y), [a, b])], {a: A, b: B})
    np.testing.assert_array_equal(value, getattr(np, name)(A, B))
    np.testing.assert_array_equal(da, weights * share)
    np.testing.assert_array_equal(db, weights * (1 - share))


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_tangents_are_shared_as_gradients_are(name: str) -> None:
    a, b = pair()
    y = getattr(sd, name)(a, b)
    gradient, along_a, along_b = sd.evaluate(
        [
            sd.grad(sd.sum(y), a),
            sd.jvp(y, a, sd.broadcast_to(a.graph.constant(1.0), shape=a.shape)),
            sd.jvp(y, b, sd.broadcast_to(a.graph.constant(1.0), shape=a.shape)),
        ],
        {a: A, b: B},
    )
    np.testing.assert_array_equal(along_a, gradient)
    np.testing.assert_array_equal(along_a + along_b, 1.0)


def test_an_operand_with_itself_is_the_identity() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    y = sd.maximum(x, x)
    np.testing.assert_array_equal(sd.evaluate(sd.grad(sd.sum(y), x), {x: [1.0, 0.0, nan]})[:2], 1)


def test_nan_propagates_and_has_no_gradient() -> None:
    a, b = pair()
    y = sd.maximum(a, b)
    point = {a: [nan, 1.0, nan], b: [1.0, nan, nan]}
    value, da, db = sd.evaluate([y, *sd.grad(sd.sum(y), [a, b])], point)
    assert np.isnan(value).all()
    np.testing.assert_array_equal([da, db], 0.0)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_second_derivatives_are_zero_at_kinks_too(name: str) -> None:
    x = sd.Graph().input("x", sd.f64[3])
    y = getattr(sd, name)(x, 1.0)
    plain = sd.hessian(sd.sum(y), x)
    squared = sd.hessian(sd.sum(y * y), x)
    found = sd.evaluate([plain, squared], {x: [0.0, 1.0, 2.0]})
    np.testing.assert_array_equal(found[0], 0.0)
    # y² has the curvature 2 y'² on each side, and 2 (1/2)² where the two share.
    expected = [0.0, 0.5, 2.0] if name == "maximum" else [2.0, 0.5, 0.0]
    np.testing.assert_array_equal(found[1], np.diag(expected))


def test_a_bound_that_was_broadcast_gets_the_sum() -> None:
    g = sd.Graph()
    x, bound = g.input("x", sd.f64["n", 3]), g.input("bound", sd.f64[3])
    gradient = sd.grad(sd.sum(sd.maximum(x, bound)), bound)
    rows = [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]
    value = sd.evaluate(gradient, {x: rows, bound: [1.0, 1.0, 1.0]})
    np.testing.assert_array_equal(value, [1.0, 1.0, 1.0])


# -- NaN as missing --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "share"), [("fmax", FIRST_LARGER), ("fmin", 1 - FIRST_LARGER)])
def test_where_nan_is_missing_the_other_operand_gets_the_gradient(
    name: str, share: np.ndarray
) -> None:
    first, second = np.array([*A, nan, 1.0, nan]), np.array([*B, 3.0, nan, nan])
    a, b = pair(sd.f64[11])
    y = getattr(sd, name)(a, b)
    assert getattr(np, name)(a, b) is y
    ones = np.ones(11)
    nodes = [y, *sd.grad(sd.sum(y), [a, b]), sd.jvp(y, a, ones), sd.jvp(y, b, ones)]
    value, da, db, along_a, along_b = sd.evaluate(nodes, {a: first, b: second})
    np.testing.assert_array_equal(value, getattr(np, name)(first, second))
    np.testing.assert_array_equal(da, [*share, 0, 1, 0])
    np.testing.assert_array_equal(db, [*(1 - share), 1, 0, 0])
    np.testing.assert_array_equal([along_a, along_b], [da, db])


def test_missing_entries_do_not_disturb_second_derivatives() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    z = sd.sum(sd.fmax(x, np.array([nan, 0.0, 5.0])) ** 3)
    hessian = sd.evaluate(sd.hessian(z, x), {x: [2.0, nan, 1.0]})
    np.testing.assert_array_equal(hessian, np.diag([12.0, 0.0, 0.0]))


def test_clip_with_crossed_bounds_gives_its_gradient_to_the_upper_one() -> None:
    g = sd.Graph()
    x, low, high = g.input("x", sd.f64[3]), g.input("low", sd.f64), g.input("high", sd.f64)
    y = x.clip(low, high)
    point = {x: [-1.0, 0.5, 3.0], low: 2.0, high: 1.0}
    value, gradients = sd.evaluate([y, sd.grad(sd.sum(y), [x, low, high])], point)
    np.testing.assert_array_equal(value, np.clip(point[x], 2.0, 1.0))
    for found, expected in zip(gradients, ([0, 0, 0], 0, 3), strict=True):
        np.testing.assert_array_equal(found, expected)


# -- masks -----------------------------------------------------------------------------------


def test_a_root_of_what_was_clipped_to_zero_has_no_nan() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    root = sd.sqrt(sd.maximum(x, 0.0))
    gradient = sd.grad(sd.sum(root), x)
    second = sd.grad(sd.sum(gradient), x)
    tangent = sd.jvp(root, x, np.ones(3))
    found = sd.evaluate([gradient, second, tangent], {x: [-1.0, 4.0, -0.5]})
    np.testing.assert_array_equal(found, [[0, 0.25, 0], [0, -1 / 32, 0], [0, 0.25, 0]])


def test_a_mask_from_outside_and_one_from_inside_become_one() -> None:
    g = sd.Graph()
    x, keep = g.input("x", sd.f64[4]), g.input("keep", sd.bool_[4])
    y = sd.where(keep, sd.log(sd.maximum(x, 0.0)), 0.0)
    gradient = sd.grad(sd.sum(sd.sqrt(y + 1.0)), x)
    assert gradient.op is sd.where
    assert sum(node.op is sd.where for node in g.ancestors(gradient)) == 3  # y, the tie, the mask
    value = sd.evaluate(gradient, {x: [1.0, -1.0, nan, 4.0], keep: [True, False, False, True]})
    np.testing.assert_allclose(value, [0.5, 0.0, 0.0, 0.125 / np.sqrt(np.log(4.0) + 1)])


# -- clip ------------------------------------------------------------------------------------

BOUNDS = (
    (0.0, 1.0),
    (None, 1.0),
    (0.0, None),
    (1.0, 0.0),
    (-inf, inf),
    (nan, 1.0),
    (0, 1),
    (np.array([0.0, 0.5, 1.0, 2.0, 3.0, 4.0]), 2.0),
)
X = np.array([-1.0, 0.0, 0.5, 1.0, 7.0, nan])


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_clip_is_numpys(low: Any, high: Any) -> None:
    x = sd.Graph().input("x", X)
    expected = np.clip(X, low, high)
    for y in (sd.clip(x, low, high), np.clip(x, low, high), sd.clip(x, max=high, min=low)):
        np.testing.assert_array_equal(sd.evaluate(y, {x: X}), expected)


def test_numpys_names_of_the_bounds_are_taken() -> None:
    x = sd.Graph().input("x", sd.f32["n"])
    y = sd.clip(x, 0, 1)
    assert np.clip(x, a_min=0, a_max=1) is y
    assert np.clip(x, min=0, max=1) is y
    assert np.clip(x, None, 1) is sd.minimum(x, 1)
    assert sd.clip(x) is x


def test_clip_shares_at_its_bounds_as_its_docstring_says() -> None:
    g = sd.Graph()
    x, low, high = g.input("x", sd.f64[5]), g.input("low", sd.f64), g.input("high", sd.f64)
    gradients = sd.grad(sd.sum(sd.clip(x, low, high)), [x, low, high])
    point = {x: [-1.0, 0.0, 0.5, 1.0, 7.0], low: 0.0, high: 1.0}
    dx, dlow, dhigh = sd.evaluate(gradients, point)
    np.testing.assert_array_equal(dx, [0.0, 0.5, 1.0, 0.5, 0.0])
    assert (dlow, dhigh) == (1.5, 1.5)


# -- types and errors ------------------------------------------------------------------------


def test_dtypes_follow_numpy_with_weak_scalars() -> None:
    g = sd.Graph()
    x, n = g.input("x", sd.f32["n"]), g.input("n", sd.i32["n"])
    assert sd.maximum(x, 0.5).type == sd.f32["n"]
    assert sd.clip(x, 0, 1).type == sd.f32["n"]
    assert sd.clip(n, 0, 9).type == sd.i32["n"]
    assert sd.minimum(n, x).type == sd.f64["n"]
    gradient = sd.grad(sd.sum(sd.clip(x, 0.0, 1.0)), x)
    assert {node.dtype for node in g.ancestors(gradient)} <= {np.dtype("f4"), np.dtype("?")}


def test_misuse_names_the_operands() -> None:
    with pytest.raises(sd.ArgumentError, match="clip: neither x nor a bound is a node"):
        sd.clip(3.0, 0.0, 1.0)
    a, b = pair(sd.f64[3])
    with pytest.raises(sd.ShapeError, match=r"maximum: shapes \(3,\) and \(2,\) do not broadcast"):
        sd.clip(a, np.zeros(2), b)
