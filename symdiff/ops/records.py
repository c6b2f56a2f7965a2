"""What the derivatives of running extremes are made of: the entries that hold the record.

A running maximum is constant from one record to the next, and its derivative belongs to the
entries seen so far that equal it, in equal shares, as those of a maximum do (the subgradient of
least norm; R. T. Rockafellar, *Convex Analysis*, section 23). `record_mean` spreads a tangent by
these shares and `record_share` is its transpose: each gathers along runs of one record, so both
take time linear in the number of entries.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from symdiff.errors import ShapeError
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import op
from symdiff.ops.reduce import batch_alike
from symdiff.ops.scans import carry
from symdiff.ops.shape import tensor
from symdiff.types import TensorType, Type, normalize_axis

__all__ = ["in_order", "record_mean", "record_share"]

Array = np.ndarray[Any, Any]

# -- kernels -------------------------------------------------------------------------------


def in_order(x: Array, axis: int, reverse: bool) -> Array:
    """A view of `x` with the axis walked along last, in the order it is walked; its own inverse.

    (Its own inverse for the last axis; for another, move the axis back.)
    """
    moved = np.moveaxis(x, axis, -1)
    return moved[..., ::-1] if reverse else moved


class _Runs(NamedTuple):
    """Of lines: where the record changes, where it is held, and by how many entries so far."""

    starts: Array
    held: Array
    holders: Array
    tied: bool


def _runs(x: Array, largest: bool) -> _Runs:
    record = (np.maximum if largest else np.minimum).accumulate(x, axis=-1)
    starts = np.ones(x.shape, bool)
    np.not_equal(record[..., 1:], record[..., :-1], out=starts[..., 1:])
    held = x == record  # not so for NaN, which is a record that nobody holds
    if not np.any(held & ~starts):
        return _Runs(starts, held, np.ones((), np.int64), False)
    seen = np.add.accumulate(held, axis=-1, dtype=np.int64)
    before = np.take_along_axis(seen - held, _latest(starts), axis=-1)
    return _Runs(starts, held, np.maximum(seen - before, 1), True)


def _latest(starts: Array) -> Array:
    """For each place the start of its run."""
    places = np.where(starts, np.arange(starts.shape[-1]), 0)
    return np.maximum.accumulate(places, axis=-1)


def _mean_kernel(t: Array, x: Array, axis: int, reverse: bool, largest: bool) -> Array:
    t_lines, x_lines = in_order(t, axis, reverse), in_order(x, axis, reverse)
    runs = _runs(x_lines, largest)
    result = np.empty_like(t)
    lines = in_order(result, axis, reverse)
    entries = np.where(runs.held, t_lines, t.dtype.type(0))
    if runs.tied:
        carry(~runs.starts, entries, out=lines)
        lines /= runs.holders
    elif result.size:
        lines[...] = np.take_along_axis(entries, _latest(runs.starts), axis=-1)
    return result


def _share_kernel(g: Array, x: Array, axis: int, reverse: bool, largest: bool) -> Array:
    g_lines, x_lines = in_order(g, axis, reverse), in_order(x, axis, reverse)
    runs = _runs(x_lines, largest)
    result = np.zeros_like(g)
    lines = in_order(result, axis, reverse)
    if runs.tied:
        onward = np.zeros(runs.starts.shape, bool)
        np.logical_not(runs.starts[..., 1:], out=onward[..., :-1])
        shares = (g_lines / runs.holders).astype(g.dtype, copy=False)
        carry(onward[..., ::-1], shares[..., ::-1], out=lines[..., ::-1])
        lines *= runs.held
    elif result.size:
        first = np.flatnonzero(runs.starts)
        totals = np.zeros(runs.starts.shape, g.dtype)
        totals.ravel()[first] = np.add.reduceat(g_lines.ravel(), first)
        lines[...] = np.where(runs.held, totals, g.dtype.type(0))
    return result


# -- the two ops ---------------------------------------------------------------------------


def _params(first: Type, x: Type, axis: Any, reverse: Any, largest: Any) -> dict[str, Any]:
    return {
        "axis": normalize_axis(axis, tensor(x).rank, "axis"),
        "reverse": bool(reverse),
        "largest": bool(largest),
    }


def _type(first: Type, x: Type, axis: int, reverse: bool, largest: bool) -> TensorType:
    if tensor(first).shape != tensor(x).shape:
        raise ShapeError("both operands must have one shape")
    return tensor(first)


record_mean: Op = op(
    "record_mean",
    "t x",
    doc="""At each place the mean of `t` over the entries of `x` so far that hold the record.

    The record is the largest entry so far along `axis` (the smallest unless `largest`), from the
    last entry on with `reverse`: how a `cumulative_max` of `x` moves when `x` moves by `t`. From
    a NaN on the mean is 0. Linear in `t` and piecewise constant in `x`.
    """,
    parameters={"axis": REQUIRED, "reverse": False, "largest": True},
    normalize=_params,
    infer=_type,
    kernel=_mean_kernel,
    vjp=(lambda g, y, t, x: record_share(g, x, **y.params), None),
    jvp=(lambda t, y, _, x: record_mean(t, x, **y.params), None),
    batch=batch_alike,
)

record_share: Op = op(
    "record_share",
    "t x",
    doc="""The transpose of `record_mean`: entries of `t` shared among those that hold the record.

    What arrives at an entry of `x` is its share of all of `t` from there until the record is
    broken. Linear in `t` and piecewise constant in `x`.
    """,
    parameters={"axis": REQUIRED, "reverse": False, "largest": True},
    normalize=_params,
    infer=_type,
    kernel=_share_kernel,
    vjp=(lambda g, y, t, x: record_mean(g, x, **y.params), None),
    jvp=(lambda t, y, _, x: record_share(t, x, **y.params), None),
    batch=batch_alike,
)

REGISTRY.enroll(__name__)
