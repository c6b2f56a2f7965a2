"""The logistic function, its inverse and logarithm; entropies and divergences.

Cover and Thomas, *Elements of Information Theory*, 2.1 to 2.3, with SciPy's names and values:
0 log 0 is 0, and outside the domain an entropy is -inf and a divergence inf. None needs SciPy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise, over
from symdiff.ops.elementwise import equal, log, logical_and, where
from symdiff.ops.functions import in_sympy
from symdiff.ops.special import derivatives, doubled, piecewise, real_floats

__all__ = ["entr", "expit", "kl_div", "log_expit", "logit", "rel_entr"]

# -- logistic ------------------------------------------------------------------------------


def _expit(x: Any) -> Any:
    power = np.exp(-np.abs(x))
    return np.where(x < 0, power, 1) / (1 + power)


expit: Op = elementwise(
    "expit",
    "x",
    doc="""Logistic function, `1 / (1 + exp(-x))`: `sigmoid`, with a derivative for the tails.

    That is ``expit(x) * expit(-x)``, with all its digits where it is tiny; the one of `sigmoid`
    is had from the result and is right to a unit in the last place of 1.
    """,
    kernel=doubled(_expit),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: 1 / (1 + s.exp(-x))),
    partials=(lambda y, x: y * expit(-x),),
)


def _logit(p: Any) -> Any:
    return piecewise(
        (np.abs(p - 0.5) < 0.25, lambda p: np.log1p((2 * p - 1) / (1 - p))),
        (p == p, lambda p: np.log(p / (1 - p))),
        of=(p,),
    )


def _logit_derivative(p: Any, n: int) -> Any:
    """``(n - 1)! * ((1 - p)**-n - (-p)**-n)``, by the recurrence of such differences of powers.

    Sum and product of ``1 / (1 - p)`` and ``-1 / p`` make terms of one sign for p in [0, 1].
    """
    first = 1 / p / (1 - p)
    found = [first, 2 * first * (p - 0.5) * first]
    for _ in range(2, n):
        found.append(2 * first * (p - 0.5) * found[-1] + first * found[-2])
    return math.gamma(n) * found[n - 1]


_logit_derivatives: Op = derivatives(
    "logit_derivative",
    doc="The n-th derivative of `logit`, `1 / (p * (1 - p))` and so on.",
    kernel=_logit_derivative,
    sympy=lambda x: 1 / (x * (1 - x)),
)

logit: Op = elementwise(
    "logit",
    "x",
    doc="""`log(x / (1 - x))`, the inverse of the logistic function, for `x` in [0, 1].

    ±inf at the ends, where the derivative is inf.
    """,
    kernel=doubled(_logit),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.log(x / (1 - x))),
    partials=(lambda y, x: _logit_derivatives(x),),
)

log_expit: Op = elementwise(
    "log_expit",
    "x",
    doc="Logarithm of the logistic function, `-log(1 + exp(-x))`: `x` far below 0, 0 far above.",
    kernel=doubled(lambda x: -np.logaddexp(-x, 0.0)),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: -s.log(1 + s.exp(-x))),
    partials=(lambda y, x: expit(-x),),
)

# -- entropies and divergences -------------------------------------------------------------


def _entr(x: Any) -> Any:
    return piecewise(
        (x > 0, lambda x: -x * np.log(x)),
        (x == 0, np.zeros_like),
        (x < 0, lambda x: np.full_like(x, -np.inf)),
        of=(x,),
    )


entr: Op = elementwise(
    "entr",
    "x",
    doc="""Entropy of one outcome, `-x * log(x)`: 0 at 0 and -inf below.

    The derivative is ``-1 - log(x)``: inf at 0, and NaN below, where there is none.
    """,
    kernel=doubled(_entr),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: -x * s.log(x)),
    partials=(lambda y, x: -1 - log(x),),
)


def _log_ratio(x: Any, y: Any) -> Any:
    ratio = x / y
    return piecewise(
        ((x == 0) & (y == 0), lambda x, y, ratio: np.zeros_like(x)),
        ((ratio > 0.5) & (ratio < 2), lambda x, y, ratio: np.log1p((x - y) / y)),
        ((ratio > 1e-300) & (ratio < 1e300), lambda x, y, ratio: np.log(ratio)),
        (ratio == ratio, lambda x, y, ratio: np.log(x) - np.log(y)),
        of=(x, y, ratio),
    )


log_ratio: Op = elementwise(
    "log_ratio",
    "x y",
    doc="""`log(x / y)`, accurate near 1 and where the quotient overflows or vanishes.

    Two zeros count as equal: their value is 0. What the derivatives of the divergences need.
    """,
    kernel=doubled(_log_ratio),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x, y: s.log(x / y)),
    partials=(lambda z, x, y: over(x), lambda z, x, y: over(-y)),
)


def _divergence(positive: Any, x: Any, y: Any, at_zero: Any) -> Any:
    return piecewise(
        ((x > 0) & (y > 0), positive),
        ((x == 0) & (y >= 0), at_zero),
        ((x == x) & (y == y), lambda x, y: np.full_like(x, np.inf)),
        of=(x, y),
    )


def _rel_entr(x: Any, y: Any) -> Any:
    return _divergence(
        lambda x, y: x * _log_ratio(x, y), x, y, at_zero=lambda x, y: np.zeros_like(x)
    )


def _excess(u: Any) -> Any:
    """``u - log1p(u)`` for small `u`, by the series of atanh: ``log1p(u) = 2 atanh(s)``."""
    s = u / (2 + u)
    square, total = s * s, np.zeros_like(s)
    for k in range(37, 1, -2):  # abs(s) <= 1/3
        total = total * square + 1 / k
    return 2 * square * (1 / (1 - s) - s * total)


def _kl_div(x: Any, y: Any) -> Any:
    def positive(x: Any, y: Any) -> Any:
        return piecewise(
            (np.abs(y - x) < 0.5 * x, lambda x, y: x * _excess((y - x) / x)),
            (np.isinf(x) != np.isinf(y), np.maximum),
            (x == x, lambda x, y: x * _log_ratio(x, y) - x + y),
            of=(x, y),
        )

    return _divergence(positive, x, y, at_zero=lambda x, y: y)


def _both_zero(x: Node, y: Node) -> Node:
    return logical_and(equal(x, 0), equal(y, 0))


rel_entr: Op = elementwise(
    "rel_entr",
    "x y",
    doc="""Term of the relative entropy, `x * log(x / y)`: 0 where `x` is 0 and `y` is not below.

    inf elsewhere outside of ``x > 0, y > 0``. The derivatives are ``1 + log(x / y)`` and
    ``-x / y``; where both are 0, 1 (as along ``x == y``) and 0 (as along ``x == 0``).
    """,
    kernel=doubled(_rel_entr),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x, y: x * s.log(x / y)),
    partials=(
        lambda z, x, y: 1 + log_ratio(x, y),
        lambda z, x, y: -(x / where(_both_zero(x, y), math.inf, y)),
    ),
)

kl_div: Op = elementwise(
    "kl_div",
    "x y",
    doc="""Kullback-Leibler divergence term, `x * log(x / y) - x + y`, accurate near ``x == y``.

    `y` where `x` is 0 and `y` is not below; inf elsewhere outside of ``x > 0, y > 0``. The
    derivatives are ``log(x / y)`` and ``(y - x) / y``; where both are 0, 0 (as along ``x == y``)
    and 1 (as along ``x == 0``).
    """,
    kernel=doubled(_kl_div),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x, y: x * s.log(x / y) - x + y),
    partials=(
        lambda z, x, y: log_ratio(x, y),
        lambda z, x, y: where(_both_zero(x, y), 1.0, (y - x) / y),
    ),
)

REGISTRY.enroll(__name__)
