"""`sd.checkpoint`: the same values and derivatives, and less memory alive."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.rewrite.passes import LEVELS, expand

Wrap = Callable[[Any], Any]
STEPS = 5


def layer(h: sd.Node, w: sd.Node) -> sd.Node:
    inner = sd.tanh(sd.cos(sd.exp(sd.tanh(h)) * w))
    return sd.tanh(sd.sin(inner * w) * 2.0 + sd.log(1.0 + sd.exp(inner)))


def chain(x: sd.Node, w: sd.Node, wrap: Wrap, steps: int = STEPS) -> sd.Node:
    h = x
    for _ in range(steps):
        h = wrap(layer(h, w))
    return sd.sum(h * h)


def plain(node: Any) -> Any:
    return node


def graph() -> tuple[sd.Graph, sd.Node, sd.Node]:
    g = sd.Graph("g")
    return g, g.input("x", sd.f64["n"]), g.input("w", sd.f64["n"])


POINT = {"x": np.linspace(-1.0, 1.5, 4), "w": np.linspace(0.5, 2.0, 4)}
ALONG = {"v": np.array([1.0, -0.5, 0.25, 2.0])}


def both(build: Callable[[Wrap], Any], values: Any) -> None:
    """What a function builds has the same values with checkpoints and without."""
    for one, other in zip(
        sd.evaluate(build(plain), values), sd.evaluate(build(sd.checkpoint), values), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)


# -- values and derivatives ----------------------------------------------------------------


def test_values_and_gradients_are_the_same() -> None:
    _, x, w = graph()

    def build(wrap: Wrap) -> list[sd.Node]:
        loss = chain(x, w, wrap)
        return [loss, *sd.grad(loss, [x, w])]

    both(build, POINT)


def test_derivatives_of_higher_order_are_the_same() -> None:
    g, x, w = graph()
    v = g.input("v", sd.f64["n"])

    def build(wrap: Wrap) -> list[sd.Node]:
        loss = chain(x, w, wrap, steps=3)
        product = sd.hvp(loss, [x, w], [v, v])
        pushed = sd.grad(sd.jvp(loss, [x], [v]), [x, w])
        third = sd.grad(sd.sum(sd.hessian(loss, x) ** 2), w)
        return [*product, *pushed, sd.hessian(loss, x), sd.jvp(loss, x, v), third]

    both(build, {**POINT, **ALONG})


def test_it_works_under_vmap() -> None:
    g, x, w = graph()
    X = g.input("X", sd.f64["b", "n"])

    def build(wrap: Wrap) -> list[sd.Node]:
        def loss(row: sd.Node) -> sd.Node:
            return chain(row, w, wrap, steps=2)

        each = sd.vmap(lambda row: sd.grad(loss(row), row))(X)
        whole = sd.grad(sd.sum(sd.vmap(loss)(X)), [X, w])
        rows = sd.jacobian(wrap(layer(x, w)) * 2.0, w, mode="reverse")
        return [each, *whole, rows]

    both(build, {**POINT, "X": np.arange(12.0).reshape(3, 4) / 12})


def test_what_is_differentiated_is_put_in_accurate_forms() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    y = sd.checkpoint(sd.log(1.0 + sd.exp(x)))
    first = sd.grad(y, x)
    assert sd.evaluate([first, sd.grad(first, x)], {x: 2400.0}) == [1.0, 0.0]


def test_several_outputs_are_computed_again_together() -> None:
    g = sd.Graph()
    x, k = g.input("x", sd.f64[3]), g.input("k", sd.i64[3])

    def build(wrap: Wrap) -> list[sd.Node]:
        s = sd.sin(x)
        found = wrap({"a": s * x, "b": [sd.exp(s), k + 1], "c": s * x, "x": x})
        a, (b, _) = found["a"], found["b"]
        loss = sd.sum(a * b + found["c"] * found["b"][1]) + sd.sum(found["x"])
        return [*found["b"], loss, sd.grad(loss, x), sd.grad(sd.sum(a), x), sd.jvp(b, x, x)]

    both(build, {x: [0.1, 0.2, 0.3], k: [1, 2, 3]})
    found = sd.checkpoint({"a": sd.sin(x), "x": x})
    assert list(found) == ["a", "x"]
    assert found["x"] is x


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_keeps_values_and_computes_again(level: str) -> None:
    _, x, w = graph()
    loss = chain(x, w, sd.checkpoint)
    outputs = [loss, *sd.grad(loss, [x, w])]
    expected = sd.evaluate(outputs, POINT)
    f = sd.compile([x, w], outputs, optimize=level)
    for found, value in zip(f(*POINT.values()), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-12)
    sines = sum(node.op is sd.sin for node in f.graph.nodes)
    assert sines == 3 * STEPS  # the derivative of cos, and of sin the value twice


# -- memory --------------------------------------------------------------------------------


def most_alive(g: sd.Graph) -> int:
    """The most arrays alive at once, in the order the nodes were made; barriers share theirs."""
    needed = g.ancestors(g.outputs)
    holder = {n: n for n in needed}
    for node in needed:
        if node.op.name in ("barrier", "permute_dims", "reshape", "broadcast_to"):
            holder[node] = holder[node.inputs[0]]
    last: dict[sd.Node, int] = {}
    for place, node in enumerate(needed):
        for taken in node.inputs:
            last[holder[taken]] = place
    alive, most = 0, 0
    ends = [0] * (len(needed) + 1)
    for place, node in enumerate(needed):
        if holder[node] is node and node.shape and node.inputs:
            alive += 1
            ends[last.get(node, len(needed))] += 1
        most = max(most, alive)
        alive -= ends[place]
    return most


@pytest.mark.parametrize("level", LEVELS)
def test_a_deep_chain_keeps_one_value_a_layer_and_not_all_within(level: str) -> None:
    def alive(wrap: Wrap, steps: int) -> int:
        g, x, w = graph()
        g.outputs = [sd.grad(chain(x, w, wrap, steps), x)]
        return most_alive(sd.optimize(expand(g), level).graph)

    kept = alive(plain, 60) - alive(plain, 20)
    again = alive(sd.checkpoint, 60) - alive(sd.checkpoint, 20)
    assert again == 40
    assert kept >= 3 * again


def test_the_plan_needs_less_memory() -> None:
    _, x, w = graph()
    peaks = {}
    for wrap in (plain, sd.checkpoint):
        loss = chain(x, w, wrap, steps=40)
        f = sd.compile([x, w], [loss, *sd.grad(loss, [x, w])])
        peaks[wrap] = f.cost(n=10_000).peak
    assert peaks[sd.checkpoint] < 0.5 * peaks[plain]


# -- where it begins -----------------------------------------------------------------------


def test_it_begins_at_inputs_and_at_what_is_checkpointed() -> None:
    _, x, w = graph()
    first = sd.checkpoint(layer(x, w))
    second = sd.checkpoint(layer(first, w))
    assert set(second.inputs) == {first, w}
    third = sd.checkpoint([sd.sin(second), sd.cos(second)])
    assert set(sd.checkpoint(third[0] * third[1]).inputs) == {third[0], third[1]}
    assert sd.checkpoint(x) is x
    assert sd.checkpoint(second) is second
    fixed = sd.eye("n", like=x) * 2.0
    assert sd.checkpoint(fixed) is fixed


def test_it_begins_where_it_is_told_to() -> None:
    _, x, w = graph()
    inner = sd.exp(x)
    outer = sd.checkpoint(sd.sin(inner) * w, inputs=[inner])
    assert set(outer.inputs) == {inner, w}
    gradient = sd.grad(sd.sum(outer), inner)
    np.testing.assert_allclose(
        sd.evaluate(gradient, POINT), np.cos(np.exp(POINT["x"])) * POINT["w"]
    )


def test_two_checkpoints_of_one_expression_are_two() -> None:
    _, x, _ = graph()
    assert sd.checkpoint(sd.sin(x)) is not sd.checkpoint(sd.sin(x))


def test_a_size_only_the_part_speaks_of_is_settled() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64[()])
    part = sd.checkpoint(sd.broadcast_to(sd.sin(y), shape=("n",)))
    gradient = sd.grad(sd.sum(part * x), y)
    values = {x: np.arange(3.0), y: 0.5}
    assert sd.evaluate(gradient, values) == pytest.approx(3 * np.cos(0.5))
    assert sd.compile([x, y], gradient)(*values.values()) == pytest.approx(3 * np.cos(0.5))


def test_what_the_part_needs_of_the_sizes_is_checked_at_the_call() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    f = sd.compile([x], sd.sum(sd.checkpoint(sd.sin(x)[2:])))
    with pytest.raises(sd.ShapeError, match="n >= 2"):
        f(np.ones(1))


def test_it_can_be_inlined_pickled_and_printed() -> None:
    g, x, w = graph()
    loss = chain(x, w, sd.checkpoint, steps=2)
    g.outputs = [loss, sd.grad(loss, x)]
    again = sd.parse(g.text())
    assert again.text() == g.text()
    other = sd.Graph("other")
    y = other.input("y", sd.f64[4])
    inlined = g(y, y)
    here = {"x": POINT["x"], "w": POINT["x"]}
    for found in (
        sd.evaluate(list(again.outputs), here),
        sd.evaluate(list(pickle.loads(pickle.dumps(g)).outputs), here),
        sd.evaluate([*inlined[:1], sd.grad(inlined[0], y)], {y: POINT["x"]})[:1],
    ):
        for one, value in zip(found, sd.evaluate(list(g.outputs), here), strict=False):
            np.testing.assert_allclose(one, value, rtol=1e-12)
    f = pickle.loads(pickle.dumps(sd.compile(g)))
    np.testing.assert_allclose(f(*here.values())[1], sd.evaluate(g.outputs[1], here), rtol=1e-12)


def test_what_it_cannot_take_is_refused() -> None:
    _, x, _ = graph()
    with pytest.raises(sd.ArgumentError, match="not a node"):
        sd.checkpoint(3.0)
    with pytest.raises(sd.DTypeError, match="several results"):
        sd.checkpoint(sd.divmod(x, 2.0))
