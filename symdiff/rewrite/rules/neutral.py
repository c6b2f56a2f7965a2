"""Rules that remove operations that do nothing, or that undo one another."""

from __future__ import annotations

from typing import Final

from symdiff.node import Node
from symdiff.ops.elementwise import negative
from symdiff.ops.linalg import matmul
from symdiff.ops.structure import eye
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule, rule

__all__ = ["NEUTRAL"]


def _multiply_identity(node: Node, facts: Facts) -> Node | None:
    """``eye(n) @ A`` -> ``A``, ``A @ eye(n)`` -> ``A``."""
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
    rule("divide_minus_one", lambda x: x / -1, lambda x: -x),
    rule("power_zero", lambda x: x**0, lambda x: 1),
    rule("power_one", lambda x: x**1, lambda x: x),
    rule("power_two", lambda x: x**2, lambda x: x * x),
    rule("negate_twice", lambda x: negative(negative(x)), lambda x: x),
    function_rule("matmul_identity", matmul, _multiply_identity, operands=(eye,)),
)
