"""Where the time of a call goes: by node, and by line of the user's code.

The steps of the plan run one by one under a clock, several times, in the order and the memory
of a call, each whole, where a call may go over large arrays in blocks; of each step the shortest
time counts, less that of the clock. Time that a whole call spends between steps (checking
arguments, Python's own) is none of theirs.

A gradient's nodes are charged to the forward line whose derivative they are, which is found by
provenance: what helps to compute a gradient goes with it. So the line of a model that is dear to
differentiate shows, and not the one that calls `sd.grad`.
"""

from __future__ import annotations

import linecache
from array import array
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.backends.numpy.loop import Loop
from symdiff.backends.numpy.program import Program
from symdiff.backends.numpy.scalars import RAISED
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.origin import Origin
from symdiff.plan.cost import cost

__all__ = [
    "History",
    "LineTime",
    "NodeTime",
    "Profile",
    "charged",
    "profile",
]

LONG_ENOUGH: Final = 200_000_000
"""Nanoseconds after which no further round starts."""

FEWEST_ROUNDS: Final = 3
MOST_ROUNDS: Final = 200


class NodeTime(NamedTuple):
    """What one node takes: `seconds`, and the `flops` and `bytes` of `cost`.

    `line` is what it is charged to, `order` its depth of differentiation.
    """

    node: Node
    seconds: float
    flops: int
    bytes: int
    line: Origin
    order: int


class LineTime(NamedTuple):
    """What one line of the user's code takes: `by_order[k]` of its `seconds` at order k."""

    line: Origin
    seconds: float
    flops: int
    bytes: int
    by_order: tuple[float, ...]


class Profile:
    """Times of the nodes and lines of a function, longest first.

    `by_node` and `by_line` hold them; `seconds` is the time of all nodes together, `rounds` how
    often each was timed. Printed, it is two tables, each cut after `shown` lines.
    """

    __slots__ = ("by_line", "by_node", "name", "rounds", "seconds")

    shown: Final = 12

    def __init__(self, name: str, nodes: Sequence[NodeTime], rounds: int) -> None:
        self.name, self.rounds = name, rounds
        self.by_node = tuple(sorted(nodes, key=lambda n: -n.seconds))
        self.by_line = tuple(sorted(_lines(nodes), key=lambda n: -n.seconds))
        self.seconds = sum(n.seconds for n in nodes)

    def __repr__(self) -> str:
        times = "time" if self.rounds == 1 else "times"
        head = f"profile of {self.name}: {_time(self.seconds)}, {self.rounds} {times}"
        nodes: list[tuple[str, ...]] = [("time", "", "GFlop/s", "GB/s", "order", "node", "line")]
        for n in self.by_node[: self.shown]:
            nodes.append((*self._rates(n), str(n.order), _cut(repr(n.node)), str(n.line)))
        orders = range(max((len(n.by_order) for n in self.by_line), default=0))
        lines: list[tuple[str, ...]] = [
            ("time", "", "GFlop/s", "GB/s", *[f"order {k}" for k in orders], "line", "")
        ]
        for line in self.by_line[: self.shown]:
            parts = [_time(t) if t else "" for t in line.by_order]
            parts += [""] * (len(orders) - len(parts))
            lines.append((*self._rates(line), *parts, str(line.line), _text(line.line)))
        tables = [_table(lines, len(self.by_line)), _table(nodes, len(self.by_node))]
        return "\n\n".join([head, *tables])

    def _rates(self, part: NodeTime | LineTime) -> tuple[str, str, str, str]:
        share = part.seconds / self.seconds if self.seconds else 0.0
        return (
            _time(part.seconds),
            f"{share:.0%}",
            _rate(part.flops, part.seconds),
            _rate(part.bytes, part.seconds),
        )


_WIDEST: Final = 60


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds / 1e9:.2f}" if count and seconds else ""


