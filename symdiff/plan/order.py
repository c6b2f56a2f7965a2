"""What to compute, in which order.

Nodes stay in the order they were made, which keeps few values alive: a gradient is built from
the last node to the first, so what the forward part keeps is used up from its end. Sums of
gradients are taken apart: each contribution is added as soon as it is there, so that thousands
of them (a weight of an unrolled recurrence) need the memory of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.plan.plan import ADD, RUN, VIEW, Step

__all__ = ["VIEWS", "ordered", "views"]

VIEWS: Final = frozenset(
    (
        *("reshape", "permute_dims", "broadcast_to", "index"),
        *("refine", "stop_gradient", "item", "probe"),
    )
)
"""Ops whose result shows the memory of their operand, or may."""


def views(node: Node) -> bool:
    """Whether a node may show the memory of its operand. One entry read out is a number."""
    entry = node.op.name == "index" and not node.shape
    return node.op.name in VIEWS and node.op.registered and not entry


def ordered(graph: Graph) -> tuple[list[Node], list[Step]]:
    """What depends on no argument, and the steps for the rest of what the outputs need."""
    fixed: dict[Node, None] = {}
    steps: list[Step] = []
    sums: dict[Node, list[tuple[Node, int]]] = {}
    needed = graph.ancestors(graph.outputs)
    for node in needed:
        if node.op.name == "add_n" and node.type.shape:  # type: ignore[union-attr]
            for position, operand in enumerate(node.inputs):
                sums.setdefault(operand, []).append((node, position))
    begun: set[Node] = set()

    def additions(operand: Node) -> Iterable[Step]:
        for total, position in sums.get(operand, ()):
            yield Step(ADD, total, position, total not in begun)
            begun.add(total)

    for node in needed:
        name = node.op.name
        if name == "constant" or (name != "input" and _is_fixed(node, fixed)):
            fixed[node] = None
        elif name != "input" and node not in begun:
            steps.append(Step(VIEW if views(node) else RUN, node))
        steps += additions(node)
    return [n for n in fixed if n.op.name != "constant"], steps


def _is_fixed(node: Node, fixed: dict[Node, None]) -> bool:
    """Whether a value is the same in every call. A user's kernel may be no function."""
    return node.op.registered and node.op.name != "probe" and all(i in fixed for i in node.inputs)
