"""The beta function and its logarithm (DLMF 5.12).

What would cancel is computed as what is left. The differences of polygamma functions in the
gradients are sums of differences of powers, term by term of Stirling's series (DLMF 5.11.2) after
a recurrence (5.5.2); so is the logarithm itself where an operand is large (5.11.1).
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise
from symdiff.ops.functions import in_sympy
from symdiff.ops.gamma import log_gamma, polygamma_of, polygammas
from symdiff.ops.special import as_order, doubled, piecewise, real_floats, scipys

__all__ = ["beta", "betaln"]

# -- differences of polygamma functions ----------------------------------------------------

_BERNOULLI: Final = (
    *(1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510),
    *(43867 / 798, -174611 / 330),
)
_STIRLING: Final = 16
"""From where ten terms of the series have all the digits, for low derivatives at least."""


def _power_difference(a: Any, growth: Any, m: int) -> Any:
    """``a**-m - (a + b)**-m`` from ``growth = log1p(b / a)``."""
    return -np.expm1(-m * growth) * a ** (-float(m))


def _digamma_difference(a: Any, b: Any, n: int) -> Any:
    """``ψ⁽ⁿ⁾(a + b) - ψ⁽ⁿ⁾(a)`` for positive `a` and `b`: terms of one sign, but tiny ones."""
    total = np.zeros_like(a)
    factorial = math.gamma(n + 1)
    least = _STIRLING + n
    while (low := a < least).any():
        growth = np.log1p(b / a)
        total += np.where(low, factorial * _power_difference(a, growth, n + 1), 0)
        a = np.where(low, a + 1, a)
    growth = np.log1p(b / a)
    total += growth if n == 0 else math.gamma(n) * _power_difference(a, growth, n)
    total += factorial / 2 * _power_difference(a, growth, n + 1)
    for k, bernoulli in enumerate(_BERNOULLI, 1):
        factor = bernoulli * math.gamma(2 * k + n) / math.gamma(2 * k + 1)
        total += factor * _power_difference(a, growth, 2 * k + n)
    return (-1.0) ** n * total


def _any_digamma_difference(a: Any, b: Any, n: int) -> Any:
    def plain(x: Any) -> Any:
        return polygamma_of(x, n)

    return piecewise(
        ((b == 0) & (a == a), lambda a, b: np.zeros_like(a)),
        ((a > 0) & (b > 0) & np.isfinite(a + b), lambda a, b: _digamma_difference(a, b, n)),
        ((a > 0) & np.isfinite(a) & np.isposinf(b) & (n > 0), lambda a, b: -plain(a)),
        (a == a, lambda a, b: plain(a + b) - plain(a)),
        of=(a, b),
    )


_digamma_differences: Op = elementwise(
    "digamma_difference",
    "a b",
    doc="""``polygamma(n, a + b) - polygamma(n, a)``, with `digamma` for n = 0.

    All digits are right for positive operands, however close together or large the two are. The
    derivatives are the next difference, by `a`, and ``polygamma(n + 1, a + b)``.
    """,
    kernel=doubled(_any_digamma_difference),
    dtypes=real_floats,
    parameters={"n": 0},
    normalize=lambda a, b, n: {"n": as_order(n, 0)},
    sympy=in_sympy(lambda s, a, b, n=0: s.polygamma(n, a + b) - s.polygamma(n, a)),
    partials=(
        lambda y, a, b: _digamma_differences(a, b, n=y.params["n"] + 1),
        lambda y, a, b: polygammas(a + b, n=y.params["n"] + 1),
    ),
)


# -- the functions -------------------------------------------------------------------------


def _rising_rest(a: Any, b: Any) -> Any:
    """``log(Γ(a + b) / Γ(a)) - b log a`` for large `a`, by Stirling's series (5.11.1)."""
    growth = np.log1p(b / a)
    rest = (a - 0.5) * growth - b + b * growth
    for k, bernoulli in enumerate(_BERNOULLI, 1):
        rest -= bernoulli / (2 * k * (2 * k - 1)) * _power_difference(a, growth, 2 * k - 1)
    return rest


def _gamma_quotient(a: Any, b: Any) -> Any:
    return scipys("gamma", b) * (scipys("gamma", a) / scipys("gamma", a + b))


def _betaln(a: Any, b: Any) -> Any:
    less, more = np.minimum(a, b), np.maximum(a, b)
    return piecewise(
        (
            (less > 0) & (more >= _STIRLING) & np.isfinite(more),
            lambda a, b: log_gamma(b) - b * np.log(a) - _rising_rest(a, b),
        ),
        # The poles alone: the rest is of the size of `less`.
        ((less > 0) & (less < 1e-20), lambda a, b: np.log1p(b / a) - np.log(b)),
        (less > 0, lambda a, b: np.log(_beta(a, b))),
        (a == a, lambda a, b: scipys("betaln", a, b)),
        of=(more, less),
    )


def _beta(a: Any, b: Any) -> Any:
    less, more = np.minimum(a, b), np.maximum(a, b)
    large = (less > 0) & (more >= _STIRLING) & np.isfinite(more)
    return piecewise(
        (
            large & (less <= 20),
            lambda a, b: scipys("gamma", b) * a**-b * np.exp(-_rising_rest(a, b)),
        ),
        (large, lambda a, b: np.exp(_betaln(a, b))),
        ((less > 0) & (more < _STIRLING), _gamma_quotient),
        (a == a, lambda a, b: scipys("beta", a, b)),
        of=(more, less),
    )


betaln: Op = elementwise(
    "betaln",
    "a b",
    doc="""Logarithm of the absolute value of `beta`.

    The derivatives are ``digamma(a) - digamma(a + b)`` and the same of `b`, without cancellation.
    """,
    kernel=doubled(_betaln),
    dtypes=real_floats,
    commutative=True,
    sympy=in_sympy(
        lambda s, a, b: (
            s.log(s.Abs(s.gamma(a))) + s.log(s.Abs(s.gamma(b))) - s.log(s.Abs(s.gamma(a + b)))
        )
    ),
    partials=(
        lambda y, a, b: -_digamma_differences(a, b),
        lambda y, a, b: -_digamma_differences(b, a),
    ),
)

beta: Op = elementwise(
    "beta",
    "a b",
    doc="Beta function, ``gamma(a) * gamma(b) / gamma(a + b)``.",
    kernel=doubled(_beta),
    dtypes=real_floats,
    commutative=True,
    sympy=in_sympy(lambda s, a, b: s.gamma(a) * s.gamma(b) / s.gamma(a + b)),
    partials=(
        lambda y, a, b: -y * _digamma_differences(a, b),
        lambda y, a, b: -y * _digamma_differences(b, a),
    ),
)

REGISTRY.enroll(__name__)
