"""Where a value is known to be zero, and what it is where a condition is known.

Each answer comes from a bounded look at how a node is made; without one it is "not known".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import (
    add,
    cast,
    divide,
    logical_and,
    logical_not,
    logical_or,
    multiply,
    negative,
    sign,
    subtract,
    where,
)
from symdiff.ops.extrema import maximum, minimum
from symdiff.ops.index import scatter
from symdiff.ops.nn import relu
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.reductions import any as any_
from symdiff.ops.shape import broadcast_to, permute_dims, reshape
from symdiff.ops.structure import add_n
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import spread_scalar
from symdiff.rewrite.rules.layout import unit_map

__all__ = ["covers", "is_zero_at", "under"]

DEEPEST: Final = 6

# -- zero outside of a mask ----------------------------------------------------------------

_SUMS: Final = (add, subtract, add_n)


def covers(condition: Node, x: Node, depth: int = DEEPEST) -> bool:
    """Whether `x` is zero wherever `condition` does not hold, the two broadcast together."""
    if spread_scalar(x) == 0 or spread_scalar(condition) is True:
        return True
    if depth == 0:
        return False
    if condition.op is logical_or and any(covers(c, x, depth - 1) for c in condition.inputs):
        return True
    if x.op in _SUMS and len(x.inputs) < DEEPEST:
        return all(covers(condition, term, depth - 1) for term in x.inputs)
    if x.op is scatter and condition.op is scatter:
        pairs = zip(condition.inputs, x.inputs, strict=False)
        return _same_places(condition, x) and all(covers(c, t, depth - 1) for c, t in pairs)
    if x.op is condition.op and x.op.name == "add_along_axis":
        (mask, places), (values, same) = condition.inputs, x.inputs
        alike = places is same and mask.shape == values.shape and x.params == condition.params
        return alike and covers(mask, values, depth - 1)
    if x.op is where and _choice_covered(condition, x, depth):
        return True
    if x.op is cast and x.inputs[0].dtype.kind == "b":
        return _implies(x.inputs[0], condition)
    return _summed_under(condition, x)


def _same_places(condition: Node, x: Node) -> bool:
    """Whether the parts of `x` go where those of the condition do, with more axes before."""
    lead = x.ndim - condition.ndim
    if lead < 0 or x.shape[lead:] != condition.shape:
        return False
    before = tuple([Slice(0, dim, 1) for dim in x.shape[:lead]])
    keys = tuple([(*before, *key) for key in condition.params["keys"]])
    return bool(keys == x.params["keys"])


def _choice_covered(condition: Node, x: Node, depth: int) -> bool:
    mask, first, second = x.inputs
    if spread_scalar(second) == 0 and _implies(mask, condition):
        return True
    if spread_scalar(first) == 0 and _excludes(mask, condition):
        return True
    return covers(condition, first, depth - 1) and covers(condition, second, depth - 1)


def _implies(mask: Node, condition: Node) -> bool:
    """Whether `condition` holds wherever `mask` does."""
    if mask is condition:
        return True
    if mask.op is logical_and and _is_among(condition, mask.inputs):
        return True
    return condition.op is logical_or and _is_among(mask, condition.inputs)


def _excludes(mask: Node, condition: Node) -> bool:
    """Whether `condition` holds wherever `mask` does not."""
    if condition.op is logical_not:
        return condition.inputs[0] is mask
    return condition.op is logical_or and any(_excludes(mask, c) for c in condition.inputs)


def _is_among(x: Node, nodes: Sequence[Node]) -> bool:
    return any(x is node for node in nodes)


# Sums of what is under a mask, against whether the mask holds anywhere: both are followed to
# the mask, each axis of which has a label: the axis of the result it became, counted from the
# last, or none where it was reduced.

_Labels = tuple[int | None, ...]


def _summed_under(condition: Node, x: Node) -> bool:
    if condition.ndim > x.ndim:
        return False
    start = tuple(range(-x.ndim, 0))
    inside, labels = _followed(x, start, sum_)
    if inside.op is not where or spread_scalar(inside.inputs[2]) != 0:
        return False
    mask = inside.inputs[0]
    found, places = _followed(mask, _last(labels, mask.ndim), None)
    wanted, needed = _followed(condition, _last(start, condition.ndim), any_)
    masks = (found, *found.inputs) if found.op is logical_and else (found,)
    if not _is_among(wanted, masks) or wanted.shape != found.shape:
        return False
    settled = zip(needed, places, wanted.shape, strict=True)
    return all(need is None or need == place or dim == 1 for need, place, dim in settled)


def _last(labels: _Labels, rank: int) -> _Labels:
    """The labels of the last axes, which broadcasting aligns."""
    return labels[len(labels) - rank :]


def _followed(x: Node, labels: _Labels, reduction: Op | None) -> tuple[Node, _Labels]:
    """What `x` is a reduction, in another layout, of; and the labels of its axes."""
    for _ in range(DEEPEST):
        if x.op is not reduction and x.op not in (broadcast_to, negative, permute_dims, reshape):
            break
        (source,) = x.inputs
        if x.op is reduction:
            axes, kept = x.params["axis"], x.params["keepdims"]
            left = [k for k in range(source.ndim) if kept or k not in axes]
            found = dict(zip(left, labels, strict=True))
            labels = tuple([None if k in axes else found[k] for k in range(source.ndim)])
        elif x.op is broadcast_to:
            labels = _last(labels, source.ndim)
        elif x.op is permute_dims:
            labels = tuple([labels[x.params["axes"].index(k)] for k in range(source.ndim)])
        elif x.op is reshape:
            places = unit_map(source.shape, x.shape)
            if places is None:
                break
            found = dict(zip(places, labels, strict=True))
            labels = tuple([found.get(k) for k in range(source.ndim)])
        x = source
    return x, labels


# -- zero at a point -----------------------------------------------------------------------

_ZERO_AT_ZERO: Final = (abs_, negative, relu, sign)


def is_zero_at(v: Node, x: Node, depth: int = DEEPEST) -> bool:
    """Whether `v` is zero or NaN where `x` is zero."""
    if v is x:
        return True
    if depth == 0:
        return False
    if v.op in _ZERO_AT_ZERO:
        return is_zero_at(v.inputs[0], x, depth - 1)
    if v.op is multiply:
        return any(is_zero_at(part, x, depth - 1) for part in v.inputs)
    if v.op is divide:
        return is_zero_at(v.inputs[0], x, depth - 1)
    if v.op is maximum or v.op is minimum:
        return all(spread_scalar(p) == 0 or is_zero_at(p, x, depth - 1) for p in v.inputs)
    return False


# -- under a condition ---------------------------------------------------------------------


def under(x: Node, condition: Node, holds: bool, facts: Facts, depth: int = 4) -> Node:
    """`x` where a condition is known to hold, or not to: choices by it are made."""
    if depth == 0 or x.op.form != "elementwise" or facts.shared(x):
        return x if x.op is not where or depth == 0 else _chosen(x, condition, holds)
    if x.op is where:
        chosen = _chosen(x, condition, holds)
        if chosen is not x:
            return under(chosen, condition, holds, facts, depth - 1)
    if not any(p.op is where or p.op.form == "elementwise" for p in x.inputs):
        return x
    parts = [under(part, condition, holds, facts, depth - 1) for part in x.inputs]
    if all(new is old for new, old in zip(parts, x.inputs, strict=True)):
        return x
    return x.graph.intern(x.op, tuple(parts), x.params)


def _chosen(x: Node, condition: Node, holds: bool) -> Node:
    """The branch of a choice that a condition settles, if its shape and dtype are those of `x`."""
    mask, first, second = x.inputs
    taken: Node | None = None
    if mask is condition:
        taken = first if holds else second
    elif mask.op is logical_not and mask.inputs[0] is condition:
        taken = second if holds else first
    elif holds and condition.op is logical_and and _is_among(mask, condition.inputs):
        taken = first
    elif not holds and condition.op is logical_or and _is_among(mask, condition.inputs):
        taken = second
    return x if taken is None or taken.type != x.type else taken
