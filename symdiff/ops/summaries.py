"""Statistics of the entries along axes: variance, standard deviation, average and range.

Variances are of deviations from the mean, taken first (two passes; T. Chan, G. Golub and
R. LeVeque, "Algorithms for computing the sample variance", *The American Statistician* 37,
1983); a standard deviation is the 2-norm of the deviations, so that nothing is squared that
could overflow. Names and defaults are the array API standard's (2024.12) where it has them, and
NumPy's elsewhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import linear, numpy_function, op, public
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import sqrt, under, where
from symdiff.ops.extrema import maximum
from symdiff.ops.functions import square
from symdiff.ops.nn import logaddexp, logsumexp
from symdiff.ops.norms import p_norm
from symdiff.ops.operands import as_nodes, graph_of
from symdiff.ops.reduce import (
    as_condition,
    as_keepdims,
    batch_alike,
    batch_reduction,
    masked_mixture,
    numpy_reduction,
)
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.reductions import in_dtype, mean
from symdiff.ops.reductions import max as max_
from symdiff.ops.reductions import min as min_
from symdiff.ops.shape import broadcast_to, permute_dims, reshape, tensor, zeros_like
from symdiff.sources import SIZE_OF
from symdiff.types import TensorType, Type, element_count, normalize_axes, promote

__all__ = [
    "average",
    "deviations",
    "deviations_where",
    "ptp",
    "spread_where",
    "std",
    "var",
]

Array = np.ndarray[Any, Any]
Axes = int | tuple[int, ...] | None

# -- deviations ----------------------------------------------------------------------------


def _deviations(x: Array, axis: tuple[int, ...], taken: Any = True) -> Any:
    """`x` less the mean of the entries taken, which is corrected once, and 0 for all others.

    The mean lies between the extremes, whatever rounding or overflow makes of it, so that equal
    entries deviate by exactly 0; what it is off by is the mean of the deviations from it.
    """
    dtype = promote(x.dtype, float)
    wide = x.astype(np.float32 if dtype == np.float16 else dtype, copy=False)

    def mean_of(values: Array) -> Any:
        return np.add.reduce(values, axis=axis, keepdims=True, where=taken) / count

    if taken is True:
        count: Any = math.prod(x.shape[a] for a in axis)
    else:
        count = np.add.reduce(taken, axis=axis, keepdims=True, dtype=wide.real.dtype)
    centre = mean_of(wide) if x.size else wide[:0].sum(keepdims=True)
    if dtype.kind == "f":
        bounds: Any = {"axis": axis, "keepdims": True, "where": taken}
        lowest = np.minimum.reduce(wide, initial=np.inf, **bounds)
        centre = np.clip(centre, lowest, np.maximum.reduce(wide, initial=-np.inf, **bounds))
    result = wide - centre
    if x.size:
        result -= mean_of(result)
    if taken is not True:
        result = np.where(taken, result, result.dtype.type(0))
    return result.astype(dtype, copy=False)


def _deviations_type(x: Type, axis: tuple[int, ...]) -> TensorType:
    return tensor(x).with_dtype(promote(tensor(x).dtype, float))


deviations: Op = linear(
    "deviations",
    "x",
    doc="""`x` less its mean over `axis` (an int, a tuple, or None for all axes).

    A projection, and its own transpose. Equal entries deviate by exactly 0.
    """,
    parameters={"axis": None},
    normalize=lambda x, axis: {"axis": normalize_axes(axis, tensor(x).rank, "deviations")},
    infer=_deviations_type,
    kernel=_deviations,
    transpose=lambda g, y, x: masked_mixture(g, deviations(g, **y.params), y.params["axis"]),
    batch=batch_reduction,
)


def _where_type(x: Type, condition: Type, axis: tuple[int, ...]) -> TensorType:
    if tensor(condition) != tensor(x).with_dtype(np.dtype(bool)):
        raise DTypeError("the condition must be boolean and of the shape of x")
    return _deviations_type(x, axis)


def _where_gradient(g: Node, y: Node, x: Node, condition: Node) -> Node | None:
    total = deviations_where(g, condition, **y.params)
    return under(condition, masked_mixture(g, total, y.params["axis"]), False)


deviations_where: Op = op(
    "deviations_where",
    "x condition",
    doc="""`x` less the mean over `axis` of the entries where `condition` holds; 0 at the others.

    Linear in `x`: a projection, and its own transpose. Equal entries deviate by exactly 0.
    """,
    parameters={"axis": None},
    normalize=lambda x, condition, axis: {
        "axis": normalize_axes(axis, tensor(x).rank, "deviations_where")
    },
    infer=_where_type,
    kernel=lambda x, condition, axis: _deviations(x, axis, condition),
    vjp=(_where_gradient, None),
    jvp=(lambda t, y, x, condition: deviations_where(t, condition, **y.params), None),
    batch=batch_alike,
)

# -- variance ------------------------------------------------------------------------------


def _as_correction(value: Any) -> float | int:
    """What to take from the number of entries; an int where it is one, to keep sizes exact."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ArgumentError(f"correction must be a number, not {value!r}")
    return int(value) if float(value).is_integer() else float(value)


