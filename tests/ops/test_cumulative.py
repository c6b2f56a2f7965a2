"""Running sums, products and extremes, and differences: NumPy's values, exact derivatives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import symdiff as sd

WALKS = ("cumulative_sum", "cumulative_prod", "cumulative_max", "cumulative_min")
UFUNCS = dict(zip(WALKS, (np.add, np.multiply, np.maximum, np.minimum), strict=True))
DTYPES = ("f8", "f4", "f2", "i8", "i1", "u2", "?", "c16")
SHAPES = ((1,), (4,), (0,), (2, 3), (0, 3), (3, 0), (2, 1, 3))


def data(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    values = np.random.default_rng(len(shape)).integers(-3, 4, shape)
    return (np.abs(values) if dtype == "u2" else values).astype(dtype)


def evaluated(function: Callable[..., Any], *arrays: Any, **params: Any) -> Any:
    g = sd.Graph()
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    y = function(*nodes, **params)
    value = sd.evaluate(y, dict(zip(nodes, arrays, strict=True)))
    assert (y.dtype, y.shape) == (value.dtype, value.shape)
    return value


# -- values --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WALKS)
def test_values_and_dtypes_are_those_of_the_ufuncs_accumulate(name: str, dtype: str) -> None:
    accumulate = UFUNCS[name].accumulate
    for shape in SHAPES:
        array = data(shape, dtype)
        for axis in range(-len(shape), len(shape)):
            expected = accumulate(array, axis=axis)
            for function in (getattr(sd, name), accumulate):
                found = evaluated(function, array, axis=axis)
                np.testing.assert_array_equal(found, expected, strict=True)
        found = evaluated(accumulate, array)
        np.testing.assert_array_equal(found, accumulate(array), strict=True)


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_the_array_apis_arguments_are_numpys(name: str) -> None:
    numpys = getattr(np, name)
    for dtype, asked, include in product(DTYPES, (None, "f4", "f8", "i8"), (False, True)):
        if dtype == "c16" and asked:
            continue  # NumPy warns that it drops the imaginary parts
        for shape in ((3,), (), (0,)):
            array = data(shape, dtype)
            params = {"dtype": asked and np.dtype(asked), "include_initial": include}
            expected = numpys(array, **params)
            for function in (getattr(sd, name), numpys):
                found = evaluated(function, array, **params)
                np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumsum", "nancumprod"])
def test_numpys_older_names_flatten_without_an_axis(name: str) -> None:
    array = data((2, 3), "f8") + 0.5
    if name.startswith("nan"):
        array[1, 0] = np.nan
    function = getattr(np, name)
    for params in ({}, {"axis": 1}, {"axis": 0, "dtype": np.float32}, {"axis": None}):
        found = evaluated(function, array, **params)
        np.testing.assert_array_equal(found, function(array, **params), strict=True)
    if not name.startswith("nan"):
        found = evaluated(lambda x: getattr(x, name)(1), array)
        np.testing.assert_array_equal(found, function(array, 1), strict=True)


def test_nan_and_infinities_are_numpys() -> None:
    array = np.array([1.0, np.inf, -2.0, np.nan, 5.0, -np.inf])
    for name, ufunc in UFUNCS.items():
        with np.errstate(invalid="ignore"):
            expected = ufunc.accumulate(array)
        np.testing.assert_array_equal(evaluated(getattr(sd, name), array), expected)


def test_named_sizes_stay_exact() -> None:
    x = sd.Graph().input("x", sd.f64["n", "m"])
    assert sd.cumulative_sum(x, axis=0).type == sd.f64["n", "m"]
    assert sd.cumulative_sum(x, axis=1, include_initial=True).type == sd.f64["n", "m + 1"]
    assert np.cumprod(x).type == sd.f64["n * m"]
    total = sd.cumulative_prod(x, axis=0, include_initial=True)
    for shape in ((3, 2), (0, 2), (1, 0)):
        array = np.full(shape, 2.0)
        value, gradient = sd.evaluate([total, sd.grad(sd.sum(total), x)], {x: array})
        expected = np.cumulative_prod(array, axis=0, include_initial=True)
        np.testing.assert_array_equal(value, expected)
        assert gradient.shape == shape


@pytest.mark.parametrize("name", WALKS)
def test_misuse_is_named_with_the_operand(name: str) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    function = getattr(sd, name)
    with pytest.raises(sd.ShapeError, match=rf"{name}: axis 2 is out of(.|\n)*x = x : f64\[2,3\]"):
        function(x, axis=2)
    with pytest.raises(sd.ArgumentError, match=r"axis must be given for an array of 2 axes"):
        function(x)
    with pytest.raises(sd.ArgumentError, match="axis must be an int"):
        UFUNCS[name].accumulate(x, axis=None)


# -- derivatives ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", WALKS)
def test_derivatives_hold_to_third_order(name: str) -> None:
    array = np.random.default_rng(1).permutation(12).reshape(3, 2, 2) / 4.0 - 1.3
    for axis in (0, -1):
        sd.testing.check_grad(
            lambda x, axis=axis: getattr(sd, name)(x, axis=axis) ** 2, array, order=3
        )


@pytest.mark.parametrize(
    "array",
    [[2.0, 3.0, 5.0], [2.0, 0.0, 5.0, 7.0], [0.0, 3.0, 0.0, 7.0, 2.0], [0.0, 0.0, 0.0], [4.0]],
    ids=str,
)
def test_derivatives_of_a_running_product_are_exact_whatever_is_zero(array: list[float]) -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    y = sd.cumulative_prod(x)
    jacobian = sd.jacobian(y, x)
    found = sd.evaluate([jacobian, sd.jacobian(jacobian, x)], {x: array})
    n = len(array)
    for k, i, j in product(range(n), repeat=3):
        one = np.prod(np.delete(array[: k + 1], i)) if i <= k else 0.0
        assert found[0][k, i] == one
        both = np.prod(np.delete(array[: k + 1], [i, j])) if i <= k and j <= k else 0.0
        assert found[1][k, i, j] == (0.0 if i == j else both)


def test_a_running_product_with_an_infinite_entry_has_the_derivatives_there_are() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    gradient = sd.grad(sd.sum(sd.cumulative_prod(x)), x)
    np.testing.assert_array_equal(sd.evaluate(gradient, {x: [2.0, np.inf]}), [np.inf, 2.0])


@pytest.mark.parametrize("name", ["cumulative_max", "cumulative_min"])
def test_entries_that_tie_share_the_derivative_as_in_one_reduction(name: str) -> None:
    array = np.array([1.0, 3.0, 3.0, 2.0, 3.0, 4.0, 4.0]) * (1 if name.endswith("max") else -1)
    x = sd.Graph().input("x", array)
    y = getattr(sd, name)(x)
    reduce = sd.max if name.endswith("max") else sd.min
    expected = [sd.grad(reduce(x[: k + 1]), x) for k in range(array.size)]
    rows = np.array(sd.evaluate(expected, {x: array}))
    jacobian = sd.evaluate(sd.jacobian(y, x), {x: array})
    np.testing.assert_allclose(jacobian, rows, rtol=1e-15)
    direction = np.arange(7.0)
    np.testing.assert_allclose(
        sd.evaluate(sd.jvp(y, x, direction), {x: array}), rows @ direction, rtol=1e-15
    )
    np.testing.assert_array_equal(sd.evaluate(sd.hvp(sd.sum(y), x, direction), {x: array}), 0.0)


@pytest.mark.parametrize("lines", [1, 3, 40])
@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_shares_of_random_ties_add_up(lines: int, levels: int) -> None:
    rng = np.random.default_rng(levels + lines)
    array = rng.integers(0, levels, (lines, 50)).astype(float)
    seed = rng.normal(size=array.shape)
    x = sd.Graph().input("x", array)
    y = sd.cumulative_max(x, axis=1)
    gradient = sd.evaluate(sd.vjp(y, x, seed), {x: array})
    expected = np.zeros_like(array)
    for line, k in product(range(lines), range(50)):
        held = array[line, : k + 1] == array[line, : k + 1].max()
        expected[line, : k + 1] += seed[line, k] * held / held.sum()
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-13)


def test_after_a_nan_the_derivatives_are_0() -> None:
    array = np.array([[1.0, 2.0, np.nan, 9.0], [np.nan, 1.0, 1.0, 1.0], [3.0, 3.0, 3.0, np.nan]])
    x = sd.Graph().input("x", array)
    y = sd.cumulative_max(x, axis=1)
    found = sd.evaluate([sd.grad(sd.sum(y), x), sd.jvp(y, x, np.ones((3, 4)))], {x: array})
    np.testing.assert_allclose(
        found[0], [[1, 1, 0, 0], [0] * 4, [1 + 1 / 2 + 1 / 3, 5 / 6, 1 / 3, 0]]
    )
    np.testing.assert_allclose(found[1], [[1, 1, 0, 0], [0] * 4, [1, 1, 1, 0]])


@pytest.mark.parametrize("name", WALKS)
def test_a_branch_not_taken_has_no_gradient(name: str) -> None:
    g = sd.Graph()
    x, m = g.input("x", sd.f64[3]), g.input("m", sd.bool_[3])
    flag = sd.any(m)
    for mask in (flag, m):
        z = sd.sum(sd.where(mask, getattr(sd, name)(sd.sqrt(x)), 0.0))
        for _ in range(2):
            gradient = sd.grad(z, x)
            found = sd.evaluate(gradient, {x: np.zeros(3), m: np.zeros(3, bool)})
            np.testing.assert_array_equal(found, np.zeros(3))
            z = sd.sum(gradient)
    z = sd.sum(sd.where(m, getattr(sd, name)(sd.sqrt(x)), 0.0))
    point = {x: [4.0, 0.0, 0.0], m: [True, False, False]}
    np.testing.assert_array_equal(sd.evaluate(sd.grad(z, x), point), [0.25, 0.0, 0.0])


def test_a_long_running_product_costs_as_many_nodes_as_a_short_one() -> None:
    for name in WALKS:
        sizes = []
        for n in (3, 100_000):
            x = sd.Graph().input("x", sd.f64[n])
            y = sd.sum(getattr(sd, name)(x))
            before = len(x.graph)
            sd.hvp(y, x, x)
            sizes.append(len(x.graph) - before)
        assert sizes[0] == sizes[1] <= 24


# -- differences ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_differences_are_numpys(dtype: str) -> None:
    for shape, n in product(SHAPES, (0, 1, 2, 5)):
        array = data(shape, dtype)
        for axis in range(-len(shape), len(shape)):
            expected = np.diff(array, n=n, axis=axis)
            for function in (sd.diff, np.diff):
                found = evaluated(function, array, n=n, axis=axis)
                np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize(
    "ends",
    [
        {"prepend": 1.5},
        {"append": np.ones((2, 2))},
        {"prepend": np.zeros((2, 1)), "append": 3},
        {"prepend": np.float32(1), "n": 2},
    ],
    ids=str,
)
def test_what_is_put_at_the_ends_takes_part_in_differences(ends: dict[str, Any]) -> None:
    array = data((2, 3), "f8")
    expected = np.diff(array, **ends)
    for function in (sd.diff, np.diff):
        np.testing.assert_array_equal(evaluated(function, array, **ends), expected, strict=True)


def test_the_end_may_be_the_node() -> None:
    end = np.array([1.0])
    found = evaluated(lambda x: sd.diff(np.array([2.0, 5.0]), prepend=x), end)
    np.testing.assert_array_equal(found, [1.0, 3.0])


def test_differences_of_a_named_size_say_what_they_need() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    y = sd.diff(x, n=2)
    assert y.type == sd.f64["n - 2"]
    np.testing.assert_array_equal(sd.evaluate(y, {x: [1.0, 2.0, 4.0]}), [1.0])
    with pytest.raises(sd.ShapeError, match="n = 1"):
        sd.evaluate(y, {x: [1.0]})


@pytest.mark.parametrize("n", [0, 1, 3])
def test_derivatives_of_differences_are_differences(n: int) -> None:
    array = np.random.default_rng(0).normal(size=(2, 5))
    sd.testing.check_grad(lambda x: sd.diff(x, n=n) ** 2, array)
    sd.testing.check_grad(lambda x: sd.diff(x, axis=0, prepend=x[:1] * 2, append=1.0), array)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sd.diff(x, axis=1), "diff: axis 1 is out of bounds"),
        (lambda x: sd.diff(x, n=-1), r"diff: differences are taken n >= 0 times, not -1"),
        (lambda x: sd.diff(x, n=1.5), "diff: n must be an int, not 1.5"),
        (lambda x: sd.diff(x, append=x[None]), "concat"),
        (lambda x: np.gradient(x[:1]), "np.gradient: axis 0 needs 2 entries or more and has 1"),
        (lambda x: np.gradient(x, 1.0, 2.0), "2 spacings do not go with 1 axes"),
        (lambda x: np.gradient(x, np.ones(3)), "must be as many as its entries"),
        (lambda x: np.gradient(x, edge_order=3), "edge_order is 1 or 2, not 3"),
    ],
)
def test_misuse_of_differences_is_named(call: Any, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[4])
    with pytest.raises(sd.SymdiffError, match=message):
        call(x)


def test_the_difference_of_no_nodes_says_how_to_make_one() -> None:
    with pytest.raises(sd.ArgumentError, match="diff: none of the operands is a node"):
        sd.diff([1.0, 2.0])


GRID = np.array([0.0, 0.5, 1.5, 1.75, 3.0])
SAMPLED = np.random.default_rng(5).normal(size=(5, 4))


@pytest.mark.parametrize(
    "call",
    [
        lambda y: np.trapezoid(y),
        lambda y: np.trapezoid(y, dx=0.5, axis=0),
        lambda y: np.trapezoid(y, GRID, axis=0),
        lambda y: np.trapezoid(y, y**2),
        lambda y: np.ediff1d(y),
        lambda y: np.ediff1d(y, to_end=[1.0, 2.0], to_begin=-1.0),
        lambda y: np.gradient(y, axis=0),
        lambda y: np.gradient(y, 0.5, axis=1, edge_order=2),
        lambda y: np.gradient(y, GRID, axis=0),
        lambda y: np.gradient(y, GRID, axis=(0,), edge_order=2),
        lambda y: np.gradient(y, 2.0, GRID[:4])[1],
        lambda y: np.gradient(y, 0.1)[0],
    ],
)
def test_slopes_and_integrals_of_sampled_functions_are_numpys(call: Any) -> None:
    np.testing.assert_allclose(evaluated(call, SAMPLED), call(SAMPLED), rtol=1e-12, atol=1e-13)
    sd.testing.check_grad(lambda y: call(y) ** 2, SAMPLED)


def test_an_integral_has_a_derivative_by_the_places_too() -> None:
    sd.testing.check_grad(
        lambda x, y: np.trapezoid(y, x, axis=0) * np.gradient(x * x, x)[2], GRID, SAMPLED
    )


def test_slopes_of_integers_are_floats() -> None:
    array = np.array([1, 4, 9, 16])
    np.testing.assert_array_equal(evaluated(np.gradient, array), np.gradient(array), strict=True)
