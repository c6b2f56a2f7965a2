"""The one driver: a sweep builds a new graph from the old, rewriting each node as it is made.

Operands come before their consumers, so a rule sees operands that are final; what its right
side makes is rewritten in turn, operands first, before the next node is looked at. Nothing that
a rule looks at changes afterwards but how often nodes are used, so that one sweep is a fixed
point of all rules that do not ask for that; a second leaves behind what was replaced, and tries
those again that asked and were told that a node is shared. Whatever the rules are, there are at
most so many firings a node.

Order and origin are carried over, provenance is put on the nodes that stand for the old ones,
and each new node is known by the old one at whose place it was made.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from symdiff.collector import paused_collector
from symdiff.errors import InvariantError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.shape import broadcast_to
from symdiff.origin import Origin
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.fold import folded, may_fold
from symdiff.rewrite.notes import carry_notes
from symdiff.rewrite.pattern import Rule, spread_scalar
from symdiff.rewrite.show import shown
from symdiff.types import TensorType, broadcast_shapes

__all__ = ["Budget", "Dispatch", "Firing", "Pass", "Source", "listed", "run_rules"]

MOST_SWEEPS: Final = 8
FIRINGS_A_NODE: Final = 16
LEAST_FIRINGS: Final = 1024
FOLD: Final = "fold_constants"


class Firing(NamedTuple):
    """One application of a rule: what stood there, what stands there now, and the user's line."""

    rule: str
    old: str
    new: str
    origin: Origin

    def __str__(self) -> str:
        return f"{self.rule:<20} {self.old}  ->  {self.new}   ({self.origin})"


class Pass(NamedTuple):
    """What a pass gives: the new graph, and where each live old node went.

    `came_from` says of a new node at which old node's place it was made, where that is known
    and the map the other way does not say it.
    """

    graph: Graph
    mapping: Mapping[Node, Node]
    came_from: Mapping[Node, Node] = MappingProxyType({})


class Budget:
    """How many more times rules may fire; shared by the passes of one run.

    Arguments: `limit`, so many and then no more; None leaves it to each pass, in proportion to
    the nodes it is given.
    """

    __slots__ = ("left", "limited", "spent")

    def __init__(self, limit: int | None = None) -> None:
        self.limited = limit is not None
        self.left = limit or 0
        self.spent = 0

    def grant(self, nodes: int) -> None:
        """Allow a pass over so many nodes what keeps it linear."""
        if not self.limited:
            self.left = FIRINGS_A_NODE * nodes + LEAST_FIRINGS

    @property
    def is_spent(self) -> bool:
        """Whether the limit there was is reached."""
        return self.limited and self.left <= 0

    def spend(self) -> None:
        """Count one firing."""
        self.left -= 1
        self.spent += 1


def run_rules(
    graph: Graph,
    rules: Iterable[Rule] | Dispatch,
    log: list[Firing] | None = None,
    *,
    fold: bool = True,
    budget: Budget | None = None,
    tidy: bool = True,
) -> Pass:
    """Rewrite until nothing fires. The graph's inputs and outputs keep their places.

    Arguments: `rules`, tried in this order at each node, or a `Dispatch` of them; `log`, to which
    firings are appended; `fold`, carry out operations on constants where the result is not larger
    (a dispatch knows by itself); `budget`, how many firings there may be; `tidy`, where nothing
    fires too merge equal nodes and remove what no output needs; else the graph itself is given
    back then.
    """
    every = rules if isinstance(rules, Dispatch) else Dispatch(listed(rules), fold)
    nothing = Dispatch(listed(()), False)
    dispatch = every
    budget = budget or Budget()
    budget.grant(len(graph))
    whole = came_from = list(range(len(graph)))
    latest = graph
    with paused_collector():
        for count in range(MOST_SWEEPS):
            last = count == MOST_SWEEPS - 1
            sweep = _Sweep(latest, nothing if last else dispatch, budget, log)
            sweep.run()
            whole = [sweep.places[k] if k >= 0 else -1 for k in whole]
            came_from = [came_from[k] for k in sweep.sources]
            before, latest = latest, sweep.fresh
            if not (sweep.fired or tidy or count):
                latest.discard()
                return Pass(graph, {node: node for node in graph.nodes})
            if before is not graph:
                before.discard()
            if not sweep.fired:
                break
            # What is left depends on how often nodes are used.
            dispatch = every.among(sweep.asking) if dispatch is every else every
        old, new = graph.nodes, latest.nodes
        stands_for = {old[k]: new[place] for k, place in enumerate(whole) if place >= 0}
        carry_notes(graph, latest, stands_for)
        return Pass(
            latest,
            stands_for,
            {node: old[k] for node, k in zip(new, came_from, strict=True)},
        )


# -- which rules to try --------------------------------------------------------------------


_Found = tuple[bool, tuple[Rule, ...]]

Source = Callable[[Op, Sequence[Op]], Iterable[Rule]]
"""What gives the rules that may fire at nodes of an op on operands made by others, in order."""


