"""Sorting: the entries in order, where they come from, and the first few of them.

Everything here is stable: entries that are equal keep their order, in both directions. NaN comes
last, in both directions too, as `np.sort` puts it. Sorting permutes, and permutations are
constant in between ties, so the derivative is the permutation itself (M. Blondel et al., "Fast
Differentiable Sorting and Ranking", 2020, section 2); at a tie it is that of the stable order.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple, NoReturn

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.along import pick, put_back
from symdiff.ops.declare import numpy_function, op, public
from symdiff.ops.index import index
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import reshape, tensor
from symdiff.sizes import Dim, as_dim
from symdiff.types import TensorType, Type, normalize_axis

__all__ = ["TopK", "argsort", "sort", "top_k"]

Array = np.ndarray[Any, Any]


# -- the two ops ---------------------------------------------------------------------------


def _turned(x: Array) -> Array:
    """`x` in an encoding of which the ascending order is the descending one; its own inverse.

    NaN stays last, and `~x` of an integer never overflows.
    """
    return ~x if x.dtype.kind in "iub" else -x


def _sort_kernel(x: Array, axis: int, descending: bool, stable: bool) -> Array:
    if descending:
        return _turned(_sort_kernel(_turned(x), axis, False, stable))
    # Only signed zeros, and complex NaNs, are equal and yet differ. Otherwise the order of equal
    # entries cannot be seen, and NumPy's default is ten times faster.
    seen = x.dtype.kind == "c" or (x.dtype.kind == "f" and not x.all())
    return np.sort(x, axis=axis, kind="stable" if seen else None)


def _argsort_kernel(x: Array, axis: int, descending: bool, stable: bool) -> Array:
    found = np.argsort(_turned(x) if descending else x, axis=axis, kind="stable")
    return found.astype(np.int64, copy=False)


def _sort_params(name: str) -> Any:
    def normalize(x: Type, axis: Any, descending: Any, stable: Any) -> dict[str, Any]:
        for label, value in (("descending", descending), ("stable", stable)):
            if not isinstance(value, bool | np.bool_):
                raise ArgumentError(f"{label} must be a bool, not {value!r}")
        return {
            "axis": normalize_axis(axis, tensor(x).rank, name),
            "descending": bool(descending),
            "stable": True,  # with stable=False any order of equal entries will do
        }

    return normalize


def _batch_sort(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    return y.graph.intern(y.op, inputs, {**y.params, "axis": y.params["axis"] + 1})


argsort: Op = op(
    "argsort",
    "x",
    doc="""The places that sort `x` along `axis`, as int64.

    Equal entries keep their order, also with `descending`, and with ``stable=False`` too. NaN
    comes last in both directions. Integers: no derivative passes.
    """,
    parameters={"axis": -1, "descending": False, "stable": True},
    normalize=_sort_params("argsort"),
    infer=lambda x, axis, descending, stable: TensorType(np.dtype(np.int64), tensor(x).shape),
    kernel=_argsort_kernel,
    vjp=(None,),
    jvp=(None,),
    batch=_batch_sort,
)

sort: Op = op(
    "sort",
    "x",
    doc="""The entries of `x` in ascending order along `axis`, or with `descending` the other way.

    NaN comes last in both directions. The gradient goes back to where each entry came from;
    entries that are equal count in the order in which they stand (see `argsort`), for any value
    of `stable`.
    """,
    parameters={"axis": -1, "descending": False, "stable": True},
    normalize=_sort_params("sort"),
    infer=lambda x, axis, descending, stable: tensor(x),
    kernel=_sort_kernel,
    vjp=(lambda g, y, x: put_back(g, argsort(x, **y.params), x.shape, y.params["axis"]),),
    jvp=(lambda t, y, x: pick(t, argsort(x, **y.params), axis=y.params["axis"]),),
    batch=_batch_sort,
)

# -- the first few -------------------------------------------------------------------------


class TopK(NamedTuple):
    """What `top_k` gives: the entries chosen, and where they stand."""

    values: Node
    indices: Node


@public
def top_k(x: Node, k: Any, /, *, axis: int = -1, mode: str = "largest") -> TopK:
    """The `k` largest entries along `axis`, or with ``mode="smallest"`` the smallest, in order.

    Arguments: `x`, of one axis or more; `k`, an int or a size, at most the length of the axis.
    Returns ``(values, indices)`` with `k` entries along `axis`: the values in descending order
    (ascending for the smallest) and their places, int64. Of entries that tie the first ones are
    taken; NaN is taken last.

    The gradient goes to the entries chosen. Raises `ShapeError` for a `k` beyond the axis, at
    the call where sizes are named, and `ArgumentError` for another `mode`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[4])
    >>> values, indices = sd.top_k(x, 2)
    >>> found = [values, indices, sd.grad(sd.sum(values), x)]
    >>> sd.evaluate(found, {x: [1.0, 7.0, 2.0, 7.0]})
    [array([7., 7.]), array([1, 3]), array([0., 1., 0., 1.])]
    """
    with listing("top_k", {"x": x}):
        if mode not in ("largest", "smallest"):
            raise ArgumentError(f"mode must be 'largest' or 'smallest', not {mode!r}")
        axis = normalize_axis(axis, x.ndim, "top_k")
        count = _count(k, x.shape[axis], axis)
    order = argsort(x, axis=axis, descending=mode == "largest")
    key = [Slice(0, dim, 1) for dim in x.shape]
    key[axis] = Slice(0, count, 1)
    indices = index(order, key=tuple(key))
    return TopK(pick(x, indices, axis=axis), indices)


def _count(k: Any, size: Dim, axis: int) -> Dim:
    count = as_dim(k)
    if isinstance(count, int) and (count < 0 or (isinstance(size, int) and count > size)):
        raise ShapeError(f"{count} entries cannot be taken from axis {axis} of size {size}")
    return count


# -- NumPy's names -------------------------------------------------------------------------

_KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")


def _refuse(name: str, kind: Any, order: Any) -> None:
    if order is not None:
        raise ArgumentError(f"np.{name}: order={order!r} is for fields, which nodes have none of")
    if kind not in _KINDS:
        raise ArgumentError(f"np.{name}: kind must be one of {_KINDS[1:]}, not {kind!r}")


def _flattened(a: Node, axis: Any) -> tuple[Node, Any]:
    return (reshape(a, shape=(-1,)), 0) if axis is None else (a, axis)


@numpy_function(np.sort)
def _np_sort(
    a: Node, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Node:
    _refuse("sort", kind, order)
    a, axis = _flattened(a, axis)
    return sort(a, axis=axis)


@numpy_function(np.argsort)
def _np_argsort(
    a: Node, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Node:
    _refuse("argsort", kind, order)
    a, axis = _flattened(a, axis)
    return argsort(a, axis=axis)


def _check_kth(name: str, a: Node, kth: Any, axis: Any, kind: Any, order: Any) -> None:
    _refuse(name, None if kind == "introselect" else kind, order)
    with listing(f"np.{name}", {"a": a}):
        size = a.shape[normalize_axis(axis, a.ndim, name)]
        for place in np.atleast_1d(kth).tolist():
            try:
                place = operator.index(place)
            except TypeError:
                raise ArgumentError(f"kth must be ints, not {kth!r}") from None
            if isinstance(size, int) and not -size <= place < size:
                raise ShapeError(f"kth {place} is out of bounds for axis {axis} of size {size}")


@numpy_function(np.partition)
def _np_partition(
    a: Node, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Node:
    """All in order: entry `kth` in its place, smaller ones before it, as a partition has them."""
    a, axis = _flattened(a, axis)
    _check_kth("partition", a, kth, axis, kind, order)
    return sort(a, axis=axis)


@numpy_function(np.argpartition)
def _np_argpartition(
    a: Node, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Node:
    a, axis = _flattened(a, axis)
    _check_kth("argpartition", a, kth, axis, kind, order)
    return argsort(a, axis=axis)


@numpy_function(np.sort_complex)
def _np_sort_complex(a: Node) -> Node:
    return sort(a).astype(np.result_type(a.dtype, np.complex64))


@numpy_function(np.lexsort)
def _np_lexsort(keys: Any, axis: int = -1) -> Node:
    """By the last key first; the stable order of the keys before it settles its ties."""
    parts = as_nodes("np.lexsort", keys)
    with listing("np.lexsort", {f"keys[{k}]": part for k, part in enumerate(parts)}):
        if any(part.shape != parts[0].shape for part in parts):
            raise ShapeError("the keys must have one shape")
        axis = normalize_axis(axis, parts[0].ndim, "np.lexsort")
    order = argsort(parts[0], axis=axis)
    for key in parts[1:]:
        order = pick(order, argsort(pick(key, order, axis=axis), axis=axis), axis=axis)
    return order


@numpy_function(np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values)
def _np_unique(*args: Any, **named: Any) -> NoReturn:
    raise ArgumentError(
        "np.unique: how many entries differ depends on the data, and the shape of a node does "
        "not; sd.sort puts equal entries together, and NumPy finds them in the data beforehand"
    )


REGISTRY.enroll(__name__)
