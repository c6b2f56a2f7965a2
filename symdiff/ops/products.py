"""Products of arrays under NumPy's names: einsum, tensordot, outer, inner, vecdot.

All read their arguments into labelled factors and leave the rest, gradient rules too, to
`contract`. A diagonal such as the index ``ii`` is taken out first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.complexes import conj
from symdiff.ops.contract import Factor, Label, Labels, contract, take_diagonal
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.operands import as_nodes, graph_of
from symdiff.sizes import Dim, definitely_different
from symdiff.types import normalize_axis

__all__ = ["einsum", "outer", "tensordot", "vecdot"]

_NUMBERS = (bool, int, float, complex)
Term = tuple[Any, ...]  # of letters, or of numbers, and Ellipsis

# -- operands ------------------------------------------------------------------------------


def _verb(one: Dim, other: Dim) -> str:
    return "is not" if definitely_different(one, other) else "is not known to be"


# -- einsum --------------------------------------------------------------------------------


@public
def einsum(*operands: Any) -> Node:
    """Einstein's summation convention: products summed over the indices the result lacks.

    Arguments: as `numpy.einsum`: subscripts such as ``"ij,jk->ik"`` and an operand for each
    term, or operands each followed by a list of index numbers. Without ``->`` the result has
    the indices that occur once, in alphabetical order. An index repeated within a term takes a
    diagonal; ``...`` stands for axes that broadcast. Operands are nodes, arrays and numbers, at
    least one of them a node.

    Products of more than two operands are taken two at a time, cheapest first. Raises
    `ShapeError` where sizes or axes do not fit, `ArgumentError` for subscripts that have no
    meaning.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> A, x = g.input("A", sd.f64["n", "n"]), g.input("x", sd.f64["n"])
    >>> print(sd.text(sd.einsum("i,ij,j->", x, A, x)))
    graph graph(A: f64[n,n], x: f64[n]) {
      %0 : f64[n] = einsum x A subscripts="i,ij->j"
      %1 : f64[]  = einsum %0 x subscripts="i,i->"
      return %1
    }
    """
    terms, output, values = _parse(operands)
    graph = graph_of("einsum", values)
    # A Python number stays one: a weak factor.
    nodes = [x if type(x) in _NUMBERS else graph.constant(x) for x in values]
    with listing("einsum", {f"operands[{k}]": x for k, x in enumerate(nodes)}):
        factors = [
            Factor(_spelled_out(term, np.ndim(x), k), x)
            for k, (term, x) in enumerate(zip(terms, nodes, strict=True))
        ]
        result = _result_labels(output, [factor.labels for factor in factors])
        return contract([_without_repeats(f, k) for k, f in enumerate(factors)], result)


def _parse(operands: tuple[Any, ...]) -> tuple[list[Term], Term | None, list[Any]]:
    """Terms, the result's term if it is given, and operands, from either of NumPy's forms."""
    if not operands:
        raise ArgumentError("einsum: no subscripts and no operands")
    if not isinstance(operands[0], str):
        given, lists = list(operands[0::2]), [_numbered(term) for term in operands[1::2]]
        if len(given) > len(lists):
            return lists, _numbered(given[-1]), given[:-1]
        return lists, None, given
    subscripts, values = operands[0].replace(" ", ""), list(operands[1:])
    inputs, arrow, out = subscripts.partition("->")
    terms = [_lettered(term, subscripts) for term in inputs.split(",")]
    if len(terms) != len(values):
        raise ArgumentError(
            f"einsum: {subscripts!r} is for {len(terms)} operands; {len(values)} given"
        )
    return terms, _lettered(out, subscripts) if arrow else None, values


def _lettered(term: str, subscripts: str) -> Term:
    head, dots, tail = term.partition("...")
    for letter in head + tail:
        if not (letter.isascii() and letter.isalpha()):
            raise ArgumentError(
                f"einsum: {letter!r} in {subscripts!r} is neither a letter nor part of '...'"
            )
    return (*head, *([Ellipsis] if dots else []), *tail)


def _numbered(term: Any) -> Term:
    try:
        found = tuple(k if k is Ellipsis else index(k) for k in term)
    except TypeError as error:
        raise ArgumentError(f"einsum: {term!r} is not a list of index numbers") from error
    if found.count(Ellipsis) > 1 or any(k is not Ellipsis and k < 0 for k in found):
        raise ArgumentError(f"einsum: {term!r} has a negative number, or two of '...'")
    return found


def _spelled_out(term: Term, rank: int, k: int) -> Labels:
    """The term with its ellipsis replaced by a label for each axis it stands for."""
    spare = rank - len(term) + (Ellipsis in term)
    if spare < 0 or (spare and Ellipsis not in term):
        raise ShapeError(f"operands[{k}] has {rank} axes, which {_shown(term)} does not fit")
    return _with_dots(term, spare)


def _with_dots(term: Term, count: int) -> Labels:
    """Axes under the ellipsis are numbered from the last, -1, as they broadcast."""
    dots = range(-count, 0)
    return tuple(x for label in term for x in (dots if label is Ellipsis else (label,)))


def _result_labels(output: Term | None, terms: Sequence[Labels]) -> Labels:
    counts = Counter(label for term in terms for label in term)
    dots = len([label for label in counts if isinstance(label, int) and label < 0])
    if output is None:
        letters = counts.keys() - set(range(-dots, 0))
        return _with_dots((Ellipsis, *sorted(x for x in letters if counts[x] == 1)), dots)
    if dots and Ellipsis not in output:
        raise ArgumentError(f"the result must hold '...', which stands for {dots} axes here")
    for label, n in Counter(output).items():
        if n > 1:
            raise ArgumentError(f"{_shown((label,))} is in the result twice")
        if label is not Ellipsis and label not in counts:
            raise ArgumentError(f"index {label!r} of the result is in no operand")
    return _with_dots(output, dots)


def _shown(term: Term) -> str:
    return repr("".join("..." if label is Ellipsis else str(label) for label in term))


def _without_repeats(factor: Factor, k: int) -> Factor:
    """The factor's diagonal, where an index is repeated."""
    labels, value = factor
    unique = tuple(dict.fromkeys(labels))
    if len(unique) == len(labels):
        return factor
    sizes: dict[Label, Dim] = {}
    for label, dim in zip(labels, value.shape, strict=True):
        size = sizes.setdefault(label, dim)
        if size != dim:
            raise ShapeError(
                f"index {label!r} is twice in operands[{k}], but the size {size} "
                f"{_verb(size, dim)} {dim}"
            )
    return Factor(unique, take_diagonal(value, along=[unique.index(label) for label in labels]))


