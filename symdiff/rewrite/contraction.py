"""Products of labelled factors as nodes: scalings and matrix products, cheapest pair first.

The order of pairs is the greedy one of D. G. A. Smith and J. Gray, "opt_einsum", JOSS 3(26),
2018, on sizes where a named one counts as a stated number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from math import prod
from typing import Final

import numpy as np

from symdiff.node import Node
from symdiff.ops.elementwise import negative
from symdiff.ops.linalg import matmul
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import broadcast_to, permute_dims, reshape
from symdiff.rewrite.forms import Factor, Space
from symdiff.sizes import evaluate, names
from symdiff.types import element_count

__all__ = ["assumed", "merged", "product", "scaled"]

ASSUMED_SIZE: Final = 64
"""What a named size counts as where an order of products is chosen."""


def assumed(space: Space, labels: Iterable[int]) -> int:
    """How many entries an array with these labels is taken to have."""
    sizes = [space.sizes[label] for label in labels]
    return prod(evaluate(dim, dict.fromkeys(names(dim), ASSUMED_SIZE)) for dim in sizes)


def scaled(node: Node, scale: float) -> Node:
    """A node times a number."""
    if scale == 1.0:
        return node
    return negative(node) if scale == -1.0 else node * scale


def merged(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    """The factors, with those of the same labels multiplied."""
    found: dict[frozenset[int], Factor] = {}
    for factor in factors:
        key = frozenset(factor.labels)
        first = found.get(key)
        if first is None:
            found[key] = factor
        else:
            found[key] = Factor(first.labels, first.node * _ordered(factor, first.labels))
    return tuple(found.values())


def product(
    space: Space,
    factors: Sequence[Factor],
    output: tuple[int, ...],
    scale: float,
    dtype: np.dtype[np.generic],
) -> Node:
    """The factors' product, summed over labels that `output` lacks, with the axes of `output`."""
    work = list(merged(factors))
    shape = tuple([space.sizes[label] for label in output])
    if not work:
        return broadcast_to(space.graph.constant(scale, dtype), shape=shape)
    if scale != 1.0:
        least = min(range(len(work)), key=lambda k: assumed(space, work[k].labels))
        work[least] = Factor(work[least].labels, scaled(work[least].node, scale))
    while True:
        counts = Counter([*output, *[label for f in work for label in f.labels]])
        work = list(merged(_without_lone(f, counts) for f in work))
        if len(work) == 1:
            return _spread(space, work[0], output)
        i, j = (0, 1) if len(work) == 2 else _cheapest_pair(space, work, output)
        rest = [f for k, f in enumerate(work) if k not in (i, j)]
        kept = {*output, *[label for f in rest for label in f.labels]}
        work = [*rest[:i], _pair(space, work[i], work[j], kept, output), *rest[i:]]


def _ordered(factor: Factor, labels: Sequence[int]) -> Node:
    if factor.labels == tuple(labels):
        return factor.node
    return permute_dims(factor.node, axes=tuple(map(factor.labels.index, labels)))


def _spread(space: Space, factor: Factor, output: tuple[int, ...]) -> Node:
    """A factor with the axes of `output`, along some of which it is repeated."""
    have = [label for label in output if label in factor.labels]
    node = _ordered(factor, have)
    if len(have) == len(output):
        return node
    thin = tuple([space.sizes[label] if label in have else 1 for label in output])
    return broadcast_to(reshape(node, shape=thin), shape=tuple(space.sizes[i] for i in output))


def _without_lone(factor: Factor, counts: Counter[int]) -> Factor:
    """The factor summed over labels that nothing else has."""
    lone = tuple([k for k, label in enumerate(factor.labels) if counts[label] == 1])
    if not lone:
        return factor
    left = tuple([label for label in factor.labels if counts[label] > 1])
    return Factor(left, sum_(factor.node, axis=lone))


def _cheapest_pair(
    space: Space, factors: Sequence[Factor], output: tuple[int, ...]
) -> tuple[int, int]:
    """The pair whose product leaves the least behind; of equals the one with the least work."""
    counts = Counter([*output, *[label for f in factors for label in f.labels]])

    def cost(pair: tuple[int, int]) -> tuple[int, int, int]:
        one, other = (factors[k].labels for k in pair)
        both = Counter((*one, *other))
        left = [label for label, inside in both.items() if counts[label] > inside]
        growth = assumed(space, left) - assumed(space, one) - assumed(space, other)
        return growth, assumed(space, both), -pair[0]

    return min(combinations(range(len(factors)), 2), key=cost)


def _pair(
    space: Space, one: Factor, other: Factor, kept: set[int], output: tuple[int, ...]
) -> Factor:
    """The product of two factors, summed over the labels they share and nothing else has."""
    summed = [label for label in one.labels if label in other.labels and label not in kept]
    if not summed:
        return _scaling(space, one, other)
    rank = {label: k for k, label in enumerate(output)}
    batch = [label for label in one.labels if label in other.labels and label in kept]
    left = [label for label in one.labels if label not in other.labels]
    right = [label for label in other.labels if label not in one.labels]
    last = len(output)
    if left and right and rank.get(right[0], last) < rank.get(left[0], last):
        one, other, left, right = other, one, right, left
    if batch and not left and not right:
        inner = _ordered(one, (*batch, *summed)) * _ordered(other, (*batch, *summed))
        axes = tuple(range(len(batch), len(batch) + len(summed)))
        return Factor(tuple(batch), sum_(inner, axis=axes))
    for group in (batch, left, right):
        group.sort(key=lambda label: rank.get(label, last))
    a = _matrix(space, one, batch, left, summed)
    b = _matrix(space, other, batch, summed, right)
    made = (*batch, *left, *right)
    value = reshape(matmul(a, b), shape=tuple([space.sizes[label] for label in made]))
    return Factor(made, value)


def _matrix(
    space: Space, factor: Factor, batch: list[int], rows: list[int], columns: list[int]
) -> Node:
    """A factor as a matrix, or a vector, with merged axes; a view where its order allows."""
    lead = tuple([space.sizes[label] for label in batch])
    tall, wide = (element_count([space.sizes[i] for i in part]) for part in (rows, columns))
    if factor.labels == (*batch, *columns, *rows) and rows and columns:
        turned = reshape(factor.node, shape=(*lead, wide, tall))
        count = len(lead)
        return permute_dims(turned, axes=(*range(count), count + 1, count))
    node = _ordered(factor, (*batch, *rows, *columns))
    shape = [n for n, part in ((tall, rows), (wide, columns)) if part or batch]
    return reshape(node, shape=(*lead, *shape))


def _scaling(space: Space, one: Factor, other: Factor) -> Factor:
    """The product of two factors of which nothing is summed, each repeated along the other."""
    if (len(other.labels), -other.node.index) > (len(one.labels), -one.node.index):
        one, other = other, one
    labels = (*one.labels, *[label for label in other.labels if label not in one.labels])
    extra = [1] * (len(labels) - len(one.labels))
    first = reshape(one.node, shape=(*one.node.shape, *extra))
    have = [label for label in labels if label in other.labels]
    start = labels.index(have[0]) if have else len(labels)
    thin = tuple([space.sizes[i] if i in have else 1 for i in labels[start:]])
    return Factor(labels, first * reshape(_ordered(other, have), shape=thin))
