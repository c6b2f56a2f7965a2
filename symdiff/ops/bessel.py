"""Modified Bessel functions of the first kind, of orders 0 and 1, plain and scaled.

Derivatives follow from the integrals of DLMF 10.32.1 and 10.32.3: those of `i0` are sums of Bessel
functions of one sign (10.29.5), and those of ``exp(-x) * i0(x)`` the moments of ``1 - cos θ``
under ``exp(-x * (1 - cos θ))``, of one sign again. So there is no ``i1(x) / x`` that were 0/0 at
0, and no difference of neighbours that would cancel at large `x`.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise, numpy_function
from symdiff.ops.functions import in_sympy
from symdiff.ops.special import derivatives, doubled, piecewise, real_floats, scipys

__all__ = ["i0", "i0e", "i1", "i1e"]

# -- plain -----------------------------------------------------------------------------------


def _unscaled(scaled: Any, x: Any) -> Any:
    """``exp(x) * scaled`` in two steps, for the power may overflow where the product does not."""
    half = np.exp(x / 2)
    return half * scaled * half


def _plain(name: str, x: Any) -> Any:
    return piecewise(
        (np.abs(x) < 700, lambda x: scipys(name, x)),
        (x == x, lambda x: np.where(np.isinf(x), x, _large(name, x))),
        of=(x,),
    )


def _large(name: str, x: Any) -> Any:
    return _unscaled(scipys(f"{name}e", x), np.abs(x))


def _scaled_orders(x: Any, count: int) -> list[Any]:
    """``exp(-x) * I_m(x)`` for the orders m from 0 to `count`, for ``x >= 0``."""
    found = [scipys("i0e", x), scipys("i1e", x)]
    for m in range(2, count + 1):
        found.append(
            piecewise(
                # The recurrence (10.29.1) is stable where x is well above the order.
                (x > 4 * m * m + 30, lambda x, a, b, m=m: a - (2 * m - 2) / x * b),
                (x > 1e-8, lambda x, a, b, m=m: scipys("ive", m, x)),
                (x >= 0, lambda x, a, b, m=m: (x / 2) ** m / math.gamma(m + 1)),
                of=(x, found[m - 2], found[m - 1]),
            )
        )
    return found


def _i0_derivative(x: Any, n: int) -> Any:
    """``2**-n Σ binomial(n, k) I_(n - 2k)(x)`` (10.29.5)."""
    size = np.abs(x)
    orders = _scaled_orders(size, n)
    total = sum(math.comb(n, k) / 2**n * orders[abs(n - 2 * k)] for k in range(n + 1))
    value = np.where(np.isinf(x), np.inf, _unscaled(total, size))
    return np.where(np.isnan(x), np.nan, np.where(x < 0, (-1.0) ** n, 1.0) * value)


_i0_derivatives: Op = derivatives(
    "i0_derivative",
    doc="The n-th derivative of `i0`, from the second on: `i1` is the first.",
    first=2,
    kernel=_i0_derivative,
    sympy=in_sympy(lambda s, x: (s.besseli(0, x) + s.besseli(2, x)) / 2),
)

i0: Op = elementwise(
    "i0",
    "x",
    doc="Modified Bessel function of the first kind of order 0. The derivative is `i1`.",
    kernel=doubled(lambda x: np.abs(_plain("i0", x))),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.besseli(0, x)),
    partials=(lambda y, x: i1(x),),
)

i1: Op = elementwise(
    "i1",
    "x",
    doc="Modified Bessel function of the first kind of order 1. The derivative at 0 is 1/2.",
    kernel=doubled(lambda x: _plain("i1", x)),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.besseli(1, x)),
    partials=(lambda y, x: _i0_derivatives(x),),
)

# -- scaled ----------------------------------------------------------------------------------

_NODES: Final = 64
_LARGE: Final = 50.0


def _moments(x: Any, n: int) -> Any:
    """Mean of ``(1 - cos θ)**n * exp(-x * (1 - cos θ))`` over θ, for ``x >= 0``."""

    def trapezoids(x: Any) -> Any:
        """Exact but for Bessel functions of order `2 * _NODES`, which are nothing there."""
        total = np.zeros_like(x)
        for k in range(_NODES + 1):
            s = 2 * math.sin(math.pi * k / (2 * _NODES)) ** 2
            weight = 0.5 if k in (0, _NODES) else 1.0
            total += weight * s**n * np.exp(-x * s)
        return total / _NODES

    def asymptotic(x: Any) -> Any:
        """Kummer's function at -2x (13.7.2): terms of one sign."""
        term = total = np.ones_like(x)
        for k in range(24):
            term = term * (n + 0.5 + k) * (0.5 + k) / ((k + 1) * 2 * x)
            total = total + term
        leading = math.gamma(n + 0.5) / (math.pi * math.sqrt(2))
        return leading * x ** (-n - 0.5) * total

    return piecewise(
        (x == 0, lambda x: np.full_like(x, math.comb(2 * n, n) / 2**n)),
        (x <= _LARGE + 4 * n, trapezoids),
        (x > 0, asymptotic),
        of=(x,),
    )


def _folded(value: Any, x: Any, odd: bool) -> Any:
    """A function of |x| as an even or odd one of `x`; an odd one is 0 at 0."""
    return value * np.sign(x) if odd else value


_i0e_derivatives: Op = derivatives(
    "i0e_derivative",
    doc="The n-th derivative of `i0e`; odd ones are 0 at 0, where `i0e` has a kink.",
    kernel=lambda x, n: _folded((-1.0) ** n * _moments(np.abs(x), n), x, n % 2 == 1),
    sympy=in_sympy(
        lambda s, x: s.exp(-s.Abs(x)) * (s.besseli(1, x) - s.sign(x) * s.besseli(0, x))
    ),
)


def _i1e_derivative(x: Any, n: int) -> Any:
    size = np.abs(x)
    value = (-1.0) ** n * (_moments(size, n) - _moments(size, n + 1))
    return _folded(value, x, n % 2 == 0)


_i1e_derivatives: Op = derivatives(
    "i1e_derivative",
    doc="The n-th derivative of `i1e`; even ones are 0 at 0, where the first has a kink.",
    kernel=_i1e_derivative,
    sympy=in_sympy(
        lambda s, x: (
            s.exp(-s.Abs(x))
            * ((s.besseli(0, x) + s.besseli(2, x)) / 2 - s.sign(x) * s.besseli(1, x))
        )
    ),
)

i0e: Op = elementwise(
    "i0e",
    "x",
    doc="`exp(-abs(x)) * i0(x)`, without overflow. The derivative at 0, a kink, is 0.",
    kernel=doubled(lambda x: scipys("i0e", x)),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.exp(-s.Abs(x)) * s.besseli(0, x)),
    partials=(lambda y, x: _i0e_derivatives(x),),
)

i1e: Op = elementwise(
    "i1e",
    "x",
    doc="`exp(-abs(x)) * i1(x)`, without overflow. The second derivative at 0, a kink, is 0.",
    kernel=doubled(lambda x: scipys("i1e", x)),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, x: s.exp(-s.Abs(x)) * s.besseli(1, x)),
    partials=(lambda y, x: _i1e_derivatives(x),),
)

numpy_function(np.i0)(i0)

REGISTRY.enroll(__name__)
