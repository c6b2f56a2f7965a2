"""Picking along an axis: NumPy's values, gradients that add up, batching, sizes and errors."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.autodiff.batch import batch_nodes
from symdiff.ops.along import add_along_axis, within

RNG = np.random.default_rng(0)

SHAPES = [
    ((2, 3), (2, 5), 1),
    ((2, 3), (4, 3), 0),
    ((4,), (7,), -1),
    ((3, 1), (2, 4), 0),
    ((1, 4), (3, 2), 1),
    ((2, 3, 4), (2, 1, 4), 1),
    ((2, 3, 4), (1, 5, 1), -2),
    ((0, 3), (0, 2), 1),
    ((3,), (0,), 0),
]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "bool", "complex128"])
@pytest.mark.parametrize("indices_dtype", ["int64", "int8", "uint16"])
@pytest.mark.parametrize(("shape", "indices_shape", "axis"), SHAPES)
def test_values_are_numpys(
    dtype: str, indices_dtype: str, shape: Any, indices_shape: Any, axis: int
) -> None:
    x = (10 * RNG.normal(size=shape)).astype(dtype)
    low = -shape[axis] if indices_dtype != "uint16" else 0
    indices = RNG.integers(low, shape[axis], indices_shape).astype(indices_dtype)
    g = sd.Graph()
    a, i = g.input("a", x), g.input("i", indices)
    y = sd.take_along_axis(a, i, axis=axis)
    expected = np.take_along_axis(x, indices, axis)
    assert y.type == sd.TensorType(expected.dtype, expected.shape)
    for node in (y, np.take_along_axis(a, i, axis), sd.take_along_axis(a, indices, axis=axis)):
        np.testing.assert_array_equal(sd.evaluate(node, {a: x, i: indices}), expected)


def test_without_an_axis_numpy_picks_from_the_flat_array() -> None:
    x, indices = RNG.normal(size=(2, 3)), np.array([5, 0, -1, 5])
    a = sd.Graph().input("a", x)
    found = sd.evaluate(np.take_along_axis(a, indices, None), {a: x})
    np.testing.assert_array_equal(found, np.take_along_axis(x, indices, None))


def test_an_array_may_be_picked_from_by_a_node() -> None:
    x = RNG.normal(size=(3, 4))
    i = sd.Graph().input("i", sd.i64[3, 1])
    found = sd.evaluate(sd.take_along_axis(x, i), {i: [[0], [3], [-1]]})
    np.testing.assert_array_equal(found, [[x[0, 0]], [x[1, 3]], [x[2, 3]]])


# -- gradients -------------------------------------------------------------------------------


def test_the_gradient_adds_up_where_places_repeat() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    y = sd.take_along_axis(x, [1, 1, -2, 0])
    weights = np.array([1.0, 10.0, 100.0, 1000.0])
    found = sd.evaluate(sd.grad(sd.sum(weights * y), x), {x: [0.0, 0.0, 0.0]})
    np.testing.assert_array_equal(found, [1000.0, 111.0, 0.0])


@pytest.mark.parametrize(("shape", "indices_shape", "axis"), SHAPES)
def test_adding_along_an_axis_is_numpys_add_at(shape: Any, indices_shape: Any, axis: int) -> None:
    indices = RNG.integers(-shape[axis], shape[axis], indices_shape)
    x = RNG.normal(size=shape)
    a = sd.Graph().input("a", x)
    y = sd.take_along_axis(a, indices, axis=axis)
    seed = RNG.normal(size=y.shape)
    found = sd.evaluate(sd.vjp(y, a, seed), {a: x})
    rows = [np.arange(n).reshape((-1, *[1] * (len(shape) - k - 1))) for k, n in enumerate(shape)]
    rows[axis] = indices
    expected = np.zeros(shape)
    np.add.at(expected, tuple(rows), seed)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "complex64", "bool"])
def test_sums_at_repeated_places_keep_the_dtype(dtype: str) -> None:
    values, indices = np.array([1, 1, 0, 1]).astype(dtype), np.array([2, 2, 0, 1])
    g = sd.Graph()
    v = g.input("v", values)
    found = sd.evaluate(add_along_axis(v, indices, shape=(4,), axis=0), {v: values})
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array([0, 1, 2, 0]).astype(dtype))


def test_an_entry_of_which_nothing_counts_has_the_gradient_zero() -> None:
    """The derivative of sqrt at 0 is infinite; it must not meet the masked 0."""
    g = sd.Graph()
    x, m = g.input("x", sd.f64[3]), g.input("m", sd.bool_[4])
    y = sd.take_along_axis(sd.sqrt(x), [0, 1, 0, 2])
    z = sd.sum(sd.where(m, y, 0.0))
    first = sd.grad(z, x)
    second = sd.grad(sd.sum(first), x)
    point = {x: [0.0, 4.0, 1.0], m: [False, True, False, True]}
    a, b = sd.evaluate([first, second], point)
    np.testing.assert_allclose(a, [0.0, 0.25, 0.5])
    np.testing.assert_allclose(b, [0.0, -1 / 32, -1 / 4])


def test_an_entry_of_which_one_part_counts_gets_that_part() -> None:
    g = sd.Graph()
    x, m = g.input("x", sd.f64[2]), g.input("m", sd.bool_[4])
    z = sd.sum(sd.where(m, sd.take_along_axis(x, [0, 1, 0, 1]) * [1.0, 2.0, 4.0, 8.0], 0.0))
    found = sd.evaluate(sd.grad(z, x), {x: [1.0, 1.0], m: [True, False, False, True]})
    np.testing.assert_array_equal(found, [1.0, 8.0])


def test_derivatives_of_every_order_by_what_is_picked() -> None:
    indices = np.array([[0, 2, 2], [1, 1, 0]])
    sd.testing.check_grad(
        lambda x: sd.sum(sd.sin(sd.take_along_axis(x, indices, axis=1)) ** 2),
        RNG.normal(size=(2, 3)),
        order=3,
    )


# -- batching and sizes ----------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "indices_shape", "axis"), SHAPES[:7])
def test_batched_over_either_or_both(shape: Any, indices_shape: Any, axis: int) -> None:
    xs = RNG.normal(size=(3, *shape))
    places = RNG.integers(-shape[axis], shape[axis], (3, *indices_shape))
    for over_x, over_i in product((True, False), repeat=2):
        if not over_x and not over_i:
            continue
        g = sd.Graph()
        x, i = g.input("x", xs[0]), g.input("i", places[0])
        many_x, many_i = g.input("xs", xs), g.input("places", places)
        y = sd.take_along_axis(x, i, axis=axis)
        back = sd.grad(sd.sum(y * y), x)
        batched = ({x: many_x} if over_x else {}) | ({i: many_i} if over_i else {})
        nodes, _ = batch_nodes(g, [y, back], batched)
        point = {x: xs[0], i: places[0], many_x: xs, many_i: places}
        found = sd.evaluate(nodes, point)
        for k in range(3):
            row = {x: xs[k] if over_x else xs[0], i: places[k] if over_i else places[0]}
            for whole, expected in zip(found, sd.evaluate([y, back], row), strict=True):
                np.testing.assert_allclose(whole[k], expected, rtol=1e-14)


def test_named_sizes_stay_and_meet() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64["n", "m"]), g.input("i", sd.i64["n", "k"])
    y = sd.take_along_axis(x, i, axis=1)
    assert y.type == sd.f64["n", "k"]
    gradient = sd.grad(sd.sum(y), x)
    assert gradient.type == x.type
    f = sd.compile([x, i], [y, gradient])
    for n, m, k in ((2, 3, 4), (1, 1, 0), (0, 2, 2)):
        array, places = RNG.normal(size=(n, m)), RNG.integers(0, m, (n, k))
        value, slope = f(array, places)
        np.testing.assert_array_equal(value, np.take_along_axis(array, places, 1))
        np.testing.assert_array_equal(slope.sum(axis=1), np.full(n, k))


def test_a_jacobian_through_picked_entries() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    found = sd.evaluate(sd.jacobian(sd.take_along_axis(x, [2, 0, 2]), x), {x: [1.0, 2.0, 3.0]})
    np.testing.assert_array_equal(found, np.eye(3)[[2, 0, 2]])


# -- errors ----------------------------------------------------------------------------------


def test_misuse_is_refused_when_the_node_is_made() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[2, 3]), g.input("i", sd.i64[2, 1])
    with pytest.raises(sd.ShapeError, match=r"indices have 1 axes and x has 2.*\n.*x : f64"):
        sd.take_along_axis(x, g.input("j", sd.i64[2]))
    with pytest.raises(sd.DTypeError, match="indices must be integers"):
        sd.take_along_axis(x, x)
    with pytest.raises(sd.ShapeError, match=r"beside axis 1, the shapes .* do not broadcast"):
        sd.take_along_axis(x, g.input("k", sd.i64[3, 1]))
    with pytest.raises(sd.ShapeError, match="axis 2 is out of bounds"):
        sd.take_along_axis(x, i, axis=2)
    with pytest.raises(sd.ShapeError, match=r"index 3 is out of bounds for axis 1 of size 3\n"):
        sd.take_along_axis(x, [[3], [0]])
    with pytest.raises(sd.ShapeError, match="index -3 is out of bounds for axis 0 of size 2"):
        np.take_along_axis(x, np.array([[-3, 0, 0]]), 0)
    with pytest.raises(sd.ArgumentError, match="none of the operands is a node"):
        sd.take_along_axis(np.ones(3), [0])
    with pytest.raises(sd.ArgumentError, match=r"nodes never change; x\.at\[key\]\.set"):
        np.put_along_axis(x, i, 0.0, 1)


def test_a_place_out_of_bounds_at_the_call_names_the_line() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[2, "n"]), g.input("i", sd.i64[2, 1])
    y = sd.take_along_axis(x, i)
    gradient = sd.grad(sd.sum(y), x)
    for output in (y, gradient):
        f = sd.compile([x, i], output)
        for bad in (3, -4):
            with pytest.raises(
                sd.EvaluationError, match=rf"index {bad} is out of bounds .*\n.*test_along\.py:"
            ):
                f(np.ones((2, 3)), [[0], [bad]])


def test_entries_within_bounds_pass_with_their_gradient_and_others_are_named() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    y = within(x, low=0.0, high=1.0, what="share")
    found = sd.evaluate([y, sd.grad(sd.sum(y * y), x)], {x: [0.0, 1.0]})
    np.testing.assert_array_equal(found, [[0.0, 1.0], [0.0, 2.0]])
    for bad in (-0.5, 1.5, np.nan):
        with pytest.raises(sd.EvaluationError, match=rf"share {bad} is not in 0.0 … 1.0"):
            sd.evaluate(y, {x: [0.5, bad]})


def test_a_checked_argument_is_not_handed_back_itself() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    array = np.array([0.25, 0.5])
    found = sd.compile([x], within(x, low=0.0, high=1.0))(array)
    assert not np.shares_memory(found, array)
