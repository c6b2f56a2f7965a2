"""Memory for every value: liveness, buffers shared by values that never meet, work in place.

A value's *root* is whose memory it shows: its own, or for a view its operand's root. A buffer is
free again after the last step that reads any value of its root; the next value of as many
bytes takes it. An elementwise result takes the buffer of an operand that dies with it.
(A. V. Aho et al., *Compilers*, 2nd edition, 8.8, on register allocation by liveness.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from symdiff.graph import Graph
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.plan.order import ordered
from symdiff.plan.plan import (
    ADD,
    ARGUMENT,
    BUFFER,
    CONSTANT,
    MADE,
    OUTPUT,
    RUN,
    SHOWN,
    VIEW,
    Buffer,
    Place,
    Plan,
    Step,
)
from symdiff.sizes import Dim
from symdiff.types import TensorType

__all__ = ["Target", "make_plan", "nbytes"]


class Target(Protocol):
    """What a backend can do."""

    def writes(self, node: Node) -> bool:
        """Whether it can compute a node into memory it is given."""
        ...

    def in_place(self, node: Node) -> Iterable[int]:
        """Positions of operands whose memory may be that of the result."""
        ...


def nbytes(node: Node) -> Dim:
    """Bytes of a node's value."""
    assert isinstance(node.type, TensorType)
    return node.type.size * node.type.dtype.itemsize


def make_plan(graph: Graph, target: Target) -> Plan:
    """The plan of a graph's outputs for a backend."""
    setup, steps = ordered(graph)
    return _Memory(graph, target, setup, steps).plan()


class _Memory:
    """Places and buffers, filled along the steps."""

    def __init__(
        self, graph: Graph, target: Target, setup: Sequence[Node], steps: Sequence[Step]
    ) -> None:
        self.graph = graph
        self.target = target
        self.setup = setup
        self.places: dict[Node, Place] = {
            n: Place(ARGUMENT, k) for k, n in enumerate(graph.inputs)
        }
        for node in graph.ancestors(graph.outputs):
            if node.op.name == "constant":
                self.places[node] = Place(CONSTANT)
        self.places.update((node, Place(CONSTANT)) for node in setup)
        self.roots: dict[Node, Node] = {node: node for node in self.places}
        self.plain: set[Node] = set()
        """Values of the workspace whose entries lie in row-major order without gaps."""
        self.steps = [self._rooted(step) for step in steps]
        self.output_of = self._output_places()
        self.ends = self._ends()
        self.buffers: list[Buffer] = []
        self.free: dict[Dim, list[int]] = {}

    # -- before: roots, outputs, ends ------------------------------------------------------

    def _rooted(self, step: Step) -> Step:
        """The step, its node's root noted; a view that cannot be one becomes a copy."""
        node = step.node
        if step.kind == VIEW:
            source = node.inputs[0]
            root = self.roots[source]
            workspace = root not in self.places and self._in_workspace(root)
            if node.op.name == "reshape" and workspace and source not in self.plain:
                step = step._replace(kind=RUN)
            else:
                if source in self.plain and _stays_plain(node):
                    self.plain.add(node)
                self.roots[node] = root
                return step
        self.roots[node] = node
        if self._in_workspace(node):
            self.plain.add(node)
        return step

    def _in_workspace(self, node: Node) -> bool:
        """Whether a computed value gets memory from the plan."""
        type_ = node.type
        return isinstance(type_, TensorType) and bool(type_.shape) and self.target.writes(node)

    def _output_places(self) -> dict[Node, int]:
        """Roots that are computed into the fresh array of an output, and which output's."""
        found: dict[Node, int] = {}
        for k, output in enumerate(self.graph.outputs):
            root = self.roots[output]
            whole = output in self.plain and nbytes(output) == nbytes(root)
            if whole and root not in found and root not in self.places:
                found[root] = k
        return found

    def _ends(self) -> dict[Node, int]:
        """For each root the last step that reads it; outputs are read at the very end."""
        ends = {}
        for k, step in enumerate(self.steps):
            for node in (*step.reads(), step.node):
                ends[self.roots[node]] = k
        for output in self.graph.outputs:
            ends[self.roots[output]] = len(self.steps)
        return ends

    # -- along the steps -------------------------------------------------------------------

    def plan(self) -> Plan:
        done = []
        for k, step in enumerate(self.steps):
            done.append(self._placed(step, k))
            for root in {self.roots[x] for x in (*step.reads(), step.node)}:
                if self.ends[root] == k:
                    self._release(root)
        return Plan(
            self.graph,
            tuple(self.setup),
            tuple(done),
            self.places,
            tuple(self.buffers),
            tuple(self._copied()),
        )

    def _copied(self) -> Iterator[bool]:
        """Which outputs may share memory with an argument, the workspace, or one another."""
        seen: set[Node] = set()
        for k, output in enumerate(self.graph.outputs):
            root = self.roots[output]
            made = root is output and self.places[root].kind == MADE and root.op.registered
            yield self.output_of.get(root) != k and not (made and root not in seen)
            seen.add(root)

    def _placed(self, step: Step, k: int) -> Step:
        node = step.node
        if step.kind == VIEW:
            self.places[node] = Place(SHOWN)
        elif step.kind == RUN and not self._in_workspace(node):
            self.places[node] = Place(MADE)
        elif not step.begins:
            pass
        elif node in self.output_of:
            self.places[node] = Place(OUTPUT, self.output_of[node])
        else:
            reused = self._dying(step, k)
            if reused is not None:
                self._take_over(node, reused)
                return step._replace(reuses=reused)
            self.places[node] = self._buffer(nbytes(node))
        return step

    def _candidates(self, step: Step) -> list[Node]:
        """Operands whose memory the result may take."""
        if step.kind == ADD:
            return list(step.terms()[:1] if step.put else step.terms())
        return [step.node.inputs[position] for position in self.target.in_place(step.node)]

    def _dying(self, step: Step, k: int) -> Node | None:
        """An operand that dies here and whose memory the result takes."""
        node, reads = step.node, step.reads()
        for x in self._candidates(step):
            alone = all(y is x or self.roots[y] is not x for y in reads)
            if (
                x.type == node.type
                and self.roots[x] is x
                and self.places[x].kind == BUFFER
                and self.ends[x] == k
                and alone
            ):
                return x
        return None

    def _take_over(self, node: Node, old: Node) -> None:
        self.places[node] = self.places[old]
        self.ends[old] = -1  # its buffer is not free: it has passed on

    def _buffer(self, size: Dim) -> Place:
        free = self.free.get(size)
        if free:
            return Place(BUFFER, free.pop())
        self.buffers.append(Buffer(size))
        return Place(BUFFER, len(self.buffers) - 1)

    def _release(self, root: Node) -> None:
        place = self.places[root]
        if place.kind == BUFFER:
            self.free.setdefault(nbytes(root), []).append(place.number)


def _stays_plain(view: Node) -> bool:
    """Whether a view of entries without gaps has none itself."""
    match view.op.name:
        case "reshape" | "refine" | "stop_gradient":
            return True
        case "index":
            key = view.params["key"]
            shape = view.inputs[0].shape
            if None in key:
                return False
            return all(
                isinstance(entry, Slice) and entry == Slice(0, dim, 1)
                for entry, dim in zip(key[1:], shape[1:], strict=True)
            ) and (not isinstance(key[0], Slice) or key[0].step == 1)
    return False
