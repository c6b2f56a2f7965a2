"""`build_grad`: Algorithms 6.5 and 6.6 of Goodfellow, Bengio and Courville, *Deep Learning*.

The algorithm and nothing else. 6.5 prunes the graph to 𝒢′, what `z` depends on and what
depends on a target, and seeds the table; 6.6 fills the table, for each variable V summing
``consumer.op.bprop(inputs, V, grad_table[consumer])`` over its consumers in 𝒢′, and appends
what that creates to the same graph. The text recurses; here a loop in reverse topological
order fills the table, so depth does not matter. Every edge of 𝒢′ costs one VJP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from symdiff import first_use
from symdiff.collector import paused_collector
from symdiff.describe import node_line, path_lines
from symdiff.errors import (
    ArgumentError,
    DTypeError,
    InvariantError,
    NotDifferentiableError,
    ShapeError,
)
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.ops.declare import masked_total
from symdiff.ops.shape import broadcast_to, zeros_like
from symdiff.ops.structure import add_n
from symdiff.types import TupleType, is_differentiable

__all__ = ["GradTable", "backpropagate", "build_grad", "pruned"]


class GradTable(Mapping[Node, Node]):
    """Node -> its gradient node: Algorithm 6.5's `grad_table`.

    Holds every node of 𝒢′ a gradient reached, and every target with a path to `z`.
    """

    __slots__ = ("_table", "z")

    # Comparing entries would compare nodes, which makes nodes.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

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
    %4 : f64[] = add_n %0 %3
    """
    wanted = (targets,) if isinstance(targets, Node) else tuple(targets)
    graph.own([z, *wanted], "build_grad")
    _check_floating([z], wanted)
    with graph.recording(order=graph.order(z) + 1):
        start = _seed(graph, z, seed)
    return GradTable(z, backpropagate(graph, {z: start}, wanted))


def backpropagate(
    graph: Graph, seeds: Mapping[Node, Node], targets: Sequence[Node]
) -> dict[Node, Node]:
    """The grad table of several outputs at once, each with the gradient it starts from.

    A target that the outputs depend on only where derivatives are zero by definition is in the
    table with zeros; one that they do not depend on is not.
    """
    outputs = list(seeds)
    _check_floating(outputs, targets)
    order = max([graph.order(z) for z in outputs]) + 1
    with graph.recording(order=order), paused_collector():
        table = _filled(graph, seeds, pruned(graph, outputs, targets))
        missing = [target for target in targets if target not in table]
        if missing:
            reached = pruned(graph, outputs, missing, through_zeros=True)
            for target in missing:
                if target in reached and target not in table:
                    table[target] = zeros_like(target)
                    if len(outputs) == 1:
                        graph.record_provenance(table[target], outputs[0], target, -1, True)
    return table


def _check_floating(outputs: Sequence[Node], targets: Sequence[Node]) -> None:
    pairs = [(z, "differentiate") for z in outputs] + [(t, "differentiate by") for t in targets]
    for node, what in pairs:
        if not is_differentiable(node.type):
            raise NotDifferentiableError(
                f"cannot {what} a node of type {node.type}: only real floating nodes have "
                f"gradients\n  {node_line(node)}"
            )


def pruned(
    graph: Graph,
    outputs: Node | Sequence[Node],
    targets: Iterable[Node],
    *,
    through_zeros: bool = False,
) -> dict[Node, None]:
    """𝒢′ in topological order, as the keys of a dict; empty where no output depends on a target.

    Integer and boolean nodes cut the path: nothing differentiable passes through them. So do
    rules that are zero by definition, unless `through_zeros`. Raises `NotDifferentiableError`
    where a path leads through complex values.
    """
    result: dict[Node, None] = {}
    complex_met = False
    ends = set(targets)
    for node in graph.ancestors(outputs):
        if node in ends:
            result[node] = None
            continue
        rules = node.op.vjp_rules
        for position, source in enumerate(node.inputs):
            if source in result and (
                through_zeros or type(rules) is not tuple or rules[position] is not None
            ):
                kind = _floating_kind(node)
                if kind:
                    result[node] = None
                    complex_met = complex_met or kind == "c"
                break
    last = (outputs,) if isinstance(outputs, Node) else outputs
    found = [z for z in last if z in result]
    if not found:
        return {}
    return _real_path(result, found) if complex_met and not through_zeros else result


def _floating_kind(node: Node) -> str:
    """NumPy's letter for the kind of a node, or of one of its results: f, c, or "" for neither."""
    type_ = node.type
    if isinstance(type_, TupleType):
        kinds = {t.dtype.kind for t in type_.items}
        return "c" if "c" in kinds else "f" if "f" in kinds else ""
    kind: str = type_.dtype.kind
    return kind if kind in "fc" else ""


def _real_path(path: dict[Node, None], outputs: Iterable[Node]) -> dict[Node, None]:
    """What of 𝒢′ derivatives reach from the outputs; raises where that is a complex node.

    A complex node may be in 𝒢′ and do no harm, where nothing but a comparison uses it.
    """
    reached = set(outputs)
    for node in reversed(path):
        if node not in reached:
            continue
        if _floating_kind(node) == "c":
            way = {n: None for n in path if n in reached}
            why = "derivatives do not pass through complex values, only through two real parts"
            raise _not_differentiable(why, node, way)
        rules = node.op.vjp_rules
        for position, source in enumerate(node.inputs):
            if type(rules) is not tuple or rules[position] is not None:
                reached.add(source)
    return {node: None for node in path if node in reached}