def _text(line: Origin) -> str:
    return _cut(linecache.getline(line.file, line.line).strip())


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _table(rows: list[tuple[str, ...]], count: int) -> str:
    """Rows in columns, numbers to the right; `count` is how many there would be."""
    columns = len(rows[0])
    widths = [max(len(row[k]) for row in rows) for k in range(columns)]
    lines = []
    for row in rows:
        cells = [
            f"{cell:<{width}}" if k >= columns - 2 else f"{cell:>{width}}"
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    if count >= len(rows):
        lines.append(f"  … {count - len(rows) + 1} more")
    return "\n".join(lines)


# -- the clock -----------------------------------------------------------------------------


def profile(
    program: Program,
    arrays: Sequence[Any],
    sizes: tuple[int, ...],
) -> Profile:
    """The profile of a program on arrays that fit, `sizes` being the values of its names.

    Nodes are charged to their origins.
    """
    with np.errstate(all="ignore"):
        loop = program.loop(sizes)
        try:
            loop(*arrays)
        except RAISED:
            if not program.floats:
                raise
            loop = program.without_floats().loop(sizes)
            loop(*arrays)
        best, rounds = _shortest(loop, arrays)
    seconds: dict[Node, float] = {}
    for node, nanoseconds in zip(loop.owners, best, strict=True):
        seconds[node] = seconds.get(node, 0.0) + nanoseconds * 1e-9
    graph = program.plan.graph
    known = dict(zip(program.size_names, sizes, strict=True))
    costs = {n.node: n for n in cost(program.plan, known).nodes}
    nodes = []
    for node, time in seconds.items():
        share = costs.get(node)
        work, moved = (int(share.flops), int(share.bytes)) if share is not None else (0, 0)
        nodes.append(NodeTime(node, time, work, moved, graph.origin(node), graph.order(node)))
    return Profile(graph.name, nodes, rounds)


def _shortest(loop: Loop, arrays: Sequence[Any]) -> tuple[list[int], int]:
    """For each step the least nanoseconds of several rounds, and how many they were."""
    best: list[int] = []
    spent = rounds = 0
    while rounds < FEWEST_ROUNDS or (spent < LONG_ENOUGH and rounds < MOST_ROUNDS):
        start = perf_counter_ns()
        times = loop.timed(*arrays, clock=perf_counter_ns)
        spent += perf_counter_ns() - start
        best = times if not best else [min(pair) for pair in zip(best, times, strict=True)]
        rounds += 1
    idle = _clock_time(perf_counter_ns)
    return [max(time - idle, 0) for time in best], rounds


def _clock_time(clock: Callable[[], int]) -> int:
    """What two looks at the clock take."""
    return min(-(clock() - clock()) for _ in range(100))


# -- lines ---------------------------------------------------------------------------------


class History(NamedTuple):
    """What a snapshot does not say of the graph it was taken of, in plain numbers.

    `indices[k]` is the place in that graph of the snapshot's node `k`; `provenance` holds the
    graph's records, four numbers each: gradient, of what, forward node, and position.
    """

    indices: array[int]
    provenance: array[int]


def charged(snapshot: Graph, history: History) -> Graph:
    """The snapshot with another origin for each node: the user's line that it is computed for.

    What passes and backends make of it keeps those. A user's node: its own line. A node of a
    gradient: that of the forward node whose rule made it, or else that of the first node of its
    order that takes it.
    """
    places = {old: new for new, old in enumerate(history.indices)}
    records = history.provenance
    forward: dict[int, int] = {}
    for gradient, of in zip(records[::4], records[2::4], strict=True):
        if gradient in places and of in places:
            forward.setdefault(places[gradient], places[of])
    first_user = _first_users(snapshot)
    by_order: dict[int, list[Node]] = {}
    for node in snapshot.nodes:
        by_order.setdefault(snapshot.order(node), []).append(node)
    found: dict[Node, Origin] = {}
    for order, nodes in sorted(by_order.items()):
        for node in reversed(nodes):
            of_node = snapshot.node(forward[node.index]) if node.index in forward else None
            user = first_user.get(node)
            if order and of_node in found:
                found[node] = found[of_node]
            elif order and user in found:
                found[node] = found[user]
            else:
                found[node] = snapshot.origin(node)
    return _with_origins(snapshot, found)


def _with_origins(graph: Graph, origins: Mapping[Node, Origin]) -> Graph:
    result = Graph(graph.name)
    made: dict[Node, Node] = {}
    for node in graph.nodes:
        inputs = tuple([made[i] for i in node.inputs])
        made[node] = result.restore_node(
            node.op, inputs, node.params, graph.order(node), origins[node]
        )
    result.take_names(graph, made)
    result.outputs = [made[o] for o in graph.outputs]
    return result


def _first_users(graph: Graph) -> dict[Node, Node]:
    found: dict[Node, Node] = {}
    for node in graph.nodes:
        for operand in node.inputs:
            found.setdefault(operand, node)
    return found


def _lines(nodes: Sequence[NodeTime]) -> list[LineTime]:
    groups: dict[Origin, list[NodeTime]] = {}
    for node in nodes:
        groups.setdefault(node.line, []).append(node)
    found = []
    for line, members in groups.items():
        by_order = [0.0] * (1 + max(m.order for m in members))
        for member in members:
            by_order[member.order] += member.seconds
        found.append(
            LineTime(
                line,
                sum(m.seconds for m in members),
                sum(m.flops for m in members),
                sum(m.bytes for m in members),
                tuple(by_order),
            )
        )
    return found
