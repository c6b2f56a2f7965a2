"""Variance, averages, ranges, and reductions that pass over NaN: NumPy's values, sound rules."""

from __future__ import annotations

from fractions import Fraction
from inspect import Parameter, signature
from itertools import product
from typing import Any

import array_api_strict
import numpy as np
import pytest

import symdiff as sd

DTYPES = ("f8", "f4", "f2", "i4", "u1", "?", "c16", "c8")
SHAPES = ((), (1,), (0,), (2, 3), (3, 0), (2, 3, 4))
QUIET = pytest.mark.filterwarnings(
    "ignore:Degrees of freedom",
    "ignore:overflow",
    "ignore:Mean of empty",
    "ignore:invalid value",
    "ignore:divide by",
)
NAN = float("nan")


def data(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed + len(shape)).normal(size=shape) * 4
    return (np.abs(values) if dtype in ("u1", "?") else values).astype(dtype)


def axes_of(shape: tuple[int, ...]) -> list[Any]:
    return [None, *range(-len(shape), len(shape)), *([(0, -1)] if len(shape) > 1 else [])]


def assert_same(value: Any, expected: Any, *, steps: int = 64) -> None:
    expected = np.asarray(expected)
    assert (value.dtype, value.shape) == (expected.dtype, expected.shape)
    size = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    eps = np.finfo(expected.dtype).eps if expected.dtype.kind in "fc" else 0.0
    np.testing.assert_allclose(value, expected, rtol=0, atol=steps * float(eps) * float(size))


# -- var and std ---------------------------------------------------------------------------


@QUIET
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["var", "std"])
def test_spreads_are_numpys_for_every_dtype_axis_and_correction(name: str, dtype: str) -> None:
    ours, numpys = getattr(sd, name), getattr(np, name)
    for shape, keepdims in product(SHAPES, (False, True)):
        array = data(shape, dtype)
        x = sd.Graph().input("x", array)
        for axis, ddof in product(axes_of(shape), (0, 1, -0.5, 9)):
            params = {"axis": axis, "keepdims": keepdims}
            expected = numpys(array, ddof=ddof, **params)
            ways = [
                ours(x, correction=ddof, **params),
                numpys(x, ddof=ddof, **params),
                getattr(x, name)(ddof=ddof, **params),
            ]
            assert {y.dtype for y in ways} == {expected.dtype}
            for value in sd.evaluate(ways, {x: array}):
                assert_same(value, expected)


def test_numpys_other_arguments_of_a_spread() -> None:
    array, mask = data((2, 3), "f4"), np.array([[True, False, True], [True, True, True]])
    x = sd.Graph().input("x", array)
    for name, params in product(
        ("var", "std"),
        (
            {"where": mask, "axis": 1, "ddof": 1},
            {"where": mask, "keepdims": True},
            {"dtype": np.float64},
            {"correction": 1},
        ),
    ):
        function = getattr(np, name)
        assert_same(sd.evaluate(function(x, **params), {x: array}), function(array, **params))
    with pytest.raises(sd.ArgumentError, match=r"np\.var: mean= is not available"):
        np.var(x, mean=0.0)
    with pytest.raises(sd.DTypeError, match=r"in dtype int64(.|\n)*a = x"):
        np.std(x, dtype=int)


@pytest.mark.parametrize("correction", [0, 1, 0.5, -1.0])
def test_a_named_size_less_the_correction_is_the_divisor(correction: float) -> None:
    x = sd.Graph().input("x", sd.f64["n", "m"])
    y = sd.var(x, axis=0, correction=correction)
    assert y.type == sd.f64["m"]
    value, gradient = y, sd.grad(sd.sum(y), x)
    for n in (2, 5):
        array = data((n, 3), "f8", seed=n)
        found = sd.evaluate([value, gradient], {x: array})
        np.testing.assert_allclose(found[0], array.var(axis=0, ddof=correction), rtol=1e-14)
        slope = 2 * (array - array.mean(axis=0)) / (n - correction)
        np.testing.assert_allclose(found[1], slope, rtol=1e-12, atol=1e-14)


