"""What the rules of the stability table share: looking at an expression, and building one.

Nothing here recurses further than a pattern is deep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.elementwise import multiply, negative, stop_gradient
from symdiff.ops.index import index
from symdiff.ops.reduce import kept_shape
from symdiff.ops.shape import broadcast_to, reshape
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule, rule, spread_scalar
from symdiff.types import Shape

__all__ = [
    "base_of",
    "half",
    "is_minus",
    "is_number",
    "layout_of",
    "leaves",
    "minus",
    "stable",
    "stable_function",
    "without_ones",
]

# -- rules over real floating values -------------------------------------------------------


def stable(
    name: str,
    left: Callable[..., Any],
    right: Callable[..., Any],
    *,
    when: Callable[..., bool] | None = None,
) -> Rule:
    """A `rule` that fires on real floating values only."""

    def real(facts: Facts, *nodes: Node) -> bool:
        floating = nodes[0].dtype.kind == "f"
        return floating and (when is None or when(facts, *nodes))

    return rule(name, left, right, when=real)


def stable_function(
    name: str, op: Op, apply: Callable[[Node, Facts], Node | None], *others: str
) -> Rule:
    """A `function_rule` on real floating values, whose result has their dtype.

    `others` are names of ops of which one at least made an operand of what it fires on.
    """

    def real(node: Node, facts: Facts) -> Node | None:
        result = apply(node, facts) if node.dtype.kind == "f" else None
        return result if result is not None and result.dtype == node.dtype else None

    return function_rule(name, op, real, operands=others)


# -- signs and numbers ---------------------------------------------------------------------


def is_number(x: Node) -> bool:
    """Whether all entries are known to be one real number."""
    value = spread_scalar(x)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbered(x: Node) -> tuple[float, Node] | None:
    """The two factors of a product with a number."""
    if x.op is multiply:
        for number, other in (x.inputs, x.inputs[::-1]):
            if is_number(number) and other.type == x.type:
                return spread_scalar(number), other
    return None


def minus(x: Node) -> Node:
    """`-x`, of one operation fewer where that can be."""
    if x.op is negative:
        return x.inputs[0]
    found = _numbered(x)
    if found is None:
        return -x
    number, other = found
    return other if number == -1 else -number * other


def half(x: Node) -> Node:
    """`x / 2`, of one operation fewer where that can be; halves are exact."""
    found = _numbered(x)
    if found is None:
        return 0.5 * x
    number, other = found
    return other if number == 2 else number / 2 * other


def is_minus(x: Node, y: Node) -> bool:
    """Whether the two are known to be each other's negative."""
    if (x.op is negative and x.inputs[0] is y) or (y.op is negative and y.inputs[0] is x):
        return True
    one, other = _numbered(x), _numbered(y)
    return one is not None and other is not None and one[0] == -other[0] and one[1] is other[1]


# -- sums and products taken apart ---------------------------------------------------------

MOST_LEAVES: Final = 8


def leaves(x: Node, op: Op) -> list[Node]:
    """The operands of nested applications of `op`, which is associative: eight at most."""
    found = [x]
    while len(found) < MOST_LEAVES:
        for k, leaf in enumerate(found):
            if leaf.op is op:
                found[k : k + 1] = leaf.inputs
                break
        else:
            break
    return found


# -- layouts -------------------------------------------------------------------------------


def _keeps_order(x: Node) -> bool:
    """Whether the node only puts in, or leaves out, axes of size 1."""
    if x.op is reshape:
        (source,) = x.inputs
        return without_ones(source.shape) == without_ones(x.shape)
    if x.op is index:
        whole = without_ones(x.inputs[0].shape) == without_ones(x.shape)
        forward = all(part.step == 1 for part in x.params["key"] if isinstance(part, Slice))
        return whole and forward
    return False


def without_ones(shape: Shape) -> tuple[Any, ...]:
    """The sizes that are not 1."""
    return tuple([dim for dim in shape if dim != 1])


def _steps(x: Node, fixed: bool) -> Iterator[Node]:
    yield x
    for _ in range(MOST_LEAVES):
        if x.op is broadcast_to or _keeps_order(x) or (fixed and x.op is stop_gradient):
            (x,) = x.inputs
            yield x
        else:
            break


def base_of(x: Node, *, fixed: bool = False) -> Node:
    """What `x` is in another layout: without steps that stretch, or move axes of size 1.

    With `fixed`, without `stop_gradient` too.
    """
    *_, last = _steps(x, fixed)
    return last


def layout_of(x: Node, whole: Shape, axes: tuple[int, ...]) -> bool:
    """Whether `x`, against an array of shape `whole`, stands as a reduction over `axes` kept.

    `x` is such a reduction up to axes of size 1, or is stretched from one.
    """
    if x.op is broadcast_to:
        (x,) = x.inputs
    kept = kept_shape(whole, axes)
    return _stripped(x.shape) == _stripped(kept)


def _stripped(shape: Shape) -> Shape:
    """A shape without its leading ones, which broadcasting puts in."""
    first = next((k for k, dim in enumerate(shape) if dim != 1), len(shape))
    return shape[first:]
