"""Arrays put beside, below and behind one another, as NumPy's stacking functions do.

All are compositions of `concat` and `reshape`: operands of few axes first get axes of length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.joining import as_asked, concat, expand_dims, listed
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import reshape

__all__ = [
    "append",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "column_stack",
    "dstack",
    "hstack",
    "vstack",
]

# -- axes of length 1 ----------------------------------------------------------------------


def _leading(x: Any, rank: int) -> Any:
    """A node or array of at least `rank` axes; new ones come first."""
    missing = rank - np.ndim(x)
    if missing <= 0:
        return x
    if isinstance(x, Node):
        return expand_dims(x, tuple(range(missing)))
    return np.asarray(x)[(None,) * missing]


def _with_depth(x: Any) -> Any:
    """A node or array of at least three axes: a row is ``(1, n, 1)``, a matrix ``(m, n, 1)``."""
    x = _leading(x, 2)
    if np.ndim(x) > 2:
        return x
    return expand_dims(x, -1) if isinstance(x, Node) else np.asarray(x)[..., None]


def _each(name: str, arrays: tuple[Any, ...], widened: Callable[[Node], Node]) -> Any:
    found = tuple(map(widened, as_nodes(name, arrays)))
    return found[0] if len(found) == 1 else found


@public
def atleast_1d(*arrays: Any) -> Any:
    """The arrays, a scalar as an array of one entry; one node, or a tuple where several come."""
    return _each("atleast_1d", arrays, lambda x: _leading(x, 1))


@public
def atleast_2d(*arrays: Any) -> Any:
    """The arrays with at least two axes: a vector is one row. A tuple where several come."""
    return _each("atleast_2d", arrays, lambda x: _leading(x, 2))


@public
def atleast_3d(*arrays: Any) -> Any:
    """The arrays with at least three axes: vectors become ``(1, n, 1)``, matrices ``(m, n, 1)``.

    >>> import symdiff as sd
    >>> sd.atleast_3d(sd.Graph().input("x", sd.f64["n"])).type
    f64[1,n,1]
    """
    return _each("atleast_3d", arrays, _with_depth)


# -- joining -------------------------------------------------------------------------------


@public
def vstack(arrays: Iterable[Any], /) -> Node:
    """Arrays one below the other: joined along the first axis, vectors being rows.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.vstack([x, 2 * x]).type
    f64[2,n]
    """
    return concat([_leading(x, 2) for x in listed("vstack", arrays)])


@public
def hstack(arrays: Iterable[Any], /) -> Node:
    """Arrays side by side: joined along the second axis, vectors along their only one.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, "n"])
    >>> sd.hstack([x, x]).type
    f64[2,2*n]
    """
    parts = listed("hstack", arrays)
    axis = 0 if np.ndim(parts[0]) <= 1 else 1
    return concat([_leading(x, 1) for x in parts], axis=axis)


@public
def dstack(arrays: Iterable[Any], /) -> Node:
    """Arrays behind one another: joined along the third axis, which matrices and vectors get.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.dstack([x, x]).type
    f64[1,n,2]
    """
    return concat([_with_depth(x) for x in listed("dstack", arrays)], axis=2)


@public
def column_stack(arrays: Iterable[Any], /) -> Node:
    """Vectors as the columns of a matrix; matrices among them give all of theirs.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.column_stack([x, x**2, x**3]).type
    f64[n,3]
    """

    def as_columns(x: Any) -> Any:
        if np.ndim(x) > 1:
            return x
        return reshape(x, shape=(-1, 1)) if isinstance(x, Node) else np.reshape(x, (-1, 1))

    return concat([as_columns(x) for x in listed("column_stack", arrays)], axis=1)


@public
def append(x: Any, values: Any, /, *, axis: int | None = None) -> Node:
    """`x` followed by `values` along `axis`; with None, by default, both are flattened before.

    Raises `ShapeError` where they do not fit.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.append(x, 1.0).type
    f64[n+1]
    """
    return concat([x, values], axis=axis)


@public
def block(arrays: Any, /) -> Node:
    """An array put together from nested lists of blocks.

    Blocks of an innermost list are joined along the last axis, those of the list around it along
    the one before, and so on; new axes come first, where a block has fewer. Arguments: `arrays`,
    nodes, arrays and numbers in lists nested equally deep, at least one of them a node. Raises
    `ArgumentError` for an empty list or lists of different depth, `ShapeError` where sizes do
    not fit.

    >>> import symdiff as sd
    >>> A = sd.Graph().input("A", sd.f64["n", 3])
    >>> sd.block([[A, A], [sd.ones((1, 6), like=A)]]).type
    f64[n+1,6]
    """
    leaves = list(_leaves(arrays, ()))
    (first, where), *others = leaves
    for _, place in others:
        if len(place) != len(where):
            raise ArgumentError(
                f"block: lists are nested to different depths: arrays{_path(where)} is "
                f"{len(where)} deep, arrays{_path(place)} {len(place)}"
            )
    rank = max(len(where), *[np.ndim(x) for x, _ in leaves])
    if not where:
        return as_nodes("block", (first,))[0]
    return _block(arrays, len(where), rank)  # type: ignore[no-any-return]


def _leaves(arrays: Any, place: tuple[int, ...]) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The blocks, each with its place in the nested lists."""
    if isinstance(arrays, tuple):
        raise ArgumentError(f"block: arrays{_path(place)} is a tuple; blocks stand in lists")
    if not isinstance(arrays, list):
        yield arrays, place
        return
    if not arrays:
        raise ArgumentError(f"block: arrays{_path(place)} is an empty list")
    for k, entry in enumerate(arrays):
        yield from _leaves(entry, (*place, k))


def _path(place: tuple[int, ...]) -> str:
    return "".join(f"[{k}]" for k in place)


def _block(arrays: Any, depth: int, rank: int) -> Any:
    """Arrays alone stay arrays, so that only what meets a node becomes one."""
    if not depth:
        return _leading(arrays, rank)
    parts = [_block(entry, depth - 1, rank) for entry in arrays]
    if any(isinstance(part, Node) for part in parts):
        return concat(parts, axis=-depth)
    return np.concatenate(parts, axis=-depth)


# -- NumPy's names -------------------------------------------------------------------------

numpy_function(np.atleast_1d)(atleast_1d)
numpy_function(np.atleast_2d)(atleast_2d)
numpy_function(np.atleast_3d)(atleast_3d)
numpy_function(np.column_stack)(lambda tup: column_stack(tup))
numpy_function(np.dstack)(lambda tup: dstack(tup))
numpy_function(np.block)(lambda arrays: block(arrays))
numpy_function(np.append)(lambda arr, values, axis=None: append(arr, values, axis=axis))


@numpy_function(np.vstack)
def _np_vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Node:
    return as_asked(vstack(tup), dtype, casting)


@numpy_function(np.hstack)
def _np_hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Node:
    return as_asked(hstack(tup), dtype, casting)


REGISTRY.enroll(__name__)
