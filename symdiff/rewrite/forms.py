"""Arrays as sums of products with Kronecker deltas: what is known of a matrix without its zeros.

A `Term` is a product of factors with labelled axes, as in Einstein's notation, put at places of
an array: ``v[i]`` on a diagonal is one factor whose label stands on two axes. Seeds of Jacobians
are such deltas, and all that derivatives do to them is linear, so that they are relabelled and
never computed with: S. Laue, M. Mitterreiter and J. Giesen, "A Simple and Efficient Tensor
Calculus", AAAI 2020.

The functions here take and give terms of the same meaning, or None where the sizes do not tell.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.graph import Graph
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.contract import take_diagonal
from symdiff.ops.declare import scalar_value
from symdiff.ops.elementwise import add, divide, multiply, negative, subtract
from symdiff.ops.index import index
from symdiff.ops.shape import broadcast_to, permute_dims, reshape
from symdiff.sizes import Dim, Size, bounds, definitely_different, names, substitute
from symdiff.types import Shape, TensorType, element_count

__all__ = [
    "ZERO",
    "Axis",
    "Factor",
    "Form",
    "Part",
    "Space",
    "Term",
    "cut",
    "fix",
    "regroup",
    "relabel",
    "unify",
]


class Part(NamedTuple):
    """Of an axis of `dim` places, those that a term is at: ``offset + step * label``.

    Without a label it is the one place `offset`.
    """

    label: int | None
    offset: Dim
    step: int
    dim: Dim


Axis = tuple[Part, ...]
"""Parts in row-major order; none for an axis of length 1."""


class Factor(NamedTuple):
    """An array with a label for each axis."""

    labels: tuple[int, ...]
    node: Node


class Term(NamedTuple):
    """A number times a product of factors, at the places its axes say and zero elsewhere.

    A label that no factor has is one along which the product is repeated.
    """

    scale: float
    factors: tuple[Factor, ...]
    axes: tuple[Axis, ...]


ZERO: Final = Term(0.0, (), ())
"""What a term is that turns out to be nowhere."""


class Form(NamedTuple):
    """A sum of terms of one type."""

    type: TensorType
    terms: tuple[Term, ...]


class Space:
    """The labels in use with their sizes, and what is known of sizes."""

    __slots__ = ("graph", "least", "needs", "numbers", "sizes")

    def __init__(self, graph: Graph, needs: Iterable[Dim] = ()) -> None:
        self.graph = graph
        self.sizes: list[Dim] = []
        self.numbers: dict[Node, float] = {}
        """Nodes all entries of which are one known number."""
        self.needs: list[Dim] = []
        """Sizes that are >= 0 wherever the graph can be called."""
        self.least: dict[str, Dim] = {}
        """Names, each as itself plus the least value it can have."""
        for need in dict.fromkeys(d for d in needs if isinstance(d, Size)):
            (name, *others) = names(need)
            low = need - Size(name) if not others else None
            if isinstance(low, int) and low <= 0:
                known = self.least.get(name, Size(name))
                self.least[name] = max(known - Size(name), -low) + Size(name)
            else:
                self.needs.append(need)

    def label(self, size: Dim) -> int:
        """A new label of that size."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def whole(self, label: int) -> Part:
        """The part that is all of an axis."""
        return Part(label, 0, 1, self.sizes[label])

    def is_whole(self, part: Part) -> bool:
        """Whether a part goes through its axis from end to end."""
        return (
            part.label is not None
            and part.step == 1
            and part.offset == 0
            and self.sizes[part.label] == part.dim
        )

    def nonnegative(self, dim: Dim) -> bool:
        """Whether `dim` is >= 0, provably."""
        if isinstance(dim, int):
            return dim >= 0
        dim = substitute(dim, self.least)  # from here on names are >= 0, and nothing less
        found = [bounds(dim)[0], *[bounds(dim - substitute(d, self.least))[0] for d in self.needs]]
        return any(low is not None and low >= 0 for low in found)

    def larger(self, one: Dim, other: Dim) -> Dim | None:
        """The larger of two sizes; None where that is not known."""
        if self.nonnegative(one - other):
            return one
        return other if self.nonnegative(other - one) else None

    def smaller(self, one: Dim, other: Dim) -> Dim | None:
        """The smaller of two sizes; None where that is not known."""
        most = self.larger(one, other)
        return None if most is None else one if most == other else other

    def note(self, node: Node) -> None:
        """Remember the number that all entries of a new node are, if its operands tell."""
        type_ = node.type
        if not isinstance(type_, TensorType) or type_.dtype.kind != "f":
            return
        value = scalar_value(node)
        if value is None and node.op in _UNIFORM:
            found = [self.numbers.get(x) for x in node.inputs]
            operands = [type_.dtype.type(v) for v in found if v is not None]
            if len(operands) == len(found):
                with np.errstate(all="ignore"):
                    value = float(_UNIFORM[node.op](*operands))
        if isinstance(value, float) and isfinite(value):
            self.numbers[node] = value

    def dense(self, node: Node) -> Form:
        """A node's own form: itself, unless it is one number, or repeats something smaller."""
        type_ = node.type
        assert isinstance(type_, TensorType)
        axes = tuple([() if n == 1 else (self.whole(self.label(n)),) for n in type_.shape])
        value = self.numbers.get(node)
        if value is not None:
            return Form(type_, (Term(value, (), axes),))
        along = list(axes)  # of the node that is looked at
        while node.op in (permute_dims, broadcast_to):
            (inner,) = node.inputs
            if node.op is permute_dims:
                along = [along[node.params["axes"].index(k)] for k in range(node.ndim)]
            else:
                along = along[node.ndim - inner.ndim :]
                pairs = zip(along, inner.shape, strict=True)
                along = [() if dim == 1 else axis for axis, dim in pairs]
            node = inner
        labels = tuple([part.label for axis in along for part in axis if part.label is not None])
        narrow = reshape(node, shape=tuple([self.sizes[label] for label in labels]))
        return Form(type_, (Term(1.0, (Factor(labels, narrow),), axes),))


