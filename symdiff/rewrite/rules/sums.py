"""Rules for sums and differences: signs, like terms, numbers, and sums within sums.

Terms keep their order, so that no sum cancels where it did not before; only sums of gradients,
which have no order of their own, are taken apart anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from symdiff.node import Node
from symdiff.ops.elementwise import add, divide, multiply, negative, subtract
from symdiff.ops.linalg import matmul
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.structure import add_n
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule, spread_scalar
from symdiff.rewrite.rules.numbers import is_modest, joint, number, scaled, smaller, times

__all__ = ["SUMS", "total"]

# -- signs ---------------------------------------------------------------------------------


_PRODUCTS: Final = (multiply, divide, matmul)


def _opposite(x: Node, facts: Facts) -> Node | None:
    """`-x` where that takes one operation less than `x`, or one that others take too."""
    if x.op is negative:
        return x.inputs[0]
    if x.op not in _PRODUCTS or facts.shared(x):
        return None
    for place, part in enumerate(x.inputs):
        if part.op is negative:
            inner, other = part.inputs[0], x.inputs[1 - place]
            return x.op(inner, other) if place == 0 else x.op(other, inner)
    return None


def _add_signs(node: Node, facts: Facts) -> Node | None:
    """``-x + y`` -> ``y - x``, ``-x + -y`` -> ``-(x + y)``."""
    a, b = node.inputs
    first, second = _opposite(a, facts), _opposite(b, facts)
    if first is None and second is None:
        return None
    if first is not None and second is not None and not (facts.shared(a) or facts.shared(b)):
        return negative(add(first, second))
    if second is not None and (first is None or not facts.shared(b)):
        return subtract(a, second)
    return None if first is None else subtract(b, first)


def _subtract_signs(node: Node, facts: Facts) -> Node | None:
    """``x - -y`` -> ``x + y``, ``-x - y`` -> ``-(x + y)``."""
    a, b = node.inputs
    first, second = _opposite(a, facts), _opposite(b, facts)
    if first is not None and second is not None:
        return subtract(second, first)
    if second is not None:
        return add(a, second)
    if first is None or facts.shared(a) or a.op is not negative:
        return None
    return negative(add(first, b))


MOST_SUBTRACTIONS: Final = 3


def _add_n_signs(node: Node, facts: Facts) -> Node | None:
    """The terms without a minus, less the others; a minus takes an operation, and room."""
    kept: list[Node] = []
    taken: list[Node] = []
    for x in node.inputs:
        found = _opposite(x, facts)
        if found is None:
            kept.append(x)
        else:
            taken.append(found)
    if not taken:
        return None
    if not kept:
        return negative(total(taken))
    result = total(kept)
    if len(taken) > MOST_SUBTRACTIONS:
        return subtract(result, total(taken))
    for x in taken:
        result = subtract(result, x)
    return result


def total(terms: Sequence[Node]) -> Node:
    """The sum of terms of one type."""
    if len(terms) == 1:
        return terms[0]
    return add(*terms) if len(terms) == 2 else add_n(*terms)


# -- like terms ----------------------------------------------------------------------------


def _parts(x: Node) -> tuple[float, Node]:
    """A number and what it multiplies."""
    found = scaled(x)
    if found is None or found.below != 1.0 or found.power < 0:
        return 1.0, x
    return found.above, found.base


def _alike(facts: Facts, one: float, other: float, base: Node) -> bool:
    """Whether two multiples of a node make one: infinities of both signs would be NaN."""
    whole = one + other
    same_sign = (one > 0) == (other > 0)
    return (same_sign or facts.finite(base)) and (whole == 0 or is_modest(whole))


def _like_terms(node: Node, facts: Facts) -> Node | None:
    """``c * t + d * t`` as one multiple of `t`."""
    a, b = node.inputs
    if a.type is not node.type or b.type is not node.type or node.dtype.kind != "f":
        return None
    (c, s), (d, t) = _parts(a), _parts(b)
    if node.op is subtract:
        d = -d
    if s is not t or not _alike(facts, c, d, s):
        return None
    return times(c + d, s) if c + d else node.graph.constant(0, node.dtype)


def _common_number(node: Node, facts: Facts) -> Node | None:
    """``c * x + c * y`` as ``c * (x + y)``, also where `c` is a scalar."""
    a, b = node.inputs
    if a.type is not node.type or b.type is not node.type or node.dtype.kind != "f":
        return None
    if facts.shared(a) or facts.shared(b):
        return None
    (c, x), (d, y) = _parts(a), _parts(b)
    if c != 1.0 and abs(c) == abs(d) and is_modest(c):
        same = node.op if c == d else subtract if node.op is add else add
        return times(c, same(x, y))
    return _common_scalar(node, a, b) if node.ndim and a.op is b.op is multiply else None


def _common_scalar(node: Node, a: Node, b: Node) -> Node | None:
    for s, x in (a.inputs, a.inputs[::-1]):
        if s.shape or number(s) is not None or x.shape != node.shape:
            continue
        for t, y in (b.inputs, b.inputs[::-1]):
            if t is s and y.shape == node.shape:
                return multiply(s, node.op(x, y))
    return None


def _collect(node: Node, facts: Facts) -> Node | None:
    """The terms of a sum of gradients with equal ones counted, zeros left out, sums opened."""
    terms: list[tuple[float, Node]] = []
    places: dict[Node, int] = {}
    for x in _opened(node, facts):
        if spread_scalar(x) == 0:
            continue
        c, base = _parts(x) if x.dtype.kind == "f" else (1.0, x)
        place = places.setdefault(base, len(terms))
        if place < len(terms) and x.dtype.kind == "f":
            before = terms[place][0]
            if _alike(facts, before, c, base):
                terms[place] = before + c, base
                continue
        terms.append((c, base))
    kept = [times(c, base) for c, base in terms if c]
    if not kept:
        return node.graph.constant(0, node.dtype)
    if len(kept) == len(node.inputs) > 2:
        return None
    return total(kept)


MOST_OPENED: Final = 32


def _opened(node: Node, facts: Facts) -> list[Node]:
    """The terms, with those of sums of gradients in place of them."""
    terms: list[Node] = []
    for k, x in enumerate(node.inputs):
        first = k == 0 and x.op is add and x.inputs[0].type == x.inputs[1].type == x.type
        opens = x.op is add_n and len(x.inputs) + len(terms) <= MOST_OPENED
        if (opens or first) and not facts.shared(x):
            terms.extend(x.inputs)
        else:
            terms.append(x)
    return terms


def _small_terms_first(node: Node, facts: Facts) -> Node | None:
    """Terms repeated along axes are added to one another before they are repeated."""
    small = [x.inputs[0] for x in node.inputs if x.op.name == "broadcast_to"]
    if not small or len(node.inputs) < 2:
        return None
    shape = joint(*small)
    large = [x for x in node.inputs if x.op.name != "broadcast_to"]
    if large and not smaller(shape, node.shape):
        return None
    found = small[0]
    for x in small[1:]:
        found = add(found, x)
    return add(total(large), found) if large else found


# -- sums over axes ------------------------------------------------------------------------


def _dots(node: Node, facts: Facts) -> list[Node] | None:
    """Terms of a sum over all entries, of which each may be summed by itself at less cost.

    Products are summed as they are made, by BLAS, so that no array holds them nor their sum.
    """
    (inner,) = node.inputs
    if node.params["dtype"] is not None or facts.shared(inner) or not inner.ndim:
        return None
    if len(node.params["axis"]) < inner.ndim or inner.dtype.kind != "f":
        return None
    if inner.dtype.itemsize < 4 or any(x.type != inner.type for x in inner.inputs):
        return None
    found = [_is_product(x, facts) for x in inner.inputs]
    return list(inner.inputs) if any(found) else None


def _is_product(x: Node, facts: Facts) -> bool:
    if facts.shared(x):
        return False
    base = _parts(x)[1]
    if base is not x and facts.shared(base):
        return False
    return base.op is multiply and base.inputs[0].shape == base.inputs[1].shape


def _sum_of_terms(node: Node, facts: Facts) -> Node | None:
    """``sum(x * x + y * y)`` as two dot products, where no term can cancel another."""
    terms = _dots(node, facts)
    if terms is None or node.inputs[0].op is subtract or not all(map(facts.nonnegative, terms)):
        return None
    return _summed(node, terms)


def _sum_of_any_terms(node: Node, facts: Facts) -> Node | None:
    """``sum(x * y - z * w)`` as two dot products, whatever the signs."""
    terms = _dots(node, facts)
    return None if terms is None else _summed(node, terms)


def _summed(node: Node, terms: Sequence[Node]) -> Node:
    parts = [sum_(x, axis=node.params["axis"], keepdims=node.params["keepdims"]) for x in terms]
    return subtract(*parts) if node.inputs[0].op is subtract else total(parts)


# -- numbers -------------------------------------------------------------------------------


def _shifted(x: Node) -> tuple[float, float, Node] | None:
    """``number + sign * base``."""
    if x.op is not add and x.op is not subtract:
        return None
    first, second = x.inputs
    if first.dtype != x.dtype or second.dtype != x.dtype:
        return None
    sign = -1.0 if x.op is subtract else 1.0
    value = number(first)
    if value is not None and second.shape == x.shape:
        return value, sign, second
    value = number(second)
    if value is not None and first.shape == x.shape:
        return sign * value, 1.0, first
    return None


def _gather_terms(node: Node, facts: Facts) -> Node | None:
    """A number plus a number plus a node: one number, if the two have one sign.

    Of two signs their order may be meant, as where a large number rounds what it is added to.
    """
    outer = _shifted(node)
    if outer is None:
        return None
    inner = _shifted(outer[2])
    if inner is None:
        return None
    (c, s, _), (d, t, base) = outer, inner
    if c * (s * d) <= 0 or not np.isfinite(c + s * d):
        return None
    value = node.graph.constant(c + s * d, node.dtype)
    return add(value, base) if s * t > 0 else subtract(value, base)


_SIGNED: Final = (negative, multiply, divide, matmul)

SUMS: Final[tuple[Rule, ...]] = (
    function_rule("collect_terms", add_n, _collect),
    function_rule("small_terms_first", add_n, _small_terms_first, operands=("broadcast_to",)),
    function_rule("sum_of_terms", sum_, _sum_of_terms, operands=(add, add_n)),
    function_rule(
        "sum_of_terms", sum_, _sum_of_any_terms, operands=(add, subtract, add_n), exact=False
    ),
    function_rule("add_n_signs", add_n, _add_n_signs, operands=_SIGNED),
    function_rule("add_signs", add, _add_signs, operands=_SIGNED),
    function_rule("subtract_signs", subtract, _subtract_signs, operands=_SIGNED),
    *[function_rule("like_terms", op, _like_terms) for op in (add, subtract)],
    *[
        function_rule("common_number", op, _common_number, operands=_SIGNED)
        for op in (add, subtract)
    ],
    *[
        function_rule("gather_terms", op, _gather_terms, operands=(add, subtract))
        for op in (add, subtract)
    ],
)
