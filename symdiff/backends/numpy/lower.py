"""Ops that stand for several calls of NumPy, as these: each writes into planned memory, and what
two of them need (the exponentials of `logsumexp` and `softmax` of the same values) is made once.

The formulas are those of the kernels in `ops`, which the interpreter runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from symdiff.collector import paused_collector
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.ops.contract import blas_form
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import (
    add,
    cast,
    divide,
    equal,
    exp,
    greater_equal,
    log,
    multiply,
    negative,
    subtract,
    where,
)
from symdiff.ops.extrema import maximum, minimum
from symdiff.ops.functions import log1p
from symdiff.ops.joining import concat
from symdiff.ops.linalg import matmul
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.reductions import max as max_
from symdiff.ops.shape import permute_dims, reshape
from symdiff.sizes import bounds
from symdiff.types import element_count

__all__ = ["lowered"]

_SINGLE: Final = (np.dtype(np.float32), np.dtype(np.float64))


def lowered(graph: Graph) -> Graph:
    """The graph with the ops of `_LOWER` replaced; the same graph where it has none."""
    if not any(_may_be_lowered(node) for node in graph.nodes):
        return graph
    fresh = Graph(graph.name)
    done: dict[Node, Node] = {}
    first = graph.origin(graph.node(0))
    with fresh.recording(order=0, origin=first), paused_collector():
        for node in (*graph.inputs, *graph.ancestors(graph.outputs)):
            if node in done:
                continue
            made = fresh.adopt(node, tuple([done[x] for x in node.inputs]))
            found = _replacement(made) if _may_be_lowered(node) else None
            done[node] = made if found is None else found
    fresh.take_names(graph, done)
    fresh.outputs = [done[node] for node in graph.outputs]
    return fresh


def _may_be_lowered(node: Node) -> bool:
    if node.op.name == "add_n":
        return len(node.inputs) >= FEWEST_TERMS
    return node.op.name in _LOWER and node.op.registered


def _replacement(node: Node) -> Node | None:
    """Half precision and integers are computed in another dtype: that is left to the kernel."""
    if any(x.dtype != node.dtype or x.dtype not in _SINGLE for x in node.inputs):
        return None
    made: Node | None = _LOWER[node.op.name](node, *node.inputs, **node.params)
    return made


# -- logistic ------------------------------------------------------------------------------


def _sigmoid(node: Node, x: Node) -> Node:
    power = exp(negative(abs_(x)))
    # The power below 0 and 1 above: no power is more than 1, and a choice by a mask is slow.
    numerator = maximum(power, cast(greater_equal(x, 0.0), dtype=x.dtype))
    return divide(numerator, add(power, 1.0))


def _softplus(node: Node, x: Node) -> Node:
    return add(maximum(x, 0.0), log1p(exp(negative(abs_(x)))))


def _log_sigmoid(node: Node, x: Node) -> Node:
    return subtract(minimum(x, 0.0), log1p(exp(negative(abs_(x)))))


def _relu(node: Node, x: Node) -> Node:
    return maximum(x, 0.0)


# -- along axes ----------------------------------------------------------------------------


def _has_entries(x: Node, axis: tuple[int, ...]) -> bool:
    """Whether there is a largest entry: NumPy refuses to look for one among none."""
    return all((bounds(x.shape[a])[0] or 0) > 0 for a in axis)


def _differences(x: Node, axis: tuple[int, ...]) -> tuple[Node, Node]:
    """``x - max(x)`` with a finite number subtracted, and the largest entries."""
    largest = max_(x, axis=axis, keepdims=True)
    bound = float(np.finfo(x.dtype).max)
    return subtract(x, minimum(maximum(largest, -bound), bound)), largest


def _counted(powers: Node, axis: tuple[int, ...]) -> tuple[Node, Node]:
    """How many of the powers are 1, at least one, and the sum of the others: the logarithm of
    their sum is accurate also where one of them makes up nearly all of it."""
    ones = equal(powers, 1.0)
    count = sum_(ones, axis=axis, keepdims=True, dtype=powers.dtype)
    rest = sum_(where(ones, 0.0, powers), axis=axis, keepdims=True)
    return maximum(count, 1.0), rest


def _log_total(powers: Node, axis: tuple[int, ...]) -> Node:
    count, rest = _counted(powers, axis)
    return add(log1p(divide(rest, count)), log(count))


def _logsumexp(node: Node, x: Node, axis: tuple[int, ...], keepdims: bool) -> Node | None:
    if not _has_entries(x, axis):
        return None
    differences, largest = _differences(x, axis)
    return reshape(add(_log_total(exp(differences), axis), largest), shape=node.shape)


def _softmax(node: Node, x: Node, axis: tuple[int, ...]) -> Node | None:
    if not _has_entries(x, axis):
        return None
    powers = exp(_differences(x, axis)[0])
    return divide(powers, add(*_counted(powers, axis)))


def _log_softmax(node: Node, x: Node, axis: tuple[int, ...]) -> Node | None:
    if not _has_entries(x, axis):
        return None
    differences, _ = _differences(x, axis)
    return subtract(differences, _log_total(exp(differences), axis))


# -- sums ----------------------------------------------------------------------------------

FEWEST_TERMS: Final = 6
LARGEST_TERM: Final = 2_048
MOST_BYTES: Final = 1 << 20
"""When terms are put side by side and summed at once: many of them, so small that calls cost more
than what they add, and not so many that keeping them all would show."""


def _many_small(node: Node, *terms: Node) -> Node | None:
    size = node.type.size * node.dtype.itemsize  # type: ignore[union-attr]
    small = isinstance(size, int) and size <= LARGEST_TERM and len(terms) * size <= MOST_BYTES
    if not small or not node.shape or len(terms) < FEWEST_TERMS:
        return None
    rows = concat(terms, axis=0)
    return sum_(reshape(rows, shape=(len(terms), *node.shape)), axis=0)


# -- products ------------------------------------------------------------------------------


def _einsum(node: Node, a: Node, b: Node, subscripts: str) -> Node | None:
    """A matrix product of transposed and reshaped operands, or a product of broadcast ones."""
    form = blas_form(subscripts)
    if form.is_dot:
        return matmul(a, b)
    x, y = permute_dims(a, axes=form.left_axes), permute_dims(b, axes=form.right_axes)
    split = form.batch + form.left
    batch, left, summed = x.shape[: form.batch], x.shape[form.batch : split], x.shape[split:]
    right = y.shape[form.batch + form.summed :]
    if batch and summed and not left and not right:
        return None  # many inner products: NumPy's einsum has a loop for them
    if summed:
        count = element_count(summed)
        rows = reshape(x, shape=(*batch, element_count(left), count))
        product = matmul(rows, reshape(y, shape=(*batch, count, element_count(right))))
        product = reshape(product, shape=(*batch, *left, *right))
    else:
        rows = reshape(x, shape=(*batch, *left, *[1] * len(right)))
        product = multiply(rows, reshape(y, shape=(*batch, *[1] * len(left), *right)))
    return permute_dims(product, axes=form.out_axes)


_LOWER: Final[Mapping[str, Callable[..., Any]]] = {
    "add_n": _many_small,
    "einsum": _einsum,
    "expit": _sigmoid,
    "log_expit": _log_sigmoid,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "softplus": _softplus,
}
