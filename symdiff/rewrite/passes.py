"""Passes in order, and the levels of `optimize=` that name them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from symdiff.binding import unify_shapes
from symdiff.errors import ArgumentError
from symdiff.graph import Graph
from symdiff.inline import rebuild
from symdiff.node import Node
from symdiff.rewrite.driver import Firing, Pass, run_rules
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import function_rule
from symdiff.rewrite.rules import NEUTRAL

__all__ = ["LEVELS", "Optimized", "expand", "optimize"]

PASSES: Final[dict[str, Callable[[Graph, list[Firing] | None], Pass]]] = {
    "fold": lambda graph, log: run_rules(graph, (), log),
    "neutral": lambda graph, log: run_rules(graph, [r for r in NEUTRAL if r.exact], log),
}
"""Every pass removes what no output needs and merges equal nodes besides."""

LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "none": (),
    "safe": ("fold",),
    "default": ("neutral",),
    "fast": ("neutral",),
}


class Optimized(NamedTuple):
    """A graph after its passes, where each live old node went, and what fired if traced."""

    graph: Graph
    mapping: dict[Node, Node]
    firings: list[Firing]


def pass_names(optimize: str | tuple[str, ...]) -> tuple[str, ...]:
    """The passes a level or a tuple of names stands for; `ArgumentError` for unknown ones."""
    names = LEVELS.get(optimize) if isinstance(optimize, str) else tuple(optimize)
    if names is None or any(name not in PASSES for name in names):
        raise ArgumentError(
            f"optimize={optimize!r}: give one of {', '.join(map(repr, LEVELS))} or a tuple of "
            f"passes out of {', '.join(PASSES)}"
        )
    return names


def optimize(
    graph: Graph, level: str | tuple[str, ...] = "default", *, trace: bool = False
) -> Optimized:
    """The graph's outputs, simplified, as another graph.

    Arguments: `level`, ``"none"``, ``"safe"`` (constants folded, equal nodes merged, what no
    output needs removed), ``"default"`` (neutral elements and operations that undo each other
    too) or ``"fast"``, or a tuple of pass names; `trace`, print every firing.

    Returns the new graph, the map from old nodes to new ones, and the firings when traced.

    >>> import symdiff as sd
    >>> g = sd.Graph("g")
    >>> x = g.input("x", sd.f64["n"])
    >>> g.outputs = [-(-(x * 1.0 + 0.0))]
    >>> sd.optimize(g).graph.outputs[0].name
    'x'
    """
    names = pass_names(level)
    if not graph.outputs:
        raise ArgumentError(f"graph {graph.name} has no outputs; set graph.outputs first")
    firings: list[Firing] = []
    result, mapping = graph, {node: node for node in graph.nodes}
    for name in names:
        done = PASSES[name](result, firings if trace else None)
        result = done.graph
        mapping = {o: done.mapping[n] for o, n in mapping.items() if n in done.mapping}
    if trace:
        for firing in firings:
            print(f"{firing.rule:<20} {firing.old}  ->  {firing.new}")
    return Optimized(result, mapping, firings)


def expand(graph: Graph) -> Graph:
    """The outputs with every op that stands for a graph replaced by that graph's nodes.

    What a backend runs: the rules of a `custom` node matter to derivatives only.
    """
    standing = {
        node.op for node in graph.nodes if node.op.kernel is None and "body" in node.params
    }
    if not standing:
        return graph
    return run_rules(graph, [function_rule("expand", op, _body) for op in standing], fold=False)[0]


def _body(node: Node, facts: Facts) -> Node:
    body = node.params["body"]
    pairs = list(zip(body.inputs, node.inputs, strict=True))
    sizes = unify_shapes([(str(i.name), i.shape, x.shape) for i, x in pairs])
    return rebuild(body.outputs, dict(pairs), node.graph, sizes)[0]
