"""Partial derivatives against SymPy's `diff`, for every elementwise op with a counterpart."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy

import symdiff as sd
from symdiff.op import REGISTRY
from tests.ops.samples import ELEMENTWISE_OPS, Case, operands

NAMES = [n for n in ELEMENTWISE_OPS if REGISTRY.ops[n].sympy is not None]
POINTS = 5


def counterpart(name: str, symbols: list[sympy.Symbol], at: dict[sympy.Symbol, Any]) -> sympy.Expr:
    """SymPy's expression for the op; jumps are constants, as the op's doc says they count."""
    sympys = REGISTRY.ops[name].sympy
    function = getattr(sympy, sympys) if isinstance(sympys, str) else sympys
    expression = function(*symbols).replace(sympy.Mod, lambda a, b: a - b * sympy.floor(a / b))
    for step in (sympy.floor, sympy.ceiling):
        expression = expression.replace(step, lambda x, step=step: step(x.subs(at)))
    return expression


@pytest.mark.parametrize("name", NAMES)
def test_first_and_second_partials_are_those_of_sympy(name: str) -> None:
    op = REGISTRY.ops[name]
    count = len(op.arguments)
    symbols = [sympy.Symbol(a, real=True) for a in op.arguments]
    g = sd.Graph()
    inputs = [g.input(a, sd.f64) for a in op.arguments]
    y = op(*inputs)
    first = sd.grad(y, inputs, disconnected="zero")
    second = [sd.grad(d, inputs, disconnected="zero") for d in first]
    for seed in range(POINTS):
        values = operands(name, Case(((),) * count), "float64", seed)
        at = {s: sympy.Float(float(v), 30) for s, v in zip(symbols, values, strict=True)}
        expression = counterpart(name, symbols, at)
        point = dict(zip(inputs, values, strict=True))

        def exact(e: sympy.Expr, at: dict[sympy.Symbol, Any] = at) -> float:
            return float(e.subs(at).evalf(30))

        found = sd.evaluate([y, first, second], point)
        np.testing.assert_allclose(found[0], exact(expression), rtol=1e-15)
        for i, s in enumerate(symbols):
            np.testing.assert_allclose(found[1][i], exact(expression.diff(s)), rtol=1e-14)
        for (i, s), (j, t) in product(enumerate(symbols), repeat=2):
            np.testing.assert_allclose(
                found[2][i][j], exact(expression.diff(s, t)), rtol=1e-13, atol=1e-15
            )


@pytest.mark.parametrize("name", NAMES)
def test_the_counterpart_is_made_of_symbols(name: str) -> None:
    symbols = [sympy.Symbol(a, real=True) for a in REGISTRY.ops[name].arguments]
    assert counterpart(name, symbols, {}).free_symbols == set(symbols)
