"""Special functions: digits to the second derivative, ends of domains, SciPy's names."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
from mpmath import mp, mpf

import symdiff as sd
from symdiff.op import REGISTRY

inf, nan = np.inf, np.nan
ROOT = Path(__file__).parent.parent.parent


def orders(function: Callable[..., Any], points: Any, count: int = 2) -> list[np.ndarray]:
    """Value and derivatives of a function of one variable, entry by entry."""
    x = sd.Graph().input("x", np.asarray(points, float))
    nodes = [function(x)]
    for _ in range(count):
        nodes.append(sd.grad(sd.sum(nodes[-1]), x, disconnected="zero"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found: list[np.ndarray] = sd.compile([x], nodes)(points)
    return found


def ulps(value: Any, exact: Any) -> float:
    spacing = mpf(float(np.spacing(abs(float(exact)))))
    return float(abs(mpf(float(value)) - exact) / spacing)


# -- digits --------------------------------------------------------------------------------


def ndtr(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def log_ndtr(x: Any) -> Any:
    return mp.log(ndtr(x)) if x < 0 else mp.log1p(-ndtr(-x))


def rooted(function: Callable[..., Any], start: Callable[..., Any]) -> Callable[..., Any]:
    """The inverse of a function of mpmath's, from SciPy's value."""
    return lambda y: mp.findroot(lambda x: function(x) - y, mpf(float(start(float(y)))))


TAILS = (-40.0, -10.0, -5.0, -2.1, -1.0, -0.3, 0.0, 1e-9, 0.5, 1.0, 2.3, 6.0)
QUANTILES = (1e-300, 1e-20, 1e-3, 0.2, 0.45, 0.5, 0.7, 0.999, 1 - 1e-12, 1 - 2**-53)
INSIDE = (-1 + 2**-53, -1 + 1e-9, -0.9, -0.2, 0.0, 1e-12, 0.4, 0.8, 0.99, 1 - 1e-14)
POSITIVE = (1e-300, 1e-9, 0.1, 0.7, 1.3, 2.5, 7.0, 60.0, 1e4)
LINE = (-300.0, -20.0, -3.0, -0.4, -1e-6, 1e-12, 0.7, 1.2, 5.0, 30.0, 80.0, 600.0)

# Name: the function, where it is tried, and the largest errors of value, slope and curvature.
DIGITS: dict[str, tuple[Callable[..., Any], tuple[float, ...], tuple[float, ...]]] = {
    "digamma": (mp.digamma, (*POSITIVE[1:], -0.5, -7.3), (4, 4, 8)),
    "entr": (lambda x: -x * mp.log(x), (*POSITIVE, 1e200), (4, 4, 4)),
    "erf": (mp.erf, TAILS, (4, 4, 4)),
    "erfc": (mp.erfc, (*TAILS[2:], 15.0, 26.0), (6, 4, 4)),
    "erfcinv": (rooted(mp.erfc, scipy.special.erfcinv), QUANTILES[1:-2], (4, 8, 16)),
    "erfcx": (
        lambda x: mp.exp(x * x) * mp.erfc(x),
        (-20.0, -1.0, 0.0, 0.3, 0.8, 1.7, 4.0, 12.0, 300.0),
        (6, 8, 12),
    ),
    "erfinv": (rooted(mp.erf, scipy.special.erfinv), INSIDE, (4, 4, 8)),
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), [p for p in LINE if abs(p) > 0.1], (4, 4, 8)),
    "exprel": (
        lambda x: mp.hyp1f1(1, 2, x),
        (-700.0, -30.0, -1.0, -1e-9, 1e-300, 0.4, 2.0, 20.0, 40.0, 705.0),
        (4, 6, 8),
    ),
    "gamma": (mp.gamma, (*POSITIVE[1:-1], -0.5, -3.7), (4, 8, 12)),
    "gammaln": (
        mp.loggamma,
        (*POSITIVE, 0.99, 1 - 2**-53, 1 + 2**-52, 1 + 1e-9, 1.6, 2 - 1e-12, 2 + 1e-7, 3.0),
        (4, 4, 4),
    ),
    "i0": (lambda x: mp.besseli(0, x), (*LINE, 0.0, 705.0), (4, 5, 6)),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), (*LINE, 1e4), (5, 5, 6)),
    "i1": (lambda x: mp.besseli(1, x), (*LINE, 0.0, 705.0), (5, 6, 6)),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), (*LINE, 1e4), (5, 16, 24)),
    "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), LINE, (4, 4, 4)),
    "log_ndtr": (log_ndtr, (*TAILS, 25.0), (4, 6, 12)),
    "logit": (lambda x: mp.log(x / (1 - x)), (*QUANTILES, 0.5 + 1e-9), (4, 4, 4)),
    "ndtr": (ndtr, (*TAILS, -37.0, 15.0), (5, 4, 4)),
    "ndtri": (rooted(ndtr, scipy.special.ndtri), QUANTILES[1:-2], (4, 6, 12)),
}


@pytest.mark.parametrize("name", DIGITS)
def test_value_slope_and_curvature_are_right_to_the_last_digits(name: str) -> None:
    function, points, bounds = DIGITS[name]
    found = orders(getattr(sd.special, name), points)
    with mpmath.workdps(120):
        for order, (values, bound) in enumerate(zip(found, bounds, strict=True)):
            for point, value in zip(points, values, strict=True):
                x = mpf(point)
                # Steps far below the point's size, for functions that vary on that scale.
                step = mpf(10) ** -40 * (abs(x) or 1)
                exact = mp.diff(function, x, order, h=step, relative=False) if order else None
                exact = function(x) if exact is None else exact
                if abs(exact) < mpf(10) ** -290 or abs(exact) > mpf(10) ** 300:
                    continue
                error = ulps(value, exact)
                assert error <= bound, f"order {order} at {point}: {value!r}, {error:.3g} ulp"


@pytest.mark.parametrize("name", ["erf", "expit", "gammaln", "i0", "log_ndtr", "log_expit"])
def test_single_precision_is_rounded_once(name: str) -> None:
    points = np.array([0.3, 1.7, 3.2, 9.0], np.float32)
    x = sd.Graph().input("x", points)
    y = getattr(sd.special, name)(x)
    single = sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: points})
    double = orders(getattr(sd.special, name), points.astype(float), 1)
    for a, b in zip(single, double, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=2e-7)


def test_third_and_fourth_derivatives_have_closed_forms_too() -> None:
    points = [0.2, 0.6, 0.85]
    for name in ("erf", "erfcx", "erfinv", "i0", "i1", "i0e", "i1e", "log_ndtr", "logit"):
        function = {
            "erfinv": DIGITS["erfinv"][0],
            "i0e": lambda x: mp.besseli(0, x) * mp.exp(-x),
            "i1e": lambda x: mp.besseli(1, x) * mp.exp(-x),
        }.get(name, DIGITS[name][0])
        found = orders(getattr(sd.special, name), points, 4)
        with mpmath.workdps(60):
            exact = [[float(mp.diff(function, mpf(p), n)) for p in points] for n in (3, 4)]
        np.testing.assert_allclose(found[3:], exact, rtol=1e-12)


# -- ends, poles and kinks -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("digamma", 0.0, [-inf, inf, -inf]),
        ("digamma", -0.0, [inf, inf, inf]),
        ("digamma", inf, [inf, 0.0, 0.0]),
        ("entr", 0.0, [0.0, inf, -inf]),
        ("erf", inf, [1.0, 0.0, 0.0]),
        ("erf", -1e200, [-1.0, 0.0, 0.0]),
        ("erfc", -inf, [2.0, 0.0, 0.0]),
        ("erfcinv", 0.0, [inf, -inf, inf]),
        ("erfcinv", 2.0, [-inf, -inf, -inf]),
        ("erfcx", inf, [0.0, 0.0, 0.0]),
        ("erfcx", -inf, [inf, -inf, inf]),
        ("erfinv", 1.0, [inf, inf, inf]),
        ("erfinv", -1.0, [-inf, inf, -inf]),
        ("expit", -inf, [0.0, 0.0, 0.0]),
        ("expit", inf, [1.0, 0.0, 0.0]),
        ("expit", -800.0, [0.0, 0.0, 0.0]),
        ("exprel", 0.0, [1.0, 0.5, 1 / 3]),
        ("exprel", inf, [inf, inf, inf]),
        ("exprel", -inf, [0.0, 0.0, 0.0]),
        ("gamma", 0.0, [inf, -inf, inf]),
        ("gamma", 200.0, [inf, inf, inf]),
        ("gammaln", 0.0, [inf, -inf, inf]),
        ("gammaln", 1.0, [0.0, -np.euler_gamma, np.pi**2 / 6]),
        ("i0", 0.0, [1.0, 0.0, 0.5]),
        ("i0", 800.0, [inf, inf, inf]),
        ("i0", -inf, [inf, -inf, inf]),
        ("i0e", 0.0, [1.0, 0.0, 1.5]),
        ("i0e", inf, [0.0, 0.0, 0.0]),
        ("i1", 0.0, [0.0, 0.5, 0.0]),
        ("i1", -0.0, [0.0, 0.5, 0.0]),
        ("i1", -800.0, [-inf, inf, -inf]),
        ("i1e", 0.0, [0.0, 0.5, 0.0]),
        ("i1e", -inf, [0.0, 0.0, 0.0]),
        ("log_expit", -1000.0, [-1000.0, 1.0, 0.0]),
        ("log_expit", 1000.0, [0.0, 0.0, 0.0]),
        ("log_expit", -inf, [-inf, 1.0, 0.0]),
        ("log_ndtr", inf, [0.0, 0.0, 0.0]),
        ("log_ndtr", -inf, [-inf, inf, -1.0]),
        ("log_ndtr", -1e10, [-5e19, 1e10, -1.0]),
        ("log_ndtr", -1.7e308, [-inf, 1.7e308, -1.0]),
        ("erfcinv", 5e-324, [27.213293210812948815, -inf, inf]),
        ("logit", 0.0, [-inf, inf, -inf]),
        ("logit", 1.0, [inf, inf, inf]),
        ("logit", 0.5, [0.0, 4.0, 0.0]),
        ("ndtr", -inf, [0.0, 0.0, 0.0]),
        ("ndtr", inf, [1.0, 0.0, 0.0]),
        ("ndtri", 0.0, [-inf, inf, -inf]),
        ("ndtri", 1.0, [inf, inf, inf]),
        ("ndtri", 0.5, [0.0, np.sqrt(2 * np.pi), 0.0]),
    ],
)
def test_at_ends_and_poles_derivatives_are_their_limits(
    name: str, point: float, expected: list[float]
) -> None:
    found = [float(v[0]) for v in orders(getattr(sd.special, name), [point])]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["erfinv", "erfcinv", "ndtri", "logit"])
def test_outside_the_domain_there_is_no_value(name: str) -> None:
    assert np.isnan(orders(getattr(sd.special, name), [-1.5, 3.0], 0)[0]).all()


@pytest.mark.parametrize("name", [n for n in DIGITS if n not in ("i0", "i1")])
def test_nan_stays_nan_at_every_order(name: str) -> None:
    assert np.isnan(orders(getattr(sd.special, name), [nan])).all()


def test_expit_is_sigmoid_with_a_slope_that_keeps_its_digits() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    y, fast = sd.special.expit(x), sd.sigmoid(x)
    slopes = [sd.grad(sd.sum(node), x) for node in (y, fast)]
    found = sd.evaluate([y, fast, *slopes], {x: [50.0, -50.0]})
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[2], np.exp(-50.0), rtol=1e-15)
    np.testing.assert_allclose(found[3], np.exp(-50.0), atol=2e-16)


# -- polygamma functions -------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_polygamma_on_both_sides_of_zero(n: int) -> None:
    points = [1e-5, 0.3, 1.0, 2.0, 9.5, 1e3, -0.3, -0.5, -1.2, -4.75, -2 + 2**-30]
    found = orders(lambda x: sd.special.polygamma(n, x), points, 1)
    with mpmath.workdps(50):
        for order, values in enumerate(found):
            exact = [float(mp.psi(n + order, mpf(p))) for p in points]
            np.testing.assert_allclose(values, exact, rtol=4e-15)


def test_polygamma_at_its_poles() -> None:
    points = [0.0, -0.0, -3.0]
    values = [orders(lambda x, n=n: sd.special.polygamma(n, x), points, 0)[0] for n in (1, 2)]
    np.testing.assert_array_equal(values, [[inf, inf, inf], [-inf, inf, nan]])


def test_polygamma_counts_its_derivatives() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    assert sd.special.polygamma(0, x) is sd.special.psi(x) is sd.special.digamma(x)
    trigamma = sd.special.polygamma(np.int64(1), x)
    assert sd.grad(sd.sum(sd.special.digamma(x)), x) is trigamma
    assert sd.grad(sd.sum(trigamma), x) is sd.special.polygamma(2, x)


@pytest.mark.parametrize("n", [-1, 1.0, True, "1"])
def test_polygamma_of_another_order_is_refused(n: Any) -> None:
    x = sd.Graph().input("x", sd.f64[3])
    with pytest.raises(sd.ArgumentError, match=r"polygamma: the number n.*\n.*n = "):
        sd.special.polygamma(n, x)


# -- beta functions ------------------------------------------------------------------------

PAIRS = (
    *((0.5, 0.5), (1.0, 3.0), (2.5, 0.1), (10.0, 0.3), (1e-9, 1e-9), (1e-30, 2.0), (30.0, 20.0)),
    *((1e5, 1.0), (1e5, 1e5), (1e8, 0.25), (1e3, 2.5), (1e15, 1e3), (1e7, 3e3), (1e-8, 10.0)),
)


def test_betaln_and_its_gradient_where_digamma_functions_would_cancel() -> None:
    g = sd.Graph()
    first, second = np.array(PAIRS).T
    a, b = g.input("a", first), g.input("b", second)
    y = sd.special.betaln(a, b)
    da, db = sd.grad(sd.sum(y), [a, b])
    nodes = [y, da, db, *sd.grad(sd.sum(da), [a, b]), sd.grad(sd.sum(db), b)]
    found = sd.evaluate(nodes, {a: first, b: second})
    with mpmath.workdps(100):
        for k, (p, q) in enumerate([(mpf(p), mpf(q)) for p, q in PAIRS]):
            both = p + q
            exact = [
                mp.loggamma(p) + mp.loggamma(q) - mp.loggamma(both),
                mp.psi(0, p) - mp.psi(0, both),
                mp.psi(0, q) - mp.psi(0, both),
                mp.psi(1, p) - mp.psi(1, both),
                -mp.psi(1, both),
                mp.psi(1, q) - mp.psi(1, both),
            ]
            for values, e in zip(found, exact, strict=True):
                if abs(e) < mpf(10) ** 300:
                    assert ulps(values[k], e) <= 32, PAIRS[k]


def test_beta_and_its_gradient() -> None:
    g = sd.Graph()
    pairs = [p for p in PAIRS if p[0] > 1e-100]
    first, second = np.array(pairs).T
    a, b = g.input("a", first), g.input("b", second)
    y = sd.special.beta(a, b)
    found = sd.evaluate([y, *sd.grad(sd.sum(y), [a, b])], {a: first, b: second})
    with mpmath.workdps(60):
        for k, (p, q) in enumerate([(mpf(p), mpf(q)) for p, q in pairs]):
            size = mp.exp(mp.loggamma(p) + mp.loggamma(q) - mp.loggamma(p + q))
            exact = [size, *[size * (mp.psi(0, t) - mp.psi(0, p + q)) for t in (p, q)]]
            # exp magnifies the rounding of its argument.
            bound = 16 + 4 * abs(float(mp.log(size)))
            for values, e in zip(found, exact, strict=True):
                if abs(e) > mpf(10) ** -300:
                    assert ulps(values[k], e) <= bound, pairs[k]


def test_multigammaln_is_scipys() -> None:
    a = np.array([2.0, 3.5, 40.0])
    for d in (1, 2, 4):
        value, slope = orders(lambda x, d=d: sd.special.multigammaln(x, d), a, 1)
        np.testing.assert_allclose(value, scipy.special.multigammaln(a, d), rtol=1e-13)
        digammas = sum(scipy.special.digamma(a - k / 2) for k in range(d))
        np.testing.assert_allclose(slope, digammas, rtol=1e-13)
    with pytest.raises(sd.ArgumentError, match="dimension d must be an int from 1, not 0"):
        sd.special.multigammaln(sd.Graph().input("a", sd.f64), 0)


# -- entropies and divergences -------------------------------------------------------------

GRID = np.array([-1.0, -0.0, 0.0, 1e-30, 0.3, 1.0, 1 + 1e-9, 5.0, 1e30, inf, nan])


@pytest.mark.parametrize("name", ["rel_entr", "kl_div", "xlogy", "xlog1py"])
def test_values_of_two_operands_are_scipys_on_the_axes_and_beyond(name: str) -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n", 1]), g.input("y", sd.f64["n"])
    value = sd.evaluate(getattr(sd.special, name)(x, y), {x: GRID[:, None], y: GRID})
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(GRID[:, None], GRID)
        if name == "kl_div":  # SciPy has NaN where an operand is infinite, and cancels near 0
            far = np.isinf(GRID[:, None]) != np.isinf(GRID)
            positive = (GRID[:, None] >= 0) & (GRID >= 0)
            expected = np.where(far & positive, inf, expected)
    np.testing.assert_allclose(value, expected, rtol=1e-14, atol=1e-15)


def test_divergences_of_close_numbers_keep_their_digits() -> None:
    first = np.array([0.3, 1.0, 1e-200, 7.0, 3.0, 1e9, 0.5])
    second = np.array([0.3 + 1e-9, 1 + 2**-40, 1.01e-200, 7.0, 2.0, 1e9 + 1, 0.9])
    g = sd.Graph()
    x, y = g.input("x", first), g.input("y", second)
    z = sd.special.kl_div(x, y)
    found = sd.evaluate([z, *sd.grad(sd.sum(z), [x, y])], {x: first, y: second})
    with mpmath.workdps(60):
        for k, (p, q) in enumerate(zip(map(mpf, first), map(mpf, second), strict=True)):
            exact = [p * mp.log(p / q) - p + q, mp.log(p / q), (q - p) / q]
            for values, e in zip(found, exact, strict=True):
                assert ulps(values[k], e) <= 4 if e else values[k] == 0


@pytest.mark.parametrize(
    ("name", "point", "value", "gradient", "hessian"),
    [
        ("rel_entr", (0.0, 0.0), 0.0, (1.0, 0.0), None),
        ("rel_entr", (0.0, 2.0), 0.0, (-inf, 0.0), (inf, -0.5, 0.0)),
        ("rel_entr", (2.0, 2.0), 0.0, (1.0, -1.0), (0.5, -0.5, 0.5)),
        ("rel_entr", (1e150, 1e-300), 1.0361632918473205e153, (1037.1632918473205, -inf), None),
        ("kl_div", (0.0, 0.0), 0.0, (0.0, 1.0), None),
        ("kl_div", (0.0, 2.0), 2.0, (-inf, 1.0), (inf, -0.5, 0.0)),
        ("kl_div", (2.0, 2.0), 0.0, (0.0, 0.0), (0.5, -0.5, 0.5)),
        ("kl_div", (3.0, 0.0), inf, (inf, -inf), None),
    ],
)
def test_divergences_on_their_boundary(
    name: str, point: Any, value: float, gradient: Any, hessian: Any
) -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64), g.input("y", sd.f64)
    z = getattr(sd.special, name)(x, y)
    dx, dy = sd.grad(z, [x, y])
    found = sd.evaluate([z, dx, dy], dict(zip((x, y), point, strict=True)))
    np.testing.assert_allclose(found, [value, *gradient], rtol=1e-15)
    if hessian is not None:
        second = [*sd.grad(dx, [x, y]), sd.grad(dy, y)]
        found = sd.evaluate(second, dict(zip((x, y), point, strict=True)))
        np.testing.assert_allclose(found, hessian, rtol=1e-15)


def test_the_entropy_of_a_distribution_with_impossible_outcomes() -> None:
    p = np.array([0.5, 0.5, 0.0])
    x = sd.Graph().input("x", sd.f64["n"])
    entropy = sd.sum(sd.special.entr(x))
    kept = sd.sum(sd.where(x > 0, sd.special.entr(x), 0.0))
    values = sd.evaluate([entropy, sd.grad(kept, x)], {x: p})
    np.testing.assert_allclose(values[0], np.log(2), rtol=1e-15)
    np.testing.assert_allclose(values[1], [np.log(2) - 1, np.log(2) - 1, 0.0], rtol=1e-15)
    assert orders(sd.special.entr, [-0.5], 0)[0] == -inf


# -- logsumexp with weights ----------------------------------------------------------------

rng = np.random.default_rng(7)
ENTRIES = rng.normal(size=(3, 4)) * 5
WEIGHTS = rng.normal(size=(3, 4))
WEIGHTS[1, 2] = 0.0


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), ()])
@pytest.mark.parametrize("b", [WEIGHTS, np.abs(WEIGHTS), WEIGHTS[0], 2.0, 3])
def test_weighted_values_and_signs_are_scipys(b: Any, axis: Any, keepdims: bool) -> None:
    a = sd.Graph().input("a", sd.f64[3, 4])
    found = sd.special.logsumexp(a, axis, b, keepdims, True)
    value = sd.special.logsumexp(a, axis, b, keepdims)
    *both, alone = sd.evaluate([*found, value], {a: ENTRIES})
    spread = np.broadcast_to(b, ENTRIES.shape)
    terms = np.sum(spread * np.exp(ENTRIES), axis=axis, keepdims=keepdims)
    with np.errstate(divide="ignore"):
        sizes = np.log(np.abs(terms))
    np.testing.assert_allclose(both[0], sizes, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(both[1], np.sign(terms))
    np.testing.assert_array_equal(alone, np.where(terms < 0, nan, both[0]))
    if axis != ():
        expected = scipy.special.logsumexp(ENTRIES, axis, spread, keepdims, True)
        np.testing.assert_allclose(both, expected, rtol=1e-12, atol=1e-14)


def test_the_gradient_by_entries_and_weights_is_the_share_in_the_sum() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[3, 4]), g.input("b", sd.f64[3, 4])
    size, _ = sd.special.logsumexp(a, axis=1, b=b, return_sign=True)
    da, db = sd.grad(sd.sum(size), [a, b])
    found = sd.evaluate([da, db], {a: ENTRIES + 900, b: WEIGHTS})
    shares = np.exp(ENTRIES) / np.sum(WEIGHTS * np.exp(ENTRIES), axis=1, keepdims=True)
    np.testing.assert_allclose(found[1], shares, rtol=1e-11)
    np.testing.assert_allclose(found[0], WEIGHTS * shares, rtol=1e-11)
    assert found[0][1, 2] == 0
    assert found[1][1, 2] > 0 or found[1][1, 2] < 0


def test_weights_are_differentiated_to_second_order_at_zero() -> None:
    sd.testing.check_grad(
        lambda a, b: sd.special.logsumexp(a, b=b),
        np.array([1.0, 2.0, 0.5]),
        np.array([1.0, 0.0, -0.25]),
    )


def test_a_hundred_thousand_weighted_entries() -> None:
    n = 100_000
    a = sd.Graph().input("a", sd.f64[n])
    y = sd.special.logsumexp(a, b=np.full(n, 0.5))
    value, gradient = sd.evaluate([y, sd.grad(y, a)], {a: np.full(n, -2e4)})
    np.testing.assert_allclose(value, np.log(n / 2) - 2e4, rtol=1e-15)
    np.testing.assert_allclose(gradient, 1 / n, rtol=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "value", "sign", "by_entry", "by_weight"),
    [
        ([inf, 0.0], [0.0, 2.0], np.log(2), 1.0, [0.0, 1.0], [0.0, 0.5]),
        ([nan, 0.0], [0.0, 1.0], 0.0, 1.0, [0.0, 1.0], [0.0, 1.0]),
        ([-inf, -inf], [1.0, 2.0], -inf, 0.0, [0.0, 0.0], [0.0, 0.0]),
        ([-inf, 3.0], [1.0, -1.0], 3.0, -1.0, [0.0, 1.0], [0.0, -1.0]),
        ([800.0, 0.0], [0.0, 1.0], 0.0, 1.0, [0.0, 1.0], [inf, 1.0]),
        ([inf, 0.0], [1.0, 1.0], inf, 1.0, [nan, 0.0], [nan, 0.0]),
        ([690.0, -690.0], [1e-300, 1e300], 0.9678195888245543, 1.0, None, None),
        ([2.0, 2.0], [1.0, -1.0], -inf, 0.0, [inf, -inf], [inf, inf]),
    ],
)
def test_infinite_entries_and_zero_weights(
    a: Any, b: Any, value: float, sign: float, by_entry: Any, by_weight: Any
) -> None:
    g = sd.Graph()
    x, w = g.input("x", sd.f64[2]), g.input("w", sd.f64[2])
    size, signs = sd.special.logsumexp(x, b=w, return_sign=True)
    found = sd.evaluate([size, signs, *sd.grad(size, [x, w])], {x: a, w: b})
    np.testing.assert_allclose(found[0], value, rtol=1e-14)
    assert found[1] == sign
    for gradient, exact in zip(found[2:], (by_entry, by_weight), strict=True):
        if exact is not None:
            np.testing.assert_allclose(gradient, exact, rtol=1e-14)


def test_over_no_weighted_entries_the_sum_is_zero() -> None:
    a = sd.Graph().input("a", sd.f64["n", 2])
    y = sd.special.logsumexp(a, axis=0, b=np.array([1.0, -1.0]))
    value, gradient = sd.evaluate([y, sd.grad(sd.sum(y), a)], {a: np.zeros((0, 2))})
    np.testing.assert_array_equal(value, [-inf, -inf])
    assert gradient.shape == (0, 2)


def test_without_weights_it_is_the_plain_one() -> None:
    a = sd.Graph().input("a", sd.f64[2, 3])
    assert sd.special.logsumexp(a, axis=1) is sd.logsumexp(a, axis=1)
    size, sign = sd.special.logsumexp(a, axis=1, return_sign=True)
    found = sd.evaluate([size, sign, sd.logsumexp(a, axis=1)], {a: [[1.0, 2, 3], [-inf] * 3]})
    np.testing.assert_allclose(found[0], found[2], rtol=1e-15)
    np.testing.assert_array_equal(found[1], [1.0, 0.0])


def test_weights_that_do_not_fit_are_named() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[2, 3]), g.input("b", sd.f64[2])
    with pytest.raises(sd.ShapeError, match=r"logsumexp: shapes \(2,3\) and \(2,\)[^$]*b = b : f"):
        sd.special.logsumexp(a, b=b)
    with pytest.raises(sd.ArgumentError, match="none of the operands is a node"):
        sd.special.logsumexp(np.ones(3), b=2.0)
    with pytest.raises(sd.ShapeError, match=r"logsumexp: axis 2 is out of bounds"):
        sd.special.logsumexp(a, axis=2, b=2.0)


def test_softmax_is_over_all_axes_as_in_scipy() -> None:
    x = sd.Graph().input("x", sd.f64[3, 4])
    for name in ("softmax", "log_softmax"):
        for axis in (None, 0, (0, 1)):
            value = sd.evaluate(getattr(sd.special, name)(x, axis=axis), {x: ENTRIES})
            expected = getattr(scipy.special, name)(ENTRIES, axis=axis)
            np.testing.assert_allclose(value, expected, rtol=1e-13)


# -- types ---------------------------------------------------------------------------------

UNARY = [n for n in DIGITS if n not in ("entr", "exprel")]


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", ["f16", "f32", "f64", "i8", "u8", "i64", "bool_"])
def test_floats_keep_their_dtype_and_integers_are_doubles(name: str, dtype: str) -> None:
    type_ = getattr(sd, dtype)
    x = sd.Graph().input("x", type_["n", 2])
    array = np.array([[1, 0]]).astype(x.dtype)
    y = getattr(sd.special, name)(x)
    assert y.type == (type_ if dtype.startswith("f") else sd.f64)["n", 2]
    value = sd.evaluate(y, {x: array})
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(array.astype(float))
    np.testing.assert_allclose(value, expected, rtol=1e-3 if dtype == "f16" else 1e-6)


@pytest.mark.parametrize("name", ["erf", "gammaln", "logit", "kl_div", "i0"])
def test_complex_operands_are_refused(name: str) -> None:
    z = sd.Graph().input("z", sd.c128[3])
    operands = [z] * len(REGISTRY.find(name).arguments)
    with pytest.raises(sd.DTypeError, match=rf"{name}: defined here for real operands only\n"):
        getattr(sd.special, name)(*operands)


# -- SciPy ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sd.special.__all__)
def test_scipys_ufuncs_on_nodes_are_ours(name: str) -> None:
    theirs, ours = getattr(scipy.special, name), getattr(sd.special, name)
    if isinstance(theirs, np.ufunc):
        g = sd.Graph()
        nodes = [g.input(f"x{k}", sd.f64["n"]) for k in range(theirs.nin)]
        assert theirs(*nodes) is ours(*nodes)
    elif not isinstance(ours, sd.Op):  # a Python function, which is called in the same way
        code = ours.__wrapped__ if hasattr(ours, "__wrapped__") else ours
        names = code.__code__.co_varnames[: code.__code__.co_argcount]
        original = getattr(theirs, "__wrapped__", theirs)
        assert names == original.__code__.co_varnames[: len(names)]


def test_scipys_ufuncs_take_arrays_and_numbers_beside_nodes() -> None:
    y = sd.Graph().input("y", sd.f64[2])
    assert scipy.special.rel_entr(1.0, y) is sd.special.rel_entr(1.0, y)
    assert scipy.special.xlogy([1.0, 2.0], y).type == sd.f64[2]
    assert np.i0(y) is sd.special.i0(y)


def test_a_ufunc_of_scipy_that_is_not_here_is_named() -> None:
    with pytest.raises(sd.ArgumentError, match="struve has no symdiff counterpart"):
        scipy.special.struve(1, sd.Graph().input("y", sd.f64[2]))


WITHOUT_SCIPY = """
import sys
import numpy as np
import symdiff as sd

