"""What compiling a graph did: `compile(..., verbose=True)`.

The passes, the plan and the backend run once more under a clock, so that no time is counted in
which modules load.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Final

from symdiff.backends.numpy import build
from symdiff.graph import Graph
from symdiff.plan.cost import cost
from symdiff.rewrite.driver import Firing
from symdiff.rewrite.passes import expand, optimize

__all__ = ["report"]

WIDTH: Final = 92


def report(
    graph: Graph,
    level: str | tuple[str, ...],
    size_names: Sequence[str],
    assume: Mapping[str, int],
) -> str:
    """What each pass over a graph did and took, the plan it came to, and what that costs."""
    lines = [f"compile {graph.name}: {len(graph)} nodes"]
    clock = _Clock()
    expanded = expand(graph)
    if expanded is not graph:
        lines.append(_stage("bodies", len(graph), len(expanded), clock.lap()))
    seen = 0

    def watch(name: str, before: Graph, after: Graph, log: list[Firing] | None) -> None:
        nonlocal seen
        lines.append(_stage(name, len(before), len(after), clock.lap()))
        fired = Counter(f.rule for f in (log or ())[seen:] if f.rule != name)
        lines.extend(_wrapped([f"{rule} {count}" for rule, count in fired.most_common()]))
        seen = len(log or ())
        clock.lap()

    optimized = optimize(expanded, level, assume=assume, watch=watch).graph
    clock.lap()
    program = build(optimized, size_names)
    took = clock.lap()
    plan, source = program.plan, program.source
    count = len(plan.buffers)
    lines += [
        _stage("plan and source", len(optimized), len(plan.steps), took, "steps"),
        f"    {count} {'buffer' if count == 1 else 'buffers'} of {plan.workspace} bytes in all",
        f"    {len(source.splitlines())} lines of Python, {len(source):,} characters",
        repr(cost(plan)),
    ]
    return "\n".join(lines)


class _Clock:
    """Tells the seconds since it was last asked."""

    def __init__(self) -> None:
        self._last = perf_counter()

    def lap(self) -> float:
        now = perf_counter()
        passed, self._last = now - self._last, now
        return passed


def _stage(name: str, before: int, after: int, seconds: float, what: str = "nodes") -> str:
    to = f"{before} -> {after} {what}"
    return f"  {name:<16} {to:<24} {seconds * 1e3:8.2f} ms"


def _wrapped(words: list[str]) -> list[str]:
    """Words with commas between them, on as few lines as they fit."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 2 <= WIDTH:
            lines[-1] += f", {word}"
        else:
            lines.append(f"    {word}")
    return lines
