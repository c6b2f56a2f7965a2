"""The plan: data that every backend reads, and that a person can.

    plan rosenbrock: 2 buffers of 16*n-16 bytes in all
      view  %1 : f64[n-1] = index %0 key=(0:n-1)
      run   %2 : f64[n-1] = multiply %1 %1                  buffer 0
      run   %4 : f64[n-1] = subtract %3 %2                  buffer 0, in place of %2
      add   %9 : f64[n] = add_n %7 %8                       output 1, operands 0 and 1

A value is in one place: an argument, a constant, a buffer of the workspace, the fresh array of
an output, the memory of another value (a view), or wherever its kernel put it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.sizes import Dim

__all__ = [
    "ADD",
    "ARGUMENT",
    "BLOCK",
    "BUFFER",
    "CONSTANT",
    "MADE",
    "OUTPUT",
    "RUN",
    "SHOWN",
    "VIEW",
    "Buffer",
    "Place",
    "Plan",
    "Step",
]

RUN: Final = "run"
"""Compute a node into its place."""
VIEW: Final = "view"
"""Nothing to compute: the node shows the memory of its first operand."""
ADD: Final = "add"
"""Add operands of an `add_n`: the first two to one another, a further one to what is there."""

ARGUMENT: Final = "argument"
CONSTANT: Final = "constant"
"""Known before any call: constants, and what depends on them and on sizes alone."""
BUFFER: Final = "buffer"
BLOCK: Final = "block"
"""Memory for a block of rows, as long as their group runs."""
OUTPUT: Final = "output"
SHOWN: Final = "view"
MADE: Final = "made"
"""By a kernel that gives a value of its own: scalars, and what cannot write into memory."""


class Buffer(NamedTuple):
    """Memory of the workspace, allocated once for each binding of the sizes."""

    nbytes: Dim


class Place(NamedTuple):
    """Where a value is: `number` counts the argument, buffer or output."""

    kind: str
    number: int = -1

    def __str__(self) -> str:
        return self.kind if self.number < 0 else f"{self.kind} {self.number}"


class Step(NamedTuple):
    """One thing to do.

    `positions` are the operands that an `ADD` adds, `put` whether the last of them is a
    `scatter` that was never made: its parts are added in place. `reuses` is the value whose
    memory the result takes over. Steps of one `group` go over rows together (see `blocks`).
    """

    kind: str
    node: Node
    positions: tuple[int, ...] = ()
    put: bool = False
    reuses: Node | None = None
    group: int = -1

    @property
    def begins(self) -> bool:
        """Whether the node has no value before this step."""
        return self.kind != ADD or len(self.positions) > 1

    def terms(self) -> tuple[Node, ...]:
        """The operands that an `ADD` adds."""
        return tuple([self.node.inputs[p] for p in self.positions])

    def reads(self) -> tuple[Node, ...]:
        """The values this step reads."""
        if self.kind != ADD:
            return self.node.inputs
        terms = self.terms()
        return (*terms[:-1], *terms[-1].inputs) if self.put else terms


class Plan(NamedTuple):
    """What to do in order, and where every value is."""

    graph: Graph
    setup: tuple[Node, ...]
    """What depends on no argument, computed once for each binding of the sizes."""
    steps: tuple[Step, ...]
    places: Mapping[Node, Place]
    buffers: tuple[Buffer, ...]
    blocks: tuple[Buffer, ...]
    """Memory for one row of each value that only a block of rows is kept of."""
    copied: tuple[bool, ...]
    """Which outputs are copied at the end, since they may share memory with something else."""

    @property
    def workspace(self) -> Dim:
        """Bytes of all buffers."""
        total: Dim = 0
        for buffer in self.buffers:
            total = total + buffer.nbytes
        return total

    def __str__(self) -> str:
        count = len(self.buffers)
        head = f"plan {self.graph.name}: {count} buffers of {self.workspace} bytes in all"
        lines = [head, *[f"  once  {node!r}" for node in self.setup]]
        for step in self.steps:
            lines.append(f"  {step.kind:<5} {step.node!r:<48} {self._remark(step)}".rstrip())
        return "\n".join(lines)

    def _remark(self, step: Step) -> str:
        if step.kind == VIEW:
            return ""
        remark = str(self.places[step.node])
        if step.group >= 0:
            remark = f"group {step.group}, {remark}"
        if step.reuses is not None:
            remark += f", in place of {repr(step.reuses).partition(' ')[0]}"
        if step.kind == ADD:
            count = "operand" if len(step.positions) == 1 else "operands"
            remark += f", {count} {' and '.join(map(str, step.positions))}"
            remark += " put in place" if step.put else ""
        return remark
