"""Entries taken by number, by mask, by choice; where the nonzero ones are.

How many entries are not zero depends on the data, which shapes cannot: `nonzero` is told how
many, and the call checks. Names and defaults are the array API standard's (2024.12) and NumPy's.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.creation import graph_for
from symdiff.ops.declare import numpy_function, op, public
from symdiff.ops.elementwise import cast, floor_divide, less, remainder, where
from symdiff.ops.index import getitem
from symdiff.ops.joining import stack
from symdiff.ops.ranges import arange
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.sizes import Size, as_dim
from symdiff.types import TensorType, Type, broadcast_shapes, element_count, normalize_axis

__all__ = ["nonzero", "take"]

Array = np.ndarray[Any, Any]

# -- take ----------------------------------------------------------------------------------


@public
def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Node:
    """The entries of `x` at `indices` along `axis`: ``x[:, indices]`` for axis 1.

    Arguments: `indices`, integers of any shape (a node, an array, a list, an int), negative ones
    counted from the end; `axis`, or None for the entries in row-major order. The result has the
    axes of `indices` in place of `axis`. The gradient is added up where indices repeat.

    Raises `ShapeError` for a bad axis and static indices out of bounds, `DTypeError` for indices
    that are no integers; indices known only at the call are checked there.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, i = g.input("x", sd.f64["n", 3]), g.input("i", sd.i64[5, 2])
    >>> sd.take(x, i, axis=0).type
    f64[5,2,3]
    """
    graph = graph_for("take", None, x, indices)
    x = graph.constant(x)
    with listing("take", {"x": x, "indices": indices}):
        place = None if axis is None else normalize_axis(axis, x.ndim, "take")
        if not isinstance(indices, Node | list | tuple | int | np.integer | Size):
            indices = np.asarray(indices)
        if isinstance(indices, bool) or getattr(indices, "dtype", np.dtype(int)).kind == "b":
            raise DTypeError("indices are integers; x[mask] takes the entries under a mask")
    if place is None:
        x, place = reshape(x, shape=(-1,)), 0
    return getitem(x, (*[slice(None)] * place, indices))


# -- nonzero -------------------------------------------------------------------------------


def _nonzero_params(x: Type, size: Any, fill_value: Any) -> dict[str, Any]:
    dim = as_dim(size)
    if isinstance(dim, int) and dim < 0:
        raise ShapeError(f"the size is negative: {dim}")
    if not tensor(x).rank:
        raise ShapeError("a scalar has no axes along which to say where it is not zero")
    return {"size": dim, "fill_value": None if fill_value is None else operator.index(fill_value)}


def _nonzero_kernel(x: Array, size: int, fill_value: int | None) -> Array:
    lines = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]) != 0
    counts = np.count_nonzero(lines, axis=1)
    bad = counts[(counts > size) | ((counts < size) & (fill_value is None))]
    if bad.size:
        advice = "" if bad[0] > size else "; fill_value=... would fill the rest"
        raise ValueError(f"{bad[0]} entries are not zero, where size={size}{advice}")
    result = np.full((len(lines), size), 0 if fill_value is None else fill_value, np.int64)
    row, place = np.nonzero(lines)
    result[row, np.arange(len(row)) - (np.cumsum(counts) - counts)[row]] = place
    return result.reshape(*x.shape[:-1], size)


_nonzero: Op = op(
    "nonzero",
    "x",
    doc="""Where the entries of `x` along its last axis are not zero: `size` places, in order.

    Another number of them is an error at the call, but that fewer are filled up with `fill_value`
    where there is one. Made by `sd.nonzero`. Integers: no derivative passes.
    """,
    parameters={"size": REQUIRED, "fill_value": None},
    normalize=_nonzero_params,
    infer=lambda x, size, fill_value: TensorType(
        np.dtype(np.int64), (*tensor(x).shape[:-1], size)
    ),
    kernel=_nonzero_kernel,
    vjp=(None,),
    jvp=(None,),
    batch=lambda y, inputs, mapped: _nonzero(inputs[0], **y.params),
)


@public
def nonzero(
    x: Node, /, *, size: Any = None, fill_value: int | Sequence[int] | None = None
) -> tuple[Node, ...]:
    """Where the entries of `x` are not zero: for each axis an array of `size` indices.

    Arguments: `size`, an int or a size, how many there are, for the values of a node are not
    known before the call; it may be left out for a constant. `fill_value`, an int or one for
    each axis, which fills up the indices where there are fewer.

    ``x[sd.nonzero(mask, size=k)]`` are the `k` entries under a mask. At the call, more entries
    than `size`, and fewer without a `fill_value`, are an error: nothing is left out silently.

    Raises `ArgumentError` without `size`, `ShapeError` for a scalar.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, 2])
    >>> found = sd.nonzero(x > 0.5, size=3, fill_value=-1)
    >>> sd.evaluate(found, {x: [[0.0, 1.0], [2.0, 0.0]]})
    (array([ 0,  1, -1]), array([ 1,  0, -1]))
    """
    with listing("nonzero", {"x": x}):
        if not isinstance(x, Node):
            raise ArgumentError("x is no node; np.nonzero is for arrays")
        if not x.ndim:
            raise ShapeError("a scalar has no axes along which to say where it is not zero")
        if size is None and x.op.name == "constant":
            size = int(np.count_nonzero(x.params["value"].array))
        if size is None:
            raise ArgumentError(
                "how many entries are not zero depends on the values; say how many with size=... "
                "(and fill_value=... where there may be fewer), or choose with sd.where"
            )
        fills = _fills(fill_value, x.ndim)
    if x.ndim == 1:
        return (_nonzero(x, size=size, fill_value=fills[0]),)
    flat = reshape(x, shape=(element_count(x.shape),))
    places = _nonzero(flat, size=size, fill_value=None if fill_value is None else -1)
    rest, found = places, []
    for dim in reversed(x.shape):
        found.append(remainder(rest, dim))
        rest = floor_divide(rest, dim)
    found.reverse()
    if fill_value is None:
        return tuple(found)
    empty = less(places, 0)
    return tuple([where(empty, fill, i) for fill, i in zip(fills, found, strict=True)])


def _fills(fill_value: Any, rank: int) -> list[int | None]:
    if fill_value is None:
        return [None] * rank
    given = list(fill_value) if isinstance(fill_value, tuple | list) else [fill_value] * rank
    try:
        if len(given) != rank:
            raise TypeError
        return [operator.index(value) for value in given]
    except TypeError:
        raise ArgumentError(
            f"fill_value is an int, or one for each of the {rank} axes, not {fill_value!r}"
        ) from None


# -- NumPy's names -------------------------------------------------------------------------


def _refuse_mode(name: str, mode: str) -> None:
    if mode != "raise":
        raise ArgumentError(
            f"{name}: mode={mode!r} is not available on nodes, where indices out of bounds are "
            "errors; make them fit with % or sd.clip"
        )


@numpy_function(np.take)
def _np_take(
    a: Any, indices: Any, axis: Any = None, out: None = None, mode: str = "raise"
) -> Node:
    _refuse_mode("np.take", mode)
    return take(a, indices, axis=axis)


def _static_places(name: str, condition: Any, x: Node) -> Array:
    """Where a condition that is known now holds."""
    with listing(name, {"condition": condition, "x": x}):
        if isinstance(condition, Node) and condition.op.name == "constant":
            condition = condition.params["value"].array
        if isinstance(condition, Node):
            raise ArgumentError(
                "how many entries a node takes as the condition depends on its values; use "
                "sd.nonzero(condition, size=...)"
            )
    return np.flatnonzero(np.asarray(condition))


@numpy_function(np.compress)
def _np_compress(condition: Any, a: Node, axis: Any = None, out: None = None) -> Node:
    return take(a, _static_places("np.compress", condition, a), axis=axis)


@numpy_function(np.extract)
def _np_extract(condition: Any, arr: Node) -> Node:
    return take(arr, _static_places("np.extract", condition, arr))


@numpy_function(np.choose)
def _np_choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Node:
    """Of several arrays the one that `a` says, entry by entry."""
    _refuse_mode("np.choose", mode)
    listed = list(choices)
    graph = graph_for("np.choose", None, a, *listed)
    nodes = [graph.constant(x) for x in listed]
    a = graph.constant(a)
    shape = broadcast_shapes([x.shape for x in (a, *nodes)])
    if shape is None:
        raise ShapeError("np.choose: the array and the choices do not broadcast together")
    rows = stack([reshape(broadcast_to(x, shape=shape), shape=(-1,)) for x in nodes])
    number = reshape(broadcast_to(a, shape=shape), shape=(-1,))
    column = arange(number.shape[0], like=graph)
    return reshape(getitem(rows, (number, column)), shape=shape)


@numpy_function(np.select)
def _np_select(condlist: Any, choicelist: Any, default: Any = 0) -> Node:
    """The choice of the first condition that holds, entry by entry."""
    conditions, choices = list(condlist), list(choicelist)
    if len(conditions) != len(choices) or not choices:
        raise ArgumentError(
            f"np.select: {len(conditions)} conditions need as many choices, not {len(choices)}"
        )
    graph = graph_for("np.select", None, default, *conditions, *choices)
    result = default
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = graph.apply(where, (condition, choice, result), {})
    return result  # type: ignore[no-any-return]


@numpy_function(np.piecewise)
def _np_piecewise(x: Node, condlist: Any, funclist: Any, *args: Any, **named: Any) -> Node:
    """Numbers, or functions of `x`, where conditions hold; of several, the last one counts."""
    given = condlist if isinstance(condlist, list | tuple) else [condlist]
    values = [f(x, *args, **named) if callable(f) else f for f in funclist]
    if len(values) not in (len(given), len(given) + 1):
        raise ArgumentError(
            f"np.piecewise: {len(given)} conditions need as many functions, or one more for the "
            f"rest, not {len(values)}"
        )
    result = values.pop() if len(values) > len(given) else 0
    for condition, value in zip(given, values, strict=True):
        result = x.graph.apply(where, (condition, value, result), {})
    return broadcast_to(cast(result, dtype=x.dtype), shape=x.shape)


@numpy_function(np.ix_)
def _np_ix(*args: Any) -> tuple[Any, ...]:
    found = []
    for k, x in enumerate(args):
        x = x if isinstance(x, Node) else np.asarray(x)
        if x.ndim != 1:
            raise ShapeError("np.ix_: the sequences of indices must have one axis")
        if x.dtype.kind == "b":
            (x,) = nonzero(x) if isinstance(x, Node) else np.nonzero(x)
        found.append(x.reshape(*[1] * k, -1, *[1] * (len(args) - k - 1)))
    return tuple(found)


@numpy_function(np.nonzero)
def _np_nonzero(a: Node) -> tuple[Node, ...]:
    return nonzero(a)


@numpy_function(np.flatnonzero)
def _np_flatnonzero(a: Node) -> Node:
    (places,) = nonzero(reshape(a, shape=(-1,)))
    return places


@numpy_function(np.argwhere)
def _np_argwhere(a: Node) -> Node:
    return stack(nonzero(a), axis=1)


def _in_place(name: str, way_out: str) -> Any:
    def refuse(*args: Any, **named: Any) -> NoReturn:
        raise ArgumentError(f"{name} changes an array, and a node never changes; use {way_out}")

    return refuse


for _function, _name, _instead in (
    (np.put, "np.put", "x.ravel().at[indices].set(values).reshape(x.shape)"),
    (np.place, "np.place", "x.at[mask].set(values), or sd.where"),
    (np.putmask, "np.putmask", "x.at[mask].set(values), or sd.where"),
    (np.copyto, "np.copyto", "the source itself, or sd.where"),
    *(
        ((u, "at"), f"np.{u.__name__}.at", f"x.at[indices].{m}(values)")
        for u, m in (
            (np.add, "add"),
            (np.subtract, "subtract"),
            (np.multiply, "multiply"),
            (np.divide, "divide"),
            (np.maximum, "max"),
            (np.minimum, "min"),
        )
    ),
):
    numpy_function(_function)(_in_place(_name, _instead))

REGISTRY.enroll(__name__)
