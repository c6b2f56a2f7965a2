"""Sums of products of arrays whose axes are labelled: what `einsum` and its kin come down to.

A product of many arrays is taken apart into products of two, cheapest first (the greedy order
of D. G. A. Smith and J. Gray, "opt_einsum", JOSS 3(26), 2018), so that a value and its gradients
share their intermediate results. An index that only one operand has is summed first. In what
remains every index occurs at least twice among the two operands and the result, and so the rule
is exact and short: with ``y[out] = sum of a[left] b[right]``, the gradient of `a` is the same
kind of sum, of ``g[out] b[right]`` to ``left``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.errors import ArgumentError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import linear, op, scalar_value, scale
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import permute_dims, tensor
from symdiff.sizes import Dim, definitely_different, evaluate, names
from symdiff.types import TensorType, Type, promote, shape_text

__all__ = [
    "Factor",
    "Label",
    "Labels",
    "blas_form",
    "contract",
    "put_diagonal",
    "take_diagonal",
]

Array = np.ndarray[Any, Any]
Label = str | int  # a letter or a number; below 0, an axis under an ellipsis
Labels = tuple[Label, ...]

_LETTERS: Final = "ijklmnopqrstuvwxyzabcdefghABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Indices in the order in which they are named: i, j, k, …."""

_ASSUMED_SIZE: Final = 64
"""What a named size counts as when the order of products is chosen."""


class Factor(NamedTuple):
    """An array with a label for each axis; a Python number has none."""

    labels: Labels
    value: Any


# -- diagonals -----------------------------------------------------------------------------


def _along_params(x: Type, along: Any) -> dict[str, Any]:
    seen = list(dict.fromkeys(along)) if isinstance(along, tuple | list) else [along]
    if not all(isinstance(k, int) for k in seen) or seen != list(range(len(seen))):
        raise ArgumentError(f"along={along!r} must number the result's axes in order: (0, 1, …)")
    return {"along": tuple(along)}


def _take_type(x: Type, along: tuple[int, ...]) -> TensorType:
    shape = tensor(x).shape
    if len(along) != len(shape):
        raise ShapeError(f"along={along} is for {len(along)} axes, not the {len(shape)} of x")
    dims = dict(zip(along, shape, strict=True))
    if tuple(dims[k] for k in along) != shape:
        raise ShapeError(f"axes that share a diagonal differ in size: {shape_text(shape)}")
    return tensor(x).with_shape(tuple(dims.values()))


def _put_type(x: Type, along: tuple[int, ...]) -> TensorType:
    shape = tensor(x).shape
    if len(set(along)) != len(shape):
        raise ShapeError(f"along={along} is for {len(set(along))} axes, not the {len(shape)} of x")
    return tensor(x).with_shape(tuple(shape[k] for k in along))


def _diagonal_view(x: Array, along: tuple[int, ...]) -> Array:
    return np.asarray(np.einsum(x, list(along), list(dict.fromkeys(along))))


def _put_kernel(x: Array, along: tuple[int, ...]) -> Array:
    result = np.zeros(tuple(x.shape[k] for k in along), x.dtype)
    _diagonal_view(result, along)[...] = x
    return result


def _batch_along(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    return y.op(*inputs, along=(0, *[k + 1 for k in y.params["along"]]))


take_diagonal: Op = linear(
    "take_diagonal",
    "x",
    doc="""Diagonals: axis `k` of `x` runs along axis ``along[k]`` of the result.

    So ``along=(0, 0)`` is the diagonal of a matrix. Axes that share one have one size.
    """,
    parameters={"along": REQUIRED},
    normalize=_along_params,
    identity=lambda x, along: len(set(along)) == x.rank,
    infer=_take_type,
    kernel=lambda x, along: _diagonal_view(x, along).copy(),
    transpose=lambda g, y, x: put_diagonal(g, along=y.params["along"]),
    batch=_batch_along,
    moves=True,
)

put_diagonal: Op = linear(
    "put_diagonal",
    "x",
    doc="""Zeros with `x` on their diagonal: the transpose of `take_diagonal`.""",
    parameters={"along": REQUIRED},
    normalize=_along_params,
    identity=lambda x, along: len(set(along)) == len(along),
    infer=_put_type,
    kernel=_put_kernel,
    transpose=lambda g, y, x: take_diagonal(g, along=y.params["along"]),
    batch=_batch_along,
    moves=True,
)

# -- the product of two: its type ----------------------------------------------------------

_NORMAL_FORM: Final = r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]*)"


