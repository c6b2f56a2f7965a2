"""Forward mode: tangents, and how they follow from rules of reverse mode."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.autodiff.forward import push_forward


def scalar(name: str = "x", type_: Any = sd.f64) -> sd.Node:
    """An input of a graph of its own."""
    return sd.Graph().input(name, type_)


def line() -> int:
    """The line this is called from."""
    return sys._getframe(1).f_lineno


# -- what comes out ------------------------------------------------------------------------


def test_a_tangent_is_the_derivative_along_the_direction() -> None:
    g = sd.Graph()
    A, x = g.input("A", sd.f64[2, 3]), g.input("x", sd.f64[3])
    y = sd.sin(A @ x) * 2.0
    point = {A: np.arange(6.0).reshape(2, 3) / 5, x: np.array([0.1, -0.4, 0.3])}
    dA, dx = np.full((2, 3), 0.5), np.array([1.0, 0.0, -2.0])
    found = sd.evaluate(sd.jvp(y, [A, x], [dA, dx]), point)
    expected = 2 * np.cos(point[A] @ point[x]) * (dA @ point[x] + point[A] @ dx)
    np.testing.assert_allclose(found, expected)


def test_outputs_come_back_in_their_nesting() -> None:
    x = scalar(type_=sd.f64[2])
    outputs = {"s": sd.sin(x), "more": (x, [sd.sum(x * x)])}
    moved = sd.evaluate(sd.jvp(outputs, x, [1.0, 2.0]), {x: [0.0, 3.0]})
    np.testing.assert_allclose(moved["s"], [1.0, 2 * np.cos(3.0)])
    np.testing.assert_allclose(moved["more"][0], [1.0, 2.0])
    assert moved["more"][1] == [12.0]


def test_the_tangent_of_a_target_is_the_one_given() -> None:
    x = scalar()
    assert sd.evaluate(sd.jvp([x, x * 3.0], x, 2.0), {x: 1.0}) == [2.0, 6.0]


def test_an_output_that_does_not_depend_on_the_targets_does_not_move() -> None:
    x = scalar(type_=sd.f32[2])
    y = x.graph.input("y", sd.f64[3])
    t = x.graph.input("t", y.type)
    assert push_forward(x.graph, [sd.sin(x)], {y: t}) == [None]
    moved = sd.jvp(sd.sin(x), y, t)
    assert moved.type == x.type
    np.testing.assert_array_equal(sd.evaluate(moved, {}), [0.0, 0.0])


def test_targets_may_be_intermediate_and_then_move_as_told() -> None:
    x = scalar()
    y = sd.exp(x)
    z = x * y
    e = np.exp(0.5)
    assert sd.evaluate(sd.jvp(z, y, 2.0), {x: 0.5}) == 0.5 * 2.0
    assert sd.evaluate(sd.jvp(z, [x, y], [1.0, 0.0]), {x: 0.5}) == pytest.approx(e)
    assert sd.evaluate(sd.jvp(z, x, 1.0), {x: 0.5}) == pytest.approx(e + 0.5 * e)


def test_tangents_may_be_nodes_of_named_sizes() -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64["n"]), g.input("t", sd.f64["n"])
    moved = sd.jvp(sd.sum(x**3), x, t)
    for n in (0, 1, 3):
        X, T = np.arange(1.0, n + 1), np.linspace(1, 2, n)
        assert sd.evaluate(moved, {x: X, t: T}) == pytest.approx(np.sum(3 * X**2 * T))


@pytest.mark.parametrize("shape", [(3,), (1, 1), (2, 1)])
def test_the_tangent_of_a_broadcast_operand_has_the_type_of_the_result(
    shape: tuple[int, ...],
) -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f32[shape]), g.input("y", sd.f64[2, 3])
    for z in (x + y, y - x, x * y, np.where(y > 0, x, y)):
        t = sd.jvp(z, x, np.ones(shape, np.float32))
        assert t.type == z.type == sd.f64[2, 3]


def test_the_tangent_of_a_linear_op_is_the_op_of_the_tangent() -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64[2, 3]), g.input("t", sd.f64[2, 3])
    for f in (lambda v: v.T, lambda v: v[0, ::-1], lambda v: v.sum(axis=1), lambda v: v.ravel()):
        assert sd.jvp(f(x), x, t) is f(t)


def test_a_sum_of_which_one_term_moves_is_not_summed_again() -> None:
    g = sd.Graph()
    x, y, t = (g.input(name, sd.f64) for name in "xyt")
    assert sd.jvp(sd.add_n(x, y, y), x, t) is t


def test_many_outputs_are_pushed_in_one_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = []
    walk = sd.Graph.ancestors
    monkeypatch.setattr(
        sd.Graph, "ancestors", lambda *args, **named: walks.append(1) or walk(*args, **named)
    )
    x = scalar()
    outputs = [sd.sin(float(k) * x) for k in range(20)]
    walks.clear()
    moved = push_forward(x.graph, outputs, {x: x})
    assert len(walks) == 1
    assert all(t is not None for t in moved)


def test_what_no_moving_output_needs_is_not_pushed() -> None:
    """An integer that depends on a target, through an op that has no derivative."""
    x = scalar(type_=sd.f64[3])
    opaque = sd.op("opaque", "x", doc="", infer=lambda x: x, kernel=np.sort)
    place = sd.argmax(opaque(x))
    moved = push_forward(x.graph, [sd.sin(x), place], {x: x})
    assert [t is None for t in moved] == [False, True]


def test_tangents_count_as_one_order_more() -> None:
    x = scalar()
    y = sd.sin(x) * x
    moved = sd.jvp(y, x, 1.0)
    assert (y.order, moved.order) == (0, 1)
    assert sd.jvp(moved, x, 1.0).order == 2


def test_tangents_can_be_pushed_again() -> None:
    x = scalar()
    y = sd.sin(x)
    for k in range(1, 5):
        y = sd.jvp(y, x, 1.0)
        expected = np.sin(0.3 + k * np.pi / 2)
        assert sd.evaluate(y, {x: 0.3}) == pytest.approx(expected)


def test_empty_arrays_have_empty_tangents() -> None:
    x = scalar(type_=sd.f64[0, 3])
    moved = sd.evaluate(sd.jvp([x * x, sd.sum(x * x)], x, np.ones((0, 3))), {x: np.ones((0, 3))})
    assert moved[0].shape == (0, 3)
    assert moved[1] == 0.0


# -- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("tangent", [np.ones(2), np.ones((3, 1)), [[1.0, 2.0, 3.0]]])
def test_a_tangent_of_another_shape_is_refused(tangent: Any) -> None:
    x = scalar(type_=sd.f64[3])
    with pytest.raises(sd.ShapeError, match=r"given for a node of type f64\[3\]\n  x : "):
        sd.jvp(sd.sin(x), x, tangent)


@pytest.mark.parametrize("type_", [sd.i64, sd.bool_, sd.c128], ids=repr)
def test_only_real_floating_nodes_move(type_: Any) -> None:
    k = scalar("k", type_[2])
    with pytest.raises(sd.NotDifferentiableError, match=r"by a node of type .*\n  k : "):
        sd.jvp(k * 1, k, k)


def test_nodes_of_another_graph_are_refused() -> None:
    x, y = scalar("x"), scalar("y")
    for outputs, wrt, tangents in ([sd.sin(y), x, x], [sd.sin(x), y, y], [sd.sin(x), x, y]):
        with pytest.raises(sd.MixedGraphError):
            sd.jvp(outputs, wrt, tangents)


@pytest.mark.parametrize("rules", [{}, {"vjp": (sd.undefined,)}, {"jvp": (sd.undefined,)}])
def test_a_tangent_through_an_op_without_a_rule_names_op_argument_and_line(
    rules: dict[str, Any],
) -> None:
    opaque = sd.op("opaque", "angle", doc="", infer=lambda x: x, kernel=np.sin, **rules)
    x = scalar()
    y, at = opaque(sd.exp(x)), line()
    message = rf"(?s)opaque has no .*derivative with respect to angle.*test_forward.py:{at}\)"
    with pytest.raises(sd.NotDifferentiableError, match=message):
        sd.jvp(y * 2.0, x, 1.0)


# -- rules that follow from reverse mode ---------------------------------------------------


def smooth_maximum(**rules: Any) -> sd.Op:
    """log(exp(a) + exp(b)): not linear, and with two operands that broadcast."""
    return sd.elementwise("smooth_maximum", "a b", doc="", kernel=np.logaddexp, **rules)


by_partials = smooth_maximum(
    partials=(lambda y, a, b: sd.exp(a - y), lambda y, a, b: sd.exp(b - y))
)
by_vjp = smooth_maximum(
    vjp=(lambda g, y, a, b: g * sd.exp(a - y), lambda g, y, a, b: g * sd.exp(b - y))
)


def test_a_jvp_that_follows_from_the_vjp_is_that_of_the_partial_derivatives() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[2, 1]), g.input("b", sd.f32[3])
    t, u = g.input("t", a.type), g.input("u", b.type)
    rng = np.random.default_rng(0)
    point = {x: rng.standard_normal(x.shape).astype(x.dtype) for x in (a, b, t, u)}
    moved = [sd.jvp(op(a, b), [a, b], [t, u]) for op in (by_partials, by_vjp)]
    assert moved[1].type == sd.f64[2, 3]
    again = [sd.jvp(m, [a, b], [t, u]) for m in moved]
    for pair in (moved, again):
        np.testing.assert_allclose(*sd.evaluate(pair, point), rtol=1e-6)


def test_a_jvp_that_follows_from_the_vjp_is_derived_once_for_each_type() -> None:
    calls: list[sd.TensorType] = []

    def vjp(g: sd.Node, y: sd.Node, x: sd.Node) -> sd.Node:
        calls.append(x.type)
        return g * x

    half_square = sd.op(
        "half_square", "x", doc="", infer=lambda x: x, kernel=lambda x: x * x / 2, vjp=(vjp,)
    )
    x = scalar(type_=sd.f64[3])
    y = x
    for _ in range(20):
        y = half_square(y)
    sd.jvp(y + sd.sum(half_square(sd.sum(x))), x, np.ones(3))
    assert calls == [sd.f64[3], sd.f64[()]]


def test_a_tangent_that_follows_from_the_vjp_leaves_nothing_dead_behind() -> None:
    x = scalar()
    square = sd.op(
        "square",
        "x",
        doc="",
        infer=lambda x: x,
        kernel=np.square,
        vjp=(lambda g, y, x: g * 2 * x,),
    )
    y = square(x)
    size = len(x.graph)
    t = x.graph.input("t", sd.f64)
    moved = sd.jvp(y, x, t)
    needed = set(x.graph.ancestors(moved))
    assert [n for n in x.graph.nodes[size:] if n not in needed] == []


def test_a_vjp_that_is_not_linear_in_its_gradient_is_found_out() -> None:
    clipped = sd.op(
        "clipped", "x", doc="", infer=lambda x: x, kernel=np.copy,
        vjp=(lambda g, y, x: sd.tanh(g),),
    )  # fmt: skip
    x = scalar()
    y, at = clipped(x), line()
    assert sd.evaluate(sd.grad(100.0 * y, x), {x: 1.0}) == 1.0
    message = rf"(?s)rule of clipped is not linear.*give the op a jvp\n.*test_forward.py:{at}\)"
    with pytest.raises(sd.NotDifferentiableError, match=message):
        sd.jvp(y, x, 1.0)


def test_a_rule_that_is_zero_by_definition_stops_the_tangent() -> None:
    for rules in ({"vjp": (None,)}, {"jvp": (None,)}, {"vjp": (lambda g, y, x: None,)}):
        step = sd.op("step", "x", doc="", infer=lambda x: x, kernel=np.sign, **rules)
        x = scalar()
        assert push_forward(x.graph, [step(x)], {x: x}) == [None]


def test_jvp_all_gets_none_for_what_does_not_move() -> None:
    seen: list[Any] = []

    def jvp_all(tangents: Any, y: Any, xs: Any) -> Any:
        seen.append([t is not None for t in tangents])
        return tangents[0]

    pick = sd.op(
        "pick", "a b c", doc="", infer=lambda *t: t[0], kernel=lambda a, b, c: a, jvp_all=jvp_all
    )
    x = scalar()
    sd.jvp(pick(x * 2.0, x, x.graph.constant(1.0)), x, 1.0)
    assert seen == [[True, True, False]]


def test_a_rule_for_all_operands_at_once_gives_tangents_too() -> None:
    product = sd.op(
        "product", "a b", doc="", infer=lambda a, b: a, kernel=np.multiply,
        vjp_all=lambda g, y, xs, wanted: {k: g * xs[1 - k] for k in wanted},
    )  # fmt: skip
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    moved = sd.jvp(product(a, b), [a, b], [1.0, 10.0])
    assert sd.evaluate(moved, {a: 2.0, b: 3.0}) == 23.0


# -- several results -----------------------------------------------------------------------


def sine_and_cosine(**rules: Any) -> sd.Op:
    return sd.elementwise(
        "sine_and_cosine",
        "x",
        doc="",
        kernel=lambda x: (np.sin(x), np.cos(x)),
        dtypes=lambda d: (d, d),
        vjp=(_both,),
        **rules,
    )


def _both(g: Any, y: sd.Node, x: sd.Node) -> Any:
    parts = [
        part
        for part in (
            None if g[0] is None else g[0] * y[1],
            None if g[1] is None else -(g[1] * y[0]),
        )
        if part is not None
    ]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


@pytest.mark.parametrize(
    "op",
    [sine_and_cosine(), sine_and_cosine(jvp=(lambda t, y, x: (t * y[1], -(t * y[0])),))],
    ids=["derived", "given"],
)
def test_the_results_of_a_node_move_together(op: sd.Op) -> None:
    x = scalar(type_=sd.f64[2])
    sine, cosine = op(x)
    X = np.array([0.3, 1.2])
    first = sd.jvp([sine, cosine, sine * cosine], x, np.array([1.0, 2.0]))
    second = sd.jvp(first, x, np.array([1.0, 2.0]))
    S, C, D = np.sin(X), np.cos(X), np.array([1.0, 2.0])
    np.testing.assert_allclose(
        sd.evaluate(first, {x: X}), [C * D, -S * D, (C * C - S * S) * D], atol=1e-15
    )
    np.testing.assert_allclose(
        sd.evaluate(second, {x: X}), [-S * D * D, -C * D * D, -4 * S * C * D * D], atol=1e-15
    )


def test_the_results_of_divmod_move_by_their_own_rules() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    quotient, rest = divmod(a, b)
    moved = sd.jvp([quotient, rest], [a, b], [1.0, 10.0])
    assert sd.evaluate(moved, {a: 7.5, b: 2.0}) == [0.0, 1.0 - 3.0 * 10.0]
