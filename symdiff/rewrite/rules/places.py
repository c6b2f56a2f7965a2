"""What operations that move entries do to forms, and where forms begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.rewrite.forms import (
    ZERO,
    Axis,
    Form,
    Part,
    Space,
    Term,
    cut,
    fix,
    regroup,
    relabel,
    unify,
)
from symdiff.sizes import Dim, definitely_different
from symdiff.types import Shape, TensorType

__all__ = ["MOST_TERMS", "MOVES", "SOURCES", "Structure", "each", "form_of", "stretched"]

Structure: TypeAlias = Callable[[Space, Node, tuple[Form, ...]], Form | None]

MOST_TERMS: Final = 32
"""More terms than these are no structure any more."""


def form_of(node: Node, terms: Sequence[Term]) -> Form | None:
    """The form of a node from its terms; None for so many that nothing is gained."""
    assert isinstance(node.type, TensorType)
    return None if len(terms) > MOST_TERMS else Form(node.type, tuple(terms))


def each(node: Node, form: Form, function: Callable[[Term], Term | None]) -> Form | None:
    """The form of what `function` makes of each term."""
    terms = []
    for term in form.terms:
        new = function(term)
        if new is None:
            return None
        if new is not ZERO:
            terms.append(new)
    return form_of(node, terms)


# -- where structure begins ----------------------------------------------------------------


def _eye(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    rows, columns = node.shape
    k: Dim = node.params["k"]
    below = space.larger(-k, 0)
    if below is None:
        return None
    right = k + below
    length = space.smaller(rows - below, columns - right)
    if length is None or not space.nonnegative(length):
        return None
    label = space.label(length)
    axes = tuple(
        () if dim == 1 and length == 1 else (Part(label, offset, 1, dim),)
        for dim, offset in zip(node.shape, (below, right), strict=True)
    )
    return form_of(node, [Term(1.0, (), axes)])


def _put_diagonal(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    along = node.params["along"]
    return each(node, operands[0], lambda t: t._replace(axes=tuple([t.axes[k] for k in along])))


# -- entries that move ---------------------------------------------------------------------


def _permute(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    order = node.params["axes"]
    return each(node, operands[0], lambda t: t._replace(axes=tuple([t.axes[k] for k in order])))


def _reshape(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    return each(node, operands[0], lambda t: regroup(space, t, node.shape))


def _broadcast(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    return form_of(node, stretched(space, operands[0], node.shape))


def stretched(space: Space, form: Form, shape: Shape) -> list[Term]:
    """The terms of a form repeated along new axes and along those of length 1."""
    lead = len(shape) - len(form.type.shape)
    more_of = [
        dim != 1 and (k < lead or form.type.shape[k - lead] == 1) for k, dim in enumerate(shape)
    ]
    terms = []
    for term in form.terms:
        axes = ((),) * lead + term.axes
        new = [
            (space.whole(space.label(dim)),) if more else axis
            for dim, more, axis in zip(shape, more_of, axes, strict=True)
        ]
        terms.append(term._replace(axes=tuple(new)))
    return terms


def _take_diagonal(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    along = node.params["along"]
    first = {place: along.index(place) for place in range(node.ndim)}

    def taken(term: Term) -> Term | None:
        found: Term | None = term
        for k, place in enumerate(along):
            if found is not None and found is not ZERO and first[place] != k:
                found = unify(space, found, first[place], k)
        if found is None or found is ZERO:
            return found
        return found._replace(axes=tuple([found.axes[k] for k in first.values()]))

    return each(node, operands[0], taken)


def _index(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    return each(node, operands[0], lambda t: _taken(space, t, node.params["key"]))


def _taken(space: Space, term: Term, key: tuple[Any, ...]) -> Term | None:
    found: Term | None = term
    kept: list[int | None] = []  # axes of the term that stay; None for a new one
    axis = 0
    for entry in key:
        if entry is None:
            kept.append(None)
            continue
        if found is None or found is ZERO:
            return found
        if isinstance(entry, Slice):
            found = _sliced(space, found, axis, entry)
            kept.append(axis)
        else:
            found = _fixed(space, found, axis, entry)
        axis += 1
    if found is None or found is ZERO:
        return found
    return found._replace(axes=tuple([() if k is None else found.axes[k] for k in kept]))


def _fixed(space: Space, term: Term, axis: int, place: Dim) -> Term | None:
    """The term where one axis is at a place."""
    parts = term.axes[axis]
    if not parts:
        return term if place == 0 else None
    if len(parts) > 1:
        return None
    (part,) = parts
    if part.label is None:
        if part.offset == place:
            return term
        return ZERO if definitely_different(part.offset, place) else None
    if part.step != 1:
        return None
    at, size = place - part.offset, space.sizes[part.label]
    if space.is_whole(part) or (space.nonnegative(at) and space.nonnegative(size - 1 - at)):
        return fix(space, term, part.label, at)
    return ZERO if space.nonnegative(-1 - at) or space.nonnegative(at - size) else None


def _sliced(space: Space, term: Term, axis: int, entry: Slice) -> Term | None:
    """The term at the places of a slice of one axis."""
    parts, length = term.axes[axis], entry.length
    dim: Dim = 1
    for part in parts:
        dim = dim * part.dim
    if entry == Slice(0, dim, 1):
        return term
    if len(parts) != 1 or length == 1:
        return None
    (part,) = parts
    if part.label is not None and space.is_whole(part):
        new = space.label(length)
        assert isinstance(entry.step, int)
        found = relabel(space, term, part.label, entry.start, entry.step, new)
        return _with_axis(found, axis, (space.whole(new),))
    if entry.step != 1 or part.step != 1:
        return None
    start = part.offset - entry.start
    if part.label is None:
        if space.nonnegative(start) and space.nonnegative(length - 1 - start):
            return _with_axis(term, axis, (Part(None, start, 1, length),))
        outside = space.nonnegative(-1 - start) or space.nonnegative(start - length)
        return ZERO if outside else None
    size = space.sizes[part.label]
    low, high = space.larger(-start, 0), space.smaller(length - start, size)
    if low is None or high is None:
        return None
    if space.nonnegative(low - high):
        return ZERO
    if not space.nonnegative(high - low):
        return None
    found = cut(space, term, part.label, low, high)
    (now,) = found.axes[axis]
    return _with_axis(found, axis, (now._replace(offset=now.offset - entry.start, dim=length),))


def _with_axis(term: Term, axis: int, new: Axis) -> Term:
    return term._replace(axes=(*term.axes[:axis], new, *term.axes[axis + 1 :]))


def _scatter(space: Space, node: Node, operands: tuple[Form, ...]) -> Form | None:
    terms = []
    for form, key in zip(operands, node.params["keys"], strict=True):
        for term in form.terms:
            axes = _placed(term.axes, key, node.shape)
            if axes is None:
                return None
            terms.append(term._replace(axes=axes))
    return form_of(node, terms)


def _placed(axes: tuple[Axis, ...], key: tuple[Any, ...], shape: Shape) -> tuple[Axis, ...] | None:
    """The axes of what is put at a basic key of an array."""
    rest, dims = iter(axes), iter(shape)
    placed: list[Axis] = []
    for entry in key:
        if entry is None:
            next(rest)
            continue
        dim = next(dims)
        if not isinstance(entry, Slice):
            placed.append((Part(None, entry, 1, dim),) if dim != 1 else ())
            continue
        axis = next(rest)
        if entry == Slice(0, dim, 1):
            placed.append(axis)
        elif len(axis) == 1 and isinstance(entry.step, int):
            (part,) = axis
            offset = entry.start + entry.step * part.offset
            placed.append((Part(part.label, offset, part.step * entry.step, dim),))
        elif not axis and entry.length == 1:
            placed.append((Part(None, entry.start, 1, dim),))
        else:
            return None
    return tuple(placed)


SOURCES: Final[Mapping[str, Structure]] = {"eye": _eye, "put_diagonal": _put_diagonal}
"""Ops of which a form is known whatever their operands are."""

MOVES: Final[Mapping[str, Structure]] = {
    **SOURCES,
    "broadcast_to": _broadcast,
    "index": _index,
    "permute_dims": _permute,
    "reshape": _reshape,
    "scatter": _scatter,
    "take_diagonal": _take_diagonal,
}
"""Op name -> what it does to forms."""
