"""A graph made runnable: bindings of the named sizes, and workspaces that calls take in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any, Final

import numpy as np

from symdiff.backends.numpy.actions import Work, work_of
from symdiff.backends.numpy.loop import Loop
from symdiff.backends.numpy.lower import lowered
from symdiff.backends.numpy.scalars import RAISED
from symdiff.backends.numpy.source import BLOCK_ENTRIES, Run, Source
from symdiff.collector import paused_collector
from symdiff.graph import Graph
from symdiff.plan import VIEW, Plan
from symdiff.plan.blocks import by_rows
from symdiff.plan.memory import nbytes
from symdiff.sizes import Dim, evaluate

__all__ = ["LARGEST_SOURCE", "Program", "build"]

LARGEST_SOURCE: Final = 8_000
"""Weight of calls up to which source is compiled at once; Python takes some 6 us a unit."""

LARGEST_LATER: Final = 50_000
"""Weight up to which it is compiled after `CALLS` calls; till then, and beyond, a loop runs."""

CALLS: Final = 64

LARGE: Final = 1 << 20
"""Bytes of an array from which on elementwise steps go over blocks of it together."""

BUFFER_ENTRIES: Final = 1_024
"""Of the buffers through which NumPy casts operands; its own 8,192 are no faster."""

MOST_BINDINGS: Final = 8
"""Sets of sizes whose workspaces are kept."""

MOST_WORKSPACES: Final = 4
"""Workspaces kept for one set of sizes: so many calls at once find their memory ready."""


def _weight(work: Work) -> int:
    """How long Python's compiler takes: a call of NumPy as long as four lines of arithmetic."""
    return sum(
        1 if node.node in work.numbers else 4 * len(actions) for node, actions in work.calls
    )


def _silent(run: Callable[..., Any], *args: Any) -> Any:
    with np.errstate(all="ignore"):
        return run(*args)


class Program:
    """Runs a graph: ``run(arrays, sizes)`` gives its outputs, in fresh arrays."""

    block_bytes: Final = 16 * BLOCK_ENTRIES
    """Memory for a block of rows, where one row does not need more."""

    def __init__(self, graph: Graph, size_names: Sequence[str], largest: int) -> None:
        # A second start must not show a probe twice, nor call a user's function twice.
        self.pure = all(n.op.registered and n.op.name != "probe" for n in graph.nodes)
        self._begin(lowered(graph), tuple(size_names), largest, self.pure)

    def _begin(
        self, graph: Graph, size_names: tuple[str, ...], largest: int, floats: bool
    ) -> None:
        self.graph, self.size_names, self.largest = graph, size_names, largest
        self.floats = floats
        with paused_collector():
            self._work = work_of(graph, floats=floats)
        self._weight = _weight(self._work)
        later = largest < self._weight <= min(LARGEST_LATER, 8 * largest)
        self._left = CALLS if later else -1
        self._loops = self._weight > largest
        """Whether steps run in a loop, and not as source."""
        self._exact: Program | None = None
        self._blocks: Work | None = None
        self._known_lengths: set[Dim] | None = None
        self._makers: dict[bool, Callable[..., Run]] = {}
        """What makes workspaces: plain ones, and such that go by blocks."""
        self._pools: dict[tuple[int, ...], list[Run]] = {}

    @property
    def plan(self) -> Plan:
        """What runs, as data."""
        return self._work.plan

    def plan_at(self, sizes: tuple[int, ...]) -> Plan:
        """What runs for these sizes."""
        return self._work_at(sizes).plan

    def loop(self, sizes: Sequence[int]) -> Loop:
        """A workspace whose steps run one by one."""
        with paused_collector():
            return Loop(self._work, dict(zip(self.size_names, sizes, strict=True)))

    @property
    def source(self) -> str:
        """The Python that runs."""
        note = ""
        if self._loops:
            until = f", for {self._left} more calls" if self._left > 0 else ""
            note = f"# These are many steps to compile: they run as a loop{until}.\n"
        return note + Source(self._work, self.size_names).text()

    def run(self, arrays: Sequence[Any], sizes: tuple[int, ...]) -> tuple[Any, ...]:
        """The outputs. A call has a workspace to itself, taken from a pool."""
        if self._left > 0:
            self._left -= 1
            if not self._left:
                self._loops, self._left, self._pools = False, -1, {}
        pool = self._pools.get(sizes)
        if pool is None:
            pool = self._new_pool(sizes)
        try:
            run = pool.pop()
        except IndexError:
            run = self._workspace(sizes)
        try:
            return run(*arrays)
        except RAISED:
            if not self.floats:
                raise
            return self.without_floats().run(arrays, sizes)
        finally:
            if len(pool) < MOST_WORKSPACES:
                pool.append(run)

    def _new_pool(self, sizes: tuple[int, ...]) -> list[Run]:
        while len(self._pools) >= MOST_BINDINGS:
            self._pools.pop(next(iter(self._pools)), None)
        return self._pools.setdefault(sizes, [])

    def _workspace(self, sizes: tuple[int, ...]) -> Run:
        """New memory, and a context in which NumPy is silent: entering it costs a tenth of
        `np.errstate`. Like the memory, one call at a time is in it. A user's code runs in the
        caller's context."""
        make = self._maker(sizes)
        if not self.pure:
            return partial(_silent, _silent(make, *sizes))
        context = copy_context()
        context.run(np.seterr, all="ignore")
        context.run(np.setbufsize, BUFFER_ENTRIES)
        return partial(context.run, context.run(make, *sizes))

    def _maker(self, sizes: tuple[int, ...]) -> Callable[..., Run]:
        """What makes workspaces for these sizes."""
        if self._loops:
            return lambda *known: self.loop(known)
        work = self._work_at(sizes)
        blocked = work is not self._work
        if blocked not in self._makers:
            self._makers[blocked] = Source(work, self.size_names).maker()
        return self._makers[blocked]

    def _work_at(self, sizes: tuple[int, ...]) -> Work:
        """What runs for these sizes: by blocks of rows where arrays are large."""
        known = dict(zip(self.size_names, sizes, strict=True))
        if self._loops or max((evaluate(n, known) for n in self._lengths), default=0) < LARGE:
            return self._work
        if self._blocks is None:
            self._blocks = work_of(self.graph, floats=self.floats, blocks=True)
        return self._blocks

    @property
    def _lengths(self) -> set[Dim]:
        """Bytes of what may go by blocks."""
        if self._known_lengths is None:
            self._known_lengths = {
                nbytes(step.node)
                for step in self.plan.steps
                if step.kind != VIEW and by_rows(step)
            }
        return self._known_lengths

    def without_floats(self) -> Program:
        """The same graph with NumPy's scalars, made when Python's first raise."""
        if self._exact is None:
            exact = Program.__new__(Program)
            exact.pure = self.pure
            exact._begin(self.graph, self.size_names, self.largest, False)
            self._exact = exact
        return self._exact


def build(graph: Graph, size_names: Sequence[str], *, largest: int = LARGEST_SOURCE) -> Program:
    """The program of a graph's outputs; `size_names` are those a call binds, in order."""
    return Program(graph, size_names, largest)
