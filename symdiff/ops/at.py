"""`node.at[key]`: an array with some of its entries replaced, added to, multiplied.

A node never changes, so what NumPy writes as ``x[key] = v`` is a new node here:
``x.at[key].set(v)``. Keys are those of ``x[key]``, and a mask may be one that only a call
settles. Where indices repeat, each of their values takes part: added up, multiplied, compared; of
values to be set the last stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from symdiff.describe import listing
from symdiff.errors import DTypeError, ShapeError
from symdiff.lift import operands
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import public
from symdiff.ops.elementwise import add, divide, multiply, not_equal, subtract, where
from symdiff.ops.extrema import maximum, minimum
from symdiff.ops.gather import gather, in_front, in_rows, index_shape, scatter_add
from symdiff.ops.index import index, is_whole, result_shape, scatter
from symdiff.ops.joining import concat
from symdiff.ops.keys import Places, is_mask, places_of, read
from symdiff.ops.put import assign, never_repeats, put, scatter_max, scatter_min
from symdiff.ops.scans import recurrence
from symdiff.ops.shape import broadcast_to, reshape
from symdiff.ops.sorting import argsort
from symdiff.sizes import Dim
from symdiff.types import Shape, broadcast_shapes, shape_text

__all__ = ["At", "Update", "at"]


class At:
    """What ``node.at`` is: index it to say which entries are meant."""

    __slots__ = ("_x",)

    def __init__(self, x: Node) -> None:
        self._x = x

    def __getitem__(self, key: Any) -> Update:
        return Update(self._x, key)

    def __repr__(self) -> str:
        return f"<{self._x!r}>.at"


class Update:
    """Some entries of an array, and what can be done with them; each gives a new array.

    The values are nodes, arrays or numbers that broadcast to ``x[key]``. They take the dtype of
    `x`, which never changes: what it cannot hold (a fraction among integers, a complex number
    among floats) raises `DTypeError`. Raises `ShapeError` for values that do not broadcast, and
    for static indices out of bounds; those known only at the call raise there.

    With a mask that only a call settles, ``x.at[mask]``, the values broadcast to `x`.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, i = g.input("x", sd.f64[3]), g.input("i", sd.i64[4])
    >>> y = [x.at[i].add(1.0), x.at[0].set(5.0), x.at[x > 2.0].multiply(10.0)]
    >>> sd.evaluate(y, {x: [1.0, 2.0, 3.0], i: [2, 2, 0, -1]})
    [array([2., 2., 6.]), array([5., 2., 3.]), array([ 1.,  2., 30.])]
    """

    __slots__ = ("_key", "_x")

    def __init__(self, x: Node, key: Any) -> None:
        self._x = x
        self._key = key

    def __repr__(self) -> str:
        return f"<{self._x!r}>.at[{self._key!r}]"

    def get(self) -> Node:
        """The entries, ``x[key]``."""
        return read(self._x, self._key)

    def set(self, value: Any) -> Node:
        """`value` in place of the entries; of several for one place the last stays.

        That one alone has a gradient, and what is replaced has none.
        """
        return self._apply("set", value, lambda x, v: v, _set)

    def add(self, value: Any) -> Node:
        """`value` added to the entries: all of several for one place."""
        return self._apply("add", value, add, lambda p, v: add(p.x, _sum(p, v)))

    def subtract(self, value: Any) -> Node:
        """`value` subtracted from the entries: all of several for one place."""
        return self._apply("subtract", value, subtract, lambda p, v: subtract(p.x, _sum(p, v)))

    def multiply(self, value: Any) -> Node:
        """The entries times `value`: times the product of several for one place.

        Derivatives are products of the other factors, without division: zeros are exact.
        """
        return self._apply("multiply", value, multiply, lambda p, v: multiply(p.x, _product(p, v)))

    def divide(self, value: Any) -> Node:
        """The entries divided by `value`: by the product of several for one place.

        Raises `DTypeError` for integers, whose quotients are none.
        """
        with listing("at.divide", {"x": self._x, "value": value}):
            if self._x.dtype.kind in "iub":
                raise DTypeError(f"quotients of {self._x.type} are fractions; cast x to floats")
        return self._apply("divide", value, divide, lambda p, v: divide(p.x, _product(p, v)))

    def max(self, value: Any) -> Node:
        """The larger of the entries and `value`, or of several for one place the largest.

        All that attain it share the gradient equally.
        """
        return self._apply(
            "max", value, maximum, lambda p, v: _extreme(p, v, maximum, scatter_max)
        )

    def min(self, value: Any) -> Node:
        """The smaller of the entries and `value`, or of several for one place the smallest.

        All that attain it share the gradient equally.
        """
        return self._apply(
            "min", value, minimum, lambda p, v: _extreme(p, v, minimum, scatter_min)
        )

    def _apply(
        self,
        name: str,
        value: Any,
        masked: Callable[[Node, Node], Node],
        placed: Callable[[Places, Node], Node],
    ) -> Node:
        x, key = self._x, self._key
        with listing(f"at.{name}", {"x": x, "value": value}):
            found = _as_dtype_of(x, value)
            mask = key[0] if isinstance(key, tuple) and len(key) == 1 else key
            if is_mask(mask):
                return _under_mask(x, mask, found, masked)
        places = places_of(x, key)
        with listing(f"at.{name}", {"x": x, "value": value}):
            return placed(places, _fitted(found, _taken_shape(places)))


@public
def at(x: Node) -> At:
    """``x.at``; see `Update`."""
    return At(x)


# -- the values ----------------------------------------------------------------------------

_KINDS: Final = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def _as_dtype_of(x: Node, value: Any) -> Node:
    """The value as a node in the dtype of `x`."""
    (_, found) = operands(x.graph, multiply, (x, value))
    if _KINDS[found.dtype.kind] > _KINDS[x.dtype.kind]:
        raise DTypeError(
            f"{found.type} does not go into {x.type} without loss; cast one of them (astype)"
        )
    return found.astype(x.dtype)


def _fitted(value: Node, shape: Shape) -> Node:
    """The value broadcast as an assignment of NumPy does it: further axes of length 1 go."""
    extra = value.ndim - len(shape)
    if extra > 0 and all(dim == 1 for dim in value.shape[:extra]):
        value = reshape(value, shape=value.shape[extra:])
    return broadcast_to(value, shape=shape)


def _taken_shape(places: Places) -> Shape:
    """The shape of ``x[key]``."""
    part = result_shape(places.basic)
    if not places.indices:
        return part
    rest = [dim for a, dim in enumerate(part) if a not in places.axes]
    taken = index_shape([i.type for i in places.indices])
    return (*rest[: places.at], *taken, *rest[places.at :])


# -- each way of changing them -------------------------------------------------------------


def _within(places: Places, x: Node, part: Node) -> Node:
    """`x` with another `part`, which the basic key takes."""
    if is_whole(x.type, places.basic):
        return part
    return assign(x, part, key=places.basic)


def _set(places: Places, value: Node) -> Node:
    x = places.x
    if not places.indices:
        return _within(places, x, value)
    part = index(x, key=places.basic)
    return _within(places, x, put(part, value, *places.indices, **places.where))


def _sum(places: Places, value: Node) -> Node:
    """Zeros like `x` with the value at its places, added up."""
    x = places.x
    if places.indices:
        shape = result_shape(places.basic)
        value = scatter_add(value, *places.indices, shape=shape, **places.where)
    if is_whole(x.type, places.basic):
        return value
    return scatter(value, shape=x.shape, keys=(places.basic,))


def _product(places: Places, value: Node) -> Node:
    """Ones like `x` with the value at its places, multiplied."""
    x = places.x
    if places.indices:
        ones = _ones(x, result_shape(places.basic))
        if never_repeats(places.indices):
            value = put(ones, value, *places.indices, **places.where)
        else:
            value = _multiplied(ones, value, places)
    return _within(places, _ones(x, x.shape), value)


def _ones(x: Node, shape: Shape) -> Node:
    return broadcast_to(x.graph.constant(1, x.dtype), shape=shape)


def _multiplied(ones: Node, value: Node, places: Places) -> Node:
    """Ones times the entries of `value` that go to each place.

    Sorted by place, the products of those before and at an entry, starting anew at each place,
    are a linear recurrence (G. E. Blelloch, "Prefix sums and their applications", 1990, 1.5).
    The last one of a place has all factors.
    """
    indices, axes = in_rows(places.indices), places.axes
    flat = _flat(indices, [ones.shape[a] for a in axes])
    order = argsort(flat)
    flat, *indices = (gather(i, order, axes=0) for i in (flat, *indices))
    depth = max(i.ndim for i in places.indices)
    rows = gather(in_front(value, places.at, depth), order, axes=0)
    before = concat([np.array([-1]), flat])[: flat.shape[0]]
    starts = reshape(not_equal(flat, before), shape=(flat.shape[0], *[1] * (rows.ndim - 1)))
    zero = ones.graph.constant(0, rows.dtype)
    end = broadcast_to(zero, shape=(1, *rows.shape[1:]))
    factors = concat([where(starts, zero, rows), end])
    terms = concat([where(starts, rows, zero), end])
    return put(ones, recurrence(factors, terms, axis=0)[1:], *indices, axes=axes, at=0)


def _flat(indices: list[Node], sizes: list[Dim]) -> Node:
    """One number for a place: the same for the same place, however it is counted."""
    first, *rest = [where(i < 0, i + n, i) for i, n in zip(indices, sizes, strict=True)]
    for i, size in zip(rest, sizes[1:], strict=True):
        first = first * size + i
    return first


def _extreme(places: Places, value: Node, choose: Op, several: Op) -> Node:
    x = places.x
    part = index(x, key=places.basic)
    if places.indices:
        return _within(places, x, several(part, value, *places.indices, **places.where))
    return _within(places, x, choose(part, value))


def _under_mask(x: Node, mask: Node, value: Node, change: Callable[[Node, Node], Node]) -> Node:
    """The entries under a mask changed: a choice, entry by entry."""
    if mask.shape != x.shape[: mask.ndim]:
        raise ShapeError(
            f"a mask of shape {shape_text(mask.shape)} does not fit the leading axes of "
            f"{shape_text(x.shape)}"
        )
    if broadcast_shapes([value.shape, x.shape]) != x.shape:
        raise ShapeError(
            f"under a mask that only the call settles, values broadcast to x; "
            f"{shape_text(value.shape)} does not broadcast to {shape_text(x.shape)}"
        )
    condition = reshape(mask, shape=(*mask.shape, *[1] * (x.ndim - mask.ndim)))
    return where(condition, change(x, value), x)


REGISTRY.enroll(__name__)
