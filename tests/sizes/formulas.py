"""Random sizes: formulas, built on sizes and on the integers behind them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from symdiff.sizes import Dim, Size

NAMES = ("k", "m", "n")

values = st.fixed_dictionaries({name: st.integers(0, 12) for name in NAMES})
small = st.integers(-6, 6)
positive = st.integers(1, 9)


# A formula is (operator, operands), built twice: on dims and on the integers behind them.
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}


def build(formula: Any, leaf: Callable[[str], Any]) -> Any:
    match formula:
        case int():
            return formula
        case str():
            return leaf(formula)
        case ("**", base, power):
            return build(base, leaf) ** power
        case (sign, left, right):
            return BINARY[sign](build(left, leaf), build(right, leaf))


def dim_of(formula: Any) -> Dim:
    dim: Dim = build(formula, Size)
    return dim


def compounds(divisors: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    leaves = st.sampled_from(NAMES) | small
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(st.sampled_from("+-*"), inner, inner)
            | st.tuples(st.just("**"), inner, st.integers(0, 2))
            | st.tuples(st.sampled_from(("//", "%")), inner, divisors)
        ),
        max_leaves=7,
    )


polynomials = st.recursive(
    st.sampled_from(NAMES) | small,
    lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner),
    max_leaves=6,
).map(dim_of)
nonzero = small.filter(bool)
positive_sizes = st.sampled_from(
    ["n", "m", ("*", "n", "m"), ("*", 2, "n"), ("+", "n", 1), ("+", ("*", 2, "m"), "n")]
)
int_divided = compounds(nonzero)
divided = compounds(nonzero | positive_sizes)
