"""Logarithms of exponentials, of their sums, products and powers, and of probabilities.

The exponential may overflow, and a sum of them too, where its logarithm is an ordinary number
(P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and softmax
functions", *IMA Journal of Numerical Analysis* 41, 2021). What the logarithm is of is taken
apart into factors: one known to be at least 0 leaves, with its own logarithm, whatever the signs
of the others are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Final, NamedTuple

from symdiff import first_use
from symdiff.node import Node
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import add, divide, exp, log, multiply, negative, where
from symdiff.ops.functions import expm1, log1p
from symdiff.ops.nn import log_softmax, logaddexp, logsumexp, sigmoid, softplus
from symdiff.ops.powers import pow as pow_
from symdiff.ops.reduce import sum as sum_
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, spread_scalar
from symdiff.rewrite.rules.parts import (
    is_number,
    leaves,
    minus,
    stable,
    stable_function,
)

__all__ = ["LOGARITHMS"]


class _Log(NamedTuple):
    """The logarithm of a value that is never negative: `node` plus the logarithm of `factor`."""

    node: Node
    factor: float = 1.0

    def whole(self) -> Node:
        return self.node if self.factor == 1 else self.node + math.log(self.factor)


# -- what has a logarithm ------------------------------------------------------------------


def _of_exp(x: Node, depth: int) -> _Log:
    return _Log(x.inputs[0])


def _of_sum(x: Node, depth: int) -> _Log | None:
    """Of a sum of exponentials, each perhaps times probabilities or positive numbers."""
    (terms,) = x.inputs
    found = _known(terms, depth) if terms.op in (exp, multiply, divide) else None
    if found is None or terms.dtype != x.dtype or not _grows(terms):
        return None
    whole = logsumexp(found.node, axis=x.params["axis"], keepdims=x.params["keepdims"])
    return _Log(whole, found.factor)


def _of_terms(x: Node, depth: int) -> _Log | None:
    """Of exponentials and positive numbers added up."""
    logs: list[_Log] = []
    number = 0.0
    for term in leaves(x, add):
        if is_number(term):
            value = spread_scalar(term)
            found = None if value <= 0 else _Log(term, value)
            number += value
        else:
            found = _known(term, depth) if _grows(term) else None
            logs += [found] if found else []
        if found is None:
            return None
    if not logs:
        return None
    total = reduce(logaddexp, [part.whole() for part in logs])
    if number:
        total = softplus(total) if number == 1 else logaddexp(total, math.log(number))
    return _Log(total)


def _of_difference(x: Node, depth: int) -> _Log | None:
    """Of 1 less a probability."""
    one, p = x.inputs
    if p.op is not sigmoid or spread_scalar(one) != 1:
        return None
    return _Log(-softplus(p.inputs[0]))


def _of_product(x: Node, depth: int) -> _Log | None:
    split = _split(x, depth)
    if split.others or not split.logs:
        return None
    return _Log(_total(split.logs), split.factor)


def _of_sigmoid(x: Node, depth: int) -> _Log:
    return _Log(-softplus(minus(x.inputs[0])))


def _of_softmax(x: Node, depth: int) -> _Log:
    return _Log(log_softmax(x.inputs[0], axis=x.params["axis"]))


def _of_ndtr(x: Node, depth: int) -> _Log:
    return _Log(first_use.module("ops.normal").log_ndtr(x.inputs[0]))


def _of_erfc(x: Node, depth: int) -> _Log:
    """``erfc(x) = 2 * ndtr(-sqrt(2) * x)`` (DLMF 7.2.2 and 7.1.22)."""
    below = -math.sqrt(2) * x.inputs[0]
    return _Log(first_use.module("ops.normal").log_ndtr(below), 2.0)


_MOVES: Final = (
    *("broadcast_to", "gather", "index", "permute_dims", "refine", "reshape"),
    "take_along_axis",
)
"""Ops that hand on entries of their first operand as they are."""


def _of_moved(x: Node, depth: int) -> _Log | None:
    """Of entries of a softmax, or of exponentials: entries of the logarithm."""
    source = x.inputs[0]
    if source.op.name not in ("softmax", "exp", *_MOVES) or source.dtype != x.dtype:
        return None
    found = _known(source, depth)
    if found is None or found.node.type != source.type:
        return None
    moved = x.graph.intern(x.op, (found.node, *x.inputs[1:]), x.params)
    return _Log(moved, found.factor)


def _of_choice(x: Node, depth: int) -> _Log | None:
    """Of probabilities where a mask holds, and of 1 elsewhere."""
    condition, *branches = x.inputs
    if sum(spread_scalar(branch) == 1 for branch in branches) != 1:
        return None
    logs: list[Node] = []
    for branch in branches:
        found = None if is_number(branch) else _known(branch, depth)
        if is_number(branch):
            logs.append(branch.graph.constant(0, x.dtype))
        elif found is None or branch.dtype != x.dtype:
            return None
        else:
            logs.append(found.whole())
    return _Log(where(condition, *logs))


_KNOWN: Final[Mapping[str, Callable[[Node, int], _Log | None]]] = {
    "exp": _of_exp,
    "sum": _of_sum,
    "add": _of_terms,
    "subtract": _of_difference,
    "multiply": _of_product,
    "divide": _of_product,
    "sigmoid": _of_sigmoid,
    "softmax": _of_softmax,
    "ndtr": _of_ndtr,
    "erfc": _of_erfc,
    "where": _of_choice,
    **dict.fromkeys(_MOVES, _of_moved),
}

_DEEPEST: Final = 6


def _known(x: Node, depth: int = 0) -> _Log | None:
    find = _KNOWN.get(x.op.name)
    if find is None or depth > _DEEPEST or x.dtype.kind != "f":
        return None
    return find(x, depth + 1)


def _grows(x: Node) -> bool:
    """Whether an exponential is among the factors: else nothing overflows, and all stays."""
    return any(part.op is exp or part.op is sum_ for _, part in _factors(x))


# -- products ------------------------------------------------------------------------------


class _Split(NamedTuple):
    """A product of factors, each to the power 1 or -1."""

    logs: list[tuple[int, Node]]
    others: list[tuple[int, Node]]
    factor: float


def _split(x: Node, depth: int) -> _Split:
    logs: list[tuple[int, Node]] = []
    others: list[tuple[int, Node]] = []
    factor = 1.0
    for power, part in _factors(x):
        value = spread_scalar(part) if is_number(part) else None
        if value is not None and value > 0:
            factor *= value**power
            continue
        found = _known(part, depth)
        if found is None:
            others.append((power, part))
        else:
            logs.append((power, found.node))
            factor *= found.factor**power
    return _Split(logs, others, factor)


def _factors(x: Node) -> list[tuple[int, Node]]:
    found = [(1, x)]
    for _ in range(_DEEPEST):
        for k, (power, part) in enumerate(found):
            if part.op is multiply or part.op is divide:
                a, b = part.inputs
                below = -power if part.op is divide else power
                found[k : k + 1] = [(power, a), (below, b)]
                break
        else:
            break
    return found


def _total(terms: list[tuple[int, Node]]) -> Node:
    """The terms added and subtracted, those that are added first."""
    first, *rest = sorted(terms, key=lambda term: -term[0])
    total = first[1] if first[0] > 0 else minus(first[1])
    for sign, term in rest:
        total = total + term if sign > 0 else total - term
    return total


def _log_product(node: Node, facts: Facts) -> Node | None:
    """Factors that are exponentials or probabilities leave the logarithm; the others stay."""
    split = _split(node.inputs[0], 0)
    if not split.logs or not (math.isfinite(split.factor) and split.factor > 0):
        return None
    total = _total(split.logs)
    above = [part for power, part in split.others if power > 0]
    below = [part for power, part in split.others if power < 0]
    if above:
        rest = reduce(multiply, above)
        total = total + log(rest / reduce(multiply, below) if below else rest)
    elif below:
        total = total - log(reduce(multiply, below))
    return _Log(total, split.factor).whole()


# -- powers --------------------------------------------------------------------------------


def _log_power(node: Node, facts: Facts) -> Node | None:
    """``log(x**c) = c * log(x)``: of an even power, of the absolute value of `x`."""
    (power,) = node.inputs
    match power.op.name:
        case "square":
            base, exponent = power.inputs[0], 2.0
        case "sqrt":
            base, exponent = power.inputs[0], 0.5
        case "multiply" if power.inputs[0] is power.inputs[1]:
            base, exponent = power.inputs[0], 2.0
        case "pow" if is_number(power.inputs[1]):
            base, exponent = power.inputs[0], spread_scalar(power.inputs[1])
        case _:
            return None
    if not math.isfinite(exponent) or exponent == 0:
        return None
    if not facts.nonnegative(base):
        if exponent % 1 and power.op is pow_:
            return None  # the root of -inf is inf here
        if exponent % 2 == 0:
            base = abs_(base)
    result: Node = exponent * log(base)
    return result


def _log_prod(node: Node, facts: Facts) -> Node | None:
    """The logarithm of a product is the sum of the logarithms, of factors that are >= 0."""
    (product,) = node.inputs
    (x,) = product.inputs
    if product.op.name != "prod" or x.dtype != node.dtype or not facts.nonnegative(x):
        return None
    return sum_(log(x), axis=product.params["axis"], keepdims=product.params["keepdims"])


def _minus_minus(node: Node, facts: Facts) -> Node | None:
    """What the rules of this table leave behind of ``-log(p)``."""
    (inner,) = node.inputs[0].inputs
    losses = ("softplus", "sigmoid_binary_cross_entropy")
    return inner if inner.op.name in losses else None


# -- the rules -----------------------------------------------------------------------------


def _log_of(says: str, *names: str) -> Callable[[Node, Facts], Node | None]:
    """The logarithm of what one of these ops gives, where it is known."""

    def apply(node: Node, facts: Facts) -> Node | None:
        (x,) = node.inputs
        found = _known(x) if x.op.name in names else None
        return None if found is None else found.whole()

    apply.__doc__ = says
    return apply


def _rule(name: str, says: str, *names: str) -> Rule:
    """A rule on the logarithm of what these ops give; `says` is its line in the documentation."""
    return stable_function(name, log, _log_of(says, *names), *names)


LOGARITHMS: Final[tuple[Rule, ...]] = (
    stable("log_exp", lambda x: log(exp(x)), lambda x: x),
    _rule("log_sum_exp", "``log(sum(exp(x)))`` -> ``logsumexp(x)``.", "sum"),
    _rule("log_softmax", "``log(softmax(x))`` -> ``log_softmax(x)``.", "softmax"),
    _rule("log_sigmoid", "``log(sigmoid(x))`` -> ``-softplus(-x)``.", "sigmoid"),
    _rule("log_one_minus_sigmoid", "``log(1 - sigmoid(x))`` -> ``-softplus(x)``.", "subtract"),
    stable("log1p_minus_sigmoid", lambda x: log1p(-sigmoid(x)), lambda x: -softplus(x)),
    _rule("log_add_exp", "``log(exp(x) + exp(y))`` -> ``logaddexp(x, y)``.", "add"),
    stable("log1p_exp", lambda x: log1p(exp(x)), softplus),
    stable("logaddexp_zero", lambda x: logaddexp(x, 0), softplus),
    stable_function("minus_minus_loss", negative, _minus_minus, "negative"),
    _rule("log_normal", "``log(ndtr(x))`` -> ``log_ndtr(x)``; so with ``erfc``.", "ndtr", "erfc"),
    _rule(
        "log_of_entries",
        "``log(softmax(x)[k])`` -> ``log_softmax(x)[k]``: of entries moved or picked.",
        *_MOVES,
    ),
    _rule(
        "log_of_choice",
        "``log(where(m, softmax(x), 1))`` -> ``where(m, log_softmax(x), 0)``.",
        "where",
    ),
    stable_function("log_product", log, _log_product, "multiply", "divide"),
    stable_function("log_power", log, _log_power, "multiply", "pow", "square", "sqrt"),
    stable_function("log_prod", log, _log_prod, "prod"),
    stable(
        "log_expm1",
        lambda x: log(expm1(x)),
        lambda x: x + log(-expm1(-x)),
    ),
    stable("log_one_plus", lambda x: log(1 + x), log1p),
    stable("log_one_minus", lambda x: log(1 - x), lambda x: log1p(minus(x))),
    stable("log1p_expm1", lambda x: log1p(expm1(x)), lambda x: x),
)
"""In this order: the first that fires is taken."""
