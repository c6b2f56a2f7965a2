"""Elementwise ops against mpmath at fifty digits: values and first derivatives, in ulp.

Every op with a SymPy counterpart is tried, at the arguments of `accuracy.py`: large, tiny,
subnormal, negative, at and next to the edges of its domain. No NumPy warning may be raised where
the exact result is finite; where there is none, the op gives the limit or what its doc states.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import sympy

import symdiff as sd
from symdiff.op import REGISTRY
from tests.ops.accuracy import (
    BOUNDS,
    CONVENTIONS,
    COUNTS,
    FEW,
    MAGNITUDES,
    MORE_PAIRED,
    PAIRED,
    SINGULAR,
    TRIPLED,
    bound_of,
)
from tests.ops.exact import (
    Exact,
    Format,
    counterpart,
    derivative,
    function,
    is_costly,
    limits,
    real_symbols,
)
from tests.ops.samples import ELEMENTWISE_OPS, Case, operands

NAMES = [n for n in ELEMENTWISE_OPS if REGISTRY.ops[n].sympy is not None]
UNARY = [n for n in NAMES if REGISTRY.ops[n].arity == 1]
FORMATS = {dtype: Format(dtype) for dtype in ("float64", "float32")}
INF = float("inf")

# -- arguments -----------------------------------------------------------------------------


def takes_integers(name: str) -> list[bool]:
    """Which operands are integers."""
    case = Case(((),) * REGISTRY.ops[name].arity)
    return [x.dtype.kind in "iu" for x in operands(name, case, "float64")]


def arguments(name: str, dtype: str, dense: bool) -> list[np.ndarray]:
    """A column for each operand; many combinations if `dense`."""
    bound, integers = bound_of(name), takes_integers(name)
    rng = np.random.default_rng(0)
    match len(integers):
        case 1 if dense:
            magnitudes = [*MAGNITUDES, *10 ** rng.uniform(-8, 3, 300)]
        case 1:
            op = REGISTRY.ops[name]
            costly = is_costly(counterpart(op, real_symbols(op)))
            magnitudes = [*MAGNITUDES[:: 3 if costly or dtype == "float32" else 1]]
        case 2:
            magnitudes = [*(MORE_PAIRED if dense else PAIRED)]
        case _:
            magnitudes = [*TRIPLED]
    with np.errstate(over="ignore"):
        floats = np.asarray([*magnitudes, *[-m for m in magnitudes]]).astype(dtype)
    floats = np.unique(floats[np.isfinite(floats)]) + 0.0
    if len(integers) == 1:
        floats = np.append(floats, -np.zeros(1, dtype))
    axes = [np.array(COUNTS) if whole else floats for whole in integers]
    columns = [column.ravel() for column in np.meshgrid(*axes)]
    if bound.where is not None:
        kept = bound.where(*[c.astype(np.float64) for c in columns])
        columns = [column[kept] for column in columns]
    return columns


# -- found and exact -----------------------------------------------------------------------


def nodes(name: str, columns: Sequence[np.ndarray]) -> tuple[list[sd.Node], dict[sd.Node, Any]]:
    """The op and its partial derivatives, and where to evaluate them."""
    op, g = REGISTRY.ops[name], sd.Graph()
    inputs = [g.input(a, c) for a, c in zip(op.arguments, columns, strict=True)]
    y = op(*inputs)
    wrt = [x for x in inputs if x.dtype.kind == "f"]
    found = sd.grad(sd.sum(y), wrt, disconnected="zero")
    return [y, *found], dict(zip(inputs, columns, strict=True))


def quietly(name: str, columns: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Their values; where there is no finite one, NumPy may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sd.evaluate(*nodes(name, columns))


@cache
def formulas(name: str) -> tuple[Any, ...]:
    """Exact value and partial derivatives, as functions."""
    op = REGISTRY.ops[name]
    symbols = real_symbols(op)
    expression = counterpart(op, symbols)
    floats = [s for s, whole in zip(symbols, takes_integers(name), strict=True) if not whole]
    expressions = [expression, *[derivative(expression, s) for s in floats]]
    return tuple(function(e, symbols) for e in expressions)


class Table(NamedTuple):
    """What the op should give at each argument: the value, then its partial derivatives.

    None where there is no finite real one, and for derivatives where the value has none. `sizes`
    are those of `Bound.scale`.
    """

    columns: list[np.ndarray]
    exact: list[list[Exact]]
    sizes: list[np.ndarray]

    def at(self, k: int) -> tuple[float, ...]:
        return tuple(float(column[k]) for column in self.columns)


@cache
def table(name: str, dtype: str, dense: bool) -> Table:
    columns = arguments(name, dtype, dense)
    form = FORMATS[dtype]
    points = list(zip(*[c.astype(np.float64) for c in columns], strict=True))
    exact = [[f(*point) for point in points] for f in formulas(name)]
    for k, value in enumerate(exact[0]):
        if value is None or form.overflows(value):
            for partial in exact[1:]:
                partial[k] = None
    bound = bound_of(name)
    scales = [bound.scale, *[bound.partial_scale or bound.scale] * (len(exact) - 1)]
    wide = [c.astype(np.float64) for c in columns]
    with np.errstate(all="ignore"):
        sizes = [np.broadcast_to(s(*wide) if s else 0.0, len(points)) for s in scales]
    return Table(columns, exact, sizes)


# -- accuracy ------------------------------------------------------------------------------


def check(name: str, dtype: str, dense: bool = False) -> None:
    bound, form = bound_of(name), FORMATS[dtype]
    expected = table(name, dtype, dense)
    found = quietly(name, expected.columns)
    labels = ["value", *[f"partial {k}" for k in range(len(found) - 1)]]
    allowed = [bound.value] + [bound.partial] * (len(found) - 1)
    stated = [(point,) for point, *_ in CONVENTIONS.get(name, ())]
    wrong = []
    for label, most, values, exact, sizes in zip(
        labels, allowed, found, expected.exact, expected.sizes, strict=True
    ):
        assert any(e is not None for e in exact), f"{name}: no argument has an exact {label}"
        errors = [
            0.0 if e is None or expected.at(k) in stated else form.error(v, e, size)
            for k, (v, e, size) in enumerate(zip(values, exact, sizes, strict=True))
        ]
        worst = int(np.argmax(errors))
        if errors[worst] > most:
            wrong.append(
                f"{name}: {label} is off by {errors[worst]:.3g} ulp, more than {most}, at "
                f"{expected.at(worst)}: {values[worst]!r}, exactly "
                f"{mpmath.nstr(exact[worst], 20)} ({sum(e > most for e in errors)} arguments)"
            )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_values_and_derivatives_are_within_their_bounds(name: str) -> None:
    check(name, "float64")


@pytest.mark.parametrize("name", UNARY)
def test_values_and_derivatives_are_within_their_bounds_in_single_precision(name: str) -> None:
    check(name, "float32")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_values_and_derivatives_are_within_their_bounds_at_many_arguments(
    name: str, dtype: str
) -> None:
    check(name, dtype, dense=True)


@pytest.mark.parametrize("name", NAMES)
def test_no_warning_where_the_exact_results_are_finite(name: str) -> None:
    """The kernels of the value and of the rules, run as NumPy runs them outside symdiff."""
    expected, form = table(name, "float64", False), FORMATS["float64"]
    rows = zip(*expected.exact, strict=True)
    fine = np.array([all(e is not None and not form.overflows(e) for e in row) for row in rows])
    outputs, point = nodes(name, [column[fine] for column in expected.columns])
    warned = {}
    values: dict[sd.Node, Any] = dict(point)
    for node in [n for n in outputs[0].graph.ancestors(outputs) if n not in point]:
        assert node.op.kernel is not None
        operands = [values[x] for x in node.inputs]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            values[node] = node.op.kernel(*operands, **node.params)
        warned.update({str(w.message): repr(node) for w in caught})
    assert not warned, sd.text(outputs)


# -- limits --------------------------------------------------------------------------------


def singular_points(name: str) -> list[float]:
    """Where the value or the derivative is not a finite number; the ends of the real line.

    Of arguments beyond the domain that follow one another, the first and the last.
    """
    (column,), exact, _ = table(name, "float64", False)
    none = np.array([any(e[k] is None for e in exact) for k in range(len(column))])
    inner = none & np.roll(none, 1) & np.roll(none, -1) & (column != 0)
    stated = [point for point, *_ in CONVENTIONS.get(name, ())]
    where = bound_of(name).where or (lambda x: True)
    points = [*column[none & ~inner], INF, -INF]
    return [float(x) for x in points if x not in stated and where(x)]


def expected_at(name: str, point: float, order: int) -> list[float]:
    """The exact value or derivative, or the limits; NaN where it is not real on either side."""
    value, exact = formulas(name)[0], formulas(name)[order]
    here = exact(point) if np.isfinite(point) and value(point) is not None else None
    if here is not None:
        return [FORMATS["float64"].rounded(here)]
    found = limits(value, exact, point)
    if len(found) == 2:
        return [found[0 if np.signbit(point) else 1]] if point == 0 else [*found, np.nan]
    return found or [np.nan]


def same(found: float, expected: float) -> bool:
    # The largest number may have been rounded up to infinity, or down from it.
    found, expected = (float(np.nan_to_num(v, nan=np.nan)) for v in (found, expected))
    return bool(np.isclose(found, expected, rtol=1e-15, atol=0.0, equal_nan=True))


@pytest.mark.parametrize("name", UNARY)
def test_at_singular_points_it_gives_the_limit(name: str) -> None:
    points = singular_points(name)
    values, *partials = quietly(name, [np.array(points)])
    wrong = []
    for k, point in enumerate(points):
        for order, found in enumerate([values, *partials]):
            expected = expected_at(name, point, order)
            # Outside its domain a function has no derivative to be right about.
            real = order == 0 or not np.isnan(values[k])
            # An infinite derivative takes the sign of a zero, as 1/x does.
            expected += [-e for e in expected if order and point == 0 and np.isinf(e)]
            if real and not any(same(float(found[k]), e) for e in expected):
                wrong.append(
                    ("value", "derivative")[order] + f" at {point}: {found[k]}, "
                    f"not {' or '.join(map(str, expected))}"
                )
    assert not wrong, f"{name}: " + "; ".join(wrong)


@pytest.mark.parametrize("name", UNARY)
def test_nan_gives_nan(name: str) -> None:
    assert np.isnan(quietly(name, [np.array([np.nan])])[0])


@pytest.mark.parametrize("name", CONVENTIONS)
def test_conventions_hold(name: str) -> None:
    points, *expected = np.array(CONVENTIONS[name]).T
    np.testing.assert_allclose(quietly(name, [points]), expected, rtol=1e-15)


@pytest.mark.parametrize("name", SINGULAR)
def test_points_of_several_operands_have_their_values_and_derivatives(name: str) -> None:
    for point, value, partials in SINGULAR[name]:
        found = quietly(name, [np.array([x]) for x in point])
        expected = np.array([value, *partials])[:, None]
        np.testing.assert_allclose(found, expected, rtol=1e-15, err_msg=f"{name}{point}")


# -- the tables ----------------------------------------------------------------------------


def test_bounds_are_of_ops_with_a_counterpart() -> None:
    assert set(BOUNDS) | set(CONVENTIONS) | set(SINGULAR) <= set(NAMES)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_wide_bound_has_a_reason(name: str) -> None:
    bound = BOUNDS[name]
    wide = max(bound.value, bound.partial) > FEW
    needed = wide or any(f is not None for f in (bound.where, bound.scale, bound.partial_scale))
    assert bool(bound.reason) == needed


# -- the measure itself --------------------------------------------------------------------

X = sympy.Symbol("x", real=True)


def test_exact_values_have_fifty_digits_where_they_cancel() -> None:
    found = function(sympy.log(1 + sympy.exp(X)), [X])(-800.0)
    with mpmath.workdps(50):
        assert mpmath.almosteq(found, mpmath.exp(-800), 1e-49)
    assert float(function(sympy.exp(X) - 1, [X])(1e-300)) == 1e-300
    assert function(sympy.log(X), [X])(-1.0) is None
    assert function(1 / X, [X])(0.0) is None


def test_errors_are_counted_in_units_of_the_last_place() -> None:
    form = FORMATS["float64"]
    assert form.error(1.0, mpmath.mpf(1)) == 0
    assert form.error(np.nextafter(1.0, 2.0), mpmath.mpf(1)) == 1
    assert form.error(0.0, mpmath.ldexp(1, -1070)) == 16
    assert form.error(INF, mpmath.mpf("1e400")) == 0
    assert form.error(np.nan, mpmath.mpf(1)) == INF
    assert FORMATS["float32"].error(1.0, 1 + mpmath.ldexp(1, -23)) == 1


@pytest.mark.parametrize(
    ("expression", "point", "expected"),
    [
        (sympy.log(X), 0.0, [-INF]),
        (1 / X, 0.0, [-INF, INF]),
        (sympy.log(1 - X), 1.0, [-INF]),
        (sympy.log(X) / X, INF, [0.0]),
        (sympy.tanh(X), -INF, [-1.0]),
        (sympy.sin(X), INF, [np.nan]),
    ],
)
def test_limits_are_told_from_two_near_points(
    expression: sympy.Expr, point: float, expected: list[float]
) -> None:
    exact = function(expression, [X])
    np.testing.assert_equal(limits(exact, exact, point), expected)
