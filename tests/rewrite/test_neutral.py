"""Operations that do nothing: each rule by itself."""

from __future__ import annotations

import pytest

import symdiff as sd
from symdiff.rewrite.rules.neutral import NEUTRAL
from tests.rewrite.rows import Row, check

ROWS: dict[str, list[Row]] = {
    "add_zero": [Row(lambda x, **_: x + 0.0, "x"), Row(lambda i, **_: 0 + i, "i")],
    "subtract_zero": [Row(lambda x, **_: x - 0.0, "x")],
    "zero_minus": [Row(lambda x, **_: 0.0 - x, "negative(x)")],
    "multiply_one": [
        Row(lambda x, **_: 1.0 * x, "x"),
        Row(lambda x, **_: x * sd.ones_like(x), "x"),
    ],
    "multiply_minus_one": [Row(lambda x, **_: x * -1.0, "negative(x)")],
    "divide_one": [Row(lambda x, **_: x / 1.0, "x")],
    "divide_minus_one": [Row(lambda x, **_: x / -1.0, "negative(x)")],
    "power_zero": [Row(lambda x, **_: x**0, "broadcast_to(1.0, shape=(n,3))")],
    "power_one": [Row(lambda x, **_: x**1, "x")],
    "power_two": [Row(lambda x, **_: x**2, "multiply(x, x)")],
    "negate_twice": [Row(lambda x, **_: sd.negative(sd.negative(x)), "x")],
    "matmul_identity": [
        Row(lambda x, **_: sd.eye("n", like=x, dtype=x.dtype) @ x, "x", finite=True),
        Row(lambda x, **_: x @ sd.eye(3, like=x, dtype=x.dtype), "x", finite=True),
    ],
}


def test_every_rule_has_its_rows() -> None:
    assert set(ROWS) == {rule.name for rule in NEUTRAL}


@pytest.mark.parametrize(
    ("name", "k"), [(n, k) for n, rows in ROWS.items() for k in range(len(rows))]
)
def test_a_rule_gives_the_simpler_form_and_the_same_values(name: str, k: int) -> None:
    check(NEUTRAL, name, ROWS[name][k])
