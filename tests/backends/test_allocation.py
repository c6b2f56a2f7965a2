"""A steady call allocates its outputs and no other data: the benchmark's tasks, line by line.

Memory is read before and after every line of Python that a call runs, so that what a line
allocates and frees again is seen too. Two things are none of a graph's data and kept out: the
buffers through which NumPy's ufuncs go over operands that are broadcast or cast, which
`BUFFER_ENTRIES` makes small here, and the frame of the generated function.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest

import symdiff as sd
from symdiff.backends.numpy import program as program_module
from symdiff.backends.numpy.program import Program, build
from tests.benchmarks import tasks
from tests.benchmarks.peers.symdiff import graph_of
from tests.benchmarks.tasks import GRADIENT, HESSIAN, HVP, SMALL, TASKS, Task

MIDDLE: Final[tuple[Task, ...]] = (
    tasks._rosenbrock(20_000, GRADIENT, tasks.rosenbrock_gradient),
    tasks._rosenbrock(20_000, HVP, tasks.rosenbrock_hvp),
    tasks._rosenbrock(100, HESSIAN, tasks.rosenbrock_hessian),
    tasks._mlp("float64", 60, (300, 100, 20)),
    tasks._mlp("float32", 60, (300, 100, 20)),
    tasks._tanh_layers(5, 64, 32),
    tasks._logistic(HVP, 2000, 300),
    tasks._logistic(HESSIAN, 2000, 50),
    tasks._elementwise(20_000),
    tasks._mixture(200, 20, 25),
    tasks._recurrence(20, 200),
)
"""Sizes at which what must not be allocated would dwarf the Python objects about it."""

LARGE: Final[tuple[Task, ...]] = (
    tasks._rosenbrock(300_000, GRADIENT, tasks.rosenbrock_gradient),
    tasks._mlp("float64", 500, (300, 400, 100)),
    tasks._logistic(HVP, 200_000, 3),
    tasks._logistic(HESSIAN, 3000, 60),
    tasks._elementwise(300_000),
    tasks._mixture(1600, 9, 13),
)
"""Sizes at which the plan goes over arrays in blocks of rows."""

SCALAR: Final = (TASKS["arm hessian"], TASKS["chain 2000"])

SMALLEST: Final = 1024
"""Bytes from which on a buffer counts."""

OBJECTS: Final = 1024
"""Bytes that a line may take for a while for Python's objects and NumPy's iterators."""

ALL_OBJECTS: Final = 8 * 1024
"""Bytes that a call may take for them: its frame, the views it makes, its results' headers."""


class Step(NamedTuple):
    """What a line of Python did to memory: bytes kept after it, and what it freed again."""

    line: str
    kept: int
    passing: int


def steps_of(call: Callable[[], Any]) -> tuple[list[Step], list[Any]]:
    """What every line does that runs in a call, and the call's results."""
    steps: list[Step] = []
    line, before, tracing = "", 0, sys.gettrace()

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal line, before
        now, peak = tracemalloc.get_traced_memory()
        steps.append(Step(line, now - before, peak - max(now, before)))
        line = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        return watch

    tracemalloc.start()
    try:
        sys.settrace(watch)
        results = call()
    finally:
        sys.settrace(tracing)
        tracemalloc.stop()
    return steps[1:], list(results)


def programs(function: sd.CompiledFunction) -> Iterator[tuple[str, Program]]:
    """The function as straight-line source, and as the loop that large graphs run as."""
    yield "source", function._program
    yield "loop", build(function.graph, (), largest=0)


def compiled(task: Task) -> tuple[sd.CompiledFunction, list[Any]]:
    data = task.data()
    nodes, wanted = graph_of(task, data, {})
    return sd.compile(list(nodes.values()), wanted), list(data.values())


def with_small_iterators(call: Callable[[], None]) -> None:
    """Call where workspaces let NumPy's iterators buffer 16 entries at a time."""
    with patch.object(program_module, "BUFFER_ENTRIES", 16):
        call()


def check_lines(program: Program, args: list[Any], kind: str) -> None:
    """No line allocates a buffer but for the outputs."""
    program.run(args, ())
    program.run(args, ())
    steps, results = steps_of(lambda: program.run(args, ()))
    steps = [s for s in steps if "program.py" not in s.line]  # there the frame is made
    if kind == "source":
        assert any("<symdiff graph>" in s.line for s in steps)
    for step in steps:
        assert step.passing < SMALLEST + OBJECTS, f"{step}\n{program.source}"
    kept = [s for s in steps if s.kept > SMALLEST]
    due = sorted(r.nbytes for r in results if r.nbytes > SMALLEST)
    assert len(kept) == len(due), f"{kept}\n{due}\n{program.source}"
    for step, size in zip(sorted(kept, key=lambda s: s.kept), due, strict=True):
        assert size - OBJECTS < step.kept < size + OBJECTS, str(step)


@pytest.mark.parametrize("task", [*SMALL, *MIDDLE, *LARGE], ids=lambda task: task.name)
def test_no_line_of_a_steady_call_allocates_data_but_the_outputs(task: Task) -> None:
    def check() -> None:
        function, args = compiled(task)
        for kind, program in programs(function):
            if kind == "source" or task not in SCALAR:  # a loop has one line for all its steps
                check_lines(program, args, kind)

    with_small_iterators(check)


@pytest.mark.parametrize("task", [*MIDDLE, *LARGE], ids=lambda task: task.name)
def test_the_peak_of_a_steady_call_is_its_outputs(task: Task) -> None:
    def check() -> None:
        function, args = compiled(task)
        for kind, program in programs(function):
            program.run(args, ())
            program.run(args, ())
            tracemalloc.start()
            try:
                results = program.run(args, ())
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert peak - sum(r.nbytes for r in results) < ALL_OBJECTS, kind

    with_small_iterators(check)


@pytest.mark.parametrize("task", LARGE, ids=lambda task: task.name)
def test_the_large_tasks_run_in_blocks(task: Task) -> None:
    function, args = compiled(task)
    function(*args)
    assert True in function._program._makers  # by blocks


def test_a_sum_over_the_rows_of_blocks_takes_no_buffer_for_each_block() -> None:
    def check() -> None:
        function, args = compiled(tasks._mixture(400, 20, 25))
        check_lines(function._program, args, "source")

    with_small_iterators(check)


def test_a_buffer_that_a_line_makes_and_drops_is_seen() -> None:
    """What the other tests rest on."""
    row = np.ones(1000)
    steps, _ = steps_of(lambda: [np.add.reduce(row * 2.0)])
    assert max(s.passing for s in steps) >= row.nbytes
