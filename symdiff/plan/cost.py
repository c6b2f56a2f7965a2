"""What a plan costs, before it runs: flops, bytes moved and peak bytes, for all sizes at once.

- **flops**: `symdiff.ops.costs` says what counts; summed over the steps.
- **bytes**: read and written. A step reads each of its operands once, whole, and writes its
  result; a view moves nothing. Of steps that go over rows together, each value is read once, and
  one that is kept for a block of rows only moves nothing. What else fits a cache between two
  steps is counted all the same.
- **peak**: bytes alive at once beyond arguments and constants during the first call for given
  sizes: the workspace, outputs, and values and scratch that kernels make. Later calls find the
  workspace there.

Numbers (values without axes) are in registers: they take flops and no bytes. What depends on no
argument is computed once for given sizes: its memory counts, its flops do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from symdiff.node import Node
from symdiff.ops.costs import entries, flops, scratch
from symdiff.plan.blocks import is_total
from symdiff.plan.greatest import MaxOf, greatest, substituted
from symdiff.plan.order import views
from symdiff.plan.plan import ADD, BLOCK, MADE, OUTPUT, VIEW, Place, Plan, Step
from symdiff.plan.release import released
from symdiff.sizes import Dim, names, substitute
from symdiff.types import TensorType, TupleType, Type

__all__ = ["Cost", "NodeCost", "cost"]


class NodeCost(NamedTuple):
    """What the steps of one node take."""

    node: Node
    flops: Dim
    bytes: Dim


class Cost:
    """What a call costs. `flops`, `bytes` and `peak` are ints, or polynomials in named sizes.

    `nodes` holds the shares of the nodes that are computed, in the order of their first steps.

    >>> import symdiff as sd
    >>> g = sd.Graph("scaled")
    >>> x, w = g.input("x", sd.f64["n"]), g.input("w", sd.f64[3, "n"])
    >>> f = sd.compile([x, w], w @ (x * x))
    >>> f.cost()
    cost of scaled
      flops  7*n
      bytes  48*n + 24
      peak   8*n + 24
    >>> f.cost().at(n=1000).flops
    7000
    """

    __slots__ = ("bytes", "flops", "name", "nodes", "peak")

    def __init__(self, name: str, nodes: Sequence[NodeCost], peak: Dim | MaxOf) -> None:
        self.name = name
        self.nodes = tuple(nodes)
        self.flops: Dim = _total(node.flops for node in nodes)
        self.bytes: Dim = _total(node.bytes for node in nodes)
        self.peak: Dim | MaxOf = peak

    def at(self, **sizes: int) -> Cost:
        """The same with values for named sizes; names that do not occur are ignored."""
        known: dict[Dim, Dim] = {}

        def put(dim: Dim) -> Dim:
            if dim not in known:
                known[dim] = substitute(dim, sizes)
            return known[dim]

        nodes = [NodeCost(n, put(flops), put(moved)) for n, flops, moved in self.nodes]
        return Cost(self.name, nodes, substituted(self.peak, sizes))

    @property
    def size_names(self) -> tuple[str, ...]:
        """The named sizes that the cost depends on."""
        peaks = self.peak if isinstance(self.peak, MaxOf) else (self.peak,)
        found = frozenset[str]().union(*[names(d) for d in (self.flops, self.bytes, *peaks)])
        return tuple(sorted(found))

    def __repr__(self) -> str:
        rows = (("flops", self.flops), ("bytes", self.bytes), ("peak", self.peak))
        lines = [f"  {name:<5}  {_shown(value)}" for name, value in rows]
        return "\n".join([f"cost of {self.name}", *lines])

    def table(self, count: int = 10, by: str = "flops") -> str:
        """The dearest nodes, `count` of them, by ``"flops"`` or ``"bytes"``, one a line.

        Where sizes are named, they count as 1000 in this order.
        """
        known = dict.fromkeys(self.size_names, 1000)
        ranked = sorted(self.nodes, key=lambda n: substitute(getattr(n, by), known), reverse=True)[
            :count
        ]
        rows = [("flops", "bytes", "node", "")]
        for node, work, moved in ranked:
            line = repr(node)
            shown = line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
            rows.append((_shown(work), _shown(moved), shown, str(node.graph.origin(node))))
        if len(self.nodes) > count:
            rows.append(("", "", f"… {len(self.nodes) - count} nodes more", ""))
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        return "\n".join(
            f"  {a:>{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d}".rstrip()
            for a, b, c, d in rows
        )


_WIDEST: Final = 60


def _shown(value: Dim | MaxOf) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _total(dims: Iterable[Dim]) -> Dim:
    """The sum; equal sizes, of which a large graph has many, are added up as one."""
    total: Dim = 0
    for dim, times in Counter(dims).items():
        total = total + (dim if times == 1 else dim * times)
    return total


def cost(plan: Plan, sizes: Mapping[str, int] | None = None, block_bytes: int = 0) -> Cost:
    """What a plan costs.

    Arguments: `sizes`, put in for names that are known; `block_bytes`, what a block of rows is
    given where one row does not need more.
    """
    found: dict[Node, list[tuple[Dim, Dim]]] = {}
    steps = _Steps(plan)
    for step in plan.steps:
        if step.kind == VIEW:
            steps.show(step.node)
        else:
            found.setdefault(step.node, []).append(steps.cost(step))
    nodes = [
        NodeCost(node, _total(work for work, _ in shares), _total(moved for _, moved in shares))
        for node, shares in found.items()
    ]
    whole = Cost(plan.graph.name, nodes, _peak(plan, block_bytes))
    return whole.at(**sizes) if sizes else whole


# -- a step --------------------------------------------------------------------------------

_PICKS: Final = frozenset(("gather", "take_along_axis"))
"""Ops that read as many entries of their first operand as the result has."""

_SHOWS_ALL: Final = frozenset(
    ("broadcast_to", "permute_dims", "refine", "reshape", "stop_gradient")
)
"""Views of all of their operand. What is spread is read once, not as often as it is shown."""


class _Steps:
    """The cost of one step after another; of steps that are alike it is worked out once."""

    def __init__(self, plan: Plan) -> None:
        self.places = plan.places
        self.behind: dict[Node, Dim | Type] = {}
        """What is read to read a view."""
        self.group = -1
        self.at_hand: set[Node] = set()
        """Values of which this group of steps has a block of rows in the cache."""
        self._known: dict[Any, tuple[Dim, Dim]] = {}

    def show(self, view: Node) -> None:
        """Pass a view."""
        if view.op.name in _SHOWS_ALL:
            x = view.inputs[0]
            self.behind[view] = self.behind.get(x, x.type)

    def cost(self, step: Step) -> tuple[Dim, Dim]:
        """Flops and bytes of a step."""
        if step.group < 0 or step.group != self.group:
            self.group = step.group
            self.at_hand = set()
        node, reads = step.node, dict.fromkeys(step.reads())
        read = tuple([self._read(x) for x in reads])
        if step.group >= 0:
            self.at_hand.update(reads)
            if is_inner(self.places[node], step):
                self.at_hand.add(node)
        written = node not in self.at_hand
        params = id(node.params) if node.params else 0
        how = (step.kind, step.begins, step.put, step.reuses is None, written, len(node.inputs))
        key = (node.op, params, node.type, how, read)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = _worked_out(step, read, written)
        return found

    def _read(self, x: Node) -> Dim | Type:
        return 0 if x in self.at_hand else self.behind.get(x, x.type)


def is_inner(place: Place, step: Step) -> bool:
    """Whether only a block of rows of a step's value is there at a time."""
    return place.kind == BLOCK or (place.kind == MADE and step.group >= 0 and not is_total(step))


