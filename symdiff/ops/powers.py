"""Powers and their derivatives, by the base and by the exponent, as one family.

By Leibniz's rule, with ``P(b) = b (b - 1) … (b - n + 1)``,

    ∂ⁿ⁺ᵏ aᵇ / ∂aⁿ ∂bᵏ = a^(b-n) Σⱼ C(k, j) P⁽ʲ⁾(b) (log a)^(k-j)

(Abramowitz and Stegun, *Handbook of Mathematical Functions*, 3.3.8, 4.2.5). Composed of powers
and logarithms this would be zero times infinity at a = 0, at one order or the next. One op for
all of them takes the limit from above there, and its derivatives are the op itself again.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise, scalar_value
from symdiff.types import promote

__all__ = ["pow", "pow_derivative"]


def _by_base(y: Node, a: Node, b: Node) -> Any:
    exponent = scalar_value(b)
    match exponent:
        case None:
            return pow_derivative(a, b, by_base=1)
        case 0:
            return None
        case 1:
            return 1
        case 2:
            return 2 * a
    return exponent * pow(a, exponent - 1)


def _by_exponent(y: Node, a: Node, b: Node) -> Any:
    base = scalar_value(a)
    if isinstance(base, int | float) and base > 0:
        return math.log(base) * y
    return pow_derivative(a, b, by_exponent=1)


pow: Op = elementwise(
    "pow",
    "x1 x2",
    doc="""Power `x1 ** x2`, broadcasting as NumPy does.

    At ``x1 = 0`` the derivatives, mixed ones too, are the limits from above, whatever the
    exponent: the derivative by `x1` is 0 for ``x2 = 0``. Only the derivative by `x2` has no limit
    at ``x1 = x2 = 0`` and is 0 by convention. For ``x1 < 0``, where only whole powers are real,
    there is no derivative by `x2`: it is NaN.
    """,
    kernel=np.power,
    sympy="Pow",
    partials=(_by_base, _by_exponent),
)

# -- the family of derivatives -------------------------------------------------------------


def _orders(*types: Any, by_base: Any, by_exponent: Any) -> dict[str, Any]:
    orders = {"by_base": by_base, "by_exponent": by_exponent}
    return {name: _order(name, value) for name, value in orders.items()}


def _order(name: str, value: Any) -> int:
    try:
        order = operator.index(value)
    except TypeError as error:
        raise ArgumentError(f"{name} must be an int, not {value!r}") from error
    if order < 0 or isinstance(value, bool):
        raise ArgumentError(f"{name} counts derivatives and cannot be {value!r}")
    return order


def _weights(b: Any, n: int, k: int) -> list[Any]:
    """C(k, j) P⁽ʲ⁾(b) for j from 0 to k; the first as a product, exact next to its zeros."""
    falling = np.polynomial.polynomial.polyfromroots(range(n))
    weights = [math.prod([b - i for i in range(n)], start=np.ones_like(b))]
    for j in range(1, k + 1):
        derivative = np.polynomial.polynomial.polyder(falling, j)
        weights.append(math.comb(k, j) * np.polynomial.polynomial.polyval(b, derivative))
    return weights


def _at_zero(b: Any, weights: list[Any], n: int, k: int) -> Any:
    """The limit for a base falling to 0: that of the largest term whose weight is not 0."""
    leading = np.zeros_like(b)
    for j in reversed(range(k + 1)):
        leading = np.where(weights[j] == 0, leading, weights[j] * (-np.inf) ** (k - j))
    infinite = np.where(leading == 0, 0, leading * np.inf)
    limit = np.where(b > n, 0, np.where(b == n, leading, infinite))
    return np.where(b == 0, 0, limit) if n == 0 else limit


def _pow_derivative(x1: Any, x2: Any, by_base: int = 0, by_exponent: int = 0) -> Any:
    dtype = np.result_type(x1, x2, 0.0)
    a, b = np.asarray(x1, dtype), np.asarray(x2, dtype)
    with np.errstate(all="ignore"):  # zero times infinity, which is then not taken
        weights = _weights(b, by_base, by_exponent)
        power = np.power(a, b - by_base)
        if by_exponent == 0:
            result = np.where(weights[0] == 0, 0, weights[0] * power)
            return result.astype(dtype, copy=False)
        logarithm = np.log(np.where(a == 0, 1, a))
        total = weights[0]
        for weight in weights[1:]:
            total = total * logarithm + weight
        # A power that vanishes does so faster than its logarithm grows.
        result = np.where((power == 0) & (total == total), 0, power * total)
        result = np.where(a == 0, _at_zero(b, weights, by_base, by_exponent), result)
    return result.astype(dtype, copy=False)


pow_derivative: Op = elementwise(
    "pow_derivative",
    "x1 x2",
    doc="""The derivative of `x1 ** x2`, `by_base` times by `x1` and `by_exponent` times by `x2`.

    At ``x1 = 0`` the limit from above, but 0 where there is none: by `x2` alone, at ``x2 = 0``.
    NaN by `x2` for ``x1 < 0``. What the rules of `pow` make where the exponent is no number.
    """,
    parameters={"by_base": 0, "by_exponent": 0},
    normalize=_orders,
    kernel=_pow_derivative,
    dtypes=lambda a, b: promote(a, b, float),
    sympy=lambda a, b, by_base=0, by_exponent=0: (a**b).diff(a, by_base).diff(b, by_exponent),
    partials=(
        lambda y, a, b: pow_derivative(
            a, b, by_base=y.params["by_base"] + 1, by_exponent=y.params["by_exponent"]
        ),
        lambda y, a, b: pow_derivative(
            a, b, by_base=y.params["by_base"], by_exponent=y.params["by_exponent"] + 1
        ),
    ),
)

REGISTRY.enroll(__name__)
