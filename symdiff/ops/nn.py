"""Activations, and the logistic and softmax functions with their logarithms.

All are computed from differences to the largest entry, so that no exponential overflows
(Goodfellow, Bengio and Courville, *Deep Learning*, 4.1; the functions are those of 3.10 and
6.2.2). An entry of -inf is an event of probability 0 and stays one: with nothing but -inf along
an axis, `logsumexp` and `log_softmax` are -inf and `softmax` is 0, and no gradient is NaN.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from symdiff.errors import DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import elementwise, op, scale
from symdiff.ops.elementwise import equal, exp, greater, under, where
from symdiff.ops.functions import in_sympy
from symdiff.ops.reduce import as_in_sum, batch_reduction, reduced_shape, reduction_params
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import tensor
from symdiff.sizes import as_dim
from symdiff.types import TensorType, Type, as_dtype, normalize_axes, normalize_axis, promote

__all__ = [
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "one_hot",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
]

# -- elementwise ---------------------------------------------------------------------------


def _floating(*dtypes: Any) -> np.dtype[Any]:
    """The operands' common dtype, a floating one."""
    return promote(*dtypes, float)


def real_floating(*dtypes: Any) -> np.dtype[Any]:
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
    """The smaller of the two is ``exp(-abs(x)) / (1 + exp(-abs(x)))``: nothing overflows."""
    power = np.empty(x.shape, _floating(x.dtype))
    np.exp(-np.abs(x, out=power, casting="same_kind"), out=power)
    result = np.where(x < 0, power, 1)
    power += 1
    return np.divide(result, power, out=power)


