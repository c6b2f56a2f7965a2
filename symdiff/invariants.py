"""What holds of every graph at all times; `Graph.check` verifies it.

Reads the graph's private lists on purpose: they are what it checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symdiff.errors import InvariantError
from symdiff.node import Node
from symdiff.render import text
from symdiff.sources import INPUT

if TYPE_CHECKING:
    from symdiff.graph import Graph

__all__ = ["check"]


def check(graph: Graph) -> None:
    """Raise `InvariantError` for the first invariant found broken."""
    nodes = graph._nodes
    lengths = {len(nodes), len(graph._orders), len(graph._origins)}
    _ensure(len(lengths) == 1, "side lists differ in length")
    for index, node in enumerate(nodes):
        _ensure(type(node) is Node and node.graph is graph, "entry {} is not its node", index)
        _ensure(node.index == index, "node {} stands at {}", node.index, index)
        _ensure(graph._orders[index] >= 0, "{!r} has a negative order", node)
        _check_node(graph, node)
    _check_tables(graph)
    _check_lists(graph)


def _check_node(graph: Graph, node: Node) -> None:
    for taken in node.inputs:
        _ensure(taken.graph is graph, "{!r} takes a node of another graph", node)
        _ensure(taken.index < node.index, "{!r} comes before its input", node)
        _ensure(graph._nodes[taken.index] is taken, "{!r} takes a node not in the list", node)
    arity = len(node.op.arguments)
    _ensure(node.op.variadic or len(node.inputs) == arity, "{!r} has a wrong arity", node)
    named = tuple(node.params) == tuple(node.op.parameters)
    _ensure(named, "{!r} has other params than its op", node)
    inferred = node.op.infer(*[i.type for i in node.inputs], **node.params)
    _ensure(inferred == node.type, "{!r} is {}, but its op infers {}", node, node.type, inferred)


def _check_tables(graph: Graph) -> None:
    tables = [*graph._plain.values(), *graph._keyed.values()]
    interned = sum(len(t.nodes) for t in tables)
    _ensure(interned == len(graph._nodes), "a node is not interned exactly once")
    for table in tables:
        for inputs, node in table.nodes.items():
            same = len(inputs) == len(node.inputs) and all(
                a is b for a, b in zip(node.inputs, inputs, strict=True)
            )
            _ensure(same and node.op is table.op, "{!r} is interned under another key", node)


def _check_lists(graph: Graph) -> None:
    made = [node.params["name"] for node in graph._nodes if node.op is INPUT]
    _ensure(made == list(graph._inputs), "the inputs are not the input nodes in order")
    unlisted = [n.index for n in graph._nodes if not text.is_listed(n.op, n.params)]
    _ensure(unlisted == list(graph._unlisted), "line numbers are out of step")
    _ensure(len(graph._provenance) % 4 == 0, "provenance is torn")
    for record in graph.provenance:
        _ensure(
            record.gradient.type == record.target.type,
            "{!r} is a gradient of another type than {!r}",
            record.gradient,
            record.target,
        )
    for output in graph._outputs:
        _ensure(output.graph is graph, "an output belongs to another graph")


def _ensure(condition: bool, message: str, *parts: object) -> None:
    # Filled in here, so that a sound graph prints nothing: a line may be as long as the graph.
    if not condition:
        raise InvariantError(message.format(*parts))
