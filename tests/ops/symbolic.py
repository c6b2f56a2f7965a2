"""A graph of scalars as a SymPy expression: through the counterparts that its ops state."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np
import sympy

import symdiff as sd
from tests.ops.exact import Ceiling, Floor, NoCounterpartError, Sign, Size, counterpart

_PI, _TWO, _TEN = sympy.pi, sympy.Integer(2), sympy.Integer(10)
_BASES: Final = (
    *(_PI, sympy.sqrt(_PI), sympy.sqrt(2 * _PI), sympy.sqrt(2), sympy.sqrt(_PI / 2), _PI / 180),
    *(sympy.log(2), sympy.log(10), sympy.log(2 * _PI), sympy.sqrt(_PI) / 2, _PI**2, sympy.E),
)
_CONSTANTS: Final = tuple(
    scale * c
    for base in _BASES
    for c in (base, 1 / base)
    for scale in map(sympy.Rational, ("1", "-1", "1/2", "-1/2", "2", "-2"))
)
"""Numbers that rules hold as doubles."""
_DOUBLES: Final = np.array([float(c) for c in _CONSTANTS])


def number(value: float) -> sympy.Expr:
    """The number that a double stands for: a fraction of small numbers, 2/√π, log 2, …."""
    nearest = Fraction(value).limit_denominator(1000)
    if nearest.numerator / nearest.denominator == value:
        return sympy.Rational(nearest.numerator, nearest.denominator)
    near = np.flatnonzero(np.abs(_DOUBLES - value) <= 2e-16 * abs(value))
    if near.size:
        return _CONSTANTS[near[0]]
    raise NoCounterpartError(f"the constant {value!r}")


def to_sympy(
    output: sd.Node, symbols: Mapping[sd.Node, sympy.Expr], point: Mapping[sd.Node, Any]
) -> sympy.Expr:
    """The expression a scalar node computes near a point: of each `where`, the branch taken there.

    Arguments: `symbols`, what inputs stand for. Raises `NoCounterpartError`.
    """
    found: dict[sd.Node, sympy.Expr] = dict(symbols)

    def convert(node: sd.Node) -> sympy.Expr:
        if node not in found:
            found[node] = _expression(node)
        return found[node]

    def _expression(node: sd.Node) -> sympy.Expr:
        match node.op.name:
            case "constant":
                return number(node.params["value"].array.item())
            case "where":
                taken = bool(sd.evaluate(node.inputs[0], point))
                return convert(node.inputs[1 if taken else 2])
            case "cast" | "broadcast_to" | "reshape" | "stop_gradient":
                return convert(node.inputs[0])
        if node.op.sympy is None:
            raise NoCounterpartError(node.op.name)
        operands = [sympy.Dummy(f"x{k}", real=True) for k in range(len(node.inputs))]
        formula = counterpart(node.op, operands, node.params)
        return formula.subs(
            dict(zip(operands, map(convert, node.inputs), strict=True)), simultaneous=True
        )

    return convert(output)


def _is_step(op: sd.Op) -> bool:
    rules = op.vjp_rules
    return op.form == "elementwise" and isinstance(rules, tuple) and set(rules) == {None}


def settled(expression: sympy.Expr, at: Mapping[sympy.Symbol, Any]) -> sympy.Expr:
    """The expression on the side of each jump, and of each kink, that a point is on."""
    for step, plain in ((Sign, sympy.sign), (Floor, sympy.floor), (Ceiling, sympy.ceiling)):
        expression = expression.replace(step, lambda x, plain=plain: plain(x.subs(at)))
    return expression.replace(Size, lambda x: x * sympy.sign(x.subs(at)))


def vanishes(difference: sympy.Expr) -> bool:
    """Whether SymPy can show that an expression is zero."""
    for form in (
        lambda e: e,
        sympy.expand,
        sympy.simplify,
        lambda e: sympy.simplify(e.rewrite(sympy.exp)),
        lambda e: sympy.simplify(sympy.expand_func(e)),
        lambda e: sympy.simplify(sympy.expand(e, func=True, power_base=True)),
    ):
        if form(difference) == 0:
            return True
    return False


def positive_symbols(values: list[np.ndarray], names: tuple[str, ...]) -> list[sympy.Expr]:
    """For each operand a positive symbol with the sign that its value has."""
    return [
        sympy.Symbol(name, positive=True) * (1 if float(value) >= 0 else -1)
        for name, value in zip(names, values, strict=True)
    ]
