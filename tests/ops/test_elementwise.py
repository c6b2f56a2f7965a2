"""Conventions at kinks and singular points, as the ops' docs state them, at every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import symdiff as sd

Function = Callable[..., sd.Node]


def derivatives(f: Function, at: Any, order: int = 3) -> list[np.ndarray]:
    """f', f'', … at a point: each the gradient of the sum of the one before."""
    at = np.asarray(at)
    g = sd.Graph()
    x = g.input("x", at)
    y = f(x)
    found = []
    for _ in range(order):
        y = sd.grad(sd.sum(y), x, disconnected="zero")
        found.append(y)
    return sd.evaluate(found, {x: at})


def assert_derivatives(f: Function, at: Any, *expected: Any) -> None:
    """Reverse mode at each order; forward mode and its own derivative at the first two."""
    for order, (found, wanted) in enumerate(
        zip(derivatives(f, at, len(expected)), expected, strict=True), 1
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, err_msg=f"order {order}")
    g = sd.Graph()
    x = g.input("x", np.asarray(at))
    ones = np.ones(x.shape)
    first = sd.jvp(f(x), x, ones)
    forward = [first, sd.jvp(first, x, ones), sd.grad(sd.sum(first), x, disconnected="zero")]
    names = ("forward", "forward over forward", "reverse over forward")
    wanted = (expected[0], *expected[1:2] * 2)
    for name, value, want in zip(names, sd.evaluate(forward, {x: at}), wanted, strict=False):
        np.testing.assert_allclose(value, want, rtol=1e-12, err_msg=name)


# -- kinks ---------------------------------------------------------------------------------


def test_abs_has_the_derivative_zero_at_zero() -> None:
    assert_derivatives(sd.abs, [-2.0, -0.0, 0.0, 3.0], [-1, 0, 0, 1], [0] * 4, [0] * 4)


def test_sign_has_the_derivative_zero_everywhere() -> None:
    assert_derivatives(sd.sign, [-2.0, 0.0, 3.0], [0, 0, 0], [0, 0, 0])


