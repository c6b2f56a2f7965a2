"""One module a library: `prepare(task, data)` builds what is timed.

It gives ``(call, phases)``: `call()` computes the task's results once, as NumPy arrays or numbers
in the order value, gradients, with the arguments already in the library's own form; `phases`
says how many seconds each step before it took, in order (``graph``, ``gradient``, ``compile``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

PEERS = ("numpy", "symdiff", "jax", "pytensor", "casadi", "autograd", "torch")
"""Names of the modules, which are those of the packages; `numpy` is written by hand."""

Phases = dict[str, float]
Prepared = tuple[Callable[[], Any], Phases]


class UnavailableError(Exception):
    """The peer has no way to run a task, for the reason given."""


@contextmanager
def timed(phases: Phases, name: str) -> Iterator[None]:
    """Add what the block takes to a phase."""
    start = perf_counter()
    yield
    phases[name] = phases.get(name, 0.0) + perf_counter() - start
