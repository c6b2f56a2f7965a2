"""Rules for products and quotients: numbers gathered, signs cancelled, small factors first.

A number, or a scalar, moves outward through factors of the result's shape, where a sum, another
number or a contraction takes it in, and inward to factors that are smaller than the result. Each
rule makes the graph cheaper or moves a factor one way only, so that together they end. What a
rule takes apart is used nowhere else, or costs no more twice.

`facts.finite` proves that no entry is NaN or infinite; what would lose those otherwise waits for
``optimize="fast"``.
"""

from __future__ import annotations

from typing import Final

from symdiff.node import Node
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import divide, multiply, negative, sign, subtract
from symdiff.ops.functions import reciprocal, square
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule, rule
from symdiff.rewrite.rules.numbers import (
    Scaled,
    build,
    is_modest,
    joint,
    number,
    scaled,
    smaller,
)

__all__ = ["ALGEBRA", "CANCELLATION", "PRODUCTS"]

_SCALED: Final = (multiply, divide, negative)

# -- numbers -------------------------------------------------------------------------------


def _gather(node: Node, facts: Facts) -> Node | None:
    """A number times a number times a node: one number."""
    outer = scaled(node)
    if outer is None:
        return None
    inner = scaled(outer.base)
    return None if inner is None else build(inner.after(outer))


def _exact_reciprocal(node: Node, facts: Facts) -> Node | None:
    """Division by a power of two is multiplication, and so faster."""
    found = scaled(node)
    if found is None or found.below == 1.0:
        return None
    result = build(found)
    return result if result is not None and result.op is not divide else None


def _number_first(node: Node, facts: Facts) -> Node | None:
    """``x * 2`` -> ``2 * x``."""
    first, second = node.inputs
    if number(second) is None or number(first) is not None:
        return None
    return multiply(second, first)


# -- out of products -----------------------------------------------------------------------


def _pull(node: Node, facts: Facts) -> Node | None:
    """``(c * x) * y`` as ``c * (x * y)``, and likewise for quotients and signs."""
    for place, part in enumerate(node.inputs):
        found = scaled(part)
        if found is None or node.dtype.kind != "f":
            continue
        other = node.inputs[1 - place]
        if number(other) is not None or other.dtype != node.dtype:
            continue
        if found.base.shape != node.shape or facts.shared(part):
            continue
        if is_modest(found.above / found.below if found.below else 0.0):
            moved = _moved(node, found, other, place)
            if moved is not None:
                return moved
    return None


def _moved(node: Node, found: Scaled, other: Node, place: int) -> Node | None:
    above, below, base, power = found
    if node.op is divide and place == 1:
        inner = divide(other, base) if power > 0 else multiply(other, base)
        return build(Scaled(below / above, 1.0, inner, 1))
    if node.op is divide:
        if power < 0:  # (c / x) / y: the product x * y could vanish, or overflow
            return None
        inner = divide(base, other)
    else:
        inner = multiply(*_ordered(base, other, place)) if power > 0 else divide(other, base)
    return build(Scaled(above, below, inner, 1))


def _ordered(moved: Node, other: Node, place: int) -> tuple[Node, Node]:
    return (moved, other) if place == 0 else (other, moved)


def _pull_scalar(node: Node, facts: Facts) -> Node | None:
    """``(s * x) * y`` as ``s * (x * y)`` where only `s` is a scalar; quotients likewise."""
    if not node.shape or node.dtype.kind != "f":
        return None
    for place, part in enumerate(node.inputs):
        other = node.inputs[1 - place]
        if part.op is not multiply and part.op is not divide:
            continue
        if (part.inputs[0].shape and part.inputs[1].shape) or facts.shared(part):
            continue
        if {part.shape, other.shape} != {node.shape} or (node.op is divide and place):
            continue
        if {x.dtype for x in (other, *part.inputs)} != {node.dtype}:
            continue
        pairs = (part.inputs, part.inputs[::-1]) if part.op is multiply else (part.inputs[::-1],)
        for s, x in pairs:
            if s.shape or number(s) is not None or x.shape != node.shape:
                continue
            inner = node.op(*_ordered(x, other, place))
            return multiply(s, inner) if part.op is multiply else divide(inner, s)
    return None


# -- small factors first -------------------------------------------------------------------


def _small_first(node: Node, facts: Facts) -> Node | None:
    """Two factors smaller than the result are combined before they meet the large one."""
    for place, part in enumerate(node.inputs):
        if part.op is not multiply and part.op is not divide:
            continue
        other = node.inputs[1 - place]
        if other.type is node.type or node.dtype.kind != "f":
            continue  # it is no smaller than the result
        if smaller(part.shape, node.shape) or facts.shared(part):
            continue
        a, b = part.inputs
        if {a.dtype, b.dtype, other.dtype} != {node.dtype}:
            continue
        found = _combined(node, part, other, place)
        if found is not None:
            return found
    return None