def test_floor_divide_has_the_derivative_zero_even_at_its_jumps() -> None:
    assert_derivatives(lambda x: x // 2.0, [4.0, 4.5, -1.0], [0, 0, 0])
    assert_derivatives(lambda x: 5.0 // x, [2.0, 2.5, -1.0], [0, 0, 0])


def test_remainder_has_the_derivatives_one_and_minus_the_quotient() -> None:
    a, b = np.array([5.0, 5.0, -5.0, 5.0]), np.array([3.0, -3.0, 3.0, 5.0])
    assert_derivatives(lambda x: x % b, a, np.ones(4), np.zeros(4))
    assert_derivatives(lambda x: a % x, b, -(a // b), np.zeros(4))


@pytest.mark.parametrize("part", [0, 1])
def test_divmod_has_the_derivatives_of_its_parts(part: int) -> None:
    a, b = np.array([5.0, 5.0, -5.0]), np.array([3.0, -3.0, 3.0])
    assert_derivatives(lambda x: divmod(x, b)[part], a, np.full(3, part), np.zeros(3))
    assert_derivatives(lambda x: divmod(a, x)[part], b, -part * (a // b), np.zeros(3))


def test_divmod_is_one_node_for_both_results() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    quotient, rest = divmod(x, 2.0)
    assert quotient.inputs == rest.inputs
    both = sd.evaluate([quotient, rest], {x: [5.0, -5.0, 0.5]})
    np.testing.assert_array_equal(both, np.divmod([5.0, -5.0, 0.5], 2.0))


# -- powers at zero ------------------------------------------------------------------------

POWERS_AT_ZERO = [  # exponent, value, first and second derivative by the base
    (0.0, 1.0, 0.0, 0.0),
    (1.0, 0.0, 1.0, 0.0),
    (2.0, 0.0, 0.0, 2.0),
    (3.0, 0.0, 0.0, 0.0),
    (0.5, 0.0, np.inf, -np.inf),
    (1.5, 0.0, 0.0, np.inf),
]


@pytest.mark.parametrize(("exponent", "value", "first", "second"), POWERS_AT_ZERO)
@pytest.mark.parametrize("constant", [True, False], ids=["number", "input"])
def test_a_power_at_zero_has_the_analytic_derivatives_by_its_base(
    exponent: float, value: float, first: float, second: float, constant: bool
) -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    y = a ** (exponent if constant else b)
    d = sd.grad(y, a, disconnected="zero")
    found = sd.evaluate([y, d, sd.grad(d, a, disconnected="zero")], {a: 0.0, b: exponent})
    np.testing.assert_array_equal(found, [value, first, second])


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_a_power_with_an_integer_exponent_has_derivatives_at_negative_bases(exponent: int) -> None:
    p = np.polynomial.Polynomial([0] * exponent + [1])
    at = np.array([-2.0, 0.0, 1.5])
    wanted = [p.deriv(k)(at) for k in (1, 2, 3)]
    assert_derivatives(lambda x: x**exponent, at, *wanted)
    assert_derivatives(lambda x: x ** x.graph.constant(np.full(3, float(exponent))), at, *wanted)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 0.5])
def test_a_power_at_zero_has_the_derivative_zero_by_its_exponent(exponent: float) -> None:
    assert_derivatives(lambda b: 0.0**b, exponent, 0.0, 0.0)
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    d = sd.grad(a**b, b)
    assert sd.evaluate([d, sd.grad(d, b)], {a: 0.0, b: exponent}) == [0.0, 0.0]


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, -1.0, 0.5])
def test_a_power_has_the_same_mixed_derivative_in_either_order(exponent: float) -> None:
    """d²(a^b)/da db = a^(b-1) (1 + b log a), also at b = 0."""
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    y = a**b
    mixed = [sd.grad(sd.grad(y, a), b), sd.grad(sd.grad(y, b), a)]
    wanted = 2.0 ** (exponent - 1) * (1 + exponent * np.log(2.0))
    np.testing.assert_allclose(sd.evaluate(mixed, {a: 2.0, b: exponent}), wanted, rtol=1e-14)


MIXED_AT_ZERO = {  # lim a^(b-1) (1 + b log a) for a falling to 0
    **dict.fromkeys((3.0, 2.5, 2.0, 1.5), 0.0),
    **dict.fromkeys((1.0, 0.5), -np.inf),
    **dict.fromkeys((0.0, -1.0), np.inf),
}


@pytest.mark.parametrize("exponent", MIXED_AT_ZERO)
def test_a_power_at_zero_has_the_limits_for_mixed_derivatives_in_either_order(
    exponent: float,
) -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    y = a**b
    by_base, by_exponent = sd.grad(y, [a, b])
    mixed = [sd.grad(by_base, b), sd.grad(by_exponent, a)]
    mixed += [sd.jvp(by_base, b, 1.0), sd.jvp(by_exponent, a, 1.0)]
    found = sd.evaluate([*mixed, by_exponent], {a: 0.0, b: exponent})
    assert found[:4] == [MIXED_AT_ZERO[exponent]] * 4
    assert found[4] == (0.0 if exponent >= 0 else -np.inf)


@pytest.mark.parametrize("dtype", [sd.f32, sd.f64])
def test_a_power_of_an_array_of_exponents_is_differentiated_entry_by_entry(dtype: Any) -> None:
    exponents = np.array([0.0, 1.0, 2.0, 3.0, 0.5, 1.5, 2.5, -1.0], dtype.dtype)
    x = sd.Graph().input("x", dtype[8])
    y = x**exponents
    first = sd.grad(sd.sum(y), x)
    second = sd.grad(sd.sum(first), x)
    assert first.type == second.type == dtype[8]
    inf = np.inf
    found = sd.evaluate([first, second], {x: np.zeros(8, dtype.dtype)})
    expected = [[0, 1, 0, 0, inf, 0, 0, -inf], [0, 0, 2, 0, -inf, inf, 0, inf]]
    np.testing.assert_array_equal(found, expected)


def test_derivatives_of_a_power_vanish_with_it_and_do_not_meet_infinities() -> None:
    """a^b log a is 0 where a^b is, at both ends, and 0 times an overflowing power is 0."""
    g = sd.Graph()
    a, b = g.input("a", sd.f64[4]), g.input("b", sd.f64[4])
    y = a**b
    point = {a: [np.inf, 1e-320, 1e-320, 1.0], b: [-1.0, 0.0, 2.0, 300.0]}
    da, db = sd.evaluate(sd.grad(sd.sum(y), [a, b]), point)
    np.testing.assert_allclose(da, [0.0, 0.0, 2e-320, 300.0])
    np.testing.assert_allclose(db, [0.0, np.log(1e-320), 0.0, 0.0])


def test_a_power_of_a_number_is_a_multiple_of_its_derivative() -> None:
    x = sd.Graph().input("x", sd.f64)
    y = 2.0**x
    slope = sd.grad(y, x)
    assert slope.op is sd.multiply
    assert y in set(slope.inputs)
    assert_derivatives(lambda x: 10.0**x, 2.0, 100 * np.log(10), 100 * np.log(10) ** 2)
    assert_derivatives(lambda x: 1.0**x, 2.0, 0.0, 0.0)


# -- hyperbolic ----------------------------------------------------------------------------


FAR = np.array([0.0, 1e-8, 20.0, -40.0, 300.0, -370.0, 800.0, np.inf, -np.inf])
with mp.workdps(400):
    SLOPES = np.array([float(mp.sech(mpf(x)) ** 2) for x in FAR])


def test_tanh_has_derivatives_right_to_a_unit_of_one_at_any_distance() -> None:
    first, second = derivatives(sd.tanh, FAR, 2)
    np.testing.assert_allclose(first, SLOPES, rtol=0, atol=3e-16)
    np.testing.assert_allclose(second, -2 * np.tanh(FAR) * SLOPES, rtol=0, atol=6e-16)


def test_the_square_of_sech_keeps_its_digits_at_any_distance() -> None:
    x = sd.Graph().input("x", FAR)
    y = sd.sech(x) ** 2
    value, slope = sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: FAR})
    np.testing.assert_allclose(value, SLOPES, rtol=1e-15, atol=5e-324)
    np.testing.assert_allclose(slope, -2 * np.tanh(FAR) * SLOPES, rtol=2e-15, atol=2e-323)


