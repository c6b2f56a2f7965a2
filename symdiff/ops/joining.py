"""Arrays joined, and axes of length 1 put in and taken out.

All of it only moves entries. The transpose of joining takes each part back out (a matrix of
stacked identities, transposed); axes of length 1 come and go by `reshape`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import linear, numpy_function, public
from symdiff.ops.index import index
from symdiff.ops.reduce import like_operand
from symdiff.ops.shape import broadcast_to, permute_dims, reshape, tensor
from symdiff.sizes import Dim, definitely_different
from symdiff.types import (
    Shape,
    TensorType,
    Type,
    normalize_axes,
    normalize_axis,
    promote,
    shape_text,
)

__all__ = ["concat", "expand_dims", "moveaxis", "squeeze", "stack", "swapaxes"]

Axes = int | tuple[int, ...]

# -- axes of length 1, and axes moved ------------------------------------------------------


@public
def expand_dims(x: Node, /, axis: Axes) -> Node:
    """`x` with new axes of length 1, which stand at `axis` (an int or a tuple) in the result.

    Raises `ShapeError` for a place beyond the result's axes or named twice.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 3])
    >>> sd.expand_dims(x, axis=(0, -1)).type
    f64[1,n,3,1]
    """
    count = len(axis) if isinstance(axis, tuple | list) else 1
    new = _axes("expand_dims", x, axis, x.ndim + count)
    old = iter(x.shape)
    return reshape(x, shape=tuple(1 if k in new else next(old) for k in range(x.ndim + count)))


@public
def squeeze(x: Node, /, axis: Axes) -> Node:
    """`x` without the axes of length 1 at `axis` (an int or a tuple).

    Raises `ShapeError` for an axis that has another length, or a named size: a named size is
    never silently 1, so state what you know with `sd.refine`.

    >>> import symdiff as sd
    >>> sd.squeeze(sd.Graph().input("x", sd.f64[1, "n", 1]), (0, -1)).type
    f64[n]
    """
    gone = _axes("squeeze", x, axis, x.ndim)
    with listing("squeeze", {"x": x}):
        for k in gone:
            if x.shape[k] != 1:
                known = definitely_different(x.shape[k], 1)
                advice = "" if known else "; if it is 1, say so with sd.refine"
                raise ShapeError(f"axis {k} has the size {x.shape[k]}, not 1{advice}")
    return reshape(x, shape=tuple(dim for k, dim in enumerate(x.shape) if k not in gone))


@public
def moveaxis(x: Node, source: Axes, destination: Axes, /) -> Node:
    """`x` with the axes `source` moved to the places `destination`; the others keep their order.

    Raises `ShapeError` for axes out of bounds, named twice, or of different number.
    """
    given = [tuple(a) if isinstance(a, tuple | list) else (a,) for a in (source, destination)]
    with listing("moveaxis", {"x": x}):
        for axes in given:
            normalize_axes(axes, x.ndim, "moveaxis")  # refuses one named twice
        taken, places = [[normalize_axis(a, x.ndim, "moveaxis") for a in axes] for axes in given]
        if len(taken) != len(places):
            raise ShapeError(f"{len(taken)} axes cannot go to {len(places)} places")
    rest = iter(k for k in range(x.ndim) if k not in taken)
    goes_to = dict(zip(places, taken, strict=True))
    return permute_dims(
        x, axes=[goes_to[k] if k in goes_to else next(rest) for k in range(x.ndim)]
    )


@public
def swapaxes(x: Node, axis1: int, axis2: int, /) -> Node:
    """`x` with two axes exchanged. Raises `ShapeError` for axes out of bounds."""
    ((one,), (two,)) = (_axes("swapaxes", x, a, x.ndim) for a in (axis1, axis2))
    order = list(range(x.ndim))
    order[one], order[two] = two, one
    return permute_dims(x, axes=order)


def _axes(name: str, x: Node, axis: Any, rank: int) -> tuple[int, ...]:
    """`normalize_axes`, with the operand listed under the error."""
    with listing(name, {"x": x}):
        return normalize_axes(axis if isinstance(axis, tuple | list) else (axis,), rank, name)


# -- joining -------------------------------------------------------------------------------


def _join_params(name: str, new_axes: int) -> Callable[..., dict[str, Any]]:
    def normalize(*types: Type, axis: Any) -> dict[str, Any]:
        if not types:
            raise ArgumentError("there is nothing to join")
        rank = tensor(types[0]).rank
        if not rank + new_axes:
            raise ShapeError("arrays of no axes cannot be joined along one; use sd.stack")
        return {"axis": normalize_axis(axis, rank + new_axes, name)}

    return normalize


def _refuse_odd_one(shapes: Sequence[Shape], free: int | None) -> None:
    """Raise unless the shapes agree in all axes but `free`, naming the first that does not."""
    first = shapes[0]
    for k, shape in enumerate(shapes):
        if len(shape) != len(first):
            raise ShapeError(
                f"arrays[{k}] has {len(shape)} axes {shape_text(shape)}, arrays[0] has "
                f"{len(first)} {shape_text(first)}"
            )
        for axis, (dim, expected) in enumerate(zip(shape, first, strict=True)):
            if axis != free and dim != expected:
                known = definitely_different(dim, expected)
                verb, advice = (
                    ("must be", "") if known else ("is not known to be", "; see sd.refine")
                )
                raise ShapeError(
                    f"the size {dim} of arrays[{k}] along axis {axis} {verb} {expected}, as in "
                    f"arrays[0]{advice}"
                )


def _concat_type(*types: Type, axis: int) -> TensorType:
    tensors = [tensor(t) for t in types]
    shapes = [t.shape for t in tensors]
    _refuse_odd_one(shapes, axis)
    *_, total = _offsets(shapes, axis)
    shape = (*shapes[0][:axis], total, *shapes[0][axis + 1 :])
    return TensorType(promote(*[t.dtype for t in tensors]), shape)


def _offsets(shapes: Iterable[Shape], axis: int) -> list[Dim]:
    """Where each array begins along the axis, and where the last one ends."""
    return list(accumulate((shape[axis] for shape in shapes), initial=0))


def _part(g: Node, y: Node, position: int) -> Node:
    """The gradient of one array: its part of the joined one."""
    axis, memo, key, arrays = y.params["axis"], y.graph.memo, ("offsets", y), y.inputs
    if key not in memo:  # once a node, not once an array
        memo[key] = _offsets((a.shape for a in arrays), axis)
    taken = [Slice(0, dim, 1) for dim in y.shape]
    start, stop = memo[key][position : position + 2]
    taken[axis] = Slice(start, stop, 1)
    return like_operand(index(g, key=tuple(taken)), arrays[position])


def _batch_join(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    whole = [
        x if m else broadcast_to(x, shape=(size, *x.shape))
        for x, m in zip(inputs, mapped, strict=True)
    ]
    return y.op(*whole, axis=y.params["axis"] + 1)


_concat: Op = linear(
    "concat",
    "*arrays",
    doc="""Arrays joined along an existing `axis`, in which alone they may differ.

    Dtypes promote as in NumPy; named sizes add.
    """,
    parameters={"axis": 0},
    normalize=_join_params("concat", 0),
    identity=lambda *types, axis: len(types) == 1,
    infer=_concat_type,
    kernel=lambda *arrays, axis: np.concatenate(arrays, axis=axis),
    transpose=_part,
    batch=_batch_join,
    moves=True,
)


@public
def concat(arrays: Iterable[Any], /, *, axis: int | None = 0) -> Node:
    """Arrays joined along an existing axis; with ``axis=None`` each is flattened before.

    Arguments: `arrays`, nodes and arrays, at least one of them a node, which agree in all other
    axes. Dtypes promote as in NumPy, named sizes add. Raises `ShapeError` naming the array that
    does not fit, `ArgumentError` for no arrays.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f32["m"])
    >>> sd.concat([x, y])
    %0 : f64[m+n] = concat x y
    """
    parts = listed("concat", arrays)
    if axis is None:
        parts = [reshape(p, shape=(-1,)) if isinstance(p, Node) else np.ravel(p) for p in parts]
        axis = 0
    return _concat(*parts, axis=axis)


def _stack_type(*types: Type, axis: int) -> TensorType:
    tensors = [tensor(t) for t in types]
    first = tensors[0].shape
    _refuse_odd_one([t.shape for t in tensors], None)
    shape = (*first[:axis], len(tensors), *first[axis:])
    return TensorType(promote(*[t.dtype for t in tensors]), shape)


def _stack_kernel(*arrays: Any, axis: int) -> Any:
    # np.array is ten times faster than np.stack on scalars and short vectors.
    return np.array(arrays) if axis == 0 else np.stack(arrays, axis=axis)


def _entry(g: Node, y: Node, position: int) -> Node:
    """The gradient of one array: its entry of the stack."""
    key: list[Any] = [Slice(0, dim, 1) for dim in y.shape]
    key[y.params["axis"]] = position
    return like_operand(index(g, key=tuple(key)), y.inputs[position])


_stack: Op = linear(
    "stack",
    "*arrays",
    doc="""Arrays of one shape joined along a new `axis`. Dtypes promote as in NumPy.""",
    parameters={"axis": 0},
    normalize=_join_params("stack", 1),
    infer=_stack_type,
    kernel=_stack_kernel,
    transpose=_entry,
    batch=_batch_join,
    moves=True,
)


@public
def stack(arrays: Iterable[Any], /, *, axis: int = 0) -> Node:
    """Arrays of one shape joined along a new axis.

    Arguments: `arrays`, nodes, arrays and numbers, at least one of them a node; a list among
    them is stacked itself, so nested lists of scalars make a matrix. Dtypes promote as in NumPy,
    Python numbers taking the dtype of the others. Raises `ShapeError` naming the array that does
    not fit, `ArgumentError` for no arrays.

    >>> import symdiff as sd
    >>> t = sd.Graph().input("t", sd.f64[()])
    >>> sd.stack([[sd.cos(t), -sd.sin(t)], [sd.sin(t), sd.cos(t)]]).type
    f64[2,2]
    """
    return _stack(*map(_stacked, listed("stack", arrays)), axis=axis)


def _stacked(entry: Any) -> Any:
    if isinstance(entry, list | tuple) and any(map(_holds_node, entry)):
        return stack(entry)
    return entry


def _holds_node(entry: Any) -> bool:
    if isinstance(entry, list | tuple):
        return any(map(_holds_node, entry))
    return isinstance(entry, Node)


def listed(name: str, arrays: Any) -> list[Any]:
    """The arrays to join as a list; `ArgumentError` where there are none."""
    try:
        found = list(arrays)
    except TypeError as error:
        raise ArgumentError(f"{name} takes a list of arrays: {error}") from None
    if not found:
        raise ArgumentError(f"{name}: there is nothing to join; the list is empty")
    return found


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.expand_dims)
def _np_expand_dims(a: Node, axis: Any) -> Node:
    return expand_dims(a, axis=axis)


numpy_function(np.squeeze)(lambda a, axis=None: a.squeeze(axis))
numpy_function(np.moveaxis)(lambda a, source, destination: moveaxis(a, source, destination))


@numpy_function(np.swapaxes)
def _np_swapaxes(a: Node, axis1: int, axis2: int) -> Node:
    return swapaxes(a, axis1, axis2)


@numpy_function(np.rollaxis)
def _np_rollaxis(a: Node, axis: int, start: int = 0) -> Node:
    """NumPy's: the axis `axis` comes to stand before the one that was at `start`."""
    with listing("np.rollaxis", {"a": a}):
        place = normalize_axis(axis, a.ndim, "np.rollaxis")
        before = normalize_axis(start, a.ndim + (start >= 0), "np.rollaxis")
    return moveaxis(a, place, before - (place < before))


def as_asked(result: Node, dtype: Any, casting: str) -> Node:
    """What was joined in the `dtype` that a caller of NumPy's function asks for."""
    if casting != "same_kind":
        raise ArgumentError(f"joining nodes: casting={casting!r} is not available")
    return result if dtype is None else result.astype(dtype)


@numpy_function(np.concatenate)
def _np_concatenate(
    arrays: Any, axis: Any = 0, *, dtype: Any = None, casting: str = "same_kind"
) -> Node:
    return as_asked(concat(arrays, axis=axis), dtype, casting)


@numpy_function(np.stack)
def _np_stack(
    arrays: Any, axis: int = 0, *, dtype: Any = None, casting: str = "same_kind"
) -> Node:
    return as_asked(stack(arrays, axis=axis), dtype, casting)


REGISTRY.enroll(__name__)
