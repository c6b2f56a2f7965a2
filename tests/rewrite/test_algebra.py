"""Products, quotients, sums and powers: each rule by itself, and what they do together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import symdiff as sd
from symdiff.rewrite.driver import run_rules
from symdiff.rewrite.rules.tables import TABLES
from tests.ops.symbolic import settled, to_sympy, vanishes
from tests.rewrite.rows import SHAPES, Row, check

ALGEBRA = TABLES["algebra"]


def bounded(x: sd.Node) -> sd.Node:
    """Something of the shape of `x` that is known to be finite."""
    return sd.where(sd.equal(x, x), 0.5, 0.25) * sd.ones_like(x)


ROWS: dict[str, list[Row]] = {
    # products
    "gather_numbers": [
        Row(lambda x, **_: 2.0 * (3.0 * x), "multiply(6.0, x)"),
        Row(lambda x, **_: -(x * 3.0), "multiply(-3.0, x)"),
        Row(lambda x, **_: 3.0 * (-x), "multiply(-3.0, x)"),
        Row(lambda x, **_: 6.0 * (x / 3.0), "multiply(2.0, x)"),
        Row(lambda x, **_: (x * 6.0) / 3.0, "multiply(2.0, x)"),
        Row(lambda x, **_: (x / 3.0) / 5.0, "divide(x, 15.0)"),
        Row(lambda x, **_: -(x / 3.0), "divide(x, -3.0)"),
        Row(lambda x, **_: 2.0 * (3.0 / x), "divide(6.0, x)"),
        Row(lambda x, **_: 6.0 / (3.0 * x), "divide(2.0, x)"),
        Row(lambda x, **_: 6.0 / (x / 2.0), "divide(12.0, x)"),
        Row(lambda x, **_: 6.0 / (3.0 / x), "multiply(2.0, x)"),
        Row(lambda x, **_: 0.5 * (2.0 * x), "x"),
    ],
    "exact_reciprocal": [Row(lambda x, **_: x / -8.0, "multiply(-0.125, x)")],
    "negate_both": [Row(lambda x, y, **_: (-x) * (-y), "multiply(x, y)")],
    "divide_negatives": [Row(lambda x, y, **_: (-x) / (-y), "divide(x, y)")],
    "small_first": [
        Row(lambda x, s, t, **_: (x * s) * t, "multiply(multiply(t, s), x)"),
        Row(lambda x, r, s, **_: s * (r * x), "multiply(multiply(s, r), x)"),
        Row(lambda x, s, t, **_: (x / s) * t, "multiply(x, divide(t, s))"),
        Row(lambda x, s, t, **_: (x * s) / t, "multiply(x, divide(s, t))"),
        Row(lambda x, s, t, **_: (x / s) / t, "divide(x, multiply(s, t))"),
        Row(lambda x, s, t, **_: t * (s / x), "divide(multiply(t, s), x)"),
        Row(lambda x, s, t, **_: t / (x * s), "divide(divide(t, s), x)"),
        Row(lambda x, s, t, **_: t / (s / x), "multiply(divide(t, s), x)"),
        Row(lambda x, s, t, **_: t / (x / s), "divide(multiply(t, s), x)"),
        Row(lambda x, v, **_: 2.0 * (v * x), "multiply(multiply(2.0, v), x)"),
    ],
    "pull_number": [
        Row(lambda x, y, **_: (2.0 * x) * y, "multiply(2.0, multiply(x, y))"),
        Row(lambda x, y, **_: x * (-y), "negative(multiply(x, y))"),
        Row(lambda x, y, **_: (3.0 * x) / y, "multiply(3.0, divide(x, y))"),
        Row(lambda x, y, **_: x / (-y), "negative(divide(x, y))"),
        Row(lambda x, y, **_: x * (2.0 / y), "multiply(2.0, divide(x, y))"),
        Row(lambda x, y, **_: (x / 3.0) * y, "divide(multiply(x, y), 3.0)"),
        Row(lambda x, y, **_: x / (0.25 / y), "multiply(4.0, multiply(x, y))"),
        Row(lambda x, y, **_: x / (0.1 * y), "multiply(10.0, divide(x, y))"),
    ],
    "pull_scalar": [
        Row(lambda x, y, s, **_: (x * s) * y, "multiply(s, multiply(x, y))"),
        Row(lambda x, y, s, **_: (s * x) / y, "multiply(s, divide(x, y))"),
        Row(lambda x, y, s, **_: y * (x / s), "divide(multiply(y, x), s)"),
    ],
    "number_first": [Row(lambda x, **_: x * 2.0, "multiply(2.0, x)")],
    "minus_difference": [Row(lambda x, y, **_: -(x - y), "subtract(y, x)")],
    "minus_small": [
        Row(lambda x, s, **_: -(x * s), "multiply(x, negative(s))"),
        Row(lambda x, r, **_: -(r / x), "divide(negative(r), x)"),
    ],
    "square": [Row(lambda x, **_: sd.square(x), "multiply(x, x)")],
    "reciprocal": [Row(lambda x, **_: sd.reciprocal(x), "divide(1.0, x)")],
    "abs_abs": [Row(lambda x, **_: abs(abs(x)), "abs(x)")],
    "abs_negative": [Row(lambda x, **_: abs(-x), "abs(x)")],
    "abs_nonnegative": [Row(lambda x, **_: abs(sd.exp(x)), "exp(x)")],
    "abs_square": [Row(lambda x, **_: abs(x) * abs(x), "multiply(x, x)")],
    "sign_times_abs": [Row(lambda x, **_: abs(x) * sd.sign(x), "x")],
    "sign_times_itself": [Row(lambda x, **_: x * sd.sign(x), "abs(x)")],
    "sign_sign": [Row(lambda x, **_: sd.sign(sd.sign(x)), "sign(x)")],
    # cancellation
    "times_zero": [
        Row(lambda i, **_: i * 0, "broadcast_to(0, shape=(n,3))"),
        Row(lambda x, **_: x * 0.0, "broadcast_to(0.0, shape=(n,3))", finite=True),
    ],
    "minus_itself": [
        Row(lambda i, **_: i - i, "broadcast_to(0, shape=(n,3))"),
        Row(lambda x, **_: x - x, "broadcast_to(0.0, shape=(n,3))", finite=True),
    ],
    "over_itself": [Row(lambda x, **_: x / x, "broadcast_to(1.0, shape=(n,3))", finite=True)],
    "times_over": [Row(lambda x, y, **_: (x * y) / y, "x", finite=True)],
    "over_times": [Row(lambda x, y, **_: (x / y) * y, "x", finite=True)],
    "add_subtract": [Row(lambda x, y, **_: (x + y) - y, "x", finite=True)],
    "subtract_add": [Row(lambda x, y, **_: y + (x - y), "x", finite=True)],
    "divide_divide": [
        Row(lambda x, y, z, **_: (x / y) / z, "divide(x, multiply(y, z))", finite=True)
    ],
    # powers
    "whole_power": [
        Row(lambda x, **_: x**3, "multiply(multiply(x, x), x)"),
        Row(lambda i, **_: i**3, "multiply(multiply(i, i), i)"),
        Row(lambda s, **_: s**4, "multiply(multiply(s, s), multiply(s, s))"),
        Row(lambda x, **_: x**-1, "divide(1.0, x)"),
        Row(lambda x, **_: x**-2, "divide(1.0, multiply(x, x))"),
    ],
    "half_power": [
        Row(lambda x, **_: sd.exp(x) ** 0.5, "sqrt(exp(x))"),
        Row(lambda x, **_: sd.exp(x) ** 1.5, "multiply(sqrt(exp(x)), exp(x))"),
        Row(lambda x, **_: sd.exp(x) ** -0.5, "divide(1.0, sqrt(exp(x)))"),
    ],
    # sums
    "collect_terms": [
        Row(lambda x, **_: sd.add_n(x, x, x), "multiply(3.0, x)"),
        Row(lambda x, y, **_: sd.add_n(x, 2.0 * x, y), "add(multiply(3.0, x), y)"),
        Row(lambda x, y, **_: sd.add_n(x, sd.zeros_like(x), y), "add(x, y)"),
        Row(lambda x, **_: sd.add_n(sd.zeros_like(x)), "broadcast_to(0.0, shape=(n,3))"),
        Row(
            lambda x, y, z, **_: sd.add_n(x, sd.add_n(y, z, sd.sin(x))),
            "add_n(x, y, z, sin(x))",
        ),
        Row(lambda x, y, z, **_: sd.add_n(x + y, z), "add_n(x, y, z)"),
        Row(lambda i, **_: sd.add_n(i, i), "add(i, i)"),
        Row(lambda x, **_: sd.add_n(x), "x"),
    ],
    "small_terms_first": [
        Row(
            lambda x, y, s, t, **_: sd.add_n(
                x, sd.broadcast_to(s, shape=x.shape), y, sd.broadcast_to(t, shape=x.shape)
            ),
            "add(add(x, y), add(s, t))",
        ),
        Row(
            lambda x, s, v, **_: sd.add_n(
                sd.broadcast_to(v, shape=x.shape), sd.broadcast_to(s, shape=x.shape)
            ),
            "broadcast_to(add(v, s), shape=(n,3))",
        ),
    ],
    "sum_of_terms": [
        Row(
            lambda x, y, **_: sd.sum(100.0 * (x * x) + y * y),
            "add(sum(multiply(100.0, multiply(x, x)), axis=(0,1)), "
            "sum(multiply(y, y), axis=(0,1)))",
        ),
        Row(
            lambda x, y, z, **_: sd.sum(x * y - z),
            "subtract(sum(multiply(x, y), axis=(0,1)), sum(z, axis=(0,1)))",
        ),
    ],
    "add_n_signs": [
        Row(lambda x, y, z, **_: sd.add_n(x, -y, z), "subtract(add(x, z), y)"),
        Row(lambda x, y, z, **_: sd.add_n(-x, -y, z), "subtract(subtract(z, x), y)"),
        Row(lambda x, y, z, **_: sd.add_n(-x, -y, -z), "negative(add_n(x, y, z))"),
        Row(
            lambda x, y, z, r, **_: sd.add_n(x, -r * y, z),
            "subtract(add(x, z), multiply(r, y))",
        ),
    ],
    "add_signs": [
        Row(lambda x, y, **_: x + (-y), "subtract(x, y)"),
        Row(lambda x, y, **_: (-x) + y, "subtract(y, x)"),
        Row(lambda x, y, **_: (-x) + (-y), "negative(add(x, y))"),
        Row(lambda x, y, r, **_: x + (-r) * y, "subtract(x, multiply(r, y))"),
        Row(lambda i, **_: i + (-(i * i)), "subtract(i, multiply(i, i))"),
    ],
    "subtract_signs": [
        Row(lambda x, y, **_: x - (-y), "add(x, y)"),
        Row(lambda x, y, **_: (-x) - y, "negative(add(x, y))"),
        Row(lambda x, y, **_: (-x) - (-y), "subtract(y, x)"),
        Row(lambda x, y, r, **_: x - y / (-r), "add(x, divide(y, r))"),
    ],
    "like_terms": [
        Row(lambda x, **_: x + x, "multiply(2.0, x)"),
        Row(lambda x, **_: 2.0 * x + 3.0 * x, "multiply(5.0, x)"),
        Row(lambda x, **_: x + 3.0 * x, "multiply(4.0, x)"),
        Row(
            lambda x, **_: 5.0 * sd.tanh(bounded(x)) - 3.0 * sd.tanh(bounded(x)),
            "multiply(2.0, tanh(multiply(where(equal(x, x), 0.5, 0.25), "
            "broadcast_to(1.0, shape=(n,3)))))",
        ),
    ],
    "common_number": [
        Row(lambda x, y, **_: 2.0 * x + 2.0 * y, "multiply(2.0, add(x, y))"),
        Row(lambda x, y, **_: 2.0 * x - 2.0 * y, "multiply(2.0, subtract(x, y))"),
        Row(lambda x, y, **_: 2.0 * x + (-2.0) * y, "multiply(2.0, subtract(x, y))"),
        Row(lambda x, y, s, **_: s * x + y * s, "multiply(s, add(x, y))"),
    ],
    "gather_terms": [
        Row(lambda x, **_: (x + 1.0) + 2.0, "add(3.0, x)"),
        Row(lambda x, **_: 3.0 - (-2.0 + x), "subtract(5.0, x)"),
        Row(lambda x, **_: (x - 1.0) - 2.0, "add(-3.0, x)"),
    ],
}

CASES = [(name, k) for name, rows in ROWS.items() for k in range(len(rows))]


def test_every_rule_has_its_rows() -> None:
    assert set(ROWS) == {rule.name for rule in ALGEBRA}


@pytest.mark.parametrize(("name", "k"), CASES)
def test_a_rule_gives_the_simpler_form_and_the_same_values(name: str, k: int) -> None:
    check(ALGEBRA, name, ROWS[name][k])


# -- symbolically --------------------------------------------------------------------------

SHAPED = ("small_first", "pull_scalar", "minus_small", "small_terms_first", "sum_of_terms")
"""Rules that fire on arrays only."""
SHAPED_ROWS = (("collect_terms", 3), ("common_number", 3))
SYMBOLIC = [(n, k) for n, k in CASES if n not in SHAPED and (n, k) not in SHAPED_ROWS]


def scalars(graph: sd.Graph) -> dict[str, sd.Node]:
    return {name: graph.input(name, sd.f64[()]) for name in SHAPES if name not in "mk"}


@pytest.mark.parametrize(("name", "k"), SYMBOLIC)
def test_both_sides_are_one_function_in_sympy(name: str, k: int) -> None:
    g = sd.Graph("g")
    g.outputs = [ROWS[name][k].build(**scalars(g))]
    log: list[Any] = []
    done = run_rules(g, [rule for rule in ALGEBRA if rule.name == name], log)
    assert any(firing.rule == name for firing in log)
    sides = []
    for output in (g.outputs[0], done.graph.outputs[0]):
        inputs = list(output.graph.inputs)
        symbols = {x: sympy.Symbol(str(x.name), positive=True) for x in inputs}
        expression = to_sympy(output, symbols, dict.fromkeys(inputs, 0.7))
        at = dict.fromkeys(symbols.values(), 0.7)
        sides.append(settled(settled(expression, at), at))  # a kink within a kink
    assert vanishes(sides[0] - sides[1])


# -- where they do not fire ----------------------------------------------------------------

KEPT: dict[str, Any] = {
    "a number that another use needs": lambda x, y, s: (2.0 * x) * y + (2.0 * x),
    "a large number that rounds what is added": lambda x, y, s: (x + 2.0**52) - 2.0**52,
    "terms that might cancel infinities": lambda x, y, s: 3.0 * x - 2.0 * x,
    "a difference that may be nan": lambda x, y, s: x - x,
    "a product with zero that may be nan": lambda x, y, s: 0.0 * x,
    "a quotient that may be nan": lambda x, y, s: x / x,
    "a sum in brackets": lambda x, y, s: x + (y + s * y),
    "numbers whose product overflows": lambda x, y, s: 1e200 * (1e200 * x),
    "a root of what may be -inf": lambda x, y, s: x**0.5,
    "a power of many factors": lambda x, y, s: x**15,
    "terms that may cancel before they are summed": lambda x, y, s: sd.sum(x * y - y),
    "a factor far from 1": lambda x, y, s: (1e-200 * x) * y,
}


@pytest.mark.parametrize("name", KEPT)
def test_what_could_change_more_than_rounding_stays(name: str) -> None:
    g = sd.Graph("g")
    x, y, s = g.input("x", sd.f64["n"]), g.input("y", sd.f64["n"]), g.input("s", sd.f64[()])
    g.outputs = [KEPT[name](x, y, s)]
    log: list[Any] = []
    run_rules(g, [rule for rule in ALGEBRA if rule.exact], log, fold=False)
    assert {firing.rule for firing in log} <= {"number_first"}


def test_facts_let_cancellation_fire_by_default() -> None:
    g = sd.Graph("g")
    t = sd.tanh(sd.where(g.input("x", sd.f64["n"]) > 0.0, 1.0, -1.0))
    p = sd.exp(t)
    g.outputs = [t - t, t * 0.0, p / p]
    done = sd.optimize(g)
    assert [z.op.name for z in done.graph.outputs] == ["broadcast_to"] * 3


def test_a_power_of_two_is_divided_by_without_rounding() -> None:
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    data = np.random.default_rng(1).normal(size=1000) * 10.0 ** np.arange(-300, 300, 0.6)
    found = sd.compile([x], x / 1024.0)(data)
    np.testing.assert_array_equal(found, data / 1024.0)
    assert "multiply" in sd.compile([x], x / 1024.0).graph.text()


@pytest.mark.parametrize("power", [3, 4, 5, 6, 7, 8, 11, 12, -3, -12])
def test_powers_are_right_to_two_units_a_multiplication(power: int) -> None:
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    f = sd.compile([x], x**power)
    assert "pow" not in f.graph.text()
    data = np.random.default_rng(2).uniform(0.5, 2.0, 2000)
    exact = data.astype(np.longdouble) ** power
    units = np.abs(f(data) - exact) / np.spacing(np.abs(exact).astype(float))
    count = abs(power).bit_length() + abs(power).bit_count() - 2
    assert units.max() <= 2 * count


def test_a_power_holds_one_product_at_a_time() -> None:
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    g.outputs = [x**11]
    nodes = sd.optimize(g).graph.outputs[0].graph.nodes
    last = None
    for node in nodes[1:]:
        assert last is None or last in (*node.inputs,) or all(i is x for i in node.inputs)
        last = node


def test_constants_of_half_precision_are_folded_in_it() -> None:
    g = sd.Graph("g")
    x = g.input("x", sd.f16["n"])
    g.outputs = [300.0 * (300.0 * x), 2.0 * (3.0 * x)]
    kept, gathered = sd.optimize(g).graph.outputs
    assert kept.dtype == gathered.dtype == np.float16
    assert kept.inputs[1].op is sd.multiply  # 90000 is beyond the end
    assert gathered.inputs[1].op.name == "input"


def test_a_long_chain_of_factors_and_terms_is_simplified_in_linear_time() -> None:
    counts = []
    for length in (500, 1000):
        g = sd.Graph("g")
        x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["n"])
        z = x
        for k in range(length):
            z = -(z * 2.0) * y if k % 2 else (z / 2.0 + y) * -1.0
        g.outputs = [z]
        counts.append(len(sd.optimize(g).firings) or _fired(g))
    assert counts[1] <= 2.1 * counts[0]


def _fired(graph: sd.Graph) -> int:
    log: list[Any] = []
    run_rules(graph, [rule for rule in ALGEBRA if rule.exact], log)
    return len(log)


def test_rosenbrock_takes_the_operations_one_writes_by_hand() -> None:
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    value = sd.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    g.outputs = [sd.grad(value, x)]
    names = [n.op.name for n in sd.optimize(g).graph.outputs[0].graph.nodes]
    assert names.count("multiply") <= 5
    assert names.count("negative") == 0