def listed(rules: Iterable[Rule]) -> Source:
    """The rules of a list as a source."""
    by_op: dict[Op, list[Rule]] = {}
    for rule in rules:
        by_op.setdefault(rule.op, []).append(rule)
    return lambda op, operands: by_op.get(op, ())


class Dispatch:
    """The rules that can match a node, by its op and the ops its operands are made by.

    Of those with ids in `only`, if that is given. What was found for registered ops is kept, so
    that one dispatch serves many graphs.
    """

    __slots__ = ("_fold", "_found", "_only", "_source")

    def __init__(self, source: Source, fold: bool, only: Collection[int] | None = None) -> None:
        self._source = source
        self._fold = fold
        self._only = only
        self._found: dict[Any, _Found | None] = {}

    def among(self, only: Collection[int]) -> Dispatch:
        """The same for the rules with these ids, nothing folded."""
        return Dispatch(self._source, False, only)

    def of(self, op: Op, inputs: Sequence[Node]) -> _Found | None:
        """Whether such a node may be a constant, and its rules; None if nothing is to be tried."""
        key: Any
        if len(inputs) == 1:
            key = (op, inputs[0].op)
        elif len(inputs) == 2:
            key = (op, inputs[0].op, inputs[1].op)
        else:
            key = (op, frozenset([x.op for x in inputs]))
        try:
            return self._found[key]
        except KeyError:
            found = self._look(op, inputs)
        if op.registered and all(x.op.registered for x in inputs):
            self._found[key] = found
        return found

    def _look(self, op: Op, inputs: Sequence[Node]) -> _Found | None:
        made_by = [x.op for x in inputs]
        rules = [r for r in self._source(op, made_by) if r.may_match(made_by)]
        if self._only is not None:
            rules = [r for r in rules if id(r) in self._only]
        foldable = self._fold and may_fold(op, made_by)
        return (foldable, tuple(rules)) if foldable or rules else None


# -- one sweep -----------------------------------------------------------------------------


class _Frame:
    """A replaced node, while what stands for it is being settled."""

    __slots__ = ("node", "result", "todo")

    def __init__(self, node: Node, result: Node, todo: list[Node]) -> None:
        self.node = node
        self.result = result
        self.todo = todo  # what of the right side is not settled, the last to be looked at first


