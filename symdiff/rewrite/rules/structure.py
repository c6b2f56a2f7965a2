"""What each operation does to forms: arrays known by their diagonals, not by their entries.

A rule takes the node and the forms of its operands and gives the form of its result, or None
where only the entries tell. The walk that applies them is `symdiff.rewrite.structured`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from symdiff.node import Node
from symdiff.ops.elementwise import where
from symdiff.ops.shape import reshape
from symdiff.rewrite.contraction import product
from symdiff.rewrite.embedding import is_dense
from symdiff.rewrite.forms import ZERO, Factor, Form, Space, Term, unify
from symdiff.rewrite.rules.places import MOST_TERMS, MOVES, Structure, each, form_of, stretched
from symdiff.types import element_count

__all__ = ["STRUCTURE"]

# -- sums and products ---------------------------------------------------------------------


def _negative(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    return each(node, operands[0], lambda t: t._replace(scale=-t.scale))


def _add(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    terms = [t for form in operands for t in stretched(space, form, node.shape)]
    return form_of(node, terms)


def _subtract(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    first, second = (stretched(space, form, node.shape) for form in operands)
    return form_of(node, [*first, *[t._replace(scale=-t.scale) for t in second]])


def _multiply(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    terms = _products(space, *operands)
    return None if terms is None else form_of(node, terms)


def _products(space: Space, one: Form, other: Form) -> list[Term] | None:
    """The terms of the elementwise product of two forms, broadcast as NumPy does."""
    if len(one.terms) * len(other.terms) > MOST_TERMS:
        return None
    terms = []
    for s in one.terms:
        for t in other.terms:
            found = _times(space, s, t)
            if found is None:
                return None
            if found is not ZERO:
                terms.append(found)
    return terms


def _times(space: Space, one: Term, other: Term) -> Term | None:
    other = _fresh(space, other)
    rank = max(len(one.axes), len(other.axes))
    first = ((),) * (rank - len(one.axes)) + one.axes
    second = ((),) * (rank - len(other.axes)) + other.axes
    both: Term | None = Term(
        one.scale * other.scale, (*one.factors, *other.factors), (*first, *second)
    )
    for k in range(rank):
        if first[k] and second[k] and both is not None and both is not ZERO:
            both = unify(space, both, k, rank + k)
    if both is None or both is ZERO:
        return both
    axes = tuple([both.axes[k] or both.axes[rank + k] for k in range(rank)])
    return both._replace(axes=axes)


def _fresh(space: Space, term: Term) -> Term:
    """The term with labels of its own."""
    new: dict[int, int] = {}
    for p in (p for axis in term.axes for p in axis):
        if p.label is not None and p.label not in new:
            new[p.label] = space.label(space.sizes[p.label])
    factors = [Factor(tuple([new[i] for i in f.labels]), f.node) for f in term.factors]
    axes = [
        tuple([p if p.label is None else p._replace(label=new[p.label]) for p in axis])
        for axis in term.axes
    ]
    return Term(term.scale, tuple(factors), tuple(axes))


def _divide(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    above, below = operands
    if len(below.terms) != 1 or not is_dense(space, below.terms[0]):
        return None
    (divisor,) = below.terms
    if len(divisor.factors) > 1 or divisor.scale == 0:
        return None
    terms = []
    for term in above.terms:
        found = _times(space, term, divisor._replace(scale=1.0))
        if found is None:
            return None
        factors = list(found.factors)
        if divisor.factors:
            factors = _divided(factors[:-1], factors[-1])
        terms.append(Term(found.scale / divisor.scale, tuple(factors), found.axes))
    return form_of(node, [t for t in terms if t.axes or t.factors or t.scale])


def _divided(factors: list[Factor], divisor: Factor) -> list[Factor]:
    """The factors over another: one of the same labels is divided, else there is an inverse."""
    for k, factor in enumerate(factors):
        if factor.labels == divisor.labels:
            return [
                *factors[:k],
                Factor(factor.labels, factor.node / divisor.node),
                *factors[k + 1 :],
            ]
    return [*factors, Factor(divisor.labels, 1.0 / divisor.node)]


def _sum(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    gone = node.params["axis"]
    if node.params["dtype"] is not None:
        return None

    def summed(term: Term) -> Term:
        rest = [
            () if k in gone else axis
            for k, axis in enumerate(term.axes)
            if node.params["keepdims"] or k not in gone
        ]
        return _settled(space, term._replace(axes=tuple(rest)), term, node.dtype)

    return each(node, operands[0], summed)


def _settled(space: Space, term: Term, before: Term, dtype: np.dtype[Any]) -> Term:
    """The term with what its axes lost summed: labels that stand on no axis any more."""
    left = {p.label for axis in term.axes for p in axis}
    lost = {p.label for axis in before.axes for p in axis if p.label is not None} - left
    inside = [f for f in term.factors if not lost.isdisjoint(f.labels)]
    outside = [f for f in term.factors if lost.isdisjoint(f.labels)]
    scale = term.scale
    met = {label for f in inside for label in f.labels}
    for label in sorted(lost - met):  # repeated along it: as many times as it is long
        size = space.sizes[label]
        if isinstance(size, int):
            scale *= size
        else:
            outside.append(Factor((), space.graph.constant(1.0, dtype) * size))
    if inside:
        kept = tuple(dict.fromkeys(i for f in inside for i in f.labels if i not in lost))
        if len(kept) > 1 and any(len(f.labels) == 1 for f in inside):
            # Numbers scale a vector rather than the matrix it becomes part of.
            inside += [f for f in outside if not f.labels]
            outside = [f for f in outside if f.labels]
            node, scale = product(space, inside, kept, scale, inside[0].node.dtype), 1.0
        else:
            node = product(space, inside, kept, 1.0, inside[0].node.dtype)
            outside = [_unless_empty(space, f, lost & met) for f in outside]
        outside.append(Factor(kept, node))
    return Term(scale, tuple(outside), term.axes)


def _unless_empty(space: Space, factor: Factor, summed: set[int]) -> Factor:
    """A number that comes to multiply a sum: 0 where there is nothing to sum, as the sum is.

    Or else the infinite ``1/n`` of a mean over nothing would make it NaN.
    """
    count = element_count([space.sizes[label] for label in sorted(summed)])
    if factor.labels or space.nonnegative(count - 1) or factor.node in space.numbers:
        return factor
    some = space.graph.constant(0) < count
    return Factor((), where(some, factor.node, space.graph.constant(0, factor.node.dtype)))


def _matmul(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    one, other = operands
    rank = max(len(one.type.shape), len(other.type.shape), 2) + 1
    wide = Form(one.type, tuple([_as_left(t) for t in one.terms]))
    tall = Form(other.type, tuple([_as_right(t) for t in other.terms]))
    terms = _products(space, wide, tall)
    if terms is None:
        return None
    found = []
    for term in terms:
        axes = list(((),) * (rank - len(term.axes)) + term.axes)
        del axes[-2]
        if len(other.type.shape) == 1:
            del axes[-1]
        if len(one.type.shape) == 1:
            del axes[-2 if len(other.type.shape) > 1 else -1]
        new = term._replace(axes=tuple(axes[len(axes) - node.ndim :]))
        found.append(_settled(space, new, term, node.dtype))
    return form_of(node, found)


def _as_left(term: Term) -> Term:
    """``[..., i, k]`` as ``[..., i, k, 1]``."""
    axes = term.axes if len(term.axes) > 1 else ((), *term.axes)
    return term._replace(axes=(*axes, ()))


def _as_right(term: Term) -> Term:
    """``[..., k, j]`` as ``[..., 1, k, j]``."""
    axes = term.axes if len(term.axes) > 1 else (*term.axes, ())
    return term._replace(axes=(*axes[:-2], (), *axes[-2:]))


def _einsum(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    left, right, out = node.params["subscripts"].replace("->", ",").split(",")
    letters = list(dict.fromkeys(out + left + right))
    forms = []
    for own, form in zip((left, right), operands, strict=True):
        terms = [
            t._replace(axes=tuple([t.axes[own.index(x)] if x in own else () for x in letters]))
            for t in form.terms
        ]
        forms.append(Form(form.type, tuple(terms)))
    found = _products(space, *forms)
    if found is None:
        return None
    kept = [t._replace(axes=t.axes[: len(out)]) for t in found]
    pairs = zip(kept, found, strict=True)
    return form_of(node, [_settled(space, new, old, node.dtype) for new, old in pairs])


def _where(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    """A choice between a form and zero, made where the form is."""
    condition, first, second = operands
    chosen = [(form, not k) for k, form in enumerate((first, second)) if not _is_zero(form)]
    if len(chosen) != 1 or len(condition.terms) != 1 or not is_dense(space, condition.terms[0]):
        return None
    (form, taken), mask = chosen[0], condition.terms[0]
    if len(mask.factors) != 1:
        return None
    terms = []
    for term in form.terms:
        bare = term._replace(scale=1.0, axes=term.axes)
        found = _times(space, bare, mask)
        if found is None:
            return None
        if found is ZERO:
            continue
        *rest, chooser = found.factors
        labels = tuple(dict.fromkeys(i for f in found.factors for i in f.labels))
        value = product(space, rest, labels, 1.0, form.type.dtype)
        shape = tuple([space.sizes[i] if i in chooser.labels else 1 for i in labels])
        order = tuple(
            sorted(range(len(chooser.labels)), key=lambda k: labels.index(chooser.labels[k]))
        )
        test = reshape(chooser.node.transpose(order) if order else chooser.node, shape=shape)
        zero = space.graph.constant(0, value.dtype)
        picked = where(test, value, zero) if taken else where(test, zero, value)
        terms.append(Term(term.scale, (Factor(labels, picked),), found.axes))
    return form_of(node, terms)


def _is_zero(form: Form) -> bool:
    return all(t.scale == 0 and not t.factors for t in form.terms)


STRUCTURE: Final[Mapping[str, Structure]] = {
    **MOVES,
    "add": _add,
    "add_n": _add,
    "divide": _divide,
    "einsum": _einsum,
    "matmul": _matmul,
    "multiply": _multiply,
    "negative": _negative,
    "subtract": _subtract,
    "sum": _sum,
    "where": _where,
}
"""Op name -> what it does to forms."""
