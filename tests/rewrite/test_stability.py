"""The stability table: every rule at the argument that fails, and at all that do not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

import symdiff as sd
from symdiff.rewrite.driver import Firing, run_rules
from symdiff.rewrite.rules.stability import STABILITY, VALUES_ONLY
from tests.ops.exact import derivative, function
from tests.ops.symbolic import settled, to_sympy
from tests.rewrite.stability_rows import ROWS, Row
from tests.stability_page import PAGE, page

EPS = float(np.finfo(np.float64).eps)
IDS = [f"{row.rule}-{k}" for k, row in enumerate(ROWS)]
SCALARS = [row for row in ROWS if row.exact is None]
EACH = pytest.mark.parametrize("row", ROWS, ids=IDS)
EACH_SCALAR = pytest.mark.parametrize(
    "row", SCALARS, ids=[i for i, row in zip(IDS, ROWS, strict=True) if row.exact is None]
)


def inputs_of(row: Row, g: sd.Graph, type_: Any = sd.f64) -> list[sd.Node]:
    return [g.input(n, type_[np.shape(v)]) for n, v in zip("xy", row.at, strict=False)]


def rewritten(row: Row, type_: Any = sd.f64) -> tuple[sd.Node, sd.Node, list[Firing]]:
    """What is written, what stands there then, and what fired."""
    g = sd.Graph("g")
    g.outputs = [row.written(*inputs_of(row, g, type_))]
    log: list[Firing] = []
    (new,) = run_rules(g, STABILITY, log).graph.outputs
    new.graph.check()
    return g.outputs[0], new, log


def values(node: sd.Node, arguments: Sequence[Any]) -> Any:
    with np.errstate(all="ignore"):
        named = dict(zip([i.name for i in node.graph.inputs], arguments, strict=True))
        return sd.evaluate(node, named)


def test_the_page_is_what_the_table_says(request: pytest.FixtureRequest) -> None:
    found = page()
    if request.config.getoption("--update-golden"):
        PAGE.write_bytes(found.encode())
    assert PAGE.read_bytes().decode() == found, "pytest --update-golden writes it anew"


# -- what a rule is ------------------------------------------------------------------------


def test_every_rule_has_its_row() -> None:
    assert {row.rule for row in ROWS} == {rule.name for rule in STABILITY}


def test_rules_for_values_only_are_rules() -> None:
    assert {rule.name for rule in STABILITY} > VALUES_ONLY


@EACH
def test_a_rule_fires_and_keeps_the_type(row: Row) -> None:
    old, new, log = rewritten(row)
    assert row.rule in [firing.rule for firing in log]
    assert new.type == old.type


@EACH
def test_single_precision_stays_single(row: Row) -> None:
    old, new, log = rewritten(row, sd.f32)
    assert row.rule in [firing.rule for firing in log]
    assert new.dtype == old.dtype == np.float32
    arguments = [np.full(np.shape(v), 0.75, np.float32) for v in row.at]
    if row.low >= 0.75:
        arguments = [2 * v for v in arguments]
    np.testing.assert_allclose(values(new, arguments), values(old, arguments), 3e-6, 1e-7)


@EACH
def test_infinities_zeros_and_nan_stay_what_they_were(row: Row) -> None:
    old, new, _ = rewritten(row)
    for special in (np.inf, -np.inf, 0.0, -0.0, np.nan):
        for place in range(len(row.at)):
            arguments = [np.array(v, float) for v in row.at]
            arguments = [np.where(np.abs(v) > 10, 1.0, v) for v in arguments]
            arguments[place].reshape(-1)[0] = special
            before, after = values(old, arguments), values(new, arguments)
            right = ~np.isnan(before)  # what was NaN may have an answer now
            np.testing.assert_allclose(after[right], before[right], 1e-12, 1e-15)
            if np.isnan(special):
                assert np.isnan(after).any()


ALONG_AXES: dict[str, tuple[Any, str]] = {
    "softmax": (
        lambda x: sd.exp(x) / sd.sum(sd.exp(x), axis=1)[:, None],
        "softmax x axis=(1,)",
    ),
    "softmax over rows": (
        lambda x: sd.exp(x) / sd.sum(sd.exp(x), axis=0),
        "softmax x axis=(0,)",
    ),
    "softmax less the largest of all": (
        lambda x: sd.softmax(x - sd.stop_gradient(sd.max(x)), axis=0),
        "softmax x axis=(0,)",
    ),
    "logsumexp squeezed": (
        lambda x: (
            sd.log(sd.sum(sd.exp(x - sd.max(x, axis=1, keepdims=True)), axis=1))
            + sd.squeeze(sd.max(x, axis=1, keepdims=True), axis=1)
        ),
        "logsumexp x axis=(1,)",
    ),
    "logsumexp kept": (
        lambda x: (
            sd.max(x, axis=0, keepdims=True)
            + sd.log(sd.sum(sd.exp(x - sd.max(x, axis=0, keepdims=True)), axis=0, keepdims=True))
        ),
        "logsumexp x axis=(0,) keepdims=True",
    ),
    "log_softmax": (
        lambda x: x - sd.log(sd.sum(sd.exp(x), axis=1, keepdims=True)),
        "log_softmax x axis=(1,)",
    ),
}


@pytest.mark.parametrize("name", ALONG_AXES)
def test_softmaxes_along_an_axis_of_named_sizes_and_of_no_entries(name: str) -> None:
    f, after = ALONG_AXES[name]
    g = sd.Graph()
    x = g.input("x", sd.f64["m", "n"])
    g.outputs = [f(x)]
    (new,) = run_rules(g, STABILITY).graph.outputs
    assert repr(new).split(" = ")[1] == after
    for shape in ((2, 3), (3, 3), (1, 1)):
        data = np.random.default_rng(1).normal(size=shape)
        np.testing.assert_allclose(values(new, [data]), values(g.outputs[0], [data]), 1e-13, 1e-15)
    if "max" not in {node.op.name for node in g.nodes}:  # which no entries have none of
        empty = [np.zeros((3, 0))]
        np.testing.assert_array_equal(values(new, empty), values(g.outputs[0], empty))


NOT_THE_SAME: dict[str, Any] = {
    "another axis": lambda x: sd.exp(x) / sd.sum(sd.exp(x), axis=1),
    "another sum": lambda x: sd.exp(x) / sd.sum(sd.exp(2.0 * x)),
    "reversed rows": lambda x: sd.exp(x) / sd.sum(sd.exp(x), axis=1)[::-1, None],
    "one row for all": lambda x: sd.exp(x) / sd.sum(sd.exp(x), axis=1)[:1, None],
    "the largest of another": lambda x: sd.softmax(x - sd.max(sd.sin(x), axis=1)[:, None]),
    "a mean of other squares": lambda x: sd.mean(x**2) - sd.mean(sd.sin(x)) ** 2,
    "a mean by another count": lambda x: sd.sum(x**2) / 7.0 - (sd.sum(x) / 7.0) ** 2,
    "weights that do not add up": lambda x: (
        x * sd.log(sd.sigmoid(x)) + (2.0 - x) * sd.log(sd.sigmoid(-x))
    ),
    "a root of what may be negative": lambda x: sd.sqrt(x) ** 2 + sd.exp(sd.log(x)),
}


@pytest.mark.parametrize("name", NOT_THE_SAME)
def test_what_only_looks_alike_keeps_its_value(name: str) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3, 3])
    g.outputs = [NOT_THE_SAME[name](x)]
    log: list[Firing] = []
    (new,) = run_rules(g, STABILITY, log).graph.outputs
    assert not {"softmax", "softmax_shift", "variance", "cross_entropy"} & {f.rule for f in log}
    data = np.random.default_rng(2).normal(size=(3, 3))
    np.testing.assert_allclose(values(new, [data]), values(g.outputs[0], [data]), 1e-13)


# -- accuracy ------------------------------------------------------------------------------


exactly = cache(function)


def exact_of(row: Row) -> tuple[sympy.Expr, list[sympy.Symbol]]:
    g = sd.Graph()
    nodes = inputs_of(row, g)
    symbols = [sympy.Symbol(str(n.name), real=True) for n in nodes]
    point = dict(zip(nodes, row.at, strict=True))
    with np.errstate(all="ignore"):
        written = (row.means or row.written)(*nodes)
        found = to_sympy(written, dict(zip(nodes, symbols, strict=True)), point)
    return found, symbols


@EACH_SCALAR
def test_value_gradient_and_second_derivative_are_right_where_what_was_written_fails(
    row: Row,
) -> None:
    formula, symbols = exact_of(row)
    g = sd.Graph()
    nodes = inputs_of(row, g)
    z = row.written(*nodes)
    if row.rule not in VALUES_ONLY:
        first = sd.grad(z, nodes[0])
        found = [z, first, sd.grad(first, nodes[0], disconnected="zero")]
    else:
        found = [z]
    got = sd.compile(nodes, found)(*row.at)
    at = dict(zip(symbols, row.at, strict=True))
    for order, value in enumerate(got):
        expression = formula if order == 0 else derivative(formula, *[symbols[0]] * order)
        expected = function(settled(expression, at), symbols)(*row.at)
        if expected is not None:  # a kink has no derivative
            # sigmoid's own derivative is right to a unit in the last place of 1
            least = 1e-300 if order < 2 else EPS
            assert float(value) == pytest.approx(float(expected), rel=1e-12, abs=least), order


@pytest.mark.parametrize("row", [r for r in ROWS if r.exact], ids=lambda row: row.rule)
def test_rows_over_vectors_are_right_where_what_was_written_fails(row: Row) -> None:
    exact = row.exact
    assert exact is not None
    g = sd.Graph()
    (x,) = inputs_of(row, g)
    z = row.written(x)
    total = sd.sum(z * np.arange(1.0, 4.0)) if z.shape else z
    value, gradient = sd.compile([x], [total, sd.grad(total, x)])(*row.at)
    with mpmath.workdps(900):
        point = [mpmath.mpf(v) for v in row.at[0]]
        assert float(value) == pytest.approx(float(exact(point)), rel=1e-12, abs=1e-300)
        if row.rule in VALUES_ONLY:
            return
        for k, here in enumerate(point):

            def along(v: Any, k: int = k) -> Any:
                return exact([*point[:k], v, *point[k + 1 :]])

            slope = float(mpmath.diff(along, here))
            assert gradient[k] == pytest.approx(slope, rel=1e-12, abs=1e-300)


GRID = np.concatenate(
    [sign * np.concatenate([[1e-30], np.logspace(-16, 2.85, 13)]) for sign in (-1.0, 1.0)]
)


@EACH_SCALAR
def test_nothing_is_lost_where_what_was_written_was_right(row: Row) -> None:
    formula, symbols = exact_of(row)
    grid = GRID[(row.low < GRID) & (row.high > GRID)]
    points = [np.roll(grid, 5 * k) for k in range(len(row.at))]
    old, new, _ = rewritten(row._replace(at=tuple(points)))
    before, after = values(old, points), values(new, points)
    for k in np.flatnonzero(np.isfinite(before)):
        point = [float(v[k]) for v in points]
        at = dict(zip(symbols, point, strict=True))
        exact = exactly(settled(formula, at), tuple(symbols))(*point)
        if exact is None:
            continue
        with mpmath.workdps(60):
            error, was = (abs(mpmath.mpf(float(v[k])) - exact) for v in (after, before))
            size = abs(exact)
            lost = row.loses * EPS * (1 + max(map(abs, point)) * size)
            assert error <= max(8 * EPS * size, 2 * was, lost, 5e-324), point


@EACH_SCALAR
def test_both_sides_are_one_function_in_sympy(row: Row) -> None:
    formula, symbols = exact_of(row)
    _, new, _ = rewritten(row)
    point = [min(max(v, -0.4), 0.4) if row.low < 0.3 else 1.4 for v in row.at]
    given = dict(zip(new.graph.inputs, symbols, strict=True))
    after = to_sympy(new, given, dict(zip(new.graph.inputs, point, strict=True)))
    at = dict(zip(symbols, point, strict=True))
    one, other = (function(settled(e, at), symbols)(*point) for e in (formula, after))
    with mpmath.workdps(60):
        assert abs(one - other) <= abs(one) * mpmath.mpf(10) ** -40
