"""Sums of many products as one: common operands outside, vectors stacked into matrices.

Where a weight is used at every step of a recurrence its gradient is a sum of as many outer
products. Stacked, they are one matrix product: 2 to 10 times as fast from two products on
(measured with NumPy 2.4 for 2 to 1000 products of vectors of 8 to 256 entries).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from symdiff.node import Node
from symdiff.ops.elementwise import multiply
from symdiff.ops.joining import concat
from symdiff.ops.linalg import matmul
from symdiff.ops.shape import permute_dims, reshape
from symdiff.ops.structure import add_n
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule
from symdiff.rewrite.rules.products import is_fewer
from symdiff.sizes import Dim, bounds

__all__ = ["GATHERED"]


def _total(terms: Sequence[Node]) -> Node:
    return terms[0] if len(terms) == 1 else add_n(*terms)


def _may_gather(node: Node, facts: Facts, common: Node, rest: Sequence[Node]) -> bool:
    """Whether a sum may be taken before it is multiplied by what is common.

    By an infinity, terms of two signs give NaN and their sum does not. What derivatives add up
    is taken to be finite; elsewhere it must be known, of the factor or of the signs.
    """
    return node.order > 0 or facts.finite(common) or all(facts.positive(x) for x in rest)


def _common_operand(node: Node, facts: Facts) -> Node | None:
    """``A @ x + A @ y`` as ``A @ (x + y)``, from either side; the operands of one type."""
    groups: dict[tuple[int, Node, object], list[int]] = {}
    for place, term in enumerate(node.inputs):
        if term.op is matmul and not facts.shared(term):
            for k in (0, 1):
                key = (k, term.inputs[k], term.inputs[1 - k].type)
                groups.setdefault(key, []).append(place)
    taken: set[int] = set()
    made: list[Node] = []
    for (k, common, _), places in groups.items():
        free = [p for p in places if p not in taken]
        if len(free) < 2:
            continue
        others = [node.inputs[p].inputs[1 - k] for p in free]
        if not _may_gather(node, facts, common, others):
            continue
        taken.update(free)
        rest = add_n(*others)
        made.append(matmul(common, rest) if k == 0 else matmul(rest, common))
    if not made:
        return None
    return _total([*made, *[x for p, x in enumerate(node.inputs) if p not in taken]])


def _common_factor(node: Node, facts: Facts) -> Node | None:
    """``a * X + b * X`` as ``(a + b) * X`` where `a` and `b` are smaller than `X`."""
    groups: dict[tuple[Node, object], list[tuple[int, Node]]] = {}
    for place, term in enumerate(node.inputs):
        if term.op is not multiply or facts.shared(term):
            continue
        for x, a in (term.inputs, term.inputs[::-1]):
            if x.shape == node.shape and x.dtype == a.dtype and is_fewer(a.shape, x.shape):
                groups.setdefault((x, a.type), []).append((place, a))
                break
    several = {
        key: found
        for key, found in groups.items()
        if len(found) > 1 and _may_gather(node, facts, key[0], [a for _, a in found])
    }
    if not several:
        return None
    taken = {place for found in several.values() for place, _ in found}
    made = [x * add_n(*[a for _, a in found]) for (x, _), found in several.items()]
    return _total([*made, *[x for p, x in enumerate(node.inputs) if p not in taken]])


# -- outer products ------------------------------------------------------------------------


def _as_factors(node: Node, facts: Facts) -> tuple[Node, Node] | None:
    """What a term is the product ``U.T @ V`` of: two matrices, or two vectors for their outer."""
    if node.ndim != 2 or facts.shared(node):
        return None
    if node.op is multiply:
        one, other = node.inputs
        return _outer(one, other, node) or _outer(other, one, node)
    if node.op is not matmul:
        return None
    a, b = node.inputs
    matrices = a.op is permute_dims and a.ndim == b.ndim == 2
    return (a.inputs[0], b) if matrices and a.dtype == b.dtype and a.dtype.kind == "f" else None


def _outer(column: Node, row: Node, product: Node) -> tuple[Node, Node] | None:
    rows, columns = product.shape
    if column.shape != (rows, 1) or row.shape not in ((columns,), (1, columns)) or rows == 1:
        return None
    plain = column.dtype == row.dtype and row.dtype.kind == "f" and row.dtype.itemsize >= 4
    return (_vector(column, rows), _vector(row, columns)) if plain else None


def _vector(x: Node, size: Dim) -> Node:
    inside = x.op is reshape and x.inputs[0].ndim == 1
    return x.inputs[0] if inside else reshape(x, shape=(size,))


def _stacked(node: Node, facts: Facts) -> Node | None:
    """``u1 v1' + u2 v2' + …`` as ``U.T @ V``, and so with matrices of few rows for vectors."""
    if node.ndim != 2:
        return None
    found: list[tuple[Node, Node]] = []
    rest = []
    for term in node.inputs:
        factors = _as_factors(term, facts)
        if factors is None or not _is_short(factors[0], node.shape):
            rest.append(term)
        else:
            found.append(factors)
    if len(found) < 2:
        return None
    U, V = (_rows([pair[k] for pair in found]) for k in (0, 1))
    return _total([matmul(permute_dims(U, axes=(1, 0)), V), *rest])


def _is_short(factor: Node, shape: Sequence[Dim]) -> bool:
    """Whether copying the factors is less than adding up their product."""
    if factor.ndim == 1:
        return True
    low = bounds(shape[0] * shape[1] - factor.shape[0] * (shape[0] + shape[1]))[0]
    return low is not None and low >= 0


def _rows(parts: Sequence[Node]) -> Node:
    """Vectors, and the rows of matrices, one below the other."""
    width = parts[0].shape[-1]
    if all(x.ndim == 1 for x in parts):
        # End to end: NumPy joins vectors at half the price of rows.
        return reshape(concat(list(parts)), shape=(len(parts), width))
    return concat([x if x.ndim == 2 else reshape(x, shape=(1, width)) for x in parts])


GATHERED: Final[tuple[Rule, ...]] = (
    function_rule("add_n_common_operand", add_n, _common_operand, operands=(matmul,)),
    function_rule("add_n_common_factor", add_n, _common_factor, operands=(multiply,)),
    function_rule("add_n_stacked", add_n, _stacked, operands=(multiply, matmul)),
)
