"""Sizes: the algebra against plain integers, the normal form, bounds, texts and errors."""

from __future__ import annotations

import copy
import doctest
import itertools
import math
import operator
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from symdiff import sizes
from symdiff.errors import ArgumentError, NoValueError, ParseError, ShapeError
from symdiff.sizes import (
    Dim,
    Size,
    as_dim,
    bounds,
    definitely_different,
    definitely_equal,
    evaluate,
    names,
    solve,
    substitute,
)

k, m, n = Size("k"), Size("m"), Size("n")
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


# -- The algebra against the integers -----------------------------------------------------


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


# -- Equality, hashing, order -------------------------------------------------------------


def test_equal_sizes_hash_alike_and_never_equal_an_int() -> None:
    assert hash(n + m) == hash(m + n)
    assert len({n, n + 0, Size("n"), (2 * n) // 2}) == 1
    for other in (1, 1.0, "n", None, np.int64(1)):
        assert n != other
        assert not n == other  # noqa: SIM201


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


# -- Values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "what"),
    [
        (bool, "has no truth value"),
        (int, "cannot become an int"),
        (float, "cannot become a float"),
        (operator.index, "where Python needs an int"),
        (range, "where Python needs an int"),
        (list, "cannot be iterated over"),
        (math.sqrt, "cannot become a float"),
    ],
)
def test_a_size_has_no_value_before_the_call(use: Callable[[Any], object], what: str) -> None:
    with pytest.raises(
        NoValueError, match=rf"^the size n \+ 1 .*{what}.*only at the call.*f64\[3"
    ):
        use(n + 1)


@pytest.mark.parametrize(("left", "right", "text"), [(n, 2, "n / 2"), (1, n + 1, r"1 / \(n \+ 1")])
def test_true_division_points_to_both_ways_out(left: Any, right: Any, text: str) -> None:
    with pytest.raises(NoValueError, match=rf"^{text}.*`//` for a size.*divide a node"):
        left / right


def test_evaluate_names_what_is_missing() -> None:
    with pytest.raises(ArgumentError, match=r"no value for m in m\*n: n, k given"):
        evaluate(n * m, {"n": 1, "k": 2})
    assert evaluate(3, {}) == 3


def test_a_zero_divisor_is_a_shape_error() -> None:
    with pytest.raises(ShapeError, match=r"^n//m divides by zero with m = 0$"):
        evaluate(n // m, {"n": 3, "m": 0})
    with pytest.raises(ShapeError, match=r"divides by zero with m = k$"):
        substitute(n // (m - k), {"m": k})


@pytest.mark.parametrize("divide", [operator.floordiv, operator.mod])
def test_division_by_the_int_zero_is_refused(divide: Callable[[Any, Any], Dim]) -> None:
    with pytest.raises(ArgumentError, match=r"division of the size n \+ 1 by zero"):
        divide(n + 1, 0)


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


# -- Text ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("n", "2*n + 1", "m*n - 1", "n**2 - n", "(n + 1)//2", "3*(n//2) + 1", "4 - n", "-n"),
        *("-(n//2)", "-2*(n//2)", "-((n + 1)//2)", "n//m", "n//(m + 1)", "(2*n)//3", "1//(n + 1)"),
        *("m*((n + 1)//2)", "((n + 1)//2)**2", "m**2 + m*n + n**2 + m + n + 1", "n + n//3"),
        *("-n - 1", "n - n**2 + 1", "(n//m)**2", "m - n"),
    ],
)
def test_a_size_prints_as_a_person_writes_it(text: str) -> None:
    assert str(as_dim(text)) == text
    assert repr(as_dim(text)) == f"Size({text!r})"
    assert Size(text).compact() == text.replace(" ", "")


@given(divided)
def test_parsing_inverts_printing(formula: Any) -> None:
    dim = dim_of(formula)
    assert as_dim(str(dim)) == dim
    if isinstance(dim, Size):
        assert as_dim(dim.compact()) == dim
        assert eval(repr(dim), {"Size": Size}) == dim
        assert eval(str(dim), {name: Size(name) for name in NAMES}) == dim


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" n ", n),
        ("7", 7),
        ("-7//2", -4),
        ("-n**2", -(n**2)),
        ("n**-(-2)", n**2),
        ("2**3**2 - 511", 1),
        ("n - m - k", n - m - k),
        ("n//2*2", n // 2 * 2),
        ("--n", n),
        ("n % 3", n % 3),
        ("((n))", n),
        ("n\t+ 1", n + 1),
        ("f64x + match", Size("f64x") + Size("match")),
    ],
)
def test_texts_are_read_as_python_reads_them(text: str, expected: Dim) -> None:
    assert as_dim(text) == expected


