"""Squares, roots and moments: what is squared may overflow, and what is subtracted may cancel.

A variance is the mean of squared deviations, not a difference of means (T. Chan, G. Golub and
R. LeVeque, "Algorithms for computing the sample variance", *The American Statistician* 37, 1983).
"""

from __future__ import annotations

from typing import Final

from symdiff.node import Node
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import divide, exp, log, multiply, sqrt, subtract
from symdiff.ops.functions import square
from symdiff.ops.powers import pow as pow_
from symdiff.ops.reduce import kept_shape
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import reshape
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, spread_scalar
from symdiff.rewrite.rules.parts import stable, stable_function
from symdiff.sources import SIZE_OF
from symdiff.types import element_count

__all__ = ["SQUARES", "squared"]


def squared(x: Node) -> Node | None:
    """`a` where `x` is the square of `a`."""
    if x.op is square or (x.op is multiply and x.inputs[0] is x.inputs[1]):
        return x.inputs[0]
    if x.op is pow_ and spread_scalar(x.inputs[1]) == 2:
        return x.inputs[0]
    return None


# -- roots and squares ---------------------------------------------------------------------


def _root_of_square(node: Node, facts: Facts) -> Node | None:
    """``sqrt(x**2)`` is ``abs(x)``, also where the square overflows."""
    x = squared(node.inputs[0])
    if x is None or (node.op is pow_ and spread_scalar(node.inputs[1]) != 0.5):
        return None
    return x if facts.nonnegative(x) else abs_(x)


def _square_of_root(node: Node, facts: Facts) -> Node | None:
    """``sqrt(x)**2`` is `x`, where that is known to be no negative number."""
    root = squared(node)
    if root is None or root.op is not sqrt or not facts.nonnegative(root.inputs[0]):
        return None
    return root.inputs[0]


# -- moments -------------------------------------------------------------------------------


def _mean(x: Node) -> tuple[Node, Node] | None:
    """The sum and the count where `x` is a mean, or looks like one."""
    if x.op is not divide or x.inputs[0].op is not sum_:
        return None
    total, count = x.inputs
    return (total, count) if not count.shape and total.dtype == x.dtype else None


def _moment(node: Node, facts: Facts) -> Node | None:
    """``mean(x * y) - mean(x) * mean(y)``: the mean of products of deviations."""
    both, product = _mean(node.inputs[0]), node.inputs[1]
    root = squared(product)
    means = (root, root) if root is not None else product.inputs
    if both is None or len(means) != 2 or (root is None and product.op is not multiply):
        return None
    one, other = _mean(means[0]), _mean(means[1])
    if one is None or other is None:
        return None
    (total, count), terms = both, both[0].inputs[0]
    x, y = one[0].inputs[0], other[0].inputs[0]
    same = all(
        part[1] is count and part[0].params == total.params and part[0].op is sum_
        for part in (one, other)
    )
    alike = same and x.shape == y.shape == terms.shape and _is_count(count, total)
    if not alike or not _is_product(terms, x, y):
        return None
    axes, keepdims = total.params["axis"], total.params["keepdims"]
    first = _deviation(x, means[0], axes)
    second = first if y is x else _deviation(y, means[1], axes)
    spread = first * second
    return sum_(spread, axis=axes, keepdims=keepdims) / count


def _is_product(terms: Node, x: Node, y: Node) -> bool:
    if x is y:
        return squared(terms) is x
    if terms.op is not multiply:
        return False
    a, b = terms.inputs
    return (a is x and b is y) or (a is y and b is x)


def _is_count(count: Node, total: Node) -> bool:
    """Whether a sum is divided by the number of its terms."""
    shape = total.inputs[0].shape
    number = element_count([shape[a] for a in total.params["axis"]])
    if count.op is SIZE_OF:
        return bool(count.params["size"] == number)
    return isinstance(number, int) and spread_scalar(count) == number


def _deviation(x: Node, mean: Node, axes: tuple[int, ...]) -> Node:
    kept = kept_shape(x.shape, axes)
    return x - (mean if mean.shape == kept or not mean.shape else reshape(mean, shape=kept))


# -- the rules -----------------------------------------------------------------------------

_SQUARES: Final = ("multiply", "pow", "square")

SQUARES: Final[tuple[Rule, ...]] = (
    stable_function("sqrt_square", sqrt, _root_of_square, *_SQUARES),
    stable_function("power_half_square", pow_, _root_of_square, *_SQUARES),
    stable_function("square_sqrt", multiply, _square_of_root, "sqrt"),
    stable_function("power_two_sqrt", pow_, _square_of_root, "sqrt"),
    stable_function("square_of_sqrt", square, _square_of_root, "sqrt"),
    stable(
        "exp_log",
        lambda x: exp(log(x)),
        lambda x: x,
        when=lambda facts, x: facts.nonnegative(x),
    ),
    stable_function("variance", subtract, _moment, "divide"),
)
