"""The derivatives people ask for: nesting, any order, structural zeros, closed forms of SymPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symdiff as sd
from tests.strategies import Recipe, recipes

MODES = ("forward-over-reverse", "reverse-over-reverse")


def inputs(**types: Any) -> list[sd.Node]:
    """Inputs of a graph of their own."""
    graph = sd.Graph()
    return [graph.input(name, type_) for name, type_ in types.items()]


def data(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


class Layer(NamedTuple):
    weight: Any
    bias: Any


def small_loss() -> tuple[sd.Node, Layer, dict[sd.Node, Any]]:
    """A scalar of a matrix, a vector and their products, and a point."""
    W, b = inputs(W=sd.f64[2, 3], b=sd.f64[2])
    z = sd.sum(sd.tanh(W @ np.array([0.5, -1.0, 2.0]) + b) ** 2) + sd.sum(W * W) * b[0]
    rng = np.random.default_rng(0)
    return z, Layer(W, b), {x: rng.standard_normal(x.shape) for x in (W, b)}


def numeric_gradient(z: sd.Node, x: sd.Node, point: dict[sd.Node, Any]) -> Any:
    """Central differences, entry by entry."""
    result = np.zeros((*z.shape, *point[x].shape))
    for place in np.ndindex(point[x].shape):
        step = np.zeros_like(point[x])
        step[place] = 1e-6
        ahead, behind = (sd.evaluate(z, {**point, x: point[x] + s}) for s in (step, -step))
        result[(..., *place)] = (ahead - behind) / 2e-6
    return result


# -- grad ----------------------------------------------------------------------------------


def test_gradients_come_back_in_the_nesting_of_wrt() -> None:
    z, (W, b), point = small_loss()
    plain = sd.grad(z, W), sd.grad(z, b)
    assert sd.grad(z, [W, b]) == list(plain)
    assert sd.grad(z, (b,)) == plain[1:]
    assert sd.grad(z, {"deep": [{"W": W}], "b": b}) == {"deep": [{"W": plain[0]}], "b": plain[1]}
    named = sd.grad(z, Layer(W, b))
    assert type(named) is Layer
    assert named.weight is plain[0]
    for gradient, x in zip(plain, (W, b), strict=True):
        np.testing.assert_allclose(
            sd.evaluate(gradient, point), numeric_gradient(z, x, point), rtol=1e-7, atol=1e-8
        )


def test_the_same_node_may_be_asked_for_twice() -> None:
    z, (W, _), _ = small_loss()
    first, second = sd.grad(z, [W, W])
    assert first is second


def test_value_and_grad_are_the_value_and_the_gradient() -> None:
    z, layer, _ = small_loss()
    value, gradient = sd.value_and_grad(z, layer)
    assert value is z
    assert gradient == sd.grad(z, layer)


def test_a_disconnected_target_is_named_with_its_line() -> None:
    x, y = inputs(x=sd.f64, y=sd.f64[3])
    lonely = sd.sin(y)
    with pytest.raises(sd.DisconnectedError) as caught:
        sd.grad(x * x, [x, lonely])
    message = str(caught.value)
    assert f"sin y            ({lonely.origin})" in message
    assert "disconnected='zero'" in message
    assert "\n  x : f64[]" not in message


def test_a_disconnected_target_has_zeros_where_they_are_meant() -> None:
    x, y = inputs(x=sd.f64, y=sd.f32["n", 3])
    z = x * x
    gradients = sd.grad(z, {"x": x, "y": y}, disconnected="zero")
    assert gradients["y"].type == y.type
    found = sd.evaluate(gradients, {x: 2.0, y: np.ones((4, 3), np.float32)})
    assert found["x"] == 4.0
    np.testing.assert_array_equal(found["y"], np.zeros((4, 3)))
    value, (zero,) = sd.value_and_grad(z, [y], disconnected="zero")
    assert value is z
    assert zero is gradients["y"]


def test_another_word_for_disconnected_is_refused() -> None:
    (x,) = inputs(x=sd.f64)
    with pytest.raises(sd.ArgumentError, match="'raise' or 'zero', not 'zeros'"):
        sd.grad(x, x, disconnected="zeros")


def test_what_is_not_a_node_is_named_by_its_path() -> None:
    (x,) = inputs(x=sd.f64)
    with pytest.raises(sd.ArgumentError, match=r"wrt\['w'\]\[1\] must be a node, not 3.0"):
        sd.grad(x, {"w": [x, 3.0]})
    with pytest.raises(sd.ArgumentError, match="wrt is empty"):
        sd.grad(x, [])
    with pytest.raises(sd.ArgumentError, match=r"z must be a node, not 1\.0"):
        sd.grad(1.0, x)
    with pytest.raises(sd.ArgumentError, match=r"outputs\[0\] must be a node"):
        sd.vjp([2.0], x, [1.0])


# -- vjp -----------------------------------------------------------------------------------


def test_a_vjp_sums_over_the_outputs() -> None:
    x, y = inputs(x=sd.f64[3], y=sd.f64)
    outputs = {"s": sd.sin(x), "t": [sd.sum(x) * y]}
    dx, dy = sd.vjp(outputs, (x, y), {"s": [1.0, 2.0, 3.0], "t": [10.0]})
    X = np.array([0.1, 0.2, 0.3])
    found = sd.evaluate((dx, dy), {x: X, y: 2.0})
    np.testing.assert_allclose(found[0], np.cos(X) * [1, 2, 3] + 20.0)
    assert found[1] == pytest.approx(6.0)


def test_a_vjp_is_zero_where_no_output_depends() -> None:
    x, y = inputs(x=sd.f64[3], y=sd.f64[2])
    zero = sd.vjp(sd.sin(x), y, np.ones(3))
    np.testing.assert_array_equal(sd.evaluate(zero, {}), [0.0, 0.0])


def test_cotangents_must_fit_the_outputs() -> None:
    (x,) = inputs(x=sd.f64[3])
    with pytest.raises(sd.ShapeError, match=r"cotangents: f64\[2\] was given .* f64\[3\]"):
        sd.vjp(sd.sin(x), x, np.ones(2))
    with pytest.raises(sd.ArgumentError, match="cotangents: at the top: a sequence of 2"):
        sd.vjp([x, sd.sin(x)], x, [np.ones(3)])


def test_a_vjp_of_outputs_that_share_their_work_costs_one_vjp_an_edge() -> None:
    calls: list[sd.Node] = []
    counted = sd.op(
        "counted", "x", doc="", infer=lambda x: x, kernel=np.copy,
        vjp=(lambda g, y, x: calls.append(y) or g,),
    )  # fmt: skip
    (x,) = inputs(x=sd.f64)
    y = counted(x)
    sd.vjp([sd.sin(y), sd.cos(y), y * y], x, [1.0, 2.0, 3.0])
    assert len(calls) == 1


def test_a_vjp_takes_an_output_twice_and_one_computed_from_another() -> None:
    (x,) = inputs(x=sd.f64)
    y = sd.sin(x)
    z = y * y
    point, s, c = {x: 0.4}, np.sin(0.4), np.cos(0.4)
    assert sd.evaluate(sd.vjp([y, y], x, [1.0, 10.0]), point) == pytest.approx(11 * c)
    assert sd.evaluate(sd.vjp([y, z], x, [1.0, 10.0]), point) == pytest.approx(c + 20 * s * c)
    assert sd.evaluate(sd.vjp([z, x], y, [10.0, 1.0]), point) == pytest.approx(20 * s)


def test_a_vjp_of_an_integer_or_by_one_is_refused() -> None:
    x, k = inputs(x=sd.f64, k=sd.i64)
    for outputs, wrt, cotangents in ([[x, k], x, [1.0, 1]], [x * k, k, 1.0]):
        with pytest.raises(sd.NotDifferentiableError, match=r"a node of type i64\[\].*\n  k : "):
            sd.vjp(outputs, wrt, cotangents)


# -- jacobian ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (2,), (2, 2), (0,), (1, 3)], ids=str)
@pytest.mark.parametrize("wrt", [(), (3,), (2, 3), (3, 0)], ids=str)
def test_a_jacobian_has_the_shape_of_y_before_that_of_x(
    shape: tuple[int, ...], wrt: tuple[int, ...]
) -> None:
    x, c = inputs(x=sd.f64[wrt], c=sd.f64[shape])
    y = sd.sin(c * sd.sum(x * x))
    J = sd.jacobian(y, x)
    assert J.type == sd.f64[(*shape, *wrt)]
    rng = np.random.default_rng(0)
    X, C = np.asarray(rng.random(wrt)), np.asarray(rng.random(shape))
    expected = np.multiply.outer(np.cos(C * np.sum(X * X)) * C, 2 * X)
    np.testing.assert_allclose(sd.evaluate(J, {x: X, c: C}), expected)


def test_a_jacobian_has_a_row_for_each_entry_of_y() -> None:
    _, (W, b), point = small_loss()
    y = sd.tanh(W.T @ b).reshape(3, 1) * b
    for x in (W, b):
        np.testing.assert_allclose(
            sd.evaluate(sd.jacobian(y, x), point),
            numeric_gradient(y, x, point),
            rtol=1e-7,
            atol=1e-8,
        )


def test_a_jacobian_over_named_sizes_serves_every_size() -> None:
    A, x = inputs(A=sd.f64["m", "n"], x=sd.f64["n"])
    J, D = sd.jacobian(A @ x, [x, A])
    square = sd.jacobian(x * x, x)
    assert [J.type, D.type, square.type] == [
        sd.f64["m", "n"],
        sd.f64["m", "m", "n"],
        sd.f64["n", "n"],
    ]
    for m, n in [(2, 3), (1, 1), (0, 2), (3, 0)]:
        M, v = np.arange(1.0 * m * n).reshape(m, n), np.arange(1.0, n + 1)
        found = sd.evaluate([J, D, square], {A: M, x: v})
        np.testing.assert_array_equal(found[0], M)
        np.testing.assert_array_equal(found[1], np.einsum("ij,k->ijk", np.eye(m), v))
        np.testing.assert_array_equal(found[2], np.diag(2 * v))


def test_a_jacobian_comes_in_the_nesting_of_wrt_with_structural_zeros() -> None:
    x, y, u = inputs(x=sd.f64[2], y=sd.f32[3], u=sd.f64)
    J = sd.jacobian(sd.sin(x) * u, {"xy": (x, y), "u": u})
    assert J["xy"][1].type == sd.f32[2, 3]
    found = sd.evaluate(J, {x: [0.0, 0.5], u: 2.0})
    np.testing.assert_allclose(found["xy"][0], np.diag(2 * np.cos([0.0, 0.5])))
    np.testing.assert_array_equal(found["xy"][1], np.zeros((2, 3)))
    np.testing.assert_allclose(found["u"], np.sin([0.0, 0.5]))


def test_a_jacobian_by_an_intermediate_node_holds_its_inputs() -> None:
    (x,) = inputs(x=sd.f64[2])
    y = sd.exp(x)
    J = sd.jacobian(y * x, y)
    np.testing.assert_array_equal(sd.evaluate(J, {x: [3.0, 4.0]}), np.diag([3.0, 4.0]))


def test_a_jacobian_of_several_results_of_one_node() -> None:
    a, b = inputs(a=sd.f64[2], b=sd.f64[2])
    _, rest = divmod(a, b)
    J = sd.evaluate(sd.jacobian(rest, [a, b]), {a: [7.5, -1.0], b: [2.0, 0.6]})
    np.testing.assert_array_equal(J[0], np.eye(2))
    np.testing.assert_array_equal(J[1], np.diag([-3.0, 2.0]))


# -- modes of a jacobian ----------------------------------------------------------------------


def rules_used(make: Callable[[], Any]) -> set[str]:
    """Which rules of `counted` it takes to make something."""
    USED.clear()
    make()
    return set(USED)


USED: list[str] = []
counted = sd.op(
    "counted",
    "x",
    doc="",
    infer=lambda x: x,
    kernel=np.sin,
    vjp=(lambda g, y, x: USED.append("reverse") or g * sd.cos(x),),
    jvp=(lambda t, y, x: USED.append("forward") or t * sd.cos(x),),
    batch=lambda y, xs, mapped: counted(xs[0]),
)


@pytest.mark.parametrize("mode", ["forward", "reverse", None])
def test_both_modes_of_a_jacobian_give_the_same(mode: str | None) -> None:
    z, layer, point = small_loss()
    W, b = layer
    y = sd.tanh(W.T @ b).reshape(3, 1) * b * z
    for wrt in (W, b, layer):
        found = sd.jacobian(y, wrt, mode=mode)
        targets = [wrt] if isinstance(wrt, sd.Node) else list(wrt)
        blocks = [found] if isinstance(wrt, sd.Node) else list(found)
        for block, x in zip(blocks, targets, strict=True):
            assert block.type == sd.f64[(*y.shape, *x.shape)]
            np.testing.assert_allclose(
                sd.evaluate(block, point), numeric_gradient(y, x, point), rtol=1e-6, atol=1e-7
            )


@pytest.mark.parametrize(
    ("shape", "wrt", "mode"),
    [
        ((5,), (3,), "forward"),
        ((3,), (5,), "reverse"),
        ((4,), (4,), "reverse"),
        ((2, 2), (3,), "forward"),
        (("n",), (3,), "forward"),
        ((3,), ("n",), "reverse"),
        (("n",), ("n",), "reverse"),
        (("n", 2), ("n",), "forward"),
        (("n",), ("m", "n"), "reverse"),
        ((), (3,), "reverse"),
        ((3,), (), "forward"),
    ],
)
def test_a_jacobian_is_taken_along_the_smaller_side(shape: Any, wrt: Any, mode: str) -> None:
    x, c = inputs(x=sd.f64[wrt], c=sd.f64[shape])
    y = c * counted(sd.sum(x * x))
    assert rules_used(lambda: sd.jacobian(y, x)) == {mode}
    for forced in ("forward", "reverse"):
        assert rules_used(lambda forced=forced: sd.jacobian(y, x, mode=forced)) == {forced}


def test_the_jacobian_of_a_scalar_is_its_gradient() -> None:
    z, layer, _ = small_loss()
    assert sd.jacobian(z, layer) == sd.grad(z, layer)


def test_only_nodes_with_a_part_in_it_count_for_the_smaller_side() -> None:
    x, big = inputs(x=sd.f64[2], big=sd.f64[100])
    y = counted(sd.concat([x, x]))
    found: list[sd.Node] = []
    assert rules_used(lambda: found.extend(sd.jacobian(y, [x, big]))) == {"forward"}
    values = sd.evaluate(found, {x: [0.0, 0.5]})
    np.testing.assert_allclose(values[0], np.tile(np.diag(np.cos([0.0, 0.5])), (2, 1)))
    np.testing.assert_array_equal(values[1], np.zeros((4, 100)))


def test_a_jacobian_through_a_rule_without_a_forward_one_is_taken_in_reverse() -> None:
    bounded = sd.custom_gradient(lambda x: sd.sin(x), vjp=lambda g, y, x: 3.0 * g)
    (x,) = inputs(x=sd.f64)
    y = bounded(sd.stack([x, 2.0 * x]))
    np.testing.assert_array_equal(sd.evaluate(sd.jacobian(y, x), {x: 0.1}), [3.0, 6.0])
    with pytest.raises(sd.NotDifferentiableError, match="no forward one"):
        sd.jacobian(y, x, mode="forward")


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_jacobian_has_the_dtype_of_what_it_is_taken_by(mode: str) -> None:
    x, y = inputs(x=sd.f32[3], y=sd.f64[2])
    J = sd.jacobian(sd.sum(x) * y, [x, y], mode=mode)
    assert [j.type for j in J] == [sd.f32[2, 3], sd.f64[2, 2]]
    found = sd.evaluate(J, {x: np.ones(3, np.float32), y: [2.0, 5.0]})
    np.testing.assert_array_equal(found[0], np.outer([2.0, 5.0], np.ones(3)))
    np.testing.assert_array_equal(found[1], 3 * np.eye(2))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_jacobian_by_nodes_computed_from_one_another(mode: str) -> None:
    (x,) = inputs(x=sd.f64[2])
    y = sd.exp(x)
    J = sd.jacobian(y * x, [x, y, y], mode=mode)
    X = np.array([0.5, 1.0])
    found = sd.evaluate(J, {x: X})
    np.testing.assert_allclose(found[0], np.diag(np.exp(X) * (1 + X)))
    np.testing.assert_allclose(found[1], np.diag(X))
    assert J[1] is J[2]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_jacobian_over_named_sizes_in_both_modes(mode: str) -> None:
    A, x = inputs(A=sd.f64["m", "n"], x=sd.f64["n"])
    J = sd.jacobian(sd.tanh(A @ x), [x, A], mode=mode)
    assert [j.type for j in J] == [sd.f64["m", "n"], sd.f64["m", "m", "n"]]
    for m, n in [(2, 3), (3, 2), (0, 2), (2, 0)]:
        M, v = np.linspace(-1, 1, m * n).reshape(m, n), np.arange(1.0, n + 1)
        slope = 1 - np.tanh(M @ v) ** 2
        found = sd.evaluate(J, {A: M, x: v})
        np.testing.assert_allclose(found[0], slope[:, None] * M)
        expected = np.einsum("i,ij,k->ijk", slope, np.eye(m), v)
        np.testing.assert_allclose(found[1], expected, atol=1e-15)


def test_what_has_no_jacobian_is_named_with_its_line() -> None:
    x, k = inputs(x=sd.f64[3], k=sd.i64[3])
    for mode in ("forward", "reverse", None):
        with pytest.raises(
            sd.NotDifferentiableError, match=r"cannot differentiate a node of type i64\[3\].*\n  k"
        ):
            sd.jacobian(k, x, mode=mode)
        with pytest.raises(sd.NotDifferentiableError, match=r"differentiate by .* i64.*\n  k"):
            sd.jacobian(x * k, [x, k], mode=mode)
    with pytest.raises(sd.ArgumentError, match="'forward', 'reverse' or None, not 'both'"):
        sd.jacobian(x, x, mode="both")


@settings(max_examples=25)
@given(st.one_of(recipes(max_steps=8), recipes(max_steps=8, named=True)))
def test_both_modes_agree_on_random_gradients_and_with_the_hessian(recipe: Recipe) -> None:
    built = recipe.build()
    x = built.inputs[0]
    (slope,) = sd.grad(built.output, [x], disconnected="zero")
    made = [
        sd.jacobian(slope, x, mode="forward"),
        sd.jacobian(slope, x, mode="reverse"),
        sd.hessian(built.output, built.inputs)[0][0],
    ]
    first, *others = sd.evaluate(made, built.point)
    size = 1.0 + np.max(np.abs(first), initial=0.0)
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e5 * recipe.precision * size)


def test_a_jacobian_leaves_nothing_dead_behind() -> None:
    for mode in ("forward", "reverse"):
        A, x = inputs(A=sd.f64[4, 3], x=sd.f64[3])
        y = sd.tanh(A @ x)
        before = len(A.graph)
        J = sd.jacobian(y, x, mode=mode)
        needed = set(A.graph.ancestors([y, J]))
        assert [n for n in A.graph.nodes[before:] if n not in needed] == []


# -- hessian and hvp -----------------------------------------------------------------------


def test_a_hessian_of_several_nodes_nests_wrt_in_wrt() -> None:
    z, layer, point = small_loss()
    H = sd.hessian(z, layer)
    assert type(H) is Layer
    assert type(H.bias) is Layer
    for row, x in zip(H, layer, strict=True):
        for block, y in zip(row, layer, strict=True):
            assert block.shape == (*x.shape, *y.shape)
            np.testing.assert_allclose(
                sd.evaluate(block, point),
                numeric_gradient(sd.grad(z, x), y, point),
                rtol=1e-6,
                atol=1e-7,
            )


def test_a_flat_hessian_is_one_matrix_over_all_entries() -> None:
    z, layer, point = small_loss()
    flat = sd.hessian(z, layer, flat=True)
    assert flat.type == sd.f64[8, 8]
    blocks, matrix = sd.evaluate([sd.hessian(z, list(layer)), flat], point)
    np.testing.assert_array_equal(
        matrix, np.block([[blocks[0][k].reshape(6, -1) for k in (0, 1)],
                          [blocks[1][k].reshape(2, -1) for k in (0, 1)]]),
    )  # fmt: skip
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-14)


def test_a_flat_hessian_of_one_node_is_its_raveled_hessian() -> None:
    z, (W, _), point = small_loss()
    H, flat = sd.evaluate([sd.hessian(z, W), sd.hessian(z, W, flat=True)], point)
    np.testing.assert_array_equal(flat, H.reshape(6, 6))


def test_a_flat_hessian_over_named_and_mixed_types_is_promoted() -> None:
    x, y, s = inputs(x=sd.f64["n"], y=sd.f32[2], s=sd.f64)
    z = sd.sum(x**3) * s + sd.sum(y * y) * s
    flat = sd.hessian(z, [x, y, s], flat=True)
    n = sd.Size("n")
    assert flat.type == sd.TensorType(np.float64, (n + 3, n + 3))
    X, Y = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0], np.float32)
    expected = np.zeros((6, 6))
    expected[:3, :3] = np.diag(6 * X * 2.0)
    expected[3:5, 3:5] = np.diag([4.0, 4.0])
    expected[:5, 5] = expected[5, :5] = [*(3 * X**2), *(2 * Y)]
    np.testing.assert_allclose(sd.evaluate(flat, {x: X, y: Y, s: 2.0}), expected)


def test_blocks_that_do_not_interact_are_structural_zeros() -> None:
    x, y, lonely = inputs(x=sd.f64[2], y=sd.f64[3], lonely=sd.f64)
    z = sd.sum(x**3) + sd.sum(sd.exp(y))
    H = sd.hessian(z, [x, y, lonely])
    point = {x: [1.0, 2.0], y: [0.0, 0.0, 1.0]}  # no value is needed for what has no part in it
    found = sd.evaluate(H, point)
    np.testing.assert_array_equal(found[0][0], np.diag([6.0, 12.0]))
    np.testing.assert_array_equal(found[0][1], np.zeros((2, 3)))
    np.testing.assert_array_equal(found[1][0], np.zeros((3, 2)))
    np.testing.assert_array_equal(found[2][1], np.zeros(3))
    flat = sd.evaluate(sd.hessian(z, [x, y, lonely], flat=True), point)
    np.testing.assert_array_equal(flat, np.diag([6.0, 12.0, 1.0, 1.0, np.exp(1.0), 0.0]))


def test_the_hessian_of_something_linear_is_zero() -> None:
    (x,) = inputs(x=sd.f64[2])
    assert sd.evaluate(sd.hessian(sd.sum(x) * 3.0, x), {}).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_hessian_of_an_empty_array_is_empty() -> None:
    (x,) = inputs(x=sd.f64[0, 2])
    z = sd.sum(x**3)
    found = sd.evaluate([sd.hessian(z, x), sd.hessian(z, x, flat=True)], {x: np.ones((0, 2))})
    assert [h.shape for h in found] == [(0, 2, 0, 2), (0, 0)]


def test_mixed_second_derivatives_are_computed_once_and_equal_to_the_bit() -> None:
    u, v, w = inputs(u=sd.f64[2, 2], v=sd.f64["n"], w=sd.f64)
    z = sd.exp(sd.sum(sd.tanh(u)) * w / 3.0) * sd.sum(sd.sin(v * w)) + sd.sum(u[0]) ** 3 * w
    order = [v, u, w]
    H = sd.hessian(z, order)
    assert H[0][1].inputs == (H[1][0],)  # v is the larger: its size is not known
    assert H[0][2] is H[2][0]  # by a scalar there are no axes to exchange
    point = {u: data(2, 2), v: data(3), w: 0.7}
    found, flat = sd.evaluate([H, sd.hessian(z, order, flat=True)], point)
    np.testing.assert_array_equal(found[0][1], np.moveaxis(found[1][0], 2, 0))
    np.testing.assert_array_equal(found[1][2], found[2][1])
    counts = np.cumsum([0, 3, 4, 1])
    for i in range(3):
        for j in range(3):
            rows, columns = (slice(counts[k], counts[k + 1]) for k in (i, j))
            block = flat[rows, columns]
            np.testing.assert_array_equal(block, found[i][j].reshape(block.shape))
            if i != j:
                np.testing.assert_array_equal(block, flat[columns, rows].T)
    np.testing.assert_allclose(flat, flat.T, rtol=1e-13)


def test_a_hessian_pushes_the_smaller_node_through_the_gradient_of_the_larger() -> None:
    """Of two nodes of 100 and 2 entries the mixed block takes 2 seeds, not 100."""
    big, small = inputs(big=sd.f64[100], small=sd.f64[2])
    z = sd.sum(sd.sin(big)) * sd.sum(small**2)
    for wrt in ([big, small], [small, big]):
        mixed = {b.shape: b for row in sd.hessian(z, wrt) for b in row}[2, 100]
        sizes = {n.shape[0] for n in big.graph.ancestors(mixed) if n.op.name == "eye"}
        assert sizes == {2}


def test_a_hessian_goes_on_in_reverse_where_there_is_no_forward_rule() -> None:
    doubled = sd.custom_gradient(lambda x: sd.sin(x), vjp=lambda g, y, x: 2.0 * g * y)
    x, w = inputs(x=sd.f64[2], w=sd.f64)
    H = sd.hessian(sd.sum(doubled(x)) * w, [x, w])
    X = np.array([0.1, 0.7])
    found = sd.evaluate(H, {x: X, w: 3.0})
    np.testing.assert_allclose(found[0][0], np.diag(4.0 * 3.0 * np.sin(X)))
    np.testing.assert_allclose(found[0][1], 2.0 * np.sin(X))
    np.testing.assert_array_equal(found[0][1], found[1][0])


def test_a_hessian_by_nodes_computed_from_one_another_is_the_jacobian_of_the_gradient() -> None:
    (x,) = inputs(x=sd.f64[2])
    y = sd.exp(x)
    z = sd.sum(y**2 * x)
    H = sd.hessian(z, [x, y])
    expected = [sd.jacobian(g, [x, y]) for g in sd.grad(z, [x, y])]
    found, wanted = sd.evaluate([H, expected], {x: [0.3, -0.5]})
    for one, other in zip(found, wanted, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b)


def test_a_hessian_by_a_node_twice_has_its_block_four_times() -> None:
    (x,) = inputs(x=sd.f64[2])
    H = sd.hessian(sd.sum(x**3), [x, x])
    assert H[0][0] is H[0][1] is H[1][0] is H[1][1]


def test_a_hessian_of_something_elementwise_stays_small() -> None:
    """One diagonal, whatever the size: an identity matrix, scaled."""
    (x,) = inputs(x=sd.f64["n"])
    H = sd.hessian(sd.sum(x**4), x)
    square = [n.op.name for n in x.graph.ancestors(H) if n.type == H.type]
    assert square == ["eye", "multiply", "multiply"]


def test_a_hessian_over_a_named_size_serves_every_size() -> None:
    (x,) = inputs(x=sd.f64["n"])
    H = sd.hessian(sd.sum(x) ** 2 + sd.sum(x**4), x)
    for n in (0, 1, 4):
        X = np.arange(1.0, n + 1)
        np.testing.assert_allclose(
            sd.evaluate(H, {x: X}), np.full((n, n), 2.0) + np.diag(12 * X**2)
        )


@pytest.mark.parametrize("mode", MODES)
def test_a_hessian_vector_product_is_the_hessian_times_the_vector(mode: str) -> None:
    z, layer, point = small_loss()
    rng = np.random.default_rng(1)
    v = Layer(rng.standard_normal((2, 3)), rng.standard_normal(2))
    products = sd.hvp(z, layer, v, mode=mode)
    assert type(products) is Layer
    H, found = sd.evaluate([sd.hessian(z, layer, flat=True), list(products)], point)
    flat = np.concatenate([part.ravel() for part in found])
    np.testing.assert_allclose(flat, H @ np.concatenate([part.ravel() for part in v]))


@pytest.mark.parametrize("mode", MODES)
def test_a_hessian_vector_product_is_zero_where_z_does_not_depend(mode: str) -> None:
    x, y, lonely = inputs(x=sd.f64[2], y=sd.f32[3], lonely=sd.f64)
    z = sd.sum(x**3) + sd.sum(y)
    products = sd.hvp(z, [x, y, lonely], [np.ones(2), np.ones(3), 1.0], mode=mode)
    assert [p.type for p in products] == [x.type, y.type, lonely.type]
    found = sd.evaluate(products, {x: [1.0, 2.0]})
    np.testing.assert_array_equal(found[0], [6.0, 12.0])
    np.testing.assert_array_equal(found[1], np.zeros(3))
    assert found[2] == 0.0


@pytest.mark.parametrize("mode", MODES)
def test_a_hessian_vector_product_of_mixed_dtypes(mode: str) -> None:
    x, y = inputs(x=sd.f64[2], y=sd.f32[2])
    z = sd.sum(x * x * y) + sd.sum(y**3)
    v = [np.ones(2), np.ones(2, np.float32)]
    px, py = sd.hvp(z, [x, y], v, mode=mode)
    assert (px.type, py.type) == (x.type, y.type)
    X, Y = np.array([1.0, 2.0]), np.array([3.0, 4.0], np.float32)
    found = sd.evaluate([px, py], {x: X, y: Y})
    np.testing.assert_allclose(found, [2 * Y + 2 * X, 2 * X + 6 * Y])


@pytest.mark.parametrize("mode", MODES)
def test_the_direction_of_a_hessian_vector_product_is_held_fixed(mode: str) -> None:
    (x,) = inputs(x=sd.f64[2])
    product = sd.hvp(sd.sum(x**3), x, x * x, mode=mode)
    X = np.array([1.0, 2.0])
    np.testing.assert_allclose(sd.evaluate(product, {x: X}), 6 * X * X**2)


def test_another_mode_is_refused() -> None:
    (x,) = inputs(x=sd.f64)
    with pytest.raises(sd.ArgumentError, match="'reverse-over-reverse', not 'forward'"):
        sd.hvp(x * x, x, 1.0, mode="forward")


# -- any order -----------------------------------------------------------------------------


def derivatives(z: sd.Node, x: sd.Node, count: int) -> Iterable[sd.Node]:
    """z', z'', …, each the gradient of the one before."""
    for _ in range(count):
        z = sd.grad(z, x, disconnected="zero")
        yield z


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "x**5": lambda m, x: x**5,
    "x**-2": lambda m, x: x**-2,
    "sin": lambda m, x: m.sin(x),
    "cos(x**2)": lambda m, x: m.cos(x**2),
    "exp(-x**2)": lambda m, x: m.exp(-(x**2)),
    "log": lambda m, x: m.log(x),
    "sqrt": lambda m, x: m.sqrt(x),
    "tanh": lambda m, x: m.tanh(x),
    "x**x": lambda m, x: x**x,
    "sin(x)/x": lambda m, x: m.sin(x) / x,
    "f(f(x))": lambda m, x: m.sin(m.exp(m.sin(m.exp(-x)))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_up_to_the_sixth_are_those_of_sympy(name: str) -> None:
    function, (x,), s = FUNCTIONS[name], inputs(x=sd.f64), sympy.Symbol("s", positive=True)
    chain = list(derivatives(function(sd, x), x, 6))
    closed, at = function(sympy, s), 0.75
    expected = [float(sympy.diff(closed, s, k).subs(s, at).evalf(30)) for k in range(1, 7)]
    np.testing.assert_allclose(sd.evaluate(chain, {x: at}), expected, rtol=1e-11, atol=1e-12)


SURFACES: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "rosenbrock": lambda m, x, y, z: (1 - x) ** 2 + 100 * (y - x**2) ** 2 + z * x * y,
    "products": lambda m, x, y, z: m.sin(x * y) * m.exp(z / y) - x * z,
    "powers": lambda m, x, y, z: x**y + m.sqrt(x * z) + m.log(y + z**2),
    "distance": lambda m, x, y, z: 1 / m.sqrt(x**2 + y**2 + z**2),
}


