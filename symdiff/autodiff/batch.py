"""Batching: the same computation on inputs with one more leading axis, with no Python loop.

Each op says how it acts when some of its inputs carry the axis (`Op.batch`); nodes that do not
depend on a batched input are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from symdiff.collector import paused_collector
from symdiff.describe import node_line, type_list
from symdiff.errors import ArgumentError, DTypeError, InvariantError, ShapeError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.sizes import Dim
from symdiff.types import TensorType

__all__ = ["batch_nodes"]


def batch_nodes(
    graph: Graph, outputs: Iterable[Node], batched: Mapping[Node, Node]
) -> tuple[list[Node], list[bool]]:
    """`outputs` computed with each key of `batched` replaced by its value, which leads by an axis.

    Returns the nodes and, for each, whether it carries the axis. New nodes keep the origin and,
    unless what they take is of a higher one, the order of what they stand for. The cost is that
    of the nodes made after the first key, however large the rest of the graph is.

    Raises `ShapeError` where the leading axes differ and `ArgumentError` where an op has no
    batch rule.
    """
    wanted = list(outputs)
    graph.own([*wanted, *batched, *batched.values()], "batch")
    size = _leading_size(batched)
    done = dict(batched)
    with paused_collector():
        for node in _affected(wanted, batched):
            mapped = tuple([i in done for i in node.inputs])
            inputs = tuple([done.get(i, i) for i in node.inputs])
            if node.op.batch is None:
                raise ArgumentError(f"op {node.op.name} has no batch rule\n  {node_line(node)}")
            order = max([graph.order(node), *[graph.order(i) for i in inputs]])
            with graph.recording(order=order, origin=graph.origin(node)):
                done[node] = node.op.batch(node, inputs, mapped)
            _check(node, done[node], size)
    graph.take_names(graph, done)
    return [done.get(n, n) for n in wanted], [n in done for n in wanted]


def _leading_size(batched: Mapping[Node, Node]) -> Dim:
    """The size of the axis that all values lead by."""
    sizes: dict[Dim, None] = {}
    for old, new in batched.items():
        if old.dtype != new.dtype:
            raise DTypeError(
                f"batch: {new.type} does not stand for {old.type}; cast it\n  {node_line(old)}"
            )
        if not new.shape or new.shape[1:] != old.shape:
            raise ShapeError(
                f"batch: {new.type} is not {old.type} with a leading axis\n  {node_line(old)}"
            )
        sizes[new.shape[0]] = None
    if not sizes:
        raise ArgumentError("batch: nothing is batched; give a node and its batch")
    if len(sizes) > 1:
        raise ShapeError(
            f"batch: the leading axes differ: {', '.join(map(str, sizes))}\n"
            f"{type_list(batched.values())}\n"
            "state with sd.refine(x, type) that named sizes are equal"
        )
    return next(iter(sizes))


def _affected(outputs: Sequence[Node], keys: Mapping[Node, Node]) -> list[Node]:
    """What `outputs` depend on and depends on a key, in topological order; keys cut the way.

    All of that was made after the first key, so nothing older is looked at.
    """
    first = min(key.index for key in keys)
    met: set[Node] = set(keys)
    found: list[Node] = []
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.index > first and node not in met:
            met.add(node)
            found.append(node)
            stack.extend(node.inputs)
    found.sort(key=lambda node: node.index)
    live = set(keys)
    kept = []
    for node in found:
        if not live.isdisjoint(node.inputs):
            live.add(node)
            kept.append(node)
    return kept


def _check(node: Node, result: Node, size: Dim) -> None:
    if isinstance(node.type, TensorType):
        expected = TensorType(node.dtype, (size, *node.shape))
        if result.type != expected:
            raise InvariantError(
                f"the batch rule of {node.op.name} gives {result.type}, not {expected}"
            )
