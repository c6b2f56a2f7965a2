"""Large arrays gone over in blocks of rows: the same answers, in less memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symdiff as sd
from symdiff.backends.numpy.actions import work_of
from symdiff.backends.numpy.program import LARGE
from symdiff.backends.numpy.source import Source
from tests.backends.test_random import outputs_of
from tests.ops.samples import ELEMENTWISE_OPS, OPS, operands, samples_of
from tests.strategies import Recipe, recipes


def blocked(graph: sd.Graph, arrays: list[Any], entries: int) -> tuple[Any, ...]:
    """The outputs, by blocks of at most so many entries."""
    run = Source(work_of(graph, floats=False, blocks=True), (), entries).maker()()
    with np.errstate(all="ignore"):
        return run(*arrays)


@settings(report_multiple_bugs=False)
@given(st.one_of(recipes(), recipes(mixed=True)), st.sampled_from([1, 3, 16]))
def test_random_graphs_give_what_the_interpreter_gives(recipe: Recipe, entries: int) -> None:
    nodes, point = outputs_of(recipe)
    graph = nodes[0].graph
    graph.outputs = nodes
    found = (
        blocked(graph, [point[x] for x in graph.inputs], entries)
        if not any(
            i.type.shape and any(not isinstance(d, int) for d in i.type.shape)
            for i in graph.inputs
        )
        else sd.evaluate(nodes, point)
    )
    dtypes = {getattr(n.type, "dtype", None) for n in graph.ancestors(nodes)}
    coarsest = max(np.finfo(d).eps for d in dtypes if d is not None and d.kind == "f")
    for actual, value in zip(found, sd.evaluate(nodes, point), strict=True):
        assert actual.dtype == value.dtype
        tolerance = 1e4 * coarsest * (1.0 + np.max(np.abs(value), initial=0.0))
        np.testing.assert_allclose(actual, value, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ELEMENTWISE_OPS)
def test_every_elementwise_op_runs_in_blocks(name: str) -> None:
    for case in samples_of(name).cases:
        for dtype in ("float64", "float32"):
            arrays = operands(name, case, dtype)
            g = sd.Graph("one")
            inputs = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
            y = OPS[name](*inputs, **case.params_for(dtype))
            y = next(iter(y)) if isinstance(y.type, sd.TupleType) else y
            again = sd.where(y == y, y, y)
            g.outputs = [y, sd.add_n(again, again, y)] if y.dtype.kind == "f" else [y, again]
            expected = sd.evaluate(list(g.outputs), dict(zip(g.inputs, arrays, strict=True)))
            for a, b in zip(blocked(g, arrays, 2), expected, strict=True):
                np.testing.assert_array_equal(a, b)
                assert a.dtype == b.dtype


def test_sums_over_rows_and_along_them() -> None:
    g = sd.Graph("sums")
    x, y = g.input("x", sd.f64[7, 3]), g.input("y", sd.f32[7, 3])
    k = g.input("k", sd.i32[7, 3])
    u, v, w = sd.sin(x) * 2.0 + x, sd.exp(y) * 2.0 + y, k * k + 1
    g.outputs = [
        sd.sum(u),
        sd.sum(u, axis=0),
        sd.sum(u, axis=1),
        sd.max(u, axis=1),
        sd.sum(v),
        sd.sum(v, axis=0),
        sd.sum(w),
        sd.sum(w, axis=0),
        sd.sum(w > 2, axis=0),
        u / sd.sum(u),
        sd.sum(sd.exp(u - sd.max(u, axis=1, keepdims=True)), axis=1),
        v,
    ]
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=(7, 3)),
        rng.normal(size=(7, 3)).astype("f4"),
        rng.integers(0, 9, (7, 3)).astype("i4"),
    ]
    expected = sd.evaluate(list(g.outputs), dict(zip(g.inputs, arrays, strict=True)))
    for entries in (1, 4, 6, 1000):
        for a, b in zip(blocked(g, arrays, entries), expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-6 if a.dtype == np.float32 else 1e-14)


def test_a_shifted_reader_sees_what_was_there_before() -> None:
    """`x + x[1:]`-like steps must not take memory that a later block reads shifted."""
    g = sd.Graph("shift")
    x = g.input("x", sd.f64[9])
    a = sd.sin(x) * 1.5
    b = sd.concat([a[1:], a[:1]]) * a + a
    c = a[::-1] * b + b * a
    g.outputs = [c * c - a * b, sd.sum(c)]
    data = np.linspace(0.0, 1.0, 9)
    expected = sd.evaluate(list(g.outputs), {x: data})
    for entries in (1, 2, 4):
        for found, value in zip(blocked(g, [data], entries), expected, strict=True):
            np.testing.assert_allclose(found, value, rtol=1e-14)


def test_what_only_a_block_needs_takes_the_memory_of_a_block() -> None:
    g = sd.Graph("large")
    x = g.input("x", sd.f64["n"])
    z = sd.sum(sd.tanh(x) * sd.exp(-x * x) + sd.sin(x) ** 2)
    f = sd.compile([x], [z, sd.grad(z, x)])
    data = np.linspace(-1.0, 1.0, LARGE // 2)
    tracemalloc.start()
    f(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < data.nbytes + 3e6  # its gradient, and blocks
