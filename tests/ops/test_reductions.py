"""Reductions: NumPy's values and dtypes, exact products, shared ties, refused emptiness."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from itertools import product
from typing import Any

import numpy as np
import pytest

import symdiff as sd

REDUCTIONS = ("mean", "prod", "max", "min", "any", "all", "argmax", "argmin", "count_nonzero")
METHODS = ("mean", "prod", "max", "min", "any", "all", "argmax", "argmin")
DTYPES = ("f8", "f4", "f2", "i8", "i1", "u2", "?", "c16")
SHAPES = ((), (1,), (4,), (0,), (2, 3), (0, 3), (3, 0), (1, 2, 3))


def axes_of(shape: tuple[int, ...], name: str) -> list[Any]:
    rank = len(shape)
    several = [] if name.startswith("arg") else [(0, -1), (1, 0)][: max(rank - 1, 0)]
    return [None, *range(-rank, rank), *several]


def data(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    values = np.random.default_rng(len(shape)).integers(-3, 4, shape)
    return (np.abs(values) if dtype == "u2" else values).astype(dtype)


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_values_dtypes_and_refusals_are_numpys(name: str, dtype: str) -> None:
    function, numpys = getattr(sd, name), getattr(np, name)
    for shape, keepdims in product(SHAPES, (False, True)):
        array = data(shape, dtype)
        x = sd.Graph().input("x", array)
        for axis in axes_of(shape, name):
            params = {"axis": axis, "keepdims": keepdims}
            try:
                expected = np.asarray(numpys(array, **params))
            except ValueError:
                with pytest.raises(sd.ShapeError, match=f"{name}: axis . has no entries"):
                    function(x, **params)
                continue
            calls: list[Callable[..., sd.Node]] = [function, numpys]
            if name in METHODS:
                calls.append(getattr(sd.Node, name))
            for call in calls:
                y = call(x, **params)
                value = sd.evaluate(y, {x: array})
                assert (y.dtype, y.shape) == (expected.dtype, expected.shape), params
                assert (value.dtype, value.shape) == (expected.dtype, expected.shape), params
                np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("name", ["sum", "prod"])
def test_the_dtype_asked_for_is_the_dtype_given(name: str) -> None:
    for dtype, asked in product(DTYPES, map(np.dtype, ("f8", "f4", "i8", "i1", "?", "c16"))):
        if dtype == "c16" and asked.kind != "c":
            continue  # NumPy warns that it drops the imaginary parts
        array = data((2, 3), dtype)
        x = sd.Graph().input("x", array)
        y = getattr(sd, name)(x, axis=0, dtype=asked)
        expected = getattr(np, name)(array, axis=0, dtype=asked)
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(sd.evaluate(y, {x: array}), expected)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_names_and_defaults_are_the_array_api_standards(name: str) -> None:
    expected = "(x, /, *, axis=None, dtype=None, keepdims=False)"
    if name != "prod":
        expected = expected.replace("dtype=None, ", "")
    given = signature(getattr(sd, name))
    bare = [p.replace(annotation=Parameter.empty) for p in given.parameters.values()]
    assert str(given.replace(parameters=bare, return_annotation=Parameter.empty)) == expected


@pytest.mark.parametrize(
    ("name", "ufunc"),
    [
        ("prod", np.multiply),
        ("max", np.maximum),
        ("min", np.minimum),
        ("any", np.logical_or),
        ("all", np.logical_and),
    ],
)
def test_a_ufuncs_reduce_works_along_the_first_axis_unless_told(
    name: str, ufunc: np.ufunc
) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    assert ufunc.reduce(x) is getattr(sd, name)(x, axis=0)
    assert ufunc.reduce(x, axis=None) is getattr(sd, name)(x)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_an_axis_that_does_not_exist_is_named_with_the_operand(name: str) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    function = getattr(sd, name)
    with pytest.raises(sd.ShapeError, match=rf"{name}: axis 2 is out of bounds(.|\n)*f64\[2,3\]"):
        function(x, axis=2)
    with pytest.raises(sd.ArgumentError, match=rf"{name}: keepdims must be a bool(.|\n)*f64\[2"):
        function(x, keepdims="yes")
    if not name.startswith("arg"):
        with pytest.raises(sd.ShapeError, match=rf"{name}: axis \(0, -2\) names an axis twice"):
            function(x, axis=(0, -2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.max(x, where=x > 0), "np.max: where= needs initial="),
        (lambda x: np.sum(x, where=x), r"np.sum: where= must be boolean(.|\n)*where = x"),
        (lambda x: np.add.reduce(x, out=np.ones(3)), "np.add: out= has no meaning"),
        (lambda x: np.prod(x, 0, None, np.ones(3)), "np.prod: out not available"),
        (lambda x: np.max(x, 0, None, False, 0.0, x), "np.max: where= must be boolean"),
        (lambda x: np.mean(x, dtype=int), r"np.mean: in dtype int64(.|\n)*a = x"),
    ],
)
def test_what_a_node_cannot_do_of_numpys_arguments_is_named(call: Any, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    with pytest.raises(sd.SymdiffError, match=message):
        call(x)


@pytest.mark.parametrize("call", ["function", "ufunc"])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all"])
def test_where_and_initial_are_numpys(name: str, call: str) -> None:
    array = np.array([[2.0, -1.0, 4.0], [0.0, 3.0, 5.0]])
    mask = np.array([[True, False, True], [False, False, False]])
    x = sd.Graph().input("x", array)
    ufuncs = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}
    ufuncs |= {"any": "logical_or", "all": "logical_and"}
    function = getattr(np, name) if call == "function" else getattr(np, ufuncs[name]).reduce
    choices: list[dict[str, Any]] = [{"where": mask, "initial": 1.5}, {"initial": 1.5}]
    if name in ("any", "all"):
        choices = [{"where": mask}]
    if name in ("sum", "prod"):
        choices += [{"where": mask}, {"where": mask[0], "dtype": np.float32}]
    for params, axis, keepdims in product(choices, (None, 0, 1), (False, True)):
        expected = np.asarray(function(array, axis=axis, keepdims=keepdims, **params))
        value = sd.evaluate(function(x, axis=axis, keepdims=keepdims, **params), {x: array})
        assert (value.dtype, value.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(value, expected)


def test_entries_left_out_have_no_derivative() -> None:
    array, mask = np.array([2.0, 0.0, -4.0, 5.0]), np.array([True, False, False, True])
    x = sd.Graph().input("x", array)
    for y, expected in (
        (np.sum(np.sqrt(x), where=mask), [0.5 / 2**0.5, 0, 0, 0.5 / 5**0.5]),
        (np.mean(np.log(x), where=mask), [0.25, 0, 0, 0.1]),
        (np.max(np.log(x), where=mask, initial=0.0), [0, 0, 0, 0.2]),
        (np.prod(np.log(x), where=mask), [np.log(5) / 2, 0, 0, np.log(2) / 5]),
    ):
        np.testing.assert_allclose(sd.evaluate(sd.grad(y, x), {x: array}), expected, rtol=1e-15)


def test_the_extreme_of_no_entries_is_the_initial_one() -> None:
    x = sd.Graph().input("x", sd.f32[0, 2])
    value = sd.evaluate(np.max(x, axis=0, initial=3.0), {x: np.ones((0, 2), np.float32)})
    np.testing.assert_array_equal(value, np.full(2, 3.0, np.float32), strict=True)


@pytest.mark.parametrize("where", [None, [True, False, True]])
def test_a_mean_where_is_numpys(where: Any) -> None:
    for dtype in ("f8", "f4", "f2", "i4", "c16", "?"):
        array = data((2, 3), dtype)
        x = sd.Graph().input("x", array)
        params = {} if where is None else {"where": np.array(where)}
        expected = np.mean(array, axis=1, **params)
        value = sd.evaluate(np.mean(x, axis=1, **params), {x: array})
        assert value.dtype == expected.dtype
        np.testing.assert_allclose(value, expected, rtol=1e-3 if dtype == "f2" else 1e-6)


# -- mean ----------------------------------------------------------------------------------


def test_the_mean_of_a_named_size_divides_by_it() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n", 2, "m"])
    value, gradient = sd.mean(x), sd.grad(sd.mean(x), x)
    assert sd.mean(x, axis=(0, 2)).type == sd.f64[2]
    for shape in ((3, 2, 4), (1, 2, 1)):
        array = np.arange(float(np.prod(shape))).reshape(shape)
        found = sd.evaluate([value, gradient], {x: array})
        np.testing.assert_allclose(found[0], array.mean(), rtol=1e-15)
        np.testing.assert_allclose(found[1], np.full(shape, 1 / array.size), rtol=1e-15)
    assert np.isnan(sd.evaluate(value, {x: np.ones((0, 2, 3))}))


def test_the_mean_of_float16_does_not_overflow() -> None:
    array = np.full(70_000, 2.0, np.float16)
    x = sd.Graph().input("x", array)
    gradient = sd.grad(sd.mean(x).astype(sd.f32) * 1e4, x)
    value, slope = sd.evaluate([sd.mean(x), gradient], {x: array})
    assert value == 2.0
    assert slope.dtype == np.float16
    np.testing.assert_allclose(slope, 1e4 / 70_000, rtol=1e-3)


def test_a_mean_in_another_dtype_is_of_the_values_cast() -> None:
    array = np.array([0.1, 0.2, 0.4], np.float32)
    x = sd.Graph().input("x", array)
    for y in (np.mean(x, dtype=np.float64), x.mean(dtype=sd.f64)):
        np.testing.assert_array_equal(sd.evaluate(y, {x: array}), array.mean(dtype=np.float64))


def test_the_mean_under_a_mask_gives_no_nan() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    z = sd.where(x[0] > 0, sd.mean(sd.sqrt(x)), 0.0)
    for order in range(2):
        z = sd.sum(sd.grad(z, x)) if order else z
        gradient = sd.grad(z, x, disconnected="zero")
        np.testing.assert_array_equal(sd.evaluate(gradient, {x: np.zeros(3)}), np.zeros(3))


# -- prod ----------------------------------------------------------------------------------


def products_without(array: np.ndarray, *left_out: int) -> float:
    """The product of all entries but some; 0 where one is left out twice: it is not linear."""
    if len(set(left_out)) < len(left_out):
        return 0.0
    return float(np.prod(np.delete(array, left_out)))


@pytest.mark.parametrize(
    "array",
    [
        np.array(a)
        for a in (
            [2.0, 3.0, 5.0, 7.0],
            [2.0, 0.0, 5.0, 7.0],
            [0.0, 3.0, 5.0, 0.0],
            [0.0, 0.0, 0.0, 7.0],
            [0.0, 0.0, 0.0, 0.0],
            [1e-200, 1e-200, 1e200, 1e-100],
            [4.0],
            [0.0],
        )
    ],
    ids=str,
)
def test_derivatives_of_a_product_are_exact_whatever_is_zero(array: np.ndarray) -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    gradient, hessian = sd.grad(sd.prod(x), x), sd.hessian(sd.prod(x), x)
    third = sd.jacobian(hessian, x)
    found = sd.evaluate([gradient, hessian, third], {x: array})
    n = array.size
    for order, actual in enumerate(found, 1):
        expected = [products_without(array, *k) for k in product(range(n), repeat=order)]
        np.testing.assert_allclose(actual.ravel(), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), (2, 1)])
def test_a_product_over_any_axes_has_both_modes_to_second_order(axis: Any) -> None:
    array = np.random.default_rng(1).normal(size=(2, 3, 2))
    array[0, 1] = array[1, 2, 0] = 0.0
    sd.testing.check_grad(lambda x: sd.prod(x, axis=axis) ** 2, array)
    sd.testing.check_grad(lambda x: sd.prod(x, axis=axis, keepdims=True) * x, array)


def test_a_product_in_a_wider_dtype_is_differentiated_in_it() -> None:
    array = np.array([1e30, 1e30, 1e-35], np.float32)
    x = sd.Graph().input("x", array)
    y = sd.prod(x, dtype=sd.f64)
    value, gradient = sd.evaluate([y, sd.grad(y, x)], {x: array})
    assert (value.dtype, gradient.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(gradient[:2], [1e-5, 1e-5], rtol=1e-6)


def test_the_gradient_of_a_long_product_has_as_many_nodes_as_that_of_a_short_one() -> None:
    sizes = []
    for n in (3, 100_000):
        g = sd.Graph()
        x = g.input("x", sd.f64[n])
        y = sd.prod(x)
        before = len(g)
        sd.hvp(y, x, x)
        sizes.append(len(g) - before)
    assert sizes[0] == sizes[1] <= 16


def test_a_long_product_with_a_zero_is_right_in_value_gradient_and_hvp() -> None:
    n, zero = 20_000, 777
    array = 1 + np.random.default_rng(0).normal(size=n) / n
    array[zero] = 0.0
    x = sd.Graph().input("x", sd.f64["n"])
    y = sd.prod(x)
    expected = np.zeros(n)
    expected[zero] = np.prod(np.delete(array, zero))
    np.testing.assert_allclose(sd.evaluate(sd.grad(y, x), {x: array}), expected, rtol=1e-12)
    for mode in ("forward-over-reverse", "reverse-over-reverse"):
        found = sd.evaluate(sd.hvp(y, x, x, mode=mode), {x: array})
        # The gradient is homogeneous of degree n - 1, so along x itself Euler's theorem holds.
        np.testing.assert_allclose(found, (n - 1) * expected, rtol=1e-10)


# -- max and min ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max", "min"])
def test_entries_that_tie_share_the_derivative_equally(name: str) -> None:
    array = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    array = array if name == "max" else -array
    x = sd.Graph().input("x", array)
    for keepdims in (False, True):
        y = getattr(sd, name)(x, axis=1, keepdims=keepdims)
        expected = np.array([[0, 1 / 2, 1 / 2], [1 / 3, 1 / 3, 1 / 3]])
        weights = np.array([2.0, -3.0]).reshape(y.shape)
        gradient = sd.grad(sd.sum(y * weights), x)
        tangent = sd.jvp(y, x, np.arange(6.0).reshape(2, 3))
        values = sd.evaluate([gradient, tangent], {x: array})
        np.testing.assert_allclose(values[0], expected * [[2.0], [-3.0]], rtol=1e-15)
        np.testing.assert_allclose(values[1].ravel(), [1.5, 4.0], rtol=1e-15)
        curvature = sd.hvp(sd.sum(y * weights), x, x)
        np.testing.assert_array_equal(sd.evaluate(curvature, {x: array}), np.zeros((2, 3)))


def test_the_square_of_a_maximum_has_curvature_between_the_entries_that_tie() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    found = sd.evaluate(sd.hessian(sd.max(x) ** 2, x), {x: [1.0, 4.0, 4.0]})
    np.testing.assert_allclose(found, 2 * np.outer([0, 0.5, 0.5], [0, 0.5, 0.5]))


@pytest.mark.parametrize("axis", [None, 0, (1, 2)])
@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_without_ties_have_both_modes_to_second_order(name: str, axis: Any) -> None:
    array = np.random.default_rng(2).permutation(12).reshape(2, 3, 2) / 3.0
    sd.testing.check_grad(lambda x: getattr(sd, name)(x, axis=axis) ** 3, array)


@pytest.mark.parametrize("name", ["max", "min"])
def test_nan_propagates_and_is_where_the_extreme_is(name: str) -> None:
    array = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 0.0]])
    x = sd.Graph().input("x", array)
    value = getattr(sd, name)(x, axis=1)
    place = getattr(sd, f"arg{name}")(x, axis=1)
    found = sd.evaluate([value, place, sd.grad(sd.sum(value), x)], {x: array})
    other = {"max": (2.0, 1), "min": (0.0, 2)}[name]
    np.testing.assert_array_equal(found[0], [np.nan, other[0]])
    np.testing.assert_array_equal(found[1], [1, other[1]])
    np.testing.assert_array_equal(found[2], [[0, 0, 0], np.arange(3) == other[1]])


@pytest.mark.parametrize("name", ["max", "min", "nanmax", "nanmin"])
def test_no_derivative_is_nan_where_there_is_nothing_but_nan(name: str) -> None:
    array = np.array([[np.nan, np.nan], [1.0, 1.0]])
    x = sd.Graph().input("x", array)
    y = getattr(sd, name)(x, axis=1)
    found = sd.evaluate([y, sd.jvp(y, x, np.ones((2, 2))), sd.grad(sd.sum(y), x)], {x: array})
    np.testing.assert_array_equal(found[0], [np.nan, 1.0])
    np.testing.assert_array_equal(found[1], [0.0, 1.0])
    np.testing.assert_array_equal(found[2], [[0.0, 0.0], [0.5, 0.5]])


def test_an_entry_that_is_not_the_maximum_has_no_gradient_even_where_it_would_be_infinite() -> (
    None
):
    g = sd.Graph()
    x = g.input("x", sd.f64[2])
    z = sd.max(sd.sqrt(x))
    point = {x: [0.0, 4.0]}
    np.testing.assert_array_equal(sd.evaluate(sd.grad(z, x), point), [0.0, 0.25])
    np.testing.assert_array_equal(
        sd.evaluate(sd.hessian(z, x), point), [[0.0, 0.0], [0.0, -1 / 32]]
    )


@pytest.mark.parametrize("axis", [0, 1, None])
def test_a_maximum_in_a_branch_not_taken_has_no_gradient(axis: int | None) -> None:
    x = sd.Graph().input("x", sd.f64[2, 2])
    y = sd.max(sd.sqrt(x), axis=axis)
    for taken in (y > 1.0, sd.max(y) > 1.0):
        z = sd.sum(sd.where(taken, sd.log(y), 0.0))
        found = sd.evaluate([sd.grad(z, x), sd.hvp(z, x, x)], {x: np.zeros((2, 2))})
        np.testing.assert_array_equal(found, np.zeros((2, 2, 2)))


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_a_named_size_of_zero_is_refused_at_the_call(name: str) -> None:
    x = sd.Graph().input("x", sd.f64["n", "m"])
    function = getattr(sd, name)
    whole, rows = function(x), function(x, axis=1)
    assert sd.evaluate(rows, {x: np.ones((0, 2))}).shape == (0,)
    for y in (whole, rows):
        with pytest.raises(sd.ShapeError, match=r"needs m >= 1, but m = 0, n = 2"):
            sd.evaluate(y, {x: np.ones((2, 0))})
    kept = function(sd.Graph().input("x", sd.f64["n + 1"]))
    assert not kept.graph.requirements()


# -- logic and places ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["any", "all", "argmax", "argmin", "count_nonzero"])
def test_no_derivative_passes_through_truth_values_and_places(name: str) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    z = sd.sum(x**2) * getattr(sd, name)(x).astype(sd.f64)
    found = sd.evaluate([sd.grad(z, x), getattr(sd, name)(x)], {x: [1.0, 3.0, 2.0]})
    np.testing.assert_array_equal(found[0], np.array([2.0, 6.0, 4.0]) * found[1])
    with pytest.raises(sd.DisconnectedError):
        sd.grad(getattr(sd, name)(x).astype(sd.f64), x)


def test_the_place_of_the_largest_entry_is_the_first_of_those_that_tie() -> None:
    x = sd.Graph().input("x", sd.f64["n", 2])
    array = np.array([[1.0, 5.0], [5.0, 0.0], [5.0, 5.0]])
    found = sd.evaluate([sd.argmax(x), sd.argmax(x, axis=0)], {x: array})
    assert found[0] == 1
    np.testing.assert_array_equal(found[1], [1, 0])


# -- how gradients read --------------------------------------------------------------------


def test_gradients_of_reductions_read_as_mathematics(golden: Callable[[str, str], None]) -> None:
    texts = []
    for name in ("mean", "prod", "max"):
        g = sd.Graph(f"{name}_of_rows")
        x = g.input("x", sd.f64["n", 3])
        texts.append(sd.text(sd.grad(sd.sum(getattr(sd, name)(x, axis=1) ** 2), x)))
    golden("ops/gradients_of_reductions", "\n\n".join(texts))
