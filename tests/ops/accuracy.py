"""How accurate each elementwise op is: bounds as data, in ulp of the exact result.

An op without a line is held to `DEFAULT`. A larger bound, and a condition on the arguments,
stand with the reason; `docs/operations.md` prints them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

EXACT: Final = 0.0
ROUNDED: Final = 0.5
"""The exact result, rounded: what IEEE 754 asks of arithmetic and of sqrt."""
FEW: Final = 4.0
"""What NumPy promises of its functions on every machine."""


class Bound(NamedTuple):
    """The largest error of the value and of each first derivative, in ulp.

    `where` says at which arguments the counterpart has the op's meaning and the bound holds.
    Where a result is a difference of terms and may be arbitrarily close to 0, `scale` is the size
    of the terms: errors count in ulp of that where it is larger than the result.
    """

    value: float = FEW
    partial: float = FEW
    reason: str = ""
    where: Callable[..., Any] | None = None
    scale: Callable[..., Any] | None = None
    partial_scale: Callable[..., Any] | None = None
    """The same of the derivatives, where it is another one."""


DEFAULT: Final = Bound()

# -- arguments -----------------------------------------------------------------------------

_BELOW_ONE, _ABOVE_ONE = float(np.nextafter(1.0, 0.0)), float(np.nextafter(1.0, 2.0))

MAGNITUDES: Final = (
    *(0.0, 5e-324, 1e-320, 2.2250738585072014e-308, 1e-300, 1e-160, 1e-20, 1e-10, 1e-5, 1e-3),
    *(0.1, 0.3, 0.5, 0.7, 0.999, 1 - 1e-10, _BELOW_ONE, 1.0, _ABOVE_ONE, 1 + 1e-10, 1.001, 1.5),
    *(float(np.pi / 2), 2.0, 2.5, float(np.e), 3.0, float(np.pi), 5.0, 10.0, 20.0, 22.5, 36.7),
    *(37.0, 50.0, 100.0, 300.0, 709.7, 710.4, 745.1, 800.0, 1e3, 1e5, 2.0**53, 1e16, 1e20),
    *(1e38, 1e150, 1e160, 1e300, float(np.finfo(np.float64).max)),
)
"""Of the arguments of an op of one operand, each with both signs: subnormal, tiny, near and at
the edges of domains, ordinary, where exponentials end, beyond the odd integers, huge."""

PAIRED: Final = (0.0, 1e-300, 1e-8, 0.3, 1.0, 2.0, 745.1, 1e160)
"""The same of an op of two operands, which is tried on all combinations."""

MORE_PAIRED: Final = (
    *(*PAIRED, 5e-324, 1e-160, 1e-20, _BELOW_ONE, _ABOVE_ONE, 1.5, 3.0, 10.0, 40.0),
    *(2.0**53, 1e300),
)
"""The same, for the slow tests."""

TRIPLED: Final = (0.0, 0.3, 1.0, 745.1, 1e160)
"""The same of an op of three operands."""

COUNTS: Final = (0, 1, 2, 3, 7)
"""Of an operand that takes integers only."""

# -- bounds --------------------------------------------------------------------------------


_SUBNORMAL: Final = 1e-300  # what is smaller has few digits, or is next to what has


def _in_triangle(x1: Any, x2: Any) -> Any:
    return abs(x2) <= x1


def _real_power(x1: Any, x2: Any) -> Any:
    whole = (x2 == np.floor(x2)) & (abs(x2) < 2**53)
    return (abs(x1) > _SUBNORMAL) & ((x1 > 0) | whole)


def _positive(*operands: Any) -> Any:
    return np.all([x > 0 for x in operands], axis=0)


def _moderate(*operands: Any) -> Any:
    return np.all([(x > 1e-20) & (x < 1e20) for x in operands], axis=0)


_POWER: Final = Bound(
    FEW,
    1024.0,
    "The derivative by x2 is a difference of logarithms magnified by the exponent, and below the "
    "normal numbers the power has few digits. Negative numbers have real powers for whole "
    "exponents only, and whether those are odd shows up to 2**53.",
    where=_real_power,
)
_SHARES: Final = "Functions of x1 - x2, whose rounding is magnified |x1 - x2| times."
_LOG_OF_SUM: Final = Bound(
    FEW,
    1024.0,
    f"The value has the absolute accuracy of the larger operand. {_SHARES}",
    scale=lambda x1, x2: np.maximum(np.maximum(abs(x1), abs(x2)), 0.01),
)
_LARGE_BESSEL: Final = "SciPy's own error, and beyond 1e20 nothing changes."

_OF_ONE: Final = "By the result y, as y * (1 - y) or 1 - y * y: in ulp of 1, not of itself."

BOUNDS: Final[Mapping[str, Bound]] = {
    "abs": Bound(EXACT, EXACT),
    "add": Bound(ROUNDED, EXACT),
    "atan2_derivative": Bound(
        FEW,
        8.0,
        "Second derivatives change their sign on the diagonals, and below the normal numbers "
        "there are few digits.",
        where=lambda x1, x2: np.minimum(abs(x1), abs(x2)) > _SUBNORMAL,
        scale=lambda x1, x2: 1 / np.hypot(x1, x2) ** 2,
    ),
    "beta": Bound(
        1024.0,
        1024.0,
        "The logarithm of a tiny or huge result has its digits before the point. The gamma "
        "functions of negative operands cancel, and mpmath is slow at tiny and huge ones.",
        where=_moderate,
    ),
    "betaln": Bound(
        128.0,
        16.0,
        "A difference of logarithms of gamma functions where neither operand is large; 0 where "
        "a + b = ab or so. At tiny and huge operands mpmath is slow.",
        where=_moderate,
        scale=lambda a, b: np.where(a + b < 4, 0.1, 0.0),  # next to the zeros at a + b = ab
    ),
    "cathetus": Bound(reason="Where |x2| > x1 it is NaN.", where=_in_triangle),
    "cbrt": Bound(FEW, 8.0, "The derivative divides by the square of the value."),
    "ceil": Bound(EXACT, EXACT),
    "conj": Bound(EXACT, EXACT),
    "digamma": Bound(
        8.0,
        8.0,
        "Next to its zero at 1.46 and those below 0 the value has the absolute accuracy of "
        "larger ones. Far below 0 mpmath is slow.",
        where=lambda x: x > -40,
        scale=lambda x: np.where(x < 0, 8.0 + abs(x), 0.0),
    ),
    "digamma_difference": Bound(
        8.0,
        8.0,
        "Operands are positive; mpmath is slow at tiny and huge ones.",
        where=_moderate,
    ),
    "direction": Bound(FEW, 8.0, "The derivative squares the other direction."),
    "divide": Bound(ROUNDED, 2.0),
    "entr": Bound(
        reason="-inf below 0. The derivative is -1 - log(x), which is 0 at 1/e.",
        where=lambda x: x >= 0,
        scale=lambda x: 1.0 + 0 * x,
    ),
    "sinc_derivative": Bound(
        reason="A difference of terms of that size next to its zeros; but at 0 all digits count.",
        scale=lambda x: np.minimum(abs(x), 1 / np.maximum(abs(x), 1)),
        partial_scale=lambda x: 3 / np.maximum(abs(x), 1),
    ),
    "erfc": Bound(8.0, 8.0, "SciPy's."),
    "erfcinv": Bound(FEW, 8.0, "The derivative grows with the square of the value."),
    "erfcinv_derivative": Bound(8.0, 16.0, "Grows with the square of erfcinv."),
    "erfinv": Bound(FEW, 8.0, "The derivative grows with the square of the value."),
    "erfinv_derivative": Bound(8.0, 16.0, "Grows with the square of erfinv."),
    "erfcx": Bound(FEW, 8.0, "The derivative joins series and continued fractions."),
    "erfcx_derivative": Bound(8.0, 8.0, "Series and continued fractions join."),
    "exp2_share": Bound(1024.0, 1024.0, _SHARES),
    "exprel": Bound(FEW, 8.0, "The derivative is a quotient of integrals by quadrature."),
    "exprel_derivative": Bound(8.0, 8.0, "A quotient of integrals by quadrature."),
    "floor": Bound(EXACT, EXACT),
    "floor_divide": Bound(1.0, EXACT),
    "fmax": Bound(EXACT, EXACT),
    "fmin": Bound(EXACT, EXACT),
    "fmod": Bound(EXACT, 1.0),
    "gamma": Bound(
        8.0,
        256.0,
        "The derivative is the value times digamma, which has a zero between any two poles. Far "
        "below 0, where the value is below the normal numbers, SciPy gives 0.",
        where=lambda x: x > -168,
    ),
    "gammaln": Bound(
        8.0,
        64.0,
        "Between two poles below 0 there are zeros of the value and of digamma, next to which "
        "only the absolute error is small.",
        where=lambda x: x > -40,
        scale=lambda x: np.where(x < 0, 1.0, 0.0),
    ),
    "heaviside": Bound(EXACT, EXACT),
    "hypot": Bound(
        1.0,
        reason="A hypotenuse below the normal numbers has too few digits to divide by.",
        where=lambda x1, x2: (abs(x1) > _SUBNORMAL) | (abs(x2) > _SUBNORMAL),
    ),
    "i0": Bound(8.0, 8.0, _LARGE_BESSEL, where=lambda x: abs(x) < 1e20),
    "i0_derivative": Bound(8.0, 8.0, _LARGE_BESSEL, where=lambda x: abs(x) < 1e20),
    "i0e": Bound(8.0, 8.0, _LARGE_BESSEL, where=lambda x: abs(x) < 1e20),
    "i0e_derivative": Bound(8.0, 8.0, _LARGE_BESSEL, where=lambda x: abs(x) < 1e20),
    "i1": Bound(8.0, 8.0, _LARGE_BESSEL, where=lambda x: abs(x) < 1e20),
    "i1e": Bound(
        8.0,
        16.0,
        f"{_LARGE_BESSEL} The derivative is 0 at 1.54.",
        where=lambda x: abs(x) < 1e20,
        scale=lambda x: np.where(abs(x) < 4, 0.1, 0.0),
    ),
    "i1e_derivative": Bound(
        16.0,
        16.0,
        f"{_LARGE_BESSEL} 0 at 1.54, and its derivative at 2.7.",
        where=lambda x: abs(x) < 1e20,
        scale=lambda x: np.where(abs(x) < 4, 0.1, 0.0),
    ),
    "kl_div": Bound(
        8.0, reason="Operands are positive; next to x = y the terms cancel.", where=_positive
    ),
    "ldexp": Bound(ROUNDED, EXACT),
    "lerp": Bound(
        reason="The sum of two terms that may cancel.",
        scale=lambda x1, x2, t: np.maximum(abs(x1), abs(t) * abs(x2 - x1)),
    ),
    "log_ratio": Bound(reason="Operands are positive.", where=_positive),
    "log_ndtr": Bound(8.0, 8.0, "The logarithm of a tail by SciPy."),
    "log_ndtr_derivative": Bound(8.0, 16.0, "Continued fractions and their differences."),
    "logaddexp": _LOG_OF_SUM,
    "logaddexp2": _LOG_OF_SUM,
    "logit_derivative": Bound(
        reason="NaN beyond 0 and 1, as logit.",
        where=lambda x: (x >= 0) & (x <= 1),
    ),
    "maximum": Bound(EXACT, EXACT),
    "minimum": Bound(EXACT, EXACT),
    "multiply": Bound(ROUNDED, EXACT),
    "ndtr": Bound(8.0, 8.0, "SciPy's, and a Gaussian in two parts."),
    "ndtr_derivative": Bound(8.0, 8.0, "A Gaussian in two parts."),
    "ndtri": Bound(FEW, 8.0, "The derivative grows with the square of the value."),
    "ndtri_derivative": Bound(8.0, 16.0, "Grows with the square of ndtri."),
    "negative": Bound(EXACT, EXACT),
    "polygamma": Bound(
        8.0,
        8.0,
        "SciPy's zeta function; reflected below 0, where mpmath is slow.",
        where=lambda x: x > -40,
    ),
    "pow": _POWER,
    "pow_derivative": _POWER,
    "real": Bound(EXACT, EXACT),
    "rel_entr": Bound(
        reason="Operands are positive; the derivative is 0 at x = y/e.",
        where=_positive,
        scale=lambda x, y: np.maximum(1, abs(np.log(x) - np.log(y))),
    ),
    "relu": Bound(EXACT, EXACT),
    "remainder": Bound(1.0, 1.0),
    "round": Bound(EXACT, EXACT),
    "sigmoid": Bound(FEW, FEW, _OF_ONE, partial_scale=np.ones_like),
    "sigmoid_binary_cross_entropy": Bound(
        reason="Targets are probabilities. The derivative is the difference of two.",
        where=lambda logits, targets: (targets >= 0) & (targets <= 1),
        scale=lambda logits, targets: np.maximum(targets, 0.5),
    ),
    "sign": Bound(EXACT, EXACT),
    "sinc": Bound(
        reason="NumPy multiplies by π before it takes the sine: the absolute error is small.",
        scale=lambda x: 1.0 + 0 * x,
    ),
    "sqrt": Bound(ROUNDED, 2.0),
    "square": Bound(ROUNDED, EXACT),
    "subtract": Bound(ROUNDED, EXACT),
    "tanh": Bound(FEW, FEW, _OF_ONE, partial_scale=np.ones_like),
    "trunc": Bound(EXACT, EXACT),
}


def bound_of(name: str) -> Bound:
    """The op's line, or the default."""
    return BOUNDS.get(name, DEFAULT)


