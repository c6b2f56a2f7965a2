"""Elementwise arithmetic, functions, comparisons and choice.

Partial derivatives are those of any calculus text (Abramowitz and Stegun, *Handbook of
Mathematical Functions*, chapters 3 and 4), written with the result `y` where that is shorter.
Every op follows NumPy's broadcasting and dtype promotion.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import (
    elementwise,
    fit,
    linear,
    mask_of,
    numpy_function,
    op,
    over,
    scalar_value,
    scale,
)
from symdiff.types import TensorType, as_dtype, promote

__all__ = [
    "abs",
    "add",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_or",
    "bitwise_xor",
    "cast",
    "cos",
    "divide",
    "divmod",
    "equal",
    "exp",
    "floor_divide",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log",
    "logical_and",
    "logical_not",
    "logical_or",
    "multiply",
    "negative",
    "not_equal",
    "pow",
    "remainder",
    "sign",
    "sin",
    "sqrt",
    "stop_gradient",
    "subtract",
    "tanh",
    "where",
]

# -- arithmetic ----------------------------------------------------------------------------

add: Op = elementwise(
    "add",
    "x1 x2",
    doc="Sum `x1 + x2`, broadcasting as NumPy does.",
    kernel=np.add,
    sympy="Add",
    commutative=True,
    partials=(lambda y, a, b: 1, lambda y, a, b: 1),
)

subtract: Op = elementwise(
    "subtract",
    "x1 x2",
    doc="Difference `x1 - x2`, broadcasting as NumPy does.",
    kernel=np.subtract,
    sympy=lambda a, b: a - b,
    partials=(lambda y, a, b: 1, lambda y, a, b: -1),
)

multiply: Op = elementwise(
    "multiply",
    "x1 x2",
    doc="Product `x1 * x2`, broadcasting as NumPy does.",
    kernel=np.multiply,
    sympy="Mul",
    commutative=True,
    partials=(lambda y, a, b: b, lambda y, a, b: a),
)

divide: Op = elementwise(
    "divide",
    "x1 x2",
    doc="Quotient `x1 / x2`, broadcasting as NumPy does; integers give floats.",
    kernel=np.divide,
    sympy=lambda a, b: a / b,
    partials=(lambda y, a, b: over(b), lambda y, a, b: -(y / b)),
)

negative: Op = elementwise(
    "negative",
    "x",
    doc="`-x`.",
    kernel=np.negative,
    sympy=lambda x: -x,
    partials=(lambda y, x: -1,),
)


def _power_by_base(y: Node, a: Node, b: Node) -> Any:
    """b a^(b-1), and 0 at a = b = 0, where that is 0 times infinity."""
    exponent = scalar_value(b)
    match exponent:
        case None:
            return where(logical_or(a, b), b * pow(a, b - 1), 0.0)
        case 0:
            return None
        case 1:
            return 1
        case 2:
            return 2 * a
    return exponent * pow(a, exponent - 1)


def _power_by_exponent(y: Node, a: Node, b: Node) -> Node:
    """a^b log a, and 0 at a = 0 (the limit for b > 0; for b <= 0 the convention)."""
    return y * log(where(equal(a, 0), 1.0, a))


pow: Op = elementwise(
    "pow",
    "x1 x2",
    doc="""Power `x1 ** x2`, broadcasting as NumPy does.

    At ``x1 = 0`` the derivative by `x2` is 0 by convention; the derivative by `x1` is the
    analytic one for every exponent, 0 for ``x2 = 0``.
    """,
    kernel=np.power,
    sympy="Pow",
    partials=(_power_by_base, _power_by_exponent),
)

floor_divide: Op = elementwise(
    "floor_divide",
    "x1 x2",
    doc="`floor(x1 / x2)`; piecewise constant, so its derivative is zero by definition.",
    kernel=np.floor_divide,
    sympy=lambda a, b: a // b,
    partials=(None, None),
)

remainder: Op = elementwise(
    "remainder",
    "x1 x2",
    doc="`x1 - x2 * floor(x1 / x2)`, NumPy's `%`; the jumps count as constant in the derivative.",
    kernel=np.remainder,
    sympy="Mod",
    partials=(lambda y, a, b: 1, lambda y, a, b: -floor_divide(a, b)),
)

divmod: Op = elementwise(
    "divmod",
    "x1 x2",
    doc="""Quotient and remainder, ``(x1 // x2, x1 % x2)``: one node with two results.

    The quotient is piecewise constant; the remainder's derivatives are 1 and ``-(x1 // x2)``.
    """,
    kernel=np.divmod,
    vjp=(
        lambda g, y, a, b: g[1],
        lambda g, y, a, b: None if g[1] is None else scale(g[1], -y[0]),
    ),
    jvp=(
        lambda t, y, a, b: (None, t),
        lambda t, y, a, b: (None, -(t * y[0])),
    ),
)

sign: Op = elementwise(
    "sign",
    "x",
    doc="Sign of `x`: -1, 0 or 1. Its derivative is zero by definition.",
    kernel=np.sign,
    sympy="sign",
    partials=(None,),
)

abs: Op = elementwise(
    "abs",
    "x",
    doc="Absolute value. The derivative at 0 is 0, the midpoint of the subgradient.",
    kernel=np.absolute,
    sympy="Abs",
    partials=(lambda y, x: sign(x),),
)

# -- functions -----------------------------------------------------------------------------

exp: Op = elementwise(
    "exp",
    "x",
    doc="Exponential function.",
    kernel=np.exp,
    sympy="exp",
    partials=(lambda y, x: y,),
)

log: Op = elementwise(
    "log",
    "x",
    doc="Natural logarithm; -inf at 0 and NaN below, as NumPy gives.",
    kernel=np.log,
    sympy="log",
    partials=(lambda y, x: over(x),),
)

sin: Op = elementwise(
    "sin",
    "x",
    doc="Sine of `x`, in radians.",
    kernel=np.sin,
    sympy="sin",
    partials=(lambda y, x: cos(x),),
)

cos: Op = elementwise(
    "cos",
    "x",
    doc="Cosine of `x`, in radians.",
    kernel=np.cos,
    sympy="cos",
    partials=(lambda y, x: -sin(x),),
)

sqrt: Op = elementwise(
    "sqrt",
    "x",
    doc="Square root. Its derivative at 0 is inf; under a mask that is never reached.",
    kernel=np.sqrt,
    sympy="sqrt",
    partials=(lambda y, x: 0.5 / y,),
)

tanh: Op = elementwise(
    "tanh",
    "x",
    doc="Hyperbolic tangent.",
    kernel=np.tanh,
    sympy="tanh",
    partials=(lambda y, x: 1 - y * y,),
)

# -- comparisons and logic -----------------------------------------------------------------


def _comparison(name: str, kernel: Any, doc: str, commutative: bool = False) -> Op:
    return elementwise(
        name, "x1 x2", doc=doc, kernel=kernel, partials=(None, None), commutative=commutative
    )


less: Op = _comparison("less", np.less, "`x1 < x2`, entry by entry.")
less_equal: Op = _comparison("less_equal", np.less_equal, "`x1 <= x2`, entry by entry.")
greater: Op = _comparison("greater", np.greater, "`x1 > x2`, entry by entry.")
greater_equal: Op = _comparison("greater_equal", np.greater_equal, "`x1 >= x2`, entry by entry.")
equal: Op = _comparison("equal", np.equal, "`x1 == x2`, entry by entry.", True)
not_equal: Op = _comparison("not_equal", np.not_equal, "`x1 != x2`, entry by entry.", True)
logical_and: Op = _comparison("logical_and", np.logical_and, "`x1 and x2`, entry by entry.", True)
logical_or: Op = _comparison("logical_or", np.logical_or, "`x1 or x2`, entry by entry.", True)
bitwise_and: Op = _comparison(
    "bitwise_and", np.bitwise_and, "`x1 & x2` of integers or booleans.", True
)
bitwise_or: Op = _comparison(
    "bitwise_or", np.bitwise_or, "`x1 | x2` of integers or booleans.", True
)
bitwise_xor: Op = _comparison(
    "bitwise_xor", np.bitwise_xor, "`x1 ^ x2` of integers or booleans.", True
)

logical_not: Op = elementwise(
    "logical_not",
    "x",
    doc="`not x`, entry by entry.",
    kernel=np.logical_not,
    partials=(None,),
)

bitwise_invert: Op = elementwise(
    "bitwise_invert",
    "x",
    doc="`~x` of integers or booleans.",
    kernel=np.invert,
    partials=(None,),
)

# -- choice --------------------------------------------------------------------------------


def _where_dtypes(condition: Any, first: Any, second: Any) -> Any:
    return promote(first, second)


def under(condition: Node, g: Any, zero_first: bool) -> Node | None:
    """`g` where it was taken and 0 elsewhere; masks within masks are one mask.

    Joining them keeps the gradient one level deep however deeply choices are nested.
    """
    inner = mask_of(g)
    if inner is None:
        return where(condition, 0.0, g) if zero_first else where(condition, g, 0.0)
    if inner.condition is condition:
        return g if inner.zero_first == zero_first else None
    outside = logical_not(condition) if zero_first else condition
    return where(logical_and(outside, inner.taken), inner.value, 0.0)


where: Op = elementwise(
    "where",
    "condition x1 x2",
    doc="""`x1` where `condition` holds and `x2` elsewhere, all three broadcast together.

    The gradient of the branch not taken is 0 whatever its own derivatives are: masks stay
    outermost on their way back, so ``where(x > 0, sqrt(x), 0)`` has the gradient 0 at 0.
    """,
    kernel=np.where,
    dtypes=_where_dtypes,
    vjp=(
        None,
        lambda g, y, c, a, b: under(c, g, False),
        lambda g, y, c, a, b: under(c, g, True),
    ),
    jvp=(
        None,
        lambda t, y, c, a, b: where(c, t, 0.0),
        lambda t, y, c, a, b: where(c, 0.0, t),
    ),
)

# -- dtype, and the end of a path ----------------------------------------------------------

cast: Op = linear(
    "cast",
    "x",
    doc="The values of `x` in another dtype. Gradients flow between floating dtypes only.",
    parameters={"dtype": REQUIRED},
    normalize=lambda x, dtype: {"dtype": as_dtype(dtype)},
    identity=lambda x, dtype: x.dtype == dtype,
    infer=lambda x, dtype: TensorType(dtype, x.shape),
    kernel=lambda x, dtype: x.astype(dtype),
    transpose=lambda g, y, x: fit(g, x.type),  # which casts what a mask is over, not the mask
    batch=lambda y, inputs, mapped: cast(inputs[0], dtype=y.params["dtype"]),
    moves=False,
)

stop_gradient: Op = op(
    "stop_gradient",
    "x",
    doc="`x` itself, through which no derivative flows: zero by definition, at every order.",
    infer=lambda x: x,
    kernel=lambda x: x,
    vjp=(None,),
    jvp=(None,),
    batch=lambda y, inputs, mapped: stop_gradient(inputs[0]),
    sympy=lambda x: x,
)

# -- NumPy's names -------------------------------------------------------------------------

numpy_function(np.where)(where)

REGISTRY.enroll(__name__)