@QUIET
def test_no_freedom_is_nan_or_inf_as_in_numpy() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    for correction, array in product((1, 1.5, 3), ([], [2.0], [2.0, 3.0], [2.0, 2.0])):
        for name in ("var", "std"):
            y = getattr(sd, name)(x, correction=correction)
            expected = getattr(np, name)(array, ddof=correction)
            np.testing.assert_array_equal(sd.evaluate(y, {x: array}), expected)


@pytest.mark.parametrize(
    ("offset", "noise", "dtype"), [(1e8, 1e-3, "f8"), (1e4, 1e-2, "f4"), (-1e15, 1.0, "f8")]
)
def test_the_variance_of_small_noise_on_a_large_offset_is_right(
    offset: float, noise: float, dtype: str
) -> None:
    array = (offset + noise * np.random.default_rng(0).normal(size=1000)).astype(dtype)
    entries = [Fraction(float(v)) for v in array]
    mean = sum(entries) / len(entries)
    exact = sum((v - mean) ** 2 for v in entries) / len(entries)
    x = sd.Graph().input("x", array)
    y = sd.var(x)
    value, gradient = sd.evaluate([y, sd.grad(y, x)], {x: array})
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(float(value), float(exact), rtol=8 * eps)
    slope = [float(2 * (v - mean) / len(entries)) for v in entries]
    np.testing.assert_allclose(gradient, slope, atol=16 * eps * max(map(abs, slope)))


@pytest.mark.parametrize("array", [[0.1] * 3, [1e200] * 5, [7.0], [0.0, 0.0], [1 / 3] * 7])
def test_equal_entries_have_no_spread_and_no_derivative_of_it(array: list[float]) -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    y = sd.std(x)
    outputs = [y, sd.var(x), sd.grad(y, x), sd.hessian(y, x), sd.grad(sd.var(x), x)]
    for found in sd.evaluate(outputs, {x: array}):
        np.testing.assert_array_equal(found, np.zeros(found.shape))


def test_a_standard_deviation_does_not_overflow() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    y = sd.std(x)
    for scale in (1e200, 1e-200, 1e307):
        value, gradient = sd.evaluate([y, sd.grad(y, x)], {x: np.array([3.0, -4.0, 1.0]) * scale})
        np.testing.assert_allclose(value, np.std([3.0, -4.0, 1.0]) * scale, rtol=1e-14)
        np.testing.assert_allclose(
            gradient, [1 / np.sqrt(26) * k / np.sqrt(3) for k in (3, -4, 1)], rtol=1e-14
        )


@pytest.mark.parametrize("name", ["var", "std", "ptp", "average", "nanvar", "nanstd", "nanmean"])
def test_derivatives_hold(name: str) -> None:
    array = data((4, 3, 2), "f8")
    for axis in (None, 0, (0, 2)):
        sd.testing.check_grad(lambda x, axis=axis: getattr(sd, name)(x, axis=axis) ** 2, array)


@pytest.mark.parametrize("name", ["var", "std"])
def test_a_spread_in_a_branch_not_taken_has_no_gradient(name: str) -> None:
    g = sd.Graph()
    x, m = g.input("x", sd.f64[2, 3]), g.input("m", sd.bool_[2])
    z = sd.sum(sd.where(m, getattr(sd, name)(sd.sqrt(x), axis=1), 0.0))
    for _ in range(2):
        gradient = sd.grad(z, x)
        point = {x: [[4.0, 1.0, 9.0], [0.0, 1.0, 0.0]], m: [True, False]}
        found = sd.evaluate(gradient, point)
        assert np.all(np.isfinite(found))
        np.testing.assert_array_equal(found[1], np.zeros(3))
        z = sd.sum(gradient)


