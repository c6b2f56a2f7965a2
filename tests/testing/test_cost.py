"""`assert_cost`: bounds that hold, bounds that do not, and what the message says."""

from __future__ import annotations

import pytest

import symdiff as sd
from symdiff.errors import ArgumentError, ParseError
from symdiff.sizes import as_dim
from symdiff.testing import assert_cost


def product() -> sd.Node:
    g = sd.Graph("model")
    a, b = g.input("a", sd.f64["n", "k"]), g.input("b", sd.f64["k", "m"])
    return a @ b


def test_bounds_hold_as_texts_sizes_and_numbers() -> None:
    y = product()
    assert_cost(y, flops="2*n*k*m", bytes="8*(n*k + k*m + n*m)", peak="8*n*m")
    assert_cost(y, flops=as_dim("3*n*k*m"))
    assert_cost(y, flops=2e6, sizes={"n": 100, "k": 100, "m": 100})
    assert_cost(y, flops=2_000_000, sizes={"n": 100, "k": 100, "m": 100})


def test_what_is_measured_may_be_a_node_nested_nodes_a_graph_or_a_compiled_function() -> None:
    y = product()
    y.graph.outputs = [y]
    for what in (y, [y], {"y": y}, y.graph, sd.compile(None, y)):
        assert_cost(what, flops="2*n*k*m")
        with pytest.raises(AssertionError):
            assert_cost(what, flops="n*k*m")


def test_a_bound_may_be_wider_than_the_cost_for_sizes_from_one_only() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    assert_cost(sd.exp(x), flops="16*n**2")


def test_the_message_shows_the_cost_where_it_is_beyond_and_the_dearest_nodes() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_cost(sd.tanh(product()), flops="k*m*n")
    message = str(caught.value)
    first, *rest = message.splitlines()
    assert first.startswith("flops of model are 2*k*m*n + 64*m*n, not shown to be at most k*m*n: ")
    assert "where k = 1, m = 1, n = 1" in first
    assert rest[0] == "cost of model"
    assert "matmul a b" in message
    assert "test_cost.py:" in message


def test_each_bound_is_held_by_itself() -> None:
    y = sd.tanh(product())
    for what in ("flops", "bytes", "peak"):
        with pytest.raises(AssertionError, match=f"^{what} of model"):
            bounds = {"flops": 10**9, "bytes": 10**9, "peak": 10**9, what: 7}
            assert_cost(y, **bounds, sizes={"n": 10, "m": 10, "k": 10})


def test_a_maximum_is_within_a_bound_when_every_candidate_is() -> None:
    g = sd.Graph("model")
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["m"])
    outputs = [sd.sum(sd.special.gammaln(x)), sd.sum(sd.special.gammaln(y))]
    assert str(sd.compile(None, outputs).cost().peak) == "max(44*n, 44*m)"
    assert_cost(outputs, peak="44*n + 44*m")
    with pytest.raises(AssertionError, match="where m = 1000, n = 1"):
        assert_cost(outputs, peak="44*n + 44*10")


def test_a_bound_that_cannot_be_shown_asks_for_sizes() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    with pytest.raises(AssertionError, match=r"give sizes=\{\.\.\.\}"):
        assert_cost(sd.abs(x), flops="n**2 - 5*n + 9")
    assert_cost(sd.abs(x), flops="n**2 - 5*n + 9", sizes={"n": 4})


def test_misuse_is_refused() -> None:
    with pytest.raises(ArgumentError, match="give a bound"):
        assert_cost(product())
    with pytest.raises(ParseError):
        assert_cost(product(), flops="2*n*")
