"""Sizes as texts: printing, reading, and the errors of a text that is no size."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symdiff.errors import ArgumentError, ParseError
from symdiff.sizes import Dim, Size, as_dim
from tests.sizes.formulas import NAMES, dim_of, divided

k, m, n = Size("k"), Size("m"), Size("n")


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
def test_hostile_texts_are_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        as_dim(text)
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
