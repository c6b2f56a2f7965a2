"""`bisect_rewrites` finds the firing that changes an answer."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.rewrite.pattern import rule
from symdiff.testing import bisect_rewrites

WRONG_SIGN = rule("wrong_sign", lambda x: sd.sin(-x), lambda x: sd.sin(x))
LOSES_NAN = rule("loses_nan", lambda x: x - x, lambda x: 0)
THERE_AND_ON = (
    rule("there", lambda x: sd.sin(x), lambda x: sd.cos(x)),
    rule("onward", lambda x: sd.cos(x), lambda x: sd.tanh(x)),
)


def model(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    x = g.input("x", sd.f64["n"])
    y = (x + 0.0) * 1.0
    for _ in range(5):
        y = (sd.tanh(y) * 1.0) + 0.0
    return sd.sum(y), sd.sum(sd.sin(-y) * 1.0 + sd.exp(y))  # the line that is named


def test_it_names_rule_place_line_and_difference(capsys: pytest.CaptureFixture[str]) -> None:
    g = sd.Graph()
    outputs = model(g)
    values = {"x": np.array([0.5, -1.5])}
    found = bisect_rewrites(outputs, values, level=("neutral",), rules=[WRONG_SIGN])
    assert found is not None
    assert found.firing.rule == "wrong_sign"
    assert found.firing.old.startswith("sin(-")
    assert found.firing.new.startswith("sin(")
    assert found.output == 1
    source = Path(found.firing.origin.file).read_text().splitlines()
    assert "the line that is named" in source[found.firing.origin.line - 1]
    expected = sd.evaluate(outputs[1], values)
    assert found.before == pytest.approx(expected)
    assert found.error == pytest.approx(abs(found.after - found.before))
    assert found.error > 0.01
    assert 1 < found.number <= found.of
    printed = capsys.readouterr().out
    for part in ("wrong_sign", found.firing.old, found.firing.new, "test_bisect.py", "output 1"):
        assert part in printed


def test_nothing_is_found_where_nothing_changes() -> None:
    g = sd.Graph()
    g.outputs = model(g)
    for level in ("none", "safe", "default", ("neutral",)):
        assert bisect_rewrites(g, {g.inputs[0]: [0.5, 2.0, -1.0]}, level=level) is None


def test_a_nan_that_is_lost_counts_as_infinitely_far() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[2])
    bad = bisect_rewrites((x - x) * 1.0, {"x": [1.0, inf]}, level=("neutral",), rules=[LOSES_NAN])
    assert bad is not None
    assert bad.firing.rule == "loses_nan"
    assert bad.error == inf
    assert bisect_rewrites(x - x, {"x": [1.0, 2.0]}, level="none", rules=[LOSES_NAN]) is None


def test_the_tolerances_decide_what_is_a_change() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    arguments: dict[str, Any] = {"values": {"x": 1.0}, "level": "none", "rules": THERE_AND_ON}
    found = bisect_rewrites(sd.sin(x), **arguments)
    assert found is not None
    assert found.firing.rule == "there"
    assert bisect_rewrites(sd.sin(x), **arguments, atol=0.5) is None
    assert bisect_rewrites(sd.sin(x), **arguments, rtol=0.5) is None


def test_what_it_cannot_search_is_refused() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    with pytest.raises(sd.ArgumentError, match="give a graph with outputs"):
        bisect_rewrites(g, {})
    with pytest.raises(sd.ArgumentError, match="not an input"):
        bisect_rewrites(sd.sin(sd.exp(x)), {sd.exp(x): 1.0})


def test_an_order_of_products_taken_for_assumed_sizes_is_one_of_the_firings() -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64["n", "n"]), g.input("B", sd.f64["n", "m"])
    values = {"A": [[1e200, 0.0], [0.0, 1.0]], "B": [[1e-200], [1.0]]}
    product = A @ A @ B  # the first product overflows
    assert bisect_rewrites(product, values, assume={"n": 1, "m": 9}) is None
    found = bisect_rewrites(product, values, assume={"n": 9, "m": 1})
    assert found is not None
    assert found.firing.rule == "chain"
