"""Batching: the same computation on inputs with one more leading axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.autodiff.batch import batch_nodes


def inputs(**types: Any) -> list[sd.Node]:
    graph = sd.Graph()
    return [graph.input(name, type_) for name, type_ in types.items()]


def batch_of(x: sd.Node, size: Any = 4) -> sd.Node:
    """An input like `x` with a leading axis."""
    dim = sd.Size(size) if isinstance(size, str) else size
    return x.graph.input(f"many_{x.name}", sd.TensorType(x.dtype, (dim, *x.shape)))


def stack(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


# What two operands of several ranks do; each pair is batched in all three ways.
PAIRS = {
    "broadcast, lower rank": (lambda a, b: a * b, (2, 3), (3,)),
    "broadcast, scalar": (lambda a, b: a / b, (), (2, 3)),
    "power": (lambda a, b: a**b, (3,), (2, 1)),
    "choice": (lambda a, b: np.where(a > b, a, 0.5), (3,), (2, 3)),
    "matrix times vector": (lambda a, b: a @ b, (2, 3), (3,)),
    "vector times matrix": (lambda a, b: a @ b, (3,), (3, 2)),
    "inner product": (lambda a, b: a @ b, (3,), (3,)),
    "matrix times matrix": (lambda a, b: a @ b, (2, 3), (3, 2)),
    "stacks of matrices": (lambda a, b: a @ b, (5, 2, 3), (3, 2)),
    "stack times vector": (lambda a, b: a @ b, (5, 2, 3), (3,)),
    "reduced": (lambda a, b: (a.sum(axis=0) * b).sum(axis=-1, keepdims=True), (2, 3), (2, 3)),
    "moved": (lambda a, b: a.T.reshape(2, 3) + b[::-1, None, 1:, 0], (2, 3), (2, 4, 2)),
    "one of several results": (lambda a, b: divmod(a, b)[1], (2, 3), (3,)),
    "sum of terms": (lambda a, b: sd.add_n(a, b, a), (2, 3), (2, 3)),
}


@pytest.mark.parametrize("mapped", [(True, False), (False, True), (True, True)], ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_a_batch_is_what_stacking_gives(name: str, mapped: tuple[bool, bool]) -> None:
    function, *shapes = PAIRS[name]
    a, b = inputs(a=sd.f64[shapes[0]], b=sd.f64[shapes[1]])
    y = function(a, b)
    chosen = [x for x, m in zip((a, b), mapped, strict=True) if m]
    many = {x: batch_of(x) for x in chosen}
    (batched,), (carries,) = batch_nodes(a.graph, [y], many)
    a.graph.check()
    assert carries
    assert batched.shape == (4, *y.shape)

    values = {x: stack(4, *x.shape, seed=x.index) for x in (a, b)}
    each = [
        sd.evaluate(y, {x: v[i if x in many else 0] for x, v in values.items()}) for i in range(4)
    ]
    given = {many.get(x, x): v if x in many else v[0] for x, v in values.items()}
    np.testing.assert_allclose(sd.evaluate(batched, given), np.stack(each))


def test_what_does_not_depend_on_the_batch_stays_as_it_is() -> None:
    x, y = inputs(x=sd.f64[3], y=sd.f64[3])
    shared = sd.exp(y)
    outputs = [sd.sin(x), shared, sd.sum(x * shared)]
    found, carries = batch_nodes(x.graph, outputs, {x: batch_of(x)})
    assert carries == [True, False, True]
    assert found[1] is shared
    assert [n.shape for n in found] == [(4, 3), (3,), (4,)]


def test_an_inner_node_can_be_batched_and_cuts_what_it_came_from() -> None:
    x, v = inputs(x=sd.f64[3], v=sd.f64[4, 3])
    y = sd.sin(x)
    (found,), _ = batch_nodes(x.graph, [sd.sum(y * x)], {y: v})
    V, X = stack(4, 3), stack(3, seed=1)
    np.testing.assert_allclose(sd.evaluate(found, {v: V, x: X}), V @ X)


def test_a_batched_node_may_itself_be_an_output() -> None:
    (x,) = inputs(x=sd.f64[3])
    many = batch_of(x)
    assert batch_nodes(x.graph, [x], {x: many}) == ([many], [True])


@pytest.mark.parametrize("size", [0, 1, "b"])
def test_a_batch_may_have_any_size_also_by_name(size: Any) -> None:
    x, w = inputs(x=sd.f64["n", 2], w=sd.f64[2])
    many = batch_of(x, size)
    (found,), _ = batch_nodes(x.graph, [sd.sum((x @ w) ** 2)], {x: many})
    count = size if isinstance(size, int) else 5
    X, W = stack(count, 3, 2), stack(2, seed=1)
    assert found.shape == (many.shape[0],)
    np.testing.assert_allclose(sd.evaluate(found, {many: X, w: W}), ((X @ W) ** 2).sum(axis=1))


def test_gradients_of_every_order_can_be_batched() -> None:
    (x,) = inputs(x=sd.f64[3])
    dx = sd.grad(sd.sum(sd.sin(x) * x), x)
    ddx = sd.grad(sd.sum(dx), x)
    many = batch_of(x)
    found, _ = batch_nodes(x.graph, [dx, ddx], {x: many})
    X = stack(4, 3)
    first, second = sd.evaluate(found, {many: X})
    np.testing.assert_allclose(first, X * np.cos(X) + np.sin(X))
    np.testing.assert_allclose(second, 2 * np.cos(X) - X * np.sin(X))


def test_a_batch_can_be_batched_again() -> None:
    x, w = inputs(x=sd.f64[3], w=sd.f64[3])
    y = sd.sum(sd.tanh(x) * w)
    many = batch_of(x)
    (rows,), _ = batch_nodes(x.graph, [y], {x: many})
    table = x.graph.input("table", sd.f64[2, 4, 3])
    (cells,), _ = batch_nodes(x.graph, [rows], {many: table})
    T, W = stack(2, 4, 3), stack(3, seed=1)
    np.testing.assert_allclose(sd.evaluate(cells, {table: T, w: W}), np.tanh(T) @ W)


def test_batched_nodes_can_be_differentiated() -> None:
    (x,) = inputs(x=sd.f64[3])
    many = batch_of(x)
    (found,), _ = batch_nodes(x.graph, [sd.sum(sd.exp(x[:2]))], {x: many})
    X = stack(4, 3)
    gradient = sd.evaluate(sd.grad(sd.sum(found), many), {many: X})
    np.testing.assert_allclose(gradient, np.exp(X) * [1, 1, 0])


def test_both_results_of_a_node_are_batched_by_one_node() -> None:
    a, b = inputs(a=sd.f64[3], b=sd.f64)
    many = batch_of(a)
    (quotient, rest), _ = batch_nodes(a.graph, list(divmod(a, b)), {a: many})
    assert quotient.inputs == rest.inputs
    A = stack(4, 3) * 7
    np.testing.assert_array_equal(
        sd.evaluate([quotient, rest], {many: A, b: 2.0}), np.divmod(A, 2.0)
    )


def test_batched_nodes_have_the_order_of_what_they_stand_for_or_of_what_they_take() -> None:
    x, w, many = inputs(x=sd.f64[3], w=sd.f64[3], many=sd.f64[4, 3])
    y = sd.tanh(x @ w)
    dy = sd.grad(y, x)
    (value, slope), _ = batch_nodes(x.graph, [y, dy], {x: many})
    assert (value.order, slope.order) == (0, 1)
    gradient = sd.grad(sd.sum(many**3), many)
    (value, slope), _ = batch_nodes(x.graph, [y, dy], {x: gradient})
    assert (value.order, slope.order) == (1, 1)


def test_only_what_was_made_after_the_batched_nodes_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (w,) = inputs(w=sd.f64[3])
    deep = w
    for _ in range(50):
        deep = sd.sin(deep)
    x = w.graph.input("x", sd.f64[3])
    y, many = sd.sum(x * deep), batch_of(x)
    looked = []
    order = sd.Graph.order
    monkeypatch.setattr(sd.Graph, "order", lambda g, n: looked.append(n) or order(g, n))
    batch_nodes(w.graph, [y], {x: many})
    assert len(set(looked)) <= 6


def test_batched_nodes_keep_the_line_of_what_they_stand_for() -> None:
    (x,) = inputs(x=sd.f64[3])
    y = sd.sin(x)
    z = sd.sum(y)
    (found,), _ = batch_nodes(x.graph, [z], {x: batch_of(x)})
    assert found.origin == z.origin
    assert found.inputs[0].origin == y.origin


# -- what is refused -----------------------------------------------------------------------


def test_leading_axes_that_differ_are_named() -> None:
    x, y = inputs(x=sd.f64[3], y=sd.f64[3])
    with pytest.raises(sd.ShapeError, match="leading axes differ"):
        batch_nodes(x.graph, [x * y], {x: batch_of(x, 4), y: batch_of(y, "b")})


def test_a_batch_of_something_else_names_the_node() -> None:
    x, many = inputs(x=sd.f64[3], many=sd.f64[4, 2])
    with pytest.raises(
        sd.ShapeError, match=r"f64\[4,2\] is not f64\[3\] with a leading axis\n  x"
    ):
        batch_nodes(x.graph, [sd.sin(x)], {x: many})


def test_a_batch_of_another_dtype_or_none_at_all_is_refused() -> None:
    x, many = inputs(x=sd.f64[3], many=sd.f32[4, 3])
    with pytest.raises(
        sd.DTypeError, match=r"f32\[4,3\] does not stand for f64\[3\]; cast it\n  x"
    ):
        batch_nodes(x.graph, [sd.sin(x)], {x: many})
    with pytest.raises(sd.ArgumentError, match="nothing is batched"):
        batch_nodes(x.graph, [sd.sin(x)], {})


def test_nodes_of_another_graph_are_refused() -> None:
    (x,), (y,) = inputs(x=sd.f64[3]), inputs(y=sd.f64[4, 3])
    with pytest.raises(sd.MixedGraphError):
        batch_nodes(x.graph, [sd.sin(x)], {x: y})


def test_an_op_without_a_batch_rule_is_named_with_its_line() -> None:
    alone = sd.op("alone", "x", doc="", infer=lambda x: x, kernel=np.sort)
    (x,) = inputs(x=sd.f64[3])
    y = alone(x)
    with pytest.raises(sd.ArgumentError, match=r"alone has no batch rule\n.*test_batch.py:\d+"):
        batch_nodes(x.graph, [y], {x: batch_of(x)})


def test_a_batch_rule_that_loses_the_axis_is_an_error_of_the_op() -> None:
    total = sd.op(
        "total",
        "x",
        doc="",
        infer=lambda x: x.with_shape(()),
        kernel=np.sum,
        batch=lambda y, xs, mapped: total(xs[0]),
    )
    (x,) = inputs(x=sd.f64[3])
    message = r"batch rule of total gives f64\[\], not f64\[4\]"
    with pytest.raises(sd.InvariantError, match=message):
        batch_nodes(x.graph, [total(x)], {x: batch_of(x)})
