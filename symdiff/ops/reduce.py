"""Sums over axes, and what every reduction shares: its parameters, shape, gradient and batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import linear, mask_of, numpy_function
from symdiff.ops.elementwise import add, where
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.types import Shape, TensorType, Type, as_dtype, normalize_axes

__all__ = [
    "accumulating_params",
    "accumulating_type",
    "accumulator",
    "as_condition",
    "as_in_sum",
    "batch_alike",
    "batch_reduction",
    "kept_shape",
    "like_operand",
    "masked_mixture",
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
        default = accumulator(source.dtype)
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


def accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
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


def batch_alike(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    """The batch rule of an op along its `axis`, an int or a tuple, on operands of one shape."""
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    whole = tuple(
        x if m else broadcast_to(x, shape=(size, *x.shape))
        for x, m in zip(inputs, mapped, strict=True)
    )
    axis = y.params["axis"]
    moved = axis + 1 if isinstance(axis, int) else tuple(a + 1 for a in axis)
    return y.graph.intern(y.op, whole, {**y.params, "axis": moved})


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


def masked_mixture(g: Node, total: Node, axis: tuple[int, ...]) -> Node:
    """`total`, whose entries mix those of a gradient `g` along `axis`, with the mask of `g`.

    What is mixed of masked entries alone is masked: a branch not taken stays so.
    """
    mask = mask_of(g)
    if mask is None:
        return total
    taken = broadcast_to(mask.taken, shape=g.shape).any(axis=axis, keepdims=True)
    return g.op(taken, total, 0.0)


# -- NumPy's names -------------------------------------------------------------------------


def numpy_reduction(
    function: Callable[..., Node],
    *names: Any,
    dtype: bool = False,
    axis: Any = None,
    neutral: Any = None,
    join: Callable[..., Node] | None = None,
) -> None:
    """Answer these NumPy functions, called on nodes, with a reduction.

    Arguments: `dtype`, whether they take one, before `out`; `axis`, their default; `neutral`,
    what entries count as that ``where=`` leaves out (by default ``initial=``, which must be
    given then); `join`, how the result takes in ``initial=``.
    """
    order = ("dtype", "out", "keepdims", "initial", "where")[0 if dtype else 1 :]
    known = (
        {"dtype", "keepdims", "where", "initial"} if dtype else {"keepdims", "where", "initial"}
    )
    if join is None:
        known -= {"initial"} if neutral is not None else {"initial", "where"}

    def answer(a: Node, axis: Any = axis, *positional: Any, **named: Any) -> Node:
        name = f"np.{function.__name__}"
        given = {**dict(zip(order, positional, strict=False)), **named}
        params = {k: v for k, v in given.items() if v is not None and v is not np._NoValue}
        if unknown := params.keys() - known:
            raise ArgumentError(f"{name}: {', '.join(sorted(unknown))} not available on nodes")
        taken, initial = params.pop("where", True), params.pop("initial", None)
        if taken is not True:
            a = _only(name, a, taken, initial if neutral is None else neutral)
        if initial is None:
            return function(a, axis=axis, **params)
        assert join is not None
        axes, keepdims = normalize_axes(axis, a.ndim, name), params.get("keepdims", False)
        if neutral is None and any(a.shape[k] == 0 for k in axes):
            start = a.graph.constant(initial, a.dtype)
            return broadcast_to(start, shape=reduced_shape(a.shape, axes, keepdims))
        result = function(a, axis=axis, **params)
        start = initial if isinstance(initial, Node) else a.graph.constant(initial, result.dtype)
        return join(result, start)

    numpy_function(*names)(answer)


def as_condition(name: str, a: Node, condition: Any) -> Node | None:
    """NumPy's ``where=`` as a node of the shape of `a`; None where it takes everything."""
    if condition is True or condition is None or condition is np._NoValue:
        return None
    taken = condition if isinstance(condition, Node) else a.graph.constant(condition)
    with listing(name, {"a": a, "where": taken}):
        if taken.dtype != np.bool_:
            raise DTypeError("where= must be boolean")
        return broadcast_to(taken, shape=a.shape)


def _only(name: str, a: Node, condition: Any, otherwise: Any) -> Node:
    """The entries that ``where=`` takes; the others count as what changes nothing."""
    if otherwise is None:
        raise ArgumentError(f"{name}: where= needs initial=, for where it takes no entry")
    return where(as_condition(name, a, condition), a, otherwise)


numpy_reduction(sum, np.sum, dtype=True, neutral=0, join=add)
numpy_reduction(sum, (np.add, "reduce"), dtype=True, axis=0, neutral=0, join=add)

REGISTRY.enroll(__name__)