_UNIFORM: Final[Mapping[Op, Callable[..., Any]]] = {
    **dict.fromkeys((reshape, permute_dims, broadcast_to, index), lambda x: x),
    add: operator.add,
    subtract: operator.sub,
    multiply: operator.mul,
    divide: operator.truediv,
    negative: operator.neg,
}
"""Ops that make one number of one number, or two, all along."""


# -- labels --------------------------------------------------------------------------------


def relabel(space: Space, term: Term, label: int, offset: Dim, step: int, new: int | None) -> Term:
    """The term where ``label`` is ``offset + step * new``, or the place `offset` without `new`."""
    count = 1 if new is None else space.sizes[new]
    same = new is not None and offset == 0 and step == 1 and count == space.sizes[label]
    factors = []
    for factor in term.factors:
        if label not in factor.labels:
            factors.append(factor)
            continue
        at, (labels, node) = factor.labels.index(label), factor
        if not same:
            entry: Any = offset if new is None else _span(offset, step, count)
            key = [Slice(0, dim, 1) for dim in node.shape]
            node = index(node, key=(*key[:at], entry, *key[at + 1 :]))
        if new is None:
            labels = (*labels[:at], *labels[at + 1 :])
        elif new in labels:
            labels, node = _diagonal((*labels[:at], new, *labels[at + 1 :]), node)
        else:
            labels = (*labels[:at], new, *labels[at + 1 :])
        factors.append(Factor(labels, node))
    axes = [
        tuple(
            p
            if p.label != label
            else Part(new, p.offset + p.step * offset, 1 if new is None else p.step * step, p.dim)
            for p in axis
        )
        for axis in term.axes
    ]
    return Term(term.scale, tuple(factors), tuple(axes))


def _span(offset: Dim, step: int, count: Dim) -> Slice:
    return Slice(offset, offset + step * (count - 1) + (1 if step > 0 else -1), step)


def _diagonal(labels: tuple[int, ...], node: Node) -> Factor:
    """A factor in which a label stands twice, along the diagonal."""
    seen = list(dict.fromkeys(labels))
    return Factor(tuple(seen), take_diagonal(node, along=tuple(map(seen.index, labels))))


def fix(space: Space, term: Term, label: int, place: Dim) -> Term:
    """The term at one value of a label."""
    return relabel(space, term, label, place, 1, None)


def cut(space: Space, term: Term, label: int, low: Dim, high: Dim) -> Term:
    """The term for the values of a label from `low` to before `high`."""
    if low == 0 and high == space.sizes[label]:
        return term
    return relabel(space, term, label, low, 1, space.label(high - low))


def _split(space: Space, term: Term, label: int, sizes: Sequence[Dim]) -> Term | None:
    """The term with a label in place of which there are several, the last one fastest."""
    for axis in term.axes:
        if any(p.label == label and not space.is_whole(p) for p in axis):
            return None
    new = [space.label(size) for size in sizes]
    factors = []
    for labels, node in term.factors:
        if label in labels:
            at = labels.index(label)
            shape = (*node.shape[:at], *sizes, *node.shape[at + 1 :])
            labels, node = (*labels[:at], *new, *labels[at + 1 :]), reshape(node, shape=shape)
        factors.append(Factor(labels, node))
    axes = []
    for axis in term.axes:
        parts = [[p] if p.label != label else [space.whole(m) for m in new] for p in axis]
        axes.append(tuple(p for found in parts for p in found))
    return Term(term.scale, tuple(factors), tuple(axes))


