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
    public,
    scale,
)
from symdiff.types import TensorType, as_dtype, promote

__all__ = [
    "abs",
    "add",
    "astype",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
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
    "remainder",
    "sech",
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
    doc="""Sign of `x`: -1, 0 or 1. Its derivative is zero by definition.

    Of complex numbers it is `x / abs(x)`, and 0 at 0.
    """,
    kernel=np.sign,
    sympy="sign",
    partials=(lambda y, x: 0,),  # None would hide complex operands, where it is not zero
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
    doc="""Hyperbolic tangent.

    The derivative is ``1 - y * y``, of the result `y`: right to a unit in the last place of 1,
    not of itself, for the sake of its speed. Where digits far from 0 count, write `sech(x)**2`.
    """,
    kernel=np.tanh,
    sympy="tanh",
    partials=(lambda y, x: 1 - y * y,),
)


def _sech(x: Any) -> Any:
    x = np.asarray(x, np.result_type(x, 0.0))
    decay = np.exp(np.where(x.real < 0, x, -x))
    return 2 * decay / (1 + decay * decay)


sech: Op = elementwise(
    "sech",
    "x",
    doc="Hyperbolic secant, `1 / cosh(x)`, without overflow: 0 at both infinities.",
    kernel=_sech,
    dtypes=lambda dtype: promote(dtype, float),
    sympy="sech",
    partials=(lambda y, x: -(y * tanh(x)),),
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
bitwise_left_shift: Op = _comparison(
    "bitwise_left_shift", np.left_shift, "`x1 << x2` of integers: `x1 * 2**x2` as far as it fits."
)
bitwise_right_shift: Op = _comparison(
    "bitwise_right_shift", np.right_shift, "`x1 >> x2` of integers: `floor(x1 / 2**x2)`."
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


@public
def astype(x: Node, dtype: Any, /) -> Node:
    """The values of `x` in another dtype, as NumPy casts them; see the op `cast`.

    Raises `DTypeError` for what is no dtype.

    >>> import symdiff as sd
    >>> sd.astype(sd.Graph().input("x", sd.f64["n"]), sd.f32)
    %0 : f32[n] = cast x dtype=f32
    """
    return cast(x, dtype=dtype)


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
