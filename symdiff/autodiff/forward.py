"""Forward mode: tangents pushed from targets to outputs, appended to the same graph.

Where an op states no JVP it follows from its VJP. The VJP ``v(g) = Jᵀ g`` is linear in `g`, so
differentiating ``v`` by ``g`` with the tangent as seed gives ``J t`` (the transpose trick;
J. Townsend, "A new trick for calculating Jacobian vector products", 2017). That is built once
per op, params and types in a scratch graph and inlined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from symdiff import inline
from symdiff.autodiff.reverse import build_grad, pruned
from symdiff.collector import paused_collector
from symdiff.describe import node_line
from symdiff.errors import DTypeError, NotDifferentiableError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import undefined
from symdiff.ops.shape import broadcast_to, zeros_like
from symdiff.ops.structure import add_n
from symdiff.types import TensorType, TupleType, is_differentiable

__all__ = ["push_forward"]

Tangent = Any  # a node, None for zero, or a tuple of those where the node has several results


def push_forward(
    graph: Graph, outputs: Iterable[Node], tangents: Mapping[Node, Node]
) -> list[Node | None]:
    """Tangents of `outputs` from those of some nodes; None where they do not depend on them.

    Every tangent has the type of its node. Raises `NotDifferentiableError` where the way leads
    through an op without a derivative.
    """
    wanted = list(outputs)
    graph.own([*wanted, *tangents, *tangents.values()], "jvp")
    for node, tangent in tangents.items():
        if not is_differentiable(node.type):
            raise NotDifferentiableError(
                f"cannot differentiate by a node of type {node.type}\n  {node_line(node)}"
            )
        if tangent.type != node.type:
            raise DTypeError(
                f"a tangent is {tangent.type}, but its node is {node.type}\n  {node_line(node)}"
            )
    table: dict[Node, Tangent] = dict(tangents)
    order = max([graph.order(o) for o in wanted], default=0) + 1
    with graph.recording(order=order), paused_collector():
        for node in _between(graph, wanted, tangents):
            if node not in tangents:
                tangent = _tangent(node, [table.get(i) for i in node.inputs])
                if tangent is not None:
                    table[node] = tangent
    return [table.get(output) for output in wanted]


def _between(graph: Graph, outputs: list[Node], targets: Iterable[Node]) -> list[Node]:
    """What moves with a target and has a part in an output that does, in topological order."""
    moving = pruned(graph, outputs, targets)
    needed = set(outputs)
    kept = []
    for node in reversed(moving):
        if node in needed:
            kept.append(node)
            needed.update(node.inputs)
    kept.reverse()
    return kept


def _tangent(node: Node, tangents: list[Tangent]) -> Tangent:
    op = node.op
    if op.name == "item":
        return None if tangents[0] is None else tangents[0][node.params["index"]]
    if all(t is None for t in tangents):
        return None
    if op.jvp_all is not None:
        return op.jvp_all(tuple(tangents), node, node.inputs)
    if op.linear and op.jvp_rules is None:
        if len(tangents) == 1 or all(t is not None for t in tangents):
            return node.graph.intern(op, tuple(tangents), node.params)
        if op.name == "add_n":
            return _total([t for t in tangents if t is not None])
        full = [
            zeros_like(i) if t is None else t for i, t in zip(node.inputs, tangents, strict=True)
        ]
        return node.graph.intern(op, tuple(full), node.params)
    parts = [
        _part(node, position, tangent)
        for position, tangent in enumerate(tangents)
        if tangent is not None
    ]
    if isinstance(node.type, TupleType):
        columns = zip(*[p for p in parts if p is not None], strict=True)
        summed = tuple(_fitted_total(c, t) for c, t in zip(columns, node.type.items, strict=False))
        return summed or None
    return _fitted_total(parts, node.type)


def _fitted_total(parts: Iterable[Node | None], type_: TensorType) -> Node | None:
    fitted = [_spread(p, type_) for p in parts if p is not None]
    return _total(fitted) if fitted else None


def _total(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else add_n(*parts)


def _spread(part: Node, type_: TensorType) -> Node:
    """A tangent in its node's shape and dtype: an operand may have been broadcast."""
    return broadcast_to(part.astype(type_.dtype), shape=type_.shape)


def _part(node: Node, position: int, tangent: Node) -> Any:
    """What the tangent of one input adds to the tangent of `node`."""
    op = node.op
    rules = op.jvp_rules
    if rules is None:
        return _jvp_from_vjp(node, position, tangent)
    rule = rules[position] if isinstance(rules, tuple) else rules
    if rule is None:
        return None
    if rule is undefined:
        raise NotDifferentiableError(
            f"{op.name} has no forward derivative with respect to {op.argument_name(position)}\n"
            f"  {node_line(node)}"
        )
    if op.variadic:
        return rule(tangent, node, position)
    return rule(tangent, node, *node.inputs)


def _jvp_from_vjp(node: Node, position: int, tangent: Node) -> Any:
    graph = node.graph
    key = ("jvp", node.op, position, id(node.params), *[i.type for i in node.inputs])
    if key not in graph.memo:
        graph.memo[key] = _transposed_vjp(node, position)
    scratch, connected = graph.memo[key]
    if scratch is None:
        return None
    stands_for = dict(zip(scratch.inputs, [*node.inputs, tangent], strict=True))
    found = inline.rebuild(scratch.outputs, stands_for, graph)
    if isinstance(node.type, TupleType):
        rest = iter(found)
        return tuple(next(rest) if there else None for there in connected)
    return found[0]


def _transposed_vjp(node: Node, position: int) -> tuple[Graph | None, tuple[bool, ...]]:
    """A graph (inputs of the op, tangent) -> J t, from the op's VJP at one position."""
    scratch = Graph(f"jvp_of_{node.op.name}")
    inputs = tuple(scratch.input(f"x{k}", i.type) for k, i in enumerate(node.inputs))
    y = scratch.intern(node.op, inputs, node.params)
    items = y.type.items if isinstance(y.type, TupleType) else (y.type,)
    tangent = scratch.input("t", inputs[position].type)
    seeds = [
        scratch.input(f"g{k}", item) if is_differentiable(item) else None
        for k, item in enumerate(items)
    ]
    g = tuple(seeds) if isinstance(y.type, TupleType) else seeds[0]
    try:
        gradient = node.op.vjp(y, position, g)
    except NotDifferentiableError as error:
        raise NotDifferentiableError(f"{error}\n  {node_line(node)}") from None
    if gradient is None:
        return None, ()
    by = [s for s in seeds if s is not None]
    table = build_grad(scratch, gradient, by, seed=tangent)
    connected = tuple(s is not None and s in table for s in seeds)
    results = [table[s] for s in seeds if s is not None and s in table]
    if not results:
        return None, ()
    keep = scratch.ancestors(results)
    if not set(by).isdisjoint(keep):
        raise NotDifferentiableError(
            f"the VJP rule of {node.op.name} is not linear in its gradient, so no JVP follows "
            f"from it; give the op a jvp\n  {node_line(node)}"
        )
    return _only(scratch, [*inputs, tangent], results), connected


def _only(scratch: Graph, inputs: list[Node], results: list[Node]) -> Graph:
    """The results as a graph of these inputs alone."""
    small = Graph(scratch.name)
    mapping = {i: small.input(str(i.name), i.type) for i in inputs}
    small.outputs = inline.rebuild(results, mapping, small)
    return small
