"""`sinc` and its derivatives, which are smooth at 0 where the formula is 0/0.

With f(t) = sin(t) / t, ``f⁽ⁿ⁾(t) = ∫₀¹ sⁿ cos(t s + n π/2) ds``: a power series next to 0 and,
from ``t f(t) = sin t`` differentiated n times, a recurrence further out (DLMF 10.49.3, 10.51.2:
f is the spherical Bessel function j₀). The n-th derivative is one op with `n` for a parameter,
so no order is composed of quotients that cancel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise, numpy_function
from symdiff.ops.functions import in_sympy
from symdiff.ops.special import derivatives, piecewise
from symdiff.types import promote

__all__ = ["sinc"]


def _circular(x: Any) -> tuple[Any, ...]:
    """sin(πx) and its first three derivatives by πx: exact at whole and half numbers."""
    nearest = np.rint(x)
    rest = x - nearest
    flip = np.where(np.fmod(nearest, 2) == 0, 1.0, -1.0)
    sine = flip * np.sin(np.pi * rest)
    cosine = flip * np.sin(np.pi * (0.5 - np.abs(rest)))
    return sine, cosine, -sine, -cosine


def _sinc_series(x: Any, n: int) -> Any:
    """Term by term: Σ (-1)^((n+i)/2) (πx)^i / ((n + i + 1) i!) over the i of n's parity."""
    first, last = n % 2, 3 * (n + 1) + 40
    square, total = np.square(np.pi * x), 0.0
    for i in reversed(range(first, last, 2)):
        weight = (-1) ** ((n + i) // 2) / ((n + i + 1) * math.factorial(i))
        total = total * square + weight
    return np.pi**n * total * (np.pi * x) ** first


def _sinc_recurrence(x: Any, n: int) -> Any:
    """t f⁽ᵏ⁾ + k f⁽ᵏ⁻¹⁾ = sin⁽ᵏ⁾ t, which loses no digits upwards while t > k."""
    circular = _circular(x)
    result = circular[0] / np.pi / x
    for k in range(1, n + 1):
        result = (circular[k % 4] - k * result) / np.pi / x
    return np.pi**n * result


def _sinc(x: Any) -> Any:
    """NumPy's, but for large numbers, all of them whole, and for infinities: there it is 0."""
    if x.dtype.kind == "c":
        return np.sinc(x)
    far = np.abs(x) >= 2.0**53
    return np.where(far, 0, np.sinc(np.where(far, 1, x)))


def _sinc_derivative(x: Any, n: int) -> Any:
    return piecewise(
        (np.isinf(x), np.zeros_like),
        (np.abs(np.pi * x) <= n + 1, lambda x: _sinc_series(x, n)),
        (np.isfinite(x), lambda x: _sinc_recurrence(x, n)),
        of=(x,),
    )


_sinc_derivatives: Op = derivatives(
    "sinc_derivative",
    doc="""The n-th derivative of `sinc`.

    It is ``π**n`` times the integral of ``s**n * cos(π * (x * s + n / 2))`` over [0, 1].
    """,
    kernel=_sinc_derivative,
    sympy=in_sympy(lambda s, x: s.sinc(s.pi * x).diff(x)),
)

sinc: Op = elementwise(
    "sinc",
    "x",
    doc="""`sin(π * x) / (π * x)`, and 1 at 0, where it is smooth: as are all its derivatives.

    Values are NumPy's, where the rounding of `π * x` shows at whole numbers; but 0 at ±inf.
    """,
    kernel=_sinc,
    dtypes=lambda dtype: promote(dtype, float),
    sympy=in_sympy(lambda s, x: s.sinc(s.pi * x)),
    partials=(lambda y, x: _sinc_derivatives(x),),
)

numpy_function(np.sinc)(sinc)

REGISTRY.enroll(__name__)
