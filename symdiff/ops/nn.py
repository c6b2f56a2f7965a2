"""Activations and losses: the logistic function and what is built on sums of exponentials.

All are computed from differences to the largest entry, so that no exponential overflows; the
derivatives are Goodfellow, Bengio and Courville's (*Deep Learning*, 3.10, 6.2.2 and 4.1). An
entry of -inf is an event of probability 0 and stays one: with nothing but -inf along an axis,
`logsumexp` and `log_softmax` are -inf and `softmax` is 0, with gradients of 0, never NaN.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REQUIRED, Op
from symdiff.ops.declare import elementwise, op, scale
from symdiff.ops.elementwise import equal, exp, greater, log, logical_and, negative, under, where
from symdiff.ops.functions import in_sympy, xlog1py, xlogy
from symdiff.ops.reduce import as_in_sum, batch_reduction, reduced_shape, reduction_params
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import tensor
from symdiff.sizes import as_dim
from symdiff.types import (
    Shape,
    TensorType,
    Type,
    as_dtype,
    normalize_axes,
    normalize_axis,
    promote,
)

__all__ = [
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "hinge_loss",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "one_hot",
    "relu",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
]

# -- elementwise ---------------------------------------------------------------------------


def _floating(*dtypes: Any) -> np.dtype[Any]:
    """The operands' common dtype, a floating one."""
    return promote(*dtypes, float)


def _real_floating(*dtypes: Any) -> np.dtype[Any]:
    dtype = _floating(*dtypes)
    if dtype.kind == "c":
        raise DTypeError("complex operands have no order, so no largest one")
    return dtype


relu: Op = elementwise(
    "relu",
    "x",
    doc="""Rectifier, `max(x, 0)`. The derivative at 0 is 0 (*Deep Learning*, 6.3).

    NaN stays NaN, with the derivative 0.
    """,
    kernel=lambda x: np.maximum(x, 0),
    dtypes=lambda dtype: promote(dtype, int),
    sympy=in_sympy(lambda s, x: s.Max(x, 0)),
    # A condition on the result, so that nothing needs to keep the operand.
    vjp=(lambda g, y, x: under(greater(y, 0), g, False),),
    jvp=(lambda t, y, x: under(greater(y, 0), t, False),),
)


def _sigmoid(x: Any) -> Any:
    result = np.empty(x.shape, _floating(x.dtype))
    with np.errstate(over="ignore"):  # far below 0 it is 1 / inf, which is right
        np.exp(np.multiply(x, -1.0, out=result), out=result)
    result += 1
    return np.divide(1, result, out=result)


sigmoid: Op = elementwise(
    "sigmoid",
    "x",
    doc="Logistic function, `1 / (1 + exp(-x))`: 0 at -inf and 1 at inf.",
    kernel=_sigmoid,
    dtypes=_floating,
    sympy=in_sympy(lambda s, x: 1 / (1 + s.exp(-x))),
    partials=(lambda y, x: y * (1 - y),),
)

softplus: Op = elementwise(
    "softplus",
    "x",
    doc="`log(1 + exp(x))`, accurate at both ends: 0 at -inf and `x` far above 0.",
    kernel=lambda x: np.logaddexp(x, 0.0),
    dtypes=_real_floating,
    sympy=in_sympy(lambda s, x: s.log(1 + s.exp(x))),
    partials=(lambda y, x: sigmoid(x),),
)


def _share_of(x1: Node, x2: Node) -> Node:
    """exp(x1) / (exp(x1) + exp(x2)); 0 where `x1` is -inf, whatever `x2` is."""
    return sigmoid(x1 - where(equal(x1, -math.inf), 0.0, x2))


logaddexp: Op = elementwise(
    "logaddexp",
    "x1 x2",
    doc="""`log(exp(x1) + exp(x2))` without overflow.

    The derivatives are the shares of the sum, ``sigmoid(x1 - x2)`` and ``sigmoid(x2 - x1)``.
    An operand of -inf has none: its derivative is 0, also where both are -inf.
    """,
    kernel=np.logaddexp,
    commutative=True,
    sympy=in_sympy(lambda s, a, b: s.log(s.exp(a) + s.exp(b))),
    partials=(lambda y, x1, x2: _share_of(x1, x2), lambda y, x1, x2: _share_of(x2, x1)),
)

# -- along axes ----------------------------------------------------------------------------

_LARGEST: Final = {c: float(np.finfo(c).max) for c in "fd"}


def _exponentials(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any, Any]:
    """``z = x - max(x)``, an empty array of its kind, the largest entries, and the result's dtype.

    Half precision is computed in single: it ends at 65504, and a sum of that many ones with it.
    The subtrahend is finite, so that infinite entries come out as what they are.
    """
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    wide = x.astype(np.float32 if dtype.char == "e" else dtype, copy=False)
    largest = np.maximum.reduce(wide, axis=axes, keepdims=True, initial=-np.inf)
    bound = _LARGEST[wide.dtype.char]
    shift = np.minimum(np.maximum(largest, -bound), bound)
    z = np.empty(wide.shape, wide.dtype)
    return np.subtract(wide, shift, out=z), largest, dtype


def _total(powers: Any, axes: tuple[int, ...]) -> Any:
    """The sum of exponentials of differences to the largest.

    At least 1, the largest one's share, unless there is none: then 1 too, for 0/1 and log 1.
    """
    return np.maximum(np.add.reduce(powers, axis=axes, keepdims=True), 1)