# -- where the derivative is not the limit ---------------------------------------------------

CONVENTIONS: Final[Mapping[str, tuple[tuple[float, float, float], ...]]] = {
    "i0e_derivative": ((0.0, 0.0, 1.5), (-0.0, 0.0, 1.5)),
    "relu": ((0.0, 0.0, 0.0), (-0.0, 0.0, 0.0)),
}
"""Of ops of one operand: a point, and the value and the derivative there, as the op's doc says.

At every other singular point both are limits.
"""


class Singular(NamedTuple):
    """A point of several operands where the formula is 0/0, 0·inf or the like."""

    point: tuple[float, ...]
    value: float
    partials: tuple[float, ...]


INF: Final = float("inf")

SINGULAR: Final[Mapping[str, tuple[Singular, ...]]] = {
    "atan2": (
        Singular((0.0, 0.0), 0.0, (0.0, 0.0)),
        Singular((0.0, 1.0), 0.0, (1.0, 0.0)),
        Singular((0.0, -2.0), float(np.pi), (-0.5, 0.0)),
        Singular((1.0, 0.0), float(np.pi / 2), (0.0, -1.0)),
        Singular((-2.0, 0.0), -float(np.pi / 2), (0.0, 0.5)),
        Singular((1e200, 1e200), float(np.pi / 4), (5e-201, -5e-201)),
    ),
    "hypot": (Singular((0.0, 0.0), 0.0, (0.0, 0.0)), Singular((3.0, 0.0), 3.0, (1.0, 0.0))),
    "logaddexp": (
        Singular((-INF, -INF), -INF, (0.0, 0.0)),
        Singular((-INF, 1.0), 1.0, (0.0, 1.0)),
        Singular((INF, 1.0), INF, (1.0, 0.0)),
    ),
    "maximum": (Singular((2.0, 2.0), 2.0, (0.5, 0.5)),),
    "minimum": (Singular((2.0, 2.0), 2.0, (0.5, 0.5)),),
    "pow": (
        Singular((0.0, 0.0), 1.0, (0.0, 0.0)),
        Singular((0.0, 1.0), 0.0, (1.0, 0.0)),
        Singular((0.0, 2.0), 0.0, (0.0, 0.0)),
        Singular((0.0, 0.5), 0.0, (INF, 0.0)),
        Singular((-2.0, 3.0), -8.0, (12.0, float("nan"))),
    ),
    "xlog1py": (
        Singular((0.0, -1.0), 0.0, (-INF, 0.0)),
        Singular((0.0, 0.0), 0.0, (0.0, 0.0)),
    ),
    "xlogy": (Singular((0.0, 0.0), 0.0, (-INF, 0.0)), Singular((0.0, 2.0), 0.0, (np.log(2), 0))),
}
"""What ops of several operands give at singular points and on their axes."""

# -- identities ----------------------------------------------------------------------------

NOT_SHOWN: Final[frozenset[str]] = frozenset({"fmod"})
"""Ops whose rule SymPy does not bring into the form of its derivative.

The two are held against one another as numbers of fifty digits.
"""