def _worked_out(step: Step, read: tuple[Dim | Type, ...], written: bool) -> tuple[Dim, Dim]:
    """Flops and bytes of a step from what it reads, and whether its result goes to memory."""
    node = step.node
    result = _held(node.type) if written else 0
    taken = [_held(x) for x in read]
    if step.kind != ADD:
        if node.op.name in _PICKS:
            taken[0] = _held(node.type)
        return flops(node), sum(taken, result)
    if not step.put:
        return entries(node), sum(taken, result if step.begins else 2 * result)
    # A scatter that is never made: its parts are added to what is there.
    parts = dict.fromkeys(step.terms()[-1].inputs)
    moved = sum(taken, sum([2 * _held(part.type) for part in parts], start=0))
    if step.begins:
        moved = moved + (result if step.reuses is None else -taken[0])
    return _total(entries(part) for part in step.terms()[-1].inputs), moved


def _held(what: Dim | Type) -> Dim:
    """Bytes of a value of a type; a number is in a register."""
    if isinstance(what, TupleType):
        return _total(_held(item) for item in what.items)
    if isinstance(what, TensorType):
        return what.size * what.dtype.itemsize if what.shape else 0
    return what


# -- the peak ------------------------------------------------------------------------------


def _peak(plan: Plan, block_bytes: int) -> Dim | MaxOf:
    alive = plan.workspace
    for block in plan.blocks:
        row = block.nbytes
        alive = alive + (max(row, block_bytes) if isinstance(row, int) else row + block_bytes)
    for step in plan.steps:
        if step.group >= 0 and is_total(step):
            alive = alive + _held(step.node.type)  # the sum of a block, beside that of all
    moments: list[Dim] = []
    for node in plan.setup:
        if not views(node):
            alive = alive + _held(node.type)
            moments.append(alive + scratch(node))
    dying = released(plan)
    made: set[Node] = set()
    for k, step in enumerate(plan.steps):
        place, size = plan.places[step.node], _held(step.node.type)
        needed: Dim = 0
        if place.kind == MADE and step.kind != VIEW and not is_inner(place, step):
            made.add(step.node)
            alive = alive + size
            needed = scratch(step.node)
        elif place.kind == OUTPUT and step.begins and step.reuses is None:
            alive = alive + size
        moments.append(alive + needed)
        for node in dying.get(k, ()):
            if node in made:
                alive = alive - _held(node.type)
    for output, copied in zip(plan.graph.outputs, plan.copied, strict=True):
        if copied:
            alive = alive + _held(output.type)
    return greatest([*moments, alive])
