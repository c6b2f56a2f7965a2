"""The rule for products with a condition, apart from masks.py, which few products need."""

from __future__ import annotations

from typing import Final

from symdiff.node import Node
from symdiff.ops.elementwise import cast, multiply, where
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule

__all__ = ["CONDITIONS"]


def _mask_product(node: Node, facts: Facts) -> Node | None:
    """A product with a condition as a number, where no entry is NaN or infinite."""
    a, b = node.inputs
    if a.type is b.type and cast not in (a.op, b.op) and a.dtype.kind != "b":
        return None
    for x, m in (node.inputs, node.inputs[::-1]):
        bare = m.inputs[0] if m.op is cast and not facts.shared(m) else m
        if bare.dtype.kind == "b" and x.type == node.type and facts.finite(x):
            return where(bare, x, x.graph.constant(0, x.dtype))
    return None


CONDITIONS: Final[tuple[Rule, ...]] = (function_rule("mask_product", multiply, _mask_product),)