def _terms(subscripts: str) -> tuple[str, str, str]:
    left, right, out = re.split(",|->", subscripts)
    return left, right, out


def _renamed(*terms: Iterable[Label]) -> str:
    """Subscripts ``ij,jk->ik`` of three terms, with indices named in the order they occur."""
    letters: dict[Label, str] = {}
    for label in (label for term in terms for label in term):
        if label not in letters:
            if len(letters) == len(_LETTERS):
                raise ArgumentError(f"more than {len(_LETTERS)} indices in one product")
            letters[label] = _LETTERS[len(letters)]
    left, right, out = ("".join(letters[label] for label in term) for term in terms)
    return f"{left},{right}->{out}"


def _einsum_params(a: Type, b: Type, subscripts: Any) -> dict[str, Any]:
    if not isinstance(subscripts, str) or not re.fullmatch(_NORMAL_FORM, subscripts):
        raise ArgumentError(f"{subscripts!r} is not of the form 'ij,jk->ik'; see sd.einsum")
    terms = _terms(subscripts)
    counts = Counter("".join(terms))
    if any(len(set(t)) < len(t) for t in terms) or min(counts.values()) < 2:
        raise ArgumentError(
            f"{subscripts!r}: an index occurs in two or three of the terms, once in each; "
            "sd.einsum takes any subscripts"
        )
    return {"subscripts": _renamed(*terms)}


def _einsum_type(a: Type, b: Type, subscripts: str) -> TensorType:
    *terms, out = _terms(subscripts)
    sizes: dict[str, Dim] = {}
    for name, term, x in zip("ab", terms, (tensor(a), tensor(b)), strict=True):
        if len(term) != x.rank:
            raise ShapeError(f"{name} has {x.rank} axes, but {term!r} is for {len(term)}")
        for letter, dim in zip(term, x.shape, strict=True):
            if sizes.setdefault(letter, dim) != dim:
                raise ShapeError(f"index {letter!r} {_mismatch(sizes[letter], 'a', dim, 'b')}")
    return TensorType(promote(tensor(a).dtype, tensor(b).dtype), tuple(sizes[k] for k in out))


def _mismatch(size: Dim, where: str, other: Dim, elsewhere: str) -> str:
    verb = "is not" if definitely_different(size, other) else "is not known to be"
    return f"has the size {size} in {where}, which {verb} the {other} of {elsewhere}"


# -- the product of two: its rules ---------------------------------------------------------


def _gradient(position: int) -> Any:
    def rule(g: Node, y: Node, a: Node, b: Node) -> Node:
        left, right, out = map(tuple, _terms(y.params["subscripts"]))
        own, x = ((left, a), (right, b))[position]
        other = (Factor(right, b), Factor(left, a))[position]
        if out:
            pair = (Factor(out, g), other)
            return contract(pair if position == 0 else pair[::-1], own).astype(x.dtype)
        # A full contraction: g scales, and a mask it brings along stays outermost.
        slope = contract([other], own)
        scaled = slope if scalar_value(g) == 1 else scale(g, slope)
        assert scaled is not None
        return scaled.astype(x.dtype)

    return rule


