"""Places in sorted arrays: searches, bins and their counts, membership.

They give integers and booleans, which have no derivative; what is picked or counted by them,
such as the weights of `bincount`, has one. The order is NumPy's, with NaN last (D. Knuth, *The Art
of Computer Programming*, volume 3, 6.2.1, for the search).
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.along import add_along_axis, take_flat, within
from symdiff.ops.declare import numpy_function, op, public
from symdiff.ops.elementwise import equal, logical_and, where
from symdiff.ops.joining import concat
from symdiff.ops.operands import as_nodes
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.reductions import max as max_
from symdiff.ops.reductions import min as min_
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.ops.sorting import sort
from symdiff.sizes import Dim, as_dim
from symdiff.types import TensorType, Type, promote, shape_text

__all__ = ["bincount", "digitize", "histogram", "isin", "searchsorted"]

Array = np.ndarray[Any, Any]

# -- searchsorted --------------------------------------------------------------------------


def _searched_type(x1: Type, x2: Type, side: str) -> TensorType:
    sorted_, keys = tensor(x1), tensor(x2)
    if not sorted_.rank:
        raise ShapeError("x1 is a scalar; it must have an axis to search along")
    lead = sorted_.shape[:-1]
    if keys.shape[: len(lead)] != lead:
        raise ShapeError(f"the leading axes {shape_text(lead)} of x1 must be those of x2")
    promote(sorted_.dtype, keys.dtype)  # which raises where they cannot be compared
    return TensorType(np.dtype(np.int64), keys.shape)


def _precedes(a: Array, b: Array) -> Array:
    """Whether `a` comes before `b` in NumPy's order, which has NaN last."""
    return (a < b) | ((a == a) & (b != b))  # type: ignore[no-any-return]


def _search_kernel(x1: Array, x2: Array, side: Any) -> Array:
    if x1.ndim == 1:
        return np.asarray(np.searchsorted(x1, x2, side), np.int64)
    # Bisection in all rows at once: NumPy searches in one row.
    count = x1.shape[-1]
    keys = x2.reshape((*x1.shape[:-1], math.prod(x2.shape[x1.ndim - 1 :])))
    low = np.zeros(keys.shape, np.int64)
    high = np.full(keys.shape, count)
    for _ in range(count.bit_length()):
        middle = (low + high) // 2
        entries = np.take_along_axis(x1, np.minimum(middle, count - 1), -1)
        after = _precedes(entries, keys) if side == "left" else ~_precedes(keys, entries)
        after &= low < high
        low, high = np.where(after, middle + 1, low), np.where(after, high, middle)
    return low.reshape(x2.shape)