sys.modules["scipy"] = None  # as if it were not installed
x = sd.Graph().input("x", sd.f64[2])
for name in ("expit", "logit", "log_expit", "entr", "softplus"):
    y = getattr(sd.special, name)(x)
    assert np.isfinite(sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [0.25, 0.5]})).all()
for name in ("xlogy", "rel_entr", "kl_div", "xlog1py"):
    assert np.isfinite(sd.evaluate(getattr(sd.special, name)(x, x), {x: [0.25, 0.5]})).all()
assert np.isfinite(sd.evaluate(sd.special.logsumexp(x, b=x), {x: [0.25, 0.5]}))
assert np.isfinite(sd.evaluate(sd.special.softmax(x), {x: [0.25, 0.5]})).all()
y = sd.special.erf(x)
gradient = sd.grad(sd.sum(y), x)
for run in (lambda: sd.evaluate(y, {x: [1.0, 2.0]}), lambda: sd.compile([x], y)([1.0, 2.0])):
    try:
        run()
    except sd.MissingDependencyError as error:
        print(error)
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_scipy_an_error_names_the_extra_and_numpy_does_what_it_can() -> None:
    message = 'erf is computed by SciPy, which is not installed; pip install "symdiff[scipy]"'
    lines = run(WITHOUT_SCIPY).splitlines()
    assert lines == [f"the special function {message}"] * 2
    assert "\nscipy = [" in (ROOT / "pyproject.toml").read_text("utf-8")


