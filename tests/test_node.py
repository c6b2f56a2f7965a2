"""Nodes stand for arrays: Python's protocols, NumPy's operators and functions, weak scalars."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
W = np.array([0.5, -1.0, 2.0])
P = np.array([3, 5, 6])

BINARY = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
]


@pytest.fixture
def g() -> sd.Graph:
    return sd.Graph("g")


@pytest.fixture
def w(g: sd.Graph) -> sd.Node:
    return g.input("w", sd.f64[3])


@pytest.fixture
def x(g: sd.Graph) -> sd.Node:
    return g.input("x", sd.f64[2, 3])


def assert_value(node: Any, expected: Any, given: dict[Any, Any]) -> None:
    """Value, shape and dtype are NumPy's, and the node's type said so beforehand."""
    assert isinstance(node, sd.Node)
    expected = np.asarray(expected)
    actual = sd.evaluate(node, given)
    assert (node.shape, node.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(actual, expected, strict=True)


# -- Python's protocols --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["op", "inputs", "params", "type", "index", "graph", "shape"])
def test_a_node_is_frozen(w: sd.Node, name: str) -> None:
    before = getattr(w, name)
    with pytest.raises(AttributeError, match="frozen"):
        setattr(w, name, None)
    with pytest.raises(AttributeError, match="frozen"):
        delattr(w, name)
    assert getattr(w, name) is before or getattr(w, name) == before


def test_a_node_takes_no_new_attributes(w: sd.Node) -> None:
    with pytest.raises(AttributeError, match="frozen; cannot set 'label'"):
        w.label = "weights"


def test_the_params_of_a_node_are_read_only(w: sd.Node) -> None:
    for node in (w, sd.sum(w), sd.sin(w)):
        with pytest.raises(TypeError, match="does not support item assignment"):
            node.params["axis"] = (1,)  # type: ignore[index]


def test_nodes_hash_and_key_by_identity(g: sd.Graph, w: sd.Node) -> None:
    twin = sd.Graph("g").input("w", sd.f64[3])
    assert {w: 1, twin: 2}[w] == 1
    assert len({w, sd.sin(w), sd.sin(w)}) == 2
    assert w in [w]


def test_equality_and_order_are_elementwise(w: sd.Node) -> None:
    assert_value(w == 2.0, W == 2.0, {w: W})
    assert_value(w != W, W != W, {w: W})
    assert_value(w < 0, W < 0, {w: W})
    assert_value(operator.ge(0.5, w), W <= 0.5, {w: W})
    assert_value(operator.gt(W, w), W > W, {w: W})


def test_a_node_equals_nothing_that_is_no_array(w: sd.Node) -> None:
    assert (w == None) is False  # noqa: E711 - the comparison is the point
    assert (w != "w") is True


def test_a_condition_names_where(w: sd.Node) -> None:
    for use in (bool, lambda n: n and 1, lambda n: 1 if n else 2, lambda n: not n):
        with pytest.raises(sd.NoValueError, match=r"sd\.where"):
            use(w > 0)
    with pytest.raises(sd.NoValueError, match=r"sd\.where"):
        _ = 0 < w < 1


@pytest.mark.parametrize("use", [float, int, complex, operator.index, range, np.float64])
def test_a_number_is_not_to_be_had_from_a_node(w: sd.Node, use: Callable[[Any], Any]) -> None:
    with pytest.raises(sd.NoValueError, match=r"w : f64\[3\] \(test_node.py:\d+\) is symbolic"):
        use(w)


@pytest.mark.parametrize("use", [np.array, np.asarray, np.ascontiguousarray])
def test_arrays_of_nodes_name_the_ways_out(w: sd.Node, use: Callable[[Any], Any]) -> None:
    with pytest.raises(sd.NoValueError, match=r"sd\.evaluate.*sd\.stack.*node\.at"):
        use([w, w])


def test_membership_is_refused_with_a_way_out(w: sd.Node) -> None:
    with pytest.raises(sd.NoValueError, match="compare elementwise and reduce"):
        2.0 in w


def test_length_and_unpacking_follow_the_first_axis(x: sd.Node) -> None:
    assert len(x) == 2
    first, second = x
    assert_value(second, A[1], {x: A})
    (a, b, c), _ = x
    assert_value(a + c, A[0, 0] + A[0, 2], {x: A})
    assert_value(b, A[0, 1], {x: A})
    assert first is x[0]
    with pytest.raises(ValueError, match="not enough values to unpack"):
        a, b, c = x


def test_a_named_axis_has_no_length_but_a_size(g: sd.Graph) -> None:
    y = g.input("y", sd.f64["n", 3])
    for use in (len, list, iter, tuple):
        with pytest.raises(sd.NoValueError, match="the first axis has the size n"):
            use(y)
    assert y.shape == (sd.Size("n"), 3)
    assert y.size == 3 * sd.Size("n")
    assert (y.ndim, y.dtype) == (2, np.dtype("f8"))


def test_a_node_with_several_results_is_unpacked(w: sd.Node) -> None:
    quotient, rest = divmod(w, 0.75)
    assert_value(quotient, W // 0.75, {w: W})
    assert_value(rest, W % 0.75, {w: W})
    both = quotient.inputs[0]
    assert both is rest.inputs[0]
    assert len(both) == 2
    assert both[-1] is rest
    assert [*both] == [quotient, rest]
    with pytest.raises(sd.DTypeError, match="unpack it first"):
        both * 2.0
    with pytest.raises(sd.ArgumentError, match="result 2 of 2"):
        both[2]


def test_repr_is_the_nodes_line_and_str_its_text(w: sd.Node) -> None:
    y = sd.sum(sd.sin(w))
    assert repr(y) == "%1 : f64[] = sum %0 axis=(0,)"
    assert repr(w) == "w : f64[3]"
    assert str(y) == sd.text(y)


def test_name_order_and_origin_are_read_off_the_node(w: sd.Node) -> None:
    y = sd.sum(w * w)
    d = sd.grad(y, w)
    assert (w.name, y.name) == ("w", None)
    assert (w.order, y.order, d.order) == (0, 0, 1)
    assert y.origin.function == "test_name_order_and_origin_are_read_off_the_node"
    assert y.origin.file == __file__
    assert y.origin.line + 1 == d.origin.line


# -- operators -----------------------------------------------------------------------------


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", [A, P, [1.0, 2.0, 4.0], (2.0, 1.0, 3.0), 2, 1.5, np.float64(3)])
def test_operators_take_arrays_numbers_and_lists_on_either_side(
    w: sd.Node, function: Callable[[Any, Any], Any], other: Any
) -> None:
    value = np.abs(W)
    array = other if np.isscalar(other) else np.asarray(other)
    assert_value(function(w, other), function(value, array), {w: value})
    assert_value(function(other, w), function(array, value), {w: value})


def test_matmul_takes_arrays_and_lists_on_either_side(w: sd.Node, x: sd.Node) -> None:
    assert_value(A @ w, A @ W, {w: W})
    assert_value(A.tolist() @ w, A @ W, {w: W})
    assert_value(x @ W, A @ W, {x: A})
    assert_value(W @ x.T, W @ A.T, {x: A})
    assert_value(x @ w, A @ W, {x: A, w: W})
    assert_value(w @ W, W @ W, {w: W})


def test_unary_operators(w: sd.Node) -> None:
    assert_value(-w, -W, {w: W})
    assert_value(abs(w), np.abs(W), {w: W})
    assert +w is w


def test_bitwise_operators_on_booleans_and_integers(g: sd.Graph) -> None:
    b, i = g.input("b", sd.bool_[2]), g.input("i", sd.i64[2])
    B, I = np.array([True, False]), np.array([6, 3])
    given = {b: B, i: I}
    assert_value(b & True, B & True, given)
    assert_value(False | b, B | False, given)
    assert_value(B ^ b, B ^ B, given)
    assert_value(~b, ~B, given)
    assert_value(i & 5, I & 5, given)
    assert_value(5 | i, 5 | I, given)
    assert_value(~i, ~I, given)


def test_an_augmented_assignment_makes_a_new_node(w: sd.Node) -> None:
    y = w
    y += 1.0
    y *= A
    assert_value(y, (W + 1.0) * A, {w: W})
    assert repr(w) == "w : f64[3]"


def test_an_array_cannot_be_updated_in_place_with_a_node(w: sd.Node) -> None:
    target = W.copy()
    with pytest.raises(sd.ArgumentError, match="out="):
        target += w
    np.testing.assert_array_equal(target, W)


def test_array_methods(x: sd.Node) -> None:
    given = {x: A}
    assert_value(x.T, A.T, given)
    assert_value(x.mT, A.mT, given)
    assert_value(x.transpose(1, 0), A.transpose(1, 0), given)
    assert_value(x.transpose((1, 0)), A.transpose((1, 0)), given)
    assert_value(x.transpose(), A.transpose(), given)
    assert_value(x.reshape(3, 2), A.reshape(3, 2), given)
    assert_value(x.reshape((3, -1)), A.reshape((3, -1)), given)
    assert_value(x.ravel(), A.ravel(), given)
    assert_value(x.flatten(), A.flatten(), given)
    assert_value(x.astype("f4"), A.astype("f4"), given)
    assert_value(x.sum(), A.sum(), given)
    assert_value(x.sum(0), A.sum(0), given)
    assert_value(x.sum(axis=-1, keepdims=True), A.sum(axis=-1, keepdims=True), given)
    assert_value(x.dot(W), A.dot(W), given)
    assert_value(x.dot(2.0), A.dot(2.0), given)


# -- NumPy's functions ---------------------------------------------------------------------

FUNCTIONS: list[Callable[[Any, Any], Any]] = [
    lambda x, w: np.sin(x),
    lambda x, w: np.add(x, 1.0),
    lambda x, w: np.multiply(A, w),
    lambda x, w: np.greater(x, w),
    lambda x, w: np.divmod(x, 2.0)[1],
    lambda x, w: np.matmul(x, w),
    lambda x, w: np.dot(x, w),
    lambda x, w: np.dot(W, w),
    lambda x, w: np.dot(2.0, w),
    lambda x, w: np.dot(x, 2.0),
    lambda x, w: np.sum(x),
    lambda x, w: np.sum(x, 0),
    lambda x, w: np.sum(x, axis=(0, 1), keepdims=True),
    lambda x, w: np.add.reduce(x),
    lambda x, w: np.add.reduce(x, axis=1, keepdims=True),
    lambda x, w: np.add.reduce(x, axis=None),
    lambda x, w: np.where(x > 2.0, x, 0.0),
    lambda x, w: np.where([True, False, True], w, -w),
    lambda x, w: np.transpose(x),
    lambda x, w: np.transpose(x, (1, 0)),
    lambda x, w: np.permute_dims(x, (1, 0)),
    lambda x, w: np.matrix_transpose(x),
    lambda x, w: np.reshape(x, (3, 2)),
    lambda x, w: np.ravel(x),
    lambda x, w: np.broadcast_to(w, (4, 3)),
    lambda x, w: np.absolute(w),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_numpy_functions_on_nodes_give_nodes_with_numpys_result(
    x: sd.Node, w: sd.Node, function: Callable[[Any, Any], Any]
) -> None:
    assert_value(function(x, w), function(A, W), {x: A, w: W})


def test_numpy_reads_shape_and_rank_off_a_node(x: sd.Node) -> None:
    assert np.shape(x) == (2, 3)
    assert np.ndim(x) == 2


def test_dtype_of_a_ufunc_is_the_dtype_it_computes_in(g: sd.Graph) -> None:
    k = g.input("k", sd.f32[2])
    K = np.array([1.1, 2.2], np.float32)
    assert_value(np.add(k, 1, dtype=np.float64), np.add(K, 1, dtype=np.float64), {k: K})
    assert_value(np.sin(k, dtype="f8"), np.sin(K, dtype="f8"), {k: K})
    assert_value(np.sum(k, dtype=np.float64), np.sum(K, dtype=np.float64), {k: K})


def test_out_is_refused_and_what_it_held_is_kept(w: sd.Node) -> None:
    out = np.zeros(3)
    for call in (
        lambda: np.sin(w, out=out),
        lambda: np.add(A[0], w, out),
        lambda: np.sum(w, out=out),
    ):
        with pytest.raises(sd.ArgumentError, match="out= has no meaning"):
            call()
    assert not out.any()


# -- weak scalars (NEP 50) -----------------------------------------------------------------

DTYPES = [sd.bool_, sd.i8, sd.u8, sd.i32, sd.i64, sd.f16, sd.f32, sd.f64, sd.c64, sd.c128]


@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
@pytest.mark.parametrize("scalar", [True, 2, 2.5, 1j], ids=repr)
def test_a_python_number_is_weak_whichever_side_it_stands_on(
    g: sd.Graph, dtype: Any, scalar: Any
) -> None:
    x = g.input("x", dtype[2])
    X = np.array([1, 0], dtype.dtype)
    assert_value(x * scalar, X * scalar, {x: X})
    assert_value(scalar + x, scalar + X, {x: X})


@pytest.mark.parametrize("scalar", [np.float32(2), np.float64(2), np.int64(2), np.array(2.5)])
@pytest.mark.parametrize("dtype", [sd.i32, sd.f32, sd.f64], ids=repr)
def test_a_numpy_scalar_is_not_weak(g: sd.Graph, dtype: Any, scalar: Any) -> None:
    x = g.input("x", dtype[2])
    X = np.array([1, 3], dtype.dtype)
    assert_value(x * scalar, X * scalar, {x: X})
    assert_value(scalar * x, scalar * X, {x: X})


@pytest.mark.parametrize("number", [300, -1])
def test_an_int_that_does_not_fit_raises_where_numpy_does(g: sd.Graph, number: int) -> None:
    u = g.input("u", sd.u8[2])
    with pytest.raises(OverflowError):
        np.zeros(2, np.uint8) + number
    with pytest.raises(sd.DTypeError, match=f"{number} does not fit uint8"):
        u + number


def test_weakness_ends_with_the_operation(g: sd.Graph) -> None:
    k = g.input("k", sd.f32[2])
    s = g.constant(2.0)
    assert (k * 2.0 * 3.0).dtype == np.float32
    assert (k * s).dtype == np.float64


def test_a_size_is_a_weak_integer(g: sd.Graph) -> None:
    y, k = g.input("y", sd.f64["n"]), g.input("k", sd.f32[2])
    n = y.shape[0]
    K = np.array([1.0, 2.0], np.float32)
    assert_value(sd.sum(y) / n, np.float64(2.0), {y: [1.0, 2.0, 3.0]})
    assert_value(n * k, 3 * K, {y: np.ones(3), k: K})
    assert_value(k / (2 * n + 1), K / 7, {y: np.ones(3), k: K})
    assert_value(k - n // 2, K - 1, {y: np.ones(3), k: K})


def test_a_size_too_large_for_the_dtype_is_found_at_the_call(g: sd.Graph) -> None:
    y, u = g.input("y", sd.f64["n"]), g.input("u", sd.u8[2])
    product = u * y.shape[0]
    U = np.array([2, 1], np.uint8)
    assert_value(product, U * 100, {u: U, y: np.ones(100)})
    with pytest.raises(sd.EvaluationError, match="size_of"):
        sd.evaluate(product, {u: U, y: np.ones(300)})


# -- indexing ------------------------------------------------------------------------------

T3 = np.arange(24.0).reshape(2, 3, 4)
KEYS: list[Any] = [
    0,
    -1,
    np.int64(1),
    (1, 2, 3),
    (0, -1),
    slice(None),
    slice(1, None),
    slice(None, None, -1),
    (..., 2),
    (Ellipsis,),
    (slice(None), None, slice(0, 2)),
    (None, 1, ..., slice(3, 0, -2)),
    (slice(5, 1), 0),
    (slice(-2, 100), slice(2, 0, -1)),
    (),
]


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_basic_indexing_is_numpys(g: sd.Graph, key: Any) -> None:
    x = g.input("x", sd.f64[2, 3, 4])
    assert_value(x[key], T3[key], {x: T3})


@pytest.mark.parametrize(
    "key", [slice(1, None), slice(None, -1), slice(None, None, 2), slice(None, None, -1), 0, -1]
)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_indexing_a_named_axis_is_numpys_where_it_is_in_bounds(
    g: sd.Graph, key: Any, n: int
) -> None:
    y = g.input("y", sd.f64["n"])
    Y = np.arange(n, dtype=float)
    np.testing.assert_array_equal(sd.evaluate(y[key], {y: Y}), Y[key], strict=True)


def test_a_size_can_stand_in_a_key(g: sd.Graph) -> None:
    y = g.input("y", sd.f64["2*n"])
    n = y.shape[0] // 2
    half = y[:n] - y[n:]
    assert half.shape == (sd.Size("n"),)
    np.testing.assert_array_equal(sd.evaluate(half, {y: [1.0, 2.0, 5.0, 7.0]}), [-4.0, -5.0])


@pytest.mark.parametrize("ufunc", [np.minimum, np.multiply, np.power, np.greater, np.divide])
def test_a_size_is_an_integer_to_numpys_functions(ufunc: np.ufunc) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    n = x.shape[0]
    found = sd.evaluate([ufunc(x, n), ufunc(n, x)], {x: A[0]})
    np.testing.assert_array_equal(found, [ufunc(A[0], 3), ufunc(3, A[0])])
    assert (np.int64(2) * n, n - np.int64(2)) == (2 * n, n - 2)


def test_a_copy_is_the_node_itself_and_no_value_is_given() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    assert x.copy() is x
    with pytest.raises(sd.NoValueError, match=r"item\(\): x : f64\[2\]"):
        x.item()
    with pytest.raises(sd.NoValueError, match=r"tolist\(\): x : f64\[2\]"):
        x.tolist()
