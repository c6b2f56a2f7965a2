"""Differences of neighbours, and what is made of them: slopes and integrals of sampled functions.

All are compositions of slices, so gradients put what they get back in place. On an axis of
named size each slice records what it needs: ``diff`` of n entries has n - 1, and n >= 1.
"""

from __future__ import annotations

import math
from operator import index as as_int
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.cumulative import cumulative_sum
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import (
    equal,
    greater,
    less,
    logical_and,
    not_equal,
    remainder,
    stop_gradient,
    where,
)
from symdiff.ops.joining import concat
from symdiff.ops.operands import graph_of
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import broadcast_to, reshape
from symdiff.sizes import definitely_different
from symdiff.types import normalize_axes, normalize_axis

__all__ = ["diff", "unwrap"]


def _part(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """``x[start:stop]`` along one axis."""
    return x[(*[slice(None)] * axis, slice(start, stop))]


@public
def diff(
    x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
) -> Node:
    """Differences of neighbours along `axis`, `n` times: ``x[i + 1] - x[i]``.

    Arguments: `x`, with at least one axis; `prepend` and `append`, arrays or numbers to put
    before and after its entries along `axis` first. Truth values differ or do not, as in NumPy.

    Returns `n` entries less along `axis`, none where there were fewer; on a named size that many
    must be there, which the call checks. Raises `ShapeError` for an axis that `x` does not have,
    `ArgumentError` for an `n` that is negative or no int.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> y = sd.diff(x)
    >>> y.type, sd.evaluate(y, {x: [1.0, 4.0, 9.0]})
    (f64[n-1], array([3., 5.]))
    """
    y = graph_of("diff", (x, prepend, append)).constant(x)
    with listing("diff", {"x": y}):
        place, times = normalize_axis(axis, y.ndim, "diff"), _times(n)
        if not times:  # NumPy adds nothing then
            return y
        y = _extended(y, place, prepend, append)
        for _ in range(times):
            later, earlier = _part(y, place, 1, None), _part(y, place, None, -1)
            y = not_equal(later, earlier) if y.dtype.kind == "b" else later - earlier
        return y


def _times(n: Any) -> int:
    try:
        times = as_int(n)
    except TypeError:
        raise ArgumentError(f"n must be an int, not {n!r}") from None
    if times < 0:
        raise ArgumentError(f"differences are taken n >= 0 times, not {n}")
    return times


def _extended(x: Node, axis: int, prepend: Any, append: Any) -> Node:
    def whole(end: Any) -> Any:
        if np.ndim(end):
            return end
        node = end if isinstance(end, Node) else x.graph.constant(np.asarray(end))
        return broadcast_to(node, shape=(*x.shape[:axis], 1, *x.shape[axis + 1 :]))

    parts = [x]
    if prepend is not None:
        parts.insert(0, whole(prepend))
    if append is not None:
        parts.append(whole(append))
    return concat(parts, axis=axis) if len(parts) > 1 else x


@public
def unwrap(
    p: Node, /, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi
) -> Node:
    """Angles continued: steps of more than half a period are taken the other way round.

    Arguments: `period`, after which angles repeat; `discont`, the largest step that is kept, at
    least half a period. The derivative by `p` is that of `p` itself: the turns added are whole.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.evaluate(sd.unwrap(x, period=4.0), {x: [0.0, 3.0, 1.0]})
    array([ 0., -1., -3.])
    """
    with listing("unwrap", {"p": p}):
        place = normalize_axis(axis, p.ndim, "unwrap")
    half = period / 2
    step = diff(p, axis=place)
    nearest = remainder(step + half, period) - half
    nearest = where(logical_and(equal(nearest, -half), greater(step, 0)), half, nearest)
    least = half if discont is None else discont
    turns = where(less(abs_(step), least), 0.0, nearest - step)
    whole = stop_gradient(cumulative_sum(turns, axis=place))
    return concat([_part(p, place, None, 1), _part(p, place, 1, None) + whole], axis=place)


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.unwrap)
def _np_unwrap(p: Node, discont: Any = None, axis: int = -1, *, period: Any = 2 * math.pi) -> Node:
    return unwrap(p, discont, axis, period=period)


@numpy_function(np.diff)
def _np_diff(
    a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue
) -> Node:
    ends = {"prepend": prepend, "append": append}
    given = {k: end for k, end in ends.items() if end is not np._NoValue}
    return diff(a, axis=axis, n=n, **given)


@numpy_function(np.ediff1d)
def _np_ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Node:
    """Differences of the entries in row-major order, between what is put at the two ends."""
    nodes = [x for x in (ary, to_end, to_begin) if isinstance(x, Node)]
    x = ary if isinstance(ary, Node) else nodes[0].graph.constant(ary)
    between = diff(reshape(x, shape=(-1,)))
    flat = [
        reshape(_as_node(end, x), shape=(-1,)) for end in (to_begin, to_end) if end is not None
    ]
    if to_begin is not None:
        between = concat([flat.pop(0), between])
    return concat([between, *flat]).astype(x.dtype) if flat else between.astype(x.dtype)


def _as_node(value: Any, like: Node) -> Node:
    return value if isinstance(value, Node) else like.graph.constant(value)


