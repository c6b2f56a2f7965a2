"""What the algebraic rules share: numbers in products, and which of two shapes is the smaller.

A product with a number is `Scaled`: ``number * base`` or ``number / base``, the number kept as
a quotient so that nothing is rounded before it must be.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.node import Node
from symdiff.ops.elementwise import divide, multiply, negative
from symdiff.sources import CONSTANT
from symdiff.types import Shape, broadcast_shapes

__all__ = ["Scaled", "build", "is_modest", "joint", "number", "scaled", "smaller", "times"]

# -- numbers -------------------------------------------------------------------------------


def number(x: Node) -> float | None:
    """The value of a real floating scalar constant; None for any other node."""
    if x.op is not CONSTANT or x.shape or x.dtype.kind != "f":
        return None
    value: float = x.params["value"].array.item()
    return value


MODEST: Final = 1e12


def is_modest(value: float) -> bool:
    """Whether a factor is near enough to 1 to be moved past others.

    What overflows or vanishes on the way may then differ only near the ends of the range.
    """
    return 1 / MODEST <= abs(value) <= MODEST


def _is_normal(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether a number keeps its digits in a dtype."""
    limits = np.finfo(dtype)
    return float(limits.tiny) <= abs(value) <= float(limits.max)


# -- products with a number ----------------------------------------------------------------


class Scaled(NamedTuple):
    """``above / below * base**power``, where the power is 1 or -1."""

    above: float
    below: float
    base: Node
    power: int

    def after(self, outer: Scaled) -> Scaled:
        """The whole where `outer` is a product with a number of this one."""
        if outer.power > 0:
            above, below = outer.above * self.above, outer.below * self.below
        else:
            above, below = outer.above * self.below, outer.below * self.above
        return Scaled(above, below, self.base, self.power * outer.power)


def scaled(x: Node) -> Scaled | None:
    """A node as a number times, or over, another of its type; None where it is not written so."""
    op = x.op
    if op is negative:
        return Scaled(-1.0, 1.0, x.inputs[0], 1) if x.dtype.kind == "f" else None
    if op is not multiply and op is not divide:
        return None
    first, second = x.inputs
    if first.op is not CONSTANT and second.op is not CONSTANT:
        return None
    if first.dtype != x.dtype or second.dtype != x.dtype:
        return None
    value = number(first)
    if value is not None and second.shape == x.shape:
        return Scaled(value, 1.0, second, 1 if x.op is multiply else -1)
    value = number(second)
    if value is not None and first.shape == x.shape:
        return Scaled(value, 1.0, first, 1) if x.op is multiply else Scaled(1.0, value, first, 1)
    return None


def build(found: Scaled) -> Node | None:
    """The node, of one operation at most; None where its number would lose digits."""
    above, below, base, power = found
    if not above or not below or not np.isfinite(above) or not np.isfinite(below):
        return None
    quotient = above / below
    if not _is_normal(quotient, base.dtype):
        return None
    if power < 0:
        return divide(base.graph.constant(quotient, base.dtype), base)
    if abs(above) == 1.0 and not _is_power_of_two(below):
        return divide(base, base.graph.constant(below * above, base.dtype))
    return times(quotient, base)


def _is_power_of_two(value: float) -> bool:
    return abs(float(np.frexp(value)[0])) == 0.5


def times(value: float, x: Node) -> Node:
    """`value * x`, of no operation where that can be."""
    if value == 1.0:
        return x
    if value == -1.0:
        return negative(x)
    return multiply(x.graph.constant(value, x.dtype), x)


# -- shapes --------------------------------------------------------------------------------


def joint(*nodes: Node) -> Shape | None:
    """The shape of an elementwise operation on these."""
    return broadcast_shapes([x.shape for x in nodes])


def smaller(shape: Shape | None, than: Shape) -> bool:
    """Whether arrays of the first shape have fewer entries, one size at least being 1 for more."""
    if shape is None:
        return False
    rank = len(than)
    return _stripped(shape) != _stripped(than) and (
        len(shape) <= rank and broadcast_shapes([shape, than]) == than
    )


def _stripped(shape: Shape) -> Shape:
    start = next((k for k, dim in enumerate(shape) if dim != 1), len(shape))
    return shape[start:]
