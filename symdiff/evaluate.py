"""`sd.evaluate`: values of nodes by the reference interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symdiff import first_use
from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.trees import flatten_with_paths, unflatten
from symdiff.types import TupleType

__all__ = ["evaluate"]


def evaluate(
    outputs: Any,
    values: Mapping[Any, Any] | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    stop_at_nonfinite: bool = False,
) -> Any:
    """The values of nodes, one node at a time: plain, checked, and meant for looking closely.

    Arguments: `outputs`, a node or nested nodes; `values`, arrays (or numbers) by input node or
    by input name, and by any inner node that should be taken as given; `sizes`, values of named
    sizes that no argument's shape settles; `stop_at_nonfinite`, raise at the first node with a
    NaN or an infinity.

    Returns fresh arrays in the nesting of `outputs`. Raises `ArgumentError`, `ShapeError`,
    `DTypeError`, `EvaluationError` and `NonFiniteError`, naming the node and its line.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64["n"])
    >>> sd.evaluate(sd.sum(x * x), {x: [1.0, 2.0, 3.0]})
    array(14.)
    """
    leaves = flatten_with_paths(outputs, "outputs")
    for path, leaf in leaves:
        if not isinstance(leaf, Node):
            raise ArgumentError(f"evaluate: {path} is {leaf!r}, not a node")
    if not leaves:
        return unflatten(outputs, [])
    nodes = [leaf for _, leaf in leaves]
    graph = nodes[0].graph
    graph.own(nodes, "evaluate")
    inputs = {i.name: i for i in graph.inputs}
    given: dict[Node, Any] = {}
    if not isinstance(values, Mapping | None):
        raise ArgumentError(f"evaluate: values are a dict {{input: value}}, not {values!r}")
    for key, value in (values or {}).items():
        node = inputs.get(key) if isinstance(key, str) else key
        if not isinstance(node, Node):
            raise ArgumentError(
                f"evaluate: {key!r} is neither a node nor an input of graph {graph.name} "
                f"({', '.join(map(str, inputs)) or 'which has none'})"
            )
        graph.own((node,), "evaluate")
        if isinstance(node.type, TupleType):
            raise ArgumentError(f"evaluate: {node!r} has several results; give those by item")
        if node in given:
            raise ArgumentError(f"evaluate: {node!r} is given twice, by name and as a node")
        given[node] = value
    found = first_use.module("backends.interpret").run(
        graph, nodes, given, sizes=sizes, stop_at_nonfinite=stop_at_nonfinite
    )
    return unflatten(outputs, found)
