"""Passes in order, and the levels of `optimize=` that name them.

A level names tables of rules, which one driver run takes all together, and passes over the whole
graph, which come after it. Where one of those changes something, the rules are tried once more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple

from symdiff import first_use
from symdiff.binding import unify_shapes
from symdiff.errors import ArgumentError
from symdiff.graph import Graph
from symdiff.inline import rebuild
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.linalg import matmul
from symdiff.ops.structure import item
from symdiff.rewrite.commuted import merge_commuted
from symdiff.rewrite.driver import Budget, Dispatch, Firing, Pass, Source, listed, run_rules
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule
from symdiff.rewrite.rules import FILES, PASSES
from symdiff.rewrite.triggers import dispatch, is_concerned
from symdiff.types import TupleType

__all__ = [
    "FIRST_PASSES",
    "GRAPH_PASSES",
    "LEVELS",
    "Optimized",
    "expand",
    "optimize",
    "pass_names",
    "rules_from",
    "rules_of",
    "run_passes",
    "source_of",
]


STRUCTURED: Final = ("eye", "put_diagonal")
"""Names of the ops with which structure begins."""


def _structured(graph: Graph) -> Pass:
    """The pass of `structured`, which loads where there is a structure to follow."""
    if not any(node.op.name in STRUCTURED for node in graph.nodes):
        return Pass(graph, {})  # which says no change
    found: Pass = first_use.module("rewrite.structured").structured(graph)
    return found


FIRST_PASSES: Final[dict[str, Callable[[Graph], Pass]]] = {"structure": _structured}
"""The same before all rules, which would take apart what these look for."""


def _reordered(graph: Graph, assume: Mapping[str, int]) -> Pass:
    """The pass of `chain`, which loads where there are two products that can be one chain."""
    products = [node for node in graph.nodes if node.op is matmul]
    if len(products) < 2 or not any(node.ndim for node in products):
        return Pass(graph, {})
    found: Pass = first_use.module("rewrite.chain").reorder(graph, assume)
    return found


def _merged(graph: Graph, assume: Mapping[str, int]) -> Pass:
    """The pass of `commuted`."""
    return merge_commuted(graph)


GRAPH_PASSES: Final[dict[str, Callable[[Graph, Mapping[str, int]], Pass]]] = {
    "chain": _reordered,
    "commuted": _merged,
}
"""Passes over a whole graph and what its sizes are assumed to be, by name; each gives back the
graph it was given to say no change."""

_FOLD: Final = "fold"
_INEXACT: Final = "inexact"
_STABILITY: Final = "stability"

LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "none": (),
    "safe": (_FOLD,),
    "default": (_FOLD, *FIRST_PASSES, *PASSES, *GRAPH_PASSES),
    "fast": (_FOLD, *FIRST_PASSES, *PASSES, *GRAPH_PASSES, _INEXACT),
}
"""Level -> names of passes: those of the tables and graph passes, and two more.

``"fold"`` carries out operations on constants; every run merges equal nodes and removes what no
output needs besides. ``"inexact"`` lets the rules of the tables named fire that may lose NaN or
infinities, and that facts do not prove harmless.
"""

Watch = Callable[[str, Graph, Graph, "list[Firing] | None"], None]
"""Called after each pass; see `optimize`."""


class Optimized(NamedTuple):
    """A graph after its passes.

    `mapping`: where each old node that an output needs went; `firings`: what fired, if traced;
    `came_from`: for every new node the old one at whose place it was made, so that a node no old
    one went to, inside what a rule put there, still has an old node, its line and its order.
    """

    graph: Graph
    mapping: Mapping[Node, Node]
    firings: list[Firing]
    came_from: Mapping[Node, Node]


def pass_names(optimize: str | tuple[str, ...]) -> tuple[str, ...]:
    """The passes a level or a tuple of names stands for; `ArgumentError` for unknown ones."""
    known = (_FOLD, *FIRST_PASSES, *PASSES, *GRAPH_PASSES, _INEXACT)
    names = LEVELS.get(optimize) if isinstance(optimize, str) else tuple(optimize)
    if names is None or any(name not in known for name in names):
        raise ArgumentError(
            f"optimize={optimize!r}: give one of {', '.join(map(repr, LEVELS))} or a tuple of "
            f"passes out of {', '.join(known)}"
        )
    return names


def rules_of(names: Iterable[str]) -> list[Rule]:
    """The rules of the passes named, in the order in which they are tried."""
    names = tuple(names)
    tables = first_use.module("rewrite.rules.tables").TABLES
    found = [rule for name in PASSES if name in names for rule in tables[name]]
    return [rule for rule in found if rule.exact or _INEXACT in names]


def rules_from(names: Iterable[str], own: Sequence[Rule] = (), *, fold: bool = True) -> Dispatch:
    """The same as a dispatch, after rules of one's own; without those it is shared by all runs."""
    names = tuple(names)
    return Dispatch(source_of(names, own), fold) if own else _shared(names, fold)


