"""`build_grad`: Algorithms 6.5 and 6.6, and what they append."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.autodiff.reverse import pruned


def scalar(name: str = "x", type_: Any = sd.f64) -> sd.Node:
    """An input of a graph of its own."""
    return sd.Graph().input(name, type_)


def line() -> int:
    """The line this is called from."""
    return sys._getframe(1).f_lineno


def edges(z: sd.Node, target: sd.Node) -> int:
    """Edges of 𝒢′."""
    path = pruned(z.graph, z, [target])
    return sum(source in path for node in path for source in node.inputs)


def appended_since(graph: sd.Graph, size: int) -> tuple[sd.Node, ...]:
    return graph.nodes[size:]


# -- targets -------------------------------------------------------------------------------


def test_the_gradient_of_z_with_respect_to_itself_is_one() -> None:
    x = scalar()
    z = sd.sin(x)
    assert sd.evaluate(sd.build_grad(x.graph, z, z)[z], {x: 0.3}) == 1.0
    assert sd.evaluate(sd.grad(x, x), {x: 0.3}) == 1.0


def test_a_target_may_be_an_intermediate_node() -> None:
    x = scalar()
    y = x * x
    z = sd.sin(y) * x
    dy = sd.grad(z, y)
    assert sd.evaluate(dy, {x: 0.5}) == pytest.approx(0.5 * np.cos(0.25))


def test_a_target_and_what_is_computed_from_it_get_their_own_gradients() -> None:
    x = scalar()
    y = sd.exp(x)
    z = x * y * y
    dx, dy = sd.evaluate(sd.grad(z, [x, y]), {x: 0.5})
    e = np.exp(0.5)
    assert dy == pytest.approx(2 * 0.5 * e)  # x held
    assert dx == pytest.approx(e**2 + 2 * 0.5 * e * e)  # y moves with x


def test_a_constant_can_be_a_target() -> None:
    x = scalar()
    c = x.graph.constant(3.0)
    assert sd.evaluate(sd.grad(c * x, c), {x: 2.0}) == 2.0


def test_the_table_holds_what_lies_between_and_nothing_else() -> None:
    x = scalar()
    y = x.graph.input("y", sd.f64)
    s, aside = sd.sin(x), sd.cos(y)
    p = s * aside
    z = p + aside
    table = sd.build_grad(x.graph, z, x)
    assert set(table) == {z, p, s, x}
    assert table.z is z
    assert repr(table) == f"<grad table of {z!r}: 4 nodes>"


def test_a_target_without_a_path_is_not_in_the_table() -> None:
    x = scalar()
    y = x.graph.input("y", sd.f64)
    table = sd.build_grad(x.graph, sd.sin(x), [x, y])
    assert x in table
    assert y not in table


def test_a_path_of_zero_derivatives_is_a_path_and_gives_zero() -> None:
    x = scalar(type_=sd.f32[2])
    dx = sd.grad(sd.sum(np.sign(x)), x)
    assert dx.type == x.type
    np.testing.assert_array_equal(sd.evaluate(dx, {x: [1.0, -2.0]}), [0.0, 0.0])


@pytest.mark.parametrize("dtype", [sd.i64, sd.bool_])
def test_integer_and_boolean_nodes_cut_the_path(dtype: Any) -> None:
    x = scalar(type_=sd.f64[3])
    z = sd.sum(x.astype(dtype).astype(sd.f64))
    assert x not in sd.build_grad(x.graph, z, x)
    with pytest.raises(sd.DisconnectedError, match="x : f64"):
        sd.grad(z, x)


@pytest.mark.parametrize("type_", [sd.i64[3], sd.bool_[3], sd.c128[3]], ids=str)
def test_only_real_floating_nodes_are_targets(type_: sd.TensorType) -> None:
    x = scalar(type_=sd.f64[3])
    k = x.graph.input("k", type_)
    with pytest.raises(sd.NotDifferentiableError, match=r"by a node of type .*\n  k : "):
        sd.build_grad(x.graph, sd.sum(x), [x, k])


@pytest.mark.parametrize("type_", [sd.i64, sd.bool_, sd.c128], ids=repr)
def test_only_real_floating_nodes_are_differentiated(type_: Any) -> None:
    x = scalar()
    z = x.graph.input("z", type_[()])
    with pytest.raises(sd.NotDifferentiableError, match=r"cannot differentiate a node.*\n  z : "):
        sd.build_grad(x.graph, z, x)


def test_a_path_through_complex_values_names_where_it_becomes_complex() -> None:
    x = scalar(type_=sd.f64[3])
    at = line() + 1
    w = x.astype(sd.c128)
    with pytest.raises(sd.NotDifferentiableError, match=rf"complex.*\n.*test_reverse.py:{at}"):
        sd.grad(sd.sum(w.astype(sd.f64)), x)


def test_nodes_of_another_graph_are_refused() -> None:
    x, y = scalar("x"), scalar("y")
    with pytest.raises(sd.MixedGraphError):
        sd.build_grad(x.graph, sd.sin(x), y)
    with pytest.raises(sd.MixedGraphError):
        sd.build_grad(x.graph, sd.sin(x), x, seed=y)


# -- one VJP an edge, one sum a node -------------------------------------------------------


def counted(arity: int) -> tuple[sd.Op, list[tuple[sd.Node, int]]]:
    """The sum of its operands, and a list that each call of a rule adds to."""
    calls: list[tuple[sd.Node, int]] = []

    def rule(position: int) -> Any:
        def vjp(g: sd.Node, y: sd.Node, *operands: sd.Node) -> sd.Node:
            calls.append((y, position))
            return g * float(position + 1)

        return vjp

    return sd.op(
        "counted",
        " ".join("abcdef"[:arity]),
        doc="",
        infer=lambda *types: types[0],
        kernel=lambda *xs: sum((k + 1) * x for k, x in enumerate(xs)),
        vjp=tuple(rule(k) for k in range(arity)),
    ), calls


def test_each_edge_costs_one_call_of_a_rule() -> None:
    x = scalar()
    op, calls = counted(2)
    y = x
    for _ in range(5):
        y = op(y, y)
    z = op(y, x)
    dx = sd.grad(z, x)
    assert len(calls) == edges(z, x) == 12
    assert len(set(calls)) == 12
    assert sd.evaluate(dx, {x: 0.1}) == 3.0**5 + 2.0


def test_no_rule_is_called_where_no_target_is_behind() -> None:
    x = scalar()
    y = x.graph.input("y", sd.f64)
    op, calls = counted(2)
    z = op(op(y, y), x)
    sd.grad(z, x)
    assert calls == [(z, 1)]


def test_no_rule_is_called_past_the_targets() -> None:
    x = scalar()
    op, calls = counted(1)
    y = op(x)
    z = op(y)
    sd.grad(z, y)
    assert calls == [(z, 0)]


def test_contributions_meet_in_one_add_n() -> None:
    x = scalar()
    f = [sd.sin(x), sd.exp(x), sd.tanh(x), x * 3.0]
    z = f[0] * f[1] * f[2] * f[3]
    size = len(x.graph)
    dx = sd.grad(z, x)
    sums = [n for n in appended_since(x.graph, size) if n.op.name in ("add", "add_n")]
    assert sums == [dx]
    assert len(dx.inputs) == 4


def test_a_single_contribution_is_not_summed() -> None:
    x = scalar()
    z = sd.sin(sd.exp(x))
    size = len(x.graph)
    sd.grad(z, x)
    assert not [n for n in appended_since(x.graph, size) if n.op.name == "add_n"]


def test_no_gradient_node_is_dead() -> None:
    x = scalar()
    y = x.graph.input("y", sd.f64)
    z = (sd.sin(x) * y / (x + y)) ** 2
    size = len(x.graph)
    dx = sd.grad(z, x)
    needed = set(x.graph.ancestors(dx))
    assert [n for n in appended_since(x.graph, size) if n not in needed] == [x.graph.constant(1.0)]


# -- seeds ---------------------------------------------------------------------------------


@pytest.fixture
def vector() -> tuple[sd.Node, sd.Node, dict[sd.Node, Any]]:
    """An input of three entries, its sine, and a point."""
    x = scalar(type_=sd.f64[3])
    return x, sd.sin(x), {x: np.array([0.1, 0.2, 0.3])}


def test_without_a_seed_z_must_be_a_scalar(vector: Any) -> None:
    x, z, _ = vector
    with pytest.raises(sd.ArgumentError, match=r"must be a scalar.*seed=.*\n  z = .*sin x"):
        sd.build_grad(x.graph, z, x)


@pytest.mark.parametrize("seed", [[1.0, -2.0, 0.5], (1, 2, 3), np.ones(3, np.float32), 2.0, 3])
def test_a_seed_may_be_an_array_or_a_number(vector: Any, seed: Any) -> None:
    x, z, point = vector
    found = sd.evaluate(sd.build_grad(x.graph, z, x, seed=seed)[x], point)
    np.testing.assert_allclose(found, np.cos(point[x]) * np.asarray(seed))


def test_a_seed_may_be_a_node_and_is_differentiated_with(vector: Any) -> None:
    x, z, point = vector
    dx = sd.build_grad(x.graph, z, x, seed=x * x)[x]
    np.testing.assert_allclose(sd.evaluate(dx, point), np.cos(point[x]) * point[x] ** 2)
    again = sd.evaluate(sd.grad(sd.sum(dx), x), point)
    s, c = np.sin(point[x]), np.cos(point[x])
    np.testing.assert_allclose(again, 2 * point[x] * c - point[x] ** 2 * s)


def test_a_scalar_may_have_a_seed_too() -> None:
    x = scalar()
    assert sd.evaluate(sd.build_grad(x.graph, x * x, x, seed=10.0)[x], {x: 3.0}) == 60.0


@pytest.mark.parametrize("seed", [np.ones(2), np.ones((1, 3)), [[1.0], [2.0], [3.0]]])
def test_a_seed_of_another_shape_is_refused(vector: Any, seed: Any) -> None:
    x, z, _ = vector
    with pytest.raises(sd.ShapeError, match=r"seed is f64\[.*\], but z is f64\[3\]"):
        sd.build_grad(x.graph, z, x, seed=seed)


def test_a_seed_node_of_another_dtype_is_refused(vector: Any) -> None:
    x, z, _ = vector
    with pytest.raises(sd.DTypeError, match=r"seed is f32\[3\], but z is f64\[3\]"):
        sd.build_grad(x.graph, z, x, seed=x.astype(sd.f32))


def test_a_complex_seed_is_refused_not_cut(vector: Any) -> None:
    x, z, _ = vector
    with pytest.raises(sd.DTypeError, match="complex"):
        sd.build_grad(x.graph, z, x, seed=np.array([1j, 2.0, 3.0]))


# -- bprop ---------------------------------------------------------------------------------


def test_bprop_sums_over_the_positions_at_which_x_occurs() -> None:
    x = scalar()
    G = x.graph.input("G", sd.f64)
    found = sd.evaluate(
        [sd.multiply.bprop((x, x), x, G), sd.subtract.bprop((x, x), x, G)], {x: 3.0, G: 2.0}
    )
    assert found == [12.0, 0.0]


def test_bprop_takes_the_parameters_of_the_op() -> None:
    x = scalar(type_=sd.f64[2, 3])
    G = x.graph.input("G", sd.f64[2])
    found = sd.evaluate(sd.sum.bprop((x,), x, G, axis=1), {G: [1.0, 2.0]})
    np.testing.assert_array_equal(found, [[1.0] * 3, [2.0] * 3])


def test_bprop_gives_none_where_x_does_not_occur_or_the_rule_is_zero() -> None:
    x = scalar()
    y = x.graph.input("y", sd.f64)
    assert sd.sin.bprop((x,), y, y) is None
    assert sd.sign.bprop((x,), x, y) is None


def test_bprop_keeps_what_one_position_gives_where_another_gives_zero() -> None:
    x = scalar()
    G = x.graph.input("G", sd.f64)
    found = sd.copysign.bprop((x, x), x, G)  # the sign's rule is zero
    assert found is not None
    assert sd.evaluate(found, {x: -3.0, G: 2.0}) == 2.0


# -- rules ---------------------------------------------------------------------------------


def opaque_op(name: str = "opaque") -> sd.Op:
    return sd.op(name, "angle", doc="", infer=lambda x: x, kernel=np.sin)


def test_an_undefined_rule_names_op_argument_line_and_the_path_from_the_output() -> None:
    x = scalar()
    opaque = opaque_op()
    y, made_at = opaque(sd.exp(x)), line()
    s, then_at = sd.sin(y), line()
    with pytest.raises(sd.NotDifferentiableError) as caught:
        sd.grad(s * 2.0, x)
    first, where, _, *path = str(caught.value).splitlines()
    assert first == "opaque has no derivative with respect to angle"
    assert f"(test_reverse.py:{made_at})" in where
    assert [step.split()[4] for step in path[:3]] == ["multiply", "sin", "opaque"]
    assert f"(test_reverse.py:{then_at})" in path[1]
    assert "sd.stop_gradient" in path[3]


def test_an_undefined_rule_off_the_path_does_no_harm() -> None:
    x = scalar()
    y = x.graph.input("y", sd.f64)
    assert sd.evaluate(sd.grad(x * opaque_op()(y), x), {y: 0.5}) == np.sin(0.5)


def test_stop_gradient_goes_round_an_undefined_rule_as_the_error_says() -> None:
    x = scalar()
    z = x * opaque_op()(sd.stop_gradient(x))
    assert sd.evaluate(sd.grad(z, x), {x: 0.5}) == np.sin(0.5)


def test_a_gradient_of_the_wrong_type_is_an_error_of_the_rule_not_of_the_user() -> None:
    x = scalar(type_=sd.f64[2, 3])
    total = sd.op(
        "total",
        "x",
        doc="",
        infer=lambda x: x.with_shape(()),
        kernel=np.sum,
        vjp=(lambda g, y, x: g,),
    )
    with pytest.raises(sd.InvariantError, match=r"rule of total for x gives f64\[\].*f64\[2,3\]"):
        sd.grad(total(x), x)


def test_gradients_that_share_their_work_are_made_once_for_the_wanted_operands() -> None:
    asked: list[tuple[int, ...]] = []

    def vjp_all(g: Any, y: Any, xs: Any, wanted: tuple[int, ...]) -> dict[int, Any]:
        asked.append(wanted)
        shared = g * y
        return {k: shared / xs[k] for k in wanted}

    product = sd.op(
        "product",
        "a b c",
        doc="",
        infer=lambda a, b, c: a,
        kernel=lambda a, b, c: a * b * c,
        vjp_all=vjp_all,
    )
    g = sd.Graph()
    a, b, c = (g.input(name, sd.f64) for name in "abc")
    z = product(a, b, c)
    found = sd.evaluate(sd.grad(z, [a, c]), {a: 2.0, b: 3.0, c: 5.0})
    assert found == [15.0, 6.0]
    assert asked == [(0, 2)]
    assert sd.evaluate(sd.grad(product(a, a, c), a), {a: 2.0, c: 5.0}) == 20.0
    assert asked[1:] == [(0, 1)]


# -- several results -----------------------------------------------------------------------


def test_both_results_of_divmod_are_differentiated() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[3]), g.input("b", sd.f64[3])
    quotient, rest = divmod(a, b)
    z = sd.sum(rest * a) + sd.sum(quotient * b)
    point = {a: np.array([5.0, 7.5, -3.0]), b: np.array([2.0, 2.0, 1.4])}
    q, r = np.divmod(point[a], point[b])
    da, db = sd.evaluate(sd.grad(z, [a, b]), point)
    np.testing.assert_allclose(da, point[a] + r)
    np.testing.assert_allclose(db, -q * point[a] + q)


def test_a_result_with_derivative_zero_still_connects() -> None:
    x = scalar()
    quotient, _ = divmod(x, 2.0)
    assert sd.evaluate(sd.grad(quotient, x), {x: 5.0}) == 0.0


def test_a_rule_gets_none_for_a_result_that_nothing_uses() -> None:
    seen: list[Any] = []
    both = sd.elementwise(
        "both",
        "x",
        doc="",
        kernel=lambda x: (np.sin(x), np.cos(x)),
        dtypes=lambda d: (d, d),
        vjp=(lambda g, y, x: seen.append(g) or g[0] * y[1],),
    )
    x = scalar()
    sine, _ = both(x)
    assert sd.evaluate(sd.grad(sine * 3.0, x), {x: 0.5}) == pytest.approx(3 * np.cos(0.5))
    ((first, second),) = seen
    assert first.type == sine.type
    assert second is None


# -- dtypes and shapes ---------------------------------------------------------------------


def test_a_float32_input_of_a_float64_graph_has_a_float32_gradient() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f32[3]), g.input("y", sd.f64[2, 3])
    z = sd.sum(sd.sin(x) * y)
    assert z.dtype == np.float64
    dx, dy = sd.grad(z, [x, y])
    assert [dx.type, dy.type] == [sd.f32[3], sd.f64[2, 3]]
    X, Y = np.array([0.1, 0.2, 0.3], np.float32), np.arange(6.0).reshape(2, 3)
    found = sd.evaluate(dx, {x: X, y: Y})
    np.testing.assert_allclose(found, np.cos(X) * Y.sum(0), rtol=1e-6)


def test_gradients_of_a_float32_graph_stay_float32() -> None:
    x = scalar(type_=sd.f32[3])
    z = 0.5 * sd.sum((x * 2.0 - 1) ** 2 / 3)
    size = len(x.graph)
    sd.grad(z, x)
    assert {n.dtype for n in appended_since(x.graph, size)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3), ()])
def test_gradients_have_the_shape_of_their_target(shape: tuple[int, ...]) -> None:
    x = scalar(type_=sd.f64[shape])
    z = sd.sum(sd.exp(x) * x)
    value = np.full(shape, 0.5)
    dx = sd.evaluate(sd.grad(z, x), {x: value})
    np.testing.assert_allclose(dx, np.exp(value) * (1 + value))


def test_an_operand_broadcast_over_nothing_has_the_gradient_zero() -> None:
    g = sd.Graph()
    x, empty = g.input("x", sd.f64[1, 3]), g.input("empty", sd.f64[0, 3])
    dx = sd.evaluate(sd.grad(sd.sum(x * empty), x), {x: np.ones((1, 3)), empty: np.ones((0, 3))})
    np.testing.assert_array_equal(dx, np.zeros((1, 3)))


def test_a_gradient_over_named_sizes_serves_every_size() -> None:
    g = sd.Graph()
    X, w = g.input("X", sd.f64["n", 3]), g.input("w", sd.f64[3])
    dX, dw = sd.grad(sd.sum((X @ w) ** 2), [X, w])
    assert [dX.type, dw.type] == [X.type, w.type]
    for n in (0, 1, 4):
        A, v = np.arange(3.0 * n).reshape(n, 3), np.array([1.0, -2.0, 0.5])
        found = sd.evaluate([dX, dw], {X: A, w: v})
        np.testing.assert_allclose(found[0], 2 * np.outer(A @ v, v))
        np.testing.assert_allclose(found[1], 2 * A.T @ (A @ v))
