"""Which rewrite changed an answer: a search over how many firings the optimiser is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.evaluate import evaluate
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.rewrite.driver import Budget, Firing
from symdiff.rewrite.passes import pass_names, run_passes
from symdiff.rewrite.pattern import Rule
from symdiff.trees import flatten

__all__ = ["Change", "bisect_rewrites"]

Array = np.ndarray[Any, Any]


class Change(NamedTuple):
    """The first firing found after which an output is another.

    `number`: it is the so many-th of `of` firings; `firing`: rule, what stood there, what stands
    there now, and the user's line; `output`: which output; `before` and `after`: its values
    without and with the firing; `error`: the largest difference, infinite where one of them is
    NaN or infinite and the other is not.
    """

    number: int
    of: int
    firing: Firing
    output: int
    before: Array
    after: Array
    error: float

    def __str__(self) -> str:
        firing = self.firing
        return (
            f"firing {self.number} of {self.of}, rule {firing.rule}, changes output "
            f"{self.output} by {self.error:.3g}\n"
            f"  {firing.old}\n  ->  {firing.new}\n  at {firing.origin}"
        )


def bisect_rewrites(
    outputs: Any,
    values: Mapping[Any, Any],
    *,
    level: str | tuple[str, ...] = "default",
    rules: Iterable[Rule] = (),
    rtol: float | None = None,
    atol: float | None = None,
    sizes: Mapping[str, int] | None = None,
    assume: Mapping[str, int] | None = None,
) -> Change | None:
    """The rewrite that changes an answer: what to call when ``optimize="none"`` gives another.

    Arguments: `outputs`, a graph with outputs, or a node or nested nodes; `values`, arrays by
    input node or input name; `level` and `rules`, as `sd.optimize` takes them; `rtol`, `atol`,
    by how much an entry may differ as NumPy's `allclose` has it: by default the square root of
    the dtype's precision, relative to the entry and to the largest entry; `sizes`, as
    `sd.evaluate` takes them; `assume`, as `sd.compile` takes it.

    The graph is optimised with fewer and fewer firings allowed, a binary search, and run by the
    reference interpreter each time. Prints and returns the first firing that takes an output
    out of the bounds, None where none does. Where an answer changes and changes back, one of
    the changes is found.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64[()])
    >>> print(sd.testing.bisect_rewrites(sd.sin(x) * 1.0 + 0.0, {"x": 2.0}))
    None
    """
    graph, given = _snapshot(outputs, values)
    names, own, assumed = pass_names(level), tuple(rules), assume or {}
    expected = _run(graph, given, sizes)

    def attempt(limit: int) -> tuple[list[Firing], list[Array]]:
        log: list[Firing] = []
        if not limit:
            return log, expected
        done = run_passes(graph, names, log, Budget(limit), own=own, assume=assumed)
        return log, _run(done.graph, given, sizes)

    def wrong(found: list[Array]) -> int | None:
        pairs = zip(found, expected, strict=True)
        return next((k for k, (a, b) in enumerate(pairs) if not _close(a, b, rtol, atol)), None)

    log: list[Firing] = []
    if names or own:
        run_passes(graph, names, log, Budget(), own=own, assume=assumed)
    good, bad = 0, len(log)
    if wrong(attempt(bad)[1]) is None:
        return None
    while bad - good > 1:
        middle = (bad + good) // 2
        if wrong(attempt(middle)[1]) is None:
            good = middle
        else:
            bad = middle
    before, (firings, after) = attempt(good)[1], attempt(bad)
    output = wrong(after)
    assert output is not None
    error = _error(after[output], before[output])
    change = Change(bad, len(log), firings[-1], output, before[output], after[output], error)
    print(change)
    return change


def _snapshot(outputs: Any, values: Mapping[Any, Any]) -> tuple[Graph, dict[str, Any]]:
    """A graph with these outputs, and the values by input name."""
    nodes: Sequence[Any] = outputs.outputs if isinstance(outputs, Graph) else flatten(outputs)
    if not nodes or not all(isinstance(node, Node) for node in nodes):
        raise ArgumentError("bisect_rewrites: give a graph with outputs, a node, or nested nodes")
    by_name = {}
    for key, value in values.items():
        name = key.name if isinstance(key, Node) else key
        if name is None:
            raise ArgumentError(f"bisect_rewrites: {key!r} is not an input; rewrites go inside")
        by_name[name] = value
    return nodes[0].graph.compact(nodes), by_name


def _run(graph: Graph, values: dict[str, Any], sizes: Mapping[str, int] | None) -> list[Array]:
    with np.errstate(all="ignore"):
        return [np.asarray(x) for x in evaluate(list(graph.outputs), values, sizes=sizes)]


def _close(found: Array, expected: Array, rtol: float | None, atol: float | None) -> bool:
    if found.dtype.kind not in "fc":
        return np.array_equal(found, expected)
    least = float(np.finfo(found.dtype).eps) ** 0.5
    finite = np.abs(expected[np.isfinite(expected)])
    absolute = least * float(finite.max(initial=0)) if atol is None else atol
    relative = least if rtol is None else rtol
    return np.allclose(found, expected, rtol=relative, atol=absolute, equal_nan=True)


def _error(one: Array, other: Array) -> float:
    """The largest difference of two arrays of one shape."""
    same = (one == other) | ((one != one) & (other != other))
    with np.errstate(all="ignore"):
        difference = np.abs(np.where(same, 0, one.astype(complex) - other.astype(complex)))
    return float(np.where(np.isnan(difference), np.inf, difference).max(initial=0.0))
