"""Nodes that differ by nothing but the order of two operands that commute, as one.

A user's graph keeps what was written, ``w * x`` beside ``x * w``; derivatives of second order make
both. It comes after the rules, some of which are about the order of operands.
"""

from __future__ import annotations

from symdiff.collector import paused_collector
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import Op
from symdiff.rewrite.driver import Pass
from symdiff.rewrite.notes import carry_notes

__all__ = ["merge_commuted"]

_Key = tuple[Op, int, int]


def _key(node: Node) -> _Key | None:
    """The op and the places of its two operands, where they commute."""
    if not node.op.commutative or len(node.inputs) != 2 or node.params:
        return None
    a, b = node.inputs
    return node.op, a.index, b.index


def _exchanged(key: _Key) -> _Key:
    op, a, b = key
    return op, b, a


def merge_commuted(graph: Graph) -> Pass:
    """The graph with such nodes merged, the first of them kept; itself where there are none."""
    live = graph.ancestors(graph.outputs)
    keys = {key for node in live if (key := _key(node)) is not None}
    if not any(key[1] != key[2] and _exchanged(key) in keys for key in keys):
        return Pass(graph, {})  # which says no change
    fresh = Graph(graph.name)
    stands_for: dict[Node, Node] = {}
    made: dict[_Key, Node] = {}
    with fresh.recording(order=0, origin=graph.origin(live[0])), paused_collector():
        for node in sorted({*live, *graph.inputs}, key=lambda n: n.index):
            new = fresh.adopt(node, tuple([stands_for[x] for x in node.inputs]))
            key = _key(new)
            if key is not None:
                new = made.get(_exchanged(key), new)
                made[key] = new
            stands_for[node] = new
    carry_notes(graph, fresh, stands_for)
    fresh.outputs = [stands_for[o] for o in graph.outputs]
    return Pass(fresh, stands_for)
