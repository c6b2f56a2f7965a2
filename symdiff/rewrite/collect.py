"""Terms of a form added where they are at the same places: common factors stay outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symdiff.node import Node
from symdiff.ops.shape import reshape
from symdiff.rewrite.contraction import product, scaled
from symdiff.rewrite.forms import Factor, Form, Space, Term

__all__ = ["collected"]


def collected(space: Space, form: Form) -> Form:
    """The form with terms at the same places added, as far as no sum is larger than they are."""
    if len(form.terms) < 2:
        return form
    buckets: dict[Any, list[Term]] = {}
    for term in form.terms:
        names: dict[int, int] = {}
        plain = []
        for axis in term.axes:
            parts = []
            for p in axis:
                label = None if p.label is None else names.setdefault(p.label, len(names))
                parts.append(p._replace(label=label))
            plain.append(tuple(parts))
        key = tuple(plain), tuple([space.sizes[label] for label in names])
        bucket = buckets.setdefault(key, [])
        if bucket:
            term = _renamed(term, bucket[0])
        for k, other in enumerate(bucket):
            both = _added(space, other, term)
            if both is not None:
                bucket[k] = both
                break
        else:
            bucket.append(term)
    return Form(form.type, tuple([t for bucket in buckets.values() for t in bucket]))


def _renamed(term: Term, like: Term) -> Term:
    """The term with the labels of another whose axes differ by the names of labels only."""
    old = [p.label for axis in term.axes for p in axis]
    new = [p.label for axis in like.axes for p in axis]
    names = {a: b for a, b in zip(old, new, strict=True) if a is not None and b is not None}
    factors = [Factor(tuple([names[i] for i in f.labels]), f.node) for f in term.factors]
    return Term(term.scale, tuple(factors), like.axes)


def _added(space: Space, one: Term, other: Term) -> Term | None:
    """Two terms at the same places as one: common factors stay outside of the sum."""
    if one.scale == 0 or other.scale == 0:
        return None
    common, *rests = _shared(one.factors, other.factors)
    covers = [{i for f in rest for i in f.labels} for rest in rests]
    large = max(covers, key=len)
    if not all(cover <= large for cover in covers):
        return None
    if not rests[0] and not rests[1]:
        return one._replace(scale=one.scale + other.scale)
    order = [p.label for axis in one.axes for p in axis]
    labels = tuple(dict.fromkeys(i for i in order if i is not None and i in large))
    values: list[tuple[tuple[int, ...], Any]] = []
    for term, rest, cover in zip((one, other), rests, covers, strict=True):
        own = tuple([i for i in labels if i in cover])
        if not rest:
            values.append((own, term.scale))
            continue
        node = product(space, rest, own, 1.0, rest[0].node.dtype)
        values.append((own, node))
    total = _total(space, labels, values, (one.scale, other.scale))
    return Term(1.0, (*common, Factor(labels, total)), one.axes)


def _shared(
    one: Sequence[Factor], other: Sequence[Factor]
) -> tuple[list[Factor], list[Factor], list[Factor]]:
    """The factors that both have, and what else each has. (Not by ==, which compares entries.)"""
    common, first, second = [], [], list(other)
    for factor in one:
        twin = [k for k, f in enumerate(second) if f.node is factor.node]
        if twin and second[twin[0]].labels == factor.labels:
            common.append(factor)
            del second[twin[0]]
        else:
            first.append(factor)
    return common, first, second


def _total(
    space: Space,
    labels: tuple[int, ...],
    values: Sequence[tuple[tuple[int, ...], Any]],
    scales: tuple[float, float],
) -> Node:
    """The sum of two scaled values, each repeated along labels that it lacks."""
    wide = []
    for own, value in values:
        if isinstance(value, Node) and own != labels and own:
            shape = tuple([space.sizes[i] if i in own else 1 for i in labels])
            value = reshape(value, shape=shape)
        wide.append(value)
    one: Any
    other: Any
    (one, other), (s, t) = wide, scales
    if isinstance(one, Node) and isinstance(other, Node):
        if s == t:
            return scaled(one + other, s)
        if s == -t:
            return scaled(one - other, s)
    first = scaled(one, s) if isinstance(one, Node) else one
    if not isinstance(other, Node):
        total: Node = first + other
    elif t == -1.0:
        total = first - other
    else:
        total = first + scaled(other, t)
    return total