@pytest.mark.parametrize("name", SURFACES)
def test_all_partial_derivatives_to_the_third_are_those_of_sympy(name: str) -> None:
    function, symbols = SURFACES[name], sympy.symbols("x y z", positive=True)
    nodes = inputs(x=sd.f64, y=sd.f64, z=sd.f64)
    z = function(sd, *nodes)
    third = [sd.hessian(d, nodes) for d in sd.grad(z, nodes)]
    at = (0.8, 1.3, 0.6)
    closed, point = function(sympy, *symbols), dict(zip(symbols, at, strict=True))
    expected = [
        [[float(sympy.diff(closed, a, b, c).evalf(30, subs=point)) for c in symbols]
         for b in symbols] for a in symbols
    ]  # fmt: skip
    found = sd.evaluate(third, dict(zip(nodes, at, strict=True)))
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_derivatives_past_the_degree_are_zero() -> None:
    (x,) = inputs(x=sd.f64)
    found = sd.evaluate(list(derivatives(x**3, x, 5)), {x: 2.0})
    assert found == [12.0, 12.0, 6.0, 0.0, 0.0]


def test_derivatives_at_a_root_of_a_power_are_exact() -> None:
    (x,) = inputs(x=sd.f64)
    assert sd.evaluate(list(derivatives(x**5, x, 6)), {x: 0.0}) == [0, 0, 0, 0, 120.0, 0]


