"""Entries picked along an axis by arrays of places, and what puts a gradient back there.

Picking by fixed places is linear in the array picked from. Its matrix has one 1 a row, so its
transpose adds every entry to the place it came from: places that repeat add up.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import (
    fit,
    mask_of,
    masked_like,
    numpy_function,
    op,
    public,
)
from symdiff.ops.elementwise import where
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.sizes import Dim
from symdiff.types import (
    Shape,
    TensorType,
    Type,
    as_shape,
    broadcast_shapes,
    normalize_axis,
    shape_text,
)

__all__ = [
    "add_along_axis",
    "pick",
    "put_back",
    "take_along_axis",
    "take_flat",
    "within",
]

Array = np.ndarray[Any, Any]


# -- types ---------------------------------------------------------------------------------


def _integers(indices: TensorType, rank: int, of: str) -> None:
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"indices must be integers, and {indices} is not")
    if indices.rank != rank:
        raise ShapeError(
            f"indices have {indices.rank} axes and {of} has {rank}; they need as many, one entry "
            "of the result for each index"
        )


def _with(shape: Shape, axis: int, dim: Dim) -> Shape:
    return (*shape[:axis], dim, *shape[axis + 1 :])


def _meet(shapes: tuple[Shape, ...], axis: int) -> Shape:
    found = broadcast_shapes(shapes)
    if found is None:
        shown = " and ".join(map(shape_text, shapes))
        raise ShapeError(f"beside axis {axis}, the shapes {shown} do not broadcast")
    return found


def _picked_type(x: Type, indices: Type, axis: int) -> TensorType:
    source, places = tensor(x), tensor(indices)
    _integers(places, source.rank, "x")
    rest = _meet((_with(source.shape, axis, 1), _with(places.shape, axis, 1)), axis)
    return source.with_shape(_with(rest, axis, places.shape[axis]))


def _addends(values: Shape, indices: Shape, shape: Shape, axis: int) -> Shape:
    """The shape that values and indices have when all is broadcast together."""
    return _meet((values, indices, _with(shape, axis, 1)), axis)


def _added_type(values: Type, indices: Type, shape: Shape, axis: int) -> TensorType:
    source, places = tensor(values), tensor(indices)
    _integers(places, source.rank, "values")
    if len(shape) != source.rank:
        raise ShapeError(f"shape {shape_text(shape)} must have {source.rank} axes, as values have")
    _addends(source.shape, places.shape, shape, axis)
    return source.with_shape(shape)


# -- kernels -------------------------------------------------------------------------------


def _flat_places(indices: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Where in the flattened array of `shape` each index along `axis` points."""
    size = shape[axis]
    wrong = indices[(indices < -size) | (indices >= size)]
    if wrong.size:
        raise IndexError(f"index {wrong.flat[0]} is out of bounds for axis {axis} of size {size}")
    places = indices.astype(np.intp)
    places[places < 0] += size
    steps = [math.prod(shape[k + 1 :]) for k in range(len(shape))]
    places *= steps[axis]
    for k, (dim, step) in enumerate(zip(shape, steps, strict=True)):
        if k != axis and dim != 1:
            beside = np.arange(0, dim * step, step) if step else np.zeros(dim, np.intp)
            places = places + beside.reshape((dim, *[1] * (len(shape) - k - 1)))
    return places


def _add_kernel(values: Array, indices: Array, shape: tuple[int, ...], axis: int) -> Array:
    # Over flat places np.add.at is five times faster than over a tuple of them, as fast as
    # np.bincount, and it keeps the dtype.
    result = np.zeros(math.prod(shape), values.dtype)
    places, values = np.broadcast_arrays(_flat_places(indices, shape, axis), values)
    if values.dtype.kind == "b":
        result[places[values]] = True
    else:
        np.add.at(result, places.ravel(), values.ravel())
    return result.reshape(shape)


# -- rules ---------------------------------------------------------------------------------


def put_back(g: Node, indices: Node, shape: Shape, axis: int) -> Node:
    """The transpose of picking: a gradient added where it was picked from, in zeros of `shape`.

    An entry is masked where all that was picked from it is.
    """
    total = add_along_axis(g, indices, shape=shape, axis=axis)
    mask = mask_of(g)
    if mask is None:
        return total
    taken = broadcast_to(mask.taken, shape=g.shape)
    return where(add_along_axis(taken, indices, shape=shape, axis=axis), total, 0.0)


def _picked_back(g: Node, y: Node, values: Node, indices: Node) -> Node:
    shape, axis = y.params["shape"], y.params["axis"]
    whole = _addends(values.shape, indices.shape, shape, axis)

    def back(part: Node) -> Node:
        found = pick(broadcast_to(part, shape=g.shape), indices, axis=axis)
        return broadcast_to(found, shape=whole)

    mask = mask_of(g)
    if mask is None:
        return fit(back(g), values.type)
    return fit(masked_like(g, back(mask.value), back(mask.condition)), values.type)


