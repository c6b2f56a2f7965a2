"""Reductions of the entries that are not NaN, under NumPy's names.

A NaN takes no part: what it stands for changes nothing, and its derivative is 0 at every order.
Integers and booleans have none, so for them these are the reductions themselves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.elementwise import add, logical_and, logical_not, multiply, where
from symdiff.ops.extrema import maximum, minimum
from symdiff.ops.functions import isnan
from symdiff.ops.reduce import as_condition, numpy_reduction
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.reductions import argmax, argmin, extreme, in_dtype, mean, mean_where, prod
from symdiff.ops.summaries import spread_where, std, var

__all__ = ["nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]

Axes = int | tuple[int, ...] | None

_PASSED_OVER = "is passed over; where there is nothing else it is the result, and"
nanmax: Op = extreme("nanmax", np.fmax, "largest", nan=_PASSED_OVER)
nanmin: Op = extreme("nanmin", np.fmin, "smallest", nan=_PASSED_OVER)


def _has_nan(x: Node) -> bool:
    """Whether the dtype of `x` has NaN at all."""
    return x.dtype.kind in "fc"


def _or(x: Node, value: float) -> Node:
    """`x` with a value for NaN."""
    return where(isnan(x), value, x) if _has_nan(x) else x


@public
def nansum(x: Node, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Node:
    """`sum` of the entries that are not NaN: 0 where there is none.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> y = sd.nansum(x)
    >>> sd.evaluate([y, sd.grad(y, x)], {x: [1.0, float("nan"), 4.0]})
    [array(5.), array([1., 0., 1.])]
    """
    return sum_(_or(x, 0), axis=axis, dtype=dtype, keepdims=keepdims)


@public
def nanprod(x: Node, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Node:
    """`prod` of the entries that are not NaN: 1 where there is none."""
    return prod(_or(x, 1), axis=axis, dtype=dtype, keepdims=keepdims)


@public
def nanmean(x: Node, /, *, axis: Axes = None, keepdims: bool = False) -> Node:
    """`mean` of the entries that are not NaN: NaN where there is none.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> y = sd.nanmean(x)
    >>> sd.evaluate([y, sd.grad(y, x)], {x: [1.0, float("nan"), 4.0]})
    [array(2.5), array([0.5, 0. , 0.5])]
    """
    if not _has_nan(x):
        return mean(x, axis=axis, keepdims=keepdims)
    return mean_where(x, logical_not(isnan(x)), axis, keepdims)


def _nan_spread(
    x: Node, axis: Axes, correction: Any, keepdims: Any, root: bool, where: Any = True
) -> Node:
    name = "nanstd" if root else "nanvar"
    there = as_condition(f"np.{name}", x, where)
    if not _has_nan(x) and there is None:
        return (std if root else var)(x, axis=axis, correction=correction, keepdims=keepdims)
    taken = logical_not(isnan(x)) if there is None else logical_and(there, logical_not(isnan(x)))
    return spread_where(x, taken, axis, correction, keepdims, root, name, math.nan)


@public
def nanvar(
    x: Node, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Node:
    """`var` of the entries that are not NaN: NaN where they are not more than `correction`."""
    return _nan_spread(x, axis, correction, keepdims, False)


@public
def nanstd(
    x: Node, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Node:
    """`std` of the entries that are not NaN: NaN where they are not more than `correction`.

    Where it is 0 all its derivatives are 0.
    """
    return _nan_spread(x, axis, correction, keepdims, True)


# -- NumPy's names -------------------------------------------------------------------------

numpy_reduction(nansum, np.nansum, dtype=True, neutral=0, join=add)
numpy_reduction(nanprod, np.nanprod, dtype=True, neutral=1, join=multiply)
numpy_reduction(nanmax, np.nanmax, join=maximum)
numpy_reduction(nanmin, np.nanmin, join=minimum)
numpy_reduction(nanmax, (np.fmax, "reduce"), dtype=True, axis=0, join=maximum)
numpy_reduction(nanmin, (np.fmin, "reduce"), dtype=True, axis=0, join=minimum)


@numpy_function(np.nanmean)
def _np_nanmean(
    a: Node,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Node:
    a, there = in_dtype("np.nanmean", a, dtype), as_condition("np.nanmean", a, where)
    keepdims = keepdims is not np._NoValue and keepdims
    if there is None:
        return nanmean(a, axis=axis, keepdims=keepdims)
    return mean_where(a, logical_and(there, logical_not(isnan(a))), axis, keepdims)


def _np_nan_spread(name: str, root: bool) -> Any:
    def answer(
        a: Node,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        ddof: Any = 0,
        keepdims: Any = False,
        *,
        where: Any = True,
        correction: Any = np._NoValue,
    ) -> Node:
        ddof = ddof if correction is np._NoValue else correction
        keepdims = keepdims is not np._NoValue and keepdims
        return _nan_spread(in_dtype(f"np.{name}", a, dtype), axis, ddof, keepdims, root, where)

    return answer


numpy_function(np.nanvar)(_np_nan_spread("nanvar", False))
numpy_function(np.nanstd)(_np_nan_spread("nanstd", True))
numpy_reduction(lambda a, **params: argmax(_or(a, -math.inf), **params), np.nanargmax)
numpy_reduction(lambda a, **params: argmin(_or(a, math.inf), **params), np.nanargmin)

REGISTRY.enroll(__name__)
