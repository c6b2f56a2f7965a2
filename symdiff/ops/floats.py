"""What scientists use besides the elementary functions: roots, signs, angles, parts of numbers.

Values are NumPy's. Derivatives are those of the formulas in each op's doc; a step that a function
takes, as to the next number or at a jump, counts as constant.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import DTypeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import (
    elementwise,
    mask_of,
    masked_like,
    numpy_function,
    over,
    public,
    scale,
)
from symdiff.ops.elementwise import abs, equal, sign, under
from symdiff.ops.functions import in_sympy, round
from symdiff.ops.operands import as_nodes
from symdiff.ops.powers import pow
from symdiff.ops.special import doubled, real_floats
from symdiff.types import promote

__all__ = [
    "cbrt",
    "copysign",
    "deg2rad",
    "float_power",
    "fmod",
    "frexp",
    "gcd",
    "heaviside",
    "lcm",
    "ldexp",
    "logaddexp2",
    "modf",
    "nextafter",
    "positive",
    "rad2deg",
    "signbit",
    "spacing",
]


# -- powers and logarithms -----------------------------------------------------------------


def _cbrt_rule(g: Node, y: Node, x: Node) -> Node | None:
    """g / (3 y²), by two divisions: a square's derivative would be 0·inf at 0."""
    once = scale(g, over(y))
    return None if once is None else scale(once, over(3 * y))


cbrt: Op = elementwise(
    "cbrt",
    "x",
    doc="Cube root, real for negative `x` too. The derivative at 0 is inf.",
    kernel=np.cbrt,
    sympy=in_sympy(lambda s, x: s.sign(x) * s.cbrt(s.Abs(x))),
    vjp=(_cbrt_rule,),
    jvp=(_cbrt_rule,),
)


@public
@numpy_function(np.float_power)
def float_power(x1: Any, x2: Any, /) -> Node:
    """`x1 ** x2` in double precision at least, so that integers may have negative exponents.

    Derivatives are those of `sd.pow`.

    >>> import symdiff as sd
    >>> n = sd.Graph().input("n", sd.i32[3])
    >>> sd.evaluate(sd.float_power(n, -1), {n: [1, 2, 4]})
    array([1.  , 0.5 , 0.25])
    """
    double = np.dtype(np.float64)
    wide = [x.astype(promote(x.dtype, double)) if isinstance(x, Node) else x for x in (x1, x2)]
    return pow(*wide)


def _exp2_share(x1: Any, x2: Any) -> Any:
    gap = np.where(x1 == x2, np.where(x1 == -np.inf, x1, 0), x1 - x2)
    decay = np.exp2(-np.abs(gap))
    return np.where(gap < 0, decay, 1) / (1 + decay)


def _exp2_share_partial(y: Node, x1: Node, x2: Node) -> Node:
    return math.log(2) * (exp2_share(x1, x2) * exp2_share(x2, x1))


exp2_share: Op = elementwise(
    "exp2_share",
    "x1 x2",
    doc="""`2**x1 / (2**x1 + 2**x2)` without overflow: 0 where `x1` is -inf, whatever `x2` is.

    What the rules of `logaddexp2` make. Its derivatives are plus and minus its product with the
    other share, times log 2.
    """,
    kernel=doubled(_exp2_share),
    dtypes=real_floats,
    sympy=lambda a, b: 2**a / (2**a + 2**b),
    partials=(_exp2_share_partial, lambda y, x1, x2: -_exp2_share_partial(y, x1, x2)),
)

logaddexp2: Op = elementwise(
    "logaddexp2",
    "x1 x2",
    doc="""`log2(2**x1 + 2**x2)` without overflow.

    The derivatives are the shares of the sum. An operand of -inf has none: its derivative is 0,
    also where both are -inf.
    """,
    kernel=np.logaddexp2,
    commutative=True,
    sympy=in_sympy(lambda s, a, b: s.log(2**a + 2**b, 2)),
    partials=(lambda y, x1, x2: exp2_share(x1, x2), lambda y, x1, x2: exp2_share(x2, x1)),
)

# -- signs and steps -----------------------------------------------------------------------

copysign: Op = elementwise(
    "copysign",
    "x1 x2",
    doc="""The absolute value of `x1` with the sign of `x2`, that of a zero or NaN too.

    The derivative by `x1` is 1 where the signs agree, -1 where not, and at 0 it is 0 as that of
    `abs`; by `x2` it is zero by definition.
    """,
    kernel=np.copysign,
    partials=(lambda y, x1, x2: sign(x1) * copysign(1.0, x2), None),
)

signbit: Op = elementwise(
    "signbit",
    "x",
    doc="Where the sign of `x` is negative, that of -0.0 too.",
    kernel=np.signbit,
    partials=(None,),
)

heaviside: Op = elementwise(
    "heaviside",
    "x1 x2",
    doc="""Step function: 0 where `x1` < 0, `x2` where `x1` is 0, 1 where `x1` > 0.

    The derivative by `x1` is zero by definition, at the jump too; by `x2` it is 1 at the jump.
    """,
    kernel=np.heaviside,
    sympy=in_sympy(lambda s, a, b: s.Piecewise((0, a < 0), (1, a > 0), (b, True))),
    vjp=(None, lambda g, y, x1, x2: under(equal(x1, 0), g, False)),
    jvp=(None, lambda t, y, x1, x2: under(equal(x1, 0), t, False)),
)

