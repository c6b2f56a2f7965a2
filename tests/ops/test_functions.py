"""Elementary functions at 50 digits, at their singular points, and under NumPy's names."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
from mpmath import mp, mpf

import symdiff as sd
from symdiff.op import REGISTRY

inf, nan = np.inf, np.nan

# -- accuracy --------------------------------------------------------------------------------

TINY = (1e-300, -1e-300, 1e-30, -1e-12, 3e-9)
ORDINARY = (0.0, 0.1, -0.7, 1.0, 1.7, -2.5)
INSIDE = (0.0, 0.1, -0.5, 0.9, 1 - 1e-8, -1 + 3e-12, 1 - 2**-53, -1 + 2**-53)
POSITIVE = (1e-300, 1e-30, 0.3, 1.0, 1 + 1e-12, 2.5, 1e8, 1e300)
ABOVE_ONE = (1 + 2**-52, 1 + 1e-12, 1 + 3e-8, 1.3, 7.0, 1e8, 1e200, 1e300)

# Name: the function, its derivative, and where they are compared.
ONE_OPERAND: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[float, ...]]] = {
    "acos": (mp.acos, lambda x: -1 / mp.sqrt(1 - x * x), INSIDE),
    "acosh": (mp.acosh, lambda x: 1 / mp.sqrt(x * x - 1), ABOVE_ONE),
    "asin": (mp.asin, lambda x: 1 / mp.sqrt(1 - x * x), (*INSIDE, *TINY)),
    "asinh": (mp.asinh, lambda x: 1 / mp.sqrt(1 + x * x), (*ORDINARY, *TINY, 1e8, -1e200)),
    "atan": (mp.atan, lambda x: 1 / (1 + x * x), (*ORDINARY, *TINY, 1e8, -1e150)),
    "atanh": (mp.atanh, lambda x: 1 / (1 - x * x), (*INSIDE, *TINY)),
    "cosh": (mp.cosh, mp.sinh, (*ORDINARY, *TINY, 700.0, -700.0)),
    "exp2": (
        lambda x: mpf(2) ** x,
        lambda x: mp.log(2) * mpf(2) ** x,
        (*ORDINARY, *TINY, -1000.0),
    ),
    "expm1": (mp.expm1, mp.exp, (*ORDINARY, *TINY, 700.0, -40.0, -700.0)),
    "log10": (mp.log10, lambda x: 1 / (x * mp.log(10)), POSITIVE),
    "log1p": (mp.log1p, lambda x: 1 / (1 + x), (*POSITIVE, *TINY, -0.5, -1 + 2**-53)),
    "log2": (lambda x: mp.log(x, 2), lambda x: 1 / (x * mp.log(2)), POSITIVE),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2, (1e-150, -0.3, 7.0, 1e150)),
    "sinh": (mp.sinh, mp.cosh, (*ORDINARY, *TINY, 700.0, -700.0)),
    "square": (lambda x: x * x, lambda x: 2 * x, (*ORDINARY, 1e-150, 1e150)),
    "tan": (mp.tan, lambda x: 1 + mp.tan(x) ** 2, (*ORDINARY, *TINY, 1.5707963, 3.0, 1e8)),
}


def ulps(value: Any, exact: Any) -> float:
    """The error in units of the last place of the exact result."""
    return float(abs(mpf(float(value)) - exact) / mpf(float(np.spacing(abs(float(exact))))))


def worst(values: Any, exact: list[Any]) -> float:
    return max(ulps(v, e) for v, e in zip(values, exact, strict=True))


@pytest.mark.parametrize("name", ONE_OPERAND)
def test_value_and_derivative_are_right_to_the_last_digits(name: str) -> None:
    function, derivative, points = ONE_OPERAND[name]
    x = sd.Graph().input("x", sd.f64[len(points)])
    y = getattr(sd, name)(x)
    value, slope = sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: points})
    with mpmath.workdps(50):
        assert worst(value, [function(mpf(p)) for p in points]) <= 4
        assert worst(slope, [derivative(mpf(p)) for p in points]) <= 6


PAIRS = (
    (3.0, 4.0),
    (-1.0, 2.0),
    (0.0, 2.0),
    (0.0, -2.0),
    (-3.0, 0.0),
    (1e-3, -1e5),
    (1e200, -2e200),
    (-1e-200, 3e-200),
    (1e-300, 5.0),
)
TWO_OPERANDS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "atan2": (
        mp.atan2,
        lambda a, b: b / (a * a + b * b),
        lambda a, b: -a / (a * a + b * b),
    ),
    "hypot": (
        lambda a, b: mp.sqrt(a * a + b * b),
        lambda a, b: a / mp.sqrt(a * a + b * b),
        lambda a, b: b / mp.sqrt(a * a + b * b),
    ),
}


@pytest.mark.parametrize("name", TWO_OPERANDS)
def test_both_partials_are_right_where_squares_would_overflow_or_vanish(name: str) -> None:
    function, *partials = TWO_OPERANDS[name]
    g = sd.Graph()
    a, b = g.input("a", sd.f64[len(PAIRS)]), g.input("b", sd.f64[len(PAIRS)])
    y = getattr(sd, name)(a, b)
    first, second = np.array(PAIRS).T
    value, *slopes = sd.evaluate([y, *sd.grad(sd.sum(y), [a, b])], {a: first, b: second})
    with mpmath.workdps(50):
        pairs = [(mpf(p), mpf(q)) for p, q in PAIRS]
        assert worst(value, [function(p, q) for p, q in pairs]) <= 2
        for slope, partial in zip(slopes, partials, strict=True):
            assert worst(slope, [partial(p, q) for p, q in pairs]) <= 4


def test_cathetus_keeps_its_digits_near_the_diagonal_and_at_the_ends() -> None:
    pairs = [(1 + 2**-52, 1.0), (1e200, -1e200 * (1 - 2**-53)), (5.0, 3.0), (2.0, 0.0)]
    g = sd.Graph()
    h, a = g.input("h", sd.f64[4]), g.input("a", sd.f64[4])
    value = sd.evaluate(sd.cathetus(h, a), dict(zip((h, a), np.array(pairs).T, strict=True)))
    with mpmath.workdps(50):
        exact = [mp.sqrt((mpf(p) - mpf(q)) * (mpf(p) + mpf(q))) for p, q in pairs]
        assert worst(value, exact) <= 3


# -- singular points -------------------------------------------------------------------------


def orders(name: str, point: float) -> list[float]:
    """Value, first and second derivative of an op of one operand."""
    x = sd.Graph().input("x", sd.f64)
    y = getattr(sd, name)(x)
    first = sd.grad(y, x)
    return [float(v) for v in sd.evaluate([y, first, sd.grad(first, x)], {x: point})]


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("acos", 1.0, [0.0, -inf, -inf]),
        ("acos", -1.0, [np.pi, -inf, inf]),
        ("acosh", 1.0, [0.0, inf, -inf]),
        ("asin", 1.0, [np.pi / 2, inf, inf]),
        ("asin", -1.0, [-np.pi / 2, inf, -inf]),
        ("atan", 0.0, [0.0, 1.0, 0.0]),
        ("atanh", 1.0, [inf, inf, inf]),
        ("atanh", -1.0, [-inf, inf, -inf]),
        ("expm1", -inf, [-1.0, 0.0, 0.0]),
        ("log1p", -1.0, [-inf, inf, -inf]),
        ("log10", 0.0, [-inf, inf, -inf]),
        ("log2", 0.0, [-inf, inf, -inf]),
        ("reciprocal", 0.0, [inf, -inf, inf]),
        ("reciprocal", inf, [0.0, 0.0, 0.0]),
        ("sinh", 0.0, [0.0, 1.0, 0.0]),
        ("square", 0.0, [0.0, 0.0, 2.0]),
        ("tan", 0.0, [0.0, 1.0, 0.0]),
    ],
)
def test_at_singular_points_derivatives_are_their_limits(
    name: str, point: float, expected: list[float]
) -> None:
    np.testing.assert_array_equal(orders(name, point), expected)


@pytest.mark.parametrize(("name", "point"), [("asin", 1.5), ("acos", -2.0), ("acosh", 0.5)])
def test_outside_the_domain_value_and_derivative_are_nan(name: str, point: float) -> None:
    assert np.isnan(orders(name, point)).all()


@pytest.mark.parametrize("name", ["atan2", "hypot"])
def test_at_the_origin_all_derivatives_are_zero_by_convention(name: str) -> None:
    x = sd.Graph().input("x", sd.f64[2])
    y = getattr(sd, name)(x[0], x[1])
    gradient, hessian = sd.evaluate([sd.grad(y, x), sd.hessian(y, x)], {x: [0.0, 0.0]})
    np.testing.assert_array_equal(gradient, 0.0)
    np.testing.assert_array_equal(hessian, 0.0)


@pytest.mark.parametrize("point", [(0.0, 2.0), (0.0, -2.0), (2.0, 0.0), (-2.0, 0.0)])
def test_second_derivatives_of_the_angle_on_the_axes(point: tuple[float, float]) -> None:
    x = sd.Graph().input("x", sd.f64[2])
    hessian = sd.evaluate(sd.hessian(sd.atan2(x[0], x[1]), x), {x: point})
    a, b = point
    r4 = (a * a + b * b) ** 2
    exact = np.array([[-2 * a * b, a * a - b * b], [a * a - b * b, 2 * a * b]]) / r4
    np.testing.assert_allclose(hessian, exact, atol=1e-16)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160])
def test_second_derivatives_of_the_angle_have_no_nan_near_the_origin_or_far(size: float) -> None:
    pairs = np.array([(0, 1), (0, -1), (1, 0), (-1, -0.0), (1, 1), (3, -4)])
    a, b = pairs.T
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    first = sd.grad(sd.sum(sd.atan2(x, y)), [x, y])
    second = [sd.grad(sd.sum(d), [x, y]) for d in first]
    forward = [[sd.jvp(d, by, np.ones(6)) for by in (x, y)] for d in first]
    with np.errstate(over="ignore"):
        r4 = (a * a + b * b) ** 2
        across, along = -2 * a * b / r4 / size / size, (a * a - b * b) / r4 / size / size
    expected = [[across, along], [along, -across]]
    for found in sd.evaluate([second, forward], {x: a * size, y: b * size}):
        np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_the_curvature_of_a_hypotenuse_does_not_cancel() -> None:
    """∂²h/∂a² is b²/h³ and not 1/h - a²/h³, of which nothing is left for b << a."""
    pairs = np.array([(1.0, 1e-12), (1e-12, 1.0), (-3.0, 4.0), (1e300, 1.0), (1e-160, 2e-160)])
    a, b = pairs.T
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    first = sd.grad(sd.sum(sd.hypot(x, y)), [x, y])
    (xx, xy), (yx, yy) = (sd.grad(sd.sum(d), [x, y]) for d in first)
    found = sd.evaluate([xx, xy, yx, yy], {x: a, y: b})
    with mpmath.workdps(50):
        for k, (p, q) in enumerate(pairs):
            h = mp.sqrt(mpf(p) ** 2 + mpf(q) ** 2)
            exact = [mpf(q) ** 2, -mpf(p) * mpf(q), -mpf(p) * mpf(q), mpf(p) ** 2]
            for value, numerator in zip(found, exact, strict=True):
                np.testing.assert_allclose(value[k], float(numerator / h**3), rtol=4e-15)


def test_the_slope_of_a_hypotenuse_far_out_is_its_limit() -> None:
    a, b = np.array([inf, -inf, 1.0, 1e308, 5e-324]), np.array([1.0, 2.0, inf, 1e308, 5e-324])
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    dx, dy = sd.evaluate(sd.grad(sd.sum(sd.hypot(x, y)), [x, y]), {x: a, y: b})
    half = np.sqrt(0.5)
    np.testing.assert_allclose(dx, [1, -1, 0, half, half])
    np.testing.assert_allclose(dy, [0, 0, 1, half, half])


def test_the_slope_of_the_inverse_tangent_reaches_the_smallest_numbers() -> None:
    x = sd.Graph().input("x", sd.f64[4])
    y = sd.atan(x)
    first = sd.grad(sd.sum(y), x)
    found = sd.evaluate([first, sd.grad(sd.sum(first), x)], {x: [1e160, -1e300, 0.0, 1.0]})
    np.testing.assert_allclose(found[0], [1e-320, 0.0, 1.0, 0.5])
    np.testing.assert_allclose(found[1], [0, 0, 0, -0.5], rtol=1e-15)


def test_the_angle_follows_signed_zeros() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[4]), g.input("b", sd.f64[4])
    zeros, sides = [0.0, -0.0, 0.0, -0.0], [1.0, 1.0, -1.0, -1.0]
    value = sd.evaluate(sd.atan2(a, b), {a: zeros, b: sides})
    np.testing.assert_array_equal(value, [0.0, -0.0, np.pi, -np.pi])
    assert list(np.signbit(value)) == [False, True, False, True]


# -- x log y ---------------------------------------------------------------------------------

X_LOG = {
    "xlogy": (scipy.special.xlogy, 0.0, lambda v: v),
    "xlog1py": (scipy.special.xlog1py, -1.0, lambda v: 1 + v),
}


@pytest.mark.parametrize("name", X_LOG)
def test_x_log_is_scipys_at_zeros_infinities_and_nan(name: str) -> None:
    values = [0.0, -0.0, -1.0, 1.0, 0.5, inf, nan]
    a, b = (c.ravel() for c in np.meshgrid(values, values))
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    with np.errstate(all="ignore"):
        expected = X_LOG[name][0](a, b)
    np.testing.assert_allclose(
        sd.evaluate(getattr(sd, name)(x, y), {x: a, y: b}), expected, rtol=1e-15
    )


@pytest.mark.parametrize("name", X_LOG)
def test_derivatives_of_x_log_where_x_is_zero(name: str) -> None:
    _, pole, inner = X_LOG[name]
    x = sd.Graph().input("x", sd.f64[2])
    y = getattr(sd, name)(x[0], x[1])
    nodes = [y, sd.grad(y, x), sd.hessian(y, x)]
    value, gradient, hessian = sd.evaluate(nodes, {x: [0.0, 0.25]})
    assert value == 0
    np.testing.assert_allclose(gradient, [np.log(inner(0.25)), 0.0])
    np.testing.assert_allclose(hessian, [[0.0, 1 / inner(0.25)], [1 / inner(0.25), 0.0]])
    value, gradient = sd.evaluate(nodes[:2], {x: [0.0, pole]})
    assert value == 0
    np.testing.assert_array_equal(gradient, [-inf, 0.0])


@pytest.mark.parametrize("name", X_LOG)
def test_zero_times_the_logarithm_of_zero_gives_no_warning(name: str) -> None:
    pole = X_LOG[name][1]
    g = sd.Graph()
    x, y = g.input("x", sd.f64[2]), g.input("y", sd.f64[2])
    z = getattr(sd, name)(x, y)
    f = sd.compile([x, y], [z, sd.grad(sd.sum(z), y)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, slope = f([0.0, 0.0], [pole, 3.0])
    np.testing.assert_array_equal([value, slope], 0.0)


# -- rounding and tests ----------------------------------------------------------------------

HALVES = np.array([-2.5, -1.5, -0.5, -0.0, 0.5, 1.2, 1.5, 2.5, inf, nan])


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round"])
def test_rounding_is_numpys_and_has_a_zero_derivative(name: str) -> None:
    x = sd.Graph().input("x", sd.f64[HALVES.size])
    y = getattr(sd, name)(x)
    value, slope = sd.evaluate([y, sd.grad(sd.sum(y * y), x)], {x: HALVES})
    np.testing.assert_array_equal(value, getattr(np, name)(HALVES))
    np.testing.assert_array_equal(slope, 0.0)


@pytest.mark.parametrize("dtype", ["i8", "u8", "i64"])
def test_rounded_integers_are_the_integers(dtype: str) -> None:
    x = sd.Graph().input("x", getattr(sd, dtype)[3])
    assert sd.round(x) is x
    assert sd.floor(x).type == sd.ceil(x).type == sd.trunc(x).type == x.type


@pytest.mark.parametrize("decimals", [0, 2, -1])
def test_numpys_round_takes_decimals(decimals: int) -> None:
    floats, integers = np.array([1.005, -27.456, 15.0]), np.array([14, -15, 25])
    g = sd.Graph()
    x, n = g.input("x", floats), g.input("n", integers)
    nodes = [np.round(x, decimals), np.around(x, decimals=decimals), np.round(n, decimals)]
    found = sd.evaluate(nodes, {x: floats, n: integers})
    for value, expected in zip(
        found, [*[np.round(floats, decimals)] * 2, np.round(integers, decimals)], strict=True
    ):
        np.testing.assert_array_equal(value, expected)
        assert value.dtype == expected.dtype


@pytest.mark.parametrize("name", ["isnan", "isinf", "isfinite"])
def test_tests_for_special_values_are_numpys(name: str) -> None:
    values = np.array([nan, inf, -inf, 0.0, 1e308])
    x = sd.Graph().input("x", values)
    y = getattr(sd, name)(x)
    assert y.type == sd.bool_[5]
    np.testing.assert_array_equal(sd.evaluate(y, {x: values}), getattr(np, name)(values))


# -- NumPy's names, types, errors ------------------------------------------------------------

NUMPY_NAMES = {
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cosh": np.cosh,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "isfinite": np.isfinite,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "reciprocal": np.reciprocal,
    "round": np.rint,
    "sinh": np.sinh,
    "square": np.square,
    "tan": np.tan,
    "trunc": np.trunc,
}


@pytest.mark.parametrize("name", NUMPY_NAMES)
def test_numpys_function_on_a_node_is_ours(name: str) -> None:
    x = sd.Graph().input("x", sd.f32["n"])
    assert NUMPY_NAMES[name](x) is getattr(sd, name)(x)


def test_numpys_functions_of_two_operands_on_nodes_are_ours() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["n"])
    assert np.arctan2(x, y) is sd.atan2(x, y)
    assert np.hypot(x, y) is sd.hypot(x, y)
    assert np.logical_xor(x, y) is sd.logical_xor(x, y)
    assert np.fix(x) is sd.trunc(x)
    np.testing.assert_array_equal(
        sd.evaluate(sd.logical_xor(x, y), {x: [0.0, 1.0, 2.0], y: [3.0, 0.0, -1.0]}),
        [True, True, False],
    )


@pytest.mark.parametrize("dtype", ["f16", "f32"])
@pytest.mark.parametrize("name", [*ONE_OPERAND, *TWO_OPERANDS, *X_LOG, "cathetus"])
def test_narrow_dtypes_stay_in_value_and_gradient(name: str, dtype: str) -> None:
    g = sd.Graph()
    type_ = getattr(sd, dtype)["n"]
    inputs = [g.input(a, type_) for a in REGISTRY.ops[name].arguments]
    y = getattr(sd, name)(*inputs)
    gradients = sd.grad(sd.sum(y), inputs)
    assert {n.type for n in [y, *gradients]} == {type_}
    assert all(n.dtype.kind == "b" or n.dtype == type_.dtype for n in g.nodes)


def test_named_sizes_broadcast_with_themselves_only() -> None:
    g = sd.Graph()
    x, y, z = g.input("x", sd.f64["n", 1]), g.input("y", sd.f64["m"]), g.input("z", sd.f64["n"])
    assert sd.hypot(x, y).type == sd.f64["n", "m"]
    with pytest.raises(sd.ShapeError, match=r"atan2: shapes \(m,\) and \(n,\) do not broadcast"):
        sd.atan2(y, z)


def test_a_dtype_without_meaning_is_refused_with_the_operand() -> None:
    z = sd.Graph().input("z", sd.c128[3])
    with pytest.raises(sd.DTypeError, match=r"floor: no meaning for operands of dtype c128\n.*z "):
        sd.floor(z)


def test_complex_values_pass_through_analytic_functions() -> None:
    values = np.array([0.3 + 0.4j, -0.2 - 0.1j])
    z = sd.Graph().input("z", values)
    np.testing.assert_allclose(sd.evaluate(sd.asin(z), {z: values}), np.arcsin(values))
    with pytest.raises(sd.NotDifferentiableError, match="c128"):
        sd.grad(sd.sum(sd.asin(z)), z)
