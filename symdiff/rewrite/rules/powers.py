"""Rules for powers with a number in the exponent: as products, quotients and roots.

A whole power takes the binary method from the left (D. Knuth, *The Art of Computer Programming*
2, 4.6.3), which keeps one product at a time. Each multiplication adds half a unit in the last
place to what the squarings before it have doubled.
"""

from __future__ import annotations

from typing import Final

from symdiff.node import Node
from symdiff.ops.elementwise import divide, sqrt
from symdiff.ops.powers import pow as pow_
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule, spread_scalar

__all__ = ["POWERS"]

LARGEST: Final = 12
"""Five multiplications at most; a power takes as long as twenty, and is right to a digit more."""


def _product(x: Node, power: int) -> Node:
    total = x
    for bit in bin(power)[3:]:
        total = total * total
        if bit == "1":
            total = total * x
    return total


def _exponent(node: Node) -> float | None:
    """The number in the exponent, where the result has the dtype of the base."""
    base, power = node.inputs
    value = spread_scalar(power)
    if base.dtype != node.dtype or not isinstance(value, int | float) or base.dtype.kind == "b":
        return None
    return float(value) if abs(value) <= LARGEST else None


def _whole(node: Node, facts: Facts) -> Node | None:
    """``x**3`` -> ``x * x * x``, ``x**-2`` -> ``1 / (x * x)``: by repeated squaring."""
    base = node.inputs[0]
    power = _exponent(node)
    if power is None or power != int(power) or power in (0, 1) or base.dtype.kind == "c":
        return None
    count = abs(int(power))
    if power > 0:
        return _product(base, count)
    if base.dtype.kind != "f":
        return None
    return divide(base.graph.constant(1, base.dtype), _product(base, count))


def _half(node: Node, facts: Facts) -> Node | None:
    """``x**(k + 1/2)`` where `x` is not below zero: the root of -inf is NaN, its power is not."""
    base = node.inputs[0]
    power = _exponent(node)
    if power is None or base.dtype.kind != "f" or abs(power) % 1 != 0.5:
        return None
    whole = int(abs(power))
    if whole > 3 or not facts.nonnegative(base):
        return None
    found = sqrt(base) * _product(base, whole) if whole else sqrt(base)
    return found if power > 0 else divide(base.graph.constant(1, base.dtype), found)


POWERS: Final[tuple[Rule, ...]] = (
    function_rule("whole_power", pow_, _whole, operands=("constant", "broadcast_to")),
    function_rule("half_power", pow_, _half, operands=("constant", "broadcast_to")),
)
