"""Sums of products of arrays that stretch one another: no array for the products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.rewrite.driver import run_rules
from symdiff.rewrite.rules.contractions import CONTRACTIONS
from tests.rewrite.rows import Row, check

TABLE: dict[str, tuple[Row, ...]] = {
    "sum_as_contraction": (
        Row(
            lambda x, y, **_: sd.sum(x[:, None, :] * y, axis=2),
            "einsum(reshape(index(x, key=(0:n:1,None,0:3:1)), shape=(n,3)), y, "
            "subscripts=ij,kj->ik)",
            finite=True,
        ),
    ),
    "sum_of_terms": (
        Row(
            lambda x, y, s, **_: sd.sum(s * (x * x) + y * sd.sin(y)),
            "add(sum(multiply(s, multiply(x, x)), axis=(0,1)), "
            "sum(multiply(y, sin(y)), axis=(0,1)))",
        ),
        Row(
            lambda x, y, **_: sd.sum(sd.negative(x * y) - (y * y) / 4.0),
            "subtract(sum(negative(multiply(x, y)), axis=(0,1)), "
            "sum(divide(multiply(y, y), 4.0), axis=(0,1)))",
        ),
    ),
}


@pytest.mark.parametrize("name", [rule.name for rule in CONTRACTIONS])
def test_a_rule_gives_its_form_and_the_same_values(name: str) -> None:
    for row in TABLE[name]:
        check(CONTRACTIONS, name, row)


CASES: tuple[tuple[tuple[Any, ...], tuple[Any, ...], tuple[int, ...], bool], ...] = (
    (("n", 1, 3), ("m", 3), (2,), False),
    (("n", 4, 3, 1), ("n", 4, 1, 2), (0,), False),
    (("n", 4, 3, 1), (4, 3, 2), (2,), True),
    (("n", 1, 3), (1, 5, 3), (0, 2), False),
    ((2, 1, 3, "n"), (4, 3, "n"), (2, 3), True),
)


@pytest.mark.parametrize(("left", "right", "axes", "keepdims"), CASES)
def test_any_layout_becomes_a_product_and_keeps_its_values(
    left: Any, right: Any, axes: Any, keepdims: bool
) -> None:
    rng = np.random.default_rng(0)
    for n in (0, 1, 6):
        sizes = {"n": n, "m": 2}
        g = sd.Graph("g")
        x, y = g.input("x", sd.f64[left]), g.input("y", sd.f64[right])
        z = sd.sum(x * y, axis=axes, keepdims=keepdims)
        g.outputs = [z]
        (after,) = run_rules(g, CONTRACTIONS).graph.outputs
        assert after.type == z.type
        fired = "einsum" in str(after)
        assert fired == (axes != (0, 2)), str(after)  # axis 0 is only the left operand's
        data = {
            k: rng.normal(size=[sizes.get(d, d) for d in shape])
            for k, shape in (("x", left), ("y", right))
        }
        expected = sd.evaluate(z, data)
        np.testing.assert_allclose(sd.evaluate(after, data), expected, rtol=1e-12, atol=1e-12)
        found = sd.compile([x, y], z)(data["x"], data["y"])
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_what_does_not_stretch_stays_a_sum() -> None:
    g = sd.Graph("g")
    x, y, i = (
        g.input("x", sd.f64["n", 3]),
        g.input("y", sd.f64["n", 3]),
        g.input("i", sd.i64[2, 1, 3]),
    )
    product = x[:, None, :] * y
    g.outputs = [
        sd.sum(x * y, axis=0),
        sd.sum(i * i[:, 0], axis=2),
        sd.sum(product, axis=2) + sd.max(product, axis=2),
    ]
    assert "einsum" not in str(run_rules(g, CONTRACTIONS).graph)
