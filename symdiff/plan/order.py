"""What to compute, in which order.

Nodes stay in the order they were made, which keeps few values alive: a gradient is built from
the last node to the first, so what the forward part keeps is used up from its end. Sums of
gradients are taken apart: each contribution is added as soon as it is there, so that thousands
of them (a weight of an unrolled recurrence) need the memory of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.plan.plan import ADD, RUN, VIEW, Step

__all__ = ["VIEWS", "ordered", "views"]

VIEWS: Final = frozenset(
    (
        *("reshape", "permute_dims", "broadcast_to", "index"),
        *("barrier", "refine", "stop_gradient", "item", "probe"),
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
    needed = graph.ancestors(graph.outputs)
    sums = _Sums(graph, needed)
    for node in needed:
        name = node.op.name
        if name == "constant" or (name != "input" and _is_fixed(node, fixed)):
            fixed[node] = None
        elif name != "input" and node not in sums.begun and node not in sums.put:
            steps.append(Step(VIEW if views(node) else RUN, node))
        steps += sums.additions(node)
    return [n for n in fixed if n.op.name != "constant"], steps


class _Sums:
    """Arrays that are sums, taken apart: the first two terms are added when the second is there,
    every further one as it comes. A term that only puts parts into zeros is never made: its
    parts are added in place."""

    def __init__(self, graph: Graph, needed: Sequence[Node]) -> None:
        self.of: dict[Node, list[tuple[Node, int]]] = {}
        self.put: set[Node] = set()
        """Terms whose parts are added in place."""
        self.begun: set[Node] = set()
        self._waiting: dict[Node, list[int]] = {}
        uses: dict[Node, int] = dict.fromkeys(graph.outputs, 2)
        for node in needed:
            for operand in node.inputs:
                uses[operand] = uses.get(operand, 0) + 1
        for node in needed:
            if node.op.name == "add_n" and node.shape and len(node.inputs) > 1:
                for position, operand in enumerate(node.inputs):
                    self.of.setdefault(operand, []).append((node, position))
                puts = [x for x in node.inputs if x.op.name == "scatter" and uses[x] == 1]
                # One term must be there to begin with.
                self.put.update(puts[1:] if len(puts) == len(node.inputs) else puts)

    def additions(self, operand: Node) -> Iterator[Step]:
        """The steps that `operand`, which is there now, makes possible."""
        for total, position in self.of.get(operand, ()):
            waiting = self._waiting.setdefault(total, [])
            waiting.append(position)
            if total not in self.begun:
                whole = next((p for p in waiting if total.inputs[p] not in self.put), None)
                if whole is None or len(waiting) < 2:
                    continue
                waiting.remove(whole)
                pair = (whole, waiting.pop(0))
                yield Step(ADD, total, pair, total.inputs[pair[1]] in self.put)
                self.begun.add(total)
            for p in waiting:
                yield Step(ADD, total, (p,), total.inputs[p] in self.put)
            waiting.clear()


def _is_fixed(node: Node, fixed: dict[Node, None]) -> bool:
    """Whether a value is the same in every call. A user's kernel may be no function."""
    return node.op.registered and node.op.name != "probe" and all(i in fixed for i in node.inputs)
