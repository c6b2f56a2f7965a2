"""Basic indexing, `x[1:, 0]`, and its transpose, which puts a gradient back in place.

A key is resolved against the shape once: ints and slices in bounds, Ellipsis expanded. Where
an axis has a named size, what the key needs of it (``n >= 1`` for ``x[1:]``) is recorded with
the user's line and checked at the call; NumPy's clamping applies to known sizes.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from symdiff.binding import Requirement
from symdiff.errors import ArgumentError, ShapeError
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import linear, public
from symdiff.ops.shape import tensor
from symdiff.sizes import Dim, Size
from symdiff.types import Shape, TensorType, Type, as_shape, shape_text

__all__ = ["getitem", "index", "scatter"]

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
        raise ArgumentError(
            f"{what} must be an int or a size, not {value!r}; "
            "arrays of indices and boolean masks are not basic indexing"
        ) from error


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


def _result_shape(key: Key) -> Shape:
    return tuple(
        1 if entry is None else entry.length
        for entry in key
        if entry is None or isinstance(entry, Slice)
    )


def _requirements(key: Key, shape: Shape) -> list[Requirement]:
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
                Requirement(entry.stop, ">=", entry.start),
                Requirement(entry.start, ">=", 0),
            ]
        else:
            needs += [
                Requirement(dim, ">=", entry.start + 1),
                Requirement(entry.start, ">=", entry.stop),
                Requirement(entry.stop, ">=", -1),
            ]
    return needs


def _numpy_key(key: Key) -> tuple[Any, ...]:
    """The key as NumPy takes it, all sizes being ints."""
    return tuple(_numpy_slice(e) if isinstance(e, Slice) else e for e in key)


def _numpy_slice(entry: Slice) -> slice:
    if not entry.length:  # whose start may be -1, which NumPy counts from the end
        return slice(0, 0)
    return slice(entry.start, None if entry.stop < 0 else entry.stop, entry.step)


# -- the two ops ---------------------------------------------------------------------------


def _is_whole(x: Type, key: Key) -> bool:
    shape = tensor(x).shape
    return len(key) == len(shape) and all(
        entry == Slice(0, dim, 1) if isinstance(entry, Slice) else False
        for entry, dim in zip(key, shape, strict=True)
    )


def _index_type(x: Type, key: Key) -> TensorType:
    return tensor(x).with_shape(_result_shape(key))


def _batch_key(key: Key, size: Dim) -> Key:
    return (Slice(0, size, 1), *key)


index: Op = linear(
    "index",
    "x",
    doc="""Basic indexing: ints, slices, None and Ellipsis, as NumPy's `x[key]`.

    Made by ``x[key]``. The gradient is put back in place, zeros elsewhere. On a named size
    bounds are not clamped: ``x[1:]`` needs ``n >= 1``, which the call checks.
    """,
    parameters={"key": None},
    normalize=lambda x, key: {"key": resolve_key(key, tensor(x).shape)},
    identity=_is_whole,
    infer=_index_type,
    requires=lambda x, key: _requirements(key, x.shape),
    kernel=lambda x, key: x[_numpy_key(key)],
    transpose=lambda g, y, x: scatter(g, shape=x.shape, key=y.params["key"]),
    batch=lambda y, inputs, mapped: index(
        inputs[0], key=_batch_key(y.params["key"], inputs[0].shape[0])
    ),
    moves=True,
)


def _scatter_type(x: Type, shape: Shape, key: Key) -> TensorType:
    expected = _result_shape(key)
    if tensor(x).shape != expected:
        raise ShapeError(
            f"the key takes {shape_text(expected)}, not {shape_text(tensor(x).shape)}"
        )
    return tensor(x).with_shape(shape)


def _scatter_kernel(x: Any, shape: tuple[int, ...], key: Key) -> Any:
    result = np.zeros(shape, x.dtype)
    result[_numpy_key(key)] = x
    return result


scatter: Op = linear(
    "scatter",
    "x",
    doc="""Zeros of `shape` with `x` at the basic index `key`: the transpose of `index`.""",
    parameters={"shape": None, "key": None},
    normalize=lambda x, shape, key: {"shape": as_shape(shape), "key": key},
    infer=_scatter_type,
    kernel=_scatter_kernel,
    transpose=lambda g, y, x: index(g, key=y.params["key"]),
    batch=lambda y, inputs, mapped: scatter(
        inputs[0],
        shape=(inputs[0].shape[0], *y.params["shape"]),
        key=_batch_key(y.params["key"], inputs[0].shape[0]),
    ),
    moves=True,
)


@public
def getitem(x: Node, key: Any) -> Node:
    """``x[key]`` for ints, slices, None and Ellipsis. Raises `ShapeError` out of bounds."""
    return index(x, key=key)


REGISTRY.enroll(__name__)
