"""Sums over axes, and what every reduction shares: its parameters, shape, gradient and batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import linear, numpy_function
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.types import Shape, TensorType, Type, as_dtype, normalize_axes

__all__ = [
    "accumulating_params",
    "accumulating_type",
    "as_in_sum",
    "batch_reduction",
    "kept_shape",
    "like_operand",
    "numpy_reduction",
    "reduced_shape",
    "reduction_params",
    "sum",
]

# -- shapes and parameters -----------------------------------------------------------------


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """What a reduction over `axes` leaves of a shape."""
    if keepdims:
        return kept_shape(shape, axes)
    return tuple(dim for k, dim in enumerate(shape) if k not in axes)


def kept_shape(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape with a 1 for each of `axes`."""
    return tuple(1 if k in axes else dim for k, dim in enumerate(shape))


def reduction_params(name: str) -> Callable[..., dict[str, Any]]:
    """How the reduction `name` makes its `axis` and `keepdims` canonical."""

    def normalize(x: Type, axis: Any, keepdims: Any) -> dict[str, Any]:
        return {
            "axis": normalize_axes(axis, tensor(x).rank, name),
            "keepdims": as_keepdims(keepdims),
        }

    return normalize


def accumulating_params(name: str) -> Callable[..., dict[str, Any]]:
    """The same for a reduction that accumulates in a `dtype`."""

    def normalize(x: Type, axis: Any, dtype: Any, keepdims: Any) -> dict[str, Any]:
        source = tensor(x)
        default = _accumulator(source.dtype)
        result = default if dtype is None else as_dtype(dtype)
        return {
            "axis": normalize_axes(axis, source.rank, name),
            "dtype": None if result == source.dtype == default else result,
            "keepdims": as_keepdims(keepdims),
        }

    return normalize


def as_keepdims(value: Any) -> bool:
    """`keepdims` as a bool; `ArgumentError` for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentError(f"keepdims must be a bool, not {value!r}")
    return bool(value)


def _accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """NumPy's: narrow integers and booleans are added and multiplied in 64 bits."""
    if dtype.kind in "bi" and dtype.itemsize < 8:
        return np.dtype(np.int64)
    if dtype.kind == "u" and dtype.itemsize < 8:
        return np.dtype(np.uint64)
    return dtype


def accumulating_type(x: Type, axis: tuple[int, ...], dtype: Any, keepdims: bool) -> TensorType:
    """The type of a reduction that accumulates in a `dtype`."""
    source = tensor(x)
    return TensorType(dtype or source.dtype, reduced_shape(source.shape, axis, keepdims))


def batch_reduction(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    """The batch rule of an op of one operand that acts along its `axis`, a tuple."""
    axes = tuple(a + 1 for a in y.params["axis"])
    return y.graph.intern(y.op, inputs, {**y.params, "axis": axes})


# -- sum -----------------------------------------------------------------------------------


def like_operand(g: Node, x: Node) -> Node:
    """A gradient in its operand's dtype; a mask's condition, moved along, stays boolean."""
    return g if g.dtype.kind == "b" else g.astype(x.dtype)


def _spread(g: Node, y: Node, x: Node) -> Node:
    """The transpose of a sum: its gradient over the whole of what was summed."""
    axes = y.params["axis"]
    if len(axes) < x.ndim:
        g = reshape(g, shape=kept_shape(x.shape, axes))
    elif g.ndim:
        g = reshape(g, shape=())
    return broadcast_to(like_operand(g, x), shape=x.shape)


sum: Op = linear(
    "sum",
    "x",
    doc="""Sum over `axis` (an int, a tuple, or None for all axes).

    The sum over no entries is 0. Booleans and narrow integers are summed in 64 bits, as in
    NumPy; `dtype` overrides.
    """,
    parameters={"axis": None, "dtype": None, "keepdims": False},
    normalize=accumulating_params("sum"),
    identity=lambda x, axis, dtype, keepdims: not axis and dtype is None,
    infer=accumulating_type,
    kernel=lambda x, axis, dtype, keepdims: np.add.reduce(
        x, axis=axis, dtype=dtype, keepdims=keepdims
    ),
    transpose=_spread,
    batch=batch_reduction,
    moves=True,
)


def as_in_sum(g: Node, y: Node) -> Node:
    """What the gradient `g` of a reduction `y` would be spread to if `y` were a sum.

    The rules of the other reductions start from it. A mask is moved along with what it masks.
    """
    spread = sum.vjp(y, 0, g)
    assert spread is not None
    return spread


# -- NumPy's names -------------------------------------------------------------------------


def numpy_reduction(
    function: Callable[..., Node], *names: Any, dtype: bool = False, axis: Any = None
) -> None:
    """Answer these NumPy functions, called on nodes, with a reduction.

    Arguments: `dtype`, whether they take one, before `out`; `axis`, their default.
    """
    order = ("dtype", "out", "keepdims") if dtype else ("out", "keepdims")
    known = {"dtype", "keepdims"} if dtype else {"keepdims"}

    def answer(a: Node, axis: Any = axis, *positional: Any, **named: Any) -> Node:
        given = {**dict(zip(order, positional, strict=False)), **named}
        params = {k: v for k, v in given.items() if v is not None and v is not np._NoValue}
        if unknown := params.keys() - known:
            raise ArgumentError(
                f"np.{function.__name__}: {', '.join(sorted(unknown))} not available on nodes"
            )
        return function(a, axis=axis, **params)

    numpy_function(*names)(answer)


numpy_reduction(sum, np.sum, dtype=True)
numpy_reduction(sum, (np.add, "reduce"), dtype=True, axis=0)

REGISTRY.enroll(__name__)
