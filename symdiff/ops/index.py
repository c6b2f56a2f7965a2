"""Basic indexing, `x[1:, 0]`, and its transpose, which puts a gradient back in place.

A key is resolved against the shape once: ints and slices in bounds, Ellipsis expanded. Where
an axis has a named size, what the key needs of it (``n >= 1`` for ``x[1:]``) is recorded with
the user's line and checked at the call; NumPy's clamping applies to known sizes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from symdiff import first_use
from symdiff.binding import Requirement
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import linear, mask_of, masked_like, public
from symdiff.ops.elementwise import where
from symdiff.ops.shape import broadcast_to, tensor
from symdiff.sizes import Dim, Size
from symdiff.types import Shape, TensorType, Type, as_shape, shape_text

__all__ = [
    "disjoint",
    "getitem",
    "index",
    "is_advanced",
    "is_whole",
    "numpy_key",
    "put_back",
    "requirements",
    "resolve_key",
    "result_shape",
    "scatter",
    "taken_of",
    "with_mask",
]

Key = tuple[Any, ...]  # of Dim (one entry), Slice, or None (a new axis)


# -- resolving a key -----------------------------------------------------------------------


def resolve_key(key: Any, shape: Shape) -> Key:
    """The key with every axis spelled out: a dim, a `Slice` or None (new axis) for each."""
    entries = list(key) if isinstance(key, tuple) else [key]
    if sum(entry is Ellipsis for entry in entries) > 1:
        raise ArgumentError("an index can only have one Ellipsis ('...')")
    taken = len([e for e in entries if e is not None and e is not Ellipsis])
    if taken > len(shape):
        raise ShapeError(f"{taken} indices for the {len(shape)} axes of {shape_text(shape)}")
    rest = [slice(None)] * (len(shape) - taken)
    at = next((k for k, e in enumerate(entries) if e is Ellipsis), len(entries))
    entries[at : at + 1] = rest
    resolved: list[Any] = []
    axis = 0
    for entry in entries:
        if entry is None or isinstance(entry, Slice):  # a Slice is resolved already
            resolved.append(entry)
            axis += entry is not None
            continue
        resolve = _slice if isinstance(entry, slice) else _position
        resolved.append(resolve(entry, shape[axis], axis))
        axis += 1
    return tuple(resolved)


def _bound(value: Any, what: str) -> Dim | None:
    if value is None or isinstance(value, Size):
        return value
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        return operator.index(value)
    except TypeError as error:
        advice = (
            "; k entries from i on are x[i + sd.arange(k, like=x)]"
            if isinstance(value, Node)
            else ""
        )
        raise ArgumentError(f"{what} must be an int or a size, not {value!r}{advice}") from error


def _position(entry: Any, dim: Dim, axis: int) -> Dim:
    place = _bound(entry, f"index of axis {axis}")
    assert place is not None
    if isinstance(dim, int) and isinstance(place, int):
        if not -dim <= place < dim:
            raise ShapeError(f"index {place} is out of bounds for axis {axis} with size {dim}")
        return place % dim
    return dim + place if isinstance(place, int) and place < 0 else place


def _slice(entry: slice, dim: Dim, axis: int) -> Slice:
    start, stop = _bound(entry.start, "start"), _bound(entry.stop, "stop")
    step = _bound(entry.step, "step")
    step = 1 if step is None else step
    if not isinstance(step, int):
        raise ArgumentError(f"the step of axis {axis} must be an int, not the size {step}")
    if step == 0:
        raise ArgumentError("slice step cannot be zero")
    if isinstance(dim, int) and not isinstance(start, Size) and not isinstance(stop, Size):
        found = range(*slice(start, stop, step).indices(dim))
        if not found:
            return Slice(0, 0, 1)
        # The canonical stop is one past the last entry taken, so equal keys are equal.
        return Slice(
            found[0],
            found[-1] + (1 if step > 0 else -1),
            step if len(found) > 1 else 1 if step > 0 else -1,
        )
    first: Dim = 0 if step > 0 else dim - 1
    last: Dim = dim if step > 0 else -1
    start = first if start is None else start + dim if _negative(start) else start
    stop = last if stop is None else stop + dim if _negative(stop) else stop
    return Slice(start, stop, step)


def _negative(bound: Dim) -> bool:
    return isinstance(bound, int) and bound < 0


def result_shape(key: Key) -> Shape:
    """The shape of what a resolved key takes."""
    return tuple(
        1 if entry is None else entry.length
        for entry in key
        if entry is None or isinstance(entry, Slice)
    )


def requirements(key: Key, shape: Shape) -> list[Requirement]:
    """What the key needs of named sizes: every bound inside the axis, no slice backwards."""
    needs = []
    dims = iter(shape)
    for entry in key:
        if entry is None:
            continue
        dim = next(dims)
        if not isinstance(entry, Slice):
            needs += [Requirement(dim, ">=", entry + 1), Requirement(entry, ">=", 0)]
        elif entry.step > 0:
            needs += [
                Requirement(dim, ">=", entry.stop),
                Requirement(_end(entry), ">=", entry.start),
                Requirement(entry.start, ">=", 0),
            ]
        else:
            needs += [
                Requirement(dim, ">=", entry.start + 1),
                Requirement(entry.start, ">=", entry.stop),
                Requirement(entry.stop, ">=", -1),
            ]
    return needs


def _end(entry: Slice) -> Dim:
    """What the start must not exceed: of diagonals in a flat matrix, no entry is no fault."""
    return entry.stop if isinstance(entry.step, int) else entry.stop + entry.step - 1


def numpy_key(key: Key) -> tuple[Any, ...]:
    """The key as NumPy takes it, all sizes being ints."""
    return tuple(_as_slice(e) if isinstance(e, Slice) else e for e in key)


def _as_slice(entry: Slice) -> slice:
    if not entry.length:  # whose start may be -1, which NumPy counts from the end
        return slice(0, 0)
    return slice(entry.start, None if entry.stop < 0 else entry.stop, entry.step)


# -- the two ops ---------------------------------------------------------------------------


def is_whole(x: Type, key: Key) -> bool:
    """Whether a resolved key takes all of `x` as it is."""
    shape = tensor(x).shape
    return len(key) == len(shape) and all(
        entry == Slice(0, dim, 1) if isinstance(entry, Slice) else False
        for entry, dim in zip(key, shape, strict=True)
    )


def _index_type(x: Type, key: Key) -> TensorType:
    return tensor(x).with_shape(result_shape(key))


def _batch_key(key: Key, size: Dim) -> Key:
    return (Slice(0, size, 1), *key)


index: Op = linear(
    "index",
    "x",
    doc="""Basic indexing: ints, slices, None and Ellipsis, as NumPy's `x[key]`.

    Made by ``x[key]``. The gradient is put back in place, zeros elsewhere; those of many reads
    of one array share one `scatter`. On a named size bounds are not clamped: ``x[1:]`` needs
    ``n >= 1``, which the call checks.
    """,
    parameters={"key": None},
    normalize=lambda x, key: {"key": resolve_key(key, tensor(x).shape)},
    identity=is_whole,
    infer=_index_type,
    requires=lambda x, key: requirements(key, x.shape),
    kernel=lambda x, key: x[numpy_key(key)],
    transpose=lambda g, y, x: scatter(g, shape=x.shape, keys=(y.params["key"],)),
    batch=lambda y, inputs, mapped: index(
        inputs[0], key=_batch_key(y.params["key"], inputs[0].shape[0])
    ),
    moves=True,
)


def _scatter_params(*parts: Type, shape: Any, keys: Any) -> dict[str, Any]:
    target = as_shape(shape)
    return {"shape": target, "keys": tuple([resolve_key(key, target) for key in keys])}


def _scatter_type(*parts: Type, shape: Shape, keys: tuple[Key, ...]) -> TensorType:
    if not parts or len(parts) != len(keys):
        raise ArgumentError(f"{len(parts)} parts do not go to {len(keys)} keys")
    for k, (part, key) in enumerate(zip(parts, keys, strict=True)):
        if tensor(part).dtype != tensor(parts[0]).dtype:
            raise DTypeError(f"parts[{k}] is {part}, but parts[0] is {parts[0]}; cast one of them")
        if tensor(part).shape != result_shape(key):
            raise ShapeError(
                f"the key of parts[{k}] takes {shape_text(result_shape(key))}, "
                f"not {shape_text(tensor(part).shape)}"
            )
    return tensor(parts[0]).with_shape(shape)


def _scatter_kernel(*parts: Any, shape: tuple[int, ...], keys: tuple[Key, ...]) -> Any:
    result = np.zeros(shape, parts[0].dtype)
    result[numpy_key(keys[0])] = parts[0]
    for part, key in zip(parts[1:], keys[1:], strict=True):
        place = numpy_key(key)
        here = result[place]
        if isinstance(here, np.ndarray):  # a view
            np.add(here, part, out=here)
        else:
            result[place] = here + part
    return result


def _batch_scatter(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    whole = [
        x if m else broadcast_to(x, shape=(size, *x.shape))
        for x, m in zip(inputs, mapped, strict=True)
    ]
    keys = tuple([_batch_key(key, size) for key in y.params["keys"]])
    return scatter(*whole, shape=(size, *y.shape), keys=keys)


scatter: Op = linear(
    "scatter",
    "*parts",
    doc="""Zeros of `shape` to which each part is added at its basic index of `keys`.

    The transpose of reading an array with `index`, as many times as there are parts: whatever
    their number, there is one array of `shape`.
    """,
    parameters={"shape": REQUIRED, "keys": REQUIRED},
    normalize=_scatter_params,
    infer=_scatter_type,
    requires=lambda *parts, shape, keys: [n for key in keys for n in requirements(key, shape)],
    kernel=_scatter_kernel,
    transpose=lambda g, y, position: index(g, key=y.params["keys"][position]),
    batch=_batch_scatter,
    moves=True,
)

# -- many reads of one array -----------------------------------------------------------------


def with_mask(g: Node, move: Callable[[Node], Node]) -> Node:
    """``move(g)``, where `move` takes entries elsewhere; a mask goes along with what it masks."""
    mask = mask_of(g)
    if mask is None:
        return move(g)
    value, condition = (
        move(broadcast_to(part, shape=g.shape)) for part in (mask.value, mask.condition)
    )
    return masked_like(g, value, condition)


def taken_of(g: Node) -> Node:
    """Where a gradient counts, in its shape: under its mask, or everywhere."""
    mask = mask_of(g)
    taken = g.graph.constant(True) if mask is None else mask.taken
    return broadcast_to(taken, shape=g.shape)


def put_back(reads: Sequence[tuple[Node, Node]]) -> list[tuple[Node, list[Node]]]:
    """What `index` nodes, each with its gradient, give to the one array they all read.

    It is one `scatter`, masked where no entry is reached but under a mask; it comes with the
    nodes that it is of.
    """
    gradients, nodes = map(list, zip(*reads, strict=True))
    if len(reads) == 1:
        only = index.vjp(nodes[0], 0, gradients[0])
        assert only is not None
        return [(only, nodes)]
    shape, keys = nodes[0].inputs[0].shape, tuple([node.params["key"] for node in nodes])
    total = scatter(*gradients, shape=shape, keys=keys)
    if any(mask_of(g) is not None for g in gradients):
        taken = scatter(*map(taken_of, gradients), shape=shape, keys=keys)
        total = where(taken, total, 0.0)
    return [(total, nodes)]


def disjoint(keys: Sequence[Key]) -> bool:
    """Whether no entry is under two of these keys, as far as can be told without the sizes."""
    entries = [[e for e in key if e is not None] for key in keys]
    points = {tuple((a, e) for a, e in enumerate(key) if type(e) is int) for key in entries}
    axes = {tuple(a for a, _ in point) for point in points}
    if len(axes) == 1 and len(points) == len(keys):
        return True
    return any(map(_apart, zip(*entries, strict=True)))


def _apart(entries: Sequence[Any]) -> bool:
    """Whether the spans of these entries along one axis do not overlap."""
    spans = []
    for entry in entries:
        start, stop, step = entry if isinstance(entry, Slice) else (entry, entry + 1, 1)
        if not isinstance(start, int) or not isinstance(stop, int):
            return False
        if start != stop:
            spans.append((start, stop - 1) if step > 0 else (stop + 1, start))
    spans.sort()
    return all(one[1] < other[0] for one, other in pairwise(spans))


# -- by key --------------------------------------------------------------------------------


def is_advanced(entry: Any) -> bool:
    """Whether an entry of a key is an array of indices, or a mask."""
    kind = type(entry)
    if kind is int or kind is slice or entry is None or entry is Ellipsis or kind is Slice:
        return False
    if isinstance(entry, np.ndarray):
        return entry.ndim > 0 or entry.dtype.kind == "b"
    if isinstance(entry, Node | list | tuple | range | bool | np.bool_):
        return True
    return hasattr(entry, "__array__") and not isinstance(entry, np.generic)


@public
def getitem(x: Node, key: Any) -> Node:
    """``x[key]``, NumPy's indexing: ints, slices, None, Ellipsis, arrays of ints, masks.

    Raises `ShapeError` out of bounds, and `ArgumentError` for a key that means nothing.
    """
    if any(map(is_advanced, key)) if isinstance(key, tuple) else is_advanced(key):
        result: Node = first_use.module("ops.keys").read(x, key)
        return result
    return index(x, key=key)


REGISTRY.enroll(__name__)
