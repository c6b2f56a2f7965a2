"""Expressions as a trace shows them: ``log(1.0 - sigmoid(x))``, to a depth that stays readable."""

from __future__ import annotations

from typing import Any, Final

from symdiff.literals import Literal
from symdiff.node import Node
from symdiff.ops.declare import scalar_value

__all__ = ["shown"]

DEPTH: Final = 3
MOST_OPERANDS: Final = 6

_INFIX: Final = {
    "add": " + ",
    "subtract": " - ",
    "multiply": " * ",
    "divide": " / ",
    "matmul": " @ ",
    "pow": "**",
}


def shown(node: Node, depth: int = DEPTH) -> str:
    """A node as an expression of inputs, numbers, and the types of what lies deeper.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 3])
    >>> shown(sd.sum(sd.exp(2.0 * x) + 1.0, axis=0))
    'sum(exp(<f64[n,3]>) + 1.0, axis=(0,))'
    """
    if node.name is not None:
        return node.name
    number = scalar_value(node)
    if number is not None:
        return repr(number)
    if depth == 0 or node.op.name == "constant":
        return f"<{node.type}>"
    if node.op.name == "negative":
        (inside,) = (shown(x, depth - 1) for x in node.inputs)
        return f"-({inside})" if " " in _outside(inside) else f"-{inside}"
    operands = [shown(x, depth - 1) for x in node.inputs[:MOST_OPERANDS]]
    if len(node.inputs) > MOST_OPERANDS:
        operands.append("…")
    if node.op.name in _INFIX:
        sides = [f"({s})" if " " in _outside(s) else s for s in operands]
        return _INFIX[node.op.name].join(sides)
    params = [f"{key}={_param(value)}" for key, value in node.params.items() if _tells(value)]
    return f"{node.op.name}({', '.join([*operands, *params])})"


def _tells(value: Any) -> bool:
    return value is not None and value is not False


def _param(value: Any) -> str:
    if isinstance(value, tuple):
        inside = ", ".join(map(_param, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, Literal) or hasattr(value, "outputs"):
        return "…"
    return str(value)


def _outside(text: str) -> str:
    """The text without what stands in parentheses or brackets."""
    depth, kept = 0, []
    for letter in text:
        depth += (letter in "([<") - (letter in ")]>")
        if depth == 0:
            kept.append(letter)
    return "".join(kept)
