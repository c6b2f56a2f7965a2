"""The softmax family and the logistic losses as people write them out.

``softmax(x - c)`` is ``softmax(x)`` for every `c` that is one number along its axes, and
``logsumexp(x - c) + c`` is ``logsumexp(x)``. The operations find the largest entry themselves,
and their derivatives do not lead through it (Goodfellow, Bengio and Courville, *Deep Learning*,
4.1). Only a maximum of `x` itself is dropped, so that what the result depends on stays the same.
"""

from __future__ import annotations

import math
from typing import Final

from symdiff import first_use
from symdiff.node import Node
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import (
    add,
    divide,
    equal,
    exp,
    logical_and,
    multiply,
    negative,
    stop_gradient,
    subtract,
    where,
)
from symdiff.ops.functions import reciprocal, xlogy
from symdiff.ops.nn import log_softmax, logsumexp, relu, sigmoid, softmax, softplus
from symdiff.ops.reduce import sum as sum_
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, spread_scalar
from symdiff.rewrite.rules.parts import (
    base_of,
    is_minus,
    is_number,
    layout_of,
    minus,
    stable_function,
    without_ones,
)

__all__ = ["SOFTMAXES"]

# -- shares --------------------------------------------------------------------------------


def _summed(below: Node, above: Node) -> tuple[int, ...] | None:
    """The axes over which `below` is the sum of `above`, laid out to divide it."""
    total = base_of(below)
    if total.op is not sum_ or total.inputs[0] is not above or total.dtype != above.dtype:
        return None
    axes: tuple[int, ...] = total.params["axis"]
    return axes if layout_of(below, above.shape, axes) else None


def _share(node: Node, facts: Facts) -> Node | None:
    """``exp(x) / sum(exp(x))``."""
    above, below = node.inputs
    axes = _summed(below, above) if above.op is exp else None
    return None if axes is None else softmax(above.inputs[0], axis=axes)


def _share_by_reciprocal(node: Node, facts: Facts) -> Node | None:
    """``exp(x) * (1 / sum(exp(x)))``."""
    for above, factor in (node.inputs, node.inputs[::-1]):
        if factor.op is reciprocal:
            below = factor.inputs[0]
        elif factor.op is divide and spread_scalar(factor.inputs[0]) == 1:
            below = factor.inputs[1]
        else:
            continue
        axes = _summed(below, above) if above.op is exp else None
        if axes is not None:
            return softmax(above.inputs[0], axis=axes)
    return None


def _exp_log_softmax(node: Node, facts: Facts) -> Node | None:
    """``exp(log_softmax(x))`` -> ``softmax(x)``."""
    (logs,) = node.inputs
    return softmax(logs.inputs[0], axis=logs.params["axis"])


def _less_logsumexp(node: Node, facts: Facts) -> Node | None:
    """``x - logsumexp(x)``."""
    x, below = node.inputs
    total = base_of(below)
    if total.op is not logsumexp or total.inputs[0] is not x:
        return None
    axes = total.params["axis"]
    return log_softmax(x, axis=axes) if layout_of(below, x.shape, axes) else None


# -- the largest entry subtracted ----------------------------------------------------------


def _largest(m: Node, x: Node, axes: tuple[int, ...]) -> Node | None:
    """The maximum of `x` that `m` is, laid out against `x`; one number along `axes` at least."""
    most = base_of(m, fixed=True)
    if most.op.name != "max" or not _same(most.inputs[0], x):
        return None
    over: tuple[int, ...] = most.params["axis"]
    return most if set(axes) <= set(over) and layout_of(m, x.shape, over) else None


def _same(one: Node, other: Node) -> bool:
    return one is other or (one.op is stop_gradient and one.inputs[0] is other)


def _unshifted(u: Node, axes: tuple[int, ...]) -> tuple[Node, Node] | None:
    """`x` and its maximum, where `u` is the difference of the two."""
    if u.op is not subtract or u.shape != u.inputs[0].shape:
        return None
    x, m = u.inputs
    most = _largest(m, x, axes)
    return None if most is None else (x, most)


def _drop_shift(node: Node, facts: Facts) -> Node | None:
    """``softmax(x - max(x))``, and `log_softmax`."""
    axes = node.params["axis"]
    found = _unshifted(node.inputs[0], axes)
    return None if found is None else node.op(found[0], axis=axes)


def _add_shift(node: Node, facts: Facts) -> Node | None:
    """``logsumexp(x - max(x)) + max(x)``, perhaps less the logarithm of a count."""
    for total, m in (node.inputs, node.inputs[::-1]):
        inner = total.inputs[0] if total.op is subtract else total
        if inner.op is not logsumexp:
            continue
        axes = inner.params["axis"]
        found = _unshifted(inner.inputs[0], axes)
        if found is None or base_of(m, fixed=True) is not found[1]:
            continue
        x, most = found
        alike = set(most.params["axis"]) == set(axes) and m.shape == inner.shape
        if alike or not without_ones(m.shape):
            whole = logsumexp(x, axis=axes, keepdims=inner.params["keepdims"])
            return whole if total is inner else whole - total.inputs[1]
    return None


# -- softplus and the cross entropy --------------------------------------------------------


def _rectified(x: Node) -> Node | None:
    """`a` where `x` is ``max(a, 0)``."""
    if x.op is relu:
        return x.inputs[0]
    if x.op.name == "maximum":
        for a, zero in (x.inputs, x.inputs[::-1]):
            if spread_scalar(zero) == 0:
                return a
    return None