@pytest.mark.parametrize("name", ["var", "std"])
def test_names_and_defaults_are_the_array_api_standards(name: str) -> None:
    def bare(function: Any) -> list[tuple[str, Any, Any]]:
        given = signature(function).parameters.values()
        return [(p.name, p.kind, p.default) for p in given]

    assert bare(getattr(sd, name)) == bare(getattr(array_api_strict, name))
    for walk in ("cumulative_sum", "cumulative_prod", "diff"):
        assert bare(getattr(sd, walk)) == bare(getattr(array_api_strict, walk))
    for norm in ("vector_norm", "matrix_norm", "cross"):
        assert bare(getattr(sd.linalg, norm)) == bare(getattr(array_api_strict.linalg, norm))
    assert Parameter.KEYWORD_ONLY in [kind for _, kind, _ in bare(sd.var)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sd.var(x, axis=2), "var: axis 2 is out of bounds"),
        (lambda x: sd.std(x, correction="1"), "std: correction must be a number, not '1'"),
        (lambda x: sd.std(x, keepdims=1), "std: keepdims must be a bool"),
        (lambda x: sd.average(x, axis=1, weights=[1.0, 2.0]), "weights must have the shape of x"),
        (lambda x: sd.average(x, weights=[1.0, 2.0, 3.0]), "weights must have the shape of x"),
        (lambda x: sd.nanstd(x, axis=5), "nanstd: axis 5 is out of bounds"),
    ],
)
def test_misuse_is_named_with_the_operand(call: Any, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    with pytest.raises(sd.SymdiffError, match=rf"{message}(.|\n)*x = x : f64\[2,3\]"):
        call(x)


# -- average and range ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "?", "c16"])
def test_averages_are_numpys(dtype: str) -> None:
    array = data((2, 3, 4), dtype)
    x = sd.Graph().input("x", array)
    rng = np.random.default_rng(3)
    for axis, weights in (
        (None, None),
        (1, None),
        (1, rng.random(3)),
        (-1, np.array([1, 2, 3, 4])),
        (None, rng.random((2, 3, 4))),
        ((0, 2), rng.random((2, 4))),
        ((2, 0), rng.random((4, 2)).astype("f4")),
    ):
        for keepdims in (False, True):
            params = {"axis": axis, "weights": weights, "keepdims": keepdims}
            expected = np.average(array, **params)
            for function in (sd.average, np.average):
                assert_same(sd.evaluate(function(x, **params), {x: array}), expected)
        pair = np.average(x, axis=axis, weights=weights, returned=True)
        for found, expected in zip(
            sd.evaluate(list(pair), {x: array}),
            np.average(array, axis=axis, weights=weights, returned=True),
            strict=True,
        ):
            assert_same(found, expected)


def test_an_average_has_a_derivative_by_its_weights() -> None:
    array = data((2, 3), "f8")
    for axis, shape in ((0, (2,)), (None, (2, 3)), ((1, 0), (3, 2))):
        weights = np.random.default_rng(1).random(shape) + 0.5
        sd.testing.check_grad(
            lambda x, w, axis=axis: sd.average(x, axis=axis, weights=w), array, weights
        )


def test_weights_may_be_the_only_node() -> None:
    w = sd.Graph().input("w", sd.f64[2])
    y = np.average(np.array([1.0, 5.0]), weights=w)
    assert sd.evaluate(y, {w: [3.0, 1.0]}) == 2.0


def test_a_range_is_numpys_and_ties_share() -> None:
    array = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    x = sd.Graph().input("x", array)
    y = np.ptp(x, axis=1)
    value, gradient = sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: array})
    np.testing.assert_array_equal(value, np.ptp(array, axis=1))
    np.testing.assert_allclose(gradient, [[-1, 0.5, 0.5], [0, 0, 0]])


# -- without NaN ---------------------------------------------------------------------------

PASSING = ("nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd")


