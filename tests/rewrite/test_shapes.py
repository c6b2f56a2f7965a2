"""Broadcasts, reductions, layouts and indexing: each rule by itself, and what they do together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symdiff as sd
from symdiff.ops.along import add_along_axis
from symdiff.ops.index import scatter
from symdiff.rewrite.driver import run_rules
from symdiff.rewrite.passes import pass_names, rules_of
from symdiff.rewrite.rules.layout import composed
from symdiff.rewrite.rules.shapes import SHAPES
from tests.rewrite.rows import Row, check
from tests.strategies import recipes


def wide(x: sd.Node, *shape: Any) -> sd.Node:
    return sd.broadcast_to(x, shape=shape or ("n", 3))


def put(*parts: sd.Node, at: Any, shape: tuple[Any, ...]) -> sd.Node:
    return scatter(*parts, shape=shape, keys=at)


ROWS: dict[str, list[Row]] = {
    # broadcasts
    "narrow": [
        Row(lambda x, v, **_: x * wide(v), "multiply(x, v)"),
        Row(lambda s, **_: sd.sin(wide(s)), "broadcast_to(sin(s), shape=(n,3))"),
        Row(lambda s, v, **_: wide(s) * wide(v), "broadcast_to(multiply(s, v), shape=(n,3))"),
        Row(lambda r, v, **_: wide(r) + wide(v), "add(r, v)"),
        Row(lambda m, s, x, **_: sd.where(m, wide(s), x), "where(m, s, x)"),
        Row(
            lambda s, **_: wide(s).astype(sd.i64),
            "broadcast_to(cast(s, dtype=int64), shape=(n,3))",
            finite=True,
        ),
    ],
    "thin": [
        Row(lambda x, v, **_: x * v.reshape((1, 3)), "multiply(x, v)"),
        Row(lambda x, s, **_: x * s.reshape((1, 1)), "multiply(x, s)"),
        Row(lambda x, **_: x * np.full((1, 3), 2), "multiply(x, 2)"),
    ],
    "broadcast_broadcast": [
        Row(lambda v, **_: wide(wide(v), 2, "n", 3), "broadcast_to(v, shape=(2,n,3))"),
    ],
    "broadcast_reshape": [
        Row(lambda v, **_: wide(v.reshape((1, 3))), "broadcast_to(v, shape=(n,3))"),
    ],
    "reshape_broadcast": [
        Row(
            lambda r, **_: wide(r).reshape(("n", 1, 3)),
            "broadcast_to(reshape(r, shape=(n,1,1)), shape=(n,1,3))",
        ),
    ],
    "permute_broadcast": [
        Row(
            lambda r, **_: wide(r).T,
            "broadcast_to(permute_dims(r, axes=(1,0)), shape=(3,n))",
        ),
    ],
    # reductions
    "reduce_ones": [
        Row(lambda r, **_: sd.sum(r, axis=1), "reshape(r, shape=(n))"),
        Row(lambda r, **_: sd.max(r, axis=1, keepdims=True), "r"),
    ],
    "reduce_twice": [
        Row(lambda q, **_: sd.sum(sd.sum(q, axis=1), axis=1), "sum(q, axis=(1,2))"),
        Row(
            lambda q, **_: sd.sum(sd.sum(q, axis=1, keepdims=True), axis=2, keepdims=True),
            "reshape(sum(q, axis=(1,2)), shape=(n,1,1))",
        ),
        Row(lambda q, **_: sd.max(sd.max(q, axis=2), axis=1), "max(q, axis=(1,2))"),
        Row(lambda m, **_: sd.any(sd.any(m, axis=0)), "any(m, axis=(0,1))"),
    ],
    "reduce_moved": [
        Row(lambda q, **_: sd.sum(q.reshape((-1,))), "sum(q, axis=(0,1,2))"),
        Row(lambda x, **_: sd.sum(x.T, axis=0), "sum(x, axis=(1))"),
        Row(
            lambda q, **_: sd.max(q.transpose((2, 0, 1)), axis=2),
            "permute_dims(max(q, axis=(1)), axes=(1,0))",
        ),
        Row(
            lambda q, **_: sd.sum(q.transpose((2, 0, 1)), axis=2, keepdims=True),
            "permute_dims(sum(q, axis=(1), keepdims=True), axes=(2,0,1))",
        ),
        Row(lambda x, **_: sd.sum(x.reshape(("n", 1, 3)), axis=(1, 2)), "sum(x, axis=(1))"),
        Row(lambda x, **_: sd.sum(x.reshape(("n", 1, 3)), axis=1), "x"),
    ],
    "reduce_broadcast": [
        Row(lambda v, **_: sd.sum(wide(v, 4, 3), axis=0), "multiply(v, 4.0)"),
        Row(lambda s, **_: sd.sum(wide(s, 4, 3)), "multiply(s, 12.0)"),
        Row(
            lambda v, **_: sd.sum(wide(v), axis=1),
            "broadcast_to(reshape(sum(v, axis=(0)), shape=(1)), shape=(n))",
        ),
        Row(
            lambda x, **_: sd.sum(sd.ones_like(x)),
            "multiply(1.0, size_of(size=3*n))",
        ),
        Row(
            lambda r, **_: sd.max(wide(r), axis=1),
            "reshape(r, shape=(n))",
        ),
        Row(
            lambda m, **_: sd.any(wide(m, 2, "n", 3), axis=(0, 1)),
            "any(m, axis=(0))",
        ),
    ],
    # layouts
    "reshape_reshape": [
        Row(lambda x, **_: x.reshape(-1).reshape(3, -1), "reshape(x, shape=(3,n))"),
        Row(lambda x, **_: x[:, None].reshape((-1,)), "reshape(x, shape=(3*n))"),
    ],
    "index_reshape": [
        Row(lambda q, **_: q.reshape(("n", 6))[:, None], "reshape(q, shape=(n,1,6))"),
    ],
    "reshape_out": [
        Row(
            lambda x, y, s, **_: sd.where(x.reshape(-1) > s, y.reshape(-1), 0.0),
            "reshape(where(greater(x, s), y, 0.0), shape=(3*n))",
        ),
    ],
    "permute_permute": [Row(lambda x, **_: x.T.T, "x")],
    "permute_ones": [Row(lambda r, **_: r.T, "reshape(r, shape=(1,n))")],
    "permute_through": [
        Row(lambda x, y, **_: (x.T * y.T).T, "multiply(x, y)"),
        Row(lambda x, s, **_: sd.maximum(x.T, s).T, "maximum(x, s)"),
    ],
    "permute_out": [
        Row(
            lambda x, y, s, **_: sd.sin(x.T * s) + y.T,
            "permute_dims(add(sin(multiply(x, s)), y), axes=(1,0))",
        ),
    ],
    # reading
    "index_index": [
        Row(lambda q, **_: q[:, 1:][:, 0], "index(q, key=(0:n:1,1,0:3:1))"),
        Row(lambda q, **_: q[::-1][:, :, 1:], "index(q, key=(n - 1:-1:-1,0:2:1,1:3:1))"),
        Row(lambda x, **_: x[:, ::2][:, ::-1], "index(x, key=(0:n:1,2:-1:-2))"),
        Row(lambda x, **_: x[:, None, 1:][..., 0], "index(x, key=(0:n:1,None,1))"),
    ],
    "index_broadcast": [
        Row(lambda r, **_: wide(r)[:, 1], "index(r, key=(0:n:1,0))"),
        Row(lambda v, **_: wide(v, 4, 3)[0], "v"),
        Row(
            lambda v, **_: wide(v)[..., None, 1:],
            "broadcast_to(index(v, key=(1:3:1)), shape=(n,1,2))",
        ),
    ],
    "index_operation": [
        Row(
            lambda x, v, s, **_: (sd.sin(x) * v + s)[:, 0],
            "add(multiply(sin(index(x, key=(0:n:1,0))), index(v, key=(0))), s)",
        ),
        Row(lambda x, r, **_: (x * r)[:, 1:2], "multiply(index(x, key=(0:n:1,1:2:1)), r)"),
    ],
    "index_scatter": [
        Row(
            lambda x, r, **_: put(
                x, r, at=((..., slice(0, 3)), (..., slice(3, 4))), shape=("n", 4)
            )[:, 3:],
            "r",
        ),
        Row(
            lambda v, **_: put(v, at=((1,),), shape=(2, 3))[0],
            "broadcast_to(0.0, shape=(3))",
        ),
    ],
    "index_stack": [Row(lambda x, y, **_: sd.stack([x, y], axis=1)[:, 1], "y")],
    "index_concat": [
        Row(lambda x, y, **_: sd.concat([x, y], axis=1)[:, 3:], "y"),
        Row(lambda x, y, **_: sd.concat([x, y], axis=1)[:, 4], "index(y, key=(0:n:1,1))"),
        Row(lambda v, **_: sd.concat([v, 2 * v])[1:3], "index(v, key=(1:3:1))"),
    ],
    # putting
    "scatter_zero": [
        Row(
            lambda s, t, **_: put(s, 0 * t.graph.constant(1, t.dtype), at=(0, 1), shape=(3,)),
            "scatter(s, shape=(3), keys=((0)))",
        ),
        Row(
            lambda v, **_: put(sd.zeros_like(v), at=(0,), shape=(2, 3)),
            "broadcast_to(0.0, shape=(2,3))",
        ),
    ],
    "scatter_all": [
        Row(
            lambda x, **_: put(x[:, None], at=((slice(None), None),), shape=("n", 3)),
            "reshape(index(x, key=(0:n:1,None,0:3:1)), shape=(n,3))",
        ),
        Row(
            lambda r, **_: put(r[:, 0], at=((..., 0),), shape=("n", 1)),
            "reshape(index(r, key=(0:n:1,0)), shape=(n,1))",
        ),
        Row(lambda v, **_: put(v, 2 * v, at=(..., ...), shape=(3,)), "add(v, multiply(2.0, v))"),
    ],
    "scatter_scatter": [
        Row(
            lambda s, **_: put(put(s, at=(1,), shape=(3,)), at=(2,), shape=(4, 3)),
            "scatter(s, shape=(4,3), keys=((2,1)))",
        ),
        Row(
            lambda s, v, **_: put(
                put(s, at=(1,), shape=(3,)), v, at=(slice(2, 5), slice(3)), shape=(9,)
            ),
            "scatter(s, v, shape=(9), keys=((3),(0:3:1)))",
        ),
    ],
    "scatter_same": [
        Row(
            lambda s, t, **_: put(s, t, s, at=(1, 1, 0), shape=(3,)),
            "scatter(add(s, t), s, shape=(3), keys=((1),(0)))",
        ),
    ],
    "sum_of_put": [
        Row(
            lambda s, t, **_: sd.sum(put(s, t, at=(1, 0), shape=(3,))),
            "add(s, t)",
        ),
    ],
    "sum_of_put_along": [
        Row(
            lambda r, **_: sd.sum(
                add_along_axis(r, r.graph.constant([[1]]), shape=("n", 3), axis=1), axis=1
            ),
            "sum(r, axis=(1))",
        ),
    ],
    "sum_of_scatters": [
        Row(
            lambda s, t, **_: put(s, at=(1,), shape=(3,)) + put(t, at=(0,), shape=(3,)),
            "scatter(s, t, shape=(3), keys=((1),(0)))",
        ),
        Row(
            lambda s, t, v, **_: sd.add_n(
                put(s, at=(1,), shape=(3,)), v, put(t, at=(0,), shape=(3,))
            ),
            "add(v, scatter(s, t, shape=(3), keys=((1),(0))))",
        ),
    ],
    "number_into_scatter": [
        Row(
            lambda s, **_: 2.0 * put(s, at=(1,), shape=(3,)),
            "scatter(multiply(2.0, s), shape=(3), keys=((1)))",
        ),
        Row(
            lambda s, t, **_: -put(s, t, at=(1, 2), shape=(3,)) / 3.0,
            "scatter(divide(negative(s), 3.0), divide(negative(t), 3.0), shape=(3), "
            "keys=((1),(2)))",
        ),
    ],
}

CASES = [(name, k) for name, rows in ROWS.items() for k in range(len(rows))]


def test_every_rule_has_its_rows() -> None:
    assert set(ROWS) == {rule.name for rule in SHAPES}


@pytest.mark.parametrize(("name", "k"), CASES)
def test_a_rule_gives_the_simpler_form_and_the_same_values(name: str, k: int) -> None:
    check(SHAPES, name, ROWS[name][k])


# -- where they do not fire ----------------------------------------------------------------

KEPT: dict[str, Any] = {
    "a sum of repeated entries that may be infinite": lambda x, s: sd.sum(wide(s, "n")),
    "a maximum that may be of nothing": lambda x, s: sd.max(wide(s, 2, "n"), axis=1),
    "a product of repeated entries": lambda x, s: sd.prod(wide(s, 4)),
    "an index of what is needed elsewhere": lambda x, s: sd.sin(x)[:, 0] + sd.sum(sd.sin(x)),
    "an index that takes nearly all": lambda x, s: sd.sin(x)[:, 1:],
    "a sum beside what was put": lambda x, s: sd.sum(
        add_along_axis(x, x.graph.constant([[1]]), shape=("n", 3), axis=1), axis=0
    ),
    "parts that may overlap": lambda x, s: 2.0 * put(x, x, at=(0, 0), shape=(2, "n", 3)),
    "a transpose of one operand": lambda x, s: x[:3].T + x[:3],
    "a reshape of other axes": lambda x, s: sd.sum(x.reshape((3, "n")), axis=0),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_would_not_be_cheaper_or_not_the_same_stays(name: str) -> None:
    g = sd.Graph("g")
    g.outputs = [KEPT[name](g.input("x", sd.f64["n", 3]), g.input("s", sd.f64[()]))]
    log: list[Any] = []
    run_rules(g, [rule for rule in SHAPES if rule.name != "scatter_same"], log, fold=False)
    assert not log


def test_a_sum_over_no_entries_is_zero_whatever_is_repeated() -> None:
    g = sd.Graph("g")
    s = g.input("s", sd.f64[()])
    x = g.input("x", sd.f64["n"])
    f = sd.compile([s, x], [sd.sum(wide(s, "n")), sd.sum(wide(s, 0)), sd.sum(wide(s, 2, "n"))])
    assert [float(z) for z in f(np.inf, np.empty(0))] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_sum_over_no_entries_is_zero_whatever_number_is_repeated(number: float) -> None:
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    share = g.constant(number) / x.shape[0]
    f = sd.compile([x], [sd.sum(sd.full_like(x, number)), sd.sum(wide(share, "n"))])
    assert [float(z) for z in f(np.empty(0))] == [0.0, 0.0]
    np.testing.assert_array_equal(f(np.ones(2)), [number, number])


def test_a_number_repeated_at_least_once_is_counted() -> None:
    g = sd.Graph("g")
    n = g.input("x", sd.f64["n"]).shape[0]
    g.outputs = [
        sd.sum(wide(g.constant(np.nan), n + 1)),
        sd.sum(wide(g.constant(2.0), n)),
        sd.sum(wide(g.constant(2.0) / n, n)),
    ]
    done = sd.optimize(g).graph
    assert not any(node.op.name == "sum" for node in done.ancestors(done.outputs))


# -- keys ----------------------------------------------------------------------------------


def test_a_key_of_a_key_takes_what_the_two_take() -> None:
    rng = np.random.default_rng(3)
    data = np.arange(7 * 6 * 5.0).reshape(7, 6, 5)
    composed_at_all = 0
    for _ in range(400):
        g = sd.Graph("g")
        x = g.input("x", sd.f64[7, 6, 5])
        first = _key(rng, x.shape)
        inner = x[first]
        second = _key(rng, inner.shape)
        outer = inner[second]
        if outer is inner or inner is x:
            continue
        key = composed(inner.params["key"], outer.params["key"])
        if key is None:
            continue
        composed_at_all += 1
        whole = sd.evaluate(sd.Graph.apply(g, outer.op, (x,), {"key": key}), {x: data})
        np.testing.assert_array_equal(whole, data[first][second], strict=True)
    assert composed_at_all > 250


def _key(rng: np.random.Generator, shape: tuple[Any, ...]) -> tuple[Any, ...]:
    key: list[Any] = []
    for dim in shape:
        low, high = sorted(rng.integers(0, dim + 1, 2).tolist())
        step = int(rng.choice([1, 1, 2, 3]))
        down = slice(high - 1 if high else None, low - 1 if low else None, -step)
        options = [slice(None), slice(low, high, step), down, slice(None, None, -1)]
        if dim:
            options.append(int(rng.integers(0, dim)))
        key.append(options[rng.integers(len(options))])
        if rng.random() < 0.2:
            key.append(None)
    return tuple(key)


# -- all tables together -------------------------------------------------------------------


def _ops(*outputs: sd.Node) -> list[str]:
    graph = outputs[0].graph
    graph.outputs = outputs
    return [node.op.name for node in sd.optimize(graph).graph.nodes]


def test_the_seed_of_a_gradient_is_never_spread_before_it_is_scaled() -> None:
    g = sd.Graph("g")
    x, w = g.input("x", sd.f64["n", 3]), g.input("w", sd.f64[3])
    value = -2.0 * sd.mean(sd.sin(x * w)) / 7.0
    g.outputs = [sd.grad(value, x)]
    nodes = sd.optimize(g).graph.nodes
    large = [n.op.name for n in nodes if n.ndim == 2 and n.op.name != "input"]
    assert sorted(large) == ["cos", "multiply", "multiply"]


def test_the_hessian_of_a_stencil_is_put_into_zeros_at_once() -> None:
    g = sd.Graph("g")
    u = g.input("u", sd.f64["n"])
    names = _ops(sd.grad(sd.sum((u[2:] - 2.0 * u[1:-1] + u[:-2]) ** 2), u))
    assert names.count("scatter") == 1
    assert "negative" not in names


def test_a_gradient_through_added_axes_has_no_scatter() -> None:
    g = sd.Graph("g")
    x, y = g.input("x", sd.f64["n", 3]), g.input("y", sd.f64["m", 3])
    squares = sd.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=-1)
    names = _ops(*sd.grad(sd.sum(sd.min(squares, axis=1)), [x, y]))
    assert "scatter" not in names
    assert "broadcast_to" not in names


@given(st.one_of(recipes(), recipes(mixed=True, named=True)), st.sampled_from(["default", "fast"]))
@settings(max_examples=40)
def test_all_rules_together_end_where_none_fires_and_keep_values(recipe: Any, level: str) -> None:
    built = recipe.build()
    wrt = list(built.inputs)
    nodes = [built.output, *sd.grad(built.output, wrt, disconnected="zero")]
    graph = nodes[0].graph
    graph.outputs = nodes
    done = sd.optimize(graph, level).graph
    done.check()
    log: list[Any] = []
    run_rules(done, rules_of(pass_names(level)), log)
    assert not log
    given_at = {str(x.name): value for x, value in built.point.items()}
    expected, found = (sd.evaluate(list(z), given_at) for z in (nodes, done.outputs))
    dtypes = {getattr(n.type, "dtype", None) for n in graph.ancestors(nodes)}
    coarsest = max(np.finfo(d).eps for d in dtypes if d is not None and d.kind == "f")
    for actual, value in zip(found, expected, strict=True):
        assert actual.dtype == value.dtype
        size = 1.0 + np.max(np.abs(value), initial=0.0)
        np.testing.assert_allclose(actual, value, rtol=0, atol=1e4 * coarsest * size)