@numpy_function(np.trapezoid)
def _np_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Node:
    """The trapezoidal rule: the mean of neighbours times their distance, summed."""
    nodes = [v for v in (y, x, dx) if isinstance(v, Node)]
    y = _as_node(y, nodes[0])
    with listing("np.trapezoid", {"y": y}):
        place = normalize_axis(axis, y.ndim, "np.trapezoid")
        if x is not None:
            x = _as_node(x, y)
            dx = diff(x, axis=-1 if x.ndim == 1 else axis)
            if x.ndim == 1:
                dx = _along(dx, place, y.ndim)
        later, earlier = _part(y, place, 1, None), _part(y, place, None, -1)
        return sum_(dx * (later + earlier) / 2.0, axis=place)


def _along(x: Node, axis: int, rank: int) -> Node:
    """A vector laid along one of `rank` axes."""
    return reshape(x, shape=tuple(x.shape[0] if k == axis else 1 for k in range(rank)))


@numpy_function(np.gradient)
def _np_gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Central differences inside, one-sided ones of `edge_order` at the ends, along each axis.

    Second order on uneven grids too (A. Quarteroni, R. Sacco and F. Saleri, *Numerical
    Mathematics*, 2007, section 10.10).
    """
    nodes = [v for v in (f, *varargs) if isinstance(v, Node)]
    f = _as_node(f, nodes[0])
    with listing("np.gradient", {"f": f}):
        axes = (
            tuple(normalize_axis(a, f.ndim, "np.gradient") for a in axis)
            if isinstance(axis, tuple | list)
            else normalize_axes(axis, f.ndim, "np.gradient")
        )
        if edge_order not in (1, 2):
            raise ArgumentError(f"edge_order is 1 or 2, not {edge_order!r}")
        if len(varargs) not in (0, 1, len(axes)):
            raise ArgumentError(f"{len(varargs)} spacings do not go with {len(axes)} axes")
        spacings = list(varargs) * (len(axes) if len(varargs) == 1 else 1) or [1.0] * len(axes)
        f = f if f.dtype.kind in "fc" else f.astype(np.float64)
        found = [_slope(f, a, h, edge_order) for a, h in zip(axes, spacings, strict=True)]
    return found[0] if len(found) == 1 else tuple(found)


def _slope(f: Node, axis: int, spacing: Any, edge_order: int) -> Node:
    size = f.shape[axis]
    if isinstance(size, int) and size <= edge_order:
        raise ShapeError(f"axis {axis} needs {edge_order + 1} entries or more and has {size}")
    if np.ndim(spacing) == 0:
        inner = (_part(f, axis, 2, None) - _part(f, axis, None, -2)) / (2.0 * spacing)
        ends = [_even_end(f, axis, spacing, edge_order, last) for last in (False, True)]
    else:
        inner, ends = _uneven(f, axis, _as_node(spacing, f), edge_order)
    return concat([ends[0], inner, ends[1]], axis=axis)


def _even_end(f: Node, axis: int, h: Any, order: int, last: bool) -> Node:
    def at(k: int) -> Any:  # the k-th entry from this end
        return _part(f, axis, -k - 1, -k or None) if last else _part(f, axis, k, k + 1)

    rise = at(1) - at(0) if order == 1 else 2.0 * at(1) - 1.5 * at(0) - 0.5 * at(2)
    return -rise / h if last else rise / h  # type: ignore[no-any-return]


def _uneven(f: Node, axis: int, x: Node, order: int) -> tuple[Node, list[Node]]:
    if x.ndim != 1 or definitely_different(x.shape[0], f.shape[axis]):
        raise ShapeError(f"the coordinates along axis {axis} must be as many as its entries")
    gaps = diff(x)
    inner = _weighted(f, axis, _weights(gaps[:-1], gaps[1:], 0), (None, -2), (1, -1), (2, None))
    if order == 1:
        steps = diff(f, axis=axis) / _along(gaps, axis, f.ndim)
        return inner, [_part(steps, axis, None, 1), _part(steps, axis, -1, None)]
    first, last = _weights(gaps[0:1], gaps[1:2], -1), _weights(gaps[-2:-1], gaps[-1:], 1)
    return inner, [
        _weighted(f, axis, first, (0, 1), (1, 2), (2, 3)),
        _weighted(f, axis, last, (-3, -2), (-2, -1), (-1, None)),
    ]


def _weights(a: Node, b: Node, at: int) -> tuple[Node, Node, Node]:
    """Of the slope at the first (-1), middle (0) or last (1) of three points, `a` and `b` apart.

    It is that of the parabola through them.
    """
    both = a + b
    match at:
        case -1:
            return -(a + both) / (a * both), both / (a * b), -a / (b * both)
        case 0:
            return -b / (a * both), (b - a) / (a * b), a / (b * both)
    return b / (a * both), -both / (a * b), (b + both) / (b * both)


def _weighted(f: Node, axis: int, weights: tuple[Node, ...], *parts: tuple[Any, Any]) -> Node:
    first, second, third = [
        _along(w, axis, f.ndim) * _part(f, axis, *part)
        for w, part in zip(weights, parts, strict=True)
    ]
    return first + second + third  # type: ignore[no-any-return]


REGISTRY.enroll(__name__)