def _seed(graph: Graph, z: Node, seed: Any) -> Node:
    if seed is None:
        if z.shape:
            raise ArgumentError(
                "z must be a scalar to have a gradient; reduce it (sd.sum), use sd.jacobian, or "
                "sd.vjp (build_grad: seed=) with a gradient to start from\n"
                f"  z = {node_line(z)}"
            )
        return graph.constant(1, z.dtype)
    if isinstance(seed, Node):
        graph.own((seed,), "seed")
        node = seed
    else:
        if not np.can_cast(np.asarray(seed).dtype, z.dtype, "same_kind"):
            raise DTypeError(f"seed is {np.asarray(seed).dtype}, but z is {z.type}")
        node = graph.constant(seed, z.dtype)
        node = broadcast_to(node, shape=z.shape) if not node.shape else node
    if node.shape != z.shape:
        raise ShapeError(f"seed is {node.type}, but z is {z.type}\n  z = {node_line(z)}")
    if node.dtype != z.dtype:
        raise DTypeError(f"seed is {node.type}, but z is {z.type}\n  z = {node_line(z)}")
    return node


def _filled(graph: Graph, seeds: Mapping[Node, Node], path: dict[Node, None]) -> dict[Node, Node]:
    """The loop of Algorithm 6.6, from the last node of 𝒢′ to the first.

    What the consumers of V give is gathered as they are passed: all of them come before V.
    """
    table: dict[Node, Node] = {}
    # What several outputs give together is no derivative of one of them: it gets no record.
    z = next(iter(seeds)) if len(seeds) == 1 else None
    gathered = {node: [(seed, node, -1)] for node, seed in seeds.items() if node in path}
    for V in reversed(path):
        parts = gathered.pop(V, None)
        if parts is None:
            continue
        G: Any
        if V.type.__class__ is TupleType:
            G = _items(V, parts)
        else:
            G = table[V] = _summed(graph, z, V, parts)
        if V.op.name == "item" or _is_read(V):  # the operand puts these together
            gathered.setdefault(V.inputs[0], []).append((G, V, 0))
            continue
        for position, part in _bprop(V, G, path):
            source = V.inputs[position]
            if part.type is not source.type and part.type != source.type:
                raise InvariantError(
                    f"the VJP rule of {V.op.name} for {V.op.argument_name(position)} gives "
                    f"{part.type}, but the operand is {source.type}\n  {node_line(V)}"
                )
            if source in gathered:
                gathered[source].append((part, V, position))
            else:
                gathered[source] = [(part, V, position)]
    return table


_READS: Final = {"index": "ops.index", "gather": "ops.gather"}
"""Ops that take entries out of an array, and the modules that can put many such back at once.

Each alone would give a whole array of zeros but for its entries: n reads of n numbers would
cost n times n. So a read hands on the gradient of what it took, and V puts them all back.
"""


def _is_read(node: Node) -> bool:
    return node.op.name in _READS and node.op.registered


def _summed(graph: Graph, z: Node | None, V: Node, parts: list[tuple[Node, Node, int]]) -> Node:
    """The gradient of V: what its consumers gave, summed by one node where they are several.

    Recorded as that of z, where it is one.
    """
    given: list[tuple[Node, list[tuple[Node, int]]]] = []  # each with the edges it came by
    reads: dict[str, list[tuple[Node, Node]]] = {}
    for part, consumer, position in parts:
        if position >= 0 and _is_read(consumer):
            reads.setdefault(consumer.op.name, []).append((part, consumer))
        else:
            given.append((part, [(consumer, position)]))
    for name, taken in reads.items():
        for part, consumers in first_use.module(_READS[name]).put_back(taken):
            given.append((part, [(consumer, 0) for consumer in consumers]))
    if len(given) == 1 and len(given[0][1]) == 1:
        part, [(consumer, position)] = given[0]
        if z is not None:
            graph.record_provenance(part, z, consumer, position, True)
        return part
    total = given[0][0] if len(given) == 1 else masked_total([part for part, _ in given], add_n)
    if z is not None:
        for part, edges in given:
            for consumer, position in edges:
                graph.record_provenance(part, z, consumer, position, False)
        graph.record_provenance(total, z, V, -1, True)
    return total


def _items(V: Node, parts: list[tuple[Node, Node, int]]) -> tuple[Node | None, ...]:
    """The gradient of a node with several results: a tuple, None where none arrived."""
    assert isinstance(V.type, TupleType)
    found: list[Node | None] = [None] * len(V.type)
    for part, item, _ in parts:
        found[item.params["index"]] = part
    return tuple(found)


def _bprop(V: Node, G: Any, path: dict[Node, None]) -> list[tuple[int, Node]]:
    """What V gives to each of its inputs in 𝒢′, by position."""
    op = V.op
    try:
        if op.vjp_all is not None:
            wanted = tuple(k for k, source in enumerate(V.inputs) if source in path)
            found = op.vjp_all(G, V, V.inputs, wanted)
            return [(k, part) for k in wanted if (part := found.get(k)) is not None]
        result = []
        for position, source in enumerate(V.inputs):
            if source in path:
                part = op.vjp(V, position, G)
                if part is not None:
                    result.append((position, part))
        return result
    except NotDifferentiableError as error:
        raise _not_differentiable(str(error), V, path) from None


def _not_differentiable(
    message: str, node: Node, path: dict[Node, None]
) -> NotDifferentiableError:
    """The error with the way from `z` to the node without a derivative."""
    way = [node]
    for consumer in path:  # topological order: a consumer of the last one found comes later
        if any(source is way[-1] for source in consumer.inputs):
            way.append(consumer)
    return NotDifferentiableError(
        f"{message}\n  {node_line(node)}\nthe path from the output to it:\n"
        f"{path_lines(reversed(way))}\nput sd.stop_gradient where no gradient is meant to pass"
    )
