"""From a form back to nodes: one flat array of zeros, with vectors added along its diagonals.

A diagonal of a matrix in row-major order is a slice with a step, so any number of diagonals is
one `scatter` of vectors, and nothing is computed where there are zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.ops.contract import put_diagonal
from symdiff.ops.elementwise import negative
from symdiff.ops.index import scatter
from symdiff.ops.shape import broadcast_to, reshape
from symdiff.ops.structure import add_n
from symdiff.rewrite.contraction import product
from symdiff.rewrite.forms import Form, Part, Space, Term
from symdiff.sizes import Dim, bounds
from symdiff.types import Shape, element_count

__all__ = ["embedded", "is_dense"]


def is_dense(space: Space, term: Term) -> bool:
    """Whether a term is at every place, each label standing on one axis."""
    parts = [p for axis in term.axes for p in axis]
    return all(map(space.is_whole, parts)) and len({p.label for p in parts}) == len(parts)


def embedded(space: Space, form: Form) -> Node:
    """The form as a node of its type."""
    shape, dtype = form.type.shape, form.type.dtype
    count = element_count(shape)
    added: list[Node] = []
    taken: list[Node] = []
    strips: list[tuple[Node, Dim | Slice]] = []
    for term in form.terms:
        labels = tuple(dict.fromkeys(p.label for a in term.axes for p in a if p.label is not None))
        if any(space.sizes[label] == 0 for label in labels):
            continue
        dense = is_dense(space, term)
        away = dense and term.scale == -1.0 and bool(term.factors)
        scale = 1.0 if away else term.scale
        value = product(space, term.factors, labels, scale, dtype).astype(dtype)
        strip = None if dense else _strip(space, term, labels, shape, count)
        if strip is not None:
            strips.append((reshape(value, shape=strip.shape), strip.key))
            continue
        value = value if dense else _blocks(space, term, labels, value)
        (taken if away else added).append(reshape(value, shape=shape))
    if strips:
        parts, keys = zip(*strips, strict=True)
        flat = scatter(*parts, shape=(count,), keys=tuple((key,) for key in keys))
        if added:
            flat = add_n(*[reshape(node, shape=(count,)) for node in added], flat)
        added = [reshape(flat, shape=shape)]
    if not added:
        if not taken:
            return broadcast_to(space.graph.constant(0, dtype), shape=shape)
        return negative(_total(taken))
    return _total(added) if not taken else _total(added) - _total(taken)


def _total(nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else add_n(*nodes)


class _Strip(NamedTuple):
    """Where a vector goes in a flat array, and its shape."""

    key: Dim | Slice
    shape: Shape


def _strip(
    space: Space, term: Term, labels: Sequence[int], shape: Shape, count: Dim
) -> _Strip | None:
    """The one slice of the flat array that a term is at, if it is one."""
    start: Dim = 0
    strides: dict[int, Dim] = dict.fromkeys(labels, 0)
    stride: Dim = 1
    for part in reversed([p for axis in term.axes for p in axis]):
        start = start + part.offset * stride
        if part.label is not None:
            strides[part.label] = strides[part.label] + part.step * stride
        stride = stride * part.dim
    if not labels:
        return _Strip(start, ())
    inner = labels[-1]
    length, step = space.sizes[inner], strides[inner]
    for label in reversed(labels[:-1]):
        if strides[label] != length * step:
            return None
        length = length * space.sizes[label]
    low = bounds(step)[0]
    if low is None or low < 1:
        return None
    for stop in (count, start + step * length, start + step * (length - 1) + 1):
        key = Slice(start, stop, step)
        backwards = stop - start if isinstance(step, int) else stop
        fits = space.nonnegative(count - stop) and space.nonnegative(backwards)
        if fits and key.length == length:
            return _Strip(key, (length,))
    return None


def _blocks(space: Space, term: Term, labels: Sequence[int], value: Node) -> Node:
    """The term with an axis for each part, of which several are diagonals at once."""
    parts = [p for axis in term.axes for p in axis]
    along = tuple([labels.index(p.label) for p in parts if p.label is not None])
    block = put_diagonal(value, along=along)
    shape = tuple([p.dim for p in parts])
    if all(map(space.is_whole, parts)):
        return block
    return scatter(block, shape=shape, keys=(tuple([_entry(space, p) for p in parts]),))


def _entry(space: Space, part: Part) -> Dim | Slice:
    if part.label is None:
        return part.offset
    last = part.offset + part.step * (space.sizes[part.label] - 1)
    return Slice(part.offset, last + (1 if part.step > 0 else -1), part.step)
