"""Roots, signs, steps, remainders, parts of numbers, sinc, and what is done about NaN."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import symdiff as sd
from symdiff.op import REGISTRY

inf, nan = np.inf, np.nan
TINY, HUGE = 5e-324, np.finfo(float).max
SPECIAL = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -3.0, 2.5, TINY, -HUGE, inf, -inf, nan])


def orders(f: Callable[..., sd.Node], at: Any, count: int = 2) -> list[np.ndarray]:
    """Value and derivatives of an elementwise function, each entry by itself."""
    at = np.asarray(at)
    x = sd.Graph().input("x", at)
    found = [f(x)]
    for _ in range(count):
        found.append(sd.grad(sd.sum(found[-1]), x, disconnected="zero"))
    return sd.evaluate(found, {x: at})


# -- values and dtypes are NumPy's -----------------------------------------------------------

ONE = [
    "cbrt",
    "deg2rad",
    "frexp",
    "modf",
    "nan_to_num",
    "rad2deg",
    "signbit",
    "spacing",
    "isneginf",
    "isposinf",
]
TWO = ["copysign", "fmod", "heaviside", "logaddexp2", "nextafter", "float_power", "fmax", "fmin"]
WHOLE = ["gcd", "lcm", "bitwise_left_shift", "bitwise_right_shift"]


def assert_same(found: Any, expected: Any) -> None:
    parts = (
        zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    )
    for value, numpys in parts:
        np.testing.assert_array_equal(value, numpys)
        assert value.dtype == np.asarray(numpys).dtype
        if value.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(value), np.signbit(numpys))


def evaluated(y: sd.Node, point: dict[sd.Node, Any]) -> Any:
    return (
        tuple(sd.evaluate(list(y), point))
        if isinstance(y.type, sd.TupleType)
        else sd.evaluate(y, point)
    )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i8", "u2", "?"])
@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_operand_are_numpys(name: str, dtype: str) -> None:
    with np.errstate(all="ignore"):
        values = (SPECIAL if dtype[0] == "f" else np.array([0, 1, 3, 100])).astype(dtype)
    x = sd.Graph().input("x", values)
    expected = getattr(np, name)(values)
    for function in (getattr(sd, name), getattr(np, name)):
        assert_same(evaluated(function(x), {x: values}), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "dtypes", [("f8", "f8"), ("f4", "f4"), ("f4", "f8"), ("i4", "f4"), ("i8", "i8")]
)
@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_operands_are_numpys(name: str, dtypes: tuple[str, str]) -> None:
    pool = SPECIAL if "i" not in dtypes[0] else np.array([1.0, 2.0, 3.0, 7.0])
    with np.errstate(all="ignore"):
        a, b = (c.ravel().astype(d) for c, d in zip(np.meshgrid(pool, pool), dtypes, strict=True))
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    expected = getattr(np, name)(a, b)
    for function in (getattr(sd, name), getattr(np, name)):
        assert_same(sd.evaluate(function(x, y), {x: a, y: b}), expected)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "i8", "u4"])
@pytest.mark.parametrize("name", WHOLE)
def test_functions_of_integers_are_numpys(name: str, dtype: str) -> None:
    a, b = np.array([0, 12, 18, 100, 7], dtype), np.array([5, 18, 0, 3, 1], dtype)
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    for function in (getattr(sd, name), getattr(np, name)):
        assert_same(sd.evaluate(function(x, y), {x: a, y: b}), getattr(np, name)(a, b))


def test_shifts_are_operators() -> None:
    n = sd.Graph().input("n", sd.i32[3])
    values = np.array([1, 5, -7], np.int32)
    for f in (lambda n: n << 2, lambda n: n >> 1, lambda n: 1 << abs(n), lambda n: 99 >> abs(n)):
        assert_same(sd.evaluate(f(n), {n: values}), f(values))


def test_a_weak_number_takes_the_operands_dtype() -> None:
    x = sd.Graph().input("x", sd.f32["n"])
    for y in (sd.copysign(x, -1.0), sd.fmod(2.0, x), sd.heaviside(x, 0.5), sd.fmax(x, 0)):
        assert y.type == sd.f32["n"]
    assert sd.ldexp(x, 3).type == sd.f32["n"]
    assert sd.float_power(x, 2).type == sd.f64["n"]


def test_a_number_keeps_its_digits_in_double_precision() -> None:
    x = sd.Graph().input("x", sd.f32[1])
    at = np.array([2.0], np.float32)
    assert sd.evaluate(sd.float_power(x, 0.1), {x: at}) == np.float_power(at, 0.1)


NUMPY_NAMES = (
    (np.radians, sd.deg2rad),
    (np.degrees, sd.rad2deg),
    (np.deg2rad, sd.deg2rad),
    (np.fabs, sd.abs),
    (np.positive, sd.positive),
    (np.sinc, sd.sinc),
    (np.absolute, sd.abs),
    (np.nan_to_num, sd.nan_to_num),
)


@pytest.mark.parametrize(("numpys", "ours"), NUMPY_NAMES)
def test_numpys_name_makes_the_same_node(numpys: Any, ours: Any) -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    assert numpys(x) is ours(x)


def test_fabs_of_integers_is_floating() -> None:
    n = sd.Graph().input("n", sd.i8[2])
    values = np.array([-128, 3], np.int8)
    assert_same(sd.evaluate(np.fabs(n), {n: values}), np.fabs(values))


def test_positive_is_the_node_itself() -> None:
    x = sd.Graph().input("x", sd.i8[2])
    assert sd.positive(x) is x
    assert +x is x


# -- cube root -------------------------------------------------------------------------------


def test_the_cube_root_has_its_limits_at_zero_at_both_orders() -> None:
    value, first, second = orders(sd.cbrt, [0.0, -0.0, 8.0, -8.0])
    np.testing.assert_array_equal(value, [0.0, 0.0, 2.0, -2.0])
    np.testing.assert_allclose(first, [inf, inf, 1 / 12, 1 / 12], rtol=1e-15)
    np.testing.assert_allclose(second, [-inf, inf, -1 / 144, 1 / 144], rtol=1e-15)


def test_the_cube_root_neither_overflows_nor_vanishes_on_the_way() -> None:
    at = np.array([1e-300, -1e-180, 1e150, -1e300])
    _, first, second = orders(sd.cbrt, at)
    roots = [mp.cbrt(abs(mpf(v))) for v in at]
    np.testing.assert_allclose(first, [float(1 / (3 * r**2)) for r in roots], rtol=1e-15)
    exact = [-np.sign(v) * float(2 / (9 * r**5)) for v, r in zip(at, roots, strict=True)]
    np.testing.assert_allclose(second[1:], exact[1:], rtol=1e-14)


def test_a_cube_root_under_a_mask_is_never_reached() -> None:
    _, first, second = orders(lambda x: sd.where(x != 0, sd.cbrt(x), 0.0), [0.0, 8.0])
    np.testing.assert_allclose(first, [0.0, 1 / 12])
    np.testing.assert_allclose(second, [0.0, -1 / 144])


# -- signs and steps -------------------------------------------------------------------------


def test_copysign_has_the_derivative_of_abs_with_a_sign() -> None:
    a = np.array([2.0, -2.0, 2.0, -2.0, 0.0, -0.0])
    b = np.array([1.0, 1.0, -0.0, -inf, -1.0, 1.0])
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    z = sd.copysign(x, y)
    dx, dy = sd.evaluate(sd.grad(sd.sum(z), [x, y], disconnected="zero"), {x: a, y: b})
    np.testing.assert_array_equal(dx, [1, -1, -1, 1, 0, 0])
    np.testing.assert_array_equal(dy, 0)


def test_the_step_gives_its_gradient_to_the_value_at_the_jump() -> None:
    a = np.array([-1.0, 0.0, -0.0, 2.0, nan])
    g = sd.Graph()
    x, h = g.input("x", a), g.input("h", sd.f64[()])
    y = sd.heaviside(x, h)
    dx, dh = sd.evaluate(sd.grad(sd.sum(y), [x, h], disconnected="zero"), {x: a, h: 0.25})
    np.testing.assert_array_equal(dx, 0)
    assert dh == 2
    tangent = sd.evaluate(sd.jvp(y, h, 1.0), {x: a, h: 0.25})
    np.testing.assert_array_equal(tangent, [0, 1, 1, 0, 0])


def test_a_step_to_the_next_number_counts_as_constant() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    up = sd.nextafter(x, inf)
    value, slope = sd.evaluate([up, sd.grad(sd.sum(up * up), x)], {x: [1.0, -1.0, 0.0]})
    np.testing.assert_array_equal(slope, 2 * value)
    np.testing.assert_array_equal(value[2], TINY)


def test_signs_and_spacing_have_a_derivative_of_zero() -> None:
    for f in (sd.spacing, lambda x: sd.where(sd.signbit(x), 1.0, 2.0)):
        np.testing.assert_array_equal(orders(f, [1.0, -1.0, 0.0], 1)[1], 0)


# -- remainders ------------------------------------------------------------------------------

DIVIDENDS = np.array([7.0, -7.0, 7.0, -7.0, 6.0, 1.0, 1e17, 0.0, 5.0])
DIVISORS = np.array([3.0, 3.0, -3.0, -3.0, 3.0, 0.1, 3.0, 2.0, inf])


@pytest.mark.parametrize(
    ("f", "quotient"),
    [
        (sd.fmod, [2, -2, -2, 2, 2, 9, 33333333333333333, 0, 0]),
        (sd.remainder, [2, -3, -3, 2, 2, 9, 33333333333333333, 0, 0]),
    ],
)
def test_a_remainder_changes_by_the_whole_quotient(f: Any, quotient: list[int]) -> None:
    """1 % 0.1 is just below 0.1: the quotient is 9 though 1 / 0.1 is rounded to 10."""
    g = sd.Graph()
    a, b = g.input("a", DIVIDENDS), g.input("b", DIVISORS)
    first = sd.grad(sd.sum(f(a, b)), [a, b])
    second = [sd.grad(sd.sum(d), [a, b], disconnected="zero") for d in first]
    (da, db), second = sd.evaluate([first, second], {a: DIVIDENDS, b: DIVISORS})
    np.testing.assert_array_equal(da, 1)
    np.testing.assert_allclose(db, -np.array(quotient, float), rtol=1e-15)
    np.testing.assert_array_equal(second, 0)


# -- parts of numbers ------------------------------------------------------------------------


def test_a_power_of_two_scales_the_gradient_without_overflow() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    n = x.graph.constant(np.array([1100, -1100]))
    y = sd.ldexp(x, n)
    at = np.array([2.0**-200, 2.0**200])
    value, slope = sd.evaluate([y, sd.grad(sd.sum(y * 2.0**-200), x)], {x: at})
    np.testing.assert_array_equal(value, [2.0**900, 2.0**-900])
    np.testing.assert_array_equal(slope, [2.0**900, 0.0])


def test_mantissa_and_exponent_come_apart_with_the_derivative_of_the_mantissa() -> None:
    at = np.array([8.0, -0.3, 5e-324, 0.0])
    x = sd.Graph().input("x", at)
    mantissa, exponent = np.frexp(x)
    assert (mantissa.type, exponent.type) == (sd.f64[4], sd.i32[4])
    slope = sd.grad(sd.sum(mantissa**2), x)
    m, e, d = sd.evaluate([mantissa, exponent, slope], {x: at})
    np.testing.assert_array_equal(np.ldexp(m, e), at)
    np.testing.assert_array_equal(d[:2], 2 * m[:2] * 2.0 ** -e[:2])


def test_the_fractional_part_moves_with_its_operand() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    fraction, whole = sd.modf(x)
    slopes = [sd.grad(sd.sum(part * part), x, disconnected="zero") for part in (fraction, whole)]
    found = sd.evaluate(slopes, {x: [1.25, -2.5, 3.0]})
    np.testing.assert_array_equal(found, [[0.5, -1.0, 0.0], [0, 0, 0]])


# -- logaddexp2 ------------------------------------------------------------------------------


def test_shares_of_a_sum_of_powers_of_two_at_infinities() -> None:
    a = np.array([-inf, -inf, 1.0, inf, 3.0, 3.0])
    b = np.array([-inf, 1.0, -inf, 1.0, 3.0, 1.0])
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    z = sd.logaddexp2(x, y)
    first = sd.grad(sd.sum(z), [x, y])
    second = sd.grad(sd.sum(first[0]), [x, y])
    found, (dx, dy), hessian = sd.evaluate([z, first, second], {x: a, y: b})
    np.testing.assert_array_equal(found, np.logaddexp2(a, b))
    np.testing.assert_allclose(dx, [0, 0, 1, 1, 0.5, 0.8])
    np.testing.assert_allclose(dy, [0, 1, 0, 0, 0.5, 0.2])
    curvature = np.log(2) * np.array([0, 0, 0, 0, 0.25, 0.16])
    np.testing.assert_allclose(hessian, [curvature, -curvature], atol=1e-300)


# -- sinc ------------------------------------------------------------------------------------


def sinc_derivative(x: float, n: int) -> Any:
    """πⁿ ∫₀¹ sⁿ cos(π x s + n π/2) ds at fifty digits."""
    with mp.workdps(60):
        terms = abs(int(x)) + 1
        grid = [mpf(k) / terms for k in range(terms + 1)]
        integrand = lambda s: s**n * mp.cos(mp.pi * (mpf(x) * s + mpf(n) / 2))  # noqa: E731
        return mp.pi**n * mp.quad(integrand, grid)


SINC_AT = (1e-8, -1e-4, 0.1, 0.31, 0.32, -0.6366, 0.64, 0.95, 1.0, -2.0, 3.7, 12.5)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_derivatives_of_sinc_keep_their_digits_at_and_near_zero(n: int) -> None:
    found = orders(sd.sinc, SINC_AT, n)[n]
    exact = np.array([float(sinc_derivative(x, n)) for x in SINC_AT])
    # The first has no zero but 0 among these points.
    np.testing.assert_allclose(found, exact, rtol=4e-15, atol=(n > 1) * 4e-16 * np.pi**n)


def test_sinc_is_smooth_at_zero() -> None:
    found = [float(v) for v in orders(sd.sinc, 0.0, 4)]
    np.testing.assert_allclose(found, [1, 0, -(np.pi**2) / 3, 0, np.pi**4 / 5], rtol=1e-15)


def test_sinc_far_out_has_its_limit_and_its_slope() -> None:
    at = np.array([inf, -inf, 2.0**60, 1e300, HUGE])
    found = orders(sd.sinc, at)
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_allclose(found[1], [0, 0, *(1 / at[2:])], rtol=1e-15)
    assert np.isfinite(found[2]).all()
    assert np.isnan(orders(sd.sinc, nan)).all()


def test_sinc_stays_in_its_dtype_and_takes_complex_values() -> None:
    x = sd.Graph().input("x", sd.f32["n"])
    assert sd.grad(sd.sum(sd.sinc(x)), x).type == sd.f32["n"]
    values = np.array([1 + 2j, 0.5j])
    z = sd.Graph().input("z", values)
    np.testing.assert_array_equal(sd.evaluate(sd.sinc(z), {z: values}), np.sinc(values))


# -- NaN and infinities ----------------------------------------------------------------------

REPLACED = (
    {},
    {"nan": 3.0},
    {"posinf": 5, "neginf": -1.5},
    {"nan": inf},
    {"nan": -0.0, "posinf": nan},
)


@pytest.mark.parametrize("numbers", REPLACED)
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_nan_to_num_is_numpys(numbers: dict[str, float], dtype: str) -> None:
    with np.errstate(over="ignore"):
        at = SPECIAL.astype(np.float32).astype(dtype)
    x = sd.Graph().input("x", at)
    for y in (sd.nan_to_num(x, **numbers), np.nan_to_num(x, **numbers)):
        assert_same(sd.evaluate(y, {x: at}), np.nan_to_num(at, **numbers))


def test_what_is_replaced_has_no_gradient() -> None:
    at = np.array([1.0, nan, inf, -inf, -2.0])
    _, first, second = orders(lambda x: sd.nan_to_num(x * x) * 3.0, at)
    np.testing.assert_array_equal(first, [6, 0, 0, 0, -12])
    np.testing.assert_array_equal(second, [6, 0, 0, 0, 6])
    x = sd.Graph().input("x", at)
    tangent = sd.evaluate(sd.jvp(sd.nan_to_num(x), x, np.ones(5)), {x: at})
    np.testing.assert_array_equal(tangent, [1, 0, 0, 0, 1])


def test_integers_have_nothing_to_replace() -> None:
    n = sd.Graph().input("n", sd.i8[2])
    assert sd.nan_to_num(n) is n
    assert sd.evaluate(sd.isposinf(n), {n: [1, 2]}).tolist() == [False, False]


@pytest.mark.parametrize("equal_nan", [False, True])
@pytest.mark.parametrize(
    "tolerance", [{}, {"rtol": 0.0}, {"atol": 1.0}, {"rtol": 0.5, "atol": 0.0}]
)
def test_closeness_is_numpys(tolerance: dict[str, float], equal_nan: bool) -> None:
    pool = np.array([0.0, 1e-9, 1.0, 1.000001, 2.0, -1.0, inf, -inf, nan])
    a, b = (c.ravel() for c in np.meshgrid(pool, pool))
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    expected = np.isclose(a, b, **tolerance, equal_nan=equal_nan)
    for function in (sd.isclose, np.isclose):
        near = function(x, y, **tolerance, equal_nan=equal_nan)
        np.testing.assert_array_equal(sd.evaluate(near, {x: a, y: b}), expected)
    whole = sd.allclose(x, y, **tolerance, equal_nan=equal_nan)
    assert whole is np.allclose(x, y, **tolerance, equal_nan=equal_nan)
    assert sd.evaluate(whole, {x: a, y: b}) == expected.all()


def test_closeness_of_integers_and_numbers() -> None:
    a, b = np.array([1, 200, 3], np.uint8), np.array([2, 199, 3], np.uint8)
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    near = [sd.isclose(x, y, atol=1), sd.isclose(x, 3), sd.isclose(1.0, x)]
    expected = [np.isclose(a, b, atol=1), np.isclose(a, 3), np.isclose(1.0, a)]
    np.testing.assert_array_equal(sd.evaluate(near, {x: a, y: b}), expected)


# -- misuse ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_floating_operands_of_integer_functions_are_refused(name: str) -> None:
    x = sd.Graph().input("x", sd.f64[2])
    with pytest.raises(sd.DTypeError, match=rf"{name}: no meaning for .* f64, f64\n.*x1 = x "):
        getattr(sd, name)(x, x)
    with pytest.raises(sd.DTypeError, match="bitwise_left_shift"):
        operator.lshift(x, 1)


@pytest.mark.parametrize(
    "name", ["signbit", "cbrt", "deg2rad", "spacing", "isposinf", "isneginf", "frexp", "modf"]
)
def test_complex_operands_of_real_functions_are_refused(name: str) -> None:
    z = sd.Graph().input("z", sd.c128[2])
    with pytest.raises(sd.DTypeError, match=rf"{name}: [\s\S]*z : c128"):
        getattr(sd, name)(z)


def test_misuse_says_what_to_do() -> None:
    g = sd.Graph()
    x, flag = g.input("x", sd.f64[2]), g.input("flag", sd.bool_[2])
    with pytest.raises(sd.DTypeError, match=r"positive: no meaning for booleans\n.*flag"):
        sd.positive(flag)
    with pytest.raises(sd.DTypeError, match=r"ldexp: no meaning for operands of dtype f64, f64"):
        sd.ldexp(x, x)
    with pytest.raises(sd.ArgumentError, match="isclose: none of the operands is a node"):
        sd.isclose(1.0, 2.0)
    with pytest.raises(sd.ArgumentError, match=r"nan must be a number.*sd\.where\(sd\.isnan"):
        sd.nan_to_num(x, nan=np.zeros(2))
    with pytest.raises(sd.ArgumentError, match="copy=False has no meaning"):
        np.nan_to_num(x, copy=False)
    with pytest.raises(
        sd.ShapeError, match=r"copysign: shapes \(2,\) and \(3,\) do not broadcast"
    ):
        sd.copysign(x, np.zeros(3))
    with pytest.raises(sd.DTypeError, match=r"fabs: no meaning for complex operands"):
        np.fabs(g.input("z", sd.c64[2]))


def test_a_number_of_derivatives_must_be_one() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    family, powers = REGISTRY.find("sinc_derivative"), sd.pow_derivative
    with pytest.raises(sd.ArgumentError, match="at least 1"):
        family(x, n=0)
    with pytest.raises(sd.ArgumentError, match="by_base counts derivatives"):
        powers(x, x, by_base=-1)
    with pytest.raises(sd.ArgumentError, match="by_exponent must be an int"):
        powers(x, x, by_exponent=0.5)
    with pytest.raises(sd.ArgumentError, match="must count a derivative"):
        REGISTRY.find("atan2_derivative")(x, x, by_x1=0)
