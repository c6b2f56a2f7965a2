"""Graphs as `networkx.MultiDiGraph`, and back."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, Final

from symdiff.errors import ArgumentError, MissingDependencyError, SymdiffError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.origin import Origin
from symdiff.sources import CONSTANT, INPUT
from symdiff.trees import flatten_with_paths
from symdiff.types import parse_type

__all__ = ["from_networkx", "to_networkx"]

_ELSEWHERE: Final = Origin("<networkx>", 0, "")
_PREFIX: Final = "from_networkx: node "


def to_networkx(graph_or_outputs: Any) -> Any:
    """A graph, or what outputs are computed from, as a `networkx.MultiDiGraph`.

    Arguments: a graph, a node, or nested nodes.

    Returns a new graph whose nodes are the indices of the symdiff graph's, so that
    ``graph.node(k)`` is the node of `k`. Edges run from operand to result. Attributes

    - of a node: `op` (a name), `params` (a dict), `type`, `order`, `origin`; a constant's
      `value`, a read-only array; the `name` of an input or of a node that was named;
    - of an edge: `position`, also its key, since a node may be taken twice;
    - of the graph: `name`, `inputs` and `outputs` in order, and `provenance`, a list of
      ``(gradient, of, forward, position, whole)`` as in `Graph.provenance`.

    Raises `ArgumentError` for anything but nodes, `MissingDependencyError` without networkx.

    >>> import symdiff as sd
    >>> g = sd.Graph("line")
    >>> x = g.input("x", sd.f64["n"])
    >>> digraph = sd.to_networkx(sd.sum(x * x))
    >>> [(u, v, digraph.nodes[v]["op"]) for u, v in digraph.edges()]
    [(0, 1, 'multiply'), (0, 1, 'multiply'), (1, 2, 'sum')]
    """
    graph, nodes, outputs = _wanted(graph_or_outputs)
    digraph = _networkx().MultiDiGraph(
        name=graph.name,
        inputs=[n.index for n in nodes if n.op is INPUT],
        outputs=[n.index for n in outputs],
        provenance=[],
    )
    for node in nodes:
        digraph.add_node(
            node.index,
            op=node.op.name,
            type=node.type,
            order=graph.order(node),
            origin=graph.origin(node),
            **_given(node),
        )
    for node in nodes:
        for position, source in enumerate(node.inputs):
            digraph.add_edge(source.index, node.index, key=position, position=position)
    for record in graph.provenance:
        places = (record.gradient.index, record.of.index, record.forward.index)
        if all(map(digraph.has_node, places)):
            digraph.graph["provenance"].append((*places, record.position, record.whole))
    return digraph


def from_networkx(digraph: Any, ops: Iterable[Op] | Mapping[str, Op] = ()) -> Graph:
    """The symdiff graph of a `networkx.MultiDiGraph` such as `to_networkx` makes.

    Arguments: `digraph`, whose nodes may be called anything and come in any order; each has an
    `op` (an input a `name` and a `type`, a constant a `value`) and, where the op has any,
    `params`, and each edge has a `position`. `type`, `order`, `origin` and the graph's
    attributes may be missing: types are inferred, and checked where they are given. `ops`, the
    user's own ops that the graph names.

    Returns a new graph of the same structure, with the same digest.

    Raises `ArgumentError` that names the node for graphs with a cycle, for missing or unknown
    attributes, and for operands that are missing or doubled; and what the op raises where an
    operand does not fit.

    >>> import symdiff as sd
    >>> g = sd.Graph("line")
    >>> x = g.input("x", sd.f64["n"])
    >>> g.outputs = [sd.sum(x * x)]
    >>> sd.from_networkx(sd.to_networkx(g)).digest() == g.digest()
    True
    """
    if not (hasattr(digraph, "nodes") and hasattr(digraph, "in_edges")):
        raise ArgumentError(f"from_networkx takes a directed networkx graph, not {digraph!r}")
    own = ops if isinstance(ops, Mapping) else {op.name: op for op in ops}
    known = {**REGISTRY.complete(), **own}
    about = digraph.graph
    graph = Graph(str(about.get("name") or "graph"))
    made: dict[Any, Node] = {}
    for key in _sorted(digraph, _listed(digraph, "inputs")):
        made[key] = _made(graph, known, key, digraph.nodes[key], _operands(digraph, key, made))
    graph.outputs = [made[key] for key in _listed(digraph, "outputs")]
    for record in about.get("provenance", ()):
        _record(graph, made, record)
    return graph


def _networkx() -> Any:
    try:
        import networkx
    except ImportError as error:
        raise MissingDependencyError(
            "to_networkx needs the package networkx (pip install networkx)"
        ) from error
    return networkx


# -- there ---------------------------------------------------------------------------------


def _wanted(graph_or_outputs: Any) -> tuple[Graph, Iterable[Node], Iterable[Node]]:
    """The graph, the nodes to show, and the outputs."""
    if isinstance(graph_or_outputs, Graph):
        return graph_or_outputs, graph_or_outputs.nodes, graph_or_outputs.outputs
    leaves = flatten_with_paths(graph_or_outputs, "outputs")
    for path, leaf in leaves:
        if not isinstance(leaf, Node):
            raise ArgumentError(f"to_networkx: {path} is {leaf!r}, not a node")
    if not leaves:
        raise ArgumentError(f"to_networkx: there is no node in {graph_or_outputs!r}")
    nodes = [leaf for _, leaf in leaves]
    graph = nodes[0].graph
    return graph, graph.ancestors(nodes), nodes


def _given(node: Node) -> dict[str, Any]:
    """What makes a node besides its operands."""
    if node.op is INPUT:
        return {"params": {}, "name": node.params["name"]}
    if node.op is CONSTANT:
        return {"params": {}, "value": node.params["value"].array}
    return {"params": dict(node.params)} | ({"name": node.name} if node.name else {})


# -- and back ------------------------------------------------------------------------------


def _listed(digraph: Any, what: str) -> list[Any]:
    """The nodes that the graph's attribute lists."""
    keys = list(digraph.graph.get(what, ()))
    for key in keys:
        if key not in digraph:
            raise ArgumentError(f"from_networkx: {what} lists {key!r}, which is no node")
    return keys