def _leading(inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> list[Node]:
    """Operands with one leading axis more: of length 1, to broadcast, where it is not mapped."""
    return [
        x if m else reshape(x, shape=(1, *x.shape)) for x, m in zip(inputs, mapped, strict=True)
    ]


def _batch_pick(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    return pick(*_leading(inputs, mapped), axis=y.params["axis"] + 1)


def _batch_add(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    shape = (size, *y.params["shape"])
    return add_along_axis(*_leading(inputs, mapped), shape=shape, axis=y.params["axis"] + 1)


# -- the ops -------------------------------------------------------------------------------

pick: Op = op(
    "take_along_axis",
    "x indices",
    doc="""The entries of `x` at the places `indices` along `axis`, one for each index.

    `indices` are integers with as many axes as `x`, counted from the end where negative; the
    other axes broadcast. A place out of bounds is an error when the graph runs. The gradient
    goes back to where each entry came from, and adds up where places repeat.
    """,
    parameters={"axis": -1},
    normalize=lambda x, indices, axis: {
        "axis": normalize_axis(axis, tensor(x).rank, "take_along_axis")
    },
    infer=_picked_type,
    kernel=lambda x, indices, axis: np.take_along_axis(x, indices, axis),
    vjp=(lambda g, y, x, indices: put_back(g, indices, x.shape, y.params["axis"]), None),
    jvp=(lambda t, y, x, indices: pick(t, indices, axis=y.params["axis"]), None),
    batch=_batch_pick,
)

add_along_axis: Op = op(
    "add_along_axis",
    "values indices",
    doc="""Zeros of `shape` with `values` added at the places `indices` along `axis`.

    The transpose of `take_along_axis`: values at one place add up (of booleans: whether any
    holds). The other axes broadcast; along those of length 1 in `shape` the values are summed.
    """,
    parameters={"shape": REQUIRED, "axis": -1},
    normalize=lambda values, indices, shape, axis: {
        "shape": as_shape(shape),
        "axis": normalize_axis(axis, tensor(values).rank, "add_along_axis"),
    },
    infer=_added_type,
    kernel=_add_kernel,
    vjp=(_picked_back, None),
    jvp=(
        lambda t, y, values, indices: add_along_axis(t, indices, **y.params),
        None,
    ),
    batch=_batch_add,
)


def _within_kernel(x: Array, low: Any, high: Any, what: str) -> Array:
    good = (x >= low) & (x <= high)
    if not good.all():
        raise ValueError(f"{what} {x[~good].flat[0]} is not in {low} … {high}")
    return x.copy()


within: Op = op(
    "within",
    "x",
    doc="""`x` itself, whose entries are checked to lie in `low` … `high` when the graph runs.

    Bounds are numbers or sizes; `what` names the entry that does not in the message.
    """,
    parameters={"low": REQUIRED, "high": REQUIRED, "what": "entry"},
    infer=lambda x, low, high, what: tensor(x),
    kernel=_within_kernel,
    vjp=(lambda g, y, x: g,),
    jvp=(lambda t, y, x: t,),
    batch=lambda y, inputs, mapped: within(inputs[0], **y.params),
)


# -- functions -----------------------------------------------------------------------------


@public
def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Node:
    """The entries of `x` at the places `indices` along `axis`, one for each index.

    Arguments: `x`, of one axis or more; `indices`, integers with as many axes, negative ones
    counted from the end. Beside `axis` the two broadcast, and the result has the length of
    `indices` along it: what `argsort` gives sorts, what `argmax` gives with ``keepdims=True``
    picks the largest.

    The gradient is added where each entry came from, so repeated places add up. Raises
    `ShapeError` for axes that do not fit and for fixed indices out of bounds, `DTypeError` for
    indices that are no integers; indices computed out of bounds are an error when the graph
    runs.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, 3])
    >>> y = sd.take_along_axis(x, sd.argmax(x, axis=1, keepdims=True), axis=1)
    >>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [[1.0, 3.0, 2.0], [5.0, 4.0, 0.0]]})
    [array([[3.],
           [5.]]), array([[0., 1., 0.],
           [1., 0., 0.]])]
    """
    source, places = as_nodes("take_along_axis", (x, indices), weak=True)
    if places.op.name == "constant" and places.dtype.kind in "iu":
        with listing("take_along_axis", {"x": source, "indices": places}):
            k = normalize_axis(axis, source.ndim, "take_along_axis")
            _refuse_out_of_bounds(places.params["value"].array, source.shape[k], k)
    return pick(source, places, axis=axis)


def _refuse_out_of_bounds(indices: Array, size: Dim, axis: int) -> None:
    if isinstance(size, int):
        wrong = indices[(indices < -size) | (indices >= size)]
        if wrong.size:
            raise ShapeError(
                f"index {wrong.flat[0]} is out of bounds for axis {axis} of size {size}"
            )


def take_flat(x: Node, indices: Node) -> Node:
    """The entries of `x`, of one axis, at integers of any shape."""
    flat = reshape(indices, shape=(-1,)) if indices.ndim != 1 else indices
    return reshape(pick(x, flat, axis=0), shape=indices.shape)


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.take_along_axis)
def _np_take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Node:
    if axis is None:
        (arr, indices), axis = as_nodes("take_along_axis", (arr, indices), weak=True), 0
        arr = reshape(arr, shape=(-1,))
    return take_along_axis(arr, indices, axis=axis)


@numpy_function(np.put_along_axis)
def _np_put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> NoReturn:
    raise ArgumentError(
        "np.put_along_axis writes into an array, and nodes never change; "
        "x.at[key].set(values) gives an array with other entries"
    )


REGISTRY.enroll(__name__)
