"""A graph as flat arrays, and back: what pickling, copying and compacting share.

Nodes become numbers, so that depth never matters and a pickle holds no node objects.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from symdiff.literals import exact_key
from symdiff.op import Op

if TYPE_CHECKING:
    from symdiff.graph import Graph
    from symdiff.node import Node

__all__ = ["flatten", "restore"]


class _Ids:
    """Numbers for values, by equality of their keys, in order of first sight."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._ids: dict[Any, int] = {}

    def of(self, key: Any, value: Any) -> int:
        number = self._ids.setdefault(key, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


def flatten(
    graph: Graph, indices: Iterable[int] | None = None, outputs: Iterable[Node] | None = None
) -> dict[str, Any]:
    """The graph (or the nodes at `indices`, closed under inputs) as arrays and small tables."""
    nodes = graph.nodes
    kept = list(range(len(nodes)) if indices is None else indices)
    new_index = {old: new for new, old in enumerate(kept)}
    heads, origins = _Ids(), _Ids()
    head_of, arity, orders, origin_of = array("q"), array("q"), array("q"), array("q")
    inputs = array("q")
    for index in kept:
        node = nodes[index]
        # Params objects are shared by all nodes of a table; the key is by value all the same.
        key = (node.op, *[exact_key(v) for v in node.params.values()]) if node.params else node.op
        head_of.append(heads.of(key, (node.op, tuple(node.params.values()))))
        arity.append(len(node.inputs))
        inputs.extend([new_index[i.index] for i in node.inputs])
        orders.append(graph.order(node))
        origin = graph.origin(node)
        origin_of.append(origins.of(id(origin), origin))
    records = [
        [*[new_index.get(n.index) for n in (r.gradient, r.of, r.forward)], r.position, r.whole]
        for r in graph.provenance
    ]
    return {
        "name": graph.name,
        "heads": heads.values,
        "origins": origins.values,
        "head_of": head_of,
        "arity": arity,
        "inputs": inputs,
        "orders": orders,
        "origin_of": origin_of,
        "provenance": array("q", chain.from_iterable(r for r in records if None not in r)),
        "names": {new_index[n.index]: s for n, s in graph.names.items() if n.index in new_index},
        "outputs": [new_index[n.index] for n in (graph.outputs if outputs is None else outputs)],
    }


def restore(state: dict[str, Any], graph: Graph) -> Graph:
    """Fill a new, empty graph from what `flatten` gave."""
    graph.name = state["name"]
    heads = [(op, _params(op, values)) for op, values in state["heads"]]
    origins, flat_inputs = state["origins"], state["inputs"]
    at = 0
    nodes: list[Node] = []
    with graph.recording(order=0, origin=origins[0] if origins else None):
        for head, arity, order, origin in zip(
            state["head_of"], state["arity"], state["orders"], state["origin_of"], strict=True
        ):
            op, params = heads[head]
            inputs = tuple([nodes[i] for i in flat_inputs[at : at + arity]])
            at += arity
            nodes.append(graph.restore_node(op, inputs, params, order, origins[origin]))
    records = state["provenance"]
    for k in range(0, len(records), 5):
        gradient, of, forward = (nodes[i] for i in records[k : k + 3])
        graph.record_provenance(gradient, of, forward, records[k + 3], bool(records[k + 4]))
    for index, name in state["names"].items():
        graph.set_name(nodes[index], name)
    graph.outputs = [nodes[i] for i in state["outputs"]]
    return graph


def _params(op: Op, values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(op.parameters, values, strict=True))
