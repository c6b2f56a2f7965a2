"""The stability table put over an expression, in its own graph, before it is differentiated.

What is differentiated is then accurate at every order, and nothing the user wrote changes: the
accurate forms are appended, with the order and the line of what they stand for, and so is what
is computed from them on the way to the outputs. Nothing is appended where nothing fires.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from symdiff import first_use
from symdiff.collector import paused_collector
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.ops.shape import broadcast_to
from symdiff.rewrite.triggers import Dispatch, dispatch

__all__ = ["stabilized"]

MOST_SWEEPS: Final = 8
MOST_FIRINGS: Final = 32
"""Firings in a row at one place; a cycle of rules would never end."""


def stabilized(outputs: Sequence[Node], targets: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The outputs, and the targets they are to be differentiated by, in accurate forms.

    No rule sees through a target: the gradient with respect to it is that of what was written.
    What a target is computed from is rewritten where another target lies behind it, and such a
    target is returned as what then stands for it.
    """
    graph = outputs[0].graph
    if any(node.graph is not graph for node in (*outputs, *targets)):
        return list(outputs), list(targets)  # whoever differentiates says what is wrong
    if dispatch(graph.ancestors(outputs)) is None:
        return list(outputs), list(targets)
    with paused_collector():
        if any(target.inputs for target in targets):
            return _around(graph, outputs, targets)
        return _rewritten(graph, outputs), list(targets)


# -- rewriting -----------------------------------------------------------------------------


def _rewritten(graph: Graph, outputs: Sequence[Node]) -> list[Node]:
    found = list(outputs)
    for _ in range(MOST_SWEEPS):
        changed = _sweep(graph, found)
        if not changed:
            break
        found = [changed.get(node, node) for node in found]
    return found


def _sweep(graph: Graph, outputs: Sequence[Node]) -> dict[Node, Node]:
    """What stands now for each node that the outputs need and that a rule changed."""
    nodes = graph.ancestors(outputs)
    rules = dispatch(nodes)
    if rules is None:
        return {}
    uses = _uses(graph, nodes, outputs)
    facts = first_use.module("rewrite.facts").Facts(uses)
    changed: dict[Node, Node] = {}
    for node in nodes:
        made = node
        if changed and not changed.keys().isdisjoint(node.inputs):
            inputs = tuple([changed.get(x, x) for x in node.inputs])
            with graph.recording(order=graph.order(node), origin=graph.origin(node)):
                made = graph.intern(node.op, inputs, node.params)
            _extend(uses, made, node)
        if rules.of(made):
            made = _settled(made, node, rules, facts)
        if made is not node:
            changed[node] = made
            _extend(uses, made, node)
    graph.take_names(graph, changed)
    return changed


def _settled(node: Node, place: Node, rules: Dispatch, facts: Any) -> Node:
    """The node after every rule that fires at its place."""
    graph = node.graph
    with graph.recording(order=graph.order(place), origin=graph.origin(place)):
        for _ in range(MOST_FIRINGS):
            for rule in rules.of(node):
                result = rule.apply(node, facts)
                if result is not None:
                    break
            else:
                break
            node = broadcast_to(result, shape=node.shape)
    return node


def _uses(graph: Graph, nodes: Sequence[Node], outputs: Sequence[Node]) -> list[int]:
    """How many consumers each node has, by index; an output counts as shared."""
    uses = [0] * len(graph)
    for node in nodes:
        inputs = node.inputs
        for operand in inputs if len(inputs) < 2 else dict.fromkeys(inputs):
            uses[operand.index] += 1
    for output in outputs:
        uses[output.index] += 2
    return uses


def _extend(uses: list[int], made: Node, node: Node) -> None:
    """Note that one node is used where the other was."""
    uses.extend([0] * (made.index + 1 - len(uses)))
    uses[made.index] = max(uses[made.index], uses[node.index])


# -- targets that are computed -------------------------------------------------------------


def _around(
    graph: Graph, outputs: Sequence[Node], targets: Sequence[Node]
) -> tuple[list[Node], list[Node]]:
    """The same where a target is computed: rewritten in a graph in which it is an input.

    There is nothing to see behind it there.
    """
    scratch, ends = Graph("stabilized"), set(targets)
    stands_for: dict[Node, Node] = {}
    back: dict[Node, Node] = {}  # scratch -> the user's graph
    bodies: dict[Node, Node] = {}  # the input that stands for a target -> what computes it
    moving: set[Node] = set()
    taken = {str(node.name) for node in graph.inputs}
    with scratch.recording(order=0, origin=graph.origin(outputs[0])):
        for node in graph.ancestors([*outputs, *targets]):
            inputs = tuple([stands_for[x] for x in node.inputs])
            order, origin = graph.order(node), graph.origin(node)
            made = scratch.restore_node(node.op, inputs, node.params, order, origin)
            if inputs and node in ends:
                place = scratch.input(_free(f"target_{node.index}", taken), node.type)
                if moving.isdisjoint(node.inputs):
                    back[place] = node
                else:
                    bodies[place] = made
                made = place
            stands_for[node] = made
            if node in ends or not moving.isdisjoint(node.inputs):
                moving.add(node)
    scratch.take_names(graph, stands_for)
    found = _rewritten(scratch, [*bodies.values(), *[stands_for[node] for node in outputs]])
    for place, body in zip(bodies, found, strict=False):
        back[place] = _made_again(body, graph, back)
    made_outputs = [_made_again(node, graph, back) for node in found[len(bodies) :]]
    return made_outputs, [_made_again(stands_for[node], graph, back) for node in targets]


def _free(name: str, taken: set[str]) -> str:
    return name if name not in taken else _free(name + "_", taken)


def _made_again(node: Node, graph: Graph, done: dict[Node, Node]) -> Node:
    """The node of the scratch graph in the user's; interning finds what is there already."""
    source = node.graph
    for old in source.ancestors(node, done):
        if old not in done:
            inputs = tuple([done[x] for x in old.inputs])
            with graph.recording(order=source.order(old), origin=source.origin(old)):
                done[old] = graph.intern(old.op, inputs, old.params)
    graph.take_names(source, done)
    return done[node]
