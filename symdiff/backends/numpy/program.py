"""A graph made runnable: bindings of the named sizes, and workspaces that calls take in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any, Final

import numpy as np

from symdiff.backends.numpy.actions import Work, work_of
from symdiff.backends.numpy.loop import Loop
from symdiff.backends.numpy.scalars import RAISED
from symdiff.backends.numpy.source import Source
from symdiff.graph import Graph
from symdiff.plan import Plan

__all__ = ["LARGEST_SOURCE", "Program", "build"]

LARGEST_SOURCE: Final = 2_000
"""Calls beyond which a loop starts sooner than compiled source would repay."""

MOST_BINDINGS: Final = 8
"""Sets of sizes whose workspaces are kept."""

MOST_WORKSPACES: Final = 4
"""Workspaces kept for one set of sizes: so many calls at once find their memory ready."""

Run = Callable[..., tuple[Any, ...]]


class Program:
    """Runs a graph: ``run(arrays, sizes)`` gives its outputs, in fresh arrays."""

    def __init__(self, graph: Graph, size_names: Sequence[str], largest: int) -> None:
        self.graph, self.size_names, self.largest = graph, tuple(size_names), largest
        # A second start must not show a probe twice, nor call a user's function twice.
        pure = all(n.op.registered and n.op.name != "probe" for n in graph.nodes)
        self._floats = pure
        self._make = self._maker(work_of(graph, floats=pure))
        self._exact: Program | None = None
        self._pools: dict[tuple[int, ...], list[Run]] = {}

    def _maker(self, work: Work) -> Callable[..., Run]:
        count = sum(len(actions) for _, actions in work.calls)
        self._work = work
        if count > self.largest:
            self._note = f"# {count} steps are too many to compile: they run as a loop.\n"
            names = self.size_names
            return lambda *sizes: Loop(work, dict(zip(names, sizes, strict=True)))
        self._note = ""
        source = Source(work, self.size_names)
        text = source.text()
        namespace = dict(source.namespace)
        exec(compile(text, f"<symdiff {self.graph.name}>", "exec"), namespace)
        return namespace["make"]  # type: ignore[no-any-return]

    @property
    def source(self) -> str:
        """The Python that runs."""
        return self._note + Source(self._work, self.size_names).text()

    @property
    def plan(self) -> Plan:
        """What it runs."""
        return self._work.plan

    def run(self, arrays: Sequence[Any], sizes: tuple[int, ...]) -> tuple[Any, ...]:
        """The outputs. A call has a workspace to itself, taken from a pool."""
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
            if not self._floats:
                raise
            return self._without_floats().run(arrays, sizes)
        finally:
            if len(pool) < MOST_WORKSPACES:
                pool.append(run)

    def _new_pool(self, sizes: tuple[int, ...]) -> list[Run]:
        while len(self._pools) >= MOST_BINDINGS:
            self._pools.pop(next(iter(self._pools)), None)
        return self._pools.setdefault(sizes, [])

    def _workspace(self, sizes: tuple[int, ...]) -> Run:
        """New memory, and a context in which NumPy is silent: entering it costs a tenth of
        `np.errstate`. Like the memory, one call at a time is in it."""
        context = copy_context()
        context.run(np.seterr, all="ignore")
        return partial(context.run, self._make(*sizes))

    def _without_floats(self) -> Program:
        """The same graph with NumPy's scalars, made when Python's first raise."""
        if self._exact is None:
            exact = Program.__new__(Program)
            exact.graph, exact.size_names = self.graph, self.size_names
            exact.largest = self.largest
            exact._floats, exact._exact, exact._pools = False, None, {}
            exact._make = exact._maker(work_of(self.graph, floats=False))
            self._exact = exact
        return self._exact


def build(graph: Graph, size_names: Sequence[str], *, largest: int = LARGEST_SOURCE) -> Program:
    """The program of a graph's outputs; `size_names` are those a call binds, in order."""
    return Program(graph, size_names, largest)
