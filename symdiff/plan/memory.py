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
from symdiff.plan.blocks import cut, grouped, is_total
from symdiff.plan.order import ordered
from symdiff.plan.plan import (
    ADD,
    ARGUMENT,
    BLOCK,
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
from symdiff.types import TensorType, element_count

__all__ = ["Target", "make_plan", "nbytes", "row_nbytes"]


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


def row_nbytes(node: Node) -> Dim:
    """Bytes of one row of a node's value."""
    assert isinstance(node.type, TensorType)
    return element_count(node.shape[1:]) * node.type.dtype.itemsize


def make_plan(graph: Graph, target: Target, *, blocks: bool = False) -> Plan:
    """The plan of a graph's outputs for a backend; with `blocks`, for large arrays."""
    setup, steps = ordered(graph)
    return _Memory(graph, target, setup, grouped(steps) if blocks else steps).plan()


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
        self.kept: set[Node] = set()
        """Computed values that get memory from the plan."""
        self.plain: set[Node] = set()
        """Values of the workspace whose entries lie in row-major order without gaps."""
        self.steps = [self._rooted(step) for step in steps]
        self.reads = [step.reads() for step in self.steps]
        self.output_of = self._output_places()
        self.inner = self._inner()
        self.ends = self._ends()
        self.buffers: list[Buffer] = []
        self.blocks: list[Buffer] = []
        self.free: dict[tuple[str, Dim], list[int]] = {}

    # -- before: roots, outputs, ends ------------------------------------------------------

    def _rooted(self, step: Step) -> Step:
        """The step, its node's root noted; a view that cannot be one becomes a copy."""
        node = step.node
        if step.kind == VIEW:
            source = node.inputs[0]
            root = self.roots[source]
            if node.op.name == "reshape" and root in self.kept and source not in self.plain:
                step = step._replace(kind=RUN)
            else:
                if source in self.plain and _stays_plain(node):
                    self.plain.add(node)
                self.roots[node] = root
                return step
        self.roots[node] = node
        type_ = node.type
        rows = step.group >= 0 and not is_total(step)
        if isinstance(type_, TensorType) and type_.shape and (rows or self.target.writes(node)):
            self.kept.add(node)
            self.plain.add(node)
        return step

    def _output_places(self) -> dict[Node, int]:
        """Roots that are computed into the fresh array of an output, and which output's."""
        found: dict[Node, int] = {}
        for k, output in enumerate(self.graph.outputs):
            root = self.roots[output]
            whole = output in self.plain and nbytes(output) == nbytes(root)
            if whole and root not in found and root not in self.places:
                found[root] = k
        return found

    def _inner(self) -> set[Node]:
        """Values that are made and read inside one group."""
        if all(step.group < 0 for step in self.steps):
            return set()
        group_of: dict[Node, int] = {}
        found: set[Node] = set()
        for step, reads in zip(self.steps, self.reads, strict=True):
            found.difference_update(x for x in reads if group_of.get(x) != step.group)
            if step.group >= 0 and not is_total(step):
                if step.begins:
                    found.add(step.node)
                    group_of[step.node] = step.group
                elif group_of.get(step.node) != step.group:
                    found.discard(step.node)
            else:
                found.discard(step.node)
        return found.difference(self.graph.outputs)

    def _ends(self) -> dict[Node, int]:
        """For each root the last step that reads it; outputs are read at the very end.

        Inside a group, what is not read in rows alone is read again for the next block.
        """
        last: dict[int, int] = {s.group: k for k, s in enumerate(self.steps) if s.group >= 0}
        ends: dict[Node, int] = {}
        roots = self.roots
        for k, (step, reads) in enumerate(zip(self.steps, self.reads, strict=True)):
            node = step.node
            if step.group < 0:
                for x in reads:
                    ends[roots[x]] = k
                ends[roots[node]] = k
                continue
            for x in (*reads, node):
                rows = x is node or (x is roots[x] and cut(x, node))
                end = k if rows else last[step.group]
                ends[roots[x]] = max(end, ends.get(roots[x], 0))
        for output in self.graph.outputs:
            ends[self.roots[output]] = len(self.steps)
        return ends

    # -- along the steps -------------------------------------------------------------------

    def plan(self) -> Plan:
        done: list[Step] = []
        group = -1
        dying: dict[int, list[Node]] = {}
        for root, k in self.ends.items():
            dying.setdefault(k, []).append(root)
        for k, step in enumerate(self.steps):
            if step.group >= 0 and step.group != group:
                self._totals(k)
            group = step.group
            done.append(self._placed(step, k))
            for root in dying.get(k, ()):
                self._release(root, k)
        return Plan(
            self.graph,
            tuple(self.setup),
            tuple(done),
            self.places,
            tuple(self.buffers),
            tuple(self.blocks),
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

    def _totals(self, k: int) -> None:
        """Memory for the sums of a group, before any of its steps frees some: they grow with
        each block, when later blocks of what has died are still to be read."""
        group = self.steps[k].group
        while k < len(self.steps) and self.steps[k].group == group:
            node = self.steps[k].node
            if node in self.kept and is_total(self.steps[k]):
                at = self.output_of.get(node)
                place = self._buffer(nbytes(node)) if at is None else Place(OUTPUT, at)
                self.places[node] = place
            k += 1

    def _placed(self, step: Step, k: int) -> Step:
        node = step.node
        if step.kind == VIEW:
            self.places[node] = Place(SHOWN)
        elif node in self.places:  # a sum, begun before
            pass
        elif node not in self.kept or (node in self.inner and not self.target.writes(node)):
            self.places[node] = Place(MADE)
        elif node in self.output_of:
            self.places[node] = Place(OUTPUT, self.output_of[node])
        else:
            reused = self._dying(step, k)
            if reused is not None:
                self._take_over(node, reused)
                return step._replace(reuses=reused)
            if node in self.inner:
                self.places[node] = self._block(row_nbytes(node))
            else:
                self.places[node] = self._buffer(nbytes(node))
        return step

    def _candidates(self, step: Step) -> Iterable[Node]:
        """Operands whose memory the result may take."""
        if step.kind == ADD:
            return step.terms()[:1] if step.put else step.terms()
        return [step.node.inputs[position] for position in self.target.in_place(step.node)]

    def _dying(self, step: Step, k: int) -> Node | None:
        """An operand that dies here and whose memory the result takes."""
        node, roots = step.node, self.roots
        kind = BLOCK if node in self.inner else BUFFER
        for x in self._candidates(step):
            if (
                self.ends.get(x) == k
                and self.places[x].kind == kind
                and x.type == node.type
                and all(y is x or roots[y] is not x for y in self.reads[k])
            ):
                return x
        return None

    def _take_over(self, node: Node, old: Node) -> None:
        self.places[node] = self.places[old]
        self.ends[old] = -1  # its buffer is not free: it has passed on

    def _buffer(self, size: Dim) -> Place:
        free = self.free.get((BUFFER, size))
        if free:
            return Place(BUFFER, free.pop())
        self.buffers.append(Buffer(size))
        return Place(BUFFER, len(self.buffers) - 1)

    def _block(self, size: Dim) -> Place:
        free = self.free.get((BLOCK, size))
        if free:
            return Place(BLOCK, free.pop())
        self.blocks.append(Buffer(size))
        return Place(BLOCK, len(self.blocks) - 1)

    def _release(self, root: Node, k: int) -> None:
        place = self.places[root]
        if self.ends[root] != k:
            return
        if place.kind == BUFFER:
            self.free.setdefault((BUFFER, nbytes(root)), []).append(place.number)
        elif place.kind == BLOCK:
            self.free.setdefault((BLOCK, row_nbytes(root)), []).append(place.number)


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