# -- products with names of their own ------------------------------------------------------


@public
def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Node:
    """Product summed over pairs of axes; the rest of `x1`'s axes stand before those of `x2`.

    Arguments: `axes`, how many of the last axes of `x1` meet the first of `x2`, in order; or a
    pair of sequences (or ints), the axes of `x1` and those of `x2` they meet. Raises
    `ShapeError` where sizes differ or axes do not exist.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, y = g.input("x", sd.f64[2, "n", 4]), g.input("y", sd.f64[4, "n", 5])
    >>> sd.tensordot(x, y, axes=((1, 2), (1, 0)))
    %0 : f64[2,5] = einsum x y subscripts="ijk,kjl->il"
    """
    a, b = nodes = as_nodes("tensordot", (x1, x2))
    with listing("tensordot", {"x1": nodes[0], "x2": nodes[1]}):
        first, second = _paired_axes(axes, a.ndim, b.ndim)
        left, right = list(range(a.ndim)), list(range(a.ndim, a.ndim + b.ndim))
        out = [x for k, x in enumerate(left) if k not in first]
        out += [x for k, x in enumerate(right) if k not in second]
        for i, j in zip(first, second, strict=True):
            size, other = a.shape[i], b.shape[j]
            if size != other:
                raise ShapeError(
                    f"axis {i} of x1 has the size {size}, which {_verb(size, other)} the "
                    f"{other} of axis {j} of x2"
                )
            right[j] = left[i]
        return contract([Factor(tuple(left), a), Factor(tuple(right), b)], tuple(out))


