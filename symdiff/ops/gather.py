"""Entries taken at arrays of indices, and added there.

`gather` takes them, `scatter_add` is its transpose; `put` and its kin (`symdiff.ops.put`)
replace them. All say where in the same words: the arrays of indices, broadcast together, stand
one for each of `axes`; among the axes that are not indexed, those of the indices stand together,
from the place `at` on. NumPy's advanced indexing is this, after basic indexing: ``x[:, i, j]`` is
``axes=(1, 2), at=1``, and ``x[i, :, j]``, whose arrays are apart, ``axes=(0, 2), at=0``
("Indexing on ndarrays", NumPy's user guide). Indices are integers: no derivative passes through
them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import align, mask_of, op
from symdiff.ops.elementwise import where
from symdiff.ops.index import taken_of, with_mask
from symdiff.ops.joining import concat
from symdiff.ops.ranges import arange
from symdiff.ops.shape import broadcast_to, permute_dims, reshape, tensor
from symdiff.sizes import Dim
from symdiff.types import (
    Shape,
    TensorType,
    Type,
    as_shape,
    broadcast_shapes,
    element_count,
    normalize_axis,
    shape_text,
)

__all__ = [
    "batch_indexed",
    "check_taken",
    "flat_places",
    "gather",
    "index_shape",
    "moved",
    "natural_place",
    "put_back",
    "scatter_add",
    "where_params",
]

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]

# -- types and parameters ------------------------------------------------------------------


def natural_place(axes: Axes) -> int:
    """Where NumPy has the axes of the indices: in place, or in front where they are apart."""
    return min(axes) if max(axes) - min(axes) == len(axes) - 1 else 0


def where_params(name: str, rank: int, axes: Any, at: Any) -> dict[str, Any]:
    """`axes` and `at` made canonical, for an array of this rank."""
    given = axes if isinstance(axes, tuple | list) else (axes,)
    found = tuple([normalize_axis(a, rank, name) for a in given])
    if not found or len(set(found)) < len(found):
        raise ShapeError(f"axes {axes} must name one axis or more, each once")
    if at is None:
        return {"axes": found, "at": natural_place(found)}
    return {"axes": found, "at": normalize_axis(at, rank - len(found) + 1, f"{name}: at")}


def index_shape(indices: Sequence[Type]) -> Shape:
    """What arrays of indices broadcast to; `DTypeError` for an array of anything but integers."""
    for k, index in enumerate(indices):
        if tensor(index).dtype.kind not in "iu":
            raise DTypeError(f"indices are integers; array {k} of indices is {index}")
    shape = broadcast_shapes([tensor(index).shape for index in indices])
    if shape is None:
        shapes = " and ".join(shape_text(tensor(index).shape) for index in indices)
        raise ShapeError(f"indices of shapes {shapes} do not broadcast")
    return shape


def _taken_shape(shape: Shape, indices: Sequence[Type], axes: Axes, at: int) -> Shape:
    if len(indices) != len(axes):
        raise ArgumentError(f"{len(axes)} axes take as many arrays of indices, not {len(indices)}")
    rest = tuple([dim for a, dim in enumerate(shape) if a not in axes])
    return (*rest[:at], *index_shape(indices), *rest[at:])


def check_taken(values: Type, shape: Shape, indices: Sequence[Type], axes: Axes, at: int) -> None:
    """Raise unless `values` are of the shape of what the indices take out of `shape`."""
    expected = _taken_shape(shape, indices, axes, at)
    if tensor(values).shape != expected:
        raise ShapeError(
            f"the indices take {shape_text(expected)} out of {shape_text(shape)}, "
            f"not {shape_text(tensor(values).shape)}"
        )


# -- kernels -------------------------------------------------------------------------------


def _in_bounds(index: Array, size: int, axis: int) -> Array:
    """The indices counted from the front; `IndexError` for one that is out of bounds."""
    if index.size:
        low, high = index.min(), index.max()
        if low < -size or high >= size:
            bad = low if low < -size else high
            raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {size}")
        if low < 0:
            return np.where(index < 0, index + size, index).astype(np.intp, copy=False)
    return index.astype(np.intp, copy=False)


def flat_places(shape: Sequence[int], indices: Sequence[Array], axes: Axes, at: int) -> Array:
    """For each entry that the indices take, its place in the raveled array of `shape`."""
    strides = [math.prod(shape[a + 1 :]) for a in range(len(shape))]
    places: Any = 0
    for index, axis in zip(indices, axes, strict=True):
        places = places + _in_bounds(index, shape[axis], axis) * strides[axis]
    rest = [a for a in range(len(shape)) if a not in axes]
    depth = np.ndim(places)
    places = np.reshape(places, (*np.shape(places), *[1] * (len(rest) - at)))
    for k, axis in enumerate(rest):
        behind = len(rest) - 1 - k + (depth if k < at else 0)
        places = places + (np.arange(shape[axis]) * strides[axis]).reshape(-1, *[1] * behind)
    return places  # type: ignore[no-any-return]


def _gather_kernel(x: Array, *indices: Array, axes: Axes, at: int) -> Any:
    if len(indices) == 1 and at == axes[0]:
        return np.take(x, indices[0].astype(np.intp, copy=False), axis=at)
    key: list[Any] = [slice(None)] * x.ndim
    for axis, index in zip(axes, indices, strict=True):
        key[axis] = index
    depth = max(index.ndim for index in indices)
    if not depth:
        return np.array(x[tuple(key)])  # NumPy takes arrays of no axes as ints, and gives a view
    return moved(x[tuple(key)], depth, natural_place(axes), at)


def moved(x: Array, count: int, source: int, target: int) -> Array:
    """`x` with `count` neighbouring axes moved."""
    if source == target:
        return x
    return np.moveaxis(x, range(source, source + count), range(target, target + count))


def _scatter_add_kernel(
    updates: Array, *indices: Array, shape: tuple[int, ...], axes: Axes, at: int
) -> Any:
    # One flat array of places: NumPy adds at those as fast as it counts bins, in every dtype.
    # Rows at a time (`np.add.at`, sorting and `np.add.reduceat`) took 1.3 to 6 times as long.
    total = np.zeros(math.prod(shape), updates.dtype)
    np.add.at(total, flat_places(shape, indices, axes, at).ravel(), updates.ravel())
    return total.reshape(shape)


# -- what all of them share ----------------------------------------------------------------


def batch_indexed(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    """The batch rule of ops whose operands are arrays, and then one array of indices an axis.

    Where indices are mapped, the mapped axis is one more that is indexed, by its positions.
    """
    axes, at = y.params["axes"], y.params["at"]
    count = len(inputs) - len(axes)
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    arrays, indices = inputs[:count], inputs[count:]
    shifted = tuple([a + 1 for a in axes])
    params = {**y.params, "axes": shifted, "at": at + 1}
    if "shape" in params:
        params["shape"] = (size, *params["shape"])
    if not any(mapped[count:]):
        return y.op(*_whole(arrays, mapped, size), *indices, **params)
    depth = max(i.ndim for i in y.inputs[count:])
    aligned = [align(i, depth) if m else i for i, m in zip(indices, mapped[count:], strict=True)]
    if y.op is gather and not mapped[0]:
        taken = gather(*arrays, *aligned, axes=axes, at=at)
        return permute_dims(taken, axes=[at, *[k for k in range(taken.ndim) if k != at]])
    rows = reshape(arange(size, like=y), shape=(size, *[1] * depth))
    params.update(axes=(0, *shifted), at=0)
    whole = _whole(arrays, mapped, size)
    if y.op is gather:
        taken = gather(*whole, rows, *aligned, **params)
        return permute_dims(taken, axes=_turn(taken.ndim, depth, at))
    # The last array is in the shape of what is taken.
    whole[-1] = permute_dims(whole[-1], axes=_turn(whole[-1].ndim, at, depth))
    return y.op(*whole, rows, *aligned, **params)


def _turn(rank: int, first: int, second: int) -> list[int]:
    """Axes in order, but those after the leading one: the `second` ones before the `first`."""
    start, middle, end = 1, 1 + first, 1 + first + second
    return [0, *range(middle, end), *range(start, middle), *range(end, rank)]


def _whole(arrays: Sequence[Node], mapped: Sequence[bool], size: Dim) -> list[Node]:
    return [
        x if m else broadcast_to(x, shape=(size, *x.shape))
        for x, m in zip(arrays, mapped, strict=False)
    ]


# -- gather and its transpose --------------------------------------------------------------


def _gather_params(x: Type, *indices: Type, axes: Any, at: Any) -> dict[str, Any]:
    return where_params("gather", tensor(x).rank, axes, at)


def _gather_type(x: Type, *indices: Type, axes: Axes, at: int) -> TensorType:
    return tensor(x).with_shape(_taken_shape(tensor(x).shape, indices, axes, at))


def _gather_gradient(g: Node, y: Node, position: int) -> Node | None:
    """Added at the indices. A place is reached where one that counts is: sums are masked."""
    if position:
        return None
    x, *indices = y.inputs
    total = scatter_add(g, *indices, shape=x.shape, **y.params)
    if mask_of(g) is None:
        return total
    return where(scatter_add(taken_of(g), *indices, shape=x.shape, **y.params), total, 0.0)


gather: Op = op(
    "gather",
    "*operands",
    doc="""Entries of the first operand at arrays of indices, the other operands.

    Those are integers, broadcast together, one array for each of `axes`; their axes stand in the
    result from `at` on, or as in NumPy: in place where `axes` are neighbours, else in front.
    Negative indices count from the end; one out of bounds is an error at the call. Made by
    ``x[i]``, ``x[:, i, j]``, `take`. The gradient is added up at the indices (`scatter_add`).
    """,
    parameters={"axes": REQUIRED, "at": None},
    normalize=_gather_params,
    infer=_gather_type,
    kernel=_gather_kernel,
    vjp=_gather_gradient,
    jvp=lambda t, y, position: None if position else gather(t, *y.inputs[1:], **y.params),
    batch=batch_indexed,
)


def _scatter_add_params(updates: Type, *indices: Type, shape: Any, axes: Any, at: Any) -> Any:
    target = as_shape(shape)
    return {"shape": target, **where_params("scatter_add", len(target), axes, at)}


def _scatter_add_type(
    updates: Type, *indices: Type, shape: Shape, axes: Axes, at: int
) -> TensorType:
    check_taken(updates, shape, indices, axes, at)
    return tensor(updates).with_shape(shape)


def _places(y: Node) -> dict[str, Any]:
    return {"axes": y.params["axes"], "at": y.params["at"]}


scatter_add: Op = op(
    "scatter_add",
    "*operands",
    doc="""Zeros of `shape` to which the first operand is added at arrays of indices.

    They are the other operands; `axes` and `at` are those of `gather`, whose transpose it is.
    What goes to one place is summed.
    """,
    parameters={"shape": REQUIRED, "axes": REQUIRED, "at": None},
    normalize=_scatter_add_params,
    infer=_scatter_add_type,
    kernel=_scatter_add_kernel,
    vjp=lambda g, y, position: (
        None if position else with_mask(g, lambda h: gather(h, *y.inputs[1:], **_places(y)))
    ),
    jvp=lambda t, y, position: None if position else scatter_add(t, *y.inputs[1:], **y.params),
    batch=batch_indexed,
)


def put_back(reads: Sequence[tuple[Node, Node]]) -> list[tuple[Node, list[Node]]]:
    """What `gather` nodes, each with its gradient, give to the one array they all read.

    It is one `scatter_add` for all that index the same axes; it comes with the nodes it is of.
    """
    by_axes: dict[Axes, list[tuple[Node, Node]]] = {}
    for g, node in reads:
        by_axes.setdefault(node.params["axes"], []).append((g, node))
    return [(_added(group), [node for _, node in group]) for group in by_axes.values()]


def in_front(x: Node, at: int, depth: int) -> Node:
    """What `depth` axes of indices from `at` on took, with these as one axis, the first."""
    order = [*range(at, at + depth), *range(at), *range(at + depth, x.ndim)]
    front = permute_dims(x, axes=order)
    return reshape(front, shape=(element_count(front.shape[:depth]), *front.shape[depth:]))


def in_rows(indices: Sequence[Node]) -> list[Node]:
    """The arrays of indices broadcast together, each as one axis of int64."""
    shape = index_shape([i.type for i in indices])
    whole = [broadcast_to(i.astype(np.int64), shape=shape) for i in indices]
    return [reshape(i, shape=(element_count(shape),)) for i in whole]


def _joined(parts: Sequence[Node]) -> Node:
    if all(part.op.name == "constant" for part in parts):
        arrays = [part.params["value"].array for part in parts]
        return parts[0].graph.constant(np.concatenate(arrays))
    return concat(parts)


def _added(reads: Sequence[tuple[Node, Node]]) -> Node:
    if len(reads) == 1:
        ((g, node),) = reads
        only = gather.vjp(node, 0, g)
        assert only is not None
        return only
    x, axes = reads[0][1].inputs[0], reads[0][1].params["axes"]

    def rows(take: Callable[[Node], Node]) -> Node:
        return concat(
            [
                in_front(take(g), node.params["at"], max(i.ndim for i in node.inputs[1:]))
                for g, node in reads
            ]
        )

    columns = zip(*[in_rows(node.inputs[1:]) for _, node in reads], strict=True)
    indices = [_joined(parts) for parts in columns]
    to = {"shape": x.shape, "axes": axes, "at": 0}
    total = scatter_add(rows(lambda g: g), *indices, **to)
    if all(mask_of(g) is None for g, _ in reads):
        return total
    return where(scatter_add(rows(taken_of), *indices, **to), total, 0.0)


REGISTRY.enroll(__name__)
