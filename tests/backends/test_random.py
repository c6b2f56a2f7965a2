"""Compiled against interpreted on random graphs: values, gradients and Hessian products.

The compiled function runs what the rewrites left, as source and as a loop over slots; the
interpreter runs what the user wrote.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd
from symdiff.backends import numpy as backend
from tests.strategies import Recipe, recipes

ANY = st.one_of(recipes(), recipes(mixed=True, named=True))


def outputs_of(recipe: Recipe) -> tuple[list[sd.Node], dict[sd.Node, Any]]:
    built = recipe.build()
    wrt = list(built.inputs)
    gradient = sd.grad(built.output, wrt, disconnected="zero")
    return [built.output, *gradient, *sd.hvp(built.output, wrt, [1.0] * len(wrt))], built.point


@given(ANY, st.sampled_from(["none", "safe", "default", "fast"]))
def test_compiled_and_interpreted_agree(recipe: Recipe, level: str) -> None:
    nodes, point = outputs_of(recipe)
    expected = sd.evaluate(nodes, point)
    inputs = list(nodes[0].graph.inputs)
    found = sd.compile(inputs, nodes, optimize=level)(*[point[x] for x in inputs])
    # Sums may run in another order, in whatever precision their operands have.
    dtypes = {getattr(n.type, "dtype", None) for n in nodes[0].graph.ancestors(nodes)}
    coarsest = max(np.finfo(d).eps for d in dtypes if d is not None and d.kind == "f")
    for actual, value in zip(found, expected, strict=True):
        assert actual.dtype == value.dtype
        size = 1.0 + np.max(np.abs(value), initial=0.0)
        tolerance = 1e4 * coarsest * size
        np.testing.assert_allclose(actual, value, rtol=0, atol=tolerance)


@given(recipes())
def test_source_and_loop_give_the_same_bits(recipe: Recipe) -> None:
    nodes, point = outputs_of(recipe)
    graph = nodes[0].graph.compact(nodes)
    arrays = [np.asarray(point[x]) for x in nodes[0].graph.inputs]
    first, second = (
        backend.build(graph, [], largest=largest).run(arrays, ()) for largest in (10**9, -1)
    )
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("level", ["none", "default"])
def test_what_is_compiled_twice_is_the_same(level: str) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    z = sd.sum(sd.sin(x) * x)
    sources = {sd.compile([x], [z, sd.grad(z, x)], optimize=level).source for _ in range(2)}
    assert len(sources) == 1
