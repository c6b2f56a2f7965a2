"""Upper bounds on what a function costs, for tests that must not run to know."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, Final

from symdiff.compile import CompiledFunction, compile
from symdiff.errors import ArgumentError
from symdiff.graph import Graph
from symdiff.plan.cost import Cost
from symdiff.plan.greatest import MaxOf, covers
from symdiff.sizes import Dim, Size, as_dim, evaluate, names, substitute

__all__ = ["assert_cost"]

Bound = int | float | str | Size

_TRIED: Final = (1, 2, 10, 1000, 10**6)
"""Values of names at which a bound is held against a cost, to show where it fails."""


def assert_cost(
    outputs: Any,
    *,
    flops: Bound | None = None,
    bytes: Bound | None = None,
    peak: Bound | None = None,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Assert that a function costs no more than this, by its plan: nothing runs.

    Arguments: `outputs`, a compiled function, or what `sd.compile` takes as its outputs: a node,
    nested nodes, or a graph with outputs; `flops`, `bytes` (moved) and `peak` (bytes alive at
    once), upper bounds as numbers, sizes, or texts such as ``"6*n*m + 100"``; `sizes`, values of
    named sizes: without them a bound must hold for all sizes from 1.

    Raises `AssertionError` that shows the cost, where it is beyond the bound, and the dearest
    nodes; `ArgumentError` where no bound is given.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> X, w = g.input("X", sd.f64["n", "m"]), g.input("w", sd.f64["m"])
    >>> loss = sd.sum((X @ w) ** 2)
    >>> assert_cost([loss, sd.grad(loss, w)], flops="4*n*m + 5*n", peak="16*n + 16*m")
    """
    limits = {"flops": flops, "bytes": bytes, "peak": peak}
    given = {what: _as_bound(limit) for what, limit in limits.items() if limit is not None}
    if not given:
        raise ArgumentError("assert_cost: give a bound: flops=, bytes= or peak=")
    cost = _cost_of(outputs, sizes or {})
    for what, limit in given.items():
        allowed = substitute(limit, sizes or {})
        found = getattr(cost, what)
        parts = found if isinstance(found, MaxOf) else (found,)
        if not all(covers(allowed, part) for part in parts):
            raise AssertionError(_message(cost, what, parts, allowed))


def _cost_of(outputs: Any, sizes: Mapping[str, int]) -> Cost:
    if not isinstance(outputs, CompiledFunction):
        outputs = compile(outputs) if isinstance(outputs, Graph) else compile(None, outputs)
    found: Cost = outputs.cost(**sizes)
    return found


def _as_bound(limit: Bound) -> Dim:
    return int(limit) if isinstance(limit, float) else as_dim(limit)


def _message(cost: Cost, what: str, parts: tuple[Dim, ...], allowed: Dim) -> str:
    shown = str(parts[0]) if len(parts) == 1 else str(MaxOf(parts))
    verb = "is" if what == "peak" else "are"
    lines = [
        f"{what} of {cost.name} {verb} {shown}, not shown to be at most {allowed}"
        f"{_where(parts, allowed)}",
        repr(cost),
        cost.table(by="flops" if what == "flops" else "bytes"),
    ]
    return "\n".join(lines)


def _where(parts: tuple[Dim, ...], allowed: Dim) -> str:
    """Sizes for which the bound does not hold, with the numbers there."""
    found = sorted(frozenset[str]().union(*map(names, parts), names(allowed)))
    for values in product(_TRIED, repeat=min(len(found), 4)):
        sizes = dict.fromkeys(found, 1) | dict(zip(found, values, strict=False))
        count = max(evaluate(part, sizes) for part in parts)
        limit = evaluate(allowed, sizes)
        if count > limit:
            at = ", ".join(f"{name} = {value}" for name, value in sizes.items())
            return f": {count:,} > {limit:,}" + (f" where {at}" if at else "")
    return "; give sizes={...}"
