"""Entries moved about and repeated: roll, flip, rotate, tile, repeat.

`roll` is an op of its own, since by how much it turns an axis of a named size is settled at the
call. The others are compositions: a flip is a slice with a step of -1, and what is repeated is
spread along a new axis that `reshape` then merges, so that the gradient sums over that axis.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import linear, numpy_function, public
from symdiff.ops.index import getitem
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import broadcast_to, permute_dims, reshape, tensor
from symdiff.ops.take import take
from symdiff.sizes import Dim, Size, as_dim
from symdiff.types import Type, normalize_axes, normalize_axis

__all__ = ["flip", "fliplr", "flipud", "repeat", "roll", "rot90", "tile"]

# -- roll ----------------------------------------------------------------------------------


def _shift(value: Any) -> Dim:
    if isinstance(value, float | np.floating | bool | np.bool_):
        raise ArgumentError(f"shifts are ints or sizes, not {value!r}")
    return as_dim(value)


def _roll_params(x: Type, shift: Any, axis: Any) -> dict[str, Any]:
    """One shift for each axis that is turned: in order, below the size where that is known."""
    source = tensor(x)
    shifts = [_shift(s) for s in (shift if isinstance(shift, tuple | list) else (shift,))]
    axes = [
        normalize_axis(a, source.rank, "roll")
        for a in (axis if isinstance(axis, tuple | list) else (axis,))
    ]
    if len(shifts) != len(axes) and 1 not in (len(shifts), len(axes)):
        raise ArgumentError(f"{len(shifts)} shifts do not go with {len(axes)} axes")
    shifts = shifts * (len(axes) if len(shifts) == 1 else 1)
    axes = axes * (len(shifts) if len(axes) == 1 else 1)
    total: dict[int, Dim] = dict.fromkeys(sorted(axes), 0)
    for k, s in zip(axes, shifts, strict=True):
        total[k] = total[k] + s
    for k, s in total.items():
        dim = source.shape[k]
        if isinstance(s, int) and isinstance(dim, int):
            total[k] = s % dim if dim else 0
        elif s == dim:
            total[k] = 0
    total = {k: s for k, s in total.items() if s != 0}
    return {"shift": tuple(total.values()), "axis": tuple(total)}


_roll: Op = linear(
    "roll",
    "x",
    doc="""`x` turned by `shift` along `axis`: what falls off one end comes in at the other.

    Made by `sd.roll`. Its transpose turns the other way.
    """,
    parameters={"shift": REQUIRED, "axis": REQUIRED},
    normalize=_roll_params,
    identity=lambda x, shift, axis: not axis,
    infer=lambda x, shift, axis: tensor(x),
    kernel=lambda x, shift, axis: np.roll(x, shift, axis),
    transpose=lambda g, y, x: _roll(
        g, shift=tuple(-s for s in y.params["shift"]), axis=y.params["axis"]
    ),
    batch=lambda y, inputs, mapped: _roll(
        inputs[0], shift=y.params["shift"], axis=tuple(a + 1 for a in y.params["axis"])
    ),
    moves=True,
)


@public
def roll(x: Node, /, shift: Any, *, axis: int | tuple[int, ...] | None = None) -> Node:
    """`x` turned by `shift` places along `axis`: what falls off one end comes in at the other.

    Arguments: `shift`, an int or a size, or a tuple of them, one for each axis; `axis`, an int,
    a tuple, or None, by default, to turn the entries in row-major order. A shift counts modulo
    the size of its axis, which may be named. Raises `ShapeError` for an axis that `x` does not
    have, `ArgumentError` where shifts and axes differ in number.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.evaluate(sd.roll(x, 1), {x: [1.0, 2.0, 3.0]})
    array([3., 1., 2.])
    """
    (x,) = as_nodes("roll", (x,))
    if axis is None:
        flat = reshape(x, shape=(-1,))
        total = [shift] if not isinstance(shift, tuple | list) else list(shift)
        return reshape(_roll(flat, shift=total, axis=0), shape=x.shape)
    return _roll(x, shift=shift, axis=axis)


# -- flip and rotate -----------------------------------------------------------------------


@public
def flip(x: Node, /, *, axis: int | tuple[int, ...] | None = None) -> Node:
    """`x` with the order of its entries along `axis` reversed (an int, a tuple, or None for all).

    Raises `ShapeError` for an axis that `x` does not have.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 2])
    >>> sd.flip(x, axis=0)
    %0 : f64[n,2] = index x key=(n-1::-1,0:2)
    """
    (x,) = as_nodes("flip", (x,))
    with listing("flip", {"x": x}):
        axes = normalize_axes(axis, x.ndim, "flip")
    return getitem(x, tuple(slice(None, None, -1 if k in axes else 1) for k in range(x.ndim)))


def _of_rank(name: str, x: Any, least: int) -> Node:
    (x,) = as_nodes(name, (x,))
    with listing(name, {"x": x}):
        if x.ndim < least:
            raise ShapeError(f"{least} axes are needed, and x has {x.ndim}")
    return x  # type: ignore[no-any-return]


@public
def flipud(x: Node, /) -> Node:
    """`x` upside down: the order along the first axis reversed. `ShapeError` for a scalar."""
    return flip(_of_rank("flipud", x, 1), axis=0)


@public
def fliplr(x: Node, /) -> Node:
    """`x` from right to left: the order along the second axis reversed; needs two axes."""
    return flip(_of_rank("fliplr", x, 2), axis=1)


@public
def rot90(x: Node, /, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Node:
    """`x` turned by `k` quarters of a circle in a plane, from its first axis to its second.

    Raises `ShapeError` for axes that `x` does not have, or one named twice.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, 2])
    >>> sd.evaluate(sd.rot90(x), {x: [[1.0, 2.0], [3.0, 4.0]]})
    array([[2., 4.],
           [1., 3.]])
    """
    (x,) = as_nodes("rot90", (x,))
    with listing("rot90", {"x": x}):
        if len(axes) != 2:
            raise ArgumentError(f"a plane has two axes; {len(axes)} given")
        normalize_axes(axes, x.ndim, "rot90")  # refuses one named twice
        first, second = (normalize_axis(a, x.ndim, "rot90") for a in axes)
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    match operator.index(k) % 4:
        case 0:
            return x
        case 1:
            return permute_dims(flip(x, axis=second), axes=order)
        case 2:
            return flip(x, axis=(first, second))
    return flip(permute_dims(x, axes=order), axis=second)


# -- repeated entries ----------------------------------------------------------------------


def _count(value: Any, what: str) -> Dim:
    """How many times, an int >= 0 or a size."""
    if isinstance(value, Node):
        raise ArgumentError(
            f"{what} must be known before the call, for the result's size depends on them; a node "
            "has no value yet. Pass ints, or a size such as 'n'"
        )
    if isinstance(value, float | np.floating):
        raise ArgumentError(f"{what} are ints or sizes, not {value!r}")
    count = as_dim(value)
    if isinstance(count, int) and count < 0:
        raise ShapeError(f"{what} are never negative, as {count} is")
    return count


@public
def tile(x: Node, repetitions: Any, /) -> Node:
    """Copies of `x` side by side: `repetitions` of them along each axis.

    Arguments: `repetitions`, an int or size >= 0, or a tuple of them. Where they are fewer than
    the axes they count for the last ones; where they are more, new axes come first. Raises
    `ShapeError` for negative ones.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.tile(x, (2, 3)).type
    f64[2,3*n]
    """
    (x,) = as_nodes("tile", (x,))
    with listing("tile", {"x": x, "repetitions": repetitions}):
        one = not isinstance(repetitions, tuple | list | np.ndarray) or np.ndim(repetitions) == 0
        counts = [_count(r, "repetitions") for r in ((repetitions,) if one else repetitions)]
    rank = max(x.ndim, len(counts))
    counts = [*[1] * (rank - len(counts)), *counts]
    shape = (*[1] * (rank - x.ndim), *x.shape)
    narrow: list[Dim] = []
    spread: list[Dim] = []
    for count, dim in zip(counts, shape, strict=True):
        repeated = [1, dim] if count != 1 and dim != 1 else [dim]
        narrow += repeated
        spread += [count, dim] if len(repeated) == 2 else [count * dim]
    wide = broadcast_to(reshape(x, shape=tuple(narrow)), shape=tuple(spread))
    return reshape(wide, shape=tuple(c * d for c, d in zip(counts, shape, strict=True)))


@public
def repeat(x: Node, repeats: Any, /, *, axis: int | None = None) -> Node:
    """`x` with every entry along `axis` repeated; with None, by default, `x` is flattened.

    Arguments: `repeats`, an int or size >= 0 for all entries alike, or an array of ints, one for
    each. They must be known before the call, for the result's size depends on them. Raises
    `ArgumentError` for a node, `ShapeError` where they do not fit the axis.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 2])
    >>> sd.repeat(x, 3, axis=1).type
    f64[n,6]
    >>> sd.repeat(x, [2, 0], axis=1).type
    f64[n,2]
    """
    (x,) = as_nodes("repeat", (x,))
    with listing("repeat", {"x": x, "repeats": repeats}):
        if axis is None:
            x, axis = reshape(x, shape=(-1,)), 0
        place = normalize_axis(axis, x.ndim, "repeat")
        several = not isinstance(repeats, Node | str | Size) and np.ndim(repeats) > 0
        counts = [_count(r, "repeats") for r in (repeats if several else (repeats,))]
        if len(counts) == 1:
            return _repeat_all(x, counts[0], place)
        return _repeat_each(x, counts, place)


def _repeat_all(x: Node, count: Dim, axis: int) -> Node:
    before, dim, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    column = reshape(x, shape=(*before, dim, 1, *after))
    spread = broadcast_to(column, shape=(*before, dim, count, *after))
    return reshape(spread, shape=(*before, dim * count, *after))


def _repeat_each(x: Node, counts: list[Dim], axis: int) -> Node:
    if x.shape[axis] != len(counts):
        raise ShapeError(
            f"{len(counts)} repeats are for as many entries, but axis {axis} has {x.shape[axis]}"
        )
    if not all(isinstance(count, int) for count in counts):
        raise ArgumentError("repeats for each entry are ints; concat parts repeated by a size")
    places = np.repeat(np.arange(len(counts)), np.array(counts, np.intp))
    return take(x, places, axis=axis)


# -- NumPy's names -------------------------------------------------------------------------

numpy_function(np.roll)(lambda a, shift, axis=None: roll(a, shift, axis=axis))
numpy_function(np.flip)(lambda m, axis=None: flip(m, axis=axis))
numpy_function(np.flipud)(lambda m: flipud(m))
numpy_function(np.fliplr)(lambda m: fliplr(m))
numpy_function(np.rot90)(lambda m, k=1, axes=(0, 1): rot90(m, k, axes))
numpy_function(np.tile)(lambda A, reps: tile(A, reps))
numpy_function(np.repeat)(lambda a, repeats, axis=None: repeat(a, repeats, axis=axis))

REGISTRY.enroll(__name__)
