"""What is differentiated is put in accurate forms first: in the same graph, and only there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.rewrite import triggers
from symdiff.rewrite.rules.stability import STABILITY, VALUES_ONLY
from symdiff.rewrite.triggers import dispatch, is_concerned
from symdiff.stabilize import stabilized
from tests.rewrite.stability_rows import ROWS, Row

FAR = 2400.0


def softplus_by_hand() -> tuple[sd.Node, sd.Node]:
    x = sd.Graph("g").input("x", sd.f64)
    return sd.log1p(sd.exp(x)), x


DERIVATIVES: dict[str, tuple[Callable[..., Any], float]] = {
    "grad": (lambda z, x, **k: sd.grad(z, x, **k), 1.0),
    "value_and_grad": (lambda z, x, **k: sd.value_and_grad(z, x, **k)[1], 1.0),
    "vjp": (lambda z, x, **k: sd.vjp(z, x, 2.0, **k), 2.0),
    "jvp": (lambda z, x, **k: sd.jvp(z, x, 2.0, **k), 2.0),
    "hvp": (lambda z, x, **k: sd.hvp(z, x, 1.0, **k), 0.0),
    "hvp by reverse": (
        lambda z, x, **k: sd.hvp(z, x, 1.0, mode="reverse-over-reverse", **k),
        0.0,
    ),
    "jacobian": (lambda z, x, **k: sd.jacobian(z, x, **k), 1.0),
    "hessian": (lambda z, x, **k: sd.hessian(z, x, **k), 0.0),
    "hessian of a gradient": (lambda z, x, **k: sd.hessian(sd.grad(z, x, **k), x, **k), 0.0),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_every_derivative_is_right_where_what_was_written_overflows(name: str) -> None:
    derive, expected = DERIVATIVES[name]
    z, x = softplus_by_hand()
    found = derive(z, x)
    z.graph.check()
    with np.errstate(all="raise"):
        assert sd.evaluate(found, {x: FAR}) == expected


@pytest.mark.parametrize("name", DERIVATIVES)
def test_what_is_written_is_differentiated_when_asked(name: str) -> None:
    derive, _ = DERIVATIVES[name]
    z, x = softplus_by_hand()
    found = derive(z, x, stabilize=False)
    assert "sigmoid" not in {node.op.name for node in z.graph.nodes}
    with np.errstate(all="ignore"):
        assert np.isnan(sd.evaluate(found, {x: FAR}))


def test_build_grad_is_the_bare_algorithm() -> None:
    z, x = softplus_by_hand()
    sd.build_grad(z.graph, z, x)
    assert "sigmoid" not in {node.op.name for node in z.graph.nodes}


# -- the graph -----------------------------------------------------------------------------


def _polynomial(x: sd.Node) -> sd.Node:
    return sd.sum((x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


QUIET: dict[str, Callable[[sd.Node], sd.Node]] = {
    "polynomial": _polynomial,
    "exponentials": lambda x: sd.sum(sd.tanh(x) * sd.exp(-(x**2)) + sd.log1p(x**2) * sd.sin(x)),
    "losses": lambda x: sd.sum(sd.softplus(x) - 0.5 * x) + sd.logsumexp(x),
    "logarithms": lambda x: sd.sum(sd.log(x) * sd.sqrt(x + 2.0) / (3.0 + x)),
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_appended_where_nothing_fires(name: str) -> None:
    counts = []
    for stabilize in (False, True):
        g = sd.Graph()
        x = g.input("x", sd.f64["n"])
        h = x * 1.5  # a target that is computed, too
        gradient = sd.grad(QUIET[name](h), [x, h], stabilize=stabilize)
        counts.append((len(g), sd.text(gradient)))
    assert counts[0] == counts[1]


def test_a_second_derivative_appends_nothing_that_is_there() -> None:
    z, x = softplus_by_hand()
    first = sd.grad(z, x)
    before = len(z.graph)
    assert sd.grad(z, x) is first
    assert len(z.graph) == before


def test_new_nodes_have_the_order_and_the_line_of_what_they_stand_for() -> None:
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    loss = sd.log(1.0 + sd.exp(x))
    total = sd.sum(loss * 2.0)
    mine = len(g)
    sd.grad(total, x)
    accurate, scaled, summed = g.nodes[mine : mine + 3]
    assert [n.op.name for n in (accurate, scaled, summed)] == ["softplus", "multiply", "sum"]
    for node, old in ((accurate, loss), (scaled, total.inputs[0]), (summed, total)):
        assert node.order == 0
        assert str(node.origin) == str(old.origin)
    assert {n.order for n in g.nodes[mine + 3 :]} == {1}


def test_the_gradient_is_recorded_as_that_of_what_the_user_wrote() -> None:
    z, x = softplus_by_hand()
    gradient = sd.grad(z, x)
    assert any(r.gradient is gradient and r.of is z and r.target is x for r in z.graph.provenance)


def test_value_and_gradient_share_what_they_compute() -> None:
    g = sd.Graph("g")
    X, y, w = g.input("X", sd.f64["n", 3]), g.input("y", sd.f64["n"]), g.input("w", sd.f64[3])
    p = 1 / (1 + sd.exp(-(X @ w)))
    loss = -sd.sum(y * sd.log(p) + (1 - y) * sd.log(1 - p))
    value, gradient = sd.value_and_grad(loss, w)
    assert value is loss
    names = [n.op.name for n in sd.compile([X, y, w], [value, gradient]).graph.nodes]
    assert names.count("sigmoid_binary_cross_entropy") == names.count("sigmoid") == 1
    assert not {"exp", "log", "divide", "softplus"} & set(names)


# -- targets -------------------------------------------------------------------------------


def test_no_rule_looks_through_a_target() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    e = sd.exp(x)
    z = sd.log(1.0 + e)
    de, dx = sd.grad(z, [e, x])
    assert sd.evaluate([de, dx], {x: 0.0}) == [0.5, 0.5]
    assert sd.evaluate(sd.hessian(z, e), {x: 0.0}) == -0.25
    assert "softplus" not in {n.op.name for n in g.nodes}
    assert sd.evaluate(sd.jvp(z, [e, x], [3.0, 0.0]), {x: 0.0}) == 1.5


def test_what_lies_behind_a_target_is_accurate_for_another() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    h = sd.log(1.0 + sd.exp(x))
    z = sd.log(sd.exp(3.0 * h))
    dh, dx = sd.grad(z, [h, x])
    assert sd.evaluate([dh, dx], {x: 1000.0}) == [3.0, 3.0]
    g.check()


def test_a_target_that_is_what_is_differentiated() -> None:
    z, x = softplus_by_hand()
    own, dx = sd.grad(z, [z, x])
    assert sd.evaluate([own, dx], {x: FAR}) == [1.0, 1.0]


def test_inputs_may_have_any_name() -> None:
    g = sd.Graph()
    a, b = g.input("target_2", sd.f64), g.input("target_3", sd.f64)
    h = a * b
    z = sd.log(1.0 + sd.exp(h))
    assert sd.evaluate(sd.grad(z, [h, a]), {a: 40.0, b: 50.0}) == [1.0, 50.0]


def test_orders_of_gradients_are_left_alone() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    h = x * x
    first = sd.grad(sd.sin(h) * h, x)
    orders = [n.order for n in g.nodes]
    sd.grad(first * sd.log1p(sd.exp(h)), h)
    assert [n.order for n in g.nodes][: len(orders)] == orders


# -- errors, and size ----------------------------------------------------------------------


def test_an_error_shows_what_the_user_wrote() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64), g.input("y", sd.f64)
    with pytest.raises(sd.DisconnectedError, match=r"= log %"):
        sd.grad(sd.log(1.0 + sd.exp(x)), y)


def test_nodes_of_two_graphs_are_refused_as_ever() -> None:
    z, _ = softplus_by_hand()
    _, other = softplus_by_hand()
    with pytest.raises(sd.MixedGraphError):
        sd.grad(z, other)


def test_a_long_chain_is_rewritten_in_a_loop() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    y = x
    for _ in range(4000):
        y = sd.log(1.0 + sd.exp(y)) - 0.5
    (found,), _ = stabilized([y], [x])
    assert sd.evaluate(found, {x: 1e6}) == pytest.approx(1e6 - 2000.0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_the_table_loads_where_a_rule_may_fire(row: Row) -> None:
    (z,), _ = written(row)
    values = row.rule in VALUES_ONLY
    assert is_concerned(z.graph.nodes, values=values)
    assert dispatch(z.graph.nodes, values=values) is not None
    # Optimizing finds what fires in a graph of its own, and the same either way.
    z.graph.outputs = [z]
    assert row.rule in {f.rule for f in sd.optimize(z.graph, ("stability",), trace=True).firings}


def test_the_table_does_not_load_for_whole_powers_nor_for_sums_of_products() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    z = sd.sum((1.0 - x**2) * x - sd.cos(x) * x**-3)
    assert not is_concerned([n for n in z.graph.nodes if n.op is not sd.cos], values=True)
    assert not is_concerned(z.graph.nodes)
    assert is_concerned((x**0.5).graph.nodes)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_no_rule_is_left_out_that_would_fire(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sd.text(stabilized(*written(row))[0])
    every = tuple((rule, frozenset[str]()) for rule in STABILITY if rule.name not in VALUES_ONLY)
    monkeypatch.setattr(triggers, "_table", lambda values: every)
    assert sd.text(stabilized(*written(row))[0]) == found


def written(row: Row) -> tuple[list[sd.Node], list[sd.Node]]:
    g = sd.Graph()
    nodes = [g.input(n, sd.f64[np.shape(v)]) for n, v in zip("xy", row.at, strict=False)]
    return [row.written(*nodes)], nodes
