"""A user's own derivatives: `custom_gradient`, `stop_gradient`, and ops of one's own."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.autodiff.batch import batch_nodes


def inputs(**types: Any) -> list[sd.Node]:
    """Inputs of a graph of their own."""
    graph = sd.Graph()
    return [graph.input(name, type_) for name, type_ in types.items()]


def line() -> int:
    """The line this is called from."""
    return sys._getframe(1).f_lineno


bounded = sd.custom_gradient(lambda x: x * 1.0, vjp=lambda g, y, x: sd.tanh(g))


# log(1 + exp(x)), whose own derivative is inf / inf for large x.
def softplus_value(x: sd.Node) -> sd.Node:
    return sd.log(1 + sd.exp(x))


softplus = sd.custom_gradient(
    softplus_value,
    vjp=lambda g, y, x: g / (1 + sd.exp(-x)),
    jvp=lambda ts, y, x: ts[0] / (1 + sd.exp(-x)),
)


# -- the rule ------------------------------------------------------------------------------


def test_the_value_is_the_functions_and_the_gradient_the_rules() -> None:
    (x,) = inputs(x=sd.f64[2])
    y = bounded(x * 3.0)
    value, gradient = sd.evaluate([y, sd.grad(100.0 * sd.sum(y), x)], {x: [1.0, 2.0]})
    np.testing.assert_array_equal(value, [3.0, 6.0])
    np.testing.assert_array_equal(gradient, [3.0, 3.0])  # 3 tanh(100)


def test_what_the_rule_gives_can_be_differentiated_again() -> None:
    (x,) = inputs(x=sd.f64)
    y = softplus(x)
    first = sd.grad(y, x)
    second = sd.grad(first, x)
    third = sd.grad(second, x)
    s = 1 / (1 + np.exp(-0.3))
    found = sd.evaluate([y, first, second, third], {x: 0.3})
    expected = [np.log1p(np.exp(0.3)), s, s * (1 - s), s * (1 - s) * (1 - 2 * s)]
    np.testing.assert_allclose(found, expected)


def test_the_rule_replaces_a_derivative_that_overflows() -> None:
    (x,) = inputs(x=sd.f64)
    own = sd.grad(softplus_value(x), x, stabilize=False)
    given = sd.grad(softplus(x), x)
    assert np.isnan(sd.evaluate(own, {x: 1000.0}))
    assert sd.evaluate(given, {x: 1000.0}) == 1.0


def test_the_rule_sees_the_result_and_every_argument() -> None:
    product = sd.custom_gradient(
        lambda a, b: a * b, vjp=lambda g, y, a, b: (g * y, g * (a + 10.0 * b))
    )
    a, b = inputs(a=sd.f64, b=sd.f64)
    assert sd.evaluate(sd.grad(product(a, b), [a, b]), {a: 2.0, b: 3.0}) == [6.0, 32.0]


def test_an_argument_used_twice_gets_both_gradients() -> None:
    product = sd.custom_gradient(lambda a, b: a * b, vjp=lambda g, y, a, b: (g * 2.0, g * 5.0))
    (x,) = inputs(x=sd.f64)
    assert sd.evaluate(sd.grad(product(x, x), x), {x: 3.0}) == 7.0


def test_none_is_zero_by_definition_for_that_argument() -> None:
    scaled = sd.custom_gradient(lambda x, scale: x * scale, vjp=lambda g, y, x, s: (g * s, None))
    x, s = inputs(x=sd.f64, s=sd.f64)
    assert sd.evaluate(sd.grad(scaled(x, s) + s, [x, s]), {x: 2.0, s: 3.0}) == [3.0, 1.0]


def test_only_the_gradients_asked_for_are_appended() -> None:
    product = sd.custom_gradient(
        lambda a, b: a * b, vjp=lambda g, y, a, b: (g * b, g * sd.exp(sd.sin(sd.cos(a))))
    )
    a, b = inputs(a=sd.f64, b=sd.f64)
    y = product(a, b)
    size = len(a.graph)
    sd.grad(y, a)
    assert "exp" not in {n.op.name for n in a.graph.nodes[size:]}


def test_numbers_and_arrays_may_be_arguments_and_gradients() -> None:
    shifted = sd.custom_gradient(
        lambda x, c: x + c, vjp=lambda g, y, x, c: (np.full(2, 7.0), None)
    )
    (x,) = inputs(x=sd.f64[2])
    y = shifted(x, np.array([1.0, 2.0]))
    found = sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [0.0, 0.0]})
    np.testing.assert_array_equal(found, [[1.0, 2.0], [7.0, 7.0]])


def test_function_and_rule_are_traced_once_for_each_types() -> None:
    calls: list[Any] = []
    traced = sd.custom_gradient(
        lambda x: calls.append(x.type) or sd.sin(x), vjp=lambda g, y, x: g * sd.cos(x)
    )
    a, b, s = inputs(a=sd.f64[3], b=sd.f64[3], s=sd.f64)
    z = sd.sum(traced(traced(a) + traced(b))) + traced(s)
    sd.grad(z, [a, b, s])
    assert calls == [sd.f64[3], sd.f64[()]]


def test_a_rule_over_a_named_size_serves_every_size() -> None:
    normalized = sd.custom_gradient(
        lambda x: x / sd.sum(x), vjp=lambda g, y, x: (g - sd.sum(g * y)) / sd.sum(x)
    )
    (x,) = inputs(x=sd.f64["n"])
    d = sd.grad(sd.sum(normalized(x) ** 2), x)
    plain = sd.grad(sd.sum((x / sd.sum(x)) ** 2), x)
    for n in (1, 4):
        np.testing.assert_allclose(
            *sd.evaluate([d, plain], {x: np.arange(1.0, n + 1)}), atol=1e-15
        )


def test_a_rule_may_use_another_rule() -> None:
    outer = sd.custom_gradient(
        lambda x: softplus(2.0 * x), vjp=lambda g, y, x: 10.0 * sd.grad(sd.sum(softplus(x)), x) * g
    )
    (x,) = inputs(x=sd.f64)
    value, slope = sd.evaluate([outer(x), sd.grad(outer(x), x)], {x: 0.5})
    assert value == pytest.approx(np.log1p(np.exp(1.0)))
    assert slope == pytest.approx(10 / (1 + np.exp(-0.5)))


def test_the_text_and_the_help_show_the_functions_name() -> None:
    def rectified(x: sd.Node) -> sd.Node:
        """The positive part."""
        return np.where(x > 0, x, 0.0)

    straight_through = sd.custom_gradient(rectified, vjp=lambda g, y, x: g)
    (x,) = inputs(x=sd.f64)
    assert straight_through.__name__ == "rectified"
    assert straight_through.__doc__ == "The positive part."
    assert "custom" in sd.text(straight_through(x))
    assert sd.evaluate(sd.grad(straight_through(x), x), {x: -1.0}) == 1.0


# -- forward mode --------------------------------------------------------------------------


def test_forward_mode_takes_the_jvp_that_is_given() -> None:
    product = sd.custom_gradient(
        lambda a, b: a * b,
        vjp=lambda g, y, a, b: (g * b, g * a),
        jvp=lambda ts, y, a, b: 100.0 * ts[0] + ts[1] * y,
    )
    a, b = inputs(a=sd.f64, b=sd.f64)
    y = product(a, b)
    point = {a: 2.0, b: 3.0}
    assert sd.evaluate(sd.jvp(y, [a, b], [1.0, 1.0]), point) == 106.0
    assert sd.evaluate(sd.jvp(y, a, 1.0), point) == 100.0  # b rests


def test_without_a_jvp_forward_mode_says_what_to_give_and_where() -> None:
    (x,) = inputs(x=sd.f64)
    y, at = bounded(x), line()
    message = rf"(?s)no forward one; give custom_gradient a jvp.*test_custom.py:{at}\)"
    with pytest.raises(sd.NotDifferentiableError, match=message):
        sd.jvp(y * 2.0, x, 1.0)
    with pytest.raises(sd.NotDifferentiableError, match="custom_gradient"):
        sd.hvp(y * y, x, 1.0)
    by_reverse = sd.hvp(y * y, x, 1.0, mode="reverse-over-reverse")
    assert np.isfinite(sd.evaluate(by_reverse, {x: 0.3}))


def test_a_linear_rule_is_its_own_tangent() -> None:
    reverse = sd.custom_gradient(lambda x: x[::-1], vjp=lambda g, y, x: g[::-1], linear=True)
    x, t = inputs(x=sd.f64[3], t=sd.f64[3])
    y = reverse(sd.sin(x))
    X, T = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0])
    moved = sd.evaluate(sd.jvp(y, x, t), {x: X, t: T})
    np.testing.assert_allclose(moved, (np.cos(X) * T)[::-1])
    products = [
        sd.hvp(sd.sum(y**2 * np.arange(3.0)), x, t, mode=mode)
        for mode in ("forward-over-reverse", "reverse-over-reverse")
    ]
    np.testing.assert_allclose(*sd.evaluate(products, {x: X, t: T}))


def test_a_linear_rule_of_two_arguments_moves_with_either() -> None:
    mixed = sd.custom_gradient(
        lambda a, b: 2.0 * a + 3.0 * b, vjp=lambda g, y, a, b: (2.0 * g, 3.0 * g), linear=True
    )
    a, b = inputs(a=sd.f64, b=sd.f64)
    y = mixed(a, b)
    moves = [sd.jvp(y, a, 1.0), sd.jvp(y, b, 1.0), sd.jvp(y, [a, b], [1.0, 1.0])]
    assert sd.evaluate(moves, {}) == [2.0, 3.0, 5.0]


def test_second_derivatives_agree_in_both_modes_when_both_rules_are_given() -> None:
    x, v = inputs(x=sd.f64[3], v=sd.f64[3])
    z = sd.sum(softplus(x) ** 2)
    products = [
        sd.hvp(z, x, v, mode=mode) for mode in ("forward-over-reverse", "reverse-over-reverse")
    ]
    point = {x: [-1.0, 0.5, 2.0], v: [1.0, 2.0, 3.0]}
    np.testing.assert_allclose(*sd.evaluate(products, point))


# -- what else a node can do ---------------------------------------------------------------


def test_a_custom_gradient_can_be_batched_with_its_rules() -> None:
    weighted = sd.custom_gradient(
        lambda x, w: sd.sum(x * w),
        vjp=lambda g, y, x, w: (g * w * 2.0, None),
        jvp=lambda ts, y, x, w: sd.sum(ts[0] * w) * 3.0,
    )
    x, w, many = inputs(x=sd.f64[3], w=sd.f64[3], many=sd.f64[4, 3])
    y = weighted(x, w)
    outputs = [y, sd.grad(y, x), sd.jvp(y, x, np.ones(3))]
    found, _ = batch_nodes(x.graph, [y], {x: many})
    again = [sd.grad(sd.sum(found[0]), many), sd.jvp(found[0], many, np.ones((4, 3)))]
    X, W = np.arange(12.0).reshape(4, 3), np.array([1.0, -1.0, 2.0])
    values = sd.evaluate([*found, *again], {many: X, w: W})
    for k in range(4):
        one = sd.evaluate(outputs, {x: X[k], w: W})
        for value, expected in zip(values, one, strict=True):
            np.testing.assert_allclose(value[k], expected)


def test_a_jacobian_and_a_hessian_go_through_the_rule() -> None:
    (x,) = inputs(x=sd.f64[3])
    J, H = sd.jacobian(softplus(x), x), sd.hessian(sd.sum(softplus(x)), x)
    X = np.array([-1.0, 0.0, 2.0])
    s = 1 / (1 + np.exp(-X))
    found = sd.evaluate([J, H], {x: X})
    np.testing.assert_allclose(found, [np.diag(s), np.diag(s * (1 - s))], atol=1e-15)


def test_a_graph_with_a_custom_gradient_pickles_and_keeps_its_digest() -> None:
    (x,) = inputs(x=sd.f64)
    x.graph.outputs = [softplus(x), sd.grad(softplus(x), x)]
    again = pickle.loads(pickle.dumps(x.graph))
    again.check()
    assert again.digest() == x.graph.digest()
    assert again.text() == x.graph.text()
    assert sd.evaluate(list(again.outputs), {"x": 0.3}) == sd.evaluate(
        list(x.graph.outputs), {x: 0.3}
    )
    (z,) = again.outputs[:1]
    assert sd.evaluate(sd.grad(z, again.inputs[0]), {"x": 0.0}) == 0.5


def test_another_rule_is_another_graph() -> None:
    def digest(rule: Any) -> str:
        (x,) = inputs(x=sd.f64)
        sd.custom_gradient(sd.sin, vjp=rule)(x)
        return x.graph.digest()

    assert digest(lambda g, y, x: g) == digest(lambda g, y, x: g)
    assert digest(lambda g, y, x: g) != digest(lambda g, y, x: g * 2.0)


def test_a_custom_gradient_can_be_inlined_into_another_graph() -> None:
    x, w = inputs(x=sd.f64["n"], w=sd.f64)
    x.graph.outputs = [sd.sum(softplus(x) * w)]
    (y,) = inputs(y=sd.f64[2])
    z = x.graph(y, 2.0)
    y.graph.check()
    found = sd.evaluate(sd.grad(z, y), {y: [0.0, 1000.0]})
    np.testing.assert_array_equal(found, [1.0, 2.0])


# -- what is refused -----------------------------------------------------------------------


def test_a_linear_rule_needs_no_jvp() -> None:
    with pytest.raises(sd.ArgumentError, match="give one of the two"):
        sd.custom_gradient(sd.sin, vjp=lambda g, y, x: g, jvp=lambda ts, y, x: ts[0], linear=True)


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "gradient of another shape": (
        {"vjp": lambda g, y, x: sd.sum(g)},
        sd.ShapeError,
        r"vjp gives f64\[\] for argument x0, which is f64\[3\]",
    ),
    "gradients of another number": (
        {"vjp": lambda g, y, x: (g, g)},
        sd.ArgumentError,
        "vjp gives 2 gradients for 1 arguments",
    ),
    "tangent of another shape": (
        {"vjp": lambda g, y, x: g, "jvp": lambda ts, y, x: sd.sum(ts[0])},
        sd.ShapeError,
        r"jvp gives f64\[\]; the result is f64\[3\]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_rule_that_does_not_fit_says_so_when_applied(name: str) -> None:
    rules, error, message = REFUSED[name]
    (x,) = inputs(x=sd.f64[3])
    with pytest.raises(error, match=message):
        sd.custom_gradient(lambda x: x * 2.0, **rules)(x)


def test_a_function_that_returns_no_node_is_refused() -> None:
    (x,) = inputs(x=sd.f64)
    for function in (lambda x: (x, x), lambda x: 1.0, lambda x: divmod(x, 2.0)):
        with pytest.raises(sd.ArgumentError, match="must return one node"):
            sd.custom_gradient(function, vjp=lambda g, y, x: g)(x)


def test_nodes_of_another_graph_may_not_slip_in() -> None:
    x, w = inputs(x=sd.f64, w=sd.f64)
    with pytest.raises(sd.MixedGraphError):
        sd.custom_gradient(lambda x: x * w, vjp=lambda g, y, x: g)(x)
    with pytest.raises(sd.MixedGraphError):
        sd.custom_gradient(lambda x: x, vjp=lambda g, y, x: g * w)(x)


def test_without_a_node_there_is_no_graph_to_build_in() -> None:
    with pytest.raises(sd.ArgumentError, match="none of the arguments is a node"):
        softplus(1.0)


# -- stop_gradient -------------------------------------------------------------------------


def test_stop_gradient_keeps_the_value_and_drops_the_derivative() -> None:
    (x,) = inputs(x=sd.f64[2])
    z = sd.sum(x * sd.stop_gradient(x * x))
    X = np.array([2.0, 3.0])
    value, first, moved = sd.evaluate([z, sd.grad(z, x), sd.jvp(z, x, np.ones(2))], {x: X})
    assert value == 35.0
    np.testing.assert_array_equal(first, X**2)
    assert moved == 13.0
    np.testing.assert_array_equal(sd.evaluate(sd.hessian(z, x), {x: X}), np.zeros((2, 2)))


def test_what_is_only_reached_through_stop_gradient_has_the_gradient_zero() -> None:
    (x,) = inputs(x=sd.f64[2])
    z = sd.sum(sd.stop_gradient(x) ** 2)
    np.testing.assert_array_equal(sd.evaluate(sd.grad(z, x), {x: [1.0, 2.0]}), [0.0, 0.0])


def test_a_stopped_node_is_still_a_target() -> None:
    (x,) = inputs(x=sd.f64)
    y = sd.stop_gradient(sd.exp(x))
    assert sd.evaluate(sd.grad(y * y, y), {x: 0.0}) == 2.0


def test_the_rules_behind_a_stopped_node_are_never_called() -> None:
    calls: list[Any] = []
    counted = sd.op(
        "counted", "x", doc="", infer=lambda x: x, kernel=np.copy,
        vjp=(lambda g, y, x: calls.append(y) or g,),
    )  # fmt: skip
    (x,) = inputs(x=sd.f64)
    before, after = counted(x), counted(sd.stop_gradient(x))
    z = x + sd.stop_gradient(before) + after
    size = len(x.graph)
    assert sd.evaluate(sd.grad(z, x), {x: 1.0}) == 1.0
    assert len(calls) == 0
    assert len(x.graph) - size <= 1  # the seed
