"""The angle of a point in the plane, `atan2`, and its derivatives as one family.

The angle is the imaginary part of log(x2 + i x1), a function of one complex variable, so

    ∂ⁿ⁺ᵐ atan2 / ∂x1ⁿ ∂x2ᵐ = Im( (-1)^(n+m-1) (n+m-1)! iⁿ / (x2 + i x1)^(n+m) )

(DLMF 4.2.1 and 4.7.1). Composed of quotients, zeros would meet infinities near the origin and
squares overflow far from it. One op for all of them divides by the distance as often as it takes.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise
from symdiff.ops.functions import in_sympy
from symdiff.ops.special import doubled, real_floats

__all__ = ["atan2"]


def _orders(*types: Any, by_x1: Any, by_x2: Any) -> dict[str, Any]:
    try:
        orders = {"by_x1": operator.index(by_x1), "by_x2": operator.index(by_x2)}
    except TypeError as error:
        raise ArgumentError(f"by_x1={by_x1!r} and by_x2={by_x2!r} must be ints") from error
    if min(orders.values()) < 0 or not any(orders.values()):
        raise ArgumentError(f"by_x1={by_x1!r} and by_x2={by_x2!r} must count a derivative")
    return orders


def _atan2_derivative(x1: Any, x2: Any, by_x1: int = 1, by_x2: int = 0) -> Any:
    n = by_x1 + by_x2
    size = np.maximum(np.abs(x1), np.abs(x2))
    apart = (size > 0) & (size < np.inf)
    size = np.where(apart, size, 1)
    # The direction, of length 1, to the power -n: on the axes all its parts are exact.
    real, imaginary = x2 / size, -x1 / size
    rest = np.hypot(real, imaginary)
    real, imaginary = real / rest, imaginary / rest
    power = (real, imaginary)
    for _ in range(n - 1):
        power = (
            power[0] * real - power[1] * imaginary,
            power[0] * imaginary + power[1] * real,
        )
    # Im(iⁿ z) is one of Im z, Re z, -Im z, -Re z.
    part = power[1 - by_x1 % 2]
    signed = (-1) ** (n - 1 + by_x1 // 2) * math.factorial(n - 1) * part
    for _ in range(n):
        signed = signed / rest / size
    return np.where(apart | np.isnan(x1 + x2), signed, 0)


_derivatives: Op = elementwise(
    "atan2_derivative",
    "x1 x2",
    doc="""The derivative of `atan2`, `by_x1` times by `x1` and `by_x2` times by `x2`.

    What the rules of `atan2` make. 0 at the origin, by convention, and infinitely far from it.
    """,
    parameters={"by_x1": 1, "by_x2": 0},
    normalize=_orders,
    kernel=doubled(_atan2_derivative),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, a, b, by_x1=1, by_x2=0: s.atan2(a, b).diff(a, by_x1).diff(b, by_x2)),
    partials=(
        lambda y, x1, x2: _derivatives(
            x1, x2, by_x1=y.params["by_x1"] + 1, by_x2=y.params["by_x2"]
        ),
        lambda y, x1, x2: _derivatives(
            x1, x2, by_x1=y.params["by_x1"], by_x2=y.params["by_x2"] + 1
        ),
    ),
)

atan2: Op = elementwise(
    "atan2",
    "x1 x2",
    doc="""Angle of the point with ordinate `x1` and abscissa `x2`, in [-π, π].

    Signed zeros choose the side of the cut, as in NumPy. The derivatives at the origin, where
    there are none, are 0 by convention.
    """,
    kernel=np.arctan2,
    sympy="atan2",
    partials=(
        lambda y, x1, x2: _derivatives(x1, x2, by_x1=1, by_x2=0),
        lambda y, x1, x2: _derivatives(x1, x2, by_x1=0, by_x2=1),
    ),
)

REGISTRY.enroll(__name__)