def _paired_axes(axes: Any, rank1: int, rank2: int) -> tuple[list[int], list[int]]:
    if isinstance(axes, int | np.integer):
        if not 0 <= axes <= min(rank1, rank2):
            raise ShapeError(f"axes={axes}, but x1 has {rank1} axes and x2 {rank2}")
        return list(range(rank1 - int(axes), rank1)), list(range(int(axes)))
    if not isinstance(axes, tuple | list) or len(axes) != 2:
        raise ArgumentError(f"axes must be an int or a pair of axes, not {axes!r}")
    given = [tuple(a) if isinstance(a, tuple | list) else (a,) for a in axes]
    first, second = (
        [normalize_axis(a, rank, "axes") for a in side]
        for side, rank in zip(given, (rank1, rank2), strict=True)
    )
    if len(first) != len(second):
        raise ShapeError(f"axes={axes}: {len(first)} axes of x1 cannot meet {len(second)} of x2")
    if any(len(set(side)) < len(side) for side in (first, second)):
        raise ShapeError(f"axes={axes} names an axis twice")
    return first, second


@public
def outer(x1: Any, x2: Any, /) -> Node:
    """Outer product of two vectors: ``y[i, j] = x1[i] * x2[j]``. `ShapeError` for other ranks."""
    nodes = as_nodes("outer", (x1, x2))
    with listing("outer", {"x1": nodes[0], "x2": nodes[1]}):
        for k, x in enumerate(nodes, 1):
            if x.ndim != 1:
                raise ShapeError(f"x{k} has {x.ndim} axes, but outer is for vectors")
        return contract([Factor((0,), nodes[0]), Factor((1,), nodes[1])], (0, 1))


@public
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Node:
    """Inner products along one axis, counted from the last; the other axes broadcast.

    Of complex operands the first is conjugated. Raises `ShapeError` where sizes differ.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, y = g.input("x", sd.f64["n", 3]), g.input("y", sd.f64[3])
    >>> sd.vecdot(x, y)
    %0 : f64[n] = einsum x y subscripts="ij,j->i"
    """
    a, b = as_nodes("vecdot", (x1, x2))
    with listing("vecdot", {"x1": a, "x2": b}):
        if not -min(a.ndim, b.ndim) <= axis <= -1:
            raise ShapeError(f"axis {axis} is not one of the last axes of both, from -1 down")
        size, other = a.shape[axis], b.shape[axis]
        if size != other:
            raise ShapeError(f"the size {size} of x1 along the axis {_verb(size, other)} {other}")
        out = [k for k in range(-max(a.ndim, b.ndim), 0) if k != axis]
        factors = [conj(a) if a.dtype.kind == "c" else a, b]
        return contract([Factor(tuple(range(-x.ndim, 0)), x) for x in factors], tuple(out))


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.einsum)
def _np_einsum(*operands: Any, optimize: Any = False, **more: Any) -> Node:
    if more:
        raise ArgumentError(f"np.einsum: {', '.join(more)} not available on nodes")
    return einsum(*operands)


@numpy_function(np.tensordot, np.linalg.tensordot)
def _np_tensordot(a: Any, b: Any, axes: Any = 2) -> Node:
    return tensordot(a, b, axes=axes)


def _flat(x: Any) -> Any:
    return x.reshape(-1) if isinstance(x, Node) else np.ravel(x)


@numpy_function(np.outer)
def _np_outer(a: Any, b: Any) -> Node:
    return outer(_flat(a), _flat(b))


@numpy_function(np.inner)
def _np_inner(a: Any, b: Any) -> Node:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b  # type: ignore[no-any-return]
    return tensordot(a, b, axes=(-1, -1))


@numpy_function(np.vdot)
def _np_vdot(a: Any, b: Any) -> Node:
    return vecdot(_flat(a), _flat(b))


numpy_function(np.linalg.outer)(outer)
numpy_function(np.linalg.vecdot)(vecdot)
REGISTRY.ufuncs[np.vecdot] = vecdot  # a ufunc, but not one of an elementwise op
