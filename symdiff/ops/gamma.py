"""The gamma function, its logarithm and logarithmic derivatives, and an incomplete one.

DLMF chapters 5 and 8. `gammaln` next to its zeros is computed from its series there (5.7.3), and
polygamma functions of negative arguments by reflection (5.15.6) at the exact distance to the pole.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise, public
from symdiff.ops.functions import in_sympy
from symdiff.ops.special import (
    as_order,
    derivatives,
    doubled,
    horner,
    piecewise,
    real_floats,
    scipys,
)

__all__ = [
    "digamma",
    "exprel",
    "gamma",
    "gammaln",
    "multigammaln",
    "polygamma",
]

_EULER: Final = 0.57721566490153286061

# -- polygamma functions -------------------------------------------------------------------


@cache
def _cotangent_polynomial(n: int) -> tuple[int, ...]:
    """P with ``(d/dx)**n cot x = P(cot x)``; all its terms are of one sign for x in (0, π/2)."""
    found = np.polynomial.Polynomial([0, 1])
    for _ in range(n):
        found = -found.deriv() * np.polynomial.Polynomial([1, 0, 1])
    return tuple(found.coef[::-1])


def _reflection(x: Any, n: int) -> Any:
    """``π (d/dx)**n cot(πx)``, by the distance to the next integer, which is exact."""
    rest = x - np.rint(x)
    far = np.abs(rest) > 0.25
    inner = np.tan(np.pi * np.where(far, np.copysign(0.5, rest) - rest, rest))
    cotangent = np.where(far, inner, 1 / inner)
    return np.pi ** (n + 1) * horner(_cotangent_polynomial(n), cotangent)


def _digamma(x: Any) -> Any:
    return piecewise(
        (np.isneginf(x), lambda x: x * np.nan),
        ((x < 0) & (x != np.rint(x)), lambda x: scipys("psi", 1 - x) - _reflection(x, 0)),
        (x == x, lambda x: scipys("psi", x)),
        of=(x,),
    )


def polygamma_of(x: Any, n: int) -> Any:
    """The kernel of ``polygamma(n, x)``, `digamma` among them."""
    if n == 0:
        return _digamma(x)

    def above(x: Any) -> Any:
        """n! times the zeta function of Hurwitz (25.11.12), its largest term apart."""
        near = x < 1
        rest = scipys("zeta", n + 1.0, np.where(near, x + 1, x))
        return (-1.0) ** (n + 1) * math.gamma(n + 1) * (np.where(near, x ** (-n - 1.0), 0) + rest)

    return piecewise(
        (x == 0, lambda x: np.full_like(x, np.inf) if n % 2 else -1 / x),
        ((x < 0) & (x == np.rint(x)), lambda x: np.full_like(x, np.inf if n % 2 else np.nan)),
        (x < 0, lambda x: (-1.0) ** n * above(1 - x) - _reflection(x, n)),
        (x > 0, above),
        of=(x,),
    )


polygammas: Op = derivatives(
    "polygamma",
    doc="""The n-th derivative of `digamma`.

    At 0, -1, -2, … it is inf for odd `n`; for even `n`, where the sides differ, ∓inf at ±0 and
    NaN at the others.
    """,
    kernel=polygamma_of,
    sympy=in_sympy(lambda s, x: s.polygamma(1, x)),
)

digamma: Op = elementwise(
    "digamma",
    "x",
    doc="""Logarithmic derivative of the gamma function.

    NaN at -1, -2, …, ∓inf at ±0. The derivative is ``polygamma(1, x)``.
    """,
    kernel=doubled(_digamma),
    dtypes=real_floats,
    sympy="digamma",
    partials=(lambda y, x: polygammas(x, n=1),),
)


@public
def polygamma(n: Any, x: Any) -> Node:
    """The n-th derivative of the digamma function, entry by entry (DLMF 5.15).

    Arguments: `n`, an int from 0, one for all entries; `x`, a real node of any shape. Returns a
    node of the shape of `x`. Raises `ArgumentError` for any other `n`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2])
    >>> trigamma = sd.special.polygamma(1, x)
    >>> sd.evaluate(trigamma, {x: [1.0, 2.0]})
    array([1.64493407, 0.64493407])
    >>> sd.grad(sd.sum(trigamma), x)
    %3 : f64[2] = polygamma x n=2
    """
    with listing("polygamma", {"n": n, "x": x}):
        order = as_order(n, 0)
    return polygammas(x, n=order) if order else digamma(x)


# -- the gamma function --------------------------------------------------------------------


@cache
def _zetas() -> tuple[float, ...]:
    """Coefficients ``(zeta(k) - 1) / k`` with alternating signs, the highest power first."""
    powers = range(28, 1, -1)  # within half a unit, terms fall by a factor of 4 each
    return tuple((-1.0) ** k * float(scipys("zetac", float(k))) / k for k in powers)


def _about_two(u: Any) -> Any:
    """``log Γ(2 + u)`` for small `u` (5.7.3)."""
    return u * (1 - _EULER + u * horner(_zetas(), u))


def log_gamma(x: Any) -> Any:
    """The kernel of `gammaln`."""
    size = np.abs(x)
    return piecewise(
        (size < 1e-20, lambda x: -np.log(np.abs(x))),
        (np.abs(x - 1) <= 0.5, lambda x: _about_two(x - 1) - np.log1p(x - 1)),
        (np.abs(x - 2) <= 0.5, lambda x: _about_two(x - 2)),
        (np.isposinf(x), np.abs),
        (np.isneginf(x), lambda x: x * np.nan),  # there are poles as far as one looks
        (x == x, lambda x: scipys("gammaln", x)),
        of=(x,),
    )


gammaln: Op = elementwise(
    "gammaln",
    "x",
    doc="""Logarithm of the absolute value of the gamma function, accurate next to 1 and 2.

    inf at 0, -1, -2, …. The derivative is `digamma`.
    """,
    kernel=doubled(log_gamma),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.log(s.Abs(s.gamma(x)))),
    partials=(lambda y, x: digamma(x),),
)

gamma: Op = elementwise(
    "gamma",
    "x",
    doc="Gamma function: ``(x - 1)!`` for integers, ±inf at ±0, and NaN at -1, -2, ….",
    kernel=doubled(lambda x: scipys("gamma", x)),
    dtypes=real_floats,
    sympy="gamma",
    partials=(lambda y, x: y * digamma(x),),
)


@public
def multigammaln(a: Any, d: Any) -> Node:
    """Logarithm of the multivariate gamma function of `d` dimensions, entry by entry.

    Arguments: `a`, a real node, greater than ``(d - 1) / 2``; `d`, an int from 1. Returns
    ``d (d - 1) / 4 log π + Σ gammaln(a - k / 2)`` over k from 0 to d - 1 (DLMF 35.3.4). Raises
    `ArgumentError` for a `d` that is no such int.

    >>> import symdiff as sd
    >>> a = sd.Graph().input("a", sd.f64)
    >>> sd.evaluate(sd.special.multigammaln(a, 2), {a: 3.0})
    array(1.55019499)
    """
    if isinstance(d, bool) or not isinstance(d, int | np.integer) or d < 1:
        raise ArgumentError(f"multigammaln: the dimension d must be an int from 1, not {d!r}")
    total = gammaln(a)
    for k in range(1, int(d)):
        total = total + gammaln(a - 0.5 * k)
    return total + int(d) * (int(d) - 1) / 4 * math.log(math.pi) if d > 1 else total


# -- the relative exponential --------------------------------------------------------------


def _exprel_derivative(x: Any, n: int) -> Any:
    """The integral of ``s**n * exp(x * s)`` over [0, 1], an incomplete gamma function (8.2)."""

    def series(x: Any) -> Any:
        term, total = np.ones_like(x), np.full_like(x, 1 / (n + 1))
        for k in range(1, 90):
            term = term * x / k
            total += term / (n + 1 + k)
        return total

    def above(x: Any) -> Any:
        """By parts, which cancels nothing this far above n."""
        power = np.exp(x / 2)
        result = np.expm1(-x) / -x
        for k in range(1, n + 1):
            result = (1 - k * result) / x
        return result * power * power

    def below(x: Any) -> Any:
        return math.gamma(n + 1) * scipys("gammainc", n + 1.0, -x) / -x / (-x) ** n

    return piecewise(
        (np.isinf(x), lambda x: np.where(x > 0, x, 0)),
        (np.abs(x) <= 1, series),
        (x < 0, below),
        (x <= 24 + 2 * n, series),
        (x > 0, above),
        of=(x,),
    )


_exprel_derivatives: Op = derivatives(
    "exprel_derivative",
    doc="The n-th derivative of `exprel`: the integral of ``s**n * exp(x * s)`` over [0, 1].",
    kernel=_exprel_derivative,
    sympy=in_sympy(lambda s, x: s.hyper([2], [3], x) / 2),
)


def _exprel(x: Any) -> Any:
    return piecewise(
        (x == 0, np.ones_like),
        (np.isinf(x), lambda x: np.where(x > 0, x, 0)),
        (x < 700, lambda x: np.expm1(x) / x),
        (x >= 700, lambda x: np.exp(x / 2) / x * np.exp(x / 2)),
        of=(x,),
    )


exprel: Op = elementwise(
    "exprel",
    "x",
    doc="Relative exponential, ``(exp(x) - 1) / x``, and 1 at 0.",
    kernel=doubled(_exprel),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.hyper([1], [2], x)),
    partials=(lambda y, x: _exprel_derivatives(x),),
)

REGISTRY.enroll(__name__)