@cache
def _shared(names: tuple[str, ...], fold: bool) -> Dispatch:
    return Dispatch(source_of(names), fold)


def source_of(names: Iterable[str], own: Sequence[Rule] = ()) -> Source:
    """The same as a source: what can fire nowhere is not loaded."""
    names = tuple(names)
    files = [file for file in FILES if file.tried_by in names]
    first, every = listed(own), _INEXACT in names

    def starting(op: Op, operands: Sequence[Op]) -> list[Rule]:
        made_by = frozenset([x.name for x in operands])
        found = list(first(op, operands))
        for file in files:
            if file.concerns(op.name, made_by):
                rules = _by_op(file.module, file.table).get(op, ())
                found += [rule for rule in rules if rule.exact or every]
        return found

    return starting


@cache
def _by_op(module: str, table: str) -> Mapping[Op, Sequence[Rule]]:
    """The rules of a file, by the op they fire at."""
    found: dict[Op, list[Rule]] = {}
    for rule in getattr(first_use.module(f"rewrite.rules.{module}"), table):
        found.setdefault(rule.op, []).append(rule)
    return found


def optimize(
    graph: Graph,
    level: str | tuple[str, ...] = "default",
    *,
    rules: Iterable[Rule] = (),
    trace: bool = False,
    limit: int | None = None,
    watch: Watch | None = None,
    assume: Mapping[str, int] | None = None,
) -> Optimized:
    """The graph's outputs, simplified, as another graph.

    Arguments: `level`, ``"none"``, ``"safe"`` (constants folded, equal nodes merged, what no
    output needs removed), ``"default"`` (all rules too that keep NaN and infinities, or that
    facts about the operands prove harmless), ``"fast"`` (all rules), or a tuple of pass names;
    `rules`, some of your own, tried before all others; `trace`, print every firing; `limit`,
    stop after so many firings (see `sd.testing.bisect_rewrites`); `watch`, called after each
    pass with its name, the graphs before and after it, and what fired so far; `assume`, what
    named sizes will be, for which orders of matrix products are chosen.

    Returns the new graph, the map from old nodes to new ones, the firings when traced, and the
    map from new nodes to where they came from. Provenance, order and origin are carried over.
    Raises `ArgumentError` for anything but a graph with outputs and for unknown names.

    >>> import symdiff as sd
    >>> g = sd.Graph("g")
    >>> x = g.input("x", sd.f64["n"])
    >>> g.outputs = [-(-(x * 1.0 + 0.0))]
    >>> sd.optimize(g).graph.outputs[0].name
    'x'
    """
    names = pass_names(level)
    if not isinstance(graph, Graph):
        raise ArgumentError(
            f"optimize takes a graph, not {graph!r}; set graph.outputs to what you want simplified"
        )
    if not graph.outputs:
        raise ArgumentError(f"graph {graph.name} has no outputs; set graph.outputs first")
    firings: list[Firing] = []
    own = tuple(rules)
    if names or own:
        log = firings if trace or watch is not None else None
        done = run_passes(graph, names, log, Budget(limit), watch, own, assume or {})
    else:
        itself = {node: node for node in graph.nodes}
        done = Pass(graph, itself, itself)
    if trace:
        for firing in firings:
            print(firing)
    return Optimized(done.graph, done.mapping, firings, done.came_from)


