"""What a graph says about its nodes besides what they are, carried over to a new graph."""

from __future__ import annotations

from collections.abc import Mapping

from symdiff.graph import Graph
from symdiff.node import Node

__all__ = ["carry_notes"]


def carry_notes(old: Graph, new: Graph, stands_for: Mapping[Node, Node]) -> None:
    """Provenance and names of `old`, on the nodes of `new` that stand for its nodes.

    Provenance only between nodes that still stand as it says.
    """
    new.take_names(old, stands_for)
    for record in old.provenance:
        gradient, of, forward = (stands_for.get(node) for node in record[:3])
        if gradient is None or of is None or forward is None:
            continue
        position = record.position
        if position >= len(forward.inputs):
            continue
        target = forward if position < 0 else forward.inputs[position]
        if target.type == gradient.type:
            new.record_provenance(gradient, of, forward, position, record.whole)
