"""The one driver: a sweep builds a new graph from the old, rewriting each node as it is made.

Operands come before their consumers, so a rule sees operands that are simplified already. A
sweep is linear in the live part of the graph; sweeps repeat until nothing fires, up to a cap.
Order, origin and provenance are carried over: a rewritten node knows what it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.collector import paused_collector
from symdiff.errors import InvariantError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.shape import broadcast_to
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule
from symdiff.types import TensorType, broadcast_shapes

__all__ = ["Firing", "Pass", "run_rules"]

MOST_SWEEPS: Final = 12
MOST_FIRINGS: Final = 32
"""Firings in a row at one place; a cycle of rules would never end."""


_NUMBERS: Final = ("constant", "broadcast_to")
"""Ops of which a pattern's number may be the value."""


class Firing(NamedTuple):
    """One application of a rule: what stood there, and what stands there now."""

    rule: str
    old: str
    new: str


class Pass(NamedTuple):
    """What a pass gives: the new graph, and where each live old node went."""

    graph: Graph
    mapping: Mapping[Node, Node]


def run_rules(
    graph: Graph,
    rules: Iterable[Rule],
    log: list[Firing] | None = None,
    *,
    fold: bool = True,
) -> Pass:
    """Sweep until nothing fires. The graph's inputs and outputs keep their places.

    With `fold`, operations on constants are carried out where the result is not larger.
    """
    by_op: dict[Op, list[Rule]] = {}
    for rule in rules:
        by_op.setdefault(rule.op, []).append(rule)
    whole: dict[Node, Node] | None = None
    for _ in range(MOST_SWEEPS):
        fresh, mapping, fired = _sweep(graph, by_op, log, fold)
        whole = (
            mapping
            if whole is None
            else {old: mapping[new] for old, new in whole.items() if new in mapping}
        )
        graph = fresh
        if not fired:
            break
    else:
        fresh, mapping, _ = _sweep(
            graph, {}, None, False
        )  # leaves what the last sweep replaced behind
        whole = {old: mapping[new] for old, new in (whole or {}).items() if new in mapping}
        graph = fresh
    return Pass(graph, whole or {})


def _sweep(
    graph: Graph, by_op: Mapping[Op, Sequence[Rule]], log: list[Firing] | None, fold: bool
) -> tuple[Graph, dict[Node, Node], int]:
    fresh = Graph(graph.name)
    facts = Facts()
    mapping: dict[Node, Node] = {}
    fired = 0
    needed = {n.index for n in graph.ancestors(graph.outputs)}
    needed.update(n.index for n in graph.inputs)  # an unused input stays an argument
    first = graph.origin(graph.node(0)) if len(graph) else None
    with fresh.recording(order=0, origin=first), paused_collector():
        for index in sorted(needed):
            node = graph.node(index)
            inputs = tuple([mapping[i] for i in node.inputs])
            made = fresh.restore_node(
                node.op, inputs, node.params, graph.order(node), graph.origin(node)
            )
            made, count = _rewritten(made, by_op, log, fold, facts)
            mapping[node] = made
            fired += count
    for record in graph.provenance:
        gradient, of, forward = (mapping.get(n) for n in record[:3])
        if gradient is not None and of is not None and forward is not None:
            place = record.position
            target = forward if place < 0 else None
            if target is None and place < len(forward.inputs):
                target = forward.inputs[place]
            if target is not None and target.type == gradient.type:
                fresh.record_provenance(gradient, of, forward, place, record.whole)
    fresh.outputs = [mapping[o] for o in graph.outputs]
    return fresh, mapping, fired


def _rewritten(
    node: Node,
    by_op: Mapping[Op, Sequence[Rule]],
    log: list[Firing] | None,
    fold: bool,
    facts: Facts,
) -> tuple[Node, int]:
    """The node after every rule that fires at its place."""
    fired = 0
    while fired < MOST_FIRINGS:
        result, name = folded(node) if fold else None, "fold_constants"
        if result is None:
            number = any(i.op.name in _NUMBERS for i in node.inputs)
            for rule in by_op.get(node.op, ()):
                if number or not rule.needs_number:
                    result, name = rule.apply(node, facts), rule.name
                    if result is not None:
                        break
        if result is None or result is node:
            return node, fired
        result = _as_typed(result, node, name)
        if log is not None:
            log.append(Firing(name, repr(node), repr(result)))
        node, fired = result, fired + 1
    return node, fired


def _as_typed(result: Node, node: Node, name: str) -> Node:
    """The replacement in the type of what it replaces; only a broadcast may be missing."""
    if result.type == node.type:
        return result
    new, old = result.type, node.type
    if (
        isinstance(new, TensorType)
        and isinstance(old, TensorType)
        and new.dtype == old.dtype
        and broadcast_shapes([new.shape, old.shape]) == old.shape
    ):
        return broadcast_to(result, shape=old.shape)
    raise InvariantError(f"rule {name} turns {node!r} into {result!r}, which is of another type")


# -- constants ------------------------------------------------------------------------------

_SPREADING: Final = ("broadcast_to", "eye", "scatter")
"""Ops whose result is larger than what it says; folding them would only take memory."""


def folded(node: Node) -> Node | None:
    """The constant a node of constants is, where it is no larger than they are."""
    if not node.inputs or node.op.kernel is None or node.op.name in _SPREADING:
        return None
    if not isinstance(node.type, TensorType) or not node.op.registered:
        return None  # a user's kernel may be more than a function of its operands
    for taken in node.inputs:
        if taken.op.name != "constant":
            return None
    if not all(isinstance(dim, int) for dim in node.type.shape):
        return None
    arrays = [taken.params["value"].array for taken in node.inputs]
    try:
        with np.errstate(all="ignore"):
            value: Any = np.asarray(node.op.kernel(*arrays, **node.params))
    except Exception:  # the call will raise it, with the node's line
        return None
    fits = value.dtype == node.type.dtype and value.shape == node.type.shape
    if not fits or value.nbytes > max(1024, *[a.nbytes for a in arrays]):
        return None
    return node.graph.constant(value)
