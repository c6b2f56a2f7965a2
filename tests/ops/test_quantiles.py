"""Medians and quantiles: NumPy's values and dtypes, gradients by rank, named sizes, errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.autodiff.batch import batch_nodes
from symdiff.ops.quantiles import _PLACES

RNG = np.random.default_rng(0)
inf, nan = np.inf, np.nan
METHODS = list(_PLACES)

SHAPES: list[tuple[tuple[int, ...], Any]] = [
    ((7,), None),
    ((6,), 0),
    ((2, 5), 1),
    ((4, 3), -2),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), None),
    ((1,), 0),
    ((3, 1), 1),
    ((), None),
]
DTYPES = ["float64", "float32", "float16", "int64", "uint8"]


def numpys(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(function(*args, **named))


def assert_like(found: np.ndarray, expected: np.ndarray, dtype: Any = "float64") -> None:
    """Equal up to the precision of `dtype`, in which NumPy subtracts entries."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    eps = max(
        [np.finfo(d).eps for d in (expected.dtype, np.dtype(dtype)) if d.kind in "fc"], default=0.0
    )
    np.testing.assert_allclose(found, expected, rtol=4 * eps, atol=40 * eps)


def sample(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.asarray(20 * RNG.random(shape)).astype(dtype)


# -- medians ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "complex128"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_the_median_is_numpys(shape: Any, axis: Any, dtype: str) -> None:
    x = sample(shape, dtype)
    a = sd.Graph().input("a", x)
    for keepdims in (False, True):
        expected = numpys(np.median, x, axis=axis, keepdims=keepdims)
        for node in (
            sd.median(a, axis=axis, keepdims=keepdims),
            np.median(a, axis, keepdims=keepdims),
        ):
            assert_like(sd.evaluate(node, {a: x}), expected)


@pytest.mark.parametrize(
    "x", [[1.0, nan, 2.0], [nan], [inf, inf], [-inf, inf], [1.0, inf, inf, inf], [-0.0]]
)
def test_nan_and_infinities_in_a_median_are_numpys(x: Any) -> None:
    a = sd.Graph().input("a", np.array(x))
    found = sd.evaluate(sd.median(a), {a: x})
    np.testing.assert_array_equal(found, numpys(np.median, x))


def test_nan_spoils_its_own_row_only() -> None:
    x = np.array([[1.0, nan, 3.0], [4.0, 6.0, 5.0]])
    a = sd.Graph().input("a", x)
    np.testing.assert_array_equal(sd.evaluate(sd.median(a, axis=1), {a: x}), [nan, 5.0])
    found = sd.evaluate(sd.quantile(a, [0.5, 1.0], axis=1), {a: x})
    np.testing.assert_array_equal(found, [[nan, 5.0], [nan, 6.0]])


@pytest.mark.parametrize("name", ["nanmedian", "nanquantile", "nanpercentile"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
def test_what_skips_nan_is_numpys(name: str, axis: Any) -> None:
    x = sample((4, 5), "float64")
    x[RNG.random(x.shape) < 0.4] = nan
    x[2] = nan
    a = sd.Graph().input("a", x)
    given = [] if name == "nanmedian" else [[0.25, 0.5]] if name == "nanquantile" else [[30, 75]]
    for keepdims in (False, True):
        expected = numpys(getattr(np, name), x, *given, axis=axis, keepdims=keepdims)
        for f in (getattr(sd, name), getattr(np, name)):
            node = f(a, *given, axis=axis, keepdims=keepdims)
            assert_like(sd.evaluate(node, {a: x}), expected)


def test_integers_have_no_nan_to_skip() -> None:
    x = sample((5,), "int64")
    a = sd.Graph().input("a", x)
    assert_like(sd.evaluate(np.nanmedian(a), {a: x}), numpys(np.nanmedian, x))
    assert_like(sd.evaluate(np.nanquantile(a, 0.3), {a: x}), numpys(np.nanquantile, x, 0.3))


# -- quantiles -------------------------------------------------------------------------------

QUANTILES = [0.3, 0, 1, 1.0, np.float64(0.7), [0.0, 0.25, 0.5, 0.9, 1.0], np.float32([0.1, 0.99])]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_quantiles_by_every_method_are_numpys(method: str, dtype: str) -> None:
    for shape, axis in SHAPES:
        x = sample(shape, dtype)
        a = sd.Graph().input("a", x)
        for q in QUANTILES:
            expected = numpys(np.quantile, x, q, axis=axis, method=method)
            found = sd.evaluate(sd.quantile(a, q, axis=axis, method=method), {a: x})
            assert_like(found, expected, dtype)


@pytest.mark.parametrize("method", METHODS)
def test_named_sizes_and_quantiles_given_at_the_call(method: str) -> None:
    g = sd.Graph()
    x, q = g.input("x", sd.f64["n", "m"]), g.input("q", sd.f64["k"])
    y = sd.quantile(x, q, axis=0, method=method, keepdims=True)
    assert y.type == sd.f64["k", 1, "m"]
    f = sd.compile([x, q], [y, sd.quantile(x, [0.2, 0.6], axis=0, method=method)])
    for n in (1, 2, 5, 8):
        array, fractions = sample((n, 3), "float64"), RNG.random(4)
        found = f(array, fractions)
        expected = numpys(np.quantile, array, fractions, axis=0, method=method, keepdims=True)
        assert_like(found[0], expected)
        assert_like(found[1], numpys(np.quantile, array, [0.2, 0.6], axis=0, method=method))


def test_percentiles_are_hundredths() -> None:
    x = sample((3, 4), "float32")
    g = sd.Graph()
    a, q = g.input("a", x), g.input("q", sd.f64)
    for given in (25, 37.5, [0, 10.0, 100], np.array(50)):
        assert_like(
            sd.evaluate(np.percentile(a, given, 1), {a: x}),
            numpys(np.percentile, x, given, 1),
            x.dtype,
        )
    found = sd.evaluate(sd.percentile(a, q, axis=1), {a: x, q: 60.0})
    assert_like(found, numpys(np.percentile, x, np.array(60.0), 1), x.dtype)


def test_the_data_may_be_an_array_where_the_quantile_is_a_node() -> None:
    x = sample((6,), "float64")
    q = sd.Graph().input("q", sd.f64)
    for f in (sd.quantile, np.quantile):
        assert_like(sd.evaluate(f(x, q), {q: 0.4}), numpys(np.quantile, x, 0.4))


def test_infinite_entries_are_found_beside_finite_ones() -> None:
    """NumPy gives NaN here, as infinity minus infinity."""
    a = sd.Graph().input("a", sd.f64[4])
    found = sd.evaluate(sd.quantile(a, [0.0, 0.25, 1 / 3, 1.0]), {a: [-inf, 0.0, inf, inf]})
    np.testing.assert_array_equal(found, [-inf, -inf, 0.0, inf])


# -- gradients -------------------------------------------------------------------------------


def test_the_gradient_goes_to_the_entries_in_the_middle() -> None:
    x = np.array([[5.0, 1.0, 4.0, 2.0, 3.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    a = sd.Graph().input("a", x)
    odd = sd.grad(sd.sum(sd.median(a, axis=1)), a)
    even = sd.grad(sd.sum(sd.median(a[:, :4], axis=1)), a)
    found = sd.evaluate([odd, even], {a: x})
    np.testing.assert_array_equal(found[0], [[0, 0, 0, 0, 1], [0, 0, 1, 0, 0]])
    np.testing.assert_array_equal(found[1], [[0, 0, 0.5, 0.5, 0], [0, 0.5, 0.5, 0, 0]])


def test_the_gradient_of_a_quantile_is_the_weights_of_its_interpolation() -> None:
    a = sd.Graph().input("a", sd.f64[5])
    point = {a: [50.0, 10.0, 40.0, 10.0, 30.0]}
    for q, method, expected in (
        (0.7, "linear", [0.0, 0.0, 0.8, 0.0, 0.2]),
        (0.7, "lower", [0.0, 0.0, 0.0, 0.0, 1.0]),
        (0.7, "higher", [0.0, 0.0, 1.0, 0.0, 0.0]),
        (0.7, "midpoint", [0.0, 0.0, 0.5, 0.0, 0.5]),
        (0.5, "midpoint", [0.0, 0.0, 0.0, 0.0, 1.0]),
        (0.2, "linear", [0.0, 0.2, 0.0, 0.8, 0.0]),
        (0.1, "linear", [0.0, 0.6, 0.0, 0.4, 0.0]),
        (1.0, "linear", [1.0, 0.0, 0.0, 0.0, 0.0]),
    ):
        gradient = sd.grad(sd.quantile(a, q, method=method), a)
        np.testing.assert_allclose(sd.evaluate(gradient, point), expected, rtol=1e-14)


@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_derivatives_against_numbers(axis: Any) -> None:
    x = RNG.permutation(12).reshape(3, 4) / 4.0
    q = np.array([0.13, 0.62])
    for f in (
        lambda x, q: sd.sum(sd.median(sd.sin(x), axis=axis) ** 2),
        lambda x, q: sd.sum(sd.nanmedian(sd.sin(x), axis=axis) ** 2),
        lambda x, q: sd.sum(sd.quantile(sd.sin(x), q, axis=axis) ** 2),
        lambda x, q: sd.sum(sd.quantile(sd.sin(x), q, axis=axis, method="hazen") ** 2),
        lambda x, q: sd.sum(sd.nanquantile(sd.sin(x), q, axis=axis) ** 2),
        lambda x, q: sd.sum(sd.quantile(sd.sin(x), 0.4, axis=axis, method="nearest") ** 2),
    ):
        sd.testing.check_grad(f, x, q)


def test_the_gradient_by_the_quantile_is_the_distance_between_ranks() -> None:
    g = sd.Graph()
    x, q = g.input("x", sd.f64["n"]), g.input("q", sd.f64)
    y = sd.quantile(x, q)
    assert sd.evaluate(sd.grad(y, q), {x: [7.0, 1.0, 3.0], q: 0.25}) == 2 * (3.0 - 1.0)


def test_a_batch_of_medians_and_quantiles_is_that_of_its_rows() -> None:
    rows = RNG.normal(size=(3, 4, 5))
    g = sd.Graph()
    x, many = g.input("x", sd.f64[4, 5]), g.input("rows", rows)
    outputs = [sd.median(x, axis=0), sd.quantile(x, [0.2, 0.9], axis=1), sd.nanmedian(x)]
    outputs += [sd.grad(sd.sum(y * y), x) for y in outputs]
    found = sd.evaluate(batch_nodes(g, outputs, {x: many})[0], {many: rows})
    for k in range(3):
        expected = sd.evaluate(outputs, {x: rows[k]})
        for whole, row in zip(found, expected, strict=True):
            np.testing.assert_allclose(whole[k], row, rtol=1e-14)


# -- errors ----------------------------------------------------------------------------------


def test_no_entries_have_no_median() -> None:
    g = sd.Graph()
    with pytest.raises(sd.ShapeError, match=r"median: there are no entries .*\n.*x = e : f64\[0"):
        sd.median(g.input("e", sd.f64[0, 3]), axis=0)
    x = g.input("x", sd.f64["n"])
    for y in (sd.median(x), sd.quantile(x, 0.5), sd.median(x.astype(int))):
        with pytest.raises(sd.ShapeError, match="n"):
            sd.compile([x], y)([])


def test_misuse_is_refused() -> None:
    g = sd.Graph()
    x, q = g.input("x", sd.f64[3]), g.input("q", sd.f64)
    with pytest.raises(sd.ShapeError, match="quantile: axis 1 is out of bounds"):
        sd.quantile(x, 0.5, axis=1)
    for bad in (1.5, -0.1, [0.5, nan]):
        with pytest.raises(sd.ArgumentError, match=r"q must be in 0 … 1"):
            sd.quantile(x, bad)
    with pytest.raises(sd.ArgumentError, match=r"method must be one of inverted_cdf, .*'middle'"):
        sd.quantile(x, 0.5, method="middle")
    with pytest.raises(sd.DTypeError, match="complex entries have no order"):
        sd.quantile(x * 1j, 0.5)
    with pytest.raises(sd.DTypeError, match="q must be real"):
        sd.quantile(x, 0.5j)
    with pytest.raises(sd.ArgumentError, match="weights are not available on nodes"):
        np.quantile(x, 0.5, method="inverted_cdf", weights=np.ones(3))
    with pytest.raises(sd.ArgumentError, match="median: out= has no meaning"):
        np.median(x, out=np.empty(()))
    y = sd.compile([x, q], sd.quantile(x, q))
    for bad in (1.25, -0.5, nan):
        with pytest.raises(sd.EvaluationError, match=rf"quantile {bad} is not in 0 … 1\n.*quant"):
            y([1.0, 2.0, 3.0], bad)