class _Sweep:
    """One walk over a graph; see the module.

    A new node is settled once what stands for it is known: itself, where no rule fires.
    """

    __slots__ = (
        "asking",
        "at",
        "budget",
        "dispatch",
        "facts",
        "fired",
        "fresh",
        "graph",
        "log",
        "opened",
        "places",
        "sources",
        "stands",
        "uses",
    )

    def __init__(
        self, graph: Graph, dispatch: Dispatch, budget: Budget, log: list[Firing] | None
    ) -> None:
        self.graph = graph
        self.dispatch = dispatch
        self.budget = budget
        self.log = log
        self.fresh = Graph(graph.name)
        self.uses: list[int] = []  # by new index
        self.facts = Facts(self.uses)
        self.stands: list[Node | None] = []  # new index -> what stands for that node
        self.opened: set[Node] = set()  # replaced nodes for which nothing stands yet
        self.places: list[int] = [-1] * len(graph)  # old index -> new index
        self.sources = array("q")  # new index -> the old one at whose place it was made
        self.asking: set[int] = set()  # ids of rules that were told that a node is shared
        self.at = 0  # index of the old node at whose place rules are firing
        self.fired = 0

    def run(self) -> None:
        """Make the new graph."""
        graph, fresh, places = self.graph, self.fresh, self.places
        stands, uses, sources = self.stands, self.uses, self.sources
        adopt, rules_for, replacement = fresh.adopt, self.dispatch.of, self._replacement
        finals: list[Any] = []  # by old index
        start = graph.origin(graph.node(0)) if len(graph) else None
        with fresh.recording(order=0, origin=start):
            for node, used in zip(graph.nodes, _live_uses(graph), strict=True):
                if not used:
                    finals.append(None)
                    continue
                inputs = tuple([finals[x.index] for x in node.inputs])
                made = adopt(node, inputs)
                place = made.index
                if place >= len(stands):  # a new one
                    if place > len(stands):  # after nodes of rules that did not fire after all
                        self._extend(place)
                    stands.append(None)
                    uses.append(used)
                    sources.append(node.index)
                elif stands[place] is None:
                    uses[place] += used
                else:  # two nodes have become one
                    made = self._standing(made)
                    uses[made.index] += used
                    self._count(inputs, -1)
                    finals.append(made)
                    places[node.index] = made.index
                    continue
                found = rules_for(made.op, inputs)
                result = None if found is None else replacement(made, found)
                if result is None:
                    stands[place] = made
                else:
                    self.at = node.index
                    made = self._settled(made, result)
                finals.append(made)
                places[node.index] = made.index
            self._extend(len(fresh))  # by nodes of rules that did not fire at the last place
        fresh.outputs = [finals[o.index] for o in graph.outputs]

    def _standing(self, node: Node) -> Node:
        """What stands for a node; itself while that is not known."""
        stands = self.stands
        while True:
            found = stands[node.index]
            if found is None or found is node:
                return node
            node = found

    def _count(self, inputs: Sequence[Node], change: int) -> None:
        """A consumer of these nodes more, or less."""
        for x in inputs if len(inputs) < 2 else dict.fromkeys(inputs):
            self.uses[x.index] += change

    def _settled(self, node: Node, result: Node) -> Node:
        """What stands for a replaced node after all rules.

        A loop, however far one firing leads to another.
        """
        frames = [self._opened(node, result)]
        while frames:
            frame = frames[-1]
            if not frame.todo:
                frames.pop()
                self.opened.discard(frame.node)
                self.stands[frame.node.index] = self._standing(frame.result)
                continue
            made = frame.todo.pop()
            if self.stands[made.index] is not None or made in self.opened:
                continue
            self._count(made.inputs, -1)
            inputs = tuple([self._standing(x) for x in made.inputs])
            moved = self.fresh.intern(made.op, inputs, made.params)
            if moved is not made:
                self._extend(len(self.fresh))
                self.uses[moved.index] += self.uses[made.index]
                self.stands[made.index] = moved
            if self.stands[moved.index] is not None or moved in self.opened:
                continue
            self._count(inputs, 1)
            found = self.dispatch.of(moved.op, inputs)
            replaced = None if found is None else self._replacement(moved, found)
            if replaced is None:
                self.stands[moved.index] = moved
            else:
                frames.append(self._opened(moved, replaced))
        return self._standing(node)

    def _opened(self, node: Node, result: Node) -> _Frame:
        """What is to be settled once a rule has put `result` in the place of `node`."""
        self._extend(len(self.fresh))
        self.opened.add(node)
        self._count(node.inputs, -1)
        self.uses[result.index] += self.uses[node.index]
        todo = self._unsettled(result)
        for made in todo:
            self._count(made.inputs, 1)
        return _Frame(node, result, todo)

    def _extend(self, size: int) -> None:
        """Make room for the nodes that rules have made."""
        missing = size - len(self.stands)
        if missing > 0:
            self.stands.extend([None] * missing)
            self.uses.extend([0] * missing)
            self.sources.extend([self.at] * missing)

    def _unsettled(self, result: Node) -> list[Node]:
        """The nodes a right side is made of for which nothing stands yet, consumers first."""
        found: set[Node] = set()
        stack = [result]
        while stack:
            node = stack.pop()
            if self.stands[node.index] is None and node not in self.opened and node not in found:
                found.add(node)
                stack.extend(node.inputs)
        return sorted(found, key=lambda node: -node.index)

    def _replacement(self, node: Node, found: _Found) -> Node | None:
        """What the first rule that fires puts in a node's place."""
        if self.budget.left <= 0:
            return None
        foldable, rules = found
        facts = self.facts
        result = folded(node) if foldable else None
        if result is not None:
            self._fire(FOLD, node, result)
            return result
        numbers: list[Any] | None = None
        for rule in rules:
            if rule.numbers:
                if numbers is None:
                    numbers = [spread_scalar(x) for x in node.inputs]
                if not all(number in numbers for number in rule.numbers):
                    continue
            result = rule.apply(node, facts)
            if facts.said_shared:
                self.asking.add(id(rule))
                facts.said_shared = False
            if result is not None and result is not node:
                result = _as_typed(result, node, rule.name)
                self._fire(rule.name, node, result)
                return result
        return None

    def _fire(self, name: str, node: Node, result: Node) -> None:
        self.fired += 1
        self.budget.spend()
        if self.log is not None:
            self.log.append(Firing(name, shown(node), shown(result), node.origin))


def _live_uses(graph: Graph) -> list[int]:
    """How many consumers each node has that an output needs; 0 for a node that none needs.

    An output counts as shared, and an unused input as used once: it stays an argument.
    """
    uses = [0] * len(graph)
    for output in graph.outputs:
        uses[output.index] += 2
    nodes = graph.nodes
    for index in range(len(nodes) - 1, -1, -1):
        if uses[index]:
            inputs = nodes[index].inputs
            for x in inputs if len(inputs) < 2 else dict.fromkeys(inputs):
                uses[x.index] += 1
    for node in graph.inputs:
        uses[node.index] = uses[node.index] or 1
    return uses


def _as_typed(result: Node, node: Node, name: str) -> Node:
    """The replacement in the type of what it replaces; only a broadcast may be missing."""
    new, old = result.type, node.type
    if new is old or new == old:
        return result
    if (
        isinstance(new, TensorType)
        and isinstance(old, TensorType)
        and new.dtype == old.dtype
        and broadcast_shapes([new.shape, old.shape]) == old.shape
    ):
        return broadcast_to(result, shape=old.shape)
    raise InvariantError(f"rule {name} turns {node!r} into {result!r}, which is of another type")