@pytest.mark.parametrize(
    ("text", "why", "column"),
    [
        ("", "a name or an integer is missing here", 0),
        ("2*n +", "a name or an integer is missing here", 5),
        ("n m", "an operator is missing here", 2),
        ("2n", "an operator is missing here", 1),
        ("1_000", "an operator is missing here", 1),
        ("n / 2", "`/` gives no integer; write `//`", 2),
        ("(n + 1", "the text ends, but the parenthesis is not closed", 6),
        ("(n m)", "an operator is missing here, or the parenthesis is not closed", 3),
        ("n + 1)", "this parenthesis was never opened", 5),
        ("n.T", "'.' has no meaning in a size", 1),
        ("né", "'é' has no meaning in a size", 1),
        ("n + f64", "f64 is a dtype or a float constant; a size needs another name", 4),
        ("nan", "nan is a dtype or a float constant; a size needs another name", 0),
        ("lambda", "lambda is a Python keyword; a size needs another name", 0),
        ("True", "True is a Python keyword; a size needs another name", 0),
        ("n//(2 - 2)", "division of the size n by zero", 1),
        ("3 % 0", "division of the size 3 by zero", 2),
        ("n**17", "a size's exponent is an int from 0 to 16, not 17", 1),
        ("n**m", "a size's exponent is an int from 0 to 16, not m", 1),
        ("n**-1", "a size's exponent is an int from 0 to 16, not -1", 1),
    ],
)
def test_a_parse_error_shows_the_place(text: str, why: str, column: int) -> None:
    with pytest.raises(ParseError) as caught:
        as_dim(text)
    message, shown, mark = str(caught.value).split("\n")
    assert message == f"not a size: {why}"
    assert shown == f"    {text}"
    assert mark == " " * (4 + column) + "^"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 9_000,
        "(" * 4_000 + "n" + ")" * 4_000,
        "9**9**9**9",
        "n**9**9**9",
        "((((9**16)**16)**16)**16)**16",
        "((((n**16)**16)**16)**16)**16",
        "2**" * 3_000 + "2",
        "9" * 9_999,
        "(a + b + c + d + e + f + g + h)**16",
        "(a + b + c + d)**16//(a + b + c + 1)**9",
        "*".join(["(n + m + k + 1)"] * 600),
        "+".join(f"x{i}" for i in range(1_500)),
        "n" + "//3" * 3_000,
        "(3*" * 40 + "n" + "+m)//2" * 40,
        "+(" * 3_000,
        "\x00",
        "n\nm",
        "__import__('os')",
        "n[0]",
        "n if m else k",
        "n; m",
        "1e9",
        "0x10",
    ],
    ids=lambda text: text[:24],
)
def test_hostile_texts_fail_fast(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ParseError) as caught:
        as_dim(text)
    assert time.perf_counter() - start < 2
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["-" * 9_999 + "n", "n+" * 4_999 + "n", "n-" * 4_999 + "m"])
def test_long_harmless_texts_are_read(text: str) -> None:
    assert isinstance(as_dim(text), Size)


@given(st.text("nm12 +-*/%().x", max_size=30) | st.text(max_size=20))
def test_any_text_is_a_size_or_a_parse_error(text: str) -> None:
    try:
        dim = as_dim(text)
    except ParseError:
        return
    assert as_dim(str(dim)) == dim


@pytest.mark.parametrize("value", [True, 2.0, None, [3], b"n", np.bool_(True), np.arange(2)])
def test_other_kinds_are_no_dims(value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"a size is an int, a Size or a text"):
        as_dim(value)


def test_a_constant_is_no_size() -> None:
    with pytest.raises(ArgumentError, match=r"'n - n \+ 3' is the constant 3"):
        Size("n - n + 3")


@pytest.mark.parametrize("power", [-1, 17])
def test_exponents_are_small(power: int) -> None:
    with pytest.raises(ArgumentError, match=f"an int from 0 to 16, not {power}"):
        n**power


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


# -- Objects ------------------------------------------------------------------------------


def test_a_size_is_immutable() -> None:
    for name in ("_terms", "other"):
        with pytest.raises(AttributeError, match="a Size is immutable"):
            setattr(n, name, ())
    with pytest.raises(AttributeError, match="a Size is immutable"):
        del n._terms


@given(divided)
def test_sizes_pickle_and_copy(formula: Any) -> None:
    dim = dim_of(formula)
    for other in (pickle.loads(pickle.dumps(dim)), copy.copy(dim), copy.deepcopy(dim)):
        assert other == dim
        assert hash(other) == hash(dim)
        assert str(other) == str(dim)


def test_sizes_too_long_to_type_still_pickle() -> None:
    long = sum((Size(f"{'a' * 100}{i}") for i in range(150)), start=n)
    assert len(str(long)) > sizes.MAX_TEXT
    assert pickle.loads(pickle.dumps(long)) == long


def test_the_order_of_terms_is_the_same_in_every_process() -> None:
    text = "k*m + m*n + a*z + (a + b)//3 + (c + d)//5 + zeta + alpha + 1"
    code = f"from symdiff.sizes import as_dim; print(as_dim({text!r}), end='')"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert outputs == {str(as_dim(text))}


def test_threads_agree() -> None:
    def work(_: int) -> tuple[object, ...]:
        size = (3 * Size("p") + Size("q")) // 7 - Size("p") // 2
        return hash(size), str(size), bounds(size), size

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(200)))) == 1


def test_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(sizes).failed == 0
