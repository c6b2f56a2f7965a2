"""What functions over ops are given, as nodes of one graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symdiff.errors import ArgumentError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.types import promote

__all__ = ["as_nodes", "graph_of"]


def graph_of(name: str, values: Sequence[Any]) -> Graph:
    """The graph of the nodes among the operands of the function `name`.

    Raises `ArgumentError` where none is a node, `MixedGraphError` for nodes of two graphs.
    """
    nodes = [x for x in values if isinstance(x, Node)]
    if not nodes:
        raise ArgumentError(
            f"{name}: none of the operands is a node of a graph "
            f"({', '.join(type(x).__name__ for x in values) or 'no operands'}); "
            "make one with graph.input(name, type) or graph.constant(value)"
        )
    nodes[0].graph.own(nodes, name, values)
    return nodes[0].graph


def as_nodes(name: str, values: Sequence[Any], *, weak: bool = False) -> list[Node]:
    """The operands of the function `name` as nodes of one graph: arrays become constants.

    With `weak`, Python numbers take the dtype of the others where it holds their kind. Raises
    what `graph_of` does, and `DTypeError` for what is no array.
    """
    graph = graph_of(name, values)
    number = [weak and type(x) in (int, float) for x in values]
    found = [x if w else graph.constant(x) for x, w in zip(values, number, strict=True)]
    dtypes = [x.dtype for x, w in zip(found, number, strict=True) if not w]
    return [
        graph.constant(x, promote(*dtypes, type(x))) if w else x
        for x, w in zip(found, number, strict=True)
    ]