def test_sech_neither_overflows_nor_warns() -> None:
    x = sd.Graph().input("x", sd.f32[5])
    at = np.array([0.0, 1.0, -100.0, 1e30, -np.inf], np.float32)
    value, slope = sd.evaluate([sd.sech(x), sd.grad(sd.sum(sd.sech(x)), x)], {x: at})
    np.testing.assert_allclose(value, [1, 1 / np.cosh(1), 7.44e-44, 0, 0], rtol=0.02)
    np.testing.assert_allclose(slope[:2], [0, -np.tanh(1) / np.cosh(1)], rtol=1e-6)
    assert value.dtype == slope.dtype == np.float32


# -- choice: the branch not taken adds nothing ---------------------------------------------

AT = np.array([0.0, 4.0])
ROOT = ([0, 1 / 4], [0, -1 / 32], [0, 3 / 256])  # derivatives of sqrt at 4, and 0 at 0


def safe_sqrt(x: sd.Node) -> sd.Node:
    return sd.where(x > 0, sd.sqrt(x), 0.0)


ROOTS: dict[str, Function] = {
    "where": safe_sqrt,
    "the other branch": lambda x: sd.where(x <= 0, 0.0, sd.sqrt(x)),
    "power": lambda x: sd.where(x > 0, x**0.5, 0.0),
    "power of an input": lambda x: sd.where(x > 0, x ** x.graph.constant([0.5, 0.5]), 0.0),
    "exp of log": lambda x: sd.where(x > 0, sd.exp(0.5 * sd.log(x)), 0.0),
    "two roots": lambda x: sd.where(x > 0, sd.sqrt(sd.sqrt(x)) * sd.sqrt(sd.sqrt(x)), 0.0),
    "quotient": lambda x: sd.where(x > 0, x / sd.sqrt(x), 0.0),
    "nested, outer": lambda x: sd.where(x >= 0, safe_sqrt(x), -1.0),
    "nested, inner": lambda x: sd.where(x > 0, sd.where(x < 9, sd.sqrt(x), 7.0), 0.0),
    "nested, both sides": lambda x: sd.where(x > 0, sd.where(x > 9, 7.0, sd.sqrt(x)), 0.0),
    "nested thrice": lambda x: sd.where(x > -1, sd.where(x < 9, safe_sqrt(x), 0.0), 0.0),
    "scaled": lambda x: 2.0 * sd.where(x > 0, 0.5 * sd.sqrt(x), 0.0),
    "negated": lambda x: -sd.where(x > 0, -sd.sqrt(x), 0.0),
    "reshaped": lambda x: sd.where(x.reshape(2, 1) > 0, sd.sqrt(x).reshape(2, 1), 0.0).reshape(2),
    "transposed": lambda x: sd.where(x[None].T > 0, sd.sqrt(x[None]).T, 0.0)[:, 0],
    "indexed": lambda x: sd.where(x[::-1] > 0, sd.sqrt(x)[::-1], 0.0)[::-1],
    "indexed after": lambda x: sd.where(x[None] > 0, sd.sqrt(x)[None], 0.0)[0],
    "cast": lambda x: sd.where(x > 0, sd.sqrt(x.astype(sd.f32)).astype(sd.f64), 0.0),
    "summed": lambda x: sd.sum(sd.where(x[:, None] > 0, sd.sqrt(x)[:, None], 0.0), axis=1),
    "a sum of the branch": lambda x: sd.where(x > 0, sd.sum(sd.sqrt(x)[:, None], axis=1), 0.0),
    "broadcast condition": lambda x: sd.where(x[None, :] > 0, sd.sqrt(x), 0.0)[0],
    "broadcast branch": lambda x: sd.sum(
        sd.where((x > 0) & x.graph.constant(np.eye(2, dtype=bool)), sd.sqrt(x), 0.0), axis=0
    ),
    "broadcast_to": lambda x: sd.where(
        x > 0, sd.broadcast_to(sd.sqrt(x), shape=(1, 2)), 0.0
    ).reshape(2),
}


