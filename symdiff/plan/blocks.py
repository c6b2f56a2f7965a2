"""Groups of steps that go over rows together, a block of rows at a time, so that what one step
makes is in the processor's cache when the next one reads it.

A group's steps all have results of as many rows (the first axis), or are sums over the rows. A
value that nothing outside its group reads needs memory for one block only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from symdiff.node import Node
from symdiff.plan.plan import ADD, RUN, VIEW, Step
from symdiff.sizes import Dim
from symdiff.types import TensorType

__all__ = ["by_rows", "cut", "grouped", "is_total", "rows_of"]

FEWEST: Final = 3
"""Steps of the smallest group: two passes saved do not repay the slices that blocks take."""

MOST: Final = 200
"""Steps of the largest."""

_REDUCTIONS: Final = frozenset(("sum", "max", "min", "prod", "any", "all"))


def grouped(steps: Iterable[Step]) -> list[Step]:
    """The steps, those of a group next to one another, with the number of their group.

    What is cheap and does not depend on an open group (views, numbers) goes before it; what
    depends on it after it. Anything else ends it, so the order changes little.
    """
    return _Groups().run(steps)


class _Groups:
    def __init__(self) -> None:
        self.done: list[Step] = []
        self.count = 0
        self._close()

    def _close(self) -> None:
        self.group: list[Step] = []
        self.rows: Dim = 0
        self.members: set[Node] = set()
        self.cuts: dict[Node, bool] = {}
        self.after: list[Step] = []
        self.late: set[Node] = set()

    def run(self, steps: Iterable[Step]) -> list[Step]:
        for step in steps:
            self._take(step)
        self._flush()
        return self.done

    def _take(self, step: Step) -> None:
        node = step.node
        reads = step.reads() if step.begins else (*step.reads(), node)
        late = any(x in self.late for x in reads)
        inside = any(x in self.members for x in reads)
        if not late and self._joins(step):
            self.rows = rows_of(step)
            self.group.append(step)
            self.cuts.update(_reads(step))
            if is_total(step):
                self.late.add(node)
            else:
                self.members.add(node)
                self.cuts[node] = True
            if len(self.group) >= MOST:
                self._flush()
        elif self.group and (step.kind == VIEW or _is_small(node)):
            if late or inside:
                self.after.append(step)
                self.late.add(node)
            else:
                self.done.append(step)
        else:
            self._flush()
            if self._joins(step):
                self._take(step)
            else:
                self.done.append(step)

    def _joins(self, step: Step) -> bool:
        if is_total(step):
            return step.node.inputs[0] in self.members
        if not by_rows(step) or (self.group and self.rows != rows_of(step)):
            return False
        # A value is read in rows by all steps of a group, or whole by all; a member is in rows.
        return all(self.cuts.get(x, at) == at for x, at in _reads(step))

    def _flush(self) -> None:
        if len(self.group) >= FEWEST:
            self.done += [step._replace(group=self.count) for step in self.group]
            self.count += 1
        else:
            self.done += self.group
        self.done += self.after
        self._close()


def _reads(step: Step) -> list[tuple[Node, bool]]:
    return [(x, cut(x, step.node)) for x in step.reads()]


def by_rows(step: Step) -> bool:
    """Whether rows of a step's result depend on the same rows of its operands alone."""
    node = step.node
    if step.put or not isinstance(node.type, TensorType) or not node.shape:
        return False
    if step.kind == ADD:
        return True
    if step.kind != RUN or not node.op.registered:
        return False
    if node.op.form == "elementwise" or node.op.name in ("where", "cast"):
        return True
    return node.op.name in _REDUCTIONS and 0 not in node.params["axis"]


def cut(x: Node, node: Node) -> bool:
    """Whether a block of a node's rows reads as many rows of its operand, and not all of it."""
    if node.op.name in _REDUCTIONS:
        return True
    return bool(x.shape) and x.ndim == node.ndim and x.shape[0] == node.shape[0]


def is_total(step: Step) -> bool:
    """Whether a step sums rows up."""
    node = step.node
    if step.kind != RUN or node.op.name != "sum" or not node.op.registered:
        return False
    return (
        0 in node.params["axis"] and node.params["dtype"] is None and not node.params["keepdims"]
    )


def rows_of(step: Step) -> Dim:
    """How many rows a step of a group goes over."""
    node = step.node
    return node.inputs[0].shape[0] if is_total(step) else node.shape[0]


def _is_small(node: Node) -> bool:
    return isinstance(node.type, TensorType) and not node.shape