def _folded_at(x: Node) -> Node | None:
    """`a` where `x` is ``softplus(-abs(a))``."""
    if x.op is softplus and x.inputs[0].op is negative and x.inputs[0].inputs[0].op is abs_:
        return x.inputs[0].inputs[0].inputs[0]
    return None


def _softplus_by_parts(node: Node, facts: Facts) -> Node | None:
    """``max(x, 0) + log1p(exp(-abs(x)))``, where something may be added to the first part."""
    for part, folded in (node.inputs, node.inputs[::-1]):
        a = _folded_at(folded)
        if a is None:
            continue
        rest = part.inputs[1] if part.op is subtract else None
        x = _rectified(part if rest is None else part.inputs[0])
        if x is not None and (x is a or is_minus(x, a)):
            return softplus(x) if rest is None else softplus(x) - rest
    return None


def _softplus_by_less(node: Node, facts: Facts) -> Node | None:
    """``log1p(exp(-abs(x))) - min(x, 0)``."""
    folded, low = node.inputs
    a = _folded_at(folded)
    if a is None or low.op.name != "minimum":
        return None
    for x, zero in (low.inputs, low.inputs[::-1]):
        if spread_scalar(zero) == 0 and (x is a or is_minus(x, a)):
            return softplus(minus(x))
    return None


def _cost(term: Node) -> tuple[int, Node, Node] | None:
    """Sign, `w` and `x` where the term is ``w * softplus(x)``, or the negative of it."""
    outer = 1
    if term.op is negative:
        outer, term = -1, term.inputs[0]
    if term.op is not multiply:
        return None
    for weight, cost in (term.inputs, term.inputs[::-1]):
        sign = outer
        if cost.op is negative:
            sign, cost = -sign, cost.inputs[0]
        if cost.op is softplus:
            if weight.op is negative:
                sign, weight = -sign, weight.inputs[0]
            return sign, weight, cost.inputs[0]
    return None


def _cross_entropy(node: Node, facts: Facts) -> Node | None:
    """``t * log(p) + (1 - t) * log(1 - p)`` for ``p = sigmoid(x)``, or the negative of it."""
    one, other = _cost(node.inputs[0]), _cost(node.inputs[1])
    if one is None or other is None or not is_minus(one[2], other[2]):
        return None
    sign = one[0]
    if sign != (other[0] if node.op is add else -other[0]):
        return None
    for (_, t, _), (_, rest, x) in ((one, other), (other, one)):
        if rest.op is subtract and spread_scalar(rest.inputs[0]) == 1 and rest.inputs[1] is t:
            loss: Node = first_use.module("ops.losses").sigmoid_binary_cross_entropy(x, t)
            return loss if sign > 0 else -loss
    return None


def _bernoulli_loss(node: Node, facts: Facts) -> Node | None:
    """``sd.binary_cross_entropy(sigmoid(x), t)`` -> ``sd.sigmoid_binary_cross_entropy(x, t)``."""
    for one, other in (node.inputs, node.inputs[::-1]):
        if one.op.name != "xlogy" or other.op.name != "xlog1py":
            continue
        (weight, p), (rest, q) = one.inputs, other.inputs
        t = _outcome(weight, rest)
        if t is not None and p.op is sigmoid and is_minus(p, q):
            x = p.inputs[0]
            loss: Node = first_use.module("ops.losses").sigmoid_binary_cross_entropy(x, t)
            return loss
    return None


def _outcome(weight: Node, rest: Node) -> Node | None:
    """`t` where these are ``-t`` and ``t - 1``."""
    if is_number(weight) and is_number(rest):
        value = -spread_scalar(weight)
        return minus(weight) if spread_scalar(rest) == value - 1 else None
    if rest.op is subtract and spread_scalar(rest.inputs[1]) == 1:
        t = rest.inputs[0]
        return t if is_minus(weight, t) else None
    return None


def _weighted_log_softmax(node: Node, facts: Facts) -> Node | None:
    """``xlogy(w, softmax(x))`` -> ``w * log_softmax(x)``, 0 where nothing has no probability."""
    weight, p = node.inputs
    if p.op is not softmax:
        return None
    logs = log_softmax(p.inputs[0], axis=p.params["axis"])
    impossible = logical_and(equal(weight, 0), equal(logs, -math.inf))
    result: Node = weight * where(impossible, 0.0, logs)
    return result


# -- the rules -----------------------------------------------------------------------------

_LAYOUTS: Final = ("broadcast_to", "index", "reshape")

SOFTMAXES: Final[tuple[Rule, ...]] = (
    stable_function("softmax", divide, _share, "exp"),
    stable_function("softmax_by_reciprocal", multiply, _share_by_reciprocal, "exp"),
    stable_function("exp_log_softmax", exp, _exp_log_softmax, "log_softmax"),
    stable_function("less_logsumexp", subtract, _less_logsumexp, "logsumexp", *_LAYOUTS),
    stable_function("softmax_shift", softmax, _drop_shift, "subtract"),
    stable_function("log_softmax_shift", log_softmax, _drop_shift, "subtract"),
    stable_function("logsumexp_shift", add, _add_shift, "logsumexp", "subtract"),
    stable_function("softplus_by_parts", add, _softplus_by_parts, "softplus"),
    stable_function("softplus_by_less", subtract, _softplus_by_less, "softplus"),
    stable_function("cross_entropy", add, _cross_entropy, "multiply", "negative"),
    stable_function("cross_entropy_less", subtract, _cross_entropy, "multiply", "negative"),
    stable_function("bernoulli_loss", add, _bernoulli_loss, "xlogy"),
    stable_function("weighted_log_softmax", xlogy, _weighted_log_softmax, "softmax"),
)
