"""The stability table: forms that overflow or cancel, and what is accurate in their place.

What `derive` puts over an expression before it differentiates it, and `sd.compile` over every
graph. A rule fires where its result is right to rounding for every argument for which what was
written is, and right for more. `docs/stability.md` shows each with the argument that fails.

parts.py        looking at expressions
logarithms.py   logarithms of exponentials, products and probabilities
softmaxes.py    softmax and logistic losses by hand
squares.py      roots, squares and variances

Four forms stay as they are. ``sqrt(x**2 + y**2)`` is not `hypot`, which takes twice the time;
``x * log(x)`` at 0 stays NaN, for `xlogy` takes twice the time, and ``sin(x) / x`` alike;
``exp(x) + exp(-x)`` loses nothing and two exponentials cost less than `cosh`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from symdiff import first_use
from symdiff.node import Node
from symdiff.ops.elementwise import (
    add,
    cos,
    divide,
    exp,
    log,
    multiply,
    negative,
    sech,
    sin,
    sqrt,
    subtract,
    tanh,
)
from symdiff.ops.functions import (
    acosh,
    asinh,
    atanh,
    cosh,
    expm1,
    log1p,
    reciprocal,
    sinh,
    square,
)
from symdiff.ops.nn import sigmoid
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Form, Rule, spread_scalar
from symdiff.rewrite.rules.logarithms import LOGARITHMS
from symdiff.rewrite.rules.parts import half, minus, stable, stable_function
from symdiff.rewrite.rules.softmaxes import SOFTMAXES
from symdiff.rewrite.rules.squares import SQUARES, squared

__all__ = ["STABILITY", "VALUES_ONLY", "WRITTEN_ONLY", "ops_within"]

_SQUARINGS: Final[tuple[Callable[[Any], Any], ...]] = (
    lambda x: x**2,
    lambda x: x * x,
    lambda x: square(x),
)
"""The ways a square is written."""

# -- differences from 1 --------------------------------------------------------------------


def _subtracted(node: Node, facts: Facts) -> Node | None:
    """`y` where the node is ``1 - y`` and nothing else needs `y`.

    Not in derivatives: those of `tanh` and `sigmoid` are ``1 - y`` forms for the sake of their
    speed, as the docs of the ops say.
    """
    one, y = node.inputs
    wanted = spread_scalar(one) == 1 and node.order == 0
    return y if wanted and not facts.shared(y) else None


def _one_minus_sigmoid(node: Node, facts: Facts) -> Node | None:
    """``1 - sigmoid(x)`` -> ``sigmoid(-x)``."""
    y = _subtracted(node, facts)
    return None if y is None or y.op is not sigmoid else sigmoid(minus(y.inputs[0]))


def _one_minus_tanh_square(node: Node, facts: Facts) -> Node | None:
    """``1 - tanh(x)**2`` -> ``sech(x)**2``, where nothing else needs the tangent."""
    y = _subtracted(node, facts)
    t = None if y is None else squared(y)
    if t is None or t.op is not tanh or facts.shared(t):
        return None
    return square(sech(t.inputs[0]))


def _one_minus_cos(node: Node, facts: Facts) -> Node | None:
    """``1 - cos(x)`` -> ``2 * sin(x / 2)**2``."""
    y = _subtracted(node, facts)
    return None if y is None or y.op is not cos else 2.0 * square(sin(half(y.inputs[0])))


def _one_minus_normal(node: Node, facts: Facts) -> Node | None:
    """The other tail, computed as such."""
    one, y = node.inputs
    if spread_scalar(one) != 1:
        return None
    (x,) = y.inputs
    match y.op.name:
        case "erf":
            return _normal("erfc", x)
        case "erfc":
            return _normal("erf", x)
        case "ndtr":
            return _normal("ndtr", minus(x))
    return None


def _one_plus_erf(node: Node, facts: Facts) -> Node | None:
    """``1 + erf(x)`` -> ``erfc(-x)``."""
    for one, y in (node.inputs, node.inputs[::-1]):
        if y.op.name == "erf" and spread_scalar(one) == 1:
            return _normal("erfc", minus(y.inputs[0]))
    return None


def _normal(name: str, x: Node) -> Node:
    """An op of a family that loads when it is needed."""
    found: Node = getattr(first_use.module("ops.normal"), name)(x)
    return found


# -- products and quotients of exponentials ------------------------------------------------


def _merged(node: Node, facts: Facts) -> Node | None:
    """One exponential for two, where that takes no more of them than there were."""
    a, b = node.inputs
    if a.op is not exp or b.op is not exp:
        return None
    if not any(x.shape == node.shape and not facts.shared(x) for x in (a, b)):
        return None
    u, v = a.inputs[0], b.inputs[0]
    return exp(u - v) if node.op is divide else exp(u + v)


def _over_exp(node: Node, facts: Facts) -> Node | None:
    """``a / exp(x)``, whose derivative divides infinities, as a product.

    Not where ``exp(-x)`` could overflow while the quotient does not.
    """
    a, below = node.inputs
    if below.op is not exp or facts.shared(below):
        return None
    (x,) = below.inputs
    number = spread_scalar(a)
    if number == 1:
        return exp(minus(x))
    large = isinstance(number, int | float) and abs(number) >= 1
    return a * exp(minus(x)) if large or facts.nonnegative(x) else None


# -- the table -----------------------------------------------------------------------------


def _density(x: Node) -> Node:
    """The derivative of `sigmoid`, to all digits in both tails."""
    return sigmoid(x) * sigmoid(minus(x))


LOGISTIC: Final[tuple[Rule, ...]] = (
    *[
        stable("logistic_density", lambda x, *, s=s: exp(x) / s(1 + exp(x)), _density)
        for s in _SQUARINGS
    ],
    stable("tanh_of_sinh", lambda x: sinh(x) / cosh(x), tanh),
    stable(
        "tanh_of_differences",
        lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)),
        tanh,
    ),
    stable("tanh_of_halves", lambda x: sinh(x) / (0.5 * (exp(x) + exp(-x))), tanh),
    stable("tanh_over_halves", lambda x: sinh(x) / ((exp(x) + exp(-x)) / 2), tanh),
    stable("tanh_of_expm1", lambda x: expm1(x) / (exp(x) + 1), lambda x: tanh(half(x))),
    stable(
        "tanh_of_minus_expm1",
        lambda x: negative(expm1(x)) / (exp(x) + 1),
        lambda x: tanh(half(minus(x))),
    ),
    stable("tanh_of_sigmoid", lambda x: 2 * sigmoid(x) - 1, lambda x: tanh(half(x))),
    stable("sigmoid_of_exp", lambda x: exp(x) / (1 + exp(x)), sigmoid),
    stable("sigmoid", lambda x: 1 / (1 + exp(x)), lambda x: sigmoid(minus(x))),
    stable("sigmoid_reciprocal", lambda x: reciprocal(1 + exp(x)), lambda x: sigmoid(minus(x))),
    stable("sigmoid_power", lambda x: (1 + exp(x)) ** -1, lambda x: sigmoid(minus(x))),
    stable("share_of_two", lambda x, y: exp(x) / (exp(x) + exp(y)), lambda x, y: sigmoid(x - y)),
    stable(
        "over_one_plus_exp",
        lambda a, x: a / (1 + exp(x)),
        lambda a, x: a * sigmoid(minus(x)),
    ),
)

EXPONENTIALS: Final[tuple[Rule, ...]] = (
    stable("sinh", lambda x: 0.5 * (exp(x) - exp(-x)), sinh),
    stable("sinh_half", lambda x: (exp(x) - exp(-x)) / 2, sinh),
    *[
        stable("sech_square", lambda x, *, s=s: 1 / s(cosh(x)), lambda x: square(sech(x)))
        for s in _SQUARINGS
    ],
    stable("sech", lambda x: 1 / cosh(x), sech),
    stable_function("exp_product", multiply, _merged, "exp"),
    stable_function("exp_quotient", divide, _merged, "exp"),
    stable_function("over_exp", divide, _over_exp, "exp"),
    stable("exp_minus_one", lambda x: exp(x) - 1, expm1),
    stable("one_minus_exp", lambda x: 1 - exp(x), lambda x: -expm1(x)),
    stable("exp_plus_minus_one", lambda x: exp(x) + -1, expm1),
    stable(
        "expm1_log1p",
        lambda x: expm1(log1p(x)),
        lambda x: x,
        when=lambda facts, x: facts.range(x)[0] >= -1,
    ),
)

COMPLEMENTS: Final[tuple[Rule, ...]] = (
    stable_function("one_minus_normal", subtract, _one_minus_normal, "erf", "erfc", "ndtr"),
    stable_function("one_plus_erf", add, _one_plus_erf, "erf"),
    stable_function("one_minus_sigmoid", subtract, _one_minus_sigmoid, "sigmoid"),
    stable_function(
        "one_minus_tanh_square", subtract, _one_minus_tanh_square, "multiply", "pow", "square"
    ),
    stable_function("one_minus_cos", subtract, _one_minus_cos, "cos"),
)

INVERSES: Final[tuple[Rule, ...]] = (
    *[stable("asinh", lambda x, *, s=s: log(x + sqrt(s(x) + 1)), asinh) for s in _SQUARINGS],
    *[stable("acosh", lambda x, *, s=s: log(x + sqrt(s(x) - 1)), acosh) for s in _SQUARINGS],
    stable("atanh", lambda x: 0.5 * log((1 + x) / (1 - x)), atanh),
    stable("atanh_half", lambda x: log((1 + x) / (1 - x)) / 2, atanh),
)

STABILITY: Final[tuple[Rule, ...]] = (
    *INVERSES,
    *LOGARITHMS,
    *SOFTMAXES,
    *LOGISTIC,
    *EXPONENTIALS,
    *COMPLEMENTS,
    *SQUARES,
)
"""In this order: the first that fires is taken."""

VALUES_ONLY: Final = frozenset({"one_minus_cos", "one_minus_tanh_square", "variance"})
"""Names of rules for values: the derivatives of what was written are as accurate, and shorter."""

WRITTEN_ONLY: Final = frozenset({"one_minus_cos", "one_minus_sigmoid", "one_minus_tanh_square"})
"""Names of rules that leave derivatives alone: see `_subtracted`."""

_WITHIN: Final = {
    "cross_entropy": ("softplus", "subtract"),
    "cross_entropy_less": ("softplus", "subtract"),
    "less_logsumexp": ("logsumexp",),
    "log_one_minus_sigmoid": ("sigmoid",),
    "log_sum_exp": ("exp",),
    "logsumexp_shift": ("logsumexp", "max"),
    "log_softmax_shift": ("max",),
    "softmax_shift": ("max",),
    "softmax": ("sum",),
    "softmax_by_reciprocal": ("sum",),
    "softplus_by_parts": ("abs",),
    "softplus_by_less": ("abs",),
}


def ops_within(rule: Rule) -> frozenset[str]:
    """Names of ops that all occur in what the rule fires on: where one is not, it never does."""
    found = {rule.op.name, *_WITHIN.get(rule.name, ())}
    forms: list[Any] = [rule.left]
    while forms:
        form = forms.pop()
        if isinstance(form, Form):
            found.add(form.op.name)
            forms.extend(form.args)
    return frozenset(found)
