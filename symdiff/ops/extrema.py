"""The larger and the smaller of two operands, and clipping to bounds.

The derivative of a maximum is 1 towards the larger operand. Where both are equal it is any
point between the one-sided derivatives (F. Clarke, *Optimization and Nonsmooth Analysis*, 1983,
2.3.12); here the operands share equally, 0.5 each, which keeps the symmetry of the function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise, mask_of, masked_like, numpy_function, public
from symdiff.ops.elementwise import equal, greater_equal, less_equal, under, where

__all__ = ["clip", "fmax", "fmin", "maximum", "minimum"]

Chosen = Callable[[Node, Node, Node], Node]
"""From the result, an operand and the other one: where that operand is taken."""


def _share(chosen: Chosen, position: int) -> Any:
    """The rule of one operand: `g` where `chosen` takes it, halved at ties, 0 elsewhere.

    Serves as VJP and as JVP. A mask that `g` brings along stays outermost.
    """

    def rule(g: Node, y: Node, x1: Node, x2: Node) -> Node | None:
        mask = mask_of(g)
        value = g if mask is None else mask.value
        shared = where(equal(x1, x2), 0.5 * value, value)
        taken = chosen(y, x1, x2) if position == 0 else chosen(y, x2, x1)
        return under(taken, shared if mask is None else masked_like(g, shared), False)

    return rule


def _extremum(name: str, kernel: Any, chosen: Chosen, doc: str, sympy: str, nan: str) -> Op:
    rules = _share(chosen, 0), _share(chosen, 1)
    return elementwise(
        name,
        "x1 x2",
        doc=f"""{doc}

        Where the two are equal the gradient is shared equally, 0.5 each. {nan}
        """,
        kernel=kernel,
        commutative=True,
        sympy=sympy,
        vjp=rules,
        jvp=rules,
    )


_PROPAGATED = "Where one is NaN so is the result, and the gradients are 0."
_IGNORED = (
    "Where one is NaN the other is the result and gets the gradient; where both are, so is the "
    "result, and the gradients are 0."
)

maximum: Op = _extremum(
    "maximum",
    np.maximum,
    lambda y, this, other: greater_equal(this, other),
    "The larger of `x1` and `x2`, entry by entry.",
    "Max",
    _PROPAGATED,
)
minimum: Op = _extremum(
    "minimum",
    np.minimum,
    lambda y, this, other: less_equal(this, other),
    "The smaller of `x1` and `x2`, entry by entry.",
    "Min",
    _PROPAGATED,
)
fmax: Op = _extremum(
    "fmax",
    np.fmax,
    lambda y, this, other: equal(y, this),
    "The larger of `x1` and `x2`, entry by entry, NaN counting as missing.",
    "Max",
    _IGNORED,
)
fmin: Op = _extremum(
    "fmin",
    np.fmin,
    lambda y, this, other: equal(y, this),
    "The smaller of `x1` and `x2`, entry by entry, NaN counting as missing.",
    "Min",
    _IGNORED,
)


@public
def clip(x: Any, /, min: Any = None, max: Any = None) -> Node:
    """`x` limited to the interval from `min` to `max`: ``minimum(maximum(x, min), max)``.

    Arguments: `min`, `max`, nodes, arrays or numbers, broadcast against `x`; None leaves that
    side open. Where `min` exceeds `max` the result is `max`, as in NumPy.

    The derivative by `x` is 1 between the bounds, 0 beyond them and 0.5 at a bound, which gets
    the other half: a bound and `x` share equally, as everywhere.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[4])
    >>> y = sd.clip(x, 0.0, 1.0)
    >>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [-1.0, 0.0, 0.5, 2.0]})
    [array([0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 0. ])]
    """
    if not any(isinstance(operand, Node) for operand in (x, min, max)):
        raise ArgumentError(
            "clip: neither x nor a bound is a node; make one with graph.input(name, type)"
        )
    above = x if min is None else maximum(x, min)
    return above if max is None else minimum(above, max)


@numpy_function(np.clip)
def _np_clip(
    a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Node:
    return clip(a, a_min if min is None else min, a_max if max is None else max)


REGISTRY.enroll(__name__)
