"""Profiles: every node once, charged to the forward line it is computed for."""

from __future__ import annotations

import inspect
import pickle
import re
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.profile import Profile


def model() -> tuple[list[sd.Node], list[sd.Node]]:
    g = sd.Graph("model")
    X, W = g.input("X", sd.f64["n", "d"]), g.input("W", sd.f64["d", "k"])
    hidden = sd.tanh(X @ W)  # the hidden line
    loss = sd.sum(sd.logsumexp(hidden, axis=1))  # the line of the loss
    return [X, W], [loss, sd.grad(loss, W)]  # the line of the gradient


def line_of(comment: str) -> int:
    lines, start = inspect.getsourcelines(model)
    return start + next(k for k, line in enumerate(lines) if comment in line)


def profiled(optimize: str = "default", size: int = 60, **named: Any) -> Profile:
    rng = np.random.default_rng(0)
    function = sd.compile(*model(), optimize=optimize)
    X, W = rng.normal(size=(size, 40)), rng.normal(size=(40, 30))
    return function.profile(X, W=W) if named.get("by_name") else function.profile(X, W)


@pytest.mark.parametrize("optimize", ["default", "none"])
def test_every_step_is_timed_once_and_charged_to_one_line(optimize: str) -> None:
    profile = profiled(optimize)
    nodes = [n.node for n in profile.by_node]
    assert len(set(nodes)) == len(nodes)
    assert {n.op.name for n in nodes} >= {"matmul", "tanh"}
    assert profile.seconds == pytest.approx(sum(n.seconds for n in profile.by_node))
    assert profile.seconds == pytest.approx(sum(n.seconds for n in profile.by_line))
    assert all(n.seconds >= 0 for n in profile.by_node)
    assert sum(n.flops for n in profile.by_line) == sum(n.flops for n in profile.by_node)
    for line in profile.by_line:
        assert sum(line.by_order) == pytest.approx(line.seconds)


def test_the_longest_come_first() -> None:
    profile = profiled()
    for parts in (profile.by_node, profile.by_line):
        times = [part.seconds for part in parts]
        assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("optimize", ["default", "none"])
def test_nodes_of_a_gradient_are_charged_to_the_forward_line(optimize: str) -> None:
    profile = profiled(optimize)
    gradients = [n for n in profile.by_node if n.order == 1 and n.flops]
    assert gradients
    lines = {n.line.line for n in gradients}
    assert lines <= {line_of("hidden line"), line_of("the loss"), line_of("model")}
    (product,) = [n for n in gradients if n.node.op.name == "matmul"]
    assert product.line.line == line_of("hidden line")


def test_second_derivatives_are_charged_to_the_forward_line_too() -> None:
    g = sd.Graph("second")
    x = g.input("x", sd.f64["n"])
    y = sd.sum(sd.sin(x) * x)
    here = inspect.currentframe()
    assert here is not None
    line = here.f_lineno - 3
    profile = sd.compile([x], sd.hvp(y, x, x)).profile(np.ones(50))
    assert max(n.order for n in profile.by_node) == 2
    charged = {n.line.line for n in profile.by_node if n.flops}
    assert line in charged
    assert all(line <= at <= line + 4 for at in charged)


def test_flops_and_bytes_are_those_of_the_cost() -> None:
    function = sd.compile(*model())
    cost = function.cost(n=60, d=40, k=30)
    profile = profiled()
    assert sum(n.flops for n in profile.by_node) == cost.flops
    assert sum(n.bytes for n in profile.by_node) == cost.bytes


def test_it_prints_two_tables() -> None:
    text = repr(profiled())
    head, lines, nodes = text.split("\n\n")
    assert re.fullmatch(r"profile of model: [\d.]+ (ns|us|ms|s), \d+ times", head)
    for column in ("time", "GFlop/s", "GB/s", "order 0", "order 1", "line"):
        assert column in lines.splitlines()[0]
    assert "hidden = sd.tanh(X @ W)" in lines
    assert "order" in nodes.splitlines()[0]
    assert re.search(r"matmul X W +test_profile\.py:\d+", nodes)


def test_a_long_table_is_cut() -> None:
    g = sd.Graph("chain")
    x = y = g.input("x", sd.f64["n"])
    for _ in range(40):
        y = sd.sin(y)
    text = repr(sd.compile([x], y).profile(np.ones(10)))
    assert "… 28 more" in text
    assert len(text.splitlines()) < 25


def test_results_are_what_they_were_and_arguments_are_not_touched() -> None:
    function = sd.compile(*model())
    rng = np.random.default_rng(1)
    X, W = rng.normal(size=(5, 4)), rng.normal(size=(4, 3))
    before, copies = function(X, W), (X.copy(), W.copy())
    function.profile(X, W)
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(W, copies[1])
    for one, other in zip(before, function(X, W), strict=True):
        np.testing.assert_array_equal(one, other)


def test_arguments_may_come_by_name_and_are_checked() -> None:
    assert profiled(by_name=True).by_node
    with pytest.raises(sd.ShapeError, match="X"):
        sd.compile(*model()).profile(np.ones(3), np.ones((3, 2)))


def test_scalars_that_pythons_arithmetic_raises_for_are_profiled_on_numpys() -> None:
    g = sd.Graph("scalars")
    x = g.input("x", sd.f64[()])
    profile = sd.compile([x], sd.log(x) / x).profile(0.0)
    assert {n.node.op.name for n in profile.by_node} >= {"log", "divide"}


def test_a_pickled_function_has_the_same_lines() -> None:
    function = pickle.loads(pickle.dumps(sd.compile(*model())))
    profile = function.profile(np.ones((5, 4)), np.ones((4, 3)))
    (product,) = [n for n in profile.by_node if n.order == 1 and n.node.op.name == "matmul"]
    assert product.line.line == line_of("hidden line")


def test_a_function_with_its_own_rules_is_profiled() -> None:
    own = sd.custom_gradient(lambda x: sd.sin(x), vjp=lambda g, y, x: g * sd.cos(x))
    g = sd.Graph("own")
    x = g.input("x", sd.f64["n"])
    y = sd.sum(own(x))
    profile = sd.compile([x], [y, sd.grad(y, x)]).profile(np.ones(20))
    assert {n.node.op.name for n in profile.by_node} >= {"sin", "cos"}


def test_a_graph_too_large_to_compile_is_profiled() -> None:
    g = sd.Graph("long")
    x = y = g.input("x", sd.f64["n"])
    for _ in range(3000):
        y = sd.sin(y)
    profile = sd.compile([x], y).profile(np.ones(3))
    assert len(profile.by_node) == 3000
    assert len(profile.by_line) == 1
