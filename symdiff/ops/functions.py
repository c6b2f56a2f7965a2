"""Elementary functions: powers, logarithms, circular and hyperbolic functions, rounding, tests.

The partial derivatives are those of the NIST Digital Library of Mathematical Functions (DLMF),
sections 4.2, 4.20, 4.24, 4.34 and 4.38, in forms that lose no digits: nothing is squared that
could overflow, and nothing subtracted that could cancel. Where a formula is 0/0 the denominator
is taken as infinite, so that the derivative is 0 there at every order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise, numpy_function, over, public, scale
from symdiff.ops.elementwise import equal, exp, log, logical_and, where
from symdiff.ops.special import doubled, real_floats
from symdiff.types import promote

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cathetus",
    "ceil",
    "cosh",
    "direction",
    "exp2",
    "expm1",
    "floor",
    "hypot",
    "isfinite",
    "isinf",
    "isnan",
    "log1p",
    "log2",
    "log10",
    "logical_xor",
    "reciprocal",
    "round",
    "sinh",
    "square",
    "tan",
    "trunc",
    "xlog1py",
    "xlogy",
]


def in_sympy(build: Callable[..., Any]) -> Callable[..., Any]:
    """A SymPy counterpart ``build(sympy, *symbols)``; SymPy is loaded when it is first used.

    Parameters of the op that are not at their defaults come by keyword.
    """

    def counterpart(*symbols: Any, **params: Any) -> Any:
        import sympy

        return build(sympy, *symbols, **params)

    return counterpart


# -- powers, exponentials and logarithms ---------------------------------------------------

square: Op = elementwise(
    "square",
    "x",
    doc="Square, `x * x`.",
    kernel=np.square,
    sympy=lambda x: x**2,
    partials=(lambda y, x: 2 * x,),
)

reciprocal: Op = elementwise(
    "reciprocal",
    "x",
    doc="Reciprocal, `1 / x`: inf at 0, and of integers the integer part, as NumPy gives.",
    kernel=np.reciprocal,
    sympy=lambda x: 1 / x,
    partials=(lambda y, x: -square(y),),
)

exp2: Op = elementwise(
    "exp2",
    "x",
    doc="Power of two, `2 ** x`.",
    kernel=np.exp2,
    sympy=lambda x: 2**x,
    partials=(lambda y, x: math.log(2) * y,),
)

expm1: Op = elementwise(
    "expm1",
    "x",
    doc="`exp(x) - 1`, accurate near 0. The derivative is `exp(x)`, accurate far below 0 too.",
    kernel=np.expm1,
    sympy=in_sympy(lambda s, x: s.exp(x) - 1),
    partials=(lambda y, x: exp(x),),
)

log1p: Op = elementwise(
    "log1p",
    "x",
    doc="`log(1 + x)`, accurate near 0, for `x` > -1; -inf at -1 and NaN below.",
    kernel=np.log1p,
    sympy=in_sympy(lambda s, x: s.log(1 + x)),
    partials=(lambda y, x: over(1 + x),),
)

log2: Op = elementwise(
    "log2",
    "x",
    doc="Logarithm to base 2, for `x` > 0; -inf at 0 and NaN below.",
    kernel=np.log2,
    sympy=in_sympy(lambda s, x: s.log(x, 2)),
    partials=(lambda y, x: 1 / math.log(2) / x,),
)

log10: Op = elementwise(
    "log10",
    "x",
    doc="Logarithm to base 10, for `x` > 0; -inf at 0 and NaN below.",
    kernel=np.log10,
    sympy=in_sympy(lambda s, x: s.log(x, 10)),
    partials=(lambda y, x: 1 / math.log(10) / x,),
)


def _unless_zero(denominator: Node, *zeros: Node) -> Node:
    """A denominator that is infinite where all of `zeros` hold, so that 0/0 counts as 0."""
    condition = zeros[0]
    for zero in zeros[1:]:
        condition = logical_and(condition, zero)
    return where(condition, math.inf, denominator)


def _x_log_dtype(x: Any, y: Any) -> Any:
    return promote(x, promote(y, float))


def _xlogy(x: Any, y: Any) -> Any:
    return x * np.log(np.where((x == 0) & (y == y), 1.0, y))


def _xlog1py(x: Any, y: Any) -> Any:
    return x * np.log1p(np.where((x == 0) & (y == y), 0.0, y))


xlogy: Op = elementwise(
    "xlogy",
    "x y",
    doc="""`x * log(y)`, and 0 where `x` is 0, whatever `y` is (but NaN).

    The derivatives are `log(y)` and ``x / y``; the latter is 0 by convention where both are 0.
    """,
    kernel=_xlogy,
    dtypes=_x_log_dtype,
    sympy=in_sympy(lambda s, x, y: x * s.log(y)),
    partials=(
        lambda z, x, y: log(y),
        lambda z, x, y: x / _unless_zero(y, equal(x, 0), equal(y, 0)),
    ),
)

xlog1py: Op = elementwise(
    "xlog1py",
    "x y",
    doc="""`x * log(1 + y)`, and 0 where `x` is 0, whatever `y` is (but NaN).

    The derivatives are ``log1p(y)`` and ``x / (1 + y)``; the latter is 0 by convention where
    `x` is 0 and `y` is -1.
    """,
    kernel=_xlog1py,
    dtypes=_x_log_dtype,
    sympy=in_sympy(lambda s, x, y: x * s.log(1 + y)),
    partials=(
        lambda z, x, y: log1p(y),
        lambda z, x, y: x / _unless_zero(1 + y, equal(x, 0), equal(y, -1)),
    ),
)

# -- right triangles -----------------------------------------------------------------------


def _direction(x1: Any, x2: Any) -> Any:
    size = np.maximum(np.abs(x1), np.abs(x2))
    scaled = np.where(size == 0, 0, x1 / size), np.where(size == 0, 1, x2 / size)
    share = scaled[0] / np.hypot(*scaled)
    share = np.where(np.isinf(x1) & np.isfinite(x2), np.sign(x1), share)
    return np.where(np.isinf(x2) & np.isfinite(x1), 0, share)


def _over_hypot(share: Node, x1: Node, x2: Node) -> Node:
    h = hypot(x1, x2)
    return share / _unless_zero(h, equal(h, 0))


direction: Op = elementwise(
    "direction",
    "x1 x2",
    doc="""`x1 / hypot(x1, x2)`, the cosine of the angle between `x1` and the hypotenuse.

    What the rules of `hypot` make. At the origin it is 0 by convention, and so are its
    derivatives, in which nothing cancels: ``direction(x2, x1)**2 / hypot(x1, x2)`` by `x1`.
    """,
    kernel=doubled(_direction),
    dtypes=real_floats,
    sympy=in_sympy(lambda s, a, b: a / s.sqrt(a**2 + b**2)),
    partials=(
        # Divided before it is squared: the square could vanish, the quotient does not.
        lambda y, x1, x2: _over_hypot(direction(x2, x1), x1, x2) * direction(x2, x1),
        lambda y, x1, x2: -_over_hypot(y * direction(x2, x1), x1, x2),
    ),
)

hypot: Op = elementwise(
    "hypot",
    "x1 x2",
    doc="""Hypotenuse `sqrt(x1**2 + x2**2)`, without overflow.

    The derivatives at the origin, the tip of a cone, are 0 by convention.
    """,
    kernel=np.hypot,
    commutative=True,
    sympy=in_sympy(lambda s, a, b: s.sqrt(a**2 + b**2)),
    partials=(lambda y, x1, x2: direction(x1, x2), lambda y, x1, x2: direction(x2, x1)),
)


def _cathetus(x1: Any, x2: Any) -> Any:
    dtype = np.result_type(x1, x2, 0.0)
    return np.sqrt(np.subtract(x1, x2, dtype=dtype)) * np.sqrt(np.add(x1, x2, dtype=dtype))


cathetus: Op = elementwise(
    "cathetus",
    "x1 x2",
    doc="""The other leg of a right triangle: `sqrt(x1**2 - x2**2)` for ``abs(x2) <= x1``.

    The inverse of `hypot`, without overflow or cancellation; what the derivatives of asin, acos,
    acosh and atanh divide by. NaN outside the domain. The derivatives at ``abs(x2) == x1`` are
    infinite, as sqrt's at 0.
    """,
    kernel=_cathetus,
    dtypes=lambda a, b: promote(a, b, float),
    sympy=in_sympy(lambda s, a, b: s.sqrt(a**2 - b**2)),
    partials=(lambda y, x1, x2: x1 / y, lambda y, x1, x2: -(x2 / y)),
)

# -- circular functions and their inverses -------------------------------------------------

tan: Op = elementwise(
    "tan",
    "x",
    doc="Tangent of `x`, in radians.",
    kernel=np.tan,
    sympy="tan",
    partials=(lambda y, x: 1 + square(y),),
)

asin: Op = elementwise(
    "asin",
    "x",
    doc="Inverse sine, in [-π/2, π/2], for `x` in [-1, 1]. The derivative is inf at ±1.",
    kernel=np.arcsin,
    sympy="asin",
    partials=(lambda y, x: over(cathetus(1.0, x)),),
)

acos: Op = elementwise(
    "acos",
    "x",
    doc="Inverse cosine, in [0, π], for `x` in [-1, 1]. The derivative is -inf at ±1.",
    kernel=np.arccos,
    sympy="acos",
    partials=(lambda y, x: over(-cathetus(1.0, x)),),
)


def twice_over(root: Callable[..., Node]) -> Callable[..., Node | None]:
    """The rule of a partial derivative ``1 / root(y, x)²``, by two divisions.

    The square could overflow or vanish, and its own derivative be 0·inf.
    """

    def rule(g: Node, y: Node, x: Node) -> Node | None:
        below = over(root(y, x))
        once = scale(g, below)
        return None if once is None else scale(once, below)

    return rule


_atan_rule = twice_over(lambda y, x: hypot(1.0, x))

atan: Op = elementwise(
    "atan",
    "x",
    doc="Inverse tangent, in [-π/2, π/2].",
    kernel=np.arctan,
    sympy="atan",
    vjp=(_atan_rule,),
    jvp=(_atan_rule,),
)

# -- hyperbolic functions and their inverses -----------------------------------------------

sinh: Op = elementwise(
    "sinh",
    "x",
    doc="Hyperbolic sine.",
    kernel=np.sinh,
    sympy="sinh",
    partials=(lambda y, x: cosh(x),),
)

cosh: Op = elementwise(
    "cosh",
    "x",
    doc="Hyperbolic cosine.",
    kernel=np.cosh,
    sympy="cosh",
    partials=(lambda y, x: sinh(x),),
)

asinh: Op = elementwise(
    "asinh",
    "x",
    doc="Inverse hyperbolic sine.",
    kernel=np.arcsinh,
    sympy="asinh",
    partials=(lambda y, x: over(hypot(1.0, x)),),
)

acosh: Op = elementwise(
    "acosh",
    "x",
    doc="Inverse hyperbolic cosine, for `x` >= 1. The derivative at 1 is inf.",
    kernel=np.arccosh,
    sympy="acosh",
    partials=(lambda y, x: over(cathetus(x, 1.0)),),
)


_atanh_rule = twice_over(lambda y, x: cathetus(1.0, x))

atanh: Op = elementwise(
    "atanh",
    "x",
    doc="Inverse hyperbolic tangent, for `x` in [-1, 1]. ±inf at ±1, and so is the derivative.",
    kernel=np.arctanh,
    sympy="atanh",
    vjp=(_atanh_rule,),
    jvp=(_atanh_rule,),
)

# -- rounding ------------------------------------------------------------------------------


def _rounding(name: str, kernel: Any, what: str, sympy: Any = None) -> Op:
    doc = f"{what} The derivative is zero by definition, at the jumps too."
    return elementwise(name, "x", doc=doc, kernel=kernel, sympy=sympy, partials=(None,))


floor: Op = _rounding("floor", np.floor, "The integer at or below `x`.", "floor")
ceil: Op = _rounding(
    "ceil", np.ceil, "The integer at or above `x`.", in_sympy(lambda s, x: -s.floor(-x))
)
trunc: Op = _rounding(
    "trunc",
    np.trunc,
    "The integer at `x` or next to it towards 0.",
    in_sympy(lambda s, x: s.sign(x) * s.floor(s.Abs(x))),
)
_round: Op = _rounding(
    "round",
    np.rint,
    "The integer nearest to `x`; halves go to the even one.",
    in_sympy(lambda s, x: s.floor(x / 2 + s.Rational(1, 4)) - s.floor(s.Rational(1, 4) - x / 2)),
)


@public
def round(x: Any, /) -> Node:
    """The integer nearest to `x`, in the dtype of `x`; halves go to the even one.

    Integers are returned as they are. The derivative is zero by definition.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.evaluate(sd.round(x), {x: [0.5, 1.5, -2.6]})
    array([ 0.,  2., -3.])
    """
    return x if isinstance(x, Node) and x.dtype.kind in "iu" else _round(x)


# -- tests ---------------------------------------------------------------------------------


def _test(name: str, kernel: Any, doc: str) -> Op:
    return elementwise(name, "x", doc=doc, kernel=kernel, partials=(None,))


isnan: Op = _test("isnan", np.isnan, "Where `x` is NaN.")
isinf: Op = _test("isinf", np.isinf, "Where `x` is infinite, of either sign.")
isfinite: Op = _test("isfinite", np.isfinite, "Where `x` is neither infinite nor NaN.")

logical_xor: Op = elementwise(
    "logical_xor",
    "x1 x2",
    doc="Where exactly one of `x1` and `x2` holds.",
    kernel=np.logical_xor,
    partials=(None, None),
    commutative=True,
)

# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.round, np.around)
def _np_round(a: Node, decimals: int = 0) -> Node:
    """NumPy's own definition: scale by the power of ten, round, scale back."""
    if decimals == 0 or (decimals > 0 and a.dtype.kind in "iu"):
        return round(a)
    power = 10.0 ** abs(decimals)
    if decimals > 0:
        return round(a * power) / power
    return (round(a / power) * power).astype(a.dtype)


numpy_function(np.fix)(trunc)

REGISTRY.enroll(__name__)
