"""Norms of every order: NumPy's values, no overflow on the way, and what holds at 0."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.ops.norms import p_norm, p_norm_part

ORDERS = (2, 1, 3, 1.5, 0.5, -1, -2.5, math.inf, -math.inf, 0)
SMOOTH = (2, 1, 3, 1.5, 0.5, -1, -2.5, math.inf, -math.inf)
SHAPES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((4,), None),
    ((1,), 0),
    ((), None),
    ((2, 3), 1),
    ((2, 3), None),
    ((2, 3, 4), (2, 0)),
)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


# -- values --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_values_and_dtypes_of_vector_norms_are_numpys(order: float) -> None:
    for (shape, axis), keepdims, dtype in product(
        SHAPES, (False, True), ("f8", "f4", "f2", "i4", "?", "c16", "c8")
    ):
        array = (normal(*shape) * 3 + 1).astype(dtype)
        if order < 0:
            array = np.where(array == 0, array.dtype.type(1), array)
        x = sd.Graph().input("x", array)
        params = {"axis": axis, "keepdims": keepdims, "ord": order}
        expected = np.asarray(np.linalg.vector_norm(array, **params))
        for function in (sd.linalg.vector_norm, np.linalg.vector_norm):
            y = function(x, **params)
            value = sd.evaluate(y, {x: array})
            assert (y.dtype, y.shape) == (expected.dtype, expected.shape), (dtype, params)
            eps = np.finfo(expected.dtype).eps
            np.testing.assert_allclose(value, expected, rtol=16 * eps)


@pytest.mark.parametrize("order", [None, "fro", 1, -1, math.inf, -math.inf])
def test_matrix_norms_are_numpys(order: Any) -> None:
    array = normal(2, 3, 4)
    x = sd.Graph().input("x", array)
    for keepdims in (False, True):
        for axis in ((-2, -1), (0, 2), (2, 0)):
            expected = np.linalg.norm(array, order, axis, keepdims)
            value = sd.evaluate(np.linalg.norm(x, order, axis, keepdims), {x: array})
            np.testing.assert_allclose(value, expected, rtol=1e-15, strict=True)
        given = {} if order is None else {"ord": order}
        for function in (sd.linalg.matrix_norm, np.linalg.matrix_norm):
            value = sd.evaluate(function(x, keepdims=keepdims, **given), {x: array})
            expected = np.linalg.matrix_norm(array, keepdims=keepdims, **given)
            np.testing.assert_allclose(value, expected, rtol=1e-15, strict=True)


@pytest.mark.parametrize(
    ("shape", "args"),
    [
        ((2, 3, 4), ()),
        ((2, 3), ("fro",)),
        ((2, 3), (1,)),
        ((3,), (3,)),
        ((3,), (0,)),
        ((), ()),
        ((2, 3), (None, 0)),
        ((2, 3), (4, -1)),
    ],
)
def test_numpys_norm_takes_vectors_matrices_and_all_entries(
    shape: tuple[int, ...], args: tuple[Any, ...]
) -> None:
    array = normal(*shape)
    x = sd.Graph().input("x", array)
    for keepdims in (False, True):
        expected = np.asarray(np.linalg.norm(array, *args, keepdims=keepdims))
        value = sd.evaluate(np.linalg.norm(x, *args, keepdims=keepdims), {x: array})
        np.testing.assert_allclose(value, expected, rtol=1e-15, strict=True)


def test_the_norm_of_no_entries_is_0() -> None:
    x = sd.Graph().input("x", sd.f64[0, 2])
    for order in (2, 3, 1, 0, math.inf):
        value = sd.evaluate(sd.linalg.vector_norm(x, axis=0, ord=order), {x: np.ones((0, 2))})
        np.testing.assert_array_equal(value, [0.0, 0.0])
    n = sd.Graph().input("n", sd.f64["n"])
    gradient = sd.grad(sd.linalg.vector_norm(n), n)
    assert sd.evaluate(gradient, {n: np.ones(0)}).shape == (0,)


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e306, 1e-306])
@pytest.mark.parametrize("order", [2, 3, 1.5, -1, math.inf, 1])
def test_neither_value_nor_derivatives_overflow_or_underflow_on_the_way(
    order: float, scale: float
) -> None:
    array = np.array([3.0, -4.0, 1.0])
    x = sd.Graph().input("x", sd.f64["n"])
    y = sd.linalg.vector_norm(x, ord=order)
    outputs = [y, sd.grad(y, x), sd.hessian(y, x)]
    plain, large = sd.evaluate(outputs, {x: array}), sd.evaluate(outputs, {x: array * scale})
    np.testing.assert_allclose(large[0], plain[0] * scale, rtol=1e-14)
    np.testing.assert_allclose(large[1], plain[1], rtol=1e-14)
    np.testing.assert_allclose(large[2], plain[2] / scale, rtol=1e-13, atol=1e-14 / scale)


@pytest.mark.parametrize(
    ("dtype", "other"),
    list(product([np.float64], [2.0, 1e-200, 1e200]))
    + list(product([np.float32], [2.0, 1e-30, 1e30])),
)
def test_rows_of_zeros_have_norm_and_derivative_0_beside_any_other(
    dtype: Any, other: float
) -> None:
    array = np.array([[0.0, 0.0], [3.0, -4.0], [0.0, other]], dtype)
    x = sd.Graph().input("x", array)
    y = sd.linalg.vector_norm(x, axis=1)
    gradient = sd.grad(sd.sum(y), x)
    length, first, second = sd.evaluate([y, gradient, sd.grad(sd.sum(gradient), x)], {x: array})
    np.testing.assert_array_equal(length, array.max(axis=1) / [1, 0.6, 1])
    np.testing.assert_allclose(first, [[0, 0], [0.6, -0.8], [0, 1]], rtol=1e-6)
    np.testing.assert_array_equal(second[0], 0)
    assert length.dtype == first.dtype == second.dtype == dtype


def test_single_precision_stays_so_and_does_not_overflow() -> None:
    array = np.array([3e30, 4e30], np.float32)
    x = sd.Graph().input("x", array)
    y = sd.linalg.vector_norm(x)
    value, gradient = sd.evaluate([y, sd.grad(y, x)], {x: array})
    assert value.dtype == gradient.dtype == np.float32
    np.testing.assert_allclose(value, 5e30, rtol=1e-6)
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-6)


# -- derivatives ---------------------------------------------------------------------------


@pytest.mark.parametrize("order", SMOOTH)
def test_derivatives_of_vector_norms_hold_to_third_order(order: float) -> None:
    for shape, axis in (((4,), None), ((3, 2), 0)):
        array = normal(*shape) + 0.1
        sd.testing.check_grad(
            lambda x, axis=axis: sd.linalg.vector_norm(x, axis=axis, ord=order), array, order=3
        )


@pytest.mark.parametrize("order", ["fro", 1, -1, math.inf, -math.inf])
def test_derivatives_of_matrix_norms_hold(order: Any) -> None:
    sd.testing.check_grad(lambda x: sd.linalg.matrix_norm(x, ord=order) ** 2, normal(2, 3, 2))


@pytest.mark.parametrize("order", SMOOTH)
def test_all_derivatives_are_0_where_the_norm_is(order: float) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    y = sd.linalg.vector_norm(x, axis=1, ord=order)
    array = np.array([[0.0, -0.0, 0.0], [1.0, 2.0, -2.0]])
    gradient = sd.grad(sd.sum(y), x)
    outputs = [y, gradient, sd.hvp(sd.sum(y), x, array + 1), sd.jvp(y, x, array + 1)]
    for found in sd.evaluate(outputs, {x: array}):
        assert np.all(np.isfinite(found))
        np.testing.assert_array_equal(found[0], 0.0)
    third = sd.jacobian(sd.hessian(sd.sum(y), x), x)
    assert np.all(np.isfinite(sd.evaluate(third, {x: array})))


@pytest.mark.parametrize("order", [3, 2, 1.5, 1, 0.5, -1])
def test_an_entry_of_0_among_others_makes_no_nan(order: float) -> None:
    x = sd.Graph().input("x", sd.f64[3])
    y = sd.linalg.vector_norm(x, ord=order)
    gradient, hessian = sd.evaluate([sd.grad(y, x), sd.hessian(y, x)], {x: [3.0, 0.0, 4.0]})
    assert gradient[1] == 0
    assert np.all(np.isfinite(gradient))
    assert np.all(np.isfinite(hessian))


@pytest.mark.parametrize("order", [2, 3, 1.5, 0.5])
def test_infinite_entries_share_the_derivative_of_an_infinite_norm(order: float) -> None:
    x = sd.Graph().input("x", sd.f64[4])
    y = sd.linalg.vector_norm(x, ord=order)
    outputs = [y, sd.grad(y, x), sd.hessian(y, x)]
    value, gradient, hessian = sd.evaluate(outputs, {x: [math.inf, 5.0, 0.0, -math.inf]})
    assert value == math.inf
    share = 2 ** (1 / order - 1)
    np.testing.assert_allclose(gradient, [share, 0, 0, -share], rtol=1e-15)
    np.testing.assert_array_equal(hessian, np.zeros((4, 4)))


def test_the_largest_entries_share_the_derivative_of_the_infinity_norm() -> None:
    x = sd.Graph().input("x", sd.f64[4])
    y = sd.linalg.vector_norm(x, ord=math.inf)
    gradient = sd.evaluate(sd.grad(y, x), {x: [2.0, -2.0, 1.0, 0.0]})
    np.testing.assert_array_equal(gradient, [0.5, -0.5, 0.0, 0.0])


@pytest.mark.parametrize("order", [2, 3, 1, math.inf])
def test_a_norm_in_a_branch_not_taken_has_no_gradient(order: float) -> None:
    g = sd.Graph()
    x, flag = g.input("x", sd.f64[3]), g.input("flag", sd.bool_)
    z = sd.where(flag, sd.linalg.vector_norm(sd.sqrt(x), ord=order), 0.0)
    for _ in range(2):
        gradient = sd.grad(z, x)
        found = sd.evaluate(gradient, {x: [0.0, 1.0, -1.0], flag: False})
        np.testing.assert_array_equal(found, np.zeros(3))
        z = sd.sum(gradient)


def test_the_gradient_of_the_norm_is_one_product() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    y = sd.linalg.vector_norm(x)
    assert sd.grad(y, x).op is p_norm_part
    g = sd.grad(sd.linalg.vector_norm(3.0 * x), x)
    assert len(x.graph.ancestors(g)) == 5


def test_a_norm_of_a_named_size_is_compiled_once_for_all() -> None:
    x = sd.Graph().input("x", sd.f64["n", "m"])
    y = sd.linalg.vector_norm(x, axis=1)
    assert y.type == sd.f64["n"]
    f = sd.compile([x], [y, sd.grad(sd.sum(y), x)])
    for shape in ((2, 3), (4, 1), (0, 2), (2, 0)):
        value, gradient = f(np.ones(shape))
        np.testing.assert_allclose(value, np.full(shape[0], shape[1] ** 0.5))
        assert gradient.shape == shape


# -- misuse --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sd.linalg.vector_norm(x, ord="fro"), "order of a vector norm is a number"),
        (lambda x: sd.linalg.vector_norm(x, ord=math.nan), "is a number, inf or -inf, not nan"),
        (lambda x: sd.linalg.vector_norm(x, axis=2), "vector_norm: axis 2 is out of bounds"),
        (lambda x: sd.linalg.matrix_norm(x, ord=2), "singular values, which no operation gives"),
        (lambda x: sd.linalg.matrix_norm(x, ord="nuc"), "'nuc' needs singular values"),
        (lambda x: sd.linalg.matrix_norm(x, ord=3), "3 is not the order of a matrix norm"),
        (lambda x: sd.linalg.matrix_norm(x[0]), "a matrix has two axes"),
        (lambda x: np.linalg.norm(x, 2), "np.linalg.norm: the norm of order 2 needs singular"),
        (lambda x: np.linalg.norm(x, axis=(0, -2)), "names an axis twice"),
        (lambda x: np.linalg.norm(x[None], 3), "of one or two axes, not of 3"),
        (lambda x: p_norm(x, ord=0), "order 0.0 is no power"),
        (lambda x: sd.linalg.vector_norm(x[:, :0], axis=1, ord=-math.inf), "has no entries"),
    ],
)
def test_misuse_is_named_with_the_operand(call: Any, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    with pytest.raises(sd.SymdiffError, match=rf"{message}(.|\n)*f64\["):
        call(x)


# -- cross ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "axis"),
    [((3,), (3,), -1), ((4, 3), (3,), -1), ((3, 4), (3, 4), 0), ((2, 1, 3), (4, 3), -1)],
)
def test_the_cross_product_is_numpys(
    first: tuple[int, ...], second: tuple[int, ...], axis: int
) -> None:
    a, b = normal(*first), normal(*second) + 1
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    expected = np.linalg.cross(a, b, axis=axis)
    for product_ in (
        sd.linalg.cross(x, y, axis=axis),
        np.linalg.cross(x, y, axis=axis),
        np.cross(x, y, axis=axis),
    ):
        np.testing.assert_allclose(sd.evaluate(product_, {x: a, y: b}), expected, strict=True)
    sd.testing.check_grad(lambda x, y: sd.linalg.cross(x, y, axis=axis), a, b)


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@pytest.mark.parametrize("shapes", [((2,), (2,)), ((2,), (4, 3)), ((4, 3), (2,)), ((5, 2), (2,))])
def test_vectors_of_two_entries_lie_in_the_plane(shapes: tuple[tuple[int, ...], ...]) -> None:
    a, b = normal(*shapes[0]), normal(*shapes[1]) + 1
    x = sd.Graph().input("x", a)
    expected = np.cross(a, b)
    np.testing.assert_allclose(sd.evaluate(np.cross(x, b), {x: a}), expected, strict=True)


def test_operands_of_a_cross_product_that_do_not_fit_are_named() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64[4, 3]), g.input("y", sd.f64[4, 2])
    with pytest.raises(sd.ShapeError, match=r"of 3 entries are needed, and x2 is f64\[4,2\]"):
        sd.linalg.cross(x, y)
    with pytest.raises(sd.ShapeError, match="do not broadcast"):
        sd.linalg.cross(x, x[:3])
    with pytest.raises(sd.DTypeError, match="truth values"):
        sd.linalg.cross(x > 0, x > 1)
    with pytest.raises(sd.ArgumentError, match="none of the operands is a node"):
        sd.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
