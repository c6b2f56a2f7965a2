"""Arrays cut into parts along an axis, and entries put in and taken out.

All are slices and, where parts are put together again, `concat`. Where an axis has a named size
the cuts are sizes too, and what they need of it is checked at the call.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.elementwise import cast
from symdiff.ops.index import getitem
from symdiff.ops.joining import concat, expand_dims, moveaxis
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import broadcast_to, reshape
from symdiff.ops.structure import refine
from symdiff.sizes import Dim, Size, as_dim
from symdiff.types import TensorType, normalize_axis

__all__ = ["array_split", "delete", "dsplit", "hsplit", "insert", "split", "unstack", "vsplit"]


def _along(x: Node, axis: int, entry: Any) -> Node:
    """``x[:, …, entry]`` with `entry` at `axis`."""
    return getitem(x, (*[slice(None)] * axis, entry))


# -- parts ---------------------------------------------------------------------------------


@public
def unstack(x: Node, /, *, axis: int = 0) -> tuple[Node, ...]:
    """The entries of `x` along an axis, one by one: the inverse of `stack`.

    Raises `ShapeError` for an axis that `x` does not have, or whose size is named: how many
    nodes there are has to be known.

    >>> import symdiff as sd
    >>> a, b = sd.unstack(sd.Graph().input("x", sd.f64["n", 2]), axis=1)
    >>> b
    %1 : f64[n] = index x key=(0:n,1)
    """
    (x,) = as_nodes("unstack", (x,))
    with listing("unstack", {"x": x}):
        place = normalize_axis(axis, x.ndim, "unstack")
        count = x.shape[place]
        if isinstance(count, Size):
            raise ShapeError(f"axis {place} has {count} entries, a number known only at the call")
    return tuple(_along(x, place, k) for k in range(count))


def _split_at(x: Node, cuts: Sequence[Any], axis: int) -> list[Node]:
    bounds = [None, *cuts, None]
    return [_along(x, axis, slice(start, stop)) for start, stop in pairwise(bounds)]


def _cuts(indices: Iterable[Any]) -> list[Dim]:
    try:
        return [as_dim(cut) for cut in indices]
    except TypeError:
        raise ArgumentError(
            f"parts are given by their number or by a list of cuts, not by {indices!r}"
        ) from None


def _number_of_parts(given: Any) -> int | None:
    """The number of parts; None for a list of cuts."""
    if isinstance(given, Size | str | Node):
        raise ArgumentError(
            f"{given!r} parts: how many nodes there are has to be known before the call"
        )
    try:
        count = operator.index(given)
    except TypeError:
        return None
    if isinstance(given, bool) or count < 1:
        raise ArgumentError(f"{given!r} is not a number of parts, which is at least 1")
    return count


@public
def split(x: Node, indices_or_sections: Any, /, *, axis: int = 0) -> list[Node]:
    """`x` cut along `axis` into equal parts, or at given places.

    Arguments: `indices_or_sections`, the number of parts, or a list of the places (ints or
    sizes, as in slices) at which to cut. Returns a list of nodes. Raises `ShapeError` where an
    axis cannot be divided equally; for a named size that is checked at the call.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 6])
    >>> [part.type for part in sd.split(x, [1, 3], axis=1)]
    [f64[n,1], f64[n,2], f64[n,3]]
    >>> [part.type for part in sd.split(x, 2)]
    [f64[n//2,6], f64[n//2,6]]
    """
    (x,) = as_nodes("split", (x,))
    with listing("split", {"x": x}):
        place = normalize_axis(axis, x.ndim, "split")
        count = _number_of_parts(indices_or_sections)
        if count is None:
            return _split_at(x, _cuts(indices_or_sections), place)
        dim = x.shape[place]
        each = dim // count
        if each * count != dim:
            if isinstance(dim, int):
                raise ShapeError(
                    f"{dim} entries along axis {place} cannot be cut into {count} equal parts; "
                    "sd.array_split cuts them as equally as can be"
                )
            whole = (*x.shape[:place], each * count, *x.shape[place + 1 :])
            x = refine(x, TensorType(x.dtype, whole))
        return _split_at(x, [each * k for k in range(1, count)], place)


@public
def array_split(x: Node, indices_or_sections: Any, /, *, axis: int = 0) -> list[Node]:
    """`split`, but parts need not be equal: the first ones may have an entry more.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[8])
    >>> [part.shape for part in sd.array_split(x, 3)]
    [(3,), (3,), (2,)]
    """
    (x,) = as_nodes("array_split", (x,))
    with listing("array_split", {"x": x}):
        place = normalize_axis(axis, x.ndim, "array_split")
        count = _number_of_parts(indices_or_sections)
        if count is None:
            return _split_at(x, _cuts(indices_or_sections), place)
        dim = x.shape[place]
        lengths = [(dim + (count - 1 - k)) // count for k in range(count)]
        return _split_at(x, list(accumulate(lengths[:-1])), place)


def _split_along(name: str, x: Node, given: Any, axis: int, least: int) -> list[Node]:
    """`split` for a node of at least so many axes."""
    (x,) = as_nodes(name, (x,))
    with listing(name, {"x": x}):
        if x.ndim < least:
            raise ShapeError(f"{least} axes are needed, and x has {x.ndim}")
        return split(x, given, axis=min(axis, x.ndim - 1))


@public
def vsplit(x: Node, indices_or_sections: Any, /) -> list[Node]:
    """`split` along the first axis of at least two: matrices cut into rows."""
    return _split_along("vsplit", x, indices_or_sections, 0, 2)


@public
def hsplit(x: Node, indices_or_sections: Any, /) -> list[Node]:
    """`split` along the second axis, or along the only one of a vector."""
    return _split_along("hsplit", x, indices_or_sections, 1, 1)


@public
def dsplit(x: Node, indices_or_sections: Any, /) -> list[Node]:
    """`split` along the third axis."""
    return _split_along("dsplit", x, indices_or_sections, 2, 3)


# -- entries put in and taken out ----------------------------------------------------------


def _flat_or_along(name: str, x: Any, axis: int | None) -> tuple[Node, int]:
    """The node, flattened where no axis is given, and the axis."""
    (x,) = as_nodes(name, (x,))
    if axis is None:
        return reshape(x, shape=(-1,)), 0
    with listing(name, {"x": x}):
        return x, normalize_axis(axis, x.ndim, name)


def _places(name: str, obj: Any, dim: Dim, last: int) -> list[int]:
    """Static places along an axis as ints >= 0; `last` is 1 where the end itself is one."""
    if isinstance(obj, Node) or (isinstance(obj, list | tuple) and _holds_node(obj)):
        raise ArgumentError(
            f"{name}: the places must be known before the call, for the result's size depends on "
            "them; a node has no value yet"
        )
    if isinstance(dim, Size):
        raise ShapeError(
            f"{name}: several places along an axis of the size {dim} cannot be told before the "
            "call; use slices and sd.concat"
        )
    if isinstance(obj, slice):
        return list(range(*obj.indices(dim)))
    given = np.asarray(obj)
    if given.dtype == bool:
        if given.shape != (dim,):
            raise ShapeError(f"{name}: the mask has the shape {given.shape}, not ({dim},)")
        return [int(k) for k in np.flatnonzero(given)]
    if given.size and given.dtype.kind not in "iu":
        raise ArgumentError(f"{name}: places are ints, slices or masks, not {obj!r}")
    for k in given.ravel().tolist():
        if not -dim <= k < dim + last:
            raise ShapeError(f"{name}: place {k} is out of bounds for an axis of {dim} entries")
    return [int(k) + dim if k < 0 else int(k) for k in given.ravel()]


def _holds_node(obj: Any) -> bool:
    return any(isinstance(entry, Node) for entry in obj)


def _is_one(obj: Any) -> bool:
    return isinstance(obj, int | np.integer | Size) and not isinstance(obj, bool)


@public
def delete(x: Node, obj: Any, /, *, axis: int | None = None) -> Node:
    """`x` without the entries at `obj` along `axis`; with None, by default, `x` is flattened.

    Arguments: `obj`, an int or size, a slice, a list of ints or a mask, known before the call.
    Raises `ShapeError` out of bounds.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.delete(x, 1).type
    f64[n-1]
    """
    x, place = _flat_or_along("delete", x, axis)
    with listing("delete", {"x": x}):
        if _is_one(obj) and (isinstance(obj, Size) or isinstance(x.shape[place], Size)):
            _along(x, place, obj)  # which refuses what is out of bounds
            rest = slice(obj + 1, None) if obj != -1 else slice(x.shape[place], None)
            return concat([_along(x, place, slice(None, obj)), _along(x, place, rest)], axis=place)
        gone = _places("delete", obj, x.shape[place], 0)
        kept = np.ones(x.shape[place], bool)
        kept[gone] = False
        # Where it changes: every other place begins a run of neighbours, which is one slice.
        edges = np.flatnonzero(np.diff(kept, prepend=False, append=False)).tolist()
        if not edges:
            return _along(x, place, slice(0, 0))
        runs = zip(edges[::2], edges[1::2], strict=True)
        return concat([_along(x, place, slice(i, j)) for i, j in runs], axis=place)


@public
def insert(x: Node, obj: Any, values: Any, /, *, axis: int | None = None) -> Node:
    """`x` with `values` put in before the places `obj` along `axis`; None flattens `x`.

    Arguments: `obj`, an int or size, a slice, a list of ints or a mask, known before the call;
    `values`, a node, array or number, in the dtype of `x` and broadcast to what is put in. As
    in NumPy several values may go before one place, and places count in `x` as it was.
    Raises `ShapeError` out of bounds and where values do not fit.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 2])
    >>> sd.insert(x, 1, 0.0, axis=1).type
    f64[n,3]
    """
    x, values = as_nodes("insert", (x, values))
    x, place = _flat_or_along("insert", x, axis)
    values = cast(values, dtype=x.dtype)
    with listing("insert", {"x": x, "values": values}):
        if values.ndim < x.ndim:
            values = expand_dims(values, tuple(range(x.ndim - values.ndim)))
        if _is_one(obj):
            values = moveaxis(values, 0, place)
            shape = (*x.shape[:place], values.shape[place], *x.shape[place + 1 :])
            first, second = _split_at(x, [_checked(x, place, obj)], place)
            return concat([first, broadcast_to(values, shape=shape), second], axis=place)
        places = _places("insert", obj, x.shape[place], 1)
        if len(places) == 1:
            return insert(x, places[0], moveaxis(values, place, 0), axis=place)
        if not places:
            return x
        shape = (*x.shape[:place], len(places), *x.shape[place + 1 :])
        values = broadcast_to(values, shape=shape)
        parts: list[Node] = []
        before = 0
        for k in sorted(range(len(places)), key=places.__getitem__):
            parts += [_along(x, place, slice(before, places[k]))] if places[k] > before else []
            parts.append(_along(values, place, slice(k, k + 1)))
            before = places[k]
        return concat([*parts, _along(x, place, slice(before, None))], axis=place)


def _checked(x: Node, axis: int, obj: Any) -> Any:
    """One place; NumPy's slices clamp what is out of bounds, and `insert` must not."""
    dim = x.shape[axis]
    if isinstance(dim, int) and not isinstance(obj, Size) and not -dim <= obj <= dim:
        raise ShapeError(f"place {obj} is out of bounds for an axis of {dim} entries")
    return obj


# -- NumPy's names -------------------------------------------------------------------------

numpy_function(np.unstack)(unstack)
numpy_function(np.vsplit)(lambda ary, indices_or_sections: vsplit(ary, indices_or_sections))
numpy_function(np.hsplit)(lambda ary, indices_or_sections: hsplit(ary, indices_or_sections))
numpy_function(np.dsplit)(lambda ary, indices_or_sections: dsplit(ary, indices_or_sections))
numpy_function(np.delete)(lambda arr, obj, axis=None: delete(arr, obj, axis=axis))
numpy_function(np.insert)(lambda arr, obj, values, axis=None: insert(arr, obj, values, axis=axis))


@numpy_function(np.split)
def _np_split(ary: Node, indices_or_sections: Any, axis: int = 0) -> list[Node]:
    return split(ary, indices_or_sections, axis=axis)


@numpy_function(np.array_split)
def _np_array_split(ary: Node, indices_or_sections: Any, axis: int = 0) -> list[Node]:
    return array_split(ary, indices_or_sections, axis=axis)


REGISTRY.enroll(__name__)