def _batch_einsum(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    left, right, out = map(tuple, _terms(y.params["subscripts"]))
    new: Labels = (0,)  # no letter
    factors = [
        Factor(new + own if m else own, x)
        for own, x, m in zip((left, right), inputs, mapped, strict=True)
    ]
    return contract(factors, new + out)


class BlasForm(NamedTuple):
    """Where the axes of two operands go: batch, left and right indices, and those summed."""

    left_axes: tuple[int, ...]  # batch, left, summed
    right_axes: tuple[int, ...]  # batch, summed, right
    batch: int
    left: int
    summed: int
    out_axes: tuple[int, ...]  # from batch, left, right to the order of the result
    is_dot: bool  # a product of matrices and vectors as they stand


@lru_cache(maxsize=1024)
def blas_form(subscripts: str) -> BlasForm:
    """How a product of two operands is one of matrices."""
    left, right, out = _terms(subscripts)
    shared = [k for k in left if k in right]
    batch, summed = [k for k in shared if k in out], [k for k in shared if k not in out]
    only_left, only_right = ([k for k in t if k not in shared] for t in (left, right))
    made = [*batch, *only_left, *only_right]
    is_dot = (
        len(summed) == 1
        and [*only_left, *summed] == list(left)
        and [*summed, *only_right] == list(right)
        and made == list(out)
        and len(left) <= 2
        and len(right) <= 2
    )
    return BlasForm(
        tuple(left.index(k) for k in (*batch, *only_left, *summed)),
        tuple(right.index(k) for k in (*batch, *summed, *only_right)),
        len(batch),
        len(only_left),
        len(summed),
        tuple(made.index(k) for k in out),
        is_dot,
    )


def _einsum_kernel(a: Array, b: Array, subscripts: str) -> Array:
    """A matrix product over the summed indices, where there is one: BLAS, not a loop."""
    plan = blas_form(subscripts)
    if plan.is_dot:
        return np.asarray(np.dot(a, b))
    x, y = a.transpose(plan.left_axes), b.transpose(plan.right_axes)
    split = plan.batch + plan.left
    batch, left, summed = x.shape[: plan.batch], x.shape[plan.batch : split], x.shape[split:]
    right = y.shape[plan.batch + plan.summed :]
    # Many inner products; float16 NumPy's einsum would add up in float16.
    if batch and summed and not left and not right and a.dtype != np.float16:
        return np.asarray(np.einsum(subscripts, a, b))
    if not summed:
        columns = y.reshape((*batch, *[1] * len(left), *right))
        result = np.asarray(x.reshape((*batch, *left, *[1] * len(right))) * columns)
    else:
        count = math.prod(summed)
        rows = x.reshape((*batch, math.prod(left), count))
        columns = y.reshape((*batch, count, math.prod(right)))
        product = np.matmul(rows, columns) if batch else np.dot(rows, columns)
        result = product.reshape((*batch, *left, *right))
    return result.transpose(plan.out_axes)


_einsum: Op = op(
    "einsum",
    "a b",
    doc="""Product of two arrays summed over indices: ``"ij,jk->ik"`` is a matrix product.

    An index is in two or three of the terms and once in each; one that the result lacks is
    summed. Made by `sd.einsum`, which takes any subscripts and any number of operands. The
    gradient of an operand is the same kind of product, of the result's gradient and the other.
    """,
    parameters={"subscripts": REQUIRED},
    normalize=_einsum_params,
    infer=_einsum_type,
    kernel=_einsum_kernel,
    vjp=(_gradient(0), _gradient(1)),
    jvp=(
        lambda t, y, a, b: _einsum(t, b, **y.params),
        lambda t, y, a, b: _einsum(a, t, **y.params),
    ),
    batch=_batch_einsum,
)

# -- the product of many -------------------------------------------------------------------


def contract(factors: Iterable[Factor], output: Labels) -> Node:
    """The product of all factors, summed over every index that `output` lacks.

    An axis of length 1 broadcasts. No factor has a label twice. Raises `ShapeError` where the
    sizes of an index differ, speaking of the factors as ``operands[k]``.
    """
    work = list(factors)
    sizes = _label_sizes(work)
    work = [_without_ones(factor, sizes) for factor in work]
    while True:
        counts = _counts(work, output)
        work = [_without_lone(factor, counts) for factor in work]
        if len(work) == 1:
            labels, value = work[0]
            return permute_dims(value, axes=[labels.index(label) for label in output])
        i, j = (0, 1) if len(work) == 2 else _cheapest_pair(work, output, sizes)
        rest = [factor for k, factor in enumerate(work) if k not in (i, j)]
        needed = _counts(rest, output)
        both = dict.fromkeys((*work[i].labels, *work[j].labels))
        kept = tuple(label for label in both if label in needed) if rest else output
        rest.insert(i, _pair(work[i], work[j], kept))
        work = rest


def _counts(factors: Iterable[Factor], output: Labels) -> Counter[Label]:
    """In how many factors, the result included, each index occurs."""
    counts = Counter(output)
    for factor in factors:
        counts.update(factor.labels)
    return counts


def _label_sizes(factors: Sequence[Factor]) -> dict[Label, Dim]:
    """The size of every index."""
    found: dict[Label, tuple[Dim, int]] = {}
    for k, (labels, value) in enumerate(factors):
        for label, dim in zip(labels, value.shape if labels else (), strict=True):
            size, first = found.setdefault(label, (dim, k))
            if size == 1:
                found[label] = dim, k
            elif dim not in (1, size):
                under_dots = isinstance(label, int) and label < 0
                what = f"axis {label} under '...'" if under_dots else f"index {label!r}"
                mismatch = _mismatch(size, f"operands[{first}]", dim, f"operands[{k}]")
                raise ShapeError(f"{what} {mismatch}")
    return {label: size for label, (size, _) in found.items()}


def _without_ones(factor: Factor, sizes: Mapping[Label, Dim]) -> Factor:
    """The factor without the axes of length 1 that broadcast."""
    labels, value = factor
    kept = [k for k, label in enumerate(labels) if value.shape[k] == sizes[label]]
    if len(kept) == len(labels):
        return factor
    shape = tuple(value.shape[k] for k in kept)
    return Factor(tuple(labels[k] for k in kept), value.reshape(shape))


def _without_lone(factor: Factor, counts: Mapping[Label, int]) -> Factor:
    """The factor summed over the indices that nothing else has."""
    labels, value = factor
    lone = tuple(k for k, label in enumerate(labels) if counts[label] == 1)
    if not lone:
        return factor
    kept = tuple(label for label in labels if counts[label] > 1)
    return Factor(kept, sum_(value, axis=lone, dtype=value.dtype))


def _pair(first: Factor, second: Factor, output: Labels) -> Factor:
    if not first.labels or not second.labels:
        return Factor(first.labels or second.labels, first.value * second.value)
    if first.labels == second.labels == output:
        return Factor(output, first.value * second.value)
    subscripts = _renamed(first.labels, second.labels, output)
    return Factor(output, _einsum(first.value, second.value, subscripts=subscripts))


def _cheapest_pair(
    factors: Sequence[Factor], output: Labels, sizes: Mapping[Label, Dim]
) -> tuple[int, int]:
    """The pair whose product leaves the least behind; where several do, with the least work."""
    known = {
        label: evaluate(dim, dict.fromkeys(names(dim), _ASSUMED_SIZE))
        for label, dim in sizes.items()
    }
    counts = _counts(factors, output)

    def count(labels: Iterable[Label]) -> int:
        return math.prod(known[label] for label in labels)

    def cost(pair: tuple[int, int]) -> tuple[int, int]:
        first, second = (factors[k].labels for k in pair)
        both = Counter((*first, *second))
        left_behind = [label for label, inside in both.items() if counts[label] > inside]
        return count(left_behind) - count(first) - count(second), count(both)

    return min(combinations(range(len(factors)), 2), key=cost)


REGISTRY.enroll(__name__)
