"""The calls of a plan one after another, for graphs that Python's compiler would take too long on.

Every argument has a slot in one list. What does not change from call to call (memory, views of
it, parameters) is put there when the workspace is made; a step is a function, its slots and the
slot of its result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from symdiff.backends.numpy.actions import Work, view
from symdiff.backends.numpy.kernels import Action, Key, Number, Part, starts_cleared
from symdiff.literals import Slice, map_param
from symdiff.node import Node
from symdiff.plan import ARGUMENT, BUFFER, CONSTANT, OUTPUT, VIEW
from symdiff.plan.release import released
from symdiff.sizes import Size, evaluate
from symdiff.types import evaluate_shape

__all__ = ["Loop"]


class Loop:
    """One workspace of a plan for given sizes; calling it runs the steps."""

    def __init__(self, work: Work, sizes: Mapping[str, int]) -> None:
        self.work, self.sizes = work, sizes
        self.values: list[Any] = []
        self.slot_of: dict[Any, int] = {}
        self.slot_of_number: dict[Node, int] = {}
        self.fresh: list[int] = []
        """Slots that hold values of one call only."""
        plan = work.plan
        graph = plan.graph
        self.inputs = [self._dynamic(node) for node in graph.inputs]
        self._set_up()
        self.steps: list[tuple[Any, ...]] = []
        self.owners: list[Node] = []
        """For each step the node that it is for."""
        for node in graph.inputs:
            if node in work.numbers:
                self._add(float, (node,), {}, self._number(node))
                self.owners.append(node)
        dying = released(plan)
        for k, (step, actions) in enumerate(work.calls):
            node = step.node
            if plan.places[node].kind == OUTPUT and step.begins:
                self._begin_output(node)
            if node in work.fixed and step.kind == VIEW:
                continue
            for action in actions:
                self._call(action)
            if node in work.cells:
                self._add(_fill, (node, Number(node)), {}, None)
            for gone in dying.get(k, ()):
                self._add(_nothing, (), {}, self.slot_of[gone])
            self.owners += [node] * (len(self.steps) - len(self.owners))
        self.results = [
            (self._result(o), copied) for o, copied in zip(graph.outputs, plan.copied, strict=True)
        ]

    # -- slots -----------------------------------------------------------------------------

    def _slot(self, key: Any, value: Any) -> int:
        self.slot_of[key] = len(self.values)
        self.values.append(value)
        return self.slot_of[key]

    def _dynamic(self, key: Any) -> int:
        slot = self._slot(key, None)
        self.fresh.append(slot)
        return slot

    def _number(self, node: Node) -> int:
        slot = self.slot_of_number.get(node)
        if slot is None:
            slot = self.slot_of_number[node] = self._new_number(node)
        return slot

    def _new_number(self, node: Node) -> int:
        if node.op.name == "constant":
            return self._slot(Number(node), node.params["value"].array.item())
        if self.work.plan.places[node].kind == CONSTANT:
            return self._slot(Number(node), float(self.values[self.slot_of[node]]))
        return self._dynamic(Number(node))

    def _known(self, arg: Any) -> Any:
        """A parameter, its sizes replaced by their values."""
        if type(arg) is Key:
            return self._key(arg.entries)
        return map_param(arg, lambda p: evaluate(p, self.sizes) if isinstance(p, Size) else p)

    def _key(self, entries: tuple[Any, ...]) -> tuple[Any, ...]:
        found: list[Any] = []
        for entry in entries:
            if isinstance(entry, Slice):
                start, stop, step = (evaluate(d, self.sizes) for d in entry)
                taken = len(range(start, stop, step))
                last = None if stop < 0 else stop
                found.append(slice(start, last, step) if taken else slice(0, 0))
            else:
                found.append(evaluate(entry, self.sizes) if entry is not None else None)
        return tuple(found)

    # -- setting up ------------------------------------------------------------------------

    def _set_up(self) -> None:
        plan, work = self.work.plan, self.work
        memory = [np.empty(evaluate(b.nbytes, self.sizes), np.uint8) for b in plan.buffers]
        for node in plan.places:
            if node.op.name == "constant":
                self._slot(node, node.params["value"].array)
        for node in plan.setup:
            args = [self.values[self.slot_of[i]] for i in node.inputs]
            params = {k: self._known(v) for k, v in node.params.items()}
            assert node.op.kernel is not None
            self._slot(node, np.asarray(node.op.kernel(*args, **params)))
        for step in plan.steps:
            node = step.node
            if node in self.slot_of:
                continue
            place = plan.places[node]
            if place.kind == BUFFER:
                shape = evaluate_shape(node.shape, self.sizes)
                self._slot(node, np.ndarray(shape, node.dtype, memory[place.number]))
            elif node in work.fixed:
                action = view(node)
                args = [self._value(a) for a in action.args]
                self._slot(node, action.function(*args))
            elif node in work.cells:
                self._slot(node, np.empty((), node.dtype))
            elif node not in work.numbers:
                self._dynamic(node)

    def _value(self, arg: Any) -> Any:
        """What an argument is, where it does not change."""
        if isinstance(arg, Node):
            return self.values[self.slot_of[arg]]
        return self._known(arg)

    # -- steps -----------------------------------------------------------------------------

    def _call(self, action: Action) -> None:
        result = action.result
        slot = None
        if result is not None:
            number = result in self.work.numbers
            slot = self._number(result) if number else self.slot_of[result]
        named = {name: self._known(value) for name, value in action.named}
        self._add(action.function, action.args, named, slot)

    def _add(
        self, function: Callable[..., Any], args: Sequence[Any], named: Any, result: int | None
    ) -> None:
        slots = [self._argument(a) for a in args]
        take = itemgetter(*slots) if len(slots) > 1 else None
        self.steps.append((function, take, slots[0] if slots else -1, named, result))

    def _argument(self, arg: Any) -> int:
        if isinstance(arg, Node):
            return self.slot_of[arg]
        if type(arg) is Number:
            return self._number(arg.node)
        if type(arg) is Part:
            return self._part(arg)
        if type(arg) is tuple and any(isinstance(a, Node) for a in arg):
            slot = self._dynamic(("tuple", len(self.values)))
            self._add(_tuple, arg, {}, slot)
            return slot
        return self._slot(("parameter", len(self.values)), self._known(arg))

    def _part(self, part: Part) -> int:
        shown = _Shown(
            None if part.key is None else self._key(part.key),
            evaluate_shape(part.shape or (), self.sizes),
            part.dtype,
        )
        if part.node in self.work.fixed:
            if part not in self.slot_of:
                self._slot(part, shown(self.values[self.slot_of[part.node]]))
            return self.slot_of[part]
        slot = self._dynamic(("part", len(self.values)))
        self._add(shown, (part.node,), {}, slot)
        return slot

    def _begin_output(self, node: Node) -> None:
        shape, dtype = evaluate_shape(node.shape, self.sizes), node.dtype
        made = np.zeros if starts_cleared(node) else np.empty
        self._add(_Fresh(made, shape, dtype), (), {}, self.slot_of[node])

    def _result(self, output: Node) -> int:
        kind = self.work.plan.places[output].kind
        if output in self.work.numbers and kind not in (ARGUMENT, CONSTANT):
            return self._number(output)
        return self.slot_of[output]

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        values = self.values
        for slot, array in zip(self.inputs, arrays, strict=True):
            values[slot] = array
        for function, take, one, named, result in self.steps:
            if take is not None:
                found = function(*take(values), **named) if named else function(*take(values))
            elif one >= 0:
                found = function(values[one], **named)
            else:
                found = function(**named)
            if result is not None:
                values[result] = found
        results = tuple(
            [
                np.array(values[slot], order="C") if copied else np.asarray(values[slot])
                for slot, copied in self.results
            ]
        )
        for slot in self.fresh:
            values[slot] = None
        return results

    def timed(self, *arrays: Any, clock: Callable[[], int]) -> list[int]:
        """What each step takes by `clock`, two looks at it included."""
        values = self.values
        for slot, array in zip(self.inputs, arrays, strict=True):
            values[slot] = array
        times = []
        for function, take, one, named, result in self.steps:
            args = take(values) if take is not None else (values[one],) if one >= 0 else ()
            start = clock()
            found = function(*args, **named)
            times.append(clock() - start)
            del args
            if result is not None:
                values[result] = found
        for slot in self.fresh:
            values[slot] = None
        return times


def _nothing() -> None:
    return None


def _tuple(*args: Any) -> tuple[Any, ...]:
    return args


def _fill(cell: Any, value: Any) -> None:
    cell[()] = value


class _Shown:
    """Shows memory at an index, as another dtype, or in another shape."""

    __slots__ = ("dtype", "key", "shape")

    def __init__(self, key: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self.key, self.shape, self.dtype = key, shape, dtype

    def __call__(self, array: Any) -> Any:
        if self.key is not None:
            return array[self.key]
        return array.view(self.dtype) if self.dtype is not None else array.reshape(self.shape)


class _Fresh:
    """New memory for an output."""

    __slots__ = ("dtype", "made", "shape")

    def __init__(self, made: Callable[..., Any], shape: tuple[int, ...], dtype: Any) -> None:
        self.made, self.shape, self.dtype = made, shape, dtype

    def __call__(self) -> Any:
        return self.made(self.shape, self.dtype)
