"""Choices, conditions and casts: each rule by itself, and the gradients of kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.ops.along import add_along_axis
from symdiff.rewrite.driver import run_rules
from symdiff.rewrite.rules.tables import TABLES
from tests.rewrite.rows import Row, check

MASKS = TABLES["masks"]
FIRST = np.array([[0, 0, 1]])

ROWS: dict[str, list[Row]] = {
    "logical_of_and": [Row(lambda m, k, **_: m & k, "logical_and(m, k)")],
    "logical_of_or": [Row(lambda m, k, **_: m | k, "logical_or(m, k)")],
    "logical_of_not": [Row(lambda m, **_: ~m, "logical_not(m)")],
    "not_not": [Row(lambda m, **_: sd.logical_not(sd.logical_not(m)), "m")],
    "not_equal": [
        Row(lambda x, y, **_: sd.logical_not(sd.equal(x, y)), "not_equal(x, y)"),
        Row(lambda x, y, **_: sd.logical_not(sd.not_equal(x, y)), "equal(x, y)"),
    ],
    "and_same": [Row(lambda m, **_: sd.logical_and(m, m), "m")],
    "or_same": [Row(lambda m, **_: sd.logical_or(m, m), "m")],
    "and_true": [Row(lambda m, **_: sd.logical_and(m, True), "m")],
    "and_false": [
        Row(lambda m, **_: sd.logical_and(m, False), "broadcast_to(False, shape=(n,3))")
    ],
    "or_true": [Row(lambda m, **_: sd.logical_or(m, True), "broadcast_to(True, shape=(n,3))")],
    "or_false": [Row(lambda m, **_: sd.logical_or(False, m), "m")],
    "or_not": [
        Row(lambda m, **_: sd.logical_or(m, sd.logical_not(m)), "broadcast_to(True, shape=(n,3))")
    ],
    "and_not": [
        Row(
            lambda m, **_: sd.logical_and(sd.logical_not(m), m), "broadcast_to(False, shape=(n,3))"
        )
    ],
    "and_or": [Row(lambda m, k, **_: sd.logical_and(sd.logical_or(m, k), m), "m")],
    "or_and": [Row(lambda m, k, **_: sd.logical_or(m, sd.logical_and(k, m)), "m")],
    "and_and": [
        Row(lambda m, k, **_: sd.logical_and(m, sd.logical_and(m, k)), "logical_and(m, k)")
    ],
    "or_or": [Row(lambda m, k, **_: sd.logical_or(m, sd.logical_or(k, m)), "logical_or(m, k)")],
    "two_bounds": [
        Row(lambda x, **_: sd.logical_and(x > 1.0, x > 2.0), "greater(x, 2.0)"),
        Row(lambda x, **_: sd.logical_or(x > 1.0, x > 2.0), "greater(x, 1.0)"),
        Row(lambda x, **_: sd.logical_and(x <= 1.0, x <= 2.0), "less_equal(x, 1.0)"),
    ],
    "equals_itself": [
        Row(lambda i, **_: sd.equal(i, i), "broadcast_to(True, shape=(n,3))"),
        Row(lambda i, **_: sd.not_equal(i, i), "broadcast_to(False, shape=(n,3))"),
    ],
    "where_known": [
        Row(lambda x, y, **_: sd.where(True, x, y), "x"),
        Row(lambda x, s, **_: sd.where(False, x, s), "broadcast_to(s, shape=(n,3))"),
    ],
    "where_same": [Row(lambda m, x, **_: sd.where(m, x, x), "x")],
    "where_covered": [
        Row(
            lambda m, x, **_: sd.where(sd.any(m), sd.sum(sd.where(m, x, 0.0)), 0.0),
            "sum(where(m, x, 0.0), axis=(0,1))",
        ),
        Row(
            lambda m, x, **_: sd.where(
                sd.any(m, axis=0), -sd.sum(sd.where(m, x, 0.0), axis=0, keepdims=True), 0.0
            ),
            "negative(sum(where(m, x, 0.0), axis=(0), keepdims=True))",
        ),
        Row(
            lambda m, k, x, y, **_: sd.where(
                sd.logical_or(m, k), sd.add_n(sd.where(m, x, 0.0), sd.where(k, y, 0.0)), 0.0
            ),
            "add_n(where(m, x, 0.0), where(k, y, 0.0))",
        ),
        Row(
            lambda m, x, **_: sd.where(
                sd.any(m, axis=1).reshape(("n", 1)),
                sd.sum(sd.where(m, x, 0.0), axis=1, keepdims=True),
                0.0,
            ),
            "sum(where(m, x, 0.0), axis=(1), keepdims=True)",
        ),
        Row(
            lambda m, k, x, **_: sd.where(
                sd.any(sd.logical_and(m, k), axis=0),
                sd.sum(sd.where(sd.logical_and(m, k), x, 0.0), axis=0),
                0.0,
            ),
            "sum(where(logical_and(m, k), x, 0.0), axis=(0))",
        ),
        Row(
            lambda m, k, x, **_: sd.where(
                sd.logical_or(m, k), sd.where(k, x, 0.0) + m.astype(x.dtype), 0.0
            ),
            "add(where(k, x, 0.0), cast(m))",
        ),
        Row(
            lambda m, x, **_: sd.where(
                add_along_axis(m, FIRST, shape=m.shape, axis=1),
                add_along_axis(sd.where(m, x, 0.0), FIRST, shape=m.shape, axis=1),
                0.0,
            ),
            "add_along_axis(where(m, x, 0.0), [[0, 0, 1]], shape=(n,3), axis=1)",
        ),
    ],
    "where_within": [
        Row(lambda m, x, y, z, **_: sd.where(m, sd.where(m, x, y), z), "where(m, x, z)"),
        Row(lambda m, x, y, z, **_: sd.where(m, z, sd.where(m, x, y)), "where(m, z, y)"),
        Row(
            lambda m, x, y, z, **_: sd.where(m, 2.0 * sd.where(m, x, y) + z, 0.0),
            "where(m, add(multiply(2.0, x), z), 0.0)",
        ),
        Row(
            lambda m, k, x, y, **_: sd.where(sd.logical_and(m, k), sd.where(m, x, y), 0.0),
            "where(logical_and(m, k), x, 0.0)",
        ),
    ],
    "where_not": [Row(lambda m, x, y, **_: sd.where(~m, x, y), "where(m, y, x)")],
    "tie_at_zero": [
        Row(
            lambda x, y, **_: sd.where(sd.equal(x, 0.0), 0.5 * (sd.relu(x) * y), sd.relu(x) * y),
            "multiply(relu(x), y)",
        ),
        Row(
            lambda x, **_: sd.where(sd.equal(0.0, x), abs(x), 2.0 * abs(x)),
            "multiply(2.0, abs(x))",
        ),
    ],
    "where_number": [
        Row(lambda m, x, **_: sd.where(m, -x, 0.0), "negative(where(m, x, 0.0))"),
        Row(
            lambda m, x, y, **_: sd.where(m, 2.0 * x, 2.0 * y),
            "multiply(2.0, where(m, x, y))",
        ),
    ],
    "where_cast": [
        Row(lambda m, **_: sd.where(m, 1, 0), "cast(m, dtype=int64)"),
    ],
    "common_mask": [
        Row(
            lambda m, k, x, y, **_: sd.where(k, sd.where(m, x, 0.0), sd.where(m, y, 0.0)),
            "where(m, where(k, x, y), 0.0)",
        ),
        Row(
            lambda m, k, x, y, **_: sd.where(k, sd.where(m, 0.0, x), sd.where(m, 0.0, y)),
            "where(m, 0.0, where(k, x, y))",
        ),
    ],
    "join_choices": [
        Row(
            lambda m, x, y, **_: sd.where(m, x, 0.0) + sd.where(m, 0.0, y),
            "where(m, x, y)",
        ),
        Row(
            lambda m, x, y, **_: sd.where(m, 0.0, x) - sd.where(m, y, 0.0),
            "where(m, negative(y), x)",
        ),
        Row(
            lambda m, x, y, **_: sd.where(m, x, 0.0) - sd.where(m, y, 0.0),
            "where(m, subtract(x, y), 0.0)",
        ),
        Row(
            lambda m, x, y, z, **_: sd.add_n(sd.where(m, x, 0.0), z, sd.where(m, 0.0, y)),
            "add_n(where(m, x, y), z)",
        ),
    ],
    "mask_product": [
        Row(
            lambda m, i, **_: i * m.astype(sd.i64),
            "where(m, i, 0)",
        ),
        Row(
            lambda m, x, **_: sd.where(x > 0.0, x.graph.constant(1.0, x.dtype), 2.0) * m,
            "where(m, where(greater(x, 0.0), 1.0, 2.0), 0.0)",
        ),
    ],
    "bound_never_reached": [
        Row(lambda x, **_: sd.maximum(sd.exp(x), -1.0), "exp(x)"),
        Row(lambda x, **_: sd.minimum(2.0, sd.tanh(x)), "tanh(x)"),
    ],
    "two_extremes": [
        Row(lambda x, **_: sd.maximum(sd.maximum(x, 1.0), 2.0), "maximum(x, 2.0)"),
        Row(lambda x, **_: sd.minimum(2.0, sd.minimum(1.0, x)), "minimum(x, 1.0)"),
    ],
    "extreme_of_one": [
        Row(lambda x, **_: sd.maximum(x, x), "x"),
        Row(lambda x, **_: sd.minimum(x, x), "x"),
    ],
    "relu_relu": [Row(lambda x, **_: sd.relu(sd.relu(x)), "relu(x)")],
    "relu_nonnegative": [Row(lambda x, **_: sd.relu(sd.exp(x)), "exp(x)")],
    "cast_cast": [
        Row(lambda m, **_: m.astype(sd.f32).astype(sd.i64), "cast(m, dtype=int64)"),
        Row(lambda m, **_: m.astype(sd.f64).astype(sd.bool_), "m"),
    ],
}

CASES = [(name, k) for name, rows in ROWS.items() for k in range(len(rows))]


def test_every_rule_has_its_rows() -> None:
    assert set(ROWS) == {rule.name for rule in MASKS}


@pytest.mark.parametrize(("name", "k"), CASES)
def test_a_rule_gives_the_simpler_form_and_the_same_values(name: str, k: int) -> None:
    check(MASKS, name, ROWS[name][k])


KEPT: dict[str, Any] = {
    "int64 through float64": lambda m, k, x: sd.sum(m, dtype=sd.i64).astype(sd.f64).astype(sd.i64),
    "float64 through float32": lambda m, k, x: x.astype(sd.f32).astype(sd.f64),
    "a comparison with nan": lambda m, k, x: sd.logical_not(x < 0.0),
    "a mask that covers less": lambda m, k, x: sd.where(
        sd.any(sd.logical_and(m, k), axis=0), sd.sum(sd.where(m, x, 0.0), axis=0), 0.0
    ),
    "a mask along another axis": lambda m, k, x: sd.where(
        sd.any(m[:3], axis=1), sd.sum(sd.where(m[:3], x[:3], 0.0), axis=0), 0.0
    ),
    "a mask added at other places": lambda m, k, x: sd.where(
        add_along_axis(m, FIRST, shape=m.shape, axis=1),
        add_along_axis(sd.where(m, x, 0.0), FIRST + 1, shape=m.shape, axis=1),
        0.0,
    ),
    "a product with a mask that may hide nan": lambda m, k, x: x * m,
    "a tie where the value is not zero": lambda m, k, x: sd.where(
        sd.equal(x, 0.0), 0.5 * sd.exp(x), sd.exp(x)
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_could_change_a_value_stays(name: str) -> None:
    g = sd.Graph("g")
    m, k = g.input("m", sd.bool_["n", 3]), g.input("k", sd.bool_["n", 3])
    g.outputs = [KEPT[name](m, k, g.input("x", sd.f64["n", 3]))]
    log: list[Any] = []
    run_rules(g, MASKS, log, fold=False)
    assert not log


# -- gradients at kinks --------------------------------------------------------------------

KINKS: dict[str, tuple[Any, list[str]]] = {
    "squared maximum": (lambda x: sd.maximum(x, 0.0) ** 2, ["where"]),
    "maximum": (lambda x: sd.maximum(x, 0.0) * sd.sin(x), ["where", "where"]),
    "relu": (lambda x: sd.relu(x) ** 2, ["where"]),
    "huber": (lambda x: sd.where(abs(x) < 1, 0.5 * x**2, abs(x) - 0.5), ["where"]),
    "clip": (lambda x: sd.clip(x, -0.5, 0.5), ["where", "where", "where"]),
    "hinge": (lambda x: sd.maximum(0.0, 1.0 - 2.0 * x), ["where", "where"]),
    "masked root": (lambda x: sd.where(x > 0, sd.sqrt(x), 0.0) ** 3, ["where"]),
}
AT = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 0.3, -2.0, np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("second", [False, True])
def test_gradients_keep_ties_and_nan_and_lose_masks(name: str, second: bool) -> None:
    f, masks = KINKS[name]
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    z = sd.grad(sd.sum(f(x)), x)
    z = sd.grad(sd.sum(z * sd.cos(x)), x) if second else z
    values = np.array(AT)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            sd.compile([x], z)(values), sd.compile([x], z, optimize="none")(values), rtol=1e-14
        )
    if not second:
        g.outputs = [z]
        names = [n.op.name for n in sd.optimize(g).graph.outputs[0].graph.nodes]
        assert names.count("where") <= len(masks)


def test_a_condition_of_more_axes_than_what_it_masks_is_no_cover() -> None:
    g = sd.Graph("g")
    x, y = g.input("x", sd.f64[1, 1, 2]), g.input("y", sd.f64[1, 2, 1])
    z = sd.sum(sd.where(y > -1.4, x, x)) * sd.sum(y)
    at = {"x": np.ones((1, 1, 2)), "y": np.array([[[-1.375], [-1.5]]])}
    outputs = [z, *sd.grad(z, [x, y])]
    g.outputs = outputs
    done = sd.optimize(g)
    for a, b in zip(
        sd.evaluate(outputs, at), sd.evaluate(list(done.graph.outputs), at), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-14)
