"""Graphs as networkx's, and back."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

import symdiff as sd
from symdiff.op import REGISTRY
from tests.ops.samples import CHECKED, operands, samples_of
from tests.strategies import Recipe, recipes

ROOT = Path(__file__).parent.parent.parent


def ridge() -> sd.Graph:
    """A loss, its gradient and Hessian, with a named size and an array constant."""
    g = sd.Graph("ridge")
    X, y = g.input("X", sd.f64["n", 3]), g.input("y", sd.f64["n"])
    w = g.input("w", sd.f64[3])
    loss = sd.mean((X @ w - y) ** 2) + sd.sum(w**2 * np.array([0.1, 0.2, 0.3]))
    g.outputs = [loss, sd.grad(loss, w), sd.hessian(loss, w)]
    return g


def line() -> Any:
    """x * x - x as a networkx graph, to be spoilt."""
    g = sd.Graph("line")
    x = g.input("x", sd.f64["n"])
    g.outputs = [x * x - x]
    return sd.to_networkx(g)


def there_and_back(graph: sd.Graph, **ops: Any) -> sd.Graph:
    back = sd.from_networkx(sd.to_networkx(graph), **ops)
    back.check()
    return back


# -- there ---------------------------------------------------------------------------------


def test_networkx_loads_when_it_is_first_used() -> None:
    program = """
import sys
import symdiff as sd
x = sd.Graph().input("x", sd.f64)
sd.to_dot(sd.sin(x))
assert "networkx" not in sys.modules
sd.to_networkx(sd.sin(x))
assert "networkx" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_nodes_carry_op_params_type_order_and_origin() -> None:
    g = ridge()
    digraph = sd.to_networkx(g)
    assert isinstance(digraph, nx.MultiDiGraph)
    assert list(digraph.nodes) == list(range(len(g)))
    for index, about in digraph.nodes(data=True):
        node = g.node(index)
        assert about["op"] == node.op.name
        assert about["type"] == node.type
        assert about["order"] == node.order
        assert about["origin"] == node.origin
    total = next(n for n in g.nodes if n.op.name == "sum")
    assert digraph.nodes[total.index]["params"]["axis"] == (0,)


def test_inputs_carry_their_name_and_constants_their_value() -> None:
    g = sd.Graph()
    x, c = g.input("x", sd.f64[2]), g.constant([1.0, 2.0])
    digraph = sd.to_networkx(x + c)
    assert digraph.nodes[x.index]["name"] == "x"
    np.testing.assert_array_equal(digraph.nodes[c.index]["value"], [1.0, 2.0])
    assert not digraph.nodes[c.index]["value"].flags.writeable


def test_edges_run_from_operands_in_their_positions() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64), g.input("y", sd.f64)
    digraph = sd.to_networkx((x - y) * (x - y))
    assert sorted(digraph.edges(data="position")) == [(0, 2, 0), (1, 2, 1), (2, 3, 0), (2, 3, 1)]


def test_the_graph_carries_name_inputs_outputs_and_provenance() -> None:
    g = ridge()
    about = sd.to_networkx(g).graph
    assert about["name"] == "ridge"
    assert about["inputs"] == [n.index for n in g.inputs]
    assert about["outputs"] == [n.index for n in g.outputs]
    assert about["provenance"] == [
        (r.gradient.index, r.of.index, r.forward.index, r.position, r.whole) for r in g.provenance
    ]


def test_outputs_take_along_only_what_they_need() -> None:
    g = ridge()
    loss, dw, _ = g.outputs
    digraph = sd.to_networkx({"dw": dw})
    assert set(digraph.nodes) == {n.index for n in g.ancestors(dw)}
    assert digraph.graph["outputs"] == [dw.index]
    kept = [r for r in sd.to_networkx([loss, dw]).graph["provenance"] if r[1] == loss.index]
    assert kept != []
    assert all(digraph.has_node(k) for r in digraph.graph["provenance"] for k in r[:3])


def test_networkxs_own_algorithms_work_on_it() -> None:
    g = ridge()
    digraph = sd.to_networkx(g)
    assert nx.is_directed_acyclic_graph(digraph)
    loss = g.outputs[0]
    assert nx.ancestors(digraph, loss.index) == {n.index for n in g.ancestors(loss)} - {loss.index}


def test_anything_but_nodes_is_refused() -> None:
    with pytest.raises(sd.ArgumentError, match=r"^to_networkx: outputs\[1\] is 3, not a node$"):
        sd.to_networkx([ridge().outputs[0], 3])
    with pytest.raises(sd.ArgumentError, match=r"^to_networkx: there is no node in \{\}$"):
        sd.to_networkx({})
    with pytest.raises(sd.MixedGraphError):
        sd.to_networkx([ridge().outputs[0], ridge().outputs[0]])


