"""Names, values and equations: evaluate, substitute, solve."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from symdiff.errors import ArgumentError, ShapeError
from symdiff.sizes import Size, as_dim, evaluate, names, solve, substitute
from tests.sizes.formulas import NAMES, dim_of, int_divided, values

k, m, n = Size("k"), Size("m"), Size("n")


def test_evaluate_names_what_is_missing() -> None:
    with pytest.raises(ArgumentError, match=r"no value for m in m\*n: n, k given"):
        evaluate(n * m, {"n": 1, "k": 2})
    assert evaluate(3, {}) == 3


def test_a_zero_divisor_is_a_shape_error() -> None:
    with pytest.raises(ShapeError, match=r"^n//m divides by zero with m = 0$"):
        evaluate(n // m, {"n": 3, "m": 0})
    with pytest.raises(ShapeError, match=r"divides by zero with m = k$"):
        substitute(n // (m - k), {"m": k})


@given(int_divided, st.dictionaries(st.sampled_from(NAMES), int_divided), values)
def test_substitute_commutes_with_evaluate(
    formula: Any, replaced: dict[str, Any], bound: dict[str, int]
) -> None:
    dim, mapping = dim_of(formula), {name: dim_of(f) for name, f in replaced.items()}
    inner = {**bound, **{name: evaluate(value, bound) for name, value in mapping.items()}}
    try:
        substituted = substitute(dim, mapping)
    except ArgumentError:
        assume(False)
    assert evaluate(substituted, bound) == evaluate(dim, inner)


def test_substitute_is_simultaneous() -> None:
    assert substitute(n - 2 * m, {"n": m, "m": n}) == m - 2 * n
    assert substitute(n // 2, {"n": 2 * k}) == k
    assert substitute(n + m, {"n": 1, "m": 2}) == 3
    assert substitute(5, {"n": 1}) == 5
    assert substitute(n, {"m": 1}) is n


def test_names() -> None:
    assert names(n * m + (k + 1) // 2 + 7 // n) == {"n", "m", "k"}
    assert names(3) == frozenset()


@given(int_divided, values, st.sets(st.sampled_from(NAMES)))
def test_solve_is_sound(formula: Any, bound: dict[str, int], shown: set[str]) -> None:
    dim = dim_of(formula)
    value = evaluate(dim, bound)
    known = {name: bound[name] for name in shown}
    solution = solve(dim, value, known)  # the true values exist, so it may not raise
    if solution is not None:
        assert substitute(dim, {**known, **solution}) == value
        assert solution.items() <= bound.items()


@pytest.mark.parametrize(
    ("text", "value", "known", "expected"),
    [
        ("n", 5, {}, {"n": 5}),
        ("2*n + 1", 7, {}, {"n": 3}),
        ("10 - n", 7, {}, {"n": 3}),
        ("n*m + k", 7, {"m": 2, "k": 1}, {"n": 3}),
        ("n", 5, {"n": 5}, {}),
        ("5", 5, {}, {}),
        ("n + m", 5, {}, None),
        ("n**2", 9, {}, None),
        ("n//2", 3, {}, None),
        ("m//2 + n", 3, {"m": 4}, {"n": 1}),
    ],
)
def test_solve(text: str, value: int, known: dict[str, int], expected: object) -> None:
    assert solve(as_dim(text), value, known) == expected


@pytest.mark.parametrize(
    ("text", "value", "known", "message"),
    [
        ("2*n + 1", 6, {}, "2*n + 1 is 6, which no integer n >= 0 gives"),
        ("n + 3", 1, {}, "n + 3 is 1, which no integer n >= 0 gives"),
        ("2*n + m", 6, {"m": 1}, "m + 2*n is 6 with m = 1, which no integer n >= 0 gives"),
        ("4 - n", 5, {}, "4 - n is 5, which no integer n >= 0 gives"),
        ("n*m + 1", 0, {}, "m*n + 1 is 0, which no integers m, n >= 0 give"),
        ("n + 1", 5, {"n": 5}, "n + 1 is 6 with n = 5, not 5"),
        ("3", 4, {}, "3 is 3, not 4"),
    ],
)
def test_solve_refuses_what_has_no_solution(
    text: str, value: int, known: dict[str, int], message: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        solve(as_dim(text), value, known)
    assert str(caught.value) == message