# -- axes ----------------------------------------------------------------------------------


def _divided(one: Dim, other: Dim) -> Dim | None:
    if other == 0:
        return None
    quotient = one // other
    return quotient if quotient * other == one else None


def regroup(space: Space, term: Term, shape: Shape) -> Term | None:
    """The term with its axes, taken in row-major order, those of another shape."""
    while True:
        parts = [p for axis in term.axes for p in axis]
        axes: list[Axis] = []
        todo: tuple[Part, Dim] | None = None
        for dim in shape:
            axis: list[Part] = []
            need = dim
            while need != 1:
                if not parts:
                    return None
                rest = _divided(need, parts[0].dim)
                if rest is None:
                    todo = parts[0], need
                    break
                axis.append(parts.pop(0))
                need = rest
            if todo is not None:
                break
            axes.append(tuple(axis))
        if todo is None:
            return None if parts else term._replace(axes=tuple(axes))
        apart = _taken_apart(space, term, *todo)
        if apart is None:
            return None
        term = apart


def _taken_apart(space: Space, term: Term, part: Part, first: Dim) -> Term | None:
    """The term with a part split in two, of `first` places times what is left."""
    rest = _divided(part.dim, first)
    if rest is None:
        return None
    if part.label is not None:
        return _split(space, term, part.label, (first, rest))
    if not isinstance(part.offset, int) or not isinstance(rest, int):
        return None
    high, low = divmod(part.offset, rest)
    two = (Part(None, high, 1, first), Part(None, low, 1, rest))
    at = next(k for k, axis in enumerate(term.axes) if part in axis)
    axis = term.axes[at]
    place = axis.index(part)
    new = (*axis[:place], *two, *axis[place + 1 :])
    return term._replace(axes=(*term.axes[:at], new, *term.axes[at + 1 :]))


def unify(space: Space, term: Term, k: int, m: int) -> Term | None:
    """The term where its axes `k` and `m`, of one size, are at the same place; both are left."""
    position = 0
    while True:
        one, other = term.axes[k], term.axes[m]
        if position >= len(one) or position >= len(other):
            return term if len(one) == len(other) else None
        p, q = one[position], other[position]
        if p.dim != q.dim:
            large, small = (p, q) if _divided(p.dim, q.dim) is not None else (q, p)
            apart = _taken_apart(space, term, large, small.dim)
            if apart is None:
                return None
            term = apart
            continue
        found = _same_place(space, term, p, q)
        if found is None or found is ZERO:
            return found
        if found is not term:
            term = found
            if term.axes[k][: position + 1] != term.axes[m][: position + 1]:
                continue
        position += 1


def _same_place(space: Space, term: Term, p: Part, q: Part) -> Term | None:
    """The term where two parts of one size are at one place."""
    if p == q:
        return term
    if p.label is not None and p.label == q.label:
        return ZERO if p.step == q.step and definitely_different(p.offset, q.offset) else None
    if q.label is not None and space.is_whole(q):
        return relabel(space, term, q.label, p.offset, p.step, p.label)
    if p.label is not None and space.is_whole(p):
        return relabel(space, term, p.label, q.offset, q.step, q.label)
    if p.label is None or q.label is None:
        return _met(space, term, p, q)
    sizes = space.sizes
    if p.offset == q.offset and p.step == q.step and sizes[p.label] == sizes[q.label]:
        return relabel(space, term, q.label, 0, 1, p.label)
    if p.step != 1 or q.step != 1:
        return None
    low = space.larger(p.offset, q.offset)
    high = space.smaller(p.offset + sizes[p.label], q.offset + sizes[q.label])
    if low is None or high is None:
        return None
    if space.nonnegative(low - high):
        return ZERO
    if not space.nonnegative(high - low):
        return None
    both = space.label(high - low)
    term = relabel(space, term, p.label, low - p.offset, 1, both)
    return relabel(space, term, q.label, low - q.offset, 1, both)


def _met(space: Space, term: Term, p: Part, q: Part) -> Term | None:
    """The same where one part, or both, is a single place."""
    if p.label is None and q.label is None:
        if p.offset == q.offset:
            return term
        return ZERO if definitely_different(p.offset, q.offset) else None
    at, run = (p.offset, q) if p.label is None else (q.offset, p)
    assert run.label is not None
    if run.step != 1:
        return None
    place, size = at - run.offset, space.sizes[run.label]
    if space.nonnegative(place) and space.nonnegative(size - 1 - place):
        return fix(space, term, run.label, place)
    outside = space.nonnegative(-1 - place) or space.nonnegative(place - size)
    return ZERO if outside else None


def entries(space: Space, labels: Iterable[int]) -> Dim:
    """How many values these labels have together."""
    return element_count([space.sizes[label] for label in labels])
