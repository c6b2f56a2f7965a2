"""Reductions over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.declare import linear, numpy_function
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.types import Shape, TensorType, Type, as_dtype, normalize_axes

__all__ = ["kept_shape", "sum"]


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """What a reduction over `axes` leaves of a shape."""
    if keepdims:
        return kept_shape(shape, axes)
    return tuple(dim for k, dim in enumerate(shape) if k not in axes)


def kept_shape(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape with a 1 for each of `axes`."""
    return tuple(1 if k in axes else dim for k, dim in enumerate(shape))


def _sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """NumPy's accumulator: narrow integers and booleans are summed in 64 bits."""
    if dtype.kind in "bi" and dtype.itemsize < 8:
        return np.dtype(np.int64)
    if dtype.kind == "u" and dtype.itemsize < 8:
        return np.dtype(np.uint64)
    return dtype


def _sum_params(x: Type, axis: Any, dtype: Any, keepdims: Any) -> dict[str, Any]:
    source = tensor(x)
    if not isinstance(keepdims, bool | np.bool_):
        raise ArgumentError(f"keepdims must be a bool, not {keepdims!r}")
    result = _sum_dtype(source.dtype) if dtype is None else as_dtype(dtype)
    return {
        "axis": normalize_axes(axis, source.rank, "sum"),
        "dtype": None if result == source.dtype else result,
        "keepdims": bool(keepdims),
    }


def _sum_type(x: Type, axis: tuple[int, ...], dtype: Any, keepdims: bool) -> TensorType:
    source = tensor(x)
    return TensorType(dtype or source.dtype, reduced_shape(source.shape, axis, keepdims))


def spread(g: Node, x: Node, axes: tuple[int, ...]) -> Node:
    """A reduction's gradient over the whole of what was reduced: the transpose of a sum."""
    if len(axes) < x.ndim:
        g = reshape(g, shape=kept_shape(x.shape, axes))
    elif g.ndim:
        g = reshape(g, shape=())
    return broadcast_to(g.astype(x.dtype), shape=x.shape)


def _batch_reduction(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    axes = tuple(a + 1 for a in y.params["axis"])
    return y.graph.intern(y.op, inputs, {**y.params, "axis": axes})


sum: Op = linear(
    "sum",
    "x",
    doc="""Sum over `axis` (an int, a tuple, or None for all axes).

    The sum over no entries is 0. Booleans and narrow integers are summed in 64 bits, as in
    NumPy; `dtype` overrides.
    """,
    parameters={"axis": None, "dtype": None, "keepdims": False},
    normalize=_sum_params,
    identity=lambda x, axis, dtype, keepdims: not axis and dtype is None,
    infer=_sum_type,
    kernel=lambda x, axis, dtype, keepdims: np.add.reduce(
        x, axis=axis, dtype=dtype, keepdims=keepdims
    ),
    transpose=lambda g, y, x: spread(g, x, y.params["axis"]),
    batch=_batch_reduction,
    moves=True,
)


@numpy_function(np.sum)
def _np_sum(
    a: Node, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, **more: Any
) -> Node:
    if any(value is not np._NoValue for value in more.values()):
        raise ArgumentError(f"np.sum: {', '.join(more)} not available on nodes")
    return sum(a, axis=axis, dtype=dtype, keepdims=keepdims is True)


@numpy_function((np.add, "reduce"))
def _add_reduce(a: Node, axis: Any = 0, dtype: Any = None, keepdims: bool = False) -> Node:
    return sum(a, axis=axis, dtype=dtype, keepdims=keepdims)
