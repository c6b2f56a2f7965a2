"""NumPy's keys with arrays in them, taken apart into basic indexing and a `gather`.

A key such as ``x[1:, 0, i, None, mask]`` is read once, from the left ("Advanced indexing",
NumPy's user guide). Slices, ints and None are left to `index`; arrays of ints stand for axes of
what that gives. Ints count as arrays of indices where there are any: they decide with them
whether the axes of the indices stay in place or come first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.ops.gather import gather
from symdiff.ops.index import Key, index, is_advanced, resolve_key
from symdiff.ops.joining import stack
from symdiff.ops.structure import refine
from symdiff.sizes import Dim, definitely_different
from symdiff.types import Shape, TensorType, shape_text

__all__ = ["Places", "is_mask", "places_of", "read"]

_WHOLE = slice(None)
_NOTHING = object()
"""An Ellipsis that stands for no axes; it keeps its neighbours apart all the same."""


class Places(NamedTuple):
    """What a key means for `x`: ``index(x, key=basic)``, then arrays of indices for `axes`.

    With no indices the key is a basic one. `x` is the array the key was for, stated to be of
    the shape that masks in the key require.
    """

    x: Node
    basic: Key
    indices: tuple[Node, ...]
    axes: tuple[int, ...]
    at: int

    @property
    def where(self) -> dict[str, Any]:
        """The params of `gather` and its kin."""
        return {"axes": self.axes, "at": self.at}


def read(x: Node, key: Any) -> Node:
    """``x[key]`` for any key. Raises `ShapeError` for static indices out of bounds."""
    places = places_of(x, key)
    part = index(places.x, key=places.basic)
    return gather(part, *places.indices, **places.where) if places.indices else part


def places_of(x: Node, key: Any) -> Places:
    """The key taken apart; errors list the array and the key."""
    entries = list(key) if isinstance(key, tuple) else [key]
    with listing("index", {"x": x}):
        entries = [_entry(x, e, k) if is_advanced(e) else e for k, e in enumerate(entries)]
        entries = _spelled_out(entries, x.shape)
        return _Reader(x).places(entries)


# -- entries -------------------------------------------------------------------------------


def is_mask(entry: Any) -> bool:
    """Whether an entry is a mask that only a call settles."""
    return isinstance(entry, Node) and entry.dtype.kind == "b" and entry.op.name != "constant"


def _entry(x: Node, entry: Any, number: int) -> Any:
    """An array of ints or booleans, or a node of ints, for what stands in the key."""
    if isinstance(entry, list | tuple) and any(isinstance(part, Node) for part in entry):
        entry = stack(entry)
    if is_mask(entry):
        raise ArgumentError(
            f"how many entries the mask {entry!r} takes depends on its values; choose with "
            "sd.where(mask, x, other), or say how many with x[sd.nonzero(mask, size=...)]"
        )
    if isinstance(entry, Node):
        if entry.op.name == "constant":
            return _entry(x, entry.params["value"].array, number)
        if entry.dtype.kind not in "iu":
            raise DTypeError(f"an array of indices has integers; entry {number} is {entry.type}")
        return entry
    try:
        array = np.asarray(entry)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"entry {number} of the key is no array of indices: {error}") from None
    if not array.size and isinstance(entry, list | tuple):
        array = array.astype(np.int64)  # NumPy makes an empty list an array of floats
    if array.dtype.kind not in "iub":
        raise DTypeError(
            f"an array of indices has integers, or booleans for a mask; entry {number} of the "
            f"key has {array.dtype}"
        )
    return array if array.dtype.kind == "b" else array.astype(np.int64)


def _axes_taken(entry: Any) -> int:
    if entry is None or entry is Ellipsis:
        return 0
    return entry.ndim if isinstance(entry, np.ndarray) and entry.dtype.kind == "b" else 1


def _spelled_out(entries: list[Any], shape: Shape) -> list[Any]:
    """The entries with one for each axis: the Ellipsis, or the end, made slices."""
    dots = [k for k, entry in enumerate(entries) if entry is Ellipsis]
    if len(dots) > 1:
        raise ArgumentError("an index can only have one Ellipsis ('...')")
    taken = sum(map(_axes_taken, entries))
    if taken > len(shape):
        raise ShapeError(f"{taken} indices for the {len(shape)} axes of {shape_text(shape)}")
    rest: list[Any] = [_WHOLE] * (len(shape) - taken)
    if not dots:
        return [*entries, *rest]
    return [*entries[: dots[0]], *(rest or [_NOTHING]), *entries[dots[0] + 1 :]]


# -- the key, from left to right -----------------------------------------------------------


class _Reader:
    """What has been read of a key so far."""

    def __init__(self, x: Node) -> None:
        self.x = x
        self.shape = list(x.shape)
        self.axis = 0  # the next axis of x
        self.basic: list[Any] = []
        self.place = 0  # the next axis of what the basic part gives
        self.indices: list[Any] = []
        self.axes: list[int] = []
        self.first: int | None = None  # where the first index is, and whether all are neighbours
        self.together = True
        self.open = False

    def places(self, entries: list[Any]) -> Places:
        for entry in entries:
            plain = entry is None or entry is _NOTHING or isinstance(entry, slice)
            if plain:
                self.open = False
            elif self.first is None:
                self.first, self.open = self.place, True
            elif not self.open:
                self.together = False
            self._take(entry)
        x = self.x
        if tuple(self.shape) != x.shape:
            x = refine(x, TensorType(x.dtype, tuple(self.shape)))
        graph = x.graph
        nodes = [i if isinstance(i, Node) else graph.constant(i) for i in self.indices]
        at = self.first if self.together and self.first is not None else 0
        basic = resolve_key(tuple(self.basic), x.shape)
        return Places(x, basic, tuple(nodes), tuple(self.axes), at)

    def _take(self, entry: Any) -> None:
        match entry:
            case _ if entry is _NOTHING:
                return
            case None:
                self._basic(None, 0)
            case slice():
                self._basic(entry, 1)
            case Node():
                self._indexed(entry)
            case np.ndarray() if entry.dtype.kind != "b" and entry.ndim:
                self._indexed(_from_the_front(entry, self.shape[self.axis], self.axis))
            case np.ndarray() if entry.dtype.kind == "b" and not entry.ndim:
                # A truth value is a new axis that has one entry, or none.
                self.indices.append(np.zeros(int(entry), np.int64))
                self.axes.append(self.place)
                self._basic(None, 0)
            case np.ndarray() if entry.dtype.kind == "b":
                self._match(entry.shape)
                for places in np.nonzero(entry):
                    self._indexed(places.astype(np.int64))
            case _:
                self.basic.append(entry)
                self.axis += 1

    def _basic(self, entry: Any, axes: int) -> None:
        self.basic.append(entry)
        self.axis += axes
        self.place += 1

    def _indexed(self, places: Any) -> None:
        self.indices.append(places)
        self.axes.append(self.place)
        self._basic(_WHOLE, 1)

    def _match(self, mask: tuple[int, ...]) -> None:
        """The axes that a mask stands for have its sizes."""
        for axis, size in enumerate(mask, self.axis):
            if definitely_different(self.shape[axis], size):
                raise ShapeError(
                    f"the mask has {size} entries along axis {axis}, which has the size "
                    f"{self.shape[axis]}"
                )
            self.shape[axis] = size


def _from_the_front(array: np.ndarray[Any, Any], size: Dim, axis: int) -> np.ndarray[Any, Any]:
    """Static indices of an axis of known size, checked and made non-negative."""
    if not isinstance(size, int) or not array.size:
        return array
    bad = array[(array < -size) | (array >= size)]
    if bad.size:
        raise ShapeError(f"index {bad[0]} is out of bounds for axis {axis} with size {size}")
    return np.where(array < 0, array + size, array)