def _combined(node: Node, part: Node, other: Node, place: int) -> Node | None:
    a, b = part.inputs
    with_a, with_b = (smaller(joint(other, x), part.shape) for x in (a, b))
    times = part.op is multiply
    if node.op is multiply:
        if with_a and not (number(a) is not None and number(other) is not None):
            return multiply(multiply(other, a), b) if times else divide(multiply(other, a), b)
        if with_b:
            return multiply(multiply(other, b), a) if times else multiply(a, divide(other, b))
    elif place == 0:
        if with_a:
            return multiply(divide(a, other), b) if times else None
        if with_b:
            return multiply(a, divide(b, other)) if times else divide(a, multiply(b, other))
    elif with_a:
        return divide(divide(other, a), b) if times else multiply(divide(other, a), b)
    elif with_b:
        return divide(divide(other, b), a) if times else divide(multiply(other, b), a)
    return None


# -- negatives -----------------------------------------------------------------------------


def _minus_difference(node: Node, facts: Facts) -> Node | None:
    """``-(x - y)`` -> ``y - x``."""
    (inner,) = node.inputs
    if facts.shared(inner):
        return None
    return subtract(inner.inputs[1], inner.inputs[0])


def _minus_small(node: Node, facts: Facts) -> Node | None:
    """``-(a * x)`` as ``(-a) * x`` where `a` is smaller."""
    (inner,) = node.inputs
    if facts.shared(inner) or node.dtype.kind != "f":
        return None
    a, b = inner.inputs
    if smaller(a.shape, node.shape) and number(a) is None:
        return inner.op(negative(a), b)
    if smaller(b.shape, node.shape) and number(b) is None:
        return inner.op(a, negative(b))
    return None


def _real(facts: Facts, *nodes: Node) -> bool:
    return all(x.dtype.kind == "f" for x in nodes)


def _harmless(facts: Facts, *nodes: Node) -> bool:
    return all(x.dtype.kind in "iu" or facts.finite(x) for x in nodes)


def _alike(facts: Facts, *nodes: Node) -> bool:
    """Whether what is left has the dtype of what is dropped."""
    return len({x.dtype for x in nodes}) == 1


def _quotient_is_one(facts: Facts, x: Node) -> bool:
    return _real(facts, x) and facts.finite(x) and facts.nonzero(x)


PRODUCTS: Final[tuple[Rule, ...]] = (
    *[
        function_rule("gather_numbers", op, _gather, operands=_SCALED, beside=("constant",))
        for op in (multiply, divide)
    ],
    function_rule("gather_numbers", negative, _gather, operands=_SCALED),
    function_rule("exact_reciprocal", divide, _exact_reciprocal, operands=("constant",)),
    rule("negate_both", lambda x, y: negative(x) * negative(y), lambda x, y: x * y),
    rule("divide_negatives", lambda x, y: negative(x) / negative(y), lambda x, y: x / y),
    *[
        function_rule("small_first", op, _small_first, operands=(multiply, divide))
        for op in (multiply, divide)
    ],
    *[function_rule("pull_number", op, _pull, operands=_SCALED) for op in (multiply, divide)],
    *[
        function_rule("pull_scalar", op, _pull_scalar, operands=(multiply, divide))
        for op in (multiply, divide)
    ],
    function_rule("number_first", multiply, _number_first, operands=("constant",)),
    function_rule("minus_difference", negative, _minus_difference, operands=(subtract,)),
    function_rule("minus_small", negative, _minus_small, operands=(multiply, divide)),
    rule("square", lambda x: square(x), lambda x: x * x),
    rule("reciprocal", lambda x: reciprocal(x), lambda x: 1.0 / x, when=_real),
    rule("abs_abs", lambda x: abs_(abs_(x)), abs_),
    rule("abs_negative", lambda x: abs_(negative(x)), abs_),
    rule(
        "abs_nonnegative",
        lambda x: abs_(x),
        lambda x: x,
        when=lambda facts, x: facts.nonnegative(x),
    ),
    rule("abs_square", lambda x: abs_(x) * abs_(x), lambda x: x * x, when=_real),
    rule("sign_times_abs", lambda x: sign(x) * abs_(x), lambda x: x, when=_real),
    rule("sign_times_itself", lambda x: sign(x) * x, abs_, when=_real),
    rule("sign_sign", lambda x: sign(sign(x)), sign, when=_real),
)

_VANISHING: Final = (
    ("times_zero", lambda x: x * 0, lambda x: 0, _harmless),
    ("minus_itself", lambda x: x - x, lambda x: 0, _harmless),
    ("over_itself", lambda x: x / x, lambda x: 1, _quotient_is_one),
)

CANCELLATION: Final[tuple[Rule, ...]] = (
    *[rule(name, left, right, when=when) for name, left, right, when in _VANISHING],
    *[rule(name, left, right, exact=False) for name, left, right, _ in _VANISHING],
    rule("times_over", lambda x, y: (x * y) / y, lambda x, y: x, when=_alike, exact=False),
    rule("over_times", lambda x, y: (x / y) * y, lambda x, y: x, when=_alike, exact=False),
    rule("add_subtract", lambda x, y: (x + y) - y, lambda x, y: x, when=_alike, exact=False),
    rule("subtract_add", lambda x, y: (x - y) + y, lambda x, y: x, when=_alike, exact=False),
    rule("divide_divide", lambda x, y, z: (x / y) / z, lambda x, y, z: x / (y * z), exact=False),
)

ALGEBRA: Final[tuple[Rule, ...]] = (*CANCELLATION, *PRODUCTS)
"""In this order: the first that fires is taken."""
