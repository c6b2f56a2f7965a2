"""`compile(..., verbose=True)`: what each pass did, and the plan."""

from __future__ import annotations

import re

import pytest

import symdiff as sd


def outputs() -> sd.Node:
    g = sd.Graph("model")
    x = g.input("x", sd.f64["n"])
    return sd.sum(sd.negative(-(x * 1.0 + 0.0)) * sd.exp(x))


def test_it_prints_the_passes_the_plan_and_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    function = sd.compile(None, outputs(), verbose=True)
    printed = capsys.readouterr().out
    head, *lines = printed.splitlines()
    assert re.fullmatch(r"compile model: \d+ nodes", head)
    assert re.search(r"^  rules +\d+ -> \d+ nodes +[\d.]+ ms$", printed, re.MULTILINE)
    fired = [line for line in lines if re.fullmatch(r"    (\w+ \d+, )*\w+ \d+", line)]
    assert fired
    assert re.search(r"plan and source +\d+ -> \d+ steps +[\d.]+ ms", printed)
    assert re.search(r"\d+ buffers? of 8\*n bytes in all", printed)
    assert re.search(r"\d+ lines of Python, [\d,]+ characters", printed)
    assert printed.rstrip().endswith(repr(function.cost()))


def test_it_prints_nothing_unless_it_is_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    function = sd.compile(None, outputs())
    assert capsys.readouterr().out == ""
    assert function.report().startswith("compile model: ")


def test_without_passes_there_are_none_to_show() -> None:
    text = sd.compile(None, outputs(), optimize="none").report()
    assert "rules" not in text
    assert "plan and source" in text


def test_bodies_with_rules_of_their_own_are_put_in_first() -> None:
    own = sd.custom_gradient(lambda x: sd.sin(x) * x, vjp=lambda g, y, x: g)
    g = sd.Graph("model")
    x = g.input("x", sd.f64["n"])
    assert re.search(r"bodies +\d+ -> \d+ nodes", sd.compile([x], own(x)).report())
