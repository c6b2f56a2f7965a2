"""Batching: the same computation on inputs with one more leading axis, with no Python loop.

Each op says how it acts when some of its inputs carry the axis (`Op.batch`); nodes that do not
depend on a batched input are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symdiff.describe import node_line
from symdiff.errors import ArgumentError, InvariantError, ShapeError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.sizes import Dim
from symdiff.types import TensorType

__all__ = ["batch_nodes"]


def batch_nodes(
    graph: Graph, outputs: Iterable[Node], batched: Mapping[Node, Node]
) -> tuple[list[Node], list[bool]]:
    """`outputs` computed with each key of `batched` replaced by its value, which leads by an axis.

    Returns the nodes and, for each, whether it carries the axis. Raises `ShapeError` where the
    leading axes differ and `ArgumentError` where an op has no batch rule.
    """
    wanted = list(outputs)
    graph.own([*wanted, *batched, *batched.values()], "batch")
    sizes = {new.shape[0] for new in batched.values() if new.shape}
    if len(sizes) != 1:
        raise ShapeError(f"batch: the leading axes differ: {', '.join(map(str, sizes))}")
    for old, new in batched.items():
        if new.type != TensorType(old.dtype, (*sizes, *old.shape)):
            raise ShapeError(
                f"batch: {new.type} is not {old.type} with a leading axis\n  {node_line(old)}"
            )
    done = dict(batched)
    order = max([graph.order(n) for n in batched.values()], default=0)
    for node in graph.prune(wanted, batched):
        if node in done:
            continue
        mapped = tuple([i in done for i in node.inputs])
        inputs = tuple([done.get(i, i) for i in node.inputs])
        if node.op.batch is None:
            raise ArgumentError(f"op {node.op.name} has no batch rule\n  {node_line(node)}")
        with graph.recording(order=max(order, graph.order(node)), origin=graph.origin(node)):
            done[node] = node.op.batch(node, inputs, mapped)
        _check(node, done[node], sizes)
    return [done.get(n, n) for n in wanted], [n in done for n in wanted]


def _check(node: Node, result: Node, sizes: set[Dim]) -> None:
    if isinstance(node.type, TensorType):
        expected = TensorType(node.dtype, (*sizes, *node.shape))
        if result.type != expected:
            raise InvariantError(
                f"the batch rule of {node.op.name} gives {result.type}, not {expected}"
            )
