"""Sums of products of arrays that stretch one another, as products over indices.

``sum(x[:, None, :] * y[None, :, :], axis=2)`` is the matrix product ``x @ y.T``: BLAS carries it
out without an array for all the products (see `ops.contract`).
"""

from __future__ import annotations

from typing import Final

from symdiff.node import Node
from symdiff.ops.contract import Factor, contract
from symdiff.ops.elementwise import add, divide, multiply, negative, subtract
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import reshape
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule

__all__ = ["CONTRACTIONS"]


def _is_real(*nodes: Node) -> bool:
    """Whether BLAS multiplies them: float16 it would add up in float16."""
    return all(x.dtype.kind == "f" and x.dtype.itemsize >= 4 for x in nodes)


def _sum_as_contraction(node: Node, facts: Facts) -> Node | None:
    """Where each operand has an axis that the other lacks, so that the array of products is larger
    than both, and both have all that is summed, so that nothing moves out of a sum."""
    (inner,) = node.inputs
    if inner.op is not multiply or facts.shared(inner) or node.params["dtype"] is not None:
        return None
    x, y = inner.inputs
    if x.dtype != y.dtype or not _is_real(x, y):
        return None
    one, other = (_stretched(operand, inner) for operand in (x, y))
    summed = {a for a in node.params["axis"] if inner.shape[a] != 1}
    if not summed or not summed <= one & other or not one - other or not other - one:
        return None
    rank = inner.ndim
    factors = [Factor(tuple(range(rank - v.ndim, rank)), v) for v in (x, y)]
    kept = tuple(a for a in range(rank) if a not in node.params["axis"])
    output = tuple(a for a in kept if inner.shape[a] != 1)
    return reshape(contract(factors, output), shape=node.shape)


def _stretched(operand: Node, result: Node) -> set[int]:
    """The axes of the result along which an operand has entries of its own."""
    lead = result.ndim - operand.ndim
    return {lead + k for k, dim in enumerate(operand.shape) if dim != 1}


def _sum_of_terms(node: Node, facts: Facts) -> Node | None:
    """``sum(a * b + c * d)`` as two sums, each of them a dot product: no array for the terms."""
    (inner,) = node.inputs
    if inner.op not in (add, subtract) or facts.shared(inner):
        return None
    if node.params["dtype"] is not None or len(node.params["axis"]) != inner.ndim:
        return None
    if not inner.ndim or not all(_is_product(x, inner, facts) for x in inner.inputs):
        return None
    a, b = (sum_(x, **node.params) for x in inner.inputs)
    return inner.op(a, b)


def _is_product(node: Node, whole: Node, facts: Facts) -> bool:
    """Whether the sum of a term is a number times a dot product."""
    if facts.shared(node) or node.shape != whole.shape or not _is_real(node):
        return False
    if node.op is negative:
        return _is_product(node.inputs[0], whole, facts)
    if node.op not in (multiply, divide):
        return False
    x, y = node.inputs
    if not y.shape:
        return _is_product(x, whole, facts)
    if not x.shape:
        return node.op is multiply and _is_product(y, whole, facts)
    return node.op is multiply and x.shape == y.shape and x.dtype == y.dtype


CONTRACTIONS: Final[tuple[Rule, ...]] = (
    function_rule("sum_of_terms", sum_, _sum_of_terms, operands=(add, subtract)),
    function_rule("sum_as_contraction", sum_, _sum_as_contraction, operands=(multiply,)),
)