def _freedom(x: Node, axes: tuple[int, ...], correction: float) -> Any:
    """The number of entries along the axes less the correction, at least 0."""
    count = element_count(x.shape[a] for a in axes)
    if isinstance(count, int):
        return max(count - correction, 0)
    if isinstance(correction, int):
        less = SIZE_OF.on(x.graph, size=count - correction, dtype=x.dtype)
    else:
        less = SIZE_OF.on(x.graph, size=count, dtype=x.dtype) - correction
    return less if correction <= 0 else maximum(less, 0)


def _spread(x: Node, axis: Axes, correction: Any, keepdims: Any, root: bool, name: str) -> Node:
    """The variance, or with `root` the standard deviation."""
    with listing(name, {"x": x}):
        axes, keepdims = normalize_axes(axis, x.ndim, name), as_keepdims(keepdims)
        correction = _as_correction(correction)
    if x.dtype == np.float16:  # as in `mean`
        wide = _spread(x.astype(np.float32), axes, correction, keepdims, root, name)
        return wide.astype(np.float16)
    apart = deviations(x, axis=axes)
    return _dispersion(apart, axes, _freedom(apart, axes, correction), keepdims, root)


def _dispersion(
    apart: Node, axes: tuple[int, ...], freedom: Any, keepdims: bool, root: bool
) -> Node:
    """Deviations squared, summed and divided by the degrees of freedom; with `root` its root."""
    if root:
        divisor = sqrt(freedom) if isinstance(freedom, Node) else math.sqrt(freedom)
        return p_norm(apart, axis=axes, keepdims=keepdims) / divisor
    sizes = abs_(apart) if apart.dtype.kind == "c" else apart
    total: Node = sum_(square(sizes), axis=axes, keepdims=keepdims) / freedom
    return total


def spread_where(
    x: Node,
    taken: Node,
    axis: Axes,
    correction: Any,
    keepdims: Any,
    root: bool,
    name: str,
    least: float,
) -> Node:
    """The same of the entries at which `taken` holds; `least` is the divisor at no freedom."""
    with listing(name, {"x": x}):
        axes, keepdims = normalize_axes(axis, x.ndim, name), as_keepdims(keepdims)
        correction = _as_correction(correction)
    if x.dtype == np.float16:
        wide = x.astype(np.float32)
        found = spread_where(wide, taken, axes, correction, keepdims, root, name, least)
        return found.astype(np.float16)
    apart = deviations_where(x, taken, axis=axes)
    real = np.dtype(np.float32 if apart.dtype in (np.float32, np.complex64) else np.float64)
    freedom = sum_(taken, axis=axes, dtype=real, keepdims=keepdims) - correction
    freedom = where(freedom > 0, freedom, least)
    return _dispersion(apart, axes, freedom, keepdims, root)