def _batch_search(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    x1, x2 = inputs
    if mapped[0] or y.inputs[0].ndim > 1:  # rows to search in: one for each of the batch
        size = x1.shape[0] if mapped[0] else x2.shape[0]
        x1, x2 = [
            x if m else broadcast_to(x, shape=(size, *x.shape))
            for x, m in zip(inputs, mapped, strict=True)
        ]
    return y.graph.intern(y.op, (x1, x2), y.params)


def _search_params(x1: Type, x2: Type, side: Any) -> dict[str, Any]:
    if side not in ("left", "right"):
        raise ArgumentError(f"side must be 'left' or 'right', not {side!r}")
    return {"side": side}


_searchsorted: Op = op(
    "searchsorted",
    "x1 x2",
    doc="""Where each entry of `x2` belongs in `x1`, in ascending order along its last axis.

    `x1` has one axis; under batching it has more in front, which `x2` shares. With ``side="left"``
    the place is before entries that are equal, with ``"right"`` after them, as int64: no
    derivative passes. NaN belongs last.
    """,
    parameters={"side": "left"},
    normalize=_search_params,
    infer=_searched_type,
    kernel=_search_kernel,
    vjp=(None, None),
    jvp=(None, None),
    batch=_batch_search,
)


@public
def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Node:
    """Where the entries of `x2` would have to be put into `x1` to keep it in order.

    Arguments: `x1`, of one axis, in ascending order; `x2`, of any shape, or a number; `side`,
    before (``"left"``) or after (``"right"``) the entries that are equal; `sorter`, integers
    that sort `x1`, such as `argsort` gives, where it is not in order itself.

    Returns int64 of the shape of `x2`, in 0 … n; no derivative passes. Raises `ShapeError` for
    an `x1` that has not one axis, `ArgumentError` for another `side`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.evaluate(sd.searchsorted(x, [0.5, 2.0, 9.0]), {x: [1.0, 2.0, 3.0]})
    array([0, 1, 3])
    """
    if np.ndim(x1) != 1:
        with listing("searchsorted", {"x1": x1, "x2": x2}):
            raise ShapeError(f"x1 must have one axis, not {np.ndim(x1)}")
    if sorter is not None:
        x1, x2, order = as_nodes("searchsorted", (x1, x2, sorter), weak=True)
        x1 = take_flat(x1, order)
    return _searchsorted(x1, x2, side=side)


# -- membership and bins -------------------------------------------------------------------


@public
def isin(x1: Any, x2: Any, /, *, invert: bool = False) -> Node:
    """Whether each entry of `x1` is one of the entries of `x2`; with `invert`, whether it is not.

    Arguments: `x1` and `x2`, of any shapes. Returns booleans of the shape of `x1`. NaN is not
    in anything, as it equals nothing.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.i64[4])
    >>> sd.evaluate(sd.isin(x, [2, 3]), {x: [1, 2, 3, 4]})
    array([False,  True,  True, False])
    """
    entries, members = as_nodes("isin", (x1, x2), weak=True)
    order = sort(reshape(members, shape=(-1,)))
    left, right = (_searchsorted(order, entries, side=side) for side in ("left", "right"))
    found = logical_and(left < right, equal(entries, entries))
    return ~found if invert else found


@public
def digitize(x: Any, bins: Any, right: bool = False) -> Node:
    """The bin of each entry: how many of the edges `bins` are at or below it, as `np.digitize`.

    Arguments: `x`, of any shape; `bins`, of one axis, in ascending order, or (for an array, of
    which that can be seen) in descending order, counted from the other end; `right`, whether the
    bins hold their right edge and not their left one.

    Returns int64 of the shape of `x`; no derivative passes. Raises `ArgumentError` for an array
    of edges that are not in order.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.evaluate(sd.digitize(x, [0.0, 1.0, 2.0]), {x: [-1.0, 1.0, 1.5]})
    array([0, 2, 2])
    """
    side = "left" if right else "right"
    if isinstance(bins, Node):
        return searchsorted(bins, x, side=side)
    edges = np.asarray(bins)
    if (edges[:-1] <= edges[1:]).all():
        return searchsorted(edges, x, side=side)
    if not (edges[:-1] >= edges[1:]).all():
        raise ArgumentError("digitize: bins must be in ascending or in descending order")
    return edges.size - searchsorted(edges[::-1], x, side=side)


@public
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Node:
    """How often each of 0 … ``minlength - 1`` occurs in `x`; with `weights`, what those sum to.

    Arguments: `x`, integers of one axis; `weights`, of the same shape; `minlength`, an int or a
    size, the length of the result. In NumPy the result grows with the largest entry; the shape of
    a node cannot, so an entry that is not below `minlength` is an error when the graph runs.

    Returns int64, or the sums in float64. The gradient by the weights is that of the bin of
    each. Raises `DTypeError` for an `x` that is no integer, `ArgumentError` for no `minlength`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.i64["n"])
    >>> sd.evaluate(sd.bincount(x, minlength=4), {x: [0, 2, 2]})
    array([1, 0, 2, 0])
    """
    places, *rest = as_nodes("bincount", (x,) if weights is None else (x, weights), weak=True)
    with listing("bincount", {"x": places} | ({"weights": rest[0]} if rest else {})):
        if places.dtype.kind not in "iu":
            raise DTypeError("x must be integers")
        if places.ndim != 1:
            raise ShapeError(f"x must have one axis, not {places.ndim}")
        if rest and rest[0].shape != places.shape:
            raise ShapeError("x and weights must have one shape")
        length = _length(minlength)
    places = within(places, low=0, high=length - 1, what="entry")
    ones = places.graph.constant(1) if not rest else rest[0].astype(np.float64)
    values = broadcast_to(ones, shape=places.shape)
    return add_along_axis(values, places, shape=(length,), axis=0)


def _length(minlength: Any) -> Dim:
    length = as_dim(minlength)
    if length == 0:
        raise ArgumentError(
            "the length of the result would depend on the data; give minlength, which is it here"
        )
    return length


@public
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Node, Node]:
    """How many entries of `a` fall into each bin, and the edges of the bins, as `np.histogram`.

    Arguments: `a`, of any shape; `bins`, their number, of equal width from ``range[0]`` to
    ``range[1]`` (or from the least to the largest entry), or their edges in ascending order, an
    array or a node; `density`, whether to give the density instead, of integral 1; `weights`, of
    the shape of `a`, what each entry counts.

    A bin holds its left edge, the last one both. Entries outside and NaN count in none. The
    counts are int64, or what the weights sum to, which has a gradient by the weights; the edges
    have one by the data. Raises `ArgumentError` for bins that are none.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> counts, edges = sd.histogram(x, 2)
    >>> sd.evaluate([counts, edges], {x: [0.0, 1.0, 1.5, 2.0]})
    [array([1, 3]), array([0., 1., 2.])]
    """
    x, *rest = as_nodes("histogram", (a,) if weights is None else (a, weights), weak=True)
    if rest and rest[0].shape != x.shape:
        with listing("histogram", {"a": x, "weights": rest[0]}):
            raise ShapeError("a and weights must have one shape")
    x, *rest = [reshape(part, shape=(-1,)) for part in (x, *rest)]
    edges = _edges(x, bins, range)
    count = edges.shape[0] - 1
    # Place 0 is below the first edge, place count + 1 beyond the last.
    places = _searchsorted(edges, x, side="right")
    places = where(equal(x, edges[-1]), count, places)
    values = rest[0] if rest else broadcast_to(x.graph.constant(1), shape=x.shape)
    found = add_along_axis(values, places, shape=(count + 2,), axis=0)[1:-1]
    if density:
        found = found / sum_(found) / (edges[1:] - edges[:-1])
    return found, edges