def _sorted(digraph: Any, inputs: Iterable[Any]) -> Iterator[Any]:
    """The nodes in topological order, as near to their own as can be; inputs as listed."""
    waiting = {key: digraph.in_degree(key) for key in digraph.nodes}
    rank = {key: place for place, key in enumerate(waiting)}
    named = list(dict.fromkeys(inputs))
    rank.update(zip(named, sorted(rank[key] for key in named), strict=True))
    by_rank = {place: key for key, place in rank.items()}
    ready = [rank[key] for key, count in waiting.items() if count == 0]
    heapify(ready)
    while ready:
        key = by_rank[heappop(ready)]
        del waiting[key]
        yield key
        for _, consumer in digraph.out_edges(key):
            waiting[consumer] -= 1
            if waiting[consumer] == 0:
                heappush(ready, rank[consumer])
    if waiting:
        raise _wrong(next(iter(waiting)), "it is on a cycle, or after one; values are on none")


def _operands(digraph: Any, key: Any, made: Mapping[Any, Node]) -> list[Node]:
    """The operands of a node, by the positions of its edges."""
    found: dict[int, Node] = {}
    for source, _, position in digraph.in_edges(key, data="position"):
        if type(position) is not int or position < 0:
            raise _wrong(key, f"the edge from {source!r} has no position, a number from 0 on")
        if position in found:
            raise _wrong(key, f"two operands are at position {position}")
        found[position] = made[source]
    for position in range(len(found)):
        if position not in found:
            raise _wrong(key, f"no operand is at position {position}, but one after it")
    return [found[position] for position in range(len(found))]


def _made(
    graph: Graph, known: Mapping[str, Op], key: Any, given: Mapping[str, Any], operands: list[Node]
) -> Node:
    """The node that the attributes describe."""
    name = _attribute(key, given, "op")
    op = known.get(name) if isinstance(name, str) else None
    if op is None:
        raise _wrong(key, f"no op is named {name!r}; pass your own: from_networkx(…, ops=[…])")
    order, origin = given.get("order", 0), given.get("origin")
    if type(order) is not int or order < 0:
        raise _wrong(key, f"its order is {order!r}, not a number from 0 on")
    origin = origin if isinstance(origin, Origin) else _ELSEWHERE
    try:
        with graph.recording(order=order, origin=origin):
            node = _applied(graph, op, key, given, operands)
    except SymdiffError as error:
        message = str(error)
        if message.startswith(_PREFIX):
            raise
        raise type(error)(f"{_PREFIX}{key!r}: {message}") from error
    if "type" in given and str(given["type"]) != str(node.type):
        raise _wrong(key, f"it is {node.type}, but its attribute says {given['type']}")
    return node


def _applied(
    graph: Graph, op: Op, key: Any, given: Mapping[str, Any], operands: list[Node]
) -> Node:
    if op in (INPUT, CONSTANT) and operands:
        raise _wrong(key, f"{'an' if op is INPUT else 'a'} {op.name} has no operands")
    if op is INPUT:
        stated = _attribute(key, given, "type")
        type_ = parse_type(stated) if isinstance(stated, str) else stated
        return graph.input(_attribute(key, given, "name"), type_)
    if op is CONSTANT:
        return graph.constant(_attribute(key, given, "value"))
    made = graph.apply(op, tuple(operands), given.get("params", {}))
    return made.named(given["name"]) if "name" in given else made


def _record(graph: Graph, made: Mapping[Any, Node], record: Any) -> None:
    """One record of provenance; raises unless a gradient has the type of what it is one of."""
    try:
        *keys, position, whole = record
        gradient, of, forward = (made[key] for key in keys)
        position = max(operator.index(position), -1)
        target = forward if position == -1 else forward.inputs[position]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArgumentError(f"from_networkx: provenance has {record!r}, no record") from error
    if gradient.type != target.type:
        raise ArgumentError(
            f"from_networkx: provenance has {record!r}, but {gradient.type} is no gradient with "
            f"respect to {target.type}"
        )
    graph.record_provenance(gradient, of, forward, position, bool(whole))


def _attribute(key: Any, given: Mapping[str, Any], name: str) -> Any:
    if name not in given:
        raise _wrong(key, f"it has no attribute {name!r}; to_networkx says which there are")
    return given[name]


def _wrong(key: Any, why: str) -> ArgumentError:
    return ArgumentError(f"{_PREFIX}{key!r}: {why}")