def run_passes(
    graph: Graph,
    names: tuple[str, ...],
    log: list[Firing] | None,
    budget: Budget,
    watch: Watch | None = None,
    own: Sequence[Rule] = (),
    assume: Mapping[str, int] = MappingProxyType({}),
) -> Pass:
    """The passes of these names in their order, and rules of one's own, as one pass."""
    fold, watch = _FOLD in names, watch or _nothing
    first: Pass | None = None
    if _STABILITY in names and not is_concerned(graph.nodes, values=True):
        names = tuple([name for name in names if name != _STABILITY])
    rules = rules_from(names, own, fold=fold)
    if _STABILITY in names and not budget.is_spent and dispatch(graph.nodes, values=True):
        # On what the user wrote: other rules put sums of products in other forms.
        table = rules_from((_STABILITY,), fold=False)
        found = run_rules(graph, table, log, budget=budget, tidy=False)
        if found.graph is not graph:
            watch(_STABILITY, graph, found.graph, log)
            first, graph = found, found.graph
    for name, graph_pass in FIRST_PASSES.items():
        if name in names and not budget.is_spent:
            moved = graph_pass(graph)
            if moved.graph is not graph:
                _note(name, graph, moved.graph, budget, log)
                watch(name, graph, moved.graph, log)
                first = moved if first is None else _after(first, moved)
                graph = moved.graph
    done = run_rules(graph, rules, log, budget=budget)
    watch("rules", graph, done.graph, log)
    done = done if first is None else _after(first, done)
    for name, later_pass in GRAPH_PASSES.items():
        if name not in names or budget.is_spent:
            continue
        moved = later_pass(done.graph, assume)
        if moved.graph is done.graph:
            continue
        _note(name, done.graph, moved.graph, budget, log)
        watch(name, done.graph, moved.graph, log)
        again = run_rules(moved.graph, rules, log, budget=budget)
        watch("rules again", moved.graph, again.graph, log)
        done = _after(_after(done, moved), again)
    return done


def _note(
    name: str, before: Graph, after: Graph, budget: Budget, log: list[Firing] | None
) -> None:
    """Count a pass over the whole graph as one firing."""
    budget.spend()
    if log is not None:
        origin = before.outputs[0].origin
        log.append(Firing(name, f"{len(before)} nodes", f"{len(after)} nodes", origin))


def _nothing(*_: object) -> None:
    """Nobody watches."""


def _after(one: Pass, other: Pass) -> Pass:
    """Two passes as one."""
    mapping = {old: other.mapping[new] for old, new in one.mapping.items() if new in other.mapping}
    before = _sources(one)
    return Pass(other.graph, mapping, {new: before[old] for new, old in _sources(other).items()})


def _sources(done: Pass) -> dict[Node, Node]:
    """New node -> the old one at whose place it was made."""
    found: dict[Node, Node] = {}
    for old, new in done.mapping.items():
        found.setdefault(new, old)
    found.update(done.came_from)
    return found


def expand(graph: Graph) -> Graph:
    """The outputs with every op that stands for a graph replaced by that graph's nodes.

    What a backend runs: the rules of a `custom` node matter to derivatives only.
    """
    standing = {
        node.op for node in graph.nodes if node.op.kernel is None and "body" in node.params
    }
    if not standing:
        return graph
    rules = [function_rule("expand", op, _body) for op in standing]
    rules.append(function_rule("expand", item, _body_item, operands=standing))
    every = Budget(sys.maxsize)  # bodies within bodies have an end
    return run_rules(graph, rules, fold=False, budget=every).graph


def _body(node: Node, facts: Facts) -> Node | None:
    return None if isinstance(node.type, TupleType) else _opened(node, 0)


def _body_item(node: Node, facts: Facts) -> Node | None:
    (whole,) = node.inputs
    stands = whole.op.kernel is None and "body" in whole.params
    return _opened(whole, node.params["index"]) if stands else None


def _opened(node: Node, output: int) -> Node:
    """One output of the graph a node stands for, as nodes."""
    body = node.params["body"]
    pairs = list(zip(body.inputs, node.inputs, strict=True))
    sizes = unify_shapes([(str(i.name), i.shape, x.shape) for i, x in pairs])
    return rebuild([body.outputs[output]], dict(pairs), node.graph, sizes)[0]