sigmoid: Op = elementwise(
    "sigmoid",
    "x",
    doc="""Logistic function, `1 / (1 + exp(-x))`: 0 at -inf and 1 at inf.

    The derivative is ``y * (1 - y)``, of the result `y`: right to a unit in the last place of 1.
    """,
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
    dtypes=real_floating,
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


def _differences(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """``x - max(x)``, the largest entries, and the dtype of the result.

    Half precision is computed in single: the sum of 10^5 ones is beyond its end. What is
    subtracted is finite, so that infinite entries come out as what they are.
    """
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    wide = x.astype(np.float32 if dtype.char == "e" else dtype, copy=False)
    largest = np.maximum.reduce(wide, axis=axes, keepdims=True, initial=-np.inf)
    bound = _LARGEST[wide.dtype.char]
    shift = np.minimum(np.maximum(largest, -bound), bound)
    return np.subtract(wide, shift, out=np.empty(wide.shape, wide.dtype)), largest, dtype


def _total(powers: Any, axes: tuple[int, ...]) -> Any:
    """Sum of the exponentials of differences to the largest.

    It is at least 1, the share of the largest, unless that is -inf or there is none; 1 then
    makes 0 of its quotients and logarithm.
    """
    return np.maximum(np.add.reduce(powers, axis=axes, keepdims=True), 1)


def _log_total(powers: Any, axes: tuple[int, ...]) -> Any:
    """The logarithm of that sum: accurate also where one entry makes up nearly all of it."""
    ones = powers == 1
    count = np.maximum(np.add.reduce(ones, axis=axes, keepdims=True, dtype=powers.dtype), 1)
    rest = np.add.reduce(np.where(ones, 0, powers), axis=axes, keepdims=True)
    return np.log1p(rest / count) + np.log(count)


def _logsumexp(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    powers, largest, dtype = _differences(x, axis)
    np.exp(powers, out=powers)
    result = _log_total(powers, axis) + largest
    return (result if keepdims else np.squeeze(result, axis)).astype(dtype, copy=False)


def _softmax(x: Any, axis: tuple[int, ...]) -> Any:
    powers, _, dtype = _differences(x, axis)
    np.exp(powers, out=powers)
    powers /= _total(powers, axis)
    return powers.astype(dtype, copy=False)


def _log_softmax(x: Any, axis: tuple[int, ...]) -> Any:
    logs, _, dtype = _differences(x, axis)
    logs -= _log_total(np.exp(logs), axis)
    return logs.astype(dtype, copy=False)


def _axes_of(name: str) -> Any:
    return lambda x, axis: {"axis": normalize_axes(axis, tensor(x).rank, name)}


def _same_shape(x: Type, axis: tuple[int, ...]) -> TensorType:
    return TensorType(real_floating(tensor(x).dtype), tensor(x).shape)


def _logsumexp_type(x: Type, axis: tuple[int, ...], keepdims: bool) -> TensorType:
    shape = reduced_shape(tensor(x).shape, axis, keepdims)
    return TensorType(real_floating(tensor(x).dtype), shape)


def _logsumexp_tangent(t: Node, y: Node, x: Node) -> Node:
    weights = softmax(x, axis=y.params["axis"])
    return sum_(t * weights, axis=y.params["axis"], keepdims=y.params["keepdims"])


def _softmax_rule(g: Node, y: Node, x: Node) -> Node:
    """The Jacobian diag(y) - y yᵀ is symmetric, so this is the VJP and the JVP."""
    return y * (g - sum_(g * y, axis=y.params["axis"], keepdims=True))


logsumexp: Op = op(
    "logsumexp",
    "x",
    doc="""`log(sum(exp(x)))` over `axis` (an int, a tuple, or None for all), without overflow.

    The gradient is ``softmax(x)``. Over nothing but -inf, and over no entries, the value is
    -inf and the gradient 0.
    """,
    parameters={"axis": None, "keepdims": False},
    normalize=reduction_params("logsumexp"),
    infer=_logsumexp_type,
    kernel=_logsumexp,
    vjp=(lambda g, y, x: scale(as_in_sum(g, y), softmax(x, axis=y.params["axis"])),),
    jvp=(_logsumexp_tangent,),
    batch=batch_reduction,
)

softmax: Op = op(
    "softmax",
    "x",
    doc="""`exp(x) / sum(exp(x))` over `axis` (an int, a tuple, or None for all).

    Entries of -inf get 0; where there is nothing else, all do, and the gradient is 0.
    """,
    parameters={"axis": -1},
    normalize=_axes_of("softmax"),
    infer=_same_shape,
    kernel=_softmax,
    vjp=(_softmax_rule,),
    jvp=(_softmax_rule,),
    batch=batch_reduction,
)

log_softmax: Op = op(
    "log_softmax",
    "x",
    doc="""`x - logsumexp(x)` over `axis` (an int, a tuple, or None for all).

    Accurate where softmax is tiny or close to 1. Entries of -inf stay -inf.
    """,
    parameters={"axis": -1},
    normalize=_axes_of("log_softmax"),
    infer=_same_shape,
    kernel=_log_softmax,
    vjp=(lambda g, y, x: g - exp(y) * sum_(g, axis=y.params["axis"], keepdims=True),),
    jvp=(lambda t, y, x: t - sum_(exp(y) * t, axis=y.params["axis"], keepdims=True),),
    batch=batch_reduction,
)

# -- one_hot -------------------------------------------------------------------------------


def _one_hot_params(x: Type, n: Any, dtype: Any, axis: Any) -> dict[str, Any]:
    indices, dim = tensor(x), as_dim(n)
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"class indices must be integers, and {indices} is not")
    if isinstance(dim, int) and dim < 0:
        raise ShapeError(f"the number of classes is negative: {dim}")
    return {
        "n": dim,
        "dtype": as_dtype(dtype),
        "axis": normalize_axis(axis, indices.rank + 1, "one_hot"),
    }


def _one_hot_type(x: Type, n: Any, dtype: Any, axis: int) -> TensorType:
    shape = tensor(x).shape
    return TensorType(dtype, (*shape[:axis], n, *shape[axis:]))


def _one_hot(x: Any, n: int, dtype: Any, axis: int) -> Any:
    wrong = x[(x < 0) | (x >= n)]
    if wrong.size:
        raise IndexError(f"class index {wrong.flat[0]} is not in 0 … {n - 1}")
    rows = np.zeros((x.size, n), dtype)
    rows.reshape(-1)[np.arange(0, x.size * n, n) + x.reshape(-1)] = 1
    return np.moveaxis(rows.reshape((*x.shape, n)), -1, axis)


def _batch_one_hot(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    return y.graph.intern(y.op, inputs, {**y.params, "axis": y.params["axis"] + 1})


one_hot: Op = op(
    "one_hot",
    "x",
    doc="""1 at the place that `x` gives along a new axis of `n` entries, and 0 elsewhere.

    `axis` is where the new axis stands in the result. An index outside 0 … n - 1 is an error
    when the graph runs.
    """,
    parameters={"n": REQUIRED, "dtype": np.dtype(np.float64), "axis": -1},
    normalize=_one_hot_params,
    infer=_one_hot_type,
    kernel=_one_hot,
    vjp=(None,),
    jvp=(None,),
    batch=_batch_one_hot,
)

REGISTRY.enroll(__name__)