def test_without_networkx_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(sd.MissingDependencyError, match="pip install networkx"):
        sd.to_networkx(ridge())


# -- and back ------------------------------------------------------------------------------


def test_back_comes_the_same_graph_to_the_letter() -> None:
    g = ridge()
    back = there_and_back(g)
    assert back.text() == g.text()
    assert back.digest() == g.digest()
    for old, new in zip(g.nodes, back.nodes, strict=True):
        assert (old.order, old.origin, old.type) == (new.order, new.origin, new.type)
    assert [tuple(r) for r in sd.to_networkx(back).graph["provenance"]] == [
        tuple(r) for r in sd.to_networkx(g).graph["provenance"]
    ]


def test_values_computed_from_it_are_the_same() -> None:
    g = ridge()
    back = there_and_back(g)
    rng = np.random.default_rng(0)
    arrays = {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5), "w": rng.normal(size=3)}
    for old, new in zip(
        sd.evaluate(list(g.outputs), arrays), sd.evaluate(list(back.outputs), arrays), strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_a_graph_that_came_back_can_be_differentiated_again() -> None:
    x = sd.Graph().input("x", sd.f64)
    dz = sd.grad(sd.sin(x) ** 2, x)
    back = sd.from_networkx(sd.to_networkx(dz))
    again = sd.grad(back.outputs[0], back.inputs[0])
    assert again.order == 2
    assert sd.evaluate(again, {"x": 0.3}) == pytest.approx(2 * np.cos(0.6))


@settings(max_examples=25)
@given(recipes(named=True))
def test_random_gradients_come_back(recipe: Recipe) -> None:
    built = recipe.build()
    g = built.graph
    gradients = sd.grad(built.output, built.inputs, disconnected="zero")
    g.outputs = [built.output, *gradients]
    assert there_and_back(g).text() == g.text()


@pytest.mark.parametrize("name", CHECKED)
def test_every_op_comes_back(name: str) -> None:
    for case in samples_of(name).cases[:3]:
        g = sd.Graph(name)
        nodes = tuple(
            g.input(f"x{k}", array) for k, array in enumerate(operands(name, case, "float64"))
        )
        g.outputs = [g.apply(REGISTRY.ops[name], nodes, case.params_for(np.float64))]
        assert there_and_back(g).digest() == g.digest()


def test_bits_of_constants_survive() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f32[3])
    special = np.array([np.nan, -0.0, np.inf], dtype=np.float32)
    g.outputs = [x + special, g.constant(-0.0), g.constant(1), g.constant(True)]
    assert there_and_back(g).digest() == g.digest()


def test_custom_gradients_and_several_results_come_back() -> None:
    bounded = sd.custom_gradient(sd.tanh, vjp=lambda g, y, x: g * (1.0 - y * y))
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    quotient, rest = sd.divmod(bounded(x), 0.3)
    g.outputs = [quotient, sd.grad(sd.sum(rest), x)]
    assert there_and_back(g).digest() == g.digest()


def test_ones_own_ops_are_passed_by_value_or_name() -> None:
    same = sd.elementwise("same", "x", doc="x.", kernel=np.positive, partials=(lambda y, x: 1,))
    g = sd.Graph()
    g.outputs = [same(g.input("x", sd.f64))]
    assert there_and_back(g, ops=[same]).digest() == g.digest()
    assert there_and_back(g, ops={"same": same}).digest() == g.digest()
    with pytest.raises(sd.ArgumentError, match=r"node 1: no op is named 'same'; pass your own"):
        there_and_back(g)


def test_nodes_may_be_renamed_and_shuffled() -> None:
    g = ridge()
    digraph = sd.to_networkx(g)
    shuffled = nx.MultiDiGraph(**digraph.graph)
    shuffled.add_nodes_from(reversed(list(digraph.nodes(data=True))))
    shuffled.add_edges_from(reversed(list(digraph.edges(keys=True, data=True))))
    names = {k: f"node {k}" for k in digraph}
    renamed = nx.relabel_nodes(shuffled, names)
    for what in ("inputs", "outputs"):
        renamed.graph[what] = [names[k] for k in digraph.graph[what]]
    renamed.graph["provenance"] = [
        (*(names[k] for k in r[:3]), *r[3:]) for r in digraph.graph["provenance"]
    ]
    assert sd.from_networkx(renamed).digest() == g.digest()


def test_a_pickled_copy_comes_back() -> None:
    g = ridge()
    copy = pickle.loads(pickle.dumps(sd.to_networkx(g)))
    assert sd.from_networkx(copy).digest() == g.digest()