def test_forward_and_reverse_mode_mix_at_any_depth() -> None:
    (x,) = inputs(x=sd.f64)
    z = sd.exp(sd.sin(x))
    steps = (lambda y: sd.grad(y, x), lambda y: sd.jvp(y, x, 1.0), lambda y: sd.vjp(y, x, 1.0))
    third = [a(b(c(z))) for a in steps for b in steps for c in steps]
    s, c = np.sin(0.4), np.cos(0.4)
    np.testing.assert_allclose(
        sd.evaluate(third, {x: 0.4}), np.exp(s) * (c**3 - 3 * s * c - c), rtol=1e-12
    )


def test_a_gradient_can_be_differentiated_by_an_intermediate_node() -> None:
    x, y = inputs(x=sd.f64, y=sd.f64)
    u = x * y
    du = sd.grad(sd.sin(u) * x, u)  # x cos(u)
    assert sd.evaluate(sd.grad(du, u), {x: 2.0, y: 0.3}) == pytest.approx(-2 * np.sin(0.6))
    assert sd.evaluate(sd.grad(du, x), {x: 2.0, y: 0.3}) == pytest.approx(
        np.cos(0.6) - 2 * np.sin(0.6) * 0.3
    )


def test_a_loss_may_contain_a_gradient() -> None:
    """The penalty on an input gradient: a derivative of a function of derivatives."""
    x, w = inputs(x=sd.f64[3], w=sd.f64[3])
    score = sd.tanh(x @ w)
    penalty = sd.sum(sd.grad(score, x) ** 2)
    dw = sd.grad(penalty, w)
    X, W = np.array([0.2, -0.5, 1.0]), np.array([1.0, 0.3, -0.4])
    t = np.tanh(X @ W)
    slope = 1 - t**2
    expected = 2 * slope**2 * W - 4 * slope**2 * t * X * (W @ W)
    np.testing.assert_allclose(sd.evaluate(dw, {x: X, w: W}), expected)


def test_the_hessian_of_a_hessian_has_four_axes() -> None:
    (x,) = inputs(x=sd.f64[2])
    H = sd.hessian(sd.sum(x) ** 4, x)
    fourth = sd.jacobian(sd.jacobian(H, x), x)
    assert fourth.shape == (2, 2, 2, 2)
    np.testing.assert_array_equal(sd.evaluate(fourth, {x: [0.5, 1.0]}), np.full((2,) * 4, 24.0))


def test_a_node_with_several_results_has_a_tangent_for_each() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    for node in (np.divmod(x, 2.0), np.divmod(sd.stop_gradient(x), 2.0)):
        tangents = sd.jvp(node, x, [1.0, 3.0])
        moved = [1.0, 3.0] if node.inputs[0] is x else [0.0, 0.0]
        np.testing.assert_array_equal(sd.evaluate(tangents, {x: [3.0, 5.0]}), ([0.0, 0.0], moved))
