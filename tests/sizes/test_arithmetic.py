"""The arithmetic of sizes against plain integers, and its normal form."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given

from symdiff.errors import ArgumentError, NoValueError
from symdiff.sizes import Dim, Size, as_dim, evaluate, names, substitute
from tests.sizes.formulas import (
    build,
    dim_of,
    divided,
    polynomials,
    positive,
    positive_sizes,
    values,
)

k, m, n = Size("k"), Size("m"), Size("n")


@given(divided, values)
def test_arithmetic_agrees_with_the_integers(formula: Any, bound: dict[str, int]) -> None:
    dim = dim_of(formula)
    try:
        expected = build(formula, bound.__getitem__)
    except ZeroDivisionError:
        assume(False)
    assert evaluate(dim, bound) == expected


@given(divided)
def test_a_size_is_never_constant(formula: Any) -> None:
    dim = dim_of(formula)
    assert type(dim) is int or (type(dim) is Size and names(dim))


@given(polynomials, polynomials, polynomials)
def test_the_polynomials_are_a_commutative_ring(a: Dim, b: Dim, c: Dim) -> None:
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - b == -(b - a)
    assert type(a - a) is int


@given(divided, divided, divided)
def test_quotients_obey_the_ring_laws_too(fa: Any, fb: Any, fc: Any) -> None:
    a, b, c = map(dim_of, (fa, fb, fc))
    assert a + b - b == a
    assert (a + b) + c == a + (b + c)
    assert a * (b + c) == a * b + a * c


@given(polynomials, polynomials, positive)
def test_multiples_of_the_divisor_leave_a_quotient(a: Dim, q: Dim, d: int) -> None:
    assert (a + d * q) // d == a // d + q
    assert (a + d * q) % d == a % d
    assert (a * d) // d == a


@given(polynomials, polynomials, positive_sizes.map(dim_of))
def test_multiples_of_a_size_leave_a_quotient(a: Dim, q: Dim, d: Dim) -> None:
    assert (a + d * q) // d == a // d + q
    assert (a * d) // d == a


@given(polynomials, positive, positive)
def test_nested_and_scaled_quotients_become_one(a: Dim, d: int, e: int) -> None:
    assert a // d // e == a // (d * e)
    assert (a * e) // (d * e) == a // d


@given(polynomials, positive)
def test_negative_divisors_follow_python(a: Dim, d: int) -> None:
    assert a // -d == -a // d
    assert -(-a // d) == (a + d - 1) // d


@given(polynomials, positive, values)
def test_a_dim_is_quotient_times_divisor_plus_remainder(
    a: Dim, d: int, bound: dict[str, int]
) -> None:
    assert d * (a // d) + a % d == a
    assert evaluate(a % d, bound) == evaluate(a, bound) % d


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        ((n + 1) - 1, "n"),
        ((2 * n + 1) // 2, "n"),
        ((3 * n) // 3, "n"),
        ((n + 4) // 2, "n//2 + 2"),
        (n // 2 // 3, "n//6"),
        (n // 2 + (n + 1) // 2, "n"),
        (-(-n // 2), "(n + 1)//2"),
        (n - n // 2, "(n + 1)//2"),
        (-(-n // 3), "(n + 2)//3"),
        (((n + 1) // 2 + 1) // 2, "(n + 3)//4"),
        ((n * m) // m, "n"),
        ((n**2 + n) // (n + 1), "n"),
        ((n**2 - m**2) // (n - m), "m + n"),
        ((n + m) // m, "n//m + 1"),
        (n * m // (n * k), "m//k"),
        ((2 * n) // (4 * m), "n//(2*m)"),
        (n // m // 2, "n//(2*m)"),
        (n // 2 // m, "n//(2*m)"),
        (k // n // -3, "-((k + 2*n)//(3*n))"),
        (n // m // (2 * n), "0"),
        ((n * m) % m, "0"),
        ((3 * n) // n, "3"),
        (n // (n + 1), "0"),
        ((n % 2) // 2, "0"),
        ((n % 2) // 5, "0"),
        ((n % 4) % 6, "n - 4*(n//4)"),
        (n % 4 // m // 4, "0"),
        (7 // n * n + 7 % n, "7"),
        (n**0, "1"),
        (0 * n, "0"),
        (0 // n, "0"),
    ],
)
def test_normal_form(dim: Dim, text: str) -> None:
    assert str(dim) == text
    assert dim == as_dim(text)


def test_numpy_integers_are_ints_on_both_sides() -> None:
    three: Any = np.int64(3)
    assert three + n == n + three == n + 3
    assert three * n // np.uint8(3) == n
    assert three - n == 3 - n
    assert substitute(n * m, {"n": three}) == 3 * m
    for value in (as_dim(three), evaluate(n + 1, {"n": three}), substitute(n, {"n": three})):
        assert type(value) is int


ARITHMETIC = ["add", "sub", "mul", "floordiv", "mod", "truediv", "pow"]


class Node:
    """Stands for a graph node: the other side of an operator decides."""

    __array_function__ = None

    def __index__(self) -> int:
        raise AssertionError("a node must not be asked for its value")

    def answer(self, other: object) -> str:
        return f"node and {other}"

    __add__ = __radd__ = __rsub__ = __rmul__ = __rfloordiv__ = __rmod__ = answer
    __rtruediv__ = __rpow__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = answer  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("name", [*ARITHMETIC, "eq", "lt", "le", "gt", "ge"])
def test_a_foreign_operand_gets_its_chance(name: str) -> None:
    assert getattr(operator, name)(n, Node()) == "node and n"


@pytest.mark.parametrize("other", [1.5, "m", None, True, np.arange(3), np.float64(2)])
@pytest.mark.parametrize("name", ARITHMETIC)
def test_other_operands_are_type_errors(name: str, other: Any) -> None:
    with pytest.raises(TypeError):
        getattr(operator, name)(n, other)
    with pytest.raises(TypeError):
        getattr(operator, name)(other, n)


@pytest.mark.parametrize("other", [0.5, np.float64(0.5), 2j])
@pytest.mark.parametrize("name", ARITHMETIC)
def test_floats_beside_sizes_point_to_the_way_out(name: str, other: Any) -> None:
    message = "known only at the call; begin the term with a node"
    with pytest.raises(NoValueError, match=message):
        getattr(operator, name)(n + 1, other)
    if name != "pow":
        with pytest.raises(NoValueError, match=message):
            getattr(operator, name)(other, n + 1)


@pytest.mark.parametrize("divide", [operator.floordiv, operator.mod])
def test_division_by_the_int_zero_is_refused(divide: Callable[[Any, Any], Dim]) -> None:
    with pytest.raises(ArgumentError, match=r"division of the size n \+ 1 by zero"):
        divide(n + 1, 0)


@pytest.mark.parametrize(("left", "right", "text"), [(n, 2, "n / 2"), (1, n + 1, r"1 / \(n \+ 1")])
def test_true_division_points_to_both_ways_out(left: Any, right: Any, text: str) -> None:
    with pytest.raises(NoValueError, match=rf"^{text}.*`//` for a size.*divide a node"):
        left / right


@pytest.mark.parametrize("power", [-1, 17])
def test_exponents_are_small(power: int) -> None:
    with pytest.raises(ArgumentError, match=f"an int from 0 to 16, not {power}"):
        n**power


def test_an_exponent_is_no_size() -> None:
    with pytest.raises(ArgumentError, match="an int from 0 to 16, not m"):
        n**m


def grow(step: Callable[[Dim], Dim]) -> None:
    dim: Dim = n
    for _ in range(2_000):
        dim = step(dim)


@pytest.mark.parametrize(
    "step",
    [
        lambda dim: dim * 1_000,
        lambda dim: dim * n,
        lambda dim: dim * (n + m + k + 1),
        lambda dim: (2 * dim + m) // 5,
        lambda dim: (dim + m) // n,
        lambda dim: dim // 10,
    ],
)
def test_runaway_loops_stop_with_an_error(step: Callable[[Dim], Dim]) -> None:
    with pytest.raises(ArgumentError):
        grow(step)
