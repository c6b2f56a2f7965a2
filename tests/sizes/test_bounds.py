"""What can be proved of sizes: bounds, comparisons, equality and difference."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given

from symdiff.errors import NoValueError, ShapeError
from symdiff.sizes import (
    Dim,
    Size,
    as_dim,
    bounds,
    definitely_different,
    definitely_equal,
    evaluate,
)
from tests.sizes.formulas import NAMES, dim_of, divided, int_divided, values

k, m, n = Size("k"), Size("m"), Size("n")


@given(int_divided, int_divided)
def test_definitely_equal_and_different_are_sound(fa: Any, fb: Any) -> None:
    a, b = dim_of(fa), dim_of(fb)
    for bound in grid():
        same = evaluate(a, bound) == evaluate(b, bound)
        assert same or not definitely_equal(a, b)
        assert not same or not definitely_different(a, b)


def grid() -> Iterator[dict[str, int]]:
    return (
        dict(zip(NAMES, point, strict=True)) for point in itertools.product(range(4), repeat=3)
    )


@pytest.mark.parametrize(
    ("left", "right", "different"),
    [
        (n, n + 1, True),
        (n, -1, True),
        (2 * n, 2 * m + 1, True),
        (n, m, False),
        (n, 1, False),
        (3, 4, True),
        (3, 3, False),
    ],
)
def test_definitely_different(left: Dim, right: Dim, different: bool) -> None:
    assert definitely_different(left, right) is different


@given(divided, values)
def test_bounds_are_sound(formula: Any, bound: dict[str, int]) -> None:
    dim = dim_of(formula)
    low, high = bounds(dim)
    try:
        value = evaluate(dim, bound)
    except ShapeError:
        assume(False)
    assert low is None or low <= value
    assert high is None or value <= high


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", (7, 7)),
        ("2*n + 1", (1, None)),
        ("4 - n", (None, 4)),
        ("n - m", (None, None)),
        ("(n + 3)//2", (1, None)),
        ("n - n//2", (0, None)),
        ("2*n - n//2", (0, None)),
        ("n % 3", (0, 2)),
        ("n % m", (0, None)),
        ("n//m", (0, None)),
        ("1//(n + 1)", (0, 1)),
        ("(h + 1)//2*((w + 1)//2)", (0, None)),
        ("n*m + k//2", (0, None)),
        ("(1 - n)//2", (None, 0)),
        ("(n - 5)//(m + 1)", (-5, None)),
        ("(n - 5)*(m//2)", (None, None)),
        ("(2 - n)//m - m", (None, 2)),
    ],
)
def test_bounds(text: str, expected: tuple[int | None, int | None]) -> None:
    assert bounds(as_dim(text)) == expected


def test_comparisons_that_can_be_proved() -> None:
    assert n >= 0
    assert n < n + 1
    assert n + 1 > 0
    assert not n < 0
    assert not n + 1 <= n
    assert 0 <= n  # noqa: SIM300
    assert n // 2 <= n
    assert n % m < m
    assert (n + 1) // 2 >= n // 2 - 1


def test_a_comparison_that_cannot_be_decided_says_so() -> None:
    with pytest.raises(NoValueError, match=r"^n >= 1 cannot be decided before the call"):
        n >= 1
    with pytest.raises(NoValueError, match=r"^n < 2\*m cannot be decided"):
        n < 2 * m
