"""Structural equality of graphs, with a diff of their texts where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import unified_diff
from typing import Any

from symdiff.errors import ArgumentError
from symdiff.graph import Graph
from symdiff.literals import stable_bytes
from symdiff.node import Node

__all__ = ["assert_same_graph"]

_LONGEST_DIFF = 80


def assert_same_graph(a: Graph | Node | Sequence[Node], b: Graph | Node | Sequence[Node]) -> None:
    """Assert that two graphs, nodes or sequences of nodes are the same expressions.

    The same means: the same ops on the same operands with the same params and types, inputs of
    the same names, the same outputs in the same order. Nodes stand for what they are computed
    from; a graph with outputs for its outputs and the list of its inputs; one without for all
    its nodes. Names of graphs, lines of origin, and the order in which independent nodes were
    made do not matter.

    Raises `AssertionError` with a unified diff of the texts.

    >>> import symdiff as sd
    >>> def model(g):
    ...     x = g.input("x", sd.f64[3])
    ...     return sd.sum(sd.sin(x) * x)
    >>> assert_same_graph(model(sd.Graph()), model(sd.Graph("other")))
    """
    first, second = _canonical(a), _canonical(b)
    left, right = _lines(first), _lines(second)
    if left == right:
        return
    shown = first.text().splitlines(), second.text().splitlines()
    if shown[0] == shown[1]:  # two ops of one name, or arrays that print alike
        shown = left, right
    diff = list(unified_diff(*shown, "a", "b", lineterm=""))
    if len(diff) > _LONGEST_DIFF:
        diff[_LONGEST_DIFF:] = [f"… {len(diff) - _LONGEST_DIFF} lines more"]
    raise AssertionError("the graphs differ:\n" + "\n".join(diff))


def _canonical(what: Graph | Node | Sequence[Node]) -> Graph:
    """The same expressions in a new graph, in the order in which the outputs need them."""
    result = Graph()
    made: dict[Node, Node] = {}
    outputs: Sequence[Node]
    if isinstance(what, Graph):
        outputs = what.outputs or what.nodes
        for node in what.inputs:
            made[node] = result.input(node.params["name"], node.type)
    else:
        outputs = (what,) if isinstance(what, Node) else tuple(what)
        if not outputs or not all(isinstance(o, Node) for o in outputs):
            raise ArgumentError(f"assert_same_graph: {what!r} is not a graph, a node or nodes")
        outputs[0].graph.own(outputs, "assert_same_graph")
    stack = list(reversed(outputs))
    while stack:
        node = stack[-1]
        missing = [i for i in node.inputs if i not in made]
        if missing and node not in made:
            stack.extend(reversed(missing))
            continue
        stack.pop()
        if node in made:
            continue
        if node.op.name == "input":
            made[node] = result.input(node.params["name"], node.type)
        else:
            made[node] = result.intern(node.op, tuple([made[i] for i in node.inputs]), node.params)
    result.outputs = [made[o] for o in outputs]
    return result


def _lines(graph: Graph) -> list[str]:
    """One line a node, with all there is to compare; `id` tells ops of one name apart."""
    lines = [
        f"{node.index}: {node.type} = {node.op.name}@{id(node.op):x} "
        f"{[i.index for i in node.inputs]} {_params(node.params)}"
        for node in graph.nodes
    ]
    return [*lines, f"return {[o.index for o in graph.outputs]}"]


def _params(params: Any) -> dict[str, bytes]:
    return {name: stable_bytes(value) for name, value in params.items()}