nextafter: Op = elementwise(
    "nextafter",
    "x1 x2",
    doc="""The floating-point number next to `x1` towards `x2`.

    The derivative by `x1` is 1, the step being constant; by `x2` it is zero by definition.
    """,
    kernel=np.nextafter,
    partials=(lambda y, x1, x2: 1, None),
)

spacing: Op = elementwise(
    "spacing",
    "x",
    doc="""The distance from `x` to the next floating-point number away from 0.

    Piecewise constant, so its derivative is zero by definition.
    """,
    kernel=np.spacing,
    partials=(None,),
)


@public
@numpy_function(np.positive)
def positive(x: Node, /) -> Node:
    """`+x`: the node itself.

    Raises `DTypeError` for booleans, of which NumPy takes none either.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.positive(x) is x
    True
    """
    (x,) = as_nodes("positive", (x,))
    with listing("positive", {"x": x}):
        if x.dtype.kind == "b":
            raise DTypeError("no meaning for booleans")
    return x


# -- remainders and divisors ---------------------------------------------------------------

fmod: Op = elementwise(
    "fmod",
    "x1 x2",
    doc="""C's remainder, `x1 - x2 * trunc(x1 / x2)`, which has the sign of `x1`.

    The derivatives are 1 and minus the whole quotient; the jumps count as constant.
    """,
    kernel=np.fmod,
    sympy=in_sympy(lambda s, a, b: a - b * s.sign(a / b) * s.floor(s.Abs(a / b))),
    # Of the remainder, not of x1 / x2, whose rounding may reach the next whole number.
    partials=(lambda y, x1, x2: 1, lambda y, x1, x2: -round((x1 - y) / x2)),
)

gcd: Op = elementwise(
    "gcd",
    "x1 x2",
    doc="Greatest common divisor of integers, not negative; 0 where both are 0.",
    kernel=np.gcd,
    partials=(None, None),
    commutative=True,
)

lcm: Op = elementwise(
    "lcm",
    "x1 x2",
    doc="Least common multiple of integers, not negative; 0 where one of them is 0.",
    kernel=np.lcm,
    partials=(None, None),
    commutative=True,
)

# -- parts of numbers ----------------------------------------------------------------------


def _ldexp_rule(g: Node, y: Node, x1: Node, x2: Node) -> Node:
    mask = mask_of(g)
    return _ldexp(g, x2) if mask is None else masked_like(g, _ldexp(mask.value, x2))


_ldexp: Op = elementwise(
    "ldexp",
    "x1 x2",
    doc="`x1 * 2**x2` for integers `x2`, without overflow on the way.",
    kernel=np.ldexp,
    sympy=lambda a, b: a * 2**b,
    vjp=(_ldexp_rule, None),
    jvp=(_ldexp_rule, None),
)


@public
@numpy_function(np.ldexp)
def ldexp(x1: Any, x2: Any, /) -> Node:
    """`x1 * 2**x2`, without overflow on the way.

    Arguments: `x1`, real; `x2`, integers; one of them a node. Raises `DTypeError` for `x2` of
    another dtype.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f32[2])
    >>> sd.evaluate(sd.ldexp(x, 3), {x: [1.0, -0.5]})
    array([ 8., -4.], dtype=float32)
    """
    # An integer beside a floating node would take its dtype, as beside any other.
    return _ldexp(x1, x2 if isinstance(x2, Node) else np.asarray(x2))


frexp: Op = elementwise(
    "frexp",
    "x",
    doc="""Mantissa and exponent, ``x = m * 2**e`` with ``0.5 <= abs(m) < 1``: two results.

    The derivative of the mantissa is ``2**-e``; the exponent is an integer.
    """,
    kernel=np.frexp,
    vjp=(lambda g, y, x: None if g[0] is None else _ldexp_rule(g[0], y, x, -y[1]),),
    jvp=(lambda t, y, x: (_ldexp_rule(t, y, x, -y[1]), None),),
)

modf: Op = elementwise(
    "modf",
    "x",
    doc="""Fractional and integral part, both with the sign of `x`: one node with two results.

    The derivative of the fractional part is 1; the integral part is piecewise constant.
    """,
    kernel=np.modf,
    vjp=(lambda g, y, x: g[0],),
    jvp=(lambda t, y, x: (t, None),),
)

# -- angles --------------------------------------------------------------------------------

deg2rad: Op = elementwise(
    "deg2rad",
    "x",
    doc="Degrees as radians, `x * π / 180`.",
    kernel=np.deg2rad,
    sympy=in_sympy(lambda s, x: x * s.pi / 180),
    partials=(lambda y, x: math.pi / 180,),
)

rad2deg: Op = elementwise(
    "rad2deg",
    "x",
    doc="Radians as degrees, `x * 180 / π`.",
    kernel=np.rad2deg,
    sympy=in_sympy(lambda s, x: x * 180 / s.pi),
    partials=(lambda y, x: 180 / math.pi,),
)

# -- NumPy's names -------------------------------------------------------------------------

numpy_function(np.radians)(deg2rad)
numpy_function(np.degrees)(rad2deg)


@numpy_function(np.fabs)
def _np_fabs(x: Node) -> Node:
    """The absolute value as a floating number, of real operands only."""
    with listing("fabs", {"x": x}):
        if x.dtype.kind == "c":
            raise DTypeError("no meaning for complex operands; use sd.abs")
    return abs(x.astype(np.fabs.resolve_dtypes((x.dtype, None))[1]))


REGISTRY.enroll(__name__)
