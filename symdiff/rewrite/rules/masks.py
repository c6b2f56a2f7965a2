"""Rules for choices and conditions: `where`, comparisons, logic, and casts.

What is under a mask stays under it: ``where(m, x, 0)`` is never a product, so that a branch not
taken cannot make NaN. Not even a comparison is turned round: NaN is neither less nor not less.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from symdiff.node import Node
from symdiff.ops.elementwise import (
    add,
    bitwise_and,
    bitwise_invert,
    bitwise_or,
    cast,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    multiply,
    negative,
    not_equal,
    subtract,
    where,
)
from symdiff.ops.extrema import maximum, minimum
from symdiff.ops.nn import relu
from symdiff.ops.structure import add_n
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule, rule, spread_scalar
from symdiff.rewrite.rules.numbers import is_modest, scaled, times
from symdiff.rewrite.rules.regions import covers, is_zero_at, under

__all__ = ["MASKS"]

# -- where ---------------------------------------------------------------------------------


def _known(node: Node, facts: Facts) -> Node | None:
    """``where(True, x, y)`` -> ``x``, ``where(False, x, y)`` -> ``y``."""
    condition, first, second = node.inputs
    value = spread_scalar(condition)
    if value is None:
        return None
    chosen = first if value else second
    return chosen if chosen.dtype == node.dtype else None


def _inner(node: Node, facts: Facts) -> Node | None:
    """Each branch as it is where it is taken."""
    condition, first, second = node.inputs
    a, b = under(first, condition, True, facts), under(second, condition, False, facts)
    return None if a is first and b is second else where(condition, a, b)


def _negated(node: Node, facts: Facts) -> Node | None:
    """``where(~c, x, y)`` -> ``where(c, y, x)``."""
    condition, first, second = node.inputs
    if facts.shared(condition) or condition.inputs[0].dtype.kind != "b":
        return None
    return where(condition.inputs[0], second, first)


def _covered(node: Node, facts: Facts) -> Node | None:
    """``where(m, x, 0)`` where `x` is zero already wherever `m` does not hold."""
    condition, first, second = node.inputs
    if first.type == node.type and spread_scalar(second) == 0 and covers(condition, first):
        return first
    return None


def _tie(node: Node, facts: Facts) -> Node | None:
    """``where(x == 0, 0.5 * v, v)`` where `v` is zero, or NaN, at ``x == 0``."""
    condition, first, second = node.inputs
    if second.type != node.type or node.dtype.kind != "f":
        return None
    bases = [x if (found := scaled(x)) is None else found.base for x in (first, second)]
    if bases[0] is not bases[1] or _is_reciprocal(first) or _is_reciprocal(second):
        return None
    for c, x in (condition.inputs, condition.inputs[::-1]):
        if spread_scalar(c) == 0 and is_zero_at(bases[1], x):
            return second
    return None


def _is_reciprocal(x: Node) -> bool:
    found = scaled(x)
    return found is not None and (found.power < 0 or not is_modest(found.above / found.below))


def _number_out(node: Node, facts: Facts) -> Node | None:
    """A number in what is chosen, outside of the choice."""
    condition, *branches = node.inputs
    found = [scaled(x) for x in branches]
    numbers = {s.above for s in found if s is not None and s.below == 1.0 and s.power > 0}
    if len(numbers) != 1 or node.dtype.kind != "f":
        return None
    parts = []
    for x, s in zip(branches, found, strict=True):
        if s is None and spread_scalar(x) != 0:
            return None
        if s is not None and (s.below != 1.0 or s.power < 0 or s.base.shape != node.shape):
            return None
        if s is not None and facts.shared(x):
            return None
        parts.append(x if s is None else s.base)
    value = numbers.pop()
    return times(value, where(condition, *parts)) if is_modest(value) else None


def _as_cast(node: Node, facts: Facts) -> Node | None:
    """``where(m, 1, 0)``."""
    condition, first, second = node.inputs
    if spread_scalar(first) == 1 and spread_scalar(second) == 0 and condition.dtype.kind == "b":
        return cast(condition, dtype=node.dtype)
    return None


def _common_mask(node: Node, facts: Facts) -> Node | None:
    """Two branches under one mask: the mask outside."""
    condition, a, b = node.inputs
    if a.op is not where or b.op is not where or a.inputs[0] is not b.inputs[0]:
        return None
    if {a.type, b.type} != {node.type} or facts.shared(a) or facts.shared(b):
        return None
    mask, p, q = a.inputs
    r, s = b.inputs[1:]
    if spread_scalar(q) == 0 and spread_scalar(s) == 0:
        return where(mask, where(condition, p, r), q)
    if spread_scalar(p) == 0 and spread_scalar(r) == 0:
        return where(mask, p, where(condition, q, s))
    return None


def _join(node: Node, facts: Facts) -> Node | None:
    """The sum of what is taken here and of what is taken elsewhere, as one choice."""
    a, b = node.inputs
    if a.op is not where or b.op is not where or a.inputs[0] is not b.inputs[0]:
        return None
    if a.type != node.type or b.type != node.type or facts.shared(a) or facts.shared(b):
        return None
    condition, p, q = a.inputs
    r, s = b.inputs[1:]
    zero = [spread_scalar(x) == 0 for x in (p, q, r, s)]
    if zero[1] and zero[2]:
        return where(condition, p, s if node.op is add else -s)
    if zero[0] and zero[3]:
        return where(condition, r if node.op is add else -r, q)
    if zero[1] and zero[3]:
        return where(condition, node.op(p, r), q)
    if zero[0] and zero[2]:
        return where(condition, p, node.op(q, s))
    return None


def _join_terms(node: Node, facts: Facts) -> Node | None:
    """The same for two terms of a longer sum."""
    terms = list(node.inputs)
    last: dict[Node, int] = {}
    for k, x in enumerate(terms):
        if x.op is not where or facts.shared(x):
            continue
        before = last.get(x.inputs[0])
        if before is not None:
            both = _join(add(terms[before], x), facts)
            if both is not None:
                terms[before] = both
                del terms[k]
                return add_n(*terms)
        last[x.inputs[0]] = k
    return None


WHERE: Final[tuple[Rule, ...]] = (
    function_rule("where_known", where, _known, operands=("constant", "broadcast_to")),
    rule("where_same", lambda m, x: where(m, x, x), lambda m, x: x),
    function_rule("where_covered", where, _covered),
    function_rule("where_within", where, _inner),
    function_rule("where_not", where, _negated, operands=(logical_not, bitwise_invert)),
    function_rule("tie_at_zero", where, _tie, operands=(equal,)),
    function_rule("where_number", where, _number_out, operands=(multiply, negative)),
    function_rule("where_cast", where, _as_cast, operands=("constant",)),
    function_rule("common_mask", where, _common_mask, operands=(where,)),
    *[function_rule("join_choices", op, _join, operands=(where,)) for op in (add, subtract)],
    function_rule("join_choices", add_n, _join_terms, operands=(where,)),
)

# -- logic ---------------------------------------------------------------------------------


def _boolean(facts: Facts, *nodes: Node) -> bool:
    return all(x.dtype.kind == "b" for x in nodes)


def _not_equal(node: Node, facts: Facts) -> Node | None:
    """Of all comparisons only these two are each other's opposite, NaN or not."""
    (inner,) = node.inputs
    opposite = {equal: not_equal, not_equal: equal}.get(inner.op)
    return None if opposite is None else opposite(*inner.inputs)


