"""Linear interpolation: between two values, and through the points of a piecewise linear function.

The derivatives are those of the pieces (R. Burden and J. Faires, *Numerical Analysis*, 3.1), at a
knot those of the piece to its right. Weights of exactly 0 and 1 give the values themselves,
beside infinite ones too, and nothing overflows in between.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.along import take_flat
from symdiff.ops.declare import elementwise, numpy_function, over, public
from symdiff.ops.elementwise import equal, greater, less, where
from symdiff.ops.extrema import maximum, minimum
from symdiff.ops.joining import concat
from symdiff.ops.lookup import searchsorted
from symdiff.ops.operands import as_nodes
from symdiff.ops.sorting import argsort
from symdiff.types import promote

__all__ = ["interp", "inverse_lerp", "lerp"]

Array = np.ndarray[Any, Any]


# -- between two values --------------------------------------------------------------------


def _floating(*operands: Array) -> list[Array]:
    dtype = np.result_type(*operands, 0.0)
    return [np.asarray(x, dtype) for x in operands]


# Both kernels compute several forms and choose; what is not chosen may overflow.


@np.errstate(all="ignore")
def _lerp_kernel(x1: Array, x2: Array, t: Array) -> Array:
    a, b, t = _floating(x1, x2, t)
    step = b - a
    near = np.where(t < 0.5, a + step * t, b - step * (1 - t))  # NumPy's, exact at both ends
    found = np.where(np.isfinite(step), near, a * (1 - t) + b * t)
    found = np.where(t == 1, b, found)
    return np.where((t == 0) | ((a == b) & (t == t)), a, found)


lerp: Op = elementwise(
    "lerp",
    "x1 x2 t",
    doc="""`x1 + t * (x2 - x1)`: from `x1` at ``t = 0`` to `x2` at ``t = 1``, exact at both.

    Equal operands, infinite ones too, give themselves. The derivatives are ``1 - t``, `t` and
    ``x2 - x1``, also where the operands are equal.
    """,
    kernel=_lerp_kernel,
    dtypes=lambda a, b, t: promote(a, b, t, float),
    sympy=lambda a, b, t: a + t * (b - a),
    partials=(
        lambda y, x1, x2, t: 1 - t,
        lambda y, x1, x2, t: t,
        lambda y, x1, x2, t: x2 - x1,
    ),
)


@np.errstate(all="ignore")
def _inverse_kernel(x: Array, x1: Array, x2: Array) -> Array:
    x, a, b = _floating(x, x1, x2)
    whole = b - a
    halves = (x / 2 - a / 2) / (b / 2 - a / 2)  # where the whole overflows
    t = np.where(np.isfinite(whole), (x - a) / whole, halves)
    t = np.where(np.isnan(t), 1 - (b - x) / whole, t)  # an infinite start: from the end
    return np.where((a == b) & (x == x), 0, t).astype(whole.dtype, copy=False)


def _gap(x1: Node, x2: Node) -> Node:
    return where(equal(x1, x2), math.inf, x2 - x1)


inverse_lerp: Op = elementwise(
    "inverse_lerp",
    "x x1 x2",
    doc="""`(x - x1) / (x2 - x1)`: the weight at which `lerp` of `x1` and `x2` is `x`.

    0, with the derivatives 0, where `x1` and `x2` are equal. Infinite ends give the limit.
    """,
    kernel=_inverse_kernel,
    dtypes=lambda x, a, b: promote(x, a, b, float),
    sympy=lambda x, a, b: (x - a) / (b - a),
    partials=(
        lambda y, x, x1, x2: over(_gap(x1, x2)),
        lambda y, x, x1, x2: (x - x2) / _gap(x1, x2) / _gap(x1, x2),
        lambda y, x, x1, x2: -(y / _gap(x1, x2)),
    ),
)

# -- through points ------------------------------------------------------------------------


@public
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Node:
    """The piecewise linear function through the points ``(xp, fp)``, at `x`.

    Arguments: `x`, of any shape; `xp` and `fp`, of one axis and equally long, `xp` in ascending
    order; `left` and `right`, the values below ``xp[0]`` and above ``xp[-1]``, else ``fp[0]``
    and ``fp[-1]``; `period`, a number or a scalar node: `x` and `xp` are then taken modulo
    `period`, in any order, and `left` and `right` count for nothing.

    Returns the shape of `x` in the common floating dtype (`np.interp`, on nodes too, always
    computes in double precision). All of them can be differentiated by: by `x` it is the slope of
    the piece (at a knot of the one to its right, so 0 at the last), by `fp` the weights of the
    two ends, by `xp` minus the slope times those. Raises `ShapeError` for `xp` and `fp` that do
    not fit.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> y = sd.interp(x, [0.0, 1.0, 3.0], [5.0, 6.0, 2.0])
    >>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [0.5, 1.0, 4.0]})
    [array([5.5, 6. , 2. ]), array([ 1., -2.,  0.])]
    """
    x, xp, fp = as_nodes("interp", (x, xp, fp), weak=True)
    with listing("interp", {"x": x, "xp": xp, "fp": fp}):
        if xp.ndim != 1 or xp.shape != fp.shape:
            raise ShapeError("xp and fp must have one axis and be equally long")
        if xp.shape[0] == 0:
            raise ShapeError("there are no points to interpolate")
        if "c" in (x.dtype.kind, xp.dtype.kind):
            raise DTypeError("x and xp must be real; fp alone may be complex")
    if period is not None:
        x, xp, fp = _wrapped(x, xp, fp, period)
        left = right = None
    after = searchsorted(xp, x, side="right")
    # Beyond the ends both are the end itself: a piece of length 0, which is constant.
    lower, upper = maximum(after - 1, 0), minimum(after, xp.shape[0] - 1)
    t = inverse_lerp(x, take_flat(xp, lower), take_flat(xp, upper))
    y = lerp(take_flat(fp, lower), take_flat(fp, upper), t)
    y = y if left is None else where(less(x, xp[0]), left, y)
    return y if right is None else where(greater(x, xp[-1]), right, y)


def _wrapped(x: Node, xp: Node, fp: Node, period: Any) -> tuple[Node, Node, Node]:
    """The points of one period in order, and the last and the first once more around them."""
    if not isinstance(period, Node) and period == 0:
        raise ArgumentError("interp: period must not be 0")
    period = abs(period)
    x, xp = x % period, xp % period
    order = argsort(xp)
    xp, fp = take_flat(xp, order), take_flat(fp, order)
    around = concat([xp[-1:] - period, xp, xp[:1] + period])
    return x, around, concat([fp[-1:], fp, fp[:1]])


@numpy_function(np.interp)
def _np_interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Node:
    x, xp, fp = as_nodes("np.interp", (x, xp, fp), weak=True)
    fp = fp.astype(promote(fp.dtype, np.dtype(np.float64)))
    return interp(x.astype(np.float64), xp.astype(np.float64), fp, left, right, period)


REGISTRY.enroll(__name__)
