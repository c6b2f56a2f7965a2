"""Error functions and the normal distribution.

DLMF chapter 7: derivatives of the error function are Hermite polynomials times a Gaussian
(7.10.1), those of ``exp(x**2) * erfc(x)`` its repeated integrals (7.18), and the quotients of
those a continued fraction of positive terms (7.18.13, 7.9), which is what keeps the tails of the
normal distribution and its logarithm free of 0/0. Derivatives of the inverses are polynomials in
the inverse itself (L. Carlitz, "The inverse of the error function", 1963).
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache
from typing import Any, Final

import numpy as np

from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise
from symdiff.ops.functions import in_sympy
from symdiff.ops.special import derivatives, doubled, horner, piecewise, real_floats, scipys

__all__ = [
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "log_ndtr",
    "ndtr",
    "ndtri",
]

_ROOT_HALF: Final = math.sqrt(0.5)
_ROOT_TWO_PI: Final = math.sqrt(2 * math.pi)
_ROOT_PI: Final = math.sqrt(math.pi)

# -- Gaussians -----------------------------------------------------------------------------


def _bell(x: Any, c: float) -> Any:
    """``exp(-c * x**2)`` for `c` a power of two, to the last digits in the tails too.

    The square of 24 bits of `x` is exact, and what they leave out is a small exponent more.
    """
    x = np.clip(x, -64.0, 64.0)
    near = x.astype(np.float32).astype(np.float64)
    return np.exp(-c * near * near) * np.exp(-c * (x - near) * (x + near))


def _hermite(x: Any, n: int, c: float) -> Any:
    """The polynomial of the n-th derivative of ``exp(-c * x**2)`` (DLMF 18.9)."""
    before, now = np.zeros_like(x), np.ones_like(x)
    for k in range(n):
        before, now = now, -2 * c * (x * now + k * before)
    return now


def _bell_derivative(x: Any, n: int, c: float) -> Any:
    """The polynomial between two square roots, for the bell alone may be below the normals."""
    x = np.clip(x, -64.0, 64.0)  # beyond it is 0
    root = _bell(x, c / 2)
    return _hermite(x, n, c) * root * root


_erf_derivative: Op = derivatives(
    "erf_derivative",
    doc="The n-th derivative of `erf`, `2 / sqrt(π) * exp(-x**2)` and so on.",
    kernel=lambda x, n: 2 / _ROOT_PI * _bell_derivative(x, n - 1, 1.0),
    sympy=in_sympy(lambda s, x: s.erf(x).diff(x)),
)

erf: Op = elementwise(
    "erf",
    "x",
    doc="Error function, `2 / sqrt(π)` times the integral of `exp(-t**2)` from 0 to `x`.",
    kernel=doubled(lambda x: scipys("erf", x)),
    dtypes=real_floats,
    sympy="erf",
    partials=(lambda y, x: _erf_derivative(x),),
)


def _erfc(x: Any) -> Any:
    return piecewise(
        (x < 2, lambda x: scipys("erfc", x)),
        (x >= 2, lambda x: _erfcx(x) * _bell(x, 1.0)),
        of=(x,),
    )


erfc: Op = elementwise(
    "erfc",
    "x",
    doc="Complementary error function, `1 - erf(x)`, accurate where it is tiny.",
    kernel=doubled(_erfc),
    dtypes=real_floats,
    sympy="erfc",
    partials=(lambda y, x: -_erf_derivative(x),),
)

# -- scaled tails --------------------------------------------------------------------------


def _tail_ratios(t: Any, count: int) -> list[Any]:
    """``K[0] .. K[count]``, K[0] the hazard rate `φ(t) / Φ(-t)`, K[n] = n / (t + K[n + 1]).

    Quotients of repeated integrals of the Gaussian's tail (DLMF 7.18.13): K[0] = t + K[1]. The
    recurrence runs backward where t is positive and forward where it is not.
    """
    found = np.empty((count + 1, *t.shape))
    here = ~(t >= 1)
    x = t[here]
    found[0, here] = ratio = _hazard(x)
    for n in range(1, count + 1):
        ratio = (ratio if n == 1 else (n - 1) / ratio) - x
        found[n, here] = ratio
    for low, high, terms in ((1, 2, 240), (2, 5, 100), (5, np.inf, 40)):
        here = (t >= low) & (t < high)
        x, start = t[here], count + terms
        ratio = (np.sqrt(x * x + 4 * start) - x) / 2  # the tail is close to the fixed point
        for n in range(start - 1, -1, -1):
            ratio = n / (x + ratio) if n else x + ratio
            if n <= count:
                found[n, here] = ratio
    return list(found)


def _hazard(t: Any) -> Any:
    return piecewise(
        (t > 1e9, np.copy),
        (t >= 0, lambda t: math.sqrt(2 / math.pi) / _erfcx(_ROOT_HALF * t)),
        (t < 0, lambda t: _bell(t, 0.5) / _ROOT_TWO_PI / scipys("ndtr", -t)),
        of=(t,),
    )


def _erfcx_derivative(x: Any, n: int) -> Any:
    """``(-1)**n * erfcx(x) * M[1] * … * M[n]``, M[k] being ``sqrt(2) * K[k](sqrt(2) * x)``."""
    t = np.maximum(x, -1e9) / _ROOT_HALF  # below, erfcx itself is infinite
    result = (-1.0) ** n * _erfcx(x)
    for ratio in _tail_ratios(np.minimum(t, 1e300), n)[1:]:
        result = result * (ratio / _ROOT_HALF)
    return np.where(np.isnan(x), np.nan, result)


def _erfcx(x: Any) -> Any:
    return piecewise(
        (np.abs(x) < 0.75, lambda x: scipys("erfc", x) * np.exp(x * x)),
        (x > 0, lambda x: scipys("erfcx", x)),
        (x > -20, lambda x: scipys("erfc", x) / _bell(x, 1.0)),
        (x == x, lambda x: 2 / _bell(x, 1.0)),
        of=(x,),
    )


_erfcx_derivatives: Op = derivatives(
    "erfcx_derivative",
    doc="The n-th derivative of `erfcx`, of the sign of `(-1)**n`.",
    kernel=_erfcx_derivative,
    sympy=in_sympy(lambda s, x: (s.exp(x**2) * s.erfc(x)).diff(x)),
)

erfcx: Op = elementwise(
    "erfcx",
    "x",
    doc="Scaled complementary error function, `exp(x**2) * erfc(x)`, without overflow.",
    kernel=doubled(_erfcx),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.exp(x**2) * s.erfc(x)),
    partials=(lambda y, x: _erfcx_derivatives(x),),
)

# -- the normal distribution ---------------------------------------------------------------


def _ndtr(x: Any) -> Any:
    return piecewise(
        (x < -1, lambda x: _erfcx(-_ROOT_HALF * x) * (0.5 * _bell(x, 0.5))),
        (x >= -1, lambda x: scipys("ndtr", x)),
        of=(x,),
    )


def _log_ndtr(x: Any) -> Any:
    return piecewise(
        (x <= 0, lambda x: scipys("log_ndtr", x)),
        (x > 0, lambda x: np.log1p(-_ndtr(-x))),
        of=(x,),
    )


@cache
def _log_ndtr_terms(n: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """The (n-1)-st derivative by t of the hazard rate K[0], as terms ``factor * Π K[i]``.

    K[0]' = K[0] K[1], and K[i]' = K[i] (K[i] - K[i + 1]) for the others.
    """
    terms: dict[tuple[int, ...], int] = {(0,): 1}
    for _ in range(n - 1):
        found: dict[tuple[int, ...], int] = defaultdict(int)
        for term, factor in terms.items():
            for i in term:
                if i:
                    found[tuple(sorted((*term, i)))] += factor
                found[tuple(sorted((*term, i + 1)))] += -factor if i else factor
        terms = {term: factor for term, factor in found.items() if factor}
    return tuple((factor, term) for term, factor in terms.items())


def _log_ndtr_derivative(x: Any, n: int) -> Any:
    if n == 1:
        return _hazard(-x)
    ratios = _tail_ratios(np.clip(-x, -64.0, 1e8), n)  # all have reached their limits there
    total = sum(f * math.prod(ratios[i] for i in term) for f, term in _log_ndtr_terms(n))
    return np.where(np.isnan(x), np.nan, (-1.0) ** (n - 1) * np.asarray(total))


_ndtr_derivative: Op = derivatives(
    "ndtr_derivative",
    doc="The n-th derivative of `ndtr`: the normal density, its slope, and so on.",
    kernel=lambda x, n: _bell_derivative(x, n - 1, 0.5) / _ROOT_TWO_PI,
    sympy=in_sympy(lambda s, x: s.exp(-(x**2) / 2) / s.sqrt(2 * s.pi)),
)

ndtr: Op = elementwise(
    "ndtr",
    "x",
    doc="Distribution function of the standard normal distribution, accurate in the lower tail.",
    kernel=doubled(_ndtr),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.erfc(-x / s.sqrt(2)) / 2),
    partials=(lambda y, x: _ndtr_derivative(x),),
)

_log_ndtr_derivatives: Op = derivatives(
    "log_ndtr_derivative",
    doc="""The n-th derivative of `log_ndtr`; the first is the normal density over `ndtr`.

    Beyond the second, digits are lost far below 0, where they are tiny.
    """,
    kernel=_log_ndtr_derivative,
    sympy=in_sympy(lambda s, x: s.log(s.erfc(-x / s.sqrt(2)) / 2).diff(x)),
)

log_ndtr: Op = elementwise(
    "log_ndtr",
    "x",
    doc="Logarithm of `ndtr`, accurate in both tails: near `-x**2 / 2` far below 0.",
    kernel=doubled(_log_ndtr),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.log(s.erfc(-x / s.sqrt(2)) / 2)),
    partials=(lambda y, x: _log_ndtr_derivatives(x),),
)

# -- inverses ------------------------------------------------------------------------------


@cache
def _inverse_polynomial(n: int, factor: int) -> tuple[int, ...]:
    """Coefficients of P[n] in ``y^(n) = P[n](y) * (y')**n``, where ``y'' = factor * y * y'**2``.

    P[1] = 1 and P[n + 1] = P[n]' + n * factor * y * P[n]: none is negative, so nothing cancels.
    """
    found = np.polynomial.Polynomial([1])
    for k in range(1, n):
        found = found.deriv() + found * np.polynomial.Polynomial([0, k * factor])
    return tuple(found.coef[::-1])


def _inverse_derivative(y: Any, slope: Any, n: int, factor: int) -> Any:
    return horner(_inverse_polynomial(n, factor), y) * slope**n


def _slope(distance: Any, tail: Any) -> Any:
    """``exp(distance**2)`` for the distance beyond which ``erfc(distance) = tail``.

    ``erfcx(distance) / tail`` is the same and, unlike it, does not magnify the rounding of the
    distance.
    """
    slope = _erfcx(distance) / tail
    return np.where(tail == 0, np.inf, slope)


def _erfinv_derivative(x: Any, n: int) -> Any:
    y = scipys("erfinv", x)
    return _inverse_derivative(y, _ROOT_PI / 2 * _slope(np.abs(y), 1 - np.abs(x)), n, 2)


def _erfcinv(x: Any) -> Any:
    def least(x: Any) -> Any:
        """Newton's method on the logarithm, for what SciPy takes for 0."""
        log_x = np.log(x)
        y = np.sqrt(-log_x)
        for _ in range(6):
            scaled = scipys("erfcx", y)
            y = y + (np.log(scaled) - y * y - log_x) * (_ROOT_PI / 2) * scaled
        return y

    return piecewise(
        ((x > 0) & (x < 1e-300), least),
        (x == x, lambda x: scipys("erfcinv", x)),
        of=(x,),
    )


def _erfcinv_derivative(x: Any, n: int) -> Any:
    y = _erfcinv(x)
    return _inverse_derivative(y, -_ROOT_PI / 2 * _slope(np.abs(y), np.minimum(x, 2 - x)), n, 2)


def _ndtri_derivative(x: Any, n: int) -> Any:
    y = scipys("ndtri", x)
    tail = 2 * np.minimum(x, 1 - x)
    return _inverse_derivative(y, _ROOT_TWO_PI * _slope(_ROOT_HALF * np.abs(y), tail), n, 1)


_erfinv_derivatives: Op = derivatives(
    "erfinv_derivative",
    doc="The n-th derivative of `erfinv`, `sqrt(π) / 2 * exp(erfinv(x)**2)` and so on.",
    kernel=_erfinv_derivative,
    sympy=in_sympy(lambda s, x: s.erfinv(x).diff(x)),
)

erfinv: Op = elementwise(
    "erfinv",
    "x",
    doc="Inverse of `erf`, for `x` in [-1, 1]: ±inf at ±1, where the derivative is inf.",
    kernel=doubled(lambda x: scipys("erfinv", x)),
    dtypes=real_floats,
    sympy="erfinv",
    partials=(lambda y, x: _erfinv_derivatives(x),),
)

_erfcinv_derivatives: Op = derivatives(
    "erfcinv_derivative",
    doc="The n-th derivative of `erfcinv`, `-sqrt(π) / 2 * exp(erfcinv(x)**2)` and so on.",
    kernel=_erfcinv_derivative,
    sympy=in_sympy(lambda s, x: s.erfcinv(x).diff(x)),
)

erfcinv: Op = elementwise(
    "erfcinv",
    "x",
    doc="Inverse of `erfc`, for `x` in [0, 2]: ±inf at the ends, where the derivative is -inf.",
    kernel=doubled(_erfcinv),
    dtypes=real_floats,
    sympy="erfcinv",
    partials=(lambda y, x: _erfcinv_derivatives(x),),
)

_ndtri_derivatives: Op = derivatives(
    "ndtri_derivative",
    doc="The n-th derivative of `ndtri`; the first is 1 over the normal density at the quantile.",
    kernel=_ndtri_derivative,
    sympy=in_sympy(lambda s, x: (s.sqrt(2) * s.erfinv(2 * x - 1)).diff(x)),
)

ndtri: Op = elementwise(
    "ndtri",
    "x",
    doc="""Quantile of the standard normal distribution, the inverse of `ndtr`.

    For `x` in [0, 1]: ±inf at the ends, where the derivative is inf.
    """,
    kernel=doubled(lambda x: scipys("ndtri", x)),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.sqrt(2) * s.erfinv(2 * x - 1)),
    partials=(lambda y, x: _ndtri_derivatives(x),),
)

REGISTRY.enroll(__name__)