def _equals_itself(node: Node, facts: Facts) -> Node | None:
    """``x == x`` -> true, ``x != x`` -> false, where no entry is NaN."""
    x, y = node.inputs
    if x is not y or not facts.no_nan(x):
        return None
    return node.graph.constant(node.op is equal)


def _bounds(node: Node, facts: Facts) -> Node | None:
    """``x > a`` and ``x > b``, or one of the two, for numbers `a` and `b`."""
    a, b = node.inputs
    if a.op is not b.op or a.inputs[0] is not b.inputs[0]:
        return None
    if facts.shared(a) or facts.shared(b) or a.inputs[1].type != b.inputs[1].type:
        return None
    c, d = spread_scalar(a.inputs[1]), spread_scalar(b.inputs[1])
    if not isinstance(c, float) or not isinstance(d, float) or c != c or d != d:
        return None
    above = a.op is greater or a.op is greater_equal
    wanted = max(c, d) if above == (node.op is logical_and) else min(c, d)
    return a if wanted == c else b


_COMPARISONS: Final = (less, less_equal, greater, greater_equal)

LOGIC: Final[tuple[Rule, ...]] = (
    rule("logical_of_and", lambda x, y: bitwise_and(x, y), logical_and, when=_boolean),
    rule("logical_of_or", lambda x, y: bitwise_or(x, y), logical_or, when=_boolean),
    rule("logical_of_not", lambda x: bitwise_invert(x), logical_not, when=_boolean),
    rule("not_not", lambda x: logical_not(logical_not(x)), lambda x: x, when=_boolean),
    function_rule("not_equal", logical_not, _not_equal, operands=(equal, not_equal)),
    rule("and_same", lambda x: logical_and(x, x), lambda x: x, when=_boolean),
    rule("or_same", lambda x: logical_or(x, x), lambda x: x, when=_boolean),
    rule("and_true", lambda x: logical_and(x, True), lambda x: x, when=_boolean),
    rule("and_false", lambda x: logical_and(x, False), lambda x: False, when=_boolean),
    rule("or_true", lambda x: logical_or(x, True), lambda x: True, when=_boolean),
    rule("or_false", lambda x: logical_or(x, False), lambda x: x, when=_boolean),
    rule("or_not", lambda x: logical_or(x, logical_not(x)), lambda x: True, when=_boolean),
    rule("and_not", lambda x: logical_and(x, logical_not(x)), lambda x: False, when=_boolean),
    rule("and_or", lambda x, y: logical_and(x, logical_or(x, y)), lambda x, y: x, when=_boolean),
    rule("or_and", lambda x, y: logical_or(x, logical_and(x, y)), lambda x, y: x, when=_boolean),
    rule("and_and", lambda x, y: logical_and(x, logical_and(x, y)), logical_and, when=_boolean),
    rule("or_or", lambda x, y: logical_or(x, logical_or(x, y)), logical_or, when=_boolean),
    *[
        function_rule("two_bounds", op, _bounds, operands=_COMPARISONS)
        for op in (logical_and, logical_or)
    ],
    *[function_rule("equals_itself", op, _equals_itself) for op in (equal, not_equal)],
)

