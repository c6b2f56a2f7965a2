"""What the rules for layout share: how axes stand in another shape, and keys within keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.types import Shape

__all__ = ["aligned", "composed", "key_of_operand", "only_layout", "unit_map", "whole_key"]

Key = tuple[Any, ...]

# -- axes ----------------------------------------------------------------------------------


def aligned(x: Node, rank: int) -> Shape:
    """The shape of `x` with leading ones, as it broadcasts to so many axes."""
    return (*[1] * (rank - x.ndim), *x.shape)


def unit_map(source: Shape, target: Shape) -> tuple[int, ...] | None:
    """The source's axis at each axis of a reshape that moves axes of size 1 only; -1 for those.

    None where other axes change.
    """
    rest = [(k, dim) for k, dim in enumerate(source) if dim != 1]
    if [dim for _, dim in rest] != [dim for dim in target if dim != 1]:
        return None
    places = iter(rest)
    return tuple([-1 if dim == 1 else next(places)[0] for dim in target])


# -- keys ----------------------------------------------------------------------------------


def whole_key(key: Key, shape: Sequence[Any]) -> bool:
    """Whether a resolved key takes every entry, in order."""
    dims = iter(shape)
    for entry in key:
        if entry is None:
            continue
        dim = next(dims)
        if isinstance(entry, Slice):
            if entry != Slice(0, dim, 1):
                return False
        elif dim != 1:
            return False
    return True


def only_layout(node: Node) -> bool:
    """Whether an `index` takes every entry, in order: it puts in or leaves out axes of size 1."""
    return whole_key(node.params["key"], node.inputs[0].shape)


def composed(first: Key, second: Key) -> Key | None:
    """The key that takes ``x[first][second]``; None where it is none, or not known to be."""
    found: list[Any] = []
    later = iter(second)
    for entry in first:
        if entry is not None and not isinstance(entry, Slice):
            found.append(entry)
            continue
        after = next(later)
        while after is None:
            found.append(None)
            after = next(later)
        if entry is None:
            if isinstance(after, Slice):
                if after != Slice(0, 1, 1):
                    return None
                found.append(None)
            continue
        inside = _inside(entry, after)
        if inside is None:
            return None
        found.append(inside)
    found.extend(later)  # new axes at the end
    return tuple(found)


def _inside(outer: Slice, entry: Any) -> Any:
    """What an entry of a key takes of what a slice took."""
    start, _, step = outer
    if not isinstance(entry, Slice):
        return start + step * entry
    if entry == Slice(0, outer.length, 1):
        return outer
    if start == 0 and step == 1:
        return entry
    if all(isinstance(bound, int) for bound in (*outer, *entry)):
        count = len(range(*entry))
        if not count:
            return Slice(0, 0, 1)
        first, stride = start + step * entry.start, step * entry.step
        one = 1 if stride > 0 else -1
        last = first + stride * (count - 1)
        return Slice(first, last + one, stride if count > 1 else one)
    if step == 1 and entry.step == 1:
        return Slice(start + entry.start, start + entry.stop, 1)
    return None


def key_of_operand(key: Key, shape: Shape, operand: Shape) -> Key:
    """What a key of a result takes of an operand that broadcasts to it.

    What it takes stands to what is taken of the result as the operand stands to the result.
    """
    lead = len(shape) - len(operand)
    found: list[Any] = []
    axis = 0
    for entry in key:
        if entry is None:
            if axis > lead or (axis == lead and not lead):
                found.append(None)
            continue
        if axis >= lead:
            if operand[axis - lead] == 1 and shape[axis] != 1:
                entry = Slice(0, 1, 1) if isinstance(entry, Slice) else 0
            found.append(entry)
        axis += 1
    return tuple(found)
