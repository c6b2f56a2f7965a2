"""When the values that kernels make for themselves are needed no more, so that they can go."""

from __future__ import annotations

from symdiff.node import Node
from symdiff.plan.plan import MADE, VIEW, Plan
from symdiff.types import TensorType

__all__ = ["released"]


def released(plan: Plan) -> dict[int, tuple[Node, ...]]:
    """For each step the arrays nothing reads after it: those that kernels made, and their views.

    What an output shows stays.
    """
    roots: dict[Node, Node] = {}
    shown: dict[Node, list[Node]] = {}
    ends: dict[Node, int] = {}
    for k, step in enumerate(plan.steps):
        node = step.node
        if step.kind == VIEW and node.inputs[0] in roots and _is_array(node):
            root = roots[node] = roots[node.inputs[0]]
            shown[root].append(node)
        elif plan.places[node].kind == MADE and _is_array(node):
            roots[node], shown[node] = node, [node]
        for taken in (*step.reads(), node):
            if taken in roots:
                ends[roots[taken]] = k
    for output in plan.graph.outputs:
        ends.pop(roots.get(output, output), None)
    found: dict[int, tuple[Node, ...]] = {}
    for root, k in ends.items():
        found[k] = (*found.get(k, ()), *shown[root])
    return found


def _is_array(node: Node) -> bool:
    return not isinstance(node.type, TensorType) or bool(node.type.shape)
