"""Sums of products and matrix products: each rule by itself, before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.ops.contract import take_diagonal
from symdiff.rewrite.driver import run_rules
from symdiff.rewrite.rules.gathered import GATHERED
from symdiff.rewrite.rules.products import PRODUCTS, is_fewer
from symdiff.sizes import as_dim
from symdiff.types import evaluate_shape

RULES = (*PRODUCTS, *GATHERED)
SIZES = {"n": 4, "m": 3, "k": 2}

TYPES: dict[str, tuple[Any, ...]] = {
    "x": ("n",),
    "y": ("n",),
    "v": ("m",),
    "A": ("n", "m"),
    "B": ("m", "k"),
    "C": ("n", "m"),
    "c": (),
}


def _rank_one(x: sd.Node, v: sd.Node) -> sd.Node:
    return x.reshape(("n", 1)) * v


Build = Callable[..., sd.Node]


def _repeated(number: float, x: sd.Node) -> sd.Node:
    return sd.broadcast_to(x.graph.constant(number, x.dtype), shape=x.shape)


BEFORE_AFTER: dict[str, list[tuple[Build, str]]] = {
    "sum_factor": [
        (lambda x, **_: sd.sum(2.5 * sd.sin(x)), "sin sum multiply"),
        (lambda x, **_: sd.sum(sd.negative(x)), "sum negative"),
        (lambda A, x, **_: sd.sum(A / 4.0, axis=0), "sum divide"),
    ],
    "sum_as_dot": [
        (lambda x, y, **_: sd.sum(x * y), "matmul"),
        (lambda x, **_: sd.sum(x * x), "matmul"),
        (lambda A, C, **_: sd.sum(A * C), "reshape reshape matmul"),
        (lambda A, C, **_: sd.sum(A * C, keepdims=True), "reshape reshape matmul reshape"),
    ],
    "sum_as_matvec": [
        (lambda A, v, **_: sd.sum(A * v, axis=1), "matmul"),
        (lambda A, x, **_: sd.sum(x.reshape(("n", 1)) * A, axis=0), "reshape reshape matmul"),
        (lambda A, v, **_: sd.sum(A * v), "matmul sum"),
    ],
    "sum_as_einsum": [(lambda A, C, **_: sd.sum(A * C, axis=1), "einsum")],
    "einsum_as_matmul": [
        (lambda A, B, **_: sd.einsum("ij,jk->ik", A, B), "matmul"),
        (lambda A, B, **_: sd.einsum("ij,jk->ki", A, B), "permute_dims permute_dims matmul"),
        (lambda A, x, **_: sd.einsum("ij,i->j", A, x), "permute_dims matmul"),
        (lambda x, y, **_: sd.einsum("i,i->", x, y), "matmul"),
    ],
    "matmul_number": [
        (lambda A, v, c, **_: (A * c) @ v, "multiply matmul"),
        (lambda A, v, **_: sd.negative(A) @ v, "matmul negative"),
        (lambda x, y, **_: (x * 3.0) @ y, "matmul multiply"),
        (lambda A, v, c, **_: (A / c) @ v, "divide matmul"),
    ],
    "matmul_scaling": [
        (lambda A, v, **_: (A * v) @ v, "multiply matmul"),
        (lambda A, x, y, **_: x @ (y.reshape(("n", 1)) * A), "reshape reshape multiply matmul"),
    ],
    "matmul_row": [
        (lambda A, x, **_: x.reshape((1, "n")) @ A, "reshape reshape matmul reshape"),
        (lambda A, v, **_: A @ v.reshape(("m", 1)), "reshape reshape matmul reshape"),
    ],
    "matmul_uniform": [
        (lambda x, **_: x @ _repeated(1.0, x), "sum"),
        (lambda x, **_: x @ _repeated(2.0, x), "sum multiply"),
    ],
    "transposed_product": [(lambda A, C, **_: (A.T @ C).T, "permute_dims matmul")],
    "diagonal_of_product": [
        (
            lambda A, C, **_: take_diagonal(A @ C.T, along=(0, 0)),
            "permute_dims permute_dims multiply sum",
        ),
    ],
    "add_n_common_operand": [
        (lambda A, v, **_: sd.add_n(A @ v, A @ sd.sin(v)), "sin add_n matmul"),
        (lambda A, x, y, **_: sd.add_n(x @ A, y @ A, sd.sin(x) @ A), "sin add_n matmul"),
    ],
    "add_n_common_factor": [
        (
            lambda A, v, x, **_: sd.add_n(A * v, A * sd.sin(v), _rank_one(x, v)),
            "sin reshape multiply add_n multiply add_n",
        ),
    ],
    "add_n_stacked": [
        (
            lambda x, y, v, **_: sd.add_n(_rank_one(x, v), _rank_one(y, sd.sin(v))),
            "sin concat reshape concat reshape permute_dims matmul",
        ),
    ],
}
"""What is written, and the operations left; all as parts of derivatives."""

ROWS = [(name, k) for name, rows in BEFORE_AFTER.items() for k in range(len(rows))]


def _graph(dtype: Any) -> tuple[sd.Graph, dict[str, sd.Node]]:
    g = sd.Graph()
    return g, {name: g.input(name, dtype[shape]) for name, shape in TYPES.items()}


def _run(graph: sd.Graph, sizes: dict[str, int], **given: Any) -> list[Any]:
    rng = np.random.default_rng(3)
    values = {}
    for node in graph.inputs:
        drawn = rng.normal(size=evaluate_shape(node.shape, sizes)).astype(node.dtype)
        values[node] = given.get(str(node.name), drawn)
    return [np.asarray(v) for v in sd.evaluate(list(graph.outputs), values, sizes=sizes)]


def _left(graph: sd.Graph) -> str:
    live = sorted(graph.ancestors(graph.outputs), key=lambda n: n.index)
    return " ".join(n.op.name for n in live if n.op.name not in ("input", "constant"))


def test_every_rule_has_its_before_and_after() -> None:
    assert BEFORE_AFTER.keys() == {r.name for r in RULES}


@pytest.mark.parametrize(("name", "k"), ROWS)
@pytest.mark.parametrize("dtype", [sd.f64, sd.f32])
def test_a_rule_fires_and_gives_the_same_values(name: str, k: int, dtype: Any) -> None:
    build, after = BEFORE_AFTER[name][k]
    g, inputs = _graph(dtype)
    with g.recording(order=1):
        g.outputs = [build(**inputs)]
    log: list[Any] = []
    done = run_rules(g, [r for r in RULES if r.name == name], log, fold=False).graph
    done.check()
    assert {firing.rule for firing in log} == {name}
    (output,) = done.outputs
    assert sorted(_left(done).split()) == sorted(after.split())
    assert output.type == g.outputs[0].type
    rtol = 1e-12 if dtype is sd.f64 else 2e-5
    for sizes in (SIZES, {"n": 1, "m": 1, "k": 1}, {"n": 0, "m": 3, "k": 2}, {**SIZES, "m": 0}):
        (expected,), (found,) = _run(g, sizes), _run(done, sizes)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("name", "k"), ROWS)
def test_nan_and_infinities_come_out_as_they_did(name: str, k: int) -> None:
    build, _ = BEFORE_AFTER[name][k]
    g, inputs = _graph(sd.f64)
    g.outputs = [build(**inputs)]
    done = run_rules(g, [r for r in RULES if r.name == name], fold=False).graph
    A = np.full((4, 3), 0.5)
    A[1, 2], A[2, 0] = np.nan, np.inf
    for given in ({"A": A}, {"x": np.array([1.0, np.nan, np.inf, 2.0])}, {"c": np.array(np.inf)}):
        (expected,), (found,) = _run(g, SIZES, **given), _run(done, SIZES, **given)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def _unchanged(build: Build) -> bool:
    g, inputs = _graph(sd.f64)
    g.outputs = [build(**inputs)]
    log: list[Any] = []
    run_rules(g, RULES, log, fold=False)
    return not log


def test_a_factor_that_may_be_infinite_stays_inside_a_sum_that_may_be_empty() -> None:
    assert _unchanged(lambda x, c, **_: sd.sum(x * c))
    assert _unchanged(lambda x, c, **_: sd.sum(x / x.shape[0]))
    g = sd.Graph()
    x, c = g.input("x", sd.f64["n"]), g.input("c", sd.f64[()])
    g.outputs = [sd.sum(x * c)]
    done = sd.optimize(g).graph
    values = {done.inputs[0]: np.empty(0), done.inputs[1]: np.array(np.nan)}
    assert sd.evaluate(done.outputs[0], values) == 0.0


def test_a_product_that_something_else_needs_is_not_made_twice() -> None:
    assert _unchanged(lambda x, y, **_: sd.sum(x * y) * (x * y))
    assert _unchanged(lambda A, v, c, **_: ((A * c) @ v)[0] * (A * c))
    assert _unchanged(lambda A, C, **_: (A.T @ C).T @ (A.T @ C))


def test_rows_are_scaled_after_a_product_with_a_vector() -> None:
    g = sd.Graph()
    A, r, v = g.input("A", sd.f64[4, 3]), g.input("r", sd.f64[4]), g.input("v", sd.f64[3])
    u = g.input("u", sd.f64[4])
    g.outputs = [(r.reshape((4, 1)) * A) @ v, (A / r.reshape((4, 1))) @ v, u @ (A * v)]
    done = run_rules(g, PRODUCTS).graph
    assert all(n.ndim < 2 or n.op is not sd.multiply for n in done.ancestors(done.outputs))
    assert [n.inputs[0].op for n in done.outputs] == [sd.matmul] * 3
    for expected, found in zip(_run(g, {}), _run(done, {}), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_scalings_stay_where_neither_side_is_known_to_be_smaller() -> None:
    assert _unchanged(lambda A, B, v, **_: (A * v) @ B)
    assert _unchanged(lambda x, v, A, **_: (x * x) @ (A * v))


def test_sums_are_taken_before_a_product_only_where_no_infinity_can_show() -> None:
    assert _unchanged(lambda A, v, **_: sd.add_n(A @ v, A @ sd.sin(v)))
    assert _unchanged(lambda A, v, **_: sd.add_n(A * v, A * sd.sin(v)))
    assert not _unchanged(lambda A, v, **_: sd.add_n(A @ (1.0 + v * v), A @ (2.0 + v * v)))


@pytest.mark.parametrize("shapes", [((1, 1), ()), ((), (1, 1)), ((2, 1), (1,)), ((1,), (1, 3))])
def test_sums_of_products_that_broadcast_along_axes_of_one(shapes: Any) -> None:
    for axis in (None, 0, 1):
        g = sd.Graph()
        x, y = (g.input(name, sd.f64[shape]) for name, shape in zip("xy", shapes, strict=True))
        g.outputs = [sd.sum(x * y, axis=axis), sd.sum(x * y, axis=axis, keepdims=True)]
        done = run_rules(g, RULES).graph
        done.check()
        for expected, found in zip(_run(g, {}), _run(done, {}), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_an_outer_product_and_integers_stay() -> None:
    assert _unchanged(lambda x, v, **_: _rank_one(x, v))
    g = sd.Graph()
    i = g.input("i", sd.i64["n"])
    g.outputs = [sd.sum(i * i)]
    assert run_rules(g, RULES).graph.outputs[0].op is sd.sum


def test_half_precision_is_not_added_up_in_half_precision() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f16["n"])
    g.outputs = [sd.sum(x * x)]
    assert run_rules(g, RULES).graph.outputs[0].op is sd.sum


@pytest.mark.parametrize(
    ("one", "other", "fewer"),
    [
        ((3,), (4,), True),
        ((4,), (4,), False),
        ((), ("n",), True),
        (("n",), ("n", "m"), True),
        (("n",), (2, "n"), True),
        (("n", "m"), ("n",), False),
        (("n",), ("m",), False),
        (("n", "k"), ("n", "m"), False),
        (("n", 1), ("n", "m"), True),
    ],
)
def test_which_shape_is_smaller(one: tuple[Any, ...], other: tuple[Any, ...], fewer: bool) -> None:
    first, second = (tuple(map(as_dim, shape)) for shape in (one, other))
    assert is_fewer(first, second) is fewer


def test_the_gradient_of_a_recurrence_is_one_product_of_stacked_vectors() -> None:
    g = sd.Graph()
    W, b, h = g.input("W", sd.f64[5, 5]), g.input("b", sd.f64[5]), g.input("h", sd.f64[5])
    state = h
    for _ in range(30):
        state = sd.tanh(W @ state + b)
    g.outputs = sd.grad(sd.sum(state * state), [W, b, h])
    done = run_rules(g, RULES).graph
    squares = [n for n in done.ancestors(done.outputs) if n.shape == (5, 5) and n.inputs]
    assert [n.op.name for n in squares] == ["matmul"]
    for expected, found in zip(_run(g, {}), _run(done, {}), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)


def test_products_of_few_rows_are_stacked_and_of_many_are_not() -> None:
    for rows, after in ((2, 1), (50, 3)):
        g = sd.Graph()
        parts = [
            (g.input(f"U{k}", sd.f64[rows, 9]), g.input(f"V{k}", sd.f64[rows, 8]))
            for k in range(3)
        ]
        g.outputs = [sd.add_n(*[U.T @ V for U, V in parts])]
        done = run_rules(g, RULES).graph
        assert sum(n.op is sd.matmul for n in done.ancestors(done.outputs)) == after
        np.testing.assert_allclose(_run(done, {}), _run(g, {}), rtol=1e-12)


def test_all_rules_together_end_and_keep_what_a_model_computes() -> None:
    g = sd.Graph()
    X, y = g.input("X", sd.f64["n", "m"]), g.input("y", sd.f64["n"])
    W, w = g.input("W", sd.f64["m", 4]), g.input("w", sd.f64[4])
    residual = sd.tanh(X @ W) @ w - y
    loss = sd.mean(residual**2) + 0.1 * (sd.sum(W * W) + sd.sum(w * w))
    g.outputs = [loss, *sd.grad(loss, [W, w]), sd.hessian(loss, w)]
    done = sd.optimize(g).graph
    done.check()
    for expected, found in zip(_run(g, SIZES), _run(done, SIZES), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