@pytest.mark.parametrize("name", ROOTS)
def test_a_root_that_is_not_taken_at_zero_has_the_derivative_zero(name: str) -> None:
    assert_derivatives(ROOTS[name], AT, *ROOT)


def test_a_branch_not_taken_keeps_the_derivatives_of_the_branch_taken() -> None:
    assert_derivatives(
        lambda x: sd.where(x > 0, x * sd.log(x), x * x),
        [0.0, -3.0, 1.0],
        [0, -6, 1],
        [2, 2, 1],
        [0, 0, -1],
    )


def test_the_norm_of_zero_can_be_given_the_gradient_zero() -> None:
    def norm(x: sd.Node) -> sd.Node:
        square = sd.sum(x * x)
        return sd.where(square > 0, sd.sqrt(square), 0.0)

    assert_derivatives(norm, [0.0, 0.0], [0, 0], [0, 0], [0, 0])
    (first,) = derivatives(norm, [3.0, 4.0], 1)
    np.testing.assert_allclose(first, [0.6, 0.8], rtol=1e-15)


def test_a_hessian_under_a_mask_is_finite_in_both_modes() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[2])
    z = sd.sum(safe_sqrt(x))
    v = np.ones(2)
    modes = ("forward-over-reverse", "reverse-over-reverse")
    found = sd.evaluate([sd.hvp(z, x, v, mode=m) for m in modes], {x: AT})
    np.testing.assert_allclose(found, [ROOT[1]] * 2)
    np.testing.assert_allclose(sd.evaluate(sd.hessian(z, x), {x: AT}), np.diag(ROOT[1]))


def test_a_gradient_through_the_branch_taken_is_not_masked() -> None:
    """Only a branch that is not taken is cut: the root's own derivative at 0 is inf."""
    assert_derivatives(lambda x: sd.where(x >= 0, sd.sqrt(x), 0.0), 0.0, np.inf)
    assert_derivatives(sd.sqrt, [0.0, 4.0], [np.inf, 0.25])


def test_stop_gradient_stops_at_every_order_and_in_both_modes() -> None:
    at = np.array([2.0, 3.0])
    assert_derivatives(lambda x: x * sd.stop_gradient(x), at, at, [0, 0])
    assert_derivatives(lambda x: sd.stop_gradient(x) ** 2, at, [0, 0])


# -- dtypes of gradients -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [sd.f16, sd.f32, sd.f64])
def test_a_gradient_has_its_operands_dtype_when_dtypes_mix(dtype: Any) -> None:
    g = sd.Graph()
    narrow, wide, whole = g.input("a", dtype[3]), g.input("b", sd.f64[3]), g.input("k", sd.i32[3])
    z = sd.sum(narrow * wide * whole / (1 + narrow.astype(sd.f32)))
    assert [d.type for d in sd.grad(z, [narrow, wide])] == [dtype[3], sd.f64[3]]


def test_no_gradient_flows_through_an_integer() -> None:
    assert_derivatives(lambda x: x + x.astype(sd.i64) * 1.0, [1.5, 2.5], [1, 1])