# -- extremes ------------------------------------------------------------------------------


def _above(node: Node, facts: Facts) -> Node | None:
    """A bound that is never reached; NaN stays NaN."""
    for bound, x in (node.inputs, node.inputs[::-1]):
        if x.type != node.type or not facts.no_nan(bound):
            continue
        (low, high), (least, most) = facts.range(x), facts.range(bound)
        if (low >= most) if node.op is maximum else (high <= least):
            return x
    return None


def _two_extremes(node: Node, facts: Facts) -> Node | None:
    """``maximum(maximum(x, c), d)``."""
    for d, inner in (node.inputs, node.inputs[::-1]):
        if inner.op is not node.op or spread_scalar(d) is None or d.type.shape:  # type: ignore[union-attr]
            continue
        for c, x in (inner.inputs, inner.inputs[::-1]):
            if c.type == d.type and spread_scalar(c) is not None:
                return node.op(x, node.op(c, d))
    return None


EXTREMES: Final[tuple[Rule, ...]] = (
    *[function_rule("bound_never_reached", op, _above) for op in (maximum, minimum)],
    *[
        function_rule("two_extremes", op, _two_extremes, operands=(op,))
        for op in (maximum, minimum)
    ],
    *[
        rule("extreme_of_one", lambda x, *, op=op: op(x, x), lambda x: x)
        for op in (maximum, minimum)
    ],
    rule("relu_relu", lambda x: relu(relu(x)), relu),
    rule("relu_nonnegative", lambda x: relu(x), lambda x: x, when=lambda f, x: f.nonnegative(x)),
)

# -- casts ---------------------------------------------------------------------------------


def _two_casts(node: Node, facts: Facts) -> Node | None:
    """A cast of a cast that lost nothing: to a wider floating dtype, or of a boolean."""
    (inner,) = node.inputs
    (x,) = inner.inputs
    if x.dtype == node.dtype:
        kept = x.dtype.kind in "fb" or (x.dtype.kind == inner.dtype.kind)
        return x if kept and np.can_cast(x.dtype, inner.dtype, "safe") else None
    floats = x.dtype.kind == inner.dtype.kind == node.dtype.kind == "f"
    if x.dtype.kind != "b" and not (floats and np.can_cast(x.dtype, inner.dtype, "safe")):
        return None
    return cast(x, dtype=node.dtype)


CASTS: Final[tuple[Rule, ...]] = (function_rule("cast_cast", cast, _two_casts, operands=(cast,)),)

MASKS: Final[tuple[Rule, ...]] = (*LOGIC, *WHERE, *EXTREMES, *CASTS)