@public
def var(x: Node, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Node:
    """Variance over `axis` (an int, a tuple, or None for all axes).

    Arguments: `correction`, any number: squares of deviations from the mean are summed and
    divided by ``n - correction`` for n entries, so 1 gives the unbiased estimate. Where that is
    not positive the divisor is 0 and the result NaN or inf, as in NumPy. Integers and booleans
    give float64; float16 is computed in float32; of complex entries the result is real.

    Raises `ShapeError` for an axis that `x` does not have.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> y = sd.var(x, correction=1)
    >>> sd.evaluate([y, sd.grad(y, x)], {x: [1e9, 1e9 + 1, 1e9 + 5]})
    [array(7.), array([-2., -1.,  3.])]
    """
    return _spread(x, axis, correction, keepdims, False, "var")


@public
def std(x: Node, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Node:
    """Standard deviation over `axis`: the square root of `var`, with its arguments.

    Neither overflows nor underflows on the way. Where it is 0, as of equal entries, all its
    derivatives are 0 by convention, at every order.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, 3])
    >>> y = sd.std(x, axis=1)
    >>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [[0, 0, 3e200], [7, 7, 7]]})
    [array([1.41421356e+200, 0.00000000e+000]), array([[-0.23570226, -0.23570226,  0.47140452],
           [ 0.        ,  0.        ,  0.        ]])]
    """
    return _spread(x, axis, correction, keepdims, True, "std")


# -- average and range ---------------------------------------------------------------------


@public
def average(x: Node, /, *, axis: Axes = None, weights: Any = None, keepdims: bool = False) -> Node:
    """Weighted mean over `axis`: ``sum(x * weights) / sum(weights)``; without weights the mean.

    Arguments: `weights`, a node or an array of the shape of `x`, or of the axes averaged over,
    in the order `axis` has them. Integers and booleans give float64 at least. Where the weights
    sum to 0 the result is NaN or inf.

    Raises `ShapeError` for weights of another shape and for an axis that `x` does not have.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 2])
    >>> y = sd.average(x, axis=1, weights=[3.0, 1.0])
    >>> sd.evaluate(y, {x: [[0.0, 4.0], [1.0, 1.0]]})
    array([1., 1.])
    """
    total, scale = _weighted(x, axis, weights, keepdims)
    return mean(x, axis=axis, keepdims=keepdims) if scale is None else total / scale


def _weighted(x: Any, axis: Axes, weights: Any, keepdims: bool) -> tuple[Any, Any]:
    """The weighted sum and the sum of the weights; None for both without weights."""
    if weights is None:
        graph_of("average", (x,))
        return None, None
    x, weights = as_nodes("average", (x, weights))
    with listing("average", {"x": x, "weights": weights}):
        axes, keepdims = normalize_axes(axis, x.ndim, "average"), as_keepdims(keepdims)
        if weights.shape != x.shape:
            weights = _laid_along(weights, x, axis, axes)
        dtype = promote(x.dtype, weights.dtype, *[np.dtype(float)] * (x.dtype.kind in "biu"))
        x, weights = x.astype(dtype), weights.astype(dtype)
        total = sum_(x * weights, axis=axes, keepdims=keepdims)
        return total, sum_(weights, axis=axes, keepdims=keepdims)


def _laid_along(weights: Node, x: Node, axis: Axes, axes: tuple[int, ...]) -> Node:
    """Weights of the shape of the axes averaged over, with ones for the others."""
    given = axis if isinstance(axis, tuple | list) else axes
    places = [a % x.ndim for a in given]
    if axis is None or weights.shape != tuple(x.shape[a] for a in places):
        raise ShapeError("weights must have the shape of x, or that of the axes averaged over")
    order = sorted(range(len(places)), key=places.__getitem__)
    ones = tuple(dim if k in axes else 1 for k, dim in enumerate(x.shape))
    return reshape(permute_dims(weights, axes=order), shape=ones)


@public
def ptp(x: Node, /, *, axis: Axes = None, keepdims: bool = False) -> Node:
    """The largest entry over `axis` less the smallest: ``max(x) - min(x)``, with their rules."""
    return max_(x, axis=axis, keepdims=keepdims) - min_(x, axis=axis, keepdims=keepdims)


# -- NumPy's names -------------------------------------------------------------------------


def _np_spread(name: str, root: bool) -> Any:
    def answer(
        a: Node,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        ddof: Any = 0,
        keepdims: Any = False,
        *,
        where: Any = True,
        mean: Any = np._NoValue,
        correction: Any = np._NoValue,
    ) -> Node:
        if mean is not np._NoValue:
            raise ArgumentError(f"np.{name}: mean= is not available on nodes")
        ddof = ddof if correction is np._NoValue else correction
        keepdims = keepdims is not np._NoValue and keepdims
        a, taken = in_dtype(f"np.{name}", a, dtype), as_condition(f"np.{name}", a, where)
        if taken is None:
            return _spread(a, axis, ddof, keepdims, root, name)
        return spread_where(a, taken, axis, ddof, keepdims, root, name, 0)

    return answer


numpy_function(np.var)(_np_spread("var", False))
numpy_function(np.std)(_np_spread("std", True))


@numpy_function(np.average)
def _np_average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    keepdims = keepdims is not np._NoValue and keepdims
    if weights is None:
        result = mean(a, axis=axis, keepdims=keepdims)
        scale = element_count(a.shape[k] for k in normalize_axes(axis, a.ndim, "np.average"))
        return (result, zeros_like(result) + scale) if returned else result
    total, scale = _weighted(a, axis, weights, keepdims)
    if returned:
        return total / scale, broadcast_to(scale, shape=total.shape)
    return total / scale


numpy_reduction(ptp, np.ptp)
numpy_reduction(logsumexp, (np.logaddexp, "reduce"), axis=0, join=logaddexp, neutral=-math.inf)

REGISTRY.enroll(__name__)