@QUIET
@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i4", "?", "c16"])
@pytest.mark.parametrize("name", PASSING)
def test_reductions_that_pass_over_nan_are_numpys(name: str, dtype: str) -> None:
    numpys, ours = getattr(np, name), getattr(sd, name)
    for shape, seed in product(((1,), (4,), (2, 3), (2, 3, 4)), range(2)):
        array = data(shape, dtype, seed)
        if array.dtype.kind in "fc":
            array[np.random.default_rng(seed).random(shape) < 0.5] = NAN
        x = sd.Graph().input("x", array)
        for axis, keepdims in product(axes_of(shape), (False, True)):
            params = {"axis": axis, "keepdims": keepdims}
            expected = np.asarray(numpys(array, **params))
            for function in (ours, numpys):
                assert_same(sd.evaluate(function(x, **params), {x: array}), expected)
            if name in ("nanvar", "nanstd"):
                expected = np.asarray(numpys(array, ddof=1, **params))
                found = ours(x, correction=1, **params)
                assert_same(sd.evaluate(found, {x: array}), expected)


@pytest.mark.parametrize("name", PASSING)
def test_a_nan_has_no_derivative_and_gives_none_to_others(name: str) -> None:
    array = np.array([[1.0, NAN, 4.0, 2.0], [NAN, NAN, NAN, NAN]])
    x = sd.Graph().input("x", array)
    y = getattr(sd, name)(x, axis=1)
    clean = sd.Graph().input("clean", sd.f64[3])
    whole = getattr(sd, name.removeprefix("nan"))(clean)
    gradient, hessian = sd.evaluate([sd.grad(y[0], x), sd.hessian(y[0], x)], {x: array})
    expected = sd.evaluate([sd.grad(whole, clean), sd.hessian(whole, clean)], {clean: [1, 4, 2]})
    np.testing.assert_allclose(gradient[0, [0, 2, 3]], expected[0], rtol=1e-14)
    np.testing.assert_allclose(
        hessian[0][[0, 2, 3]][:, 0, [0, 2, 3]], expected[1], rtol=1e-13, atol=1e-15
    )
    np.testing.assert_array_equal(gradient[0, 1], 0.0)
    np.testing.assert_array_equal(gradient[1], np.zeros(4))
    np.testing.assert_array_equal(hessian[0, 1], np.zeros((2, 4)))


@pytest.mark.parametrize("name", PASSING)
def test_the_function_that_made_a_nan_gets_no_gradient_back(name: str) -> None:
    x = sd.Graph().input("x", sd.f64[4])
    y = getattr(sd, name)(sd.log(x))
    for _ in range(2):
        gradient = sd.grad(y, x)
        found = sd.evaluate(gradient, {x: [1.0, -1.0, 4.0, 2.0]})
        assert np.all(np.isfinite(found))
        assert found[1] == 0
        y = sd.sum(gradient)


def test_extremes_without_nan_tie_among_numbers_only() -> None:
    array = np.array([-np.inf, NAN, -np.inf])
    x = sd.Graph().input("x", array)
    gradient = sd.evaluate(sd.grad(sd.nanmax(x), x), {x: array})
    np.testing.assert_array_equal(gradient, [0.5, 0.0, 0.5])


def test_places_of_extremes_without_nan_are_numpys() -> None:
    array = np.array([[3.0, NAN, 5.0], [NAN, -1.0, -1.0]])
    x = sd.Graph().input("x", array)
    for function in (np.nanargmax, np.nanargmin):
        for axis in (None, 0, 1):
            found = sd.evaluate(function(x, axis=axis), {x: array})
            np.testing.assert_array_equal(found, function(array, axis=axis))


@QUIET
def test_ufuncs_reduce_what_they_have_a_reduction_for() -> None:
    array = np.array([[1.0, NAN], [3.0, 2.0]])
    x = sd.Graph().input("x", array)
    for ufunc in (np.fmax, np.fmin, np.logaddexp):
        found = sd.evaluate([ufunc.reduce(x), ufunc.reduce(x, axis=1)], {x: array})
        np.testing.assert_allclose(found[0], ufunc.reduce(array), rtol=1e-15)
        np.testing.assert_allclose(found[1], ufunc.reduce(array, axis=1), rtol=1e-15)
