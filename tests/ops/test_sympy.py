"""Partial derivatives against SymPy's `diff`, for every elementwise op with a counterpart.

The expression that a rule builds is itself put into SymPy, and SymPy has to show that it equals
the derivative. Values and second derivatives are compared as numbers at random points.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import mpmath
import numpy as np
import pytest
import sympy

import symdiff as sd
from symdiff.op import REGISTRY
from tests.ops.accuracy import NOT_SHOWN
from tests.ops.exact import counterpart, derivative, function, real_symbols
from tests.ops.samples import ELEMENTWISE_OPS, Case, operands
from tests.ops.symbolic import positive_symbols, settled, to_sympy, vanishes

NAMES = [n for n in ELEMENTWISE_OPS if REGISTRY.ops[n].sympy is not None]
POINTS = 5


def point_of(name: str, seed: int) -> list[np.ndarray]:
    return operands(name, Case(((),) * REGISTRY.ops[name].arity), "float64", seed)


def applied(name: str) -> tuple[list[sd.Node], sd.Node, list[int]]:
    """Scalar inputs, the op on them, and which of them it can be differentiated by."""
    op, g = REGISTRY.ops[name], sd.Graph()
    inputs = [g.input(a, v) for a, v in zip(op.arguments, point_of(name, 0), strict=True)]
    return inputs, op(*inputs), [k for k, x in enumerate(inputs) if x.dtype.kind == "f"]


# -- identities ----------------------------------------------------------------------------


class Identity(NamedTuple):
    """What a rule builds and what SymPy derives, in positive symbols, and a point's values."""

    built: sympy.Expr
    derived: sympy.Expr
    at: dict[sympy.Symbol, sympy.Float]


def identities(name: str) -> Iterator[Identity]:
    """One for each first derivative and each branch of its rule that a few points find."""
    op, seen = REGISTRY.ops[name], set()
    inputs, y, wrt = applied(name)
    partials = sd.grad(y, [inputs[k] for k in wrt], disconnected="zero")
    plain = real_symbols(op)
    for seed in range(POINTS):
        values = point_of(name, seed)
        symbols = positive_symbols(values, op.arguments)
        point = dict(zip(inputs, values, strict=True))
        stands_for = dict(zip(inputs, symbols, strict=True))
        at = {
            symbol: sympy.Float(abs(float(value)), 60)
            for e, value in zip(symbols, values, strict=True)
            for symbol in e.free_symbols
        }
        for k, partial in zip(wrt, partials, strict=True):
            exact = derivative(counterpart(op, plain), plain[k])
            derived = exact.subs(dict(zip(plain, symbols, strict=True)), simultaneous=True)
            found = to_sympy(partial, stands_for, point), settled(derived, at)
            if found not in seen:
                seen.add(found)
                yield Identity(settled(found[0], at), found[1], at)


@pytest.mark.parametrize("name", NAMES)
def test_the_rule_is_the_derivative(name: str) -> None:
    for built, derived, at in identities(name):
        shown = f"the rule: {built}\nSymPy: {derived}"
        if name not in NOT_SHOWN:
            assert vanishes(built - derived), shown
            continue
        one, other = (function(e, list(at))(*at.values()) for e in (built, derived))
        with mpmath.workdps(50):
            assert mpmath.almosteq(one, other, 1e-40), shown


def test_an_op_that_sympy_cannot_show_is_an_op_with_a_counterpart() -> None:
    assert set(NOT_SHOWN) <= set(NAMES)


def test_a_wrong_rule_does_not_vanish() -> None:
    x = sympy.Symbol("x", positive=True)
    assert not vanishes(1 - sympy.tanh(x) - sympy.tanh(x).diff(x))


# -- numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_value_and_derivatives_to_second_order_are_those_of_sympy(name: str) -> None:
    op = REGISTRY.ops[name]
    inputs, y, wrt = applied(name)
    floats = [inputs[k] for k in wrt]
    first = sd.grad(y, floats, disconnected="zero")
    second = [sd.grad(d, floats, disconnected="zero") for d in first]
    symbols = real_symbols(op)
    by = [symbols[k] for k in wrt]
    expression = counterpart(op, symbols)
    value = function(expression, symbols)
    firsts = [function(derivative(expression, s), symbols) for s in by]
    seconds = [function(derivative(expression, s, t), symbols) for s, t in product(by, by)]
    for seed in range(POINTS):
        values = point_of(name, seed)
        at = [float(v) for v in values]
        found = sd.evaluate([y, first, second], dict(zip(inputs, values, strict=True)))
        np.testing.assert_allclose(found[0], float(value(*at)), rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(found[1], [float(f(*at)) for f in firsts], rtol=1e-13)
        np.testing.assert_allclose(
            np.ravel(found[2]), [float(f(*at)) for f in seconds], rtol=1e-12, atol=1e-15
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_counterpart_is_made_of_symbols(name: str) -> None:
    symbols = [sympy.Symbol(a) for a in REGISTRY.ops[name].arguments]  # complex, as in `im`
    assert counterpart(REGISTRY.ops[name], symbols).free_symbols == set(symbols)
