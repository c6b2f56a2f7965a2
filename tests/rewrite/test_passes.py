"""Levels, traces and maps of `sd.optimize`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import symdiff as sd
from symdiff.rewrite.passes import (
    FIRST_PASSES,
    GRAPH_PASSES,
    LEVELS,
    expand,
    pass_names,
    rules_of,
)
from symdiff.rewrite.pattern import rule
from symdiff.rewrite.rules.tables import TABLES
from tests.strategies import NAMED, Recipe, recipes
from tests.test_random_graphs import assert_close


def model() -> tuple[sd.Graph, sd.Node]:
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    c = g.constant(np.array([1.0, 2.0]))
    g.outputs = [sd.sum(x * 1.0) + sd.sum(sd.sin(c)), sd.sum(x * 1.0)]
    return g, x


# -- levels --------------------------------------------------------------------------------


def test_none_gives_the_graph_itself() -> None:
    g, x = model()
    done = sd.optimize(g, "none")
    assert done.graph is g
    assert done.mapping[x] is x
    assert done.came_from[x] is x


def test_safe_folds_merges_and_removes_and_nothing_else() -> None:
    g, x = model()
    sd.exp(x)  # which no output needs
    text = sd.optimize(g, "safe").graph.text()
    assert "sin" not in text
    assert "exp" not in text
    assert text.count("multiply x 1.0") == 1


def test_a_level_has_every_table_and_fast_every_rule() -> None:
    every = [r for table in TABLES.values() for r in table]
    assert rules_of(LEVELS["fast"]) == every
    assert rules_of(LEVELS["default"]) == [r for r in every if r.exact]
    assert rules_of(LEVELS["safe"]) == []
    assert {*TABLES, *FIRST_PASSES, *GRAPH_PASSES} < set(LEVELS["default"])


def test_rules_that_lose_nan_wait_for_fast_or_for_facts() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    g.outputs = [x - x]
    assert sd.optimize(g).graph.outputs[0].op is sd.subtract
    assert sd.optimize(g, "fast").graph.outputs[0].op is sd.broadcast_to
    k = g.input("k", sd.i64[3]).astype(sd.f64)
    g.outputs = [k - k]
    assert sd.optimize(g).graph.outputs[0].op is sd.broadcast_to


def test_a_tuple_names_tables() -> None:
    g, _ = model()
    done = sd.optimize(g, ("neutral",))
    assert "multiply" not in done.graph.text()
    assert "sin" in done.graph.text()  # "fold" was not named
    assert pass_names(("neutral", "fold")) == ("neutral", "fold")
    assert rules_of(("neutral", "inexact")) == list(TABLES["neutral"])


def test_an_unknown_pass_and_a_graph_without_outputs_are_refused() -> None:
    g, _ = model()
    for level in ("fastest", ("neutral", "fastest")):
        with pytest.raises(sd.ArgumentError, match="give one of 'none', 'safe', 'default'"):
            sd.optimize(g, level)
    with pytest.raises(sd.ArgumentError, match="no outputs"):
        sd.optimize(sd.Graph())
    with pytest.raises(sd.ArgumentError, match="takes a graph, not x : f64"):
        sd.optimize(g.inputs[0])  # type: ignore[arg-type]


def test_rules_of_ones_own_come_first() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    g.outputs = [sd.exp(sd.log(x))]
    mine = rule("mine", lambda x: sd.exp(sd.log(x)), lambda x: sd.tanh(x) * 1.0)
    assert sd.optimize(g, rules=[mine]).graph.outputs[0].op is sd.tanh
    assert sd.optimize(g, "none", rules=[mine]).graph.outputs[0].op is sd.multiply


# -- what it says --------------------------------------------------------------------------


def test_tracing_prints_every_firing(capsys: pytest.CaptureFixture[str]) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    g.outputs = [sd.negative(sd.negative(sd.exp(x * 1.0)))]
    done = sd.optimize(g, ("neutral",), trace=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [str(firing) for firing in done.firings]
    first, second = lines
    assert first.split() == ["multiply_one", "x", "*", "1.0", "->", "x", *first.split()[-1:]]
    assert "--exp(x)  ->  exp(x)" in second
    assert all("(test_passes.py:" in text for text in lines)
    assert sd.optimize(g).firings == []
    assert capsys.readouterr().out == ""


def test_a_limit_stops_it() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    g.outputs = [sd.exp(x * 1.0) * 1.0]
    done = sd.optimize(g, ("neutral",), limit=1)
    assert [n.op.name for n in done.graph.nodes if n.op.name != "constant"] == [
        "input",
        "exp",
        "multiply",
    ]
    assert len(sd.optimize(g, "default", limit=0).graph) == len(g)


def test_maps_go_through_all_passes() -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64[30, 30]), g.input("B", sd.f64[30, 30])
    v = g.input("v", sd.f64[30])
    product = (A @ B) @ (v * 1.0)  # which is reordered, the rules being tried before and after
    g.outputs = [sd.sum(product)]
    done = sd.optimize(g)
    done.graph.check()
    assert done.mapping[g.outputs[0]] is done.graph.outputs[0]
    assert done.mapping[v] is done.graph.inputs[2]
    assert set(done.came_from) == set(done.graph.nodes)
    assert set(done.came_from.values()) <= set(g.nodes)


# -- nodes that stand for graphs -----------------------------------------------------------


def test_many_bodies_within_bodies_are_all_opened() -> None:
    g = sd.Graph()
    y = x = g.input("x", sd.f64[3])
    for _ in range(3):
        inner = y
        for _ in range(600):
            inner = sd.checkpoint(sd.sin(inner))
        y = sd.checkpoint(sd.cos(inner), inputs=[y])
    g.outputs = [sd.checkpoint(sd.sin(y), inputs=[x])]
    opened = expand(g)
    opened.check()
    assert {n.op for n in opened.nodes[1:]} == {sd.sin, sd.cos}
    assert expand(opened) is opened


# -- on random graphs ----------------------------------------------------------------------


@pytest.mark.parametrize("level", ["default", "fast"])
@given(recipe=recipes(mixed=True, named=True))
def test_a_level_keeps_values_and_types(level: str, recipe: Recipe) -> None:
    built = recipe.build()
    g = built.graph
    gradient = sd.grad(built.output, built.inputs, disconnected="zero")
    g.outputs = [built.output, *gradient]
    done = sd.optimize(g, level)
    done.graph.check()
    assert [o.type for o in done.graph.outputs] == [o.type for o in g.outputs]
    assert [i.name for i in done.graph.inputs] == [i.name for i in g.inputs]
    point = {str(x.name): value for x, value in built.point.items()}
    sizes = {name: NAMED[name] for name in g.size_names}
    if level == "fast" and not all(x.size for x in recipe.point):
        return  # sums of no entries are divided by one another: what NaN becomes is open
    found = sd.evaluate(list(done.graph.outputs), point, sizes=sizes)
    for one, other in zip(found, sd.evaluate(list(g.outputs), point, sizes=sizes), strict=True):
        assert_close(one, other, recipe.precision)


def test_nodes_with_operands_exchanged_become_one_where_their_op_commutes() -> None:
    g = sd.Graph()
    x, w = g.input("x", sd.f64), g.input("w", sd.f64)
    g.outputs = [sd.sin(w * x + x), sd.sin(x + x * w), w - x, x - w]
    done = sd.optimize(g)
    done.graph.check()
    first, second, third, fourth = done.graph.outputs
    assert first is second
    assert third is not fourth
    assert done.mapping[g.outputs[1]] is first
    assert sd.optimize(done.graph).graph.text() == done.graph.text()
