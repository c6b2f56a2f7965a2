"""`assert_same_graph`: what makes two graphs the same, and what is shown where they differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.testing import assert_same_graph


def model(g: sd.Graph, first: bool = True) -> sd.Node:
    """The same loss, its two terms made in either order."""
    x, w = g.input("x", sd.f64["n", 3]), g.input("w", sd.f64[3])
    terms: dict[int, Callable[[], sd.Node]] = {
        0: lambda: sd.sum((x @ w) ** 2),
        1: lambda: 0.1 * sd.sum(w * w),
    }
    made = {k: terms[k]() for k in ((0, 1) if first else (1, 0))}
    return made[0] + made[1]


def test_the_order_in_which_terms_were_made_and_the_names_of_graphs_do_not_matter() -> None:
    a, b = sd.Graph("one"), sd.Graph("two")
    y, z = model(a), model(b, first=False)
    assert a.text() != b.text()
    assert_same_graph(y, z)
    a.outputs, b.outputs = [y], [z]
    assert_same_graph(a, b)


def test_a_gradient_of_one_graph_is_that_of_its_copy() -> None:
    g = sd.Graph()
    y = model(g)
    g.outputs = [y]
    h = g.copy()
    grads = [sd.grad(o, list(o.graph.inputs)) for o in (y, h.outputs[0])]
    assert_same_graph(*grads)


def pair(f: Any, g: Any, type_: Any = sd.f64[3], other: Any = None) -> tuple[sd.Node, sd.Node]:
    return f(sd.Graph().input("x", type_)), g(sd.Graph().input("x", other or type_))


odd_sin = sd.elementwise("sin", "x", doc="", kernel=np.sin, partials=(None,))
LARGE = np.arange(1000.0)

DIFFERENT: dict[str, tuple[sd.Node, sd.Node]] = {
    "another op": pair(sd.sin, sd.cos),
    "another op of the same name": pair(sd.sin, odd_sin),
    "operands exchanged": pair(lambda x: x - 1.0, lambda x: 1.0 - x),
    "another number": pair(lambda x: x + 1.0, lambda x: x + 2.0),
    "another zero": pair(lambda x: x * 0.0, lambda x: x * -0.0),
    "a large array": pair(lambda x: x + LARGE, lambda x: x + LARGE[::-1], sd.f64[1000]),
    "another parameter": pair(lambda x: sd.sum(x, axis=0), lambda x: sd.sum(x), sd.f64[2, 3]),
    "another dtype": pair(sd.sin, sd.sin, sd.f64[3], sd.f32[3]),
    "another shape": pair(sd.sin, sd.sin, sd.f64[3], sd.f64["n"]),
    "another name": (
        sd.sin(sd.Graph().input("x", sd.f64[3])),
        sd.sin(sd.Graph().input("y", sd.f64[3])),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_is_found_and_shown_as_a_diff(name: str) -> None:
    a, b = DIFFERENT[name]
    for x in (a, b):
        assert_same_graph(x, x)
    with pytest.raises(AssertionError) as caught:
        assert_same_graph(a, b)
    lines = str(caught.value).splitlines()
    assert lines[:3] == ["the graphs differ:", "--- a", "+++ b"]
    assert any(line.startswith("-") for line in lines[3:])
    assert any(line.startswith("+") for line in lines[3:])


def test_the_diff_is_in_the_text_form() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_same_graph(*DIFFERENT["another op"])
    assert "-  %0 : f64[3] = sin x" in str(caught.value)
    assert "+  %0 : f64[3] = cos x" in str(caught.value)


def test_the_order_and_number_of_outputs_matter() -> None:
    x = sd.Graph().input("x", sd.f64)
    a, b = sd.sin(x), sd.cos(x)
    assert_same_graph([a, b], (a, b))
    for other in ([b, a], [a], [a, b, b]):
        with pytest.raises(AssertionError, match="the graphs differ"):
            assert_same_graph([a, b], other)


def test_inputs_of_a_graph_count_even_when_no_output_needs_them() -> None:
    graphs = [sd.Graph(), sd.Graph()]
    for g, names in zip(graphs, ("xy", "yx"), strict=True):
        for name in names:
            g.input(name, sd.f64)
        g.outputs = [sd.sin(next(i for i in g.inputs if i.name == "x"))]
    assert_same_graph(graphs[0].outputs, graphs[1].outputs)
    with pytest.raises(AssertionError, match=r"\+graph graph\(y: f64\[\], x: f64\[\]\)"):
        assert_same_graph(*graphs)


def test_rules_traced_to_graphs_are_compared_by_what_they_hold() -> None:
    def node(factor: float) -> sd.Node:
        own = sd.custom_gradient(lambda x: x, vjp=lambda g, y, x: factor * g)
        return own(sd.Graph().input("x", sd.f64[3]))

    assert_same_graph(node(2.0), node(2.0))
    with pytest.raises(AssertionError, match="the graphs differ"):
        assert_same_graph(node(2.0), node(3.0))


def test_a_long_diff_is_cut() -> None:
    def chain(f: Any) -> sd.Node:
        y = sd.Graph().input("x", sd.f64)
        for _ in range(500):
            y = f(y)
        return y

    with pytest.raises(AssertionError, match="lines more") as caught:
        assert_same_graph(chain(sd.sin), chain(sd.cos))
    assert len(str(caught.value).splitlines()) < 100


def test_depth_does_not_matter() -> None:
    def chain() -> sd.Node:
        y = sd.Graph().input("x", sd.f64)
        for _ in range(20_000):
            y = sd.sin(y)
        return y

    assert_same_graph(chain(), chain())


def test_something_else_than_a_graph_is_refused() -> None:
    with pytest.raises(sd.ArgumentError, match="is not a graph, a node or nodes"):
        assert_same_graph(np.zeros(3), np.zeros(3))