def test_a_graph_written_by_hand_needs_no_more_than_ops_and_edges() -> None:
    digraph = nx.DiGraph()
    digraph.add_node("x", op="input", name="x", type="f64[n]")
    digraph.add_node("c", op="constant", value=2.0)
    digraph.add_node("y", op="divide")
    digraph.add_edge("x", "y", position=0)
    digraph.add_edge("c", "y", position=1)
    g = sd.from_networkx(digraph)
    assert g.text().splitlines()[1] == "  %0 : f64[n] = divide x 2.0"


def test_a_chain_of_ten_thousand_nodes_comes_back_without_recursion() -> None:
    g = sd.Graph()
    node = g.input("x", sd.f64)
    for _ in range(10_000):
        node = sd.sin(node)
    g.outputs = [node]
    assert sd.from_networkx(sd.to_networkx(g)).digest() == g.digest()


def cycle(digraph: Any) -> None:
    digraph.add_edge(2, 1, key=5, position=2)


def no_op(digraph: Any) -> None:
    del digraph.nodes[1]["op"]


def strange_op(digraph: Any) -> None:
    digraph.nodes[1]["op"] = ["multiply"]


def no_position(digraph: Any) -> None:
    del digraph.edges[1, 2, 0]["position"]


def doubled_position(digraph: Any) -> None:
    digraph.edges[1, 2, 0]["position"] = 1


def missing_position(digraph: Any) -> None:
    digraph.edges[1, 2, 0]["position"] = 2


def missing_operand(digraph: Any) -> None:
    digraph.remove_edge(0, 2)


def operand_of_an_input(digraph: Any) -> None:
    digraph.add_node("k", op="constant", value=1.0)
    digraph.add_edge("k", 0, position=0)


def no_name(digraph: Any) -> None:
    del digraph.nodes[0]["name"]


def no_value(digraph: Any) -> None:
    digraph.add_node("k", op="constant")


def bad_type(digraph: Any) -> None:
    digraph.nodes[0]["type"] = "f65[n]"


def wrong_type(digraph: Any) -> None:
    digraph.nodes[1]["type"] = sd.f32["n"]


def wrong_operands(digraph: Any) -> None:
    digraph.nodes[1].update(op="concat", params={"axis": 7})


def unknown_params(digraph: Any) -> None:
    digraph.nodes[1]["params"] = {"axis": 0}


def bad_order(digraph: Any) -> None:
    digraph.nodes[1]["order"] = "first"


def no_such_output(digraph: Any) -> None:
    digraph.graph["outputs"] = [17]


def torn_provenance(digraph: Any) -> None:
    digraph.graph["provenance"] = [(2, 2)]


def foreign_provenance(digraph: Any) -> None:
    digraph.graph["provenance"] = [(17, 2, 1, 0, True)]


SPOILT: dict[Callable[[Any], None], str] = {
    cycle: "node 1: it is on a cycle, or after one; values are on none",
    no_op: "node 1: it has no attribute 'op'; to_networkx says which there are",
    strange_op: r"node 1: no op is named \['multiply'\]",
    no_position: "node 2: the edge from 1 has no position, a number from 0 on",
    doubled_position: "node 2: two operands are at position 1",
    missing_position: "node 2: no operand is at position 0, but one after it",
    missing_operand: "node 2: subtract takes 2 operands",
    operand_of_an_input: "node 0: an input has no operands",
    no_name: "node 0: it has no attribute 'name'",
    no_value: "node 'k': it has no attribute 'value'",
    bad_type: r"node 0: 'f65\[n\]' is not a type",
    wrong_type: r"node 1: it is f64\[n\], but its attribute says f32\[n\]",
    wrong_operands: "node 1: concat: ",
    unknown_params: "node 1: .*no parameter is named 'axis'",
    bad_order: "node 1: its order is 'first', not a number from 0 on",
    no_such_output: "outputs lists 17, which is no node",
    torn_provenance: r"provenance has \(2, 2\), no record",
    foreign_provenance: r"provenance has \(17, 2, 1, 0, True\), no record",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda f: f.__name__)
def test_a_graph_that_is_none_of_ours_is_refused_by_its_node(spoil: Any) -> None:
    digraph = line()
    spoil(digraph)
    with pytest.raises(sd.SymdiffError, match=f"^from_networkx: {SPOILT[spoil]}"):
        sd.from_networkx(digraph)


def test_provenance_that_cannot_be_is_refused() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    digraph = sd.to_networkx(sd.sum(x))
    digraph.graph["provenance"] = [(1, 1, 1, 0, True)]
    with pytest.raises(sd.ArgumentError, match=r"f64\[\] is no gradient with respect to f64\[3\]"):
        sd.from_networkx(digraph)


@pytest.mark.parametrize("wrong", [None, nx.Graph(), {"a": 1}], ids=["None", "undirected", "dict"])
def test_what_is_no_directed_graph_is_refused(wrong: Any) -> None:
    with pytest.raises(sd.ArgumentError, match=r"^from_networkx takes a directed networkx graph"):
        sd.from_networkx(wrong)