def _edges(x: Node, bins: Any, limits: Any) -> Node:
    """The edges of the bins, in NumPy's words: `bins` of them between `limits`, or as given."""
    if isinstance(bins, str):
        raise ArgumentError(
            f"histogram: how many bins {bins!r} makes depends on the data, and the shape of a "
            "node does not; give their number or edges"
        )
    if np.ndim(bins) == 1:
        if not isinstance(bins, Node) and not (np.diff(bins) >= 0).all():
            raise ArgumentError("histogram: the edges of bins must be in ascending order")
        return x.graph.constant(bins)
    number = operator.index(bins)
    if number < 1:
        raise ArgumentError(f"histogram: there must be a bin, not {number}")
    if limits is not None:
        return x.graph.constant(np.histogram_bin_edges([], number, limits))
    low, high = (f(x).astype(promote(x.dtype, float)) for f in (min_, max_))
    level = equal(low, high)
    low, high = where(level, low - 0.5, low), where(level, high + 0.5, high)
    inner = low + (high - low) / number * np.arange(number)
    return concat([inner, reshape(high, shape=(1,))])


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.searchsorted)
def _np_searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Node:
    return searchsorted(a, v, side=side, sorter=sorter)


@numpy_function(np.isin)
def _np_isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Node:
    return isin(element, test_elements, invert=bool(invert))


numpy_function(np.digitize)(digitize)
numpy_function(np.bincount)(bincount)
numpy_function(np.histogram)(histogram)

REGISTRY.enroll(__name__)
