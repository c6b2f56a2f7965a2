"""What the driver promises, whatever the rules are."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import symdiff as sd
from symdiff.rewrite.driver import FIRINGS_A_NODE, LEAST_FIRINGS, Budget, Firing, run_rules
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.passes import LEVELS, rules_of
from symdiff.rewrite.pattern import Rule, function_rule, rule
from symdiff.rewrite.rules.neutral import NEUTRAL
from tests.strategies import NAMED, Recipe, recipes
from tests.test_random_graphs import assert_close

DROP_ONE = rule("drop_one", lambda x: x * 1, lambda x: x)
DROP_ZERO = rule("drop_zero", lambda x: x + 0, lambda x: x)
NO_SINE = rule("no_sine", lambda x: sd.sin(x), lambda x: (sd.cos(x) * 1.0 + 0.0) * 1.0)
INWARDS = rule("inwards", lambda x: -sd.sin(x), lambda x: sd.sin(-x))


def scalar() -> tuple[sd.Graph, sd.Node]:
    g = sd.Graph("g")
    return g, g.input("x", sd.f64[()])


def rewritten(output: sd.Node, *rules: Rule, **options: Any) -> tuple[sd.Node, list[Firing]]:
    log: list[Firing] = []
    output.graph.outputs = [output]
    done = run_rules(output.graph, rules, log, **options)
    done.graph.check()
    (found,) = done.graph.outputs
    live = {*done.graph.ancestors(found), *done.graph.inputs}
    assert live == set(done.graph.nodes), "nothing is left behind"
    return found, log


def line(node: sd.Node) -> str:
    return node.name or repr(node).split(" = ")[1]


# -- firing --------------------------------------------------------------------------------


def test_what_a_right_side_makes_is_rewritten_too() -> None:
    _, x = scalar()
    found, log = rewritten(sd.exp(sd.sin(x)), NO_SINE, DROP_ONE, DROP_ZERO)
    assert line(found) == "exp %0"
    assert line(found.inputs[0]) == "cos x"
    # The last product is then the first one, which is known to be the cosine.
    assert [f.rule for f in log] == ["no_sine", "drop_one", "drop_zero"]


def test_one_firing_leads_to_the_next_however_deep_the_graph_is() -> None:
    _, x = scalar()
    y = x
    for _ in range(5000):
        y = sd.sin(y)
    found, log = rewritten(-y, INWARDS)
    assert len(log) == 5000
    assert found.op is sd.sin
    assert line(found.graph.node(1)) == "negative x"


def test_a_rule_sees_operands_that_are_final() -> None:
    _, x = scalar()
    seen = []

    def look(node: sd.Node, facts: Facts) -> None:
        seen.append(line(node.inputs[0]))

    rewritten(sd.exp(x * 1.0 + 0.0), DROP_ONE, DROP_ZERO, function_rule("look", sd.exp, look))
    assert set(seen) == {"x"}


def test_the_first_rule_that_fires_is_taken() -> None:
    _, x = scalar()
    one = rule("one", lambda x: sd.sin(x), lambda x: sd.cos(x))
    other = rule("other", lambda x: sd.sin(x), lambda x: sd.tanh(x))
    assert rewritten(sd.sin(x), one, other)[0].op is sd.cos
    assert rewritten(sd.sin(x), other, one)[0].op is sd.tanh


def test_equal_nodes_become_one_when_rewrites_make_them_equal() -> None:
    _, x = scalar()
    found, _ = rewritten(sd.exp(x * 1.0) + sd.exp(x + 0.0), DROP_ONE, DROP_ZERO)
    assert found.inputs[0] is found.inputs[1]
    assert len(found.graph) == 3


def test_nodes_a_rule_made_before_it_gave_up_are_no_obstacle() -> None:
    _g, x = scalar()

    def give_up(node: sd.Node, facts: Facts) -> None:
        sd.exp(sd.sin(node.inputs[0]))  # what the graph has further on

    wasteful = function_rule("wasteful", sd.tanh, give_up)
    found, log = rewritten(sd.tanh(x) + sd.exp(sd.sin(x)), wasteful, NO_SINE, DROP_ONE, DROP_ZERO)
    assert log[0].rule == "no_sine"
    assert line(found.inputs[1].inputs[0]) == "cos x"


def test_a_missing_broadcast_is_added_and_another_type_refused() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n", 3])
    spread = rule("spread", lambda x: sd.sin(x), lambda x: 2.0)
    found, _ = rewritten(sd.sin(x), spread)
    assert line(found) == "broadcast_to 2.0 shape=(n,3)"
    for wrong in (lambda x: x.astype(sd.f32), lambda x: sd.sum(x, axis=0).reshape(3, 1)):
        with pytest.raises(sd.InvariantError, match="rule wrong"):
            rewritten(sd.sin(x), rule("wrong", lambda x: sd.sin(x), wrong))


def test_an_empty_graph_and_outputs_that_are_inputs() -> None:
    g = sd.Graph()
    assert len(run_rules(g, [DROP_ONE]).graph) == 0
    x, unused = g.input("x", sd.f64[()]), g.input("unused", sd.f64[()])
    g.outputs = [x, x * 1.0]
    done = run_rules(g, [DROP_ONE]).graph
    assert [o.name for o in done.outputs] == ["x", "x"]
    assert [i.name for i in done.inputs] == ["x", unused.name]


# -- it ends -------------------------------------------------------------------------------


def test_rules_that_undo_each_other_end() -> None:
    _, x = scalar()
    there = rule("there", lambda x: sd.sin(x), lambda x: sd.cos(x))
    back = rule("back", lambda x: sd.cos(x), lambda x: sd.sin(x))
    onward = rule("onward", lambda x: sd.cos(x), lambda x: sd.tanh(x))
    home = rule("home", lambda x: sd.tanh(x), lambda x: sd.sin(x))
    for rules in ((there, back), (back, there), (there, onward, home)):
        _, log = rewritten(sd.exp(sd.sin(x)) + sd.cos(sd.sin(x)), *rules)
        assert 0 < len(log) < 100


@pytest.mark.parametrize("right", [lambda x: sd.sin(sd.sin(x)), lambda x: sd.sin(x) + sd.sin(-x)])
def test_rules_that_grow_end_in_proportion_to_the_graph(right: Callable[..., sd.Node]) -> None:
    _, x = scalar()
    y = sd.sin(sd.exp(sd.sin(x)))
    _, log = rewritten(y, rule("grow", lambda x: sd.sin(x), right))
    assert len(log) <= FIRINGS_A_NODE * len(y.graph) + LEAST_FIRINGS


@pytest.mark.parametrize("limit", range(7))
def test_a_limit_cuts_the_firings_off_and_changes_none_before(limit: int) -> None:
    _, x = scalar()
    y = sd.exp(sd.sin(x) * 1.0) + 0.0
    rules = (NO_SINE, DROP_ONE, DROP_ZERO)
    _, whole = rewritten(y, *rules)
    budget = Budget(limit)
    found, log = rewritten(y, *rules, budget=budget)
    assert [str(f) for f in log] == [str(f) for f in whole[:limit]]
    assert budget.spent == min(limit, len(whole))
    value = sd.evaluate(found, {"x": 0.5})
    assert value in (
        pytest.approx(np.exp(np.sin(0.5))),
        pytest.approx(np.exp(np.cos(0.5))),  # as NO_SINE has it
    )


# -- it is linear --------------------------------------------------------------------------


def attempts(length: int) -> tuple[int, int]:
    """How often a rule is tried, and one that cannot match, on a chain of this length."""
    _, x = scalar()
    tried = [0, 0]

    def count(place: int) -> Callable[[sd.Node, Facts], None]:
        def apply(node: sd.Node, facts: Facts) -> None:
            tried[place] += 1

        return apply

    y = x
    for _ in range(length):
        y = (sd.sin(y) + 0.0) * 1.0
    rules = [
        function_rule("tried", sd.sin, count(0)),
        function_rule("passed_over", sd.sin, count(1), operands=(sd.cos, "tan")),
        DROP_ONE,
        DROP_ZERO,
    ]
    rewritten(y, *rules)
    return tried[0], tried[1]


def test_each_node_is_looked_at_once_and_only_by_rules_that_can_match() -> None:
    assert attempts(100) == (100, 0)
    assert attempts(1000) == (1000, 0)


def test_old_sweeps_are_freed() -> None:
    g = sd.Graph("swept")
    x = g.input("x", sd.f64[()])
    g.outputs = [sd.exp(sd.sin(x) * 1.0)]
    done = run_rules(g, [DROP_ONE, NO_SINE])
    gc.collect()
    graphs = [o for o in gc.get_objects() if isinstance(o, sd.Graph) and o.name == "swept"]
    assert len(graphs) == 2
    assert {id(o) for o in graphs} == {id(g), id(done.graph)}


# -- how often a node is used ----------------------------------------------------------------


def only_alone(node: sd.Node, facts: Facts) -> sd.Node | None:
    (inner,) = node.inputs
    if inner.op is not sd.sin or facts.shared(inner):
        return None
    return sd.tanh(inner.inputs[0])


ALONE = function_rule("alone", sd.exp, only_alone, operands=(sd.sin,))


def test_shared_nodes_are_those_with_other_consumers_and_outputs() -> None:
    g, x = scalar()
    s = sd.sin(x)
    assert rewritten(sd.exp(s) * x, ALONE)[1] != []
    assert rewritten(sd.exp(s) * s, ALONE)[1] == []
    g.outputs = [sd.exp(s), s]
    log: list[Firing] = []
    run_rules(g, [ALONE], log)
    assert log == []


def test_what_is_shared_no_longer_is_found_in_a_second_sweep() -> None:
    _g, x = scalar()
    s = sd.sin(x)
    forget = rule("forget", lambda x, y: sd.cos(x) + 0 * y, lambda x, y: sd.cos(x))
    found, log = rewritten(sd.exp(s) + (sd.cos(x) + 0.0 * sd.sin(x)), ALONE, forget, fold=False)
    assert [f.rule for f in log] == ["forget", "alone"]
    assert found.inputs[0].op is sd.tanh


def test_nodes_that_became_one_count_once() -> None:
    _, x = scalar()
    _, log = rewritten(
        sd.exp(sd.sin(x * 1.0)) + sd.exp(sd.sin(x + 0.0)), ALONE, DROP_ONE, DROP_ZERO
    )
    assert "alone" in [f.rule for f in log]


# -- where nodes come from -------------------------------------------------------------------


def test_every_node_knows_the_node_at_whose_place_it_was_made() -> None:
    g, x = scalar()
    s = sd.sin(x)
    g.outputs = [sd.exp(s) * 1.0]
    done = run_rules(
        g, [DROP_ONE, NO_SINE, rule("add", lambda x: sd.exp(x), lambda x: x / (x + 2.0))]
    )
    (output,) = done.graph.outputs
    assert done.mapping[g.outputs[0]] is output
    assert set(done.came_from) == set(done.graph.nodes)
    by_op = {n.op.name: done.came_from[n] for n in done.graph.nodes}
    assert by_op["cos"] is s
    assert by_op["input"] is x
    assert by_op["add"] is by_op["divide"] is sd.exp(s)
    for node, source in done.came_from.items():
        assert str(node.origin) == str(source.origin)


def test_order_origin_and_provenance_are_carried_over() -> None:
    g = sd.Graph("g")
    x = g.input("x", sd.f64["n"])
    loss = sd.sum(sd.sin(x) * 1.0)
    gradient = sd.grad(loss, x)
    g.outputs = [loss, gradient]
    done = run_rules(g, NEUTRAL)
    new = done.mapping[gradient]
    assert new.order == 1
    assert str(new.origin) == str(gradient.origin)
    records = [r for r in done.graph.provenance if r.gradient is new]
    assert records
    assert {r.of for r in records} == {done.mapping[loss]}
    assert all(r.target.type == r.gradient.type for r in done.graph.provenance)


# -- patterns --------------------------------------------------------------------------------


def test_a_repeated_variable_matches_one_node_only() -> None:
    g, x = scalar()
    y = g.input("y", sd.f64[()])
    same = rule("same", lambda x: x - x, lambda x: 0)
    assert rewritten(x - x, same)[1] != []
    assert rewritten(x - y, same)[1] == []


def test_commutative_operands_match_in_any_order_at_any_depth() -> None:
    g, x = scalar()
    y, z = g.input("y", sd.f64[()]), g.input("z", sd.f64[()])
    factor = rule("factor", lambda x, y, z: x * y + x * z, lambda x, y, z: x * (y + z))
    for one in (x * y, y * x):
        for other in (x * z, z * x):
            for total in (one + other, other + one):
                found, _ = rewritten(total, factor)
                assert found.op is sd.multiply
                assert x.name in [i.name for i in found.inputs]


def test_a_condition_is_asked_of_every_way_to_match() -> None:
    _g, x = scalar()
    known = rule(
        "known", lambda a, b: a * b, lambda a, b: sd.tanh(a), when=lambda f, a, b: f.positive(b)
    )
    positive = sd.exp(sd.tanh(x))
    for product in (x * positive, positive * x):
        assert line(rewritten(product, known)[0]) == "tanh x"


def test_numbers_match_by_value_also_where_they_are_spread() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f32["n"])
    assert rewritten(x * sd.ones_like(x), DROP_ONE)[0].name == "x"
    assert rewritten(x * 2.0, DROP_ONE)[1] == []
    wide = rewritten(x * g.constant(1.0), DROP_ONE)[0]  # a float64, which would widen
    assert wide.dtype == np.float64


def test_a_rule_does_not_fire_where_what_widens_the_dtype_is_not_on_the_right() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f32["n"]), g.input("y", sd.f64["n"])
    cancel = rule("cancel", lambda x, y: (x / y) * y, lambda x, y: x)
    assert rewritten((x / y) * y, cancel)[1] == []
    assert rewritten((y / x) * x, cancel)[0].name == "y"


def test_params_of_a_pattern_are_compared() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n", 3])
    rows = rule("rows", lambda x: sd.sum(x, axis=(1,)), lambda x: x[:, 0])
    assert rewritten(sd.sum(x, axis=1), rows)[1] != []
    assert rewritten(sd.sum(x, axis=0), rows)[1] == []


# -- constants -------------------------------------------------------------------------------


def test_constants_fold_where_the_result_is_no_larger() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[2])
    c = g.constant(np.array([1.0, 2.0]))
    g.outputs = [x + sd.sin(c * 2.0), sd.broadcast_to(c, shape=(1000, 2))]
    log: list[Firing] = []
    done = run_rules(g, (), log)
    assert {n.op.name for n in done.graph.nodes} == {"input", "constant", "add", "broadcast_to"}
    assert {f.rule for f in log} == {"fold_constants"}
    np.testing.assert_array_equal(
        sd.evaluate(done.graph.outputs[0], {"x": [0.0, 0.0]}), np.sin([2.0, 4.0])
    )
    assert sd.sin in {n.op for n in run_rules(g, (), fold=False).graph.nodes}


def test_a_kernel_that_fails_is_left_for_the_call() -> None:
    g = sd.Graph()
    g.outputs = [g.constant(2) ** g.constant(-1)]
    done = run_rules(g, ()).graph
    assert done.outputs[0].op is sd.pow


# -- on random graphs ------------------------------------------------------------------------


@given(recipes(mixed=True, named=True))
def test_one_run_is_a_fixed_point_and_keeps_values_and_types(recipe: Recipe) -> None:
    built = recipe.build()
    g = built.graph
    gradient = sd.grad(built.output, built.inputs, disconnected="zero")
    g.outputs = [built.output, *gradient]
    log: list[Firing] = []
    done = run_rules(g, rules_of(LEVELS["default"]), log)
    done.graph.check()
    assert [o.type for o in done.graph.outputs] == [o.type for o in g.outputs]
    again: list[Firing] = []
    run_rules(done.graph, rules_of(LEVELS["default"]), again)
    assert again == []
    point = {x.name: value for x, value in built.point.items()}
    sizes = {name: NAMED[name] for name in g.size_names}
    expected = sd.evaluate(list(g.outputs), point, sizes=sizes)
    found = sd.evaluate(list(done.graph.outputs), point, sizes=sizes)
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, recipe.precision)