def test_scipy_loads_with_the_first_kernel_that_needs_it() -> None:
    program = """
import sys, symdiff as sd
x = sd.Graph().input("x", sd.f64[2])
f = sd.compile([x], sd.grad(sd.sum(sd.special.erf(x) + sd.special.i1(x)), x))
print("scipy" in sys.modules)
f([1.0, 2.0])
print("scipy" in sys.modules)
"""
    assert run(program).split() == ["False", "True"]


@pytest.mark.parametrize("name", ["erf", "digamma_difference", "weighted_share", "polygamma"])
def test_ops_are_found_by_name_before_they_are_loaded(name: str) -> None:
    program = f"from symdiff.op import REGISTRY\nimport symdiff\nprint(REGISTRY.find({name!r}))"
    assert run(program).startswith(f"<op {name}(")


@pytest.mark.parametrize("name", ["erf", "betaln", "kl_div"])
def test_what_sizes_are_named_stays_named(name: str) -> None:
    g = sd.Graph()
    nodes = [g.input("x", sd.f64["n", 3]), g.input("y", sd.f64[3])]
    y = getattr(sd.special, name)(*nodes[: len(REGISTRY.find(name).arguments)])
    assert y.type == sd.f64["n", 3]
    gradient = sd.grad(sd.sum(y), nodes[-1], disconnected="zero")
    assert gradient.type == sd.f64[3]
