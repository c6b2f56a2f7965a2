"""Rules that remove operations that do nothing, or that undo one another."""

from __future__ import annotations

from typing import Final

from symdiff.node import Node
from symdiff.ops.elementwise import add, divide, multiply, negative, subtract
from symdiff.ops.linalg import matmul
from symdiff.ops.shape import broadcast_to, permute_dims, reshape
from symdiff.ops.structure import add_n, eye
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule, rule, spread_scalar

__all__ = ["NEUTRAL"]


def _drop_zero_terms(node: Node, facts: Facts) -> Node | None:
    kept = [x for x in node.inputs if spread_scalar(x) != 0]
    if len(kept) < 2:
        return kept[0] if kept else node.inputs[0]
    return add_n(*kept) if len(kept) < len(node.inputs) else None


def _merge_reshapes(node: Node, facts: Facts) -> Node | None:
    (inner,) = node.inputs
    return reshape(inner.inputs[0], shape=node.shape) if inner.op is reshape else None


def _merge_permutations(node: Node, facts: Facts) -> Node | None:
    (inner,) = node.inputs
    if inner.op is not permute_dims:
        return None
    first = inner.params["axes"]
    return permute_dims(inner.inputs[0], axes=tuple(first[a] for a in node.params["axes"]))


def _merge_broadcasts(node: Node, facts: Facts) -> Node | None:
    (inner,) = node.inputs
    return broadcast_to(inner.inputs[0], shape=node.shape) if inner.op is broadcast_to else None


def _spread_by_the_op(node: Node, facts: Facts) -> Node | None:
    """An operand need not be spread where the other operand has the result's shape."""
    for k, operand in enumerate(node.inputs):
        if operand.op is broadcast_to and node.inputs[1 - k].shape == node.shape:
            narrow = operand.inputs[0]
            return node.op(narrow, node.inputs[1]) if k == 0 else node.op(node.inputs[0], narrow)
    return None


_SPREADING: Final = (add, subtract, multiply, divide)


def _multiply_identity(node: Node, facts: Facts) -> Node | None:
    a, b = node.inputs
    if _is_identity(a) and b.ndim == 2:
        return b
    return a if _is_identity(b) and a.ndim == 2 else None


def _is_identity(node: Node) -> bool:
    return node.op is eye and node.params["n_cols"] is None and node.params["k"] == 0


NEUTRAL: Final[tuple[Rule, ...]] = (
    rule("add_zero", lambda x: x + 0, lambda x: x),
    rule("subtract_zero", lambda x: x - 0, lambda x: x),
    rule("zero_minus", lambda x: 0 - x, lambda x: -x),
    rule("multiply_one", lambda x: x * 1, lambda x: x),
    rule("multiply_minus_one", lambda x: x * -1, lambda x: -x),
    rule("divide_one", lambda x: x / 1, lambda x: x),
    rule("power_zero", lambda x: x**0, lambda x: 1),
    rule("power_one", lambda x: x**1, lambda x: x),
    rule("power_two", lambda x: x**2, lambda x: x * x),
    rule("negate_twice", lambda x: negative(negative(x)), lambda x: x),
    rule("add_negative", lambda x, y: x + (-y), lambda x, y: subtract(x, y)),
    rule("subtract_negative", lambda x, y: x - (-y), lambda x, y: add(x, y)),
    *[function_rule("implicit_broadcast", op, _spread_by_the_op) for op in _SPREADING],
    function_rule("matmul_identity", matmul, _multiply_identity),
    function_rule("add_n_zero", add_n, _drop_zero_terms),
    function_rule("reshape_reshape", reshape, _merge_reshapes),
    function_rule("permute_permute", permute_dims, _merge_permutations),
    function_rule("broadcast_broadcast", broadcast_to, _merge_broadcasts),
)
