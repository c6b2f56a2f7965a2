"""`build_grad`: Algorithms 6.5 and 6.6 of Goodfellow, Bengio and Courville, *Deep Learning*.

The algorithm and nothing else. 6.5 prunes the graph to 𝒢′, what `z` depends on and what
depends on a target, and seeds the table; 6.6 fills the table, for each variable V summing
``consumer.op.bprop(inputs, V, grad_table[consumer])`` over its consumers in 𝒢′, and appends
what that creates to the same graph. The text recurses; here a loop in reverse topological
order fills the table, so depth does not matter. Every edge of 𝒢′ costs one VJP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from symdiff.collector import paused_collector
from symdiff.describe import node_line, path_lines
from symdiff.errors import ArgumentError, DTypeError, InvariantError, NotDifferentiableError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.ops.shape import broadcast_to, zeros_like
from symdiff.ops.structure import add_n
from symdiff.types import TensorType, TupleType, is_differentiable

__all__ = ["GradTable", "build_grad", "pruned"]


class GradTable(Mapping[Node, Node]):
    """Node -> its gradient node: Algorithm 6.5's `grad_table`.

    Holds every node of 𝒢′ a gradient reached, and every target with a path to `z`.
    """

    __slots__ = ("_table", "z")

    def __init__(self, z: Node, table: dict[Node, Node]) -> None:
        self.z = z
        self._table = table

    def __getitem__(self, node: Node) -> Node:
        return self._table[node]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        return f"<grad table of {self.z!r}: {len(self)} nodes>"


def build_grad(
    graph: Graph, z: Node, targets: Node | Iterable[Node], seed: Any = None
) -> GradTable:
    """Append the gradient of `z` with respect to `targets` to `graph`.

    Arguments: `z`, a node of a real floating dtype: a scalar, or of any shape with a `seed` of
    that shape (the gradient of a scalar with respect to `z`; 1 for a scalar). `targets`: any
    nodes of a real floating dtype, intermediate ones too.

    Returns the grad table. A target that `z` does not depend on is not in it.

    Raises `ArgumentError` for a `z` that needs a seed, `NotDifferentiableError` for an integer
    or boolean `z` or target and where a path leads through an op without a derivative.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64[()])
    >>> table = sd.build_grad(g, sd.sin(x) * x, [x])
    >>> table[x]
    %4 : f64[] = add_n %3 %0
    """
    wanted = (targets,) if isinstance(targets, Node) else tuple(targets)
    graph.own([z, *wanted], "build_grad")
    for node, what in [(z, "differentiate"), *((t, "differentiate by") for t in wanted)]:
        if not is_differentiable(node.type):
            raise NotDifferentiableError(
                f"cannot {what} a node of type {node.type}: only real floating nodes have "
                f"gradients\n  {node_line(node)}"
            )
    path = pruned(graph, z, wanted)
    with graph.recording(order=graph.order(z) + 1), paused_collector():
        table: dict[Node, Any] = {z: _seed(graph, z, seed)}
        _fill(graph, z, path, table)
        for target in wanted:
            if target not in table and target in path:
                table[target] = zeros_like(target)
                graph.record_provenance(table[target], z, target, -1, True)
    return GradTable(
        z, {node: G for node, G in table.items() if isinstance(node.type, TensorType)}
    )


def pruned(graph: Graph, z: Node, targets: Iterable[Node]) -> dict[Node, list[tuple[Node, int]]]:
    """𝒢′ in topological order, each node with its consumers in 𝒢′ and the positions it takes.

    Integer and boolean nodes cut the path: nothing differentiable passes through them.
    """
    result: dict[Node, list[tuple[Node, int]]] = {}
    ends = set(targets)
    for node in graph.ancestors(z):
        reached = node in ends
        for position, source in enumerate(node.inputs):
            if source in result:
                if not reached:
                    if not _carries(node):
                        break
                    reached = True
                result[source].append((node, position))
        if reached:
            result[node] = []
    return result if z in result else {}


def _carries(node: Node) -> bool:
    """Whether derivatives pass through a node: real floating, alone or among its results."""
    type_ = node.type
    if isinstance(type_, TupleType):
        return any(t.dtype.kind == "f" for t in type_.items)
    kind = type_.dtype.kind
    if kind == "c":
        raise NotDifferentiableError(
            f"derivatives through complex values are not defined here\n  {node_line(node)}"
        )
    return kind == "f"


def _seed(graph: Graph, z: Node, seed: Any) -> Node:
    if seed is None:
        if z.shape:
            raise ArgumentError(
                "z must be a scalar to have a gradient; reduce it (sd.sum), pass seed= (the "
                f"gradient with respect to it), or use sd.jacobian\n  z = {node_line(z)}"
            )
        return graph.constant(1, z.dtype)
    node = seed if isinstance(seed, Node) else graph.constant(seed, z.dtype)
    if not isinstance(seed, Node) and not node.shape and z.shape:
        node = broadcast_to(node, shape=z.shape)
    graph.own((node,), "seed")
    if node.type != z.type:
        raise DTypeError(f"seed is {node.type}, but z is {z.type}\n  z = {node_line(z)}")
    return node


def _fill(
    graph: Graph, z: Node, path: dict[Node, list[tuple[Node, int]]], table: dict[Node, Any]
) -> None:
    """The loop of Algorithm 6.6, from the last node of 𝒢′ to the first."""
    shared: dict[Node, dict[int, Node | None]] = {}  # results of vjp_all, by consumer
    for V in reversed(path):
        consumers = path[V]
        if isinstance(V.type, TupleType):
            _gather_items(V, consumers, table)
            continue
        parts = [(table[z], z, -1)] if V is z else []
        for consumer, position in consumers:
            G = table.get(consumer)
            if G is None or consumer.op.name == "item":
                continue
            part = _bprop(consumer, position, G, path, shared)
            if part is None:
                continue
            if part.type is not V.type and part.type != V.type:
                raise InvariantError(
                    f"the VJP rule of {consumer.op.name} for "
                    f"{consumer.op.argument_name(position)} gives {part.type}, but the operand "
                    f"is {V.type}\n  {node_line(consumer)}"
                )
            parts.append((part, consumer, position))
        if len(parts) == 1:
            table[V] = parts[0][0]
            graph.record_provenance(table[V], z, parts[0][1], parts[0][2], True)
        elif parts:
            for part, consumer, position in parts:
                graph.record_provenance(part, z, consumer, position, False)
            table[V] = add_n(*[part for part, _, _ in parts])
            graph.record_provenance(table[V], z, V, -1, True)


def _gather_items(V: Node, consumers: list[tuple[Node, int]], table: dict[Node, Any]) -> None:
    """The gradient of a node with several results: a tuple, None where none arrived."""
    assert isinstance(V.type, TupleType)
    parts: list[Node | None] = [None] * len(V.type)
    for consumer, _ in consumers:
        parts[consumer.params["index"]] = table.get(consumer)
    if any(part is not None for part in parts):
        table[V] = tuple(parts)


def _bprop(
    consumer: Node,
    position: int,
    G: Any,
    path: dict[Node, list[tuple[Node, int]]],
    shared: dict[Node, dict[int, Node | None]],
) -> Node | None:
    op = consumer.op
    if op.vjp_all is None:
        try:
            return op.vjp(consumer, position, G)
        except NotDifferentiableError as error:
            raise _not_differentiable(str(error), consumer, position, path) from None
    if consumer not in shared:
        wanted = tuple(k for k, taken in enumerate(consumer.inputs) if taken in path)
        shared[consumer] = op.vjp_all(G, consumer, consumer.inputs, wanted)
    return shared[consumer].get(position)


def _not_differentiable(
    message: str, consumer: Node, position: int, path: dict[Node, list[tuple[Node, int]]]
) -> NotDifferentiableError:
    """The error with the way from `z` to the op, shortest first."""
    way = [consumer]
    while path[way[0]]:
        way.insert(0, path[way[0]][-1][0])
    return NotDifferentiableError(
        f"{message}\n  {node_line(consumer)}\nthe path from the output to it:\n"
        f"{path_lines(way)}\nuse sd.stop_gradient on "
        f"{consumer.op.argument_name(position)} where no gradient is meant to pass"
    )
