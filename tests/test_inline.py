"""One graph's expressions in another: `graph(*nodes)` and `sd.substitute`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.sizes import Size

n, k = Size("n"), Size("k")


@pytest.fixture
def ridge() -> sd.Graph:
    return sd.trace(lambda X, w: sd.sum((X @ w) ** 2) / X.shape[0], sd.f64["n", 3], sd.f64[3])


@pytest.fixture
def host() -> sd.Graph:
    return sd.Graph("host")


# -- graph(*nodes) -------------------------------------------------------------------------


def test_a_called_graph_appears_in_the_callers_graph(ridge: sd.Graph, host: sd.Graph) -> None:
    A, b = host.input("A", sd.f64["2*k", 3]), host.input("b", sd.f64[3])
    loss = ridge(A, sd.sin(b))
    assert sd.text(loss) == (
        "graph host(A: f64[2*k,3], b: f64[3]) {\n"
        "  %0 : f64[3]   = sin b\n"
        "  %1 : f64[2*k] = matmul A %0\n"
        "  %2 : f64[2*k] = pow %1 2.0\n"
        "  %3 : f64[]    = sum %2 axis=(0,)\n"
        "  %4 : f64[]    = size_of size=2*k dtype=f64\n"
        "  %5 : f64[]    = divide %3 %4\n"
        "  return %5\n"
        "}"
    )
    host.check()
    data = np.arange(12.0).reshape(4, 3), np.array([0.1, 0.2, 0.3])
    expected = np.sum((data[0] @ np.sin(data[1])) ** 2) / 4
    np.testing.assert_allclose(sd.evaluate(loss, {A: data[0], b: data[1]}), expected)
    np.testing.assert_allclose(
        sd.evaluate(ridge.outputs[0], {"X": data[0], "w": np.sin(data[1])}), expected
    )


def test_the_called_graph_is_left_alone(ridge: sd.Graph, host: sd.Graph) -> None:
    before = ridge.text()
    ridge(host.input("A", sd.f64[5, 3]), host.input("b", sd.f64[3]))
    assert ridge.text() == before


def test_named_sizes_become_numbers_in_types_and_params(ridge: sd.Graph, host: sd.Graph) -> None:
    loss = ridge(host.input("A", sd.f64[5, 3]), host.input("b", sd.f64[3]))
    assert loss.inputs[1].params["size"] == 5
    assert loss.inputs[0].inputs[0].type == sd.f64[5]


@pytest.mark.parametrize(
    ("declared", "given", "shape"),
    [("n", "2*k+1", (2 * k,)), ("n+1", 5, (4,)), ("2*n", 8, (7,)), ("n", 1, (0,))],
)
def test_compound_sizes_are_solved(host: sd.Graph, declared: Any, given: Any, shape: Any) -> None:
    tail = sd.trace(lambda x: x[1:], sd.f64[declared])
    y = tail(host.input("y", sd.f64[given]))
    assert y.shape == shape
    host.check()


def test_a_requirement_comes_along_and_keeps_its_line(host: sd.Graph) -> None:
    tail = sd.trace(lambda x: x[1:], sd.f64["n"])
    line = tail.outputs[0].origin.line
    y = host.input("y", sd.f64["k"])
    part = tail(y)
    [(node, requirement)] = host.requirements()
    assert (node, str(requirement)) == (part, "k >= 1")
    assert part.origin.line == line
    with pytest.raises(sd.ShapeError, match=rf"needs k >= 1, but k = 0\n.*test_inline.py:{line}"):
        sd.evaluate(part, {y: []})
    with pytest.raises(sd.ShapeError, match="0 >= 1, which never holds"):
        tail(host.input("empty", sd.f64[0]))


def test_calling_twice_with_the_same_nodes_gives_the_same_node(
    ridge: sd.Graph, host: sd.Graph
) -> None:
    A, b = host.input("A", sd.f64[5, 3]), host.input("b", sd.f64[3])
    first = ridge(A, b)
    count = len(host)
    assert ridge(A, b) is first
    assert len(host) == count


def test_arrays_and_numbers_stand_for_inputs_in_their_dtype(host: sd.Graph) -> None:
    scaled = sd.trace(lambda x, s: x * s, sd.f32["n"], sd.f32)
    x = host.input("x", sd.f32[2])
    y = scaled(x, 2)
    assert y.type == sd.f32[2]
    np.testing.assert_array_equal(sd.evaluate(y, {x: [1.0, 2.0]}), [2.0, 4.0])


def test_several_outputs_come_as_a_tuple(host: sd.Graph) -> None:
    both = sd.trace(lambda a, b: (a + b, a), sd.f64["n"], sd.f64["n"])
    x = host.input("x", sd.f64["n"])
    total, same = both(x, x)
    assert (total.op.name, total.inputs, same) == ("add", (x, x), x)


def test_a_graph_called_on_its_own_inputs_is_itself(ridge: sd.Graph) -> None:
    count = len(ridge)
    assert ridge(*ridge.inputs) is ridge.outputs[0]
    assert len(ridge) == count


def test_the_gradient_of_an_inlined_graph_is_the_inlined_gradient(host: sd.Graph) -> None:
    f = sd.trace(lambda x: sd.sum(sd.sin(x) * x), sd.f64["n"])
    df = sd.Graph("df")
    x = df.input("x", sd.f64["n"])
    df.outputs = [sd.grad(f(x), x)]
    y = host.input("y", sd.f64[4])
    Y = np.linspace(-1, 1, 4)
    ours, theirs = sd.grad(f(y), y), df(y)
    np.testing.assert_allclose(*sd.evaluate([ours, theirs], {y: Y}), rtol=1e-15)
    assert theirs.type == sd.f64[4]


def test_a_chain_too_deep_to_recurse_is_inlined(host: sd.Graph) -> None:
    def deep(x: Any) -> Any:
        for _ in range(20_000):
            x = sd.sin(x)
        return x

    y = sd.trace(deep, sd.f64["n"])(host.input("y", sd.f64[2]))
    assert (len(host), y.type) == (20_001, sd.f64[2])


def test_what_does_not_fit_is_named_with_the_graph_and_the_types(
    ridge: sd.Graph, host: sd.Graph
) -> None:
    b = host.input("b", sd.f64[3])
    with pytest.raises(
        sd.ShapeError, match=r"graph lambda_: X has the shape \(n,3\).*\n  b : f64"
    ):
        ridge(b, b)
    with pytest.raises(sd.DTypeError, match=r"input X is f64\[n,3\].*\n.*\ncast it"):
        ridge(host.input("F", sd.f32[2, 3]), b)
    with pytest.raises(
        sd.ArgumentError, match=r"takes 2 inputs \(X: f64\[n,3\], w: f64\[3\]\); 1"
    ):
        ridge(b)
    with pytest.raises(sd.ArgumentError, match=r"sd\.evaluate runs a graph on arrays"):
        ridge(np.ones((2, 3)), np.ones(3))
    with pytest.raises(sd.MixedGraphError, match="'host' and 'other'"):
        ridge(host.input("A", sd.f64[2, 3]), sd.Graph("other").input("w", sd.f64[3]))
    with pytest.raises(sd.ArgumentError, match=r"graph host has no outputs .* set graph\.outputs"):
        host(b, b)


# -- substitute ----------------------------------------------------------------------------


@pytest.fixture
def x(host: sd.Graph) -> sd.Node:
    return host.input("x", sd.f64)


def value(node: sd.Node, **given: float) -> float:
    return float(sd.evaluate(node, given))


def test_substitute_replaces_a_node_everywhere(x: sd.Node) -> None:
    e = sd.sin(x) * x
    assert value(sd.substitute(e, {x: 2.0 * x}), x=0.3) == np.sin(0.6) * 0.6
    assert value(e, x=0.3) == np.sin(0.3) * 0.3


def test_substitute_replaces_inner_nodes_too(x: sd.Node) -> None:
    e = sd.sin(x) * x
    swapped = sd.substitute(e, {sd.sin(x): sd.cos(x)})
    assert swapped is sd.cos(x) * x


def test_substitute_is_simultaneous(host: sd.Graph, x: sd.Node) -> None:
    y = host.input("y", sd.f64)
    assert sd.substitute(x - y, {x: y, y: x}) is y - x
    assert sd.substitute(x - y, {x: x + y}) is (x + y) - y


def test_substitute_takes_numbers_and_arrays(host: sd.Graph, x: sd.Node) -> None:
    v = host.input("v", sd.f32[2])
    assert value(sd.substitute(x * 3.0, {x: 2.0})) == 6.0
    assert sd.substitute(v * 1.0, {v: [1.0, 2.0]}).type == sd.f32[2]


def test_substitute_keeps_the_nesting_of_what_it_is_given(x: sd.Node) -> None:
    e = sd.sin(x)
    found = sd.substitute({"a": [e, (x,)], "b": e}, {x: x + 1.0})
    assert found == {"a": [sd.sin(x + 1.0), (x + 1.0,)], "b": sd.sin(x + 1.0)}
    assert found["a"][0] is found["b"]


def test_substitute_of_nothing_is_the_same_node(x: sd.Node) -> None:
    e = sd.sin(x) * x
    count = len(x.graph)
    assert sd.substitute(e, {}) is e
    assert sd.substitute(e, {x: x}) is e
    assert len(x.graph) == count


def test_substitute_may_change_a_type_where_every_consumer_accepts_it(host: sd.Graph) -> None:
    v, longer = host.input("v", sd.f64[3]), host.input("longer", sd.f64[5])
    assert sd.substitute(sd.sin(v) * 2.0, {v: longer}).type == sd.f64[5]
    A = host.input("A", sd.f64[2, 3])
    with pytest.raises(sd.ShapeError, match=r"columns of x1 \(3\) must equal entries of x2 \(5\)"):
        sd.substitute(A @ v, {v: longer})


def test_new_nodes_keep_the_line_of_those_they_stand_for(x: sd.Node) -> None:
    e = sd.exp(x)
    line = e.origin.line
    assert sd.substitute(e, {x: x * 2.0}).origin.line == line


def test_substitute_refuses_what_is_not_of_the_graph(x: sd.Node) -> None:
    e = sd.sin(x)
    for bad in (3, [], {"a": 1.0}, [e, "x"]):
        with pytest.raises(sd.ArgumentError, match="is not nested nodes"):
            sd.substitute(bad, {})
    with pytest.raises(sd.ArgumentError, match="'x' is not a node"):
        sd.substitute(e, {"x": 1.0})
    foreign = sd.Graph("other").input("x", sd.f64)
    for replacements in ({foreign: 1.0}, {x: foreign}):
        with pytest.raises(sd.MixedGraphError, match="'host' and 'other'"):
            sd.substitute(e, replacements)
